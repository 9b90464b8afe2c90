"""Runs the Python of a page as it stands there: the tests do it for every page, the build for those that make pictures.

A page is Markdown. Its blocks of ```python run from top to bottom in one namespace, in a folder of their own; what they
save there is what the page shows. A comment `<!--run … -->` holds lines that readers need not see: what stands in for a
download, or a smaller number of images.

    python docs/pages.py gallery start        # makes docs/made/gallery/… and docs/made/start/…
"""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
MADE = DOCS / "made"
MAKERS = ("start", "searching", "audit", "gallery")  # pages that show what their own code has saved
_BLOCK = re.compile(r"^```python\n(?P<shown>.*?)^```$|^<!--run\n(?P<hidden>.*?)^-->$", re.DOTALL | re.MULTILINE)


def blocks(text: str) -> list[tuple[int, str]]:
    """The code of a page, (line it begins after, code) each."""
    found = []
    for match in _BLOCK.finditer(text):
        group = "shown" if match["shown"] is not None else "hidden"
        found.append((text.count("\n", 0, match.start(group)), match[group]))
    return found


def run(page: Path, folder: Path) -> dict[str, Any]:
    """The names of a page after all its code has run in `folder`; errors name the page and its line."""
    names: dict[str, Any] = {}
    with contextlib.chdir(folder) if sys.version_info >= (3, 11) else _inside(folder):
        for line, code in blocks(page.read_text("utf-8")):
            exec(compile("\n" * line + code, str(page), "exec"), names)
    return names


@contextlib.contextmanager
def _inside(folder: Path) -> Any:
    """`contextlib.chdir`, which Python 3.10 has not."""
    import os

    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def make(name: str) -> None:
    """Run one page for what it saves."""
    folder = MADE / name
    folder.mkdir(parents=True, exist_ok=True)
    run(DOCS / f"{name}.md", folder)


if __name__ == "__main__":
    for wanted in sys.argv[1:] or MAKERS:
        make(wanted)
