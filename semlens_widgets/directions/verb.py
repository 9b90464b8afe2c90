"""The verb: a direction of a layer's features from pictures or words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from jaxtyping import Float

from ..clip import Clip
from ..images import Images
from ..model import Layer, alone_by_features, recording, stack
from ..model.layer import Asked
from ..outputs import Chosen, NoClasses, decided
from ..relevance.goals import goal_of
from ..targets import Target
from ..targets.given import Targetlike, of
from ..targets.scores import Output
from .fit import Fitted, Groups, Kind, fitted
from .pictures import Contrast, Shown, of_images, of_text
from .value import Direction, Sensitivity

if TYPE_CHECKING:
    import torch

_LEAST = 5


def direction(
    model: torch.nn.Module,
    images: Images,
    layer: str | Asked,
    *,
    from_images: Any = None,
    from_text: str | None = None,
    against: Any = None,
    clip: Clip | None = None,
    kind: Kind | str = "mean-difference",
    name: str | None = None,
    target: Targetlike = None,
    output: Chosen = None,
    count: int = 100,
    rounds: int = 200,
    batch_size: int = 64,
    seed: int = 0,
) -> Direction:
    """A concept that several neurons carry, as a component: a direction of a layer's features (CAV, Kim et al. 2018).

    Parameters
    ----------
    model, images
        The torch module and `sl.images(…)`.
    layer
        One, by name or as `sl.Layer` or `sl.Mlp`; a picture's features are their mean over places (`tokens=` of the
        layer).
    from_images
        What shows the concept: numbers of the data set, a mask [image], PIL pictures, `sl.images(…)`, or
        `sl.demo.pairs(…)` and other pairs of with and without.
    from_text
        Words instead: the `count` images that `clip` finds most like them (at most a quarter of 1,000), against as many
        from the half that it finds least like them. What it takes for the concept counts.
    against
        What does not show it, as `from_images`; random images of the data set unless given.
    clip
        The CLIP that reads the words.
    kind
        "mean-difference", from the mean of the others to that of the shown; "logistic", across the boundary of a
        logistic regression.
    name
        What to call it; by default the words, or what pairs differ in.
    target
        A class or a value of `sl.targets`: whether a step along the direction raises it, in the pictures that show the
        concept.
    output
        As in `sl.Lens`, which part of the model's answer holds the class scores.
    count
        How many images words choose.
    rounds
        Directions between random groups of the same pictures, which both are held against.
    batch_size
        Images that run through the model at once.
    seed
        Of random images, folds and groups.

    Returns
    -------
    Direction
        Its `layer` goes into `layers=[…]`, and is searched, described, audited, switched off as any component. One that
        tells pictures no better than random ones says so (`significant`).

    Notes
    -----
    ValueError for fewer than 5 pictures on a side, words that the CLIP does not know, a layer with `via` or `signed`.

    Examples
    --------
    >>> model, data = sl.demo.classifier(), sl.images(sl.demo.images(40), transform=sl.demo.transform())
    >>> found = sl.direction(model, data, "layer4", from_images=sl.demo.pairs("ruler", 20), rounds=20)
    >>> found.name, found.shown
    ('ruler', 20)
    """
    asked = alone_by_features(model, layer, "a direction")
    contrast = _contrast(images, from_images, from_text, against, clip, count, seed)
    if kind not in get_args(Kind):
        raise ValueError(f"kind={kind!r}; kinds are {', '.join(map(repr, get_args(Kind)))}")
    if rounds < 20:
        raise ValueError(f"rounds={rounds}; with fewer than 20 random directions nothing is significant")
    groups = _groups(model, images, asked, contrast, batch_size)
    found = fitted(groups, kind, rounds, seed)
    if not found.vector.any():
        raise ValueError(
            f"layer {asked.name!r} has the same features for both groups of pictures; choose another layer, or others"
        )
    shown = int(groups.shows.sum())
    sensitivity = None
    if target is not None:
        sensitivity = _sensitivity(model, images, asked, contrast.shown, found, target, output, clip, batch_size)
    return Direction(
        name or contrast.name, asked, kind, found.vector, found.auroc, found.line, found.p, shown,
        len(groups.shows) - shown, contrast.source, sensitivity,
    )  # fmt: skip


def _contrast(
    images: Images, from_images: Any, from_text: str | None, against: Any, clip: Clip | None, count: int, seed: int
) -> Contrast:
    if not isinstance(images, Images):
        raise TypeError(f"images is a {type(images).__name__}; make it with sl.images(folder, data set or list)")
    if (from_images is None) == (from_text is None):
        raise ValueError("what shows the concept? Give from_images=… or from_text=…, one of them")
    if from_text is None:
        return of_images(from_images, against, images, seed)
    if not isinstance(from_text, str) or not from_text.strip():
        raise ValueError(f"from_text={from_text!r}; give words, such as 'ruler'")
    if not isinstance(clip, Clip):
        raise ValueError("whose words are these? Give the CLIP that finds the images, clip=sl.OpenClip(…)")
    found = of_text(from_text.strip(), clip, images, count, seed)
    if against is None:
        return found
    others = of_images(against, None, images, seed).shown
    return Contrast(found.shown, others, False, found.name, found.source.partition(", against")[0])


def _groups(
    model: torch.nn.Module, images: Images, layer: Layer, contrast: Contrast, batch_size: int
) -> Groups:
    sides = [_means(model, images, layer, group, batch_size) for group in (contrast.shown, contrast.others)]
    if contrast.paired:
        both = np.intersect1d(sides[0][0], sides[1][0])
        sides = [(both, vectors[np.searchsorted(places, both)]) for places, vectors in sides]
    counts = [len(places) for places, _ in sides]
    if min(counts) < _LEAST:
        raise ValueError(
            f"{counts[0]} pictures that show {contrast.name!r} and {counts[1]} others can be read; a direction needs "
            f"at least {_LEAST} of each"
        )
    units = np.tile(np.arange(counts[0]), 2) if contrast.paired else np.arange(sum(counts))
    shows = np.repeat([True, False], counts)
    return Groups(np.concatenate([vectors for _, vectors in sides]), shows, units, contrast.paired)


def _means(
    model: torch.nn.Module, images: Images, layer: Layer, group: Shown, batch_size: int
) -> tuple[np.ndarray, Float[np.ndarray, "picture feature"]]:
    """(places in the group that could be read, each picture's mean features)."""
    places: list[int] = []
    found: list[np.ndarray] = []
    waiting: list[tuple[int, Any]] = []
    with recording(model, (layer,), quick=True) as recorder:

        def take() -> None:
            tensor = recorder.activations([item for _, item in waiting])[layer.name].float()
            found.append((tensor.flatten(2).mean(2) if tensor.ndim > 2 else tensor).cpu().numpy())
            places.extend(at for at, _ in waiting)
            waiting.clear()

        for one in group.tensors(images):
            waiting.append(one)
            if len(waiting) == batch_size:
                take()
        if waiting:
            take()
    vectors = np.concatenate(found) if found else np.zeros((0, 1), np.float32)
    if not np.isfinite(vectors).all():
        raise ValueError(f"layer {layer.name!r} gives NaN or infinite features; check the model's weights")
    return np.asarray(places, np.int64), vectors


def _sensitivity(
    model: torch.nn.Module, images: Images, layer: Layer, group: Shown, found: Fitted, target: Targetlike,
    output: Chosen, clip: Clip | None, batch_size: int,
) -> Sensitivity:  # fmt: skip
    from ..attribution import slopes

    read = decided(model, images, output, None)
    meant: Any = of(target, clip)
    if isinstance(meant, Output) and not isinstance(read, NoClasses):
        meant = read.number(meant.which)
    goal = goal_of(model, images, meant, output, read)
    items = [item for _, item in group.tensors(images)]
    parts = []
    for start in range(0, len(items), batch_size):
        some = stack(items[start : start + batch_size])
        with goal.asking(model, np.arange(start, start + len(some))):
            parts.append(slopes(model, some, goal, layer))
    along = np.concatenate(parts)  # picture feature
    slope, by_chance = along @ found.step, (along @ found.random.T).mean(0)
    extreme = int((np.abs(by_chance) >= abs(slope.mean())).sum())
    low, high = np.quantile(by_chance, (0.025, 0.975))
    name = meant.name if isinstance(meant, Target) else read.classes[meant]  # type: ignore[union-attr]
    share, p = float((slope > 0).mean()), (1 + extreme) / (1 + len(by_chance))
    return Sensitivity(name, share, float(slope.mean()), (float(low), float(high)), p, len(items))
