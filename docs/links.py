"""Every link of the built pages that stays within them leads somewhere: files, pictures, windows, anchors."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """What a page points at, and what in it can be pointed at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.anchors: set[str] = {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value is not None:
                self.targets.add(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def broken(site: Path) -> list[str]:
    """One line for each link of `site` that leads nowhere."""
    made = {path.resolve(): _Page(path.read_text("utf-8")) for path in site.rglob("*.html") if not _foreign(path, site)}
    found = []
    for path, page in made.items():
        for target in page.targets:
            url = urlsplit(target)
            if url.scheme or url.netloc:
                continue
            there = (path.parent / unquote(url.path)).resolve() if url.path else path
            if there.is_dir():
                there = there / "index.html"
            if not there.exists():
                found.append(f"{path.relative_to(site.resolve())}: {target} is not there")
            elif there in made and unquote(url.fragment) not in made[there].anchors:
                found.append(f"{path.relative_to(site.resolve())}: {target} has no such place")
    return sorted(found)


def _foreign(path: Path, site: Path) -> bool:
    """Pages of a lens and files to download are no pages of the site."""
    return path.relative_to(site).parts[0] in ("made", "_downloads", "_static")


if __name__ == "__main__":
    lines = broken(Path(sys.argv[1]))
    print("\n".join(lines) or "every link leads somewhere")
    sys.exit(bool(lines))
