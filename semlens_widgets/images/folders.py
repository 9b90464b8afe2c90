"""A folder as torchvision's ImageFolder has it: the same classes, the same files, in the same order."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..pictures import SUFFIXES

OF_CLASSES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")  # ImageFolder's
_MOST_WAYS = 1000  # in which one folder may be reached by links
_NAMED = 3  # of what is left out


@dataclass(frozen=True)
class Folder:
    """The image files of a folder, the class of each where its sub-folders are classes, and what is left out."""

    paths: tuple[str, ...]
    names: tuple[str, ...]
    classes: tuple[str, ...] = ()
    labels: tuple[int, ...] | None = None
    left_out: tuple[str, ...] = ()
    beside: int = 0  # images among what is left out because it lies beside the class folders


def read_folder(folder: Path) -> Folder:
    """What is in a folder.

    Where a sub-folder holds an image, all sub-folders are classes, in sorted order and with their own sub-folders,
    as for torchvision's `ImageFolder(folder, allow_empty=True)`: the same files by the ends of their names, in the
    same order. Folders whose name begins with a dot are left out, and links that lead back to where they come from.
    Else the images are those in the folder itself, without classes.

    FileNotFoundError where there is no folder, ValueError where no image is in it.
    """
    root = os.fspath(folder)
    if not os.path.isdir(root):
        what = "is a file, not a folder; give a list of files" if os.path.exists(root) else "is not there: no folder"
        raise FileNotFoundError(
            f"{readable(root)!r} {what}; images() reads a folder, a data set or a list of pictures or files"
        )
    walk = _Walk()
    entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    classes = [entry.name for entry in entries if entry.is_dir() and not walk.hidden(entry.name)]
    here = [entry.name for entry in entries if not entry.is_dir()]
    found = [
        (path, number)
        for number, name in enumerate(classes)
        for path in walk.files(os.path.join(root, name), OF_CLASSES)
    ]
    if found:
        walk.problems += _of_classes(classes, {number for _, number in found}, here)
        paths = tuple(path for path, _ in found)
        return Folder(
            paths, _names(paths, root), tuple(map(readable, classes)), tuple(number for _, number in found),
            walk.left_out(), sum(_ends(name, OF_CLASSES) for name in here),
        )  # fmt: skip
    paths = tuple(os.path.join(root, name) for name in here if _ends(name, tuple(SUFFIXES)))
    walk.others += Counter(_end(name) for name in here if not _ends(name, tuple(SUFFIXES)))
    if not paths:
        raise ValueError(_nothing(root, walk.left_out()))
    return Folder(paths, _names(paths, root), left_out=walk.left_out())


class _Walk:
    """Files below folders, as os.walk sorted by folder gives them, and what was passed over on the way."""

    def __init__(self) -> None:
        self.hiding: list[str] = []
        self.problems: list[str] = []
        self.others: Counter[str] = Counter()
        self._ways: Counter[tuple[int, int]] = Counter()

    def hidden(self, name: str) -> bool:
        if name.startswith("."):
            self.hiding.append(readable(name))
        return name.startswith(".")

    def files(self, top: str, ends: tuple[str, ...]) -> list[str]:
        listed = []
        for place, names in sorted(self._folders(top, ())):
            for name in sorted(names):
                if _ends(os.path.join(place, name), ends):
                    listed.append(os.path.join(place, name))
                else:
                    self.others[_end(name)] += 1
        return listed

    def _folders(self, place: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, list[str]]]:
        """(folder, names of its files) for a folder and all below it; links are followed, but not in a circle."""
        try:
            about, entries = os.stat(place), list(os.scandir(place))
        except OSError as error:
            self.problems.append(f"the folder {readable(place)!r} ({error.strerror})")
            return
        itself = (about.st_dev, about.st_ino)
        if itself in above:
            self.problems.append(f"the link {readable(place)!r}, which leads back to a folder above it")
            return
        self._ways[itself] += 1
        if self._ways[itself] > _MOST_WAYS:
            raise ValueError(f"links lead to the folder {readable(place)!r} in more than {_MOST_WAYS:,} ways")
        yield place, [entry.name for entry in entries if not entry.is_dir()]
        for entry in entries:
            if entry.is_dir() and not self.hidden(entry.name):
                yield from self._folders(entry.path, (*above, itself))

    def left_out(self) -> tuple[str, ...]:
        parts = list(self.problems)
        if self.hiding:
            parts.insert(0, f"{_counted(len(self.hiding), 'hidden folder')} ({_some(sorted(set(self.hiding)))})")
        if self.others:
            kinds = [f"{count:,} {kind}" for kind, count in self.others.most_common()]
            parts.append(f"{_counted(self.others.total(), 'file')} of other kinds ({_some(kinds)})")
        return tuple(parts)


def _of_classes(classes: Sequence[str], filled: set[int], here: Sequence[str]) -> list[str]:
    problems = []
    if here:
        names = _some([readable(name) for name in here])
        problems.append(f"{_counted(len(here), 'file')} beside the class folders ({names})")
    if empty := [readable(name) for number, name in enumerate(classes) if number not in filled]:
        kind = "folders" if len(empty) > 1 else "folder"
        problems.append(f"{len(empty)} class {kind} without images ({_some(empty)})")
    return problems


def _nothing(root: str, left_out: Sequence[str]) -> str:
    there = f"; in it are {', '.join(left_out)}" if left_out else ""
    return (
        f"the folder {readable(root)!r} has no image files ({', '.join(OF_CLASSES)}) in it{there}. Other kinds of "
        f"picture ({', '.join(sorted(SUFFIXES - set(OF_CLASSES)))}) can be given as a list of files"
    )


def _names(paths: Sequence[str], root: str) -> tuple[str, ...]:
    return tuple(readable(os.path.relpath(path, root).replace(os.sep, "/")) for path in paths)


def readable(name: str | os.PathLike[str]) -> str:
    """A file's name as text that every file and window can hold: bytes that are no UTF-8 are written as \\xff."""
    text = os.fspath(name)
    try:
        return os.fsencode(text).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()


def _ends(name: str, ends: tuple[str, ...]) -> bool:
    return name.lower().endswith(ends)


def _end(name: str) -> str:
    return readable(os.path.splitext(name)[1].lower()) or "without an end"


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
