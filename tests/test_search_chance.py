"""What search says of worlds in which there is nothing to find: p is as rarely small as it says, and false finds are
few."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.planted import space_of
from scipy.stats import gamma, norm
from small_worlds import FACTORS, TRUE, Drawn, interval_of, permuted, world

import semlens_widgets as sl
from semlens_widgets.held_out import MIN_AUROC, HeldOut
from semlens_widgets.inference import as_normal, of_normal
from semlens_widgets.search import ALPHA, search


def p_of_the_best(by, worlds=30):
    """p_best, by world and word: where images are dealt anew among the sampled ones, behind rectifiers, with factors
    that few images show; or, by examples, where components choose their examples at random."""
    told = []
    for seed in range(worlds):
        made = world(seed)
        if by == "activations":
            space = permuted(made, seed)
        else:
            shape = made.space.sample.activations.shape[1], len(made.space.crop_vectors)
            chosen = np.random.default_rng(seed).random(shape).astype(np.float32).T
            space = space_of(chosen, made.space.crop_vectors.astype(np.float32), seed, k=20)
        told += [answer.p_best for answer in search(space, made.words, by=by)]
    return np.asarray(told)


@pytest.mark.parametrize("by", ["examples", "activations", "both"])
def test_the_best_of_all_components_has_a_p_below_a_level_as_rarely_as_that(by):
    p = p_of_the_best(by)
    for level in (0.01, ALPHA, 0.25):
        assert (p <= level).mean() <= level + 2 * np.sqrt(level * (1 - level) / len(p))


@pytest.mark.parametrize("skewness", [0.05, 0.3, 1, 2])
def test_a_lopsided_number_is_as_rare_as_in_a_gamma_distribution(skewness):
    shape = 4 / skewness**2
    for level in (0.3, 0.01, 1e-4, 1e-7):
        z = (gamma.isf(level, shape) - shape) / np.sqrt(shape)
        assert np.log(norm.sf(as_normal(z, skewness))) == pytest.approx(np.log(level), rel=0.1)
        assert of_normal(as_normal(z, skewness), skewness) == pytest.approx(z)


def test_random_images_as_few_as_a_component_has_examples_are_still_chance():
    """They make but one set, which would leave chance no spread: z would be as large as one likes."""
    made = world(4)
    few = replace(made.space, null_vectors=made.space.null_vectors[:20])
    usual, told = (search(space, made.words, by="examples", top=None) for space in (made.space, few))
    for enough, answer in zip(usual, told, strict=True):
        assert np.abs(answer.z).max() < 3 * np.abs(enough.z).max()
        assert np.corrcoef(answer.z[np.argsort(answer.rows)], enough.z[np.argsort(enough.rows)])[0, 1] > 0.95


def random_networks(mixtures=60, networks=8):
    """(AUROC on fresh images of what is found, queries) in networks that learned nothing: random mixtures of what
    images have, and convolutions with random weights that look at the demo's pictures."""
    found, asked = [], 0
    drawn = Drawn(800, 800, 90_000)
    for made in (*(world(2 * n + 1) for n in range(mixtures)), *(drawn.world(n) for n in range(networks))):
        for factor, answer in enumerate(search(made.space, made.words)):
            asked += 1
            if answer.found:
                found.append(made.truth[answer.best.row, factor])
    return np.asarray(found), asked


def test_of_networks_with_random_weights_at_most_one_answer_in_twenty_is_a_false_find():
    """With an interval: more than 5 % is ruled out."""
    found, asked = random_networks()
    false = int((found < TRUE).sum())
    assert asked == 60 * FACTORS + 8 * len(sl.demo.FACTORS)
    assert interval_of(false, asked)[1] <= 0.05


def told(auroc, shown=60, others=400):
    numbers = np.full(1, shown), np.full(1, others)
    return HeldOut(np.asarray([auroc]), *numbers, np.ones(1, bool))


def test_sampled_images_that_chose_a_component_must_tell_more_to_confirm_it():
    """The component that examples put first needs an AUROC of .75; any other needs more, by what choosing gains."""
    made = world(0)
    (answer, *_) = search(made.space, made.words, top=None)
    first, other = (answer.rows == answer.first_by_examples), answer.rows != answer.first_by_examples
    assert first.sum() == 1
    assert search(made.space, made.words, by="examples")[0].rows[0] == answer.first_by_examples
    for auroc, of_first, of_others in ((0.74, False, False), (0.78, True, False), (0.99, True, True)):
        seen = replace(answer)
        object.__setattr__(seen, "_close", lambda ranks: np.ones(len(ranks), bool))
        object.__setattr__(seen, "_judged", lambda ranks, a=auroc: HeldOut(
            np.full(len(ranks), a), *np.full((2, len(ranks)), 100), np.ones(len(ranks), bool)))  # fmt: skip
        passes = seen._passes(np.arange(len(seen)))
        assert passes[first].all() == of_first
        assert passes[other].all() == passes[other].any() == of_others
    assert told(0.78).surely(1000)[0] < MIN_AUROC < told(0.99).surely(1000)[0]
