"""Features that are sums of known sparse directions, and a network that gives them for pictures that hold the codes.

After the generator of SynthSAEBench (2602.14687), small: more directions than features, how often each is there falls
as a power of its rank, how strongly is drawn for each vector, and some come only with others.
"""

import numpy as np
import torch
from PIL import Image
from scipy.optimize import linear_sum_assignment

import semlens_widgets as sl

FEATURES, DIRECTIONS, SIDE = 24, 36, 8
PLACES = SIDE * SIDE


def directions(seed=0):
    drawn = np.random.default_rng(seed).normal(size=(DIRECTIONS, FEATURES))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def codes(images, seed=0):
    """[image direction place], a byte each: how strongly each direction is there."""
    draw = np.random.default_rng([seed, 1])
    often = np.clip(1.1 * np.arange(4, DIRECTIONS + 4) ** -0.9, 0.02, 0.25)
    there = draw.random((images, DIRECTIONS, PLACES)) < often[None, :, None]
    there[:, 1::6] &= there[:, 0:-1:6] | (draw.random((images, DIRECTIONS // 6, PLACES)) < 0.3)  # comes with another
    strength = np.clip(draw.normal(0.6, 0.15, there.shape), 0.25, 1)
    return np.round(there * strength * 255).astype(np.uint8)


class Planted(torch.nn.Module):
    """Pictures [image 3 24 32] hold in each of 8 x 8 patches the codes of a vector; `layer` gives features [image
    feature 8 8], `head` two numbers."""

    def __init__(self, seed=0):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, FEATURES, (3, 4), (3, 4))
        self.head = torch.nn.Linear(FEATURES, 2)
        with torch.no_grad():
            self.layer.weight.copy_(torch.from_numpy(directions(seed)).T.reshape(FEATURES, 3, 3, 4))
            self.layer.bias.copy_(torch.linspace(-0.5, 0.5, FEATURES))

    def forward(self, x):
        return self.head(self.layer(x).mean((2, 3)))


def tensor(picture):
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).float() / 255


def world(images=150, seed=0):
    """(model in eval mode, data set, codes [image direction place])."""
    drawn = codes(images, seed)
    laid = drawn.reshape(images, 3, 3, 4, SIDE, SIDE).transpose(0, 4, 2, 5, 3, 1).reshape(images, 3 * SIDE, 4 * SIDE, 3)
    pictures = [Image.fromarray(one.copy()) for one in laid]
    return Planted().eval(), sl.images(pictures, transform=tensor), drawn / 255


def recovered(model, encoder, truth):
    """(mean correlation coefficient, F1 [direction]) of the latents that fit the directions one to one.

    The first is the mean |correlation| of codes with what was planted, of the best assignment; F1 is that of "the code
    is above .1" (what is there has at least .25) for "the direction is there".
    """
    flat = truth.transpose(0, 2, 1).reshape(-1, DIRECTIONS)
    rows = torch.from_numpy(flat).float() @ torch.from_numpy(directions()) + model.layer.bias.detach()
    with torch.no_grad():
        found = encoder(rows).numpy()
    alive = found.std(0) > 0
    one = (flat - flat.mean(0)) / flat.std(0)
    other = (found - found.mean(0)) / np.where(alive, found.std(0), 1)
    correlation = np.abs(one.T @ other) / len(flat) * alive
    direction, latent = linear_sum_assignment(-correlation)
    there, said = flat[:, direction] > 0, np.abs(found[:, latent]) > 0.1
    f1 = 2 * (there & said).sum(0) / (there.sum(0) + said.sum(0))
    return correlation[direction, latent].mean(), f1
