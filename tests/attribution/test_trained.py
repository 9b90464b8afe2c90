"""What adds up on networks with trained weights and biases, and how near each method comes to the effect."""

import numpy as np
import pytest
import torch
import trained
from scipy.stats import pearsonr, spearmanr

import semlens_widgets as sl
from semlens_widgets.attribution import attribute
from semlens_widgets.faithfulness import MAPS, kept, measure
from semlens_widgets.model import resolve

TOLERANCE = 2e-3  # of the logit: components + biases + shortcuts


def demo():
    pictures, prepare = sl.demo.images(4), sl.demo.transform()
    return sl.demo.classifier(), torch.stack([prepare(pictures[i][0]) for i in range(4)])


def efficientnet():
    return trained.efficientnet_lite0(), trained.photographs(("astronaut", "coffee"))


def resnet20():
    if not trained.SHARED.is_dir():
        pytest.skip("the ResNet-20 and its photographs are not part of the project and not at hand")
    return trained.resnet20(), trained.cifar(4)


NETWORKS = {
    "demo": (demo, ["layer1", "layer2", "layer3", "layer4"]),
    "EfficientNet-Lite0": (efficientnet, ["blocks.2", "blocks.4", "blocks.6"]),
    "ResNet-20": (resnet20, ["layer1", "layer2", "layer2.1.conv2", "layer3"]),
}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    make, layers = NETWORKS[request.param]
    model, images = make()
    with torch.no_grad():
        return model, images, model(images).argmax(1), layers


@pytest.fixture(scope="module")
def exact(network):
    """What switching each component off does in two pictures."""
    model, images, classes, layers = network
    return attribute(model, images[:2], classes[:2], layers, "ablation").relevances


@pytest.mark.parametrize("method", ["lrp", "lrp-epsilon", "lrp-bottleneck", "lrp-gamma-flat"])
def test_components_biases_and_shortcuts_add_up_to_the_logit(network, method):
    model, images, classes, layers = network
    found = attribute(model, images, classes, layers, method, heatmap=False)
    for layer in layers:
        balance = found.balances[layer]
        np.testing.assert_allclose(balance.components, found.relevances[layer].sum(1), rtol=1e-3, atol=1e-3)
        together = balance.components + balance.bias + balance.ways
        np.testing.assert_allclose(together / found.targets, 1, atol=TOLERANCE)
        assert abs(balance.bias / found.targets).max() > 0.01 or layer == layers[-1]  # trained biases take their part


def test_what_epsilon_gives_the_biases_is_their_value_times_their_gradient():
    """In a network of affine maps and ReLUs, by autograd: the shift of each norm is the bias of the map before it."""
    model, images = demo()
    classes = model(images).argmax(1)
    found = attribute(model, images, classes, ["layer3"], "lrp-epsilon", heatmap=False)
    above = [m for name, m in model.named_modules() if name.startswith(("layer4", "fc")) and hasattr(m, "bias")]
    shifts = []
    for module in above:
        if isinstance(module, torch.nn.BatchNorm2d):
            scale = module.weight * torch.rsqrt(module.running_var + module.eps)
            shifts.append((module, module.bias - module.running_mean * scale))
        elif module.bias is not None:
            shifts.append((module, module.bias))
    expected = np.zeros(len(images))
    for number in range(len(images)):
        logit = model(images[number : number + 1])[0, classes[number]]
        slopes = torch.autograd.grad(logit, [module.bias for module, _ in shifts])
        expected[number] = sum(float((g * shift.detach()).sum()) for g, (_, shift) in zip(slopes, shifts, strict=True))
    np.testing.assert_allclose(found.balances["layer3"].bias, expected, rtol=1e-3, atol=1e-3)


def test_integrated_reaches_the_goal_where_the_gradient_need_not(network, exact):
    """Pearson r ≥ .85, Spearman ≥ .8, right signs of the 20 largest ≥ .95, against switching every component off."""
    model, images, classes, layers = network
    found = attribute(model, images[:2], classes[:2], layers, "integrated").relevances
    for layer in layers:
        pairs = list(zip(found[layer], exact[layer], strict=True))
        assert np.mean([pearsonr(a, b)[0] for a, b in pairs]) >= 0.85, layer
        assert np.mean([spearmanr(a, b)[0] for a, b in pairs]) >= 0.8, layer
        largest = [np.argsort(-abs(a))[:20] for a, _ in pairs]
        right = [np.mean(np.sign(a[top]) == np.sign(b[top])) for (a, b), top in zip(pairs, largest, strict=True)]
        assert np.mean(right) >= 0.95, layer


def test_what_auto_takes_for_components_reaches_the_goal_in_every_stage(network, exact):
    """Chosen by a sample of components, held against all of them: in each picture, and for shares averaged over them,
    as relevance over a data set is."""
    model, images, classes, layers = network
    found = kept.decided(kept.trial(model, images, classes, resolve(model, layers), maps=())[0])
    relevance = attribute(model, images[:2], classes[:2], layers, found.components, heatmap=False).relevances
    for layer in layers:
        together = [np.mean(a / np.abs(a).sum(1, keepdims=True), 0) for a in (relevance[layer], exact[layer])]
        for pairs in (list(zip(relevance[layer], exact[layer], strict=True)), [together]):
            assert np.mean([pearsonr(a, b)[0] for a, b in pairs]) >= 0.85, layer
            assert np.mean([spearmanr(a, b)[0] for a, b in pairs]) >= 0.8, layer


def test_auto_s_heatmaps_are_no_worse_than_lrp_s_in_the_same_pictures():
    """Per picture, with Student's interval: what goes first matters more than what goes last, and no other method's
    maps that "auto" takes fall behind those of LRP."""
    pictures, prepare = sl.demo.images(8), sl.demo.transform()
    model, images = sl.demo.classifier(), torch.stack([prepare(pictures[i][0]) for i in range(8)])
    with torch.no_grad():
        classes = model(images).argmax(1)
    found = measure(model, images, classes, resolve(model, "layer4"), (), MAPS, sample=2, held=False)
    of = {d.method: d for d in found.deletions}
    assert of["lrp"].difference.low > 0
    chosen = of[kept.maps(found)]
    assert chosen.ahead_of(of["lrp"]).low >= 0
    assert np.mean(chosen.pictures) == pytest.approx(chosen.difference.mean)
