import csv
import io
import json
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from benchmarks.planted import CONCEPTS, NOISE, SINGLE, TWO, planted, space_of
from sklearn.linear_model import LinearRegression
from sklearn.metrics import average_precision_score, roc_auc_score

import semlens_widgets as sl
from semlens_widgets.describe import NO_WORD, UNEXPLAINED, describe, groups, vocabulary
from semlens_widgets.labelers import contrast, linear, soft_wpmi
from semlens_widgets.space import adjusted_similarity
from semlens_widgets.vectors import unit
from semlens_widgets.verify import METRICS, verify


@pytest.fixture(scope="module")
def world():
    return planted(seed=7)


@pytest.fixture(scope="module")
def labels(world):
    return describe(world.space, world.words)


def subset(probes, chosen):
    chosen = list(chosen)
    return sl.Probes(tuple(probes.names[n] for n in chosen), probes.vectors[chosen], probes.clip)


def small(words=23, seed=0, k=7):
    """Two layers of 5 and 8 units over 61 images in 11 dimensions; unit 3 is dead, unit 4 has two examples."""
    random = np.random.default_rng(seed)
    activations = random.random((61, 13)).astype(np.float32)
    activations[:, 3] = 0
    activations[2:, 4] = 0
    images = unit(random.normal(size=(61, 11)).astype(np.float32) + 0.4)
    probes = sl.Probes(
        tuple(f"w{n}" for n in range(words)), unit(random.normal(size=(words, 11)).astype(np.float32)), "planted"
    )
    return space_of(activations, images, seed=seed, k=k, layers=(5, 8)), probes, activations, images


@pytest.mark.parametrize("centre", [False, True])
def test_labels_are_the_best_hits_of_a_search_for_every_word(centre, monkeypatch):
    """The same score, z and adjusted similarity as `search`, asked word by word and turned round."""
    monkeypatch.setattr("semlens_widgets.describe.ranking._BLOCK_NUMBERS", 23 * 4)  # blocks of four components
    space, probes, *_ = small()
    found = describe(space, probes, k=5, centre=centre)
    answers = sl.search(space, probes, top=None, centre=centre, by="examples")
    for row in range(13):
        if not space.alive[row]:
            assert set(found.words[row]) == {NO_WORD}
            assert found.closest(row) == ()
            assert np.isnan(found.scores[row]).all()
            continue
        hits = {a.probe: (a.scores[at], a.z[at]) for a in answers for at in np.flatnonzero(a.rows == row)}
        ranked = sorted(hits, key=lambda word: -hits[word][0])
        assert found.closest(row) == tuple(ranked[:5])
        assert found.scores[row] == pytest.approx([hits[w][0] for w in ranked[:5]], abs=1e-6)
        assert found.z[row] == pytest.approx([hits[w][1] for w in ranked[:5]], rel=1e-3, abs=1e-3)
        assert found.margins[row] == pytest.approx(hits[ranked[0]][0] - hits[ranked[1]][0], abs=1e-6)
    for answer in answers:
        for row, word in zip(*np.nonzero(found.words == int(answer.probe[1:])), strict=True):
            if row == answer.rows[0]:
                assert found.adjusted_similarity[row, word] == pytest.approx(answer.adjusted_similarity, abs=1e-4)


def test_confidence_is_the_share_of_random_sets_whose_best_word_fits_less_well():
    space, probes, *_ = small()
    found = describe(space, probes, k=2)
    for row, size in ((0, 7), (4, 2)):
        at = space.set_sizes.tolist().index(size)
        sets = space.null_means[at]
        length = space.resultant_length(np.array([row]))[0]
        mean, sd = (sets @ probes.vectors.T).mean(0), (sets @ probes.vectors.T).std(0)
        for rank in range(2):
            z = []
            for chosen in sets[:1000]:
                scores = probes.vectors @ chosen
                word = np.argsort(-scores)[rank]
                z.append((scores[word] - mean[word]) / sd[word])
            word = found.words[row, rank]
            mine = (length * space.vectors[row] @ probes.vectors[word] - mean[word]) / sd[word]
            assert found.confidence[row, rank] == pytest.approx(np.mean(np.array(z) < mine), abs=0.005)


def test_what_is_planted_is_named_and_noise_is_left_unexplained(world, labels):
    right = (labels.words[:, :1] == world.concepts).any(1)
    assert right[:SINGLE].mean() >= 0.98
    assert labels.accepted[:SINGLE, 0].mean() >= 0.98
    assert labels.accepted[-NOISE:, 0].mean() <= 0.05
    row = int(np.flatnonzero(labels.abstained)[0])
    assert labels.word(row) is None
    assert labels.word(0) == f"word {world.concepts[0, 0]}"


def test_shuffled_units_lose_their_labels(world, labels):
    """What the labels are worth is not in the vocabulary: other units' words are wrong."""
    turned = np.roll(world.concepts[:SINGLE], 1, axis=0)
    assert (labels.words[:SINGLE, :1] == turned).any(1).mean() <= 0.05


def test_a_stricter_level_accepts_less(world, labels):
    loose = describe(world.space, world.words, level=0.0)
    assert not (labels.accepted & ~loose.accepted).any()
    assert (loose.adjusted_similarity[:, 0] >= 0.5)[-NOISE:].sum() == loose.accepted[-NOISE:, 0].sum()


def test_collisions_are_components_that_share_an_accepted_label(labels):
    by_word = {}
    for row in range(len(labels)):
        if labels.word(row):
            by_word.setdefault(labels.word(row), []).append(row)
    expected = {word: tuple(rows) for word, rows in by_word.items() if len(rows) > 1}
    assert labels.collisions == expected
    counts = [len(rows) for rows in labels.collisions.values()]
    assert counts == sorted(counts, reverse=True)
    assert labels.collision_rate == sum(counts) / sum(len(rows) for rows in by_word.values())


def siblings_world():
    """Twenty units all see a striped thing, four each with a colour of its own; the vocabulary knows both."""
    random = np.random.default_rng(4)
    meaning = unit(random.normal(size=(6, 64)))
    things = meaning[0] * 1.2 + meaning[1 + np.arange(1000) % 5]
    images = unit(things + 0.5 * unit(random.normal(size=(1000, 64)))).astype(np.float32)
    background = unit(random.normal(size=(9000, 64))).astype(np.float32)
    images = np.concatenate([images, background])
    responses = np.zeros((10000, 20), np.float32)
    for unit_ in range(20):
        mine = np.flatnonzero(np.arange(1000) % 5 == unit_ % 5)
        responses[mine, unit_] = 0.5 + random.random(len(mine))
    names = ("striped", "red", "green", "blue", "yellow", "white")
    space = replace(space_of(responses, images, seed=0, k=10), sample_vectors=None)  # by their examples alone
    return space, sl.Probes(names, unit(meaning).astype(np.float32), "planted")


def test_distinct_labels_say_what_siblings_do_not_share():
    space, probes = siblings_world()
    plain, sharp = (describe(space, probes, distinct=d) for d in (False, True))
    assert {plain.word(row) for row in range(20)} == {"striped"}
    assert [sharp.word(row) for row in range(20)] == [
        ("red", "green", "blue", "yellow", "white")[r % 5] for r in range(20)
    ]
    assert plain.collision_rate == 1
    assert sharp.collisions["red"] == (0, 5, 10, 15)


def test_every_meaning_gets_its_examples_and_its_word(world, labels):
    images = world.space.examples.images
    for row in range(SINGLE, SINGLE + 10):
        parts = labels.meanings[row]
        assert sorted(rank for part in parts for rank in part.examples) == list(range(30))
        for part in parts:
            concept = int(part.word.split()[1])
            assert world.presence[images[row, list(part.examples)], concept].mean() >= 0.9
    assert np.mean([len(labels.meanings[row]) == 1 for row in range(SINGLE)]) >= 0.95
    assert np.mean([len(labels.meanings[row]) == 2 for row in range(SINGLE, SINGLE + TWO)]) >= 0.9
    assert all(labels.meanings[row][0].word == labels.word(row) for row in range(5))


def test_three_meanings_are_three_groups_and_the_dead_have_none():
    random = np.random.default_rng(0)
    directions = unit(random.normal(size=(3, 41)))
    which = np.array([0] * 8 + [1] * 6 + [2] * 5 + [0])
    e = unit(directions[which] + 0.3 * unit(random.normal(size=(20, 41)))).astype(np.float32)
    found = groups(np.stack([e, e * 0]), np.array([20, 0]), np.array([0.1, 0.1]))
    assert [part.tolist() for part in found[0]] == [np.flatnonzero(which == n).tolist() for n in range(3)]
    assert found[1] == []
    space, probes, *_ = small()
    assert describe(space, probes).meanings[3] == ()


def test_words_the_clip_never_saw_label_nothing():
    space, probes, *_ = small()
    unseen = replace(probes, unknown=tuple(("w",) if n % 2 else () for n in range(23)))
    found = describe(space, unseen)
    assert found.unknown == probes.names[1::2]
    assert (found.words[space.alive] % 2 == 0).all()


def test_a_word_that_no_image_shows_is_named_and_warned_about(world):
    shown = {f"word {c}" for c in range(CONCEPTS)}
    labels = describe(world.space, world.words)
    assert shown.isdisjoint(labels.poorly_shown)
    assert len(labels.poorly_shown) >= 0.95 * (len(world.words) - CONCEPTS)
    # A word that shares a little with the concept of the first unit, and means for the rest what no image shows.
    known = world.words.vectors[:CONCEPTS]
    nowhere = np.linalg.svd(np.concatenate([known, world.image_vectors.mean(0, keepdims=True)]))[2][-1]
    concept = int(world.concepts[0, 0])
    vectors = known.copy()
    vectors[concept] = unit(0.45 * known[concept] + nowhere)
    unchecked = replace(world.space, sample_vectors=None)  # held-out images would reject the label
    with pytest.warns(UserWarning, match=f"hardly shows 'word {concept}'"):
        describe(unchecked, sl.Probes(world.words.names[:CONCEPTS], vectors, "planted"))


def test_a_unit_whose_word_is_not_in_the_vocabulary_is_left_unexplained(world):
    gone = set(world.concepts[:40, 0].tolist())
    rest = describe(world.space, subset(world.words, (c for c in range(len(world.words)) if c not in gone)))
    assert rest.accepted[:40, 0].mean() <= 0.05


def test_a_labeler_is_a_function_of_activations_image_vectors_and_words(world):
    def loudest(activations, image_vectors, probes):
        return np.stack([image_vectors[column.argmax()] @ probes.vectors.T for column in activations.T])

    given = {"activations": world.activations, "image_vectors": world.image_vectors}
    found = describe(world.space, world.words, method=loudest, **given)
    assert found.method == "loudest"
    best = world.image_vectors[world.activations.argmax(0)] @ world.words.vectors.T
    assert np.array_equal(found.words[:, 0], best.argmax(1))
    assert found.scores[:, 0] == pytest.approx(best.max(1), abs=1e-6)
    chance, possible = world.space.chance(world.words.vectors[:3]), world.space.attainable(world.words.vectors[:3])
    similarity = world.space.embeddings_of(slice(5, 6))[0].mean(0) @ world.words.vectors[:3].T
    wanted = adjusted_similarity(similarity, chance, possible)
    at = describe(world.space, subset(world.words, range(3)), method=loudest, **given)
    assert at.adjusted_similarity[5] == pytest.approx(wanted[at.words[5]], abs=1e-5)
    with pytest.raises(ValueError, match=r"\[component probe\]"):
        describe(world.space, world.words, method=lambda a, i, p: np.zeros((1, 1)), **given)


@pytest.mark.parametrize("method", ["soft-wpmi", "contrast", "linear"])
def test_every_labeler_names_what_is_planted_and_leaves_noise_unexplained(world, method):
    found = describe(
        world.space, world.words, method=method, activations=world.activations, image_vectors=world.image_vectors
    )
    right = (found.words[:, :1] == world.concepts).any(1)
    assert right[:SINGLE].mean() >= 0.98
    assert found.accepted[:SINGLE, 0].mean() >= 0.95
    assert found.accepted[-NOISE:, 0].mean() <= 0.05


def test_soft_wpmi_is_its_formula():
    _, probes, activations, images = small()
    got = soft_wpmi(activations, images, probes, examples=17)
    chances = []
    for image in images:
        exponents = [math.exp(10 * float(image @ word)) for word in probes.vectors]
        chances.append([e / sum(exponents) for e in exponents])
    evidence = np.zeros((13, 23))
    for unit_ in range(13):
        order = sorted(range(61), key=lambda i: (-activations[i, unit_], i))[:17]
        for place, image in enumerate(order):
            weight = 0.998 + (0.97 - 0.998) * place / 16
            evidence[unit_] += [math.log(1 + weight * (c - 1)) for c in chances[image]]
    expected = evidence - np.log(np.mean(np.exp(evidence), axis=0))
    assert np.allclose(got, expected, atol=2e-3)


def test_contrast_is_its_formula():
    _, probes, activations, images = small()
    got = contrast(activations, images, probes, examples=5)
    for unit_ in (0, 7, 12):
        order = sorted(range(61), key=lambda i: (-activations[i, unit_], i))
        strong = np.mean([images[i] for i in order[:5]], axis=0)
        alike = sorted(order[30:], key=lambda i: -float(images[i] @ strong))[:15]  # half of 31
        away = strong - np.mean([images[i] for i in alike], axis=0)
        assert got[unit_] == pytest.approx(probes.vectors @ away / np.linalg.norm(away), abs=1e-5)


def test_linear_weights_are_those_of_nonnegative_least_squares_on_the_chosen_words():
    _, probes, activations, images = small()
    got = linear(activations, images, probes, concepts=4)
    presence = images @ probes.vectors.T
    presence = (presence - presence.mean(0)) / presence.std(0)
    for unit_ in (0, 5, 9):
        target = (activations[:, unit_] - activations[:, unit_].mean()) / activations[:, unit_].std()
        chosen: list[int] = []
        residual = target
        for _ in range(4):
            gain = presence.T @ residual
            gain[chosen] = -np.inf
            chosen.append(int(gain.argmax()))
            fit = LinearRegression(positive=True, fit_intercept=False).fit(presence[:, chosen], target)
            residual = target - fit.predict(presence[:, chosen])
        expected = np.zeros(23)
        expected[chosen] = fit.coef_
        assert got[unit_] == pytest.approx(expected, abs=1e-3)
    assert not got[3].any()  # a dead unit is predicted by nothing
    assert (got >= 0).all()


def test_verification_is_pearson_auprc_auc_and_mad_of_the_best_word(world, labels):
    """Against scipy-free formulas and scikit-learn, on images that no label was made from."""
    held = planted(seed=7)
    random = np.random.default_rng(1)
    chosen = random.permutation(len(held.activations))[:600]
    activations, images = held.activations[chosen], held.image_vectors[chosen]
    found = verify(labels, activations, images, strongest=0.1, rounds=50)
    for row in (0, 60, 130, 210, 255):
        likeness = images @ world.words.vectors[labels.words[row, 0]]
        excited = np.argsort(np.argsort(-activations[:, row], kind="stable")) < 60
        showing = np.argsort(np.argsort(-likeness, kind="stable")) < 60
        rest = activations[~showing, row]
        assert found.pearson[row] == pytest.approx(np.corrcoef(likeness, activations[:, row])[0, 1], abs=1e-6)
        assert found.auprc[row] == pytest.approx(average_precision_score(excited, likeness), abs=1e-6)
        assert found.auc[row] == pytest.approx(roc_auc_score(showing, activations[:, row]), abs=1e-6)
        assert found.mad[row] == pytest.approx((activations[showing, row].mean() - rest.mean()) / rest.std(), rel=1e-5)
        for name in METRICS:
            assert found.low[name][row] < found.high[name][row]
    assert np.nanmean(found.pearson[:SINGLE]) > 0.5 > 3 * abs(np.nanmean(found.pearson[-NOISE:]))
    summary = found.summary()
    assert summary["accepted"]["pearson"].mean > summary["all"]["pearson"].mean
    assert summary["all"]["auprc"].mean == pytest.approx(np.nanmean(found.auprc))


def test_bootstrap_bounds_are_those_of_resampled_images():
    space, probes, activations, images = small()
    labels = describe(space, probes)
    found = verify(labels, activations, images, strongest=0.2, rounds=2000)
    random = np.random.default_rng(9)
    likeness = images @ probes.vectors[labels.words[0, 0]]
    drawn = [random.integers(0, 61, 61) for _ in range(2000)]
    excited = np.argsort(np.argsort(-activations[:, 0], kind="stable")) < 12
    for name, score in (
        ("pearson", lambda at: np.corrcoef(likeness[at], activations[at, 0])[0, 1]),
        ("auprc", lambda at: average_precision_score(excited[at], likeness[at])),
    ):
        low, high = np.quantile([score(at) for at in drawn], (0.025, 0.975))
        assert found.low[name][0] == pytest.approx(low, abs=0.03)
        assert found.high[name][0] == pytest.approx(high, abs=0.03)
    assert np.isnan(found.pearson[3])
    assert found.to_rows()[0]["pearson"] == pytest.approx(found.pearson[0])


def test_labels_become_rows_json_csv_and_html():
    space, probes, *_ = small()
    hostile = ("=1+1", "<script>alert(1)</script>", *probes.names[2:])
    labels = describe(space, replace(probes, names=hostile), k=23, level=0.0)
    rows = labels.to_rows()
    assert len(rows) == 12 * 23
    assert {row["component"] for row in rows} == {str(space.components[r]) for r in range(13) if r != 3}
    assert all(row["label"] == (row["closest"] if row["accepted"] else UNEXPLAINED) for row in rows)
    assert json.loads(labels.to_json())["labels"] == rows
    read = list(csv.DictReader(io.StringIO(labels.to_csv())))
    assert [r["closest"] for r in read] == ["'=1+1" if r["closest"] == "=1+1" else r["closest"] for r in rows]
    assert [float(r["score"]) for r in read] == pytest.approx([r["score"] for r in rows])
    assert "<script" not in labels._repr_html_()
    assert "of 12 components explained by 23 words" in repr(labels)
    with pytest.raises(ValueError, match="read-only"):
        labels.scores[0, 0] = 1


def test_a_vocabulary_is_a_list_a_file_or_one_of_ours(tmp_path):
    assert vocabulary(["red", " dark  red ", "red", ""]) == ("red", "dark red")
    (tmp_path / "words.txt").write_text("# colours\nred\n\n dark red \nred\n", encoding="utf-8")
    assert vocabulary(tmp_path / "words.txt") == vocabulary(str(tmp_path / "words.txt")) == ("red", "dark red")
    common, skin = vocabulary("common"), vocabulary("dermoscopy")
    assert len(common) >= 550
    assert {"striped", "wheel", "metal", "red", "dog"} <= set(common)
    assert len(skin) >= 110
    assert {"blue-white veil", "ruler", "pigment network"} <= set(skin)
    with pytest.raises(FileNotFoundError, match="common, dermoscopy"):
        vocabulary("comon")
    with pytest.raises(ValueError, match="no word"):
        vocabulary([])


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probes": lambda p: replace(p, clip="other")}, "come from other, the space from planted"),
        ({"probes": lambda p: replace(p, names=("w0", *p.names[:-1]))}, "'w0' is twice in the vocabulary"),
        ({"probes": lambda p: subset(p, [0])}, "needs a rival"),
        ({"probes": lambda p: sl.Probes(p.names, p.vectors[:, :7], p.clip)}, "7 dimensions, the space 11"),
        ({"k": 0}, "at least one label"),
        ({"level": 1.0}, r"confidence in \[0, 1\)"),
        ({"method": "mode"}, "there are mean, soft-wpmi, contrast, linear"),
        ({"method": "contrast"}, r"give activations\s+\[image component\]"),
        ({"method": "linear", "activations": np.zeros((5, 4)), "image_vectors": np.zeros((5, 11))}, "13 components"),
    ],
)
def test_wrong_questions_say_what_is_needed(change, message):
    space, probes, *_ = small()
    options = dict(change)
    probes = options.pop("probes", lambda p: p)(probes)
    with pytest.raises(ValueError, match=message):
        describe(space, probes, **options)


def test_labeler_parameters_are_set_by_partial():
    space, probes, activations, images = small()
    found = describe(
        space, probes, method=partial(contrast, examples=5), activations=activations, image_vectors=images, level=0.0
    )
    assert found.method == "contrast"
    expected = contrast(activations, images, probes, examples=5).argmax(1)
    assert np.array_equal(found.words[space.alive, 0], expected[space.alive])
