"""What the audit, counterfactuals and switching off would find of a shortcut, against its strength and the images.

Shortcuts of known strength are planted in the head of the demo's unbiased classifier, which sees every factor and uses
no artefact; pictures are of the weak world. All claims about limits are held against fresh draws.

python tests/benchmarks/power.py [seed]
"""

import sys
from dataclasses import dataclass

import numpy as np
import torch
from _tables import particulars
from scipy import stats
from sklearn.metrics import roc_auc_score
from torch import nn

import semlens_widgets as sl
from semlens_widgets.audit.proof import Shown
from semlens_widgets.counterfactual.judgement import paired_interval
from semlens_widgets.demo.factors import CLASS_NAMES, FACTORS, INDEX, NAMES, SPLITS
from semlens_widgets.demo.network import Classifier, normalise
from semlens_widgets.demo.planted import ENCODED, auroc
from semlens_widgets.demo.world import contents, render
from semlens_widgets.detection import Limit, least_squares, noncentrality, paired_limit
from semlens_widgets.effect import effect
from semlens_widgets.showing import showing

ABCDE = sl.Checklist.abcde()
QUERY = {factor.name: factor.query for factor in FACTORS}
PLANTED = ("ruler", "patch", "ink", "hair", "vignette", "bubbles")
STRENGTHS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)
NUMBERS = (100, 250, 500)
DRAWS = 30  # subsets of images or pairs behind each rate
POOL = 4000  # pictures that these are drawn from: many more, so that draws differ as fresh ones do


def row(*cells):
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def share(found, of):
    """A share with its 95 % interval (Clopper & Pearson 1934)."""
    ends = stats.binomtest(int(found), int(of)).proportion_ci()
    return f"{found / of:.3f} [{ends.low:.3f}, {ends.high:.3f}]"


def coverage(seed):
    """The limits' intervals against the true ones, and tests at the limit, on fresh noise."""
    random = np.random.default_rng(seed)
    print("\n### Limits in simulation\n")
    row("noise", "images", "limit's interval covers the true limit", "found at the limit", "target")
    row(*["---"] * 5)
    draws = {
        "normal": lambda n: random.normal(0, 1, n), "uniform": lambda n: random.uniform(-(3**0.5), 3**0.5, n),
        "skewed (gamma 4)": lambda n: (random.gamma(4, 1, n) - 4) / 2,
        "heavy (t 8)": lambda n: random.standard_t(8, n) * (6 / 8) ** 0.5,
    }  # fmt: skip
    for name, draw in draws.items():
        for n in (30, 100, 400):
            true = noncentrality(n - 1) / n**0.5
            limits = [paired_limit(draw(n), "logit") for _ in range(1500)]
            covered = np.mean([one.low <= true <= one.high for one in limits])
            found = np.mean([paired_interval(draw(n) + true)[1] <= 0.05 for _ in range(1500)])
            row(f"pairs, {name}", n, f"{covered:.3f}", f"{found:.3f}", ".95 ± .03; .5")
    for images, shown in ((200, 100), (200, 10), (500, 25)):
        covered = found = 0
        rounds = 300
        halves, made = [], []
        for _ in range(rounds):
            first = random.normal(0, 1, images)
            rare = np.zeros(images)
            rare[random.choice(images, shown, replace=False)] = 1
            x = np.stack([rare, first, 0.6 * first + random.normal(0, 1, images)], 1)
            slopes = least_squares(x, x @ np.array([0.0, 1, -1]) + random.normal(0, 2, images))
            low, high = slopes.interval(0)
            halves.append((high - low) / 2)
            made.append((slopes.limit(0, "logit"), slopes.slope[0]))
        true = float(np.median(halves))
        covered = np.mean([one.low <= true <= one.high for one, _ in made])
        found = np.mean([abs(slope + true) > half for (_, slope), half in zip(made, halves, strict=True)])
        row(f"slopes, {shown} images show it", images, f"{covered:.3f}", f"{found:.3f}", ".95 ± .03; .5")


def coverage_of_what_is_seen(seed, rounds=300, images=300):
    """The same where nobody knows which images show a thing: how much each does is told by a likeness that errs."""
    print("\n### Limits in simulation, where a likeness says which images show it\n")
    row("images that show it", "groups apart by", "draws in which they are told apart", "slope of what is really shown",
        "limit's interval covers the true limit", "found at the limit that is stated", "target")  # fmt: skip
    row(*["---"] * 7)
    for prevalence in (0.05, 0.1, 0.25, 0.5, 0.8):
        for apart in (4, 6):
            random = np.random.default_rng(seed + 1)
            drawn = [seen_draw(random, prevalence, apart, images) for _ in range(rounds)]
            kept = [one for one in drawn if one is not None]
            true = 1.0
            for _ in range(4):  # where the estimate exceeds what is critical in half of the cases, of either sign
                true = float(np.median([one.critical(side * true) / one.gain for one in kept for side in (1, -1)]))
            covered = sum(one.limit.low <= true <= one.limit.high for one in kept)
            stated = float(np.median([one.limit.value for one in kept]))
            found = np.mean([abs(one.slope + side * one.gain) > one.critical(side)
                             for one in kept for side in (stated, -stated)])  # fmt: skip
            row(f"{prevalence:.0%} of {images}", f"{apart} SD", f"{len(kept)} of {rounds}",
                f"{np.mean([one.gain for one in kept]):.3f}", share(covered, len(kept)), f"{found:.2f}",
                "1; .95 ± .03; .5")  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """One draw of images, without effect: the slope and the limit; and what an effect of size 1 adds to slope and
    residuals."""

    slope: float
    gain: float
    limit: Limit
    weight: np.ndarray
    left: np.ndarray  # [effect or none, image]
    quantile: float

    def critical(self, effect):
        """How far from 0 the slope must lie to be found, with an effect of this size."""
        return self.quantile * float(np.sqrt(self.weight @ (self.left[0] + effect * self.left[1]) ** 2))


def seen_draw(random, prevalence, apart, images):
    """None where it is not told apart which images show it."""
    flag = np.zeros(images)
    flag[random.choice(images, round(prevalence * images), replace=False)] = 1
    seen = showing((random.normal(0, 1, images) + apart * flag)[None])
    if not seen.told_apart[0]:
        return None
    other = random.normal(0, 1, images) + 0.5 * flag
    x = np.stack([seen.chances[0], other], 1)
    outcome = other + random.normal(0, 2, images)
    slopes = least_squares(x, outcome)
    design = x - x.mean(0)
    pull = design @ np.linalg.pinv(design.T @ design)
    leverage = (pull * design).sum(1) + 1 / images
    left = np.stack([y - y.mean() - design @ (pull.T @ y) for y in (outcome, flag)])
    quantile = float(stats.t.ppf(0.975, slopes.freedom[0]))
    weight = pull[:, 0] ** 2 / (1 - leverage) ** 2
    return Seen(pull[:, 0] @ outcome, pull[:, 0] @ flag, slopes.limit(0, "logit"), weight, left, quantile)


def planted_units(seed):
    """Components that encode a factor against the others, by the score of exact pairs."""
    print("\n### Planted units against the others: exact pairs\n")
    row("classifier", "AUROC, mean and worst of factors", "found of those that encode it", "found of those below .75",
        "target")  # fmt: skip
    row(*["---"] * 5)
    for which in ("biased", "unbiased", "weak"):
        lens = sl.demo.lens(which, n=300, seed=seed, null=50, sample=200, progress=False)
        truth = sl.demo.truth(which)
        areas, right, wrong = [], [], []
        for name in NAMES:
            real = truth.auroc[:, INDEX[name]]
            encodes = real >= ENCODED
            if not encodes.any():
                continue
            found = lens.counterfactual(sl.demo.pairs(name, 40, seed=seed + 9), target=1, progress=False)
            areas.append(roc_auc_score(encodes, found.score))
            right.append(found.found[encodes])
            wrong.append(found.found[real < 0.75])
        right, wrong = np.concatenate(right), np.concatenate(wrong)
        row(which, f"{np.mean(areas):.3f}, {min(areas):.3f}", share(right.sum(), len(right)),
            share(wrong.sum(), len(wrong)), "≥ .95")  # fmt: skip


def plain_network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 24, 5, 2), nn.ReLU(), nn.Conv2d(24, 48, 3, 2), nn.ReLU(), nn.Conv2d(48, 96, 3, 2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(96, 2),
    ).eval()  # fmt: skip


def residual_network(seed):
    torch.manual_seed(seed)
    return Classifier().eval()


def random_networks(seed):
    """What is claimed of networks that learned nothing."""
    print("\n### Random networks: claims that pass, (component, artefact)\n")
    row("network", *(a.kind for a in sl.artefacts.USUAL), "all", "target")
    row(*["---"] * (len(sl.artefacts.USUAL) + 3))
    for name, make, layers in (
        ("plain convolutions", plain_network, ["3", "5"]), ("residual", residual_network, ["layer3", "layer4"]),
    ):  # fmt: skip
        passed, claims = np.zeros(len(sl.artefacts.USUAL)), 0
        for number in range(3):
            data = sl.images(
                sl.demo.images(120, seed + number), transform=sl.demo.transform(), classes=CLASS_NAMES
            )
            lens = sl.Lens(make(seed + number), data, layers, sl.OpenClip(sl.demo.clip_folder()), k=10, crop=None,
                           null=20, sample=100).fit(progress=False, cached=False)  # fmt: skip
            for at, artefact in enumerate(sl.artefacts.USUAL):
                passed[at] += lens.counterfactual(artefact, target=1, n=24, progress=False).found.sum()
            claims += len(lens.components)
        shares = [f"{p / claims:.3f}" for p in passed]
        row(name, *shares, share(passed.sum(), claims * len(passed)), "≤ .05")


def features(model, images):
    with torch.no_grad():
        parts = [model.features(normalise(images[a : a + 128])).mean((2, 3)) for a in range(0, len(images), 128)]
    return torch.cat(parts).numpy().astype(np.float64)


class Planted:
    """The unbiased classifier, in which a factor moves the logit margin by a given amount in the mean: over pictures of
    the weak world that have it, each with and without it. In others it may move it otherwise, and no audit of these
    pictures could tell."""

    def __init__(self, model, name, seed, pairs=500):
        self.model, self.name = model, name
        world = {"probabilities": SPLITS["weak"]}
        everything = contents(40 * pairs, seed, **world)[1]
        having = np.flatnonzero(everything[:, INDEX[name]])[:pairs]
        sides = []
        for on in (True, False):
            flags = everything[having].copy()
            flags[:, INDEX[name]] = on
            sides.append(features(model, render(len(having), seed, flags=flags, indices=having, **world).images))
        self.difference = sides[0] - sides[1]
        self.head = (model.fc.weight[1] - model.fc.weight[0]).detach().numpy().astype(np.float64)
        self.bias = float((model.fc.bias[1] - model.fc.bias[0]).detach())
        real = sl.demo.truth("unbiased").layer("layer4").auroc[:, INDEX[name]]
        self.channels = (real >= ENCODED).astype(float)

    def weights(self, strength):
        """The margin's weights [channel] with this mean effect of the factor."""
        missing = strength - float((self.difference @ self.head).mean())
        return self.head + self.channels * missing / float((self.difference @ self.channels).mean())

    def classifier(self, strength):
        changed = sl.demo.classifier("unbiased")
        with torch.no_grad():
            changed.fc.weight[1] += torch.tensor(self.weights(strength) - self.head, dtype=torch.float32)
        return changed


def rates(seed):
    """Detection rates of planted shortcuts, and the limits that were stated."""
    lens = sl.demo.lens("unbiased", n=POOL, seed=seed, split="weak", layers=["layer4"], sample=POOL, progress=False)
    model, space = lens.source.model, lens.space
    drawn = sl.demo.images(POOL, seed, "weak")
    shown = features(model, np.stack([np.asarray(drawn[int(i)][0]) for i in space.sample.images]))
    report = lens.audit(ABCDE, target="melanoma", progress=False, relevance=False)
    columns, vectors, confirmed = asked(report, lens)
    shown_by = Shown.of(space, columns, vectors, confirmed)
    unsure = [report.findings[c].name for at, c in enumerate(columns) if not shown_by.told_apart[at]]
    print(f"\nNot sure which images show it, so that no limit is told: {', '.join(unsure) or 'none'}")
    random = np.random.default_rng(seed)
    print("\n### Found of planted shortcuts: share of draws, by the mean change of the logit\n")
    print("At the limit a shortcut is planted in either direction. Where all pictures together say of a change of 0 "
          "that it is\nanother, other things in them are misread along with the shortcut: no number of pictures mends "
          "that, pairs do.\n")  # fmt: skip
    row("shortcut", "by", "images", *(f"{s:g}" for s in STRENGTHS), "limit that is stated, median",
        "found at that limit (target .5)", f"what {POOL} pictures say of 0: mean ± standard error")  # fmt: skip
    row(*["---"] * (len(STRENGTHS) + 6))
    for name in PLANTED:
        planted = Planted(model, name, seed + 31)
        said_of_nothing = "–"
        column = next(
            (at for at, c in enumerate(columns) if report.findings[c].name == QUERY[name]), None
        )
        if column is not None and shown_by.told_apart[column]:
            all_together = least_squares(shown_by.much, shown @ planted.weights(0.0) + planted.bias)
            said_of_nothing = f"{all_together.slope[column]:+.2f} ± {all_together.error[column]:.2f}"
        for n in NUMBERS:
            subsets = [random.choice(len(shown), n, replace=False) for _ in range(DRAWS)]
            if column is not None and shown_by.told_apart[column]:

                def audit(strength, subsets=subsets, planted=planted, column=column):
                    margins = shown @ planted.weights(strength) + planted.bias
                    return [least_squares(shown_by.much[s], margins[s]) for s in subsets]

                told(name, "audit", n, audit, lambda one, column=column: one.interval(column),
                     lambda one, column=column: one.limit(column, "logit"), said_of_nothing)  # fmt: skip
            pairs = [random.choice(len(planted.difference), n) for _ in range(DRAWS)]

            def counterfactual(strength, pairs=pairs, planted=planted):
                change = planted.difference @ planted.weights(strength)
                return [change[p] for p in pairs]

            told(name, "counterfactual", n, counterfactual, ends, lambda one: paired_limit(one, "logit"), "–")
    return lens, report


def asked(report, lens):
    """The concepts that were searched, their directions, and the components that held-out images confirm of each."""
    columns = np.flatnonzero([f.concept.visible and f.state != "unknown" for f in report.findings])
    vectors = np.zeros((len(report.findings), lens.space.dim), np.float32)
    confirmed = []
    for at, f in enumerate(report.findings):
        if f.concept.visible:
            mean = lens.probe_cache.of_words(list(f.concept.texts), None, True).vectors.mean(0)
            vectors[at] = mean / np.linalg.norm(mean)
        rows = np.asarray(f.rows, np.int64)
        confirmed.append(rows[report.held_out[rows, at] >= 0.75] if len(rows) else rows)
    return columns, vectors, confirmed


def ends(differences):
    interval = paired_interval(differences)[0]
    return interval.low, interval.high


def told(name, by, n, made, interval, limit, said_of_nothing):
    """One row: how often each strength is found, the stated limit, and how often a shortcut of just that is found."""

    def found(strength):
        sides = [interval(one) for one in made(strength)]
        return np.mean([low > 0 or high < 0 for low, high in sides])

    limits = [one.value for one in map(limit, made(0.0)) if one is not None]
    stated = float(np.median(limits)) if limits else float("nan")
    at_limit = f"{(found(stated) + found(-stated)) / 2:.2f}" if limits else "–"
    strengths = (f"{found(s):.2f}" for s in STRENGTHS)
    row(QUERY[name], by, n, *strengths, f"{stated:.3f}", at_limit, said_of_nothing)


def switching(seed, lens, report):
    """Switching a shortcut's components off: is the lift of AUROC above that of all random draws?

    Components are channels of the last layer, whose mean the head reads: off, their weight is 0. That this is what
    `effect` measures is printed first.
    """
    print("\n### Found by switching off: AUROC rises above all 20 random draws of as many components (by chance 1 in "
          f"21); share of {DRAWS} draws of images\n")  # fmt: skip
    drawn = sl.demo.images(2000, seed + 77, "unbiased")
    seen = features(lens.source.model, np.stack([np.asarray(drawn[i][0]) for i in range(len(drawn))]))
    melanoma = np.asarray([drawn[i][1] for i in range(len(drawn))]) == 1
    alive, random = np.flatnonzero(lens.space.alive), np.random.default_rng(seed)
    checked = False
    for name in PLANTED:
        rows = np.asarray(report[QUERY[name]].rows, int)
        if not len(rows):
            row(QUERY[name], "–", "not found by the audit: nothing to switch off")
            continue
        planted = Planted(lens.source.model, name, seed + 31, pairs=200)
        if not checked:
            as_effect(lens, planted, rows, seen[:300], melanoma[:300], seed)
            row("shortcut", "images", *(f"{s:g}" for s in STRENGTHS))
            row(*["---"] * (len(STRENGTHS) + 2))
            checked = True
        for n in (100, 250, 800):
            found = []
            for strength in STRENGTHS:
                weights = planted.weights(strength)
                higher = 0
                for _ in range(DRAWS):
                    some = random.choice(len(seen), n, replace=False)
                    sides = [rows, *(random.permutation(alive)[: len(rows)] for _ in range(20))]
                    off, *others = (area(seen[some], weights, side, melanoma[some]) for side in sides)
                    higher += off > max(others)
                found.append(f"{higher / DRAWS:.2f}")
            row(QUERY[name], n, *found)


def area(seen, weights, off, positive):
    """AUROC of the margin with some channels held at zero."""
    kept = weights.copy()
    kept[off] = 0
    return float(auroc((seen @ kept)[:, None], positive[:, None])[0, 0])


def as_effect(lens, planted, rows, seen, melanoma, seed):
    """The same by `effect`, of a strong shortcut."""
    data = sl.images(
        sl.demo.images(len(seen), seed + 77, "unbiased"), transform=sl.demo.transform(), classes=CLASS_NAMES
    )
    done = effect(planted.classifier(1.6), lens.source.layers, lens.components, rows.tolist(), {"data": data},
                  "melanoma", alive=lens.space.alive, points=1, draws=1, seed=seed, progress=False)  # fmt: skip
    off = done["data", "switched off"].auroc.mean
    print(f"AUROC with the components of {QUERY[planted.name]} off, by `effect` {off:.4f}, here "
          f"{area(seen, planted.weights(1.6), rows, melanoma):.4f}\n", flush=True)  # fmt: skip


def main(seed):
    print(f"Power. {particulars(seed)}", flush=True)
    coverage(seed)
    coverage_of_what_is_seen(seed)
    planted_units(seed)
    random_networks(seed)
    switching(seed, *rates(seed))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
