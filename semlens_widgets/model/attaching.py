"""Hooks where a layer's numbers pass: at what a module gives, or at what it is given."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .layer import Layer

if TYPE_CHECKING:
    import torch

Look = Callable[[Any], Any]  # is shown the numbers; what it returns takes their place, None leaves them as they are


class Attached:
    """What was attached, in place until `remove`."""

    def __init__(self, *removes: Callable[[], None]) -> None:
        self._removes = list(removes)

    def remove(self) -> None:
        while self._removes:
            self._removes.pop()()


def attach(model: torch.nn.Module, layer: Layer, look: Look) -> Attached:
    """Show `look` a layer's numbers whenever the model runs, before it goes on.

    A `look` with a `semlens_key` changes them: the key tells which model it makes of this one. KeyError where the model
    has no such module.
    """
    modules = dict(model.named_modules())
    place = layer.place
    if place is None or not place.given:
        return Attached(modules[layer.module].register_forward_hook(_keyed(look, _after(look))).remove)
    before = modules[place.module].register_forward_pre_hook(_keyed(look, _before(look)), with_kwargs=True)
    return Attached(before.remove) if place.around is None else Attached(before.remove, _called(modules[place.around]))


def _keyed(look: Look, hook: Any) -> Any:
    """The hook, known as one that changes the model where it is one, see `fingerprints`."""
    key = getattr(look, "semlens_key", None)
    if key is not None:
        hook.semlens_key = key
    return hook


def _after(look: Look) -> Any:
    def hook(module: Any, args: Any, output: Any) -> Any:
        return look(output)

    return hook


def _before(look: Look) -> Any:
    def hook(module: Any, args: Any, kwargs: Any) -> Any:
        name = None if args else next(iter(kwargs))
        changed = look(args[0] if name is None else kwargs[name])
        if changed is None:
            return None
        return ((changed, *args[1:]), kwargs) if name is None else (args, kwargs | {name: changed})

    return hook


_CALLING: weakref.WeakKeyDictionary[Any, list[Any]] = weakref.WeakKeyDictionary()  # how many asked, and the handles


def _called(attention: torch.nn.Module) -> Callable[[], None]:
    """Let torch's MultiheadAttention call its output projection as a module; what is given back ends it.

    It reads the projection's weights and does the product itself. For as long as anybody asks, it reads those of an
    identity instead, which multiplies by one and adds zero, and the projection follows. The numbers are the same.
    """
    asked = _CALLING.setdefault(attention, [0])
    asked[0] += 1
    if asked[0] == 1:
        asked += _lent(attention)

    def end() -> None:
        asked[0] -= 1
        if asked[0] == 0:
            for handle in asked[1:]:
                handle()
            del _CALLING[attention]

    return end


def _lent(attention: torch.nn.Module) -> list[Callable[[], None]]:
    projection: Any = attention.out_proj

    def lend(module: Any, args: Any) -> None:
        module._modules["out_proj"] = _identity(projection.weight)

    def give_back() -> None:
        attention._modules["out_proj"] = projection

    def project(module: Any, args: Any, output: Any) -> Any:
        give_back()
        return (projection(output[0]), *output[1:])

    # Before any other hook sees what the attention gives: until it is projected it is something else.
    hooks = [attention.register_forward_pre_hook(lend), attention.register_forward_hook(project, prepend=True)]
    return [give_back, *(hook.remove for hook in hooks)]


def _identity(weight: torch.Tensor) -> torch.nn.Module:
    """A linear map of as many features that leaves them as they are."""
    import torch

    size, device, kind = len(weight), weight.device, weight.dtype
    same = torch.nn.utils.skip_init(torch.nn.Linear, size, size, device=device, dtype=kind)
    same.weight = torch.nn.Parameter(torch.eye(size, device=device, dtype=kind), requires_grad=False)
    same.bias = torch.nn.Parameter(torch.zeros(size, device=device, dtype=kind), requires_grad=False)
    return same
