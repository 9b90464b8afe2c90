"""Explaining from a notebook: predictions, circuits, and each component's relevance for each class."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np
import traitlets
from PIL import Image

from .. import cache
from ..attribution.values import Backend
from ..circuit import Circuit, trace_circuit
from ..explain import ClassTarget, Explanation, explain, has_relevance
from ..images import Images, picture_in
from ..keys import made_from, settled
from ..model import Layer, resolve, stack
from ..outputs import NoClasses, Outputs, answering, decide
from ..passes import OnStep
from ..relevance import Relevance, Target, relevance
from ..relevance.verb import check
from .fitted import Part
from .searching import Searching

Self = TypeVar("Self", bound="Explaining")
_on_step: ContextVar[OnStep | None] = ContextVar("on_step", default=None)
Picture = int | np.integer | str | os.PathLike[str] | Image.Image


@contextmanager
def steps_told(on_step: OnStep) -> Iterator[None]:
    """Within, `on_step` is called on the way of each explanation that setting `image`, `target` or `method` makes.

    What it raises ends the explanation, and the trait stays as it was.
    """
    token = _on_step.set(on_step)
    try:
        yield
    finally:
        _on_step.reset(token)


class Explaining(Searching):
    """The verbs `explain`, `circuit` and `relate`, and the one prediction that windows look at.

    Setting `image` (a number of the data set, a name in it, a file, a PIL picture) sets `explanation`; `target` and
    `method` change what is explained about it and how.
    """

    image: Any = traitlets.Any(
        None, allow_none=True, help="the picture that is explained: a number of the data set, 'image:…', or None"
    ).tag(live=True)
    target = traitlets.Unicode(
        None, allow_none=True, help="the class that is explained, or None for the predicted one"
    ).tag(live=True)
    method: Any = traitlets.Unicode("auto", help="how: 'auto', 'lrp', 'gradient' or 'zennit'").tag(live=True)
    explanation = traitlets.Instance(
        Explanation, allow_none=True, read_only=True, help="the prediction for `image`, explained, or None"
    )
    relevance = traitlets.Instance(
        Relevance, allow_none=True, read_only=True, help="each component's relevance for each class, or None"
    )

    def _begin(self) -> None:
        super()._begin()
        self._explained: Explanation | None = None
        self._outputs: Outputs | None = None

    @property
    def outputs(self) -> Outputs:
        """How the model's answers are read, and what they are called: decided once, by asking the model.

        ValueError where they have no class scores, or several that may be, or do not say what they mean: then say it
        with `output=` or `outputs=` when the lens is made.
        """
        if self._outputs is None:
            s = self.source
            self._outputs = decide(s.model, s.images, output=s.output, outputs=s.outputs)
        return self._outputs

    # one prediction

    def explain(
        self,
        image: Picture,
        target: ClassTarget = None,
        *,
        method: Backend = "auto",
        layers: str | Layer | Sequence[str | Layer] | None = None,
        on_step: OnStep | None = None,
    ) -> Explanation:
        """Which components carried a prediction, where in the picture, and through which others.

        image:  a number of the data set, the name of one of its images, a file, or a PIL picture.
        target: a class by name or number, a function of the class scores [image class] (of the model's whole answer
                where it has none, as in detection) that gives one number per image, or None for the predicted class.
        method: "lrp", "gradient" (activation × gradient), "auto": LRP where it has a rule for all the model does, or
                "zennit": the implementation CRP was published with, slow, for torchvision's VGG and ResNets only.
        layers: by default those of the lens, so that rows are the lens's own.
        on_step: called with (passes done, in all); what it raises ends the work.

        KeyError with the nearest name for an unknown class or image; RuntimeError for a lens from a file, which has
        no model. The model is left as it was.
        """
        source = self.source
        found, name = self._picture(image)
        wanted = source.layers if layers is None else layers
        outputs: Any = source.outputs
        try:
            outputs = self.outputs
        except NoClasses:
            if not callable(target):
                raise
        return explain(
            source.model, source.images, found, wanted, target, method=method, output=source.output, outputs=outputs,
            name=name, on_step=on_step,
        )  # fmt: skip

    def _picture(self, image: Picture) -> tuple[int | Image.Image, str | None]:
        """(a number of the data set or a picture, what to call it)."""
        images = self.source.images
        if isinstance(image, int | np.integer) and not isinstance(image, bool):
            if not 0 <= image < len(images):
                raise IndexError(f"image {image}; the data set has 0 to {len(images) - 1}")
            return int(image), None
        if isinstance(image, Image.Image):
            return image, None
        if isinstance(image, str) and image.startswith("image:"):
            if image not in self._pictures:
                raise KeyError(f"no picture is kept as {image!r}; keep_image(picture) keeps one")
            return self._pictures[image], "the given picture"
        if isinstance(image, str | os.PathLike):
            return _named(images, os.fspath(image))
        raise TypeError(
            f"cannot explain a {type(image).__name__}; give a number of the data set, a name in it, a file, or a PIL "
            "picture"
        )

    def circuit(
        self,
        target: int | np.integer | str,
        top: int = 4,
        depth: int = 3,
        *,
        images: int = 32,
        method: Backend = "auto",
        layers: str | Layer | Sequence[str | Layer] | None = None,
        on_step: OnStep | None = None,
    ) -> Circuit:
        """How components feed each other for a class: the circuit averaged over some of its images.

        The images are the first `images` ones of the data set that bear the label, or, without labels that fit the
        model's outputs, that the model predicts to be of the class: those sampled in `relevance`, which then must
        have been computed. See `Circuit` for what the numbers mean, `explanation.circuit()` for one prediction.
        """
        source = self.source
        if top < 1 or depth < 1 or images < 1:
            raise ValueError(f"top={top}, depth={depth}, images={images}; all are at least 1")
        chosen, number, name = self._of_class(target, images)
        wanted = source.layers if layers is None else resolve(source.model, layers)
        usable = [layer for layer in wanted if has_relevance(layer)]
        inputs = stack([source.images.tensor(image) for image in chosen])
        reading = self.outputs.reading()
        with answering(source.model, reading):
            return trace_circuit(
                source.model, inputs, lambda given: reading.of_class(given, number), usable, method, target=name,
                top=top, depth=depth, on_step=on_step,
                components=self.components if self.fitted and layers is None else None,
            )  # fmt: skip

    def _of_class(self, target: int | np.integer | str, count: int) -> tuple[list[int], int, str]:
        """(images of a class, its number, its name)."""
        images = self.source.images
        if self.relevance is not None:
            number = self.relevance.number(target)
            chosen = self.relevance.images[self.relevance.targets == number][:count].tolist()
            name = self.relevance.classes[number]
        else:
            number = self.outputs.number(target)
            labels = self.outputs.labels_of(images, range(len(images)))
            if self.outputs.agreed is False or (labels < 0).all():
                raise ValueError(
                    "the data set does not say which images belong to a class; call lens.relate() first, which "
                    "explains each image for the class the model predicts"
                )
            chosen = np.flatnonzero(labels == number)[:count].tolist()
            name = self.outputs.classes[number]
        if not chosen:
            raise ValueError(f"no image of class {name!r} in the data set")
        return chosen, number, name

    def _class_number(self, target: int | np.integer | str) -> int | None:
        """The number of a class of the model; None where neither relevance nor model and images say which there are.

        KeyError with the nearest name, or IndexError, for a class that there is not.
        """
        if self.relevance is not None:
            return self.relevance.number(target)
        if not self.has_data:
            return None
        return self.outputs.number(target)

    # relevance over the data set

    def fit(self: Self, *, relevance: bool = False, **settings: Any) -> Self:
        """Collect examples, crop and embed them; with `relevance=True` also `relate()`. Returns the lens.

        What was done before is read from the cache; interrupt it any time, the next `fit` goes on where it was.
        The other settings are those of `Fitted.fit`: batch_size, fast, thumbnail, cached, progress.
        """
        if relevance:
            self._check_relevance()
        super().fit(**settings)
        if relevance and self.relevance is None:
            self.relate(**{name: settings[name] for name in ("cached", "progress") if name in settings})
        return self

    def _check_relevance(self) -> None:
        """ValueError, before any long work, for layers that have no relevance for a prediction."""
        encoded = [layer.name for layer in self.source.layers if not has_relevance(layer)]
        if encoded:
            raise ValueError(
                f"the layers {', '.join(encoded)} have an encoder on top (via=…), which the model does not run "
                "through: its outputs have no relevance for a prediction. Fit without relevance=True, or give the "
                "directions as an array [direction feature]"
            )

    def relate(
        self,
        *,
        target: Target = "auto",
        method: Backend = "auto",
        k: int = 8,
        sample: int | None = None,
        batch_size: int = 16,
        cached: bool = True,
        progress: bool = True,
        on_step: OnStep | None = None,
    ) -> Relevance:
        """Each component's relevance for each class, over the whole data set: sets and returns `relevance`.

        One pass, cached by content and resumable like `fit`; `save` keeps it in the file. `target` says which class
        an image is explained for, `k` how many most relevant images are kept per class and component, `sample` how
        many images' relevances per class: see `sl.relevance`. `on_step(done, total)` is called after each batch, and
        what it raises ends the pass.
        """
        source = self.source
        self._check_relevance()
        check(target, method, k, sample, batch_size)
        sampled = self.space.examples.sampled if self.fitted else None
        known = () if sampled is None else sampled.images.tolist()  # what the pictures show is known of these
        with settled(source.model, source.images, source.layers) if cached else nullcontext():
            path = self._relevance_file(target, method, k, sample) if cached else None
            found = relevance(
                source.model, source.images, source.layers, target=target, method=method, outputs=self.outputs, k=k,
                sample=sample, batch_size=batch_size, first=known, progress_file=path, progress=progress,
                on_step=on_step,
            )  # fmt: skip
        with self.lock:
            self.set_trait("relevance", found)
        return found

    def _relevance_file(self, *settings: Any) -> Path | None:
        """The file of what the relevance is made from; labels count too, which the examples do not depend on."""
        source = self.source
        made, images = made_from(source.model, source.images, source.layers), source.images
        labels = [images.label(i) for i in range(len(images))]
        text = json.dumps([made.model, made.images, made.layers, images.classes, labels, self.outputs.key, settings])
        return cache.place(f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.relevance", text)

    def _parts(self) -> dict[str, Part]:
        mine: dict[str, Part] = {}
        if self.relevance is not None:
            mine["relevance"] = (self.relevance.to_document(), self.relevance.to_arrays())
        return super()._parts() | mine

    def _restore(self, parts: Mapping[str, Part]) -> None:
        super()._restore(parts)
        if "relevance" in parts:
            document, arrays = parts["relevance"]
            self.set_trait("relevance", Relevance.from_document(self.components, document, arrays))

    # live state

    # The validators explain, so that what fails raises there, before anything has changed. None is not validated.

    @traitlets.validate("image")
    def _valid_image(self, proposal: Any) -> int | str:
        found, _ = self._picture(proposal["value"])
        term = found if isinstance(found, int) else self.keep_image(found)
        self._explained = self._shown(term, self.target, self.method)
        return term

    @traitlets.validate("target")
    def _valid_target(self, proposal: Any) -> str:
        target = str(proposal["value"])
        if self.image is None:
            self._class_number(target)
            return target
        self._explained = self._shown(self.image, target, self.method)
        return self._explained.target

    @traitlets.validate("method")
    def _valid_method(self, proposal: Any) -> str:
        method = proposal["value"]
        if method not in get_args(Backend):
            raise ValueError(f"method={method!r}; choose {', '.join(map(repr, get_args(Backend)))}")
        if self.image is not None:
            self._explained = self._shown(self.image, self.target, method)
        return str(method)

    def _shown(self, image: Picture, target: str | None, method: Backend) -> Explanation:
        return self.explain(image, target, method=method, on_step=_on_step.get())

    @traitlets.observe("image", "target", "method")
    def _explain_again(self, change: Any) -> None:
        if self.image is None:
            self._explained = None
        elif change["new"] is None:
            self._explained = self._shown(self.image, None, self.method)
        self.set_trait("explanation", self._explained)


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
