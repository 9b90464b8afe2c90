"""What a model did last before it answered, read off autograd: the one certain sign of a sigmoid or softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch

End = Literal["sigmoid", "softmax", "log-softmax", "affine", ""]

_ENDS: dict[str, End] = {
    "Sigmoid": "sigmoid", "Hardsigmoid": "sigmoid", "Softmax": "softmax", "LogSoftmax": "log-softmax",
    **dict.fromkeys(("Addmm", "Mm", "Bmm", "Baddbmm", "Convolution", "NativeBatchNorm", "CudnnBatchNorm"), "affine"),
    **dict.fromkeys(("NativeLayerNorm", "Linear", "MkldnnLinear", "Addmv", "Mv"), "affine"),
}  # fmt: skip
_PASSED = frozenset(  # what only moves numbers, changes their kind, or takes their mean
    ["View", "UnsafeView", "ReshapeAlias", "Reshape", "Flatten", "Unflatten", "Squeeze", "Unsqueeze", "Select", "Slice",
     "Index", "Gather", "Expand", "Transpose", "Permute", "T", "ToCopy", "Clone", "Alias", "AsStrided", "Mean"]
)  # fmt: skip
_COMBINED = frozenset(["Add", "Sub", "Rsub", "Mul", "Div", "Neg", "Sum", "Stack", "Cat", "Amax", "Max", "Logsumexp"])


def end_of(tensor: torch.Tensor) -> End:
    """The last operation that made numbers: "" where there is no graph, or it is none of those that say something."""
    return _end(tensor.grad_fn, False)


def _end(node: Any, combined: bool) -> End:
    """`combined`: arithmetic followed, after which a share is none any more, but what had no bounds still has none."""
    while node is not None:
        name = type(node).__name__.partition("Backward")[0]
        if name in _ENDS:
            return _ENDS[name] if not combined or _ENDS[name] == "affine" else ""
        before = [source for source, _ in node.next_functions if source is not None]
        if name in _COMBINED:
            return "affine" if any(_end(source, True) == "affine" for source in before) else ""
        if name not in _PASSED or not before:
            return ""
        node = before[0]
    return ""
