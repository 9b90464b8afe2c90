"""What a model is worth: on clean pictures, in the worst group, and how much a thing in the picture moves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from ..images import Images
from ..intervals import UNKNOWN, Interval, of_few
from ..model import stack
from ..outputs import Outputs, ask
from ..performance import ask_all, of_auroc, of_share
from .data import Twins
from .value import Checked

if TYPE_CHECKING:
    import torch


def checked(
    model: torch.nn.Module, outputs: Outputs, target: int, clean: Images, ids: Int[np.ndarray, " image"] | None,
    twins: Twins | None,
) -> Checked:  # fmt: skip
    """One model on clean pictures (some of a data set, by number), and on pairs with and without the thing."""
    found = ask_all(model, clean, outputs, ids=ids, progress=False).answers
    positive = found.truth[:, target] == 1
    right = (found.says == (found.truth == 1)).all(1)
    accuracy = of_share(int(right.sum()), len(found)).interval
    auroc = of_auroc(found.margins[:, target], positive).interval
    if twins is None or not len(twins):
        return Checked(accuracy, auroc)
    margins, says, places = [], [], []
    for without, with_, at in twins.batches():
        both = [outputs.values(ask(model, stack(items)), len(items)) for items in (without, with_)]
        margins.append(np.stack([outputs.margins(values, target) for values in both]))
        says.append(np.stack([outputs.predicted(values) for values in both]))
        places.append(at)
    if not places:
        return Checked(accuracy, auroc)
    margin, said = np.concatenate(margins, 1), np.concatenate(says, 1)
    labels = twins.labels[np.concatenate(places)]
    spread = max(float(found.margins[:, target].std()), 1e-9)
    worst, group = _worst(said, labels, outputs.classes, twins.pairs.name)
    return Checked(
        accuracy, auroc, worst, group, of_few((margin[1] - margin[0]) / spread),
        of_share(int((said[0] != said[1]).sum()), said.shape[1]).interval,
    )  # fmt: skip


def _worst(
    said: Int[np.ndarray, "side pair"], labels: Int[np.ndarray, " pair"], classes: Sequence[str], thing: str
) -> tuple[Interval, str]:
    """(the accuracy of the worst group, which it is): classes with and without the thing."""
    groups = {
        f"{classes[c]} {word} {thing}": of_share(int((said[side][labels == c] == c).sum()), int((labels == c).sum()))
        for c in np.unique(labels[labels >= 0]).tolist()
        for side, word in enumerate(("without", "with"))
    }
    if not groups:
        return UNKNOWN, ""
    name = min(groups, key=lambda group: groups[group].value)
    return groups[name].interval, name
