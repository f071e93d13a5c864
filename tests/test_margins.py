"""The command that says how far trained quantities lie from what the chapters assert of them."""

import itertools
import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import margins
import margins_run
from results import RESULTS, read_rows

FAKE = """
import os

SLOPE = 2
SSD = dict  # a class, no constant of the recipe
BOUNDS = {"gain": ("above", 0.5), "loss": ("below", 9)}


def live_quantities(seed):
    if os.environ.get("FAKE_FAILS") == str(seed):
        raise ValueError("this seed fails")
    with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as file:
        print(seed, os.environ["OMP_NUM_THREADS"], os.environ["TF_NUM_INTEROP_THREADS"], file=file)
    return {"gain": SLOPE * (1 + seed), "loss": seed}
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A training of no time, and a function that runs the command on it in two processes a seed."""
    (tmp_path / "fake_training.py").write_text(FAKE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    log = tmp_path / "log"
    monkeypatch.setenv("FAKE_LOG", str(log))
    import fake_training

    training = margins.Training("99", fake_training.live_quantities, fake_training.BOUNDS)
    monkeypatch.setattr(margins, "TRAININGS", (training,))
    yield SimpleNamespace(
        module=fake_training,
        run=lambda *words: margins.main([*map(str, words)], results=tmp_path),
        runs=lambda: sorted(log.read_text(encoding="utf-8").split("\n")[:-1]) if log.is_file() else [],
        rows=lambda name="margins_runs.csv": read_rows(tmp_path / name),
        folder=tmp_path,
    )
    del sys.modules["fake_training"]


def test_runs_every_seed_and_thread_count_in_a_process_of_its_own_and_sums_up(fake):
    assert fake.run("--seeds", 0, 1, "--avx512", "on", "--jobs", 2) == 0
    assert fake.runs() == ["0 1 1", "0 2 2", "1 1 1", "1 2 2"]
    rows = fake.rows()
    assert len(rows) == 8
    assert {row["avx512"] for row in rows} == {"on" if margins_run.has_avx512() else "absent"}
    assert rows[0]["numpy"] == np.__version__
    assert rows[0]["recipe"] == "SLOPE=2"
    gain, loss = fake.rows("margins.csv")
    assert gain == {
        "chapter": "99",
        "quantity": "gain",
        "side": "above",
        "bound": "0.5",
        "mean": "3.0000",
        "standard_deviation": f"{np.std([2, 2, 4, 4], ddof=1):.4f}",
        "worst": "2.0000",
        "runs": "4",
    }
    assert (loss["side"], loss["worst"]) == ("below", "1.0000")
    manifest = json.loads((fake.folder / "margins.json").read_text(encoding="utf-8"))
    assert (manifest["seeds"], manifest["threads"]) == ([0, 1], [1, 2])
    assert [facts["numpy"] for facts in manifest["runs_on"]] == [np.__version__]


def test_makes_only_the_runs_that_are_missing(fake):
    fake.run("--seeds", 0, "--threads", 1, "--avx512", "on")
    fake.run("--seeds", 0, 1, "--threads", 1, "--avx512", "on")
    assert fake.runs() == ["0 1 1", "1 1 1"]
    fake.run("--seeds", 2, "--quantity", "another")
    assert len(fake.runs()) == 2
    fake.run("--seeds", 2, "--quantity", "gain", "--threads", 1, "--avx512", "on")
    assert len(fake.runs()) == 3


def test_runs_of_another_recipe_are_made_again_and_not_counted(fake, monkeypatch):
    fake.run("--seeds", 0, 1, "--threads", 1, "--avx512", "on")
    monkeypatch.setattr(fake.module, "SLOPE", 3)
    fake.run("--seeds", 0, "--threads", 1, "--avx512", "on")
    assert fake.runs() == ["0 1 1", "0 1 1", "1 1 1"]
    assert {(row["seed"], row["recipe"]) for row in fake.rows()} == {("0", "SLOPE=3")}


def test_a_run_that_fails_is_reported_and_the_others_are_kept(fake, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_FAILS", "1")
    assert fake.run("--seeds", 0, 1, 2, "--threads", 1, "--avx512", "on") == 1
    assert "seed 1" in (said := capsys.readouterr().err)
    assert "this seed fails" in said
    assert [row["seed"] for row in fake.rows() if row["quantity"] == "gain"] == ["0", "2"]


def test_runs_from_elsewhere_are_taken_over(fake):
    fake.run("--seeds", 0, "--threads", 1, "--avx512", "on")
    fake.run("--seeds", 1, 2, "--threads", 1, "--avx512", "on", "--raw", fake.folder / "elsewhere.csv")
    assert not (fake.folder / "margins.csv").exists()  # one run has no deviation, and runs elsewhere no table
    fake.run("--merge", fake.folder / "elsewhere.csv")
    assert [row["runs"] for row in fake.rows("margins.csv")] == ["3", "3"]
    assert len(fake.runs()) == 3


@pytest.mark.parametrize(
    ("side", "mean", "deviation", "worst", "expected"),
    [
        ("above", 0.7, 0.03, 0.65, True),
        ("above", 0.7, 0.04, 0.65, False),
        ("above", 0.7, 0.03, 0.59, False),
        ("below", 0.7, 0.01, 0.55, False),
        ("below", 0.5, 0.03, 0.55, True),
        ("below", 0.5, 0.03, 0.61, False),
    ],
)
def test_room_means_three_deviations_and_the_worst_run(side, mean, deviation, worst, expected):
    row = {"side": side, "bound": "0.6", "mean": mean, "standard_deviation": deviation, "worst": worst}
    assert margins.has_room(row) == expected


def test_without_avx512_all_three_libraries_are_told(monkeypatch):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX")
    off, on = margins.environment(2, "off"), margins.environment(1, "on")
    features = margins_run.numpy_features()
    told = off["NPY_DISABLE_CPU_FEATURES"].split()
    assert told
    assert set(told) <= {*features["found"], *features["not found"]}
    assert (off["ONEDNN_MAX_CPU_ISA"], off["OPENBLAS_CORETYPE"]) == ("AVX2", "Haswell")
    assert not set(margins.SWITCHES) & set(on)
    assert {off[name] for name in margins.THREAD_VARIABLES} == {"2"}


def test_a_machine_without_avx512_makes_one_run_where_others_make_two(fake, monkeypatch):
    arguments = SimpleNamespace(avx512=margins.AVX512, seeds=(0,), threads=(1, 2), chapter=None, quantity=None)
    monkeypatch.setattr(margins, "has_avx512", lambda: False)
    assert [run.avx512 for run in margins.chosen_runs(arguments)] == ["absent", "absent"]
    monkeypatch.setattr(margins, "has_avx512", lambda: True)
    assert [run.avx512 for run in margins.chosen_runs(arguments)] == ["on", "off", "on", "off"]


def test_the_shipped_table_is_of_todays_recipes_and_of_every_surrounding():
    runs = read_rows(RESULTS / "margins_runs.csv")
    assert margins.in_order(runs) == runs
    assert margins.summary(runs) == read_rows(RESULTS / "margins.csv")
    for training in margins.TRAININGS:
        for quantity in training.bounds:
            mine = [row for row in runs if (row["chapter"], row["quantity"]) == (training.chapter, quantity)]
            # On a machine without AVX-512 there is nothing to switch, and one run where others make two.
            states = ("absent",) if {row["avx512"] for row in mine} == {"absent"} else margins.AVX512
            everywhere = set(itertools.product(map(str, margins.SEEDS), map(str, margins.THREADS), states))
            assert {(row["seed"], row["threads"], row["avx512"]) for row in mine} >= everywhere
