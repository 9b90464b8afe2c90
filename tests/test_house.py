"""The house: rooms stand above what they use, and heavy libraries behind one door each."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "semlens_widgets"
FILES = {
    ".".join(("semlens_widgets", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}

# What a lens opens above itself when it is asked to show itself: `lens.show()`.
UPWARDS = {("lens", "page"), ("lens", "widgets")}


@cache
def imported(name):
    """(module, whether only when a function runs) for all modules of the package that a file imports."""
    path = FILES[name]
    within = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]

    def walk(node, later):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.Import):
                yield from ((alias.name, later) for alias in child.names if alias.name in FILES)
            elif isinstance(child, ast.ImportFrom):
                start = within[: len(within) - child.level + 1] if child.level else []
                source = ".".join([*start, *(child.module or "").split(".")]).rstrip(".")
                for alias in child.names:
                    full = f"{source}.{alias.name}"
                    if (found := full if full in FILES else source) in FILES:
                        yield found, later
            yield from walk(child, later or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    return list(walk(ast.parse(path.read_text("utf-8")), False))


def room(name):
    return name.split(".")[1] if "." in name else "the door"


def rooms_below():
    """Per room, what it imports of other rooms as it is imported itself."""
    below = {room(name): set() for name in FILES}
    for name in FILES:
        below[room(name)] |= {room(found) for found, later in imported(name) if not later} - {room(name)}
    return below


def test_rooms_stand_above_what_they_import():
    below = rooms_below()
    assert len(below) > 30
    assert {"examples", "space", "search"} <= below["lens"]
    TopologicalSorter(below).prepare()  # CycleError names the rooms


@pytest.mark.parametrize("name", sorted({room(name) for name in FILES if name.count(".") > 1}))
def test_files_of_a_room_stand_above_what_they_import(name):
    files = [file for file in FILES if room(file) == name]
    below = {file: {found for found, later in imported(file) if not later and found in files} for file in files}
    package = f"semlens_widgets.{name}"
    for file in files:  # `from . import x` names the package, whose own file imports all others
        below[file] -= {package} if file != package else set()
    TopologicalSorter(below).prepare()


def test_only_what_shows_itself_opens_a_room_above():
    below = rooms_below()

    def stands_on(upper, lower, seen=()):
        return lower in below[upper] or any(
            stands_on(step, lower, (*seen, step)) for step in below[upper] if step not in seen
        )

    upwards = {
        (room(name), room(found))
        for name in FILES
        for found, later in imported(name)
        if later and room(found) not in (room(name), "the door") and stands_on(room(found), room(name))
    }
    assert upwards == UPWARDS


def test_a_circle_would_be_found():
    with pytest.raises(CycleError):
        TopologicalSorter(rooms_below() | {"vectors": {"lens"}}).prepare()


def test_heavy_libraries_are_imported_behind_their_doors_only():
    doors = {
        "zennit": {"attribution"},
        "open_clip": {"clip"},
        "umap": {"layout"},
        "matplotlib": {"figures"},
        "anywidget": {"widgets"},
    }
    found = {library: set() for library in doors}
    for name, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for library in {module.split(".")[0] for module in modules} & set(doors):
                found[library].add(room(name))
    assert {library: rooms - {"demo"} for library, rooms in found.items()} == doors


def test_the_verbs_are_imported_without_torch_or_figures():
    heavy = "torch", "open_clip", "zennit", "umap", "matplotlib", "networkx"
    code = f"import sys, semlens_widgets; print(*[name for name in {heavy!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
