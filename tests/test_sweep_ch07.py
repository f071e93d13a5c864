"""The table of chapter 07: complete, as its manifest says, and repeatable in one row."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from course_utils.data import data_path
from results import read_rows, write_rows
from sweep_recipes import recipe_of_the_weights


def table() -> list[dict[str, str]]:
    return read_rows(data_path("results/detection.csv"))


def test_the_table_holds_every_run_once() -> None:
    sweep = pytest.importorskip("sweep_ch07")
    manifest = json.loads(data_path("results/detection.json").read_text(encoding="utf-8"))
    runs = [(row["configuration"], int(row["seed"])) for row in table()]
    chosen = sweep.best_weights(table())
    assert {c.configuration.split(", ")[0]: c.box_weight for c in chosen} == manifest["chosen_box_weights"]
    wanted = [
        (c.configuration, seed)
        for c in sweep.CONFIGURATIONS
        for seed in manifest["seeds"]
        if seed in manifest["tuning_seeds"] or c not in sweep.WEIGHTED or c in chosen
    ]
    assert sorted(runs) == sorted(wanted)
    assert len(runs) == manifest["runs"]
    for row in table():
        (setting,) = (c for c in sweep.CONFIGURATIONS if c.configuration == row["configuration"])
        assert sweep.key_of(setting, int(row["seed"])).items() <= row.items()
        for name in ("map50", "map75", "precision", "recall", "common_precision", "common_recall"):
            assert 0 <= float(row[name]) <= 1
        if int(row["seed"]) in manifest["tuning_seeds"]:
            assert 0 < float(row["validation_map75"]) < float(row["validation_map50"]) < 1


def test_the_longer_table_holds_every_run_once() -> None:
    sweep = pytest.importorskip("sweep_ch07")
    rows = read_rows(data_path("results/detection_longer.csv"))
    manifest = json.loads(data_path("results/detection_longer.json").read_text(encoding="utf-8"))
    keys = [sweep.key_of(c, seed) for seed in manifest["seeds"] for c in sweep.LONGER]
    assert len(rows) == len(keys) == manifest["runs"]
    assert all(key.items() <= row.items() for key, row in zip(keys, rows, strict=True))
    assert {row["n_scenes"] for row in rows} == {str(manifest["scenes"]["train"][0])}
    for row in rows:
        assert 0.4 < float(row["validation_map75"]) < float(row["validation_map50"]) < 1


def test_rows_of_other_seeds_stay_while_one_of_a_tuning_seed_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sweep = pytest.importorskip("sweep_ch07")
    whole, path, made = table(), tmp_path / "detection.csv", []
    missing = next(row for row in whole if (row["configuration"], row["seed"]) == ("1,000 scenes", "1"))
    write_rows(path, [row for row in whole if row != missing])

    def row_of(key: dict[str, str]) -> dict[str, str]:
        made.append(key)
        return {name: value for name, value in missing.items() if name not in key}

    monkeypatch.setattr(sweep, "row_of", row_of)
    monkeypatch.setattr(sweep, "write_manifest", lambda *_, **__: None)
    sweep.sweep(path, None)
    assert len(made) == 1 and made[0].items() <= missing.items()
    assert sweep.read_rows(path) == whole


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
    found = sweep.row_of(sweep.key_of(sweep.SHIPPED, 0))
    # Other processors round differently, and training amplifies that.
    assert abs(float(found["map50"]) - float(row["map50"])) < 0.03
    assert abs(float(found["common_precision"]) - float(row["common_precision"])) < 0.04
