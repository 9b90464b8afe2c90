"""Frozen values to and from one `.semlens` file.

A `.semlens` file is a safetensors file: arrays are tensors, everything else is one JSON document in the
header. No pickle, so a stranger's file cannot run code; memory-mapped, so a large one opens at once; and a
browser can read it in ranges. Every array carries a checksum that is compared when it is first touched.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save, save_file

from .vectors import frozen
from .writing import replacing

FORMAT = "semlens"
VERSION = 1
_HEADER_LIMIT = 100_000_000  # the limit of the safetensors format itself
_DTYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "U16": np.uint16, "I16": np.int16, "U32": np.uint32,
    "I32": np.int32, "U64": np.uint64, "I64": np.int64, "F16": np.float16, "F32": np.float32, "F64": np.float64,
}  # fmt: skip


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


class SemlensFileError(ValueError):
    """A file that is not a whole, undamaged `.semlens` file of a known version."""


def packed(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Texts as one run of bytes and the offsets between them, for a file. Any text passes, also a broken file name."""
    encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(e) for e in encoded])]).astype(np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def unpacked(run: np.ndarray, offsets: np.ndarray) -> list[str]:
    """The texts that were `packed`."""
    whole = run.tobytes()
    return [whole[a:b].decode("utf-8", "surrogateescape") for a, b in pairwise(offsets)]


def write(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], document: Mapping[str, Any]) -> Path:
    """Write arrays and one JSON document; the file appears whole or not at all.

    The same input gives the same bytes: keys are sorted and nothing of the moment is written. OSError where it cannot
    be written: a full disk, a folder that may not be changed.
    """
    path = Path(path)
    arrays, metadata = _laid_out(arrays, document)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        try:
            save_file(arrays, temporary, metadata=metadata)
        except SafetensorError as error:
            raise OSError(f"cannot write {str(path)!r} ({error}); is the disk full?") from error
    return path


def to_bytes(arrays: Mapping[str, np.ndarray], document: Mapping[str, Any]) -> bytes:
    """What `write` writes."""
    laid_out, metadata = _laid_out(arrays, document)
    return save(laid_out, metadata)


def _laid_out(
    arrays: Mapping[str, np.ndarray], document: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays as they are written, and the header beside them."""
    arrays = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "checksums": {name: _checksum(a) for name, a in arrays.items()},
        "document": document,
    }
    text = json.dumps(header, sort_keys=True, allow_nan=False, separators=(",", ":"))
    header["header_checksum"] = zlib.crc32(text.encode())
    return arrays, {FORMAT: json.dumps(header, sort_keys=True, separators=(",", ":"))}


class Stored(Mapping[str, np.ndarray]):
    """An open `.semlens` file: its JSON `document`, and its arrays as read-only memory maps by name.

    `stored[name]` compares the array's checksum when it is first touched and raises SemlensFileError if it
    differs. `stored.unchecked(name)` maps an array whose parts carry checksums of their own.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise FileNotFoundError(f"no file {str(self.path)!r}")
        if self.path.is_dir():
            raise SemlensFileError(f"{self.path} is a folder, not a .semlens file")
        self._tensors, self._start, header = _read_header(self.path)
        self.document: dict[str, Any] = header["document"]
        self._checksums: dict[str, int] = header["checksums"]
        self._checked: dict[str, np.ndarray] = {}

    def unchecked(self, name: str) -> np.ndarray:
        dtype, shape, begin = self._tensors[name]
        if 0 in shape:
            return frozen(np.zeros(shape, dtype))
        mapped = np.memmap(self.path, dtype=dtype, mode="r", offset=self._start + begin, shape=shape)
        return frozen(np.asarray(mapped))

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._checked:
            array = self.unchecked(name)
            if _checksum(array) != self._checksums.get(name):
                raise SemlensFileError(f"{self.path}: the array {name!r} is damaged (its checksum does not match)")
            self._checked[name] = array
        return self._checked[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


class Section(Mapping[str, np.ndarray]):
    """The arrays of a file whose names begin with `name/`, by the rest of their names; read when touched."""

    def __init__(self, arrays: Mapping[str, np.ndarray], name: str) -> None:
        self._arrays, self._prefix = arrays, f"{name}/"

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        return (name[len(self._prefix) :] for name in self._arrays if name.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)


_Tensors = dict[str, tuple[np.dtype[Any], tuple[int, ...], int]]


def _read_header(path: Path) -> tuple[_Tensors, int, dict[str, Any]]:
    def damaged(what: str) -> SemlensFileError:
        return SemlensFileError(f"{path} is not a readable .semlens file: {what}")

    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        if len(prefix) < 8:
            raise damaged(f"it has {size} bytes, too few for a header")
        length = int.from_bytes(prefix, "little")
        if length > min(_HEADER_LIMIT, size - 8):
            raise damaged(f"its header claims {length} bytes, the file has {size} (another kind of file?)")
        raw = file.read(length)
    try:
        table = json.loads(raw)
        metadata = table.pop("__metadata__")
        header = json.loads(metadata[FORMAT])
        stated = header.pop("header_checksum")
    except KeyError as missing:
        raise damaged(f"its header has no {missing} (another safetensors file?)") from None
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise damaged("its header is not the JSON we write") from None
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    if zlib.crc32(text.encode()) != stated:
        raise damaged("its header is damaged (checksum does not match)")
    if header["version"] > VERSION:
        raise damaged(f"it has format version {header['version']}, this program reads up to {VERSION}")
    tensors, start = _tensor_table(table, size - 8 - length, damaged), 8 + length
    if set(tensors) != set(header["checksums"]):
        raise damaged("arrays and checksums do not agree")
    return tensors, start, header


def _tensor_table(table: dict[str, Any], room: int, damaged: Any) -> _Tensors:
    tensors: _Tensors = {}
    end = 0
    try:
        for name, entry in sorted(table.items(), key=lambda item: item[1]["data_offsets"]):
            dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(int(n) for n in entry["shape"])
            begin, stop = (int(n) for n in entry["data_offsets"])
            if begin != end or min(shape, default=0) < 0 or stop - begin != math.prod(shape) * dtype.itemsize:
                raise damaged(f"the place of array {name!r} does not fit its shape {shape}")
            tensors[name], end = (dtype, shape, begin), stop
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, SemlensFileError):
            raise
        raise damaged("its array table is damaged") from None
    if end != room:
        raise damaged(f"its arrays take {end} bytes, the file holds {room} (cut off while copying?)")
    return tensors
