"""Responses kept: of all components on many images, in half the bytes, with ranks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import store
from semlens_widgets.examples import Sampled
from semlens_widgets.examples.sample import centred_ranks, halved, widened

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
some = arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 17)), elements=floats)


def fitted(count=37, **options):
    data = sl.images(pictures(count), transform=to_pixels)
    options = {"crop": None, "k": 3, "null": 11} | options
    return sl.Lens(ColourNet(), data, ["colour", "head"], ColourClip(), **options)


@given(some)
def test_half_the_bytes_keep_responses_their_order_and_zero(responses):
    codes, scales = halved(responses)
    kept = widened(codes, scales)
    assert codes.dtype == np.float16
    for row, (mine, theirs) in enumerate(zip(responses.astype(float), kept.astype(float), strict=True)):
        origin, reach = scales[row, 0], np.abs(mine - scales[row, 0]).max()
        assert origin == (0 if mine.min() <= 0 <= mine.max() else mine[np.abs(mine).argmin()])
        rounding = 2.0**-24 * np.abs(mine)  # of single precision
        assert np.all(np.abs(mine - theirs) <= np.abs(mine - origin) / 2048 + reach * 2.0**-39 + rounding)
        assert np.all(np.diff(theirs[np.argsort(mine, kind="stable")]) >= 0)
        assert np.all(theirs[mine == 0] == 0)


def test_a_narrow_range_far_from_zero_is_kept_as_finely_as_one_at_zero():
    random = np.random.default_rng(0).random((1, 1000)).astype(np.float32)
    for shift in (0, 1000, -1000):
        kept = widened(*halved(random + shift))
        assert np.abs(kept - random - shift).max() < 1 / 2048


def test_what_is_kept_is_kept_again_as_it_is():
    responses = np.random.default_rng(0).normal(size=(5, 31)).astype(np.float32) ** 3
    once = widened(*halved(responses))
    assert np.array_equal(widened(*halved(once)), once)


@given(some)
def test_ranks_are_those_of_scipy_twice_and_around_zero(responses):
    expected = 2 * rankdata(responses, axis=1) - (responses.shape[1] + 1)
    assert np.array_equal(centred_ranks(responses), expected)
    codes, _ = halved(responses)
    assert np.array_equal(centred_ranks(codes), centred_ranks(codes.astype(float)))


def test_ranks_of_very_many_images_fit_into_sixteen_bits():
    values = np.random.default_rng(0).permutation(70_001)[None].astype(np.float32)
    ranks = centred_ranks(values).astype(float)
    assert ranks.dtype == float
    assert np.abs(ranks).max() <= 32767
    assert np.corrcoef(ranks[0], values[0])[0, 1] > 1 - 1e-8
    assert abs(ranks.sum()) < 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [({}, 37), ({"sample": 17}, 17), ({"responses": 19}, 19), ({"responses": "all", "sample": 0}, 37),
     ({"responses": False}, 0), ({"responses": 0}, 0), ({"sample": 0}, 0)],
)  # fmt: skip
def test_responses_are_kept_of_as_many_images_as_was_said(given, kept):
    lens = fitted(**given)
    space = lens.fit(cached=False, progress=False).space
    assert (0 if space.sample is None else len(space.sample)) == kept


@pytest.mark.parametrize("wrong", [True, -1, "most", 0.5, None])
def test_what_is_no_number_of_images_is_refused(wrong):
    with pytest.raises((ValueError, TypeError), match="responses"):
        fitted(responses=wrong)


def test_a_file_holds_them_in_sixteen_bits_and_gives_back_what_the_space_had(tmp_path):
    space = fitted().fit(cached=False, progress=False).space
    path = space.save(tmp_path / "a.semlens")
    stored = store.Stored(path)
    assert (stored["sample_responses"].dtype, stored["sample_ranks"].dtype) == (np.float16, np.int16)
    again = sl.SemanticSpace.open(path).space.sample
    assert np.array_equal(again.activations, space.sample.activations)
    assert np.array_equal(again.ranks, space.sample.ranks)
    assert np.array_equal(again.of(np.array([4, 1])), space.sample.activations[:, [4, 1]])


def test_a_file_from_before_has_them_in_single_precision_and_is_ranked_when_asked(tmp_path):
    space = fitted().fit(cached=False, progress=False).space
    sampled = Sampled(space.sample.images, {"sample_responses": np.array(space.sample.activations.T)})
    old = replace(space, examples=replace(space.examples, sampled=sampled)).save(tmp_path / "old.semlens")
    assert "sample_ranks" not in store.Stored(old)
    again = sl.SemanticSpace.open(old).space.sample
    assert np.array_equal(again.activations, space.sample.activations)
    assert np.array_equal(again.ranks, space.sample.ranks)


def test_shards_in_any_order_are_kept_as_one_pass_keeps_them():
    data = sl.images(pictures(41), transform=to_pixels)

    def collected(ids=None):
        return sl.collect(ColourNet(), data, ["colour"], k=3, sample=29, ids=ids, batch_size=7, progress=False)

    whole = collected().sampled.compact()
    first, second, third = collected(range(11)), collected(range(11, 30)), collected(range(30, 41))
    for merged in (first.merge(second).merge(third), third.merge(first).merge(second)):
        kept = merged.sampled.compact()
        for name, array in whole.to_arrays().items():
            assert np.array_equal(kept.to_arrays()[name], array)


def test_a_stream_keeps_all_without_knowing_how_many_there_will_be():
    class Endless:
        def __iter__(self):
            return iter([(picture, 0) for picture in pictures(23)])

    stream = sl.images(Endless(), transform=to_pixels)
    lens = sl.Lens(ColourNet(), stream, ["colour"], ColourClip(), k=3, null=11, crop=None, responses="all")
    assert len(lens.fit(cached=False, progress=False).space.sample) == 23
