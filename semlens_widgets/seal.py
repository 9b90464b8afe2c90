"""The seal of a document: a chain of SHA-256 over its plan, its decisions and its results, and what it says later.

A seal shows that something was changed, and what. It does not say who made it: whoever changes a document can seal it
anew. That takes a signature (`signing.py`), or a note of the head that is kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

SCHEME = "semlens seal 1"
NAME = "seal"  # of the seal in its document
SIGNATURE = "signature"  # within it
_PARTS = {
    "plan": ("title", "model", "data", "clip", "space", "target", "thresholds", "centred", "checklist", "dossier"),
    "decisions": ("history", "verdicts", "conflicts", "reading"),
}  # all else are results
_ITEMS = ("history", "concepts", "pages", "sections")  # lists whose entries have a link each
_FIELDS = ("dossier", "thresholds", "model", "data")  # objects whose fields have a link each


def canonical(value: Any) -> bytes:
    """A JSON value as bytes, the same for equal values: names in order, no spaces, UTF-8."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its seal, last; one that it had is replaced."""
    bare = {name: value for name, value in document.items() if name != NAME}
    return {**bare, NAME: seal_of(bare)}


def seal_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The seal of a document: its scheme, a link for each piece, in order, and the head that all of them lead to."""
    links = [{"part": part, "of": of, "sha256": _hash(canonical(value))} for part, of, value in _pieces(document)]
    head = _hash(SCHEME.encode())
    for link in links:
        head = _hash(canonical([head, link["part"], link["of"], link["sha256"]]))
    return {"scheme": SCHEME, "links": links, "head": head}


def changes(document: Mapping[str, Any]) -> list[str]:
    """What differs from the seal that the document has, in words; nothing where it is whole."""
    seal = document.get(NAME)
    if not isinstance(seal, Mapping) or not isinstance(seal.get("links"), list):
        return ["it has no seal"]
    if seal.get("scheme") != SCHEME:
        return [f"its seal is of another kind ({str(seal.get('scheme'))[:60]!r}; this version knows {SCHEME!r})"]
    bare = {name: value for name, value in document.items() if name != NAME}
    new = seal_of(bare)
    was, now = (_digests(links) for links in (seal["links"], new["links"]))
    found = [f"{_words(key, bare)} was changed" for key in now if key in was and was[key] != now[key]]
    found += [f"{_words(key, bare)} was added" for key in now if key not in was]
    found += [f"{key[1]} was taken away" for key in was if key not in now]
    own = {name: value for name, value in seal.items() if name != SIGNATURE}
    if not found and own != new:
        found.append("the seal itself was changed")
    return found


def _pieces(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(part, name, value) of all that is sealed: the plan, then the decisions in order of time, then the results."""
    part_of = {name: part for part, names in _PARTS.items() for name in names}
    order = [*_PARTS, "results"]
    names = sorted(document, key=lambda name: (order.index(part_of.get(name, "results")), name))
    for name in names:
        part, value = part_of.get(name, "results"), document[name]
        if name in _ITEMS and isinstance(value, list):
            yield part, name, len(value)
            for number, item in enumerate(value):
                yield part, f"{name}[{number}]", item
        elif name in _FIELDS and isinstance(value, dict):
            yield part, name, sorted(value)
            for field in sorted(value):
                yield part, f"{name}.{field}", value[field]
        else:
            yield part, name, value


def _digests(links: list[Any]) -> dict[tuple[str, str], str]:
    known = [link for link in links if isinstance(link, Mapping)]
    return {(str(link.get("part")), str(link.get("of"))): str(link.get("sha256")) for link in known}


def _words(key: tuple[str, str], document: Mapping[str, Any]) -> str:
    """What a link is about, by name where it has one: "concepts[3] (ruler)"."""
    name, _, number = key[1].partition("[")
    items = document.get(name)
    if not number or not isinstance(items, list):
        return key[1]
    item = items[int(number[:-1])]
    if not isinstance(item, Mapping):
        return key[1]
    told = [str(item[known])[:60] for known in ("concept", "subject", "component", "title", "who") if item.get(known)]
    return f"{key[1]} ({', '.join(told)})" if told else key[1]


def _hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
