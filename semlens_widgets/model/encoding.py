"""Encoders on top of a layer (`via`): run where the features are, in eval mode, and left as they were."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from .layer import Layer
from .running import at_rest

if TYPE_CHECKING:
    import torch


def as_directions(via: Any, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """The array [direction feature] that a layer has as `via`, as a tensor there."""
    import torch

    own = np.array(via) if isinstance(via, np.ndarray) else via  # torch warns of arrays that are read only
    return torch.as_tensor(own).detach().to(device, dtype)


def component_values(layer: Layer, features: torch.Tensor) -> torch.Tensor:
    """What `layer.via` makes of features in the last axis; the features themselves where there is no `via`."""
    import torch

    if layer.via is None:
        return features
    if isinstance(layer.via, np.ndarray | torch.Tensor):
        precise = torch.promote_types(features.dtype, torch.float32)
        directions = as_directions(layer.via, features.device, precise)
        if directions.ndim != 2 or directions.shape[1] != features.shape[-1]:
            raise ValueError(
                f"layer {layer.name!r} has {features.shape[-1]} features, the array via has shape "
                f"{tuple(directions.shape)}; needed is [direction feature]"
            )
        return features.to(precise) @ directions.T
    kind = type(layer.via).__name__
    if not callable(layer.via):
        raise TypeError(f"via of layer {layer.name!r} is a {kind}; give an encoder, or an array [direction feature]")
    module = _module(layer.via)
    try:
        with at_rest(module) if module is not None else nullcontext():
            encode, given = _beside(layer.via, module, features)
            encoded = encode(given)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ValueError(
            f"the encoder via of layer {layer.name!r} ({kind}) fails on features [… {features.shape[-1]}]: "
            f"{str(error).splitlines()[0]}; it is given the layer's {features.shape[-1]} features in the last axis"
        ) from error
    return _codes(layer, encoded, features)


def _module(via: Any) -> torch.nn.Module | None:
    """The module that an encoder is, or whose method it is."""
    import torch

    owner = via if isinstance(via, torch.nn.Module) else getattr(via, "__self__", None)
    return owner if isinstance(owner, torch.nn.Module) else None


def _codes(layer: Layer, encoded: Any, features: torch.Tensor) -> torch.Tensor:
    """The one tensor among what an encoder gave that the layer's components are."""
    import torch

    name = f"the encoder via of layer {layer.name!r} ({type(layer.via).__name__})"
    codes = encoded
    if layer.codes is not None:
        try:
            codes = encoded[layer.codes]
        except (KeyError, IndexError, TypeError):
            raise KeyError(f"{name} gives no {layer.codes!r}; it gives {_listed(encoded)}") from None
    elif isinstance(encoded, Mapping | tuple | list):
        parts = list(encoded.values()) if isinstance(encoded, Mapping) else list(encoded)
        tensors = [part for part in parts if isinstance(part, torch.Tensor)]
        if len(tensors) != 1:
            choice = next(iter(encoded)) if isinstance(encoded, Mapping) and encoded else 1
            raise TypeError(
                f"{name} gives {_listed(encoded)}; say which of them are the components: Layer(..., codes={choice!r})"
            )
        codes = tensors[0]
    if not isinstance(codes, torch.Tensor) or codes.shape[:-1] != features.shape[:-1]:
        raise TypeError(
            f"{name} gives {_listed(codes)} for features of shape {tuple(features.shape)}; needed is a tensor with the "
            "components in the last axis, and the other axes as they are"
        )
    return codes


def _listed(value: Any) -> str:
    import torch

    if isinstance(value, torch.Tensor):
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_listed(part)}" for key, part in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(f"{at}: {_listed(part)}" for at, part in enumerate(value)) + ")"
    return f"a {type(value).__name__}"


_COPIES: weakref.WeakKeyDictionary[torch.nn.Module, tuple[Any, torch.nn.Module]] = weakref.WeakKeyDictionary()


def _beside(via: Any, module: torch.nn.Module | None, features: torch.Tensor) -> tuple[Any, torch.Tensor]:
    """(the encoder, or a copy of it, where the features are; the features): in the more precise format of both."""
    import torch

    weights = [] if module is None else [*module.parameters(), *module.buffers()]
    floating = next((w for w in weights if w.is_floating_point()), None)
    if module is None or floating is None:
        return via, features
    wanted = torch.promote_types(floating.dtype, features.dtype)
    features = features.to(wanted)
    if floating.dtype == wanted and all(w.device == features.device for w in weights):
        return via, features
    made_from = (features.device, wanted, [(w.data_ptr(), w._version) for w in weights])
    kept = _COPIES.get(module)
    if kept is None or kept[0] != made_from:
        kept = _COPIES[module] = (made_from, copy.deepcopy(module).to(features.device, wanted))
    twin = kept[1].eval()
    return (twin if via is module else getattr(twin, via.__name__)), features
