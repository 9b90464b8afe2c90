"""Targets of a segmentation: a class at a place, within a box or mask, where the model says it, or everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from ..images import Window
from ..outputs import class_number, map_in, map_names
from .goal import Asked, Goal
from .value import Target, percent

if TYPE_CHECKING:
    import torch

_RATIO = 0.02  # by how much the sides of a mask may differ from the picture's


@dataclass(frozen=True, eq=False, repr=False)
class Segment(Target):
    """A class of a segmentation: see `segment`."""

    kind = "segment"
    which: str | int
    within: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.within, np.ndarray):
            return
        if not (self.within is None or self.within == "predicted" or are_shares(self.within)):
            raise ValueError(
                f"within={self.within!r}; a class is explained within a place (x, y) or a box (left, top, right, "
                "bottom) in shares of the picture, a mask [height width] over it, 'predicted' (where the model says "
                "it), or None (everywhere)"
            )

    @property
    def local(self) -> bool:  # type: ignore[override]
        return not (self.within is None or self.within == "predicted") if not self._masked else True

    @property
    def steady(self) -> bool:  # type: ignore[override]
        return self._masked or self.within != "predicted"

    @property
    def _masked(self) -> bool:
        return isinstance(self.within, np.ndarray)

    @property
    def name(self) -> str:
        return self._named(self.which if isinstance(self.which, str) else f"class {self.which}")

    def _named(self, name: str) -> str:
        within: Any = self.within
        if self._masked:
            return f"{name} within a mask of {percent(float((within > 0).mean()))} of the picture"
        if within is None:
            return f"{name} everywhere"
        if within == "predicted":
            return f"{name} where it is predicted"
        if len(within) == 2:
            return f"{name} at {percent(within[0])}, {percent(within[1])}"
        return f"{name} within {' – '.join(', '.join(map(percent, corner)) for corner in (within[:2], within[2:]))}"

    def __repr__(self) -> str:
        if self._masked:
            return f"sl.targets.segment({self.which!r}, within=mask)"
        if self.within is None:
            return f"sl.targets.segment({self.which!r})"
        within = self.within if isinstance(self.within, str) else tuple(round(float(n), 3) for n in self.within)
        return f"sl.targets.segment({self.which!r}, within={within!r})"

    def goal(self, asked: Asked) -> Goal:
        scores = map_in(asked.answer, asked.output, 1)
        names = map_names(asked.model, asked.images, scores.shape[1])
        number = class_number(self.which, names)
        places = None
        if self.within is None or self.local:
            places = self._places(asked, scores.shape[2], scores.shape[3])
        elif asked.one:
            places = (predicted_in(scores)[0] == (number if scores.shape[1] > 1 else 1)).cpu().numpy()
            if not places.any():
                raise ValueError(
                    f"the model says {names[number]!r} at no place of this picture; explain it everywhere, "
                    f"targets.segment({names[number]!r}), or a place, within=(x, y)"
                )
        return SegmentGoal(self._named(names[number]), asked.output, number, places)

    def _places(self, asked: Asked, height: int, width: int) -> Float[np.ndarray, "height width"]:
        within: Any = self.within
        if within is None:
            return np.ones((height, width), np.float32)
        if self._masked:
            return _of_mask(within, asked, height, width)
        return _of_box(within, asked.window, height, width)

    def document(self) -> dict[str, Any] | None:
        if self._masked:
            return None
        within: Any = self.within
        return {"kind": self.kind, "which": self.which, "within": list(within) if are_shares(within) else within}


class SegmentGoal(Goal):
    """The mean of a class's scores over places: those of `places` [height width] by weight, or where each image's own
    answer has the class."""

    of_scores = False

    def __init__(self, name: str, output: Any, number: int, places: np.ndarray | None) -> None:
        super().__init__(name)
        self.output, self.channel = output, number
        self.places = None if places is None else np.array(places, np.float32)

    def read(self, answer: Any, images: int) -> torch.Tensor:
        self._scores = map_in(answer, self.output, images)
        return self._scores

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        import torch

        if self.places is not None:
            self._last = torch.as_tensor(self.places)[None]
        else:
            self._last = predicted_in(self._scores.detach()) == (self.channel if given.shape[1] > 1 else 1)
        return self.again(given)

    def again(self, given: torch.Tensor) -> torch.Tensor:
        weights = self._last.to(given).repeat(len(given) // len(self._last), 1, 1)
        return (given[:, self.channel] * weights).sum((1, 2)) / weights.sum((1, 2)).clamp(min=1e-12)


def predicted_in(scores: torch.Tensor) -> torch.Tensor:
    """The class [image height width] that is said at every place of a map [image class height width]; of a map with one
    class 1 where its score is positive, or, where all lie in [0, 1], above one half."""
    if scores.shape[1] > 1:
        return scores.argmax(1)
    likely = bool(((scores >= 0) & (scores <= 1)).all())
    return (scores[:, 0] > (0.5 if likely else 0)).long()


def are_shares(within: Any) -> bool:
    """Whether it is a place (x, y) or a box (left, top, right, bottom), in shares."""
    if not isinstance(within, list | tuple) or len(within) not in (2, 4):
        return False
    try:
        numbers = [float(n) for n in within]
    except (TypeError, ValueError):
        return False
    ordered = len(numbers) == 2 or (numbers[0] < numbers[2] and numbers[1] < numbers[3])
    return ordered and all(0 <= n <= 1 for n in numbers)


def _of_box(within: Any, window: Window, height: int, width: int) -> Float[np.ndarray, "height width"]:
    """The cells whose middle lies in a box, at least the one that its middle lies in; of a place its cell."""
    left, top, right, bottom = window
    xs = [(x - left) / (right - left) for x in within[0::2]]
    ys = [(y - top) / (bottom - top) for y in within[1::2]]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    if xs[-1] < 0 or xs[0] > 1 or ys[-1] < 0 or ys[0] > 1:
        seen = ", ".join(f"{n:.2f}" for n in window)
        raise ValueError(
            f"within={tuple(within)!r} lies outside what the model sees of the picture: {seen} (left, top, right, "
            "bottom, in shares of it)"
        )
    cells = np.zeros((height, width), bool)
    if len(xs) == 2:
        across, down = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
        cells |= ((xs[0] <= across) & (across < xs[1]))[None] & ((ys[0] <= down) & (down < ys[1]))[:, None]
    if not cells.any():
        x, y = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
        cells[min(int(y * height), height - 1), min(int(x * width), width - 1)] = True
    return cells.astype(np.float32)


def _of_mask(mask: np.ndarray, asked: Asked, height: int, width: int) -> Float[np.ndarray, "height width"]:
    """How much of each cell a mask over the picture covers, of what the model saw of it."""
    wide, high = asked.picture.size
    rows, columns = mask.shape
    if abs(columns / rows / (wide / high) - 1) > _RATIO + 1 / min(rows, columns):
        raise ValueError(
            f"a mask of shape {mask.shape} over a picture of {high} × {wide} (height × width); it covers the whole "
            "picture, at any size with the same sides"
        )
    left, top, right, bottom = asked.window
    box = (left * columns, top * rows, right * columns, bottom * rows)
    drawn = Image.fromarray(np.ascontiguousarray(mask, np.float32), "F")
    covered = np.asarray(drawn.resize((width, height), Image.Resampling.BOX, box=box), np.float32)
    if not covered.sum() > 0:
        raise ValueError("the mask marks nothing of what the model sees of the picture; give one that does")
    return covered


def segment(which: str | int | np.integer, within: Any = None) -> Target:
    """A class of a segmentation: the mean of its score over places.

    Parameters
    ----------
    which
        The class, by name or number. Names are the model's own, or `sl.images(…, classes=…)` in their order.
    within
        A place (x, y) or a box (left, top, right, bottom) in shares of the picture, as `explanation.region` gives them;
        a mask [height width] over the picture, of any size, whose numbers are weights; "predicted", the places where
        the model says the class; None, everywhere.

    Returns
    -------
    Target
        The target.

    Raises
    ------
    ValueError
        Where they mark nothing that the model sees, or the class is predicted nowhere.

    Notes
    -----
    A mask, a box and a place belong to one picture.

    Examples
    --------
    >>> segmenter = sl.demo.segmenter()
    >>> data = sl.images(sl.demo.images(8), transform=sl.demo.transform())

    >>> lesion = sl.targets.segment("lesion", within="predicted")
    >>> why = sl.explain(segmenter, data, 3, ["layer4"], lesion, method="gradient")
    >>> why.target.startswith("lesion")
    True
    """
    if within is not None and not isinstance(within, str | list | tuple):
        mask = np.array(within.cpu() if hasattr(within, "cpu") else within)
        if mask.ndim != 2:
            raise ValueError(f"a mask of shape {mask.shape}; needed is one of [height width] over the picture")
        if mask.dtype.kind not in "buif" or not np.isfinite(mask).all() or not mask.size or mask.min() < 0:
            raise ValueError("the numbers of a mask are weights: finite, and not below 0")
        mask = mask.astype(np.float32)
        mask.flags.writeable = False
        within = mask
    if isinstance(within, list | tuple) and are_shares(within):
        within = tuple(float(n) for n in within)
    return Segment(which if isinstance(which, str) else int(which), within)


def largest(asked: Asked) -> Target:
    """The class of a map that is predicted at most places, where it is.

    A class called background counts only where there is no other.
    """
    scores = map_in(asked.answer, asked.output, 1)
    names = map_names(asked.model, asked.images, scores.shape[1])
    if scores.shape[1] == 1:
        return Segment(names[0], "predicted" if bool(predicted_in(scores).any()) else None)
    counts = np.bincount(predicted_in(scores)[0].flatten().cpu().numpy(), minlength=len(names))
    others = [n for n in np.argsort(-counts, kind="stable") if counts[n] and "background" not in names[n].casefold()]
    return Segment(names[int(others[0] if others else counts.argmax())], "predicted")
