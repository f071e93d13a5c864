"""The speed of the suppression of boxes beside TensorFlow and a loop, as ratios measured in one run."""

import runpy
from pathlib import Path

import pytest

# Times TensorFlow's, and times a loop over pairs, on random boxes.
AT_LEAST = {"nms / TensorFlow": 2, "soft_nms / TensorFlow": 0.25, "nms / textbook loop": 100}


@pytest.mark.benchmark
def test_suppression_beside_tensorflow_and_a_loop():
    program = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "boxes.py"))
    rows = list(program["measure"]())
    assert all(row.same for row in rows), rows
    ratios = {(row.task, row.n): row.other / row.course for row in rows if row.boxes == "random"}
    assert all(ratio >= AT_LEAST[task] for (task, _), ratio in ratios.items()), ratios
