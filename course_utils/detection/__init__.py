"""A single-shot detector: network, targets, losses and inference."""

from course_utils.detection.inference import detect, predict, select
from course_utils.detection.loss import ssd_loss
from course_utils.detection.network import ASPECT_RATIOS, SCALES, SSD, build_ssd
from course_utils.detection.targets import ssd_batches, ssd_targets

__all__ = [
    "ASPECT_RATIOS",
    "SCALES",
    "SSD",
    "build_ssd",
    "detect",
    "predict",
    "select",
    "ssd_batches",
    "ssd_loss",
    "ssd_targets",
]
