"""Against the version before: which reliance is new, gone or grown, beside what chance does between trainings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, stdtr

from ..audit import AuditReport
from ..audit.finding import Finding
from ..inference import holm
from ..intervals import UNKNOWN, Interval

Word = Literal["new", "gone", "grown", "less", "same"]
ALPHA = 0.05


@dataclass(frozen=True)
class Change:
    """A concept in the version before and in this one.

    before, after: its share of the relevance, with 95 % intervals over images. p_family: the chance that two trainings
    differ as much in this direction, corrected over the valid concepts, or over the others (Holm). word: "new" where it
    counts as used now and did not before, "gone" the reverse, "grown" and "less" where both count; "same" where chance
    does as much.
    """

    concept: str
    kind: str
    before: Interval
    after: Interval
    p_family: float
    word: Word

    @property
    def alarming(self) -> bool:
        """Whether a concept that should not matter is relied on more than before."""
        return self.kind != "valid" and self.word in ("new", "grown")


def changes(new: AuditReport, old: AuditReport, seeds: Sequence[AuditReport] = ()) -> tuple[Change, ...]:
    """Concept by concept. All reports are of one checklist and one class, with relevance.

    seeds: audits of models that were trained the same with other seeds, at least two: how much shares differ between
           them is then measured. The variance of their square roots' arcsines, which hardly depends on the share, is
           taken over all concepts that vary, or a concept's own where that is larger, with Student's distribution and
           the degrees of freedom of the one that is taken (Satterthwaite 1946 for the mean of unequal variances).

    Without seeds it is taken from the two models themselves: another training has other components, so a share varies
    as if its components were drawn anew (their squares added up), and with the images. A share of one large component
    is then hardly certain, and one of many small ones is.
    """
    names = [f.name for f in new.findings if f.share is not None and old[f.name].share is not None]
    p = _by_seeds(new, old, seeds, names) if len(seeds) > 1 else _by_components(new, old, names)
    corrected: dict[str, float] = {}
    for valid in (True, False):
        own = [at for at, name in enumerate(names) if (new[name].kind == "valid") == valid]
        corrected |= dict(zip([names[at] for at in own], holm(p[own]).tolist(), strict=True))
    made = []
    for finding in new.findings:
        before, chance = old[finding.name], corrected.get(finding.name, float("nan"))
        if finding.share is None or before.share is None:
            shares = before.share or UNKNOWN, finding.share or UNKNOWN
            made.append(Change(finding.name, finding.kind, *shares, chance, "same"))
            continue
        word = _word(before.share.mean, finding.share.mean, new.thresholds.used) if chance <= ALPHA else "same"
        made.append(Change(finding.name, finding.kind, before.share, finding.share, chance, word))
    return tuple(made)


def _word(before: float, after: float, used: float) -> Word:
    if after > before:
        return "new" if before < used <= after else "grown" if after >= used else "same"
    return "gone" if after < used <= before else "less" if before >= used else "same"


def _by_components(new: AuditReport, old: AuditReport, names: Sequence[str]) -> np.ndarray:
    p = []
    for name in names:
        difference = _mean(new[name]) - _mean(old[name])
        error = np.hypot(_error(new, new[name]), _error(old, old[name]))
        p.append(ndtr(-abs(difference) / max(error, 1e-9)) if difference else 1.0)
    return np.asarray(p, np.float64)


def _error(report: AuditReport, finding: Finding) -> float:
    """The standard error of a share as if components had been drawn anew, and over images."""
    layers = max(len(np.unique(report.space.components.layer_numbers[report.audited])), 1)
    shares = np.where(report.audited, np.nan_to_num(report.share), 0.0) / layers
    own = np.zeros(len(shares), bool)
    own[list(finding.rows)] = True
    share = shares[own].sum()
    drawn = (1 - share) ** 2 * (shares[own] ** 2).sum() + share**2 * (shares[~own] ** 2).sum()
    interval = finding.share
    images = 0.0 if interval is None else (interval.high - interval.low) / (2 * 1.959964)
    return float(np.sqrt(drawn + images**2))


def _by_seeds(new: AuditReport, old: AuditReport, seeds: Sequence[AuditReport], names: Sequence[str]) -> np.ndarray:
    turned = np.asarray([[_turned(_mean(one[name])) for name in names] for one in (new, old, *seeds)])
    return chance_between(turned[0] - turned[1], turned[2:].reshape(len(seeds), len(names)))


def chance_between(
    differences: Float[np.ndarray, " concept"], seeds: Float[np.ndarray, "seed concept"]
) -> Float[np.ndarray, " concept"]:
    """By concept the chance that two trainings differ by as much in this direction, if all differ as `seeds` do.

    Variances differ from concept to concept, and one may be nearly all of their sum: the mean over concepts has
    Satterthwaite's degrees of freedom, a concept's own variance those of its seeds. At least two seeds.
    """
    own = seeds.var(0, ddof=1)
    varies = own[own > 0]  # what no seed finds says nothing of how much shares vary
    pooled = varies.mean() if varies.size else 0.0
    alike = varies.sum() ** 2 / (varies**2).sum() if varies.size else 1.0
    spread = np.sqrt(2 * np.maximum(own, pooled))
    freedom = (len(seeds) - 1) * np.where(own > pooled, 1.0, alike)
    return np.where(differences == 0, 1.0, stdtr(freedom, -np.abs(differences) / np.maximum(spread, 1e-9)))


def _turned(share: float) -> float:
    return float(np.arcsin(np.sqrt(min(max(share, 0.0), 1.0))))


def _mean(finding: Finding) -> float:
    return 0.0 if finding.share is None else finding.share.mean
