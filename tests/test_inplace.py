"""What follows a layer may work in place: what the layer said is what it said when it said it."""

import numpy as np
import oracle
import pytest
import torch
from torch import nn

from semlens_widgets.model import recording, resolve


class Overwritten(nn.Module):
    """Layers whose outputs are changed after they gave them, in every way there is."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 5, 3, padding=1)  # then an in-place ReLU
        self.rectified = nn.ReLU(inplace=True)  # gives its own input, and is added to
        self.second = nn.Conv2d(5, 5, 3, padding=1)
        self.sum = nn.Identity()
        self.dropped = nn.Dropout(0.5, inplace=True)
        self.view = nn.Flatten(2)  # a view of what is changed later
        self.pair = Pair()
        self.pooled = nn.AdaptiveAvgPool2d(1)
        self.flat = nn.Flatten()  # a view, too
        self.features = nn.Linear(5, 7)  # has no places, and is overwritten
        self.clamped = nn.Hardtanh(-0.1, 0.1, inplace=True)
        self.head = nn.Linear(7, 2)

    def forward(self, x):
        x = self.rectified(self.first(x))
        x += self.second(x)
        x = self.sum(x)
        x *= 0.5
        x = self.dropped(x)
        self.view(x)
        x[:, 1].zero_()
        kept, _ = self.pair(x)
        kept.sub_(1)
        features = self.features(self.flat(self.pooled(x).mul_(3)))
        self.clamped(features)
        return self.head(features).add_(1)


class Pair(nn.Module):
    def forward(self, x):
        return x, x * 2


NAMES = [name for name, _ in Overwritten().named_modules() if name]


@pytest.fixture(scope="module")
def world():
    torch.manual_seed(17)
    model, images = Overwritten(), torch.randn(11, 3, 6, 6)
    return model, images, oracle.outputs(model, NAMES, images)


@pytest.mark.parametrize("size", [1, 4, 11])
@pytest.mark.parametrize("names", [[name] for name in NAMES] + [NAMES], ids=[*NAMES, "all at once"])
def test_what_is_recorded_is_what_the_layer_said(world, names, size):
    model, images, said = world

    with recording(model, resolve(model, names)) as recorder:
        for pooling in ("max", "mean"):
            got = [recorder.responses(list(part), pooling) for part in images.split(size)]
            for name in names:
                expected = oracle.pooled([o[0] if isinstance(o, list) else o for o in said[name]], pooling)
                values = np.concatenate([part[name].values for part in got])
                np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)
        maps = [recorder.activations(list(part)) for part in images.split(size)]
    for name in names:
        expected = torch.cat([o[0] if isinstance(o, list) else o for o in said[name]])
        got = torch.cat([part[name] for part in maps])
        torch.testing.assert_close(got, expected.reshape(got.shape), rtol=1e-4, atol=1e-5)
