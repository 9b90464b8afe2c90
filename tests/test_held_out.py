"""Held out: whether a component tells images that show a probe from others, on images that did not choose it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.held_out import MIN_AUROC, HeldOut, held_out
from semlens_widgets.session.matches import matches_to_json
from semlens_widgets.showing import MIN_IMAGES, showing
from semlens_widgets.vectors import unit


def fitted(count=150, sample=101, net=ColourNet, **options):
    data = sl.images(pictures(count), transform=to_pixels)
    options = {"crop": None, "k": 7, "templates": ("{}",)} | options
    made = sl.Lens(net(), data, ["colour"], ColourClip(), sample=sample, **options)
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
def test_auroc_is_that_of_activations_between_images_that_show_a_word_and_those_that_do_not(crop):
    """The definition in loops, with scikit-learn's AUROC; a component's own examples are left out."""
    space, clip = (lens := fitted(crop=crop)).space, lens.clip
    words = ["red", "green", "blue", "white"]
    probes = sl.text_probes(clip, words, ("{}",)).vectors
    rows, number = np.repeat(np.arange(4), 4), np.tile(np.arange(4), 4)
    got = held_out(space, rows, probes, probe=number)
    sample, examples = space.sample, space.examples
    show = showing(probes @ sample.vectors.T)
    for at, (row, word) in enumerate(zip(rows, number, strict=True)):
        own = set(examples.images[row, : examples.counts[row]].tolist())
        rest = np.array([int(image) not in own for image in sample.images])
        assert rest.sum() < len(sample)
        shows, lacks = show.shows[word] & rest, show.lacks[word] & rest
        if not show.told_apart[word] and np.ptp(show.likeness[word]):
            alike = sorted(np.flatnonzero(rest), key=lambda i: -show.likeness[word, i])
            shows, lacks = np.zeros((2, len(rest)), bool)
            shows[alike[:10]] = lacks[alike[10:]] = True
        assert (got.shown[at], got.others[at]) == (shows.sum(), lacks.sum())
        assert got.told_apart[at] == show.told_apart[word]
        if min(shows.sum(), lacks.sum()) < MIN_IMAGES:
            assert np.isnan(got.auroc[at])
        else:
            judged = shows | lacks
            assert got.auroc[at] == pytest.approx(roc_auc_score(shows[judged], sample.activations[judged, row]))
    alone = held_out(space, rows, probes[number])
    assert np.array_equal(alone.auroc, got.auroc, equal_nan=True)


def test_images_whose_own_status_is_unsure_refute_nothing():
    judged = HeldOut(np.array([0.8, 0.6, 0.8, 0.6, np.nan]), *np.full((2, 5), 30), np.array([1, 1, 0, 0, 0], bool))
    assert judged.confirmed.tolist() == [True, False, True, False, False]
    assert judged.refuted.tolist() == [False, True, False, False, False]
    assert judged.checked.tolist() == [True, True, True, False, False]


@pytest.mark.parametrize(("word", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_a_component_that_answers_to_its_colour_everywhere_passes(lens, word, channel):
    answer = lens.search(word)
    assert answer[0].component.index == channel
    assert answer.held_out.auroc[0] > 0.9
    assert answer.found
    assert f"AUROC {answer.held_out.auroc[0]:.2f} on sampled images" in answer.message


def test_strong_examples_alone_are_not_enough(lens):
    """Its seven strongest images are as red as ever, but most red images leave it cold."""
    (answer,) = sl.search(shuffled(lens.space), lens.probes(["red"]), by="examples")
    honest = lens.search("red", by="examples")
    assert answer.p_best == honest.p_best <= 0.05
    assert answer.adjusted_similarity == honest.adjusted_similarity >= 0.5
    assert not answer.found
    assert answer.state == "unchecked"
    assert "it is not sure which sampled images show it" in answer.message


class TwoReds(ColourNet):
    """Its blue channel sees red as well, in its own way."""

    def __init__(self):
        super().__init__()
        self.colour.weight.data[2, :, 0, 0] = torch.tensor([3.0, -2, -1])


@pytest.fixture(scope="module")
def two_reds():
    return fitted(net=TwoReds)


def forgetful(space, shares):
    """The same space, but components forget what they responded to a share of the sampled images, by row."""
    random, sampled = np.random.default_rng(4), space.examples.sampled
    responses = sampled.responses.copy()
    for row, share in shares.items():
        forgotten = random.permutation(responses.shape[1])[: round(share * responses.shape[1])]
        responses[row, forgotten] = random.permuted(responses[row, forgotten])
    arrays = {"sample_responses": responses}
    return replace(space, examples=replace(space.examples, sampled=replace(sampled, arrays=arrays)))


def test_where_the_first_hit_fails_a_later_one_may_carry_the_answer(two_reds):
    probes = two_reds.probes(["red"])
    (honest,) = sl.search(two_reds.space, probes, by="examples")
    assert sorted(honest.rows[:2]) == [0, 2]
    assert honest.carriers.tolist() == [True, True, False, False]
    assert honest.best_rank == 0
    assert honest.best == honest[0]
    first, second = honest.rows[:2].tolist()
    (answer,) = sl.search(forgetful(two_reds.space, {first: 1}), probes, by="examples")
    assert answer.rows.tolist() == honest.rows.tolist()
    assert answer.carriers.tolist() == [False, True, False, False]
    assert answer.found
    assert answer.best_rank == 1
    assert answer.best.row == second
    assert f"best {answer[1].component} scores" in answer.message
    assert answer.message.endswith("1 stronger hit passed over")
    alone = held_out(two_reds.space, honest.rows[1:2], answer.vector[None])
    assert answer.held_out.auroc == alone.auroc > 0.9
    assert answer.p_best == pytest.approx(1 - (1 - answer.p[1]) ** answer.searched)
    told = matches_to_json(two_reds, answer)
    assert told["best"]["id"] == str(answer[1].component)
    assert told["best"]["rank"] == 1
    drawn = {text.get_text(): text.get_color() for text in answer.figure().canvas().axes[0].texts}
    assert drawn[str(answer[1].component)] != drawn[str(answer[0].component)] == drawn[str(answer[3].component)]
    (neither,) = sl.search(forgetful(two_reds.space, {first: 1, second: 1}), probes, by="examples")
    assert not neither.found
    assert neither.best_rank == 0
    assert neither.message.startswith(f"'red' unchecked: best {neither[0].component}")


def test_a_later_hit_that_just_passes_does_not_carry_the_answer(two_reds):
    """It would do for the first hit; but this one was chosen because it passes."""
    probes = two_reds.probes(["red"])
    first, second = sl.search(two_reds.space, probes, by="examples")[0].rows[:2].tolist()
    for share in np.arange(0.2, 1, 0.01):
        (answer,) = sl.search(forgetful(two_reds.space, {first: 1, second: share}), probes, by="examples")
        judged = held_out(answer.space, np.array([second]), answer.vector[None])
        if MIN_AUROC <= judged.auroc[0] < 0.8:
            break
    assert MIN_AUROC <= judged.auroc[0] < 0.8
    assert answer.carriers.tolist() == [False, True, False, False]
    assert not answer.found
    (alone,) = sl.search(answer.space, probes, without=[first], by="examples")
    assert alone.best.row == second
    assert alone.found


def test_surely_is_right_of_the_best_of_many():
    """Components whose AUROC is .75: the best of twenty passes at most once in twenty times."""
    random, tried, rounds = np.random.default_rng(0), 20, 300
    shown, others, shift = 40, 400, 0.9539  # of two normal distributions with an AUROC of .75
    scores = random.normal(size=(rounds * tried, shown + others))
    scores[:, :shown] += shift
    ranks = scores.argsort(1).argsort(1)[:, :shown] + 1
    auroc = (ranks.sum(1) - shown * (shown + 1) / 2) / (shown * others)
    assert auroc.mean() == pytest.approx(MIN_AUROC, abs=0.002)
    judged = HeldOut(auroc, *(np.full(len(auroc), n) for n in (shown, others)), np.ones(len(auroc), bool))
    assert judged.confirmed.reshape(rounds, tried).any(1).all()
    assert 0 < judged.passes_corrected(tried).reshape(rounds, tried).any(1).mean() <= 0.05
    assert judged.passes_corrected(1).mean() == pytest.approx(0.05, abs=0.02)


def test_surely_of_the_clear_and_of_those_nobody_can_judge():
    judged = HeldOut(
        np.array([1.0, 0.5, np.nan, 0.0]), np.array([10, 10, 3, 10]), np.array([90, 90, 97, 90]), np.ones(4, bool)
    )
    assert judged.passes_corrected(20).tolist() == [True, False, False, False]


def test_examples_that_made_the_probe_are_left_out_as_well(lens):
    """A component that finds another: the images that chose either of them judge neither."""
    answer = lens.search("colour:0", top=None)
    space, row = lens.space, int(answer.rows[0])
    sample, examples = space.sample, space.examples
    chose = {int(image) for r in (row, 0) for image in examples.images[r, : examples.counts[r]]}
    rest = [at for at, image in enumerate(sample.images) if int(image) not in chose]
    (alike,) = answer.vector[None] @ sample.vectors[rest].T
    shows = np.isin(np.arange(len(rest)), np.argsort(-alike)[:10])
    assert answer.showing.told_apart.tolist() == [False]
    assert (answer.held_out.shown[0], answer.held_out.others[0]) == (10, len(rest) - 10)
    assert answer.held_out.auroc[0] == pytest.approx(roc_auc_score(shows, sample.activations[rest, row]))


def test_nobody_is_judged_by_a_handful_of_images():
    few = fitted(sample=12)
    answer = few.search("red")
    without = fitted(sample=0).search("red")
    for unchecked, why in ((answer, "sampled images show it, too few to check"), (without, "there is no sample")):
        assert np.isnan(unchecked.held_out.auroc[0])
        assert (unchecked.found, unchecked.state) == (False, "unchecked")
        assert unchecked.message.startswith("'red' unchecked: best colour:0")
        assert why in unchecked.message
        assert {row["state"] for row in unchecked.to_rows()} == {"unchecked"}
        assert "colour:0" in repr(unchecked).split("\n", 1)[1], "what there is of evidence is shown"
        assert not unchecked.carriers.any()


@pytest.mark.parametrize("word", ["red", "green", "white", "xyzzy"])
@pytest.mark.parametrize("count", [0, 12, 101])
def test_found_is_only_what_was_checked(word, count):
    """The three states from their definition, for a sample of any size."""
    answer = fitted(sample=count).search(word)
    close = not answer.unknown and answer.p_best <= 0.05 and answer.adjusted_similarity >= 0.5
    auroc = float(answer.held_out.auroc[0])
    expected = "not found" if not close or auroc < MIN_AUROC else "unchecked" if np.isnan(auroc) else "found"
    assert answer.state == expected
    assert answer.found == (close and auroc >= MIN_AUROC)
    assert f" {expected}" in answer.message or answer.unknown


def in_groups(space, words):
    """The space as if each sampled image showed one of the words, and no other."""
    nearest = words.vectors[(space.sample.vectors @ words.vectors.T).argmax(1)]
    noise = np.random.default_rng(0).normal(scale=0.02, size=nearest.shape)
    return replace(space, sample_vectors=unit((nearest + noise).astype(np.float32)))


def test_labels_abstain_where_held_out_images_say_no(lens):
    from semlens_widgets.describe import describe

    words = lens.probes(["red", "green", "blue", "yellow"])
    grouped = in_groups(lens.space, words)
    honest, mixed = (describe(space, words, k=1, level=0.9) for space in (grouped, shuffled(grouped)))
    assert honest.accepted[:3, 0].all()
    assert honest.held_out[:3, 0].min() > 0.9
    assert mixed.held_out[:3, 0].max() < MIN_AUROC
    assert not mixed.accepted.any()


def test_nothing_asked_is_nothing_judged(lens):
    nothing = held_out(lens.space, np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    assert len(nothing.auroc) == 0
    assert len(nothing.confirmed) == len(nothing.refuted) == len(nothing.checked) == 0
