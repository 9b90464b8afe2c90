"""Last-layer recovery: a classifier's output units have known names; does each labeler find them?"""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

import semlens_widgets as sl
from semlens_widgets.vectors import unit

COLOURS = {"red": (210, 50, 50), "green": (60, 170, 60), "blue": (60, 80, 210), "yellow": (220, 200, 60)}
SHAPES = ("square", "disc", "triangle")
CLASSES = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
SIDE = 24
STEPS = 300
SEEDS = range(4)
WEIGHTS = Path(__file__).with_name("recovery_nets.safetensors")  # `python tests/test_recovery.py` makes it


def drawn(count, seed):
    """(pictures, class numbers): one filled shape of some size at some place, a little noisy, on grey."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    pictures, labels = [], random.integers(0, len(CLASSES), count)
    for label in labels:
        colour, shape = CLASSES[label].split()
        half = random.uniform(6, 9)
        y, x = random.uniform(half + 1, SIDE - half - 1, 2)
        down, across = rows - y, np.abs(columns - x)
        inside = {
            "square": (np.abs(down) < half) & (across < half),
            "disc": down**2 + across**2 < half**2,
            "triangle": (np.abs(down) < half) & (across < (down + half) / 2),
        }[shape]
        tint = np.asarray(COLOURS[colour]) + random.normal(0, 12, 3)
        pixels = np.where(inside[..., None], tint, 128) + random.normal(0, 4, (SIDE, SIDE, 3))
        pictures.append(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)))
    return pictures, labels


class ShapeClip:
    """A CLIP that sees the hue of what stands out, and how much of its bounding box that fills."""

    name = "shapes and colours"
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(11, 11)))[0][: len(COLOURS) + len(SHAPES) + 1]

    def images(self, pictures):
        return unit(np.stack([self._seen(np.asarray(p, np.float32)) for p in pictures]).astype(np.float32) @ self.turn)

    def _seen(self, pixels):
        coloured = np.ptp(pixels, axis=2) > 60
        hue = unit(pixels[coloured].mean(0) - 128)
        rows, columns = np.flatnonzero(coloured.any(1)), np.flatnonzero(coloured.any(0))
        filled = coloured.sum() / (np.ptp(rows) + 1) / (np.ptp(columns) + 1)
        alike = [max(float(hue @ unit(np.asarray(tint) - 128.0)), 0) ** 4 for tint in COLOURS.values()]
        near = [np.exp(-(((filled - usual) / 0.08) ** 2)) for usual in (1.0, 0.78, 0.5)]
        return np.asarray([*alike, *near, 1.0])

    def texts(self, texts):
        words = (*COLOURS, *SHAPES)
        named = np.asarray([[*(float(w in text.split()) for w in words), 1.0] for text in texts], np.float32)
        return unit(named @ self.turn.astype(np.float32))


def to_tensor(picture):
    return torch.from_numpy(np.asarray(picture, np.float32).transpose(2, 0, 1) / 128 - 1)


def untrained():
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Conv2d(32, 48, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(192, len(CLASSES)),
    )  # fmt: skip


def trained(seed):
    """How the nets in WEIGHTS were made. Training differs by processor, so that tests do not train."""
    torch.manual_seed(seed)
    net = untrained()
    pictures, labels = drawn(1200, seed=1)
    inputs, targets = torch.stack([to_tensor(p) for p in pictures]), torch.from_numpy(labels)
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 8e-3, STEPS)
    for step in range(STEPS):
        chosen = torch.arange(step * 64, step * 64 + 64) % len(inputs)
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(inputs[chosen]), targets[chosen]).backward()
        optimiser.step()
        schedule.step()
    return net


def shipped(seed):
    with safe_open(WEIGHTS, "pt") as file:
        net = untrained()
        names = [name for name in file.keys() if name.startswith(f"{seed}.")]  # noqa: SIM118, a file is no dict
        net.load_state_dict({name.removeprefix(f"{seed}."): file.get_tensor(name).float() for name in names})
    return net.eval()


@pytest.fixture(scope="module")
def fitted():
    """A lens on the output units of each net."""
    pictures, _ = drawn(1200, seed=1)
    data = sl.images(pictures[:700], transform=to_tensor)
    held_out, truth = drawn(400, seed=2)
    inputs = torch.stack([to_tensor(p) for p in held_out])
    lenses = []
    for net in map(shipped, SEEDS):
        with torch.no_grad():
            right = (net(inputs).argmax(1).numpy() == truth).mean()
        assert right > 0.95, "the net did not learn its classes, so that its units have no names"
        lens = sl.Lens(net, data, "10", ShapeClip(), k=15, crop=None, templates=("{}",))
        lenses.append(lens.fit(cached=False, progress=False))
    return lenses


# Contrast and linear weigh what sets classes apart, and may name a unit by another class with that.
@pytest.mark.parametrize(
    ("method", "least", "in_five"),
    [("mean", 0.9, 1), ("soft-wpmi", 0.9, 1), ("contrast", 0.75, 1), ("linear", 0.7, 0.9)],
)
@pytest.mark.parametrize("centre", [False, True])
def test_output_units_get_the_names_of_their_classes(fitted, method, least, in_five, centre):
    labels = [lens.describe(CLASSES, k=5, method=method, centre=centre) for lens in fitted]
    top1 = np.mean([[found.closest(row)[0] == name for row, name in enumerate(CLASSES)] for found in labels])
    top5 = np.mean([[name in found.closest(row) for row, name in enumerate(CLASSES)] for found in labels])
    assert top1 >= least, f"{method}: {top1:.2f} of {len(fitted) * len(CLASSES)} units got their name"
    assert top5 >= in_five


def test_true_labels_predict_activations_and_wrong_ones_do_not(fitted):
    lens = fitted[0]
    true = lens.describe(CLASSES)
    others, _ = drawn(400, seed=5)
    held_out = sl.images(others, transform=to_tensor)
    right = lens.verify(true, held_out, strongest=1 / len(CLASSES), rounds=20, progress=False)
    turned = lens.describe(CLASSES[5:] + CLASSES[:5])
    wrong = sl.Labels(
        turned.space, turned.probes, true.words, true.scores, true.z, true.confidence,
        true.adjusted_similarity, true.margins,
        true.level, "turned", centre=False, distinct=False,
    )  # fmt: skip
    mistaken = lens.verify(wrong, held_out, strongest=1 / len(CLASSES), rounds=20, progress=False)
    assert right.pearson.mean() > 0.6
    assert mistaken.pearson.mean() < 0.1
    assert right.auprc.mean() > 0.6 > 0.2 > mistaken.auprc.mean()
    assert np.all(right.low["pearson"] > mistaken.high["pearson"])


if __name__ == "__main__":
    save_file(
        {
            f"{seed}.{name}": weight.detach().half()
            for seed in SEEDS
            for name, weight in trained(seed).state_dict().items()
        },
        WEIGHTS,
    )
