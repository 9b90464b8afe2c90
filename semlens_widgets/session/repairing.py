"""The verb `repair`: what is meant by a concept or components, and which data a copy of the model learns from."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..artefacts import Artefact, named
from ..counterfactual import Pairs
from ..images import Images
from ..passes import OnStep
from ..repair import Recipe, Repair, Wanted
from ..repair import repair as repair_copy
from .acting import aim
from .state import LiveState


def repair(
    session: LiveState, what: Any, data: Images | None, labels: Any, artefact: Artefact | None, pairs: Any,
    test: Images | None, target: int | str | None, recipe: Recipe, progress: bool, on_step: OnStep | None,
) -> Repair:  # fmt: skip
    """See `Lens.repair`."""
    source = session.source
    images = source.images if data is None else data
    for name, given in (("data", images), ("test", test)):
        if given is not None and not isinstance(given, Images):
            raise TypeError(f"{name} is a {type(given).__name__}; make it with sl.images(…) and the lens's transform")
    if artefact is not None and not isinstance(artefact, Artefact):
        raise TypeError(f"artefact is a {type(artefact).__name__}; give one of sl.artefacts, such as Ruler()")
    if labels is not None:
        images = images.labelled(labels)
    wanted = _wanted(session, what, artefact, pairs)
    outputs = source.outputs
    meant: Any = aim(session, target)
    number = len(outputs.classes) - 1 if meant is None else outputs.number(meant)
    return repair_copy(
        source.model, source.layers, session.components, np.asarray(session.space.alive), source.pooling, images,
        outputs, number, wanted, recipe, test=test, progress=progress, on_step=on_step,
    )  # fmt: skip


def _wanted(session: LiveState, what: Any, artefact: Artefact | None, pairs: Any) -> Wanted:
    """A concept of the checklist by name, with its components after an audit and the artefact it names; else
    components, by default those the last audit calls spurious."""
    given = None if pairs is None else Pairs.of(pairs)
    if isinstance(what, str) and what in session.checklist:
        report, concept = session.report, session.checklist[what]
        rows = report[what].rows if report is not None and what in report.checklist else ()
        drawn = artefact if artefact is not None or not concept.artefact else named(concept.artefact)
        return Wanted(what, tuple(rows), drawn, given)
    if what is None:
        if session.report is None:
            raise ValueError("repair what? Give a concept of the checklist, components, or call lens.audit() first")
        what = session.report.spurious
    one = isinstance(what, str | int | np.integer) or hasattr(what, "layer")
    listed = [what] if one else list(what)
    rows = tuple(dict.fromkeys(session.components.row(component) for component in listed))
    if not rows:
        raise ValueError("no components to repair; give some, such as report.spurious")
    first = str(session.components[rows[0]])
    name = given.name if given is not None and given.name != "the difference" else (
        artefact.kind if artefact is not None else first if len(rows) == 1 else f"{first} and {len(rows) - 1} more"
    )  # fmt: skip
    return Wanted(name, rows, artefact, given)
