"""What a window offers to compare a lens with: the others of this kernel, and files beside the notebook."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..compare import compare as compare_spaces
from ..compare.pairs import NotComparable, check_comparable
from ..session import Session, comparing, file
from ..session.state import LiveState, alive
from ..space import SemanticSpace
from ..store import SemlensFileError
from ..texts import plural, quoted
from .channel import Job
from .wire import Answer

SUFFIX = ".semlens"
MOST_FILES = 40
_MOST_FOLDERS, _MOST_ENTRIES = 100, 5000  # looked through for files: a notebook may lie in a folder of a million images


def choices(session: Session) -> Answer:
    """What can be compared with: lenses that were, others of this kernel by what a cell calls them, and files."""
    named = _by_variable(session)
    return {
        "known": list(session.compared),
        "lenses": [_about(session, lens, variable) for lens, variable in named],
        "files": list(_files(Path.cwd())),
    }


def compare_with(
    session: Session, job: Job, lens: str | None = None, path: str | None = None, different_data: bool = False
) -> Answer:
    """Compare with a lens by its key among the choices, or with that of a file.

    Answers the line of Python that does the same; or, where both were made differently, `refused` with the reason and
    `only_data`: whether `different_data` would compare them all the same.
    """
    beside, python = _chosen(session, lens, path)
    allow = "data" if different_data else ()
    name = comparing.free_name(session, beside)
    try:
        check_comparable({session.name: session.space, name: beside.space}, allow)
    except NotComparable as refusal:
        return {"refused": f"{refusal.why}.", "only_data": refusal.only_data}
    job.check()
    answer = compare_spaces(session.space, beside.space, names=(session.name, name), allow=allow, centre=True)
    job.check()
    comparing.take(session, beside, answer)
    options = ', allow="data"' if different_data else ""
    return {"python": f"lens.compare({python}{options})"}


def _chosen(session: Session, key: str | None, path: str | None) -> tuple[LiveState, str]:
    """(a lens, the Python that names it). ValueError for one that is gone, or a file that is none."""
    if path is not None:
        return _opened(session, path), f"sl.open({quoted(path)})"
    for lens, variable in _by_variable(session):
        if _key(lens) == key:
            return lens, variable or "other"
    raise ValueError("that lens is no longer in the kernel; choose another one")


def _opened(session: Session, path: str) -> LiveState:
    given = Path(path.strip()).expanduser()
    if not path.strip():
        raise ValueError("which file? give the path of a .semlens file")
    if not given.is_file():
        raise ValueError(f"there is no file {path.strip()!r} (looked for in {Path.cwd()})")
    try:
        opened = SemanticSpace.open(given)
    except SemlensFileError as error:
        raise ValueError(f"{given.name} cannot be opened: {error}") from error
    known = session.clip_or_none
    clip = known if known is not None and opened.space.recipe.clip == session.space.recipe.clip else None
    return file.of_space(type(session), opened.space, opened.extra, opened.attached, clip)


def _about(session: Session, lens: LiveState, variable: str) -> dict[str, Any]:
    """One lens as the window offers it; `refused` says why it cannot be compared with."""
    about: dict[str, Any] = {"key": _key(lens), "variable": variable, "name": lens.name, "refused": "",
                             "only_data": False}  # fmt: skip
    if not lens.fitted:
        return about | {"about": "not fitted yet", "refused": "It is not fitted yet; call its fit()."}
    layers = lens.components.layers
    span = layers[0] if len(layers) == 1 else f"{layers[0]} to {layers[-1]}"
    about["about"] = f"{plural(len(lens.components), 'component')} in {span}"
    try:
        check_comparable({session.name: session.space, lens.name: lens.space}, ())
    except NotComparable as refusal:
        about |= {"refused": f"{refusal.why}.", "only_data": refusal.only_data}
    return about


def _key(lens: LiveState) -> str:
    return f"{id(lens):x}"


def _by_variable(session: Session) -> list[tuple[LiveState, str]]:
    """Other lenses and what a cell calls them. In IPython those that a variable holds, or a list or dict in one;
    elsewhere all there are, and nobody knows their names."""
    namespace = _namespace()
    if namespace is None:
        found = [(lens, "") for lens in alive()]
        found.sort(key=lambda each: each[0].name)
    else:
        found = list(_held_in(namespace))
    once = {id(lens): (lens, name) for lens, name in reversed(found) if lens is not session}
    return list(reversed(once.values()))


def _held_in(namespace: Mapping[str, Any]) -> Iterator[tuple[LiveState, str]]:
    within = []
    for name, value in list(namespace.items()):
        if name.startswith("_"):
            continue
        if isinstance(value, LiveState):
            yield value, name
        elif isinstance(value, dict):
            within += [(held, f"{name}[{quoted(key)}]") for key, held in list(value.items()) if isinstance(key, str)]
        elif isinstance(value, list | tuple):
            within += [(held, f"{name}[{at}]") for at, held in enumerate(value[:_MOST_ENTRIES])]
    yield from ((held, name) for held, name in within if isinstance(held, LiveState))


def _namespace() -> Mapping[str, Any] | None:
    """The variables of the notebook's cells; None where there is no IPython."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return None if shell is None else shell.user_ns


def _files(folder: Path) -> Iterator[dict[str, Any]]:
    """The .semlens files of a folder and of the folders in it, the newest first."""
    found = [*_lying_in(folder), *(each for inner in _folders(folder) for each in _lying_in(inner))]
    for _, size, path in sorted(found, reverse=True)[:MOST_FILES]:
        yield {"path": os.fspath(path.relative_to(folder)), "size": size}


def _lying_in(folder: Path) -> Iterator[tuple[float, int, Path]]:
    for entry in _entries(folder):
        try:
            if entry.name.endswith(SUFFIX) and entry.is_file():
                about = entry.stat()
                yield about.st_mtime, about.st_size, Path(entry.path)
        except OSError:  # gone meanwhile, or not to be looked at
            continue


def _folders(folder: Path) -> list[Path]:
    inner = (Path(e.path) for e in _entries(folder) if not e.name.startswith(".") and e.is_dir(follow_symlinks=False))
    return [path for path, _ in zip(inner, range(_MOST_FOLDERS), strict=False)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry, _ in zip(entries, range(_MOST_ENTRIES), strict=False)]
    except OSError:
        return []
