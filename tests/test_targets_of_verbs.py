"""Every kind of target by every verb over a data set: right, against one picture after the other, or refused."""

import numpy as np
import pytest
import torch
from heads import CLASSES, MASK, VECTOR, Detector, Heads, Mapped, centred, common, data, pooled
from toy import ColourClip

import semlens_widgets as sl
from semlens_widgets import targets
from semlens_widgets.model import stack

LOCAL = "belongs to one picture"
SHIFTING = "is of something else once components are off"


def of_scores(out):
    return out[:, 3] - out[:, 1]


def of_all(out):
    return 2 * out["out"][:, 1].mean((1, 2))


def several():
    return Heads(lambda maps: pooled(maps) + torch.tensor([1.0, -9, 1, -9, -9]))


KINDS = {  # the model, its target, what the one class is called, and which verbs refuse it
    "a class": (lambda: Heads(pooled), targets.output(2), "2", {}),
    "all that are on": (several, targets.all_on(), "all labels that are on", {"effect": SHIFTING}),
    "a class everywhere": (Mapped, targets.segment("road"), "road everywhere", {}),
    "where predicted": (
        lambda: Mapped(lambda maps: {"out": maps - common()[:, None, None]}),
        targets.segment("car", "predicted"),
        "car where it is predicted",
        {"effect": SHIFTING},
    ),
    "a place": (Mapped, targets.segment("road", (0.4, 0.6)), "", dict.fromkeys(("relate", "circuit", "effect"), LOCAL)),
    "a mask": (Mapped, targets.segment("road", MASK), "", dict.fromkeys(("relate", "circuit", "effect"), LOCAL)),
    "the surest box": (Detector, targets.box(1), "the surest class 1", {}),
    "a box at a place": (
        Detector, targets.box(at=(0.3, 0.3)), "", dict.fromkeys(("relate", "circuit", "effect"), LOCAL),
    ),
    "a text": (lambda: Heads(pooled), targets.text("a dog", by=VECTOR), "text: a dog", {}),
    "a likeness": (lambda: Heads(centred), targets.similarity(3), "likeness to image 3", {}),
    "a function of scores": (lambda: Heads(pooled), of_scores, "of_scores", {}),
    "a function of all": (Mapped, of_all, "of_all", {}),
}  # fmt: skip
EACH = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def lenses():
    made = {}

    def of(kind):
        if kind not in made:
            make, target, name, refused = KINDS[kind]
            model = make()
            inside = "maps.trunk" if isinstance(model, Detector) else "trunk"
            outputs = "multi" if kind == "all that are on" else None
            labelled = data(labels=[0, 1, 2, 3, 4], classes=CLASSES) if kind == "a class" else data()
            lens = sl.Lens(
                model, labelled, [f"{inside}.1", f"{inside}.3"], ColourClip(), k=3, crop=None, outputs=outputs
            )
            made[kind] = lens.fit(cached=False, progress=False), target, name, refused
        return made[kind]

    return of


def one_by_one(lens, target):
    """(shares, values) of each picture explained alone; zeros where there is nothing to explain in it."""
    shares, values = np.zeros((5, len(lens.components))), np.full(5, -np.inf)
    for image in range(5):
        try:
            why = lens.explain(image, target, method="gradient")
        except ValueError as nothing:
            if not any(said in str(nothing) for said in ("at no place", "no label is on", "more like itself")):
                raise
            values[image] = 1.0 if "itself" in str(nothing) else 0.0
        else:
            shares[image], values[image] = why.share, why.value
    return shares, values


@EACH
def test_relate(lenses, kind):
    lens, target, name, refused = lenses(kind)
    settings = {"method": "gradient", "cached": False, "progress": False, "batch_size": 2}
    if "relate" in refused:
        with pytest.raises(ValueError, match=refused["relate"]):
            lens.relate(target=target, **settings)
        return
    found = lens.relate(target=target, **settings)
    called = CLASSES[2] if kind == "a class" else name
    assert found.only == called
    if kind != "a likeness":  # where rounding speaks for the image itself
        expected = one_by_one(lens, target)[0].mean(0)
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(found.of(called), expected, atol=1e-4)
    assert found.reliability


@EACH
def test_circuit(lenses, kind):
    lens, target, name, refused = lenses(kind)
    if "circuit" in refused:
        with pytest.raises(ValueError, match=refused["circuit"]):
            lens.circuit(target)
        return
    if kind == "a class":
        target = CLASSES[2]
    found = lens.circuit(target, top=2, depth=1, images=3, method="gradient")
    assert found.target == (target if kind == "a class" else name)
    if kind in ("a class", "a likeness"):  # over the images of the class; of an image with itself nothing is told
        return
    shares, values = one_by_one(lens, target)
    chosen = np.sort(np.argsort(-values, kind="stable")[:3])
    highest = lens.components.rows(lens.components.layers[-1])
    expected = shares[chosen].mean(0)
    order = np.argsort(-np.abs(expected[highest]), kind="stable")[:2] + highest.start
    assert [node.row for node in found.nodes] == order.tolist()
    for node in found.nodes:
        assert node.relevance == pytest.approx(expected[node.row], abs=1e-4)


@EACH
def test_effect(lenses, kind):
    lens, target, name, refused = lenses(kind)
    layer = lens.components.layers[-1]
    off = [f"{layer}:1", f"{layer}:4"]
    if "effect" in refused:
        with pytest.raises(ValueError, match=refused["effect"]):
            lens.effect(off, target=target, draws=2, points=2, progress=False)
        return
    found = lens.effect(off, target=target, draws=2, points=2, progress=False)
    assert found.target == (CLASSES[2] if kind == "a class" else name)
    if kind == "a class":  # measured by margins and AUROC, as tests/test_effect.py holds
        return
    change = found["data", "switched off"].change.mean
    assert change == pytest.approx(by_hooks(lens, target, layer, [1, 4]), abs=1e-4)


def by_hooks(lens, target, layer, channels):
    """The mean change of the number over the pictures, with channels set to zero."""
    model, inputs = lens.source.model, stack([data().tensor(image) for image in range(5)])
    known = next(image for image in range(5) if not (target == targets.similarity(3) and image == 3))
    goal = lens.explain(known, target, method="gradient").source.goal
    if isinstance(target, type(targets.box(1))):  # that of one picture stays with its place
        number = lambda answer: np.array([float(max(a["scores"][a["labels"] == 1], default=0)) for a in answer])  # noqa: E731
    else:
        number = lambda answer: goal.values(answer, 5)  # noqa: E731

    def zero(module, args, output):
        changed = output.clone()
        changed[:, channels] = 0
        return changed

    with torch.no_grad():
        before = number(model(inputs))
        handle = model.get_submodule(layer).register_forward_hook(zero)
        after = number(model(inputs))
        handle.remove()
    return float((after - before).mean())


@EACH
def test_audit(lenses, kind):
    lens, target, name, refused = lenses(kind)
    checklist = sl.Checklist(groups=(sl.Group("colours", (sl.Concept("red"), sl.Concept("green"))),))
    if "relate" in refused:
        with pytest.raises(ValueError, match=refused["relate"]):
            lens.audit(checklist, target, progress=False)
        return
    if kind == "a class":
        lens.relate(target=2, cached=False, progress=False)
        target, name = None, CLASSES[2]  # the only one there is
    report = lens.audit(checklist, target, progress=False)
    assert report.target == name
    np.testing.assert_array_equal(report.relevance, lens.relevance.of(name))
    again = lens.audit(progress=False)
    assert again.target == name
    assert again.to_rows() == report.to_rows()


def test_after_relate_for_one_target_an_audit_takes_it(lenses):
    """Nobody is asked which class where there is one."""
    lens, *_ = lenses("a function of all")
    lens.relate(target=lambda out: out["out"][:, 2].amax((1, 2)), cached=False, progress=False)
    name = "out['out'][:, 2].amax((1, 2))"
    assert lens.relevance.classes == (name,)
    lens.checklist = sl.Checklist(groups=(sl.Group("colours", (sl.Concept("red"),)),))
    assert lens.audit(progress=False).target == name
    layer = lens.components.layers[-1]
    assert lens.effect([f"{layer}:1"], draws=2, points=2, progress=False).target == name
