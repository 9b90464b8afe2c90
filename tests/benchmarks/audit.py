"""The audit on the demo world, against what is planted: regions, shares, coverage, and the effect of acting on it.

python tests/benchmarks/audit.py [seed]
The classifiers that rely on rulers to known degrees are trained on first use (minutes) and kept in the cache.
"""

import sys
from pathlib import Path

import numpy as np
from _tables import particulars

import semlens_widgets as sl
from semlens_widgets import cache
from semlens_widgets.demo import reliance
from semlens_widgets.demo.factors import CLASS_NAMES, FACTORS, INDEX, NAMES, SHORTCUTS, SPLITS
from semlens_widgets.demo.measure import average_precision, margins
from semlens_widgets.demo.planted import ENCODED, auroc, measure_truth
from semlens_widgets.demo.world import contents, render

ABCDE = sl.Checklist.abcde()
CONCEPT_OF = {factor.name: factor.query for factor in FACTORS}


def pictures(split, n, seed):
    """A data set with labels; `split` a name or probabilities."""
    probabilities = SPLITS[split] if isinstance(split, str) else split
    drawn = render(n, seed, probabilities=probabilities)
    images = [drawn.pil(i) for i in range(n)]
    return sl.images(images, transform=sl.demo.transform(), labels=drawn.labels.tolist(), classes=CLASS_NAMES)


def lens_of(model, seed, layers, split="independent", n=1500):
    data = sl.images(sl.demo.images(n, seed, split), transform=sl.demo.transform(), classes=CLASS_NAMES)
    return sl.Lens(
        model, data, layers, sl.OpenClip(sl.demo.clip_folder()), k=20, crop=None, templates=sl.demo.TEMPLATES
    ).fit(cached=False, progress=False)  # fmt: skip


def truth_of(lens, truth):
    row = {component: at for at, component in enumerate(truth.components)}
    return truth.auroc[[row[c.layer, c.index] for c in lens.components]]


def patch_influence(model, n=400, seed=77, factor="patch"):
    """The mean absolute change of the logit margin when one factor is toggled in the same picture."""
    flags = contents(n, seed)[1]
    both = []
    for present in (True, False):
        chosen = flags.copy()
        chosen[:, INDEX[factor]] = present
        both.append(margins(model, render(n, seed, flags=chosen)))
    return float(np.abs(both[0] - both[1]).mean())


def biased(seed, layers):
    lens = sl.demo.lens(seed=seed, layers=layers)
    report = lens.audit(ABCDE, target="melanoma", progress=False)
    real = truth_of(lens, sl.demo.truth())
    shortcut = (real[:, [INDEX[n] for n in SHORTCUTS]] >= ENCODED).any(1)
    flagged = np.zeros(len(real), bool)
    flagged[report.rows("spurious")] = True
    right = (flagged & shortcut).sum()
    free, clean = (pictures(split, 1000, 9000 + seed) for split in ("unbiased", "clean"))
    effect = lens.effect(data={"free": free, "clean": clean}, draws=5)
    before = patch_influence(lens.source.model)
    with lens.without(report.spurious) as model:
        after = patch_influence(model)
    base = effect["free", "as it is"].auroc.mean
    lifted = effect["free", "switched off"].auroc.mean - base
    random = effect["free", "random, equal number"].auroc
    lost = effect["clean", "as it is"].auroc.mean - effect["clean", "switched off"].auroc.mean
    print(f"\n### The shipped biased classifier, {' and '.join(layers)}, seed {seed}\n")
    print("| measure | value | target |\n|---|---|---|")
    print(f"| spurious components: precision | {right / max(flagged.sum(), 1):.3f} ({flagged.sum()} flagged) | ≥ .90 |")
    print(f"| recall | {right / shortcut.sum():.3f} ({shortcut.sum()} encode a shortcut) | ≥ .85 |")
    print(f"| AUROC, artefacts independent: lift by switching them off | {lifted:+.3f} ({base:.3f} before) | ≥ +.12 |")
    print(f"| the same, random components of equal number | {random.mean - base:+.3f} ({random.low - base:+.3f} to "
          f"{random.high - base:+.3f}) | ±.03 |")  # fmt: skip
    print(f"| clean AUROC lost | {lost:+.3f} | ≤ .02 |")
    print(f"| coloured patch's influence on the logit | {after / before - 1:+.0%} | ≤ −80 % |", flush=True)
    print(f"\n{report!r}\n")
    return lens, report


def coverage(lens, report, truth):
    """Whether concepts are found where a component encodes them, and missing where none does."""
    real = truth_of(lens, truth)
    encoded = {CONCEPT_OF[n] for n in NAMES if (real[:, INDEX[n]] >= ENCODED).any()}
    found = {f.name for f in report.findings if f.state == "found"}
    return len(found & encoded), len(found), len(encoded)


def rulers(seed, folder):
    print("\n### Rulers tied to melanoma at a correlation of rho (layer4)\n")
    print(
        "| rho | accuracy: free → poisoned | ruler in the ranking: AUROC, AP | found, share of relevance "
        "| spurious share | false alarms | found / right / encoded | AUROC free: as it is → off (random) "
        "| poisoned: as it is → off (random) |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    drops, shares = [], []
    for rho in reliance.RHOS:
        model = reliance.load(rho, folder)
        lens = lens_of(model, seed, ["layer4"])
        report = lens.audit(ABCDE, target="melanoma", progress=False)
        truth = measure_truth(model, ("layer4",))
        real = truth_of(lens, truth)
        is_ruler = real[:, INDEX["ruler"]] >= ENCODED
        weight = np.where(np.isin(np.arange(len(real)), report.rows("spurious")), report.share, 0)
        area = auroc(weight[:, None], is_ruler[:, None])[0, 0] if 0 < is_ruler.sum() < len(real) else np.nan
        precision = average_precision(weight, is_ruler) if is_ruler.any() else np.nan
        ruler = report["ruler"]
        shortcuts = (real[:, [INDEX[n] for n in NAMES if n in SHORTCUTS]] >= ENCODED).any(1)
        loud = report.share > 0.02
        alarms = (loud & (weight > 0) & ~shortcuts).sum()
        off = [c for c in report.spurious if report.concept_of(lens.components.row(c)) == "ruler"]
        data = {"free": pictures(reliance.FREE, 1000, 9100), "poisoned": pictures(reliance.POISONED, 1000, 9200)}
        acc = {}
        shown = {}
        if off:
            effect = lens.effect(off, data, target="melanoma", draws=5, points=2)
            acc = {name: effect[name, "as it is"].accuracy.mean for name in data}
            for name in data:
                a, b, c = (effect[name, s].auroc for s in ("as it is", "switched off", "random, equal number"))
                shown[name] = f"{a.mean:.3f} → {b.mean:.3f} ({c.mean:.3f})"
        right, found, encoded = coverage(lens, report, truth)
        drops.append(acc.get("free", np.nan) - acc.get("poisoned", np.nan))
        shares.append(ruler.share.mean)
        print(
            f"| {rho:g} | {acc.get('free', np.nan):.3f} → {acc.get('poisoned', np.nan):.3f} "
            f"| {area:.3f}, {precision:.3f} | {ruler.state}, {ruler.share.mean:.1%} {ruler.direction or ''} "
            f"| {report.shares['spurious'].mean:.1%} "
            f"| {alarms} | {found} / {right} / {encoded} | {shown.get('free')} | {shown.get('poisoned')} |",
            flush=True,
        )
    order = [np.argsort(np.argsort(v)) for v in (drops, shares)]
    agreement = np.corrcoef(order)[0, 1]
    print(f"\nSpearman of the ruler's share with accuracy lost under poisoning: {agreement:.2f} (≥ .8)\n", flush=True)


def random_weights(seed):
    """How often a concept is called found in classifiers that learned nothing."""
    import torch

    from semlens_widgets.demo.network import Classifier

    found = total = 0
    for trial in range(3):
        torch.manual_seed(seed + trial)
        report = lens_of(Classifier().eval(), seed, ["layer4"], n=1000).audit(ABCDE, target="melanoma", progress=False)
        states = [f.state for f in report.findings if f.state != "unseen"]
        found, total = found + states.count("found"), total + len(states)
    print(f"\nthree classifiers with random weights: {found} of {total} concepts called found\n", flush=True)


if __name__ == "__main__":
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 101
    print(f"\n{particulars(seed)}", flush=True)
    truth = sl.demo.truth()
    for layers in (["layer4"], ["layer3", "layer4"]):
        lens, report = biased(seed, layers)
        right, found, encoded = coverage(lens, report, truth)
        print(f"concepts: {found} found, {right} of them encoded by a component; {encoded} encoded\n", flush=True)
    folder = Path(cache.folder()) / "audit-classifiers"
    reliance.make(folder, sl.demo.classifier("unbiased"), report=lambda line: print(line, file=sys.stderr, flush=True))
    rulers(seed, folder)
    random_weights(seed)
