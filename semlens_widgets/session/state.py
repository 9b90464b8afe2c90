"""The state of one lens, as cells, windows and figures see it: a space, its CLIP, a lock, and live values."""

from __future__ import annotations

import difflib
import functools
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, TypeVar

import numpy as np
import traitlets
from jaxtyping import Float

from ..audit import AuditReport, Thresholds
from ..audit.state import AuditState
from ..checklist import Checklist
from ..clip import Clip, Probes
from ..compare import Comparison
from ..components import Components
from ..describe import Labels
from ..dossier import Dossier
from ..evaluate import Evaluation
from ..explain import Explanation
from ..layout import Layout
from ..outputs import Outputs
from ..readers import Reading
from ..relevance import Relevance
from ..search import Matches
from ..space import SemanticSpace
from ..verdicts import Verdicts
from ..vocabularies import vocabulary as words_of
from ..warned import warn
from .audit_session import AuditSession
from .history import History
from .labels import ShownLabel
from .map_state import COLOURS, MapState
from .probes import ProbeCache
from .source import Source

T = TypeVar("T")
TRACKED = 16  # words of the vocabulary that are compared unless others are named
_PLAIN = ("lock", "vocabulary", "name", "probe_cache", "map_state", "audit_session", "compared", "clip_spec",
          "recording")  # fmt: skip


_ALIVE: weakref.WeakSet[LiveState] = weakref.WeakSet()
_CHANGING = threading.Lock()


def alive() -> list[LiveState]:
    """The lenses that there are in this process, in no order."""
    with _CHANGING:
        return list(_ALIVE)


class NotFitted(RuntimeError):
    """The lens has no semantic space yet.

    Examples
    --------
    >>> issubclass(sl.NotFitted, RuntimeError)
    True
    """


def _found(kind: type[T], help: str) -> traitlets.Instance[T | None]:
    """A trait that a verb sets: what it found last, or None."""
    return traitlets.Instance(kind, allow_none=True, read_only=True, help=help)


class LiveState(traitlets.HasTraits):
    """The values of a lens as traits, and the parts that hold one idea each.

    Traits tagged `live` are set by cells and windows, under the lock; `Session` says what follows. The verbs are
    functions of a state, one module per idea.
    """

    query = traitlets.Unicode(
        "", help="what is searched: words or files of pictures, separated by commas; '-word' pushes away"
    ).tag(live=True)
    layer = traitlets.Unicode(None, allow_none=True, help="the one layer that is searched, or None for all").tag(
        live=True
    )
    template = traitlets.Unicode(
        None, allow_none=True, help="the sentence that words of `query` are put into, or None for the lens's own"
    ).tag(live=True)
    selection: Any = traitlets.List(help="the chosen components, primary first").tag(live=True)
    hits = _found(Matches, "the answer to `query`, or None")

    own_labels: Any = traitlets.Dict(
        help="a person's own labels: {'layer4:3': 'ruler'}; they win over computed ones"
    ).tag(live=True)
    labels = _found(Labels, "what `describe` found last, or None")
    evaluation = _found(Evaluation, "what `evaluate` found, or None")

    map_colour = traitlets.Unicode("label", help=f"what colours show on the map: {', '.join(COLOURS)}").tag(live=True)
    layout = _found(Layout, "what `compute_layout` made last, or None")

    image: Any = traitlets.Any(
        None, allow_none=True, help="the picture that is explained: a number of the data set, 'image:…', or None"
    ).tag(live=True)
    target: Any = traitlets.Any(
        None, allow_none=True,
        help="what is explained: a class by name, a value of `sl.targets`, or None for what the model predicts",
    ).tag(live=True)  # fmt: skip
    method: Any = traitlets.Unicode("auto", help="how: 'auto', 'lrp', 'gradient' or 'zennit'").tag(live=True)
    explanation = _found(Explanation, "the prediction for `image`, explained, or None")
    relevance = _found(Relevance, "each component's relevance for each class, or None")

    other = traitlets.Unicode(
        None, allow_none=True, help="which of `others` is compared with: its name, or None before `compare`"
    ).tag(live=True)
    concepts: Any = traitlets.List(traitlets.Unicode(), help="words that are compared, one row each").tag(live=True)
    comparison = _found(Comparison, "this model (A) against `other` (B), or None")

    checklist = traitlets.Instance(Checklist, args=(), help="what is expected of the model").tag(live=True)
    verdicts = traitlets.Instance(Verdicts, help="what people decided").tag(live=True)
    audit_target = traitlets.Unicode(None, allow_none=True, help="the class that is audited").tag(live=True)
    audit_level = traitlets.Float(Thresholds.p, help="the p of the null above which a concept counts").tag(live=True)
    dossier = traitlets.Instance(Dossier, args=(), help="what people say of the model and its audit").tag(live=True)
    reading: Any = traitlets.Instance(
        Reading, allow_none=True, help="who reads the audit blind, or None; see `begin_reading`"
    ).tag(live=True)
    auditor = traitlets.Unicode(help="who decides, as verdicts state it").tag(live=True)
    report = _found(AuditReport, "what the audit found, or None")
    audit_notice = traitlets.Unicode("", read_only=True, help="what was restored, or could not be saved")
    undoable = traitlets.Bool(False, read_only=True, help="whether `undo` has something to take back")
    redoable = traitlets.Bool(False, read_only=True, help="whether `redo` has something to do again")
    history = traitlets.Instance(History, args=(), read_only=True, help="what was done, step by step, to be taken back")
    edit_conflicts: Any = traitlets.Tuple(
        read_only=True, help="what two notebooks changed at the same time, each in its own way: `EditConflict`s"
    )

    def _start(self, source: Source | None, probes: ProbeCache, vocabulary: Any, name: str) -> None:
        """The parts and values a state begins with, before anything is fitted."""
        self.lock = threading.RLock()
        with _CHANGING:
            _ALIVE.add(self)
        self.name = name
        self.vocabulary: Sequence[str] = words_of(vocabulary) if vocabulary else ()
        self.probe_cache = probes
        self.clip_spec: dict[str, str] | None = None  # what its file asks for
        self.map_state = MapState()
        self.audit_session = AuditSession()
        self.compared: dict[str, Other] = {}
        self.recording = False  # whether changes are steps of the history
        self._source = source
        self._space: SemanticSpace | None = None
        self._next: dict[str, Any] = {}  # what setting a trait makes of another, found before it is set
        self.set_trait("concepts", list(self.vocabulary[:TRACKED]))

    def _adopt(self, space: SemanticSpace) -> None:
        """Have this space from now on."""
        self._space = space if self._source is None else space.with_originals(self._source.images)
        if space.examples.unreadable:
            name, why = space.examples.unreadable[0]
            warn(
                f"{len(space.examples.unreadable)} images could not be read and were skipped, first {name} ({why}); "
                "all are in lens.unreadable",
            )

    def __setattr__(self, name: str, value: Any) -> None:
        """One live change at a time: cells and windows set them from threads of their own.

        AttributeError for a name that a lens does not have: `lens.qurey = "hair"` would change nothing.
        """
        if not name.startswith("_") and name not in _PLAIN and not hasattr(type(self), name):
            near = difflib.get_close_matches(name, self.live(), n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise AttributeError(f"a lens has no {name!r} to set{hint}; live are {', '.join(sorted(self.live()))}")
        if name in self.live():
            with self.lock:
                super().__setattr__(name, value)
        else:
            super().__setattr__(name, value)

    @classmethod
    @functools.cache
    def live(cls) -> frozenset[str]:
        """The traits that cells and windows set."""
        return frozenset(cls.class_trait_names(live=True))

    # what is at hand

    @property
    def fitted(self) -> bool:
        """Whether there is a semantic space: after `fit()`, or opened from a file."""
        return self._space is not None

    @property
    def space(self) -> SemanticSpace:
        """The semantic space. NotFitted before `fit()`."""
        if self._space is None:
            raise NotFitted("this lens is not fitted yet; call lens.fit() first")
        return self._space

    @property
    def components(self) -> Components:
        """All components in row order. NotFitted before `fit()`."""
        return self.space.components

    @property
    def unreadable(self) -> tuple[tuple[str, str], ...]:
        """Images that were skipped: (name, reason)."""
        return self.space.examples.unreadable

    @property
    def source(self) -> Source:
        """Model, images and parameters. RuntimeError for a lens opened from a file, which has no model."""
        if self._source is None:
            raise RuntimeError(
                "this lens was opened from a file and has no model or images at hand; make it with sl.Lens"
            )
        return self._source

    @property
    def has_data(self) -> bool:
        """Whether model and images are at hand, not only the space."""
        return self._source is not None

    @property
    def outputs(self) -> Outputs:
        """How the model's answers are read, and what they are called: decided once, by asking the model.

        ValueError where they have no class scores, or several that may be, or do not say what they mean: then say it
        with `output=` or `outputs=` when the lens is made.
        """
        return self.source.outputs

    @property
    def clip(self) -> Clip:
        """The CLIP. RuntimeError where a lens opened from a file has none at hand."""
        return self.probe_cache.clip

    @property
    def clip_or_none(self) -> Clip | None:
        """The CLIP, or None where a lens opened from a file has none at hand."""
        return self.probe_cache.clip_or_none

    @property
    def how_to_get_clip(self) -> str:
        """What to do where a lens from a file has no CLIP at hand, and why it has none."""
        return self.probe_cache.advice

    @property
    def lacks(self) -> tuple[str, ...]:
        """What a lens from a file does not have at hand: its model and images, which explaining, relevance and crops
        of the originals need, and its CLIP, which new words need. All else works without them."""
        absent = (("model and images", self._source is None), ("CLIP", self.clip_or_none is None))
        return tuple(name for name, is_absent in absent if is_absent)

    @property
    def value_range(self) -> tuple[float, float] | None:
        """The numbers that are black and white in pictures of more than 8 bits, where the data set states them."""
        return self.probe_cache.value_range

    @property
    def others(self) -> dict[str, Any]:
        """The lenses this one was compared with, by the names they are called here."""
        return {name: other.state for name, other in self.compared.items()}

    # what is said of components

    def label_of(self, row: int) -> ShownLabel | None:
        """What to call a component, given by row: a person's own label, else the closest word; None without either."""
        return ShownLabel.of(self.components[row], row, self.labels, self.own_labels)

    def selected_rows(self) -> list[int]:
        """The selection as row numbers of the space."""
        return [self.components.row(c) for c in self.selection]

    def probes(self, words: Sequence[str]) -> Probes:
        """Texts (`words`) as probes, with the lens's own templates; embedded once and remembered."""
        return self.probe_cache.of_words(list(words))

    def known_words(self) -> tuple[str, ...]:
        """The words that can be searched without a CLIP: those asked so far, or kept in the file."""
        return self.probe_cache.known_words()

    @property
    def own_relevance(self) -> Relevance | None:
        """The relevance where it is of all components of the space, row by row."""
        known = self.relevance
        return known if known is not None and known.components == self.components else None

    @property
    def relevance_shares(self) -> Float[np.ndarray, " component"] | None:
        """Each component's part of all that moved in its layer, the mean over classes; None before `relate()`."""
        known = self.own_relevance
        return None if known is None else np.asarray(known.share[known.counts > 0].mean(0))

    def audit_state(self) -> AuditState:
        """All that people decided about the audit, as a value."""
        made_from = {}
        if self.fitted:
            recipe = self.space.recipe
            made_from = {"model": recipe.weights, "images": recipe.images, "clip": recipe.clip, "key": recipe.key}
        return AuditState(
            self.checklist, self.all_verdicts, self.audit_target, self.thresholds, made_from, dict(self.own_labels),
            self.edit_conflicts, self.dossier, self.reading,
        )  # fmt: skip

    @property
    def all_verdicts(self) -> Verdicts:
        """The verdicts together with those that are withheld from the present auditor."""
        return Verdicts((*self.verdicts.entries, *self.audit_session.withheld.entries))

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds of the audit: those of the last one, with the level that is set now."""
        return replace(self.audit_session.thresholds, p=self.audit_level)

    # as text

    def __repr__(self) -> str:
        return f"<Lens on {self.name}: {self._about()}>"

    def _repr_html_(self) -> str:
        return f"<b>Lens on {escape(self.name)}</b><br>{escape(self._about())}"

    def _about(self) -> str:
        if self._space is None:
            names = ", ".join(layer.name for layer in self.source.layers)
            return f"{names}; {len(self.source.images):,} images; {self.source.clip.name}; not fitted, call fit()"
        c, e = self._space.components, self._space.examples
        layers = ", ".join(f"{n} ({s})" for n, s in zip(c.layers, c.sizes, strict=True))
        dead = int((~self._space.alive).sum())
        return (
            f"{len(c):,} components in {layers}{f', {dead} of them dead' if dead else ''}; {e.images.shape[1]} "
            f"examples each from {e.statistics.images:,} images; {self._space.recipe.clip}"
            + (f"; at hand without {' and '.join(self.lacks)}" if self.lacks else "")
            + ("" if (audit := self.audit_state()).empty else f"; audit with {audit.summary}")
        )


@dataclass
class Other:
    """Another model that this one was compared with, and what came of it."""

    state: Any
    comparison: Comparison
    overlay: tuple[Layout, Layout] | None = None
