"""Relevance measured forwards, against switching off one component at a time with hooks of our own."""

import numpy as np
import pytest
import timm
import torch
from nets import CifarResNet20, SmallResNet, calibrated
from scipy.stats import spearmanr
from torch import nn

from semlens_widgets.attribution import attribute, effects
from semlens_widgets.model import resolve


def dropped(model, images, classes, layer, change):
    """By how much each image's logit falls when `change(output, component)` has worked on the layer's output."""
    module = model.get_submodule(layer)
    with torch.no_grad():
        plain = model(images)[range(len(images)), classes]
        size = []
        handle = module.register_forward_hook(lambda m, args, output: size.append(output.shape))
        model(images)
        handle.remove()
        found = []
        for component in range(size[0][1] if len(size[0]) != 3 else size[0][2]):
            handle = module.register_forward_hook(lambda m, a, output, c=component: change(output.clone(), c))
            found.append(plain - model(images)[range(len(images)), classes])
            handle.remove()
    return torch.stack(found, 1).numpy()


def channel_off(output, component):
    output[:, component] = 0
    return output


def feature_off(output, component):
    output[..., component] = 0
    return output


class Residual(nn.Module):
    """A layer inside a block: a batch that grows there does not fit the shortcut around it."""

    def __init__(self):
        super().__init__()
        self.stem, self.inner, self.head = nn.Conv2d(3, 7, 3), nn.Conv2d(7, 7, 3, padding=1), nn.Linear(7, 5)

    def forward(self, x):
        x = self.stem(x).relu_()
        return self.head((x + self.inner(x).relu_()).mean((2, 3)))


class ThreeAtATime(nn.Linear):
    """A head that refuses any other batch than the one it was made for."""

    def forward(self, x):
        if len(x) != 3:
            raise ValueError("three images, please")
        return super().forward(x)


class AcrossTheBatch(nn.Linear):
    """A head whose answer to an image depends on the images beside it, which a grown batch would change."""

    def forward(self, x):
        return super().forward(x / x.std(0).mean())


def with_head(head):
    model = SmallResNet()
    model.fc = head(47, 5)
    return model


CASES = {
    "a stage, grown at the layer": (SmallResNet, "layer2", channel_off, "at the layer"),
    "in a residual block, grown at the input": (Residual, "inner", channel_off, "at the input"),
    "a model that takes no other batch": (lambda: with_head(ThreeAtATime), "layer3", channel_off, "one by one"),
    "a model that looks across the batch": (lambda: with_head(AcrossTheBatch), "layer3", channel_off, "one by one"),
    "the head itself": (SmallResNet, "fc", channel_off, "at the layer"),
    "tokens": (
        lambda: timm.create_model("vit_tiny_patch16_224", img_size=32, depth=2, embed_dim=36, num_heads=3),
        "blocks.0", feature_off, "at the layer",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_ablation_is_the_drop_when_each_component_is_set_to_zero(name):
    make, layer, change, grown = CASES[name]
    torch.manual_seed(0)
    images = torch.randn(3, 3, 32, 32)
    model = calibrated(make(), images)
    classes = [1, 0, 4]
    found = attribute(model, images, classes, [layer], "ablation")
    expected = dropped(model, images, classes, layer, change)
    np.testing.assert_allclose(found.relevances[layer], expected, rtol=1e-3, atol=1e-4 * abs(expected).max())
    assert found.heatmap is None
    passes = effects.Passes(model, images, resolve(model, [layer])[0], lambda answer: answer[:, 1])
    assert passes.grown == grown


def test_the_last_sum_before_the_logit_falls_by_what_is_taken_away():
    """A linear head: all methods agree with the effect exactly."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 60), nn.ReLU(), nn.Linear(60, 5))
    images = torch.randn(4, 3, 2, 2)
    exact = attribute(model, images, 2, ["2"], "ablation").relevances["2"]
    for method in ("integrated", "gradient", "lrp", "lrp-epsilon"):
        found = attribute(model, images, 2, ["2"], method, heatmap=False).relevances["2"]
        np.testing.assert_allclose(found, exact, rtol=1e-3, atol=1e-5)


def test_half_way_off_is_nearer_to_the_effect_than_the_gradient():
    torch.manual_seed(2)
    images = torch.randn(6, 3, 32, 32)
    model = calibrated(CifarResNet20(), images)
    layer = "layer3.0"  # 64 components: more than are switched off one by one
    found = {
        method: attribute(model, images, 3, [layer], method, heatmap=False).relevances[layer]
        for method in ("ablation", "integrated", "gradient")
    }
    ranks = {
        method: np.mean([spearmanr(a, b)[0] for a, b in zip(found[method], found["ablation"], strict=True)])
        for method in ("integrated", "gradient")
    }
    assert ranks["integrated"] > ranks["gradient"]
    assert ranks["integrated"] > 0.9


def test_a_group_of_all_components_is_the_midpoint_of_the_layers_own_path(monkeypatch):
    """One group: the gradient where the whole layer is halved, times what it was."""
    monkeypatch.setattr(effects, "GROUPS", 1)
    monkeypatch.setattr(effects, "FEW", 0)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 7), nn.Tanh(), nn.Linear(7, 5)).double()
    images = torch.randn(3, 6, dtype=torch.float64)
    found = attribute(model, images, 1, ["1"], "integrated").relevances["1"]
    hidden = model[:2](images).detach()
    half = (hidden / 2).requires_grad_()
    (slope,) = torch.autograd.grad(model[2:](half)[:, 1].sum(), half)
    np.testing.assert_allclose(found, (slope * hidden).numpy(), rtol=1e-5, atol=1e-7)


def test_signed_components_and_directions_are_switched_by_themselves():
    import semlens_widgets as sl

    torch.manual_seed(0)
    images = torch.randn(3, 3, 32, 32)
    model = calibrated(SmallResNet(), images)
    signed = sl.Layer("layer2.b1", signed=True)
    both = attribute(model, images, 1, [signed], "ablation").relevances["layer2.b1"]
    size = both.shape[1] // 2

    def half_off(output, component):
        kept = output[:, component % size]
        output[:, component % size] = kept.clamp(max=0) if component < size else kept.clamp(min=0)
        return output

    for component in (0, 5, size, size + 5):
        expected = dropped(model, images, [1, 1, 1], "layer2.b1", lambda o, _, c=component: half_off(o, c))[:, 0]
        np.testing.assert_allclose(both[:, component], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("method", ["ablation", "integrated"])
def test_the_model_is_left_as_it_was_whatever_happens(method):
    torch.manual_seed(0)
    images = torch.randn(2, 3, 32, 32)
    model = SmallResNet().train()
    model.layer1.c1.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    attribute(model, images, 0, ["layer3"], method)

    def ended(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attribute(model, images, 0, ["layer3"], method, on_step=ended)
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.is_grad_enabled()
    assert not model.layer1.c1.weight.requires_grad


def test_they_have_no_heatmaps_and_no_edges():
    from semlens_widgets.attribution import edges, heatmaps

    model, images = calibrated(SmallResNet(), torch.randn(2, 3, 32, 32)), torch.randn(2, 3, 32, 32)
    with pytest.raises(ValueError, match="'ablation' has no heatmaps and no edges; choose 'lrp' or 'gradient'"):
        heatmaps(model, images, 1, "layer2", [1], "ablation")
    with pytest.raises(ValueError, match="'integrated' has no heatmaps and no edges"):
        edges(model, images, 1, "layer3", [1], "layer2", "integrated")
