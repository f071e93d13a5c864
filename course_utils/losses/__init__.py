"""Losses of dense vision: for label maps, for boxes, for grids of detections, for several tasks.

All are differentiable TensorFlow, take the truth first and return one value an image or a box, so
that ``model.compile(loss=…)`` takes them; only the distance maps are NumPy. They work in eager mode,
in ``tf.function`` and under XLA, which drops the assertions that check values inside a graph. Half
precision (float16, bfloat16) is computed in float32, and so is the result; gradients come back in
the dtype of what they belong to.
"""

from course_utils.losses.boxes import iou_loss, smooth_l1
from course_utils.losses.distances import signed_distance_maps, unet_weight_map
from course_utils.losses.overlap import dice, exponential_logarithmic, lovasz_softmax, tversky
from course_utils.losses.pixels import binary_cross_entropy, boundary, cross_entropy, focal
from course_utils.losses.tasks import uncertainty_weighted
from course_utils.losses.yolo import YoloTerms, yolo_targets, yolo_v3, yolo_v3_terms

__all__ = [
    "YoloTerms",
    "binary_cross_entropy",
    "boundary",
    "cross_entropy",
    "dice",
    "exponential_logarithmic",
    "focal",
    "iou_loss",
    "lovasz_softmax",
    "signed_distance_maps",
    "smooth_l1",
    "tversky",
    "uncertainty_weighted",
    "unet_weight_map",
    "yolo_targets",
    "yolo_v3",
    "yolo_v3_terms",
]
