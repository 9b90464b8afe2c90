"""A TopK sparse autoencoder, learned in small steps.

Of each vector the k largest codes are kept; what is lost is the squared error, and latents that have been silent for
long learn to explain what the others leave (auxiliary loss). Decoder rows have length one. (Gao et al. 2024)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from .learner import Parts

STEP = 256  # vectors
_SILENT = 1 << 17  # vectors without a latent, from which on it counts as silent
_AUXILIARY = 1 / 32
_RATE = 2e-4  # for 16,384 latents; it falls with the root of their number
_FALLING = 0.2  # the part at the end over which the rate falls to nothing
_NAMES = ("W_enc", "W_dec", "b_enc", "b_dec")


class TopK:
    """What is learned so far; `learn` goes on with a block."""

    kind, centred = "topk", True

    def __init__(self, size: int, k: int, seed: int) -> None:
        self.size, self.k, self.seed = size, k, seed
        self._weights: dict[str, torch.Tensor] = {}
        self._moments: dict[str, list[torch.Tensor]] = {}
        self._middle, self._scale, self._steps = np.zeros(0, np.float32), 1.0, 0

    def learn(self, vectors: Float[np.ndarray, "vector feature"], done: float) -> None:
        """Go on with these vectors, in their order; `done` is the part of all learning that was done before."""
        if not self._weights:
            self._begin(vectors)
        scaled = torch.from_numpy((vectors - self._middle) / self._scale)
        rate = _RATE * (16384 / self.size) ** 0.5 * min(1.0, (1 - done) / _FALLING)
        for start in range(0, len(scaled), STEP):
            if len(some := scaled[start : start + STEP]) >= min(STEP // 4, len(scaled)):
                self._step(some, rate)

    def _begin(self, vectors: np.ndarray) -> None:
        self._middle = vectors.mean(0, dtype=np.float64).astype(np.float32)
        self._scale = float(np.sqrt((vectors - self._middle).astype(np.float64).var(0).mean())) or 1.0
        features = vectors.shape[1]
        draw = np.random.default_rng([self.seed, 1])
        rows = draw.normal(size=(self.size, features)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        made = (rows.T.copy(), rows, np.zeros(self.size, np.float32), np.zeros(features, np.float32))
        self._weights = {
            name: torch.from_numpy(value).requires_grad_() for name, value in zip(_NAMES, made, strict=True)
        }
        self._moments = {name: [torch.zeros_like(w), torch.zeros_like(w)] for name, w in self._weights.items()}
        self._silent = torch.zeros(self.size)  # vectors since each latent was last among the k

    def _step(self, x: torch.Tensor, rate: float) -> None:
        with torch.enable_grad():
            encoder, rows, bias, middle = (self._weights[name] for name in _NAMES)
            before = (x - middle) @ encoder + bias
            codes = _largest(before, self.k)
            left = x - codes @ rows - middle
            loss = left.square().mean() / x.square().mean().clamp(min=1e-12)
            self._silent = torch.where((codes > 0).any(0), 0.0, self._silent + len(x))
            silent = self._silent > _SILENT
            if bool(silent.any()):
                most = min(int(silent.sum()), max(1, x.shape[1] // 2))
                others = _largest(before.masked_fill(~silent, -torch.inf), most)
                rest = left.detach()
                missed = (rest - others @ rows).square().mean() / rest.square().mean().clamp(min=1e-12)
                loss = loss + _AUXILIARY * missed.nan_to_num(0.0)
            slopes = torch.autograd.grad(loss, [self._weights[name] for name in _NAMES])
        self._steps += 1
        with torch.no_grad():
            for name, slope in zip(_NAMES, slopes, strict=True):
                weight = self._weights[name]
                if name == "W_dec":  # only what turns a row
                    slope = slope - (slope * weight).sum(1, keepdim=True) * weight
                self._adam(name, weight, slope, rate)
            rows /= rows.norm(dim=1, keepdim=True).clamp(min=1e-12)

    def _adam(self, name: str, weight: torch.Tensor, slope: torch.Tensor, rate: float) -> None:
        first, second = self._moments[name]
        first.mul_(0.9).add_(slope, alpha=0.1)
        second.mul_(0.999).addcmul_(slope, slope, value=0.001)
        size = (second / (1 - 0.999**self._steps)).sqrt_().add_(1e-8)
        weight.addcdiv_(first, size, value=-rate / (1 - 0.9**self._steps))

    def parts(self) -> Parts:
        """The dictionary, in the features' own units: decoder rows have length one."""
        made = {name: weight.detach().numpy().copy() for name, weight in self._weights.items()}
        made["b_enc"] *= self._scale
        made["b_dec"] = made["b_dec"] * self._scale + self._middle
        return made

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        arrays = {"middle": self._middle, "silent": self._silent.numpy()}
        for name, weight in self._weights.items():
            first, second = self._moments[name]
            arrays |= {name: weight.detach().numpy(), f"{name}.1": first.numpy(), f"{name}.2": second.numpy()}
        return arrays, {"steps": self._steps, "scale": self._scale}

    def restore(self, arrays: Mapping[str, np.ndarray], document: Mapping[str, Any]) -> None:
        def read(name: str) -> torch.Tensor:
            return torch.from_numpy(np.array(arrays[name]))

        self._middle, self._silent = np.array(arrays["middle"]), read("silent")
        self._weights = {name: read(name).requires_grad_() for name in _NAMES}
        self._moments = {name: [read(f"{name}.1"), read(f"{name}.2")] for name in _NAMES}
        self._steps, self._scale = int(document["steps"]), float(document["scale"])


def _largest(before: torch.Tensor, k: int) -> torch.Tensor:
    found = before.topk(k, dim=-1)
    return torch.zeros_like(before).scatter(-1, found.indices, torch.relu(found.values))
