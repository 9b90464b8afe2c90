"""What chance does in a comparison: how often it pairs, what it scores, how sure an interval is."""

from itertools import combinations

import numpy as np
import pytest
from planted_spaces import model, unrelated
from scipy import stats

from semlens_widgets.compare import compare, cosine_tail
from semlens_widgets.search import component_probe, search
from semlens_widgets.vectors import unit


@pytest.mark.parametrize(("k", "dim", "centre"), [(7, 31, False), (7, 31, True), (3, 17, False), (13, 67, True)])
def test_unrelated_random_spaces_have_a_pair_in_at_most_one_comparison_of_twenty(k, dim, centre):
    spaces = [unrelated(53 if seed % 2 else 47, seed, k=k, dim=dim) for seed in range(10)]
    results = [compare(a, b, centre=centre) for a, b in combinations(spaces, 2)]
    paired = [len(result.pairs) > 0 for result in results]
    by_p_alone = [bool(result.ab.p.min() * result.ab.comparisons <= 0.05) for result in results]
    n = len(results)
    for claims in (paired, by_p_alone):
        assert sum(claims) <= n * 0.05 + 2 * np.sqrt(n * 0.05 * 0.95)


@pytest.mark.parametrize(("first", "second"), [(53, 47), (31, 211), (1009, 53)])
def test_s_of_unrelated_spaces_is_what_chance_says(first, second):
    ours = [unrelated(first, seed, k=5) for seed in range(4)]
    theirs = [unrelated(second, 100 + seed, k=5) for seed in range(5)]
    results = [compare(a, b) for a in ours for b in theirs]
    z = np.array([[(s.score - s.chance) / s.chance_sd for s in (r.s_ab, r.s_ba)] for r in results])
    assert (np.abs(z.mean(0)) < 1).all()
    assert (np.mean(np.abs(z) < 3, axis=0) >= 0.9).all()


def test_s_lies_in_its_interval_and_above_chance_for_related_models():
    result = compare(model(noise=0.3, seed=1), model(noise=0.3, seed=2))
    for s in (result.s_ab, result.s_ba):
        assert s.low < s.score < s.high
        assert s.score > s.chance + 5 * s.chance_sd
        assert float(s) == s.score


def test_the_interval_is_the_bootstrap_one():
    """For a mean of n independent numbers: about two standard errors to both sides."""
    result = compare(model(noise=1, seed=1), model(noise=1, seed=2))
    best = result.ab.of_best("scores")
    error = best.std() / np.sqrt(len(best))
    assert result.s_ab.low == pytest.approx(best.mean() - 1.96 * error, abs=0.25 * error)
    assert result.s_ab.high == pytest.approx(best.mean() + 1.96 * error, abs=0.25 * error)


@pytest.mark.parametrize("mean", [-0.2, 0.0, 0.5, 0.97])
@pytest.mark.parametrize("sd", [0.001, 0.02, 0.1])
def test_the_tail_is_that_of_the_beta_distribution(mean, sd):
    scores = np.clip(mean + sd * np.array([-4.0, -1, 0, 0.5, 2, 5, 8]), -1, 1)
    share = (1 - mean) / 2
    concentration = share * (1 - share) / (sd / 2) ** 2 - 1
    expected = stats.beta.cdf((1 - scores) / 2, share * concentration, (1 - share) * concentration)
    got = cosine_tail(scores, np.full(7, mean), np.full(7, sd))
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-300)


def test_the_tail_is_exact_for_directions_drawn_evenly():
    dim = 9
    drawn = unit(np.random.default_rng(0).normal(size=(200_000, dim)))[:, 0]
    got = cosine_tail(np.array([0.5, 0.8]), np.zeros(2), np.full(2, 1 / np.sqrt(dim)))
    assert got == pytest.approx([np.mean(drawn >= 0.5), np.mean(drawn >= 0.8)], rel=0.1)


def test_each_of_the_two_is_held_against_the_directions_of_random_sets_in_the_others_space():
    a, b = model(noise=0.3, seed=1), model(noise=0.3, seed=2)
    result = compare(a, b)
    for row in (0, 17, 40):
        there = max(search(b, component_probe(a, row), top=None)[0], key=lambda hit: hit.score)
        assert there.row == result.ab.nearest[row, 0]
        assert there.score == pytest.approx(result.ab.scores[row, 0], abs=2e-6)
        z = []
        for space, place, vector in ((b, there.row, a.vectors[row]), (a, row, b.vectors[there.row])):
            chance = space.null_sets[space.set_size_of[place]] @ vector
            z.append((there.score - chance.mean()) / chance.std())
        assert min(z) == pytest.approx(result.ab.z[row, 0], rel=1e-3)
