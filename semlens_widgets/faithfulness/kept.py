"""What was chosen, remembered for a model and its layers: while both are at hand, and in the cache."""

from __future__ import annotations

import hashlib
import json
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import cache, fingerprints
from ..attribution.values import Method, key_of
from ..images import Images, batches
from ..keys import made_from
from ..model import Layer, stack
from ..outputs import Outputs, Reading, answering
from ..writing import write_text
from .choice import BACKWARDS, MAPS, Choice, backwards, maps, not_measured
from .measure import measure
from .value import Faithfulness

if TYPE_CHECKING:
    import torch

VERSION = 1  # of how methods are measured and chosen: another one measures anew
PICTURES, SAMPLE = 4, 24  # that "auto" chooses by
_CANNOT = (RuntimeError, ValueError, TypeError, NotImplementedError, AssertionError)  # what a model may raise there
_KNOWN: weakref.WeakKeyDictionary[Any, dict[str, tuple[Any, Choice]]] = weakref.WeakKeyDictionary()


def choose(
    model: torch.nn.Module,
    images: Images,
    layers: Sequence[Layer],
    outputs: Outputs,
    *,
    cached: bool = True,
    on_step: Callable[[int, int], None] | None = None,
) -> Choice:
    """What "auto" means for this model and these layers, measured on a few pictures of the data set.

    Measured once: remembered while the model's tensors and hooks are the same, and kept in the cache under what it
    was made from. Takes some ten passes of the model and, per layer, a hundred from that layer on.
    """
    if (before := known(model, images, layers, outputs)) is not None:
        return before
    about, state = _about(layers, images, outputs), _state(model)
    path = _file(model, images, layers, about) if cached else None
    measured = _read(path)
    if measured is None:
        try:
            measured = _measured(model, images, layers, outputs, on_step)
        except _CANNOT as error:
            found = not_measured((str(error).splitlines() or [type(error).__name__])[0])
            _KNOWN.setdefault(model, {})[about] = (state, found)
            return found
        if path is not None:
            document = json.dumps(measured.to_document())
            cache.try_write(path, lambda: _write(path, document))
    found = decided(measured)
    _KNOWN.setdefault(model, {})[about] = (state, found)
    return found


def choose_for(
    model: torch.nn.Module,
    inputs: torch.Tensor,
    goal: Any,
    layers: Sequence[Layer],
    key: str | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Choice:
    """What "auto" means for a target that is no class, measured on the first of the pictures it is explained in.

    Remembered by `key`, which targets share that differ in the place or the picture they are of. Heatmaps take LRP
    where it has a rule for all the model does: a few pictures do not tell heatmaps apart.
    """
    about, state = json.dumps([VERSION, [layer.key for layer in layers], "target", key]), _state(model)
    before = _KNOWN.get(model, {}).get(about) if key is not None else None
    if before is not None and before[0] == state:
        return before[1]
    try:
        with answering(model, goal.read):
            measured = trial(model, inputs[:PICTURES], goal, layers, on_step, maps=())
        found = replace(decided(measured), maps="auto")
    except _CANNOT as error:
        found = not_measured((str(error).splitlines() or [type(error).__name__])[0])
    if key is not None:
        _KNOWN.setdefault(model, {})[about] = (state, found)
    return found


def known(model: torch.nn.Module, images: Images, layers: Sequence[Layer], outputs: Outputs) -> Choice | None:
    """The choice, if it was made for this model as it is now."""
    found = _KNOWN.get(model, {}).get(_about(layers, images, outputs))
    return found[1] if found is not None and found[0] == _state(model) else None


def _about(layers: Sequence[Layer], images: Images, outputs: Outputs) -> str:
    return json.dumps([VERSION, [layer.key for layer in layers], images.fingerprint, outputs.key])


def decided(measured: Faithfulness) -> Choice:
    """The choice that a measurement leads to."""
    if not any(np.isfinite(measured.correlation(method)) for method in measured.methods):
        return not_measured("no effect differs from another", measured)
    best = backwards(measured)
    ahead = "integrated" in measured.methods and measured.score("integrated") > measured.score(best)
    return Choice(best, "integrated" if ahead else best, maps(measured), measured)


def _measured(
    model: torch.nn.Module, images: Images, layers: Sequence[Layer], outputs: Outputs,
    on_step: Callable[[int, int], None] | None,
) -> Faithfulness:  # fmt: skip
    inputs = some_pictures(images)
    with predicted(model, outputs) as goal:
        return trial(model, inputs, goal, layers, on_step)


def trial(
    model: torch.nn.Module, inputs: torch.Tensor, goal: Any, layers: Sequence[Layer],
    on_step: Callable[[int, int], None] | None = None, maps: Sequence[Method] = MAPS,
) -> Faithfulness:  # fmt: skip
    """What "auto" is decided by; "integrated" is tried only where no method of one way back reaches the goal."""
    found = measure(model, inputs, goal, layers, BACKWARDS, maps, sample=SAMPLE, held=False, on_step=on_step)
    if found.methods and found.good(backwards(found)):
        return found
    more = measure(model, inputs, goal, layers, ("integrated",), sample=SAMPLE, held=False, on_step=on_step)
    return replace(
        found, agreements=found.agreements + more.agreements, refused=tuple(dict(found.refused + more.refused).items())
    )


def check(
    model: torch.nn.Module,
    images: Images,
    layers: Sequence[Layer],
    outputs: Outputs,
    methods: Sequence[Method],
    maps: Sequence[Method],
    *,
    n: int,
    sample: int,
    cached: bool = True,
    on_step: Callable[[int, int], None] | None = None,
) -> Faithfulness:
    """Methods held against switching off on n pictures of the data set, each for the class that is predicted."""
    settings = [VERSION, n, sample, [key_of(m) for m in methods], [key_of(m) for m in maps], outputs.key]
    lasting = cached and all(isinstance(m, str) for m in (*methods, *maps))
    path = _file(model, images, layers, json.dumps(settings)) if lasting else None
    if (known := _read(path)) is not None:
        return known
    with predicted(model, outputs) as goal:
        found = measure(model, some_pictures(images, n), goal, layers, methods, maps, sample=sample, on_step=on_step)
    if path is not None:
        cache.try_write(path, lambda: _write(path, json.dumps(found.to_document())))
    return found


def some_pictures(images: Images, n: int = PICTURES) -> torch.Tensor:
    """n pictures spread over the data set, as the model takes them. ValueError where none can be read."""
    ids = np.unique(np.linspace(0, len(images) - 1, min(n, len(images))).astype(np.int64))
    items = [item for batch in batches(images, ids, n) for item in batch.items]
    if not items:
        raise ValueError(f"none of {len(ids)} images could be read")
    return stack(items)


@contextmanager
def predicted(model: torch.nn.Module, outputs: Outputs) -> Iterator[Any]:
    """Within, the model answers with class scores, and this is a target: for each picture the predicted class."""
    reading = outputs.reading()
    with answering(model, reading):
        yield _Predicted(outputs, reading)


class _Predicted:
    """The target: each picture's own predicted class, which stays when components are off."""

    def __init__(self, outputs: Outputs, reading: Reading) -> None:
        self.outputs, self.reading = outputs, reading
        self.classes: np.ndarray

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        self.classes = self.outputs.predicted(self.reading.values())
        return self.again(given)

    def again(self, given: torch.Tensor) -> torch.Tensor:
        return self.reading.of_class(given, self.classes)


def _state(model: torch.nn.Module) -> Any:
    """What shows that a model has changed since, at a glance: its tensors, written or others, and its hooks."""
    tensors = [*model.parameters(), *model.buffers()]
    seen = [(id(t), t.data_ptr(), 0 if t.is_inference() else t._version) for t in tensors]
    hooks = [
        (name, id(hook))
        for name, module in model.named_modules()
        for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
    ]
    return seen, hooks


def _file(model: torch.nn.Module, images: Images, layers: Sequence[Layer], about: str) -> Path | None:
    made = made_from(model, images, layers)
    text = json.dumps([made.model, made.images, list(made.layers), about])
    if fingerprints.reasons(text):
        return None
    return cache.place(f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.faithfulness", text)


def _read(path: Path | None) -> Faithfulness | None:
    if path is None:
        return None
    try:
        return Faithfulness.from_document(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or damaged: it is measured again


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
