"""Channels last: pictures are given to a CPU's convolutions in their order where the model answers alike, else not."""

import numpy as np
import pytest
import torch
from torch import nn

import semlens_widgets as sl
from semlens_widgets.model import recording, resolve

ORDERS = []  # of each forward pass: whether its images had the usual order, and how many they were


@pytest.fixture(autouse=True)
def orders():
    ORDERS.clear()


class Net(nn.Module):
    """Three convolutions and what a subclass does to the last one's output."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.convolutions = nn.Sequential(*(nn.Conv2d(3 if at == 0 else 5, 5, 3) for at in range(3)))
        self.last = nn.Identity()

    def between(self, x):
        return x

    def forward(self, x):
        ORDERS.append((x.is_contiguous(), len(x)))
        return self.last(self.between(self.convolutions(x)))


class Viewed(Net):
    """Fails on any order but the usual one, as `view` does."""

    def between(self, x):
        return x.view(len(x), -1)


class Strided(Net):
    """Reads memory as if it had the usual order, as an extension in C may: no error, other numbers."""

    def between(self, x):
        return torch.as_strided(x, x.shape, torch.empty(x.shape).stride())


class Coupled(Net):
    """Each image's answer depends on the others in its batch."""

    def between(self, x):
        return x - x.mean(0, keepdim=True)


IMAGES = torch.randn(7, 3, 11, 13, generator=torch.Generator().manual_seed(1))


def told(net, quick):
    """The responses to three batches."""
    with recording(net, resolve(net, "last"), quick=quick) as recorder:
        said = [recorder.responses(list(IMAGES), "max")["last"] for _ in range(3)]
    return np.stack([s.values for s in said]), np.stack([s.peaks for s in said])


@pytest.mark.parametrize("kind", [Net, Viewed, Strided, Coupled])
def test_the_order_in_memory_changes_no_answer(kind):
    wanted, places = told(kind(), False)
    found, other_places = told(kind(), True)
    assert np.allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert np.mean(places == other_places) > 0.95, "but for rounding"
    assert (found == found[0]).all(), "all batches go one way"


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN")
@pytest.mark.parametrize(("kind", "quick"), [(Net, True), (Viewed, False), (Strided, False), (Coupled, False)])
def test_it_is_kept_where_the_first_image_says_the_same_alone_and_in_the_usual_order(kind, quick):
    net = kind()
    told(net, True)
    first, last = ORDERS[0], ORDERS[-1]
    assert first == (False, 7)
    assert last == (not quick, 7)
    assert sum(count == 1 for _, count in ORDERS) <= 1, "one image more in a pass"


def test_passes_use_it_and_leave_the_model_as_it_was():
    net = Net()
    before = {name: (value.clone(), value.stride()) for name, value in net.state_dict().items()}
    square = IMAGES[:, :, :, :11]
    data = sl.images(list(square.numpy()), mean=0.0, std=1.0)
    found = sl.collect(net, data, "last", k=3, sample=0, progress=False)
    assert any(not usual for usual, _ in ORDERS) == torch.backends.mkldnn.is_available()
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name][0])
        assert value.stride() == before[name][1]
    with torch.no_grad():
        wanted = net(square).amax((2, 3)).T.sort(1, descending=True).values[:, :3]
    assert np.allclose(found.responses, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("model", "why"), [(nn.Conv2d(3, 2, 1), "few"), (Net().double(), "double")])
def test_others_are_given_pictures_as_ever(model, why):
    from semlens_widgets.model.quick import gains

    dtype = next(model.parameters()).dtype
    assert not gains(model, torch.device("cpu"), dtype)
    assert not gains(Net(), torch.device("cuda"), torch.float32)
