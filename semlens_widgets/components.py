"""Components and what they were looked at with: the row numbers every part of the house speaks in."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, order=True, repr=False)
class Component:
    """One neuron, channel or direction of a layer. Prints as `layer4:1207`.

    Parameters
    ----------
    layer
        The layer's name.
    index
        Its number there, from 0.
    sign
        "+" or "-" for one half of a signed feature, which prints as `layer4:1207-`, and else empty.

    Examples
    --------
    >>> str(sl.Component("layer4", 57))
    'layer4:57'
    >>> sl.Component.parse("layer4:57-").sign
    '-'
    """

    layer: str
    index: int
    sign: str = ""

    def __str__(self) -> str:
        return f"{self.layer}:{self.index}{self.sign}"

    __repr__ = __str__  # so that lists of components, such as `lens.selection`, can be read

    @classmethod
    def parse(cls, text: str) -> Component:
        """The component that prints as a text.

        Parameters
        ----------
        text
            Such as "layer4:57".

        Returns
        -------
        Component
            The component.

        Raises
        ------
        ValueError
            For a text that no component prints as.
        """
        match = re.fullmatch(r"(.+):([0-9]{1,18})([+-]?)", text)
        if not match:
            raise ValueError(f"{text[:80]!r} is no component; written as 'layer4:1207'")
        return cls(match[1], int(match[2]), match[3])


@dataclass(frozen=True)
class Components(Sequence[Component]):
    """All components of some layers in row order: layer after layer, index after index.

    Parameters
    ----------
    layers
        Their names.
    sizes
        How many components each of them has.
    signed
        Whether a layer has two for each feature: its `+` components come first, then its `-` components.

    Examples
    --------
    >>> components = lens.components
    >>> components.row("layer4:57") == components.rows("layer4").start + 57
    True
    >>> str(components[0])
    'layer3:0'
    """

    layers: tuple[str, ...]
    sizes: tuple[int, ...]  # rows per layer, both signs counted
    signed: tuple[bool, ...]

    def __post_init__(self) -> None:
        if not len(self.layers) == len(self.sizes) == len(self.signed):
            raise ValueError("one size and one sign flag per layer")
        if len(set(self.layers)) != len(self.layers):
            raise ValueError(f"a layer stands twice in {self.layers}")

    def __len__(self) -> int:
        return sum(self.sizes)

    def __iter__(self) -> Iterator[Component]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(f"component row {row}; there are {len(self)}")
        rest = int(row) % len(self)
        for layer, size, signed in zip(self.layers, self.sizes, self.signed, strict=True):
            if rest < size:
                half = size // 2
                return Component(layer, rest % half, "+-"[rest // half]) if signed else Component(layer, rest)
            rest -= size
        raise AssertionError("sizes add up to the length")

    def rows(self, layer: str | Sequence[str] | None = None) -> slice | np.ndarray:
        """The rows of one layer, of several, or (None) all.

        Parameters
        ----------
        layer
            One, several, or None for all.

        Returns
        -------
        slice or array
            A slice where they lie side by side, else row numbers.

        Raises
        ------
        KeyError
            With the nearest name if absent.
        """
        if layer is None:
            return slice(0, len(self))
        if not isinstance(layer, str | Sequence):
            raise TypeError(f"layer is a {type(layer).__name__}; give the name of one or a list of names")
        if not isinstance(layer, str):
            parts = [np.arange(len(self))[self.rows(name)] for name in layer]
            return np.concatenate(parts) if parts else np.zeros(0, np.int64)
        if layer not in self.layers:
            near = difflib.get_close_matches(layer, self.layers, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise KeyError(f"no layer {layer!r} in this lens; it has {', '.join(self.layers)}{hint}")
        at = self.layers.index(layer)
        start = sum(self.sizes[:at])
        return slice(start, start + self.sizes[at])

    def row(self, component: int | str | Component) -> int:
        """The row of a component given as a row, as 'layer4:57', or as a Component.

        Parameters
        ----------
        component
            Any of the three.

        Returns
        -------
        int
            The row.
        """
        if isinstance(component, int | np.integer):
            if not 0 <= component < len(self):
                raise IndexError(f"component row {component}; rows go from 0 to {len(self) - 1}")
            return int(component)
        wanted = Component.parse(component) if isinstance(component, str) else component
        if not isinstance(wanted, Component):
            raise TypeError(f"{component!r} is no component; give a row, a text as 'layer4:57', or a Component")
        rows = self.rows(wanted.layer)
        assert isinstance(rows, slice)
        at = self.layers.index(wanted.layer)
        count, signed = self.sizes[at] // (2 if self.signed[at] else 1), self.signed[at]
        if wanted.index >= count or bool(wanted.sign) != signed:
            ends = "with a sign, as in " if signed else ""
            raise KeyError(
                f"no component {str(wanted)!r}; {wanted.layer} has {count} components, {ends}{wanted.layer}:0"
                f"{'+' if signed else ''} to {wanted.layer}:{count - 1}{'-' if signed else ''}"
            )
        return rows.start + wanted.index + (count if wanted.sign == "-" else 0)

    @property
    def layer_numbers(self) -> np.ndarray:
        """Per row, which of `layers` it belongs to."""
        return np.repeat(np.arange(len(self.layers)), self.sizes)


@dataclass(frozen=True)
class Recipe:
    """What a value was made from; its hash is the cache key, so a changed ingredient never meets an old result.

    Parameters
    ----------
    weights, images
        Fingerprints of the model, and of the data set with its transform.
    layers
        What counts as components, one text for each.
    pooling, k, crop
        How responses are pooled, examples per component, and how they are cropped.
    clip
        The name of the CLIP.
    null
        How many random images say what chance looks like.
    seed
        Draws these and the sample.
    sample
        On how many images all components are kept.
    precision
        "single" or "half", of the CLIP.

    Examples
    --------
    >>> recipe = lens.space.recipe
    >>> recipe.k, len(recipe.layers)
    (20, 2)
    """

    weights: str
    images: str
    layers: tuple[str, ...]
    pooling: str
    k: int
    crop: str
    clip: str
    null: int
    seed: int
    sample: int = 0  # files from before there was a sample say nothing of it
    precision: str = "single"  # of the CLIP; told where it is another

    def to_document(self) -> dict[str, Any]:
        """The ingredients by name, as JSON values."""
        document = asdict(self)
        return document if self.precision != "single" else {k: v for k, v in document.items() if k != "precision"}

    @property
    def examples_key(self) -> str:
        """The key of what does not depend on CLIP: the collected examples."""
        return _hash([self.weights, self.images, self.layers, self.pooling, self.k, self.sample, self.seed])

    @property
    def key(self) -> str:
        """The key of all that was made: what the cache calls it."""
        return _hash(list(self.to_document().values()))


def _hash(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
