"""The report of a session: what was found and decided in it."""

from __future__ import annotations

from importlib.metadata import version

from ..effect import Effect
from ..session.state import LiveState
from .document import Report, report_of


def document(session: LiveState, effect: Effect | None = None, *, title: str | None = None) -> Report:
    """See `Lens.document`."""
    with session.lock:
        if session.report is None:
            raise ValueError("nothing to report yet; call lens.audit(checklist, target=…) first")
        return report_of(
            session.report, session.verdicts, effect, name=session.name, version=version("semlens-widgets"), title=title
        )  # fmt: skip
