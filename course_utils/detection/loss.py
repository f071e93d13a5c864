"""The losses of a single-shot detector, and how they are divided."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import tensorflow as tf

from course_utils._arguments import IGNORE, require_kind, require_positive
from course_utils.detection.network import LARGEST_GROWTH, SSD, VARIANCES
from course_utils.losses import iou_loss, smooth_l1

__all__ = ["BoxLoss", "ClassLoss", "Divisor", "ssd_loss"]

ClassLoss = Literal["focal", "cross_entropy", "plain_cross_entropy"]
BoxLoss = Literal["smooth_l1", "l1", "giou"]
Divisor = Literal["positives", "anchors"]

# Weights that bring each box loss to the size of the class loss once both are divided by the positives.
BOX_WEIGHTS = {"smooth_l1": 0.5, "l1": 0.5, "giou": 2.0}
# Background anchors counted for each positive one, the hardest first (Liu et al. 2016, section 2.2).
NEGATIVES_PER_POSITIVE = 3


def ssd_loss(
    model: SSD,
    class_loss: ClassLoss = "focal",
    box_loss: BoxLoss = "smooth_l1",
    divide_by: Divisor = "positives",
    box_weight: float | None = None,
) -> Callable[[Any, Any], tf.Tensor]:
    """The loss of a detector as a function of targets and output.

    Parameters
    ----------
    model : SSD
        Whose anchors and kind of offsets are used.
    class_loss : "focal", "cross_entropy" or "plain_cross_entropy"
        Focal loss with γ = 2; cross-entropy of the positives and of three times as many background anchors, the
        hardest of the batch; or of all anchors.
    box_loss : "smooth_l1", "l1" or "giou"
        On the offsets, as the model encodes them, or on the decoded boxes. Counted at the positives only.
    divide_by : "positives" or "anchors"
        Of the batch. With the second, 2,048 anchors dilute what a handful of positives say.
    box_weight : float, optional
        Factor of the box loss, above 0; 0.5, 0.5 and 2 by default.

    Returns
    -------
    callable
        ``loss(y_true, y_pred)`` with targets (N, A, 5) and outputs (N, A, K + 4): one value an image, whose mean
        over the batch is the sum over all anchors divided as asked.

    Raises
    ------
    ValueError
        For an unknown option or a weight of 0 or less.

    Notes
    -----
    Liu et al. 2016, *SSD*, section 2.2; Lin et al. 2017, *Focal Loss for Dense Object Detection*.
    """
    require_kind(class_loss, get_args(ClassLoss), name="class_loss")
    require_kind(box_loss, get_args(BoxLoss), name="box_loss")
    require_kind(divide_by, get_args(Divisor), name="divide_by")
    weight = BOX_WEIGHTS[box_loss] if box_weight is None else require_positive("box_weight", box_weight)
    anchors = tf.constant(model.anchors)

    def loss(y_true: Any, y_pred: Any) -> tf.Tensor:
        y_pred = tf.convert_to_tensor(y_pred)
        if y_pred.dtype.size < 4:  # half precision cannot count the anchors of a batch
            y_pred = tf.cast(y_pred, tf.float32)
        logits, offsets = y_pred[..., : model.n_classes], y_pred[..., model.n_classes :]
        counted = tf.cast(y_true[..., 0] != IGNORE, y_pred.dtype)
        class_ids = tf.where(counted > 0, tf.cast(y_true[..., 0], tf.int32), 0)
        positive = tf.cast(class_ids > 0, y_pred.dtype)
        n_positive = tf.reduce_sum(positive)
        class_costs = tf.nn.sparse_softmax_cross_entropy_with_logits(class_ids, logits) * counted
        if class_loss == "focal":
            class_costs *= (1 - tf.exp(-class_costs)) ** 2
        elif class_loss == "cross_entropy":
            class_costs *= positive + _hardest(class_costs * (1 - positive), NEGATIVES_PER_POSITIVE * n_positive)
        box_costs = _box_costs(tf.cast(y_true[..., 1:], y_pred.dtype), offsets) * positive
        sums = tf.reduce_sum(class_costs + weight * box_costs, axis=1)
        total = n_positive if divide_by == "positives" else tf.reduce_sum(counted)
        return sums * tf.cast(tf.shape(sums)[0], sums.dtype) / tf.maximum(total, 1)

    def _box_costs(wanted: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
        if box_loss == "giou":
            return iou_loss(_decode(wanted), _decode(offsets), kind="giou")
        if box_loss == "l1":
            return tf.reduce_sum(tf.abs(wanted - offsets), axis=-1)
        return smooth_l1(wanted, offsets)

    def _decode(offsets: tf.Tensor) -> tf.Tensor:
        if model.offset_kind == "pixels":
            return anchors + offsets
        low, high = tf.split(anchors, 2, axis=-1)
        shift, growth = tf.split(offsets, 2, axis=-1)
        centre = (low + high) / 2 + VARIANCES[0] * shift * (high - low)
        growth = tf.clip_by_value(growth, -LARGEST_GROWTH, LARGEST_GROWTH)
        half = (high - low) / 2 * tf.exp(VARIANCES[1] * growth)
        return tf.concat([centre - half, centre + half], axis=-1)

    return loss


def _hardest(costs: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """1 at the ``count`` largest costs of the batch, 0 elsewhere."""
    flat = tf.reshape(costs, [-1])
    chosen = tf.math.top_k(flat, tf.minimum(tf.cast(count, tf.int32), tf.size(flat)), sorted=False).indices
    marks = tf.scatter_nd(chosen[:, tf.newaxis], tf.ones_like(chosen, costs.dtype), tf.shape(flat))
    return tf.reshape(marks, tf.shape(costs))
