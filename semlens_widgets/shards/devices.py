"""A pool of processes with a device each."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from ..threads import processors

_OWN: str | None = None


def own_device() -> str | None:
    """The device that this process was given for its own; None in a process that was given none."""
    return _OWN


def check_devices(devices: Sequence[str]) -> tuple[str, ...]:
    """The devices, if this machine has them. TypeError or ValueError with those that there are."""
    import torch

    example = 'devices=["cuda:0", "cuda:1"], or ["cpu", "cpu"]'
    if isinstance(devices, str) or not isinstance(devices, Sequence):
        raise TypeError(f"devices={devices!r:.80}; give a list with a device for each process, as in {example}")
    if not devices:
        raise ValueError(f"devices is an empty list; give a device for each process, as in {example}")
    names = []
    for device in devices:
        try:
            found = torch.device(device)
        except (RuntimeError, TypeError) as error:
            why = (str(error).splitlines() or [""])[0].rstrip(".")
            raise ValueError(f"{device!r} is no device ({why}); give {example}") from None
        if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
            count = torch.cuda.device_count()
            there = f"cuda:0 to cuda:{count - 1}" if count > 1 else "cuda:0 alone" if count else "no CUDA device"
            raise ValueError(f"this machine has no device {str(found)!r}; it has {there}")
        names.append(str(found))
    return tuple(names)


def on_devices(devices: Sequence[str]) -> ProcessPoolExecutor:
    """A pool with one process for each device; processes on the CPU share its processors."""
    context = multiprocessing.get_context("spawn")
    waiting = context.SimpleQueue()
    for device in devices:
        waiting.put(device)
    threads = max(1, processors() // max(1, sum(device == "cpu" for device in devices)))
    return ProcessPoolExecutor(len(devices), mp_context=context, initializer=_take, initargs=(waiting, threads))


def _take(waiting: Any, threads: int) -> None:
    """At the start of a process: take the next device for its own."""
    import torch

    global _OWN
    _OWN = waiting.get()
    device = torch.device(_OWN)
    if device.type == "cuda":
        torch.cuda.set_device(device)  # what asks for "cuda" from now on gets this one
    else:
        torch.set_num_threads(threads)
