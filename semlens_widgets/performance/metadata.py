"""What is known of each image beside its label: columns of a table, brought to the order of the images."""

from __future__ import annotations

import numbers as kinds
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Bool

from ..images import Images
from ..images.labels import as_list
from ..texts import from_csv, natural, plural, read_text

BESIDE = "metadata.csv"  # the name under which a table lies beside the images of a folder
MISSING = "not stated"
_FILES = ("file_name", "file", "filename", "image", "image_id", "image_path", "path", "name", "id", "isic_id")
_EMPTY = ("", "na", "n/a", "nan", "none", "null", "unknown", "?")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?")
_MOST_GROUPS = 12  # values of a column that are groups as they are; numbers with more are cut into quarters
_PLAIN = ("bool", "int", "uint", "float", "string", "large_string")
_LISTED = 5  # names in an error


@dataclass(frozen=True, eq=False)
class Metadata:
    """Columns of values, one for each image in the order of the images; None where nothing is stated.

    notes: what a reader should know of how they were read.
    """

    columns: Mapping[str, tuple[Any, ...]]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def groups(self, column: str) -> dict[str, Bool[np.ndarray, " image"]]:
        """The images of each value of a column, in natural order; numbers with more than 12 values by quarters, and
        what is not stated last, a group of its own. Empty where there are more groups than can be looked at."""
        values = self.columns[column]
        stated = np.asarray([value is not None for value in values], bool)
        known = [value for value in values if value is not None]
        different = set(known)
        if len(different) > _MOST_GROUPS:
            if not all(isinstance(value, kinds.Real) and not isinstance(value, bool) for value in different):
                return {}
            made = _quarters(np.asarray([np.nan if value is None else float(value) for value in values]))
        else:
            texts = np.asarray(["" if value is None else _written(value) for value in values], object)
            names = sorted({_written(value) for value in different}, key=natural)
            made = {name: stated & (texts == name) for name in names}
        if not stated.all() and len(known):
            made[MISSING if MISSING not in made else f"{MISSING} (empty)"] = ~stated
        return made

    @property
    def left_out(self) -> tuple[str, ...]:
        """Columns that have more values than groups can be made of: identifiers, free text."""
        return tuple(name for name in self.columns if not self.groups(name))


def read_metadata(metadata: Any, images: Images) -> Metadata | None:
    """Columns in the order of the images, from a CSV file, a table, a dict or rows; None where there is nothing.

    metadata: the path of a CSV file; a dict of columns, {"sex": ["f", "m", …]}, or of rows by the images' names; a
              list of dicts; a DataFrame; a Hugging Face data set, of which text, number and class columns are taken.
              None takes `metadata.csv` in the folder of the images, where it lies there.

    A column (or an index) that holds the images' names says which row is whose: their path below the folder, or the
    file's name, with or without its ending, where that is clear. Without one, rows are in the order of the images, as
    many as these; a CSV file for images that have names needs one. Images without a row, names that stand twice, and
    another number of rows are ValueErrors that name them; rows of other images are left out, and that is told.
    """
    if metadata is None:
        if images.root is None or not (images.root / BESIDE).is_file():
            return None
        metadata = images.root / BESIDE
    if isinstance(metadata, Metadata):
        return metadata
    if isinstance(metadata, str | os.PathLike):
        path = Path(metadata)
        if not path.is_file():
            raise FileNotFoundError(f"no file {str(path)!r} with metadata; give a CSV file, columns or a table")
        rows = from_csv(read_text(path))
        if not rows:
            raise ValueError(f"{path.name} has no rows; the first line names the columns, each image has a line")
        columns = {name: [row.get(name) for row in rows] for name in rows[0]}
        return _in_order(columns, None, images, path.name, named=images.of_files)
    columns, index = _columns(metadata)
    if not columns:
        raise ValueError("the metadata have no columns")
    return _in_order(columns, index, images, "the metadata", named=False)


def _columns(metadata: Any) -> tuple[dict[str, list[Any]], list[str] | None]:
    """(columns, the names of the rows where they have such) of whatever table it is. TypeError for what is none."""
    if hasattr(metadata, "columns") and hasattr(metadata, "index"):  # pandas
        table = {str(name): list(metadata[name].tolist()) for name in metadata.columns}
        index = [str(name) for name in metadata.index.tolist()]
        return table, index if all(isinstance(name, str) for name in metadata.index.tolist()) else None
    if hasattr(metadata, "column_names") and hasattr(metadata, "features"):  # Hugging Face
        return _of_data_set(metadata), None
    if hasattr(metadata, "columns") and hasattr(metadata, "to_dict"):  # other tables, such as polars'
        return {str(name): list(metadata[name]) for name in metadata.columns}, None
    if isinstance(metadata, Mapping):
        first = next(iter(metadata.values()), None)
        if isinstance(first, Mapping):
            names = list(dict.fromkeys(key for row in metadata.values() for key in row))
            table = {str(name): [row.get(name) for row in metadata.values()] for name in names}
            return table, [str(name) for name in metadata]
        found = {str(name): as_list(values) for name, values in metadata.items()}
        if wrong := next((name for name, values in found.items() if values is None), None):
            raise TypeError(f"column {wrong!r} is a {type(metadata[wrong]).__name__}; give a value for each image")
        return {name: values for name, values in found.items() if values is not None}, None
    if isinstance(metadata, list | tuple) and all(isinstance(row, Mapping) for row in metadata):
        names = list(dict.fromkeys(key for row in metadata for key in row))
        return {str(name): [row.get(name) for row in metadata] for name in names}, None
    raise TypeError(
        f"metadata are a {type(metadata).__name__}; give the path of a CSV file, a dict of columns, a list of rows "
        "(dicts), a DataFrame, or a Hugging Face data set"
    )


def _of_data_set(data: Any) -> dict[str, list[Any]]:
    table: dict[str, list[Any]] = {}
    for name, feature in data.features.items():
        kind = getattr(feature, "dtype", None)
        if hasattr(feature, "int2str"):
            table[name] = [None if v is None or v < 0 else feature.int2str(v) for v in data[name]]
        elif isinstance(kind, str) and kind.startswith(_PLAIN):
            table[name] = list(data[name])
    return table


def _in_order(
    columns: Mapping[str, Sequence[Any]], index: list[str] | None, images: Images, where: str, *, named: bool
) -> Metadata:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        first = next(iter(lengths))
        other = next(name for name in lengths if lengths[name] != lengths[first])
        raise ValueError(f"column {first!r} has {lengths[first]} values, {other!r} has {lengths[other]}; give as many")
    names = [images.name(i) for i in range(len(images))]
    keys = {name: [_name(value) for value in values] for name, values in columns.items()}
    if index is not None:
        keys = {"": index, **keys}
    column, way = _column_of_names(keys, names)
    if column is None:
        rows = next(iter(lengths.values()))
        if named or (index is not None and rows != len(names)):
            raise ValueError(
                f"no column of {where} holds the names of the images, such as {names[0]!r} (columns: "
                f"{', '.join(columns)}); add one, called file_name"
            )
        if rows != len(names):
            raise ValueError(f"{where} have {plural(rows, 'row')} for {plural(len(names), 'image')}; give one for each")
        return Metadata({name: tuple(map(_value, values)) for name, values in columns.items()})
    row_of = _rows_by_name(keys[column], names, way, where)
    unknown = len(keys[column]) - len(set(row_of))
    notes = (f"rows of other images in {where} left out: {unknown:,}",) if unknown else ()
    others = {name: values for name, values in columns.items() if name != column}
    return Metadata({name: tuple(_value(values[row]) for row in row_of) for name, values in others.items()}, notes)


_WAYS = (str, lambda name: PurePosixPath(name).name, lambda name: PurePosixPath(name).stem)


def _column_of_names(keys: Mapping[str, list[str]], names: Sequence[str]) -> tuple[str | None, Any]:
    """(the column that holds the images' names, how names are shortened to be the same); None where none does.

    It is the one in which the most images are found, at least half of them, if it is called as such columns are, or
    holds all names.
    """
    best: tuple[int, str | None, Any] = (0, None, str)
    for way in _WAYS:
        wanted = {way(name) for name in names}
        if len(wanted) < len(names):
            continue  # two images would have one name
        for column, values in keys.items():
            found = len(wanted & {way(value) for value in values})
            called = not column or column.strip().lower() in _FILES
            if found > best[0] and (called or (found == len(names) > 1 and not _counting(values))):
                best = (found, column, way)
    return best[1], best[2]


def _counting(values: Sequence[str]) -> bool:
    """Whether a column is but numbers: ages are no names, though images may be called by numbers."""
    return all(value.isdigit() for value in values)


def _rows_by_name(keys: Sequence[str], names: Sequence[str], way: Any, where: str) -> list[int]:
    called = [way(key) for key in keys]
    wanted = [way(name) for name in names]
    counts = Counter(called)
    if twice := [name for name in wanted if counts[name] > 1]:
        times = "stands" if len(twice) == 1 else "stand"
        raise ValueError(f"{plural(len(twice), 'image')} {times} twice in {where}: {_listed(twice)}; keep one row each")
    at = {name: row for row, name in enumerate(called)}
    if lacking := [name for name, short in zip(names, wanted, strict=True) if short not in at]:
        raise ValueError(
            f"{len(lacking)} of {plural(len(names), 'image')} have no row in {where}: {_listed(lacking)}; add "
            "their rows (empty cells are values that are not stated), or leave these images out"
        )
    return [at[name] for name in wanted]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(repr, names[:_LISTED])) + more


def _name(value: Any) -> str:
    return str(value).strip().replace("\\", "/").removeprefix("./")


def _value(value: Any) -> Any:
    """A value as it is compared: a number, a truth value, a text, or None for what is not stated."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, bool):
        return value
    if isinstance(value, kinds.Real):
        return None if np.isnan(float(value)) else value
    text = " ".join(str(value).split())
    if text.lower() in _EMPTY:
        return None
    if not _NUMBER.fullmatch(text):
        return text  # also 007, which is no number but a name
    return float(text) if set(text) & set(".eE") else int(text)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, kinds.Real):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return str(value)


def _quarters(values: np.ndarray) -> dict[str, np.ndarray]:
    """Numbers by quarters, each named by the numbers in it."""
    known = values[~np.isnan(values)]
    ends = np.unique(np.quantile(known, (0.25, 0.5, 0.75), method="inverted_cdf"))
    at = np.where(np.isnan(values), -1, np.searchsorted(ends, values, side="left"))
    made = {}
    for number in range(len(ends) + 1):
        own = at == number
        if own.any():
            made[f"{values[own].min():g} to {values[own].max():g}"] = own
    return made
