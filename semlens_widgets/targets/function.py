"""A function of the model's output as a target."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..fingerprints import fingerprint
from ..outputs import Outputs, Reading, whole
from .goal import Asked, Goal
from .value import Target

if TYPE_CHECKING:
    import torch

_LONGEST = 60  # characters of a function that stand for its name
_LONGEST_SOURCE = 400  # that are looked through for it


@dataclass(frozen=True, eq=False, repr=False)
class Function(Target):
    """A function of the class scores [image class], or of the model's whole answer to one image."""

    kind = "function"
    of_scores = True
    of: Callable[..., Any]

    @property
    def name(self) -> str:
        return called(self.of)

    @property
    def key(self) -> str:
        return f"function {fingerprint(self.of)}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Function) and self.of is other.of

    def __hash__(self) -> int:
        return id(self.of)

    def __repr__(self) -> str:
        return self.name

    def goal(self, asked: Asked) -> Goal:
        all_of_it = FunctionGoal(self.name, self.of, whole(asked.output))
        if not isinstance(asked.outputs, Outputs):
            all_of_it.values(asked.answer, 1)
            return all_of_it
        of_scores = FunctionGoal(self.name, self.of, asked.outputs.reading())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it may be written for something else
                of_scores.tried(asked.answer)
        except (AttributeError, IndexError, KeyError, TypeError):
            try:
                all_of_it.tried(asked.answer)
            except Exception:  # it takes neither: what it says of the scores is what it was meant for
                of_scores.tried(asked.answer)
            return all_of_it
        return of_scores

    def document(self) -> None:
        return None


def called(function: Callable[..., Any]) -> str:
    """What a function is called where people read it: its name, its own text where it has none, or its kind."""
    while isinstance(function, functools.partial):
        function = function.func
    name = str(getattr(function, "__name__", ""))
    if name == "<lambda>":
        return _written(function) or "a function"
    return name or type(function).__name__


def _written(function: Callable[..., Any]) -> str:
    """What stands after `lambda …:`; "" where its source is gone, holds several, or is long."""
    if function.__code__.co_filename == "<string>":  # of `eval`: its source is nowhere
        return ""
    try:
        source = textwrap.dedent(inspect.getsource(function)).strip()
    except (OSError, TypeError):
        return ""
    if len(source) > _LONGEST_SOURCE or len(re.findall(r"\blambda\b", source)) != 1:
        return ""  # of several on one line it is not certain which this is
    for end in range(len(source), 0, -1):  # a line of a longer statement, such as an argument with its comma
        try:
            tree = ast.parse(source[source.find("lambda") : end])
        except (SyntaxError, ValueError):
            continue
        body = next((ast.unparse(node.body) for node in ast.walk(tree) if isinstance(node, ast.Lambda)), "")
        return body if len(body) <= _LONGEST else ""
    return ""


class FunctionGoal(Goal):
    """A function of the class scores, or, where they are laid out, of each image's whole answer."""

    def __init__(self, name: str, of: Callable[..., Any], read: Reading | whole) -> None:
        super().__init__(name, read)
        self.of = of

    def tried(self, answer: Any) -> None:
        self(self.read(answer, 1))

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        import torch

        if not isinstance(self.read, whole):
            return _numbers(self.of(given), len(given))
        rows = [_numbers(self.of(self.read.given(row, image)), 1) for image, row in enumerate(given)]
        return rows[0] if len(rows) == 1 else torch.cat(rows)


def _numbers(answer: Any, images: int) -> torch.Tensor:
    """What a target function gave, [image]. ValueError where that is not one number per image."""
    import torch

    if not isinstance(answer, torch.Tensor) or answer.numel() != images:
        shape = f"shape {tuple(answer.shape)}" if hasattr(answer, "shape") else f"a {type(answer).__name__}"
        count = "one image" if images == 1 else f"{images} images"
        raise ValueError(
            f"the target function gave {shape} for {count}; it must give one number per image, as in "
            "`lambda logits: logits[:, 3]`"
        )
    return answer.reshape(images)
