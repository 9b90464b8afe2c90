"""The detection limit: right about what a test would have missed, on fresh numbers."""

import math

import numpy as np
import pytest
from scipy import stats

from semlens_widgets.detection import Limit, least_squares, noncentrality, paired_limit, spread_with_interval
from semlens_widgets.showing import showing

WITHIN = 0.03  # of 95 %: more than three standard errors of a share of 600


@pytest.mark.parametrize("freedom", [7, 23, 400])
@pytest.mark.parametrize("power", [0.5, 0.8])
def test_an_effect_of_so_many_errors_is_found_with_that_power(freedom, power):
    size = noncentrality(freedom, power)
    critical = stats.t.ppf(0.975, freedom)
    found = stats.nct.sf(critical, freedom, size) + stats.nct.cdf(-critical, freedom, size)
    assert found == pytest.approx(power, abs=2e-3)


@pytest.mark.parametrize("draw", ["normal", "skewed", "heavy"])
def test_the_paired_limit_covers_the_true_one(draw):
    """The interval holds the strength that the t test finds in half of the cases, whatever the noise looks like."""
    random, pairs = np.random.default_rng(1), 60
    noise = {
        "normal": lambda: random.normal(0, 2, pairs),
        "skewed": lambda: random.gamma(4, 1, pairs) - 4,
        "heavy": lambda: random.standard_t(8, pairs) * math.sqrt(3),
    }[draw]
    true = noncentrality(pairs - 1) * 2 / math.sqrt(pairs)  # the deviation is 2 in all three
    limits = [paired_limit(noise(), "logit") for _ in range(600)]
    covered = np.mean([limit.low <= true <= limit.high for limit in limits])
    assert abs(covered - 0.95) <= WITHIN
    found = np.mean([stats.ttest_1samp(noise() + true, 0).pvalue <= 0.05 for _ in range(600)])
    assert abs(found - 0.5) < 0.08


def design(random, images=120):
    """Three predictors: two that go together, and one that few images have."""
    first = random.normal(0, 1, images)
    rare = np.zeros(images)
    rare[random.choice(images, 9, replace=False)] = 1
    return np.stack([first, 0.6 * first + random.normal(0, 1, images), rare], 1)


@pytest.mark.parametrize("predictor", [0, 2])
def test_the_limit_of_a_slope_covers_the_true_one_and_its_interval_the_slope(predictor):
    random = np.random.default_rng(2 + predictor)
    predictors, slopes = design(random), np.array([0.5, -1.0, 2.0])
    found = [least_squares(predictors, predictors @ slopes + random.normal(3, 2, 120)) for _ in range(600)]
    ends = np.array([f.interval(predictor) for f in found])
    covered = ((ends[:, 0] <= slopes[predictor]) & (slopes[predictor] <= ends[:, 1])).mean()
    assert abs(covered - 0.95) <= WITHIN
    # Half of the estimates of a slope lie above it: it is found in half of the cases where it equals what is critical.
    true = np.median((ends[:, 1] - ends[:, 0]) / 2)
    limits = [f.limit(predictor, "logit") for f in found]
    assert abs(np.mean([limit.low <= true <= limit.high for limit in limits]) - 0.95) <= WITHIN
    again = [least_squares(predictors, predictors[:, predictor] * true + random.normal(0, 2, 120)) for _ in range(600)]
    ends = np.array([f.interval(predictor) for f in again])
    assert abs(((ends[:, 0] > 0) | (ends[:, 1] < 0)).mean() - 0.5) < 0.08


@pytest.mark.parametrize("shown", [0.1, 0.5, 0.8])
def test_the_limit_is_right_where_a_likeness_says_which_images_show_it(shown):
    """A shortcut of the stated size is found in half of the cases, and the interval holds the size that is, also of
    what half of the images show; how much each shows is the chance that it does."""
    random, images, kept, limits = np.random.default_rng(11), 250, [], []
    for _ in range(150):
        flag = np.zeros(images)
        flag[random.choice(images, round(shown * images), replace=False)] = 1
        seen = showing((random.normal(0, 1, images) + 5 * flag)[None])
        if seen.told_apart[0]:
            outcome = random.normal(0, 2, images)
            limits.append(least_squares(seen.chances.T, outcome).limit(0, "logit"))
            kept.append((seen.chances.T, outcome, flag))
    assert len(kept) > 100

    def found(strength):
        ends = np.array([least_squares(x, y + strength * flag).interval(0) for x, y, flag in kept])
        return float(((ends[:, 0] > 0) | (ends[:, 1] < 0)).mean())

    low, high = 0.0, 5.0
    for _ in range(8):
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) >= 0.5 else (middle, high)
    assert np.mean([limit.low <= low <= limit.high for limit in limits]) >= 0.9
    assert abs(found(float(np.median([limit.value for limit in limits]))) - 0.5) < 0.12


def test_slopes_errors_and_freedom_are_their_formulas():
    random = np.random.default_rng(5)
    predictors = design(random, 23)
    outcome = random.normal(0, 1, 23)
    found = least_squares(predictors, outcome)
    x = np.column_stack([np.ones(23), predictors])
    inverse = np.linalg.inv(x.T @ x)
    slope = inverse @ x.T @ outcome
    hat, left = x @ inverse @ x.T, outcome - x @ slope
    meat = sum(np.outer(x[i], x[i]) * (left[i] / (1 - hat[i, i])) ** 2 for i in range(23))
    assert found.slope == pytest.approx(slope[1:])
    assert found.error == pytest.approx(np.sqrt(np.diag(inverse @ meat @ inverse))[1:])
    rest = np.eye(23) - hat
    for predictor in range(3):
        pull = (x @ inverse)[:, 1 + predictor]
        middle = np.diag((pull / (1 - np.diag(hat))) ** 2)
        eigenvalues = np.linalg.eigvals(rest @ middle @ rest).real
        expected = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
        assert found.freedom[predictor] == pytest.approx(expected)


def test_few_images_have_few_degrees_of_freedom_and_mixtures_no_limit():
    random = np.random.default_rng(6)
    rare = np.zeros(200)
    rare[:4] = 1
    common = random.normal(0, 1, 200)
    outcome = random.normal(0, 1, 200)
    found = least_squares(np.stack([rare, common], 1), outcome)
    assert found.freedom[0] < 12 < 40 < found.freedom[1]
    twice = least_squares(np.stack([common, 2 * common + 1e-9 * random.normal(0, 1, 200)], 1), outcome)
    assert not twice.told_apart.any()
    assert twice.limit(0, "logit") is None


def test_more_images_and_less_power_make_a_lower_limit():
    random = np.random.default_rng(7)
    values = random.normal(0, 1, 400)
    few, many = paired_limit(values[:50], "logit"), paired_limit(values, "logit")
    assert many.value < 0.6 * few.value
    assert paired_limit(values, "logit", power=0.8).value > many.value
    assert paired_limit(values[:7], "logit") is None
    assert spread_with_interval(np.zeros(9)) == (0.0, 0.0, 0.0)


def test_a_limit_says_what_it_means():
    limit = Limit(0.4, 0.3, 0.5, "logit of melanoma", 2000, "paired t test at 5%", "pair")
    assert repr(limit) == (
        "With these 2,000 pairs a shortcut that moves the logit of melanoma by less than 0.40 [0.30, 0.50] would be "
        "missed in half the cases or more (paired t test at 5%)."
    )
    assert limit.to_document()["sentence"] in repr(limit)
