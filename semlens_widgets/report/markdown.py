"""The report as Markdown: text and tables, every text of people escaped so that it stays text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>:])")


def page(d: Mapping[str, Any]) -> str:
    """The whole document."""
    parts = [
        f"# {_text(d['title'])}",
        f"{_text(d['made'][:16].replace('T', ' '))} UTC, {_text(d['made_with'])}; model {_text(d['model']['name'])}, "
        f"{d['data']['images']:,} images, {_text(d['clip'])}",
        f"## Summary\n\n{_text(d['summary'])}",
        _shares(d), _checklist(d), _unexpected(d), _effect(d), _decisions(d), _made(d),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _text(text: Any) -> str:
    """One line in which nothing is markup."""
    return _SPECIAL.sub(r"\\\1", escape(" ".join(str(text).split()), quote=False))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None, form: str = ".1f") -> str:
    return "–" if value is None else f"{value:{form}}"


def _shares(d: Mapping[str, Any]) -> str:
    if not d["shares"]:
        return ""
    rows = [
        [region, str(d["counts"].get(region, 0)), _percent(mean), f"{_percent(low)} – {_percent(high)}"]
        for region, (mean, low, high) in d["shares"].items()
    ]
    return f"## What the {_text(d['target'])} score rests on\n\n" + _table(
        ["region", "components", "share of relevance", "95 % interval"], rows
    )


def _checklist(d: Mapping[str, Any]) -> str:
    said = {v["subject"]: v for v in d["verdicts"]}
    rows = []
    for c in d["concepts"]:
        verdict = said.get(f"@{c['concept']}") or said.get(c["best"] or "") or {}
        rows.append([
            _text(c["group"]), _text(c["concept"]), c["kind"], c["state"], str(c["components"]),
            _text(c["best"] or "–"), _number(c["z"]), _percent(c["share"]), _moves(c),
            c["direction"] or "–",
            _text(verdict.get("decision") or "–"), _text(c["message"]),
        ])  # fmt: skip
    heads = ["group", "concept", "kind", "state", "components", "best", "z", "share", "moves", "speaks", "decision",
             "in words"]  # fmt: skip
    return "## Checklist\n\n" + _table(heads, rows)


def _moves(c: Mapping[str, Any]) -> str:
    """By how much the relevance moves with a concept; reports of before do not say."""
    return "–" if c.get("moves") is None else _interval(c, "moves", "+.2f")


def _unexpected(d: Mapping[str, Any]) -> str:
    listed = sorted((c for c in d["components"] if c["region"] == "unexpected"), key=lambda c: -(c["share"] or 0))
    if not listed:
        return ""
    rows = [
        [_text(c["component"]), _percent(c["share"]), _number(c["relevance"], "+.3f"), _text(c["label"] or "–")]
        for c in listed[:12]
    ]
    return f"## Unexpected ({len(listed)} components, the most relevant first)\n\n" + _table(
        ["component", "share of its layer", "relevance", "label"], rows
    )


def _effect(d: Mapping[str, Any]) -> str:
    e = d["effect"]
    if e is None:
        return ""
    recalls = [f"recall {c}" for c in e["classes"][:6]]
    known = [name for name in ("accuracy", "auroc") if name in e["measures"]]
    rows = [
        [_text(m["data"]), m["side"], *(_interval(m, k, ".3f") for k in (*known, *recalls)),
         _interval(m, "change", "+.2f")]
        for m in e["measured"]
    ]  # fmt: skip
    changed = "logit change" if known else f"change of {_text(e['target'])}"
    heads = ["data", "side", *(name.replace("auroc", "AUROC") for name in known), *map(_text, recalls), changed]
    note = (
        f"In brackets: 95 % over images; of random sides, the mean and the lowest to the highest of {e['draws']} draws."
    )
    table = _table(heads, rows)
    return f"## Effect of switching {len(e['components'])} components off ({e['by']})\n\n{table}\n\n{note}"


def _interval(row: Mapping[str, Any], key: str, form: str) -> str:
    if row[key] is None:
        return "–"
    return f"{_number(row[key], form)} [{_number(row[f'{key}_low'], form)}, {_number(row[f'{key}_high'], form)}]"


def _decisions(d: Mapping[str, Any]) -> str:
    if not d["history"]:
        return ""
    rows = [
        [_text(v["subject"]), v["decision"] or "–", _text(v["label"] or "–"), _text(v["note"] or "–"), _text(v["who"]),
         _text(v["when"][:16])]
        for v in d["history"]
    ]  # fmt: skip
    conflicts = "".join(
        "\n- " + "; ".join(f"{_text(v['subject'])}: {v['decision'] or '–'} ({_text(v['who'])})" for v in listed)
        for listed in d["conflicts"]
    )
    disputed = f"\n\nPeople disagree:\n{conflicts}" if conflicts else ""
    return "## Decisions\n\n" + _table(["about", "decision", "label", "note", "who", "when (UTC)"], rows) + disputed


def _made(d: Mapping[str, Any]) -> str:
    t, s, r = d["thresholds"], d["space"], d["relevance"]
    lines = [
        f"model `{d['model']['hash']}`", f"images `{d['data']['hash']}`", f"CLIP {_text(d['clip'])}",
        f"space `{s['key']}`: layers {_text(', '.join(s['layers']))}, {s['k']} examples, {_text(s['crop'])}",
        f"thresholds: p = {t['p']:g} (z = {t['z']:.2f}), lead {t['margin']:g} z, used from {100 * t['used']:g} %"
        + (f", not where the relevance moves by less than ±{t['still']:g}" if "still" in t else ""),
    ]  # fmt: skip
    if r["statistic"]:
        lines.append(f"relevance: {_text(r['statistic'])}; {_text(r['backend'])}; {r['images']:,} images of the class")
    return "## How this was made\n\n" + "\n".join(f"- {line}" for line in lines)
