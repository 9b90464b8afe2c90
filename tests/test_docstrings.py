"""Docstrings of all that is public: what it means, every parameter by name, and what errors say."""

import dataclasses
import inspect
import re
from types import ModuleType

import pytest

import semlens_widgets as sl

VALUES = {"TEMPLATES"}  # a tuple has no docstring of its own
MODULES = sorted(name for name in sl.__all__ if isinstance(getattr(sl, name), ModuleType))
CALLED = sorted(set(sl.__all__) - set(MODULES) - VALUES)
WITHIN = [
    (module, name)
    for module in MODULES
    for name in getattr(getattr(sl, module), "__all__", ())
    if callable(getattr(getattr(sl, module), name))
]
METHODS = sorted(
    name
    for name, method in inspect.getmembers(sl.Lens)
    if not name.startswith("_")
    and (inspect.isfunction(method) or inspect.ismethod(method))
    and method.__module__.startswith("semlens_widgets")
)


def said(thing) -> str:
    """The docstring a person wrote; a dataclass without one has its signature there, which says nothing."""
    text = inspect.getdoc(thing) or ""
    return "" if dataclasses.is_dataclass(thing) and text.startswith(f"{thing.__name__}(") else text


def unsaid(thing) -> set[str]:
    """The parameters that a docstring does not name."""
    if getattr(thing, "_is_protocol", False) or (inspect.isclass(thing) and issubclass(thing, BaseException)):
        return set()
    parameters = inspect.signature(thing).parameters.values()
    kinds = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
    named = {p.name for p in parameters if p.kind not in kinds and p.name != "self" and not p.name.startswith("_")}
    return {name for name in named if not re.search(rf"\b{re.escape(name)}\b", said(thing))}


def opens_well(text: str) -> bool:
    """The first line or paragraph is a sentence."""
    first = text.split("\n\n")[0].strip()
    return len(first) > 20 and first[0].upper() == first[0] and first[-1] in ".:?!)"


@pytest.mark.parametrize("name", CALLED)
def test_a_public_name_says_what_it_means_and_every_parameter(name):
    thing = getattr(sl, name)
    assert opens_well(said(thing)), said(thing)
    assert unsaid(thing) == set()


@pytest.mark.parametrize("name", METHODS)
def test_a_method_of_a_lens_says_what_it_does_and_every_parameter(name):
    method = getattr(sl.Lens, name)
    assert opens_well(said(method)), said(method)
    assert unsaid(method) - {"cls"} == set()


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_says_what_it_is_for(name):
    assert opens_well(said(getattr(sl, name)))


@pytest.mark.parametrize(("module", "name"), WITHIN)
def test_what_a_public_module_offers_says_what_it_means(module, name):
    assert opens_well(said(getattr(getattr(sl, module), name)))


def test_what_is_not_said_would_be_found():
    def half(said_of, not_at_all):
        """What `said_of` is for, in a sentence."""

    @dataclasses.dataclass
    class Bare:
        field: int

    assert unsaid(half) == {"not_at_all"}
    assert unsaid(Bare) == {"field"}
    assert not opens_well(said(Bare))
