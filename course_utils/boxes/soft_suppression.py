"""Soft non-maximum suppression: boxes that overlap a better one lose score instead of their place."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from course_utils._arguments import (
    FloatArray,
    IntArray,
    require_kind,
    require_positive,
    require_within,
)
from course_utils.boxes.geometry import as_columns, iou_of_columns
from course_utils.boxes.suppression import as_scores

__all__ = ["soft_nms"]

# Boxes that are taken from before the others are looked at again.
AT_ONCE = 64


def soft_nms(
    boxes: npt.ArrayLike,
    scores: npt.ArrayLike,
    sigma: float = 0.5,
    score_threshold: float = 0.001,
    method: Literal["gaussian", "linear"] = "gaussian",
    iou_threshold: float = 0.5,
) -> tuple[IntArray, FloatArray]:
    """Lower the scores of boxes that overlap a better one, instead of removing them.

    Parameters
    ----------
    boxes, scores
        As in :func:`nms`.
    sigma : float
        Above 0, for ``"gaussian"``: the smaller, the harder. Towards 0 it is :func:`nms` with an
        IoU threshold of 0, and with ``numpy.inf`` nothing is lowered.
    score_threshold : float
        0 or more. Only boxes whose lowered score is above this are returned.
    method : "gaussian" or "linear"
        A box that is taken multiplies the score of every box not yet taken by exp(−IoU² / sigma), or
        by 1 − IoU if their IoU is above ``iou_threshold``.
    iou_threshold : float
        In [0, 1], for ``"linear"`` only.

    Returns
    -------
    indices : (K,) int
        Indices into ``boxes`` by falling lowered score; of equal ones the lower index first.
    decayed_scores : (K,) float
        The lowered scores in this order, in the dtype of ``scores``, which itself stays as it was.

    Raises
    ------
    ValueError
        As in :func:`nms`, and for a sigma of 0 or less, a negative score threshold, an unknown method.

    Notes
    -----
    Bodla et al. 2017, *Soft-NMS*. Where every millisecond counts, take TensorFlow's: it needs half to
    four fifths of the time for boxes around a few objects, and nine tenths for a thousand boxes spread out;
    for six thousand of those this one is the faster by 1.4 times (`benchmarks/boxes.py`).
    ``tf.image.non_max_suppression_with_scores`` divides by twice its ``soft_nms_sigma``: half the sigma
    used here gives the same result there. A score threshold as high as that of a finished detector
    undoes the idea: at 0.5, a box of score 0.9 is lost from an IoU of 0.54 on, as in hard suppression.

    Examples
    --------
    >>> boxes = [[0, 0, 10, 10], [0, 0, 10, 5], [20, 0, 30, 10]]
    >>> indices, decayed = soft_nms(boxes, [0.9, 0.8, 0.5])
    >>> indices, decayed.round(3)
    (array([0, 2, 1]), array([0.9  , 0.5  , 0.485]))
    """
    columns = as_columns("boxes", boxes)
    values = as_scores(scores, columns.shape[1])
    rate = _as_rate(sigma)
    lowest = require_within("score_threshold", score_threshold, 0, np.inf)
    require_kind(method, ("gaussian", "linear"), name="method")
    threshold = require_within("iou_threshold", iou_threshold, 0, 1)

    def decay(iou: FloatArray) -> FloatArray:
        factors: FloatArray = np.exp(iou * iou * rate) if method == "gaussian" else 1 - iou * (iou > threshold)
        return factors

    left = np.flatnonzero(values > lowest)
    remaining, columns = values[left], columns.take(left, axis=1)
    indices, decayed = [left[:0]], [remaining[:0]]
    while len(left) > 0:
        # The best few are taken one after the other, until one of the others could be better.
        order = np.argsort(-remaining, kind="stable")
        head, others = np.sort(order[:AT_ONCE]), order[AT_ONCE:]
        few = columns.take(head, axis=1)
        rival = (remaining[others[0]], -others[0]) if len(others) > 0 else (lowest, 0)
        taken, scores_then = _take(remaining[head], head, decay(iou_of_columns(few, few)), rival, lowest)
        indices.append(left[taken])
        decayed.append(scores_then)
        remaining *= decay(iou_of_columns(columns.take(taken, axis=1), columns)).prod(axis=0)
        remaining[taken] = 0
        stay = remaining > lowest
        left, remaining, columns = left[stay], remaining[stay], columns.compress(stay, axis=1)
    return np.concatenate(indices), np.concatenate(decayed)


def _take(
    scores: FloatArray, positions: IntArray, factors: FloatArray, rival: tuple[float, int], lowest: float
) -> tuple[IntArray, FloatArray]:
    """Positions of those that soft suppression takes before the rival, with their scores by then."""
    taken: list[int] = []
    scores_then: list[float] = []
    while True:
        best = int(scores.argmax())
        score = scores[best]
        if score <= lowest or (score, -positions[best]) < rival:
            return positions[taken], np.array(scores_then, scores.dtype)
        taken.append(best)
        scores_then.append(score)
        scores *= factors[best]
        scores[best] = 0


def _as_rate(sigma: float) -> float:
    """−1 / sigma, at most so steep that it stays finite in float32."""
    if np.ndim(sigma) == 0 and sigma == np.inf:
        return 0.0
    return -1 / max(require_positive("sigma", sigma), 1e-30)
