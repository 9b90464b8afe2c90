"""A toy world that means something: pictures of one colour, a model with one channel per colour, a colour CLIP."""

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

import semlens_widgets as sl
from semlens_widgets.vectors import unit

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0), "white": (1, 1, 1)}


class ColourClip:
    """A CLIP that sees the mean colour but not its brightness; a text is the mean of the colours it names."""

    def __init__(self, dim: int = 3, name: str = "colours") -> None:
        self.name = name
        self.turn = np.linalg.qr(np.random.default_rng(0).normal(size=(max(dim, 4), 4)))[0].astype(np.float32)
        self.asked: list[int] = []

    def _vector(self, colours: np.ndarray) -> np.ndarray:
        chroma = 4 * (colours - np.mean(colours, axis=1, keepdims=True))
        return unit(np.concatenate([chroma, np.ones((len(colours), 1))], 1).astype(np.float32) @ self.turn.T)

    def images(self, pictures: list[Image.Image]) -> np.ndarray:
        self.asked.append(len(pictures))
        return self._vector(np.stack([np.asarray(p, np.float32).reshape(-1, 3).mean(0) / 255 for p in pictures]))

    def texts(self, texts: list[str]) -> np.ndarray:
        named = [[COLOURS[w] for w in t.split() if w in COLOURS] or [(0.5, 0.5, 0.5)] for t in texts]
        return self._vector(np.stack([np.mean(n, axis=0) for n in named]))

    def unknown_words(self, text: str) -> list[str]:
        return [w for w in text.split() if w not in COLOURS]


class ColourNet(nn.Module):
    """`colour` has one channel per basic colour (red, green, blue) and one that is never excited; then a head.

    All weights are whole numbers, so that its arithmetic is exact whatever the batch.
    """

    def __init__(self) -> None:
        super().__init__()
        weight = torch.tensor([[2, -1, -1], [-1, 2, -1], [-1, -1, 2], [-1, -1, -1]], dtype=torch.float32)
        self.colour = nn.Conv2d(3, 4, 1, bias=False)
        self.colour.weight.data = weight[:, :, None, None]
        self.rectified = nn.ReLU()
        self.head = nn.Linear(4, 2, bias=False)
        self.head.weight.data = torch.tensor([[1.0, 0, 0, 0], [0, 1, 1, 0]])

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.head(self.rectified(self.colour(pixels)).amax((2, 3)))


def pictures(count: int, seed: int = 0, size: int = 8) -> list[Image.Image]:
    """Pictures with a coloured square on grey: random hue, strength and place, in 1/16 steps so sums are exact."""
    random = np.random.default_rng(seed)
    result = []
    for _ in range(count):
        pixels = np.full((size, size, 3), 96, np.uint8)
        x, y = random.integers(0, size - 4, 2)
        pixels[y : y + 4, x : x + 4] = random.integers(0, 16, 3) * 16
        result.append(Image.fromarray(pixels))
    return result


def to_pixels(picture: Image.Image) -> torch.Tensor:
    """Whole numbers 0…255, so that a float32 sum of them is exact."""
    return torch.from_numpy(np.asarray(picture, np.float32).transpose(2, 0, 1).copy())


def colour_lens(count: int = 60, k: int = 5, clip: ColourClip | None = None, **options: Any) -> sl.Lens:
    """A lens on the toy world that shows whole images and asks words as they are; to be fitted."""
    data = sl.images(pictures(count), transform=to_pixels)
    options = {"crop": None, "templates": ("{}",)} | options
    return sl.Lens(ColourNet(), data, ["colour", "head"], clip or ColourClip(), k=k, **options)
