"""Losses of boxes: smooth L1 on coordinates, and the IoU family on the box as a whole."""

from typing import Any, Literal, get_args

import numpy as np
import tensorflow as tf

from course_utils._arguments import require_kind
from course_utils.losses._inputs import (
    as_real_tensor,
    require,
    require_finite,
    require_number,
    require_same_shape,
)

__all__ = ["Kind", "iou_loss", "overlap", "smooth_l1"]

Kind = Literal["iou", "giou", "diou", "ciou"]

# −ln IoU grows no further below this overlap, so that it stays finite for boxes apart.
SMALLEST_IOU = 1e-7


def smooth_l1(y_true: Any, y_pred: Any, beta: float = 1.0) -> tf.Tensor:
    """Smooth L1 loss, summed over the four numbers of a box.

    d² / (2β) for a difference ``|d| < β``, and ``|d| − β/2`` beyond.

    Parameters
    ----------
    y_true, y_pred : (…, 4) float
        Corners or encoded offsets: any numbers, in any unit.
    beta : float
        Above 0, in the unit of the numbers: where the parabola turns into a straight line.

    Returns
    -------
    (…) tensor of the dtype of ``y_pred`` (float32 for half precision)
        0 or more.

    Raises
    ------
    ValueError
        For shapes that differ or do not end in 4, values that are not finite, ``beta`` of 0 or less.

    Notes
    -----
    Girshick 2015, *Fast R-CNN*, section 2.3, with β = 1. Huber's loss with δ = β is β times this one.

    Examples
    --------
    >>> smooth_l1([0.0, 0, 0, 0], [0.5, 1, -3, 0]).numpy().item()
    3.125
    """
    width = require_number("beta", beta, above=True)
    truth, prediction = _boxes(y_true, y_pred)
    distance = tf.abs(prediction - truth)
    costs = tf.where(distance < width, distance**2 / (2 * width), distance - width / 2)
    return tf.reduce_sum(costs, axis=-1)


def iou_loss(y_true: Any, y_pred: Any, kind: Kind = "iou", log: bool = False) -> tf.Tensor:
    """1 − overlap of two boxes, by IoU, GIoU, DIoU or CIoU; or −ln IoU.

    Parameters
    ----------
    y_true, y_pred : (…, 4) float
        Corners as x_min, y_min, x_max, y_max, in pixels (any unit: the loss is scale-invariant).
    kind : "iou", "giou", "diou" or "ciou"
    log : bool
        −ln IoU instead of 1 − IoU, for ``kind="iou"`` only.

    Returns
    -------
    (…) tensor of the dtype of ``y_pred`` (float32 for half precision)
        One value a box: in [0, 1] for IoU, [0, 2) for GIoU and DIoU, up to 3 for CIoU; −ln IoU in
        [0, 16.2], where it stops at an IoU of 1e-7.

    Raises
    ------
    ValueError
        For shapes that differ or do not end in 4, values that are not finite, a crossed box
        (x_max < x_min or y_max < y_min) in ``y_true``, an unknown ``kind``, ``log`` with another.

    Notes
    -----
    Two boxes without area have an IoU of 0, even the same one twice; ratios of 0/0 in the other terms
    are 0 too. At two identical boxes, where the loss has a kink, the gradient is 0.

    A crossed box in ``y_pred`` has overlap 0: it counts as the empty box in its middle. Its value
    says nothing about the crossing, so its gradient is not that of the value: it is set to point at
    the crossed corners alone and moves them towards each other, 1 / extent of both boxes each.

    Rezatofighi et al. 2019 (GIoU), Zheng et al. 2020 (DIoU, CIoU), Yu et al. 2016, *UnitBox* (−ln
    IoU). CIoU's α takes no part in the gradient, as in the paper.

    Examples
    --------
    >>> truth, prediction = [0.0, 0, 1, 1], [2.0, 0, 3, 1]  # two unit squares, a gap of 1
    >>> for kind in ("iou", "giou", "diou", "ciou"):
    ...     print(kind, iou_loss(truth, prediction, kind).numpy().round(4))
    iou 1.0
    giou 1.3333
    diou 1.4
    ciou 1.4
    """
    require_kind(kind, get_args(Kind))
    if log and kind != "iou":
        raise ValueError(f'log: expected kind="iou" with it, got {kind!r}, whose overlap can be negative')
    truth, prediction = _boxes(y_true, y_pred)
    low_true, high_true = tf.split(truth, 2, axis=-1)
    low, high = tf.split(prediction, 2, axis=-1)
    extents = high_true - low_true
    require("y_true", extents >= 0, extents, "no crossed box (an extent)")

    # A crossed pair of corners is replaced by its middle, a constant; the others stay as they are.
    crossed = low > high
    middle = tf.stop_gradient((low + high) / 2)
    repaired = tf.where(
        tf.tile(crossed, [1] * (prediction.shape.rank - 1) + [2]), tf.concat([middle] * 2, -1), prediction
    )
    corners = tf.stack([low_true, high_true, low, high])
    extent = tf.reduce_max(tf.reduce_max(corners, axis=0) - tf.reduce_min(corners, axis=0), axis=-1)
    # The overlaps do not depend on the unit. In the unit of both boxes' extent no area overflows, as
    # that of 300 × 300 pixels does in float16, and none underflows.
    unit = tf.stop_gradient(tf.where(extent > 0, extent, 1))
    value = overlap(truth / unit[..., tf.newaxis], repaired / unit[..., tf.newaxis], kind)
    loss = -tf.math.log(tf.maximum(value, SMALLEST_IOU)) if log else 1 - value

    any_crossed = tf.reduce_any(crossed, axis=-1)
    push = tf.reduce_sum(tf.where(crossed, low - high, 0), axis=-1) / unit
    return tf.where(any_crossed, tf.stop_gradient(loss) + push - tf.stop_gradient(push), loss)


def overlap(truth: tf.Tensor, prediction: tf.Tensor, kind: Kind) -> tf.Tensor:
    """IoU, GIoU, DIoU or CIoU of (…, 4) boxes that are not crossed, with 0/0 taken as 0."""
    low_true, high_true = tf.split(truth, 2, axis=-1)
    low, high = tf.split(prediction, 2, axis=-1)
    size_true, size = tf.unstack(high_true - low_true, axis=-1), tf.unstack(high - low, axis=-1)
    shared = tf.maximum(_smaller(high_true, high) - _larger(low_true, low), 0)
    intersection = _area(tf.unstack(shared, axis=-1))
    union = _area(size_true) + _area(size) - intersection
    iou = tf.math.divide_no_nan(intersection, union)
    if kind == "iou":
        return iou
    hull = _larger(high_true, high) - _smaller(low_true, low)
    if kind == "giou":
        hull_area = _area(tf.unstack(hull, axis=-1))
        return iou - tf.math.divide_no_nan(hull_area - union, hull_area)
    offset = (low + high - low_true - high_true) / 2
    diou = iou - tf.math.divide_no_nan(tf.reduce_sum(offset**2, axis=-1), tf.reduce_sum(hull**2, axis=-1))
    if kind == "diou":
        return diou
    aspect = 4 / np.pi**2 * (_angle(size_true) - _angle(size)) ** 2
    return diou - tf.stop_gradient(tf.math.divide_no_nan(aspect, 1 - iou + aspect)) * aspect


def _boxes(y_true: Any, y_pred: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Two checked (…, 4) tensors of one dtype."""
    prediction = as_real_tensor("y_pred", y_pred)
    truth = tf.cast(as_real_tensor("y_true", y_true), prediction.dtype)
    if prediction.shape.rank == 0 or prediction.shape[-1] != 4:
        raise ValueError(f"y_pred: expected shape (…, 4), got {tuple(prediction.shape)}")
    truth = require_same_shape("y_true", truth, prediction, "y_pred")
    require_finite("y_true", truth)
    require_finite("y_pred", prediction)
    return truth, prediction


def _area(size: list[tf.Tensor]) -> tf.Tensor:
    width, height = size
    return width * height


def _smaller(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Minimum whose gradient goes half to each where both are equal (``tf.minimum``: all to a)."""
    return tf.where(tf.equal(a, b), (a + b) / 2, tf.minimum(a, b))


def _larger(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.equal(a, b), (a + b) / 2, tf.maximum(a, b))


def _angle(size: list[tf.Tensor]) -> tf.Tensor:
    """Angle whose tangent is width / height; 0 for a point."""
    width, height = size
    # The replacement keeps 0/0 out of the gradient of atan2, whose value it does not change.
    is_point = tf.equal(width, 0) & tf.equal(height, 0)
    return tf.atan2(width, tf.where(~is_point, height, 1))
