"""Dictionaries of sparse autoencoders: read from what people have, held against their formulas written out."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import semlens_widgets as sl
from semlens_widgets.attribution import attribute, heatmaps
from semlens_widgets.model import component_values, resolve
from semlens_widgets.switching import Switch, switched_off

F, C = 12, 40  # features, components


def parts(seed=0):
    draw = np.random.default_rng(seed)
    decoder = draw.normal(size=(C, F))
    return {
        "W_enc": draw.normal(size=(F, C)), "W_dec": decoder / np.linalg.norm(decoder, axis=1, keepdims=True) * 1.5,
        "b_enc": draw.normal(size=C), "b_dec": draw.normal(size=F),
    }  # fmt: skip


def tensors(weights):
    return {name: torch.tensor(value, dtype=torch.float32) for name, value in weights.items()}


def codes(weights, x, kind="relu", k=None, centred=True, threshold=None):
    """The formula of each kind, in double precision."""
    product = (x - weights["b_dec"] if centred else x) @ weights["W_enc"]
    pre = product + weights["b_enc"]
    if kind == "topk":
        kept = np.argsort(-pre, -1)[..., :k]
        mask = np.zeros_like(pre, bool)
        np.put_along_axis(mask, kept, True, -1)
        return np.where(mask, np.maximum(pre, 0), 0)
    if kind == "jumprelu":
        return np.where(pre > threshold, np.maximum(pre, 0), 0)
    return pre if kind == "linear" else np.maximum(pre, 0)


def saelens(folder, weights, **config):
    said = {"architecture": "standard", "apply_b_dec_to_input": True, "normalize_activations": "none"} | config
    (folder / "cfg.json").write_text(json.dumps(said))
    save_file(tensors(weights), folder / "sae_weights.safetensors")
    return folder


def saev(folder, weights, **config):
    path = folder / "sae.pt"
    with path.open("wb") as file:
        file.write(json.dumps({"schema": 1, "cfg": config}).encode() + b"\n")
        torch.save(tensors(weights), file)
    return path


def plain(folder, weights):
    path = folder / "weights.safetensors"
    save_file(tensors(weights), path)
    return path


def renamed(weights, **names):
    """Under other names; a `weight` is laid the other way round."""
    return {names[n]: np.ascontiguousarray(v.T) if names[n].endswith("weight") else v for n, v in weights.items()}


OPENAI = {"W_enc": "encoder.weight", "W_dec": "decoder.weight", "b_enc": "latent_bias", "b_dec": "pre_bias"}
LINEAR = {"W_enc": "encoder.weight", "W_dec": "decoder.weight", "b_enc": "encoder.bias", "b_dec": "decoder.bias"}
RAISED = np.linspace(0.1, 2, C)
WAYS = {
    "SAELens, standard": (lambda at, w: sl.dictionary(saelens(at, w)), {}),
    "SAELens, input not centred": (lambda at, w: sl.dictionary(saelens(at, w, apply_b_dec_to_input=False)),
                                   {"centred": False}),
    "SAELens, topk": (lambda at, w: sl.dictionary(saelens(at, w, architecture="topk", k=5)), {"kind": "topk", "k": 5}),
    "SAELens, topk by name of the function": (
        lambda at, w: sl.dictionary(saelens(at, w, activation_fn_str="topk", activation_fn_kwargs={"k": 3})),
        {"kind": "topk", "k": 3}),
    "SAELens, jumprelu": (lambda at, w: sl.dictionary(saelens(at, w | {"threshold": RAISED}, architecture="jumprelu")),
                          {"kind": "jumprelu", "threshold": RAISED}),
    "saev": (lambda at, w: sl.dictionary(saev(at, w, exp_factor=4)), {}),
    "saev, topk": (lambda at, w: sl.dictionary(saev(at, w, activation={"top_k": 4})), {"kind": "topk", "k": 4}),
    "a file of OpenAI's names": (lambda at, w: sl.dictionary(plain(at, renamed(w, **OPENAI)), kind="topk", k=7),
                                 {"kind": "topk", "k": 7}),
    "a state_dict of linear layers": (
        lambda at, w: sl.dictionary(tensors(renamed(w, **LINEAR)), kind="relu", centred=False), {"centred": False}),
    "a state_dict behind a prefix": (
        lambda at, w: sl.dictionary({f"model.sae.{n}": v for n, v in w.items()}, kind="linear", centred=True),
        {"kind": "linear"}),
    "a log threshold": (lambda at, w: sl.dictionary(w | {"log_threshold": np.log(RAISED)}, centred=True),
                        {"kind": "jumprelu", "threshold": RAISED}),
}  # fmt: skip


@pytest.mark.parametrize(("read", "formula"), WAYS.values(), ids=WAYS)
def test_codes_are_those_of_the_formula(tmp_path, read, formula):
    weights, x = parts(), np.random.default_rng(1).normal(size=(6, 5, F))
    found = read(tmp_path, weights)(torch.tensor(x, dtype=torch.float32))
    np.testing.assert_allclose(found, codes(weights, x, **formula), rtol=1e-4, atol=1e-4)


def test_codes_counted_in_lengths_of_decoder_rows(tmp_path):
    weights, x = parts(), np.random.default_rng(1).normal(size=(9, F))
    made = sl.dictionary(saelens(tmp_path, weights, architecture="topk", k=5, rescale_acts_by_decoder_norm=True))
    length = np.linalg.norm(weights["W_dec"], axis=1)
    product = ((x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]) * length
    wanted = np.maximum(np.where(product >= np.sort(product, -1)[:, -5:-4], product, 0), 0)
    np.testing.assert_allclose(made(torch.tensor(x, dtype=torch.float32)), wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(made.semlens_writes.detach(), weights["W_dec"] / length[:, None], rtol=1e-4)


def test_gated_codes_pass_where_the_gate_is_open():
    weights, x = parts(), np.random.default_rng(1).normal(size=(9, F))
    draw = np.random.default_rng(2)
    gate = {"b_gate": draw.normal(size=C), "b_mag": draw.normal(size=C), "r_mag": draw.normal(size=C) * 0.3}
    product = (x - weights["b_dec"]) @ weights["W_enc"]
    wanted = np.maximum(product * np.exp(gate["r_mag"]) + gate["b_mag"], 0) * (product + gate["b_gate"] > 0)
    made = sl.dictionary(weights | gate, centred=True)
    np.testing.assert_allclose(made(torch.tensor(x, dtype=torch.float32)), wanted, rtol=1e-4, atol=1e-4)


class Own(torch.nn.Module):
    """Somebody's own: `encode` gives what it was before the activation, and the codes."""

    def __init__(self, offset=0.0):
        super().__init__()
        self.made, self.offset = sl.dictionary(parts(), kind="relu", centred=True), offset

    def encode(self, x):
        assert x.ndim == 2
        return x @ self.made.encoder, self.made(x)

    def decode(self, codes):
        return codes @ self.made.decoder + self.made.decoder_bias + self.offset * codes.square().sum(-1, keepdim=True)


def test_an_object_is_read_by_its_encode_and_decode():
    made, x = sl.dictionary(Own()), torch.randn(4, 3, F)
    torch.testing.assert_close(made(x), Own().made(x))
    torch.testing.assert_close(made.semlens_writes, Own().made.decoder.detach(), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="no sum of what its codes write"):
        sl.dictionary(Own(offset=0.3))


class Net(torch.nn.Module):
    """Features at four places, then a head that is not linear."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.layer, self.head = torch.nn.Conv2d(3, F, 4, 4), torch.nn.Identity(), torch.nn.Linear(F, 3)

    def forward(self, x):
        return self.head(torch.tanh(self.layer(self.first(x))).mean((2, 3)))


def seen():
    model, images = Net().eval(), torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    (layer,) = resolve(model, sl.Layer("layer", via=sl.dictionary(parts(), kind="topk", k=6, centred=True)))
    return model, images, layer


def test_switching_a_latent_off_takes_away_what_it_wrote():
    model, images, layer = seen()
    with torch.no_grad():
        features = model.first(images)
        z = component_values(layer, features.movedim(1, -1))
        number = int(z.sum((0, 1, 2)).argmax())
        taken = z[..., [number]] * layer.via.decoder[number]
        wanted = model.head(torch.tanh(features - taken.movedim(-1, 1)).mean((2, 3)))
        off = np.arange(C)[None] == number
        with switched_off(model, [Switch(layer, off, np.zeros(C, np.float32))]):
            found = model(images)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found, model(images), atol=1e-3)


def test_relevance_of_a_latent_is_its_code_times_the_slope_along_its_row():
    model, images, layer = seen()
    features = model.first(images).detach().requires_grad_()
    (slope,) = torch.autograd.grad(model.head(torch.tanh(features).mean((2, 3)))[:, 1].sum(), features)
    z = component_values(layer, features.detach().movedim(1, -1))
    wanted = (z * (slope.movedim(1, -1) @ layer.via.decoder.T)).sum((1, 2))
    found = attribute(model, images, 1, layer, "gradient").relevances["layer"]
    np.testing.assert_allclose(found, wanted.detach(), rtol=1e-4, atol=1e-6)
    strongest = int(np.abs(found).sum(0).argmax())
    maps = heatmaps(model, images, 1, layer, [strongest], "gradient").heatmaps
    assert np.abs(maps).max() > 0
    assert np.isfinite(maps).all()


class Overcomplete(torch.nn.Module):
    """As overcomplete 0.3 has its autoencoders: `encode` gives what was before and the codes, `decode` multiplies with
    rows of length one that `get_dictionary` gives, the encoder is a module of its own with a norm."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.encoder = torch.nn.Sequential(torch.nn.Linear(F, C), torch.nn.BatchNorm1d(C))
        self.rows = torch.nn.Parameter(torch.randn(C, F))

    def get_dictionary(self):
        return self.rows / self.rows.norm(dim=1, keepdim=True)

    def encode(self, x):
        before = self.encoder(x)
        kept = torch.topk(before, 5)
        return before, torch.zeros_like(before).scatter(-1, kept.indices, torch.relu(kept.values))

    def decode(self, codes):
        return codes @ self.get_dictionary()


class Fitted:
    """As its factorisations: no torch module, codes from an optimiser, arrays."""

    def get_dictionary(self):
        return np.eye(C, F, dtype=np.float32) + 0.1

    def encode(self, x):
        return torch.relu(torch.as_tensor(x) @ torch.from_numpy(np.linalg.pinv(self.get_dictionary())))

    def decode(self, codes):
        return codes.detach().numpy() @ self.get_dictionary()


def test_what_overcomplete_gives_is_read():
    one, x = Overcomplete().eval(), torch.randn(4, 3, F)
    made = sl.dictionary(one)
    torch.testing.assert_close(made(x), one.encode(x.flatten(0, 1))[1].unflatten(0, (4, 3)))
    torch.testing.assert_close(made.semlens_writes.data, one.get_dictionary().data, rtol=1e-4, atol=1e-5)
    other = sl.dictionary(Fitted())
    torch.testing.assert_close(other(x), Fitted().encode(x))
    np.testing.assert_allclose(other.semlens_writes.detach(), Fitted().get_dictionary(), rtol=1e-4, atol=1e-5)

    class NotReady(Overcomplete):
        def encode(self, x):
            raise RuntimeError("the threshold was never trained")

    with pytest.raises(ValueError, match=r"says: the threshold was never trained; make it ready"):
        sl.dictionary(NotReady())


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save({"cfg": Net(), "state_dict": tensors(parts())}, tmp_path / "unsafe.pt")
    with pytest.raises(ValueError, match="would run code"):
        sl.dictionary(tmp_path / "unsafe.pt")
    torch.save({"state_dict": tensors(parts())}, tmp_path / "safe.pt")
    assert sl.dictionary(tmp_path / "safe.pt", kind="relu", centred=True).encoder.shape == (F, C)


def without(name):
    return {other: value for other, value in parts().items() if other != name}


BAD = {
    "nothing says the kind": (lambda at: sl.dictionary(parts(), centred=True), "say it, kind="),
    "nothing says what the bias does": (lambda at: sl.dictionary(parts(), kind="relu"), "centred=True or"),
    "no k": (lambda at: sl.dictionary(parts(), kind="topk", centred=True), "as in k=32"),
    "k too large": (lambda at: sl.dictionary(parts(), kind="topk", k=C + 1, centred=True), f"k={C + 1}; of {C} codes"),
    "no decoder": (lambda at: sl.dictionary(without("W_dec"), kind="relu"), "no decoder among the weights"),
    "no such kind": (lambda at: sl.dictionary(parts(), kind="softmax", centred=True), "kinds are 'relu'"),
    "sizes that do not fit": (
        lambda at: sl.dictionary(parts() | {"b_enc": np.zeros(C + 1)}, kind="relu", centred=True), "do not belong"),
    "NaN": (lambda at: sl.dictionary(parts() | {"b_enc": np.full(C, np.nan)}, kind="relu", centred=True), "NaN"),
    "an architecture of its own": (lambda at: sl.dictionary(saelens(at, parts(), architecture="crosscoder")),
                                   "architecture 'crosscoder'"),
    "a normalisation of its own": (lambda at: sl.dictionary(saelens(at, parts(), normalize_activations="layer_norm")),
                                   "normalize_activations 'layer_norm'"),
    "no encode": (lambda at: sl.dictionary(torch.nn.Linear(2, 2)), "an object with encode and decode"),
    "not there": (lambda at: sl.dictionary(at / "none.safetensors"), "no dictionary at"),
    "an empty folder": (lambda at: sl.dictionary(at), "has no cfg.json and no sae_weights.safetensors"),
}  # fmt: skip


@pytest.mark.parametrize(("read", "said"), BAD.values(), ids=BAD)
def test_what_is_missing_or_does_not_fit_is_named(tmp_path, read, said):
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=said):
        read(tmp_path)
