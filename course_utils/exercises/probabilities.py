"""Mistakes that several chapters share: a softmax that overflows, a 0 that is kept from its logarithm."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray

__all__ = ["KEPT_FROM_ZERO", "NO_MAXIMUM", "naive_softmax"]

NO_MAXIMUM = (
    "Often: the maximum of each row was not subtracted. exp overflows to inf beyond 709 (float64), "
    "and inf / inf is NaN."
)


def naive_softmax(logits: FloatArray, axis: int = -1, temperature: float = 1.0) -> Any:
    """Softmax, word for word from its formula."""
    exponentials = np.exp(logits / temperature)
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def _clipped(probabilities: FloatArray, floor: float) -> Any:
    return np.clip(probabilities, floor, 1 - floor)


# What people do to probabilities so that no logarithm is infinite. Each caps a loss, or undoes a veto.
KEPT_FROM_ZERO: tuple[Callable[[FloatArray], Any], ...] = tuple(
    partial(lambda probabilities, keep, floor: keep(probabilities, floor), keep=keep, floor=floor)
    for keep in (np.add, np.maximum, _clipped)
    for floor in (1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15, 1e-16, 1e-20, 1e-300)
)
