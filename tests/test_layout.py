"""The layout of the map: PCA at once, UMAP in a process of its own, kept in the file."""

import numpy as np
import pytest
from torch import nn
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.layout import Layout, Tick, pca, umap
from semlens_widgets.layout.apart import remaining


class Wide(nn.Module):
    """Channels that answer to one of three colours each, more or less purely; the last is never excited."""

    def __init__(self, channels):
        super().__init__()
        self.wide = nn.Conv2d(3, channels, 1, bias=False)
        random = np.random.default_rng(0)
        mix = np.eye(3)[np.arange(channels) % 3] * 2 - 1 + random.uniform(0, 0.2, (channels, 3))
        mix[-1] = -1
        self.wide.weight.data = self.wide.weight.new_tensor(mix)[:, :, None, None]
        self.rectified = nn.ReLU()

    def forward(self, pixels):
        return self.rectified(self.wide(pixels))


def fitted(net, layers):
    data = sl.images(pictures(40), transform=to_pixels)
    return sl.Lens(net, data, layers, ColourClip(), k=5, templates=("{}",)).fit(cached=False, progress=False)


@pytest.fixture(scope="module")
def wide():
    return fitted(Wide(31), "rectified")


def test_pca_is_the_singular_vectors_of_the_centred_space(wide):
    made = pca(wide.space)
    vectors = wide.space.vectors[wide.space.alive].astype(np.float64)
    _, _, axes = np.linalg.svd(vectors - vectors.mean(0))
    expected = (vectors - vectors.mean(0)) @ axes[:2].T
    got = made.positions[wide.space.alive].astype(np.float64)
    scale = np.ptp(expected, axis=0).max()
    for axis in (0, 1):
        seen, meant = got[:, axis] - got[:, axis].mean(), expected[:, axis] / scale
        assert np.allclose(seen, meant, atol=1e-4) or np.allclose(seen, -meant, atol=1e-4)
    assert np.ptp(got, axis=0).max() == pytest.approx(1)
    assert np.array_equal(pca(wide.space).positions, made.positions, equal_nan=True)


def test_dead_components_have_no_place_and_few_components_none_the_less_have_one(wide):
    assert not wide.space.alive[-1]
    assert np.isnan(pca(wide.space).positions[-1]).all()
    small = fitted(ColourNet(), ["colour", "head"])
    assert np.isfinite(pca(small.space).positions[small.space.alive]).all()
    with pytest.raises(ValueError, match=r"living components; it needs 10, use method='pca'"):
        small.compute_layout()


def test_umap_is_the_same_for_the_same_seed_and_puts_colours_together(wide):
    first = wide.compute_layout(seed=3, neighbours=5)
    again = umap(wide.space, seed=3, neighbours=5)
    assert np.array_equal(first.positions, again.positions, equal_nan=True)
    living = np.flatnonzero(wide.space.alive)
    places = first.positions[living]
    distance = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distance, np.inf)
    cosines = wide.space.vectors[living] @ wide.space.vectors[living].T
    near = np.take_along_axis(cosines, distance.argmin(1)[:, None], 1)
    assert near.mean() > np.median(cosines) + cosines.std()


def test_of_very_many_components_a_sample_is_laid_out_and_the_others_are_placed_among_it(tmp_path):
    lens = fitted(Wide(61), "rectified")
    ticks = []
    made = lens.compute_layout(neighbours=5, sample=25, on_tick=ticks.append)
    assert "a preview: of 25, the others placed among them" in repr(made)
    assert "preview: of 25" in lens.figure("map").caption()
    assert str(ticks[-1]).startswith("preview: UMAP of 25 of 60 components")
    living = np.flatnonzero(lens.space.alive)
    assert np.isfinite(made.positions[living]).all()
    drawn = living[np.random.default_rng(0).permutation(len(living))[:25]]
    distance = np.linalg.norm(made.positions[living, None] - made.positions[drawn], axis=2)
    distance[living[:, None] == drawn] = np.inf
    colours = np.arange(61) % 3
    near = drawn[distance.argmin(1)]
    assert (colours[living] == colours[near]).mean() > 0.9
    opened = sl.open(lens.save(tmp_path / "toy.semlens"), clip=ColourClip())
    assert (opened.layout.sample, opened.layout.preview) == (25, True)


def test_the_time_to_go_is_as_expected_at_first_and_follows_the_pace():
    assert remaining(0.0, 0.0, 60.0) == 60
    assert remaining(90.0, 0.0, 60.0) == 90, "it takes longer than expected, and nobody knows how long"
    assert remaining(30.0, 0.5, 600.0) == 30
    assert remaining(30.0, 0.75, 600.0) == pytest.approx(10)
    assert remaining(30.0, 1.0, 600.0) == 0
    assert str(Tick(3.5, 38.0, "UMAP of 7")) == "UMAP of 7, about 40 s to go"
    assert str(Tick(3.5, 0.2, "UMAP of 7")) == "UMAP of 7, about 1 s to go"
    assert str(Tick(3.5)) == "UMAP"
    assert int(Tick(3.5)) == 3


def test_umap_can_be_given_up_and_says_why_it_fails(wide, tmp_path, monkeypatch):
    def enough(seconds):
        raise KeyboardInterrupt

    before = wide.layout
    with pytest.raises(KeyboardInterrupt):
        wide.compute_layout(on_tick=enough)
    assert wide.layout is before
    (tmp_path / "umap.py").write_text("raise ImportError('no numba here')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match="UMAP failed: ImportError: no numba here"):
        umap(wide.space)


def test_a_layout_is_kept_in_the_file(tmp_path):
    lens = fitted(Wide(13), "rectified")
    assert "layout" not in lens.to_file()[1]["extra"]["parts"]
    assert lens.current_layout().method == "pca"
    made = lens.compute_layout("pca")
    opened = sl.open(lens.save(tmp_path / "toy.semlens"), clip=ColourClip())
    assert np.array_equal(opened.layout.positions, made.positions, equal_nan=True)
    assert repr(opened.layout) == "<Layout of 12 components by PCA>"


def test_senseless_layouts_and_colours_are_refused(wide, as_installed):
    with pytest.raises(ValueError, match="'tsne'"):
        wide.compute_layout("tsne")
    with pytest.raises(ValueError, match=r"reach from 0 to 2"):
        Layout(np.asarray([[0.0, 2.0]]), "pca", 0, 0)
    with pytest.raises(ValueError, match="neighbours=1"):
        wide.compute_layout(neighbours=1)
    with pytest.raises(ValueError, match="sample=3; UMAP needs 10"):
        wide.compute_layout(sample=3)
    with pytest.raises(ValueError, match=r"map_colour='mauve'; colours can show label, layer"):
        wide.map_colour = "mauve"
    assert wide.map_colour == "label"
