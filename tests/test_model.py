import numpy as np
import pytest
import torch
from torch import nn
from toy import ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.fingerprints import fingerprint
from semlens_widgets.model import evaluating, folded, recording, resolve

BATCH = [to_pixels(p) for p in pictures(5)]


def read(model, layers, items=BATCH, pooling="max"):
    with recording(model, resolve(model, layers)) as recorder:
        return recorder.responses(items, pooling)


def test_a_convolution_is_pooled_over_places_and_its_peak_located():
    said = read(ColourNet(), "colour")["colour"]
    maps = torch.nn.functional.conv2d(torch.stack(BATCH), ColourNet().colour.weight.detach()).numpy()
    assert said.grid == (8, 8)
    for image in range(5):
        for channel in range(4):
            place = max(range(64), key=lambda i: maps[image, channel].ravel()[i])
            assert said.values[image, channel] == maps[image, channel].ravel()[place]
            assert maps[image, channel].ravel()[said.peaks[image, channel]] == said.values[image, channel]
    assert np.allclose(read(ColourNet(), "colour", pooling="mean")["colour"].values, maps.mean((2, 3)), atol=1e-3)


def test_plain_features_and_signed_layers():
    net = ColourNet()
    plain = read(net, "head")["head"]
    assert plain.values.shape == (5, 2)
    assert plain.grid == ()
    signed = read(net, sl.Layer("colour", signed=True))["colour"]
    maps = net.colour(torch.stack(BATCH)).detach()
    assert np.array_equal(signed.values[:, :4], maps.amax((2, 3)).numpy())
    assert np.array_equal(signed.values[:, 4:], (-maps).amax((2, 3)).numpy())


class Sequence(nn.Module):
    """Gives [n t c] with a class token first, as a tuple in a dict."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Identity()
        self.pair = Pair()

    def forward(self, x):
        tokens = self.tokens(x.flatten(2)[:, :, :10].permute(0, 2, 1))
        return self.pair(tokens)["a"][0].sum((1, 2))


class Pair(nn.Module):
    def forward(self, x):
        return {"a": (x, x * 2), "b": x}


@pytest.mark.parametrize(
    ("tokens", "chosen"),
    [("all", slice(None)), ("class", slice(0, 1)), ("patches", slice(1, None)), (slice(2, 5), slice(2, 5))],
)
def test_which_tokens_are_pooled_is_a_parameter(tokens, chosen):
    said = read(Sequence(), sl.Layer("tokens", tokens=tokens))["tokens"]
    expected = torch.stack(BATCH).flatten(2)[:, :, :10][:, :, chosen].amax(2).numpy()
    assert np.array_equal(said.values, expected)


def test_tuple_and_dict_outputs_are_named_or_refused():
    with pytest.raises(TypeError, match=r"gives a dict with \['a', 'b'\]"):
        read(Sequence(), "pair")
    assert read(Sequence(), sl.Layer("pair", output="b"))["pair"].values.shape == (5, 3)
    with pytest.raises(KeyError, match="no output 'c'"):
        read(Sequence(), sl.Layer("pair", output="c"))


def test_an_encoder_on_a_layer_makes_its_directions_components():
    directions = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    encoder = nn.Linear(4, 7, bias=False)
    encoder.weight.data = torch.from_numpy(directions)
    net = ColourNet()
    maps = net.colour(torch.stack(BATCH)).detach().numpy()
    expected = np.einsum("nchw,dc->ndhw", maps, directions).max((2, 3))
    for via in (directions, encoder):
        assert np.allclose(read(net, sl.Layer("colour", via=via))["colour"].values, expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    ("via", "error", "said"),
    [
        (nn.Linear(7, 3), ValueError, r"via of layer 'head' \(Linear\) fails on features \[… 2\]"),
        (np.zeros((3, 7), np.float32), ValueError, r"'head' has 2 features, the array via has shape \(3, 7\)"),
        ("sae", TypeError, "via of layer 'head' is a str; give an encoder"),
    ],
)
def test_an_encoder_that_does_not_fit_its_layer_says_what_it_was_given(via, error, said):
    with pytest.raises(error, match=said):
        read(ColourNet(), sl.Layer("head", via=via))


def test_images_that_the_model_cannot_take_are_told_with_their_shape():
    with pytest.raises(ValueError, match=r"the model fails on images .* of shape \(1, 8, 8\): .*; give sl\.images the"):
        read(ColourNet(), "colour", [item[:1] for item in BATCH])


def test_channels_last_outputs_say_their_axes():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Identity()

        def forward(self, x):
            return self.last(x.permute(0, 2, 3, 1)).sum()

    assert read(Last(), sl.Layer("last", axes="nhwc"))["last"].values.shape == (5, 3)


def test_layer_names_wildcards_and_the_nearest_name():
    net = ColourNet()
    assert [x.name for x in resolve(net, ["re*", "colour"])] == ["rectified", "colour"]
    with pytest.raises(
        KeyError, match=r"no layer 'color'; this model has colour, rectified, head \(did you mean 'colour'\?\)"
    ):
        resolve(net, "color")


def test_a_layer_that_runs_twice_or_never_is_refused():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.shared, self.unused = nn.ReLU(), nn.ReLU()

        def forward(self, x):
            return self.shared(self.shared(x))

    with pytest.raises(ValueError, match="'shared' runs 2 times"):
        read(Odd(), "shared")
    with pytest.raises(ValueError, match="'unused' takes no part"):
        read(Odd(), "unused")


def test_nan_activations_name_layer_and_component():
    net = ColourNet()
    net.colour.weight.data[2] = torch.nan
    with pytest.raises(sl.NotFinite, match=r"'colour' gives NaN or infinite activations \(first in component 2\)"):
        read(net, "colour")


@pytest.mark.parametrize("failure", [None, RuntimeError, KeyboardInterrupt])
def test_the_model_is_left_as_it_was(failure):
    net = ColourNet()
    net.train()
    net.rectified.eval()  # a mixed state is kept, too
    net.head.weight.requires_grad_(False)
    before = {n: (m.training, len(m._forward_hooks)) for n, m in net.named_modules()}
    weights = fingerprint(net)
    try:
        with recording(net, resolve(net, ["colour", "head"])) as recorder:
            recorder.responses(BATCH, "max")
            assert not net.training
            if failure:
                raise failure
    except (RuntimeError, KeyboardInterrupt):
        pass
    assert {n: (m.training, len(m._forward_hooks)) for n, m in net.named_modules()} == before
    assert fingerprint(net) == weights
    assert [p.requires_grad for p in net.parameters()] == [True, False]
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_the_pass_stops_after_the_deepest_recorded_layer():
    net = ColourNet()
    runs = []
    net.head.register_forward_hook(lambda *_: runs.append(1))
    with recording(net, resolve(net, "colour")) as recorder:
        for _ in range(3):
            recorder.responses(BATCH, "max")
    assert len(runs) == 1, "only the first batch, which finds out the order, runs to the end"


def test_the_fingerprint_sees_a_single_weight():
    net = ColourNet()
    before = fingerprint(net)
    net.head.weight.data[1, 2] += 1e-6
    assert fingerprint(net) != before


def test_folding_batch_norms_keeps_the_responses():
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    net = torchvision.models.resnet18(weights=None).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    layers = resolve(net, ["layer2", "layer4", "layer1.0.conv1"])
    image = torch.randn(3, 64, 64)
    before = fingerprint(net)
    twin = folded(net, layers, image)
    assert twin is not net
    norms = sum(isinstance(m, nn.BatchNorm2d) for m in twin.modules())
    assert norms == 1, "all but the one behind the recorded convolution are folded"
    assert fingerprint(net) == before
    with evaluating(net):
        slow, fast = (read(n, ["layer2", "layer4", "layer1.0.conv1"], [image, image]) for n in (net, twin))
    for name in slow:
        assert np.allclose(slow[name].values, fast[name].values, rtol=1e-3, atol=1e-4)
