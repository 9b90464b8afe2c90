"""A segmentation of the demo's pictures: which of the planted factors is visible where. Synthetic, not medical data.

The body is that of the unbiased classifier, which sees every factor but asymmetry; a linear map of its last layer says
at each of 8 x 8 places what is there. `python -m semlens_widgets.demo.train segmenter` makes it (seconds).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from semlens_widgets.demo.network import WIDTHS, Classifier, normalise
from semlens_widgets.demo.world import Pictures, render
from semlens_widgets.writing import replacing

PARTS = ("background", "lesion", "hair", "ruler", "patch", "vignette", "ink")
"""What a place can be, later ones over earlier ones."""
FILE = "segmenter-head.safetensors"
_COVERED = 0.3  # of a place, from which it counts as the part


class Segmenter(nn.Module):
    """``stem, layer1 … layer4`` as in the classifier, then ``head``: a score of each part at every place.

    Answers as torchvision's segmentation models do, with {"out": [image part height width]} at the size of the
    picture; ``class_names`` says what the parts are.
    """

    class_names = PARTS

    def __init__(self, body: Classifier) -> None:
        super().__init__()
        self.stem, self.layer1, self.layer2 = body.stem, body.layer1, body.layer2
        self.layer3, self.layer4 = body.layer3, body.layer4
        self.head = nn.Conv2d(WIDTHS[-1], len(PARTS), 1)

    def forward(self, x: Float[Tensor, "image 3 height width"]) -> dict[str, Float[Tensor, "image part height width"]]:
        scores = self.head(self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x))))))
        return {"out": F.interpolate(scores, x.shape[-2:], mode="bilinear", align_corners=False)}


def parts_of(pictures: Pictures, side: int) -> Int[np.ndarray, "image row column"]:
    """What is at each of side x side places: the last of `PARTS` that covers enough of it."""
    n, height, width = pictures.masks.shape
    found = np.zeros((n, side, side), np.int64)
    for number, name in enumerate(PARTS[1:], 1):
        mask = pictures.mask(name).reshape(n, side, height // side, side, width // side)
        found[mask.mean((2, 4)) > _COVERED] = number
    return found


def make(folder: Path, seeing: Classifier, report: Callable[[str], None] = lambda line: None) -> None:
    """Train the head on one body and write it."""
    from safetensors.torch import save_file

    head = trained_head(seeing)
    with replacing(folder / FILE) as temporary:
        save_file({part: value.half().contiguous() for part, value in head.state_dict().items()}, str(temporary))
    report("a head that says where the factors are")


def trained_head(seeing: Classifier, *, images: int = 1500, steps: int = 300, seed: int = 700) -> nn.Conv2d:
    """The head, on pictures with independent factors; L1 keeps it sparse, as the classifier's."""
    pictures = render(images, seed)
    with torch.no_grad():
        features = torch.cat([seeing.features(normalise(pictures.images[a : a + 250])) for a in range(0, images, 250)])
    places = torch.from_numpy(parts_of(pictures, features.shape[-1])).flatten()
    columns = features.permute(0, 2, 3, 1).flatten(0, 2)
    torch.manual_seed(seed)
    head = nn.Linear(columns.shape[1], len(PARTS))
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimiser = torch.optim.AdamW(head.parameters(), lr=2e-2, weight_decay=0.01)
    for step in range(steps):
        if step == steps * 3 // 4:
            optimiser.param_groups[0]["lr"] *= 0.2
        rows = torch.randint(len(columns), (8192,))
        loss = F.cross_entropy(head(columns[rows]), places[rows]) + 2e-4 * head.weight.abs().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    made = nn.Conv2d(columns.shape[1], len(PARTS), 1)
    made.load_state_dict({"weight": head.weight.detach()[:, :, None, None], "bias": head.bias.detach()})
    return made


def load(body: Classifier, folder: Path | None = None) -> Segmenter:
    """The trained segmentation on its body, the unbiased classifier; in eval mode."""
    from safetensors.torch import load_file

    model = Segmenter(body)
    model.head.load_state_dict(load_file(str((folder or Path(__file__).with_name("checkpoints")) / FILE)))
    return model.eval()
