"""Exercise of chapter 08 on label maps: enlarged without new classes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray, IntArray
from course_utils.exercises import Exercise, Mistake

__all__ = ["LABELS"]

Case = tuple[Any, ...]
Places = Callable[[int, float], FloatArray]  # side and factor to the place, in input pixels, of each output pixel


def _new_side(side: int, factor: float) -> int:
    return round(side * factor)


def _centres(side: int, factor: float) -> FloatArray:
    """Where the centres of the output pixels lie on the input, whose pixel j reaches from j to j + 1."""
    return np.asarray((np.arange(_new_side(side, factor)) + 0.5) / factor)


def _side_as(rounded: Callable[[float], float]) -> Places:
    return lambda side, factor: np.asarray((np.arange(int(rounded(side * factor - 1e-9))) + 0.5) / factor)


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


def _largest_of_the_smoothed(labels: IntArray, factor: float) -> Any:
    """A map of zeros and ones for each class, interpolated; then the class with the largest share."""
    classes = np.unique(labels)
    shares = [_interpolated(labels == class_id, factor) for class_id in classes]
    return classes[np.argmax(shares, axis=0)]


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


def _every_nth(labels: IntArray, factor: float) -> Any:
    n = round(1 / factor)
    return labels[::n, ::n] if factor < 1 else _enlarge(labels, factor)


def _tiled(labels: IntArray, factor: float) -> Any:
    rows, columns = (np.arange(_new_side(side, factor)) % side for side in labels.shape)
    return labels[np.ix_(rows, columns)]


def _in_reading_order(labels: IntArray, factor: float) -> Any:
    return np.resize(labels, [_new_side(side, factor) for side in labels.shape])


def _label_cases(rng: np.random.Generator) -> Iterator[Case]:
    # Denominators are odd, so that no centre falls between two pixels.
    yield np.array([[0, 2]], np.uint8), 3
    # Corners, which smoothing a map of each class rounds off: 4/9 of the one pixel against 5/9 of its neighbours.
    yield np.array([[0, 255, 255], [255, 255, 3], [255, 3, 3]], np.uint8), 3
    yield np.array([[4, 4, 0, 0]] * 2 + [[0, 0, 2, 255]], np.uint8), 2
    yield rng.permutation(12).reshape(3, 4).astype(np.uint8), 3
    yield (2 * rng.permutation(18)).reshape(3, 6).astype(np.uint8), 5 / 3
    yield rng.permutation(54).reshape(6, 9).astype(np.uint8), 1 / 3
    yield rng.choice(np.array([0, 2, 5, 255], np.uint8), (4, 5)), 2
    # Sides of 4.36 and 10.91, which are rounded; chosen so that (i + 0.5) · old / new falls into the same pixels.
    yield (3 * rng.permutation(10)).reshape(2, 5).astype(np.uint8), 24 / 11


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
                "Often: round(i / factor). That moves the map by part of a pixel, and more where the factor is "
                "below 1: take floor((i + 0.5) / factor).",
            ),
            Mistake(
                _picked_as(_centres, np.rint),
                "Often: round((i + 0.5) / factor). Pixel j reaches from j to j + 1, so cut off: floor.",
            ),
            Mistake(
                _picked_as(_centres, np.ceil),
                "Often: rounded up. Pixel j reaches from j to j + 1, so cut off: floor.",
            ),
            Mistake(
                _largest_of_the_smoothed,
                "Often: a map of zeros and ones for each class, smoothed, and the largest taken. No class is "
                "invented, but corners are rounded off: take the class of the pixel that the centre lies in.",
            ),
            *(
                Mistake(
                    lambda labels, factor, rounded=rounded: _by_block_means(labels, factor, rounded),
                    "Often: means of blocks where the map becomes smaller. A mean of ids is another class's id.",
                )
                for rounded in (np.rint, np.floor, np.asarray)
            ),
            Mistake(
                _every_nth,
                "Often: every n-th pixel where the map becomes smaller, [::n], which is the pixel's corner. The "
                "centre of new row i falls into row floor((i + 0.5) / factor).",
            ),
            Mistake(
                _picked_as(_side_as(lambda side: side + 1e-6), np.floor),
                "Often: the new side cut off by int. It is round(side · factor): 10.91 becomes 11.",
            ),
            Mistake(
                _picked_as(_side_as(np.ceil), np.floor),
                "Often: the new side rounded up. It is round(side · factor): 4.36 becomes 4.",
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
}
