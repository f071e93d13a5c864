"""Semantic segmentation: networks, batches and inference."""

from course_utils.segmentation.batches import segmentation_batches
from course_utils.segmentation.inference import segment
from course_utils.segmentation.network import build_fcn, pooled_regions, resnet56v2_pyramid, with_logits
from course_utils.training.copying import Copied, initialise_from

__all__ = [
    "Copied",
    "build_fcn",
    "initialise_from",
    "pooled_regions",
    "resnet56v2_pyramid",
    "segment",
    "segmentation_batches",
    "with_logits",
]
