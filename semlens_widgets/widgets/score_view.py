"""Evaluate: how readable the components are, as distributions one can brush."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import traitlets

from ..evaluate import SCORES
from ..session import Session, describing
from .channel import Buffers, Job, Verb
from .labelled import LabelledView
from .wire import Answer


class ScoreView(LabelledView):
    """The scores alone: clarity, redundancy and polysemanticity per layer, against random images."""

    _bundle = "score_view"
    _still: ClassVar[str | None] = "evaluate"
    _counted: ClassVar[dict[str, str]] = {"evaluation": "evaluation_version"}
    evaluation_version = traitlets.Int(0).tag(sync=True)

    def _verbs(self) -> dict[str, Verb]:
        lens = self.lens

        def evaluate(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
            count = len(lens.components)
            job.progress(0, None, "Scoring")

            def step(done: int, total: int) -> None:  # of the three rounds over all components
                job.progress(done * count // total, count, "Scoring component")

            describing.evaluate(lens, progress=False, on_step=step)
            return {}

        return super()._verbs() | {"scores": self._plain(scores), "evaluate": evaluate}


def scores(lens: Session) -> Answer:
    """All scores [component] by the names in `columns`, and `clear` [component].

    NaN for dead components. `layers` has, per layer, the means with their intervals, and the null levels (mean, and
    what 95 % of random sets stay below).
    """
    found = lens.evaluation
    if found is None:
        return {"made": False, "columns": [], "layers": [], "clip": None}
    columns: dict[str, np.ndarray] = {}
    forms = {"": found.raw, "_centred": found.centred}
    for ending, form in forms.items():
        for score in SCORES:
            columns[score + ending] = getattr(form, score)
    layers = []
    for summary in found.summary()[:-1]:
        rows = found.components.rows(summary["layer"])
        entry: dict[str, Any] = {name: summary[name] for name in ("layer", "components", "living", "clear")}
        for ending, form in forms.items():
            for score in SCORES:
                mean = summary[score + ending]
                entry[score + ending] = {
                    "mean": _known(mean.mean), "low": _known(mean.low), "high": _known(mean.high),
                    "null": _average(form.null[score].mean[rows]), "null_high": _average(form.null[score].high[rows]),
                }  # fmt: skip
        layers.append(entry)
    facts = {"made": True, "columns": list(columns), "layers": layers, "clip": found.clip}
    return facts | columns | {"clear": found.clear}


def _known(number: float) -> float | None:
    return number if np.isfinite(number) else None


def _average(numbers: np.ndarray) -> float | None:
    known = numbers[np.isfinite(numbers)]
    return float(known.mean()) if len(known) else None
