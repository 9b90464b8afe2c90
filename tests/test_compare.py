import json
import tracemalloc
from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from test_search import lens

import semlens_widgets as sl
from semlens_widgets.compare import carriers, compare, compare_many, concepts, cosine_tail
from semlens_widgets.compare.order import cluster_order
from semlens_widgets.evaluate import SCORES, evaluate
from semlens_widgets.search import component_probe, search
from semlens_widgets.vectors import unit

CONCEPTS, DIM, K = 41, 67, 11


@cache
def toy_space():
    return lens(count=12, k=K, sample=0).fit(cached=False, progress=False).space


def space_of(chosen, cloud, sizes=None, counts=None, seed=0, **recipe):
    """A space whose component i has the images `chosen[i]` of a cloud of embeddings, the first `counts[i]` of them."""
    components, k = chosen.shape
    counts = np.full(components, k) if counts is None else np.asarray(counts)
    sizes = sizes or (components,)
    responses = np.where(np.arange(k) < counts[:, None], np.arange(k, 0, -1), 0).astype(np.float32)
    random = np.random.default_rng(seed)
    base = toy_space()
    examples = replace(
        base.examples,
        components=sl.Components(tuple(f"layer{i}" for i in range(len(sizes))), tuple(sizes), (False,) * len(sizes)),
        images=np.where(responses > 0, chosen, -1).astype(np.int32),
        responses=responses,
        peaks=np.zeros((components, k), np.int32),
        statistics=sl.Statistics.of(random.random((len(cloud), components)).astype(np.float32)),
    )
    mean = [
        cloud[c[:n]].astype(np.float32).mean(0) if n else np.zeros(cloud.shape[1])
        for c, n in zip(chosen, counts, strict=True)
    ]
    return replace(
        base,
        examples=examples,
        recipe=replace(base.recipe, **{"clip": "planted", "seed": seed} | recipe),
        crop_vectors=cloud,
        crop_of=chosen.astype(np.int32),
        crop_images=np.arange(len(cloud), dtype=np.int32),
        vectors=unit(np.stack(mean).astype(np.float32)),
        null_vectors=cloud[random.permutation(len(cloud))[:300]],
        lengths=None,
    )


@cache
def world():
    """(embeddings, strengths [image concept]): images in a cone, each with a few concepts of its own strength."""
    random = np.random.default_rng(0)
    directions = np.linalg.qr(random.normal(size=(DIM, CONCEPTS)))[0].T
    strengths = random.exponential(size=(2003, CONCEPTS)) * (random.random((2003, CONCEPTS)) < 0.06)
    cone = 1.2 * unit(random.normal(size=(1, DIM)))
    noise = 0.5 * unit(random.normal(size=(2003, DIM)))
    return unit((cone + strengths @ directions + noise).astype(np.float32)).astype(np.float16), strengths


def strongest(activations, k=K):
    """The k images that excite each channel most."""
    return np.argsort(-activations, axis=0)[:k].T


def model(rotation=None, noise=0.0, seed=0, **options):
    """A model with one channel per concept, its channels turned by `rotation` and seen through some noise."""
    cloud, strengths = world()
    seen = strengths if rotation is None else strengths @ rotation
    seen = seen + noise * np.random.default_rng(seed).normal(size=seen.shape)
    return space_of(strongest(seen), cloud, seed=seed, **options)


def unrelated(components, seed, k=7, images=400, dim=31, spread=1.0, **options):
    """A space of components that each have k random images; the images of all seeds are the same."""
    cloud = unit(np.random.default_rng(0).normal(size=(images, dim)) * np.linspace(2, 0.2, dim) + spread)
    random = np.random.default_rng(1000 + seed)
    chosen = np.stack([random.permutation(images)[:k] for _ in range(components)])
    return space_of(chosen, cloud.astype(np.float16), seed=seed, **options)


def rearranged(space, rows):
    """The same space with its components in another order, or several times."""
    e = space.examples
    statistics = replace(
        e.statistics,
        **{f: getattr(e.statistics, f)[rows] for f in ("sums", "squares", "nonzero", "negative", "exponent", "bins")},
    )
    examples = replace(
        e, components=sl.Components(("layer0",), (len(rows),), (False,)), images=e.images[rows],
        responses=e.responses[rows], peaks=e.peaks[rows], statistics=statistics,
    )  # fmt: skip
    lengths = None if space.lengths is None else space.lengths[rows]
    return replace(
        space, examples=examples, crop_of=space.crop_of[rows], vectors=space.vectors[rows], lengths=lengths
    )


# what matching recovers


@pytest.mark.parametrize("centre", [False, True])
@pytest.mark.parametrize("original", [model(), unrelated(53, 0), unrelated(53, 1, dim=5), unrelated(53, 2, k=2)])
def test_a_permuted_space_gives_the_permutation(original, centre):
    """Whatever the components mean: planted concepts, and random images in spaces of few dimensions."""
    order = np.random.default_rng(1).permutation(len(original.components))
    result = compare(original, rearranged(original, order), centre=centre)
    assert len(result.pairs) == len(order)
    assert np.array_equal(order[result.pairs.rows_b], result.pairs.rows_a)
    assert result.a_only == result.b_only == []
    assert result.s_ab.score == result.s_ba.score == pytest.approx(1, abs=2e-6)


def test_noisier_eyes_still_see_the_same_concepts():
    result = compare(model(noise=0.3, seed=1), model(noise=0.3, seed=2))
    assert len(result.pairs) == CONCEPTS
    assert np.array_equal(result.pairs.rows_a, result.pairs.rows_b)


def test_duplicated_channels_are_shared_and_paired_once():
    twice = np.repeat(np.arange(CONCEPTS), 2)
    result = compare(model(), rearranged(model(), twice))
    assert len(result.pairs) == CONCEPTS
    assert np.array_equal(twice[result.pairs.rows_b], result.pairs.rows_a)
    assert result.a_only == result.b_only == []
    assert [r["kind"] for r in result.to_rows()] == ["pair"] * CONCEPTS + ["b in a"] * CONCEPTS


def test_duplicates_on_both_sides_still_find_each_other():
    """Equal cosines are ties, not rounding noise: else each duplicate might prefer another one and none be mutual."""
    threefold = rearranged(model(), np.tile(np.arange(CONCEPTS), 3))
    result = compare(threefold, threefold, block=17)
    assert len(result.pairs) == CONCEPTS
    assert result.a_only == []


def test_ablated_channels_are_only_in_the_other_model():
    off = np.arange(3, CONCEPTS, 5)
    cloud, strengths = world()
    counts = np.where(np.isin(np.arange(CONCEPTS), off), 0, K)
    ablated = space_of(strongest(strengths), cloud, counts=counts)
    result = compare(model(), ablated)
    assert sorted(result.a_only_rows) == off.tolist()
    assert result.b_only == []
    assert sorted(result.pairs.rows_b) == np.flatnonzero(counts).tolist()
    assert len(result.ba.rows) == CONCEPTS - len(off)
    assert not np.isin(result.ab.nearest, off).any()


def test_turned_channels_leave_the_others_recovered():
    """Twelve channels mixed evenly into each other: what they meant is gone, and nothing else is touched."""
    turned = np.arange(12)
    rotation = np.eye(CONCEPTS)
    hadamard = np.linalg.qr(np.random.default_rng(5).normal(size=(12, 12)))[0]
    rotation[:12, :12] = hadamard
    result = compare(model(), model(rotation))
    kept = np.arange(12, CONCEPTS)
    same = result.pairs.rows_a == result.pairs.rows_b
    assert set(kept) <= set(result.pairs.rows_a[same])
    assert set(result.a_only_rows) <= set(turned)
    best = dict(zip(result.ab.rows.tolist(), result.ab.of_best("scores").tolist(), strict=True))
    assert max(best[r] for r in turned) < min(best[r] for r in kept)


# what chance does


@pytest.mark.parametrize(("k", "dim", "centre"), [(7, 31, False), (7, 31, True), (3, 17, False), (13, 67, True)])
def test_unrelated_random_spaces_have_a_pair_in_at_most_one_comparison_of_twenty(k, dim, centre):
    spaces = [unrelated(53 if seed % 2 else 47, seed, k=k, dim=dim) for seed in range(10)]
    results = [compare(a, b, centre=centre) for a, b in combinations(spaces, 2)]
    paired = [len(result.pairs) > 0 for result in results]
    by_p_alone = [bool(result.ab.p.min() * result.ab.comparisons <= 0.05) for result in results]
    n = len(results)
    for claims in (paired, by_p_alone):
        assert sum(claims) <= n * 0.05 + 2 * np.sqrt(n * 0.05 * 0.95)


@pytest.mark.parametrize(("first", "second"), [(53, 47), (31, 211), (1009, 53)])
def test_s_of_unrelated_spaces_is_what_chance_says(first, second):
    ours = [unrelated(first, seed, k=5) for seed in range(4)]
    theirs = [unrelated(second, 100 + seed, k=5) for seed in range(5)]
    results = [compare(a, b) for a in ours for b in theirs]
    z = np.array([[(s.score - s.chance) / s.chance_sd for s in (r.s_ab, r.s_ba)] for r in results])
    assert (np.abs(z.mean(0)) < 1).all()
    assert (np.mean(np.abs(z) < 3, axis=0) >= 0.9).all()


def test_s_lies_in_its_interval_and_above_chance_for_related_models():
    result = compare(model(noise=0.3, seed=1), model(noise=0.3, seed=2))
    for s in (result.s_ab, result.s_ba):
        assert s.low < s.score < s.high
        assert s.score > s.chance + 5 * s.chance_sd
        assert float(s) == s.score


def test_the_interval_is_the_bootstrap_one():
    """For a mean of n independent numbers: about two standard errors to both sides."""
    result = compare(model(noise=1, seed=1), model(noise=1, seed=2))
    best = result.ab.of_best("scores")
    error = best.std() / np.sqrt(len(best))
    assert result.s_ab.low == pytest.approx(best.mean() - 1.96 * error, abs=0.25 * error)
    assert result.s_ab.high == pytest.approx(best.mean() + 1.96 * error, abs=0.25 * error)


@pytest.mark.parametrize("mean", [-0.2, 0.0, 0.5, 0.97])
@pytest.mark.parametrize("sd", [0.001, 0.02, 0.1])
def test_the_tail_is_that_of_the_beta_distribution(mean, sd):
    scores = np.clip(mean + sd * np.array([-4.0, -1, 0, 0.5, 2, 5, 8]), -1, 1)
    share = (1 - mean) / 2
    concentration = share * (1 - share) / (sd / 2) ** 2 - 1
    expected = stats.beta.cdf((1 - scores) / 2, share * concentration, (1 - share) * concentration)
    got = cosine_tail(scores, np.full(7, mean), np.full(7, sd))
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-300)


def test_the_tail_is_exact_for_directions_drawn_evenly():
    dim = 9
    drawn = unit(np.random.default_rng(0).normal(size=(200_000, dim)))[:, 0]
    got = cosine_tail(np.array([0.5, 0.8]), np.zeros(2), np.full(2, 1 / np.sqrt(dim)))
    assert got == pytest.approx([np.mean(drawn >= 0.5), np.mean(drawn >= 0.8)], rel=0.1)


def test_each_of_the_two_is_held_against_the_directions_of_random_sets_in_the_others_space():
    a, b = model(noise=0.3, seed=1), model(noise=0.3, seed=2)
    result = compare(a, b)
    for row in (0, 17, 40):
        there = max(search(b, component_probe(a, row), top=None)[0], key=lambda hit: hit.score)
        assert there.row == result.ab.nearest[row, 0]
        assert there.score == pytest.approx(result.ab.scores[row, 0], abs=2e-6)
        z = []
        for space, place, vector in ((b, there.row, a.vectors[row]), (a, row, b.vectors[there.row])):
            chance = space.null_sets[space.set_size_of[place]] @ vector
            z.append((there.score - chance.mean()) / chance.std())
        assert min(z) == pytest.approx(result.ab.z[row, 0], rel=1e-3)


# the definitions, as loops


def layered(seed, sizes, dead=()):
    components = sum(sizes)
    counts = np.where(np.isin(np.arange(components), dead), 0, K)
    random = np.random.default_rng(seed)
    cloud, strengths = world()
    channels = strengths[:, random.integers(0, CONCEPTS, components)]
    chosen = strongest(channels + 0.5 * random.normal(size=channels.shape))
    return space_of(chosen, cloud, sizes=sizes, counts=counts, seed=seed)


CASES = {
    "not square": (layered(1, (13, 7), dead=(2, 15)), layered(2, (5, 19, 3), dead=(0, 24, 25, 26))),
    "square, and as many as dimensions": (layered(3, (30, 37)), layered(4, (30, 37))),
}


@pytest.mark.parametrize("case", CASES)
def test_similarity_is_the_mean_over_a_of_the_best_cosine_in_b(case):
    a, b = CASES[case]
    result = compare(a, b)
    for source, target, s in ((a, b, result.s_ab), (b, a, result.s_ba)):
        best = [
            max(float(source.vectors[i] @ target.vectors[j]) for j in range(len(target.components)) if target.alive[j])
            for i in range(len(source.components))
            if source.alive[i]
        ]
        assert s.score == pytest.approx(np.mean(best), abs=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_the_layer_matrix_is_the_similarity_of_two_layers(case):
    a, b = CASES[case]
    result = compare(a, b)
    for source, target, matrix in ((a, b, result.layers_ab), (b, a, result.layers_ba)):
        assert matrix.shape == (len(source.components.layers), len(target.components.layers))
        for x, layer in enumerate(source.components.layers):
            for y, other in enumerate(target.components.layers):
                rows = [i for i in range(len(source.components))[source.components.rows(layer)] if source.alive[i]]
                columns = [j for j in range(len(target.components))[target.components.rows(other)] if target.alive[j]]
                if not columns or not rows:
                    assert np.isnan(matrix[x, y])
                    continue
                expected = np.mean([max(float(source.vectors[i] @ target.vectors[j]) for j in columns) for i in rows])
                assert matrix[x, y] == pytest.approx(expected, abs=1e-5)


def mutual(a, b, rows, columns):
    """Pairs (i, j) of living components that are each other's nearest, and pass the test in both directions."""

    def tested(source, i, target, j, score):
        sets = target.null_sets[target.set_size_of[j]] @ source.vectors[i]
        p = cosine_tail(np.array([score]), np.array([sets.mean()]), np.array([sets.std()]))[0]
        tries = a.alive.sum() * b.alive.sum()
        return 1 - (1 - p) ** tries <= 0.05 and (score - sets.mean()) / (1 - sets.mean()) >= 0.5

    cosines = {(i, j): float(a.vectors[i] @ b.vectors[j]) for i in rows for j in columns}
    found = set()
    for (i, j), score in cosines.items():
        nearest = all(score >= cosines[i, other] for other in columns)
        nearest = nearest and all(score >= cosines[other, j] for other in rows)
        if nearest and tested(a, i, b, j, score) and tested(b, j, a, i, score):
            found.add((i, j))
    return found


@pytest.mark.parametrize("case", CASES)
def test_pairs_are_mutual_nearest_components_above_chance(case):
    a, b = CASES[case]
    result = compare(a, b)
    rows, columns = np.flatnonzero(a.alive).tolist(), np.flatnonzero(b.alive).tolist()
    got = set(zip(result.pairs.rows_a.tolist(), result.pairs.rows_b.tolist(), strict=True))
    assert got == mutual(a, b, rows, columns)
    assert 0 < len(got) < min(len(rows), len(columns))
    assert result.pairs.scores.tolist() == sorted(result.pairs.scores.tolist(), reverse=True)
    for pair in result.pairs:
        assert pair.score == pytest.approx(float(a.vectors[pair.row_a] @ b.vectors[pair.row_b]), abs=2e-6)
        assert (pair.a, pair.b) == (a.components[pair.row_a], b.components[pair.row_b])


def test_the_pairs_behind_a_cell_are_mutual_within_its_two_layers():
    a, b = CASES["not square"]
    result = compare(a, b)
    rows = [i for i in range(13, 20) if a.alive[i]]
    columns = [j for j in range(5, 24) if b.alive[j]]
    between = result.between("layer1", "layer1")
    assert set(zip(between.rows_a.tolist(), between.rows_b.tolist(), strict=True)) == mutual(a, b, rows, columns)
    assert len(result.between("layer0", "layer2")) == 0
    with pytest.raises(KeyError, match="no layer 'layer9'"):
        result.between("layer9", "layer0")


def test_a_cell_s_only_lists_are_what_the_other_layer_lacks():
    a, b = CASES["not square"]
    result = compare(a, b)
    for i, layer_a in enumerate(a.components.layers):
        for j, layer_b in enumerate(b.components.layers):
            ours, theirs = result.only(layer_a, layer_b)
            if layer_b not in result.ab.layers or layer_a not in result.ba.layers:
                assert not len(ours)
                assert not len(theirs)
                assert np.isnan(result.known_ab[i, j])
                continue
            at = result.ab.layers.index(layer_b)
            of_layer = a.components.layer_numbers[result.ab.rows] == i
            assert set(ours) == set(result.ab.rows[of_layer & ~result.ab.above[:, at]])
            assert result.known_ab[i, j] == pytest.approx(result.ab.above[of_layer, at].mean())
            reach = dict(zip(result.ab.rows.tolist(), result.ab.reach[:, at].tolist(), strict=True))
            assert [reach[r] for r in ours] == sorted(reach[r] for r in ours)
            paired = {int(r) for r in result.between(layer_a, layer_b).rows_b}
            assert not paired & set(theirs.tolist())
    turned = result.reversed
    assert np.array_equal(turned.known_ab, result.known_ba, equal_nan=True)
    with pytest.raises(KeyError, match="no layer"):
        result.only("layer9", "layer0")


def test_clustering_puts_like_beside_like():
    random = np.random.default_rng(5)
    centres = random.normal(size=(4, 7)) * 9
    group = random.permutation(np.repeat(np.arange(4), (5, 3, 2, 3)))
    items = centres[group] + 0.01 * random.normal(size=(13, 7))
    items[3, 2] = np.nan
    order = cluster_order(items)
    assert sorted(order) == list(range(13))
    assert (np.diff(group[order]) != 0).sum() == 3
    assert cluster_order(np.zeros((0, 3))).tolist() == []
    assert cluster_order(np.asarray([[3.0], [1.0], [2.0], [0.0]])).tolist() in ([0, 2, 1, 3], [3, 1, 2, 0])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("block", [1, 3, 16, 29])
def test_the_size_of_the_blocks_does_not_matter(case, block):
    a, b = CASES[case]
    whole, parts = compare(a, b), compare(a, b, block=block)
    for one, other in ((whole.ab, parts.ab), (whole.ba, parts.ba)):
        assert np.array_equal(one.nearest, other.nearest)
        assert np.array_equal(one.above, other.above)
        assert one.scores == pytest.approx(other.scores, abs=2e-6)
    assert np.array_equal(whole.pairs.rows_b, parts.pairs.rows_b)


def test_the_full_matrix_is_never_held():
    a, b = unrelated(4001, 0, k=3, images=50, dim=5), unrelated(5003, 1, k=3, images=50, dim=5)
    tracemalloc.start()
    compare(a, b, block=512)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4001 * 5003 * 4 / 2


def test_exchanging_the_two_exchanges_the_answer():
    a, b = CASES["not square"]
    there, back = compare(a, b, names=("x", "y")), compare(b, a, names=("y", "x")).reversed
    assert there.names == back.names == ("x", "y")
    assert there.s_ab.score == pytest.approx(back.s_ab.score)
    assert np.array_equal(there.pairs.rows_a, back.pairs.rows_a)
    assert np.array_equal(there.layers_ba, back.layers_ba, equal_nan=True)
    assert there.a_only == back.a_only


# what is refused


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


# what a result shows


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
    reach = dict(zip(result.ab.rows.tolist(), result.ab.of_best("reach").tolist(), strict=True))
    assert len(result.a_only_rows) > 1
    assert [reach[r] for r in result.a_only_rows] == sorted(reach[r] for r in result.a_only_rows)


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


# a series, and concepts


def training():
    """Concepts learned one after another: before its time a channel sees noise. At last two channels swap."""
    cloud, strengths = world()
    random = np.random.default_rng(2)
    noise = random.random(strengths.shape)
    learned = [np.arange(CONCEPTS) < n for n in (5, 20, CONCEPTS)]
    spaces = {
        f"epoch {i}": space_of(strongest(np.where(known, strengths, noise)), cloud) for i, known in enumerate(learned)
    }
    order = np.arange(CONCEPTS)
    order[[0, 1]] = 1, 0
    return spaces | {"epoch 3": rearranged(spaces["epoch 2"], order)}


def planted_probes(numbers):
    """Probes for some concepts of the world, as the null-subtracted text of a perfect CLIP."""
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(DIM, CONCEPTS)))[0].T
    return sl.Probes(tuple(f"concept {n}" for n in numbers), directions[list(numbers)].astype(np.float32), "planted")


def test_a_series_counts_births_deaths_and_moves():
    spaces = training()
    series = compare_many(spaces, probes=planted_probes((3, 10, 30)))
    learn, _, swap = series.steps
    component = [sl.Component("layer0", i) for i in range(CONCEPTS)]
    assert set(component[5:20]) <= set(learn.births)
    assert not set(component[:5]) & set(learn.births + learn.deaths)
    assert set(component[5:20]) <= set(learn.deaths)
    assert [(p.row_a, p.row_b) for p in swap.moves] == [(0, 1), (1, 0)]
    assert len(swap.stays) == CONCEPTS - 2
    assert swap.births == swap.deaths == []


def test_a_series_says_when_a_concept_appears_and_in_how_many_components():
    series = compare_many(training(), probes=planted_probes((3, 10, 30)))
    assert [series.concepts.first(f"concept {n}") for n in (3, 10, 30)] == ["epoch 0", "epoch 1", "epoch 2"]
    assert series.concepts.carriers.tolist() == [[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1]]
    assert "'concept 10' first found in epoch 1" in repr(series)


def test_a_series_holds_every_two_models_comparison():
    spaces = training()
    series = compare_many(spaces)
    names = tuple(spaces)
    for i, first in enumerate(names):
        for j, second in enumerate(names):
            if i == j:
                assert series.similarity[i, j] == 1
                continue
            alone = compare(spaces[first], spaces[second], names=(first, second))
            assert series[first, second].names == (first, second)
            assert series.similarity[i, j] == alone.s_ab.score
            assert np.array_equal(series[first, second].pairs.rows_b, alone.pairs.rows_b)
    assert [r["moves"] for r in series.to_rows()][-1] == 2
    assert json.loads(series.to_json())["steps"][-1]["moves"][0][:2] == ["layer0:0", "layer0:1"]
    with pytest.raises(KeyError, match="no model 'epoch 9' in this series; it has epoch 0"):
        series["epoch 9", "epoch 0"]
    with pytest.raises(KeyError, match="not compared with itself"):
        series["epoch 1", "epoch 1"]
    with pytest.raises(ValueError, match="1 space to compare"):
        compare_many({"alone": spaces["epoch 0"]})
    assert "epoch 2 → epoch 3: 0 births, 0 deaths, 2 moves, 39 stay" in repr(series)
    assert series._repr_html_().count("<table>") == 3


def test_a_series_says_how_readable_each_model_is():
    series = compare_many(training())
    rows = series.readability()
    assert [row["model"] for row in rows] == list(series.names)
    for row, space in zip(rows, series.spaces, strict=True):
        whole = evaluate(space).summary()[-1]
        assert [row["clear"], row["living"]] == [whole["clear"], whole["living"]]
        for score in SCORES:
            assert row[score] == whole[f"{score}_centred"]
    assert rows[0]["clear"] < rows[1]["clear"] < rows[2]["clear"]
    assert rows[0]["clarity"].mean < rows[2]["clarity"].mean
    assert json.loads(series.to_json())["readability"][2]["clarity"]["mean"] == rows[2]["clarity"].mean


def test_the_concept_table_repeats_search_for_every_model_and_layer():
    first, second = CASES["not square"]
    probes = planted_probes(range(CONCEPTS))
    table = concepts(probes, {"first": first, "second": second}, by_layer=True)
    assert table.columns == (
        ("first", "layer0"), ("first", "layer1"), ("second", "layer0"), ("second", "layer1"), ("second", "layer2"),
    )  # fmt: skip
    for j, (name, layer) in enumerate(table.columns[:4]):
        answers = search(first if name == "first" else second, probes, layer=layer, top=None)
        assert table.scores[:, j].tolist() == [a.scores[0] for a in answers]
        assert table.found[:, j].tolist() == [a.found for a in answers]
        assert [c[j] for c in table.best] == [a[0].component for a in answers]
        for i, answer in enumerate(answers):
            passing = carriers(answer)
            assert bool(passing[:1].any()) == answer.found
            assert table.carriers[i, j] == passing.sum()
            assert table.carrying[i][j].tolist() == answer.rows[passing].tolist()
    assert 0 < table.found[:, 0].sum() < CONCEPTS
    assert np.isnan(table.scores[:, 4]).all()
    assert not table.found[:, 4].any()
    assert json.loads(table.to_json())[4]["score"] is None
    whole = concepts(probes, {"first": first, "second": second})
    assert whole.columns == (("first", None), ("second", None))
    with pytest.raises(KeyError, match="'cat' was not asked"):
        whole.first("cat")
    with pytest.raises(ValueError, match="no space to look in"):
        concepts(probes, {})


def test_the_relevance_of_a_concept_is_what_its_carriers_move():
    first, second = CASES["not square"]
    probes = planted_probes(range(5))
    random = np.random.default_rng(3)
    shares = {"first": random.random(len(first.components)).astype(np.float32)}
    whole = concepts(probes, {"first": first, "second": second})
    by_layer = concepts(probes, {"first": first, "second": second}, by_layer=True)
    measured, split = whole.relevance(shares), by_layer.relevance(shares)
    assert np.isnan(measured[:, 1]).all()
    layers = len(first.components.layers)
    for i in range(5):
        assert measured[i, 0] == pytest.approx(shares["first"][whole.carrying[i][0]].sum() / layers)
        for j in range(layers):
            assert split[i, j] == pytest.approx(shares["first"][by_layer.carrying[i][j]].sum())
    assert measured[:, 0].max() > 0


def test_unknown_words_are_in_no_model():
    space = model()
    probes = planted_probes((3,))
    strange = sl.Probes(probes.names, probes.vectors, "planted", (("xyzzy",),))
    assert concepts(probes, {"m": space}).found.all()
    table = concepts(strange, {"m": space})
    assert not table.found.any()
    assert table.carriers.sum() == 0
    assert table.unknown == (("xyzzy",),)


def test_two_colour_models_with_exchanged_channels():
    """From pictures to pairs: through collecting, embedding and a saved file, red meets red."""
    import torch
    from toy import ColourClip, ColourNet, pictures, to_pixels

    order = [2, 3, 0, 1]
    exchanged = ColourNet()
    exchanged.colour.weight.data = ColourNet().colour.weight.data[torch.tensor(order)]
    spaces = {}
    for name, net in (("plain", ColourNet()), ("exchanged", exchanged)):
        made = sl.Lens(net, sl.images(pictures(200), transform=to_pixels), "rectified", ColourClip(), k=7, crop=None)
        spaces[name] = made.fit(cached=False, progress=False).space
    result = compare(spaces["plain"], spaces["exchanged"], names=tuple(spaces))
    assert {(p.row_a, order[p.row_b]) for p in result.pairs} == {(0, 0), (1, 1), (2, 2)}
    assert len(result.ab.rows) == 3
