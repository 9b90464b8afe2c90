"""The encoders of sparse autoencoders: features to codes, and what each code adds to the features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from .nonnegative import largest_slope, nonnegative

_BLOCK = 512  # codes that are decoded at a time, to find what they write


def _fixed(value: torch.Tensor) -> torch.nn.Parameter:
    """Weights, which a pass does not change: buffers are looked after as if it could."""
    return torch.nn.Parameter(value.clone(), requires_grad=False)


class Dictionary(torch.nn.Module):
    """An encoder: features [… feature] to codes [… component], with the weights of a sparse autoencoder.

    parts:   encoder [feature component], decoder [component feature], and the biases and thresholds there are.
    kind, k, centred: as in `dictionary`.
    by_norm: codes are counted in lengths of their decoder rows, as SAELens's "rescale_acts_by_decoder_norm".
    """

    encoder: torch.Tensor
    decoder: torch.Tensor

    def __init__(
        self, parts: Mapping[str, torch.Tensor], kind: str, k: int | None, centred: bool, by_norm: bool = False
    ) -> None:
        super().__init__()
        self.kind, self.k, self.centred = kind, k, centred
        count = parts["encoder"].shape[1]
        if kind == "topk" and (isinstance(k, bool) or not isinstance(k, int) or not 0 < k <= count):
            raise ValueError(f"k={k!r}; of {count} codes a feature vector has k, as in k=32")
        for needed in {"jumprelu": ("threshold",), "gated": ("gate_bias", "magnitude_bias", "magnitude")}.get(kind, ()):
            if needed not in parts:
                raise ValueError(f"kind {kind!r} needs the weights {needed!r}, which are not there")
        if by_norm:  # the same codes, from an encoder that counts in these lengths
            length = parts["decoder"].norm(dim=1).clamp(min=1e-12)
            longer = {name: parts[name] * length for name in ("encoder", "encoder_bias") if name in parts}
            parts = {**parts, **longer, "decoder": parts["decoder"] / length[:, None]}
        for name, value in parts.items():
            self.register_parameter(name, _fixed(value))
        self.steepest = largest_slope(parts["decoder"]) if kind == "nonnegative" else 0.0

    @property
    def semlens_writes(self) -> torch.Tensor:
        """What each code of 1 adds to the features, [component feature]; see `Layer.writes`."""
        return self.decoder

    def _part(self, name: str) -> Any:
        return getattr(self, name, 0.0)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        centred = features - self._part("decoder_bias") if self.centred else features
        if self.kind == "nonnegative":
            decoder = self.decoder.to(centred.dtype)
            return nonnegative(centred @ decoder.T, decoder @ decoder.T, self.steepest)
        product = centred @ self.encoder
        if self.kind == "nearest":
            length = self.decoder.square().sum(1)
            nearest = (length - 2 * product).argmin(-1, keepdim=True)
            along = torch.relu(product / length.clamp(min=1e-12)).gather(-1, nearest)
            return torch.zeros_like(product).scatter(-1, nearest, along)
        if self.kind == "gated":
            strength = torch.relu(product * self._part("magnitude").exp() + self._part("magnitude_bias"))
            return strength * (product + self._part("gate_bias") > 0)
        codes = product + self._part("encoder_bias")
        if self.kind == "linear":
            return codes
        if self.kind == "topk":
            largest = codes.topk(int(self.k or 0), dim=-1)
            return torch.zeros_like(codes).scatter(-1, largest.indices, torch.relu(largest.values))
        positive = torch.relu(codes)
        return positive * (codes > self._part("threshold")) if self.kind == "jumprelu" else positive


class Encoder(torch.nn.Module):
    """Somebody's own sparse autoencoder as an encoder: its `encode`, and what its `decode` makes of single codes."""

    written: torch.Tensor

    def __init__(self, autoencoder: Any, written: torch.Tensor) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.register_parameter("written", _fixed(written))

    @classmethod
    def of(cls, autoencoder: Any) -> Encoder:
        """ValueError where what it writes cannot be found out: no `decode`, or one that is not linear in the codes."""
        kind = type(autoencoder).__name__
        if not callable(getattr(autoencoder, "decode", None)):
            raise ValueError(
                f"a {kind} has encode and no decode, so that what its codes add to the features is not known; give it "
                "as via=… itself, whose components have no relevance, or give the weights"
            )
        with torch.no_grad():
            return cls(autoencoder, _written(autoencoder, kind))

    @property
    def semlens_writes(self) -> torch.Tensor:
        """What each code of 1 adds to the features, [component feature]; see `Layer.writes`."""
        return self.written

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features in rows, as most autoencoders want them."""
        return _last(self.autoencoder.encode(features.flatten(0, -2))).unflatten(0, features.shape[:-1])


def _last(encoded: Any) -> torch.Tensor:
    """The codes: what `encode` gives, or the last tensor of several."""
    if isinstance(encoded, Mapping):
        encoded = tuple(encoded.values())
    if isinstance(encoded, tuple | list):
        encoded = [part for part in encoded if isinstance(part, torch.Tensor)][-1]
    if not isinstance(encoded, torch.Tensor):
        raise TypeError(f"encode gives a {type(encoded).__name__}; needed is a tensor [… component]")
    return encoded


def _written(autoencoder: Any, kind: str) -> torch.Tensor:
    like = next((p for p in _weights(autoencoder) if p.is_floating_point()), torch.zeros(1))
    count = _count(autoencoder, like, kind)

    def decoded(codes: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(autoencoder.decode(codes.to(like.device, like.dtype))).float().cpu()

    nothing = decoded(torch.zeros(1, count))
    blocks = []
    for first in range(0, count, _BLOCK):
        numbers = torch.arange(first, min(first + _BLOCK, count))
        blocks.append(decoded(torch.nn.functional.one_hot(numbers, count).float()) - nothing)
    written = torch.cat(blocks)
    codes = torch.rand(4, count, generator=torch.Generator().manual_seed(0))
    said, wanted = decoded(codes) - nothing, codes @ written
    if not torch.allclose(said, wanted, rtol=1e-2, atol=1e-2 * float(wanted.abs().max())):
        raise ValueError(
            f"what this {kind} decodes is no sum of what its codes write; give the layer via=… without sl.dictionary"
        )
    return written


def _weights(autoencoder: Any) -> list[torch.Tensor]:
    """The weights of a torch module, or the rows that others give as overcomplete does, by `get_dictionary`."""
    found: list[torch.Tensor] = [*autoencoder.parameters()] if isinstance(autoencoder, torch.nn.Module) else []
    rows = getattr(autoencoder, "get_dictionary", None)
    return [*found, torch.as_tensor(rows())] if callable(rows) else found


def _count(autoencoder: Any, like: torch.Tensor, kind: str) -> int:
    """How many codes there are: by trying the sizes that its weights have."""
    sizes = sorted({int(n) for p in _weights(autoencoder) for n in p.shape}, reverse=True)
    why = ""
    for features in sizes:
        try:
            return int(
                _last(autoencoder.encode(torch.zeros(2, features, device=like.device, dtype=like.dtype))).shape[-1]
            )
        except (RuntimeError, ValueError, IndexError, AssertionError, TypeError) as error:
            why = f", and says: {(str(error).splitlines() or [type(error).__name__])[0][:120]}"
    raise ValueError(
        f"this {kind} encodes no features of the sizes of its weights ({sizes}){why}; make it ready to encode (eval(), "
        "fit), or give its weights instead"
    )
