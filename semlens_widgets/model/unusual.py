"""Models whose layers do not run as Python modules: what they are, and what to give instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from .layer import Layer


def out_of_reach(model: torch.nn.Module, name: str) -> str | None:
    """Why a layer cannot be read, and what to give; None where nothing is known against it."""
    import torch

    if any(isinstance(module, torch.jit.ScriptModule) for module in _above(model, name)):
        return (
            f"the layer {name!r} lies inside a scripted or traced module (TorchScript), which runs without its layers "
            "being called; give the Python model that it was made from, with its weights"
        )
    if isinstance(dict(model.named_modules()).get(name), torch.jit._script.RecursiveScriptModule):
        return (
            f"the layer {name!r} is a scripted module (TorchScript), which does not say what it gives; give the Python "
            "module that it was made from, with its weights, or choose the layer around it or the one that follows"
        )
    return None


def why_silent(model: torch.nn.Module, layer: Layer) -> str:
    """Why a layer did not run, and what to give."""
    import torch

    name = layer.module

    graph = next((module for module in _above(model, name) if isinstance(module, torch.fx.GraphModule)), None)
    if graph is not None:
        called = [str(node.target) for node in graph.graph.nodes if node.op == "call_module"]
        some = f" ({', '.join(map(repr, called[-3:]))})" if called else ""
        return (
            f"the layer {name!r} does not run: the model is an FX graph, which calls its innermost modules{some} and "
            "none that hold others; choose one of those, or give the Python model that the graph was made from"
        )
    if layer.place is not None and layer.place.given:
        return (
            f"{layer.name!r} cannot be read: the model does the work of the module {name!r} without calling it; choose "
            f"{name.rpartition('.')[0]!r}, or another layer"
        )
    return f"the layer {name!r} takes no part in the model's forward pass; choose another"


def _above(model: torch.nn.Module, name: str) -> list[torch.nn.Module]:
    """The modules that hold a layer, the model first."""
    modules, parts = dict(model.named_modules()), name.split(".")
    return [modules[path] for path in (".".join(parts[:at]) for at in range(len(parts))) if path in modules]


@contextmanager
def as_modules(model: torch.nn.Module) -> Iterator[None]:
    """Layers run as the modules that they are: no compiled graph, no fused encoder layer runs in their place."""
    import torch

    fast = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as undo:
        if hasattr(torch.compiler, "set_stance"):
            undo.enter_context(torch.compiler.set_stance("force_eager"))
        if any(isinstance(module, torch.nn.TransformerEncoderLayer) for module in model.modules()):
            torch.backends.mha.set_fastpath_enabled(False)
            undo.callback(torch.backends.mha.set_fastpath_enabled, fast)
        yield
