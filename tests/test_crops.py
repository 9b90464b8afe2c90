"""Crops by relevance against a loop over single heatmaps, and crops that go on where they were stopped."""

from itertools import accumulate, repeat
from operator import mul

import numpy as np
import pytest
import torch
from torch import nn
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.attribution import heatmaps
from semlens_widgets.crops import _spread, active_boxes, squared
from semlens_widgets.model import Layer, resolve, stack

IMAGES = sl.images(pictures(29, size=16), transform=to_pixels)


def network():
    """Places of `seen` are 5 pixels wide, those of `far` cover nine: relevance reaches beyond the place itself."""
    torch.manual_seed(31)
    layers = {
        "first": nn.Conv2d(3, 5, 5, bias=False), "act": nn.ReLU(), "far": nn.Conv2d(5, 7, 5, stride=3, bias=False),
        "pooled": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten(), "head": nn.Linear(7, 2),
    }  # fmt: skip
    model = nn.Sequential()
    for name, module in layers.items():
        model.add_module(name, module)
    return model.eval()


def cropped(model, layers, **settings):
    examples = sl.collect(model, IMAGES, layers, k=3, progress=False)
    return sl.crop(examples, model, IMAGES, layers, by="crp", progress=False, **settings)


ENCODER = nn.Sequential(nn.Linear(5, 4), nn.ReLU())


@pytest.mark.parametrize(
    "layers",
    [["act"], ["act", "far"], [Layer("far", signed=True)], [Layer("act", via=ENCODER)], ["flat"]],
    ids=["plain", "two layers", "signed", "encoder", "no places"],
)
def test_boxes_against_single_heatmaps(layers):
    model = network()
    found = cropped(model, layers, threshold=0.2)
    wanted = {layer.name: layer for layer in resolve(model, layers)}
    for row, component in enumerate(found.components):
        number = row - found.components.rows(component.layer).start
        for rank in range(found.counts[row]):
            image = int(found.images[row, rank])
            heat = heatmaps(model, stack([IMAGES.tensor(image)]), None, wanted[component.layer], [number]).heatmaps[0]
            box = squared(active_boxes(heat, 0.2), np.array([IMAGES.window((16, 16))]), np.array([[16.0, 16.0]]))[0]
            np.testing.assert_allclose(found.boxes[row, rank], box, atol=1e-6)


def test_a_box_holds_the_receptive_field_and_little_else():
    """A place of `far` is made from 9 of 16 pixels a side; its box is no larger than that, blurred, made square."""
    model = network()
    found = cropped(model, ["far"], threshold=0.5)
    side = found.boxes[..., 2] - found.boxes[..., 0]
    excited = np.arange(3) < found.counts[:, None]
    assert (side[excited] <= 9 / 16 + 0.1).all()
    for row, rank in np.argwhere(excited):
        down, across = divmod(int(found.peaks[row, rank]), 3)
        left, top, right, bottom = found.boxes[row, rank] * 16
        assert left >= across * 3 - 1
        assert top >= down * 3 - 1
        assert right <= across * 3 + 10
        assert bottom <= down * 3 + 10


@pytest.mark.parametrize("by", ["activation", "crp"])
def test_stopped_crops_go_on_to_the_same_boxes(by, tmp_path, monkeypatch):
    model, path = network(), tmp_path / "crops"
    examples = sl.collect(model, IMAGES, ["act", "far"], k=5, progress=False)
    settings = {"by": by, "batch_size": 8, "progress": False}
    steps = []
    whole = sl.crop(examples, model, IMAGES, ["act", "far"], on_step=lambda *s: steps.append(s[0]), **settings)
    # Time runs away: every batch is due for saving, however long the last saving took.
    monkeypatch.setattr("time.monotonic", accumulate(repeat(100), mul, initial=100).__next__)
    seen = []

    def stop(done, total):
        seen.append(done)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sl.crop(examples, model, IMAGES, ["act", "far"], progress_file=path, on_step=stop, **settings)
    again = []
    found = sl.crop(
        examples, model, IMAGES, ["act", "far"], progress_file=path, on_step=lambda *s: again.append(s[0]), **settings
    )
    assert seen + again == steps
    assert len(again) > 0
    np.testing.assert_array_equal(found.boxes, whole.boxes)
    path.write_bytes(b"damaged")
    found = sl.crop(examples, model, IMAGES, ["act", "far"], progress_file=path, **settings)
    np.testing.assert_array_equal(found.boxes, whole.boxes)
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in model.modules())


def test_a_lens_crops_by_relevance(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path))
    layers = ["colour", Layer("rectified", signed=True)]

    def fitted(crop):
        return sl.Lens(ColourNet(), IMAGES, layers, ColourClip(), k=3, crop=crop).fit(progress=False)

    made = fitted("crp")
    assert made.space.recipe.crop == "crp 0.01"
    assert len(list(tmp_path.glob("*.crops"))) == 1
    boxes = made.space.examples.boxes
    assert boxes.shape == (12, 3, 4)
    np.testing.assert_array_equal(fitted("crp").space.examples.boxes, boxes)
    assert fitted("activation").space.recipe.key != made.space.recipe.key
    assert fitted(None).space.examples.boxes is None


@pytest.mark.parametrize("places", [1, 5, 112, 113, 224, 300])
def test_maps_of_any_size_are_brought_to_one_without_loss(places):
    matrix = _spread(places)
    assert matrix.shape == (112, places)
    np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-5)
    assert (matrix.sum(0) > 0).all()  # no pixel is passed over


@pytest.mark.usefixtures("as_installed")
def test_unknown_ways_are_refused():
    model = network()
    examples = sl.collect(model, IMAGES, "act", k=2, progress=False)
    with pytest.raises(ValueError, match="'activation', 'crp', 'attention'"):
        sl.crop(examples, model, IMAGES, "act", by="lrp")
