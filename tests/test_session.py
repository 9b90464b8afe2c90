"""The session: what windows and figures need of a lens, and no more."""

import pytest
from toy import ColourClip
from windows import Browser, lens

import semlens_widgets as sl
from semlens_widgets.figures.views import figure_of_view
from semlens_widgets.session import Session
from semlens_widgets.session.file import of_space
from semlens_widgets.widgets import Window


@pytest.fixture(scope="module")
def session():
    return of_space(Session, lens().space, {"vocabulary": ["red", "green", "blue"]}, clip=ColourClip())


def test_a_window_shows_a_session_that_is_no_lens(session):
    assert not isinstance(session, sl.Lens)
    window = Window(session)
    browser = Browser(window._verbs())
    window.query = "red"
    assert str(session.hits.best.component) == "colour:0"
    asked = {
        "describe": {}, "evaluate": {}, "hits": {}, "card": {"row": 0}, "labels": {}, "scores": {}, "map": {},
        "audit_start": {}, "audit": {}, "audit_undo": {}, "audit_redo": {},
        "figure": {"view": "search", "format": "svg", "width": 180, "theme": "print", "options": {}},
    }  # fmt: skip
    for number, (verb, given) in enumerate(asked.items()):
        browser.ask(verb, id=str(number), **given)
        reply, _ = browser.wait(lambda c, n=number: c["id"] == str(n) and c["kind"] != "progress", seconds=60)
        assert reply["kind"] == "reply", (verb, reply)
    assert session.labels is not None
    assert session.evaluation is not None
    assert len(session.checklist) == len(sl.Checklist.abcde())
    assert figure_of_view(session, "audit").caption()
    window.close()


def test_setting_a_live_value_that_fails_changes_nothing(session):
    before = {name: getattr(session, name) for name in (*session.live(), "hits", "report")}
    wrong = {
        "query": "-red", "layer": "nowhere", "selection": ["colour:999"], "own_labels": {"colour:0": "x" * 999},
        "map_colour": "taste", "other": "nobody", "audit_level": 2.0, "method": "magic",
    }  # fmt: skip
    for name, value in wrong.items():
        with pytest.raises((ValueError, LookupError)):
            setattr(session, name, value)
        assert {n: getattr(session, n) for n in before} == before, name
