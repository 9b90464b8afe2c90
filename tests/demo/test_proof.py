"""Explanations of the biased classifier name its shortcut, show where it is, and are about what the model does."""

import numpy as np
import pytest

import semlens_widgets as sl
from semlens_widgets.crops import crop
from semlens_widgets.demo.proof import STEPS, crop_overlaps, deletion, overlap, patched, placement
from semlens_widgets.examples import collect


@pytest.fixture(scope="module")
def model():
    return sl.demo.classifier()


@pytest.fixture(scope="module")
def given(model):
    made = patched(model, 61, 5300)
    assert len(made.chosen) == 61
    return made


@pytest.mark.parametrize(
    ("layer", "backend", "pointing", "mass"),
    [("layer3", "lrp", 0.95, 0.75), ("layer3", "gradient", 0.9, 0.6), ("layer4", "lrp", 0.95, 0.65),
     ("layer4", "gradient", 0.8, 0.5)],
)  # fmt: skip
def test_a_component_that_encodes_the_patch_carries_nevus_and_points_into_the_patch(
    model, given, layer, backend, pointing, mass
):
    """Random heat would have 11 % of its mass in the patch."""
    found = placement(model, given, sl.demo.truth(), layer, backend)
    assert (found.rank < 5).mean() >= 0.95
    assert found.hit.mean() >= pointing
    assert found.mass.mean() >= mass
    assert given.masks.mean() < 0.15


@pytest.mark.parametrize("layer", ["layer3", "layer4"])
def test_what_is_relevant_matters_more_than_what_is_active_or_chance(model, given, layer):
    drops = deletion(model, given, layer)
    for backend in ("lrp", "gradient"):
        assert (drops[backend] > drops["activation"] * 1.2).all()
        assert (drops["activation"] > drops["random"]).all()
        assert drops[backend][STEPS.index(8)] > 1


def test_crops_by_relevance_lie_closer_to_the_factor_than_whole_pictures(model):
    """Measured over 1,500 pictures: whole .407, activation .409, relevance .444 (`make bench-truth`)."""
    n, seed = 400, 101
    images = sl.images(sl.demo.images(n, seed), transform=sl.demo.transform())
    examples = collect(model, images, ["layer4"], k=3, progress=False)
    pictures, truth = sl.demo.render(n, seed), sl.demo.truth()
    whole, activation, relevance = (
        crop_overlaps(
            examples if by is None else crop(examples, model, images, ["layer4"], by=by, progress=False),
            pictures, truth, "layer4",
        ).mean()
        for by in (None, "activation", "crp")
    )  # fmt: skip
    assert relevance > whole + 0.02
    assert relevance > activation


def test_overlap_is_intersection_over_union():
    mask = np.zeros((8, 8), bool)
    mask[2:6, 4:8] = True
    assert overlap(np.array([0.5, 0.25, 1.0, 0.75]), mask) == 1
    assert overlap(np.array([0.0, 0.0, 1.0, 1.0]), mask) == pytest.approx(16 / 64)
    assert overlap(np.array([0.0, 0.0, 0.5, 0.25]), mask) == 0
