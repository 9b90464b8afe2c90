"""From responses to answers: what is measured of every component and of the prediction, and what counts as found."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import stdtr, stdtrit

from ..components import Components
from ..detection import paired_limit
from ..inference import holm
from ..intervals import Interval
from .statistics import one_sided_sign_test, separation, sign_test, without_noise
from .value import Counterfactual, Prediction

MIN_AUROC = 0.75  # half-way from chance (.5) to telling all pictures apart (1), as everywhere in this package
MIN_SELECTIVITY = 0.75  # of pictures
_BLOCK = 4096  # components at once, for memory


def judge(
    components: Components,
    name: str,
    controls: tuple[str, ...],
    responses: Float[np.ndarray, "side pair component"],
    energy: Float[np.ndarray, "side pair"],
    spread: Float[np.ndarray, " component"],
    margins: Float[np.ndarray, "side pair"] | None,
    answers: Int[np.ndarray, "side pair"] | None,
    *,
    target: str | None,
    alpha: float,
    left_out: int,
) -> Counterfactual:
    """See `Counterfactual`. Sides are: without the thing, with it, and with each control instead.

    energy: how far the model's input lies from that of the plain picture (Euclidean distance).
    """
    plain, with_, others = responses[0], responses[1], responses[2:]
    unit = np.where(spread > 0, spread, np.concatenate([plain, with_]).std(0))
    alive = (unit > 0) & np.isfinite(unit)
    safe = np.where(alive, unit, 1.0)
    rise = without_noise(with_ - plain, safe)
    selective, closest = _selective(rise, plain, others, energy, safe)
    p, p_selective = sign_test(rise), one_sided_sign_test(selective) if len(others) else np.full(len(unit), np.nan)
    both = np.where(alive, np.fmax(p, p_selective), np.nan)
    p_found = holm(both)
    auroc = np.where(alive, separation(with_, plain), 0.5)
    selectivity = (selective > 0).mean(0) if len(others) else np.full(len(unit), np.nan)
    found = alive & (p_found <= alpha) & (auroc >= MIN_AUROC) & (selectivity >= MIN_SELECTIVITY)
    prediction = None
    if margins is not None and answers is not None and target is not None:
        prediction = _prediction(target, controls, margins, answers)
    change = np.where(alive, rise.mean(0) / safe, 0.0)
    return Counterfactual(
        name, components, controls, responses.shape[1], change, auroc, p, selectivity, p_selective, closest, p_found,
        found, _on(plain, with_, safe), prediction, alpha, left_out,
    )  # fmt: skip


def _on(
    plain: Float[np.ndarray, "pair component"], with_: Float[np.ndarray, "pair component"],
    unit: Float[np.ndarray, " component"],
) -> Bool[np.ndarray, "side pair component"]:  # fmt: skip
    """Whether each component is on: above 0, as latents of a sparse autoencoder are; of one that is silent in fewer
    than half of the plain pictures, above its mean there by more than a standard deviation."""
    sparse = (plain <= 0).mean(0) >= 0.5
    line = np.where(sparse, 0.0, plain.mean(0) + unit)
    return np.stack([plain > line, with_ > line])


def _selective(
    rise: Float[np.ndarray, "pair component"], plain: Float[np.ndarray, "pair component"],
    others: Float[np.ndarray, "control pair component"], energy: Float[np.ndarray, "side pair"],
    unit: Float[np.ndarray, " component"],
) -> tuple[np.ndarray, Int[np.ndarray, " component"]]:  # fmt: skip
    """([pair component] above 0 where the thing excites a component more than every control does, as it is and for the
    size of the edit; the control that comes closest)."""
    if not len(others):
        return np.zeros_like(rise), np.full(rise.shape[1], -1, np.int64)
    size = np.maximum(energy, 1e-12)[:, :, None]
    margin, closest = np.zeros(rise.shape, np.float32), np.zeros(rise.shape[1], np.int64)
    for start in range(0, rise.shape[1], _BLOCK):
        some = slice(start, start + _BLOCK)
        risen, controls = rise[:, some], others[:, :, some] - plain[:, some]
        as_it_is = risen - controls.max(0)
        for_its_size = (risen / size[1] - (controls / size[2:]).max(0)) * size[1]
        ahead = np.minimum(as_it_is, for_its_size) / unit[some]
        margin[:, some] = np.where((np.abs(ahead) <= 1e-5) | (risen <= 0), 0.0, ahead)
        closest[some] = controls.mean(1).argmax(0)
    return margin, closest


def _prediction(
    target: str, controls: tuple[str, ...], margins: Float[np.ndarray, "side pair"],
    answers: Int[np.ndarray, "side pair"],
) -> Prediction:  # fmt: skip
    changes = np.asarray(margins[1:] - margins[0], np.float64)
    change, p = paired_interval(changes[0])
    return Prediction(
        target, change, p, float((answers[1] != answers[0]).mean()),
        {name: paired_interval(other)[0] for name, other in zip(controls, changes[1:], strict=True)},
        paired_limit(changes[0], f"logit of {target}"),
    )  # fmt: skip


def paired_interval(differences: Float[np.ndarray, " pair"], alpha: float = 0.05) -> tuple[Interval, float]:
    """The mean of paired differences, its interval, and p, by the paired t test (Student 1908); NaN for one pair."""
    n, mean = len(differences), float(differences.mean())
    if n < 2:
        return Interval(mean, float("nan"), float("nan")), float("nan")
    error = float(differences.std(ddof=1)) / math.sqrt(n)
    off = float(stdtrit(n - 1, 1 - alpha / 2)) * error
    p = 1.0 if mean == 0 else 0.0 if error == 0 else 2 * float(stdtr(n - 1, -abs(mean) / error))
    return Interval(mean, mean - off, mean + off), p
