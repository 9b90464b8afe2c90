"""The pages of a site that need no script: one for each component, lists of them, and the strips of their examples."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .. import markup
from ..components import Component
from ..session import Session
from ..widgets import answers, component_card
from .data import NO_ROW
from .places import LISTED, Places, address, fragment

_WIDE, _HIGH = 320, 72  # of a histogram


@dataclass(frozen=True)
class Link:
    """A component as another page names it."""

    id: str
    href: str
    word: str | None  # what it is called; None: nothing explains it
    dead: bool = False
    crops: str | None = None
    count: int = 0


class Pages:
    """The pages of one lens. `siblings` are the rows and scores of the data."""

    def __init__(self, session: Session, places: Places, siblings: dict[str, np.ndarray], examples: int, side: int):
        self.session, self.places, self.siblings = session, places, siblings
        self.examples, self.side = examples, side

    def strip(self, row: int) -> bytes:
        """The strongest examples side by side, squares of `side` pixels, as WebP."""
        space = self.session.space
        count = min(self.examples, int(space.examples.counts[row]))
        strip = Image.new("RGB", (count * self.side, self.side), (128, 128, 128))
        for rank in range(count):
            crop = space.thumbnails.picture(int(space.crop_of[row, rank]))
            strip.paste(answers.squared(crop, self.side), (rank * self.side, 0))
        buffer = io.BytesIO()
        strip.save(buffer, "WEBP", quality=80, method=0)
        return buffer.getvalue()

    def page(self, row: int) -> str:
        """The page of one component."""
        session, component = self.session, self.session.components[row]
        (about,) = answers.components(session, [row])["components"]
        edges, counts = session.space.examples.statistics.histogram(row)
        shown = about["responses"][: self.examples]
        return markup.render(
            "site/component.html.j2",
            name=session.name,
            link=self._link(component),
            top="../../",
            window=f"../../index.html#{fragment(component)}",
            layer=component.layer,
            label=component_card.labelled(session, row, about["label"]),
            examples=[self._example(row, rank, response) for rank, response in enumerate(shown)],
            width=len(shown) * self.side,
            side=self.side,
            histogram=_bars(counts),
            low=float(edges[0]),
            high=float(edges[-1]),
            images=session.space.examples.statistics.images,
            active=int(session.space.examples.statistics.nonzero[row]),
            relevance=component_card.class_relevance(session, row),
            siblings=[(self._link(session.components[near]), score) for near, score in self._near(row)],
            beside={text: self._link(other) for text, other in self._beside(component)},
        )

    def lists(self, layer: int) -> Iterator[tuple[str, str]]:
        """The pages that list a layer's components: (path, text) of each."""
        components = self.session.components
        rows = components.rows(components.layers[layer])
        assert isinstance(rows, slice)
        starts = range(rows.start, rows.stop, LISTED)
        for number, start in enumerate(starts):
            listed = [self._link(components[row]) for row in range(start, min(start + LISTED, rows.stop))]
            pages = [(n + 1, Path(self.places.listing(layer, n)).name, n == number) for n in range(len(starts))]
            yield self.places.listing(layer, number), markup.render(
                "site/list.html.j2", name=self.session.name, layer=components.layers[layer], top="../../",
                count=rows.stop - rows.start, listed=listed, pages=pages, side=48,
            )  # fmt: skip

    def _link(self, component: Component) -> Link:
        row = self.session.components.row(component)
        label, dead = self.session.label_of(row), not bool(self.session.space.alive[row])
        return Link(
            str(component),
            f"../../{address(self.places.page(component))}",
            label.text if label is not None and label.confident else None,
            dead,
            None if dead else f"../../{address(self.places.crops(component))}",
            min(self.examples, int(self.session.space.examples.counts[row])),
        )

    def _example(self, row: int, rank: int, response: float) -> dict[str, Any]:
        space = self.session.space
        image = int(space.examples.images[row, rank])
        return {"name": space.image_name(image) or str(image), "label": space.label(image), "response": response}

    def _near(self, row: int) -> list[tuple[int, float]]:
        pairs = zip(self.siblings["siblings/rows"][row], self.siblings["siblings/scores"][row], strict=True)
        return [(int(near), float(score)) for near, score in pairs if near != NO_ROW]

    def _beside(self, component: Component) -> Iterator[tuple[str, Component]]:
        """The other end, and the components before and after."""
        if component.sign:
            other = "-" if component.sign == "+" else "+"
            yield f"the {'negative' if other == '-' else 'positive'} end", Component(
                component.layer, component.index, other
            )
        components = self.session.components
        rows, row = components.rows(component.layer), components.row(component)
        assert isinstance(rows, slice)
        if row > rows.start:
            yield "the one before", components[row - 1]
        if row + 1 < rows.stop:
            yield "the one after", components[row + 1]


def _bars(counts: np.ndarray) -> str:
    """A histogram as one SVG path, the heights logarithmic."""
    top = math.log1p(float(counts.max(initial=1))) or 1.0
    wide = _WIDE / len(counts)
    heights = [_HIGH * math.log1p(float(count)) / top for count in counts]
    bars = [(at * wide, high) for at, high in enumerate(heights) if high]
    return "".join(f"M{start:.1f} {_HIGH}v{-high:.1f}h{wide:.1f}V{_HIGH}z" for start, high in bars)
