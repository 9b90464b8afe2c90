"""The backend "zennit": the published implementation gives what ours gives, and refuses what it would get wrong."""

import numpy as np
import pytest
import timm
import torch
import torchvision.models as tv
from nets import calibrated

from semlens_widgets.attribution import UnsupportedModel, attribute, edges, heatmaps


def net(make):
    torch.manual_seed(1)
    images = torch.randn(2, 3, 64, 64)
    model = calibrated(make(), images)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-15  # zennit's merged norms still divide by sqrt(1 + eps)
    return model.double(), images.double()


@pytest.mark.parametrize(("make", "lower", "upper"), [(tv.vgg11_bn, "features.14", "features.21"),
                                                      (tv.resnet18, "layer2", "layer3")])  # fmt: skip
def test_both_implementations_agree(make, lower, upper):
    model, images = net(make)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for target in ([3, 8], lambda logits: logits[:, 3] - logits[:, 5]):
        theirs, ours = (attribute(model, images, target, [lower, upper], b) for b in ("zennit", "lrp"))
        assert theirs.backend == "zennit"
        for layer in (lower, upper):
            close(theirs.relevances[layer], ours.relevances[layer])
        close(theirs.heatmap, ours.heatmap)
    theirs, ours = (heatmaps(model, images, [3, 8], upper, [1, 5, 11], b) for b in ("zennit", "lrp"))
    close(theirs.heatmaps, ours.heatmaps)
    theirs, ours = (heatmaps(model, images, None, upper, [1, 5], b) for b in ("zennit", "lrp"))
    close(theirs.heatmaps, ours.heatmaps)
    theirs, ours = (edges(model, images, [3, 8], upper, [1, 5], [lower], b) for b in ("zennit", "lrp"))
    close(theirs.relevances[lower], ours.relevances[lower])
    after = model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in model.modules())


@pytest.mark.parametrize("make", [lambda: timm.create_model("resnet18"), tv.efficientnet_b0, tv.vit_b_16])
def test_what_it_would_get_wrong_is_refused(make):
    model = make().eval()
    with pytest.raises(UnsupportedModel, match="would be silently wrong; use backend='lrp'"):
        attribute(model, torch.randn(1, 3, 224, 224), 0, [name for name, _ in model.named_children()][:1], "zennit")


def close(theirs, ours):
    assert theirs.shape == ours.shape
    np.testing.assert_allclose(theirs, ours, rtol=2e-3, atol=1e-4 * np.abs(ours).max())
