"""What images and edits say of a concept: its effect on the logit, what would be missed, and counterfactuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from ..counterfactual import Counterfactual
from ..detection import Limit, least_squares
from ..intervals import Interval
from ..showing import showing
from ..space import SemanticSpace
from .finding import Finding

_PER_CONCEPT = 5  # images for each concept, at least, as for effects


def with_proof(
    findings: Sequence[Finding], space: SemanticSpace, vectors: Float[np.ndarray, "concept dim"],
    searched: Bool[np.ndarray, " concept"], confirmed: Sequence[np.ndarray],
    logits: Float[np.ndarray, " image"] | None, target: str | None, counterfactuals: Mapping[str, Counterfactual],
) -> list[Finding]:  # fmt: skip
    """The findings with their effect on the logit, its detection limit, and their counterfactuals, as far as known."""
    effects = _logit_effects(space, vectors, searched, confirmed, logits, target)
    made = []
    for column, finding in enumerate(findings):
        logit, limit = effects.get(column, (None, None))
        proof = counterfactuals.get(finding.name)
        made.append(replace(finding, logit=logit, limit=limit, counterfactual=proof))
        if proof is not None:
            told = [finding.message, made[-1].proof_found, "" if made[-1].use else made[-1].proof_used]
            made[-1] = replace(made[-1], message="; ".join(filter(None, told)))
    return made


def _logit_effects(
    space: SemanticSpace, vectors: Float[np.ndarray, "concept dim"], searched: Bool[np.ndarray, " concept"],
    confirmed: Sequence[np.ndarray], logits: Float[np.ndarray, " image"] | None, target: str | None,
) -> dict[int, tuple[Interval, Limit | None]]:  # fmt: skip
    """By number of the concept: see `Finding.logit` and `Finding.limit`."""
    if logits is None or space.sample is None or not searched.any():
        return {}
    known, columns = np.isfinite(logits), np.flatnonzero(searched)
    if known.sum() < _PER_CONCEPT * (len(columns) + 1):
        return {}
    shown = Shown.of(space, columns, vectors, confirmed)
    found = least_squares(shown.much[known], logits[known])
    effects: dict[int, tuple[Interval, Limit | None]] = {}
    for at, column in enumerate(columns.tolist()):
        if found.told_apart[at] and np.isfinite(found.freedom[at]):
            interval = Interval(float(found.slope[at]), *found.interval(at))
            limit = found.limit(at, f"logit of {target}" if target else "logit") if shown.told_apart[at] else None
            effects[column] = interval, limit
    return effects


@dataclass(frozen=True, eq=False)
class Shown:
    """How much each sampled image shows of each of some concepts.

    much: [image concept]. Where it is `told_apart` which images show a concept, the chance that an image does, so that
    an effect on the logit is that of a picture with it against one without. Elsewhere as in `presence`: then nobody
    knows how much of a step is the concept, and no limit follows.
    """

    much: Float[np.ndarray, "image concept"]
    told_apart: Bool[np.ndarray, " concept"]

    @classmethod
    def of(
        cls, space: SemanticSpace, columns: Int[np.ndarray, " chosen"], vectors: Float[np.ndarray, "concept dim"],
        confirmed: Sequence[np.ndarray],
    ) -> Shown:  # fmt: skip
        """By the mean response of the components that held-out images confirm, or else by likeness to the concept:
        the first of the two that tells images apart."""
        assert space.sample is not None
        much, told = presence(space, columns, vectors, confirmed), np.zeros(len(columns), bool)
        by_likeness = space.showing(vectors[columns])
        for at, column in enumerate(columns.tolist()):
            rows = confirmed[column]
            by_components = showing(_mean_response(space, rows)[None]) if len(rows) else None
            for seen, place in ((by_components, 0), (by_likeness, at)):
                if seen is not None and seen.told_apart[place]:
                    much[:, at], told[at] = seen.chances[place], True
                    break
        return cls(much, told)


def _mean_response(space: SemanticSpace, rows: Int[np.ndarray, " row"]) -> Float[np.ndarray, " image"]:
    """Each sampled image's response of some components, each in its own standard deviations, added up."""
    assert space.sample is not None
    responses = np.asarray(space.sample.of(rows), np.float64)
    return (responses / np.maximum(responses.std(0), 1e-9)).mean(1)


def presence(
    space: SemanticSpace, columns: Int[np.ndarray, " chosen"], vectors: Float[np.ndarray, "concept dim"],
    confirmed: Sequence[np.ndarray],
) -> Float[np.ndarray, "image chosen"]:  # fmt: skip
    """How much each sampled image shows each of the chosen concepts, from 0 at the median image to 1 at the k that show
    most: the mean response of components that held-out images confirm, else its similarity."""
    assert space.sample is not None
    k = min(space.crop_of.shape[1], len(space.sample))
    return np.stack(
        [
            in_steps(space.sample.of(confirmed[column]), k).mean(1)
            if len(confirmed[column])
            else in_steps(space.sample.vectors @ vectors[column], k)
            for column in columns.tolist()
        ],
        1,
    )


def in_steps(shows: Float[np.ndarray, "image ..."], k: int) -> Float[np.ndarray, "image ..."]:
    """How much each image shows of something, from 0 at the median image to 1 at the k that show most."""
    shows = np.asarray(shows, np.float64)
    usual = np.median(shows, 0)
    return (shows - usual) / np.maximum(np.sort(shows, 0)[-k:].mean(0) - usual, 1e-9)
