"""What ARCHITECTURE.md, CONTRIBUTING.md and SECURITY.md name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "semlens_widgets"
DOCUMENTS = ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"]
PLACE = re.compile(r"[A-Za-z_][\w./-]*(?:\.(?:py|js|json|md|css|mjs)|/)")
FREE = {"view.css", "view.test.js", "x.audit.json"}  # of a view or a lens that is to be made


def named(document):
    """Every file or folder that stands between backticks."""
    text = re.sub(r"^```.*?^```", "", (ROOT / document).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for quoted in re.findall(r"`([^`]+)`", text):
        if PLACE.fullmatch(quoted) and "NAME" not in quoted and quoted not in FREE:
            yield quoted


@pytest.mark.parametrize("document", DOCUMENTS)
def test_places_are_there(document):
    beside = {path.name for path in PACKAGE.rglob("*.py")}
    missing = [
        place
        for place in named(document)
        if not (ROOT / place).exists() and not (PACKAGE / place).exists() and place not in beside
    ]
    assert not missing


def test_most_of_the_house_is_named():
    assert len(set(named("ARCHITECTURE.md"))) > 30
    assert len(set(named("CONTRIBUTING.md"))) > 15


def test_every_room_has_a_floor():
    floors = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    rooms = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    assert len(rooms) > 10
    assert not [room for room in rooms if f"`{room}/`" not in floors]


def test_a_missing_place_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr("test_documents.ROOT", tmp_path)
    (tmp_path / "SECURITY.md").write_text("see `semlens_widgets/nowhere.py`")
    with pytest.raises(AssertionError):
        test_places_are_there("SECURITY.md")
