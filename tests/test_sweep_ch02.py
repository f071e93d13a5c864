"""The shipped table of chapter 02: whole, and made by the command that its manifest names."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_utils.data import data_path
from course_utils.metrics import mean_interval

ROOT = Path(__file__).resolve().parent.parent
SCORES = ("accuracy", "nll", "ece", "brier", "value")


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["train_size"], row["seed"], row["pool"], row["method"]): row for row in csv.DictReader(file)}


def test_the_table_holds_every_run_of_its_manifest_with_the_same_methods():
    manifest = json.loads(data_path("results/ensembles.json").read_text(encoding="utf-8"))
    table = rows(data_path("results/ensembles.csv"))
    runs = {(size, str(seed)) for size, seeds in manifest["runs"].items() for seed in seeds}
    assert {key[:2] for key in table} == runs
    assert len({frozenset(key[2:] for key in table if key[:2] == run) for run in runs}) == 1
    assert set(manifest["seconds"]) == {"/".join(run) for run in runs}
    for row in table.values():
        assert 0 <= float(row["accuracy"] or 0) <= 1
        assert any(row[score] for score in SCORES)


def column(method, score="accuracy", size=500, pool="mixed"):
    table = rows(data_path("results/ensembles.csv")).values()
    key = (str(size), pool, method)
    return np.array([float(r[score]) for r in table if (r["train_size"], r["pool"], r["method"]) == key])


@pytest.mark.parametrize(("size", "over_best", "over_average"), [(500, (0, 5), (11, 4)), (2000, (3, 6), (21, 8))])
def test_the_errors_that_a_stack_of_tempered_models_cuts_are_those_of_the_text(size, over_best, over_average):
    errors = 1 - column("stacking of tempered models", size=size)
    for baseline, said in (("best single, chosen out of fold", over_best), ("arithmetic mean", over_average)):
        cut, half_width = mean_interval(100 * (1 - errors / (1 - column(baseline, size=size))))
        assert (round(cut), round(half_width)) == said


def test_what_a_leak_costs_is_what_the_text_says():
    for kind, points, half_width in (("ridge weights", 1.6, 1.2), ("stacking", 0.2, 0.4)):
        gain = mean_interval(100 * (column(f"{kind}, out of fold") - column(f"{kind}, leaked")))
        np.testing.assert_allclose(gain, (points, half_width), atol=0.05)
    for pool, nats in (("mixed", 0.03), ("three", 0.07)):  # a logistic meta-learner pays in loss
        honest, leaked = (column(f"stacking, {way}", "nll", pool=pool) for way in ("out of fold", "leaked"))
        cost, half_width = mean_interval(leaked - honest)
        assert round(cost, 2) == nats
        assert cost > half_width


@pytest.mark.slow
def test_a_run_gives_the_rows_of_the_table(tmp_path):
    output = tmp_path / "table.csv"
    command = [
        sys.executable,
        str(ROOT / "tools" / "sweep_ch02.py"),
        "--only",
        "500",
        "0",
        "--output",
        str(output),
    ]
    subprocess.run(command, check=True, timeout=1200)
    shipped, again = rows(data_path("results/ensembles.csv")), rows(output)
    assert again.keys() == {key for key in shipped if key[:2] == ("500", "0")}
    for key, row in again.items():
        for score in SCORES:
            if row[score]:
                np.testing.assert_allclose(
                    float(row[score]), float(shipped[key][score]), atol=0.03, err_msg=str(key)
                )
