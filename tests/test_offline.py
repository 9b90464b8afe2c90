"""A file answers in a page what Python answers: the same ranking, z, histogram, siblings and labels."""

import shutil

import numpy as np
import pytest
from mutants import Page
from plain_page import unpacked
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import format, store
from semlens_widgets.audit import REGIONS
from semlens_widgets.widgets import answers, component_card, label_table, labelled, score_view, semantic_map
from semlens_widgets.widgets.recorded import recorded

WORDS = ("red", "green", "blue", "yellow")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node to run the page's part")


def lens(centre, **options):
    data = sl.images(pictures(60, size=24), transform=to_pixels)
    layers = ["colour", sl.Layer("head", signed=True)]
    made = sl.Lens(
        ColourNet(), data, layers, ColourClip(), k=5, crop=None, templates=("{}",), vocabulary=WORDS, centre=centre,
        name="toy", **options,
    ).fit(cached=False, progress=False)  # fmt: skip
    made.describe(level=0.0)
    made.own_labels = {"colour:1": "leaf"}
    return made


def asked(path, questions):
    with Page() as page:
        answers = page.ask(path, questions)["answers"]
    failed = [answer["error"] for answer in answers if "error" in answer]
    assert not failed, failed
    return [unpacked(answer["answer"]) for answer in answers]


@needs_node
@pytest.mark.parametrize("centre", [False, True])
def test_searches_in_the_page_rank_as_python_ranks_by_examples(tmp_path, centre):
    made = lens(centre)
    questions = [["hits", {}, {"query": word, "layer": layer}] for word in WORDS for layer in (None, "colour")]
    replies = asked(made.save(tmp_path / "toy.semlens"), questions)
    for (_, _, traits), reply in zip(questions, replies, strict=True):
        answer = made.answer(traits["query"], traits["layer"], "examples")
        assert np.array_equal(reply["rows"], answer.rows)
        assert reply["scores"] == pytest.approx(answer.scores, abs=1e-5)
        assert reply["z"] == pytest.approx(answer.z, rel=1e-3, abs=1e-3)
        assert reply["p"] == pytest.approx(answer.p, rel=1e-2, abs=1e-6)
        if traits["layer"] is None:
            assert reply["message"] == answer.message
            assert reply["by"] == "examples"
            assert reply["state"] == answer.state
            assert reply["not_found"] == (answer.state == "not found")


@needs_node
def test_components_cards_and_examples_are_those_of_python(tmp_path):
    made = lens(False)
    made.query = "red"
    made.set_trait("hits", made.answer("red", by="examples"))  # as a page ranks
    rows = [0, 1, 3, 4, 7]
    questions = [["components", {"rows": rows}, {}], *(["card", {"row": row}, {"query": "red"}] for row in rows)]
    questions += [["example", {"row": 1, "rank": 2}, {}], ["suggest", {"prefix": "-gr"}, {}]]
    listed, *cards, example, suggested = asked(made.save(tmp_path / "toy.semlens"), questions)
    same(listed["components"], answers.components(made, rows)["components"])
    for row, card in zip(rows, cards, strict=True):
        expected = component_card.card(made, row)
        same(card, {key: expected[key] for key in card})
    expected = answers.example(made, 1, 2, 128)
    for key in ("response", "rank", "of", "image_id", "name", "label"):
        same(example[key], expected[key])
    assert example["image"][:4] == expected["image"].data[:4] == b"RIFF"
    assert suggested == {"words": ["green"]}


@needs_node
def test_a_card_tells_the_classes_that_python_tells(tmp_path):
    made = lens(False)
    made.relate(cached=False, progress=False, target="predicted")
    rows = list(range(len(made.components)))
    cards = asked(made.save(tmp_path / "toy.semlens"), [["card", {"row": row}, {"query": ""}] for row in rows])
    for row, card in zip(rows, cards, strict=True):
        expected = component_card.class_relevance(made, row)
        assert [c["name"] for c in card["relevance"]["classes"]] == [c["name"] for c in expected["classes"]]
        same(card["relevance"], expected)
    assert len({entry["share"] for card in cards for entry in card["relevance"]["classes"]}) > 2


def test_more_classes_than_a_card_shows_are_counted_in_the_order_of_the_card():
    random = np.random.default_rng(3)
    made = lens(False)
    components, classes = len(made.components), 11
    mean = np.round(random.normal(size=(classes, components)), 1).astype(np.float32)  # with ties
    counts = np.where(np.arange(classes) == 4, 0, 7)
    nothing = np.zeros(0, int)
    top = np.zeros((classes, components, 1))
    made.set_trait("relevance", sl.Relevance(
        made.components, tuple(f"class {n}" for n in range(classes)), counts, mean, np.abs(mean), nothing, nothing,
        np.zeros((0, components)), top.astype(np.int32), top, "lrp", "by hand",
    ))  # fmt: skip
    numbers, shares = component_card.classes_of_all(made.relevance)
    for row in range(components):
        expected = component_card.class_relevance(made, row)
        assert expected["more"] == 4
        assert [f"class {n}" for n in numbers[row]] == [c["name"] for c in expected["classes"]]
        assert shares[row].tolist() == [c["share"] for c in expected["classes"]]


@needs_node
def test_a_label_that_fails_on_held_out_images_is_not_confident_in_the_page_either(tmp_path):
    made = lens(False)
    rows = [int(row) for row in np.flatnonzero(made.space.alive)]
    judged = np.full(made.labels.words.shape, 0.9)
    judged[rows[0]] = 0.5  # no better than chance
    vars(made.labels).update(held_out=judged)
    vars(made.labels).pop("accepted", None)
    assert not made.label_of(rows[0]).confident
    assert any(made.label_of(row).confident for row in rows)
    (reply,) = asked(made.save(tmp_path / "toy.semlens"), [["components", {"rows": rows}, {}]])
    for row, shown in zip(rows, reply["components"], strict=True):
        assert shown["label"]["confident"] == made.label_of(row).confident


def same(got, expected):
    """Equal up to the rounding of float32."""
    if isinstance(expected, dict):
        assert got.keys() == expected.keys()
        for key, value in expected.items():
            same(got[key], value)
    elif isinstance(expected, list):
        assert len(got) == len(expected)
        for a, b in zip(got, expected, strict=True):
            same(a, b)
    elif isinstance(expected, float):
        assert got == pytest.approx(expected, rel=1e-3, abs=1e-4)
    else:
        assert got == expected


@needs_node
def test_views_get_the_answers_that_were_recorded_and_no_others(tmp_path):
    made = lens(False)
    made.evaluate()
    path = made.save(tmp_path / "toy.semlens")
    questions = [["map", {}, {}], ["labels", {}, {}], ["map_values", {"colour": "clarity"}, {}], ["scores", {}, {}]]
    replies = asked(path, questions)
    expected = [semantic_map.places(made), labelled.labels(made), semantic_map.values(made, "clarity"),
                score_view.scores(made)]  # fmt: skip
    for reply, answer in zip(replies, expected, strict=True):
        assert reply.keys() == answer.keys()
        for name, value in (answer | ({"better": False} if "better" in answer else {})).items():
            if isinstance(value, np.ndarray):
                assert np.array_equal(reply[name], value.ravel().astype(reply[name].dtype), equal_nan=True), name
            else:
                same(reply[name], value)
    (several,) = asked(path, [["meanings", {"rows": [2, 0]}, {}]])
    same(several, label_table.meanings(made, [2, 0]))
    with pytest.raises(AssertionError, match="not kept in the file"):
        asked(path, [["map_values", {"colour": "beauty"}, {}]])


AUDITED = (sl.Group("colours", (sl.Concept("red"), sl.Concept("green", kind="spurious"))),)
VIEWS = [["map", {}, {}], ["labels", {}, {}], ["map_values", {"colour": "clarity"}, {}], ["scores", {}, {}],
         ["audit", {}, {}]]  # fmt: skip


def rewritten(made, path, change):
    """The file of a lens, with the recorded replies changed."""
    arrays, document = made.to_file()
    for reply in document["extra"]["parts"]["answers"]["replies"]:
        change(reply)
    path.write_bytes(store.to_bytes(arrays, document))
    return path


@needs_node
def test_files_of_before_buffers_had_names_are_read_by_their_order(tmp_path):
    made = lens(False)
    made.evaluate()
    made.checklist = sl.Checklist(AUDITED)

    def older(reply):
        reply["result"].pop("buffers", None)
        reply["result"].pop("region_names", None)
        reply["buffers"] -= len(format.TABLE["later"].get(reply["verb"], []))
        if reply["verb"] == "audit":  # components that are named stood in the report
            report = reply["result"]["report"]
            report["queue"] = made.report.rows("unexpected").tolist()
            for finding in made.report.findings:
                del report["findings"][finding.name]["found"]
                report["findings"][finding.name] |= {"rows": list(finding.rows), "zs": [1.0] * len(finding.rows)}

    now = asked(made.save(tmp_path / "toy.semlens"), VIEWS)
    before = asked(rewritten(made, tmp_path / "old.semlens", older), VIEWS)
    for new, old in zip(now, before, strict=True):
        later = {"queue", "found_rows", "found_z", "report", "lacks", "held_out"}
        assert old.keys() | later == new.keys() | later
        for name in new.keys() - later:
            assert np.array_equal(old[name], new[name], equal_nan=isinstance(new[name], np.ndarray)), name
    assert before[-1]["report"]["queue"] == now[-1]["queue"].tolist()
    assert list(now[-1]["region_names"]) == list(REGIONS)
    assert now[-1]["region"].max() < len(REGIONS)


@needs_node
@pytest.mark.parametrize(
    ("named", "says"),
    [
        ([["numbers", "F32", [8]], ["numbers", "F32", [8]]], "1 buffers; 2 are named"),
        ([["numbers", "I32", [8]]], "needed are"),
        ([["numbers", "F32", [7]]], "bytes"),
        ([["numbers", "F32", [-8]]], "buffers"),
        ([["numbers", "F32", "8"]], "buffers"),
        ([["numbers", "text/html"]], "buffers"),
        ([["values", "F32", [8]]], "needed are"),
        ([["mark", "F32", [8]]], "came twice"),
        ("numbers", "buffers"),
    ],
)
def test_recorded_buffers_that_are_not_as_they_are_named_are_refused(tmp_path, named, says):
    made = lens(False)
    made.evaluate()

    def change(reply):
        if reply["verb"] == "map_values":
            reply["result"]["buffers"] = named

    path = rewritten(made, tmp_path / "toy.semlens", change)
    with Page() as page:
        (answer,) = page.ask(path, [["map_values", {"colour": "clarity"}, {}]])["answers"]
    assert answer["error"]["name"] == "DamagedFile"
    assert says in answer["error"]["message"]


def test_the_table_names_the_buffers_that_are_recorded_in_the_order_they_are_sent():
    made = lens(False)
    made.evaluate()
    made.checklist = sl.Checklist(AUDITED)
    document, _ = recorded(made)
    sent = {reply["verb"]: reply["result"].get("buffers", []) for reply in document["replies"]}
    assert sent.keys() | {"meanings", "examples_of"} == format.TABLE["buffers"].keys()  # its images have no classes
    for verb, named in sent.items():
        if named:
            known = format.TABLE["buffers"][verb] + format.TABLE["later"].get(verb, [])
            assert [entry[:2] for entry in known] == [entry[:2] for entry in named]
    assert format.TABLE["unsaid"]["audit"]["region_names"] == list(REGIONS)


@needs_node
def test_a_file_does_not_say_what_was_restored_when_it_was_written(tmp_path):
    made = lens(False)
    path = made.save(tmp_path / "toy.semlens")
    made.checklist = sl.Checklist.abcde()
    again = sl.open(path, clip=made.clip)
    assert "restored" in again.audit_notice
    (reply,) = asked(again.save(tmp_path / "again.semlens"), [["audit", {}, {}]])
    assert len(reply["concepts"]) == len(made.checklist)
    assert reply["notice"] == ""
