"""The measured part of the model card, written from the measured numbers so that the two never disagree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semlens_widgets.demo.factors import FACTORS
from semlens_widgets.writing import write_text

CARD = Path(__file__).with_name("MODEL_CARD.md")
BEGIN, END = "<!-- measured: written by train.py -->", "<!-- end of measured -->"
_SPLITS = {
    "biased": "biased: as trained, shortcuts hold",
    "unbiased": "artefacts independent of the class",
    "clean": "no artefacts",
    "neutral": "only hair, bubbles, dark corners",
    "reversed": "all four shortcuts reversed",
}


def tables(figures: Mapping[str, Any]) -> str:
    """Markdown tables of everything in ``measured.json``."""
    lines = ["**Diagnosis**, accuracy (AUROC), 3,000 fresh pictures each:", "", "| pictures | biased | unbiased |"]
    lines.append("|---|---|---|")
    for split, words in _SPLITS.items():
        cells = (f"{figures[kind][split]['accuracy']:.3f} ({figures[kind][split]['auroc']:.3f})" for kind in _KINDS)
        lines.append(f"| {words} | {' | '.join(cells)} |")
    lines += ["", "**What the layers encode and what the CLIP knows.** Components with AUROC ≥ .95 (best AUROC),",
              "biased classifier, pictures with independent factors; AUROC of the CLIP's words; truth of the first",
              "hit of a search in `layer4` with the null probe and with centring:", "",
              "| factor | layer3 | layer4 | CLIP, synonyms | CLIP, query | first hit, null | first hit, centred |",
              "|---|---|---|---|---|---|---|"]  # fmt: skip
    biased, clip = figures["biased"], figures["clip"]
    for factor in FACTORS:
        name = factor.name
        encoded = [f"{biased[layer][name]['components']} ({biased[layer][name]['best']:.3f})" for layer in _LAYERS]
        known = [f"{clip[part][name]:.3f}" for part in ("concept_auroc", "query_auroc")]
        hits = [biased["search"][how]["first_hit_auroc"].get(name) for how in _WAYS]
        cells_found = ["–" if hit is None else f"{hit:.3f}" for hit in hits]
        lines.append(f"| {factor.query} | {' | '.join([*encoded, *known, *cells_found])} |")
    lines += ["", "**Search and labels in `layer4`**, mean average precision · label accuracy among the twelve "
              "queries:", "",
              "| | null probe | centring |", "|---|---|---|"]  # fmt: skip
    for kind in _KINDS:
        ways = (figures[kind]["search"][how] for how in _WAYS)
        cells = (f"{way['mean_average_precision']:.3f} · {way['label_accuracy']:.3f}" for way in ways)
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    lines += ["", f"**CLIP**: seven-way choice among the artefacts {clip['artefact_accuracy']:.3f}; "
              f"{clip['megabytes']:.2f} MB."]  # fmt: skip
    return "\n".join(lines)


_KINDS, _LAYERS, _WAYS = ("biased", "unbiased"), ("layer3", "layer4"), ("null", "centred")


def update(figures: Mapping[str, Any], path: Path = CARD) -> None:
    """Write the tables into the card, between its two marks."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    write_text(path, f"{before}{BEGIN}\n\n{tables(figures)}\n\n{END}{after}")
