"""The report as Markdown: text and tables, in which every value is escaped so that it stays text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

from jinja2 import Environment

from .. import markup, numbers
from ..audit.report import ORDER
from .handed_in import handed_in
from .html import by_share, columns_of, is_of_a_class, verdict_on, with_signed_shares

_MOST_UNEXPECTED = 12
# Letters that draw nothing, and those that turn the rest of the line round.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>:])")


class Safe(str):
    """Markdown that is meant as such: numbers, and what was escaped."""


def escaped(value: Any) -> Safe:
    """One line in which nothing is markup: the one escape of every value."""
    if isinstance(value, Safe):
        return value
    line = _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", " ".join(str(value).split()))
    return Safe(_SPECIAL.sub(r"\\\1", escape(line, quote=False)).replace("$", "&#36;"))  # no formulas


def page(d: Mapping[str, Any]) -> str:
    """The whole document."""
    values = handed_in(d)  # of the document as it was sealed
    d = with_signed_shares(d)
    made = _environment().get_template("report/templates/report.md.j2").render(
        d=d,
        shares=_shares(d),
        concepts=_concepts(d),
        unexpected=_unexpected(d),
        number_unexpected=sum(c["region"] == "unexpected" for c in d["components"]),
        effect_heads=_effect_heads(d["effect"]),
        measured=_measured(d["effect"]),
        history=[
            [v["subject"], v["decision"] or "–", v["label"] or "–", v["note"] or "–", v["who"], v["when"][:16]]
            for v in d["history"]
        ],
        failed=_failed,
        pairs=lambda listed: [[one["what"], one["why"]] for one in listed],
        risks=_risks,
        disagreements=_disagreements,
        clauses=lambda one: [_clause(item, values["outline"]) for item in one["items"]],
        signatures=lambda dossier: [[s["name"], s["role"], "", ""] for s in dossier.get("signatories", ())],
        **values,
    )  # fmt: skip
    return made.rstrip("\n") + "\n"


@cache
def _environment() -> Environment:
    """As for HTML, but with the escape of Markdown on everything that a template puts out."""
    made: Environment = markup.environment().overlay(autoescape=False, finalize=escaped)
    safe = {name: _safe(made.filters[name]) for name in ("count", "plain", "fixed")}
    made.filters = {**made.filters, "code": _code, "table": _table, "said": _said, "measured": _measured_in,
                    **safe}  # fmt: skip
    return made


def _safe(function: Any) -> Any:
    return lambda *given: Safe(function(*given))


def _code(value: str) -> Safe:
    """A hash or key as code; as text where it has letters that no such thing has."""
    return Safe(f"`{value}`") if re.fullmatch(r"[\w.,:@/+-]+", value) else escaped(value)


def _table(rows: Sequence[Sequence[Any]], *heads: str) -> Safe:
    lines = [heads, [Safe("---")] * len(heads), *rows]
    return Safe("\n".join(f"| {' | '.join(map(escaped, cells))} |" for cells in lines))


def _percent(value: float | int | None) -> Safe:
    return Safe(markup.percent(value))


def _signed(share: float | int | None) -> Safe:
    return Safe("–" if share is None else numbers.signed(share))


def _number(value: float | int | None, digits: int = 1, sign: bool = False) -> Safe:
    if value is None:
        return Safe("–")
    return Safe(numbers.with_sign(value, digits) if sign else numbers.fixed(value, digits))


def _interval(row: Mapping[str, Any], key: str, digits: int, sign: bool = False) -> Safe:
    if row.get(key) is None:
        return Safe("–")
    low, high = (_number(row.get(f"{key}_{end}"), digits, sign) for end in ("low", "high"))
    return Safe(f"{_number(row[key], digits, sign)} [{low}, {high}]")


def _state(concept: Mapping[str, Any]) -> str:
    return f"{concept['state']}, best refuted by sampled images" if concept.get("refuted") else str(concept["state"])


def _shares(d: Mapping[str, Any]) -> list[list[Any]]:
    return [
        [region, d["counts"].get(region, 0), _percent(mean), Safe(f"{_percent(low)} – {_percent(high)}")]
        for region, (mean, low, high) in ((r, d["shares"][r]) for r in ORDER if r in d["shares"])
    ]


def _concepts(d: Mapping[str, Any]) -> list[list[Any]]:
    verdict_of = {v["subject"]: v for v in d["verdicts"]}
    return [
        [
            c["group"], c["concept"], c["kind"], _state(c), c["components"], c["best"] or "–", _number(c["z"]),
            _signed(c["signed"][0]), _interval(c, "effect", 2, True), c["direction"] or "–",
            (verdict_on(c, verdict_of) or {}).get("decision") or "–", c["message"],
        ]
        for c in d["concepts"]
    ]  # fmt: skip


def _unexpected(d: Mapping[str, Any]) -> list[list[Any]]:
    listed = by_share(c for c in d["components"] if c["region"] == "unexpected")
    return [
        [c["component"], _signed(c["signed"]), c["label"] or "–"]
        for c in listed[:_MOST_UNEXPECTED]
    ]


def _effect_heads(effect: Mapping[str, Any] | None) -> list[str]:
    if effect is None:
        return []
    changed = "logit change" if is_of_a_class(effect) else f"change of {effect['target']}"
    return ["data", "side", *columns_of(effect).values(), changed]


def _measured(effect: Mapping[str, Any] | None) -> list[list[Any]]:
    if effect is None:
        return []
    columns = columns_of(effect)
    return [
        [row["data"], row["side"], *(_interval(row, name, 3) for name in columns), _interval(row, "change", 2, True)]
        for row in effect["measured"]
    ]


def _said(fields: Sequence[Mapping[str, Any]]) -> Safe:
    """What people say, a paragraph for each field."""
    return Safe("\n\n".join(f"**{escaped(f['title'])}:** {escaped(f['text'] or 'not provided')}" for f in fields))


def _measured_in(place: str, by_place: Mapping[str, Sequence[Mapping[str, Any]]]) -> Safe:
    """The measurements of one place of the report; nothing where there are none."""
    blocks = []
    for section in by_place.get(place, ()):
        blocks += [f"## {escaped(section['title'])}", *map(escaped, section["paragraphs"])]
        for table in section["tables"]:
            rows = [[_of_cell(cell) for cell in row] for row in table["rows"]]
            blocks += [f"**{escaped(table['title'])}**"] if table["title"] else []
            blocks += [_table(rows, *table["heads"])] + ([escaped(table["note"])] if table["note"] else [])
    return Safe("".join(f"{block}\n\n" for block in blocks))


def _of_cell(cell: Sequence[str]) -> str:
    return cell[0] if len(cell) == 1 else f"{cell[0]} [{cell[1]}, {cell[2]}]"


def _failed(listed: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    return [[one["image"], one["label"], _number(one["logit"], 2, True)] for one in listed]


def _risks(findings: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    return [
        [one["finding"], one["concept"]["message"] if one["concept"] else "–",
         *(one[name] or "not provided" for name in ("residual", "owner", "action"))]
        for one in findings
    ]  # fmt: skip


def _disagreements(reading: Mapping[str, Any]) -> list[list[Any]]:
    rows = []
    for one in reading["disagreements"]:
        settled = one["settled"]
        words = f"{settled['decision']}: {settled['note']} ({settled['who']})" if settled else "not settled"
        rows.append([one["subject"], *one["decisions"], words])
    return rows


def _clause(item: Mapping[str, Any], outline: Mapping[str, int]) -> list[Any]:
    told = item["status"]
    if told == "not applicable":
        told = f"not applicable, because {item['because'] or ''}"
    elif item["missing"] and told == "not provided":
        told = f"not provided: {', '.join(item['missing'])}"
    where = (f"{outline.get(title, '')} {title}".strip() for title in item["sections"])
    return [item["id"], item["about"], told, ", ".join(where) or "–"]
