"""The value: what a fit will cost, told before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from . import numbers
from .space import GATHERED
from .sums import BINS, UNITS
from .texts import plural, size

_STATISTICS = 2 * 8 * len(UNITS) + 8 + 1 + 2 + 8 * BINS  # bytes of one component
_SORTED, _SORTED_WITH_BOX = 56, 260  # bytes for each example while equal crops are told apart
_COPIES = 3  # of vectors that are at work
_PAIR, _CROP, _NAMED = 36, 80, 170  # bytes of an example, a crop and an image's name, beside what they hold
_ROOM = 64  # candidates of a component that a pass keeps, beside its examples


@dataclass(frozen=True)
class Plan:
    """What a fit will cost. Crops, bytes and times are estimates; times are those of one process here.

    images:     of the data set.
    components: of all layers.
    crops:      pictures that go through the CLIP: examples, the random draw and the sample.
    disk:       bytes that stay in the cache, the finished space among them, without relevance.
    memory:     bytes that this process holds at the most, what it has held until now included; None on Windows.
    seconds:    of each stage, from a trial on `trial` images; empty without one.
    """

    images: int
    components: int
    crops: int
    disk: int
    memory: int | None
    seconds: Mapping[str, float] = field(default_factory=dict)
    trial: int = 0

    @property
    def total(self) -> float:
        """Seconds of all stages together; NaN where no trial was made."""
        return sum(self.seconds.values()) if self.seconds else float("nan")

    def __str__(self) -> str:
        """All of it in one line."""
        parts = [
            plural(self.images, "image"),
            plural(self.components, "component"),
            f"about {plural(self.crops, 'crop')}",
            f"{size(self.disk)} on disk",
        ]
        if self.memory is not None:
            parts.append(f"{size(self.memory)} of memory")
        if self.seconds:
            stages = ", ".join(f"{stage} {duration(took)}" for stage, took in self.seconds.items())
            parts.append(f"about {duration(self.total)} ({stages})")
        return " · ".join(parts)

    def __repr__(self) -> str:
        return f"<Plan: {self}>"

    def _repr_html_(self) -> str:
        rows = [
            ("images", numbers.count(self.images)),
            ("components", numbers.count(self.components)),
            ("crops, about", numbers.count(self.crops)),
            ("on disk, about", size(self.disk)),
            ("memory, about", "–" if self.memory is None else size(self.memory)),
            *((f"time of {stage}", f"about {duration(took)}") for stage, took in self.seconds.items()),
        ]
        if self.seconds:
            rows.append(("time in all", f"about {duration(self.total)}"))
        cells = "".join(f"<tr><th>{escape(what)}</th><td>{escape(how_much)}</td></tr>" for what, how_much in rows)
        return f"<table>{cells}</table>"


@dataclass(frozen=True)
class Shape:
    """The numbers that bytes follow from.

    examples:   of a component, at most: k, or as many as there are images.
    whole:      share of examples, 0 to 1, that show all that the model sees, so that many share one crop.
    sampled, null: images.
    dim:        of the CLIP's vectors.
    picture, name: bytes of a thumbnail and of an image's name, on the mean.
    """

    images: int
    components: int
    whole: float
    examples: int
    sampled: int
    null: int
    cropped: bool
    dim: int
    picture: float
    name: float

    @property
    def referenced(self) -> int:
        """Images that are examples, at most."""
        return min(self.images, self.components * self.examples)

    @property
    def pairs(self) -> int:
        """Components with an example of theirs."""
        return self.components * self.examples

    @property
    def shown(self) -> int:
        """Crops of examples: one of each picture that is shown whole, and one of each other example."""
        whole = round(self.whole * self.pairs)
        return self.pairs - whole + min(self.images, whole)

    @property
    def crops(self) -> int:
        """Crops in all: where nothing is cropped, examples, draw and sample share their pictures."""
        others = self.sampled + self.null
        return self.shown + others if self.cropped else min(self.images, self.shown + others)

    def disk(self, crops: int | None = None, referenced: int | None = None) -> int:
        """Bytes of the finished space and of the passes that stay in the cache, for so many crops of examples."""
        shown = self.shown if crops is None else crops
        named = self.referenced if referenced is None else referenced
        boxes = 16 * self.examples * self.components if self.cropped else 0
        statistics = _STATISTICS * self.components
        sample = 4 * self.sampled * (self.components + 1)
        passes = 12 * self.examples * self.components + statistics + sample + boxes
        per_component = 16 * self.examples + 4 * self.dim + 4
        space: float = per_component * self.components + statistics + sample + boxes
        space += 2 * self.dim * (shown + self.null + self.sampled) + shown * (4 + 8 + 4 + self.picture)
        space += named * (8 + 8 + 4 + self.name)
        return int(passes + space)

    def memory(self) -> int:
        """Bytes that a fit in one process adds to what its model holds, at most."""
        books = self.components * (12 * (self.examples + _ROOM) + _STATISTICS)
        found = self.components * (12 * self.examples + _STATISTICS + 4 * self.sampled)
        boxes = 16 * self.pairs if self.cropped else 0
        return int(max(books + found, found + boxes + max(self._planning(), self._embedding())))

    def _planning(self) -> int:
        """Bytes that telling equal crops apart takes: they are sorted by image and box."""
        return (_SORTED_WITH_BOX if self.cropped else _SORTED) * self.pairs

    def _embedding(self) -> float:
        """Bytes held when all is embedded: mean vectors, the crops they are made of, and what is known of each crop and
        image. Vectors of crops and their pictures lie on disk."""
        means = _COPIES * 4 * self.dim * (self.components + min(self.pairs, GATHERED))
        return means + _PAIR * self.pairs + _CROP * self.crops + (self.name + _NAMED) * self.referenced


def duration(seconds: numbers.Number) -> str:
    """A time as people say it: 2 h 10 min, 4 min, 12 s; below a second "under a second"."""
    if seconds < 0.95:
        return "under a second"
    if seconds < 119.5:
        return f"{numbers.fixed(seconds, 0)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    if days:
        return f"{days:,} d {hours} h"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
