"""Speed of the filters beside SciPy and OpenCV, all in one run on one 480 × 640 uint8 image.

Run ``python benchmarks/filters.py``. A ratio above 1 says that the course's filter is faster. The
three take turns, and the fastest of many turns counts, so that a busy machine slows all alike.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
from scipy import ndimage

from course_utils import filters

__all__ = ["Row", "measure"]


class Row(NamedTuple):
    """Milliseconds of one filter in the course, in SciPy and in OpenCV."""

    name: str
    course: float
    scipy: float
    opencv: float


def measure(turns: int = 15) -> Iterator[Row]:
    """Time every filter, the three libraries in turn."""
    image = np.random.default_rng(0).integers(0, 256, (480, 640), np.uint8)
    cv2.setNumThreads(1)
    square = np.ones((3, 3), np.uint8)
    programs: dict[str, tuple[Callable[[], object], ...]] = {
        "median 3": (
            lambda: filters.median_filter(image, 3),
            lambda: ndimage.median_filter(image, 3),
            lambda: cv2.medianBlur(image, 3),
        ),
        "median 5": (
            lambda: filters.median_filter(image, 5),
            lambda: ndimage.median_filter(image, 5),
            lambda: cv2.medianBlur(image, 5),
        ),
        "maximum 3": (
            lambda: filters.maximum_filter(image, 3),
            lambda: ndimage.maximum_filter(image, 3),
            lambda: cv2.dilate(image, square),
        ),
        "minimum 3": (
            lambda: filters.minimum_filter(image, 3),
            lambda: ndimage.minimum_filter(image, 3),
            lambda: cv2.erode(image, square),
        ),
        "mean 3": (
            lambda: filters.mean_filter(image, 3),
            lambda: ndimage.uniform_filter(image, 3),
            lambda: cv2.blur(image, (3, 3)),
        ),
        "mean 15": (
            lambda: filters.mean_filter(image, 15),
            lambda: ndimage.uniform_filter(image, 15),
            lambda: cv2.blur(image, (15, 15)),
        ),
        "Gaussian σ 2": (
            lambda: filters.gaussian_filter(image, 2.0),
            lambda: ndimage.gaussian_filter(image, 2.0),
            lambda: cv2.GaussianBlur(image, (17, 17), 2.0),
        ),
    }
    for name, functions in programs.items():
        best = [np.inf] * 3
        for _ in range(turns):
            for k, function in enumerate(functions):
                start = time.process_time()
                function()
                best[k] = min(best[k], 1e3 * (time.process_time() - start))
        yield Row(name, *best)


def main() -> None:
    print(
        f"{'filter':14}{'course ms':>10}{'SciPy ms':>10}{'OpenCV ms':>10}{'SciPy/course':>14}{'OpenCV/course':>15}"
    )
    for row in measure():
        ratios = f"{row.scipy / row.course:14.1f}{row.opencv / row.course:15.2f}"
        print(f"{row.name:14}{row.course:10.2f}{row.scipy:10.2f}{row.opencv:10.2f}{ratios}")


if __name__ == "__main__":
    main()
