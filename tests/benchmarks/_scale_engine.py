"""Shards on two workers against one process: time, processor time, and the same bits with workers killed on the way."""

import logging
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import dask
import numpy as np
import torch
from distributed import Client, LocalCluster
from PIL import Image

import semlens_widgets as sl
from semlens_widgets.store import Stored

IMAGES, SIDE, ROUNDS = 512, 160, 2
KILLED, SMALL, SMALL_SIDE = 20, 128, 64  # workers that are killed, in fits of so many smaller images


class Classes(torch.nn.Module):
    """A ResNet-18 of its own width, with weights drawn by a seed."""

    def __new__(cls) -> torch.nn.Module:
        from torchvision.models import resnet18

        torch.manual_seed(0)
        return resnet18().eval()


def to_input(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(picture, np.float32).transpose(2, 0, 1) / 255 - 0.5)


def files(folder: Path, count: int, side: int) -> Path:
    folder.mkdir()
    draw = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(draw.integers(0, 256, (9, 9, 3), np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{number:04}.jpg", quality=90)
    return folder


def lens(folder: Path) -> sl.Lens:
    clip = sl.OpenClip(sl.demo.clip_folder(), device="cpu")
    images = sl.images(folder, transform=to_input)
    return sl.Lens(Classes(), images, ["layer3", "layer4"], clip, k=10, null=50, sample=50)


def alone(folder: Path) -> tuple[float, float, dict[str, bytes]]:
    """In a process of its own, on one processor: seconds, seconds of processor, and what was found."""
    pin(0)
    start = time.perf_counter(), time.process_time()
    made = lens(folder).fit(cached=False, progress=False)
    return time.perf_counter() - start[0], time.process_time() - start[1], arrays(made)


def pin(processor: int) -> None:
    """One thread, on one processor."""
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {processor})


def arrays(made: sl.Lens) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        stored = Stored(made.save(Path(folder) / "a.semlens"))
        return {name: stored[name].tobytes() for name in stored}


def rows() -> Iterator[str]:
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        os.environ["SEMLENS_CACHE"] = str(Path(name) / "cache")
        folder = files(Path(name) / "pictures", IMAGES, SIDE)
        small = files(Path(name) / "small", SMALL, SMALL_SIDE)
        with (
            dask.config.set({"distributed.deploy.lost-worker-timeout": "1h"}),  # a worker comes back, however slowly
            ProcessPoolExecutor(1, mp_context=get_context("spawn")) as one,
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            for number, address in enumerate(client.scheduler_info()["workers"]):
                client.run(pin, number % (os.cpu_count() or 1), workers=[address])
            yield from speed(folder, one, client)
            yield kills(small, one, client)
        yield gpus(folder)


def speed(folder: Path, one: ProcessPoolExecutor, client: Client) -> Iterator[str]:
    ratios, work, same = [], [], True
    for turn in range(ROUNDS + 1):  # the first one warms up
        seconds, processor, found = one.submit(alone, folder).result()
        before = sum(client.run(time.process_time).values())
        start = time.perf_counter()
        made = lens(folder).fit(executor=client.get_executor(), cached=False, progress=False)
        took = time.perf_counter() - start
        if turn:
            ratios.append(seconds / took)
            work.append((sum(client.run(time.process_time).values()) - before) / processor)
            same &= arrays(made) == found
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
    yield (
        f"| a fit on {IMAGES:,} JPEG files, ResNet-18: 2 Dask workers against one process, one processor each "
        f"| **{np.median(ratios):.2f} ×** ({spread}), load {load:.1f} on {os.cpu_count()} processors | ≥ 1.7 × |"
    )
    yield (
        f"| processor time of both workers against that of the process | {np.median(work):.2f} × | so that two idle "
        f"processors give {2 / np.median(work):.2f} × |"
    )
    yield f"| the result is that of one process, to the bit | {'yes' if same else 'NO'} | yes |"


def kills(folder: Path, one: ProcessPoolExecutor, client: Client) -> str:
    """Workers killed at random moments of fits, by a signal that nobody can catch."""
    _, _, wanted = one.submit(alone, folder).result()
    fitted(folder, client)  # the workers have read the model
    begun = time.perf_counter()
    same = fitted(folder, client) == wanted
    seconds, chance, alike, hit = time.perf_counter() - begun, random.Random(0), 0, 0
    for _ in range(KILLED):
        client.wait_for_workers(2)
        victim = chance.choice(list(client.run(os.getpid).values()))
        killing = threading.Timer(chance.uniform(0.05, 0.9) * seconds, os.kill, (victim, signal.SIGKILL))
        killing.start()
        alike += fitted(folder, client) == wanted
        hit += killing.finished.is_set()
        killing.cancel()
    return (
        f"| fits of {SMALL} images with a worker killed at a random moment ({hit} while it ran; without one it takes "
        f"{seconds:.1f} s): the same bits | {alike} of {KILLED}{'' if same else '; NOT even without'} | all |"
    )


def fitted(folder: Path, client: Client) -> dict[str, bytes]:
    return arrays(lens(folder).fit(executor=client.get_executor(), cached=False, progress=False))


def gpus(folder: Path) -> str:
    count, what = torch.cuda.device_count(), "| a process for each GPU, `devices=`, against one process on one "
    if count < 2:
        return f"{what}| {'no GPU here' if not count else 'one GPU here'} | |"
    took = []
    for devices in (["cuda:0"], [f"cuda:{number}" for number in range(count)]):
        start = time.perf_counter()
        lens(folder).fit(devices=devices, cached=False, progress=False)
        took.append(time.perf_counter() - start)
    return f"{what}| {took[0] / took[1]:.2f} × with {count}, starts included | |"
