"""Acting on an audit: components switched off in the model itself, and what that does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from jaxtyping import Float

from ..components import Component
from ..effect import DRAWS, Effect, check, check_classes, effect
from ..images import Images
from ..passes import OnStep
from ..switching import By, Switch, resting, switched_off
from .keeping import Keeping

if TYPE_CHECKING:
    import torch

_SAMPLE = 512  # images that say what the mean response is


class Acting(Keeping):
    """The verbs `without` and `effect`: they need the model, and leave it as it was."""

    def _begin(self) -> None:
        super()._begin()
        self._means: np.ndarray | None = None

    @contextmanager
    def without(self, components: Any = None, by: By = "zero") -> Iterator[torch.nn.Module]:
        """The model with components switched off: `with lens.without(report.spurious): …`.

        components: one or several, as rows, "layer4:64" or `Component`; None for what the last audit calls spurious.
        by:         "zero" holds their responses at 0, "mean" at their mean over (at most 512 of) the lens's images.

        It is your own model that changes, for as long as the block lasts; whatever happens in it, the model is then as
        it was. Blocks may be nested. What is fitted inside is cached as what it is, another model. See `switched_off`
        for what "off" means for tokens, signed components and directions. KeyError for a component that is not there.
        """
        source = self.source
        off = np.zeros((1, len(self.components)), bool)
        off[0, self._chosen(components)] = True
        rest = self._rest(by)
        if rest is None:
            rest = np.zeros(len(self.components), np.float32)
        rows = [self.components.rows(layer.name) for layer in source.layers]
        switches = [Switch(layer, off[:, r], rest[r]) for layer, r in zip(source.layers, rows, strict=True)]
        with switched_off(source.model, switches, source.images) as model:
            yield model

    def effect(
        self,
        components: Any = None,
        data: Images | Mapping[str, Images] | None = None,
        labels: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
        *,
        target: int | str | None = None,
        by: By = "zero",
        draws: int = DRAWS,
        most: int = 2000,
        points: int = 8,
        seed: int = 0,
        batch_size: int = 64,
        progress: bool = True,
        on_step: OnStep | None = None,
    ) -> Effect:
        """Switch components off and measure: accuracy, AUROC, recall and logit change, beside random components.

        components: as in `without`.
        data:       a data set (`sl.images(...)`) or several by name, such as {"clean": …, "with artefacts": …}; None
                    for the lens's own images.
        labels:     the class number of every image where the data do not say, by name where there are several (KeyError
                    for a name that no data set has).
        target:     the class that is measured; None for the audited one, else the last.
        draws, most, points: random sets, images of each data set, and points of the curve; see `effect`.
        on_step:    called with (images measured, images in all); what it raises ends the work.

        Random sets have as many components (and, where relevance is known, as much relevance) of each layer. No
        promise beyond what is measured: switching off is not retraining.
        """
        source = self.source
        chosen = self._chosen(components)
        sets: dict[str, Images] = dict(data) if isinstance(data, Mapping) else {"data": data or source.images}
        if labels is not None:
            given = labels if isinstance(labels, Mapping) else dict.fromkeys(sets, labels)
            if foreign := [name for name in given if name not in sets]:
                raise KeyError(f"labels for {foreign[0]!r}, which is no data set; there are {', '.join(sets)}")
            for name, numbers in given.items():
                if isinstance(sets[name], Images):
                    sets[name] = sets[name].labelled(numbers)
        wanted = self.audit_target if target is None else target
        share = None
        if self.relevance is not None and self.relevance.components == self.components:
            names = self.relevance.classes
            share = self.relevance.share_of(names[-1] if wanted is None else wanted)
        check(chosen, sets, draws=draws, most=most, points=points, batch_size=batch_size)
        _check_by(by)  # what it takes to know the means is long
        outputs = self.outputs
        number = check_classes(outputs, sets, len(outputs.classes) - 1 if wanted is None else wanted, most)
        return effect(
            source.model, source.layers, self.components, chosen, sets, number, alive=self.space.alive, share=share,
            rest=self._rest(by), draws=draws, most=most, points=points, seed=seed, batch_size=batch_size,
            outputs=outputs, progress=progress, on_step=on_step,
        )  # fmt: skip

    def _chosen(self, components: Any) -> list[int]:
        if components is None:
            if self.report is None:
                raise ValueError("which components? give some, such as 'layer4:64', or call lens.audit() first")
            components = self.report.spurious
        one = isinstance(components, str | Component | int | np.integer)
        listed: list[Any] = [components] if one else list(components)
        return [self.components.row(component) for component in listed]

    def _rest(self, by: By) -> Float[np.ndarray, " component"] | None:
        """What switched-off components are held at; None for zero."""
        _check_by(by)
        if by == "zero":
            return None
        if self._means is None:
            images = self.source.images
            ids = np.unique(np.linspace(0, len(images) - 1, min(_SAMPLE, len(images))).astype(np.int64))
            self._means = np.concatenate(resting(self.source.model, images, self.source.layers, ids))
        return self._means


def _check_by(by: By) -> None:
    if by not in get_args(By):
        raise ValueError(f"by={by!r}; components are held at 'zero' or at their 'mean'")
