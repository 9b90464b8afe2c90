"""Work in place changes no answer: each network is written twice, once with operations that overwrite their input."""

import numpy as np
import pytest
import torch
import torchvision.models as tv
from torch import nn

from semlens_widgets.attribution import UnsupportedModel, attribute, edges, heatmaps
from semlens_widgets.model import Layer
from semlens_widgets.switching import Switch, switched_off

BACKENDS = ["lrp", "gradient"]


class Written(nn.Module):
    """A convolution whose output is recorded, something that may work in place, and a head."""

    def __init__(self, in_place):
        super().__init__()
        self.in_place = in_place
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.act = nn.ReLU(in_place)
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.squeeze = nn.Linear(6, 6)
        self.head = nn.Linear(6 * 5 * 4, 3)

    def forward(self, x):
        return self.head(self.between(self.first(x)).flatten(1))

    def between(self, x):
        raise NotImplementedError


class Rectified(Written):
    def between(self, x):
        return self.act(self.norm(self.second(self.act(x))))


class Residual(Written):
    """torchvision's ResNet block: what a norm gives is added to and rectified."""

    def between(self, x):
        out = self.norm(self.second(x))
        if self.in_place:
            out += x
        else:
            out = out + x
        return self.act(out)


class AddedToTheShortcut(Written):
    """The other way round: the lower layer's output is what is overwritten, after it was read."""

    def between(self, x):
        out = self.second(x)
        return x.add_(out).relu_() if self.in_place else (x + out).relu()


class Gated(Written):
    def between(self, x):
        gate = self.squeeze(x.mean((2, 3)))
        gate = gate.sigmoid_() if self.in_place else gate.sigmoid()
        return x.mul_(gate[:, :, None, None]) if self.in_place else x * gate[:, :, None, None]


class Scaled(Written):
    """Numbers added and multiplied, clamped and dropped out."""

    def between(self, x):
        x = nn.functional.dropout(x, 0.5, training=self.training, inplace=self.in_place)
        return x.add_(0.5).mul_(2).clamp_(0, 3) if self.in_place else ((x + 0.5) * 2).clamp(0, 3)


class UsedByAnotherName(Written):
    """`act(x)` called for what it does to x."""

    def between(self, x):
        if self.in_place:
            self.act(x)
        else:
            x = self.act(x)
        return self.second(x)


class ThroughAFlatView(Written):
    """What is rectified is a view; the head reads the view."""

    def between(self, x):
        flat = x.flatten(1)
        return flat.relu_() if self.in_place else flat.relu()


class ViewMadeBefore(Written):
    """The view is made first, its base overwritten, and the view is read."""

    def between(self, x):
        x = x.contiguous()
        flat = x.view(len(x), -1)
        if not self.in_place:
            return flat.relu()
        x.relu_()
        return flat


class PartsOfOne(Written):
    """Of two halves of one tensor one is scaled."""

    def between(self, x):
        left, right = x.chunk(2, 1)
        left = left.mul_(3) if self.in_place else left * 3
        return torch.cat([right, left], 1)


class HalfOfIt(Written):
    """A part is overwritten, the whole is read."""

    def between(self, x):
        if self.in_place:
            x[:, :3].mul_(2)
            return x
        return torch.cat([x[:, :3] * 2, x[:, 3:]], 1)


class IntoABuffer(Written):
    def between(self, x):
        if not self.in_place:
            return x.relu()
        made = torch.empty_like(x)
        torch.relu_(made.copy_(x))
        return made


class IntoOut(Written):
    """`out=`, which autograd does not know."""

    def between(self, x):
        if not self.in_place:
            return x + self.second(x)
        return torch.add(x, self.second(x), out=torch.empty(0, dtype=x.dtype))


STYLES = [
    Rectified, Residual, AddedToTheShortcut, Gated, Scaled, UsedByAnotherName, ThroughAFlatView, ViewMadeBefore,
    PartsOfOne, HalfOfIt, IntoABuffer, IntoOut,
]  # fmt: skip
REFUSED = {
    ("lrp", HalfOfIt): "no rule for the operation 'mul' in module 'the model'",
    ("lrp", IntoABuffer): "no rule for the operation 'copy'",
    ("lrp", IntoOut): "no rule for the operation 'add'",
    # These fail their own training.
    ("gradient", AddedToTheShortcut): "cannot be differentiated as it is: .* inplace .* Use method 'lrp'",
    ("gradient", PartsOfOne): "cannot be differentiated as it is: .* modified inplace",
    ("gradient", IntoOut): "cannot be differentiated as it is: .* automatic differentiation",
}


def twins(style):
    """The network without and with work in place, and images."""
    made = []
    for in_place in (False, True):
        torch.manual_seed(4)
        made.append(style(in_place).double().eval())
    return *made, torch.randn(2, 3, 5, 4, dtype=torch.float64)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("style", STYLES)
def test_work_in_place_changes_no_answer(style, backend):
    plain, in_place, images = twins(style)
    upper = ["norm"] if style in (Rectified, Residual) else []

    def answers(model):
        whole = attribute(model, images, [0, 2], ["first", *upper], backend)
        return [
            *whole.relevances.values(), whole.heatmap, whole.targets,
            heatmaps(model, images, None, "first", [1, 4], backend).heatmaps,
            heatmaps(model, images, 1, "first", [1, 4], backend).heatmaps,
            *(edges(model, images, 1, layer, [1, 4], "first", backend).relevances["first"] for layer in upper),
        ]  # fmt: skip

    if (backend, style) in REFUSED:
        with pytest.raises(UnsupportedModel, match=REFUSED[backend, style]):
            answers(in_place)
        return
    for ours, theirs in zip(answers(in_place), answers(plain), strict=True):
        assert np.abs(theirs).max() > 0
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6 * np.abs(theirs).max())


@pytest.mark.parametrize("style", [style for style in STYLES if ("gradient", style) not in REFUSED])
def test_relevance_is_what_finite_differences_say(style):
    """Activation × gradient is the slope of the target as the component's output is scaled, which can be tried."""
    _, model, images = twins(style)
    found = attribute(model, images, 1, "first", "gradient").relevances["first"]
    step = 1e-4

    def scaled(component, factor):
        def hook(module, args, output):
            output = output.clone()
            output[:, component] *= factor
            return output

        handle = model.first.register_forward_hook(hook)
        with torch.no_grad():
            answer = model(images)[:, 1].numpy()
        handle.remove()
        return answer

    slopes = [(scaled(c, 1 + step) - scaled(c, 1 - step)) / (2 * step) for c in range(6)]
    np.testing.assert_allclose(found, np.stack(slopes, 1), rtol=1e-3, atol=1e-4 * np.abs(found).max())


@pytest.mark.parametrize("style", STYLES)
def test_a_component_is_switched_off_before_the_work_in_place(style):
    plain, in_place, images = twins(style)
    switch = Switch(Layer("first"), np.isin(np.arange(6), [1, 4])[None], np.linspace(-1, 1, 6))
    answers = []
    for model in (plain, in_place):
        with torch.no_grad(), switched_off(model, [switch]):
            answers.append(model(images))
    torch.testing.assert_close(*answers)


def functional_block(self, x):
    """`BasicBlock.forward` with nothing in place."""
    out = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
    return (out + (x if self.downsample is None else self.downsample(x))).relu()


def functional_densenet(self, x):
    return self.classifier(nn.functional.relu(self.features(x)).mean((2, 3)))


NETWORKS = {
    "resnet18": (tv.resnet18, ["layer4.1.bn2", "layer4.1.bn1", "layer3.0.downsample.1", "bn1"],
                 (tv.resnet.BasicBlock, functional_block)),
    "vgg11": (tv.vgg11, ["features.18", "features.16", "classifier.0"], None),
    "densenet121": (tv.densenet121, ["features", "features.denseblock4"], (tv.DenseNet, functional_densenet)),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_torchvisions_networks_answer_as_without_work_in_place(name, backend, monkeypatch):
    make, layers, written_anew = NETWORKS[name]
    torch.manual_seed(0)
    model, images = make().eval(), torch.randn(2, 3, 64, 64)
    found = attribute(model, images, [3, 7], layers, backend)
    crops = heatmaps(model, images, None, layers[0], [2, 5], backend)
    for module in model.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    if written_anew is not None:
        monkeypatch.setattr(written_anew[0], "forward", written_anew[1])
    expected = attribute(model, images, [3, 7], layers, backend)
    for layer in layers:
        theirs = expected.relevances[layer]
        assert np.abs(theirs).max() > 0
        np.testing.assert_allclose(found.relevances[layer], theirs, rtol=1e-2, atol=1e-4 * np.abs(theirs).max())
    theirs = heatmaps(model, images, None, layers[0], [2, 5], backend).heatmaps
    np.testing.assert_allclose(crops.heatmaps, theirs, rtol=1e-2, atol=1e-4 * np.abs(theirs).max())
