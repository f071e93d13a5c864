"""The tables of chapter 13: complete, as their manifests say, and repeatable in one row."""

import csv
import json
from collections import Counter

import numpy as np
import pytest

from course_utils.data import data_path
from course_utils.experiments.ch13_pairs import PAIRS


def load(name):
    with data_path(f"results/{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, json.loads(data_path(f"results/{name}.json").read_text(encoding="utf-8"))


def test_every_seed_has_its_restarts_and_the_best_goes_on():
    rows, manifest = load("information_clusters")
    short = str(manifest["steps_of_a_restart"])
    trainings = {}
    for row in rows:
        trainings.setdefault((row["setting"], int(row["seed"])), []).append(row)
    assert set(trainings) == {(name, seed) for name, seeds in manifest["seeds"].items() for seed in seeds}
    for (setting, _), group in trainings.items():
        restarts = {row["restart"]: float(row["information"]) for row in group if row["steps"] == short}
        assert set(restarts) == {str(k) for k in range(manifest["restarts"])}
        later = [row for row in group if row["steps"] != short]
        steps = [int(row["steps"]) for row in later]
        last = manifest["steps_of_other_settings"]
        assert steps == manifest["steps"][: len(steps)]
        assert steps[-1] >= last if setting == "recipe" else steps[-1] == last
        assert {row["restart"] for row in later} == {max(restarts, key=restarts.get)}  # chosen by the loss alone
        seconds = [float(row["seconds"]) for row in group]
        assert seconds == sorted(seconds)
        for row in group:
            read = int(row["steps"]) >= last
            assert [bool(row[name]) for name in ("codes_accuracy", "few_labels_accuracy")] == [read, read]
    assert len(rows) == manifest["runs"]
    assert all(0 <= float(row["accuracy"]) <= 1 and float(row["information"]) <= np.log(10) for row in rows)


def test_the_recipe_and_its_control_have_the_same_ten_seeds():
    seeds = load("information_clusters")[1]["seeds"]
    assert seeds["recipe"] == seeds["no over-clustering"] == list(range(10))
    assert set(seeds["other digits"]) <= set(seeds["recipe"])


def test_every_rival_ran_with_every_seed_once():
    rows, manifest = load("information_rivals")
    counts = Counter((row["method"], int(row["seed"])) for row in rows)
    assert counts == dict.fromkeys(
        ((name, seed) for name, seeds in manifest["seeds"].items() for seed in seeds), 1
    )
    assert len(rows) == manifest["runs"]
    assert all(len(seeds) == 10 for seeds in manifest["seeds"].values())


def test_every_estimator_met_every_pair_with_every_seed_once():
    rows, manifest = load("information_estimators")
    counts = Counter((row["pair"], row["estimator"], int(row["seed"])) for row in rows)
    pairs = {(row["pair"], row["estimator"]) for row in rows}
    critics = {name for _, name in pairs if name[:3] in {"DV", "DV,", "NWJ", "Inf"}}
    assert len(critics) == 7
    for pair in PAIRS:
        found = {name for where, name in pairs if where == pair}
        samples = {"histogram", "histogram, corrected"} | ({"nearest neighbours"} if pair != "discrete" else set())
        assert found == samples | critics
    broken = {(row["pair"], row["estimator"]) for row in rows if row["estimate"] == "nan"}
    assert {pair for pair, _ in broken} == {"Cauchy"}
    assert counts == dict.fromkeys(((*pair, seed) for pair in pairs for seed in manifest["seeds"]), 1)
    for name, truth in manifest["truths"].items():
        assert truth == pytest.approx(PAIRS[name].truth, abs=1e-6)


def test_cheap_rows_come_out_again():
    sweep = pytest.importorskip("sweep_ch13")
    rows, _ = load("information_estimators")
    for pair in PAIRS:
        for name, estimate, _ in sweep.from_samples(pair, 3):
            wanted = {"pair": pair, "estimator": name, "seed": "3"}
            row = next(row for row in rows if wanted.items() <= row.items())
            assert estimate == pytest.approx(float(row["estimate"]), abs=2e-4)


def test_ten_labels_of_each_class():
    sweep = pytest.importorskip("sweep_ch13")
    data = sweep.digits()
    chosen = sweep.few_labels(data, 0)
    assert np.bincount(data.train_labels[chosen]).tolist() == [10] * 10
    assert len(set(chosen)) == 100


def test_a_critic_whose_scores_overflow_spoils_no_other(monkeypatch):
    sweep = pytest.importorskip("sweep_ch13")

    def bounds_of(name, kind, fixed, seeds, rng):
        if 3 in seeds:
            raise ValueError("scores: infinite")
        return np.array([[-np.inf if seed == 4 else float(seed) for seed in seeds]]), 0.5

    monkeypatch.setattr(sweep, "bounds_of", bounds_of)
    found, seconds = sweep.from_critics("Cauchy", "NWJ", fixed=False)
    np.testing.assert_array_equal(found["NWJ"], [0, 1, 2, np.nan, np.nan, 5, 6, 7, 8, 9])
    assert seconds == 0.5


@pytest.mark.slow
def test_a_restart_comes_out_again():
    sweep = pytest.importorskip("sweep_ch13")
    rows, manifest = load("information_clusters")
    data = sweep.digits()
    learner = sweep.Learner(data.train, seed=0)
    learner.start(0)
    learner.train(manifest["steps_of_a_restart"])
    found = sweep.score(learner, data)
    # Other processors round differently, and training amplifies that: restarts lie within 0.1 nats.
    assert found["information"] == pytest.approx(float(rows[0]["information"]), abs=0.3)
