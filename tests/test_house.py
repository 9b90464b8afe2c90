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


@cache
def imported(name):
    """All modules of the package that a file imports: also within functions, and for types only."""
    path = FILES[name]
    within = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = within[: len(within) - node.level + 1] if node.level else []
            source = ".".join([*start, *(node.module or "").split(".")]).rstrip(".")
            names = {alias.name: f"{source}.{alias.name}" for alias in node.names}
            found |= {full if full in FILES else source for full in names.values()}
    return found & FILES.keys() - {name}


def room(name):
    return name.split(".")[1] if "." in name else "the door"


@cache
def rooms_below():
    """Per room, what its files import of other rooms."""
    below = {room(name): set() for name in FILES}
    for name in FILES:
        below[room(name)] |= {room(found) for found in imported(name)} - {room(name)}
    return below


def test_rooms_stand_above_what_they_import():
    below = rooms_below()
    assert len(below) > 30
    TopologicalSorter(below).prepare()  # CycleError names the rooms


@pytest.mark.parametrize("name", sorted({room(name) for name in FILES if name.count(".") > 1}))
def test_files_of_a_room_stand_above_what_they_import(name):
    files = [file for file in FILES if room(file) == name]
    below = {file: {found for found in imported(file) if found in files} for file in files}
    TopologicalSorter(below).prepare()


def test_windows_and_figures_know_the_session_and_no_lens():
    below = rooms_below()
    assert {"search", "space", "examples"} <= below["session"]
    assert {"session", "figures", "widgets", "page"} <= below["lens"]
    for upper in ("figures", "widgets", "page"):
        assert "session" in below[upper]
        assert "lens" not in below[upper]


def test_a_circle_would_be_found():
    with pytest.raises(CycleError):
        TopologicalSorter(rooms_below() | {"vectors": {"lens"}}).prepare()


def test_imports_of_functions_and_for_types_are_seen():
    assert "semlens_widgets.figures" in imported("semlens_widgets")  # in a function
    assert "semlens_widgets.widgets" in imported("semlens_widgets.lens")  # for a type


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
    heavy = "torch", "open_clip", "zennit", "umap", "matplotlib", "networkx", "scipy.stats", "sklearn"
    code = f"import sys, semlens_widgets; print(*[name for name in {heavy!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_files_of_tests_have_names_of_their_own():
    """pytest imports two files of one name as one module, and then collects neither."""
    names = [path.stem for path in Path(__file__).parent.rglob("test_*.py")]
    assert {name for name in names if names.count(name) > 1} == set()
