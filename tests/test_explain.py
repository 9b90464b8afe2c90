"""Explanations and circuits of predictions, on the toy world: values, mistakes, files."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.attribution import attribute, edges, heatmaps
from semlens_widgets.circuit import trace_circuit
from semlens_widgets.explain import explain
from semlens_widgets.model import Layer, in_order, resolve, stack

CLASSES = ("warm", "cold")


def data(count=23, **settings):
    labels = [i % 2 for i in range(count)]
    return sl.images(pictures(count), **{"transform": to_pixels, "labels": labels, "classes": CLASSES, **settings})


def lens(net=None, images=None, layers=("colour", "rectified"), **settings):
    return sl.Lens(net or ColourNet(), images or data(), list(layers), ColourClip(), k=3, crop=None, **settings)


def test_it_holds_the_prediction_and_what_carried_it():
    made = lens()
    why = made.explain(4)
    with torch.no_grad():
        logits = ColourNet()(stack([made.source.images.tensor(4)]))[0].numpy()
    np.testing.assert_allclose(why.logits, logits)
    assert why.target == CLASSES[int(logits.argmax())]
    assert why.value == pytest.approx(float(logits.max()))
    assert why.predictions(1) == [(why.target, pytest.approx(float(why.probabilities.max())))]
    assert why.probabilities.sum() == pytest.approx(1)
    assert (why.image, why.name) == (4, "4")
    inputs, layers = stack([made.source.images.tensor(4)]), ["colour", "rectified"]
    expected = attribute(ColourNet(), inputs, why.number, layers, why.backend)
    np.testing.assert_allclose(why.relevance[:4], expected.relevances["colour"][0])
    np.testing.assert_allclose(why.relevance[4:], expected.relevances["rectified"][0])
    np.testing.assert_allclose(why.heat, attribute(ColourNet(), inputs, why.number, layers, why.maps).heatmap[0])
    np.testing.assert_allclose(np.abs(why.share[:4]).sum(), 1)
    assert why.picture.size == (8, 8)


def test_pictures_can_be_named_in_every_way(tmp_path):
    made = lens()
    by_number = made.explain(4)
    picture = made.source.images.picture(4)
    picture.save(tmp_path / "four.png")
    for way in (np.int64(4), "4", picture, tmp_path / "four.png", str(tmp_path / "four.png"), made.keep_image(picture)):
        np.testing.assert_array_equal(made.explain(way).relevance, by_number.relevance)
    assert made.explain(tmp_path / "four.png").name == "four.png"
    assert made.explain(picture).image is None


def test_pictures_for_a_data_set_of_tensors_are_normalised_as_it_is():
    plain = data(transform=None)
    tensors = [(plain.tensor(i) - 0.5) / 0.25 for i in range(23)]
    images = sl.images(tensors, mean=0.5, std=0.25)
    for i in (0, 9):
        np.testing.assert_allclose(images.prepared(plain.picture(i)), tensors[i], atol=1e-6)
    made = lens(images=images)
    np.testing.assert_allclose(made.explain(plain.picture(9)).relevance, made.explain(9).relevance, rtol=1e-5)


def test_targets_by_name_number_and_function():
    made = lens()
    cold = made.explain(4, "cold")
    assert (cold.target, cold.number) == ("cold", 1)
    np.testing.assert_array_equal(made.explain(4, 1).relevance, cold.relevance)
    warm = made.explain(4, "Warm")

    def margin(logits):
        return logits[:, 0] - logits[:, 1]

    both = made.explain(4, margin)
    assert (both.target, both.number) == ("margin", None)
    assert both.value == pytest.approx(warm.value - cold.value)
    np.testing.assert_allclose(both.relevance, warm.relevance - cold.relevance, rtol=1e-4, atol=1e-3)
    assert len(both.heatmaps([0, 1])) == 2
    assert both.circuit(2).target == "margin"


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.explain(4, "colt"), KeyError, "no class 'colt'.*did you mean 'cold'"),
        (lambda m: m.explain(4, 2), IndexError, "classes go from 0 to 1"),
        (lambda m: m.explain(23), IndexError, "0 to 22"),
        (lambda m: m.explain(-1), IndexError, "0 to 22"),
        (lambda m: m.explain("nowhere.png"), KeyError, "neither an image of the data set, such as .0., nor a file"),
        (lambda m: m.explain("image:none"), KeyError, "no picture is kept"),
        (lambda m: m.explain(3.5), TypeError, "cannot explain a float"),
        (lambda m: m.explain(4, layers="colours"), KeyError, "did you mean 'colour'"),
        (lambda m: m.explain(4, method="lpr"), ValueError, "choose 'auto', 'lrp'"),
        (lambda m: m.explain(4).heatmap("colour:9"), KeyError, "has 4 components"),
        (lambda m: m.explain(4).circuit(top=0), ValueError, "at least 1"),
    ],
)
def test_mistakes_are_answered_in_the_users_words(call, error, message):
    with pytest.raises(error, match=message):
        call(lens())


def test_heatmaps_are_computed_once_and_together(monkeypatch):
    why = lens().explain(4, "cold")
    expected = heatmaps(ColourNet(), why.source.inputs, 1, "rectified", [2, 0]).heatmaps[0]
    steps = []
    found = why.heatmaps(["rectified:2", "rectified:0"], lambda *step: steps.append(step))
    np.testing.assert_allclose(found, expected)
    assert steps[-1] == (2, 2)
    monkeypatch.setattr("semlens_widgets.attribution.engine.heatmaps", None)
    np.testing.assert_allclose(why.heatmap(4 + 2), expected[0])
    with pytest.raises(ValueError, match="read-only"):
        why.heatmap(4)[:] = 0


def test_heatmaps_can_be_stopped():
    why = lens().explain(4)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        why.heatmaps([0, 4], stop)
    assert np.isfinite(why.heatmaps([0, 4])).all()


class Quarters(nn.Module):
    """Channel 0 sees the upper left quarter of what the model sees, channel 1 the lower right one."""

    def __init__(self):
        super().__init__()
        self.seen = nn.Conv2d(3, 2, 1, bias=False)
        self.seen.weight.data.fill_(1.0)
        self.mask = torch.zeros(1, 2, 16, 16)
        self.mask[:, 0, :8, :8] = 1
        self.mask[:, 1, 8:, 8:] = 1
        self.head = nn.Linear(2, 2, bias=False)
        self.head.weight.data = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])

    def forward(self, x):
        return self.head((self.seen(x) * self.mask).sum((2, 3)))


@pytest.mark.parametrize("target", [0, 1])
def test_the_region_is_in_the_picture_not_in_what_the_model_saw(target):
    """The model sees the middle square of a wide picture: its left half is from 1/4 to 1/2 of the width."""

    def middle(picture):
        return torch.from_numpy(np.asarray(picture.crop((8, 0, 24, 16)), np.float32).transpose(2, 0, 1).copy())

    images = sl.images([Image.new("RGB", (32, 16), (80, 80, 80))], transform=middle)
    why = explain(Quarters(), images, 0, "seen", target)
    assert why.window == pytest.approx((0.25, 0, 0.75, 1), abs=0.01)
    assert why.region("seen:0", threshold=0.5) == pytest.approx((0.25, 0, 0.5, 0.5), abs=0.03)
    assert why.region("seen:1", threshold=0.5) == pytest.approx((0.5, 0.5, 0.75, 1), abs=0.03)


@pytest.mark.parametrize(("target", "colour"), [(0, 1), (1, 0)])
def test_an_overlay_is_coloured_where_the_relevance_is(target, colour):
    """Green (channel 1) in the component's quarter where it spoke for the target, violet where against; else grey."""
    images = sl.images([Image.new("RGB", (16, 16), (80, 80, 80))], transform=to_pixels)
    drawn = np.asarray(explain(Quarters(), images, 0, "seen", target).overlay("seen:0", 64)).astype(int)
    assert drawn.shape == (64, 64, 3)
    inside, outside = drawn[8:24, 8:24].mean((0, 1)), drawn[40:, 40:]
    assert (inside[1] > inside[[0, 2]].max()) == bool(colour)
    assert (outside == outside[0, 0]).all()
    assert outside[0, 0].tolist() == [80, 80, 80]


def test_rows_and_page():
    why = lens().explain(4)
    rows = why.to_rows()
    assert len(rows) == 8
    assert rows[0]["row"] == why.rows(1)[0]
    assert [abs(row["share"]) for row in rows] == sorted((abs(row["share"]) for row in rows), reverse=True)
    assert why.top(2, "colour") == [(why.components[r], float(why.relevance[r])) for r in why.rows(2, "colour")]
    json.dumps(rows)
    assert why.target in why._repr_html_()
    assert repr(why).startswith("<Explanation of 4: ")


def test_layers_with_an_encoder_have_no_relevance_but_the_others_do():
    layers = [Layer("colour", via=nn.Linear(4, 7)), "rectified"]
    why = lens(layers=layers).explain(4)
    assert np.isnan(why.relevance[:7]).all()
    assert np.isfinite(why.relevance[7:]).all()
    assert {row["component"].split(":")[0] for row in why.to_rows()} == {"rectified"}
    assert {node.component.layer for node in why.circuit().nodes} == {"rectified"}


def test_a_lens_from_a_file_says_that_it_has_no_model(tmp_path):
    made = lens().fit(cached=False, progress=False)
    opened = sl.open(made.save(tmp_path / "a.semlens"), clip=ColourClip())
    for call in (lambda: opened.explain(0), lambda: opened.circuit("warm"), opened.relate):
        with pytest.raises(RuntimeError, match="opened from a file and has no model"):
            call()
    assert opened.relevance is None


# live state


def test_setting_an_image_sets_the_explanation():
    made, seen = lens(), []
    made.observe(lambda change: seen.append(change["new"]), "explanation")
    made.image = 4
    assert made.explanation is seen[-1]
    assert made.explanation.image == 4
    made.target = "COLD"
    assert made.target == "cold"
    assert made.explanation.target == "cold"
    made.method = "gradient"
    assert made.explanation.backend == "gradient"
    made.image = made.source.images.picture(9)
    assert made.image.startswith("image:")
    np.testing.assert_array_equal(made.explanation.relevance, made.explain(9, "cold", method="gradient").relevance)
    before = made.explanation
    for name, wrong in (("image", 99), ("target", "colt"), ("method", "lpr")):
        with pytest.raises((IndexError, KeyError, ValueError)):
            setattr(made, name, wrong)
    assert made.explanation is before
    made.method = "auto"
    made.target = None
    assert made.explanation.target == made.explain(9).target
    made.image = None
    assert made.explanation is None


# relevance of the lens


def test_relevance_is_fitted_kept_and_given_back(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path / "cache"))
    made = lens().fit(relevance=True, progress=False)
    assert made.relevance.classes == CLASSES
    assert made.relevance.components == made.components
    again = lens().fit(progress=False)
    assert again.relevance is None
    calls = []
    again.relate(progress=False, on_step=lambda *step: calls.append(step))
    assert not calls  # it was in the cache
    np.testing.assert_array_equal(again.relevance.mean, made.relevance.mean)
    relabelled = lens(images=data(labels=[0] * 23))
    assert relabelled.relate(progress=False).counts.tolist() == [23, 0]
    opened = sl.open(made.save(tmp_path / "a.semlens"), clip=ColourClip())
    for name in ("mean", "share", "values", "top_images"):
        np.testing.assert_array_equal(getattr(opened.relevance, name), getattr(made.relevance, name))
    assert opened.relevance.statistic == made.relevance.statistic
    resaved = opened.save(tmp_path / "b.semlens")
    assert resaved.read_bytes() == (tmp_path / "a.semlens").read_bytes()


def test_an_encoder_is_refused_before_any_long_work():
    clip = ColourClip()
    made = sl.Lens(ColourNet(), data(), [Layer("colour", via=nn.Linear(4, 7))], clip, k=3, crop=None)
    for call in (lambda: made.fit(relevance=True, progress=False), lambda: made.relate(progress=False)):
        with pytest.raises(ValueError, match="colour have an encoder on top"):
            call()
    assert not made.fitted
    assert not clip.asked


# circuits


def chain():
    torch.manual_seed(21)
    layers = [nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 7, 3), nn.ReLU(), nn.Conv2d(7, 6, 3), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2)).eval()


def test_a_circuit_is_the_strongest_edges_level_by_level():
    model, image = chain(), torch.randn(1, 3, 13, 13)
    layers = resolve(model, ["1", "3", "5"])
    found = trace_circuit(model, image, 1, layers, "lrp", target="one", top=2, depth=3)
    whole = attribute(model, image, 1, layers, "lrp")
    scale = np.abs(whole.relevances["5"]).sum()
    first = np.argsort(-np.abs(whole.relevances["5"][0]))[:2]
    assert [edge.lower.index for edge in found.below(None)] == first.tolist()
    for number in first:
        through = edges(model, image, 1, "5", [int(number)], ["3"], "lrp").relevances["3"][0, 0]
        below = found.below(sl.Component("5", int(number)))
        assert [edge.lower.index for edge in below] == np.argsort(-np.abs(through))[:2].tolist()
        expected = through[[edge.lower.index for edge in below]] / scale
        np.testing.assert_allclose([edge.relevance for edge in below], expected, rtol=1e-5)
    for node in found.nodes:
        assert node.level == {"5": 0, "3": 1, "1": 2}[node.component.layer]
        assert node.relevance == pytest.approx(whole.relevances[node.component.layer][0, node.component.index] / scale)
        assert node.level == 0 or found.above(node.component)
    assert {
        node.component.layer for node in trace_circuit(model, image, 1, layers, "lrp", target="one", depth=1).nodes
    } == {"5"}


def test_all_edges_of_a_component_add_up_to_it():
    """As far as rules conserve: a network without biases."""
    model, image = chain(), torch.randn(1, 3, 13, 13)
    for module in model:
        if getattr(module, "bias", None) is not None:
            module.bias.data.zero_()
    found = trace_circuit(model, image, 0, resolve(model, ["3", "5"]), "lrp", target="zero", top=7, depth=2)
    for node in found.nodes:
        if node.level == 0:
            flow = sum(edge.relevance for edge in found.below(node.component))
            assert flow == pytest.approx(node.relevance, rel=1e-3)


def test_layers_are_walked_in_the_order_they_run():
    model = chain()
    order = in_order(model, torch.randn(1, 3, 13, 13), resolve(model, ["5", "1", "3"]))
    assert [layer.name for layer in order] == ["1", "3", "5"]
    assert all(not module._forward_hooks for module in model.modules())


def test_a_circuit_of_a_class_is_the_mean_over_its_images():
    made = lens()
    images = [i for i in range(23) if i % 2]
    found = made.circuit("cold", top=4)
    assert (found.target, found.images) == ("cold", len(images))
    relevances = attribute(ColourNet(), stack([made.source.images.tensor(i) for i in images]), 1, ["rectified"])
    values = relevances.relevances["rectified"]
    totals = np.abs(values).sum(1, keepdims=True)
    expected = np.divide(values, totals, out=np.zeros_like(values), where=totals > 0).mean(0)
    for node in found.nodes:
        if node.component.layer == "rectified":
            assert node.relevance == pytest.approx(expected[node.component.index], abs=1e-5)
    assert made.circuit("cold", images=2).images == 2
    fitted = lens().fit(cached=False, progress=False)
    assert {fitted.components[node.row] for node in fitted.circuit(1).nodes} == {node.component for node in found.nodes}


def test_a_class_without_labels_needs_relevance_first():
    made = lens(images=sl.images(pictures(23), transform=to_pixels))
    with pytest.raises(ValueError, match=r"call lens.relate\(\) first"):
        made.circuit(0)
    made.relate(cached=False, progress=False)
    assert made.circuit("0").images > 0


def test_circuits_as_rows_json_and_graph():
    found = lens().explain(4).circuit(top=2)
    rows = found.to_rows()
    assert rows[0]["upper"] == found.target
    assert len(rows) == len(found.edges)
    assert json.loads(found.to_json())["nodes"][0]["row"] == found.nodes[0].row
    graph = found.to_networkx()
    assert set(graph.nodes) == {found.target, *(str(node.component) for node in found.nodes)}
    assert graph.number_of_edges() == len(found.edges)
    assert graph.nodes[str(found.nodes[0].component)]["relevance"] == found.nodes[0].relevance
    assert found.target in found._repr_html_()
