"""The demo's segmentation: a component that encodes a factor is among the first for the factor's mask."""

import numpy as np
import pytest
import torch

import semlens_widgets as sl
from semlens_widgets.demo.network import normalise
from semlens_widgets.demo.planted import ENCODED
from semlens_widgets.demo.segmentation import PARTS, parts_of, trained_head
from semlens_widgets.explain import explain

N, SEED = 90, 77


@pytest.fixture(scope="module")
def world():
    return (
        sl.demo.segmenter(),
        sl.demo.render(N, SEED),
        sl.images(sl.demo.images(N, SEED), transform=sl.demo.transform()),
    )


@pytest.mark.parametrize("method", ["gradient", "lrp"])
@pytest.mark.parametrize("part", ["ruler", "patch", "vignette", "ink"])
def test_what_encodes_a_factor_is_among_the_five_first_for_its_mask(world, part, method):
    model, pictures, images = world
    truth = sl.demo.truth("unbiased").layer("layer4")
    encoding = set(np.flatnonzero(truth.auroc[:, truth.names.index(part)] >= ENCODED))
    masks = pictures.mask(part)
    seen = np.flatnonzero(masks.mean((1, 2)) > 0.03)[:6]
    relevance = np.mean(
        [
            explain(model, images, int(i), "layer4", sl.targets.segment(part, masks[i]), method=method).share
            for i in seen
        ],
        0,
    )
    assert encoding & set(np.argsort(-relevance)[:5].tolist())


def test_it_says_where_the_parts_are(world):
    model, pictures, _ = world
    with torch.no_grad():
        said = model(normalise(pictures.images))["out"][:, :, 4::8, 4::8].argmax(1).numpy()
    there = parts_of(pictures, 8)
    for part in ("background", "lesion", "ruler", "patch", "vignette"):
        number = PARTS.index(part)
        both, either = ((said == number) & (there == number)).sum(), ((said == number) | (there == number)).sum()
        assert both / either > 0.4, part


def test_a_head_is_trained_in_seconds():
    head = trained_head(sl.demo.classifier("unbiased"), images=60, steps=5)
    assert head.weight.shape == (len(PARTS), 128, 1, 1)
    assert float(head.weight.detach().abs().sum()) > 0
