"""A device that is not there, for machines without one: inside `with Accelerator():` tensors can be moved to "pretend".

Its tensors compute on the CPU, but keep the discipline of CUDA: they refuse to meet tensors of the CPU in an operation,
or to become numpy arrays. Numbers in tensors without axes and index tensors may come from the CPU, as they may there.
Each shares its storage with the tensor that holds its numbers, so that views, work in place, autograd and torch.func do
what they do on any device.

What torch is told of the device holds for the rest of the process: use it in a process of its own.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

NAME = "pretend"
_ops = torch.ops.aten
_COPIES = {_ops.copy_.default, _ops._to_copy.default}  # whose tensors may lie anywhere
_INDEXED = {_ops.index.Tensor, _ops.index_put.default, _ops.index_put_.default, _ops._index_put_impl_.default}
_LIKE_THE_SECOND = {_ops.to.other, _ops.type_as.default}
_SCALARS = {_ops.masked_fill.Tensor, _ops.masked_fill_.Tensor, _ops.fill.Tensor, _ops.fill_.Tensor, *_INDEXED}
_told: list[str] = []


class Accelerator(TorchDispatchMode):
    """The device is there, in this thread, as long as the `with` lasts."""

    def __enter__(self) -> Any:
        if not _told:
            from torch.utils import backend_registration

            class Module(backend_registration._DummyBackendModule):
                def get_amp_supported_dtype(self) -> list[torch.dtype]:
                    return [torch.bfloat16, torch.float16]

            backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=Module())
            torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(…, device=…) moves what it made on the CPU
            _told.append(NAME)
        return super().__enter__()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class OnDevice(torch.Tensor):
    """A tensor that says it lies on the device; `numbers` is the CPU tensor on the same storage that it stands for."""

    numbers: torch.Tensor

    @staticmethod
    def __new__(cls, numbers: torch.Tensor) -> OnDevice:
        where = torch.device(NAME, 0)
        made = torch.Tensor._make_subclass(cls, numbers, False, dispatch_device=True, device_for_backend_keys=where)
        made.numbers = numbers
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})

    def numpy(self, *, force: bool = False) -> Any:
        if force:
            return self.detach().cpu().numpy()
        raise TypeError(f"can't convert {NAME}:0 device type tensor to numpy; use Tensor.cpu() first")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        return self.detach().cpu().tolist()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            twin: Any = self.detach().clone().requires_grad_(self.requires_grad)
            kept = {name: held for name, held in vars(self).items() if name != "numbers"}
            vars(twin).update(copy.deepcopy(kept, memo))
            memo[id(self)] = twin
        return memo[id(self)]

    def __repr__(self, **_: Any) -> str:
        return f"{self.numbers!r} on {NAME}"


def _run(func: Any, args: Any, kwargs: Any) -> Any:
    if func is torch.ops.prim.device.default:
        return torch.device(NAME, 0)
    tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, torch.Tensor)]
    here = [value for value in tensors if isinstance(value, OnDevice)]
    if func is _ops._has_compatible_shallow_copy_type.default:  # whether `x.data = y` may be done
        return len(here) == 2
    on_device = _result_is_here(func, args, kwargs, here)
    _check(func, args, here, [value for value in tensors if not isinstance(value, OnDevice)])
    known = {id(value.numbers): value for value in here}

    def as_here(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or isinstance(value, OnDevice):
            return value
        return known.get(id(value)) if id(value) in known else OnDevice(value)

    answer = func(*tree_map(_as_there, args), **tree_map(_as_there, kwargs))
    for value in here:
        _follow(value)
    if bool(here) != on_device and func is not _ops.copy_.default:  # moved: another device has storage of its own
        answer = tree_map(lambda value: value.clone() if isinstance(value, torch.Tensor) else value, answer)
    if func is _ops.copy_.default:
        return args[0]
    return tree_map(as_here, answer) if on_device else answer


def _as_there(value: Any) -> Any:
    if isinstance(value, OnDevice):
        return value.numbers
    return torch.device("cpu") if isinstance(value, torch.device) and value.type == NAME else value


def _result_is_here(func: Any, args: Any, kwargs: Any, here: list[OnDevice]) -> bool:
    named = [value for value in (*args, *kwargs.values()) if isinstance(value, torch.device)]
    if named:
        return named[0].type == NAME
    if func in _LIKE_THE_SECOND:
        return isinstance(args[1], OnDevice)
    return bool(here)


def _check(func: Any, args: Any, here: list[OnDevice], there: list[torch.Tensor]) -> None:
    """RuntimeError where CUDA would raise one, because tensors of two devices meet."""
    if not here or func in _COPIES or func in _LIKE_THE_SECOND:
        return
    if func in _INDEXED and isinstance(args[0], OnDevice):
        there = [value for value in args[2:3] if isinstance(value, torch.Tensor) and not isinstance(value, OnDevice)]
    lenient = torch.Tag.pointwise in func.tags or func in _SCALARS
    if any(value.ndim or not lenient for value in there):
        shapes = [tuple(value.shape) for value in there]
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {NAME}:0 and cpu! "
            f"({func}, on the CPU: {shapes})"
        )


def _follow(value: OnDevice) -> None:
    """After work that gave the numbers another shape or storage: the tensor has them too."""
    numbers = value.numbers
    with torch._C._DisableTorchDispatch():
        same = value.shape == numbers.shape and value.stride() == numbers.stride()
        same = same and value.storage_offset() == numbers.storage_offset()
        same = same and value.untyped_storage()._cdata == numbers.untyped_storage()._cdata
    if not same:
        value.data = OnDevice(numbers)
