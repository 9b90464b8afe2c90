"""The verb: repairs a copy in one of four ways, and measures it beside the model as it is and beside a control."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool
from tqdm.auto import tqdm

from ..artefacts import Artefact
from ..components import Components
from ..counterfactual import Pairs
from ..images import Images
from ..model import Layer, Pooling, alone
from ..outputs import Outputs
from ..passes import OnStep
from ..performance import ask_all
from ..performance.slices import strong
from ..switching import Switch, switch_for_good, switched_off
from . import head as heads
from .data import Split, Twins, split_of, twins_of
from .measures import checked
from .tuning import Tuning, tune
from .value import HOWS, Checked, Epoch, How, Repair, Side

if TYPE_CHECKING:
    import torch

_AT_MOST = 400  # pictures that say how features change when components are switched off


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is to be repaired: its name, the components that stand for it as rows, an artefact that draws it, pairs of
    pictures with and without it."""

    name: str
    rows: tuple[int, ...]
    artefact: Artefact | None = None
    pairs: Pairs | None = None


@dataclass(frozen=True)
class Recipe:
    """How: see `Lens.repair`."""

    how: How
    epochs: int = 8
    patience: int = 2
    rate: float = 1e-4
    batch_size: int = 64
    seed: int = 0


@dataclass(frozen=True, eq=False)
class _Bench:
    """A model on the bench: what is at hand while it is repaired."""

    model: torch.nn.Module
    layers: Sequence[Layer]
    components: Components
    alive: Bool[np.ndarray, " component"]
    pooling: Pooling
    images: Images
    outputs: Outputs
    wanted: Wanted
    recipe: Recipe
    split: Split
    labels: np.ndarray
    learned: Twins | None  # pairs to learn from
    step: Callable[[int], None]


Made = tuple["torch.nn.Module", "torch.nn.Module", str, tuple[Epoch, ...]]  # repaired, control, what that is, history


def repair(
    model: torch.nn.Module, layers: Sequence[Layer], components: Components, alive: Bool[np.ndarray, " component"],
    pooling: Pooling, images: Images, outputs: Outputs, target: int, wanted: Wanted, recipe: Recipe, *,
    test: Images | None = None, progress: bool = True, on_step: OnStep | None = None,
) -> Repair:  # fmt: skip
    """Repair a copy of the model; see `Lens.repair`.

    images: labelled pictures to repair with; of their test part, or of `test`, it is measured. ValueError for settings
    that are none, for data that cannot do what is asked, and for models that have no such head (`NoHead`).
    """
    _check(recipe, wanted, outputs)
    labels = outputs.labels_of(images, np.arange(len(images)))
    split = split_of(labels, outputs.classes, recipe.seed)
    learned, held = _pairs(wanted, images, outputs, labels, split, test)
    total = _steps(recipe, split)
    done = 0
    with tqdm(total=total, unit="image", desc=f"repair by {recipe.how}", disable=not progress) as bar:

        def step(count: int) -> None:
            nonlocal done
            done = min(done + count, total)
            bar.update(count)
            if on_step is not None:
                on_step(done, total)

        bench = _Bench(
            model, layers, components, alive, pooling, images, outputs, wanted, recipe, split, labels, learned, step
        )
        way = {"off": _off, "head": _head, "reweigh": _reweigh, "fine-tune": _fine_tune}[recipe.how]
        repaired, control, word, history = way(bench)
    clean, ids = (test, None) if test is not None else (images, split.test)
    sides: dict[Side, Checked] = {}
    for side, made in (("as it is", model), ("repaired", repaired), ("control", control)):
        sides[side] = checked(made, outputs, target, clean, ids, held)  # type: ignore[index]
    named = tuple(str(components[row]) for row in wanted.rows)
    return Repair(
        repaired, recipe.how, wanted.name, named, outputs.classes[target], sides, word, history,
        (len(split.train), len(split.validation), len(split.test) if test is None else len(test)),
        0 if held is None else len(held), "the test pictures" if test is not None else "the test part of the data",
    )  # fmt: skip


def _check(recipe: Recipe, wanted: Wanted, outputs: Outputs) -> None:
    if recipe.how not in HOWS:
        raise ValueError(f"how={recipe.how!r}; repairs are {', '.join(map(repr, HOWS))}")
    for what, number in (("epochs", recipe.epochs), ("patience", recipe.patience), ("batch_size", recipe.batch_size)):
        if number < 1:
            raise ValueError(f"{what}={number}; it is at least 1")
    if not recipe.rate > 0:
        raise ValueError(f"rate={recipe.rate}; the learning rate is above 0")
    if outputs.kind not in ("single", "binary"):
        raise ValueError(
            f"the model's outputs are {outputs.kind!r}; a repair needs classes that exclude each other, one per image"
        )
    if recipe.how == "fine-tune" and wanted.artefact is None:
        raise ValueError(
            "what is to be pasted? Give artefact=sl.artefacts.Ruler() or another one, or a concept of the checklist "
            "that names its artefact"
        )
    if recipe.how in ("off", "reweigh") and not wanted.rows:
        raise ValueError(f"no component stands for {wanted.name}; give components, such as 'layer4:64'")
    if recipe.how == "head" and not wanted.rows and wanted.pairs is None and wanted.artefact is None:
        raise ValueError(f"nothing says what {wanted.name} does: give components, pairs=… or artefact=…")


def _pairs(
    wanted: Wanted, images: Images, outputs: Outputs, labels: np.ndarray, split: Split, test: Images | None
) -> tuple[Twins | None, Twins | None]:
    """(pairs to learn from, pairs to measure on), of other pictures; None where nothing says what the thing looks like.

    Pairs that are given are halved. An artefact is drawn onto training pictures, and onto those that are measured.
    """
    if wanted.pairs is not None:
        made = twins_of(wanted.pairs, images, outputs)
        return made.only(slice(0, None, 2)), made.only(slice(1, None, 2))
    if wanted.artefact is None:
        return None, None
    learned = twins_of(Pairs.drawn(wanted.artefact, images, split.train), images, outputs, labels[split.train])
    if test is None:
        return learned, twins_of(Pairs.drawn(wanted.artefact, images, split.test), images, outputs, labels[split.test])
    ids = np.arange(len(test))
    return learned, twins_of(Pairs.drawn(wanted.artefact, test, ids), test, outputs, outputs.labels_of(test, ids))


def _steps(recipe: Recipe, split: Split) -> int:
    if recipe.how == "fine-tune":
        return 2 * recipe.epochs * len(split.train)
    return 0 if recipe.how == "off" else 2 * len(heads.STRENGTHS)


def _copied(model: torch.nn.Module) -> torch.nn.Module:
    with alone(model):
        return copy.deepcopy(model)


# the four ways


def _off(b: _Bench) -> Made:
    random = np.random.default_rng([b.recipe.seed, 64])
    drawn: list[int] = []
    for layer in b.components.layers:
        there = np.arange(len(b.components))[b.components.rows(layer)]
        count = int(np.isin(there, b.wanted.rows).sum())
        others = there[b.alive[there] & ~np.isin(there, b.wanted.rows)]
        drawn += random.permutation(others)[:count].tolist()
    made = []
    for rows in (b.wanted.rows, drawn):
        made.append(_copied(b.model))
        switch_for_good(made[-1], _switches(b, rows), b.images)
    return made[0], made[1], "as many other components off", ()


def _switches(b: _Bench, rows: Sequence[int]) -> list[Switch]:
    off = np.zeros((1, len(b.components)), bool)
    off[0, list(rows)] = True
    parts = [(layer, b.components.rows(layer.name)) for layer in b.layers]
    return [Switch(layer, off[:, own], np.zeros(off[:, own].shape[1], np.float32)) for layer, own in parts]


def _head(b: _Bench) -> Made:
    name = heads.head_of(b.model, b.images, b.outputs)
    found = _differences(b, name)
    by_pairs = b.learned is not None
    directions = heads.directions_of(found) if by_pairs else heads.directions_of(found, heads.WHOLE, len(b.wanted.rows))
    random = np.random.default_rng([b.recipe.seed, 65])
    drawn = np.linalg.qr(random.normal(size=directions.T.shape))[0].T
    train, x = heads.features(b.model, name, b.images, b.split.train)
    check, y = heads.features(b.model, name, b.images, b.split.validation)
    made: list[torch.nn.Module] = []
    history: tuple[Epoch, ...] = ()
    for out in (directions, drawn):
        kept = [heads.without_directions(part, out) for part in (x, y)]
        weights, bias, steps = _trained(b, kept[0], b.labels[train], kept[1], b.labels[check])
        made.append(_copied(b.model))
        heads.put(made[-1], name, heads.without_directions(weights, out), bias, b.outputs)
        history = history or steps
    return made[0], made[1], f"as many random directions projected out ({len(directions)})", history


def _differences(b: _Bench, name: str) -> np.ndarray:
    """How what goes into the head changes with the thing: between pairs, else by switching its components off."""
    if b.learned is not None:
        found = [
            heads.features_of(b.model, name, with_) - heads.features_of(b.model, name, without)
            for without, with_, _ in b.learned.batches()
        ]
        if not found:
            raise ValueError("none of the pairs could be read")
        made = np.concatenate(found)
    else:
        count = len(b.split.train)
        ids = b.split.train[np.unique(np.linspace(0, count - 1, min(_AT_MOST, count)).astype(int))]
        before = heads.features(b.model, name, b.images, ids)[1]
        with switched_off(b.model, _switches(b, b.wanted.rows), b.images):
            made = before - heads.features(b.model, name, b.images, ids)[1]
    if not np.abs(made).max():
        raise ValueError(f"{b.wanted.name} changes nothing that goes into the head {name!r}: nothing to project out")
    return made


def _trained(
    b: _Bench, x: np.ndarray, labels: np.ndarray, y: np.ndarray, check: np.ndarray, weights: Any = None,
    others: Any = None,
) -> tuple[np.ndarray, np.ndarray, tuple[Epoch, ...]]:
    steps: list[Epoch] = []

    def told(number: int, loss: float) -> None:
        better = all(loss < epoch.validation for epoch in steps)
        steps.append(Epoch(number + 1, float("nan"), loss, better))
        b.step(1)

    made, bias = heads.trained(x, labels, (y, check), weights, others, told)
    return made, bias, tuple(steps)


def _reweigh(b: _Bench) -> Made:
    name = heads.head_of(b.model, b.images, b.outputs)
    ids = np.sort(np.concatenate([b.split.train, b.split.validation]))
    asked = ask_all(
        b.model, b.images, b.outputs, layers=b.layers, components=b.components, rows=b.wanted.rows, ids=ids,
        pooling=b.pooling, progress=False,
    )  # fmt: skip
    shows, lacks, apart = strong(asked.responses)
    if not apart:
        raise ValueError(
            f"the responses of {b.wanted.name} do not fall into two groups, so that nobody can tell which pictures "
            'show it; repair with how="head" or how="fine-tune"'
        )
    sure = shows | lacks
    known = dict(zip(asked.answers.ids[sure].tolist(), shows[sure].tolist(), strict=True))
    parts = []
    for own in (b.split.train, b.split.validation):
        read, x = heads.features(b.model, name, b.images, [i for i in own.tolist() if i in known])
        present = np.asarray([known[i] for i in read.tolist()], bool)
        parts.append((x, b.labels[read], heads.reweighed(b.labels[read], present)))
    (x, labels, weights), (y, check, others) = parts
    made: list[torch.nn.Module] = []
    history: tuple[Epoch, ...] = ()
    for weighed in (True, False):
        given = (weights, others) if weighed else (None, None)
        found, bias, steps = _trained(b, x, labels, y, check, *given)
        made.append(_copied(b.model))
        heads.put(made[-1], name, found, bias, b.outputs)
        history = history or steps
    return made[0], made[1], "head trained anew without weights", history


def _fine_tune(b: _Bench) -> Made:
    r, artefact = b.recipe, b.wanted.artefact
    assert artefact is not None
    how = Tuning((artefact,), r.epochs, r.patience, r.rate, r.batch_size, r.seed)
    made: list[torch.nn.Module] = []
    history: tuple[Epoch, ...] = ()
    for one in (how, replace(how, artefacts=())):
        made.append(_copied(b.model))
        steps = tune(made[-1], b.images, b.split.train, b.split.validation, b.labels, b.outputs, one, b.step)
        history = history or steps
    return made[0], made[1], "trained on as long without artefacts", history
