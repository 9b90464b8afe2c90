"""One page that shows a lens anywhere: the window over the saved words, and what was found, in a single HTML file."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from . import markup, store
from .session import Session, file
from .space import Thumbnails
from .widgets.recorded import recorded
from .widgets.widget import bundle
from .writing import write_text

EXAMPLES = 10  # of each component with a picture: what a card shows
LIMIT_MB = 50.0
_NEEDED = ("words", "labels", "own_labels", "answers")  # parts of the file that its views ask for
_DROPPED = ("crop_vectors", "null_vectors", "example_peaks", "example_boxes", "sums", "squares", "nonzero",
            "labels/vectors", "labels/z")  # fmt: skip
_FOUND = {"compare": "Comparison", "prediction": "One prediction"}  # what needs a model or another lens: as pictures


def to_html(
    session: Session, path: str | os.PathLike[str], *, examples: int = EXAMPLES, limit_mb: float | int = LIMIT_MB
) -> Path:
    """Write the page. See `Lens.to_html`."""
    if examples < 1:
        raise ValueError(f"examples={examples}; each component needs at least one picture")
    if not limit_mb > 0:
        raise ValueError(f"limit_mb={limit_mb}; give the largest size the page may have, in MB")
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{os.fspath(path)!r} is no name of a page; end it in .html")
    held = _held(session, examples)
    page = _page(session, held)
    size = len(page.encode()) / 1e6
    if size > limit_mb:
        raise ValueError(
            f"the page would have {size:.1f} MB, more than limit_mb={limit_mb:g}; keep fewer pictures "
            f"(examples={max(1, examples // 2)}), fit with smaller ones (thumbnail=64), or raise limit_mb"
        )
    return write_text(Path(path), page)


def _held(session: Session, examples: int) -> bytes:
    """The bytes of a `.semlens` file with what the window's views ask for, and the first pictures of each component."""
    arrays, document = without_pictures(session)
    return store.to_bytes(arrays | _pictures(session, examples), document | {"pictured": examples})


def without_pictures(session: Session) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What of a lens's file the window's views ask for where there is no kernel, all but the pictures."""
    arrays, document = file.to_file(session, recorded(session))
    kept = {
        name: array
        for name, array in arrays.items()
        if name not in _DROPPED
        and not name.startswith(("thumbnail", "sample"))
        and ("/" not in name or name.split("/")[0] in _NEEDED)
    }
    parts = {name: part for name, part in document["extra"].get("parts", {}).items() if name in _NEEDED}
    return kept, document | {"extra": document["extra"] | {"parts": parts}}


def _pictures(session: Session, examples: int) -> dict[str, np.ndarray]:
    """The thumbnails of each component's first examples; the others are empty."""
    whole = session.space.thumbnails
    data, shown = whole.data.tobytes(), set(session.space.crop_of[:, :examples].ravel().tolist())
    made = [data[a:b] if crop in shown else b"" for crop, (a, b) in enumerate(pairwise(whole.offsets))]
    return Thumbnails.of(made).to_arrays()


def _page(session: Session, held: bytes) -> str:
    parts: Mapping[str, Any] = bundle("page")
    script = str(parts["_esm"]).replace("</script", "<\\/script").replace("<!--", "<\\!--")
    data = b64encode(held).decode()
    return markup.render(
        "page.html.j2",
        name=session.name,
        made_from=_made_from(session),
        megabytes=len(data) / 1e6,
        style=Markup(str(parts["_css"]).replace("</style", "<\\/style")),
        found=_found(session),
        data=data,
        script=Markup(script),
        # Only this script runs, whatever else may come to stand in the page.
        script_hash=Markup(f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}"),
    )


def _made_from(session: Session) -> str:
    from .figures.made_from import made_from

    return made_from(session.space)


def _found(session: Session) -> list[tuple[str, Markup]]:
    """What the window cannot show without a kernel, as pictures with their captions."""
    from .figures.views import figure_of_view

    pictures = []
    for view, title in _FOUND.items():
        try:
            pictures.append((title, Markup(figure_of_view(session, view, theme="light").to_html(dpi=144))))
        except ValueError:
            continue  # not made yet
    return pictures
