"""What windows that show labels share: the labels as columns, and a person's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from ..describe import NO_WORD
from .channel import Answer, Verb
from .views import LensView, Live

if TYPE_CHECKING:
    from ..lens import Lens


class LabelledView(LensView):
    """A view that shows what components are called. `layers` names the layers in row order, with their sizes."""

    _live: ClassVar[dict[str, Live]] = {
        "own_labels": Live(
            lambda lens: dict(lens.own_labels), lambda lens, labels: setattr(lens, "own_labels", labels)
        ),
    }
    _counted: ClassVar[dict[str, str]] = {"labels": "labels_version"}
    own_labels: Any = traitlets.Dict().tag(sync=True)
    labels_version = traitlets.Int(0).tag(sync=True)
    layers: Any = traitlets.List().tag(sync=True)

    def _initial(self) -> dict[str, Any]:
        return super()._initial() | {"layers": listed_layers(self.lens)}

    def _verbs(self) -> dict[str, Verb]:
        return super()._verbs() | {"labels": self._plain(labels)}


def listed_layers(lens: Lens) -> list[dict[str, Any]]:
    c = lens.components
    parts = zip(c.layers, c.sizes, c.signed, strict=True)
    return [{"name": name, "count": size, "signed": signed} for name, size, signed in parts]


def labels(lens: Lens) -> Answer:
    """All computed labels as columns, row by row; a person's own are in the trait `own_labels`.

    `words` are texts; the buffers: int32 numbers of words [component label] (-1: none), float32 scores, confidence
    and reach [component label], float32 margins [component], uint8 accepted [component label], uint8 alive
    [component]. Before `describe` only the last one has content, and `made` is False.
    """
    found, alive = lens.labels, lens.space.alive.astype(np.uint8).tobytes()
    if found is None:
        return {"made": False, "k": 0, "words": [], "message": "", "level": None, "method": None}, [b""] * 6 + [alive]
    used, number = np.unique(found.words, return_inverse=True)
    number = number.reshape(found.words.shape).astype(np.int32)
    real = used != NO_WORD
    result = {
        "made": True,
        "k": found.words.shape[1],
        "words": [found.probes.names[word] for word in used[real]],
        "message": found.message,
        "level": found.level,
        "method": found.method,
        "unknown": list(found.unknown[:20]),
    }
    number[~real[number]] = -1
    columns = (found.scores, found.confidence, found.reach, found.margins)
    numbers = [np.asarray(column, np.float32).tobytes() for column in columns]
    return result, [number.tobytes(), *numbers, found.accepted.astype(np.uint8).tobytes(), alive]
