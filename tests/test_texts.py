"""Chances, names, files and tables: what is written reads back, and nobody takes it for something else."""

import codecs
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from toy import colour_lens

from semlens_widgets import markup, numbers
from semlens_widgets.checklist import Checklist, Concept, Group
from semlens_widgets.compare import compare
from semlens_widgets.inference import as_normal
from semlens_widgets.texts import (
    from_csv,
    natural,
    p_equals,
    p_value,
    read_text,
    sendable,
    to_csv,
    well_formed,
    whole_number,
)
from semlens_widgets.writing import write_text

WRITTEN = {
    0.0: "< .001", 1e-300: "< .001", 0.00099: "< .001", 0.001: ".001", 0.0344: ".034", 0.0949: ".095", 0.0951: ".10",
    0.5: ".50", 0.999: "1.00", 1.0: "1.00",
}  # fmt: skip


@pytest.mark.parametrize(("p", "written"), WRITTEN.items())
def test_a_chance_in_words(p, written):
    assert p_value(p) == written
    assert p_equals(p) == ("p < .001" if written == "< .001" else f"p = {written}")


GOLDEN = json.loads(Path(__file__).with_name("numbers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("function", sorted({case[0] for case in GOLDEN["cases"]}))
def test_numbers_are_written_as_in_the_windows(function):
    """The same file holds `js/shared/format.js`, which writes them in the browser."""
    write = getattr(numbers, GOLDEN["python"].get(function, function))
    for name, values, text in GOLDEN["cases"]:
        if name == function:
            assert write(*(np.nan if value is None else value for value in values)) == text, (name, values)


def test_a_z_has_the_chance_that_the_windows_give_it():
    """The same pairs hold `js/shared/normal.js`, which has no scipy."""
    for z, chance in GOLDEN["normal_tail"]:
        assert ndtr(-z) == pytest.approx(chance, rel=1e-12)


def test_a_skewed_number_has_the_normal_deviate_that_the_windows_give_it():
    for z, skewness, deviate in GOLDEN["as_normal"]:
        assert as_normal(z, skewness) == pytest.approx(deviate, rel=1e-9, abs=1e-9)


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
@settings(max_examples=300, deadline=None)
def test_a_number_is_written_to_its_last_digit_and_nothing_is_a_negative_zero(value, digits):
    text = numbers.fixed(value, digits)
    read = float(text.replace(",", "").replace(numbers.MINUS, "-"))
    assert abs(read - value) <= 0.5 * 10**-digits * (1 + 1e-9)
    assert read != 0 or not text.startswith(numbers.MINUS)
    assert numbers.with_sign(value, digits).lstrip("+") == text


def test_a_small_share_reads_the_same_everywhere():
    """-.0004 was .0 in a window, -.0 in a report and -.04 in a prediction."""
    assert numbers.signed(-0.0004) == "−0.04"
    assert markup.percent(0.0004) == "0.04 %"
    assert ["percent", [-0.0004], "−0.04"] in GOLDEN["cases"]


def test_equal_components_match_with_a_chance_that_is_not_nothing():
    space = colour_lens().fit(cached=False, progress=False).space
    comparison = compare(space, space, names=("one", "same"))
    assert comparison.pairs[0].score == pytest.approx(1)
    assert "p < .001" in str(comparison.pairs[0])
    for text in (repr(comparison), comparison._repr_html_()):
        assert "&lt; .001" in text or "p < .001" in text
        assert not any(nothing in text for nothing in ("p=0", "p = 0", "<td>0</td>"))


def test_a_search_that_beats_chance_beyond_measure_says_less_than():
    answer = colour_lens().fit(cached=False, progress=False).search("red")
    sure = replace(answer, z=np.full(len(answer), 60.0, np.float32))
    assert sure.p[0] == sure.p_best == 0
    assert "p < .001 over all" in sure.message
    assert "p < .001" in str(sure[0])
    assert "<td>&lt; .001</td>" in sure._repr_html_()


# numbers in texts


@given(st.text())
@example("10²")
@example("9" * 5000)
@example("٣")
@settings(deadline=None)
def test_a_whole_number_is_what_ascii_digits_say(text):
    number = whole_number(text)
    assert (number is None) == (not (1 <= len(text) <= 18 and set(text) <= set("0123456789")))
    assert number is None or (number == int(text) and number >= 0)


@given(st.lists(st.text(st.sampled_from("a0129²٣ :@"), max_size=6)))
@settings(deadline=None)
def test_any_texts_have_a_natural_order(texts):
    assert sorted(set(texts), key=natural) == sorted(sorted(set(texts)), key=natural)


@given(st.lists(st.integers(0, 10**30), min_size=2))
@settings(deadline=None)
def test_numbers_are_sorted_by_size(numbers):
    assert sorted((f"layer{n}" for n in numbers), key=natural) == [f"layer{n}" for n in sorted(numbers)]


# halves of characters

ANY = st.text(st.characters(exclude_categories=()))


@given(ANY)
@example("half \ud83d, half \udce9, whole \ud83d\ude00, nothing \0")
@settings(deadline=None)
def test_whatever_is_sent_or_written_is_utf8(text):
    assert well_formed(well_formed(text)) == well_formed(text)
    assert "\0" not in well_formed(text)
    well_formed(text).encode("utf-8")
    json.dumps(sendable({text: [text, {"x": (text, 1, None)}]}), ensure_ascii=False).encode("utf-8")
    if not any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in text):
        assert well_formed(text) == text


@given(ANY)
@settings(max_examples=30, deadline=None)
def test_a_json_file_reads_back_as_it_was_written(tmp_path_factory, text):
    path = write_text(tmp_path_factory.mktemp("texts") / "x.json", json.dumps(text, ensure_ascii=False))
    assert json.loads(path.read_text("utf-8")) == text.encode("utf-16-le", "surrogatepass").decode(
        "utf-16-le", "surrogatepass"
    )


# files that people bring

TABLE = "name,kind\nmüller,spurious\n"


@pytest.mark.parametrize(
    "raw",
    [
        TABLE.encode(), codecs.BOM_UTF8 + TABLE.encode(), TABLE.encode("utf-16"), TABLE.encode("utf-32"),
        codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"), TABLE.replace(",", "\t").encode("utf-16"),
        TABLE.replace(",", ";").replace("\n", "\r\n").encode(),
    ],
)  # fmt: skip
def test_checklists_as_spreadsheets_save_them_are_read(tmp_path, raw):
    path = tmp_path / "list.csv"
    path.write_bytes(raw)
    assert list(Checklist.from_file(path)) == [Concept("müller", kind="spurious")]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (TABLE.encode("latin-1"), r"list\.csv.*UTF-8.*Excel"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), r"list\.csv.*no text"),
        (TABLE.encode("utf-16-le"), r"list\.csv.*"),
        (b"name\0\n", r"list\.csv.*binary"),
        (codecs.BOM_UTF16_LE + b"x", r"list\.csv.*UTF-16"),
        (b"name\n" + b"x" * 200_000 + b"\n", r"list\.csv.*line 2.*field"),
        (b"a" * (65 << 20), r"list\.csv.*65 MiB.*64"),
        (b"name\n\n", None),
        (b"kind\nvalid\n", r"list\.csv.*name is needed"),
        (b"name,kind\nx,bad\n", r"list\.csv.*row 2.*kinds are"),
        (b"name\nx\nx\n", r"list\.csv.*stands twice"),
    ],
)
def test_what_is_no_checklist_is_refused_by_name(as_installed, tmp_path, raw, words):
    path = tmp_path / "list.csv"
    path.write_bytes(raw)
    if words is None:
        assert len(Checklist.from_file(path)) == 0
        return
    with pytest.raises(ValueError, match=words):
        Checklist.from_file(path)


# tables


@pytest.mark.parametrize("sign", list("=+-@＝＋－＠﹦−"))
@pytest.mark.parametrize("before", ["", " ", "\n", "\r\n", "\t", "\u00a0", "\u200b", "\ufeff", "\x01", "'", "\u3000\n"])
def test_no_cell_is_taken_for_a_formula_and_all_read_back(before, sign):
    cell = f"{before}{sign}1+cmd|' /C calc'!A0"
    text = to_csv([{"x": cell, "y": "safe"}])
    assert text.split("\n", 1)[1].lstrip('"').startswith("'")
    assert from_csv(text) == [{"x": cell, "y": "safe"}]


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=4))
@example([("\r", "=1"), ("a\rb", "'=1"), ("", ""), ("'", "''=")])
@settings(max_examples=300, deadline=None)
def test_every_table_reads_back_as_it_was(rows):
    table = [{"one": a, "two": b} for a, b in rows]
    assert from_csv(to_csv(table, ("one", "two"))) == table


@given(CELLS)
@example("\r")
@example("\n=1")
@settings(max_examples=100, deadline=None)
def test_a_checklist_survives_every_kind_of_file(tmp_path_factory, text):
    try:
        listed = Checklist((Group(text, (Concept(f"{text}.", (text, "b"), note=text),)),))
    except ValueError:
        return  # nothing to call it by
    for form in ("json", "csv"):
        path = listed.to_file(tmp_path_factory.mktemp("lists") / f"list.{form}")
        assert Checklist.from_file(path).groups == listed.groups
    assert read_text(path) == listed.to_text("csv")
