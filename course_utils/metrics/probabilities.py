"""Scores of predicted distributions: accuracy, likelihood and calibration.

All take the truth first: class ids of any shape, then probabilities of that shape with the class
axis last. An id of 255 marks an element to leave out, as in label maps (unless there are more than
255 classes: then it is one of them).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from course_utils._arguments import (
    IGNORE,
    FloatArray,
    IntArray,
    as_array,
    as_count,
    as_integer_array,
    as_probabilities,
    counted_elements,
)

__all__ = [
    "Reliability",
    "accuracy",
    "brier_score",
    "expected_calibration_error",
    "negative_log_likelihood",
    "reliability",
]


class Reliability(NamedTuple):
    """Confidence and accuracy by bin of confidence; NaN in the bins that are empty."""

    confidence: FloatArray
    accuracy: FloatArray
    counts: IntArray


def accuracy(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Share of elements whose most probable class is the true one; of equal ones the lowest id.

    Parameters
    ----------
    labels : (…) int
        True class ids; 255 is left out.
    probabilities : (…, K) float
        Distributions along the last axis.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        For labels out of range, probabilities that do not sum to 1, shapes that do not fit, or no
        element that counts.

    Examples
    --------
    >>> accuracy([0, 1], [[0.9, 0.1], [0.8, 0.2]])
    0.5
    """
    ids, distributions = _checked(labels, probabilities)
    return float(np.mean(distributions.argmax(axis=1) == ids))


def negative_log_likelihood(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Mean of −ln p(true class), in nats; inf if a true class has probability 0.

    Arguments and errors are those of :func:`accuracy`.

    Examples
    --------
    >>> round(negative_log_likelihood([0, 1], [[0.5, 0.5], [0.75, 0.25]]), 4)
    1.0397
    """
    ids, distributions = _checked(labels, probabilities)
    picked = distributions[np.arange(len(ids)), ids].astype(np.float64)
    with np.errstate(divide="ignore"):
        return float(np.mean(-np.log(picked)))


def brier_score(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Mean squared distance between the predicted distribution and the one-hot truth.

    Arguments and errors are those of :func:`accuracy`. In [0, 2]: the squares are summed over the
    classes, as Brier 1950 does (with two classes some libraries report half of it).

    Examples
    --------
    >>> brier_score([0], [[0.5, 0.5]])
    0.5
    """
    ids, distributions = _checked(labels, probabilities)
    errors = distributions.astype(np.float64)
    errors[np.arange(len(ids)), ids] -= 1
    return float(np.mean(np.sum(errors**2, axis=1)))


def reliability(labels: npt.ArrayLike, probabilities: npt.ArrayLike, n_bins: int = 15) -> Reliability:
    """Mean confidence, accuracy and count in equal bins of confidence.

    The confidence of an element is its highest probability. Bin b holds confidences in
    (b / n_bins, (b + 1) / n_bins]: one on an edge belongs to the bin below it. Other arguments and
    errors are those of :func:`accuracy`.

    Returns
    -------
    Reliability
        ``confidence``, ``accuracy`` and ``counts``, each (n_bins,); NaN where a bin is empty.

    Notes
    -----
    Guo et al. 2017, *On Calibration of Modern Neural Networks*, section 2.

    Examples
    --------
    >>> reliability([0, 1], [[0.9, 0.1], [0.8, 0.2]], n_bins=2).counts
    array([0, 2])
    """
    ids, distributions = _checked(labels, probabilities)
    n_bins = as_count("n_bins", n_bins)
    highest = distributions.max(axis=1)
    confidence, right = highest.astype(np.float64), distributions.argmax(axis=1) == ids
    # Compared with each edge as the dtype of the probabilities holds it: 0.56 · 25 would be more than 14.
    edges = (np.arange(1, n_bins) / n_bins).astype(highest.dtype)
    bins = np.searchsorted(edges, highest)
    counts = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            np.bincount(bins, confidence, n_bins) / counts, np.bincount(bins, right, n_bins) / counts, counts
        )


def expected_calibration_error(labels: npt.ArrayLike, probabilities: npt.ArrayLike, n_bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over bins of confidence, weighted by their counts.

    Arguments and errors are those of :func:`reliability`. In [0, 1], 0 for perfect calibration;
    biased upwards when bins hold few elements (Guo et al. 2017, section 2).

    Examples
    --------
    >>> round(expected_calibration_error([0, 1], [[0.9, 0.1], [0.9, 0.1]]), 4)
    0.4
    """
    bins = reliability(labels, probabilities, n_bins)
    gaps = np.abs(bins.accuracy - bins.confidence) * bins.counts
    return float(np.nansum(gaps) / bins.counts.sum())


def _checked(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[IntArray, FloatArray]:
    """Labels (N,) and probabilities (N, K) of the elements that count."""
    distributions = as_array("probabilities", probabilities)
    if distributions.ndim == 0:
        raise ValueError("probabilities: expected a class axis, got a single number")
    n_classes = distributions.shape[-1]
    ids = as_integer_array("labels", labels, low=0, high=n_classes, ignore=IGNORE)
    if ids.shape != distributions.shape[:-1]:
        raise ValueError(
            f"labels: expected shape {distributions.shape[:-1]} (probabilities of shape "
            f"{distributions.shape} without the last axis), got {ids.shape}"
        )
    counted = counted_elements(ids, n_classes)
    return ids[counted], as_probabilities("probabilities", distributions[counted])[0]
