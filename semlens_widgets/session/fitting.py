"""The verb `fit`: the semantic space, made once and read from the cache afterwards."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from .. import cache
from ..components import Recipe
from ..keys import of_clip, settled, used
from ..space import SemanticSpace, embed
from .auditing import keep_audit
from .explaining import check_relevance, relate
from .file import about
from .state import LiveState


def fit(
    session: LiveState, relevance: bool, batch_size: int, fast: bool, thumbnail: int, cached: bool, progress: bool
) -> None:
    """See `Lens.fit`."""
    if relevance:
        check_relevance(session)
    for what, number in (("batch_size", batch_size), ("thumbnail", thumbnail)):
        if not isinstance(number, int | np.integer) or number < 1:
            raise ValueError(f"{what}={number!r}; it is a whole number from 1")
    if not session.fitted:
        session._adopt(_made(session, batch_size, fast, thumbnail, cached, progress))
    if relevance and session.relevance is None:
        relate(session, cached=cached, progress=progress)
    if cached and not session.audit_session.files:
        keep_audit(session, cache.folder() / f"{session.space.recipe.key}.audit.json")


def _made(
    session: LiveState, batch_size: int, fast: bool, thumbnail: int, cached: bool, progress: bool
) -> SemanticSpace:
    """The space; read from the cache where it is there.

    A finished space is the same for `fast` and not, but for rounding. Passes on the way have a file for each, so
    that neither goes on with, nor overwrites, what the other did.
    """
    source = session.source
    with settled(source.model, source.images, source.layers) as made:
        recipe, way = source.recipe(), "-fast" if fast else ""
        finished = examples_file = partial = None
        if cached:
            fingerprints = "\n".join([made.model, made.images, *made.layers])
            examples_file = cache.place(f"{recipe.examples_key}{way}.examples", fingerprints)
            fingerprints += "\n" + of_clip(source.clip)
            finished = cache.place(f"{recipe.key}-{thumbnail}.semlens", fingerprints)
            partial = cache.place(f"{recipe.key}-{thumbnail}{way}.embedding", fingerprints)
        if finished is not None and (space := _cached(finished, recipe)) is not None:
            return space
        examples = source.examples(examples_file, batch_size, fast, progress)
        space = embed(
            examples, source.images, source.clip, recipe, thumbnail=thumbnail, progress_file=partial, progress=progress
        )
    used(source.clip)
    if finished is None or not cache.kept(finished, lambda: space.save(finished, extra=about(session))):
        return space
    if partial is not None:
        partial.unlink(missing_ok=True)
    return SemanticSpace.open(finished).space


def _cached(path: Path, recipe: Recipe) -> SemanticSpace | None:
    """The finished space of that recipe, if it is there whole."""
    if not path.exists():
        return None
    try:
        space = SemanticSpace.open(path, whole=True).space
    except ValueError as error:
        warnings.warn(f"the cached space is damaged and is made again: {error}", stacklevel=3)
        return None
    return space if space.recipe == recipe else None
