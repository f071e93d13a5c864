"""Exercise of chapter 08 on label maps: the pixels inside an outline."""

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull

from course_utils._arguments import FloatArray, IntArray
from course_utils.annotations import polygons_to_label_map
from course_utils.exercises import Exercise, Mistake

__all__ = ["OUTLINES"]

Case = tuple[Any, ...]


def _inside(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
    points = np.stack([xs, ys], axis=1).astype(np.float64)
    return polygons_to_label_map([points], [1], int(height), int(width)) > 0


def _crossings(
    xs: FloatArray,
    ys: FloatArray,
    height: int,
    width: int,
    *,
    at: float = 0.5,
    closed: bool = True,
    both_ends: bool = False,
    signed: bool = False,
    steep: bool = False,
    beyond: bool = False,
    to_the_right: bool = False,
) -> IntArray:
    """How many edges the ray from each pixel to the left, or to the right, crosses.

    ``signed``: upward ones less downward ones; ``beyond``: an edge through the pixel's own point is not crossed.
    """
    x, y = np.arange(width) + at, (np.arange(height) + at)[:, np.newaxis]
    count = np.zeros((height, width), int)
    points = list(zip(xs, ys, strict=True))
    ends = points[1:] + (points[:1] if closed else [])
    for (x0, y0), (x1, y1) in zip(points, ends, strict=False):
        spans = (np.minimum(y0, y1) <= y) & (y <= np.maximum(y0, y1) if both_ends else y < np.maximum(y0, y1))
        with np.errstate(all="ignore"):
            slope = (y1 - y0) / (x1 - x0) if steep else (x1 - x0) / (y1 - y0)
            crossing = x0 + (y - y0) * slope
        met = crossing < x if beyond else crossing <= x
        if to_the_right:
            met = crossing > x
        count += (spans & met) * (int(np.sign(y1 - y0)) if signed else 1)
    return count


def _crossings_as(**changes: Any) -> Callable[..., Any]:
    return lambda xs, ys, height, width: _crossings(xs, ys, height, width, **changes) % 2 == 1


def _rounded_as(rounded: Callable[[Any], Any], *, beyond: bool) -> Callable[..., Any]:
    def answer(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
        return _crossings(rounded(xs), rounded(ys), height, width, beyond=beyond) % 2 == 1

    return answer


def _clipped(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
    return _crossings(np.clip(xs, 0, width), np.clip(ys, 0, height), height, width) % 2 == 1


def _first_to_last_of_a_row(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
    inside = _inside(xs, ys, height, width)
    from_left = np.logical_or.accumulate(inside, axis=1)
    return from_left & np.logical_or.accumulate(inside[:, ::-1], axis=1)[:, ::-1]


def _hull(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
    points = np.stack([xs, ys], axis=1)
    corners = points[ConvexHull(points).vertices]
    return _inside(corners[:, 0], corners[:, 1], height, width)


def _bounding_box(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
    x, y = np.arange(width) + 0.5, (np.arange(height) + 0.5)[:, np.newaxis]
    return (xs.min() <= x) & (x < xs.max()) & (ys.min() <= y) & (y < ys.max())


def _one_side_of_every_edge(xs: FloatArray, ys: FloatArray, height: int, width: int, *, either: bool) -> Any:
    x, y = np.arange(width) + 0.5, (np.arange(height) + 0.5)[:, np.newaxis]
    sides = [
        (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
        for x0, y0, x1, y1 in zip(xs, ys, np.roll(xs, -1), np.roll(ys, -1), strict=True)
    ]
    right, left = np.all(np.array(sides) >= 0, axis=0), np.all(np.array(sides) <= 0, axis=0)
    return right | left if either else right


def _other_side_of_every_edge(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
    return _one_side_of_every_edge(xs[::-1], ys[::-1], height, width, either=False)


def _drawn(xs: FloatArray, ys: FloatArray, height: int, width: int, *, outline: bool) -> Any:
    canvas = Image.new("1", (int(width), int(height)))
    points = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
    if outline:
        ImageDraw.Draw(canvas).line([*points, points[0]], fill=1)
    else:
        ImageDraw.Draw(canvas).polygon(points, fill=1)
    return np.asarray(canvas)


def _drawn_by_opencv(rounded: Callable[[Any], Any], *, outline: bool) -> Callable[..., Any]:
    """None where OpenCV is not installed: then nobody answers with it either."""

    def answer(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
        if importlib.util.find_spec("cv2") is None:
            return None
        cv2: Any = importlib.import_module("cv2")
        canvas = np.zeros((int(height), int(width)), np.uint8)
        points = [rounded(np.stack([xs, ys], axis=1)).astype(np.int32)]
        if outline:
            cv2.polylines(canvas, points, True, 1)
        else:
            cv2.fillPoly(canvas, points, 1)
        return canvas > 0

    return answer


def _outline_cases(rng: np.random.Generator) -> Iterator[Case]:
    """No centre lies on an outline: there right answers differ."""
    yield np.array([0.8, 3.2, 3.2, 0.8]), np.array([0.3, 0.3, 2.2, 2.2]), 3, 5
    yield np.array([0.0, 6, 0]), np.array([0.0, 0, 4]), 4, 7
    yield np.array([1.0, 1, 4, 4]), np.array([1.0, 3, 3, 1]), 4, 5
    yield np.array([0.0, 1, 1, 3, 3, 4, 4, 0]), np.array([0.0, 0, 2, 2, 0, 0, 3, 3]), 3, 5
    yield np.array([0.75, 3.25, 5.75, 3.25]), np.array([2.5, 0.25, 2.5, 4.75]), 5, 7
    yield np.array([-2.25, 2.75, 4.6, 1.9]), np.array([1.75, -1.25, 2.3, 6.75]), 5, 6
    turns = 2 * np.pi * np.array([0, 2, 4, 1, 3]) / 5
    yield 5.1 + 4.6 * np.sin(turns), 5.2 - 4.6 * np.cos(turns), 10, 11
    ring = np.array([[0.0, 0], [7, 0], [7, 5], [0, 5], [0, 0], [2, 1], [5, 1], [5, 4], [2, 4], [2, 1]])
    yield ring[:, 0], ring[:, 1], 5, 8
    yield np.array([1.6, 1.9, 1.8]), np.array([0.2, 0.3, 3.9]), 4, 5
    for n in (5, 7, 12):
        yield rng.uniform(-3, 14, n), rng.uniform(-3, 11, n), 8, 11


OUTLINES: dict[str, Exercise] = {
    "label_maps.fill_polygon": Exercise(
        reference=_inside,
        cases=_outline_cases,
        hint="Go from a pixel's centre straight to one side. Each edge that you cross turns in into out. An edge "
        "from (x0, y0) to (x1, y1) meets the row at height y if y lies between y0 and y1, one end counted and the "
        "other not; at which x?",
        mistakes=(
            Mistake(
                lambda xs, ys, height, width: _inside(ys, xs, height, width),
                "Often: x and y exchanged. x is the column, y is the row; the result's first axis is the rows.",
            ),
            Mistake(
                lambda xs, ys, height, width: _inside(xs, ys, height, width).T,
                "Often: height and width exchanged. The result has height rows and width columns.",
            ),
            Mistake(
                lambda xs, ys, height, width: _inside(xs, ys, width, height),
                "Often: height and width exchanged. The result has height rows and width columns.",
            ),
            *(
                Mistake(
                    _crossings_as(at=at, beyond=beyond),
                    f"Often: a pixel's {corner} corner where its centre belongs. Add 0.5 to column and row.",
                )
                for at, corner in ((0.0, "upper left"), (1.0, "lower right"))
                for beyond in (False, True)
            ),
            Mistake(
                _crossings_as(at=-0.5),
                "Often: 0.5 subtracted. The centre of column 0 is at x = 0.5.",
            ),
            *(
                Mistake(
                    _crossings_as(closed=False, to_the_right=to_the_right),
                    "Often: the edge from the last point back to the first is missing.",
                )
                for to_the_right in (False, True)
            ),
            Mistake(
                lambda xs, ys, height, width: np.zeros((height, width), bool),
                "No pixel came out as inside. If crossings on both sides of a pixel count, their number is always "
                "even: count those on one side.",
            ),
            Mistake(
                lambda xs, ys, height, width: 255 * _inside(xs, ys, height, width),
                "The right pixels, marked with 255. True and False are asked for.",
            ),
            Mistake(
                _first_to_last_of_a_row, "Often: filled from the first crossing of a row to the last, bays too."
            ),
            Mistake(
                _clipped,
                "Often: points outside moved to the image's border, which bends the edges. Let them stay outside.",
            ),
            Mistake(_bounding_box, "This is the box around the points."),
            Mistake(
                _hull,
                "This is the convex hull. A polygon may have bays: count crossings, and let each turn in "
                "into out.",
            ),
            Mistake(
                lambda xs, ys, height, width: _one_side_of_every_edge(xs, ys, height, width, either=False),
                "Often: on one side of every edge. That holds for convex polygons in one direction of travel "
                "only.",
            ),
            Mistake(
                _other_side_of_every_edge,
                "Often: on one side of every edge. That holds for convex polygons in one direction of travel "
                "only.",
            ),
            Mistake(
                lambda xs, ys, height, width: _one_side_of_every_edge(xs, ys, height, width, either=True),
                "Often: on the same side of every edge. That holds for convex polygons only.",
            ),
            Mistake(
                lambda xs, ys, height, width: _crossings(xs, ys, height, width, signed=True) != 0,
                "This is the winding rule: all that the outline goes round. By the even-odd rule the middle of a "
                "star is outside: it lies behind two edges.",
            ),
            *(
                Mistake(
                    lambda xs, ys, height, width, to_the_right=to_the_right: (
                        _crossings(xs, ys, height, width, to_the_right=to_the_right) > 0
                    ),
                    "Often: any crossing counts as inside. An even number of them leads out again.",
                )
                for to_the_right in (False, True)
            ),
            *(
                Mistake(
                    lambda xs, ys, height, width, to_the_right=to_the_right: _crossings(
                        xs, ys, height, width, to_the_right=to_the_right
                    ),
                    "This is the number of crossings. Inside is where it is odd.",
                )
                for to_the_right in (False, True)
            ),
            Mistake(lambda xs, ys, height, width: ~_inside(xs, ys, height, width), "In and out are exchanged."),
            *(
                Mistake(
                    _crossings_as(both_ends=True, to_the_right=to_the_right),
                    "Often: both ends of an edge counted. Where two edges meet at the height of a row, one point "
                    "is then crossed twice: take y0 ≤ y < y1.",
                )
                for to_the_right in (False, True)
            ),
            *(
                Mistake(
                    _crossings_as(steep=True, to_the_right=to_the_right),
                    "Often: the slope upside down. The crossing is at x0 + (y − y0) · (x1 − x0) / (y1 − y0).",
                )
                for to_the_right in (False, True)
            ),
            *(
                Mistake(
                    _rounded_as(rounded, beyond=beyond),
                    f"Often: coordinates {how} to whole numbers. They are fractions of pixels.",
                )
                for rounded, how in ((np.trunc, "cut off"), (np.rint, "rounded"))
                for beyond in (False, True)
            ),
            *(
                Mistake(
                    answer,
                    "Often: pixels that the outline only grazes, too, as drawing functions fill them "
                    "(OpenCV, Pillow). Count a pixel by its centre alone, or objects grow by up to half a pixel.",
                )
                for answer in (
                    lambda xs, ys, height, width: _drawn(xs, ys, height, width, outline=False),
                    _drawn_by_opencv(np.trunc, outline=False),
                    _drawn_by_opencv(np.rint, outline=False),
                )
            ),
            *(
                Mistake(answer, "This is the outline. What it encloses is asked for.")
                for answer in (
                    lambda xs, ys, height, width: _drawn(xs, ys, height, width, outline=True),
                    _drawn_by_opencv(np.trunc, outline=True),
                    _drawn_by_opencv(np.rint, outline=True),
                )
            ),
            Mistake(
                lambda xs, ys, height, width: _inside(xs, ys, height, width)[::-1],
                "Upside down: y grows downwards, row 0 is on top.",
            ),
        ),
    ),
}
