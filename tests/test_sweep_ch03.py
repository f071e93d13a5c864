"""The table of chapter 03: complete, as its manifest says, and made again in one row."""

import csv
import json
from collections import defaultdict

import numpy as np
import pytest

from course_utils.data import data_path
from course_utils.experiments.ch03 import PARTS

KNOWN = ("experiment", "setting", "parameters", "images", "steps", "temperature", "alpha", "beta")


@pytest.fixture(scope="module")
def table():
    with data_path("results/distillation.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, json.loads(data_path("results/distillation.json").read_text(encoding="utf-8"))


def test_every_row_has_three_seeds_or_more_and_each_once(table):
    rows, manifest = table
    seeds = defaultdict(list)
    for row in rows:  # an experiment without 3s has two rows: before and after the bias is raised
        seeds[(*(row[name] for name in KNOWN), bool(row["bias_3"]))].append(int(row["seed"]))
    assert all(found == list(range(len(found))) and len(found) >= 3 for found in seeds.values())
    assert len(rows) == manifest["rows"]
    assert manifest["seeds"] == list(range(max(map(len, seeds.values()))))


def test_the_table_is_what_the_command_plans(table):
    sweep = pytest.importorskip("sweep_ch03")
    planned = [{name: run.describe(seed)[name] for name in (*KNOWN, "seed")} for run, seed in sweep.jobs()]
    found = [{name: row[name] for name in (*KNOWN, "seed")} for row in table[0] if row["experiment"] != "teacher"]
    assert list(dict.fromkeys(map(repr, found))) == list(map(repr, planned))


def test_rows_come_in_the_order_of_the_plan_whatever_order_they_were_made_in(table):
    sweep = pytest.importorskip("sweep_ch03")
    other_order = sorted(table[0], key=lambda row: (row["seed"], row["setting"]))
    assert other_order != table[0]
    assert sweep.in_order([*other_order, table[0][-1] | {"steps": "5"}]) == table[0]


def test_every_way_with_a_teacher_has_its_control_with_shifts(table):
    def facts(setting):
        rows = [row for row in table[0] if (row["experiment"], row["setting"]) == ("grid", setting)]
        return {tuple(row[name] for name in ("parameters", "images", "steps", "seed")) for row in rows}

    assert facts("teacher")
    assert facts("teacher") == facts("shifts, labels")


def test_the_numbers_are_shares(table):
    for row in table[0]:
        for name in ("val_accuracy", "val_accuracy_3", "test_accuracy", "test_accuracy_3"):
            assert 0 <= float(row[name]) <= 1
        assert float(row["test_nll"]) > 0


def test_the_manifest_says_how(table):
    assert set(table[1]) >= {"command", "seeds", "rows", "seconds", "parts", "machine"}
    assert table[1]["parts"] == PARTS


def test_a_run_says_what_it_is():
    sweep = pytest.importorskip("sweep_ch03")
    plain = sweep.Run("grid", "labels").describe(3)
    assert list(plain) == [*KNOWN, "seed"]
    assert (plain["temperature"], plain["images"], plain["seed"]) == ("", "500", "3")
    jobs = list(sweep.jobs())
    assert len(set(jobs)) == len(jobs)


def test_students_learn_from_what_their_setting_says():
    sweep = pytest.importorskip("sweep_ch03")
    data = sweep.Seed(0)
    logits = np.random.default_rng(0).normal(0, 5, (1200, 10)).astype(np.float32)
    data.logits = lambda teacher, part: np.tile(logits, (25, 1, 1)) if part == "shifted" else logits

    images, labels = data.material(sweep.Run("grid", "shifts, labels", images=200))
    assert images.shape == (5000, 28, 28, 1)
    assert np.array_equal(labels[:200], labels[-200:])
    assert np.array_equal(images[12 * 200 : 13 * 200], data.x["transfer"][:200])  # the shift by nothing
    _, soft = data.material(sweep.Run("grid", "shifts, teacher", images=200))
    assert np.array_equal(soft["teacher_logits"][200:400], logits[:200])
    images, labels = data.material(sweep.Run("no 3", "labels", images=1200))
    assert len(images) == len(labels) < 1200
    assert 3 not in labels
    _, soft = data.material(sweep.Run("control", "shuffled relations"))
    shuffled = soft["teacher_logits"]
    assert np.array_equal(np.sort(shuffled), np.sort(logits[:500]))
    assert np.array_equal(shuffled.argmax(axis=1), logits[:500].argmax(axis=1))
    assert (shuffled != logits[:500]).any(axis=1).mean() > 0.99
    _, soft = data.material(sweep.Run("logits", "matching, offsets"))
    moved = soft["teacher_logits"] - logits[:500]
    assert np.allclose(moved, moved[:, :1], atol=1e-4)
    assert moved[:, 0].std() == pytest.approx(10, rel=0.2)
    _, soft = data.material(sweep.Run("mixed", "with T²", temperature=16, alpha=0.5, beta=0.5))
    assert np.array_equal(soft["labels"], data.y["transfer"][:500])


@pytest.mark.slow
def test_one_row_again(table):
    sweep = pytest.importorskip("sweep_ch03")
    run = sweep.Run("grid", "labels")
    (row,) = sweep.execute(run, sweep.Seed(0))
    (stored,) = (r for r in table[0] if run.describe(0).items() <= r.items())
    assert 100 * row["val_accuracy"] == pytest.approx(100 * float(stored["val_accuracy"]), abs=2)
    assert 100 * row["test_accuracy"] == pytest.approx(100 * float(stored["test_accuracy"]), abs=2)
