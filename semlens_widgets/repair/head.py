"""The head: the last linear layer of a classifier, what goes into it, and how it is trained anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from ..images import Images, batches
from ..model import alone, evaluating, is_here, stack
from ..outputs import Outputs, placed
from ..outputs.kinds import probabilities

if TYPE_CHECKING:
    import torch

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # of scikit-learn's C, tried on the validation images
ENERGY = 0.99  # of the differences, which the directions that are projected out hold
WHOLE = 1 - 1e-9  # of what switching components off changes: each of them is to be gone
_NEAR = 1e-3  # two probabilities that are the same, in whatever precision


class NoHead(ValueError):
    """The class scores do not come out of one linear layer."""


def head_of(model: torch.nn.Module, images: Images, outputs: Outputs) -> str:
    """The name of the linear layer whose answer the class scores are, found by running the model on some images.

    NoHead where there is none: where scores are averaged over places, or made by something else than `nn.Linear`.
    """
    import torch

    item = next(iter(batches(images, range(min(len(images), 4)), 4)))
    found: dict[str, Any] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: Any, given: Any, answer: Any) -> None:
            found[name] = None if name in found else answer.detach()  # of what runs twice it is not clear which counts

        return hook

    linear = [(name, m) for name, m in model.named_modules() if isinstance(m, torch.nn.Linear)]
    with alone(model), evaluating(model):
        handles = [module.register_forward_hook(keep(name)) for name, module in linear]
        try:
            values = outputs.values(model(placed(model, stack(item.items))), len(item.items))
        finally:
            for handle in handles:
                handle.remove()
    wanted = outputs.probabilities(values)
    for name, answer in reversed(found.items()):
        if answer is None or answer.ndim != 2 or answer.shape[1] != values.shape[1]:
            continue
        own = probabilities(answer.float().cpu().numpy(), outputs.kind, "logits")
        if np.abs(own - wanted).max() <= _NEAR:
            return name
    raise NoHead(
        "the class scores do not come out of one nn.Linear, so there is no head to train anew; repair with "
        'how="fine-tune" or how="off"'
    )


def features(
    model: torch.nn.Module, head: str, images: Images, ids: Sequence[int] | np.ndarray
) -> tuple[Int[np.ndarray, " image"], Float[np.ndarray, "image feature"]]:
    """(images that could be read, what goes into the head for each)."""
    read, found = [], []
    for batch in batches(images, np.asarray(ids), 64, here=is_here(model)):
        if batch.items:
            read.append(batch.ids)
            found.append(features_of(model, head, batch.items))
    if not read:
        raise ValueError(f"none of the {len(ids)} images could be read")
    return np.concatenate(read), np.concatenate(found)


def features_of(model: torch.nn.Module, head: str, items: Sequence[Any]) -> Float[np.ndarray, "image feature"]:
    """What goes into the head for some items."""
    kept: list[Any] = []
    handle = model.get_submodule(head).register_forward_pre_hook(lambda module, given: kept.append(given[0]))
    try:
        with alone(model), evaluating(model):
            model(placed(model, stack(items)))
    finally:
        handle.remove()
    return np.asarray(kept[-1].detach().float().cpu().numpy(), np.float64)


def directions_of(
    differences: Float[np.ndarray, "pair feature"], energy: float = ENERGY, most: int | None = None
) -> Float[np.ndarray, "direction feature"]:
    """Orthonormal directions that hold 99 % of what differences are made of, at most a quarter of all there are."""
    _, sizes, directions = np.linalg.svd(differences, full_matrices=False)
    held = np.cumsum(sizes**2) / max(float((sizes**2).sum()), 1e-30)
    wanted = int(np.searchsorted(held, energy)) + 1
    return np.asarray(directions[: max(1, min(wanted, most or differences.shape[1] // 4))])


def without_directions(
    x: Float[np.ndarray, "*any feature"], directions: Float[np.ndarray, "direction feature"]
) -> Float[np.ndarray, "*any feature"]:
    """What is left of features when directions are projected out."""
    return np.asarray(x - (x @ directions.T) @ directions)


def trained(
    x: Float[np.ndarray, "image feature"], labels: Int[np.ndarray, " image"],
    check: tuple[Float[np.ndarray, "other feature"], Int[np.ndarray, " other"]],
    weights: Float[np.ndarray, " image"] | None = None, check_weights: Float[np.ndarray, " other"] | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> tuple[Float[np.ndarray, "class feature"], Float[np.ndarray, " class"]]:  # fmt: skip
    """(weights, biases), one row per class, by logistic regression; as strong as the validation images want it.

    Features are scaled to one standard deviation for it. `on_step(number, loss)` is told of every strength tried.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    scale = x.std(0)
    scale = np.where(scale > 1e-8 * max(float(scale.max()), 1e-30), scale, np.inf)  # what never varies counts nothing
    best: tuple[float, Any] | None = None
    for number, strength in enumerate(STRENGTHS):
        fit = LogisticRegression(C=strength, max_iter=2000).fit(x / scale, labels, sample_weight=weights)
        chances = fit.predict_proba(check[0] / scale)
        loss = float(log_loss(check[1], chances, labels=fit.classes_, sample_weight=check_weights))
        if on_step is not None:
            on_step(number, loss)
        if best is None or loss < best[0]:
            best = loss, fit
    assert best is not None
    coefficients, bias = best[1].coef_ / scale, best[1].intercept_
    if len(coefficients) == 1:  # of two classes scikit-learn gives the odds of the second
        coefficients, bias = np.concatenate([-coefficients, coefficients]) / 2, np.concatenate([-bias, bias]) / 2
    return np.asarray(coefficients), np.asarray(bias)


def put(model: torch.nn.Module, head: str, weights: np.ndarray, bias: np.ndarray, outputs: Outputs) -> None:
    """Give the head of a copy new weights; of one logit the odds of "yes"."""
    import torch

    layer = model.get_submodule(head)
    if outputs.kind == "binary":
        weights, bias = weights[1:] - weights[:1], bias[1:] - bias[:1]
    assert isinstance(layer, torch.nn.Linear)
    if layer.bias is None:
        layer.bias = torch.nn.Parameter(torch.zeros(len(bias), dtype=layer.weight.dtype, device=layer.weight.device))
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(weights))
        layer.bias.copy_(torch.as_tensor(bias))


def reweighed(
    labels: Int[np.ndarray, " image"], present: np.ndarray
) -> Float[np.ndarray, " image"]:
    """Weights that make a class and the presence of a thing independent of each other (Kamiran and Calders 2012):
    how often both would be together by chance, over how often they are."""
    weights = np.zeros(len(labels))
    for label in np.unique(labels):
        for there in (False, True):
            own = (labels == label) & (present == there)
            if own.any():
                weights[own] = (labels == label).mean() * (present == there).mean() / own.mean()
    return weights
