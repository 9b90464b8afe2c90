"""The tests that peers put to metrics of explanations, put to `verify`; small, with the definitions of their papers."""

import numpy as np
import pytest
from benchmarks import _peers as peers
from benchmarks.planted import space_of
from sklearn.metrics import average_precision_score, roc_auc_score
from test_recovery import CLASSES, ShapeClip, drawn, shipped, to_tensor

import semlens_widgets as sl
from semlens_widgets.describe import describe
from semlens_widgets.vectors import unit
from semlens_widgets.verify import verify

RELIABLE = ("pearson", "auprc")


@pytest.mark.parametrize("frequency", [0.5, 0.1, 0.02])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_an_explanation_that_says_half_or_twice_as_much_scores_lower(frequency, noise):
    """NeuronEval's missing and extra labels, on ideal units and on noisy ones: both scores must fall for 90 %."""
    activations, presence = peers.ideal(frequency, components=30, images=1500, seed=3)
    activations += noise * np.random.default_rng(4).normal(size=activations.shape).astype(np.float32)
    fallen = peers.falls(space_of, activations, presence, frequency, seed=5)
    for metric in RELIABLE:
        assert min(fallen[metric]) >= peers.PASSES, f"{metric}: {fallen[metric]}"


def test_an_explanation_that_says_the_same_of_every_image_is_no_better_than_chance():
    activations, presence = peers.ideal(0.1, components=20, images=1500, seed=1)
    for constant in (0.0, 1.0):
        told = peers.verified(space_of, activations, np.full_like(presence, constant), 0.1)
        assert np.isnan(told["pearson"]).all()
        assert told["auprc"] == pytest.approx(0.1)
    other = np.random.default_rng(2).permutation(presence)
    told = peers.verified(space_of, activations, other, 0.1)
    assert abs(told["pearson"]).max() < 0.15
    assert told["auprc"].mean() == pytest.approx(0.1, abs=0.03)
    right = peers.verified(space_of, activations, presence, 0.1)
    assert right["pearson"] == pytest.approx(1)
    assert right["auprc"] == pytest.approx(1)


def test_of_all_pairs_of_unit_and_class_name_verify_tells_the_true_ones():
    """CLIP-Dissect's last layer, as NeuronEval uses it: average precision of the score over all pairs."""
    pictures, _ = drawn(300, seed=1)
    lens = sl.Lens(shipped(0), sl.images(pictures, transform=to_tensor), "10", ShapeClip(), k=15, crop=None)
    lens.fit(cached=False, progress=False)
    held_out, _ = drawn(300, seed=8)
    activations, vectors = lens.source.responses(sl.images(held_out, transform=to_tensor), progress=False)
    words = sl.text_probes(lens.clip, CLASSES, ("{}",), null=False).vectors
    scores = peers.of_all_pairs(lens.space, activations, vectors, words, np.arange(len(CLASSES)))
    true = np.eye(len(CLASSES), dtype=bool)
    assert peers.standing_alone(scores, true) > 3 * peers.standing_alone(np.roll(scores, 5, axis=1), true)
    assert (scores.argmax(1) == np.arange(len(CLASSES))).mean() >= 0.5


def test_several_words_simulate_unseen_activations_better_than_one():
    """Linear Explanations: units that answer to two concepts, simulated from one word and from several."""
    random = np.random.default_rng(6)
    images, words, units = 900, 12, 20
    directions = np.linalg.qr(random.normal(size=(32, words)))[0].T.astype(np.float32)
    present = random.random((images, words)) < 0.15
    vectors = unit(present @ directions + 0.15 * random.normal(size=(images, 32))).astype(np.float32)
    both = np.stack([random.choice(words, 2, replace=False) for _ in range(units)])
    activations = (present[:, both].sum(2) + 0.2 * random.normal(size=(images, units))).astype(np.float32)
    seen, unseen = slice(0, 600), slice(600, None)
    space = space_of(activations[seen], vectors[seen], 0, k=10)
    probes = sl.Probes(tuple(f"word {n}" for n in range(words)), directions, space.recipe.clip)
    found = {}
    for k in (1, 3):
        labels = describe(space, probes, k=k, method="linear", activations=activations[seen],
                             image_vectors=vectors[seen], level=0.0)  # fmt: skip
        found[k] = peers.simulated(labels, vectors[seen], vectors[unseen], activations[unseen])
        one = verify(labels, activations[unseen], vectors[unseen], rounds=1).pearson
        if k == 1:
            assert found[1] == pytest.approx(one, abs=1e-5), "with one word it is Pearson's r of `verify`"
    assert found[3].mean() > found[1].mean() + 0.1
    assert found[3].mean() > 0.7


def test_fades_measures_are_their_formulas():
    random = np.random.default_rng(7)
    activations, present = random.normal(size=(200, 3)).round(1), random.random((200, 3)) < 0.2
    for column in range(3):
        shown = present[:, column]
        got = peers.gini(activations[shown, column : column + 1], activations[~shown, column : column + 1])
        assert got[0] == pytest.approx(2 * roc_auc_score(shown, activations[:, column]) - 1)
        assert peers.purity(activations, present)[column] == pytest.approx(
            average_precision_score(shown, activations[:, column])
        )
    assert peers.faithfulness([0.2, 0.2, 0.6]) == pytest.approx(0.5)
    assert peers.faithfulness([0.2, 0.1]) == 0
    assert peers.faithfulness([1, 1]) == 0
