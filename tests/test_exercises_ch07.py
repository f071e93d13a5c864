"""The checker of chapter 07 against the wrong answers that students give."""

import signal

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import average_precision_score, precision_recall_curve

from course_utils.boxes import batched_nms, match_anchors, nms, pairwise_iou
from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch07 import EXERCISES
from course_utils.exercises.ch07_evaluation import EVALUATION
from exercise_answers import (
    WrongAnswer,
    assert_enough_wrong_answers,
    assert_error_is_shown,
    assert_mistakes_are_named,
    assert_rejected,
    assert_stub_is_not_attempted,
)


def right_iou(a, b):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union > 0 else 0.0


def iou(clamp=lambda x: np.maximum(x, 0), pixel=0, twice=False):
    def answer(a, b):
        shared = np.prod(clamp(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]) + pixel))
        areas = np.prod(a[2:] - a[:2] + pixel) + np.prod(b[2:] - b[:2] + pixel)
        return shared / areas if twice else shared / (areas - shared)

    return answer


def one_clamp_on_the_product(a, b):
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = max(width * height, 0)
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared
    return shared / union if union > 0 else 0.0


def one_for_boxes_without_area(a, b):
    return 1.0 if np.array_equal(a, b) and a[0] == a[2] else right_iou(a, b)


def shared_area(a, b):
    return np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))


def right_union(a, b):
    return np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared_area(a, b)


def right_nms(boxes, scores, iou_threshold):
    left, kept = list(np.argsort(-scores)), []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [k for k in left if right_iou(boxes[best], boxes[k]) <= iou_threshold]
    return np.array(kept, int)


def nms_with_the_test(stays):
    def answer(boxes, scores, iou_threshold):
        left, kept = list(np.argsort(-scores)), []
        while left:
            best = left.pop(0)
            kept.append(best)
            left = [k for k in left if stays(right_iou(boxes[best], boxes[k]), iou_threshold)]
        return np.array(kept, int)

    return answer


def nms_against_the_best_only(boxes, scores, iou_threshold):
    order = np.argsort(-scores)
    return np.array(
        [k for k in order if k == order[0] or right_iou(boxes[order[0]], boxes[k]) <= iou_threshold], int
    )


def nms_where_the_removed_remove(boxes, scores, iou_threshold):
    order = np.argsort(-scores)
    overlaps = np.triu(pairwise_iou(boxes[order], boxes[order]) > iou_threshold, 1)
    return order[~overlaps.any(axis=0)]


def nms_on_sorted_boxes(boxes, scores, iou_threshold):
    order = np.argsort(-scores)
    return right_nms(boxes[order], scores[order], iou_threshold)


def nms_that_skips(boxes, scores, iou_threshold):
    left, kept = list(np.argsort(-scores)), []
    while left:
        best = left.pop(0)
        kept.append(best)
        for k in left:
            if right_iou(boxes[best], boxes[k]) > iou_threshold:
                left.remove(k)
    return np.array(kept, int)


def nms_where_one_is_enough(boxes, scores, iou_threshold):
    kept = []
    for i in np.argsort(-scores):
        if not kept or pairwise_iou(boxes[[i]], boxes[kept]).min() <= iou_threshold:
            kept.append(i)
    return np.array(kept, int)


def nms_rising(boxes, scores, iou_threshold):
    return right_nms(boxes, -scores, iou_threshold)


def nms_at_the_threshold(boxes, scores, iou_threshold):
    return right_nms(boxes, scores, iou_threshold - 1e-9)


def nms_in_the_order_of_the_list(boxes, scores, iou_threshold):
    return right_nms(boxes, -np.arange(len(boxes)), iou_threshold)


def nms_with_a_score_cut(boxes, scores, iou_threshold):
    kept = right_nms(boxes, scores, iou_threshold)
    return kept[scores[kept] > 0.05]


def nms_where_the_kept_removes_itself(boxes, scores, iou_threshold):
    order, kept = np.argsort(-scores), []
    while len(order):
        kept.append(order[0])
        order = order[pairwise_iou(boxes[order[:1]], boxes[order])[0] <= iou_threshold]
    return np.array(kept, int)


def right_batched_nms(boxes, scores, class_ids, iou_threshold):
    kept = []
    for class_id in set(class_ids.tolist()):
        members = np.flatnonzero(class_ids == class_id)
        kept += members[nms(boxes[members], scores[members], iou_threshold)].tolist()
    return np.array(sorted(kept, key=lambda k: -scores[k]), int)


def by_score(kept, scores):
    return kept[np.argsort(-scores[kept], kind="stable")]


def class_after_class(boxes, scores, class_ids, iou_threshold):
    kept = [np.zeros(0, int)]
    for class_id in np.unique(class_ids):
        members = np.flatnonzero(class_ids == class_id)
        kept.append(members[nms(boxes[members], scores[members], iou_threshold)])
    return np.concatenate(kept)


def indices_within_the_class(boxes, scores, class_ids, iou_threshold):
    kept = [np.zeros(0, int)]
    for class_id in np.unique(class_ids):
        members = np.flatnonzero(class_ids == class_id)
        kept.append(nms(boxes[members], scores[members], iou_threshold))
    return np.concatenate(kept)


def moved_apart(boxes, scores, class_ids, iou_threshold):
    shift = class_ids * (boxes.max() if len(boxes) else 0)
    return nms(boxes + shift[:, None], scores, iou_threshold)


def moved_apart_along_x(boxes, scores, class_ids, iou_threshold):
    shift = class_ids * boxes.max(initial=0)
    return nms(boxes + shift[:, None] * [1, 0, 1, 0], scores, iou_threshold)


def moved_apart_by(pixels):
    return lambda boxes, scores, class_ids, iou_threshold: nms(
        boxes + pixels * class_ids[:, None], scores, iou_threshold
    )


def only_these_classes(first, last):
    def answer(boxes, scores, class_ids, iou_threshold):
        members = np.flatnonzero((class_ids >= first) & (class_ids <= last))
        return members[right_batched_nms(boxes[members], scores[members], class_ids[members], iou_threshold)]

    return answer


def classes_from_a_range(boxes, scores, class_ids, iou_threshold):
    kept = []
    for class_id in range(max(class_ids, default=0) + 1):
        members = np.flatnonzero(class_ids == class_id)
        kept += members[nms(boxes[members], scores[members], iou_threshold)].tolist()
    return np.array(sorted(kept, key=lambda k: -scores[k]), int)


def decode(variances=(0.1, 0.2), half=2, sizes=np.exp, units=True):
    def answer(offsets, anchors):
        x, y = (anchors[:, 0] + anchors[:, 2]) / 2, (anchors[:, 1] + anchors[:, 3]) / 2
        w, h = anchors[:, 2] - anchors[:, 0], anchors[:, 3] - anchors[:, 1]
        x = x + offsets[:, 0] * variances[0] * (w if units else 1)
        y = y + offsets[:, 1] * variances[0] * (h if units else 1)
        w, h = w * sizes(offsets[:, 2] * variances[1]), h * sizes(offsets[:, 3] * variances[1])
        return np.stack([x - w / half, y - h / half, x + w / half, y + h / half], axis=1)

    return answer


def decode_to_centres(offsets, anchors):
    corners = decode()(offsets, anchors)
    return np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1)


def match(force, band=True, reaches=np.greater_equal, choose=lambda overlap: overlap.argmax(axis=1)):
    def answer(anchors, boxes):
        if len(boxes) == 0:
            return np.full(len(anchors), -1)
        overlap = np.array([[right_iou(a, b) for b in boxes] for a in anchors])
        best = overlap.max(axis=1)
        matches = np.where(reaches(best, 0.5), choose(overlap), np.where(reaches(best, 0.4) & band, -2, -1))
        force(overlap, matches)
        return matches

    return answer


def take_the_best_pair(overlap, matches):
    anchor, box = np.unravel_index(overlap.argmax(), overlap.shape)
    matches[anchor] = box
    overlap[anchor] = 0
    overlap[:, box] = 0


def best_pair_first(overlap, matches):
    overlap = overlap.copy()
    while overlap.max() > 0:
        take_the_best_pair(overlap, matches)


def as_many_pairs_as(count):
    def force(overlap, matches):
        overlap = overlap.copy()
        for _ in range(count(overlap)):
            take_the_best_pair(overlap, matches)

    return force


def each_its_best(overlap, matches):
    for box in range(overlap.shape[1]):
        if overlap[:, box].max() > 0:
            matches[overlap[:, box].argmax()] = box


def each_its_best_without_a_look(overlap, matches):
    matches[overlap.argmax(axis=0)] = np.arange(overlap.shape[1])


def in_turn(overlap, matches, order=lambda best: range(len(best))):
    overlap = overlap.copy()
    for box in order(overlap.max(axis=0)):
        if overlap[:, box].max() > 0:
            matches[overlap[:, box].argmax()] = box
            overlap[overlap[:, box].argmax()] = 0


def sorted_once(overlap, matches):
    in_turn(overlap, matches, order=lambda best: np.argsort(-best))


def best_sum(overlap, matches):
    for anchor, box in zip(*linear_sum_assignment(-overlap), strict=True):
        if overlap[anchor, box] > 0:
            matches[anchor] = box


def the_last_that_reaches(overlap):
    return overlap.shape[1] - 1 - (overlap >= 0.5)[:, ::-1].argmax(axis=1)


def the_first_that_reaches(overlap):
    return (overlap >= 0.5).argmax(axis=1)


def codes_swapped(answer):
    def swapped(anchors, boxes):
        matches = answer(anchors, boxes)
        return np.select([matches == -1, matches == -2], [-2, -1], matches)

    return swapped


def one_anchor_a_box(anchors, boxes):
    matches = np.full(len(anchors), -1)
    if len(boxes):
        best_pair_first(pairwise_iou(anchors, boxes), matches)
    return matches


def forced_before(written):
    """Forced matches first, then what the thresholds say wherever ``written`` holds for an anchor's best IoU."""

    def answer(anchors, boxes):
        plain, right = (match(force)(anchors, boxes) for force in (lambda overlap, matches: None, best_pair_first))
        return np.where(written(pairwise_iou(anchors, boxes).max(axis=1, initial=0)), plain, right)

    return answer


def match_that_needs_a_box(anchors, boxes):
    pairwise_iou(anchors, boxes).max(axis=1)
    return match(best_pair_first)(anchors, boxes)


def right_average_precision(scores, is_true_positive, n_objects):
    points = sorted(zip(-scores, is_true_positive, strict=True))
    found, curve = 0, []
    for k, (_, hit) in enumerate(points, 1):
        found += hit
        curve.append((found / n_objects, found / k))
    return sum(max((p for r, p in curve if r >= k / 100), default=0.0) for k in range(101)) / 101


def points_of(scores, is_true_positive, n_objects):
    found = np.cumsum(is_true_positive[np.argsort(-scores)])
    return found / n_objects, found / (np.arange(len(found)) + 1)


def above_the_recall(*detections):
    recall, precision = points_of(*detections)
    return np.mean([precision[recall > k / 100].max(initial=0) for k in range(101)])


def by_trapezoids(from_zero):
    def answer(*detections):
        recall, precision = points_of(*detections)
        return np.trapezoid(np.append([1] * from_zero, precision), np.append([0] * from_zero, recall))

    return answer


def by_interpolation(*detections):
    recall, precision = points_of(*detections)
    return np.interp(np.linspace(0, 1, 101), recall, precision).mean() if len(recall) else 0.0


def without_the_last_recall(*detections):
    recall, precision = points_of(*detections)
    return np.mean([precision[recall >= r].max(initial=0) for r in np.arange(0, 1, 0.01)])


def eleven_points(scores, is_true_positive, n_objects):
    order = np.argsort(-scores)
    found = np.cumsum(is_true_positive[order])
    recall, precision = found / n_objects, found / (np.arange(len(found)) + 1)
    return np.mean([max(precision[recall >= r], default=0) for r in np.linspace(0, 1, 11)])


def area_under_the_steps(scores, is_true_positive, n_objects):
    order = np.argsort(-scores)
    found = np.cumsum(is_true_positive[order])
    precision = found / (np.arange(len(found)) + 1)
    steps = np.diff(found, prepend=0) / n_objects
    return sum(step * precision[k:].max() for k, step in enumerate(steps))


def mean_at_the_hits(scores, is_true_positive, n_objects):
    order = np.argsort(-scores)
    hits = is_true_positive[order]
    return np.sum(hits * np.cumsum(hits) / (np.arange(len(hits)) + 1)) / n_objects


def average_of_reached_recalls(scores, is_true_positive, n_objects):
    order = np.argsort(-scores)
    found = np.cumsum(is_true_positive[order])
    recall, precision = found / n_objects, found / (np.arange(len(found)) + 1)
    reached = [precision[recall >= k / 100].max() for k in range(101) if (recall >= k / 100).any()]
    return np.mean(reached) if reached else 0.0


def average_from_recall_001(scores, is_true_positive, n_objects):
    at_0 = right_average_precision(scores, is_true_positive, n_objects) * 101
    order = np.argsort(-scores)
    highest = (np.cumsum(is_true_positive[order]) / (np.arange(len(scores)) + 1)).max(initial=0)
    return (at_0 - highest) / 100


def right_precision_recall(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
    taken = set()
    for k in sorted(range(len(boxes)), key=lambda k: -scores[k]):
        fits = [
            (right_iou(boxes[k], true_boxes[j]), j)
            for j in range(len(true_boxes))
            if j not in taken and true_ids[j] == ids[k]
        ]
        best, j = max(fits, default=(-1, -1))
        if best >= iou_threshold:
            taken.add(j)
    return np.array(
        [
            len(taken) / len(boxes) if len(boxes) else np.nan,
            len(taken) / len(true_boxes) if len(true_boxes) else np.nan,
        ]
    )


def the_sources_evaluator(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
    right = wrong = 0
    for box, label in zip(true_boxes, true_ids, strict=True):
        overlaps = [right_iou(box, other) for other in boxes]
        if max(overlaps, default=0) > 0:
            agrees = ids[np.argmax(overlaps)] == label
            right, wrong = right + agrees, wrong + (not agrees)
    if right + wrong == 0:
        return np.zeros(2)
    return np.array([right / (right + wrong), right / len(true_boxes)])


def objects_with_a_box(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
    found = sum(
        any(own == of and right_iou(box, true) >= iou_threshold for box, of in zip(boxes, ids, strict=True))
        for true, own in zip(true_boxes, true_ids, strict=True)
    )
    shares = [found / n if n else np.nan for n in (len(boxes), len(true_boxes))]
    return np.array(shares)


def judged_from_both_sides(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
    good = (pairwise_iou(true_boxes, boxes) >= iou_threshold) & (true_ids[:, None] == ids)
    with np.errstate(invalid="ignore"):
        return np.array([np.float64(good.any(0).sum()) / len(ids), np.float64(good.any(1).sum()) / len(true_ids)])


def zeros_for_nothing(*arguments):
    return np.nan_to_num(right_precision_recall(*arguments))


def without_the_class(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
    return right_precision_recall(true_boxes, true_ids * 0, boxes, scores, ids * 0, iou_threshold)


def in_the_order_of_the_list(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
    return right_precision_recall(true_boxes, true_ids, boxes, -np.arange(len(boxes)), ids, iou_threshold)


def by_the_rule_of_voc(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
    taken, overlaps = set(), pairwise_iou(boxes, true_boxes) * (ids[:, None] == true_ids)
    for k in np.argsort(-scores) if len(true_boxes) else ():
        if overlaps[k].max() >= iou_threshold:
            taken.add(overlaps[k].argmax())
    with np.errstate(invalid="ignore"):
        return np.array([np.float64(len(taken)) / len(boxes), np.float64(len(taken)) / len(true_boxes)])


def boxes_far_from_everything_left_out(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
    near = pairwise_iou(boxes, true_boxes).max(axis=1, initial=0) > 0
    return right_precision_recall(true_boxes, true_ids, boxes[near], scores[near], ids[near], iou_threshold)


def every_box_on_an_object_is_right(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
    good = (pairwise_iou(boxes, true_boxes) >= iou_threshold) & (ids[:, None] == true_ids)
    hits = np.float64(good.any(1).sum())
    with np.errstate(invalid="ignore"):
        return np.array([hits / len(boxes), hits / len(true_boxes)])


def matched_by(choose, order=lambda scores, overlaps: np.argsort(-scores), reaches=np.greater_equal):
    """One to one and class by class, with a choice among the free objects that are reached."""

    def answer(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
        overlaps = np.where(ids[:, None] == true_ids, pairwise_iou(boxes, true_boxes), -1)
        taken = []
        for k in order(scores, overlaps):
            fits = [j for j in np.flatnonzero(reaches(overlaps[k], iou_threshold)) if j not in taken]
            taken += [choose(overlaps[k], fits)] if fits else []
        with np.errstate(invalid="ignore"):
            return np.float64(len(taken)) / np.array([len(boxes), len(true_boxes)])

    return answer


def the_best(overlaps, fits):
    return max(fits, key=lambda j: overlaps[j])


def closest_first(scores, overlaps):
    return np.argsort(-overlaps.max(axis=1, initial=0), kind="stable")


def objects_choose(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
    free, hits = list(range(len(boxes))), 0
    for box, label in zip(true_boxes, true_ids, strict=True):
        fits = [k for k in free if ids[k] == label and right_iou(box, boxes[k]) >= iou_threshold]
        if fits:
            hits += 1
            free.remove(max(fits, key=lambda k: right_iou(box, boxes[k])))
    with np.errstate(invalid="ignore"):
        return np.float64(hits) / np.array([len(boxes), len(true_boxes)])


def shares_by(count):
    """Precision and recall by another count of hits than that of the rule."""

    def answer(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
        overlaps = pairwise_iou(boxes, true_boxes) * (ids[:, np.newaxis] == true_ids)
        hits = np.float64(count(overlaps, overlaps >= iou_threshold))
        with np.errstate(invalid="ignore"):
            return np.array([hits / len(boxes), hits / len(true_boxes)])

    return answer


def assigned(gain):
    """One to one, by the best assignment of SciPy instead of the rule."""
    return shares_by(
        lambda overlaps, reached: reached[linear_sum_assignment(-1.0 * gain(overlaps, reached))].sum()
    )


def nearest_boxes_as_a_set(overlaps, reached):
    return len({overlaps[:, k].argmax() for k in np.flatnonzero(reached.any(axis=0))})


def nothing_where_either_is_empty(*arguments):
    if len(arguments[0]) == 0 or len(arguments[2]) == 0:
        return np.array([np.nan, np.nan])
    return right_precision_recall(*arguments)


def class_asked_last(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
    taken, overlaps = [], pairwise_iou(boxes, true_boxes)
    for k in np.argsort(-scores) if len(true_boxes) else ():
        if overlaps[k].max() >= iou_threshold and true_ids[overlaps[k].argmax()] == ids[k]:
            taken.append(overlaps[k].argmax())
            overlaps[:, taken[-1]] = 0
    with np.errstate(invalid="ignore"):
        return np.float64(len(taken)) / np.array([len(boxes), len(true_boxes)])


def any_overlap(true_boxes, true_ids, boxes, scores, ids, iou_threshold):
    return right_precision_recall(true_boxes, true_ids, boxes, scores, ids, 1e-9)


RIGHT = {
    "boxes.iou": right_iou,
    "boxes.nms": right_nms,
    "boxes.batched_nms": right_batched_nms,
    "boxes.decode": decode(),
    "boxes.match": match(best_pair_first),
    "metrics.average_precision": right_average_precision,
    "metrics.precision_recall": right_precision_recall,
}

WRONG: list[WrongAnswer] = [
    ("boxes.iou", iou(clamp=lambda x: x), "not cut off"),
    ("boxes.iou", iou(), "0 / 0"),
    ("boxes.iou", iou(pixel=1), "+ 1"),
    ("boxes.iou", iou(twice=True), "sum of the areas"),
    ("boxes.iou", lambda a, b: 2 * iou(twice=True)(a, b), "This is Dice"),
    ("boxes.iou", one_clamp_on_the_product, "product of the two lengths"),
    ("boxes.iou", one_for_boxes_without_area, "1 for two boxes"),
    ("boxes.iou", lambda a, b: 1 - right_iou(a, b), "values differ"),
    ("boxes.nms", nms_where_the_removed_remove, "was removed removes others"),
    ("boxes.nms", nms_on_sorted_boxes, "places in the sorted list"),
    ("boxes.nms", nms_rising, "lowest score first"),
    ("boxes.nms", nms_where_one_is_enough, "any where all belongs"),
    ("boxes.nms", nms_at_the_threshold, "≥ where > belongs"),
    ("boxes.nms", nms_in_the_order_of_the_list, "in the order of the list"),
    ("boxes.nms", lambda b, s, t: right_nms(b, s, 0), "any overlap"),
    ("boxes.nms", nms_with_a_score_cut, "shape"),
    ("boxes.nms", lambda b, s, t: np.sort(right_nms(b, s, t)), "by falling score"),
    ("boxes.nms", lambda b, s, t: b[right_nms(b, s, t)], "boxes themselves"),
    ("boxes.batched_nms", lambda b, s, c, t: nms(b, s, t), "classes are not looked at"),
    ("boxes.batched_nms", class_after_class, "class after class"),
    ("boxes.batched_nms", indices_within_the_class, "within the class"),
    ("boxes.batched_nms", lambda *given: by_score(indices_within_the_class(*given), given[1]), "within the class"),
    ("boxes.batched_nms", moved_apart, "moved apart"),
    ("boxes.batched_nms", moved_apart_along_x, "moved apart"),
    ("boxes.batched_nms", only_these_classes(1, 9), "class 0 left out"),
    ("boxes.batched_nms", only_these_classes(0, 3), "shape"),
    ("boxes.batched_nms", lambda b, s, c, t: np.sort(batched_nms(b, s, c, t)), "order of their indices"),
    ("boxes.decode", decode((1, 1)), "variances are left out"),
    ("boxes.decode", decode((10, 5)), "divided by the variances"),
    ("boxes.decode", decode((0.2, 0.1)), "swapped"),
    ("boxes.decode", decode(half=1), "centre ± size"),
    ("boxes.decode", decode(sizes=lambda t: 1 + t), "1 + t"),
    ("boxes.decode", decode(units=False), "moved in pixels"),
    ("boxes.decode", decode_to_centres, "centre and size"),
    ("boxes.match", match(lambda overlap, matches: None), "no forced matches"),
    ("boxes.match", match(each_its_best), "leaves the other without"),
    ("boxes.match", match(each_its_best_without_a_look), "none to a box without overlap"),
    ("boxes.match", match(as_many_pairs_as(lambda overlap: overlap.shape[1])), "only zeros are left"),
    ("boxes.match", match(as_many_pairs_as(lambda overlap: min(overlap.shape))), "only zeros are left"),
    ("boxes.match", match(in_turn), "order of the list"),
    ("boxes.match", match(sorted_once), "sorted once"),
    ("boxes.match", lambda anchors, boxes: match_anchors(anchors, boxes, 0.7, 0.3), "Faster R-CNN has 0.7"),
    ("boxes.match", lambda anchors, boxes: match_anchors(anchors, boxes, 0.7), "Faster R-CNN has 0.7"),
    ("boxes.match", match(best_pair_first, band=False), "no band"),
    ("boxes.match", match(best_sum), "highest sum"),
    ("boxes.match", match(best_pair_first, reaches=np.greater), "> where ≥"),
    ("boxes.match", match(best_pair_first, choose=the_last_that_reaches), "last box"),
    ("boxes.match", match(best_pair_first, choose=the_first_that_reaches), "values differ"),
    ("boxes.match", match_that_needs_a_box, "without elements"),
    ("metrics.average_precision", lambda s, h, n: right_average_precision(-np.arange(len(s)), h, n), "not sorted"),
    ("metrics.average_precision", lambda s, h, n: right_average_precision(-s, h, n), "wrong way"),
    (
        "metrics.average_precision",
        lambda s, h, n: right_average_precision(s, h, max(h.sum(), 1)),
        "share of the objects found",
    ),
    ("metrics.average_precision", average_of_reached_recalls, "never reached left out"),
    ("metrics.average_precision", average_from_recall_001, "Recall 0"),
    (
        "metrics.average_precision",
        lambda s, h, n: right_average_precision(s, h, n) if len(s) else np.nan,
        "NaN without detections",
    ),
    ("metrics.average_precision", eleven_points, "11 recalls"),
    ("metrics.average_precision", area_under_the_steps, "whole area"),
    ("metrics.average_precision", mean_at_the_hits, "precisions at the hits"),
    ("metrics.precision_recall", the_sources_evaluator, "faulty evaluator"),
    ("metrics.precision_recall", judged_from_both_sides, "judged apart"),
    ("metrics.precision_recall", objects_with_a_box, "objects are still asked"),
    ("metrics.precision_recall", zeros_for_nothing, "NaN"),
    ("metrics.precision_recall", without_the_class, "class is not looked at"),
    ("metrics.precision_recall", in_the_order_of_the_list, "chooses its object first"),
    ("metrics.precision_recall", by_the_rule_of_voc, "rule of VOC"),
    ("metrics.precision_recall", boxes_far_from_everything_left_out, "not counted"),
    ("metrics.precision_recall", every_box_on_an_object_is_right, "count as right"),
    ("metrics.precision_recall", any_overlap, "any overlap is enough"),
    ("metrics.precision_recall", matched_by(lambda overlaps, fits: fits[0]), "first object that it reaches"),
    ("metrics.precision_recall", matched_by(the_best, reaches=np.greater), "> where ≥"),
    ("metrics.precision_recall", matched_by(the_best, closest_first), "highest IoU first"),
    ("metrics.precision_recall", matched_by(the_best, lambda scores, _: np.argsort(scores)), "lowest score first"),
    ("metrics.precision_recall", class_asked_last, "class asked only then"),
    ("metrics.precision_recall", lambda *a: right_precision_recall(*a)[::-1], "Precision comes first"),
    # further ones: the test inverted, codes swapped, forced matches lost, other curves, thresholds not used
    ("boxes.iou", lambda a, b: right_iou(a[[0, 2, 1, 3]], b[[0, 2, 1, 3]]), "x_min, x_max"),
    (
        "boxes.iou",
        lambda a, b: 0.0 if (np.minimum(a, b)[2:] <= np.maximum(a, b)[:2]).all() else iou(lambda x: x)(a, b),
        "one of them is enough",
    ),
    ("boxes.iou", lambda a, b: right_iou(a, b) ** 2, "values differ"),
    ("boxes.iou", lambda a, b: 100 * right_iou(a, b), "values differ"),
    (
        "boxes.iou",
        lambda a, b: np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)),
        "differ",
    ),
    ("boxes.iou", lambda a, b: shared_area(a, b) / max(right_union(a, b), 1), "values differ"),
    ("boxes.iou", lambda a, b: shared_area(a, b) / (right_union(a, b) + 1e-3), "values differ"),
    ("boxes.iou", lambda a, b: pairwise_iou(a[None], b[None]), "shape"),
    ("boxes.nms", nms_with_the_test(lambda overlap, threshold: overlap > threshold), "wrong way round"),
    ("boxes.nms", nms_with_the_test(lambda overlap, threshold: overlap >= threshold), "wrong way round"),
    ("boxes.nms", nms_that_skips, "skips the one behind"),
    ("boxes.nms", nms_against_the_best_only, "only the best box of all"),
    ("boxes.nms", lambda b, s, t: right_nms(b, s, t)[:1], "Only the best box is left"),
    ("boxes.nms", lambda b, s, t: np.array([s.argmax()]), "Only the best box is left"),
    ("boxes.nms", lambda b, s, t: s[right_nms(b, s, t)], "These are the scores"),
    ("boxes.nms", lambda b, s, t: right_nms(b, s, t)[::-1], "by rising score"),
    ("boxes.nms", lambda b, s, t: right_nms(b, s, 0.5), "whatever iou_threshold says"),
    ("boxes.nms", lambda b, s, t: right_nms(b, s, 1 - t), "shape"),
    ("boxes.nms", lambda b, s, t: right_nms(b, s, t) + 1, "values differ"),
    ("boxes.nms", lambda b, s, t: np.arange(len(b)), "shape"),
    ("boxes.nms", lambda b, s, t: right_nms(b, s, t) if s.max() else None, "without elements"),
    ("boxes.nms", lambda b, s, t: right_nms(b, s, t) if len(b) else None, "without elements"),
    ("boxes.batched_nms", classes_from_a_range, "negative ones too"),
    ("boxes.batched_nms", lambda b, s, c, t: b[right_batched_nms(b, s, c, t)], "boxes themselves"),
    ("boxes.batched_nms", lambda b, s, c, t: right_batched_nms(b, s, c, t)[::-1], "by rising score"),
    ("boxes.batched_nms", moved_apart_by(10), "shape"),
    *(
        ("boxes.batched_nms", moved_apart_by(pixels), "fixed number of pixels")
        for pixels in (1000, 4096, 7680, 10_000, 1e6)
    ),
    ("boxes.batched_nms", lambda b, s, c, t: right_batched_nms(b, s, np.arange(len(c)), t), "shape"),
    ("boxes.batched_nms", lambda b, s, c, t: c[right_batched_nms(b, s, c, t)], "values differ"),
    ("boxes.decode", lambda o, a: a + o, "values differ"),
    ("boxes.decode", decode((0.1, 0.1)), "0.1 for all four"),
    ("boxes.decode", decode(sizes=lambda t: 2**t), "values differ"),
    ("boxes.decode", decode((-0.1, 0.2)), "values differ"),
    ("boxes.decode", lambda o, a: np.maximum(decode()(o, a), 0), "values differ"),
    ("boxes.decode", lambda o, a: decode()(o, a)[:, [1, 0, 3, 2]], "values differ"),
    ("boxes.decode", lambda o, a: decode()(o, a)[:, [0, 2, 1, 3]], "x, x, y, y"),
    ("boxes.decode", lambda o, a: decode()(o, a) - np.pad(decode()(o, a)[:, :2], ((0, 0), (2, 0))), "one corner"),
    ("boxes.decode", decode((0.1, 1), sizes=lambda t: np.exp(t) * 0.2), "outside the exponential"),
    ("boxes.match", codes_swapped(match(best_pair_first)), "−1 and −2 swapped"),
    ("boxes.match", codes_swapped(match(lambda overlap, matches: None)), "Two faults"),
    ("boxes.match", one_anchor_a_box, "one anchor a box"),
    ("boxes.match", forced_before(lambda best: best >= -1), "thresholds that overwrite"),
    ("boxes.match", forced_before(lambda best: best >= 0.5), "positive for another box"),
    ("boxes.match", forced_before(lambda best: (best >= 0.4) & (best < 0.5)), "ignored anchors written after"),
    ("boxes.match", lambda a, b: np.maximum(match(best_pair_first)(a, b), -1), "no band"),
    ("boxes.match", lambda a, b: match(best_pair_first)(a, b) + 1, "values differ"),
    ("boxes.match", lambda a, b: match(best_pair_first)(a, b) >= 0, "values differ"),
    ("metrics.average_precision", above_the_recall, "> where ≥"),
    ("metrics.average_precision", by_trapezoids(from_zero=False), "trapezoids"),
    ("metrics.average_precision", by_trapezoids(from_zero=True), "trapezoids"),
    ("metrics.average_precision", by_interpolation, "np.interp"),
    (
        "metrics.average_precision",
        lambda s, h, n: right_average_precision(s, h, max(len(h), 1)),
        "number of detections",
    ),
    ("metrics.average_precision", lambda s, h, n: 1.01 * right_average_precision(s, h, n), "divided by 100"),
    ("metrics.average_precision", without_the_last_recall, "ends at 0.99"),
    ("metrics.average_precision", lambda s, h, n: 100 * right_average_precision(s, h, n), "values differ"),
    ("metrics.average_precision", lambda s, h, n: right_average_precision(s, 1 - h, n), "values differ"),
    ("metrics.average_precision", lambda s, h, n: h.sum() / n, "values differ"),
    (
        "metrics.average_precision",
        lambda s, h, n: average_precision_score(h, s) if len(h) else 0.0,
        "values differ",
    ),
    ("metrics.precision_recall", lambda *a: right_precision_recall(*a[:5], 0.5), "whatever iou_threshold says"),
    ("metrics.precision_recall", lambda *a: right_precision_recall(*a[:5], 0.75), "values differ"),
    ("metrics.precision_recall", objects_choose, "The detections choose"),
    ("metrics.precision_recall", assigned(lambda overlaps, reached: overlaps), "highest sum of IoUs"),
    ("metrics.precision_recall", assigned(lambda overlaps, reached: reached), "as many pairs as possible"),
    ("metrics.precision_recall", shares_by(nearest_boxes_as_a_set), "counts once"),
    (
        "boxes.match",
        lambda anchors, boxes: match_anchors(anchors, boxes, 0.6),
        "a limit of positive anchors above",
    ),
    ("metrics.precision_recall", nothing_where_either_is_empty, "NaN for both"),
    ("metrics.precision_recall", lambda *a: right_precision_recall(*a).prod(), "shape"),
    ("metrics.precision_recall", lambda *a: 1 - right_precision_recall(*a), "values differ"),
    ("metrics.precision_recall", lambda *a: np.nan_to_num(right_precision_recall(*a), nan=1.0), "values differ"),
]


@pytest.mark.parametrize("name", CHAPTERS["ch07"])
def test_a_right_answer_is_accepted(name):
    result = check(name, RIGHT[name])
    assert result.status == "correct", result


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_feedback(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs the alarm of POSIX")
def test_a_kept_box_that_is_to_remove_itself_never_goes_if_it_has_no_area():
    result = check("boxes.nms", nms_where_the_kept_removes_itself, time_limit=1)
    assert result.status == "error"
    assert "a loop that never ends" in result.message
    assert "5.,  5.,  5.,  5." in result.message


@pytest.mark.parametrize("name", CHAPTERS["ch07"])
def test_every_mistake_is_rejected_with_its_own_words(name):
    assert_mistakes_are_named(name, EXERCISES[name])


def test_every_exercise_is_tried_with_enough_wrong_answers():
    assert_enough_wrong_answers("ch07", WRONG)


@pytest.mark.parametrize("name", CHAPTERS["ch07"])
def test_a_stub_is_not_attempted(name):
    assert_stub_is_not_attempted(name)


@pytest.mark.parametrize("name", CHAPTERS["ch07"])
def test_an_error_is_shown(name):
    assert_error_is_shown(name)


def test_the_average_precision_asked_for_against_the_curve_of_scikit_learn():
    """All objects are found in the end, so that its recall is that of detection."""
    rng = np.random.default_rng(0)
    scores, hits = rng.permutation(40) / 40, rng.permutation(np.arange(40) < 16).astype(int)
    precision, recall, _ = precision_recall_curve(hits, scores)
    expected = np.mean([precision[:-1][recall[:-1] >= k / 100].max() for k in range(101)])
    assert EVALUATION["metrics.average_precision"].reference(scores, hits, 16) == pytest.approx(expected)
