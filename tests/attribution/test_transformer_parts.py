"""Relevance of heads and hidden units: AttnLRP written out, slowly, and edges of circuits by plain derivatives."""

import numpy as np
import torch
from torch import nn

import semlens_widgets as sl
from semlens_widgets.attribution import attribute, edges
from semlens_widgets.circuit import trace_circuit
from semlens_widgets.model import resolve

TOKENS, DIM, HEADS, HIDDEN = 5, 6, 2, 7


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.num_heads = HEADS
        self.qkv, self.proj = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(DIM, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, DIM)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn, self.mlp = Attention(), Mlp()

    def forward(self, x):
        x = x + self.attn(x)
        return x + self.mlp(x)


class Net(nn.Module):
    """Five columns of a picture as tokens, two blocks, a linear head on their mean."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Conv2d(3, DIM, 2, 2)
        self.blocks = nn.Sequential(Block(), Block())
        self.head = nn.Linear(DIM, 3)

    def forward(self, x):
        return self.head(self.blocks(self.embed(x).flatten(2).transpose(1, 2)).mean(1))


def world():
    model = Net().eval()
    return model, torch.randn(2, 3, 2, 2 * TOKENS)


def shared(parts, total, relevance):
    """Relevance shared out in proportion to parts that add up to a total."""
    return relevance / (total + 1e-6 * (1 if total >= 0 else -1)) * parts


def dense(x, layer, relevance, gamma=0.0):
    """One vector through a linear map, output by output: what agrees with its sign counts (1 + gamma) times."""
    arrived = np.zeros(len(x))
    weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    for j, into in enumerate(relevance):
        products, extra = weight[j] * x, bias[j]
        sign = 1 if products.sum() + extra >= 0 else -1
        counted = products + gamma * np.where(np.sign(products) == sign, products, 0)
        extra = extra + gamma * (extra if np.sign(extra) == sign else 0)
        arrived += shared(counted, counted.sum() + extra, into)
    return arrived


def test_relevance_of_heads_and_hidden_units_is_attnlrp_written_out():
    """From the logit down to what the last block's two projections are given, token by token."""
    model, images = world()
    asked = [sl.Heads("blocks.1.attn"), sl.Mlp("blocks.1")]
    kept = {}
    last = model.blocks[1]
    hooks = [
        last.attn.proj.register_forward_pre_hook(lambda m, a: kept.update(heads=a[0])),
        last.mlp.fc1.register_forward_pre_hook(lambda m, a: kept.update(middle=a[0])),
        last.mlp.fc2.register_forward_pre_hook(lambda m, a: kept.update(hidden=a[0])),
        last.register_forward_pre_hook(lambda m, a: kept.update(before=a[0])),
        last.register_forward_hook(lambda m, a, out: kept.update(after=out)),
    ]
    with torch.no_grad():
        logits = model(images)
    for hook in hooks:
        hook.remove()
    values = {name: value.detach().double().numpy() for name, value in kept.items()}
    heads, hidden = np.zeros((2, HEADS)), np.zeros((2, HIDDEN))
    for image in range(2):
        after, middle = values["after"][image], values["middle"][image]
        start = np.zeros(3)
        start[1] = float(logits[image, 1])
        pooled = dense(after.mean(0), model.head, start, 0.05)
        for token in range(TOKENS):
            mean = after.mean(0)
            here = np.array([shared(after[token, c] / TOKENS, mean[c], pooled[c]) for c in range(DIM)])
            written = after[token] - middle[token]
            to_mlp = np.array([shared(written[c], after[token, c], here[c]) for c in range(DIM)])
            beside = np.array([shared(middle[token, c], after[token, c], here[c]) for c in range(DIM)])
            at_hidden = dense(values["hidden"][image, token], last.mlp.fc2, to_mlp, 0.05)
            hidden[image] += at_hidden
            at_middle = beside + dense(middle[token], last.mlp.fc1, at_hidden, 0.05)
            said = middle[token] - values["before"][image, token]
            to_attention = np.array([shared(said[c], middle[token, c], at_middle[c]) for c in range(DIM)])
            heads[image] += dense(values["heads"][image, token], last.attn.proj, to_attention).reshape(HEADS, -1).sum(1)
    found = attribute(model, images, 1, asked, "lrp")
    np.testing.assert_allclose(found.relevances["blocks.1.mlp.hidden"], hidden, rtol=1e-2, atol=1e-4)
    np.testing.assert_allclose(found.relevances["blocks.1.attn.heads"], heads, rtol=1e-2, atol=1e-4)
    for balance in found.balances.values():  # conservation: all that left the logit is told
        total = balance.components + balance.bias + balance.ways + balance.rest
        np.testing.assert_allclose(total, logits[:, 1], rtol=1e-3, atol=1e-4)


def test_edges_of_heads_and_hidden_units_are_derivatives():
    """What of a unit's relevance goes through a head: the unit's value times the slope of what the head sends."""
    model, images = world()
    upper, lower = resolve(model, [sl.Heads("blocks.1.attn"), sl.Mlp("blocks.0")])
    found = edges(model, images, 1, upper, [0, 1], [lower], "gradient").relevances[lower.name]
    kept = {}
    hooks = [
        model.blocks[1].attn.proj.register_forward_pre_hook(lambda m, a: kept.update(upper=a[0])),
        model.blocks[0].mlp.fc2.register_forward_pre_hook(lambda m, a: kept.update(lower=a[0])),
    ]
    answer = model(images)[:, 1].sum()
    for hook in hooks:
        hook.remove()
    (slope,) = torch.autograd.grad(answer, kept["upper"], retain_graph=True)
    for head in range(HEADS):
        part = slice(head * DIM // HEADS, (head + 1) * DIM // HEADS)
        sent = (slope[..., part].detach() * kept["upper"][..., part]).sum()
        (down,) = torch.autograd.grad(sent, kept["lower"], retain_graph=True)
        expected = (down * kept["lower"]).sum(1).detach()
        np.testing.assert_allclose(found[:, head], expected, rtol=1e-3, atol=1e-6)


def test_heads_and_hidden_units_are_nodes_of_a_circuit():
    model, images = world()
    layers = resolve(model, [sl.Heads("*"), sl.Mlp("*")])
    for method in ("gradient", "lrp"):
        found = trace_circuit(model, images, 1, layers, method, target="1", top=2, depth=4)
        names = {str(node.component).rpartition(":")[0] for node in found.nodes}
        assert {"blocks.1.mlp.hidden", "blocks.1.attn.heads"} <= names
        assert all(np.isfinite(edge.relevance) for edge in found.edges)
