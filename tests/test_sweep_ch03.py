"""The table of chapter 03: complete, as its manifest says, and made again in one row."""

import csv
import json
from collections import Counter

import numpy as np
import pytest

from course_utils.data import data_path


@pytest.fixture(scope="module")
def table():
    with data_path("results/distillation.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, json.loads(data_path("results/distillation.json").read_text(encoding="utf-8"))


def test_every_seed_has_every_row_once(table):
    rows, manifest = table
    names = ("experiment", "setting", "temperature", "alpha", "beta", "seed")
    # An experiment without 3s has two rows: before and after the bias is raised.
    counts = Counter((*(row[name] for name in names), bool(row["bias_3"])) for row in rows)
    assert set(counts.values()) == {1}
    by_seed = {seed: {key[:5] + key[6:] for key in counts if key[5] == str(seed)} for seed in manifest["seeds"]}
    assert len(manifest["seeds"]) >= 3
    assert all(keys == by_seed[manifest["seeds"][0]] for keys in by_seed.values())
    assert len(rows) == manifest["rows"] == sum(map(len, by_seed.values()))


def test_every_size_but_the_teachers_own_has_its_control_with_shifts(table):
    def settings(experiment):
        return {row["setting"] for row in table[0] if row["experiment"] == experiment}

    assert settings("size shifts") == settings("size distilled") - {"as the teacher"}
    assert settings("size shifts") == settings("size alone") - {"as the teacher"}
    assert {"shifts, no teacher"} <= settings("control")  # the size in the middle


def test_the_numbers_are_shares(table):
    for row in table[0]:
        for name in ("val_accuracy", "val_accuracy_3", "test_accuracy", "test_accuracy_3"):
            assert 0 <= float(row[name]) <= 1
        assert float(row["test_nll"]) > 0


def test_the_manifest_says_how(table):
    assert set(table[1]) >= {"command", "seeds", "rows", "seconds", "parts", "steps", "machine"}
    assert sum(table[1]["parts"].values()) == 5000


@pytest.mark.slow
def test_one_row_again(table):
    sweep = pytest.importorskip("sweep_ch03")
    data = sweep.Seed(0)
    run = next(run for run in data.plan() if run["experiment"] == "alone")
    (row,) = sweep.execute(run, data)["rows"]
    (stored,) = (r for r in table[0] if r["experiment"] == "alone" and r["seed"] == "0")
    assert np.isclose(row["val_accuracy"], float(stored["val_accuracy"]), atol=0.03)
