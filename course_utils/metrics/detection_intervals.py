"""How sure we can be of a mean average precision: its bootstrap over images.

The images are matched once. Each resample then counts an image as often as it was drawn.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from course_utils._arguments import FloatArray, IntArray, require_kind
from course_utils.annotations.records import Annotations, Detections
from course_utils.metrics.detection import INTERPOLATIONS, recall_grid
from course_utils.metrics.intervals import percentile_interval, resample_counts
from course_utils.metrics.matching import match_images

__all__ = ["bootstrap_map", "map_interval"]

BLOCK = 100  # resamples at a time: bounds the memory


def map_interval(
    annotations: Sequence[Annotations],
    detections: Sequence[Detections],
    n: int,
    level: float,
    rng: np.random.Generator,
    iou_thresholds: float | Sequence[float] | FloatArray = (0.5,),
    interpolation: str = "coco",
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean average precision over images.

    Parameters
    ----------
    annotations, detections, iou_thresholds, interpolation
        As in :func:`mean_average_precision`.
    n, level, rng
        As in :func:`bootstrap_interval`, whose interval this is.

    Returns
    -------
    (low, high) : tuple of float

    Raises
    ------
    ValueError
        As in these two, and if there is no object at all.

    Examples
    --------
    >>> truths = [Annotations([[0, 0, 10, 10]], [0])] * 40
    >>> found = [Detections([[0, 0, 10, 10 - 6 * (i % 2)]], [1 - i / 40], [0]) for i in range(40)]
    >>> low, high = map_interval(truths, found, 1000, 0.95, np.random.default_rng(0))
    >>> round(low, 2), round(high, 2)
    (0.15, 0.51)
    """
    return percentile_interval(
        bootstrap_map(annotations, detections, n, rng, iou_thresholds, interpolation), level
    )


def bootstrap_map(
    annotations: Sequence[Annotations],
    detections: Sequence[Detections],
    n: int,
    rng: np.random.Generator,
    iou_thresholds: float | Sequence[float] | FloatArray = (0.5,),
    interpolation: str = "coco",
) -> FloatArray:
    """Mean average precision of n resamples of the images, drawn with replacement.

    With equal seeds two detectors are judged on equal resamples, so that the difference of two results is paired.

    Parameters
    ----------
    annotations, detections, iou_thresholds, interpolation
        As in :func:`mean_average_precision`.
    n : int
        1 or more.
    rng : numpy.random.Generator

    Returns
    -------
    (n,) float
        A class of which a resample holds no object is left out of its mean; NaN for a resample
        without any object.

    Raises
    ------
    ValueError
        As in :func:`mean_average_precision`, for n below 1 or another ``rng``, and if there is no
        object at all.

    Examples
    --------
    >>> truth, found = Annotations([[0, 0, 4, 4]], [0]), Detections([[0, 0, 4, 4]], [0.5], [0])
    >>> bootstrap_map([truth], [found], 3, np.random.default_rng(0))
    array([1., 1., 1.])
    """
    require_kind(interpolation, INTERPOLATIONS, name="interpolation")
    matches = match_images(annotations, detections, iou_thresholds)
    if not len(matches.object_images):
        raise ValueError(f"annotations: expected at least one object, got none in {matches.n_images} images")
    counts = resample_counts(matches.n_images, n, rng).T.astype(np.float64)
    blocks = [slice(start, start + BLOCK) for start in range(0, n, BLOCK)]
    total, n_terms = np.zeros(n), np.zeros(n)
    for class_id in np.unique(matches.object_class_ids):
        n_objects = counts[matches.object_images[matches.object_class_ids == class_id]].sum(axis=0)
        of_class = matches.class_ids == class_id
        images = matches.images[of_class]
        for hit in matches.objects[:, of_class] >= 0:
            wrong = _misses(hit, images, matches.n_images)
            for block in blocks:
                drawn = counts[:, block]
                hits, misses = np.cumsum(drawn[images[hit]], axis=0), np.cumsum(wrong @ drawn, axis=0)
                total[block] += _area(hits, hits + misses, n_objects[block], interpolation)
            n_terms += n_objects > 0
    with np.errstate(invalid="ignore"):
        return np.asarray(total / n_terms)


def _misses(hit: npt.NDArray[np.bool_], images: IntArray, n_images: int) -> Any:
    """Sparse (P, N): the wrong detections in each image since the last of P right ones."""
    following: IntArray = np.cumsum(hit) - hit  # the index of the next right one
    counted = ~hit & (following < hit.sum())
    places = following[counted], images[counted]
    return sparse.csr_array((np.ones(len(places[0])), places), shape=(int(hit.sum()), n_images))


def _area(hits: FloatArray, shown: FloatArray, n_objects: FloatArray, interpolation: str) -> FloatArray:
    """Average precision (B,) from the counts down to each of P right detections, (P, B); 0 without an object.

    The interpolated precision falls after right detections only, so it is enough to know it at
    these. Each weighs as much as it moves the recall on.
    """
    envelope = np.maximum.accumulate((hits / np.maximum(shown, 1))[::-1], axis=0)[::-1]
    reached = hits / np.maximum(n_objects, 1)
    if interpolation != "voc2010":
        levels = recall_grid(interpolation)
        reached = np.searchsorted(levels, reached, side="right") / len(levels)
    return np.asarray((envelope * np.diff(reached, axis=0, prepend=0)).sum(axis=0))
