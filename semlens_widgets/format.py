"""What a `.semlens` file may hold: the table `format.json`, which Python and the windows both read a file by.

The table has the JSON document as a schema (a part of JSON Schema, and one `discriminator`: the schema of one member by
the value of another), and the arrays: their kind, their shape in named lengths, and what their numbers keep to. A name
stands for the same length in all arrays; some are lengths in the document. Names of arrays that the table lacks are
let through: they are for a later version, or for whoever attached them. `renamed` holds names that earlier versions
wrote, of arrays and of members, with the names of now.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .mapped import let_go

TABLE: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))

_LARGEST = 2**53  # of whole numbers: the largest that a browser tells from its neighbours
_ROWS = 4096  # of an array that are looked at at once
_LET_GO = 16 * _ROWS  # rows after which those of a mapped array are let go
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "null": (type(None),),
    "integer": (int,), "number": (int, float),
}  # fmt: skip
_SPOKEN = {
    "object": "an object", "array": "a list", "string": "a text", "boolean": "true or false", "null": "null",
    "integer": "a whole number", "number": "a number",
}  # fmt: skip
_KINDS = {"f": "float", "i": "int", "u": "int", "b": "bool"}


RENAMED: dict[str, str] = TABLE["renamed"]


class Unfit(ValueError):
    """Something that a `.semlens` file may not hold; the message says where it stands and what is needed."""


def check_document(document: Any) -> None:
    """Unfit unless a document is one that the table allows, with lists that fit together.

    Members under a name of an earlier version get their name of now, in place.
    """
    _check(document, TABLE["document"], "")
    for group in TABLE["same_length"]:
        sizes = {".".join(path): len(listed) for path in group if (listed := _at(document, path)) is not None}
        if len(set(sizes.values())) > 1:
            counts = " and ".join(map(str, sizes.values()))
            raise Unfit(f"{' and '.join(sizes)} have {counts} entries; they must have as many")
    layers = document["components"]
    for name, size, signed in zip(layers["layers"], layers["sizes"], layers["signed"], strict=True):
        if signed and size % 2:
            raise Unfit(f"components.sizes has {size} for {name!r:.60}; with both signs they are even")


def _check(value: Any, schema: Mapping[str, Any], where: str) -> None:
    wanted = schema["type"]
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if not any(_is(value, kind) for kind in kinds):
        raise Unfit(f"{where or 'the document'} is {_shown(value)}; needed is {' or '.join(_SPOKEN[k] for k in kinds)}")
    if "enum" in schema and value not in schema["enum"]:
        raise Unfit(f"{where} is {_shown(value)}; needed is {' or '.join(map(repr, schema['enum']))}")
    if isinstance(value, dict):
        _check_members(value, schema, where)
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf):
            raise Unfit(f"{where} has {len(value)} entries; needed are {_range(schema, 'minItems', 'maxItems')}")
        if "items" in schema and not _are_numbers(value, schema["items"]):
            for at, part in enumerate(value):
                _check(part, schema["items"], f"{where}[{at}]")
        if schema.get("uniqueItems") and len(set(value)) < len(value):
            raise Unfit(f"{where} names something twice")
    elif isinstance(value, int | float):
        low, high = schema.get("minimum", -_LARGEST), schema.get("maximum", _LARGEST)
        if not (isinstance(value, bool) or low <= value <= high):
            raise Unfit(f"{where} is {_shown(value)}; needed is a number {_range(schema, 'minimum', 'maximum')}")


def _are_numbers(values: list[Any], schema: Mapping[str, Any]) -> bool:
    """Whether all are numbers as needed. Long lists are mostly that, and it is told at once; else each is looked at."""
    if schema["type"] not in ("number", "integer") or schema.keys() - {"type", "minimum", "maximum"}:
        return False
    kinds = (int,) if schema["type"] == "integer" else (int, float)
    low, high = schema.get("minimum", -_LARGEST), schema.get("maximum", _LARGEST)
    return all(type(value) in kinds and low <= value <= high for value in values)


def _check_members(value: dict[str, Any], schema: Mapping[str, Any], where: str) -> None:
    known, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
    inner = f"{where}." if where else ""
    for name in RENAMED.keys() & value.keys():
        if RENAMED[name] in known and RENAMED[name] not in value:
            value[RENAMED[name]] = value.pop(name)
    for name in schema.get("required", ()):
        if name not in value:
            raise Unfit(f"{inner}{name} is missing")
    for name, part in value.items():
        if name in known:
            _check(part, known[name], inner + name)
        elif rest is False:
            raise Unfit(f"{inner}{name[:60]} is not known; there are {', '.join(known)}")
        elif rest is not True:
            _check(part, rest, inner + name[:60])
    if "discriminator" in schema:
        by, of, mapping = (schema["discriminator"][key] for key in ("by", "of", "mapping"))
        _check(value[of], mapping[value[by]], inner + of)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind]) and not (isinstance(value, float) and not math.isfinite(value))


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    text = json.dumps(value) if not isinstance(value, int) or abs(value) <= _LARGEST else "a number beyond 2^53"
    return text if len(text) <= 60 else f"{text[:60]}…"


def _range(schema: Mapping[str, Any], low: str, high: str) -> str:
    if high not in schema:
        return f"from {schema.get(low, -_LARGEST)}"
    return f"from {schema.get(low, 0)} to {schema[high]}"


def _at(document: Any, path: Sequence[str]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document


_HOW: dict[str, Callable[[Any], int]] = {"sum": sum, "length": len, "value": int}


class Lengths:
    """What the named lengths of a file come to: by its document, and by the shapes of its arrays.

    Unfit where two arrays, or an array and the document, say different lengths of one name, or an array is of another
    kind than the table says.
    """

    def __init__(self, document: Any, arrays: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]) -> None:
        self.known: dict[str, int] = {}
        self._source_of: dict[str, str] = {}
        for name, source in TABLE["lengths"].items():
            ((how, path),) = source.items()
            if (value := _at(document, path)) is not None:
                self._set_length(name, _HOW[how](value), ".".join(path))
        for name in TABLE["needed"]:
            if name not in arrays:
                raise Unfit(f"it has no array {name!r}")
        for name, (dtype, shape) in arrays.items():
            if name in TABLE["arrays"]:
                self._check_shape(name, dtype, shape)

    def _check_shape(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        rule = TABLE["arrays"][name]
        kind = "byte" if rule["kind"] == "byte" and dtype == np.uint8 else _KINDS[dtype.kind]
        if kind != rule["kind"]:
            raise Unfit(f"the array {name!r} holds {dtype} numbers; needed is {rule['kind']}")
        if len(shape) != len(rule["shape"]):
            raise Unfit(f"the array {name!r} has shape {list(shape)}; needed is {rule['shape']}")
        for length, wanted in zip(shape, rule["shape"], strict=True):
            if isinstance(wanted, str):
                self._set_length(wanted.removesuffix(" + 1"), length - wanted.endswith(" + 1"), f"the array {name!r}")
            elif length != wanted:
                raise Unfit(f"the array {name!r} has shape {list(shape)}; needed is {rule['shape']}")

    def _set_length(self, name: str, length: int, by: str) -> None:
        if self.known.setdefault(name, length) != length:
            raise Unfit(f"{by} says {length} for {name!r}, {self._source_of[name]} {self.known[name]}; they must agree")
        self._source_of.setdefault(name, by)

    def check_values(self, name: str, array: np.ndarray) -> None:
        """Unfit unless the numbers of an array, or of some of its rows, are such as the table allows."""
        rule = TABLE["arrays"].get(name)
        if rule is None or not array.size:
            return
        if rule.get("rows") == "unit":
            _check_unit(name, array)
        elif rule["kind"] == "float":
            _check_finite(name, array, rule.get("nan", False))
        if {"from", "to", "below"} & rule.keys():
            self._check_range(name, array, rule)
        if "order" in rule:
            self._check_order(name, array, rule)

    def _check_range(self, name: str, array: np.ndarray, rule: Mapping[str, Any]) -> None:
        low, high = rule.get("from", -math.inf), self._limit(rule)
        if "none" in rule:
            array = np.where(array == rule["none"], 0, array)
        known = array[~np.isnan(array)] if rule.get("nan") else array
        if known.size and not (known.min() >= low and known.max() <= high):
            worst = known.min() if not known.min() >= low else known.max()
            raise Unfit(f"the array {name!r} holds {worst:g}; needed are numbers from {low:g} to {high:g}")

    def _limit(self, rule: Mapping[str, Any]) -> float:
        if "below" in rule:
            return float(self.known.get(rule["below"], 0) - 1)
        limit = rule.get("to", math.inf)
        return float(self.known[limit] if isinstance(limit, str) else limit)

    def _check_order(self, name: str, array: np.ndarray, rule: Mapping[str, Any]) -> None:
        if rule["order"] == "falling":
            if not (array[:, 1:] <= array[:, :-1]).all():
                raise Unfit(f"the array {name!r} has a row that is not in falling order")
        elif rule["order"] == "rising":
            if not (array[1:] > array[:-1]).all():
                raise Unfit(f"the array {name!r} is not in rising order")
        elif array[0] != 0 or array[-1] != self.known[rule["of"]] or not (array[1:] >= array[:-1]).all():
            end = f"{self.known[rule['of']]}, the number of {rule['of']}s"
            raise Unfit(f"the array {name!r} does not rise from 0 to {end}")


def _check_finite(name: str, array: np.ndarray, nan: bool) -> None:
    for start in range(0, len(array), _ROWS):
        rows = array[start : start + _ROWS]
        if np.isinf(rows).any() if nan else not np.isfinite(rows).all():
            raise Unfit(f"the array {name!r} holds {'infinite numbers' if nan else 'NaN or infinite numbers'}")
        if not start % _LET_GO:
            let_go(array)


def _check_unit(name: str, array: np.ndarray) -> None:
    """Each row has length one, or is zero where there is no direction (of a dead component, an unreadable image)."""
    for start in range(0, len(array), _ROWS):
        rows = array[start : start + _ROWS].astype(np.float32, copy=False)
        squares = np.einsum("rd,rd->r", rows, rows)
        right = (np.abs(squares - 1) <= 2 * TABLE["unit"]) | (squares == 0)  # what is NaN is neither
        if not right.all():
            _check_finite(name, rows, False)
            length = math.sqrt(squares[right.argmin()])
            raise Unfit(f"the array {name!r} holds a vector of length {length:g}; needed is 1 (or 0: no direction)")
        if not start % _LET_GO:
            let_go(array)
