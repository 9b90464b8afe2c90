"""The verbs `describe`, `verify` and `evaluate`: labels one may believe, and how readable components are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import cache, store
from ..clip import Clip, Probes, checked_templates
from ..describe import CONFIDENCE, Labels
from ..describe import describe as describe_space
from ..describe.verb import check_settings
from ..evaluate import Evaluation, OnStep
from ..evaluate import evaluate as evaluate_space
from ..images import Images
from ..keys import of_clip, used
from ..labelers import Labeler
from ..space import SemanticSpace, embed
from ..texts import well_formed
from ..verify import Verification
from ..verify import check_settings as check_verification
from ..verify import verify as verify_labels
from ..vocabularies import vocabulary
from .state import LiveState

_KEPT_ON_DISK = 256  # words from which on a vocabulary's embedding is worth a file in the cache
_LONGEST = 200  # characters of a person's own label


def describe(
    session: LiveState, words: str | Path | Sequence[str] | None = None, k: int = 3, method: str | Labeler = "mean", *,
    level: float = CONFIDENCE, templates: str | Sequence[str] | None = None, centre: bool | None = None,
    **options: Any,
) -> Labels:  # fmt: skip
    """See `Lens.describe`."""
    own = session.vocabulary if len(session.vocabulary) > 1 else "common"
    listed = vocabulary(words if words is not None else own)
    check_settings(k, level, method)
    if method != "mean":
        sample = session.space.sample
        if sample is None:
            raise ValueError(
                f"the labeler {method!r} looks at a sample of activations, which this file was made without; fit "
                "the lens anew with responses='auto', or use method='mean'"
            )
        options |= {"activations": sample.activations, "image_vectors": sample.vectors}
    centre = session.probe_cache.centre if centre is None else centre
    probes = _vocabulary_probes(session, listed, templates, centre)
    labels = describe_space(session.space, probes, k=k, method=method, level=level, centre=centre, **options)
    with session.lock:
        session.set_trait("labels", labels)
    return labels


def _vocabulary_probes(
    session: LiveState, words: tuple[str, ...], templates: str | Sequence[str] | None, centre: bool
) -> Probes:
    """The probes of a vocabulary; a large one is kept in the cache folder."""
    probes = session.probe_cache
    if len(words) < _KEPT_ON_DISK:
        return probes.of_words(list(words), templates, centre)
    chosen = probes.templates if templates is None else checked_templates(templates)
    clip = of_clip(probes.clip)
    key = hashlib.sha256(json.dumps([words, chosen, centre, clip]).encode()).hexdigest()[:24]
    path = cache.place(f"{key}.words", clip)
    if path is None:
        return probes.of_words(list(words), templates, centre)
    if path.exists():
        try:
            kept = store.Stored(path)
            return Probes(words, kept["vectors"], probes.clip.name, tuple(map(tuple, kept.document["unknown"])))
        except store.SemlensFileError:
            pass  # made again below
    made = probes.of_words(list(words), templates, centre)
    used(probes.clip)
    cache.try_write(path, lambda: store.write(path, {"vectors": made.vectors}, {"unknown": made.unknown}))
    return made


def verify(
    session: LiveState, labels: Labels | None, images: Images | None, strongest: float, rounds: int, progress: bool
) -> Verification:
    """See `Lens.verify`."""
    labels = session.labels if labels is None else labels
    if labels is None:
        raise ValueError("no labels to verify yet; call lens.describe() first")
    check_verification(strongest, rounds)
    if images is not None:
        activations, vectors = session.source.responses(images, progress=progress)
        return verify_labels(labels, activations, vectors, strongest=strongest, rounds=rounds)
    sample = session.space.sample
    if sample is None:
        raise ValueError("this file was made without a sample; give held-out images: lens.verify(images=sl.images(…))")
    examples = session.space.examples
    used = np.arange(examples.images.shape[1]) < examples.counts[:, None]
    own = np.zeros((len(sample.images), len(labels)), bool)
    for row in range(len(labels)):
        own[:, row] = np.isin(sample.images, examples.images[row, used[row]])
    return verify_labels(
        labels, sample.activations, sample.vectors, strongest=strongest, rounds=rounds, held_out=~own
    )  # fmt: skip


def evaluate(
    session: LiveState, clip: Any = None, *, progress: bool = True, on_step: OnStep | None = None
) -> Evaluation:
    """See `Lens.evaluate`."""
    space = session.space if clip is None else _seen_by(session, clip, progress)
    evaluation = evaluate_space(space, on_step=on_step)
    with session.lock:
        session.set_trait("evaluation", evaluation)
    return evaluation


def _seen_by(session: LiveState, clip: Any, progress: bool) -> SemanticSpace:
    if not isinstance(clip, Clip):
        raise TypeError(f"clip is a {type(clip).__name__}; give sl.OpenClip(...) or an object like it: `sl.Clip`")
    recipe = replace(session.space.recipe, clip=clip.name, precision=getattr(clip, "precision", "single"))
    return embed(session.space.examples, session.source.images, clip, recipe, progress=progress)


def tidy_labels(session: LiveState, labels: dict[Any, Any]) -> dict[str, str]:
    """A person's own labels as `session.own_labels` holds them. KeyError or TypeError says what is wrong."""
    tidy: dict[str, str] = {}
    for component, text in labels.items():
        name = str(session.components[session.components.row(component)])
        if not isinstance(text, str):
            raise TypeError(f"own label {text!r} of {name}; a label is a text, and an empty one takes it away")
        words = " ".join(well_formed(text).split())
        if len(words) > _LONGEST:
            raise ValueError(f"own label of {len(words)} characters for {name}; at most {_LONGEST}")
        if words:
            tidy[name] = words
    return tidy
