"""Soft attention: a weight for every key, and the mean of the values under these weights."""

import numpy as np
import numpy.typing as npt

from course_utils._arguments import FloatArray
from course_utils.attention._inputs import as_values, checked_inputs, masked_scores, reached

__all__ = ["attention", "attention_weights", "weights_of_scores"]


def attention_weights(
    queries: npt.ArrayLike,
    keys: npt.ArrayLike,
    mask: npt.ArrayLike | None = None,
    scale: float | None = None,
) -> FloatArray:
    """Softmax over the keys of ``scale * queries @ keysᵀ``.

    Parameters
    ----------
    queries : (…, n, d) array_like of float
    keys : (…, m, d) array_like of float
    mask : array_like of bool, optional
        Broadcasts to (…, n, m); true where the query may see the key.
    scale : float, optional
        A finite number; 1/√d by default.

    Returns
    -------
    (…, n, m) float
        In [0, 1]. A row sums to 1; one that may see no key is all 0.

    Raises
    ------
    ValueError
        For shapes that do not fit, NaN, d = 0, a mask that is not boolean, scores that no floating-point number
        holds, or an infinite entry that makes a score +inf or NaN.

    Notes
    -----
    Vaswani et al. 2017, *Attention Is All You Need*, section 3.2.1. Dtypes, infinite entries and empty axes: see
    :mod:`course_utils.attention`.

    Examples
    --------
    >>> attention_weights([[np.log(3.0)]], [[1.0], [0.0]])
    array([[0.75, 0.25]])
    >>> attention_weights([[1.0], [1.0]], [[1e30], [1e30]], mask=[[True, True], [False, False]])
    array([[0.5, 0.5], [0. , 0. ]])
    """
    inputs = checked_inputs(queries, keys, mask, scale)
    return weights_of_scores(masked_scores(inputs)).astype(inputs.dtype, copy=False)


def attention(
    queries: npt.ArrayLike,
    keys: npt.ArrayLike,
    values: npt.ArrayLike,
    mask: npt.ArrayLike | None = None,
    scale: float | None = None,
) -> FloatArray:
    """Mean of the values for each query, weighted by :func:`attention_weights`.

    Parameters
    ----------
    queries, keys, mask, scale
        As in :func:`attention_weights`.
    values : (…, m, v) array_like of float
        One row a key. −inf reaches the queries that may see its key.

    Returns
    -------
    (…, n, v) float
        Between the smallest and the largest value that the query may see; 0 where it may see none.

    Raises
    ------
    ValueError
        As :func:`attention_weights`, and for values with NaN, +inf or another number of rows than keys.

    Notes
    -----
    Vaswani et al. 2017, *Attention Is All You Need*, equation 1. It holds all n × m weights at once;
    :func:`~course_utils.attention.blockwise_attention` does not.

    Examples
    --------
    >>> attention([[np.log(3.0)]], [[1.0], [0.0]], [[4.0, 0.0], [0.0, 8.0]])
    array([[3., 2.]])
    """
    rows = as_values(values)
    inputs = checked_inputs(queries, keys, mask, scale, rows)
    scores = masked_scores(inputs)
    dtype = np.result_type(inputs.dtype, rows)
    working = np.promote_types(scores.dtype, dtype)
    infinite = np.isneginf(rows)
    lost = reached(scores, infinite) if infinite.any() else False
    mean = weights_of_scores(scores) @ np.where(infinite, 0, rows).astype(working, copy=False)
    return np.where(lost, -np.inf, mean).astype(dtype, copy=False)


def weights_of_scores(scores: FloatArray) -> FloatArray:
    """Softmax along the last axis, in which −inf hides a key and a row without a key is all 0; in place."""
    top = scores.max(axis=-1, keepdims=True, initial=-np.inf)
    with np.errstate(over="ignore"):  # a difference beyond the dtype's range is −inf: weight 0
        scores -= np.where(np.isneginf(top), 0, top)
    np.exp(scores, out=scores)
    total = scores.sum(axis=-1, keepdims=True)
    scores /= np.where(total > 0, total, 1)
    return scores
