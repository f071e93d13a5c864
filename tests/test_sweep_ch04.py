"""The table of chapter 04: complete, as its manifest says, and repeatable in one row."""

import csv
import json

import numpy as np
import pytest

from course_utils.data import data_path


def table():
    with data_path("results/deformation_gain.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_holds_every_run_that_the_manifest_lists_once():
    manifest = json.loads(data_path("results/deformation_gain.json").read_text(encoding="utf-8"))
    listed = {(setting, seed) for setting, seeds in manifest["seeds"].items() for seed in seeds}
    runs = [(row["setting"], int(row["seed"])) for row in table()]
    assert set(runs) == listed and len(runs) == len(listed)
    assert all(0 < float(row[part]) < 90 for row in table() for part in ("validation_error", "test_error"))


def test_one_warp_and_two_draw_the_same_maps_and_fields():
    sweep = pytest.importorskip("sweep_ch04")
    flat = np.full((100, 28, 28, 1), 0.5, np.float32)
    y, x = np.mgrid[:28, :28]
    ramp = flat * 0 + ((y + x) / 54).astype(np.float32)[..., np.newaxis]
    twice, once = (
        f(ramp, np.random.default_rng(3)) for f in (sweep.affine_then_elastic, sweep.affine_and_elastic_at_once)
    )
    # On a ramp interpolation is exact: what differs in the middle would be another map or another field.
    assert np.abs(twice - once)[:, 10:18, 10:18].max() < 1e-4
    assert np.abs(once - ramp).max() > 0.05


@pytest.mark.slow
def test_a_row_comes_out_again():
    sweep = pytest.importorskip("sweep_ch04")
    (row,) = [r for r in table() if (r["setting"], r["seed"]) == ("elastic 34, 4", "0")]
    augment, _ = sweep.SETTINGS["elastic 34, 4"]
    errors = sweep.run(augment, 0)
    # Other processors round differently, and training amplifies that.
    assert np.allclose(errors, [float(row["validation_error"]), float(row["test_error"])], atol=2)
