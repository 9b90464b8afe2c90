"""The report of a session: what was found and decided in it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from ..dossier import Dossier
from ..effect import Effect
from ..sections import Measurement
from ..session.state import LiveState
from ..versions import found_versions
from .document import Report, report_of
from .failures import failures


def document(
    session: LiveState, effect: Effect | None = None, *, title: str | None = None, dossier: Dossier | None = None,
    sections: Sequence[Measurement] = (),
) -> Report:  # fmt: skip
    """See `Lens.document`."""
    with session.lock:
        if session.report is None:
            raise ValueError("nothing to report yet; call lens.audit(checklist, target=…) first")
        reading = session.reading
        if reading is not None and not reading.open:
            raise ValueError(
                f"a blind reading goes on ({reading.waiting}), and a report would show each reader the verdicts of the "
                "other; finish with lens.finish_reading(), or end it with lens.reading = None"
            )
        said = session.dossier if dossier is None else dossier
        return report_of(
            session.report, session.verdicts, effect, name=session.name, version=version("semlens-widgets"),
            title=title, dossier=None if said.empty else said, sections=sections, reading=reading,
            failures=failures(session, session.report), environment=found_versions(),
        )  # fmt: skip
