"""What objects hold, kind by kind: attributes, slots, items, or what their own pickling says."""

from __future__ import annotations

import copyreg
import io
import random
import struct
import threading
import types
import weakref
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import contents, libraries

# Only that they are there counts: what they hold has no part in a result that is the same each time.
BY_KIND_ONLY = (
    type(threading.Lock()), type(threading.RLock()), threading.local, threading.Event, random.Random,
    np.random.Generator, np.random.RandomState, np.random.BitGenerator, weakref.WeakKeyDictionary,
    weakref.WeakValueDictionary, weakref.WeakSet,
)  # fmt: skip
DESCRIPTORS = (
    types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType,
    types.MemberDescriptorType, types.GetSetDescriptorType,
)  # fmt: skip
# Bases of users' classes that read no attribute by a name of the user's.
NEUTRAL = frozenset({
    "abc.ABC", "typing.Generic", "typing.Protocol", "torch.nn.modules.module.Module",
    "torch.utils.data.dataset.Dataset", "torchvision.datasets.vision.VisionDataset",
    "huggingface_hub.hub_mixin.ModelHubMixin", "huggingface_hub.hub_mixin.PyTorchModelHubMixin",
    *(
        f"{home}.{name}"
        for home in ("lightning.pytorch.core", "pytorch_lightning.core")
        for name in ("module.LightningModule", "mixins.hparams_mixin.HyperparametersMixin", "hooks.ModelHooks",
                     "hooks.DataHooks", "hooks.CheckpointHooks")
    ),
    *(
        f"{home}.utilities.device_dtype_mixin._DeviceDtypeModuleMixin"
        for home in ("lightning.fabric", "lightning_fabric")
    ),
})  # fmt: skip
NOT_OF_A_CLASS = frozenset({"_abc_impl", "_is_protocol", "_is_runtime_protocol"})
# Methods by which an object is made, shown or copied: they have no part in what it answers.
NOT_RUN = frozenset({
    "__init__", "__new__", "__post_init__", "__init_subclass__", "__del__", "__repr__", "__str__", "__format__",
    "__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__copy__", "__deepcopy__", "__sizeof__", "__dir__",
    "__subclasshook__", "__set_name__", "__class_getitem__", "__getnewargs__", "__getnewargs_ex__", "__replace__",
    "__annotate__", "__annotate_func__",
})  # fmt: skip


def full_name(kind: type) -> str:
    """A class by module and name."""
    return f"{kind.__module__}.{kind.__qualname__}"


def is_dunder(name: str) -> bool:
    """Whether Python has given the name its meaning."""
    return name.startswith("__") and name.endswith("__")


@dataclass(frozen=True)
class State:
    """What an object holds: attributes by name, and what stands for it as a whole."""

    attributes: dict[str, Any] = field(default_factory=dict)
    whole: dict[str, Any] = field(default_factory=dict)


def state_of(thing: Any) -> State | None:
    """What an object holds, or None where Python does not show it."""
    kind = type(thing)
    if kind.__module__.startswith("datasets.") and isinstance(getattr(thing, "_fingerprint", None), str):
        shown = ("_fingerprint", "_format_type", "_format_kwargs", "_format_columns", "_output_all_columns")
        return State({}, {name: getattr(thing, name, None) for name in shown})
    if (file := _file_of(thing)) is not None:
        return State({}, {"file": f"{file} {contents.of_file(file)}"})
    if isinstance(thing, io.BytesIO | io.StringIO):
        return State({}, {"text": thing.getvalue()})
    if isinstance(thing, bytes | memoryview):
        return State({}, {"bytes": bytes(thing)})
    if _of_python(kind):
        return _plain(thing)
    reduced = _reduced(thing)
    if reduced is not None:
        return State({}, reduced)
    return None if any(map(_holds_more, kind.__mro__)) else _plain(thing)


def _plain(thing: Any) -> State | None:
    """Attributes, slots and items of an object that has them; None of one that has none of these."""
    kind = type(thing)
    attributes = dict(getattr(thing, "__dict__", {}))
    slotted = False
    for base in kind.__mro__:
        names = vars(base).get("__slots__")
        slotted |= names is not None
        for name in (names,) if isinstance(names, str) else names or ():
            name = f"_{base.__name__.lstrip('_')}{name}" if name.startswith("__") and not is_dunder(name) else name
            if name not in ("__dict__", "__weakref__") and hasattr(thing, name):
                attributes[name] = getattr(thing, name)
    whole: dict[str, Any] = {}
    for builtin in (dict, list, tuple, set, frozenset, str, int, float, bytes):
        if isinstance(thing, builtin):
            whole["items"] = _items(builtin, thing)
            break
    if kind is object or hasattr(thing, "__dict__") or slotted or whole:
        return State(attributes, whole)
    return None


def _items(builtin: type, thing: Any) -> Any:
    if builtin is dict:
        return tuple(dict.items(thing))
    if builtin in (set, frozenset):
        return frozenset(thing)
    return tuple(thing) if builtin in (list, tuple) else builtin(thing)


def _of_python(kind: type) -> bool:
    """Whether attributes say all: no base is a library's with a pickling of its own, or written in C."""
    for base in kind.__mro__:
        if base in (object, dict, list, tuple, set, frozenset, str, int, float, bytes):
            continue
        if _holds_more(base):
            return False
        if libraries.of_class(base) is None and base.__flags__ & (1 << 9):
            continue
        if not base.__flags__ & (1 << 9) or "__reduce__" in vars(base) or "__reduce_ex__" in vars(base):
            return False
    return True


def _holds_more(kind: type) -> bool:
    """Whether objects of a class hold what no attribute shows: it is made in C or Rust, with room of its own."""
    base = kind.__base__
    if base is None or not kind.__flags__ & (1 << 9) or kind.__itemsize__:
        return False  # built in, or made of items: these are known one by one
    slots = vars(kind).get("__slots__", ())
    pointers = 1 if isinstance(slots, str) else len(tuple(slots))
    pointers += sum(
        getattr(kind, offset) > 0 and getattr(base, offset) == 0 for offset in ("__dictoffset__", "__weakrefoffset__")
    )
    return kind.__basicsize__ - base.__basicsize__ > struct.calcsize("P") * pointers


def _reduced(thing: Any) -> dict[str, Any] | None:
    """What an object's own pickling says of it, or None where it has none."""
    registered = copyreg.dispatch_table.get(type(thing))
    try:
        reduced: Any = thing.__reduce_ex__(4) if registered is None else registered(thing)
    except Exception:  # whatever a class does there
        return None
    if isinstance(reduced, str):
        return {"global": reduced}
    maker, arguments, *rest = reduced
    state, items, pairs = (*rest, None, None, None)[:3]
    return {
        "made by": maker, "of": tuple(arguments), "state": state,
        "items": tuple(items) if items is not None else None, "pairs": tuple(pairs) if pairs is not None else None,
    }  # fmt: skip


def _file_of(thing: Any) -> str | None:
    """The file that an open file, archive or data base reads."""
    home = type(thing).__module__.split(".")[0]
    if isinstance(thing, io.IOBase):
        name = getattr(thing, "name", None)
        return name if isinstance(name, str) else None
    if home in ("zipfile", "tarfile", "h5py", "lmdb", "netCDF4", "tables"):
        for attribute in ("filename", "name"):
            name = getattr(thing, attribute, None)
            if isinstance(name, str):
                return name
        path = getattr(thing, "path", None)
        return f"{path()}/data.mdb" if callable(path) else None
    return None
