"""Exercises of chapter 09 on scores: draws of whole groups, sorted errors, a threshold."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray, IntArray
from course_utils.exercises import Exercise, Mistake

__all__ = ["SCORES"]

Case = tuple[Any, ...]


def _group_means(values: FloatArray, groups: IntArray, draws: IntArray) -> Any:
    sums = np.bincount(groups, values, minlength=int(draws.max()) + 1)
    counts = np.bincount(groups, minlength=int(draws.max()) + 1)
    return sums[draws].sum(axis=1) / counts[draws].sum(axis=1)


def _mean_of_means(values: FloatArray, groups: IntArray, draws: IntArray) -> Any:
    means = np.array([values[groups == g].mean() for g in range(groups.max() + 1)])
    return means[draws].mean(axis=1)


def _once_each(values: FloatArray, groups: IntArray, draws: IntArray) -> Any:
    return np.array([values[np.isin(groups, draw)].mean() for draw in draws])


def _draw_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([1.0, 0, 0, 1]), np.array([0, 0, 0, 1]), np.array([[0, 1], [0, 0], [1, 1]])
    for n, g in ((12, 4), (30, 7)):
        groups = np.concatenate([np.arange(g), rng.integers(0, g, n - g)])
        yield rng.random(n), groups, rng.integers(0, g, (5, g))


def _error_kinds(iou: FloatArray, ids: IntArray, true_ids: IntArray) -> Any:
    return _sorted_errors(iou, ids, true_ids)


def _sorted_errors(
    iou: FloatArray,
    ids: IntArray,
    true_ids: IntArray,
    *,
    enough: float = 0.5,
    touch: float = 0.1,
    by_class: bool = True,
    take: bool = True,
    backwards: bool = False,
    place_of_any: bool = False,
) -> Any:
    """0 right, 1 duplicate, 2 class, 3 place, 4 background, for detections from the surest down."""
    kinds = np.full(len(ids), 4)
    free = np.ones(len(true_ids), bool)
    places = range(len(ids))
    for d in reversed(places) if backwards else places:
        same = (true_ids == ids[d]) if by_class else np.ones(len(true_ids), bool)
        own, other = np.where(same, iou[d], 0.0), np.where(same, 0.0, iou[d])
        left = np.where(free, own, 0.0)
        if left.max(initial=0) >= enough:
            kinds[d] = 0
            free[left.argmax()] = not take
        elif own.max(initial=0) >= enough:
            kinds[d] = 1
        elif other.max(initial=0) >= enough:
            kinds[d] = 2
        elif (iou[d] if place_of_any else own).max(initial=0) >= touch:
            kinds[d] = 3
    return kinds


def _error_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[0.8, 0.0]]), np.array([1]), np.array([1, 2])
    yield np.array([[0.8], [0.7], [0.3], [0.05]]), np.array([1, 1, 1, 1]), np.array([1])
    yield np.array([[0.8, 0.0], [0.0, 0.6], [0.0, 0.3]]), np.array([1, 3, 3]), np.array([1, 2])
    yield np.array([[0.5], [0.1]]), np.array([2, 2]), np.array([2])
    yield np.array([[0.9, 0.6], [0.8, 0.7]]), np.array([1, 1]), np.array([1, 1])
    yield np.array([[0.55, 0.0], [0.9, 0.0], [0.2, 0.6]]), np.array([1, 1, 2]), np.array([1, 1])
    for n_detections, n_objects in ((8, 3), (12, 5)):
        iou = rng.random((n_detections, n_objects)) * rng.choice([0.05, 0.6, 1], (n_detections, n_objects))
        yield iou, rng.integers(1, 3, n_detections), rng.integers(1, 3, n_objects)
    yield np.zeros((2, 0)), np.array([1, 2]), np.array([], int)
    yield np.zeros((0, 2)), np.array([], int), np.array([1, 2])


def _best_threshold(scores: FloatArray, hits: IntArray, n_objects: int) -> Any:
    return _best_by(scores, hits, n_objects, "f1")


def _best_by(scores: FloatArray, hits: IntArray, n_objects: int, measure: str, *, sort: bool = True) -> Any:
    order = np.argsort(-scores, kind="stable") if sort else np.arange(len(scores))
    true, answered = np.cumsum(hits[order]), np.arange(1, len(scores) + 1)
    precision, recall = true / answered, true / n_objects
    f1 = 2 * true / (answered + n_objects)
    worth = {"f1": f1, "precision": precision, "recall": recall}[measure]
    return float(scores[order][worth.argmax()])


def _rising(scores: FloatArray, hits: IntArray, n_objects: int) -> Any:
    """As if the last in the order of rising scores were the surest."""
    order = np.argsort(scores, kind="stable")
    f1 = 2 * np.cumsum(hits[order]) / (np.arange(1, len(scores) + 1) + n_objects)
    return float(scores[order][f1.argmax()])


def _f1_itself(scores: FloatArray, hits: IntArray, n_objects: int) -> Any:
    true = np.cumsum(hits[np.argsort(-scores, kind="stable")])
    return float((2 * true / (np.arange(1, len(scores) + 1) + n_objects)).max())


def _place_itself(scores: FloatArray, hits: IntArray, n_objects: int) -> Any:
    true = np.cumsum(hits[np.argsort(-scores, kind="stable")])
    return float((2 * true / (np.arange(1, len(scores) + 1) + n_objects)).argmax())


def _threshold_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([0.9, 0.8, 0.6, 0.3]), np.array([1, 1, 0, 0]), 2
    yield np.array([0.2, 0.9, 0.7, 0.5, 0.4]), np.array([0, 1, 0, 1, 1]), 3
    yield np.array([0.9, 0.8, 0.7, 0.6]), np.array([1, 0, 1, 1]), 8
    for n, n_objects in ((20, 15), (50, 20), (50, 80)):
        scores = rng.permutation(n) / n + 0.5 / n
        yield scores, (rng.random(n) < 0.3 + 0.6 * scores).astype(int), n_objects


SCORES: dict[str, Exercise] = {
    "photographs.group_means": Exercise(
        reference=_group_means,
        cases=_draw_cases,
        hint="A group that is drawn brings all its photographs along, and one that is drawn twice brings them "
        "twice. "
        "The mean is over photographs. One way: `np.concatenate([values[groups == g] for g in draw])`.",
        mistakes=(
            Mistake(
                _mean_of_means,
                "This is the mean of the groups' means. A large group brings more photographs, and the mean is "
                "over "
                "photographs.",
            ),
            Mistake(
                _once_each,
                "A group that is drawn twice counts once in yours: without repetition a bootstrap draws too "
                "little "
                "variety.",
            ),
            Mistake(
                lambda values, groups, draws: values[draws].mean(axis=1),
                "You use the numbers of the groups as indices of photographs.",
            ),
            Mistake(
                lambda values, groups, draws: np.full(len(draws), values.mean()),
                "Every draw has a mean of its own; yours gives the mean of all photographs each time.",
            ),
            Mistake(
                lambda values, groups, draws: float(_group_means(values, groups, draws).mean()),
                "One number a draw was asked for: how they differ is what the interval is made of.",
            ),
            Mistake(
                lambda values, groups, draws: np.array(
                    [sum(values[groups == g].sum() for g in draw) / len(values) for draw in draws]
                ),
                "The sum is right; divide it by the number of photographs that were *drawn*, which differs from "
                "draw "
                "to draw.",
            ),
        ),
    ),
    "photographs.error_kinds": Exercise(
        reference=_error_kinds,
        cases=_error_cases,
        hint="Go through the detections in order, and keep a list of the objects that are still free. Ask the "
        "five "
        "questions in the order of the task, and stop at the first yes.",
        mistakes=(
            Mistake(
                lambda iou, ids, true_ids: _sorted_errors(iou, ids, true_ids, take=False),
                "An object is found once: the second detection of it is a duplicate (1). Remember which are "
                "taken.",
            ),
            Mistake(
                lambda iou, ids, true_ids: _sorted_errors(iou, ids, true_ids, by_class=False),
                "The classes are not looked at: a good box with the wrong class is an error of class (2).",
            ),
            Mistake(
                lambda iou, ids, true_ids: _sorted_errors(iou, ids, true_ids, touch=0.5),
                "An IoU from 0.1 to below 0.5 with an object of its class is an error of place (3), not "
                "background.",
            ),
            Mistake(
                lambda iou, ids, true_ids: _sorted_errors(iou, ids, true_ids, enough=np.nextafter(0.5, 1)),
                "At exactly 0.5 a detection is right: `>=`.",
            ),
            Mistake(
                lambda iou, ids, true_ids: _sorted_errors(iou, ids, true_ids, touch=np.nextafter(0.1, 1)),
                "At exactly 0.1 it is an error of place: `>=`.",
            ),
            Mistake(
                lambda iou, ids, true_ids: _sorted_errors(iou, ids, true_ids, backwards=True),
                "The surest detection chooses first: they come in falling order, so begin with the first one.",
            ),
            Mistake(
                lambda iou, ids, true_ids: _sorted_errors(iou, ids, true_ids, place_of_any=True),
                "An error of place is one with an object of its *own* class.",
            ),
        ),
    ),
    "photographs.best_threshold": Exercise(
        reference=_best_threshold,
        cases=_threshold_cases,
        hint="Sort by falling score. After each detection: how many hits so far (`np.cumsum`), how many answers "
        "so "
        "far? F1 is 2 · hits / (answers + objects). Where is it largest, and which score stands there?",
        mistakes=(
            Mistake(_rising, "Often: the lowest score first. np.argsort rises; sort by −scores."),
            Mistake(
                lambda s, h, n: _best_by(s, h, n, "precision"),
                "This is the best *precision*, which one sure answer reaches. F1 counts what is missed, too.",
            ),
            Mistake(
                lambda s, h, n: _best_by(s, h, n, "recall"),
                "This is the best *recall*: false answers cost nothing in it.",
            ),
            Mistake(
                lambda s, h, n: _best_by(s, h, n, "f1", sort=False),
                "The scores come in any order: sort them, and the hits along with them.",
            ),
            Mistake(_f1_itself, "This is the best F1; the score at which it is reached was asked for."),
            Mistake(
                _place_itself, "This is a place in the sorted list; the score that stands there was asked for."
            ),
            Mistake(
                lambda s, h, n: _best_by(s, h, int(h.sum()), "f1"),
                "You divide by the hits in the list. Objects that no detection found count as well: `n_objects`.",
            ),
        ),
    ),
}
