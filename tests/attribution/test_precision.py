"""Models in low precision and under autocast: the answers of single precision, as far as their numbers carry."""

import contextlib

import numpy as np
import pytest
import torch
from nets import SmallResNet, calibrated
from torch import nn
from toy import pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.attribution import attribute, edges, heatmaps

BACKENDS = ["lrp", "gradient"]


class Tokens(nn.Module):
    """A small transformer."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 4, 4)
        self.start = nn.Parameter(torch.randn(1, 1, 32))
        self.block = nn.TransformerEncoderLayer(32, 2, 48, batch_first=True, norm_first=True, activation="gelu")
        self.norm = nn.LayerNorm(32)
        self.head = nn.Linear(32, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.block(torch.cat([self.start.expand(len(x), -1, -1), x], 1)))[:, 0])


class Casting(nn.Module):
    """Autocast inside `forward`, as mixed-precision models have it."""

    def __init__(self, inner, dtype):
        super().__init__()
        self.inner, self.dtype = inner, dtype

    def forward(self, x):
        with torch.autocast("cpu", dtype=self.dtype):
            return self.inner(x).float()


def convolutional():
    torch.manual_seed(0)
    return calibrated(SmallResNet(), torch.randn(3, 3, 16, 16))


def transformer():
    torch.manual_seed(0)
    return Tokens().eval()


NETWORKS = {
    "convolutional": (convolutional, "layer3", "layer1"),
    "transformer": (transformer, "block.linear1", "patches"),
}
WAYS = ["bfloat16", "float16", "autocast inside", "autocast around"]


def lowered(make, way):
    """(the network in a kind of low precision, the name prefix of its modules, what to be in while it is asked)."""
    if way == "autocast inside":
        return Casting(make(), torch.bfloat16).eval(), "inner.", contextlib.nullcontext()
    if way == "autocast around":
        return make(), "", torch.autocast("cpu", dtype=torch.bfloat16)
    return make().to(getattr(torch, way)), "", contextlib.nullcontext()


def alike(found, expected, cosine):
    found, expected = (np.reshape(a, (len(a), -1)).astype(np.float64) for a in (found, expected))
    assert np.isfinite(found).all()
    for one, other in zip(found, expected, strict=True):
        assert one @ other >= cosine * np.linalg.norm(one) * np.linalg.norm(other) > 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NETWORKS)
def test_relevance_is_that_of_single_precision(name, way, backend):
    make, upper, lower = NETWORKS[name]
    torch.manual_seed(1)
    images = torch.randn(3, 3, 16, 16)

    def answers(model, prefix=""):
        up, low = prefix + upper, prefix + lower
        whole = attribute(model, images, [0, 2, 4], [up, low], backend)
        return [
            whole.relevances[up], whole.relevances[low], whole.heatmap,
            heatmaps(model, images, [0, 2, 4], up, [1, 5], backend).heatmaps,
            heatmaps(model, images, None, low, [1, 5], backend).relevance,
            edges(model, images, 1, up, [1, 5], [low], backend).relevances[low],
        ]  # fmt: skip

    expected = answers(make())
    model, prefix, around = lowered(make, way)
    with around:
        found = answers(model, prefix)
        assert torch.is_autocast_enabled("cpu") == (way == "autocast around")
    for ours, theirs in zip(found, expected, strict=True):
        alike(ours, theirs, 0.9)


@pytest.mark.parametrize("way", WAYS)
def test_relevance_is_conserved_whatever_the_precision_of_the_model(way):
    """What arrives at the pixels is what left the logit, as far as the model's own sums are exact."""
    torch.manual_seed(1)
    images = torch.randn(3, 3, 16, 16)
    model, _, around = lowered(convolutional, way)
    with around:
        found = attribute(
            model,
            images,
            lambda logits: logits.max(1).values,
            [("inner." if "inside" in way else "") + "layer3"],
            "lrp",
        )
    np.testing.assert_allclose(found.heatmap.sum((1, 2)), found.targets, rtol=0.1)


def test_small_gradients_of_half_precision_are_not_lost():
    """The smallest number of half precision is 6e-8; gradients below it are sent enlarged."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3, bias=False), nn.Linear(3, 2, bias=False))
    for layer in model[1:]:
        layer.weight.data *= 2e-4
    x = torch.randn(2, 7)
    expected = attribute(model, x, 1, "0", "gradient", heatmap=False).relevances["0"]
    found = attribute(model.half(), x, 1, "0", "gradient", heatmap=False).relevances["0"]
    np.testing.assert_allclose(found, expected, rtol=0.05, atol=0.02 * np.abs(expected).max())


def lens(model, layers):
    torch.manual_seed(2)
    data = sl.images(
        pictures(12, size=16),
        transform=lambda p: to_pixels(p) / 128 - 1,
        labels=[i % 5 for i in range(12)],
        classes=list("abcde"),
    )
    return data, [sl.Layer(name) for name in layers]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_verb_takes_such_a_model(name, way):
    from semlens_widgets.crops import crop
    from semlens_widgets.examples import collect
    from semlens_widgets.explain import explain
    from semlens_widgets.relevance import relevance
    from semlens_widgets.switching import Switch, logits_under, resting

    make, upper, lower = NETWORKS[name]

    def answers(model, prefix=""):
        images, layers = lens(model, [prefix + upper, prefix + lower])
        told = explain(model, images, 3, layers, 1)
        shown = told.circuit(top=3, depth=2)
        found = collect(model, images, layers, k=3, progress=False, sample=0)
        boxes = crop(found, model, images, layers, by="crp", progress=False).boxes
        rest = resting(model, images, layers[:1], np.arange(12))[0]
        switch = Switch(layers[0], np.stack([np.arange(len(rest)) == n for n in (0, 3)]), rest)
        related = relevance(model, images, layers, progress=False)
        return (
            [
                told.relevance[None],
                told.heat[None],
                related.share,
                logits_under(model, images, np.arange(12), [switch])[1],
            ],
            boxes,
            shown,
        )

    expected, _, _ = answers(make())
    model, prefix, around = lowered(make, way)
    with around:
        found, boxes, shown = answers(model, prefix)
    assert np.isfinite(boxes).all()
    assert shown.edges
    for ours, theirs in zip(found, expected, strict=True):
        alike(ours, theirs, 0.9)


def test_training_under_the_same_autocast_goes_on_after_an_explanation():
    """Autocast keeps what it cast: weights cast without gradients would be used for the training that follows."""
    torch.manual_seed(0)
    images = torch.randn(2, 3, 16, 16)
    for backend in BACKENDS:
        gradients = []
        for explained in (False, True):
            model = convolutional()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                if explained:
                    attribute(model, images, 1, "layer3", backend)
                model(images).sum().backward()
            gradients.append(model.stem[0].weight.grad)
        torch.testing.assert_close(*gradients)


def test_numbers_beyond_the_range_are_refused_not_shown():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3)).half()
    model[2].weight.data *= 6e4
    x = 50 * torch.randn(4, 7)
    for backend in BACKENDS:
        with pytest.raises(ValueError, match=r"NaN or infinite.*float"):
            attribute(model, x, 1, ["1"], backend, heatmap=False)


@pytest.mark.parametrize("kind", ["array", "encoder"])
@pytest.mark.parametrize("way", ["bfloat16", "float16", "autocast around"])
def test_directions_are_switched_off_in_single_precision(way, kind):
    """The features move as in single precision, and are then rounded to the model's numbers."""
    from semlens_widgets.switching import Switch, switched_off

    torch.manual_seed(3)
    images = torch.randn(3, 3, 16, 16)
    encoder = nn.Linear(31, 4)
    layer = sl.Layer("layer1", via=encoder.weight.detach().numpy() if kind == "array" else encoder)
    switch = Switch(layer, np.array([[True, False, False, True]]), np.full(4, 0.25))
    model, _, around = lowered(convolutional, way)
    seen = []
    model.layer1.register_forward_hook(lambda module, args, output: seen.append(output.clone()))
    with around, torch.no_grad(), switched_off(model, [switch]):
        model.layer1.register_forward_hook(lambda module, args, output: seen.append(output.clone()))
        model(images.to(model.fc.weight.dtype))
    bias = 0 if kind == "array" else encoder.bias.detach()
    before, after = (x.float().movedim(1, -1) @ encoder.weight.detach().T + bias for x in seen[-2:])
    size = float(after.abs().max())
    torch.testing.assert_close(after[..., [0, 3]], torch.full_like(after[..., [0, 3]], 0.25), rtol=0, atol=0.01 * size)
    assert float((before - after)[..., [0, 3]].abs().max()) > 0.1 * size
