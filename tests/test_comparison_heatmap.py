"""The comparison heatmap without a browser: what it draws, what stands behind a cell, and how it lives."""

import json
from dataclasses import replace

import numpy as np
import pytest
from compared import ORDER, blind, exchanged, lens
from toy import ColourClip
from windows import Browser

import semlens_widgets as sl
from semlens_widgets import numbers
from semlens_widgets.figures import problems
from semlens_widgets.widgets import ComparisonHeatmap

MODELS = ("plain", "exchanged", "blind")


@pytest.fixture
def models():
    return {"plain": lens(), "exchanged": exchanged(), "blind": blind()}


def drawn(heatmap):
    return json.loads(json.dumps(heatmap.matrix()))


def behind(heatmap, row, column):
    result = heatmap.behind(row, column)
    return result, [result[name] for name in ("rows_a", "rows_b", "scores")]


def test_concepts_against_models_are_the_concept_table(models):
    heatmap = ComparisonHeatmap(models)
    table = sl.concept_table(models, ["red", "green", "blue"])
    matrix = drawn(heatmap)
    assert matrix["rows"] == ["red", "green", "blue"]
    assert matrix["columns"] == list(MODELS)
    assert np.allclose(matrix["values"], table.scores)
    assert matrix["weak"] == (~table.found).tolist()
    assert matrix["kind"] == "sequential"
    heatmap.measure = "components"
    assert np.allclose(drawn(heatmap)["values"], table.carriers)
    heatmap.by_layer = True
    assert drawn(heatmap)["columns"][:3] == ["plain rectified", "plain head", "exchanged rectified"]


def test_it_lives_with_its_first_lens(models):
    heatmap = ComparisonHeatmap(models, concepts=["blue", "red"])
    first = models["plain"]
    assert first.concepts == ["blue", "red"]
    heatmap.cell = [1, 0]
    before = heatmap.heatmap_version
    heatmap.concepts = ["green", " red ", "green"]
    assert first.concepts == heatmap.concepts == ["green", "red"]
    assert heatmap.heatmap_version > before
    assert heatmap.cell is None, "another picture has other cells"
    first.query = "yellow, -blue"
    matrix = drawn(heatmap)
    assert matrix["rows"] == ["yellow, -blue", "green", "red"]
    assert matrix["marked"] == 0
    first.selection = ["rectified:1"]
    assert heatmap.selection == [1]
    before = heatmap.heatmap_version
    models["blind"].relate(method="gradient", target="predicted", progress=False)
    assert heatmap.heatmap_version > before
    heatmap.close()
    before = heatmap.heatmap_version
    models["blind"].set_trait("relevance", None)
    assert heatmap.heatmap_version == before


def test_differences_are_zero_where_the_model_itself_stands(models):
    heatmap = ComparisonHeatmap(models, against="plain")
    matrix, table = drawn(heatmap), sl.concept_table(models, ["red", "green", "blue"])
    assert matrix["kind"] == "diverging"
    assert matrix["domain"][0] == -matrix["domain"][1]
    values = np.asarray(matrix["values"])
    assert np.allclose(values, table.scores - table.scores[:, :1])
    assert not values[:, 0].any()
    assert values[1, 2] < 0, "what the blind model never learned is weaker there"
    heatmap.by_layer = True
    values = np.asarray(drawn(heatmap)["values"])
    assert not values[:, :2].any()
    with pytest.raises(ValueError, match="no model 'nobody' here"):
        heatmap.against = "nobody"


def test_models_against_models_and_layers_against_layers(models):
    heatmap = ComparisonHeatmap(models, of="models")
    matrix = drawn(heatmap)
    assert np.allclose(matrix["values"], heatmap.series.similarity)
    assert not any(matrix["weak"][i][i] for i in range(3))
    heatmap.of = "layers"
    found = heatmap.series["plain", "exchanged"]
    assert np.allclose(drawn(heatmap)["values"], found.layers_ab)
    result, (rows_a, rows_b, scores) = behind(heatmap, 0, 0)
    pairs = found.between("rectified", "rectified")
    assert (result["a"], result["b"]) == ("plain", "exchanged")
    assert rows_a.tolist() == pairs.rows_a.tolist()
    assert rows_b.tolist() == pairs.rows_b.tolist()
    assert np.allclose(scores, pairs.scores)
    heatmap.of = "models"
    assert behind(heatmap, 2, 1)[1][0].tolist() == heatmap.series["blind", "exchanged"].pairs.rows_a.tolist()
    assert behind(heatmap, 1, 1)[1][0].tolist() == []


def test_behind_a_concept_are_its_carriers_beside_their_nearest(models, monkeypatch):
    heatmap = ComparisonHeatmap(models)
    result, (rows, _, scores) = behind(heatmap, 1, 0)
    assert (result["a"], result["b"]) == ("plain", None)
    table = heatmap.table()
    assert rows.tolist() == table.carrying[1][0].tolist()
    assert scores[0] == pytest.approx(table.scores[1, 0])
    answer = models["plain"].search("green", top=None)
    first, second, third = table.carrying
    carrying = (first, (answer.rows[1:3], *second[1:]), third)
    with monkeypatch.context() as refuted:  # as if the first hit failed on sampled images
        refuted.setattr(heatmap, "table", lambda: replace(table, carrying=carrying))
        _, (rows, _, scores) = behind(heatmap, 1, 0)
    assert rows.tolist() == answer.rows[1:3].tolist()
    assert scores.tolist() == answer.scores[1:3].tolist()
    result, (rows, nearest, scores) = behind(heatmap, 1, 1)
    assert (result["title"], result["a"], result["b"]) == ("green", "exchanged", "plain")
    assert (ORDER.index(1), 1) in zip(rows.tolist(), nearest.tolist(), strict=True)
    near = heatmap.series["exchanged", "plain"].ab
    assert scores.tolist() == [near.of_best("scores")[near.rows.tolist().index(r)] for r in rows]
    heatmap.concepts = ["coffee"]
    result, (rows, *_) = behind(heatmap, 0, 0)
    assert "not found in plain; the closest" in result["hint"]
    assert len(rows) == 3


def test_its_figure_shows_what_the_window_shows(models):
    heatmap = ComparisonHeatmap(models)

    def said():
        return [t.get_text() for t in heatmap.figure().canvas().axes[0].texts]

    table = heatmap.table()
    assert {"red", "green", "blue", *MODELS} <= set(said())
    assert not table.found.all()
    for place in np.ndindex(table.scores.shape):
        text = numbers.score(table.scores[place], 2)
        assert (text if table.found[place] else f"({text})") in said()
    assert "not found" in heatmap.figure().caption()
    for change in ({}, {"by_layer": True}, {"against": "plain"}, {"measure": "z"}, {"of": "models", "order": "cluster"},
                   {"of": "layers"}):  # fmt: skip
        for name, value in change.items():
            setattr(heatmap, name, value)
        for width in (60, 85, 180):
            assert problems(heatmap.figure(width_mm=width)) == [], (change, width)
    assert heatmap.figure(theme="dark").to_bytes("pdf") == heatmap.figure(theme="dark").to_bytes("pdf")
    assert "semlens-static" in heatmap._as_html()


def test_orders(models):
    heatmap = ComparisonHeatmap(models, of="models", order="cluster")
    matrix = drawn(heatmap)
    assert sorted(matrix["row_order"]) == [0, 1, 2]
    assert matrix["row_order"] == matrix["column_order"]
    assert abs(matrix["row_order"].index(0) - matrix["row_order"].index(1)) == 1, "the two that are alike meet"
    heatmap.of, heatmap.order = "concepts", "value"
    best = [max(row) for row in drawn(heatmap)["values"]]
    order = drawn(heatmap)["row_order"]
    assert [best[i] for i in order] == sorted(best, reverse=True)
    heatmap.order = "given"
    assert drawn(heatmap)["row_order"] == [0, 1, 2]


def test_the_browser_s_questions_are_about_any_of_the_models(models):
    heatmap = ComparisonHeatmap(models)
    browser = Browser(heatmap._verbs())
    browser.ask("heatmap", id="1")
    assert browser.wait(lambda c: c["id"] == "1")[0]["result"]["columns"] == list(MODELS)
    browser.ask("other_components", id="2", model="plain", rows=[0])
    assert browser.wait(lambda c: c["id"] == "2")[0]["result"]["components"][0]["id"] == "rectified:0"
    browser.ask("heatmap_select", id="3", model="blind", rows=[2])
    browser.wait(lambda c: c["id"] == "3")
    assert [str(c) for c in models["blind"].selection] == ["rectified:2"]
    data, _ = heatmap._repr_mimebundle_()
    assert "data:image/png" in data["text/html"]
    assert "green" in data["text/plain"]


def test_its_file_is_the_python_figure_of_the_present_state(models):
    heatmap = ComparisonHeatmap(models, against="plain", order="cluster")
    browser = Browser(heatmap._verbs())
    told = {"view": "heatmap", "format": "pdf", "width": 88, "theme": "dark", "options": {}}
    browser.ask("figure", id="1", **told)
    content, (data,) = browser.wait(lambda c: c["id"] == "1")
    assert content["result"]["name"] == "heatmap.pdf"
    assert data == heatmap.figure(width_mm=88, theme="dark").to_bytes("pdf")
    heatmap.order = "given"
    browser.ask("figure", id="2", **told)
    assert browser.wait(lambda c: c["id"] == "2")[1][0] != data
    heatmap.close()


def test_what_cannot_be_compared_is_refused(models):
    with pytest.raises(ValueError, match="1 model to compare"):
        ComparisonHeatmap({"a": models["plain"]})
    with pytest.raises(TypeError, match="no parameter 'colour'"):
        ComparisonHeatmap(models, colour="red")
    strange = lens()
    strange.probe_cache.clip_or_none = ColourClip(name="other colours")
    from dataclasses import replace

    space = strange.space
    strange._space = replace(space, recipe=replace(space.recipe, clip="other colours"))
    with pytest.raises(ValueError, match="differ in CLIP"):
        ComparisonHeatmap({"a": models["plain"], "b": strange})
