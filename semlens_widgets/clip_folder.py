"""A folder that holds a CLIP in open_clip's layout: which files of it count, and where the package has its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_NAMED = frozenset({"bpe.txt.gz", "words.txt", "vocab.txt", "merges.txt"})
_KINDS = frozenset({".json", ".safetensors", ".bin", ".pth", ".model"})


def read_files(folder: Path) -> list[Path]:
    """The files of a CLIP's folder that are read, so that vectors change with them: configuration, weights, words and
    the tokenizer's own. A README, a licence or what a file browser leaves there are not."""
    listed = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in listed if path.name in _NAMED or path.suffix in _KINDS)


def hash_files(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()[:12]


def packaged_folder(name: str) -> Path | None:
    """The folder of a CLIP inside this package, by its path from there; None for all that lies elsewhere.

    A path with `..`, a drive or a server in it is not even looked up.
    """
    parts = name.split("/")
    if not all(re.fullmatch(r"[A-Za-z0-9_-]+", part) for part in parts):
        return None
    folder = Path(__file__).resolve().parent.joinpath(*parts)
    return folder if (folder / "open_clip_config.json").is_file() else None


def tokenizer_of(open_clip: Any, folder: Path) -> Any:
    vocabulary = folder / "bpe.txt.gz"
    extra = {"bpe_path": str(vocabulary)} if vocabulary.is_file() else {}
    return open_clip.get_tokenizer(f"local-dir:{folder}", **extra)
