"""Per architecture: what arrives at the input is what left the logit, and every sum, gate and norm was seen."""

import pytest
import timm
import torch
import torchvision.models as tv
from nets import CifarResNet20, HandWrittenGate, SmallResNet, calibrated
from torch import nn

from semlens_widgets.attribution import attribute, lrp
from semlens_widgets.attribution.affine import Affine, Epsilon, Gamma
from semlens_widgets.attribution.operations import RULES
from semlens_widgets.attribution.rules import BatchNorm, Gated
from semlens_widgets.attribution.trace import INPUT, OUTPUT

TOLERANCE = 5e-4  # of the logit; what the stabiliser ε = 1e-6 takes over the depth of these networks

# name: (network, residual sums, gated products, batch norms)
CONVOLUTIONAL = {
    "vgg11": (tv.vgg11, 0, 0, 0),
    "vgg11_bn": (tv.vgg11_bn, 0, 0, 8),
    "resnet18": (tv.resnet18, 8, 0, 20),
    "resnet50": (tv.resnet50, 16, 0, 53),
    "resnext50": (tv.resnext50_32x4d, 16, 0, 53),
    "wide_resnet50": (tv.wide_resnet50_2, 16, 0, 53),
    "densenet121": (tv.densenet121, 0, 0, 121),
    "efficientnet_b0": (tv.efficientnet_b0, 9, 16, 49),
    "mobilenet_v2": (tv.mobilenet_v2, 10, 0, 52),
    "mobilenet_v3_small": (tv.mobilenet_v3_small, 6, 9, 34),
    "mobilenet_v3_large": (tv.mobilenet_v3_large, 10, 8, 46),
    "convnext_tiny": (tv.convnext_tiny, 18, 0, 0),
    "timm vgg11_bn": (lambda: timm.create_model("vgg11_bn"), 0, 0, 8),
    "timm resnet18": (lambda: timm.create_model("resnet18"), 8, 0, 20),
    "timm resnet50": (lambda: timm.create_model("resnet50"), 16, 0, 53),
    "timm resnext50": (lambda: timm.create_model("resnext50_32x4d"), 16, 0, 53),
    "timm wide_resnet50": (lambda: timm.create_model("wide_resnet50_2"), 16, 0, 53),
    "timm seresnet50": (lambda: timm.create_model("seresnet50"), 16, 16, 53),
    "timm densenet121": (lambda: timm.create_model("densenet121"), 0, 0, 121),
    "timm efficientnet_b0": (lambda: timm.create_model("efficientnet_b0"), 9, 16, 49),
    "timm mobilenetv3_small": (lambda: timm.create_model("mobilenetv3_small_100"), 6, 9, 34),
    "timm convnext_atto": (lambda: timm.create_model("convnext_atto"), 12, 0, 0),
    "bare + in forward": (SmallResNet, 3, 0, 9),
    "option-A shortcuts": (CifarResNet20, 9, 0, 19),
    "a gate written by hand": (HandWrittenGate, 0, 1, 0),
}


def recorded(model, images):
    """The pass, the relevance of each node and what it sent on, and total relevance at input and logits."""
    with torch.no_grad():
        logits = model(images)
    classes = logits.argmax(1)
    seen = []
    with lrp.tracing(model, images, {}, stop=False) as trace:
        torch.testing.assert_close(trace.value(OUTPUT), logits, rtol=1e-3, atol=1e-4)
        start = trace.start(OUTPUT, nn.functional.one_hot(classes, logits.shape[1]).to(images)[None])
        with torch.no_grad():
            arrived = trace.tape.propagate(
                trace.places[OUTPUT], start, [trace.places[INPUT]], lambda *step: seen.append(step)
            )
    return trace, seen, arrived[trace.places[INPUT]][0].flatten(1).sum(1), logits.max(1).values


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_relevance_is_conserved_and_every_sum_gate_and_norm_is_seen(name):
    make, sums, gates, norms = CONVOLUTIONAL[name]
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 64)
    model = calibrated(make(), images)
    trace, seen, at_input, logits = recorded(model, images)
    torch.testing.assert_close(at_input / logits, torch.ones(2), rtol=0, atol=TOLERANCE)

    added = [(node, here, sent) for node, here, sent in seen if node.operation == "add" and len(sent) == 2]
    assert len(added) == sums
    for _, here, sent in added:  # each sum hands out its relevance once, in proportion to the terms
        torch.testing.assert_close(sent[0] + sent[1], here, rtol=1e-2, atol=1e-4 * float(here.abs().max()))
    assert sum(_is_gated(node) for node in trace.tape.nodes) == gates
    merged = [node for node in trace.tape.nodes if isinstance(node.pull, BatchNorm) and _is_merged(node)]
    assert len([n for n in trace.tape.nodes if isinstance(n.pull, BatchNorm)]) == norms
    if "densenet" not in name:  # a DenseNet's norms stand before their convolutions, where they are element-wise
        assert len(merged) == norms


def _is_gated(node):
    """A product of two values computed from the input, with relevance for one of them only."""
    return node.operation == "mul" and isinstance(node.pull, Gated)


def _is_merged(node):
    affine = node.parents[0].pull
    return isinstance(affine, Affine) and affine.output is node.value


def test_what_feeds_a_gate_receives_nothing():
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 64)
    model = calibrated(tv.mobilenet_v3_small(), images)
    found = attribute(model, images, 3, ["features.1.block.1.fc1", "features.1.block.0"], "lrp", heatmap=False)
    assert abs(found.relevances["features.1.block.1.fc1"]).max() == 0
    assert abs(found.relevances["features.1.block.0"]).max() > 0


@pytest.mark.parametrize("missing", ["add", "mul"])
def test_without_a_rule_for_sums_or_products_there_is_an_error_not_a_heatmap(missing, monkeypatch):
    """What zennit does silently (the gradient of an uncanonised sum) cannot happen: no rule, no relevance."""
    monkeypatch.delitem(RULES, missing)
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 64)
    model = calibrated(timm.create_model("seresnet50"), images)
    with pytest.raises(ValueError, match=rf"no rule for the operation '{missing}_?' in module 'layer4\.2.*gradient"):
        attribute(model, images, 1, "layer1", "lrp")


def test_doubling_shortcuts_would_be_noticed(monkeypatch):
    """The conservation test fails if a residual sum is left to the gradient, which gives both terms everything."""
    from semlens_widgets.attribution.tape import Step

    def gradient_of_a_sum(call):
        parents = tuple(call.node(operand) for operand in call.args[:2])
        return Step(parents, lambda relevance, wanted: (relevance, relevance))

    monkeypatch.setitem(RULES, "add", gradient_of_a_sum)
    images = torch.randn(2, 3, 64, 64)
    _, _, at_input, logits = recorded(calibrated(timm.create_model("resnet18"), images), images)
    assert ((at_input / logits - 1).abs() > 0.5).all()


def test_leaving_a_gate_to_the_gradient_would_be_noticed(monkeypatch):
    """So does it if a squeeze-excite product gives its relevance to both factors, as the gradient does."""
    from semlens_widgets.attribution.rules import unbroadcast
    from semlens_widgets.attribution.tape import Step

    def gradient_of_a_product(call):
        parents = tuple(call.node(operand) for operand in call.args[:2])
        return Step(parents, lambda relevance, wanted: [unbroadcast(relevance, parent.value) for parent in parents])

    monkeypatch.setitem(RULES, "mul", gradient_of_a_product)
    images = torch.randn(2, 3, 64, 64)
    _, _, at_input, logits = recorded(calibrated(tv.mobilenet_v3_small(), images), images)
    assert ((at_input / logits - 1).abs() > 0.1).all()


TRANSFORMERS = {
    "torchvision vit": lambda: tv.VisionTransformer(64, 16, 3, 4, 48, 96, num_classes=10),
    "timm vit": lambda: timm.create_model("vit_tiny_patch16_224", img_size=64, depth=4),
    "timm deit3": lambda: timm.create_model("deit3_small_patch16_224", img_size=64, depth=4),
    "swin": lambda: tv.swin_t(),
}


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_in_transformers_only_the_softmax_absorbs(name):
    """AttnLRP's softmax rule has a constant term that keeps relevance; all else conserves."""
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 64)
    model = calibrated(TRANSFORMERS[name](), images)
    for parameter_name, parameter in model.named_parameters():
        if "relative_position_bias" in parameter_name:
            nn.init.zeros_(parameter)
    trace, seen, at_input, logits = recorded(model, images)
    absorbed = sum(
        float(here.double().sum() - sum(part.double().sum() for part in sent if part is not None))
        for node, here, sent in seen
        if node.operation in ("scaled_dot_product_attention", "softmax")
    )
    assert float(at_input.sum()) + absorbed == pytest.approx(float(logits.sum()), rel=2e-3)
    rules = {type(node.pull.rule) for node in trace.tape.nodes if isinstance(node.pull, Affine)}
    assert rules == {Epsilon, Gamma}


@pytest.mark.parametrize("name", ["torchvision vit", "timm vit"])
def test_the_maps_around_attention_follow_epsilon(name):
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 64)
    with lrp.tracing(calibrated(TRANSFORMERS[name](), images), images, {}, stop=False) as trace:
        affine = [node for node in trace.tape.nodes if isinstance(node.pull, Affine)]
    epsilon = [node for node in affine if isinstance(node.pull.rule, Epsilon)]
    layers = {"torchvision vit": 3, "timm vit": 4}[name]
    assert len(epsilon) == 2 * layers  # one makes queries, keys and values, one reads the answer
    # The patches, two maps of each MLP, and the head:
    assert [n.operation for n in affine if isinstance(n.pull.rule, Gamma)] == ["conv2d"] + ["linear"] * (2 * layers + 1)


def test_a_token_layers_components_are_its_features():
    torch.manual_seed(0)
    images = torch.randn(3, 3, 64, 64)
    model = calibrated(TRANSFORMERS["torchvision vit"](), images)
    layer = "encoder.layers.encoder_layer_2.mlp.0"
    for backend in ("lrp", "gradient"):
        found = attribute(model, images, 4, [layer], backend)
        assert found.relevances[layer].shape == (3, 96)
        assert found.heatmap.shape == (3, 64, 64)
