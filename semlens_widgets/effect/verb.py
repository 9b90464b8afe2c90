"""The verb: switches components off, and as many random ones, and measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int
from tqdm.auto import tqdm

from ..components import Components
from ..images import Images
from ..model import Layer
from ..outputs import Chosen, Kind, NoClasses, Outputs, decide, decided
from ..passes import OnStep
from ..switching import Switch, logits_under
from ..targets import Target
from ..targets.over import as_number
from .measures import Answers
from .value import CURVE_DRAWS, Effect, Measured, Point, Side

if TYPE_CHECKING:
    import torch

DRAWS = 20  # that none of them does as much as what was switched off then happens by chance in 1 case of 21


def effect(
    model: torch.nn.Module,
    layers: Sequence[Layer],
    components: Components,
    chosen: Sequence[int],
    data: Mapping[str, Images],
    target: int | str | Target,
    *,
    alive: Bool[np.ndarray, " component"],
    share: Float[np.ndarray, " component"] | None = None,
    rest: Float[np.ndarray, " component"] | None = None,
    draws: int = DRAWS,
    most: int = 2000,
    points: int = 8,
    batch_size: int = 64,
    seed: int = 0,
    output: Chosen = None,
    outputs: Kind | Outputs | NoClasses | None = None,
    progress: bool = True,
    on_step: OnStep | None = None,
) -> Effect:
    """Switch components off and measure, beside random components of equal number and of equal relevance.

    layers, components: the model's layers and the numbering of their components; `chosen` are rows of it.
    data:   data sets with labels, by name, such as "clean" and "with artefacts"; at most `most` images of each, evenly
            drawn.
    target: the class whose logit margin and AUROC are measured; of a value of `sl.targets`, which needs no labels, how
            its number changes.
    alive, share: [component], which components random sets are drawn from, layer by layer as many as are chosen there;
            and their relevance, for sets of equal relevance and for the order of the curve.
    rest:   [component], what components are held at; None: 0.
    draws, points: random sets of each kind; numbers of components in the curve, each beside at most 5 random sets.
    output, outputs: which part of the model's answer holds the class scores, and what they mean: see `outputs.decide`,
            which is asked about the first data set.
    on_step: called with (images measured, images in all); what it raises ends the work.

    ValueError where labels are missing or are not classes of the model (a regression needs none), and for no
    components or no draws; KeyError or IndexError for an unknown class. All of them before anything is measured.
    """
    check(chosen, data, draws=draws, most=most, points=points, batch_size=batch_size)
    outputs = reading_of(model, next(iter(data.values())), target, output, outputs)
    number = check_classes(outputs, data, 0 if isinstance(target, Target) else target, most)
    rows = np.asarray(list(dict.fromkeys(chosen)), np.int64)
    random = np.random.default_rng(seed)
    order = rows if share is None else rows[np.argsort(-share[rows], kind="stable")]
    numbers = sorted({round(n) for n in np.geomspace(1, len(rows), points)} | {len(rows)})
    equal = [_equal_number(components, rows, alive, random) for _ in range(draws)]
    weighed = [] if share is None else [_equal_relevance(components, rows, alive, share, random) for _ in range(draws)]
    steps = [order[:n] for n in numbers[:-1]]
    control = [[_spread(part, n, random) for n in numbers[:-1]] for part in equal[:CURVE_DRAWS]]
    sets = [np.zeros(0, np.int64), rows, *equal, *weighed, *steps, *(s for part in control for s in part)]
    off = np.zeros((len(sets), len(components)), bool)
    for condition, part in enumerate(sets):
        off[condition, part] = True
    held = np.zeros(len(components), np.float32) if rest is None else rest
    switches = [
        Switch(layer, off[:, components.rows(layer.name)], held[components.rows(layer.name)]) for layer in layers
    ]
    counts = {"equal": len(equal), "weighed": len(weighed), "steps": len(steps)}
    measured: dict[str, dict[Side, Measured]] = {}
    curve: list[Point] = []
    images: dict[str, int] = {}
    asked = {name: _measured(pictures, most) for name, pictures in data.items()}
    done, total = 0, sum(map(len, asked.values()))
    with tqdm(total=total, unit="image", desc="effect", disable=not progress) as bar:

        def count_batch(count: int) -> None:
            nonlocal done
            done += count
            bar.update(count)
            if on_step is not None:
                on_step(done, total)

        for name, pictures in data.items():
            read, answered = logits_under(
                model, pictures, asked[name], switches, batch_size, read=outputs, on_batch=count_batch
            )
            answers = Answers.of(outputs, answered, outputs.labels_of(pictures, read), number)
            images[name] = len(read)
            measured[name] = answers.sides(counts)
            curve += answers.curve(name, numbers, counts)
    return Effect(
        tuple(components[int(row)] for row in rows), "zero" if rest is None else "mean",
        outputs.classes[number], outputs.classes, images, measured, tuple(curve), draws, outputs.kind, outputs.note,
    )  # fmt: skip


def check(
    chosen: Sequence[int], data: Mapping[str, Images], *, draws: int, most: int, points: int, batch_size: int
) -> None:
    """The errors of `effect` about its settings."""
    if draws < 1:
        raise ValueError(f"draws={draws}; give at least one random set to compare with")
    for what, amount in (("most", most), ("points", points), ("batch_size", batch_size)):
        if amount < 1:
            raise ValueError(f"{what}={amount}; it is at least 1")
    if not len(chosen):
        raise ValueError("no components to switch off; give some, such as report.spurious")
    if not data:
        raise ValueError("no data set to measure on; give one, or several by name")
    for name, images in data.items():
        if not isinstance(images, Images):
            raise TypeError(f"the data set {name!r} is a {type(images).__name__}; make it with sl.images(…)")


def reading_of(
    model: torch.nn.Module, images: Images, target: int | str | Target, output: Chosen,
    outputs: Kind | Outputs | NoClasses | None,
) -> Outputs:  # fmt: skip
    """How the model's answers are read: as class scores, or as the one number of a target."""
    if isinstance(target, Target):
        if not isinstance(outputs, Outputs | NoClasses):
            outputs = decided(model, images, output, outputs)
        return as_number(model, images, target, output, outputs)
    if isinstance(outputs, NoClasses):
        raise outputs
    return outputs if isinstance(outputs, Outputs) else decide(model, images, output=output, outputs=outputs)


def check_classes(outputs: Outputs, data: Mapping[str, Images], target: int | str, most: int) -> int:
    """The number of the target; the errors of `effect` about classes and labels."""
    number = outputs.number(target)
    for name, images in data.items():
        if outputs.kind != "regression" and (outputs.labels_of(images, _measured(images, most)) < 0).any():
            raise ValueError(
                f"the data set {name!r} has no label that is one of the model's {len(outputs.classes)} classes for "
                "every image; give labels=… (and classes=…) to sl.images, or labels=… to effect"
            )
    return number


def _measured(images: Images, most: int) -> Int[np.ndarray, " image"]:
    return np.unique(np.linspace(0, len(images) - 1, min(most, len(images))).astype(np.int64))


def _equal_number(
    components: Components, rows: np.ndarray, alive: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """As many living components of each layer, whichever they are."""
    parts = []
    for layer in components.layers:
        there = np.arange(len(components))[components.rows(layer)]
        wanted = int(np.isin(there, rows).sum())
        parts.append(random.permutation(there[alive[there]])[:wanted])
    return np.concatenate(parts)


def _equal_relevance(
    components: Components, rows: np.ndarray, alive: np.ndarray, share: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Living components of each layer, drawn until their share comes as close as it gets to that of the chosen."""
    parts = []
    for layer in components.layers:
        there = np.arange(len(components))[components.rows(layer)]
        wanted = float(share[there[np.isin(there, rows)]].sum())
        if wanted <= 0:
            continue
        drawn = random.permutation(there[alive[there]])
        sums = np.concatenate([[0.0], np.cumsum(share[drawn])])
        parts.append(drawn[: int(np.abs(sums - wanted).argmin())])
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _spread(part: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
    return random.permutation(part)[:n]
