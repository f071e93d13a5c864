"""Fine-tune the shipped detector and segmenter on photographs of one's own, and score them once on others.

    python tools/photographs.py --folder FOLDER            # data/results/photographs.csv
    python tools/photographs.py --folder FOLDER --develop  # scores on groups of training photographs, to choose by

FOLDER holds the photographs and their annotations: boxes in labels_train.json and labels_test.json, polygons in
segmentation_train.json and segmentation_test.json (`--files` names others, of any format that `load_annotations`
knows). Each size of the training set is trained with three seeds, which also draw the photographs: a smaller set
is part of the larger ones of its seed. The test photographs are read when all is trained, and only to score what
is stored by then. Runs go on from their checkpoints, finished ones are skipped, and `--table` scores the rows of
which all seeds are finished. Nothing that is trained here enters the repository: it stays in `--checkpoints`.
"""

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from course_utils._files import write_text
from course_utils.annotations import AnnotationSet, Record, load_annotations, polygons_to_label_map
from course_utils.data import data_path
from course_utils.datasets import Dataset, load_photographs, split_photographs
from course_utils.datasets.drinks.cache import cache_folder
from course_utils.datasets.photographs import read_photograph
from course_utils.detection import build_ssd, detect, ssd_batches, ssd_loss
from course_utils.experiments.ch08 import loss as segmentation_loss
from course_utils.metrics import (
    Annotations,
    any_overlap_scores,
    confusion_matrices,
    mean_average_precision,
    mean_iou,
    per_image_mean_iou,
    pixel_accuracy,
)
from course_utils.segmentation import build_fcn, segment, segmentation_batches, with_logits
from course_utils.training import cosine_optimizer, initialise_from, load_weights, save_weights, set_seed, train
from results import RESULTS, Row, holds, read_rows, write_manifest, write_rows
from sweep_ch07 import above

SEEDS = (0, 1, 2)
BATCH, RATE, CHECKPOINT_EVERY = 8, 1e-3, 100
WEIGHTS = {"detector": "weights/ssd.npz", "segmenter": "weights/fcn.npz"}
TRAINED_AT = (96, 128)  # the input of the shipped networks, as which they are scored without fine-tuning
# The detector's zoom was chosen on held-out training photographs (mAP@0.75 0.48 with it, 0.42 without, after 1,000
# steps at 96 × 128); sizes and steps are what three seeds of everything can cost. From scratch, a network gets as
# many steps as from the shipped weights.
SIZES = {"detector": (144, 192), "segmenter": (192, 256)}
ZOOMS = {"detector": 0.25, "segmenter": 0.15}
STEPS = {
    "detector": {10: 100, 30: 150, 100: 250, 300: 400, "all": 1400},
    "segmenter": {10: 60, 30: 80, 100: 120, 300: 200, "all": 600},
}
Sets = dict[str, AnnotationSet]  # by task
FILES = ("labels_train.json", "labels_test.json", "segmentation_train.json", "segmentation_test.json")
METRICS = {
    "detector": ("map50", "map75", "any_overlap_iou", "any_overlap_precision", "any_overlap_recall"),
    "segmenter": ("miou", "per_image_miou", "pixel_accuracy"),
}


@dataclass(frozen=True)
class Run:
    """One training: what, from which weights, on how many photographs."""

    task: str
    start: str
    photographs: int | str
    seed: int

    @property
    def name(self) -> str:
        """What its files are called."""
        return "_".join(map(str, asdict(self).values()))

    @property
    def steps(self) -> int:
        """Of the training; 0 if there is none."""
        return 0 if self.photographs == 0 else STEPS[self.task][self.photographs]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return SIZES[self.task] if self.steps else TRAINED_AT

    @property
    def key(self) -> Row:
        """Its entries in the table."""
        return {name: str(value) for name, value in asdict(self).items()}


def runs() -> list[Run]:
    """All of them, those that say most first."""
    kinds: list[tuple[str, str, int | str]] = [
        ("detector", "shipped", 0),
        ("segmenter", "shipped", 0),
        ("detector", "shipped", "all"),
        ("detector", "shipped", 30),
        ("segmenter", "shipped", "all"),
        ("segmenter", "shipped", 30),
        *(("detector", "shipped", count) for count in (100, 10, 300)),
        *(("segmenter", "shipped", count) for count in (100, 10, 300)),
        *((task, "scratch", 30) for task in SIZES),
        *((task, "scratch", "all") for task in SIZES),
    ]
    # Without training there is nothing that a seed could change.
    return [Run(*kind, seed) for kind in kinds for seed in (SEEDS if kind[2] else SEEDS[:1])]


def build(run: Run, n_classes: int) -> keras.Model:
    shape = (*run.size, 3)
    return build_ssd(shape, n_classes) if run.task == "detector" else build_fcn(shape, n_classes)


def drawn(run: Run, photographs: Dataset) -> Dataset:
    """The photographs that a run trains on."""
    if run.photographs == "all":
        return photographs
    order = np.random.default_rng(run.seed).permutation(len(photographs))
    return photographs[np.sort(order[: int(run.photographs)])]


def fit(run: Run, photographs: Dataset, n_classes: int, checkpoint: Path) -> tuple[keras.Model, float]:
    """Train, and give the seconds of processor time that all steps take, with TensorFlow's preparations."""
    set_seed(run.seed)
    model = build(run, n_classes)
    if run.start == "shipped":
        initialise_from(model, data_path(WEIGHTS[run.task]))
    used = drawn(run, photographs)
    options: dict[str, Any] = {
        "steps": run.steps,
        "batch_size": BATCH,
        "seed": run.seed,
        "zoom": ZOOMS[run.task],
    }
    if run.task == "detector":
        batches = ssd_batches(model, used.images, used.boxes, used.class_ids, **options)
        loss, trained = ssd_loss(model), model
    else:
        batches = segmentation_batches(used.images, used.label_maps, **options)
        loss, trained = segmentation_loss, with_logits(model)
    first = 0

    def counted(start: int) -> Any:
        nonlocal first
        first = start
        return batches(start)

    began = time.process_time()
    train(
        trained,
        counted,
        loss,
        cosine_optimizer(run.steps, RATE),
        run.steps,
        validate_every=CHECKPOINT_EVERY,
        checkpoint=checkpoint,
        recipe={**run.key, **options, "rate": RATE, "photographs used": list(used.file_names or ())},
    )
    spent = time.process_time() - began
    # Of a run that was stopped, the steps since then stand for all; after its last step nothing is known.
    return model, spent * run.steps / (run.steps - first) if first < run.steps else 0.0


def read(path: Path, class_names: tuple[str, ...] | None = None) -> AnnotationSet:
    return load_annotations(path, class_names=class_names, image_folder=path.parent)


def train_all(wanted: list[Run], sets: Sets, folder: Path, checkpoints: Path) -> None:
    loaded: dict[str, Dataset] = {}
    for run in wanted:
        if run.steps == 0 or (checkpoints / f"{run.name}.json").is_file():
            continue
        records, class_names = sets[run.task]
        if run.task not in loaded:
            loaded[run.task] = load_photographs(records, folder, *run.size)
        checkpoint = checkpoints / f"{run.name}_checkpoint.npz"
        model, seconds = fit(run, loaded[run.task], len(class_names), checkpoint)
        extra = {"anchors": model.anchors} if run.task == "detector" else {}
        save_weights(model, checkpoints / f"{run.name}.npz", class_names=class_names, **extra)
        write_text(
            checkpoints / f"{run.name}.json", json.dumps({"seconds": round(seconds) or "", "steps": run.steps})
        )
        checkpoint.unlink(missing_ok=True)
        print(run.name, f"{seconds:.0f} s", flush=True)


def score(run: Run, model: keras.Model, records: list[Record], folder: Path, n_classes: int) -> dict[str, float]:
    """Everything that the table holds, in the photographs' own pixels."""
    photographs = [read_photograph(folder / record.file_name) for record in records]
    if run.task == "detector":
        truth = [Annotations(record.boxes, record.class_ids) for record in records]
        found = detect(model, photographs)
        precisions = mean_average_precision(truth, found, (0.5, 0.75)).average_precision.mean(axis=1)
        common = any_overlap_scores(truth, above(found, 0.5))
        return dict(zip(METRICS[run.task], [*precisions.tolist(), *common], strict=True))
    labels = segment(model, photographs, "labels")
    maps = [
        polygons_to_label_map(record.polygons, record.class_ids, *photograph.shape[:2])
        for record, photograph in zip(records, photographs, strict=True)
    ]
    confusion = confusion_matrices(maps, labels, n_classes).sum(axis=0)
    values = mean_iou(confusion).mean, per_image_mean_iou(maps, labels, n_classes), pixel_accuracy(confusion)
    return dict(zip(METRICS[run.task], values, strict=True))


def finished(run: Run, checkpoints: Path) -> bool:
    """Whether this and its sisters of the other seeds are trained: a row of one seed says little."""
    sisters = [Run(run.task, run.start, run.photographs, seed) for seed in SEEDS]
    return run.steps == 0 or all((checkpoints / f"{sister.name}.json").is_file() for sister in sisters)


def tabulate(wanted: list[Run], sets: Sets, folder: Path, checkpoints: Path, path: Path) -> list[Row]:
    """Score what is finished and not yet in the table."""
    rows = read_rows(path)
    for run in wanted:
        if holds(rows, run.key) or not finished(run, checkpoints):
            continue
        records, class_names = sets[run.task]
        model, facts = build(run, len(class_names)), {"seconds": 0, "steps": 0}
        extra = {"anchors": model.anchors} if run.task == "detector" else {}
        if run.steps:
            load_weights(model, checkpoints / f"{run.name}.npz", class_names=class_names, **extra)
            facts = json.loads((checkpoints / f"{run.name}.json").read_text(encoding="utf-8"))
        else:
            load_weights(model, data_path(WEIGHTS[run.task]), **extra)
        found = score(run, model, records, folder, len(class_names))
        height, width = run.size
        row = run.key | {"height": str(height), "width": str(width)}
        row |= {name: str(value) for name, value in facts.items()}
        row |= {name: "" for names in METRICS.values() for name in names}
        rows.append(row | {name: f"{value:.5f}" for name, value in found.items()})
        write_rows(path, rows)
        print(rows[-1], flush=True)
    return rows


def grouped(sets: Sets, folder: Path) -> tuple[dict[str, AnnotationSet], dict[str, AnnotationSet]]:
    """Training photographs split by groups: what to train on, and what to choose by."""
    kept, held = {}, {}
    for task, (records, class_names) in sets.items():
        photographs = load_photographs(records, folder, *TRAINED_AT)
        parts = split_photographs(photographs, (0.85, 0.15), rng=np.random.default_rng(0))
        kept[task], held[task] = (AnnotationSet([records[i] for i in part], class_names) for part in parts)
    return kept, held


def main(arguments: argparse.Namespace) -> None:
    folder = arguments.folder
    tasks = list(SIZES)
    training = {task: read(folder / name) for task, name in zip(tasks, arguments.files[::2], strict=True)}
    path, checkpoints = arguments.output, arguments.checkpoints
    test = None
    if arguments.develop:
        path, checkpoints = checkpoints / "develop" / "photographs.csv", checkpoints / "develop"
        training, test = grouped(training, folder)
    checkpoints.mkdir(parents=True, exist_ok=True)
    wanted = [run for run in runs() if not arguments.only or run.name.startswith(tuple(arguments.only))]
    if not arguments.table:
        train_all(wanted, training, folder, checkpoints)
    if test is None:
        names = {task: annotations.class_names for task, annotations in training.items()}
        test = {
            task: read(folder / name, names[task]) for task, name in zip(tasks, arguments.files[1::2], strict=True)
        }
    rows = tabulate(wanted, test, folder, checkpoints, path)
    if rows:
        write_manifest(
            path.with_suffix(".json"),
            "python tools/photographs.py --folder FOLDER",
            seeds=SEEDS,
            sizes=SIZES,
            zooms=ZOOMS,
            steps=STEPS,
            batch=BATCH,
            learning_rate=RATE,
            training_photographs={task: len(annotations.records) for task, annotations in training.items()},
            test_photographs={task: len(annotations.records) for task, annotations in test.items()},
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="with photographs and annotations")
    parser.add_argument(
        "--files", nargs=4, default=FILES, help="boxes to train and test, polygons to train and test"
    )
    parser.add_argument("--checkpoints", type=Path, default=cache_folder() / "photographs", help="a folder")
    parser.add_argument("--output", type=Path, default=RESULTS / "photographs.csv")
    parser.add_argument("--only", nargs="+", help="beginnings of runs' names, such as detector_shipped_all")
    parser.add_argument("--table", action="store_true", help="train nothing, score what is finished")
    parser.add_argument("--develop", action="store_true", help="choose on groups of training photographs")
    main(parser.parse_args())
