"""Signing the seal of a report, and what there is to say of a signature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..seal import NAME, SIGNATURE, changes
from ..signing import Key, is_valid, sign
from ..signing import public_key as digits_of

_MESSAGE = "semlens report, seal {}"


def signed(document: Mapping[str, Any], key: Key, password: str | None = None) -> dict[str, Any]:
    """The document with its seal signed. ValueError where it was changed since it was sealed."""
    if found := changes(document):
        raise ValueError(f"this report is not as it was sealed ({'; '.join(found[:3])}); sign it as it was made")
    seal = {name: value for name, value in document[NAME].items() if name != SIGNATURE}
    return {**document, NAME: {**seal, SIGNATURE: sign(_message(seal), key, password)}}


def _message(seal: Mapping[str, Any]) -> bytes:
    return _MESSAGE.format(seal.get("head")).encode()


def as_json(document: Mapping[str, Any]) -> str:
    """The text of a report's file: always the same for the same document."""
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def of_signature(seal: Mapping[str, Any], key: Key | None) -> tuple[str, str]:
    """(what there is to say of the signature, the key it names)."""
    wanted = None if key is None else digits_of(key)
    if SIGNATURE not in seal:
        return ("" if key is None else "missing"), ""
    signature = seal[SIGNATURE]
    named = str(signature.get("public_key", ""))[:128] if isinstance(signature, dict) else ""
    try:
        valid = is_valid(_message(seal), signature)
    except ModuleNotFoundError:
        return "not checked", named
    if not valid:
        return "invalid", named
    if wanted is None:
        return "valid, key not given", named
    return ("valid" if wanted == named else "valid, by another key"), named
