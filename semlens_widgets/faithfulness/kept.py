"""What was chosen, remembered for a model and its layers: while both are at hand, and in the cache."""

from __future__ import annotations

import hashlib
import json
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import cache, fingerprints
from ..attribution.values import ByLayer, Method, key_of, name_of
from ..images import Images, batches
from ..keys import made_from
from ..model import Layer, stack
from ..outputs import Outputs, Reading, answering
from ..passes import OnStep
from ..writing import write_text
from .choice import BACKWARDS, DEARER, MAPS, Choice, backwards, components, maps, not_measured
from .measure import Effects, effects_of, measure
from .value import Faithfulness

if TYPE_CHECKING:
    import torch

VERSION = 3  # of how methods are measured and chosen: another one measures anew
PICTURES, SAMPLE = 4, 24  # that "auto" chooses by
_CANNOT = (RuntimeError, ValueError, TypeError, NotImplementedError, AssertionError)  # what a model may raise there
_KNOWN: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class _Known:
    """What was found of a model as it was then, and what it was found by."""

    state: Any
    choice: Choice
    truth: Mapping[str, Effects] | None = None


def choose(
    model: torch.nn.Module,
    images: Images,
    layers: Sequence[Layer],
    outputs: Outputs,
    *,
    method: Method = "auto",
    cached: bool = True,
    on_step: OnStep | None = None,
) -> Choice:
    """What "auto" means for this model and these layers, measured on a few pictures of the data set.

    Measured once: remembered while the model's tensors and hooks are the same, and kept in the cache under what it
    was made from. Takes some ten passes of the model and, per layer, a hundred from that layer on.

    method: one that is asked for by name is measured as well, so that it can be said how good it is.
    on_step: called with (steps done, in all) while there is something to measure; what it raises ends the work.
    """
    about, state = _about(layers, images, outputs), _state(model)
    path = _file(model, images, layers, about) if cached else None
    found = _remembered(model, about, state)
    if found is None and (kept := _read(path)) is not None:
        found = _Known(state, decided(kept))
    if found is None:
        try:
            inputs = some_pictures(images)
            with predicted(model, outputs) as goal:
                measured, truth = trial(model, inputs, goal, layers, on_step)
        except _CANNOT as error:
            found = _Known(state, not_measured(_first_line(error)))
        else:
            found = _Known(state, decided(measured), truth)
            _keep(path, measured)
    _KNOWN.setdefault(model, {})[about] = found
    if not _lacks(found.choice, method, layers):
        return found.choice

    def held(truth: Mapping[str, Effects] | None) -> tuple[Faithfulness, Mapping[str, Effects]]:
        inputs = some_pictures(images)
        with predicted(model, outputs) as goal:
            return _of_method(model, inputs, goal, layers, method, truth, on_step)

    more = _with_method(found, held)
    if isinstance(method, str):
        _KNOWN[model][about] = more
        _keep(path, more.choice.measured)
    return more.choice


def choose_for(
    model: torch.nn.Module,
    inputs: torch.Tensor,
    goal: Any,
    layers: Sequence[Layer],
    key: str | None = None,
    on_step: OnStep | None = None,
    method: Method = "auto",
) -> Choice:
    """What "auto" means for a target that is no class, measured on the first of the pictures it is explained in.

    Remembered by `key`, which targets share that differ in the place or the picture they are of. Heatmaps take LRP
    where it has a rule for all the model does: a few pictures do not tell heatmaps apart. method: as in `choose`.
    """
    about, state = json.dumps([VERSION, [layer.key for layer in layers], "target", key]), _state(model)
    found = _remembered(model, about, state) if key is not None else None
    if found is None:
        try:
            with answering(model, goal.read):
                measured, truth = trial(model, inputs[:PICTURES], goal, layers, on_step, maps=())
        except _CANNOT as error:
            found = _Known(state, not_measured(_first_line(error)))
        else:
            found = _Known(state, replace(decided(measured), heatmaps="auto"), truth)
    if key is not None:
        _KNOWN.setdefault(model, {})[about] = found
    if not _lacks(found.choice, method, layers):
        return found.choice

    def held(_: Any) -> tuple[Faithfulness, Mapping[str, Effects]]:
        with answering(model, goal.read):  # the truth is that of these pictures, not of those measured before
            return _of_method(model, inputs[:PICTURES], goal, layers, method, None, on_step)

    more = _with_method(found, held)
    if key is not None and isinstance(method, str):
        _KNOWN[model][about] = more
    return more.choice


def _lacks(choice: Choice, method: Method, layers: Sequence[Layer]) -> bool:
    """Whether a method asked for by name is still to be measured."""
    name, known = name_of(method), choice.measured
    if choice.unmeasured or name in ("auto", "ablation") or name in dict(known.refused):
        return False
    return not isinstance(method, str) or name not in known.methods or len(known.of(name)) < len(layers)


def _of_method(
    model: torch.nn.Module, inputs: torch.Tensor, goal: Any, layers: Sequence[Layer], method: Method,
    truth: Mapping[str, Effects] | None, on_step: OnStep | None,
) -> tuple[Faithfulness, Mapping[str, Effects]]:  # fmt: skip
    found = truth or effects_of(model, inputs, goal, layers, sample=SAMPLE, held=False, on_step=on_step)
    return measure(
        model, inputs, goal, layers, [method], sample=SAMPLE, held=False, truth=found, on_step=on_step
    ), found


def _with_method(
    found: _Known, held: Callable[[Mapping[str, Effects] | None], tuple[Faithfulness, Mapping[str, Effects]]]
) -> _Known:
    """With the agreement of one more method; as it is where that cannot be measured."""
    try:
        more, truth = held(found.truth)
    except _CANNOT:
        return found
    return replace(found, choice=replace(found.choice, measured=found.choice.measured.with_more(more)), truth=truth)


def known(model: torch.nn.Module, images: Images, layers: Sequence[Layer], outputs: Outputs) -> Choice | None:
    """The choice, if it was made for this model as it is now."""
    found = _remembered(model, _about(layers, images, outputs), _state(model))
    return None if found is None else found.choice


def _remembered(model: torch.nn.Module, about: str, state: Any) -> _Known | None:
    found = _KNOWN.get(model, {}).get(about)
    return found if found is not None and found.state == state else None


def _about(layers: Sequence[Layer], images: Images, outputs: Outputs) -> str:
    return json.dumps([VERSION, [layer.key for layer in layers], images.fingerprint, outputs.key])


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def decided(measured: Faithfulness) -> Choice:
    """The choice that a measurement leads to."""
    if not any(np.isfinite(measured.correlation(method)) for method in measured.methods):
        return not_measured("no effect differs from another", measured)
    best = components(measured)
    if isinstance(best, ByLayer):
        measured = measured.joined(best)
    return Choice(best, backwards(measured), maps(measured), measured)


def trial(
    model: torch.nn.Module, inputs: torch.Tensor, goal: Any, layers: Sequence[Layer],
    on_step: OnStep | None = None, maps: Sequence[Method] = MAPS,
) -> tuple[Faithfulness, Mapping[str, Effects]]:  # fmt: skip
    """What "auto" is decided by, and the truth behind it; "integrated" is tried only in layers where no method of one
    way back surely reaches the goal."""
    total = len(layers) + len(BACKWARDS) + len(maps)
    within = partial(_within, on_step, total)
    truth = effects_of(model, inputs, goal, layers, sample=SAMPLE, held=False, on_step=within(0))
    found = measure(
        model, inputs, goal, layers, BACKWARDS, maps, sample=SAMPLE, held=False, truth=truth,
        on_step=within(len(layers)),
    )  # fmt: skip
    reached = {a.layer for a in found.agreements if a.sure}
    missed = [layer for layer in layers if layer.name not in reached]
    if not missed:
        return found, truth
    more = measure(model, inputs, goal, missed, [DEARER], sample=SAMPLE, held=False, truth=truth, on_step=within(total))
    return found.with_more(more), truth


def _within(on_step: OnStep | None, total: int, begun: int) -> OnStep | None:
    """Steps of a part of the work, as steps of all of it."""
    return None if on_step is None else lambda done, _: on_step(begun + done, max(total, begun + 1))


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
    on_step: OnStep | None = None,
) -> Faithfulness:
    """Methods held against switching off on n pictures of the data set, each for the class that is predicted."""
    settings = [VERSION, n, sample, [key_of(m) for m in methods], [key_of(m) for m in maps], outputs.key]
    lasting = cached and all(isinstance(m, str) for m in (*methods, *maps))
    path = _file(model, images, layers, json.dumps(settings)) if lasting else None
    if (known := _read(path)) is not None:
        return known
    with predicted(model, outputs) as goal:
        found = measure(model, some_pictures(images, n), goal, layers, methods, maps, sample=sample, on_step=on_step)
    _keep(path, found)
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


def _keep(path: Path | None, measured: Faithfulness) -> None:
    if path is not None:
        document = json.dumps(measured.to_document())
        cache.try_write(path, lambda: _write(path, document))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
