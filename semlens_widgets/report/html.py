"""The report as one HTML page: no script, nothing from the network, every text of people escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..palette import theme
from . import drawing

_STATES = {"found": "● found", "weak": "◐ weak", "missing": "○ missing", "unknown": "– words unknown to the CLIP",
           "unseen": "– cannot be seen in one image"}  # fmt: skip
_KINDS = {"valid": "should be used", "spurious": "must not be used", "neutral": "makes no difference"}


def page(document: Mapping[str, Any]) -> str:
    """The whole page."""
    sections = [
        _head(document), _summary(document), _components(document), _checklist(document), _unexpected(document),
        _pages(document), _effect(document), _decisions(document), _made(document),
    ]  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'\">\n"
        f"<title>{escape(document['title'][:200])}</title>\n<style>\n{_style()}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(s for s in sections if s)
        + "\n</main>\n</body>\n</html>\n"
    )


def _text(text: Any) -> str:
    """A person's text: escaped, in its own direction, and no longer than its place."""
    shown = escape(str(text))
    return f'<bdi class="long">{shown}</bdi>' if len(shown) > 500 else f"<bdi>{shown}</bdi>"


def _head(d: Mapping[str, Any]) -> str:
    class_ = f"class {_text(d['target'])} · " if d["target"] else ""
    return (
        f"<header><h1>{_text(d['title'])}</h1><p>{class_}{d['data']['images']:,} images · layers "
        f"{', '.join(_text(layer) for layer in d['space']['layers'])} · {_text(d['clip'])}<br>made "
        f"{escape(d['made'][:16].replace('T', ' '))} UTC with {escape(d['made_with'])}</p></header>"
    )


def _summary(d: Mapping[str, Any]) -> str:
    sentences = "".join(f"<p>{_text(s)}</p>" for s in _sentences(d["summary"]))
    if not d["shares"]:
        return f"<section><h2>Summary</h2>{sentences}</section>"
    keys = "".join(
        f'<div class="{region}"><b>{drawing.GLYPHS[region]} {region}</b><span>{_percent(d["shares"][region][0])} '
        f"<small>{_percent(d['shares'][region][1])} – {_percent(d['shares'][region][2])}</small></span></div>"
        for region in drawing.ORDER
        if region in d["shares"]
    )
    return (
        f"<section><h2>Summary</h2>{sentences}<h3>What the {_text(d['target'])} score rests on</h3>"
        f'{drawing.bar(d["shares"])}<div class="keys">{keys}</div><p class="note">Share of each layer’s absolute '
        f"relevance, layers averaged; 95 % intervals over images.</p></section>"
    )


def _sentences(text: str) -> list[str]:
    """One paragraph per sentence; a full stop inside a name may divide too soon, which loses nothing."""
    return [part if part.endswith(".") else f"{part}." for part in text.split(". ") if part.strip()]


def _components(d: Mapping[str, Any]) -> str:
    plot = drawing.scatter(d["components"], d["thresholds"]["z"])
    if not plot:
        return ""
    return (
        f"<section><h2>Components</h2>{plot}<p class=\"note\">Each mark is a component; its area is its share of "
        f"relevance. Dashed: p = {d['thresholds']['p']:g} of random images (z = {d['thresholds']['z']:.2f}). A component "
        f"above both lines is ambiguous unless one concept leads by {d['thresholds']['margin']:g} z. Neutral components "
        "are left out.</p></section>"
    )


def _checklist(d: Mapping[str, Any]) -> str:
    said = {v["subject"]: v for v in d["verdicts"]}
    pages = {p["component"]: p for p in d["pages"]}
    body, group = "", None
    for c in d["concepts"]:
        if c["group"] != group:
            group = c["group"]
            body += f'<tr class="group"><th colspan="7" scope="rowgroup">{_text(group) or "&nbsp;"}</th></tr>'
        crops = _crops(d, pages.get(c["best"], {}).get("crops", [])[:3]) if c["components"] else ""
        z = "" if c["z"] is None else f"{_signed(c['z'], 1)}"
        verdict = said.get(f"@{c['concept']}") or said.get(c["best"] or "") or {}
        words = _STATES[c["state"]]
        best = f"<code>{_text(c['best'])}</code>" if c["components"] else ""
        detail = "" if c["state"] in ("unseen",) else f'<small class="why">{_text(_after_state(c["message"]))}</small>'
        body += (
            f"<tr><th scope=\"row\">{_text(c['concept'])}<small>{_KINDS[c['kind']]}</small></th>"
            f'<td class="state">{words}{detail}</td><td class="strip">{crops}'
            f"{best}</td>"
            f'<td class="n">{c["components"] or ""}</td><td class="n">{z}</td><td class="n">{_relevance(c)}</td>'
            f"<td>{_verdict(verdict)}</td></tr>"
        )
    heads = "".join(
        f'<th scope="col"{style}>{h}</th>'
        for h, style in (
            ("Concept", ""), ("State", ""), ("Best component", ""), ("Comp.", ' class="n"'), ("z", ' class="n"'),
            ("Relevance", ' class="n"'), ("Decision", ""),
        )
    )  # fmt: skip
    return (
        f'<section><h2>Checklist</h2><div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody>'
        '</table></div><p class="note">z: standard deviations above random sets of images. Relevance: share of the class’s '
        "relevance in all components that the concept fits best, with the direction in which they speak; below it, by how "
        "much the class’s whole relevance moves with the concept from image to image (±1: by all of it), and whether it is "
        "used.</p></section>"
    )


def _after_state(message: str) -> str:
    """What a message says beyond the state, which stands above it."""
    return message.removeprefix("weak: ").removeprefix("missing: ").removeprefix("found ")


def _relevance(c: Mapping[str, Any]) -> str:
    if c["share"] is None or not c["components"]:
        return ""
    words = {"for": "for", "against": "against", "unclear": "±"}.get(c["direction"] or "", "not used")
    if c.get("elsewhere"):
        words = "not used here, but elsewhere"
    moves = ""
    if c.get("moves") is not None:
        mean, low, high = (_signed(c[key], 2) for key in ("moves", "moves_low", "moves_high"))
        moves = f"<small>moves {mean}, {low} – {high}</small>"
    kind = {"for": "for", "against": "against"}.get(c["direction"] or "", "quiet")
    return (
        f'{_percent(c["share"])}<small>{_percent(c["share_low"])} – {_percent(c["share_high"])}</small>'
        f'{moves}<small class="{kind}">{words}</small>'
    )


def _verdict(v: Mapping[str, Any]) -> str:
    if not v:
        return ""
    glyph = {"valid": "●", "spurious": "▲", "neutral": "□", "unsure": "?"}.get(v["decision"] or "", "")
    label = f" “{_text(v['label'])}”" if v.get("label") else ""
    note = f"<small>{_text(v['note'])}</small>" if v.get("note") else ""
    decision = v["decision"] or ""
    return f'<span class="{escape(decision)}">{glyph} {escape(decision)}</span>{label}{note}<small>{_text(v["who"])}</small>'


def _unexpected(d: Mapping[str, Any]) -> str:
    rows = [c for c in d["components"] if c["region"] == "unexpected"]
    rows.sort(key=lambda c: -(c["share"] or 0))
    if not rows:
        return ""
    pages = {p["component"]: p for p in d["pages"]}
    body = ""
    for c in rows[:12]:
        crops = _crops(d, pages.get(c["component"], {}).get("crops", []))
        share = "" if c["share"] is None else f"{_percent(c['share'])}<small>{_signed(100 * c['relevance'], 1)} %</small>"
        body += (
            f'<tr><th scope="row"><code>{_text(c["component"])}</code></th><td class="n">{share}</td>'
            f'<td class="strip">{crops}</td><td>{_text(c["label"] or "")}</td></tr>'
        )
    return (
        '<section><h2>Unexpected</h2><p>Components that fit nothing on the checklist, the most relevant first. Whoever '
        "signs this report should have looked at them.</p><div class=\"wide\"><table><thead><tr><th>Component</th>"
        f'<th class="n">Share of its layer</th><th>Strongest examples</th><th>Label</th></tr></thead><tbody>{body}'
        f'</tbody></table></div><p class="note">{min(len(rows), 12)} of {len(rows)} shown; relevance with its sign below '
        "the share.</p></section>"
    )


def _pages(d: Mapping[str, Any]) -> str:
    rows = {c["component"]: c for c in d["components"]}
    said = {v["subject"]: v for v in d["verdicts"]}
    parts = ""
    for p in d["pages"]:
        c = rows.get(p["component"])
        if c is None:
            continue
        facts = [f'<span class="{c["region"]}">{drawing.GLYPHS[c["region"]]} {c["region"]}</span>']
        for kind in ("valid", "spurious", "neutral"):
            if c[kind] is not None:
                facts.append(f"{kind}: {_text(c[f'{kind}_concept'])} {_signed(c[kind], 1)}")
        if c["share"] is not None:
            facts.append(f"{_percent(c['share'])} of its layer ({_signed(100 * c['relevance'], 1)} %)")
        if c["label"]:
            facts.append(f"label {_text(c['label'])}")
        classes = ", ".join(f"{_text(k)} {n}" for k, n in p["classes"].items())
        names = ", ".join(_text(n) for n in p["images"])
        verdict = f"<p>{_verdict(said[p['component']])}</p>" if p["component"] in said else ""
        parts += (
            f'<article><h3><code>{_text(p["component"])}</code></h3><div class="strip big">{_crops(d, p["crops"])}</div>'
            f"<p>{' · '.join(facts)}</p>{verdict}<details><summary>{len(p['images'])} images behind it"
            f"{f' ({classes})' if classes else ''}</summary><p class=\"names\">{names}</p></details></article>"
        )
    return f'<section><h2>Component pages</h2><div class="pages">{parts}</div></section>' if parts else ""


def _effect(d: Mapping[str, Any]) -> str:
    e = d["effect"]
    if e is None:
        return ""
    recalls = [f"recall {c}" for c in e["classes"][:6]]
    known = [name for name in ("accuracy", "auroc") if name in e["measures"]]
    body, last = "", None
    for row in e["measured"]:
        name = _text(row["data"]) if row["data"] != last else ""
        last = row["data"]
        cells = "".join(f'<td class="n">{_interval(row, key)}</td>' for key in (*known, *recalls))
        own = ' class="own"' if row["side"] == "switched off" else ""
        body += f'<tr{own}><th scope="row">{name}</th><td>{escape(row["side"])}</td>{cells}<td class="n">{_interval(row, "change", True)}</td></tr>'
    named = [{"accuracy": "Accuracy", "auroc": "AUROC"}[name] for name in known] + [_text(r) for r in recalls]
    changed = "Logit change" if known else f"Change of {_text(e['target'])}"
    heads = "".join(f'<th class="n">{h}</th>' for h in (*named, changed))
    what = "the class" if known else "the number"
    sets = list(dict.fromkeys(p["data"] for p in e["curve"]))
    curves = "".join(
        f"<figure>{drawing.curve([p for p in e['curve'] if p['data'] == s])}<figcaption>{_text(s)}</figcaption></figure>"
        for s in sets
    )
    return (
        f'<section><h2>Effect of switching off</h2><p>{len(e["components"])} components were held at '
        f'{"their mean" if e["by"] == "mean" else "zero"} in the model itself, and {what} {_text(e["target"])} measured, '
        f"beside random components.</p><div class=\"wide\"><table><thead><tr><th>Data</th><th></th>{heads}</tr></thead>"
        f'<tbody>{body}</tbody></table></div><div class="curves">{curves}</div><p class="note">Intervals: 95 % over images; '
        f"of random sides, the mean and the lowest to the highest of {e['draws']} draws (of the grey band: "
        f"{e.get('curve_draws', e['draws'])}). Switching off is not retraining; nothing is promised beyond what is "
        "measured here.</p></section>"
    )


def _decisions(d: Mapping[str, Any]) -> str:
    if not d["history"]:
        return ""
    body = "".join(
        f"<tr><td><code>{_text(v['subject'])}</code></td><td>{escape(v['decision'] or '')}</td><td>{_text(v['label'] or '')}"
        f"</td><td>{_text(v['note'])}</td><td>{_text(v['who'])}</td><td>{escape(v['when'][:16].replace('T', ' '))}</td></tr>"
        for v in d["history"]
    )
    conflicts = "".join(
        "<li>"
        + "; ".join(f"{_text(v['subject'])}: {escape(v['decision'] or '')} ({_text(v['who'])})" for v in listed)
        + "</li>"
        for listed in d["conflicts"]
    )
    disputed = f"<h3>Where people disagree</h3><ul>{conflicts}</ul>" if conflicts else ""
    return (
        '<section><h2>Decisions</h2><div class="wide"><table><thead><tr><th>About</th><th>Decision</th><th>Label</th>'
        f"<th>Note</th><th>Who</th><th>When (UTC)</th></tr></thead><tbody>{body}</tbody></table></div>{disputed}</section>"
    )


def _made(d: Mapping[str, Any]) -> str:
    t, s, r = d["thresholds"], d["space"], d["relevance"]
    rows = [
        ("Model", f"{_text(d['model']['name'])} <code>{_text(d['model']['hash'])}</code>"),
        ("Images", f"{d['data']['images']:,} <code>{_text(d['data']['hash'])}</code>"),
        ("CLIP", _text(d["clip"])),
        ("Components", f"layers {', '.join(_text(x) for x in s['layers'])}; {s['k']} examples each, {_text(s['crop'])}, pooled by "
                       f"{_text(s['pooling'])}; space <code>{_text(s['key'])}</code>"),
        ("Thresholds", f"p = {t['p']:g} (z = {t['z']:.2f}), lead {t['margin']:g} z, used from {100 * t['used']:g} % of relevance"
                       f"{_still(t)}"),
        ("Null", f"random sets of {s['null']:,} images, seed {s['seed']}; "
                 f"{'each layer’s mean subtracted' if d['centred'] else 'null probe subtracted'}"),
    ]  # fmt: skip
    if r["statistic"]:
        rows.append(("Relevance", f"{_text(r['statistic'])}; {_text(r['backend'])}; {r['images']:,} images of the class"))
    body = "".join(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' for name, value in rows)
    return f'<section><h2>How this was made</h2><table class="facts"><tbody>{body}</tbody></table></section>'


def _still(t: Mapping[str, Any]) -> str:
    """The line for what moves nothing; reports of before have none."""
    return f", not where the relevance moves by less than ±{t['still']:g}" if "still" in t else ""


def _crops(d: Mapping[str, Any], names: Sequence[str]) -> str:
    pictures = [d["crops"][n] for n in names if d["crops"].get(n)]
    return "".join(f'<img alt="example" src="data:image/webp;base64,{p}">' for p in pictures)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _interval(row: Mapping[str, Any], key: str, signed: bool = False) -> str:
    values = [row[key], row[f"{key}_low"], row[f"{key}_high"]]
    if values[0] is None:
        return "–"
    shown = [
        "–" if v is None else _signed(v, 2) if signed else f"{v:.3f}".removeprefix("0") if v < 1 else f"{v:.3f}"
        for v in values
    ]
    return f"{shown[0]}<small>{shown[1]} – {shown[2]}</small>"


def _style() -> str:
    colours = {"light": theme("light"), "dark": theme("dark")}
    names = ("bg", "bg_sunk", "line", "line_strong", "ink", "ink_2", "valid", "spurious", "ambiguous", "unexpected",
             "supports", "against", "null", "accent_soft")  # fmt: skip
    sets = {
        name: "".join(f"--{n.replace('_', '-')}:{getattr(colour, n)};" for n in names) for name, colour in colours.items()
    }
    return (
        f":root{{color-scheme:light dark;{sets['light']}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{sets['dark']}}}}}\n"
        f"@page{{margin:14mm}}\n@media print{{:root{{color-scheme:light;{sets['light']}}}}}\n{_RULES}"
    )


_RULES = """\
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:14px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1040px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;line-height:1.25;margin:0 0 6px;font-weight:600}
h2{font-size:18px;margin:40px 0 10px;font-weight:600;border-bottom:1px solid var(--line);padding-bottom:6px}
h3{font-size:14px;margin:20px 0 8px;font-weight:600}
header p,.note,small{color:var(--ink-2)}
p{margin:0 0 8px;max-width:78ch;overflow-wrap:anywhere}
.note{font-size:12px;margin-top:8px}
small{display:block;font-size:12px;font-weight:400;line-height:1.35;overflow-wrap:anywhere}
code{font:12px/1.4 ui-monospace,"SF Mono",Menlo,Consolas,monospace;overflow-wrap:anywhere}
h3 code{font-size:13px}
bdi{overflow-wrap:anywhere}
bdi.long{display:inline-block;max-height:7.5em;overflow:auto;vertical-align:top}
table{border-collapse:collapse;width:100%;font-size:13px}
th,td{text-align:left;vertical-align:top;padding:6px 10px 6px 0;border-bottom:1px solid var(--line);font-weight:400}
thead th{color:var(--ink-2);font-size:12px;border-bottom-color:var(--line-strong);white-space:nowrap}
tbody th{font-weight:600;min-width:9em}
tr.group th{background:var(--bg-sunk);padding:5px 8px;font-weight:600}
tr.own td,tr.own th{background:var(--accent-soft)}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.n small{white-space:nowrap}
.state{min-width:11em;max-width:20em}
.facts th{width:9em}
.wide{overflow-x:auto}
.bar{display:block;width:100%;height:16px;margin:4px 0 8px}
.keys{display:flex;flex-wrap:wrap;gap:6px 32px}
.keys div b{display:block;font-weight:600}
.keys small{display:inline}
.keys span{color:var(--ink)}
.valid{color:var(--valid);fill:var(--valid)}
.spurious{color:var(--spurious);fill:var(--spurious)}
.ambiguous{color:var(--ambiguous);fill:var(--ambiguous)}
.unexpected,.unsure{color:var(--unexpected);fill:var(--unexpected)}
.neutral{color:var(--ink-2);fill:var(--null)}
small.for{color:var(--supports)}
small.against{color:var(--against)}
.plot{display:block;width:100%;max-width:820px;height:auto;font-size:12px}
.plot text{fill:var(--ink-2)}
.plot .corner{font-weight:600;fill:currentColor}
.plot g{fill-opacity:.75}
.plot .hollow{fill:none;stroke:currentColor;stroke-width:1.2}
.axis,.line{fill:none;stroke:var(--line-strong)}
.line{stroke-dasharray:4 3}
.small{max-width:460px}
.null{fill:var(--null);fill-opacity:.5}
.own{fill:none}
polyline.own{stroke:var(--spurious);stroke-width:1.6}
.plot .dots{fill:var(--spurious);fill-opacity:1}
.strip{white-space:nowrap}
.big{white-space:normal}
.n+td:not(.n){padding-left:18px}
.strip img{width:44px;height:44px;object-fit:cover;margin:0 3px 0 0;vertical-align:top;border-radius:2px}
.strip code{display:block}
.big img{width:64px;height:64px;margin-bottom:3px}
.pages{display:grid;grid-template-columns:repeat(auto-fill,minmax(440px,1fr));gap:4px 32px}
article{break-inside:avoid;border-bottom:1px solid var(--line);padding-bottom:8px}
article p{margin:6px 0;font-size:13px}
article p span{fill:none}
details{font-size:12px;color:var(--ink-2)}
.names{font-size:12px;max-height:12em;overflow:auto}
.curves{display:flex;flex-wrap:wrap;gap:16px;margin-top:16px}
figure{margin:0;flex:1 1 380px;max-width:480px}
figcaption{font-size:12px;color:var(--ink-2);padding-left:46px}
@media (max-width:640px){main{padding:20px 14px 40px}.pages{grid-template-columns:1fr}}
@media print{main{max-width:none;padding:0}body{font-size:11px}h2{break-after:avoid;margin-top:24px}
tr,figure,.plot{break-inside:avoid}.wide{overflow:visible}bdi.long,.names{max-height:none;overflow:visible}
details>summary{display:none}.pages{grid-template-columns:1fr 1fr}table{font-size:10.5px}small,code{font-size:9.5px}
.strip img{width:34px;height:34px}.big img{width:48px;height:48px}}
"""
