"""The tables of chapter 10: complete, as their manifests say, within range, and repeatable in one row."""

import csv
import json
from itertools import product

import pytest

from course_utils.data import data_path
from sweep_ch10 import TABLES, depth_runs

KEYS = {
    "depth": ("kind", "depth", "steps", "seed"),
    "norms": ("norm", "rate", "seed"),
    "batches": ("batch_size", "norm", "seed"),
    "shifts": ("pool", "seed"),
    "averages": ("averages", "seed"),
}


def read(name: str) -> tuple[list[dict[str, str]], dict]:
    with data_path(f"results/backbones_{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, json.loads(data_path(f"results/backbones_{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", TABLES)
def test_every_setting_has_every_seed_once(name: str) -> None:
    rows, manifest = read(name)
    assert manifest["rows"] == len(rows)
    assert manifest["command"] == f"python tools/sweep_ch10.py --table {name}"
    seeds = [str(seed) for seed in (*manifest["seeds"], *manifest.get("tuning_seeds", ()))]
    found = [tuple(row[key] for key in KEYS[name]) for row in rows]
    assert len(set(found)) == len(found)
    assert set(found) == {(*setting, seed) for setting, seed in product({key[:-1] for key in found}, seeds)}
    assert set(manifest["seeds"]).isdisjoint(manifest.get("tuning_seeds", ()))


@pytest.mark.parametrize("name", TABLES)
def test_shares_are_shares(name: str) -> None:
    for row in read(name)[0]:
        for key, value in row.items():
            if "error" in key or key in ("miou", "same_class"):
                assert 0 <= float(value) <= 1, (key, row)


def test_depths_were_scored_after_equal_steps_and_in_about_equal_time() -> None:
    rows, manifest = read("depth")
    for depth, steps in manifest["steps"].items():
        found = {row["steps"] for row in rows if row["depth"] == depth}
        assert found == {str(manifest["equal_steps"]), str(steps)}


@pytest.mark.slow
def test_a_row_comes_out_again() -> None:
    rows, _ = read("depth")
    kept = [row for row in rows if not (row["kind"] == "plain" and row["depth"] == "8" and row["seed"] == "0")]
    again = next(depth_runs(kept))[-1]
    before = next(row for row in rows if all(row[key] == again[key] for key in KEYS["depth"]))
    assert float(again["training_loss"]) == pytest.approx(float(before["training_loss"]), abs=0.1)
