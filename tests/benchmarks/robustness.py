"""Fits killed at random moments, and damaged lens files.

python tests/benchmarks/robustness.py [kills|damage ...]
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _tables import particulars

import semlens_widgets as sl

SEED = 0

FIT = """
import os, signal, sys
from itertools import accumulate, repeat
from operator import mul
import time
time.monotonic = accumulate(repeat(100), mul, initial=100).__next__  # every batch is due for saving
import semlens_widgets as sl
left = [int(sys.argv[1])]
def counted(function):
    def count(picture):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(picture)
    return count
class Clip(sl.OpenClip):
    def prepare(self, picture):
        return counted(super().prepare)(picture)
data = sl.images(sl.demo.images(600, seed=1), transform=sl.demo.transform())
lens = sl.Lens(sl.demo.classifier("biased"), data, ["layer3", "layer4"], Clip(sl.demo.clip_folder()), k=20)
data.fingerprint  # before counting: a transform is fingerprinted by trying it out
data.transform = counted(data.transform)
left[0] = int(sys.argv[1])
lens.fit(batch_size=32, progress=False)
print(left[0])
"""


def fit(home, after):
    env = os.environ | {"SEMLENS_CACHE": str(home)}
    return subprocess.run([sys.executable, "-c", FIT, str(after)], env=env, check=False, capture_output=True, text=True)


def kills(moments=20):
    """kill -9 at random moments of a fit of the demo, each followed by a fit that is left alone."""
    random = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as folder:
        whole = fit(Path(folder) / "whole", 10**9)
        steps = 10**9 - int(whole.stdout or sys.exit(whole.stderr))
        expected = next((Path(folder) / "whole").glob("*.semlens"))
        same, fewer = 0, 0
        for number in range(moments):
            home = Path(folder) / str(number)
            killed = fit(home, int(random.integers(2, steps)))
            if killed.returncode != -9:
                sys.exit(f"not killed: {killed.stderr}")
            resumed = fit(home, 10**9)
            same += (home / expected.name).read_bytes() == expected.read_bytes()
            fewer += 10**9 - int(resumed.stdout) < steps
    print(f"killed at {moments} random moments: {same} fits resumed to the same bytes (target {moments}),", end=" ")
    print(f"{fewer} of them without beginning again\n", flush=True)


def damage(trials=500):
    """A demo lens file with a bit flipped, cut, with a wrong length or a huge header: refused, or just as before."""
    random = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as folder:
        path = sl.demo.lens().save(Path(folder) / "demo.semlens")
        whole = path.read_bytes()
        said = told(path)
        refused, harmless, wrong = 0, 0, 0
        header = int.from_bytes(whole[:8], "little")
        for trial in range(trials):
            mutant = bytearray(whole)
            kind = trial % 5
            if kind == 0:
                del mutant[int(random.integers(len(whole))) :]
            elif kind == 1:
                mutant[:8] = int(random.integers(2**63)).to_bytes(8, "little")
            elif kind == 2:  # in the header, where names, shapes and places are
                mutant[8 + int(random.integers(header))] ^= 1 << int(random.integers(8))
            elif kind == 3:
                mutant[:8] = (header + int(random.integers(-200, 200))).to_bytes(8, "little")
            else:
                mutant[int(random.integers(len(whole)))] ^= 1 << int(random.integers(8))
            path.write_bytes(mutant)
            try:
                same = told(path) == said
            except sl.SemlensFileError:
                refused += 1
            else:
                harmless, wrong = harmless + same, wrong + (not same)
    print(f"{trials:,} damaged files of {len(whole) / 1e6:.1f} MB: {refused} refused by name,", end=" ")
    print(f"{harmless} as before, {wrong} silently wrong (target 0), no other error\n", flush=True)


def told(path):
    """All that a lens from a file says: its answers, its labels and its pictures."""
    lens = sl.open(path)
    answer = lens.search("ruler", top=None)
    labels = lens.describe(["ruler", "hair"]).to_rows()
    pictures = [lens.space.thumbnails.webp(i) for i in range(len(lens.space.thumbnails))]
    return repr(lens), answer.message, answer.to_rows(), labels, pictures


WORKS = {"kills": kills, "damage": damage}

if __name__ == "__main__":
    print(f"\n{particulars(SEED)}\n")
    for name in sys.argv[1:] or WORKS:
        WORKS[name]()
