"""Verify: is a label true? Activations on held-out images, predicted from the label, against the real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from .describe import Labels, check_sample
from .evaluate import bootstrap_means
from .intervals import Interval
from .results import Result
from .vectors import freeze

METRICS = ("pearson", "auprc", "auc", "mad")


@dataclass(frozen=True, eq=False)
class Verification(Result):
    """How well each component's best word predicts its activation on held-out images; NaN where it cannot be said.

    Attributes
    ----------
    labels
        What was held against the pictures.
    pearson
        [component], the correlation of activation with the similarity of image and word.
    auprc
        [component], the average precision of that similarity for the component's strongest images; chance scores the
        share `strongest`.
    auc, mad
        [component], CoSy's, for comparison only, for they fail sanity checks: the chance that an image close to the
        word excites the component more than another, and how many deviations more on average.
    low, high
        95 % bootstrap bounds over images, by metric.
    images
        How many pictures.
    strongest
        The share of images that counts as responding.

    Examples
    --------
    >>> _ = lens.describe(["ruler", "hair", "blue patch"])
    >>> verified = lens.verify(rounds=50, progress=False)
    >>> verified.pearson.shape == (len(lens.components),)
    True
    """

    labels: Labels
    pearson: Float[np.ndarray, " component"]
    auprc: Float[np.ndarray, " component"]
    auc: Float[np.ndarray, " component"]
    mad: Float[np.ndarray, " component"]
    low: dict[str, Float[np.ndarray, " component"]]
    high: dict[str, Float[np.ndarray, " component"]]
    images: int
    strongest: float

    def __post_init__(self) -> None:
        freeze(self, *METRICS)

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict per living component: its word, whether that was accepted, and each metric with its bounds."""
        rows = []
        for row in np.flatnonzero(self.labels.space.alive).tolist():
            entry: dict[str, Any] = {
                "component": str(self.labels.components[row]), "closest": self.labels.closest(row)[0],
                "accepted": bool(self.labels.accepted[row, 0]),
            }  # fmt: skip
            for name in METRICS:
                for key, values in ((name, getattr(self, name)), (f"{name}_low", self.low[name]),
                                    (f"{name}_high", self.high[name])):  # fmt: skip
                    entry[key] = float(values[row]) if np.isfinite(values[row]) else None
            rows.append(entry)
        return rows

    def summary(self) -> dict[str, dict[str, Interval]]:
        """The mean of each metric, with bootstrap intervals over components: of accepted labels, and of all."""
        values = np.stack([getattr(self, name) for name in METRICS])
        accepted = self.labels.accepted[:, 0]
        parts = {"accepted": accepted, "all": self.labels.space.alive}
        return {part: dict(zip(METRICS, bootstrap_means(values[:, rows]), strict=True)) for part, rows in parts.items()}

    def __repr__(self) -> str:
        lines = [
            f"  {part:<9} " + "  ".join(f"{name} {interval}" for name, interval in scores.items())
            for part, scores in self.summary().items()
        ]
        return "\n".join([f"labels held against activations on {self.images:,} images", *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{part} labels</td>{''.join(f'<td>{interval}</td>' for interval in scores.values())}</tr>"
            for part, scores in self.summary().items()
        )
        heads = "<th>Pearson</th><th>AUPRC</th><th>AUC (CoSy)</th><th>MAD (CoSy)</th>"
        note = f"{self.images:,} images; AUPRC by chance {self.strongest:.2f}; AUC and MAD for comparison only."
        return f"<table><tr><th></th>{heads}</tr>{rows}</table><p>{note}</p>"


def verify(
    labels: Labels,
    activations: Float[np.ndarray, "image component"],
    image_vectors: Float[np.ndarray, "image dim"],
    *,
    strongest: float = 0.05,
    rounds: int = 200,
    seed: int = 0,
    held_out: Bool[np.ndarray, "image component"] | None = None,
) -> Verification:
    """Predict every component's activation on held-out images from its best word, and compare.

    The prediction is the cosine of image and word. `strongest` is the share of images that count as exciting the
    component (AUPRC) and, by similarity to the word, as showing it (AUC, MAD). `rounds` bootstrap resamples of the
    images give the bounds. Take images that the labels were not made from; `held_out` says per component which of
    the images these are, where they are not all.
    (Oikarinen et al. 2025 on metrics; Kopf et al. 2024, CoSy)
    """
    check_settings(strongest, rounds)
    check_sample(labels.space, activations, image_vectors)
    images = len(activations)
    positives = round(strongest * images)
    if not 1 <= positives < images:
        raise ValueError(
            f"strongest={strongest} of {images} images are {positives}; some, but not all, images must count as strong"
        )
    random = np.random.default_rng(seed)
    drawn = random.multinomial(images, np.full(images, 1 / images), rounds)
    drawings = np.concatenate([np.ones((1, images)), drawn])
    size = len(labels)
    measured = np.full((len(METRICS), 1 + rounds, size), np.nan)
    for row in np.flatnonzero(labels.space.alive):
        activation = activations[:, row].astype(np.float64)
        weights = drawings if held_out is None else drawings * held_out[:, row]
        if held_out is not None:
            activation = np.where(held_out[:, row], activation, activation.min())
        if not activation.std():
            continue
        similarity = (image_vectors @ labels.probes.vectors[labels.words[row, 0]]).astype(np.float64)
        excited, showing = _top_share(activation, positives), _top_share(similarity, positives)
        measured[0, :, row] = _pearson(similarity, activation, weights)
        measured[1, :, row] = _average_precision(similarity, excited, weights)
        measured[2, :, row] = _area_under_curve(activation, showing, weights)
        measured[3, :, row] = _mean_difference(activation, showing, weights)
    low, high = np.full((len(METRICS), size), np.nan), np.full((len(METRICS), size), np.nan)
    measured[~np.isfinite(measured)] = np.nan  # a resample in which nothing varies tells nothing
    for metric, low_of, high_of in zip(measured, low, high, strict=True):
        known = np.isfinite(metric[1:]).any(0)
        if known.any():
            low_of[known], high_of[known] = np.nanquantile(metric[1:, known], (0.025, 0.975), axis=0)
    bounds = [dict(zip(METRICS, side, strict=True)) for side in (low, high)]
    pearson, auprc, auc, mad = measured[:, 0]
    return Verification(labels, pearson, auprc, auc, mad, bounds[0], bounds[1], images, positives / images)


def check_settings(strongest: float, rounds: int) -> None:
    """ValueError for invalid settings of `verify`, whatever the images."""
    if not 0 < strongest < 1:
        raise ValueError(f"strongest={strongest}; a share of the images between 0 and 1")
    if rounds < 1:
        raise ValueError(f"rounds={rounds}; give at least one resample, for the intervals")


def _top_share(values: Float[np.ndarray, " image"], count: int) -> Bool[np.ndarray, " image"]:
    """Exactly `count` images, those of the largest values, equal ones by lower number."""
    chosen = np.zeros(len(values), bool)
    chosen[np.argsort(-values, kind="stable")[:count]] = True
    return chosen


def _pearson(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    a, b = a - a.mean(), b - b.mean()
    total = weights.sum(1)
    mean_a, mean_b, squares_a, squares_b, both = (weights @ v / total for v in (a, b, a * a, b * b, a * b))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (both - mean_a * mean_b) / np.sqrt((squares_a - mean_a**2) * (squares_b - mean_b**2))


def _tallied(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of positives and of the others at each distinct score, the largest first."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(scores[order]) != 0]))
    ordered = weights[:, order]
    ours, others = (np.add.reduceat(ordered * kind[order], starts, axis=1) for kind in (positive, ~positive))
    return ours, others


def _average_precision(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum over distinct scores of precision times the step in recall, as scikit-learn defines it."""
    hits, misses = _tallied(scores, positive, weights)
    hits_so_far = hits.cumsum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = hits_so_far / (hits_so_far + misses.cumsum(1))
        return np.nansum(hits * precision, axis=1) / hits_so_far[:, -1]


def _area_under_curve(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The chance that a positive scores above another image, ties counting half."""
    hits, misses = _tallied(scores, positive, weights)
    above = hits.cumsum(1) - hits / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (above * misses).sum(1) / (hits.sum(1) * misses.sum(1))


def _mean_difference(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of the positives less that of the others, in deviations of the others; NaN where those do not vary."""
    inside, outside = weights * positive, weights * ~positive
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = outside @ scores / outside.sum(1)
        variance = outside @ scores**2 / outside.sum(1) - mean**2
        return (inside @ scores / inside.sum(1) - mean) / np.sqrt(
            np.where(variance > 1e-12 * mean**2, variance, np.nan)
        )
