"""From 2,000 pictures on two cores to ImageNet and 65,536 latents: what each part of the way costs.

python tests/benchmarks/scale.py [part ...]

Each part is a module `_scale_PART.py` beside this one, whose rows come as they are measured. Ratios are taken side by
side in one run. Exponents of time and memory are in `scaling.py`.
"""

import importlib
import sys
from pathlib import Path

from _tables import particulars

PARTS = sorted(path.stem.removeprefix("_scale_") for path in Path(__file__).parent.glob("_scale_*.py"))


def main(wanted: list[str]) -> None:
    if unknown := set(wanted) - set(PARTS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    print(particulars(), flush=True)
    for part in wanted or PARTS:
        print(f"\n## {part}\n| what | measured | target |\n|---|---|---|", flush=True)
        for row in importlib.import_module(f"_scale_{part}").rows():
            print(row, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
