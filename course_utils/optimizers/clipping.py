"""Gradients cut to a largest size: by value, each array by its norm, or all by their common norm."""

import numpy as np

from course_utils._arguments import FloatArray, as_float_array, require_finite, require_positive
from course_utils.optimizers._collections import Arrays, Collection, member, put_together, taken_apart

__all__ = ["clip_by_global_norm", "clip_by_norm", "clip_by_value", "global_norm"]


def clip_by_value(gradients: Collection, limit: float) -> Collection:
    """Cut every component to the range from −limit to limit; the direction changes.

    Parameters
    ----------
    gradients : list or dict of arrays
        Finite, of any shapes.
    limit : float
        Above 0.

    Returns
    -------
    list or dict of arrays
        New ones, in the same form.

    Raises
    ------
    ValueError
        For what is not finite, or a limit that is not above 0.

    Examples
    --------
    >>> clip_by_value([np.array([3.0, -0.5])], 1.0)
    [array([ 1. , -0.5])]
    """
    bound = require_positive("limit", limit)
    arrays = _as_gradients(gradients)
    with np.errstate(over="ignore"):  # a limit beyond float16 cuts nothing
        return put_together(gradients, {k: np.asarray(np.clip(a, -bound, bound)) for k, a in arrays.items()})


def clip_by_norm(gradients: Collection, limit: float) -> Collection:
    """Scale each array down to the norm ``limit`` where it has a larger one.

    Each array keeps its direction; all together change theirs, as their ratios change.

    Parameters
    ----------
    gradients, limit
        As in :func:`clip_by_value`.

    Returns
    -------
    list or dict of arrays

    Raises
    ------
    ValueError
        As in :func:`clip_by_value`.

    Examples
    --------
    >>> clip_by_norm([np.array([3.0, 4.0]), np.array([0.1])], 1.0)
    [array([0.6, 0.8]), array([0.1])]
    """
    bound = require_positive("limit", limit)
    arrays = _as_gradients(gradients)
    return put_together(gradients, {k: _scaled(a, _norm({k: a}), bound) for k, a in arrays.items()})


def clip_by_global_norm(gradients: Collection, limit: float) -> Collection:
    """Scale all arrays by one factor so that their common norm is ``limit`` at most; the direction stays.

    Parameters
    ----------
    gradients, limit
        As in :func:`clip_by_value`.

    Returns
    -------
    list or dict of arrays

    Raises
    ------
    ValueError
        As in :func:`clip_by_value`.

    Notes
    -----
    Pascanu, Mikolov and Bengio 2013 (arXiv:1211.5063), section 3.2.

    Examples
    --------
    >>> clip_by_global_norm([np.array([3.0]), np.array([4.0])], 1.0)
    [array([0.6]), array([0.8])]
    """
    bound = require_positive("limit", limit)
    arrays = _as_gradients(gradients)
    norm = _norm(arrays)
    return put_together(gradients, {k: _scaled(a, norm, bound) for k, a in arrays.items()})


def global_norm(gradients: Collection) -> float:
    """The Euclidean norm of all components of all arrays together; 0 if there is none.

    Parameters
    ----------
    gradients : list or dict of arrays
        Finite, of any shapes.

    Raises
    ------
    ValueError
        For what is not finite.

    Examples
    --------
    >>> global_norm({"w": np.array([3.0]), "b": np.array(4.0)})
    5.0
    """
    return _norm(_as_gradients(gradients))


def _as_gradients(gradients: Collection) -> Arrays:
    arrays = {}
    for key, value in taken_apart("gradients", gradients).items():
        name = member("gradients", key)
        arrays[key] = require_finite(name, as_float_array(name, value))
    return arrays


def _norm(arrays: Arrays) -> float:
    # Measured in units of the largest component: squares of 1e30 overflow in float32, of 1e200 in float64.
    largest = max((float(np.abs(a).max()) for a in arrays.values() if a.size), default=0.0)
    if largest == 0:
        return 0.0
    return largest * float(
        np.sqrt(sum(float(np.sum((a / largest) ** 2, dtype=np.float64)) for a in arrays.values()))
    )


def _scaled(array: FloatArray, norm: float, bound: float) -> FloatArray:
    return np.asarray(array.copy() if norm <= bound else array * (bound / norm))
