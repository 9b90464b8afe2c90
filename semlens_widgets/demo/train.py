"""Make the demo's checkpoints again: ``python -m semlens_widgets.demo.train [classifier] [series] [clip] [measure]``.

Without a name all of it is done; "audit" makes the heads of ``reliance.py`` on the unbiased classifier, "segmenter"
that of ``segmentation.py``, "weak" the classifier on pictures with weak shortcuts, "vit" the transformer.
Writes into ``checkpoints/`` beside this file (or ``--out``): the classifiers
and the CLIP as half-precision safetensors, ``measured.json``, and the measured part of the model card.
Steps and epochs are fixed and everything is seeded; other thread counts or torch versions give models of the
same quality, not the same bits. All data are synthetic pictures, not medical data.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from semlens_widgets.writing import write_text

CHECKPOINTS = Path(__file__).with_name("checkpoints")
STAGES = ("classifier", "series", "clip", "measure", "audit", "segmenter", "weak", "vit")
KINDS = ("biased", "unbiased")


def train_classifiers(folder: Path, report: Callable[[str], None]) -> None:
    """One pre-training, two fine-tunings: with the shortcuts and without."""
    from semlens_widgets.demo.factors import SPLITS
    from semlens_widgets.demo.train_classifier import FineTuning, fine_tune, pretrain, save_classifier

    seeing = pretrain(report=report)
    for kind in KINDS:
        model = fine_tune(seeing, FineTuning(SPLITS[kind]), report)  # type: ignore[index]
        save_classifier(model, folder / f"classifier-{kind}.safetensors")


def train_the_weak(folder: Path, report: Callable[[str], None]) -> None:
    """The unbiased classifier in ``folder`` is fine-tuned on the diagnosis once more, where shortcuts are weak.

    Its layers see every factor but asymmetry; with so weak correlations pre-training once more would change nothing
    else.
    """
    from semlens_widgets.demo.factors import SPLITS
    from semlens_widgets.demo.network import load_classifier
    from semlens_widgets.demo.train_classifier import FineTuning, fine_tune, save_classifier

    start = load_classifier(folder / "classifier-unbiased.safetensors")
    model = fine_tune(start, FineTuning(SPLITS["weak"], seed=600), report)
    save_classifier(model, folder / "classifier-weak.safetensors")


def train_the_vit(folder: Path, report: Callable[[str], None]) -> None:
    """The transformer, on biased data."""
    from semlens_widgets.demo.train_vit import save_vit, train_vit

    save_vit(train_vit(report=report), folder)


def train_the_series(folder: Path, report: Callable[[str], None]) -> None:
    """The unbiased classifier in ``folder`` goes on with biased data."""
    from semlens_widgets.demo.checkpoint_series import save_series, train_further
    from semlens_widgets.demo.network import load_classifier

    start = load_classifier(folder / "classifier-unbiased.safetensors")
    save_series(train_further(start, report=report), folder / "classifier-series.safetensors")


def train_the_clip(folder: Path, report: Callable[[str], None]) -> None:
    """The tokenizer and the CLIP trained with it."""
    from semlens_widgets.demo.train_clip import save_clip, train_clip, write_tokenizer

    write_tokenizer(folder / "clip")
    save_clip(train_clip(folder / "clip", report=report), folder / "clip")


def measure(folder: Path, report: Callable[[str], None]) -> dict[str, Any]:
    """Measure what is in the folder as it would be shipped (half precision), on pictures no training saw."""
    import open_clip
    import torch

    from semlens_widgets.demo.measure import measure_classifier, measure_clip, measure_search, unseen_pictures
    from semlens_widgets.demo.network import load_classifier
    from semlens_widgets.demo.planted import measure_truth

    figures: dict[str, Any] = {"clip": measure_clip(folder / "clip")}
    report("measured the CLIP")
    tests = unseen_pictures()
    for kind in KINDS:
        model = load_classifier(folder / f"classifier-{kind}.safetensors")
        truth = measure_truth(model)
        figures[kind] = measure_classifier(model, tests, truth)
        figures[kind]["search"] = measure_search(model, folder / "clip", truth.layer("layer4"))
        report(f"measured the {kind} classifier and the search in it")
    figures["versions"] = {
        "python": platform.python_version(), "torch": torch.__version__, "open_clip": open_clip.__version__,
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m semlens_widgets.demo.train", description=__doc__.split("\n")[0])
    parser.add_argument("stages", nargs="*", metavar="stage", help=f"{', '.join(STAGES)} (all)")
    parser.add_argument("--out", type=Path, default=CHECKPOINTS, help="the folder to write (the shipped one)")
    chosen = parser.parse_args()
    if unknown := set(chosen.stages) - set(STAGES):
        parser.error(f"no stage {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}")
    stages = chosen.stages or STAGES
    chosen.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()

    def report(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True)

    if "classifier" in stages:
        train_classifiers(chosen.out, report)
    if "series" in stages:
        train_the_series(chosen.out, report)
    if "clip" in stages:
        train_the_clip(chosen.out, report)
    if "audit" in stages:
        from semlens_widgets.demo.network import load_classifier
        from semlens_widgets.demo.reliance import make

        make(chosen.out, load_classifier(chosen.out / "classifier-unbiased.safetensors"), report=report)
    if "weak" in stages:
        train_the_weak(chosen.out, report)
    if "vit" in stages:
        train_the_vit(chosen.out, report)
    if "segmenter" in stages:
        from semlens_widgets.demo import segmentation
        from semlens_widgets.demo.network import load_classifier

        segmentation.make(chosen.out, load_classifier(chosen.out / "classifier-unbiased.safetensors"), report)
    if "measure" in stages:
        figures = measure(chosen.out, report)
        write_text(chosen.out / "measured.json", json.dumps(figures, indent=1) + "\n")
        if chosen.out == CHECKPOINTS:
            from semlens_widgets.demo.card import update

            update(figures)


if __name__ == "__main__":
    main()
