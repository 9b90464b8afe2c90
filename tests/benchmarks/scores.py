"""Speed of the scores and of labels against semanticlens 0.2.1, scikit-learn and the bare matrix product.

python tests/benchmarks/scores.py [scores|clusters|labels ...]
"""

import sys
import tracemalloc
import warnings

import numpy as np
import torch
from _tables import RATIO_HEAD, paired, particulars, ratio_row, seconds
from planted import space_of

import semlens_widgets as sl
from semlens_widgets.describe import describe
from semlens_widgets.evaluate import clarity, evaluate, polysemanticity, redundancy
from semlens_widgets.vectors import two_means, unit

SEED = 0


def examples(components, k, dim, kind, random):
    """Unit example embeddings: one concept, two, a mixture of five, or none; all with a common direction."""
    concepts = {"one concept": 1, "two concepts": 2, "five concepts": 5, "noise": 0}[kind]
    made = random.normal(size=(components, k, dim), scale=1 / np.sqrt(dim))
    if concepts:
        meaning = random.normal(size=(components, concepts, dim), scale=1 / np.sqrt(dim))
        made = meaning[:, np.arange(k) % concepts] + 0.7 * made
    return unit((made + random.normal(size=dim, scale=0.7 / np.sqrt(dim))).astype(np.float32))


KINDS = ("one concept", "two concepts", "five concepts", "noise")


def scores():
    from semanticlens.scores import clarity_score, polysemanticity_score, redundancy_score

    random = np.random.default_rng(SEED)
    print(RATIO_HEAD)
    for components, k, dim, rounds in ((512, 20, 512, 3), (2048, 30, 512, 1)):
        part = components // len(KINDS)
        v = np.concatenate([examples(part, k, dim, kind, random) for kind in KINDS])
        theta, tensor = v.mean(1), torch.from_numpy(v)
        flat = torch.from_numpy(theta)
        shape = f"{components} × {k} × {dim}"
        for name, ours, theirs, target in (
            ("clarity", lambda v=v: clarity(v), lambda t=tensor: clarity_score(t), "–"),
            ("redundancy", lambda t=theta: redundancy(t), lambda t=flat: redundancy_score(t), "–"),
            ("polysemanticity", lambda v=v: polysemanticity(v), lambda t=tensor: polysemanticity_score(t), "≤ 0.02"),
        ):
            sides = paired(ours, theirs, rounds if name == "polysemanticity" else 5)
            print(ratio_row(f"{name}, {shape}", "semanticlens 0.2.1", target, *sides), flush=True)
            if name == "polysemanticity":
                difference = np.abs(ours() - theirs().numpy())
                same = "; ".join(
                    f"{kind} {np.mean(difference[n * part : (n + 1) * part] < 1e-5):.3f}"
                    for n, kind in enumerate(KINDS)
                )
                times = sides[1] / sides[0]
                faster = f"{np.median(times):.0f} × faster ({times.min():.0f}–{times.max():.0f})"
                note = f"{faster}; share of components with the same value to 1e-5: {same}"
            else:
                mine, other = ours(), theirs().numpy()
                gap = np.abs(mine.mean() - other) if name == "redundancy" else np.abs(mine - other).max()
                note = f"largest difference {gap:.1e}"
            print(f"| {name}, {shape} | values | | | {note} | |", flush=True)


def clusters():
    from sklearn.cluster import KMeans

    print("\n| 512 × 20 × 512 | same clusters as scikit-learn's best of 10 | ours closer | theirs closer |")
    print("|---|---|---|---|")
    for kind in KINDS:
        v = examples(512, 20, 512, kind, np.random.default_rng(SEED))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = [KMeans(2, n_init=10, random_state=123).fit(x).labels_ == 1 for x in v]
        same, nearer, farther = 0, 0, 0
        for x, a, b in zip(v.astype(np.float64), two_means(v), theirs, strict=True):
            equal = np.array_equal(a, b) or np.array_equal(a, ~b)
            lead = _squares(x, b) - _squares(x, a)
            same, nearer, farther = same + equal, nearer + (not equal and lead > 0), farther + (not equal and lead < 0)
        print(f"| {kind} | {same / 512:.3f} | {nearer / 512:.3f} | {farther / 512:.3f} |", flush=True)


def _squares(x, second):
    return sum(((x[side] - x[side].mean(0)) ** 2).sum() for side in (second, ~second) if side.any())


def labels():
    components, words, dim, k, images = 10_000, 20_000, 512, 30, 20_000
    random = np.random.default_rng(SEED)
    meaning = unit(random.normal(size=(words, dim)))
    shown = random.integers(0, 2000, images)
    pictures = unit(unit(random.normal(size=dim)) + meaning[shown] + unit(random.normal(size=(images, dim))))
    activations = np.zeros((images, components), np.float32)
    for component in range(components):
        mine = np.flatnonzero(shown == component % 2000)
        activations[mine, component] = random.random(len(mine)) + 1
        activations[random.integers(0, images, k), component] += 0.5
    space = space_of(activations, pictures.astype(np.float32), SEED, k=k)
    del activations
    probes = sl.Probes(tuple(f"word {n}" for n in range(words)), meaning.astype(np.float32), "planted")
    _ = space.null_sets, space.alive, space._pool  # made once per space, whatever is asked

    def bare():
        for start in range(0, components, 1000):
            _ = space.vectors[start : start + 1000] @ probes.vectors.T

    print(f"\n{RATIO_HEAD}")
    sides = paired(lambda: describe(space, probes), bare, 3)
    print(ratio_row("labels, 10,000 components × 20,000 words", "the bare matrix product", "≤ 3", *sides), flush=True)
    tracemalloc.start()
    found = describe(space, probes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    right = np.mean(found.words[:, 0] == np.arange(components) % 2000)
    print(f"\nmemory above the space and the words: {peak / 1e6:.0f} MB; top-1 {right:.3f}; {found.message}")
    print(f"meanings of all components: {seconds(lambda: found.meanings):.1f} s")
    print(f"scores of all components: {seconds(lambda: evaluate(space)):.1f} s")


PARTS = {"scores": scores, "clusters": clusters, "labels": labels}


if __name__ == "__main__":
    print(f"# Scores and labels\n\n{particulars(SEED)}\n")
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
