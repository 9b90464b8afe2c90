"""Calibration over many small worlds: how often p, "found" and the confidence of labels are as right as they say.

    python tests/benchmarks/calibration.py [worlds] [first seed] [real random networks]

A world has images with 8 factors of prevalences from .5 to 50 %, and with 12 traits of which every image has some (as
brightness is one). What the CLIP sees of both differs from world to world: its words tell factors from good to hardly,
and words lean towards traits. Half of the networks are random: channels are random mixtures of traits, with a little
of the factors, behind a rectifier. In the others a third of the channels answer to a factor, from faintly to clearly.
Beside them real networks with random weights look at the demo's pictures, each at others of them.

What is true of a component is its AUROC between images with and without the factor, on images that no search saw.
"Found" claims that it is at least .75, so a find is false where it is lower: with the interval of a share (Clopper and
Pearson). How far that is from nothing at all, an AUROC of .5, stands beside it: what random weights carry, they carry.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from _tables import particulars
from planted import space_of

from semlens_widgets.demo.factors import FACTORS as DEMO_FACTORS
from semlens_widgets.describe import describe
from semlens_widgets.describe.labels import MIN_UNCHECKED
from semlens_widgets.search import search

sys.path.append(str(Path(__file__).parents[1]))
from small_worlds import FRESH, TRUE, Drawn, K, interval_of, permuted, world

LEVELS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5)
BY = ("examples", "activations", "both")


def interval(hits, tries):
    """A share in per cent with its 95 % interval."""
    if not tries:
        return "–"
    low, high = interval_of(hits, tries)
    return f"{hits}/{tries} = {hits / tries:.1%} ({low:.1%}–{high:.1%})"


def error_of(area, shown, others):
    """The standard error of an AUROC (Hanley and McNeil 1982)."""
    above, beyond = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (shown - 1) * (above - area**2) + (others - 1) * (beyond - area**2)
    return np.sqrt(max(spread, 0) / (shown * others))


class Told:
    """What came out over worlds."""

    def __init__(self):
        self.small = {by: np.zeros(len(LEVELS), int) for by in ("activations", *(f"best of all, {by}" for by in BY))}
        self.tested = dict.fromkeys(self.small, 0)
        self.found, self.labels, self.intervals = [], [], []

    def progress(self, done, of, what, every=20):
        """A line now and then, of what is found by both kinds of evidence so far."""
        if done % every and done != of:
            return
        hits = [f for f in self.found if f["by"] == "both" and f["state"] == "found"]
        false, asked = sum(f["truth"] < TRUE for f in hits), sum(f["by"] == "both" for f in self.found)
        print(f"{done} of {of} {what}: found {len(hits)} of {asked}, {false} falsely", flush=True)

    def chance(self, made, seed):
        """p and p_best where images are dealt anew, so that nothing is there; by examples, where these are random."""
        for answer in search(permuted(made, seed), made.words, by="activations", top=None):
            self.small["activations"] += (answer.p[:, None] <= LEVELS).sum(0)
            self.small["best of all, activations"] += answer.p_best <= np.array(LEVELS)
            self.tested["activations"] += len(answer)
            self.tested["best of all, activations"] += 1
        shape = len(made.space.crop_vectors), len(made.space.components)
        drawn = np.random.default_rng(seed).random(shape).astype(np.float32)
        space = space_of(drawn, made.space.crop_vectors.astype(np.float32), seed, k=K)
        for by in ("examples", "both"):
            for answer in search(space, made.words, by=by):
                self.small[f"best of all, {by}"] += answer.p_best <= np.array(LEVELS)
                self.tested[f"best of all, {by}"] += 1

    def ask(self, made, fresh):
        """Every factor by every evidence, and labels."""
        for by in BY:
            for factor, answer in enumerate(search(made.space, made.words, by=by)):
                truth = made.truth[answer.best.row, factor]
                self.found.append({
                    "by": by, "kind": made.kind, "state": answer.state, "truth": truth,
                    "error": error_of(truth, made.shown[factor], fresh - made.shown[factor]),
                    "best": made.truth[:, factor].max(), "estimate": float(answer.held_out.auroc[0]),
                    "prevalence": made.prevalence[factor], "factor": factor,
                })  # fmt: skip
                if by == "both" and (told := answer.prevalence):
                    share = made.prevalence[factor]
                    self.intervals.append((np.isnan(told.share), told.low <= share <= told.high))
        named = describe(made.space, made.words, k=1, level=0)
        for row in np.flatnonzero(made.space.alive):
            sure = named.confidence[row, 0] >= 0.95
            self.labels.append({
                "kind": made.kind, "confidence": named.confidence[row, 0], "sure": sure,
                "accepted": sure and named.accepted[row, 0], "checked": np.isfinite(named.held_out[row, 0]),
                "similarity": named.adjusted_similarity[row, 0], "truth": made.truth[row, named.words[row, 0]],
            })  # fmt: skip


def main(worlds, first, networks):
    print(f"# Calibration, {worlds} worlds and {networks} random networks from seed {first}\n\n{particulars(first)}\n",
          flush=True)  # fmt: skip
    torch.set_num_threads(max(torch.get_num_threads(), 1))
    started, told = time.perf_counter(), Told()
    for seed in range(first, first + worlds):
        made = world(seed)
        told.chance(made, seed)
        told.ask(made, FRESH)
        told.progress(seed - first + 1, worlds, "worlds")
    drawn = Drawn(1500, 1500, 90_000 + first) if networks else None
    for seed in range(first, first + networks):
        told.ask(drawn.world(seed), 1500)
        told.progress(seed - first + 1, networks, "random networks")
    print("| p of other orders of the images at most | " + " | ".join(map(str, LEVELS)) + " |")
    print("|---" * (1 + len(LEVELS)) + "|")
    for name, counts in told.small.items():
        print(f"| {name} | " + " | ".join(f"{count / told.tested[name]:.4f}" for count in counts) + " |", flush=True)
    of_found(told.found)
    what_random_weights_carry(told.found)
    of_labels(told.labels)
    unchecked_labels(told.labels)
    for unsure, name in ((False, "told apart"), (True, "not told apart (at most)")):
        some = [holds for other, holds in told.intervals if unsure == other]
        print(f"\nprevalence, {name}: the interval holds it in {interval(sum(some), len(some))}")
    print(f"\n{time.perf_counter() - started:.0f} s")


def kinds_of(told):
    return list(dict.fromkeys(one["kind"] for one in told))


def of_found(found):
    """False finds, what is missed, and whether the estimated AUROC is the true one."""
    print(f"\nA find is false where the component's AUROC on fresh images is below {TRUE}; no more than chance where "
          "its 95 % interval holds .5.\n")  # fmt: skip
    print("| by | networks | false finds, of all queries (target: ≤ 5 %) | of what is found | surely below "
          f"{TRUE} | no more than chance | found where a component has ≥ .8 |\n{'|---' * 7}|")  # fmt: skip
    for by in BY:
        for kind in kinds_of(found):
            some = [f for f in found if f["by"] == by and f["kind"] == kind]
            hits = [f for f in some if f["state"] == "found"]
            false = sum(f["truth"] < TRUE for f in hits)
            surely = sum(f["truth"] + 1.96 * f["error"] < TRUE for f in hits)
            nothing = sum(f["truth"] - 1.96 * f["error"] <= 0.5 for f in hits)
            there = [f for f in some if f["best"] >= 0.8]
            got = sum(f["state"] == "found" for f in there)
            print(f"| {by} | {kind} | {interval(false, len(some))} | {interval(false, len(hits))} "
                  f"| {interval(surely, len(some))} | {interval(nothing, len(some))} | {interval(got, len(there))} |",
                  flush=True)  # fmt: skip
    both = [f for f in found if f["by"] == "both"]
    print("\n| estimated AUROC of the best hit | hits | true AUROC, mean | of those found: hits, true AUROC, mean |"
          "\n|---|---|---|---|")  # fmt: skip
    for low in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95):
        some = [f for f in both if low <= f["estimate"] < low + (0.05 if low >= 0.7 else 0.1)]
        if some:
            hits = [f["truth"] for f in some if f["state"] == "found"]
            shown = f"{len(hits)}, {np.mean(hits):.3f}" if hits else "0"
            print(f"| from {low} | {len(some)} | {np.mean([f['truth'] for f in some]):.3f} | {shown} |", flush=True)
    print("\n| prevalence | found where a component has ≥ .8, by both | unchecked |\n|---|---|---|")
    for low, high in ((0, 0.01), (0.01, 0.05), (0.05, 0.2), (0.2, 1)):
        some = [f for f in both if low <= f["prevalence"] < high and f["best"] >= 0.8]
        got, unchecked = (sum(f["state"] == state for f in some) for state in ("found", "unchecked"))
        print(f"| {low:.0%} to {high:.0%} | {interval(got, len(some))} | {unchecked} |", flush=True)


def what_random_weights_carry(found):
    """Whether the finds in networks with random weights are carriers: factor by factor."""
    some = [f for f in found if f["kind"] == "random weights" and f["by"] == "both"]
    if not some:
        return
    print("\n| random weights: factor | networks | best component's true AUROC: median (most) | found | of those true "
          f"AUROC ≥ {TRUE} | lowest of those found |\n|---|---|---|---|---|---|")  # fmt: skip
    for number, factor in enumerate(DEMO_FACTORS):
        own = [f for f in some if f["factor"] == number]
        best, hits = [f["best"] for f in own], [f["truth"] for f in own if f["state"] == "found"]
        lowest = f"{min(hits):.3f}" if hits else "–"
        print(f"| {factor.query} | {len(own)} | {np.median(best):.3f} ({max(best):.3f}) | {len(hits)} "
              f"| {sum(truth >= TRUE for truth in hits)} | {lowest} |", flush=True)  # fmt: skip


def of_labels(labels):
    """How often a label is right, by its confidence and where it is accepted."""
    print("\n| confidence of the label | components | of those right (AUROC ≥ .75) |\n|---|---|---|")
    for low, high in ((0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 0.99), (0.99, 1.01)):
        some = [one["truth"] >= TRUE for one in labels if low <= one["confidence"] < high]
        print(f"| {low} to {min(high, 1)} | {len(some)} | {interval(sum(some), len(some))} |", flush=True)
    print("\n| networks | components | labels accepted | of those right | falsely labelled, of all components |"
          "\n|---|---|---|---|---|")  # fmt: skip
    for kind in kinds_of(labels):
        own = [one for one in labels if one["kind"] == kind]
        right = [one["truth"] >= TRUE for one in own if one["accepted"]]
        wrong = len(right) - sum(right)
        print(f"| {kind} | {len(own)} | {len(right)} | {interval(sum(right), len(right))} "
              f"| {interval(wrong, len(own))} |", flush=True)  # fmt: skip


def unchecked_labels(labels):
    """Of confident labels that no sampled image can check: how often they are right, by adjusted similarity."""
    print(f"\n| labels nobody can check: adjusted similarity (accepted from {MIN_UNCHECKED:g}) | components | right |"
          "\n|---|---|---|")  # fmt: skip
    for low, high in ((0.4, 0.5), (0.5, 0.55), (0.55, 0.6), (0.6, 0.65), (0.65, 0.7), (0.7, 0.8), (0.8, 9)):
        some = [one["truth"] >= TRUE for one in labels
                if one["sure"] and not one["checked"] and low <= one["similarity"] < high]  # fmt: skip
        print(f"| {low} to {high if high < 1 else '…'} | {len(some)} | {interval(sum(some), len(some))} |", flush=True)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [200, 0, 40][len(numbers) :]))
