"""Heads and hidden units: what they are, held against the arithmetic of a transformer written out."""

import copy
import warnings

import numpy as np
import open_clip
import pytest
import timm
import torch
import torchvision
import transformers
from PIL import Image

import semlens_widgets as sl
from semlens_widgets.attribution import attribute
from semlens_widgets.model import recording, resolve
from semlens_widgets.model.attending import attending
from semlens_widgets.switching import Switch, switched_off

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 32, "patch_size": 8}


def hf(kind, **more):
    return getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**SMALL, **more))


def clip_tower():
    seen = open_clip.model.CLIPVisionCfg(layers=2, width=64, head_width=16, patch_size=8, image_size=32)
    return open_clip.model.CLIP(32, seen, open_clip.model.CLIPTextCfg(layers=1, width=32, heads=2)).visual


BLOCK = "encoder.layers.encoder_layer_0"
FAMILIES = {  # model, side of its images, first attention and MLP: where heads and hidden units are, how many
    "timm ViT": (lambda: timm.create_model("vit_tiny_patch16_224", img_size=32, patch_size=8, depth=2), 32,
                 ("blocks.0.attn", 3), ("blocks.0.mlp", 768)),
    "timm DeiT": (lambda: timm.create_model("deit_tiny_distilled_patch16_224", img_size=32, patch_size=8, depth=2), 32,
                  ("blocks.0.attn", 3), ("blocks.0.mlp", 768)),
    "timm EVA-02": (lambda: timm.create_model("eva02_tiny_patch14_224", img_size=28, depth=2), 28,
                    ("blocks.0.attn", 3), ("blocks.0.mlp", 512)),
    "timm DINOv2 with registers": (lambda: timm.create_model("vit_small_patch14_reg4_dinov2", img_size=28, depth=2), 28,
                                   ("blocks.0.attn", 6), ("blocks.0.mlp", 1536)),
    "torchvision ViT": (lambda: torchvision.models.VisionTransformer(32, 8, 2, 4, 32, 64), 32,
                        (f"{BLOCK}.self_attention", 4), (f"{BLOCK}.mlp", 64)),
    "open_clip": (clip_tower, 32, ("transformer.resblocks.0.attn", 4), ("transformer.resblocks.0.mlp", 256)),
    "HF ViT": (lambda: hf("ViT", intermediate_size=64), 32, ("layers.0.attention", 4), ("layers.0.mlp", 64)),
    "HF CLIP": (lambda: hf("CLIPVision", intermediate_size=64), 32,
                ("encoder.layers.0.self_attn", 4), ("encoder.layers.0.mlp", 64)),
    "HF SigLIP": (lambda: hf("SiglipVision", intermediate_size=64), 32,
                  ("encoder.layers.0.self_attn", 4), ("encoder.layers.0.mlp", 64)),
    "HF DINOv2, gated": (lambda: hf("Dinov2", mlp_ratio=2, use_swiglu_ffn=True), 32,
                         ("encoder.layer.0.attention", 4), ("encoder.layer.0.mlp", 48)),
    "HF DINOv3, gated": (lambda: hf("DINOv3ViT", intermediate_size=64, use_gated_mlp=True, num_register_tokens=2), 32,
                         ("model.layer.0.attention", 4), ("model.layer.0.mlp", 64)),
}  # fmt: skip


def made(name):
    """(model, three images, attention and its heads, MLP and its units); nothing is zero as it often is at first."""
    make, side, heads, hidden = FAMILIES[name]
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make().eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights += torch.randn_like(weights) * (0.3 if weights.ndim == 1 else 0.02)
    return model, torch.randn(3, 3, side, side), heads, hidden


@pytest.fixture(params=FAMILIES)
def family(request):
    return made(request.param)


def answered(output):
    return output if isinstance(output, torch.Tensor) else output[0]


def given(model, name, images):
    """What a module is given when the model runs, by a hook of our own; for torch's attention the projection's input.

    That one is found with a projection that leaves its input as it is.
    """
    seen = []
    module = model.get_submodule(name)
    with torch.no_grad():
        hook = module.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
        model(images)
        hook.remove()
        if seen:
            return seen[0]
        twin = copy.deepcopy(model)
        projection = twin.get_submodule(name)
        projection.weight.copy_(torch.eye(len(projection.weight)))
        projection.bias.zero_()
        around = twin.get_submodule(name.rpartition(".")[0])
        around.register_forward_hook(lambda module, args, output: seen.append(output[0]))
        twin(images)
    return seen[0]


def test_a_heads_response_is_the_length_of_what_it_writes(family):
    model, images, (attention, heads), _ = family
    (layer,) = resolve(model, sl.Heads(attention))
    projection = model.get_submodule(layer.module)
    values = given(model, layer.module, images)
    size = values.shape[-1] // heads
    written = torch.stack(
        [
            values[..., h * size : (h + 1) * size] @ projection.weight[:, h * size : (h + 1) * size].T
            for h in range(heads)
        ]
    )
    with recording(model, (layer,)) as recorder:
        found = recorder.activations(list(images))[layer.name].flatten(2)
    assert layer.name == f"{attention}.heads"
    expected = written.norm(dim=-1).permute(1, 0, 2).detach()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_hidden_units_are_what_the_second_projection_is_given(family):
    model, images, _, (mlp, units) = family
    (layer,) = resolve(model, sl.Mlp(mlp))
    with recording(model, (layer,)) as recorder:
        found = recorder.activations(list(images))[layer.name].flatten(2)
    assert (layer.name, found.shape[1]) == (f"{mlp}.hidden", units)
    torch.testing.assert_close(found, given(model, layer.module, images).transpose(1, 2))


def test_switching_off_is_the_model_without_these_columns_of_the_projection(family):
    model, images, (attention, heads), (mlp, units) = family
    for asked, number, count in ((sl.Heads(attention), 1, heads), (sl.Mlp(mlp), 7, units)):
        (layer,) = resolve(model, asked)
        twin = copy.deepcopy(model)
        weight = twin.get_submodule(layer.module).weight
        size = weight.shape[1] // count
        with torch.no_grad():
            weight[:, number * size : (number + 1) * size] = 0
            expected, before = answered(twin(images)), answered(model(images))
            off = np.eye(count, dtype=bool)[[number]]
            with switched_off(model, [Switch(layer, off, np.zeros(count, np.float32))]):
                found = answered(model(images))
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
        assert not torch.allclose(found, before, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(answered(model(images)), before)


def test_the_model_is_the_same_while_it_is_read_and_afterwards(family):
    model, images, (attention, _), (mlp, _) = family
    layers = resolve(model, [sl.Heads(attention), sl.Mlp(mlp)])
    before, modules = answered(model(images)).detach(), list(model.named_modules())
    keys = list(model.state_dict())
    with recording(model, layers) as recorder:
        recorder.activations(list(images), whole=True)
        torch.testing.assert_close(answered(model(images)), before)
    assert list(model.named_modules()) == modules
    assert list(model.state_dict()) == keys
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_an_attention_read_beside_its_heads_is_the_attention(family):
    """Also where the attention is asked for first, and where somebody's own hook looks at it."""
    model, images, (attention, _), _ = family
    seen = []
    module = model.get_submodule(attention)
    hook = module.register_forward_hook(lambda module, args, output: seen.append(answered(output).detach()))
    model(images)
    for asked in ([attention, sl.Heads(attention)], [sl.Heads(attention), attention]):
        layers = resolve(model, asked)
        with recording(model, layers) as recorder:
            found = recorder.activations(list(images), whole=True)[attention].flatten(2)
        torch.testing.assert_close(found, seen[0].transpose(1, 2))
        torch.testing.assert_close(seen[-1], seen[0])
    hook.remove()


@pytest.mark.parametrize("name", ["timm ViT", "timm EVA-02"])
def test_what_arrives_at_a_head_is_what_arrives_at_its_features(name):
    model, images, (attention, _), _ = made(name)
    (layer,) = resolve(model, sl.Heads(attention))
    kept = []
    hook = model.get_submodule(layer.module).register_forward_pre_hook(lambda module, args: kept.append(args[0]))
    (slope,) = torch.autograd.grad(model(images)[:, 5].sum(), kept)
    hook.remove()
    expected = (kept[0] * slope).unflatten(-1, (layer.groups, -1)).sum((1, -1)).detach()
    found = attribute(model, images, 5, layer, "gradient").relevances[layer.name]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_heads_and_hidden_units_have_relevance_by_both_ways():
    for name in ("timm ViT", "torchvision ViT"):
        model, images, (attention, heads), (mlp, units) = made(name)
        for method in ("gradient", "lrp"):
            layers = resolve(model, [sl.Heads(attention), sl.Mlp(mlp)])
            found = attribute(model, images, 5, layers, method).relevances
            assert [found[layer.name].shape for layer in layers] == [(3, heads), (3, units)]
            assert all(np.isfinite(values).all() and np.abs(values).max() > 0 for values in found.values())


NOT_THERE = {
    "no such module": (sl.Heads("block.0.attn"), "did you mean 'blocks.0.attn'"),
    "several": (sl.Mlp("blocks"), "in 2 modules, 'blocks.0.mlp', 'blocks.1.mlp'"),
    "none in this module": (sl.Heads("blocks.0.mlp"), "finds no attention heads; they are in 'blocks.0.attn'"),
    "no projection of that name": (sl.Mlp("blocks.0", out="blocks.0.mlp.fc3"), "did you mean 'blocks.0.mlp.fc"),
    "another number of heads": (sl.Heads("blocks.0.attn", heads=2), "heads=2, and the module .* it has 3"),
    "uneven": (sl.Heads("blocks.0.attn", heads=5, out="blocks.0.attn.proj"), "5 heads do not share evenly"),
}


@pytest.mark.parametrize(("asked", "said"), NOT_THERE.values(), ids=NOT_THERE)
def test_what_is_not_there_is_named(asked, said):
    model = FAMILIES["timm ViT"][0]()
    with pytest.raises((KeyError, ValueError), match=said):
        resolve(model, asked)


def test_what_cannot_be_asked_for_is_refused_at_once():
    """Before there is a model."""
    wrong = [("Heads", (5,), {}), ("Mlp", (None,), {}), ("Heads", ("a",), {"tokens": "patch"})]
    wrong += [("Heads", ("a",), {"heads": 0})]
    for kind, given, named in wrong:
        with pytest.raises((TypeError, ValueError)):
            getattr(sl, kind)(*given, **named)
    with pytest.raises(TypeError, match=r"give sl.images"):
        sl.layers(torch.nn.Conv2d(3, 4, 1), "x")


def test_windows_of_a_picture_have_no_heads_of_an_image():
    for model in (
        timm.create_model("swin_tiny_patch4_window7_224", img_size=56, depths=(1, 1, 1, 1)),
        torchvision.models.SwinTransformer([4, 4], 16, [1, 1], [2, 2], [7, 7]),
    ):
        (layer, *_) = resolve(model.eval(), sl.Heads("*"))
        with pytest.raises(ValueError, match=r"windows of a picture|cannot be read"), recording(model, (layer,)) as rec:
            rec.activations(list(torch.randn(2, 3, 56, 56)))


def test_networks_without_attention_have_none():
    for model in (torchvision.models.resnet50(), timm.create_model("efficientnet_lite0")):
        with pytest.raises(KeyError, match="none were found"):
            resolve(model, sl.Heads("*"))
        with pytest.raises(KeyError, match="none were found"):
            resolve(model, sl.Mlp("*"))


def test_what_a_model_offers_is_what_a_pass_finds(family):
    """Each offer, asked for as it says, has as many components as it says."""
    model, images, (attention, heads), (mlp, units) = family
    offers = sl.layers(model, images)
    assert {(f"{attention}.heads", heads), (f"{mlp}.hidden", units)} < {(x.name, x.components) for x in offers}
    asked = [eval(offer.ask, {"sl": sl}) for offer in offers if not offer.refused]
    layers = resolve(model, asked)
    assert [layer.name for layer in layers] == [offer.name for offer in offers if not offer.refused]
    with recording(model, layers) as recorder:
        found = recorder.activations(list(images))
    sizes = {layer.name: found[layer.name].shape[1] for layer in layers}
    assert sizes == {offer.name: offer.components for offer in offers if not offer.refused}


def test_offers_of_a_convolutional_network_are_its_stages_and_blocks():
    offers = sl.layers(torchvision.models.resnet18(num_classes=7))
    sizes = {offer.name: offer.shape for offer in offers}
    assert sizes["layer4"] == "512 × 7 × 7"
    assert sizes["layer3.1"] == "256 × 14 × 14"
    assert sizes["fc"] == "7"
    assert "layer4.1 and 1 more" in repr(offers)
    assert len(offers.to_rows()) == len(offers)
    assert "<td>layer4</td>" in offers._repr_html_()


def test_offers_without_shapes_where_the_model_fails_on_its_image():
    model = torch.nn.Sequential(torch.nn.Conv2d(5, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4, 2))
    assert {offer.components for offer in sl.layers(model)} == {None}
    assert [offer.components for offer in sl.layers(model, torch.zeros(1, 5, 3, 3))] == [4, 2]
    with pytest.raises(TypeError, match="give a torch module"):
        sl.layers("resnet50")
    with pytest.raises(ValueError, match="channel height width"):
        sl.layers(model, torch.zeros(5, 3, 3))


def to_input(picture):
    return torch.from_numpy(np.asarray(picture, np.float32).transpose(2, 0, 1) / 255)


def test_a_lens_on_heads_and_hidden_units_does_all_a_lens_does(tmp_path):
    """Fit, crops, search, relevance, effect, without and a file, on a small ViT with weights drawn by a seed."""
    torch.manual_seed(0)
    model = timm.models.VisionTransformer(32, 8, embed_dim=32, depth=2, num_heads=4, num_classes=4).eval()
    drawn = np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), "u1")
    images = sl.images([Image.fromarray(picture) for picture in drawn], transform=to_input)
    clip = sl.OpenClip(sl.demo.clip_folder(), device="cpu")
    asked = [sl.Heads("blocks.*", tokens="patches"), sl.Mlp("blocks.1", tokens="patches")]
    lens = sl.Lens(model, images, asked, clip, k=3, null=20, sample=8)
    lens.fit(cached=False, progress=False, relevance=True)
    assert lens.components.layers == ("blocks.0.attn.heads", "blocks.1.attn.heads", "blocks.1.mlp.hidden")
    assert lens.components.sizes == (4, 4, 128)
    assert len(lens.search("ruler")) > 0
    assert np.isfinite(lens.relevance.share).all()
    before = model(torch.stack([images.tensor(0)]))
    with lens.without("blocks.0.attn.heads:2"):
        assert not torch.allclose(model(torch.stack([images.tensor(0)])), before)
    torch.testing.assert_close(model(torch.stack([images.tensor(0)])), before)
    why = lens.explain(0)
    assert why.heatmap("blocks.0.attn.heads:1").shape == (32, 32)
    again = sl.open(lens.save(tmp_path / "heads.semlens"))
    assert again.components == lens.components


def attended(name, model, images, attention):
    """The weights [image head query key] of an attention, by what its library says of them, or written out."""
    module, seen = model.get_submodule(attention), []
    hook = module.register_forward_pre_hook(lambda module, args, kwargs: seen.append((args, kwargs)), with_kwargs=True)
    with torch.no_grad():
        if name.startswith("HF"):
            model.set_attn_implementation("eager")
            weights = model(images, output_attentions=True).attentions[0]
            hook.remove()
            return weights
        model(images)
        hook.remove()
        ((args, kwargs),) = seen
        if isinstance(module, torch.nn.MultiheadAttention):
            return module(args[0], args[0], args[0], need_weights=True, average_attn_weights=False)[1]
        module.fused_attn = False
        found = []
        drop = module.attn_drop.register_forward_pre_hook(lambda module, args: found.append(args[0].clone()))
        module(*args, **kwargs)
        drop.remove()
        module.fused_attn = True
        return found[0]


def test_what_heads_attend_to_is_what_their_library_says(family, request):
    model, images, (attention, heads), _ = family
    name = request.node.callspec.params["family"]
    (layer,) = resolve(model, sl.Heads(attention))
    with recording(model, (layer,)) as recorder, attending(model, (layer,)) as watched:
        recorder.activations(list(images))
        found = watched[layer.name].weights
    expected = attended(name, model, images, attention)
    assert found.shape[1] == heads
    torch.testing.assert_close(found, expected.detach().float(), rtol=1e-3, atol=1e-5)


class Looking(torch.nn.Module):
    """Two heads: the first attends to the brightest patch, the second to the darkest, from every token."""

    def __init__(self):
        super().__init__()
        self.patches = torch.nn.Conv2d(3, 4, 8, 8, bias=False)
        self.attn = Two()
        with torch.no_grad():
            self.patches.weight.fill_(1 / 192)

    def forward(self, x):
        return self.attn(self.patches(x).flatten(2).transpose(1, 2)).mean(1)


class Two(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.num_heads, self.qkv, self.proj = 2, torch.nn.Linear(4, 12), torch.nn.Linear(4, 4)
        with torch.no_grad():
            self.qkv.weight.zero_()
            self.qkv.bias.zero_()
            self.qkv.bias[:4] = 1  # queries: one
            self.qkv.weight[4:6, 0], self.qkv.weight[6:8, 0] = 40.0, -40.0  # keys: bright, and dark
            self.qkv.bias[8:] = 1

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, 2, 2)).permute(2, 0, 3, 1, 4)
        return self.proj(torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


def test_crops_by_attention_show_what_a_head_looks_at():
    pictures, places = [], []
    for number in range(12):
        pixels = np.full((32, 32, 3), 128, np.uint8)
        bright, dark = number % 16, (number * 5 + 3) % 16
        for place, value in ((bright, 255), (dark, 0)):
            row, column = divmod(place, 4)
            pixels[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = value
        pictures.append(Image.fromarray(pixels))
        places.append((bright, dark))
    model = Looking().eval()
    images = sl.images(pictures, transform=lambda p: torch.from_numpy(np.asarray(p).copy()).permute(2, 0, 1) / 255)
    layers = [sl.Heads("attn"), "patches"]
    examples = sl.collect(model, images, layers, k=4, sample=0, progress=False)
    cropped = sl.crop(examples, model, images, layers, by="attention", threshold=0.2, progress=False)
    for head in range(2):
        for image, box in zip(cropped.images[head], cropped.boxes[head], strict=True):
            row, column = divmod(places[image][head], 4)
            middle = (box[:2] + box[2:]) / 2
            np.testing.assert_allclose(middle, [(column + 0.5) / 4, (row + 0.5) / 4], atol=0.13)
            assert (box[2:] - box[:2]).max() < 0.7
    by_activation = sl.crop(examples, model, images, layers, by="activation", threshold=0.2, progress=False)
    np.testing.assert_allclose(cropped.boxes[2:], by_activation.boxes[2:], atol=1e-6)


def test_attention_that_is_not_seen_is_refused():
    """Its own kernel, as a library might have one: nothing tells what the weights are."""
    model = Looking().eval()
    model.attn.forward = lambda x: model.attn.proj(model.attn.qkv(x)[..., 8:])
    images = sl.images([Image.new("RGB", (32, 32))] * 3, transform=lambda p: torch.zeros(3, 32, 32))
    with pytest.raises(ValueError, match=r"no weights are seen in the attention 'attn'.*crop='activation'"):
        sl.crop(
            sl.collect(model, images, sl.Heads("attn"), k=2, sample=0, progress=False), model, images,
            sl.Heads("attn"), by="attention", progress=False,
        )  # fmt: skip
