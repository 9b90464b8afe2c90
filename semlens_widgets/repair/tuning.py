"""Fine-tuning: the whole copy learns on, from pictures onto which artefacts are pasted whatever their class."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from ..artefacts import Artefact
from ..images import Images, UnreadableImage
from ..model import stack
from ..outputs import Outputs, placed
from .value import Epoch

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Tuning:
    """How the copy learns on: at most `epochs` over the pictures, with AdamW at `rate`; the weights of the epoch with
    the least validation loss are kept, and after `patience` epochs without a better one it ends.

    artefacts: pasted onto every picture with the chance of one half, each as likely as the others; none: learn on
               without, which is the control.
    """

    artefacts: Sequence[Artefact]
    epochs: int
    patience: int
    rate: float
    batch_size: int
    seed: int


def tune(
    model: torch.nn.Module, images: Images, train: Int[np.ndarray, " train"],
    validation: Int[np.ndarray, " validation"],
    labels: Int[np.ndarray, " image"], outputs: Outputs, how: Tuning, on_batch: Callable[[int], None],
) -> tuple[Epoch, ...]:  # fmt: skip
    """Train a copy in place; batch statistics and dropout stay as in eval mode. Gives what each epoch came to."""
    import torch

    random = np.random.default_rng([how.seed, 62])
    held = _pictures(images, validation, how, np.random.default_rng([how.seed, 63]))
    model.eval()
    parameters = [p for p in model.parameters() if p.is_floating_point()]
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW(parameters, lr=how.rate)
    best, kept, epochs = float("inf"), copy.deepcopy(model.state_dict()), []
    since = 0
    for number in range(how.epochs):
        losses = []
        order = random.permutation(train)
        for first in range(0, len(order), how.batch_size):
            ids = order[first : first + how.batch_size]
            items, at = _pictures(images, ids, how, random)
            if len(at):
                with torch.inference_mode(False), torch.enable_grad():
                    loss = _loss(model, items, labels[ids[at]], outputs)
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                losses.append(float(loss.detach()))
            on_batch(len(ids))
        found = _validated(model, held, labels[validation], outputs, how.batch_size)
        better = found < best
        epochs.append(Epoch(number + 1, float(np.mean(losses)) if losses else float("nan"), found, better))
        if better:
            best, kept, since = found, copy.deepcopy(model.state_dict()), 0
        else:
            since += 1
            if since >= how.patience:
                break
    model.load_state_dict(kept)
    for parameter in model.parameters():
        parameter.grad = None
    return tuple(epochs)


def _pictures(
    images: Images, ids: np.ndarray, how: Tuning, random: np.random.Generator
) -> tuple[list[Any], np.ndarray]:
    """(what the model takes of those that can be read, their places): some with an artefact on them."""
    items, at = [], []
    for place, image in enumerate(ids.tolist()):
        chosen = random.random() < 0.5 and len(how.artefacts)
        which, number = int(random.integers(max(len(how.artefacts), 1))), int(random.integers(2**31))
        try:
            if chosen:
                items.append(images.prepared(how.artefacts[which].varied(number)(images.picture(image))))
            else:
                items.append(images.tensor(image))
            at.append(place)
        except UnreadableImage:
            continue
    return items, np.asarray(at, np.int64)


def _loss(model: Any, items: Sequence[Any], labels: np.ndarray, outputs: Outputs) -> Any:
    """Cross-entropy of the classes, whatever form the model's numbers have."""
    import torch
    import torch.nn.functional as F

    inputs = placed(model, stack(items))
    scores = outputs.reading()(model(inputs), len(items)).float()
    wanted = torch.as_tensor(labels, device=scores.device)
    if outputs.kind == "binary":
        yes, truth = scores.reshape(len(items)), wanted.to(scores.dtype)
        if outputs.scale == "probabilities":
            return F.binary_cross_entropy(yes.clamp(1e-6, 1 - 1e-6), truth)
        return F.binary_cross_entropy_with_logits(yes, truth)
    if outputs.scale == "probabilities":
        return F.nll_loss(scores.clamp_min(1e-12).log(), wanted)
    return F.cross_entropy(scores, wanted)


def _validated(
    model: Any, held: tuple[list[Any], np.ndarray], labels: np.ndarray, outputs: Outputs, size: int
) -> float:
    import torch

    items, at = held
    total = 0.0
    with torch.no_grad():
        for first in range(0, len(at), size):
            own = slice(first, first + size)
            total += float(_loss(model, items[own], labels[at[own]], outputs)) * len(at[own])
    return total / max(len(at), 1)
