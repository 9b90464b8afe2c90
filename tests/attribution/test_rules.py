"""The rules against the formulas, written out as loops and sums."""

import numpy as np
import pytest
import torch
from torch import nn

from semlens_widgets.attribution import attribute, edges, heatmaps

EPSILON = 1e-6


def away_from_zero(z):
    return z + np.where(z < 0, -EPSILON, EPSILON)


def as_matrix(conv, shape):
    """A convolution as the matrix it is, [output input], from its answers to unit images."""
    places = int(np.prod(shape))
    with torch.no_grad():
        answers = nn.functional.conv2d(
            torch.eye(places).reshape(places, *shape), conv.weight, None, conv.stride, conv.padding, groups=conv.groups
        )
    return answers.flatten(1).T.double().numpy()


def literal(relevance, x, weight, bias, rule):
    """R_i = Σ_j z_ij / (Σ_i z_ij + bias) · R_j, contribution by contribution. [output], [input] → [input]."""
    received = np.zeros_like(x)
    for j, r in enumerate(relevance):
        z = weight[j] * x
        b = bias[j]
        if rule == "zplus":
            z, b = np.maximum(z, 0), max(b, 0)
        elif rule == "gamma":
            sign = 1 if z.sum() + b >= 0 else -1
            z = z + 0.25 * sign * np.maximum(sign * z, 0)
            b = b + 0.25 * sign * max(sign * b, 0)
        elif rule == "flat":
            z, b = (weight[j] != 0).astype(float), 0.0
        received += z / away_from_zero(z.sum() + b) * r
    return received


def test_a_linear_network_has_its_closed_form():
    torch.manual_seed(0)
    first, last = nn.Linear(7, 5, bias=False).double(), nn.Linear(5, 3, bias=False).double()
    model = nn.Sequential(nn.Identity(), first, last)
    x = torch.randn(2, 7, dtype=torch.float64)
    a, b = first.weight.detach().numpy(), last.weight.detach().numpy()
    hidden = x.numpy() @ a.T
    for backend in ("lrp", "gradient"):
        found = attribute(model, x, [2, 0], ["1"], backend, heatmap=False)
        np.testing.assert_allclose(found.relevances["1"], hidden * b[[2, 0]], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.targets, found.relevances["1"].sum(1), rtol=1e-4, atol=1e-5)
    through = edges(model, x, [2, 2], "1", [4, 1], ["0"], "gradient")
    expected = np.stack([x.numpy() * a[u] * b[2, u] for u in (4, 1)], axis=1)
    np.testing.assert_allclose(through.relevances["0"], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(through.relevance, hidden[:, [4, 1]] * b[2, [4, 1]], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_a_small_network_obeys_the_formulas(activation):
    """flat, z⁺ (or γ where negative values pass) and ε, with biases of both signs, place by place."""
    torch.manual_seed(1)
    first = nn.Conv2d(2, 3, 3, padding=1)
    second = nn.Conv2d(3, 5, 3, stride=2)
    head = nn.Linear(5 * 4, 3)
    act = {"relu": nn.ReLU, "silu": nn.SiLU}[activation]
    model = nn.Sequential(first, act(), second, act(), nn.Flatten(), head)
    image = torch.randn(1, 2, 5, 5)
    with torch.no_grad():
        hidden1 = act()(first(image))
        hidden2 = act()(second(hidden1))
        logits = model(image)

    out = np.zeros(3)
    out[1] = logits[0, 1].item()
    x2 = hidden2.flatten().double().numpy()
    logit_weights, logit_biases = head.weight.detach().double().numpy(), head.bias.detach().double().numpy()
    r2 = literal(out, x2, logit_weights, logit_biases, "epsilon")
    bias2 = np.repeat(second.bias.detach().double().numpy(), 4)
    rule = "zplus" if activation == "relu" else "gamma"
    r1 = literal(r2, hidden1.flatten().double().numpy(), as_matrix(second, (3, 5, 5)), bias2, rule)
    r0 = literal(r1, image.flatten().double().numpy(), as_matrix(first, (2, 5, 5)), np.zeros(75), "flat")

    found = attribute(model, image, [1], ["1", "3"], "lrp")
    np.testing.assert_allclose(found.relevances["3"][0], r2.reshape(5, 4).sum(1), rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(found.relevances["1"][0], r1.reshape(3, 25).sum(1), rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(found.heatmap[0], r0.reshape(2, 5, 5).sum(0), rtol=2e-3, atol=1e-5)


def test_a_batch_norm_counts_as_part_of_its_convolution():
    """Folding by hand gives the same relevance: the sign of a scale decides which weights are positive."""
    torch.manual_seed(2)
    stem, conv, norm = nn.Conv2d(3, 5, 3), nn.Conv2d(5, 7, 3), nn.BatchNorm2d(7)
    with torch.no_grad():
        norm.weight.uniform_(-2, 2)
        norm.bias.uniform_(-1, 1)
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    tail = [nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 3)]
    written = nn.Sequential(stem, nn.ReLU(), conv, norm, *tail).eval()
    folded = nn.Sequential(stem, nn.ReLU(), nn.utils.fuse_conv_bn_eval(conv, norm), nn.Identity(), *tail).eval()
    images = torch.randn(2, 3, 11, 11)
    ours, theirs = (attribute(m, images, [0, 2], ["1", "2"], "lrp") for m in (written, folded))
    for layer in ("1", "2"):
        np.testing.assert_allclose(ours.relevances[layer], theirs.relevances[layer], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(ours.heatmap, theirs.heatmap, rtol=1e-3, atol=1e-6)


def test_attention_follows_attnlrp():
    """One head, spelled out: products half and half, softmax to first order."""
    torch.manual_seed(3)
    from semlens_widgets.attribution.rules import Attention

    q, k, v = (torch.randn(1, 1, 3, 5, dtype=torch.float64) for _ in range(3))
    logits = q @ k.mT * 0.4
    weights = logits.softmax(-1)
    output = weights @ v
    relevance = torch.randn(1, *output.shape, dtype=torch.float64)
    to_q, to_k, to_v = Attention(q, k, v, output, None, 0.4)(relevance, (True, True, True))

    expected_v, expected_a = np.zeros((3, 5)), np.zeros((3, 3))
    A, V, R = weights[0, 0].numpy(), v[0, 0].numpy(), relevance[0, 0, 0].numpy()
    for i in range(3):
        for d in range(5):
            for j in range(3):
                share = A[i, j] * V[j, d] / away_from_zero((A @ V)[i, d]) * R[i, d] / 2
                expected_v[j, d] += share
                expected_a[i, j] += share
    L = logits[0, 0].numpy()
    to_logits = L * (expected_a - A * expected_a.sum(1, keepdims=True))
    Q, K = q[0, 0].numpy(), k[0, 0].numpy()
    expected_q, expected_k = np.zeros((3, 5)), np.zeros((3, 5))
    for i in range(3):
        for j in range(3):
            for d in range(5):
                share = 0.4 * Q[i, d] * K[j, d] / L[i, j] * to_logits[i, j] / 2
                expected_q[i, d] += share
                expected_k[j, d] += share
    for found, expected in ((to_v, expected_v), (to_q, expected_q), (to_k, expected_k)):
        np.testing.assert_allclose(found[0, 0, 0].numpy(), expected, rtol=1e-4, atol=1e-8)


def test_conditional_heatmaps_add_up_to_the_whole():
    """Relevance is linear in what starts it: all components of a layer together are the unconditional heatmap."""
    torch.manual_seed(4)
    model = nn.Sequential(
        nn.Conv2d(3, 5, 3),
        nn.ReLU(),
        nn.Conv2d(5, 7, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(7, 2),
    )
    images = torch.randn(3, 3, 13, 11)
    for backend in ("lrp", "gradient"):
        whole = attribute(model, images, [0, 1, 1], ["3"], backend)
        parts = heatmaps(model, images, [0, 1, 1], "3", range(7), backend, batch_size=2)
        assert parts.heatmaps.shape == (3, 7, 13, 11)
        np.testing.assert_allclose(parts.heatmaps.sum(1), whole.heatmap, rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(parts.relevance, whole.relevances["3"], rtol=1e-4, atol=1e-6)
        fed = edges(model, images, [0, 1, 1], "3", range(7), ["1"], backend)
        np.testing.assert_allclose(
            fed.relevances["1"].sum(1),
            attribute(model, images, [0, 1, 1], ["1"], backend).relevances["1"],
            rtol=1e-3,
            atol=1e-6,
        )


@pytest.mark.parametrize("backend", ["lrp", "gradient"])
@pytest.mark.parametrize("lowest", [False, True])
def test_a_component_by_itself_is_explained_at_its_most_excited_place(backend, lowest):
    """Its heatmap stays inside the receptive field of the place, and is the same from a longer network."""
    torch.manual_seed(5)
    layers = [nn.Conv2d(3, 5, 3, bias=False), nn.ReLU(), nn.Conv2d(5, 7, 3, bias=False)]
    model = nn.Sequential(*layers, nn.ReLU(), nn.Flatten(), nn.Linear(7 * 13 * 13, 2))
    images = torch.randn(2, 3, 17, 17)
    components = np.array([[0, 6, 3], [2, 2, 5]])
    found = heatmaps(model, images, None, "2", components, backend, lowest=lowest)
    with torch.no_grad():
        responses = nn.Sequential(*layers)(images)
    for image in range(2):
        for position, component in enumerate(components[image]):
            map = responses[image, component]
            place = map.argmin() if lowest else map.argmax()
            row, column = divmod(int(place), 13)
            heat = found.heatmaps[image, position]
            inside = heat[row : row + 5, column : column + 5]
            assert np.abs(inside).sum() == pytest.approx(np.abs(heat).sum(), rel=1e-4)
            assert np.abs(inside).sum() > 0
            assert found.relevance[image, position] == pytest.approx(abs(map.flatten()[place].item()), rel=1e-4)


def test_any_scalar_function_of_the_output_is_a_target():
    torch.manual_seed(6)
    model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))
    x = torch.randn(2, 5)
    for backend in ("lrp", "gradient"):
        one, two = (attribute(model, x, c, ["1"], backend, heatmap=False).relevances["1"] for c in (0, 2))
        difference = attribute(model, x, lambda y: y[:, 0] - y[:, 2], ["1"], backend, heatmap=False)
        np.testing.assert_allclose(difference.relevances["1"], one - two, rtol=1e-3, atol=1e-5)


def test_relevance_starts_at_the_logit_not_at_its_softmax():
    torch.manual_seed(7)
    bare = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))
    x = torch.randn(2, 5)
    with_softmax = attribute(nn.Sequential(bare, nn.Softmax(1)), x, 1, ["0.1"], "lrp", heatmap=False)
    without = attribute(bare, x, 1, ["1"], "lrp", heatmap=False)
    np.testing.assert_allclose(with_softmax.relevances["0.1"], without.relevances["1"])


@pytest.mark.parametrize(
    "pool",
    [
        lambda x: x.amax((2, 3)),
        lambda x: nn.functional.adaptive_max_pool2d(x, 1).flatten(1),
        lambda x: x.flatten(2).max(-1).values,
        lambda x: nn.functional.max_pool2d(x, x.shape[-1]).flatten(1),
    ],
)
def test_the_largest_place_gets_all(pool):
    torch.manual_seed(8)
    first, last = nn.Conv2d(3, 5, 3, bias=False), nn.Linear(5, 2, bias=False)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = first, last

        def forward(self, x):
            return self.last(pool(self.first(x).relu()))

    images = torch.randn(2, 3, 9, 9)
    found = heatmaps(Network(), images, 1, "first", range(5), "lrp")
    with torch.no_grad():
        responses = first(images).relu()
    np.testing.assert_allclose(
        found.relevance, (responses.amax((2, 3)) * last.weight[1]).detach(), rtol=1e-3, atol=1e-6
    )
    for image in range(2):
        for component in range(5):
            row, column = divmod(int(responses[image, component].argmax()), 7)
            heat = np.abs(found.heatmaps[image, component])
            assert heat[row : row + 3, column : column + 3].sum() == pytest.approx(heat.sum(), rel=1e-4)
