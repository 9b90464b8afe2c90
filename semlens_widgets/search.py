"""Search: which components, and which data, come close to a probe, and is that more than chance?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtr

from .clip import Probes
from .components import Component
from .held_out import MIN_AUROC, MIN_IMAGES, HeldOut, held_out
from .results import Result
from .space import SemanticSpace, adjusted_similarity
from .texts import p_equals, p_value, plural
from .vectors import freeze, frozen, top_k, unit
from .warned import Renamed

HIT_ALPHA = 0.01  # a hit lies above the null: one random set of images in a hundred is as like the probe
Z_CRITICAL = 2.3263478740408408  # the same in standard deviations of a normal distribution
ALPHA = 0.05  # of "found": random sets of images pass at most this often
MIN_ADJUSTED_SIMILARITY = 0.5  # of "found": at least half-way from random images to the best-matching ones
COLUMNS = ("rows", "scores", "z", "p")  # of an answer: one number per hit
State = Literal["found", "unchecked", "not found"]
STATES: tuple[State, ...] = get_args(State)
_LOOKED_AT = 20  # leading hits that an answer may stand on
_BLOCK = 32_768  # components weighed at once: what is worked out about them stays in the processor's cache


@dataclass(frozen=True)
class Hit:
    """One component that came close, with its `row` in the space.

    `score` is the cosine of probe and component, -1 to 1; `z` how many standard deviations random images score lower,
    and `p` how often they score as high, for this component alone. `Matches.found` weighs them all.
    """

    component: Component
    row: int
    score: float
    z: float
    p: float

    def __str__(self) -> str:
        return f"{self.component!s:<16} {self.score:+.3f}  z={self.z:4.1f}  {p_equals(self.p)}"


@dataclass(frozen=True, eq=False)
class Null:
    """What the same probe scores on random sets of as many images: per hit, mean and deviation.

    `sets` are the scores of the sets of k images beside the best hit, for drawing.
    """

    mean: Float[np.ndarray, " hit"]
    sd: Float[np.ndarray, " hit"]
    sets: Float[np.ndarray, " set"]


@dataclass(frozen=True, eq=False)
class Matches(Result):
    """The answer to one probe: the components ranked, those above the null (p at most .01) first, then the others;
    the strongest first in each.

    `searched` is the number of components that were, `vector` the probe's unit vector [dim].
    `rows` are rows of the space's components; `scores` are cosines of probe and component. `z` and `p` compare a score
    with random sets of images; `p_best` is the chance that the best of that many random sets scores as high (Sidak).
    `adjusted_similarity` is the mean similarity of the component's examples to the probe, adjusted for chance as the
    adjusted Rand index is: 0 for random images, 1 for the k images that match it best. Examples of any component are
    more alike than random images, so a small p alone proves little. `held_out` says whether the component also tells
    sampled images that show the probe from others; its strongest examples alone cannot say that.

    `found` needs all three: p_best at most .05, an adjusted similarity of at least .5, and a held-out AUROC of at
    least .75. Where the first two hold but too few sampled images show the probe (or do not show it) to test the
    third, `state` is "unchecked", and the probe is not found. All of them describe one hit, the `best`: the first or,
    where that fails, a later one that passes with the p corrected for the tries. `unknown` are words that the CLIP
    never saw: their scores mean nothing. `query_rows` are rows of components that are (part of) the query. They are no
    hits, and their examples, which made the probe, are no evidence.
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

    asked = Renamed("query_rows")

    def __post_init__(self) -> None:
        freeze(self, "rows", "scores", "z", "vector")

    @cached_property
    def p(self) -> Float[np.ndarray, " hit"]:
        return frozen(ndtr(-np.asarray(self.z, np.float64)))

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """What is known of each hit, best first: one array per fact, as windows have it."""
        return {name: getattr(self, name) for name in COLUMNS}

    @cached_property
    def best_rank(self) -> int:
        """The rank of the hit that the answer stands on: the `best`.

        Where the first hit is not found, the next may be: a component whose strongest examples happen to show the probe
        says nothing about those behind it. But to look further is to choose by the outcome, so a later one (of the
        first 20) has to pass with a correction for the tries (`HeldOut.passes_corrected`). Where none does, the answer
        is about the first.
        """
        if len(self) < 2 or self.unknown or self._confirmed(np.arange(1)).all():
            return 0
        ranks = np.arange(min(len(self), _LOOKED_AT))
        close = ranks[self._close(ranks)]
        later = close[close > 0]
        sure = self._judged(later).passes_corrected(len(close))
        return int(later[sure.argmax()]) if sure.any() else 0

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
        close[close] = self._adjusted_similarities(ranks[close]) >= MIN_ADJUSTED_SIMILARITY
        return close

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
        are others, to check it; else "not found"."""
        if self.unknown or not len(self) or self.by_chance:
            return "not found"
        if self.adjusted_similarity < MIN_ADJUSTED_SIMILARITY or self.held_out.refuted.any():
            return "not found"
        return "found" if self.held_out.checked.all() else "unchecked"

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
        )

    @property
    def components(self) -> list[Component]:
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
        similarity = f"adjusted similarity {self.adjusted_similarity:.2f}"
        if self.adjusted_similarity < MIN_ADJUSTED_SIMILARITY:
            return f"{best}, but {similarity}, below {MIN_ADJUSTED_SIMILARITY:.2f}"
        (auroc,), (shown,) = self.held_out.auroc, self.held_out.shown
        if self.state == "unchecked":
            return f"{best}, {similarity}, but {self._too_few}"
        if auroc < MIN_AUROC:
            images = plural(int(shown), "sampled image")
            return f"{best}, {similarity}, but AUROC only {auroc:.2f} between the {images} that show it and the others"
        passed_over = f"; {plural(before, 'stronger hit')} passed over" if before else ""
        return f"{best}, {similarity}; AUROC {auroc:.2f} on sampled images{passed_over}"

    @property
    def _too_few(self) -> str:
        """Why nobody could check, in words."""
        sample, (shown,), (others,) = self.space.sample, self.held_out.shown, self.held_out.others
        if sample is None or not len(sample):
            return "there is no sample of images to check it on; fit the lens with one (sample=500)"
        few, what = (shown, "show it") if shown <= others else (others, "do not show it")
        return f"only {few} sampled images {what}, too few to check (at least {MIN_IMAGES})"

    def images(self, top: int = 20) -> list[tuple[int, float]]:
        """The data closest to the probe: (image id, cosine) of the best crop per image, among all examples."""
        cosines = self.space.crop_similarity(self.vector)
        best: dict[int, float] = {}
        for crop in np.argsort(-cosines, kind="stable"):
            best.setdefault(int(self.space.crop_images[crop]), float(cosines[crop]))
            if len(best) == top:
                break
        return list(best.items())

    def examples(self, rank: int) -> list[tuple[int, float]]:
        """The evidence behind a hit: (image id, response), strongest first."""
        row = int(self.rows[rank])
        e = self.space.examples
        n = int(e.counts[row])
        return list(zip(e.images[row, :n].tolist(), e.responses[row, :n].tolist(), strict=True))

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per hit: probe, component, layer, index, score, z, p, found, state."""
        return [
            {"probe": self.probe, "component": str(h.component), "layer": h.component.layer, "index": h.component.index,
             "score": h.score, "z": h.z, "p": h.p, "found": self.found,
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


def search(
    space: SemanticSpace,
    probes: Probes,
    *,
    top: int | None = 20,
    layer: str | Sequence[str] | None = None,
    centre: bool = False,
    without: Sequence[int | str | Component] = (),
) -> list[Matches]:
    """Hold probes against a space: one `Matches` per probe, in order.

    Score is the cosine of probe and component vector; `z` counts standard deviations by which the component's
    examples are, on average, more like the probe than random sets of as many images. (Cosines of the sets' own
    directions would not do: a set without anything in common has a short mean, and making that unit lengthens what
    all images share with the probe.) `top` hits are kept (None: all); dead components are never hits. `layer`
    restricts to one or several layers. `centre` first subtracts each layer's mean vector from its components, and
    the sets' mean from the sets: often sharper, and best without the null probe. `without` leaves out components that
    the probes were made from: each is its own best match. Raises ValueError when the probes come from another CLIP,
    KeyError for an unknown layer. (Dreyer et al. 2025)
    """
    if probes.clip != space.recipe.clip:
        raise ValueError(
            f"the probes come from {probes.clip}, the space from {space.recipe.clip}; embed both with the same CLIP"
        )
    if probes.vectors.shape[1] != space.dim:
        raise ValueError(f"the probes have {probes.vectors.shape[1]} dimensions, the space {space.dim}")
    check_settings(space, top, layer)
    chosen = space.components.rows(layer)
    query_rows = tuple(dict.fromkeys(space.components.row(component) for component in without))
    alive = space.alive
    if query_rows:
        alive = alive.copy()
        alive[list(query_rows)] = False
    alive = alive[chosen]
    vectors, sets = space.centred if centre else space.vectors, space.null_of(centre)
    answers = []
    for probe, vector, unknown in zip(probes.names, probes.vectors, probes.unknown, strict=True):
        null_scores = sets @ vector
        mean, sd = null_scores.mean(1), np.maximum(null_scores.std(1), 1e-9)
        scores, z = np.empty((2, len(alive)), np.float32)
        for block in _blocks(len(alive)):
            some = _part(chosen, block)
            size = space.set_size_of[some]
            scores[block] = vectors[some] @ vector
            z[block] = (scores[block] * space.divided_by(some, centre) - mean[size]) / sd[size]
        best = _ranked(scores, z >= Z_CRITICAL, alive, len(scores) if top is None else top)
        rows = _part(chosen, best)
        size, length = space.set_size_of[rows], space.divided_by(rows, centre)
        drawn = null_scores[-1] / (length[0] if len(rows) else np.float32(1))
        null = Null(frozen(mean[size] / length), frozen(sd[size] / length), frozen(drawn))
        answers.append(
            Matches(probe, rows, scores[best], z[best], int(alive.sum()), null, space, vector, unknown, query_rows)
        )
    return answers


def check_settings(space: SemanticSpace, top: int | None, layer: str | Sequence[str] | None) -> None:
    """ValueError or KeyError for invalid settings of `search`, whatever is searched."""
    if top is not None and top < 1:
        raise ValueError(f"top={top}; ask for at least one hit, or None for all")
    space.components.rows(layer)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK))


def _part(chosen: slice | Int[np.ndarray, " row"], part: Any) -> Any:
    """Some of the chosen rows, themselves chosen by a slice or by numbers."""
    if not isinstance(chosen, slice):
        return chosen[part]
    first = chosen.start
    return slice(first + part.start, first + part.stop) if isinstance(part, slice) else first + part


def _ranked(
    scores: Float[np.ndarray, " row"], above: Bool[np.ndarray, " row"], alive: Bool[np.ndarray, " row"], k: int
) -> Int[np.ndarray, " hit"]:
    """The k strongest living rows: first those above the null, then the others."""
    first = _strongest(scores, above & alive, k)
    if len(first) == k:
        return first
    return np.concatenate([first, _strongest(scores, ~above & alive, k - len(first))])


def _strongest(scores: Float[np.ndarray, " row"], among: Bool[np.ndarray, " row"], k: int) -> Int[np.ndarray, " hit"]:
    rows = np.flatnonzero(among)
    best, _ = top_k(scores[rows], k)
    return rows[best]


def component_probe(space: SemanticSpace, component: int | str | Component, *, centre: bool = False) -> Probes:
    """A component's own direction as a probe, for a search with the same `centre`.

    ValueError for a dead component, which has none.
    """
    row = space.components.row(component)
    if not space.alive[row]:
        raise ValueError(f"component {space.components[row]} is dead: no image excites it, so it has no direction")
    vectors = space.centred if centre else space.vectors
    return Probes((str(space.components[row]),), unit(vectors[row : row + 1]), space.recipe.clip)
