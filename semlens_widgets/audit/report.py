"""What an audit says: about every component, every concept, and the class as a whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from html import escape
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int

from .. import numbers
from ..checklist import KINDS, Checklist, Kind
from ..components import Component
from ..detection import Limit
from ..intervals import Interval
from ..results import Result
from ..space import SemanticSpace
from ..texts import to_csv
from ..vectors import frozen
from .data import TrainingImages, training_images
from .finding import SPEAKS, Finding, Thresholds, signed

Region = Literal["valid", "spurious", "ambiguous", "unexpected", "neutral"]
REGIONS: tuple[Region, ...] = get_args(Region)
ORDER: tuple[Region, ...] = ("valid", "ambiguous", "spurious", "unexpected", "neutral")  # of shares, in bars and tables
DEAD = -1  # the region of a component that no image excites
NO_CONCEPT = np.iinfo(np.int32).max  # a concept that no checklist has


@dataclass(frozen=True, eq=False)
class AuditReport(Result):
    """What an audit found, computed; people's decisions about it are `Verdicts`, kept apart.

    Attributes
    ----------
    space, checklist, target, thresholds, centre
        What was audited, for which class, and how: see `audit`.
    scores, z
        [component concept], the cosine of concept and component, and how many standard deviations it lies above random
        sets of images; NaN for dead components and for concepts that were not searched. Concepts are in the order of
        the checklist. z is NaN too where sampled images refute it: see `held_out`.
    region
        [component], a number of `REGIONS`, or `DEAD`: "valid" or "spurious" where the best concept is one, "ambiguous"
        where one of each fits and neither leads, "neutral" where a neutral concept fits best, and "unexpected" where
        none fits.
    leading
        [component], the number of the concept that fits best, above the line; `NO_CONCEPT` if none does.
    relevance, share
        [component], the class's mean relevance with its sign, and the share of its layer's absolute relevance; NaN
        without relevance.
    audited
        [component], whether the component belongs to the audited layers.
    findings
        One for each concept of the checklist, in its order; `report["ruler"]` is one by name.
    shares
        By region, the share of the layers' absolute relevance, with its 95 % interval.
    statistic, backend, images
        How relevance was added up, the method behind it, and over how many images.
    labels
        What each component is called besides, or None.
    top_images
        [component k], the images in which it is most relevant for the class.
    held_out
        [component concept], the AUROC with which a component whose z lies above the line tells sampled images that show
        the concept from others (as in `Matches.held_out`); below .75 it does not count, however high its z. NaN
        elsewhere, and where too few sampled images show the concept.
    doubt
        Where relevance was measured to say little about switching components off, that in a sentence. Then nothing here
        is called a share of the decision.
    asked
        How many sampled images the model was asked about, for `Finding.logit` and the limit; 0 where it was not.

    Examples
    --------
    >>> report = lens.audit(sl.Checklist(spurious=["ruler"]), target="melanoma", progress=False)
    >>> sum(report.counts.values()) == int(lens.space.alive.sum())
    True
    >>> report["ruler"].concept.name
    'ruler'
    """

    space: SemanticSpace
    checklist: Checklist
    target: str | None
    thresholds: Thresholds
    centre: bool
    scores: Float[np.ndarray, "component concept"]
    z: Float[np.ndarray, "component concept"]
    region: Int[np.ndarray, " component"]
    leading: Int[np.ndarray, " component"]
    relevance: Float[np.ndarray, " component"]
    share: Float[np.ndarray, " component"]
    audited: Bool[np.ndarray, " component"]
    findings: tuple[Finding, ...]
    shares: dict[Region, Interval]
    statistic: str = ""
    backend: str = ""
    images: int = 0  # with that target, behind the relevance
    labels: tuple[str | None, ...] = field(default=())
    top_images: Int[np.ndarray, "component k"] | None = None
    held_out: Float[np.ndarray, "component concept"] | None = None
    doubt: str = ""
    asked: int = 0  # sampled images whose logit is known

    def __post_init__(self) -> None:
        size = len(self.space.components)
        for name in ("scores", "z", "region", "leading", "relevance", "share", "audited"):
            array = frozen(getattr(self, name))
            if len(array) != size:
                raise ValueError(f"{name} has {len(array)} rows for {size} components")
            object.__setattr__(self, name, array)

    @cached_property
    def signed_share(self) -> Float[np.ndarray, " component"]:
        """Shares of the class's relevance over the audited layers, negative where the relevance is; NaN without it.

        Absolute values add up to 1. It is what windows, figures and reports call share of relevance.
        """
        layers = max(len(np.unique(self.space.components.layer_numbers[self.audited])), 1)
        return frozen(np.where(self.audited, np.where(self.relevance < 0, -1, 1) * self.share / layers, np.nan))

    @property
    def limits(self) -> dict[str, Limit]:
        """By concept the detection limit: an effect on the class's logit below it would be missed in half the cases."""
        return {f.name: f.limit for f in self.findings if f.limit is not None}

    @property
    def limit(self) -> Limit | None:
        """The detection limit of the whole audit: a shortcut of the checklist that moves the class's logit by less
        would be missed in half of the cases or more. That of the spurious concept that is hardest to tell in these
        images (of all concepts where none is spurious), of those where it is sure which images show them; of the others
        see `without_limit`. None where the model was not asked.

        The test whose power it is: the t test of `Finding.logit`. It holds for what the checklist names and the CLIP or
        a component shows, in images like these.
        """
        spurious = [f.limit for f in self.findings if f.limit is not None and f.kind == "spurious"]
        return max(spurious or self.limits.values(), key=lambda limit: limit.value, default=None)

    @property
    def limit_sentences(self) -> tuple[str, ...]:
        """What the audit would have missed, and of which concepts that cannot be told; none where the model was not
        asked."""
        told = [] if self.limit is None else [self.limit.sentence]
        if unsure := self.without_limit:
            told.append(
                f"What would be missed of {', '.join(unsure)} cannot be told: it is not sure which images show "
                f"{'it' if len(unsure) == 1 else 'them'}, or another concept is on the same images"
            )
        return tuple(told)

    @property
    def without_limit(self) -> tuple[str, ...]:
        """Spurious concepts of which the limit does not speak although the model was asked: it is not sure which images
        show them, or they are on the same images as another concept."""
        if not self.asked:
            return ()
        asked = (f for f in self.findings if f.kind == "spurious" and f.state not in ("unseen", "unknown"))
        return tuple(f.name for f in asked if f.limit is None)

    @property
    def has_relevance(self) -> bool:
        """Whether relevance was known, so that shares of the class can be told."""
        return bool(np.isfinite(self.share).any())

    def __getitem__(self, name: str) -> Finding:
        """The finding of one concept, by name."""
        return self.findings[self._column(name)]

    # components

    def rows(self, region: Region) -> Int[np.ndarray, " row"]:
        """The components of one region as rows, the most relevant first (by z where there is no relevance).

        Parameters
        ----------
        region
            A name of `REGIONS`, such as "spurious".

        Returns
        -------
        int array [row]
            Rows of the space.
        """
        if region not in REGIONS:
            raise ValueError(f"no region {region!r}; regions are {', '.join(REGIONS)}")
        rows = np.flatnonzero((self.region == REGIONS.index(region)) & self.audited)
        weight = self.share if self.has_relevance else np.nan_to_num(np.nanmax(self.z, 1, initial=-9e9), nan=-9e9)
        return rows[np.argsort(-weight[rows], kind="stable")]

    def _components(self, region: Region) -> tuple[Component, ...]:
        return tuple(self.space.components[int(row)] for row in self.rows(region))

    @property
    def valid(self) -> tuple[Component, ...]:
        """Components that encode what should be used, the most relevant first."""
        return self._components("valid")

    @property
    def spurious(self) -> tuple[Component, ...]:
        """Components that encode what must not be used, the most relevant first."""
        return self._components("spurious")

    @property
    def ambiguous(self) -> tuple[Component, ...]:
        """Components that fit something valid and something spurious alike, the most relevant first."""
        return self._components("ambiguous")

    @property
    def neutral(self) -> tuple[Component, ...]:
        """Components that encode what should make no difference, the most relevant first."""
        return self._components("neutral")

    @property
    def unexpected(self) -> tuple[Component, ...]:
        """Components that fit nothing on the checklist, the most relevant first: what to look at next."""
        return self._components("unexpected")

    def region_of(self, component: int | str | Component) -> Region | None:
        """The region of one component; None for a dead one.

        Parameters
        ----------
        component
            A row, "layer4:57" or a `Component`.

        Returns
        -------
        Region or None
            A name of `REGIONS`, or None.
        """
        number = int(self.region[self.space.components.row(component)])
        return None if number == DEAD else REGIONS[number]

    def best_of(self, row: int, kind: Kind) -> tuple[str, float] | None:
        """(concept, z) of the concept of a kind that fits a component best; None where none was searched.

        Parameters
        ----------
        row
            Of the component.
        kind
            "valid", "spurious" or "neutral".

        Returns
        -------
        tuple[str, float] or None
            The concept's name and its z.
        """
        columns = [j for j, f in enumerate(self.findings) if f.kind == kind and np.isfinite(self.z[row, j])]
        if not columns:
            return None
        best = max(columns, key=lambda j: self.z[row, j])
        return self.findings[best].name, float(self.z[row, best])

    def concept_of(self, row: int) -> str | None:
        """The name of the concept that fits a component best, above the line; None where none does.

        Parameters
        ----------
        row
            Of the component.

        Returns
        -------
        str or None
            The concept's name, or None.
        """
        return None if self.leading[row] == NO_CONCEPT else self.findings[self.leading[row]].name

    @cached_property
    def best_valid(self) -> Float[np.ndarray, " component"]:
        """The z of each component's best valid concept: the height of the scatter. NaN where there is none."""
        return self._best("valid")

    @cached_property
    def best_spurious(self) -> Float[np.ndarray, " component"]:
        """The z of each component's best spurious concept. NaN where there is none."""
        return self._best("spurious")

    @cached_property
    def best_neutral(self) -> Float[np.ndarray, " component"]:
        """The z of each component's best neutral concept. NaN where there is none."""
        return self._best("neutral")

    def _best(self, kind: Kind) -> Float[np.ndarray, " component"]:
        return frozen(best_z(self.z, [f.kind == kind for f in self.findings]))

    def evidence(self, concept: str) -> Float[np.ndarray, " component"]:
        """How much each component says that the class rests on this concept: its share where the concept is the one
        that fits it best, above the line; 0 elsewhere. Shares of components that carry something else are no evidence,
        however spurious that is. NaN without relevance.

        Parameters
        ----------
        concept
            By name.

        Returns
        -------
        float array [component]
            Shares, signed, in [-1, 1].
        """
        own = self.leading == self._column(concept)
        return np.where(self.audited, np.where(own, self.share, self.share * 0), np.nan_to_num(self.share * 0))

    def ranking(self, concept: str) -> tuple[Component, ...]:
        """All audited living components, those that matter for one concept first: those that it fits best, above the
        line, in order of their share; then the others, in order of z. The first to look at, or to switch off.

        Parameters
        ----------
        concept
            By name.

        Returns
        -------
        tuple[Component, ...]
            Every audited living component once.
        """
        column = self._column(concept)
        rows = np.flatnonzero(self.audited & (self.region != DEAD))
        z = np.nan_to_num(self.z[rows, column], nan=-np.inf)
        share = np.nan_to_num(self.share[rows]) * (self.leading[rows] == column)
        order = np.lexsort((-z, -share, self.leading[rows] != column))
        return tuple(self.space.components[int(row)] for row in rows[order])

    def _column(self, concept: str) -> int:
        self.checklist[concept]
        return self._columns[concept]

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {finding.name: column for column, finding in enumerate(self.findings)}

    # data

    def training_images(self, components: Any = None) -> TrainingImages:
        """The images behind components.

        Parameters
        ----------
        components
            One or several; the spurious ones unless given.

        Returns
        -------
        TrainingImages
            See `TrainingImages`.
        """
        return training_images(self.space, self.spurious if components is None else components)

    # tables and text

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per audited living component: where it lies, its best concept of each kind with z, relevance."""
        rows = []
        for row in np.flatnonzero(self.audited & (self.region != DEAD)).tolist():
            component = self.space.components[row]
            entry: dict[str, Any] = {
                "component": str(component), "layer": component.layer, "index": component.index,
                "region": self.region_of(row), "concept": self.concept_of(row),
            }  # fmt: skip
            for kind in KINDS:
                best = self.best_of(row, kind)
                entry[f"{kind}_concept"], entry[kind] = best if best is not None else (None, None)
            entry |= {"relevance": _number(self.relevance[row]), "share": _number(self.share[row]),
                      "signed_share": _number(self.signed_share[row])}  # fmt: skip
            entry["label"] = self.labels[row] if self.labels else None
            rows.append(entry)
        return rows

    def concept_rows(self) -> list[dict[str, Any]]:
        """One dict per concept: group, kind, state, its components, z, p, relevance and share with intervals."""
        return [
            {
                "group": f.group, "concept": f.name, "kind": f.kind, "state": f.state, "components": len(f.rows),
                "best": None if f.best is None else str(self.space.components[f.best]),
                "refuted": f.refuted,
                "score": _number(f.score), "z": _number(f.z), "p": _number(f.p), "p_all": _number(f.p_all),
                "relevance": _part(f.relevance, "mean"), "relevance_low": _part(f.relevance, "low"),
                "relevance_high": _part(f.relevance, "high"), "share": _part(f.share, "mean"),
                "share_low": _part(f.share, "low"), "share_high": _part(f.share, "high"),
                "signed_share": _part(f.signed_share, "mean"), "signed_share_low": _part(f.signed_share, "low"),
                "signed_share_high": _part(f.signed_share, "high"),
                "effect": _part(f.effect, "mean"), "effect_low": _part(f.effect, "low"),
                "effect_high": _part(f.effect, "high"),
                "logit": _part(f.logit, "mean"), "logit_low": _part(f.logit, "low"),
                "logit_high": _part(f.logit, "high"), "limit": None if f.limit is None else f.limit.value,
                "proof_found": f.proof_found, "proof_used": f.proof_used,
                "has_effect": f.has_effect, "used": f.used, "elsewhere": f.elsewhere, "direction": f.direction,
                "message": f.message,
            }
            for f in self.findings
        ]  # fmt: skip

    def to_csv(self) -> str:
        """The rows as CSV text."""
        return to_csv(self.to_rows())

    def to_json(self) -> str:
        """Concepts, components, shares and thresholds as JSON text."""
        made = {
            "target": self.target, "clip": self.space.recipe.clip, "centre": self.centre,
            "thresholds": asdict(self.thresholds),
            "shares": {r: [i.mean, i.low, i.high] for r, i in self.shares.items()},
            "concepts": self.concept_rows(), "components": self.to_rows(),
        }  # fmt: skip
        return json.dumps(made, ensure_ascii=False, indent=1, allow_nan=False)

    @property
    def counts(self) -> dict[Region, int]:
        """How many living components lie in each region."""
        return {region: int(((self.region == n) & self.audited).sum()) for n, region in enumerate(REGIONS)}

    @property
    def share_word(self) -> str:
        """What windows, figures and reports call a share: where relevance says little about effects, not a share."""
        return "unreliable relevance" if self.doubt else "share of relevance"

    @cached_property
    def message(self) -> str:
        """The result in plain words."""
        counts = self.counts
        total = sum(counts.values())
        sentences = [
            f"{total:,} components audited against {sum(f.state != 'unseen' for f in self.findings)} concepts: "
            + ", ".join(f"{counts[region]:,} {region}" for region in REGIONS if counts[region])
            + "."
        ]
        if self.has_relevance:
            if self.doubt:
                sentences.append(f"{self.doubt}: what follows are hints, not shares of the decision.")
            sentences.append(
                f"Of the relevance for {self.target!r}, "
                + ", ".join(
                    f"{i.mean:.0%} [{i.low:.0%}, {i.high:.0%}] rests on {r} components" for r, i in self.shares.items()
                )
                + "."
            )
            for kind in ("spurious", "neutral"):
                if wrong := [f for f in self.findings if f.kind == kind and f.used]:
                    listed = ", ".join(
                        f"{f.name} ({_of(f.share):.0%}, {SPEAKS[f.direction or 'unclear']})"
                        for f in sorted(wrong, key=lambda f: -_of(f.share))
                    )
                    sentences.append(f"Used although {kind}: {listed}.")
            if elsewhere := [f for f in self.findings if f.kind != "valid" and f.elsewhere]:
                listed = ", ".join(f"{f.name} ({signed(f.effect)})" for f in elsewhere if f.effect is not None)
                sentences.append(
                    f"The relevance also depends on concepts whose own components carry little of it: {listed}."
                )
        if missing := [f.name for f in self.findings if f.kind == "valid" and f.state == "missing"]:
            sentences.append(
                f"Expected but missing: {', '.join(missing)}. A concept is also missing where the CLIP cannot see it, "
                "or where the images do not show it."
            )
        sentences += [f"{sentence}." for sentence in self.limit_sentences]
        return " ".join(sentences)

    def __repr__(self) -> str:
        lines = [self.message]
        for f in self.findings:
            best = "" if f.best is None else str(self.space.components[f.best])
            share = "" if f.share is None else f"{f.share.mean:5.1%}"
            sign = {"for": "for", "against": "against", "unclear": "±"}.get(f.direction or "", "")
            lines.append(
                f"  {f.kind:<9} {f.name[:24]:<24} {f.state:<8} {len(f.rows):>4} comp.  {best:<16} z={f.z:5.1f}  "
                f"{share} {sign}{'refuted by sampled images' if f.refuted else ''}".rstrip()
            )
            lines += [f"            {proof}" for proof in (f.proof_found, f.proof_used) if proof]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        cells = ""
        for f in self.findings:
            best = "" if f.best is None else f"<code>{escape(str(self.space.components[f.best]))}</code>"
            z = "" if not np.isfinite(f.z) else f"{f.z:.1f}{' (refuted)' if f.refuted else ''}"
            s = f.signed_share
            share = "" if s is None else f"{numbers.signed(s.mean)} [{', '.join(map(numbers.signed, (s.low, s.high)))}]"
            cells += (
                f"<tr><td>{escape(f.group)}</td><td>{escape(f.name)}</td><td>{f.kind}</td><td>{f.state}</td>"
                f"<td>{len(f.rows)}</td><td>{best}</td><td>{z}</td><td>{share}</td>"
                f"<td>{SPEAKS[f.direction] if f.direction else ''}</td></tr>"
            )
        share_head = f"{self.share_word}, %"
        heads = ("group", "concept", "kind", "state", "components", "best", "z", share_head, "direction")
        return (
            f"<p>{escape(self.message)}</p><table><tr>{''.join(f'<th>{h}</th>' for h in heads)}</tr>{cells}</table>"
        )


def _of(interval: Interval | None) -> float:
    return 0.0 if interval is None else interval.mean


def _part(interval: Interval | None, name: str) -> float | None:
    return None if interval is None else _number(getattr(interval, name))


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def best_z(z: Float[np.ndarray, "component concept"], chosen: Sequence[bool]) -> Float[np.ndarray, " component"]:
    """The largest z of the chosen concepts; NaN where none of them was searched."""
    columns = np.where(np.isnan(z), -np.inf, z)[:, np.asarray(chosen, bool)]
    best = columns.max(1, initial=-np.inf)
    return np.where(np.isfinite(best), best, np.nan)
