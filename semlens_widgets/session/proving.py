"""What an audit asks the model itself: logits of the sampled images, and what drawing a concept onto pictures does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from ..artefacts import named
from ..checklist import Checklist
from ..images import batches
from ..model import stack
from ..outputs import Outputs, ask
from ..targets import Target
from .counterfactuals import counterfactual, reading
from .state import LiveState

_AT_ONCE = 64


def name_of(session: LiveState, target: int | str | None) -> str:
    """What a class that is audited is called; "" for none."""
    known = session.own_relevance
    if target is None:
        return ""
    if known is not None:
        return str(known.classes[known.number(target)])
    classes = session.space.classes
    return str(classes[target]) if isinstance(target, int | np.integer) and 0 <= target < len(classes) else str(target)


def ask_logits(session: LiveState, target: int | str | None) -> None:
    """Ask the model about the sampled images, once for each class: their logit margins, NaN for what cannot be read."""
    sample, work = session.space.sample, session.audit_session
    called = name_of(session, target)
    if sample is None or not len(sample) or logits_of(session, target) is not None:
        return
    source = session.source
    if (meant := _meant(session, target, called)) is None:
        return
    outputs, number = reading(session, meant)
    if outputs is None:
        return
    values = np.full((len(sample), outputs.count), np.nan, np.float32)
    for batch in batches(source.images, sample.images, _AT_ONCE):
        if batch.items:
            answered = outputs.values(ask(source.model, stack(batch.items)), len(batch.items))
            values[np.searchsorted(sample.images, batch.ids)] = answered
    work.logits[called] = _margins(outputs, values, number)
    if not isinstance(meant, Target):
        work.answers = outputs, values


def logits_of(session: LiveState, target: int | str | None) -> Float[np.ndarray, " image"] | None:
    """The logit margin of a class in each sampled image; None where the model was not asked about it, or any other."""
    called, work = name_of(session, target), session.audit_session
    if called not in work.logits and work.answers is not None and called in work.answers[0].classes:
        outputs, values = work.answers
        work.logits[called] = _margins(outputs, values, outputs.number(called))
    return work.logits.get(called)


def _margins(
    outputs: Outputs, values: Float[np.ndarray, "image output"], number: int
) -> Float[np.ndarray, " image"]:
    """NaN where the image could not be read."""
    read, found = ~np.isnan(values).any(1), np.full(len(values), np.nan)
    found[read] = outputs.margins(values[read], number)
    return found


def _meant(session: LiveState, target: int | str | None, called: str) -> int | str | Target | None:
    """What has the logit of the class that is audited: of relevance for a target its value. None where that is not
    known any more, or is another number as soon as something changes."""
    aim, classes = session.audit_session.aim, session.source.classes
    if aim is not None and aim[0] == called:
        return aim[1] if aim[1].steady else None
    known = not isinstance(classes, Outputs) or called in classes.classes or not isinstance(target, str)
    return target if known else None


def prove(
    session: LiveState, checklist: Checklist, target: int | str | None, wanted: bool | Mapping[str, Any] | None,
    progress: bool,
) -> None:  # fmt: skip
    """Draw concepts onto pictures, each with its artefact or pairs, and keep what that does.

    wanted: concepts by name with an artefact or pairs; True for all that the checklist names an artefact for. KeyError
            for a concept that is not on the checklist, ValueError where there is none to draw, or no model.
    """
    if wanted is None or wanted is False:
        return
    if isinstance(wanted, Mapping):
        chosen = {checklist[name].name: what for name, what in wanted.items()}
    else:
        chosen = {concept.name: named(concept.artefact) for concept in checklist if concept.artefact}
    if not chosen:
        raise ValueError(
            "no concept of this checklist names an artefact to draw; name one, sl.Concept(…, artefact='ruler'), or "
            "give counterfactual={'ruler': sl.artefacts.Ruler()}"
        )
    kept = session.audit_session.counterfactuals.setdefault(name_of(session, target), {})
    for name, what in chosen.items():
        kept[name] = counterfactual(session, what, target=target, progress=progress)
