"""What was found: how every component, and the prediction, changes when one thing is in the pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from .. import numbers
from ..components import Component, Components
from ..detection import Limit
from ..intervals import Interval
from ..results import Result, finite
from ..texts import p_equals, plural
from ..vectors import freeze, frozen

_SHOWN = 10  # components in the repr


@dataclass(frozen=True, eq=False)
class Prediction:
    """How the prediction changes with the thing in the picture.

    target:  the class whose logit margin is measured (the log of its odds; its own logit where classes do not exclude
             each other).
    change:  the mean over pairs of the margin with it less the margin without, with the 95 % interval of the paired t
             test; `p` is that test's, two-sided.
    flipped: the share of pairs in which the predicted class is another one.
    controls: by name the mean change by each other edit of the same pictures, with intervals.
    limit:   a smaller mean change would have been missed in half of the cases or more; None for fewer than 8 pairs.
    """

    target: str
    change: Interval
    p: float
    flipped: float
    controls: dict[str, Interval]
    limit: Limit | None

    def __repr__(self) -> str:
        return f"{self.sentence[0].upper()}{self.sentence[1:]}."

    @property
    def surely(self) -> bool:
        """Whether the prediction changes: the interval does not hold 0."""
        return self.change.low > 0 or self.change.high < 0

    @property
    def sentence(self) -> str:
        """In words."""
        mean, low, high = (numbers.with_sign(value, 2) for value in (self.change.mean, self.change.low,
                                                                      self.change.high))  # fmt: skip
        if self.surely:
            flips = f", and {self.flipped:.0%} of predictions become others" if self.flipped else ""
            return f"it moves the logit of {self.target} by {mean} [{low}, {high}]{flips}"
        missed = ""
        if self.limit is not None:
            missed = f"; a mean change below {numbers.fixed(self.limit.value, 2)} would be missed in half the cases"
        return f"the logit of {self.target} does not surely move: {mean} [{low}, {high}]{missed}"


@dataclass(frozen=True, eq=False)
class Counterfactual(Result):
    """How components and prediction change when one thing is in the pictures, all else being the same.

    With r(x) a component's pooled response, x and x̂ the pictures of a pair without and with the thing:

    Attributes
    ----------
    name
        What differs.
    components
        The rows.
    controls
        The other edits of the same pictures, by name.
    pairs
        How many there are.
    change
        [component], the mean over pairs of r(x̂) - r(x), in standard deviations of the component's responses over the
        data set. Positive: the thing excites it.
    auroc
        [component], the chance that it responds more strongly to a picture with the thing than to another one without,
        whichever two they are: .5 says that the change drowns in what differs between pictures.
    p
        [component], of the exact two-sided sign test that the change has no direction.
    selectivity
        [component], the share of pictures in which the thing excites the component more than each other edit does, both
        as it is and for the size of the edit (its distance from the plain picture in the model's input): a component
        that answers to whatever is drawn is not selective. NaN without other edits.
    p_selective
        [component], of the one-sided sign test that it is selective in at most half of the pictures.
    closest
        [component], the number in `controls` of the edit that excites it most besides, -1 without any.
    p_found
        [component], the larger of both p, corrected for the number of living components (Holm 1979): the chance that
        any component at all is called found where none is, is at most `alpha`.
    found
        [component], p_found ≤ alpha, AUROC ≥ .75 and selectivity ≥ .75: the thing, and not just any edit, excites it in
        nearly every picture, by more than pictures differ anyhow.
    on
        [side pair component], whether a component is on in each picture, for `tapa`.
    prediction
        What the model's answer does; None where no class is measured. score: [component], min(auroc, selectivity): what
        rows are sorted by.
    alpha
        The chance that any component at all is called found where none is.
    left_out
        Pairs of which a picture could not be read. alive: [component], whether it responds at all.

    Notes
    -----
    After TAPAScore (Klotz et al. 2026, arXiv 2606.24716, section 3.2): do latents that are matched to an attribute
    respond selectively and in the expected direction when pictures differ in that attribute alone? Per pair the
    difference of the binarised latents (any of those matched to it is on), the mean over pairs where the attribute is
    added less that where it is removed. `tapa` is that score for components of one's own choice. What differs here:
    components are not matched by labels first, every one is judged; responses keep their size, so that a component that
    is never silent can be judged, too; selectivity is measured on other edits of the same pictures instead of other
    latents; and all comes with exact tests, corrected for their number.

    Examples
    --------
    >>> found = lens.counterfactual(sl.demo.pairs("ruler", 20), target="melanoma", progress=False)
    >>> found.change.shape == (len(lens.components),)
    True
    """

    name: str
    components: Components
    controls: tuple[str, ...]
    pairs: int
    change: Float[np.ndarray, " component"]
    auroc: Float[np.ndarray, " component"]
    p: Float[np.ndarray, " component"]
    selectivity: Float[np.ndarray, " component"]
    p_selective: Float[np.ndarray, " component"]
    closest: Int[np.ndarray, " component"]
    p_found: Float[np.ndarray, " component"]
    found: Bool[np.ndarray, " component"]
    on: Bool[np.ndarray, "side pair component"]
    prediction: Prediction | None
    alpha: float
    left_out: int = 0

    def __post_init__(self) -> None:
        freeze(self, "change", "auroc", "p", "selectivity", "p_selective", "closest", "p_found", "found", "on")
        for array in (self.change, self.auroc, self.p, self.selectivity, self.p_found, self.found):
            if len(array) != len(self.components):
                raise ValueError(f"{len(array)} numbers for {len(self.components)} components")

    @property
    def score(self) -> Float[np.ndarray, " component"]:
        """[component], how surely and selectively it answers to the thing: min(auroc, selectivity), in [0, 1]."""
        return frozen(np.fmin(self.auroc, self.selectivity))

    @property
    def order(self) -> Int[np.ndarray, " row"]:
        """Rows of the components, found ones first, then by score."""
        return np.lexsort((-np.abs(np.nan_to_num(self.change)), -np.nan_to_num(self.score, nan=-1.0), ~self.found))

    @property
    def responding(self) -> tuple[Component, ...]:
        """The components that were found, the surest first."""
        return tuple(self.components[int(row)] for row in self.order if self.found[row])

    @property
    def fewest(self) -> int:
        """How many pairs it takes at least for any component to be found, at this level and number of tests."""
        tests = max(int(np.isfinite(self.p_found).sum()), 1)
        return int(np.ceil(np.log2(2 * tests / self.alpha)))

    def rows_of(self, components: Any) -> Int[np.ndarray, " row"]:
        """Components, one or several, as rows.

        Parameters
        ----------
        components
            As rows, "layer4:57" or `Component`.

        Returns
        -------
        int array [row]
            Their rows.
        """
        one = isinstance(components, str | Component | int | np.integer)
        listed = [components] if one else list(components)
        return np.asarray([self.components.row(component) for component in listed], np.int64)

    def tapa(self, components: Any) -> float:
        """TAPAScore of some components together, in [-1, 1]: how often one of them is on with the thing, less how often
        without it, over the pairs (equations 5 to 7; the thing is added, never removed).

        A component is on above 0, as in the paper; one that is silent in fewer than half of the plain pictures, which a
        sparse latent is not, above its mean by more than a standard deviation.

        Parameters
        ----------
        components
            As rows, "layer4:57" or `Component`.

        Returns
        -------
        float
            The score; NaN of none.
        """
        rows = self.rows_of(components)
        if not len(rows):
            raise ValueError("TAPAScore of no components; give some, such as those a label is given to")
        any_on = np.asarray(self.on)[:, :, rows].any(2).mean(1)
        return float(any_on[1] - any_on[0])

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per component that responds at all, found ones first, then by score."""
        made = []
        for row in self.order.tolist():
            if not np.isfinite(self.p_found[row]):
                continue
            component, at = self.components[row], int(self.closest[row])
            made.append(
                {
                    "component": str(component), "layer": component.layer, "index": component.index,
                    "found": bool(self.found[row]), "change": float(self.change[row]),
                    "auroc": float(self.auroc[row]), "selectivity": float(self.selectivity[row]),
                    "closest": None if at < 0 else self.controls[at], "p": float(self.p[row]),
                    "p_selective": float(self.p_selective[row]), "p_found": float(self.p_found[row]),
                }
            )  # fmt: skip
        return made

    def to_document(self) -> dict[str, Any]:
        """What is said of all components together, and of the prediction, as JSON-ready values."""
        told: dict[str, Any] = {
            "name": self.name, "pairs": self.pairs, "left_out": self.left_out, "controls": list(self.controls),
            "alpha": self.alpha, "found": [str(c) for c in self.responding], "message": self.message,
            "prediction": None,
        }  # fmt: skip
        if (seen := self.prediction) is not None:
            told["prediction"] = {
                "target": seen.target, "change": [seen.change.mean, seen.change.low, seen.change.high], "p": seen.p,
                "flipped": seen.flipped, "limit": None if seen.limit is None else seen.limit.to_document(),
                "controls": {name: [i.mean, i.low, i.high] for name, i in seen.controls.items()},
            }  # fmt: skip
        return told

    def to_json(self) -> str:
        """The whole as JSON text; NaN becomes null."""
        return json.dumps(finite(self.to_document() | {"rows": self.to_rows()}), ensure_ascii=False, indent=1)

    @property
    def message(self) -> str:
        """The result in plain words."""
        tested = int(np.isfinite(self.p_found).sum())
        told = f"{plural(self.pairs, 'pair')} with and without {self.name}: "
        if self.pairs < self.fewest:
            told += f"no component can be told from chance by so few; it takes {self.fewest}"
        elif not self.controls:
            told += (
                f"{plural(int((self.p_found <= self.alpha).sum()), 'component')} of {tested:,} change surely; whether "
                "to this and not to any edit is not known without controls"
            )
        else:
            told += f"{plural(int(self.found.sum()), 'component')} of {tested:,} answer to it, selectively"
            if self.found.any():
                best = int(self.order[0])
                told += (
                    f", first {self.components[best]} ({numbers.with_sign(float(self.change[best]), 1)} standard "
                    f"deviations, {p_equals(float(self.p_found[best]))})"
                )
        if self.prediction is not None:
            told += f". And {self.prediction.sentence}"
        left = f" {plural(self.left_out, 'pair')} could not be read." if self.left_out else ""
        return f"{told}.{left}"

    def __repr__(self) -> str:
        lines = [self.message]
        for row in self.to_rows()[:_SHOWN]:
            besides = "" if row["closest"] is None else f"  then {row['closest']}"
            lines.append(
                f"  {row['component']:<16} {'found' if row['found'] else '':<6} change {row['change']:+6.2f} SD  AUROC "
                f"{row['auroc']:.2f}  selectivity {row['selectivity']:.2f}{besides}"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads = ("component", "found", "change, SD", "AUROC", "selectivity", "closest other edit", "p, corrected")
        cells = ""
        for row in self.to_rows()[: 2 * _SHOWN]:
            shown = (
                f"<code>{escape(row['component'])}</code>", "found" if row["found"] else "",
                numbers.with_sign(row["change"], 2), numbers.score(row["auroc"], 2),
                numbers.score(row["selectivity"], 2), escape(row["closest"] or ""), numbers.p(row["p_found"]),
            )  # fmt: skip
            cells += "<tr>" + "".join(f"<td>{value}</td>" for value in shown) + "</tr>"
        head = "".join(f"<th>{h}</th>" for h in heads)
        return f"<p>{escape(self.message)}</p><table><tr>{head}</tr>{cells}</table>"
