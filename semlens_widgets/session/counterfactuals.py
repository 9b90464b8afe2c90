"""The verb `counterfactual`: pairs of whatever was given, and what changes in the lens's model."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Int

from ..artefacts import Artefact
from ..counterfactual import Counterfactual, Pairs, check_controls
from ..counterfactual import counterfactual as compare_sides
from ..outputs import NoClasses, Outputs
from ..targets import Target
from ..targets.given import Targetlike
from ..targets.over import as_number
from .acting import aim
from .state import LiveState

PAIRS = 100  # of a data set, unless asked otherwise: told apart from chance are then millions of components

FREE = 0.4  # of the sampled images; an artefact is seldom on more than six of ten


def counterfactual(
    session: LiveState, what: Any = None, *, with_: Any = None, without: Any = None, images: Any = None,
    name: str | None = None, target: Targetlike = None, n: int = PAIRS, controls: Any = None, **settings: Any,
) -> Counterfactual:  # fmt: skip
    """See `Lens.counterfactual`."""
    source, components = session.source, session.components
    pairs = pairs_of(session, what, with_, without, images, name, n)
    controls = check_controls(controls)
    outputs, number = reading(session, target)
    return compare_sides(
        source.model, source.layers, components, pairs, source.images.prepared,
        spread=np.sqrt(session.space.examples.statistics.variance), outputs=outputs, target=number, controls=controls,
        pooling=source.pooling, **settings,
    )  # fmt: skip


def pairs_of(
    session: LiveState, what: Any, with_: Any = None, without: Any = None, images: Any = None, name: str | None = None,
    n: int = PAIRS,
) -> Pairs:  # fmt: skip
    """Pairs as they are given, or drawn onto pictures of the lens's own or of `images`."""
    if what is None:
        if with_ is None or without is None:
            raise ValueError(
                "pairs of what? Give an artefact such as sl.artefacts.Ruler(), sl.demo.pairs('ruler'), a list of "
                "(with, without), or both with_=… and without=…"
            )
        return Pairs(with_, without, name or "the difference")
    if with_ is not None or without is not None:
        raise ValueError("both pairs and with_=/without= were given; one of them says what differs")
    if not isinstance(what, Artefact):
        if images is not None:
            raise ValueError("images=… are pictures that an artefact is drawn onto; pairs have their own")
        return Pairs.of(what, name)
    if n < 1:
        raise ValueError(f"n={n}; give at least one picture")
    data: Any = session.source.images if images is None else images
    candidates = np.arange(len(data)) if images is not None else _without_it(session, what.kind, n)
    ids = candidates[np.unique(np.linspace(0, len(candidates) - 1, min(n, len(candidates))).astype(np.int64))]
    drawn = Pairs.drawn(what, data, ids)
    return drawn if name is None else Pairs(drawn.with_, drawn.without, name)


def _without_it(session: LiveState, kind: str, n: int) -> Int[np.ndarray, " image"]:
    """The images an artefact may be drawn onto: those of the sample that look least like it to the CLIP.

    On a picture that has one already, a second one changes little, and a component that encodes it seems to answer to
    pictures without. All images where nothing is sampled, or the CLIP does not know the word.
    """
    everything = np.arange(len(session.source.images))
    sample = session.space.sample
    if sample is None or len(sample) < n:
        return everything
    probes = session.probes([kind])
    if probes.unknown[0]:
        return everything
    likeness = sample.vectors @ probes.vectors[0]
    kept = max(n, round(FREE * len(sample)))
    return np.sort(sample.images[np.argsort(likeness, kind="stable")[:kept]])


def reading(session: LiveState, target: Targetlike) -> tuple[Outputs | None, int]:
    """How the model's answers are read, and which number of them is measured; None where there is none to measure."""
    source = session.source
    wanted = aim(session, target)
    if isinstance(wanted, Target):
        return as_number(source.model, source.images, wanted, source.output, source.classes), 0
    if wanted is None and isinstance(source.classes, NoClasses):
        return None, 0
    outputs = source.outputs
    return outputs, outputs.number(len(outputs.classes) - 1 if wanted is None else wanted)
