"""Exercises of chapter 08 on label maps: enlarged without new classes, and drawn from an outline."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.spatial import ConvexHull

from course_utils.drinks import polygons_to_label_map
from course_utils.exercises import Exercise, Mistake
from course_utils.validation import FloatArray, IntArray

__all__ = ["LABELS"]

Case = tuple[Any, ...]
Places = Callable[[int, float], FloatArray]  # side and factor to the place, in input pixels, of each output pixel


# --- enlarge


def _new_side(side: int, factor: float) -> int:
    return round(side * factor)


def _centres(side: int, factor: float) -> FloatArray:
    """Where the centres of the output pixels lie on the input, whose pixel j reaches from j to j + 1."""
    return np.asarray((np.arange(_new_side(side, factor)) + 0.5) / factor)


def _corners(side: int, factor: float) -> FloatArray:
    return np.asarray(np.arange(_new_side(side, factor)) / factor)


def _end_to_end(side: int, factor: float) -> FloatArray:
    return np.linspace(0, side - 1, _new_side(side, factor))


def _half_up(places: FloatArray) -> FloatArray:
    return np.asarray(np.floor(places + 0.5))


def _enlarge(labels: IntArray, factor: float) -> Any:
    return _picked(labels, factor, _centres, np.floor)


def _picked(labels: IntArray, factor: float, places: Places, rounded: Callable[[Any], Any]) -> Any:
    rows, columns = (np.clip(rounded(places(side, factor)), 0, side - 1).astype(int) for side in np.shape(labels))
    return labels[np.ix_(rows, columns)]


def _picked_as(places: Places, rounded: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda labels, factor: _picked(labels, factor, places, rounded)


def _half_pixels(side: int, factor: float) -> FloatArray:
    return _centres(side, factor) - 0.5  # np.interp counts from the first pixel's centre


def _interpolated(labels: IntArray, factor: float, places: Places = _half_pixels) -> Any:
    """Linear interpolation of the class ids: what the chapter hands out for repair, before rounding."""
    values = np.asarray(labels, float)
    for axis in (0, 1):
        old, new = np.arange(values.shape[axis]), places(values.shape[axis], factor)
        values = np.apply_along_axis(lambda line, new=new, old=old: np.interp(new, old, line), axis, values)
    return values


def _stuffed(labels: IntArray, factor: float) -> Any:
    result = np.zeros([_new_side(side, factor) for side in labels.shape], labels.dtype)
    step = round(factor)
    result[::step, ::step] = labels
    return result


def _by_block_means(labels: IntArray, factor: float, rounded: Callable[[Any], Any]) -> Any:
    """Right where the map grows."""
    n = max(round(1 / factor), 1)
    if factor > 1:
        return _enlarge(labels, factor)
    return rounded(labels.reshape(labels.shape[0] // n, n, labels.shape[1] // n, n).mean(axis=(1, 3)))


def _tiled(labels: IntArray, factor: float) -> Any:
    rows, columns = (np.arange(_new_side(side, factor)) % side for side in labels.shape)
    return labels[np.ix_(rows, columns)]


def _in_reading_order(labels: IntArray, factor: float) -> Any:
    return np.resize(labels, [_new_side(side, factor) for side in labels.shape])


def _label_cases(rng: np.random.Generator) -> Iterator[Case]:
    # Denominators are odd, so that no centre falls between two pixels. Smoothing one-hot maps and taking
    # the largest agrees with the nearest pixel at factor 2, and where neighbours all differ.
    yield np.array([[0, 2]], np.uint8), 3
    yield np.array([[0, 255], [3, 0]], np.uint8), 2
    yield np.array([[4, 4, 0, 0]] * 2 + [[0, 0, 2, 255]], np.uint8), 2
    yield rng.permutation(12).reshape(3, 4).astype(np.uint8), 3
    yield (2 * rng.permutation(18)).reshape(3, 6).astype(np.uint8), 5 / 3
    yield rng.permutation(54).reshape(6, 9).astype(np.uint8), 1 / 3
    yield rng.choice(np.array([0, 2, 5, 255], np.uint8), (4, 5)), 2
    yield (3 * rng.permutation(50)).reshape(5, 10).astype(np.uint8), 7 / 5


# --- outline


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
) -> IntArray:
    """How many edges the ray from each pixel to the left crosses.

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
        left = crossing < x if beyond else crossing <= x
        count += (spans & left) * (int(np.sign(y1 - y0)) if signed else 1)
    return count


def _crossings_as(**changes: Any) -> Callable[..., Any]:
    return lambda xs, ys, height, width: _crossings(xs, ys, height, width, **changes) % 2 == 1


def _rounded_as(rounded: Callable[[Any], Any], *, beyond: bool) -> Callable[..., Any]:
    def answer(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
        return _crossings(rounded(xs), rounded(ys), height, width, beyond=beyond) % 2 == 1

    return answer


def _clipped(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
    return _crossings(np.clip(xs, 0, width), np.clip(ys, 0, height), height, width) % 2 == 1


def _sorted_round_the_middle(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
    order = np.argsort(np.arctan2(ys - ys.mean(), xs - xs.mean()))
    return _crossings(xs[order], ys[order], height, width) % 2 == 1


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


def _outline(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
    """Pixels that the outline of whole-number corners touches."""
    result = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in zip(*(v.astype(int) for v in (xs, ys, np.roll(xs, -1), np.roll(ys, -1))), strict=True):
        steps = max(abs(x1 - x0), abs(y1 - y0)) + 1
        columns = np.rint(np.linspace(x0, x1, steps)).astype(int)
        rows = np.rint(np.linspace(y0, y1, steps)).astype(int)
        seen = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        result[rows[seen], columns[seen]] = True
    return result


def _as_drawn(xs: FloatArray, ys: FloatArray, height: int, width: int) -> Any:
    corners = np.trunc(xs), np.trunc(ys)
    return (_crossings(*corners, height, width, at=0.0) % 2 == 1) | _outline(xs, ys, height, width)


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
    yield np.array([1.6, 1.9, 1.8]), np.array([0.2, 0.3, 3.9]), 4, 5
    for n in (5, 7, 12):
        yield rng.uniform(-3, 14, n), rng.uniform(-3, 11, n), 8, 11


LABELS: dict[str, Exercise] = {
    "label_maps.enlarge": Exercise(
        reference=_enlarge,
        cases=_label_cases,
        hint="A mean of class ids is the id of another class. Which row of the old map does the centre of new row "
        "i fall into? Find all rows, find all columns, and index with both.",
        mistakes=(
            Mistake(
                lambda labels, factor: np.rint(_interpolated(labels, factor)),
                "This is interpolation and rounding, as handed out. Halfway from class 0 to class 2 it writes "
                "class 1, which is not there. Ids are names: pick one, do not average.",
            ),
            Mistake(
                lambda labels, factor: np.floor(_interpolated(labels, factor) + 0.5),
                "This is interpolation and rounding. Halfway from class 0 to class 2 it writes class 1, which is "
                "not there. Ids are names: pick one, do not average.",
            ),
            Mistake(
                lambda labels, factor: np.floor(_interpolated(labels, factor)),
                "Often: interpolated, and cut off by astype. Classes between two neighbours appear that are not "
                "there. Ids are names: pick one, do not average.",
            ),
            Mistake(
                lambda labels, factor: np.ceil(_interpolated(labels, factor)),
                "Often: interpolated and rounded up. Classes appear that are not there: pick, do not average.",
            ),
            Mistake(
                _interpolated,
                "Often: interpolated, without rounding. A class id of 0.67 means nothing: pick, do not average.",
            ),
            Mistake(
                lambda labels, factor: np.rint(_interpolated(labels, factor, _end_to_end)),
                "Often: interpolated between the first and the last pixel, and rounded. Classes appear that are "
                "not there: pick, do not average.",
            ),
            Mistake(
                lambda labels, factor: np.rint(_interpolated(labels, factor, _corners)),
                "Often: interpolated and rounded. Classes appear that are not there: pick, do not average.",
            ),
            Mistake(
                _picked_as(_end_to_end, _half_up),
                "Often: first pixel on first, last on last, as ndimage.zoom with order=0 does. No class is "
                "invented, but the map is stretched: pixels are areas, and new pixel i has its centre at i + 0.5.",
            ),
            Mistake(
                _picked_as(_end_to_end, np.floor),
                "Often: indices from linspace(0, side − 1), cut off: only the last new pixel gets the last class.",
            ),
            Mistake(
                _picked_as(_corners, np.floor),
                "Often: floor(i / factor), the pixel's corner. Its centre is (i + 0.5) / factor; for factors that "
                "are whole the two agree, for others the map moves by part of a pixel.",
            ),
            Mistake(
                _picked_as(_corners, np.rint),
                "Often: round(i / factor). That shifts the map by half an input pixel: floor((i + 0.5) / factor).",
            ),
            Mistake(
                _picked_as(_centres, np.rint),
                "Often: round((i + 0.5) / factor). Pixel j reaches from j to j + 1, so cut off: floor.",
            ),
            Mistake(
                _picked_as(_centres, np.ceil),
                "Often: rounded up. Pixel j reaches from j to j + 1, so cut off: floor.",
            ),
            *(
                Mistake(
                    lambda labels, factor, rounded=rounded: _by_block_means(labels, factor, rounded),
                    "Often: means of blocks where the map becomes smaller. A mean of ids is another class's id.",
                )
                for rounded in (np.rint, np.floor, np.asarray)
            ),
            Mistake(_tiled, "Often: np.tile, which repeats the map. Repeat its pixels."),
            Mistake(_stuffed, "Often: zeros between the pixels. Every new pixel takes a class of the old map."),
            Mistake(_in_reading_order, "Often: np.resize, which fills up in reading order and mixes the rows."),
            Mistake(
                lambda labels, factor: np.asarray(labels),
                "The map came back in its old size. The new sides are factor times the old ones.",
            ),
            Mistake(
                lambda labels, factor: _picked(labels, factor, _centres, np.floor).T, "Rows and columns exchanged."
            ),
        ),
    ),
    "label_maps.fill_polygon": Exercise(
        reference=_inside,
        cases=_outline_cases,
        hint="Go from a pixel's centre to the left. Each edge that you cross turns in into out. An edge from "
        "(x0, y0) to (x1, y1) meets the row at height y if y lies between y0 and y1, one end counted and the "
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
            Mistake(
                _crossings_as(closed=False),
                "Often: the edge from the last point back to the first is missing.",
            ),
            Mistake(
                lambda xs, ys, height, width: np.zeros((height, width), bool),
                "No pixel came out as inside. If crossings on both sides of a pixel count, their number is always "
                "even: count those to its left.",
            ),
            Mistake(
                lambda xs, ys, height, width: 255 * _inside(xs, ys, height, width),
                "The right pixels, marked with 255. True and False are asked for.",
            ),
            Mistake(
                _first_to_last_of_a_row, "Often: filled from the first crossing of a row to the last, bays too."
            ),
            Mistake(
                _sorted_round_the_middle,
                "Often: the points sorted. Their order is the outline.",
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
            Mistake(
                lambda xs, ys, height, width: _crossings(xs, ys, height, width) > 0,
                "Often: any crossing counts as inside. An even number of them leads out again.",
            ),
            Mistake(
                lambda xs, ys, height, width: _crossings(xs, ys, height, width),
                "This is the number of crossings. Inside is where it is odd.",
            ),
            Mistake(lambda xs, ys, height, width: ~_inside(xs, ys, height, width), "In and out are exchanged."),
            Mistake(
                _crossings_as(both_ends=True),
                "Often: both ends of an edge counted. Where two edges meet at the height of a row, one point "
                "is then crossed twice: take y0 ≤ y < y1.",
            ),
            Mistake(
                _crossings_as(steep=True),
                "Often: the slope upside down. The crossing is at x0 + (y − y0) · (x1 − x0) / (y1 − y0).",
            ),
            *(
                Mistake(
                    _rounded_as(rounded, beyond=beyond),
                    f"Often: coordinates {how} to whole numbers. They are fractions of pixels.",
                )
                for rounded, how in ((np.trunc, "cut off"), (np.rint, "rounded"))
                for beyond in (False, True)
            ),
            Mistake(
                _as_drawn,
                "Often: every pixel that the outline touches, as drawing functions fill (OpenCV, Pillow). Count a "
                "pixel by its centre alone, or objects grow by half a pixel on each side.",
            ),
            Mistake(_outline, "This is the outline. What it encloses is asked for."),
            Mistake(
                lambda xs, ys, height, width: _inside(xs, ys, height, width)[::-1],
                "Upside down: y grows downwards, row 0 is on top.",
            ),
        ),
    ),
}
