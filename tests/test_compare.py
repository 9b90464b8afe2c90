"""Matching: what it recovers, and its definitions as loops."""

import tracemalloc

import numpy as np
import pytest
from planted_spaces import CASES, CONCEPTS, K, model, rearranged, space_of, strongest, unrelated, world

from semlens_widgets.compare import compare, cosine_tail
from semlens_widgets.compare.order import cluster_order


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


# the definitions, as loops


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
            near = dict(zip(result.ab.rows.tolist(), result.ab.adjusted_similarity[:, at].tolist(), strict=True))
            assert [near[r] for r in ours] == sorted(near[r] for r in ours)
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
    np.testing.assert_allclose(there.layers_ba, back.layers_ba, atol=2e-6)
    assert there.a_only == back.a_only
