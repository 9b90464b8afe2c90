"""The commands of `semlens` beside the demo: each does one verb on a plan or on files, and says what came of it.

Exit codes: 0 done, or passed; 1 an audit that failed; 2 what could not be done or judged, with the reason.
"""

from __future__ import annotations

import argparse
import json
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .gate import AuditPlan, gate
from .gate.making import lens_of
from .lens import Lens
from .lens import open as open_lens
from .report import Report
from .results import finite

_FORMS = (".html", ".md", ".json", ".csv")


def add_to(commands: Any) -> None:
    """Add the commands to a parser's sub-commands; `run` of what was parsed does them."""
    _add(commands, "fit", fit, "fit a lens by a plan and keep it as a .semlens file", [
        (("plan",), {"help": "a plan in TOML; of it [model], [data], [clip] and [fit] count"}),
        (("-o", "--out"), {"type": Path, "default": Path("model.semlens"), "help": "where (default: %(default)s)"}),
    ])  # fmt: skip
    _add(commands, "search", search, "search a lens for words", [
        (("lens",), {"help": "a .semlens file, or a plan"}),
        (("query",), {"nargs": "+", "help": "words, each by itself; commas join terms, -word pushes away"}),
        (("--top",), {"type": int, "default": 10, "help": "how many hits (default: %(default)s)"}),
        (("--layer",), {"help": "one layer only"}),
        (("--json",), {"action": "store_true", "help": "JSON instead of text"}),
    ])  # fmt: skip
    _add(commands, "audit", audit, "audit by a plan: exit code 0 passed, 1 failed, 2 could not be judged", [
        (("plan",), {"help": "a plan in TOML"}),
        (("--against",), {"type": Path, "help": "the .semlens file of the version before"}),
        (("--seeds",), {"type": Path, "nargs": "+", "default": [], "help": "lenses of trainings with other seeds"}),
        (("-o", "--out"), {"type": Path, "help": "a folder for report, JUnit XML, Markdown, JSON and lens"}),
        (("--expect",), {"default": "", "help": "the hash the plan must have, or its beginning"}),
        (("--hash",), {"action": "store_true", "help": "print the plan's hash, and audit nothing"}),
    ])  # fmt: skip
    _add(commands, "compare", compare, "what two models share, and what only one of them knows", [
        (("a",), {"type": Path, "help": "a .semlens file"}), (("b",), {"type": Path, "help": "another one"}),
        (("--allow-data",), {"action": "store_true", "help": "also over different images"}),
        (("--json",), {"action": "store_true", "help": "JSON instead of text"}),
    ])  # fmt: skip
    _add(commands, "report", report, "make the other forms of a report from its JSON", [
        (("report",), {"type": Path, "help": "a report.json"}),
        (("-o", "--out"), {"type": Path, "nargs": "+", "required": True, "help": f"files: {', '.join(_FORMS)}"}),
    ])  # fmt: skip
    _add(commands, "open", show, "open a .semlens file: as one page that needs no server", [
        (("lens",), {"type": Path, "help": "a .semlens file"}),
        (("-o", "--out"), {"type": Path, "help": "the page (default: beside the file, .html)"}),
        (("--no-browser",), {"action": "store_true", "help": "write the page, and open no browser"}),
    ])  # fmt: skip


def _add(commands: Any, name: str, do: Callable[..., int], what: str, options: Any) -> None:
    parser = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    for names, about in options:
        parser.add_argument(*names, **about)
    parser.set_defaults(do=do)


def run(given: argparse.Namespace) -> int:
    """Do a command; what goes wrong is told in one line, and the code is then 2."""
    try:
        return int(given.do(given))
    except (ValueError, RuntimeError, OSError, LookupError, TypeError) as error:
        told = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        print(f"semlens {given.command}: {told}", file=sys.stderr)
        return 2


def fit(given: argparse.Namespace) -> int:
    lens = lens_of(AuditPlan.from_file(given.plan), progress=sys.stderr.isatty())
    if lens.relevance is None and lens.has_data:
        lens.relate(progress=sys.stderr.isatty())
    print(lens.save(given.out))
    return 0


def search(given: argparse.Namespace) -> int:
    lens = _lens(given.lens)
    answers: Any = lens.search(list(given.query), top=given.top, layer=given.layer)
    if given.json:
        rows = [{"query": a.probe, "state": a.state, "hits": a.to_rows()} for a in answers]
        print(json.dumps(finite(rows), ensure_ascii=False, indent=1))
    else:
        print("\n\n".join(map(repr, answers)))
    return 0


def audit(given: argparse.Namespace) -> int:
    plan = AuditPlan.from_file(given.plan)
    if given.hash:
        print(plan.hash)
        return 0
    result = gate(
        plan, against=given.against, seeds=given.seeds, folder=given.out, expect=given.expect,
        progress=sys.stderr.isatty(),
    )  # fmt: skip
    print(result)
    for path in result.files.values():
        print(path)
    return result.code


def compare(given: argparse.Namespace) -> int:
    a, b = (_lens(path) for path in (given.a, given.b))
    found = a.compare(b, allow="data" if given.allow_data else ())
    print(found.to_json() if given.json else repr(found))
    return 0


def report(given: argparse.Namespace) -> int:
    written = Report.from_file(given.report)
    for path in given.out:
        print(written.save(path))
    return 0


def show(given: argparse.Namespace) -> int:
    lens = _lens(given.lens)
    page = lens.to_html(given.out or given.lens.with_suffix(".html"))
    print(page)
    if not given.no_browser:
        webbrowser.open(page.resolve().as_uri())
    return 0


def _lens(path: str | Path) -> Lens:
    if Path(path).suffix == ".toml":
        return lens_of(AuditPlan.from_file(path), progress=sys.stderr.isatty())
    return open_lens(path)
