"""Figures of what needs the model: the map, a prediction, its circuit, the audit; on the demo world."""

import math
import re

import numpy as np
import pytest

import semlens_widgets as sl
from semlens_widgets import figures, numbers
from semlens_widgets.figures import legible, problems
from semlens_widgets.report.markdown import escaped
from semlens_widgets.widgets import checklist

WIDTHS = (85, 120, 180)
VIEWS = ("map", "prediction", "circuit", "audit", "checklist")


@pytest.fixture(scope="module")
def lens():
    lens = sl.demo.lens(n=150, k=6)
    lens.describe(lens.vocabulary)
    lens.evaluate()
    lens.compute_layout("pca")
    lens.relate(progress=False)
    lens.image = 3
    lens.checklist = sl.Checklist.abcde()
    lens.audit(target="melanoma")
    lens.verdicts["@ruler"] = "spurious"
    return lens


@pytest.mark.parametrize("name", VIEWS)
def test_text_can_be_read_at_every_width_and_bytes_are_the_same(lens, name):
    figure = lens.figure(name)
    for width in (60, *WIDTHS):
        assert problems(figure.at(width)) == [], width
    assert figure.to_bytes("pdf") == lens.figure(name).to_bytes("pdf")
    assert lens.space.recipe.clip in figure.caption()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", VIEWS)
def test_every_theme_draws(lens, name, theme):
    assert lens.figure(name, theme=theme, width_mm=85).to_bytes("png", 40)


def texts(figure):
    return [t.get_text() for t in legible.written(figure.canvas())]


def test_the_map_names_its_groups_and_counts_them(lens):
    said = texts(lens.figure("map"))
    words = [lens.labels.word(int(row)) for row in np.flatnonzero(lens.space.alive)]
    most = max({w for w in words if w}, key=words.count)
    assert most in said
    assert str(words.count(most)) in said
    assert "unexplained" in said
    assert {"layer3", "layer4"} <= set(texts(lens.figure("map", colour="layer")))
    lens.query = "ruler"
    assert any(t.startswith("z of “ruler”") for t in texts(lens.figure("map", colour="search")))


def test_the_map_colours_by_any_score_it_can(lens):
    for colour in ("confidence", "clarity", "redundancy_centred", "relevance"):
        assert problems(lens.figure("map", colour=colour, width_mm=85)) == []


def test_a_prediction_shows_classes_components_and_signed_shares(lens):
    explanation = lens.explanation
    said = texts(lens.figure("prediction"))
    row = explanation.rows(1)[0]
    assert str(explanation.components[row]) in said
    assert explanation.predictions(1)[0][0] in said
    share = 100 * explanation.share[row]
    assert f"{'+' if share > 0 else '−'}{abs(share):.1f}" in said
    one = figures.prediction(explanation, component=row, width_mm=85)
    assert f"Relevance of {explanation.components[row]}" in one.caption()


def test_heat_lies_where_the_relevance_is(lens):
    from semlens_widgets import palette
    from semlens_widgets.figures.heat import overlaid

    picture = lens.explanation.picture
    heat = np.zeros((8, 8))
    heat[1, 1], heat[6, 6] = 2.0, -2.0
    shown = overlaid(picture, (0.0, 0.0, 1.0, 1.0), heat, palette.theme("print"), 80).astype(int)
    green, purple, grey = shown[15, 15], shown[65, 65], shown[15, 65]
    assert green[1] > green[0] + 30
    assert purple[2] > purple[1] + 30
    assert grey.max() - grey.min() <= 1


def test_predictions_and_circuits_call_components_by_a_persons_word(lens):
    row = lens.explanation.circuit().nodes[0].row
    lens.own_labels = {str(lens.components[row]): "hand-held ruler"}
    assert "hand-held ruler ✎" in texts(lens.figure("circuit", width_mm=180))
    shown = lens.explanation.rows(1)[0]
    lens.own_labels = {str(lens.components[shown]): "ruler"}
    assert "ruler ✎" in texts(lens.figure("prediction"))
    lens.own_labels = {}


def test_the_circuit_shows_its_nodes_and_says_what_against_looks_like(lens):
    circuit = lens.explanation.circuit()
    figure = circuit.figure()
    said = texts(figure)
    assert all(str(node.component) in said for node in circuit.nodes)
    assert circuit.target in said
    against = sum(edge.relevance < 0 for edge in circuit.edges)
    dashed = [line for line in figure.canvas().axes[0].lines if line.is_dashed()]
    assert len(dashed) == against + 1  # and the legend's


def test_the_audit_shows_regions_with_counts_and_peoples_verdicts(lens):
    said = texts(lens.report.figure())
    for region in ("valid", "spurious", "ambiguous", "unexpected"):
        assert str(lens.report.counts[region]) in said
    assert "verdict" not in said
    assert "verdict" in texts(lens.figure("audit"))
    assert set(texts(lens.figure("checklist"))) >= {f.name for f in lens.report.findings}
    with pytest.raises(ValueError, match="no part 'pie' of an audit's figure"):
        lens.report.figure(parts=["pie"])


def test_what_needs_the_model_gives_its_rows_too(lens):
    for result in (lens.relevance, lens.verify(), lens.explanation, lens.explanation.circuit(), lens.report):
        assert result.to_csv().count("\n") > 2
        assert "NaN" not in result.to_json()


def test_relevance_shows_the_components_of_each_class_and_its_sign(lens):
    figure = lens.relevance.figure(classes=["melanoma", "nevus"], components=4, layer="layer4")
    said = texts(figure)
    for name in ("melanoma", "nevus"):
        assert name in said
        for component, mean in lens.relevance.top(name, 4, "layer4"):
            assert str(component) in said
            assert f"{'+' if mean > 0 else '−'}{abs(100 * mean):.1f}" in said
    assert "layer4 (128)" in figure.caption()
    assert "layer3" not in figure.caption()
    assert "2 classes" in figure.caption()
    for width in (60, *WIDTHS):
        assert problems(lens.relevance.figure(width_mm=width)) == [], width


def cells(page, row):
    """The cells of the table rows of an HTML page that a name heads, without tags."""
    lines = [part for part in page.split("<tr>") if re.match(rf"<th[^>]*>(<bdi>|<code>)+{re.escape(row)}<", part)]
    found = [re.findall(r"<td.*?</td>", line, re.S) for line in lines]
    return [[re.sub(r"<small.*?</small>|<[^>]+>", "", cell) for cell in line] for line in found]


def test_the_share_of_relevance_is_one_number_in_window_figure_and_report(lens):
    """Of two layers, which an audit counts alike; by the definition, summed over components in plain loops."""
    report = lens.report
    told = checklist.audited(lens)
    rows, sent = told["rows"], told["relevance"]
    document = lens.document()
    page, plain = document.to_html(), document.to_markdown()
    said = texts(lens.figure("audit"))
    assert len(lens.components.layers) == 2
    assert "share of relevance, %" in said
    assert page.count(">Share of relevance, %<") == 3
    assert plain.count("| share of relevance, % |") == 2

    def share(row):
        return math.copysign(report.share[row] / 2, report.relevance[row])

    for row in report.rows("unexpected")[:2].tolist():
        text = numbers.signed(share(row))
        assert sent[rows == row] == pytest.approx([100 * share(row)])
        assert f"{text} %" in said
        name = str(lens.components[row])
        beside_the_scatter, listed = cells(page, name)
        assert (beside_the_scatter[-1], listed[0]) == (text, text)
        assert f"| {escaped(name)} | {text} |" in plain
    signs = set()
    for finding in report.findings:
        if not finding.rows:
            continue
        sign = math.copysign(1, sum(report.relevance[row] for row in finding.rows))
        whole = sign * sum(abs(share(row)) for row in finding.rows)
        text = numbers.signed(whole)
        signs.add(sign)
        assert told["report"]["findings"][finding.name]["relevance"] == pytest.approx(100 * whole)
        assert said[said.index(finding.name) + 1 :].index(text) < 12, "in its row"
        assert cells(page, finding.name)[0][4] == text
        line = next(line for line in plain.splitlines() if f"| {escaped(finding.name)} |" in line)
        assert f"| {text} |" in line
    assert signs == {1, -1}
