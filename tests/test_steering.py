"""Steering in the window: what it shows is what the model says inside `lens.with_`."""

import numpy as np
import pytest
from windows import lens as fitted

from semlens_widgets.session.steering import steered
from semlens_widgets.widgets import prediction


@pytest.fixture(scope="module")
def lens():
    made = fitted()
    made.image = 3
    return made


@pytest.mark.parametrize("scale", [-2.0, 0.0, 1.0, 3.5])
def test_the_answer_is_that_of_the_model_inside_with(lens, scale):
    found = steered(lens, "colour:1", scale)
    with lens.with_("colour:1", scale):
        again = lens.explain(3, lens.explanation.target)
    assert np.allclose(found.after, again.probabilities, atol=1e-6)
    assert found.target_after == pytest.approx(again.value, abs=1e-5)
    assert np.array_equal(found.before, lens.explanation.probabilities)
    if scale == 1:
        assert np.allclose(found.after, found.before, atol=1e-6)
    answer = prediction.steer(lens, lens.components.row("colour:1"), scale)
    assert next(entry["name"] for entry in answer["classes"]) == lens.explanation.predictions(1)[0][0]
    for entry in answer["classes"]:
        number = lens.explanation.classes.index(entry["name"])
        assert entry["after"] == pytest.approx(float(again.probabilities[number]), abs=1e-6)


def test_the_model_is_left_as_it_was_and_senseless_scales_are_refused(lens):
    before = lens.explain(3).logits
    steered(lens, 0, 4)
    assert np.array_equal(lens.explain(3).logits, before)
    with pytest.raises(ValueError, match="scale=nan; give a number"):
        steered(lens, 0, float("nan"))
    with pytest.raises(ValueError, match="no prediction is explained yet"):
        steered(fitted(), 0, 2)
