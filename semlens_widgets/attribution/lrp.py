"""Layer-wise relevance propagation through whatever a model does, conditions batched over one forward pass.

Three sets of rules. Convolutional networks: ε on dense layers, z⁺ on convolutions, flat on the first affine map
(Montavon et al. 2019; the composite CRP was published with). The same with activations that let negative values through
(SiLU, hard-swish, GELU …): γ = 0.25 instead of z⁺, which has no one to give the relevance of a negative output to and
loses it. Networks with layer normalisation or attention: AttnLRP (Achtibat et al. 2024), γ = 0.25 on convolutions,
γ = 0.05 on dense layers, ε on the maps into and out of attention. Batch normalisation is merged into the affine map
before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from semlens_widgets.attribution.operations import ATTENTION, CARRIERS, RULES
from semlens_widgets.attribution.rules import Affine, BatchNorm, stabilized
from semlens_widgets.attribution.tape import Node, Tape
from semlens_widgets.attribution.trace import INPUT, OUTPUT, LayerReached, answer_of, full_precision, restored, selected

SIGNED = frozenset(
    ["gelu", "silu", "hardswish", "elu", "selu", "celu", "leaky_relu", "prelu", "rrelu", "mish", "tanh", "hardtanh"]
)
NORMALISED = (nn.LayerNorm, nn.MultiheadAttention, nn.GroupNorm)


class LrpTrace:
    """One forward pass, ready to send relevance back. Signals are relevances."""

    def __init__(self, tape: Tape, places: dict[str, Node]) -> None:
        self.tape, self.places = tape, places

    def value(self, place: str) -> Tensor:
        return self.places[place].value

    def start(self, place: str, gradient: Tensor) -> Tensor:
        """The signal at a place for a target with this gradient [condition image ...] there."""
        return gradient * self.value(place)

    def relevance(self, place: str, signal: Tensor) -> Tensor:
        return signal

    def gradient(self, place: str, signal: Tensor) -> Tensor:
        return signal / stabilized(self.value(place))

    def pull(self, place: str, signal: Tensor, to: Iterable[str]) -> dict[str, Tensor]:
        """The signal sent back from one place to others."""
        wanted = {name: self.places[name] for name in to}
        found = self.tape.propagate(self.places[place], signal, wanted.values())
        return {name: found[node] for name, node in wanted.items()}


@contextmanager
def tracing(model: nn.Module, inputs: Tensor, layers: dict[str, int | str | None], stop: bool) -> Iterator[LrpTrace]:
    """Run the model on `inputs` and record it. `stop`: end the forward pass once every layer has run."""
    tape = Tape(RULES)
    places: dict[str, Node] = {}
    names = {module: name for name, module in model.named_modules()}
    missing = set(layers)

    def enter(module: nn.Module, args: Any) -> None:
        tape.modules.append(names[module])

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        tape.modules.pop()
        name = names[module]
        if name in layers:
            tensor = selected(name, output, layers[name])
            node = tape.find(tensor)
            if node is None:
                raise ValueError(f"the output of layer {name!r} does not depend on the input; choose another layer")
            places[name] = node
            missing.discard(name)
            if stop and not missing:
                raise LayerReached

    if inputs.ndim == 4:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    with restored(model) as handles:
        for module in names:
            handles.append(module.register_forward_pre_hook(enter))
            handles.append(module.register_forward_hook(leave))
        # Below autograd torch shows the tape whole operations, as under inference_mode, whose tensors would stay in the
        # model and fail its owner's backward.
        with torch.inference_mode(False), torch.no_grad(), torch._C._AutoDispatchBelowAutograd():
            images = inputs.clone()
            places[INPUT] = tape.watch(images)
            with suppress(LayerReached):
                with tape:
                    output = model(images)
                places[OUTPUT] = before_softmax(tape.find(answer_of(output, len(images))))
    with torch.inference_mode(False), torch.no_grad(), full_precision(inputs.device):
        assign_rules(tape, transformer=any(isinstance(module, NORMALISED) for module in names))
        yield LrpTrace(tape, places)


_LIKELY = ("softmax", "_softmax", "log_softmax", "sigmoid")
_RESHAPED = ("view", "reshape", "flatten", "squeeze", "unsqueeze", "contiguous", "clone", "alias", "to", "_to_copy")


def before_softmax(output: Node | None) -> Node:
    """The logits: relevance starts at the class logit, not at its share after a softmax or sigmoid at the end."""
    if output is None:
        raise ValueError("the model's output does not depend on its input; there is nothing to attribute")
    inner = output
    while inner.operation in _RESHAPED and inner.parents[0].value.numel() == inner.value.numel():
        inner = inner.parents[0]
    return before_softmax(inner.parents[0]) if inner.operation in _LIKELY else output


def assign_rules(tape: Tape, transformer: bool) -> None:
    """Decide, with the whole pass in sight, which rule each affine map follows."""
    _merge_batch_norms(tape.nodes)
    transformer = transformer or any(_is_attention(node) or node.operation == "layer_norm" for node in tape.nodes)
    signed = any(node.operation in SIGNED for node in tape.nodes)
    around_attention = _around_attention(tape.nodes)
    for node in tape.nodes:
        if not isinstance(node.pull, Affine):
            continue
        if transformer:
            node.pull.rule = "epsilon" if node in around_attention else "gamma"
        elif not node.parents[0].learned:
            node.pull.rule = "flat"
        elif node.operation.startswith("conv"):
            node.pull.rule = "gamma" if signed else "zplus"


def _merge_batch_norms(nodes: Sequence[Node]) -> None:
    """Fold each batch normalisation into the affine map whose output it alone reads."""
    for node in nodes:
        if not isinstance(node.pull, BatchNorm):
            continue
        (before,) = node.parents
        channels_agree = before.operation.startswith("conv") or node.value.ndim == 2
        if isinstance(before.pull, Affine) and before.consumers == 1 and channels_agree:
            before.pull.absorb(node.pull.scale, node.pull.shift, node.value)


def _is_attention(node: Node) -> bool:
    return node.operation in ATTENTION and len(node.parents) > 1


def _around_attention(nodes: Sequence[Node]) -> set[Node]:
    """The affine maps that make queries, keys and values, and those that read what attention answers."""
    before: set[Node] = set()
    after: set[Node] = set()
    for node in nodes:
        if _is_attention(node) or (node.operation in CARRIERS and any(p in after for p in node.parents)):
            after.add(node)
    for node in reversed(nodes):
        if _is_attention(node) or (node in before and node.operation in (*CARRIERS, "softmax", "add")):
            before.update(node.parents)
    return {node for node in nodes if isinstance(node.pull, Affine) and (node in before or node.parents[0] in after)}
