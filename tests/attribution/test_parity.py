"""Against zennit-crp, where it is right: VGG, torchvision's ResNet, and the pieces of its API that we replace."""

import numpy as np
import pytest
import torch
import torchvision.models as tv
from crp.attribution import CondAttribution
from crp.concepts import ChannelConcept
from nets import calibrated
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer

from semlens_widgets.attribution import attribute, edges, heatmaps

NETWORKS = {
    "vgg11": (tv.vgg11, [], ["features.9", "features.16"]),
    "vgg11_bn": (tv.vgg11_bn, [SequentialMergeBatchNorm], ["features.14", "features.21"]),
    "resnet18": (tv.resnet18, [ResNetCanonizer], ["layer1.0.conv2", "layer2", "layer3"]),
    "resnet50": (tv.resnet50, [ResNetCanonizer], ["layer2", "layer3"]),
}


@pytest.fixture(params=NETWORKS)
def both(request):
    """A network with random weights and trained-like norms and biases, images, and zennit-crp's two objects."""
    make, canonizers, layers = NETWORKS[request.param]
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 64)
    model = calibrated(make(), images)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith(("bias", "running_mean")):
            torch.nn.init.uniform_(tensor, -0.1, 0.1)
        elif tensor.ndim == 1 and name.endswith("weight"):
            torch.nn.init.uniform_(tensor, -0.5, 1.5)  # some scales turn the sign of their channel
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-15  # zennit's merged norms still divide by sqrt(1 + eps), which is not the model's answer
    # In double precision: where the terms of a residual sum nearly cancel, float32 shows its rounding, not the rules.
    return model.double(), images.double(), layers, EpsilonPlusFlat([canonizer() for canonizer in canonizers])


def test_relevances_and_heatmap(both):
    model, images, layers, composite = both
    found = attribute(model, images, [3, 8], layers, "lrp")
    theirs = CondAttribution(model)(
        images.clone().requires_grad_(), [{"y": [3]}, {"y": [8]}], composite, record_layer=list(layers)
    )
    for layer in layers:
        expected = theirs.relevances[layer].sum((2, 3)).numpy()
        np.testing.assert_allclose(found.relevances[layer], expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    assert _correlation(found.heatmap, theirs.heatmap) > 0.9999
    np.testing.assert_allclose(found.heatmap.sum(), theirs.heatmap.detach().sum(), rtol=2e-3)


def test_conditional_heatmaps(both):
    model, images, layers, composite = both
    upper = layers[-1]
    found = heatmaps(model, images, [3, 8], upper, [1, 5, 11], "lrp")
    for image, target in enumerate((3, 8)):
        theirs = CondAttribution(model)(
            images[image : image + 1].clone().requires_grad_(),
            [{"y": [target], upper: [component]} for component in (1, 5, 11)],
            composite,
        )
        for position in range(3):
            assert _correlation(found.heatmaps[image, position], theirs.heatmap[position]) > 0.9999


def test_heatmaps_that_start_at_the_component(both):
    model, images, layers, composite = both
    upper = layers[-1]
    found = heatmaps(model, images, None, upper, [1, 5], "lrp")
    for position, component in enumerate((1, 5)):
        attribution = CondAttribution(model)
        first = attribution(images[:1].clone().requires_grad_(), [{upper: [component]}], composite, start_layer=upper)
        place = int(first.activations[upper][0, component].flatten().argmax())
        theirs = attribution(
            images[:1].clone().requires_grad_(),
            [{upper: [component]}],
            composite,
            start_layer=upper,
            mask_map=lambda batch, numbers, name, place=place: ChannelConcept.mask_rf(batch, {numbers[0]: [place]}),
            init_rel=lambda values, c=component, p=place: _only(values, c, p),
        )
        assert _correlation(found.heatmaps[0, position], theirs.heatmap[0]) > 0.9999


def test_edges(both):
    model, images, layers, composite = both
    lower, upper = layers[-2:]
    found = edges(model, images, [3, 8], upper, [1, 5], [lower], "lrp")
    theirs = CondAttribution(model)(
        images[:1].clone().requires_grad_(),
        [{"y": [3], upper: [component]} for component in (1, 5)],
        composite,
        record_layer=[lower],
    )
    expected = theirs.relevances[lower].sum((2, 3)).numpy()
    np.testing.assert_allclose(found.relevances[lower][0], expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def test_what_differs_on_resnets_is_that_their_canonised_network_is_another_one():
    """With usual norms, zennit's merged ones still divide by sqrt(1 + eps): near-cancelling sums show it.

    Where eps is negligible the two agree to nine digits, in double precision; our values are always the model's own.
    """
    torch.manual_seed(0)
    images = torch.randn(1, 3, 64, 64)
    model, images = calibrated(tv.resnet18(), images).double(), images.double()
    composite = EpsilonPlusFlat([ResNetCanonizer()])
    with torch.no_grad():
        logits = model(images)
    gaps = []
    for eps in (1e-5, 1e-15):
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_var += module.eps - eps  # the model stays what it is
                module.eps = eps
        with composite.context(model) as theirs:
            gaps.append(
                float((theirs(images.clone().requires_grad_()) - logits).detach().abs().max() / logits.abs().max())
            )
        assert attribute(model, images, 3, "layer4", "lrp", heatmap=False).targets[0] == np.float32(logits[0, 3])
    assert gaps[0] > 1e-6
    assert gaps[1] < 1e-12
    found = heatmaps(model, images, 3, "layer3", range(0, 256, 16), "lrp").heatmaps[0]
    theirs = CondAttribution(model)(
        images.clone().requires_grad_(), [{"y": [3], "layer3": [c]} for c in range(0, 256, 16)], composite
    )
    for ours, heat in zip(found, theirs.heatmap, strict=True):
        assert _correlation(ours, heat) > 1 - 1e-8


def _only(values, component, place):
    kept = torch.zeros_like(values)
    kept.flatten(2)[:, component, place] = values.flatten(2)[:, component, place]
    return kept


def _correlation(ours, theirs):
    return np.corrcoef(np.ravel(ours), theirs.detach().numpy().ravel())[0, 1]
