"""Truth of search on the demo world, on seeds the tests do not use: what is planted against what is found.

python tests/benchmarks/truth.py [first seed] [number of seeds]
"""

import sys

import numpy as np
import torch
from _tables import particulars
from scipy.stats import binomtest

import semlens_widgets as sl
from semlens_widgets.demo.factors import INDEX, SHORTCUTS
from semlens_widgets.demo.network import Classifier
from semlens_widgets.demo.planted import ENCODED, activations, auroc
from semlens_widgets.demo.proof import crop_overlaps
from semlens_widgets.describe import describe
from semlens_widgets.held_out import MIN_AUROC
from semlens_widgets.search import search


def average_precision(scores, relevant):
    order = np.argsort(-scores, kind="stable")
    hits = relevant[order]
    return float((np.cumsum(hits) / (np.arange(len(hits)) + 1))[hits].mean())


def retrieval(lens, truth, layer, centre, by):
    """Over a layer's encoded factors: worst and mean top-1 AUROC, mAP, label accuracy, found; rightly not found."""
    rows = np.arange(len(lens.components))[lens.components.rows(layer)]
    real = truth[rows]
    queries = [factor.query for factor in sl.demo.FACTORS]
    answers = lens.search(queries, layer=layer, top=None, centre=centre, by=by)
    scores, ranked = np.full((2, len(queries), len(rows)), -float(len(rows)))
    for j, answer in enumerate(answers):
        scores[j, answer.rows - rows[0]] = answer.scores
        ranked[j, answer.rows - rows[0]] = -np.arange(len(answer))
    encoded = real.max(0) >= ENCODED
    first = np.array([real[answer.rows[0] - rows[0], j] for j, answer in enumerate(answers)])
    precision = [average_precision(ranked[j], real[:, j] >= ENCODED) for j in np.flatnonzero(encoded)]
    clear = (real >= ENCODED).sum(1) == 1
    labelled = scores.argmax(0)
    right = labelled[clear] == real[clear].argmax(1)
    found = [answer.found for answer in answers]
    return (
        first[encoded].min(), first[encoded].mean(), np.mean(precision), right.mean(),
        f"{sum(np.array(found)[encoded])}/{encoded.sum()}", f"{sum(~np.array(found)[~encoded])}/{(~encoded).sum()}",
    )  # fmt: skip


def crops(seed, n=1500):
    """Mean IoU of the examples' boxes with the masks of the factor their component encodes, artefacts of layer4."""
    pictures = sl.demo.render(n, seed)
    print("\n| crop | mean IoU with the factor's mask | examples |\n|---|---|---|")
    for name, settings in (
        ("none", {"crop": None}),
        ("activation, threshold 1 %", {"crop": "activation"}),
        ("activation, threshold 20 %", {"crop": "activation", "threshold": 0.2}),
        ("activation, threshold 50 %", {"crop": "activation", "threshold": 0.5}),
        ("crp, threshold 1 %", {"crop": "crp"}),
        ("crp, threshold 20 %", {"crop": "crp", "threshold": 0.2}),
    ):
        lens = sl.demo.lens(n=n, seed=seed, layers=["layer4"], **settings)
        values = crop_overlaps(lens.space.examples, pictures, sl.demo.truth(), "layer4")
        print(f"| {name} | {np.mean(values):.3f} | {len(values)} |", flush=True)


def one_layer_back(first, seeds=10):
    """Over seeds: first hits in layer3, and whether what an audit of both layers calls spurious tells a shortcut.

    A component encodes a factor where its AUROC on fresh pictures is at least .95; what is found claims .75. The
    network is the same for all seeds: what is wrong there is wrong in most of them.
    """
    print("\n| seed | layer3, by both: worst top-1 AUROC, mean (target ≥ .9, ≥ .97) | flagged spurious in layer3: "
          f"encode a shortcut (≥ {ENCODED:g}), tell one (≥ {MIN_AUROC}) | in layer4 | both layers: encode one "
          "(target ≥ .90) |"
          "\n|---|---|---|---|---|")  # fmt: skip
    shortcuts, total = [INDEX[name] for name in SHORTCUTS], np.zeros((2, 3), int)
    truth, queries = sl.demo.truth(), [factor.query for factor in sl.demo.FACTORS]
    at = {component: row for row, component in enumerate(truth.components)}
    for seed in range(first, first + seeds):
        lens = sl.demo.lens(seed=seed, layers=["layer3", "layer4"], progress=False)
        real = truth.auroc[[at[c.layer, c.index] for c in lens.components]]
        firsts = [answer.rows[0] for answer in lens.search(queries, layer="layer3")]
        encoded = (real[lens.components.rows("layer3")] >= ENCODED).any(0)
        top = real[firsts, np.arange(len(queries))][encoded]
        report = lens.audit(sl.Checklist.abcde(), target="melanoma", progress=False, relevance=False)
        rows = np.asarray(report.rows("spurious"), int)
        best, layer = real[rows][:, shortcuts].max(1), lens.components.layer_numbers[rows]
        parts = best[layer == 0], best[layer == 1]
        told = [(len(own), (own >= ENCODED).sum(), (own >= MIN_AUROC).sum()) for own in parts]
        total += np.asarray(told)
        print(f"| {seed} | {top.min():.3f}, {top.mean():.3f} | {' | '.join(flagged(*own) for own in told)} "
              f"| {(best >= ENCODED).mean():.3f} |", flush=True)  # fmt: skip
    low, high = binomtest(int(total[:, 1].sum()), int(total[:, 0].sum())).proportion_ci()
    print(f"| all | | {' | '.join(flagged(*own) for own in total)} "
          f"| {total[:, 1].sum() / total[:, 0].sum():.3f} [{low:.3f}, {high:.3f}] |", flush=True)  # fmt: skip


def flagged(count, encode, tell):
    """Of so many components how many do."""
    return f"{encode} of {count}, {tell} of {count}" if count else "none"


def random_weights(seed, n=1500, networks=5):
    """What is called found, and labelled, in classifiers that learned nothing.

    Even random channels carry a factor now and then: dark corners with an AUROC of 1, for they are dark. An answer is
    false where the found component's AUROC on fresh pictures is below the .75 that "found" claims.
    """
    lowest = []
    found = false = labelled = mislabelled = components = 0
    pictures = sl.demo.render(2000, seed=4000)
    for trial in range(networks):
        torch.manual_seed(seed + trial)
        lens = sl.Lens(
            Classifier().eval(), sl.images(sl.demo.images(n, seed), transform=sl.demo.transform()),
            ["layer3", "layer4"], sl.OpenClip(sl.demo.clip_folder()), k=20, crop=None, templates=sl.demo.TEMPLATES,
        ).fit(cached=False, progress=False)  # fmt: skip
        probes = lens.probes([factor.query for factor in sl.demo.FACTORS])
        responses = activations(lens.source.model, pictures, ("layer3", "layer4"))
        truth = np.concatenate([auroc(responses[layer], pictures.factors) for layer in ("layer3", "layer4")])
        for factor, answer in enumerate(search(lens.space, probes)):
            found += answer.found
            if answer.found:
                lowest.append(truth[answer.best.row, factor])
                false += lowest[-1] < MIN_AUROC
        labels = describe(lens.space, probes, k=1)
        rows = np.flatnonzero(labels.accepted[:, 0])
        labelled += len(rows)
        mislabelled += int((truth[rows, labels.words[rows, 0]] < MIN_AUROC).sum())
        components += int(lens.space.alive.sum())
    queries = networks * len(sl.demo.FACTORS)
    ends = binomtest(int(false), queries).proportion_ci()
    print(f"\n{networks} classifiers with random weights: found {found} of {queries} factor queries, {false} falsely")
    print(f"(the component's AUROC is below {MIN_AUROC}; {false / queries:.1%}, {ends.low:.1%} to {ends.high:.1%}; "
          f"target: at most 5 %;\nlowest of what is found: {', '.join(f'{area:.2f}' for area in sorted(lowest)[:8])}); "
          f"{labelled} of\n{components} components get a label, {mislabelled} of them falsely\n")  # fmt: skip


if __name__ == "__main__":
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 101
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    print(f"\n{particulars(first)}\n")
    truth = sl.demo.truth().auroc
    columns = "seed,layer,by,probe,worst top-1 AUROC,mean,mAP,label accuracy,encoded: found,not encoded: not found"
    print(f"| {columns.replace(',', ' | ')} |")
    print("|---" * 10 + "|")
    for seed in range(first, first + count):
        lens = sl.demo.lens(seed=seed)
        for layer in ("layer4", "layer3"):
            for by, centre in (("examples", False), ("activations", False), ("both", False), ("both", True)):
                numbers = retrieval(lens, truth, layer, centre, by)
                shown = " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in numbers)
                print(f"| {seed} | {layer} | {by} | {'centred' if centre else 'null'} | {shown} |", flush=True)
    one_layer_back(first)
    crops(first)
    random_weights(first)
