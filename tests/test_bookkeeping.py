"""What a pass keeps where the model runs, held against the plain way: all responses at once, in numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semlens_widgets.examples import Statistics, Tally
from semlens_widgets.model import Bookkeeping, NotFinite
from semlens_widgets.model.reading import Pooled
from semlens_widgets.vectors import rank_keys

CPU = torch.device("cpu")
STATISTICS = ("sums", "squares", "nonzero", "negative", "exponent", "bins")


def kept(responses, batches, k, resume_at=()):
    """The arrays of one that was given the rows in these batches, and was put away and taken up again after some."""
    book, first = Bookkeeping(responses.shape[1], k, CPU), 0
    for number, count in enumerate(batches):
        ids = np.arange(first, first + count)
        filled = np.concatenate([responses[ids], responses[ids[-1:]]])  # a row beyond `count` is not looked at
        peaks = torch.from_numpy(peaks_of(np.append(ids, ids[-1]), responses.shape[1]))
        book.add(Pooled(torch.from_numpy(filled), peaks, (9, 9)), count, ids, "layer")
        first += count
        if number in resume_at:
            book = Bookkeeping.resumed(book.arrays(), book.images, CPU)
    return book.arrays()


def peaks_of(ids, components):
    return ((ids[:, None] * 7 + np.arange(components)) % 81).astype(np.int32)


def assert_plain(found, responses, k):
    """As sorting every response, and as `Statistics.of` all of them."""
    ids = np.arange(len(responses))
    plain = Tally([responses.shape[1]], k)
    plain.add(rank_keys(responses, ids[:, None]).T, peaks_of(ids, responses.shape[1]).T)
    for one, other in zip(Tally.of(found["keys"], found["peaks"]).ranked(k), plain.ranked(k), strict=True):
        assert np.array_equal(one[:, : len(ids)], other[:, : len(ids)])
    whole = Statistics.of(responses)
    for name in STATISTICS:
        assert np.array_equal(found[name], getattr(whole, name)), name


def splits(random, count):
    """Random sizes of batches that make up `count`."""
    while count:
        size = int(min(count, random.integers(1, 150)))
        yield size
        count -= size


KINDS = {
    "relu": lambda r, shape: np.maximum(r.normal(size=shape), 0),
    "both signs": lambda r, shape: r.normal(size=shape) * 10.0 ** r.integers(-3, 4, shape[1]),
    "equal responses": lambda r, shape: r.integers(-2, 3, shape),
    "nothing": lambda r, shape: np.zeros(shape),
    "minus nothing": lambda r, shape: np.full(shape, -0.0),
    "all negative": lambda r, shape: -np.exp(r.normal(size=shape)),
    "growing": lambda r, shape: np.arange(shape[0])[:, None] ** 3.0 + np.zeros(shape),
    "huge": lambda r, shape: r.normal(size=shape) * 1e30,
    "between 2^39 and 2^45": lambda r, shape: r.normal(size=shape) * 2.0**42,
    "tiny": lambda r, shape: r.normal(size=shape) * 1e-38,
    "powers of two": lambda r, shape: 2.0 ** r.integers(-9, 9, shape) * r.choice([-1, 1], shape),
    "one that turns negative": lambda r, shape: np.where(np.arange(shape[0])[:, None] > shape[0] / 2, -5.0, 3.0)
    * np.ones(shape),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("images", "components", "k"), [(1, 3, 5), (67, 67, 67), (331, 13, 7), (517, 211, 30)])
def test_it_is_what_sorting_and_counting_everything_finds_whatever_the_batches(kind, images, components, k):
    random = np.random.default_rng(images)
    responses = KINDS[kind](random, (images, components)).astype(np.float32)
    batches = list(splits(random, images))
    assert_plain(kept(responses, batches, k, resume_at={0, len(batches) // 2}), responses, k)


def test_columns_beyond_what_is_worked_on_together():
    random = np.random.default_rng(5)
    responses = np.maximum(random.normal(size=(130, 9001)), 0).astype(np.float32)
    assert_plain(kept(responses, [64, 63, 3], 4), responses, 4)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=70),
    st.integers(1, 9),
    st.integers(0, 2**32 - 1),
)
def test_any_numbers_in_any_batches(values, k, seed):
    responses = np.float32(values)[:, None]
    assert_plain(kept(responses, list(splits(np.random.default_rng(seed), len(values))), k), responses, k)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_layer_and_component(bad):
    responses = np.ones((3, 70_001), np.float32)
    responses[1, 70_000] = bad
    with pytest.raises(NotFinite, match=r"'layer'.*first in component 70000"):
        kept(responses, [3], 2)
