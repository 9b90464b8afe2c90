"""Which method serves which purpose, decided by what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .value import SHORT, Faithfulness, two

Purpose = Literal["prediction", "class", "heatmaps"]
BACKWARDS = ("gradient", "lrp", "lrp-bottleneck", "lrp-epsilon")
"""Methods of one way back, that serve circuits and data sets: all that "auto" holds against each other."""
MAPS = ("lrp", "lrp-gamma-flat", "lrp-bottleneck", "gradient")
"""Methods with heatmaps that "auto" holds against each other."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What "auto" means for one model and its layers.

    backwards: the method of one way back that agrees best with switching off: for circuits and whole data sets.
    forwards:  "integrated" where that reaches further than any of these; else the same as `backwards`. For one picture.
    maps:      the method whose heatmaps do best in a deletion test; LRP unless another is better beyond chance.
    measured:  what it was decided by.
    unmeasured: why nothing could be measured; then all three are "auto": LRP where it has a rule for all the model
               does, else activation × gradient.
    """

    backwards: str
    forwards: str
    maps: str
    measured: Faithfulness
    unmeasured: str = ""

    def method(self, purpose: Purpose) -> str:
        return {"prediction": self.forwards, "class": self.backwards, "heatmaps": self.maps}[purpose]

    def why(self, purpose: Purpose) -> str:
        """As it is told: `auto (gradient: r .87 with switching off; LRP .43)`."""
        chosen, known = self.method(purpose), self.measured
        if self.unmeasured:
            return f"auto (not measured: {self.unmeasured})"
        if purpose == "heatmaps":
            found = next((d for d in known.deletions if d.method == chosen), None)
            reason = "" if found is None else f": deletion {two(found.first.mean)}, at random {two(found.random.mean)}"
            return f"auto ({_called(chosen)}{reason})"
        if chosen not in known.methods:
            return f"auto ({_called(chosen)})"
        others = [m for m in ("lrp", "gradient", "integrated") if m in known.methods and m != chosen]
        against = ", ".join(f"{_called(m)} {two(known.correlation(m))}" for m in others)
        told = f"{_called(chosen)}: r {two(known.correlation(chosen))} with switching off"
        return f"auto ({told}{f'; {against}' if against else ''})"


def _called(method: str) -> str:
    return SHORT.get(method, method.replace("lrp-", "LRP-"))


def not_measured(why: str, measured: Faithfulness | None = None) -> Choice:
    """The choice where a model cannot be measured."""
    return Choice("auto", "auto", "auto", measured or Faithfulness((), (), 0, 0), why)


def backwards(measured: Faithfulness) -> str:
    """The method of one way back with the best agreement; equal ones in the order of `BACKWARDS`."""
    there = [method for method in BACKWARDS if method in measured.methods]
    return max(there, key=lambda method: round(measured.score(method), 2)) if there else "gradient"


def maps(measured: Faithfulness) -> str:
    """LRP, unless another method's maps are better by more than chance over the pictures."""
    known = {d.method: d for d in measured.deletions}
    if "lrp" not in known:
        return max(known, key=lambda m: known[m].difference.mean) if known else "lrp"
    better = [m for m, d in known.items() if d.difference.low > known["lrp"].difference.high]
    return max(better, key=lambda m: known[m].difference.mean) if better else "lrp"
