import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm, pearson3, skew
from toy import COLOURS, ColourClip, ColourNet, colour_lens, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.search import HIT_ALPHA, component_probe, search
from semlens_widgets.space import directions
from semlens_widgets.vectors import unit


def deviate(z, skewness):
    """The normal deviate with the tail that z has in Pearson's distribution of type III."""
    return norm.isf(pearson3.sf(z, max(skewness, 0)))


@pytest.fixture(scope="module")
def fitted():
    return colour_lens().fit(cached=False, progress=False)


@pytest.fixture(scope="module")
def many():
    """As many images as it takes to check an answer on others."""
    return colour_lens(count=120).fit(cached=False, progress=False)


@pytest.mark.parametrize(("word", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_a_colour_finds_its_channel(many, word, channel):
    answer = many.search(word, layer="colour")
    assert answer[0].component == sl.Component("colour", channel)
    assert answer.found


def test_scores_are_cosines_of_mean_example_embeddings_and_null_subtracted_templates(fitted):
    """The formula in loops: sum over templates of F(t(q)) - F(t(''))."""
    templates = ("a {}", "{} thing", "{}")
    clip, space = fitted.clip, fitted.space
    queries = ["red", "blue", "yellow"]
    answers = fitted.search(queries, templates=templates, top=None)
    for query, answer in zip(queries, answers, strict=True):
        probe = np.zeros(3 + 1)
        for t in templates:
            probe = probe + clip.texts([t.format(query)])[0] - clip.texts([t.format("")])[0]
        for hit in answer:
            examples = [
                clip.images([fitted.source.images.picture(i)])[0]
                for i, _ in answer.examples(answer.rows.tolist().index(hit.row))
            ]
            theta = np.mean(examples, axis=0)
            expected = probe @ theta / np.linalg.norm(probe) / np.linalg.norm(theta)
            assert hit.score == pytest.approx(expected, abs=2e-3)
    assert answers[0].space is space


@pytest.mark.parametrize("layer", [None, "head", ["head", "colour"]])
@pytest.mark.parametrize("centre", [False, True])
def test_block_by_block_the_answer_is_that_of_one_product(fitted, monkeypatch, layer, centre):
    """Score, z and null in loops over components, against blocks of two."""
    monkeypatch.setattr(sys.modules[search.__module__], "_BLOCK", 2)
    space = fitted.space
    probes = fitted.probes(["red"])
    vectors, vector = (space.centred if centre else space.vectors), probes.vectors[0]
    (answer,) = search(space, probes, top=None, layer=layer, centre=centre, by="examples")
    among = np.arange(len(space.components))[space.components.rows(layer)]
    assert sorted(answer.rows.tolist()) == sorted(among[space.alive[among]].tolist())
    for row, score, z, mean, sd in zip(
        answer.rows, answer.scores, answer.z, answer.null.mean, answer.null.sd, strict=True
    ):
        length = space.residuals[row] if centre else np.linalg.norm(
            space.embeddings[row].sum(0) / space.examples.counts[row]
        )  # fmt: skip
        chance = space.null_of(centre)[space.set_size_of[row]] @ vector / length
        assert score == pytest.approx(vectors[row] @ vector, abs=1e-5)
        assert (mean, sd) == pytest.approx((chance.mean(), chance.std()), rel=2e-3, abs=1e-5)
        assert z == pytest.approx(deviate((score - chance.mean()) / chance.std(), skew(chance)), rel=0.02, abs=0.02)


@pytest.mark.parametrize("queries", [1, 2, 6])
@pytest.mark.parametrize("dim", [6, 9])
def test_orientation_is_never_guessed_from_sizes(queries, dim):
    """Six components, a space of six dimensions and six queries: every answer still belongs to its question."""
    clip = ColourClip(dim=dim)
    square = colour_lens(clip=clip).fit(cached=False, progress=False)
    assert len(square.components) == 6
    words = ["red", "green", "blue", "yellow", "white", "red blue"][:queries]
    together = square.search(words, top=None)
    for word, answer in zip(words, together, strict=True):
        alone = square.search(word, top=None)
        assert answer.probe == word
        assert np.array_equal(answer.rows, alone.rows)
        assert np.allclose(answer.scores, alone.scores, atol=1e-6)


def test_negative_words_push_away(fitted):
    def lead(answer):
        scores = {h.component.index: h.score for h in answer}
        return scores[0] - scores[2]

    plain = fitted.search("red blue", layer="colour", top=None)
    pushed = fitted.search("red blue", negative="blue", layer="colour", top=None)
    assert lead(pushed) > lead(plain) + 0.3
    probe, away = plain.vector, fitted.search("blue").vector
    assert np.allclose(pushed.vector, unit(probe - away), atol=1e-6)
    assert fitted.search("red blue", negative=["blue"])[0].component == sl.Component("colour", 0)


def test_images_and_components_are_probes_too(fitted):
    from PIL import Image

    blue = Image.new("RGB", (8, 8), (90, 90, 255))
    assert fitted.search(blue, layer="colour")[0].component.index == 2
    assert fitted.search([blue, blue], layer="colour").probe == "2 images"


@pytest.mark.parametrize("query", ["colour:0", sl.Component("colour", 0)])
def test_a_component_as_the_query_finds_others_like_it_and_is_no_hit_itself(fitted, query):
    answer = fitted.search(query, top=None)
    assert answer[0].component == sl.Component("head", 0), "the head's first output reads the red channel alone"
    assert answer.components.count(sl.Component("colour", 0)) == 0
    assert answer.searched == len(answer) == fitted.space.alive.sum() - 1
    assert answer.found
    assert answer.message.startswith("'colour:0' found in other components: best head:0")
    assert "other living components" in answer.figure().caption()


def test_a_component_is_no_evidence_for_itself(fitted):
    answer = fitted.search("colour:0", layer="colour")
    assert {hit.component.index for hit in answer} == {1, 2, 3}
    assert not answer.found
    assert answer.message.startswith("'colour:0' not found in other components: best colour:")
    alone = colour_lens().fit(cached=False, progress=False).space
    nobody = search(alone, component_probe(alone, 0), without=[0, 1, 2, 3], layer="colour")[0]
    assert nobody.message == "'colour:0': no other living component to search"
    assert not nobody.found


@pytest.mark.parametrize("centre", [False, True])
def test_a_component_is_like_itself_whether_centred_or_not(fitted, centre):
    probe = component_probe(fitted.space, "colour:0", centre=centre)
    (itself,) = search(fitted.space, probe, top=1, centre=centre)
    assert itself[0].component == sl.Component("colour", 0)
    assert itself[0].score == pytest.approx(1, abs=1e-5)
    others = fitted.search("colour:0", centre=centre, top=None, by="examples")
    assert np.array_equal(others.vector, probe.vectors[0])
    (everybody,) = search(fitted.space, probe, top=None, centre=centre, by="examples")
    assert others.rows.tolist() == [row for row in everybody.rows if row]


def test_components_stand_among_words_in_a_query(fitted):
    red, blue = (component_probe(fitted.space, c).vectors[0] for c in ("colour:0", "colour:2"))
    green = fitted.search("green").vector
    for answer in (fitted.search("colour:0, colour:2, -green"), fitted.answer("colour:0, colour:2, -green"),
                   fitted.search("colour:0, colour:2", negative="green")):  # fmt: skip
        assert answer.vector == pytest.approx(unit(unit(red + blue) - green), abs=1e-6)
        assert answer.query_rows == (0, 2)
    pushed = fitted.search("green, -colour:0")
    assert pushed.vector == pytest.approx(unit(green - red), abs=1e-6)
    assert pushed.query_rows == ()
    assert np.array_equal(fitted.search("green", negative="colour:0").vector, pushed.vector)


def test_a_list_of_texts_is_each_text_by_itself(fitted):
    texts = ["red", "colour:2", "red blue, -blue"]
    for text, answer in zip(texts, fitted.search(texts), strict=True):
        alone = fitted.search(text)
        assert (answer.probe, answer.query_rows) == (alone.probe, alone.query_rows)
        assert np.array_equal(answer.rows, alone.rows)
        assert np.array_equal(answer.vector, alone.vector)


def test_the_data_behind_a_probe_are_the_closest_images(fitted):
    redness = {
        i: fitted.clip.images([fitted.source.images.picture(i)])[0] @ fitted.search("red").vector for i in range(60)
    }
    shown = fitted.search("red").images(top=5)
    referenced = sorted((i for i in fitted.space.names), key=lambda i: -redness[i])[:5]
    assert [i for i, _ in shown] == referenced
    assert [s for _, s in shown] == sorted((s for _, s in shown), reverse=True)


def test_z_and_p_are_those_of_random_sets_of_as_many_images(fitted):
    answer = fitted.search("red", top=None, by="examples")
    random = np.random.default_rng(1)
    pool = fitted.clip.images([fitted.source.images.picture(i) for i in range(60)])
    sets = np.stack([unit(pool[random.permutation(60)[:5]].mean(0)) for _ in range(4000)]) @ answer.vector
    expected = (answer.scores[0] - sets.mean()) / sets.std()
    assert answer.z[0] == pytest.approx(deviate(expected, skew(sets)), rel=0.08)
    assert answer.p == pytest.approx([math.erfc(z / math.sqrt(2)) / 2 for z in answer.z.tolist()])
    assert answer.p_best == pytest.approx(1 - (1 - answer.p[0]) ** answer.searched, rel=1e-6)


def test_unknown_words_are_reported_not_answered(fitted):
    answer = fitted.search("coffee")
    assert not answer.found
    assert "does not know 'coffee'" in answer.message


def test_a_dead_component_is_no_hit_and_no_probe(fitted):
    with pytest.raises(ValueError, match="rectified:3 is dead"):
        component_probe(_rectified().space, "rectified:3")
    assert sl.Component("rectified", 3) not in _rectified().search("red", top=None).components


def _rectified():
    data = sl.images(pictures(30), transform=to_pixels)
    made = sl.Lens(ColourNet(), data, "rectified", ColourClip(), k=3, crop=None)
    return made.fit(cached=False, progress=False)


def test_centring_subtracts_each_layers_mean(fitted):
    space = fitted.space
    rows = space.components.rows("colour")
    theta = space.vectors[rows]
    expected = unit(theta - theta.mean(0)) @ fitted.search("red", centre=True).vector
    answer = fitted.search("red", centre=True, layer="colour", top=None)
    got = dict(zip(answer.rows.tolist(), answer.scores.tolist(), strict=True))
    assert [got[r] for r in range(rows.start, rows.stop)] == pytest.approx(expected.tolist(), abs=1e-5)


def test_z_is_how_much_more_like_the_probe_the_examples_are_than_random_sets(fitted):
    """In loops: mean cosine of a component's examples with the probe, against that of random sets of as many images."""
    space, answer = fitted.space, fitted.search("red", layer="colour", top=None, by="examples")
    pool = unit(space.null_vectors.astype(np.float32)) @ answer.vector
    random = np.random.default_rng(0)
    for rank, hit in enumerate(answer):
        count = int(space.examples.counts[hit.row])
        mine = np.mean([space.embeddings_of([hit.row])[0, e] @ answer.vector for e in range(count)])
        if count in space.set_sizes:
            sets = [random.choice(pool, count, replace=False).mean() for _ in range(4000)]
            assert hit.z == pytest.approx(deviate((mine - np.mean(sets)) / np.std(sets), skew(sets)), rel=0.1, abs=0.1)
        length = space.resultant_length(np.array([hit.row]))[0]
        assert answer.null.mean[rank] * length == pytest.approx(pool.mean(), abs=0.02)


def test_what_examples_have_in_common_beside_the_probe_does_not_count_against_them():
    """Two components whose examples are as like the probe; those of the first share something else as well."""
    random, k = np.random.default_rng(1), 7
    base = _random_space(random, seed=0, components=2, k=k)
    probe, other, everybody = np.eye(31, dtype=np.float32)[:3]

    def images(*shared):
        rest = random.normal(size=(k, 28)).astype(np.float32)
        rest *= np.sqrt(1 - sum(s @ s for s in shared)) / np.linalg.norm(rest, axis=1, keepdims=True)
        return np.concatenate([np.zeros((k, 3), np.float32), rest], 1) + sum(shared)

    common = 0.5 * everybody + 0.4 * probe
    crops = np.concatenate([images(common, 0.6 * other), images(common)])
    null = np.concatenate([images(0.5 * everybody + chance * probe) for chance in random.uniform(0.1, 0.3, 40)])
    vectors, lengths = directions(crops, np.arange(2 * k).reshape(2, k), base.examples.counts)
    space = replace(
        base, crop_vectors=crops, crop_of=np.arange(2 * k).reshape(2, k), crop_images=np.arange(2 * k),
        vectors=vectors, lengths=lengths, null_vectors=null,
    )  # fmt: skip
    answer = search(space, sl.Probes(("probe",), probe[None], space.recipe.clip), top=None)[0]
    assert answer.rows.tolist() == [1, 0], "the cosine of the mean direction is lower for the first"
    assert answer.z[0] == pytest.approx(answer.z[1], rel=1e-4)
    assert answer.z[0] > 4


def test_hits_above_the_null_come_first(fitted):
    for query in ("red", "blue", "green"):
        answer = fitted.search(query, top=None, by="examples")
        above = answer.p <= HIT_ALPHA
        assert above.any()
        assert not above[above.sum() :].any()
        for part in (answer.scores[above], answer.scores[~above]):
            assert (np.diff(part) <= 0).all()
        some = fitted.search(query, top=3, by="examples")
        assert some.rows.tolist() == answer.rows[:3].tolist()


def test_every_living_component_is_ranked_once_among_dead_ones():
    space = _random_space(np.random.default_rng(0), seed=0)
    dead = np.arange(len(space.components)) % 3 == 0
    examples = replace(
        space.examples,
        responses=np.where(dead[:, None], 0, space.examples.responses).astype(np.float32),
        statistics=replace(space.examples.statistics, negative=~dead),
    )
    space = replace(space, examples=examples, vectors=np.where(dead[:, None], 0, space.vectors).astype(np.float32))
    assert (space.alive == ~dead).all()
    above = []
    for row in np.flatnonzero(~dead):
        answer = search(space, component_probe(space, int(row)), top=None)[0]
        assert sorted(answer.rows.tolist()) == np.flatnonzero(~dead).tolist()
        above.append((answer.p <= HIT_ALPHA).any())
    assert any(above)
    assert not all(above)


def test_centring_changes_the_order_but_not_what_counts_as_evidence(fitted):
    """z in loops: the projection of a component's offset, against that of random sets' offsets."""
    space = fitted.space
    answer = fitted.search("red", centre=True, layer="colour", top=None, by="examples")
    rows = space.components.rows("colour")
    middle = space.vectors[rows].mean(0)
    sets = space.null_sets[-1] @ answer.vector
    for hit in answer:
        offset = (space.vectors[hit.row] - middle) @ answer.vector
        assert hit.z == pytest.approx(deviate(offset / sets.std(), skew(sets)), rel=0.02, abs=0.02)
    assert answer.found


@pytest.mark.parametrize("centre", [False, True])
def test_reach_is_where_the_best_hits_examples_lie_between_random_images_and_the_best_ones(fitted, centre):
    answer = fitted.search("blue", layer="colour", centre=centre)
    likeness = {i: fitted.clip.images([fitted.source.images.picture(i)])[0] @ answer.vector for i in range(60)}
    chance, possible = np.mean(list(likeness.values())), np.mean(sorted(likeness.values())[-5:])
    examples = np.mean([likeness[i] for i, _ in answer.examples(0)])
    assert answer.attainable == pytest.approx(possible, abs=1e-3)
    assert answer.adjusted_similarity == pytest.approx((examples - chance) / (possible - chance), abs=5e-3)
    assert 0 <= answer.adjusted_similarity <= 1


def test_reach_stays_within_its_range():
    random = np.random.default_rng(8)
    space = _random_space(random, seed=0)
    words = tuple(map(str, range(20)))
    for centre in (False, True):
        probes = sl.Probes(words, unit(random.normal(size=(20, 31)).astype(np.float32)), "noise")
        assert all(0 <= answer.adjusted_similarity <= 1 for answer in sl.search(space, probes, centre=centre))


def test_another_clip_is_refused(fitted):
    probes = sl.text_probes(ColourClip(name="other colours"), ["red"])
    with pytest.raises(ValueError, match="come from other colours, the space from colours"):
        sl.search(fitted.space, probes)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.search(""), ValueError, "at least one word"),
        (lambda x: x.search([]), TypeError, "search for a text"),
        (lambda x: x.search(5), TypeError, "search for a text"),
        (lambda x: x.search("red", top=0), ValueError, "at least one hit"),
        (lambda x: x.search("red", layer="color"), KeyError, "did you mean 'colour'"),
        (lambda x: x.search("red", templates=["no place"]), ValueError, r"one \{\} for the query"),
        (lambda x: x.search(sl.Component("colour", 9)), KeyError, "colour has 4 components"),
    ],
)
@pytest.mark.usefixtures("as_installed")
def test_wrong_questions_say_what_is_needed(fitted, call, error, message):
    with pytest.raises(error, match=message):
        call(fitted)


def test_random_units_are_found_in_at_most_one_query_of_twenty():
    """Units whose examples are random images encode nothing: the null must say so."""
    random = np.random.default_rng(3)
    false = 0
    for trial in range(10):
        space = _random_space(random, seed=trial)
        probes = sl.Probes(tuple(map(str, range(20))), unit(random.normal(size=(20, 31)).astype(np.float32)), "noise")
        false += sum(answer.p_best <= 0.05 for answer in sl.search(space, probes))
    assert false <= 200 * 0.05 + 2 * np.sqrt(200 * 0.05 * 0.95)


def _random_space(random, seed, components=53, k=7, images=400, dim=31):
    """A space whose every component has k random images of a cloud with a common direction."""
    cloud = unit(random.normal(size=(images, dim)) * np.linspace(2, 0.2, dim) + 1.0).astype(np.float16)
    chosen = np.stack([random.permutation(images)[:k] for _ in range(components)])
    base = colour_lens(count=12, k=7, sample=0).fit(cached=False, progress=False).space
    examples = replace(
        base.examples,
        components=sl.Components(("noise",), (components,), (False,)),
        images=chosen.astype(np.int32),
        responses=np.tile(np.arange(k, 0, -1, dtype=np.float32), (components, 1)),
        peaks=np.zeros((components, k), np.int32),
        statistics=sl.Statistics.of(random.normal(size=(images, components)).astype(np.float32)),
    )
    theta = unit(cloud[chosen].astype(np.float32).mean(1))
    return replace(
        base,
        examples=examples,
        recipe=replace(base.recipe, clip="noise", seed=seed),
        crop_vectors=cloud,
        crop_of=chosen.astype(np.int32),
        crop_images=np.arange(images, dtype=np.int32),
        vectors=theta,
        lengths=None,
        null_vectors=cloud[random.permutation(images)[:300]],
    )


def test_colours_cover_the_clip():
    assert set(COLOURS) >= {"red", "green", "blue"}


GRAMMAR = (
    "red", "red blue", "red, blue", "red,blue", " red ,  blue, ", "red, -blue", "-blue, red, green", "colour:0",
    "colour:0, blue", "colour:0, -blue", "blue, -colour:0", "red, red", "red," + " blue" * 300 + ".png",
)  # fmt: skip


@pytest.mark.parametrize("text", GRAMMAR)
@pytest.mark.parametrize("centre", [False, True])
def test_a_text_means_the_same_in_a_cell_in_a_window_and_in_a_list(text, centre):
    lens = colour_lens(centre=centre).fit(cached=False, progress=False)
    asked = lens.search(text, top=None)
    listed = lens.search([text, "green"], top=None)[0]
    lens.query = text
    for other in (lens.hits, listed):
        assert other.rows.tolist() == asked.rows.tolist()
        assert other.scores == pytest.approx(asked.scores, abs=1e-6)
        assert (other.state, other.query_rows) == (asked.state, asked.query_rows)


def test_terms_are_joined_by_the_mean_of_their_probes(fitted):
    red, blue, both = (fitted.search(text).vector for text in ("red", "blue", "red, blue"))
    assert both == pytest.approx((red + blue) / np.linalg.norm(red + blue), abs=1e-6)
    assert both != pytest.approx(fitted.search("red blue").vector, abs=1e-3)


def test_the_file_of_a_picture_is_a_picture_in_a_cell_and_in_a_window(fitted, tmp_path):
    path = tmp_path / "one, two.png"
    Image.new("RGB", (8, 8), (255, 0, 0)).save(path)
    asked = fitted.search(str(path), top=None)
    fitted.query = str(path)
    assert fitted.query.startswith("image:")
    assert fitted.hits.rows.tolist() == asked.rows.tolist()
    assert fitted.hits.scores == pytest.approx(asked.scores, abs=1e-6)
    (tmp_path / "no.png").write_text("no picture")
    before = fitted.query
    for ask in (fitted.search, lambda text: setattr(fitted, "query", text)):
        with pytest.raises(ValueError, match=r"no\.png.* cannot be opened"):
            ask(str(tmp_path / "no.png"))
    assert fitted.query == before
    fitted.query = ""
