"""The card of a hit that its activations tell: pictures over the whole range of what it answers to."""

import io

import numpy as np
import pytest
from PIL import Image
from toy import ColourClip, colour_lens

import semlens_widgets as sl
from semlens_widgets.widgets import component_card, whole_range


@pytest.fixture(scope="module")
def made():
    lens = colour_lens(count=120).fit(cached=False, progress=False)
    lens.query = "red"
    return lens


def test_a_card_says_which_evidence_a_hit_has(made):
    for hit in made.hits:
        told = component_card.card(made, hit.row)
        assert told["by"] == hit.by
        assert told["whole_range"] == (hit.by in ("activations", "both"))
    assert made.hits[0].by == "both", "red's own channel: its examples and all its activations"


def test_pictures_go_from_the_strongest_of_all_sampled_images_to_the_weakest(made):
    row = made.hits[0].row
    told = whole_range.whole_range(made, row, 16)
    assert told["query"] == "red"
    assert told["sampled"] == len(made.space.sample)
    expected = made.hits.whole_range(0, whole_range.COUNT)
    assert [image["response"] for image in told["images"]] == [response for _, response in expected]
    sheet = Image.open(io.BytesIO(told["sheet"].data)).convert("RGB")
    assert sheet.size == (16 * len(expected), 16)
    for x, ((number, _), image) in enumerate(zip(expected, told["images"], strict=True)):
        picture = made.source.images.picture(number)
        own = made.clip.images([picture])[0]
        assert image["likeness"] == pytest.approx(float(own @ made.hits.vector), abs=2e-3)
        shown = np.asarray(sheet.crop((16 * x, 0, 16 * x + 16, 16)), float).mean((0, 1))
        assert np.allclose(shown, np.asarray(picture, float).mean((0, 1)), atol=14)
    likeness = [image["likeness"] for image in told["images"]]
    assert likeness[0] > likeness[-1]


def test_nothing_is_shown_of_what_is_no_hit_or_without_pictures(made, tmp_path):
    opened = sl.open(made.save(tmp_path / "toy.semlens"), clip=ColourClip())
    opened.query = "red"
    told = component_card.card(opened, opened.hits[0].row)
    assert told["by"] == "both"
    assert not told["whole_range"], "the file has no pictures of images that are nobody's example"
    made.query = ""
    try:
        assert component_card.card(made, 0)["by"] is None
        assert whole_range.whole_range(made, 0, 16)["images"] == []
    finally:
        made.query = "red"
