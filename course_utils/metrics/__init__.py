"""How good a result is, and how sure we can be of that number."""

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
from course_utils.metrics.probabilities import (
    accuracy,
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
    reliability,
)

__all__ = [
    "Annotations",
    "DetectionScores",
    "Detections",
    "MeanAveragePrecision",
    "PrecisionRecall",
    "accuracy",
    "best_score_threshold",
    "bootstrap_interval",
    "bootstrap_map",
    "brier_score",
    "detection_scores",
    "expected_calibration_error",
    "map_interval",
    "match_detections",
    "mean_average_precision",
    "mean_interval",
    "negative_log_likelihood",
    "precision_recall_curve",
    "psnr",
    "reliability",
    "ssim",
]
