"""What a pass keeps where the model runs, held against the plain way: all responses at once, in numpy."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from semlens_widgets.examples import Statistics, Tally
from semlens_widgets.model import Bookkeeping, NotFinite
from semlens_widgets.model.reading import Pooled
from semlens_widgets.sums import LARGEST, exact
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


def in_whole_numbers(responses, power):
    """Per component the sum of its responses to a power, as a whole number of 2^-80: one by one, by fractions."""
    return [
        sum(round(max(-Fraction(LARGEST), min(Fraction(x) ** power, Fraction(LARGEST))) * 2**80) for x in column)
        for column in responses.T.tolist()
    ]


def digits(whole):
    """A whole number by 40 bits each, the last three from -2^39 on."""
    limbs = []
    for _ in range(3):
        limbs.append((whole + 2**39) % 2**40 - 2**39)
        whole = (whole - limbs[-1]) >> 40
    return [whole, *reversed(limbs)]


def any_bits(random, shape):
    """float32 numbers of any size: of all that are finite, each as often."""
    bits = random.integers(0, 0xFF << 23, shape, dtype=np.uint32) | random.integers(0, 2, shape, dtype=np.uint32) << 31
    return bits.view(np.float32)


STEPS = np.add.outer([-80, -29, 22, 73], [-1, 0, 1]).ravel().tolist()  # and of their squares
STEPS += np.add.outer([-40, -15, 11, 37], [-1, 0, 1]).ravel().tolist()
RANGES = {
    "any numbers": any_bits,
    "denormal": lambda r, shape: r.integers(1, 1 << 23, shape, dtype=np.uint32).view(np.float32),
    "where rounding begins": lambda r, shape: r.integers(-999, 1000, shape) * 2.0**-83,
    "half of the last unit": lambda r, shape: r.integers(-9, 10, shape) * 2.0**-81,
    "their squares are": lambda r, shape: r.integers(-(2**23), 2**23, shape) * 2.0**-60,
    "about each step": lambda r, shape: np.nextafter(
        np.float32(2) ** r.choice(STEPS, shape), np.float32(r.choice([-1, 1], shape) * np.inf)
    ) * r.choice([-1, 1], shape),
    "about what saturates": lambda r, shape: r.choice([-1, 1], shape) * 2.0 ** r.integers(36, 42, shape),
    "beyond it": lambda r, shape: r.choice([-1, 1], shape) * 2.0 ** r.integers(75, 128, shape),
    "large ones that cancel, and small ones": lambda r, shape: np.where(
        np.arange(shape[0])[:, None] % 3 == 2, r.normal(size=shape) * 1e-9, np.where(
        np.arange(shape[0])[:, None] % 3, 1e18, -1e18)),
    "half precision": lambda r, shape: np.float16(r.normal(size=shape) * 2.0 ** r.integers(-20, 12, shape)),
}  # fmt: skip


@pytest.mark.parametrize("kind", RANGES)
def test_sums_are_those_of_fractions_whatever_the_range(kind):
    random = np.random.default_rng(0)
    responses = RANGES[kind](random, (197, 5)).astype(np.float32)
    found = kept(responses, list(splits(random, len(responses))), 3, resume_at={0})
    for name, power in (("sums", 1), ("squares", 2)):
        wanted = [digits(whole) for whole in in_whole_numbers(responses, power)]
        assert found[name].tolist() == wanted, name
        assert exact(responses.astype(np.float64) ** power).tolist() == wanted, name


def test_sums_do_not_overflow_however_many_batches():
    responses = np.full((150, 2), [2.0**22, -(2.0**11)], np.float32)
    book = Bookkeeping(2, 1, CPU)
    for first in range(0, 150 * 90, 150):
        book.add(Pooled(torch.from_numpy(responses), torch.zeros(150, 2, dtype=torch.int32), (1,)), 150,
                 np.arange(first, first + 150), "layer")  # fmt: skip
    whole = 150 * 90 * 2**80
    assert book.arrays()["sums"].tolist() == [digits(whole * 2**22), digits(-whole * 2**11)]
    assert book.arrays()["squares"].tolist() == [digits(whole * 2**44), digits(whole * 2**22)]


def test_shards_of_unlike_ranges_merge_to_the_sums_of_all():
    random = np.random.default_rng(3)
    responses = np.concatenate([RANGES[kind](random, (71, 5)).astype(np.float32) for kind in RANGES])
    parts = [Statistics.of(responses[at : at + 71]) for at in range(0, len(responses), 71)]
    for order in (parts, parts[::-1]):
        merged = order[0]
        for part in order[1:]:
            merged = merged.merge(part)
        for name in ("sums", "squares"):
            assert np.array_equal(getattr(merged, name), kept(responses, [len(responses)], 1)[name]), name


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_layer_and_component(bad):
    responses = np.ones((3, 70_001), np.float32)
    responses[1, 70_000] = bad
    with pytest.raises(NotFinite, match=r"'layer'.*first in component 70000"):
        kept(responses, [3], 2)
