"""What an annotation file says of one image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from course_utils.validation import as_float_array, as_integer_array, require_finite

__all__ = ["Outline", "Parts", "Record", "as_parts", "box_of_parts"]

Parts = list[npt.NDArray[np.float64]]
Outline = npt.NDArray[np.float64] | Parts | None


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
        If the three have other shapes or not one entry an object.

    Examples
    --------
    >>> record = Record("a.jpg", [[1, 2, 5, 9]], [3], [None])
    >>> record.boxes, record.class_ids
    (array([[1., 2., 5., 9.]]), array([3]))
    """

    file_name: str
    boxes: npt.NDArray[np.float64]
    class_ids: npt.NDArray[np.int64]
    polygons: list[Outline]

    def __post_init__(self) -> None:
        if not isinstance(self.file_name, str) or not self.file_name:
            raise ValueError(f"file_name: expected the name of an image, got {self.file_name!r}")
        count = len(self.boxes)
        if count == 0:
            boxes, class_ids = np.zeros((0, 4)), np.zeros(0, np.int64)
        else:
            boxes = require_finite("boxes", as_float_array("boxes", self.boxes)).astype(np.float64)
            ids = as_integer_array("class_ids", self.class_ids, low=1, high=np.iinfo(np.int64).max)
            class_ids = ids.astype(np.int64)
        if boxes.shape != (count, 4) or class_ids.shape != (count,) or len(self.polygons) != count:
            raise ValueError(
                f"boxes, class_ids, polygons: expected shapes (n, 4), (n,) and n entries, "
                f"got {boxes.shape}, {class_ids.shape} and {len(self.polygons)}"
            )
        outlines: list[Outline] = []
        for index, outline in enumerate(self.polygons):
            parts = None if outline is None else as_parts(f"polygons[{index}]", outline)
            outlines.append(parts[0] if parts is not None and len(parts) == 1 else parts)
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "class_ids", class_ids)
        object.__setattr__(self, "polygons", outlines)


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
        if len(np.unique(points, axis=0)) < 3:
            raise ValueError(f"{name}: a polygon needs three different points or more, got {points.tolist()}")
        parts.append(points.astype(np.float64))
    return parts


def box_of_parts(parts: Parts) -> npt.NDArray[np.float64]:
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
