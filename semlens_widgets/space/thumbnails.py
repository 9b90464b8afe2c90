"""Thumbnails: the small pictures of crops that a space keeps."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from PIL import Image

from ..held import held, partly_read, read_when_touched, shape_of
from ..images import rgb
from ..pictures import UnopenedPicture, opened
from ..store import SemlensFileError, Stored

_MOST_PIXELS = 4096 * 4096  # of one thumbnail: a file from a stranger may claim any size


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """Small WebP pictures, one per crop, as one run of bytes; number i is `data[offsets[i]:offsets[i + 1]]`."""

    data: np.ndarray
    offsets: Int[np.ndarray, " boundary"]
    checksums: np.ndarray

    def __len__(self) -> int:
        return shape_of(self, "offsets")[0] - 1

    def webp(self, crop: int) -> bytes:
        """The WebP bytes of one crop. ValueError if they are damaged."""
        data = self.data[self.offsets[crop] : self.offsets[crop + 1]].tobytes()
        if zlib.crc32(data) != self.checksums[crop]:
            raise SemlensFileError(f"the thumbnail of crop {crop} is damaged")
        return data

    def picture(self, crop: int) -> Image.Image:
        """One crop as a PIL image; a grey square where its bytes are damaged."""
        try:
            return rgb(opened(self.webp(crop), kinds=("WEBP",), most=_MOST_PIXELS).image)
        except (SemlensFileError, UnopenedPicture):
            return Image.new("RGB", (64, 64), (128, 128, 128))

    def first(self, count: int) -> Thumbnails:
        """The first of them alone."""
        return Thumbnails(self.data[: self.offsets[count]], self.offsets[: count + 1], self.checksums[:count])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What goes into a file."""
        return {
            "thumbnails": self.data, "thumbnail_offsets": self.offsets, "thumbnail_checksums": self.checksums,
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, stored: Stored) -> Thumbnails:
        offsets, checksums = (held(stored, f"thumbnail_{name}") for name in ("offsets", "checksums"))
        return partly_read(cls, data=stored.unchecked("thumbnails"), offsets=offsets, checksums=checksums)

    @classmethod
    def of(cls, pictures: Sequence[bytes]) -> Thumbnails:
        data = np.frombuffer(b"".join(pictures), np.uint8)
        offsets = np.concatenate([[0], np.cumsum([len(p) for p in pictures])]).astype(np.int64)
        return cls(data, offsets, np.asarray([zlib.crc32(p) for p in pictures], np.uint32))


read_when_touched(Thumbnails, "offsets", "checksums")


def webp(picture: Image.Image, longest: int) -> bytes:
    """A picture no larger than `longest` pixels on a side, as WebP; small ones keep their size."""
    if max(picture.size) > longest:
        picture = picture.copy()
        picture.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=82, method=2)
    return buffer.getvalue()
