"""Torch's threads take their share of a crowded machine, and are as before afterwards."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from PIL import Image

import semlens_widgets as sl
from semlens_widgets import threads
from semlens_widgets.images.reading import batches
from semlens_widgets.passes import ProgressFile, steps


@pytest.mark.parametrize(
    ("own", "load", "available", "expected"),
    [(2, 0.0, 2, 2), (2, 2.4, 2, 2), (2, 4.0, 2, 1), (32, 70.0, 64, 32), (32, 128.0, 64, 16), (1, 900.0, 2, 1)],
)
def test_a_crowded_machine_is_shared(own, load, available, expected):
    assert threads.share(own, load, available) == expected


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


class Counting:
    """A pass over nothing."""

    file, position = ProgressFile(None, dict), 0

    def save(self):
        raise AssertionError("there is no file")


@pytest.mark.usefixtures("three_threads")
def test_a_pass_follows_the_load_and_leaves_the_threads_as_they_were(monkeypatch):
    loads = iter([0.0, 100.0 * os.cpu_count(), 0.0])
    monkeypatch.setattr(os, "getloadavg", lambda: (next(loads), 0, 0), raising=False)
    with steps(Counting(), 2, "counting", progress=False) as step:
        seen = [torch.get_num_threads()]
        for _ in range(2):
            step(1)
            seen.append(torch.get_num_threads())
    assert seen == [3, 1, 3]
    loads = iter([100.0 * os.cpu_count()])

    def interrupted():
        with steps(Counting(), 2, "counting", progress=False):
            assert torch.get_num_threads() == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_threads_that_read_images_run_torch_alone():
    def threads_now(images, image):
        torch.ones(2) + 1
        return torch.get_num_threads()

    images = sl.images([Image.new("RGB", (2, 2))] * 7)
    read = [item for batch in batches(images, range(7), 2, threads_now) for item in batch.items]
    assert read == [1] * 7
    assert torch.get_num_threads() == 3
    with ThreadPoolExecutor(1) as other:
        assert other.submit(torch.get_num_threads).result() == 3, "a user's own threads are not concerned"
