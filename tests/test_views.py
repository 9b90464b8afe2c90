"""Views are values: windows, files and the button for figures are made of the one table of them."""

import pytest
from windows import lens

from semlens_widgets.figures.views import VIEWS as FIGURES
from semlens_widgets.widgets import Gallery, SemanticMap, Window
from semlens_widgets.widgets.channel import Job
from semlens_widgets.widgets.recorded import recorded
from semlens_widgets.widgets.tabs import TABS
from semlens_widgets.widgets.view import TABLE, Live, View, bound, maybe_text
from semlens_widgets.widgets.widget import STATIC, LensWidget

JOB = Job("1", lambda content, buffers: None)


def test_the_window_has_the_tabs_of_the_table_in_its_order_and_they_have_their_names():
    titled = [entry for entry in TABLE if "title" in entry]
    assert [view.name for view in TABS] == [entry["name"] for entry in titled]
    window = Window(lens())
    assert window.tabs == [view.name for view in TABS]
    assert set(window.figures) <= set(FIGURES)
    window.close()


def test_whatever_stands_alone_has_a_bundle_and_a_class():
    built = {entry["folder"] for entry in TABLE if "alone_kB" in entry}
    assert all((STATIC / f"{folder}.{kind}").is_file() for folder in built for kind in ("js", "css"))
    assert {made._bundle for made in LensWidget.__subclasses__()} >= built


def test_the_browser_follows_what_the_views_share_count_and_tell_and_no_more():
    window = SemanticMap(lens())
    (view,) = window.views[1:]
    always = {"query", "layer", "selection", "history"}
    assert set(window.follows) == always | view.live.keys() | set(view.counters.values()) | view.constants.keys()
    assert "map_colour" not in Gallery(lens()).follows
    window.close()


def test_a_view_of_one_s_own_is_live_both_ways_and_answers():
    def greet(lens, name, loud=False):
        return {"text": f"{name} of {len(lens.components)}{'!' * loud}"}

    made = lens()
    own = View(
        "own",
        live={"target": Live.same("target", maybe_text)},
        counters={"labels": "own_version"},
        constants={"size": lambda lens: len(lens.components)},
        verbs={"greet": greet},
    )

    class Own(LensWidget, views=(own,), bundle="gallery"):
        pass

    window = Own(made)
    assert window.size == len(made.components)
    before = window.own_version
    made.describe(["red", "green"])
    assert window.own_version > before
    window.query = "red"
    assert made.query == "red"
    greeting = window._verbs()["greet"]
    assert greeting({"name": "six"}, (), JOB) == {"text": "six of 6"}
    assert greeting({"name": "six", "loud": True, "more": 1}, (), JOB) == {"text": "six of 6!"}
    with pytest.raises(ValueError, match="the request lacks name"):
        greeting({}, (), JOB)
    window.close()


def test_a_verb_is_given_what_belongs_to_the_request():
    def verb(lens, args, buffers, job, a):
        return {"given": (args, buffers, job, a)}

    assert bound(verb, None)({"a": 1, "job": 2}, (b"x",), JOB)["given"] == ({"a": 1, "job": 2}, (b"x",), JOB, 1)


def test_a_file_has_the_tabs_that_show_something_and_the_traits_of_these():
    made = lens()
    assert recorded(made)[0]["tabs"] == ["search", "map"]
    made.evaluate()
    document, _ = recorded(made)
    assert document["tabs"] == ["search", "map", "evaluate"]
    assert "evaluation_version" in document["traits"]
    assert "audit_version" not in document["traits"]
