"""The tables of peers' own tests: ours beside what their papers report, and what differs in the set-up."""

import sys
import warnings
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from _peers import faithfulness, falls, gini, ideal, of_all_pairs, purity, simulated, standing_alone
from planted import space_of

import semlens_widgets as sl
from semlens_widgets.demo.factors import FACTORS, INDEX
from semlens_widgets.demo.network import normalise
from semlens_widgets.demo.planted import ENCODED
from semlens_widgets.demo.segmentation import PARTS
from semlens_widgets.demo.world import contents, render
from semlens_widgets.verify import METRICS, verify

METHODS = ("mean", "soft-wpmi", "contrast", "linear")
REPORTED = {"pearson": (99.41, 99.92), "auprc": (95.61, 99.46), "auc": (94.96, 59.18), "mad": (59.81, 99.34)}
QUERIES = [factor.query for factor in FACTORS]


def row(*cells):
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def head(title, *cells):
    print(f"\n### {title}\n", flush=True)
    row(*cells)
    row(*["---"] * len(cells))


def both(shares):
    """Two shares in per cent; a dash where the right explanation has no score either."""
    return ", ".join("–" if np.isnan(share) else f"{share:.0%}" for share in shares)


def described(lens, words, **how):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # words that the data hardly show are in the vocabulary on purpose
        return lens.describe(words, **how)


def labels_that_say_too_little_or_too_much(lens, auroc, seed):
    """NeuronEval's missing and extra labels: theory, and the demo's own components."""
    head("Missing and extra labels: share of units whose score falls (a metric passes at ≥ 90 % in both)", "units",
         "concept in", *(f"{name}: missing, extra" for name in METRICS))  # fmt: skip
    for frequency in (0.499, 0.1, 0.01, 0.002):
        activations, presence = ideal(frequency, 60, 4000, seed)
        told = falls(space_of, activations, presence, frequency, seed + 1)
        row("ideal", f"{frequency:.1%}", *(both(told[name]) for name in METRICS))
    held = render(1000, seed + 7100)
    data = sl.images([held.pil(i) for i in range(len(held))], transform=sl.demo.transform())
    activations, _ = lens.source.responses(data, progress=False)
    clear = np.flatnonzero(auroc.max(1) >= ENCODED)
    presence = held.factors[:, auroc[clear].argmax(1)].astype(np.float32)
    told = falls(space_of, activations[:, clear], presence, 0.35, seed + 2)
    row(f"{len(clear)} of the demo", "35 or 50 %", *(both(told[name]) for name in METRICS))
    row("reported: 8 settings, real units", "0.1 to 10 %", *(f"{a:.0f} %, {b:.0f} %" for a, b in REPORTED.values()))
    print("\nTheirs: AUC and MAD take every label; ours (as CoSy's) the same number of most similar images each time.")


def segments(seed):
    """The demo's segmentation: its output units are the parts by name."""
    data = sl.images(sl.demo.images(1000, seed), transform=sl.demo.transform())
    lens = sl.Lens(sl.demo.segmenter(), data, ["head"], sl.OpenClip(sl.demo.clip_folder()), k=20, crop=None,
                   templates=sl.demo.TEMPLATES).fit(progress=False)  # fmt: skip
    known = {factor.name: factor.query for factor in FACTORS}
    units = [at for at, part in enumerate(PARTS) if part in known]
    names = [known[PARTS[at]] for at in units]
    held = sl.images(sl.demo.images(600, seed + 7000), transform=sl.demo.transform())
    return "the demo's segmentation", lens, units, names, QUERIES, held


def photographs(folder):
    """ResNet-20 on CIFAR-10 where it is at hand: its output units are the classes."""
    tests = Path(__file__).parents[1]
    sys.path.append(str(tests))
    from safetensors.torch import load_file
    from test_real_data import CLASSES, DATA, ResNet20
    from torchvision import transforms

    if not DATA.is_dir():
        return None
    with zipfile.ZipFile(DATA / "cifar10-test-2000.zip") as packed:
        packed.extractall(folder)
    root = next(p for p in [Path(folder), *Path(folder).rglob("*")] if (p / "airplane").is_dir())
    model = ResNet20()
    model.load_state_dict(load_file(DATA / "resnet20-cifar10.safetensors"))
    prepare = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    )
    every = sl.images(root, transform=prepare)
    pictures = [every.picture(i) for i in range(len(every))]
    seen, held = (sl.images(pictures[start::2], transform=prepare) for start in (0, 1))
    lens = sl.Lens(model, seen, ["layer3", "linear"], sl.OpenClip(DATA / "tinyclip-cifar10"), k=20, crop=None)
    lens.fit(progress=False)
    first = len(lens.components) - len(CLASSES)
    units = list(range(first, first + len(CLASSES)))
    return "ResNet-20, CIFAR-10 photographs", lens, units, list(CLASSES), list(CLASSES), held


def last_layers(made):
    """CLIP-Dissect's test: output units have known names; NeuronEval's: does the score tell true pairs from all?"""
    head("Last layer: units that get their own name", "network", "units, words", *METHODS, "reported")
    for name, lens, units, names, words, _ in made:
        rights = []
        for method in METHODS:
            labels = described(lens, words, k=1, method=method, centre=True)
            rights.append(np.mean([labels.closest(unit)[0] == said for unit, said in zip(units, names, strict=True)]))
        row(name, f"{len(units)}, {len(words)}", *(f"{share:.2f}" for share in rights),
            "soft-wpmi .95, cosine .16: ResNet-50, ImageNet, 1,000 names")  # fmt: skip
    head("The same units: average precision of Pearson's r (`verify`) over all pairs of unit and name", "network",
         "pairs", "by chance", "ours", "reported")  # fmt: skip
    for name, lens, units, names, words, held in made:
        activations, vectors = lens.source.responses(held, progress=False)
        probes = lens.probes(words).vectors
        scores = of_all_pairs(lens.space, activations, vectors, probes, np.asarray(units))
        true = np.array([[word == said for word in words] for said in names])
        row(name, true.size, f"{true.mean():.2f}", f"{standing_alone(scores, true):.2f}",
            ".88: true labels of ten settings, where ours are a CLIP's likenesses")  # fmt: skip


def simulations(made):
    """Linear Explanations' test: activations of unseen images, simulated from the explanation."""
    head("Hidden layer: correlation of real activations of unseen images with those simulated from the explanation",
         "network", "layer", *(f"{m}, one word" for m in METHODS), "linear, five words", "reported")  # fmt: skip
    for name, lens, layer, words, held in made:
        rows = np.arange(len(lens.components))[lens.components.rows(layer)]
        rows = rows[lens.space.alive[rows]]
        activations, vectors = lens.source.responses(held, progress=False)
        means = []
        for method in METHODS:
            labels = described(lens, words, k=5, method=method, centre=True, level=0.0)
            means.append(np.nanmean(verify(labels, activations, vectors, rounds=1).pearson[rows]))
        several = np.nanmean(simulated(labels, lens.space.sample.vectors, vectors, activations)[rows])
        row(name, layer, *(f"{mean:.3f}" for mean in means), f"{several:.3f}",
            "CLIP-Dissect .187, linear .377: ResNet-50 layer4, ImageNet, a second CLIP as judge")  # fmt: skip


def fade(lens, auroc, seed):
    """FADE's measures, with rendered pictures instead of a language model's texts, and planted truth as ratings."""
    rows = np.arange(len(lens.components))[lens.components.rows("layer4")]
    labels = described(lens, QUERIES, k=1, centre=True)
    held = render(1000, seed + 7200)
    data = sl.images([held.pil(i) for i in range(len(held))], transform=sl.demo.transform())
    natural, _ = lens.source.responses(data, progress=False)
    drawn = {}
    for factor in FACTORS:
        flags = contents(100, seed + 7300)[1].copy()
        flags[:, INDEX[factor.name]] = True
        made = render(100, seed + 7300, flags=flags)
        data = sl.images([made.pil(i) for i in range(len(made))], transform=sl.demo.transform())
        drawn[factor.query] = lens.source.responses(data, progress=False)[0]
    measured = {"accepted": [], "not accepted": []}
    for unit in rows[lens.space.alive[rows]]:
        (query,), column = labels.closest(unit), slice(unit, unit + 1)
        shown = held.factors[:, QUERIES.index(query)]
        clarity = gini(drawn[query][:, column], natural[:, column])[0]
        responsiveness = gini(natural[shown, column], natural[~shown, column])[0]
        pure = purity(natural[:, column], shown[:, None])[0]
        measured["accepted" if labels.accepted[unit, 0] else "not accepted"].append(
            (clarity, responsiveness, pure, auroc[unit, QUERIES.index(query)])
        )
    head("FADE on the demo's layer4: means over components and their label", "label", "components",
         "clarity (at most .5 to .65: natural pictures show it, too)", "responsiveness",
         "purity (chance .35 to .5)", "true AUROC")  # fmt: skip
    for kind, values in measured.items():
        if values:
            row(kind, len(values), *(f"{mean:.2f}" for mean in np.mean(values, 0)))
    print("\nReported: for features of language models only, by a language model's texts and ratings; no counterpart.")


@torch.no_grad()
def steering(seed):
    """FADE's faithfulness: does amplifying a component put its concept into the output? Here that is a segmentation."""
    model, truth = sl.demo.segmenter(), sl.demo.truth("unbiased").layer("layer4").auroc
    pictures = normalise(render(120, seed + 7400).images)
    maps = model.layer4(model.layer3(model.layer2(model.layer1(model.stem(pictures)))))
    head("FADE's faithfulness: components of layer4 multiplied by 0, 1, 3, 10 and 30; the part somewhere in the "
         "segmentation", "part", "components that encode it: mean, best", "as many others: mean, best")  # fmt: skip
    random = np.random.default_rng(seed)
    for number, part in enumerate(PARTS):
        if part not in INDEX:
            continue
        encodes = truth[:, INDEX[part]] >= ENCODED
        if not encodes.any():
            continue
        told = []
        others = random.permutation(np.flatnonzero(truth[:, INDEX[part]] < 0.75))[: encodes.sum()]
        for units in (np.flatnonzero(encodes), others):
            scores = []
            for unit in units:
                rates = []
                for factor in (0.0, 1.0, 3.0, 10.0, 30.0):
                    changed = maps.clone()
                    changed[:, unit] *= factor
                    rates.append(float((model.head(changed).argmax(1) == number).flatten(1).any(1).float().mean()))
                scores.append(faithfulness(rates))
            told.append(f"{np.mean(scores):.2f}, {max(scores):.2f}")
        row(part, *told)


def peers(lens, auroc, seed):
    """All of them."""
    labels_that_say_too_little_or_too_much(lens, auroc, seed)
    with TemporaryDirectory() as folder:
        made = [segments(seed), *([real] if (real := photographs(folder)) else [])]
        last_layers(made)
        held = sl.images(sl.demo.images(600, seed + 7000), transform=sl.demo.transform())
        hidden = [("the demo's classifier", lens, layer, QUERIES, held) for layer in ("layer4", "layer3")]
        hidden += [(name, own, "layer3", words, held) for name, own, _, _, words, held in made[1:]]
        simulations(hidden)
    fade(lens, auroc, seed)
    steering(seed)
