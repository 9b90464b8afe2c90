"""Relevance by zennit's own rules and canonizers: the implementation that CRP was published with, to hold ours against.

Slow, and right for few architectures: torchvision's VGG (with and without batch norms) and ResNets, and plain chains
of the same layers. For anything else it would be silently wrong, so it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from semlens_widgets.attribution import gradient
from semlens_widgets.attribution.affine import stabilized
from semlens_widgets.attribution.tape import UnsupportedModel
from semlens_widgets.model import Layer, alone

# What zennit's composite has a rule for, or what passes relevance on as it is.
_KNOWN = (
    nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d,
    nn.Flatten, nn.Dropout, nn.Dropout2d, nn.Identity,
)  # fmt: skip
_COVERED = ("torchvision.models.resnet", "torchvision.models.vgg")  # whose blocks its canonizers know


class ZennitTrace(gradient.GradientTrace):
    """One forward pass under zennit's hooks: what autograd then calls a gradient is relevance."""

    def start(self, place: str, gradient: Tensor) -> Tensor:
        return gradient * self.value(place)

    def relevance(self, place: str, signal: Tensor) -> Tensor:
        return signal

    def gradient(self, place: str, signal: Tensor) -> Tensor:
        return signal / stabilized(self.value(place))


@contextmanager
def tracing(model: nn.Module, inputs: Tensor, layers: dict[str, Layer], stop: bool) -> Iterator[ZennitTrace]:
    """Run the model under ε on dense layers, z⁺ on convolutions, flat on the first one. UnsupportedModel otherwise."""
    from zennit.canonizers import Canonizer, SequentialMergeBatchNorm
    from zennit.composites import EpsilonPlusFlat
    from zennit.torchvision import ResNetCanonizer

    canonizers: list[Canonizer] = [ResNetCanonizer()] if _is_torchvision_resnet(model) else [SequentialMergeBatchNorm()]
    _check(model)
    composite = EpsilonPlusFlat(canonizers)
    # To the end of the way back: until then the model is another one for everybody.
    with (
        alone(model),
        composite.context(model) as hooked,
        gradient.tracing(hooked, inputs, layers, stop) as trace,
    ):
        yield ZennitTrace(trace.places)


def _is_torchvision_resnet(model: nn.Module) -> bool:
    return any(type(m).__module__ == "torchvision.models.resnet" for m in model.modules())


def _check(model: nn.Module) -> None:
    """UnsupportedModel naming the first module whose connections zennit cannot see."""
    for name, module in model.named_modules():
        if isinstance(module, (*_KNOWN, nn.Sequential)) or type(module).__module__ in _COVERED:
            continue
        what = f"module {name!r} ({type(module).__name__})" if name else f"the model ({type(module).__name__})"
        raise UnsupportedModel(
            f"zennit's canonizers do not cover {what}, so its relevance would be silently wrong; use backend='lrp', or "
            "'gradient', which works for anything differentiable"
        )
