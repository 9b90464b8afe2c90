"""Signed components, chosen tokens and directions: relevance of what the rest of the package calls a component."""

import numpy as np
import pytest
import torch
from torch import nn

from semlens_widgets.attribution import attribute, edges, heatmaps
from semlens_widgets.model import Layer, recording, resolve

BACKENDS = ["lrp", "gradient"]


def network():
    torch.manual_seed(11)
    layers = [nn.Conv2d(3, 5, 3), nn.Conv2d(5, 7, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 2)]
    return nn.Sequential(*layers).eval(), torch.randn(3, 3, 13, 11)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_halves_of_a_signed_layer_are_its_places_above_and_below_zero(backend):
    model, images = network()
    plain = attribute(model, images, [0, 1, 1], "0", backend).relevances["0"]
    signed = attribute(model, images, [0, 1, 1], Layer("0", signed=True), backend).relevances["0"]
    assert signed.shape == (3, 10)
    np.testing.assert_allclose(signed[:, :5] + signed[:, 5:], plain, rtol=1e-4, atol=1e-6)
    if backend == "gradient":
        with torch.no_grad():
            value = model[0](images)
        leaf = value.clone().requires_grad_()
        logits = model[1:](leaf)
        (slope,) = torch.autograd.grad(logits[[0, 1, 2], [0, 1, 1]].sum(), leaf)
        expected = (value * slope * (value > 0)).sum((2, 3))
        np.testing.assert_allclose(signed[:, :5], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_conditional_heatmaps_of_signed_components_add_up_to_the_whole(backend):
    model, images = network()
    layer = Layer("0", signed=True)
    whole = attribute(model, images, 1, layer, backend)
    parts = heatmaps(model, images, 1, layer, range(10), backend)
    np.testing.assert_allclose(parts.relevance, whole.relevances["0"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(parts.heatmaps.sum(1), whole.heatmap, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_minus_component_starts_where_its_layer_is_least_excited(backend):
    model, images = network()
    minus = heatmaps(model, images, None, Layer("0", signed=True), [7, 2], backend)
    lowest = heatmaps(model, images, None, "0", [2, 2], backend, lowest=np.array([True, False]))
    np.testing.assert_allclose(minus.heatmaps, lowest.heatmaps, rtol=1e-5, atol=1e-7)


class Tokens(nn.Module):
    """Five tokens of seven features, each read by the head with a weight of its own."""

    def __init__(self):
        super().__init__()
        self.features = nn.Linear(3, 7)
        self.act = nn.ReLU()
        self.head = nn.Linear(35, 2)

    def forward(self, x):
        return self.head(self.act(self.features(x)).flatten(1))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("tokens", "chosen"), [("class", [0]), ("patches", [1, 2, 3, 4]), (slice(2, 4), [2, 3])])
def test_relevance_is_that_of_the_chosen_tokens(backend, tokens, chosen):
    torch.manual_seed(12)
    model, x = Tokens().eval(), torch.randn(4, 5, 3)
    found = attribute(model, x, 1, Layer("act", tokens=tokens), backend, heatmap=False).relevances["act"]
    with torch.no_grad():
        value = model.act(model.features(x))
    weight = model.head.weight[1].detach().reshape(5, 7)
    expected = (value * weight)[:, chosen].sum(1)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def orthonormal(size, seed=13):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0].astype(np.float32)


@pytest.mark.parametrize("backend", BACKENDS)
def test_directions_share_out_what_lies_in_their_span(backend):
    """Unit vectors as directions are the layer itself; turned ones have the closed form z_j (w_j · g)."""
    model, images = network()
    plain = attribute(model, images, 1, "0", backend).relevances["0"]
    itself = attribute(model, images, 1, Layer("0", via=np.eye(5, dtype=np.float32)), backend).relevances["0"]
    np.testing.assert_allclose(itself, plain, rtol=1e-3, atol=1e-5)
    turned = Layer("0", via=orthonormal(5))
    found = attribute(model, images, 1, turned, backend)
    np.testing.assert_allclose(found.relevances["0"].sum(1), plain.sum(1), rtol=1e-3, atol=1e-5)
    if backend == "gradient":
        with torch.no_grad():
            value = model[0](images)
        leaf = value.clone().requires_grad_()
        (slope,) = torch.autograd.grad(model[1:](leaf)[:, 1].sum(), leaf)
        w = torch.tensor(turned.via)
        z, g = (torch.einsum("nfhw,cf->nchw", v, w) for v in (value, slope))
        np.testing.assert_allclose(found.relevances["0"], (z * g).sum((2, 3)), rtol=1e-3, atol=1e-5)
    parts = heatmaps(model, images, 1, turned, range(5), backend)
    np.testing.assert_allclose(parts.relevance, found.relevances["0"], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(parts.heatmaps.sum(1), found.heatmap, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_encoder_can_be_started_at_but_has_no_relevance_for_a_prediction(backend):
    model, images = network()
    linear = nn.Linear(5, 3, bias=False)
    as_array = Layer("0", via=linear.weight.detach().numpy())
    as_encoder = Layer("0", via=linear)
    ours = heatmaps(model, images, None, as_encoder, [2, 0], backend)
    theirs = heatmaps(model, images, None, as_array, [2, 0], backend)
    np.testing.assert_allclose(ours.heatmaps, theirs.heatmaps, rtol=1e-4, atol=1e-6)
    assert np.abs(ours.heatmaps).max() > 0
    assert all(parameter.grad is None and parameter.requires_grad for parameter in linear.parameters())
    for call in (
        lambda: attribute(model, images, 1, as_encoder, backend),
        lambda: heatmaps(model, images, 1, as_encoder, [0], backend),
        lambda: edges(model, images, 1, as_encoder, [0], "1", backend),
    ):
        with pytest.raises(ValueError, match=r"has an encoder on top.*as an array"):
            call()


def test_the_started_place_is_the_one_the_pass_over_the_data_ranks():
    """The strength a crop starts with is the response that made the image an example, for every kind of layer."""
    model, images = network()
    encoder = nn.Sequential(nn.Linear(5, 3, bias=False), nn.ReLU())
    for layer in (Layer("0"), Layer("0", signed=True), Layer("0", via=orthonormal(5)), Layer("0", via=encoder)):
        with recording(model, resolve(model, layer)) as recorder:
            responses = recorder.responses(list(images), "max")["0"].values
        found = heatmaps(model, images, None, layer, range(responses.shape[1]), "gradient")
        excited = responses > 0
        assert excited.any()
        np.testing.assert_allclose(found.relevance[excited], responses[excited], rtol=1e-4, atol=1e-5)
