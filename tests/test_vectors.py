import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from semlens_widgets.vectors import rank_keys, top_k, unit, unrank_keys

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
