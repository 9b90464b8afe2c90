"""Whatever happens, the model is afterwards what it was; and neither zennit nor crp is needed."""

import contextlib
import copy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from nets import SmallResNet, calibrated
from torch import nn
from toy import pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.attribution import Attribution, UnsupportedModel, attribute, edges, heatmaps
from semlens_widgets.components import Components
from semlens_widgets.crops import crop, try_crops
from semlens_widgets.effect import effect
from semlens_widgets.examples import collect
from semlens_widgets.explain import explain
from semlens_widgets.model import Layer, evaluating, in_order, recording, resolve
from semlens_widgets.relevance import relevance
from semlens_widgets.switching import Switch, logits_under, resting, switched_off


def portrait(model):
    """Everything a caller could notice: attributes, hooks, modes, the very tensors and contents, torch's state."""
    parts = []
    for name, module in model.named_modules():
        parts.append((name, id(module), type(module), module.training))
        parts.append([(attribute, _shown(value)) for attribute, value in sorted(vars(module).items())])
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        gradient = tensor.grad
        contents = tensor.detach().clone().numpy().tobytes()
        parts.append((name, id(tensor), tensor.data_ptr(), tensor.requires_grad, gradient, contents))
    parts.append(torch.backends.mha.get_fastpath_enabled())
    parts.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
    parts.append((torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"), torch.is_autocast_cache_enabled()))
    return parts


def _shown(value):
    if isinstance(value, torch.Tensor):
        return id(value), value.is_inference(), value.requires_grad, value.detach().float().sum().item()
    if isinstance(value, dict):
        return [(key, id(held)) for key, held in value.items()]
    return [id(held) for held in value] if isinstance(value, list) else (id(value), str(value)[:80])


def model_and_images():
    torch.manual_seed(0)
    images = torch.randn(3, 3, 16, 16)
    model = calibrated(SmallResNet(), images)
    model.train()
    model.layer2.eval()  # a mixture must come back as a mixture
    model.fc.weight.requires_grad_(False)
    model.layer1.register_forward_hook(lambda module, args, output: None)
    return model, images


CALLS = {
    "attribute": lambda m, x, b: attribute(m, x, 1, ["layer1", "layer3"], b),
    "heatmaps": lambda m, x, b: heatmaps(m, x, 1, "layer2", [0, 5], b),
    "crop heatmaps": lambda m, x, b: heatmaps(m, x, None, "layer2", [0, 5], b),
    "edges": lambda m, x, b: edges(m, x, 1, "layer3", [0, 5], ["layer2", "layer1"], b),
}


@pytest.mark.parametrize("backend", ["lrp", "gradient"])
@pytest.mark.parametrize("call", CALLS)
def test_after_success(call, backend):
    model, images = model_and_images()
    before, untouched = portrait(model), images.clone()
    CALLS[call](model, images, backend)
    assert portrait(model) == before
    assert torch.equal(images, untouched)
    assert not images.requires_grad


@pytest.mark.parametrize("backend", ["lrp", "gradient"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("call", ["attribute", "heatmaps", "edges"])
def test_after_an_interruption_in_the_forward_pass(call, error, backend):
    model, images = model_and_images()

    def stop(module, args):
        raise error("stopped by the test")

    handle = model.layer3.c2.register_forward_pre_hook(stop)
    before = portrait(model)
    with pytest.raises(error, match="stopped by the test"):
        CALLS[call](model, images, backend)
    assert portrait(model) == before
    handle.remove()


@pytest.mark.parametrize("backend", ["lrp", "gradient"])
def test_after_an_interruption_on_the_way_back(backend):
    model, images = model_and_images()
    before = portrait(model)

    def stop(output):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attribute(model, images, stop, ["layer1"], backend)
    assert portrait(model) == before


class Keeping(SmallResNet):
    """Keeps all that models are seen to keep: a table made at first use, last features, counts, a list, a mean."""

    def __init__(self):
        super().__init__()
        self.table, self.features, self.calls, self.seen = None, None, 0, []
        self.settings = {"size": None}
        self.register_buffer("mean", torch.zeros(5))

    def forward(self, x):
        if self.table is None:
            self.table = torch.linspace(0.9, 1.1, x.shape[-1], device=x.device, dtype=x.dtype)
            self.register_buffer("mask", torch.ones_like(x[:1]), persistent=False)
        self.calls += 1
        self.settings["size"] = x.shape[-1]
        self.features = self.layer3(self.layer2(self.layer1(self.stem(x * self.table * self.mask))))
        self.seen.append(self.features.mean())
        answer = self.fc(self.features.mean((2, 3)))
        self.mean.mul_(0.9).add_(answer.detach().mean(0))
        return answer


def world():
    """A model that keeps things, a mixture of modes and of what is trained, with a data set and layers."""
    torch.manual_seed(0)
    model = calibrated(SmallResNet(), torch.randn(3, 3, 16, 16))
    keeping = Keeping()
    keeping.load_state_dict(model.state_dict() | {"mean": torch.zeros(5)})
    keeping.train()
    keeping.layer2.eval()
    keeping.fc.weight.requires_grad_(False)
    named = {"labels": [i % 5 for i in range(7)], "classes": list("abcde")}
    images = sl.images(pictures(7, size=16), transform=lambda p: to_pixels(p) / 128 - 1, **named)
    return keeping, images, (Layer("layer3"), Layer("layer1", signed=True))


def _examples(model, images, layers, **settings):
    return collect(model, images, layers, k=2, batch_size=3, sample=0, progress=False, **settings)


def _switches(layers):
    off = np.zeros((3, 47), bool)
    off[1, 3] = off[2, 5] = True
    return [Switch(layers[0], off, np.ones(47))]


def _without(model, images, layers):
    with switched_off(model, [_switches(layers)[0].only([1])]), evaluating(model):
        model(images.tensor(0)[None])


VERBS = {
    "collect": _examples,
    "collect fast": lambda *world: _examples(*world, fast=True),
    "crops by activation": lambda *world: crop(_examples(*world), *world, progress=False),
    "crops by crp": lambda *world: crop(_examples(*world), *world, by="crp", progress=False),
    "trying crops": lambda *world: try_crops(*world, by="crp"),
    "relevance by lrp": lambda *world: relevance(*world, method="lrp", batch_size=3, progress=False),
    "relevance by gradient": lambda *world: relevance(*world, method="gradient", batch_size=3, progress=False),
    "explain": lambda m, images, layers: explain(m, images, 2, layers, 1).heatmaps([1, 50]),
    "circuit": lambda m, images, layers: explain(m, images, 2, layers, method="gradient").circuit(top=2, depth=2),
    "switching": _without,
    "means": lambda m, images, layers: resting(m, images, layers, np.arange(7), 3),
    "switching many": lambda m, images, layers: logits_under(m, images, np.arange(7), _switches(layers), 3),
    "effect": lambda m, images, layers: effect(
        m, layers, Components(("layer3", "layer1"), (47, 62), (False, True)), [3, 60], {"data": images}, 2,
        alive=np.ones(109, bool), draws=2,
    ),
    "order of layers": lambda m, images, layers: in_order(m, images.tensor(0)[None], layers),
}  # fmt: skip


def trained(model, images):
    """The gradients of one step of its owner's."""
    loss = model(torch.stack([images.tensor(i) for i in range(3)])).square().sum()
    loss.backward()
    found = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    return found


AROUND = {
    "nothing": contextlib.nullcontext,
    "inference mode": torch.inference_mode,
    "no grad": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}


SHORT = ["collect fast", "explain", "circuit", "crops by crp", "relevance by lrp", "switching many"]


@pytest.mark.parametrize(
    ("verb", "around"),
    [
        *((verb, "nothing") for verb in VERBS),
        *((verb, around) for verb in SHORT for around in list(AROUND)[1:]),
    ],
)
def test_after_every_verb_the_model_is_as_before_and_as_usable(verb, around):
    model, images, layers = world()
    with AROUND[around]():
        before = portrait(model)
        VERBS[verb](model, images, layers)
        assert portrait(model) == before
    copy.deepcopy(model)
    torch.testing.assert_close(trained(model, images), trained(world()[0], images))


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("verb", VERBS)
def test_after_every_verb_that_was_interrupted_anywhere(verb, error):
    model, images, layers = world()
    calls = 0
    last = -1

    def count(module, args):
        nonlocal calls
        calls += 1
        if calls == last:
            raise error("stopped by the test")

    handle = model.layer2.c2.register_forward_pre_hook(count)
    before = portrait(model)
    VERBS[verb](model, images, layers)
    for last in sorted({1, 2, calls // 2, calls - 1, calls} & set(range(1, calls + 1))):
        calls = 0
        with contextlib.suppress(error, ValueError):  # a batch that fails is tried one by one
            VERBS[verb](model, images, layers)
        assert calls >= last
        assert portrait(model) == before
    handle.remove()
    torch.testing.assert_close(trained(model, images), trained(world()[0], images))


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_after_zennit_which_changes_weights_while_it_works(error):
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Conv2d(5, 7, 3), nn.BatchNorm2d(7), nn.ReLU()]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 2))
    model[3].weight.requires_grad_(False)
    images = torch.randn(3, 3, 16, 16)
    before = portrait(model)

    def target(output):
        if error is not None:
            raise error
        return output[:, 1]

    if error is None:
        heatmaps(model, images, target, "2", [0, 4], "zennit")
    else:
        with pytest.raises(error):
            heatmaps(model, images, target, "2", [0, 4], "zennit")
    assert portrait(model) == before


def test_threads_on_one_model_do_not_disturb_each_other():
    """A window explains while a cell collects: each has the model for itself while it runs."""
    model, images = model_and_images()
    before = portrait(model)
    layers = resolve(model, ["layer1", "layer2"])

    def collected():
        with recording(model, layers) as recorder:
            return recorder.responses(list(images), "max")["layer2"].values

    def explained(backend):
        return heatmaps(model, images, 1, "layer2", [0, 5], backend).heatmaps

    work = [collected, lambda: explained("lrp"), lambda: explained("gradient")] * 6
    expected = [job() for job in work[:3]] * 6
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda job: job(), work))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert portrait(model) == before


def test_both_backends_work_without_zennit_and_crp():
    program = """
import sys
sys.modules["zennit"] = sys.modules["crp"] = None
import torch
from torch import nn
from semlens_widgets.attribution import attribute, heatmaps
assert "torchvision" not in sys.modules
model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 36, 2))
for backend in ("lrp", "gradient"):
    attribute(model, torch.randn(2, 3, 8, 8), 1, ["1"], backend)
    heatmaps(model, torch.randn(2, 3, 8, 8), 1, "1", [0], backend)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


class Unknown(nn.Module):
    """Works on the signal itself with something no rule exists for."""

    def forward(self, x):
        return torch.special.erf(x).cumsum(1)


def test_what_lrp_cannot_do_is_an_error_that_names_the_module_and_auto_falls_back():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), Unknown(), nn.Linear(7, 3))
    x = torch.randn(2, 5)
    with pytest.raises(UnsupportedModel, match=r"operation 'cumsum' in module '2'.*gradient"):
        attribute(model, x, 1, ["1"], "lrp")
    assert attribute(model, x, 1, ["1"], heatmap=False).backend == "gradient"
    assert attribute(model, x, 1, ["3"], heatmap=False).backend == "lrp"  # it does not come that far


def test_in_place_work_through_a_view_is_refused():
    class ThroughView(nn.Module):
        def forward(self, x):
            x[:, :2].mul_(2)
            return x

    class IntoBuffer(nn.Module):
        def forward(self, x):
            out = torch.zeros_like(x)
            out[:, 1:] = x[:, :-1]
            return out

    torch.manual_seed(0)
    x = torch.randn(2, 5)
    for oddity in (ThroughView(), IntoBuffer()):
        model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), oddity, nn.Linear(7, 3))
        with pytest.raises(UnsupportedModel, match="module '2'"):
            attribute(model, x, 1, ["0"], "lrp")


def test_layers_keep_their_own_value_before_in_place_work():
    """`bn` followed by an in-place ReLU: the layer's relevance is act × grad of what it gave, not of the ReLU."""
    torch.manual_seed(0)
    plain, in_place = (nn.Sequential(nn.Linear(5, 7), nn.ReLU(inplace), nn.Linear(7, 3)) for inplace in (False, True))
    in_place.load_state_dict(plain.state_dict())
    x = torch.randn(2, 5)
    for backend in ("lrp", "gradient"):
        one, two = (attribute(m, x, 1, ["0", "1"], backend, heatmap=False).relevances for m in (plain, in_place))
        for layer in ("0", "1"):
            np.testing.assert_allclose(one[layer], two[layer], rtol=1e-5)


def test_answers_are_read_only():
    model, images = model_and_images()
    found = attribute(model, images, [0, 1, 2], ["layer3", "layer1"], "lrp")
    assert isinstance(found, Attribution)
    assert found.layers == ("layer3", "layer1")
    for array in (found.relevances["layer1"], found.heatmap, found.targets):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m, x: attribute(m, x, 1, ["layer5"]), KeyError, "did you mean 'layer"),
        (lambda m, x: attribute(m, x, [1, 2], ["layer1"]), ValueError, "one class per image"),
        (lambda m, x: attribute(m, x, 5, ["layer1"]), ValueError, "classes are 0 … 4"),
        (lambda m, x: attribute(m, x, lambda y: y.sum(), ["layer1"]), ValueError, "one number per image"),
        (lambda m, x: attribute(m, x, 1, ["layer1"], "lrpp"), ValueError, "choose 'auto', 'lrp'"),
        (lambda m, x: attribute(m, x[:0], 1, ["layer1"]), ValueError, "give a batch"),
        (lambda m, x: heatmaps(m, x, 1, "layer1", [31]), ValueError, "has 0 … 30"),
        (lambda m, x: edges(m, x, 1, "layer2", [-1], "layer1"), ValueError, "has 0 … 46"),
        (lambda m, x: attribute(m, x, 1, Layer("layer1", via=nn.Linear(31, 3))), ValueError, "without via"),
    ],
)
def test_mistakes_are_answered_in_the_users_words(call, error, message):
    model, images = model_and_images()
    before = portrait(model)
    with pytest.raises(error, match=message):
        call(model, images)
    assert portrait(model) == before
