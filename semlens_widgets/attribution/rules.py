"""How relevance passes every other operation than an affine map (see `affine`): sums, products, poolings, norms …

Relevance has one axis more than the value it belongs to: [condition image ...], so that many conditions share the
values of one forward pass. Every rule is R_i = Σ_j z_ij / Σ_i' z_i'j · R_j, and they differ in what counts as the
contribution z_ij.

Source: softmax, products, normalisation and element-wise functions: AttnLRP, Achtibat et al. 2024.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from semlens_widgets.attribution.affine import stabilized


def unbroadcast(relevance: Tensor, value: Tensor) -> Tensor:
    """Relevance [condition, broadcast shape…] summed to [condition, shape of value…]."""
    shape = value.shape
    while relevance.ndim - 1 > len(shape):
        relevance = relevance.sum(1)
    spread = [axis + 1 for axis, size in enumerate(shape) if size == 1 and relevance.shape[axis + 1] != 1]
    return relevance.sum(spread, keepdim=True) if spread else relevance


def transposed(function: Callable[[Tensor], Tensor], value: Tensor) -> Callable[[Tensor], Tensor]:
    """The transposed Jacobian of `function` at `value`, for many conditions at once."""
    pull: Any = torch.func.vjp(function, value.clone())[1]  # a clone made outside inference mode has derivatives
    return torch.func.vmap(lambda signal: pull(signal)[0])


@dataclass(frozen=True)
class Proportional:
    """A linear map without weights (a mean, a sum, a pooling, a normalisation with its scale held fixed)."""

    function: Callable[[Tensor], Tensor]
    value: Tensor
    output: Tensor

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return (transposed(self.function, self.value)(relevance / stabilized(self.output)) * self.value,)


@dataclass(frozen=True)
class Rearrange:
    """Values only moved, copied, dropped or selected (reshape, slice, pad …): relevance goes back the way."""

    function: Callable[[Tensor], Tensor]
    value: Tensor

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return (transposed(self.function, self.value)(relevance),)


@dataclass(frozen=True)
class MaxPool:
    """Max-pooling over two axes: all relevance to the winner. As Rearrange, but the winners are looked up once."""

    settings: tuple[Any, ...]
    value: Tensor

    @cached_property
    def winners(self) -> Tensor:
        return torch.ops.aten.max_pool2d_with_indices(self.value, *self.settings)[1]

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        conditions, images = relevance.shape[:2]
        rows = conditions * images
        shape_only = torch.empty(
            (rows, *self.value.shape[1:]),
            dtype=self.value.dtype,
            device=self.value.device,
            memory_format=torch.channels_last,
        )
        winners = self.winners.expand(conditions, *self.winners.shape).reshape(rows, *self.winners.shape[1:])
        routed = torch.ops.aten.max_pool2d_with_indices_backward(
            relevance.reshape(rows, *relevance.shape[2:]), shape_only, *self.settings, winners
        )
        return (routed.unflatten(0, (conditions, images)),)


@dataclass(frozen=True)
class Identity:
    """An element-wise function of one value: its relevance is its input's (summed where the input was broadcast)."""

    value: Tensor

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return (unbroadcast(relevance, self.value),)


@dataclass(frozen=True)
class BatchNorm(Identity):
    """A batch normalisation in eval mode, `value · scale + shift` per channel."""

    scale: Tensor
    shift: Tensor


@dataclass(frozen=True)
class Gated(Identity):
    """A signal scaled by a gate: all relevance is the signal's."""


@dataclass(frozen=True)
class Reshaped:
    """Another shape for the same values in the same order."""

    shape: tuple[int, ...]

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return (relevance.reshape(relevance.shape[0], *self.shape),)


@dataclass(frozen=True)
class Permuted:
    """Axes in another order: `order[i]` is the input's axis that became axis i."""

    order: tuple[int, ...]

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        back = [0, *(self.order.index(axis) + 1 for axis in range(len(self.order)))]
        return (relevance.permute(back),)


@dataclass(frozen=True)
class Summed:
    """A sum of terms: each gets its share of the total. A constant term keeps (absorbs) its own."""

    terms: tuple[Tensor, ...]  # values of the parents, as they entered the sum, signs included
    values: tuple[Tensor, ...]  # values of the parents, for their shapes
    output: Tensor

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        signal = relevance / stabilized(self.output)
        return [
            unbroadcast(signal * term, value) if asked else None
            for term, value, asked in zip(self.terms, self.values, wanted, strict=True)
        ]


@dataclass(frozen=True)
class Concatenated:
    """Parts side by side along `axis`: each gets what lies in its stretch."""

    sizes: tuple[int, ...]  # of all parts, constant ones included
    tracked: tuple[int, ...]  # which parts are parents
    axis: int

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        parts = relevance.split(self.sizes, self.axis + 1)
        return [parts[number] for number in self.tracked]


@dataclass(frozen=True)
class Shared:
    """A product of signals: each of the two factors gets half."""

    values: tuple[Tensor, Tensor]

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return [
            unbroadcast(relevance / 2, value) if asked else None
            for value, asked in zip(self.values, wanted, strict=True)
        ]


@dataclass(frozen=True)
class MatrixProduct:
    """A matrix product of two signals: half to each factor, within it in proportion to contribution."""

    left: Tensor
    right: Tensor
    output: Tensor

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        signal = relevance / stabilized(self.output) / 2
        return [
            unbroadcast(signal @ self.right.mT * self.left, self.left) if wanted[0] else None,
            unbroadcast(self.left.mT @ signal * self.right, self.right) if wanted[1] else None,
        ]


@dataclass(frozen=True)
class Softmax:
    """Softmax, expanded to first order: R_i = x_i (R_i − s_i Σ R). Its constant term absorbs the difference."""

    value: Tensor
    output: Tensor
    axis: int

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        axis = self.axis if self.axis < 0 else self.axis + 1
        centred = relevance - self.output * relevance.sum(axis, keepdim=True)
        return (torch.where(torch.isfinite(self.value), self.value, 0) * centred,)


@dataclass(frozen=True)
class Attention:
    """softmax(q kᵀ · scale + mask) v as one operation: both products half and half, the softmax as in Softmax."""

    query: Tensor
    key: Tensor
    value: Tensor
    output: Tensor
    mask: Tensor | None
    scale: float

    @cached_property
    def weights(self) -> Tensor:
        logits = self.query @ self.key.mT * self.scale
        if self.mask is not None:
            logits = logits.masked_fill(~self.mask, -torch.inf) if self.mask.dtype == torch.bool else logits + self.mask
        return logits.softmax(-1)

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        weights = self.weights
        signal = relevance / stabilized(self.output) / 2
        to_value = weights.mT @ signal * self.value
        to_weights = weights * (signal @ self.value.mT)
        to_logits = (to_weights - weights * to_weights.sum(-1, keepdim=True)) / 2 * self.scale
        return to_logits @ self.key * self.query, to_logits.mT @ self.query * self.key, to_value
