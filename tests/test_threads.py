"""No more threads compute than there are processors, fewer on a crowded machine, and afterwards all is as before."""

import math
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from PIL import Image
from threadpoolctl import ThreadpoolController
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import threads
from semlens_widgets.images import reading
from semlens_widgets.images.reading import batches
from semlens_widgets.passes import ProgressFile, steps
from semlens_widgets.shards import Engine, Kit, Shard, task

TOLD = 4  # threads that torch is told to use


@pytest.mark.parametrize(
    ("own", "load", "available", "expected"),
    [(2, 0.0, 2, 2), (2, 2.4, 2, 2), (2, 4.0, 2, 1), (32, 70.0, 64, 32), (32, 128.0, 64, 16), (1, 900.0, 2, 1)],
)
def test_a_crowded_machine_is_shared(own, load, available, expected):
    assert threads.share(own, load, available) == expected


@pytest.fixture
def three_threads(monkeypatch):
    monkeypatch.setattr(threads, "processors", lambda: 3)
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
    monkeypatch.setattr(threads, "_LOOKS", 1)
    monkeypatch.setattr(threads, "wanting", lambda own: next(loads))
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


# no more threads compute at a time than there are processors


class Counted:
    """Notes how many threads compute in sections that are entered: each as many as torch uses there."""

    def __init__(self):
        self.lock, self.sections = threading.Lock(), Counter()
        self.now, self.most = Counter(), Counter()  # threads at work by section; and when these were most

    @contextmanager
    def section(self, name):
        torch.ones(2) + 1  # by now the thread has its number
        mine = of_torch()
        with self.lock:
            self.now[name] += mine
            self.most = max(self.most, self.now.copy(), key=Counter.total)
            self.sections[name] += 1
        try:
            time.sleep(0.002)  # so that what may overlap does
            yield
        finally:
            with self.lock:
                self.now[name] -= mine


def of_torch():
    """The threads that torch's own loops and its MKL would use in this thread, where torch was told `TOLD`."""
    if (set_mkl := threads._mkl()) is threads._no_mkl:
        return torch.get_num_threads()
    of_mkl = set_mkl(0)
    set_mkl(of_mkl)
    return max(torch.get_num_threads(), of_mkl or TOLD)


@pytest.fixture
def told():
    before = torch.get_num_threads()
    torch.set_num_threads(TOLD)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("available", [1, 2, 3])
def test_no_more_threads_compute_than_there_are_processors(available, monkeypatch, counted_world):
    """In any stage of a fit: reading, the model, the CLIP; crops and embedding as well as the examples."""
    counted, fit = counted_world
    monkeypatch.setattr(threads, "processors", lambda: available)
    monkeypatch.setattr(reading, "processors", lambda: available)
    fit()
    assert counted.sections.keys() == {"read", "model", "clip"}
    assert counted.most.total() <= available, counted.most


@pytest.fixture
def counted_world(monkeypatch, told):
    """(what is counted, a fit of toy images)."""
    counted = Counted()

    def to_tensor(picture):
        with counted.section("read"):
            return to_pixels(picture)

    class Net(ColourNet):
        def forward(self, pixels):
            with counted.section("model"):
                return super().forward(pixels)

    class Clip(ColourClip):
        on_cpu, batch_size = True, 8

        def prepare(self, picture):
            with counted.section("read"):
                return picture

        def embed_prepared(self, prepared):
            with counted.section("clip"):
                return self.images(prepared)

    monkeypatch.setattr(threads, "wanting", lambda own: 0.0)
    lens = sl.Lens(
        Net(), sl.images(pictures(40), transform=to_tensor), "colour", Clip(), k=3, crop="activation", sample=5, null=5,
    )  # fmt: skip
    return counted, lambda: lens.fit(batch_size=8, cached=False, progress=False)


@pytest.mark.usefixtures("told")
def test_torch_told_a_number_keeps_to_a_share_in_its_matrix_products_as_well():
    """Its MKL, once told a number, has it for the whole process, whatever OpenMP is told."""
    with threads.fair_share(1):
        assert of_torch() == 1
    assert of_torch() == TOLD
    with ThreadPoolExecutor(1, initializer=threads.use_one) as reader:
        assert reader.submit(of_torch).result() == 1
    if Path("/proc/self/task").is_dir():
        with threads.fair_share(1):
            assert _helpers_at_work() == 0


def _helpers_at_work():
    """How many threads beside this one spend time on matrix products of torch, and on its convolutions."""
    square, pixels, weights = torch.ones(300, 300), torch.ones(2, 16, 30, 30), torch.ones(16, 16, 3, 3)
    start, until = _spent(), time.thread_time() + 0.3
    while time.thread_time() < until:
        torch.mm(square, square)
        torch.conv2d(pixels, weights)
    mine, end = threading.get_native_id(), _spent()
    return sum(3 * (end[thread] - start.get(thread, 0)) > end[mine] - start[mine] for thread in end if thread != mine)


def _spent():
    """Ticks of processor time of each thread of this process."""
    found = {}
    for thread in [Path("/proc/self/task") / str(each) for each in os.listdir("/proc/self/task")]:
        numbers = (thread / "stat").read_text().rpartition(")")[2].split()
        found[int(thread.name)] = int(numbers[11]) + int(numbers[12])
    return found


def test_the_machine_says_how_many_threads_want_to_run():
    load = threads.wanting(3)
    assert load is None or load >= 3 or not Path("/proc/loadavg").exists()


@pytest.mark.parametrize(
    ("files", "processors"),
    [
        ({"cpu.max": "max 100000\n"}, math.inf),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
        ({"cpu.max": "what\n"}, math.inf),
        ({"cpu.max": "100 0\n"}, math.inf),
        ({}, math.inf),
    ],
)
def test_a_container_has_the_processors_that_its_share_of_time_comes_to(files, processors, tmp_path, monkeypatch):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert threads._quota(tmp_path) == processors
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(3)), raising=False)
    monkeypatch.setattr(threads, "_quota", lambda: processors)
    assert threads.processors() == {1.5: 2, 4.0: 3, math.inf: 3}[processors]


def _numbers(images, image):
    torch.ones(2) + 1
    blas = ThreadpoolController().select(user_api="blas").lib_controllers
    return torch.get_num_threads(), max((library.num_threads for library in blas), default=1)


def test_processes_that_read_have_one_thread():
    """Of torch, and of numpy's BLAS."""
    images = sl.images([Image.new("RGB", (2, 2))] * 4)
    asked = [numbers for batch in batches(images, range(4), 2, _numbers, workers=1) for numbers in batch.items]
    assert asked == [(1, 1)] * 4


class NoKit(Kit):
    def open(self):
        return {}


@pytest.mark.usefixtures("told")
def test_tasks_of_a_pool_share_the_processors(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(task, "processors", lambda: 7)
    monkeypatch.setattr(threads, "processors", lambda: 7)
    monkeypatch.setattr(threads, "wanting", lambda own: 0.0)
    shard = Shard(0, 1, lambda things: (seen.append(of_torch()), ({}, {}))[1])
    for number, siblings in enumerate((1, 2, 3, 9)):
        task.Task(shard, NoKit({}), str(tmp_path / f"{number}.part"), "key", siblings)()
    assert seen == [TOLD, 3, 2, 1]
    assert of_torch() == TOLD
    with ThreadPoolExecutor(3) as pool:
        assert Engine(pool, tmp_path)._siblings == 3
