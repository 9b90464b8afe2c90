"""The answer to one probe: components ranked, what each stands on, and whether the probe is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.special import ndtr

from ..components import Component
from ..held_out import MIN_AUROC, HeldOut, held_out
from ..results import Result
from ..showing import MIN_IMAGES, Prevalence, Showing
from ..space import SemanticSpace, adjusted_similarity
from ..texts import p_equals, p_value, plural
from ..vectors import freeze, frozen
from ..warned import Renamed
from .hit import BY_EVIDENCE, Z_CRITICAL, Z_OF_TWO, Evidence, Hit, Null

ALPHA = 0.05  # of "found": random sets of images pass at most this often
MIN_ADJUSTED_SIMILARITY = 0.5  # of "found": at least half-way from random images to the best-matching ones
COLUMNS = ("rows", "scores", "z", "p", "evidence", "z_examples")  # of an answer: one number per hit
State = Literal["found", "unchecked", "not found"]
STATES: tuple[State, ...] = get_args(State)
_LOOKED_AT = 20  # leading hits that an answer may stand on


@dataclass(frozen=True, eq=False)
class Matches(Result):
    """The answer to one probe: the components ranked, those above the null (p at most .01) first, then the others; the
    strongest first in each.

    `found` needs three things: p_best at most .05; an adjusted similarity of at least .5, or, by activations, an AUROC
    above .75 by more than the best of all components gains by luck; and that sampled images confirm it. An AUROC of .75
    confirms the component that examples alone put first; any other was chosen by the sampled images, too, and its
    AUROC must exceed .75 by more than the choice gains by luck. Where the first two hold but too few sampled images
    show the probe (or do not show it) to test the third, or it is not sure which do, `state` is "unchecked", and the
    probe is not found. All of them describe one hit, the `best`: the first or, where that fails, a later one.

    Attributes
    ----------
    probe
        What was asked, in words.
    rows
        [hit], rows of the space's components.
    scores
        [hit], cosines of probe and component, -1 to 1.
    z
        [hit], of the evidence that was asked for, or of the larger of "both", corrected for there being two (Sidak);
        the strongest are then those with the largest sum.
    searched
        How many components were.
    null
        What chance looks like.
    space
        Where it was searched.
    vector
        [dim], the probe's unit vector.
    unknown
        Words that the CLIP never saw: their scores mean nothing.
    query_rows
        Rows of components that are (part of) the query. They are no hits, and their examples, which made the probe, are
        no evidence.
    by
        Which evidence was asked for: "examples", "activations" or "both".
    z_examples
        [hit], the component's examples against random sets of images.
    z_activations
        [hit], the component's responses to sampled images that show the probe (see `showing`) against those to images
        that do not, by their ranks; chance is what the same images in any other order give (Wilcoxon 1945, with exact
        mean and variance).
    first_by_examples
        The row that examples alone put first, whether it is among the hits or not; None where none was searched, or
        examples do not count.

    Notes
    -----
    `p_best` is the chance that the best of that many random components does as well (Sidak). `adjusted_similarity` is
    the mean similarity of the component's examples to the probe, adjusted for chance as the adjusted Rand index is: 0
    for random images, 1 for the k images that match it best. Examples of any component are more alike than random
    images, and responses of any component go a little with what images show, so a small p alone proves little.
    `held_out` says how well the component tells sampled images that show the probe from others, its own examples left
    out.

    Examples
    --------
    >>> answer = lens.search("ruler")
    >>> answer.state, answer.best.score <= 1
    ('found', True)
    >>> len(answer.images(top=3))
    3
    """

    probe: str
    rows: Int[np.ndarray, " hit"]
    scores: Float[np.ndarray, " hit"]
    z: Float[np.ndarray, " hit"]
    searched: int
    null: Null
    space: SemanticSpace
    vector: Float[np.ndarray, " dim"]
    unknown: tuple[str, ...] = ()
    query_rows: tuple[int, ...] = ()
    by: Evidence = "examples"
    z_examples: Float[np.ndarray, " hit"] | None = None
    z_activations: Float[np.ndarray, " hit"] | None = None
    first_by_examples: int | None = None

    asked = Renamed("query_rows")

    def __post_init__(self) -> None:
        freeze(self, "rows", "scores", "z", "vector", "z_examples", "z_activations")

    @cached_property
    def p(self) -> Float[np.ndarray, " hit"]:
        """How often chance does as well as each hit, for that component alone."""
        return frozen(ndtr(-np.asarray(self.z, np.float64)))

    @cached_property
    def evidence(self) -> UInt8[np.ndarray, " hit"]:
        """Which evidence of each hit lies above chance: 1 its examples, 2 its activations, 3 both, 0 neither."""
        limit = Z_CRITICAL if self.by != "both" else Z_OF_TWO
        parts = [(1, self.z_examples), (2, self.z_activations)]
        seen = sum((z >= limit) * np.uint8(bit) for bit, z in parts if z is not None)
        return frozen(np.asarray(np.zeros(len(self), np.uint8) + seen, np.uint8))

    @property
    def showing(self) -> Showing:
        """Which sampled images show the probe, and which do not."""
        return self.space.showing(self.vector[None])

    @property
    def prevalence(self) -> Prevalence | None:
        """How many images of the data set show the probe, from the sampled ones; None where there is no sample."""
        sample = self.space.sample
        return None if sample is None or not len(sample) or self.unknown else self.showing.prevalence[0]

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """What is known of each hit, best first: one array per fact, as windows have it."""
        nothing = np.full(len(self), np.nan, np.float32)
        return {name: nothing if (column := getattr(self, name)) is None else column for name in COLUMNS}

    @property
    def best_rank(self) -> int:
        """The rank of the hit that the answer stands on: the `best`.

        Where the first hit is not found, the next may be: a component whose strongest examples happen to show the probe
        says nothing about those behind it. But to look further is to choose by the outcome, so a later one (of the
        first 20) has to pass with a correction for the choice (`HeldOut.passes_corrected`): among those that are close
        enough, or among all components where activations have ranked them. Only the component that examples alone put
        first needs no correction, wherever it stands. Where none passes, the answer is about the first.
        """
        return self._stands_on[0]

    @cached_property
    def _stands_on(self) -> tuple[int, bool]:
        """(rank of the best hit, whether sampled images confirm it)."""
        if self.unknown or not len(self):
            return 0, False
        (passes,) = self._passes(np.arange(1))
        if passes or len(self) < 2:
            return 0, bool(passes)
        leading = np.arange(len(self)) < _LOOKED_AT
        ranks = np.flatnonzero(leading | self._first_by_examples(np.arange(len(self))))[1:]
        sure = ranks[self._passes(ranks)]
        return (int(sure[0]), True) if len(sure) else (0, False)

    def _passes(self, ranks: Int[np.ndarray, " some"]) -> Bool[np.ndarray, " some"]:
        """Which are close enough and confirmed by sampled images, the choice among them allowed for."""
        passing = self._close(ranks)
        judged, first = self._judged(ranks[passing]), self._first_by_examples(ranks[passing])
        tried = self.searched if self.by != "examples" else len(judged.auroc) + 1
        passing[passing] = (judged.confirmed & first) | judged.passes_corrected(tried)
        return passing

    def _first_by_examples(self, ranks: Int[np.ndarray, " some"]) -> Bool[np.ndarray, " some"]:
        return self.rows[ranks] == (-1 if self.first_by_examples is None else self.first_by_examples)

    stands_on = Renamed("best_rank")

    @property
    def best(self) -> Hit:
        """The hit that the answer stands on. IndexError where there is none."""
        best: Hit = self[self.best_rank]
        return best

    @cached_property
    def carriers(self) -> Bool[np.ndarray, " hit"]:
        """Which hits pass, each by itself, the test that `found` puts to the best one."""
        ranks = np.arange(0 if self.unknown else len(self))
        result = np.zeros(len(self), bool)
        result[ranks] = self._confirmed(ranks)
        return frozen(result)

    def _confirmed(self, ranks: Int[np.ndarray, " some"]) -> Bool[np.ndarray, " some"]:
        passing = self._close(ranks)
        passing[passing] = self._judged(ranks[passing]).confirmed
        return passing

    def _close(self, ranks: Int[np.ndarray, " some"]) -> Bool[np.ndarray, " some"]:
        """Which are better than chance, and close enough."""
        close = self._p_all(ranks) <= ALPHA
        near = np.zeros(len(ranks), bool)
        if self.by != "activations":
            near[close] = self._adjusted_similarities(ranks[close]) >= MIN_ADJUSTED_SIMILARITY
        rest = np.flatnonzero(close & ~near)
        if self.z_activations is not None:
            rest = rest[self.z_activations[ranks[rest]] >= Z_CRITICAL]
            near[rest] = self._judged(ranks[rest]).passes_corrected(self.searched)
        return near

    def _p_all(self, ranks: Int[np.ndarray, " some"]) -> Float[np.ndarray, " some"]:
        return -np.expm1(self.searched * np.log1p(-np.minimum(self.p[ranks].astype(np.float64), 1 - 1e-16)))

    def _adjusted_similarities(self, ranks: Int[np.ndarray, " some"]) -> Float[np.ndarray, " some"]:
        similarity = self.space.mean_similarity(self.rows[ranks], self._pairs(ranks))
        chance, best = self.space.chance(self.vector[None]), np.asarray([self.attainable], np.float32)
        return adjusted_similarity(similarity, chance, best)

    def _judged(self, ranks: Int[np.ndarray, " some"]) -> HeldOut:
        return held_out(self.space, self.rows[ranks], self._pairs(ranks), self.query_rows)

    def _pairs(self, ranks: Int[np.ndarray, " some"]) -> Float[np.ndarray, "some dim"]:
        return np.broadcast_to(self.vector, (len(ranks), len(self.vector)))

    @property
    def _alone(self) -> Int[np.ndarray, " some"]:
        """The best hit's rank; none where nothing was searched."""
        return np.arange(self.best_rank, self.best_rank + 1)[: len(self)]

    @property
    def p_best(self) -> float:
        """The chance that the best of `searched` unrelated components scores as high as the best hit."""
        return float(self._p_all(self._alone)[0]) if len(self) else 1.0

    @cached_property
    def attainable(self) -> float:
        """The mean similarity to the probe of the k images of the data set that match it best."""
        return float(self.space.attainable(self.vector[None])[0])

    @cached_property
    def adjusted_similarity(self) -> float:
        """How similar the best hit's examples are to the probe: 0 as random images, 1 as `attainable`."""
        return float(self._adjusted_similarities(self._alone)[0]) if len(self) else 0.0

    reach = Renamed("adjusted_similarity")

    @cached_property
    def told_by_activations(self) -> bool:
        """Whether the best hit tells images that show the probe from others so well that its activations are enough."""
        if self.z_activations is None or not len(self):
            return False
        return bool(self.held_out.passes_corrected(self.searched).all())

    @cached_property
    def held_out(self) -> HeldOut:
        """The best hit (the one pair; none where nothing was searched) on sampled images."""
        return self._judged(self._alone)

    @property
    def found(self) -> bool:
        """Whether the probe is in these layers: better than chance, close enough, and told apart on other images."""
        return self.state == "found"

    @property
    def state(self) -> State:
        """ "found"; "unchecked": better than chance and close enough, but too few sampled images show the probe, or
        are others, to check it, or to tell what they confirm from what they have chosen; else "not found"."""
        if self.unknown or not len(self) or self.by_chance:
            return "not found"
        if not self.close_enough or self.held_out.refuted.any():
            return "not found"
        return "found" if self._stands_on[1] else "unchecked"

    @property
    def close_enough(self) -> bool:
        """Whether the best hit's examples are similar enough to the probe, or its activations tell enough."""
        similar = self.by != "activations" and self.adjusted_similarity >= MIN_ADJUSTED_SIMILARITY
        return similar or self.told_by_activations

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Hit]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, rank: Any) -> Any:
        """One hit by its rank; a slice of ranks gives a list of hits."""
        if isinstance(rank, slice):
            return [self[i] for i in range(*rank.indices(len(self)))]
        row = int(self.rows[rank])
        return Hit(
            self.space.components[row],
            row,
            float(self.scores[rank]),
            float(self.z[rank]),
            float(self.p[rank]),
            BY_EVIDENCE[int(self.evidence[rank])],
            None if self.z_examples is None else float(self.z_examples[rank]),
            None if self.z_activations is None else float(self.z_activations[rank]),
        )

    @property
    def components(self) -> list[Component]:
        """The components of the hits, best first."""
        return [self.space.components[int(row)] for row in self.rows]

    @property
    def message(self) -> str:
        """The answer in one sentence."""
        where, other = (" in other components", "other ") if self.query_rows else ("", "")
        if self.unknown:
            words = ", ".join(repr(w) for w in self.unknown)
            return f"{self.probe!r} cannot be searched: {self.space.recipe.clip} does not know {words}"
        if not len(self):
            return f"{self.probe!r}: no {other}living component to search"
        return f"{self.probe!r} {self.state}{where}: {self.reason}"

    @property
    def by_chance(self) -> bool:
        """Whether the best hit scores no higher than the best of as many random components may."""
        return self.p_best > ALPHA

    @property
    def reason(self) -> str:
        """What the best hit is, and why that is found, not found or unchecked. "" where nothing was searched."""
        if self.unknown or not len(self):
            return ""
        hit, before = self.best, self.best_rank
        best = f"best {hit.component} scores {hit.score:.3f} (z = {hit.z:.1f}, {p_equals(self.p_best)} over all)"
        if self.by_chance:
            return f"{best}, no better than random images"
        (auroc,) = self.held_out.auroc
        if self.by == "activations":
            if not self.close_enough:
                told = self._too_few if np.isnan(auroc) else f"AUROC only {auroc:.2f} {self._between}"
                return f"{best}, but {told}"
        else:
            similarity = f"adjusted similarity {self.adjusted_similarity:.2f}"
            if not self.close_enough:
                return f"{best}, but {similarity}, below {MIN_ADJUSTED_SIMILARITY:.2f}"
            close = self.adjusted_similarity >= MIN_ADJUSTED_SIMILARITY
            best = f"{best}, {similarity if close else 'by its activations over all images'}"
        if self.state == "unchecked":
            return f"{best}, but {self._chosen_by if auroc >= MIN_AUROC else self._too_few}"
        if auroc < MIN_AUROC:
            return f"{best}, but AUROC only {auroc:.2f} {self._between}"
        passed_over = f"; {plural(before, 'stronger hit')} passed over" if before else ""
        return f"{best}; AUROC {auroc:.2f} on sampled images{passed_over}"

    @property
    def _chosen_by(self) -> str:
        """Why an AUROC that is large enough confirms nothing, in words."""
        (auroc,), surely = self.held_out.auroc, self.held_out.surely(self.searched)[0]
        return (
            f"sampled images have chosen it, too, so an AUROC of {auroc:.2f} {self._between} proves only one above "
            f"{surely:.2f}"
        )

    @property
    def _between(self) -> str:
        """Between which images an AUROC is, in words."""
        (shown,), (told,) = self.held_out.shown, self.held_out.told_apart
        if told:
            return f"between the {plural(int(shown), 'sampled image')} that show it and those that do not"
        return f"between the {plural(int(shown), 'sampled image')} most like it and the others"

    @property
    def _too_few(self) -> str:
        """Why nobody could check, in words."""
        sample, (shown,), (others,) = self.space.sample, self.held_out.shown, self.held_out.others
        if sample is None or not len(sample):
            return (
                "there is no sample of images to check it on: made without responses, it is searched by examples only; "
                "fit the lens with some (responses='auto')"
            )
        if min(shown, others) >= MIN_IMAGES:
            (auroc,) = self.held_out.auroc
            return f"it is not sure which sampled images show it, and the AUROC is {auroc:.2f} {self._between}"
        few, what = (shown, "show it") if shown <= others else (others, "do not show it")
        return f"only {few} sampled images {what}, too few to check (at least {MIN_IMAGES})"

    def images(self, top: int = 20) -> list[tuple[int, float]]:
        """The data closest to the probe.

        Parameters
        ----------
        top
            How many.

        Returns
        -------
        list[tuple[int, float]]
            (image id, cosine) of the best crop per image, among all examples.
        """
        cosines = self.space.crop_similarity(self.vector)
        best: dict[int, float] = {}
        for crop in np.argsort(-cosines, kind="stable"):
            best.setdefault(int(self.space.crop_images[crop]), float(cosines[crop]))
            if len(best) == top:
                break
        return list(best.items())

    def examples(self, rank: int) -> list[tuple[int, float]]:
        """The evidence behind a hit.

        Parameters
        ----------
        rank
            Of the hit, from 0.

        Returns
        -------
        list[tuple[int, float]]
            (image id, response), strongest first.
        """
        row = int(self.rows[rank])
        e = self.space.examples
        n = int(e.counts[row])
        return list(zip(e.images[row, :n].tolist(), e.responses[row, :n].tolist(), strict=True))

    def whole_range(self, rank: int, count: int = 8) -> list[tuple[int, float]]:
        """A hit over all it answers to, not only what excites it most. None where there is no sample.

        For what very many images show, the strongest examples may show something else.

        Parameters
        ----------
        rank
            Of the hit, from 0.
        count
            How many images.

        Returns
        -------
        list[tuple[int, float]]
            (image id, response) of sampled images at equal steps of its rank, the strongest first, the weakest last.
        """
        if count < 2:
            raise ValueError(f"count={count}; the whole range has at least two ends")
        sample = self.space.sample
        if sample is None or not len(sample):
            return []
        responses = sample.of(self.rows[[rank]])[:, 0]
        order = np.argsort(-responses, kind="stable")
        chosen = order[np.unique(np.rint(np.linspace(0, len(order) - 1, count)).astype(int))]
        return list(zip(sample.images[chosen].tolist(), responses[chosen].tolist(), strict=True))

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per hit: probe, component, layer, index, score, z, p, by, found, state."""
        return [
            {"probe": self.probe, "component": str(h.component), "layer": h.component.layer, "index": h.component.index,
             "score": h.score, "z": h.z, "p": h.p, "by": h.by, "found": self.found,
             "state": self.state}
            for h in self
        ]  # fmt: skip

    def __repr__(self) -> str:
        shown = "\n".join(f"  {self[i]}" for i in range(min(len(self), 10)))
        return self.message if self.state == "not found" else f"{self.message}\n{shown}"

    def _repr_html_(self) -> str:
        head = f"<p>{escape(self.message)}</p>"
        cells = "".join(
            f"<tr><td><code>{escape(str(h.component))}</code></td><td>{h.score:.3f}</td><td>{h.z:.1f}</td>"
            f"<td>{escape(p_value(h.p))}</td></tr>"
            for h in (self[i] for i in range(min(len(self), 10)))
        )
        return f"{head}<table><tr><th>component</th><th>score</th><th>z</th><th>p</th></tr>{cells}</table>"
