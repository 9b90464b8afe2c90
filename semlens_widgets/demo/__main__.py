"""``python -m semlens_widgets.demo``: the main job on the demo world, in the terminal.

Fits a lens on the biased demo classifier and freshly drawn pictures, searches every planted factor, prints the
hits beside the truth, and writes ``out/demo.semlens`` and ``out/demo-hits.png``. Synthetic, not medical data.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from semlens_widgets import demo
from semlens_widgets.demo.dataset import DemoImages
from semlens_widgets.search import Matches
from semlens_widgets.writing import write_bytes

OUT = Path("out")
PICTURES, SEED = 1500, 0


def picture_of_hits(answers: list[Matches], data: DemoImages, examples: int = 8, side: int = 128) -> Image.Image:
    """One row per query: its words, its best hit, and the pictures that excite this component most."""
    text, gap = 300, 6
    sheet = Image.new("RGB", (text + examples * (side + gap), len(answers) * (side + gap)), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(18)
    for row, answer in enumerate(answers):
        top = row * (side + gap)
        verdict = f"{answer.best.component}   z = {answer.best.z:.1f}" if answer.found else "not found"
        pen.multiline_text((12, top + side // 2 - 24), f"{answer.probe}\n{verdict}", fill="black", font=font, spacing=8)
        if answer.found:
            for place, (image, _) in enumerate(answer.examples(answer.best_rank)[:examples]):
                sheet.paste(data[image][0].resize((side, side)), (text + place * (side + gap), top))
    return sheet


def main() -> None:
    """Fit, search, print, write."""
    print("Synthetic pictures (not medical data), and a classifier trained on them with planted shortcuts.\n")
    lens = demo.lens(n=PICTURES, seed=SEED, progress=True)
    truth = demo.truth()
    row_of = {component: row for row, component in enumerate(truth.components)}
    answers = lens.search([factor.query for factor in demo.FACTORS])
    assert isinstance(answers, list)  # a list of queries has a list of answers
    print(f"\n{'search':<18} {'best hit':<12} {'score':>6} {'z':>6}   {'truth: AUROC of the hit / best of all'}")
    for j, answer in enumerate(answers):
        hit, best = answer.best, truth.auroc[:, j].max()
        real = truth.auroc[row_of[hit.component.layer, hit.component.index], j]
        shown = str(hit.component) if answer.found else "not found"
        print(f"{answer.probe:<18} {shown:<12} {hit.score:6.3f} {hit.z:6.1f}   {real:.3f} / {best:.3f}")
    OUT.mkdir(exist_ok=True)
    lens.save(OUT / "demo.semlens")
    # The same pictures as in the fit, drawn larger: a scene does not depend on its size.
    hits = io.BytesIO()
    picture_of_hits(answers, demo.images(PICTURES, SEED, size=128)).save(hits, "PNG")
    write_bytes(OUT / "demo-hits.png", hits.getvalue())
    print(f"\nwrote {OUT / 'demo.semlens'} and {OUT / 'demo-hits.png'}")


if __name__ == "__main__":
    main()
