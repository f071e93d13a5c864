"""The tables of chapter 08: complete, as their manifests say, and repeatable in one row."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from course_utils.data import data_path
from sweep_recipes import recipe_of_the_weights


def table(name: str) -> list[dict[str, str]]:
    with data_path(f"results/{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def manifest(name: str) -> dict:
    return json.loads(data_path(f"results/{name}.json").read_text(encoding="utf-8"))


def test_the_table_holds_every_run_once() -> None:
    runs = [(row["variant"], int(row["seed"])) for row in table("segmentation")]
    variants = {variant for variant, _ in runs}
    assert len(variants) >= 10
    assert sorted(runs) == sorted((v, s) for v in variants for s in manifest("segmentation")["seeds"])
    for row in table("segmentation"):
        ious = [float(row[f"iou_{i}"]) for i in range(4)]
        assert float(row["miou"]) == pytest.approx(np.mean(ious), abs=2e-5)
        assert 0 <= float(row["validation_miou"]) <= 1


def test_the_race_holds_both_networks_with_every_seed() -> None:
    facts, rows = manifest("segmentation_race"), table("segmentation_race")
    for entrant in facts["entrants"]:
        for seed in facts["seeds"]:
            points = [row for row in rows if (row["network"], row["seed"]) == (entrant["network"], str(seed))]
            seconds = [float(row["seconds"]) for row in points]
            assert len(points) >= 5
            assert seconds == sorted(seconds)
            assert [bool(row["test_miou"]) for row in points] == [False] * (len(points) - 1) + [True]


def test_the_epochs_count_every_pixel_of_every_test_scene() -> None:
    with np.load(data_path("results/segmentation_epochs.npz"), allow_pickle=False) as archive:
        confusions = archive["confusions"]
    facts = manifest("segmentation_epochs")
    assert confusions.shape == (facts["epochs"], facts["scenes"]["test"][0], 4, 4)
    np.testing.assert_array_equal(confusions.sum(axis=(2, 3), dtype=int), 96 * 128)
    # The truth of a scene is the same in every epoch.
    np.testing.assert_array_equal(
        confusions.sum(axis=3), np.broadcast_to(confusions[0].sum(axis=2), confusions.shape[:3])
    )


def test_another_recipe_does_not_ship_the_weights_of_this_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sweep = pytest.importorskip("sweep_ch08")
    recipe = recipe_of_the_weights(sweep, monkeypatch)
    assert recipe == recipe_of_the_weights(sweep, monkeypatch)
    (tmp_path / "data" / "weights").mkdir(parents=True)
    other = tmp_path / "data" / "weights" / "ssd.npz"
    shutil.copy(data_path("weights/ssd.npz"), other)
    with np.load(other) as archive:
        stored = dict(archive)
    name = next(name for name in stored if name.endswith("kernel"))
    np.savez_compressed(other, **(stored | {name: stored[name] * np.float16(0.5)}))
    others = [
        ("VARIANTS", (replace(sweep.VARIANTS[0], loss="focal"), *sweep.VARIANTS[1:])),
        ("SCENES", sweep.SCENES | {"validation": (300, 4)}),
        ("SHIPPED_SCENES", 8000),
        ("RENDERER_VERSION", sweep.RENDERER_VERSION + 1),
        ("DATA", tmp_path / "data"),  # where the detector's weights are others
    ]
    for name, value in others:
        assert recipe_of_the_weights(sweep, monkeypatch, **{name: value}) != recipe, name


@pytest.mark.slow
def test_a_row_comes_out_again() -> None:
    sweep = pytest.importorskip("sweep_ch08")
    (row,) = [r for r in table("segmentation") if (r["variant"], r["seed"]) == ("chapter's network", "0")]
    scenes = {name: sweep.render_dataset(n, seed) for name, (n, seed) in sweep.SCENES.items()}
    sweep.set_seed(0)
    model = sweep.build(sweep.VARIANTS[0])
    sweep.run(model, sweep.VARIANTS[0].loss, 0, scenes, sweep.STEPS)
    again = sweep.mean_iou(sweep.confusion_of(model, scenes["test"])).mean
    # Other processors round differently, and training amplifies that.
    assert abs(again - float(row["miou"])) < 0.02
