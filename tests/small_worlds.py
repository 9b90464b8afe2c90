"""Small worlds in which it is known what every component answers to: detectors, random mixtures, random weights."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from benchmarks.planted import space_of
from scipy.stats import beta
from torch import nn

import semlens_widgets as sl
from semlens_widgets.demo.factors import FACTORS as DEMO_FACTORS
from semlens_widgets.demo.network import Classifier
from semlens_widgets.demo.planted import activations, auroc
from semlens_widgets.demo.world import render
from semlens_widgets.vectors import unit

FACTORS, TRAITS, CHANNELS, IMAGES, FRESH, DIM, K = 8, 12, 64, 1000, 4000, 48, 20
TRUE = 0.75  # of a component that is called found


@dataclass(frozen=True, eq=False)
class World:
    """One world: its space, its words, and the AUROC of every component for every factor on fresh images."""

    space: sl.SemanticSpace
    words: sl.Probes
    truth: np.ndarray  # [component factor]
    shown: np.ndarray  # [factor], how many fresh images show it
    prevalence: np.ndarray  # [factor]
    kind: str


def world(seed):
    random = np.random.default_rng(seed)
    prevalence = np.exp(random.uniform(np.log(0.005), np.log(0.5), FACTORS))
    present = random.random((IMAGES + FRESH, FACTORS)) < prevalence
    present[[0, 1, IMAGES, IMAGES + 1]] = [[True], [False], [True], [False]]
    traits = random.normal(size=(IMAGES + FRESH, TRAITS))
    directions = np.linalg.qr(random.normal(size=(DIM, FACTORS + TRAITS + 1)))[0].T
    clear = random.uniform(0.1, 0.6, FACTORS)
    seen = present[:IMAGES] * clear * random.uniform(0.7, 1.3, (IMAGES, FACTORS))
    images = 1.2 * directions[-1] + seen @ directions[:FACTORS] + 0.1 * traits[:IMAGES] @ directions[FACTORS:-1]
    images = unit(images + 0.5 * unit(random.normal(size=images.shape))).astype(np.float32)
    lean = random.normal(size=(FACTORS, TRAITS)) * random.uniform(0, 0.2, (FACTORS, 1))
    words = unit(directions[:FACTORS] + lean @ directions[FACTORS:-1]).astype(np.float32)
    mixed = traits @ random.normal(size=(TRAITS, CHANNELS)) + present @ random.normal(size=(FACTORS, CHANNELS))
    is_random = bool(seed % 2)
    responses = mixed / mixed.std(0)
    if not is_random:
        detectors = np.arange(CHANNELS) < CHANNELS // 3
        answers = random.integers(0, FACTORS, CHANNELS)
        responses += detectors * random.uniform(0.5, 6, CHANNELS) * present[:, answers]
    responses = np.maximum(responses - random.normal(size=CHANNELS), 0).astype(np.float32)
    space = space_of(responses[:IMAGES], images, seed, k=K)
    probes = sl.Probes(tuple(f"factor {number}" for number in range(FACTORS)), words, space.recipe.clip)
    truth = auroc(responses[IMAGES:], present[IMAGES:])
    kind = "random mixtures" if is_random else "with detectors"
    return World(space, probes, truth, present[IMAGES:].sum(0), present[:IMAGES].mean(0), kind)


class Drawn:
    """The demo's pictures, drawn and seen by its CLIP once for all networks with random weights."""

    def __init__(self, images, fresh, seed):
        self.pictures, self.fresh = render(images, seed), render(fresh, seed + 500_000)
        clip = sl.OpenClip(sl.demo.clip_folder())
        parts = [clip.images([self.pictures.pil(i) for i in range(a, min(a + 250, images))])
                 for a in range(0, images, 250)]  # fmt: skip
        self.vectors = np.concatenate(parts)
        self.probes = sl.text_probes(clip, [factor.query for factor in DEMO_FACTORS], sl.demo.TEMPLATES)

    def world(self, seed):
        """One network with random weights, on 1,000 of the pictures; truth is told by the fresh ones."""
        torch.manual_seed(seed)
        random = np.random.default_rng(seed)
        model, layers = (Classifier(), ("layer3", "layer4")) if seed % 2 else (plain_network(), ("3", "5"))
        chosen = np.sort(random.choice(len(self.pictures), min(1000, len(self.pictures)), replace=False))
        both = [activations(model.eval(), pictures, layers) for pictures in (self.pictures, self.fresh)]
        responses, unseen = (np.concatenate([found[layer] for layer in layers], 1) for found in both)
        space = space_of(responses[chosen], self.vectors[chosen].astype(np.float32), seed, k=K)
        probes = replace(self.probes, clip=space.recipe.clip)
        return World(space, probes, auroc(unseen, self.fresh.factors), self.fresh.factors.sum(0),
                     self.pictures.factors[chosen].mean(0), "random weights")  # fmt: skip


def plain_network():
    return nn.Sequential(
        nn.Conv2d(3, 24, 5, 2), nn.ReLU(), nn.Conv2d(24, 48, 3, 2), nn.ReLU(), nn.Conv2d(48, 96, 3, 2), nn.ReLU(),
    )  # fmt: skip


def interval_of(hits, tries):
    """The 95 % interval of a share (Clopper and Pearson 1934)."""
    low = beta.ppf(0.025, hits, tries - hits + 1) if hits else 0.0
    return low, beta.ppf(0.975, hits + 1, tries - hits) if hits < tries else 1.0


def permuted(made, seed):
    """The same world with the images' vectors dealt anew among the sampled ones."""
    order = np.random.default_rng(seed).permutation(len(made.space.sample))
    turned = replace(made.space, sample_vectors=made.space.sample_vectors[order])
    vars(turned)["null_means"] = made.space.null_means
    return turned
