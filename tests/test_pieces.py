"""Buffers that travel in pieces or as text arrive as they were, and nothing larger than 1 MB is sent."""

import json
from base64 import b64encode

import numpy as np
import pytest
from windows import Browser

from semlens_widgets.widgets.pieces import MOST, Received, messages

SIZES = [[], [0], [5], [MOST], [MOST - 1, 2], [3 * MOST + 1], [0, MOST, 0, 7, 2 * MOST]]


def made(sizes):
    random = np.random.default_rng(3)
    return [random.integers(0, 256, size, np.uint8).tobytes() for size in sizes]


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_what_is_cut_up_is_put_together_as_it_was(sizes, plain):
    buffers, received = made(sizes), Received()
    *parts, (last, carried) = messages({"kind": "request", "id": "a"}, buffers, plain)
    for content, piece in [*parts, (last, carried)]:
        assert len(json.dumps(content)) + sum(map(len, piece)) < 1_000_000
        assert not (plain and piece)
    for content, piece in parts:
        assert content["kind"] == "part"
        received.part(content, piece)
    assert received.buffers(last, carried) == buffers


@pytest.mark.parametrize("plain", [False, True])
def test_a_large_answer_comes_in_pieces_and_a_plain_request_gets_text(plain):
    numbers = np.arange(MOST, dtype=np.float32)
    browser = Browser({"all": lambda args, buffers, job: {"numbers": numbers}})
    browser.channel.receive({"kind": "request", "id": "1", "verb": "all", "args": {}, "plain": plain})
    browser.wait(lambda content: content["kind"] == "reply")
    received = Received()
    for content, buffers in browser.got:
        assert len(json.dumps(content)) + sum(map(len, buffers)) < 1_000_000
        if content["kind"] == "part":
            received.part(content, buffers)
        else:
            assert received.buffers(content, buffers) == [numbers.tobytes()]


def test_what_a_browser_sends_in_pieces_or_as_text_reaches_the_verb():
    browser = Browser({"take": lambda args, buffers, job: {"sizes": [len(buffer) for buffer in buffers]}})
    request = {"kind": "request", "id": "1", "verb": "take"}
    for content, buffers in messages(request, made([MOST, 9]), plain=True):
        browser.channel.receive(content, buffers)
    content, _ = browser.wait(lambda content: content["kind"] == "reply")
    assert content["result"] == {"sizes": [MOST, 9]}


@pytest.mark.parametrize("request_", [
    {"sizes": [9]}, {"sizes": "9"}, {"sizes": [-1]}, {"texts": ["no base64!"]}, {"texts": 3},
], ids=str)  # fmt: skip
def test_senseless_pieces_are_answered_as_errors(request_):
    browser = Browser({"take": lambda args, buffers, job: {}})
    browser.channel.receive({"kind": "request", "id": "1", "verb": "take"} | request_)
    content, _ = browser.wait(lambda content: content["kind"] == "error")
    assert content["id"] == "1"


def test_pieces_that_nobody_asked_for_take_no_room_for_ever():
    received = Received()
    piece = {"kind": "part", "id": "x", "texts": [b64encode(bytes(MOST)).decode()]}
    for _ in range(64 * 2**20 // MOST):
        received.part(piece, [])
    with pytest.raises(ValueError, match="more than 64 MiB came in pieces"):
        received.part(piece, [])
    assert received.buffers({"id": "x", "sizes": []}, []) == []
