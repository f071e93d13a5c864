"""The confusion matrix of a 480×640 label map beside scikit-learn's, and the bootstrap, timed in one run.

`python benchmarks/segmentation_metrics.py` prints the times; `pytest benchmarks/segmentation_metrics.py`
asserts the ratio.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics

from course_utils.metrics import bootstrap_mean_iou, confusion_matrix


def shortest(call: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def measure() -> dict[str, float]:
    """Times in seconds."""
    rng = np.random.default_rng(0)
    truth, guess = rng.integers(0, 4, (2, 480, 640)).astype(np.uint8)
    marked = np.where(rng.random(truth.shape) < 0.05, np.uint8(255), truth)

    def theirs() -> Any:
        return sklearn.metrics.confusion_matrix(truth.ravel(), guess.ravel(), labels=range(4))

    assert np.array_equal(confusion_matrix(truth, guess, 4), theirs())
    confusions = rng.integers(0, 1000, (500, 4, 4))
    return {
        "course_utils": shortest(lambda: confusion_matrix(truth, guess, 4), 30),
        "course_utils, 5 % ignored": shortest(lambda: confusion_matrix(marked, guess, 4), 30),
        "scikit-learn": shortest(theirs, 5),
        "1,000 resamples of 500": shortest(lambda: bootstrap_mean_iou(confusions, 1000, rng), 5),
    }


@pytest.mark.benchmark
def test_faster_than_scikit_learn() -> None:
    times = measure()
    assert times["scikit-learn"] >= 10 * times["course_utils"], times


def main() -> None:
    times = measure()
    for name, seconds in times.items():
        print(f"{name:26} {1000 * seconds:7.2f} ms, {seconds / times['course_utils']:6.1f} times ours")


if __name__ == "__main__":
    main()
