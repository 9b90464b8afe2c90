"""What a report's document must be: types and ranges, as `schema.json` beside this states them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

FORMAT = "semlens report 1"
_PICTURE = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_LONGEST_MESSAGE = 300


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
