"""Checking the file of a report: what was changed since it was sealed, and who signed it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..seal import NAME, changes
from ..signing import Key
from ..writing import to_text_bytes
from .document import Report
from .signature import as_json, of_signature


@dataclass(frozen=True)
class SealCheck:
    """What a report's seal says: true where nothing was changed and every signature that is asked for is valid.

    Attributes
    ----------
    changes
        What was changed since the report was sealed, in words.
    head
        The head of the seal; the same head kept elsewhere shows that nobody sealed it anew.
    signature
        "valid"; "valid, key not given", where it fits the key that the report itself names; "valid, by another key"
        than the one that was given; "invalid"; "missing", where a key was given and nobody signed; "" where there is
        none and none was asked for; "not checked" where the package cryptography is not installed.
    signed_by
        The public key that the report names, in hexadecimal digits; "" where it is not signed.

    Examples
    --------
    >>> _ = lens.audit(sl.Checklist(spurious=["ruler"]), target="melanoma", progress=False)
    >>> check = sl.verify_report(lens.write_report("audit.json"))
    >>> bool(check), check.changes
    (True, ())
    """

    changes: tuple[str, ...]
    head: str = ""
    signature: str = ""
    signed_by: str = ""

    def __bool__(self) -> bool:
        return not self.changes and self.signature in ("", "valid", "valid, key not given")

    @property
    def sentence(self) -> str:
        """All of it, in words."""
        if self.changes:
            told = f"Changed since it was sealed: {'; '.join(self.changes)}."
        else:
            told = f"Nothing was changed since it was sealed (head {self.head})."
        by = {
            "valid": f" The signature is valid, by the key {self.signed_by}.",
            "valid, key not given": f" The signature fits the key that the report names, {self.signed_by}: whose that "
            "is you must know, or give public_key=.",
            "valid, by another key": f" It is signed by the key {self.signed_by}, which is not the one given.",
            "invalid": " The signature is invalid.",
            "missing": " It is not signed.",
            "not checked": " It is signed; checking that needs cryptography: pip install 'semlens-widgets[sign]'.",
        }
        anew = " It is not signed: whoever changed it could have sealed it anew; hold the head against a copy."
        return told + by.get(self.signature, "" if self.changes else anew)

    def __repr__(self) -> str:
        return f"<{'whole' if self else 'NOT WHOLE'}: {self.sentence}>"


def verify_report(
    path: str | os.PathLike[str], public_key: Key | None = None, *, also: Sequence[str | os.PathLike[str]] = ()
) -> SealCheck:
    """What was changed in a report since it was sealed, and whether its signature is valid.

    Parameters
    ----------
    path
        Of its `.json`.
    public_key
        Of who should have signed it: a PEM file, or what one holds. Without one, a signature is held against the key
        that the report itself names; whose key that is you must know.
    also
        Files of the same report (`.html`, `.md`, `.csv`), held against what its JSON gives, byte for byte. That takes
        the version that made them.

    Returns
    -------
    SealCheck
        Whether it is as it was sealed, and what is not.

    Raises
    ------
    FileNotFoundError
        Where there is no file.

    Notes
    -----
    Every change is seen, of one byte, too: of content it is said what was changed, of spaces, order and spelling that
    the file is written otherwise. A seal shows changes; that nobody sealed it anew, only a signature or a head kept
    elsewhere can say.

    Examples
    --------
    >>> _ = lens.audit(sl.Checklist(spurious=["ruler"]), target="melanoma", progress=False)
    >>> path = lens.write_report("audit.json")
    >>> _ = path.write_text(path.read_text().replace("ruler", "hair"))
    >>> bool(sl.verify_report(path))
    False
    """
    raw = Path(path).read_bytes()
    try:
        document = json.loads(raw, parse_constant=_refuse)
        found = changes(document) if isinstance(document, dict) else ["the file is no report"]
    except (ValueError, RecursionError) as error:
        return SealCheck((f"the file is no JSON that a report may be ({error})",))
    if not isinstance(document, dict):
        return SealCheck(tuple(found))
    seal = document.get(NAME)
    if not found and raw != to_text_bytes(as_json(document)):
        found = ["the file is written otherwise (spaces, order, or the spelling of a number or letter); its content is "
                 "the same"]  # fmt: skip
    if not isinstance(seal, dict):
        return SealCheck(tuple(found), signature="missing" if public_key is not None else "")
    if not found:
        found += _others(document, also)
    return SealCheck(tuple(found), str(seal.get("head", ""))[:64], *of_signature(seal, public_key))


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _others(document: dict[str, Any], paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    found = []
    for other in map(Path, paths):
        if other.read_bytes() != to_text_bytes(Report(document).to_text(other)):
            found.append(f"{other.name} is not what the JSON gives")
    return found
