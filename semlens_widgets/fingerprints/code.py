"""What a function's code is, and which names it reads: the compiled code, so that comments and lines do not count."""

from __future__ import annotations

import dis
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any

_AT_RUN_TIME = {"eval": "eval()", "exec": "exec()", "compile": "compile()", "globals": "globals()",
                "__import__": "__import__()", "import_module": "import_module()"}  # fmt: skip
_ENVIRONMENT = ("environ", "getenv", "environb")


@dataclass(frozen=True)
class Reads:
    """A function's code as a hash, and what it reads.

    names:    attributes, and texts that could name one (`getattr(self, "act")`).
    outside:  global names.
    imports:  modules that are imported while it runs: (name, level).
    texts:    text constants.
    any_name: it reads attributes whose names are only known when it runs.
    hidden:   why what it depends on cannot be told; empty where it can.
    """

    digest: bytes
    names: tuple[str, ...]
    outside: tuple[str, ...]
    imports: tuple[tuple[str, int], ...]
    texts: tuple[str, ...]
    any_name: bool
    hidden: str


@cache
def reads(code: CodeType) -> Reads:
    """What `code` and the functions inside it read."""
    names: dict[str, None] = {}
    outside: dict[str, None] = {}
    imports: dict[tuple[str, int], None] = {}
    texts: dict[str, None] = {}
    any_name, hidden = False, ""
    for part in _parts(code):
        steps = [step for step in dis.get_instructions(part) if step.opname not in _NO_STEPS]
        names |= dict.fromkeys(part.co_names)
        for at, step in enumerate(steps):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
                outside[step.argval] = None
                any_name |= step.argval == "vars" or (step.argval == "getattr" and not _plain_getattr(steps[at + 1 :]))
                hidden = hidden or _AT_RUN_TIME.get(step.argval, "")
            elif step.opname == "IMPORT_NAME":
                level = next((s.argval for s in steps[max(0, at - 2) : at] if isinstance(s.argval, int)), 0)
                imports[step.argval, int(level)] = None
        any_name |= "__dict__" in part.co_names or "__getattribute__" in part.co_names
        texts |= dict.fromkeys(_texts(part.co_consts))
        if "import_module" in part.co_names:
            hidden = hidden or _AT_RUN_TIME["import_module"]
        if any(name in part.co_names for name in _ENVIRONMENT):
            hidden = hidden or "environment variables"
    words = {word: None for text in texts for word in text.split(".") if word.isidentifier()}
    return Reads(
        _digest(code), tuple(names | words), tuple(outside), tuple(imports), tuple(texts), any_name,
        f"its code uses {hidden}, so what it depends on is only known when it runs" if hidden else "",
    )  # fmt: skip


_NO_STEPS = frozenset({"CACHE", "EXTENDED_ARG", "PUSH_NULL", "NOP", "RESUME", "PRECALL", "KW_NAMES"})
_ONE_NAME = ("LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK", "LOAD_DEREF", "LOAD_GLOBAL", "LOAD_NAME")


def _plain_getattr(after: list[dis.Instruction]) -> bool:
    """Whether a call of getattr names its attribute as a constant: `getattr(a.b, "c")`, with a constant default."""
    if not after or after[0].opname not in _ONE_NAME:
        return False
    at = 1
    while at < len(after) and after[at].opname in ("LOAD_ATTR", "LOAD_METHOD"):
        at += 1
    if at + 1 >= len(after) or after[at].opname != "LOAD_CONST" or not isinstance(after[at].argval, str):
        return False
    at += 1 + (after[at + 1].opname in ("LOAD_CONST", "LOAD_SMALL_INT"))
    return at < len(after) and after[at].opname.startswith("CALL")


def _parts(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts(constant)


def _texts(constants: Any) -> Iterator[str]:
    for constant in constants:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, tuple | frozenset):
            yield from sorted(_texts(constant))


def _digest(code: CodeType) -> bytes:
    digest = hashlib.sha256(code.co_code)
    arguments = code.co_argcount + code.co_kwonlyargcount
    digest.update(
        repr(
            (
                code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & 0xFF,
                code.co_varnames[:arguments], code.co_names, code.co_freevars, code.co_cellvars,
                getattr(code, "co_exceptiontable", b""),
            )
        ).encode()
    )  # fmt: skip
    digest.update(_constant(code.co_consts))
    return digest.digest()


def _constant(value: Any) -> bytes:
    if isinstance(value, CodeType):
        return _digest(value)
    if isinstance(value, tuple):
        return b"(" + b",".join(map(_constant, value)) + b")"
    if isinstance(value, frozenset):
        return b"{" + b",".join(sorted(map(_constant, value))) + b"}"
    return f"{type(value).__name__} {value!r}".encode()
