"""docs/relevance.md, run as it is written."""

import re

import documented
import numpy as np
import pytest

import semlens_widgets as sl
from semlens_widgets.attribution.values import NAMED

DOCUMENT = documented.text_of("relevance.md")


@pytest.fixture(scope="module")
def said():
    return documented.run("relevance.md")


def test_all_of_it_runs_and_means_what_it_says(said):
    assert said["why"].chosen.startswith("auto (")
    assert said["logit"] == pytest.approx(said["lens"].explain(4, method="lrp").value, rel=1e-3)
    assert {row["method"] for row in said["found"].to_rows()} >= {"lrp", "gradient", "integrated"}
    assert said["lens"].explain(4, method=said["mine"]).backend == "mine"
    assert np.isfinite(said["heat"]).all()


def test_the_table_has_every_method_there_is():
    listed = set(re.findall(r'`"([a-z-]+)"`', DOCUMENT.partition("| method |")[2].partition("##")[0]))
    assert listed == set(NAMED) - {"zennit"}
    assert isinstance(sl.Composite("x", {}), sl.Composite)
