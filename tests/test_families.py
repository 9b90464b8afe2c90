"""Families of transformers × kinds of components × verbs: right, or refused with the reason; the page is made of it."""

import re
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import open_clip
import pytest
import timm
import torch
import torchvision
import transformers

import semlens_widgets as sl
from semlens_widgets.attribution import attribute
from semlens_widgets.model import recording, resolve
from semlens_widgets.model.attending import attending
from semlens_widgets.outputs import answering
from semlens_widgets.switching import Switch, switched_off

PAGE = Path(__file__).parents[1] / "docs" / "families.md"
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 32, "patch_size": 8}


def _timm(name, **more):
    return lambda: timm.create_model(name, num_classes=5, **more)


def _hf(kind, head="Model", **more):
    def make():
        config = getattr(transformers, f"{kind}Config")(**{**SMALL, **more})
        return getattr(transformers, f"{kind}{head}")(config)

    return make


def _open_clip():
    seen = open_clip.model.CLIPVisionCfg(layers=2, width=32, head_width=8, patch_size=8, image_size=32)
    return open_clip.model.CLIP(16, seen, open_clip.model.CLIPTextCfg(layers=1, width=32, heads=2)).visual


def _segformer():
    config = transformers.SegformerConfig(
        num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1], hidden_sizes=[8, 16], num_attention_heads=[1, 2],
        patch_sizes=[7, 3], strides=[4, 2], mlp_ratios=[2, 2], decoder_hidden_size=16, num_labels=5,
    )  # fmt: skip
    return transformers.SegformerForImageClassification(config)


VIT = {"img_size": 32, "patch_size": 8, "depth": 2, "embed_dim": 24, "num_heads": 3}
FAMILIES = {  # how it is made, the side of its images, a block of it
    "timm ViT": (_timm("vit_tiny_patch16_224", **VIT), 32, "blocks.0"),
    "timm DeiT, distilled": (_timm("deit_tiny_distilled_patch16_224", **VIT), 32, "blocks.0"),
    "timm EVA-02": (_timm("eva02_tiny_patch14_224", img_size=28, depth=2), 28, "blocks.0"),
    "timm Swin": (_timm("swin_tiny_patch4_window7_224", img_size=64, window_size=4, embed_dim=12, depths=(1, 1),
                        num_heads=(2, 4)), 64, "layers.1.blocks.0"),
    "timm ConvNeXt": (_timm("convnext_atto", depths=(1, 1, 1, 1), dims=(8, 12, 16, 24)), 64, "stages.2.blocks.0"),
    "timm DINOv2, registers": (_timm("vit_small_patch14_reg4_dinov2", img_size=28, depth=2, embed_dim=24, num_heads=3),
                               28, "blocks.0"),
    "timm DINOv3": (_timm("vit_small_patch16_dinov3", img_size=32, depth=2, embed_dim=48, num_heads=3), 32, "blocks.0"),
    "torchvision ViT": (lambda: torchvision.models.VisionTransformer(32, 8, 2, 4, 32, 64, num_classes=5), 32,
                        "encoder.layers.encoder_layer_0"),
    "torchvision Swin": (lambda: torchvision.models.SwinTransformer([4, 4], 12, [1, 1], [2, 4], [4, 4], num_classes=5),
                         32, "features.3.0"),
    "open_clip tower": (_open_clip, 32, "transformer.resblocks.0"),
    "HF ViT": (_hf("ViT", "ForImageClassification", intermediate_size=64, num_labels=5), 32, "vit.layers.0"),
    "HF CLIP tower": (_hf("CLIPVision", "ModelWithProjection", intermediate_size=64, projection_dim=16), 32,
                      "vision_model.encoder.layers.0"),
    "HF SigLIP tower": (_hf("SiglipVision", intermediate_size=64), 32, "encoder.layers.0"),
    "HF DINOv2": (_hf("Dinov2", "ForImageClassification", mlp_ratio=2, num_labels=5), 32, "dinov2.encoder.layer.0"),
    "HF DINOv3": (_hf("DINOv3ViT", intermediate_size=64, num_register_tokens=2), 32, "model.layer.0"),
    "HF SegFormer": (_segformer, 64, "segformer.stages.1.blocks.0"),
}  # fmt: skip
KINDS = ("features", "heads", "hidden units", "dictionary", "direction")
VERBS = ("examples", "crop by activation", "crop by attention", "without", "gradient", "LRP")


@cache
def made(name):
    """(model in eval mode, four images, its block); nothing is zero as it often is at first."""
    make, side, block = FAMILIES[name]
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make().eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights += torch.randn_like(weights) * (0.3 if weights.ndim == 1 else 0.02)
    return model, torch.randn(4, 3, side, side), block


def asked(model, kind, block, images):
    if kind == "heads":
        return sl.Heads(block)
    if kind == "hidden units":
        return sl.Mlp(block)
    if kind == "features":
        return sl.Layer(block)
    with recording(model, resolve(model, block)) as recorder:
        features = recorder.activations(list(images))[block].shape[1]
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(7, features)).astype(np.float32)
    if kind == "direction":
        return sl.Layer(block, via=rows[:1])
    weights = {"W_enc": rows.T.copy(), "W_dec": rows, "b_enc": np.full(7, 0.1, np.float32)}
    return sl.Layer(block, via=sl.dictionary(weights, kind="relu", centred=False))


def answered(output):
    """The model's answer as one tensor [image number]."""
    for name in ("logits", "image_embeds", "pooler_output"):
        if getattr(output, name, None) is not None:
            output = getattr(output, name)
    return (output if isinstance(output, torch.Tensor) else output[0]).flatten(1)


def tried(model, images, layer, verb):
    """Use a verb on one layer, and hold what it gives against something plainer; what the page says of it."""
    with recording(model, (layer,)) as recorder:
        values = recorder.activations(list(images))[layer.name]
        (settled,) = recorder.layers
    count = values.shape[1]
    if verb == "examples":
        with recording(model, (layer,)) as recorder:
            said = recorder.responses(list(images), "max")[layer.name]
        np.testing.assert_allclose(said.values, values.flatten(2).amax(2) if values.ndim > 2 else values, rtol=1e-4)
    elif verb == "crop by activation":
        from semlens_widgets.crops import _grid

        try:
            assert _grid(settled, values) is not None
        except ValueError:
            chosen = replace(layer, tokens="patches")
            with recording(model, (chosen,)) as recorder:
                values = recorder.activations(list(images))[layer.name]
                assert _grid(recorder.layers[0], values) is not None
            return "of patches"
    elif verb == "crop by attention":
        from semlens_widgets.crops import _patches

        with recording(model, (layer,)) as recorder, attending(model, (layer,)) as watched:
            recorder.activations(list(images))
            weights = watched[layer.name].weights
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]), rtol=1e-3, atol=1e-4)
        _patches(settled, weights.shape[-1])
    elif verb == "without":
        number = int(values.abs().flatten(2).mean(2).mean(0).argmax())
        off = np.arange(count)[None] == number
        with torch.no_grad():
            before = answered(model(images))
            with switched_off(model, [Switch(settled, off, np.zeros(count, np.float32))]):
                after = answered(model(images))
                if layer.via is None or layer.writes is None:  # a latent's code of what is left is another matter
                    with recording(model, (layer,)) as recorder:
                        left = recorder.activations(list(images))[layer.name][:, number]
                    assert float(left.abs().max()) <= 1e-3 * float(values[:, number].abs().max())
            torch.testing.assert_close(answered(model(images)), before)
        assert not torch.equal(before, after), "nothing changed"
    else:
        method = {"gradient": "gradient", "LRP": "lrp"}[verb]

        def goal(answer):
            return answered(answer)[:, 1]

        with answering(model, lambda answer, count: answered(answer)):
            found = attribute(model, images[:2], 1, layer, method, heatmap=False).relevances[layer.name]
        assert found.shape == (2, count)
        assert np.isfinite(found).all()
        assert np.abs(found).max() > 0
    return "yes"


@cache
def found(name, kind):
    """Per verb "yes", or why not; one text for all where there are no such components."""
    model, images, block = made(name)
    try:
        (layer,) = resolve(model, asked(model, kind, block, images))
        with recording(model, (layer,)) as recorder:
            recorder.activations(list(images))
    except (KeyError, ValueError) as error:
        return dict.fromkeys(VERBS, _why(error))
    told = {}
    for verb in VERBS:
        if verb == "crop by attention" and kind != "heads":
            told[verb] = "by activation"
            continue
        try:
            told[verb] = tried(model, images, layer, verb)
        except (KeyError, ValueError) as error:
            told[verb] = _why(error)
        except AssertionError as error:
            raise AssertionError(f"{name}, {kind}, {verb}: {error}") from error
    return told


REASONS = {  # what an error says, and what stands in the page
    r"finds no attention heads": "no attention",
    r"finds no hidden units": "no MLP of two maps",
    r"windows of a picture|images are not counted by an axis": "windows, of no single image",
    r"without calling it": "computed without its modules",
    r"which axis counts its components is not certain": "axes are not certain",
    r"no rule for the operation": "no rule",
}


def _why(error):
    text = str(error)
    for pattern, reason in REASONS.items():
        if re.search(pattern, text):
            return reason
    raise AssertionError(f"no reason that a person could do something with: {text}") from error


def page():
    head = """# Families, components, verbs

What works on which transformer: made by `tests/test_families.py`, which holds every *yes* against something plainer
on a small network with random weights, and every refusal against its reason. Nothing goes by the name of a model:
another family of the same structure is read alike, and `sl.layers(model)` tells what yours offers.

*examples* stands for all that needs responses alone: search, labels, scores, comparison. *without* stands for switching
off, `with_`, effects and counterfactuals; *gradient* and *LRP* for relevance, audits and circuits by these methods.
Components that are no heads are cropped by activation where `crop="attention"` is asked for. Where it says *of
patches*, a crop by activation needs `tokens="patches"`, since other tokens lie nowhere in the picture.
"""
    parts = [head]
    for kind in KINDS:
        parts += [f"\n## {kind[0].upper()}{kind[1:]}\n", f"| family | {' | '.join(VERBS)} |", "|---" * 7 + "|"]
        for name in FAMILIES:
            told = found(name, kind)
            parts.append(f"| {name} | {' | '.join(told[verb] for verb in VERBS)} |")
    return "\n".join(parts) + "\n"


@pytest.mark.parametrize("name", FAMILIES)
def test_every_verb_is_right_or_says_why_not(name):
    for kind in KINDS:
        told = found(name, kind)
        if kind in ("features", "dictionary", "direction"):
            assert told["examples"] == told["without"] == told["gradient"] == "yes", (kind, told)


def test_the_page_is_what_was_found():
    assert PAGE.read_text("utf-8") == page(), "write it anew: python tests/test_families.py"


def test_reasons_are_of_errors_that_say_what_to_do():
    model, images, _ = made("timm Swin")
    (layer,) = resolve(model, sl.Heads("layers.1.blocks.0"))
    with pytest.raises(ValueError, match=r"windows of a picture|not counted"), recording(model, (layer,)) as recorder:
        recorder.activations(list(images))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
