"""The kernel's end of the channel holds whatever comes from the browser: it answers with an error, or ignores it."""

import json
from contextlib import suppress

import pytest
import traitlets
from hypothesis import example, given, settings
from hypothesis import strategies as st
from windows import Browser, lens

from semlens_widgets.widgets import Window
from semlens_widgets.widgets.channel import Job

ATOMS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(),
    st.text(st.characters(exclude_categories=())),
    st.sampled_from(["request", "abort", "echo", "fails", "__proto__", "constructor", "1"]),
)  # fmt: skip
ANYTHING = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
MESSAGES = ANYTHING | st.fixed_dictionaries(
    {}, optional={"kind": ATOMS | ANYTHING, "id": ATOMS | ANYTHING, "verb": ATOMS | ANYTHING, "args": ANYTHING}
)


def echo(args, buffers, job):
    return {"echo": args}


def fails(args, buffers, job):
    raise KeyError(f"no \ud83d {args}")


@given(st.lists(MESSAGES, max_size=6))
@example([{"kind": "abort", "id": ["1"]}, {"kind": "abort", "id": {}}, {"kind": "abort"}])
@example([{"kind": "request", "id": "1", "verb": ["echo"], "args": {}}, {"kind": "request", "id": 1, "verb": "echo"}])
@example([{"kind": "request", "id": "2", "verb": "echo", "args": "rows"}])
@example([{"kind": "request", "id": "2", "verb": "fails", "args": {"half": "\udce9"}}])
@settings(max_examples=60, deadline=None)
def test_whatever_comes_the_channel_lives_and_what_it_sends_can_be_sent(messages):
    browser = Browser({"echo": echo, "fails": fails}, in_order=("fails",))
    for message in messages:
        browser.channel.receive(message)
    browser.ask("echo", id="last", half="\ud83d")
    (reply, _) = browser.wait(lambda content: content.get("id") == "last" and content["kind"] == "reply")
    assert reply["result"] == {"echo": {"half": "\ufffd"}}
    for content, _ in browser.got:
        if content.get("id") != "last":
            json.dumps(content, ensure_ascii=False).encode("utf-8")
    browser.channel.close()


def test_every_request_with_a_text_as_id_is_answered():
    browser = Browser({"echo": echo})
    for number, wrong in enumerate(
        [{"verb": None}, {"verb": ["echo"]}, {"verb": "toString"}, {"verb": "echo", "args": [1]}, {"verb": {"a": 1}}]
    ):
        browser.channel.receive({"kind": "request", "id": str(number)} | wrong)
        (answer, _) = browser.wait(lambda content, number=number: content["id"] == str(number))
        assert answer["kind"] == "error"
        assert answer["error"]["type"] in ("ValueError", "TypeError")
    browser.channel.close()


def test_a_message_after_the_end_is_ignored():
    browser = Browser({"echo": echo}, in_order=("echo",))
    browser.channel.close()
    browser.ask("echo")
    browser.ask("ping", id="2")
    browser.channel.receive({"kind": "abort", "id": "1"})
    assert browser.got == []


def test_an_id_that_comes_twice_can_still_be_aborted():
    browser = Browser({"echo": echo})
    browser.ask("echo", id="a")
    browser.ask("echo", id="a")
    browser.wait(lambda content: content["id"] == "a")
    assert browser.channel._jobs.keys() <= {"a"}
    browser.channel.close()


@pytest.fixture(scope="module")
def window():
    made = Window(lens())
    yield made
    made.close()


ODD = [None, True, -1, 10**30, 1.5, float("nan"), float("inf"), "", "x", "\ud800", [], [[]], [None], {}, {"a": []}]


def test_every_request_of_a_window_refuses_what_it_cannot_use(window):
    """All verbs, all arguments that they name, all kinds of odd values: an answer each, and the window lives."""
    sent = []
    channel = window._channel
    channel._send = lambda content, buffers: sent.append(content)
    names = ("row", "rows", "rank", "examples", "size", "count", "look", "prefix", "concepts", "subjects", "decision",
             "thresholds", "format", "view", "width", "theme", "options", "vocabulary", "name", "image", "target",
             "a", "b")  # fmt: skip
    slow = {"relate", "audit_relevance", "describe", "evaluate", "streams"}  # which take no argument, and long
    asked = 0
    for verb in sorted(set(channel.verbs) - slow):
        for odd in ODD:
            channel._answer(Job(str(asked), channel._deliver), verb, dict.fromkeys(names, odd), ())
            asked += 1
    answered = [content["id"] for content in sent if content["kind"] in ("reply", "error")]
    assert sorted(answered, key=int) == [str(number) for number in range(asked)]
    for content in sent:
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    sent.clear()
    channel._answer(Job("last", channel._deliver), "components", {"rows": [0]}, ())
    assert sent[0]["result"]["components"][0]["row"] == 0


@given(st.sampled_from(["query", "layer", "selection", "own_labels", "audit_target", "audit_level", "tab"]), ANYTHING)
@example("query", "half \ud83d")
@example("selection", [10**20, -1])
@example("own_labels", {"colour:0": "\udce9", "__proto__": 3})
@settings(max_examples=60, deadline=None)
def test_whatever_the_browser_sets_the_window_follows_its_lens(window, name, value):
    window._channel._send = lambda content, buffers: json.dumps(content, ensure_ascii=False).encode("utf-8")
    with suppress(traitlets.TraitError):  # another type; ipywidgets logs that
        window.set_state({name: value})
    state = window.get_state([name])
    json.dumps(state, ensure_ascii=False).encode("utf-8")
    if name in window._live:
        assert getattr(window, name) == window._live[name].shown(window.lens)
