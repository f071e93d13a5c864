"""A widespread way to score a detector that cannot see its false alarms; kept to show what it hides."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from course_utils.annotations.records import Annotations, Detections
from course_utils.boxes import pairwise_iou
from course_utils.metrics.matching import as_images

__all__ = ["AnyOverlapScores", "any_overlap_scores"]


class AnyOverlapScores(NamedTuple):
    """Means over images of what :func:`any_overlap_scores` counts."""

    mean_iou: float
    precision: float
    recall: float


def any_overlap_scores(annotations: Sequence[Annotations], detections: Sequence[Detections]) -> AnyOverlapScores:
    """Ask of each object which detection overlaps it most, and of nothing else.

    Parameters
    ----------
    annotations, detections : list of N ≥ 1 Annotations, list of N Detections
        One of each an image. Cut the detections at a score first: all of them are taken.

    Returns
    -------
    AnyOverlapScores
        ``mean_iou``: the largest IoU of each object with any detection of any class, summed over an image's
        objects and divided by their number. ``precision``: among objects that overlap anything, the share
        whose largest overlap is of the right class. ``recall``: the same hits as a share of all objects.
        All three are averaged over the images that hold an object; an image without a hit scores 0.

    Raises
    ------
    ValueError
        For no image, lists of unequal length or of other types, or if no image holds an object.

    Notes
    -----
    Do not use it: detections that overlap nothing are never counted, one shared pixel is a hit, one
    detection may be the hit of several objects, and no score is swept. See :func:`mean_average_precision`.

    Examples
    --------
    One object, found exactly, and a detection of nothing: half of what was detected is wrong.

    >>> truth = Annotations([[0, 0, 4, 4]], [1])
    >>> found = Detections([[0, 0, 4, 4], [9, 9, 12, 12]], [0.9, 0.8], [1, 1])
    >>> any_overlap_scores([truth], [found])
    AnyOverlapScores(mean_iou=1.0, precision=1.0, recall=1.0)
    """
    rows = []
    for truth, found in zip(*as_images(annotations, detections), strict=True):
        if len(truth.boxes) == 0:
            continue
        if len(found.boxes) == 0:
            rows.append((0.0, 0.0, 0.0))
            continue
        overlaps = pairwise_iou(truth.boxes, found.boxes)
        largest, nearest = overlaps.max(axis=1), overlaps.argmax(axis=1)
        touched = largest > 0
        hits = int((touched & (found.class_ids[nearest] == truth.class_ids)).sum())
        rows.append((float(largest.mean()), hits / max(int(touched.sum()), 1), hits / len(truth.boxes)))
    if not rows:
        raise ValueError("annotations: expected at least one object, got none")
    return AnyOverlapScores(*np.mean(rows, axis=0).tolist())
