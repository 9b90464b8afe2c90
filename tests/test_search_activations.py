"""Search by all activations: what examples cannot tell, and what neither can."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.planted import space_of
from scipy.stats import norm, pearson3, rankdata, skew
from toy import colour_lens

import semlens_widgets as sl
from semlens_widgets.examples import Sampled
from semlens_widgets.search import ALPHA, search
from semlens_widgets.search.activations import activation_z, larger_of_two
from semlens_widgets.vectors import unit

IMAGES, DIM = 1500, 32


def world(seed=0, share=0.4, noise=0.25, channels=40, answers=1.0, sizes=()):
    """(space, probe, who shows it): one word; component 0 answers to it, faintly, and to something else with all its
    strength, so that its strongest images are others; the rest answer to noise."""
    random = np.random.default_rng(seed)
    cone, word, other = np.eye(DIM)[:3]
    shows = random.random(IMAGES) < share
    rest = random.normal(size=(IMAGES, DIM - 3))
    rest = np.concatenate([np.zeros((IMAGES, 3)), noise * rest / np.linalg.norm(rest, axis=1, keepdims=True)], 1)
    strange = random.random(IMAGES) < 0.03
    images = cone + np.outer(0.5 * shows + 0.08 * random.normal(size=IMAGES), word) + np.outer(0.6 * strange, other)
    activations = random.normal(size=(IMAGES, channels))
    activations[:, 0] += 2.5 * answers * shows + 9 * strange
    space = space_of(activations.astype(np.float32), unit(images + rest).astype(np.float32), seed, layers=sizes)
    return space, sl.Probes(("word",), word[None].astype(np.float32), space.recipe.clip), shows


def test_what_a_third_of_the_images_show_is_found_though_no_strongest_example_shows_it():
    space, probe, shows = world()
    (by_examples,) = search(space, probe, by="examples")
    (by_activations,) = search(space, probe, by="activations")
    (both,) = search(space, probe)
    assert shows[space.examples.images[0]].mean() < 0.7, "its examples are about something else"
    assert by_examples.state == "not found"
    for answer in (by_activations, both):
        assert answer.found
        assert answer.best.row == 0
        assert answer.best.by == "activations"
        assert "AUROC 0.9" in answer.message
        assert "adjusted similarity" not in answer.message
        assert answer.held_out.told_apart.all()
    assert both.prevalence.low <= shows.mean() <= both.prevalence.high
    assert "by activations" in str(both[0])
    assert both.to_rows()[0]["by"] == "activations"


def test_the_whole_range_goes_from_the_strongest_sampled_image_to_the_weakest():
    space, probe, shows = world()
    (answer,) = search(space, probe, by="activations")
    told = answer.whole_range(0, 11)
    own = space.sample.activations[:, answer.rows[0]]
    responses = dict(zip(space.sample.images.tolist(), own.tolist(), strict=True))
    ranked = sorted(responses.values(), reverse=True)
    assert [response for _, response in told] == [ranked[round(at * (len(ranked) - 1) / 10)] for at in range(11)]
    assert all(responses[image] == response for image, response in told)
    assert [bool(shows[image]) for image, _ in told[1:4]] == [True] * 3
    assert not any(shows[image] for image, _ in told[-3:])
    with pytest.raises(ValueError, match="two ends"):
        answer.whole_range(0, 1)
    with pytest.raises(IndexError, match="index 99"):
        answer.whole_range(99)


def test_z_is_that_of_the_same_ranks_in_every_other_order():
    """Its mean, deviation and tail in 3,000 of these; with ties."""
    random = np.random.default_rng(1)
    space, probe, _ = world(channels=5, share=0.05)
    sampled = space.examples.sampled
    tied = {"sample_responses": np.maximum(sampled.responses, 1.3)}
    space = replace(space, examples=replace(space.examples, sampled=Sampled(sampled.images, tied)))
    show = space.showing(probe.vectors)
    weights = show.shows[0] / show.shows[0].sum() - show.lacks[0] / show.lacks[0].sum()
    got = activation_z(space, probe.vectors[0], slice(0, 5), 5)
    for row in range(5):
        ranks = rankdata(space.sample.activations[:, row])
        drawn = np.array([random.permutation(ranks) @ weights for _ in range(3000)])
        z = (ranks @ weights - drawn.mean()) / drawn.std()
        assert skew(drawn) > 0.2
        assert got[row] == pytest.approx(norm.isf(pearson3.sf(z, skew(drawn))), rel=0.06, abs=0.06)
        assert norm.sf(got[row]) == pytest.approx((drawn >= ranks @ weights).mean(), rel=0.2, abs=0.02)
    some = np.array([4, 0, 2])
    assert np.allclose(activation_z(space, probe.vectors[0], some, 3), got[some])


@pytest.mark.parametrize("by", ["activations", "both"])
def test_with_likenesses_in_any_other_order_nothing_is_found_and_p_is_as_it_says(by):
    """The images' vectors are dealt anew: p at most .05 of the best of all as often as that, and nothing is found."""
    space, probe, _ = world()
    random, answers = np.random.default_rng(0), []
    for _ in range(100):
        turned = replace(space, sample_vectors=space.sample_vectors[random.permutation(len(space.sample))])
        vars(turned)["null_means"] = space.null_means  # worked out once
        answers += search(turned, probe, by=by, top=None)
    small = np.mean([answer.p_best <= ALPHA for answer in answers])
    assert small <= ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / len(answers))
    if by == "activations":
        each = np.concatenate([answer.p for answer in answers])
        for level in (0.01, 0.1, 0.5):
            assert np.mean(each <= level) == pytest.approx(level, rel=0.15)
    assert not any(answer.found for answer in answers)


def test_the_larger_of_two_is_corrected_for_the_choice():
    z = np.random.default_rng(0).normal(size=(2, 200_000))
    combined = larger_of_two(z.max(0))
    for level in (0.01, 0.05, 0.5):
        assert np.mean(combined >= norm.isf(level)) == pytest.approx(level, rel=0.06)
    same = larger_of_two(z[0])  # as dependent as can be: no more are called above the null than chance has it
    assert np.mean(same >= norm.isf(0.01)) <= 0.01
    assert np.all(np.diff(larger_of_two(np.linspace(-9, 60, 500))) >= 0)
    assert np.isfinite(larger_of_two(np.array([-40.0, 0, 40, 90]))).all()


def test_what_only_goes_along_with_a_word_a_little_is_not_found():
    """An AUROC of .64 is far beyond chance; and no answer."""
    space, probe, _ = world(answers=0.25)
    (answer,) = search(space, probe, by="activations")
    assert answer.best.p < 0.01
    assert not answer.found
    assert "AUROC only" in answer.message


def test_hits_are_ranked_by_both_sums_those_above_chance_first():
    space, probe, _ = world(sizes=(13, 27))
    (answer,) = search(space, probe, top=None)
    total = answer.z_examples + answer.z_activations
    above = answer.evidence > 0
    assert not above[above.sum() :].any()
    assert np.array_equal(above, answer.p <= 0.01)
    for part in (total[above], total[~above]):
        assert np.all(np.diff(part) <= 0)
    alone = [search(space, probe, top=None, by=by)[0] for by in ("examples", "activations")]
    for one, z in zip(alone, (answer.z_examples, answer.z_activations), strict=True):
        assert np.allclose(one.z[np.argsort(one.rows)], z[np.argsort(answer.rows)])
    (layer,) = search(space, probe, top=None, layer="layer2", by="activations")
    assert sorted(layer.rows.tolist()) == list(range(13, 40))
    assert np.allclose(layer.z, [alone[1].z[alone[1].rows.tolist().index(row)] for row in layer.rows])


def test_without_responses_a_search_is_by_examples_and_says_so():
    space, probe, _ = world()
    bare = replace(space, sample_vectors=None, examples=replace(space.examples, sampled=None))
    (answer,) = search(bare, probe)
    assert answer.by == "examples"
    assert answer.prevalence is None
    assert np.array_equal(answer.rows, search(space, probe, by="examples")[0].rows)
    with pytest.raises(ValueError, match="by='examples' only"):
        search(bare, probe, by="activations")


def test_a_file_gives_the_same_answers(tmp_path):
    made = colour_lens(count=120).fit(cached=False, progress=False)
    again = sl.open(made.save(tmp_path / "a.semlens"), clip=made.clip)
    for by in ("activations", "both"):
        mine, theirs = (lens.search("red", top=None, by=by) for lens in (made, again))
        assert mine[0].component.index == 0
        assert np.array_equal(mine.rows, theirs.rows)
        assert np.array_equal(mine.z_activations, theirs.z_activations)
        assert mine.message == theirs.message
