"""The demo's classifier: a narrow residual network for 64-pixel pictures, half a million parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from semlens_widgets.demo.factors import CLASS_NAMES

SIZE = 64
MEAN, STD = (0.66, 0.50, 0.42), (0.22, 0.20, 0.19)
WIDTHS = (24, 32, 64, 96, 128)
"""Channels after the stem and after each of the four layers."""


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu1(self.bn1(self.conv1(x)))
        return self.relu2(self.bn2(self.conv2(h)) + self.shortcut(x))


class Classifier(nn.Module):
    """``stem, layer1 … layer4, fc``: nevus or melanoma, from a normalised picture [image 3 64 64].

    ``layer4`` has 128 channels of 8 x 8, pooled by their mean into ``fc``; ``class_names`` says what the
    two logits mean. Trained on synthetic pictures: no medical use whatsoever.
    """

    class_names = CLASS_NAMES

    def __init__(self) -> None:
        super().__init__()
        w = WIDTHS
        self.stem = nn.Sequential(nn.Conv2d(3, w[0], 3, 2, 1, bias=False), nn.BatchNorm2d(w[0]), nn.ReLU())
        self.layer1 = Block(w[0], w[1])
        self.layer2 = Block(w[1], w[2], 2)
        self.layer3 = Block(w[2], w[3], 2)
        self.layer4 = Block(w[3], w[4])
        self.fc = nn.Linear(w[4], len(CLASS_NAMES))

    def features(self, x: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image channel rows columns"]:
        """The activations of ``layer4``."""
        return self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))

    def forward(self, x: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image label"]:
        return self.fc(self.features(x).mean((2, 3)))


def normalise(images: UInt8[np.ndarray, "image height width 3"]) -> Float[Tensor, "image 3 height width"]:
    """8-bit pictures as the classifier (and the demo's CLIP) wants them: mean and deviation of the world removed."""
    pixels = torch.tensor(images).permute(0, 3, 1, 2).float() / 255
    return (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def load_classifier(path: Path) -> Classifier:
    """A trained classifier in eval mode, its half-precision weights widened to float32."""
    from safetensors.torch import load_file

    model = Classifier()
    model.load_state_dict(load_file(str(path)))  # copies into the model's float32
    return model.eval()
