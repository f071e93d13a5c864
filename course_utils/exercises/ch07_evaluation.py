"""Exercises of chapter 07 on the evaluation of detectors."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from course_utils._arguments import FloatArray, IntArray
from course_utils.boxes import pairwise_iou
from course_utils.exercises import Exercise, Mistake

__all__ = ["EVALUATION"]

Case = tuple[Any, ...]


def _average_precision(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    """Average precision of one class as COCO computes it.

    From the best score down, recall after each detection is the number of true positives so far over
    ``n_objects``, precision the same number over the detections so far. At each recall of 0, 0.01, …, 1 the
    precision is the highest at this recall or any above, and 0 where none is reached; the mean of the
    101 is the average precision. Without detections it is 0.
    """
    recall, precision = _curve(scores, is_true_positive, n_objects)
    return np.mean([precision[recall >= k / 100].max(initial=0) for k in range(101)])


def _curve(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> tuple[FloatArray, FloatArray]:
    found = np.cumsum(is_true_positive[np.argsort(-scores, kind="stable")])
    return found / n_objects, found / np.arange(1, len(found) + 1)


def _as_listed(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    return _average_precision(-np.arange(float(len(scores))), is_true_positive, n_objects)


def _rising(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    return _average_precision(-scores, is_true_positive, n_objects)


def _of_those_found(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    return _average_precision(scores, is_true_positive, max(int(is_true_positive.sum()), 1))


def _without_recall_zero(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    recall, precision = _curve(scores, is_true_positive, n_objects)
    return np.mean([precision[recall >= k / 100].max(initial=0) for k in range(1, 101)])


def _without_recall_one(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    recall, precision = _curve(scores, is_true_positive, n_objects)
    return np.mean([precision[recall >= k / 100].max(initial=0) for k in range(100)])


def _reached_recalls_only(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    recall, precision = _curve(scores, is_true_positive, n_objects)
    reached = [precision[recall >= k / 100].max() for k in range(101) if (recall >= k / 100).any()]
    return np.mean(reached) if reached else 0.0


def _nan_without_detections(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    return _average_precision(scores, is_true_positive, n_objects) if len(scores) else np.nan


def _first_that_reaches(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    recall, precision = _curve(scores, is_true_positive, n_objects)
    places = np.searchsorted(recall, np.arange(101) / 100)
    return np.append(precision, 0)[places].mean()


def _eleven_points(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    recall, precision = _curve(scores, is_true_positive, n_objects)
    return np.mean([precision[recall >= k / 10].max(initial=0) for k in range(11)])


def _area(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    recall, precision = _curve(scores, is_true_positive, n_objects)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return np.sum(np.diff(recall, prepend=0) * envelope)


def _at_the_hits(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    precision = _curve(scores, is_true_positive, n_objects)[1]
    return precision[is_true_positive[np.argsort(-scores, kind="stable")] == 1].sum() / n_objects


def _above_the_recall(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    recall, precision = _curve(scores, is_true_positive, n_objects)
    return np.mean([precision[recall > k / 100].max(initial=0) for k in range(101)])


def _trapezoids(
    scores: FloatArray, is_true_positive: IntArray, n_objects: int, *, from_zero: bool, highest: bool
) -> Any:
    recall, precision = _curve(scores, is_true_positive, n_objects)
    if from_zero:
        recall, precision = np.insert(recall, 0, 0), np.insert(precision, 0, 1)
    if highest:
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    return np.trapezoid(precision, recall)


def _between_the_points(
    scores: FloatArray, is_true_positive: IntArray, n_objects: int, *, beyond: float | None
) -> Any:
    recall, precision = _curve(scores, is_true_positive, n_objects)
    return np.interp(np.arange(101) / 100, recall, precision, right=beyond).mean() if len(scores) else 0.0


def _precision_at_the_end(scores: FloatArray, is_true_positive: IntArray, n_objects: int) -> Any:
    return np.float64(is_true_positive.sum()) / len(scores)


def _average_precision_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([0.9, 0.8]), np.array([1, 0]), 1
    yield np.array([0.9, 0.8]), np.array([0, 1]), 2
    yield np.array([0.5, 0.9, 0.7]), np.array([1, 1, 0]), 2
    yield np.array([0.9, 0.8, 0.7, 0.6]), np.array([0, 1, 1, 0]), 3
    yield np.zeros(0), np.zeros(0, int), 4
    for n, n_objects in ((6, 4), (12, 7)):
        hits = rng.permutation(np.arange(n) < n_objects - 1).astype(int)
        yield rng.permutation(n) / n + 0.01, hits, n_objects


def _precision_recall(
    true_boxes: FloatArray,
    true_ids: IntArray,
    boxes: FloatArray,
    scores: FloatArray,
    ids: IntArray,
    iou_threshold: float,
) -> Any:
    """Precision and recall of one image, as an array of two numbers.

    From the best score down, each detection takes, of the objects of its class that are not yet taken
    and that it overlaps with an IoU of ``iou_threshold`` or more, the one of highest IoU. Precision is
    the share of the detections that took one, NaN without detections; recall is the share of the
    objects that were taken, NaN without objects.
    """
    return _evaluate(true_boxes, true_ids, boxes, scores, ids, iou_threshold)


def _evaluate(
    true_boxes: FloatArray,
    true_ids: IntArray,
    boxes: FloatArray,
    scores: FloatArray,
    ids: IntArray,
    iou_threshold: float,
    *,
    any_overlap: bool = False,
    any_class: bool = False,
    reuse: bool = False,
    order: str = "falling",
    first_fit: bool = False,
    favourite_only: bool = False,
    near_only: bool = False,
    above_only: bool = False,
    empty: float = np.nan,
) -> Any:
    iou = pairwise_iou(boxes, true_boxes)
    reaches = (iou > 0 if any_overlap else iou >= iou_threshold) & ((ids[:, np.newaxis] == true_ids) | any_class)
    if above_only:
        reaches &= iou > iou_threshold
    free, hits = np.ones(len(true_boxes), bool), 0
    turns = {"falling": -scores, "rising": scores, "listed": np.zeros(len(scores))}
    turns["closest"] = -np.where(reaches, iou, 0).max(axis=1, initial=0)
    for k in np.argsort(turns[order], kind="stable"):
        fits = reaches[k] if favourite_only or reuse else reaches[k] & free
        if fits.any():
            best = fits.argmax() if first_fit else np.where(fits, iou[k], -1).argmax()
            hits += int(free[best] or reuse)
            free[best] = False
    return _shares(hits, int((iou > 0).any(axis=1).sum()) if near_only else len(boxes), hits, len(free), empty)


def _shares(good: int, n_detections: int, found: int, n_objects: int, empty: float = np.nan) -> Any:
    precision = good / n_detections if n_detections else empty
    return np.array([precision, found / n_objects if n_objects else empty])


def _evaluate_as(**changes: Any) -> Callable[..., Any]:
    def answer(
        true_boxes: FloatArray,
        true_ids: IntArray,
        boxes: FloatArray,
        scores: FloatArray,
        ids: IntArray,
        iou_threshold: float,
    ) -> Any:
        return _evaluate(true_boxes, true_ids, boxes, scores, ids, iou_threshold, **changes)

    return answer


def _from_both_sides(
    true_boxes: FloatArray,
    true_ids: IntArray,
    boxes: FloatArray,
    scores: FloatArray,
    ids: IntArray,
    iou_threshold: float,
    *,
    objects_alone: bool = False,
) -> Any:
    """Detections and objects judged apart; or the objects alone, as by the evaluator that is handed out."""
    reaches = (pairwise_iou(boxes, true_boxes) >= iou_threshold) & (ids[:, np.newaxis] == true_ids)
    found = int(reaches.any(axis=0).sum())
    good = found if objects_alone else int(reaches.any(axis=1).sum())
    return _shares(good, len(boxes), found, len(true_boxes))


def _best_box_of_each_object(
    true_boxes: FloatArray,
    true_ids: IntArray,
    boxes: FloatArray,
    scores: FloatArray,
    ids: IntArray,
    iou_threshold: float,
) -> Any:
    """The evaluator that the chapter hands out for repair."""
    if len(boxes) == 0 or len(true_boxes) == 0:
        return np.zeros(2)
    iou = pairwise_iou(boxes, true_boxes)
    touched = iou.max(axis=0) > 0
    agrees = ids[iou.argmax(axis=0)] == true_ids
    true_positives = int((touched & agrees).sum())
    return _shares(true_positives, int(touched.sum()), true_positives, len(true_boxes), 0.0)


def _class_asked_last(
    true_boxes: FloatArray,
    true_ids: IntArray,
    boxes: FloatArray,
    scores: FloatArray,
    ids: IntArray,
    iou_threshold: float,
) -> Any:
    iou, hits = pairwise_iou(boxes, true_boxes), 0
    for k in np.argsort(-scores, kind="stable"):
        best = iou[k].argmax() if len(true_boxes) else 0
        if len(true_boxes) and iou[k, best] >= iou_threshold and ids[k] == true_ids[best]:
            hits += 1
            iou[:, best] = 0
    return _shares(hits, len(boxes), hits, len(true_boxes))


def _hits_by(count: Callable[[FloatArray, float], int]) -> Callable[..., Any]:
    """Both shares from a count of hits by the IoU of detections (rows) and objects, 0 where the classes differ."""

    def answer(
        true_boxes: FloatArray,
        true_ids: IntArray,
        boxes: FloatArray,
        scores: FloatArray,
        ids: IntArray,
        iou_threshold: float,
    ) -> Any:
        iou = np.where(ids[:, np.newaxis] == true_ids, pairwise_iou(boxes, true_boxes), 0)
        hits = count(iou, iou_threshold)
        return _shares(hits, len(boxes), hits, len(true_boxes))

    return answer


def _objects_choose(iou: FloatArray, iou_threshold: float) -> int:
    hits = 0
    for k in range(iou.shape[1]):
        if iou[:, k].max(initial=0) >= iou_threshold:
            hits += 1
            iou[iou[:, k].argmax()] = 0
    return hits


def _highest_sum(iou: FloatArray, iou_threshold: float) -> int:
    return int((iou >= iou_threshold)[linear_sum_assignment(iou, maximize=True)].sum())


def _most_pairs(iou: FloatArray, iou_threshold: float) -> int:
    return _highest_sum((iou >= iou_threshold).astype(float), 1)


def _best_boxes_counted_once(iou: FloatArray, iou_threshold: float) -> int:
    found = iou.max(axis=0, initial=0) >= iou_threshold
    return len(np.unique(iou[:, found].argmax(axis=0))) if found.any() else 0


def _nan_for_both(
    true_boxes: FloatArray,
    true_ids: IntArray,
    boxes: FloatArray,
    scores: FloatArray,
    ids: IntArray,
    iou_threshold: float,
) -> Any:
    shares = _evaluate(true_boxes, true_ids, boxes, scores, ids, iou_threshold)
    return np.full(2, np.nan) if np.isnan(shares).any() else shares


def _swapped(
    true_boxes: FloatArray,
    true_ids: IntArray,
    boxes: FloatArray,
    scores: FloatArray,
    ids: IntArray,
    iou_threshold: float,
) -> Any:
    return _evaluate(true_boxes, true_ids, boxes, scores, ids, iou_threshold)[::-1]


def _precision_recall_cases(rng: np.random.Generator) -> Iterator[Case]:
    one = np.array([[0.0, 0, 10, 10]])
    spurious = np.concatenate([one, one + 30, one + 60, one + 90])
    yield one, np.array([1]), spurious, np.array([0.9, 0.8, 0.7, 0.6]), np.ones(4, int), 0.5
    yield one, np.array([1]), one + 8, np.array([0.9]), np.array([1]), 0.5
    yield one, np.array([1]), one * [1, 1, 1, 2], np.array([0.9]), np.array([1]), 0.5  # at the threshold itself
    pair = np.array([[0.0, 0, 10, 10], [2, 0, 12, 10]])
    yield pair, np.array([1, 1]), one + np.array([1, 0, 1, 0]), np.array([0.9]), np.array([1]), 0.5
    yield one, np.array([1]), np.concatenate([one, one]), np.array([0.9, 0.8]), np.array([1, 1]), 0.5
    far = np.array([[0.0, 0, 10, 10], [50, 0, 60, 10]])
    yield far, np.array([1, 2]), far, np.array([0.9, 0.8]), np.array([1, 1]), 0.5
    shifted = np.array([[0.5, 0, 10.5, 10], [-2, 0, 8, 10]])  # the second fits one object only
    yield pair, np.array([1, 1]), shifted, np.array([0.8, 0.9]), np.array([1, 1]), 0.5
    yield pair, np.array([1, 1]), shifted[::-1], np.array([0.9, 0.8]), np.array([1, 1]), 0.5
    shifted = np.array([[1.25, 0, 11.25, 10], [1.5, 0, 11.5, 10]])  # both nearer to the second object
    yield pair, np.array([1, 1]), shifted, np.array([0.9, 0.8]), np.array([1, 1]), 0.5
    aside = np.array([[0.0, 0, 10, 10], [3, 0, 13, 10]])  # the sum of IoUs is highest the other way round
    yield aside, np.array([1, 1]), aside + np.array([2, 0, 2, 0]), np.array([0.9, 0.8]), np.array([1, 1]), 0.5
    between = np.array([[1.0, 0, 11, 10], [1, 1, 11, 11]])  # the first is the nearest to both objects
    yield pair, np.array([1, 1]), between, np.array([0.9, 0.8]), np.array([1, 1]), 0.5
    yield pair, np.array([1, 2]), one, np.array([0.9]), np.array([2]), 0.5  # nearer to the one of another class
    # The first detection reaches both objects, the second only the one that the first lies on.
    beside, second = one + np.array([3, 0, 3, 0]), one + np.array([5, 0, 5, 0])
    for objects in (np.concatenate([one, beside]), np.concatenate([beside, one])):
        yield (
            objects,
            np.array([1, 1]),
            np.concatenate([beside, second]),
            np.array([0.9, 0.8]),
            np.array([1, 1]),
            0.5,
        )
    nothing = np.zeros((0, 4)), np.zeros(0, int)
    yield one, np.array([1]), nothing[0], np.zeros(0), nothing[1], 0.5
    yield *nothing, one, np.array([0.9]), np.array([1]), 0.5
    for n, iou_threshold in ((5, 0.5), (12, 0.75)):
        low = rng.integers(-60, 60, (n, 2)) / 4
        truth = np.concatenate([low, low + rng.integers(16, 60, (n, 2)) / 4], axis=1)
        boxes = np.concatenate([truth + rng.integers(-6, 7, (n, 1)) / 4, truth[: n // 2] + 0.5])
        ids = rng.integers(1, 3, n)
        guesses = np.where(rng.random(len(boxes)) < 0.8, np.concatenate([ids, ids[: n // 2]]), 3)
        yield truth, ids, boxes, rng.permutation(len(boxes)) / len(boxes), guesses, iou_threshold


EVALUATION: dict[str, Exercise] = {
    "metrics.average_precision": Exercise(
        reference=_average_precision,
        cases=_average_precision_cases,
        hint="Sort by falling score. After each detection: recall is found / n_objects, precision found / "
        "detections so far. Then ask, for each of the 101 recalls, which is the best precision at that recall or "
        "any higher.",
        mistakes=(
            Mistake(_as_listed, "Often: not sorted. The curve goes from the best score down."),
            Mistake(_rising, "Often: sorted the wrong way. np.argsort rises; sort by −scores."),
            Mistake(
                _of_those_found,
                "Often: recall as a share of the objects found. Objects that were missed count too: divide by "
                "n_objects.",
            ),
            Mistake(
                _first_that_reaches,
                "Often: the precision at the first detection that reaches the recall. Take the highest there or "
                "at any higher recall.",
            ),
            Mistake(_without_recall_zero, "Often: 100 recalls. Recall 0 belongs to them: there are 101."),
            Mistake(
                _reached_recalls_only,
                "Often: recalls that are never reached left out of the mean. They count, with precision 0.",
            ),
            Mistake(
                _nan_without_detections,
                "Often: NaN without detections. No recall is reached then: 0 at all of them.",
            ),
            Mistake(_eleven_points, "Often: 11 recalls, the rule of VOC 2007. Here there are 101."),
            Mistake(
                _area,
                "This is the whole area under the curve (VOC from 2010 on). The mean over 101 recalls is asked.",
            ),
            Mistake(
                _at_the_hits,
                "Often: the mean of the precisions at the hits, without taking the highest at any higher recall.",
            ),
            Mistake(
                _above_the_recall,
                "Often: > where ≥ belongs. A precision counts at the recall that it reaches, and below.",
            ),
            *(
                Mistake(
                    lambda scores, is_true_positive, n_objects, from_zero=from_zero, highest=highest: _trapezoids(
                        scores, is_true_positive, n_objects, from_zero=from_zero, highest=highest
                    ),
                    "Often: trapezoids under the curve. Between two detections precision is no straight line: at "
                    "each recall it is the highest at this recall or any above.",
                )
                for from_zero, highest in ((False, False), (False, True), (True, False))
            ),
            *(
                Mistake(
                    lambda scores, is_true_positive, n_objects, beyond=beyond: _between_the_points(
                        scores, is_true_positive, n_objects, beyond=beyond
                    ),
                    "Often: np.interp, straight lines between detections. At each recall precision is the "
                    "highest at this recall or any above.",
                )
                for beyond in (None, 0.0)
            ),
            Mistake(
                lambda scores, is_true_positive, n_objects: _average_precision(
                    scores, is_true_positive, max(len(scores), 1)
                ),
                "Often: divided by the number of detections. Recall is a share of the objects: n_objects.",
            ),
            Mistake(
                lambda scores, is_true_positive, n_objects: (
                    _average_precision(scores, is_true_positive, n_objects) * 101 / 100
                ),
                "Often: the sum over 101 recalls divided by 100. There are 101 of them.",
            ),
            Mistake(
                _without_recall_one,
                "Often: np.arange(0, 1, 0.01), which ends at 0.99. Recall 1 belongs to the 101.",
            ),
            Mistake(_precision_at_the_end, "This is the precision of all detections together: one point."),
        ),
    ),
    "metrics.precision_recall": Exercise(
        reference=_precision_recall,
        cases=_precision_recall_cases,
        hint="Go through the detections, not through the objects: every detection ends up right or wrong, and "
        "every object is found once at most. What happens to a box far from everything, to a second box on one "
        "object, and to one of the wrong class?",
        mistakes=(
            Mistake(
                _best_box_of_each_object,
                "This is what the faulty evaluator says. It asks each object for the box nearest to it, so that "
                "boxes far from all objects are never seen, any overlap will do, and one box serves several.",
            ),
            Mistake(
                _evaluate_as(any_overlap=True),
                "Often: any overlap is enough. Below iou_threshold nothing was found.",
            ),
            Mistake(
                _evaluate_as(near_only=True),
                "Often: boxes that overlap no object are not counted. Each of them is a false alarm, and "
                "precision is a share of all detections.",
            ),
            Mistake(
                _evaluate_as(reuse=True),
                "Often: several boxes on one object all count as right. The first finds it, the others are false "
                "alarms.",
            ),
            Mistake(
                _from_both_sides,
                "Often: detections and objects judged apart, so that one box finds two objects, or two boxes one. "
                "Match one to one.",
            ),
            Mistake(
                lambda *case: _from_both_sides(*case, objects_alone=True),
                "Often: the objects are still asked, so that one box may find two of them. Ask the detections, "
                "and let each take one object at most.",
            ),
            Mistake(
                _evaluate_as(any_class=True),
                "Often: the class is not looked at. A box of the wrong class is a false alarm, and its object is "
                "still to be found.",
            ),
            Mistake(
                _hits_by(_objects_choose),
                "Often: the objects choose, one after the other, the detection that fits best. The detections "
                "choose, the surest first.",
            ),
            Mistake(
                _hits_by(_highest_sum),
                "Often: the assignment of the highest sum of IoUs. The surest detection chooses first, whatever "
                "is left for the others.",
            ),
            Mistake(
                _hits_by(_most_pairs),
                "Often: as many pairs as possible. The surest detection chooses first, even if another then finds "
                "nothing.",
            ),
            Mistake(
                _hits_by(_best_boxes_counted_once),
                "Often: each object keeps its nearest box, and a box that two of them want counts once. The "
                "detections choose, the surest first, among the objects that are free.",
            ),
            Mistake(
                _evaluate_as(order="listed"),
                "Often: in the order of the list. The best score chooses its object first.",
            ),
            Mistake(
                _evaluate_as(order="rising"),
                "Often: the lowest score first. np.argsort rises; sort by −scores.",
            ),
            Mistake(
                _evaluate_as(order="closest"),
                "Often: the highest IoU first. The best score chooses first, however well its box fits.",
            ),
            Mistake(
                _evaluate_as(first_fit=True),
                "Often: a detection takes the first object that it reaches. It takes the one of highest IoU.",
            ),
            Mistake(
                _evaluate_as(above_only=True),
                "Often: > where ≥ belongs. An IoU of iou_threshold is enough.",
            ),
            Mistake(
                _class_asked_last,
                "Often: the nearest object of any class, and the class asked only then. Look among the objects of "
                "the detection's own class.",
            ),
            Mistake(
                _evaluate_as(favourite_only=True),
                "Often: a detection whose nearest object is taken gives up (the rule of VOC). Here it takes the "
                "best of those not taken.",
            ),
            Mistake(
                _evaluate_as(empty=0.0),
                "Often: 0 for an empty set. The share of nothing is undefined: NaN.",
            ),
            Mistake(
                _nan_for_both,
                "Often: NaN for both where either list is empty. Without detections only precision is undefined, "
                "without objects only recall.",
            ),
            Mistake(
                _swapped,
                "Precision comes first, recall second (they also change places where objects and detections do).",
            ),
            Mistake(
                lambda true_boxes, true_ids, boxes, scores, ids, iou_threshold: _evaluate(
                    true_boxes, true_ids, boxes, scores, ids, 0.5
                ),
                "Often: 0.5, whatever iou_threshold says.",
            ),
        ),
    ),
}
