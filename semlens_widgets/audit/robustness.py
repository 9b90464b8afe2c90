"""Which findings stay when something about the audit is changed that should make no difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from jaxtyping import Bool

from ..results import Result
from ..sections import Section, Table
from ..texts import plural
from .report import AuditReport

WHAT = {
    "k": "examples of a component", "templates": "sentences the prompts are put into",
    "prompts": "prompts of a concept", "sample": "sampled images",
    "others": "another lens: other crops, another CLIP, other images",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Robustness(Result):
    """Which findings of an audit stay under changes that should make no difference.

    Attributes
    ----------
    concepts, kinds
        Of the checklist, in order.
    changes
        [(what was changed, how)], such as ("k", "10 examples").
    found, used
        [concept], in the audit itself.
    found_then, used_then
        [concept change], the same after each change.
    has_relevance
        Whether relevance was known; used is False throughout without it.
    without
        What was asked for and could not be changed here, with the reason.

    Examples
    --------
    >>> _ = lens.audit(sl.Checklist(spurious=["ruler"]), target="melanoma", progress=False)
    >>> stable = lens.robustness(by=["k"])
    >>> stable.stays.shape
    (1,)
    """

    concepts: tuple[str, ...]
    kinds: tuple[str, ...]
    changes: tuple[tuple[str, str], ...]
    found: Bool[np.ndarray, " concept"]
    used: Bool[np.ndarray, " concept"]
    found_then: Bool[np.ndarray, "concept change"]
    used_then: Bool[np.ndarray, "concept change"]
    has_relevance: bool = True
    without: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls, audit: AuditReport, changed: Mapping[tuple[str, str], AuditReport],
        without: Mapping[str, str] | None = None,
    ) -> Robustness:  # fmt: skip
        """What stays of an audit in those audits of the same concepts that are made otherwise.

        Parameters
        ----------
        audit
            The audit itself.
        changed
            Audits of the same concepts, by what was changed and how.
        without
            What could not be changed here, with the reason.

        Returns
        -------
        Robustness
            What stays.
        """
        found, used = _columns(audit)
        then = [_columns(report) for report in changed.values()]
        nothing = np.zeros((len(found), 0), bool)
        return cls(
            tuple(f.name for f in audit.findings), tuple(f.kind for f in audit.findings), tuple(changed), found, used,
            np.stack([f for f, _ in then], 1) if then else nothing,
            np.stack([u for _, u in then], 1) if then else nothing,
            audit.has_relevance, tuple((without or {}).items()),
        )  # fmt: skip

    @property
    def stays(self) -> Bool[np.ndarray, " concept"]:
        """Whether a concept is found or not, and used or not, as in the audit, under every change."""
        same = (self.found_then == self.found[:, None]) & (self.used_then == self.used[:, None])
        return np.asarray(same.all(1))

    @property
    def sentence(self) -> str:
        """How many findings stay, in words."""
        changes = plural(len(self.changes), "change")
        told = f"{int(self.stays.sum())} of {plural(len(self.concepts), 'concept')} stay as they are under {changes}"
        fall = [name for name, stays in zip(self.concepts, self.stays, strict=True) if not stays]
        return f"{told}; these do not: {', '.join(fall)}" if fall else told

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per concept: found and used as it is, and in how many of the changes of each kind."""
        rows = []
        for at, (name, kind) in enumerate(zip(self.concepts, self.kinds, strict=True)):
            row: dict[str, Any] = {"concept": name, "kind": kind, "found": bool(self.found[at]),
                                   "used": bool(self.used[at]), "stays": bool(self.stays[at])}  # fmt: skip
            for what in self._kinds_of_change:
                chosen = [n for n, (kind_of, _) in enumerate(self.changes) if kind_of == what]
                row[f"found, {what}"] = f"{int(self.found_then[at, chosen].sum())} of {len(chosen)}"
                row[f"used, {what}"] = f"{int(self.used_then[at, chosen].sum())} of {len(chosen)}"
            rows.append(row)
        return rows

    @property
    def _kinds_of_change(self) -> list[str]:
        return list(dict.fromkeys(what for what, _ in self.changes))

    def section(self) -> Section:
        """What a report says of it."""
        heads = ["Concept", "As it is"]
        heads += [f"{'Found and used' if self.has_relevance else 'Found'} with other {what}" if what != "others" else
                  "By other lenses" for what in self._kinds_of_change]  # fmt: skip
        rows = []
        for at, row in enumerate(self.to_rows()):
            cells = [row["concept"], self._words(at)]
            for what in self._kinds_of_change:
                cells.append(row[f"found, {what}"] + (f"; {row[f'used, {what}']}" if self.has_relevance else ""))
            rows.append([*cells, "yes" if row["stays"] else "no"])
        table = Table([*heads, "Stays"], rows, note=self._note())
        told = [f"{self.sentence}.", *(f"Not changed: {what}, because {why}." for what, why in self.without)]
        data = {"changes": [list(change) for change in self.changes], "rows": self.to_rows()}
        return Section("robustness", "Which findings stay", told, [table], data)

    def _words(self, at: int) -> str:
        found = "found" if self.found[at] else "not found"
        return f"{found}, {'used' if self.used[at] else 'not used'}" if self.has_relevance else found

    def _note(self) -> str:
        parts = []
        for what in self._kinds_of_change:
            listed = ", ".join(how for kind, how in self.changes if kind == what)
            parts.append(f"{what} ({WHAT.get(what, what)}): {listed}")
        return "Changed one at a time. " + "; ".join(parts) + "." if parts else ""

    def __repr__(self) -> str:
        lines = [f"<Robustness: {self.sentence}>"]
        for at, row in enumerate(self.to_rows()):
            told = ", ".join(f"{name} {row[name]}" for name in row if ", " in name)
            lines.append(f"  {row['concept'][:24]:<24} {self._words(at):<20} {told}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = self.to_rows()
        heads = "".join(f"<th>{escape(name)}</th>" for name in (rows[0] if rows else ()))
        cells = "".join(
            f"<tr>{''.join(f'<td>{escape(str(value))}</td>' for value in row.values())}</tr>" for row in rows
        )
        return f"<p>{escape(self.sentence)}.</p><table><tr>{heads}</tr>{cells}</table>"


def _columns(audit: AuditReport) -> tuple[np.ndarray, np.ndarray]:
    """(found, used) [concept]."""
    return (np.asarray([f.state == "found" for f in audit.findings], bool),
            np.asarray([f.used or f.elsewhere for f in audit.findings], bool))  # fmt: skip
