"""The audit on the demo world, against what is planted: regions, shares, coverage, and the effect of acting on it.

python tests/benchmarks/audit.py [seed]
"""

import sys

import numpy as np
from _tables import particulars
from scipy.stats import spearmanr

import semlens_widgets as sl
from semlens_widgets.audit import REGIONS
from semlens_widgets.demo import reliance
from semlens_widgets.demo.factors import CLASS_NAMES, FACTORS, INDEX, NAMES, SHORTCUTS, SPLITS
from semlens_widgets.demo.measure import average_precision, margins
from semlens_widgets.demo.planted import ENCODED, auroc, measure_truth
from semlens_widgets.demo.world import contents, render

ABCDE = sl.Checklist.abcde()
USED = sl.Thresholds().used
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
    best = real[:, [INDEX[n] for n in SHORTCUTS]].max(1)
    shortcut = best >= ENCODED
    flagged = np.zeros(len(real), bool)
    flagged[report.rows("spurious")] = True
    right = (flagged & shortcut).sum()
    free, clean = (pictures(split, 1000, 9000 + seed) for split in ("unbiased", "clean"))
    effect = lens.effect(data={"free": free, "clean": clean}, points=2)
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
    print(f"| of them, tell a shortcut at all (true AUROC ≥ .75; ≥ {ENCODED:g} counts above) "
          f"| {(best[flagged] >= 0.75).mean():.3f} | – |")  # fmt: skip
    print(f"| recall | {right / shortcut.sum():.3f} ({shortcut.sum()} encode a shortcut) | ≥ .85 |")
    print(f"| AUROC, artefacts independent: lift by switching them off | {lifted:+.3f} ({base:.3f} before) | ≥ +.12 |")
    print(f"| the same, random components of equal number, mean of {effect.draws} draws (lowest to highest) | "
          f"{random.mean - base:+.3f} ({random.low - base:+.3f} to {random.high - base:+.3f}) | ±.03 |")  # fmt: skip
    print(f"| clean AUROC lost | {lost:+.3f} | ≤ .02 |")
    print(f"| coloured patch's influence on the logit | {after / before - 1:+.0%} | ≤ −80 % |", flush=True)
    print(f"\n{report!r}\n")
    return lens, report


def uses(lens, report):
    """What is called used, beside what toggling the factor in the same picture does to the logit margin."""
    print("| concept | kind | state | share | effect | used | toggled: mean, mean absolute logit change |")
    print("|---|---|---|---|---|---|---|")
    flags = contents(300, 77)[1]
    for factor in FACTORS:
        if factor.query not in {f.name for f in report.findings}:
            continue
        both = []
        for present in (True, False):
            chosen = flags.copy()
            chosen[:, INDEX[factor.name]] = present
            both.append(margins(lens.source.model, render(300, 77, flags=chosen)))
        change, f = both[0] - both[1], report[factor.query]
        effect = "–" if f.effect is None else f"{f.effect.mean:+.2f} [{f.effect.low:+.2f}, {f.effect.high:+.2f}]"
        share = "–" if f.share is None else f"{f.share.mean:.1%}"
        used = f.direction or ("in other components" if f.elsewhere else "no")
        print(f"| {f.name} | {f.kind} | {f.state} | {share} | {effect} | {used} "
              f"| {change.mean():+.2f}, {np.abs(change).mean():.2f} |", flush=True)  # fmt: skip


def toggled(model, n=300):
    """By how much each factor, toggled in the same pictures, changes the logit margin in the mean."""
    flags = contents(n, 77)[1]
    changes = {}
    for factor in FACTORS:
        both = []
        for present in (True, False):
            chosen = flags.copy()
            chosen[:, INDEX[factor.name]] = present
            both.append(margins(model, render(n, 77, flags=chosen)).mean())
        changes[factor.query] = both[0] - both[1]
    return changes


def line_of_still(seeds):
    """Where the near ends of effects lie, on either side of the threshold, over seeds."""
    print("\n### Used or not, against toggling each factor in the same pictures\n")
    print(f"Seeds {', '.join(map(str, seeds))}, both classes; of concepts that are found and have a share above 2 %.\n")
    print("| classifier | layer | changes the logit by | concepts | called used | near ends of the intervals |")
    print("|---|---|---|---|---|---|")
    for which in ("biased", "unbiased"):
        ends = {}
        changes = toggled(sl.demo.classifier(which))
        for seed in seeds:
            lens = sl.demo.lens(which, seed=seed)
            for layer in ("layer4", "layer3"):
                for target in CLASS_NAMES:
                    for f in lens.audit(ABCDE, target=target, layer=layer, progress=False).findings:
                        if f.effect is not None and f.rows and f.share.mean >= USED:
                            near = max(f.effect.low, -f.effect.high, 0.0)
                            ends.setdefault((layer, abs(changes[f.name]) > 1), []).append((near, f.used))
        for (layer, matters), found in sorted(ends.items(), reverse=True):
            near = [end for end, _ in found]
            print(f"| {which} | {layer} | {'more than 1' if matters else 'less than 1'} | {len(found)} "
                  f"| {sum(used for _, used in found)} | {min(near):.2f} to {max(near):.2f} |", flush=True)  # fmt: skip


def coverage(lens, report, truth):
    """Whether concepts are found where a component encodes them, and missing where none does."""
    real = truth_of(lens, truth)
    encoded = {CONCEPT_OF[n] for n in NAMES if (real[:, INDEX[n]] >= ENCODED).any()}
    found = {f.name for f in report.findings if f.state == "found"}
    return len(found & encoded), len(found), len(encoded)


def rulers(seed, n=1000):
    print("\n### Rulers tied to melanoma at a correlation of rho: heads on one body (layer4)\n")
    print(
        "| rho | accuracy: free → poisoned | ruler's evidence: AUROC, AP | place of four | ruler found, share, used "
        "| spurious share "
        "| false alarms | AUROC free: as it is → off (random) | poisoned: as it is → off (random) |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    data = {"free": pictures(reliance.FREE, n, 9100), "poisoned": pictures(reliance.POISONED, n, 9200)}
    lens = lens_of(reliance.load(0.0), seed, ["layer4"])
    real = truth_of(lens, measure_truth(lens.source.model, ("layer4",)))
    is_ruler = real[:, INDEX["ruler"]] >= ENCODED
    shortcuts = (real[:, [INDEX[n] for n in SHORTCUTS]] >= ENCODED).any(1)
    drops, shares = [], []
    for rho in reliance.RHOS:
        lens.source.model.fc.load_state_dict(reliance.load(rho).fc.state_dict())
        lens.relate(cached=False, progress=False)
        report = lens.audit(ABCDE, target="melanoma", progress=False)
        weight = np.where(report.region == REGIONS.index("spurious"), report.share, 0)
        evidence = report.evidence("ruler")
        area, precision = auroc(evidence[:, None], is_ruler[:, None])[0, 0], average_precision(evidence, is_ruler)
        spurious = sorted((f for f in report.findings if f.kind == "spurious"), key=lambda f: -f.share.mean)
        place = [f.name for f in spurious].index("ruler") + 1
        alarms = ((report.share > 0.02) & (weight > 0) & ~shortcuts).sum()
        ruler = report["ruler"]
        effect = lens.effect(list(ruler.rows), data, target="melanoma", points=2)
        accuracy = {name: effect[name, "as it is"].accuracy.mean for name in data}
        shown = {}
        for name in data:
            a, b, c = (effect[name, s].auroc for s in ("as it is", "switched off", "random, equal number"))
            shown[name] = f"{a.mean:.3f} → {b.mean:.3f} ({c.mean:.3f})"
        drops.append(accuracy["free"] - accuracy["poisoned"])
        shares.append(report.shares["spurious"].mean)
        print(
            f"| {rho:g} | {accuracy['free']:.3f} → {accuracy['poisoned']:.3f} | {area:.3f}, {precision:.3f} "
            f"| {place} | {ruler.state}, {ruler.share.mean:.1%} {ruler.direction or 'not used'} "
            f"| {shares[-1]:.1%} | {alarms} "
            f"| {shown['free']} | {shown['poisoned']} |",
            flush=True,
        )
    agreement = spearmanr(drops, shares).statistic
    print(f"\nSpearman of the spurious share with accuracy lost under poisoning: {agreement:.2f} (≥ .8)\n", flush=True)


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
        uses(lens, report)
        right, found, encoded = coverage(lens, report, truth)
        print(f"concepts: {found} found, {right} of them encoded by a component; {encoded} encoded\n", flush=True)
    line_of_still([seed + at for at in range(3)])
    rulers(seed)
    random_weights(seed)
