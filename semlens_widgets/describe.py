"""Describe: the words that say best what each component stands for, how sure that is, and where none does."""

from __future__ import annotations

import csv
import io
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from .clip import Probes
from .components import Components
from .evaluate import blocks, centred, data_mean, random_sets
from .held_out import TELLS, held_out
from .labelers import Labeler, labeler
from .results import Result
from .search import REACH
from .space import SemanticSpace, reach
from .vectors import frozen, two_means, unit

UNEXPLAINED = "unexplained"
NO_WORD = np.iinfo(np.int32).max  # a word that no vocabulary has
CONFIDENCE = 0.95  # that a label needs by default
SHOWN = 0.5  # of the usual gain over chance; a word whose best images gain less is hardly in the data

_VOCABULARIES = {path.stem: path for path in (Path(__file__).parent / "vocabularies").glob("*.txt")}
_KEPT = ("words", "scores", "z", "confidence", "reach", "margins")
_NULL_SETS = 1000
_SHUFFLES = 200
_CANDIDATES = 20  # words among which `distinct` chooses
_NEAR = 0.8  # of the best word's gain over chance; below it `distinct` does not look
_SIBLINGS = 5
_PARTS = 4  # meanings of one component, at most
_SMALLEST = 3  # examples of a meaning, at least
_APART = 0.5  # cosine between two meanings, as a share of that within them, at most
_BLOCK_NUMBERS = 1 << 24


def packaged() -> tuple[str, ...]:
    """The names of the vocabularies that come with the package."""
    return tuple(sorted(_VOCABULARIES))


def vocabulary(source: str | Path | Sequence[str]) -> tuple[str, ...]:
    """The words of a vocabulary, each once, in order.

    source: a list of words; "common" (objects, parts, textures, colours, materials) or "dermoscopy", which come
    with the package; or a text file, one word or phrase per line, empty lines and those that begin with "#" left
    out. FileNotFoundError for a name that is none of these, ValueError for an empty list.
    """
    if isinstance(source, str | Path):
        path = _VOCABULARIES.get(str(source), Path(source))
        if not path.is_file():
            raise FileNotFoundError(
                f"no vocabulary {str(source)!r}; give a list of words, a text file with one word per line, or one of "
                f"{', '.join(packaged())}"
            )
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        found = [line for line in lines if line and not line.startswith("#")]
    else:
        if (odd := next((word for word in source if not isinstance(word, str)), None)) is not None:
            raise TypeError(f"{odd!r} in the vocabulary; its words are texts")
        found = [" ".join(word.split()) for word in source]
    words = tuple(dict.fromkeys(word for word in found if word))
    if not words:
        raise ValueError(f"the vocabulary {str(source)[:60]!r} has no word")
    return words


@dataclass(frozen=True)
class Meaning:
    """One group of a component's examples (ranks, strongest first) and the word that says it best.

    `word` is None where no word is good enough; `closest` is the best one all the same.
    """

    examples: tuple[int, ...]
    word: str | None
    closest: str
    score: float
    confidence: float
    reach: float


@dataclass(frozen=True, eq=False)
class _Ranked:
    """For some directions, the best words with all that is known about them [direction label]."""

    words: Int[np.ndarray, "direction label"]
    scores: Float[np.ndarray, "direction label"]
    z: Float[np.ndarray, "direction label"]
    confidence: Float[np.ndarray, "direction label"]
    margins: Float[np.ndarray, " direction"]


@dataclass(frozen=True, eq=False)
class Labels(Result):
    """The best words of a vocabulary for every component, and how far each may be believed.

    `words` [component label] are numbers of `probes`, best first (`NO_WORD` for a dead component), with their
    `scores`. `margins` is the lead of the best word over the second in the score they were ranked by. `z` counts
    standard deviations above random images, and `confidence` is the share of random sets of images (or of
    responses shuffled over the images) whose word of that rank fits them less well. `reach` and `held_out` are as
    in search: how far the component's examples get from random images (0) to the k images that match the word best
    (1), and how well the component tells sampled images that show the word from others. A label is `accepted` when
    its confidence is at least `level`, its reach at least one half and its held-out AUROC at least .75 where it
    could be judged; a component whose best word is not accepted is unexplained. Words the CLIP never saw are in
    `unknown` and label nothing.
    """

    space: SemanticSpace
    probes: Probes
    words: Int[np.ndarray, "component label"]
    scores: Float[np.ndarray, "component label"]
    z: Float[np.ndarray, "component label"]
    confidence: Float[np.ndarray, "component label"]
    reach: Float[np.ndarray, "component label"]
    margins: Float[np.ndarray, " component"]
    level: float
    method: str
    centre: bool
    distinct: bool

    def __post_init__(self) -> None:
        for name in ("words", "scores", "z", "confidence", "reach", "margins"):
            array = frozen(getattr(self, name))
            if len(array) != len(self.space.components):
                raise ValueError(f"{name} has {len(array)} rows for {len(self.space.components)} components")
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def components(self) -> Components:
        return self.space.components

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(n for n, unseen in zip(self.probes.names, self.probes.unknown, strict=True) if unseen)

    @cached_property
    def accepted(self) -> Bool[np.ndarray, "component label"]:
        with np.errstate(invalid="ignore"):
            return frozen((self.confidence >= self.level) & (self.reach >= REACH) & ~(self.held_out < TELLS))

    @cached_property
    def held_out(self) -> Float[np.ndarray, "component label"]:
        """How well each component tells sampled images that show its word from others (AUROC); NaN: not judged."""
        result = np.full(self.words.shape, np.nan)
        rows, ranks = np.nonzero(self.words != NO_WORD)
        result[rows, ranks] = held_out(self.space, rows, self.probes.vectors[self.words[rows, ranks]]).auroc
        return frozen(result)

    @property
    def abstained(self) -> Bool[np.ndarray, " component"]:
        """Living components that no word explains."""
        return self.space.alive & ~self.accepted[:, 0]

    def closest(self, row: int) -> tuple[str, ...]:
        """A component's best words, accepted or not; none for a dead one."""
        return tuple(self.probes.names[word] for word in self.words[row] if word != NO_WORD)

    def word(self, row: int) -> str | None:
        """The word that explains a component, or None."""
        return self.probes.names[self.words[row, 0]] if self.accepted[row, 0] else None

    @cached_property
    def collisions(self) -> dict[str, tuple[int, ...]]:
        """The rows that share an accepted label with another component, by label, the most shared first."""
        rows: dict[str, list[int]] = {}
        for row in np.flatnonzero(self.accepted[:, 0]):
            rows.setdefault(self.probes.names[self.words[row, 0]], []).append(int(row))
        shared = [(word, tuple(found)) for word, found in rows.items() if len(found) > 1]
        return dict(sorted(shared, key=lambda pair: (-len(pair[1]), pair[0])))

    @cached_property
    def collision_rate(self) -> float:
        """The share of explained components whose label another one has too; 0 where none is explained."""
        return sum(map(len, self.collisions.values())) / max(int(self.accepted[:, 0].sum()), 1)

    @cached_property
    def meanings(self) -> tuple[tuple[Meaning, ...], ...]:
        """Per component its meanings, most examples first, each labelled by its mean vector; () for a dead one."""
        return _meanings(self, np.arange(len(self)))

    def meanings_of(self, rows: Sequence[int]) -> tuple[tuple[Meaning, ...], ...]:
        """The meanings of some components, as in `meanings`, without looking at the others."""
        if "meanings" in self.__dict__:
            return tuple(self.meanings[row] for row in rows)
        return _meanings(self, np.asarray(rows, int))

    @cached_property
    def _clear_parts(self) -> Float[np.ndarray, " size"]:
        """How alike the two parts of random sets of images get, by set size: what a meaning has to be clearer than."""
        space = self.space
        clear = np.full(len(space.set_sizes), np.inf)
        for at in np.unique(space.set_size_of[space.alive]):
            sets = random_sets(space, int(space.set_sizes[at]), centre=True)
            size = np.full(len(sets), sets.shape[1])
            clear[at] = np.quantile(_separation(sets, size, two_means(sets))[0], CONFIDENCE)
        return clear

    @cached_property
    def poorly_shown(self) -> tuple[str, ...]:
        """Words of the whole vocabulary that no image of the data set shows well: no component can earn them."""
        return _poorly_shown(self, np.arange(len(self.probes)))

    def kept(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What a file keeps of the labels: a JSON document and arrays. `of_kept` makes them again."""
        document = {
            "names": self.probes.names, "unknown": self.probes.unknown, "level": self.level, "method": self.method,
            "centre": self.centre, "distinct": self.distinct,
        }  # fmt: skip
        arrays = {name: np.asarray(getattr(self, name)) for name in _KEPT}
        return document, arrays | {"vectors": np.asarray(self.probes.vectors)}

    @classmethod
    def of_kept(cls, space: SemanticSpace, document: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Labels:
        names, unknown = tuple(document["names"]), tuple(tuple(words) for words in document["unknown"])
        probes = Probes(names, arrays["vectors"], space.recipe.clip, unknown)
        kept: list[Any] = [arrays[name] for name in _KEPT]
        how: list[Any] = [document[name] for name in ("level", "method", "centre", "distinct")]
        return cls(space, probes, *kept, *how)

    def to_rows(self, own: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """One dict per component and rank: component, layer, index, rank, label, closest word, and its figures.

        `label` is `UNEXPLAINED` where the word is not accepted. Dead components have no row. `own`, a person's own
        labels by component ('layer4:3'), win at rank 0; the column `own` says which those are.
        """
        own = own or {}
        rows: list[dict[str, Any]] = []
        for row in np.flatnonzero(self.space.alive).tolist():
            component = self.components[row]
            for rank, name in enumerate(self.closest(row)):
                ok = bool(self.accepted[row, rank])
                given = own.get(str(component)) if rank == 0 else None
                rows.append({
                    "component": str(component), "layer": component.layer, "index": component.index, "rank": rank,
                    "label": given or (name if ok else UNEXPLAINED), "own": given is not None, "closest": name,
                    "accepted": ok,
                    "score": float(self.scores[row, rank]), "z": float(self.z[row, rank]),
                    "confidence": float(self.confidence[row, rank]), "reach": float(self.reach[row, rank]),
                    "margin": float(self.margins[row]) if rank == 0 else None,
                    "shared_by": len(self.collisions.get(name, (row,))) if ok and rank == 0 else None,
                })  # fmt: skip
        return rows

    def to_json(self, own: Mapping[str, str] | None = None) -> str:
        """The rows and how they were made, as JSON text."""
        made = {
            "clip": self.space.recipe.clip, "method": self.method, "level": self.level, "centre": self.centre,
            "distinct": self.distinct, "vocabulary": len(self.probes), "labels": self.to_rows(own),
        }  # fmt: skip
        return json.dumps(made, ensure_ascii=False, indent=1, allow_nan=False)

    def to_csv(self, own: Mapping[str, str] | None = None) -> str:
        """The rows as CSV text. Texts a spreadsheet would run as a formula are led by an apostrophe."""
        rows = self.to_rows(own)
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["component"], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _inert(value) for name, value in row.items()} for row in rows)
        return text.getvalue()

    @property
    def message(self) -> str:
        """The result in one sentence."""
        living, explained = int(self.space.alive.sum()), int(self.accepted[:, 0].sum())
        return (
            f"{explained:,} of {living:,} components explained by {len(self.probes):,} words ({self.method}, "
            f"confidence {self.level:g}); {self.collision_rate:.0%} of them share their label"
        )

    def __repr__(self) -> str:
        lines = [
            f"  {self.components[row]!s:<16} {self.word(row) or UNEXPLAINED:<24} {', '.join(self.closest(row))}"
            for row in np.flatnonzero(self.space.alive)[:10].tolist()
        ]
        return "\n".join([self.message, *lines])

    def _repr_html_(self) -> str:
        cells = ""
        for row in np.flatnonzero(self.space.alive)[:20].tolist():
            others = ", ".join(self.closest(row)[1:])
            word = self.word(row)
            shown = escape(word) if word is not None else f"<i>{UNEXPLAINED}</i> ({escape(self.closest(row)[0])}?)"
            cells += (
                f"<tr><td><code>{escape(str(self.components[row]))}</code></td><td>{shown}</td>"
                f"<td>{self.scores[row, 0]:.3f}</td><td>{self.margins[row]:.3f}</td>"
                f"<td>{self.confidence[row, 0]:.1%}</td><td>{self.reach[row, 0]:.0%}</td><td>{escape(others)}</td></tr>"
            )
        heads = "".join(
            f"<th>{h}</th>" for h in ("component", "label", "score", "margin", "confidence", "reach", "then")
        )
        return f"<p>{escape(self.message)}</p><table><tr>{heads}</tr>{cells}</table>"


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def describe(
    space: SemanticSpace,
    probes: Probes,
    *,
    k: int = 3,
    method: str | Labeler = "mean",
    level: float = CONFIDENCE,
    distinct: bool = False,
    centre: bool = False,
    activations: Float[np.ndarray, "image component"] | None = None,
    image_vectors: Float[np.ndarray, "image dim"] | None = None,
) -> Labels:
    """Label every component with the k best words of a vocabulary, and abstain where none is good enough.

    method: "mean" scores as search does, by the cosine of word and component vector. "soft-wpmi", "contrast" and
    "linear" (see there), or a function of your own with the same arguments, look at a sample of the data set:
    give the `activations` of all components and the `image_vectors` of the same images.
    level: the confidence a label needs, in [0, 1); see `Labels`.
    distinct: prefer, among the words that fit nearly as well as the best, the one that fits the component's
    nearest siblings least.
    centre: subtract each layer's mean vector first (for the other methods: that of the images), which often
    sharpens labels much; use probes without the null then.

    Warns when the data set hardly shows a word that was given as label. Raises ValueError when the probes come from
    another CLIP, have fewer than two words or one twice, or when a method lacks its activations.
    (Dreyer et al. 2025, "describe")
    """
    _check(space, probes, k, level)
    known = np.asarray([not unseen for unseen in probes.unknown])
    if known.sum() < 2:
        raise ValueError(f"{space.recipe.clip} knows {known.sum()} of the {len(known)} words; a label needs a rival")
    name = method if isinstance(method, str) else _name(method)
    if method == "mean":
        vectors = space.centred if centre else space.vectors
        lengths = space.residuals if centre else np.ones(len(vectors), np.float32)
        ranked = _ranked_by_mean(space, vectors, lengths, space.set_size_of, probes, known, k, centre, distinct)
    else:
        score = labeler(method)
        if activations is None or image_vectors is None:
            raise ValueError(
                f"the labeler {name!r} looks at activations over a sample of images; give activations "
                "[image component] and image_vectors [image dim], or use method='mean'"
            )
        check_sample(space, activations, image_vectors)
        if centre:
            image_vectors = unit(image_vectors - image_vectors.mean(0))
        ranked = _ranked_by(score, space, activations, image_vectors, probes, known, k, distinct)
    dead = ~space.alive
    words = np.where(dead[:, None], NO_WORD, ranked.words)
    scores, z, sure = (np.where(dead[:, None], np.nan, a) for a in (ranked.scores, ranked.z, ranked.confidence))
    alike = np.zeros(len(space.vectors), np.float32)
    alike[space.alive] = space.alikeness(np.flatnonzero(space.alive))
    reached = _reached(space, space.vectors * alike[:, None], words, probes)
    margins = np.where(dead, np.nan, ranked.margins)
    labels = Labels(space, probes, words, scores, z, sure, reached, margins, level, name, centre, distinct)
    if hardly := _poorly_shown(labels, np.unique(words[labels.accepted[:, 0], 0])):
        warnings.warn(
            f"the data set hardly shows {', '.join(map(repr, hardly[:5]))}{' …' if len(hardly) > 5 else ''}: even "
            "the best images match poorly, so these labels mean little; drop the words or add images that show them",
            stacklevel=2,
        )
    return labels


def _name(method: Labeler) -> str:
    function = getattr(method, "func", method)  # of a functools.partial
    return str(getattr(function, "__name__", type(method).__name__))


def _check(space: SemanticSpace, probes: Probes, k: int, level: float) -> None:
    if probes.clip != space.recipe.clip:
        raise ValueError(
            f"the words come from {probes.clip}, the space from {space.recipe.clip}; embed both with the same CLIP"
        )
    if probes.vectors.shape[1] != space.dim:
        raise ValueError(f"the words have {probes.vectors.shape[1]} dimensions, the space {space.dim}")
    if len(set(probes.names)) != len(probes):
        twice = next(n for n in probes.names if probes.names.count(n) > 1)
        raise ValueError(f"{twice!r} stands twice in the vocabulary, so that neither can lead; give every word once")
    if k < 1 or not 0 <= level < 1:
        raise ValueError(f"k={k}, level={level}; ask for at least one label, and a confidence in [0, 1)")


def check_sample(space: SemanticSpace, activations: np.ndarray, image_vectors: np.ndarray) -> None:
    if activations.shape != (len(image_vectors), len(space.components)):
        raise ValueError(
            f"activations of shape {activations.shape} for {len(image_vectors)} image vectors and "
            f"{len(space.components)} components; needed is [image component], of the same images"
        )
    if image_vectors.shape[1] != space.dim:
        raise ValueError(f"image vectors have {image_vectors.shape[1]} dimensions, the space {space.dim}")
    if not np.isfinite(activations).all():
        raise ValueError("activations have NaN or infinite entries")


def _best(scores: Float[np.ndarray, "row probe"], count: int) -> Int[np.ndarray, "row candidate"]:
    """Per row the `count` best columns, best first, equal ones by lower column."""
    chosen = np.sort(np.argpartition(scores, scores.shape[1] - count, axis=1)[:, scores.shape[1] - count :], axis=1)
    order = np.argsort(-np.take_along_axis(scores, chosen, 1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, 1)


def _chosen(
    scores: Float[np.ndarray, "row probe"],
    gains: Float[np.ndarray, "row candidate"],
    words: Int[np.ndarray, "row candidate"],
    rivals: Float[np.ndarray, "row candidate"] | None,
    k: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(words, scores, margins) of the k best candidates; with the siblings' scores in `rivals`, made distinct."""
    values = np.take_along_axis(scores, words, 1)
    rank_by = values
    if rivals is not None:
        near = gains >= _NEAR * gains[:, :1]
        near[:, 0] = True
        rank_by = np.where(near, values - rivals, -np.inf)
        order = np.argsort(-rank_by, axis=1, kind="stable")
        # Words too far below the best keep their place behind the others, by score.
        words, values, rank_by = (np.take_along_axis(a, order, 1) for a in (words, values, rank_by))
    second = np.where(np.isfinite(rank_by[:, 1]), rank_by[:, 1], -np.inf)
    margins = np.where(np.isfinite(second), rank_by[:, 0] - second, values[:, 0] - values[:, 1])
    return words[:, :k], values[:, :k], margins


@dataclass(frozen=True, eq=False)
class _WordNull:
    """Of random sets of one size: mean and deviation of each word's score, and the sorted z of their best words."""

    mean: Float[np.ndarray, " probe"]
    sd: Float[np.ndarray, " probe"]
    z: Float[np.ndarray, "label set"]

    @classmethod
    def of(
        cls, sets: Float[np.ndarray, "set dim"], vectors: Float[np.ndarray, "probe dim"], known: np.ndarray, k: int
    ) -> _WordNull:
        centre = sets.mean(0)
        spread = (sets - centre).T @ (sets - centre) / len(sets)
        mean = vectors @ centre
        sd = np.sqrt(np.maximum(np.einsum("pd,pd->p", vectors @ spread, vectors), 1e-18))
        best = []
        for rows in _row_blocks(min(len(sets), _NULL_SETS), len(vectors)):
            scores = np.where(known, sets[rows] @ vectors.T, -np.inf)
            words = _best(scores, k)
            best.append((np.take_along_axis(scores, words, 1) - mean[words]) / sd[words])
        return cls(mean, sd, np.sort(np.concatenate(best), axis=0).T)


def _row_blocks(rows: int, columns: int) -> list[slice]:
    step = max(1, _BLOCK_NUMBERS // max(columns, 1))
    return [slice(at, min(at + step, rows)) for at in range(0, rows, step)]


def _confidence(values: Float[np.ndarray, "row label"], null: Float[np.ndarray, "label set"]) -> np.ndarray:
    """The share of null values below each, never quite 1: (n - those at least as large) / (n + 1)."""
    below = np.stack([np.searchsorted(column, values[:, rank]) for rank, column in enumerate(null)], 1)
    return below / (null.shape[1] + 1)


def _ranked_by_mean(
    space: SemanticSpace,
    directions: Float[np.ndarray, "direction dim"],
    lengths: Float[np.ndarray, " direction"],
    sizes: Int[np.ndarray, " direction"],
    probes: Probes,
    known: Bool[np.ndarray, " probe"],
    k: int,
    centre: bool,
    distinct: bool,
) -> _Ranked:
    """Words by cosine; `sizes` says per direction which of the space's set sizes is its null.

    `lengths` are what centring divided the directions by (1 without it): the null is divided by them, too.
    """
    k = min(k, int(known.sum()))
    count = min(max(k, 2, _CANDIDATES if distinct else 0), int(known.sum()))
    vectors = probes.vectors
    sets = space.null_offsets if centre else space.null_sets
    nulls = {int(at): _WordNull.of(sets[at], vectors, known, k) for at in np.unique(sizes)}
    rival = _sibling_means(space, directions) if distinct else None
    parts = []
    for rows in _row_blocks(len(directions), len(vectors)):
        scores = directions[rows] @ vectors.T
        scores[:, ~known] = -np.inf
        candidates = _best(scores, count)
        size = sizes[rows, None]
        mean = _per_size(nulls, "mean", size, candidates) / lengths[rows, None]
        gains = np.take_along_axis(scores, candidates, 1) - mean
        rivals = None
        if rival is not None:
            rivals = np.take_along_axis(rival[rows] @ vectors.T, candidates, 1)
        words, values, margins = _chosen(scores, gains, candidates, rivals, k)
        mean, sd = (_per_size(nulls, name, size, words) / lengths[rows, None] for name in ("mean", "sd"))
        z = (values - mean) / sd
        confidence = np.zeros(z.shape)
        for at, null in nulls.items():
            own = size[:, 0] == at
            confidence[own] = _confidence(z[own], null.z)
        parts.append((words, values, z, confidence, margins))
    return _Ranked(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _per_size(nulls: dict[int, _WordNull], name: str, size: np.ndarray, words: np.ndarray) -> np.ndarray:
    result = np.empty(words.shape, np.float32)
    for at, null in nulls.items():
        own = size[:, 0] == at
        result[own] = getattr(null, name)[words[own]]
    return result


def _siblings(space: SemanticSpace, directions: Float[np.ndarray, "direction dim"]) -> Int[np.ndarray, "component s"]:
    """Per component the rows of its nearest siblings in its layer, itself where there are too few."""
    size = len(space.components)
    result = np.tile(np.arange(size)[:, None], (1, _SIBLINGS))
    for layer in space.components.layers:
        rows = np.arange(size)[space.components.rows(layer)]
        rows = rows[space.alive[rows]]
        count = min(_SIBLINGS, len(rows) - 1)
        if count < 1:
            continue
        for block in _row_blocks(len(rows), len(rows)):
            products = directions[rows[block]] @ directions[rows].T
            own = np.arange(len(products))
            products[own, block.start + own] = -np.inf
            result[rows[block], :count] = rows[_best(products, count)]
            result[rows[block], count:] = result[rows[block], :1]
    return result


def _sibling_means(space: SemanticSpace, directions: np.ndarray) -> Float[np.ndarray, "component dim"]:
    siblings = _siblings(space, directions)
    result = np.empty_like(directions, dtype=np.float32)
    for rows in _row_blocks(len(directions), directions.shape[1] * _SIBLINGS):
        result[rows] = directions[siblings[rows]].mean(1)
    return result


def _ranked_by(
    score: Labeler,
    space: SemanticSpace,
    activations: Float[np.ndarray, "image component"],
    image_vectors: Float[np.ndarray, "image dim"],
    probes: Probes,
    known: Bool[np.ndarray, " probe"],
    k: int,
    distinct: bool,
) -> _Ranked:
    """Words by a labeler that looks at activations; its null are its best scores of shuffled activations."""
    k = min(k, int(known.sum()))
    count = min(max(k, 2, _CANDIDATES if distinct else 0), int(known.sum()))
    scores = np.where(known, _answer(score, activations, image_vectors, probes), -np.inf)
    random = np.random.default_rng(space.recipe.seed)
    living = np.flatnonzero(space.alive)
    columns = random.choice(living, _SHUFFLES) if len(living) else np.zeros(0, np.int64)
    shuffled = random.permuted(activations[:, columns], axis=0)
    # Among the real ones, because a labeler may weigh a word by how well it fits components in general.
    both = _answer(score, np.concatenate([activations, shuffled], 1), image_vectors, probes)
    null = np.where(known, both[activations.shape[1] :], -np.inf)
    best = np.sort(np.take_along_axis(null, _best(null, k), 1), axis=0).T
    candidates = _best(scores, count)
    rivals = None
    if distinct:
        siblings = _siblings(space, space.vectors)
        rivals = np.mean([scores[siblings[:, s, None], candidates] for s in range(siblings.shape[1])], 0)
    gains = np.take_along_axis(scores, candidates, 1) - best[0].mean()
    words, values, margins = _chosen(scores, gains, candidates, rivals, k)
    z = (values - best.mean(1)) / np.maximum(best.std(1), 1e-9)
    return _Ranked(words, values, z, _confidence(values, best), margins)


def _answer(score: Labeler, activations: np.ndarray, image_vectors: np.ndarray, probes: Probes) -> np.ndarray:
    scores = np.asarray(score(activations, image_vectors, probes))
    if scores.shape != (activations.shape[1], len(probes)) or not np.isfinite(scores).all():
        raise ValueError(
            f"the labeler gave scores of shape {scores.shape}; needed is [component probe] = "
            f"({activations.shape[1]}, {len(probes)}), all finite"
        )
    return scores


def _reached(
    space: SemanticSpace,
    means: Float[np.ndarray, "direction dim"],
    words: Int[np.ndarray, "direction label"],
    probes: Probes,
) -> Float[np.ndarray, "direction label"]:
    """How far examples of these mean vectors get from chance to what the data could show of their words.

    Means are not made unit, so that they give mean likenesses. NaN where there is no word.
    """
    used, number = np.unique(words[words != NO_WORD], return_inverse=True)
    result = np.full(words.shape, np.nan, np.float32)
    rows, ranks = np.nonzero(words != NO_WORD)
    vectors = probes.vectors[used]
    chance, best = space.chance(vectors), space.attainable(vectors)
    for part in _row_blocks(len(rows), space.dim):
        at = number[part]
        likeness = np.einsum("nd,nd->n", means[rows[part]], vectors[at])
        result[rows[part], ranks[part]] = reach(likeness, chance[at], best[at])
    return result


def _poorly_shown(labels: Labels, words: Int[np.ndarray, " word"]) -> tuple[str, ...]:
    """Those words whose k best images gain less than half of what leading words usually gain over chance."""
    leading = labels.words[labels.space.alive, 0]
    if not len(leading) or not len(words):
        return ()
    used, number = np.unique(leading, return_inverse=True)
    usual = float(np.median(_visibility(labels, used)[number]))
    shown = _visibility(labels, words)
    return tuple(labels.probes.names[word] for word in words[shown < SHOWN * usual])


def _visibility(labels: Labels, words: Int[np.ndarray, " word"]) -> Float[np.ndarray, " word"]:
    vectors = labels.probes.vectors[words]
    return labels.space.attainable(vectors) - labels.space.chance(vectors)


# several meanings


def groups(
    embeddings: Float[np.ndarray, "component example dim"],
    counts: Int[np.ndarray, " component"],
    clear: Float[np.ndarray, " component"],
) -> list[list[Int[np.ndarray, " rank"]]]:
    """Each component's examples in groups of one meaning, the largest first.

    Centred unit embeddings in. Examples are split in two (2-means) and each part again, up to four groups, as
    long as both parts have at least three examples, are each clearer than `clear` (what parts of random sets
    reach), and the mean cosine between them is at most half of that within either.
    """
    done: list[list[np.ndarray]] = [[] for _ in counts]
    waiting = [(row, np.arange(n)) for row, n in enumerate(counts) if n > 0]
    size = np.ones(len(counts), int)
    while waiting:
        owner = np.asarray([row for row, _ in waiting])
        n = np.asarray([len(ranks) for _, ranks in waiting])
        gathered = np.zeros((len(waiting), n.max(), embeddings.shape[2]), np.float32)
        for at, (row, ranks) in enumerate(waiting):
            gathered[at, : len(ranks)] = embeddings[row, ranks]
        second = two_means(gathered, n)
        within, between, smaller = _separation(gathered, n, second)
        split = (smaller >= _SMALLEST) & (within > clear[owner]) & (between <= _APART * within)
        following = []
        for at, (row, ranks) in enumerate(waiting):
            if split[at] and size[row] < _PARTS:
                size[row] += 1
                side = second[at, : len(ranks)]
                following += [(row, ranks[~side]), (row, ranks[side])]
            else:
                done[row].append(ranks)
        waiting = following
    return [sorted(parts, key=lambda ranks: (-len(ranks), ranks[0])) for parts in done]


def _separation(
    embeddings: Float[np.ndarray, "component example dim"],
    counts: Int[np.ndarray, " component"],
    second: Bool[np.ndarray, "component example"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(smaller of the mean cosines within the two parts, mean cosine between them, size of the smaller part)."""
    first = (np.arange(embeddings.shape[1]) < counts[:, None]) & ~second
    sums = [np.einsum("ce,ced->cd", side.astype(np.float32), embeddings) for side in (first, second)]
    members = [side.sum(1) for side in (first, second)]
    within = [
        (np.einsum("cd,cd->c", s, s) - n) / np.maximum(n * (n - 1), 1) for s, n in zip(sums, members, strict=True)
    ]
    between = np.einsum("cd,cd->c", *sums) / np.maximum(members[0] * members[1], 1)
    return np.minimum(*within), between, np.minimum(*members)


def _meanings(labels: Labels, rows: Int[np.ndarray, " row"]) -> tuple[tuple[Meaning, ...], ...]:
    """The meanings of the components in `rows`, in their order."""
    space, probes = labels.space, labels.probes
    counts, seen_from, clear = space.examples.counts, data_mean(space), labels._clear_parts
    owners, ranks_of, means = [], [], []
    for block in blocks(space):
        chosen = rows[block]
        embeddings = space.embeddings_of(chosen)
        found = groups(centred(embeddings, seen_from), counts[chosen], clear[space.set_size_of[chosen]])
        for at, parts in enumerate(found):
            for ranks in parts:
                owners.append(block.start + at)
                ranks_of.append(ranks)
                means.append(embeddings[at, ranks].mean(0))
    if not owners:
        return ((),) * len(rows)
    theta = unit(np.stack(means))
    lengths = np.ones(len(theta), np.float32)
    if labels.centre:
        theta = theta - space.centre[space.components.layer_numbers[rows[owners]]]
        lengths, theta = np.linalg.norm(theta, axis=1), unit(theta)
    sizes = np.searchsorted(space.set_sizes, [len(ranks) for ranks in ranks_of], side="right") - 1
    known = np.asarray([not unseen for unseen in probes.unknown])
    ranked = _ranked_by_mean(space, theta, lengths, sizes, probes, known, 1, labels.centre, False)
    reached = _reached(space, np.stack(means), ranked.words, probes)[:, 0]
    result: list[list[Meaning]] = [[] for _ in range(len(rows))]
    for at, (owner, ranks) in enumerate(zip(owners, ranks_of, strict=True)):
        name, sure = probes.names[ranked.words[at, 0]], float(ranked.confidence[at, 0])
        accepted = sure >= labels.level and reached[at] >= REACH
        result[owner].append(
            Meaning(
                tuple(ranks.tolist()), name if accepted else None, name, float(ranked.scores[at, 0]), sure,
                float(reached[at]),
            )
        )  # fmt: skip
    return tuple(tuple(parts) for parts in result)
