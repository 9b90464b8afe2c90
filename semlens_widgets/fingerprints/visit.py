"""A look at a thing and all that it reaches: code, defaults, closures, globals and attributes that the code reads.

What a library made is known by its name and version; a user's classes and functions are looked into. Of a user's
objects only the attributes count whose names some code reads that was reached: a time stamp or a logger does not.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import importlib
import io
import logging
import operator
import os
import re
import sys
import types
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from . import contents, libraries
from .code import Reads, reads
from .given import held, of_user, patches, wraps
from .graph import Graph, Hidden, Node, Ref, Unordered, Value
from .objects import BY_KIND_ONLY, DESCRIPTORS, NEUTRAL, NOT_OF_A_CLASS, NOT_RUN, State, full_name, is_dunder, state_of

_ATOMS = (type(None), bool, int, float, complex, bytes, bytearray, range, type(Ellipsis), type(NotImplemented))
_COLLECTIONS = (list, dict, set, deque, OrderedDict, defaultdict)
_ATOMS_OF_TORCH = ("dtype", "memory_format", "layout", "qscheme")
_PATTERNS = ("_regex.Pattern",)  # of the library `regex`, which the tokenizers of open_clip use


Files = dict[tuple[str, bool], "bytes | None"]  # (path, whether folders count): what lies there


def look(
    thing: Any, *, data: bool = False, read: Sequence[str] = (), in_use: bool = False, files: Files | None = None
) -> Graph:
    """All that `thing` depends on, when what is called `read` is called of it from outside.

    Of `data`, files and folders that are named in it count by their sizes and dates. Of what is `in_use`, collections
    and the numbers that an object holds do not count. `files` keeps what was seen of files from one look to the next.
    """
    return _Look(data, read, in_use, {} if files is None else files).at(thing)


class _Look:
    def __init__(self, data: bool, read: Sequence[str], in_use: bool, files: Files) -> None:
        self.data, self._in_use, self._files = data, in_use, files
        self.nodes: dict[int, Node] = {}
        self._alive: list[Any] = []  # so that no number of a node is given twice
        self._open: deque[tuple[Node, Any]] = deque()
        self._names: set[str] = set(read)
        self._any_name = False
        self._waiting: dict[str, list[tuple[Node, str, Any]]] = {}
        self._arrays: dict[int, bytes] = {}
        self._libraries: set[str] = set()

    def at(self, thing: Any) -> Graph:
        root = self.value(thing)
        while self._open:
            node, opened = self._open.popleft()
            try:
                self._expand(node, opened)
            except Exception as error:  # whatever an object does when it is looked at
                node.slots["content"] = Hidden(_why(opened, error), id(opened))
        return Graph(root, self.nodes, frozenset(self._libraries), self._alive)

    # values

    def value(self, thing: Any) -> Value:
        try:
            return self._value(thing)
        except Exception as error:  # whatever an object does when it is looked at
            return Hidden(_why(thing, error), id(thing))

    def _value(self, thing: Any) -> Value:
        kind = type(thing)
        if kind in _ATOMS:
            return f"{kind.__name__} {thing!r}".encode()
        if kind is str:
            return self._text(thing)
        if kind is tuple:
            return (b"tuple", *map(self.value, thing))
        if kind is slice:
            return (b"slice", self.value(thing.start), self.value(thing.stop), self.value(thing.step))
        if isinstance(thing, enum.Enum):
            return (f"enum {kind.__qualname__} {thing._name_}".encode(), self.value(thing._value_), self.value(kind))
        if (torch := sys.modules.get("torch")) is not None and hasattr(torch, "Tensor"):
            handled = self._of_torch(torch, thing)
            if handled is not None:
                return handled
        if isinstance(thing, np.ndarray):
            return self._array(thing)
        if isinstance(thing, np.generic):
            return f"{thing.dtype} {thing!r}".encode() if thing.dtype != object else Hidden("a numpy object", id(thing))
        if isinstance(thing, np.dtype):
            return f"{kind.__name__} {thing!r}".encode()
        if isinstance(thing, re.Pattern) or full_name(kind) in _PATTERNS:
            return (b"pattern", self.value(thing.pattern), self.value(thing.flags), self.value(_lists(thing)))
        if isinstance(thing, Image.Image):
            return self._known(thing, contents.of_picture)
        if isinstance(thing, os.PathLike) and not isinstance(thing, io.IOBase):
            return (b"path", self._text(os.fspath(thing), folders=True))
        if isinstance(thing, BY_KIND_ONLY):
            return f"{full_name(kind)}".encode()
        if isinstance(thing, logging.Logger):
            return b"logger"
        if isinstance(thing, weakref.ref):
            return (b"weak", self.value(thing()))
        return self._callable(thing) or self._ref(thing)

    def _text(self, text: str, folders: bool = False) -> Value:
        content = b"str " + text.encode(errors="surrogatepass")
        if not self.data or not 0 < len(text) < 4096 or "\0" in text:
            return content
        named = self._named(text, folders)
        return content if named is None else (content, named)

    def _named(self, text: str, folders: bool) -> bytes | None:
        if (text, folders) not in self._files:
            self._files[text, folders] = contents.of_named(text, folders)
        return self._files[text, folders]

    def _known(self, thing: Any, digest: Callable[[Any], bytes]) -> bytes:
        """The hash of a large content, made once."""
        if id(thing) not in self._arrays:
            self._alive.append(thing)
            self._arrays[id(thing)] = digest(thing)
        return self._arrays[id(thing)]

    def _array(self, array: np.ndarray) -> Value:
        if isinstance(array, np.ma.MaskedArray):
            return (b"masked", self.value(np.asarray(array.data)), self.value(np.ma.getmaskarray(array)))
        if array.dtype.hasobject:
            return (f"objects {array.dtype} {array.shape}".encode(), *map(self.value, array.reshape(-1).tolist()))
        return self._known(array, contents.of_array)

    def _of_torch(self, torch: Any, thing: Any) -> Value | None:
        if isinstance(thing, torch.Tensor):
            if hasattr(thing, "__tensor_flatten__"):
                parts, context = thing.__tensor_flatten__()
                inner = (self.value(getattr(thing, name)) for name in parts)
                return (f"tensor of {full_name(type(thing))}".encode(), *inner, self.value(context))
            return self._known(thing, contents.of_tensor)
        if isinstance(thing, torch.device | torch.Generator):
            return type(thing).__name__.encode()
        if isinstance(thing, torch.Size):
            return f"size {tuple(thing)}".encode()
        if type(thing).__name__ in _ATOMS_OF_TORCH and type(thing).__module__ == "torch":
            return repr(thing).encode()
        if isinstance(thing, torch.ScriptObject):
            return (thing._type().qualified_name().encode(), self.value(thing.__getstate__()))
        if isinstance(thing, torch.jit.ScriptModule):
            return self._known(thing, contents.of_script)
        if isinstance(thing, torch.jit.ScriptFunction):
            return (b"script function", str(thing.graph).encode())
        return None

    def _callable(self, thing: Any) -> Value | None:
        """Callables without an identity of their own, and what a library has named."""
        if isinstance(thing, types.MethodType):
            return (b"method", self.value(thing.__func__), self.value(thing.__self__))
        if isinstance(thing, types.BuiltinFunctionType | types.MethodWrapperType):
            owner = thing.__self__
            named = f"builtin {libraries.name_of(thing)}".encode()
            return named if owner is None or isinstance(owner, types.ModuleType | type) else (named, self.value(owner))
        if isinstance(thing, DESCRIPTORS):
            return f"built into {full_name(thing.__objclass__)} {thing.__name__}".encode()
        if isinstance(thing, functools.partial):
            return (b"partial", self.value(thing.func), self.value(thing.args), self._inline(thing.keywords))
        if isinstance(thing, staticmethod | classmethod):
            return (type(thing).__name__.encode(), self.value(thing.__func__))
        if isinstance(thing, property):
            return (b"property", self.value(thing.fget), self.value(thing.fset), self.value(thing.fdel))
        if isinstance(thing, functools.cached_property):
            return (b"cached property", self.value(thing.func))
        if isinstance(thing, functools._lru_cache_wrapper):
            return (b"cached", self.value(thing.__wrapped__))
        if isinstance(thing, types.FunctionType) and (library := self._library_of(thing)) and not wraps(thing):
            return self._of_library(library, libraries.name_of(thing))
        if isinstance(thing, type) and (library := self._library_of(thing)) and not patches(thing):
            return self._of_library(library, full_name(thing))
        if isinstance(thing, np.ufunc):
            return f"ufunc {thing.__name__}".encode()
        return None

    def _of_library(self, library: str, name: str) -> bytes:
        self._libraries.add(library)
        return f"{library} {name}".encode()

    def _inline(self, mapping: Any) -> Value:
        return tuple((self.value(key), self.value(value)) for key, value in mapping.items())

    def _library_of(self, thing: Any) -> str | None:
        """The library that a class or function belongs to; the data sets of torchvision are looked into like users'."""
        if self.data and str(getattr(thing, "__module__", "")).startswith("torchvision.datasets"):
            return None
        return libraries.of_class(thing) if isinstance(thing, type) else libraries.of_code(thing.__code__)

    def _ref(self, thing: Any) -> Ref:
        number = id(thing)
        if number not in self.nodes:
            self._alive.append(thing)
            node = self.nodes[number] = Node(b"", getattr(thing, "__name__", type(thing).__name__))
            self._open.append((node, thing))
        return Ref(number)

    # nodes

    def _expand(self, node: Node, thing: Any) -> None:
        if self._in_use and type(thing) in _COLLECTIONS:
            node.label = b"collection"
        elif isinstance(thing, types.FunctionType):
            self._function(node, thing)
        elif isinstance(thing, type):
            self._class(node, thing)
        elif isinstance(thing, types.ModuleType):
            self._python_module(node, thing)
        elif type(thing) in (list, deque):
            node.label, node.slots["items"] = type(thing).__name__.encode(), tuple(map(self.value, thing))
        elif isinstance(thing, set | frozenset):
            node.label, node.slots["items"] = b"set", Unordered(tuple(map(self.value, thing)))
        elif type(thing) in (dict, types.MappingProxyType, OrderedDict, defaultdict):
            node.label, node.slots["items"] = type(thing).__name__.encode(), self._inline(thing)
        elif (torch := sys.modules.get("torch")) is not None and isinstance(thing, torch.nn.Module):
            from .torch_modules import expand

            expand(self, node, thing)
        else:
            self.instance(node, thing)

    def instance(self, node: Node, thing: Any, state: State | None = None) -> None:
        """An object: its class, and what it holds. Of a user's class only what some code reads by name."""
        kind = type(thing)
        node.label = node.label or b"object"
        node.slots["class"] = self.value(kind)
        if kind in (operator.attrgetter, operator.methodcaller):
            self._reach_names(
                name for text in thing.__reduce__()[1] if isinstance(text, str) for name in text.split(".")
            )
        state = state or state_of(thing)
        if state is None:
            raise contents.Unknown(f"a {full_name(kind)}, whose content Python does not show")
        for name, value in state.whole.items():
            node.slots[name] = value.encode() if isinstance(value, str) else self.value(value)
        all_count = not self._is_open(kind)
        for name, value in sorted(state.attributes.items(), key=lambda pair: str(pair[0])):
            if self._in_use and isinstance(value, bool | int | float | None):
                continue
            if all_count:
                node.slots[f".{name}"] = self._attribute(value)
            else:
                self.later(node, str(name), value)

    def _attribute(self, value: Any) -> Value:
        return self._text(value, folders=True) if type(value) is str else self.value(value)

    def _is_open(self, kind: type) -> bool:
        """Whether no library reads the attributes of a class's objects by names of its own."""
        return all(
            base is object or full_name(base) in NEUTRAL or self._library_of(base) is None for base in kind.__mro__
        )

    def later(self, node: Node, name: str, thing: Any) -> None:
        """What a thing holds under a name: it counts once some code reads that name."""
        if self._any_name or name in self._names:
            node.slots[f".{name}"] = self._attribute(thing)
        else:
            self._waiting.setdefault(name, []).append((node, f".{name}", thing))

    def _reach_names(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._names:
                self._names.add(name)
                for node, slot, thing in self._waiting.pop(name, ()):
                    node.slots[slot] = self._attribute(thing)

    def _reach(self, code_reads: Reads) -> None:
        self._reach_names(code_reads.names)
        if code_reads.any_name and not self._any_name:
            self._any_name = True
            while self._waiting:
                for node, slot, thing in self._waiting.pop(next(iter(self._waiting))):
                    node.slots[slot] = self._attribute(thing)

    def _function(self, node: Node, function: types.FunctionType) -> None:
        code = function.__code__
        if code.co_filename.startswith("<@beartype") and hasattr(function, "__wrapped__"):
            node.label, node.slots["wrapped"] = b"checked", self.value(function.__wrapped__)
            return
        if (library := self._library_of(function)) is not None:
            named = f"{function.__globals__.get('__name__')}.{getattr(code, 'co_qualname', code.co_name)}"
            node.label = self._of_library(library, named)
            for name, value in held(function).items():
                if of_user(value):
                    node.slots[name] = self.value(value)
            return
        code_reads = reads(code)
        node.label = b"function" + code_reads.digest
        if code_reads.hidden:
            node.slots["code"] = Hidden(code_reads.hidden)
        node.slots["defaults"] = self.value(function.__defaults__)
        node.slots["keyword defaults"] = self._inline(function.__kwdefaults__ or {})
        for name, value in held(function).items():
            node.slots[name] = self._attribute(value)
        for name in code_reads.outside:
            if name in function.__globals__ and not is_dunder(name):
                node.slots[f"global {name}"] = self._attribute(function.__globals__[name])
        for name, value in function.__dict__.items():
            self.later(node, name, value)
        for name, level in code_reads.imports:
            node.slots[f"import {name}"] = self._imported(name, level, function.__globals__)
        for text in code_reads.texts:
            if (file := self._named(text, self.data)) is not None:
                node.slots[f"file {text}"] = file
        self._reach(code_reads)

    def _imported(self, name: str, level: int, around: dict[str, Any]) -> Value:
        full = "." * level + name
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                module = importlib.import_module(full, around.get("__package__") or None)
        except Exception:  # whatever an import does: it fails in the function as well
            return b"absent"
        return self.value(module)

    def _class(self, node: Node, kind: type) -> None:
        node.name = kind.__name__
        if (library := self._library_of(kind)) is not None:
            node.label = self._of_library(library, full_name(kind))
            for name, function in patches(kind).items():
                node.slots[name] = self.value(function)
            return
        node.label = f"class {kind.__name__}".encode()
        node.slots["bases"] = tuple(self.value(base) for base in kind.__bases__)
        if libraries.of_class(type(kind)) is None:
            node.slots["metaclass"] = self.value(type(kind))
        closed = [
            b for b in kind.__mro__[1:] if not (b is object or full_name(b) in NEUTRAL or self._library_of(b) is None)
        ]
        for name, value in vars(kind).items():
            if name in NOT_OF_A_CLASS or name in NOT_RUN or isinstance(value, DESCRIPTORS):
                continue
            if isinstance(value, types.FunctionType) and self._library_of(value) is not None:
                self._reach(reads(value.__code__))  # it may call methods of this class
            if is_dunder(name):
                if callable(value) or hasattr(type(value), "__get__"):
                    node.slots[f".{name}"] = self.value(value)
            elif any(hasattr(base, name) for base in closed):
                node.slots[f".{name}"] = self._attribute(value)
            else:
                self.later(node, name, value)

    def _python_module(self, node: Node, module: types.ModuleType) -> None:
        library = libraries.of_module(module.__name__)
        node.name = module.__name__
        if library is not None:
            node.label = self._of_library(library, module.__name__)
            if library != "semlens_widgets":
                for name, value in list(vars(module).items()):
                    if isinstance(value, types.FunctionType) and libraries.of_code(value.__code__) is None:
                        self.later(node, name, value)
            return
        node.label = f"module {module.__name__}".encode()
        for name, value in list(vars(module).items()):
            if not is_dunder(name):
                self.later(node, name, value)


def _lists(pattern: Any) -> dict[str, list[str]]:
    """The named lists of words that a pattern of `regex` was given."""
    return {name: sorted(words) for name, words in getattr(pattern, "named_lists", {}).items()}


def _why(thing: Any, error: Exception) -> str:
    if isinstance(error, contents.Unknown):
        return str(error)
    return f"a {full_name(type(thing))}, at which looking fails ({type(error).__name__}: {error})"
