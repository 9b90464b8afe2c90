"""What `make docs` says at its end: pages, blocks of Python, public names, seconds.

    python docs/summary.py docs/_build/html
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pages

import semlens_widgets as sl

DOCS = Path(__file__).parent


def documented(site: Path) -> set[str]:
    """The public names that have an entry on a built page of the reference."""
    text = "".join(page.read_text("utf-8") for page in (site / "reference").glob("*.html"))
    return {name for name in sl.__all__ if re.search(rf'id="(?:module-)?semlens_widgets\.{name}"', text)}


def summary(site: Path) -> str:
    """One line."""
    sources = [*DOCS.glob("*.md"), *(DOCS / "reference").glob("*.md")]
    blocks = sum(len(pages.blocks(source.read_text("utf-8"))) for source in sources)
    built = [page for page in site.rglob("*.html") if page.relative_to(site).parts[0] not in ("made", "_static")]
    began = (site.parent / "began").stat().st_mtime
    return (
        f"{len(built)} pages · {blocks} blocks of Python, run by the tests · "
        f"{len(documented(site))} of {len(sl.__all__)} public names · {time.time() - began:.0f} s"
    )


if __name__ == "__main__":
    print(summary(Path(sys.argv[1])))
