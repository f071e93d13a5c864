"""Filters: new images whose pixels are computed from a window of old ones, and the noise they fight.

Images are (H, W) or (H, W, C); every channel is filtered alone, except by the bilateral filter.
Floats stay floats of their dtype. uint8 comes back as uint8, computed exactly and rounded to the
nearest (SciPy cuts the fraction off). Other integers become float64.
"""

from course_utils.filters.bilateral import bilateral_filter
from course_utils.filters.linear import correlate, gaussian_filter, gaussian_kernel, mean_filter
from course_utils.filters.pixels import add_gaussian_noise, add_salt_and_pepper, gamma_correct
from course_utils.filters.ranks import maximum_filter, median_filter, minimum_filter

__all__ = [
    "add_gaussian_noise",
    "add_salt_and_pepper",
    "bilateral_filter",
    "correlate",
    "gamma_correct",
    "gaussian_filter",
    "gaussian_kernel",
    "maximum_filter",
    "mean_filter",
    "median_filter",
    "minimum_filter",
]
