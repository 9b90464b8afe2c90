"""What a comparison refuses, and what its result shows."""

import json
from dataclasses import replace

import numpy as np
import pytest
from planted_spaces import CASES, CONCEPTS, model, unrelated

from semlens_widgets.compare import compare, compare_many


def test_another_clip_crop_or_data_set_is_refused_and_named():
    space = unrelated(53, 0, images=400, spread=1.0)
    cases = [
        ({"clip": "other"}, "differ in CLIP (old: planted, 31 dimensions; new: other, 31 dimensions); make both"),
        ({"crop": "activation 0.01"}, "differ in crop (old: whole; new: activation 0.01); make both with the same"),
        ({"images": "0123456789"}, "new: 400 images, fingerprint 01234567); make both with the same, or pass"),
    ]
    for changed, message in cases:
        other = replace(space, recipe=replace(space.recipe, **changed))
        with pytest.raises(ValueError, match="old and new cannot be compared") as error:
            compare(space, other, names=("old", "new"))
        assert message in str(error.value)
        with pytest.raises(ValueError, match="cannot be compared"):
            compare_many({"old": space, "new": other})
    with pytest.raises(ValueError, match="31 dimensions; B: planted, 17 dimensions"):
        compare(space, unrelated(53, 0, dim=17))
    both = replace(space, recipe=replace(space.recipe, crop="activation 0.01", images="0123"))
    with pytest.raises(ValueError, match=r"differ in crop \(.*\) and in images or transform"):
        compare(space, both)


def test_different_data_are_compared_when_allowed_and_the_result_says_so():
    a, b = model(), model(images="other pictures")
    assert not compare(a, model()).different_data
    for allow in ("data", ["data"], {"data"}):
        result = compare(a, b, allow=allow)
        assert result.different_data
        assert "over different data" in repr(result)
        assert json.loads(result.to_json())["different_data"] is True
    with pytest.raises(ValueError, match="differ in CLIP"):
        compare(a, replace(b, recipe=replace(b.recipe, clip="other")), allow="data")
    with pytest.raises(ValueError, match="only 'data' may differ"):
        compare(a, b, allow="clip")


def test_a_space_without_life_or_chance_is_refused():
    dead = unrelated(53, 0, counts=np.zeros(53, int))
    with pytest.raises(ValueError, match="B has no living component: no image excites any of its 53"):
        compare(unrelated(53, 1), dead)
    bare = replace(unrelated(53, 0), null_vectors=np.zeros((0, 31), np.float16))
    with pytest.raises(ValueError, match="A keeps no random images"):
        compare(bare, unrelated(53, 1))
    with pytest.raises(ValueError, match="block=0"):
        compare(unrelated(53, 0), unrelated(53, 1), block=0)


def test_rows_and_json_hold_every_living_component_once():
    a, b = CASES["not square"]
    result = compare(a, b)
    rows = result.to_rows()
    for side, space in (("a", a), ("b", b)):
        mine = [r[side] for r in rows if r["kind"] in ("pair", f"{side} only", f"{side} in {'ba'['ab'.index(side)]}")]
        assert sorted(mine) == sorted(str(space.components[int(i)]) for i in np.flatnonzero(space.alive))
    assert [r["a"] for r in rows if r["kind"] == "a only"] != []
    assert {r["a"] for r in rows if r["kind"] == "a only"} == {str(c) for c in result.a_only}
    document = json.loads(result.to_json())
    assert len(document["rows"]) == len(rows)
    assert document["layers"]["ab"][0][2] is None
    assert document["s_ab"]["score"] == result.s_ab.score


def test_the_only_lists_begin_with_what_is_least_like_the_other():
    a, b = CASES["not square"]
    result = compare(a, b)
    near = dict(zip(result.ab.rows.tolist(), result.ab.of_best("adjusted_similarity").tolist(), strict=True))
    assert len(result.a_only_rows) > 1
    assert [near[r] for r in result.a_only_rows] == sorted(near[r] for r in result.a_only_rows)


def test_names_are_inert_in_html():
    page = compare(*CASES["not square"], names=("<script>", "B & C"))._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "B &amp; C" in page


def test_a_long_list_says_how_much_is_not_shown():
    result = compare(model(), model())
    assert repr(result).count("↔") == 10
    assert f"and {CONCEPTS - 10} more" in repr(result)
    assert repr(result.pairs).startswith(f"<{CONCEPTS} pairs>")
    assert len(result.pairs[:3]) == 3
