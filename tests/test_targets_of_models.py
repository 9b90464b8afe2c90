"""Targets of segmentations, detectors and image–text models as people bring them: small ones, with random weights."""

import numpy as np
import pytest
import torch
from toy import pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import targets
from semlens_widgets.attribution import UnsupportedModel
from semlens_widgets.explain import explain
from semlens_widgets.model import stack

SIZE = 64
VECTOR = np.random.default_rng(2).normal(size=16)


def data():
    return sl.images(pictures(3, size=SIZE), transform=lambda p: to_pixels(p) / 255)


def shaken(model, *, seed=0):
    """The model with other weights: as initialised many of its outputs are the same everywhere."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            spread = weight.std(correction=0) if weight.numel() > 1 and weight.ndim > 1 else torch.tensor(0.1)
            weight += spread * torch.randn(weight.shape, generator=random)
    return model.eval()


def deeplab():
    from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large

    return deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4), "classifier.3"


def fcn():
    from torchvision.models.segmentation import fcn_resnet50

    return fcn_resnet50(weights=None, weights_backbone=None, num_classes=4), "classifier.2"


def segformer():
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    config = SegformerConfig(
        depths=[1] * 4, hidden_sizes=[16] * 4, num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=16,
        mlp_ratios=[2] * 4,
        id2label=dict(enumerate(("sky", "road", "tree", "car"))), label2id={},
    )  # fmt: skip
    return SegformerForSemanticSegmentation(config), "decode_head.activation"


def ssdlite():
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large

    settings = {"weights": None, "weights_backbone": None, "num_classes": 4}
    model = ssdlite320_mobilenet_v3_large(**settings, score_thresh=0.0, detections_per_img=5)
    return model, "backbone.features.0.5"


def faster_rcnn():
    from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn

    settings = {"weights": None, "weights_backbone": None, "num_classes": 4}
    model = fasterrcnn_mobilenet_v3_large_320_fpn(**settings, box_score_thresh=0.0, box_detections_per_img=5)
    return model, "backbone.body.4"


def yolos():
    from transformers import YolosConfig, YolosForObjectDetection

    config = YolosConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=[SIZE, SIZE],
        num_detection_tokens=7, num_labels=3,
    )  # fmt: skip
    return YolosForObjectDetection(config), "vit.layernorm"


def open_clip():
    from open_clip.model import CLIP

    vision = {"image_size": SIZE, "layers": 1, "width": 16, "patch_size": 16, "head_width": 8}
    text = {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1}
    return CLIP(embed_dim=16, vision_cfg=vision, text_cfg=text), "visual.ln_post"


def made(make):
    torch.manual_seed(0)
    model, layer = make()
    return shaken(model), layer


def answer_of(model):
    with torch.no_grad():
        return model(stack([data().tensor(1)]))


def same(named, function):
    assert named.value == pytest.approx(function.value, rel=1e-4, abs=1e-6)
    scale = np.abs(function.relevance).max()
    assert scale > 0
    np.testing.assert_allclose(named.relevance, function.relevance, atol=2e-3 * scale)


def taken(answer, name):
    return answer[name] if name == "out" else answer.logits


@pytest.mark.parametrize(("make", "name"), [(deeplab, "out"), (fcn, "out"), (segformer, "logits")])
def test_a_class_of_a_segmentation(make, name):
    model, layer = made(make)
    maps = taken(answer_of(model), name)[0]
    why = explain(model, data(), 1, layer, method="gradient")
    said = maps.argmax(0)
    largest = int(said.flatten().bincount().argmax())
    assert why.value == pytest.approx(float(maps[largest][said == largest].mean()), rel=1e-3, abs=1e-4)
    height, width = maps.shape[1:]
    target = targets.segment(1, (0.5, 0.25, 1.0, 1.0))
    plain = lambda out: taken(out, name)[:, 1, height // 4 :, width // 2 :].mean((1, 2))  # noqa: E731
    same(
        explain(model, data(), 1, layer, target, method="gradient"),
        explain(model, data(), 1, layer, plain, method="gradient"),
    )
    lrp = explain(model, data(), 1, layer, target, method="lrp")
    assert np.isfinite(lrp.relevance).all()
    assert lrp.value == pytest.approx(
        explain(model, data(), 1, layer, plain, method="gradient").value, rel=1e-3, abs=1e-4
    )


@pytest.mark.parametrize("make", [ssdlite, faster_rcnn])
def test_a_box_of_a_detection(make):
    model, layer = made(make)
    found = answer_of(model)[0]
    why = explain(model, data(), 1, layer)
    assert why.value == pytest.approx(float(found["scores"].max()), abs=1e-4)
    assert why.backend in ("gradient", "integrated")  # what boxes are chosen by has no rule
    assert [choice.share for choice in why.found.choices[:2]] == pytest.approx(found["scores"][:2].tolist(), abs=1e-4)
    named = explain(model, data(), 1, layer, method="gradient")
    same(named, explain(model, data(), 1, layer, lambda out: out[0]["scores"][:1], method="gradient"))
    with pytest.raises(UnsupportedModel, match="gradient"):
        explain(model, data(), 1, layer, method="lrp")


def test_a_box_of_a_transformer():
    model, layer = made(yolos)
    with torch.no_grad():
        model.class_labels_classifier.layers[-1].bias[-1] -= 3  # "nothing here" is unlikely
    likely = answer_of(model).logits.softmax(-1)[0, :, :-1]
    why = explain(model, data(), 1, layer)
    assert why.value == pytest.approx(float(likely.max()), abs=1e-4)
    plain = lambda out: out.logits.softmax(-1)[:, :, :-1].amax((1, 2))  # noqa: E731
    same(*(explain(model, data(), 1, layer, target, method="gradient") for target in (None, plain)))


@pytest.mark.parametrize("method", ["lrp", "gradient"])
def test_the_score_of_a_text_of_a_whole_model_and_of_its_tower(method):
    model, layer = made(open_clip)
    unit = torch.from_numpy(VECTOR / np.linalg.norm(VECTOR)).float()
    with torch.no_grad():
        score = float(model.encode_image(stack([data().tensor(1)]), normalize=True)[0] @ unit)
    target = targets.text("a dog", by=VECTOR)
    whole, tower = (
        explain(one, data(), 1, place, target, method=method)
        for one, place in ((model, layer), (model.visual, "ln_post"))
    )
    assert whole.value == pytest.approx(score, abs=1e-5)
    assert tower.value == pytest.approx(score, abs=1e-5)
    if method == "gradient":
        same(
            tower, explain(model.visual, data(), 1, "ln_post", lambda out: out @ unit / out.norm(dim=1), method=method)
        )
        same(whole, tower)
