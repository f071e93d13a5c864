"""The command that fine-tunes on a folder of photographs: what it trains, skips, scores and never reads."""

import argparse
import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course_utils.annotations import load_annotations, save_via
from course_utils.data import data_path
from course_utils.training.checkpoint import Checkpoint

FILES = ("boxes_train.json", "boxes_test.json", "polygons_train.json", "polygons_test.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of the sample's photographs: twelve to train on, three to test."""
    folder = tmp_path_factory.mktemp("photographs")
    for kind, source in (("boxes", "drinks/via_boxes.json"), ("polygons", "drinks/via_polygons.json")):
        records, class_names = load_annotations(data_path(source))
        for record in records[:15]:
            shutil.copy(data_path(f"drinks/{record.file_name}"), folder)
        for name, part in (("train", records[:12]), ("test", records[12:15])):
            save_via(part, folder / f"{kind}_{name}.json", image_folder=folder, class_names=class_names)
    return folder


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Any:
    tool = pytest.importorskip("photographs")
    monkeypatch.setattr(tool, "SIZES", {"detector": (32, 64), "segmenter": (32, 32)})
    monkeypatch.setattr(tool, "STEPS", {task: {10: 1, 30: 1, 100: 1, 300: 1, "all": 2} for task in tool.STEPS})
    monkeypatch.setattr(tool, "BATCH", 2)
    monkeypatch.setattr(tool, "SEEDS", (0, 1))
    return tool


@pytest.fixture
def untrained(tool: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same with trainings that look at one batch: TensorFlow takes seconds to prepare a real one."""

    def look(model: Any, batches: Any, loss: Any, optimizer: Any, steps: int, **options: Any) -> None:
        (x, y), *_ = batches(0)
        assert x.shape == (2, *model.input_shape[1:]) and len(y) == 2 and steps in (1, 2)
        assert json.loads(json.dumps(options["recipe"])) == options["recipe"]
        options["checkpoint"].write_bytes(b"")

    monkeypatch.setattr(tool, "train", look)
    return tool


def arguments(folder: Path, tmp_path: Path, **changed: Any) -> argparse.Namespace:
    given = {"folder": folder, "files": FILES, "checkpoints": tmp_path / "kept", "output": tmp_path / "t.csv"}
    return argparse.Namespace(**({"only": None, "table": False, "develop": False} | given | changed))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.integration
def test_rows_of_all_seeds_are_trained_scored_and_not_made_again(
    untrained: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(untrained, "SEEDS", (0,))  # networks take seconds to build
    only = ["detector_shipped_0", "detector_shipped_all", "segmenter_scratch_30"]
    untrained.main(arguments(folder, tmp_path, only=only))
    found = rows(tmp_path / "t.csv")
    assert [row["photographs"] for row in found] == ["0", "all", "30"]
    assert [(row["steps"], row["height"], row["width"]) for row in found[:2]] == [
        ("0", "96", "128"),
        ("2", "32", "64"),
    ]
    for row in found:
        for task, metrics in untrained.METRICS.items():
            assert all((row[name] != "") == (row["task"] == task) for name in metrics)
            assert all(0 <= float(row[name]) <= 1 for name in metrics if row[name])
    assert float(found[0]["map50"]) > 0.3  # the shipped detector, on scenes like its own
    manifest = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert manifest["training_photographs"] == {"detector": 12, "segmenter": 12}
    assert "kept" not in manifest["command"]
    monkeypatch.setattr(untrained, "fit", None)
    monkeypatch.setattr(untrained, "score", None)
    untrained.main(arguments(folder, tmp_path, only=only))
    assert rows(tmp_path / "t.csv") == found


@pytest.mark.integration
def test_a_row_without_all_its_seeds_is_not_scored(untrained: Any, folder: Path, tmp_path: Path) -> None:
    untrained.main(arguments(folder, tmp_path, only=["segmenter_shipped_10_1"]))
    assert not (tmp_path / "t.csv").exists() and (tmp_path / "kept" / "segmenter_shipped_10_1.npz").is_file()
    assert not list((tmp_path / "kept").glob("*checkpoint*"))
    untrained.main(arguments(folder, tmp_path, table=True))  # what is left to train is not needed for it
    assert [row["photographs"] for row in rows(tmp_path / "t.csv")] == ["0", "0"]


def test_developing_reads_no_test_photograph(
    tool: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = tool.read

    def training_only(path: Path, names: Any = None) -> Any:
        assert "test" not in path.name
        return read(path, names)

    monkeypatch.setattr(tool, "read", training_only)
    tool.main(arguments(folder, tmp_path, develop=True, only=["segmenter_shipped_0"]))
    (row,) = rows(tmp_path / "kept" / "develop" / "photographs.csv")
    assert row["task"] == "segmenter" and not (tmp_path / "t.csv").exists()
    manifest = json.loads((tmp_path / "kept" / "develop" / "photographs.json").read_text(encoding="utf-8"))
    numbers = [manifest[f"{name}_photographs"]["segmenter"] for name in ("training", "test")]
    assert sum(numbers) == 12 and numbers[1] >= 1


def test_smaller_sets_are_part_of_larger_ones(tool: Any) -> None:
    from course_utils.datasets import render_dataset

    scenes = render_dataset(40, seed=0, height=32, width=48)

    def chosen(count: int | str, seed: int) -> set[bytes]:
        return {
            image.tobytes() for image in tool.drawn(tool.Run("detector", "shipped", count, seed), scenes).images
        }

    ten, thirty = chosen(10, 1), chosen(30, 1)
    assert len(ten) == 10 and len(thirty) == 30 and ten < thirty
    assert chosen(10, 2) != ten
    assert tool.drawn(tool.Run("detector", "shipped", "all", 1), scenes) is scenes


def test_what_says_most_is_made_first(tool: Any) -> None:
    names = [run.name for run in tool.runs()]
    assert len(names) == len(set(names)) == 2 + 2 * 7 * len(tool.SEEDS)
    assert names[:3] == ["detector_shipped_0_0", "segmenter_shipped_0_0", "detector_shipped_all_0"]
    assert all(names.index("detector_scratch_30_0") > names.index(f"{task}_shipped_10_0") for task in tool.SIZES)


@pytest.mark.slow
def test_a_run_that_was_killed_ends_as_one_that_was_not(
    tool: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "CHECKPOINT_EVERY", 1)
    run = tool.Run("segmenter", "shipped", "all", 1)
    records, class_names = tool.read(folder / FILES[2])
    photographs = tool.load_photographs(records, folder, *run.size)
    whole, seconds = tool.fit(run, photographs, len(class_names), tmp_path / "a.npz")
    assert seconds > 0
    save = Checkpoint.save

    def killed(self: Checkpoint, *arguments: Any) -> None:
        save(self, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoint, "save", killed)
        tool.fit(run, photographs, len(class_names), tmp_path / "b.npz")
    resumed, _ = tool.fit(run, photographs, len(class_names), tmp_path / "b.npz")
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_shipped_table_is_whole() -> None:
    tool = pytest.importorskip("photographs")
    table = rows(data_path("results/photographs.csv"))
    made = {run.name: run for run in tool.runs()}
    assert len(table) == len(made)
    for row in table:
        run = made["_".join(row[name] for name in ("task", "start", "photographs", "seed"))]
        assert (int(row["height"]), int(row["width"]), int(row["steps"])) == (*run.size, run.steps)
        for task, names in tool.METRICS.items():
            for name in names:
                assert 0 <= float(row[name]) <= 1 if task == run.task else row[name] == ""
    facts = json.loads(data_path("results/photographs.json").read_text(encoding="utf-8"))
    steps = {task: {str(count): n for count, n in by_count.items()} for task, by_count in tool.STEPS.items()}
    assert facts["steps"] == steps
    assert facts["sizes"] == {task: list(size) for task, size in tool.SIZES.items()}
