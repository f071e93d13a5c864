"""Average precision of a detector: how well its scores sort right boxes before wrong ones.

The truth of an image is one :class:`Annotations`, what was detected in it one :class:`Detections`;
metrics take a list of each, truth first. See ``operating_point`` for scores at one threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from course_utils._arguments import FloatArray, IntArray, as_count, require_kind
from course_utils.annotations.records import Annotations, Detections
from course_utils.metrics.matching import (
    Matches,
    as_threshold,
    as_thresholds,
    match_detections,
    match_images,
)
from course_utils.metrics.operating_point import DetectionScores, best_score_threshold, detection_scores

__all__ = [
    "Annotations",
    "DetectionScores",
    "Detections",
    "MeanAveragePrecision",
    "PrecisionRecall",
    "best_score_threshold",
    "detection_scores",
    "match_detections",
    "mean_average_precision",
    "precision_recall_curve",
    "recall_grid",
]

INTERPOLATIONS = ("coco", "voc2007", "voc2010")


@dataclass(frozen=True, eq=False)
class MeanAveragePrecision:
    """What :func:`mean_average_precision` returns, for T thresholds, K classes and R recalls.

    Attributes
    ----------
    map : float
        Mean of ``average_precision``, in [0, 1]; NaN if there is no object at all.
    per_class : dict of int to float
        Mean over the thresholds for each class of annotations or detections, in rising id; NaN for
        a class without an object, which ``map`` leaves out.
    precision : (T, K, R) float
        Interpolated precision: the highest at this recall or a higher one, 0 where none is reached;
        NaN for a class without an object.
    recall : (R,) float
        Where ``precision`` is given: 0, 0.01, …, 1 for "coco", 0, 0.1, …, 1 for "voc2007", and for
        "voc2010" the recalls that the classes can reach, 1/n, 2/n, …, 1 for each of n objects.
    average_precision : (T, K) float
        The mean of ``precision`` over "coco"'s or "voc2007"'s recalls, the area under it for "voc2010".
    iou_thresholds : (T,) float
    class_ids : (K,) int
    """

    map: float
    per_class: dict[int, float]
    precision: FloatArray
    recall: FloatArray
    average_precision: FloatArray
    iou_thresholds: FloatArray
    class_ids: IntArray


class PrecisionRecall(NamedTuple):
    """Precision and recall of the D detections of a class down to each of their scores."""

    precision: FloatArray
    recall: FloatArray
    scores: FloatArray


def mean_average_precision(
    annotations: Sequence[Annotations],
    detections: Sequence[Detections],
    iou_thresholds: float | Sequence[float] | FloatArray = (0.5,),
    interpolation: str = "coco",
) -> MeanAveragePrecision:
    """Average precision, its mean over classes and IoU thresholds, and the curves under it.

    Detections are matched as in :func:`match_detections`, then those of a class are sorted by score
    through all images. Precision is the share of right ones among the first k, recall the share of
    the class's objects that they find; average precision summarises the one over the other.

    Parameters
    ----------
    annotations, detections : list of N ≥ 1 Annotations, list of N Detections
        One an image. An image without objects counts: what is detected there is a false alarm.
    iou_thresholds : one number or more in (0, 1]
        0.5 gives AP50, ``np.linspace(0.5, 0.95, 10)`` COCO's AP.
    interpolation : "coco" | "voc2007" | "voc2010"
        Mean of the interpolated precision at 101 recalls; at 11; or its exact area.

    Returns
    -------
    MeanAveragePrecision
        ``map``, ``per_class``, the curves ``precision`` and ``recall``, and more.

    Raises
    ------
    ValueError
        For no image, lists of unequal length or of other types, a threshold outside (0, 1], or an
        unknown interpolation.

    Notes
    -----
    "coco" agrees with pycocotools, with these differences: no limit on the number of detections an
    image (its ``maxDets`` is 100), no crowds, and NaN where it says −1. As there, equal scores are
    taken one by one, in the order of the images and within an image in the order given, and a class
    that is detected but nowhere annotated is left out: its false alarms cost nothing here, but do
    in :func:`detection_scores`. "voc2007" and "voc2010" are PASCAL VOC's two definitions
    (Everingham et al. 2010, section 4.2, and the development kit of 2010) on COCO's matches.

    Examples
    --------
    Two objects; the surest box is wrong, the next two are right.

    >>> truth = Annotations([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 0])
    >>> boxes = [[50, 0, 60, 10], [0, 0, 10, 10], [20, 0, 30, 9]]
    >>> found = Detections(boxes, [0.9, 0.8, 0.7], [0, 0, 0])
    >>> round(mean_average_precision([truth], [found], interpolation="voc2010").map, 4)
    0.6667
    >>> mean_average_precision([truth], [found], (0.5, 0.95)).average_precision.round(4)
    array([[0.6667],
           [0.2525]])
    """
    require_kind(interpolation, INTERPOLATIONS, name="interpolation")
    thresholds = as_thresholds(iou_thresholds)
    matches = match_images(annotations, detections, thresholds)
    classes = np.union1d(matches.object_class_ids, matches.class_ids)
    levels = _levels(matches, interpolation)
    precision = np.full((len(thresholds), len(classes), len(levels)), np.nan)
    for column, class_id in enumerate(classes):
        n_objects = int(np.sum(matches.object_class_ids == class_id))
        for row in range(len(thresholds) if n_objects else 0):
            hit = matches.objects[row, matches.class_ids == class_id] >= 0
            curve, recall = _precision(hit), np.cumsum(hit) / n_objects
            envelope = np.append(np.maximum.accumulate(curve[::-1])[::-1], 0)
            precision[row, column] = envelope[np.searchsorted(recall, levels)]
    if interpolation == "voc2010":  # each recall stands for the step up to it; rounding may end above 1
        areas = np.minimum(precision @ np.diff(levels, prepend=0), 1)
    else:
        areas = precision.mean(axis=-1)
    annotated = np.isin(classes, matches.object_class_ids)
    areas[:, ~annotated] = np.nan
    return MeanAveragePrecision(
        map=float(areas[:, annotated].mean()) if annotated.any() else float("nan"),
        per_class=dict(zip(classes.tolist(), areas.mean(axis=0).tolist(), strict=True)),
        precision=precision,
        recall=levels,
        average_precision=areas,
        iou_thresholds=thresholds,
        class_ids=classes,
    )


def precision_recall_curve(
    annotations: Sequence[Annotations],
    detections: Sequence[Detections],
    class_id: int,
    iou_threshold: float = 0.5,
) -> PrecisionRecall:
    """Precision and recall of one class, detection by detection in falling score; not interpolated.

    Arguments, matching and errors are those of :func:`mean_average_precision`.

    Returns
    -------
    PrecisionRecall
        ``precision``, ``recall`` (NaN without an object) and ``scores``, each (D,).

    Examples
    --------
    >>> truth = Annotations([[0, 0, 10, 10]], [3])
    >>> found = Detections([[0, 0, 10, 10], [50, 0, 60, 10]], [0.8, 0.9], [3, 3])
    >>> precision_recall_curve([truth], [found], class_id=3)
    PrecisionRecall(precision=array([0. , 0.5]), recall=array([0., 1.]), scores=array([0.9, 0.8]))
    """
    class_id = as_count("class_id", class_id, low=0)
    matches = match_images(annotations, detections, as_threshold(iou_threshold))
    of_class = matches.class_ids == class_id
    hit = matches.objects[0, of_class] >= 0
    n_objects = int(np.sum(matches.object_class_ids == class_id))
    recall = np.cumsum(hit) / n_objects if n_objects else np.full(len(hit), np.nan)
    return PrecisionRecall(_precision(hit), recall, matches.scores[of_class])


def _precision(hit: npt.NDArray[np.bool_]) -> FloatArray:
    return np.asarray(np.cumsum(hit) / np.arange(1, len(hit) + 1))


def _levels(matches: Matches, interpolation: str) -> FloatArray:
    if interpolation != "voc2010":
        return recall_grid(interpolation)
    sizes = np.unique(np.unique(matches.object_class_ids, return_counts=True)[1])
    return np.unique(np.concatenate([np.empty(0), *(np.arange(1, size + 1) / size for size in sizes)]))


def recall_grid(interpolation: str) -> FloatArray:
    """Recalls at which "coco" (101) and "voc2007" (11) read the precision.

    Raises
    ------
    ValueError
        For another interpolation: "voc2010" has no grid.

    Examples
    --------
    >>> recall_grid("voc2007")
    array([0. , 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1. ])
    """
    require_kind(interpolation, INTERPOLATIONS[:2], name="interpolation")
    # pycocotools' own numbers, some of which are one rounding above k / 100, so that results agree.
    return np.linspace(0, 1, 101) if interpolation == "coco" else np.arange(11) / 10
