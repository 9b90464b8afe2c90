"""How near relevance comes to switching components off, on networks with trained weights and biases.

Truth is the drop of the predicted class's logit when a channel is set to zero, all channels of a stage, by hooks of our
own: nothing of the package computes it. Numbers are means over the pictures; "all pictures together" are r, rank
correlation and signs of shares that were averaged first, as in relevance over a data set. "zennit-crp" is
EpsilonPlusFlat with the canonizers that its documentation names for such a network, run whether or not it covers it.

python tests/benchmarks/relevance.py [pictures]
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from _tables import particulars
from crp.attribution import CondAttribution
from scipy.stats import pearsonr, spearmanr
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer

import semlens_widgets as sl
from semlens_widgets.attribution import attribute
from semlens_widgets.attribution.values import ByLayer
from semlens_widgets.faithfulness import MAPS, kept
from semlens_widgets.faithfulness.measure import measure
from semlens_widgets.faithfulness.value import GOAL, spread
from semlens_widgets.model import resolve

sys.path.insert(0, str(Path(__file__).parents[1]))
import trained

METHODS = ("lrp", "lrp-plus-flat", "lrp-gamma-flat", "lrp-bottleneck", "lrp-epsilon", "gradient", "integrated")
ROWS = 32


def demo(pictures):
    images, prepare = sl.demo.images(pictures), sl.demo.transform()
    inputs = torch.stack([prepare(images[i][0]) for i in range(pictures)])
    return sl.demo.classifier(), inputs, ["layer1", "layer2", "layer3", "layer4"]


def efficientnet(pictures):
    names = trained.PHOTOGRAPHS[:pictures]
    return trained.efficientnet_lite0(), trained.photographs(names), [f"blocks.{n}" for n in (1, 2, 4, 5, 6)] + ["bn2"]


def resnet20(pictures):
    return trained.resnet20(), trained.cifar(pictures), ["layer1", "layer2", "layer3"]


def drops(model, images, classes, layer):
    """[image channel]: by how much the logit falls when a channel is set to zero."""
    module, size = model.get_submodule(layer), []
    with torch.no_grad():
        handle = module.register_forward_hook(lambda m, a, output: size.append(output.shape[1]))
        logits = model(images)
        handle.remove()
        found = np.zeros((len(images), size[0]), np.float32)
        for number, (image, target) in enumerate(zip(images, classes, strict=True)):
            for first in range(0, size[0], ROWS):
                chosen = torch.arange(first, min(size[0], first + ROWS))

                def off(m, a, output, chosen=chosen):
                    grown = output.repeat(len(chosen), *[1] * (output.ndim - 1))
                    grown[torch.arange(len(chosen)), chosen] = 0
                    return grown

                handle = module.register_forward_hook(off)
                found[number, chosen] = (logits[number, target] - model(image[None])[:, target]).numpy()
                handle.remove()
    return logits[torch.arange(len(images)), classes].numpy(), found


def by_zennit_crp(model, images, classes, layers):
    canonizers = [SequentialMergeBatchNorm()]
    if any(type(m).__module__ == "torchvision.models.resnet" for m in model.modules()):
        canonizers = [ResNetCanonizer()]
    attribution = CondAttribution(model)
    conditions = [{"y": [int(target)]} for target in classes]
    answer = attribution(
        images.clone().requires_grad_(), conditions, EpsilonPlusFlat(canonizers), record_layer=list(layers)
    )
    return {layer: answer.relevances[layer].detach().sum((2, 3)).numpy() for layer in layers}


def agreement(relevance, drop):
    pairs = list(zip(relevance, drop, strict=True))
    largest = [np.argsort(-np.abs(a))[:20] for a, _ in pairs]
    signs = [np.mean(np.sign(a[top]) == np.sign(b[top])) for (a, b), top in zip(pairs, largest, strict=True)]
    return (
        float(np.mean([pearsonr(a, b)[0] for a, b in pairs])),
        float(np.mean([spearmanr(a, b)[0] for a, b in pairs])),
        float(np.mean(signs)),
    )


def rows(name, model, images, layers):
    with torch.no_grad():
        classes = model(images).argmax(1)
    truth = {layer: drops(model, images, classes, layer) for layer in layers}
    found, took = {}, {}
    for method in METHODS:
        start = time.perf_counter()
        found[method] = attribute(model, images, classes, layers, method, heatmap=False).relevances
        took[method] = (time.perf_counter() - start) / len(images)
    start = time.perf_counter()
    try:
        found["zennit-crp"] = by_zennit_crp(model, images, classes, layers)
    except Exception as error:  # whatever it says to a network that it was not made for
        print(f"| {name} | | zennit-crp | {type(error).__name__} | | | | | | |")
    took["zennit-crp"] = (time.perf_counter() - start) / len(images)
    choice = chosen_by_auto(model, images, classes, layers)
    for layer in layers:
        logit, drop = truth[layer]
        for method, relevances in found.items():
            relevance = relevances[layer]
            r, rank, signs = agreement(relevance, drop)
            good = r >= GOAL["pearson"] and rank >= GOAL["spearman"] and signs >= GOAL["signs"]
            arrives = float(np.mean(relevance.sum(1) / logit))
            mark = " (auto)" if method == in_layer(choice.components, layer) else ""
            mark += " (its circuits)" if method == choice.circuits else ""
            together = agreement(*(np.mean(shares(part), 0, keepdims=True) for part in (relevance, drop)))
            yield (
                f"| {name} | {layer} | {method}{mark} | {arrives:.2f} | {r:.2f} | {rank:.2f} | {signs:.2f} "
                f"| {'yes' if good else 'no'} | {' / '.join(f'{x:.2f}' for x in together)} | {took[method]:.2f} s |"
            )


def shares(amounts):
    """As relevance over a data set adds it up: each picture's, divided by the sum of absolute values."""
    return amounts / np.abs(amounts).sum(1, keepdims=True)


def in_layer(method, layer):
    return method.of(layer) if isinstance(method, ByLayer) else method


def chosen_by_auto(model, images, classes, layers):
    """What "auto" means, measured on the first four."""
    return kept.decided(kept.trial(model, images[:4], classes[:4], resolve(model, layers))[0])


def deletions(name, model, images, layers):
    """Each method's heatmaps, and by how much it is ahead of LRP in the same pictures."""
    with torch.no_grad():
        classes = model(images).argmax(1)
    chosen = chosen_by_auto(model, images, classes, layers[-1:]).heatmaps
    found = measure(model, images, classes, resolve(model, layers[-1:]), (), MAPS, sample=2, held=False)
    of = {d.method: d for d in found.deletions}
    for d in found.deletions:
        mark = " (auto)" if d.method == chosen else ""
        shown = " | ".join(spread(x) for x in (d.first, d.last, d.random, d.difference, d.ahead_of(of["lrp"])))
        yield f"| {name} | {d.method}{mark} | {shown} |"


def main(pictures=3):
    torch.set_num_threads(1)
    print(f"{particulars()}, one thread; {pictures} pictures of each network (twice as many small ones)\n")
    networks = {"demo": demo(2 * pictures), "EfficientNet-Lite0": efficientnet(pictures)}
    if trained.SHARED.is_dir():
        networks["ResNet-20"] = resnet20(2 * pictures)
    heads = "network", "stage", "method", "arrives", "Pearson r", "Spearman", "signs of 20", "goal"
    heads += "all pictures together", "a picture"
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, network in networks.items():
        for row in rows(name, *network):
            print(row, flush=True)
    print("\nDeletion test of heatmaps, share of the logit lost\n")
    heads = "network", "method", "most relevant first", "least first", "at random", "difference", "ahead of LRP"
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, network in networks.items():
        for row in deletions(name, *network):
            print(row, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
