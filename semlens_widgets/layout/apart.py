"""UMAP in a process of its own: of all vectors, or of some, among which the others are placed."""

from __future__ import annotations

import contextlib
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..neighbours import closest
from ..threads import processors

_COMPILING = 20.0  # seconds that umap-learn takes before it begins, about
_PRODUCTS = 2.5e10  # of two numbers, in a second and on one processor, about
_EPOCHS = 1e-3  # seconds of all epochs together, for each vector, about
_SEARCH = 2e-3  # seconds of umap-learn's own search for neighbours, for each vector, about


class Tick(float):
    """The seconds gone by; `remaining` are those to go, as far as can be told, and `what` says what is made."""

    remaining: float
    what: str

    def __new__(cls, seconds: float, remaining: float = math.nan, what: str = "UMAP") -> Tick:
        made = super().__new__(cls, seconds)
        made.remaining, made.what = remaining, what
        return made

    def __str__(self) -> str:
        if math.isnan(self.remaining):
            return self.what
        step = 10 if self.remaining > 20 else 1
        return f"{self.what}, about {max(1, round(self.remaining / step)) * step} s to go"


OnTick = Callable[[Tick], None]


def apart(work: dict[str, Any], on_tick: OnTick) -> Float[np.ndarray, "vector 2"]:
    """The places of all `vectors`, of which UMAP lays out those numbered `at`, from `start` on, and places the others.

    `on_tick` is called ten times a second; what it raises ends the work.
    """
    count, drawn = len(work["vectors"]), len(work["at"])
    what = f"UMAP of {count:,} components" if drawn == count else (
        f"preview: UMAP of {drawn:,} of {count:,} components, the others placed among them"
    )  # fmt: skip
    expected = sum(_costs(count, drawn, work["vectors"].shape[1]))
    with tempfile.TemporaryDirectory(prefix="semlens-layout-") as folder:
        np.savez(Path(folder) / "work.npz", **work)
        with (Path(folder) / "errors").open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-c", "import sys; from semlens_widgets.layout.apart import child; child(sys.argv[1])",
                 folder],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(part for part in sys.path if part)},
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
            )  # fmt: skip
            begun = time.monotonic()
            try:
                while process.poll() is None:
                    seconds = time.monotonic() - begun
                    on_tick(Tick(seconds, remaining(seconds, _Share(folder).read(), expected), what))
                    time.sleep(0.1)
            finally:
                process.kill()
                process.wait()
        if process.returncode:
            output = (Path(folder) / "errors").read_text(errors="replace").strip()
            reason = output.splitlines()[-1] if output else f"exit code {process.returncode}"
            raise RuntimeError(f"UMAP failed: {reason}")
        places: np.ndarray = np.load(Path(folder) / "places.npy")
        return places


def expected_seconds(components: int) -> float:
    """How long UMAP of so many components takes, without a sample, about."""
    return sum(_costs(components, components, 0))


def _costs(count: int, drawn: int, dim: int) -> tuple[float, float, float]:
    """Seconds that are expected of seeking neighbours, of laying out, and of placing the others."""
    if count == drawn:
        return _COMPILING + _SEARCH * count, _EPOCHS * count, 0.0
    one = drawn * dim / _PRODUCTS / processors()
    return one * drawn, _COMPILING + _EPOCHS * drawn, (one + _EPOCHS / 5) * (count - drawn)


def remaining(seconds: float, share: float, expected: float) -> float:
    """Seconds to go where `share` of the work is done after some: as expected at first, then at the pace so far."""
    at_this_pace = seconds / share if share > 0 else expected
    trust = min(1.0, 2 * share)
    return (1 - share) * (trust * at_this_pace + (1 - trust) * max(expected, seconds))


class _Share:
    """The share of the work that the process has done, in a file."""

    def __init__(self, folder: str, costs: tuple[float, ...] = (1.0,)) -> None:
        self.path, self.costs = Path(folder) / "share", costs

    def read(self) -> float:
        with contextlib.suppress(OSError, ValueError):
            return min(max(float(self.path.read_text()), 0.0), 1.0)
        return 0.0

    def tell(self, stage: int, done: float) -> None:
        """How much of one stage is done, from 0 to 1; those before it are."""
        share = (sum(self.costs[:stage]) + done * self.costs[stage]) / sum(self.costs)
        self.path.write_text(f"{share:.4f}")


class _Epochs:
    """Where umap-learn writes its bar of epochs."""

    def __init__(self, on_share: Callable[[float], None]) -> None:
        self._on_share = on_share

    def write(self, text: str) -> None:
        if found := re.search(r"(\d+)/(\d+)", text):
            self._on_share(int(found[1]) / max(int(found[2]), 1))

    def flush(self) -> None:
        pass


def child(folder: str) -> None:
    """What the process does: UMAP of the work it finds in its folder."""
    if hasattr(os, "nice"):
        os.nice(5)
    failed = False
    try:
        with np.load(Path(folder) / "work.npz") as work:
            vectors, start, at = work["vectors"], work["start"], work["at"]
            neighbours, seed = int(work["neighbours"]), int(work["seed"])
        share = _Share(folder, _costs(len(vectors), len(at), vectors.shape[1]))
        np.save(Path(folder) / "places.npy", _embedded(vectors, start, at, neighbours, seed, share))
    except BaseException as error:
        failed = True
        sys.stderr.write(f"\n{type(error).__name__}: {error}")
    sys.stderr.flush()
    os._exit(failed)  # numba's threads, asked to end, can wait for ever


def _embedded(
    vectors: Float[np.ndarray, "vector dim"], start: Float[np.ndarray, "drawn 2"], at: Int[np.ndarray, " drawn"],
    neighbours: int, seed: int, share: _Share,
) -> Float[np.ndarray, "vector 2"]:  # fmt: skip
    import umap

    drawn = vectors[at]
    neighbours = min(neighbours, len(drawn) - 1)
    stage = 1
    options: dict[str, Any] = {}
    if len(at) < len(vectors):
        options = {"precomputed_knn": _exact(drawn, neighbours, share), "force_approximation_algorithm": True}
    spread = float(np.abs(start).max()) or 1.0
    # A little noise, as umap-learn adds to its own starts: points at one place would never part.
    noise = np.random.default_rng(seed).normal(scale=1e-3, size=start.shape)
    model = umap.UMAP(
        n_neighbors=neighbours,
        metric="cosine",
        init=(10 * start / spread + noise).astype(np.float32),
        random_state=seed,
        transform_seed=seed,
        n_jobs=1,
        tqdm_kwds={
            "file": _Epochs(lambda done: share.tell(stage, done if stage == 1 else (1 + done) / 2)),
            "disable": False, "bar_format": "{n_fmt}/{total_fmt}",
        },
        **options,
    )  # fmt: skip
    places = np.empty((len(vectors), 2))
    places[at] = model.fit_transform(drawn)
    others = np.setdiff1d(np.arange(len(vectors)), at)
    if len(others):
        stage = 2
        places[others] = model.transform(vectors[others])
    return places


def _exact(
    drawn: Float[np.ndarray, "drawn dim"], count: int, share: _Share
) -> tuple[Int[np.ndarray, "drawn rank"], Float[np.ndarray, "drawn rank"], Any]:
    """What UMAP takes as neighbours found before: (rows, distances, an index that finds those of others).

    They are found by products, exactly, which is faster here than umap-learn's search and compiles nothing.
    """
    from pynndescent import NNDescent

    class Exact(NNDescent):  # type: ignore[misc]
        """An index that looks at all vectors."""

        _angular_trees = False

        def __init__(self) -> None:
            pass

        def query(self, query_data: np.ndarray, k: int = 10, epsilon: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
            rows, cosines = closest(query_data, drawn, k, on_step=lambda done, of: share.tell(2, done / of / 2))
            return rows.astype(np.int32), np.maximum(1 - cosines, 0)

    rows, cosines = closest(drawn, None, count - 1, on_step=lambda done, of: share.tell(0, done / of))
    itself = np.arange(len(drawn))[:, None]
    distances = np.maximum(1 - cosines, 0).astype(np.float32)
    return (
        np.concatenate([itself, rows], 1).astype(np.int32),
        np.concatenate([np.zeros_like(itself, np.float32), distances], 1),
        Exact(),
    )
