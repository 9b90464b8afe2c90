"""Every layer of many networks against the oracle: what is recorded is what the layer said, or it is refused."""

import re
from contextlib import nullcontext

import numpy as np
import oracle
import pytest
import torch
from architectures import ARCHITECTURES, architecture

from semlens_widgets.model import Layer, evaluating, folded, recording, resolve, settled, tensor_of
from semlens_widgets.model.following import Following
from semlens_widgets.model.layouts import Seen

REFUSALS = (
    r"not certain; say it, as in Layer\(.*axes=|images are not counted by an axis of their own|does not depend on the "
    r"images|runs \d+ times in one forward pass|takes no part in the model's forward pass|gives a .*, not a tensor|"
    r"gives a dict with"
)


def layers_of(model, images):
    """(names of layers whose axes can be followed, of all others): by one pass of two images."""
    found, runs = {}, {}

    def note(name):
        def hook(module, args, output):
            runs[name] = runs.get(name, 0) + 1
            try:
                found[name] = Seen.of(following, tensor_of(Layer(name), output)).layout(Layer(name)) is not None
            except (TypeError, KeyError, ValueError):
                found[name] = False

        return hook

    names = [name for name, _ in model.named_modules() if name]
    handles = [module.register_forward_hook(note(name)) for name, module in model.named_modules() if name]
    following = Following(model, images[:2])
    with evaluating(model), following:
        model(images[:2])
    for handle in handles:
        handle.remove()
    followed = [name for name in names if found.get(name) and runs[name] == 1]
    return followed, [name for name in names if name not in followed]


def refusal(model, name, images):
    """What is said to whoever asks for a layer; the last resort, other sizes of images, may have settled it."""
    try:
        with recording(model, resolve(model, name)) as recorder:
            recorder.responses(list(images[:2]), "max")
    except (ValueError, TypeError) as error:
        return str(error)
    return f"not certain; say it, as in Layer({recorder.layers[0].name!r}, axes=…)"


def laid_out(layer, raw):
    """An oracle's output as [1 component place …]."""
    axes = layer.layout.axes
    return tensor_of(layer, raw).permute([axes.index(a) for a in "nchwt" if a in axes])


def agree(model, images, names, said, tolerance, sizes):
    """Pooled values for each batch size, means and maps for the last: all within `tolerance` of the layer's maximum."""
    with recording(model, resolve(model, names)) as recorder:
        for size in sizes:
            pooled = [recorder.responses(list(part), "max") for part in images.split(size)]
            for layer in recorder.layers:
                raw = [laid_out(layer, output) for output in said[layer.name]]
                close(pooled, layer, oracle.pooled(raw, "max"), raw, tolerance)
        means = [recorder.responses(list(part), "mean") for part in images.split(size)]
        maps = [recorder.activations(list(part)) for part in images.split(size)]
    for layer in recorder.layers:
        raw = [laid_out(layer, output) for output in said[layer.name]]
        close(means, layer, oracle.pooled(raw, "mean"), raw, tolerance)
        whole = torch.cat([part[layer.name] for part in maps]).float()
        assert whole.ndim == 2 or pooled[0][layer.name].grid == tuple(whole.shape[2:])
        most = strength(raw) * tolerance
        torch.testing.assert_close(
            whole,
            torch.cat(raw).float().reshape(whole.shape),
            atol=most,
            rtol=0,
            msg=lambda m, n=layer.name: f"{n}: {m}",
        )
        if whole.ndim > 2:  # the strongest place, or one as strong
            peaks = torch.from_numpy(np.concatenate([part[layer.name].peaks for part in pooled])).long()
            there = whole.flatten(2).gather(2, peaks[..., None])[..., 0]
            assert float((whole.flatten(2).amax(2) - there).max()) <= most, layer.name


def close(got, layer, expected, raw, tolerance):
    values = np.concatenate([part[layer.name].values for part in got])
    np.testing.assert_allclose(values, expected, atol=strength(raw) * tolerance, rtol=0, err_msg=layer.name)


def strength(raw):
    return max(float(torch.cat(raw).abs().max()), 1e-3)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_layer_says_to_a_pass_what_it_says_to_the_oracle(name):
    model, images = architecture(name)
    followed, others = layers_of(model, images)
    assert len(followed) > len(others) / 4
    said = oracle.outputs(model, followed, images)
    agree(model, images, followed, said, 1e-3, (1, 9, 7))
    last = followed[-1:]
    twin = folded(model, resolve(model, last), images[0])
    agree(twin, images, last, said, 2e-3, (7,))
    for other in others[:: max(1, len(others) // 3)]:
        assert re.search(REFUSALS, refusal(model, other, images)), refusal(model, other, images)


LOW = [
    "tv resnet18",
    "tv swin",
    "timm vit, registers",
    "timm mixer",
    "hf vit",
    "hf convnext",
    "tv mobilenet_v3_small",
]


@pytest.mark.parametrize("name", LOW)
@pytest.mark.parametrize("how", ["bfloat16", "autocast"])
def test_every_layer_says_it_in_low_precision_too(name, how):
    """Against the oracle in the same precision: between batch sizes a bfloat16 differs by some units of 2^-8."""
    model, images = architecture(name)
    around = nullcontext
    if how == "bfloat16":
        model, images = model.to(torch.bfloat16), images.to(torch.bfloat16)
    else:

        def around():
            return torch.autocast("cpu", dtype=torch.bfloat16)

    followed, _ = layers_of(model, images)
    said = oracle.outputs(model, followed, images, around)
    with around():
        agree(model, images, followed, said, 0.06, (1, 7))
        twin = folded(model, resolve(model, followed[-1:]), images[0])
        agree(twin, images, followed[-1:], said, 0.06, (7,))


KNOWN = [  # architecture, layer, how many components, their places
    ("tv swin", "features.3", 24, (8, 8)),
    ("tv swin_v2", "features.3", 24, (8, 8)),
    ("tv convnext", "features.3.1.block.2", 16, (8, 8)),
    ("tv convnext", "features.3", 16, (8, 8)),
    ("tv vit", "encoder.layers.encoder_layer_1", 24, (17,)),
    ("timm swin", "layers.1", 24, (8, 8)),
    ("timm convnext", "stages.2", 24, (4, 4)),
    ("timm mixer", "blocks.0.mlp_tokens", 512, (4,)),
    ("timm mixer", "blocks.1", 512, (2, 2)),
    ("timm pvt_v2", "stages.1.blocks.0", 64, (8, 8)),
    ("hf swin", "encoder.layers.1", 24, (8, 8)),
    ("hf segformer", "stages.1.blocks.0.attention", 16, (8, 8)),
    ("hf convnext", "encoder.stages.1", 16, (8, 8)),
]


@pytest.mark.parametrize(("name", "layer", "components", "places"), KNOWN)
def test_components_are_features_and_not_rows_of_pictures(name, layer, components, places):
    model, images = architecture(name)
    with recording(model, resolve(model, layer)) as recorder:
        said = recorder.responses(list(images[:2]), "max")[layer]
    assert said.values.shape == (2, components)
    assert said.grid == places


TOKENS = [  # architecture, layer, class tokens, registers, the patches' grid
    ("tv vit", "encoder.layers.encoder_layer_1", 1, 0, (4, 4)),
    ("timm vit, registers", "blocks.1", 1, 4, (4, 8)),
    ("timm deit, distilled", "blocks.1", 1, 0, (4, 4)),
    ("timm beit", "blocks.1", 1, 0, (4, 4)),
    ("timm cait", "blocks.1", 0, 0, (4, 4)),
    ("hf vit", "layers.1", 1, 0, (4, 6)),
    ("hf dinov2, registers", "encoder.layer.1", 1, 3, (4, 4)),
    ("hf deit", "layers.1", 1, 0, (4, 6)),
    ("hf clip", "vision_model.encoder.layers.1", 1, 0, (4, 4)),
]


@pytest.mark.parametrize(("name", "layer", "classes", "registers", "grid"), TOKENS)
def test_prefix_tokens_and_the_grid_of_patches_are_those_of_the_library(name, layer, classes, registers, grid):
    model, images = architecture(name)
    if layer not in dict(model.named_modules()):  # transformers moves its modules between versions
        layer = next(n for n, _ in model.named_modules() if n.endswith((".layer.1", "layers.1")))
    (found,) = settled(model, resolve(model, layer), images[:2])
    counts = {
        kind: sum(run.count for run in found.layout.tokens if run.kind == kind) for kind in ("class", "registers")
    }
    assert counts == {"class": classes, "registers": registers}
    assert [run.grid for run in found.layout.tokens if run.kind == "patches"] == [grid]
    if (prefix := getattr(model, "num_prefix_tokens", None)) is not None and name != "timm cait":
        assert sum(run.count for run in found.layout.tokens if run.kind != "patches") == prefix
    if hasattr(model, "config") and hasattr(model.config, "num_register_tokens"):
        assert registers == model.config.num_register_tokens
    with recording(model, (Layer(layer, tokens="patches"),)) as recorder:
        said = recorder.responses(list(images), "max")[layer]
    raw = [tensor_of(found, output) for output in oracle.outputs(model, [layer], images)[layer]]
    patches = [one[:, one.shape[1] - grid[0] * grid[1] :].transpose(1, 2) for one in raw]
    np.testing.assert_allclose(said.values, oracle.pooled(patches), atol=1e-3)
    assert said.grid == grid
