"""The loss of YOLOv3, for one grid of cells and its anchors."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import (
    as_array,
    as_count,
    as_float_array,
    as_integer_array,
    require_positive,
    shown,
)
from course_utils.losses._inputs import (
    as_real_tensor,
    require,
    require_finite,
    require_number,
    require_same_shape,
)
from course_utils.losses.boxes import overlap

__all__ = ["YoloTerms", "yolo_targets", "yolo_v3", "yolo_v3_terms"]


class YoloTerms(NamedTuple):
    """The three parts of the loss, (N,) each."""

    box: tf.Tensor
    objectness: tf.Tensor
    classes: tf.Tensor


def yolo_v3(
    y_true: Any, y_pred: Any, anchors: npt.ArrayLike, stride: float, ignore_threshold: float = 0.5
) -> tf.Tensor:
    """YOLOv3's loss of every image: box + objectness + classes, summed over cells and anchors.

    Parameters
    ----------
    y_true : (N, rows, columns, A, 5 + K) float
        As :func:`yolo_targets` makes them: the box as x_min, y_min, x_max, y_max in pixels, 1 if this
        cell and anchor is responsible for an object and 0 otherwise, and a 1 or 0 for each class. The
        rest of an entry without an object is not read.
    y_pred : (N, rows, columns, A, 5 + K) float
        Raw outputs t_x, t_y, t_w, t_h, objectness logit, K class logits. The predicted centre is
        (column + σ(t_x), row + σ(t_y)) × stride, the size anchor × exp(t_w, t_h).
    anchors : (A, 2) float
        Width and height in pixels, above 0.
    stride : float
        Pixels a cell, above 0.
    ignore_threshold : float
        In [0, 1]. A prediction without an object of its own whose box overlaps an object of the
        image with a higher IoU than this is left out of the objectness term.

    Returns
    -------
    (N,) tensor of the dtype of ``y_pred`` (float32 for half precision)
        0 or more.

    Raises
    ------
    ValueError
        For shapes that do not fit, values that are not finite, an objectness or class other than 0
        and 1, an object whose centre lies outside its cell or whose box has no area.

    Notes
    -----
    Redmon and Farhadi 2018, *YOLOv3: An Incremental Improvement*, sections 2.1 and 2.2. The box term
    is half the squared error of (σ(t_x), σ(t_y), t_w, t_h), whose gradient with respect to those
    numbers is prediction − truth; the other two are binary cross-entropies, one a class, so classes
    may overlap. What is compared for the ignore threshold is the predicted box, as the authors' code
    does; their text says the anchor. Their code also multiplies the box term by 2 − (share of the
    image that the object covers), which is left out here. Every prediction is compared with every
    entry of the grid, so memory grows with the square of rows × columns × A.

    Examples
    --------
    >>> targets = yolo_targets([[4.0, 4, 12, 12]], [1], [[8, 8]], grid_shape=(2, 2), stride=8, n_classes=2)
    >>> yolo_v3(targets[np.newaxis], np.zeros((1, 2, 2, 1, 7)), [[8, 8]], 8).numpy().round(4)
    array([4.4089])
    """
    terms = yolo_v3_terms(y_true, y_pred, anchors, stride, ignore_threshold)
    return terms.box + terms.objectness + terms.classes


def yolo_v3_terms(
    y_true: Any, y_pred: Any, anchors: npt.ArrayLike, stride: float, ignore_threshold: float = 0.5
) -> YoloTerms:
    """The three parts of :func:`yolo_v3`, which takes the same arguments.

    Examples
    --------
    >>> targets = yolo_targets([[4.0, 4, 12, 12]], [1], [[8, 8]], grid_shape=(2, 2), stride=8, n_classes=2)
    >>> terms = yolo_v3_terms(targets[np.newaxis], np.zeros((1, 2, 2, 1, 7)), [[8, 8]], 8)
    >>> [part.numpy().round(4).item() for part in terms]
    [0.25, 2.7726, 1.3863]
    """
    cell = require_positive("stride", stride)
    threshold = require_number("ignore_threshold", ignore_threshold)
    truth, raw, priors = _checked(y_true, y_pred, anchors)
    assigned = truth[..., 4]

    # Where no object is assigned, a harmless box (the anchor in its cell) keeps log(0) out of the
    # graph: a NaN in a branch that tf.where does not take would still reach the gradient.
    corner = _cell_corners(raw)
    low = corner * cell + tf.zeros_like(priors)
    anchor_boxes = tf.concat([low, low + priors], axis=-1)
    has_object = assigned[..., tf.newaxis] > 0
    boxes = tf.where(has_object, truth[..., :4], anchor_boxes)
    size = boxes[..., 2:] - boxes[..., :2]
    require(
        "y_true", tf.reduce_all(size > 0, axis=-1), tf.reduce_min(size, axis=-1), "boxes with an area (an extent)"
    )
    place = (boxes[..., :2] + boxes[..., 2:]) / 2 / cell - corner
    inside = tf.reduce_all(tf.abs(place - 0.5) < 0.501, axis=-1) | tf.equal(assigned, 0)  # 0.001 for rounding
    require("y_true", inside, place[..., 0], "the centre of a box within its cell (x, in cells)")

    sizes = tf.math.log(size / priors)
    errors = tf.concat([tf.sigmoid(raw[..., :2]) - place, raw[..., 2:4] - sizes], axis=-1)
    box = tf.reduce_sum(errors**2, axis=-1) / 2 * assigned

    overlapping = _best_overlap(truth, _decoded(raw, corner, cell, priors)) > threshold
    counts = tf.cast((assigned > 0) | ~overlapping, raw.dtype)
    objectness = tf.nn.sigmoid_cross_entropy_with_logits(assigned, raw[..., 4]) * counts
    # Class targets of entries without an object may hold anything finite: they are masked out.
    classes = tf.nn.sigmoid_cross_entropy_with_logits(truth[..., 5:], raw[..., 5:])
    per_entry = (box, objectness, tf.reduce_sum(classes, axis=-1) * assigned)
    return YoloTerms(*(tf.reduce_sum(part, axis=[1, 2, 3]) for part in per_entry))


def yolo_targets(
    boxes: npt.ArrayLike,
    class_ids: npt.ArrayLike,
    anchors: npt.ArrayLike,
    *,
    grid_shape: tuple[int, int],
    stride: float,
    n_classes: int,
) -> npt.NDArray[np.float32]:
    """Which cell and anchor is responsible for which object of one image, as :func:`yolo_v3` wants it.

    An object belongs to the cell that holds its centre and to the anchor whose shape overlaps it most
    when both are centred on the same point. Of two objects with the same cell and anchor the later
    one stays.

    Parameters
    ----------
    boxes : (B, 4) float
        Corners in pixels; the centres lie within the grid.
    class_ids : (B,) int
    anchors : (A, 2) float
        Width and height in pixels.
    grid_shape : (rows, columns)
    stride : float
        Pixels a cell.
    n_classes : int

    Returns
    -------
    (rows, columns, A, 5 + K) float32

    Raises
    ------
    ValueError
        For a box without area, a centre outside the grid, or arguments that do not fit.

    Examples
    --------
    >>> anchors = [[16, 16], [8, 24]]
    >>> targets = yolo_targets([[0.0, 0, 4, 20]], [0], anchors, grid_shape=(4, 4), stride=8, n_classes=1)
    >>> np.argwhere(targets[..., 4] == 1)
    array([[1, 0, 1]])
    """
    classes = as_count("n_classes", n_classes)
    if as_array("grid_shape", grid_shape).shape != (2,):
        raise ValueError(f"grid_shape: expected (rows, columns), got {shown(grid_shape)}")
    rows, columns = as_count("grid_shape", grid_shape[0]), as_count("grid_shape", grid_shape[1])
    corners = as_float_array("boxes", boxes)
    corners = corners.reshape(0, 4) if corners.size == 0 else corners
    empty = np.zeros(0, np.intp)
    ids = as_integer_array("class_ids", class_ids, low=0, high=classes) if len(corners) else empty
    shapes = as_float_array("anchors", anchors, rank=2)
    if shapes.shape[1] != 2 or len(shapes) == 0 or not (shapes > 0).all():
        raise ValueError(f"anchors: expected (A, 2) widths and heights above 0, got {shapes.tolist()}")
    cell = require_positive("stride", stride)
    if corners.ndim != 2 or corners.shape[1] != 4 or ids.shape != (len(corners),):
        raise ValueError(f"boxes: expected shape (B, 4) and B class_ids, got {corners.shape} and {ids.shape}")
    targets = np.zeros((rows, columns, len(shapes), 5 + classes), np.float32)
    for box, class_id in zip(corners, ids, strict=True):
        size = box[2:] - box[:2]
        column, row = np.floor((box[:2] + box[2:]) / 2 / cell)
        if not (size > 0).all() or not (0 <= row < rows and 0 <= column < columns):
            raise ValueError(
                f"boxes: expected an area and a centre inside the grid {rows, columns}, got {box.tolist()}"
            )
        shared = np.minimum(size, shapes).prod(axis=1)
        best = np.argmax(shared / (size.prod() + shapes.prod(axis=1) - shared))
        targets[int(row), int(column), best] = [*box, 1, *(np.arange(classes) == class_id)]
    return targets


def _checked(y_true: Any, y_pred: Any, anchors: npt.ArrayLike) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    raw = as_real_tensor("y_pred", y_pred)
    truth = tf.cast(as_real_tensor("y_true", y_true), raw.dtype)
    priors = tf.cast(as_real_tensor("anchors", anchors), raw.dtype)
    if priors.shape.rank != 2 or priors.shape[1] != 2 or not priors.shape[0]:
        raise ValueError(f"anchors: expected widths and heights of shape (A, 2), got shape {priors.shape}")
    require("anchors", tf.math.is_finite(priors) & (priors > 0), priors, "finite numbers above 0")
    if raw.shape.rank != 5 or raw.shape[3] != priors.shape[0] or (raw.shape[4] or 0) < 6:
        raise ValueError(
            f"y_pred: expected shape (N, rows, columns, {priors.shape[0]}, 5 + K), K of 1 or more, got {raw.shape}"
        )
    truth = require_same_shape("y_true", truth, raw, "y_pred")
    require_finite("y_pred", raw)
    require_finite("y_true", truth)
    flags = truth[..., 4]
    require("y_true", tf.equal(flags, 0) | tf.equal(flags, 1), flags, "0 or 1 as objectness")
    one_or_zero = tf.equal(truth[..., 5:], 0) | tf.equal(truth[..., 5:], 1) | tf.equal(flags, 0)[..., tf.newaxis]
    require("y_true", one_or_zero, truth[..., 5:], "0 or 1 for each class")
    return truth, raw, priors


def _cell_corners(raw: tf.Tensor) -> tf.Tensor:
    """Column and row of every entry, in cells, (1, rows, columns, 1, 2)."""
    shape = tf.shape(raw)
    columns, rows = tf.meshgrid(tf.range(shape[2]), tf.range(shape[1]))
    return tf.cast(tf.stack([columns, rows], axis=-1), raw.dtype)[tf.newaxis, :, :, tf.newaxis]


def _decoded(raw: tf.Tensor, corner: tf.Tensor, cell: float, priors: tf.Tensor) -> tf.Tensor:
    """Predicted boxes as corners in pixels; no gradient is wanted from them."""
    centre = (tf.sigmoid(raw[..., :2]) + corner) * cell
    size = priors * tf.exp(tf.minimum(raw[..., 2:4], 30.0))  # exp(30) anchors: far beyond any image
    return tf.stop_gradient(tf.concat([centre - size / 2, centre + size / 2], axis=-1))


def _best_overlap(truth: tf.Tensor, boxes: tf.Tensor) -> tf.Tensor:
    """Highest IoU of every predicted box with any object of its image, (N, rows, columns, A)."""
    shape = tf.shape(boxes)
    flat = tf.reshape(boxes, [shape[0], -1, 1, 4])
    objects = tf.reshape(truth, [shape[0], 1, -1, truth.shape[-1]])
    iou = tf.where(objects[..., 4] > 0, overlap(objects[..., :4], flat, "iou"), 0)
    return tf.reshape(tf.reduce_max(iou, axis=-1), shape[:-1])
