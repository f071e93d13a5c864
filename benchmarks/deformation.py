"""Elastic deformation of 1,000 digits beside what one would otherwise use, timed in one run.

`python benchmarks/deformation.py` prints the ratios; `pytest benchmarks/deformation.py` asserts them.
"""

import time
from collections.abc import Callable

import albumentations
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from course_utils.deformation import displacement_field, elastic_transform, warp

ALPHA, SIGMA, ROUNDS = 34.0, 4.0, 7
Images = npt.NDArray[np.float32]


def best_times(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Shortest time of each call; the calls take turns, so that a busy moment hits them all."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: min(values) for name, values in times.items()}


def one_by_one(images: Images, rng: np.random.Generator) -> list[Images]:
    """One `gaussian_filter` and one `map_coordinates` an image."""
    here = np.indices((28, 28))
    warped = []
    for image in images:
        noise = rng.uniform(-1, 1, (2, 28, 28))
        field = ALPHA * ndimage.gaussian_filter(noise, (0, SIGMA, SIGMA))
        warped.append(ndimage.map_coordinates(image[..., 0], here + field, order=1, mode="reflect"))
    return warped


def measure() -> dict[str, float]:
    """Times in seconds for 1,000 images."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    images = rng.random((1000, 28, 28, 1), dtype=np.float32)
    transform = albumentations.ElasticTransform(alpha=ALPHA, sigma=SIGMA, p=1)
    return best_times(
        {
            "course_utils": lambda: elastic_transform(images, ALPHA, SIGMA, rng),
            "SciPy": lambda: one_by_one(images, rng),
            "albumentations": lambda: [transform(image=image)["image"] for image in images],
        }
    )


def largest_difference() -> float:
    """Largest difference from `map_coordinates` over 100 random images."""
    rng = np.random.default_rng(0)
    images = rng.random((100, 28, 28, 1), dtype=np.float32)
    fields = displacement_field((28, 28), ALPHA, SIGMA, rng, n=100)
    here = np.indices((28, 28))
    wanted = [
        ndimage.map_coordinates(image[..., 0], here + field, order=1, mode="reflect")
        for image, field in zip(images, fields, strict=True)
    ]
    return float(np.abs(warp(images, fields)[..., 0] - wanted).max())


@pytest.mark.benchmark
def test_elastic_transform_is_faster_and_right() -> None:
    times = measure()
    assert times["SciPy"] >= 4 * times["course_utils"], times
    assert times["albumentations"] >= 2 * times["course_utils"], times
    assert largest_difference() < 1e-5


def main() -> None:
    times = measure()
    for name, seconds in times.items():
        print(
            f"{name:15} {1000 / seconds:8.0f} images a second, {seconds / times['course_utils']:5.1f} times ours"
        )
    print(f"largest difference from map_coordinates: {largest_difference():.1e}")


if __name__ == "__main__":
    main()
