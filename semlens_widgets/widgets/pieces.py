"""Large and plain messages: hosts there are that lose the buffers of a message, or a message that is too large.

Buffers together larger than `MOST` travel in pieces, each a message of its own before the one they belong to; where
buffers are lost at all (the browser finds that out and says so) they stand as base64 in the text. `js/shared/pieces.js`
is the other end.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from typing import Any

MOST = 700_000  # bytes of a message's buffers: as base64, with all around it, less than 1 MB
_WHOLE = 64 * 2**20  # of what a browser may send in pieces

Message = tuple[dict[str, Any], list[bytes]]


def messages(last: dict[str, Any], buffers: Sequence[bytes], plain: bool) -> Iterator[Message]:
    """The messages that carry one with its buffers: `last` comes last, pieces of its buffers before it."""
    if sum(map(len, buffers)) > MOST:
        whole = b"".join(buffers)
        cuts = range(0, len(whole), MOST)
        for number, start in enumerate(cuts):
            piece = {"kind": "part", "id": last["id"], "at": number, "of": len(cuts)}
            yield _carried(piece, [whole[start : start + MOST]], plain)
        yield last | {"sizes": [len(buffer) for buffer in buffers]}, []
    else:
        yield _carried(last, list(buffers), plain)


def _carried(message: dict[str, Any], buffers: list[bytes], plain: bool) -> Message:
    if not plain or not buffers:
        return message, buffers
    return message | {"texts": [b64encode(buffer).decode() for buffer in buffers]}, []


class Received:
    """What came in pieces, by the id of the request they belong to."""

    def __init__(self) -> None:
        self._parts: dict[str, list[bytes]] = {}

    def part(self, message: dict[str, Any], buffers: Sequence[Any]) -> None:
        """Keep a piece. ValueError where there are too many."""
        parts = self._parts.setdefault(message["id"], [])
        parts += [bytes(buffer) for buffer in carried(message, buffers)]
        if sum(len(part) for kept in self._parts.values() for part in kept) > _WHOLE:
            self._parts.clear()
            raise ValueError(f"more than {_WHOLE >> 20} MiB came in pieces; send a smaller file")

    def buffers(self, message: dict[str, Any], buffers: Sequence[Any]) -> list[Any]:
        """The buffers of a request, from its pieces where it came in such. ValueError where some are missing."""
        parts = self._parts.pop(message["id"], [])
        sizes = message.get("sizes")
        if sizes is None:
            return carried(message, buffers)
        whole, found, at = b"".join(parts), [], 0
        sensible = isinstance(sizes, list) and all(isinstance(n, int) and n >= 0 for n in sizes)
        if not sensible or sum(sizes) != len(whole):
            raise ValueError(f"{len(whole)} bytes came in pieces; expected are {sizes}")
        for size in sizes:
            found.append(whole[at : at + size])
            at += size
        return found


def carried(message: dict[str, Any], buffers: Sequence[Any]) -> list[Any]:
    """The buffers of one message, or what stands for them in its text. ValueError for what is no base64."""
    texts = message.get("texts")
    return list(buffers) if texts is None else [b64decode(text, validate=True) for text in texts]
