"""What lies in an image, by its annotations or by a detector. All three check what they are given, by one rule."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from course_utils._arguments import (
    Float64Array,
    FloatArray,
    IntArray,
    as_array,
    as_float_array,
    as_integer_array,
    require_finite,
)

__all__ = ["Annotations", "Detections", "Outline", "Parts", "Record", "as_parts", "box_of_parts"]

Parts = list[Float64Array]
Outline = Float64Array | Parts | None


@dataclass(frozen=True, eq=False)
class Record:
    """The n annotated objects of one image, in the order of the file.

    Attributes
    ----------
    file_name : str
        As the file gives it.
    boxes : (n, 4) float64
        x_min, y_min, x_max, y_max in pixels; n may be 0.
    class_ids : (n,) int64
        1 or more; 0 is the background.
    polygons : list
        One entry an object: a (k, 2) float64 array of x, y in pixels, k ≥ 3; a list of such arrays
        for an object in several parts; None where the file gives a rectangle only.

    Raises
    ------
    ValueError
        If the three have other shapes or not one entry an object, or a box is crossed.

    Examples
    --------
    >>> record = Record("a.jpg", [[1, 2, 5, 9]], [3], [None])
    >>> record.boxes, record.class_ids
    (array([[1., 2., 5., 9.]]), array([3]))
    """

    file_name: str
    boxes: Float64Array
    class_ids: npt.NDArray[np.int64]
    polygons: list[Outline]

    def __post_init__(self) -> None:
        if not isinstance(self.file_name, str) or not self.file_name:
            raise ValueError(f"file_name: expected the name of an image, got {self.file_name!r}")
        boxes = _as_boxes(self.boxes)
        class_ids = _as_ids(self.class_ids, len(boxes), low=1)
        if len(self.polygons) != len(boxes):
            raise ValueError(f"polygons: expected {len(boxes)} entries, one a box, got {len(self.polygons)}")
        outlines: list[Outline] = []
        for index, outline in enumerate(self.polygons):
            parts = None if outline is None else as_parts(f"polygons[{index}]", outline)
            outlines.append(parts[0] if parts is not None and len(parts) == 1 else parts)
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "class_ids", class_ids)
        object.__setattr__(self, "polygons", outlines)


@dataclass(frozen=True, eq=False, init=False)
class Annotations:
    """The objects of one image.

    Parameters
    ----------
    boxes : (n, 4) array_like
        x_min, y_min, x_max, y_max in pixels, finite, not crossed; n may be 0.
    class_ids : (n,) array_like of int
        0 or more. Every id is a class of objects: there is no background among boxes. Those of a
        :class:`Record`, whose class 0 is the background, begin with 1 and are used here as they are.

    Raises
    ------
    ValueError
        For another shape, NaN, infinity, a crossed box, ids that are not integers of 0 or more, or
        lengths that differ.

    Notes
    -----
    The arrays are read-only copies: float64, and int64 for the ids.

    Examples
    --------
    >>> Annotations([[0, 0, 10, 20]], [1])
    Annotations(boxes=array([[ 0.,  0., 10., 20.]]), class_ids=array([1]))
    """

    boxes: FloatArray
    class_ids: IntArray

    def __init__(self, boxes: npt.ArrayLike, class_ids: npt.ArrayLike) -> None:
        corners = _as_boxes(boxes)
        _store(self, "boxes", corners)
        _store(self, "class_ids", _as_ids(class_ids, len(corners)))


@dataclass(frozen=True, eq=False, init=False)
class Detections:
    """What a detector says about one image.

    Parameters
    ----------
    boxes, class_ids : (n, 4) and (n,) array_like
        As in :class:`Annotations`.
    scores : (n,) array_like
        Finite; higher means surer. Only their order and the threshold matter, so logits will do.

    Raises
    ------
    ValueError
        As in :class:`Annotations`, and for scores that are not n finite numbers.

    Examples
    --------
    >>> Detections([[0, 0, 10, 20], [5, 5, 9, 9]], [0.9, 0.3], [1, 1]).scores
    array([0.9, 0.3])
    """

    boxes: FloatArray
    scores: FloatArray
    class_ids: IntArray

    def __init__(self, boxes: npt.ArrayLike, scores: npt.ArrayLike, class_ids: npt.ArrayLike) -> None:
        corners = _as_boxes(boxes)
        values = require_finite("scores", as_float_array("scores", scores))
        if values.shape != (len(corners),):
            raise ValueError(f"scores: expected shape ({len(corners)},), one a box, got {values.shape}")
        _store(self, "boxes", corners)
        _store(self, "scores", values.astype(np.float64))
        _store(self, "class_ids", _as_ids(class_ids, len(corners)))


def as_parts(place: str, outline: Any) -> Parts:
    """Return an outline, in one part or several, as a list of (k, 2) float64 arrays.

    Raises
    ------
    ValueError
        If it is neither, a part has fewer than three different points, or a coordinate is not
        finite.

    Examples
    --------
    >>> [part.shape for part in as_parts("polygons[0]", [[0, 0], [4, 0], [4, 2]])]
    [(3, 2)]
    """
    if not isinstance(outline, (np.ndarray, list, tuple)) or len(outline) == 0:
        raise ValueError(f"{place}: expected points (k, 2), or a list of parts, got {outline!r}")
    in_parts = _rank(outline[0]) > 1
    parts: Parts = []
    for index, part in enumerate(outline if in_parts else [outline]):
        name = f"{place}, part {index}" if in_parts else place
        points = as_float_array(name, part)
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"{name}: expected points of shape (k, 2), got shape {points.shape}")
        require_finite(name, points)
        if len(set(map(tuple, points.tolist()))) < 3:  # np.unique takes many times as long
            raise ValueError(f"{name}: a polygon needs three different points or more, got {points.tolist()}")
        parts.append(points.astype(np.float64))
    return parts


def box_of_parts(parts: Parts) -> Float64Array:
    """Smallest box around all parts, as x_min, y_min, x_max, y_max.

    Examples
    --------
    >>> box_of_parts([np.array([[0.0, 1], [4, 1], [4, 2]])]).tolist()
    [0.0, 1.0, 4.0, 2.0]
    """
    points = np.concatenate(parts)
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _rank(value: Any) -> int:
    """Nesting of lists, which may be ragged."""
    rank = 0
    while isinstance(value, (list, tuple, np.ndarray)):
        rank += 1
        if len(value) == 0:
            break
        value = value[0]
    return rank


def _store(instance: object, name: str, array: FloatArray | IntArray) -> None:
    """Set a field of a frozen dataclass to a read-only copy."""
    copy = array.copy()
    copy.setflags(write=False)
    object.__setattr__(instance, name, copy)


def _as_boxes(boxes: npt.ArrayLike) -> Float64Array:
    array = require_finite("boxes", as_float_array("boxes", boxes)).astype(np.float64)
    if array.shape == (0,):  # an empty list
        array = array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes: expected shape (n, 4) as x_min, y_min, x_max, y_max, got {array.shape}")
    crossed = (array[:, 2:] < array[:, :2]).any(axis=1)
    if crossed.any():
        index = int(np.argmax(crossed))
        raise ValueError(
            f"boxes: expected x_min ≤ x_max and y_min ≤ y_max, got {array[index].tolist()} at index {index}"
        )
    return array


def _as_ids(class_ids: npt.ArrayLike, count: int, low: int = 0) -> npt.NDArray[np.int64]:
    empty = as_array("class_ids", class_ids).shape == (0,)  # an empty list has no dtype to go by
    array = as_integer_array("class_ids", np.zeros(0, np.int64) if empty else class_ids, low=low, high=2**31)
    if array.shape != (count,):
        raise ValueError(f"class_ids: expected shape ({count},), one a box, got {array.shape}")
    return array.astype(np.int64)
