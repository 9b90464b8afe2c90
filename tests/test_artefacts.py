"""Artefacts on one's own photographs: drawn the same way for a seed, at any size and shape."""

import itertools

import numpy as np
import pytest
from PIL import Image

import semlens_widgets as sl
from semlens_widgets.artefacts import (
    NAMED,
    USUAL,
    Artefact,
    Bubbles,
    DarkCorners,
    Hair,
    Ink,
    Patch,
    Ruler,
    Stamp,
    Sticker,
    named,
)  # fmt: skip

SKIN = (224, 176, 150)


def plain(size=(96, 96), colour=SKIN):
    return Image.new("RGB", size, colour)


def changed(artefact, picture):
    """Where an artefact changes a picture, [height width], in steps of 0 to 255."""
    before, after = (np.asarray(p.convert("RGB"), int) for p in (picture, artefact(picture)))
    return np.abs(after - before).max(2)


@pytest.mark.parametrize("artefact", USUAL, ids=lambda a: a.kind)
def test_the_same_seed_draws_the_same_and_another_something_else(artefact):
    picture = plain()
    same, again, other = artefact(picture), artefact(picture), artefact.varied(3)(picture)
    assert same.tobytes() == again.tobytes() != other.tobytes()
    assert artefact.varied(3) == artefact.varied(3) != artefact.varied(4)
    assert picture.tobytes() == plain().tobytes(), "the picture given stays as it is"


@pytest.mark.parametrize("artefact", USUAL, ids=lambda a: a.kind)
@pytest.mark.parametrize("size", [(1, 1), (7, 64), (64, 64), (224, 224), (320, 200), (200, 320)])
def test_any_size_and_shape_is_drawn_on(artefact, size):
    drawn = artefact(plain(size))
    assert drawn.size == size
    assert drawn.mode == "RGB"
    if min(size) >= 64:
        assert (changed(artefact, plain(size)) > 20).mean() > 0.001


@pytest.mark.parametrize("artefact", USUAL, ids=lambda a: a.kind)
@pytest.mark.parametrize("shape", [(1, 1), (3, 2)])
def test_a_drawing_is_the_same_at_every_size(artefact, shape):
    """Large and small pictures of one shape get the same drawing: the large one, made small, is the small one."""
    sizes = [tuple(side * scale for side in shape) for scale in (160, 80)]
    large, small = (changed(artefact, plain(size)).astype(np.uint8) for size in sizes)
    reduced = np.asarray(Image.fromarray(large).resize(sizes[1], Image.Resampling.BOX), float)
    assert np.corrcoef(reduced.ravel(), small.ravel())[0, 1] > 0.65


@pytest.mark.parametrize("artefact", [Ruler(), Patch(), Ink(), Hair(), Bubbles(), Stamp()], ids=lambda a: a.kind)
def test_most_of_the_picture_stays_as_it_is(artefact):
    shares = [(changed(artefact.varied(n), plain((160, 160))) > 12).mean() for n in range(6)]
    assert 0.002 < np.mean(shares) < 0.45


@pytest.mark.parametrize("artefact", USUAL, ids=lambda a: a.kind)
def test_edges_are_soft(artefact):
    """There are pixels half-way between the picture and what is drawn: nothing is jagged."""
    found = changed(artefact, plain((224, 224)))
    most = found.max()
    assert ((found > 0.2 * most) & (found < 0.8 * most)).sum() > 0.04 * (found >= 0.8 * most).sum()


def test_what_each_one_is():
    bright = plain((200, 200), (200, 200, 200))
    centre = (slice(70, 130), slice(70, 130))
    assert changed(DarkCorners(), bright)[centre].max() < 12
    assert np.asarray(DarkCorners()(bright))[0, 0].max() < 40
    edges = {"top": np.s_[:60], "bottom": np.s_[-60:], "left": np.s_[:, :60], "right": np.s_[:, -60:]}
    for side, edge in edges.items():
        found = changed(Ruler(side=side), bright) > 60
        assert found[edge].sum() > 0.97 * found.sum(), side
    for colour, rgb in sl.artefacts.PATCH_COLOURS.items():
        drawn = np.asarray(Patch(colour=colour)(bright), float)
        assert (np.abs(drawn - rgb).max(2) < 30).mean() > 0.03, colour
    assert np.asarray(Patch(colour=(1, 2, 3))(bright)).min() < 20
    ink = np.asarray(Ink()(bright), float)[changed(Ink(), bright) > 80]
    assert (ink[:, 2] > ink[:, 1] + 20).mean() > 0.95, "violet"
    assert (np.asarray(Hair()(bright), float)[changed(Hair(), bright) > 135] < 110).all(), "dark"
    assert np.asarray(Bubbles()(bright)).max() > 230, "sparks"
    more = [(changed(Hair(count=n), bright) > 60).sum() for n in (2, 10, 40)]
    assert more == sorted(more)


def test_size_and_opacity():
    picture = plain((160, 160))
    for small, large in ((Patch(size=0.5), Patch(size=1.2)), (Bubbles(size=0.5), Bubbles(size=2))):
        assert (changed(small, picture) > 12).sum() < (changed(large, picture) > 12).sum()
    faint = changed(Ruler(opacity=0.3), picture).max()
    assert 0.2 < faint / changed(Ruler(), picture).max() < 0.4
    assert not changed(Patch(opacity=0.0), picture).any()


def test_modes_stay_and_transparency_is_kept():
    picture = plain((64, 64)).convert("RGBA")
    picture.putalpha(Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))))
    drawn = Patch()(picture)
    assert drawn.mode == "RGBA"
    assert drawn.getchannel("A").tobytes() == picture.getchannel("A").tobytes()
    assert Ruler()(plain().convert("L")).mode == "L"
    assert {Ruler()(plain().convert(mode)).mode for mode in ("P", "CMYK", "1", "YCbCr")} == {"RGB"}


def test_a_sticker_of_ones_own_lies_where_it_is_put():
    own = Image.new("RGB", (40, 20), (0, 200, 0))
    drawn = np.asarray(Sticker(image=own, at=(0.5, 0.25), turn=0)(plain((120, 120))), float)
    there = np.abs(drawn - (0, 200, 0)).max(2) < 10
    rows, columns = np.nonzero(there)
    assert (columns.min(), columns.max() + 1) == (40, 80), "a third of the shorter side, in the middle"
    assert (rows.min(), rows.max() + 1) == (20, 40)
    half = np.zeros((20, 40), bool)
    half[:, :20] = True
    grey = half.astype(np.uint8) * 255
    for mask in (half, half.astype(np.float32), grey, Image.fromarray(grey)):
        drawn = np.asarray(Sticker(image=own, mask=mask, at=(0.5, 0.25), turn=0)(plain((120, 120))), float)
        columns = np.nonzero(np.abs(drawn - (0, 200, 0)).max(2) < 60)[1]
        assert abs(columns.min() - 40) <= 1
        assert abs(columns.max() - 59) <= 1
    outside = Sticker(image=own, at=(3.0, 3.0))
    assert outside(plain()).tobytes() == plain().tobytes()


def test_a_sticker_comes_from_a_file_too(tmp_path):
    own = Image.new("RGBA", (8, 8), (255, 0, 0, 255))
    own.save(tmp_path / "own.png")
    here, there = Sticker(image=own), Sticker(image=tmp_path / "own.png")
    assert here(plain()).tobytes() == there(plain()).tobytes()


@pytest.mark.parametrize(
    ("make", "needs"),
    [
        (lambda: Ruler(size=0), "size=0"),
        (lambda: Ruler(opacity=2), "opacity=2"),
        (lambda: Ruler(seed=-1), "seed=-1"),
        (lambda: Ruler(side="middle"), "'top', 'right', 'bottom', 'left'"),
        (lambda: Patch(colour="mauve"), "'blue', 'green'"),
        (lambda: Stamp(text=" "), "give text="),
        (lambda: Stamp(place="edge"), "'corner' or in the 'middle'"),
        (lambda: Sticker(), "give image="),
        (lambda: Sticker(image=plain((4, 4)), mask=np.ones((3, 4))), "the same size"),
        (lambda: Ruler()(Image.new("I;16", (8, 8))), "more than 8 bits"),
    ],
)
def test_errors_say_what_is_needed(make, needs):
    with pytest.raises(ValueError, match=r".") as raised:
        make()
    assert needs.lower() in str(raised.value).lower()


def test_what_is_no_picture_is_refused():
    with pytest.raises(TypeError, match="PIL picture, not on a ndarray"):
        Ruler()(np.zeros((8, 8, 3)))
    with pytest.raises(KeyError, match="there are ruler, coloured patch"):
        named("rular")
    assert all(named(kind).kind == kind for kind in NAMED)
    assert len({type(a) for a in USUAL}) == len(USUAL)
    assert all(isinstance(a, Artefact) for a in USUAL)


def test_no_two_usual_ones_look_alike():
    picture = plain((96, 96))
    drawn = [changed(artefact, picture).astype(float).ravel() for artefact in USUAL]
    assert all(np.corrcoef(a, b)[0, 1] < 0.6 for a, b in itertools.combinations(drawn, 2))


@pytest.mark.parametrize("ground", [8, 60, 120, 230])
def test_a_ruler_is_seen_on_any_ground(ground):
    """Black print on a dark photograph would be a pair that differs in nothing."""
    plain = Image.new("RGB", (224, 224), (ground,) * 3)
    drawn = np.asarray(sl.artefacts.Ruler(seed=2)(plain), float)
    changed = np.abs(drawn - ground).max(2)
    assert changed.max() > 80
    assert (changed > 40).mean() > 0.01
