"""The table of chapter 07: complete, as its manifest says, and repeatable in one row."""

import csv
import json
from dataclasses import replace

import pytest

from course_utils.data import data_path
from sweep_recipes import recipe_of_the_weights


def table() -> list[dict[str, str]]:
    with data_path("results/detection.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_holds_every_run_once() -> None:
    manifest = json.loads(data_path("results/detection.json").read_text(encoding="utf-8"))
    runs = [(row["configuration"], int(row["seed"])) for row in table()]
    configurations = {configuration for configuration, _ in runs}
    assert len(configurations) == 32
    assert sorted(runs) == sorted((c, s) for c in configurations for s in manifest["seeds"])
    for row in table():
        for name in ("map50", "map75", "precision", "recall", "common_precision", "common_recall"):
            assert 0 <= float(row[name]) <= 1


def test_another_recipe_does_not_ship_the_weights_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = pytest.importorskip("sweep_ch07")
    recipe = recipe_of_the_weights(sweep, monkeypatch)
    assert recipe == recipe_of_the_weights(sweep, monkeypatch)
    others = [
        ("SHIPPED", replace(sweep.SHIPPED, box_loss="l1")),
        ("SCENES", sweep.SCENES | {"validation": (300, 4)}),
        ("SHIPPED_SCENES", 8000),
        ("RENDERER_VERSION", sweep.RENDERER_VERSION + 1),
    ]
    for name, value in others:
        assert recipe_of_the_weights(sweep, monkeypatch, **{name: value}) != recipe, name


@pytest.mark.slow
def test_a_row_comes_out_again() -> None:
    sweep = pytest.importorskip("sweep_ch07")
    (row,) = [r for r in table() if (r["configuration"], r["seed"]) == ("normalised + smooth L1 + focal", "0")]
    found = sweep.row_of({"configuration": row["configuration"], "seed": "0"})
    # Other processors round differently, and training amplifies that.
    assert abs(float(found["map50"]) - float(row["map50"])) < 0.03
    assert abs(float(found["common_precision"]) - float(row["common_precision"])) < 0.04
