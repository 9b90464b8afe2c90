"""The verbs `explain`, `circuit`, `relate` and `role`: what carried predictions, and what components do in them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .. import cache
from ..attribution.values import FORWARDS, Method, checked, key_of
from ..circuit import Circuit, trace_circuit
from ..components import Component
from ..explain import Explanation, has_relevance
from ..explain import explain as explain_picture
from ..faithfulness import BACKWARDS, MAPS, VERSION, Choice, Faithfulness, check, choose, choose_for
from ..images import Images, picture_in
from ..keys import made_from, settled
from ..model import Layers, resolve, stack
from ..outputs import Outputs, answering
from ..passes import OnStep
from ..relevance import Relevance
from ..relevance import Target as Explained
from ..relevance import relevance as relevance_of
from ..relevance.verb import check_settings
from ..role import Role, class_relevance, streams
from ..targets.given import Targetlike, of, of_document
from ..targets.goal import Goal
from ..targets.over import highest, over
from ..targets.scores import ClassGoal, Output
from ..targets.value import Target
from .source import Source
from .state import LiveState

Picture = int | np.integer | str | os.PathLike[str] | Image.Image
_told: ContextVar[tuple[OnStep | None, OnStep | None]] = ContextVar("told", default=(None, None))


@contextmanager
def progress_callback(on_step: OnStep, on_measure: OnStep | None = None) -> Iterator[None]:
    """Within, `on_step` is called on the way of each explanation that setting `image`, `target` or `method` makes, and
    `on_measure` while the model is measured for it.

    What they raise ends the explanation, and the trait stays as it was.
    """
    token = _told.set((on_step, on_measure))
    try:
        yield
    finally:
        _told.reset(token)


# one prediction


def explain(
    session: LiveState, image: Picture, target: Targetlike = None, *, method: Method = "auto",
    layers: Layers | None = None, on_step: OnStep | None = None,
    on_measure: OnStep | None = None,
) -> Explanation:  # fmt: skip
    """See `Lens.explain`; `on_measure` is called while the model is measured, by default `on_step`."""
    source = session.source
    found, name = picture_of(session, image)
    wanted = source.layers if layers is None else layers
    checked(method)
    aim, outputs = of(target, source.clip), source.classes
    if isinstance(aim, Output) and isinstance(outputs, Outputs):
        outputs.number(aim.which)  # KeyError or IndexError before anything is measured
    return explain_picture(
        source.model, source.images, found, wanted, aim, method=method, output=source.output, outputs=outputs,
        name=name, check=True, on_step=on_step, on_measure=on_measure or on_step,
    )  # fmt: skip


def choice_for(session: LiveState, layers: Any, method: Method, on_step: OnStep | None = None) -> Choice | None:
    """What is known of methods for classes and these layers, that by name among them; None where no layer has
    relevance, or the model no class scores."""
    source = session.source
    possible = [layer for layer in resolve(source.model, layers) if has_relevance(layer)]
    outputs = source.classes
    if not possible or not isinstance(outputs, Outputs):
        return None
    return choose(source.model, source.images, possible, outputs, method=method, on_step=on_step)


def explain_live(session: LiveState, **changed: Any) -> Explanation:
    """The explanation of the live `image`, `target` and `method`, of which some are about to change."""
    live = {"image": session.image, "target": session.target, "method": session.method} | changed
    told = _told.get()
    return explain(
        session, live["image"], live["target"], method=live["method"], on_step=told[0], on_measure=told[1]
    )


def live_target(session: LiveState, target: Targetlike | Mapping[str, Any]) -> str | Target | None:
    """What the trait `target` becomes: a class by its name, all else as a value; also what a window wrote.

    KeyError or IndexError for a class that there is not.
    """
    clip = session.source.clip if session.has_data else None
    found = of(of_document(target) if isinstance(target, Mapping) else target, clip)
    if isinstance(found, Output):
        outputs = session.source.classes if session.has_data else None
        if isinstance(outputs, Outputs):
            return outputs.classes[outputs.number(found.which)]
        if session.relevance is not None:
            return session.relevance.classes[session.relevance.number(found.which)]
        return found.which if isinstance(found.which, str) else found
    return found


def picture_of(session: LiveState, image: Picture) -> tuple[int | Image.Image, str | None]:
    """(a number of the data set or a picture, what to call it)."""
    images = session.source.images
    if isinstance(image, int | np.integer) and not isinstance(image, bool):
        if not 0 <= image < len(images):
            raise IndexError(f"image {image}; the data set has 0 to {len(images) - 1}")
        return int(image), None
    if isinstance(image, Image.Image):
        return image, None
    if isinstance(image, str) and image.startswith("image:"):
        pictures = session.probe_cache.pictures
        if image not in pictures:
            raise KeyError(f"no picture is kept as {image!r}; keep_image(picture) keeps one")
        return pictures[image], "the given picture"
    if isinstance(image, str | os.PathLike):
        return _named(images, os.fspath(image))
    raise TypeError(
        f"cannot explain a {type(image).__name__}; give a number of the data set, a name in it, a file, or a PIL "
        "picture"
    )


def _named(images: Images, name: str) -> tuple[int | Image.Image, str | None]:
    """An image of the data set by name, or a file."""
    number = images.number(name)
    if number is not None:
        return number, None
    path = Path(name)
    if not path.is_file():
        first = f", such as {images.name(0)!r}," if len(images) else ""
        raise KeyError(f"{name!r} is neither an image of the data set{first} nor a file; or give a number or a picture")
    try:
        return picture_in(path, images.value_range), path.name
    except ValueError as error:
        raise ValueError(f"{name!r} cannot be opened: {error}") from error


def circuit(
    session: LiveState, target: Targetlike, top: int, depth: int, images: int, method: Method,
    layers: Layers | None, on_step: OnStep | None,
) -> Circuit:  # fmt: skip
    """See `Lens.circuit`."""
    source = session.source
    if top < 1 or depth < 1 or images < 1:
        raise ValueError(f"top={top}, depth={depth}, images={images}; all are at least 1")
    wanted = source.layers if layers is None else resolve(source.model, layers)
    usable = [layer for layer in wanted if has_relevance(layer)]
    if isinstance(target, str | int | np.integer) and isinstance(source.classes, Outputs):
        chosen, number, _ = _of_class(session, target, images)
        goal: Goal = ClassGoal(source.classes, number)
    else:
        goal = goal_over(source, of(target, source.clip))
        chosen = highest(goal, source.model, source.images, images)
    inputs = stack([source.images.tensor(image) for image in chosen])
    checked(method)
    choice = None
    if method in ("auto", *FORWARDS):
        if goal.of_scores and isinstance(source.classes, Outputs):
            choice = choice_for(session, usable, "auto", on_step)
        else:
            choice = choose_for(source.model, inputs, goal, usable, on_step=on_step)
    nodes = choice.components if choice is not None and method == "auto" else method
    with answering(source.model, goal.read):
        return trace_circuit(
            source.model, inputs, goal, usable, method if choice is None else choice.circuits, target=goal.name,
            components=session.components if session.fitted and layers is None else None, nodes=nodes,
            top=top, depth=depth, on_step=on_step,
        )  # fmt: skip


def goal_over(source: Source, target: Target | None) -> Goal:
    """A target for all images of the data set. ValueError for none, and for one that belongs to one picture."""
    if target is None:
        raise ValueError("what is to be explained? Give a class, a value of sl.targets, or a function of the output")
    return over(source.model, source.images, target, source.output, source.classes)[0]


def _of_class(session: LiveState, target: int | np.integer | str, count: int) -> tuple[list[int], int, str]:
    """(images of a class, its number, its name)."""
    images, relevance = session.source.images, session.relevance
    if relevance is not None:
        number = relevance.number(target)
        chosen = relevance.images[relevance.targets == number][:count].tolist()
        name = relevance.classes[number]
    else:
        outputs = session.source.outputs
        number = outputs.number(target)
        labels = outputs.labels_of(images, range(len(images)))
        if outputs.agreed is False or (labels < 0).all():
            raise ValueError(
                "the data set does not say which images belong to a class; call lens.relate() first, which "
                "explains each image for the class the model predicts"
            )
        chosen = np.flatnonzero(labels == number)[:count].tolist()
        name = outputs.classes[number]
    if not chosen:
        raise ValueError(f"no image of class {name!r} in the data set")
    return chosen, number, name


def class_number(session: LiveState, target: int | np.integer | str) -> int | None:
    """The number of a class of the model; None where neither relevance nor model and images say which there are.

    KeyError with the nearest name, or IndexError, for an unknown class.
    """
    if session.relevance is not None:
        return session.relevance.number(target)
    return session.outputs.number(target) if session.has_data else None


# relevance over the data set


def check_relevance(session: LiveState) -> None:
    """ValueError, before any long work, for layers that have no relevance for a prediction."""
    encoded = [layer.name for layer in session.source.layers if not has_relevance(layer)]
    if encoded:
        raise ValueError(
            f"the layers {', '.join(encoded)} have an encoder on top (via=…), which the model does not run "
            "through: its outputs have no relevance for a prediction. Fit without relevance=True, or give the "
            "directions as an array [direction feature]"
        )


def relate(
    session: LiveState, *, target: Explained | Targetlike = "auto", method: Method = "auto", k: int = 8,
    sample: int | None = None, cached: bool = True, batch_size: int = 16, **options: Any,
) -> Relevance:  # fmt: skip
    """See `Lens.relate`."""
    source = session.source
    check_relevance(session)
    target = as_explained(session, target)
    check_settings(target, method, k, sample, batch_size)
    sampled = session.space.examples.sampled if session.fitted else None
    known = () if sampled is None else sampled.images.tolist()  # what the pictures show is known of these
    with settled(source.model, source.images, source.layers) if cached else nullcontext():
        choice = None
        if isinstance(source.classes, Outputs) and not isinstance(target, Target):
            choice = choose(source.model, source.images, source.layers, source.classes, method=method, cached=cached)
        how = (key_of(choice.components if choice and method == "auto" else method), VERSION)
        path = _relevance_file(session, target, how, k, sample) if cached else None
        found = relevance_of(
            source.model, source.images, source.layers, target=target, method=method, output=source.output,
            outputs=source.classes, k=k, sample=sample, batch_size=batch_size, first=known, progress_file=path,
            choice=choice, check=True, **options,
        )  # fmt: skip
    with session.lock:
        session.set_trait("relevance", found)
        if isinstance(target, Target):
            session.audit_session.aim = found.classes[0], target
    return found


def as_explained(session: LiveState, target: Explained | Targetlike) -> Explained | Target:
    """What images are explained for: labels, predictions and numbers of classes as they are, all else as a value.

    Of a model without class scores a number or name is a class of its map or of its boxes.
    """
    if target is None or (isinstance(target, str) and target in ("auto", "label", "predicted")):
        return target or "auto"  # type: ignore[return-value]
    found, outputs = of(target, session.source.clip), session.source.classes
    if isinstance(found, Output) and isinstance(outputs, Outputs):
        with suppress(KeyError):  # no class: `check` says what there is
            return outputs.number(found.which)
        return target  # type: ignore[return-value]
    return found or "auto"


def _relevance_file(session: LiveState, target: Explained | Target, *settings: Any) -> Path | None:
    """The file of what the relevance is made from; labels count too, which the examples do not depend on."""
    source, images = session.source, session.source.images
    reads = source.classes.key if isinstance(source.classes, Outputs) else str(source.classes)
    settings = (target.key if isinstance(target, Target) else target, *settings)
    made = made_from(source.model, source.images, source.layers)
    labels = [images.label(i) for i in range(len(images))]
    text = json.dumps([made.model, made.images, made.layers, images.classes, labels, reads, settings])
    return cache.place(f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.relevance", text)


# is it true of this model


def faithfulness(
    session: LiveState, n: int, methods: Sequence[Method] | None, layers: Any, sample: int, cached: bool,
    on_step: OnStep | None,
) -> Faithfulness:  # fmt: skip
    """See `Lens.check_relevance`."""
    source = session.source
    if n < 1 or sample < 2:
        raise ValueError(f"n={n}, sample={sample}; at least one picture, and two components")
    wanted = source.layers if layers is None else resolve(source.model, layers)
    usable = [layer for layer in wanted if has_relevance(layer)]
    if not usable:
        raise ValueError("none of the layers has relevance for a prediction (via=…); there is nothing to check")
    asked = (*BACKWARDS, "integrated") if methods is None else tuple(checked(method) for method in methods)
    if "auto" in asked:
        raise ValueError("'auto' is what is chosen by this; name methods, such as 'lrp' and 'gradient'")
    maps = MAPS if methods is None else [m for m in asked if m not in FORWARDS]
    return check(
        source.model, source.images, usable, source.outputs, asked, maps, n=n, sample=sample, cached=cached,
        on_step=on_step,
    )  # fmt: skip


# one component


def role(session: LiveState, component: int | str | Component) -> Role:
    """See `Lens.role`."""
    components, labels, relevance = session.components, session.labels, session.relevance
    row = components.row(component)
    found, shown = None, session.label_of(row)
    if session.has_data and len(components.layers) > 1 and session.space.alive[row]:
        source = session.source
        found = streams(session.space.examples, source.model, source.images, source.layers, row, pooling=source.pooling)
    near = [other for other, _ in (*found.upstream, *found.downstream)] if found else []
    called = {other: label.text for other in near if (label := session.label_of(other)) and label.confident}
    words = () if labels is None else labels.closest(row)
    sure = shown is not None and shown.confident
    return Role(
        components[row],
        components,
        shown.text if shown and sure else None,
        shown.text if shown else None,
        tuple(word for word in words if shown is None or word != shown.text) if sure else (),
        () if relevance is None else class_relevance(relevance, row),
        found,
        called,
    )
