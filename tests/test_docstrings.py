"""Docstrings of all that is public: in NumPy's style, every parameter by name, examples that run."""

import dataclasses
import doctest
import inspect
from types import ModuleType

import pytest
from numpydoc.docscrape import NumpyDocString, get_doc_object
from numpydoc.validate import validate

import semlens_widgets as sl

VALUES = {"TEMPLATES"}  # a tuple has no docstring of its own
MODULES = sorted(name for name in sl.__all__ if isinstance(getattr(sl, name), ModuleType))
NAMES = sorted(set(sl.__all__) - set(MODULES) - VALUES)
CLASSES = [name for name in NAMES if inspect.isclass(getattr(sl, name))]
WITHIN = [
    f"{module}.{name}"
    for module in MODULES
    for name in getattr(getattr(sl, module), "__all__", ())
    if callable(getattr(getattr(sl, module), name))
]
# What numpydoc checks, by its codes. Types of parameters are not among it: they stand in the signature.
CHECKS = {
    *("GL03", "GL05", "GL06", "GL07", "GL08"),  # sections: known ones, in their order, one empty line between
    *("SS01", "SS02", "SS03", "SS04"),  # a summary, which is a sentence
    *("PR01", "PR02", "PR03", "PR07", "PR08", "PR09"),  # every parameter, none besides, in order, each a sentence
    *("RT01", "RT03", "RT04", "RT05", "YD01"),  # what comes back, in a sentence
}


def methods(name):
    """The public methods that a class of ours defines."""
    return [
        f"{name}.{member}"
        for member, found in vars(getattr(sl, name)).items()
        if not member.startswith("_") and (inspect.isfunction(found) or isinstance(found, (classmethod, staticmethod)))
    ]


METHODS = [method for name in CLASSES for method in methods(name)]
VERBS = [method for method in METHODS if method.startswith("Lens.")]


def thing(name):
    found = sl
    for part in name.split("."):
        found = getattr(found, part)
    return found


def said(of) -> str:
    """The docstring a person wrote; a dataclass without one has its signature there, which says nothing."""
    text = inspect.getdoc(of) or ""
    return "" if dataclasses.is_dataclass(of) and text.startswith(f"{of.__name__}(") else text


def taken(of) -> set[str]:
    """The parameters by which something is called."""
    return {name for name in inspect.signature(of).parameters if name not in ("self", "cls") and name[0] != "_"}


def attributes(of) -> set[str]:
    """What stands under Attributes."""
    return {part.strip() for entry in NumpyDocString(said(of))["Attributes"] for part in entry.name.split(",")}


def wrong(name):
    """What numpydoc finds wrong with a docstring, of what is asked here.

    A method that takes nothing needs no more than its sentence. A value that verbs give has attributes in place of
    parameters.
    """
    of = thing(name)
    found = {code: text for code, text in validate(get_doc_object(of))["errors"] if code in CHECKS}
    if found.get("PR01") == "Parameters {'**unknown'} not documented":
        del found["PR01"]  # windows take it to refuse it
    if inspect.isclass(of):
        if attributes(of) or issubclass(of, BaseException) or getattr(of, "_is_protocol", False):
            found = {code: text for code, text in found.items() if code not in ("PR01", "PR02")}
    elif not taken(of):
        found.pop("RT01", None)
    return found


@pytest.mark.parametrize("name", [*NAMES, *WITHIN, *METHODS])
def test_a_docstring_is_as_numpy_has_it_and_names_every_parameter(name):
    assert said(thing(name))
    assert wrong(name) == {}


@pytest.mark.parametrize("name", CLASSES)
def test_what_a_verb_gives_says_what_each_of_its_values_is(name):
    of = thing(name)
    if not dataclasses.is_dataclass(of) or not attributes(of):
        return  # people make those: their parameters are held above
    fields = {field.name for field in dataclasses.fields(of) if field.name[0] != "_"}
    assert fields - attributes(of) == set()


@pytest.mark.parametrize("name", CLASSES)
def test_what_a_public_value_has_is_said(name):
    silent = [
        member
        for member, found in vars(getattr(sl, name)).items()
        if member[0] != "_" and (isinstance(found, property) or type(found).__name__ == "cached_property")
        if not (found.fget if isinstance(found, property) else found.func).__doc__
    ]
    assert silent == []


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_says_what_it_is_for(name):
    first = said(thing(name)).split("\n\n")[0].strip()
    assert len(first) > 20
    assert first[0].upper() == first[0]
    assert first[-1] in ".:?!)"


# examples


@pytest.fixture(scope="module")
def lens():
    made = sl.demo.lens(n=150, progress=False)
    made.relate(method="gradient", progress=False)  # quicker than to measure first which method is best
    return made


def examples(name):
    """The example of a docstring, to be run with what every one takes for granted: `sl`, and a lens on the demo."""
    return doctest.DocTestParser().get_doctest(said(thing(name)), {"sl": sl}, name, name, 0)


@pytest.mark.parametrize("name", [*NAMES, *WITHIN, *VERBS])
def test_the_example_of_a_public_name_runs_and_gives_what_it_says(name, lens, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = examples(name)
    assert example.examples, "it has no example"
    example.globs["lens"] = lens
    told = []
    done = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=told.append)
    assert done.failed == 0, "".join(told)


@pytest.mark.parametrize("name", [method for method in METHODS if method not in VERBS])
def test_the_example_of_a_method_runs_where_there_is_one(name, lens, tmp_path, monkeypatch):
    if examples(name).examples:
        test_the_example_of_a_public_name_runs_and_gives_what_it_says(name, lens, tmp_path, monkeypatch)


def test_lines_are_short_enough_for_a_tooltip():
    """JupyterLab shows a docstring as it is written: no line is wider than those of the code."""
    wide = [
        name for name in [*NAMES, *WITHIN, *METHODS] if any(len(line) > 120 for line in said(thing(name)).splitlines())
    ]
    assert wide == []


# what would be found


def test_what_is_not_said_is_found(monkeypatch):
    def half(given, other):
        """Do something.

        Parameters
        ----------
        given
            What it is done to.
        """
        return given

    @dataclasses.dataclass
    class Bare:
        field: int

    monkeypatch.setattr(sl, "half", half, raising=False)
    assert set(wrong("half")) == {"PR01", "RT01"}
    assert not said(Bare)
    assert examples("half").examples == []
