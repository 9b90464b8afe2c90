"""What each axis of a tensor counts, followed from the images through the operations of one forward pass.

The images' axes are known: image, channel, row, column. Each operation says what it does to axes: a permutation moves
them, a reshape merges and splits them, a convolution makes new features of [n c h w], a matrix product with weights
makes new features of the axis it sums over. An operation that is not known here makes its axes unknown, never wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

PLACES = frozenset("hwpt")


@dataclass(frozen=True)
class Part:
    """Some tokens of a sequence: those made of `parameter`, or places of the picture, in rows where `grid` says so."""

    count: int
    parameter: str = ""
    grid: tuple[int, int] | None = None
    places: bool = False


@dataclass(frozen=True)
class Atom:
    """A run of an axis. An axis that merges others has several, the outermost first.

    kind:   n images, c features, h rows, w columns, p places in no known order, t tokens put together of `parts`,
            k a count that does not come from the images, ? unknown.
    stride, total: how far apart its steps are in the run that it was split off from, and how long that run is.
    """

    kind: str
    size: int
    stride: int
    total: int
    parts: tuple[Part, ...] = ()

    def split(self, inner: int) -> tuple[Atom, Atom]:
        """The outer part, and the inner one of size `inner`."""
        kind, parts = ("?", ()) if self.parts else (self.kind, self.parts)
        outer = Atom(kind, self.size // inner, self.stride * inner, self.total, parts)
        return outer, Atom(kind, inner, self.stride, self.total, parts)


Axis = tuple[Atom, ...]  # empty: of size 1


def whole(kind: str, size: int, parts: tuple[Part, ...] = ()) -> Axis:
    return () if size == 1 and not parts else (Atom(kind, size, 1, size, parts),)


def size_of(axis: Axis) -> int:
    return prod(atom.size for atom in axis)


def kinds(axis: Axis) -> frozenset[str]:
    """What an axis counts; constants beside something else do not matter."""
    present = frozenset(atom.kind for atom in axis)
    return present - {"k"} or present


def in_order(axis: Axis) -> bool:
    """Whether an axis of one kind goes through that kind from first to last, by steps of one or more."""
    if not axis or axis[0].size * axis[0].stride != axis[0].total:
        return False
    return all(a.stride == b.stride * b.size and a.total == b.total for a, b in pairwise(axis))


def grid_of(axis: Axis) -> tuple[int, int] | None:
    """Rows and columns of an axis that goes through a picture row by row; None for any other."""
    rows = tuple(atom for atom in axis if atom.kind == "h")
    columns = tuple(atom for atom in axis if atom.kind == "w")
    if not axis or rows + columns != axis or not all(in_order(run) for run in (rows, columns) if run):
        return None
    return size_of(rows), size_of(columns)


def parts_of(axis: Axis) -> tuple[Part, ...]:
    """The tokens that an axis of places is made of."""
    if len(axis) == 1 and axis[0].kind == "t":
        return axis[0].parts
    return (Part(size_of(axis), grid=grid_of(axis), places=True),)


def of_parts(parts: Sequence[Part]) -> Axis:
    """An axis of tokens; places alone are rows and columns again."""
    size = sum(part.count for part in parts)
    if len(parts) == 1 and parts[0].grid is not None:
        return whole("h", parts[0].grid[0]) + whole("w", parts[0].grid[1])
    if len(parts) == 1 and parts[0].places:
        return whole("p", size)
    return whole("t", size, tuple(parts))


def resized(axis: Axis, size: int) -> Axis:
    """The axis after an operation that leaves more or fewer of the same: a stride, padding, pooling."""
    if size == size_of(axis):
        return axis
    present = kinds(axis)
    if present in ({"h"}, {"w"}) and in_order(axis):
        return whole(next(iter(present)), size)
    return whole("c" if present == {"c"} else "k" if present == {"k"} else "?", size)


def reshaped(axes: Sequence[Axis], shape: Sequence[int]) -> tuple[Axis, ...] | None:
    """The axes of a row-major reshape; None where they cannot be followed, as where there is nothing (no box found)."""
    atoms = [atom for axis in axes for atom in axis]
    if 0 in shape or any(atom.size == 0 for atom in atoms):
        return None
    made: list[Axis] = []
    for size in shape:
        left, axis = size, list[Atom]()
        while left > 1:
            if not atoms:
                return None
            atom = atoms.pop(0)
            if left % atom.size == 0:
                axis.append(atom)
                left //= atom.size
            elif atom.size % left == 0:
                outer, inner = atom.split(atom.size // left)
                axis.append(outer)
                atoms.insert(0, inner)
                left = 1
            else:
                return None
        made.append(tuple(axis))
    return None if atoms else tuple(made)


def together(candidates: Iterable[Axis]) -> Axis:
    """One axis of several tensors that are put together number by number."""
    result: Axis = ()
    for axis in candidates:
        known, new = kinds(result), kinds(axis)
        if not new or (new == {"k"} and known) or (new == {"?"} and known - {"k", "?"}):
            continue
        if not known or known == {"k"} or known == {"?"} or result == axis:
            result = axis
        elif known <= PLACES and new <= PLACES:
            if grid_of(result) != grid_of(axis) or parts_of(result) != parts_of(axis):
                result = whole("p", size_of(axis))
        elif known != new:
            result = whole("?", size_of(axis))
    return result


@dataclass(frozen=True)
class Label:
    """The axes of a tensor, and the parameter that its tokens come from, if they come from one."""

    axes: tuple[Axis, ...]
    parameter: str = ""

    @property
    def constant(self) -> bool:
        """Whether the tensor does not depend on the images."""
        return all(kinds(axis) <= {"k"} for axis in self.axes)

    def fits(self, shape: Sequence[int]) -> bool:
        return tuple(size_of(axis) for axis in self.axes) == tuple(shape)


def unknown(shape: Sequence[int]) -> Label:
    return Label(tuple(whole("?", size) for size in shape))


def constant(shape: Sequence[int], parameter: str = "") -> Label:
    return Label(tuple(whole("k", size) for size in shape), parameter)


def broadcast(labels: Sequence[Label], shape: Sequence[int]) -> Label:
    """Of tensors that are put together number by number, aligned at the last axis."""
    axes = []
    for back, size in zip(range(len(shape), 0, -1), shape, strict=True):
        axes.append(
            together(
                label.axes[-back] for label in labels if len(label.axes) >= back and size_of(label.axes[-back]) == size
            )
            or whole("k", size)
        )
    return Label(tuple(axes), next((label.parameter for label in labels if label.parameter), ""))


def joined(labels: Sequence[Label], dim: int, shape: Sequence[int]) -> Label:
    """Of tensors that are put one after another along an axis."""
    axes = [together(label.axes[at] for label in labels) for at in range(len(shape))]
    pieces = [label.axes[dim] for label in labels]
    present = frozenset().union(*map(kinds, pieces))
    if present & PLACES and present <= PLACES | {"k"}:
        parts: list[Part] = []
        for label, piece in zip(labels, pieces, strict=True):
            if kinds(piece) & PLACES:
                parts.extend(parts_of(piece))
            else:
                parts.append(Part(size_of(piece), label.parameter))
        axes[dim] = of_parts(parts)
    elif present <= {"c", "k"} and "c" in present:
        axes[dim] = whole("c", shape[dim])
    elif present <= {"k"} and all(label.constant for label in labels):
        axes[dim] = whole("k", shape[dim])
    else:
        axes[dim] = whole("?", shape[dim])
    return Label(tuple(axes), labels[0].parameter if all(label.constant for label in labels) else "")


def cut(label: Label, dim: int, first: int, count: int, step: int = 1) -> Label:
    """Of a stretch of an axis."""
    axis = label.axes[dim]
    axes, parameter = list(label.axes), label.parameter
    if step == 1 and len(axis) == 1 and axis[0].parts:
        parts, start = [], 0
        for part in axis[0].parts:
            held = min(start + part.count, first + count) - max(start, first)
            if held > 0:
                parts.append(part if held == part.count else replace(part, count=held, grid=None))
            start += part.count
        if len(parts) == 1 and not parts[0].places:
            axes[dim], parameter = whole("k", count), parts[0].parameter
        else:
            axes[dim] = of_parts(parts)
    else:
        axes[dim] = resized(axis, count)
    return Label(tuple(axes), parameter)


def made_of(summed: Axis, others: Iterable[Axis], size: int) -> Axis:
    """The new axis where weights are multiplied with the axis `summed`, which goes."""
    present = kinds(summed)
    mixes_places = bool(present) and present <= PLACES and any("c" in kinds(axis) for axis in others)  # an MLP-Mixer
    return whole("?" if mixes_places or present & {"n", "?"} else "c", size)


def product(first: Label, second: Label, shape: Sequence[int]) -> Label:
    """Of a matrix product over the last axis of the first and the last but one of the second."""
    if first.constant and second.constant:
        return constant(shape, first.parameter)
    batch = broadcast([Label(first.axes[:-2]), Label(second.axes[:-2])], shape[:-2]).axes
    rows, columns = first.axes[-2], second.axes[-1]
    if second.constant:
        columns = made_of(first.axes[-1], [*first.axes[:-1]], shape[-1])
    if first.constant:
        rows = made_of(second.axes[-2], [*second.axes[:-2], second.axes[-1]], shape[-2])
    return Label((*batch, rows, columns), first.parameter)


def convolved(images: Label, shape: Sequence[int]) -> Label:
    """Of a convolution, which reads [n c h w] by definition (or [n c w], [n c t h w])."""
    axes = list(images.axes)
    if len(shape) == 4 and not images.constant:
        for at, kind in enumerate("chw", 1):
            if "?" in kinds(axes[at]) or kinds(axes[at]) == {"k"}:
                axes[at] = whole(kind, size_of(axes[at]))
    new = made_of(axes[1], [axes[0], *axes[2:]], shape[1])
    return Label((axes[0], new, *(resized(axis, size) for axis, size in zip(axes[2:], shape[2:], strict=True))))
