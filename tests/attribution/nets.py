"""Networks for the tests of attribution: written in the ways people write them, and calibrated without training."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class FunctionalBlock(nn.Module):
    """A residual block whose sum is a bare `+`, as in the demo world's classifier."""

    def __init__(self, inside: int, outside: int, stride: int = 1) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.b1, self.r1 = nn.BatchNorm2d(outside), nn.ReLU()
        self.c2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.b2, self.r2 = nn.BatchNorm2d(outside), nn.ReLU()
        same = inside == outside and stride == 1
        self.sc = (
            nn.Sequential()
            if same
            else nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))
        )

    def forward(self, x):
        return self.r2(self.b2(self.c2(self.r1(self.b1(self.c1(x))))) + self.sc(x))


class SmallResNet(nn.Module):
    """The shape of the demo world's classifier, with the mean over places as a tensor method."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.layer1 = FunctionalBlock(24, 31)
        self.layer2 = FunctionalBlock(31, 47, 2)
        self.layer3 = FunctionalBlock(47, 47)
        self.fc = nn.Linear(47, 5)

    def forward(self, x):
        return self.fc(self.layer3(self.layer2(self.layer1(self.stem(x)))).mean((2, 3)))


class ShortcutA(nn.Module):
    """CIFAR ResNet's block (He et al. 2016): functional ReLU, option-A shortcut by slicing and zero padding."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.added = (outside - inside) // 2
        self.stride = stride

    def forward(self, x):
        out = self.bn2(self.conv2(nn.functional.relu(self.bn1(self.conv1(x)))))
        short = x[:, :, :: self.stride, :: self.stride]
        out += nn.functional.pad(short, (0, 0, 0, 0, self.added, self.added))
        return nn.functional.relu(out)


class CifarResNet20(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        widths = [(16, 16, 1), (16, 32, 2), (32, 64, 2)]
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(ShortcutA(a, b, s), ShortcutA(b, b, 1), ShortcutA(b, b, 1)) for a, b, s in widths
        )
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(nn.functional.relu(self.bn1(self.conv1(x))))))
        x = nn.functional.avg_pool2d(x, x.shape[3])
        return self.linear(x.view(x.size(0), -1))


class HandWrittenGate(nn.Module):
    """Squeeze-excite with nothing but operators: a hard sigmoid spelled out, in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 7, 3, padding=1, bias=False)
        self.squeeze = nn.Linear(7, 7)
        self.last = nn.Linear(7, 5, bias=False)

    def forward(self, x):
        x = self.first(x).relu()
        gate = self.squeeze(x.mean((2, 3))).add_(3.0).clamp_(0.0, 6.0).div_(6.0)
        return self.last((x * gate[:, :, None, None]).mean((2, 3)))


def calibrated(model: nn.Module, images: torch.Tensor, seed: int = 0) -> nn.Module:
    """The model in eval mode as conservation needs it: random weights, no biases, batch norms of unit output.

    Without biases nothing absorbs relevance, so that what arrives must be what was sent.
    """
    torch.manual_seed(seed)
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or any(part in name for part in ("pos_embed", "cls_token", "class_token")):
            nn.init.zeros_(parameter)
        elif parameter.ndim == 1 and name.endswith("weight"):
            nn.init.ones_(parameter)  # some start the last norm of a block at zero, which would hide the block
        elif name.endswith(("gamma", "layer_scale")):
            nn.init.constant_(parameter, 0.5)
        elif name.endswith("head.weight"):
            nn.init.normal_(parameter, std=0.05)
    model.eval()

    def unit_output(norm, args):
        norm.running_mean.zero_()
        norm.running_var.copy_(args[0].square().mean((0, 2, 3)))

    handles = [m.register_forward_pre_hook(unit_output) for m in model.modules() if isinstance(m, _BatchNorm)]
    with torch.no_grad():
        model(images)
    for handle in handles:
        handle.remove()
    return model
