"""What the functions of attention share: checked arguments, and the scores of queries and keys."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from course_utils._arguments import FloatArray, as_array, as_float_array, as_number, shown

__all__ = ["Inputs", "as_values", "checked_inputs", "masked_scores", "reached"]

BoolArray = npt.NDArray[np.bool_]


class Inputs(NamedTuple):
    """Arguments that fit together."""

    queries: FloatArray  # (…, n, d), times the scale, in the dtype of the computation
    keys: FloatArray  # (…, m, d), likewise
    mask: BoolArray | None  # (…, n, m)
    leading: tuple[int, ...]  # the axes before the last two, broadcast
    dtype: np.dtype[Any]  # of queries and keys together, for the result
    safe: bool  # whether no product can leave the dtype of the computation
    finite: bool  # whether queries and keys are


def checked_inputs(
    queries: npt.ArrayLike,
    keys: npt.ArrayLike,
    mask: npt.ArrayLike | None,
    scale: float | None,
    values: FloatArray | None = None,
) -> Inputs:
    """Check everything that does not depend on the scores.

    The largest score that the arguments can give decides about the dtype, so that blocks of keys are computed
    as all keys together would be.

    Raises
    ------
    ValueError
        For shapes that do not fit, NaN, no feature, a mask that is not boolean, a scale that is not finite.
    """
    q, k = as_float_array("queries", queries), as_float_array("keys", keys)
    for name, array in (("queries", q), ("keys", k)):
        if array.ndim < 2 or array.shape[-1] == 0:
            raise ValueError(f"{name}: expected shape (…, rows, 1 feature or more), got {array.shape}")
    if k.shape[-1] != q.shape[-1]:
        raise ValueError(f"keys: expected {q.shape[-1]} features as in queries, got shape {k.shape}")
    if values is not None and values.shape[-2] != k.shape[-2]:
        raise ValueError(f"values: expected {k.shape[-2]} rows, one a key, got shape {values.shape}")
    factor = _as_scale(scale, q.shape[-1])
    seen = None if mask is None else _as_mask(mask, q.shape[-2], k.shape[-2])
    shapes = {"queries": q.shape[:-2], "keys": k.shape[:-2]}
    shapes |= {} if values is None else {"values": values.shape[:-2]}
    shapes |= {} if seen is None else {"mask": seen.shape[:-2]}
    try:
        leading = np.broadcast_shapes(*shapes.values())
    except ValueError as error:
        raise ValueError(f"{', '.join(shapes)}: leading axes do not broadcast: {shown(shapes)}") from error

    dtype = np.result_type(q, k)
    working = np.promote_types(dtype, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        top = float(np.abs(q).max(initial=0)), float(np.abs(k).max(initial=0))
        bound = q.shape[-1] * max(abs(factor), 1) * max(top[0], 1) * max(top[1], 1)
    if bound > _largest(working):
        working = np.promote_types(working, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = q.astype(working) * working.type(factor)
    return Inputs(
        scaled,
        k.astype(working, copy=False),
        seen,
        leading,
        dtype,
        safe=bound <= _largest(working),
        finite=bool(np.isfinite(top).all()),
    )


def masked_scores(inputs: Inputs, keys: slice = slice(None)) -> FloatArray:
    """Scores (…, n, keys) of a stretch of the keys: −inf where a query may not see the key.

    Raises
    ------
    ValueError
        If a score that counts is NaN or +inf, or leaves the range of the dtype.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        scores = np.asarray(inputs.queries @ np.swapaxes(inputs.keys[..., keys, :], -1, -2))
    if inputs.mask is not None:
        scores = np.where(inputs.mask[..., keys], scores, -np.inf)
    if not inputs.safe:
        bad = np.isnan(scores) | np.isposinf(scores)
        if inputs.finite:  # then −inf is no key that hides itself but a number too low for the dtype
            bad |= np.isneginf(scores) if inputs.mask is None else np.isneginf(scores) & inputs.mask[..., keys]
        if bad.any():
            index = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"queries, keys: expected finite scores (or −inf from an infinite entry) in {scores.dtype}, "
                f"got {scores[index]} at index {index} of the scores"
            )
    return scores


def as_values(values: npt.ArrayLike) -> FloatArray:
    """Return (…, m, v) values; −inf is one, +inf and NaN are not."""
    array = as_float_array("values", values)
    if array.ndim < 2:
        raise ValueError(f"values: expected shape (…, m, v), got {array.shape}")
    if np.isposinf(array).any():
        raise ValueError(f"values: expected finite numbers or −inf, got +inf (shape {array.shape})")
    return array


def reached(scores: FloatArray, infinite: BoolArray) -> BoolArray:
    """Which results (…, n, v) a value of −inf reaches: those of the queries that see its key.

    The scores tell, not the weights: a weight of 0 may belong to a key that is seen, rounded.
    """
    return np.asarray((scores > -np.inf).astype(np.float32) @ infinite.astype(np.float32) > 0)


def _largest(dtype: np.dtype[Any]) -> float:
    """A quarter of what the dtype holds: so much that the difference of two scores is within it, too."""
    return float(np.finfo(dtype).max) / 4


def _as_scale(scale: float | None, features: int) -> float:
    if scale is None:
        return float(1 / np.sqrt(features))
    factor = as_number("scale", scale, "a finite number or None")
    if not np.isfinite(factor):
        raise ValueError(f"scale: expected a finite number or None, got {shown(scale)}")
    return factor


def _as_mask(mask: npt.ArrayLike, n: int, m: int) -> BoolArray:
    """The mask with its last two axes as (n, m), without a copy."""
    array = as_array("mask", mask)
    if array.dtype != np.bool_:
        raise ValueError(f"mask: expected booleans, true where a key may be seen, got dtype {array.dtype}")
    try:
        return np.broadcast_to(array, (*array.shape[:-2], n, m))
    except ValueError as error:
        raise ValueError(f"mask: expected to broadcast to (…, {n}, {m}), got shape {array.shape}") from error
