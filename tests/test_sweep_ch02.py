"""The shipped table of chapter 02: whole, and made by the command that its manifest names."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_utils.data import data_path

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
