"""The verb: a lens written as a folder of static files."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from markupsafe import Markup
from tqdm.auto import tqdm

from .. import markup
from ..figures.made_from import made_from
from ..figures.views import figure_of_view
from ..report.session import document
from ..session import Session
from ..texts import size
from ..widgets.widget import bundle
from ..writing import is_full, no_room, to_text_bytes
from . import data
from .pages import Pages
from .places import SIGNS, Places, address

EXAMPLES, SIDE, LIMIT_MB = 10, 96, 1000.0
MARK = "semlens-site.json"
OWN = (MARK, "index.html", ".nojekyll", "assets", "data", "components", "crops", "figures", "report.html")
"""What a site has at its top; nothing else of its folder is touched."""
_FIGURES = ("search", "map", "describe", "evaluate", "audit", "checklist", "compare", "prediction")


def to_site(
    session: Session, folder: str | os.PathLike[str], *, examples: int = EXAMPLES, side: int = SIDE,
    limit_mb: float | int = LIMIT_MB, progress: bool = True,
) -> Path:  # fmt: skip
    """Write the site. See `Lens.to_site`."""
    _check(examples, side, limit_mb)
    target = Path(folder)
    _check_room(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.parent / f".semlens-{secrets.token_hex(8)}.tmp"
    made.mkdir()
    try:
        _write(session, made, examples, side, progress)
        megabytes = _size(made) / 1e6
        if megabytes > limit_mb:
            raise ValueError(
                f"the site would have {megabytes:.0f} MB, more than limit_mb={limit_mb:g}; keep fewer or smaller "
                f"pictures (examples={max(1, examples // 2)}, side={max(16, side // 2)}), or raise limit_mb"
            )
        _move(made, target)
    except OSError as error:
        if is_full(error):
            raise no_room(error, target, f"{size(_size(made))} of the site were written") from error
        raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target / "index.html"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _check(examples: int, side: int, limit_mb: float | int) -> None:
    if examples < 1:
        raise ValueError(f"examples={examples}; each component needs at least one picture")
    if not 16 <= side <= 512:
        raise ValueError(f"side={side}; pictures of a site have 16 to 512 pixels on a side")
    if not limit_mb > 0:
        raise ValueError(f"limit_mb={limit_mb}; give the largest size the site may have, in MB")


def _check_room(target: Path) -> None:
    """FileExistsError for a folder that holds something else than a site; hidden files, such as .git, may be there."""
    if target.is_dir() and not _is_site(target):
        others = sorted(path.name for path in target.iterdir() if not path.name.startswith("."))
        if others:
            raise FileExistsError(
                f"{os.fspath(target)!r} holds {others[0]!r} and no site of a lens, so nothing is written there; give a "
                "new or an empty folder"
            )
    elif target.exists() and not target.is_dir():
        raise FileExistsError(f"{os.fspath(target)!r} is a file; give the name of a folder")


def _is_site(folder: Path) -> bool:
    """Whether the folder's own mark says that a site lies there."""
    with suppress(OSError, ValueError):
        told = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return isinstance(told, dict) and told.get("format") == "semlens-site"
    return False


def _write(session: Session, made: Path, examples: int, side: int, progress: bool) -> None:
    """Everything that a site has, into a new folder."""
    components = session.components
    places = Places(components)
    by_layer = [f"{kind}/{folder}" for kind in ("components", "crops") for folder in places.folders]
    for name in ("assets", "data", "figures", *by_layer):
        (made / name).mkdir(parents=True)
    length, count, siblings = 0, 0, data.siblings(session)
    for count, part in enumerate(data.parts(session, siblings, examples), 1):
        (made / "data" / f"{count - 1:05}.bin").write_bytes(part)
        length += len(part)
    pages = Pages(session, places, siblings, examples, side)
    for row in tqdm(range(len(components)), unit="component", desc="site", disable=not progress):
        component = components[row]
        _write_text(made / places.page(component), pages.page(row))
        if session.space.alive[row]:
            (made / places.crops(component)).write_bytes(pages.strip(row))
    for layer in range(len(components.layers)):
        for path, text in pages.lists(layer):
            _write_text(made / path, text)
    assets = bundle("page")
    _write_text(made / "assets" / "page.js", assets["_esm"])
    _write_text(made / "assets" / "page.css", assets["_css"])
    _write_text(made / "assets" / "pages.css", markup.file("site/pages.css"))
    (made / ".nojekyll").touch()  # or GitHub leaves out what begins with "_"
    index = {
        "size": length, "part": data.PART, "parts": count, "folders": list(places.folders), "signs": SIGNS,
        "side": side, "examples": examples,
    }  # fmt: skip
    _write_text(made / "index.html", _front(session, made, places, index))
    _write_text(made / MARK, json.dumps({"format": "semlens-site", "version": 1, "name": session.name}))


def _front(session: Session, made: Path, places: Places, index: dict[str, Any]) -> str:
    """The page at the top; figures and the report are written on the way."""
    components = session.components
    return markup.render(
        "site/index.html.j2",
        name=session.name,
        made_from=made_from(session.space),
        lists=[
            (layer, wide, address(places.listing(number)))
            for number, (layer, wide) in enumerate(zip(components.layers, components.sizes, strict=True))
        ],
        figures=_figures(session, made / "figures"),
        report=_report(session, made / "report.html"),
        # What could end the element is written so that it cannot.
        index=Markup(json.dumps(index).replace("<", "\\u003c")),
    )


def _figures(session: Session, folder: Path) -> list[tuple[str, str]]:
    """Every view that has something to show, on paper: (its name, its caption)."""
    written = []
    for view in _FIGURES:
        try:
            figure = figure_of_view(session, view, theme="light")
        except ValueError:
            continue  # nothing to show yet
        for ending in ("svg", "pdf"):
            figure.save(folder / f"{view}.{ending}")
        written.append((view, figure.caption()))
    return written


def _report(session: Session, path: Path) -> bool:
    if session.report is None:
        return False
    written = document(session, None, title=None)
    written.save(path)
    return True


def _write_text(path: Path, text: str) -> None:
    path.write_bytes(to_text_bytes(text))


def _move(made: Path, target: Path) -> None:
    """Put what is new in the place of what a site had before, all or nothing; what else lies in the folder stays."""
    target.mkdir(exist_ok=True)
    old = made / ".old"
    old.mkdir()
    moved: list[tuple[Path, Path]] = []

    def move(start: Path, end: Path) -> None:
        if start.exists():
            os.replace(start, end)
            moved.append((start, end))

    try:
        for name in OWN:
            move(target / name, old / name)
            move(made / name, target / name)
    except OSError:
        for start, end in reversed(moved):
            os.replace(end, start)
        raise
