"""The prediction view: one picture explained, the components that carried it, and the pictures to choose from."""

from __future__ import annotations

import base64
import weakref
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ..attribution.values import NAMED, ByLayer, called
from ..crops import cut
from ..images import first_readable
from ..model import stack
from ..outputs import Outputs, ask, form_of
from ..session import Session
from ..session.explaining import progress_callback
from ..session.source import Source
from ..session.steering import Steered, steered
from ..space import webp
from ..targets import Target
from . import answers
from .browsing import browse, label_of, percent
from .channel import Aborted, Job
from .component_card import quantised
from .view import View
from .widget import LensWidget
from .wire import Answer, File

if TYPE_CHECKING:
    from ..explain import Explanation

TOP_CLASSES, FOUND_CLASSES = 5, 12
STEERED_CLASSES = 3  # of the likeliest after steering, beside those of before
CELLS = 96  # of a map of classes, on its longer side
PICTURE, MAP = 512, 160  # pixels of the picture, and of the longest side of a map, that are sent
_MEASURED = "Measuring how far relevance can be trusted on this model, once: step"
_POSITIONS = (
    ("at the upper left", "at the top", "at the upper right"),
    ("at the left", "in the middle", "at the right"),
    ("at the lower left", "at the bottom", "at the lower right"),
)


_called: weakref.WeakKeyDictionary[Session, dict[str, str]] = weakref.WeakKeyDictionary()  # pictures that were dropped
_forms: weakref.WeakKeyDictionary[Source, str | None] = weakref.WeakKeyDictionary()


def prediction(session: Session) -> Answer:
    """The present explanation: picture, classes, shares [component] of absolute relevance in their layer, total map."""
    if not session.has_data:
        text = (
            "This lens was opened from a file, which holds what was found but neither model nor images. Make it anew "
            "with sl.Lens(model, images, …) and fit(): what is in the cache is read from there."
        )
        return {"state": "no-model", "message": text}
    data = session.source.images
    labelled = any(data.label(i) is not None for i in range(len(data)))
    known = {"images": len(data), "classes": list(data.classes), "labelled": labelled}
    explained = session.explanation
    if explained is None:
        wanted = _written(session.target)
        return {
            "state": "empty", "message": "", "data": known, "method": session.method, "form": form(session),
            "wanted": wanted,
        }  # fmt: skip
    share = np.asarray(explained.share, np.float32)
    components = explained.components
    layers = []
    for name in components.layers:
        rows = components.rows(name)
        assert isinstance(rows, slice)
        if np.isfinite(share[rows]).all():
            layers.append({"name": name, "start": rows.start, "count": rows.stop - rows.start})
    heat = _small_map(explained.heat)
    seen = cut(explained.picture, explained.window).convert("RGB")
    return {
        "state": "ready",
        "message": "",
        "data": known,
        "method": session.method,
        "methods": methods(session, explained),
        "backend": explained.backend,
        "chosen": explained.chosen,
        "reliability": explained.reliability,
        "weak": explained.weak,
        "image": {
            "index": explained.image,
            "name": _called.get(session, {}).get(session.image, explained.name),
            "label": None if explained.image is None else label_of(data, explained.image),
        },
        "kind": explained.kind,
        "note": explained.note,
        "classes": len(explained.classes),
        "top": [_scored(explained, int(c)) for c in _likeliest(explained)[:TOP_CLASSES]],
        "target": _target(session, explained),
        **offered(explained),
        "layers": layers,
        "relevances": np.nan_to_num(share),
        "picture": File(webp(seen, PICTURE), answers.WEBP),
        **_size(heat),
        "heat": heat,
    }


def methods(session: Session, explained: Explanation) -> list[list[str]]:
    """The methods that can be chosen, each as it is asked for and as people read it."""
    by = explained.source.method
    auto = "by layer" if isinstance(by, ByLayer) else called(explained.backend)
    listed = {"auto": f"auto ({auto})" if session.method == "auto" else "auto"} | NAMED
    listed.setdefault(session.method, called(session.method))  # set in a cell
    return [[name, text] for name, text in listed.items()]


def _likeliest(explained: Explanation) -> np.ndarray:
    """Classes, the likeliest first; numbers of a regression as they stand."""
    if explained.kind == "regression":
        return np.arange(len(explained.classes))
    return np.argsort(-explained.probabilities, kind="stable")


def _scored(explained: Explanation, number: int) -> dict[str, Any]:
    """A class with its probability, or a number of a regression with its value; `text` is what stands there."""
    likely = float(explained.probabilities[number])
    value = float(explained.logits[number])
    return {
        "index": number,
        "name": explained.classes[number],
        "probability": likely if np.isfinite(likely) else None,
        "text": percent(likely) if np.isfinite(likely) else f"{value:.4g}",
    }


def _target(session: Session, explained: Explanation) -> dict[str, Any]:
    if explained.number is None:
        return _written(explained.as_target) | {
            "index": -1, "name": explained.target, "probability": None, "text": f"{explained.value:.4g}",
            "chosen": session.target is not None,
        }  # fmt: skip
    return _scored(explained, explained.number) | {"chosen": session.target is not None}


def form(session: Session) -> str | None:
    """What the model's answer is: "classes", "map", "boxes" or "embedding"; None where that is not known."""
    source = session.source
    if isinstance(source.classes, Outputs):
        return "classes"
    if source not in _forms:
        _, item = first_readable(source.images)
        _forms[source] = form_of(ask(source.model, stack([item])), source.output, 1)
    return _forms[source]


def _written(target: Any) -> dict[str, Any]:
    """A target as the window knows it: as it writes one itself (None for what only Python can say), and as Python."""
    if not isinstance(target, Target):
        return {"document": target, "python": None if target is None else repr(target)}
    return {"document": target.document(), "python": repr(target)}


def offered(explained: Explanation) -> Answer:
    """What can be chosen where the answer has no class scores: classes of a map and where they are, boxes, texts.

    Places of boxes are in shares of what the model saw, which is `window` of the picture.
    """
    found = explained.found
    if found is None:
        return {"form": "classes" if explained.classes else None, "choices": []}
    left, top, right, bottom = explained.window
    choices = [
        {
            "name": choice.name,
            "share": choice.share,
            "text": percent(choice.share),
            "document": choice.target.document(),
            "explained": choice.explained,
            "place": None if choice.place is None else [
                (choice.place[0] - left) / (right - left), (choice.place[1] - top) / (bottom - top),
                (choice.place[2] - left) / (right - left), (choice.place[3] - top) / (bottom - top),
            ],
        }
        for choice in found.choices
    ]  # fmt: skip
    made: Answer = {"form": found.form, "choices": choices, "window": list(explained.window)}
    if found.cells is None:
        return made
    cells = _few(found.cells)
    names = found.classes if len(found.classes) > 1 else ("", *found.classes)
    return made | {"names": list(names), "cells": cells, "columns": cells.shape[1], "lines": cells.shape[0]}


def _few(cells: np.ndarray) -> np.ndarray:
    """A map of classes with at most `CELLS` on its longer side: every so manieth of its places."""
    rows, columns = (np.linspace(0, n - 1, min(n, CELLS)).round().astype(int) for n in cells.shape)
    return np.ascontiguousarray(cells[np.ix_(rows, columns)].astype(np.int16))


def _small_map(values: np.ndarray) -> np.ndarray:
    """A map as small whole numbers, no larger than needed."""
    height, width = values.shape
    if max(height, width) > MAP:
        shrunk = MAP / max(height, width)
        width, height = max(1, round(width * shrunk)), max(1, round(height * shrunk))
        values = np.asarray(Image.fromarray(np.ascontiguousarray(values, np.float32), "F").resize(
            (width, height), Image.Resampling.BOX
        ))  # fmt: skip
    return quantised(values)


def _size(heat: np.ndarray) -> dict[str, int]:
    height, width = heat.shape
    return {"width": width, "height": height}


def _present(session: Session) -> Explanation:
    explained: Explanation | None = session.explanation
    if explained is None:
        raise ValueError("no prediction is explained yet; choose an image, or set lens.image")
    return explained


def heat(session: Session, row: int, job: Job) -> Answer:
    """One component's conditional map, its share of the layer, and where it lies in words."""
    explained = _present(session)
    row = explained.components.row(int(row))
    values = explained.heatmaps([row], on_step=lambda done, total: job.progress(done, total, "Computing map"))[0]
    share = float(explained.share[row])
    heat = _small_map(values)
    words = where(values if share >= 0 else -values)
    return {"row": row, "relevance": share, "words": words, **_size(heat), "heat": heat}


def where(values: np.ndarray) -> str:
    """Where the positive part of a map lies: how little of the picture holds half of it, and on which side."""
    positive = np.maximum(values, 0).astype(np.float64)
    total = positive.sum()
    if not total > 0:
        return "no place of the image stands out."
    falling = np.sort(positive.ravel())[::-1]
    part = (np.searchsorted(np.cumsum(falling), total / 2) + 1) / positive.size
    rows, columns = (np.minimum(np.arange(n) * 3 // max(n, 1), 2) for n in positive.shape)
    ninths = np.zeros((3, 3))
    np.add.at(ninths, (rows[:, None], columns[None, :]), positive)
    y, x = np.unravel_index(int(ninths.argmax()), (3, 3))
    percent = f"{100 * part:.0f} %" if part >= 0.01 else "less than 1 %"
    place = f"mostly {_POSITIONS[y][x]}" if ninths.max() >= total / 4 else "spread out"
    return f"half of it comes from {percent} of the image, {place}."


def steer(session: Session, row: int, scale: float | int) -> Answer:
    """What the model says with one component's responses times `scale`: the likeliest classes before and after, in the
    order of before, and the number that is explained."""
    found = steered(session, int(row), scale)
    shown: list[dict[str, Any]] = []
    if len(found.classes):
        likely = _likeliest(_present(session))
        after = np.argsort(-found.after, kind="stable") if np.isfinite(found.after).all() else likely
        chosen = dict.fromkeys([*map(int, likely[:TOP_CLASSES]), *map(int, after[:STEERED_CLASSES])])
        shown = [_moved(_present(session), found, number) for number in chosen]
    return {
        "row": int(row), "scale": found.scale, "classes": shown, "target": found.target,
        "before": f"{found.target_before:.4g}", "after": f"{found.target_after:.4g}",
    }  # fmt: skip


def _moved(explained: Explanation, found: Steered, number: int) -> dict[str, Any]:
    """One class before and after, as numbers and in words."""
    before, after = float(found.before[number]), float(found.after[number])
    shares = explained.kind != "regression"
    texts = [percent(value) if shares else f"{value:.4g}" for value in (before, after)]
    return {
        "name": found.classes[number], "before": before if shares else None, "after": after if shares else None,
        "text_before": texts[0], "text_after": texts[1],
    }  # fmt: skip


def circuit(session: Session, depth: int, top: int, job: Job) -> Answer:
    """The present explanation's circuit: nodes and edges by row, layers from the lowest up."""
    explained = _present(session)
    circuit_found = explained.circuit(
        top=int(top), depth=int(depth), on_step=lambda done, total: job.progress(done, total, "Following layer")
    )
    row = explained.components.row
    levels = max((node.level for node in circuit_found.nodes), default=0)
    names = {node.level: node.component.layer for node in circuit_found.nodes}
    nodes = [{"row": n.row, "layer": levels - n.level, "relevance": n.relevance} for n in circuit_found.nodes]
    edges = [
        {"lower": row(e.lower), "upper": None if e.upper is None else row(e.upper), "relevance": e.relevance}
        for e in circuit_found.edges
    ]
    return {"layers": [names[level] for level in sorted(names, reverse=True)], "nodes": nodes, "edges": edges}


def classes(session: Session, text: str) -> Answer:
    """Classes by name for what was typed: those that begin so first, the likelier before."""
    explained = _present(session)
    typed = str(text).strip().casefold()
    order = [int(c) for c in _likeliest(explained)]
    first = [c for c in order if explained.classes[c].casefold().startswith(typed)]
    within = [c for c in order if c not in set(first) and typed in explained.classes[c].casefold()]
    return {"classes": [_scored(explained, c) for c in (first + within)[:FOUND_CLASSES]]}


def explain(session: Session, args: dict[str, Any], buffers: Sequence[bytes], job: Job) -> Answer:
    """Set what is explained: `image` (a number of the data set, or the bytes of a picture), `target` (a class by name,
    or a document of `sl.targets`), `method`. Answers with the line of Python that sets a target of `sl.targets`."""
    job.check()
    before = {"image": session.image, "target": session.target, "method": session.method}
    try:
        with progress_callback(lambda *_: job.check(), lambda done, total: job.progress(done, total, _MEASURED)):
            if buffers:
                name = str(args.get("name") or "the picture")
                term = session.keep_image(answers.dropped(session, bytes(buffers[0]), name))
                _called.setdefault(session, {})[term] = name
                session.image = term
            elif args.get("image") is not None:
                session.image = int(args["image"])
            if "target" in args:
                session.target = args["target"]
            if "method" in args:
                session.method = args["method"]
            job.check()
    except Aborted:
        for name, value in before.items():
            if getattr(session, name) != value:  # setting explains again
                setattr(session, name, value)
        raise
    return {"python": f"lens.target = {session.target!r}"} if isinstance(session.target, Target) else {}


VIEW = View(
    "prediction",
    counters={"explanation": "explanation_version", "relevance": "relevance_version"},
    verbs={
        "prediction": prediction,
        "explain": explain,
        "heat": heat,
        "circuit": circuit,
        "browse": browse,
        "classes": classes,
        "steer": steer,
    },
    figure=True,
)


class PredictionView(LensWidget, views=(VIEW,), bundle="prediction"):
    """One prediction and what carried it: picture, components, circuit; in step with the lens's explanation.

    Setting `lens.image`, `lens.target` or `lens.method` moves it, and so does choosing in it.

    Parameters
    ----------
    lens
        The lens it shows and follows.

    Examples
    --------
    >>> view = sl.PredictionView(lens)  # the last line of a cell shows it
    """

    def _as_text(self) -> str:
        explained: Explanation | None = self.lens.explanation
        return super()._as_text() if explained is None else repr(explained)

    def _as_html(self) -> str:
        explained: Explanation | None = self.lens.explanation
        if explained is None:
            return super()._as_html()
        picture = f"data:image/webp;base64,{base64.b64encode(webp(explained.overlay(size=192), 192)).decode()}"
        return (
            f'<div style="display:flex;gap:12px"><img alt="where relevance lies, green for {escape(explained.target)}, '
            f'violet against it" width="192" src="{picture}"><div>{explained._repr_html_()}</div></div>'
        )
