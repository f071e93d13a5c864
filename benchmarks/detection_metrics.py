"""Average precision of 500 images beside pycocotools, and its bootstrap, timed in one run.

`python benchmarks/detection_metrics.py` prints the times; `pytest benchmarks/detection_metrics.py` asserts ratios.
"""

import contextlib
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from course_utils.metrics import Annotations, Detections, bootstrap_map, mean_average_precision

THRESHOLDS = np.linspace(0.5, 0.95, 10)
N_CLASSES = 3
Images = tuple[list[Annotations], list[Detections]]


def random_images(n_images: int = 500, rng: np.random.Generator | None = None) -> Images:
    """Up to 6 objects an image, each with jittered boxes, and 20 false alarms."""
    rng = rng or np.random.default_rng(0)
    truths, guesses = [], []
    for _ in range(n_images):
        objects = random_boxes(rng, int(rng.integers(7)))
        ids = rng.integers(0, N_CLASSES, len(objects))
        near = np.repeat(objects, 3, axis=0) + rng.normal(0, 5, (3 * len(objects), 4))
        boxes = np.concatenate([sort_corners(near), random_boxes(rng, 20)])
        guess_ids = np.concatenate([np.repeat(ids, 3), rng.integers(0, N_CLASSES, 20)])
        truths.append(Annotations(objects, ids))
        guesses.append(Detections(boxes, rng.random(len(boxes)), guess_ids))
    return truths, guesses


def random_boxes(rng: np.random.Generator, n: int) -> Any:
    corner = rng.uniform(0, 400, (n, 2))
    return np.concatenate([corner, corner + rng.uniform(20, 150, (n, 2))], axis=1)


def sort_corners(boxes: Any) -> Any:
    return np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)


def coco_judge(truths: list[Annotations], guesses: list[Detections], thresholds: Any) -> COCOeval:
    """Pycocotools' evaluation of the same images, of every size and without a limit of detections."""

    def rows(images: Any) -> list[dict[str, Any]]:
        found = [
            {
                "image_id": image + 1,
                "category_id": int(class_id),
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "area": (x1 - x0) * (y1 - y0),
                "iscrowd": 0,
                "score": float(score),
            }
            for image, one in enumerate(images)
            for (x0, y0, x1, y1), class_id, score in zip(
                one.boxes.tolist(), one.class_ids, getattr(one, "scores", np.zeros(len(one.boxes))), strict=True
            )
        ]
        return [{"id": i + 1, **row} for i, row in enumerate(found)]

    def dataset(annotations: list[dict[str, Any]]) -> COCO:
        coco = COCO()
        both: list[Annotations | Detections] = [*truths, *guesses]
        coco.dataset = {
            "images": [{"id": image + 1} for image in range(len(truths))],
            "categories": [{"id": int(k)} for k in {i for one in both for i in one.class_ids}],
            "annotations": annotations,
        }
        coco.createIndex()
        return coco

    with contextlib.redirect_stdout(io.StringIO()):
        judge = COCOeval(dataset(rows(truths)), dataset(rows(guesses)), "bbox")
    judge.params.iouThrs = np.asarray(thresholds)
    judge.params.areaRng, judge.params.areaRngLbl = [[-1, 1e10]], ["all"]
    judge.params.maxDets = [100_000]
    return judge


def coco_precision(judge: COCOeval) -> Any:
    """Precision (threshold, recall, class), −1 for a class without an object."""
    with contextlib.redirect_stdout(io.StringIO()):
        judge.evaluate()
        judge.accumulate()
    return judge.eval["precision"][:, :, :, 0, 0]


def shortest(call: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def measure() -> dict[str, float]:
    """Times in seconds."""
    truths, guesses = random_images()
    ours = mean_average_precision(truths, guesses, THRESHOLDS)
    judge = coco_judge(truths, guesses, THRESHOLDS)
    theirs = coco_precision(judge)
    assert np.allclose(ours.precision.transpose(0, 2, 1), theirs, atol=1e-9)
    rng = np.random.default_rng(0)
    return {
        "course_utils": shortest(lambda: mean_average_precision(truths, guesses, THRESHOLDS), 5),
        "pycocotools": shortest(lambda: coco_precision(judge), 3),
        "1,000 resamples, IoU 0.5": shortest(lambda: bootstrap_map(truths, guesses, 1000, rng), 2),
        "1,000 resamples, 10 IoUs": shortest(lambda: bootstrap_map(truths, guesses, 1000, rng, THRESHOLDS), 1),
    }


@pytest.mark.benchmark
def test_faster_than_pycocotools() -> None:
    times = measure()
    assert times["pycocotools"] >= 5 * times["course_utils"], times
    assert times["1,000 resamples, IoU 0.5"] <= 20 * times["course_utils"], times


def main() -> None:
    times = measure()
    for name, seconds in times.items():
        print(f"{name:25} {1000 * seconds:8.1f} ms, {seconds / times['course_utils']:6.1f} evaluations of ours")


if __name__ == "__main__":
    main()
