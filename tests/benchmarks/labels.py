"""How good the labels are, per labeler: recovery of known units, prediction of held-out activations, peers' own tests,
stability.

python tests/benchmarks/labels.py [seed]
"""

import sys
import warnings

import numpy as np
from _peers_told import described, peers
from _tables import particulars

import semlens_widgets as sl
from semlens_widgets.demo.planted import ENCODED

METHODS = ("mean", "soft-wpmi", "contrast", "linear")
RESAMPLES = 20


def recovery(lens, auroc):
    """Of layer4's components that encode exactly one factor: how often a phrase for it is first, or in five."""
    rows = np.arange(len(lens.components))[lens.components.rows("layer4")]
    clear = rows[(auroc[rows] >= ENCODED).sum(1) == 1]
    right = auroc[clear].argmax(1)
    vocabularies = {"12 queries": [factor.query for factor in sl.demo.FACTORS]}
    others = [w for w in sl.vocabulary("dermoscopy") if not lens.clip.unknown_words(w)]
    phrases = [phrase for factor in sl.demo.FACTORS for phrase in factor.phrases]
    vocabularies["with synonyms and other terms"] = list(dict.fromkeys([*phrases, *others]))
    print(f"\n{len(clear)} components of layer4 that encode one factor\n")
    print("| labeler | centred | vocabulary | words | top-1 | top-5 | accepted | of those right | collisions |")
    print("|---|---|---|---|---|---|---|---|---|")
    for method in METHODS:
        for centre in (False, True):
            for name, words in vocabularies.items():
                labels = described(lens, words, k=5, method=method, centre=centre)
                said = [[word in sl.demo.FACTORS[n].phrases for word in labels.closest(row)]
                        for row, n in zip(clear, right, strict=True)]  # fmt: skip
                first, five = np.asarray([s[0] for s in said]), np.asarray([any(s) for s in said])
                sure = labels.accepted[clear, 0]
                precision = f"{first[sure].mean():.3f}" if sure.any() else "–"
                print(
                    f"| {method} | {'yes' if centre else 'no'} | {name} | {len(words)} | {first.mean():.3f} | "
                    f"{five.mean():.3f} | {sure.mean():.3f} | {precision} | {labels.collision_rate:.3f} |",
                    flush=True,
                )


def prediction(lens, seed):
    """Held-out activations of the hidden layers, predicted from the labels."""
    held_out = sl.images(sl.demo.images(1000, seed + 7000), transform=sl.demo.transform())
    activations, vectors = lens.source.responses(held_out, progress=False)
    from semlens_widgets.verify import verify

    words = [factor.query for factor in sl.demo.FACTORS]
    print("\n| labeler | centred | labels | Pearson | AUPRC (chance .05) | AUC (CoSy) | MAD (CoSy) |")
    print("|---|---|---|---|---|---|---|")
    for method in METHODS:
        for centre in (False, True):
            labels = described(lens, words, method=method, centre=centre)
            for part, scores in verify(labels, activations, vectors).summary().items():
                shown = " | ".join(str(scores[name]) for name in ("pearson", "auprc", "auc", "mad"))
                print(f"| {method} | {'yes' if centre else 'no'} | {part} | {shown} |", flush=True)


def stability(lens, seed):
    """Agreement of first labels over resamples of the probe set, and under other templates and k."""
    words = [factor.query for factor in sl.demo.FACTORS]
    random = np.random.default_rng(seed)
    sample = lens.space.sample
    usual = {m: described(lens, words, method=m, centre=True).words[:, 0] for m in METHODS}
    alive = lens.space.alive
    print(f"\n| labeler | same first label over {RESAMPLES} resamples of the images, mean (worst) |\n|---|---|")
    from semlens_widgets.describe import describe

    probes = sl.text_probes(lens.clip, words, sl.demo.TEMPLATES, null=False)
    for method in METHODS[1:]:
        agreement = []
        for _ in range(RESAMPLES):
            drawn = random.integers(0, len(sample), len(sample))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                again = describe(
                    lens.space, probes, method=method, centre=True,
                    activations=sample.activations[drawn], image_vectors=sample.vectors[drawn],
                )  # fmt: skip
            agreement.append(np.mean(again.words[alive, 0] == usual[method][alive]))
        print(f"| {method} | {np.mean(agreement):.3f} ({min(agreement):.3f}) |", flush=True)
    agreement = []
    for trial in range(RESAMPLES // 4):
        other = sl.demo.lens(seed=seed + 1 + trial, split="independent")
        again = described(other, words, centre=True).words[:, 0]
        agreement.append(np.mean(again[alive] == usual["mean"][alive]))
    print(f"| mean (other probe sets) | {np.mean(agreement):.3f} ({min(agreement):.3f}) |")
    print("\n| mean labeler, changed | same first label as the default |\n|---|---|")
    for name, how in (
        ("template '{}' alone", {"templates": ("{}",)}),
        ("first template alone", {"templates": sl.demo.TEMPLATES[:1]}),
        ("null probe instead of centring", {"centre": False}),
    ):
        again = described(lens, words, **({"centre": True} | how)).words[:, 0]
        print(f"| {name} | {np.mean(again[alive] == usual['mean'][alive]):.3f} |", flush=True)
    for k in (5, 10, 40):
        again = described(sl.demo.lens(seed=seed, k=k), words, centre=True).words[:, 0]
        print(f"| k = {k} instead of 20 | {np.mean(again[alive] == usual['mean'][alive]):.3f} |", flush=True)


if __name__ == "__main__":
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 101
    print(f"# Labels\n\n{particulars(seed)}")
    lens = sl.demo.lens(seed=seed)
    recovery(lens, sl.demo.truth().auroc)
    prediction(lens, seed)
    peers(lens, sl.demo.truth().auroc, seed)
    stability(lens, seed)
