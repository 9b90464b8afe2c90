"""The one door to picture files: which kinds are opened, how large they may be, and what of them is read."""

from __future__ import annotations

import functools
import io
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

# Pillow knows some forty kinds. Of those left out, EPS starts another program, others look for one or for a library,
# and the rest is code for old formats that nobody needs here and that a stranger's file would run.
SUFFIXES_OF: Mapping[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "JPEG2000": (".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c"),
    "AVIF": (".avif", ".avifs"),
}
KINDS = tuple(SUFFIXES_OF)
SUFFIXES = frozenset(suffix for suffixes in SUFFIXES_OF.values() for suffix in suffixes)

_NARROWEST = 200  # times as long as wide: a resize of the short side makes gigabytes of more


class UnopenedPicture(ValueError):
    """A file that is no picture, of no kind that is opened, too large, or damaged; the message says which."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A decoded picture as it is stored, in any mode of Pillow's.

    `coarse`: it has 16 bits per channel, of which Pillow keeps the upper eight. `several`: the file holds more
    pictures, of which this is the first.
    """

    image: Image.Image
    coarse: bool = False
    several: bool = False


def opened(source: str | os.PathLike[str] | bytes, *, kinds: Sequence[str] = KINDS, most: int | None = None) -> Opened:
    """Decode the first picture of a file, or of the bytes of one. EXIF rotation is not applied, as torchvision does.

    kinds: the formats that are opened, whatever the file is called.
    most:  pixels that it may have; by default `PIL.Image.MAX_IMAGE_PIXELS`. It is asked before anything is decoded.

    OSError where the file cannot be read, UnopenedPicture for what is wrong with what is in it.
    """
    try:
        with _stream(source) as stream:
            return _decoded(stream, kinds, most)
    except UnidentifiedImageError:
        raise UnopenedPicture(
            f"no picture of a kind that is opened ({', '.join(kinds)}), or in a form of it that Pillow does not read"
        ) from None
    except Image.DecompressionBombError as error:
        raise UnopenedPicture(_too_large(str(error).split(", could")[0])) from None


def still(image: Image.Image) -> bool:
    """Whether a picture is in memory: one that Pillow opened and has not read yet shares its file with others."""
    held = vars(image)
    return not held.get("tile") and held.get("_im", held.get("im")) is not None


def coarse(image: Image.Image) -> bool:
    """Whether Pillow, as it reads this picture, keeps the upper eight of sixteen bits. False once it is read."""
    return image.mode not in ("I", "F") and not image.mode.startswith("I;16") and any(
        ";16" in str(tile[3]) for tile in getattr(image, "tile", ())
    )  # fmt: skip


def check_shape(size: tuple[int, int]) -> None:
    """UnopenedPicture for a picture so narrow that resizing its short side would take gigabytes."""
    width, height = size
    if min(size) < 1:
        raise UnopenedPicture(f"{width:,} × {height:,} pixels: there is nothing to see")
    if max(size) > _NARROWEST * min(size):
        raise UnopenedPicture(
            f"{width:,} × {height:,} pixels: more than {_NARROWEST} times as long as wide; cut it into pieces"
        )


def _stream(source: str | os.PathLike[str] | bytes) -> io.BufferedReader | io.BytesIO:
    if isinstance(source, bytes):
        if not source:
            raise UnopenedPicture("no bytes at all")
        return io.BytesIO(source)
    about = os.stat(source)
    if not stat.S_ISREG(about.st_mode):  # a pipe would be waited for
        raise UnopenedPicture("a folder, pipe or device; needed is a file")
    if not about.st_size:
        raise UnopenedPicture("the file is empty (0 bytes)")
    return open(source, "rb")


def _decoded(stream: io.BufferedReader | io.BytesIO, kinds: Sequence[str], most: int | None) -> Opened:
    try:
        with Image.open(stream, formats=_known(tuple(kinds))) as image:
            pixels, limit = image.width * image.height, Image.MAX_IMAGE_PIXELS if most is None else most
            if limit is not None and pixels > limit:
                raise UnopenedPicture(_too_large(f"{image.width:,} × {image.height:,} pixels", limit))
            upper = coarse(image)
            image.load()
            first = image.copy()  # before GIF looks whether there is another
            return Opened(first, upper, _several(image))
    except (UnidentifiedImageError, Image.DecompressionBombError, UnopenedPicture, MemoryError):
        raise
    except Exception as error:  # decoders of damaged files raise whatever their arithmetic does
        raise UnopenedPicture(f"damaged: {error or type(error).__name__}") from error


def _several(image: Image.Image) -> bool:
    """Whether more pictures follow. Those of a phone's JPEG are a map of depth or gain, or another exposure."""
    try:
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    except Exception:  # what follows is damaged
        return False


def _too_large(what: str, limit: int | None = None) -> str:
    allowed = "" if limit is None else f", where {limit:,} are allowed"
    return f"{what}{allowed}; make the picture smaller, or raise PIL.Image.MAX_IMAGE_PIXELS"


@functools.cache
def _known(kinds: tuple[str, ...]) -> list[str]:
    """The kinds that this Pillow can open: AVIF came late."""
    if not all(kind in Image.OPEN for kind in kinds):
        Image.init()
    return [kind for kind in kinds if kind in Image.OPEN]
