"""Evaluate: how readable the components are, as distributions one can brush."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..evaluate import SCORES
from ..session import Session, describing
from . import labelled
from .channel import Job
from .view import View
from .widget import LensWidget
from .wire import Answer


def evaluate(session: Session, job: Job) -> Answer:
    """Score all components of the lens."""
    count = len(session.components)
    job.progress(0, None, "Scoring")

    def step(done: int, total: int) -> None:  # of the three rounds over all components
        job.progress(done * count // total, count, "Scoring component")

    describing.evaluate(session, progress=False, on_step=step)
    return {}


def scores(session: Session) -> Answer:
    """All scores [component] by the names in `columns`, and `clear` [component].

    NaN for dead components. `layers` has, per layer, the means with their intervals, and the null levels (mean, and
    what 95 % of random sets stay below).
    """
    evaluation = session.evaluation
    if evaluation is None:
        return {"made": False, "columns": [], "layers": [], "clip": None}
    columns: dict[str, np.ndarray] = {}
    forms = {"": evaluation.raw, "_centred": evaluation.centred}
    for ending, form in forms.items():
        for score in SCORES:
            columns[score + ending] = getattr(form, score)
    layers = []
    for summary in evaluation.summary()[:-1]:
        rows = evaluation.components.rows(summary["layer"])
        entry: dict[str, Any] = {name: summary[name] for name in ("layer", "components", "living", "clear")}
        for ending, form in forms.items():
            for score in SCORES:
                mean = summary[score + ending]
                entry[score + ending] = {
                    "mean": _known(mean.mean), "low": _known(mean.low), "high": _known(mean.high),
                    "null": _average(form.null[score].mean[rows]), "null_high": _average(form.null[score].high[rows]),
                }  # fmt: skip
        layers.append(entry)
    facts = {"made": True, "columns": list(columns), "layers": layers, "clip": evaluation.clip}
    return facts | columns | {"clear": evaluation.clear}


def _known(number: float) -> float | None:
    return number if np.isfinite(number) else None


def _average(numbers: np.ndarray) -> float | None:
    known = numbers[np.isfinite(numbers)]
    return float(known.mean()) if len(known) else None


VIEW = View(
    "evaluate",
    live=labelled.LIVE,
    counters=labelled.COUNTED | {"evaluation": "evaluation_version"},
    constants={"layers": labelled.listed_layers},
    verbs={"labels": labelled.labels, "scores": scores, "evaluate": evaluate},
    figure=True,
    recorded=lambda session: [("scores", {}, scores(session))],
    has_content=lambda session: session.evaluation is not None,
)


class ScoreView(LensWidget, views=(VIEW,), bundle="score_view"):
    """The scores of a lens alone: clarity, redundancy and polysemanticity per layer, against random images.

    Parameters
    ----------
    lens
        The lens it shows and follows.

    Examples
    --------
    >>> view = sl.ScoreView(lens)  # the last line of a cell shows it
    """
