"""Exercises of chapter 09: from annotated photographs to a score that can be believed."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray, IntArray
from course_utils.exercises import Exercise, Mistake
from course_utils.exercises.ch09_scores import SCORES

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]
Size = tuple[int, int]


def _yolo_boxes(rows: FloatArray, height: int, width: int) -> Any:
    return _corners(rows[:, 1:], height, width)


def _corners(shares: FloatArray, height: int, width: int, *, half: float = 0.5) -> FloatArray:
    centre, size = shares[:, :2] * [width, height], shares[:, 2:] * [width, height]
    return np.concatenate([centre - half * size, centre + (1 - half) * size], axis=1)


def _yolo_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[2.0, 0.5, 0.5, 0.25, 0.5]]), 240, 320
    for n, height, width in ((3, 480, 640), (5, 100, 60)):
        size = rng.uniform(0.1, 0.4, (n, 2))
        yield np.column_stack([rng.integers(0, 9, n), rng.uniform(size / 2, 1 - size / 2), size]), height, width
    yield np.zeros((0, 5)), 240, 320


def _fit_boxes(boxes: FloatArray, photograph: Size, network: Size) -> Any:
    return boxes * _factor(photograph, network)


def _factor(photograph: Size, network: Size, choose: Callable[..., Any] = min) -> float:
    return float(choose(network[0] / photograph[0], network[1] / photograph[1]))


def _stretched(boxes: FloatArray, photograph: Size, network: Size) -> Any:
    y, x = np.divide(network, photograph)
    return boxes * [x, y, x, y]


def _centred(boxes: FloatArray, photograph: Size, network: Size) -> Any:
    factor = _factor(photograph, network)
    down, right = (np.array(network) - factor * np.array(photograph)) / 2
    return boxes * factor + [right, down, right, down]


def _fit_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[10.0, 20, 110, 220]]), (240, 320), (96, 128)
    for photograph, network in (((400, 300), (96, 128)), ((200, 1000), (96, 128)), ((50, 40), (96, 128))):
        low = rng.uniform(0, 20, (4, 2))
        yield np.concatenate([low, low + rng.uniform(1, 20, (4, 2))], axis=1), photograph, network
    yield np.zeros((0, 4)), (240, 320), (96, 128)


def _leaks(groups: IntArray, training: IntArray, test: IntArray) -> Any:
    return int(np.isin(groups[test], groups[training]).sum())


def _leak_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([0, 0, 0, 1, 2]), np.array([0, 3]), np.array([1, 2, 4])
    yield np.array([0, 1, 2, 3]), np.array([0, 1]), np.array([2, 3])
    for n, g in ((20, 6), (30, 12)):
        order = rng.permutation(n)
        yield rng.integers(0, g, n), order[: n // 2], order[n // 2 : n - 3]
    yield np.array([5, 5, 5]), np.array([0, 1, 2]), np.array([], int)


EXERCISES: dict[str, Exercise] = {
    "photographs.yolo_boxes": Exercise(
        reference=_yolo_boxes,
        cases=_yolo_cases,
        hint="First make pixels of the four shares: x and the width by the photograph's width, y and the height "
        "by "
        "its height. Then go half a width to the left and to the right of the centre.",
        mistakes=(
            Mistake(
                lambda rows, h, w: _corners(rows[:, 1:], w, h),
                "Height and width are exchanged: x and the box's width are shares of the photograph's *width*.",
            ),
            Mistake(
                lambda rows, h, w: _corners(rows[:, 1:], h, w, half=0),
                "The first two shares are the *centre* of the box, not its upper left corner.",
            ),
            Mistake(
                lambda rows, h, w: rows[:, 1:] * [w, h, w, h],
                "These are centre, width and height, in pixels; corners were asked for.",
            ),
            Mistake(
                lambda rows, h, w: _corners(rows[:, 1:], 1, 1),
                "These are corners as shares of the photograph; pixels were asked for.",
            ),
            Mistake(
                lambda rows, h, w: _corners(rows[:, :4], h, w),
                "The first column is the class; the box stands in the four behind it.",
            ),
            Mistake(
                lambda rows, h, w: (
                    np.concatenate([rows[:, 1:3] - rows[:, 3:], rows[:, 1:3] + rows[:, 3:]], axis=1) * [w, h, w, h]
                ),
                "Your boxes are twice as wide and high: from the centre it is *half* a width to each side.",
            ),
            Mistake(
                lambda rows, h, w: np.rint(_yolo_boxes(rows, h, w)),
                "Corners need not lie on whole pixels; rounding moves them by up to half a pixel.",
            ),
        ),
    ),
    "photographs.fit_boxes": Exercise(
        reference=_fit_boxes,
        cases=_fit_cases,
        hint="One factor for both directions: the largest with which height *and* width still fit. The photograph "
        "keeps its upper left corner at (0, 0).",
        mistakes=(
            Mistake(
                _stretched,
                "You scale x and y apart: the photograph would be stretched. It keeps its shape and is padded.",
            ),
            Mistake(
                lambda boxes, p, n: boxes * _factor(p, n, max),
                "With this factor one side sticks out of the network's input: take the smaller of the two.",
            ),
            Mistake(
                _centred,
                "The padding goes to the right or below, so nothing is shifted; you centre the photograph.",
            ),
            Mistake(
                lambda boxes, p, n: boxes / _factor(p, n),
                "This is the way back, from the network's input to the photograph: multiply by the factor.",
            ),
            Mistake(
                lambda boxes, p, n: boxes * (n[0] / p[0]),
                "Only the heights are looked at: of a wide photograph the width decides.",
            ),
            Mistake(
                lambda boxes, p, n: boxes * (n[1] / p[1]),
                "Only the widths are looked at: of a tall photograph the height decides.",
            ),
            Mistake(
                lambda boxes, p, n: boxes * _factor(p[::-1], n),
                "Sizes are (height, width), both of them; one of yours is the other way round.",
            ),
            Mistake(
                lambda boxes, p, n: boxes * min(1.0, _factor(p, n)),
                "A photograph that is smaller than the network's input is enlarged; yours stays as it is.",
            ),
            Mistake(
                lambda boxes, p, n: np.rint(_fit_boxes(boxes, p, n)),
                "Corners need not lie on whole pixels; rounding moves them by up to half a pixel.",
            ),
        ),
    ),
    "photographs.leaks": Exercise(
        reference=_leaks,
        cases=_leak_cases,
        hint="`training` and `test` are indices into `groups`. Which groups does the training part touch? How "
        "many "
        "test photographs belong to one of them? `np.isin` answers for all at once.",
        mistakes=(
            Mistake(
                lambda g, a, b: len(np.intersect1d(g[a], g[b])),
                "You count groups that are on both sides; *photographs* of the test part were asked for.",
            ),
            Mistake(
                lambda g, a, b: np.isin(g[a], g[b]).sum(),
                "You count photographs of the training part; those of the *test* part were asked for.",
            ),
            Mistake(
                lambda g, a, b: len(np.intersect1d(a, b)),
                "You compare the indices, and no photograph is in both parts: compare the groups behind them.",
            ),
            Mistake(
                lambda g, a, b: (g[a][:, np.newaxis] == g[b]).sum(),
                "You count *pairs*: a test photograph with three siblings in training counts once.",
            ),
            Mistake(
                lambda g, a, b: np.isin(g[b], g[a]).mean() if len(b) else 0.0,
                "This is the share of them; their number was asked for.",
            ),
            Mistake(
                lambda g, a, b: np.isin(b, a).sum() + np.isin(b, g[a]).sum(),
                "`test` holds indices of photographs and not groups: look up `groups[test]` first.",
            ),
        ),
    ),
    **SCORES,
}
