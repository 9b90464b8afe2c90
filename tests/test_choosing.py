"""What a window offers to compare with, and what comes of a choice."""

import os

import numpy as np
import pytest
from compared import exchanged, lens
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.widgets import Window, choosing
from semlens_widgets.widgets import compare as comparing
from semlens_widgets.widgets.channel import Aborted, Job


def job():
    return Job("1", lambda content, buffers: None)


@pytest.fixture(scope="module")
def plain():
    return lens()


@pytest.fixture(scope="module")
def other():
    return exchanged()


@pytest.fixture
def of_more_images():
    data = sl.images(pictures(30, size=24), transform=to_pixels)
    made = sl.Lens(
        ColourNet(), data, ["rectified", "head"], ColourClip(), k=5, crop=None, templates=("{}",), name="more"
    )
    return made.fit(cached=False, progress=False)


@pytest.fixture
def namespace(monkeypatch):
    """The variables of a notebook's cells."""
    variables = {}
    monkeypatch.setattr(choosing, "_namespace", lambda: variables)
    return variables


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def offered(session):
    return {each["variable"]: each for each in choosing.choices(session)["lenses"]}


def test_lenses_are_offered_as_cells_call_them(plain, other, of_more_images, namespace):
    unfitted = sl.Lens(ColourNet(), sl.images(pictures(4), transform=to_pixels), ["head"], ColourClip(), name="raw")
    namespace |= {
        "lens": plain, "_hidden": other, "trained": other, "same": other, "runs": {"more": of_more_images, 3: plain},
        "many": [unfitted], "text": "other",
    }  # fmt: skip
    found = offered(plain)
    assert list(found) == ["trained", 'runs["more"]', "many[0]"]
    assert found["trained"]["name"] == "exchanged"
    assert found["trained"]["about"] == "6 components in rectified to head"
    assert found["trained"]["refused"] == ""
    assert "differ in images" in found['runs["more"]']["refused"]
    assert found['runs["more"]']["only_data"]
    assert "not fitted" in found["many[0]"]["refused"]


def test_without_ipython_all_lenses_of_the_process_are_offered(plain, other, monkeypatch):
    monkeypatch.setattr(choosing, "_namespace", lambda: None)
    names = [each["name"] for each in choosing.choices(plain)["lenses"]]
    assert "exchanged" in names
    assert names == sorted(names)
    assert all(each["variable"] == "" for each in choosing.choices(plain)["lenses"])


def test_a_choice_compares_and_answers_with_the_line_that_does_the_same(other, namespace):
    mine = lens()
    namespace |= {"lens": mine, "trained": other}
    answer = choosing.compare_with(mine, job(), lens=offered(mine)["trained"]["key"])
    assert answer == {"python": "lens.compare(trained)"}
    assert mine.other == "exchanged"
    said = lens()
    found = eval(answer["python"], {"lens": said, "trained": other})
    assert found.pairs.scores.tolist() == mine.comparison.pairs.scores.tolist()
    assert choosing.choices(mine)["known"] == ["exchanged"]


def test_files_beside_the_notebook_are_offered_newest_first_and_compared(plain, other, namespace, here):
    (here / "runs").mkdir()
    (here / ".hidden").mkdir()
    paths = [other.save(here / "old.semlens"), other.save(here / "runs" / "new.semlens")]
    other.save(here / ".hidden" / "x.semlens")
    for age, path in enumerate(reversed(paths)):
        os.utime(path, (1e9 - age, 1e9 - age))
    files = choosing.choices(plain)["files"]
    assert [file["path"] for file in files] == [os.path.join("runs", "new.semlens"), "old.semlens"]
    assert files[1]["size"] == paths[0].stat().st_size
    mine = lens()
    answer = choosing.compare_with(mine, job(), path="old.semlens")
    assert answer == {"python": 'lens.compare(sl.open("old.semlens"))'}
    assert len(mine.comparison.pairs)
    rows = comparing.concept_table(mine)["rows"]
    assert [row["concept"] for row in rows] == ["red", "green", "blue"], "the file has no CLIP, and needs none here"


@pytest.mark.parametrize(
    ("path", "why"),
    [("nowhere.semlens", "no file 'nowhere.semlens'"), (" ", "which file"), ("text.semlens", "text.semlens cannot be")],
)
def test_what_is_no_file_of_a_lens_is_refused_with_its_name(plain, namespace, here, path, why):
    (here / "text.semlens").write_text("words")
    with pytest.raises(ValueError, match=why):
        choosing.compare_with(plain, job(), path=path)
    with pytest.raises(ValueError, match="no longer in the kernel"):
        choosing.compare_with(plain, job(), lens="beef")


def test_other_images_are_refused_until_asked_for(plain, of_more_images, namespace):
    mine = lens()
    namespace |= {"other": of_more_images}
    key = offered(mine)["other"]["key"]
    answer = choosing.compare_with(mine, job(), lens=key)
    assert answer["only_data"]
    assert "cannot be compared, for they differ in images" in answer["refused"]
    assert "allow=" not in answer["refused"], "a window has a button for that"
    assert mine.comparison is None
    answer = choosing.compare_with(mine, job(), lens=key, different_data=True)
    assert answer == {"python": 'lens.compare(other, allow="data")'}
    assert mine.comparison.different_data


def test_another_clip_cannot_be_overruled(plain, namespace):
    data = sl.images(pictures(60, size=24), transform=to_pixels)
    namespace |= {
        "far": sl.Lens(ColourNet(), data, ["head"], ColourClip(name="other-clip"), k=5, crop=None, name="far").fit(
            cached=False, progress=False
        )
    }
    answer = choosing.compare_with(plain, job(), lens=offered(plain)["far"]["key"], different_data=True)
    assert "CLIP" in answer["refused"]
    assert not answer["only_data"]


def test_models_of_one_name_are_told_apart(other, namespace):
    mine, twins = lens(), [exchanged(), exchanged()]
    namespace |= {"a": twins[0], "b": twins[1]}
    for variable in "aba":
        choosing.compare_with(mine, job(), lens=offered(mine)[variable]["key"])
    assert list(mine.others) == ["exchanged", "exchanged (B)"]
    assert mine.others["exchanged"] is twins[0]
    assert mine.other == "exchanged"


def test_a_comparison_that_was_given_up_changes_nothing(other, namespace):
    mine, given_up = lens(), job()
    namespace |= {"other": other}
    key = offered(mine)["other"]["key"]
    given_up.abort()
    with pytest.raises(Aborted):
        choosing.compare_with(mine, given_up, lens=key)
    assert mine.comparison is None


def test_a_query_of_the_search_does_not_empty_the_lists(plain, other):
    plain.compare(other)
    window = Window(plain)
    whole = comparing.lists(plain, None, None, None)
    plain.query = "red"
    assert all(np.array_equal(part, comparing.lists(plain, None, None, None)[name]) for name, part in whole.items())
    every, red = (plain.figure("compare", **options).to_html() for options in ({}, {"concept": "red"}))
    assert "what carries “red”" in red
    assert "what carries" not in every
    window.close()
    plain.query = ""
