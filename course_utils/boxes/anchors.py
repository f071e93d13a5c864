"""Anchors: the boxes that a detector starts from, and which object each of them has to find."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from course_utils._arguments import (
    FloatArray,
    IntArray,
    as_array,
    as_boxes,
    as_count,
    as_integer_array,
    require_positive,
    require_within,
    shown,
)
from course_utils.boxes.geometry import as_columns, iou_of_columns

__all__ = ["BACKGROUND", "IGNORED", "anchor_boxes", "match_anchors", "unmatched_boxes"]

# What match_anchors says of an anchor that has no box.
BACKGROUND = -1
IGNORED = -2


def anchor_boxes(
    feature_shapes: Sequence[tuple[int, int]],
    image_shape: tuple[int, int],
    scales: Sequence[Sequence[float]],
    aspect_ratios: Sequence[float],
) -> FloatArray:
    """Boxes of several sizes and shapes, centred on every cell of every feature map.

    Parameters
    ----------
    feature_shapes : sequence of (rows, columns)
        One a level; 1 or more each.
    image_shape : (height, width)
        In pixels.
    scales : sequence of sequences of float
        One a level, each of one scale or more: the side of a square anchor as a fraction of the
        image's height, above 0.
    aspect_ratios : sequence of float
        Width / height in pixels, above 0, the same at every level.

    Returns
    -------
    (A, 4) float
        Corners as x_min, y_min, x_max, y_max, in pixels, not clipped: anchors reach over the border.
        The level changes slowest, then row, column, scale and aspect ratio, so that A is the sum of
        rows · columns · scales · ratios and a head's output (rows, columns, scales · ratios · k)
        reshapes to (…, k) in this order.

    Raises
    ------
    ValueError
        For sizes that are not integers of 1 or more, numbers of 0 or less, no level, no scale, no
        ratio, or another number of tuples of scales than of levels.

    Notes
    -----
    Scale s and ratio a make an anchor s·height·√a wide and s·height/√a high: the area depends on the
    scale alone. The cell in row i and column j is centred on y = (i + 0.5)·height/rows, x =
    (j + 0.5)·width/columns. Liu et al. 2016, *SSD*, section 2.2, where a ratio is relative to the
    image's own (0 to 1 on both axes); here a ratio of 1 is a square.

    Examples
    --------
    >>> anchor_boxes([(1, 2)], (40, 80), scales=[(0.5,)], aspect_ratios=(1.0, 4.0))
    array([[10., 10., 30., 30.],
           [ 0., 15., 40., 25.],
           [50., 10., 70., 30.],
           [40., 15., 80., 25.]])
    """
    height, width = _as_shape("image_shape", image_shape)
    if not hasattr(feature_shapes, "__len__") or len(feature_shapes) == 0:
        raise ValueError(f"feature_shapes: expected one level or more in a sequence, got {shown(feature_shapes)}")
    if not hasattr(scales, "__len__") or len(scales) != len(feature_shapes):
        raise ValueError(f"scales: expected one tuple a level ({len(feature_shapes)}), got {shown(scales)}")
    roots = np.sqrt(_as_positive("aspect_ratios", aspect_ratios))
    levels = []
    for level, (shape, fractions) in enumerate(zip(feature_shapes, scales, strict=True)):
        rows, columns = _as_shape(f"feature_shapes[{level}]", shape)
        sides = height * _as_positive(f"scales[{level}]", fractions)
        y = (np.arange(rows) + 0.5) * height / rows
        x = (np.arange(columns) + 0.5) * width / columns
        half_widths = (np.multiply.outer(sides, roots) / 2).ravel()
        half_heights = (np.divide.outer(sides, roots) / 2).ravel()
        boxes = np.empty((rows, columns, len(half_widths), 4))
        boxes[..., 0] = x[:, np.newaxis] - half_widths
        boxes[..., 1] = y[:, np.newaxis, np.newaxis] - half_heights
        boxes[..., 2] = x[:, np.newaxis] + half_widths
        boxes[..., 3] = y[:, np.newaxis, np.newaxis] + half_heights
        levels.append(boxes.reshape(-1, 4))
    return np.concatenate(levels)


def match_anchors(
    anchors: npt.ArrayLike, boxes: npt.ArrayLike, positive: float = 0.5, negative: float = 0.4
) -> IntArray:
    """Index of the box that each anchor has to find.

    Parameters
    ----------
    anchors : (A, 4) array_like
        Corners as x_min, y_min, x_max, y_max, in pixels; A ≥ 1.
    boxes : (N, 4) array_like
        The objects of one image; N may be 0.
    positive : float
        In (0, 1]. From this IoU with its best box on, an anchor belongs to that box.
    negative : float
        In [0, ``positive``]. Below this IoU with every box, an anchor is background.

    Returns
    -------
    (A,) int
        0 to N − 1: the index of the anchor's box; −1: background, which the classifier must learn
        to call so; −2: ignored, neither one nor the other.

    Raises
    ------
    ValueError
        For another shape, NaN, infinity, a crossed box, no anchor, thresholds out of range.

    Notes
    -----
    First every box gets one anchor for itself, however small their IoU: of all pairs the one of highest
    IoU is matched, box and anchor leave the contest, and so on, until no pair overlaps (of equal pairs
    the first box's first anchor comes first). Then every other anchor is judged by its best box (of
    equal ones the first) alone. The forced step is that of SSD (Liu et al. 2016, section 2.2), made one
    to one; the two thresholds those of RetinaNet (Lin et al. 2017).

    A box without overlap with any anchor stays unmatched, as does one whose anchors all went to better
    pairs: nothing will be learnt of it. :func:`unmatched_boxes` tells which.

    Examples
    --------
    >>> anchors = [[0, 0, 10, 10], [10, 0, 20, 10], [0, 0, 10, 23], [30, 0, 40, 10]]
    >>> match_anchors(anchors, [[0, 0, 10, 10], [12, 0, 30, 10]])
    array([ 0,  1, -2, -1])
    """
    above = require_within("positive", positive, 0, 1)
    if above == 0:
        raise ValueError("positive: expected a number above 0, got 0, which anchors without overlap reach too")
    below = require_within("negative", negative, 0, above)
    iou = iou_of_columns(as_columns("boxes", boxes), as_columns("anchors", anchors))
    n_boxes, n_anchors = iou.shape
    if n_anchors == 0:
        raise ValueError("anchors: expected one or more, got none")
    matches = np.full(n_anchors, BACKGROUND)
    if n_boxes == 0:
        return matches
    best = iou.max(axis=0)
    matches[best >= below] = IGNORED
    matches[best >= above] = iou.argmax(axis=0)[best >= above]
    for _ in range(min(iou.shape)):
        box, anchor = divmod(int(iou.argmax()), n_anchors)
        if iou[box, anchor] == 0:
            break
        matches[anchor] = box
        iou[box] = 0
        iou[:, anchor] = 0
    return matches


def unmatched_boxes(matches: npt.ArrayLike, boxes: npt.ArrayLike) -> IntArray:
    """Boxes that no anchor was matched with, so that a detector cannot learn them.

    Parameters
    ----------
    matches : (A,) array_like of int
        From :func:`match_anchors`.
    boxes : (N, 4) array_like
        The same boxes that were matched.

    Returns
    -------
    (n,) int
        Their indices, rising.

    Raises
    ------
    ValueError
        For boxes as in :func:`match_anchors`, or matches that are not integers from −2 to N − 1.

    Examples
    --------
    >>> boxes = [[0, 0, 10, 10], [90, 90, 99, 99]]
    >>> unmatched_boxes(match_anchors([[0, 0, 10, 12]], boxes), boxes)
    array([1])
    """
    n_boxes = len(as_boxes("boxes", boxes))
    indices = as_integer_array("matches", matches, low=IGNORED, high=n_boxes)
    return np.setdiff1d(np.arange(n_boxes), indices)


def _as_shape(name: str, shape: tuple[int, int]) -> tuple[int, int]:
    if as_array(name, shape).shape != (2,):
        raise ValueError(f"{name}: expected two integers, height and width, got {shown(shape)}")
    return as_count(f"{name}[0]", shape[0]), as_count(f"{name}[1]", shape[1])


def _as_positive(name: str, values: Sequence[float]) -> FloatArray:
    if as_array(name, values).ndim != 1 or len(values) == 0:
        raise ValueError(f"{name}: expected one number or more in a sequence, got {shown(values)}")
    return np.array([require_positive(f"{name}[{k}]", value) for k, value in enumerate(values)])
