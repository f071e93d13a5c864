"""Fixed rules that make one prediction of several: the vote and the two means.

Kittler, Hatef, Duin and Matas 1998, *On Combining Classifiers*, compares these rules.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from course_utils._arguments import (
    FloatArray,
    IntArray,
    as_count,
    as_integer_array,
    as_probabilities,
    as_stack,
    as_weights,
    require_kind,
    require_within,
)
from course_utils.softmax import softmax

__all__ = ["average_probabilities", "majority_vote", "majority_vote_accuracy"]


def majority_vote_accuracy(n_voters: int, accuracy: float) -> float:
    """Probability that the majority of independent voters, all equally good, is right.

    Parameters
    ----------
    n_voters : int
        1 or more. With an even number, half of the ties count as right.
    accuracy : float
        Probability in [0, 1] that one voter is right. Those who are wrong all name the same
        wrong answer, as they must when there are two.

    Returns
    -------
    float
        In [0, 1]. One voter more than an odd number changes nothing.

    Raises
    ------
    ValueError
        If ``n_voters`` is not an integer of 1 or more or ``accuracy`` lies outside [0, 1].

    Notes
    -----
    Condorcet 1785. With m = ⌈n_voters / 2⌉ the upper half of the binomial distribution is the
    regularised incomplete beta function I_accuracy(m, m) (*NIST Handbook of Mathematical
    Functions*, 8.17.5), which needs no sum and does not overflow for a million voters.

    Examples
    --------
    >>> round(majority_vote_accuracy(3, 0.7), 6), round(majority_vote_accuracy(4, 0.7), 6)
    (0.784, 0.784)
    """
    half = (as_count("n_voters", n_voters) + 1) // 2
    return float(betainc(half, half, require_within("accuracy", accuracy, 0, 1)))


def majority_vote(labels: npt.ArrayLike, n_classes: int) -> IntArray:
    """Class that most models name, element by element; of equal counts the lowest id.

    Parameters
    ----------
    labels : (M, …) int
        The class ids that M models predict, M ≥ 1, each in 0 .. n_classes − 1.
    n_classes : int
        1 or more.

    Returns
    -------
    (…) int
        In the dtype of ``labels``. The most frequent class need not have more than half of the
        votes (the field calls this a plurality vote too).

    Raises
    ------
    ValueError
        For labels that are not integers or out of range, models whose shapes differ, or no model.

    Examples
    --------
    >>> majority_vote([[2, 0, 1], [2, 1, 0], [1, 2, 0]], n_classes=3)
    array([2, 0, 0])
    """
    classes = as_count("n_classes", n_classes)
    ids = as_integer_array("labels", as_stack("labels", labels), low=0, high=classes)
    winner = np.zeros(ids.shape[1:], ids.dtype)
    most = np.zeros(ids.shape[1:], np.intp)
    # Class by class, so that memory does not grow with their number.
    for class_id in range(int(ids.max(initial=0)) + 1):
        votes = np.count_nonzero(ids == class_id, axis=0)
        ahead = np.asarray(votes > most)
        winner[ahead] = class_id
        most[ahead] = np.asarray(votes)[ahead]
    return winner


def average_probabilities(
    probabilities: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    kind: Literal["arithmetic", "geometric"] = "arithmetic",
) -> FloatArray:
    """Mean of the distributions that several models predict.

    Parameters
    ----------
    probabilities : (M, …, K) float
        Distributions of M models along the last axis.
    weights : (M,) float, optional
        Equal if not given; divided by their sum, which must be above 0. One may be negative (a
        regression can fit such a weight) if the mean is arithmetic and stays a distribution.
    kind : "arithmetic" | "geometric"
        The geometric mean, divided by its sum over the classes, is the softmax of the weighted
        mean of the logits. One model that gives a class 0 vetoes it there.

    Returns
    -------
    (…, K) float
        Distributions along the last axis.

    Raises
    ------
    ValueError
        For values that are no distributions, models whose shapes differ, weights that do not fit,
        a mean that falls below 0, or models that together veto every class.

    Examples
    --------
    >>> average_probabilities([[0.9, 0.1], [0.5, 0.5]]).round(3)
    array([0.7, 0.3])
    >>> average_probabilities([[0.9, 0.1], [0.5, 0.5]], kind="geometric").round(3)
    array([0.75, 0.25])
    """
    rule = require_kind(kind, ("arithmetic", "geometric"))
    stack = as_stack("probabilities", probabilities)
    if stack.ndim < 2:
        raise ValueError(f"probabilities: expected shape (M, …, K), got {stack.shape}")
    distributions, _ = as_probabilities("probabilities", stack)
    shares = as_weights("weights", weights, len(distributions)).astype(distributions.dtype)
    if rule == "arithmetic":
        mean = np.tensordot(shares, distributions, axes=1)
        if (mean < 0).any():
            raise ValueError(
                f"weights: with {shares.tolist()} the mean falls to {mean.min():.4g}, which is no probability"
            )
        return np.asarray(mean)
    if (shares < 0).any():
        raise ValueError(f"weights: the geometric mean needs 0 or more, got {shares.tolist()}")
    used = shares > 0  # a model of weight 0 must not veto: 0 · ln 0 is NaN
    with np.errstate(divide="ignore"):
        logarithms = np.tensordot(shares[used], np.log(distributions[used]), axes=1)
    vetoed = np.isneginf(logarithms).all(axis=-1)
    if vetoed.any():
        index = tuple(int(i) for i in np.argwhere(vetoed)[0])
        raise ValueError(f"probabilities: at index {index} every class has probability 0 in some model")
    return softmax(logarithms)
