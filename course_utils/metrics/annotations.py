"""What lies in an image, and what a detector says lies there. Both check what they are given."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from course_utils.validation import FloatArray, IntArray, as_float_array, as_integer_array, require_finite

__all__ = ["Annotations", "Detections"]


@dataclass(frozen=True, eq=False, init=False)
class Annotations:
    """The objects of one image.

    Parameters
    ----------
    boxes : (n, 4) array_like
        x_min, y_min, x_max, y_max in pixels, finite, not crossed; n may be 0.
    class_ids : (n,) array_like of int
        0 or more. Every id is a class of objects: there is no background among boxes.

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


def _store(instance: object, name: str, array: FloatArray | IntArray) -> None:
    """Set a field of a frozen dataclass to a read-only copy."""
    copy = array.copy()
    copy.setflags(write=False)
    object.__setattr__(instance, name, copy)


def _as_boxes(boxes: npt.ArrayLike) -> FloatArray:
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


def _as_ids(class_ids: npt.ArrayLike, count: int) -> IntArray:
    try:
        empty = np.shape(class_ids) == (0,)  # an empty list has no dtype to go by
    except ValueError:  # a ragged list, which as_integer_array refuses
        empty = False
    array = as_integer_array("class_ids", np.zeros(0, np.int64) if empty else class_ids, low=0, high=2**31)
    if array.shape != (count,):
        raise ValueError(f"class_ids: expected shape ({count},), one a box, got {array.shape}")
    return array.astype(np.int64)
