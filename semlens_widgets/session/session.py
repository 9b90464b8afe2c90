"""The session: what follows when a live value is set. Windows talk to it, and a `Lens` is one."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import traitlets
from PIL import Image

from ..attribution.values import checked
from ..audit import Thresholds
from ..checklist import Checklist
from ..clip import checked_templates
from ..components import Component
from ..layout import Layout, OnTick
from ..search import Evidence, Matches
from ..targets import Target
from ..verdicts import Verdicts
from ..warned import Renamed
from . import auditing, comparing, describing, explaining, mapping, reading, searching
from .auditing import LensVerdicts
from .history import AUDIT, VALUES, step_of
from .map_state import COLOURS
from .query import tidy_words
from .state import LiveState


class Session(LiveState):
    """What a notebook and its windows hold together.

    Validators do the work, so that what fails raises there, before anything has changed; what they found is in `_next`
    until the trait is set. traitlets does not validate None.
    """

    def _start(self, *args: Any) -> None:
        super()._start(*args)
        for name in (*VALUES, *AUDIT):  # makes its default, so that the first change knows what was before
            getattr(self, name)
        self.recording = True

    # searching

    @traitlets.validate("query")
    def _valid_query(self, proposal: Any) -> str:
        query = searching.tidy_query(self, proposal["value"])
        self._next["hits"] = searching.answer(self, query, self.layer, self.template) if query else None
        return query

    @traitlets.validate("layer")
    def _valid_layer(self, proposal: Any) -> str | None:
        layer: str | None = proposal["value"]
        if layer is not None:
            self.components.rows(layer)
        self._next["hits"] = searching.answer(self, self.query, layer, self.template) if self.query else None
        return layer

    @traitlets.validate("template")
    def _valid_template(self, proposal: Any) -> str | None:
        template: str | None = proposal["value"]
        if template is not None:
            checked_templates(template)
        self._next["hits"] = searching.answer(self, self.query, self.layer, template) if self.query else None
        return template

    @traitlets.observe("query", "layer", "template")
    def _answered(self, change: Any) -> None:
        if change["new"] is None:
            asked = self.query, self.layer, self.template
            self._next["hits"] = searching.answer(self, *asked) if self.query else None
        self.set_trait("hits", self._next.get("hits"))

    @traitlets.validate("selection")
    def _valid_selection(self, proposal: Any) -> list[Component]:
        chosen = [self.components[self.components.row(c)] for c in proposal["value"]]
        return list(dict.fromkeys(chosen))

    def keep_image(self, picture: Image.Image) -> str:
        """Keep a picture for queries; the term it gets, 'image:…', can stand in `query` like a word."""
        return self.probe_cache.keep(picture)

    def answer(self, query: str, layer: str | None = None, by: Evidence = "both") -> Matches:
        """All components ranked by a query in the grammar of `query`: terms joined, '-terms' pushed away.

        `layer` restricts the answer to one; `by` says which evidence counts, see `search`. ValueError for an empty
        query.
        """
        return searching.answer(self, query, layer, self.template, by)

    # describing, comparing, the map

    @traitlets.validate("own_labels")
    def _valid_own_labels(self, proposal: Any) -> dict[str, str]:
        return describing.tidy_labels(self, proposal["value"])

    @traitlets.validate("map_colour")
    def _valid_map_colour(self, proposal: Any) -> str:
        wanted: str = proposal["value"]
        if wanted not in COLOURS:
            raise ValueError(f"map_colour={wanted!r}; colours can show {', '.join(COLOURS)}")
        return wanted

    @traitlets.validate("other")
    def _valid_other(self, proposal: Any) -> str | None:
        name: str | None = proposal["value"]
        if name is not None and name not in self.compared:
            known = ", ".join(map(repr, self.compared)) or "none yet; call lens.compare(other)"
            raise ValueError(f"{self.name} was not compared with {name!r}; it was with {known}")
        return name

    @traitlets.observe("other")
    def _other_chosen(self, change: Any) -> None:
        other = self.compared.get(change["new"])
        self.set_trait("comparison", None if other is None else other.comparison)

    @traitlets.validate("concepts")
    def _valid_concepts(self, proposal: Any) -> list[str]:
        return tidy_words(proposal["value"])

    def current_layout(self) -> Layout:
        """The layout a map shows now: the last one made, or the principal coordinates until there is one."""
        return mapping.current_layout(self)

    def wait_for_layout(self, on_tick: OnTick, whole: bool = False) -> Layout:
        """The layout there is, or UMAP made now; whoever asks while it is being made waits for the same one.

        whole: of all components, where there is a preview of some. `on_tick`: see `layout.umap`.
        """
        return mapping.wait_for_layout(self, on_tick, whole)

    shown_layout, settled_layout = Renamed("current_layout"), Renamed("wait_for_layout")

    def current_overlay(self) -> tuple[Layout, Layout]:
        """The last `overlay` of this model and `other`, or that by PCA."""
        return comparing.current_overlay(self)

    shown_overlay = Renamed("current_overlay")

    # explaining

    @traitlets.validate("image")
    def _valid_image(self, proposal: Any) -> int | str:
        picture, _ = explaining.picture_of(self, proposal["value"])
        term = picture if isinstance(picture, int) else self.keep_image(picture)
        self._next["explanation"] = explaining.explain_live(self, image=term)
        return term

    @traitlets.validate("target")
    def _valid_target(self, proposal: Any) -> str | Target | None:
        target = explaining.live_target(self, proposal["value"])
        if self.image is None or target is None:
            return target
        self._next["explanation"] = found = explaining.explain_live(self, target=target)
        return found.target if isinstance(target, str) and found.number is not None else found.as_target

    @traitlets.validate("method")
    def _valid_method(self, proposal: Any) -> str:
        method = checked(proposal["value"])
        if self.image is not None:
            self._next["explanation"] = explaining.explain_live(self, method=method)
        return str(method)

    @traitlets.observe("image", "target", "method")
    def _explained(self, change: Any) -> None:
        if self.image is None:
            self._next["explanation"] = None
        elif change["new"] is None:
            self._next["explanation"] = explaining.explain_live(self, target=None)
        self.set_trait("explanation", self._next.get("explanation"))

    # auditing

    @property
    def report_layer(self) -> str | Sequence[str] | None:
        """The layer or layers that the last audit was restricted to; None for all."""
        return self.audit_session.layer

    @property
    def reviewed(self) -> tuple[int, int]:
        """(concepts decided about, concepts of the checklist); a concept counts when it or its best component does."""
        return auditing.reviewed(self)

    def refresh_audit(self) -> bool:
        """Take in what other notebooks wrote to the same audit file; True where they did. Windows ask by themselves."""
        return auditing.refresh_audit(self)

    def watch_audit(self) -> None:
        """From now on take in what other notebooks write, as soon as they do, for as long as this lens is there."""
        auditing.watch_audit(self)

    @traitlets.default("verdicts")
    def _no_verdicts(self) -> Verdicts:
        return LensVerdicts((), self)

    @traitlets.default("auditor")
    def _this_person(self) -> str:
        try:
            return os.environ.get("SEMLENS_AUDITOR") or getpass.getuser()
        except (KeyError, OSError):
            return ""

    @traitlets.validate("checklist")
    def _valid_checklist(self, proposal: Any) -> Checklist:
        checklist: Checklist = proposal["value"]
        if not self.audit_session.quiet:
            self._next["report"] = auditing.report_with(self, checklist=checklist)
        return checklist

    @traitlets.validate("audit_target")
    def _valid_audit_target(self, proposal: Any) -> str:
        target: str = proposal["value"]
        if self.audit_session.quiet:
            return target
        self._next["report"] = report = auditing.report_with(self, target=target)
        return target if report is None or report.target is None else report.target

    @traitlets.validate("audit_level")
    def _valid_audit_level(self, proposal: Any) -> float:
        level = Thresholds(proposal["value"]).p
        if not self.audit_session.quiet:
            self._next["report"] = auditing.report_with(self, level=level)
        return level

    @traitlets.validate("verdicts")
    def _valid_verdicts(self, proposal: Any) -> Verdicts:
        given: Verdicts = proposal["value"]
        if self.reading is None:
            return LensVerdicts(given.entries, self)
        work = self.audit_session
        seen, hidden = self.reading.shown_to(given, self.auditor)
        work.withheld = work.withheld.merge(hidden)
        return LensVerdicts(seen.entries, self)

    @traitlets.observe("auditor", "reading")
    def _reader_changed(self, change: Any) -> None:
        reading.show_again(self)
        if not self.audit_session.quiet and change["name"] == "reading":
            auditing.changed(self)

    @traitlets.observe("dossier")
    def _dossier_changed(self, change: Any) -> None:
        if not self.audit_session.quiet:
            auditing.changed(self)

    @traitlets.observe("checklist", "verdicts", "audit_target", "audit_level")
    def _audit_changed(self, change: Any) -> None:
        if self.audit_session.quiet:
            return
        name = change["name"]
        if name in ("checklist", "verdicts"):
            after, old = self.audit_state(), change["old"]
            if name == "verdicts":
                old = Verdicts((*old.entries, *self.audit_session.withheld.entries))
            self.audit_session.remember(replace(after, **{name: old}), after)
        if name != "verdicts":
            self.set_trait("report", self._next.get("report"))
        auditing.changed(self)

    @traitlets.observe(*VALUES, *AUDIT)
    def _remember_step(self, change: Any) -> None:
        if not self.recording or self.audit_session.quiet or change["old"] == change["new"]:
            return
        step = step_of(change["name"], change["old"], change["new"])
        self.set_trait("history", self.history.with_step(step))

    @traitlets.observe("own_labels")
    def _named(self, change: Any) -> None:
        if not self.audit_session.quiet:
            auditing.exchange(self)

    @traitlets.observe("relevance")
    def _weighed_anew(self, change: Any) -> None:
        with self.lock:
            auditing.follow_relevance(self)
