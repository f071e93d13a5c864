"""Checks of arguments that several modules share.

Each function returns its argument as a NumPy value ready for use, or raises a ``ValueError`` that
names the argument, what came and what was expected. Nothing is clipped, squeezed or repaired: booleans,
text and complex numbers are no numbers, and a masked array is refused, because NumPy's functions
would count what it hides.
"""

import reprlib
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "IGNORE",
    "as_array",
    "as_boxes",
    "as_class_scores",
    "as_comparable",
    "as_count",
    "as_float_array",
    "as_integer",
    "as_integer_array",
    "as_number",
    "as_probabilities",
    "as_stack",
    "as_weights",
    "counted_elements",
    "normalise_axis",
    "require_finite",
    "require_generator",
    "require_kind",
    "require_positive",
    "require_within",
    "shown",
]

FloatArray = npt.NDArray[np.floating[Any]]
Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.integer[Any]]

# The id of pixels that no loss and no metric counts.
IGNORE = 255

# How far a distribution may miss a sum of 1: far above float32 rounding, far below a real mistake.
SUM_TOLERANCE = 1e-3


def as_array(name: str, value: Any) -> npt.NDArray[Any]:
    """Return an array of any dtype: no ragged list and, at no depth of a list, a masked array.

    Raises
    ------
    ValueError
        For these two. A masked array says what to do with what it hides by ``filled`` (with 255,
        if these are labels) or ``compressed``, and only its owner knows which.

    Examples
    --------
    >>> as_array("mask", [[True, False]])
    array([[ True, False]])
    >>> as_array("values", np.ma.array([1, 2, 999], mask=[0, 0, 1]))
    Traceback (most recent call last):
    ValueError: values: expected an array without a mask, got a masked one: call its filled() or compressed() first
    """
    if any(issubclass(kind, np.ma.MaskedArray) for kind in _types(value)):
        raise ValueError(
            f"{name}: expected an array without a mask, got a masked one: call its filled() or compressed() first"
        )
    try:
        return np.asarray(value)
    except (NotImplementedError, TypeError, ValueError) as error:  # a ragged list, a symbolic tensor
        raise ValueError(f"{name}: expected a rectangular array, got {shown(value)}") from error


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
    array = as_array(name, value)
    if array.dtype.kind not in "fiu" or _holds_boolean(value):
        what = f"a boolean in {shown(value)}" if array.dtype.kind in "fiu" else f"dtype {array.dtype}"
        raise ValueError(f"{name}: expected real numbers, got {what}")
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
    array = as_array(name, value)
    if array.dtype.kind not in "iu" or _holds_boolean(value):
        what = f"a boolean in {shown(value)}" if array.dtype.kind in "iu" else f"dtype {array.dtype}"
        raise ValueError(f"{name}: expected integers, got {what}")
    outside = (array < as_comparable(low, array)) | (array >= as_comparable(high, array))
    if ignore is not None:
        outside &= array != as_comparable(ignore, array)
    if outside.any():
        index = _first_index(outside)
        allowed = f"{low} to {high - 1}" + ("" if ignore is None else f", or {ignore} (ignored)")
        raise ValueError(f"{name}: expected {allowed}, got {array[index]} at index {index}")
    return array


def as_comparable(number: int, array: IntArray) -> float:
    """Return what stands for ``number`` in a comparison with an integer array of any dtype and memory order.

    That is the number itself where the dtype holds it, and ±inf beyond: every comparison has the same result.
    NumPy 2.1 ends the process when it compares an array that is not contiguous with a Python integer that the
    array's dtype does not hold (``np.zeros((4, 3), np.uint8)[::-1] >= 256``).

    Examples
    --------
    >>> labels = np.array([[0, 100], [0, 3]], np.int8)[::-1]
    >>> (labels == as_comparable(3, labels)).tolist(), (labels < as_comparable(255, labels)).tolist()
    ([[False, True], [False, False]], [[True, True], [True, True]])
    """
    limits = np.iinfo(array.dtype)
    if number > limits.max:
        return np.inf
    return number if number >= limits.min else -np.inf


def counted_elements(labels: IntArray, n_classes: int) -> npt.NDArray[np.bool_]:
    """Tell which labels count: all but those of 255, which is a class only where there are more than 255.

    Raises
    ------
    ValueError
        If none counts.

    Examples
    --------
    >>> counted_elements(np.array([0, 255]), n_classes=2)
    array([ True, False])
    """
    counted = (
        np.ones(labels.shape, bool) if n_classes > IGNORE else np.asarray(labels != as_comparable(IGNORE, labels))
    )
    if not counted.any():
        raise ValueError(f"labels: no element counts (shape {labels.shape}, all {IGNORE} or none at all)")
    return counted


def as_boxes(name: str, value: npt.ArrayLike) -> FloatArray:
    """Return (N, 4) boxes as x_min, y_min, x_max, y_max, all finite and none crossed; N may be 0.

    float32 and float64 keep their dtype, float16 becomes float32, integers become float64. ``[]`` is no box.

    Examples
    --------
    >>> as_boxes("boxes", [[0, 0, 2, 1]])
    array([[0., 0., 2., 1.]])
    >>> as_boxes("boxes", []).shape
    (0, 4)
    """
    boxes = as_float_array(name, value)
    if boxes.dtype == np.float16:
        boxes = boxes.astype(np.float32)
    if boxes.shape == (0,):
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{name}: expected shape (N, 4), got {boxes.shape}")
    require_finite(name, boxes)
    crossed = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    if crossed.any():
        index = _first_index(crossed)[0]
        raise ValueError(
            f"{name}: expected x_min ≤ x_max and y_min ≤ y_max, got {boxes[index].tolist()} at index {index}"
        )
    return boxes


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


def as_count(name: str, value: int, *, low: int = 1, high: int | None = None) -> int:
    """Return an integer of ``low`` or more, and of ``high`` or less where that is given.

    Examples
    --------
    >>> as_count("n_voters", 3)
    3
    """
    allowed = f"of {low} or more" if high is None else f"from {low} to {high}"
    number = as_integer(name, value, f"an integer {allowed}")
    if number < low or (high is not None and number > high):
        raise ValueError(f"{name}: expected an integer {allowed}, got {number}")
    return number


def as_integer(name: str, value: int, expected: str = "an integer") -> int:
    """Return a single integer; ``True`` is none.

    Examples
    --------
    >>> as_integer("axis", np.int64(-1))
    -1
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name}: expected {expected}, got {shown(value)}")
    return int(value)


def as_number(name: str, value: float, expected: str = "a real number") -> float:
    """Return a single real number, from an array or a tensor of rank 0 too; it may be NaN or infinite.

    Raises
    ------
    ValueError
        For anything else: booleans, text and complex numbers among it.

    Examples
    --------
    >>> as_number("sigma", np.float32(0.5))
    0.5
    >>> as_number("sigma", "4")
    Traceback (most recent call last):
    ValueError: sigma: expected a real number, got '4'
    """
    number: Any = value
    if not isinstance(value, Real):
        array = as_array(name, value)
        number = array[()] if array.ndim == 0 and array.dtype.kind in "fiu" else None
    if number is None or isinstance(number, bool):
        raise ValueError(f"{name}: expected {expected}, got {shown(value)}")
    try:
        return float(number)
    except OverflowError:  # an integer beyond every float
        return float("inf") if number > 0 else float("-inf")


def as_stack(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return M ≥ 1 arrays of one shape as one array with M in front; their content is not looked at.

    Examples
    --------
    >>> as_stack("labels", [[0, 1], [1, 1]]).shape
    (2, 2)
    """
    if isinstance(values, (list, tuple)):
        shapes = list(dict.fromkeys(as_array(name, value).shape for value in values))
        if len(shapes) > 1:
            raise ValueError(f"{name}: expected {len(values)} arrays of one shape, got {shown(shapes)}")
    array = as_array(name, values)
    if array.ndim == 0 or len(array) == 0:
        raise ValueError(
            f"{name}: expected one array or more, stacked along the first axis, got shape {array.shape}"
        )
    return array


def as_weights(name: str, weights: npt.ArrayLike | None, count: int) -> FloatArray:
    """Return ``count`` finite weights divided by their sum; equal ones for None.

    Examples
    --------
    >>> as_weights("weights", [3, 1], 2)
    array([0.75, 0.25])
    """
    if weights is None:
        return np.full(count, 1 / count)
    values = as_float_array(name, weights).astype(np.float64)
    if values.shape != (count,):
        raise ValueError(f"{name}: expected shape ({count},), one a model or image, got {values.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum()
    if not (np.isfinite(total) and total > 0):
        raise ValueError(f"{name}: expected finite values of a sum above 0, got {values.tolist()}")
    return np.asarray(values / total)


def normalise_axis(axis: int, shape: tuple[int, ...], *, of: str) -> int:
    """Return ``axis`` counted from the front.

    Examples
    --------
    >>> normalise_axis(-1, (2, 3), of="logits")
    1
    """
    place = as_integer("axis", axis)
    if not -len(shape) <= place < len(shape):
        raise ValueError(f"axis: {place} is out of range for {of} of shape {shape}")
    return place % len(shape)


def require_kind(value: str, allowed: tuple[str, ...], *, name: str = "kind") -> str:
    """Return an option that is one of those allowed.

    Examples
    --------
    >>> require_kind("mean", ("mean", "max"))
    'mean'
    """
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name}: expected one of {list(allowed)}, got {shown(value)}")
    return value


def require_generator(rng: np.random.Generator, name: str = "rng") -> np.random.Generator:
    """Return a NumPy generator: a seed or None is not one.

    Examples
    --------
    >>> require_generator(7)
    Traceback (most recent call last):
    ValueError: rng: expected a numpy.random.Generator, such as np.random.default_rng(0), got 7
    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"{name}: expected a numpy.random.Generator, such as np.random.default_rng(0), got {shown(rng)}"
        )
    return rng


def require_positive(name: str, value: float) -> float:
    """Return a finite number above 0.

    Examples
    --------
    >>> require_positive("sigma", 2)
    2.0
    """
    number = as_number(name, value, "a finite number above 0")
    if not (np.isfinite(number) and number > 0):
        raise ValueError(f"{name}: expected a finite number above 0, got {shown(value)}")
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
    expected = f"a finite number from {low:g} to {high:g}"
    number = as_number(name, value, expected)
    if not (np.isfinite(number) and low <= number <= high):
        raise ValueError(f"{name}: expected {expected}, got {shown(value)}")
    return number


def shown(value: object) -> str:
    """Return a value as a message can hold it: on one line, and short.

    Examples
    --------
    >>> shown([[1, 2], np.zeros((2, 2))])
    '[[1, 2], array([[0., 0... [0., 0.]])]'
    """
    text = " ".join(reprlib.repr(value).split())
    return text if len(text) <= 200 else f"{text[:197]}..."


def _types(value: Any) -> set[type]:
    """The types of what a list holds at any depth, or of the value itself."""
    if not isinstance(value, (list, tuple)):
        return {type(value)}
    types = set(map(type, value))
    if any(issubclass(kind, (list, tuple)) for kind in types):
        types = types.union(*(_types(part) for part in value))
    return types


def _holds_boolean(value: Any) -> bool:
    """Whether a list holds a boolean, which beside numbers NumPy turns into 0 or 1."""
    return not {bool, np.bool_}.isdisjoint(_types(value))


def _first_index(where: npt.ArrayLike) -> tuple[int, ...]:
    """Index of the first True, as plain integers."""
    return tuple(int(i) for i in np.argwhere(where)[0])
