"""Last-layer recovery: a classifier's output units have known names; does each labeler find them?"""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import semlens_widgets as sl
from semlens_widgets.vectors import unit

COLOURS = {"red": (210, 50, 50), "green": (60, 170, 60), "blue": (60, 80, 210), "yellow": (220, 200, 60)}
SHAPES = ("square", "disc", "triangle")
CLASSES = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
SIDE = 24
STEPS = 300


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


@pytest.fixture(scope="module")
def fitted():
    """A small net trained here, in seconds, and a lens on its output units."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Conv2d(32, 48, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(192, len(CLASSES)),
    )  # fmt: skip
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
    net.eval()
    held_out, truth = drawn(400, seed=2)
    with torch.no_grad():
        right = net(torch.stack([to_tensor(p) for p in held_out])).argmax(1).numpy() == truth
    assert right.mean() > 0.95, "the net did not learn its classes, so that its units have no names"
    data = sl.images(pictures[:700], transform=to_tensor)
    return sl.Lens(net, data, "10", ShapeClip(), k=15, crop=None, templates=("{}",)).fit(cached=False, progress=False)


# Of 12 units; contrast and linear weigh what sets classes apart, and may name a unit by another class with that.
@pytest.mark.parametrize(("method", "least"), [("mean", 0.9), ("soft-wpmi", 0.9), ("contrast", 0.75), ("linear", 0.7)])
@pytest.mark.parametrize("centre", [False, True])
def test_output_units_get_the_names_of_their_classes(fitted, method, least, centre):
    labels = fitted.describe(CLASSES, k=5, method=method, centre=centre)
    top1 = np.mean([labels.closest(row)[0] == name for row, name in enumerate(CLASSES)])
    top5 = np.mean([name in labels.closest(row) for row, name in enumerate(CLASSES)])
    assert top1 >= least, f"{method}: {top1:.2f} of {len(CLASSES)} units got their name"
    assert top5 == 1


def test_true_labels_predict_activations_and_wrong_ones_do_not(fitted):
    true = fitted.describe(CLASSES)
    others, _ = drawn(400, seed=5)
    held_out = sl.images(others, transform=to_tensor)
    right = fitted.verify(true, held_out, strongest=1 / len(CLASSES), rounds=20, progress=False)
    turned = fitted.describe(CLASSES[5:] + CLASSES[:5])
    wrong = sl.Labels(
        turned.space, turned.probes, true.words, true.scores, true.z, true.confidence, true.reach, true.margins,
        true.level, "turned", centre=False, distinct=False,
    )  # fmt: skip
    mistaken = fitted.verify(wrong, held_out, strongest=1 / len(CLASSES), rounds=20, progress=False)
    assert right.pearson.mean() > 0.6
    assert mistaken.pearson.mean() < 0.1
    assert right.auprc.mean() > 0.6 > 0.2 > mistaken.auprc.mean()
    assert np.all(right.low["pearson"] > mistaken.high["pearson"])
