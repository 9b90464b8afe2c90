"""The verb: one streaming pass over a data set, for all layers at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from .. import targets
from ..attribution import Attribution
from ..attribution.values import Method, checked, key_of, name_of
from ..components import Components
from ..faithfulness import Choice, Faithfulness, choose, choose_for, known, some_pictures
from ..faithfulness.value import two
from ..images import Images, batches, first_readable
from ..keys import made_from
from ..model import Layer, Layers, NotFinite, is_here, resolve, stack
from ..outputs import Chosen, Kind, NoClasses, Outputs, decided
from ..passes import Counted, OnStep, ProgressFile, digest, steps
from ..shards import Engine, Part, Shard, cut_up
from ..warned import warn
from .goals import ClassesGoal, OneGoal, Target, goal_of
from .totals import Totals
from .value import Relevance

if TYPE_CHECKING:
    import torch

_WAYS = ("auto", "label", "predicted")
_A_WHILE = 600.0  # seconds of which is told before
_AT_MOST = 16_384  # images kept in `values` unless the caller says otherwise


def relevance(
    model: torch.nn.Module,
    images: Images,
    layers: Layers,
    *,
    target: Target = "auto",
    method: Method = "auto",
    output: Chosen = None,
    outputs: Kind | Outputs | NoClasses | None = None,
    k: int = 8,
    sample: int | None = None,
    batch_size: int = 16,
    ids: Sequence[int] | None = None,
    first: Sequence[int] = (),
    progress_file: str | os.PathLike[str] | None = None,
    progress: bool = True,
    choice: Choice | None = None,
    check: bool = False,
    on_step: OnStep | None = None,
    engine: Engine | None = None,
) -> Relevance:
    """Each component's relevance for each class in one pass over the data set, for all layers at once.

    Parameters
    ----------
    model
        A torch module.
    images
        `sl.images(…)`.
    layers
        Names, wildcards, or `Layer(…)`.
    target
        "label" explains each image for its own label, "predicted" for the class the model answers (of several labels
        the likeliest), a number for that class; "auto" takes labels if each image has one that means a class of the
        model (a folder with ten of a model's thousand classes has not: its labels are other numbers) and the model's
        predictions do not speak against it. A value of `sl.targets` that belongs to no single picture: all images are
        explained for it, and it is the one class of the answer.
    method
        As in `explain`; "auto" is the method of one way back that agrees best with switching off, measured on a few
        pictures, and in layers where that misses the goal "integrated", if it is nearer: 16 passes a layer for every
        image, of up to 48 components one for each. `chosen` says where; a method of one way back by name is quicker.
        "ablation" takes a pass for every component.
    output, outputs
        Which part of the model's answer holds the class scores, and what they mean: see `outputs.decide`.
    k
        Images kept per class and component in `top_images`.
    sample
        Images kept per class in `values`; by default 256, fewer where there are more than 64 classes.
    batch_size
        Images that run at once.
    ids
        Restricts the pass to a shard; `merge` puts shards together without loss.
    first
        Images that `values` should hold before others, such as those about which more is known; a random choice.
    progress_file
        Where a pass that ended early is saved, and continued from, to the same bytes.
    progress
        Show a bar.
    choice
        What was measured of this model before; by default measured here.
    check
        Measure a method that is asked for by name as well, so that `reliability` says how good it is.
    on_step
        Called with (images done, images in all) after each batch; what it raises ends the pass.
    engine
        Computes the pass in shards, see `shards.Engine`.

    Returns
    -------
    Relevance
        The relevance of each component for each class.

    Raises
    ------
    ValueError
        Where labels are demanded and cannot be used, or no image can be read; UnsupportedModel as in `attribute`.

    Notes
    -----
    The model is in eval mode during the pass and exactly as it was afterwards, whatever happened.

    Examples
    --------
    >>> data = sl.images(sl.demo.images(12), transform=sl.demo.transform())
    >>> found = sl.relevance(sl.demo.classifier(), data, ["layer4"], method="gradient", progress=False)
    >>> int(found.counts.sum())
    12
    """
    check_settings(target, method, k, sample, batch_size)
    wanted = resolve(model, layers)
    chosen = np.arange(len(images)) if ids is None else np.asarray(ids)
    read = outputs if isinstance(outputs, Outputs | NoClasses) else decided(model, images, output, outputs)
    goal = goal_of(model, images, target, output, read)
    if choice is None:
        choice = _choice(model, images, wanted, goal, method, check)
    chosen_by = choice.why("components") if choice is not None and method == "auto" else ""
    how = choice.components if choice is not None and method == "auto" else method
    begun = time.perf_counter()
    found = _tried(model, images, wanted, how, goal)
    if how == "auto":
        how = found.backend
    if chosen_by and choice is not None:
        _warn_of_cost(choice, (time.perf_counter() - begun) * len(chosen))
    if sample is None:
        sample = min(256, max(_AT_MOST // len(goal.names), 16))
    components = _components(wanted, found)
    names, wants = goal.names, tuple(int(i) for i in first)

    def made() -> dict[str, Any]:
        return {
            **dict(made_from(model, images, wanted)),
            "chosen": digest(chosen), "classes": names, "k": k, "sample": sample, "target": goal.statistic,
            "outputs": goal.key, "backend": key_of(how), "first": wants,
            "labels": None if goal.labels is None else digest(goal.labels[chosen]),
        }  # fmt: skip

    def asked() -> dict[str, Any]:
        return made() | {"batch_size": batch_size}

    file = ProgressFile(progress_file if goal.lasting else None, made)
    totals = Totals(components, len(names), k, sample, wants)
    measured = None if choice is None else choice.measured
    run = _Pass.resumed(file, totals, names, found.backend, goal.statistic, how, chosen_by, measured)
    if engine is not None and run.position < len(chosen) and engine.wanted(asked):
        settings = _Settings(target, k, sample, wants, batch_size, how)
        cuts = cut_up(len(chosen), batch_size, run.position)
        shards = [Shard(begin, end, _Work(chosen[begin:end], settings)) for begin, end in cuts]
        things = {"model": model, "layers": wanted, "images": images, "outputs": read, "output": output}
        with steps(Counted(run.position), len(chosen), "relevance", progress=progress, on_step=on_step) as step:
            run.merge(engine.parts("images", asked, things, shards), step)
        run.position = len(chosen)
        run.save()
        return run.finished()
    with steps(run, len(chosen), "relevance", progress=progress, on_step=on_step) as step:
        run.go(model, images, wanted, chosen[run.position :], goal, batch_size, step)
    return run.finished()


def _choice(
    model: torch.nn.Module, images: Images, layers: tuple[Layer, ...], goal: ClassesGoal | OneGoal, method: Method,
    check: bool,
) -> Choice | None:  # fmt: skip
    """What is known, or is measured now, of the model and methods for it."""
    if method != "auto" and not check:
        return known(model, images, layers, goal.outputs) if isinstance(goal, ClassesGoal) else None
    if isinstance(goal, ClassesGoal):
        return choose(model, images, layers, goal.outputs, method=method)
    return choose_for(model, some_pictures(images), goal.goal, layers, method=method)


def _warn_of_cost(choice: Choice, seconds: float) -> None:
    """Say before how long "auto" takes, where it takes long because it chose what runs the model many times."""
    if seconds < _A_WHILE or choice.components == choice.circuits:
        return
    usual, name = choice.circuits, name_of(choice.components)
    r, less = (two(choice.measured.correlation(method)) for method in (name, usual))
    warn(
        f"relevance by {name} takes about {seconds / 60:,.0f} minutes here, since in some layers the model runs many "
        f"times for each image. It agrees better with switching off (r {r}) than method={usual!r} (r {less}), which is "
        "quicker",
    )


def check_settings(target: Target, method: Method, k: int, sample: int | None, batch_size: int) -> None:
    """ValueError for invalid settings of `relevance`, whatever the model and the images."""
    if k < 1 or batch_size < 1 or (sample is not None and sample < 0):
        raise ValueError(f"k={k}, batch_size={batch_size}, sample={sample}; k and batch_size are at least 1")
    if isinstance(target, targets.Target):
        target.once()
    elif not (isinstance(target, str) and target in _WAYS) and not isinstance(target, int | np.integer):
        raise ValueError(
            f"target={target!r}; images are explained for their 'label', the 'predicted' class, one class by its "
            "number, a value of sl.targets, or 'auto'"
        )
    checked(method)


@dataclass
class _Pass:
    """What a pass has seen so far."""

    file: ProgressFile
    totals: Totals
    classes: tuple[str, ...]
    backend: Any
    statistic: str
    method: Method
    chosen: str
    measured: Faithfulness | None
    position: int = 0
    unreadable: tuple[tuple[str, str], ...] = ()

    def go(
        self, model: torch.nn.Module, images: Images, layers: tuple[Layer, ...], ids: np.ndarray,
        goal: ClassesGoal | OneGoal, batch_size: int, step: Callable[[int], None],
    ) -> None:  # fmt: skip
        """Take images. Every batch is as long as the others, so shards run the same kernels as a whole."""
        from ..attribution import attribute

        for batch in batches(images, ids, batch_size, here=is_here(model)):
            if batch.items:
                fill = batch_size - len(batch.items) if len(images) > batch_size else 0
                inputs = stack([*batch.items, *batch.items[-1:] * fill])
                with goal.asking(model, np.concatenate([batch.ids, batch.ids[-1:].repeat(fill)])):
                    found = attribute(model, inputs, goal, layers, self.method, heatmap=False, batch_size=len(inputs))
                count = len(batch.ids)
                self.totals.add(batch.ids, goal.classes[:count], _shares(found, self.totals.components, count))
            self.unreadable += tuple((u.name, u.why) for u in batch.unreadable)
            step(len(batch.ids) + len(batch.unreadable))

    def merge(self, parts: Iterable[tuple[Shard, Part]], step: Callable[[int], None]) -> None:
        """Take in the parts of shards as they arrive; in any order they come to the same."""
        unreadable = {}
        for shard, (arrays, document) in parts:
            value = Relevance.from_document(self.totals.components, document, arrays)
            value.add_to(self.totals)
            unreadable[shard.begin] = value.unreadable
            step(len(shard))
        self.unreadable += tuple(told for begin in sorted(unreadable) for told in unreadable[begin])

    def finished(self) -> Relevance:
        found = Relevance.of_totals(self.totals, self.classes, self.backend, self.statistic, self.unreadable)
        return replace(found, chosen=self.chosen, measured=self.measured)

    def state(self) -> Part:
        """All of it: what a file keeps."""
        value = self.finished()
        return value.to_arrays(), value.to_document() | {"position": self.position}

    def save(self) -> None:
        self.file.write(*self.state())

    @classmethod
    def resumed(
        cls, file: ProgressFile, totals: Totals, classes: tuple[str, ...], backend: str, statistic: str,
        method: Method, chosen: str, measured: Faithfulness | None,
    ) -> _Pass:  # fmt: skip
        """The pass as last saved, or a new one."""
        if (saved := file.read()) is None:
            return cls(file, totals, classes, backend, statistic, method, chosen, measured)
        arrays, document = saved
        value = Relevance.from_document(totals.components, document, arrays)
        value.add_to(totals)
        return cls(
            file, totals, classes, backend, statistic, method, chosen, measured, document["position"], value.unreadable
        )


@dataclass(frozen=True)
class _Settings:
    """How a pass goes over images, whatever they are."""

    target: Target
    k: int
    sample: int
    first: tuple[int, ...]
    batch_size: int
    backend: Method


@dataclass(frozen=True, eq=False)
class _Work:
    """The relevance of some images, for an engine."""

    ids: np.ndarray
    settings: _Settings

    def __call__(self, things: Mapping[str, Any]) -> Part:
        settings, read, images, layers = self.settings, things["outputs"], things["images"], things["layers"]
        goal = goal_of(things["model"], images, settings.target, things["output"], read)
        tried = _tried(things["model"], images, layers, settings.backend, goal)
        totals = Totals(_components(layers, tried), len(goal.names), settings.k, settings.sample, settings.first)
        name, method = tried.backend, settings.backend
        run = _Pass(ProgressFile(None, dict), totals, goal.names, name, goal.statistic, method, "", None)
        run.go(things["model"], images, layers, self.ids, goal, settings.batch_size, lambda count: None)
        return run.state()


def _components(layers: Sequence[Layer], found: Attribution) -> Components:
    return Components(
        tuple(layer.name for layer in layers),
        tuple(found.relevances[layer.name].shape[1] for layer in layers),
        tuple(layer.signed for layer in layers),
    )


def _shares(found: Attribution, components: Components, images: int) -> Float[np.ndarray, "image component"]:
    """Each component's share of its layer in each image, sign kept; rows beyond `images` are fill."""
    parts = []
    for layer in components.layers:
        amounts = found.relevances[layer][:images].astype(np.float64)
        if not np.isfinite(amounts).all():
            raise NotFinite(
                f"the relevance of layer {layer!r} is NaN or infinite; check the weights and the input's scale"
            )
        total = np.abs(amounts).sum(1, keepdims=True)
        parts.append(np.divide(amounts, total, out=np.zeros_like(amounts), where=total > 0))
    return np.concatenate(parts, 1)


def _tried(
    model: torch.nn.Module, images: Images, wanted: tuple[Layer, ...], backend: Method, goal: ClassesGoal | OneGoal
) -> Attribution:
    """One image's relevances, before any long work: the same for all shards of a data set."""
    from ..attribution import attribute

    image, item = first_readable(images)
    with goal.asking(model, np.asarray([image])):
        return attribute(model, stack([item]), goal, wanted, backend, heatmap=False)
