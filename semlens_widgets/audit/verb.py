"""The verb: every component against every concept, weighed by its relevance for the class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtr

from ..checklist import Checklist, Concept, Kind
from ..clip import Probes
from ..counterfactual import Counterfactual
from ..detection import least_squares
from ..faithfulness.value import two
from ..held_out import MIN_AUROC, held_out
from ..intervals import Interval
from ..outputs import class_number
from ..relevance import Relevance
from ..space import SemanticSpace
from ..texts import p_equals, plural
from ..vectors import unit
from .finding import Finding, State, Thresholds, signed
from .proof import presence, with_proof
from .report import DEAD, NO_CONCEPT, REGIONS, AuditReport, best_z

USUAL = Thresholds()

_FAMILY_ALPHA = 0.05  # of "found": as many unrelated components do as well at most this often
_PER_CONCEPT = 5  # images for each concept, at least, to estimate effects
_WIDEST_EFFECT = 0.3  # an effect's interval that goes further is too wide to say that there is none
_MAX_VIF = 10  # variance inflation above which a concept cannot be told from the others
_SHOWN = 0.5  # of what the data usually show of a concept; below it a missing concept may be the data's fault
_ROUNDS = 1000
_NOWHERE = -1e9  # the z of a kind that no concept has


def audit(
    space: SemanticSpace,
    checklist: Checklist,
    probes: Probes,
    relevance: Relevance | None = None,
    *,
    target: int | str | None = None,
    thresholds: Thresholds = USUAL,
    layer: str | Sequence[str] | None = None,
    centre: bool = True,
    labels: Sequence[str | None] = (),
    logits: Float[np.ndarray, " image"] | None = None,
    counterfactuals: Mapping[str, Counterfactual] | None = None,
) -> AuditReport:
    """Hold every component against every concept of a checklist, and weigh both by their relevance for a class.

    Parameters
    ----------
    space
        Whose components are audited.
    checklist
        The concepts, each of a kind.
    probes
        One for each of the checklist's prompts, by name. A concept's probe is the mean of its prompts; prompts with
        words that the CLIP never saw are left out.
    relevance
        Of the same components; without it the answer has regions and no shares.
    target
        The class, by name or number: needed with `relevance` of several classes, and for concepts that hold for some
        classes only.
    thresholds
        From where a concept is in a component, and counts as used.
    layer
        Restricts the audit to one or several layers.
    centre
        Subtract each layer's mean vector first, with probes without the null; for telling concepts apart this is much
        better than the null probe (and the two should not be combined).
    labels
        What to call each component besides (from `describe`), one per component.
    logits
        The class's logit margin in each of the space's sampled images (NaN: not known), for `Finding.logit` and the
        detection limit.
    counterfactuals
        By concept what drawing it onto pictures does, for `Finding.proof_found`.

    Returns
    -------
    AuditReport
        Regions, findings and shares.

    Raises
    ------
    ValueError
        For probes from another CLIP or a prompt without probe, and where the relevance is of other components.
    KeyError
        For a class or layer that is not there.

    Notes
    -----
    A component belongs to the concept with the largest z above the line of `thresholds`, of those that sampled images
    do not refute (as in `search`); see `AuditReport.region`. Neutral concepts take part: without them whatever is not
    valid would be over-called spurious. Shares are of each layer's relevance for the class; several layers count alike,
    for each is a full account of the same prediction. Intervals resample images. (Dreyer et al. 2025, "audit")

    Examples
    --------
    >>> checklist = sl.Checklist(spurious=["ruler"], neutral=["hair"])
    >>> probes = sl.text_probes(sl.OpenClip(sl.demo.clip_folder()), checklist.prompts, null=False)
    >>> report = sl.audit(lens.space, checklist, probes)
    >>> [finding.concept.name for finding in report.findings]
    ['ruler', 'hair']
    """
    if target is None and relevance is not None:
        target = relevance.only
    _check(space, checklist, probes, relevance, target, labels)
    number, name = _target(relevance, target, space)
    concepts = list(checklist)
    kinds = [concept.kind_for(name) for concept in concepts]
    vectors, unknown = _directions(concepts, probes, space.dim)
    scores, z = _held_against_null(space, vectors, centre)
    searched = np.asarray([bool(c.texts) and not lacking for c, lacking in zip(concepts, unknown, strict=True)], bool)
    audited = np.zeros(len(space.components), bool)
    audited[space.components.rows(layer)] = True
    living = audited & space.alive
    hidden = ~space.alive[:, None] | ~searched[None]
    scores, z = (np.where(hidden, np.nan, array) for array in (scores, z))

    telling, seen = _telling(space, vectors, living[:, None] & (z >= thresholds.z))
    refuted = np.nan_to_num(np.where(telling < MIN_AUROC, z, np.nan), nan=-np.inf)
    z = np.where(telling < MIN_AUROC, np.nan, z)
    region, leading = _regions(z, kinds, thresholds, space.alive)
    shown = _shown(space, vectors, searched)
    relevant = _Relevant.of(space, relevance, number, audited)
    doubt = "" if relevance is None else _doubt(relevance, audited)
    own = [np.flatnonzero(living & (leading == j)) for j in range(len(concepts))]
    plain = [rows[region[rows] == REGIONS.index(kind)] for rows, kind in zip(own, kinds, strict=True)]
    confirmed = [rows[telling[rows, j] >= MIN_AUROC] for j, rows in enumerate(plain)]
    effects = _effects(space, relevance, number, vectors, searched, relevant, confirmed)
    groups = [group.name for group in checklist.groups for _ in group.concepts]
    findings = []
    for j, concept in enumerate(concepts):
        against = None
        if living.any() and np.isfinite(top := refuted[:, j].max()):
            row = int(refuted[:, j].argmax())
            words = (
                f"{space.components[row]} comes close (z {top:.1f}), but its AUROC is only {telling[row, j]:.2f} "
                f"between the {seen[row, j]} sampled images that show it and the others"
            )
            against = _Refuted(row, float(top), words)
        findings.append(
            _finding(bool(doubt), space, concept, groups[j], kinds[j], j, scores, z, own[j], living, unknown[j],
                     bool(shown[j]), relevant, thresholds, effects[j], len(confirmed[j]), against)
        )  # fmt: skip
    findings = with_proof(findings, space, vectors, searched, confirmed, logits, name, counterfactuals or {})
    member = np.stack([(region == n) & audited for n in range(len(REGIONS))], 1)
    shares = dict(zip(REGIONS, relevant.shares(member), strict=True)) if relevant.known else {}
    return AuditReport(
        space, checklist, name, thresholds, centre, scores, z, region, leading, relevant.mean, relevant.share, audited,
        tuple(findings), shares,
        relevance.statistic if relevance is not None else "", relevance.backend if relevance is not None else "",
        int(relevance.counts[number]) if relevance is not None and number is not None else 0,
        tuple(labels),
        relevance.top_images[number] if relevance is not None and number is not None else None,
        telling,
        doubt,
        0 if logits is None else int(np.isfinite(logits).sum()),
    )  # fmt: skip


def _check(
    space: SemanticSpace, checklist: Checklist, probes: Probes, relevance: Any, target: Any, labels: Sequence[Any]
) -> None:
    if probes.clip != space.recipe.clip:
        raise ValueError(
            f"the probes come from {probes.clip}, the space from {space.recipe.clip}; embed both with the same CLIP"
        )
    if probes.vectors.shape[1] != space.dim:
        raise ValueError(f"the probes have {probes.vectors.shape[1]} dimensions, the space {space.dim}")
    if lacking := set(checklist.prompts) - set(probes.names):
        raise ValueError(f"no probe for the prompt {min(lacking)!r}; give one for each of checklist.prompts")
    if relevance is not None and relevance.components != space.components:
        raise ValueError("the relevance is of other components than the space; compute both on the same layers")
    if relevance is not None and target is None:
        raise ValueError(f"relevance for which class? give target, one of {', '.join(map(str, relevance.classes))}")
    if labels and len(labels) != len(space.components):
        raise ValueError(f"{len(labels)} labels for {len(space.components)} components; give one for each, or none")


def _target(relevance: Relevance | None, target: int | str | None, space: SemanticSpace) -> tuple[int | None, Any]:
    """(number, name) of the class."""
    if target is None:
        return None, None
    if relevance is not None:
        number = relevance.number(target)
        return number, str(relevance.classes[number])
    if isinstance(target, str):
        return None, space.classes[class_number(target, space.classes)] if space.classes else target
    return None, space.classes[target] if 0 <= target < len(space.classes) else str(target)


def _directions(
    concepts: Sequence[Concept], probes: Probes, dim: int
) -> tuple[Float[np.ndarray, "concept dim"], list[tuple[str, ...]]]:
    """One unit vector per concept (zero without prompts), and the words that make a concept unknown to the CLIP."""
    at = {name: row for row, name in enumerate(probes.names)}
    vectors, unknown = np.zeros((len(concepts), dim), np.float32), []
    for j, concept in enumerate(concepts):
        known = [at[text] for text in concept.texts if not probes.unknown[at[text]]]
        lacking = [word for text in concept.texts for word in probes.unknown[at[text]]]
        unknown.append(() if known else tuple(dict.fromkeys(lacking)))
        if known:
            vectors[j] = unit(probes.vectors[known].mean(0))
    return vectors, unknown


def _held_against_null(
    space: SemanticSpace, vectors: Float[np.ndarray, "concept dim"], centre: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(scores, z) [component concept], as in `search`: against random sets of as many images."""
    components = space.centred if centre else space.vectors
    lengths = space.divided_by(np.arange(len(components)), centre)[:, None]
    scores = components @ vectors.T
    by_chance = space.set_scores(vectors, centre)
    return scores, by_chance.deviates(scores, space.set_size_of[:, None], np.arange(len(vectors)), lengths)


def _regions(
    z: Float[np.ndarray, "component concept"], kinds: Sequence[Kind], thresholds: Thresholds, alive: np.ndarray
) -> tuple[Int[np.ndarray, " component"], Int[np.ndarray, " component"]]:
    """(region, leading concept) of every component."""
    valid, spurious, neutral = (
        np.nan_to_num(best_z(z, [kind == k for kind in kinds]), nan=_NOWHERE) for k in ("valid", "spurious", "neutral")
    )
    line = thresholds.z
    both = (np.minimum(valid, spurious) >= line) & (np.abs(valid - spurious) < thresholds.margin)
    region = np.select(
        [
            ~alive,
            np.maximum(np.maximum(valid, spurious), neutral) < line,
            neutral > np.maximum(valid, spurious),
            both,
            valid >= spurious,
        ],
        [DEAD, *(REGIONS.index(r) for r in ("unexpected", "neutral", "ambiguous", "valid"))],
        REGIONS.index("spurious"),
    )
    above = np.where(np.isnan(z), -np.inf, z)
    if not above.shape[1]:
        return region, np.full(len(z), NO_CONCEPT, np.int64)
    return region, np.where(above.max(1) >= line, above.argmax(1), NO_CONCEPT)


def _telling(
    space: SemanticSpace, vectors: Float[np.ndarray, "concept dim"], asked: Bool[np.ndarray, "component concept"]
) -> tuple[Float[np.ndarray, "component concept"], Int[np.ndarray, "component concept"]]:
    """(AUROC, sampled images that show the concept) as in `HeldOut`, of the pairs that are asked about; else NaN, 0."""
    auroc, shown = np.full(asked.shape, np.nan), np.zeros(asked.shape, np.int64)
    rows, columns = np.nonzero(asked)
    result = held_out(space, rows, vectors, probe=columns)
    auroc[rows, columns], shown[rows, columns] = result.verdicts, result.shown
    return auroc, shown


def _shown(
    space: SemanticSpace, vectors: Float[np.ndarray, "concept dim"], searched: Bool[np.ndarray, " concept"]
) -> Bool[np.ndarray, " concept"]:
    """Whether the data show each concept: its best images gain at least half of what they usually gain over chance."""
    if not searched.any():
        return np.ones(len(vectors), bool)
    gain = space.attainable(vectors) - space.chance(vectors)
    return gain >= _SHOWN * float(np.median(gain[searched]))


def _doubt(relevance: Relevance, audited: Bool[np.ndarray, " component"]) -> str:
    """Where relevance was measured to say little about effects, in words; "" where it does, or was not measured."""
    components = relevance.components
    weak = [layer for layer in relevance.weak_layers if audited[components.rows(layer)].any()]
    if not weak or relevance.measured is None:
        return ""
    r = {a.layer: two(a.pearson.mean) for a in relevance.measured.of(relevance.backend)}
    where = ", ".join(f"{layer} (r {r[layer]})" for layer in weak)
    return f"Relevance by {relevance.backend} says little about switching components off in {where}"


def _finding(
    doubtful: bool, space: SemanticSpace, concept: Concept, group: str, kind: Kind, column: int, scores: np.ndarray,
    z: np.ndarray, rows: np.ndarray, living: np.ndarray, unknown: tuple[str, ...], shown: bool, relevant: _Relevant,
    thresholds: Thresholds, effect: Interval | None, confirmed: int, against: _Refuted | None,
) -> Finding:  # fmt: skip
    nothing = float("nan")
    state: State
    own = np.where(living & np.isfinite(z[:, column]), z[:, column], -np.inf)
    if not np.isfinite(own).any():
        state = "unseen" if not concept.visible else "unknown" if unknown else "missing"
        message = {
            "unseen": "cannot be seen in one image",
            "unknown": f"cannot be searched: {space.recipe.clip} does not know {', '.join(map(repr, unknown))}",
            "missing": f"missing: {against.words}" if against else "no living component to search",
        }[state]
        found_at: tuple[int | None, float, float, float, float] = (None, nothing, nothing, nothing, nothing)
        if state == "missing" and against:
            found_at = against.numbers(scores[:, column], int(living.sum()), thresholds.p)
        return Finding(concept, group, kind, state, (), *found_at, None, None, False, True, unknown, message,
                       refuted=against is not None and state == "missing")  # fmt: skip
    best = int(own.argmax())
    top = float(own[best])
    rows = rows[np.argsort(-own[rows], kind="stable")]
    if len(rows):
        best = int(rows[0])  # of those that it leads, not where another concept fits better
    p = float(ndtr(-float(own[best])))
    p_all = _by_chance(int(living.sum()), p, len(rows), thresholds.p)
    if len(rows):
        state = "found" if p_all <= _FAMILY_ALPHA else "weak"
    else:
        rival = np.nanmax(z[best])
        state = "weak" if top >= thresholds.z and rival - top < thresholds.margin else "missing"
    relevance, share = relevant.signed_and_share(rows)
    much = share is not None and share.mean >= thresholds.used
    has_effect = effect is not None and (effect.low > thresholds.min_effect or effect.high < -thresholds.min_effect)
    no_effect = effect is not None and not has_effect and -_WIDEST_EFFECT <= effect.low <= effect.high <= _WIDEST_EFFECT
    used, elsewhere = much and not no_effect, has_effect and not much and confirmed > 0
    message = _message(state, float(own[best]), p_all, str(space.components[best]), len(rows), shown, thresholds,
                       against)  # fmt: skip
    if len(rows) and effect is not None:
        if much and no_effect:
            message += f"; not used: its effect on the relevance is too small ({signed(effect)})"
        elif elsewhere:
            message += f"; the relevance depends on it ({signed(effect)}), but through other components"
    refuted = state == "missing" and against is not None and against.z > top
    best_at = (best, float(scores[best, column]), float(own[best]), p, p_all)
    if refuted and against is not None:
        best_at = against.numbers(scores[:, column], int(living.sum()), thresholds.p)
    return Finding(concept, group, kind, state, tuple(rows.tolist()), *best_at, relevance, share, used, shown, unknown,
                   message, effect, has_effect, elsewhere, refuted, doubtful)  # fmt: skip


@dataclass(frozen=True)
class _Refuted:
    """The component that fits a concept best of those that sampled images speak against, and what they say."""

    row: int
    z: float
    words: str

    def numbers(
        self, scores: Float[np.ndarray, " component"], components: int, level: float
    ) -> tuple[int, float, float, float, float]:
        """best, score, z, p and p_all of a `Finding`."""
        p = float(ndtr(-self.z))
        return self.row, float(scores[self.row]), self.z, p, _by_chance(components, p, 0, level)


def _effects(
    space: SemanticSpace, relevance: Relevance | None, number: int | None, vectors: Float[np.ndarray, "concept dim"],
    searched: Bool[np.ndarray, " concept"], relevant: _Relevant, confirmed: Sequence[np.ndarray],
) -> list[Interval | None]:  # fmt: skip
    """Each concept's effect on the class's relevance: see `Finding.effect`."""
    effects: list[Interval | None] = [None] * len(vectors)
    if not relevant.known or relevance is None or space.sample is None or not searched.any():
        return effects
    columns = np.flatnonzero(searched)
    kept = np.flatnonzero(relevance.targets == number)
    _, here, there = np.intersect1d(space.sample.images, relevance.images[kept], return_indices=True)
    if len(here) < _PER_CONCEPT * (len(columns) + 1):
        return effects
    present = presence(space, columns, vectors, confirmed)
    steps = present[here]
    total = np.asarray(relevance.values[kept[there]], np.float64) @ relevant.weight
    found = least_squares(steps, total, _MAX_VIF)
    for at, column in enumerate(columns.tolist()):
        if found.told_apart[at]:
            mean, off = float(found.slope[at]), 1.96 * float(found.error[at])
            effects[column] = Interval(mean, mean - off, mean + off)
    return effects


def _by_chance(components: int, p: float, led: int, level: float) -> float:
    """The chance that of so many unrelated components the best does as well, or as many lie above the line (twice
    the smaller of Sidak's and the binomial tail)."""
    best = -math.expm1(components * math.log1p(-min(p, 1 - 1e-16)))
    if led == 0:
        return best
    k = np.arange(1, led)
    steps = np.log((components - k + 1) / k) + math.log(level / (1 - level))
    below = np.exp(components * math.log1p(-level) + np.concatenate([[0.0], np.cumsum(steps)])).sum()
    return min(1.0, 2 * min(best, max(0.0, 1 - float(below))))


def _message(
    state: State, z: float, p_all: float, best: str, led: int, shown: bool, thresholds: Thresholds,
    against: _Refuted | None,
) -> str:  # fmt: skip
    data = "" if shown else "; according to the CLIP few images show it: add images, or other prompts"
    if state == "missing":
        why = "no component" if z < thresholds.z else f"and {best} fits another concept much better"
        return f"missing: {against.words}{data}" if against else f"missing: best z {z:.1f}, {why}{data}"
    if state == "weak":
        why = f"not above chance ({p_equals(p_all)})" if led else f"{best} fits another concept a little better"
        return f"weak: {why}{data}"
    return f"found in {plural(led, 'component')}{data}"


@dataclass(frozen=True, eq=False)
class _Relevant:
    """A class's relevance over components, and how it varies over images; layers count alike.

    mean, share, values: as in `Relevance`, of this class; NaN where nothing is known. `images` is how many there are,
    of which `values` may be a sample.
    weight: 1 / number of audited layers, 0 outside them. `layers` are the rows of each audited layer.
    """

    known: bool
    mean: Float[np.ndarray, " component"]
    share: Float[np.ndarray, " component"]
    weight: Float[np.ndarray, " component"]
    layers: tuple[Any, ...]
    values: Float[np.ndarray, "image component"]
    images: int

    @classmethod
    def of(
        cls, space: SemanticSpace, relevance: Relevance | None, number: int | None, audited: np.ndarray
    ) -> _Relevant:
        size = len(space.components)
        chosen = [space.components.rows(n) for n in space.components.layers]
        layers = tuple(rows for rows in chosen if audited[rows].any())
        weight = np.where(audited, 1 / max(len(layers), 1), 0)
        if relevance is None or number is None or not relevance.counts[number]:
            unknown = np.full(size, np.nan)
            return cls(False, unknown, unknown, weight, layers, np.zeros((0, size)), 0)
        values = np.asarray(relevance.values[relevance.targets == number], np.float64)
        return cls(
            True, np.asarray(relevance.mean[number], np.float64), np.asarray(relevance.share[number], np.float64),
            weight, layers, values, int(relevance.counts[number]),
        )  # fmt: skip

    @cached_property
    def resampled(self) -> Float[np.ndarray, "round image"]:
        """How often each image stands in each resample, as shares; the same for all questions."""
        n = len(self.values)
        random = np.random.default_rng(0)
        return random.multinomial(n, np.full(n, 1 / n), size=_ROUNDS) / n if n else np.zeros((0, 0))

    @cached_property
    def _totals(self) -> Float[np.ndarray, "round layer"]:
        magnitude = np.abs(self.values)
        return self.resampled @ np.stack([magnitude[:, rows].sum(1) for rows in self.layers], 1)

    def shares(self, member: Bool[np.ndarray, "component group"]) -> list[Interval]:
        """The share of each group of components, with its 95 % interval over images."""
        centre = (np.nan_to_num(self.share) * self.weight) @ member
        drawn = np.zeros((len(self.resampled), member.shape[1]))
        magnitude = np.abs(self.values)
        for at, rows in enumerate(self.layers):
            part = self.resampled @ (magnitude[:, rows] @ member[rows])
            drawn += part / np.maximum(self._totals[:, at : at + 1], 1e-12) / len(self.layers)
        return self._intervals(centre, drawn)

    def signed_and_share(self, rows: Int[np.ndarray, " row"]) -> tuple[Interval | None, Interval | None]:
        """(relevance with sign, share) of some components together; None where nothing is known."""
        if not self.known:
            return None, None
        if not len(rows):
            return self._nothing, self._nothing
        member = np.zeros((len(self.mean), 1), bool)
        member[rows] = True
        centre = (self.mean * self.weight) @ member
        drawn = self.resampled @ ((self.values * self.weight) @ member)
        return self._intervals(centre, drawn)[0], self.shares(member)[0]

    @cached_property
    def _nothing(self) -> Interval:
        """What no components carry: nothing, in every resample."""
        return self._intervals(np.zeros(1), np.zeros((len(self.resampled), 1)))[0]

    def _intervals(
        self, centre: Float[np.ndarray, " group"], drawn: Float[np.ndarray, "round group"]
    ) -> list[Interval]:
        """Around the value over all images, as wide as the resamples of the sample say for so many images."""
        if not len(drawn):
            return [Interval(float(c), float("nan"), float("nan")) for c in centre]
        off = np.quantile(drawn, (0.025, 0.975), axis=0) - drawn.mean(0)
        low, high = centre + off * math.sqrt(len(self.values) / max(self.images, len(self.values)))
        return [Interval(float(c), float(a), float(b)) for c, a, b in zip(centre, low, high, strict=True)]
