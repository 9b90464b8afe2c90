"""The images behind components, to look at or to clean."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from ..components import Component
from ..space import SemanticSpace
from ..texts import to_csv


@dataclass(frozen=True)
class TrainingImage:
    """One image behind some components: its number, name (a path where there is one), class, and for which it is an
    example, strongest response first."""

    image: int
    name: str
    label: str | None
    components: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TrainingImages(Sequence[TrainingImage]):
    """The images behind some components, those that are examples of most of them first; to look at, or to clean.

    They are the strongest examples only: an artefact is usually on more images than these.

    Attributes
    ----------
    images
        Image by image, with its number, name, class and the components it is an example of.

    Examples
    --------
    >>> behind = lens.training_images("layer4:57")
    >>> behind.to_csv().splitlines()[0].startswith("image,")
    True
    """

    images: tuple[TrainingImage, ...]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, at: Any) -> Any:
        return self.images[at]

    @property
    def ids(self) -> tuple[int, ...]:
        """Their numbers in the data set."""
        return tuple(image.image for image in self.images)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names: paths below the folder, or numbers."""
        return tuple(image.name for image in self.images)

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict for each image: its number, name, class and components."""
        return [
            {"image": i.image, "name": i.name, "class": i.label, "components": " ".join(i.components)}
            for i in self.images
        ]

    def to_csv(self) -> str:
        """One line per image: its number, name, class and components."""
        return to_csv(self.to_rows(), ("image", "name", "class", "components"))

    def to_json(self) -> str:
        """The rows as JSON text."""
        return json.dumps(self.to_rows(), ensure_ascii=False, indent=1)

    def __repr__(self) -> str:
        head = f"<{len(self)} images>"
        return "\n".join([head, *(f"  {i.name}  ({len(i.components)} components)" for i in self.images[:10])])

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><td>{i.image}</td><td>{escape(i.name)}</td><td>{escape(i.label or '')}</td>"
            f"<td>{escape(' '.join(i.components))}</td></tr>"
            for i in self.images[:20]
        )
        more = f"<p>… and {len(self) - 20} more</p>" if len(self) > 20 else ""
        return f"<table><tr><th>image</th><th>name</th><th>class</th><th>components</th></tr>{cells}</table>{more}"


def training_images(space: SemanticSpace, components: Any) -> TrainingImages:
    """The images that are examples of the given components (one or several), shared ones first."""
    listed = [components] if isinstance(components, str | Component | int) else list(components)
    e = space.examples
    behind: dict[int, list[tuple[str, float]]] = {}
    for row in dict.fromkeys(space.components.row(c) for c in listed):
        n = int(e.counts[row])
        for image, response in zip(e.images[row, :n].tolist(), e.responses[row, :n].tolist(), strict=True):
            behind.setdefault(image, []).append((str(space.components[row]), response))
    order = sorted(behind, key=lambda image: (-len(behind[image]), image))
    return TrainingImages(
        tuple(
            TrainingImage(
                image,
                space.image_name(image),
                space.label(image),
                tuple(name for name, _ in sorted(behind[image], key=lambda pair: -pair[1])),
            )
            for image in order
        )
    )
