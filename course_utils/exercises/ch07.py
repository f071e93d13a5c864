"""Exercises of chapter 07: boxes, suppression and anchors; those on evaluation stand in ``ch07_evaluation``."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from course_utils import boxes as course
from course_utils._arguments import FloatArray, IntArray
from course_utils.exercises import Exercise, Mistake
from course_utils.exercises.ch07_evaluation import EVALUATION

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]


def _iou(a: FloatArray, b: FloatArray) -> Any:
    return course.pairwise_iou(a[np.newaxis], b[np.newaxis])[0, 0]


def _iou_with(
    a: FloatArray, b: FloatArray, *, clamp: str = "lengths", pixel: float = 0.0, over: str = "union"
) -> Any:
    shared = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]) + pixel
    intersection = np.prod(np.maximum(shared, 0) if clamp == "lengths" else shared)
    if clamp == "area":
        intersection = np.maximum(intersection, 0)
    first, second = np.prod(a[2:] - a[:2] + pixel), np.prod(b[2:] - b[:2] + pixel)
    divisor = {
        "union": first + second - intersection,
        "sum": first + second,
        "smaller": min(first, second),
        "first": first,
        "second": second,
        "hull": np.prod(np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2])),
    }[over]
    with np.errstate(all="ignore"):
        return np.float64(intersection) / divisor


def _dice(a: FloatArray, b: FloatArray) -> Any:
    return 2 * _iou_with(a, b, over="sum")


def _as_sizes(a: FloatArray, b: FloatArray) -> Any:
    corners = [np.concatenate([box[:2], box[:2] + box[2:]]) for box in (a, b)]
    return _iou_with(*corners)


def _in_the_order_x_x_y_y(a: FloatArray, b: FloatArray) -> Any:
    shared = np.minimum(a[1::2], b[1::2]) - np.maximum(a[::2], b[::2])
    intersection = np.prod(np.maximum(shared, 0))
    union = np.prod(a[1::2] - a[::2]) + np.prod(b[1::2] - b[::2]) - intersection
    return intersection / union if union > 0 else 0.0


def _apart_along_both_axes_only(a: FloatArray, b: FloatArray) -> Any:
    shared = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return 0.0 if (shared <= 0).all() else _iou_with(a, b, clamp="nothing")


def _iou_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([0.0, 0, 2, 2]), np.array([1.0, 0, 3, 2])
    yield np.array([0.0, 0, 4, 4]), np.array([1.0, 1, 3, 2])
    yield np.array([0.0, 0, 1, 1]), np.array([3.0, 0, 4, 2])
    yield np.array([0.0, 0, 4, 4]), np.array([5.0, 6, 9, 10])
    yield np.array([2.0, 3, 2, 3]), np.array([2.0, 3, 2, 3])
    for scale in (1, 1, 1, 0.05):  # the last pair has an area far below one pixel
        corners = rng.uniform(0, 10, (2, 2))
        yield tuple(scale * np.concatenate([low, low + rng.uniform(4, 9, 2)]) for low in corners)


def _nms(boxes: FloatArray, scores: FloatArray, iou_threshold: float) -> Any:
    return course.nms(boxes, scores, iou_threshold, score_threshold=-np.inf)


def _greedy(
    boxes: FloatArray,
    scores: FloatArray,
    iou_threshold: float,
    *,
    falling: bool = True,
    as_listed: bool = False,
    any_overlap: bool = False,
    removed_too: bool = False,
    at_threshold: bool = False,
    last_only: bool = False,
    first_only: bool = False,
    far_from_one: bool = False,
) -> Any:
    order = np.argsort(-scores if falling else scores, kind="stable")
    if as_listed:
        order = np.arange(len(boxes))
    if any_overlap:
        iou_threshold = 0
    iou = course.pairwise_iou(boxes, boxes)
    kept: list[int] = []
    for place, k in enumerate(order):
        rivals = order[:place] if removed_too else kept[-1:] if last_only else kept[:1] if first_only else kept
        overlaps = iou[k, list(rivals)]
        if far_from_one:
            overlaps = np.sort(overlaps)[:1]
        if not (overlaps > iou_threshold).any() and not (at_threshold and (overlaps == iou_threshold).any()):
            kept.append(int(k))
    return np.array(kept, int)


def _places(boxes: FloatArray, scores: FloatArray, iou_threshold: float) -> Any:
    order = np.argsort(-scores, kind="stable")
    return _greedy(boxes[order], scores[order], iou_threshold)


def _inverted(boxes: FloatArray, scores: FloatArray, iou_threshold: float, *, at_threshold: bool) -> Any:
    left, kept = list(np.argsort(-scores, kind="stable")), []
    iou = course.pairwise_iou(boxes, boxes)
    while left:
        kept.append(left.pop(0))
        stays = iou[kept[-1]] >= iou_threshold if at_threshold else iou[kept[-1]] > iou_threshold
        left = [k for k in left if stays[k]]
    return np.array(kept, int)


def _skipping(boxes: FloatArray, scores: FloatArray, iou_threshold: float) -> Any:
    left, kept = [int(k) for k in np.argsort(-scores, kind="stable")], []
    iou = course.pairwise_iou(boxes, boxes)
    while left:
        kept.append(left.pop(0))
        for k in left:
            if iou[kept[-1], k] > iou_threshold:
                left.remove(k)  # the loop goes on from the next place, and skips one
    return np.array(kept, int)


def _as_mask(boxes: FloatArray, scores: FloatArray, iou_threshold: float) -> Any:
    return np.isin(np.arange(len(boxes)), _nms(boxes, scores, iou_threshold))


def _scene(rng: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray]:
    """Quarter pixels and scores without ties."""
    low = rng.integers(-60, 60, (n, 2)) / 4
    size = rng.integers(16, 60, (n, 2)) / 4
    return np.concatenate([low, low + size], axis=1), rng.permutation(n) / n + 0.5 / n


def _nms_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]]), np.array([0.8, 0.9, 0.01]), 0.5
    chain = np.array([[0.0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]])
    yield chain, np.array([0.9, 0.8, 0.7]), 0.4
    yield np.array([[0.0, 0, 10, 10], [0, 0, 10, 20]]), np.array([0.2, 0.7]), 0.5
    yield np.array([[0.0, 0, 9, 9], [30, 0, 40, 9], [1, 0, 10, 9]]), np.array([0.9, 0.8, 0.7]), 0.5
    same = np.array([[0.0, 0, 10, 10]] * 4)
    yield np.concatenate([same, same + 40]), np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]), 0.5
    yield *_scene(rng, 30), 0.3
    yield np.zeros((0, 4)), np.zeros(0), 0.5
    # A box without area has an IoU of 0 with itself. Last, since a loop that waits for it to go is stopped here.
    yield np.array([[5.0, 5, 5, 5], [0, 0, 10, 10]]), np.array([0.9, 0.8]), 0.5


def _class_nms(boxes: FloatArray, scores: FloatArray, class_ids: IntArray, iou_threshold: float) -> Any:
    return course.batched_nms(boxes, scores, class_ids, iou_threshold, score_threshold=-np.inf)


def _one_after_the_other(
    boxes: FloatArray, scores: FloatArray, class_ids: IntArray, iou_threshold: float, *, mapped: bool = True
) -> Any:
    parts = [np.zeros(0, int)]
    for class_id in np.unique(class_ids):
        members = np.flatnonzero(class_ids == class_id)
        kept = _nms(boxes[members], scores[members], iou_threshold)
        parts.append(members[kept] if mapped else kept)
    return np.concatenate(parts)


def _within_the_class(
    boxes: FloatArray, scores: FloatArray, class_ids: IntArray, iou_threshold: float, *, by_score: bool
) -> Any:
    kept = _one_after_the_other(boxes, scores, class_ids, iou_threshold, mapped=False)
    return kept[np.argsort(-scores[kept], kind="stable")] if by_score else kept


def _moved_apart(
    boxes: FloatArray, scores: FloatArray, class_ids: IntArray, iou_threshold: float, *, by: float | None = None
) -> Any:
    shift = boxes.max(initial=0) if by is None else by
    return _nms(boxes + class_ids[:, np.newaxis] * shift, scores, iou_threshold)


def _from_class_one(boxes: FloatArray, scores: FloatArray, class_ids: IntArray, iou_threshold: float) -> Any:
    members = np.flatnonzero(class_ids > 0)
    return members[_class_nms(boxes[members], scores[members], class_ids[members], iou_threshold)]


def _counted_from_zero(boxes: FloatArray, scores: FloatArray, class_ids: IntArray, iou_threshold: float) -> Any:
    members = np.flatnonzero(class_ids >= 0)
    return members[_class_nms(boxes[members], scores[members], class_ids[members], iou_threshold)]


def _in_index_order(boxes: FloatArray, scores: FloatArray, class_ids: IntArray, iou_threshold: float) -> Any:
    return np.sort(_class_nms(boxes, scores, class_ids, iou_threshold))


def _class_nms_cases(rng: np.random.Generator) -> Iterator[Case]:
    two = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10]])
    yield two, np.array([0.8, 0.9, 0.95]), np.array([2, 2, 1]), 0.5
    yield two, np.array([0.8, 0.9, 0.3]), np.array([0, 1, 1]), 0.5
    corner = np.array([[50.0, 50, 60, 60], [-10, -10, 0, 0], [-10, 50, 0, 60]])
    yield corner, np.array([0.4, 0.6, 0.5]), np.array([0, 1, 1]), 0.5
    # larger than any fixed number that somebody moves classes apart by
    yield np.array([[0.0, 0, 1e9, 1e9]] * 2), np.array([0.9, 0.8]), np.array([0, 1]), 0.5
    for n in (8, 40):
        yield *_scene(rng, n), rng.choice([-1, 0, 1], n), 0.3
    yield np.zeros((0, 4)), np.zeros(0), np.zeros(0, int), 0.5


def _decode(offsets: FloatArray, anchors: FloatArray) -> Any:
    return course.decode(offsets, anchors)


def _decode_with(
    offsets: FloatArray,
    anchors: FloatArray,
    *,
    variances: tuple[float, float] = (0.1, 0.2),
    sizes: Callable[[Any], Any] = np.exp,
    half: float = 0.5,
    in_anchors: bool = True,
    corners: bool = True,
    from_corner: bool = False,
) -> Any:
    extent = anchors[:, 2:] - anchors[:, :2]
    origin = anchors[:, :2] if from_corner else (anchors[:, :2] + anchors[:, 2:]) / 2
    centre = origin + offsets[:, :2] * variances[0] * (extent if in_anchors else 1)
    size = sizes(offsets[:, 2:] * variances[1]) * extent
    parts = [centre - half * size, centre + half * size] if corners else [centre, size]
    return np.concatenate(parts, axis=1)


def _decode_to_corner_and_size(offsets: FloatArray, anchors: FloatArray) -> Any:
    corners = _decode(offsets, anchors)
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)


def _variance_outside(offsets: FloatArray, anchors: FloatArray) -> Any:
    return _decode_with(offsets, anchors, variances=(0.1, 1.0), sizes=lambda t: 0.2 * np.exp(t))


def _decode_as(**changes: Any) -> Callable[..., Any]:
    return lambda offsets, anchors: _decode_with(offsets, anchors, **changes)


def _decode_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[5.0, 0, 0, 0]]), np.array([[0.0, 0, 20, 10]])
    yield np.array([[0.0, 0, 5 * np.log(2), 0]]), np.array([[10.0, 0, 30, 10]])
    yield np.zeros((2, 4)), np.array([[0.0, 0, 4, 2], [-3, 1, 1, 9]])
    for n in (3, 9):
        yield rng.normal(0, 2, (n, 4)), _scene(rng, n)[0]


def _match(anchors: FloatArray, boxes: FloatArray) -> Any:
    return course.match_anchors(anchors, boxes)


def _match_with(
    anchors: FloatArray,
    boxes: FloatArray,
    *,
    forced: str = "none",
    band: bool = True,
    at_limits: bool = True,
    last_box: bool = False,
) -> Any:
    iou = course.pairwise_iou(boxes, anchors)
    best = iou.max(axis=0, initial=0)
    ignored, positive = (best >= 0.4, best >= 0.5) if at_limits else (best > 0.4, best > 0.5)
    matches = np.where(ignored, -2, -1) if band else np.full(len(anchors), -1)
    if len(boxes):
        wanted = (len(boxes) - 1 - (iou >= 0.5)[::-1].argmax(axis=0)) if last_box else iou.argmax(axis=0)
        matches[positive] = wanted[positive]
    if forced == "best sum":
        for box, anchor in zip(*linear_sum_assignment(-iou), strict=True):
            if iou[box, anchor] > 0:
                matches[anchor] = box
    if forced in {"last", "even without overlap"}:
        for box in range(len(boxes)):
            if iou[box].max() > 0 or forced == "even without overlap":
                matches[iou[box].argmax()] = box
    if forced in {"in turn", "sorted once"}:
        best_first = np.argsort(-iou.max(axis=1, initial=0), kind="stable")
        for box in best_first if forced == "sorted once" else range(len(boxes)):
            anchor = iou[box].argmax()
            if iou[box, anchor] > 0:
                matches[anchor] = box
                iou[:, anchor] = 0
    if forced == "even of zeros":
        _force(iou, matches, stop=False)
    return matches


def _with_forced(matches: IntArray, anchors: FloatArray, boxes: FloatArray) -> IntArray:
    """Put in the forced matches: of the anchors that find a box, the one that overlaps it most."""
    right, iou = _match(anchors, boxes), course.pairwise_iou(boxes, anchors)
    for box in np.unique(right[right >= 0]):
        matches[np.where(right == box, iou[box], -1).argmax()] = box
    return matches


def _one_anchor_a_box(anchors: FloatArray, boxes: FloatArray, *, band: bool) -> Any:
    """Only the forced matches."""
    iou, matches = course.pairwise_iou(boxes, anchors), np.full(len(anchors), -1)
    if band:
        matches = np.where(iou.max(axis=0, initial=0) >= 0.4, -2, -1)
    _force(iou, matches)
    return matches


def _force(iou: FloatArray, matches: IntArray, *, stop: bool = True) -> None:
    """Give each box an anchor of its own, the pair of highest IoU first, until only zeros are left."""
    for _ in range(len(iou)):
        box, anchor = np.unravel_index(iou.argmax(), iou.shape)
        if iou[box, anchor] > 0 or not stop:
            matches[anchor] = box
            iou[box], iou[:, anchor] = 0, 0


def _overwritten(anchors: FloatArray, boxes: FloatArray, *, by: str) -> Any:
    """Forced matches first, and then the positive or the ignored anchors over them."""
    iou = course.pairwise_iou(boxes, anchors)
    best = iou.max(axis=0, initial=0)
    favourites = iou.argmax(axis=0) if len(boxes) else np.zeros(len(anchors), int)
    matches = np.where(best >= 0.5, favourites, np.where(best >= 0.4, -2, -1))
    plain = matches.copy()
    _force(iou, matches)
    again = plain >= 0 if by == "positive anchors" else plain == -2
    return np.where(again, plain, matches)


def _codes_swapped(matches: IntArray) -> Any:
    return np.choose(matches.clip(-2, 0) + 2, [-1, -2, matches])


def _match_as(**changes: Any) -> Callable[..., Any]:
    return lambda anchors, boxes: _match_with(anchors, boxes, **changes)


def _no_band(anchors: FloatArray, boxes: FloatArray) -> Any:
    matches = np.array(_match(anchors, boxes))
    matches[matches == -2] = -1
    return matches


def _match_cases(rng: np.random.Generator) -> Iterator[Case]:
    anchors = np.array([[0.0, 0, 10, 10], [8, 0, 18, 10], [0, 0, 10, 22], [40, 0, 50, 10]])
    yield anchors, np.array([[0.0, 0, 10, 10]])
    yield anchors, np.array([[0.0, 0, 30, 30]])
    yield anchors[[0, 1, 3]], np.array([[0.0, 0, 10, 10], [0, 0, 11, 10]])
    yield anchors[[0, 1, 3]], np.array([[0.0, 0, 11, 10], [0, 0, 10, 10]])
    yield anchors, np.array([[41.0, 0, 50, 10], [80, 80, 90, 90]])
    yield np.array([[0.0, 0, 10, 11], [0, 0, 10, 20], [0, 0, 10, 25]]), np.array([[0.0, 0, 10, 10]])  # 0.5 and 0.4
    nested = np.array([[0.0, 0, 10, 10], [0, 0, 10, 12]])
    yield np.concatenate([nested, nested + np.array([1, 0, 0, 0])]), nested
    yield np.array([[1.0, 0, 11, 10], [-4, 0, 6, 10]]), np.array([[0.0, 0, 10, 10], [4, 0, 14, 10]])
    yield (
        np.array([[0.0, 0, 10, 10], [4, 0, 14, 10]]),
        np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [5.2, 0, 15.2, 10]]),
    )
    yield anchors, np.zeros((0, 4))
    grid = course.anchor_boxes([(3, 4), (2, 2)], (48, 64), [(0.3,), (0.6,)], (0.5, 1.0, 2.0))
    yield np.array([[0.0, 0, 10, 10], [0, 0, 10, 9]]), nested  # the second box's own anchor fits the first better
    for n in (3, 5):
        low = rng.uniform(0, 40, (n, 2))
        yield grid, np.concatenate([low, low + rng.uniform(8, 24, (n, 2))], axis=1)


EXERCISES: dict[str, Exercise] = {
    "boxes.iou": Exercise(
        reference=_iou,
        cases=_iou_cases,
        hint="The overlap of two intervals ends where the first of them ends and begins where the second begins. "
        "What does that difference say when they do not meet, and what does the product of two such "
        "differences say?",
        mistakes=(
            Mistake(
                lambda a, b: _iou_with(a, b, clamp="nothing"),
                "Often: the overlap is not cut off at 0. Boxes apart along one axis get a negative IoU; boxes "
                "apart along both have two negative lengths, whose product is a positive area.",
            ),
            *(
                Mistake(
                    lambda a, b, nothing=nothing: np.nan_to_num(_iou_with(a, b, clamp="area"), nan=nothing),
                    "Often: the product of the two lengths cut off at 0, instead of each length. Two negative "
                    "lengths have a positive product.",
                )
                for nothing in (0.0, np.nan)
            ),
            Mistake(
                lambda a, b: _iou_with(a, b),
                "Often: 0 / 0 for two boxes without area. They share nothing: the IoU is 0.",
            ),
            Mistake(
                lambda a, b: np.nan_to_num(_iou_with(a, b), nan=1.0),
                "Often: 1 for two boxes without area that lie on each other. They share nothing: the IoU is 0.",
            ),
            Mistake(
                lambda a, b: _iou_with(a, b, pixel=1.0),
                "Often: + 1 in widths and heights. That belongs to boxes of whole pixels, both borders counted. "
                "Here coordinates are continuous: from 0 to 2 it is 2.",
            ),
            Mistake(
                lambda a, b: _iou_with(a, b, over="sum"),
                "Often: divided by the sum of the areas. The union counts what is shared once, not twice.",
            ),
            Mistake(_dice, "This is Dice: twice the intersection over the sum of the areas."),
            Mistake(
                lambda a, b: _iou_with(a, b, over="smaller"),
                "Often: divided by the smaller area, so that a small box inside a large one scores 1.",
            ),
            Mistake(lambda a, b: _iou_with(a, b, over="first"), "Often: divided by the area of one of the boxes."),
            Mistake(
                lambda a, b: _iou_with(a, b, over="second"), "Often: divided by the area of one of the boxes."
            ),
            Mistake(
                lambda a, b: _iou_with(a, b, over="hull"),
                "Often: divided by the box around both. The union is smaller than that.",
            ),
            Mistake(
                _as_sizes, "Often: the last two numbers read as width and height. They are x_max and y_max here."
            ),
            Mistake(
                _in_the_order_x_x_y_y,
                "Often: the numbers read as x_min, x_max, y_min, y_max. The order is x_min, y_min, x_max, y_max.",
            ),
            Mistake(
                _apart_along_both_axes_only,
                "Often: 0 only for boxes apart along x *and* along y. Apart along one of them is enough.",
            ),
        ),
    ),
    "boxes.nms": Exercise(
        reference=_nms,
        cases=_nms_cases,
        hint="Go through the boxes from the best score down, with a list of those kept so far. A box joins the "
        "list if none on it overlaps it too much. May a box that was removed remove another?",
        mistakes=(
            Mistake(
                lambda boxes, scores, iou_threshold: _greedy(boxes, scores, iou_threshold, removed_too=True),
                "Often: a box that was removed removes others. Only boxes that are kept do.",
            ),
            Mistake(
                lambda boxes, scores, iou_threshold: _greedy(boxes, scores, iou_threshold, falling=False),
                "Often: the lowest score first. np.argsort rises; sort by −scores.",
            ),
            Mistake(
                lambda boxes, scores, iou_threshold: _greedy(boxes, scores, iou_threshold, as_listed=True),
                "Often: in the order of the list. The best score comes first.",
            ),
            Mistake(
                lambda boxes, scores, iou_threshold: _greedy(boxes, scores, iou_threshold, any_overlap=True),
                "Often: any overlap removes a box. Only one above the threshold does.",
            ),
            Mistake(
                lambda boxes, scores, iou_threshold: _greedy(boxes, scores, iou_threshold, at_threshold=True),
                "Often: ≥ where > belongs. At the threshold itself a box stays.",
            ),
            Mistake(
                lambda boxes, scores, iou_threshold: _greedy(boxes, scores, iou_threshold, last_only=True),
                "Often: compared with the box kept last only. All that are kept count.",
            ),
            Mistake(
                partial(_greedy, far_from_one=True),
                "Often: any where all belongs. A box stays only if none of those that are kept overlaps it "
                "too much.",
            ),
            Mistake(
                _places,
                "Often: places in the sorted list. The indices of the boxes as they were given are asked for.",
            ),
            Mistake(
                lambda boxes, scores, iou_threshold: np.sort(_nms(boxes, scores, iou_threshold)),
                "The right boxes, in the order of their indices. They should come by falling score.",
            ),
            *(
                Mistake(
                    lambda boxes, scores, iou_threshold, at_threshold=at_threshold: _inverted(
                        boxes, scores, iou_threshold, at_threshold=at_threshold
                    ),
                    "Often: the test the wrong way round. Boxes that overlap the best one too much go, the "
                    "others stay.",
                )
                for at_threshold in (True, False)
            ),
            Mistake(
                lambda boxes, scores, iou_threshold: _greedy(boxes, scores, iou_threshold, first_only=True),
                "Often: only the best box of all removes others. Every box that is kept does: go on with the "
                "next.",
            ),
            Mistake(
                _skipping,
                "Often: boxes removed from the list that a loop runs through. The loop then skips the one behind "
                "each, and a duplicate stays. Build a new list of those that are left.",
            ),
            Mistake(
                lambda boxes, scores, iou_threshold: _nms(boxes, scores, 0.5),
                "Often: 0.5, whatever iou_threshold says.",
            ),
            Mistake(
                lambda boxes, scores, iou_threshold: boxes[_nms(boxes, scores, iou_threshold)],
                "These are the boxes themselves. Their indices are asked for.",
            ),
            Mistake(
                lambda boxes, scores, iou_threshold: scores[_nms(boxes, scores, iou_threshold)],
                "These are the scores. The indices of the boxes are asked for.",
            ),
            Mistake(
                lambda boxes, scores, iou_threshold: _nms(boxes, scores, iou_threshold)[::-1],
                "The right boxes, by rising score. The best comes first.",
            ),
            Mistake(_as_mask, "This marks the boxes that stay. Their indices by falling score are asked for."),
            Mistake(
                lambda boxes, scores, iou_threshold: np.argsort(-scores, kind="stable"), "No box was removed."
            ),
            Mistake(
                lambda boxes, scores, iou_threshold: np.argsort(-scores, kind="stable")[:1],
                "Only the best box is left. Those that do not overlap it are other objects.",
            ),
        ),
    ),
    "boxes.batched_nms": Exercise(
        reference=_class_nms,
        cases=_class_nms_cases,
        hint="nms on the boxes of one class returns indices into these boxes. Which boxes are they in the whole "
        "list? And when all classes are done, in which order do they stand?",
        mistakes=(
            Mistake(
                lambda boxes, scores, class_ids, iou_threshold: _nms(boxes, scores, iou_threshold),
                "Often: the classes are not looked at. A can removes the bottle that it stands in front of.",
            ),
            Mistake(
                _from_class_one,
                "Often: class 0 left out, as if it were background. Any integers may come: ask np.unique.",
            ),
            Mistake(
                _counted_from_zero,
                "Often: classes counted from 0 to the largest. Any integers may come, negative ones too: ask "
                "np.unique.",
            ),
            Mistake(_one_after_the_other, "Often: class after class. Sort by falling score over all classes."),
            *(
                Mistake(
                    partial(_within_the_class, by_score=by_score),
                    "Often: indices within the class. Look them up among the indices of the class's boxes.",
                )
                for by_score in (False, True)
            ),
            Mistake(
                _moved_apart,
                "Often: classes moved apart by class_ids · boxes.max(). With negative coordinates a box still "
                "meets one of the next class. The shift has to be max − min at least.",
            ),
            Mistake(
                partial(_moved_apart, by=1000),
                "Often: classes moved apart by a fixed number of pixels. Larger boxes still meet: the shift has "
                "to be max − min at least.",
            ),
            Mistake(
                lambda boxes, scores, class_ids, iou_threshold: boxes[
                    _class_nms(boxes, scores, class_ids, iou_threshold)
                ],
                "These are the boxes themselves. Their indices are asked for.",
            ),
            Mistake(
                lambda boxes, scores, class_ids, iou_threshold: _class_nms(
                    boxes, scores, class_ids, iou_threshold
                )[::-1],
                "The right boxes, by rising score. The best comes first.",
            ),
            Mistake(_in_index_order, "The right boxes, in the order of their indices instead of falling score."),
        ),
    ),
    "boxes.decode": Exercise(
        reference=_decode,
        cases=_decode_cases,
        hint="Begin with the anchor's centre and size. The first two numbers, times 0.1, move the centre in units "
        "of the anchor's size; the exponential of the last two, times 0.2, stretches the size.",
        mistakes=(
            Mistake(
                _decode_as(variances=(1, 1)),
                "Often: the variances are left out. encode divided by 0.1 and 0.2; decode multiplies.",
            ),
            Mistake(
                _decode_as(variances=(10, 5)),
                "Often: divided by the variances. encode divided, so decode multiplies.",
            ),
            Mistake(
                _decode_as(variances=(0.2, 0.1)),
                "Often: the two variances swapped. 0.1 goes with the centre, 0.2 with the size.",
            ),
            Mistake(
                _decode_as(variances=(0.1, 0.1)), "Often: 0.1 for all four. The sizes have a variance of 0.2."
            ),
            Mistake(
                _decode_as(sizes=lambda t: 1 + t),
                "Often: 1 + t instead of exp(t). That agrees for small t only and can turn negative.",
            ),
            Mistake(_decode_as(half=1.0), "Often: centre ± size. Half the size lies on each side."),
            Mistake(
                _decode_as(in_anchors=False),
                "Often: the centre moved in pixels. The offset is in units of the anchor's width and height.",
            ),
            Mistake(_decode_as(corners=False), "This is centre and size. The corners are asked for."),
            Mistake(
                _decode_to_corner_and_size, "This is one corner, and the size. The other corner is asked for."
            ),
            Mistake(
                lambda offsets, anchors: _decode(offsets, anchors)[:, [0, 2, 1, 3]],
                "The right numbers in the order x, x, y, y. Boxes are x_min, y_min, x_max, y_max.",
            ),
            Mistake(
                _variance_outside,
                "Often: 0.2 outside the exponential. It multiplies the offset: exp(0.2 · t).",
            ),
            Mistake(
                _decode_as(from_corner=True), "Often: the anchor's corner taken for its centre. Add half its size."
            ),
        ),
    ),
    "boxes.match": Exercise(
        reference=_match,
        cases=_match_cases,
        hint="Judge every anchor by its best box first: 0.5 and 0.4 are the limits. Then give every box one "
        "anchor of its own, the pair of highest IoU of all first; box and anchor are then out of the contest.",
        mistakes=(
            Mistake(
                _match_as(),
                "Often: no forced matches, none below a limit, or thresholds that overwrite all of them again: "
                "force them last. A box whose best anchor lies below 0.5 is otherwise never learnt.",
            ),
            Mistake(
                partial(_overwritten, by="positive anchors"),
                "Often: a box is denied its forced anchor because that anchor is positive for another box: "
                "positive anchors written over the forced matches, or left out of the contest. Every anchor takes "
                "part, and the forced matches are written last.",
            ),
            Mistake(
                partial(_overwritten, by="ignored anchors"),
                "Often: the ignored anchors written after the forced matches, over some of them. Force them last.",
            ),
            Mistake(
                lambda anchors, boxes: _codes_swapped(_match(anchors, boxes)),
                "Often: −1 and −2 swapped. Background is −1, an ignored anchor is −2.",
            ),
            Mistake(
                lambda anchors, boxes: _codes_swapped(_match_with(anchors, boxes)),
                "Two faults: −1 and −2 swapped (background is −1), and no forced matches.",
            ),
            *(
                Mistake(
                    lambda anchors, boxes, band=band: _one_anchor_a_box(anchors, boxes, band=band),
                    "Often: one anchor a box. All anchors with an IoU of 0.5 or more are positive, too.",
                )
                for band in (True, False)
            ),
            *(
                Mistake(
                    lambda anchors, boxes, limits=limits: course.match_anchors(anchors, boxes, *limits),
                    "Often: a limit of positive anchors above 0.5 (Faster R-CNN has 0.7). Here it is 0.5, and "
                    "background lies below 0.4.",
                )
                for limits in ((0.7, 0.3), (0.7, 0.4), (0.7, 0.5))
            ),
            Mistake(
                _match_as(forced="last"),
                "Often: a box takes its best anchor, whoever else needs it, so that the last of two boxes "
                "with the same best anchor leaves the other without.",
            ),
            Mistake(
                _match_as(forced="in turn"),
                "Often: the boxes choose in the order of the list. The pair of highest IoU goes first.",
            ),
            Mistake(
                _match_as(forced="sorted once"),
                "Often: the boxes sorted once, by their best IoU. A box whose best anchor is taken goes back in "
                "the row: take the pair of highest IoU of those that are left.",
            ),
            Mistake(
                _match_as(forced="even without overlap"),
                "Often: every box takes its best anchor, whoever else needs it, and one that no anchor overlaps "
                "takes anchor 0, since argmax of zeros is 0. Give each box an anchor of its own, and none to a "
                "box without overlap.",
            ),
            Mistake(
                _match_as(forced="even of zeros"),
                "Often: the loop goes on when only zeros are left. Their argmax is the first pair, so the first "
                "box takes the first anchor: stop there.",
            ),
            Mistake(
                _match_as(forced="best sum"),
                "Often: the assignment of the highest sum of IoUs. The pair of highest IoU goes first, whatever "
                "is left for the others.",
            ),
            Mistake(
                lambda anchors, boxes: _with_forced(_match_with(anchors, boxes, at_limits=False), anchors, boxes),
                "Often: > where ≥ belongs. From 0.5 on an anchor is positive, and only below 0.4 background.",
            ),
            Mistake(
                lambda anchors, boxes: _with_forced(_match_with(anchors, boxes, last_box=True), anchors, boxes),
                "Often: the last box that an anchor reaches 0.5 with. It belongs to the one of its highest IoU.",
            ),
            Mistake(_no_band, "Often: no band between. From 0.4 to 0.5 an anchor is ignored, which is −2."),
            Mistake(_match_as(band=False), "Often: neither forced matches nor an ignored band."),
        ),
    ),
    **EVALUATION,
}
