"""Training of the demo's CLIP: open_clip's own CLIP class, small, on pictures of this world and their captions.

Factors are independent of each other and of the class. About a third of the pictures are random crops, captioned
from the masks with what is visible in them. The image tower first learns the factors alone, and that loss stays on
as a helper beside the contrastive one. Some pictures show bare lesions: among artefacts and colours alone the tower
never starts to see asymmetry, and on bare lesions alone it would forget colour. The probes used in the demo share
their words with these captions: searching in the demo proves the pipeline, not open-vocabulary understanding.
"""

from __future__ import annotations

import gzip
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from semlens_widgets.demo.captions import caption, vocabulary
from semlens_widgets.demo.factors import INDEX, LESION_BIT, NAMES, Probabilities
from semlens_widgets.demo.network import MEAN, SIZE, STD, normalise
from semlens_widgets.demo.world import Pictures, render
from semlens_widgets.writing import replacing, write_bytes, write_text

CONTEXT, DIM = 40, 128
VISIBLE = {
    "hair": 0.02, "ruler": 0.04, "patch": 0.08, "vignette": 0.05, "bubbles": 0.03, "ink": 0.02, "redskin": 0.5,
    "veil": 0.08, "variegation": 0.08,
}  # fmt: skip
"""The share of a crop that a factor must cover to be named in its caption."""
_OF_THE_WHOLE = ("asymmetry", "border", "large")
_OUTLINES: Probabilities = {
    **dict.fromkeys(NAMES, (0.0, 0.0)), "asymmetry": (0.5, 0.5), "border": (0.5, 0.5), "large": (0.6, 0.6)
}  # fmt: skip
_HELP = {"asymmetry": 3.0, "border": 3.0, "variegation": 1.5, "ink": 1.5}  # weights of the factor loss, if not 1


@dataclass(frozen=True)
class ClipTraining:
    """Three lessons: ``outlines`` and ``warm_up`` steps of the factor loss alone, then ``steps`` contrastive ones with
    ``help`` times that loss. ``bare`` is the share of bare lesions in the batches of each.
    """

    images: int = 20_000
    bare_images: int = 8_000
    outlines: int = 200
    warm_up: int = 250
    steps: int = 750
    bare: tuple[float, float, float] = (1 / 2, 1 / 4, 1 / 8)
    batch: int = 256
    crops: float = 0.35
    help: float = 0.75
    rate: float = 1.2e-3
    seed: int = 500


def write_tokenizer(folder: Path) -> None:
    """Write ``bpe.txt.gz`` and ``words.txt``: the standard tokenizer, reduced to what the known words need.

    Only the merges that build the known words are kept, in their standard order, so known words are cut as the
    standard tokenizer cuts them, and the embedding table shrinks to a hundredth.
    """
    from open_clip.tokenizer import SimpleTokenizer

    ranks = SimpleTokenizer().bpe_ranks
    words, used = vocabulary(), set()
    for word in words:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: ranks.get(pair, math.inf))
            if best not in ranks:
                break
            used.add(best)
            parts = _merged(parts, best)
    folder.mkdir(parents=True, exist_ok=True)
    merges = [" ".join(pair) for pair in sorted(used, key=ranks.__getitem__)]
    lines = ["#version: the merges of the demo's words", *merges]
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=packed, mtime=0) as file:  # no name, no date: the same bytes each time
        file.write("\n".join(lines).encode())
    write_bytes(folder / "bpe.txt.gz", packed.getvalue())
    write_text(folder / "words.txt", "\n".join(words) + "\n")


def _merged(parts: Sequence[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for part in parts:
        if out and (out[-1], part) == pair:
            out[-1] += part
        else:
            out.append(part)
    return out


def tokenizer(folder: Path) -> Any:
    """The reduced tokenizer in ``folder``."""
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer(bpe_path=str(folder / "bpe.txt.gz"), context_length=CONTEXT)


def configuration(vocabulary_size: int) -> dict[str, Any]:
    """What ``open_clip_config.json`` says: a narrow ModifiedResNet tower and a two-layer text tower."""
    return {
        "model_cfg": {
            "embed_dim": DIM,
            "vision_cfg": {"image_size": SIZE, "layers": [1, 1, 1, 1], "width": 16, "head_width": 64},
            "text_cfg": {"context_length": CONTEXT, "vocab_size": vocabulary_size, "width": 128, "heads": 4,
                         "layers": 2},
        },
        "preprocess_cfg": {"size": SIZE, "mode": "RGB", "mean": list(MEAN), "std": list(STD),
                           "interpolation": "bicubic", "resize_mode": "shortest"},
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Batch:
    """Pictures (some cropped), their captions, and which factors are visible; ``judged`` 0 where a crop hides it."""

    pixels: Tensor
    captions: list[str]
    visible: Tensor
    judged: Tensor


def _batch(pictures: Pictures, rows: np.ndarray, crops: float, rng: np.random.Generator) -> _Batch:
    """Cut a share of the pictures to random crops, and say of each what is to be seen in it."""
    n = len(rows)
    whole = rng.random(n) >= crops
    side = np.where(whole, rng.uniform(0.88, 1, n), rng.uniform(0.2, 0.75, n))
    x, y = (rng.uniform(-1, 1, n) * (1 - side) for _ in range(2))
    flips = rng.choice((-1.0, 1.0), (n, 2))
    frame = np.zeros((n, 2, 3), np.float32)
    frame[:, 0, 0], frame[:, 1, 1], frame[:, 0, 2], frame[:, 1, 2] = side * flips[:, 0], side * flips[:, 1], x, y
    grid = F.affine_grid(torch.from_numpy(frame), [n, 3, SIZE, SIZE], align_corners=False)
    pixels = F.grid_sample(normalise(pictures.images[rows]), grid, padding_mode="reflection", align_corners=False)
    pixels = pixels.contiguous(memory_format=torch.channels_last)

    visible, judged, captions = np.zeros((n, len(NAMES)), np.float32), np.ones((n, len(NAMES)), np.float32), []
    for i, row in enumerate(rows):
        present = dict(zip(NAMES, map(bool, pictures.factors[row]), strict=True))
        lesion = True
        if not whole[i]:
            left, right = (int((x[i] + sign * side[i] + 1) / 2 * SIZE) for sign in (-1, 1))
            top, bottom = (int((y[i] + sign * side[i] + 1) / 2 * SIZE) for sign in (-1, 1))
            cut = pictures.masks[row, top : bottom + 1, left : right + 1]
            for name, share in VISIBLE.items():
                present[name] = present[name] and float((cut >> INDEX[name] & 1).mean()) > share
            lesion = float((cut >> LESION_BIT & 1).mean()) > 0.1
            judged[i, [INDEX[name] for name in _OF_THE_WHOLE]] = 0
        visible[i] = [present[name] for name in NAMES]
        captions.append(caption(rng, present, words=pictures.words[row], whole=bool(whole[i]), lesion=lesion))
    return _Batch(pixels, captions, torch.from_numpy(visible), torch.from_numpy(judged))


def _joined(a: _Batch, b: _Batch) -> _Batch:
    return _Batch(
        torch.cat([a.pixels, b.pixels]), a.captions + b.captions, torch.cat([a.visible, b.visible]),
        torch.cat([a.judged, b.judged]),
    )  # fmt: skip


class _Deck:
    """Pictures, drawn in random order; each once before any comes again."""

    def __init__(self, pictures: Pictures, rng: np.random.Generator) -> None:
        self.pictures, self._rng = pictures, rng
        self._order: np.ndarray = np.empty(0, np.int64)

    def draw(self, count: int) -> np.ndarray:
        if len(self._order) < count:
            self._order = self._rng.permutation(len(self.pictures))
        rows, self._order = self._order[:count], self._order[count:]
        return rows


def train_clip(
    folder: Path,
    recipe: ClipTraining = ClipTraining(),
    report: Callable[[str], None] = lambda line: None,
) -> torch.nn.Module:
    """Train a CLIP with the tokenizer in ``folder`` (see ``write_tokenizer``); returned in eval mode."""
    from open_clip.model import CLIP

    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    tokens = tokenizer(folder)
    model = CLIP(**configuration(tokens.vocab_size)["model_cfg"])
    model.visual.to(memory_format=torch.channels_last)  # a quarter faster
    head = torch.nn.Linear(DIM, len(NAMES))
    weights = torch.tensor([_HELP.get(name, 1.0) for name in NAMES])
    everything = _Deck(render(recipe.images, recipe.seed), rng)
    bare = _Deck(render(recipe.bare_images, recipe.seed + 1, probabilities=_OUTLINES), rng)
    parameters = list(model.named_parameters())
    optimiser = torch.optim.AdamW(
        [{"params": [w for _, w in parameters if w.ndim >= 2], "weight_decay": 0.1},
         {"params": [w for _, w in parameters if w.ndim < 2] + list(head.parameters()), "weight_decay": 0.0}],
        betas=(0.9, 0.98),
    )  # fmt: skip
    contrastive = recipe.outlines + recipe.warm_up
    total, losses = contrastive + recipe.steps, []
    model.train()
    for step in range(total):
        share = recipe.bare[(step >= recipe.outlines) + (step >= contrastive)]
        few = round(share * recipe.batch)
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * min(1, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / total))
        batch = _joined(
            _batch(everything.pictures, everything.draw(recipe.batch - few), recipe.crops, rng),
            _batch(bare.pictures, bare.draw(few), 0.0, rng),
        )
        images = model.encode_image(batch.pixels, normalize=True)
        weight = batch.judged * weights
        loss = F.binary_cross_entropy_with_logits(head(images * 10), batch.visible, weight, reduction="sum")
        loss = loss / weight.sum()
        if step >= contrastive:
            texts = model.encode_text(tokens(batch.captions), normalize=True)
            logits = model.logit_scale.exp() * images @ texts.T
            own = torch.arange(recipe.batch)
            contrast = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
            loss = contrast + recipe.help * loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        losses.append(loss.item())
        if (step + 1) % 50 == 0 or step + 1 == total:
            report(f"CLIP, step {step + 1} of {total}: loss {np.mean(losses[-50:]):.3f}")
    return model.eval()


def save_clip(model: torch.nn.Module, folder: Path) -> None:
    """Write an open_clip local folder beside its tokenizer: configuration and half-precision weights."""
    from safetensors.torch import save_file

    config = configuration(tokenizer(folder).vocab_size)
    write_text(folder / "open_clip_config.json", json.dumps(config, indent=1) + "\n")
    with replacing(folder / "open_clip_model.safetensors") as temporary:
        save_file({k: _half(v) for k, v in model.state_dict().items()}, str(temporary))


def _half(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() else value).contiguous().clone()
