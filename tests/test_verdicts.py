import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semlens_widgets.components import Component
from semlens_widgets.verdicts import DECISIONS, Verdict, Verdicts, subject_of

T = [f"2026-01-0{day}T10:00:00Z" for day in range(1, 8)]
HOSTILE = ("<script>alert(1)</script>", "\u202eabc", "🩺" * 30, "x" * 10_000, 'a "quoted" \\ note\nof two lines')


def two_people():
    ada = (
        Verdicts()
        .judging("layer4:64", "spurious", note="a sticker", who="Ada", when=T[0])
        .judging("layer4:7", "valid", who="Ada", when=T[1])
        .judging("@ruler", "unsure", who="Ada", when=T[2])
    )
    ben = (
        Verdicts()
        .judging("layer4:64", "spurious", who="Ben", when=T[1])
        .judging("layer4:7", "spurious", label="ruler", who="Ben", when=T[3])
    )
    return ada, ben


def test_the_last_word_counts_and_nothing_said_before_is_lost():
    verdicts = Verdicts().judging("layer4:64", "valid", when=T[0]).judging("layer4:64", "spurious", when=T[1])
    assert verdicts["layer4:64"].decision == "spurious"
    assert len(verdicts) == 1
    assert len(verdicts.entries) == 2


def test_what_is_not_said_again_stays():
    verdicts = Verdicts().judging("a:1", "spurious", note="why", when=T[0]).judging("a:1", label="ruler", when=T[1])
    assert verdicts["a:1"] == Verdict("a:1", "spurious", "ruler", "why", "", T[1])
    assert verdicts.judging("a:1", label="", when=T[2])["a:1"].label is None


def test_a_verdict_can_be_taken_back():
    verdicts = Verdicts().judging("a:1", "spurious", when=T[0])
    assert "a:1" not in verdicts.withdrawing("a:1", when=T[1])
    with pytest.raises(KeyError, match="no verdict"):
        verdicts.withdrawing("a:2")


def test_two_people_merge_without_loss_in_any_order_and_conflicts_are_listed():
    ada, ben = two_people()
    both = ada.merge(ben)
    assert both == ben.merge(ada) == both.merge(ada) == both.merge(both)
    assert set(both.entries) == set(ada.entries) | set(ben.entries)
    (conflict,) = both.conflicts
    assert conflict.subject == "layer4:7"
    assert [v.who for v in conflict.verdicts] == ["Ada", "Ben"]
    assert both["layer4:7"].who == "Ben"
    assert both.of("Ada")["layer4:7"].decision == "valid"
    settled = both.judging("layer4:7", "spurious", label="ruler", who="Ada", when=T[5])
    assert settled.conflicts == ()


subjects = st.sampled_from(["layer4:64", "layer4:7", "layer10:2+", "@ruler", "@a b"])
said = st.tuples(
    subjects, st.sampled_from([None, *DECISIONS]), st.sampled_from([None, "x", "y"]), st.sampled_from(["", "n"]),
    st.sampled_from(["Ada", "Ben", ""]), st.sampled_from(T),
)  # fmt: skip


@given(st.lists(said, max_size=8), st.lists(said, max_size=8), st.lists(said, max_size=8))
@settings(max_examples=100, deadline=None)
def test_merging_does_not_depend_on_order_and_survives_the_file(a, b, c):
    a, b, c = (Verdicts(tuple(Verdict(*fields) for fields in part)) for part in (a, b, c))
    assert a.merge(b).merge(c) == c.merge(b.merge(a))
    assert Verdicts.from_json(a.merge(b).to_json(clip="c")) == a.merge(b)


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_people_type_is_kept_and_shown_inert(text):
    verdicts = Verdicts().judging(f"@{text}", "unsure", note=text, who=text, when=T[0])
    again = Verdicts.from_json(verdicts.to_json(about=text))
    assert again == verdicts
    assert next(iter(again.values())).note == text
    assert "<script>" not in again._repr_html_()


def test_the_file_has_a_line_per_verdict_in_the_order_of_components(tmp_path):
    ada, ben = two_people()
    path = ada.merge(ben).judging("layer10:3", "valid", when=T[4]).to_file(tmp_path / "x.json", clip="demo")
    lines = [line for line in path.read_text("utf-8").splitlines() if '"subject"' in line]
    assert [json.loads(line.strip().rstrip(","))["subject"] for line in lines] == [
        "layer4:7", "layer4:7", "layer4:64", "layer4:64", "layer10:3", "@ruler",
    ]  # fmt: skip
    assert json.loads(path.read_text("utf-8"))["clip"] == "demo"
    assert Verdicts.from_file(path).merge(ada) == Verdicts.from_file(path)


def test_a_clock_set_back_does_not_reorder_decisions():
    verdicts = Verdicts().judging("a:1", "valid", when="2999-01-01T00:00:00Z").judging("a:1", "spurious")
    assert verdicts["a:1"].decision == "spurious"


def test_components_and_concepts_are_told_apart():
    verdicts = Verdicts().judging(Component("layer4", 64), "accept").judging("@ruler", "valid")
    assert verdicts.subjects("valid") == ("layer4:64", "@ruler")
    assert verdicts.components("valid") == (Component("layer4", 64),)
    assert verdicts["@ruler"].concept == "ruler"
    assert Component("layer4", 64) in verdicts
    assert "nonsense" not in verdicts
    assert subject_of("@ a   b ") == "@a b"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Verdicts().judging("layer4", "valid"), ValueError, "layer4:1207"),
        (lambda: Verdicts().judging("a:1", "bad"), ValueError, "decisions are 'valid'"),
        (lambda: Verdicts().judging("a:1", label="x" * 201), ValueError, "at most 200"),
        (lambda: Verdicts().judging("@ ", "valid"), ValueError, "names no concept"),
        (lambda: Verdict("a:1", note=3), TypeError, "it is a text"),
        (lambda: Verdicts.from_json("{"), ValueError, "no verdicts"),
        (lambda: Verdicts.from_json("[1]"), ValueError, "list"),
        (lambda: Verdicts.from_json('{"verdicts": [{"subject": "a:1"}, {"x": 1}]}'), ValueError, "verdict 2"),
        (lambda: Verdicts.from_json('{"verdicts": [{"subject": 3}]}'), ValueError, "verdict 1"),
        (lambda: Verdicts.from_json('{"verdicts": [{"subject": "a:1", "when": 3}]}'), ValueError, "verdict 1"),
    ],
)
def test_mistakes_are_named(as_installed, make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_the_table_says_what_counts_and_where_people_disagree():
    ada, ben = two_people()
    rows = ada.merge(ben).to_rows()
    assert [(r["subject"], r["decision"], r["conflict"]) for r in rows] == [
        ("layer4:7", "spurious", True), ("layer4:64", "spurious", False), ("@ruler", "unsure", False),
    ]  # fmt: skip
    assert "1 in conflict" in repr(ada.merge(ben))


def test_equal_entries_are_one():
    verdict = Verdict("a:1", "valid", when=T[0])
    assert Verdicts((verdict, replace(verdict))).entries == (verdict,)
