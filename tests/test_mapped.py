"""Arrays that are mapped from files: read in blocks, let go again, and checked when somebody asks for them."""

from pathlib import Path

import numpy as np
import pytest
from toy import colour_lens

from semlens_widgets import SemlensFileError, store
from semlens_widgets.mapped import let_go
from semlens_widgets.space import SemanticSpace, directions
from semlens_widgets.space import verb as embedding


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    made = colour_lens(count=40, k=5, vocabulary=["red", "green"]).fit(cached=False, progress=False)
    return made.save(tmp_path_factory.mktemp("mapped") / "toy.semlens")


def by_loops(crops, crop_of, counts):
    """The mean of each component's unit crops, one after the other."""
    means = np.zeros((len(crop_of), crops.shape[1]))
    for row, count in enumerate(counts):
        for crop in crop_of[row, :count]:
            vector = crops[crop].astype(np.float64)
            means[row] += vector / max(np.linalg.norm(vector), 1e-30) / count
    return means


@pytest.mark.parametrize("at_once", [1, 7, 64, 1 << 14])
def test_directions_are_the_means_of_examples_however_crops_are_read(tmp_path, monkeypatch, at_once):
    source = np.random.default_rng(at_once)
    crops = np.memmap(tmp_path / "crops", np.float16, "w+", shape=(53, 11))
    crops[:] = source.normal(size=crops.shape)
    crops[5] = 0  # could not be read
    crops.flush()
    mapped = np.asarray(np.memmap(tmp_path / "crops", np.float16, "r", shape=(53, 11)))
    crop_of = source.integers(0, 53, (17, 5))
    crop_of[3] = crop_of[4]  # crops that two share, and one that a component has twice
    crop_of[6, :2] = 9
    counts = source.integers(0, 6, 17)
    monkeypatch.setattr(embedding, "GATHERED", at_once)
    for given in (mapped, np.array(mapped)):
        theta, lengths = directions(given, crop_of, counts)
        means = by_loops(given, crop_of, counts)
        assert lengths == pytest.approx(np.linalg.norm(means, axis=1), abs=1e-6)
        assert theta * lengths[:, None] == pytest.approx(means, abs=1e-6)


def test_what_is_let_go_is_read_again_and_what_is_in_memory_stays(tmp_path):
    numbers = np.arange(100_000, dtype=np.int32)
    numbers.tofile(tmp_path / "numbers")
    for mode in ("r", "c", "r+"):
        mapped = np.memmap(tmp_path / "numbers", np.int32, mode)
        part = np.asarray(mapped)[5:].view()
        expected = numbers[5:].copy()
        if mode == "c":  # what is changed in memory only
            part[0] = expected[0] = 7
        let_go(part)
        assert np.array_equal(part, expected)
    let_go(numbers)
    assert numbers[-1] == 99_999


@pytest.mark.usefixtures("as_installed")
def test_opening_a_space_reads_no_large_array(file, monkeypatch):
    read, unchecked = [], store.Stored.unchecked

    def noted(stored, name):
        read.append(name)
        return unchecked(stored, name)

    monkeypatch.setattr(store.Stored, "unchecked", noted)
    space = SemanticSpace.open(file).space
    assert set(read) <= {"thumbnails", "sample_images"}, "the pictures are mapped, and not looked at"
    assert len(space.components) == 6
    assert space.dim == space.vectors.shape[1]
    assert "vectors" in read


@pytest.mark.parametrize(
    ("name", "look"),
    [
        ("example_responses", lambda space: space.examples.responses),
        ("example_images", lambda space: space.examples.images),
        ("negative", lambda space: space.alive),
        ("crop_of", lambda space: space.embeddings_of([0])),
        ("crop_vectors", lambda space: space.embeddings_of([0])),
        ("vectors", lambda space: space.vectors),
        ("lengths", lambda space: space.resultant_length(np.arange(2))),
        ("null_vectors", lambda space: space.null_means),
        ("thumbnail_offsets", lambda space: space.thumbnails.webp(0)),
        ("thumbnail_checksums", lambda space: space.thumbnails.webp(0)),
        ("image_names", lambda space: space.names),
        ("image_labels", lambda space: space.labels),
        ("sample_responses", lambda space: space.sample),
        ("sample_vectors", lambda space: space.sample),
    ],
)
def test_damage_is_told_by_name_when_the_array_is_first_read(file, tmp_path, name, look):
    data = bytearray(Path(file).read_bytes())
    _, _, begin, end = store.Stored(file)._header.tensors[name]
    data[(begin + end) // 2] ^= 1
    path = tmp_path / "damaged.semlens"
    path.write_bytes(data)
    space = SemanticSpace.open(path).space
    with pytest.raises(SemlensFileError, match=f"{name!r} is damaged"):
        look(space)
    with pytest.raises(SemlensFileError, match=f"{name!r} is damaged"):
        SemanticSpace.open(path, whole=True)
