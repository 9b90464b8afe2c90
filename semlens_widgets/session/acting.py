"""The verbs `without`, `with_` and `effect`: components changed in the model itself, and what that does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from jaxtyping import Float

from ..components import Component
from ..effect import Effect, check, check_classes
from ..effect import effect as measure
from ..images import Images
from ..outputs import NoClasses, Outputs
from ..switching import By, Switch, switched_off
from ..targets import Target
from ..targets.given import Targetlike, of
from ..targets.scores import Output
from .state import LiveState

if TYPE_CHECKING:
    import torch


@contextmanager
def without(session: LiveState, components: Any, by: By) -> Iterator[torch.nn.Module]:
    """See `Lens.without`."""
    off = np.zeros((1, len(session.components)), bool)
    off[0, _chosen(session, components)] = True
    rest = _rest(session, by)
    if rest is None:
        rest = np.zeros(len(session.components), np.float32)
    with _switched(session, off, rest, 0.0) as model:
        yield model


@contextmanager
def scaled(session: LiveState, components: Any, scale: float | int) -> Iterator[torch.nn.Module]:
    """See `Lens.with_`."""
    if isinstance(scale, bool) or not isinstance(scale, int | float | np.number) or not np.isfinite(scale):
        raise ValueError(f"scale={scale!r}; give a number: 0 is off, 1 as it is, 2 twice as strong")
    chosen = np.zeros((1, len(session.components)), bool)
    chosen[0, _chosen(session, components)] = True
    with _switched(session, chosen, np.zeros(chosen.shape[1], np.float32), float(scale)) as model:
        yield model


@contextmanager
def _switched(session: LiveState, off: np.ndarray, rest: np.ndarray, scale: float) -> Iterator[torch.nn.Module]:
    source = session.source
    rows = [session.components.rows(layer.name) for layer in source.layers]
    switches = [Switch(layer, off[:, r], rest[r], scale) for layer, r in zip(source.layers, rows, strict=True)]
    with switched_off(source.model, switches, source.images) as model:
        yield model


def effect(
    session: LiveState, components: Any, data: Images | Mapping[str, Images] | None,
    labels: Sequence[int] | Mapping[str, Sequence[int]] | None, target: Targetlike, by: By, most: int,
    **settings: Any,
) -> Effect:  # fmt: skip
    """See `Lens.effect`."""
    source = session.source
    chosen = _chosen(session, components)
    sets: dict[str, Images] = dict(data) if isinstance(data, Mapping) else {"data": data or source.images}
    if labels is not None:
        given = labels if isinstance(labels, Mapping) else dict.fromkeys(sets, labels)
        if foreign := [name for name in given if name not in sets]:
            raise KeyError(f"labels for {foreign[0]!r}, which is no data set; there are {', '.join(sets)}")
        for name, numbers in given.items():
            if isinstance(sets[name], Images):
                sets[name] = sets[name].labelled(numbers)
    wanted = aim(session, target)
    share = None
    if (relevance := session.own_relevance) is not None:
        called: Any = wanted.name if isinstance(wanted, Target) else wanted
        if not isinstance(wanted, Target) or called in relevance.classes:
            share = relevance.share_of(relevance.classes[-1] if called is None else called)
    check(chosen, sets, most=most, **{name: settings[name] for name in ("draws", "points", "batch_size")})
    _check_by(by)  # what it takes to know the means is long
    outputs: Outputs | NoClasses = source.classes
    if not isinstance(wanted, Target):
        outputs = source.outputs
        wanted = check_classes(outputs, sets, len(outputs.classes) - 1 if wanted is None else wanted, most)
    return measure(
        source.model, source.layers, session.components, chosen, sets, wanted, alive=session.space.alive, share=share,
        rest=_rest(session, by), most=most, output=source.output, outputs=outputs, **settings,
    )  # fmt: skip


def aim(session: LiveState, target: Targetlike) -> int | str | Target | None:
    """What is measured: as given, else what was audited; a class of the model's own by name or number."""
    audited = session.audit_session.aim
    if target is None and audited is not None and audited[0] == session.audit_target:
        return audited[1]
    found = of(session.audit_target if target is None else target, session.source.clip)
    if isinstance(found, Output) and isinstance(session.source.classes, Outputs):
        return found.which
    return found


def _chosen(session: LiveState, components: Any) -> list[int]:
    if components is None:
        if session.report is None:
            raise ValueError("which components? give some, such as 'layer4:64', or call lens.audit() first")
        components = session.report.spurious
    one = isinstance(components, str | Component | int | np.integer)
    listed: list[Any] = [components] if one else list(components)
    return [session.components.row(component) for component in listed]


def _rest(session: LiveState, by: By) -> Float[np.ndarray, " component"] | None:
    """What switched-off components are held at; None for zero."""
    _check_by(by)
    return None if by == "zero" else session.source.mean_responses


def _check_by(by: By) -> None:
    if by not in get_args(By):
        raise ValueError(f"by={by!r}; components are held at 'zero' or at their 'mean'")
