"""Heads that rely on rulers to a known degree: what the audit says rises with it, and is quiet where there is none."""

import numpy as np
import pytest

import semlens_widgets as sl
from semlens_widgets.demo import reliance
from semlens_widgets.demo.factors import CLASS_NAMES
from semlens_widgets.demo.measure import margins
from semlens_widgets.demo.world import render


def test_reliance_is_as_planted():
    free, poisoned = (render(250, 9300, probabilities=p) for p in (reliance.FREE, reliance.POISONED))
    lost = []
    for rho in (0.0, 0.8, 1.0):
        model = reliance.load(rho)
        right = [((margins(model, p) > 0) == (p.labels == 1)).mean() for p in (free, poisoned)]
        lost.append(right[0] - right[1])
    assert abs(lost[0]) <= 0.05
    assert lost[0] + 0.05 < lost[1] < lost[2]


def test_the_audit_says_how_much_and_is_quiet_without_reliance():
    data = sl.images(sl.demo.images(400, 0), transform=sl.demo.transform(), classes=CLASS_NAMES)
    clip = sl.OpenClip(sl.demo.clip_folder())
    lens = sl.Lens(reliance.load(0.0), data, ["layer4"], clip, k=20, crop=None, templates=sl.demo.TEMPLATES)
    lens.fit(cached=False, progress=False)
    found = []
    for rho in (0.0, 0.8, 1.0):  # the same components, another head
        lens.source.model.fc.load_state_dict(reliance.load(rho).fc.state_dict())
        lens.relate(cached=False, progress=False)
        found.append(lens.audit(sl.Checklist.abcde(), target="melanoma", progress=False)["ruler"])
    assert [f.state for f in found] == ["found"] * 3
    assert [f.direction for f in found] == [None, "for", "for"]
    shares = [f.share.mean for f in found]
    assert np.all(np.diff(shares) > 0)
    assert shares[0] < 0.02 < shares[1]


def test_an_unknown_correlation_is_named():
    with pytest.raises(ValueError, match="there are 0, "):
        reliance.load(0.3)
