"""Describing and evaluating from a notebook: labels one may believe, a person's own words, readability scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import traitlets

from .. import cache, store
from ..clip import Clip, Probes, checked_templates
from ..describe import CONFIDENCE, Labels, describe
from ..describe.verb import check_settings
from ..evaluate import Evaluation, OnStep, evaluate
from ..images import Images
from ..keys import of_clip, used
from ..labelers import Labeler
from ..space import SemanticSpace, embed
from ..texts import well_formed
from ..verify import Verification, verify
from ..verify import check_settings as check_verification
from ..vocabularies import vocabulary
from .fitted import Part
from .searching import Searching

_KEPT_ON_DISK = 256  # words from which on a vocabulary's embedding is worth a file in the cache
_LONGEST = 200  # characters of a person's own label


@dataclass(frozen=True)
class ShownLabel:
    """What stands beside a component: a person's own word, else the best word and whether it is believed.

    `text` is the word; `margin` its lead over the second best, None for a person's own; not `confident`: the word
    is only the closest there is, and the component counts as unexplained.
    """

    text: str
    margin: float | None
    confident: bool
    own: bool


class Describing(Searching):
    """The verbs `describe`, `verify` and `evaluate`, with what they found last as live values."""

    labels = traitlets.Instance(Labels, allow_none=True, read_only=True, help="what `describe` found last, or None")
    evaluation = traitlets.Instance(Evaluation, allow_none=True, read_only=True, help="what `evaluate` found, or None")
    own_labels: Any = traitlets.Dict(
        help="a person's own labels: {'layer4:3': 'ruler'}; they win over computed ones"
    ).tag(live=True)

    @traitlets.validate("own_labels")
    def _valid_own_labels(self, proposal: Any) -> dict[str, str]:
        tidy: dict[str, str] = {}
        for component, text in proposal["value"].items():
            name = str(self.components[self.components.row(component)])
            if not isinstance(text, str):
                raise TypeError(f"own label {text!r} of {name}; a label is a text, and an empty one takes it away")
            words = " ".join(well_formed(text).split())
            if len(words) > _LONGEST:
                raise ValueError(f"own label of {len(words)} characters for {name}; at most {_LONGEST}")
            if words:
                tidy[name] = words
        return tidy

    def label_of(self, row: int) -> ShownLabel | None:
        """What to call a component, given by row: a person's own label, else the closest word; None without either."""
        own = self.own_labels.get(str(self.components[row])) if self.own_labels else None
        if own is not None:
            return ShownLabel(own, None, confident=True, own=True)
        if self.labels is None or not (words := self.labels.closest(row)):
            return None
        return ShownLabel(
            words[0], float(self.labels.margins[row]), confident=bool(self.labels.accepted[row, 0]), own=False
        )

    def describe(
        self,
        words: str | Path | Sequence[str] | None = None,
        k: int = 3,
        method: str | Labeler = "mean",
        *,
        level: float = CONFIDENCE,
        distinct: bool = False,
        templates: str | Sequence[str] | None = None,
        centre: bool | None = None,
        on_step: OnStep | None = None,
    ) -> Labels:
        """Label every component with the k best words of a vocabulary, or say that none explains it.

        words: a list, a text file with one word per line, "common" or "dermoscopy" (lists that come with the
        package); None takes the lens's own vocabulary, or "common" where it has none. A large vocabulary is
        embedded once and kept in the cache. Methods other than "mean" look at the space's sample of activations.
        See `describe` for the other parameters; when `on_step` raises, nothing changes. The answer is also in
        `labels`, and every window shows it.
        """
        centre = self._centre if centre is None else centre
        listed = vocabulary(words if words is not None else self.vocabulary if len(self.vocabulary) > 1 else "common")
        check_settings(k, level, method)
        seen: dict[str, Any] = {}
        if method != "mean":
            sample = self.space.sample
            if sample is None:
                raise ValueError(
                    f"the labeler {method!r} looks at a sample of activations, which this file was made without; fit "
                    "the lens anew with sample=500, or use method='mean'"
                )
            seen = {"activations": sample.activations, "image_vectors": sample.vectors}
        probes = self._vocabulary_probes(listed, templates, centre)
        labels = describe(
            self.space, probes, k=k, method=method, level=level, distinct=distinct, centre=centre,
            on_step=on_step, **seen,
        )  # fmt: skip
        with self.lock:
            self.set_trait("labels", labels)
        return labels

    def verify(
        self,
        labels: Labels | None = None,
        images: Images | None = None,
        *,
        strongest: float = 0.05,
        rounds: int = 200,
        progress: bool = True,
    ) -> Verification:
        """Hold labels (default: the last ones) against real activations on held-out images.

        images: pictures that the labels were not made from, as `sl.images(...)` with the model's transform; needs
        the model. None takes the space's own sample, in which each component's own examples do not count. See
        `verify`. ValueError before `describe`.
        """
        labels = self.labels if labels is None else labels
        if labels is None:
            raise ValueError("no labels to verify yet; call lens.describe() first")
        check_verification(strongest, rounds)
        if images is not None:
            activations, vectors = self.source.responses(images, progress=progress)
            return verify(labels, activations, vectors, strongest=strongest, rounds=rounds)
        sample = self.space.sample
        if sample is None:
            raise ValueError(
                "this file was made without a sample; give held-out images: lens.verify(images=sl.images(…))"
            )
        examples = self.space.examples
        used = np.arange(examples.images.shape[1]) < examples.counts[:, None]
        own = np.zeros((len(sample.images), len(labels)), bool)
        for row in range(len(labels)):
            own[:, row] = np.isin(sample.images, examples.images[row, used[row]])
        return verify(
            labels, sample.activations, sample.vectors, strongest=strongest, rounds=rounds, held_out=~own
        )  # fmt: skip

    def evaluate(self, clip: Any = None, *, progress: bool = True, on_step: OnStep | None = None) -> Evaluation:
        """Clarity, redundancy and polysemanticity of every component, with their null levels; also in `evaluation`.

        clip: another image model for the scores than for the words (the paper takes a vision-only one here), any
        object with the `Clip` protocol: the same examples are embedded with it, which needs the images.
        `on_step(done, in all)` is called now and then; what it raises ends the work, and nothing changes.
        """
        space = self.space if clip is None else self._seen_by(clip, progress)
        found = evaluate(space, on_step=on_step)
        with self.lock:
            self.set_trait("evaluation", found)
        return found

    def _seen_by(self, clip: Any, progress: bool) -> SemanticSpace:
        if not isinstance(clip, Clip):
            raise TypeError(f"clip is a {type(clip).__name__}; give sl.OpenClip(...) or an object like it: `sl.Clip`")
        recipe = replace(self.space.recipe, clip=clip.name)
        return embed(self.space.examples, self.source.images, clip, recipe, progress=progress)

    def _vocabulary_probes(self, words: tuple[str, ...], templates: str | Sequence[str] | None, centre: bool) -> Probes:
        if len(words) < _KEPT_ON_DISK:
            return self._text_probes(list(words), templates, centre)
        chosen = self._templates if templates is None else checked_templates(templates)
        clip = of_clip(self.clip)
        key = hashlib.sha256(json.dumps([words, chosen, centre, clip]).encode()).hexdigest()[:24]
        path = cache.place(f"{key}.words", clip)
        if path is None:
            return self._text_probes(list(words), templates, centre)
        if path.exists():
            try:
                kept = store.Stored(path)
                return Probes(words, kept["vectors"], self.clip.name, tuple(map(tuple, kept.document["unknown"])))
            except store.SemlensFileError:
                pass  # made again below
        probes = self._text_probes(list(words), templates, centre)
        used(self.clip)
        cache.kept(path, lambda: store.write(path, {"vectors": probes.vectors}, {"unknown": probes.unknown}))
        return probes

    def _parts(self) -> dict[str, Part]:
        parts = super()._parts()
        if self.own_labels:
            parts["own_labels"] = (dict(self.own_labels), {})
        if self.labels is not None:
            parts["labels"] = (self.labels.to_document(), self.labels.to_arrays())
        if self.evaluation is not None:
            parts["evaluation"] = (self.evaluation.to_document(), self.evaluation.to_arrays())
        return parts

    def _restore(self, parts: Mapping[str, Part]) -> None:
        super()._restore(parts)
        if "labels" in parts:
            self.set_trait("labels", Labels.from_document(self.space, *parts["labels"]))
        if "evaluation" in parts:
            self.set_trait("evaluation", Evaluation.from_document(self.space, *parts["evaluation"]))
        if "own_labels" in parts:
            self.own_labels = parts["own_labels"][0]
