"""The weak world: shortcuts as faint as in published counts, and a classifier that learned there."""

import numpy as np
import pytest

import semlens_widgets as sl
from semlens_widgets.demo.factors import CLASS_NAMES, INDEX, NAMES, PUBLISHED_COUNTS, SHORTCUTS, SPLITS, VALID
from semlens_widgets.demo.measure import margins
from semlens_widgets.demo.planted import auroc
from semlens_widgets.demo.world import contents, render


def test_artefacts_are_as_often_among_nevi_and_melanomas_as_was_counted():
    labels, factors = contents(20_000, 4, probabilities=SPLITS["weak"])
    for name, (benign, malignant) in PUBLISHED_COUNTS.items():
        if name in NAMES:
            shown = factors[:, INDEX[name]]
            assert shown[labels == 0].mean() == pytest.approx(benign, abs=0.02), name
            assert shown[labels == 1].mean() == pytest.approx(malignant, abs=0.02), name
    assert set(PUBLISHED_COUNTS) - set(NAMES) == {"gel border"}, "what the world does not draw"
    assert {name: SPLITS["weak"][name] for name in VALID} == {name: SPLITS["unbiased"][name] for name in VALID}


def test_its_classifier_knows_the_lesions_and_rests_little_on_the_artefacts():
    weak, biased = sl.demo.classifier("weak"), sl.demo.classifier("biased")
    assert weak.class_names == CLASS_NAMES
    drawn = render(400, 9100, probabilities=SPLITS["clean"])
    assert auroc(margins(weak, drawn)[:, None], drawn.labels[:, None].astype(bool))[0, 0] >= 0.9
    flags = contents(60, 77)[1]
    moved = {}
    for which, model in (("weak", weak), ("biased", biased)):
        sides = {}
        for name in SHORTCUTS:
            for on in (True, False):
                held = flags.copy()
                held[:, INDEX[name]] = on
                sides[name, on] = margins(model, render(60, 77, flags=held))
        moved[which] = sum(float(np.abs((sides[n, True] - sides[n, False]).mean())) for n in SHORTCUTS)
    assert moved["weak"] < 0.6 * moved["biased"]
