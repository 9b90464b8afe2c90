"""What a torch module holds: weights, buffers, hooks, plain attributes, and the modules in it."""

from __future__ import annotations

import inspect
from typing import Any, Protocol, runtime_checkable

from . import libraries
from .graph import Node, Value
from .objects import State

_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
# How torch keeps its books. In which mode a model stands does not count: it is looked at in eval mode.
_BOOKS = frozenset({
    "training", "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set", "_is_full_backward_hook",
    "_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks_with_kwargs", "_state_dict_hooks",
    "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks", "_compiled_call_impl",
    "_version", "_backend", *_HOOKS,
})  # fmt: skip
_BOOKS_OF_FX = frozenset({"_graph", "_code", "_tracer_cls", "_tracer_extras", "_graphmodule_cls_name", "meta",
                          "shape_env", "_lineno_map", "_prologue_start"})  # fmt: skip


@runtime_checkable
class Look(Protocol):
    """Whoever looks at things: `visit` does."""

    def value(self, thing: Any) -> Value: ...

    def instance(self, node: Node, thing: Any, state: State | None = None) -> None: ...


def expand(look: Look, node: Node, module: Any) -> None:
    """A module into its node: everything that its forward or backward pass may read."""
    import torch

    node.label, node.name = b"module", type(module).__name__
    if isinstance(getattr(module, "_orig_mod", None), torch.nn.Module) and "_torchdynamo_orig_callable" in dir(module):
        node.label, node.slots["original"] = b"compiled", look.value(module._orig_mod)
        return
    for kind, held in (("parameter", module._parameters), ("buffer", module._buffers), ("module", module._modules)):
        node.slots[f"{kind}s"] = tuple(name.encode() for name in held)  # in the order in which they run one by one
        for name, value in held.items():
            node.slots[f"{kind} {name}"] = look.value(value)
    for kind in _HOOKS:
        if (hooks := getattr(module, kind, None)) and not all(map(_looks_on, hooks.values())):
            node.slots[kind] = tuple(_hook(look, hook) for hook in hooks.values() if not _looks_on(hook))
    if everywhere := _for_all_modules(look):
        node.slots["hooks of all modules"] = everywhere
    if isinstance(module, torch.fx.GraphModule):  # its class is made anew for each, its graph is its code
        node.slots["forward"] = look.value(type(module).forward)
        skip = _BOOKS | _BOOKS_OF_FX
        for name in sorted(vars(module).keys() - skip):
            node.slots[f".{name}"] = look.value(vars(module)[name])
        return
    if type(module).get_extra_state is not torch.nn.Module.get_extra_state:
        node.slots["extra state"] = _extra(look, module)
    look.instance(node, module, State({name: value for name, value in vars(module).items() if name not in _BOOKS}))


def _extra(look: Look, module: Any) -> Value:
    try:
        return look.value(module.get_extra_state())
    except Exception:  # a module may raise it while there is none
        return b"no extra state"


def _looks_on(hook: Any) -> bool:
    """Whether a hook is this package's own, which reads and changes nothing."""
    code = getattr(inspect.unwrap(hook), "__code__", None)
    return code is not None and libraries.of_code(code) == "semlens_widgets" and not hasattr(hook, "semlens_key")


def _hook(look: Look, hook: Any) -> Value:
    key = getattr(hook, "semlens_key", None)
    return look.value(hook) if key is None else f"switched off {key}".encode()


def _for_all_modules(look: Look) -> Value:
    """The hooks that were registered for every module there is; empty where there are none."""
    from torch.nn.modules import module

    by_kind = [(kind, getattr(module, f"_global{kind}", None) or {}) for kind in _HOOKS]
    return tuple((kind.encode(), *(_hook(look, hook) for hook in hooks.values())) for kind, hooks in by_kind if hooks)
