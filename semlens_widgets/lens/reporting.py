"""Handing in: the audit of a lens as one document."""

from __future__ import annotations

import os
from pathlib import Path

from ..effect import Effect
from ..report import Report, report_of
from .acting import Acting


class Reporting(Acting):
    """The verb `write_report`."""

    def document(self, effect: Effect | None = None, *, title: str | None = None) -> Report:
        """The last audit with its decisions (and an `effect`, if one was measured) as a `Report`.

        ValueError before the first audit.
        """
        from .. import __version__

        with self.lock:
            if self.report is None:
                raise ValueError("nothing to report yet; call lens.audit(checklist, target=…) first")
            return report_of(
                self.report, self.verdicts, effect, name=self.name, version=__version__, title=title
            )  # fmt: skip

    def write_report(
        self, path: str | os.PathLike[str], effect: Effect | None = None, *, title: str | None = None
    ) -> Path:
        """Write the report as `.html`, `.md`, `.json` or `.csv`, by the ending.

        The HTML is one file that opens offline and prints. `sl.Report.from_file("x.json")` makes all of them again.
        """
        return self.document(effect, title=title).save(path)
