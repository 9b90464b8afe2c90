import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

from semlens_widgets.vectors import mean_ranks, normal_tail, rank_keys, top_k, unit, unrank_keys

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(arrays(np.float32, st.integers(1, 23), elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0])), st.integers(1, 29))
def test_top_k_is_a_full_sort_cut_off_with_ties_by_row(scores, k):
    order = sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:k]
    rows, values = top_k(scores, k)
    assert rows.tolist() == order
    assert values.tolist() == scores[order].tolist()


@given(floats, st.integers(0, 2**32 - 2), floats, st.integers(0, 2**32 - 2))
def test_keys_order_by_response_then_by_lower_image(a, i, b, j):
    first, second = (int(rank_keys(np.float32([x]), np.int64([n]))[0]) for x, n in ((a, i), (b, j)))
    assert (first > second) == ((a, -i) > (b, -j))


@given(arrays(np.float32, 17, elements=floats), arrays(np.int64, 17, elements=st.integers(0, 2**32 - 2)))
def test_keys_give_back_response_and_image(responses, images):
    back, ids = unrank_keys(rank_keys(responses, images))
    assert np.array_equal(back, responses + np.float32(0))
    assert np.array_equal(ids, images)


def test_unit_leaves_a_zero_vector_zero():
    vectors = unit(np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert np.allclose(vectors, [[0.6, 0.8], [0, 0]])


@pytest.mark.parametrize("z", [-6.0, -1.0, 0.0, 0.5, 1.96, 4.0, 9.0, 25.0])
def test_normal_tail_is_half_the_complementary_error_function(z):
    assert normal_tail(np.array([z]))[0] == pytest.approx(math.erfc(z / math.sqrt(2)) / 2, rel=3e-7)


@given(st.lists(st.lists(st.integers(-2, 2), min_size=7, max_size=7), min_size=1, max_size=5))
def test_mean_ranks_are_scipys(rows):
    values = np.array(rows, np.float32)
    assert np.array_equal(mean_ranks(values), np.stack([rankdata(row) for row in values]))
