"""Choosing a picture of the data set: pages of it, as stored or the most wrong first."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ..images import Images, UnreadableImage, batches
from ..model import stack
from ..outputs import ask
from ..session import Session
from . import answers
from .channel import Job
from .wire import Answer

MOST_LISTED = 60  # pictures of one page


@dataclass(frozen=True, eq=False)
class Guesses:
    """What the model says of every picture of the data set: its class, how sure, how sure of the label's class, and
    whether that is wrong: another class is said, or, of several labels, this one is not."""

    predicted: np.ndarray
    confidence: np.ndarray
    of_label: np.ndarray
    wrong: np.ndarray

    def most_wrong(self) -> np.ndarray:
        """Pictures in order of how far the label is from the answer: wrong ones, the surest first, then the rest."""
        return np.lexsort((self.of_label, -self.confidence * self.wrong))


_guesses: weakref.WeakKeyDictionary[Session, Guesses] = weakref.WeakKeyDictionary()


def browse(session: Session, start: int, count: int, label: int | None, order: str, size: int, job: Job) -> Answer:
    """One page of the data set as a sheet of squares, as stored or the most wrong first; of one label (its number)
    or of all."""
    data = session.source.images
    labels = np.asarray([-1 if (n := data.label(i)) is None else n for i in range(len(data))])
    chosen = np.arange(len(data))
    guesses = _guesses.get(session)
    if order == "wrong":
        guesses = guesses or guess(session, job)
        chosen = guesses.most_wrong()
    if label is not None:
        if not 0 <= label < len(data.classes):
            raise ValueError(f"no label {label}; there are 0 to {len(data.classes) - 1}")
        chosen = chosen[labels[chosen] == label]
    begin, most = max(0, int(start)), int(np.clip(count, 1, MOST_LISTED))
    page = [int(i) for i in chosen[begin : begin + most]]
    side = int(np.clip(size, 16, 192))
    columns = min(8, max(len(page), 1))
    sheet = Image.new("RGB", (columns * side, max(1, -(-len(page) // columns)) * side), (128, 128, 128))
    for at, image in enumerate(page):
        job.check()
        try:
            tile = answers.squared(data.picture(image), side)
        except UnreadableImage:
            continue
        sheet.paste(tile, (at % columns * side, at // columns * side))
    listed = [_listed(session, data, image, guesses) for image in page]
    return {"start": begin, "total": len(chosen), "images": listed, "columns": columns, "sheet": answers.as_webp(sheet)}


def _listed(session: Session, data: Images, image: int, guesses: Guesses | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": image, "name": data.name(image), "label": label_of(data, image)}
    if guesses is None or guesses.predicted[image] < 0:
        return entry | {"predicted": None, "text": None, "wrong": False}
    name = session.outputs.classes[int(guesses.predicted[image])]
    likely = percent(float(guesses.confidence[image]))
    return entry | {"predicted": name, "text": likely, "wrong": bool(guesses.wrong[image])}


def guess(session: Session, job: Job) -> Guesses:
    """The model's answers over the whole data set, once per lens. ValueError where labels are not its classes."""
    data, model, outputs = session.source.images, session.source.model, session.outputs
    if outputs.kind == "regression":
        raise ValueError('the model gives numbers (outputs="regression"), which are not right or wrong of a label')
    labels = outputs.labels_of(data, range(len(data)))
    if (labels < 0).all() or outputs.agreed is False:
        why = outputs.note or f"the labels of the data set are not the model's {len(outputs.classes)} classes"
        raise ValueError(f"what is wrong cannot be said: {why}")
    predicted = np.full(len(data), -1)
    confidence, of_label = np.zeros(len(data), np.float32), np.ones(len(data), np.float32)
    wrong = np.zeros(len(data), bool)
    done = 0
    job.progress(0, len(data), "Asking the model, image")
    for batch in batches(data, np.arange(len(data)), 32):
        if batch.items:
            values = outputs.values(ask(model, stack(batch.items)), len(batch.items))
            likely, mine = outputs.probabilities(values), labels[batch.ids]
            rows, known = np.arange(len(values)), mine >= 0
            is_predicted = outputs.is_predicted(values)[rows, np.maximum(mine, 0)]
            predicted[batch.ids] = outputs.predicted(values)
            confidence[batch.ids] = likely.max(1)
            of_label[batch.ids] = np.where(known, likely[rows, np.maximum(mine, 0)], 1)
            wrong[batch.ids] = known & ~is_predicted
        done += len(batch.ids) + len(batch.unreadable)
        job.progress(done, len(data), "Asking the model, image")
    _guesses[session] = guesses = Guesses(predicted, confidence, of_label, wrong)
    return guesses


def label_of(data: Images, image: int) -> str | None:
    number = data.label(image)
    if number is None:
        return None
    return data.classes[number] if 0 <= number < len(data.classes) else str(number)


def percent(likely: float) -> str:
    return f"{100 * likely:.1f} %"
