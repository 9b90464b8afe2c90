"""After a pass the model is as it was, and as usable: a user's own training goes on."""

import copy

import pytest
import torch
from torch import nn

from semlens_widgets.model import folded, recording, resolve


class Keeping(nn.Module):
    """Keeps, in every way that models do: tables made at first use, last features, counters, buffers."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.ones(5))
        self.register_buffer("seen", torch.zeros(()))
        self.conv = nn.Conv2d(3, 5, 3)
        self.norm = nn.BatchNorm2d(5)
        self.table, self.calls, self.history, self.nested = {}, 0, [], {"deep": {"list": [1]}}
        self.plain = torch.zeros(5)
        self.last = None

    def train(self, mode=True):
        if mode:
            self.table.clear()
        return super().train(mode)

    def forward(self, x):
        bias = self.bias.exp() if self.training else self.table.setdefault("bias", self.bias.exp())
        self.calls += 1
        self.seen += len(x)
        self.plain += 1
        features = self.norm(self.conv(x)) + bias[:, None, None]
        self.last = features
        self.made = features.mean()
        self.history.append(features)
        self.nested["deep"]["list"].append(features)
        self.nested["more"] = features
        self.register_buffer("late", features.detach().amax(), persistent=False)
        return features.mean((2, 3))


def state(model):
    """All that the modules of a model hold, as text and numbers."""
    return [(n, {k: copy.deepcopy(v) for k, v in vars(m).items()}.__repr__()) for n, m in model.named_modules()]


@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
@pytest.mark.parametrize("failure", [None, RuntimeError])
def test_a_pass_leaves_nothing_on_the_model(training, failure):
    torch.manual_seed(5)
    model, images = Keeping().train(training), torch.randn(4, 3, 8, 8)
    before = state(model)
    try:
        with recording(model, resolve(model, ["conv", "norm"])) as recorder:
            recorder.responses(list(images), "max")
            assert model.conv.training is False
            if failure:
                raise failure
    except RuntimeError:
        pass
    assert state(model) == before


def test_a_user_goes_on_with_gradients_after_a_pass():
    torch.manual_seed(5)
    model, images = Keeping().eval(), torch.randn(4, 3, 8, 8)
    with recording(model, resolve(model, "conv")) as recorder:
        recorder.responses(list(images), "max")
    model(images).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert model.bias.grad.abs().sum() > 0  # a table from the pass would have no way back to it


@pytest.mark.parametrize("name", ["levit_128s", "tiny_vit_5m_224", "efficientformer_l1"])
def test_timm_models_that_keep_tables_can_be_trained_after_a_pass(name):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=3)
    layer = next(n for n, m in reversed(list(model.named_modules())) if n and "." not in n and "head" not in n)
    images = torch.randn(2, 3, 224, 224)
    plain = copy.deepcopy(model).eval()
    with torch.no_grad():
        expected = plain(images)
    with recording(model, resolve(model, layer)) as recorder:
        recorder.responses(list(images), "max")
    kept = [n for n, m in model.named_modules() for k, v in vars(m).items() if k.endswith("_cache") and v]
    assert kept == []
    model.eval()
    torch.testing.assert_close(model(images), expected, rtol=1e-3, atol=1e-4)
    model(images).sum().backward()


def test_a_model_that_keeps_its_last_features_can_be_folded():
    torch.manual_seed(5)
    model, images = Keeping().eval(), torch.randn(4, 3, 8, 8)
    model(images)  # keeps features that are part of a graph
    twin = folded(model, resolve(model, "norm"), images[0])
    with recording(model, resolve(model, "norm")) as slow, recording(twin, resolve(twin, "norm")) as quick:
        want, got = slow.activations(list(images)), quick.activations(list(images))
    torch.testing.assert_close(got["norm"], want["norm"], rtol=1e-3, atol=1e-4)
    assert model.last.requires_grad
