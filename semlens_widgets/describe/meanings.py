"""Several meanings of one component: its examples in groups, each with a word of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..clip import Probes
from ..evaluate import blocks, centred, data_mean, random_sets
from ..search import MIN_ADJUSTED_SIMILARITY
from ..space import SemanticSpace
from ..vectors import two_means, unit
from ..warned import Renamed
from .by_mean import Directions, ranked_by_mean
from .shown import adjusted_similarities

_PARTS = 4  # meanings of one component, at most
_SMALLEST = 3  # examples of a meaning, at least
_APART = 0.5  # cosine between two meanings, as a share of that within them, at most
_CLEARER = 0.95  # of random sets have parts less clear than those of a meaning


@dataclass(frozen=True)
class Meaning:
    """One group of a component's examples, and the word that says it best.

    Attributes
    ----------
    examples
        Ranks of the examples, strongest first.
    word
        The word; None where none is good enough.
    closest
        The best word all the same.
    score, confidence, adjusted_similarity
        Of the closest word, as in `Labels`; the score is a cosine, -1 to 1.

    Examples
    --------
    >>> labels = lens.describe(["ruler", "hair", "blue patch"])
    >>> row = lens.components.row("layer4:57")
    >>> (meanings,) = labels.meanings_of([row])
    >>> sum(len(meaning.examples) for meaning in meanings) == int(lens.space.examples.counts[row])
    True
    """

    examples: tuple[int, ...]
    word: str | None
    closest: str
    score: float
    confidence: float
    adjusted_similarity: float

    reach = Renamed("adjusted_similarity")


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
        gathered = np.zeros((len(waiting), int(n.max()), embeddings.shape[2]), np.float32)
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


def clear_parts(space: SemanticSpace) -> Float[np.ndarray, " size"]:
    """How alike the two parts of random sets of images get, by set size: what a meaning has to be clearer than."""
    clear = np.full(len(space.set_sizes), np.inf)
    for at in np.unique(space.set_size_of[space.alive]):
        sets = random_sets(space, int(space.set_sizes[at]), centre=True)
        size = np.full(len(sets), sets.shape[1])
        clear[at] = np.quantile(_separation(sets, size, two_means(sets))[0], _CLEARER)
    return clear


def meanings(
    space: SemanticSpace,
    probes: Probes,
    rows: Int[np.ndarray, " row"],
    clear: Float[np.ndarray, " size"],
    *,
    level: float,
    centre: bool,
) -> tuple[tuple[Meaning, ...], ...]:
    """The meanings of the components in `rows`, in their order, most examples first; `clear` as in `clear_parts`.

    Each is labelled by its mean vector, and its word is accepted at confidence `level` and an adjusted similarity of
    one half.
    """
    counts, seen_from = space.examples.counts, data_mean(space)
    owners, ranks_of, means = [], [], []
    for block in blocks(space):
        chosen = rows[block]
        embeddings = space.embeddings_of(chosen)
        grouped = groups(centred(embeddings, seen_from), counts[chosen], clear[space.set_size_of[chosen]])
        for at, parts in enumerate(grouped):
            for ranks in parts:
                owners.append(block.start + at)
                ranks_of.append(ranks)
                means.append(embeddings[at, ranks].mean(0))
    if not owners:
        return ((),) * len(rows)
    lengths, theta = np.linalg.norm(means, axis=1), unit(np.stack(means))
    if centre:
        theta = theta - space.centre[space.components.layer_numbers[rows[owners]]]
        lengths, theta = np.linalg.norm(theta, axis=1), unit(theta)
    sizes = np.searchsorted(space.set_sizes, [len(ranks) for ranks in ranks_of], side="right") - 1
    ranked = ranked_by_mean(space, Directions(theta, lengths, sizes), probes, 1, centre=centre, distinct=False)
    adjusted = adjusted_similarities(space, np.stack(means), ranked.words, probes)[:, 0]
    result: list[list[Meaning]] = [[] for _ in range(len(rows))]
    for at, (owner, ranks) in enumerate(zip(owners, ranks_of, strict=True)):
        name, sure = probes.names[ranked.words[at, 0]], float(ranked.confidence[at, 0])
        accepted = sure >= level and adjusted[at] >= MIN_ADJUSTED_SIMILARITY
        result[owner].append(
            Meaning(
                tuple(ranks.tolist()), name if accepted else None, name, float(ranked.scores[at, 0]), sure,
                float(adjusted[at]),
            )
        )  # fmt: skip
    return tuple(tuple(parts) for parts in result)
