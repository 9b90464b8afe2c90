"""The kernel's side of the windows, without a browser: what is asked, answered, refused, and kept in step."""

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image
from toy import ColourClip
from windows import Browser, lens

import semlens_widgets as sl
from semlens_widgets.session.matches import could_show
from semlens_widgets.widgets import Gallery, SearchBox, Window, answers, component_card, widget


def test_a_request_is_answered_by_id_and_a_failure_with_its_type():
    def fails(args, buffers, job):
        raise KeyError("no layer 'x'")

    browser = Browser({"double": lambda args, buffers, job: {"n": 2 * args["n"], "of": np.arange(3)}, "fails": fails})
    browser.ask("double", id="7", n=21)
    content, buffers = browser.wait(lambda c: c["id"] == "7")
    assert content == {"kind": "reply", "id": "7", "result": {"n": 42, "buffers": [["of", "I32", [3]]]}}
    assert buffers == [np.arange(3, dtype="<i4").tobytes()]
    browser.ask("fails", id="8")
    assert browser.wait(lambda c: c["id"] == "8")[0]["error"] == {"type": "KeyError", "message": "no layer 'x'"}
    browser.ask("absent", id="9")
    assert "this window answers double, fails, ping" in browser.wait(lambda c: c["id"] == "9")[0]["error"]["message"]
    browser.ask("ping", id="10")
    assert browser.wait(lambda c: c["id"] == "10")[0]["kind"] == "reply"


def test_a_long_request_holds_up_no_other_and_can_be_aborted():
    started, ended = threading.Event(), threading.Event()

    def slow(args, buffers, job):
        started.set()
        try:
            for step in range(1000):
                time.sleep(0.01)
                job.progress(step, 1000, "stepping")
        finally:
            ended.set()
        return {}

    browser = Browser({"slow": slow})
    browser.ask("slow", id="long")
    assert started.wait(5)
    browser.ask("ping", id="short")
    browser.wait(lambda c: c.get("id") == "short")
    progress = browser.wait(lambda c: c["kind"] == "progress")[0]
    assert (progress["id"], progress["total"], progress["what"]) == ("long", 1000, "stepping")
    browser.channel.receive({"kind": "abort", "id": "long"})
    assert ended.wait(5)
    time.sleep(0.05)
    assert not any(c["kind"] in ("reply", "error") and c["id"] == "long" for c, _ in browser.got)


def test_changes_are_made_in_the_order_they_came_and_outlive_the_window():
    written, may_go_on = [], threading.Event()

    def write(args, buffers, job):
        if args["word"] == 0:
            assert may_go_on.wait(10)
        job.check()
        written.append(args["word"])
        return {}

    browser = Browser({"write": write}, in_order={"write"})
    for word in range(20):
        browser.ask("write", id=str(word), word=word)
    browser.ask("ping", id="other")
    browser.wait(lambda c: c["id"] == "other")
    assert written == [], "the first is still at it, and none has overtaken it"
    browser.channel.receive({"kind": "abort", "id": "3"})
    browser.channel.close()
    may_go_on.set()
    browser.wait(lambda c: c["id"] == "19")
    assert written == list(range(20))


@pytest.mark.parametrize(
    "message", [None, 5, "text", {}, {"kind": "request"}, {"kind": "abort"}, {"kind": "abort", "id": "x"}]
)
def test_foreign_messages_are_ignored(message):
    browser = Browser({})
    browser.channel.receive(message)
    browser.ask("ping")
    browser.wait(lambda c: c["kind"] == "reply")
    assert len(browser.got) == 1


def test_hits_are_the_lens_s_hits_as_numbers():
    made = lens()
    made.query = "red"
    result = answers.hits(made)
    for name in ("rows", "scores", "z", "p"):
        assert result[name].tolist() == getattr(made.hits, name).tolist()
    assert result["best"]["id"] == "colour:0"
    assert result["n_above_null"] == (made.hits.p <= 0.01).sum()
    assert sum(result["null"]["hist"]["counts"]) == result["null"]["size"]
    made.query = ""
    made.layer = "head"
    result = answers.hits(made)
    assert result["rows"].tolist() == [4, 5]
    assert result["scores"] is result["z"] is result["p"] is None


@pytest.mark.parametrize(("query", "layer"), [("red", None), ("red", "colour"), ("", None), ("", "colour")])
def test_parts_of_the_hits_are_all_of_them_together(query, layer):
    made = lens()
    made.query, made.layer = query, layer
    whole = answers.hits(made)
    for most in (0, 1, 3, 100):
        first, rest = answers.hits(made, most=most), answers.hits(made, since=most)
        for name, value in whole.items():
            if isinstance(value, np.ndarray):
                assert len(first[name]) == min(most, len(value))
                assert np.concatenate([first[name], rest[name]]).tolist() == value.tolist()
            else:
                assert first[name] == rest[name] == value


def test_not_found_says_whether_the_data_could_show_it():
    made = lens(vocabulary=["red", "blue"])
    made.query = "coffee"
    result = answers.hits(made)
    assert result["not_found"]
    assert result["unknown_words"] == ["coffee"]
    made.query = "red"
    could = could_show(made, made.hits)
    assert could["possible"]
    assert "where known words reach" in could["message"]


def test_a_component_that_is_searched_is_no_hit_and_the_data_are_not_asked_whether_they_could_show_it():
    made = lens(vocabulary=["red", "blue"])
    made.query, made.layer = "colour:0", "colour"
    result = answers.hits(made)
    assert result["query_components"] == ["colour:0"]
    assert result["not_found"]
    assert result["couldshow"] is None
    assert 0 not in result["rows"]
    assert result["message"] == made.search("colour:0", layer="colour").message
    assert component_card.card(made, 0)["score"] is None


def test_a_sprite_sheet_has_a_row_of_crops_per_component():
    made = lens(crop=None)
    result = answers.sprite(made, [0, 2], 3, 16)
    sheet = Image.open(io.BytesIO(result["image"].data)).convert("RGB")
    assert sheet.size == (3 * 16, 2 * 16)
    assert result["counts"] == [3, 3]
    for y, row in enumerate((0, 2)):
        for x in range(3):
            expected = made.source.images.picture(int(made.space.examples.images[row, x]))
            shown = np.asarray(sheet.crop((x * 16, y * 16, x * 16 + 16, y * 16 + 16)), float).mean((0, 1))
            assert np.allclose(shown, np.asarray(expected, float).mean((0, 1)), atol=14)


def test_examples_come_from_the_data_or_else_from_the_file(tmp_path):
    made = lens()
    result = answers.example(made, 0, 1, 64)
    assert result["image_id"] == str(made.space.examples.images[0, 1])
    assert result["of"] == 5
    opened = sl.open(made.save(tmp_path / "toy.semlens"), clip=ColourClip())
    again = answers.example(opened, 0, 1, 64)
    data, stored = (answer.pop("image").data for answer in (result, again))
    assert again == result
    a, b = (np.asarray(Image.open(io.BytesIO(d)).convert("RGB"), float).mean((0, 1)) for d in (data, stored))
    assert np.allclose(a, b, atol=8)
    with pytest.raises(IndexError, match="colour:0; it has 5"):
        answers.example(made, 0, 5, 64)


def test_a_card_tells_what_is_known_of_a_component():
    made = lens()
    made.query = "green"
    told = component_card.card(made, 1)
    assert told["id"] == "colour:1"
    assert told["score"] == pytest.approx(float(made.hits.scores[0]))
    assert sum(told["histogram"]["counts"]) == 40
    assert told["responses"][-1] == min(told["responses"])
    cosines = made.space.vectors @ made.space.vectors[1]
    assert told["siblings"][0]["row"] == int(np.argsort(-cosines)[1])


def test_too_much_at_once_and_absent_rows_are_refused():
    made = lens()
    with pytest.raises(ValueError, match="at most 200"):
        answers.sprite(made, list(range(201)), 8, 48)
    with pytest.raises(IndexError, match="rows go from 0 to 5"):
        answers.components(made, [6])


def test_suggestions_begin_with_what_was_typed():
    made = lens(vocabulary=["red", "blue-white veil", "white veil", "green"])
    assert answers.suggest(made, "re")["words"] == ["red"]
    assert answers.suggest(made, "-ve")["words"] == ["blue-white veil", "white veil"]
    assert answers.suggest(made, "  ")["words"] == []


def test_a_dropped_picture_becomes_a_term_of_the_query():
    made = lens()
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9), (40, 40, 250)).save(buffer, "PNG")
    chip = answers.query_image(made, buffer.getvalue(), "blue.png")["chip"]
    made.query = f"image:{chip['id']}"
    assert made.hits[0].component == sl.Component("colour", 2)
    with pytest.raises(ValueError, match=r"notes\.txt is not a picture"):
        answers.query_image(made, b"text", "notes.txt")
    with pytest.raises(ValueError, match="no picture is kept"):
        made.query = "image:00000000"


@pytest.mark.parametrize("view", [SearchBox, Gallery, Window])
def test_a_window_and_its_lens_stay_in_step_both_ways(view):
    made = lens()
    window = view(made)
    assert window.has_trait("hits_version") == (view is not SearchBox), "the box alone shows no hits"
    version = getattr(window, "hits_version", -1)
    made.query = "red"
    assert window.query == "red"
    assert getattr(window, "hits_version", 0) > version
    window.query = "blue"
    assert made.query == "blue"
    window.selection = [2, 1]
    assert [str(c) for c in made.selection] == ["colour:2", "colour:1"]
    made.selection = ["head:0"]
    assert window.selection == [4]
    window.layer = "head"
    assert made.layer == "head"
    other = view(made)
    assert (other.query, other.layer, other.selection) == ("blue", "head", [4])
    window.close()
    made.query = "green"
    assert window.query == "blue"
    assert other.query == "green"


def test_a_query_that_comes_to_the_same_is_answered_too():
    made = lens()
    window = Window(made)
    window.query = "red"
    version = window.hits_version
    window.query = " red ,"
    assert window.query == "red"
    assert window.hits_version > version, "the browser waits for it"


def test_a_query_that_is_refused_is_not_answered_by_hits():
    made = lens()
    window = Window(made)
    window.query = "red"
    version = window.hits_version
    window.query = "-red"
    assert window.query == "red"
    assert window.hits_version == version, "new hits would take away the words that say why"


def test_a_senseless_query_is_told_in_the_window_and_taken_back():
    made = lens()
    window = Window(made)
    told = []
    window._channel._send = lambda content, buffers: told.append(content)
    made.query = "red"
    window.query = "-red"
    assert window.query == made.query == "red"
    assert told[0]["kind"] == "event"
    assert "only says what not to look for" in told[0]["message"]


def test_unknown_parameters_raise():
    with pytest.raises(TypeError, match="no parameter 'tabss'"):
        Window(lens(), tabss=[])


def test_a_saved_notebook_keeps_a_small_picture_and_a_text():
    made = lens(name="<b>net</b>")
    made.query = "red"
    data = Window(made)._repr_mimebundle_()[0]
    assert f"red' {made.hits.state}" in data["text/plain"]
    assert "data:image/webp;base64," in data["text/html"]
    assert len(data["text/html"]) < 60_000
    made.query = ""
    assert "<b>net</b>" not in Window(made)._repr_mimebundle_()[0]["text/html"]


def test_windows_of_one_lens_may_be_driven_from_many_threads():
    made = lens()
    windows = [Window(made) for _ in range(3)]

    def drive(window, words):
        for _ in range(10):
            for word in words:
                window.query = word

    threads = [threading.Thread(target=drive, args=(w, ["red", "green", "blue"])) for w in windows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "no deadlock"
    made.query = "red"
    assert [w.query for w in windows] == ["red"] * 3


def test_a_window_gives_the_figure_of_its_tab_as_a_file():
    from semlens_widgets.figures.views import VIEWS
    from semlens_widgets.widgets import figure_button
    from semlens_widgets.widgets.tabs import TABS

    made = lens(vocabulary=["red", "blue"])
    made.query = "red"
    result = figure_button.figure(made, "search", "pdf", 88, "print", {})
    assert result["name"] == "search.pdf"
    assert result["file"].type == "application/pdf"
    assert result["file"].data == made.figure("search", width_mm=88).to_bytes("pdf")
    assert {view.name for view in TABS if view.figure} <= set(VIEWS)
    window = Window(made)
    assert window.figures[:2] == ["search", "map"]
    window.close()


def test_a_window_shows_a_picture_of_its_own_where_it_is_not_live():
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    InteractiveShell.instance()
    made = lens()
    made.query = "red"
    window = Window(made)
    with capture_output() as captured:
        window._ipython_display_()
    still, live = captured.outputs
    assert "semlens-static" in still.data["text/html"]
    assert f"red&#x27; {made.hits.state}" in still.data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in live.data
    assert "text/html" not in live.data
    window.close()


def test_the_picture_of_a_window_follows_what_is_on_the_screen(monkeypatch):
    class Handle:
        def __init__(self):
            self.shown = []

        def update(self, data, raw):
            self.shown.append(data["text/html"])

    monkeypatch.setattr(widget, "_AT_REST", 0.01)
    made = lens()
    window = Window(made)
    assert "Run the cell to connect" in window._as_html()
    made.query = "red"
    assert window._waiting is None, "it is not displayed, so there is no picture"
    window._picture_handle = handle = Handle()
    made.query = "blue"
    window._waiting.join(10)
    assert "\'blue\'" in handle.shown[-1] or "&#x27;blue&#x27;" in handle.shown[-1]
    window.tab = "audit"
    window._waiting.join(10)
    assert "in its tab audit" in handle.shown[-1]
    window.close()
    made.query = "green"
    assert len(handle.shown) == 2
