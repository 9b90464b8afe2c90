"""Scripted, traced, graph, quantised and compiled models: recorded right, or refused with what they are."""

import copy
import warnings

import numpy as np
import oracle
import pytest
import torch
from torch import nn

from semlens_widgets.model import Layer, folded, recording, resolve


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(inplace=True))
        self.head = nn.Linear(5, 4)

    def forward(self, x):
        return self.head(self.block(x).mean((2, 3)))


@pytest.fixture(scope="module")
def world():
    torch.manual_seed(3)
    return Net().eval(), torch.randn(5, 3, 9, 7)


def said(model, layer, images, size=2):
    with recording(model, resolve(model, layer)) as recorder:
        return np.concatenate([recorder.responses(list(part), "max")[layer].values for part in images.split(size)])


@pytest.mark.parametrize("how", ["scripted", "traced"])
def test_a_torchscript_model_says_that_it_is_one(world, how):
    model, images = world
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.script(model) if how == "scripted" else torch.jit.trace(model, images[:1])
    with pytest.raises(
        ValueError, match=r"'block' lies inside a scripted or traced module \(TorchScript\).*Python model"
    ):
        said(script, "block", images)

    class Around(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.last = script, nn.Linear(4, 2)

        def forward(self, x):
            return self.last(self.inner(x))

    around = Around().eval()
    if how == "scripted":
        with pytest.raises(ValueError, match=r"'inner' is a scripted module .*give the Python module .* or choose"):
            said(around, "inner", images)
        return
    expected = oracle.pooled(oracle.outputs(around, ["inner"], images)["inner"])
    np.testing.assert_allclose(said(around, "inner", images), expected, rtol=1e-4, atol=1e-5)


def test_a_graph_has_its_innermost_layers_and_says_so_for_others(world):
    model, images = world
    graph = torch.fx.symbolic_trace(model)
    expected = oracle.pooled(oracle.outputs(model, ["block.2"], images)["block.2"])
    np.testing.assert_allclose(said(graph, "block.2", images), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(
        ValueError, match=r"'block' does not run: the model is an FX graph.*'head'.*choose one of those"
    ):
        said(graph, "block", images)


def test_a_dynamically_quantised_model_is_recorded(world):
    model, images = world
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantised = torch.ao.quantization.quantize_dynamic(copy.deepcopy(model), {nn.Linear}, dtype=torch.qint8)
    for layer in ("block", "head"):
        expected = oracle.pooled(oracle.outputs(quantised, [layer], images)[layer])
        np.testing.assert_allclose(said(quantised, layer, images, 1), expected, rtol=1e-4, atol=1e-5)


def test_a_statically_quantised_model_is_recorded(world):
    _, images = world
    quantisation = torch.ao.quantization
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stubbed = quantisation.QuantWrapper(nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU())).eval()
        stubbed.qconfig = quantisation.get_default_qconfig("fbgemm")
        prepared = quantisation.prepare(stubbed)
        prepared(images)
        quantised = quantisation.convert(prepared)
    expected = oracle.pooled([o.dequantize() for o in oracle.outputs(quantised, ["module.0"], images)["module.0"]])
    assert oracle.outputs(quantised, ["module.0"], images)["module.0"][0].is_quantized
    np.testing.assert_allclose(said(quantised, "module.0", images), expected, rtol=1e-4, atol=1e-5)


def test_a_compiled_model_is_recorded_layer_by_layer(world):
    model, images = world
    compiled = torch.compile(copy.deepcopy(model), backend="eager")
    expected = oracle.pooled(oracle.outputs(model, ["block"], images)["block"])
    np.testing.assert_allclose(said(compiled, "_orig_mod.block", images), expected, rtol=1e-4, atol=1e-5)


def test_layers_inside_torchs_fused_encoder_layer_are_recorded():
    torch.manual_seed(3)

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Conv2d(3, 8, 4, stride=4)
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x):
            return self.layer(self.embed(x).flatten(2).transpose(1, 2)).mean(1)

    model, images = Encoder().eval(), torch.randn(3, 3, 8, 16)
    with recording(model, (Layer("layer.linear1"), Layer("layer"))) as recorder:
        got = recorder.responses(list(images), "max")
    assert got["layer.linear1"].values.shape == (3, 16)
    assert got["layer.linear1"].grid == got["layer"].grid == (2, 4)
    with torch.no_grad():
        whole = model.layer(model.embed(images).flatten(2).transpose(1, 2))
    np.testing.assert_allclose(got["layer"].values, whole.amax(1), rtol=1e-3, atol=1e-4)
    assert torch.backends.mha.get_fastpath_enabled()


def parametrised(net):
    nn.utils.parametrizations.weight_norm(net.block[0])


def shared(net):
    net.again = net.block[0]


HARD = {
    "bfloat16": lambda net: net.to(torch.bfloat16),
    "float16": lambda net: net.half(),
    "weights made anew": parametrised,
    "a module under two names": shared,
    "no running means": lambda net: net.block.__setitem__(1, nn.BatchNorm2d(5, track_running_stats=False)),
    "last features kept": lambda net: net.register_forward_hook(lambda m, a, o: setattr(m, "last", o)),
    "a lock": lambda net: setattr(net, "lock", __import__("threading").Lock()),
}


@pytest.mark.parametrize("make", HARD.values(), ids=HARD)
def test_a_fast_copy_says_the_same_or_is_not_made(world, make):
    model, images = copy.deepcopy(world[0]), world[1]
    make(model)
    images = images.to(next(model.parameters()).dtype)
    model(images)  # with gradients: what it keeps is part of a graph
    twin = folded(model, resolve(model, "head"), images[0])
    tolerance = 1e-4 if images.dtype == torch.float32 else 2e-2
    np.testing.assert_allclose(said(twin, "head", images), said(model, "head", images), rtol=tolerance, atol=tolerance)


def test_a_fast_copy_under_autocast_says_the_same(world):
    model, images = world
    with torch.autocast("cpu", dtype=torch.bfloat16):
        twin = folded(model, resolve(model, "head"), images[0])
        np.testing.assert_allclose(said(twin, "head", images), said(model, "head", images), atol=2e-2)


class Cast(nn.Module):
    """Autocast inside the forward pass, as training scripts leave it."""

    def __init__(self):
        super().__init__()
        self.inner = Net()

    def forward(self, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.inner(x)


@pytest.mark.parametrize("via", [nn.Linear(5, 6), np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)])
def test_an_encoder_reads_features_of_a_model_that_casts_itself_in_full_precision(world, via):
    model, images = Cast().eval(), world[1]
    features = torch.cat(oracle.outputs(model, ["inner.block"], images)["inner.block"])
    assert features.dtype == torch.bfloat16
    weight, bias = (via.weight, via.bias) if isinstance(via, nn.Module) else (torch.from_numpy(via), torch.zeros(6))
    expected = (torch.einsum("nchw,dc->ndhw", features.double(), weight.double()) + bias.double()[:, None, None]).amax(
        (2, 3)
    )
    with recording(model, (Layer("inner.block", via=via),)) as recorder:
        got = recorder.responses(list(images), "max")["inner.block"].values
    np.testing.assert_allclose(got, expected.detach(), atol=2e-2)


class Sae(nn.Module):
    """An encoder as they come: in training mode, with dropout and a count, and two answers."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.encoder, self.dropout, self.calls = nn.Linear(5, 10).to(dtype), nn.Dropout(0.5), 0

    def forward(self, x):
        self.calls += 1
        before = self.dropout(self.encoder(x))
        return before, before.relu()

    def encode(self, x):
        return {"before": self.encoder(x), "codes": self.encoder(x).relu()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_which_answer_of_an_encoder_is_meant_is_asked_for_and_the_encoder_is_left_as_it_was(world, dtype):
    model, images = world
    torch.manual_seed(1)
    sae = Sae(dtype)
    features = torch.cat(oracle.outputs(model, ["block"], images)["block"]).movedim(1, -1)
    codes = nn.functional.linear(features.double(), sae.encoder.weight.double(), sae.encoder.bias.double()).relu()
    for via, choice in ((sae, 1), (sae.encode, "codes")):
        which = r"gives .*tensor.*; say which of them are the components: Layer\(\.\.\., codes="
        with pytest.raises(TypeError, match=which), recording(model, (Layer("block", via=via),)) as recorder:
            recorder.responses(list(images), "max")
        with recording(model, (Layer("block", via=via, codes=choice),)) as recorder:
            got = recorder.responses(list(images), "max")["block"].values
        np.testing.assert_allclose(got, codes.amax((1, 2)).detach(), atol=1e-4)
    assert sae.training
    assert sae.calls == 0
    assert sae.encoder.weight.dtype == dtype
    with (
        pytest.raises(KeyError, match="gives no 2; it gives"),
        recording(model, (Layer("block", via=sae, codes=2),)) as r,
    ):
        r.responses(list(images), "max")
