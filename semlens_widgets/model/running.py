"""A model at rest: for one thread alone, in eval mode, without gradients, and afterwards as it was."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_ALONE: weakref.WeakKeyDictionary[torch.nn.Module, threading.RLock] = weakref.WeakKeyDictionary()
_ENTERING = threading.Lock()


@contextmanager
def alone(model: torch.nn.Module) -> Iterator[None]:
    """The model for this thread alone: hooks of two passes at a time would end or answer each other's.

    Cells and windows run in threads of their own; whoever comes second waits.
    """
    with _ENTERING:
        lock = _ALONE.setdefault(model, threading.RLock())
    with lock:
        yield


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """The model in eval mode and without gradients; afterwards it is as it was, see `at_rest`.

    Gradients are off by `no_grad`: what inference mode makes could never take part in a backward pass, and models
    keep what they compute (tables made at first use, last features).
    """
    import torch

    with at_rest(model), torch.no_grad():
        yield


@contextmanager
def at_rest(model: torch.nn.Module) -> Iterator[None]:
    """The model in eval mode; afterwards every module is in the mode it had and keeps what it kept.

    Under a user's autocast its cache is not used: weights cast here, without gradients, would stay for their training.
    Attributes and buffers that a forward pass made or changed are put back, and what dicts, lists and sets of them
    held: a table made in eval mode would outlive the weights that it was made from, as in timm's LeViT.
    """
    import torch

    modes = [(module, module.training) for module in model.modules()]
    kept = [_Kept(module) for module, _ in modes if not isinstance(module, torch.jit.ScriptModule)]
    cast = torch.is_autocast_cache_enabled()
    try:
        torch.set_autocast_cache_enabled(False)
        for module, _ in modes:
            module.training = False
        yield
    finally:
        torch.set_autocast_cache_enabled(cast)
        for each in kept:
            each.put_back()
        for module, mode in modes:
            module.training = mode


class _Kept:
    """What a module holds beside its parameters, submodules and hooks: hooks of others may come while a pass runs."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = module
        self.attributes = _own(module)
        self.buffers, self.not_saved = dict(module._buffers), set(module._non_persistent_buffers_set)
        self.contents = [(value, _content(value)) for value in self.attributes.values()]
        self.written = [
            (tensor, tensor._version, tensor.detach().clone())
            for tensor in [*self.attributes.values(), *self.buffers.values()]
            if _is_tensor(tensor) and not tensor.is_inference()
        ]

    def put_back(self) -> None:
        import torch

        here = vars(self.module)
        _refill_dict(here, self.attributes | {name: here[name] for name in here if name in _machinery()})
        _refill_dict(self.module._buffers, self.buffers)
        _refill(self.module._non_persistent_buffers_set, self.not_saved)
        for container, content in self.contents:
            _refill(container, content)
        for tensor, version, value in self.written:
            if tensor._version != version:
                with torch.no_grad():
                    tensor.copy_(value)


def _own(module: torch.nn.Module) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if name not in _machinery()}


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and not isinstance(value, torch.nn.Parameter)


@cache
def _machinery() -> frozenset[str]:
    """The names of what every module has."""
    import torch

    return frozenset(vars(torch.nn.Module()))


def _content(value: Any) -> Any:
    """What a dict, list or set holds, and what the dicts, lists and sets in it hold; None for anything else."""
    if isinstance(value, dict):
        return {key: (part, _content(part)) for key, part in value.items()}
    if isinstance(value, list):
        return [(part, _content(part)) for part in value]
    return set(value) if isinstance(value, set) else None


def _refill(container: Any, content: Any) -> None:
    if isinstance(content, dict):
        _refill_dict(container, {key: part for key, (part, _) in content.items()})
        parts = list(content.values())
    elif isinstance(content, list):
        if len(container) != len(content) or any(a is not b for a, (b, _) in zip(container, content, strict=True)):
            container[:] = [part for part, _ in content]
        parts = content
    else:
        if content is not None and container != content:
            container.clear()
            container.update(content)
        return
    for part, inner in parts:
        _refill(part, inner)


def _refill_dict(container: Any, content: dict[Any, Any]) -> None:
    for key in [key for key in container if key not in content]:
        del container[key]
    for key, value in content.items():
        if key not in container or container[key] is not value:
            container[key] = value
