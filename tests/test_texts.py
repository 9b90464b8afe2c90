"""A chance is never written as 0, wherever it is written, in Python as in JavaScript."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy import colour_lens

from semlens_widgets.compare import compare
from semlens_widgets.texts import p_equals, p_value

WRITTEN = {
    0.0: "< .001", 1e-300: "< .001", 0.00099: "< .001", 0.001: ".001", 0.0344: ".034", 0.0949: ".095", 0.0951: ".10",
    0.5: ".50", 0.999: "1.00", 1.0: "1.00",
}  # fmt: skip


@pytest.mark.parametrize(("p", "written"), WRITTEN.items())
def test_a_chance_in_words(p, written):
    assert p_value(p) == written
    assert p_equals(p) == ("p < .001" if written == "< .001" else f"p = {written}")


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node to run the page's part")
def test_windows_write_a_chance_as_python_does():
    code = f"""
    import {{ p, pEquals }} from "./js/shared/format.js";
    console.log(JSON.stringify({json.dumps(list(WRITTEN))}.map((value) => [p(value), pEquals(value)])));
    """
    run = subprocess.run(
        ["node", "--input-type=module", "-e", code], cwd=Path(__file__).parents[1], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert json.loads(run.stdout) == [[p_value(p), p_equals(p)] for p in WRITTEN]


def test_equal_components_match_with_a_chance_that_is_not_nothing():
    space = colour_lens().fit(cached=False, progress=False).space
    comparison = compare(space, space, names=("one", "same"))
    assert comparison.pairs[0].score == pytest.approx(1)
    assert "p < .001" in str(comparison.pairs[0])
    for text in (repr(comparison), comparison._repr_html_()):
        assert "&lt; .001" in text or "p < .001" in text
        assert not any(nothing in text for nothing in ("p=0", "p = 0", "<td>0</td>"))


def test_a_search_that_beats_chance_beyond_measure_says_less_than():
    answer = colour_lens().fit(cached=False, progress=False).search("red")
    sure = replace(answer, z=np.full(len(answer), 60.0, np.float32))
    assert sure.p[0] == sure.p_best == 0
    assert "p < .001 over all" in sure.message
    assert str(sure[0]).endswith("p < .001")
    assert "<td>&lt; .001</td>" in sure._repr_html_()
