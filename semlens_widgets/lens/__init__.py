"""The lens: what a notebook holds. A model, its images and a CLIP; the verbs as methods, the state as traits.

One module per verb; `fitted` is the ground they stand on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clip import Clip
from ..components import Component
from ..role import Role, spoken_for, streams
from ..space import SemanticSpace
from ..store import SemlensFileError
from .comparing import Comparing, compare_many, concept_table
from .describing import ShownLabel
from .fitted import NotFitted, Part, Source
from .keeping import audit_file
from .mapping import Mapping
from .reporting import Reporting

if TYPE_CHECKING:
    from ..figures import Figure
    from ..widgets import Window

__all__ = ["Lens", "NotFitted", "ShownLabel", "Source", "compare_many", "concept_table", "open"]


class Lens(Reporting, Comparing, Mapping):
    """A model seen through its images and a CLIP.

    Making one is cheap; `fit()` does the work (once: the result is cached under a hash of model, images,
    layers, parameters and CLIP). Then `search` and the other verbs answer, and the traits are live: setting
    `query` sets `hits`; `layer` restricts them to one layer; `selection` is the list of chosen components.

    model, images: the torch module, and `images(...)`: the one data set model and CLIP both look at.
    layers:  module names, wildcards such as "layer4.*", or `Layer(...)` for encoders, signs, tokens.
    clip:    `OpenClip(...)` or any object with the `Clip` protocol.
    k:       examples per component (the paper: 30).
    pooling: "max" or "mean" over places.
    crop:    "activation" crops examples to the region that excites the component, at `threshold` of the map's
             maximum; "crp" to the region its relevance comes from (slower, see `sl.crop`); None shows all that the
             model saw. Tight crops lose size and outline, whole images blur small concepts together.
    templates: sentences a text query is put into, each with one "{}".
    centre:  subtract each layer's mean vector before comparing, instead of the null probe of the paper.
    vocabulary: words the windows offer.
    null:    random images that say what chance looks like.
    sample:  random images on which all components are kept, to check answers on images that are no examples of
             theirs (0: no sample, answers rest on the examples alone).
    output:  which part of the model's answer holds its class scores, by name or number, or a function that gives it;
             by default what is called `logits`, or the only tensor [image class] there is.
    outputs: what the scores mean: "single" (one class per image), "binary" (one logit, two classes), "multi" (several
             labels at once), "regression" (numbers); by default what is certain. `lens.outputs` is what was decided.
    """

    def show(self) -> Window:
        """The lens as one window with all its views, live with this object both ways."""
        from ..widgets import Window

        return Window(self)

    def figure(self, view: str = "search", **options: Any) -> Figure:
        """What a view of the window shows now, as a figure: "search", "gallery", "card", "describe", "evaluate", ….

        `width_mm`, `theme` and further options are those of `semlens_widgets.figures`. NothingToShow (a ValueError)
        says what to do where the view has nothing to show yet.
        """
        from ..figures.views import figure_of_view

        return figure_of_view(self, view, **options)

    def role(self, component: int | str | Component) -> Role:
        """What a component does: its labels, the classes it speaks for and against, what feeds it and what it feeds.

        Each part is there as far as it is known: labels after `describe`, classes after `fit(relevance=True)` or
        `relate`, and the streams of relevance where model and images are at hand. The answer reads as a sentence.
        """
        row = self.components.row(component)
        found, shown = None, self.label_of(row)
        if self.has_data and len(self.components.layers) > 1 and self.space.alive[row]:
            source = self.source
            found = streams(
                self.space.examples, source.model, source.images, source.layers, row, pooling=source.pooling
            )
        near = [other for other, _ in (*found.fed, *found.feeds)] if found else []
        called = {other: label.text for other in near if (label := self.label_of(other)) and label.confident}
        words = () if self.labels is None else self.labels.closest(row)
        sure = shown is not None and shown.confident
        return Role(
            self.components[row],
            self.components,
            shown.text if shown and sure else None,
            shown.text if shown else None,
            tuple(word for word in words if shown is None or word != shown.text) if sure else (),
            () if self.relevance is None else spoken_for(self.relevance, row),
            found,
            called,
        )

    def to_html(self, path: str | os.PathLike[str], *, examples: int = 10, limit_mb: float | int = 50) -> Path:
        """Write one page that opens anywhere, offline: the window over the vocabulary and what was searched, with
        gallery, cards, map, labels, scores and audit, to look at; a comparison and a prediction are pictures below it.

        examples: pictures kept of each component. ValueError where the page would be larger than `limit_mb`.
        """
        from ..page import to_html

        return to_html(self, path, examples=examples, limit_mb=limit_mb)

    def _parts(self) -> dict[str, Part]:
        """With the answers that views need where no kernel is: in JupyterLab's file viewer, on a page of its own."""
        from ..widgets.recorded import recorded

        return super()._parts() | {"answers": recorded(self)}


def open(path: str | os.PathLike[str], clip: Clip | None = None, *, trust: bool = False) -> Lens:
    """A lens from a `.semlens` file. The audit that was saved beside it comes with it.

    clip:  the CLIP it was made with. Without one the file's own is loaded again, when it is first needed, if it is in
           open_clip's list of pretrained models or comes with this package. Anything else a file may name, such as
           another model of the hub or a folder, is neither loaded nor contacted: the lens opens without a CLIP, and
           says what its file asks for where one is needed.
    trust: load whatever CLIP the file names. Only for files from people you trust.

    FileNotFoundError, or SemlensFileError saying what is damaged.
    """
    opened = SemanticSpace.open(path)
    try:
        lens = Lens.of_space(opened.space, opened.extra, opened.attached, clip, trust)
    except SemlensFileError as error:
        raise error if str(path) in str(error) else SemlensFileError(f"{path}: {error}") from error
    lens.keep_audit(audit_file(Path(path)))
    return lens
