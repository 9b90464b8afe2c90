"""Nearest vectors in tiles are those of plain loops, whatever the tiles; ties go to the lower row."""

import threading

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from semlens_widgets import threads
from semlens_widgets.describe.ranking import best_columns
from semlens_widgets.neighbours import closest, nearest_within
from semlens_widgets.vectors import unit


def directions(count, seed=0, dim=7):
    """Unit vectors of which every fifth stands there a second time, further on."""
    found = unit(np.random.default_rng(seed).normal(size=(count, dim)) + 0.5).astype(np.float32)
    found[1::5] = found[0:-1:5][: len(found[1::5])]
    return found


def by_loops(asking, answering, count, itself):
    """(rows, cosines) of the nearest, by sorting all; a cosine counts to six digits, equal ones by row."""
    rows, cosines = [], []
    for i, vector in enumerate(asking):
        listed = [(-round(float(vector @ other), 5), j) for j, other in enumerate(answering) if itself or i != j]
        best = [j for _, j in sorted(listed)[:count]]
        rows.append(best)
        cosines.append([float(vector @ answering[j]) for j in best])
    return np.asarray(rows), np.asarray(cosines)


@pytest.mark.parametrize("block", [1, 2, 3, 8, 13, 53, 64])
def test_the_nearest_of_each_is_that_of_loops_whatever_the_tiles(block):
    vectors = directions(53)
    rows, cosines = nearest_within(vectors, block=block)
    expected = by_loops(vectors, vectors, 1, itself=False)
    assert np.array_equal(rows, expected[0][:, 0])
    assert cosines == pytest.approx(expected[1][:, 0], abs=1e-6)
    assert np.array_equal(nearest_within(vectors[:2], block=block)[0], [1, 0])


@pytest.mark.parametrize("count", [1, 4, 19, 99])
@pytest.mark.parametrize("block", [1, 3, 16, 37, 64])
def test_the_nearest_few_are_those_of_loops_whatever_the_tiles(block, count):
    asking, answering = directions(23), directions(37, seed=1)
    for others, itself in ((answering, True), (None, False)):
        among = asking if others is None else others
        rows, cosines = closest(asking, others, count, block=block)
        expected = by_loops(asking, among, min(count, len(among) - (not itself)), itself)
        assert np.array_equal(rows, expected[0])
        assert cosines == pytest.approx(expected[1], abs=2e-6)


def test_steps_lead_to_the_end_and_what_they_raise_ends_the_work():
    vectors, steps, before = directions(53), [], blas()
    nearest_within(vectors, block=8, on_step=lambda *step: steps.append(step))
    assert steps == sorted(steps)
    assert len(steps) == 7
    assert steps[-1] == (53, 53)

    def enough(done, total):
        raise KeyboardInterrupt

    for search in (lambda: nearest_within(vectors, block=8, on_step=enough),
                   lambda: closest(vectors, None, 3, block=8, on_step=enough)):  # fmt: skip
        with pytest.raises(KeyboardInterrupt):
            search()
    assert blas() == before


@pytest.mark.parametrize("count", [1, 3, 5, 6, 11])
def test_the_best_columns_are_those_of_a_stable_sort(count):
    scores = np.random.default_rng(0).integers(0, 9, (29, 11)).astype(np.float32) + 0
    if count > 5:  # among equal ones at the border, those found by partition may be any
        scores += np.random.default_rng(1).random(scores.shape, np.float32)
    before = scores.copy()
    assert np.array_equal(best_columns(scores, count), np.argsort(-scores, axis=1, kind="stable")[:, :count])
    assert np.array_equal(scores, before)


# threads


def blas():
    return [library.num_threads for library in ThreadpoolController().select(user_api="blas").lib_controllers]


@pytest.fixture(autouse=True)
def two_threads():
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        yield


def test_jobs_give_their_results_in_order_with_blas_alone_and_leave_it_as_it_was():
    before = blas()

    def job(number):
        return number, set(blas())

    found = list(threads.on_all(job, range(17)))
    assert [number for number, _ in found] == list(range(17))
    assert all(seen <= {1} for _, seen in found)
    assert blas() == before
    assert list(threads.on_all(job, [])) == []


def test_what_a_job_raises_is_raised_and_nothing_more_is_begun():
    begun, before = [], blas()

    def job(number):
        begun.append(number)
        if number == 3:
            raise ValueError("three")
        return number

    with pytest.raises(ValueError, match="three"):
        list(threads.on_all(job, range(1000)))
    assert len(begun) < 100
    assert blas() == before


def test_two_at_once_leave_blas_as_it_was():
    before = blas()
    first, second = (threads.on_all(lambda number: number, range(9)) for _ in range(2))
    next(first)
    next(second)
    assert list(first) == list(range(1, 9))
    assert set(blas()) <= {1}, "the second still runs"
    assert list(second) == list(range(1, 9))
    assert blas() == before


def test_no_more_threads_than_blas_may_use():
    seen = set()
    with ThreadpoolController().limit(limits=1, user_api="blas"):
        for _ in threads.on_all(lambda _: seen.add(threading.get_ident()), range(50)):
            pass
    assert len(seen) == 1
