"""To and from others: their files are read as they write them, ours can be read without us."""

import csv

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.evaluate import clarity
from semlens_widgets.interchange import concept_database, dissect_labels, export_crops


def toy():
    data = sl.images(pictures(40, size=24), transform=to_pixels)
    lens = sl.Lens(ColourNet(), data, ["colour", "head"], ColourClip(), k=5, crop=None, templates=("{}",))
    return lens.fit(cached=False, progress=False)


def test_a_concept_database_gives_embeddings_by_layer_that_scores_take(tmp_path):
    random = np.random.default_rng(0)
    stored = {"layer4": random.normal(size=(7, 5, 3)), "layer3": random.normal(size=(11, 5, 3)).astype(np.float16)}
    save_file(stored, tmp_path / "concept_db-x.safetensors")
    found = concept_database(tmp_path / "concept_db-x.safetensors")
    assert list(found) == ["layer3", "layer4"]
    assert np.allclose(found["layer4"], stored["layer4"], atol=1e-6)
    vectors = found["layer4"] / np.linalg.norm(found["layer4"], axis=-1, keepdims=True)
    pairs = [[vectors[c, i] @ vectors[c, j] for i in range(5) for j in range(5) if i != j] for c in range(7)]
    assert np.allclose(clarity(vectors), np.mean(pairs, axis=1), atol=1e-5)


def test_files_of_another_kind_are_named(tmp_path):
    save_file({"weight": np.zeros((3, 4))}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"it holds weight \[3, 4\], needed is \[component example dim\]"):
        concept_database(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="no safetensors file"):
        concept_database(tmp_path / "b.safetensors")


def test_labels_of_clip_dissect_become_a_persons_own(tmp_path):
    path = tmp_path / "descriptions.csv"
    path.write_text('layer,unit,description,similarity\ncolour,0,red,0.3\ncolour,2,"blue, deep",0.2\n')
    labels = dissect_labels(path)
    assert labels == {"colour:0": "red", "colour:2": "blue, deep"}
    lens = toy()
    lens.own_labels = labels
    assert lens.label_of(0).text == "red"


def test_a_table_that_is_not_clip_dissects_is_named(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("neuron,label\n1,a\n")
    with pytest.raises(ValueError, match="no column 'layer'"):
        dissect_labels(path)
    path.write_text("layer,unit,description\nfc,x,a\n")
    with pytest.raises(ValueError, match="line 2: the unit is 'x'"):
        dissect_labels(path)


def test_crops_are_written_with_a_table_about_them(tmp_path):
    lens = toy()
    folder = export_crops(lens, tmp_path / "crops", ["colour:0", "head:1"], examples=3)
    rows = list(csv.DictReader((folder / "crops.csv").open()))
    assert len(rows) == 6
    assert rows[0]["file"] == "colour/0000/00.png"
    assert rows[0]["source"] == "original"
    for row in rows:
        picture = Image.open(folder / row["file"])
        assert picture.size == (24, 24)
        assert int(row["image"]) < 40
    lens.save(tmp_path / "x.semlens")
    opened = sl.open(tmp_path / "x.semlens", clip=ColourClip())
    again = export_crops(opened, tmp_path / "again", ["colour:0"], examples=1)
    assert next(csv.DictReader((again / "crops.csv").open()))["source"] == "thumbnail"


def test_a_lens_on_another_machine_says_what_it_lacks_and_does_the_rest(tmp_path):
    toy().save(tmp_path / "x.semlens")
    opened = sl.open(tmp_path / "x.semlens")
    assert opened.lacks == ("model and images", "CLIP")
    assert "without model and images and CLIP" in repr(opened)
    assert opened.evaluate().figure().to_bytes("pdf")
    assert opened.figure("gallery").to_bytes("pdf")
    with pytest.raises(RuntimeError, match="has no model or images at hand"):
        opened.explain(0)
    with pytest.raises(RuntimeError, match="without its CLIP"):
        opened.search("red")
    assert toy().lacks == ()
