"""Which method serves which purpose, decided by what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..attribution.values import ByLayer, called, name_of
from .value import Agreement, Faithfulness, two

Purpose = Literal["components", "circuits", "heatmaps"]
BACKWARDS = ("gradient", "lrp", "lrp-bottleneck", "lrp-epsilon")
"""Methods of one way back, that serve circuits as well: all that "auto" holds against each other."""
MAPS = ("lrp", "lrp-gamma-flat", "lrp-bottleneck", "gradient")
"""Methods with heatmaps that "auto" holds against each other."""
DEARER = "integrated"  # what is tried in layers where no method of one way back is good enough


@dataclass(frozen=True, eq=False)
class Choice:
    """What "auto" means for one model and its layers.

    components: the method behind the relevance of components, in one picture and over data sets. In each layer one of
               one way back where that surely reaches the goal, else the best of all.
    circuits:  the method behind their edges: that of one way back that agrees best over all layers.
    heatmaps:  the method whose heatmaps do best in a deletion test; LRP unless another is better beyond chance.
    measured:  what it was decided by.
    unmeasured: why nothing could be measured; then all three are "auto": LRP where it has a rule for all the model
               does, else activation × gradient.
    """

    components: str | ByLayer
    circuits: str
    heatmaps: str
    measured: Faithfulness
    unmeasured: str = ""

    def method(self, purpose: Purpose) -> str | ByLayer:
        found: str | ByLayer = getattr(self, purpose)
        return found

    def why(self, purpose: Purpose) -> str:
        """As it is told: `auto (gradient: r .87 with switching off; LRP .43)`."""
        chosen, known = self.method(purpose), self.measured
        if self.unmeasured:
            return f"auto (not measured: {self.unmeasured})"
        name = name_of(chosen)
        if purpose == "heatmaps":
            found = next((d for d in known.deletions if d.method == name), None)
            reason = "" if found is None else f": deletion {two(found.first.mean)}, at random {two(found.random.mean)}"
            return f"auto ({called(chosen)}{reason})"
        if name not in known.methods:
            return f"auto ({called(chosen)})"
        everywhere = [m for m in ("lrp", "gradient", DEARER) if m in known.methods and known.complete(m)]
        against = ", ".join(f"{called(m)} {two(known.correlation(m))}" for m in everywhere if m != name)
        told = f"{called(chosen)}: r {two(known.correlation(name))} with switching off"
        return f"auto ({told}{f'; {against}' if against else ''})"


def not_measured(why: str, measured: Faithfulness | None = None) -> Choice:
    """The choice where a model cannot be measured."""
    return Choice("auto", "auto", "auto", measured or Faithfulness((), (), 0, 0), why)


def backwards(measured: Faithfulness) -> str:
    """The method of one way back with the best agreement; equal ones in the order of `BACKWARDS`."""
    there = [method for method in BACKWARDS if method in measured.methods]
    return max(there, key=lambda method: round(measured.score(method), 2)) if there else "gradient"


def components(measured: Faithfulness) -> str | ByLayer:
    """The best method of one way back, and in layers where it misses the goal whatever agrees best there."""
    usual = backwards(measured)
    chosen = {layer: _in_layer(of, usual) for layer, of in measured.layer_by_layer().items()}
    if len(set(chosen.values())) == 1:
        return next(iter(chosen.values()))
    return ByLayer(usual, tuple((layer, method) for layer, method in chosen.items() if method != usual))


def _in_layer(known: dict[str, Agreement], usual: str) -> str:
    """Another than the usual method only where that does not surely reach the goal: each costs passes of its own."""
    if usual in known and known[usual].sure:
        return usual
    ways = [method for method in (usual, *BACKWARDS) if method in known]
    best = max(ways, key=lambda method: round(known[method].score, 2), default=usual)
    if DEARER not in known or (best in known and known[best].sure):
        return best
    return DEARER if best not in known or known[DEARER].score > known[best].score else best


def maps(measured: Faithfulness) -> str:
    """LRP, unless another method's maps are better in the same pictures, by more than chance."""
    known = {d.method: d for d in measured.deletions}
    if "lrp" not in known:
        return max(known, key=lambda m: known[m].difference.mean) if known else "lrp"
    better = [m for m, d in known.items() if d.ahead_of(known["lrp"]).low > 0]
    return max(better, key=lambda m: known[m].difference.mean) if better else "lrp"
