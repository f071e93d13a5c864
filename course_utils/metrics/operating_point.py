"""Scores of a detector in use: its detections of a chosen score and above, all classes together."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from course_utils._arguments import IntArray, require_within
from course_utils.annotations.records import Annotations, Detections
from course_utils.metrics.matching import as_threshold, match_images

__all__ = ["DetectionScores", "best_score_threshold", "detection_scores"]


class DetectionScores(NamedTuple):
    """What :func:`detection_scores` returns; a share of nothing is NaN, never 0."""

    precision: float
    recall: float
    f1: float
    mean_iou: float
    true_positives: int
    false_positives: int
    false_negatives: int
    per_image: IntArray


def detection_scores(
    annotations: Sequence[Annotations],
    detections: Sequence[Detections],
    score_threshold: float,
    iou_threshold: float = 0.5,
) -> DetectionScores:
    """Precision, recall, F1 and mean IoU of the detections that score ``score_threshold`` or more.

    Matching is that of :func:`match_detections`. A box of the wrong class is a false positive and
    leaves its object a false negative. Counts are summed over images and classes before dividing.

    Parameters
    ----------
    annotations, detections : list of N ≥ 1 Annotations, list of N Detections
        One an image; false alarms in images without objects and of classes without objects count.
    score_threshold : float
        Finite; to be chosen on other images, by :func:`best_score_threshold`.
    iou_threshold : float
        In (0, 1].

    Returns
    -------
    DetectionScores
        ``precision``, TP / (TP + FP), NaN if nothing is detected; ``recall``, TP / (TP + FN), NaN
        if there is no object; ``f1``, 2 TP / (2 TP + FP + FN), NaN if there is neither;
        ``mean_iou`` of the true positives with their objects, NaN if there is none; the three
        counts; and ``per_image``, these counts as (N, 3) int for :func:`bootstrap_interval`.

    Raises
    ------
    ValueError
        As in :func:`mean_average_precision`, or for a score threshold that is not finite.

    Examples
    --------
    One object found, one of another class missed, one false alarm.

    >>> truth = Annotations([[0, 0, 10, 10], [20, 0, 30, 10]], [1, 2])
    >>> found = Detections([[0, 0, 10, 8], [20, 0, 30, 10]], [0.9, 0.8], [1, 1])
    >>> scores = detection_scores([truth], [found], score_threshold=0.5)
    >>> scores.precision, scores.recall, scores.f1, scores.mean_iou
    (0.5, 0.5, 0.5, 0.8)
    """
    threshold = require_within("score_threshold", score_threshold, -np.inf, np.inf)
    matches = match_images(annotations, detections, as_threshold(iou_threshold))
    kept = matches.scores >= threshold  # what scores less chose last, so it took nothing from these
    hit = kept & (matches.objects[0] >= 0)

    def by_image(images: IntArray) -> IntArray:
        return np.bincount(images, minlength=matches.n_images)

    right, shown = by_image(matches.images[hit]), by_image(matches.images[kept])
    per_image = np.stack([right, shown - right, by_image(matches.object_images) - right], axis=1)
    tp, fp, fn = (int(count) for count in per_image.sum(axis=0))
    return DetectionScores(
        precision=_share(tp, tp + fp),
        recall=_share(tp, tp + fn),
        f1=_share(2 * tp, 2 * tp + fp + fn),
        mean_iou=float(matches.ious[0, hit].mean()) if tp else float("nan"),
        true_positives=tp,
        false_positives=fp,
        false_negatives=fn,
        per_image=per_image,
    )


def best_score_threshold(
    annotations: Sequence[Annotations], detections: Sequence[Detections], iou_threshold: float = 0.5
) -> float:
    """Score threshold of the highest F1 on these images, which should not be those of the test.

    Arguments and matching are those of :func:`detection_scores`.

    Returns
    -------
    float
        The score of one of the detections; of equally good ones the highest.

    Raises
    ------
    ValueError
        As in :func:`detection_scores`, and if there is no object or no detection to choose by.

    Examples
    --------
    >>> truth = Annotations([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 0])
    >>> boxes = [[0, 0, 10, 10], [20, 0, 30, 10], [50, 0, 60, 10]]
    >>> best_score_threshold([truth], [Detections(boxes, [0.9, 0.6, 0.3], [0, 0, 0])])
    0.6
    """
    matches = match_images(annotations, detections, as_threshold(iou_threshold))
    if not len(matches.scores) or not len(matches.object_images):
        raise ValueError(
            f"detections: expected at least one object and one detection, got {len(matches.object_images)} "
            f"and {len(matches.scores)}"
        )
    shown = np.arange(1, len(matches.scores) + 1)
    f1 = 2 * np.cumsum(matches.objects[0] >= 0) / (shown + len(matches.object_images))
    f1[:-1][matches.scores[:-1] == matches.scores[1:]] = -1  # no threshold parts equal scores
    return float(matches.scores[np.argmax(f1)])


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
