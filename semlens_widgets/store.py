"""Frozen values to and from one `.semlens` file.

A `.semlens` file is a safetensors file: arrays are tensors, everything else is one JSON document in the header. No
pickle, so a stranger's file cannot run code; memory-mapped, so a large one opens at once; and a browser can read it in
ranges.

Damage is told from the bytes. The header begins with a seal, the CRC-32 of all the header (the seal's own digits as
zeros), and holds the CRC-32 of every block of `BLOCK` bytes of each array: what is read of a large array is checked
by the blocks it lies in. CRC-32 is in Python's zlib, is a dozen lines in a browser (whose own digests are not there on
a plain http host), and tells bits that flipped and files that were cut; who *wants* to change a file can write its seal
anew, and what such a file may say is held in bounds by `format`. The seal stands in the same place in all versions.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from .format import RENAMED, TABLE, Lengths, Unfit, check_document
from .mapped import let_go
from .vectors import frozen
from .writing import replacing

FORMAT: str = TABLE["format"]
VERSION: int = TABLE["version"]
BLOCK: int = TABLE["block"]
_AT_ONCE = 1024 * BLOCK  # bytes of an array that are looked at, or written, one after the other
_DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype({"BOOL": "?"}.get(name, f"<{name[0].lower()}{size}")) for name, (_, size) in TABLE["dtypes"].items()
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_SEAL = re.compile(rb'\{"__metadata__":\{"seal":"([0-9a-f]{8})"')
_UNSEALED = b'{"__metadata__":{"seal":"00000000"'


class SemlensFileError(ValueError):
    """A file that is not a whole, undamaged `.semlens` file of a known version.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("damaged.semlens").write_bytes(b"no such file")
    >>> try:
    ...     sl.open("damaged.semlens")
    ... except sl.SemlensFileError as error:
    ...     print("damaged.semlens" in str(error))
    True
    """


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Whatever goes wrong inside with values from a file is a SemlensFileError, which names the file or part `what`."""
    try:
        yield
    except SemlensFileError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise SemlensFileError(f"{what}: {error}") from error


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
    pieces = _laid_out(arrays, document)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("wb") as file:
        for piece in pieces:
            file.write(piece)
    return path


def to_bytes(arrays: Mapping[str, np.ndarray], document: Mapping[str, Any]) -> bytes:
    """What `write` writes."""
    return b"".join(_laid_out(arrays, document))


def _laid_out(arrays: Mapping[str, np.ndarray], document: Mapping[str, Any]) -> Iterator[bytes | memoryview]:
    """A file's bytes, in pieces: its header, and array after array."""
    # The widest numbers first: each array then begins at a multiple of its numbers' size.
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    plain = dict(sorted(plain.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])))
    header = _header(plain, document)  # now: what is wrong with them shows before a file is begun
    return chain([header], chain.from_iterable(map(_pieces, plain.values())))


def _pieces(array: np.ndarray) -> Iterator[memoryview]:
    """An array's bytes, so many at once. What is mapped from another file does not stay in memory."""
    data = _bytes(array)
    for start in range(0, len(data), _AT_ONCE):
        yield data[start : start + _AT_ONCE]
        let_go(array)


def _header(arrays: Mapping[str, np.ndarray], document: Mapping[str, Any]) -> bytes:
    """The first bytes of a file: how long the header is, and the header."""
    ours = {
        "format": FORMAT,
        "version": VERSION,
        "blocks": {name: "".join(f"{crc:08x}" for crc in _checksums(a)) for name, a in arrays.items()},
        "document": document,
    }
    text = json.dumps(ours, sort_keys=True, allow_nan=False, separators=(",", ":"))
    table: dict[str, Any] = {"__metadata__": {"seal": "0" * 8, FORMAT: text}}
    end = 0
    for name, array in arrays.items():
        table[name] = {
            "dtype": _NAMES[array.dtype], "shape": array.shape, "data_offsets": [end, end := end + array.nbytes],
        }  # fmt: skip
    header = json.dumps(table, separators=(",", ":")).encode()
    header = sealed(header + b" " * (-len(header) % 8))
    return len(header).to_bytes(8, "little") + header


def sealed(header: bytes) -> bytes:
    """The header with its seal set anew."""
    rest = header[len(_UNSEALED) :]
    return b'{"__metadata__":{"seal":"%08x"' % zlib.crc32(_UNSEALED + rest) + rest


def _bytes(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _checksums(array: np.ndarray) -> list[int]:
    return [zlib.crc32(data[start : start + BLOCK]) for data in _pieces(array) for start in range(0, len(data), BLOCK)]


class Stored(Mapping[str, np.ndarray]):
    """An open `.semlens` file: its JSON `document`, and its arrays as read-only memory maps by name.

    `stored[name]` compares the array's checksums when it is first touched, `stored.rows(name, …)` those of the blocks
    that the rows lie in; SemlensFileError where they differ, and where there is no such array. `stored.unchecked(name)`
    maps an array whose parts carry checksums of their own. A `space` is held against the table of `format` as well: its
    document and shapes when it is opened, numbers when they are touched.
    """

    def __init__(self, path: str | os.PathLike[str], *, space: bool = False) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise FileNotFoundError(f"no file {str(self.path)!r}")
        if self.path.is_dir():
            raise SemlensFileError(f"{self.path} is a folder, not a .semlens file")
        self._header = _Header.read(self.path)
        if space:
            self._header = self._header.renamed()
        self.document: dict[str, Any] = self._header.document
        self.shapes = {name: (dtype, shape) for name, (dtype, shape, _, _) in self._header.tensors.items()}
        self._whole = np.memmap(self.path, np.uint8, "r")
        if len(self._whole) != self._header.size:
            raise self._unreadable("it changed while it was opened")
        self._checked: dict[str, np.ndarray] = {}
        self._blocks: set[tuple[str, int]] = set()  # those found whole
        self._lengths: Lengths | None = None
        if space:
            try:
                check_document(self.document)
                self._lengths = Lengths(self.document, self.shapes)
            except Unfit as error:
                raise self._unreadable(str(error)) from None

    def _unreadable(self, why: str) -> SemlensFileError:
        return SemlensFileError(f"{self.path} is not a readable .semlens file: {why}")

    def _damaged(self, name: str) -> SemlensFileError:
        return SemlensFileError(f"{self.path}: the array {name!r} is damaged (its checksum does not match)")

    def _place(self, name: str) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
        if name not in self._header.tensors:
            raise self._unreadable(f"it has no array {name!r}")
        return self._header.tensors[name]

    def unchecked(self, name: str) -> np.ndarray:
        dtype, shape, begin, end = self._place(name)
        return frozen(np.asarray(self._whole[begin:end]).view(dtype).reshape(shape))

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._checked:
            array, known = self.unchecked(name), self._header.checksums[name]
            if (_checksums(array) if self._header.version > 1 else [zlib.crc32(_bytes(array))]) != known:
                raise self._damaged(name)
            self._check_values(name, array)
            self._checked[name] = array
        return self._checked[name]

    def check(self) -> None:
        """Touch all there is. SemlensFileError where anything is damaged."""
        for name in self:
            self[name]

    def rows(self, name: str, rows: Int[np.ndarray, "*batch"]) -> np.ndarray:
        """Some rows of an array, copied; only the blocks they lie in are checked."""
        array = self.unchecked(name)
        if name in self._checked or self._header.version == 1:
            return self[name][rows]
        wanted = np.unique(rows)
        if wanted.size and not 0 <= wanted[0] <= wanted[-1] < len(array):
            raise self._unreadable(f"rows {wanted[0]} to {wanted[-1]} of the array {name!r}, which has {len(array)}")
        size = array.nbytes // max(len(array), 1)
        first, last = wanted * size // BLOCK, ((wanted + 1) * size - 1) // BLOCK
        data = _bytes(array)
        touched = np.unique(np.concatenate([first + step for step in range(int((last - first).max(initial=0)) + 1)]))
        for block in touched[touched <= last.max(initial=-1)].tolist():
            if (name, block) in self._blocks:
                continue
            if zlib.crc32(data[block * BLOCK : (block + 1) * BLOCK]) != self._header.checksums[name][block]:
                raise self._damaged(name)
            self._blocks.add((name, block))
        part = array[rows]
        self._check_values(name, part.reshape(-1, *array.shape[1:]))
        return part

    def _check_values(self, name: str, array: np.ndarray) -> None:
        if self._lengths is not None:
            try:
                self._lengths.check_values(name, array)
            except Unfit as error:
                raise self._unreadable(str(error)) from None

    def get(self, name: str, default: Any = None) -> Any:
        if name not in self:
            return default
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self._header.tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self._header.tensors)

    def __len__(self) -> int:
        return len(self._header.tensors)


class Section(Mapping[str, np.ndarray]):
    """The arrays of a file whose names begin with `name/`, by the rest of their names; read when touched."""

    def __init__(self, arrays: Mapping[str, np.ndarray], name: str) -> None:
        self._arrays, self._prefix = arrays, f"{name}/"

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[self._prefix + name]

    def __contains__(self, name: object) -> bool:
        return f"{self._prefix}{name}" in self._arrays

    def __iter__(self) -> Iterator[str]:
        return (name[len(self._prefix) :] for name in self._arrays if name.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True)
class _Header:
    """What the beginning of a file says: arrays by name (kind of number, shape, first byte, last), their checksums (one
    per block; one per array in version 1), and the document."""

    size: int
    version: int
    tensors: dict[str, tuple[np.dtype[Any], tuple[int, ...], int, int]]
    checksums: dict[str, list[int]]
    document: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> _Header:
        """SemlensFileError, which names the file, where it is not whole or not one of ours."""
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            try:
                if size < 8:
                    raise Unfit(f"it has {size} bytes, too few for a header")
                if length > min(TABLE["header_limit"], size - 8):
                    raise Unfit(f"its header claims {length} bytes, the file has {size} (another kind of file?)")
                return _parsed(file.read(length), size)
            except Unfit as error:
                raise SemlensFileError(f"{path} is not a readable .semlens file: {error}") from None

    def renamed(self) -> _Header:
        """The same with the arrays' names of now, where an earlier version wrote others."""
        names = {old: new for old, new in RENAMED.items() if old in self.tensors and new not in self.tensors}
        tensors = {names.get(name, name): place for name, place in self.tensors.items()}
        checksums = {names.get(name, name): known for name, known in self.checksums.items()}
        return replace(self, tensors=tensors, checksums=checksums)


def _parsed(raw: bytes, size: int) -> _Header:
    seal = _SEAL.match(raw)
    if seal and zlib.crc32(_UNSEALED + raw[len(_UNSEALED) :]) != int(seal[1], 16):
        raise Unfit("its header is damaged (checksum does not match)")
    try:
        table = json.loads(raw.decode(), parse_constant=_no_number)
        ours = json.loads(table.pop("__metadata__")[FORMAT], parse_constant=_no_number)
        version, document = ours["version"], ours["document"]
    except KeyError as missing:
        raise Unfit(f"its header has no {missing} (another safetensors file?)") from None
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Unfit("its header is not the JSON we write") from None
    if ours.get("format") != FORMAT:
        raise Unfit(f"its format is {ours.get('format')!r}, not {FORMAT!r} (another kind of file?)")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise Unfit(f"version is {version!r:.60}; needed is a whole number from 1")
    if version > VERSION:
        raise Unfit(f"it has format version {version}, this program reads up to {VERSION}; update semlens-widgets")
    if not isinstance(document, dict):
        raise Unfit(f"document is a {type(document).__name__}; needed is an object")
    if not seal and (version > 1 or not _first_seal_fits(ours)):
        raise Unfit("its header is damaged (checksum does not match)")
    tensors = _tensors(table, 8 + len(raw), size)
    return _Header(size, version, tensors, _checksum_lists(ours, tensors, version), document)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number in JSON")


def _first_seal_fits(ours: dict[str, Any]) -> bool:
    """Whether the header of a file of version 1 has its checksum, which was taken of what it says."""
    rest = {name: value for name, value in ours.items() if name != "header_checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return zlib.crc32(text.encode()) == ours.get("header_checksum")


def _tensors(table: Any, start: int, size: int) -> dict[str, tuple[np.dtype[Any], tuple[int, ...], int, int]]:
    """The places of all arrays in the file, which they fill one after the other."""
    tensors = {}
    end = start
    try:
        for name, entry in sorted(table.items(), key=lambda item: (item[1]["data_offsets"], item[0])):
            (kind, shape), (begin, stop) = (entry["dtype"], entry["shape"]), entry["data_offsets"]
            if not all(type(n) is int and n >= 0 for n in (*shape, begin, stop)):
                raise Unfit(f"the place of array {name!r} is damaged")
            dtype = _DTYPES[kind]
            if start + begin != end or stop - begin != math.prod(shape) * dtype.itemsize or start + stop > size:
                raise Unfit(f"the place of array {name!r} does not fit its shape {shape} (cut off while copying?)")
            tensors[name], end = (dtype, tuple(shape), start + begin, start + stop), start + stop
    except (KeyError, TypeError, AttributeError, IndexError):
        raise Unfit("its array table is damaged") from None
    except ValueError as error:
        raise error if isinstance(error, Unfit) else Unfit("its array table is damaged") from None
    if end != size:
        raise Unfit(f"its arrays end at byte {end}, the file at {size} (cut off while copying?)")
    return tensors


def _checksum_lists(ours: dict[str, Any], tensors: Mapping[str, Any], version: int) -> dict[str, list[int]]:
    listed = ours.get("blocks" if version > 1 else "checksums")
    if not isinstance(listed, dict) or set(listed) != set(tensors):
        raise Unfit("arrays and checksums do not agree")
    if version == 1:
        return {name: [crc] for name, crc in listed.items()}
    lists = {}
    for name, text in listed.items():
        _, _, begin, end = tensors[name]
        if not isinstance(text, str) or len(text) != 8 * -(-(end - begin) // BLOCK) or text.strip("0123456789abcdef"):
            raise Unfit(f"the checksums of array {name!r} are not one of each block")
        lists[name] = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    return lists
