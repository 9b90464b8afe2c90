"""Speed (processor time) and agreement of attribution with zennit-crp, both sides in turn, on a ResNet-18 at 224 px.

Where terms of a residual sum nearly cancel, heatmaps agree a little less: zennit's canonised network divides by
sqrt(1 + eps) of its norms once more than the model does (tests/attribution/test_parity.py shows it).

python tests/benchmarks/attribution.py [rounds] [components] [images]
"""

import sys
import time

import numpy as np
import torch
import torchvision
from _tables import RATIO_HEAD, paired, particulars, ratio_row
from crp.attribution import CondAttribution
from zennit.composites import EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer

from semlens_widgets.attribution import attribute, heatmaps

SEED = 0
BATCH = 16  # of conditions for zennit-crp, of images for both


def network_and_images(count):
    """Random weights with batch norms calibrated on the images, so that activations look like activations."""
    torch.manual_seed(SEED)
    images = torch.nn.functional.interpolate(torch.randn(count, 3, 14, 14), size=224, mode="bicubic")
    model = torchvision.models.resnet18(weights=None)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the average over what it saw
    with torch.no_grad():
        model(images)
    return model.eval().requires_grad_(False), images


def their_heatmaps(model, images, targets, layer, components):
    """CRP's conditional heatmaps as zennit-crp makes many of them: `generate`, conditions in batches."""
    attribution, composite = CondAttribution(model), EpsilonPlusFlat([ResNetCanonizer()])
    found = []
    for image, target in zip(images, targets, strict=True):
        conditions = [{"y": [target], layer: [component]} for component in components]
        answers = attribution.generate(
            image[None].clone().requires_grad_(), conditions, composite, batch_size=BATCH, verbose=False
        )
        found.append(torch.cat([answer.heatmap.detach().clone() for answer in answers]).numpy())
    return np.stack(found)


def their_relevances(model, images, targets, layers):
    """Relevance of every component over a data set, as zennit-crp's FeatureVisualization.run gathers it."""
    attribution, composite = CondAttribution(model), EpsilonPlusFlat([ResNetCanonizer()])
    found = {layer: [] for layer in layers}
    for first in range(0, len(images), BATCH):
        batch = images[first : first + BATCH].clone().requires_grad_()
        conditions = [{"y": [target]} for target in targets[first : first + BATCH]]
        answer = attribution(batch, conditions, composite, record_layer=list(layers))
        for layer in layers:
            found[layer].append(answer.relevances[layer].sum((2, 3)).numpy())
    return {layer: np.concatenate(parts) for layer, parts in found.items()}


def correlations(ours, theirs):
    return np.array([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(ours, theirs, strict=True)])


def main(rounds=3, components=64, images=8):
    print(f"{particulars(SEED)}, torch threads {torch.get_num_threads()}\n\n{RATIO_HEAD}")
    model, pictures = network_and_images(max(32, images))
    with torch.inference_mode():
        targets = model(pictures).argmax(1).tolist()

    chosen, some = pictures[:images], targets[:images]
    numbers = list(range(0, 4 * components, 4))
    kept = {}

    def our_maps():
        kept["ours"] = heatmaps(model, chosen, some, "layer3", numbers, "lrp").heatmaps.reshape(-1, 224, 224)

    def their_maps():
        kept["theirs"] = their_heatmaps(model, chosen, some, "layer3", numbers).reshape(-1, 224, 224)

    sides = paired(our_maps, their_maps, rounds, time.process_time)
    work = f"conditional heatmaps, layer3, {components} components × {images} images"
    print(ratio_row(work, "zennit-crp", "≤ 0.125", *sides), flush=True)
    agreement = [("heatmap", correlations(kept["ours"], kept["theirs"]))]

    for layers in (["layer3", "layer4"], ["layer1", "layer2", "layer3", "layer4"]):

        def ours(layers=layers):
            kept["ours"] = attribute(model, pictures, targets, layers, "lrp", heatmap=False).relevances

        def theirs(layers=layers):
            kept["theirs"] = their_relevances(model, pictures, targets, layers)

        sides = paired(ours, theirs, rounds, time.process_time)
        work = f"relevance of all components, {len(pictures)} images, {layers[0]} … {layers[-1]}"
        print(ratio_row(work, "zennit-crp", "≤ 0.333", *sides), flush=True)
        agreement += [(name, correlations(kept["ours"][name], kept["theirs"][name])) for name in layers]

    print("\n| what | Pearson r with zennit-crp: median | lowest |\n|---|---|---|")
    for name, values in agreement:
        print(f"| {name} | {np.median(values):.6f} | {values.min():.6f} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
