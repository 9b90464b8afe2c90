import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.crops import active_boxes, squared
from semlens_widgets.examples import Statistics, drawn
from semlens_widgets.store import Stored
from semlens_widgets.sums import BINS, exact

LAYERS = ["colour", "rectified", "head"]


def collected(count=41, **options):
    data = sl.images(pictures(count), transform=to_pixels)
    return sl.collect(ColourNet(), data, LAYERS, **({"k": 7, "sample": 13, "progress": False} | options))


def slow_top_k(layer, pooling="max", count=41, k=7):
    """Every response by itself, sorted by hand: the definition."""
    net = ColourNet()
    with torch.no_grad():
        maps = {}
        net.register_module("_", None)
        for name in LAYERS:
            getattr(net, name).register_forward_hook(lambda m, a, o, name=name: maps.__setitem__(name, o))
        rows = []
        for picture in pictures(count):
            net(to_pixels(picture)[None])
            out = maps[layer][0]
            rows.append(
                (out.flatten(1).amax(1) if pooling == "max" else out.flatten(1).mean(1)) if out.ndim == 3 else out
            )
    responses = torch.stack(rows).numpy()
    order = [sorted(range(count), key=lambda i, c=c: (-responses[i, c], i))[:k] for c in range(responses.shape[1])]
    return np.array(order), np.take_along_axis(responses.T, np.array(order), 1)


@pytest.mark.parametrize("layer", LAYERS)
def test_examples_are_the_strongest_images_ties_by_lower_id(layer):
    found = collected()
    images, responses = slow_top_k(layer)
    rows = found.components.rows(layer)
    assert np.array_equal(found.images[rows], images)
    assert np.array_equal(found.responses[rows], responses)


def assert_same(a, b):
    for name in ("images", "responses", "peaks"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    for name in ("images", "sums", "squares", "nonzero", "negative", "exponent", "bins"):
        assert np.array_equal(getattr(a.statistics, name), getattr(b.statistics, name)), name
    assert a.components == b.components
    assert (a.sampled is None) == (b.sampled is None)
    if a.sampled is not None:
        assert np.array_equal(a.sampled.images, b.sampled.images)
        assert np.array_equal(a.sampled.responses, b.sampled.responses)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 40, 41, 64])
def test_the_batch_size_does_not_matter_even_with_a_last_batch_of_one(batch_size):
    assert_same(collected(batch_size=batch_size), collected(batch_size=7))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 2), min_size=41, max_size=41), st.permutations([0, 1, 2]))
def test_shards_merged_in_any_order_are_the_single_pass(shard_of, order):
    shards = [[i for i in range(41) if shard_of[i] == s] for s in order]
    parts = [collected(ids=ids) for ids in shards if ids]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    assert_same(merged, collected())


def hashed(number, seed):
    """splitmix64 of a number, from a start that the seed gives, with whole numbers of any length."""

    def mixed(z):
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    golden = 0x9E3779B97F4A7C15
    return mixed((mixed((seed + 1) * golden % 2**64) + number * golden) % 2**64)


@pytest.mark.parametrize("seed", [0, 1, 2**63, -1, 2**70])
def test_a_draw_takes_the_lowest_hashes(seed):
    assert drawn(300, 20, seed).tolist() == sorted(sorted(range(300), key=lambda i: hashed(i, seed))[:20])


def test_every_image_is_drawn_as_often_as_chance_has_it():
    times = np.zeros(41)
    for seed in range(1000):
        times[drawn(41, 13, seed)] += 1
    expected = 1000 * 13 / 41
    assert times.sum() == 13_000
    assert ((times - expected) ** 2 / (expected * (1 - 13 / 41))).sum() < 80, "chi² with 40 degrees: .9998"


def test_the_sample_is_all_responses_to_images_drawn_by_seed():
    sampled = collected(seed=3).sampled
    assert sampled.images.tolist() == sorted(sorted(range(41), key=lambda i: hashed(i, 3))[:13])
    order, responses = slow_top_k("colour", k=41)
    for channel in range(4):
        by_image = responses[channel][np.argsort(order[channel])]
        assert np.array_equal(sampled.responses[channel], by_image[sampled.images])


def test_a_larger_sample_holds_the_smaller_one_and_none_is_none():
    assert set(drawn(41, 13, 5)) < set(drawn(41, 29, 5))
    assert len(collected(sample=500).sampled.images) == 41
    assert collected(sample=0).sampled is None
    with pytest.raises(ValueError, match="one shard has a sample"):
        collected(ids=range(20)).merge(collected(ids=range(20, 41), sample=0))


def test_k_beyond_the_data_set_gives_all_images():
    found = collected(count=5, k=13)
    assert found.images.shape == (10, 5)
    assert sorted(found.images[0].tolist()) == [0, 1, 2, 3, 4]


def test_negative_responses_have_examples_and_a_dead_component_has_none():
    found = collected()
    never = found.components.row("colour:3")  # minus the sum of all colours
    assert (found.responses[never] < 0).all()
    assert found.counts[never] == 7
    dead = found.components.row("rectified:3")
    assert found.counts[dead] == 0
    assert (found.images[never] == slow_top_k("colour")[0][3]).all()


def test_statistics_are_those_of_all_responses():
    found = collected()
    every = slow_top_k("colour", k=41)[1].astype(np.float64)
    rows = found.components.rows("colour")
    s = found.statistics
    assert np.allclose(s.mean[rows], every.mean(1), rtol=1e-12)
    assert np.allclose(s.variance[rows], every.var(1), rtol=1e-9)
    assert np.array_equal(s.nonzero_share[rows], (every != 0).mean(1))
    for component in range(4):
        edges, counts = s.histogram(rows.start + component)
        expected, _ = np.histogram(every[component], bins=edges)
        assert counts.tolist() == expected.tolist()
        assert counts.sum() == 41


@settings(deadline=None)
@given(
    st.lists(st.floats(width=32, min_value=-(2.0**60), max_value=2.0**60), min_size=1, max_size=29), st.integers(1, 28)
)
def test_statistics_do_not_depend_on_the_split_and_use_the_finest_bins(values, cut):
    column = np.array(values, np.float32)[:, None]
    whole = Statistics.of(column)
    parts = [p for p in (column[:cut], column[cut:]) if len(p)]
    merged = Statistics.of(parts[0])
    for part in parts[1:]:
        merged = merged.merge(Statistics.of(part, like=merged))
    for name in ("sums", "squares", "nonzero", "negative", "exponent", "bins"):
        assert np.array_equal(getattr(whole, name), getattr(merged, name)), name
    edges, counts = whole.histogram(0)
    assert counts.sum() == len(values)
    assert edges[0] <= min(values)
    assert max(values) < edges[-1]
    assert len(counts) == BINS


@given(st.lists(st.floats(width=32, min_value=-1e6, max_value=1e6), min_size=1, max_size=31))
def test_exact_sums_do_not_depend_on_order(values):
    column = np.array(values, np.float64)[:, None]
    assert np.array_equal(exact(column), exact(column[::-1]))
    assert exact(column)[0] @ np.array([2.0**40, 1, 2.0**-40, 2.0**-80]) == pytest.approx(sum(values), abs=1e-6)


def test_unreadable_images_are_skipped_and_reported(tmp_path):
    for i, picture in enumerate(pictures(9)):
        picture.save(tmp_path / f"{i}.png")
    (tmp_path / "4.png").write_bytes(b"")
    (tmp_path / "7.png").write_bytes((tmp_path / "8.png").read_bytes()[:50])
    found = sl.collect(
        ColourNet(), sl.images(tmp_path, transform=to_pixels), "colour", k=9, batch_size=2, progress=False
    )
    assert [name for name, _ in found.unreadable] == ["4.png", "7.png"]
    assert sorted(found.images[0].tolist()) == [0, 1, 2, 3, 5, 6, 8]
    assert found.statistics.images == 7
    assert found.sampled.images.tolist() == [0, 1, 2, 3, 5, 6, 8]


def test_only_unreadable_images_are_an_error(tmp_path):
    (tmp_path / "0.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of the 1 images could be read; the first: 0\.png"):
        sl.collect(ColourNet(), sl.images(tmp_path, transform=to_pixels), "colour", progress=False)


def test_images_of_different_sizes_ask_for_a_transform():
    data = sl.images([*pictures(3), *pictures(2, size=9)])
    with pytest.raises(ValueError, match="different sizes"):
        sl.collect(ColourNet(), data, "colour", progress=False)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"batch_size": 0}, {"sample": -1}, {"pooling": "median"}])
@pytest.mark.usefixtures("as_installed")
def test_senseless_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        collected(**wrong)


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import time
import semlens_widgets as sl
from toy import ColourNet, pictures, to_pixels
from itertools import accumulate, repeat
from operator import mul
time.monotonic = accumulate(repeat(100), mul, initial=100).__next__  # every batch is due for saving
seen, read = [], sl.Images.tensor_and_size
def tensor_and_size(self, image):
    seen.append(1)
    if len(seen) == {after}:
        os.kill(os.getpid(), signal.SIGKILL)
    return read(self, image)
sl.Images.tensor_and_size = tensor_and_size
data = sl.images(pictures(41), transform=to_pixels)
sl.collect(ColourNet(), data, {layers!r}, k=7, batch_size=4, sample=13, progress_file={path!r}, progress=False)
"""


@pytest.mark.parametrize("after", [4, 30, 42])  # two images are read before the pass, to know the model by
def test_a_killed_pass_goes_on_to_the_same_bytes(tmp_path, monkeypatch, after):
    path = tmp_path / "pass.examples"
    script = KILLED.format(tests=str(Path(__file__).parent), after=after, layers=LAYERS, path=str(path))
    run = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[1], check=False)
    assert run.returncode == -signal.SIGKILL
    assert path.exists() == (after > 25)
    done = Stored(path).document["position"] if path.exists() else 0
    seen, read = [], sl.Images.tensor_and_size
    with monkeypatch.context() as counted:
        counted.setattr(sl.Images, "tensor_and_size", lambda self, image: seen.append(image) or read(self, image))
        resumed = collected(batch_size=4, progress_file=path)
    assert sorted(seen) == sorted([0, 1, *range(done, 41)])
    assert_same(resumed, collected(batch_size=4))
    unbroken = tmp_path / "unbroken.examples"
    collected(batch_size=4, progress_file=unbroken)
    assert path.read_bytes() == unbroken.read_bytes()


def test_a_damaged_progress_file_is_no_progress(tmp_path):
    path = tmp_path / "pass.examples"
    path.write_bytes(b"nonsense")
    assert_same(collected(progress_file=path), collected())


def test_boxes_hold_the_excited_square():
    data = sl.images(pictures(41), transform=to_pixels)
    found = sl.collect(ColourNet(), data, ["colour"], k=3, progress=False)
    cropped = sl.crop(found, ColourNet(), data, ["colour"], threshold=0.3, progress=False)
    x, y = np.divmod(found.peaks[:3], 8)[::-1]
    box = cropped.boxes[:3]
    assert ((box[..., 0] <= (x + 0.5) / 8) & (box[..., 2] >= (x + 0.5) / 8)).all()
    assert ((box[..., 1] <= (y + 0.5) / 8) & (box[..., 3] >= (y + 0.5) / 8)).all()
    assert np.allclose(box[..., 2] - box[..., 0], box[..., 3] - box[..., 1], atol=1e-6)
    assert box.min() >= 0
    assert box.max() <= 1


def test_a_box_of_one_bright_place_is_around_it_and_flat_maps_point_nowhere():
    maps = np.zeros((3, 7, 7), np.float32)
    maps[0, 1, 5] = 1
    maps[1] = -5
    maps[1, 3, 3] = -1  # nothing is positive: the least negative place counts
    boxes = active_boxes(maps, 0.5)
    for box, (x, y) in zip(boxes[:2], [(5.5 / 7, 1.5 / 7), (0.5, 0.5)], strict=True):
        assert (box[0] + box[2]) / 2 == pytest.approx(x, abs=0.02)
        assert (box[1] + box[3]) / 2 == pytest.approx(y, abs=0.02)
        assert 0.1 < box[2] - box[0] < 0.25
    assert boxes[2].tolist() == [0, 0, 1, 1]


def test_boxes_are_square_in_pixels_and_stay_in_the_window():
    window, size = np.array([[0.25, 0.0, 0.75, 1.0]]), np.array([[200.0, 100.0]])
    box = squared(np.array([[0.9, 0.4, 1.0, 0.6]]), window, size)[0] * [200, 100, 200, 100]
    assert box[2] - box[0] == pytest.approx(20)
    assert box[3] - box[1] == pytest.approx(20)
    assert box[2] == pytest.approx(150)


def test_shards_of_different_passes_do_not_merge():
    with pytest.raises(ValueError, match="k=7"):
        collected().merge(collected(k=5))


@pytest.mark.parametrize(
    "other", [{"k": 5}, {"pooling": "mean"}, {"sample": 3}, {"seed": 1}, {"count": 40}, {"ids": range(5, 41)}]
)
def test_the_file_of_another_pass_is_no_progress(tmp_path, other):
    path = tmp_path / "pass.examples"
    collected(progress_file=path)
    assert_same(collected(progress_file=path, **other), collected(**other))
