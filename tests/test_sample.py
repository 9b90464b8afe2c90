"""The sample: held-out images on which everything is known, whole, kept with the space."""

import numpy as np
import pytest
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import store
from semlens_widgets.examples import drawn
from semlens_widgets.vectors import unit


def fitted(clip=None, count=37, **options):
    data = sl.images(pictures(count), transform=to_pixels)
    options = {"crop": None, "k": 3, "null": 11, "sample": 17} | options
    made = sl.Lens(ColourNet(), data, ["colour", "head"], clip or ColourClip(), **options)
    return made.fit(cached=False, progress=False)


@pytest.mark.parametrize("crop", [None, "activation"])
def test_the_sample_has_activations_and_vectors_of_the_same_whole_images(crop):
    lens = fitted(crop=crop)
    sample = lens.space.sample
    assert len(sample) == 17
    assert sample.activations.shape == (17, 6)
    whole = lens.clip.images([lens.source.images.picture(int(i)) for i in sample.images])
    assert np.allclose(sample.vectors, unit(whole), atol=1e-3)
    net, colour = ColourNet(), lens.components.rows("colour")
    for image, activations in zip(sample.images, sample.activations, strict=True):
        maps = net.colour(to_pixels(lens.source.images.picture(int(image)))[None])[0]
        assert np.array_equal(activations[colour], maps.flatten(1).amax(1).detach().numpy())


def test_without_crops_no_image_is_embedded_twice():
    clip = ColourClip()
    lens = fitted(clip)
    null = drawn(37, 11, 0)
    assert sum(clip.asked) == len(set(lens.space.examples.referenced) | set(null) | set(lens.space.sample.images))


def test_a_file_keeps_the_sample_and_reads_it_when_asked(tmp_path):
    space = fitted().space
    again = sl.SemanticSpace.open(space.save(tmp_path / "a.semlens")).space
    assert "sample" not in vars(again)
    for name in ("images", "activations", "vectors"):
        assert np.array_equal(getattr(again.sample, name), getattr(space.sample, name))
    assert again.recipe.sample == 17


def test_no_sample_and_files_from_before_there_was_one(tmp_path):
    assert fitted(sample=0).space.sample is None
    stored = store.Stored(fitted().space.save(tmp_path / "new.semlens"))
    arrays = {name: array for name, array in stored.items() if not name.startswith("sample_")}
    document = stored.document | {"recipe": {k: v for k, v in stored.document["recipe"].items() if k != "sample"}}
    old = store.write(tmp_path / "old.semlens", arrays, document)
    lens = sl.open(old, clip=ColourClip())
    assert lens.space.sample is None
    assert lens.search("red", layer="colour").state == "unchecked"


def test_a_damaged_sample_is_refused_when_touched(tmp_path):
    path = fitted().space.save(tmp_path / "a.semlens")
    mapped = store.Stored(path).unchecked("sample_responses")
    where = path.read_bytes().find(mapped.tobytes())
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    space = sl.SemanticSpace.open(path).space
    with pytest.raises(sl.SemlensFileError, match="sample_responses"):
        space.sample  # noqa: B018


def test_another_sample_is_another_space():
    recipes = [fitted(sample=n).space.recipe for n in (17, 19)]
    assert recipes[0].key != recipes[1].key
    assert recipes[0].examples_key != recipes[1].examples_key
