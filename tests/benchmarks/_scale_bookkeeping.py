"""What a pass keeps of its responses: nanoseconds for each, beside a running torch.topk, and the share of a pass."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torchvision

import semlens_widgets as sl
from semlens_widgets.model.bookkeeping import Bookkeeping
from semlens_widgets.model.reading import Pooled

IMAGES, K = 64, 30


def rows() -> Iterator[str]:
    yield from (per_response(components, batches) for components, batches in ((2048, 150), (16_384, 40), (65_536, 20)))
    yield share("ResNet-50, its 4 stages, 3,840 components", resnet, [f"layer{i}" for i in (1, 2, 3, 4)])
    yield share("ViT-B/16 with a dictionary of 12,288 latents", vit_with_latents, ["latents"])
    yield accelerator()


def per_response(components: int, batches: int, device: str = "cpu") -> str:
    """Processor time of the books and of the topk, batch by batch in turn, from random batches after a ReLU."""
    made = torch.Generator().manual_seed(0)
    books, best = Bookkeeping(components, K, torch.device(device)), None
    peaks = torch.zeros((IMAGES, components), dtype=torch.int32, device=device)
    took = np.zeros((batches, 2))
    for batch in range(batches):
        values = torch.relu(torch.randn(IMAGES, components, generator=made) + 0.5).to(device)
        ids = np.arange(batch * IMAGES, (batch + 1) * IMAGES)
        start = _now(device)
        books.add(Pooled(values, peaks, (1,)), IMAGES, ids, "layer")
        between = _now(device)
        all_so_far = values.T.contiguous() if best is None else torch.cat([best, values.T], 1)
        best = all_so_far.topk(K, 1).values
        took[batch] = between - start, _now(device) - between
    ours, theirs = took.mean(0) / IMAGES / components * 1e9
    late = took[batches // 2 :, 0].mean() / IMAGES / components * 1e9
    agree = bool((torch.from_numpy(_responses(books)) == best.cpu()).all())
    return (
        f"| books of {components:,} components, ns a response, mean of {batches} batches from the first on "
        f"| **{ours:.0f}** (second half {late:.0f}; running torch.topk alone {theirs:.0f}; "
        f"same top {K}: {'yes' if agree else 'NO'}) | ≤ 20 |"
    )


def _responses(books: Bookkeeping) -> np.ndarray:
    """The responses that are in the keys."""
    monotone = (books.arrays()["keys"] >> 32).astype(np.int32)
    return np.where(monotone < 0, monotone ^ 0x7FFFFFFF, monotone).view(np.float32)


def _now(device: str) -> float:
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def share(what: str, model: Callable[[], torch.nn.Module], layers: list[str]) -> str:
    """Processor time in the books over that of the whole pass."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 224, 224, 3), dtype=np.uint8)
    spent, add = 0.0, Bookkeeping.add

    def timed(*args: object) -> None:
        nonlocal spent
        start = time.process_time()
        add(*args)
        spent += time.process_time() - start

    Bookkeeping.add = timed
    try:
        start = time.process_time()
        sl.collect(model(), sl.images(list(pixels)), layers, batch_size=16, sample=0, progress=False)
        whole = time.process_time() - start
    finally:
        Bookkeeping.add = add
    return f"| share of the books in a pass of {what} | **{100 * spent / whole:.1f} %** | ≤ 5 % |"


def resnet() -> torch.nn.Module:
    return torchvision.models.resnet50(weights=None)


class WithLatents(torch.nn.Module):
    """A ViT whose 12 blocks are followed by an encoder of sparse latents."""

    def __init__(self) -> None:
        super().__init__()
        self.vit = torchvision.models.vit_b_16(weights=None)
        self.encoder = torch.nn.Linear(768, 16 * 768)
        self.latents = torch.nn.ReLU()
        self.vit.encoder.register_forward_hook(lambda _, __, tokens: (self.latents(self.encoder(tokens)), tokens)[1])

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.vit(pixels)


def vit_with_latents() -> torch.nn.Module:
    return WithLatents()


def accelerator() -> str:
    if not torch.cuda.is_available():
        return "| books on a GPU | no GPU here | ≤ 20 |"
    return per_response(65_536, 100, "cuda")
