"""The value: for each component the images that excite it most, and how it responds to all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..components import Components
from ..held import freeze_read, held, is_read, partly_read, read_when_touched, shape_of
from ..vectors import frozen, rank_keys
from .sample import Sampled
from .statistics import Statistics
from .tally import Tally


@dataclass(frozen=True, eq=False)
class ConceptExamples:
    """The images that excite each component most, strongest first; equal responses by lower image id.

    Attributes
    ----------
    components
        The rows.
    images
        [component example], numbers of the data set.
    responses
        [component example], the pooled responses.
    peaks
        [component example], the flat number of the place of the maximum in its layer's entry of `grids`.
    grids
        Per layer, the shape of its places.
    statistics
        How each component responds over all images.
    boxes
        [component example 4], the regions shown, (left, top, right, bottom) as shares of the picture; None for the
        whole of what the model saw.
    unreadable
        Images that were skipped, with the reason.
    k
        The examples asked for.
    sampled
        The responses to a random sample of the data set; None where none was drawn.

    Examples
    --------
    >>> examples = lens.space.examples
    >>> examples.images.shape == (len(lens.components), examples.k)
    True
    >>> int(examples.counts.max()) <= examples.k
    True
    """

    components: Components
    images: Int[np.ndarray, "component example"]
    responses: Float[np.ndarray, "component example"]
    peaks: Int[np.ndarray, "component example"]
    grids: tuple[tuple[int, ...], ...]
    statistics: Statistics
    boxes: Float[np.ndarray, "component example 4"] | None = None
    unreadable: tuple[tuple[str, str], ...] = ()
    k: int = field(default=0)
    sampled: Sampled | None = None

    def __post_init__(self) -> None:
        rows = {shape_of(self, name)[0] for name in ("images", "responses", "peaks")}
        if rows != {len(self.components)}:
            raise ValueError(f"{len(self.components)} components but {max(rows)} rows of examples")
        if self.sampled is not None and isinstance(self.sampled.arrays, dict):
            shape = self.sampled.arrays["sample_responses"].shape
            if shape != (len(self.components), len(self.sampled.images)):
                raise ValueError(f"sampled responses of shape {shape} for {len(self.components)} components")
        if is_read(self, "responses") and np.any(np.diff(self.responses, axis=1) > 0):
            raise ValueError("examples are not in order of response")
        freeze_read(self, "images", "responses", "peaks", "boxes")

    @cached_property
    def counts(self) -> Int[np.ndarray, " component"]:
        """How many leading examples really excite each component. All of them where it has negative responses, else
        those above 0; 0 for a dead one.

        All of them where it has negative responses, else those above 0; 0 for a dead one.
        """
        positive = (self.responses > 0).sum(1)
        return frozen(np.where(self.statistics.negative, shape_of(self, "images")[1], positive))

    @property
    def referenced(self) -> Int[np.ndarray, " image"]:
        """The images that are an example of some component, each once, in order."""
        return np.unique(self.images[np.arange(self.images.shape[1]) < self.counts[:, None]])

    def merge(self, other: ConceptExamples) -> ConceptExamples:
        """The examples over both shards of a data set, as one pass over all of it would have found them.

        Parameters
        ----------
        other
            Of another shard of the same data set, with the same layers and k.

        Returns
        -------
        ConceptExamples
            The examples.
        """
        if self.components != other.components or self.k != other.k or self.grids != other.grids:
            raise ValueError(
                f"shards of different passes: {self.components.layers}, k={self.k} and {other.components.layers}, "
                f"k={other.k}; collect them with the same model, layers and k"
            )
        if self.boxes is not None or other.boxes is not None:
            raise ValueError("merge the shards first, then crop: boxes belong to the final examples")
        tally = Tally(self.components.sizes, self.k)
        for part in (self, other):
            tally.add(rank_keys(part.responses, part.images), part.peaks)
        if (self.sampled is None) != (other.sampled is None):
            raise ValueError("one shard has a sample and the other none; collect both with the same sample")
        sampled = None if self.sampled is None or other.sampled is None else self.sampled.merge(other.sampled)
        statistics, unreadable = self.statistics.merge(other.statistics), self.unreadable + other.unreadable
        return ConceptExamples.of(tally, self.components, self.grids, statistics, unreadable, sampled)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What goes into a file beside `to_document()`; a sample takes two arrays, boxes one."""
        arrays = {
            "example_images": self.images, "example_responses": self.responses, "example_peaks": self.peaks,
        } | self.statistics.to_arrays()  # fmt: skip
        if self.boxes is not None:
            arrays["example_boxes"] = self.boxes
        if self.sampled is not None:
            arrays |= self.sampled.to_arrays()
        return arrays

    def to_document(self) -> dict[str, Any]:
        """What a file keeps beside `to_arrays`, as JSON values."""
        return {
            "components": asdict(self.components), "grids": self.grids, "k": self.k,
            "images": self.statistics.images, "unreadable": self.unreadable,
        }  # fmt: skip

    @classmethod
    def from_document(cls, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> ConceptExamples:
        """The value that both were taken from; of a file the arrays are read when asked for.

        Parameters
        ----------
        document, arrays
            What a file kept.

        Returns
        -------
        ConceptExamples
            The examples.
        """
        return partly_read(
            cls,
            components=Components(**{name: tuple(part) for name, part in document["components"].items()}),
            images=held(arrays, "example_images"),
            responses=held(arrays, "example_responses"),
            peaks=held(arrays, "example_peaks"),
            grids=tuple(tuple(grid) for grid in document["grids"]),
            statistics=Statistics.from_arrays(arrays, document["images"]),
            boxes=held(arrays, "example_boxes") if "example_boxes" in arrays else None,
            unreadable=tuple((name, why) for name, why in document["unreadable"]),
            k=document["k"],
            sampled=Sampled(arrays["sample_images"], arrays) if "sample_images" in arrays else None,
        )

    @classmethod
    def of(
        cls,
        tally: Tally,
        components: Components,
        grids: tuple[tuple[int, ...], ...],
        statistics: Statistics,
        unreadable: tuple[tuple[str, str], ...],
        sampled: Sampled | None,
    ) -> ConceptExamples:
        """What a pass has come to; no component has more examples than there were images.

        Parameters
        ----------
        tally
            The k largest responses so far.
        components, grids, statistics, unreadable, sampled
            As the attributes.

        Returns
        -------
        ConceptExamples
            The examples.
        """
        images, responses, peaks = tally.ranked(statistics.images)
        return cls(components, images, responses, peaks, grids, statistics, None, unreadable, tally.k, sampled)


read_when_touched(ConceptExamples, "images", "responses", "peaks", "boxes")
