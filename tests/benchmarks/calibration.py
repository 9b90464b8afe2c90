"""Calibration over many small worlds: how often p, "found" and the confidence of labels are as right as they say.

    python tests/benchmarks/calibration.py [worlds] [first seed]

A world has images with 8 factors of prevalences from .5 to 50 %, and with 12 traits of which every image has some (as
brightness is one). What the CLIP sees of both differs from world to world: its words tell factors from good to hardly,
and words lean towards traits. Half of the networks are random: channels are random mixtures of traits, with a little
of the factors, behind a rectifier. In the others a third of the channels answer to a factor, from faintly to clearly.
True is what the AUROC of a component says between images with and without the factor, on all images.
"""

import sys
import time
from dataclasses import dataclass, replace

import numpy as np
from _tables import particulars
from planted import space_of
from scipy.stats import beta

import semlens_widgets as sl
from semlens_widgets.demo.planted import auroc
from semlens_widgets.describe import describe
from semlens_widgets.search import search
from semlens_widgets.vectors import unit

FACTORS, TRAITS, CHANNELS, IMAGES, DIM, K = 8, 12, 64, 1000, 48, 20
TRUE = 0.75  # of a component that is called found
LEVELS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5)


@dataclass(frozen=True, eq=False)
class World:
    """One world: its space, its words, and the AUROC of every component for every factor."""

    space: sl.SemanticSpace
    words: sl.Probes
    truth: np.ndarray  # [component factor]
    prevalence: np.ndarray  # [factor]
    is_random: bool


def world(seed):
    random = np.random.default_rng(seed)
    prevalence = np.exp(random.uniform(np.log(0.005), np.log(0.5), FACTORS))
    present = random.random((IMAGES, FACTORS)) < prevalence
    present[:2] = [[True], [False]]
    traits = random.normal(size=(IMAGES, TRAITS))
    directions = np.linalg.qr(random.normal(size=(DIM, FACTORS + TRAITS + 1)))[0].T
    clear = random.uniform(0.1, 0.6, FACTORS)
    seen = present * clear * random.uniform(0.7, 1.3, present.shape)
    images = 1.2 * directions[-1] + seen @ directions[:FACTORS] + 0.1 * traits @ directions[FACTORS:-1]
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
    space = space_of(responses, images, seed, k=K)
    names = tuple(f"factor {number}" for number in range(FACTORS))
    probes = sl.Probes(names, words, space.recipe.clip)
    return World(space, probes, auroc(responses, present), present.mean(0), is_random)


def interval(hits, tries):
    """A share in per cent with its 95 % interval (Clopper and Pearson 1934)."""
    if not tries:
        return "–"
    low = beta.ppf(0.025, hits, tries - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, tries - hits) if hits < tries else 1.0
    return f"{hits}/{tries} = {hits / tries:.1%} ({low:.1%}–{high:.1%})"


def permuted(made, seed):
    """The same world with the images' vectors dealt anew among the sampled ones."""
    order = np.random.default_rng(seed).permutation(len(made.space.sample))
    turned = replace(made.space, sample_vectors=made.space.sample_vectors[order])
    vars(turned)["null_means"] = made.space.null_means
    return turned


def main(worlds, first):
    print(f"# Calibration, {worlds} worlds from seed {first}\n\n{particulars(first)}\n", flush=True)
    started = time.perf_counter()
    small = {by: np.zeros(len(LEVELS), int) for by in ("activations", "best of all, activations")}
    tested = dict.fromkeys(small, 0)
    found, labels, intervals = [], [], []
    for seed in range(first, first + worlds):
        made = world(seed)
        for answer in search(permuted(made, seed), made.words, by="activations", top=None):
            small["activations"] += (answer.p[:, None] <= LEVELS).sum(0)
            small["best of all, activations"] += answer.p_best <= np.array(LEVELS)
            tested["activations"] += len(answer)
            tested["best of all, activations"] += 1
        for by in ("examples", "activations", "both"):
            for factor, answer in enumerate(search(made.space, made.words, by=by)):
                row = answer.best.row
                estimate = float(answer.held_out.auroc[0])
                truth, best = made.truth[row, factor], made.truth[:, factor].max()
                found.append((by, made.is_random, answer.state, truth, best, estimate, made.prevalence[factor]))
                if by == "both" and (told := answer.prevalence):
                    share = made.prevalence[factor]
                    intervals.append((np.isnan(told.share), told.low <= share <= told.high))
        named = describe(made.space, made.words, k=1, level=0)
        rows = np.flatnonzero(made.space.alive)
        for row in rows:
            word = named.words[row, 0]
            sure = named.confidence[row, 0] >= 0.95 and named.accepted[row, 0]
            labels.append((made.is_random, named.confidence[row, 0], sure, made.truth[row, word]))
    print("| p of other orders of the images at most | " + " | ".join(map(str, LEVELS)) + " |")
    print("|---" * (1 + len(LEVELS)) + "|")
    for name, counts in small.items():
        print(f"| {name} | " + " | ".join(f"{count / tested[name]:.4f}" for count in counts) + " |", flush=True)
    of_found(found)
    of_labels(labels)
    for told, name in ((False, "told apart"), (True, "not told apart (at most)")):
        some = [holds for unsure, holds in intervals if unsure == told]
        print(f"prevalence, {name}: the interval holds it in {interval(sum(some), len(some))}")
    print(f"\n{time.perf_counter() - started:.0f} s")


def of_found(found):
    """False finds, what is missed, and whether the estimated AUROC is the true one."""
    print("\n| by | networks | found falsely, of all queries (target: ≤ 5 %) | of what is found | "
          "found where a component has ≥ .8 |\n|---|---|---|---|---|")  # fmt: skip
    for by in ("examples", "activations", "both"):
        for is_random in (True, False):
            some = [f for f in found if f[0] == by and f[1] == is_random]
            hits = [f for f in some if f[2] == "found"]
            false = sum(f[3] < TRUE for f in hits)
            there = [f for f in some if f[4] >= 0.8]
            got = sum(f[2] == "found" for f in there)
            print(f"| {by} | {'random' if is_random else 'with detectors'} | {interval(false, len(some))} | "
                  f"{interval(false, len(hits))} | {interval(got, len(there))} |", flush=True)  # fmt: skip
    print("\n| estimated AUROC of the best hit | hits | true AUROC, mean |\n|---|---|---|")
    for low in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95):
        some = [f[3] for f in found if f[0] == "both" and low <= f[5] < low + (0.05 if low >= 0.7 else 0.1)]
        if some:
            print(f"| from {low} | {len(some)} | {np.mean(some):.3f} |", flush=True)
    print("\n| prevalence | found where a component has ≥ .8, by both | unchecked |\n|---|---|---|")
    for low, high in ((0, 0.01), (0.01, 0.05), (0.05, 0.2), (0.2, 1)):
        some = [f for f in found if f[0] == "both" and low <= f[6] < high and f[4] >= 0.8]
        got, unchecked = (sum(f[2] == state for f in some) for state in ("found", "unchecked"))
        print(f"| {low:.0%} to {high:.0%} | {interval(got, len(some))} | {unchecked} |", flush=True)


def of_labels(labels):
    """How often a label is right, by its confidence and where it is accepted."""
    print("\n| confidence of the label | components | of those right (AUROC ≥ .75) |\n|---|---|---|")
    for low, high in ((0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 0.99), (0.99, 1.01)):
        some = [truth >= TRUE for _, confidence, _, truth in labels if low <= confidence < high]
        print(f"| {low} to {min(high, 1)} | {len(some)} | {interval(sum(some), len(some))} |", flush=True)
    for is_random in (True, False):
        some = [truth >= TRUE for random, _, sure, truth in labels if sure and random == is_random]
        everybody = sum(random == is_random for random, *_ in labels)
        kind = "random networks" if is_random else "networks with detectors"
        print(f"\naccepted labels, {kind}: {len(some)} of {everybody}; right: {interval(sum(some), len(some))}")
        wrong = interval(len(some) - sum(some), everybody)
        print(f"falsely labelled, of all components: {wrong}", flush=True)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [200, 0][len(numbers) :]))
