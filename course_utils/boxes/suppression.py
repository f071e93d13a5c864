"""Non-maximum suppression: of the boxes that a detector puts around one object, keep the best."""

import numpy as np
import numpy.typing as npt

from course_utils._arguments import (
    FloatArray,
    IntArray,
    as_array,
    as_count,
    as_float_array,
    as_integer_array,
    require_finite,
    require_within,
)
from course_utils.boxes.geometry import as_columns, iou_of_pairs

__all__ = ["as_scores", "batched_nms", "nms"]

# Boxes judged in the first round, and in any; each round doubles it. Few at first, so that one
# object's thousand boxes, which the best of them suppresses, are not compared with each other.
FIRST_ROUND, LARGEST_ROUND = 64, 512
# Pairs compared at once: what is in work stays in the cache, and in bounds where all boxes overlap.
PAIRS_AT_ONCE = 2**18
# Pairs this much short of the threshold go on to the exact test: far more than rounding can hide.
SLACK = 1e-5


def nms(
    boxes: npt.ArrayLike,
    scores: npt.ArrayLike,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.0,
    max_detections: int | None = None,
) -> IntArray:
    """Boxes that remain when each one, from the best score down, removes those that overlap it too much.

    Parameters
    ----------
    boxes : (N, 4) array_like
        Corners as x_min, y_min, x_max, y_max, in pixels; N may be 0.
    scores : (N,) array_like
        Finite, of any range; higher is better.
    iou_threshold : float
        In [0, 1]. A box goes if its IoU with a box that is kept is above this; at the threshold it stays.
    score_threshold : float
        Only boxes of a score above this take part; −inf lets all in.
    max_detections : int, optional
        Keep at most this many, the best.

    Returns
    -------
    (K,) int
        Indices into ``boxes`` by falling score; of equal scores the lower index comes (and wins) first.

    Raises
    ------
    ValueError
        For other shapes, NaN, infinity, a crossed box, thresholds out of range.

    Notes
    -----
    Both thresholds are strict, and the arithmetic is that of the boxes' dtype, as in
    ``tf.image.non_max_suppression``, so that float32 boxes give the same result there. Classes are not
    looked at: see :func:`batched_nms`.

    An IoU above t needs an overlap above t times the width along x, and likewise along y. Four
    comparisons of numbers leave few pairs for the IoU itself. That is faster than TensorFlow's loop
    where boxes are spread out or thousands (`benchmarks/boxes.py`); for a thousand boxes around a few
    objects ``tf.image.non_max_suppression`` takes three quarters of the time.

    Examples
    --------
    >>> boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]]
    >>> nms(boxes, [0.8, 0.9, 0.3])
    array([1, 2])
    """
    columns = as_columns("boxes", boxes)
    values = as_scores(scores, columns.shape[1])
    threshold = require_within("iou_threshold", iou_threshold, 0, 1)
    limit = _as_limit(max_detections, columns.shape[1])
    rest = _by_falling_score(values, _as_score_threshold(score_threshold))
    columns = columns.take(rest, axis=1)
    columns[4, columns[4] == 0] = 1  # without area there is nothing to share: any divisor but 0 will do

    kept, n_kept, n_judged = [rest[:0]], 0, FIRST_ROUND
    while len(rest) > 0 and n_kept < limit:
        head, columns = columns[:, :n_judged], columns[:, n_judged:]
        wins = _winners(head, threshold)
        kept.append(rest[:n_judged][wins])
        n_kept += len(kept[-1])
        rest = rest[n_judged:]
        winners = head.compress(wins, axis=1)
        start = 0
        while start < winners.shape[1] and len(rest) > 0:
            stop = start + max(1, PAIRS_AT_ONCE // len(rest))
            remain = np.ones(len(rest), bool)
            remain[_overlapping_pairs(winners[:, start:stop], columns, threshold)[1]] = False
            rest, columns = rest[remain], columns.compress(remain, axis=1)
            start = stop
        n_judged = min(2 * n_judged, LARGEST_ROUND)
    return np.concatenate(kept)[:limit]


def batched_nms(
    boxes: npt.ArrayLike,
    scores: npt.ArrayLike,
    class_ids: npt.ArrayLike,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.0,
    max_detections: int | None = None,
) -> IntArray:
    """Non-maximum suppression within each class: a box removes boxes of its own class only.

    Parameters
    ----------
    boxes, scores, iou_threshold, score_threshold
        As in :func:`nms`.
    class_ids : (N,) array_like of int
        Any integers.
    max_detections : int, optional
        Keep at most this many over all classes, the best.

    Returns
    -------
    (K,) int
        Indices into ``boxes`` by falling score over all classes; of equal scores the lower index first.

    Raises
    ------
    ValueError
        As in :func:`nms`, and for class ids that are not N integers.

    Notes
    -----
    One run of :func:`nms` a class. The usual trick, one run on boxes that were moved far apart class by
    class, loses digits of the coordinates in float32 and overlaps neighbours if a box is negative.

    Examples
    --------
    >>> boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10]]
    >>> batched_nms(boxes, [0.8, 0.9, 0.3], [1, 1, 2])
    array([1, 2])
    """
    columns = as_columns("boxes", boxes)
    n_boxes = columns.shape[1]
    values = as_scores(scores, n_boxes)
    ids = as_array("class_ids", class_ids)
    if ids.shape != (n_boxes,):
        raise ValueError(f"class_ids: expected shape ({n_boxes},), one a box, got {ids.shape}")
    if n_boxes > 0:
        ids = as_integer_array("class_ids", class_ids, low=-(2**63), high=2**64)
    limit = _as_limit(max_detections, n_boxes)
    corners = columns[:4].T
    kept = [nms(corners[:0], values[:0], iou_threshold, score_threshold)]
    for class_id in np.unique(ids):
        members = np.flatnonzero(ids == class_id)
        kept.append(members[nms(corners[members], values[members], iou_threshold, score_threshold)])
    indices = np.sort(np.concatenate(kept))
    return indices[np.argsort(-values[indices], kind="stable")][:limit]


def _winners(columns: FloatArray, threshold: float) -> npt.NDArray[np.bool_]:
    """Which of these boxes, in falling score, are kept if nothing else is there."""
    better, worse = _overlapping_pairs(columns, columns, threshold, each_once=True)
    wins = [True] * columns.shape[1]
    for first, second in zip(better.tolist(), worse.tolist(), strict=True):
        if wins[first]:
            wins[second] = False
    return np.array(wins)


def _overlapping_pairs(
    a: FloatArray, b: FloatArray, threshold: float, each_once: bool = False
) -> tuple[IntArray, IntArray]:
    """Indices i and j of all pairs of IoU above the threshold, by rising i; with ``each_once``, i < j only."""
    # Rounded to float32 by all alike, which is fast, and with ≤ instead of <, no pair is lost.
    with np.errstate(over="ignore"):
        margin = threshold * (1 - SLACK) * (a[2:4] - a[:2])
        low = (a[:2] + margin)[..., np.newaxis].astype(np.float32)
        high = (a[2:4] - margin)[..., np.newaxis].astype(np.float32)
        x_min, y_min, x_max, y_max = b[:4].astype(np.float32, copy=False)
    near = x_min <= high[0]
    near &= y_min <= high[1]
    near &= x_max >= low[0]
    near &= y_max >= low[1]
    flat = np.flatnonzero(near)
    i = flat // near.shape[1]
    j = flat - i * near.shape[1]
    if each_once:
        i, j = i[i < j], j[i < j]
    over = iou_of_pairs(a.take(i, axis=1), b.take(j, axis=1)) > threshold
    return i[over], j[over]


def _by_falling_score(scores: FloatArray, threshold: float) -> IntArray:
    order = np.argsort(-scores, kind="stable")
    return order[scores[order] > threshold]


def as_scores(scores: npt.ArrayLike, n_boxes: int) -> FloatArray:
    """Return one finite number a box."""
    values = require_finite("scores", as_float_array("scores", scores))
    if values.shape != (n_boxes,):
        raise ValueError(f"scores: expected shape ({n_boxes},), one a box, got {values.shape}")
    return values


def _as_score_threshold(value: float) -> float:
    return (
        -np.inf
        if np.ndim(value) == 0 and value == -np.inf
        else require_within("score_threshold", value, -np.inf, np.inf)
    )


def _as_limit(max_detections: int | None, n_boxes: int) -> int:
    return n_boxes if max_detections is None else as_count("max_detections", max_detections, low=0)
