"""What a report's document must be: types and ranges, as `schema.json` beside this states them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

FORMAT = "semlens report 1"
_PICTURE = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_LONGEST_MESSAGE = 300


_RENAMED = {
    "still": "min_effect", "moves": "effect", "moves_low": "effect_low", "moves_high": "effect_high",
    "moved": "has_effect",
}  # fmt: skip


def renamed(document: Any) -> Any:
    """The document with the names of now where an earlier version wrote others; anything else as it is."""
    if not isinstance(document, Mapping):
        return document
    made = dict(document)
    if isinstance(thresholds := made.get("thresholds"), Mapping):
        made["thresholds"] = _with_names_of_now(thresholds)
    if isinstance(concepts := made.get("concepts"), list):
        made["concepts"] = [_with_names_of_now(c) if isinstance(c, Mapping) else c for c in concepts]
    return made


def _with_names_of_now(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name if _RENAMED.get(name, name) in part else _RENAMED[name]: value for name, value in part.items()}


def check(document: Any) -> None:
    """ValueError says what of a document is wrong, and where."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f'this is no report of a known form ("format": {FORMAT!r})')
    from fastjsonschema import JsonSchemaValueException

    try:
        json.dumps(document, allow_nan=False)  # NaN and infinity lie between any bounds
        _validator()(document, name_prefix="report")
    except JsonSchemaValueException as error:
        raise ValueError(f"this is no whole report: {error.message:.{_LONGEST_MESSAGE}}") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"this is no report: {error}") from None
    for name, picture in document["crops"].items():
        if not _PICTURE.fullmatch(picture):
            raise ValueError(f"the picture {name[:40]!r} of the report is not base64")


@cache
def _validator() -> Callable[..., Any]:
    import fastjsonschema

    schema = Path(__file__).with_name("schema.json").read_text(encoding="utf-8")
    compiled: Callable[..., Any] = fastjsonschema.compile(json.loads(schema))
    return compiled
