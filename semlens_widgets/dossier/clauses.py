"""Which clauses of laws, guidances and standards ask for what, and what a report provides of it.

The lists (`clauses.json`) are our own short paraphrases, with number and source, made on the date they state; they are
no legal advice, and the texts themselves count. Nothing counts as provided that a person has not said, or a run not
measured.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ADVICE = (
    "The clauses are paraphrased by semlens_widgets, as of {dated}; this index is no legal advice. "
    "“Provided” says that something stands in the sections named, not that it is enough."
)


@dataclass(frozen=True)
class Clause:
    """A clause: its number as the index has it, what it is about, and what provides it: fields of a dossier by name,
    and what a run measures, led by "@"."""

    id: str
    about: str
    needs: tuple[str, ...]


@dataclass(frozen=True)
class ClauseList:
    """A text with clauses: its name, its source, and the clauses in order."""

    name: str
    source: str
    items: tuple[Clause, ...]


def _read() -> tuple[str, tuple[ClauseList, ...]]:
    document = json.loads(Path(__file__).with_name("clauses.json").read_text(encoding="utf-8"))
    lists = []
    for one in document["lists"]:
        items = tuple(Clause(item["id"], item["about"], tuple(item["needs"])) for item in one["items"])
        lists.append(ClauseList(one["name"], one["source"], items))
    return document["dated"], tuple(lists)


DATED, CLAUSES = _read()


@cache
def _ids() -> dict[str, str]:
    return {_plain(item.id): item.id for one in CLAUSES for item in one.items}


def _plain(clause: str) -> str:
    return re.sub(r"[\s,]+", " ", clause.replace("–", "-").casefold()).strip()


def known_clause(clause: str) -> str:
    """The clause as the index calls it. ValueError where there is none, with the nearest ones."""
    found = _ids().get(_plain(str(clause)))
    if found is None:
        near = difflib.get_close_matches(_plain(str(clause)), _ids(), n=3)
        named = ", ".join(repr(_ids()[one]) for one in near) or "'Annex IV 8', 'FDA 9', 'CLAIM 44', '42001 A.10'"
        raise ValueError(f"no clause is called {str(clause).strip()[:60]!r}; the index has {named}")
    return found


def index(
    said: Collection[str], not_applicable: Mapping[str, str], sections: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The index of a report: for each list its clauses, each "provided", "not provided" or "not applicable".

    said:     what there is: names of fields, and measurements led by "@".
    not_applicable: by clause the reason a person gave.
    sections: by need the section it stands in. What no report can have without a person or a run is missing there.

    A clause is provided where all it needs is there; `missing` names the rest, `sections` where the others stand.
    """
    made = []
    for one in CLAUSES:
        items = []
        for clause in one.items:
            missing = [need for need in clause.needs if need not in said]
            there = dict.fromkeys(sections[need] for need in clause.needs if need in said)
            because = not_applicable.get(clause.id)
            status = "not applicable" if because else "not provided" if missing else "provided"
            items.append({"id": clause.id, "about": clause.about, "status": status, "because": because,
                          "sections": list(there), "missing": missing})  # fmt: skip
        made.append({"name": one.name, "source": one.source, "dated": DATED, "items": items})
    return made
