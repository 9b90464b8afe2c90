"""Measures of the shipped models, on freshly drawn pictures: the numbers of the model card and of the tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import nn

from semlens_widgets.clip import OpenClip, text_probes
from semlens_widgets.demo.factors import ARTEFACTS, FACTORS, INDEX, NAMES, SPLITS, TEMPLATES, Probabilities
from semlens_widgets.demo.network import normalise
from semlens_widgets.demo.planted import ENCODED, Truth, activations, auroc
from semlens_widgets.demo.world import Pictures, contents, render
from semlens_widgets.vectors import unit

NEUTRAL: Probabilities = {
    **SPLITS["clean"], **{name: SPLITS["biased"][name] for name in ("hair", "bubbles", "vignette")}
}  # fmt: skip
"""As ``clean``, with the artefacts no data set ties to the class."""


@torch.no_grad()
def margins(model: nn.Module, pictures: Pictures) -> Float[np.ndarray, " image"]:
    """The logit of melanoma minus that of nevus."""
    logits = [model(normalise(pictures.images[a : a + 256])) for a in range(0, len(pictures), 256)]
    both = torch.cat(logits).numpy()
    return both[:, 1] - both[:, 0]


def unseen_pictures(n: int = 3000, seed: int = 9000) -> dict[str, Pictures]:
    """Pictures of every split a classifier is measured on."""
    splits: dict[str, Probabilities] = {
        "biased": SPLITS["biased"], "unbiased": SPLITS["unbiased"], "clean": SPLITS["clean"], "neutral": NEUTRAL,
        "reversed": SPLITS["reversed"],
    }  # fmt: skip
    return {split: render(n, seed, probabilities=probabilities) for split, probabilities in splits.items()}


def measure_classifier(model: nn.Module, tests: Mapping[str, Pictures], truth: Truth) -> dict[str, Any]:
    """Accuracy and AUROC of the diagnosis on the pictures of every split, and what the layers of its truth encode."""
    figures: dict[str, Any] = {}
    for split, pictures in tests.items():
        scores, melanoma = margins(model, pictures), pictures.labels == 1
        figures[split] = {
            "accuracy": float(((scores > 0) == melanoma).mean()),
            "auroc": float(auroc(scores[:, None], melanoma[:, None])[0, 0]),
        }
    for layer in dict.fromkeys(layer for layer, _ in truth.components):
        values = truth.layer(layer).auroc
        figures[layer] = {
            name: {"best": float(values[:, j].max()), "components": int((values[:, j] >= ENCODED).sum())}
            for j, name in enumerate(NAMES)
        }
    return _rounded(figures)


def zero_shot(n: int, seed: int) -> tuple[Pictures, Int[np.ndarray, " image"]]:
    """Pictures with exactly one artefact each, and which (a position in ``ARTEFACTS``)."""
    which = np.arange(n) % len(ARTEFACTS)
    flags = contents(n, seed)[1].copy()
    flags[:, [INDEX[name] for name in ARTEFACTS]] = False
    flags[np.arange(n), [INDEX[ARTEFACTS[j]] for j in which]] = True
    return render(n, seed, flags=flags), which


def measure_clip(folder: Path, n: int = 2000, seed: int = 7000) -> dict[str, Any]:
    """How well the CLIP's words tell pictures with each factor from those without, and artefacts from each other.

    A concept is the mean probe of its query and synonyms; the null probe is subtracted.
    """
    clip = OpenClip(folder)
    probes = np.stack([unit(text_probes(clip, factor.phrases, TEMPLATES).vectors.mean(0)) for factor in FACTORS])
    queries = text_probes(clip, [factor.query for factor in FACTORS], TEMPLATES).vectors
    pictures = render(n, seed)
    images = embedded(clip, pictures)
    singles, which = zero_shot(n, seed + 1)
    artefacts = [INDEX[name] for name in ARTEFACTS]
    guesses = (embedded(clip, singles) @ probes[artefacts].T).argmax(1)
    size = sum(path.stat().st_size for path in folder.iterdir())
    return _rounded({
        "concept_auroc": dict(zip(NAMES, np.diag(auroc(images @ probes.T, pictures.factors)).tolist(), strict=True)),
        "query_auroc": dict(zip(NAMES, np.diag(auroc(images @ queries.T, pictures.factors)).tolist(), strict=True)),
        "artefact_accuracy": float((guesses == which).mean()),
        "megabytes": size / 1e6,
    })  # fmt: skip


def embedded(clip: OpenClip, pictures: Pictures) -> Float[np.ndarray, "image dim"]:
    """The pictures' unit vectors."""
    return np.concatenate([
        clip.images([pictures.pil(i) for i in range(a, min(a + 256, len(pictures)))])
        for a in range(0, len(pictures), 256)
    ])  # fmt: skip


def measure_search(
    model: nn.Module, folder: Path, truth: Truth, n: int = 2000, seed: int = 6000, k: int = 20
) -> dict[str, Any]:
    """Search and labels in ``layer4`` against truth, with the null probe and, alternatively, with centring.

    ``truth`` is that of ``layer4``. Per encoded factor: the AUROC of the first hit and the average precision of the
    whole ranking; over the components that encode one factor: how often the best of the queries names it.
    """
    clip, pictures = OpenClip(folder), render(n, seed)
    responses = activations(model, pictures)["layer4"]
    examples = np.argsort(-responses, axis=0, kind="stable")[:k].T
    vectors = unit(embedded(clip, pictures)[examples].mean(1))
    queries = [factor.query for factor in FACTORS]
    null = text_probes(clip, queries, TEMPLATES).vectors
    plain = text_probes(clip, queries, TEMPLATES, null=False).vectors
    return _rounded({
        "null": _against_truth(null @ vectors.T, truth),
        "centred": _against_truth(plain @ unit(vectors - vectors.mean(0)).T, truth),
    })  # fmt: skip


def _against_truth(scores: Float[np.ndarray, "factor component"], truth: Truth) -> dict[str, Any]:
    encodes: Bool[np.ndarray, "component factor"] = truth.auroc >= ENCODED
    encoded = [j for j in range(len(NAMES)) if encodes[:, j].any()]
    clear = encodes.sum(1) == 1
    labels = scores.argmax(0)
    first = {NAMES[j]: float(truth.auroc[scores[j].argmax(), j]) for j in encoded}
    precision = [average_precision(scores[j], encodes[:, j]) for j in encoded]
    return {
        "first_hit_auroc": first,
        "mean_average_precision": float(np.mean(precision)),
        "label_accuracy": float((labels == truth.auroc.argmax(1))[clear].mean()),
        "clear_components": int(clear.sum()),
    }


def average_precision(scores: Float[np.ndarray, " item"], relevant: Bool[np.ndarray, " item"]) -> float:
    """The mean, over the relevant items, of the share of relevant items ranked at or above them."""
    hits = relevant[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 4) if isinstance(value, float) else value
