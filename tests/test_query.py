"""The grammar of a query: one for cells and windows, which js/shared/query.js repeats where no kernel is."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semlens_widgets.session.query import Query, tidy_words

CASES = json.loads((Path(__file__).parent / "queries.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[repr(case["text"]) for case in CASES])
def test_a_text_has_these_terms_here_and_in_javascript(case):
    query = Query.parse(case["text"])
    assert [{"text": term.text, "negative": term.negative} for term in query.terms] == case["terms"]
    assert str(query) == case["written"]


@given(st.text(st.sampled_from("ab-, \t:é\ud800"), max_size=20))
def test_what_is_written_is_read_as_the_same_query(text):
    query = Query.parse(text)
    assert Query.parse(str(query)) == query
    assert sorted([*query.toward, *query.away]) == sorted(term.text for term in query.terms)


def test_only_what_looks_for_something_is_asked():
    assert Query.asking("hair, -ruler").away == ("ruler",)
    with pytest.raises(ValueError, match="at least one word"):
        Query.asking(" , -")
    with pytest.raises(ValueError, match="only says what not to look for"):
        Query.asking("-hair, -ruler")


def test_words_have_no_sign_and_stand_once():
    assert tidy_words(["ruler, -hair", " hair ", "--veil", ""]) == ["ruler", "hair", "veil"]
    assert tidy_words("a, b") == tidy_words(["a", "b"])
