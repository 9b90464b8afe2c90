"""What windows and files say about the answer to a query, without its components: JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..search import HIT_ALPHA, Z_CRITICAL, Matches
from .state import LiveState

_COMPARED = 24  # words of the vocabulary that say how well a word of the data matches


def matches_to_json(session: LiveState, answer: Matches) -> dict[str, Any]:
    """What a window says about an answer, without the components themselves."""
    above = 0 if answer.unknown else int((answer.p <= HIT_ALPHA).sum())
    return {
        "query": answer.probe,
        "count": len(answer),
        "total": len(session.components),
        "n_above_null": 0 if answer.state == "not found" else above,
        "not_found": answer.state == "not found",
        "state": answer.state,
        "null": _null(answer),
        "best": _best(answer),
        "message": answer.message,
        "reason": answer.reason,
        "by_chance": answer.by_chance,
        "unknown_words": list(answer.unknown),
        "query_components": [str(session.components[row]) for row in answer.query_rows],
        "couldshow": _could_show(session, answer),
        "by": answer.by,
        "prevalence": _prevalence(answer),
    }


def _prevalence(answer: Matches) -> dict[str, Any] | None:
    """How many images show what was asked, where it is known at all: numbers, and in words."""
    told = answer.prevalence
    if told is None or told.high >= 1:
        return None
    share = None if np.isnan(told.share) else told.share
    return {"share": share, "low": told.low, "high": told.high, "text": str(told)}


def _null(answer: Matches) -> dict[str, Any]:
    sets, null = answer.null.sets, answer.null
    mean, sd = float(sets.mean()), float(sets.std())
    counts, edges = np.histogram(mean + sd * null.deviates, bins=48)  # windows draw them on the axis of z
    return {
        "mean": mean,
        "sd": sd,
        "size": len(sets),
        "hist": {"edges": edges.tolist(), "counts": counts.tolist()},
        "z_at_p01": Z_CRITICAL,
        "score_at_p01": float(null.at_p01[0]) if len(answer) else mean + Z_CRITICAL * sd,
    }


def _best(answer: Matches) -> dict[str, Any] | None:
    if not len(answer):
        return None
    hit = answer.best
    return {
        "rank": answer.best_rank, "row": hit.row, "id": str(hit.component),
        "score": hit.score, "z": hit.z, "p": hit.p, "p_all": answer.p_best,
        "adjusted_similarity": answer.adjusted_similarity,
        "held_out": _held_out_auroc(answer), "shown": int(answer.held_out.shown[0]),
    }  # fmt: skip


def _held_out_auroc(answer: Matches) -> float | None:
    auroc = float(answer.held_out.auroc[0])
    return None if np.isnan(auroc) else auroc


def _could_show(session: LiveState, answer: Matches) -> dict[str, Any] | None:
    is_missing = answer.state == "not found" and not answer.unknown and not answer.query_rows
    return could_show(session, answer) if is_missing else None


def could_show(session: LiveState, answer: Matches) -> dict[str, Any] | None:
    """Whether the data could show what was asked: its best image against those of the lens's own words."""
    if not session.vocabulary:
        return None
    cache, space = session.probe_cache, session.space
    asked = session.vocabulary[:_COMPARED]
    words = [cache.of_text(word, space, session.template, cache.centre).vectors for word in asked]
    best, *known = space.best_crop(np.concatenate([answer.vector[None], *words])).tolist()
    possible = best >= min(known)
    compared = f"the image closest to it matches at {best:.2f}, where known words reach {min(known):.2f} or more"
    verdict = "The data could show it" if possible else "The data could not show it either"
    advice = "" if possible else ". A concept that no image contains cannot be ruled out in the model"
    return {"possible": bool(possible), "message": f"{verdict}: {compared}{advice}."}
