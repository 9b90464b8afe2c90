"""The renderer: the same picture for the same seed, and one flag changes one factor."""

import numpy as np
import pytest

from semlens_widgets.demo.factors import ARTEFACTS, FACTORS, INDEX, NAMES, SPLITS, VALID, correlated
from semlens_widgets.demo.world import contents, render


def test_the_same_seed_gives_identical_pictures():
    first, again = render(7, seed=3), render(7, seed=3)
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.masks, again.masks)
    assert first.captions() == again.captions()
    assert not np.array_equal(first.images, render(7, seed=4).images)


def test_a_picture_does_not_depend_on_its_batch():
    together = render(67, seed=5)
    for i in (0, 13, 63, 64, 66):
        alone = render(1, seed=5, start=i)
        assert np.array_equal(alone.images[0], together.images[i])
        assert np.array_equal(alone.masks[0], together.masks[i])
        assert alone.captions()[0] == together.captions()[i]
    chosen = render(3, seed=5, indices=[66, 2, 31])
    assert np.array_equal(chosen.images, together.images[[66, 2, 31]])


def test_contents_are_known_without_drawing():
    labels, factors = contents(61, seed=8, start=5, probabilities=SPLITS["biased"])
    drawn = render(61, seed=8, start=5, probabilities=SPLITS["biased"])
    assert np.array_equal(labels, drawn.labels)
    assert np.array_equal(factors, drawn.factors)


@pytest.mark.parametrize("name", NAMES)
def test_toggling_a_flag_changes_only_that_factor(name):
    without = render(23, seed=11).factors.copy()
    without[:, [INDEX["patch"], INDEX["vignette"], INDEX[name]]] = False  # those two would hide the others
    with_it = without.copy()
    with_it[:, INDEX[name]] = True
    a, b = render(23, seed=11, flags=without), render(23, seed=11, flags=with_it)
    assert np.array_equal(a.labels, b.labels)
    assert not a.mask(name).any()
    difference = np.abs(a.images.astype(int) - b.images).max(-1)
    assert (difference.max((1, 2)) > 20).all()
    for where, changed in zip(_reach_of(name, a, b), difference, strict=True):
        assert changed[~where].max(initial=0) <= 4  # the tip of a hair is too faint for its mask
    opaque = b.mask(name) if name in ("patch", "vignette") else np.zeros(difference.shape, bool)
    for other in ARTEFACTS:
        if other != name:
            assert np.array_equal(a.mask(other) & ~opaque, b.mask(other) & ~opaque)


def _reach_of(name, a, b):
    """Where a factor may change the picture, with its soft edge: its mask, for valid factors the lesion."""
    if name == "vignette":
        axis = (np.arange(64) + 0.5) / 32 - 1
        return np.broadcast_to(np.hypot(*np.meshgrid(axis, axis)) > 0.88, b.masks.shape)
    if name == "redskin":
        return np.ones(b.masks.shape, bool)
    return _grown(a.mask("lesion") | b.mask("lesion") if name in VALID else b.mask(name), 6)


def _grown(mask, by):
    """The mask and everything at most `by` pixels from it, in chessboard distance."""
    grown = mask.copy()
    for axis in (1, 2):
        grown = np.stack([np.roll(grown, shift, axis) for shift in range(-by, by + 1)]).any(0)
    return grown


@pytest.mark.parametrize("name", NAMES)
def test_masks_mark_visible_pixels_of_present_factors_only(name):
    pictures = render(59, seed=2)
    shown = pictures.mask(name).any(axis=(1, 2))
    assert not (shown & ~pictures.factors[:, INDEX[name]]).any()
    assert shown[pictures.factors[:, INDEX[name]]].mean() > 0.85


def test_the_same_scene_at_another_size():
    small, large = render(11, seed=6), render(11, seed=6, size=192)
    assert large.images.shape == (11, 192, 192, 3)
    assert np.array_equal(small.factors, large.factors)
    shrunk = large.images.reshape(11, 64, 3, 64, 3, 3).mean((2, 4))
    assert np.abs(shrunk - small.images).mean() < 8


def test_factors_occur_as_often_as_asked():
    labels, factors = contents(6007, seed=1, probabilities=SPLITS["biased"])
    assert 0.47 < labels.mean() < 0.53
    for j, name in enumerate(NAMES):
        for label in (0, 1):
            assert factors[labels == label, j].mean() == pytest.approx(SPLITS["biased"][name][label], abs=0.03)


def test_independent_factors_are_independent():
    _, factors = contents(6007, seed=1)
    correlation = np.corrcoef(factors.T) - np.eye(len(NAMES))
    assert np.abs(correlation).max() < 0.06


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8, 0.95, 1.0])
def test_correlated_ties_an_artefact_to_the_class_as_strongly_as_asked(rho):
    labels, factors = contents(8009, seed=12, probabilities=correlated("ruler", rho))
    measured = np.corrcoef(labels, factors[:, INDEX["ruler"]])[0, 1]
    assert measured == pytest.approx(rho, abs=0.03)


def test_pictures_are_read_only():
    pictures = render(2)
    for array in (pictures.images, pictures.factors, pictures.masks, pictures.labels):
        with pytest.raises(ValueError, match="read-only"):
            array.flat[0] = 0


def test_no_picture_is_a_possible_request():
    assert len(render(0)) == 0


def test_wrong_requests_say_what_is_needed(as_installed):
    with pytest.raises(ValueError, match="multiple of 32"):
        render(1, size=50)
    with pytest.raises(ValueError, match="unknown or missing"):
        render(1, probabilities={"hair": (0.5, 0.5)})
    with pytest.raises(ValueError, match=r"\(2, 12\)"):
        render(2, flags=np.zeros((2, 5), bool))
    with pytest.raises(ValueError, match="no artefact"):
        correlated("asymmetry", 0.5)


def test_the_table_of_factors():
    assert len(FACTORS) == 12
    assert len(VALID) == 5
    assert len(ARTEFACTS) == 7
    assert len({phrase for factor in FACTORS for phrase in factor.phrases}) == sum(len(f.phrases) for f in FACTORS)
    assert all(set(probabilities) == set(NAMES) for probabilities in SPLITS.values())
