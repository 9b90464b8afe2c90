"""Speed of collecting, fitting, searching and opening, as ratios of two sides run in turn; eight minutes or so.

python tests/benchmarks/speed.py [collect|fit|search|open ...]
"""

import sys
import tempfile
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import torch
import torchvision
from _tables import RATIO_HEAD, in_turn, paired, particulars, ratio_row, seconds
from PIL import Image
from torchvision import transforms

import semlens_widgets as sl
from semlens_widgets.images import batches
from semlens_widgets.model import stack
from semlens_widgets.search import search
from semlens_widgets.vectors import unit

NORMALISE = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def bare(model, data, batch_size=64):
    """The same forward passes with the same loading, and nothing else."""
    with torch.inference_mode():
        for batch in batches(data, range(len(data)), batch_size):
            model(stack(batch.items))


def photographs(count, size):
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return [Image.fromarray(p).resize((size, size), Image.Resampling.BICUBIC) for p in small]


def collect():
    torch.manual_seed(0)
    resnet = torchvision.models.resnet18(weights=None).eval()
    large = sl.images(photographs(256, 224), transform=transforms.Compose([transforms.ToTensor(), NORMALISE]))
    world = sl.images(sl.demo.images(3000, seed=0), transform=sl.demo.transform())
    small = sl.demo.classifier("biased")
    for name, model, data, layers in (
        ("collect, demo world, 3 layers", small, world, ["layer2", "layer3", "layer4"]),
        ("collect, resnet18 at 224, 3 layers", resnet, large, ["layer2", "layer3", "layer4"]),
    ):
        ours = lambda m=model, d=data, n=layers: sl.collect(m, d, n, k=30, progress=False)  # noqa: E731
        sides = paired(ours, lambda m=model, d=data: bare(m, d), rounds=3)
        print(ratio_row(name, "loading + bare forward", "≤ 1.05", *sides), flush=True)
    fast = lambda: sl.collect(resnet, large, ["layer2", "layer3", "layer4"], k=30, fast=True, progress=False)  # noqa: E731
    sides = paired(fast, lambda: bare(resnet, large), rounds=3)
    print(ratio_row("collect(fast=True), resnet18 at 224", "loading + bare eager forward", "≤ 0.8", *sides), flush=True)
    slow, quick = (sl.collect(resnet, large, ["layer4"], k=30, fast=f, progress=False) for f in (False, True))
    same = np.mean([len(set(a) & set(b)) / 30 for a, b in zip(slow.images, quick.images, strict=True)])
    print(f"\nfast=True finds {same:.2%} of the same examples\n")


class Reference:
    """semanticlens 0.2.1: its collection and its embedding, with an open_clip model and its preparation of pictures."""

    def __init__(self, model, data, layer, k, tower, prepare):
        from semanticlens.component_visualization.activation_based import ActivationComponentVisualizer
        from semanticlens.component_visualization.aggregators import aggregate_conv_max
        from semanticlens.foundation_models.base import AbstractVLM

        class SameClip(AbstractVLM):
            device = "cpu"

            def to(self, device):
                return self

            def encode_image(self, img):
                return tower.encode_image(img)

            def encode_text(self, text_input):
                return tower.encode_text(text_input)

            def preprocess(self, img):
                return torch.stack([prepare(i) for i in img]) if isinstance(img, list) else prepare(img)

            def tokenize(self, txt, context_length=None):
                raise NotImplementedError("not asked for here")

        tower.eval()

        class Pictures(torch.utils.data.Dataset):
            def __init__(self, transform):
                self.transform = transform

            def __len__(self):
                return len(data)

            def __getitem__(self, i):
                return self.transform(data.picture(i)), 0

        self.layer = layer
        self.clip = SameClip()
        self.visualizer = ActivationComponentVisualizer(
            model, Pictures(data.transform), Pictures(prepare), [layer], k, device="cpu",
            aggregate_fn=aggregate_conv_max, cache_dir=None,
        )  # fmt: skip

    def fit(self):
        from semanticlens.lens import Lens

        # This collects, too; calling run() first would do it twice, with ids that count on from the first time.
        return Lens(self.clip, device="cpu").compute_concept_db(self.visualizer, batch_size=64)


def fit():
    """Whole fits: the demo with its own small CLIP, and sizes as users have them, a ResNet-18 and a ViT-B-32.

    The large ones have random weights, which take as long as any. About half of the images go through our CLIP.
    """
    small = sl.images(sl.demo.images(10_000, seed=1), transform=sl.demo.transform())
    fits("demo world", sl.demo.classifier("biased"), small, (f"local-dir:{sl.demo.clip_folder()}", None), batch=64)
    torch.manual_seed(0)
    resnet = torchvision.models.resnet18(weights=None).eval()
    seen = transforms.Compose([transforms.Resize(224), transforms.ToTensor(), NORMALISE])
    large = sl.images(sl.demo.images(800, seed=1), transform=seen)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = str(Path(folder) / "random.pt")
        torch.save(open_clip.create_model("ViT-B-32").state_dict(), checkpoint)
        fits("resnet18 at 224 with ViT-B-32", resnet, large, ("ViT-B-32", checkpoint), rounds=1, layer="layer3", k=5)


def fits(name, model, data, clip, batch=None, rounds=2, layer="layer4", k=20):
    """`batch`: pictures that our CLIP takes at once; None as by default. Both sides' CLIPs are loaded before."""
    ours_clip = sl.OpenClip(*clip, batch_size=batch).load()
    tower, _, prepare = open_clip.create_model_and_transforms(clip[0], pretrained=clip[1])
    images, found = {}, []  # whose: each component's examples; the last ones of ours

    def ours(fast=False):
        lens = sl.Lens(model, data, layer, ours_clip, k=k, crop=None, sample=min(500, len(data) // 5))
        examples = lens.fit(cached=False, progress=False, fast=fast).space.examples
        images["fit(fast=True)" if fast else "fit"] = examples.images
        found[:] = [examples]

    def theirs():
        reference = Reference(model, data, layer, k, tower, prepare)
        reference.fit()
        images["semanticlens"] = reference.visualizer.get_max_reference(layer).numpy()

    plain, quick, reference = in_turn(ours, lambda: ours(fast=True), theirs, rounds=rounds, warm=rounds > 1)
    examples = found[0]
    shown = {*examples.referenced.tolist(), *examples.sampled.images.tolist()}
    work = f"{name}, {len(data):,} images, {len(shown) / len(data):.0%} through our CLIP"
    print(ratio_row(f"fit, {work}", "semanticlens 0.2.1", "≤ 0.6", plain, reference))
    print(ratio_row(f"fit(fast=True), {work}", "semanticlens 0.2.1", "≤ 0.6", quick, reference), flush=True)
    right = examples.counts >= k
    for whose in ("semanticlens", "fit(fast=True)"):
        pairs = zip(images["fit"][right], images[whose][right], strict=True)
        same = np.mean([len(set(a) & set(b)) / k for a, b in pairs])
        print(f"\n{whose} has {same:.2%} of the same examples, where k images really excite the component\n")


def space_of(components, dim, k=4, crops=20_000):
    """A space of random vectors, as large as asked."""
    random = np.random.default_rng(0)
    small = sl.Lens(
        torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1)),
        sl.images(photographs(40, 8)), "0", sl.OpenClip(sl.demo.clip_folder()), k=k, crop=None, sample=0,
    ).fit(cached=False, progress=False).space  # fmt: skip
    vectors = np.empty((components, dim), np.float32)
    for start in range(0, components, 50_000):
        vectors[start : start + 50_000] = unit(
            random.normal(size=vectors[start : start + 50_000].shape).astype(np.float32)
        )
    statistics = small.examples.statistics
    repeated = {
        name: np.resize(getattr(statistics, name), (components, *getattr(statistics, name).shape[1:]))
        for name in ("sums", "squares", "nonzero", "exponent", "bins")
    }
    examples = replace(
        small.examples,
        components=sl.Components(("layer",), (components,), (False,)),
        images=np.zeros((components, k), np.int32),
        responses=np.ones((components, k), np.float32),
        peaks=np.zeros((components, k), np.int32),
        statistics=replace(statistics, **repeated, negative=np.ones(components, bool)),
    )
    pool = unit(random.normal(size=(crops, dim)).astype(np.float32)).astype(np.float16)
    return replace(
        small, examples=examples, vectors=vectors, crop_vectors=pool, null_vectors=pool[:500],
        crop_of=random.integers(0, len(small.thumbnails), (components, k)).astype(np.int32),
        crop_images=np.arange(crops, dtype=np.int32), recipe=replace(small.recipe, clip="random"),
        lengths=random.uniform(0.2, 0.9, components).astype(np.float32),
    )  # fmt: skip


def query():
    space = space_of(1_000_000, 512)
    probe = sl.Probes(("x",), unit(np.random.default_rng(1).normal(size=(1, 512)).astype(np.float32)), "random")

    def ours():
        answer = search(space, probe, top=20)[0]
        return answer.p, answer.p_best

    ours()
    sides = paired(ours, lambda: space.vectors @ probe.vectors[0], rounds=7)
    print(ratio_row("search 1,000,000 × 512, top 20 with z and p", "one bare matrix–vector product", "≤ 1.5", *sides))
    tracemalloc.start()
    ours()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"\nmemory while searching: {1 + peak / space.vectors.nbytes:.2f} × the vectors (target ≤ 1.2)\n")


def open_file():
    with tempfile.TemporaryDirectory() as folder:
        path = space_of(100_000, 512, k=20, crops=100_000).save(Path(folder) / "large.semlens")
        size = path.stat().st_size / 1e6
        spaces = []
        opened = [seconds(lambda: spaces.append(sl.SemanticSpace.open(path)[0])) for _ in range(5)]
        probe = sl.Probes(("x",), unit(np.ones((1, 512), np.float32)), "random")
        first = seconds(lambda: search(spaces[-1], probe))
        print(f"\nopen a file of 100,000 components ({size:.0f} MB): {np.median(opened):.3f} s", end="; ")
        print(f"first query {first:.3f} s\n")


TABLES = {"collect": collect, "fit": fit, "search": query, "open": open_file}

if __name__ == "__main__":
    torch.set_num_threads(2)
    print(f"\n{particulars()}\n\n{RATIO_HEAD}")
    for name in sys.argv[1:] or TABLES:
        TABLES[name]()
