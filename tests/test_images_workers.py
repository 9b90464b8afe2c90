"""Reading in processes: what they give, say and refuse is what this process would; however it ends, they are gone."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from toy import ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.images import Images, batches, processes, read_ahead, reading_with
from semlens_widgets.model import stack
from semlens_widgets.stacked import as_one, rows_of


class Pictures:
    """Gives pictures; for some numbers it does what is wanted."""

    def __init__(self, count, wanted=None):
        self.pictures, self.wanted = pictures(count), wanted or {}

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, i):
        if i in self.wanted:
            self.wanted[i]()
        return self.pictures[i]


def raises(error):
    def do():
        raise error

    return do


def a_folder(tmp_path, count=23):
    for i, picture in enumerate(pictures(count)):
        picture.save(tmp_path / f"{i:02}.png")
    (tmp_path / "05.png").write_bytes(b"no picture")
    for i in (3, 11):
        several = [Image.new("RGB", (8, 8), (i, 0, 0)), Image.new("RGB", (8, 8))]
        several[0].save(tmp_path / f"{i:02}.tiff", save_all=True, append_images=several[1:])
        (tmp_path / f"{i:02}.png").unlink()
    return sl.images(sorted(tmp_path.iterdir()), transform=lambda picture: to_pixels(picture).half())


def plain(value):
    """A value that can be compared, with the kinds of its arrays."""
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, Image.Image):
        return value.size, value.tobytes()
    if isinstance(value, np.ndarray | torch.Tensor):
        return type(value).__name__, str(value.dtype), value.tolist()
    return value


def read(data, workers, how=Images.tensor, ids=None):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        found = [
            (batch.ids.tolist(), plain(batch.items), [(u.name, u.why) for u in batch.unreadable])
            for batch in batches(data, range(len(data)) if ids is None else ids, 4, how, workers=workers)
        ]
    return found, [str(warning.message).rpartition("tiff'")[2] for warning in said]


def alive():
    return [process.pid for process in multiprocessing.active_children()]


def gone(pids, within=20):
    """Whether processes end soon: what was told to go may take a moment to do so."""
    until = time.monotonic() + within
    while any(os.path.exists(f"/proc/{pid}") if os.path.isdir("/proc") else _runs(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _runs(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("how", [Images.tensor, Images.tensor_and_size, Images.picture], ids=lambda how: how.__name__)
def test_files_are_read_alike_by_any_number_of_workers_and_what_is_wrong_with_them_is_said_once(tmp_path, how):
    here, said_here = read(a_folder(tmp_path), 0, how)
    there, said_there = read(a_folder(tmp_path), 2, how)
    assert there == here
    assert said_there == said_here
    assert len(said_here) == 1, "of two files with several pictures"
    assert [name for _, _, wrong in here for name, _ in wrong] == [str(tmp_path / "05.png")]


def test_a_data_set_of_a_notebook_is_read_alike_by_workers():
    class Local(torch.utils.data.Dataset):
        def __len__(self):
            return 23

        def __getitem__(self, i):
            warnings.warn("this data set warns", stacklevel=1)
            if i == 7:
                raise KeyError("image")
            return np.full((5, 7, 3), i, np.uint8), i % 2

    data = sl.images(Local())
    order = [22, *range(0, 21, 2), 7, 1]
    here, there = read(data, 0, ids=order), read(data, 2, ids=order)
    assert there == here
    assert there[0][3][2] == [("7", "KeyError: 'image'")]
    assert there[1] == ["this data set warns"]


def test_the_scale_of_16_bit_pictures_is_that_of_the_whole_data_set_for_workers_too(tmp_path):
    for i in range(23):
        Image.fromarray(np.full((5, 7), 60_000 if i == 0 else 1000 + i, np.uint16)).save(tmp_path / f"{i:02}.png")
    assert read(sl.images(tmp_path), 2, Images.picture) == read(sl.images(tmp_path), 0, Images.picture)


ERRORS = [MemoryError("full"), SystemExit(3), KeyboardInterrupt("stop"), torch.cuda.OutOfMemoryError("of the GPU")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_is_no_fault_of_the_item_passes_from_a_worker(error):
    with pytest.raises(type(error), match=str(error)):
        list(batches(sl.images(Pictures(5, {3: raises(error)})), range(5), 2, workers=1))
    assert gone(alive())


def test_what_must_be_stated_is_asked_for_in_the_same_words(tmp_path):
    for i in range(5):
        Image.fromarray(np.full((5, 7), 1000 + i, np.uint16)).save(tmp_path / f"{i}.png")
    told = []
    for workers in (0, 1):
        with pytest.raises(ValueError, match="value_range") as caught:
            list(batches(sl.images(tmp_path), range(5), 2, workers=workers))
        told.append((type(caught.value), str(caught.value)))
    assert told[0] == told[1]
    assert "image 0.png has numbers from 1,000 to 1,004" in told[0][1]


def test_an_error_that_cannot_travel_says_what_it_said():
    class Odd(MemoryError):
        def __init__(self, one, two):
            super().__init__(f"{one} and {two}")

    def fail():
        raise Odd(1, 2)

    with pytest.raises(RuntimeError, match="Odd: 1 and 2"):
        list(batches(sl.images(Pictures(5, {3: fail})), range(5), 2, workers=1))


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (lambda: os._exit(3), "died with exit code 3"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "died, killed by SIGKILL: memory ran out"),
    ],
    ids=["exit", "kill"],
)
def test_a_worker_that_dies_is_one_clear_error(end, said):
    with pytest.raises(RuntimeError, match=rf"one of 2 processes that read images {said}.*workers=0"):
        list(batches(sl.images(Pictures(23, {9: end})), range(23), 2, workers=2))
    assert gone(alive())


def test_results_and_details_of_any_kind_travel_and_what_cannot_is_an_error_not_a_wait():
    class Own:
        def __init__(self, number):
            self.number = number

    def answer(images, number, detail):
        return Own(detail(number)) if number else threading.Lock()

    data = sl.images(Pictures(3))
    ((one, two),) = read_ahead(data, [[(1, lambda n: n + 1), (2, lambda n: -n)]], answer, workers=1)
    assert (one.number, two.number) == (2, -2)
    with pytest.raises(TypeError, match="cannot pickle"):
        list(read_ahead(data, [[(0, None)]], answer, workers=1))
    with pytest.raises(TypeError, match="cannot pickle"):
        list(read_ahead(data, [[(1, threading.Lock())]], answer, workers=1))


def test_workers_end_with_a_process_that_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "import multiprocessing, time, numpy as np\n"
        "import semlens_widgets as sl\n"
        "from semlens_widgets.images import batches\n"
        "for batch in batches(sl.images(np.zeros((50, 5, 7, 3), np.uint8)), range(50), 2, workers=2):\n"
        "    print(*[process.pid for process in multiprocessing.active_children()], flush=True)\n"
        "    time.sleep(600)\n"
    )
    run = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    pids = [int(pid) for pid in run.stdout.readline().split()]
    run.kill()
    run.wait()
    run.stdout.close()
    assert len(pids) == 2
    assert gone(pids)


def test_a_pass_that_is_left_in_the_middle_leaves_no_process():
    found = batches(sl.images(Pictures(230)), range(230), 2, workers=2)
    next(found)
    there = alive()
    assert len(there) >= 2
    found.close()
    assert gone(there)


@pytest.fixture
def interruptible():
    """Also where the tests run in the background: a shell has what it starts there ignore interruptions."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("when", ["at work", "waiting"])
def test_an_interruption_leaves_no_process(when):
    slow = {30: lambda: time.sleep(600)} if when == "waiting" else {}
    there = []

    def read_until_interrupted():
        for batch in batches(sl.images(Pictures(230, slow)), range(230), 2, workers=2):
            there[:] = there or alive()
            if when == "at work":
                signal.raise_signal(signal.SIGINT)
            elif 20 in batch.ids:
                main = threading.main_thread().ident
                threading.Timer(1, signal.pthread_kill, (main, signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        read_until_interrupted()
    assert there
    assert gone(there)


def test_a_script_without_a_guard_runs_once_and_its_classes_are_known_to_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from PIL import Image\n"
        "import semlens_widgets as sl\n"
        "from semlens_widgets.images import Images, batches\n"
        "print('begun')\n"
        "class Data:\n"
        "    def __len__(self): return 7\n"
        "    def __getitem__(self, i): return Image.new('RGB', (3, 5), (i, 0, shade))\n"
        "shade = 9\n"
        "found = batches(sl.images(Data(), lambda p: p), range(7), 2, Images.picture, workers=2)\n"
        "print([p.getpixel((0, 0)) for b in found for p in b.items])\n"
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["begun", str([(i, 0, 9) for i in range(7)])]


def test_an_open_file_is_not_sent_to_workers_and_is_read_here_unasked(tmp_path, monkeypatch):
    class OverOneFile(Pictures):
        def __init__(self, path):
            super().__init__(5)
            path.write_bytes(b"1")
            self.file = path.open("rb")

    data = sl.images(OverOneFile(tmp_path / "file"))
    with pytest.raises(
        TypeError, match=r"cannot be sent there \(TypeError: .*Give workers=0, or let it open its files"
    ):
        list(batches(data, range(5), 2, workers=1))
    monkeypatch.setattr(processes, "unasked", lambda *_: 2)
    assert len(read(data, None)[0]) == 2


@pytest.mark.parametrize(
    ("workers", "error"), [(-1, ValueError), (1.5, TypeError), (True, TypeError), ("2", TypeError)]
)
def test_workers_are_a_whole_number(workers, error, as_installed):
    with pytest.raises(error, match=r"workers=.*processes that read images"):
        list(batches(sl.images(Pictures(5)), range(5), 2, workers=workers))


def test_a_worker_process_starts_no_others_and_says_so():
    def refused(images, number, detail):
        try:
            next(batches(images, [number], 1, workers=detail))
        except ValueError as error:
            return str(error)
        return processes.unasked(images, 1_000_000)

    data = sl.images(Pictures(3))
    data.of_files = True
    ((told, unasked),) = read_ahead(data, [[(0, 2), (1, 0)]], refused, workers=1)
    assert "this is itself a worker process, which may start no others; give workers=0" in told
    assert unasked == 0


def test_workers_read_unasked_where_many_files_processors_and_shared_memory_make_it_worth_it(tmp_path, monkeypatch):
    (tmp_path / "files").mkdir()
    files = a_folder(tmp_path / "files")
    monkeypatch.setattr(processes, "processors", lambda: 12)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 40, 0, 1 << 40))
    assert processes.unasked(files, 1_000_000) == 8
    assert processes.unasked(files, 1000) == 0, "threads have read a thousand by the time workers have begun"
    assert processes.unasked(files, None) == 0
    assert processes.unasked(sl.images(pictures(5)), 1_000_000) == 0, "in memory"
    assert processes.unasked(sl.images(Pictures(5)), 1_000_000) == 0, "it may hold an open file"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 26, 0, 1 << 26))
    assert processes.unasked(files, 1_000_000) == (0 if os.path.isdir("/dev/shm") else 8)
    monkeypatch.setattr(processes, "processors", lambda: 2)
    assert processes.unasked(files, 1_000_000) == 0


def test_folders_and_data_sets_of_files_are_of_files_and_those_in_memory_are_not(tmp_path):
    torchvision = pytest.importorskip("torchvision")
    datasets = pytest.importorskip("datasets")
    (tmp_path / "a").mkdir()
    for picture in pictures(1):
        picture.save(tmp_path / "a" / "0.png")
    folder = torchvision.datasets.ImageFolder(tmp_path)
    table = datasets.Dataset.from_dict({"image": pictures(2)}, features=datasets.Features({"image": datasets.Image()}))
    table.save_to_disk(tmp_path / "table")
    on_disk = datasets.load_from_disk(tmp_path / "table")
    for source in (tmp_path, [tmp_path / "a" / "0.png"], folder, torch.utils.data.Subset(folder, [0]), on_disk):
        assert sl.images(source).of_files, source
    for source in (pictures(2), table, torch.utils.data.ConcatDataset([folder, torch.utils.data.Subset(table, [1])])):
        assert not sl.images(source).of_files, source


def test_who_reads_may_be_said_for_all_that_is_read_inside(monkeypatch):
    asked = []
    monkeypatch.setattr(processes, "by_workers", lambda content, parts, workers, _: iter(asked.append(workers) or []))
    data = sl.images(Pictures(1))
    for stated, own, given in [(2, None, None), (2, 0, None), (None, None, 3), (4, None, 3), (None, None, None)]:
        data.workers = given
        with reading_with(stated):
            list(read_ahead(data, [], lambda *_: None, workers=own))
    assert asked == [2, 3, 4]
    with pytest.raises(ValueError, match="workers=-2"), reading_with(-2):
        pass


def test_reading_leaves_the_users_random_numbers_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    read(sl.images(Pictures(5)), 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_batch_that_came_as_one_tensor_is_not_copied_to_be_one():
    whole = torch.arange(42.0).reshape(7, 2, 3)
    rows = rows_of(whole)
    assert stack(rows).data_ptr() == whole.data_ptr()
    assert stack(rows[2:5]).data_ptr() == whole[2].data_ptr()
    assert torch.equal(stack(rows[2:5]), whole[2:5])
    for others in (rows[::2], [*rows[:3], rows[2]], rows[::-1], [rows[0], torch.zeros(2, 3)], [], list(whole)):
        assert as_one(others) is None
    assert torch.equal(stack([*rows[:3], rows[2]]), whole[[0, 1, 2, 2]])
    (batch,) = batches(sl.images(Pictures(5), to_pixels), range(5), 5, workers=1)
    assert as_one(batch.items) is not None


def test_a_fit_is_the_same_whoever_reads_its_pictures(tmp_path):
    for i, picture in enumerate(pictures(23)):
        picture.save(tmp_path / f"{i:02}.png")
    (tmp_path / "05.png").write_bytes(b"no picture")
    clip = sl.OpenClip(sl.demo.clip_folder())

    def fitted(workers):
        data = sl.images(tmp_path, to_pixels)
        lens = sl.Lens(ColourNet(), data, ["colour"], clip, k=5, sample=7, null=5, templates=("{}",))
        with pytest.warns(UserWarning, match="could not be read"):
            lens.fit(cached=False, progress=False, batch_size=8, workers=workers)
        space = lens.space
        return space.examples.to_arrays(), space.crop_vectors, space.null_vectors, bytes(space.thumbnails.data)

    (here, *vectors), (there, *others) = fitted(0), fitted(2)
    assert all(np.array_equal(here[name], there[name]) for name in here)
    assert all(np.array_equal(one, other) for one, other in zip(vectors, others, strict=True))
