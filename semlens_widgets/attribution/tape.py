"""What a forward pass did, operation by operation, and relevance sent back along it.

LRP needs more than the modules of a network: a residual sum, a squeeze-excite gate or an attention product is
often a bare `+`, `*` or `@` in somebody's `forward`. A Tape therefore records below the modules, at the level of
torch's own operations, where `x + y`, `x += y` and `torch.add(x, y)` are the same thing. Each operation on a
tensor that depends on the input becomes a Node with the rule that sends its relevance to its parents. Nothing of
the model is changed for this: no parameter is replaced, no forward is overwritten.

An operation without a rule becomes a Node too, and raises UnsupportedModel only if relevance arrives at it: what
feeds a gate or a denominator receives none and may be anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Pull = Callable[[Tensor, Sequence[bool]], Sequence[Tensor | None]]


SHAPE_ONLY = frozenset(  # what these make does not depend on the values of what they are given
    ["new_empty", "new_zeros", "new_ones", "new_full", "empty_like", "zeros_like", "ones_like", "full_like"]
)


class UnsupportedModel(ValueError):
    """LRP has no rule for something this model does; the message names the module and the way out."""


@dataclass(eq=False)
class Node:
    """One value of the forward pass, and how its relevance goes to the values it was made from.

    pull: takes relevance [condition image ...] of this value and, per parent, whether it is asked for; returns the
          parents' relevance.
    gate: how clearly this value is a factor that scales others (2: a sigmoid or a normaliser; 1: anything clamped
          on both sides; 0: a signal). See `operations.multiply`.
    learned: an affine map with weights lies between the input and this value.
    """

    value: Tensor
    parents: tuple[Node, ...]
    pull: Pull | None
    operation: str
    module: str
    number: int = 0
    gate: int = 0
    learned: bool = False
    consumers: int = field(default=0)


@dataclass(frozen=True)
class Step:
    """What an operation's entry in the table of rules answers with: a Node's parents and rule."""

    parents: tuple[Node, ...]
    pull: Pull | None
    gate: int = 0
    learned: bool = False


@dataclass(frozen=True)
class Call:
    """One operation as it ran: its name, arguments and result, and the nodes behind its tensors."""

    name: str
    function: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    result: Any
    node: Callable[[Any], Node | None]

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument given by position or by name."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name, default)


class Tape(TorchDispatchMode):
    """Records a forward pass as Nodes; `propagate` sends relevance back. Use inside `torch.inference_mode`."""

    def __init__(self, rules: Mapping[str, Callable[[Call], Any]]) -> None:
        super().__init__()
        self.rules = rules
        self.nodes: list[Node] = []
        self.modules: list[str] = [""]
        self._node_of: dict[int, Node] = {}  # by id: a tensor's name while it lives, as it does in `_sharing`
        self._sharing: dict[int, list[Tensor]] = defaultdict(list)  # storage → the tensors on it
        self._overwritten: dict[int, Node] = {}  # storage → the node that explains why it cannot be followed

    def watch(self, value: Tensor) -> Node:
        """Start: this tensor is the input."""
        return self._remember(value, Node(torch.ops.aten.alias(value), (), None, "input", ""))

    def find(self, tensor: Any) -> Node | None:
        """The node behind a tensor; None for a constant (a parameter, a buffer, a number)."""
        if not isinstance(tensor, Tensor):
            return None
        found = self._node_of.get(id(tensor))
        if found is None and _storage(tensor) in self._overwritten:
            cause = self._overwritten[_storage(tensor)]
            found = self._unfollowed(tensor, [cause], cause.operation)
            found.module = cause.module
            self._remember(tensor, found)
        return found

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        sources = [node for node in map(self.find, _tensors((args, kwargs))) if node is not None]
        name = func._schema.name.split("::")[-1]
        if not sources or name in SHAPE_ONLY:
            return func(*args, **kwargs)
        if func._schema.is_mutable:
            return self._in_place(name, func, args, kwargs, sources)
        if name in ("view", "_unsafe_view"):  # we run in channels_last, where a view can need a copy
            func, name = torch.ops.aten.reshape.default, "reshape"
        if name not in self.rules:
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        self._record(name, func, args, kwargs, result, sources)
        return result

    def _record(self, name: str, func: Any, args: Any, kwargs: Any, result: Any, sources: list[Node]) -> None:
        """Nodes for the results. They keep an alias: what the model holds may be overwritten in place later."""
        made = _tensors(result)
        kept = [torch.ops.aten.alias(value) for value in made]
        seen = kept[0] if isinstance(result, Tensor) else kept
        steps = self.rules[name](Call(name, func, args, kwargs, seen, self.find)) if name in self.rules else None
        if not isinstance(steps, list):
            steps = [steps] * len(made)
        for value, alias, step in zip(made, kept, steps, strict=True):
            if any(value is source for source in _tensors((args, kwargs))):
                continue  # the identity, as of `contiguous` on a contiguous tensor
            if step is None:
                node = Node(alias, tuple(sources), None, name, self.modules[-1])
                node.learned = any(source.learned for source in sources)
            else:
                node = Node(alias, step.parents, step.pull, name, self.modules[-1], 0, step.gate, step.learned)
                node.learned |= any(parent.learned for parent in step.parents)
            self._remember(value, node)

    def _in_place(self, name: str, func: Any, args: Any, kwargs: Any, sources: list[Node]) -> Any:
        """`x.relu_()` as `relu(x)`, with the old value kept for those who used it."""
        target = args[0]
        before = self.find(target)
        functional: Any = getattr(getattr(torch.ops.aten, name.removesuffix("_"), None), func._overloadname, None)
        followed = before is not None and functional is not None and name.removesuffix("_") in self.rules
        for other in self._sharing.get(_storage(target), []):
            if not (followed and other is target):
                self._node_of[id(other)] = self._append(self._unfollowed(other, sources, name))
        if not followed:
            result = func(*args, **kwargs)
            self._overwritten[_storage(target)] = self._append(self._unfollowed(target, sources, name))
            return result
        value = functional(*args, **kwargs)
        self._record(name.removesuffix("_"), functional, args, kwargs, value, sources)
        if value is not target:
            after = self.find(value)
            assert after is not None
            target.set_(value)
            self._node_of[id(target)] = after
            self._sharing[_storage(value)].append(target)
        return target

    def _unfollowed(self, value: Tensor, sources: list[Node], name: str) -> Node:
        """A node for what was written into a tensor behind the tape's back, through a view or into a buffer."""
        node = Node(value, tuple(sources), None, name, self.modules[-1])
        node.learned = any(source.learned for source in sources)
        return node

    def _append(self, node: Node) -> Node:
        node.number = len(self.nodes)
        self.nodes.append(node)
        for parent in node.parents:
            parent.consumers += 1
        return node

    def _remember(self, value: Tensor, node: Node) -> Node:
        self._node_of[id(value)] = node
        self._sharing[_storage(value)].append(value)
        return self._append(node)

    def propagate(
        self,
        start: Node,
        relevance: Tensor,
        wanted: Iterable[Node],
        watch: Callable[[Node, Tensor, Sequence[Tensor | None]], None] | None = None,
    ) -> dict[Node, Tensor]:
        """Relevance [condition image ...] of `start`, sent back; what arrived at each wanted node.

        Only nodes between `start` and a wanted node are computed. Zeros where nothing arrived.
        `watch` is shown every node with the relevance that entered it and that its parents received.
        """
        asked = set(wanted)
        needed = [False] * len(self.nodes)
        for node in self.nodes:
            needed[node.number] = node in asked or any(needed[parent.number] for parent in node.parents)
        arriving: dict[Node, Tensor] = {start: relevance}
        found: dict[Node, Tensor] = {}
        for node in reversed(self.nodes[: start.number + 1]):
            here = arriving.pop(node, None)
            if here is None or not needed[node.number]:
                continue
            if node in asked:
                found[node] = here
            mask = [needed[parent.number] for parent in node.parents]
            if not any(mask):
                continue
            if node.pull is None:
                raise UnsupportedModel(
                    f"LRP has no rule for the operation {node.operation!r} in module {node.module or 'the model'!r}; "
                    'use backend="gradient", which works for anything differentiable'
                )
            sent = node.pull(here, mask)
            if watch is not None:
                watch(node, here, sent)
            for parent, share, asked_for in zip(node.parents, sent, mask, strict=True):
                if share is None or not asked_for:
                    continue
                arriving[parent] = arriving[parent] + share if parent in arriving else share
        for node in asked:
            if node not in found:
                found[node] = node.value.new_zeros((relevance.shape[0], *node.value.shape))
        return found


def _tensors(nested: Any) -> list[Tensor]:
    if isinstance(nested, Tensor):
        return [nested]
    if isinstance(nested, dict):
        nested = nested.values()
    elif not isinstance(nested, list | tuple):
        return []
    return [tensor for part in nested for tensor in _tensors(part)]


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
