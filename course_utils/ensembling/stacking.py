"""Rules that are learnt: the weights of models, and the predictions they may be learnt from."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import logsumexp

from course_utils._arguments import (
    IGNORE,
    FloatArray,
    IntArray,
    as_array,
    as_count,
    as_integer_array,
    as_probabilities,
    as_stack,
    counted_elements,
    require_kind,
    require_positive,
)
from course_utils.softmax import log_softmax, softmax

__all__ = ["fit_weights", "out_of_fold_probabilities"]

FitPredict = Callable[[npt.NDArray[Any], IntArray, npt.NDArray[Any]], npt.ArrayLike]


def fit_weights(
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    kind: Literal["softmax", "ridge"] = "softmax",
    alpha: float = 1.0,
) -> FloatArray:
    """Weights of models, fitted to predictions on samples that the models have not seen.

    Parameters
    ----------
    probabilities : (M, …, K) float
        Distributions of M models along the last axis, held out or out of fold: on their own
        training samples the model that remembers most wins.
    labels : (…) int
        True class ids; 255 is left out.
    kind : "softmax" | "ridge"
        "softmax": w = softmax(θ), the weights of 0 or more and sum 1 whose arithmetic mean has the
        smallest negative log-likelihood. "ridge": minimises the squared distance between Σ w p and
        the one-hot truth plus ``alpha`` Σ w², without an intercept; such weights may be negative
        and need not sum to 1.
    alpha : float
        Above 0, the penalty of "ridge"; "softmax" does not use it.

    Returns
    -------
    (M,) float64
        To be handed to :func:`average_probabilities`.

    Raises
    ------
    ValueError
        For values that are no distributions, shapes that do not fit, labels out of range, no
        element that counts, or, with "softmax", an element to whose true class no model gives a
        probability above 0 (every weighting then costs +inf).

    Notes
    -----
    The first is linear opinion pooling fitted by likelihood; its loss is convex in w. The second is
    the stacked regression of Breiman 1996, *Stacked Regressions*, with an L2 penalty.

    Examples
    --------
    >>> good, bad = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]
    >>> fit_weights([good, bad], [0, 1, 0]).round(3)
    array([1., 0.])
    """
    rule = require_kind(kind, ("softmax", "ridge"))
    penalty = require_positive("alpha", alpha)
    predictions, ids = _flat(probabilities, labels)
    samples = np.arange(len(ids))
    if rule == "ridge":
        truth = np.zeros(predictions.shape[1:])
        truth[samples, ids] = 1
        columns = predictions.reshape(len(predictions), -1).T.astype(np.float64)
        gram = columns.T @ columns + penalty * np.eye(len(predictions))
        return np.asarray(np.linalg.solve(gram, columns.T @ truth.ravel()))
    return _most_likely(predictions[:, samples, ids].astype(np.float64))


def out_of_fold_probabilities(
    fit_predict: FitPredict, x: npt.ArrayLike, y: npt.ArrayLike, n_folds: int, seed: int
) -> FloatArray:
    """Predictions for every sample by a model that has not seen it.

    The samples are dealt into folds; the model is fitted ``n_folds`` times, each time without one
    fold, and predicts that fold.

    Parameters
    ----------
    fit_predict : callable
        ``fit_predict(x_train, y_train, x_test)`` fits a fresh model and returns (n_test, K)
        distributions, with a column for every class id.
    x : (N, …) array_like
        One row a sample.
    y : (N,) int
        Class ids, 0 or more.
    n_folds : int
        2 or more, and no more than the samples of the rarest class.
    seed : int
        Decides the folds: each holds the classes in proportion (to less than one sample a class).

    Returns
    -------
    (N, K) float
        In the order of ``x``.

    Raises
    ------
    ValueError
        If a class has fewer samples than there are folds, ``x`` and ``y`` differ in length, or
        ``fit_predict`` returns another shape or values that are no distributions.

    Notes
    -----
    Wolpert 1992, *Stacked Generalization*: what the second level learns from.

    Examples
    --------
    >>> def shares(x_train, y_train, x_test):
    ...     return np.tile(np.bincount(y_train) / len(y_train), (len(x_test), 1))
    >>> out_of_fold_probabilities(shares, np.zeros((4, 1)), [0, 0, 1, 1], n_folds=2, seed=0)
    array([[0.5, 0.5],
           [0.5, 0.5],
           [0.5, 0.5],
           [0.5, 0.5]])
    """
    samples = as_array("x", x)
    ids = as_integer_array("y", y, low=0, high=np.iinfo(np.int64).max)
    if ids.ndim != 1 or samples.ndim == 0 or len(samples) != len(ids):
        raise ValueError(
            f"y: expected one class id a row of x, got shapes {samples.shape} (x) and {ids.shape} (y)"
        )
    folds = _deal(ids, as_count("n_folds", n_folds, low=2), np.random.default_rng(as_count("seed", seed, low=0)))

    result: FloatArray = np.empty((0, 0))
    for fold in range(n_folds):
        test = folds == fold
        name = f"fit_predict, fold {fold}"
        predicted, _ = as_probabilities(name, fit_predict(samples[~test], ids[~test], samples[test]), rank=2)
        if len(predicted) != test.sum() or predicted.shape[1] <= ids.max():
            raise ValueError(
                f"{name}: expected shape ({test.sum()}, K) with K above {ids.max()}, got {predicted.shape}"
            )
        if fold == 0:
            result = np.empty((len(ids), predicted.shape[1]), predicted.dtype)
        if predicted.shape[1] != result.shape[1]:
            raise ValueError(f"{name}: expected {result.shape[1]} classes as before, got {predicted.shape[1]}")
        result[test] = predicted
    return result


def _flat(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[FloatArray, IntArray]:
    """Predictions (M, N, K) and labels (N,) of the elements that count."""
    stack = as_stack("probabilities", probabilities)
    if stack.ndim < 2:
        raise ValueError(f"probabilities: expected shape (M, …, K), got {stack.shape}")
    n_classes = stack.shape[-1]
    ids = as_integer_array("labels", labels, low=0, high=n_classes, ignore=IGNORE)
    if ids.shape != stack.shape[1:-1]:
        raise ValueError(
            f"labels: expected shape {stack.shape[1:-1]} (probabilities of shape "
            f"{stack.shape} without the first and the last axis), got {ids.shape}"
        )
    counted = counted_elements(ids, n_classes)
    return as_probabilities("probabilities", stack[:, counted])[0], ids[counted]


def _most_likely(likelihoods: FloatArray) -> FloatArray:
    """Weights on the simplex that maximise Σ ln Σ w p, for p of shape (M, N).

    In θ every stationary point is a global minimum, because the loss is convex in w = softmax(θ).
    """
    impossible = np.flatnonzero((likelihoods == 0).all(axis=0))
    if len(impossible):
        raise ValueError(
            f"probabilities: every model gives the true class of {len(impossible)} elements "
            f"probability 0 (the first is number {impossible[0]}), so every weighting costs inf"
        )

    with np.errstate(divide="ignore"):
        logarithms = np.log(likelihoods)

    # With logarithms throughout, no step of the search, however long, ends at the logarithm of 0.
    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        joint = log_softmax(theta)[:, np.newaxis] + logarithms
        responsibilities = softmax(joint, axis=0)
        return -float(logsumexp(joint, axis=0).mean()), softmax(theta) - responsibilities.mean(axis=1)

    found = minimize(loss, np.zeros(len(likelihoods)), jac=True, method="BFGS", options={"gtol": 1e-9})
    return softmax(found.x)


def _deal(ids: IntArray, n_folds: int, rng: np.random.Generator) -> IntArray:
    """Fold of each sample. Classes are dealt one after another, so that folds differ by one in size."""
    classes, counts = np.unique(ids, return_counts=True)
    if len(classes) == 0 or counts.min() < n_folds:
        rarest = f"class {classes[counts.argmin()]} has {counts.min()}" if len(classes) else "there are none"
        raise ValueError(f"n_folds: expected {n_folds} samples or more of every class, but {rarest}")
    order = np.concatenate([rng.permutation(np.flatnonzero(ids == c)) for c in classes])
    folds = np.empty(len(ids), np.intp)
    folds[order] = rng.permutation(n_folds)[np.arange(len(ids)) % n_folds]
    return folds
