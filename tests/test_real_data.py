"""The whole chain on real photographs, a public network and a small CLIP, as a user would write it."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn import functional as F
from torchvision import transforms

import semlens_widgets as sl

DATA = Path(__file__).parents[2] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the photographs, ResNet-20 and small CLIP are not part of the project and not at hand"
)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Block(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.stride, self.padding = stride, (outside - inside) // 2

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.padding:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.padding, self.padding))
        return F.relu(out + x)


class ResNet20(nn.Module):
    """He et al. 2016 for CIFAR, with option-A shortcuts."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


@pytest.fixture(scope="module")
def lens(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    with zipfile.ZipFile(DATA / "cifar10-test-2000.zip") as packed:
        packed.extractall(folder)
    root = next(p for p in [folder, *folder.rglob("*")] if (p / "airplane").is_dir())
    model = ResNet20()
    model.load_state_dict(load_file(DATA / "resnet20-cifar10.safetensors"))
    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    )
    return sl.Lens(
        model,
        sl.images(root, transform=transform),
        layers=["layer3", "linear"],
        clip=sl.OpenClip(DATA / "tinyclip-cifar10"),
        k=20,
        crop=None,
    ).fit(progress=False)


def test_the_photographs_and_the_network_are_the_ones_of_the_readme(lens):
    data = lens.source.images
    assert (len(data), data.classes) == (2000, CLASSES)
    with torch.no_grad():
        logits = lens.source.model.eval()(torch.stack([data.tensor(i) for i in range(2000)]))
    labels = np.array([data.label(i) for i in range(2000)])
    assert (logits.argmax(1).numpy() == labels).mean() == pytest.approx(0.805, abs=0.002)


def test_every_class_name_finds_its_own_output_unit(lens):
    answers = lens.search(list(CLASSES), layer="linear")
    assert [a[0].component.index for a in answers] == list(range(10))
    assert all(a.found for a in answers)


def test_the_best_hidden_channel_separates_its_class(lens):
    data = lens.source.images
    maps = []
    handle = lens.source.model.layer3.register_forward_hook(lambda m, a, out: maps.append(out.amax((2, 3))))
    with torch.no_grad():
        lens.source.model.eval()(torch.stack([data.tensor(i) for i in range(2000)]))
    handle.remove()
    responses, labels = maps[0].numpy(), np.array([data.label(i) for i in range(2000)])
    for number, name in enumerate(CLASSES):
        best = lens.search(name, layer="layer3")[0].component.index
        assert 0.74 <= roc_auc_score(labels == number, responses[:, best]) <= 1


def test_saved_opened_and_asked_again(lens, tmp_path):
    opened = sl.open(lens.save(tmp_path / "resnet20.semlens"))
    assert opened.search("ship")[0].component == lens.search("ship")[0].component
    assert opened.space.label(opened.search("ship", layer="linear").examples(0)[0][0]) == "ship"
