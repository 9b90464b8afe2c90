"""Names of the version before: they still work, and say what they are called now."""

import dataclasses
import importlib
import pkgutil

import pytest

import semlens_widgets
from semlens_widgets.warned import Renamed


def classes():
    """Every class of the package with a name of before, and those names."""
    for module in pkgutil.walk_packages(semlens_widgets.__path__, "semlens_widgets."):
        if module.name.endswith("__main__"):
            continue
        for kind in vars(importlib.import_module(module.name)).values():
            if not isinstance(kind, type) or kind.__module__ != module.name:
                continue
            if old := {name: by for name, by in vars(kind).items() if isinstance(by, Renamed)}:
                yield kind, old


def test_every_name_of_before_leads_to_one_that_there_is():
    found = list(classes())
    assert len(found) > 5
    for kind, names in found:
        fields = {f.name for f in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
        for old, renamed in names.items():
            assert renamed.new in fields | set(dir(kind)), (kind, old)
            assert renamed.old == old


def test_a_name_of_before_gives_the_value_and_says_what_it_is_called_now():
    class Value:
        new = 5
        old = Renamed("new")

    with pytest.warns(FutureWarning, match=r"Value\.old is now called new; the next version has no old"):
        assert Value().old == 5


def test_a_parameter_of_before_is_taken_and_says_what_it_is_called_now():
    with pytest.warns(FutureWarning, match=r"still is now called min_effect; the next version takes no still") as said:
        before = semlens_widgets.Thresholds(still=0.1)
    assert before == semlens_widgets.Thresholds(min_effect=0.1)
    assert said[0].filename == __file__
    with pytest.raises(TypeError, match="give min_effect alone"):
        semlens_widgets.Thresholds(still=0.1, min_effect=0.2)
