"""Local attention: a centre for each query, and soft attention to the keys around it."""

from typing import Any

import numpy as np
import numpy.typing as npt

from course_utils._arguments import FloatArray, as_count, as_float_array, require_finite, shown
from course_utils.attention._inputs import as_values, checked_inputs, masked_scores, reached
from course_utils.attention.weighting import weights_of_scores

__all__ = ["local_attention"]


def local_attention(
    queries: npt.ArrayLike,
    keys: npt.ArrayLike,
    values: npt.ArrayLike,
    centres: npt.ArrayLike,
    half_window: int,
    predictive: bool = False,
    scale: float | None = None,
) -> FloatArray:
    """Attention of each query to the keys whose position lies within ``half_window`` of its centre.

    Parameters
    ----------
    queries : (…, n, d) array_like of float
    keys : (…, m, d) array_like of float
        Their positions are 0 to m − 1.
    values : (…, m, v) array_like of float
    centres : array_like of float
        Broadcasts to (…, n): a position for each query, not necessarily an integer. Keys before the first and
        after the last do not exist; a window that holds none gives zeros.
    half_window : int
        D: a window holds the positions from centre − D to centre + D, at most 2D + 1. 0 or more, with
        ``predictive`` 1 or more.
    predictive : bool
        Multiply the weights by exp(−(position − centre)² / (2σ²)) with σ = D/2, as the model that predicts its
        centres does ("local-p"; without, "local-m"). As in the paper they are not divided by their sum again, so a
        row of them sums to less than 1.
    scale : float, optional
        Of the scores; 1/√d by default, as in :func:`~course_utils.attention.attention`.

    Returns
    -------
    (…, n, v) float

    Raises
    ------
    ValueError
        As :func:`~course_utils.attention.attention`; for centres that are not finite or do not broadcast; for a
        window out of range.

    Notes
    -----
    Luong, Pham and Manning 2015, *Effective Approaches to Attention-based Neural Machine Translation*, section
    3.2, equations 7 to 10. Only the n × (2D + 1) scores of the windows are computed.

    Examples
    --------
    >>> values = np.arange(5.0)[:, np.newaxis]
    >>> local_attention(np.zeros((2, 1)), np.zeros((5, 1)), values, centres=[0, 3], half_window=1)
    array([[0.5], [3. ]])
    >>> local_attention(np.zeros((1, 1)), np.zeros((5, 1)), values, [2], 2, predictive=True).round(3)
    array([[0.993]])
    """
    if not isinstance(predictive, (bool, np.bool_)):
        raise ValueError(f"predictive: expected True or False, got {shown(predictive)}")
    half = as_count("half_window", half_window, low=1 if predictive else 0)
    rows = as_values(values)
    whole = checked_inputs(queries, keys, None, scale, rows)
    n, m = whole.queries.shape[-2], whole.keys.shape[-2]
    places = require_finite("centres", as_float_array("centres", centres)).astype(np.float64)
    try:
        leading = np.broadcast_shapes(whole.leading, places.shape[:-1])
        places = np.broadcast_to(places, (*leading, n))
    except ValueError as error:
        raise ValueError(f"centres: expected to broadcast to {(*whole.leading, n)}, got {places.shape}") from error
    dtype = np.result_type(whole.dtype, rows)
    if m == 0:
        return np.zeros((*leading, n, rows.shape[-1]), dtype)

    # The positions of each window: (…, n, w) with w the 2D + 1 of the paper, or all keys where these are fewer.
    first = np.clip(np.ceil(places - half), 0, m).astype(np.intp)[..., np.newaxis]
    positions = first + np.arange(min(2 * half + 1, m))
    inside = (positions < m) & (positions <= (places + half)[..., np.newaxis])
    places_in_range = np.minimum(positions, m - 1)[..., np.newaxis]

    def windows(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(…, m, c) to (…, n, w, c): what lies in the window of each query."""
        batches = np.broadcast_to(array, (*leading, *array.shape[-2:]))
        return np.take_along_axis(batches[..., np.newaxis, :, :], places_in_range, axis=-2)

    # Every query becomes a batch of its own, with one row of scores for the keys of its window.
    alone = whole._replace(
        queries=whole.queries[..., np.newaxis, :], keys=windows(whole.keys), mask=inside[..., np.newaxis, :]
    )
    scores = masked_scores(alone)
    infinite = np.isneginf(rows)
    lost = reached(scores, windows(infinite)) if infinite.any() else np.False_
    weights = weights_of_scores(scores)
    if predictive:
        distance = (positions - places[..., np.newaxis]) / (half / 2)
        weights = weights * np.exp(-(distance**2) / 2)[..., np.newaxis, :].astype(weights.dtype)
    working = np.promote_types(scores.dtype, dtype)
    mean = weights @ windows(np.where(infinite, 0, rows).astype(working, copy=False))
    return np.where(lost, -np.inf, mean)[..., 0, :].astype(dtype, copy=False)
