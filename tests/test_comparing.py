"""Comparing through lenses: one call, live state, files, and what a window asks about it."""

import io
import json

import numpy as np
import pytest
from compared import ORDER, blind, exchanged, lens
from PIL import Image
from toy import ColourClip, ColourNet, pictures, to_pixels
from windows import Browser

import semlens_widgets as sl
from semlens_widgets.widgets import Window, overlay
from semlens_widgets.widgets import compare as comparing
from semlens_widgets.widgets.channel import Job
from semlens_widgets.widgets.view import bound

JOB = Job("1", lambda content, buffers: None)


@pytest.fixture
def plain():
    return lens()


@pytest.fixture(scope="module")
def other():
    return exchanged()


def rectified(pairs):
    return {(p.row_a, p.row_b) for p in pairs if p.a.layer == "rectified"}


def test_one_call_compares_and_the_answer_is_live(plain, other):
    seen = []
    plain.observe(lambda change: seen.append(change["new"]), "comparison")
    found = plain.compare(other)
    assert found is plain.comparison
    assert seen == [found]
    assert found.names == ("plain", "exchanged")
    assert plain.other == "exchanged"
    assert plain.others["exchanged"] is other
    assert {(a, ORDER[b]) for a, b in rectified(found.between("rectified", "rectified"))} == {(0, 0), (1, 1), (2, 2)}
    again = plain.compare(other, name="the other one")
    assert plain.comparison is again
    plain.other = "exchanged"
    assert plain.comparison is found
    with pytest.raises(ValueError, match="was not compared with 'nobody'; it was with 'exchanged', 'the other one'"):
        plain.other = "nobody"
    assert plain.comparison is found
    plain.other = None
    assert plain.comparison is None


def test_what_is_no_model_is_not_compared(plain, as_installed):
    with pytest.raises(TypeError, match="cannot compare with a str"):
        plain.compare("other")


def test_a_model_may_come_from_a_file_or_as_a_bare_space(plain, other, tmp_path):
    found = plain.compare(other)
    kept = sl.open(other.save(tmp_path / "other.semlens"), clip=ColourClip())
    assert plain.compare(kept, name="kept").pairs.rows_b.tolist() == found.pairs.rows_b.tolist()
    assert plain.compare(other.space, name="bare").s_ab == found.s_ab
    assert plain.others["bare"].concept_table(["red"]).found.all()
    with pytest.raises(ValueError, match="differ in images or transform"):
        plain.compare(sl.Lens(ColourNet(), sl.images(pictures(50, seed=1), transform=to_pixels), ["rectified"],
                              ColourClip(), k=7, crop=None).fit(cached=False, progress=False))  # fmt: skip
    with pytest.raises(sl.NotFitted):
        plain.compare(sl.Lens(ColourNet(), sl.images(pictures(50), transform=to_pixels), ["rectified"], ColourClip()))


def test_models_of_one_name_are_told_apart(plain):
    found = plain.compare(lens())
    assert found.names == ("plain", "plain (B)")
    assert {(a, b) for a, b in rectified(found.between("rectified", "rectified"))} == {(0, 0), (1, 1), (2, 2)}


def test_concepts_are_the_vocabulary_until_others_are_named_and_stay_in_the_file(plain, tmp_path):
    assert plain.concepts == ["red", "green", "blue"]
    plain.concepts = ["  red ", "blue  red", "", "red", "-yellow"]
    assert plain.concepts == ["red", "blue red", "yellow"]
    assert sl.open(plain.save(tmp_path / "a.semlens"), clip=ColourClip()).concepts == plain.concepts


def test_the_concept_table_says_who_knows_what(plain, other):
    alone = plain.concept_table()
    assert [c[0] for c in alone.columns] == ["plain"]
    plain.compare(other)
    table = plain.concept_table(["green", "coffee"])
    assert table.columns == (("plain", None), ("exchanged", None))
    assert [str(c) for c in table.best[0]] == ["rectified:1", f"rectified:{ORDER.index(1)}"]
    assert table.unknown[1] == ("coffee",)
    assert not table.found[1].any()
    layers = sl.concept_table({"a": plain, "b": other}, ["red"], by_layer=True)
    assert layers.columns[1] == ("a", "head")
    with pytest.raises(ValueError, match="no model to look in"):
        sl.concept_table({}, ["red"])


def test_what_one_model_never_learned_is_only_in_the_other(plain):
    without = blind()
    found = plain.compare(without)
    only, _ = found.only("rectified", "rectified")
    assert [str(plain.components[r]) for r in only] == ["rectified:1"]
    table = plain.concept_table()
    assert table.carriers[1].tolist()[0] > table.carriers[1].tolist()[1]


def test_a_series_tracks_concepts_as_a_search_would_find_them(plain, other):
    models, words = {"first": plain, "second": other}, ["red", "green"]
    tracked, table = sl.compare_many(models, concepts=words).concepts, sl.concept_table(models, words)
    assert np.allclose(tracked.scores, table.scores)
    assert np.array_equal(tracked.carriers, table.carriers)
    assert tracked.scores[0, 0] == pytest.approx(plain.search("red")[0].score)


def test_a_series_of_lenses_tracks_their_words(plain, other):
    series = sl.compare_many({"first": plain, "second": other, "third": other.space})
    assert series.concepts.concepts == ("red", "green", "blue")
    assert series.similarity.shape == (3, 3)
    assert series["second", "third"].s_ab.score == pytest.approx(1)
    assert len(series.steps[1].stays) == len(series["second", "third"].pairs)
    assert [row["model"] for row in series.readability()] == ["first", "second", "third"]
    bare = sl.compare_many({"a": plain.space, "b": other.space})
    assert bare.concepts is None
    with pytest.raises(ValueError, match="only a lens can read them"):
        sl.compare_many({"a": plain.space, "b": other.space}, concepts=["red"])


# what the window asks


def numbers(answer):
    return [answer[name] for name in ("a", "a_scores", "pair_a", "pair_b", "pair_scores", "b", "b_scores")]


def test_a_window_without_a_comparison_says_so(plain):
    assert comparing.overview(plain) == {"others": [], "other": None, "comparison": None}
    with pytest.raises(ValueError, match=r"call lens.compare\(other\)"):
        comparing.lists(plain, None, None, None)


def test_the_overview_is_the_comparison_in_json(plain, other):
    found = plain.compare(other)
    result = json.loads(json.dumps(comparing.overview(plain)))["comparison"]
    assert result["names"] == ["plain", "exchanged"]
    assert result["a_in_b"]["score"] == found.s_ab.score
    assert np.allclose(result["cosines"]["ab"], found.layers_ab)
    assert np.allclose(result["known"]["ba"], found.known_ba)
    assert result["pairs"] + result["a_only"] <= len(found.ab.rows)
    total = 2 * result["pairs"] + result["one_way"] + result["a_only"] + result["b_only"]
    assert total == len(found.ab.rows) + len(found.ba.rows)


def test_the_lists_are_the_pairs_and_the_rest_and_can_be_kept_to_a_cell_a_concept_or_a_word(plain, other):
    found = plain.compare(other)
    a_rows, near_a, rows_a, rows_b, scores, b_rows, near_b = numbers(comparing.lists(plain, None, None, None))
    assert rows_a.tolist() == found.pairs.rows_a.tolist()
    assert rows_b.tolist() == found.pairs.rows_b.tolist()
    assert np.allclose(scores, found.pairs.scores)
    assert a_rows.tolist() == found.a_only_rows.tolist()
    assert len(near_a) == len(a_rows)
    assert len(near_b) == len(b_rows)
    cell = numbers(comparing.lists(plain, ["rectified", "head"], None, None))
    assert cell[2].tolist() == found.between("rectified", "head").rows_a.tolist()
    assert cell[0].tolist() == found.only("rectified", "head")[0].tolist()
    assert np.allclose(
        cell[1], [found.ab.scores[found.ab.rows.tolist().index(r), found.ab.layers.index("head")] for r in cell[0]]
    )
    red = numbers(comparing.lists(plain, ["rectified", "rectified"], "red", None))
    assert red[2].tolist() == [0]
    word = numbers(comparing.lists(plain, ["rectified", "rectified"], None, ["", "FIED:2", ""]))
    assert sorted(zip(word[2].tolist(), word[3].tolist(), strict=True)) == [(0, 2), (2, 0)]
    other.own_labels = {f"rectified:{ORDER.index(1)}": "the green one"}
    try:
        named = numbers(comparing.lists(plain, ["rectified", "rectified"], None, ["", "green one", ""]))
        assert named[2].tolist() == [1]
    finally:
        other.own_labels = {}


def test_the_concept_rows_hold_the_query_too(plain, other):
    plain.compare(other)
    plain.query = "yellow, -blue"
    result = comparing.concept_table(plain)
    assert result["models"] == ["plain", "exchanged"]
    assert [row["concept"] for row in result["rows"]] == ["yellow, -blue", "red", "green", "blue"]
    assert [row["query"] for row in result["rows"]] == [True, False, False, False]
    assert result["rows"][0]["score"][0] == pytest.approx(plain.hits.scores[0])
    assert result["rows"][1]["best"] == ["rectified:0", f"rectified:{ORDER.index(0)}"]
    assert not result["relevance"]
    plain.query = "green"
    assert [row["query"] for row in comparing.concept_table(plain)["rows"]] == [False, True, False]
    json.dumps(result)


def test_relevance_is_compared_once_both_models_were_asked_for_it(plain):
    """The head of the net reads red from one channel and green and blue from two."""
    without = blind()
    plain.compare(without)
    window = Window(plain)
    plain.relate(method="gradient", target="predicted", progress=False)
    assert not comparing.concept_table(plain)["relevance"]
    before = window.comparison_version
    without.relate(method="gradient", target="predicted", progress=False)
    assert window.comparison_version > before
    result = comparing.concept_table(plain)
    assert result["relevance"]
    table = plain.concept_table()
    shares = plain.relevance_shares
    assert result["rows"][0]["relevance"][0] == pytest.approx(shares[table.carrying[0][0]].sum() / 2)
    green = result["rows"][1]["relevance"]
    assert green[1] < green[0], "what was never learned cannot matter"
    window.close()


def test_a_lens_without_its_clip_still_compares(plain, other, tmp_path):
    kept = sl.open(plain.save(tmp_path / "a.semlens"))
    kept.compare(other)
    assert len(numbers(comparing.lists(kept, None, None, None))[2]) == len(kept.comparison.pairs)
    assert len(comparing.concept_table(kept)["rows"]) == 3, "the words of the vocabulary are in the file"
    kept.concepts = ["yellow"]
    result = comparing.concept_table(kept)
    assert result["rows"] == []
    assert "opened without its CLIP" in result["message"]


def test_both_models_lie_in_one_plane(plain, other):
    plain.compare(other)
    first, second = plain.overlay()
    assert [len(first), len(second)] == [len(plain.components), len(other.components)]
    assert np.isnan(first.positions[~plain.space.alive]).all()
    for row in range(3):  # the same channel, in its place and in another
        assert np.allclose(first.positions[row], second.positions[ORDER.index(row)], atol=1e-5)
    with pytest.raises(ValueError, match="layouts are made by"):
        plain.overlay("tsne")
    with pytest.raises(ValueError, match=r"call lens.compare\(other\)"):
        blind().overlay()


def test_the_map_of_both_answers_in_rows_of_both(plain, other):
    plain.compare(other)
    verbs = {name: bound(verb, plain) for name, verb in overlay.VERBS.items()}
    ask = lambda name, **args: verbs[f"overlay_{name}"](args, (), JOB)  # noqa: E731
    of_a = len(plain.components)
    result = ask("map")
    assert result["colours"] == ["layer"]
    assert result["places"].shape == (of_a + len(other.components), 2)
    named = ask("components", rows=[0, of_a + 2])["components"]
    assert [(c["row"], c["id"]) for c in named] == [(0, "A rectified:0"), (of_a + 2, "B rectified:2")]
    result = ask("sprite", rows=[1, of_a + 2], examples=3, size=16)
    assert result["counts"] == [3, 3]
    picture = Image.open(io.BytesIO(result["image"].data))
    assert picture.size == (48, 32)
    green, red = (np.asarray(picture.crop((0, top, 48, top + 16)), int) for top in (0, 16))
    assert np.abs(green - red).mean() > 1
    assert ask("example", row=of_a + 2, rank=0, size=32)["of"] == 7
    other.own_labels = {"rectified:2": "mine"}
    try:
        result = ask("labels")
        assert result["words"] == ["mine"]
        assert np.flatnonzero(result["numbers"] >= 0).tolist() == [of_a + 2]
        assert result["accepted"][of_a + 2]
    finally:
        other.own_labels = {}
    with pytest.raises(IndexError, match="is in neither model"):
        ask("components", rows=[999])


def test_the_window_answers_about_both_models_and_follows_both_selections(plain, other):
    plain.compare(other)
    window = Window(plain)
    browser = Browser(window._verbs())
    browser.ask("other_components", id="1", model="exchanged", rows=[2])
    assert browser.wait(lambda c: c["id"] == "1")[0]["result"]["components"][0]["id"] == "rectified:2"
    browser.ask("other_sprite", id="2", model="exchanged", rows=[0, 2], examples=3, size=16)
    assert browser.wait(lambda c: c["id"] == "2")[0]["result"]["counts"] == [3, 3]
    browser.ask("other_card", id="3", model="nobody", row=0)
    assert "'nobody' is not compared with here" in browser.wait(lambda c: c["id"] == "3")[0]["error"]["message"]
    other.selection = ["rectified:2"]
    assert window.other_selection == [2]
    window.other_selection = [0, 1]
    assert [str(c) for c in other.selection] == ["rectified:0", "rectified:1"]
    window.other_selection = [999]
    assert window.other_selection == [0, 1], "a row that is not there is taken back"
    before = window.comparison_version
    plain.compare(blind())
    assert window.comparison_version > before
    assert window.other == "blind"
    assert window.other_selection == []
    other.selection = []
    assert window.other_selection == [], "the model of before is no longer followed"
    window.other = "exchanged"
    assert plain.comparison.names[1] == "exchanged"
    window.concepts = ["red", "red", " blue "]
    assert plain.concepts == window.concepts == ["red", "blue"]
    window.close()
    other.selection = ["rectified:1"]
    assert window.other_selection == []
