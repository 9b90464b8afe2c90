"""The one door to picture files: nothing run, nothing decoded that is too large, one picture of several."""

import ast
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from toy import ColourClip, ColourNet, colour_lens, to_pixels

import semlens_widgets as sl
from semlens_widgets.images import UnreadableImage, rgb
from semlens_widgets.images.tones import UnknownRange
from semlens_widgets.pictures import SUFFIXES_OF, UnopenedPicture, opened
from semlens_widgets.space.thumbnails import Thumbnails
from semlens_widgets.widgets import answers, prediction
from semlens_widgets.widgets.channel import Job

PIXELS = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
PACKAGE = Path(sl.__file__).parent
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_of_size(width, height):
    """A PNG of a few bytes that says it is as large as that."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_pillow_opens_files_in_one_place_only():
    calls = [
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Image.open", "PIL.Image.open")
    ]
    assert calls == ["pictures.py"]


@pytest.mark.parametrize("name", ["a.eps", "a.png", "a.jpg"])
def test_a_program_in_a_picture_is_not_run_whatever_it_is_called(tmp_path, monkeypatch, name):
    ran = tmp_path / "ran"
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {ran}\n")
    ghostscript.chmod(0o755)
    path = tmp_path / name
    path.write_bytes(EPS)
    with pytest.raises(UnopenedPicture, match=r"no picture of a kind that is opened .JPEG, PNG"):
        opened(path)
    assert not ran.exists()


@pytest.mark.parametrize("kind", ["TGA", "ICO", "PCX", "DDS", "SGI"])
def test_a_kind_that_is_not_on_the_list_is_not_opened(kind):
    with pytest.raises(UnopenedPicture, match="no picture of a kind"):
        opened(encoded(Image.fromarray(PIXELS), kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM"])
def test_kinds_on_the_list_are_opened_from_files_and_bytes(tmp_path, kind):
    path = tmp_path / f"a{SUFFIXES_OF[kind][0]}"
    path.write_bytes(encoded(Image.fromarray(PIXELS), kind))
    assert opened(path).image.size == opened(path.read_bytes()).image.size == (17, 13)


def test_only_the_kinds_asked_for_are_opened():
    with pytest.raises(UnopenedPicture, match=r"of a kind that is opened .WEBP"):
        opened(encoded(Image.fromarray(PIXELS), "PNG"), kinds=("WEBP",))


@pytest.mark.parametrize("side", [9_500, 13_100, 30_000])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_is_refused_for_its_size_before_it_is_decoded(side, monkeypatch):
    def decoded(self):
        raise AssertionError("decoded")

    monkeypatch.setattr(Image.Image, "load", decoded)
    with pytest.raises(UnopenedPicture, match=r"pixels.*raise PIL.Image.MAX_IMAGE_PIXELS"):
        opened(png_of_size(side, side))


def test_whoever_raises_pillows_limit_may_open_more(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    with pytest.warns(Image.DecompressionBombWarning), pytest.raises(UnopenedPicture, match=r"17 × 13 pixels"):
        opened(encoded(Image.fromarray(PIXELS), "PNG"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert opened(encoded(Image.fromarray(PIXELS), "PNG")).image.size == (17, 13)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"no picture at all", "no picture of a kind"),
        (encoded(Image.fromarray(PIXELS), "PNG")[:90], "damaged"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, content, said):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(UnopenedPicture, match=said):
        opened(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(UnopenedPicture, match="pipe"):
        opened(tmp_path / "a.png")


def test_of_several_pictures_the_first_is_read_and_that_is_known(tmp_path):
    red, blue = Image.new("RGB", (7, 5), "red"), Image.new("RGB", (7, 5), "blue")
    for kind in ("GIF", "TIFF", "WEBP", "PNG"):
        found = opened(encoded(red, kind, save_all=True, append_images=[blue]))
        assert found.several, kind
        assert np.abs(np.asarray(found.image.convert("RGB"), int) - np.asarray(red)).max() < 8, kind
        assert not opened(encoded(red, kind)).several, kind


SEEDS = [encoded(Image.fromarray(PIXELS), kind) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")] + [
    encoded(Image.fromarray(PIXELS).convert("P"), "GIF"),
    encoded(Image.fromarray(PIXELS[..., 0].astype(np.uint16)), "TIFF", compression="tiff_lzw"),
]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=6),
    st.integers(0, 600),
)
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_file_is_a_picture_or_refused_and_nothing_else(content, changes, end):
    data = bytearray(content[: len(content) - min(end, len(content) - 1) if end < 200 else None])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        found = opened(bytes(data))
    except UnopenedPicture:
        return
    assert found.image.width * found.image.height <= Image.MAX_IMAGE_PIXELS


@pytest.fixture(scope="module")
def lens():
    return colour_lens(20).fit(cached=False, progress=False)


def test_wherever_a_lens_takes_a_picture_a_program_is_refused(lens, tmp_path):
    path = tmp_path / "p.png"
    path.write_bytes(EPS)
    for attempt in (
        lambda: lens.search(path),
        lambda: lens.search(str(path)),
        lambda: lens.explain(path),
        lambda: answers.query_image(lens, EPS, "p.png"),
        lambda: prediction.explain(lens, {"name": "p.png"}, [EPS], Job("1", lambda content, buffers: None)),
        lambda: sl.images([path]).picture(0),
    ):
        with pytest.raises((ValueError, UnreadableImage), match=r"p\.png.*no picture of a kind that is opened"):
            attempt()


NO_WEBP = [EPS, encoded(Image.fromarray(PIXELS), "PNG"), b"", b"RIFF\x00\x00\x00\x00WEBPVP8 "]


@pytest.mark.parametrize("content", NO_WEBP, ids=["EPS", "PNG", "nothing", "cut"])
def test_a_thumbnail_that_is_no_webp_is_a_grey_square(content):
    picture = Thumbnails.of([content]).picture(0)
    assert picture.getcolors() == [(picture.width * picture.height, (128, 128, 128))]


def test_a_thumbnail_that_says_it_is_huge_is_a_grey_square(monkeypatch):
    huge = encoded(Image.new("RGB", (5000, 4000)), "WEBP", lossless=True, method=0)
    assert Thumbnails.of([huge]).picture(0).size == (64, 64)
    small = encoded(Image.fromarray(PIXELS), "WEBP", lossless=True)
    assert np.array_equal(np.asarray(Thumbnails.of([small]).picture(0)), PIXELS)


def test_a_deep_picture_is_searched_for_on_the_scale_of_the_data_set():
    numbers = np.random.default_rng(1).integers(0, 4096, (8, 8), dtype=np.uint16)
    deep = Image.fromarray(numbers)
    data = sl.images([numbers, numbers.T], value_range=(0, 4095), transform=to_pixels)
    lens = sl.Lens(ColourNet(), data, ["colour"], ColourClip(), k=2, crop=None, templates=("{}",))
    lens.fit(cached=False, progress=False)
    assert np.allclose(lens.search(deep).scores, lens.search(data.picture(0)).scores, equal_nan=True)
    seen = lens.probe_cache.pictures[lens.keep_image(deep)]
    assert np.array_equal(np.asarray(seen), np.asarray(data.picture(0)))
    assert np.array_equal(np.asarray(lens.explain(deep).picture), np.asarray(data.picture(0)))
    with pytest.raises(UnknownRange, match="the picture has numbers from"):
        rgb(deep)
