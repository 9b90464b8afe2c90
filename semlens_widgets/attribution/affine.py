"""Affine maps (convolutions and dense layers) and the rules that relevance passes them by.

A rule is a small frozen class, called with the map as it ran and the relevance that arrives at its output; a
`Composite` says which map takes which. Rules share out relevance in proportion to contributions z_ij, and differ in
what counts as one; what they give to the map's bias is kept.

Sources: ε, z⁺ (αβ with α = 1), γ: Bach et al. 2015, Montavon et al. 2019; flat: Lapuschkin et al. 2019; the γ rule for
inputs and outputs of both signs: Andéol et al. 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

Made = TypeVar("Made")
EPSILON = 1e-6  # keeps denominators from zero, and is the ε of the ε rule


def stabilized(values: Tensor, epsilon: float = EPSILON) -> Tensor:
    """The values moved away from zero by ε, zero itself to +ε."""
    return values + torch.where(values < 0, -epsilon, epsilon).to(values.dtype)


@runtime_checkable
class Rule(Protocol):
    """How relevance passes an affine map. A frozen dataclass, so that equal rules are one to caches."""

    def __call__(self, at: Affine, relevance: Tensor) -> Tensor:
        """The inputs' relevance [condition image ...] for that of the outputs."""


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
    """One affine map as it ran: made when the map runs, told later which rule it follows.

    value, output: what went in and came out, [image ...]; weight, bias: of the map, with a batch normalisation that
    follows merged in (`absorb`), as rules for weights of both signs need it. `map.forward(value, weight, bias)` and
    `map.backward(signal, weight, value)` run it both ways with any weight.
    """

    def __init__(
        self, map: Convolution | Dense, value: Tensor, output: Tensor, weight: Tensor, bias: Tensor | None
    ) -> None:
        self.map, self.value, self.output, self.weight, self.bias = map, value, output, weight, bias
        self.rule: Rule = Epsilon()
        self._kept: dict[Hashable, Any] = {}

    def absorb(self, scale: Tensor, shift: Tensor, normalised: Tensor) -> None:
        """From now on the affine map followed by `· scale + shift` per output channel, with that output."""
        self.weight = self.map.scaled(self.weight, scale)
        self.bias = shift if self.bias is None else self.bias * scale + shift
        self.output = normalised

    def once(self, what: Hashable, make: Callable[[Affine], Made]) -> Made:
        """What does not depend on the relevance (denominators, split weights), made at the first call and kept."""
        if what not in self._kept:
            self._kept[what] = make(self)
        return self._kept[what]

    def __call__(self, relevance: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return (self.rule(self, relevance),)


@dataclass(frozen=True)
class Epsilon:
    """z_ij = x_i w_ij: every contribution counts as it is. In ReLU networks the same as activation × gradient."""

    epsilon: float = EPSILON

    def __call__(self, at: Affine, relevance: Tensor) -> Tensor:
        signal = relevance / stabilized(at.output, self.epsilon)
        return at.map.backward(signal, at.weight, at.value) * at.value


@dataclass(frozen=True)
class ZPlus:
    """z_ij = max(x_i w_ij, 0): only what agrees counts. Clear heatmaps; what speaks against a target is not seen."""

    def __call__(self, at: Affine, relevance: Tensor) -> Tensor:
        signal = relevance / at.once((self, "output"), _positive_output)
        parts = [at.map.backward(signal, weight, value).mul_(value) for value, weight in at.once(_halves, _halves)]
        return parts[0] if len(parts) == 1 else parts[0].add_(parts[1])


def _halves(at: Affine) -> list[tuple[Tensor, Tensor]]:
    """Inputs and weights whose products are positive: both positive, both negative (if there are any)."""
    if at.value.amin() >= 0:
        return [(at.value, at.weight.clamp(min=0))]
    return [
        (at.value.clamp(min=0), at.weight.clamp(min=0)),
        (at.value.clamp(max=0), at.weight.clamp(max=0)),
    ]


def _positive_output(at: Affine) -> Tensor:
    positive_bias = None if at.bias is None else at.bias.clamp(min=0)
    total: Tensor | None = None
    for value, weight in at.once(_halves, _halves):
        part = at.map.forward(value, weight, positive_bias if total is None else None)
        total = part if total is None else total + part
    assert total is not None
    return total.add_(EPSILON)  # a sum of positive parts


@dataclass(frozen=True)
class Gamma:
    """z_ij = x_i w_ij, those that agree with the output's sign counted (1 + γ) times: between ε (0) and z⁺ (∞)."""

    gamma: float = 0.25

    def __call__(self, at: Affine, relevance: Tensor) -> Tensor:
        denominator, terms = at.once(self, self._terms)
        signal = relevance / denominator
        positive = at.output >= 0
        at_positive, at_negative = signal * positive, signal * ~positive
        return sum(
            (
                (at.map.backward(at_positive, above, value) + at.map.backward(at_negative, below, value)) * value
                for value, above, below in terms
            ),
            start=torch.zeros((), dtype=relevance.dtype, device=relevance.device),
        )

    def _terms(self, at: Affine) -> tuple[Tensor, list[tuple[Tensor, Tensor, Tensor]]]:
        """Denominators, and (inputs, weights for positive outputs, weights for negative outputs) per input sign."""
        up = at.weight + self.gamma * at.weight.clamp(min=0)
        down = at.weight + self.gamma * at.weight.clamp(max=0)
        terms = [(at.value.clamp(min=0), up, down)]
        if at.value.amin() < 0:
            terms.append((at.value.clamp(max=0), down, up))
        bias = at.bias
        above = None if bias is None else bias + self.gamma * bias.clamp(min=0)
        below = None if bias is None else bias + self.gamma * bias.clamp(max=0)
        for_positive, for_negative = (
            sum(
                at.map.forward(value, pair[sign], extra if first else None)
                for first, (value, *pair) in zip((True, False), terms, strict=False)
            )
            for sign, extra in ((0, above), (1, below))
        )
        return stabilized(torch.where(at.output >= 0, for_positive, for_negative)), terms


@dataclass(frozen=True)
class Flat:
    """z_ij = 1: every input that reaches an output gets the same share, whatever the weights and values are."""

    def __call__(self, at: Affine, relevance: Tensor) -> Tensor:
        map, value = at.map, at.value
        if isinstance(map, Convolution) and map.groups == 1 and not map.transposed:
            # All channels are alike, so one stands for all of them, on both sides.
            one_input, one_kernel = torch.ones_like(value[:1, :1]), torch.ones_like(at.weight[:1, :1])
            reached = stabilized(map.forward(one_input, one_kernel, None) * value.shape[1])
            signal = relevance.sum(2, keepdim=True) / reached
            share = map.backward(signal, one_kernel, value[:, :1])
            return share.expand(-1, -1, value.shape[1], *share.shape[3:])
        ones = torch.ones_like(at.weight)
        reached = stabilized(map.forward(torch.ones_like(value), ones, None))
        return map.backward(relevance / reached, ones, value)
