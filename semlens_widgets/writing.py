"""The one place that writes files: each appears whole or not at all, and what goes wrong names the file.

A file goes to a temporary name in its own folder and is renamed, so that a full disk, a kill or an error on the way
leaves the file that was there. File names made from content (layers, concepts, models) are made here as well.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from .texts import size

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)  # devices on Windows
_LONGEST = 80  # bytes of a name made from content; file systems allow 255, old Windows 260 for a whole path


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """The name of an empty temporary file, which takes the place of `path` if the block ends without an error.

    A new file may be read as the user's umask says, one that is replaced keeps its permissions. OSError names `path`.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "this is a folder; give the name of a file in it", str(path))
    temporary = path.with_name(f".semlens-{secrets.token_hex(8)}.tmp")
    try:
        # Exclusive, under a name nobody can foresee: what lies in wait there, a link say, is not written through.
        temporary.touch(exist_ok=False)
        mode = (path if path.is_file() else temporary).stat().st_mode & 0o7777
        yield temporary
        with contextlib.suppress(PermissionError):
            temporary.chmod(mode)  # a writer may have put a file of its own there
        _onto_the_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def is_full(error: OSError) -> bool:
    """Whether it says that a disk has no room left, or that its user may use no more of it."""
    return error.errno in _FULL


def no_room(error: OSError, place: str | os.PathLike[str], more: str) -> OSError:
    """The error of a full disk, with what was to be written to a file or folder and how much is free there."""
    folder = Path(place)
    while not folder.is_dir():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return OSError(error.errno, f"{error.strerror}: {more}, and {size(free)} are free", os.fspath(place))


def write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write bytes; the file appears whole or not at all. OSError names the file: a full disk, a missing folder."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(data)
    return Path(path)


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write UTF-8 text, in a folder that is made if it is not there.

    A half of a surrogate pair, which file names that are no UTF-8 have and UTF-8 has not, becomes its escape
    (`\\udce9`); in JSON that is the same text.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_bytes(path, to_text_bytes(text))


def to_text_bytes(text: str) -> bytes:
    """What `write_text` writes."""
    return text.encode("utf-8", "backslashreplace")


def _onto_the_disk(path: Path) -> None:
    with path.open("rb") as written, contextlib.suppress(OSError):  # some network drives cannot
        os.fsync(written.fileno())


def file_names(texts: Sequence[str]) -> dict[str, str]:
    """A name of a file or folder for each text: legal everywhere, inside its folder, and different for different texts.

    Plain names stay; "/" becomes "_". Where a text is no name (`..`, `CON`, one that is too long), or two would be the
    same on a disk that does not tell upper from lower case, the name ends in a hash of the text.
    """
    plain = {text: _plain(text) for text in dict.fromkeys(texts)}
    alike: dict[str, int] = {}
    for name in plain.values():
        alike[_as_a_disk_sees(name)] = alike.get(_as_a_disk_sees(name), 0) + 1
    return {
        text: name if alike[_as_a_disk_sees(name)] == 1 and _is_name(name) else f"{_cut(name)}~{_hash(text)}"
        for text, name in plain.items()
    }


def _plain(text: str) -> str:
    """Letters, digits and `._+-` of any script; all else is `_`."""
    return re.sub(r"[^\w.+-]", "_", text.encode("utf-8", "replace").decode())


def _is_name(name: str) -> bool:
    return (
        0 < len(name.encode()) <= _LONGEST
        and not name.startswith(".")
        and not name.endswith(".")
        and not _RESERVED.fullmatch(name.split(".")[0])
    )


def _cut(name: str) -> str:
    """The beginning of a name, such that with a hash behind it it is one."""
    kept = name.strip(".").encode()[: _LONGEST - 17].decode(errors="ignore")
    return f"_{kept}" if _RESERVED.fullmatch(kept.split(".")[0]) else kept


def _as_a_disk_sees(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
