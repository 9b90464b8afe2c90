"""Switching components off: every kind of layer, held against the same thing done by hand; the model is left alone."""

import numpy as np
import pytest
import torch
from torch import nn
from toy import ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.fingerprints import fingerprint
from semlens_widgets.model import Layer, recording
from semlens_widgets.switching import Switch, logits_under, resting, switched_off

N, C, H, W, T, F = 3, 5, 7, 11, 13, 17


class Plain(nn.Module):
    """One layer of a chosen shape, a shortcut-free head above it."""

    def __init__(self, output, wrap=lambda x: x):
        super().__init__()
        self.output, self.wrap = output, wrap
        self.layer, self.head = nn.Identity(), nn.Identity()
        self.layer.forward = lambda x: self.wrap(self.output[: len(x)])

    def forward(self, x):
        return self.head(self.layer(x))


def run(model, layer, off, rest=None):
    """The layer's output with some components off."""
    off = np.atleast_2d(off)
    rest = np.zeros(off.shape[1]) if rest is None else np.asarray(rest)
    with torch.no_grad(), switched_off(model, [Switch(layer, off, rest)]):
        return model(torch.zeros(N, 1))


def only(size, *numbers):
    return np.isin(np.arange(size), numbers)


def test_channels_are_held_at_rest_everywhere_and_others_stay():
    x = torch.randn(N, C, H, W)
    got = run(Plain(x), Layer("layer"), only(C, 1, 4), [9.0, 2.0, 9.0, 9.0, -3.0])
    wanted = x.clone()
    wanted[:, 1], wanted[:, 4] = 2, -3
    assert torch.equal(got, wanted)


@pytest.mark.parametrize(
    ("axes", "shape"), [("nhwc", (N, H, W, C)), ("nct", (N, C, T)), ("nc", (N, C)), (None, (N, C))]
)
def test_the_axes_may_lie_otherwise(axes, shape):
    x = torch.randn(shape)
    got = run(Plain(x), Layer("layer", axes=axes), only(C, 2))
    wanted = x.clone()
    wanted.select((axes or "nc").index("c"), 2).zero_()
    assert torch.equal(got, wanted)


@pytest.mark.parametrize(
    ("tokens", "part"), [("class", slice(0, 1)), ("patches", slice(1, None)), (slice(2, 5), slice(2, 5))]
)
def test_only_the_tokens_that_are_components_change(tokens, part):
    x = torch.randn(N, T, C)
    got = run(Plain(x), Layer("layer", tokens=tokens), only(C, 3))
    wanted = x.clone()
    wanted[:, part, 3] = 0
    assert torch.equal(got, wanted)


def test_a_signed_component_is_one_side_of_zero():
    x = torch.randn(N, C, H, W)
    plus = run(Plain(x), Layer("layer", signed=True), only(2 * C, 1))
    minus = run(Plain(x), Layer("layer", signed=True), only(2 * C, C + 1), np.full(2 * C, 0.25))
    both = run(Plain(x), Layer("layer", signed=True), only(2 * C, 1, C + 1))
    assert torch.equal(plus[:, 1], x[:, 1].clamp(max=0))
    assert torch.allclose(minus[:, 1], x[:, 1].clamp(min=0) - 0.25)
    assert not both[:, 1].any()
    assert torch.equal(plus[:, 0], x[:, 0])


@pytest.mark.parametrize(
    ("output", "wrap", "read"),
    [
        (1, lambda x: (0, x, "kept"), lambda o: o[1]),
        (None, lambda x: [0, x], lambda o: o[1]),
        ("features", lambda x: {"other": 1, "features": x}, lambda o: o["features"]),
        (None, lambda x: {"features": x}, lambda o: o["features"]),
    ],
)
def test_the_layer_may_answer_with_several_things(output, wrap, read):
    x = torch.randn(N, T, C)
    got = run(Plain(x, wrap), Layer("layer", output=output), only(C, 0))
    assert type(got) is type(wrap(x))
    assert not read(got)[..., 0].any()
    assert torch.equal(read(got)[..., 1:], x[..., 1:])
    if isinstance(got, tuple):
        assert got[2] == "kept"


def test_a_direction_goes_to_rest_by_the_smallest_change():
    x, directions = torch.randn(N, T, F), np.random.default_rng(0).normal(size=(C, F)).astype(np.float32)
    rest = np.full(C, 0.5, np.float32)
    got = run(Plain(x), Layer("layer", via=directions), only(C, 1, 3), rest)
    answers = got @ torch.tensor(directions).T
    assert torch.allclose(answers[..., [1, 3]], torch.tensor(0.5), atol=1e-4)
    change = (got - x).reshape(-1, F).numpy()
    span = directions[[1, 3]]
    outside = change - change @ np.linalg.pinv(span) @ span  # any smaller change would leave a direction off rest
    assert np.abs(outside).max() < 1e-4


def test_an_encoder_of_its_own_is_followed_back():
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(F, C), nn.ReLU())
    x = torch.randn(N, T, F)
    with torch.inference_mode():
        got = run(Plain(x), Layer("layer", via=encoder), only(C, 0, 2))
        before, after = encoder(x), encoder(got)
    assert before[..., [0, 2]].max() > 0.3
    assert after[..., [0, 2]].abs().max() < 1e-4
    quiet = (before[..., [0, 2]] == 0).all(-1)
    assert torch.equal(got[quiet], x[quiet])
    assert not any(p.grad is not None for p in encoder.parameters())


@pytest.mark.parametrize("scale", [-1.0, 0.0, 0.5, 1.0, 3.0])
def test_a_scaled_component_answers_as_many_times_as_strongly(scale):
    """Channels, both sides of zero, directions, and an encoder where it is linear."""
    torch.manual_seed(0)

    def scaled(x, layer, off):
        with torch.no_grad(), switched_off(Plain(x), [Switch(layer, off[None], np.zeros(len(off)), scale)]) as model:
            return model(torch.zeros(N, 1))

    x = torch.randn(N, C, H, W)
    wanted = x.clone()
    wanted[:, 1] *= scale
    torch.testing.assert_close(scaled(x, Layer("layer"), only(C, 1)), wanted)
    wanted = x.clone()
    wanted[:, 1] = torch.where(x[:, 1] > 0, x[:, 1] * scale, x[:, 1])
    torch.testing.assert_close(scaled(x, Layer("layer", signed=True), only(2 * C, 1)), wanted)
    x, directions = torch.randn(N, T, F), torch.randn(C, F)
    for via in (directions.numpy(), lambda features: features @ directions.T):
        before, after = x @ directions.T, scaled(x, Layer("layer", via=via), only(C, 2)) @ directions.T
        torch.testing.assert_close(after[..., 2], before[..., 2] * scale, rtol=1e-3, atol=1e-3)


def test_a_lens_makes_components_stronger_and_the_model_is_then_as_it_was():
    model = ColourNet()
    clip = sl.OpenClip(sl.demo.clip_folder(), device="cpu")
    lens = sl.Lens(model, small(), ["rectified"], clip, k=3, null=5, sample=0)
    lens.fit(cached=False, progress=False)
    one = small().tensor(0)[None]
    before = model(one)
    with lens.with_(0, 1):
        torch.testing.assert_close(model(one), before)
    with lens.with_(0, 0):
        off = model(one)
    with lens.without(0):
        torch.testing.assert_close(model(one), off)
    with lens.with_(0, 2), lens.with_(0, 2):
        four = model(one)
    with lens.with_([0], 4):
        torch.testing.assert_close(model(one), four)
    torch.testing.assert_close(model(one), before)
    with pytest.raises(ValueError, match="2 twice as strong"), lens.with_(0, float("nan")):
        pass


def small():
    return sl.images(pictures(23), transform=to_pixels)


def test_the_model_is_as_it_was_whatever_happens():
    model = ColourNet().train()
    before, inputs = fingerprint(model), torch.stack([small().tensor(i) for i in range(3)])
    plain = model(inputs).detach()

    def fail():
        with switched_off(model, [Switch(Layer("colour"), only(4, 0)[None], np.zeros(4))]):
            assert not torch.equal(model(inputs), plain)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert torch.equal(model(inputs), plain)
    assert fingerprint(model) == before
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_a_model_with_components_off_is_another_one_to_the_cache():
    model = ColourNet()
    keys = [fingerprint(model)]
    for number in (0, 1):
        with switched_off(model, [Switch(Layer("colour"), only(4, number)[None], np.zeros(4))]):
            keys.append(fingerprint(model))
    assert len({*keys, fingerprint(model)}) == 3


def test_what_is_nested_is_off_together():
    model, inputs = ColourNet(), torch.stack([small().tensor(i) for i in range(5)])
    switches = [Switch(Layer("colour"), only(4, number)[None], np.zeros(4)) for number in (0, 2)]
    with (
        recording(model, (Layer("colour"),)) as recorder,
        switched_off(model, switches[:1]),
        switched_off(model, switches[1:]),
    ):
        inner = model.colour(inputs)
        del recorder
    assert not inner[:, [0, 2]].any()
    assert inner[:, 1].any()


def test_resting_responses_are_means_over_images_and_places():
    images = small()
    ids = np.arange(23)
    (got,) = resting(ColourNet(), images, (Layer("colour"),), ids, batch_size=7)
    with torch.no_grad():
        outputs = ColourNet().colour(torch.stack([images.tensor(i) for i in range(23)]))
    assert np.allclose(got, outputs.mean((0, 2, 3)).numpy(), atol=1e-3)
    (signed,) = resting(ColourNet(), images, (Layer("colour", signed=True),), ids)
    assert np.allclose(signed[4:], (-outputs).clamp(min=0).mean((0, 2, 3)).numpy(), atol=1e-3)


class Around(nn.Module):
    """A shortcut leads around the switched layer, so that a grown batch does not fit."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.inner, self.head = nn.Linear(F, F), nn.Linear(F, 2)

    def forward(self, x):
        return self.head(x + self.inner(x))


class Straight(Around):
    def forward(self, x):
        return self.head(self.inner(x).relu())


@pytest.mark.parametrize("kind", [Around, Straight])
def test_many_conditions_at_once_are_the_same_as_one_by_one(kind):
    model = kind()
    items = torch.randn(23, 1, 1, F)
    images = sl.images([*items], mean=0.0, std=1.0)
    model.forward = lambda x, forward=model.forward: forward(x.flatten(1))
    random = np.random.default_rng(0)
    switch = Switch(Layer("inner"), random.random((29, F)) < 0.4, random.normal(size=F))
    read, got = logits_under(model, images, np.arange(23), [switch], batch_size=7)
    assert read.tolist() == list(range(23))
    assert got.shape == (29, 23, 2)
    for condition in range(29):
        with torch.no_grad(), switched_off(model, [switch.only(slice(condition, condition + 1))]):
            assert np.allclose(got[condition], model(items).numpy(), atol=1e-4)


def test_two_layers_are_switched_together():
    model, images = sl.demo.classifier(), sl.images(sl.demo.images(20), transform=sl.demo.transform())
    random = np.random.default_rng(0)
    switches = [
        Switch(Layer("layer3"), random.random((5, 96)) < 0.3, np.zeros(96)),
        Switch(Layer("layer4"), random.random((5, 128)) < 0.3, np.zeros(128)),
    ]
    _, got = logits_under(model, images, np.arange(20), switches, batch_size=11)
    with torch.no_grad(), switched_off(model, [s.only(slice(3, 4)) for s in switches]):
        wanted = model(torch.stack([images.tensor(i) for i in range(20)]))
    assert np.allclose(got[3], wanted.numpy(), atol=1e-3)
    assert not any(module._forward_hooks for module in model.modules())
