"""Layout: all components of a space as points of a plane, alike ones near each other."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from .space import SemanticSpace
from .vectors import frozen

METHODS = ("pca", "umap")
NEIGHBOURS = 15  # as in umap-learn
FEWEST = 10  # living components; fewer have no neighbourhoods to speak of

OnTick = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Layout:
    """A place in the plane for every component: `positions` [component 2] in [0, 1], NaN for dead ones.

    Both axes have one scale, and the longer fills [0, 1]. `method` is "pca" or "umap"; `seed` and `neighbours`
    say how UMAP went about it (PCA needs neither).
    """

    positions: Float[np.ndarray, "component 2"]
    method: str
    seed: int
    neighbours: int

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method={self.method!r}; layouts are made by {' or '.join(map(repr, METHODS))}")
        known = self.positions[np.isfinite(self.positions)]
        if known.size and not 0 <= known.min() <= known.max() <= 1:
            raise ValueError(f"positions reach from {known.min():g} to {known.max():g}; needed are places in [0, 1]")
        object.__setattr__(self, "positions", frozen(self.positions.astype(np.float32)))

    def __len__(self) -> int:
        return len(self.positions)

    def __repr__(self) -> str:
        placed = int(np.isfinite(self.positions[:, 0]).sum())
        how = f", {self.neighbours} neighbours, seed {self.seed}" if self.method == "umap" else ""
        return f"<Layout of {placed:,} components by {self.method.upper()}{how}>"


def pca(space: SemanticSpace) -> Layout:
    """Components at their two principal coordinates: at once, and the same every time."""
    return _layout(space, _principal(space.vectors[space.alive]), "pca", 0, 0)


def umap(space: SemanticSpace, *, seed: int = 0, neighbours: int = NEIGHBOURS, asked: OnTick | None = None) -> Layout:
    """Components by UMAP, so that each has its nearest siblings (by cosine) around it.

    It starts from the principal coordinates and is the same for the same seed on the same machine. It works in a
    process of its own, because umap-learn is compiled on first use (15 to 30 s) and must not hold up the kernel.
    `asked` is called ten times a second with the seconds gone by; what it raises ends the work.

    Raises ValueError for fewer than ten living components, RuntimeError with umap-learn's own words where it fails.
    (McInnes et al. 2018)
    """
    living = int(space.alive.sum())
    if living < FEWEST:
        raise ValueError(f"UMAP of {living} living components; it needs {FEWEST}, use method='pca'")
    if neighbours < 2:
        raise ValueError(f"neighbours={neighbours}; UMAP looks at 2 or more")
    vectors = space.vectors[space.alive]
    work = {"vectors": vectors, "start": _principal(vectors), "neighbours": neighbours, "seed": seed}
    return _layout(space, _apart(work, asked or (lambda seconds: None)), "umap", seed, neighbours)


def overlay(
    first: SemanticSpace,
    second: SemanticSpace,
    method: str = "pca",
    *,
    seed: int = 0,
    neighbours: int = NEIGHBOURS,
    asked: OnTick | None = None,
) -> tuple[Layout, Layout]:
    """Two spaces in one plane: components of both lie near each other where they are alike.

    Both must be made with the same CLIP. `method` is "pca" (at once) or "umap"; the rest, and errors, as in `umap`.
    """
    if first.recipe.clip != second.recipe.clip:
        raise ValueError(f"spaces of {first.recipe.clip} and {second.recipe.clip} have no plane in common")
    if method not in METHODS:
        raise ValueError(f"method={method!r}; layouts are made by {' or '.join(map(repr, METHODS))}")
    vectors = np.concatenate([space.vectors[space.alive] for space in (first, second)])
    places = _principal(vectors)
    if method == "pca":
        seed = neighbours = 0
    elif len(vectors) < FEWEST:
        raise ValueError(f"UMAP of {len(vectors)} living components; it needs {FEWEST}, use method='pca'")
    else:
        work = {"vectors": vectors, "start": places, "neighbours": neighbours, "seed": seed}
        places = _apart(work, asked or (lambda seconds: None))
    together, of_first = _in_unit_square(places), int(first.alive.sum())
    return (
        _placed(first, together[:of_first], method, seed, neighbours),
        _placed(second, together[of_first:], method, seed, neighbours),
    )


def _principal(vectors: Float[np.ndarray, "living dim"]) -> Float[np.ndarray, "living 2"]:
    """The first two principal coordinates; the largest part of each axis is positive."""
    vectors = vectors.astype(np.float64)
    if not len(vectors):
        return np.zeros((0, 2))
    vectors = vectors - vectors.mean(0)
    axes = np.linalg.eigh(vectors.T @ vectors)[1][:, ::-1][:, :2]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(0)[None], 0)
    found = vectors @ (axes * np.where(largest < 0, -1, 1))
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1])))


def _layout(
    space: SemanticSpace, places: Float[np.ndarray, "living 2"], method: str, seed: int, neighbours: int
) -> Layout:
    return _placed(space, _in_unit_square(places), method, seed, neighbours)


def _placed(
    space: SemanticSpace, places: Float[np.ndarray, "living 2"], method: str, seed: int, neighbours: int
) -> Layout:
    positions = np.full((len(space.components), 2), np.nan)
    positions[space.alive] = places
    return Layout(positions, method, seed, neighbours)


def _in_unit_square(places: Float[np.ndarray, "living 2"]) -> Float[np.ndarray, "living 2"]:
    if not len(places):
        return places
    low, high = places.min(0), places.max(0)
    extent = float((high - low).max())
    return np.clip((places - (low + high) / 2) / (extent or 1) + 0.5, 0, 1)


# UMAP in a process of its own


def _apart(work: dict[str, Any], asked: OnTick) -> Float[np.ndarray, "living 2"]:
    with tempfile.TemporaryDirectory(prefix="semlens-layout-") as folder:
        np.savez(Path(folder) / "work.npz", **work)
        with (Path(folder) / "errors").open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-c", "import sys; from semlens_widgets import layout; layout._child(sys.argv[1])",
                 folder],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(part for part in sys.path if part)},
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
            )  # fmt: skip
            begun = time.monotonic()
            try:
                while process.poll() is None:
                    asked(time.monotonic() - begun)
                    time.sleep(0.1)
            finally:
                process.kill()
                process.wait()
        if process.returncode:
            said = (Path(folder) / "errors").read_text(errors="replace").strip()
            raise RuntimeError(f"UMAP failed: {said.splitlines()[-1] if said else f'exit code {process.returncode}'}")
        places: np.ndarray = np.load(Path(folder) / "places.npy")
        return places


def _child(folder: str) -> None:
    """What the process does: UMAP of the work it finds in its folder."""
    if hasattr(os, "nice"):
        os.nice(5)
    failed = False
    try:
        with np.load(Path(folder) / "work.npz") as work:
            vectors, start = work["vectors"], work["start"]
            neighbours, seed = int(work["neighbours"]), int(work["seed"])
        np.save(Path(folder) / "places.npy", _embedded(vectors, start, neighbours, seed))
    except BaseException as error:
        failed = True
        sys.stderr.write(f"{type(error).__name__}: {error}")
    sys.stderr.flush()
    os._exit(failed)  # numba's threads, asked to end, can wait for ever


def _embedded(
    vectors: Float[np.ndarray, "living dim"], start: Float[np.ndarray, "living 2"], neighbours: int, seed: int
) -> Float[np.ndarray, "living 2"]:
    import umap

    spread = float(np.abs(start).max()) or 1.0
    # A little noise, as umap-learn adds to its own starts: points at one place would never part.
    noise = np.random.default_rng(seed).normal(scale=1e-3, size=start.shape)
    model = umap.UMAP(
        n_neighbors=min(neighbours, len(vectors) - 1),
        metric="cosine",
        init=(10 * start / spread + noise).astype(np.float32),
        random_state=seed,
        n_jobs=1,
    )
    places: np.ndarray = model.fit_transform(vectors)
    return places.astype(np.float64)
