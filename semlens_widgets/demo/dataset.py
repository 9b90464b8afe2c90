"""The demo's pictures as a data set: drawn when asked for, the same every time. Synthetic, not medical data."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from PIL import Image
from torch.utils.data import Dataset

from semlens_widgets.demo.factors import CLASS_NAMES, INDEX, NAMES, SPLITS, Split
from semlens_widgets.demo.world import Pictures, contents, render

_BLOCK = 64


class DemoImages(Dataset[tuple[Image.Image, int]]):
    """``n`` pictures of one split as (PIL image, label), drawn in blocks on first use and kept (12 kB each at 64 px).

    ``classes`` are the class names, ``targets`` the labels and ``factors`` what is in each picture; both are
    known without drawing anything. ``held`` holds some factors on (True) or off in all of them, by name, and leaves all
    else as it is. Pickles to its parameters, not to pixels.
    """

    classes = CLASS_NAMES

    def __init__(
        self, n: int, seed: int = 0, split: Split = "independent", size: int = 64,
        held: Mapping[str, bool] | None = None,
    ) -> None:  # fmt: skip
        if split not in SPLITS:
            raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
        if n < 1:
            raise ValueError(f"a data set needs at least one picture, got n={n}")
        if unknown := set(held or ()) - set(NAMES):
            raise ValueError(f"no factor {min(unknown)!r}; there are {', '.join(NAMES)}")
        self.n, self.seed, self.split, self.size = n, seed, split, size
        self.held = dict(held or {})
        self._blocks: dict[int, Pictures] = {}
        self._lock = threading.Lock()
        self._contents: tuple[np.ndarray, np.ndarray] | None = None

    def __getstate__(self) -> dict[str, Any]:
        state = {"n": self.n, "seed": self.seed, "split": self.split, "size": self.size}
        return state | {"held": self.held} if self.held else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __repr__(self) -> str:
        held = "".join(f", {'with' if on else 'without'} {name}" for name, on in self.held.items())
        return f"<{self.n:,} synthetic pictures, split {self.split!r}{held}, seed {self.seed}, {self.size} px>"

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> tuple[Image.Image, int]:
        if not -self.n <= i < self.n:
            raise IndexError(f"picture {i} of {self.n}")
        block, row = divmod(i % self.n, _BLOCK)
        pictures = self._block(block)
        return pictures.pil(row), int(pictures.labels[row])

    @property
    def targets(self) -> Int[np.ndarray, " image"]:
        """0 nevus, 1 melanoma."""
        return self._known()[0]

    @property
    def factors(self) -> Bool[np.ndarray, "image factor"]:
        """What is in each picture, in the order of ``FACTORS``."""
        return self._known()[1]

    def _known(self) -> tuple[np.ndarray, np.ndarray]:
        if self._contents is None:
            labels, factors = contents(self.n, self.seed, probabilities=SPLITS[self.split])
            if self.held:
                factors = factors.copy()
                for name, on in self.held.items():
                    factors[:, INDEX[name]] = on
                factors.flags.writeable = False
            self._contents = labels, factors
        return self._contents

    def _block(self, block: int) -> Pictures:
        with self._lock:  # readers in several threads ask for neighbours: draw each block once
            if block not in self._blocks:
                start = block * _BLOCK
                count = min(_BLOCK, self.n - start)
                self._blocks[block] = render(
                    count, self.seed, start=start, size=self.size, probabilities=SPLITS[self.split],
                    flags=self._known()[1][start : start + count] if self.held else None,
                )  # fmt: skip
            return self._blocks[block]


class Normalise:
    """What the classifier needs: an RGB picture of 64 pixels a side as a normalised float tensor [3 64 64].

    Pictures of another size are scaled down or up (bilinear, whatever their shape) first. Pure, and pickles to
    a few bytes.
    """

    def __repr__(self) -> str:
        return "Normalise()"

    def __call__(self, picture: Image.Image) -> Any:
        from semlens_widgets.demo.network import SIZE, normalise

        picture = picture.convert("RGB")
        if picture.size != (SIZE, SIZE):
            picture = picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        return normalise(np.asarray(picture)[None])[0]
