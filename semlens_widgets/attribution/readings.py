"""How a layer's output is read as components: which axis counts them, which tokens, which directions, which sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from semlens_widgets.attribution.trace import Trace
from semlens_widgets.model import Layer, axes_of, component_values, tokens_of
from semlens_widgets.model.encoding import as_directions


@dataclass(frozen=True, eq=False)
class Reading:
    """A layer in one trace, read as components. Component numbers are rows of the layer in `Components`.

    Relevance of a plain layer is what arrives at it, summed over places (the chosen tokens). A signed layer's `+`
    component has what arrives where the value is positive, its `-` component the rest. Directions W (an array as
    `via`) are read as z = W h with h ≈ W⁺ z as the way back: R_j = z_j · (W⁺ᵀ g)_j for the gradient g (LRP: R / h),
    which shares out everything that lies in their span. A latent of a dictionary with decoder row d has z_j · (d · g).
    A head has what arrives at its features. Any other encoder that is a module or function has no way back: it can be
    started at, but it has no relevance for a target.
    """

    trace: Trace
    layer: Layer

    @cached_property
    def axis(self) -> int:
        """Which axis of the layer's value [image ...] counts components, or features where directions lie on top."""
        return self.axes.index("c")

    @cached_property
    def axes(self) -> str:
        return axes_of(self.layer, self.value)

    @property
    def value(self) -> Tensor:
        return self.trace.value(self.layer.name)

    @property
    def direct(self) -> bool:
        """Whether components are the values on one axis, or groups of them."""
        return self.layer.via is None or self.layer.groups is not None

    @property
    def plain(self) -> bool:
        """Whether components are just the values on one axis."""
        return self.layer.via is None and self.layer.tokens == "all" and not self.layer.signed

    @property
    def linear(self) -> bool:
        return isinstance(self.layer.via, np.ndarray | Tensor)

    @cached_property
    def directions(self) -> Tensor:
        """W [component feature]."""
        return as_directions(self.layer.via, self.value.device, self.value.dtype)

    @cached_property
    def way_back(self) -> Tensor:
        """W⁺, or what the latents of a dictionary write, [feature component]."""
        if (writes := self.layer.writes) is not None:
            return writes.detach().to(self.value.device, self.value.dtype).T
        wide = torch.float64 if self.directions.device.type != "mps" else torch.float32
        return torch.linalg.pinv(self.directions.to(wide)).to(self.directions.dtype)

    @cached_property
    def values(self) -> Tensor:
        """Values before the sign is split off, [image place component]."""
        laid = self._laid(self.value[None])[0]
        if self.layer.via is None:
            return laid
        with torch.inference_mode(False), torch.no_grad():
            return component_values(self.layer, laid.clone())

    @property
    def half(self) -> int:
        """How many components there are without counting signs."""
        if self.linear:
            return len(self.directions)
        if self.layer.groups is not None:
            return self.layer.groups
        return self.value.shape[self.axis] if self.layer.via is None else self.values.shape[-1]

    def __len__(self) -> int:
        return self.half * (2 if self.layer.signed else 1)

    def check(self, numbers: np.ndarray) -> None:
        if numbers.size and (numbers.min() < 0 or numbers.max() >= len(self)):
            raise ValueError(
                f"components from {numbers.min()} to {numbers.max()}; the layer {self.layer.name!r} has 0 … "
                f"{len(self) - 1}"
            )

    def totals(self, signal: Tensor) -> Tensor:
        """Relevance per component [condition image component], of a signal at the layer."""
        if self.plain:
            relevance = self.trace.relevance(self.layer.name, signal)
            return relevance if relevance.ndim == 3 else relevance.movedim(self.axis + 1, 2).flatten(3).sum(3)
        relevance = self._relevance(signal)[:, :, self._tokens]
        if not self.layer.signed:
            return relevance.sum(2)
        positive = torch.where(self.values[:, self._tokens] >= 0, relevance, 0)
        return torch.cat([positive.sum(2), (relevance - positive).sum(2)], 2)

    def over_places(self, signal: Tensor) -> Tensor:
        """A signal summed over places, or the chosen tokens, [condition image feature]."""
        return self._laid(signal)[:, :, self._tokens].sum(2)

    def only(self, signal: Tensor, numbers: Tensor) -> Tensor:
        """The signal [1 image ...] kept at one component per condition and image [condition image]."""
        if self.plain:
            kept = torch.nn.functional.one_hot(numbers, signal.shape[self.axis + 1]).to(signal.dtype)
            shape = [*numbers.shape, *[1] * (signal.ndim - 2)]
            shape[self.axis + 1] = -1
            return signal * kept.reshape(shape)
        base = numbers % self.half
        mine = torch.zeros((*numbers.shape, self._laid(self.value[None]).shape[2]), dtype=torch.bool).to(base.device)
        mine[:, :, self._tokens] = True  # condition image place
        if self.layer.signed:
            values = _picked(self.values, base)
            mine &= (values >= 0) == (numbers < self.half)[..., None]
        if self.direct:
            kept = torch.nn.functional.one_hot(base, self.half).to(signal.dtype)
            kept = kept.repeat_interleave(self.value.shape[self.axis] // self.half, -1)
            return self._back(self._laid(signal) * kept[:, :, None] * mine[..., None])
        slope = self._slopes(signal)  # 1 image place component
        through = _picked(slope[0], base) * mine
        if not self.linear:
            return self.trace.start(self.layer.name, self._back(self._weighted(through, base)))
        gradient = through[..., None] * self.directions[base][:, :, None]
        return self.trace.start(self.layer.name, self._back(gradient))

    def excited(self, numbers: Tensor, lowest: Tensor) -> Tensor:
        """The signal of each component at its most (or least) excited place, for [condition image].

        Its sign is the response's, so that the relevance that starts there is positive. A `-` component starts at
        the least excited place.
        """
        base = numbers % self.half
        lowest = lowest ^ (numbers >= self.half)
        picked = _picked(self.values, base)  # condition image place
        turned = torch.where(lowest[..., None], -picked, picked)
        outside = torch.ones_like(turned, dtype=torch.bool)
        outside[:, :, self._tokens] = False
        peak = turned.masked_fill(outside, -torch.inf).argmax(2)
        strength = picked.gather(2, peak[..., None])[..., 0]
        sign = torch.where(strength < 0, -1.0, 1.0).to(self.value.dtype)
        laid = self._laid(self.value[None])[0]
        start = laid.new_zeros((*numbers.shape, *laid.shape[1:]))  # condition image place feature
        condition, image = torch.meshgrid(*(torch.arange(n, device=base.device) for n in base.shape), indexing="ij")
        if self.layer.via is None:
            start[condition, image, peak, base] = sign
        elif self.linear:
            start[condition, image, peak] = sign[..., None] * self.directions[base]
        else:
            start = self._through_encoder(condition, image, peak, base, sign)
        return self.trace.start(self.layer.name, self._back(start))

    def _through_encoder(self, condition: Tensor, image: Tensor, peak: Tensor, base: Tensor, sign: Tensor) -> Tensor:
        """The encoder's gradient at single places and components, [condition image place feature]."""
        with torch.inference_mode(False), torch.enable_grad():
            leaf = self._laid(self.value[None])[0].clone().requires_grad_()
            values = component_values(self.layer, leaf)
            rows = [
                torch.autograd.grad(values[i, p, c].sum(), leaf, retain_graph=True)[0]
                for i, p, c in zip(image, peak, base, strict=True)
            ]
        return torch.stack(rows).detach() * sign[..., None, None]

    def _weighted(self, through: Tensor, base: Tensor) -> Tensor:
        """The gradient of components [condition image], weighted at each place, [condition image place feature]."""
        with torch.inference_mode(False), torch.enable_grad():
            leaf = self._laid(self.value[None])[0].clone().requires_grad_()
            picked = _picked(component_values(self.layer, leaf), base)
            sums = [(picked[at] * through[at]).sum() for at in range(len(base))]
            rows = [torch.autograd.grad(total, leaf, retain_graph=True)[0] for total in sums]
        return torch.stack(rows).detach()

    def _slopes(self, signal: Tensor) -> Tensor:
        """The gradient with respect to the directions' values, [condition image place component]."""
        if not self.linear and self.layer.writes is None:
            raise ValueError(
                f"the layer {self.layer.name!r} has an encoder on top (via={type(self.layer.via).__name__}); the model "
                "does not run through it, so its outputs have no relevance for a prediction. Give the directions as "
                "an array [direction feature], or ask for the layer without via"
            )
        return self._laid(self.trace.gradient(self.layer.name, signal)) @ self.way_back

    def _relevance(self, signal: Tensor) -> Tensor:
        """[condition image place component], signs together."""
        if self.direct:
            arrived = self._laid(self.trace.relevance(self.layer.name, signal))
            return arrived.unflatten(-1, (self.half, -1)).sum(-1)
        return self._slopes(signal) * self.values

    @property
    def _tokens(self) -> Any:
        if "t" not in self.axes:
            return slice(None)
        return tokens_of(self.layer, self.value.shape[self.axes.index("t")])

    def _laid(self, tensor: Tensor) -> Tensor:
        """[condition image ...] as [condition image place feature]."""
        last = tensor.movedim(self.axis + 1, -1)
        return last[:, :, None] if last.ndim == 3 else last.flatten(2, -2)

    def _back(self, laid: Tensor) -> Tensor:
        """[condition image place feature] in the layer's own axes again."""
        places: Sequence[int] = [n for at, n in enumerate(self.value.shape) if at not in (0, self.axis)]
        placed = laid.unflatten(2, places) if places else laid[:, :, 0]
        return placed.movedim(-1, self.axis + 1)


def _picked(values: Tensor, numbers: Tensor) -> Tensor:
    """One component's values per condition and image: [image place component] → [condition image place]."""
    places = values.shape[1]
    return values.gather(2, numbers.T[:, None, :].expand(-1, places, -1)).permute(2, 0, 1)
