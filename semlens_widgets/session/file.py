"""A lens as one `.semlens` file: its space, and what else is kept of it, part by part."""

from __future__ import annotations

from collections.abc import Mapping
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
from ..threads import on_all
from ..trust import FilesClip, checked_extra, clip_of_file
from .history import History
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
    parts = _parts(session) | ({} if answers is None else {"answers": answers})
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
    kind: type[S], space: SemanticSpace, extra: dict[str, Any], attached: Mapping[str, np.ndarray] | None = None,
    clip: Clip | None = None, trust: bool = False,
) -> S:  # fmt: skip
    """A lens of that kind on a finished space, without model or images; `extra` and `attached` as its file holds them.

    Where no `clip` is given, that of the file is taken if it may be (see `semlens_widgets.trust`; with `trust`
    any), is on this machine, and has the same weights as then.
    """
    files_clip = FilesClip(None)
    try:
        extra = checked_extra(extra)
        checked_templates(extra.get("templates", TEMPLATES))
        if clip is None:
            files_clip = clip_of_file(extra.get("clip"), trust=trust)
    except ValueError as error:
        raise store.SemlensFileError(str(error)) from None
    known, advice = _same_clip(space, clip, files_clip)
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
        _restore(lens, {name: (document, Section(attached or {}, name)) for name, document in documents.items()})
    lens.set_trait("history", History())  # what was restored, nobody did
    return lens


def _same_clip(space: SemanticSpace, given: Clip | None, files_clip: FilesClip) -> tuple[Clip | None, str]:
    """(the CLIP that the space was made with, or None; how to get it). ValueError for a given one that is another."""
    clip = files_clip.clip if given is None else given
    if isinstance(clip, OpenClip):
        clip = clip.called(space.recipe.clip)
    if clip is None or clip.name == space.recipe.clip:
        return clip, files_clip.missing
    if given is not None:
        raise ValueError(f"the space was made with {space.recipe.clip}, not with {clip.name}; give the same CLIP")
    return None, f"what its file asks for is now {clip.name}, with other weights; give the CLIP it was made with"


def _parts(session: LiveState) -> dict[str, Part]:
    """What is kept beside the space, by name: a JSON document, and arrays. `_restore` takes it back."""
    parts: dict[str, Part] = {}
    if (words := _words(session)) is not None:
        parts["words"] = words
    for name in ("labels", "evaluation", "relevance"):
        if (value := getattr(session, name)) is not None:
            parts[name] = value.to_document(), value.to_arrays()
    if session.own_labels:
        parts["own_labels"] = dict(session.own_labels), {}
    if (made := session.layout) is not None:
        how = {"method": made.method, "seed": made.seed, "neighbours": made.neighbours}
        how |= {"sample": made.sample} if made.preview else {}
        parts["layout"] = how, {"positions": np.asarray(made.positions)}
    if session.concepts != list(session.vocabulary[:TRACKED]):
        parts["comparing"] = {"concepts": list(session.concepts)}, {}
    return parts


def _restore(session: LiveState, parts: Mapping[str, Part]) -> None:
    """Take back from a file what `_parts` gave; a part that is not there was not made."""
    space = session.space
    if "words" in parts:
        document, arrays = parts["words"]
        unknown, names = tuple(map(tuple, document["unknown"])), tuple(document["names"])
        session.probe_cache.remember(Probes(names, arrays["vectors"], space.recipe.clip, unknown))
    if "labels" in parts:
        session.set_trait("labels", Labels.from_document(space, *parts["labels"]))
    if "evaluation" in parts:
        session.set_trait("evaluation", Evaluation.from_document(space, *parts["evaluation"]))
    if "own_labels" in parts:
        session.own_labels = parts["own_labels"][0]
    if "relevance" in parts:
        session.set_trait("relevance", Relevance.from_document(space.components, *parts["relevance"]))
    if "comparing" in parts:
        session.concepts = parts["comparing"][0]["concepts"]
    if "layout" in parts:
        how, arrays = parts["layout"]
        positions = arrays["positions"]
        if len(positions) != len(space.components):
            raise ValueError(f"the file's layout has {len(positions)} places, {len(space.components)} are needed")
        made = Layout(positions, how["method"], how["seed"], how["neighbours"], how.get("sample"))
        session.set_trait("layout", made)


def _words(session: LiveState) -> Part | None:
    """The vocabulary and what was asked, so that a file answers these words without a CLIP and without a kernel."""
    cache, space = session.probe_cache, session.space
    if cache.clip_or_none is not None and session.vocabulary:
        session.probes(session.vocabulary)
    known = session.known_words()
    words = [word for word in dict.fromkeys([*session.vocabulary, *known]) if word in set(known)][:_MOST_WORDS]
    if not words:
        return None
    probes = session.probes(words)
    by_chance = space.set_scores(probes.vectors, cache.centre)

    def answer(probe: Probes) -> dict[str, Any]:
        """What is told of one word; the components that answer to it are too many to be held for all words.

        A page ranks them by their examples: for a search by activations it would have to read all responses.
        """
        return matches_to_json(session, search(space, probe, top=None, centre=cache.centre, by="examples")[0])

    first, *others = probes
    answers = [answer(first), *on_all(answer, others)]  # what all need is worked out for the first
    null = {"null_mean": by_chance.mean.T, "null_sd": by_chance.sd.T, "null_skewness": by_chance.skewness.T}
    arrays = {"vectors": probes.vectors, **null}
    document = {
        "names": words, "unknown": probes.unknown, "centre": cache.centre, "set_sizes": space.set_sizes.tolist(),
        "answers": answers,
    }  # fmt: skip
    return document, {name: array.astype(np.float32) for name, array in arrays.items()}
