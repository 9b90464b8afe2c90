"""Which rule each of torch's operations follows: the table a Tape looks up.

An operation that is missing here is taken apart by torch into smaller ones if it can be; otherwise LRP has no rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from semlens_widgets.attribution.affine import Affine, Convolution, Dense
from semlens_widgets.attribution.rules import (
    Attention,
    BatchNorm,
    Concatenated,
    Gated,
    Identity,
    MatrixProduct,
    MaxPool,
    Permuted,
    Proportional,
    Rearrange,
    Reshaped,
    Shared,
    Softmax,
    Summed,
)
from semlens_widgets.attribution.tape import Call, Node, Step


def _names(spaced: str) -> frozenset[str]:
    return frozenset(spaced.split())


RULES: dict[str, Callable[[Call], Any]] = {}
ATTENTION = ("matmul", "bmm", "scaled_dot_product_attention")
# Values reach the next affine map through these unchanged or one by one: what "before" and "after" attention skip.
CARRIERS = _names(
    "reshape flatten unflatten permute transpose t squeeze unsqueeze expand select slice unbind chunk split "
    "split_with_sizes contiguous clone alias dropout mul div layer_norm rms_norm roll index cat"
)


def _rule(*names: str) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    def add(make: Callable[[Call], Any]) -> Callable[[Call], Any]:
        RULES.update(dict.fromkeys(names, make))
        return make

    return add


def _first_only(call: Call) -> Node | None:
    """The node of the first argument, if no other argument depends on the input."""
    rest = [call.node(a) for a in (*call.args[1:], *call.kwargs.values())]
    return None if any(rest) else call.node(call.args[0])


def _applied(call: Call) -> Callable[[Tensor], Any]:
    """The operation as a function of its first argument, in that one's precision; of (values, indices) the values."""
    settings = {name: setting for name, setting in call.kwargs.items() if name != "dtype"}

    def first(value: Tensor) -> Any:
        answer = call.function(value, *call.args[1:], **settings)
        return answer[0] if call.name in ("max", "min", "adaptive_max_pool2d") and isinstance(answer, tuple) else answer

    return first


def _pairs(setting: int | Sequence[int], axes: int) -> list[int]:
    many = [setting] if isinstance(setting, int) else list(setting)
    return many * axes if len(many) == 1 else many


# Affine maps


def _affine(map: Convolution | Dense, call: Call, value: Tensor, weight: Tensor, bias: Tensor | None) -> Step | None:
    parent = call.node(value)
    if parent is None or call.node(weight) is not None or (bias is not None and call.node(bias) is not None):
        return None
    rule = Affine(map, parent.value, call.result, weight.detach(), None if bias is None else bias.detach())
    return Step((parent,), rule, learned=True)


@_rule("conv1d", "conv2d", "conv3d")
def _convolution(call: Call) -> Step | None:
    weight = call.args[1]
    axes = weight.ndim - 2
    padding = call.argument(4, "padding", 0)
    dilation = _pairs(call.argument(5, "dilation", 1), axes)
    if isinstance(padding, str):
        reach = [step * (size - 1) for step, size in zip(dilation, weight.shape[2:], strict=True)]
        if padding == "same" and any(total % 2 for total in reach):
            return None  # padded more on one side than on the other
        padding = [total // 2 if padding == "same" else 0 for total in reach]
    map = Convolution(
        tuple(_pairs(call.argument(3, "stride", 1), axes)),
        tuple(_pairs(padding, axes)),
        tuple(dilation),
        False,
        (0,) * axes,
        call.argument(6, "groups", 1),
    )
    return _affine(map, call, call.args[0], weight, call.argument(2, "bias"))


@_rule("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _transposed_convolution(call: Call) -> Step | None:
    weight = call.args[1]
    axes = weight.ndim - 2
    map = Convolution(
        tuple(_pairs(call.argument(3, "stride", 1), axes)),
        tuple(_pairs(call.argument(4, "padding", 0), axes)),
        tuple(_pairs(call.argument(7, "dilation", 1), axes)),
        True,
        tuple(_pairs(call.argument(5, "output_padding", 0), axes)),
        call.argument(6, "groups", 1),
    )
    return _affine(map, call, call.args[0], weight, call.argument(2, "bias"))


@_rule("linear")
def _linear(call: Call) -> Step | None:
    return _affine(Dense(), call, call.args[0], call.args[1], call.argument(2, "bias"))


@_rule("addmm")
def _addmm(call: Call) -> Step | None:
    if call.kwargs.get("beta", 1) != 1 or call.kwargs.get("alpha", 1) != 1:
        return None
    return _affine(Dense(), call, call.args[1], call.args[2].mT, call.args[0])


# One value in, one value out, place by place


@_rule(
    *_names(
        "relu gelu silu hardswish elu selu celu leaky_relu prelu rrelu softplus mish threshold log_sigmoid "
        "softshrink hardshrink dropout feature_dropout alpha_dropout contiguous clone alias detach to _to_copy neg"
    )
)
def _element_wise(call: Call) -> Step | None:
    parent = _first_only(call)
    return None if parent is None else Step((parent,), Identity(parent.value), gate=parent.gate)


@_rule("sigmoid", "hardsigmoid", "tanh")
def _squashing(call: Call) -> Step | None:
    parent = call.node(call.args[0])
    return None if parent is None else Step((parent,), Identity(parent.value), gate=2)


@_rule("rsqrt", "reciprocal")
def _normaliser(call: Call) -> Step | None:
    parent = call.node(call.args[0])
    return None if parent is None else Step((parent,), None, gate=2)


@_rule("clamp", "hardtanh", "relu6", "clamp_min", "clamp_max")
def _clamped(call: Call) -> Step | None:
    parent = _first_only(call)
    bounds = (call.argument(1, "min"), call.argument(2, "max"))
    both = call.name in ("hardtanh", "relu6") or (call.name == "clamp" and None not in bounds)
    return None if parent is None else Step((parent,), Identity(parent.value), gate=max(parent.gate, int(both)))


@_rule("batch_norm")
def _batch_norm(call: Call) -> Step | None:
    """By itself an element-wise function; behind an affine map `lrp.assign_rules` merges it into that map."""
    parent = call.node(call.args[0])
    _, weight, bias, mean, variance, from_batch, _, epsilon, *_ = call.args
    if parent is None or from_batch or mean is None:
        return None
    scale = torch.rsqrt(variance + epsilon)
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    return Step((parent,), BatchNorm(parent.value, scale, shift))


# Values moved


@_rule("reshape", "flatten", "unflatten", "squeeze", "unsqueeze")
def _reshape(call: Call) -> Step | None:
    parent = call.node(call.args[0])
    return None if parent is None else Step((parent,), Reshaped(tuple(parent.value.shape)), gate=parent.gate)


@_rule("permute", "transpose", "t", "numpy_T", "movedim", "swapaxes")
def _permute(call: Call) -> Step | None:
    parent = call.node(call.args[0])
    if parent is None:
        return None
    axes = parent.value.ndim
    if call.name == "permute":
        order = tuple(axis % axes for axis in call.args[1])
        return Step((parent,), Permuted(order), gate=parent.gate)
    if call.name in ("transpose", "swapaxes"):
        first, second = (axis % axes for axis in call.args[1:3])
        swap = {first: second, second: first}
        return Step((parent,), Permuted(tuple(swap.get(axis, axis) for axis in range(axes))), gate=parent.gate)
    return Step((parent,), Rearrange(_applied(call), parent.value), gate=parent.gate)


@_rule(
    *_names(
        "expand expand_as repeat slice select narrow index index_select roll flip pixel_shuffle pixel_unshuffle "
        "channel_shuffle constant_pad_nd pad upsample_nearest2d max_pool1d max_pool3d adaptive_max_pool2d amax "
        "diagonal unfold im2col"
    )
)
def _routed(call: Call) -> Step | None:
    parent = _first_only(call)
    if parent is None or (call.name in ("pad", "constant_pad_nd") and not _pads_with_zeros(call)):
        return None
    return Step((parent,), Rearrange(_applied(call), parent.value), gate=parent.gate)


@_rule("max_pool2d")
def _max_pool(call: Call) -> Step | None:
    parent = call.node(call.args[0])
    if parent is None:
        return None
    kernel = _pairs(call.args[1], 2)
    settings = (
        kernel,
        _pairs(call.argument(2, "stride", None) or kernel, 2),
        _pairs(call.argument(3, "padding", 0), 2),
        _pairs(call.argument(4, "dilation", 1), 2),
        call.argument(5, "ceil_mode", False),
    )
    return Step((parent,), MaxPool(settings, parent.value))


@_rule("max", "min")
def _largest(call: Call) -> Any:
    """The largest along an axis (or of all): relevance to the winner. Of two tensors there is no rule."""
    parent = call.node(call.args[0])
    if parent is None or any(isinstance(argument, Tensor) for argument in call.args[1:]):
        return None
    step = Step((parent,), Rearrange(_applied(call), parent.value), gate=parent.gate)
    return step if isinstance(call.result, Tensor) else [step, None]


def _pads_with_zeros(call: Call) -> bool:
    """Whether padding adds no signal of its own (reflected borders copy the signal, which is fine too)."""
    if call.name == "constant_pad_nd":
        return not call.argument(2, "value", 0)
    return call.argument(2, "mode", "constant") != "constant" or not call.argument(3, "value", None)


@_rule("chunk", "split", "split_with_sizes", "unbind", "tensor_split")
def _parts(call: Call) -> list[Step | None]:
    parent = call.node(call.args[0])
    count = len(call.result)
    if parent is None:
        return [None] * count

    def part(number: int) -> Callable[[Tensor], Tensor]:
        whole = _applied(call)
        return lambda value: whole(value)[number]

    return [Step((parent,), Rearrange(part(n), parent.value), gate=parent.gate) for n in range(count)]


@_rule("cat", "concat", "concatenate")
def _concatenated(call: Call) -> Step | None:
    parts = call.args[0]
    tracked = [number for number, part in enumerate(parts) if call.node(part) is not None]
    parents = tuple(node for part in parts if (node := call.node(part)) is not None)
    axis = call.argument(1, "dim", 0) % call.result.ndim
    return Step(parents, Concatenated(tuple(part.shape[axis] for part in parts), tuple(tracked), axis))


# Sums and means


@_rule(
    *_names(
        "mean sum avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
        "upsample_bilinear2d upsample_bicubic2d"
    )
)
def _proportional(call: Call) -> Step | None:
    parent = _first_only(call)
    return (
        None
        if parent is None
        else Step((parent,), Proportional(_applied(call), parent.value, call.result), gate=parent.gate)
    )


@_rule("add", "sub", "rsub")
def _sum(call: Call) -> Step | None:
    alpha = call.kwargs.get("alpha", 1) if len(call.args) < 3 else call.args[2]
    signs = {"add": (1, alpha), "sub": (1, -alpha), "rsub": (-alpha, 1)}[call.name]
    entered = [
        (node, node.value * sign)
        for operand, sign in zip(call.args[:2], signs, strict=True)
        if (node := call.node(operand)) is not None
    ]
    parents = tuple(node for node, _ in entered)
    if len(parents) == 1 and (not parents[0].learned or not isinstance(_other(call, parents[0]), Tensor)):
        # Preparing the input's scale, or shifting a gate by a number (as in a hand-written hard sigmoid).
        return Step(parents, Identity(parents[0].value), gate=parents[0].gate)
    values = tuple(node.value for node in parents)
    return Step(parents, Summed(tuple(term for _, term in entered), values, call.result))


def _other(call: Call, one: Node) -> Any:
    return call.args[1] if call.node(call.args[0]) is one else call.args[0]


@_rule("stack")
def _stacked(call: Call) -> Step | None:
    parts = call.args[0]
    axis = call.argument(1, "dim", 0) % call.result.ndim
    parents = tuple(node for part in parts if (node := call.node(part)) is not None)
    tracked = [number for number, part in enumerate(parts) if call.node(part) is not None]

    def pull(relevance: Tensor, wanted: Sequence[bool]) -> list[Tensor]:
        return [relevance.select(axis + 1, number) for number in tracked]

    return Step(parents, pull)


# Products


@_rule("mul")
def multiply(call: Call) -> Step | None:
    """A signal times a gate: all relevance to the signal. Two signals: half each. A constant: passed on."""
    left, right = (call.node(operand) for operand in call.args[:2])
    if left is None or right is None:
        only = left or right
        return None if only is None else Step((only,), Identity(only.value), gate=only.gate)
    if left is right:
        return Step((left,), Identity(left.value))
    signal = _signal(left, right)
    if signal is None:
        return Step((left, right), Shared((left.value, right.value)))
    return Step((signal,), Gated(signal.value))


def _signal(left: Node, right: Node) -> Node | None:
    """The factor that is scaled, if the other is a gate: more clearly one, or as clearly one and broadcast."""
    if left.gate == right.gate == 0 or (left.gate == right.gate and left.value.shape == right.value.shape):
        return None
    if left.gate != right.gate:
        return left if left.gate < right.gate else right
    return left if left.value.numel() > right.value.numel() else right


@_rule("div")
def _divide(call: Call) -> Step | None:
    """A quotient is a numerator scaled: its denominator gets nothing (AttnLRP's rule for normalisation)."""
    numerator = call.node(call.args[0])
    return None if numerator is None else Step((numerator,), Identity(numerator.value), gate=numerator.gate)


@_rule("matmul", "bmm")
def _matrix_product(call: Call) -> Step | None:
    left, right = (call.node(operand) for operand in call.args[:2])
    if left is not None and right is not None:
        if min(left.value.ndim, right.value.ndim) < 2:
            return None
        return Step((left, right), MatrixProduct(left.value, right.value, call.result))
    if left is not None:
        return Step((left,), Proportional(lambda value: value @ call.args[1], left.value, call.result), learned=True)
    assert right is not None
    return Step((right,), Proportional(lambda value: call.args[0] @ value, right.value, call.result), learned=True)


@_rule("softmax", "_softmax", "log_softmax")
def _softmax(call: Call) -> Step | None:
    parent = call.node(call.args[0])
    if parent is None:
        return None
    if call.name == "log_softmax":
        return Step((parent,), None)
    return Step((parent,), Softmax(parent.value, call.result, call.args[1]), gate=2)


@_rule("scaled_dot_product_attention")
def _attention(call: Call) -> Step | None:
    query, key, value = (call.node(operand) for operand in call.args[:3])
    mask = call.argument(3, "attn_mask")
    if query is None or key is None or value is None or call.node(mask) is not None:
        return None
    if call.kwargs.get("enable_gqa") or call.argument(4, "dropout_p", 0.0):
        return None
    if call.argument(5, "is_causal", False):
        places = query.value.shape[-2], key.value.shape[-2]
        mask = torch.ones(places, dtype=torch.bool, device=query.value.device).tril()
    given = call.kwargs.get("scale")
    scale = query.value.shape[-1] ** -0.5 if given is None else given
    return Step(
        (query, key, value), Attention(query.value, key.value, value.value, call.result, mask, scale), learned=True
    )


# Normalisation: the scale is held fixed, what remains is linear


@_rule("layer_norm")
def _layer_norm(call: Call) -> Step | None:
    parent = call.node(call.args[0])
    if parent is None:
        return None
    value, weight = parent.value, call.argument(2, "weight")
    axes = tuple(range(-len(call.args[1]), 0))
    scale = torch.rsqrt(value.var(axes, unbiased=False, keepdim=True) + call.argument(4, "eps", 1e-5))
    if weight is not None:
        scale = scale * weight

    def scaled(values: Tensor) -> Tensor:
        return (values - values.mean(axes, keepdim=True)) * scale

    return Step((parent,), Proportional(scaled, value, call.result))


@_rule("rms_norm")
def _rms_norm(call: Call) -> Step | None:
    """Each value times a fixed scale: the identity rule."""
    parent = call.node(call.args[0])
    return None if parent is None else Step((parent,), Identity(parent.value))


@_rule("group_norm")
def _group_norm(call: Call) -> Step | None:
    parent = call.node(call.args[0])
    if parent is None:
        return None
    value, groups, weight = parent.value, call.args[1], call.argument(2, "weight")
    grouped = value.unflatten(1, (groups, -1))
    axes = tuple(range(2, grouped.ndim))
    scale = torch.rsqrt(grouped.var(axes, unbiased=False, keepdim=True) + call.argument(4, "eps", 1e-5))
    channel = 1 if weight is None else weight.reshape(1, -1, *[1] * (value.ndim - 2))

    def scaled(values: Tensor) -> Tensor:
        split = values.unflatten(1, (groups, -1))
        return ((split - split.mean(axes, keepdim=True)) * scale).flatten(1, 2) * channel

    return Step((parent,), Proportional(scaled, value, call.result))
