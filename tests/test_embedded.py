"""What was embedded grows on disk: an interrupted embedding goes on to the same bytes, and damage is never taken in."""

import errno
import random
import re
import tempfile
import tracemalloc
from dataclasses import replace
from itertools import product
from pathlib import Path

import filelock
import numpy as np
import pytest
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.examples import drawn
from semlens_widgets.images import UnreadableImage
from semlens_widgets.passes import ProgressFile
from semlens_widgets.space.embedded import embedding
from semlens_widgets.space.jobs import Planned
from semlens_widgets.space.verb import embed

DIM = 5


def crops(count, seed=0):
    """(vectors, readable, pictures) of each of so many steps of a few crops: the first cannot be read."""
    source = np.random.default_rng(seed)
    steps = []
    for number in range(count):
        readable = source.random(1 + number % 4) < (0 if number == 0 else 0.7)
        vectors = source.normal(size=(int(readable.sum()), DIM)).astype(np.float32)
        sizes = source.integers(0, 40, len(readable)) * readable
        steps.append((vectors, readable.tolist(), [source.bytes(size) for size in sizes.tolist()]))
    return steps


def run(folder, steps, upto=None, made_from="these", saved_every=2):
    """All that came of some steps: embedded where it was left, up to a step at which it ends without a word."""
    with embedding(ProgressFile(folder, lambda: {"made from": made_from})) as made:
        begins = np.cumsum([0] + [len(readable) for _, readable, _ in steps]).tolist()
        first = begins.index(made.position)
        for number in range(first, len(steps) if upto is None else upto):
            made.add(*steps[number])
            made.position = begins[number + 1]
            if number % saved_every == 0:
                made.save()
        if upto is not None:
            return first, None
        found = made.whole()
        listed = [bytes(found.pictures.webp(i)) for i in range(len(found.pictures))]
        return first, (found.vectors.tobytes(), found.readable.tolist(), listed)


def plain(steps):
    """The same, kept in lists."""
    vectors, readable, listed = [], [], []
    for some, ok, images in steps:
        rows = iter(some.astype(np.float16))
        vectors += [next(rows) if each else np.zeros(DIM, np.float16) for each in ok]
        readable += ok
        listed += images
    return np.stack(vectors).tobytes(), readable, listed


@pytest.mark.parametrize("named", [True, False])
def test_what_is_added_is_all_there(tmp_path, named):
    steps = crops(23)
    assert run(tmp_path / "x.crops" if named else None, steps) == (0, plain(steps))


def test_what_was_saved_is_gone_on_with_to_the_same_bytes(tmp_path):
    steps = crops(23)
    for upto in range(23):
        folder = tmp_path / f"{upto}.crops"
        run(folder, steps, upto)
        first, found = run(folder, steps)
        assert first == (0 if upto < 3 else (upto - 1) // 2 * 2 + 1)
        assert found == plain(steps)
        assert run(folder, steps, made_from="others")[0] == 0


def test_saving_writes_what_is_new(tmp_path):
    steps, folder = crops(40), tmp_path / "x.crops"
    written = []
    with embedding(ProgressFile(folder, dict)) as made:
        for number, step in enumerate(steps):
            made.add(*step)
            made.position += len(step[1])
            before = sum(file.stat().st_size for file in folder.iterdir())
            made.save()
            written.append(sum(file.stat().st_size for file in folder.iterdir()) - before)
            assert number == 0 or written[-1] < 2000
    assert max(written[20:]) < 2 * max(written[1:20])


def bytes_written():
    """By this process so far, as the system counts them."""
    return int(re.search(r"wchar: (\d+)", Path("/proc/self/io").read_text())[1])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts the bytes that a process writes")
def test_what_was_saved_is_not_written_again_however_often_is_saved(tmp_path):
    step, folder = (np.ones((50, 64), np.float32), [True] * 50, [bytes(500)] * 50), tmp_path / "x.crops"
    with embedding(ProgressFile(folder, dict)) as made:
        before = bytes_written()
        for _ in range(100):
            made.add(*step)
            made.position += 50
            made.save()
        written = bytes_written() - before
    there = sum(file.stat().st_size for file in folder.iterdir())
    assert there > 100 * 50 * (2 * 64 + 500)
    assert written < 1.2 * there


def test_damage_anywhere_is_never_taken_in(tmp_path):
    """Bits flipped, ends cut off, files gone, in each of the files: what goes on comes to the same."""
    steps, source = crops(23), random.Random(0)
    whole = tmp_path / "whole.crops"
    run(whole, steps, 19)
    names = ("vectors", "pictures", "sizes", "log")
    for case, (name, kind) in enumerate(product(names, ("flip", "cut", "gone", "longer") * 6)):
        folder = tmp_path / f"{case}.crops"
        folder.mkdir()
        for file in whole.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        data = bytearray((folder / name).read_bytes())
        if kind == "flip":
            data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        elif kind == "cut":
            del data[source.randrange(len(data)) :]
        elif kind == "longer":
            data += source.randbytes(7)
        (folder / name).write_bytes(data)
        if kind == "gone":
            (folder / name).unlink()
        assert run(folder, steps)[1] == plain(steps), f"{name} {kind} {case}"


def test_two_at_once_do_not_write_to_the_same_files(tmp_path):
    steps, folder = crops(23), tmp_path / "x.crops"
    folder.mkdir()
    with filelock.FileLock(folder / "lock"):
        assert run(folder, steps) == (0, plain(steps))
    assert [file.name for file in folder.iterdir() if file.name != "lock"] == []


def test_where_the_folder_cannot_be_made_nothing_is_kept_and_that_is_said(tmp_path):
    (tmp_path / "a file").write_text("in the way")
    steps = crops(9)
    with pytest.warns(UserWarning, match="cannot be written"):
        assert run(tmp_path / "a file" / "x.crops", steps) == (0, plain(steps))


def test_memory_does_not_grow_with_the_crops(tmp_path):
    """But for the few bytes that say how large each picture is."""
    with embedding(ProgressFile(tmp_path / "x.crops", dict)) as made:
        step = (np.ones((50, 64), np.float32), [True] * 50, [bytes(500)] * 50)
        made.add(*step)
        tracemalloc.start()
        for _ in range(200):
            made.add(*step)
        made.save()
        found = made.whole()
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert found.vectors.shape == (10_050, 64)
    assert kept < 60 * 10_000, "vectors take 128 bytes each, pictures 500"


# which crops


def planned_by_loops(examples, images, recipe):
    """(all crops as (image, box, shown), which of them each example is, random and sampled images are), one by one."""
    source, examples_of = np.random.default_rng(recipe.seed), {}
    boxes = None if examples.boxes is None else np.round(examples.boxes.astype(np.float64), 4)
    for row, count in enumerate(examples.counts):
        for rank in range(count):
            box = None if boxes is None else tuple(boxes[row, rank].tolist())
            examples_of[row, rank] = (int(examples.images[row, rank]), box)
    jobs = sorted(set(examples_of.values()), key=lambda job: (job[0], job[1] or ()))
    shown, chance = len(jobs), drawn(images, recipe.null, recipe.seed).tolist()
    places = [None] * len(chance)
    if boxes is not None:
        places = [jobs[at][1] for at in source.integers(0, shown, len(chance))]
    others = list(zip(chance, places, strict=True))
    others += [(int(image), None) for image in examples.sampled.images]
    for job in others:
        if job not in jobs:
            jobs.append(job)
    at = [jobs.index(job) for job in others]
    return (
        [(*job, number < shown) for number, job in enumerate(jobs)],
        {place: jobs.index(job) for place, job in examples_of.items()},
        at[: len(chance)], at[len(chance) :],
    )  # fmt: skip


@pytest.fixture(scope="module", params=[None, "activation"])
def fitted(request):
    data = sl.images(pictures(60), transform=to_pixels)
    lens = sl.Lens(ColourNet(), data, ["colour", "head"], ColourClip(), k=7, crop=request.param, templates=("{}",),
                   null=30, sample=20)  # fmt: skip
    return lens.fit(cached=False, progress=False)


def test_each_crop_is_planned_once_as_by_loops(fitted):
    examples = fitted.space.examples
    plan = Planned.of(examples, 60, fitted.space.recipe)
    jobs, of_examples, null, sample = planned_by_loops(examples, 60, fitted.space.recipe)
    assert [(job.image, job.box, job.shown) for job in plan.jobs] == jobs
    assert {place: int(plan.crop_of[place]) for place in of_examples} == of_examples
    assert plan.null.tolist() == null
    assert plan.sample.tolist() == sample
    parts = [job for start in range(0, len(jobs), 7) for job in plan.jobs.part(start, start + 7)]
    assert [(job.image, job.box, job.shown) for job in parts] == jobs


def test_an_embedding_that_stops_at_any_crop_goes_on_to_the_same_space(fitted, tmp_path, monkeypatch):
    """A file that cannot be read stays so; an error of the CLIP ends the pass, and what was embedded stays."""
    monkeypatch.setattr("semlens_widgets.space.verb._BATCH", 4)
    images, recipe, examples = fitted.source.images, fitted.space.recipe, fitted.space.examples
    broken, picture = int(fitted.space.examples.referenced[3]), type(images).picture

    def some_broken(self, number):
        if number == broken:
            raise UnreadableImage(str(number), "torn")
        return picture(self, number)

    monkeypatch.setattr(type(images), "picture", some_broken)
    once = ColourClip()
    whole = embed(examples, images, once, recipe, progress=False)
    for stop in range(0, len(once.asked), 3):
        clip, path = ColourClip(), tmp_path / f"{stop}.crops"

        class Stops(ColourClip):
            def images(self, pictures, stop=stop):
                if len(self.asked) == stop:
                    raise KeyboardInterrupt
                return super().images(pictures)

        made = {"thumbnail": 9, "progress_file": path, "progress": False}
        monkeypatch.setattr("semlens_widgets.space.verb.of_clip", lambda clip: "a CLIP")
        monkeypatch.setattr("semlens_widgets.passes._PAUSE", 0)
        monkeypatch.setattr("semlens_widgets.passes._SHARE", 0)
        with pytest.raises(KeyboardInterrupt):
            embed(examples, images, Stops(), recipe, **made)
        resumed = embed(examples, images, clip, recipe, **made)
        plain = replace(whole, thumbnails=resumed.thumbnails)
        assert resumed.to_file()[1] == plain.to_file()[1]
        for name, array in plain.to_file()[0].items():
            assert np.array_equal(array, resumed.to_file()[0][name]), name
        assert clip.asked == once.asked[stop:]


class Full:
    """A file on a disk that has room for so many bytes more."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(data)

    def close(self):
        self.file.close()
        raise OSError(errno.ENOSPC, "No space left on device")  # what waits in its buffer

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_is_one_error_and_what_was_saved_is_gone_on_with(tmp_path, named):
    steps, folder = crops(23), tmp_path / "x.crops" if named else None
    file = ProgressFile(folder, lambda: {"made from": "these"})

    def fill():
        with embedding(file) as made, made.room_for(500):
            for number, step in enumerate(steps):
                if number == 11:
                    made._files["pictures"] = Full(made._files["pictures"], 50)
                made.add(*step)
                made.position = made.done
                if number % 2 == 0:
                    made.save()

    with pytest.raises(OSError, match="No space left on device: ") as full:
        fill()
    assert full.value.errno == errno.ENOSPC
    assert re.search(r": \d+ of 500 crops are embedded, the others need about \d+ kB more, and .* are free; free some",
                     str(full.value))  # fmt: skip
    assert ("fit again to go on with what was saved" in str(full.value)) == named
    assert full.value.filename == str(folder if named else tempfile.gettempdir())
    if named:
        first, found = run(folder, steps)
        assert first >= 11
        assert found == plain(steps)
