"""Two demo classifiers, and a training series, held against each other and against what is planted."""

import numpy as np
import pytest

import semlens_widgets as sl
from semlens_widgets.demo.factors import FACTORS, INDEX, SHORTCUTS, SPLITS
from semlens_widgets.demo.measure import margins
from semlens_widgets.demo.world import render

QUERIES = [factor.query for factor in FACTORS]


@pytest.fixture(scope="module")
def classifiers():
    kinds = ("biased", "unbiased")
    return {kind: sl.demo.lens(kind, n=300, layers=("layer4",)).fit(relevance=True, progress=False) for kind in kinds}


def shares(lenses):
    """(concepts by models: the part of relevance that passes through a concept's carriers, the table itself)."""
    table = sl.concept_table(lenses, QUERIES)
    return table.relevance({name: lens.relevance_shares for name, lens in lenses.items()}), table


def test_both_classifiers_see_the_coloured_patch_but_only_the_biased_one_relies_on_it(classifiers):
    relevance, table = shares(classifiers)
    patch = INDEX["patch"]
    assert table.found[patch].all(), "the patch is encoded by both: score alone cannot tell them apart"
    assert abs(np.diff(table.scores[patch])) < 0.05
    biased, unbiased = relevance[patch]
    assert biased > 0.1
    assert unbiased < biased / 3
    assert INDEX["patch"] == np.argmax(relevance[:, 0] - relevance[:, 1]), "no other concept gains as much by the bias"


def test_most_components_of_the_two_classifiers_have_a_counterpart(classifiers):
    found = classifiers["biased"].compare(classifiers["unbiased"], name="unbiased")
    for similarity in (found.s_ab, found.s_ba):
        assert similarity.low > similarity.chance + 3 * similarity.chance_sd
    assert found.known_ab[0, 0] > 0.6
    assert found.known_ba[0, 0] > 0.6


def test_the_series_learns_the_shortcuts_within_a_few_steps():
    models = sl.demo.checkpoints()
    assert [len(models), next(iter(models))] == [10, "step 0"]
    reversed_, clean = (render(400, 9000, probabilities=SPLITS[name]) for name in ("reversed", "clean"))

    def accuracy(model, pictures):
        return float(((margins(model, pictures) > 0) == (pictures.labels == 1)).mean())

    falling = [accuracy(models[name], reversed_) for name in ("step 0", "step 10", "step 40")]
    assert falling[0] > 0.8
    assert falling[0] > falling[1] > falling[2]
    assert falling[2] < 0.25
    assert accuracy(models["step 300"], clean) > 0.8


def test_the_relevance_of_the_shortcuts_rises_along_the_series_while_their_scores_stay():
    lenses = sl.demo.series(n=200, only=("step 0", "step 10", "step 40"))
    assert list(lenses) == ["step 0", "step 10", "step 40"]
    relevance, table = shares(lenses)
    patch = INDEX["patch"]
    assert (np.diff(relevance[patch]) > 0).all()
    assert relevance[patch, -1] > 4 * relevance[patch, 0]
    assert np.ptp(table.scores[patch]) < 0.05
    shortcuts = relevance[[INDEX[name] for name in SHORTCUTS]].sum(0)
    assert shortcuts[-1] > 2 * shortcuts[0]
    with pytest.raises(ValueError, match="no moment step 7 in the series; there are step 0"):
        sl.demo.series(only=["step 7"])
