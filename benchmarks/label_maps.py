"""Class ids of a 480×640 colour mask beside what one would otherwise use, timed in one run.

`python benchmarks/label_maps.py` prints the ratios; `pytest benchmarks/label_maps.py` asserts them.
"""

import time
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from course_utils import label_maps
from course_utils.label_maps import labels_to_rgb, rgb_to_labels

PALETTE = np.array([[0, 0, 0], [220, 20, 60], [0, 130, 180], [250, 170, 30]], np.uint8)
Bytes = npt.NDArray[np.uint8]


def shortest(call: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def in_range_loop(rgb: Bytes) -> Bytes:
    """One `cv2.inRange` and one masked assignment a class."""
    labels = np.full(rgb.shape[:2], 255, np.uint8)
    for class_id, colour in enumerate(PALETTE):
        labels[cv2.inRange(rgb, colour, colour) > 0] = class_id
    return labels


def pixel_loop(rgb: Bytes) -> Bytes:
    """Two Python loops and a dictionary."""
    ids = {tuple(colour): class_id for class_id, colour in enumerate(PALETTE.tolist())}
    labels = np.empty(rgb.shape[:2], np.uint8)
    for y in range(rgb.shape[0]):
        for x in range(rgb.shape[1]):
            labels[y, x] = ids[tuple(rgb[y, x])]
    return labels


def first_call(rgb: Bytes) -> Bytes:
    """The look-up with its table built anew."""
    label_maps._table.cache_clear()
    return rgb_to_labels(rgb, PALETTE)


def measure() -> dict[str, float]:
    """Times in seconds."""
    cv2.setNumThreads(1)
    labels = np.random.default_rng(0).integers(0, 4, (480, 640)).astype(np.uint8)
    rgb = labels_to_rgb(labels, PALETTE)
    assert all(np.array_equal(f(rgb), labels) for f in (in_range_loop, pixel_loop, first_call))
    return {
        "course_utils": shortest(lambda: rgb_to_labels(rgb, PALETTE), 30),
        "course_utils, first call": shortest(lambda: first_call(rgb), 30),
        "OpenCV inRange loop": shortest(lambda: in_range_loop(rgb), 30),
        "pixel loop": shortest(lambda: pixel_loop(rgb), 3),
    }


@pytest.mark.benchmark
def test_the_table_is_faster() -> None:
    times = measure()
    assert times["OpenCV inRange loop"] >= 3 * times["course_utils"], times
    assert times["pixel loop"] >= 200 * times["course_utils"], times


def main() -> None:
    times = measure()
    for name, seconds in times.items():
        print(f"{name:25} {1000 * seconds:7.2f} ms, {seconds / times['course_utils']:6.1f} times ours")


if __name__ == "__main__":
    main()
