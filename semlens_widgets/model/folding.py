"""A copy of a model that computes the same faster."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .layer import Layer
from .recording import recording, runs_on, stack
from .running import evaluating

if TYPE_CHECKING:
    import torch


def folded(model: torch.nn.Module, layers: tuple[Layer, ...], example: Any) -> torch.nn.Module:
    """A copy that computes the same faster: batch norms folded into their convolutions, channels last.

    Which norm follows which convolution is read off one forward pass of `example` (one model input), not off
    names; a pair with a recorded layer between stays as it is, and so do all pairs of a model in less than float32:
    its weights would be rounded once more. The model itself is given back where it cannot be copied, and where the
    copy's recorded layers do not agree with its own.
    """
    import torch

    with recording(model, layers) as plain:
        wanted = plain.activations([example])
    try:
        twin = _twin(model, {layer.module for layer in layers}, example)
        with recording(twin, layers) as quick:
            got = quick.activations([example])
    except Exception:  # whatever a model says to being copied: it can do without
        return model
    same = all(
        wanted[n].shape == got[n].shape
        and torch.allclose(wanted[n], got[n], rtol=1e-3, atol=1e-4 * float(wanted[n].abs().max()))
        for n in wanted
    )
    return twin if same else model


def _twin(model: torch.nn.Module, kept: set[str], example: Any) -> torch.nn.Module:
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    twin = copied(model).eval()
    names: dict[Any, list[str]] = {}
    for name, module in twin.named_modules(remove_duplicate=False):
        names.setdefault(module, []).append(name)
    device, dtype = runs_on(twin)
    if dtype.itemsize >= torch.float32.itemsize:
        for convolution, norm in _pairs(twin, stack([example]).to(device, dtype)):
            if len(names[convolution]) == len(names[norm]) == 1 and not kept & {*names[convolution], *names[norm]}:
                _replace(twin, names[convolution][0], fuse_conv_bn_eval(convolution, norm))
                _replace(twin, names[norm][0], torch.nn.Identity())
    return twin.to(memory_format=torch.channels_last)


def copied(model: torch.nn.Module) -> torch.nn.Module:
    """A deep copy, also of a model that keeps tensors which are part of a graph: the copy's are not."""

    memo: dict[int, Any] = {}
    for module in model.modules():
        for tensor in _tensors(vars(module)):
            if not tensor.is_leaf:
                memo[id(tensor)] = tensor.detach().clone()
    twin: torch.nn.Module = copy.deepcopy(model, memo)
    return twin


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple | set):
        for part in value:
            yield from _tensors(part)


def _pairs(model: torch.nn.Module, inputs: torch.Tensor) -> list[tuple[Any, Any]]:
    """Convolutions whose output goes to a batch norm and to no other module, with that norm.

    None with hooks of others, which make weights anew or change outputs.
    """
    from torch import nn

    made_by: dict[int, nn.Module] = {}
    alive: list[torch.Tensor] = []  # keeps outputs alive so that no id is used twice
    pairs: dict[nn.Module, nn.Module] = {}
    users: dict[nn.Module, int] = {}

    def note(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        for argument in args:
            maker = made_by.get(id(argument))
            if maker is not None:
                users[maker] = users.get(maker, 0) + 1
                if type(module) is nn.BatchNorm2d and module.running_mean is not None and module not in hooked:
                    pairs[maker] = module
        if type(module) is nn.Conv2d and module not in hooked:
            made_by[id(output)] = module
            alive.append(output)

    modules = [module for module in model.modules() if not list(module.children())]
    hooked = {module for module in modules if module._forward_hooks or module._forward_pre_hooks}
    handles = [module.register_forward_hook(note) for module in modules]
    try:
        with evaluating(model):
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return [(convolution, norm) for convolution, norm in pairs.items() if users[convolution] == 1]


def _replace(model: torch.nn.Module, name: str, module: torch.nn.Module) -> None:
    parent, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, module)
