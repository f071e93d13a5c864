"""Which detection found which object: the accounting under every metric of detection.

Matching is COCO's, class by class and one to one, so a second box on an object that is already
found is a false alarm, and so is a box of the wrong class.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from course_utils._arguments import FloatArray, IntArray, as_float_array, require_within, shown
from course_utils.annotations.records import Annotations, Detections
from course_utils.boxes.geometry import as_columns, iou_of_pairs

__all__ = ["Matches", "as_images", "as_threshold", "as_thresholds", "match_detections", "match_images"]


@dataclass(frozen=True, eq=False)
class Matches:
    """All detections of N images in falling score (of equal ones the earlier first), and what they found.

    Attributes
    ----------
    images, class_ids, scores : (D,)
        Of each detection: the index of its image, its class, its score.
    objects : (T, D) int
        The object found at each of the T thresholds, counted through all images, or −1.
    ious : (T, D) float
        The IoU with that object; NaN where there is none.
    object_images, object_class_ids : (G,) int
    n_images : int
    """

    images: IntArray
    class_ids: IntArray
    scores: FloatArray
    objects: IntArray
    ious: FloatArray
    object_images: IntArray
    object_class_ids: IntArray
    n_images: int


def match_detections(annotations: Annotations, detections: Detections, iou_threshold: float) -> IntArray:
    """Object that each detection of one image found, if any.

    Detections choose in falling score. Each takes, of the objects of its class that are still
    free, the one with which its IoU is highest, if that reaches the threshold. Of equal scores the
    earlier detection chooses first; of equal IoUs it takes the later object, as pycocotools does.

    Parameters
    ----------
    annotations : Annotations
        n objects.
    detections : Detections
        m detections, in any order.
    iou_threshold : float
        In (0, 1]; an IoU that equals it is enough.

    Returns
    -------
    (m,) int
        Index of the object, in the detections' own order; −1 for a false alarm. No index but −1
        comes twice.

    Raises
    ------
    ValueError
        For arguments of another kind or a threshold outside (0, 1].

    Notes
    -----
    Lin et al. 2014, *Microsoft COCO*, as its evaluation code does it, without crowds. PASCAL VOC
    (Everingham et al. 2010, section 4.2) differs in one point: there a detection whose best object
    is taken is a false alarm even if it also overlaps a free one enough.

    Examples
    --------
    Two boxes on one object: the surer one has it.

    >>> truth = Annotations([[0, 0, 10, 10]], [0])
    >>> match_detections(truth, Detections([[0, 0, 10, 9], [0, 0, 10, 10]], [0.6, 0.7], [0, 0]), 0.5)
    array([-1,  0])
    """
    matches = match_images([annotations], [detections], as_threshold(iou_threshold))
    found = np.empty(len(detections.scores), np.int64)
    found[np.argsort(-detections.scores, kind="stable")] = matches.objects[0]
    return found


def match_images(
    annotations: Sequence[Annotations],
    detections: Sequence[Detections],
    iou_thresholds: float | Sequence[float] | FloatArray,
) -> Matches:
    """Match the detections of many images, as :func:`match_detections` does, at several thresholds.

    Parameters
    ----------
    annotations, detections : N ≥ 1 of each, one an image
    iou_thresholds : one number or T ≥ 1 of them
        In (0, 1].

    Raises
    ------
    ValueError
        For no image, lengths that differ, other types, or a threshold outside (0, 1].

    Examples
    --------
    >>> truth, guess = Annotations([[0, 0, 4, 4]], [2]), Detections([[0, 0, 4, 3]], [0.9], [2])
    >>> match_images([truth], [guess], [0.5, 0.8]).objects
    array([[ 0],
           [-1]])
    """
    truths, guesses = as_images(annotations, detections)
    thresholds = as_thresholds(iou_thresholds)
    images = np.repeat(np.arange(len(guesses)), [len(guess.boxes) for guess in guesses])
    object_images = np.repeat(np.arange(len(truths)), [len(truth.boxes) for truth in truths])
    class_ids = np.concatenate([guess.class_ids for guess in guesses])
    object_class_ids = np.concatenate([truth.class_ids for truth in truths])
    # All images at once: one call for thousands of small images costs less than thousands of calls.
    boxes = as_columns("boxes of all detections", np.concatenate([guess.boxes for guess in guesses]))
    object_boxes = as_columns("boxes of all annotations", np.concatenate([truth.boxes for truth in truths]))
    boxes[4, boxes[4] == 0] = 1  # without area there is nothing to share: any divisor but 0 will do
    pairs, objects = _equal_pairs(_keys(images, class_ids), _keys(object_images, object_class_ids))
    ious = iou_of_pairs(boxes.take(pairs, axis=1), object_boxes.take(objects, axis=1))
    near = ious >= thresholds.min()
    pairs, objects, ious = pairs[near], objects[near], ious[near]
    scores = np.concatenate([guess.scores for guess in guesses])
    order = np.argsort(-scores, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    pairs = rank[pairs]
    best_first = np.lexsort((-objects, -ious, pairs))
    taken = np.full((len(thresholds), len(scores)), -1, np.int64)
    overlaps = np.full(taken.shape, np.nan)
    for row, threshold in enumerate(thresholds):
        candidates = best_first[ious[best_first] >= threshold]
        kept = candidates[_first_free(pairs[candidates], objects[candidates])]
        taken[row, pairs[kept]], overlaps[row, pairs[kept]] = objects[kept], ious[kept]
    return Matches(
        images=images[order],
        class_ids=class_ids[order],
        scores=scores[order],
        objects=taken,
        ious=overlaps,
        object_images=object_images,
        object_class_ids=object_class_ids,
        n_images=len(truths),
    )


def _keys(images: IntArray, class_ids: IntArray) -> IntArray:
    """One number for an image and a class together, which are below 2³¹ each."""
    return images * 2**31 + class_ids


def _equal_pairs(keys: IntArray, others: IntArray) -> tuple[IntArray, IntArray]:
    """Indices i and j of all pairs with ``keys[i] == others[j]``, by rising i, then rising j."""
    order = np.argsort(others, kind="stable")
    first, end = (np.searchsorted(others[order], keys, side) for side in ("left", "right"))
    counts = end - first
    i = np.repeat(np.arange(len(keys)), counts)
    # 0, 1, 2 … beside each key, then on from the first of its equals
    place = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
    return i, order[first[i] + place]


def _first_free(ranks: IntArray, objects: IntArray) -> IntArray:
    """Positions of the pairs whose detection and object are both free when their turn comes."""
    done, gone, kept = set(), set(), []
    for position, (rank, item) in enumerate(zip(ranks.tolist(), objects.tolist(), strict=True)):
        if rank not in done and item not in gone:
            done.add(rank)
            gone.add(item)
            kept.append(position)
    return np.array(kept, np.int64)


def as_thresholds(iou_thresholds: float | Sequence[float] | FloatArray) -> FloatArray:
    """Return T ≥ 1 thresholds in (0, 1] as a float64 array.

    Examples
    --------
    >>> as_thresholds(0.5)
    array([0.5])
    """
    thresholds = np.atleast_1d(as_float_array("iou_thresholds", iou_thresholds)).astype(np.float64)
    if thresholds.ndim != 1 or not len(thresholds) or not ((thresholds > 0) & (thresholds <= 1)).all():
        raise ValueError(f"iou_thresholds: expected one number or more in (0, 1], got {shown(iou_thresholds)}")
    return thresholds


def as_threshold(iou_threshold: float) -> float:
    """Return one threshold in (0, 1].

    Examples
    --------
    >>> as_threshold(1)
    1.0
    """
    threshold = require_within("iou_threshold", iou_threshold, 0, 1)
    if threshold == 0:
        raise ValueError("iou_threshold: expected a number in (0, 1], got 0, which boxes apart would reach")
    return threshold


def as_images(
    annotations: Sequence[Annotations], detections: Sequence[Detections]
) -> tuple[list[Annotations], list[Detections]]:
    """Return two lists of equal length N ≥ 1, one Annotations and one Detections an image."""
    for name, images, kind in (("annotations", annotations, Annotations), ("detections", detections, Detections)):
        if not isinstance(images, (list, tuple)) or not all(isinstance(image, kind) for image in images):
            kinds = [type(i).__name__ for i in images] if isinstance(images, (list, tuple)) else images
            raise ValueError(f"{name}: expected a list of {kind.__name__}, one an image, got {kinds!r:.200}")
    if not annotations or len(annotations) != len(detections):
        raise ValueError(
            f"detections: expected one an image, as many as annotations and at least one, "
            f"got {len(detections)} for {len(annotations)}"
        )
    return list(annotations), list(detections)
