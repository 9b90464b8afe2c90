"""What every verb does on a device other than the CPU: nothing mixes the two, and numbers are those of the CPU.

`test_accelerator.py` runs these claims in a process of their own, on a device that is not there.
"""

import json

import numpy as np
import open_clip
import pytest
import torch
from pretend_accelerator import NAME, Accelerator
from safetensors.torch import save_file
from torch import nn
from toy import pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.attribution import attribute, edges, heatmaps

CLIP = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
PREPARED = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25], "interpolation": "bilinear", "resize_mode": "squash"}
PICTURES = pictures(16, size=16)


@pytest.fixture(autouse=True)
def accelerator():
    with Accelerator():
        yield


class Net(nn.Module):
    """A batch norm, work in place, a residual sum, a gate and a table made at first use."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 7, 3, padding=1)
        self.norm = nn.BatchNorm2d(7)
        self.act = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(7, 7, 3, padding=1)
        self.gate = nn.Linear(7, 7)
        self.head = nn.Linear(7, 3)
        self.table = None

    def forward(self, x):
        if self.table is None:
            self.table = torch.arange(x.shape[-1], device=x.device) / x.shape[-1]
        x = self.act(self.norm(self.first(x / 64 + self.table)))
        x = x + self.second(x)
        x = x * self.gate(x.mean((2, 3))).sigmoid()[:, :, None, None]
        return self.head(x.amax((2, 3)))


class Tokens(nn.Module):
    """Attention over patches and a class token."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 4, 4)
        self.start = nn.Parameter(torch.randn(1, 1, 12))
        self.block = nn.TransformerEncoderLayer(12, 2, 17, batch_first=True, norm_first=True, activation="gelu")
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        x = self.patches(x / 64).flatten(2).transpose(1, 2)
        x = self.block(torch.cat([self.start.expand(len(x), -1, -1), x], 1))
        return self.head(x[:, 0])


def both(make):
    """The same model on the CPU and on the device."""
    found = []
    for device in ("cpu", NAME):
        torch.manual_seed(3)
        found.append(make().eval().to(device))
    return found


def agree(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5 * max(float(np.abs(theirs).max()), 1e-6))


def encoder(device="cpu"):
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(7, 5), nn.ReLU()).to(device)


LAYERS = {
    "plain": lambda device: "second",
    "before work in place": lambda device: "norm",
    "signed": lambda device: sl.Layer("second", signed=True),
    "array": lambda device: sl.Layer("second", via=np.linspace(-1, 1, 21, dtype=np.float32).reshape(3, 7)),
    "tensor on the CPU": lambda device: sl.Layer("second", via=torch.linspace(-1, 1, 21).reshape(3, 7), signed=True),
    "encoder": lambda device: sl.Layer("second", via=encoder(device)),
    "encoder on the CPU": lambda device: sl.Layer("second", via=encoder()),
}


def lens(model, layer, clip, **options):
    labels = [i % 3 for i in range(len(PICTURES))]
    data = sl.images(PICTURES, transform=to_pixels, labels=labels, classes=["a", "b", "c"])
    return sl.Lens(model, data, [layer], clip, k=4, sample=8, null=20, templates=("{}",), **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip") / "small"
    folder.mkdir()
    torch.manual_seed(0)
    model = open_clip.model.CLIP(**CLIP)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": CLIP, "preprocess_cfg": PREPARED}))
    return folder


@pytest.fixture
def clips(folder):
    return sl.OpenClip(folder, device="cpu"), sl.OpenClip(folder, device=NAME)


@pytest.mark.parametrize(("kind", "fast"), [*((kind, False) for kind in LAYERS), ("plain", True), ("signed", True)])
def test_fit(kind, fast, clips):
    spaces = []
    for model, clip in zip(both(Net), clips, strict=True):
        made = lens(model, LAYERS[kind](next(model.parameters()).device), clip, crop=None)
        spaces.append(made.fit(cached=False, progress=False, fast=fast).space)
    ours, theirs = spaces
    np.testing.assert_array_equal(theirs.examples.images, ours.examples.images)
    agree(theirs.embeddings, ours.embeddings)


def test_half_precision(folder):
    """Vectors of half precision are those of single precision to three digits, and single again for whoever asks."""
    single, half = (sl.OpenClip(folder, device=NAME, precision=precision) for precision in ("single", "half"))
    for ours, theirs in ((single.images(PICTURES), half.images(PICTURES)), (single.texts(["a"]), half.texts(["a"]))):
        assert theirs.dtype == np.float32
        assert np.einsum("id,id->i", ours, theirs).min() > 0.999
        assert not np.array_equal(ours, theirs)


@pytest.mark.parametrize("crop", ["activation", "crp"])
@pytest.mark.parametrize("kind", LAYERS)
def test_crops(kind, crop, clips):
    boxes = []
    for model, clip in zip(both(Net), clips, strict=True):
        made = lens(model, LAYERS[kind](next(model.parameters()).device), clip, crop=crop)
        boxes.append(made.fit(cached=False, progress=False).space.examples.boxes)
    agree(*boxes)


def test_verbs_of_a_lens(clips):
    answers = []
    for model, clip in zip(both(Net), clips, strict=True):
        made = lens(model, "second", clip, crop=None).fit(cached=False, progress=False)
        labels = made.describe(["red", "green", "blue", "square", "a grey picture"])
        told = made.explain(0)
        with made.without([1, 2]) as changed, torch.no_grad():
            device = next(model.parameters()).device
            switched = changed(torch.stack([to_pixels(p) for p in PICTURES[:3]]).to(device)).cpu().numpy()
        effect = made.effect([0, 3], target="b", draws=2)
        related = made.relate(progress=False)
        answers.append(
            [
                made.search("red").scores, labels.margins, told.relevance, told.heat, told.heatmaps([2, 5])[1],
                switched, [row["accuracy"] for row in effect.to_rows()], made.circuit(0, depth=2).nodes[0].relevance,
                made.verify(images=made.source.images, progress=False).pearson, related.mean,
                [row["clarity"] for row in made.evaluate(progress=False).to_rows()],
            ]
        )  # fmt: skip
    for ours, theirs in zip(*answers, strict=True):
        agree(np.nan_to_num(np.asarray(theirs, float)), np.nan_to_num(np.asarray(ours, float)))


@pytest.mark.parametrize(("kind", "by"), [*((kind, "mean") for kind in LAYERS), ("signed", "zero")])
def test_switching(kind, by, clips):
    answers = []
    for model, clip in zip(both(Net), clips, strict=True):
        device = next(model.parameters()).device
        made = lens(model, LAYERS[kind](device), clip, crop=None).fit(cached=False, progress=False)
        with made.without([1, 2], by=by) as changed, torch.no_grad():
            inputs = torch.stack([to_pixels(p) for p in PICTURES[:3]]).to(device)
            answers.append(changed(inputs).cpu().numpy())
    agree(answers[1], answers[0])


@pytest.mark.parametrize("backend", ["lrp", "gradient"])
@pytest.mark.parametrize(("make", "upper", "lower"), [(Net, "second", "norm"), (Tokens, "block.linear1", "patches")])
def test_attribution(make, upper, lower, backend):
    inputs = torch.stack([to_pixels(p) for p in PICTURES[:3]])
    # No two patches are alike: a heatmap starts at a component's strongest place, and rounding chooses among equals.
    inputs = inputs + torch.rand(inputs.shape, generator=torch.Generator().manual_seed(7))
    answers = []
    for model in both(make):
        given = inputs.to(next(model.parameters()).device)
        whole = attribute(model, inputs, [0, 1, 2], [upper, lower], backend)
        own = attribute(model, given, lambda logits: logits[:, 0] - logits[:, 2], [upper], backend)
        through = edges(model, given, np.array([2, 0, 1]), upper, [0, 4], lower, backend)
        answers.append(
            [
                *whole.relevances.values(), whole.heatmap, own.relevances[upper], own.heatmap,
                heatmaps(model, given, torch.tensor([0, 1, 2]), upper, [1, 3], backend).heatmaps,
                heatmaps(model, given, None, sl.Layer(upper, signed=True), [1, 8], backend).heatmaps,
                through.relevances[lower],
            ]
        )  # fmt: skip
    for ours, theirs in zip(*answers, strict=True):
        agree(theirs, ours)


class Careless(nn.Module):
    """Makes a table where it does not compute."""

    def forward(self, x):
        return x + torch.arange(x.shape[-1])


REFUSED = {
    "a model that makes a table on the CPU": lambda x: Careless()(x),
    "weights on the CPU": lambda x: nn.Linear(4, 2)(x),
    "inputs on the CPU": lambda x: nn.Linear(4, 2).to(NAME)(x.cpu()),
    "a sum with the CPU": lambda x: x + torch.ones(4),
    "in place": lambda x: x.add_(torch.ones(4)),
    "parts on the CPU": lambda x: torch.cat([x, torch.ones(1, 4)]),
    "a number of the CPU as a part": lambda x: torch.stack([x.sum(), torch.tensor(1.0)]),
    "a mask on the CPU": lambda x: torch.where(torch.ones(4, dtype=torch.bool), x, x),
    "an index into the CPU": lambda x: torch.ones(4)[x[0].argmax().reshape(1)],
    "values of the CPU": lambda x: x.index_put_((torch.tensor([0]),), torch.ones(4)),
    "under autograd": lambda x: (x.requires_grad_() * torch.ones(4)).sum().backward(),
    "in inference mode": torch.inference_mode()(lambda x: nn.functional.linear(x, torch.ones(2, 4))),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_of_the_test_mixing_is_refused(mistake):
    with pytest.raises(RuntimeError, match=r"same device|indices should be"):
        REFUSED[mistake](torch.randn(3, 4, device=NAME))


@pytest.mark.parametrize("call", [lambda x: x.numpy(), np.asarray, lambda x: np.exp(x)])
def test_of_the_test_nothing_becomes_numpy_unasked(call):
    with pytest.raises(TypeError, match="convert pretend:0"):
        call(torch.randn(3, 4, device=NAME))


ALLOWED = {
    "a number of the CPU": lambda x: x * torch.tensor(2.0),
    "an index of the CPU": lambda x: x[torch.tensor([0, 2])],
    "a copy from the CPU": lambda x: x.copy_(torch.ones(3, 4)),
    "a number written": lambda x: x.masked_fill(x > 0, torch.tensor(0.0)),
    "to where another is": lambda x: torch.ones(2).to(x),
    "new ones": lambda x: torch.eye(4, device=x.device) @ x.new_ones(4),
}


@pytest.mark.parametrize("work", ALLOWED)
def test_of_the_test_what_cuda_allows_is_allowed_and_stays_there(work):
    found = ALLOWED[work](torch.randn(3, 4, device=NAME))
    assert found.device == torch.device(NAME, 0)
    assert found.cpu().device.type == "cpu"
    assert np.isfinite(found.cpu().numpy()).all()


def test_of_the_test_a_verb_that_mixes_fails(monkeypatch):
    """What a forgotten `.to(device)` in our own code would do."""
    from semlens_widgets.attribution import engine

    monkeypatch.setattr(engine.torch, "as_tensor", lambda value, device=None: torch.tensor(np.asarray(value)))
    (_, model) = both(Net)
    with pytest.raises(RuntimeError, match="same device"):
        heatmaps(model, torch.stack([to_pixels(p) for p in PICTURES[:3]]), 1, "second", [1], "lrp")
