"""What a forward pass did, operation by operation, and relevance sent back along it.

LRP needs more than the modules of a network: a residual sum, a squeeze-excite gate or an attention product is
often a bare `+`, `*` or `@` in somebody's `forward`. A Tape therefore records below the modules, at the level of
torch's own operations, where `x + y`, `x += y` and `torch.add(x, y)` are the same thing. Each operation on a
tensor that depends on the input becomes a Node with the rule that sends its relevance to its parents. Nothing of
the model is changed for this: no parameter is replaced, no forward is overwritten.

An operation without a rule becomes a Node too, and raises UnsupportedModel only if relevance arrives at it: what
feeds a gate or a denominator receives none and may be anything.

What Nodes keep is in single precision at least, however the model computes: relevance divides by sums of many terms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

Pull = Callable[[Tensor, Sequence[bool]], Sequence[Tensor | None]]


SHAPE_ONLY = frozenset(  # what these make does not depend on the values of what they are given
    ["new_empty", "new_zeros", "new_ones", "new_full", "empty_like", "zeros_like", "ones_like", "full_like"]
)
VIEWS = frozenset(["view", "reshape", "flatten", "unflatten", "contiguous"])  # where the layout allows it
LOW = (torch.bfloat16, torch.float16)


def widened(value: Any) -> Any:
    """A tensor of low precision in single precision; anything else as it is."""
    return value.float() if isinstance(value, Tensor) and value.dtype in LOW else value


class UnsupportedModel(ValueError):
    """A method cannot follow what this model does; the message says where, and the way out."""


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
    """Records a forward pass as Nodes; `propagate` sends relevance back. Use below autograd (`lrp.tracing`)."""

    def __init__(self, rules: Mapping[str, Callable[[Call], Any]]) -> None:
        super().__init__()
        self.rules = rules
        self.nodes: list[Node] = []
        self.modules: list[str] = [""]
        self._node_of: dict[int, Node] = {}  # by id: a tensor's name while it lives, as it does in `_sharing`
        self._sharing: dict[StorageWeakRef, list[Tensor]] = defaultdict(list)  # the model's tensors on a storage
        self._kept: dict[StorageWeakRef, list[Tensor]] = defaultdict(list)  # what Nodes keep of a storage
        self._overwritten: dict[StorageWeakRef, Node] = {}  # the node that explains why it cannot be followed
        self._copies: dict[StorageWeakRef, set[StorageWeakRef]] = defaultdict(set)  # see `_torn`
        self._outdated: dict[StorageWeakRef, str] = {}  # the module that wrote into what should have been shared

    def watch(self, value: Tensor) -> Node:
        """Start: this tensor is the input."""
        return self._remember(value, Node(self._keep(value), (), None, "input", ""))

    def find(self, tensor: Any) -> Node | None:
        """The node behind a tensor; None for a constant (a parameter, a buffer, a number)."""
        if not isinstance(tensor, Tensor):
            return None
        storage = _storage(tensor)
        if storage in self._outdated:
            raise UnsupportedModel(
                f"module {self._outdated[storage] or 'the model'!r} works in place on a view that is used by its other "
                'name afterwards, which LRP cannot follow; use backend="gradient", which works for anything '
                "differentiable"
            )
        found = self._node_of.get(id(tensor))
        if found is None and storage in self._overwritten:
            cause = self._overwritten[storage]
            found = self._unfollowed(tensor, [cause], cause.operation)
            found.module = cause.module
            self._remember(tensor, found)
        return found

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        sources = [node for node in map(self.find, _tensors((args, kwargs))) if node is not None]
        name = func._schema.name.split("::")[-1]
        if not sources or name in SHAPE_ONLY or func.namespace == "prim":
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
        if name in VIEWS:
            self._torn(args[0], result)
        self._record(name, func, args, kwargs, result, sources)
        return result

    def _torn(self, whole: Tensor, view: Tensor) -> None:
        """Note a copy where the model may rely on a view: written into, one of them is no longer what it should be."""
        one, other = _storage(whole), _storage(view)
        if one != other:
            self._copies[one].add(other)
            self._copies[other].add(one)

    def _record(self, name: str, func: Any, args: Any, kwargs: Any, result: Any, sources: list[Node]) -> None:
        """Nodes for the results, from what is kept of them: what the model holds may be overwritten in place later."""
        made = _tensors(result)
        kept = [self._keep(value) for value in made]
        seen = kept[0] if isinstance(result, Tensor) else kept
        steps = self._steps(Call(name, func, *self._constants(args, kwargs), seen, self.find))
        if not isinstance(steps, list):
            steps = [steps] * len(made)
        written = _tensors((args, kwargs)) if not func._schema.is_mutable else []
        for value, copy, step in zip(made, kept, steps, strict=True):
            if any(value is source for source in written):
                continue  # the identity, as of `contiguous` on a contiguous tensor
            self._remember(value, self._node(copy, step, sources, name))

    def _steps(self, call: Call) -> Any:
        return self.rules[call.name](call) if call.name in self.rules else None

    def _node(self, value: Tensor, step: Step | None, sources: list[Node], name: str) -> Node:
        if step is None:
            return self._unfollowed(value, sources, name)
        node = Node(value, step.parents, step.pull, name, self.modules[-1], 0, step.gate, step.learned)
        node.learned |= any(parent.learned for parent in step.parents)
        return node

    def _constants(self, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """The arguments, with those that do not depend on the input in single precision at least."""
        return tree_map(lambda value: value if self.find(value) is not None else widened(value), (args, kwargs))

    def _keep(self, value: Tensor) -> Tensor:
        """What a Node keeps of a value: in single precision, and by an alias of its own where that is the same."""
        wide = widened(value)
        if wide is value:
            wide = torch.ops.aten.alias(value)
            self._kept[_storage(value)].append(wide)
        return wide

    def _in_place(self, name: str, func: Any, args: Any, kwargs: Any, sources: list[Node]) -> Any:
        """`x.relu_()` as `relu(x)`: the tensor is written as the model means it, the Nodes so far keep old values."""
        written = _written(func, args, kwargs)
        plain = name.removesuffix("_")
        functional: Any = getattr(getattr(torch.ops.aten, plain, None), func._overloadname, None)
        followed = len(written) == 1 and written[0] is args[0] and name != plain and functional is not None
        call = Call(plain, functional, *self._constants(args, kwargs), None, self.find)
        turned = torch.Tag.inplace_view in func.tags  # `x.t_()`: not a number is written
        tracked = [self.find(target) is not None for target in written]
        if not turned:
            self._set_apart(written)
        result = func(*args, **kwargs)
        for target, was_tracked in zip(written, tracked, strict=True):
            kept = self._keep(target)
            step = self._steps(replace(call, result=kept)) if followed else None
            after = self._node(kept, step, sources, plain if followed else name)
            self._remember(target, after)
            storage = _storage(target)
            if not was_tracked or step is None:
                self._overwritten[storage] = after
            if not turned:
                self._outdated |= dict.fromkeys(self._copies[storage], self.modules[-1])
                self._others(target, after)
        return result

    def _set_apart(self, written: list[Tensor]) -> None:
        """Give what Nodes keep of these tensors' storages a copy of its own, before they are written."""
        for storage in {_storage(target) for target in written}:
            aliases = self._kept.pop(storage, [])
            copy = [alias.untyped_storage().clone() for alias in aliases[:1]]
            for alias in aliases:
                alias.set_(copy[0], alias.storage_offset(), alias.shape, alias.stride())

    def _others(self, target: Tensor, after: Node) -> None:
        """What an operation in place on `target` did to the other tensors on its storage."""
        for other in list(self._sharing[_storage(target)]):
            if other is target or not _overlap(target, other):
                continue
            if _in_same_order(target, other):
                step = Step((after,), lambda relevance, _: [relevance.reshape(relevance.shape[0], *after.value.shape)])
                node = self._node(self._keep(other), replace(step, gate=after.gate), [after], "reshape")
            else:
                node = self._unfollowed(other, [after], after.operation)
            self._node_of[id(other)] = self._append(node)

    def _unfollowed(self, value: Tensor, sources: list[Node], name: str) -> Node:
        """A node without a way back: of an operation without a rule, or written behind the tape's back."""
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
        if id(value) not in self._node_of:
            self._sharing[_storage(value)].append(value)
        self._node_of[id(value)] = node
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
                if parent.value.is_floating_point():
                    share = share.to(parent.value.dtype)  # a model may go on in double precision
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


def _storage(tensor: Tensor) -> StorageWeakRef:
    """Which storage a tensor lies on. The reference holds the name, not the memory: no later storage can have it."""
    return StorageWeakRef(tensor.untyped_storage())


def _written(func: Any, args: Any, kwargs: Any) -> list[Tensor]:
    """The tensors that an operation writes into, by its schema."""
    given = dict(zip((argument.name for argument in func._schema.arguments), args, strict=False)) | dict(kwargs)
    writes = [a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    return _tensors([given.get(name) for name in writes])


def _overlap(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors on one storage have an element in common."""
    if one.dtype != other.dtype:
        return True
    elements = one.untyped_storage().nbytes() // one.element_size()
    marked = torch.zeros(elements, dtype=torch.bool)
    marked.as_strided(one.shape, one.stride(), one.storage_offset()).fill_(True)
    return bool(marked.as_strided(other.shape, other.stride(), other.storage_offset()).any())


def _in_same_order(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors on one storage are the same elements in the same order, whatever their shapes."""
    if one.dtype != other.dtype or one.storage_offset() != other.storage_offset():
        return False
    same = one.shape == other.shape and one.stride() == other.stride()
    return same or (one.numel() == other.numel() and one.is_contiguous() and other.is_contiguous())
