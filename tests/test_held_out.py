"""Held out: whether a component tells images that show a probe from others, on images that did not choose it."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.held_out import ENOUGH, held_out


def fitted(count=150, sample=101, **options):
    data = sl.images(pictures(count), transform=to_pixels)
    options = {"crop": None, "k": 7, "templates": ("{}",)} | options
    made = sl.Lens(ColourNet(), data, ["colour"], ColourClip(), sample=sample, **options)
    return made.fit(cached=False, progress=False)


@pytest.fixture(scope="module")
def lens():
    return fitted()


def shuffled(space):
    """The same space, but what was sampled of the components has nothing to do with the images."""
    random = np.random.default_rng(4)
    sampled = space.examples.sampled
    arrays = {"sample_responses": random.permuted(sampled.responses, axis=1)}
    return replace(space, examples=replace(space.examples, sampled=replace(sampled, arrays=arrays)))


@pytest.mark.parametrize("crop", [None, "activation"])
def test_auroc_is_that_of_activations_for_images_at_least_half_as_like_as_the_examples(crop):
    """The definition in loops, with scikit-learn's AUROC."""
    space, clip = (lens := fitted(crop=crop)).space, lens.clip
    words = ["red", "green", "blue", "white"]
    probes = sl.text_probes(clip, words, ("{}",)).vectors
    pairs = [(row, word) for row in range(4) for word in range(4)]
    rows, vectors = np.array([row for row, _ in pairs]), probes[[word for _, word in pairs]]
    got = held_out(space, rows, vectors)
    sample, examples = space.sample, space.examples
    for at, (row, vector) in enumerate(zip(rows, vectors, strict=True)):
        own = set(examples.images[row, : examples.counts[row]].tolist())
        rest = [i for i, image in enumerate(sample.images) if int(image) not in own]
        assert len(rest) < len(sample)
        usual = np.mean(sample.vectors @ vector)
        best = np.mean(space.embeddings_of(slice(row, row + 1))[0] @ vector)
        shows = np.array([sample.vectors[i] @ vector >= (usual + best) / 2 for i in rest])
        assert got.shown[at] == shows.sum()
        if min(shows.sum(), (~shows).sum()) < ENOUGH:
            assert np.isnan(got.auroc[at])
        else:
            assert got.auroc[at] == pytest.approx(roc_auc_score(shows, sample.activations[rest, row]))


@pytest.mark.parametrize(("word", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_a_component_that_answers_to_its_colour_everywhere_passes(lens, word, channel):
    answer = lens.search(word)
    assert answer[0].component.index == channel
    assert answer.held_out.auroc[0] > 0.9
    assert answer.found
    assert f"AUROC {answer.held_out.auroc[0]:.2f} on sampled images" in answer.message


def test_strong_examples_alone_are_not_enough(lens):
    """Its seven strongest images are as red as ever, but most red images leave it cold."""
    (answer,) = sl.search(shuffled(lens.space), lens.probes(["red"]))
    honest = lens.search("red")
    assert answer.p_best == honest.p_best <= 0.05
    assert answer.reach == honest.reach >= 0.5
    assert not answer.found
    assert "hardly tells the" in answer.message


def test_examples_that_made_the_probe_are_left_out_as_well(lens):
    """A component that finds another: the images that chose either of them judge neither."""
    answer = lens.search("colour:0", top=None)
    space, row = lens.space, int(answer.rows[0])
    sample, examples = space.sample, space.examples
    chose = {int(image) for r in (row, 0) for image in examples.images[r, : examples.counts[r]]}
    rest = [at for at, image in enumerate(sample.images) if int(image) not in chose]
    usual, best = np.mean(sample.vectors @ answer.vector), space.likeness(answer.rows[:1], answer.vector[None])[0]
    shows = sample.vectors[rest] @ answer.vector >= (usual + best) / 2
    assert answer.held_out.shown[0] == shows.sum() < held_out(space, answer.rows[:1], answer.vector[None]).shown[0]
    assert answer.held_out.auroc[0] == pytest.approx(roc_auc_score(shows, sample.activations[rest, row]))


def test_nobody_is_judged_by_a_handful_of_images():
    few = fitted(sample=12)
    answer = few.search("red")
    assert np.isnan(answer.held_out.auroc[0])
    assert answer.found
    assert "too few to check" in answer.message
    without = fitted(sample=0).search("red")
    assert np.isnan(without.held_out.auroc[0])
    assert without.found


def test_labels_abstain_where_held_out_images_say_no(lens):
    from semlens_widgets.describe import describe

    words = lens.probes(["red", "green", "blue", "yellow"])
    honest, mixed = (describe(space, words, k=1, level=0.9) for space in (lens.space, shuffled(lens.space)))
    assert honest.accepted[:3, 0].all()
    assert honest.held_out[:3, 0].min() > 0.9
    assert not mixed.accepted.any()


def test_words_that_the_data_cannot_judge_are_nan_and_pass(lens):
    nothing = held_out(lens.space, np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    assert len(nothing.auroc) == 0
    assert nothing.passed.all()
