"""What it costs to collect heads and hidden units of full-size ViTs (random weights), against the bare forward pass.

The bare pass is torch's own: the same batch, eval mode, no gradients, none of our hooks. The two run in turn; seconds
are the processor's, which others on the machine hardly change.
"""

import sys
import time
import warnings

import numpy as np
from _tables import RATIO_HEAD, particulars, ratio_row, seconds

sys.path.pop(0)  # the folder of this file, which would be found for the library of its name

import timm
import torch
import torchvision

import semlens_widgets as sl
from semlens_widgets.model import recording, resolve

BATCH, ROUNDS, TARGET = 8, 5, "≤ 1.10 ×"


def timm_vit():
    return timm.create_model("vit_base_patch16_224", num_classes=1000)


def torchvision_vit():
    return torchvision.models.vit_b_16(weights=None)


def dictionary(features, size):
    """TopK latents with random weights on one block."""
    rows = torch.nn.functional.normalize(torch.randn(size, features), dim=1)
    return sl.dictionary({"W_enc": rows.T.clone(), "W_dec": rows}, kind="topk", k=32, centred=False)


ROWS = {
    "timm ViT-B/16: 144 heads": (timm_vit, lambda: [sl.Heads("*")]),
    "timm ViT-B/16: 36,864 hidden units": (timm_vit, lambda: [sl.Mlp("*")]),
    "timm ViT-B/16: heads and hidden units": (timm_vit, lambda: [sl.Heads("*"), sl.Mlp("*")]),
    "timm ViT-B/16: residual stream, 12 blocks": (timm_vit, lambda: [sl.Layer(f"blocks.{n}") for n in range(12)]),
    "timm ViT-B/16: 6,144 TopK latents on the last block": (
        timm_vit, lambda: [sl.Layer("blocks.11", via=dictionary(768, 6144))]),
    "torchvision ViT-B/16: 144 heads": (torchvision_vit, lambda: [sl.Heads("*")]),
    "torchvision ViT-B/16: 36,864 hidden units": (torchvision_vit, lambda: [sl.Mlp("*")]),
}  # fmt: skip
TARGETS = {"timm ViT-B/16: 6,144 TopK latents on the last block": "≤ 1.30 × (two products more)"}


def measured(make, asked):
    """(seconds of collecting one batch, of the bare pass), in turn."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make().eval()
    images = list(torch.randn(BATCH, 3, 224, 224))
    batch = torch.stack(images)
    layers = resolve(model, asked())
    with recording(model, layers, quick=True) as recorder:
        recorder.responses(images, "max")  # finds out what axes count, once for a data set
        layers = recorder.layers

    def bare():
        with torch.no_grad():
            model(batch)

    bare()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        with recording(model, layers, quick=True) as recorder:
            ours.append(seconds(lambda recorder=recorder: recorder.pooled(images, "max"), time.process_time))
        theirs.append(seconds(bare, time.process_time))
    return np.array(ours), np.array(theirs)


def main():
    print(f"{particulars()}, {torch.get_num_threads()} threads, batches of {BATCH}\n\n{RATIO_HEAD}", flush=True)
    for name, (make, asked) in ROWS.items():
        ours, theirs = measured(make, asked)
        print(ratio_row(name, "the bare pass", TARGETS.get(name, TARGET), ours, theirs), flush=True)


if __name__ == "__main__":
    main()
