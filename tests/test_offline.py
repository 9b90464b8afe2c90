"""A file answers in a page what Python answers: the same ranking, z, histogram, siblings and labels."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.widgets import answers, component_card, label_table, labelled, score_view, semantic_map

ROOT = Path(__file__).parents[1]
WORDS = ("red", "green", "blue", "yellow")
ASK = """
import { open } from "node:fs/promises";
import { fileAnswers } from "./js/offline/answers.js";
import { openLensFile } from "./js/offline/file.js";

const [path, questions] = process.argv.slice(1);
const handle = await open(path);
const { size } = await handle.stat();
let asked = 0;
const read = async (begin, end) => {
  asked += end - begin;
  const bytes = new Uint8Array(end - begin);
  await handle.read(bytes, 0, end - begin, begin);
  return bytes.buffer;
};
const { verbs } = fileAnswers(await openLensFile(read, size));
const replies = [];
for (const [verb, args, traits] of JSON.parse(questions)) {
  const { result, buffers = [] } = await verbs[verb](args, traits);
  replies.push({ result, buffers: buffers.map((b) => Buffer.from(b).toString("base64")) });
}
console.log(JSON.stringify({ asked, replies }));
"""

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
    done = subprocess.run(
        ["node", "--input-type=module", "-e", ASK, str(path), json.dumps(questions)], cwd=ROOT, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["replies"]


def numbers(reply, at, kind):
    import base64

    return np.frombuffer(base64.b64decode(reply["buffers"][at]), kind)


@needs_node
@pytest.mark.parametrize("centre", [False, True])
def test_searches_in_the_page_rank_as_python_ranks(tmp_path, centre):
    made = lens(centre)
    questions = [["hits", {}, {"query": word, "layer": layer}] for word in WORDS for layer in (None, "colour")]
    replies = asked(made.save(tmp_path / "toy.semlens"), questions)
    for (_, _, traits), reply in zip(questions, replies, strict=True):
        answer = made.answer(traits["query"], traits["layer"])
        assert np.array_equal(numbers(reply, 0, np.int32), answer.rows)
        assert numbers(reply, 1, np.float32) == pytest.approx(answer.scores, abs=1e-5)
        assert numbers(reply, 2, np.float32) == pytest.approx(answer.z, rel=1e-3, abs=1e-3)
        assert numbers(reply, 3, np.float32) == pytest.approx(answer.p, rel=1e-2, abs=1e-6)
        if traits["layer"] is None:
            assert reply["result"]["message"] == answer.message
            assert reply["result"]["state"] == answer.state
            assert reply["result"]["not_found"] == (answer.state == "not found")


@needs_node
def test_components_cards_and_examples_are_those_of_python(tmp_path):
    made = lens(False)
    made.query = "red"
    rows = [0, 1, 3, 4, 7]
    questions = [["components", {"rows": rows}, {}], *(["card", {"row": row}, {"query": "red"}] for row in rows)]
    questions += [["example", {"row": 1, "rank": 2}, {}], ["suggest", {"prefix": "-gr"}, {}]]
    listed, *cards, example, suggested = asked(made.save(tmp_path / "toy.semlens"), questions)
    same(listed["result"]["components"], answers.components(made, rows)[0]["components"])
    for row, card in zip(rows, cards, strict=True):
        expected = component_card.card(made, row)[0]
        same(card["result"], {key: expected[key] for key in card["result"]})
    expected, (picture,) = answers.example(made, 1, 2, 128)
    for key in ("response", "rank", "of", "image_id", "name", "label"):
        same(example["result"][key], expected[key])
    assert numbers(example, 0, np.uint8).tobytes()[:4] == picture[:4] == b"RIFF"
    assert suggested["result"] == {"words": ["green"]}


@needs_node
def test_a_card_tells_the_classes_that_python_tells(tmp_path):
    made = lens(False)
    made.relate(cached=False, progress=False, target="predicted")
    rows = list(range(len(made.components)))
    cards = asked(made.save(tmp_path / "toy.semlens"), [["card", {"row": row}, {"query": ""}] for row in rows])
    for row, card in zip(rows, cards, strict=True):
        expected = component_card.class_relevance(made, row)
        assert [c["name"] for c in card["result"]["relevance"]["classes"]] == [c["name"] for c in expected["classes"]]
        same(card["result"]["relevance"], expected)
    assert len({entry["share"] for card in cards for entry in card["result"]["relevance"]["classes"]}) > 2


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
    for row, shown in zip(rows, reply["result"]["components"], strict=True):
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
    for reply, (result, buffers) in zip(replies, expected, strict=True):
        same(reply["result"], result | ({"better": False} if "better" in result else {}))
        assert [numbers(reply, at, np.uint8).tobytes() for at in range(len(reply["buffers"]))] == buffers
    (several,) = asked(path, [["meanings", {"rows": [2, 0]}, {}]])
    same(several["result"], label_table.meanings(made, [2, 0])[0])
    with pytest.raises(AssertionError, match="not kept in the file"):
        asked(path, [["map_values", {"colour": "beauty"}, {}]])


@needs_node
def test_a_file_does_not_say_what_was_restored_when_it_was_written(tmp_path):
    made = lens(False)
    path = made.save(tmp_path / "toy.semlens")
    made.checklist = sl.Checklist.abcde()
    again = sl.open(path, clip=made.clip)
    assert "restored" in again.audit_notice
    (reply,) = asked(again.save(tmp_path / "again.semlens"), [["audit", {}, {}]])
    assert len(reply["result"]["concepts"]) == len(made.checklist)
    assert reply["result"]["notice"] == ""
