"""Fingerprints: hashes of what was found, without what a run of the thing changes by itself, such as a counter."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import libraries
from .graph import Graph, Slot, changed
from .visit import Files, look

_UNKNOWN = re.compile(r"unknown-[0-9a-f]{32}")
_WHY: dict[str, tuple[str, ...]] = {}
_LIBRARIES: dict[str, frozenset[str]] = {}  # by fingerprint
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
Run = Callable[[int], Any]  # runs things on the first or second of two inputs; gives what they answer


def fingerprint(thing: Any) -> str:
    """A hash of a model or function: all that its answers depend on. One that nothing else has where that is hidden."""
    return fingerprints({"it": thing})["it"]


def of_encoder(via: Any) -> str:
    """A hash of what a layer's `via` does to features; empty without one."""
    return "" if via is None else fingerprint(via)


def of_data(data: Any, run: Run | None = None) -> str:
    """A hash of a data set or transform: as `fingerprint`, and files and folders named in it count."""
    return fingerprints({"it": data}, run, data=True)["it"]


def fingerprints(
    things: Mapping[str, Any], run: Run | None = None, *, data: bool = False, read: Sequence[str] = ("forward",)
) -> dict[str, str]:
    """Hashes of several things that run together; `read` names what is called of them from outside.

    `run(0)` and `run(1)` let them answer two different inputs. What they change in themselves by that, such as
    counters or the features that were seen last, does not count; that it has no part in the answers is tried by
    `run(0)` a second time. Things that then answer otherwise get fingerprints that nothing else has.
    """

    files: Files = {}

    def looks() -> dict[str, Graph]:
        return {name: look(thing, data=data, read=read, files=files) for name, thing in things.items()}

    if run is None:
        return {name: _named(graph, frozenset()) for name, graph in looks().items()}
    try:
        first = run(0)
        before = looks()
        run(1)
        after = looks()
        again = run(0)
    except Exception:  # whatever keeps it from running is said when it is used
        return fingerprints(things, data=data, read=read)
    if not _alike(first, again):
        why = ("it answers otherwise when it sees the same image again (it draws at random, or keeps what it saw)",)
        return {name: _unknown(why) for name in things}
    return {name: _named(after[name], changed(before[name], after[name])) for name in things}


def reasons(text: str) -> tuple[str, ...]:
    """Why what `text` was made from cannot be told: one reason for each fingerprint in it that nothing else has."""
    reasons = (why for name in _UNKNOWN.findall(text) for why in _WHY.get(name, ("it was made in another session",)))
    return tuple(dict.fromkeys(reasons))


@dataclass(frozen=True, eq=False)
class Seen:
    """How a tool that is in use looked when it was last seen, and its fingerprint.

    Its code counts, and the modules, arrays, tensors and texts that it holds; numbers and collections do not, which
    may be counters and memories of its use.
    """

    graph: Graph
    fingerprint: str

    @classmethod
    def now(cls, thing: Any, read: Sequence[str], before: Seen | None = None) -> Seen:
        """How it looks; the fingerprint is that of before, unless it has changed since."""
        graph = look(thing, read=read, in_use=True)
        same = before is not None and not changed(before.graph, graph)
        name = before.fingerprint if before is not None and same else _named(graph, frozenset())
        return cls(replace(graph, alive=[]), name)

    def after_use(self, thing: Any, read: Sequence[str]) -> Seen:
        """The same, whatever using it has left in it, such as weights that are loaded now."""
        return Seen(replace(look(thing, read=read, in_use=True), alive=[]), self.fingerprint)


def combined(*parts: str) -> str:
    """One fingerprint of several, and of other texts."""
    why = reasons("\n".join(parts))
    return _unknown(why) if why else _kept(hashlib.sha256(json.dumps(parts).encode()).hexdigest(), _libraries(parts))


Packed = tuple[str, "tuple[str, ...]", "tuple[str, ...]"]


def packed(name: str) -> Packed:
    """A fingerprint for another process, with what this one knows of it: the libraries met, and why it is unknown."""
    return name, tuple(sorted(_libraries([name]))), _WHY.get(name, ())


def unpacked(packed: Packed) -> str:
    """The fingerprint, of which this process now knows what the other knew."""
    name, met, why = packed
    if why:
        _WHY[name] = why
    return _kept(name, frozenset(met) | _LIBRARIES.get(name, frozenset())) if name else name


def program(text: str) -> str:
    """What made, and will make, a result of the fingerprints in `text`: this package and the libraries met, in short.

    It stands beside a key, not in it: the same model and images are the same under another version of torch, but what
    that computed is not taken for this one's.
    """
    return hashlib.sha256(json.dumps(sorted(versions(text).values())).encode()).hexdigest()[:8]


def versions(text: str) -> dict[str, str]:
    """The same one by one: libraries with their versions, `{"torch": "torch 2.9.1"}`."""
    return {name: libraries.version(name) for name in _libraries([text]) | {"python", "torch", "semlens_widgets"}}


def _named(graph: Graph, without: frozenset[Slot]) -> str:
    hidden = graph.hidden(without)
    return _unknown(hidden) if hidden else _kept(graph.digest(without).hex(), graph.libraries)


def _kept(name: str, met: frozenset[str]) -> str:
    _LIBRARIES[name] = met
    return name


def _libraries(parts: Sequence[str]) -> frozenset[str]:
    return frozenset().union(*(_LIBRARIES.get(name, ()) for part in parts for name in _HASH.findall(part)))


def _unknown(why: Sequence[str]) -> str:
    name = f"unknown-{uuid.uuid4().hex}"
    _WHY[name] = tuple(why)
    return name


def _alike(one: Any, other: Any) -> bool:
    """Whether two answers are the same but for rounding."""
    import numpy as np

    if isinstance(one, Mapping):
        return all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if hasattr(one, "detach"):
        one, other = (value.detach().float().cpu().numpy() for value in (one, other))
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape or one.dtype.kind not in "fiub":
        return one.shape == other.shape and bool(np.all(one == other))
    largest = float(np.abs(one[np.isfinite(one)]).max(initial=0))
    return bool(np.allclose(one, other, rtol=1e-3, atol=1e-4 * max(largest, 1e-6), equal_nan=True))
