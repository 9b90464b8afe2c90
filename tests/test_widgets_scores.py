"""The kernel's side of the scores: columns against random images, per layer, and evaluating from the window."""

import numpy as np
import pytest
from windows import lens

from semlens_widgets.evaluate import SCORES
from semlens_widgets.widgets import ScoreView, Window, score_view
from semlens_widgets.widgets.channel import Aborted, Job


def test_scores_are_the_evaluation_s_columns_with_summaries_per_layer():
    made = lens()
    assert score_view.scores(made) == {"made": False, "columns": [], "layers": [], "clip": None}
    found = made.evaluate()
    told = score_view.scores(made)
    assert told["columns"] == [*SCORES, *(f"{score}_centred" for score in SCORES)]
    for name in told["columns"]:
        form = found.centred if name.endswith("_centred") else found.raw
        held = getattr(form, name.removesuffix("_centred"))
        assert np.array_equal(told[name], held, equal_nan=True)
    assert told["clear"].tolist() == found.clear.tolist()
    assert [entry["layer"] for entry in told["layers"]] == ["colour", "head"]
    summary = found.summary()[0]
    sent = told["layers"][0]["clarity_centred"]
    assert (sent["mean"], sent["low"], sent["high"]) == (
        summary["clarity_centred"].mean, summary["clarity_centred"].low, summary["clarity_centred"].high,
    )  # fmt: skip
    rows = made.components.rows("colour")
    assert sent["null_high"] == pytest.approx(float(np.nanmean(found.centred.null["clarity"].high[rows])))


@pytest.mark.parametrize("view", [ScoreView, Window])
def test_evaluating_from_the_window_sets_the_lens_and_tells_the_browser(view):
    made = lens()
    window = view(made)
    told = []
    before = window.evaluation_version
    window._verbs()["evaluate"]({}, [], Job("1", lambda content, buffers: told.append(content)))
    assert made.evaluation is not None
    assert window.evaluation_version == before + 1
    assert told[0]["what"] == "Scoring"
    steps = [entry["done"] for entry in told[1:]]
    assert steps == sorted(steps)
    assert (steps[-1], told[-1]["total"], told[-1]["what"]) == (6, 6, "Scoring component")


def test_evaluating_can_be_given_up_at_every_step_and_changes_nothing():
    made = lens()
    verb = ScoreView(made)._verbs()["evaluate"]
    told = []
    verb({}, [], Job("1", lambda content, buffers: told.append(content)))
    found = made.evaluation
    for step in range(1, len(told)):
        seen = []
        job = Job("2", lambda content, buffers, seen=seen: seen.append(content))
        job.send = lambda content, buffers, seen=seen, job=job, step=step: (
            seen.append(content), job.abort() if len(seen) == step else None
        )  # fmt: skip
        with pytest.raises(Aborted):
            verb({}, [], job)
        assert len(seen) == step
        assert made.evaluation is found
