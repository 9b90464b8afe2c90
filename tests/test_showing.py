"""Who shows it: likenesses with planted prevalences, and likenesses that have no two groups."""

import numpy as np
import pytest
from scipy.stats import norm

from semlens_widgets.showing import Prevalence, showing

IMAGES, ROUNDS = 1000, 64


def planted(prevalence, distance, spread=1.0, seed=0, images=IMAGES):
    """(likeness [round image], who shows it): two normal distributions, so many deviations of the others apart."""
    random = np.random.default_rng(seed)
    shows = random.random((ROUNDS, images)) < prevalence
    noise = random.normal(size=shows.shape)
    return 0.1 + 0.02 * np.where(shows, distance + spread * noise, noise), shows


@pytest.mark.parametrize("distance", [2, 3, 4, 5])
@pytest.mark.parametrize("prevalence", [0.005, 0.01, 0.05, 0.2, 0.5])
def test_intervals_hold_planted_prevalences(prevalence, distance):
    likeness, _ = planted(prevalence, distance)
    told = showing(likeness).prevalence
    assert np.mean([p.low <= prevalence <= p.high for p in told]) >= 0.88


@pytest.mark.parametrize(("prevalence", "spread"), [(0.05, 1.0), (0.2, 0.6), (0.2, 1.5), (0.5, 1.0), (0.8, 1.0)])
def test_of_groups_that_are_told_apart_the_sure_ones_are_right_and_the_share_is_near(prevalence, spread):
    likeness, shows = planted(prevalence, 6, spread)
    found = showing(likeness)
    told = found.told_apart
    assert told.mean() > 0.9
    assert shows[told][found.shows[told]].mean() > 0.97
    assert (~shows[told])[found.lacks[told]].mean() > 0.97
    assert not (found.shows & found.lacks).any()
    shares = np.array([p.share for p in found.prevalence])[told]
    assert np.abs(np.median(shares) - prevalence) < 0.02
    assert np.median([p.high - p.low for p in found.prevalence]) < 0.1


@pytest.mark.parametrize(
    "draw",
    [
        lambda random: random.normal(size=(ROUNDS, IMAGES)),
        lambda random: random.exponential(size=(ROUNDS, IMAGES)),
        lambda random: random.random((ROUNDS, IMAGES)),
        lambda random: random.gamma(4, size=(ROUNDS, IMAGES)),
        lambda random: random.standard_t(4, size=(ROUNDS, IMAGES)),
    ],
    ids=["normal", "exponential", "uniform", "skewed", "with long tails"],
)
def test_one_group_is_not_told_apart_whatever_its_form(draw):
    found = showing(draw(np.random.default_rng(0)))
    assert found.told_apart.mean() <= 0.05
    most_alike = found.shows[~found.told_apart]
    assert np.all(most_alike.sum(1) == IMAGES * 0.05)
    assert all(np.isnan(p.share) and p.low == 0 for p in np.array(found.prevalence, object)[~found.told_apart].tolist()
               if isinstance(p, Prevalence))  # fmt: skip


def test_images_most_alike_are_those_and_the_others_are_the_others():
    likeness = np.random.default_rng(3).permutation(200) / 200
    found = showing(likeness[None])
    assert not found.told_apart[0]
    assert np.array_equal(found.shows[0], likeness >= 0.95)
    assert np.array_equal(found.lacks[0], likeness < 0.95)


@pytest.mark.parametrize("images", [0, 1, 5, 19])
def test_nothing_is_said_of_a_handful_of_images(images):
    found = showing(np.random.default_rng(0).random((3, images)))
    assert not found.shows.any()
    assert not found.lacks.any()
    assert all(np.isnan(p.share) and (p.low, p.high) == (0, 1) for p in found.prevalence)


def test_images_that_are_all_alike_show_nothing():
    found = showing(np.full((2, 100), 0.3))
    assert not found.shows.any()
    assert not found.told_apart.any()


def test_units_and_order_of_likenesses_do_not_matter():
    likeness, _ = planted(0.3, 5, seed=1)
    found, other = showing(likeness[:3]), showing(1000 * likeness[:3] - 7)
    assert np.array_equal(found.shows, other.shows)
    turned = showing(likeness[:3, ::-1])
    assert np.array_equal(found.shows, turned.shows[:, ::-1])
    alone = showing(likeness[1:2])
    assert np.array_equal(alone.shows[0], found.shows[1])


def test_the_interval_of_the_likelihood_is_that_of_a_binomial_where_groups_lie_far_apart():
    likeness, shows = planted(0.3, 40, images=500)
    for p, count in zip(showing(likeness).prevalence, shows.sum(1), strict=True):
        share = count / 500
        error = norm.ppf(0.975) * np.sqrt(share * (1 - share) / 500)
        assert p.share == pytest.approx(share, abs=1e-3)
        assert p.low == pytest.approx(share - error, abs=0.006)
        assert p.high == pytest.approx(share + error, abs=0.006)


def test_a_prevalence_is_said_in_words():
    assert str(Prevalence(0.345, 0.31, 0.382)) == "34.5% (31.0% to 38.2%) of the images"
    assert str(Prevalence(np.nan, 0.0, 0.083)) == "at most 8% of the images"
    assert str(Prevalence(np.nan, 0.0, 1.0)) == "an unknown share of the images"


@pytest.mark.parametrize("prevalence", [0.05, 0.3, 0.5, 0.8])
def test_chances_are_as_they_say_and_leave_slopes_as_they_are(prevalence):
    """Of images with a chance of so much that share shows it; and what goes along with showing it goes along as much
    with the chance, where likenesses that err make the slope smaller."""
    likeness, shows = planted(prevalence, 5, seed=2)
    found = showing(likeness)
    told = found.told_apart
    chances, shown = found.chances[told], shows[told]
    assert np.isnan(found.chances[~told]).all()
    assert told.mean() > 0.4
    for low, high in ((0.0, 0.02), (0.1, 0.4), (0.6, 0.9), (0.98, 1.0)):
        some = (chances >= low) & (chances <= high)
        assert shown[some].mean() == pytest.approx(chances[some].mean(), abs=0.12)
    centred = chances - chances.mean(1, keepdims=True)
    slopes = (centred * shown).sum(1) / (centred**2).sum(1)
    assert np.median(slopes) == pytest.approx(1, abs=0.03)
