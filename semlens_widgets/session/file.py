"""A lens as one `.semlens` file: its space, and what else is kept of it, part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import traitlets

from .. import store
from ..clip import TEMPLATES, Clip, OpenClip, Probes, checked_templates
from ..describe import Labels
from ..evaluate import Evaluation
from ..layout import Layout
from ..relevance import Relevance
from ..search import search
from ..space import SemanticSpace
from ..store import Section, reading
from ..trust import FilesClip, checked_extra, clip_of_file
from .matches import matches_to_json
from .probes import ProbeCache
from .state import TRACKED, LiveState

Part = tuple[dict[str, Any], Mapping[str, np.ndarray]]  # a JSON document, and arrays
S = TypeVar("S", bound=LiveState)
_MOST_WORDS = 500


def to_file(session: LiveState, answers: Part | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What the file of a lens holds: arrays, and the document beside them. Nothing is written.

    answers: what views show without a kernel.
    """
    written = {name: write(session) for name, (write, _) in PARTS.items()}
    parts = {name: part for name, part in (written | {"answers": answers}).items() if part is not None}
    extra = about(session) | {"parts": {name: document for name, (document, _) in parts.items()}}
    attached = {f"{name}/{array}": value for name, (_, arrays) in parts.items() for array, value in arrays.items()}
    return session.space.to_file(extra, attached)


def about(session: LiveState) -> dict[str, Any]:
    """What a file says of a lens beside its space: name, CLIP, templates, centring, vocabulary."""
    clip = session.clip_or_none
    spec = session.clip_spec if clip is None else clip.spec if isinstance(clip, OpenClip) else None
    return {
        "name": session.name, "clip": spec, "templates": session.probe_cache.templates,
        "centre": session.probe_cache.centre, "vocabulary": session.vocabulary,
    }  # fmt: skip


def of_space(
    kind: type[S],
    space: SemanticSpace,
    extra: dict[str, Any],
    attached: Mapping[str, np.ndarray] | None = None,
    clip: Clip | None = None,
    trust: bool = False,
) -> S:
    """A lens of that kind on a finished space, without model or images; `extra` and `attached` as its file holds them.

    Where no `clip` is given, that of the file is taken if it may be (see `semlens_widgets.trust`; with `trust`
    any), is on this machine, and has the same weights as then.
    """
    found = FilesClip(None)
    try:
        extra = checked_extra(extra)
        checked_templates(extra.get("templates", TEMPLATES))
        if clip is None:
            found = clip_of_file(extra.get("clip"), trust=trust)
    except ValueError as error:
        raise store.SemlensFileError(str(error)) from None
    known, advice = _same_clip(space, clip, found)
    lens = kind.__new__(kind)
    traitlets.HasTraits.__init__(lens)
    with reading("what the file keeps of its lens is damaged"):
        probes = ProbeCache(
            known, extra.get("templates", TEMPLATES), extra.get("centre", False), None, space.recipe.clip, advice
        )
        lens._start(None, probes, extra.get("vocabulary", ()), extra.get("name", "model"))
    lens._adopt(space)
    lens.clip_spec = extra.get("clip")
    documents = extra.get("parts", {})
    with reading("what the file keeps beside its space is damaged"):
        for name, (_, restore) in PARTS.items():
            if name in documents:
                restore(lens, documents[name], Section(attached or {}, name))
    return lens


def _same_clip(space: SemanticSpace, given: Clip | None, found: FilesClip) -> tuple[Clip | None, str]:
    """(the CLIP that the space was made with, or None; how to get it). ValueError for a given one that is another."""
    clip = found.clip if given is None else given
    if isinstance(clip, OpenClip):
        clip = clip.called(space.recipe.clip)
    if clip is None or clip.name == space.recipe.clip:
        return clip, found.missing
    if given is not None:
        raise ValueError(f"the space was made with {space.recipe.clip}, not with {clip.name}; give the same CLIP")
    return None, f"what its file asks for is now {clip.name}, with other weights; give the CLIP it was made with"


# the parts: each is written as a document and arrays, or None where there is nothing to keep, and taken back


def _write_words(session: LiveState) -> Part | None:
    """The vocabulary and what was asked, so that a file answers these words without a CLIP and without a kernel."""
    cache, space = session.probe_cache, session.space
    if cache.clip_or_none is not None and session.vocabulary:
        session.probes(session.vocabulary)
    known = session.known_words()
    words = [word for word in dict.fromkeys([*session.vocabulary, *known]) if word in set(known)][:_MOST_WORDS]
    if not words:
        return None
    probes = session.probes(words)
    scores = np.einsum("spd,wd->wsp", space.null_of(cache.centre), probes.vectors)
    answers = search(space, probes, top=None, centre=cache.centre)
    arrays = {"vectors": probes.vectors, "null_mean": scores.mean(2), "null_sd": scores.std(2)}
    document = {
        "names": words, "unknown": probes.unknown, "centre": cache.centre, "set_sizes": space.set_sizes.tolist(),
        "answers": [matches_to_json(session, answer) for answer in answers],
    }  # fmt: skip
    return document, {name: array.astype(np.float32) for name, array in arrays.items()}


def _read_words(session: LiveState, document: Any, arrays: Mapping[str, np.ndarray]) -> None:
    unknown = tuple(map(tuple, document["unknown"]))
    names = tuple(document["names"])
    session.probe_cache.remember(Probes(names, arrays["vectors"], session.space.recipe.clip, unknown))


def _write_own_labels(session: LiveState) -> Part | None:
    return (dict(session.own_labels), {}) if session.own_labels else None


def _read_own_labels(session: LiveState, document: Any, arrays: Mapping[str, np.ndarray]) -> None:
    session.own_labels = document


def _write_labels(session: LiveState) -> Part | None:
    return None if session.labels is None else (session.labels.to_document(), session.labels.to_arrays())


def _read_labels(session: LiveState, document: Any, arrays: Mapping[str, np.ndarray]) -> None:
    session.set_trait("labels", Labels.from_document(session.space, document, arrays))


def _write_evaluation(session: LiveState) -> Part | None:
    found = session.evaluation
    return None if found is None else (found.to_document(), found.to_arrays())


def _read_evaluation(session: LiveState, document: Any, arrays: Mapping[str, np.ndarray]) -> None:
    session.set_trait("evaluation", Evaluation.from_document(session.space, document, arrays))


def _write_relevance(session: LiveState) -> Part | None:
    return None if session.relevance is None else (session.relevance.to_document(), session.relevance.to_arrays())


def _read_relevance(session: LiveState, document: Any, arrays: Mapping[str, np.ndarray]) -> None:
    session.set_trait("relevance", Relevance.from_document(session.components, document, arrays))


def _write_layout(session: LiveState) -> Part | None:
    if (made := session.layout) is None:
        return None
    how = {"method": made.method, "seed": made.seed, "neighbours": made.neighbours}
    return how, {"positions": np.asarray(made.positions)}


def _read_layout(session: LiveState, document: Any, arrays: Mapping[str, np.ndarray]) -> None:
    positions = arrays["positions"]
    if len(positions) != len(session.components):
        raise ValueError(f"the file's layout has {len(positions)} places, {len(session.components)} are needed")
    session.set_trait("layout", Layout(positions, document["method"], document["seed"], document["neighbours"]))


def _write_concepts(session: LiveState) -> Part | None:
    usual = list(session.vocabulary[:TRACKED])
    return None if session.concepts == usual else ({"concepts": list(session.concepts)}, {})


def _read_concepts(session: LiveState, document: Any, arrays: Mapping[str, np.ndarray]) -> None:
    session.concepts = document["concepts"]


PARTS: dict[str, tuple[Callable[[LiveState], Part | None], Callable[[LiveState, Any, Mapping[str, np.ndarray]], None]]]
PARTS = {
    "words": (_write_words, _read_words),
    "labels": (_write_labels, _read_labels),
    "evaluation": (_write_evaluation, _read_evaluation),
    "own_labels": (_write_own_labels, _read_own_labels),
    "relevance": (_write_relevance, _read_relevance),
    "layout": (_write_layout, _read_layout),
    "comparing": (_write_concepts, _read_concepts),
}
