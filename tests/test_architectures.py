"""Real architectures, with random weights, through the whole chain: fit, search, save, open."""

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from torchvision import transforms
from toy import ColourClip

import semlens_widgets as sl

TRANSFORM = transforms.Compose(
    [
        transforms.Resize(64),
        transforms.CenterCrop(64),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)
LARGE = transforms.Compose([transforms.Resize((224, 224)), transforms.ToTensor()])


def pictures(count):
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (count, 5, 7, 3), dtype=np.uint8)
    return [Image.fromarray(p).resize((90, 70), Image.Resampling.BICUBIC) for p in small]


CHAINS = {
    "resnet18": (lambda: torchvision.models.resnet18(weights=None), ["layer3", "layer4"], (256, 512), TRANSFORM),
    "convnext_tiny": (lambda: torchvision.models.convnext_tiny(weights=None), ["features.7"], (768,), TRANSFORM),
    "vit_b_16": (
        lambda: torchvision.models.vit_b_16(weights=None),
        [sl.Layer("encoder.layers.encoder_layer_3", tokens="patches", signed=True)],
        (2 * 768,),
        LARGE,
    ),
    "timm resnet": (lambda: timm.create_model("resnet10t", pretrained=False), ["layer4"], (512,), TRANSFORM),
    "timm vit": (
        lambda: timm.create_model("vit_tiny_patch16_224", pretrained=False, img_size=64, depth=3),
        [sl.Layer("blocks.2", tokens="patches"), sl.Layer("blocks.1.mlp.act", tokens="class")],
        (192, 768),
        TRANSFORM,
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_the_whole_chain(name, tmp_path):
    make, layers, sizes, transform = CHAINS[name]
    torch.manual_seed(0)
    model = make()
    data = sl.images(pictures(9), transform=transform)
    lens = sl.Lens(model, data, layers, ColourClip(dim=16), k=4, templates=("{}",)).fit(
        cached=False, progress=False, batch_size=4
    )
    assert lens.components.sizes == sizes
    boxes = lens.space.examples.boxes[lens.space.alive]
    assert (boxes[..., 2] > boxes[..., 0]).all()
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    answer = lens.search("red", top=None)
    assert len(answer) == lens.space.alive.sum()
    opened = sl.open(lens.save(tmp_path / "net.semlens"), clip=ColourClip(dim=16))
    assert np.array_equal(opened.search("red", top=None).scores, answer.scores)
    assert model.training, "left in the mode it came in"
