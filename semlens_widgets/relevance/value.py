"""The value: each component's relevance for each class, and the images it shows in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..components import Component, Components
from ..faithfulness import Faithfulness
from ..outputs import class_number
from ..results import Result
from ..vectors import freeze
from .totals import NO_IMAGE, Totals, mean_and_share


@dataclass(frozen=True, eq=False)
class Relevance(Result):
    """How much each component contributes to each class, over a data set.

    An image's relevance is divided by the sum of its absolute values in the layer, sign kept: what is added up is each
    component's share of its layer in each image, in [-1, 1]. Every image is explained for one class, its target:
    `statistic` says whether that is its label or the model's prediction.

    Attributes
    ----------
    components
        The columns.
    classes
        The names of the model's classes, or the one target.
    counts
        [class], images with that target.
    mean
        [class component], over the class's images; 0 for a class without images.
    share
        [class component], mean of the absolute values: the component's part of all that moved in its layer for the
        class. In [0, 1]; adds up to 1 over a layer.
    images, targets, values
        A sample of images, the class each was explained for, and its relevances [image component], float16: for
        intervals by resampling, the same whatever the order of the pass.
    top_images, top_values
        [class component k], the class's images in which the component is most relevant, strongest first, equal ones by
        lower number. NO_IMAGE and NaN where the class has fewer images than k.
    backend
        The method it was computed by.
    statistic
        What images were explained for: their labels or the model's predictions.
    sums, magnitudes
        What mean and share are made from, as whole numbers of 2^-40: they add up exactly.
    sample
        How many images are kept per class, at most.
    unreadable
        Images that were skipped, with the reason.
    first
        Images that were kept before others.
    chosen
        Why "auto" chose the method; empty where it was asked for by name.
    measured
        How near methods come to switching components off on this model; None where that was not measured. `reliability`
        says it in one line.

    Examples
    --------
    >>> relevance = lens.relate(progress=False)
    >>> relevance.mean.shape == (len(relevance.classes), len(lens.components))
    True
    >>> component, mean = relevance.top("melanoma", 1)[0]
    """

    components: Components
    classes: tuple[str, ...]
    counts: Int[np.ndarray, " class"]
    mean: Float[np.ndarray, "class component"]
    share: Float[np.ndarray, "class component"]
    images: Int[np.ndarray, " image"]
    targets: Int[np.ndarray, " image"]
    values: Float[np.ndarray, "image component"]
    top_images: Int[np.ndarray, "class component k"]
    top_values: Float[np.ndarray, "class component k"]
    backend: str
    statistic: str
    sums: Int[np.ndarray, "class component"] | None = None
    magnitudes: Int[np.ndarray, "class component"] | None = None
    sample: int = 0
    unreadable: tuple[tuple[str, str], ...] = field(default=())
    first: tuple[int, ...] = ()
    chosen: str = ""
    measured: Faithfulness | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        classes, components = len(self.classes), len(self.components)
        if self.mean.shape != (classes, components) or self.share.shape != (classes, components):
            raise ValueError(
                f"relevance of shape {self.mean.shape} for {classes} classes and {components} components; it is "
                "[class component]"
            )
        if not len(self.images) == len(self.targets) == len(self.values):
            raise ValueError(f"{len(self.images)} images, {len(self.targets)} targets, {len(self.values)} values")
        if self.top_images.shape[:2] != (classes, components) or self.top_images.shape != self.top_values.shape:
            raise ValueError(f"top images of shape {self.top_images.shape}; they are [class component k]")
        freeze(self, "counts", "mean", "share", "sums", "magnitudes")
        freeze(self, "images", "targets", "values", "top_images", "top_values")

    @property
    def reliability(self) -> str:
        """In one line how far relevance can be read as the effect of switching off; empty where not measured."""
        return "" if self.measured is None else self.measured.sentence(self.backend)

    @property
    def weak_layers(self) -> tuple[str, ...]:
        """The layers where relevance says little about the effect of switching off, as far as that was measured."""
        return () if self.measured is None else self.measured.weak_layers(self.backend)

    @property
    def only(self) -> str | None:
        """The class that all images were explained for, where there is one: what is meant when none is named."""
        seen = np.flatnonzero(self.counts)
        if len(self.classes) == 1:
            return self.classes[0]
        return self.classes[int(seen[0])] if len(seen) == 1 else None

    @property
    def k(self) -> int:
        """How many most relevant images are kept per class and component."""
        return self.top_images.shape[2]

    def number(self, target: int | np.integer | str) -> int:
        """The number of a class given by name or number; KeyError with the nearest name if there is none.

        Parameters
        ----------
        target
            A class, by name or number.

        Returns
        -------
        int
            Its number.
        """
        return class_number(target, self.classes)

    def of(self, target: int | np.integer | str) -> Float[np.ndarray, " component"]:
        """Mean relevance of every component for one class, given by name or number.

        Parameters
        ----------
        target
            A class, by name or number.

        Returns
        -------
        float array [component]
            Shares of the layer, signed, in [-1, 1].
        """
        return self.mean[self.number(target)]

    def share_of(self, target: int | np.integer | str) -> Float[np.ndarray, " component"]:
        """Each component's share of its layer for one class, given by name or number.

        Parameters
        ----------
        target
            A class, by name or number.

        Returns
        -------
        float array [component]
            In [0, 1]; adds up to 1 over a layer.
        """
        return self.share[self.number(target)]

    def values_of(self, target: int | np.integer | str) -> Float[np.ndarray, "image component"]:
        """The sampled images of one class, for intervals.

        Parameters
        ----------
        target
            A class, by name or number.

        Returns
        -------
        float array [image component]
            A row for each image.
        """
        return self.values[self.targets == self.number(target)]

    def top(
        self, target: int | np.integer | str, n: int = 10, layer: str | None = None
    ) -> list[tuple[Component, float]]:
        """The n components with the largest absolute mean for a class, with their mean.

        Parameters
        ----------
        target
            A class, by name or number.
        n
            How many.
        layer
            One layer; None for all.

        Returns
        -------
        list[tuple[Component, float]]
            (component, mean relevance), the largest first.
        """
        mean = self.of(target)
        rows = np.arange(len(self.components))[self.components.rows(layer)]
        order = rows[np.argsort(-np.abs(mean[rows]), kind="stable")[:n]]
        return [(self.components[int(row)], float(mean[row])) for row in order]

    def top_of(self, target: int | np.integer | str, component: int | str | Component) -> list[tuple[int, float]]:
        """The class's images in which a component is most relevant: (image, relevance), strongest first.

        Parameters
        ----------
        target
            A class, by name or number.
        component
            A row, "layer4:57" or a `Component`.

        Returns
        -------
        list[tuple[int, float]]
            (number of the image, relevance).
        """
        at = self.number(target), self.components.row(component)
        kept = self.top_images[at] != NO_IMAGE
        return [(int(i), float(v)) for i, v in zip(self.top_images[at][kept], self.top_values[at][kept], strict=True)]

    def merge(self, other: Relevance) -> Relevance:
        """The relevance over both shards of a data set, as one pass over all of it would have found it.

        Parameters
        ----------
        other
            Of another shard, by the same method, of the same layers.

        Returns
        -------
        Relevance
            The relevance of all images.
        """
        ours, theirs = self.of_pass(), other.of_pass()
        if ours != theirs:
            differing = [name for name in ours if ours[name] != theirs[name]]
            raise ValueError(
                f"shards of different passes: they differ in {', '.join(differing)}; make them with the same model, "
                "layers and settings"
            )
        totals = Totals(self.components, len(self.classes), self.k, self.sample, self.first)
        for part in (self, other):
            part.add_to(totals)
        found = Relevance.of_totals(
            totals, self.classes, self.backend, self.statistic, self.unreadable + other.unreadable
        )
        return replace(found, chosen=self.chosen, measured=self.measured or other.measured)

    def of_pass(self) -> dict[str, Any]:
        """What a pass was asked for and how: two shards that agree in it may be merged."""
        names = ("components", "classes", "k", "sample", "statistic", "backend", "first")
        return {name: getattr(self, name) for name in names}

    def add_to(self, totals: Totals) -> None:
        """Add up what this value holds with what `totals` has; ValueError where it has no exact sums.

        Parameters
        ----------
        totals
            What was added up before.
        """
        if self.sums is None or self.magnitudes is None:
            raise ValueError("a relevance that was put together by hand has no exact sums and cannot be merged")
        totals.add_sums(self.counts, self.sums, self.magnitudes)
        totals.add_top(self.top_images, self.top_values)
        totals.add_sample(self.images, self.targets, self.values)

    @classmethod
    def of_totals(
        cls,
        totals: Totals,
        classes: tuple[str, ...],
        backend: str,
        statistic: str,
        unreadable: tuple[tuple[str, str], ...],
    ) -> Relevance:
        """What a pass has come to.

        Parameters
        ----------
        totals
            What was added up.
        classes, backend, statistic, unreadable
            As the attributes.

        Returns
        -------
        Relevance
            The value.
        """
        mean, share = mean_and_share(totals.components, totals.counts, totals.sums, totals.magnitudes)
        return cls(
            totals.components, classes, totals.counts.copy(), mean, share, *totals.sampled(), *totals.top(),
            backend, statistic, totals.sums.copy(), totals.magnitudes.copy(), totals.sample, unreadable, totals.first,
        )  # fmt: skip

    def to_rows(self, top: int | None = None) -> list[dict[str, Any]]:
        """One dict per class and component, largest absolute mean first within a class; classes without images not.

        Parameters
        ----------
        top
            How many of each class; None for all.

        Returns
        -------
        list of dict
            The rows.
        """
        rows = []
        for number in np.flatnonzero(self.counts):
            order = np.argsort(-np.abs(self.mean[number]), kind="stable")[:top]
            rows += [
                {
                    "class": self.classes[number],
                    "component": str(self.components[int(row)]),
                    "row": int(row),
                    "mean": float(self.mean[number, row]),
                    "share": float(self.share[number, row]),
                    "images": int(self.counts[number]),
                }
                for row in order
            ]
        return rows

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What goes into a file beside `to_document()`; mean and share are made again from the sums."""
        if self.sums is None or self.magnitudes is None:
            raise ValueError("this relevance was put together by hand and has no sums to keep")
        return {
            "counts": np.asarray(self.counts), "sums": self.sums, "magnitudes": self.magnitudes,
            "images": self.images, "targets": self.targets, "values": self.values,
            "top_images": self.top_images, "top_values": self.top_values,
        }  # fmt: skip

    def to_document(self) -> dict[str, Any]:
        """What a file keeps beside `to_arrays`, as JSON values."""
        return {
            "classes": self.classes, "backend": self.backend, "statistic": self.statistic, "sample": self.sample,
            "unreadable": self.unreadable, "first": self.first, "chosen": self.chosen,
            "measured": None if self.measured is None else self.measured.to_document(),
        }  # fmt: skip

    @classmethod
    def from_document(
        cls, components: Components, document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> Relevance:
        """The value that `to_document()` and `to_arrays()` were taken from.

        Parameters
        ----------
        components
            The columns.
        document, arrays
            What a file kept.

        Returns
        -------
        Relevance
            The value.
        """
        measured = document.get("measured")
        counts, sums, magnitudes = (np.asarray(arrays[n]) for n in ("counts", "sums", "magnitudes"))
        mean, share = mean_and_share(components, counts, sums, magnitudes)
        return cls(
            components, tuple(document["classes"]), counts, mean, share,
            np.asarray(arrays["images"]), np.asarray(arrays["targets"]), np.asarray(arrays["values"]),
            np.asarray(arrays["top_images"]), np.asarray(arrays["top_values"]),
            document["backend"], document["statistic"], sums, magnitudes, int(document["sample"]),
            tuple((name, why) for name, why in document["unreadable"]), tuple(document.get("first", ())),
            document.get("chosen", ""), None if measured is None else Faithfulness.from_document(measured),
        )  # fmt: skip

    def __repr__(self) -> str:
        seen = int((self.counts > 0).sum())
        return (
            f"<Relevance of {len(self.components):,} components for {seen} of {len(self.classes)} classes over "
            f"{int(self.counts.sum()):,} images; {self.chosen or self.backend}; {self.statistic}>"
        )

    def _repr_html_(self) -> str:
        head = "<tr><th>class</th><th>images</th><th>most relevant components (mean share of their layer)</th></tr>"
        seen = np.flatnonzero(self.counts)
        lines = [
            f"<tr><td>{escape(self.classes[c])}</td><td>{int(self.counts[c]):,}</td><td>"
            + ", ".join(f"{escape(str(component))} {value:+.3f}" for component, value in self.top(int(c), 5))
            + "</td></tr>"
            for c in seen[:20]
        ]
        more = f"<p>and {len(seen) - 20} more classes</p>" if len(seen) > 20 else ""
        said = f"<p>{escape(self.reliability)}.</p>" if self.reliability else ""
        return f"<p>{escape(repr(self))}</p>{said}<table>{head}{''.join(lines)}</table>{more}"
