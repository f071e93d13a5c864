"""The speed of the filters beside SciPy, as a ratio measured in one run."""

import runpy
from pathlib import Path

import pytest

# Times SciPy's on a 480 × 640 uint8 image.
AT_LEAST = {"median 3": 30, "maximum 3": 10, "minimum 3": 10, "mean 3": 1, "Gaussian σ 2": 0.5}


@pytest.mark.benchmark
def test_filters_beside_scipy():
    program = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "filters.py"))
    ratios = {row.name: row.scipy / row.course for row in program["measure"]()}
    assert all(ratios[name] >= ratio for name, ratio in AT_LEAST.items()), ratios
