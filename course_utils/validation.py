"""Checks of arguments that several modules share.

Each function returns its argument as a NumPy value ready for use, or raises a ``ValueError`` that
names the argument, what came and what was expected. Nothing is clipped, squeezed or repaired.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "IGNORE",
    "as_class_scores",
    "as_float_array",
    "as_integer_array",
    "as_probabilities",
    "normalise_axis",
    "require_finite",
    "require_positive",
    "require_within",
]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]

# The id of pixels that no loss and no metric counts.
IGNORE = 255

# How far a distribution may miss a sum of 1: far above float32 rounding, far below a real mistake.
SUM_TOLERANCE = 1e-3


def as_float_array(name: str, value: npt.ArrayLike, *, rank: int | None = None) -> FloatArray:
    """Return real numbers as a floating-point array, without NaN.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : array_like
        Real numbers. Floating-point arrays keep their dtype, integers become float64.
    rank : int, optional
        The number of axes to insist on.

    Raises
    ------
    ValueError
        If the values are not real numbers, hold NaN, or have another rank.

    Examples
    --------
    >>> as_float_array("sigma", [1, 2])
    array([1., 2.])
    """
    try:
        array = np.asarray(value)
    except ValueError as error:  # a ragged list
        raise ValueError(f"{name}: expected a rectangular array of numbers, got {value!r}") from error
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name}: expected real numbers, got dtype {array.dtype}")
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    if rank is not None and array.ndim != rank:
        raise ValueError(f"{name}: expected rank {rank}, got shape {array.shape}")
    missing = np.isnan(array)
    if missing.any():
        raise ValueError(
            f"{name}: {int(missing.sum())} of {array.size} values are NaN, "
            f"the first at index {_first_index(missing)}"
        )
    return array


def as_integer_array(
    name: str, value: npt.ArrayLike, *, low: int, high: int, ignore: int | None = None
) -> IntArray:
    """Return integers that all lie in ``low .. high - 1`` (or equal ``ignore``).

    Raises
    ------
    ValueError
        If the dtype is not an integer one or a value lies outside the range.

    Examples
    --------
    >>> as_integer_array("labels", [0, 2], low=0, high=3)
    array([0, 2])
    """
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name}: expected integers, got dtype {array.dtype}")
    outside = (array < low) | (array >= high)
    if ignore is not None:
        outside &= array != ignore
    if outside.any():
        index = _first_index(outside)
        allowed = f"{low} to {high - 1}" + ("" if ignore is None else f", or {ignore} (ignored)")
        raise ValueError(f"{name}: expected {allowed}, got {array[index]} at index {index}")
    return array


def as_class_scores(name: str, value: npt.ArrayLike, axis: int) -> tuple[FloatArray, int]:
    """Return scores with a usable class axis, and that axis counted from the front.

    A score of −inf masks its class. +inf, NaN and a position at which every class is masked have
    no meaning and raise.

    Examples
    --------
    >>> as_class_scores("logits", [[0.0, -np.inf]], axis=-1)
    (array([[  0., -inf]]), 1)
    """
    scores = as_float_array(name, value)
    axis = normalise_axis(axis, scores.shape, of=name)
    if scores.shape[axis] == 0:
        raise ValueError(f"{name}: axis {axis} holds no class, shape {scores.shape}")
    if np.isposinf(scores).any():
        raise ValueError(f"{name}: +inf at index {_first_index(np.isposinf(scores))}")
    masked = np.isneginf(scores).all(axis=axis)
    if masked.any():
        raise ValueError(f"{name}: every class is masked (−inf along axis {axis}) at index {_first_index(masked)}")
    return scores, axis


def as_probabilities(
    name: str, value: npt.ArrayLike, axis: int = -1, *, rank: int | None = None
) -> tuple[FloatArray, int]:
    """Return distributions along an axis, and that axis counted from the front.

    Raises
    ------
    ValueError
        If a value is negative or a sum along the axis misses 1 by more than 0.001.

    Examples
    --------
    >>> as_probabilities("p", [0.25, 0.75])
    (array([0.25, 0.75]), 0)
    """
    probabilities = as_float_array(name, value, rank=rank)
    axis = normalise_axis(axis, probabilities.shape, of=name)
    if (probabilities < 0).any():
        index = _first_index(probabilities < 0)
        raise ValueError(f"{name}: expected values of 0 or more, got {probabilities[index]} at index {index}")
    totals = probabilities.sum(axis=axis, dtype=np.float64)
    off = ~(np.abs(totals - 1) <= SUM_TOLERANCE)  # written so that a sum of inf is off too
    if off.any():
        index = _first_index(off)
        raise ValueError(f"{name}: expected sums of 1 along axis {axis}, got {totals[index]:.4g} at index {index}")
    return probabilities, axis


def normalise_axis(axis: int, shape: tuple[int, ...], *, of: str) -> int:
    """Return ``axis`` counted from the front.

    Examples
    --------
    >>> normalise_axis(-1, (2, 3), of="logits")
    1
    """
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        raise ValueError(f"axis: expected an integer, got {axis!r}")
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"axis: {axis} is out of range for {of} of shape {shape}")
    return int(axis) % len(shape)


def require_positive(name: str, value: float) -> float:
    """Return a finite number above 0.

    Examples
    --------
    >>> require_positive("sigma", 2)
    2.0
    """
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected a number above 0, got {value!r}") from error
    if not (np.isfinite(number) and number > 0):
        raise ValueError(f"{name}: expected a finite number above 0, got {value!r}")
    return number


def require_finite(name: str, array: FloatArray) -> FloatArray:
    """Return an array that holds no infinite value and no NaN.

    Examples
    --------
    >>> require_finite("field", np.zeros(2))
    array([0., 0.])
    """
    infinite = ~np.isfinite(array)
    if infinite.any():
        index = _first_index(infinite)
        raise ValueError(f"{name}: expected finite numbers, got {array[index]} at index {index}")
    return array


def require_within(name: str, value: float, low: float, high: float) -> float:
    """Return a finite number from ``low`` to ``high``, both included (``high`` may be inf).

    Examples
    --------
    >>> require_within("keep_ratio", 0.5, 0, 1)
    0.5
    """
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected a number, got {value!r}") from error
    if not (np.isfinite(number) and low <= number <= high):
        raise ValueError(f"{name}: expected a finite number from {low:g} to {high:g}, got {value!r}")
    return number


def _first_index(where: npt.ArrayLike) -> tuple[int, ...]:
    """Index of the first True, as plain integers."""
    return tuple(int(i) for i in np.argwhere(where)[0])
