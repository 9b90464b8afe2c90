"""Where nothing is found: what else may be asked, and which words to begin with."""

import numpy as np
import pytest
from compared import lens
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.session.query import Query
from semlens_widgets.session.ways import Ways, _shorter, start_words, ways_on
from semlens_widgets.widgets import search as window
from semlens_widgets.widgets.wire import encode


@pytest.fixture(scope="module")
def fitted():
    return lens(vocabulary=["red", "green", "blue", "purple circle"])


@pytest.fixture
def searched(fitted):
    def search(query):
        fitted.query = query
        return ways_on(fitted)

    yield search
    fitted.template = None
    fitted.query = ""


def test_a_word_that_the_clip_does_not_know_is_left_out(searched):
    assert searched("red circle").shorter == (("red", "circle"),)
    assert searched("red, circle").shorter[0] == ("red", "circle")
    assert searched("red, -circle").shorter[0] == ("red", "circle")
    assert searched("circle").shorter == ()


def test_what_is_found_needs_no_way_on(searched):
    assert searched("red") == Ways()
    assert searched("") == Ways()


def test_words_near_by_spelling_are_offered_and_all_that_is_offered_is_found(searched, fitted):
    assert searched("gren").spelling == ("green",)
    assert searched("red and bleu").shorter[0] == ("red", "and, bleu")
    assert "blue" in searched("bleu").spelling
    for query in ("red circle", "bleu", "green or red"):
        for text, _ in searched(query).shorter:
            assert fitted.answer(text).state != "not found"


def test_of_several_terms_each_is_left_out_once():
    query = Query.parse("a b, c, -d")
    assert dict(_shorter(query, ())) == {"c, -d": "a b", "a b, -d": "c", "a b, c": "d"}
    assert "-d" not in dict(_shorter(Query.parse("c, -d"), ())), "nothing would be looked for"
    assert dict(_shorter(Query.parse("big red dot"), ())) == {
        "red dot": "big", "big dot": "red", "big red": "dot",
        "big": "red dot", "red": "big dot", "dot": "big red",
    }  # fmt: skip


def test_the_closest_images_are_those_of_the_data_nearest_to_the_query(searched, fitted):
    fitted.query = "white"
    ways = ways_on(fitted)
    assert fitted.hits.state == "not found"
    images = [int(fitted.space.crop_images[crop]) for crop, _ in ways.crops]
    assert images == [image for image, _ in fitted.hits.images(len(images))]
    assert len(set(images)) == len(images)
    told = window.ways(fitted)
    assert encode(told)[1], "the images themselves"
    assert [each["name"] for each in told["images"]] == [fitted.space.image_name(image) for image in images]


def test_words_to_begin_with_are_found_and_classes_come_first():
    data = sl.images(
        pictures(60, size=24), transform=to_pixels, labels=[0] * 30 + [1] * 30, classes=["green", "n01440764"]
    )
    made = sl.Lens(ColourNet(), data, ["colour"], ColourClip(), k=5, crop=None, templates=("{}",),
                   vocabulary=["circle", "red", "white"]).fit(cached=False, progress=False)  # fmt: skip
    words = start_words(made)
    assert words[0] == "green"
    assert "n01440764" not in words
    assert "circle" not in words
    assert all(made.answer(word).state != "not found" for word in words)


def test_a_clip_that_is_not_loaded_is_not_loaded_for_words_to_begin_with(fitted):
    class Lazy(ColourClip):
        is_loaded = False

        def texts(self, texts):
            raise AssertionError("loaded")

    made = lens(vocabulary=["red", "green"])
    made.probe_cache.clip_or_none = Lazy()
    assert start_words(made) == ("red", "green")


def test_a_sentence_is_of_the_query_alone(fitted, searched):
    fitted.query = "red"
    before = fitted.hits.vector
    fitted.template = "{} and green"
    assert not np.allclose(fitted.hits.vector, before)
    assert np.allclose(fitted.hits.vector, fitted.search("red", templates="{} and green").vector)
    assert np.allclose(fitted.probes(["red"]).vectors[0], before), "labels and audits keep the lens's own"
    with pytest.raises(ValueError, match="a template has one"):
        fitted.template = "no place"
    assert fitted.template == "{} and green"
    fitted.template = None
    assert np.allclose(fitted.hits.vector, before)


def test_hits_can_be_sliced(fitted):
    found = fitted.search("red", top=None)
    assert found[:2] == [found[0], found[1]]
    assert found[-1:] == [found[len(found) - 1]]
    assert found[5:5] == []
