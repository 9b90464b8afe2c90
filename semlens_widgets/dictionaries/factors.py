"""Principal components, nonnegative factors and clusters, by scikit-learn's estimators that learn in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from .learner import Parts

STEP = 1024  # vectors that an estimator is given at once, where it learns by steps
_REMEMBERED = 0.98  # of what was learned, after each step of the nonnegative factors


class Factors:
    """One estimator of scikit-learn, and the mean of all it was given."""

    def __init__(self, what: str, size: int, seed: int) -> None:
        self.what, self.size = what, size
        self._estimator = _estimator(what, size, seed)
        self._sum, self._count = np.zeros(1), 0

    @property
    def kind(self) -> str:
        return {"pca": "linear", "nmf": "nonnegative", "kmeans": "nearest"}[self.what]  # as `value.CODES`

    @property
    def centred(self) -> bool:
        return self.what != "nmf"

    def learn(self, vectors: Float[np.ndarray, "vector feature"], done: float) -> None:
        """Go on with these vectors, in their order. ValueError for negative ones where there must be none."""
        if self.what == "nmf" and vectors.min() < 0:
            raise ValueError(
                f"kind 'nmf' needs features that are at least 0, and the layer's go down to {vectors.min():.3g}; learn "
                "from a layer after its ReLU, or by kind='topk', 'pca' or 'kmeans'"
            )
        if len(vectors) < self.size:
            raise ValueError(
                f"{len(vectors)} feature vectors for size={self.size}; give more images, or a smaller size"
            )
        self._sum, self._count = self._sum + vectors.sum(0, dtype=np.float64), self._count + len(vectors)
        step = len(vectors) if self.what == "pca" else max(STEP, 2 * self.size)
        whole = max(1, len(vectors) // step)
        for some in np.array_split(vectors.astype(np.float64), whole):
            self._estimator.partial_fit(some)

    def parts(self) -> Parts:
        mean = (self._sum / max(self._count, 1)).astype(np.float32)
        if self.what == "pca":
            rows, middle = self._estimator.components_, self._estimator.mean_
        elif self.what == "nmf":
            rows, middle = _of_length_one(self._estimator.components_), np.zeros_like(mean)
        else:
            rows, middle = self._estimator.cluster_centers_ - mean, mean
        rows = np.array(rows, np.float32)
        nothing = np.zeros(len(rows), np.float32)
        return {"W_enc": rows.T.copy(), "W_dec": rows, "b_enc": nothing, "b_dec": np.array(middle, np.float32)}

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        arrays, document = _content(self._estimator)
        return arrays | {"sum of all": self._sum}, document | {"count of all": self._count}

    def restore(self, arrays: Mapping[str, np.ndarray], document: Mapping[str, Any]) -> None:
        self._sum, self._count = np.array(arrays["sum of all"]), int(document["count of all"])
        _put_back(self._estimator, arrays, document)


def _estimator(what: str, size: int, seed: int) -> Any:
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import IncrementalPCA, MiniBatchNMF

    if what == "pca":
        return IncrementalPCA(size)
    if what == "nmf":
        return MiniBatchNMF(size, batch_size=1, forget_factor=_REMEMBERED, random_state=seed)
    return MiniBatchKMeans(size, random_state=seed, n_init=1)


def _of_length_one(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)


_DRAWS = "draws of "  # what a random state holds, under the name of its attribute


def _content(estimator: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """All that an estimator holds: arrays, plain values, random states. TypeError for anything else."""
    arrays: dict[str, np.ndarray] = {}
    document: dict[str, Any] = {}
    for name, value in vars(estimator).items():
        if isinstance(value, np.ndarray):
            arrays[name] = value
        elif isinstance(value, np.generic):
            document[name] = value.item()
        elif isinstance(value, np.random.RandomState):
            kind, keys, *rest = value.get_state()
            arrays[_DRAWS + name], document[_DRAWS + name] = np.asarray(keys), [kind, *rest]
        elif value is None or isinstance(value, bool | int | float | str):
            document[name] = value
        elif not callable(value):
            kind = type(estimator).__name__
            raise TypeError(f"{kind} holds a {type(value).__name__} as {name!r}, which no file keeps")
    return arrays, document


def _put_back(estimator: Any, arrays: Mapping[str, np.ndarray], document: Mapping[str, Any]) -> None:
    for name, value in document.items():
        if name.startswith(_DRAWS):
            state = np.random.RandomState()
            state.set_state((value[0], arrays[name], *value[1:]))
            setattr(estimator, name.removeprefix(_DRAWS), state)
        elif name != "count of all":
            setattr(estimator, name, value)
    for name, array in arrays.items():
        if not name.startswith(_DRAWS) and name != "sum of all":
            setattr(estimator, name, np.array(array))
