"""What every benchmark needs: two sides run in turn, medians with their spread, and the machine's particulars."""

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable

import numpy as np


def particulars(seed: int | None = None) -> str:
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("torch", "numpy", "open_clip_torch"))
    drawn = "" if seed is None else f", seed {seed}"
    machine = platform.processor() or platform.machine()
    return f"{machine}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}{drawn}"


def seconds(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    call()
    return clock() - start


def in_turn(
    *sides: Callable[[], object], rounds: int = 5, warm: bool = True, clock: Callable[[], float] = time.perf_counter
) -> list[np.ndarray]:
    """Seconds of each side, run in turn, so that a drifting machine hits them all; `warm`: after one run of each.

    clock: `time.process_time` counts the processor's time instead, which others on the machine hardly change.
    """
    for side in sides if warm else ():
        side()
    return list(np.array([[seconds(side, clock) for side in sides] for _ in range(rounds)]).T)


def paired(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Seconds of both sides, run in turn."""
    ours_took, theirs_took = in_turn(ours, theirs, rounds=rounds, clock=clock)
    return ours_took, theirs_took


def ratio_row(work: str, against: str, target: str, ours: np.ndarray, theirs: np.ndarray) -> str:
    ratios = ours / theirs
    spread = f"{ratios.min():.2f}–{ratios.max():.2f}"
    return (
        f"| {work} | {against} | {np.median(ours):.3g} s | {np.median(theirs):.3g} s "
        f"| **{np.median(ratios):.2f} ×** ({spread}) | {target} |"
    )


RATIO_HEAD = "| work | against | ours | theirs | ratio, median (min–max) | target |\n|---|---|---|---|---|---|"
