"""Who reads when: a data set over one open file is read in order by one thread; what fails is listed."""

import io
import sqlite3
import tarfile
import threading

import numpy as np
import pytest
from PIL import Image

import semlens_widgets as sl
from semlens_widgets.images import Images, batches


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
    asked.clear()
    next(stream)
    assert asked == [(i, threading.current_thread()) for i in range(4)], "nothing is read ahead"
    assert sum(len(batch.ids) for batch in stream) == 19
    assert [i for i, _ in asked] == list(range(23))


def test_folders_lists_and_arrays_are_read_ahead_in_threads(tmp_path):
    Image.new("RGB", (5, 7)).save(tmp_path / "a.png")
    for source in (tmp_path, [tmp_path / "a.png"], [Image.new("RGB", (5, 7))], np.zeros((2, 5, 7, 3), np.uint8)):
        assert sl.images(source).concurrent
