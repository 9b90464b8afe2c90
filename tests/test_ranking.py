"""Components by their numbers: order and filters, held against the plain way."""

import numpy as np
import pytest
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.widgets import listing


@pytest.fixture(scope="module")
def lens():
    labels = [i % 3 for i in range(60)]
    data = sl.images(pictures(60, size=24), transform=to_pixels, labels=labels, classes=("a", "b", "c"))
    made = sl.Lens(ColourNet(), data, ["colour", sl.Layer("head", signed=True)], ColourClip(), k=7, crop=None,
                   templates=("{}",), vocabulary=["red", "green", "blue"])  # fmt: skip
    return made.fit(cached=False, progress=False)


def test_columns_are_what_the_images_say_one_by_one(lens):
    responses = lens.space.examples.responses
    density, peak, mean = (lens.column(name) for name in ("density", "peak", "mean"))
    for row in range(len(lens.components)):
        edges, counts = lens.space.examples.statistics.histogram(row)
        assert counts.sum() == 60
        assert 0 <= density[row] <= 1
        if lens.space.alive[row]:
            assert peak[row] == responses[row, 0]
            assert edges[0] <= mean[row] <= peak[row]
        else:
            assert np.isnan(peak[row])
    assert "density" in {entry["name"] for entry in listing.listing(lens)["columns"]}


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("by", [None, "density", "peak"])
def test_rank_is_a_plain_filter_and_a_stable_sort(lens, by, descending):
    density, alive = lens.column("density"), lens.space.alive
    of_b = [
        any(lens.space.label(int(i)) == "b" for i in lens.space.examples.images[row, : lens.space.examples.counts[row]])
        for row in range(len(alive))
    ]
    for layer in (None, "colour"):
        for wanted in (None, True, False):
            for low, high in ((None, None), (0.1, None), (None, 0.9)):
                for of_class in (None, "b"):
                    rows = [
                        row for row, component in enumerate(lens.components)
                        if layer in (None, component.layer)
                        and wanted in (None, bool(alive[row]))
                        and (low or 0) <= density[row] <= (1 if high is None else high)
                        and (of_class is None or of_b[row])
                    ]  # fmt: skip
                    if by is not None:
                        values = lens.column(by)
                        rows.sort(key=lambda row: (np.isnan(values[row]), -values[row] if descending else values[row]))
                    found = lens.rank(by, descending=descending, layer=layer, alive=wanted,
                                      density=(low, high), examples_of=of_class)  # fmt: skip
                    assert found == [lens.components[row] for row in rows]


def test_with_a_query_its_hits_are_what_is_filtered(lens):
    lens.query = "red"
    assert lens.rank() == [hit.component for hit in lens.hits]
    lens.query = ""


def test_what_is_not_known_says_what_to_do(lens):
    for name, verb in (("clarity", "evaluate"), ("margin", "describe"), ("relevance", "relate")):
        with pytest.raises(ValueError, match=rf"'{name}' is not known yet; call lens.{verb}\(\)"):
            lens.column(name)
    with pytest.raises(ValueError, match=r"no column 'densty'; components have .* \(did you mean 'density'\?\)"):
        lens.rank("densty")
    with pytest.raises(KeyError, match="the images have no class 'd'"):
        lens.rank(examples_of="d")
