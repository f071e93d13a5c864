"""What can be said of boxes alone: area, overlap, clipping, and one box relative to another."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from course_utils._arguments import (
    FloatArray,
    as_boxes,
    as_float_array,
    require_finite,
    require_positive,
    shown,
)

__all__ = [
    "area",
    "as_columns",
    "clip_boxes",
    "decode",
    "encode",
    "iou_of_columns",
    "iou_of_pairs",
    "pairwise_iou",
]

# The IoU of this many pairs is computed at once: what is in work stays in the cache.
PAIRS_AT_ONCE = 2**15


def area(boxes: npt.ArrayLike) -> FloatArray:
    """Width times height of each box.

    Parameters
    ----------
    boxes : (N, 4) array_like
        Corners as x_min, y_min, x_max, y_max, in pixels; N may be 0.

    Returns
    -------
    (N,) float
        0 or more, in square pixels.

    Raises
    ------
    ValueError
        For another shape, NaN, infinity, a crossed box, or one too large for its dtype.

    Examples
    --------
    >>> area([[0, 0, 4, 3], [5, 5, 5, 9]])
    array([12.,  0.])
    """
    areas: FloatArray = as_columns("boxes", boxes)[4]
    return areas


def pairwise_iou(a: npt.ArrayLike, b: npt.ArrayLike) -> FloatArray:
    """Intersection over union of every box of ``a`` with every box of ``b``.

    Parameters
    ----------
    a : (N, 4) array_like
        Corners as x_min, y_min, x_max, y_max, in pixels; N may be 0.
    b : (M, 4) array_like

    Returns
    -------
    (N, M) float
        In [0, 1]; float32 if both are, else float64. 0 for every pair with a box without area.

    Raises
    ------
    ValueError
        For another shape, NaN, infinity, a crossed box, or one too large for its dtype.

    Notes
    -----
    Jaccard 1901. The overlap of two intervals is min of the ends − max of the beginnings, and 0 if
    that is negative.

    Examples
    --------
    >>> pairwise_iou([[0, 0, 2, 2]], [[0, 0, 2, 4], [1, 1, 3, 3], [2, 0, 4, 2]]).round(3)
    array([[0.5  , 0.143, 0.   ]])
    """
    return iou_of_columns(as_columns("a", a), as_columns("b", b))


def clip_boxes(boxes: npt.ArrayLike, height: float, width: float) -> FloatArray:
    """Cut boxes off at the border of an image.

    Parameters
    ----------
    boxes : (N, 4) array_like
        Corners as x_min, y_min, x_max, y_max, in pixels; N may be 0.
    height, width : float
        Of the image, in pixels, above 0.

    Returns
    -------
    (N, 4) float
        x in [0, width], y in [0, height]. A box outside the image becomes one without area on its
        border; it is not removed, so that the indices stay the same.

    Raises
    ------
    ValueError
        For another shape, NaN, infinity, a crossed box, a size of 0 or less.

    Examples
    --------
    >>> clip_boxes([[-5, 2, 30, 9], [50, 1, 60, 3]], height=8, width=20)
    array([[ 0.,  2., 20.,  8.],
           [20.,  1., 20.,  3.]])
    """
    corners = as_boxes("boxes", boxes)
    high, wide = require_positive("height", height), require_positive("width", width)
    clipped: FloatArray = np.clip(corners, 0, np.array([wide, high, wide, high], corners.dtype))
    return clipped


def encode(boxes: npt.ArrayLike, anchors: npt.ArrayLike, variances: Sequence[float] = (0.1, 0.2)) -> FloatArray:
    """Offsets of boxes from anchors: what a detector learns to predict.

    Parameters
    ----------
    boxes, anchors : (N, 4) array_like
        Corners as x_min, y_min, x_max, y_max, in pixels, row by row; widths and heights above 0.
    variances : two floats above 0
        Of the centres and of the logarithms of the sizes. Despite the name they act as standard
        deviations: the offsets are divided by them.

    Returns
    -------
    (N, 4) float
        (x − x_a) / w_a and (y − y_a) / h_a of the centres, over the first variance; ln(w / w_a) and
        ln(h / h_a), over the second. :func:`decode` is the inverse.

    Raises
    ------
    ValueError
        For other shapes, NaN, infinity, a width or height of 0 or less, variances that are not two
        numbers above 0, or offsets that overflow.

    Notes
    -----
    Girshick et al. 2014, *R-CNN*, appendix C; the variances are those of SSD (Liu et al. 2016).

    Examples
    --------
    >>> encode([[0, 0, 20, 40]], [[0, 0, 20, 20]]).round(3)
    array([[0.   , 5.   , 0.   , 3.466]])
    """
    centres, sizes = _centres_and_sizes("boxes", boxes)
    anchor_centres, anchor_sizes = _centres_and_sizes("anchors", anchors)
    _require_same_length("boxes", centres, anchor_centres)
    of_centre, of_size = _as_variances(variances)
    with np.errstate(over="ignore", divide="ignore"):
        offsets = np.concatenate(
            [(centres - anchor_centres) / anchor_sizes / of_centre, np.log(sizes / anchor_sizes) / of_size], axis=1
        )
    if not np.isfinite(offsets).all():
        index = int(np.argmin(np.isfinite(offsets).all(axis=1)))
        raise ValueError(f"boxes: no finite offsets from the anchor to the box at index {index}")
    return offsets


def decode(offsets: npt.ArrayLike, anchors: npt.ArrayLike, variances: Sequence[float] = (0.1, 0.2)) -> FloatArray:
    """Boxes from offsets and anchors: the inverse of :func:`encode`.

    Parameters
    ----------
    offsets : (N, 4) array_like
        Of the centre's x and y, of the logarithms of width and height, as :func:`encode` returns them.
    anchors : (N, 4) array_like
        Corners as x_min, y_min, x_max, y_max, in pixels, row by row; widths and heights above 0.
    variances : two floats above 0

    Returns
    -------
    (N, 4) float
        Corners in pixels, never crossed: the exponential keeps sizes above 0.

    Raises
    ------
    ValueError
        For other shapes, NaN, infinity, an anchor without area, variances that are not two numbers
        above 0, and offsets so large that the box is infinite: clip them before if they may be.

    Examples
    --------
    >>> decode([[0.0, 5.0, 0.0, np.log(2) / 0.2]], [[0, 0, 20, 20]])
    array([[ 0.,  0., 20., 40.]])
    """
    numbers = as_float_array("offsets", offsets)
    if numbers.shape == (0,):
        numbers = numbers.reshape(0, 4)
    if numbers.ndim != 2 or numbers.shape[1] != 4:
        raise ValueError(f"offsets: expected shape (N, 4), got {numbers.shape}")
    require_finite("offsets", numbers)
    anchor_centres, anchor_sizes = _centres_and_sizes("anchors", anchors)
    _require_same_length("offsets", numbers, anchor_centres)
    of_centre, of_size = _as_variances(variances)
    with np.errstate(over="ignore", invalid="ignore"):
        centres = anchor_centres + numbers[:, :2] * of_centre * anchor_sizes
        halves = np.exp(numbers[:, 2:] * of_size) * anchor_sizes / 2
        boxes = np.concatenate([centres - halves, centres + halves], axis=1)
    if not np.isfinite(boxes).all():
        index = int(np.argmin(np.isfinite(boxes).all(axis=1)))
        raise ValueError(f"offsets: {numbers[index].tolist()} at index {index} give an infinite box")
    return boxes


def as_columns(name: str, value: npt.ArrayLike) -> FloatArray:
    """Checked boxes as five rows in memory: x_min, y_min, x_max, y_max and the area."""
    boxes = as_boxes(name, value)
    columns = np.empty((5, len(boxes)), boxes.dtype)
    columns[:4] = boxes.T
    with np.errstate(over="ignore", invalid="ignore"):
        columns[4] = (columns[2] - columns[0]) * (columns[3] - columns[1])
        too_large = ~np.isfinite(2 * columns[4])  # a union is at most the sum of two areas
    if too_large.any():
        index = int(too_large.argmax())
        raise ValueError(f"{name}: the area of {boxes[index].tolist()} at index {index} overflows {boxes.dtype}")
    return columns


def iou_of_columns(a: FloatArray, b: FloatArray) -> FloatArray:
    """IoU of all pairs of boxes from :func:`as_columns`, in blocks that fit in the cache.

    NumPy's minimum and maximum are several times faster on two arrays than on an array and a number,
    so numbers are written out into the block first.
    """
    n_rows, n_columns = a.shape[1], b.shape[1]
    iou = np.empty((n_rows, n_columns), np.result_type(a, b))
    step = max(1, min(n_rows, PAIRS_AT_ONCE // max(1, n_columns)))
    buffers, zeros = np.empty((2, step, n_columns), iou.dtype), np.zeros((step, n_columns), iou.dtype)
    areas = np.where(a[4] > 0, a[4], 1)  # a box without area shares nothing: any divisor but 0 will do
    for start in range(0, n_rows, step):
        rows = slice(start, start + step)
        shared = iou[rows]
        (height, other), zero = buffers[:, : len(shared)], zeros[: len(shared)]
        for k, extent in enumerate((shared, height)):
            extent[:] = a[2 + k, rows, np.newaxis]
            other[:] = a[k, rows, np.newaxis]
            np.minimum(extent, b[2 + k], out=extent)
            np.subtract(extent, np.maximum(other, b[k], out=other), out=extent)
            np.maximum(extent, zero, out=extent)
        shared *= height
        union = np.add(areas[rows, np.newaxis], b[4], out=other)
        union -= shared
        shared /= union
    return iou


def iou_of_pairs(a: FloatArray, b: FloatArray) -> FloatArray:
    """IoU of boxes from :func:`as_columns`, one by one; their areas are above 0."""
    shared: FloatArray = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    np.maximum(shared, 0, out=shared)
    height = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    shared *= np.maximum(height, 0, out=height)
    union = a[4] + b[4]
    union -= shared
    shared /= union
    return shared


def _centres_and_sizes(name: str, value: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    boxes = as_boxes(name, value)
    low, high = boxes[:, :2], boxes[:, 2:]
    with np.errstate(over="ignore"):
        sizes = high - low
    too_large = ~np.isfinite(sizes).all(axis=1)
    if too_large.any():
        index = int(too_large.argmax())
        raise ValueError(f"{name}: the size of {boxes[index].tolist()} at index {index} overflows {boxes.dtype}")
    empty = (sizes <= 0).any(axis=1)
    if empty.any():
        index = int(empty.argmax())
        raise ValueError(
            f"{name}: expected widths and heights above 0, got {boxes[index].tolist()} at index {index}"
        )
    return low + sizes / 2, sizes


def _require_same_length(name: str, values: FloatArray, anchors: FloatArray) -> None:
    if len(values) != len(anchors):
        raise ValueError(f"{name}: expected one row an anchor ({len(anchors)}), got {len(values)}")


def _as_variances(variances: Sequence[float]) -> tuple[float, float]:
    numbers = np.ravel(as_float_array("variances", variances))
    if numbers.shape != (2,):
        raise ValueError(f"variances: expected two numbers, of centres and of sizes, got {shown(variances)}")
    return require_positive("variances[0]", numbers[0]), require_positive("variances[1]", numbers[1])
