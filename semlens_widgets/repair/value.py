"""The value: the repaired copy, and what it is worth beside the model as it is and beside a control."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from .. import numbers
from ..intervals import UNKNOWN, Interval
from ..results import Result
from ..sections import Cell, Section, Table
from ..texts import plural

if TYPE_CHECKING:
    import torch

How = Literal["off", "head", "reweigh", "fine-tune"]
HOWS: tuple[How, ...] = get_args(How)
MEANS: dict[How, str] = {
    "off": "components switched off",
    "head": "head trained anew, the concept's directions projected out",
    "reweigh": "head trained anew on a reweighted set",
    "fine-tune": "trained on with artefacts pasted at random",
}
Side = Literal["as it is", "repaired", "control"]
SIDES: tuple[Side, ...] = get_args(Side)


@dataclass(frozen=True, eq=False)
class Checked:
    """What one model is worth, on pictures that none of them learned from, with 95 % intervals.

    accuracy, auroc: on clean pictures (`Repair.clean` says which these are).
    worst:     the accuracy in the worst of the groups class × with and without the thing; `worst_group` says which.
    influence: by how much the thing changes the target's logit, the mean over pairs with and without it, in standard
               deviations of that logit over the clean pictures, so that shrinking all logits is no repair.
    flipped:   the share of pairs whose prediction is another with the thing.

    NaN where there are no pairs, or their classes are not known.
    """

    accuracy: Interval
    auroc: Interval
    worst: Interval = UNKNOWN
    worst_group: str = ""
    influence: Interval = UNKNOWN
    flipped: Interval = UNKNOWN


@dataclass(frozen=True)
class Epoch:
    """One step of learning: its mean loss, that on the validation images, and whether it was the best so far. Where a
    head is trained, a step is a strength of regularisation, and its own loss is not known (NaN)."""

    number: int
    loss: float
    validation: float
    better: bool


@dataclass(frozen=True, eq=False)
class Repair(Result):
    """A repaired copy of a model, and what repairing did. Nothing is promised beyond what was measured.

    Attributes
    ----------
    model
        The copy, on its own; the lens's own model is as it was.
    how
        See `Lens.repair`.
    what
        The concept, or the components.
    components
        Those that were meant.
    target
        The class whose logit is measured.
    sides
        What the model is worth "as it is", "repaired", and as the "control".
    control
        What the control is.
    history
        What learning went through.
    images
        How many to train, to choose by and to measure on.
    pairs
        How many pairs were measured.
    clean
        Which pictures are the clean ones.
    notes
        What else is to be known.

    Examples
    --------
    >>> data = sl.images(sl.demo.images(120, 3, "biased"), transform=sl.demo.transform())
    >>> repaired = lens.repair(["layer4:57"], data, pairs=sl.demo.pairs("ruler", 20), progress=False)
    >>> sorted(repaired.sides)
    ['as it is', 'control', 'repaired']
    """

    model: torch.nn.Module
    how: How
    what: str
    components: tuple[str, ...]
    target: str
    sides: dict[Side, Checked]
    control: str
    history: tuple[Epoch, ...]
    images: tuple[int, int, int]
    pairs: int
    clean: str
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, side: Side) -> Checked:
        """`repair["repaired"]`."""
        return self.sides[side]

    @property
    def reduction(self) -> float:
        """The share of the thing's influence that is gone, 1 for all of it; NaN where that was not measured. Negative
        where there is more."""
        before, after = (self.sides[side].influence.mean for side in SIDES[:2])
        return float(1 - abs(after) / abs(before)) if np.isfinite([before, after]).all() and before else float("nan")

    @property
    def lost(self) -> float:
        """By how much clean accuracy is lower than before; negative where it is higher."""
        return float(self.sides["as it is"].accuracy.mean - self.sides["repaired"].accuracy.mean)

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per side: each measure with its interval."""
        rows = []
        for side, c in self.sides.items():
            row: dict[str, Any] = {"side": side}
            for name in ("accuracy", "auroc", "worst", "influence", "flipped"):
                interval = getattr(c, name)
                row |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
            rows.append(row | {"worst_group": c.worst_group})
        return rows

    def to_document(self) -> dict[str, Any]:
        """What was done and found, as values for JSON (NaN where nothing is known); the model is not in it."""
        return {
            "how": self.how, "what": self.what, "components": list(self.components), "target": self.target,
            "control": self.control, "images": list(self.images), "pairs": self.pairs, "clean": self.clean,
            "reduction": self.reduction, "lost": self.lost, "notes": list(self.notes), "message": self.message,
            "sides": self.to_rows(),
            "history": [[e.number, e.loss, e.validation, e.better] for e in self.history],
        }  # fmt: skip

    def section(self) -> Section:
        """What it adds to a report: what the model was worth before and after, beside the control.

        Returns
        -------
        Section
            With the key "repair".
        """
        rows: list[list[Cell]] = [
            [f"control ({self.control})" if side == "control" else side, c.accuracy, c.auroc, c.worst, c.worst_group,
             c.influence, c.flipped]
            for side, c in self.sides.items()
        ]  # fmt: skip
        heads = ["", "accuracy", "AUROC", "worst group", "which", "influence, SD", "predictions changed"]
        return Section("repair", f"Repair: {self.what}", [self.message], [Table(heads, rows)], self.to_document())

    @property
    def message(self) -> str:
        """The result in plain words."""
        before, after, control = (self.sides[side] for side in SIDES)
        told = [
            f"{self.what}, {MEANS[self.how]}: accuracy on {self.clean} {_shown(before.accuracy)} → "
            f"{_shown(after.accuracy)} (control {_shown(control.accuracy)})"
        ]
        if np.isfinite(before.influence.mean):
            gone = self.reduction
            change = f"{gone:.0%} less" if gone >= 0 else f"{-gone:.0%} more"
            told.append(
                f"its influence on the logit of {self.target} {_signed(before.influence)} → "
                f"{_signed(after.influence)} standard deviations, {change} (control {_signed(control.influence)}), "
                f"over {plural(self.pairs, 'pair')} of pictures"
            )
        else:
            told.append("its influence was not measured: give pairs=… or artefact=…")
        if np.isfinite(before.worst.mean):
            groups = [f"{_shown(side.worst)} ({side.worst_group})" for side in (before, after)]
            told.append(f"worst group {' → '.join(groups)}")
        ending = " Measured on pictures that the repair did not see; other pictures may say something else."
        return "; ".join(told) + "." + "".join(f" {note}." for note in self.notes) + ending

    def __repr__(self) -> str:
        return self.message

    def _repr_html_(self) -> str:
        cells = ""
        for side, c in self.sides.items():
            name = f"control ({self.control})" if side == "control" else side
            first = (_shown(c.accuracy), _shown(c.auroc), _shown(c.worst), c.worst_group)
            shown = (*first, _signed(c.influence), _shown(c.flipped))
            cells += f"<tr><td>{escape(name)}</td>" + "".join(f"<td>{escape(s)}</td>" for s in shown) + "</tr>"
        heads = ("", "accuracy", "AUROC", "worst group", "", "influence, SD of the logit", "predictions changed")
        head = "".join(f"<th>{h}</th>" for h in heads)
        return f"<p>{escape(self.message)}</p><table><tr>{head}</tr>{cells}</table>"


def _shown(interval: Interval) -> str:
    if not np.isfinite(interval.mean):
        return "–"
    mean, low, high = (numbers.score(v, 3) for v in (interval.mean, interval.low, interval.high))
    return f"{mean} [{low}, {high}]"


def _signed(interval: Interval) -> str:
    if not np.isfinite(interval.mean):
        return "–"
    mean, low, high = (numbers.with_sign(v, 2) for v in (interval.mean, interval.low, interval.high))
    return f"{mean} [{low}, {high}]"
