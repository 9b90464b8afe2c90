"""Follows the axes of tensors through a forward pass: a torch dispatch mode over the arithmetic of `axes`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from .axes import (
    PLACES,
    Axis,
    Label,
    broadcast,
    constant,
    convolved,
    cut,
    joined,
    kinds,
    made_of,
    product,
    reshaped,
    resized,
    size_of,
    together,
    unknown,
    whole,
)  # fmt: skip


class Following(TorchDispatchMode):
    """While it is entered, `label` says what the axes of a tensor count."""

    def __init__(self, model: torch.nn.Module, images: Tensor) -> None:
        super().__init__()
        self.images, self.inputs = len(images), tuple(int(n) for n in images.shape[1:])
        self._labels: Any = WeakTensorKeyDictionary()
        self._filled: dict[int, Any] = {}  # storages that were constant until something of the images was written there
        for module in model.modules():
            for name, tensor in [*module._parameters.items(), *module._buffers.items(), *vars(module).items()]:
                if isinstance(tensor, Tensor):
                    self._labels[tensor] = constant(tensor.shape, name)
        names = {2: "nc", 3: "npc", 4: "nchw"}.get(images.ndim, "n" + "?" * (images.ndim - 1))
        self._labels[images] = Label(tuple(whole(kind, size) for kind, size in zip(names, images.shape, strict=True)))

    def label(self, tensor: Tensor) -> Label:
        label = self._labels.get(tensor)
        if label is None or not label.fits(tensor.shape):
            return unknown(tensor.shape)
        if label.constant and self._filled and tensor.untyped_storage()._cdata in self._filled:
            return unknown(tensor.shape)  # through a view, as a batch is put together image by image
        return label

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = [*args, *kwargs.values()]
        labels = {id(tensor): self.label(tensor) for tensor in _tensors(given)}
        result = func(*args, **kwargs)
        if func._schema.is_mutable and args and isinstance(args[0], Tensor):
            before = labels[id(args[0])]
            if before.constant and not all(label.constant for label in labels.values()):
                storage = args[0].untyped_storage()
                self._filled[storage._cdata] = storage
        for number, output in enumerate(result if isinstance(result, tuple | list) else [result]):
            if isinstance(output, Tensor):
                self._labels[output] = _label(Call(func, args, kwargs, output, number, labels))
        return result


class Call:
    """One operation on tensors: what it was given, by name, and one of the tensors that it gave."""

    def __init__(
        self, func: Any, args: Any, kwargs: Any, output: Tensor, number: int, labels: dict[int, Label]
    ) -> None:
        self.name = func._schema.name.split("::")[-1].rstrip("_")
        self.pointwise = torch.Tag.pointwise in func.tags
        self.output, self.number, self.labels = output, number, labels
        self.shape = tuple(output.shape)
        known = func._schema.arguments
        given = kwargs | {a.name: value for a, value in zip(known, args, strict=False)}
        self.given = {a.name: given.get(a.name, a.default_value) for a in known}

    def __getitem__(self, name: str) -> Any:
        return self.given[name]

    def of(self, tensor: Tensor) -> Label:
        return self.labels[id(tensor)]

    @property
    def first(self) -> Label:
        """The label of the first tensor that the operation was given."""
        return self.of(next(_tensors(list(self.given.values()))))

    def dims(self, name: str = "dim") -> list[int]:
        """The axes that an argument names, counted from the front; all where it names none."""
        count, dims = len(self.first.axes), self.given.get(name)
        if dims is None or dims == []:
            return list(range(count))
        return [dim % count for dim in (dims if isinstance(dims, list | tuple) else [dims])]


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _label(call: Call) -> Label:
    if all(label.constant for label in call.labels.values()):
        return constant(call.shape, next((x.parameter for x in call.labels.values() if x.parameter), ""))
    rule = RULES.get(call.name, _pointwise if call.pointwise else None)
    try:
        label = rule(call) if rule is not None else None
    except (KeyError, IndexError, ValueError, TypeError, StopIteration):  # called in a way that its rule does not know
        label = None
    return label if label is not None and label.fits(call.shape) else unknown(call.shape)


def _pointwise(call: Call) -> Label:
    return broadcast(list(call.labels.values()), call.shape)


def _same(call: Call) -> Label:
    return call.first


def _constant(call: Call) -> Label:
    """New numbers, of the shape or kind of others."""
    return constant(call.shape)


def _strided(call: Call) -> Label | None:
    """The same numbers in the same axes, whatever the strides of axes of size 1."""
    source = next(_tensors(list(call.given.values())))
    strides = [
        [by for by, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1]
        for tensor in (source, call.output)
    ]
    return call.first if source.shape == call.output.shape and strides[0] == strides[1] else None


def _resized(call: Call) -> Label:
    axes = zip(call.first.axes, call.shape, strict=True)
    return Label(tuple(resized(axis, size) for axis, size in axes), call.first.parameter)


def _reshaped(call: Call) -> Label | None:
    axes = reshaped(call.first.axes, call.shape)
    return None if axes is None else Label(axes, call.first.parameter)


def _permuted(call: Call) -> Label:
    axes = list(call.first.axes)
    if call.name == "permute":
        axes = [axes[dim] for dim in call.dims("dims")]
    else:
        a, b = (call["dim0"], call["dim1"]) if call.name == "transpose" else (0, len(axes) - 1)
        axes[a], axes[b] = axes[b], axes[a]
    return Label(tuple(axes), call.first.parameter)


def _expanded(call: Call) -> Label:
    return broadcast([call.first], call.shape)


def _repeated(call: Call) -> Label:
    axes = [()] * (len(call.shape) - len(call.first.axes)) + list(call.first.axes)
    return Label(
        tuple(
            axis if size == size_of(axis) else whole("?" if axis else "k", size)
            for axis, size in zip(axes, call.shape, strict=True)
        ),
        call.first.parameter,
    )


def _stretch(call: Call) -> Label:
    (dim,) = call.dims()
    size = size_of(call.first.axes[dim])
    step = call["step"]
    first, _, _ = slice(call["start"], call["end"], step).indices(size)
    return cut(call.first, dim, first, call.shape[dim], step)


def _selected(call: Call) -> Label:
    (dim,) = call.dims()
    part = cut(call.first, dim, call["index"] % size_of(call.first.axes[dim]), 1)
    return Label((*part.axes[:dim], *part.axes[dim + 1 :]), part.parameter)


def _split(call: Call) -> Label:
    (dim,) = call.dims()
    sizes = call.given.get("split_sizes") or call.given.get("split_size", 1)
    first = sum(sizes[: call.number]) if isinstance(sizes, list | tuple) else sizes * call.number
    count = 1 if call.name == "unbind" else call.shape[dim]
    part = cut(call.first, dim, first, count)
    return Label((*part.axes[:dim], *part.axes[dim + 1 :]), part.parameter) if call.name == "unbind" else part


def _joined(call: Call) -> Label:
    labels = [call.of(tensor) for tensor in call["tensors"] if tensor.numel()]
    return joined(labels, call["dim"] % len(call.shape), call.shape)


def _stacked(call: Call) -> Label:
    labels = [call.of(tensor) for tensor in call["tensors"]]
    axes = [together(label.axes[at] for label in labels) for at in range(len(labels[0].axes))]
    axes.insert(call["dim"] % len(call.shape), whole("k", len(labels)))
    return Label(tuple(axes))


def _reduced(call: Call) -> Label:
    gone, axes = call.dims(), list(call.first.axes)
    if len(call.shape) == len(axes):
        return Label(tuple(() if at in gone else axis for at, axis in enumerate(axes)))
    return Label(tuple(axis for at, axis in enumerate(axes) if at not in gone))


def _reordered(call: Call) -> Label:
    """Another order along some axes, or a choice from them."""
    dims, axes = call.dims("dims" if call.name == "flip" else "dim"), list(call.first.axes)
    for dim in dims:
        axes[dim] = _chosen(axes[dim], call.shape[dim])
    return Label(tuple(axes))


def _chosen(axis: Axis, size: int) -> Axis:
    return whole("p" if kinds(axis) & PLACES and kinds(axis) <= PLACES else "?", size)


def _indexed(call: Call) -> Label | None:
    """One list of numbers along one axis."""
    given = [(dim, index) for dim, index in enumerate(call["indices"]) if index is not None]
    if len(given) != 1 or given[0][1].ndim != 1 or given[0][1].dtype == torch.bool:
        return None
    axes = list(call.first.axes)
    axes[given[0][0]] = _chosen(axes[given[0][0]], call.shape[given[0][0]])
    return Label(tuple(axes))


def _product(call: Call) -> Label:
    first, second = list(_tensors(list(call.given.values())))[-2:]
    return product(call.of(first), call.of(second), call.shape)


def _linear(call: Call) -> Label:
    *others, summed = call.first.axes
    return Label((*others, made_of(summed, others, call.shape[-1])), call.first.parameter)


def _attention(call: Call) -> Label | None:
    if call.number:
        return None
    query, value = call.of(call["query"]), call.of(call["value"])
    return Label((*query.axes[:-1], value.axes[-1]), query.parameter)


def _block(call: Call) -> Label | None:
    """A whole attention, or a whole encoder layer, in one operation: features in the last axis, before and after."""
    return Label((*call.first.axes[:-1], whole("c", call.shape[-1]))) if call.number == 0 else None


def _convolved(call: Call) -> Label:
    return convolved(call.first, call.shape)


def _unfolded(call: Call) -> Label:
    """`tensor.unfold`: windows along an axis."""
    (dim,), axes = call.dims("dimension"), list(call.first.axes)
    inner = _chosen(axes[dim], call.shape[-1])
    axes[dim] = _chosen(axes[dim], call.shape[dim])
    return Label((*axes, inner))


def _patches(call: Call) -> Label:
    """`F.unfold` and `F.fold`: [n c h w] to [n (c kernel) places], and back."""
    image = call.first.axes[0]
    if call.name == "col2im":
        kind = made_of(call.first.axes[1], [], call.shape[1])
        return Label((image, kind, whole("h", call.shape[2]), whole("w", call.shape[3])))
    sizes = zip(
        call.first.axes[2:], call["kernel_size"], call["stride"], call["padding"], call["dilation"], strict=True
    )
    grid = [(size_of(a) + 2 * pad - dilation * (kernel - 1) - 1) // by + 1 for a, kernel, by, pad, dilation in sizes]
    return Label((image, made_of(call.first.axes[1], [], call.shape[1]), whole("h", grid[0]) + whole("w", grid[1])))


_NAMES: dict[Callable[[Call], Label | None], str] = {
    _same: "clone _to_copy detach alias lift_fresh contiguous _softmax _safe_softmax _log_softmax softmax log_softmax "
    "roll cumsum native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training cudnn_batch_norm "
    "batch_norm miopen_batch_norm _batch_norm_no_update native_layer_norm layer_norm native_group_norm group_norm "
    "instance_norm rms_norm _fused_rms_norm native_dropout dropout masked_fill index_put scatter channel_shuffle "
    "native_channel_shuffle quantize_per_tensor quantize_per_channel dequantize int_repr _prelu_kernel prelu",
    _pointwise: "copy hardswish log_sigmoid_forward floor_divide rrelu_with_noise",
    _constant: "new_zeros new_ones new_full new_empty new_empty_strided zeros_like ones_like full_like empty_like "
    "rand_like randn_like arange bernoulli",
    _strided: "as_strided",
    _resized: "max_pool2d_with_indices max_pool2d avg_pool2d avg_pool1d avg_pool3d _adaptive_avg_pool2d "
    "adaptive_avg_pool2d adaptive_max_pool2d adaptive_avg_pool1d mkldnn_max_pool2d quantized_max_pool2d "
    "upsample_nearest2d upsample_bilinear2d upsample_bicubic2d _upsample_nearest_exact2d _upsample_bilinear2d_aa "
    "_upsample_bicubic2d_aa constant_pad_nd reflection_pad2d replication_pad2d pixel_shuffle pixel_unshuffle glu "
    "grid_sampler_2d _fft_r2c _fft_c2c _fft_c2r",
    _reshaped: "view _unsafe_view reshape _reshape_alias squeeze unsqueeze flatten unflatten",
    _permuted: "permute transpose t",
    _expanded: "expand",
    _repeated: "repeat",
    _stretch: "slice",
    _selected: "select",
    _split: "split split_with_sizes unbind",
    _joined: "cat concat",
    _stacked: "stack",
    _reduced: "mean sum amax amin max min var std var_mean logsumexp linalg_vector_norm norm median argmax argmin",
    _reordered: "flip topk sort index_select gather",
    _indexed: "index",
    _product: "mm bmm addmm baddbmm matmul",
    _linear: "linear linear_relu linear_dynamic linear_relu_dynamic",
    _attention: "scaled_dot_product_attention _scaled_dot_product_flash_attention_for_cpu "
    "_scaled_dot_product_flash_attention _scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention "
    "_scaled_dot_product_attention_math _scaled_dot_product_fused_attention_overrideable",
    _block: "_native_multi_head_attention _transformer_encoder_layer_fwd",
    _convolved: "convolution _convolution conv1d conv2d conv3d conv_transpose2d cudnn_convolution conv2d_relu "
    "deform_conv2d",
    _unfolded: "unfold",
    _patches: "im2col col2im",
}
RULES = {name: rule for rule, names in _NAMES.items() for name in names.split()}
