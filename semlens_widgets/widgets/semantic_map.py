"""The semantic map: every component as a point, alike ones near each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from ..layout import FEWEST
from ..lens.mapping import COLOURS
from .channel import Answer, Buffers, Job, Verb
from .labelled import LabelledView
from .views import Live

if TYPE_CHECKING:
    from ..lens import Lens


class SemanticMap(LabelledView):
    """The map alone: components in the plane, coloured by what `lens.map_colour` says, chosen by click or lasso."""

    _bundle = "semantic_map"
    _still: ClassVar[str | None] = "map"
    _live: ClassVar[dict[str, Live]] = {"map_colour": Live.same("map_colour")}
    _counted: ClassVar[dict[str, str]] = {
        "layout": "layout_version",
        "evaluation": "evaluation_version",
        "relevance": "relevance_version",
        "target": "relevance_version",
    }
    map_colour = traitlets.Unicode("label").tag(sync=True)
    layout_version = traitlets.Int(0).tag(sync=True)
    evaluation_version = traitlets.Int(0).tag(sync=True)
    relevance_version = traitlets.Int(0).tag(sync=True)

    def _verbs(self) -> dict[str, Verb]:
        lens = self.lens

        def lay_out(args: dict[str, Any], buffers: Buffers, job: Job) -> Answer:
            def asked(seconds: float) -> None:
                job.progress(int(seconds), None, f"UMAP of {int(lens.space.alive.sum()):,} components")

            lens.settled_layout(asked)
            return {}, []

        mine = {"map": self._plain(places), "map_values": self._plain(values, "colour"), "lay_out": lay_out}
        return super()._verbs() | mine


def places(lens: Lens) -> Answer:
    """Where every component lies, float32 [component 2], NaN for dead ones; `better`: UMAP could be made."""
    layout = lens.shown_layout()
    result = {
        "method": layout.method,
        "better": lens.layout is None and int(lens.space.alive.sum()) >= FEWEST,
        "colours": [colour for colour in COLOURS if _there(lens, colour)],
    }
    return result, [layout.positions.astype(np.float32).tobytes()]


def _there(lens: Lens, colour: str) -> bool:
    if colour in ("label", "confidence"):
        return lens.labels is not None or (colour == "label" and bool(lens.own_labels))
    if colour == "relevance":
        return lens.relevance is not None
    return colour in ("layer", "search") or lens.evaluation is not None


def values(lens: Lens, colour: str) -> Answer:
    """What a colour shows, as a number per component, NaN where there is none.

    `about` says what it is; `mark` is the level that 95 % of random sets do not reach, where there is one. `signed`:
    zero is the middle. `there` is False where nothing was computed yet; no numbers then.
    """
    if colour not in COLOURS:
        raise ValueError(f"the map has no colour {colour!r}; it has {', '.join(COLOURS)}")
    if not _there(lens, colour):
        return {"there": False, "about": "", "mark": None, "signed": False}, []
    about, mark, signed, numbers = _numbers(lens, colour)
    told = {"there": True, "about": about, "mark": mark, "signed": signed}
    return told, [np.asarray(numbers, np.float32).tobytes()]


def _numbers(lens: Lens, colour: str) -> tuple[str, float | None, bool, np.ndarray]:
    """(what it is, its 95 % mark among random sets, whether signed, number per component)."""
    if colour == "confidence" and (labels := lens.labels) is not None:
        return "confidence of the label", labels.level, False, labels.confidence[:, 0]
    if colour == "relevance" and (relevance := lens.relevance) is not None:
        target = lens.target or relevance.classes[0]
        shares = relevance.share_of(target) * np.sign(relevance.of(target))
        return f"share of the layer's relevance for {target}", None, True, shares
    evaluation = lens.evaluation
    if evaluation is None or colour not in COLOURS[5:]:
        raise ValueError(f"{colour!r} has no numbers of its own")
    name = colour.removesuffix("_centred")
    form = evaluation.raw if name == colour else evaluation.centred
    numbers, level = getattr(form, name), form.null[name].high
    about = name if name == colour else f"{name}, data-set mean removed"
    if name == "polysemanticity":  # says nothing of images that have nothing in common
        numbers, about = np.where(evaluation.clear, numbers, np.nan), f"{about}, of clear components"
    known = level[np.isfinite(level)]
    return about, float(known.mean()) if len(known) else None, False, numbers
