"""The tables of chapter 11: complete, tuned on validation digits alone, and as their manifests say."""

import csv
import json

import numpy as np
import pytest

from course_utils.data import data_path
from course_utils.experiments.ch11 import DEEP, GRID, MEMORY, RACERS


def table(name):
    with data_path(f"results/{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, json.loads(data_path(f"results/{name}.json").read_text(encoding="utf-8"))


def fitting(rows, **wanted):
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def chosen(rows):
    rates = {float(row["learning_rate"]) for row in rows}
    mean = {
        r: np.mean([float(x["validation_accuracy"]) for x in rows if float(x["learning_rate"]) == r])
        for r in rates
    }
    return max(sorted(mean), key=mean.get)


def test_every_racer_had_the_same_trials_and_the_rate_that_validated_best():
    rows, manifest = table("optimizers")
    assert len(rows) == manifest["rows"]
    for name, racer in RACERS.items():
        tuning = fitting(rows, setting="short", optimizer=name, stage="tuning")
        rates = sorted({float(row["learning_rate"]) for row in tuning})
        assert rates == pytest.approx([racer.default * f for f in GRID])
        assert len(tuning) == len(GRID) * len(manifest["tuning_seeds"])
        assert manifest["chosen_learning_rates"][name] == pytest.approx(chosen(tuning))
        for setting, stage in (("short", "tuned"), ("short", "default"), ("equal time", "tuned")):
            runs = fitting(rows, setting=setting, optimizer=name, stage=stage)
            assert sorted(int(row["seed"]) for row in runs) == manifest["seeds"]["short"]
            expected = racer.default if stage == "default" else chosen(tuning)
            assert [float(row["learning_rate"]) for row in runs] == pytest.approx([expected] * len(runs))


@pytest.mark.parametrize("name", ["optimizers", "depth"])
def test_the_test_digits_were_not_looked_at_to_tune(name):
    rows, manifest = table(name)
    assert all((row["test_accuracy"] == "") == (row["stage"] == "tuning") for row in rows)
    seeds = {row["seed"] for row in rows if row["stage"] != "tuning"}
    assert seeds.isdisjoint({str(seed) for seed in manifest["tuning_seeds"]})


def test_every_remedy_was_tuned_and_tested():
    rows, manifest = table("depth")
    assert len(rows) == manifest["rows"]
    for network, variants in (("deep", DEEP), ("memory", MEMORY)):
        for name in variants:
            tuning = fitting(rows, network=network, variant=name, stage="tuning")
            tuned = fitting(rows, network=network, variant=name, stage="tuned")
            assert sorted(int(row["seed"]) for row in tuned) == manifest["seeds"]
            assert {float(row["learning_rate"]) for row in tuned} == {chosen(tuning)}


@pytest.mark.slow
def test_a_row_comes_out_again():
    sweep = pytest.importorskip("sweep_ch11")
    rows, manifest = table("optimizers")
    (row,) = fitting(rows, setting="short", optimizer="Adam", stage="tuned", seed="0")
    trainer = sweep.Trainer(sweep.build_cnn(0), RACERS["Adam"].make(), sweep.digits_task(1000))
    rates = [float(row["learning_rate"])] * manifest["steps"]["short"]
    found = sweep.one_run(trainer, sweep.build_cnn(0), rates, 0, test=True)
    assert float(found["test_accuracy"]) == pytest.approx(float(row["test_accuracy"]), abs=0.04)
