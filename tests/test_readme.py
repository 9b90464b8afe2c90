"""What the README says must be so. Its code is that of pages, where it runs (`test_docs.py`)."""

import re
from pathlib import Path

import semlens_widgets as sl

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n.*?```\n", README, re.S)


def test_it_can_be_read_in_a_minute():
    assert len(README.splitlines()) <= 100
    assert len(BLOCKS) == 2


def test_its_code_is_that_of_pages_which_run():
    pages = "".join((ROOT / "docs" / name).read_text("utf-8") for name in ("start.md", "own-model.md"))
    for block in BLOCKS:
        assert block in pages


def test_every_name_of_the_package_in_it_exists():
    for name in set(re.findall(r"\bsl\.([A-Za-z_.]+)", README)):
        target = sl
        for part in name.rstrip(".").split("."):
            assert hasattr(target, part), f"sl.{name}"
            target = getattr(target, part)


def test_every_block_fits_the_width_of_the_page():
    for block in BLOCKS:
        for line in block.splitlines():
            assert len(line) <= 110, line


def test_every_command_is_one_of_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    named = set(re.findall(r"`make ([a-z-]+)`", README))
    assert {"demo", "test", "docs"} <= named <= targets
