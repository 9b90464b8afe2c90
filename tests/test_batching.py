"""Batches are as large as memory holds: measured where a device says so, halved where it holds less."""

from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import clip as door
from semlens_widgets.batching import Batches, fitting, is_out_of_memory
from semlens_widgets.components import Recipe

OUT_OF_MEMORY = {
    "a GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    "the CPU": RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"),
    "the CPU on Windows": RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
    "an Apple GPU": RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    "Python": MemoryError(),
}


class Device:
    """Doubles at most so many items at once."""

    def __init__(self, room, error):
        self.room, self.error, self.asked = room, error, []

    def __call__(self, items):
        self.asked.append(len(items))
        if len(items) > self.room:
            raise self.error
        return [2 * item for item in items]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(), max_size=70), st.integers(1, 80), st.sampled_from(sorted(OUT_OF_MEMORY)))
def test_whatever_the_room_the_answers_are_those_of_all_at_once(items, room, whose):
    device, batches = Device(room, OUT_OF_MEMORY[whose]), Batches()
    for _ in range(2):
        assert list(chain(*batches.run(device, items))) == [2 * item for item in items]
    tried = [size for size in device.asked if size > room]
    assert tried == sorted(set(tried), reverse=True), "what did not fit is not tried again"
    assert batches.most is None or room / 2 <= batches.most <= room or batches.most == 1


def test_one_item_that_does_not_fit_and_other_errors_are_raised():
    for room, error in ((0, OUT_OF_MEMORY["a GPU"]), (2, RuntimeError("shapes cannot be multiplied"))):
        device = Device(room, error)
        with pytest.raises(type(error), match=str(error)[:20]):
            Batches().run(device, range(16))
    assert device.asked == [16]
    assert not is_out_of_memory(ValueError("out of memory"))


def test_a_batch_takes_half_of_the_free_memory_as_a_power_of_two():
    for free, one in ((10**9, 1e7), (10**9, 3e6), (10**10, 1e6), (10**6, 1e6), (10**9, 0.0)):
        size = fitting(free, one)
        assert size in (8, 16, 32, 64, 128, 256)
        assert size == 8 or size * one <= free / 2
        assert size == 256 or 2 * size * one > free / 2


# CLIPs


@pytest.fixture
def clip():
    return sl.OpenClip(sl.demo.clip_folder(), batch_size=16)


@pytest.mark.parametrize("whose", sorted(OUT_OF_MEMORY))
def test_a_clip_whose_device_holds_less_than_a_batch_gives_the_same_vectors(clip, whose, monkeypatch):
    shown, words = pictures(23), [f"a photo of {n}" for n in ("red", "ruler", "hair", "mole", "skin")]
    vectors, of_words, model = clip.images(shown), clip.texts(words), clip._loaded[0]
    asked = []

    def small(encode):
        def encoded(batch):
            asked.append(len(batch))
            if len(batch) > 3:
                raise OUT_OF_MEMORY[whose]
            return encode(batch)

        return encoded

    for name in ("encode_image", "encode_text"):
        monkeypatch.setattr(model, name, small(getattr(model, name)))
    assert clip.images(shown) == pytest.approx(vectors, abs=1e-5)
    assert clip.texts(words) == pytest.approx(of_words, abs=1e-5)
    assert asked[:3] == [16, 8, 4]
    asked.clear()
    clip.images(shown)
    assert max(asked) <= 3, "it is remembered"


def test_a_fit_goes_on_where_memory_runs_out(clip, monkeypatch):
    data = sl.images(pictures(40), transform=to_pixels)
    whole = sl.Lens(ColourNet(), data, "colour", clip, k=5).fit(cached=False, progress=False).space
    encode = clip._loaded[0].encode_image

    def little(batch):
        if len(batch) > 2:
            raise OUT_OF_MEMORY["a GPU"]
        return encode(batch)

    monkeypatch.setattr(clip._loaded[0], "encode_image", little)
    small = sl.Lens(ColourNet(), data, "colour", clip, k=5).fit(cached=False, progress=False).space
    assert small.vectors == pytest.approx(whole.vectors, abs=1e-3)


def test_a_gpu_is_measured_once_and_the_cpu_by_the_size_of_its_pictures(monkeypatch):
    measured = []

    def memory_of(torch, device, run, trial):
        measured.append(len(run(trial)))
        return 10**9, 4e6

    monkeypatch.setattr(door, "_memory_of", memory_of)
    clip = sl.OpenClip(sl.demo.clip_folder())
    assert (clip.batch_size, clip.batch_size) == (64, 64)
    assert measured == [8]
    monkeypatch.setattr(door, "_memory_of", lambda *told: None)
    side = clip.prepare(pictures(1)[0]).shape
    assert sl.OpenClip(sl.demo.clip_folder()).batch_size == np.clip(6e6 // (4 * np.prod(side)), 8, 256)


def test_half_precision_is_for_a_gpu_and_stands_in_the_recipe(tmp_path, as_installed):
    with pytest.raises(ValueError, match="precision='double'; choose 'single' or 'half'"):
        sl.OpenClip(sl.demo.clip_folder(), precision="double")
    with pytest.raises(ValueError, match="half' is for a GPU"):
        sl.OpenClip(sl.demo.clip_folder(), device="cpu", precision="half")
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="there is none here"):
            sl.OpenClip(sl.demo.clip_folder(), precision="half").load()
    clip = ColourClip()
    single = sl.Lens(ColourNet(), sl.images(pictures(20), transform=to_pixels), "colour", clip, k=5)
    before = single.source.recipe()
    assert before.precision == "single"
    assert "precision" not in before.to_document(), "keys and files are as before"
    clip.precision = "half"
    made = sl.Lens(ColourNet(), single.source.images, "colour", clip, k=5).fit(cached=False, progress=False)
    assert made.space.recipe.key != before.key
    assert made.space.recipe.examples_key == before.examples_key
    opened = sl.SemanticSpace.open(made.save(tmp_path / "half.semlens")).space
    assert opened.recipe == made.space.recipe
    assert isinstance(opened.recipe, Recipe)
    assert opened.recipe.precision == "half"
