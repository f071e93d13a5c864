"""How good a result is, and how sure we can be of that number."""

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
    "accuracy",
    "bootstrap_interval",
    "brier_score",
    "expected_calibration_error",
    "mean_interval",
    "negative_log_likelihood",
    "psnr",
    "reliability",
    "ssim",
]
