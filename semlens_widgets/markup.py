"""The one engine that turns values into markup: jinja2 templates beside the code, in which every value is escaped."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import numbers

_HERE = Path(__file__).parent
_LONG = 500  # letters; longer texts get a box of their own that scrolls


def text(value: Any) -> Markup:
    """A person's text: in its own direction, and no longer than its place."""
    kind = ' class="long"' if len(str(value)) > _LONG else ""
    return Markup(f"<bdi{kind}>{{}}</bdi>").format(str(value))


def percent(share: float | int | None) -> str:
    """0.123 as "12.3 %", 0.0004 as "0.04 %"."""
    return "–" if share is None else f"{numbers.unsigned(share)} %"


def plain(value: float | int) -> str:
    """A number as short as it can be."""
    return f"{value:g}"


def moment(when: str) -> str:
    """The minute of a time in ISO 8601."""
    return when[:16].replace("T", " ")


def known(writer: Callable[..., str]) -> Callable[..., str]:
    """A writer of numbers that writes a dash for what is not known."""
    return lambda value, *options: "–" if value is None else writer(value, *options)


_FILTERS: dict[str, Callable[..., Any]] = {
    "text": text, "percent": percent, "signed": known(numbers.with_sign), "fixed": known(numbers.fixed),
    "plain": known(plain), "count": known(numbers.count), "share": known(numbers.signed), "moment": moment,
}  # fmt: skip


@cache
def environment() -> Environment:
    """Templates are named by their path in the package. What is not defined is an error, not nothing."""
    made = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= _FILTERS
    return made


def render(template: str, **values: Any) -> Markup:
    """A template with its values in it."""
    return Markup(environment().get_template(template).render(**values))


def file(name: str) -> Markup:
    """A file of the package, a style say, as it is."""
    return Markup((_HERE / name).read_text(encoding="utf-8"))
