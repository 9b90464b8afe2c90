"""Arrays, tensors, pictures and files as hashes of what they hold."""

from __future__ import annotations

import hashlib
import io
import os
import pickletools
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import torch

_ORIENTATION = 274  # the EXIF tag
_MOST_FILES = 2_000_000
_NO_DATA = frozenset({".ipynb", ".py", ".pyc", ".semlens", ".log"})


class Unknown(ValueError):
    """Something whose content cannot be told; the message says what it is."""


def of_array(array: np.ndarray) -> bytes:
    """Kind, shape and content of an array; of one that is mapped from a file, the file's size and date."""
    digest = hashlib.sha256(f"array {array.dtype.descr if array.dtype.names else array.dtype} {array.shape}".encode())
    if isinstance(array, np.memmap) and array.filename is not None:
        digest.update(f"{array.offset} {array.strides} {of_file(array.filename)}".encode())
        return digest.digest()
    if array.size:
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.digest()


def of_tensor(tensor: torch.Tensor) -> bytes:
    """Kind, shape and content of a tensor, wherever it lies. Unknown for one without values."""
    import torch

    if torch.nn.parameter.is_lazy(tensor):
        raise Unknown("a parameter that has no values yet; run the model once")
    if tensor.is_meta:
        raise Unknown("a tensor on the device 'meta', which has no values")
    tensor = tensor.detach()
    digest = hashlib.sha256(f"tensor {tensor.dtype} {tensor.layout}".encode())
    for part in _parts(tensor):
        digest.update(f"{part.dtype} {tuple(part.shape)}".encode())
        if part.numel():
            plain = part.cpu().resolve_conj().resolve_neg().contiguous()
            digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return digest.digest()


def _parts(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    """Plain strided tensors that hold all that a tensor holds."""
    import torch

    if tensor.is_nested:
        yield from (part for child in tensor.unbind() for part in _parts(child))
    elif tensor.is_quantized:
        yield tensor.int_repr()
        if "channel" in str(tensor.qscheme()):
            yield tensor.q_per_channel_scales()
            yield tensor.q_per_channel_zero_points()
            yield torch.tensor(tensor.q_per_channel_axis())
        else:
            yield torch.tensor([tensor.q_scale(), float(tensor.q_zero_point())], dtype=torch.float64)
    elif tensor.layout == torch.sparse_coo:
        tensor = tensor.coalesce()
        yield from (tensor.indices(), tensor.values(), torch.tensor(tensor.shape))
    elif tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        yield from (tensor.crow_indices(), tensor.col_indices(), tensor.values(), torch.tensor(tensor.shape))
    elif tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        yield from (tensor.ccol_indices(), tensor.row_indices(), tensor.values(), torch.tensor(tensor.shape))
    elif tensor.layout == torch.strided:
        yield tensor
    else:
        yield tensor.to_dense()


def of_picture(picture: Image.Image) -> bytes:
    """Mode, size, palette and pixels of a picture."""
    picture.load()
    turned = picture.getexif().get(_ORIENTATION)
    identity = (picture.mode, picture.size, picture.info.get("transparency"), turned)
    digest = hashlib.sha256(f"picture {identity!r}".encode())
    digest.update(b"" if picture.palette is None else bytes(picture.palette.palette))
    digest.update(picture.tobytes())
    return digest.digest()


def of_file(path: str | os.PathLike[str]) -> str:
    """Size and date of a file; that it is missing is said, too."""
    try:
        stat = os.stat(path)
    except (OSError, ValueError):
        return "missing"
    return f"{stat.st_size} {stat.st_mtime_ns}"


def of_named(text: str, folders: bool) -> bytes | None:
    """What lies under a path: of a file size and date, of a folder those of all its files; None where nothing does.

    A folder that holds the home or the working folder is not meant: a text such as "/" is no path to data.
    """
    try:
        stat = os.stat(text)
    except (OSError, ValueError):
        return None
    if S_ISREG(stat.st_mode):
        return f"{stat.st_size} {stat.st_mtime_ns}".encode()
    if not folders or not S_ISDIR(stat.st_mode):
        return None
    real = Path(text).resolve()
    wide = any(real in (place, *place.parents) for place in (Path.home(), Path.cwd().parent))
    return None if wide else of_folder(text)


def of_files(names: Iterable[str], paths: Iterable[str | os.PathLike[str]]) -> bytes:
    """Names, sizes and dates of files, in order."""
    digest = hashlib.sha256()
    for name, path in zip(names, paths, strict=True):
        digest.update(f"{name}\0{of_file(path)}\n".encode(errors="surrogateescape"))
    return digest.digest()


def of_folder(folder: str) -> bytes:
    """Names, sizes and dates of all files below a folder; hidden ones and notebooks apart. Unknown for too many."""
    entries: list[tuple[str, str]] = []
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        entries += [
            (os.path.relpath(os.path.join(place, name), folder), os.path.join(place, name))
            for name in files
            if not name.startswith(".") and os.path.splitext(name)[1] not in _NO_DATA
        ]
        if len(entries) > _MOST_FILES:
            raise Unknown(f"the folder {folder!r}, which has more than {_MOST_FILES:,} files")
    entries.sort()
    return of_files((name for name, _ in entries), (path for _, path in entries))


_NAME = re.compile(r"__torch__(?:\.\w+)+")
_MANGLE = re.compile(r"\.___torch_mangle_\d+")
_BLOCK = re.compile(r"^(?:class|def) (\w+)", re.MULTILINE)


def of_script(module: torch.jit.ScriptModule) -> bytes:
    """Code and state of a scripted or traced model.

    TorchScript gives its classes numbers that depend on what else was compiled in the process; here a class has the
    number under which it is first met.
    """
    with zipfile.ZipFile(io.BytesIO(module.save_to_buffer())) as archive:
        inside = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    blocks = dict(_blocks(inside))
    met: dict[str, str] = {}

    def plain(text: str) -> str:
        return _NAME.sub(lambda name: met.setdefault(name[0], f"{_MANGLE.sub('', name[0])} {len(met)}"), text)

    digest = hashlib.sha256()
    for pickled in ("data.pkl", "constants.pkl"):
        for step, argument, _ in pickletools.genops(inside.get(pickled, b".")):
            words = plain(argument.replace(" ", ".")) if isinstance(argument, str) else repr(argument)
            digest.update(f"{step.name} {words}\n".encode())
    done = 0
    while done < len(met):
        for name in list(met)[done:]:
            digest.update(plain(blocks.get(name, name)).encode())
            done += 1
    for name in sorted(name for name in inside if name.startswith(("data/", "constants/"))):
        digest.update(name.encode() + inside[name])
    return digest.digest()


def _blocks(inside: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    """Classes and functions of TorchScript code: (full name, text without it)."""
    for path, content in inside.items():
        if not path.startswith("code/") or not path.endswith(".py"):
            continue
        module, text = path[len("code/") : -len(".py")].replace("/", "."), content.decode()
        starts = [*_BLOCK.finditer(text)]
        ends = [start.start() for start in starts[1:]] + [len(text)]
        for start, end in zip(starts, ends, strict=True):
            head, method, body = text[start.end() : end].partition("\n  def ")
            if start[0].startswith("class"):  # its constants come in no order
                head = "\n".join(sorted(head.splitlines()))
            yield f"{module}.{start[1]}", head + method + body
