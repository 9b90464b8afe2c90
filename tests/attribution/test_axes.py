"""Layers whose components are not on the second axis: held against scaling a component, and against a turned twin."""

import numpy as np
import pytest
import torch
import torchvision.models as tv
from torch import nn

from semlens_widgets.attribution import attribute, edges, heatmaps
from semlens_widgets.model import Layer
from semlens_widgets.switching import Switch, switched_off

BACKENDS = ["lrp", "gradient"]


def swin():
    return tv.SwinTransformer([4, 4], 12, [1, 1], [2, 2], [4, 4], num_classes=5)


def convnext():
    settings = [tv.convnext.CNBlockConfig(12, 18, 1), tv.convnext.CNBlockConfig(18, None, 1)]
    return tv.ConvNeXt(settings, num_classes=5)


def vit():
    return tv.VisionTransformer(32, 8, 1, 2, 12, 18, num_classes=5)


LAYERS = {
    "swin's stage": (swin, Layer("features.1", axes="nhwc"), 3),
    "swin's norm": (swin, Layer("features.3.0.norm1", axes="nhwc"), 3),
    "swin's signed stage": (swin, Layer("features.3", axes="nhwc", signed=True), 3),
    "convnext's inner norm": (convnext, Layer("features.1.0.block.2", axes="nhwc"), 3),
    "convnext's block": (convnext, Layer("features.1.0", axes="nchw"), 1),
    "a vit's tokens": (vit, Layer("encoder.layers.encoder_layer_0", axes="ntc"), 2),
    "a vit's class token": (vit, Layer("encoder.layers.encoder_layer_0", axes="ntc", tokens="class"), 2),
    "a vit's patches": (vit, Layer("encoder.layers.encoder_layer_0.mlp.0", axes="ntc", tokens="patches"), 2),
    "some of a vit's tokens": (vit, Layer("encoder.ln", axes="ntc", tokens=slice(0, 5)), 2),
}
CHOSEN = {"all": slice(None), "class": slice(0, 1), "patches": slice(1, None)}


def world(make):
    torch.manual_seed(6)
    model = make().double().eval()
    for parameter in model.parameters():
        if parameter.abs().max() < 1e-3:  # some start what lies in a block at zero
            nn.init.normal_(parameter, std=0.3)
    return model, torch.randn(2, 3, 32, 32, dtype=torch.float64)


def chosen_part(layer, value, axis, component):
    """A view of one component's values in a layer's output, of the layer's tokens only."""
    one = value.select(axis, component)
    if layer.tokens == "all":
        return one
    return one[:, CHOSEN[layer.tokens] if isinstance(layer.tokens, str) else layer.tokens]


@pytest.mark.parametrize("name", LAYERS)
def test_relevance_is_the_slope_of_the_target_as_a_component_is_scaled(name):
    make, layer, axis = LAYERS[name]
    model, images = world(make)
    found = attribute(model, images, 1, layer, "gradient").relevances[layer.name]
    size = found.shape[1] // (2 if layer.signed else 1)
    step = 1e-4

    def answer(component, side, factor):
        def hook(module, args, output):
            output = output.clone()
            part = chosen_part(layer, output, axis, component)
            part.mul_(torch.where(part * side >= 0, factor, 1.0))
            return output

        handle = model.get_submodule(layer.name).register_forward_hook(hook)
        with torch.no_grad():
            logits = model(images)[:, 1].numpy()
        handle.remove()
        return logits

    for component in (0, size // 2, size - 1):
        for side, row in ((1, component), (-1, component + size)) if layer.signed else ((0, component),):
            slope = (answer(component, side, 1 + step) - answer(component, side, 1 - step)) / (2 * step)
            np.testing.assert_allclose(found[:, row], slope, rtol=1e-3, atol=1e-4 * np.abs(found).max())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", LAYERS)
def test_conditional_relevance_adds_up_to_the_whole(name, backend):
    make, layer, _ = LAYERS[name]
    model, images = world(make)
    whole = attribute(model, images, 1, layer, backend).relevances[layer.name]
    parts = heatmaps(model, images, 1, layer, [0, 3, whole.shape[1] - 1], backend)
    expected = whole[:, [0, 3, whole.shape[1] - 1]]
    np.testing.assert_allclose(parts.relevance, expected, rtol=1e-3, atol=1e-5 * np.abs(whole).max())
    if backend == "gradient":
        return  # a pixel's value times its gradient is no decomposition
    through = edges(model, images, 1, layer, [0, 3], layer, backend).relevances[layer.name]
    np.testing.assert_allclose(through[:, 0, 0], whole[:, 0], rtol=1e-3, atol=1e-5 * np.abs(whole).max())


class Turned(nn.Module):
    """A network with one layer whose output lies as [n h w c]; `turn` shows the same as [n c h w]."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 7, 3, 2)
        self.last = nn.Identity()  # [n h w c]
        self.turn = nn.Identity()  # [n c h w]
        self.mix = nn.Linear(7, 7)
        self.head = nn.Linear(7, 5)

    def forward(self, x):
        x = self.last(self.first(x).relu().permute(0, 2, 3, 1))
        x = self.turn(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.head(self.mix(x).relu().mean((1, 2)))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_axes_lie_as_they_may_the_answer_is_the_same(backend, signed):
    model, images = world(Turned)
    layers = [Layer("last", axes="nhwc", signed=signed), Layer("turn", axes="nchw", signed=signed)]

    def answers(layer):
        return [
            attribute(model, images, 2, layer, backend).relevances[layer.name],
            heatmaps(model, images, 2, layer, [1, 6], backend).heatmaps,
            heatmaps(model, images, None, layer, [1, 6], backend).heatmaps,
            heatmaps(model, images, None, layer, [1, 6], backend).relevance,
        ]

    for ours, theirs in zip(*map(answers, layers), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6 * np.abs(theirs).max())


@pytest.mark.parametrize("name", LAYERS)
def test_switching_off_holds_the_components_own_axis(name):
    make, layer, axis = LAYERS[name]
    if layer.signed:
        layer = Layer(layer.name, axes=layer.axes)
    model, images = world(make)
    seen = []
    with torch.no_grad():
        model.get_submodule(layer.name).register_forward_hook(lambda m, a, output: seen.append(output.clone()))
        model(images)
        off = np.arange(seen[0].shape[axis]) == 3
        with switched_off(model, [Switch(layer, off[None], 0.5 * np.ones(len(off)))]):
            model.get_submodule(layer.name).register_forward_hook(lambda m, a, output: seen.append(output.clone()))
            model(images)
    expected, got = seen[0], seen[-1]
    chosen_part(layer, expected, axis, 3).fill_(0.5)
    torch.testing.assert_close(got, expected)
