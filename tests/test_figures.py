"""Figures: the same bytes twice, readable at every width, real text in real fonts, and they look as they did."""

import io
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import figures, numbers, palette
from semlens_widgets.compare import compare, compare_many, concepts
from semlens_widgets.figures import Figure, legible, problems
from semlens_widgets.figures.audited import Audited, scatter_figure
from semlens_widgets.figures.panel import _rows as rows_of
from semlens_widgets.figures.sheet import fitted, text_width, wrapped
from semlens_widgets.layout import overlay

REFERENCES = Path(__file__).parent / "figures"
WORDS = ["red", "green", "blue", "yellow", "white"]
WIDTHS = (85, 120, 180)


def toy(seed=0):
    data = sl.images(pictures(60, seed=seed, size=24), transform=to_pixels)
    net = ColourNet()
    lens = sl.Lens(net, data, ["colour", "head"], ColourClip(), k=7, crop=None, templates=("{}",), vocabulary=WORDS)
    return lens.fit(cached=False, progress=False)


@pytest.fixture(scope="module")
def lens():
    return toy()


@pytest.fixture(scope="module")
def results(lens):
    """One result of every kind that has a figure, by the name of its reference."""
    other = toy(seed=1)
    spaces = {"first": lens.space, "second": other.space}
    comparison = compare(lens.space, other.space, names=("first", "second"), allow="data")
    return {
        "found": lens.search("red", top=None),
        "not_found": lens.search("white", top=None),
        "labels": lens.describe(WORDS),
        "scores": lens.evaluate(),
        "comparison": comparison,
        "series": compare_many(spaces, probes=lens.probes(WORDS), allow="data"),
        "concepts": concepts(lens.probes(WORDS), spaces, by_layer=True, allow="data"),
    }


@pytest.fixture(scope="module")
def whole():
    """A lens of which everything is known: names, scores, places, relevance, one prediction, an audit."""
    whole = toy()
    whole.describe(WORDS[:3], level=0.0)
    whole.own_labels = {"head:1": "ice cold"}
    whole.evaluate()
    whole.compute_layout("pca")
    whole.relate(progress=False, cached=False)
    whole.image = 3
    whole.selection = ["colour:0"]
    colours = (sl.Concept("red", note="as in rubies"), sl.Concept("green", kind="neutral"))
    whole.checklist = sl.Checklist((sl.Group("Colours", (*colours, sl.Concept("blue", kind="spurious"))),))
    whole.audit(target="0")
    whole.verdicts["@blue"] = "spurious"
    return whole


@pytest.fixture(scope="module")
def shown(lens, results, whole):
    """Every figure there is, by name."""
    made = {name: result.figure() for name, result in results.items()}
    for name in ("map", "prediction", "circuit", "audit", "checklist"):
        made[name] = whole.figure(name)
    made["map_relevance"] = whole.figure("map", colour="relevance")
    made["card_with_classes"] = whole.figure("card")
    made["relevance"] = whole.relevance.figure()
    made["counterfactual"] = whole.counterfactual(sl.artefacts.Patch(colour="blue"), n=20, progress=False).figure()
    cameras = {"camera": ["old", "new", "new"] * 20}
    made["performance"] = whole.performance(labels=np.arange(60) % 2, metadata=cameras, progress=False).figure()
    made["own_words"] = figures.own_table(lens.space, {"colour:0": "ruby", "head:1": "ice cold"})
    spaces = {"first": results["comparison"].a, "second": results["comparison"].b}
    found = results["comparison"]
    layouts = overlay(found.a, found.b)
    made["overlay"] = figures.overlay_map(found, layouts, selection=["colour:0"], other_selection=["head:1"])
    made["matrix"] = figures.matrix(_DRAWN, spaces)
    made["layers"] = results["comparison"].figure(view="layers")
    made["card"] = figures.card(lens.space, "colour:0", labels=results["labels"])
    made["gallery"] = figures.gallery(lens.space, labels=results["labels"])
    made["panel"] = figures.panel([[made["found"], made["layers"]], [made["scores"]]], labels="abc")
    return made


_DRAWN = {
    "rows": ["red", "green", "blue"], "columns": ["first", "second"], "corner": "Concept",
    "values": [[0.0, 0.12], [None, -0.3], [0.0, 0.004]], "weak": [[False, True], [False, False], [False, False]],
    "kind": "diverging", "domain": [-0.3, 0.3], "words": ["weaker", "stronger"], "weak_word": "not found",
    "note": "Cosine of the best component with the concept, minus that of first.", "axes": ["", "cosine, minus first"],
    "row_order": [2, 0, 1], "column_order": [0, 1], "digits": 2,
}  # fmt: skip

KINDS = {
    "found": "hits", "not_found": "hits", "labels": "label_table", "scores": "score_distributions",
    "comparison": "comparison", "series": "series", "concepts": "concept_table", "layers": "comparison",
    "card": "card", "gallery": "gallery", "panel": "panel", "map": "semantic_map", "map_relevance": "semantic_map",
    "prediction": "prediction", "circuit": "circuit", "audit": "audit", "checklist": "checklist_table",
    "card_with_classes": "card", "relevance": "relevance", "own_words": "own_table", "matrix": "matrix",
    "overlay": "overlay_map", "counterfactual": "counterfactual", "performance": "performance",
}  # fmt: skip
"""Every figure of the tests, with the function that draws it."""

every_figure = pytest.mark.parametrize("name", KINDS)


@pytest.mark.parametrize(("name", "width"), [(n, w) for n in KINDS for w in (60, *WIDTHS) if n != "panel" or w >= 120])
def test_no_text_is_cut_off_or_lies_on_other_text(shown, name, width):
    assert problems(shown[name].at(width)) == []


def test_every_function_that_draws_is_held_against_a_picture():
    drawing = set(figures.__all__) - {"Figure", "figure_of", "problems"}
    assert drawing == set(KINDS.values())
    assert {path.stem for path in REFERENCES.glob("*.png")} == set(KINDS)


@every_figure
def test_every_theme_can_be_drawn_on_its_own_ground(shown, name):
    for theme in ("print", "light", "dark"):
        picture = pixels(shown[name].at(120 if name == "panel" else 85, theme), 40)
        corner = np.asarray(picture)[0, 0]
        assert np.allclose(corner / 255, palette.rgb(palette.theme(theme).bg), atol=0.01)


@every_figure
def test_the_figure_looks_as_it_did(shown, name):
    """Structure, not pixels: 2 mm blocks of a small grey picture differ little from the reference."""
    # Drawn large and made small: an image's place differs by a pixel between releases of matplotlib.
    small = pixels(shown[name].at(120), 160).reduce(4).convert("L")
    path = REFERENCES / f"{name}.png"
    if os.environ.get("FIGURE_REFERENCES"):
        REFERENCES.mkdir(exist_ok=True)
        small.save(path, optimize=True)
    reference = Image.open(path)
    assert abs(small.width - reference.width) <= 1
    assert abs(small.height - reference.height) <= 3
    blocks = (reference.width // 3, reference.height // 3)
    one, other = (np.asarray(p.resize(blocks, Image.Resampling.BOX), float) for p in (small, reference))
    assert np.abs(one - other).mean() < 4
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95


def pixels(figure, dpi):
    return Image.open(io.BytesIO(figure.to_bytes("png", dpi))).convert("RGB")


@every_figure
def test_the_same_state_gives_the_same_bytes_without_type_3(shown, name):
    figure = shown[name].at(120 if name == "panel" else 85)
    pdf = figure.to_bytes("pdf")
    assert pdf == figure.to_bytes("pdf")
    assert b"/Type3" not in pdf
    assert b"/FontFile2" in pdf


def test_no_text_of_an_svg_begins_or_ends_with_spaces_which_browsers_drop(shown):
    for name, figure in shown.items():
        for text in re.findall(r"<text[^>]*>([^<]*)</text>", figure.to_bytes("svg").decode()):
            assert text == text.strip(), (name, text)


@pytest.mark.parametrize("name", ["found", "map"])
@pytest.mark.parametrize("format", ["svg", "png"])
def test_svg_and_png_have_the_same_bytes_too(shown, name, format):
    assert shown[name].to_bytes(format, 60) == shown[name].to_bytes(format, 60)


def test_another_process_gives_the_same_bytes(shown, tmp_path):
    script = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import matplotlib; matplotlib.rcParams["font.size"] = 31
import test_figures as t
found = t.toy().search("red", top=None).figure()
for format in ("pdf", "svg", "png"):
    open({str(tmp_path)!r} + "/x." + format, "wb").write(found.to_bytes(format, 60))
"""
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ | {"SOURCE_DATE_EPOCH": "1"})
    for format in ("pdf", "svg", "png"):
        assert (tmp_path / f"x.{format}").read_bytes() == shown["found"].to_bytes(format, 60)


def test_pdf_text_is_text_in_embedded_truetype(shown):
    data = shown["found"].to_bytes("pdf")
    assert b"/Type3" not in data
    assert data.count(b"/FontFile2") >= 2  # regular and bold, at least
    assert b"/CIDFontType2" in data
    assert b"CreationDate" not in data
    streams = [zlib.decompress(s) for s in re.findall(rb"/FlateDecode.*?stream\n(.*?)\nendstream", data, re.S)
               if s[:1] == b"\x78"]  # fmt: skip
    assert any(b"Tj" in s or b"TJ" in s for s in streams), "text is drawn as text"


def test_svg_text_is_text_with_its_letters_inside(shown):
    svg = shown["not_found"].to_bytes("svg").decode()
    assert "“white”</text>" in svg
    assert "@font-face{font-family:'DejaVu Sans';font-weight:normal;src:url(data:font/ttf;base64," in svg
    assert "http" not in re.sub(r'"http://(www\.w3\.org|purl\.org|creativecommons\.org)[^"]*"', "", svg)


def test_the_caption_travels_in_the_file(shown):
    caption = shown["found"].caption()
    assert Image.open(io.BytesIO(shown["found"].to_bytes("png", 40))).text["Description"] == caption
    assert "n = 60 images" in caption
    assert "k = 7 examples" in caption
    assert "CLIP colours" in caption


def test_a_caption_says_what_the_figure_was_made_from(lens, shown, tmp_path):
    recipe = lens.space.recipe
    assert f"model {recipe.weights[:8]}, data {recipe.images[:8]}." in shown["gallery"].caption()
    assert "Crops from the original images." in shown["gallery"].caption()
    lens.save(tmp_path / "x.semlens")
    opened = sl.open(tmp_path / "x.semlens", clip=ColourClip())
    assert "Crops from the file's thumbnails." in opened.search("red").figure().caption()
    again = opened.search("red").figure(pictures=lens.source.images)
    assert "Crops from the original images." in again.caption()
    with pytest.raises(ValueError, match="the space was made from"):
        opened.search("red").figure(pictures=sl.images(pictures(60, seed=9), transform=to_pixels))


def test_crops_have_the_pixels_of_the_original_and_no_more_than_print_needs():
    class Large(ColourNet):
        pass

    many = sl.images(pictures(30, size=400), transform=to_pixels)
    lens = sl.Lens(Large(), many, ["colour"], ColourClip(), k=4, crop=None, templates=("{}",)).fit(
        cached=False, progress=False, thumbnail=32
    )
    from semlens_widgets.figures.crops import Crops

    original = Crops.of(lens.space).picture(0, 0, 12.0)
    assert original.shape[0] == round(12 / 25.4 * 300)
    small = Crops.of(lens.space.with_originals(None)).picture(0, 0, 12.0)
    assert small.shape[0] == 32  # a thumbnail is not blown up


def test_the_users_matplotlib_is_left_alone(lens):
    mpl.rcParams["font.size"] = 33
    mpl.rcParams["text.usetex"] = True
    mpl.rcParams["savefig.bbox"] = "tight"
    before = dict(mpl.rcParams)
    try:
        figure = lens.search("green").figure(width_mm=85)
        assert pixels(figure, 254).width == 850
        assert dict(mpl.rcParams) == before
    finally:
        mpl.rcdefaults()


def test_pyplot_is_never_imported():
    script = (
        "import sys, semlens_widgets.figures as f; f.Figure(lambda s: s.text(1, 1, 'x') or 9, '').to_bytes('pdf');"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_long_names_and_formulas_and_markup_stay_harmless(lens):
    labels = lens.describe([f"red {'and red ' * 30}", f"green {'$x^2$ <b>&amp; co</b> ' * 3}", "blue", "yellow"])
    for width in WIDTHS:
        figure = figures.gallery(lens.space, labels=labels).at(width)
        assert problems(figure) == []
        assert problems(labels.figure(width_mm=width)) == []
    figure.to_bytes("svg")
    figure.to_bytes("pdf")


def test_letters_that_no_font_has_are_told_and_others_are_borrowed(lens):
    from matplotlib.font_manager import fontManager, get_font

    from semlens_widgets.figures import fonts

    nowhere = "\U000f1234"  # for private use
    named = figures.card(lens.space, "colour:0", own_labels={"colour:0": f"red {nowhere}"})
    assert f"Letters that no font here has stand as boxes: {nowhere}." in named.caption()
    assert named.caption() in named.to_bytes("svg").decode()
    assert "boxes" not in figures.card(lens.space, "colour:0", own_labels={"colour:0": "größer ≥ Ωμέγα"}).caption()
    stix = get_font(next(e.fname for e in fontManager.ttflist if e.name == "STIXGeneral" and e.style == "normal"))
    rare = next(chr(c) for c in sorted(stix.get_charmap()) if c > 0x2500 and fonts.lacking(chr(c)))
    mixed = f"größer {rare} ёж {nowhere}"
    borrowed = figures.card(lens.space, "colour:0", own_labels={"colour:0": mixed})
    others, missing = fonts.borrowed(mixed, bold=True)  # as the label is set
    ((family, path),) = others.items()
    assert rare in {chr(c) for c in fonts.letters_of(path)}
    assert missing == nowhere
    assert f"Some letters are set in {family}." in borrowed.caption()
    assert f"Letters that no font here has stand as boxes: {nowhere}." in borrowed.caption()
    assert f"{mixed} ✎" in written(borrowed)
    assert problems(borrowed) == []
    pdf = borrowed.to_bytes("pdf")
    assert pdf == borrowed.to_bytes("pdf")
    assert b"/Type3" not in pdf
    for name in (b"DejaVuSans-Bold", get_font(path).postscript_name.encode()):
        assert re.search(rb"/BaseFont /[A-Z+]*" + name, pdf), "letter by letter: each in a font that has it"
    svg = borrowed.to_bytes("svg").decode()
    assert f"@font-face{{font-family:'{family}';font-weight:bold" in svg
    assert f"{mixed} ✎</text>" in svg


def test_a_word_the_clip_does_not_know_is_told(lens):
    answer = lens.search("coffee")
    figure = answer.figure()
    assert problems(figure) == []
    assert "unknown to this CLIP: coffee" in figure.to_bytes("svg").decode()


def test_a_share_has_its_sign_and_is_not_rounded_to_nothing():
    """As in the windows: js/shared/heat.test.js."""
    assert [numbers.signed(x) for x in (0.221, -0.089, 0.00004, -0.00004)] == ["+22.1", "−8.9", "0.0", "0.0"]
    assert [numbers.signed(x) for x in (0.0004, -0.0004, 0.00094, 0.00096)] == ["+0.04", "−0.04", "+0.09", "+0.1"]
    assert numbers.signed(float("nan")) == "–"


def test_the_checker_finds_what_it_is_for():
    def collide(sheet):
        sheet.text(2, 2, "one on the other")
        sheet.text(4, 2.5, "another")
        return 9

    def beyond(sheet):
        sheet.text(sheet.width - 3, 2, "out of the sheet")
        return 9

    def tiny(sheet):
        sheet.text(2, 2, "small print", 4)
        return 9

    assert problems(Figure(collide, "")) == ["'one on the other' lies on 'another'"]
    assert problems(Figure(beyond, "")) == ["'out of the sheet' is cut off"]
    assert problems(Figure(tiny, "")) == ["'small print' is 4 pt, less than 6"]


def test_text_is_measured_as_it_is_drawn():
    def draw(sheet):
        sheet.text(10, 5, "Measured width 123")
        return 12

    canvas = Figure(draw, "").canvas()
    canvas.set_dpi(600)
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    (text,) = canvas.axes[0].texts
    drawn = text.get_window_extent(FigureCanvasAgg(canvas).get_renderer()).width / 600 * 25.4
    assert drawn == pytest.approx(text_width("Measured width 123"), rel=0.03)


def test_text_gives_way_to_an_ellipsis_or_to_lines():
    assert fitted("component", 100) == "component"
    short = fitted("a very long component", 12)
    assert short.endswith("…")
    assert text_width(short) <= 12
    assert fitted("wide", 0.1) == ""
    lines = wrapped("some words in a row that is too long", 15)
    assert " ".join(lines) == "some words in a row that is too long"
    assert all(text_width(line) <= 15 for line in lines)


def test_a_panel_lays_its_parts_out_anew(shown):
    part = shown["concepts"]
    panel = figures.panel([[part, part]], labels="ab", widths=[[1, 2]])
    sizes = {t.get_fontsize() for t in panel.canvas().axes[0].texts}
    assert sizes <= {6.0, 7.0, 8.0, 9.0}
    assert panel.caption().startswith("(a) ")
    assert "(b) " in panel.caption()
    assert problems(panel) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda f: f.save("x.jpg"), "end it in .pdf, .svg or .png"),
        (lambda f: f.at(10), "figures are 60 to 600 mm wide"),
        (lambda f: f.to_bytes("eps"), "no format 'eps'"),
        (lambda f: figures.panel([[f, f], [f]], labels="ab"), "2 labels for 3 figures"),
        (lambda f: figures.panel([]), "list of rows"),
        (lambda f: f.save("nowhere at all/x.pdf"), "no folder 'nowhere at all'"),
        (lambda f: f.save("x"), "ends in nothing"),
        (lambda f: f.to_bytes("png", 0), "a PNG has 10 to 2400 dots per inch"),
        (lambda f: f.to_bytes("png", 100_000), "a PNG has 10 to 2400 dots per inch"),
        (lambda f: f.at(float("nan")), "figures are 60 to 600 mm wide"),
        (lambda f: f.at(85, "Dark"), "no theme 'Dark'.*did you mean 'dark'"),
        (lambda f: rows_of([f, f]), r"one row is \[\[a, b\]\]"),
        (lambda f: rows_of([[f, "a"]]), "made of figures, not of a str"),
        (lambda f: figures.panel([[f] * 6], width_mm=180), "would be 26 mm wide"),
        (lambda f: figures.panel([[f, f]], widths=[[1]]), "one positive share per figure"),
    ],
)
def test_mistakes_are_named(shown, wrong, message):
    with pytest.raises((ValueError, TypeError, KeyError, OSError), match=message):
        wrong(shown["found"])


def test_a_notebook_shows_it_as_large_as_on_paper(shown):
    data, about = shown["found"].at(85)._repr_png_()
    assert about["width"] == round(85 / 25.4 * 96)
    assert Image.open(io.BytesIO(data)).width == pytest.approx(2 * about["width"], abs=2)
    assert shown["found"].caption()[:20] in repr(shown["found"])


def test_every_result_gives_its_rows(results):
    import csv
    import json

    for name, result in results.items():
        rows = list(csv.DictReader(io.StringIO(result.to_csv())))
        assert len(rows) == len(result.to_rows()) > 0, name
        assert "NaN" not in result.to_json()
        assert json.loads(result.to_json())


def test_a_lens_shows_what_its_views_show(results):
    lens = toy()
    assert lens.figure("search").caption().startswith("6 components with their strongest examples")
    lens.query = "red"
    assert lens.figure("search").caption() == lens.hits.figure().caption()
    lens.query, lens.layer, lens.selection = "", "head", ["head:1"]
    assert lens.figure("gallery").caption().startswith("1 component ")
    assert lens.figure("card", width_mm=85).caption().startswith("Component head:1")
    lens.describe(WORDS)
    assert "Labels:" in lens.figure("describe").caption()
    lens.evaluate()
    assert "clarity" in lens.figure("evaluate").caption()


def written(figure):
    return [t.get_text() for t in legible.written(figure.canvas())]


def test_a_persons_own_word_wins_in_every_view_and_is_marked():
    lens = toy()
    lens.own_labels = {"colour:0": "ruby", "head:1": "ice cold"}
    lens.compute_layout("pca")
    own = {"ruby ✎", "ice cold ✎"}
    assert own <= set(written(lens.figure("describe"))), "without computed labels too"
    assert own <= set(written(lens.figure("map")))
    assert "without a label" in lens.figure("map").caption()
    lens.describe(["red", "green", "blue"], level=0.0)
    lens.selection = ["colour:0"]
    other = next(row for row in range(1, 5) if lens.labels.word(row) not in (None, lens.labels.word(0)))
    word = lens.labels.word(other)
    for view in ("describe", "map", "gallery", "card"):
        figure = lens.figure(view, **({"components": [0, other, 5]} if view == "gallery" else {}))
        said = written(figure)
        assert "ruby ✎" in said, view
        assert word in said, view
        assert "✎: a person's own word." in figure.caption()
        for width in (60, *WIDTHS):
            assert problems(figure.at(width)) == [], (view, width)
    said = written(lens.figure("describe"))
    assert said.index("ruby ✎") < said.index(word), "named ones stand first"
    assert "✎" not in lens.figure("map", colour="layer").caption()
    assert "✎" not in lens.labels.figure().caption()


def test_a_view_without_anything_to_show_says_what_to_do():
    lens = toy()
    with pytest.raises(ValueError, match=r"call lens.describe\(\)"):
        lens.figure("describe")
    with pytest.raises(ValueError, match="no component is selected"):
        lens.figure("card")
    with pytest.raises(KeyError, match="no figure of a view 'nothing'; there are audit, card"):
        lens.figure("nothing")
    with pytest.raises(KeyError, match="did you mean 'search'"):
        lens.figure("serch")
    with pytest.raises(ValueError, match="no component chosen"):
        lens.figure("gallery", components=[])


def test_the_map_on_paper_shows_the_numbers_of_the_map_on_screen(whole):
    from semlens_widgets.figures.views import values_of
    from semlens_widgets.session.colours import COLOURS
    from semlens_widgets.widgets import semantic_map

    whole.target = "1"
    assert whole.audit_target == "0"
    for colour in COLOURS[3:]:
        told = semantic_map.values(whole, colour)
        drawn = values_of(whole, colour)
        assert np.array_equal(told["numbers"], drawn["values"], equal_nan=True)
        assert (told["about"], told["mark"], told["signed"]) == (drawn["values_name"], drawn["mark"], drawn["signed"])
    assert "share of the layer's relevance for 1" in written(whole.figure("map", colour="relevance"))
    assert "size: relevance" in written(whole.figure("map", colour="layer"))
    whole.target = None
    whole.layer = "head"
    assert "pale: outside head" in whole.figure("map").caption()
    whole.layer = None


def test_the_map_greys_what_is_no_evidence(lens):
    lens.query = "red"
    lens.compute_layout("pca")
    said = written(lens.figure("map", colour="search"))
    assert "below 2.33, as random sets" in said  # of its own null: a z
    lens.query = ""


def test_long_names_of_models_become_letters(results):
    from dataclasses import replace

    names = ("the classifier that was trained on biased data", "the other one, which was not")
    found = replace(results["comparison"], names=names)
    for view in ("columns", "layers"):
        for width in (60, *WIDTHS):
            figure = found.figure(view=view, width_mm=width)
            assert problems(figure) == []
            assert {"A", "B"} <= set(written(figure))
        assert set(names) <= set(written(found.figure(view=view)))
        assert names[0] in found.figure(view=view).caption()


def test_what_only_the_browser_knows_is_told_as_options(whole):
    from semlens_widgets.widgets import figure_button

    def saved(view, **options):
        result = figure_button.figure(whole, view, "pdf", 85, "print", options)
        assert result["name"] == f"{view}.pdf"
        assert result["file"].data == whole.figure(view, width_mm=85, **options).to_bytes("pdf")
        return written(whole.figure(view, width_mm=180, **options))

    said = saved("describe", components=["head:0", "colour:2"])
    assert said.index("head:0") < said.index("colour:2")
    assert "colour:1" not in said
    said = saved("prediction", component="colour:1", layer="colour")
    assert "colour:1" in said
    assert not any(text.startswith("head:") for text in said)
    assert saved("evaluate", raw=True) != saved("evaluate")
    whole.layer = "head"
    assert "colour" not in saved("evaluate")
    whole.layer = None
    with pytest.raises(ValueError, match="no component is shown"):
        whole.figure("describe", components=[])


def test_the_columns_on_paper_are_those_on_screen():
    from semlens_widgets.widgets import compare as comparing

    one, other = toy(), toy(seed=1)
    one.compare(other, name="other", allow="data")
    for layers, query, find in ((("colour", "colour"), "", None), (None, "red", None), (None, "", ["", "head", ""])):
        one.query = query
        found = comparing.lists(one, layers, query or None, find)
        pairs = [f"{n}:{i}" for n, i in ((c.layer, c.index) for c in map(one.components.__getitem__,
                 found["pair_a"].tolist()))]  # fmt: skip
        options = {name: value for name, value in (("layers", layers), ("find", find)) if value}
        figure = one.figure("compare", **options)
        said = written(figure)
        assert any(text.startswith("only ") for text in said)
        assert set(pairs) <= set(said)
        assert len(pairs) == int(said[said.index("shared") + 1])
        for width in (60, *WIDTHS):
            assert problems(figure.at(width)) == []
    assert "one map" in one.figure("compare_map").caption()
    assert written(one.figure("compare_layers"))


def scattered(n):
    """An audit's components at random, most of them where nothing of a checklist fits."""
    random = np.random.default_rng(0)
    valid, spurious = random.normal(0.6, 1.2, (2, n)) + 3 * (random.random((2, n)) < 0.05)
    region = np.select([(valid > 2.3) & (spurious > 2.3), valid > 2.3, spurious > 2.3],
                       ["ambiguous", "valid", "spurious"], "unexpected")  # fmt: skip
    share = random.pareto(1.5, n) / n
    names = [f"layer4:{row}" for row in range(n)]
    return Audited("melanoma", {}, 2.3, names, [None] * n, region, valid, spurious, share)


def test_a_dense_scatter_shows_how_many_lie_where_and_stays_small():
    many, few = (scatter_figure(scattered(n), 180) for n in (50_000, 500))
    axes = many.canvas().axes[1]
    (cells,) = (c for c in axes.collections if len(c.get_offsets()) > 100)
    alpha = cells.get_facecolors()[:, 3]
    at = cells.get_offsets()
    densest = at[alpha.argmax()]
    assert np.hypot(*(densest - 0.6)) < 0.8, "where most components are, the shade is strongest"
    outer = np.hypot(*(at - 0.6).T) > 3
    assert alpha[outer].mean() < alpha[~outer].mean() / 2
    marked = sum(len(line.get_xdata()) for line in axes.lines)
    assert 100 <= marked < 5000
    assert len(many.to_bytes("pdf")) < 300_000
    assert any(text.startswith("shaded: 4 components or more") for text in written(many))
    for width in (85, 180):
        assert problems(many.at(width)) == []
    assert not any("shaded" in text for text in written(few))
    assert sum(len(line.get_xdata()) for line in few.canvas().axes[1].lines) >= 500
