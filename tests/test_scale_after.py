"""After a fit, with very many components: nothing grows with the square of what is asked, nothing loads what it needs
not."""

import subprocess
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from toy import COLOURS, colour_lens

import semlens_widgets as sl
from semlens_widgets.space import value
from semlens_widgets.vectors import unit


@pytest.fixture(scope="module")
def lens():
    return colour_lens(count=40, vocabulary=["red", "green", "blue"]).fit(cached=False, progress=False)


@pytest.mark.parametrize("named", [None, {"model": "ViT-B-32", "pretrained": "openai"}])
def test_words_of_a_file_are_answered_without_torch_or_a_clip(lens, tmp_path, named):
    """Whether the file names no CLIP, or one that would have to be loaded for other words."""
    path = lens.save(tmp_path / "toy.semlens")
    if named:
        space, extra, attached = sl.SemanticSpace.open(path)
        space = replace(space, recipe=replace(space.recipe, clip="ViT-B-32/openai"))
        path = sl.Lens.of_space(space, extra | {"clip": named}, attached).save(tmp_path / "named.semlens")
        assert sl.open(path).clip_or_none is not None
    asks = (
        "import sys; import semlens_widgets as sl; lens = sl.open(sys.argv[1]); lens.query = 'red'; "
        "print(lens.search('green'), lens.hits.message, lens.search('colour:1').message, lens.search('red, -blue')); "
        "print({'torch', 'open_clip', 'scipy.stats', 'umap'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", asks, path], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("block", [1, 7, 8192])
def test_the_best_crop_is_the_closest_image_whatever_the_blocks(lens, monkeypatch, block):
    monkeypatch.setattr(value, "_CROPS", block)
    space = replace(lens.space)  # which remembers nothing yet
    vectors = unit(np.random.default_rng(block).normal(size=(5, space.dim)).astype(np.float32))
    plain = [max(float(crop.astype(np.float32) @ vector) for crop in space.crop_vectors) for vector in vectors]
    assert space.best_crop(vectors) == pytest.approx(plain, abs=1e-6)
    assert space.crop_similarity(vectors[0]).max() == pytest.approx(plain[0], abs=1e-6)
    answer = sl.search(space, sl.Probes(("x",), vectors[:1], space.recipe.clip))[0]
    assert answer.images(1)[0][1] == pytest.approx(plain[0], abs=1e-6)


def test_a_file_of_many_words_looks_through_the_crops_once_for_each(monkeypatch, tmp_path):
    """The words of the vocabulary say how well a word of the data matches: each is asked once, not once for each."""
    words = [" ".join(pair) for pair in product(COLOURS, repeat=2)]
    made = colour_lens(count=40, vocabulary=words).fit(cached=False, progress=False)
    passes, on_all = [], value.on_all

    def counted(do, blocks):
        passes.append(len(blocks))
        return on_all(do, blocks)

    monkeypatch.setattr(value, "on_all", counted)
    path = made.save(tmp_path / "toy.semlens")
    answers = sl.SemanticSpace.open(path).extra["parts"]["words"]["answers"]
    assert [answer["query"] for answer in answers] == words
    assert any(answer["couldshow"] for answer in answers)
    assert 0 < len(passes) <= len(words)
