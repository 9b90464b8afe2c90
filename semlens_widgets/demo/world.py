"""The demo world: drawings that resemble dermoscopy, with all that is true about them. Synthetic, not medical data.

Every picture is drawn from its own random stream, seeded by (seed, index): picture i is the same whatever
the batch it is drawn in. What chance decides is in `scene`, how it is drawn in `painting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int, UInt8

from semlens_widgets.demo.captions import caption
from semlens_widgets.demo.factors import INDEX, LESION_BIT, NAMES, SPLITS, Probabilities
from semlens_widgets.demo.painting import paint
from semlens_widgets.demo.scene import LESION_COLOURS, PATCH_COLOURS, SKIN_TONES, rates, scenes

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["LESION_COLOURS", "PATCH_COLOURS", "SKIN_TONES", "Pictures", "contents", "render"]

BLOCK = 64  # pictures drawn at once: few enough for the processor's cache


@dataclass(frozen=True, eq=False)
class Pictures:
    """Rendered pictures and everything that is true about them. Synthetic, not medical data.

    ``images`` are 8-bit RGB; ``factors`` says what is in each picture, in the order of ``FACTORS``;
    bit j of ``masks`` marks the pixels where factor j is visible (for size, shape and border: the lesion or
    its rim), bit ``LESION_BIT`` the lesion; ``labels`` are 0 nevus, 1 melanoma; ``indices`` the place of each
    picture in the endless series that ``seed`` names. ``words`` are the colour words that apply to each
    picture: (skin tone, lesion colour, patch colour). Arrays are read-only.
    """

    images: UInt8[np.ndarray, "image height width 3"]
    factors: Bool[np.ndarray, "image factor"]
    masks: Int[np.ndarray, "image height width"]
    labels: Int[np.ndarray, " image"]
    indices: Int[np.ndarray, " image"]
    words: tuple[tuple[str, str, str], ...]
    seed: int

    def __post_init__(self) -> None:
        n, height, width, _ = self.images.shape
        if self.factors.shape != (n, len(NAMES)) or self.masks.shape != (n, height, width):
            raise ValueError(f"images {self.images.shape}, factors {self.factors.shape} and "
                             f"masks {self.masks.shape} do not belong together")  # fmt: skip
        if len(self.labels) != n or len(self.indices) != n or len(self.words) != n:
            raise ValueError(f"{n} images need {n} labels, indices and words")
        for array in (self.images, self.factors, self.masks, self.labels, self.indices):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.images)

    def pil(self, i: int) -> Image.Image:
        """Picture i as a PIL image."""
        from PIL import Image

        return Image.fromarray(self.images[i])

    def mask(self, name: str) -> Bool[np.ndarray, "image height width"]:
        """Where one factor (by name), or ``"lesion"``, is visible."""
        bit = LESION_BIT if name == "lesion" else INDEX[name]
        return (self.masks >> bit & 1).astype(bool)

    def captions(self) -> list[str]:
        """One caption per picture, drawn from the grammar of ``captions.py`` with the picture's own seed."""
        return [
            caption(np.random.default_rng([self.seed, int(index), 1]), dict(zip(NAMES, map(bool, row), strict=True)),
                    words=words)
            for index, row, words in zip(self.indices, self.factors, self.words, strict=True)
        ]  # fmt: skip


def render(
    n: int,
    seed: int = 0,
    *,
    start: int = 0,
    size: int = 64,
    probabilities: Probabilities = SPLITS["independent"],
    flags: Bool[np.ndarray, "image factor"] | None = None,
    indices: Sequence[int] | None = None,
) -> Pictures:
    """Pictures ``start`` … ``start + n`` of the series ``seed``. Synthetic, not medical data.

    ``probabilities`` says how often each factor occurs among nevi and melanomas (half of each);
    ``flags`` overrides what is in the pictures, leaving everything else of them as it is; ``indices`` asks for
    these pictures of the series instead (then ``n`` must be their number). ``size`` is the side in pixels,
    a multiple of 32: the same scene is drawn at any size.
    Raises ValueError for another size, a negative n, unknown or missing factors, or flags of another shape.
    """
    if size < 32 or size % 32:
        raise ValueError(f"size must be a multiple of 32 pixels, got {size}")
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}")
    if set(probabilities) != set(NAMES):
        odd = sorted(set(probabilities) ^ set(NAMES))
        raise ValueError(f"probabilities must name every factor once; unknown or missing: {', '.join(odd)}")
    which = np.arange(start, start + n) if indices is None else np.asarray(indices, np.int64)
    if len(which) != n:
        raise ValueError(f"n is {n}, but {len(which)} indices were given")
    if flags is not None and np.shape(flags) != (n, len(NAMES)):
        raise ValueError(f"flags must have shape ({n}, {len(NAMES)}), got {np.shape(flags)}")

    blocks = [scenes(which[a : a + BLOCK], seed, size, probabilities) for a in range(0, n, BLOCK)]
    images, factors, masks, labels, words = [], [], [], [], []
    for a, block in enumerate(blocks):
        scene, own = block
        on = own if flags is None else np.asarray(flags, bool)[a * BLOCK : (a + 1) * BLOCK]
        picture, mask = paint(scene, on, size)
        images.append(picture)
        masks.append(mask)
        factors.append(on)
        labels.append((scene.u["label"][:, 0] < 0.5).astype(np.int64))
        words += scene.words()
    shape = (0, size, size)
    return Pictures(
        images=np.concatenate([*images, np.zeros((*shape, 3), np.uint8)]),
        factors=np.concatenate([*factors, np.zeros((0, len(NAMES)), bool)]),
        masks=np.concatenate([*masks, np.zeros(shape, np.int16)]),
        labels=np.concatenate([*labels, np.zeros(0, np.int64)]),
        indices=which.copy(),
        words=tuple(words),
        seed=seed,
    )


def contents(
    n: int, seed: int = 0, *, start: int = 0, probabilities: Probabilities = SPLITS["independent"]
) -> tuple[Int[np.ndarray, " image"], Bool[np.ndarray, "image factor"]]:
    """(labels, factors) of the pictures that ``render`` would draw, without drawing them. Read-only arrays."""
    uniform = np.empty((n, 1 + len(NAMES)))  # label and flags come first in every stream
    for i in range(n):
        np.random.default_rng([seed, start + i]).random(out=uniform[i])
    labels = (uniform[:, 0] < 0.5).astype(np.int64)
    factors = uniform[:, 1:] < rates(labels, probabilities)
    for array in (labels, factors):
        array.flags.writeable = False
    return labels, factors
