"""Speed of the suppression of boxes beside TensorFlow and the textbook's loop, all in one run.

Run ``python benchmarks/boxes.py``. A ratio above 1 says that the course's function is faster. The
programs take turns, and the fastest of many turns counts, so that a busy machine slows all alike;
the loop of the textbook, which takes seconds, has one turn. What counts is the processor's time, which others that
run beside it do not add to.
"""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from course_utils import boxes as course

__all__ = ["Row", "clustered_boxes", "measure", "random_boxes", "textbook_nms"]

HEIGHT, WIDTH = 480, 640


class Row(NamedTuple):
    """Milliseconds of one task in the course and elsewhere, and whether both gave the same."""

    task: str
    boxes: str
    n: int
    course: float
    other: float
    same: bool


def random_boxes(n: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Boxes of 20 to 120 pixels anywhere in an image."""
    sizes = rng.uniform(20, 120, (n, 2))
    corners = rng.uniform(0, 1, (n, 2)) * ([WIDTH, HEIGHT] - sizes)
    return np.concatenate([corners, corners + sizes], axis=1).astype(np.float32)


def clustered_boxes(n: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float32]]:
    """What a detector puts around ten objects: n boxes, each some pixels off its object."""
    objects = random_boxes(10, rng)
    objects[:, 2:] += 60
    return objects[rng.integers(0, 10, n)] + rng.uniform(-8, 8, (n, 4)).astype(np.float32)


def textbook_nms(boxes: Any, scores: Any, iou_threshold: float = 0.5) -> list[int]:
    """Greedy suppression as books print it: one IoU after the other."""

    def iou(a: list[float], b: list[float]) -> float:
        width = min(a[2], b[2]) - max(a[0], b[0])
        height = min(a[3], b[3]) - max(a[1], b[1])
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)

    rows = boxes.tolist()
    remaining = sorted(range(len(rows)), key=lambda k: -scores[k])
    kept = []
    while remaining:
        best = remaining.pop(0)
        kept.append(best)
        remaining = [k for k in remaining if iou(rows[best], rows[k]) <= iou_threshold]
    return kept


def measure(sizes: tuple[int, ...] = (1000, 6400), turns: int = 15) -> Iterator[Row]:
    """Time suppression, hard and soft, against TensorFlow and a loop."""
    for name, make in (("random", random_boxes), ("clustered", clustered_boxes)):
        for n in sizes:
            rng = np.random.default_rng(0)
            boxes, scores = make(n, rng), rng.random(n).astype(np.float32)
            tensors = tf.constant(boxes[:, [1, 0, 3, 2]]), tf.constant(scores)

            def hard(given: Any = tensors, n: int = n) -> Any:
                return tf.image.non_max_suppression(*given, n, 0.5, 0.0).numpy()

            def soft(given: Any = tensors, n: int = n) -> Any:
                found = tf.image.non_max_suppression_with_scores(*given, n, 1.0, 0.001, soft_nms_sigma=0.25)
                return found[1].numpy()

            def course_hard(boxes: Any = boxes, scores: Any = scores) -> Any:
                return course.nms(boxes, scores)

            def course_soft(boxes: Any = boxes, scores: Any = scores) -> Any:
                return course.soft_nms(boxes, scores)[1]

            def loop(boxes: Any = boxes, scores: Any = scores) -> Any:
                return np.array(textbook_nms(boxes, scores))

            own, others = _race(course_hard, hard, turns)
            yield Row("nms / TensorFlow", name, n, own, others, np.array_equal(course_hard(), hard()))
            own, others = _race(course_soft, soft, turns)
            lowered, theirs = course_soft(), soft()
            same = len(lowered) == len(theirs) and np.allclose(lowered, theirs, rtol=1e-4, atol=1e-6)
            yield Row("soft_nms / TensorFlow", name, n, own, others, same)
            start = time.process_time()
            indices = loop()
            others = 1e3 * (time.process_time() - start)
            own = _race(course_hard, course_hard, turns)[0]
            yield Row("nms / textbook loop", name, n, own, others, np.array_equal(course_hard(), indices))


def _race(one: Callable[[], object], other: Callable[[], object], turns: int) -> tuple[float, float]:
    best = [np.inf, np.inf]
    for _ in range(turns):
        for k, function in enumerate((one, other)):
            start = time.process_time()
            function()
            best[k] = min(best[k], 1e3 * (time.process_time() - start))
    return best[0], best[1]


def main() -> None:
    print(f"{'task':24}{'boxes':12}{'n':>6}{'course ms':>12}{'other ms':>12}{'other/course':>14}  same")
    for row in measure():
        ratio = f"{row.other / row.course:14.2f}"
        print(f"{row.task:24}{row.boxes:12}{row.n:6}{row.course:12.2f}{row.other:12.2f}{ratio}  {row.same}")


if __name__ == "__main__":
    main()
