"""Describe, verify and evaluate as a notebook meets them: on a lens, live, and kept in its file."""

import numpy as np
import pytest
from toy import COLOURS, ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.describe import describe
from semlens_widgets.evaluate import evaluate
from semlens_widgets.verify import verify
from semlens_widgets.widgets import answers

WORDS = [word for word in COLOURS if word != "white"]  # white is what the null probe is, a grey


def lens(**options):
    data = sl.images(pictures(60), transform=to_pixels)
    return sl.Lens(
        ColourNet(), data, ["rectified", "head"], ColourClip(), k=5, crop=None, templates=("{}",), name="toy", **options
    ).fit(cached=False, progress=False)


@pytest.fixture(scope="module")
def fitted():
    return lens()


def test_a_lens_labels_its_components_as_the_plain_verb_does(fitted):
    found = fitted.describe(WORDS, k=2, level=0.5)
    plain = describe(fitted.space, sl.text_probes(fitted.clip, WORDS, ("{}",)), k=2, level=0.5)
    assert np.array_equal(found.words, plain.words)
    assert fitted.labels is found
    assert [found.closest(row)[0] for row in range(3)] == ["red", "green", "blue"]
    assert fitted.label_of(0) == sl.ShownLabel("red", float(found.margins[0]), bool(found.accepted[0, 0]), False)
    assert fitted.label_of(3) is None  # never excited: no word is close to it


def test_without_words_the_lens_describes_with_its_own_vocabulary():
    assert lens(vocabulary=WORDS[:3]).describe().probes.names == tuple(WORDS[:3])


def test_a_label_a_person_gave_wins_is_marked_and_goes_when_emptied(fitted):
    fitted.describe(WORDS)
    seen = []
    fitted.observe(lambda change: seen.append(change["new"]), "own_labels")
    fitted.own_labels = {"rectified:1": "  leaf   green "}
    assert fitted.label_of(1) == sl.ShownLabel("leaf green", None, True, True)
    rows = {row["component"]: row for row in fitted.labels.to_rows(fitted.own_labels) if row["rank"] == 0}
    assert (rows["rectified:1"]["label"], rows["rectified:1"]["own"], rows["rectified:1"]["closest"]) == (
        "leaf green", True, "green",
    )  # fmt: skip
    assert not rows["rectified:0"]["own"]
    fitted.own_labels = {"rectified:1": " "}
    assert seen == [{"rectified:1": "leaf green"}, {}]
    assert fitted.label_of(1).text == "green"


@pytest.mark.parametrize(
    ("labels", "error", "says"),
    [
        ({"rectified:9": "red"}, KeyError, "rectified has 4 components"),
        ({"rectified:0": 3}, TypeError, "a label is a text"),
        ({"rectified:0": "x" * 201}, ValueError, "201 characters"),
    ],
)
def test_a_senseless_label_is_refused_and_nothing_changes(fitted, labels, error, says):
    fitted.own_labels = {"rectified:2": "sky"}
    with pytest.raises(error, match=says):
        fitted.own_labels = labels
    assert fitted.own_labels == {"rectified:2": "sky"}
    fitted.own_labels = {}


def test_labels_scores_and_own_words_are_kept_in_the_file(tmp_path):
    made = lens()
    labels, scores = made.describe(WORDS, k=3, centre=True), made.evaluate()
    made.own_labels = {"head:0": "scarlet"}
    opened = sl.open(made.save(tmp_path / "toy.semlens"), clip=ColourClip())
    assert opened.own_labels == {"head:0": "scarlet"}
    assert opened.labels.to_rows() == labels.to_rows()
    assert opened.labels.meanings == labels.meanings
    assert opened.evaluation.to_rows() == scores.to_rows()
    assert repr(opened.evaluation.summary()) == repr(scores.summary())
    assert opened.save(tmp_path / "again.semlens").read_bytes() == (tmp_path / "toy.semlens").read_bytes()


def test_a_large_vocabulary_is_embedded_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path))
    asked = []
    words = [f"{a} {b} {n}" for a in WORDS for b in WORDS for n in range(17)]

    class Counting(ColourClip):
        def texts(self, texts):
            asked.append(len(texts))
            return super().texts(texts)

        def unknown_words(self, text):
            return []

    first, second = lens(), lens()
    first.probe_cache.clip_or_none, second.probe_cache.clip_or_none = Counting(), Counting()
    one, two = first.describe(words), second.describe(words)
    assert asked == [len(words), 1]  # the words, and the empty template
    assert np.array_equal(one.words, two.words)
    next(tmp_path.glob("*.words")).write_bytes(b"damaged")
    third = lens()
    third.probe_cache.clip_or_none = Counting()
    assert np.array_equal(third.describe(words).words, one.words)
    assert third.labels.scores == pytest.approx(one.scores, abs=1e-6, nan_ok=True)


def test_evaluating_gives_what_the_plain_verb_gives_also_through_another_model(fitted):
    found = fitted.evaluate()
    assert fitted.evaluation is found
    assert found.to_rows() == evaluate(fitted.space).to_rows()
    other = fitted.evaluate(ColourClip(dim=7, name="colours in seven dimensions"), progress=False)
    assert other.clip == "colours in seven dimensions"
    assert other.raw.clarity == pytest.approx(
        found.raw.clarity, abs=2e-4, nan_ok=True
    )  # crops are kept in half precision


@pytest.mark.parametrize("method", ["soft-wpmi", "contrast", "linear"])
def test_labelers_that_look_at_activations_take_the_sample_of_the_space(fitted, method):
    sample = fitted.space.sample
    probes = sl.text_probes(fitted.clip, WORDS, ("{}",))
    plain = describe(
        fitted.space, probes, method=method, activations=sample.activations, image_vectors=sample.vectors
    )  # fmt: skip
    assert np.array_equal(fitted.describe(WORDS, method=method).words, plain.words)


def test_labels_are_verified_on_other_pictures_as_the_plain_verb_does(fitted):
    labels = fitted.describe(WORDS)
    others = sl.images(pictures(97, seed=5), transform=to_pixels)
    found = fitted.verify(images=others, progress=False, rounds=10)
    net = ColourNet()
    colour = np.stack([net.rectified(net.colour(to_pixels(p)[None])).amax((2, 3))[0].detach() for p in pictures(97, 5)])
    plain = verify(labels, np.concatenate([colour, colour @ net.head.weight.detach().numpy().T], 1).astype(np.float32),
                   fitted.clip.images(pictures(97, 5)), rounds=10)  # fmt: skip
    alive = fitted.space.alive[:4]
    assert found.pearson[:4][alive] == pytest.approx(plain.pearson[:4][alive], abs=0.02)
    assert np.nanmin(found.pearson[:3]) > 0.5


def test_verifying_on_the_sample_leaves_each_components_own_examples_out(fitted):
    labels = fitted.describe(WORDS)
    sample, examples = fitted.space.sample, fitted.space.examples
    found = fitted.verify(rounds=5)
    for row in (0, 1, 2):
        held_out = ~np.isin(sample.images, examples.images[row, : examples.counts[row]])
        assert 0 < held_out.sum() < len(sample.images)
        likeness = sample.vectors[held_out] @ labels.probes.vectors[labels.words[row, 0]]
        expected = np.corrcoef(likeness, sample.activations[held_out, row])[0, 1]
        assert found.pearson[row] == pytest.approx(expected, abs=1e-4)


def test_verifying_before_describing_says_what_to_do():
    with pytest.raises(ValueError, match=r"call lens\.describe\(\) first"):
        lens().verify()


def test_windows_forget_names_when_labels_change(fitted, monkeypatch):
    window = fitted.show()
    said = []
    monkeypatch.setattr(window, "_to_browser", lambda content, buffers: said.append(content))
    fitted.describe(WORDS)
    fitted.own_labels = {"rectified:0": "rose"}
    assert [message["name"] for message in said if message["kind"] == "event"] == ["components", "components"]
    listed = answers.components(fitted, [0, 1])["components"]
    assert [c["label"]["text"] for c in listed] == ["rose", "green"]
    assert [c["label"]["own"] for c in listed] == [True, False]
    window.close()
    fitted.own_labels = {}
