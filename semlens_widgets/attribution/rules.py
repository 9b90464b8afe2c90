"""How relevance passes one operation: the rules of layer-wise relevance propagation.

Relevance has one axis more than the value it belongs to: [condition image ...], so that many conditions share the
values of one forward pass. Every rule is R_i = Σ_j z_ij / Σ_i' z_i'j · R_j, and they differ in what counts as the
contribution z_ij.

Sources: ε, z⁺ (αβ with α = 1), γ: Bach et al. 2015, Montavon et al. 2019; flat: Lapuschkin et al. 2019; the γ rule for
inputs and outputs of both signs: Andéol et al. 2021; softmax, products, normalisation and element-wise functions:
AttnLRP, Achtibat et al. 2024.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

Rule = Literal["epsilon", "zplus", "gamma", "flat"]
EPSILON = 1e-6  # keeps denominators from zero, and is the ε of the ε rule


def stabilized(values: Tensor) -> Tensor:
    """The values moved away from zero by EPSILON, zero itself to +EPSILON."""
    return values + torch.where(values < 0, -EPSILON, EPSILON).to(values.dtype)


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
class Convolution:
    """A convolution of any number of axes, plain or transposed, as a map that can be run both ways.

    `backward` is the transposed map on [condition image ...], its `value` [image ...] gives the shape; `scaled` is the
    weight whose outputs are `scale` times as large, per output channel.
    """

    stride: Sequence[int]
    padding: Sequence[int]
    dilation: Sequence[int]
    transposed: bool
    output_padding: Sequence[int]
    groups: int

    @property
    def _settings(self) -> tuple[object, ...]:
        return self.stride, self.padding, self.dilation, self.transposed, self.output_padding, self.groups

    def forward(self, value: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return torch.ops.aten.convolution(value, weight, bias, *self._settings)

    def backward(self, signal: Tensor, weight: Tensor, value: Tensor) -> Tensor:
        conditions, images = signal.shape[:2]
        layout = torch.channels_last if value.ndim == 4 else torch.contiguous_format
        shape_only = torch.empty(
            (conditions * images, *value.shape[1:]), dtype=value.dtype, device=value.device, memory_format=layout
        )
        pulled = torch.ops.aten.convolution_backward(
            signal.flatten(0, 1), shape_only, weight, None, *self._settings, [True, False, False]
        )[0]
        return pulled.unflatten(0, (conditions, images))

    def scaled(self, weight: Tensor, scale: Tensor) -> Tensor:
        if not self.transposed:
            return weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
        split = weight.unflatten(0, (self.groups, -1))  # group, in, out, space…
        by_group = scale.reshape(self.groups, 1, -1, *[1] * (weight.ndim - 2))
        return (split * by_group).flatten(0, 1)


@dataclass(frozen=True)
class Dense:
    """A matrix on the last axis, with the methods of Convolution."""

    def forward(self, value: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return torch.nn.functional.linear(value, weight, bias)

    def backward(self, signal: Tensor, weight: Tensor, value: Tensor) -> Tensor:
        return signal @ weight

    def scaled(self, weight: Tensor, scale: Tensor) -> Tensor:
        return weight * scale[:, None]


class Affine:
    """The rule of one affine map: made when the map runs, told later which rule it follows.

    `absorb` merges a following batch normalisation into the weights, as the rules for weights of both signs need it.
    What does not depend on the condition (denominators, split weights) is computed once and kept.
    """

    def __init__(
        self, map: Convolution | Dense, value: Tensor, output: Tensor, weight: Tensor, bias: Tensor | None
    ) -> None:
        self.map, self.value, self.output, self.weight, self.bias = map, value, output, weight, bias
        self.rule: Rule = "epsilon"

    def absorb(self, scale: Tensor, shift: Tensor, normalised: Tensor) -> None:
        """From now on the affine map followed by `· scale + shift` per output channel, with that output."""
        self.weight = self.map.scaled(self.weight, scale)
        self.bias = shift if self.bias is None else self.bias * scale + shift
        self.output = normalised

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return (getattr(self, f"_{self.rule}")(relevance),)

    def _epsilon(self, relevance: Tensor) -> Tensor:
        signal = relevance / stabilized(self.output)
        return self.map.backward(signal, self.weight, self.value) * self.value

    @cached_property
    def _halves(self) -> list[tuple[Tensor, Tensor]]:
        """Inputs and weights whose products are positive: both positive, both negative (if there are any)."""
        if self.value.amin() >= 0:
            return [(self.value, self.weight.clamp(min=0))]
        return [
            (self.value.clamp(min=0), self.weight.clamp(min=0)),
            (self.value.clamp(max=0), self.weight.clamp(max=0)),
        ]

    @cached_property
    def _positive_output(self) -> Tensor:
        positive_bias = None if self.bias is None else self.bias.clamp(min=0)
        total: Tensor | None = None
        for value, weight in self._halves:
            part = self.map.forward(value, weight, positive_bias if total is None else None)
            total = part if total is None else total + part
        assert total is not None
        return total.add_(EPSILON)  # a sum of positive parts

    def _zplus(self, relevance: Tensor) -> Tensor:
        signal = relevance / self._positive_output
        parts = [self.map.backward(signal, weight, value).mul_(value) for value, weight in self._halves]
        return parts[0] if len(parts) == 1 else parts[0].add_(parts[1])

    @property
    def gamma(self) -> float:
        """How much the contributions that agree with the output's sign count extra."""
        return 0.05 if isinstance(self.map, Dense) else 0.25

    @cached_property
    def _gamma_terms(self) -> tuple[Tensor, list[tuple[Tensor, Tensor, Tensor]]]:
        """Denominators, and (inputs, weights for positive outputs, weights for negative outputs) per input sign."""
        up = self.weight + self.gamma * self.weight.clamp(min=0)
        down = self.weight + self.gamma * self.weight.clamp(max=0)
        terms = [(self.value.clamp(min=0), up, down)]
        if self.value.amin() < 0:
            terms.append((self.value.clamp(max=0), down, up))
        bias = self.bias
        above = None if bias is None else bias + self.gamma * bias.clamp(min=0)
        below = None if bias is None else bias + self.gamma * bias.clamp(max=0)
        for_positive, for_negative = (
            sum(
                self.map.forward(value, pair[sign], extra if first else None)
                for first, (value, *pair) in zip((True, False), terms, strict=False)
            )
            for sign, extra in ((0, above), (1, below))
        )
        return stabilized(torch.where(self.output >= 0, for_positive, for_negative)), terms

    def _gamma(self, relevance: Tensor) -> Tensor:
        denominator, terms = self._gamma_terms
        signal = relevance / denominator
        positive = self.output >= 0
        at_positive, at_negative = signal * positive, signal * ~positive
        return sum(
            (
                (self.map.backward(at_positive, above, value) + self.map.backward(at_negative, below, value)) * value
                for value, above, below in terms
            ),
            start=torch.zeros((), dtype=relevance.dtype, device=relevance.device),
        )

    def _flat(self, relevance: Tensor) -> Tensor:
        """Every input that reaches an output gets the same share, whatever the weights and values are."""
        map, value = self.map, self.value
        if isinstance(map, Convolution) and map.groups == 1 and not map.transposed:
            # All channels are alike, so one stands for all of them, on both sides.
            one_input, one_kernel = torch.ones_like(value[:1, :1]), torch.ones_like(self.weight[:1, :1])
            reached = stabilized(map.forward(one_input, one_kernel, None) * value.shape[1])
            signal = relevance.sum(2, keepdim=True) / reached
            share = map.backward(signal, one_kernel, value[:, :1])
            return share.expand(-1, -1, value.shape[1], *share.shape[3:])
        ones = torch.ones_like(self.weight)
        reached = stabilized(map.forward(torch.ones_like(value), ones, None))
        return map.backward(relevance / reached, ones, value)


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
