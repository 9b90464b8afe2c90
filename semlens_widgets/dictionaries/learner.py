"""What something that learns a dictionary block by block must do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float

Parts = dict[str, np.ndarray]  # W_enc [feature component], W_dec [component feature], b_enc, b_dec


class Learner(Protocol):
    """A dictionary that is being learned. Its state is arrays and plain values, so that a file may hold it."""

    @property
    def kind(self) -> str:
        """What makes its codes, see `sl.dictionary`."""

    @property
    def centred(self) -> bool:
        """Whether b_dec is taken from features before they are encoded."""

    def learn(self, vectors: Float[np.ndarray, "vector feature"], done: float) -> None:
        """Go on with these vectors, in their order; `done` is the part of all learning that was done before."""

    def parts(self) -> Parts:
        """The dictionary as it is now."""

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """(arrays, values) from which `restore` goes on as if nothing had been."""

    def restore(self, arrays: Mapping[str, np.ndarray], document: Mapping[str, Any]) -> None:
        """Take over a state."""
