"""The kernel's side of the map: places, labels and numbers as columns, UMAP in the background, traits in step."""

import threading

import numpy as np
import pytest
import torch
from toy import ColourClip, ColourNet, pictures, to_pixels
from windows import lens

import semlens_widgets as sl
from semlens_widgets import widgets
from semlens_widgets.layout import SAMPLE, Layout, Tick
from semlens_widgets.widgets import SemanticMap, Window, labelled, semantic_map
from semlens_widgets.widgets.channel import Aborted, Job


def test_the_map_is_the_lens_s_layout_with_what_colours_can_show():
    made = lens()
    told = semantic_map.places(made)
    assert np.array_equal(told.pop("places"), made.current_layout().positions, equal_nan=True)
    colours = ["layer", "search"]
    assert told == {"method": "pca", "better": False, "sample": None, "whole": None, "colours": colours}, "too few"
    made.describe(["red", "green", "blue"])
    made.evaluate()
    colours = semantic_map.places(made)["colours"]
    assert {"label", "confidence", "clarity_centred", "polysemanticity"} <= set(colours)
    assert "relevance" not in colours


def test_labels_are_sent_as_columns_of_every_row():
    made = lens()
    told = labelled.labels(made)
    assert not told["made"]
    assert told["alive"].tolist() == made.space.alive.tolist()
    labels = made.describe(["red", "green", "blue", "yellow"], k=2)
    told = labelled.labels(made)
    numbers = told["numbers"]
    for row in range(len(made.components)):
        words = tuple(told["words"][n] for n in numbers[row] if n >= 0)
        assert words == labels.closest(row)
    assert told["accepted"].tolist() == labels.accepted.tolist()
    assert np.array_equal(told["margins"], labels.margins, equal_nan=True)


def test_numbers_of_a_colour_are_the_evaluation_s_and_polysemanticity_only_of_clear_components():
    made = lens()
    assert semantic_map.values(made, "clarity") == {"there": False, "about": "", "mark": None, "signed": False}
    found = made.evaluate()
    told = semantic_map.values(made, "clarity_centred")
    assert np.allclose(told["numbers"], found.centred.clarity, equal_nan=True)
    assert told["mark"] == pytest.approx(float(np.nanmean(found.centred.null["clarity"].high)))
    numbers = semantic_map.values(made, "polysemanticity")["numbers"]
    assert np.isnan(numbers[~found.clear]).all()
    assert np.allclose(numbers[found.clear], found.raw.polysemanticity[found.clear])
    labels = made.describe(["red", "green", "blue"])
    told = semantic_map.values(made, "confidence")
    assert np.allclose(told["numbers"], labels.confidence[:, 0], equal_nan=True)
    with pytest.raises(ValueError, match="no colour 'mauve'"):
        semantic_map.values(made, "mauve")


def test_colour_by_relevance_is_the_share_of_the_target_with_its_sign():
    images = pictures(40)
    labels = [i % 2 for i in range(40)]
    data = sl.images(images, transform=to_pixels, labels=labels, classes=("warm", "cold"))
    net = ColourNet()
    net.head.weight.data = torch.tensor([[1.0, 0, -1, 0], [0, 1, 1, 0]])  # blue speaks against "warm"
    made = sl.Lens(net, data, ["colour", "rectified"], ColourClip(), k=5, templates=("{}",))
    made.fit(cached=False, progress=False)
    assert semantic_map.values(made, "relevance") == {"there": False, "about": "", "mark": None, "signed": False}
    found = made.relate(progress=False)
    assert "relevance" in semantic_map.places(made)["colours"]
    assert found.mean[0, 2] < 0 < found.mean[0, 0]
    for target, number in ((None, 0), ("cold", 1), ("warm", 0)):
        made.target = target
        told = semantic_map.values(made, "relevance")
        name = ("warm", "cold")[number]
        numbers = told.pop("numbers")
        assert told == {
            "there": True, "about": f"share of the layer's relevance for {name}", "mark": None, "signed": True,
        }  # fmt: skip
        expected = [
            share if mean > 0 else -share if mean < 0 else 0
            for share, mean in zip(found.share[number], found.mean[number], strict=True)
        ]
        assert numbers.tolist() == np.float32(expected).tolist()
        assert np.any(expected)


@pytest.mark.parametrize("view", [SemanticMap, Window])
def test_maps_and_their_lens_stay_in_step(view):
    made = lens()
    window = view(made)
    assert window.layers[0] == {"name": "colour", "count": 4, "signed": False}
    made.map_colour = "layer"
    assert window.map_colour == "layer"
    window.map_colour = "search"
    assert made.map_colour == "search"
    window.map_colour = "mauve"
    assert window.map_colour == made.map_colour == "search"
    before = (window.layout_version, window.labels_version, window.evaluation_version)
    made.compute_layout("pca")
    made.describe(["red", "green", "blue"])
    made.evaluate()
    assert (window.layout_version, window.labels_version, window.evaluation_version) == tuple(b + 1 for b in before)
    window.own_labels = {"colour:3": "  never  seen "}
    assert made.own_labels == window.own_labels == {"colour:3": "never seen"}
    window.own_labels = {"colour:99": "x"}
    assert window.own_labels == {"colour:3": "never seen"}


def test_every_window_is_at_the_root_of_the_package():
    assert all(getattr(sl, name) is getattr(widgets, name) for name in widgets.__all__)
    assert set(widgets.__all__) <= set(sl.__all__)
    with pytest.raises(AttributeError, match="no attribute 'SemanticMaps'"):
        _ = sl.SemanticMaps


def test_a_layout_asked_for_twice_is_made_once_and_can_be_given_up(monkeypatch):
    made = lens()
    calls, gate = [], threading.Event()

    def slow(space, *, seed, neighbours, sample, on_tick):
        calls.append(seed)
        while not gate.wait(0.01):
            on_tick(Tick(0.0))
        return Layout(np.full((len(space.components), 2), 0.5), "umap", seed, neighbours)

    monkeypatch.setattr("semlens_widgets.session.mapping.umap", slow)
    window = SemanticMap(made)
    verb = window._verbs()["compute_layout"]
    told = []
    job = Job("1", lambda content, buffers: told.append(content))

    def given_up():
        with pytest.raises(Aborted):
            verb({}, [], job)

    first = threading.Thread(target=given_up)
    first.start()
    while not told:
        pass
    job.abort()
    first.join(10)
    assert not first.is_alive()
    assert made.layout is None
    both = [threading.Thread(target=verb, args=({}, [], Job(str(i), lambda c, b: None))) for i in range(2)]
    for thread in both:
        thread.start()
    gate.set()
    for thread in both:
        thread.join(10)
        assert not thread.is_alive()
    assert len(calls) == 2, "once given up, once made"
    assert made.layout.method == "umap"


def test_a_preview_is_told_and_all_are_laid_out_where_that_is_asked(monkeypatch):
    made = lens()
    asked = []

    def drawn(space, *, seed, neighbours, sample, on_tick):
        asked.append(sample)
        on_tick(Tick(3.0, 60.0, "UMAP of these"))
        return Layout(np.full((len(space.components), 2), 0.5), "umap", seed, neighbours, sample and 2)

    monkeypatch.setattr("semlens_widgets.session.mapping.umap", drawn)
    verbs = SemanticMap(made)._verbs()
    told = []
    job = Job("1", lambda content, buffers: told.append(content["what"]))
    verbs["compute_layout"]({}, [], job)
    first = semantic_map.places(made)
    assert (first["sample"], first["better"]) == (2, False)
    assert first["whole"] > 0
    assert [args["whole"] for verb, _, args in semantic_map.VIEW.recorded(made) if verb == "map"] == [None]
    verbs["compute_layout"]({}, [], job)
    assert len(asked) == 1, "a preview stays one until all is asked for"
    for _ in range(2):
        verbs["compute_layout"]({"whole": True}, [], job)
    assert asked == [SAMPLE, None], "and all are laid out once"
    assert [semantic_map.places(made)[name] for name in ("sample", "whole")] == [None, None]
    assert set(told) == {"UMAP of these, about 60 s to go"}
