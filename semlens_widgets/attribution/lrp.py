"""Layer-wise relevance propagation through whatever a model does, conditions batched over one forward pass.

"lrp" is one of three composites. Convolutional networks: ε on dense layers, z⁺ on convolutions, flat on the first
affine map (Montavon et al. 2019; the composite CRP was published with). The same with activations that let negative
values through (SiLU, hard-swish, GELU …): γ = 0.25 instead of z⁺, which has no one to give the relevance of a negative
output to and loses it. Networks with layer normalisation or attention: AttnLRP (Achtibat et al. 2024), γ = 0.25 on
convolutions, γ = 0.05 on dense layers, ε on the maps into and out of attention. Batch normalisation is merged into the
affine map before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from semlens_widgets.attribution.affine import Affine, Epsilon, Flat, Gamma, Rule, ZPlus, stabilized
from semlens_widgets.attribution.balance import Ledger
from semlens_widgets.attribution.operations import ATTENTION, CARRIERS, RULES
from semlens_widgets.attribution.rules import BatchNorm
from semlens_widgets.attribution.tape import Node, Tape
from semlens_widgets.attribution.trace import INPUT, OUTPUT, LayerReached, answer_of, full_precision, restored, selected
from semlens_widgets.attribution.values import Balance, Composite
from semlens_widgets.model import Layer, attach

SIGNED = frozenset(
    ["gelu", "silu", "hardswish", "elu", "selu", "celu", "leaky_relu", "prelu", "rrelu", "mish", "tanh", "hardtanh"]
)
ACTIVATIONS = SIGNED | {"relu", "relu6", "clamp", "clamp_min", "threshold", "softplus", "sigmoid", "hardsigmoid"}
PASSED = frozenset(["batch_norm", "alias", "clone", "contiguous", "dropout", "feature_dropout", "to", "_to_copy"])
NORMALISED = (nn.LayerNorm, nn.MultiheadAttention, nn.GroupNorm)


COMPOSITES = {
    composite.name: composite
    for composite in (
        Composite("lrp-epsilon", {"any": Epsilon()}),
        Composite("lrp-plus-flat", {"first": Flat(), "convolution": ZPlus()}),
        Composite("lrp-gamma-flat", {"first": Flat(), "convolution": Gamma(0.25)}),
        Composite("lrp-bottleneck", {"first": Flat(), "projection": Epsilon(), "convolution": Gamma(0.25)}),
        Composite("lrp-attention", {"attention": Epsilon(), "convolution": Gamma(0.25), "dense": Gamma(0.05)}),
    )
}


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

    def balanced(self, signal: Tensor, to: Iterable[str], layers: Iterable[str]) -> tuple[dict[str, Tensor], Any]:
        """As `pull` from the output, and per layer what was kept on the way (see `Balance`)."""
        wanted = {name: self.places[name] for name in to}
        ledger = Ledger(self.tape.nodes, {name: self.places[name] for name in layers}, signal.shape[1])
        found = self.tape.propagate(self.places[OUTPUT], signal, wanted.values(), ledger.enter)
        arrived = {name: found[node] for name, node in wanted.items()}
        balances: dict[str, Balance] = ledger.balances(signal, {name: arrived[name] for name in layers})
        return arrived, balances


@contextmanager
def tracing(
    model: nn.Module, inputs: Tensor, layers: dict[str, Layer], stop: bool, method: str | Composite = "lrp"
) -> Iterator[LrpTrace]:
    """Run the model on `inputs` and record it. `stop`: end the forward pass once every layer has run."""
    tape = Tape(RULES)
    places: dict[str, Node] = {}
    names = {module: name for name, module in model.named_modules()}
    missing = set(layers)

    def enter(module: nn.Module, args: Any) -> None:
        tape.modules.append(names[module])

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        tape.modules.pop()

    def keep(name: str) -> Any:
        def look(output: Any) -> None:
            tensor = selected(name, output, layers[name].output)
            node = tape.find(tensor)
            if node is None:
                raise ValueError(f"the output of layer {name!r} does not depend on the input; choose another layer")
            places[name] = node
            missing.discard(name)
            if stop and not missing:
                raise LayerReached

        return look

    if inputs.ndim == 4:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    with restored(model) as handles:
        for module in names:
            handles.append(module.register_forward_pre_hook(enter))
            handles.append(module.register_forward_hook(leave))
        for name, layer in layers.items():
            handles.append(attach(model, layer, keep(name)))
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
        merge_batch_norms(tape.nodes)
        normalised = any(isinstance(module, NORMALISED) for module in names)
        composite = method if isinstance(method, Composite) else COMPOSITES.get(method) or _fitting(tape, normalised)
        assign_rules(tape, composite)
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


def _fitting(tape: Tape, normalised: bool) -> Composite:
    """The composite that "lrp" means for what the model does."""
    if normalised or any(_is_attention(node) or node.operation == "layer_norm" for node in tape.nodes):
        return COMPOSITES["lrp-attention"]
    signed = any(node.operation in SIGNED for node in tape.nodes)
    return COMPOSITES["lrp-gamma-flat" if signed else "lrp-plus-flat"]


def assign_rules(tape: Tape, composite: Composite) -> None:
    """Decide, with the whole pass in sight, which rule each affine map follows."""
    around_attention = _around_attention(tape.nodes) if "attention" in composite.rules else set()
    activated = _activated(tape.nodes) if "projection" in composite.rules else set()
    for node in tape.nodes:
        if not isinstance(node.pull, Affine):
            continue
        convolution = node.operation.startswith("conv")
        kinds = {
            "first": not node.parents[0].learned,
            "attention": node in around_attention,
            "projection": convolution and node not in activated,
            "convolution": convolution,
            "dense": not convolution,
            "any": True,
        }
        node.pull.rule = _rule_for(composite, node.module, kinds)


def _rule_for(composite: Composite, module: str, kinds: dict[str, bool]) -> Rule:
    for kind, rule in composite.rules.items():
        if kind.startswith("module:") and fnmatchcase(module, kind.removeprefix("module:")):
            return rule
    fitting = [kind for kind, fits in kinds.items() if fits and kind in composite.rules]
    return composite.rules[fitting[0]] if fitting else Epsilon()


def _activated(nodes: Sequence[Node]) -> set[Node]:
    """Nodes whose value goes through an activation before anything else, batch normalisation apart."""
    readers: dict[Node, list[Node]] = {}
    for node in nodes:
        for parent in node.parents:
            readers.setdefault(parent, []).append(node)
    activated: set[Node] = set()
    for node in reversed(nodes):
        reading = readers.get(node, [])
        if reading and all(r.operation in ACTIVATIONS or (r.operation in PASSED and r in activated) for r in reading):
            activated.add(node)
    return activated


def merge_batch_norms(nodes: Sequence[Node]) -> None:
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
