"""Dictionaries that are learned here: what is planted is found, and an interruption changes nothing."""

import numpy as np
import planted_features
import pytest
import torch
from scipy.optimize import nnls
from sklearn.decomposition import PCA

import semlens_widgets as sl
from semlens_widgets import passes
from semlens_widgets.dictionaries import features as streamed
from semlens_widgets.model import component_values

KINDS = ("topk", "nmf", "pca", "kmeans")


@pytest.fixture(scope="module")
def world():
    return planted_features.world()


@pytest.fixture(scope="module")
def learned(world):
    model, images, _ = world
    return sl.learn_dictionary(model, images, "layer", size=48, k=5, epochs=30, seeds=[1], progress=False)


def vectors_of(world, ids=None):
    """The layer's feature vectors of some images, by a plain forward pass."""
    model, images, _ = world
    batch = torch.stack([images.tensor(int(i)) for i in (range(len(images)) if ids is None else ids)])
    with torch.no_grad():
        return model.layer(batch).flatten(2).transpose(1, 2).flatten(0, 1).numpy()


def test_planted_directions_are_recovered(world, learned):
    model, _, truth = world
    correlation, f1 = planted_features.recovered(model, learned.semlens_encoder, truth)
    assert correlation > 0.85
    assert np.median(f1) > 0.75
    untrained = planted_features.recovered(model, torch.nn.Linear(24, 48), truth)
    assert untrained[0] < 0.6
    cosine = np.abs(planted_features.directions() @ learned.directions.T).max(1)
    assert np.mean(cosine > 0.9) > 0.85


def test_what_is_told_is_what_decoding_gives_back_of_images_that_were_held_out(world, learned):
    vectors = vectors_of(world, range(9, 150, 10))
    weights = learned.weights
    before = (vectors - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]
    codes = np.maximum(np.where(before >= np.sort(before, -1)[:, -5:-4], before, 0), 0)
    again = codes @ weights["W_dec"] + weights["b_dec"]
    explained = 1 - np.square(vectors - again).sum() / np.square(vectors - vectors.mean(0)).sum()
    assert learned.explained == pytest.approx(explained, abs=1e-4)
    np.testing.assert_allclose(learned.density, (codes > 0).mean(0), atol=2e-3)
    assert (learned.vectors, learned.images) == (15 * 64, 15)
    assert learned.active == pytest.approx((codes > 0).sum(1).mean(), abs=0.05)
    assert learned.dead_share == pytest.approx(np.mean(learned.density == 0))
    assert learned.losses[-1] < 0.5 * learned.losses[0]
    assert learned.explained > 0.9
    np.testing.assert_allclose(np.linalg.norm(learned.directions, axis=1), 1, rtol=1e-4)


def test_two_seeds_find_the_same_and_random_directions_do_not(world, learned):
    (other,) = learned.stability
    assert other.share > 0.6
    assert other.null == pytest.approx(0.05)
    drawn = np.random.default_rng(3).normal(size=learned.directions.shape)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    random = sl.LearnedDictionary(
        "topk", learned.asked, {**learned.weights, "W_dec": drawn}, 5, 9, 1, learned.losses, learned.density, 0.0, 1, 1
    )
    assert random.compare(learned).share < 0.25
    itself = learned.compare(learned)
    assert itself.share == 1
    np.testing.assert_array_equal(itself.nearest[itself.compared], np.flatnonzero(itself.compared))


@pytest.mark.parametrize("kind", KINDS)
def test_interrupted_it_goes_on_to_the_same(kind, tmp_path, monkeypatch):
    """Blocks of some 500 vectors, saved after each; ended in the middle of an epoch, and again in the next."""
    monkeypatch.setattr(streamed, "BLOCK", 500)
    monkeypatch.setattr(streamed, "_FEWEST", 500)
    monkeypatch.setattr(passes, "_PAUSE", -1.0)
    monkeypatch.setattr(passes, "_SHARE", 0)
    model, images, _ = planted_features.world(60)
    model = Positive(model) if kind == "nmf" else model

    def learn(file, stop=None):
        def on_step(done, total):
            if stop is not None and done >= stop:
                raise KeyboardInterrupt

        return sl.learn_dictionary(
            model, images, "layer", size=12, kind=kind, epochs=3, seeds=[4], batch_size=4, progress_file=file,
            progress=False, on_step=on_step, k=3 if kind == "topk" else None,
        )  # fmt: skip

    whole = learn(None)
    for stop in (20, 90):
        with pytest.raises(KeyboardInterrupt):
            learn(tmp_path / "progress", stop)
    seen = []
    again = sl.learn_dictionary(
        model, images, "layer", size=12, kind=kind, epochs=3, seeds=[4], batch_size=4, progress=False,
        progress_file=tmp_path / "progress", on_step=lambda done, total: seen.append((done, total)),
        k=3 if kind == "topk" else None,
    )  # fmt: skip
    assert seen[0][0] > 90
    assert seen[-1] == (162, 162)
    for name, value in whole.weights.items():
        np.testing.assert_allclose(again.weights[name], value, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(again.losses, whole.losses, rtol=1e-3, atol=1e-5)
    assert again.stability[0].share == pytest.approx(whole.stability[0].share, abs=0.1)


class Positive(torch.nn.Module):
    """The same network with a ReLU as its layer."""

    def __init__(self, model):
        super().__init__()
        self.inner, self.layer, self.head = model.layer, torch.nn.ReLU(), model.head

    def forward(self, x):
        return self.head(self.layer(self.inner(x)).mean((2, 3)))


def test_principal_components_are_those_of_all_vectors(world):
    model, images, _ = world
    found = sl.learn_dictionary(model, images, "layer", size=6, kind="pca", epochs=1, progress=False)
    whole = PCA(6).fit(vectors_of(world, np.delete(np.arange(150), np.arange(9, 150, 10))))
    overlap = np.linalg.svd(found.directions @ whole.components_.T, compute_uv=False)
    np.testing.assert_allclose(overlap, 1, atol=0.02)
    assert found.explained == pytest.approx(whole.explained_variance_ratio_.sum(), abs=0.03)
    assert found.layer.signed


def test_nonnegative_codes_are_those_of_least_squares(world):
    model, images, _ = world
    found = sl.learn_dictionary(Positive(model).eval(), images, "layer", size=10, kind="nmf", epochs=2, progress=False)
    assert min(found.weights["W_dec"].min(), 0) == 0
    rows = np.maximum(vectors_of(world)[:20], 0).astype(np.float64)
    codes = component_values(found.layer, torch.from_numpy(rows).float())
    wanted = np.stack([nnls(found.directions.T.astype(np.float64), row)[0] for row in rows])
    np.testing.assert_allclose(codes, wanted, rtol=1e-2, atol=2e-3)
    assert found.explained > 0.5


def test_slopes_of_nonnegative_codes_are_those_of_differences(world):
    model, images, _ = world
    found = sl.learn_dictionary(Positive(model).eval(), images, "layer", size=6, kind="nmf", epochs=1, progress=False)
    encoder = found.semlens_encoder.double()
    row = torch.from_numpy(np.maximum(vectors_of(world)[3:4], 0)).double().requires_grad_()
    number = int(encoder(row)[0].argmax())
    (slope,) = torch.autograd.grad(encoder(row)[0, number], row)
    step = 1e-4 * torch.eye(row.shape[1], dtype=torch.float64)
    with torch.no_grad():
        wanted = (encoder(row + step)[:, number] - encoder(row - step)[:, number]) / 2e-4
    torch.testing.assert_close(slope[0], wanted, rtol=1e-2, atol=1e-3)


def test_a_cluster_answers_how_far_features_lie_along_its_centre(world):
    model, images, _ = world
    found = sl.learn_dictionary(model, images, "layer", size=9, kind="kmeans", epochs=2, progress=False)
    rows = vectors_of(world)[:200]
    centres = found.directions + found.weights["b_dec"]
    nearest = np.square(rows[:, None] - centres).sum(-1).argmin(1)
    along = ((rows - found.weights["b_dec"]) * found.directions[nearest]).sum(1)
    wanted = np.zeros((200, 9))
    wanted[np.arange(200), nearest] = np.maximum(along / np.square(found.directions[nearest]).sum(1), 0)
    codes = component_values(found.layer, torch.from_numpy(rows))
    np.testing.assert_allclose(codes, wanted, rtol=1e-3, atol=1e-3)
    assert found.active <= 1


def test_a_file_gives_the_value_and_the_encoder_back(learned, world, tmp_path):
    path = learned.save(tmp_path / "learned.safetensors")
    again, encoder = sl.LearnedDictionary.open(path), sl.dictionary(path)
    assert repr(again) == repr(learned)
    assert again.layer.name == learned.layer.name
    rows = torch.from_numpy(vectors_of(world)[:50])
    for codes in (again.semlens_encoder(rows), encoder(rows), component_values(again.layer, rows)):
        torch.testing.assert_close(codes, learned.semlens_encoder(rows))
    np.testing.assert_array_equal(again.density, learned.density)
    assert again.layer.key == learned.layer.key
    assert sl.Layer("layer", via=again).key == sl.Layer("layer", via=learned).key
    (tmp_path / "other.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"'other.safetensors' is no dictionary that was saved here"):
        sl.LearnedDictionary.open(tmp_path / "other.safetensors")


def test_memory_does_not_grow_with_the_images(monkeypatch):
    """Of the vectors of an epoch no more than a block is held, and one that is waited for."""
    monkeypatch.setattr(streamed, "BLOCK", 256)
    monkeypatch.setattr(streamed, "_FEWEST", 256)
    model, images, _ = planted_features.world(200)
    sizes = []
    for number in range(2):
        features = streamed.Features(model, images, sl.Layer("layer"), 16, 0, least=10)
        sizes += [len(block.vectors) for block in features.epoch(number)]
    assert sum(sizes) == 2 * 180 * 64
    assert max(sizes) <= 256 + 16 * 64


def test_a_stream_is_learned_from_as_a_list_but_for_the_order():
    model, images, _ = planted_features.world(100)
    pictures = [images.picture(i) for i in range(100)]

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(pictures)

    stream = sl.images(Stream(), transform=planted_features.tensor)
    found = sl.learn_dictionary(model, stream, "layer", size=12, k=3, epochs=4, progress=False)
    listed = sl.learn_dictionary(model, images, "layer", size=12, k=3, epochs=4, progress=False)
    assert (found.images, found.vectors) == (listed.images, listed.vectors)
    assert found.explained == pytest.approx(listed.explained, abs=0.1)


def test_values_show_what_they_are(learned):
    page = learned._repr_html_()
    for said in ("topk, 5 kept, seed 0, 30 epochs", "variance explained", "held-out images", "found again (chance 5%)"):
        assert said in page
    assert len(learned.to_rows()) == len(learned) == 48
    assert {"latent", "density", "dead", "cosine_1", "found_again_1"} == set(learned.to_rows()[0])
    assert len(learned.to_csv().splitlines()) == 49
    assert "found again" in repr(learned.stability[0])


NO = {
    "no such kind": ({"kind": "ica"}, "kinds are 'topk', 'nmf'"),
    "k of another kind": ({"kind": "pca", "k": 3}, "k=3 is of kind='topk'"),
    "k too large": ({"size": 4, "k": 5}, "from 1 to 4"),
    "no size": ({"size": 0}, "size=0"),
    "more components than features": ({"kind": "pca", "size": 25}, "has 24 features, which have at most as many"),
    "negative features": ({"kind": "nmf"}, "at least 0, and the layer's go down to -"),
    "an encoder": ({"layer": sl.Layer("layer", via=np.eye(24))}, "asked for with via"),
    "signed": ({"layer": sl.Layer("layer", signed=True)}, "asked for with signed=True"),
    "several layers": ({"layer": sl.Layer("*")}, "is of one layer"),
    "few images": ({"images": 5}, "give at least 10"),
}


@pytest.mark.parametrize(("given", "said"), NO.values(), ids=NO)
def test_what_does_not_fit_is_refused(given, said):
    model, images, _ = planted_features.world(given.get("images", 20))
    asked = {"layer": "layer", "size": 8, "progress": False} | {n: v for n, v in given.items() if n != "images"}
    asked.setdefault("k", 3) if asked.get("kind", "topk") == "topk" else None
    with pytest.raises(ValueError, match=said):
        sl.learn_dictionary(model, images, **asked)


def test_heads_have_no_features_to_learn_from():
    model = torch.nn.Module()
    model.attn = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    images = sl.images([planted_features.world(1)[1].picture(0)] * 12, transform=planted_features.tensor)
    with pytest.raises(ValueError, match="one number for each head and no features"):
        sl.learn_dictionary(model, images, sl.Heads("attn"), size=4, k=2)
