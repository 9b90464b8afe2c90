"""What was found of a thing as a graph, its hash, and what differs between two looks at it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any


@dataclass(frozen=True)
class Ref:
    """Another node, by its number."""

    node: int


@dataclass(frozen=True)
class Unordered:
    """Values whose order means nothing."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Hidden:
    """Something whose content cannot be told, and why; `which` tells it from others of its kind."""

    why: str
    which: int = 0


if TYPE_CHECKING:
    Value = bytes | Ref | Unordered | Hidden | tuple["Value", ...]
else:
    Value = Any  # runtime checkers do not follow a type into itself
Slot = tuple[int, str]  # (node, name of what it holds)


@dataclass
class Node:
    """A thing with an identity: what it is, what a reader calls it, and what it holds by name."""

    label: bytes
    name: str
    slots: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """A thing and all that it reaches."""

    root: Value
    nodes: dict[int, Node]
    libraries: frozenset[str] = frozenset()  # whose code was met, each known by its name here
    alive: list[Any] = field(default_factory=list, repr=False)  # the things, so that no number is given twice

    def digest(self, without: frozenset[Slot] = frozenset()) -> bytes:
        """The same for the same content, wherever it lies in memory; `without` some slots."""
        return self._digest(self.root, without, frozenset())

    def _digest(self, value: Value, without: frozenset[Slot], within: frozenset[Unordered]) -> bytes:
        digest = hashlib.sha256()
        numbers: dict[int, int] = {}
        order: list[int] = []

        def write(value: Value) -> None:
            if isinstance(value, bytes):
                digest.update(b"b%d:" % len(value) + value)
            elif isinstance(value, Ref):
                if value.node not in numbers:
                    numbers[value.node] = len(order)
                    order.append(value.node)
                digest.update(b"r%d," % numbers[value.node])
            elif isinstance(value, Hidden):
                digest.update(b"?")
            elif isinstance(value, Unordered):
                digest.update(b"{%d:" % len(value.values))
                for _, part in self._ordered(value, without, within):
                    write(part)
            else:
                digest.update(b"(%d:" % len(value))
                for part in value:
                    write(part)

        write(value)
        for node in order:  # grows while it is gone through
            content = self.nodes[node]
            digest.update(b"n%d:" % len(content.label) + content.label)
            for name in sorted(content.slots):
                if (node, name) not in without:
                    digest.update(b"s%d:" % len(name.encode(errors="surrogatepass")))
                    digest.update(name.encode(errors="surrogatepass"))
                    write(content.slots[name])
        return digest.digest()

    def _ordered(
        self, unordered: Unordered, without: frozenset[Slot], within: frozenset[Unordered]
    ) -> list[tuple[bytes, Value]]:
        """The values with a hash of each, in the order of the hashes; one that holds its own set has none."""
        if unordered in within:
            return [(b"", value) for value in unordered.values]
        inner = within | {unordered}
        pairs = [
            (value if isinstance(value, bytes) else self._digest(value, without, inner), value)
            for value in unordered.values
        ]
        return sorted(pairs, key=lambda pair: pair[0])

    def hidden(self, without: frozenset[Slot] = frozenset()) -> list[str]:
        """What cannot be told, each as `where: why`."""
        reasons = [why.why for why in _hidden(self.root)]
        waiting, seen = [(number, "") for number in _refs(self.root)], set[int]()
        while waiting:
            number, where = waiting.pop()
            if number in seen:
                continue
            seen.add(number)
            node = self.nodes[number]
            for name, value in node.slots.items():
                if (number, name) in without:
                    continue
                place = f"{node.name}{name}" if name.startswith(".") else f"{node.name}, {name}"
                reasons += [f"{where if name == 'content' and where else place}: {why.why}" for why in _hidden(value)]
                waiting += [(other, place) for other in _refs(value)]
        return list(dict.fromkeys(reasons))


def changed(before: Graph, after: Graph) -> frozenset[Slot]:
    """The slots of a thing that hold something else in a second look at it."""

    def same(one: Value, other: Value) -> bool:
        if isinstance(one, tuple) and isinstance(other, tuple):
            return len(one) == len(other) and all(map(same, one, other))
        if isinstance(one, Ref) and isinstance(other, Ref):
            known = one.node == other.node and one.node in before.nodes and one.node in after.nodes
            return known or before._digest(one, frozenset(), frozenset()) == after._digest(
                other, frozenset(), frozenset()
            )
        if isinstance(one, Unordered) and isinstance(other, Unordered):
            nothing: frozenset[Slot] = frozenset()
            mine = [digest for digest, _ in before._ordered(one, nothing, frozenset())]
            return mine == [digest for digest, _ in after._ordered(other, nothing, frozenset())]
        return one == other

    slots = set[Slot]()
    for number in before.nodes.keys() & after.nodes.keys():
        one, other = before.nodes[number], after.nodes[number]
        if one.label != other.label:
            slots.add((number, ""))
        for name in one.slots.keys() | other.slots.keys():
            if name not in one.slots or name not in other.slots or not same(one.slots[name], other.slots[name]):
                slots.add((number, name))
    return frozenset(slots)


def _hidden(value: Value) -> Iterator[Hidden]:
    if isinstance(value, Hidden):
        yield value
    elif isinstance(value, tuple | Unordered):
        for part in value.values if isinstance(value, Unordered) else value:
            yield from _hidden(part)


def _refs(value: Value) -> Iterator[int]:
    if isinstance(value, Ref):
        yield value.node
    elif isinstance(value, tuple | Unordered):
        for part in value.values if isinstance(value, Unordered) else value:
            yield from _refs(part)
