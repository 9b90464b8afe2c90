"""Composites: which map takes which rule, and rules of one's own."""

from dataclasses import dataclass

import numpy as np
import pytest
import timm
import torch
from nets import SmallResNet, calibrated
from torch import nn

import semlens_widgets as sl
from semlens_widgets.attribution import Epsilon, Flat, Gamma, ZPlus, attribute, lrp
from semlens_widgets.attribution.affine import Affine, stabilized

NAMED = {
    "lrp-epsilon": {"any": Epsilon()},
    "lrp-plus-flat": {"first": Flat(), "convolution": ZPlus()},
    "lrp-gamma-flat": {"first": Flat(), "convolution": Gamma(0.25)},
    "lrp-bottleneck": {"first": Flat(), "projection": Epsilon(), "convolution": Gamma(0.25)},
}


def rules_of(model, images, method):
    with lrp.tracing(model, images, {}, stop=False, method=method) as trace:
        return {node.module: node.pull.rule for node in trace.tape.nodes if isinstance(node.pull, Affine)}


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    images = torch.randn(2, 3, 32, 32)
    return calibrated(SmallResNet(), images), images


@pytest.mark.parametrize("name", NAMED)
def test_a_composite_by_name_is_the_one_that_is_written_out(name, resnet):
    model, images = resnet
    mine = sl.Composite("mine", NAMED[name])
    by_name = attribute(model, images, 1, ["layer1"], name)
    written = attribute(model, images, 1, ["layer1"], mine)
    np.testing.assert_array_equal(by_name.relevances["layer1"], written.relevances["layer1"])
    np.testing.assert_array_equal(by_name.heatmap, written.heatmap)
    assert (by_name.backend, written.backend) == (name, "mine")


def test_a_projection_is_a_convolution_that_no_activation_follows(resnet):
    rules = rules_of(*resnet, "lrp-bottleneck")
    assert {name for name, rule in rules.items() if rule == Epsilon()} == {
        "layer1.c2", "layer1.sc.0", "layer2.c2", "layer2.sc.0", "layer3.c2", "fc",
    }  # fmt: skip
    assert rules["stem.0"] == Flat()
    assert rules["layer2.c1"] == Gamma(0.25)


def test_the_linear_bottlenecks_of_an_efficientnet_are_projections():
    images = torch.randn(1, 3, 64, 64)
    rules = rules_of(calibrated(timm.create_model("tf_efficientnet_lite0"), images), images, "lrp-bottleneck")
    epsilon = {name.rsplit(".", 1)[-1] for name, rule in rules.items() if rule == Epsilon()}
    assert epsilon == {"conv_pwl", "conv_pw", "classifier"}  # the first block's conv_pw is its projection
    assert rules["blocks.0.0.conv_pw"] == Epsilon()
    assert rules["blocks.2.1.conv_pw"] == rules["blocks.2.1.conv_dw"] == Gamma(0.25)


def test_modules_by_name_come_before_kinds(resnet):
    mine = sl.Composite("mine", {"any": ZPlus(), "module:layer2.*": Gamma(2.0), "module:fc": Flat()})
    rules = rules_of(*resnet, mine)
    assert rules["fc"] == Flat()
    assert rules["layer2.c1"] == rules["layer2.sc.0"] == Gamma(2.0)
    assert rules["layer1.c1"] == rules["stem.0"] == ZPlus()


@dataclass(frozen=True)
class WSquare:
    """Each input by its squared weight (Montavon et al. 2017)."""

    def __call__(self, at, relevance):
        weight = at.weight**2
        reached = at.map.forward(torch.ones_like(at.value), weight, None)
        return at.map.backward(relevance / stabilized(reached), weight, at.value)


def test_a_rule_of_ones_own_is_its_formula():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Identity(), nn.Linear(7, 5, bias=False), nn.ReLU(), nn.Linear(5, 3))
    images = torch.randn(2, 7)
    method = sl.Composite("w²", {"first": WSquare()})
    found = attribute(model, images, 1, ["0", "2"], method, heatmap=False)
    squared = model[1].weight.detach().numpy() ** 2
    expected = found.relevances["2"] / squared.sum(1) @ squared
    np.testing.assert_allclose(found.relevances["0"], expected, rtol=1e-4, atol=1e-6)


def test_another_rule_or_setting_is_another_method_to_caches():
    mine = sl.Composite("mine", {"convolution": Gamma(0.25)})
    assert mine == sl.Composite("mine", {"convolution": Gamma(0.25)})
    assert mine.key == sl.Composite("mine", {"convolution": Gamma(0.25)}).key
    keys = {mine.key, *(sl.Composite("mine", {"convolution": rule}).key for rule in (Gamma(0.1), ZPlus(), WSquare()))}
    assert len(keys) == 4


def test_mistakes_are_answered_in_the_users_words(resnet):
    with pytest.raises(ValueError, match=r"no kind of map 'conv'; a composite has rules for first.*module:PATTERN"):
        sl.Composite("mine", {"conv": Epsilon()})
    with pytest.raises(ValueError, match=r"cannot be called 'gradient'.*rename it"):
        attribute(*resnet, 1, ["layer1"], sl.Composite("gradient", {"any": Epsilon()}))
