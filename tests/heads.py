"""Small models with every kind of answer, and pictures for them: what targets are tried on."""

import functools

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from toy import pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.model import stack

SIZE, CLASSES = 24, ("sky", "road", "tree", "car", "house")


def data(size=SIZE, count=5, **settings):
    return sl.images(pictures(count, size=size), transform=lambda p: to_pixels(p) / 255, **settings)


def trunk(channels=7):
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 11, 3, padding=1), nn.ReLU(), nn.Conv2d(11, channels, 3, padding=1), nn.ReLU())


class Heads(nn.Module):
    """A trunk of two convolutions, and one linear map at every place: whatever is made of it is its answer."""

    def __init__(self, end, outputs=5, bias=True):
        super().__init__()
        self.trunk = trunk()
        self.last = nn.Conv2d(7, outputs, 1, bias=bias)
        self.end = end

    def forward(self, pixels):
        return self.end(self.last(self.trunk(pixels)))


def pooled(maps):
    return maps.mean((2, 3))


@functools.cache
def common():
    with torch.no_grad():
        return Heads(pooled)(stack([data().tensor(i) for i in range(5)])).mean(0)


def centred(maps):
    """Embeddings that differ: most of what all pictures have in common is taken off."""
    return pooled(maps) - 0.8 * common()


def at_half(maps):
    """A map of a coarser grid, as SegFormer gives it."""
    return functional.avg_pool2d(maps, 2)


class Mapped(Heads):
    class_names = CLASSES

    def __init__(self, end=lambda maps: {"out": maps}, **settings):
        super().__init__(end, **settings)


class Detector(nn.Module):
    """Reports its four fixed boxes as torchvision does: the score of each is the sigmoid of a class's mean in it."""

    places = ((2, 2, 10, 10), (12, 12, 22, 22), (12, 2, 22, 10), (3, 3, 11, 11))
    names = (1, 2, 3, 1)

    def __init__(self):
        super().__init__()
        self.maps = Heads(lambda maps: maps)

    def forward(self, pixels):
        answers = []
        for one in self.maps(pixels):
            scores = torch.stack(
                [
                    one[label, top:bottom, left:right].mean().sigmoid()
                    for label, (left, top, right, bottom) in zip(self.names, self.places, strict=True)
                ]
            )
            order = scores.argsort(descending=True)
            boxes = torch.tensor(self.places, dtype=torch.float32)
            answers.append({"boxes": boxes[order], "labels": torch.tensor(self.names)[order], "scores": scores[order]})
        return answers


MASK = np.zeros((SIZE, SIZE), bool)
MASK[3:9, 5:17] = True
VECTOR = np.random.default_rng(3).normal(size=5).astype(np.float32)
UNIT = torch.from_numpy(VECTOR / np.linalg.norm(VECTOR))


class Tower(nn.Module):
    """The image tower of `ColourClip`, from pixels in [0, 1]."""

    def __init__(self, clip):
        super().__init__()
        self.seen = nn.Conv2d(3, 3, 1, bias=False)
        self.seen.weight.data = (4 * (torch.eye(3) - 1 / 3))[:, :, None, None]
        self.turn = torch.from_numpy(clip.turn.copy())

    def forward(self, pixels):
        chroma = self.seen(pixels).mean((2, 3))
        return torch.cat([chroma, torch.ones(len(chroma), 1)], 1) @ self.turn.T
