"""One history: every gesture and every line that changes a lens can be taken back, in the order in which they came."""

import pytest
from windows import lens

import semlens_widgets as sl
from semlens_widgets.session.history import MOST, History, Step
from semlens_widgets.session.travelling import travel
from semlens_widgets.widgets import Window
from semlens_widgets.widgets.channel import Job

STATE = ("query", "layer", "template", "selection", "own_labels", "concepts", "checklist", "verdicts")


def state(made):
    values = {name: getattr(made, name) for name in STATE}
    return values | {"verdicts": [(v.subject, v.decision, v.label) for v in values["verdicts"].entries]}


def gestures(made):
    yield "search “red”", lambda: setattr(made, "query", "red")
    yield "select colour:0", lambda: setattr(made, "selection", ["colour:0"])
    yield "layer colour", lambda: setattr(made, "layer", "colour")
    yield "label colour:0: the red one", lambda: setattr(made, "own_labels", {"colour:0": "the red one"})
    yield "begin a checklist of 2 concepts", lambda: setattr(made, "checklist", sl.Checklist(valid=["red", "green"]))
    yield "template “{} light”", lambda: setattr(made, "template", "{} light")
    yield "red: valid", lambda: made.judge("@red", "valid")
    yield "select colour:1 and 1 more", lambda: setattr(made, "selection", ["colour:1", "colour:2"])
    yield "remove “green”", lambda: setattr(made, "checklist", made.checklist.without("green"))
    yield "compare 1 concept", lambda: setattr(made, "concepts", ["blue"])
    yield "clear the search", lambda: setattr(made, "query", "")


def test_every_step_can_be_taken_back_and_done_again_and_is_called_what_it_was():
    made = lens()
    states = [state(made)]
    for words, do in gestures(made):
        do()
        states.append(state(made))
        assert made.history.past[-1].words == words
    for earlier in reversed(states[:-1]):
        travel(made)
        assert state(made) == earlier
    assert made.history.past == ()
    travel(made)
    for later in states[1:]:
        travel(made, redo=True)
        assert state(made) == later
    travel(made, len(states) - 1)
    assert state(made) == states[0]


def test_a_new_step_forgets_what_was_taken_back():
    made = lens()
    made.query, made.layer = "red", "colour"
    travel(made)
    made.query = "green"
    assert made.history.future == ()
    travel(made, redo=True)
    assert made.query == "green"


def test_typing_on_and_going_through_a_list_are_one_step():
    made = lens()
    for query in ("r", "re", "red"):
        made.query = query
    for number in range(3):
        made.selection = [f"colour:{number}"]
    assert [step.words for step in made.history.past] == ["search “red”", "select colour:2"]
    travel(made, 2)
    assert (made.query, made.selection) == ("", [])


def test_the_undo_of_the_audit_is_the_same_step():
    made = lens()
    made.checklist = sl.Checklist(valid=["red"])
    made.query = "green"
    made.undo()
    assert made.query == "green"
    assert len(made.checklist) == 0
    assert [step.words for step in made.history.past] == ["search “green”"]
    travel(made, redo=True)
    assert len(made.checklist) == 1


def test_a_query_that_fails_is_no_step():
    made = lens()
    with pytest.raises(ValueError, match="only says what not"):
        made.query = "-red"
    assert made.history.past == ()


def test_windows_list_the_history_and_one_opened_later_has_it_too():
    made = lens()
    first = Window(made)
    made.query = "red"
    assert first.history["past"] == ["search “red”"]
    again = Window(made)
    assert again.history == first.history
    verbs = again._channel.verbs
    job = Job("1", lambda content, buffers: None)
    assert verbs["history_travel"]({"steps": 1, "redo": False}, [], job) == {"python": 'lens.query = ""'}
    assert made.query == ""
    assert first.history == {"past": [], "future": ["search “red”"]}
    for window in (first, again):
        window.close()


def test_the_history_has_an_end():
    history = History()
    for number in range(2 * MOST):
        history = history.with_step(Step("layer", str(number), number, number + 1))
    assert len(history.past) == MOST
    assert history.past[-1].words == str(2 * MOST - 1)
