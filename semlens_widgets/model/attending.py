"""What the heads of an attention attend to: the weights that it computes while the model runs, seen from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .layer import Layer

HEADS = ".heads"  # the end of what layers of heads are called, after the attention


class Attending:
    """The weights [image head query key] of one attention in the last forward pass."""

    def __init__(self, layer: Layer) -> None:
        self.layer, self.attention = layer, layer.name.removesuffix(HEADS)
        self._seen: list[torch.Tensor] = []
        self._inside = False

    @property
    def weights(self) -> torch.Tensor:
        """ValueError where the model computes none that can be seen, or several."""
        if len(self._seen) != 1:
            how_many = "no weights are" if not self._seen else f"{len(self._seen)} kinds of weights are"
            raise ValueError(
                f"{how_many} seen in the attention {self.attention!r}, so it is not known what its heads attend to; "
                "use crop='activation'"
            )
        return self._seen[0]

    def enter(self, module: Any, args: Any) -> None:
        self._seen, self._inside = [], True

    def leave(self, module: Any, args: Any, output: Any) -> None:
        self._inside = False

    def look(self, weights: torch.Tensor | None) -> None:
        heads = self.layer.groups
        if not self._inside or weights is None or heads is None:
            return
        if weights.ndim == 3 and len(weights) % heads == 0:  # images and heads on one axis
            weights = weights.unflatten(0, (-1, heads))
        if weights.ndim == 4 and weights.shape[1] == heads:
            self._seen.append(weights.detach().float())


@contextmanager
def attending(model: torch.nn.Module, layers: Sequence[Layer]) -> Iterator[dict[str, Attending]]:
    """For layers of heads, by name, what they attend to whenever the model runs inside."""
    watched = {layer.name: Attending(layer) for layer in layers if layer.groups is not None}
    with ExitStack() as undo:
        for each in watched.values():
            module = model.get_submodule(each.attention)
            undo.callback(module.register_forward_pre_hook(each.enter).remove)
            undo.callback(module.register_forward_hook(each.leave).remove)
        fast = torch.backends.mha.get_fastpath_enabled()
        undo.callback(torch.backends.mha.set_fastpath_enabled, fast)
        torch.backends.mha.set_fastpath_enabled(False)  # it computes attention as one operation
        undo.enter_context(_Watching(list(watched.values())))
        yield watched


class _Watching(TorchDispatchMode):
    """Sees every operation: a softmax over keys as it is, of fused attention the weights by its formula."""

    def __init__(self, watched: Sequence[Attending]) -> None:
        super().__init__()
        self.watched = watched

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if any(each._inside for each in self.watched):
            name = str(func).split(".")[1]
            if name in ("_softmax", "softmax", "_safe_softmax"):
                weights = result if args[1] in (-1, result.ndim - 1) else None
            elif "scaled_dot_product" in name and "backward" not in name:
                weights = _weights(func, args, kwargs or {})
            else:
                return result
            for each in self.watched:
                each.look(weights)
        return result


def _weights(func: Any, args: Any, kwargs: Any) -> torch.Tensor:
    named = dict(zip([argument.name for argument in func._schema.arguments], args, strict=False)) | kwargs
    query, key = named["query"], named["key"]
    scale = named.get("scale")
    products = query.float() @ key.float().transpose(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    mask = named.get("attn_mask", named.get("attn_bias"))
    if mask is not None:
        products = products.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else products + mask
    if named.get("is_causal"):
        later = torch.ones(products.shape[-2:], dtype=torch.bool, device=products.device).triu(1)
        products = products.masked_fill(later, -torch.inf)
    return products.softmax(-1)
