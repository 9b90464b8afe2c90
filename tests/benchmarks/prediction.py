"""Proof of explanations on the demo world: is the patch that predictions rest on found, placed, and does it matter?

python tests/benchmarks/prediction.py [images] [seed]
"""

import sys

from _tables import particulars

import semlens_widgets as sl
from semlens_widgets.demo.proof import STEPS, deletion, patched, placement


def main(count=200, seed=5100):
    model, truth = sl.demo.classifier(), sl.demo.truth()
    given = patched(model, count, seed)
    print(f"{particulars(seed)}; {len(given.chosen)} pictures with a coloured patch that are taken for nevi\n")
    print("| layer | method | patch component first | in the first 5 | pointing game | mass inside | area of patch |")
    print("|---|---|---|---|---|---|---|")
    for layer in ("layer4", "layer3"):
        for backend in ("lrp", "gradient"):
            found = placement(model, given, truth, layer, backend)
            print(
                f"| {layer} | {backend} | {(found.rank == 0).mean():.0%} | {(found.rank < 5).mean():.0%} "
                f"| {found.hit.mean():.0%} | {found.mass.mean():.2f} | {given.masks.mean():.2f} |",
                flush=True,
            )
    heads = " | ".join(f"first {n}" for n in STEPS)
    print(f"\nDrop of the predicted logit, mean over the pictures\n\n| layer | removed in order of | {heads} |")
    print("|---|---|" + "---|" * len(STEPS))
    for layer in ("layer4", "layer3"):
        for name, drops in deletion(model, given, layer).items():
            print(f"| {layer} | {name} | {' | '.join(f'{d:+.2f}' for d in drops)} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
