"""docs/targets.md, run as it is written."""

import re

import documented
import numpy as np
import pytest

import semlens_widgets as sl

DOCUMENT = documented.text_of("targets.md")


@pytest.fixture(scope="module")
def said():
    return documented.run("targets.md")


def test_all_of_it_runs_and_means_what_it_says(said):
    assert said["why"].target.endswith("where it is predicted")
    assert len(said["values"]) == 4
    assert said["relevance"].classes == ("ruler everywhere",)
    assert said["effect"].target == "ruler everywhere"
    assert said["ruler"].target == "text: ruler"
    assert abs(said["alike"].value) <= 1
    assert said["both"].target == "ruler_over_lesion"
    assert "with switching off" in said["both"].chosen
    assert np.isfinite(said["both"].relevance).all()


def test_the_table_has_every_kind_of_target_there_is():
    listed = set(re.findall(r"sl\.targets\.(\w+)\(", DOCUMENT.partition("## A segmentation")[0]))
    assert listed == set(sl.targets.__all__) - {"Target"}
