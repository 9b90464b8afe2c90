"""A series of models, and the concepts in several of them."""

import json

import numpy as np
import pytest
from planted_spaces import CASES, CONCEPTS, DIM, model, rearranged, space_of, strongest, world

import semlens_widgets as sl
from semlens_widgets.compare import compare, compare_many, concepts
from semlens_widgets.evaluate import SCORES, evaluate
from semlens_widgets.search import search


def training():
    """Concepts learned one after another: before its time a channel sees noise. At last two channels swap."""
    cloud, strengths = world()
    random = np.random.default_rng(2)
    noise = random.random(strengths.shape)
    learned = [np.arange(CONCEPTS) < n for n in (5, 20, CONCEPTS)]
    seen = [np.where(known, strengths, noise) for known in learned]
    spaces = {f"epoch {i}": space_of(strongest(each), cloud, activations=each) for i, each in enumerate(seen)}
    order = np.arange(CONCEPTS)
    order[[0, 1]] = 1, 0
    return spaces | {"epoch 3": rearranged(spaces["epoch 2"], order)}


def planted_probes(numbers):
    """Probes for some concepts of the world, as the null-subtracted text of a perfect CLIP."""
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(DIM, CONCEPTS)))[0].T
    return sl.Probes(tuple(f"concept {n}" for n in numbers), directions[list(numbers)].astype(np.float32), "planted")


def test_a_series_counts_births_deaths_and_moves():
    spaces = training()
    series = compare_many(spaces, probes=planted_probes((3, 10, 30)))
    learn, _, swap = series.steps
    component = [sl.Component("layer0", i) for i in range(CONCEPTS)]
    assert set(component[5:20]) <= set(learn.births)
    assert not set(component[:5]) & set(learn.births + learn.deaths)
    assert set(component[5:20]) <= set(learn.deaths)
    assert [(p.row_a, p.row_b) for p in swap.moves] == [(0, 1), (1, 0)]
    assert len(swap.stays) == CONCEPTS - 2
    assert swap.births == swap.deaths == []


def test_a_series_says_when_a_concept_appears_and_in_how_many_components():
    series = compare_many(training(), probes=planted_probes((3, 10, 30)))
    assert [series.concepts.first(f"concept {n}") for n in (3, 10, 30)] == ["epoch 0", "epoch 1", "epoch 2"]
    assert series.concepts.carriers.tolist() == [[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1]]
    assert "'concept 10' first found in epoch 1" in repr(series)


def test_a_series_holds_every_two_models_comparison():
    spaces = training()
    series = compare_many(spaces)
    names = tuple(spaces)
    for i, first in enumerate(names):
        for j, second in enumerate(names):
            if i == j:
                assert series.similarity[i, j] == 1
                continue
            alone = compare(spaces[first], spaces[second], names=(first, second))
            assert series[first, second].names == (first, second)
            assert series.similarity[i, j] == alone.s_ab.score
            assert np.array_equal(series[first, second].pairs.rows_b, alone.pairs.rows_b)
    assert [r["moves"] for r in series.to_rows()][-1] == 2
    assert json.loads(series.to_json())["steps"][-1]["moves"][0][:2] == ["layer0:0", "layer0:1"]
    with pytest.raises(KeyError, match="no model 'epoch 9' in this series; it has epoch 0"):
        series["epoch 9", "epoch 0"]
    with pytest.raises(KeyError, match="not compared with itself"):
        series["epoch 1", "epoch 1"]
    with pytest.raises(ValueError, match="1 space to compare"):
        compare_many({"alone": spaces["epoch 0"]})
    assert "epoch 2 → epoch 3: 0 births, 0 deaths, 2 moves, 39 stay" in repr(series)
    assert series._repr_html_().count("<table>") == 3


def test_a_series_says_how_readable_each_model_is():
    series = compare_many(training())
    rows = series.readability()
    assert [row["model"] for row in rows] == list(series.names)
    for row, space in zip(rows, series.spaces, strict=True):
        whole = evaluate(space).summary()[-1]
        assert [row["clear"], row["living"]] == [whole["clear"], whole["living"]]
        for score in SCORES:
            assert row[score] == whole[f"{score}_centred"]
    assert rows[0]["clear"] < rows[1]["clear"] < rows[2]["clear"]
    assert rows[0]["clarity"].mean < rows[2]["clarity"].mean
    assert json.loads(series.to_json())["readability"][2]["clarity"]["mean"] == rows[2]["clarity"].mean


def test_the_concept_table_repeats_search_for_every_model_and_layer():
    first, second = CASES["not square"]
    probes = planted_probes(range(CONCEPTS))
    table = concepts(probes, {"first": first, "second": second}, by_layer=True)
    assert table.columns == (
        ("first", "layer0"), ("first", "layer1"), ("second", "layer0"), ("second", "layer1"), ("second", "layer2"),
    )  # fmt: skip
    for j, (name, layer) in enumerate(table.columns[:4]):
        answers = search(first if name == "first" else second, probes, layer=layer, top=None)
        assert table.scores[:, j].tolist() == [a.best.score for a in answers]
        assert table.found[:, j].tolist() == [a.found for a in answers]
        assert [c[j] for c in table.best] == [a.best.component for a in answers]
        for i, answer in enumerate(answers):
            passing = answer.carriers
            assert passing[answer.best_rank] == answer.found
            assert table.carriers[i, j] == passing.sum()
            assert table.carrying[i][j].tolist() == answer.rows[passing].tolist()
    assert 0 < table.found[:, 0].sum() < CONCEPTS
    assert np.isnan(table.scores[:, 4]).all()
    assert not table.found[:, 4].any()
    assert json.loads(table.to_json())[4]["score"] is None
    whole = concepts(probes, {"first": first, "second": second})
    assert whole.columns == (("first", None), ("second", None))
    with pytest.raises(KeyError, match="'cat' was not asked"):
        whole.first("cat")
    with pytest.raises(ValueError, match="no space to look in"):
        concepts(probes, {})


def test_the_relevance_of_a_concept_is_what_its_carriers_move():
    first, second = CASES["not square"]
    probes = planted_probes(range(5))
    random = np.random.default_rng(3)
    shares = {"first": random.random(len(first.components)).astype(np.float32)}
    whole = concepts(probes, {"first": first, "second": second})
    by_layer = concepts(probes, {"first": first, "second": second}, by_layer=True)
    measured, split = whole.relevance(shares), by_layer.relevance(shares)
    assert np.isnan(measured[:, 1]).all()
    layers = len(first.components.layers)
    for i in range(5):
        assert measured[i, 0] == pytest.approx(shares["first"][whole.carrying[i][0]].sum() / layers)
        for j in range(layers):
            assert split[i, j] == pytest.approx(shares["first"][by_layer.carrying[i][j]].sum())
    assert measured[:, 0].max() > 0


def test_unknown_words_are_in_no_model():
    space = model()
    probes = planted_probes((3,))
    strange = sl.Probes(probes.names, probes.vectors, "planted", (("xyzzy",),))
    assert concepts(probes, {"m": space}).found.all()
    table = concepts(strange, {"m": space})
    assert not table.found.any()
    assert table.carriers.sum() == 0
    assert table.unknown == (("xyzzy",),)


def test_two_colour_models_with_exchanged_channels():
    """From pictures to pairs: through collecting, embedding and a saved file, red meets red."""
    import torch
    from toy import ColourClip, ColourNet, pictures, to_pixels

    order = [2, 3, 0, 1]
    exchanged = ColourNet()
    exchanged.colour.weight.data = ColourNet().colour.weight.data[torch.tensor(order)]
    spaces = {}
    for name, net in (("plain", ColourNet()), ("exchanged", exchanged)):
        made = sl.Lens(net, sl.images(pictures(200), transform=to_pixels), "rectified", ColourClip(), k=7, crop=None)
        spaces[name] = made.fit(cached=False, progress=False).space
    result = compare(spaces["plain"], spaces["exchanged"], names=tuple(spaces))
    assert {(p.row_a, order[p.row_b]) for p in result.pairs} == {(0, 0), (1, 1), (2, 2)}
    assert len(result.ab.rows) == 3
