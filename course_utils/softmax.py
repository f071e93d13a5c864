"""Softmax and what goes with it: from scores to probabilities, labels, entropy and cross-entropy.

Formulas and the reasons for the stable forms: Goodfellow, Bengio and Courville, *Deep Learning*
(2016), sections 4.1 and 6.2.2.3.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from course_utils._arguments import (
    FloatArray,
    as_class_scores,
    as_integer_array,
    as_probabilities,
    require_positive,
)

__all__ = ["cross_entropy", "entropy", "label_map", "log_softmax", "softmax"]


def softmax(logits: npt.ArrayLike, axis: int = -1, temperature: float = 1.0) -> FloatArray:
    """Probabilities proportional to ``exp(logits / temperature)``.

    Parameters
    ----------
    logits : array_like of float
        Scores of any shape; −inf masks a class (probability exactly 0).
    axis : int
        The class axis, along which the result sums to 1.
    temperature : float
        Above 0. Below 1 sharpens, above 1 flattens.

    Returns
    -------
    array of the shape and floating-point dtype of ``logits``
        In [0, 1].

    Raises
    ------
    ValueError
        For NaN or +inf, a position whose classes are all −inf, an axis out of range or of length
        0, a temperature that is not a finite number above 0 in the logits' dtype.

    Examples
    --------
    >>> softmax([0.0, np.log(3.0)])
    array([0.25, 0.75])
    >>> softmax([1e4, 1e4, -np.inf])
    array([0.5, 0.5, 0. ])
    """
    scaled, axis = _scaled(logits, axis, temperature)
    return np.asarray(np.exp(scaled) / _sum_of_exponentials(scaled, axis)).astype(scaled.dtype)


def log_softmax(logits: npt.ArrayLike, axis: int = -1, temperature: float = 1.0) -> FloatArray:
    """Natural logarithm of :func:`softmax`, without ever forming a probability that rounds to 0.

    Arguments and errors are those of :func:`softmax`; a masked class stays −inf.

    Examples
    --------
    >>> log_softmax([0.0, -1000.0])
    array([    0., -1000.])
    """
    scaled, axis = _scaled(logits, axis, temperature)
    return np.asarray(scaled - np.log(_sum_of_exponentials(scaled, axis))).astype(scaled.dtype)


def entropy(probabilities: npt.ArrayLike, axis: int = -1) -> FloatArray:
    """Shannon entropy −Σ p ln p in nats, with 0 ln 0 = 0.

    Parameters
    ----------
    probabilities : array_like of float
        Distributions along ``axis``: 0 or more, with sums of 1 (to 0.001).
    axis : int
        The class axis, of length K; it is gone from the result.

    Returns
    -------
    array of float
        In [0, ln K] (to the 0.001 that a sum may be off): 0 for a certain outcome, ln K for a
        uniform distribution.

    Raises
    ------
    ValueError
        For values that are no distribution, NaN, or an axis out of range.

    Notes
    -----
    Shannon 1948, *A Mathematical Theory of Communication*, section 6.

    Examples
    --------
    >>> entropy([[1.0, 0.0], [0.5, 0.5]]).round(4)
    array([0.    , 0.6931])
    """
    distributions, axis = as_probabilities("probabilities", probabilities, axis)
    return np.asarray(entr(distributions).sum(axis=axis))


def cross_entropy(labels: npt.ArrayLike, logits: npt.ArrayLike, axis: int = -1) -> FloatArray:
    """Cross-entropy −ln softmax(logits)[label] of every element, in nats.

    Parameters
    ----------
    labels : array_like of int
        Class ids from 0, of the shape of ``logits`` without the class axis.
    logits : array_like of float
        Scores; −inf masks a class, and a masked label costs +inf.
    axis : int
        The class axis of ``logits``.

    Returns
    -------
    array of the shape of ``labels`` and the dtype of ``logits``
        0 or more.

    Raises
    ------
    ValueError
        For labels out of range or not integers, shapes that do not fit, and as :func:`softmax`.

    Examples
    --------
    >>> cross_entropy([1, 0], [[0.0, np.log(3.0)], [1000.0, 0.0]]).round(4)
    array([0.2877, 0.    ])
    """
    log_probabilities = log_softmax(logits, axis)
    classes_last = np.moveaxis(log_probabilities, axis, -1)
    ids = as_integer_array("labels", labels, low=0, high=classes_last.shape[-1])
    if ids.shape != classes_last.shape[:-1]:
        raise ValueError(
            f"labels: expected shape {classes_last.shape[:-1]} (logits of shape "
            f"{log_probabilities.shape} without axis {axis}), got {ids.shape}"
        )
    picked = np.take_along_axis(classes_last, ids[..., np.newaxis].astype(np.intp), axis=-1)[..., 0]
    return np.asarray(0 - picked)  # not -picked, which would print a cost of nothing as -0.0


def label_map(scores: npt.ArrayLike, axis: int = -1) -> npt.NDArray[np.uint8]:
    """Class id of the highest score; of equal scores the lowest id.

    Parameters
    ----------
    scores : array_like of float
        Logits or probabilities: the order is the same, so the softmax is not needed.
    axis : int
        The class axis, of length 255 at most (255 is the id of ignored pixels).

    Returns
    -------
    array of uint8
        The shape of ``scores`` without the class axis.

    Raises
    ------
    ValueError
        For more than 255 classes, NaN, +inf, a position whose scores are all −inf, or an axis out
        of range.

    Examples
    --------
    >>> label_map([[0.1, 2.0, -1.0], [3.0, 3.0, 0.0]])
    array([1, 0], dtype=uint8)
    """
    values, axis = as_class_scores("scores", scores, axis)
    if values.shape[axis] > 255:
        raise ValueError(f"scores: a uint8 label map holds 255 classes at most, got {values.shape[axis]}")
    return np.asarray(values.argmax(axis=axis), dtype=np.uint8)


def _sum_of_exponentials(scaled: FloatArray, axis: int) -> FloatArray:
    """Sum along the class axis, kept; in float32 for float16, whose range many classes would leave."""
    at_least_float32 = np.promote_types(scaled.dtype, np.float32)
    return np.asarray(np.exp(scaled).sum(axis=axis, keepdims=True, dtype=at_least_float32))


def _scaled(logits: npt.ArrayLike, axis: int, temperature: float) -> tuple[FloatArray, int]:
    """Logits minus their maximum, over the temperature: 0 at the maximum, so that no exp overflows."""
    values, axis = as_class_scores("logits", logits, axis)
    divisor: np.floating[Any] = values.dtype.type(require_positive("temperature", temperature))
    if not 0 < divisor < np.inf:
        raise ValueError(f"temperature: {temperature!r} rounds to {divisor} in {values.dtype}")
    with np.errstate(over="ignore"):  # a difference beyond the dtype's range is −inf: probability 0
        return (values - values.max(axis=axis, keepdims=True)) / divisor, axis
