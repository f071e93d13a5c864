"""The tables of chapter 14: complete, tuned on validation digits alone; runs that no lost worker takes along."""

import itertools
import json
import os
import random
import subprocess
import sys

import numpy as np
import psutil
import pytest

from course_utils.data import data_path
from notebooks import ROOT
from results import fill, read_rows, spread, write_rows

BATCHES = ("8", "16", "32", "64", "128", "256", "512")


def table(name):
    rows = read_rows(data_path(f"results/{name}.csv"))
    return rows, json.loads(data_path(f"results/{name}.json").read_text(encoding="utf-8"))


def chosen(rows, batch, warmup):
    scores = {}
    for row in rows:
        if (row["stage"], row["batch"], row["warmup"]) == ("tuning", batch, warmup):
            scores.setdefault(float(row["learning_rate"]), []).append(float(row["validation_accuracy"]))
    assert len(scores) == 11
    assert all(len(values) == 2 for values in scores.values())
    return max(sorted(scores), key=lambda rate: np.mean(scores[rate]))


def test_every_batch_had_the_same_trials_and_the_rates_of_the_rules():
    rows, manifest = table("batches")
    assert len(rows) == manifest["rows"] == 7 * 2 * (11 * 2 + 4 * 5)
    base = chosen(rows, "8", "no")
    assert manifest["base_learning_rate"] == base
    for batch, warmup in itertools.product(BATCHES, ("no", "yes")):
        factor = int(batch) / 8
        wanted = {"same": base, "linear": base * factor, "root": base * factor**0.5}
        wanted["best"] = chosen(rows, batch, warmup)
        for rule, rate in wanted.items():
            key = {"stage": "final", "batch": batch, "warmup": warmup, "rule": rule}
            final = [row for row in rows if key.items() <= row.items()]
            assert sorted(int(row["seed"]) for row in final) == manifest["seeds"]
            assert [float(row["learning_rate"]) for row in final] == pytest.approx([rate] * 5, rel=1e-5)


def test_the_test_digits_were_not_looked_at_to_tune():
    rows, manifest = table("batches")
    assert all((row["test_accuracy"] == "") == (row["stage"] == "tuning") for row in rows)
    assert set(manifest["seeds"]).isdisjoint(manifest["tuning_seeds"])


def test_the_other_tables_are_complete():
    rows, manifest = table("workers")
    assert len(rows) == manifest["rows"] == 5 * 3 * 5
    assert {row["apart"] for row in rows} == {"nothing", "batch normalisation", "divisor", "clipping", "all three"}
    rows, manifest = table("devices")
    assert len(rows) == manifest["rows"] == 3 * 5
    rows, manifest = table("memory")
    assert len(rows) == manifest["rows"] == manifest["processes"] * len(manifest["batches"])
    assert {int(row["images"]) for row in rows} == set(manifest["batches"])
    rows, manifest = table("step_times")
    assert len(rows) == manifest["rows"]
    assert all(float(row["seconds"]) > 0 for row in rows)
    for workers in ("1", "2"):
        sizes = [int(row["size"]) for row in rows if (row["workers"], row["what"]) == (workers, "step")]
        assert sizes == manifest["batches"]


def test_the_cluster_gave_every_row_of_the_table_that_is_shipped_now():
    rows, manifest = table("cluster")
    shipped, _ = table(manifest["table"].removesuffix(".csv"))
    assert len(rows) == manifest["rows"] == len(shipped)
    assert 0 < manifest["rows_when_a_worker_was_killed"] < len(rows)
    for row, original in zip(rows, shipped, strict=True):
        assert row.items() >= {name: original[name] for name in ("kind", "seed", "test_accuracy", "hits")}.items()


def test_without_a_cluster_runs_are_made_here_in_order():
    keys = [{"seed": str(seed)} for seed in range(3)]
    assert list(spread(lambda key: {"double": 2 * key["seed"]}, keys)) == [
        ({"seed": "0"}, {"double": "00"}),
        ({"seed": "1"}, {"double": "11"}),
        ({"seed": "2"}, {"double": "22"}),
    ]


def test_a_table_is_filled_in_the_order_of_its_keys_and_no_run_is_made_twice(tmp_path):
    path, made = tmp_path / "table.csv", []
    before = [{"seed": "9", "double": "18"}]
    write_rows(path, [{"seed": "2", "double": "4"}, {"seed": "7", "double": "14"}])  # 7 is wanted no longer

    def run(key):
        made.append(key["seed"])
        return {"double": str(2 * int(key["seed"]))}

    rows = fill(path, [{"seed": str(seed)} for seed in (3, 2, 1)], run, before=before)
    assert made == ["3", "1"]
    assert [(row["seed"], row["double"]) for row in rows] == [("9", "18"), ("3", "6"), ("2", "4"), ("1", "2")]
    assert read_rows(path) == rows
    assert fill(path, [{"seed": "1"}], run, before=before)[1:] == [{"seed": "1", "double": "2"}]
    assert made == ["3", "1"]


CLUSTER = """
import sys
from pathlib import Path

from dask.distributed import LocalCluster
from results import spread

flag, log = sys.argv[1:]

def run(key):
    import os, random, signal, time
    random.seed(int(key["seed"]))
    with open(log, "a") as file:
        file.write(key["seed"])
    time.sleep(5)  # so that what this worker made before has been handed over, and its threads have drawn
    if key["seed"] == "3" and not os.path.exists(flag):
        with open(flag, "w") as file:
            file.write(str(os.getpid()))
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    return {"drawn": str(random.random())}

if __name__ == "__main__":
    keys = [{"seed": str(seed)} for seed in range(8)]
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        found = [(int(key["seed"]), row["drawn"]) for key, row in spread(run, keys, cluster.scheduler_address)]
    print(Path(flag).exists(), sorted(found))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_lost_worker_loses_no_run_and_its_threads_draw_from_other_random_numbers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(CLUSTER, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script, tmp_path / "lost", tmp_path / "runs"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tools")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.splitlines()[-1] == f"True {[(seed, str(random.Random(seed).random())) for seed in range(8)]}"
    )
    assert not psutil.pid_exists(int((tmp_path / "lost").read_text()))
    assert sorted((tmp_path / "runs").read_text()) == list("012334567")  # only the lost run was made twice


@pytest.mark.slow
def test_a_row_comes_out_again():
    sweep = pytest.importorskip("sweep_ch14")
    rows, _ = table("batches")
    key = {"stage": "final", "batch": "256", "warmup": "yes", "rule": "linear", "seed": "0"}
    (row,) = [row for row in rows if key.items() <= row.items()]
    found = sweep.batch_run(row)
    assert abs(float(found["test_accuracy"]) - float(row["test_accuracy"])) < 0.03
