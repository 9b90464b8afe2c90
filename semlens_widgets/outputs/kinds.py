"""What the numbers of a model's answer mean: probabilities, predictions and margins of each kind of output."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int

Kind = Literal["single", "binary", "multi", "regression"]
Scale = Literal["logits", "probabilities"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MEANS = {
    "single": "one class per image, a softmax over all",
    "binary": "one logit, a sigmoid, two classes",
    "multi": "several labels at once, a sigmoid each",
    "regression": "numbers, no classes",
}
_LEAST = 1e-12  # a probability of 0 has no logarithm


def as_logits(
    values: Float[np.ndarray, "*any output"], kind: Kind, scale: Scale
) -> Float[np.ndarray, "*any output"]:
    """What the model says before its softmax or sigmoid (float64); numbers of a regression as they are."""
    values = np.asarray(values, np.float64)
    if scale == "logits" or kind == "regression":
        return values
    likely = np.clip(values, _LEAST, 1)
    return np.log(likely) if kind == "single" else np.log(likely) - np.log(np.clip(1 - values, _LEAST, 1))


def probabilities(
    values: Float[np.ndarray, "*any output"], kind: Kind, scale: Scale
) -> Float[np.ndarray, "*any class"]:
    """Of a binary output that of "no" and "yes"; of a single one they add up to 1; of several labels each its own.

    ValueError for a regression, which has none.
    """
    if kind == "regression":
        raise ValueError('the outputs are a regression (outputs="regression"): numbers, which have no probabilities')
    values = np.asarray(values, np.float64)
    if scale == "logits":
        values = _softmax(values) if kind == "single" else _sigmoid(values)
    if kind == "binary":
        values = np.concatenate([1 - values, values], -1)
    return values.astype(np.float32)


def margins(
    values: Float[np.ndarray, "*any output"], number: int, kind: Kind, scale: Scale
) -> Float[np.ndarray, "*any"]:
    """How clearly a class is predicted: the log of its odds. Of a regression the number itself."""
    logits = as_logits(values, kind, scale)
    if kind == "binary":
        return logits[..., 0] if number else -logits[..., 0]
    if kind != "single":
        return logits[..., number]
    others = np.delete(logits, number, axis=-1)
    highest = others.max(-1)
    highest = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        return logits[..., number] - highest - np.log(np.exp(others - highest[..., None]).sum(-1))


def predicted(
    values: Float[np.ndarray, "*any output"], kind: Kind, scale: Scale
) -> Int[np.ndarray, "*any"]:
    """The predicted class, of several labels the likeliest. ValueError for a regression of several numbers."""
    if kind == "regression":
        if values.shape[-1] > 1:
            raise ValueError(
                f'the outputs are a regression of {values.shape[-1]} numbers (outputs="regression"): none is '
                "predicted rather than another; say which is meant, target=…"
            )
        return np.zeros(values.shape[:-1], np.int64)
    if kind == "binary":
        return (values[..., 0] > (0 if scale == "logits" else 0.5)).astype(np.int64)
    return values.argmax(-1)


def is_predicted(
    values: Float[np.ndarray, "*any output"], kind: Kind, scale: Scale
) -> Bool[np.ndarray, "*any class"]:
    """Which classes are predicted for each image: one, or of several labels all with a probability above one half."""
    if kind == "multi":
        return probabilities(values, kind, scale) > 0.5
    classes = 2 if kind == "binary" else values.shape[-1]
    return predicted(values, kind, scale)[..., None] == np.arange(classes)


def _softmax(logits: Float[np.ndarray, "*any class"]) -> Float[np.ndarray, "*any class"]:
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def _sigmoid(logits: Float[np.ndarray, "*any output"]) -> Float[np.ndarray, "*any output"]:
    return 0.5 * (1 + np.tanh(0.5 * logits))
