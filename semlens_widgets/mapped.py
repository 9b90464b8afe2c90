"""Arrays that lie in a file and are mapped from it: what was read of them need not stay in memory."""

from __future__ import annotations

import mmap

import numpy as np


def let_go(array: np.ndarray) -> None:
    """Let the system have back the memory that holds what was read of a mapped file: it is read again when asked for.

    Whoever goes through more than memory holds calls it now and then. An array that is not mapped is left as it is, and
    so is one whose changes are not in its file.
    """
    holder: object = array
    while isinstance(holder, np.ndarray):
        pages = holder.base
        if isinstance(pages, mmap.mmap) and isinstance(holder, np.memmap) and holder.mode == "r":
            if hasattr(mmap, "MADV_DONTNEED"):
                pages.madvise(mmap.MADV_DONTNEED)
            return
        holder = pages
