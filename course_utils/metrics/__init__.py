"""How good a result is, and how sure we can be of that number."""

from course_utils.metrics.any_overlap import AnyOverlapScores, any_overlap_scores
from course_utils.metrics.detection import (
    Annotations,
    Detections,
    DetectionScores,
    MeanAveragePrecision,
    PrecisionRecall,
    best_score_threshold,
    detection_scores,
    match_detections,
    mean_average_precision,
    precision_recall_curve,
)
from course_utils.metrics.detection_intervals import bootstrap_map, map_interval
from course_utils.metrics.images import psnr, ssim
from course_utils.metrics.intervals import bootstrap_interval, mean_interval
from course_utils.metrics.outlines import BoundaryScores, boundary_f_score, trimap
from course_utils.metrics.probabilities import (
    accuracy,
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
    reliability,
)
from course_utils.metrics.segmentation import (
    MeanIoU,
    bootstrap_mean_iou,
    confusion_matrices,
    confusion_matrix,
    mean_iou,
    mean_iou_interval,
    per_image_mean_iou,
    pixel_accuracy,
)

__all__ = [
    "Annotations",
    "AnyOverlapScores",
    "BoundaryScores",
    "DetectionScores",
    "Detections",
    "MeanAveragePrecision",
    "MeanIoU",
    "PrecisionRecall",
    "accuracy",
    "any_overlap_scores",
    "best_score_threshold",
    "bootstrap_interval",
    "bootstrap_map",
    "bootstrap_mean_iou",
    "boundary_f_score",
    "brier_score",
    "confusion_matrices",
    "confusion_matrix",
    "detection_scores",
    "expected_calibration_error",
    "map_interval",
    "match_detections",
    "mean_average_precision",
    "mean_interval",
    "mean_iou",
    "mean_iou_interval",
    "negative_log_likelihood",
    "per_image_mean_iou",
    "pixel_accuracy",
    "precision_recall_curve",
    "psnr",
    "reliability",
    "ssim",
    "trimap",
]
