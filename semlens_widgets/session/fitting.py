"""The verb `fit`: the semantic space, made once and read from the cache afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import cache
from ..components import Recipe
from ..keys import of_clip, settled, used
from ..passes import tell
from ..shards import Engine, Here, check_devices, check_executor, on_devices
from ..space import SemanticSpace, embed
from ..threads import fair_share
from ..warned import warn
from .auditing import keep_audit
from .explaining import check_relevance, relate
from .file import about
from .planning import plan
from .source import Source
from .state import LiveState


@dataclass(frozen=True)
class Elsewhere:
    """Where the shards of a fit are computed, as `Lens.fit` is told: by an executor, or by a process for each device.

    factory: makes the model there. folder: where parts lie; None for the cache.
    """

    executor: Executor | None = None
    devices: Sequence[str] | None = None
    factory: Callable[[], Any] | None = None
    folder: str | os.PathLike[str] | None = None

    def engine(self, cached: bool) -> Engine:
        """The engine; one that computes here where nothing is told. TypeError or ValueError for what is none."""
        folder = cache.folder() if self.folder is None else Path(self.folder)
        if self.factory is not None and not callable(self.factory):
            raise TypeError(
                f"factory is a {type(self.factory).__name__}; give a function without arguments that makes the model"
            )
        if self.executor is not None:
            if self.devices is not None:
                raise ValueError("give executor= or devices=, not both: an executor's workers have their own devices")
            check_executor(self.executor)
            return Engine(self.executor, folder, factory=self.factory, kept=cached)
        if self.devices is None:
            if self.factory is not None or self.folder is not None:
                raise ValueError("factory= and folder= are for work in other processes: give executor= or devices= too")
            return Engine(Here(), folder, kept=cached)
        devices = check_devices(self.devices)
        return Engine(None, folder, factory=self.factory, kept=cached, own=lambda: on_devices(devices))


def fit(
    session: LiveState, relevance: bool, batch_size: int, fast: bool, thumbnail: int, cached: bool, progress: bool,
    elsewhere: Elsewhere,
) -> None:  # fmt: skip
    """See `Lens.fit`."""
    if relevance:
        check_relevance(session)
    for what, number in (("batch_size", batch_size), ("thumbnail", thumbnail)):
        if not isinstance(number, int | np.integer) or number < 1:
            raise ValueError(f"{what}={number!r}; it is a whole number from 1")
    with fair_share(), elsewhere.engine(cached) as engine:
        if not session.fitted:
            session._adopt(_made(session, batch_size, fast, thumbnail, cached, progress, engine))
        if relevance and session.relevance is None:
            relate(session, cached=cached, progress=progress, engine=engine)
        engine.clear()
    if cached and not session.audit_session.files:
        keep_audit(session, cache.folder() / f"{session.space.recipe.key}.audit.json")


def _made(
    session: LiveState, batch_size: int, fast: bool, thumbnail: int, cached: bool, progress: bool, engine: Engine
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
            partial = cache.place(f"{recipe.key}-{thumbnail}{way}.crops", fingerprints)
        if finished is not None and (space := _cached(finished, recipe)) is not None:
            return space
        if progress:
            _tell_cost(source, batch_size, thumbnail, engine)
        examples = source.examples(examples_file, batch_size, fast, progress, engine)
        space = embed(
            examples,
            source.images,
            source.clip,
            recipe,
            thumbnail=thumbnail,
            progress_file=partial,
            progress=progress,
            engine=engine,
        )
    used(source.clip)
    if progress and (said := source.own_words):
        tell(said)
    if finished is None or not cache.try_write(finished, lambda: space.save(finished, extra=about(session))):
        return space
    if partial is not None:
        del space  # which has its files open
        shutil.rmtree(partial, ignore_errors=True)
    return SemanticSpace.open(finished).space


def _tell_cost(source: Source, batch_size: int, thumbnail: int, engine: Engine) -> None:
    """Say what the fit will cost. What keeps that from being known is told by the fit itself."""
    if source.images.length is None:
        return  # only reading a whole stream tells how long it is
    try:
        cost = plan(source, relevance=False, batch_size=batch_size, thumbnail=thumbnail, timed=engine.is_here)
    except Exception:
        return
    tell(str(cost))


def _cached(path: Path, recipe: Recipe) -> SemanticSpace | None:
    """The finished space of that recipe, if it is there whole."""
    if not path.exists():
        return None
    try:
        space = SemanticSpace.open(path, whole=True).space
    except ValueError as error:
        warn(f"the cached space is damaged and is made again: {error}")
        return None
    return space if space.recipe == recipe else None
