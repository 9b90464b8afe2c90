"""What a gallery of thousands sorts and filters by: columns of numbers, asked for one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..session import Session
from ..session.ranking import COLUMNS, about, classes_of_examples, column, examples_of, has_column
from .view import Verbs
from .wire import Answer

_MOST_CLASSES = 20  # whose column a file keeps: each takes four bytes a component


def listing(session: Session) -> Answer:
    """What there is to sort by, and `alive` and `density` [component], which every gallery filters by."""
    known = [{"name": name, "about": about(session, name)} for name in COLUMNS if has_column(session, name)]
    return {
        "columns": known,
        "classes": classes_of_examples(session),
        "alive": session.space.alive,
        "density": column(session, "density"),
    }


def numbers(session: Session, name: str) -> Answer:
    """One column, `numbers` [component], NaN where a component has none."""
    return {"numbers": column(session, name)}


def of_class(session: Session, name: str) -> Answer:
    """`numbers` [component]: the share of its strongest examples that are images of the class."""
    return {"numbers": examples_of(session, name)}


VERBS: Verbs = {"listing": listing, "column": numbers, "examples_of": of_class}


def recorded(session: Session) -> Iterator[tuple[str, dict[str, Any], Answer]]:
    """What a page of its own answers: all columns, and the classes where they are few."""
    known = listing(session)
    if len(known["classes"]) > _MOST_CLASSES:
        known["classes"] = []
    yield "listing", {}, known
    for entry in known["columns"]:
        yield "column", {"name": entry["name"]}, numbers(session, entry["name"])
    for name in known["classes"]:
        yield "examples_of", {"name": name}, of_class(session, name)
