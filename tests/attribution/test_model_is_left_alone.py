"""Whatever happens, the model is afterwards what it was; and neither zennit nor crp is needed."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from nets import SmallResNet, calibrated
from torch import nn

from semlens_widgets.attribution import Attribution, UnsupportedModel, attribute, edges, heatmaps
from semlens_widgets.model import Layer, recording, resolve


def portrait(model):
    """Everything a caller could notice: attributes, hooks, modes, and the very tensors with their contents."""
    parts = []
    for name, module in model.named_modules():
        parts.append((name, id(module), type(module), module.training, sorted(vars(module))))
        parts.append(
            [list(hooks) for key, hooks in sorted(vars(module).items()) if key.endswith("hooks") and hooks is not None]
        )
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        gradient = tensor.grad
        contents = tensor.detach().clone().numpy().tobytes()
        parts.append((name, id(tensor), tensor.data_ptr(), tensor.requires_grad, gradient, contents))
    parts.append(torch.backends.mha.get_fastpath_enabled())
    parts.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
    return parts


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
        (lambda m, x: attribute(m, x, 1, ["layer1"], "lrpp"), ValueError, "choose 'auto', 'lrp', 'gradient'"),
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
