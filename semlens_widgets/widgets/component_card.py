"""What the component card shows beyond crops: its examples in other display modes, classes, upstream and downstream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from .. import role
from ..crops import cut, region
from ..images import Images, UnreadableImage, Window
from ..model import Layer, recording, stack
from ..relevance import Relevance
from ..session import Session, explaining
from ..vectors import top_k
from . import answers, whole_range
from .channel import Job
from .wire import Answer

DisplayMode = Literal["crop", "mask", "heat", "whole"]
SIDE = 40  # places across a map that lies over one example
MOST_CLASSES = 6
_AT_ONCE = 4096  # components


def card(session: Session, row: int) -> Answer:
    """All there is to know about one component."""
    (row,) = answers.checked_rows(session.space, [row])
    (described,) = answers.components(session, [row])["components"]
    statistics = session.space.examples.statistics
    edges, counts = statistics.histogram(row)
    return described | _in_hits(session, row) | whole_range.evidence(session, row) | {
        "label": labelled(session, row, described["label"]),
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist(), "images": statistics.images},
        "siblings": _siblings(session, row),
        "other_end": _other_end(session, row),
        "relevance": class_relevance(session, row),
        "relatable": session.has_data,
        "display_modes": display_modes(session, row),
        "streams": has_streams(session, row),
    }  # fmt: skip


def _in_hits(session: Session, row: int) -> dict[str, float | None]:
    """Score, z and p for the present query; None where the component is no hit."""
    hits, rank = session.hits, whole_range.rank_of(session, row)
    if hits is None or rank is None:
        return {"score": None, "z": None, "p": None}
    hit = hits[rank]
    return {"score": hit.score, "z": hit.z, "p": hit.p}


def _siblings(session: Session, row: int, most: int = 5) -> list[dict[str, Any]]:
    space = session.space
    if not space.alive[row]:
        return []
    cosines = np.where(space.alive, space.vectors @ space.vectors[row], -np.inf)
    cosines[row] = -np.inf
    near, scores = top_k(cosines, most)
    return [
        {
            "row": int(r),
            "id": str(space.components[int(r)]),
            "score": float(s),
            "label": answers.label_of(session, int(r)),
        }
        for r, s in zip(near, scores, strict=True)
        if np.isfinite(s)
    ]


def _other_end(session: Session, row: int) -> dict[str, Any] | None:
    """The component of the other sign, of a signed layer: the same feature at its other end."""
    component = session.components[row]
    if not component.sign:
        return None
    other = session.components.row(replace(component, sign="-" if component.sign == "+" else "+"))
    described = answers.components(session, [other])["components"][0]
    return {name: described[name] for name in ("row", "id", "label", "dead")}


def labelled(session: Session, row: int, label: dict[str, Any] | None) -> dict[str, Any] | None:
    """A component's label with the score and confidence of its word; a person's own has neither."""
    if label is None or label["own"] or session.labels is None:
        return label
    return label | {
        "score": float(session.labels.scores[row, 0]),
        "confidence": float(session.labels.confidence[row, 0]),
    }


def place_of(session: Session, row: int) -> tuple[Layer, int, tuple[int, ...]]:
    """The layer of a component, its number in it, and the layer's grid of places."""
    components = session.components
    at = int(components.layer_numbers[row])
    return session.source.layers[at], row - sum(components.sizes[:at]), session.space.examples.grids[at]


def display_modes(session: Session, row: int) -> list[str]:
    """How a component's examples can be shown."""
    if not session.has_data:
        return ["crop"]
    at = int(session.components.layer_numbers[row])
    mapped = ["mask"] if as_map(session.space.examples.grids[at]) is not None else []
    return ["crop", *mapped, "heat", "whole"]


def as_map(grid: tuple[int, ...]) -> tuple[int, int] | None:
    """A layer's grid as height and width; None where its places make no picture, or it is not known which."""
    return grid if len(grid) == 2 and grid != (1, 1) else None


def display(session: Session, row: int, mode: str, count: int, size: int, job: Job) -> Answer:
    """A component's strongest examples in one display mode, side by side, `size` pixels each.

    whole: the whole pictures, with the crops' boxes. mask: [example side side] maps of where it is active in the crop,
    heat: of what that comes from; the strongest places are 127.
    """
    if mode not in get_args(DisplayMode):
        raise ValueError(f"display mode {mode!r}; examples are shown as {', '.join(get_args(DisplayMode))}")
    row = session.components.row(int(row))
    side = int(np.clip(size, 16, 256))
    shown = min(int(np.clip(count, 1, 40)), int(session.space.examples.counts[row]))
    data = session.source.images
    examples = [_Example.of(session, row, rank, data) for rank in range(shown)]
    boxes, maps = None, None
    if mode == "whole":
        boxes = [e.outlined() for e in examples]
        pictures = [e.framed(side) for e in examples]
    else:
        pictures = [e.square(side) for e in examples]
    if mode in ("mask", "heat"):
        shown_maps = zip(examples, _maps(session, row, mode, examples, job), strict=True)
        laid = [quantised(example.within(values)) for example, values in shown_maps]
        maps = np.stack(laid) if laid else np.zeros((0, SIDE, SIDE), np.int8)
    sheet = Image.new("RGB", (max(shown, 1) * side, side), (128, 128, 128))
    for x, picture in enumerate(pictures):
        sheet.paste(picture, (x * side, 0))
    side_of_map = 0 if maps is None else SIDE
    return {"columns": shown, "side": side_of_map, "boxes": boxes, "sheet": answers.as_webp(sheet), "map": maps}


class _Example:
    """One example of a component: its picture, the part the model saw, and the crop; all in shares of the picture."""

    def __init__(self, image: int, picture: Image.Image, seen: Window, crop: Window) -> None:
        self.image, self.picture, self.seen, self.crop = image, picture, seen, crop

    @classmethod
    def of(cls, session: Session, row: int, rank: int, data: Images) -> _Example:
        examples = session.space.examples
        image = int(examples.images[row, rank])
        try:
            picture = data.picture(image)
        except UnreadableImage:
            picture = Image.new("RGB", (8, 8), (128, 128, 128))
        seen = data.window(picture.size)
        return cls(image, picture, seen, region(seen, None if examples.boxes is None else examples.boxes[row, rank]))

    def _middle(self) -> Window:
        """The middle square of the crop, as the gallery's sprites show it."""
        left, top, right, bottom = self.crop
        width, height = (right - left) * self.picture.width, (bottom - top) * self.picture.height
        edge = min(width, height)
        across, down = (width - edge) / 2 / self.picture.width, (height - edge) / 2 / self.picture.height
        return left + across, top + down, right - across, bottom - down

    def square(self, side: int) -> Image.Image:
        return cut(self.picture, self._middle()).resize((side, side), Image.Resampling.BILINEAR)

    def framed(self, side: int) -> Image.Image:
        """The whole picture inside a square."""
        frame = Image.new("RGB", (side, side), (128, 128, 128))
        inside = self.picture.copy()
        inside.thumbnail((side, side))
        frame.paste(inside, ((side - inside.width) // 2, (side - inside.height) // 2))
        return frame

    def outlined(self) -> list[float]:
        """The crop in shares of that square."""
        longest = max(self.picture.size)
        shares = [extent / longest for extent in self.picture.size] * 2
        return [round((1 - share) / 2 + share * at, 4) for share, at in zip(shares, self.crop, strict=True)]

    def within(self, values: np.ndarray) -> np.ndarray:
        """The part of a map over what the model saw that lies under the square, [SIDE SIDE]."""
        height, width = values.shape
        left, top, right, bottom = (
            (at - low) / max(high - low, 1e-6)
            for at, low, high in zip(self._middle(), self.seen[:2] * 2, self.seen[2:] * 2, strict=True)
        )
        box = (
            float(np.clip(left, 0, 1) * width), float(np.clip(top, 0, 1) * height),
            float(np.clip(right, 0, 1) * width), float(np.clip(bottom, 0, 1) * height),
        )  # fmt: skip
        drawn = Image.fromarray(np.ascontiguousarray(values, np.float32), "F")
        return np.asarray(drawn.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box))


def quantised(values: np.ndarray) -> np.ndarray:
    """A map as whole numbers in -127 … 127; the strongest half percent of places stand at the ends."""
    most = float(np.quantile(np.abs(values), 0.995)) or float(np.abs(values).max(initial=0))
    return np.round(np.clip(values * (127 / most if most > 0 else 0), -127, 127)).astype(np.int8)


def _maps(session: Session, row: int, mode: str, examples: Sequence[_Example], job: Job) -> Iterator[np.ndarray]:
    """A map over what the model saw, for each example."""
    from ..attribution import heatmaps

    layer, number, grid = place_of(session, row)
    model, data = session.source.model, session.source.images
    across = as_map(grid)
    if mode == "mask" and across is None:
        raise ValueError(f"the layer {layer.name!r} has no places, so there is no mask; look at the heat instead")
    for done, example in enumerate(examples):
        job.progress(done, len(examples), "Looking at example")
        try:
            tensor = data.tensor(example.image)
        except UnreadableImage:
            yield np.zeros((1, 1), np.float32)
            continue
        if mode == "mask" and across is not None:
            with recording(model, (layer,)) as recorder:
                values = recorder.activations([tensor])[layer.name][0, number]
            yield np.maximum(values.float().reshape(across).cpu().numpy(), 0)
        else:
            yield heatmaps(model, stack([tensor]), None, layer, [number]).heatmaps[0, 0]


def class_relevance(session: Session, row: int) -> dict[str, Any] | None:
    """What a component speaks for and against over the data set: the classes it matters most for; None if not known."""
    relevance = getattr(session, "relevance", None)
    if relevance is None:
        return None
    spoken = role.class_relevance(relevance, row)
    listed: list[dict[str, Any]] = [
        {"name": name, "share": mean, "images": int(relevance.counts[relevance.number(name)])}
        for name, mean in spoken[:MOST_CLASSES]
    ]
    listed.sort(key=lambda entry: -entry["share"])
    return {"classes": listed, "more": len(spoken) - len(listed), "backend": relevance.backend}


def classes_of_all(
    relevance: Relevance,
) -> tuple[Int[np.ndarray, "component class"], Float[np.ndarray, "component class"]]:
    """The classes of `class_relevance` for every component: their numbers and shares, in the order they are shown."""
    seen = np.flatnonzero(relevance.counts)
    numbers, shares = [], []
    for rows in np.array_split(np.arange(len(relevance.components)), -(-len(relevance.components) // _AT_ONCE)):
        mean = relevance.mean[np.ix_(seen, rows)].T
        most = np.argsort(-np.abs(mean), axis=1, kind="stable")[:, :MOST_CLASSES]
        order = np.argsort(-np.take_along_axis(mean, most, 1), axis=1, kind="stable")
        listed = np.take_along_axis(most, order, 1)
        numbers.append(seen[listed])
        shares.append(np.take_along_axis(mean, listed, 1))
    return np.concatenate(numbers).astype(np.int32), np.concatenate(shares).astype(np.float32)


def relate(session: Session, job: Job) -> Answer:
    """Explain the whole data set, once for all components; what was given up goes on there the next time."""
    explaining.relate(
        session, progress=False, on_step=lambda done, total: job.progress(done, total, "Explaining image")
    )
    return {}


def has_streams(session: Session, row: int) -> bool:
    """Whether it can be computed what feeds a component and what it feeds."""
    return session.has_data and len(session.components.layers) > 1 and bool(session.space.alive[row])


def streams(session: Session, row: int, job: Job) -> Answer:
    """What feeds a component, and what it feeds: see `role.Streams`; with names and labels."""
    row, source = session.components.row(int(row)), session.source
    streams_of_row = role.streams(
        session.space.examples, source.model, source.images, source.layers, row, pooling=source.pooling,
        on_step=lambda done, total: job.progress(done, total, "Following relevance, step"),
    )  # fmt: skip
    return {
        "lower": streams_of_row.lower,
        "upper": streams_of_row.upper,
        "upstream": [_named(session, other, share) for other, share in streams_of_row.upstream],
        "downstream": [_named(session, other, share) for other, share in streams_of_row.downstream],
        "images": streams_of_row.images,
    }


def _named(session: Session, row: int, share: float) -> dict[str, Any]:
    described = answers.components(session, [row])["components"][0]
    return {"row": row, "id": described["id"], "label": described["label"], "share": share}
