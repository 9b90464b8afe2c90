"""Audit in a planted space: components along known directions, so that every region is known beforehand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, pearson3, skew

from semlens_widgets.audit import DEAD, NO_CONCEPT, AuditReport, Thresholds, audit, training_images
from semlens_widgets.checklist import Checklist, Concept, Group
from semlens_widgets.clip import Probes
from semlens_widgets.components import Component, Components, Recipe
from semlens_widgets.examples import ConceptExamples, Sampled, Statistics
from semlens_widgets.faithfulness.value import Agreement, Faithfulness
from semlens_widgets.intervals import Interval
from semlens_widgets.relevance import Relevance
from semlens_widgets.space import SemanticSpace, Thumbnails, directions
from semlens_widgets.vectors import unit

K, DIM, IMAGES = 13, 53, 701
CONCEPTS = ("border", "veil", "ruler", "patch", "hair", "absent")
ENCODED = ("border", "border", "veil", "ruler", "ruler", "patch", "hair", "border ruler", "", "", "")
LIST = Checklist(
    (
        Group("Should be used", (Concept("border"), Concept("veil"), Concept("absent"), Concept("evolving", ()))),
        Group("Must not be used", (Concept("ruler", kind="spurious"), Concept("patch", kind="spurious"))),
        Group("Neutral", (Concept("hair", kind="neutral"), Concept("strange", ("blorb",), kind="neutral"))),
    )
)


def planted(seed=0, encoded=ENCODED, layers=(("low", 5), ("high", 7)), names=None):
    """Images show each concept with chance .3; a component's examples show all of what it encodes. The last is dead."""
    random = np.random.default_rng(seed)
    cone = random.normal(size=DIM)
    axes = random.normal(size=(len(CONCEPTS), DIM))
    present = random.random((IMAGES, len(CONCEPTS))) < 0.3
    vectors = unit(4 * unit(cone) + 3 * present @ unit(axes) + random.normal(size=(IMAGES, DIM)) / 6).astype(np.float32)
    images = np.zeros((len(encoded) + 1, K), np.int32)
    for row, text in enumerate(encoded):
        wanted = [CONCEPTS.index(word) for word in text.split()]
        images[row] = random.choice(np.flatnonzero(present[:, wanted].all(1)), K, replace=False)
    counts = np.full(len(encoded) + 1, K)
    counts[-1] = 0
    components = Components(tuple(n for n, _ in layers), tuple(s for _, s in layers), (False,) * len(layers))
    size = len(components)
    zeros = np.zeros((size, 4), np.int64)
    statistics = Statistics(
        IMAGES, zeros, zeros, np.zeros(size, np.int64), np.zeros(size, bool), np.zeros(size, np.int16),
        np.zeros((size, 64), np.int64),
    )  # fmt: skip
    responses = np.sort(1 + random.random((size, K)).astype(np.float32))[:, ::-1] * (counts > 0)[:, None]
    grids = tuple((1,) for _ in layers)
    examples = ConceptExamples(
        components, images, responses.astype(np.float32), np.zeros((size, K), np.int32), grids, statistics
    )
    recipe = Recipe("w", "i", ("l",), "max", K, "whole", "planted", 400, seed)
    null = vectors[random.permutation(IMAGES)[:400]]
    nothing = Thumbnails.of([b""] * IMAGES)
    space = SemanticSpace(
        examples, recipe, vectors, images, np.arange(IMAGES), directions(vectors, images, counts)[0], null, nothing,
        names or {i: f"p/{i}.png" for i in range(IMAGES)}, {i: int(present[i, 0]) for i in range(IMAGES)},
        ("nevus", "melanoma"),
    )  # fmt: skip
    texts = dict(zip(CONCEPTS, unit(axes), strict=True))
    texts["blorb"] = unit(random.normal(size=DIM))
    unknown = tuple(("blorb",) if text == "blorb" else () for text in texts)
    return space, Probes(tuple(texts), np.stack(list(texts.values())), "planted", unknown)


def relevance_of(space, amounts, seed=0, images=31, noise=0.02):
    """Both classes: the first with the given relevance per component, the second with its negative."""
    random = np.random.default_rng(seed)
    signed = np.concatenate([np.tile(a, (images, 1)) for a in (np.asarray(amounts), -np.asarray(amounts))])
    signed = signed + random.normal(size=signed.shape) * noise * (np.asarray(amounts) != 0)
    for layer in space.components.layers:
        rows = space.components.rows(layer)
        signed[:, rows] /= np.abs(signed[:, rows]).sum(1, keepdims=True)
    targets = np.repeat([0, 1], images)
    mean = np.stack([signed[targets == c].mean(0) for c in (0, 1)])
    share = np.stack([np.abs(signed[targets == c]).mean(0) for c in (0, 1)])
    tops = np.zeros((2, len(space.components), 3))
    return Relevance(
        space.components, ("melanoma", "nevus"), np.asarray([images, images]), mean, share, np.arange(2 * images),
        targets, signed, tops.astype(np.int32), tops, "lrp", "made by hand",
    )  # fmt: skip


AMOUNTS = (3, 1, 1, 2, 1, -4, 0.1, 2, 1, 0.5, 0.1, 0)


@pytest.fixture(scope="module")
def world():
    return planted()


@pytest.fixture(scope="module")
def report(world):
    space, probes = world
    return audit(space, LIST, probes, relevance_of(space, AMOUNTS), target="melanoma")


def test_every_component_lies_in_its_region(report):
    wanted = ["valid"] * 3 + ["spurious"] * 3 + ["neutral", "ambiguous"] + ["unexpected"] * 3
    assert [report.region_of(row) for row in range(11)] == wanted
    assert report.region_of(11) is None
    assert report.region[11] == DEAD
    assert report.counts == {"valid": 3, "spurious": 3, "ambiguous": 1, "unexpected": 3, "neutral": 1}
    assert [report.concept_of(row) for row in (0, 2, 5, 8)] == ["border", "veil", "patch", None]
    assert report.leading[8] == NO_CONCEPT


def test_z_is_the_formula_in_loops(world, report):
    """(score - mean of random sets) / their deviation, both seen from the layer's mean vector, as rare as they say."""
    space, probes = world
    rows = {layer: np.arange(12)[space.components.rows(layer)] for layer in space.components.layers}
    sets = space.null_sets[-1]
    for j, finding in enumerate(report.findings):
        if finding.name not in CONCEPTS:
            assert np.isnan(report.z[:, j]).all()
            continue
        probe = probes.vectors[probes.names.index(finding.name)]
        for members in rows.values():
            living = members[space.alive[members]]
            centre = space.vectors[living].mean(0)
            for row in living:
                offset = space.vectors[row] - centre
                null = (sets - sets.mean(0)) @ probe
                wider = np.sqrt((1 / K + 1 / 400 - 2 / IMAGES) / (1 / K - 1 / 400))  # 400 images stand for all
                z = (offset @ probe - null.mean()) / null.std() / wider
                expected = norm.isf(pearson3.sf(z, max(skew(null), 0)))  # the normal deviate that is as rare
                assert report.z[row, j] == pytest.approx(expected, abs=0.02, rel=0.02)
                assert report.scores[row, j] == pytest.approx(offset @ probe / np.linalg.norm(offset), abs=1e-4)
    assert np.isnan(report.z[11]).all()


def test_regions_come_most_relevant_first_and_as_components(report):
    assert report.spurious == (Component("high", 0), Component("low", 3), Component("low", 4))
    shares = [report.share[row] for row in report.rows("unexpected")]
    assert shares == sorted(shares, reverse=True)


def test_every_concept_is_found_weak_missing_unknown_or_unseen(report):
    states = {f.name: f.state for f in report.findings}
    assert states == {
        "border": "found", "veil": "found", "absent": "missing", "evolving": "unseen", "ruler": "found",
        "patch": "found", "hair": "found", "strange": "unknown",
    }  # fmt: skip
    assert report["ruler"].rows == tuple(sorted(report["ruler"].rows, key=lambda row: -report.z[row, 4]))
    assert set(report["ruler"].rows) >= {3, 4}
    assert "one image" in report["evolving"].message
    assert "blorb" in report["strange"].message
    assert report["absent"].rows == ()
    assert "missing" in report["absent"].message


def test_shares_and_signs_are_sums_within_each_layer_then_averaged(world, report):
    space, probes = world
    relevance = relevance_of(space, AMOUNTS)
    low, high = np.arange(5), np.arange(5, 12)
    for region, interval in report.shares.items():
        rows = report.rows(region)
        parts = [relevance.share[0, np.intersect1d(rows, layer)].sum() for layer in (low, high)]
        assert interval.mean == pytest.approx(np.mean(parts), abs=1e-6)
        assert interval.low <= interval.mean <= interval.high
    assert sum(i.mean for i in report.shares.values()) == pytest.approx(1, abs=1e-5)
    patch = report["patch"]
    assert patch.relevance.mean == pytest.approx(relevance.mean[0, 5] / 2, abs=1e-6)
    assert (patch.direction, report["ruler"].direction) == ("against", "for")
    assert patch.used
    assert audit(space, LIST, probes, relevance, target="nevus")["patch"].direction == "for"


def sampled(space, seed=0):
    """The space with all images as its sample, and what they show: [image concept]. A component answers to all that it
    encodes, to some of it half as much."""
    random = np.random.default_rng(seed)
    random.normal(size=DIM)
    random.normal(size=(len(CONCEPTS), DIM))
    present = random.random((IMAGES, len(CONCEPTS))) < 0.3
    responses = random.random((len(space.components), IMAGES)).astype(np.float32) / 9
    for row, text in enumerate(ENCODED):
        if text:
            responses[row] += present[:, [CONCEPTS.index(word) for word in text.split()]].mean(1)
    examples = replace(space.examples, sampled=Sampled(np.arange(IMAGES), {"sample_responses": responses}))
    return replace(space, examples=examples, sample_vectors=space.crop_vectors), present


def outweighed(space, present, images=401):
    """Rulers speak for the class, patches against it. The component of hair speaks against it where there is hair, and
    one that nothing explains as much for it."""
    random = np.random.default_rng(3)
    ruler, patch, hair = (present[:images, CONCEPTS.index(name)] for name in ("ruler", "patch", "hair"))
    values = random.normal(size=(images, len(space.components))) * 0.01
    values[:, 3] += 0.3 * ruler
    values[:, 5] -= 0.6 * patch
    values[:, 6] -= 0.2 * hair
    values[:, 8] += 0.2 * hair
    share = np.abs(values).mean(0)
    for layer in space.components.layers:
        share[space.components.rows(layer)] /= share[space.components.rows(layer)].sum()
    tops = np.zeros((1, len(space.components), 3))
    return Relevance(
        space.components, ("melanoma",), np.asarray([images]), values.mean(0)[None], share[None], np.arange(images),
        np.zeros(images, int), values, tops.astype(np.int32), tops, "lrp", "made by hand",
    )  # fmt: skip


def test_what_is_carried_but_outweighed_is_found_and_not_used(world):
    space, present = sampled(world[0])
    relevance = outweighed(space, present)
    report = audit(space, LIST, world[1], relevance, target="melanoma")
    hair, ruler, patch = (report[name] for name in ("hair", "ruler", "patch"))
    assert hair.state == "found"
    assert hair.share.mean > 2 * report.thresholds.used
    assert abs(hair.effect.mean) < 0.02
    assert (hair.used, hair.direction) == (False, None)
    assert "its effect on the relevance is too small" in hair.message
    assert (ruler.used, ruler.direction, patch.used, patch.direction) == (True, "for", True, "against")
    assert ruler.effect.mean == pytest.approx(0.3 / 2, rel=0.2)  # one of two layers
    assert patch.effect.mean == pytest.approx(-0.6 / 2, rel=0.2)
    assert [f.has_effect for f in (hair, ruler, patch)] == [False, True, True]
    assert hair.use.startswith("not used: ")
    assert ruler.use.startswith("used, speaks for it: ")
    assert f"effect on the relevance +{ruler.effect.mean:.2f} [" in ruler.use


def test_what_surely_moves_the_relevance_by_more_than_the_line_is_used(world):
    space, present = sampled(world[0])
    relevance = outweighed(space, present)
    values = relevance.values.copy()
    values[:, 8] -= 0.3 * present[:401, CONCEPTS.index("hair")]  # .15 of two layers is left
    changed = replace(relevance, values=values)
    hair = audit(space, LIST, world[1], changed, target=0)["hair"]
    assert hair.effect.mean == pytest.approx(-0.15, abs=0.02)
    assert (hair.has_effect, hair.used) == (True, True)
    near = -hair.effect.high
    thresholds = {name: Thresholds(min_effect=near * by) for name, by in (("below", 0.99), ("above", 1.01))}
    used = {
        name: audit(space, LIST, world[1], changed, target=0, thresholds=t)["hair"].used
        for name, t in thresholds.items()
    }
    assert used == {"below": True, "above": False}


def test_an_interval_that_is_too_wide_leaves_it_to_the_share(world):
    space, present = sampled(world[0])
    relevance = outweighed(space, present)
    noise = np.random.default_rng(0).normal(size=relevance.values.shape)
    hair = audit(space, LIST, world[1], replace(relevance, values=noise * 2), target=0)["hair"]
    assert hair.effect.low < -0.3 < 0.3 < hair.effect.high
    assert (hair.has_effect, hair.used) == (False, True)


def test_a_concept_whose_own_components_carry_little_but_that_moves_the_relevance_is_told(world):
    space, present = sampled(world[0])
    relevance = outweighed(space, present)
    values, share = relevance.values.copy(), relevance.share.copy()
    values[:, 5] = 0  # the patch's own
    values[:, 9] -= 0.6 * present[:401, CONCEPTS.index("patch")]
    share[:, [5, 9]] = share[:, [9, 5]]
    share[:, 5] = 0.001
    report = audit(space, LIST, world[1], replace(relevance, values=values, share=share), target=0)
    patch = report["patch"]
    assert (patch.state, patch.used, patch.elsewhere) == ("found", False, True)
    assert "but through other components" in patch.message
    assert "also depends on concepts whose own components carry little of it: patch (−0." in report.message
    assert patch.use.startswith("not used in its own components, but through others: 0.")
    assert not report["ruler"].elsewhere


def test_what_relevance_moves_with_is_least_squares_over_what_components_and_likeness_tell(world):
    """In loops: a concept's own components where held-out images confirm them, the likeness to it elsewhere."""
    space, present = sampled(world[0])
    relevance = outweighed(space, present)
    report = audit(space, LIST, world[1], relevance, target=0)
    own = {"border": [0, 1], "veil": [2], "ruler": [3, 4], "patch": [5], "hair": [6]}  # 7 is border and ruler
    names = [f.name for f in report.findings if f.effect is not None]
    assert names == ["border", "veil", "absent", "ruler", "patch", "hair"]
    columns = [np.ones(401)]
    for name in names:
        likeness = space.sample.vectors @ world[1].vectors[world[1].names.index(name)]
        told = [space.sample.activations[:, row] for row in own[name]] if name in own else [likeness]
        steps = []
        for shows in told:
            usual, best = np.median(shows), np.sort(shows)[-K:].mean()
            steps.append((shows[:401] - usual) / (best - usual))
        columns.append(np.mean(steps, 0))
    slopes = np.linalg.lstsq(np.stack(columns, 1), relevance.values.sum(1) / 2, rcond=None)[0][1:]
    assert [report[name].effect.mean for name in names] == pytest.approx(slopes.tolist(), abs=1e-4)


def test_what_sampled_images_refute_does_not_count_however_high_its_z(world):
    space, _ = sampled(world[0])
    honest = audit(space, LIST, world[1])
    assert np.nanmin(honest.held_out) > 0.75
    responses = space.examples.sampled.responses.copy()
    responses[5] = np.random.default_rng(9).permutation(responses[5])  # most patches leave it cold
    examples = replace(space.examples, sampled=replace(space.examples.sampled, arrays={"sample_responses": responses}))
    report = audit(replace(space, examples=examples), LIST, world[1])
    column = [f.name for f in report.findings].index("patch")
    assert report.held_out[5, column] < 0.75 < honest.held_out[5, column]
    assert np.isnan(report.z[5, column])
    assert (honest.region_of(5), report.region_of(5)) == ("spurious", "unexpected")
    assert (honest["patch"].state, report["patch"].state) == ("found", "missing")
    assert "high:0 comes close" in report["patch"].message
    shown = report["patch"]
    assert (str(report.space.components[shown.best]), shown.refuted, honest["patch"].refuted) == ("high:0", True, False)
    assert shown.z == pytest.approx(honest["patch"].z), "the best is shown, refuted or not"
    assert shown.z > report.thresholds.z
    assert {row["concept"] for row in report.concept_rows() if row["refuted"]} >= {"patch"}
    assert "(refuted)" in report._repr_html_()
    assert "refuted by sampled images" in repr(report)
    assert "but its AUROC is only" in report["patch"].message
    assert report.to_rows()[5]["spurious_concept"] != "patch"


def test_intervals_of_what_moves_hold_the_truth_about_that_often(world):
    space, present = sampled(world[0])
    held = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        relevance = outweighed(space, present)
        values = random.normal(size=relevance.values.shape) * 0.2
        report = audit(space, LIST, world[1], replace(relevance, values=values), target=0)
        held += [f.effect.low <= 0 <= f.effect.high for f in report.findings if f.effect is not None]
    assert 0.9 <= np.mean(held) <= 0.99


def test_too_few_images_and_concepts_that_are_always_together_decide_nothing(world):
    space, present = sampled(world[0])
    few = audit(space, LIST, world[1], outweighed(space, present, 31), target=0)
    assert all(f.effect is None for f in few.findings)
    assert few["hair"].used
    twice = LIST.adding(Concept("the same", ("hair",), "neutral"), "Neutral")
    both = audit(space, twice, world[1], outweighed(space, present), target=0)
    assert both["hair"].effect is both["the same"].effect is None
    assert both["hair"].used
    assert both["ruler"].effect is not None


def test_components_of_a_concept_come_first_in_its_ranking_the_most_relevant_before_others(report):
    own = set(report["ruler"].rows)
    ranked = [report.space.components.row(c) for c in report.ranking("ruler")]
    assert set(ranked[: len(own)]) == own
    assert [report.share[row] for row in ranked[: len(own)]] == sorted((report.share[r] for r in own), reverse=True)
    rest = ranked[len(own) :]
    column = [f.name for f in report.findings].index("ruler")
    assert [report.z[row, column] for row in rest] == sorted((report.z[r, column] for r in rest), reverse=True)
    assert sorted(ranked) == list(range(11))
    evidence = report.evidence("ruler")
    assert set(np.flatnonzero(evidence)) == own
    assert evidence[5] == 0 < report.share[5]  # the patch's, spurious as well
    with pytest.raises(KeyError, match="no concept"):
        report.ranking("nothing")


def test_what_is_not_used_has_no_direction(world):
    space, probes = world
    amounts = [0.0 if row in (3, 4, 6, 7) else a for row, a in enumerate(AMOUNTS)]
    report = audit(space, LIST, probes, relevance_of(space, amounts), target="melanoma")
    assert report["ruler"].state == "found"
    assert not report["ruler"].used
    assert report["ruler"].direction is None


def test_intervals_hold_what_other_samples_of_images_give(world):
    """The 95 % interval of one sample holds the mean over very many images about that often."""
    space, probes = world
    truth = audit(space, LIST, probes, relevance_of(space, AMOUNTS, 0, 4001, 0.5), target="melanoma")
    held = []
    for seed in range(1, 21):
        one = audit(space, LIST, probes, relevance_of(space, AMOUNTS, seed, 61, 0.5), target="melanoma")
        held += [one.shares[r].low <= truth.shares[r].mean <= one.shares[r].high for r in ("valid", "spurious")]
    assert 0.85 <= np.mean(held) <= 1


def test_a_stricter_level_leaves_fewer_and_both_lines_are_in_the_report(world):
    space, probes = world
    loose, strict = (audit(space, LIST, probes, thresholds=Thresholds(p=p)) for p in (0.2, 1e-7))
    assert loose.counts["unexpected"] < strict.counts["unexpected"] == 11
    assert all(f.rows == () for f in strict.findings)
    assert strict.thresholds.z == pytest.approx(5.2, abs=0.01)
    wide = audit(space, LIST, probes, thresholds=Thresholds(margin=50.0))
    narrow = audit(space, LIST, probes, thresholds=Thresholds(margin=0.0))
    assert wide.counts["ambiguous"] >= 1
    assert narrow.counts["ambiguous"] == 0


def test_without_neutral_concepts_their_components_are_not_called_neutral(world):
    space, probes = world
    without = audit(space, LIST.without("hair"), probes)
    assert without.counts["neutral"] == 0
    assert without.region_of(6) != "neutral"


def test_a_concept_counts_for_its_classes_only(world):
    space, probes = world
    only = LIST.replacing("ruler", Concept("ruler", kind="spurious", classes=("melanoma",)))
    assert audit(space, only, probes, target="melanoma").region_of(3) == "spurious"
    assert audit(space, only, probes, target="nevus").region_of(3) == "neutral"


def test_several_prompts_are_one_concept_and_unknown_ones_are_left_out(world):
    space, probes = world
    both = Checklist((Group("", (Concept("mixed", ("ruler", "blorb"), "spurious"),)),))
    found = audit(space, both, probes)
    alone = audit(space, Checklist((Group("", (Concept("ruler", kind="spurious"),)),)), probes)
    assert np.allclose(found.z, alone.z, equal_nan=True)
    pair = audit(space, Checklist((Group("", (Concept("two", ("ruler", "patch"), "spurious"),)),)), probes)
    mean = unit(probes.vectors[[probes.names.index(n) for n in ("ruler", "patch")]].mean(0))
    assert np.allclose(pair.scores[:-1, 0], space.centred[:-1] @ mean, atol=1e-5)


def test_one_layer_can_be_audited_alone(world):
    space, probes = world
    high = audit(space, LIST, probes, relevance_of(space, AMOUNTS), target=0, layer="high")
    assert {row["layer"] for row in high.to_rows()} == {"high"}
    assert sum(i.mean for i in high.shares.values()) == pytest.approx(1, abs=1e-5)
    assert high["veil"].state == "missing"


def test_random_components_are_rarely_found():
    """Sets of random images: with ten concepts and 40 components, hardly any concept is called found."""
    found = []
    for seed in range(20):
        space, probes = planted(seed, ("",) * 40, (("layer", 41),))
        states = [f.state for f in audit(space, LIST, probes).findings]
        found += [state == "found" for state in states if state not in ("unseen", "unknown")]
    assert np.mean(found) <= 0.08


def test_a_concept_that_the_data_do_not_show_is_said_to_be_so(world):
    space, probes = world
    random = np.random.default_rng(5)
    known = np.linalg.qr(probes.vectors.T)[0]
    new = random.normal(size=DIM)
    vectors = np.concatenate([probes.vectors, unit(new - known @ (known.T @ new))[None]])
    more = Probes((*probes.names, "unicorn"), vectors, "planted", (*probes.unknown, ()))
    report = audit(space, LIST.adding(Concept("unicorn"), "Should be used"), more)
    assert report["unicorn"].state != "found"
    assert not report["unicorn"].shown
    assert "few images show it" in report["unicorn"].message
    assert report["border"].shown


def test_the_images_behind_components_are_listed_shared_ones_first(world):
    space, _ = world
    behind = training_images(space, [0, 1])
    assert set(behind.ids) == set(space.examples.images[:2].ravel().tolist())
    assert [len(i.components) for i in behind] == sorted((len(i.components) for i in behind), reverse=True)
    assert behind.names[0].startswith("p/")
    assert behind.to_csv().splitlines()[0] == "image,name,class,components"
    assert len(json.loads(behind.to_json())) == len(behind)
    assert training_images(space, "low:0").ids == training_images(space, [Component("low", 0)]).ids


def test_the_report_answers_in_rows_json_and_words(report):
    rows = report.to_rows()
    assert len(rows) == 11
    assert {"layer", "index", "region", "valid", "spurious", "relevance", "share"} <= set(rows[0])
    assert rows[5]["spurious_concept"] == "patch"
    document = json.loads(report.to_json())
    assert document["thresholds"]["p"] == 0.01
    assert [c["concept"] for c in document["concepts"]] == [c.name for c in LIST]
    assert len(report.to_csv().splitlines()) == 12
    assert "patch" in report.message.split("Used although spurious")[1]
    assert "Expected but missing: absent" in report.message
    assert "patch" in repr(report)


def test_without_relevance_there_are_regions_and_no_shares(world):
    space, probes = world
    report = audit(space, LIST, probes)
    assert report.shares == {}
    assert report["patch"].share is None
    assert not report.has_relevance
    assert json.loads(report.to_json())["components"][0]["share"] is None
    assert len(report.spurious) == 3


def test_names_are_shown_inert():
    nasty = "<script>alert(1)</script>"
    space, probes = planted(names=dict.fromkeys(range(IMAGES), nasty))
    named = Probes((nasty, *probes.names[1:]), probes.vectors, "planted", probes.unknown)
    report = audit(space, Checklist((Group(nasty, (Concept(nasty),)),)), named)
    for shown in (report._repr_html_(), report.training_images(0)._repr_html_()):
        assert "<script>" not in shown
        assert "&lt;script&gt;" in shown


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"probes": lambda p: Probes(p.names, p.vectors, "other", p.unknown)}, ValueError, "same CLIP"),
        ({"probes": lambda p: Probes(p.names, p.vectors[:, :5], "planted", p.unknown)}, ValueError, "dimensions"),
        ({"probes": lambda p: Probes(p.names[1:], p.vectors[1:], "planted")}, ValueError, "no probe for .*'border'"),
        ({"target": "mellanoma"}, KeyError, "melanoma"),
        ({"target": None}, ValueError, "which class"),
        ({"layer": "middle"}, KeyError, "middle"),
        ({"labels": ("a",)}, ValueError, "1 labels for 12"),
    ],
)
def test_mistakes_are_named(as_installed, world, change, error, words):
    space, probes = world
    given = {"target": "melanoma"} | change
    chosen = given.pop("probes", lambda p: p)(probes)
    with pytest.raises(error, match=words):
        audit(space, LIST, chosen, relevance_of(space, AMOUNTS), **given)


def test_thresholds_out_of_range_are_named(as_installed, report):
    with pytest.raises(ValueError, match="between 0 and"):
        Thresholds(p=0)
    for wrong in ({"margin": -1}, {"used": 2}, {"min_effect": -0.1}):
        with pytest.raises(ValueError, match="margin"):
            Thresholds(**wrong)
    with pytest.raises(ValueError, match="no region"):
        report.rows("bad")
    with pytest.raises(KeyError, match="no concept"):
        report["nothing"]


def test_an_empty_checklist_finds_everything_unexpected(world):
    space, probes = world
    report = audit(space, Checklist(), probes)
    assert isinstance(report, AuditReport)
    assert report.counts["unexpected"] == 11


def test_relevance_that_says_little_about_switching_off_is_not_called_a_share():
    """Measured on the model: in one audited layer relevance and effect have nothing to do with each other."""
    space, probes = planted()
    found = relevance_of(space, np.ones(len(space.components)))
    sure, chance = Interval(0.9, 0.8, 0.95), Interval(0.1, -0.2, 0.3)
    for doubtful in (False, True):
        measured = Faithfulness(
            tuple(
                Agreement(layer, found.backend, sure, r, r, sure)
                for layer, r in (("low", chance if doubtful else sure), ("high", sure))
            ),
            (), 4, 24,
        )  # fmt: skip
        report = audit(space, LIST, probes, replace(found, measured=measured), target="nevus")
        said = f"Relevance by {found.backend} says little about switching components off in low (r .10)"
        assert report.doubt == (said if doubtful else "")
        assert (said in report.message) == doubtful
        assert ("hints, not shares of the decision" in report.message) == doubtful
        assert report.share_word == ("unreliable relevance" if doubtful else "share of relevance")
        assert ("share of relevance" in report._repr_html_()) != doubtful
        assert ("a relevance that says little here" in report["ruler"].use) == doubtful
    alone = audit(space, LIST, probes, replace(found, measured=measured), target="nevus", layer="high")
    assert alone.doubt == ""
