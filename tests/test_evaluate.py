import warnings

import numpy as np
import pytest
from benchmarks.planted import measured, planted, space_of
from sklearn.cluster import KMeans

import semlens_widgets as sl
from semlens_widgets.evaluate import (
    NO_SIBLING,
    bootstrap_means,
    clarity,
    data_mean,
    evaluate,
    nearest,
    polysemanticity,
    redundancy,
)
from semlens_widgets.vectors import two_means, unit


def embeddings(components=13, examples=7, dim=17, seed=0, parts=1, noise=0.7):
    """Unit examples around one or two directions per component, with a common one; no two axes are equal."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(components, parts, dim))
    which = np.arange(examples) % parts
    raw = directions[:, which] + noise * random.normal(size=(components, examples, dim)) + random.normal(size=dim)
    return unit(raw.astype(np.float32))


def zeroed(vectors, counts):
    return vectors * (np.arange(vectors.shape[1]) < counts[:, None])[..., None]


def test_clarity_is_the_mean_cosine_over_distinct_pairs():
    v = embeddings()
    counts = np.array([7, 7, 2, 3, 1, 0, 5, 7, 6, 4, 7, 7, 7])
    got = clarity(zeroed(v, counts), counts)
    for component, n in enumerate(counts):
        pairs = [v[component, i] @ v[component, j] for i in range(n) for j in range(n) if i != j]
        assert got[component] == pytest.approx(np.mean(pairs) if pairs else np.nan, abs=1e-6, nan_ok=True)


def test_clarity_lies_between_its_bounds():
    alike, apart = (
        np.tile(unit(np.ones(5)), (1, 4, 1)),
        np.array([[[1.0, 0], [-0.5, 3**0.5 / 2], [-0.5, -(3**0.5) / 2]]]),
    )
    assert clarity(alike) == pytest.approx([1])
    assert clarity(apart) == pytest.approx([-1 / 2])


def test_centring_subtracts_the_data_mean_from_every_example():
    v, centre = embeddings(), np.linspace(-0.2, 0.3, 17).astype(np.float32)
    by_hand = np.array([[unit(example - centre) for example in component] for component in v])
    assert clarity(v, centre=centre) == pytest.approx(clarity(by_hand), abs=1e-6)
    assert polysemanticity(v, centre=centre) == pytest.approx(polysemanticity(by_hand), abs=1e-5)
    theta = v.mean(1)
    assert redundancy(theta, centre=centre) == pytest.approx(redundancy(theta - centre), abs=1e-6)
    counts = np.full(13, 4)
    assert np.allclose(clarity(zeroed(v, counts), counts, centre=centre), clarity(v[:, :4], centre=centre), atol=1e-6)


def test_redundancy_is_the_largest_cosine_to_another_and_the_dead_have_none(monkeypatch):
    monkeypatch.setattr("semlens_widgets.evaluate.verb._BLOCK_BYTES", 200)  # several blocks
    theta = embeddings(components=23).mean(1)
    theta[[4, 11]] = 0
    rows, cosines = nearest(theta)
    for i in range(23):
        others = {
            j: theta[i] @ theta[j] / np.linalg.norm(theta[i]) / np.linalg.norm(theta[j])
            for j in range(23)
            if j != i and theta[j].any() and theta[i].any()
        }
        if not theta[i].any():
            assert rows[i] == NO_SIBLING
            assert np.isnan(cosines[i])
            continue
        assert rows[i] == max(others, key=others.get)
        assert cosines[i] == pytest.approx(max(others.values()), abs=1e-6)
    assert np.array_equal(redundancy(theta), cosines, equal_nan=True)
    assert np.isnan(redundancy(theta[:1])).all()


def reference_polysemanticity(vectors):
    """1 - cosine of the centroids of scikit-learn's best of 10; with a cluster of one, the authors' way out."""
    result = []
    for component in vectors:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = KMeans(2, n_init=10, random_state=0).fit(component)
        if min(np.bincount(found.labels_, minlength=2)) < 2:
            mean = component.mean(0)
            cosines = [mean @ example / np.linalg.norm(mean) for example in component[:10]]
            result.append(1 - np.mean(cosines))
        else:
            a, b = found.cluster_centers_
            result.append(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    return np.array(result)


@pytest.mark.parametrize("examples", [7, 19, 31])
def test_polysemanticity_is_that_of_the_reference_where_clusters_are_the_same(examples):
    v = embeddings(components=29, examples=examples, parts=2, noise=0.4)
    assert polysemanticity(v) == pytest.approx(reference_polysemanticity(v), abs=1e-5)


@pytest.mark.parametrize("examples", [2, 3, 13])
def test_a_cluster_of_one_falls_back_to_the_distance_from_the_mean(examples):
    v = np.tile(unit(np.arange(1.0, 6)), (1, examples, 1)) + 0.01 * np.random.default_rng(0).normal(
        size=(1, examples, 5)
    )
    v[:, -1] = [5, -4, 3, -2, 1]
    v = unit(v)
    assert polysemanticity(v) == pytest.approx(reference_polysemanticity(v), abs=1e-6)


def test_absent_examples_do_not_count():
    v = embeddings(components=11, examples=13, parts=2)
    counts = np.array([13, 5, 7, 2, 3, 1, 0, 11, 4, 6, 8])
    got = polysemanticity(zeroed(v, counts), counts)
    for component, n in enumerate(counts):
        alone = polysemanticity(v[component : component + 1, :n])[0] if n else np.nan
        assert got[component] == pytest.approx(alone, abs=1e-5, nan_ok=True)
    assert np.isnan(got[[5, 6]]).all()


def squared_distance(vectors, second):
    return sum(((vectors[side] - vectors[side].mean(0)) ** 2).sum() for side in (second, ~second) if side.any())


def test_two_means_finds_the_best_of_all_partitions_or_nearly():
    """Every way to split 9 examples in two, tried one by one."""
    splits = [np.array([False, *(number >> bit & 1 for bit in range(8))], bool) for number in range(1, 256)]
    for parts, least in ((1, 0.95), (2, 1.0)):
        v = embeddings(components=101, examples=9, parts=parts).astype(np.float64)
        found = two_means(v)
        assert not found[:, 0].any()
        ours = np.array([squared_distance(*pair) for pair in zip(v, found, strict=True)])
        best = np.array([min(squared_distance(component, split) for split in splits) for component in v])
        assert np.mean(ours <= best * (1 + 1e-5)) >= least
        for component, second, distance in zip(v, found, ours, strict=True):
            for moved in second ^ np.eye(9, dtype=bool):
                assert squared_distance(component, moved) >= distance - 1e-5


@pytest.mark.parametrize("parts", [1, 5])
def test_two_means_is_the_best_of_all_partitions_also_where_there_are_not_two(parts):
    """Every way to split 13 examples in two; what a partition takes off the squares is its sums' lengths."""
    v = embeddings(components=101, examples=13, dim=64, parts=parts).astype(np.float64)
    splits = np.arange(1, 2**12)[:, None] >> np.arange(13) & 1
    products = v @ v.transpose(0, 2, 1)

    def left(sides):
        first, second = ((s @ products * s).sum(-1) / np.maximum(s.sum(-1), 1) for s in (1 - sides, sides))
        return np.trace(products, axis1=1, axis2=2)[:, None] - first - second

    best = left(splits).min(1)
    assert np.mean(left(two_means(v)[:, None].astype(int))[:, 0] <= best * (1 + 1e-5)) >= 0.94


def test_two_means_is_the_same_in_blocks():
    v = embeddings(components=7, examples=131, dim=11, parts=3)  # three components are a block
    counts = np.array([131, 5, 100, 2, 131, 0, 17])
    whole = two_means(zeroed(v, counts), counts)
    for row, n in enumerate(counts):
        assert np.array_equal(whole[row, :n], two_means(v[row : row + 1, :n])[0])
        assert not whole[row, n:].any()


@pytest.mark.parametrize("parts", [1, 2])
def test_two_means_is_as_good_as_scikit_learns_best_of_ten_and_the_same_where_there_are_two(parts):
    v = embeddings(components=101, examples=20, dim=64, parts=parts)
    ours, theirs = two_means(v), [KMeans(2, n_init=10, random_state=1).fit(component).labels_ for component in v]
    same, worse = 0, 0
    for component, a, b in zip(v.astype(np.float64), ours, theirs, strict=True):
        same += np.array_equal(a, b == 1) or np.array_equal(a, b == 0)
        worse += squared_distance(component, a) > squared_distance(component, b == 1) + 1e-5
    assert worse <= 1
    if parts == 2:
        assert same >= 100


def test_two_means_takes_equal_examples_and_few():
    equal = np.tile(unit(np.ones(3, np.float32)), (2, 5, 1))
    assert two_means(equal).shape == (2, 5)
    assert polysemanticity(equal) == pytest.approx([0, 0], abs=1e-6)
    assert not two_means(equal, np.array([0, 1])).any()
    assert two_means(np.zeros((0, 5, 3), np.float32)).shape == (0, 5)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("counts", [np.array([1, 2]), np.array([8] * 13), np.array([-1] * 13)])
def test_counts_are_checked(counts):
    with pytest.raises(ValueError, match="one number from 0 to 7 per component"):
        clarity(embeddings(), counts)


def test_bootstrap_intervals_hold_the_mean_of_normal_samples_as_often_as_they_say():
    random = np.random.default_rng(0)
    held = [
        interval.low <= 0 <= interval.high for interval in bootstrap_means(random.normal(size=(400, 60)), rounds=400)
    ]
    assert 0.91 <= np.mean(held) <= 0.97
    some = bootstrap_means(np.array([[1.0, np.nan, 3.0], [np.nan] * 3]))
    assert some[0].mean == 2
    assert np.isnan(some[1].mean)


def test_intervals_of_very_many_components_are_those_of_resampling(monkeypatch):
    random = np.random.default_rng(3)
    values = random.exponential(size=(2, 20_011))
    values[0, ::3] = np.nan
    values = np.vstack([values, np.full(20_011, np.nan)])
    quick = bootstrap_means(values)
    monkeypatch.setattr("semlens_widgets.evaluate.intervals._MANY", len(values[0]))
    for fast, drawn in zip(quick[:2], bootstrap_means(values, rounds=400)[:2], strict=True):
        assert fast.mean == pytest.approx(drawn.mean, rel=1e-9)
        assert fast.high - fast.low == pytest.approx(drawn.high - drawn.low, rel=0.2)
    assert np.isnan([quick[2].mean, quick[2].low, quick[2].high]).all()


@pytest.fixture(scope="module")
def world():
    return planted(seed=7)


@pytest.fixture(scope="module")
def figures(world):
    return measured(world)


def test_clarity_separates_one_concept_from_noise(figures):
    assert figures["clarity, centred: single from noise, AUROC"] >= 0.95


def test_centred_polysemanticity_separates_two_concepts_from_one_and_the_clarity_gate_from_noise(figures):
    assert figures["polysemanticity, centred: two from single, AUROC"] >= 0.95
    assert figures["the same with the clarity gate"] >= 0.95
    assert figures["polysemanticity, centred: two from noise, AUROC"] < 0.5  # why it is never shown alone


def test_search_and_labels_find_what_is_planted(figures):
    assert figures["search, mAP"] >= 0.95
    assert figures["labels, top-1, single"] >= 0.98
    assert figures["search, 'found' with random units"] <= 0.05
    assert figures["labels, accepted, noise"] <= 0.05


def test_meanings_count_what_is_planted(figures):
    assert figures["meanings: single with one"] >= 0.95
    assert figures["meanings: two-concept with two"] >= 0.9
    assert figures["meanings: both words right"] >= 0.9
    assert figures["meanings: noise with one"] >= 0.9


def test_random_units_are_called_clear_about_as_often_as_the_level_says():
    """500 units of random images: 5 % of them, with the spread of the count and of the null's own images."""
    random = np.random.default_rng(5)
    images = unit(random.normal(size=(2000, 61)) * np.linspace(2, 0.2, 61) + 1.0).astype(np.float32)
    space = space_of(random.random((2000, 500)).astype(np.float32), images, seed=1, k=11)
    assert 0.01 <= evaluate(space).clear.mean() <= 0.1


def small(layers=(5, 3, 7), k=6):
    """Three layers; component 2 is dead, component 3 has one example, component 4 has two."""
    random = np.random.default_rng(2)
    responses = random.random((83, sum(layers))).astype(np.float32)
    responses[:, 2] = 0
    responses[1:, 3] = 0
    responses[2:, 4] = 0
    images = unit(random.normal(size=(83, 19)).astype(np.float32) + 0.5)
    return space_of(responses, images, seed=3, k=k, layers=layers)


def test_an_evaluation_holds_the_plain_scores_of_every_component(monkeypatch):
    monkeypatch.setattr("semlens_widgets.evaluate.verb._BLOCK_BYTES", 4 * 19 * 6 * 4)  # blocks of four components
    space = small()
    found, counts = evaluate(space), space.examples.counts
    e, centre = space.embeddings, data_mean(space)
    for scores, seen in ((found.raw, None), (found.centred, centre)):
        assert np.allclose(scores.clarity, clarity(e, counts, centre=seen), equal_nan=True, atol=1e-6)
        assert np.allclose(scores.polysemanticity, polysemanticity(e, counts, centre=seen), equal_nan=True, atol=1e-5)
        theta = e.sum(1) / np.maximum(counts, 1)[:, None]
        for start, stop in ((0, 5), (5, 8), (8, 15)):
            rows, cosines = nearest(theta[start:stop], centre=seen)
            assert np.allclose(scores.redundancy[start:stop], cosines, equal_nan=True, atol=1e-6)
            living = rows != NO_SIBLING
            assert np.array_equal(scores.sibling[start:stop][living], start + rows[living])
    assert np.isnan(found.raw.clarity[[2, 3]]).all()
    assert np.isfinite(found.raw.polysemanticity[4])
    assert found.raw.sibling[2] == NO_SIBLING
    assert not found.clear[[2, 3]].any()
    with pytest.raises(ValueError, match="read-only"):
        found.raw.clarity[0] = 0


def test_null_levels_are_those_of_random_sets_of_as_many_images():
    space = small()
    found = evaluate(space)
    pool = unit(space.null_vectors.astype(np.float32))
    random = np.random.default_rng(11)
    for row, size in ((0, 6), (4, 2)):
        sets = np.stack([pool[random.permutation(len(pool))[:size]] for _ in range(3000)])
        for name, score in (("clarity", clarity), ("polysemanticity", polysemanticity)):
            level, drawn = found.raw.null[name], score(sets)
            assert level.mean[row] == pytest.approx(drawn.mean(), abs=4 * drawn.std() / np.sqrt(500))
            assert level.high[row] == pytest.approx(np.quantile(drawn, 0.95), abs=0.5 * drawn.std())


def test_an_evaluation_tells_rows_and_a_summary_per_layer_and_model():
    found = evaluate(small())
    rows = found.to_rows()
    assert len(rows) == 15
    assert rows[2]["clarity"] is None
    assert rows[2]["sibling"] is None
    assert rows[9]["component"] == "layer3:1"
    assert rows[9]["sibling"].startswith("layer3:")
    assert all("clarity_centred" in row for row in rows if "polysemanticity_centred" in row)
    summary = found.summary()
    assert [row["layer"] for row in summary] == ["layer1", "layer2", "layer3", None]
    assert summary[0]["living"] == 4
    assert summary[3]["clarity"].mean == pytest.approx(np.nanmean(found.raw.clarity))
    assert summary[1]["redundancy"].mean == pytest.approx(found.raw.redundancy[5:8].mean())
    for row in summary:
        assert row["clarity"].low <= row["clarity"].mean <= row["clarity"].high
    html = found._repr_html_()
    assert html.index("clarity") < html.index("polysemanticity")
    assert "layer2" in html
    assert repr(found).startswith("15 components in planted")


def test_layer_names_are_inert_in_html():
    space = small()
    from dataclasses import replace

    hostile = sl.Components(("<img src=x onerror=alert(1)>", "b", "c"), (5, 3, 7), (False,) * 3)
    shown = evaluate(replace(space, examples=replace(space.examples, components=hostile)))._repr_html_()
    assert "<img" not in shown
