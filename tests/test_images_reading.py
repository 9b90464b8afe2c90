"""Who reads when: a data set over one open file is read in order by one thread; what fails is listed."""

import io
import sqlite3
import tarfile
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from toy import ColourClip, ColourNet

import semlens_widgets as sl
from semlens_widgets.images import Images, batches, first_readable


def colour(i):
    """A plain picture that says its own number."""
    return (i % 256, i // 256, 7)


def encoded(i):
    buffer = io.BytesIO()
    Image.new("RGB", (11, 13), colour(i)).save(buffer, "PNG")
    return buffer.getvalue()


class OverOneTar:
    def __init__(self, path, count):
        with tarfile.open(path, "w") as tar:
            for i in range(count):
                entry = tarfile.TarInfo(f"{i}.png")
                data = encoded(i)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
        self.tar = tarfile.open(path)  # noqa: SIM115
        self.members = self.tar.getmembers()

    def __len__(self):
        return len(self.members)

    def __getitem__(self, i):
        return Image.open(self.tar.extractfile(self.members[i])), i


class OverOneFile:
    """Records of one length in one open file: seek and read, as many data sets do."""

    def __init__(self, path, count):
        path.write_bytes(b"".join(np.full((11, 13, 3), colour(i), np.uint8).tobytes() for i in range(count)))
        self.file, self.count = path.open("rb"), count

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        self.file.seek(i * 11 * 13 * 3)
        return np.frombuffer(self.file.read(11 * 13 * 3), np.uint8).reshape(11, 13, 3)


class OverOneDatabase:
    """SQLite connections refuse every thread but the one that opened them."""

    def __init__(self, path, count):
        self.database = sqlite3.connect(path)
        self.database.execute("create table pictures (number integer primary key, data blob)")
        self.database.executemany("insert into pictures values (?, ?)", [(i, encoded(i)) for i in range(count)])
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        ((data,),) = self.database.execute("select data from pictures where number = ?", (i,))
        return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("kind", [OverOneTar, OverOneFile, OverOneDatabase])
def test_a_data_set_over_one_open_file_gives_each_image_under_its_own_number(tmp_path, kind):
    data = sl.images(kind(tmp_path / "pictures", 301))
    seen = [
        (i, picture.getpixel((0, 0)))
        for batch in batches(data, range(301), 16, Images.picture)
        for i, picture in zip(batch.ids.tolist(), batch.items, strict=True)
    ]
    assert seen == [(i, colour(i)) for i in range(301)]


def test_a_window_that_reads_during_a_pass_waits_for_its_turn(tmp_path):
    data = sl.images(OverOneFile(tmp_path / "pictures", 301))
    found = {}

    def read(start):
        found.update({i: data.picture(i).getpixel((0, 0)) for i in range(start, 301, 4)})

    threads = [threading.Thread(target=read, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: colour(i) for i in range(301)}


def test_an_unknown_data_set_is_read_in_order_by_the_thread_that_asks():
    asked = []

    class Data:
        def __len__(self):
            return 23

        def __getitem__(self, i):
            asked.append((i, threading.current_thread()))
            return Image.new("RGB", (5, 7))

    stream = batches(sl.images(Data()), range(23), 4)
    next(stream)
    assert asked == [(i, threading.current_thread()) for i in range(4)], "nothing is read ahead"
    assert sum(len(batch.ids) for batch in stream) == 19
    assert [i for i, _ in asked] == list(range(23))


def test_folders_lists_and_arrays_are_read_ahead_in_threads(tmp_path):
    Image.new("RGB", (5, 7)).save(tmp_path / "a.png")
    for source in (tmp_path, [tmp_path / "a.png"], [Image.new("RGB", (5, 7))], np.zeros((2, 5, 7, 3), np.uint8)):
        assert sl.images(source).concurrent


class Failing:
    """Gives pictures, but raises for some."""

    def __init__(self, length, failing, error):
        self.length, self.failing, self.error = length, frozenset(failing), error

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        if i in self.failing:
            raise self.error
        return Image.new("RGB", (11, 13), colour(i))


ERRORS = [
    RuntimeError("CUDA"),
    KeyError("image"),
    IndexError(),
    AssertionError("odd"),
    OSError(5, "I/O"),
    StopIteration(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_item_that_raises_is_skipped_and_listed_with_the_reason(error):
    data = sl.images(Failing(23, {3, 11}, error))
    read = list(batches(data, range(23), 5, Images.picture))
    assert [i for batch in read for i in batch.ids.tolist()] == [i for i in range(23) if i not in (3, 11)]
    told = [unreadable for batch in read for unreadable in batch.unreadable]
    assert [u.name for u in told] == ["3", "11"]
    assert all(type(error).__name__ in u.why for u in told)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, SystemExit, torch.cuda.OutOfMemoryError])
def test_what_is_no_fault_of_the_item_passes(error):
    with pytest.raises(error):
        list(batches(sl.images(Failing(5, {3}, error())), range(5), 2))


def test_items_that_are_no_image_are_skipped_and_listed():
    data = sl.images([Image.new("RGB", (5, 7)), None, 5, "absent.png", {}, (), Image.new("RGB", (5, 7))])
    (read,) = batches(data, range(7), 7)
    assert read.ids.tolist() == [0, 6]
    assert [u.name for u in read.unreadable] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("concurrent", [True, False])
def test_when_all_fail_it_ends_soon_with_how_many_and_the_first_reason(concurrent):
    class Asked(Failing):
        count = 0

        def __getitem__(self, i):
            self.count += 1
            return super().__getitem__(i)

    source = Asked(10_000, range(10_000), RuntimeError("no such column 'image'"))
    data = sl.images(source)
    data.concurrent = concurrent
    said = (
        r"the first 3\d of 10,000 images cannot be read, nor can 16 others; the first: 0: RuntimeError: no such column"
    )
    with pytest.raises(ValueError, match=said):
        list(batches(data, range(10_000), 8))
    assert source.count < 100


def test_a_bad_start_does_not_end_it_where_others_can_be_read():
    data = sl.images(Failing(301, range(100), RuntimeError()))
    read = list(batches(data, range(301), 16))
    assert [i for batch in read for i in batch.ids.tolist()] == list(range(100, 301))
    assert sum(len(batch.unreadable) for batch in read) == 100


def test_a_transform_that_fails_on_one_picture_makes_it_unreadable():
    def transform(picture):
        if picture.width == 1:
            raise ValueError("height and width must be > 0")
        return np.asarray(picture, np.float32).transpose(2, 0, 1)

    data = sl.images([Image.new("RGB", (5, 7)), Image.new("RGB", (1, 7))], transform=transform)
    (read,) = batches(data, range(2), 2)
    assert read.ids.tolist() == [0]
    assert "the transform fails on a picture of 1 × 7 pixels (ValueError: height" in read.unreadable[0].why


def test_fit_goes_on_without_images_that_raise_and_lists_them():
    data = sl.images(Failing(61, {7, 40}, KeyError("image")))
    lens = sl.Lens(ColourNet(), data, ["colour"], ColourClip(), k=5, crop=None, templates=("{}",))
    lens.fit(cached=False, progress=False)
    assert {name for name, _ in lens.unreadable} == {"7", "40"}


def test_the_first_readable_image_is_found_behind_others_and_none_says_why():
    assert first_readable(sl.images(Failing(9, {0, 1}, KeyError("image"))))[0] == 2
    assert first_readable(sl.images(Failing(9, {3}, KeyError("image"))), [3, 7, 1])[0] == 7
    with pytest.raises(ValueError, match=r"none of the 9 images could be read; the first: 0: KeyError: 'image'"):
        first_readable(sl.images(Failing(9, range(9), KeyError("image"))))
