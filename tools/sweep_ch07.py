"""Train the detector of chapter 07 in every configuration, or the one whose weights are shipped.

    python tools/sweep_ch07.py            # data/results/detection.csv: 32 configurations, two or three seeds each
    python tools/sweep_ch07.py --longer   # data/results/detection_longer.csv: three, 4,000 steps, five seeds
    python tools/sweep_ch07.py --weights  # data/weights/ssd.npz and data/results/detection_shipped.json

Scenes of seed 1 train, seed 2 choose the score threshold (the weight of the box loss, for who reads the table, and
the best step, for long trainings), seed 3 are read once at the end. The tables can be made on a Dask cluster
(``--scheduler ADDRESS``). Runs that they already hold are skipped, and the training of the shipped weights resumes
from its checkpoint, so each command can be stopped and started again.
"""

import argparse
import os
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from course_utils.datasets import Dataset, render_dataset
from course_utils.datasets.drinks import RENDERER_VERSION
from course_utils.detection import SSD, build_ssd, detect, ssd_batches, ssd_loss
from course_utils.experiments.ch07 import annotations_of
from course_utils.metrics import (
    Detections,
    any_overlap_scores,
    best_score_threshold,
    detection_scores,
    map_interval,
    mean_average_precision,
)
from course_utils.training import cosine_optimizer, load_weights, save_weights, set_seed, train
from results import RESULTS, Row, fill, holds, read_rows, write_manifest

DATA = Path(__file__).parent.parent / "data"
SEEDS = (0, 1, 2)
SCENES = {"train": (6000, 1), "validation": (300, 2), "test": (500, 3)}  # number, seed
STEPS, BATCH = 1500, 8
SHIPPED_SCENES, SHIPPED_STEPS = 16_000, 16_000


@dataclass(frozen=True)
class Configuration:
    """One way to describe boxes and to count mistakes, and what else a row can change."""

    configuration: str
    offset_kind: Any
    box_loss: Any
    class_loss: Any = "cross_entropy"
    divide_by: Any = "positives"
    box_weight: float = 0.5
    augment: bool = True
    n_scenes: int = SCENES["train"][0]


FAMOUS = (
    Configuration("pixels + L1", "pixels", "l1"),
    Configuration("pixels + smooth L1", "pixels", "smooth_l1"),
    Configuration("normalised + L1", "normalised", "l1"),
    Configuration("normalised + smooth L1", "normalised", "smooth_l1"),
    Configuration("normalised + smooth L1 + focal", "normalised", "smooth_l1", "focal"),
)
SHIPPED = FAMOUS[-1]
# What is counted, and what it is divided by, one at a time: the missing quarter is among those above.
COUNTED = tuple(
    Configuration(f"{form} + L1, {words}", form, "l1", class_loss, divide_by)
    for form in ("pixels", "normalised")
    for words, class_loss, divide_by in (
        ("all anchors", "plain_cross_entropy", "anchors"),
        ("all anchors over positives", "plain_cross_entropy", "positives"),
        ("mined over all anchors", "cross_entropy", "anchors"),
    )
)
WEIGHTED = tuple(
    replace(c, configuration=f"{c.configuration}, box weight {weight:g}", box_weight=weight)
    for weight in (0.125, 2.0, 8.0)
    for c in FAMOUS
)
SIZES = tuple(
    replace(SHIPPED, configuration=f"{n:,} scenes", n_scenes=n) for n in (250, 1000, 4000, SHIPPED_SCENES)
)
PLAIN = tuple(
    replace(c, configuration=f"{c.n_scenes:,} scenes, not augmented", augment=False) for c in (SHIPPED, SIZES[0])
)
CONFIGURATIONS = (*FAMOUS, *COUNTED, *WEIGHTED, *SIZES, *PLAIN)
# What ships beside what validation prefers in the table, on as many scenes as ship.
LONGER_STEPS, LONGER_SEEDS = 4000, (0, 1, 2, 3, 4)
LONGER = tuple(
    replace(c, n_scenes=SHIPPED_SCENES)
    for c in (
        SHIPPED,
        next(w for w in WEIGHTED if w.configuration == f"{SHIPPED.configuration}, box weight 2"),
        FAMOUS[0],
    )
)
TUNING_SEEDS = SEEDS[:2]  # by whose validation scenes the weight of the box loss is chosen


def scene_sets(n_train: int) -> dict[str, Dataset]:
    """Scenes to train, validate and test with."""
    numbers = SCENES | {"train": (n_train, SCENES["train"][1])}
    return {name: render_dataset(n, seed) for name, (n, seed) in numbers.items()}


def above(detections: list[Detections], score: float) -> list[Detections]:
    kept = [found.scores > score for found in detections]
    return [
        Detections(found.boxes[keep], found.scores[keep], found.class_ids[keep])
        for found, keep in zip(detections, kept, strict=True)
    ]


def evaluate(model: SSD, validation: Dataset, test: Dataset) -> tuple[dict[str, float], list[Detections]]:
    """Everything that the tables hold; the score threshold comes from validation."""
    known, seen = annotations_of(validation), detect(model, validation.images)
    threshold = best_score_threshold(known, seen)
    validated = mean_average_precision(known, seen, (0.5, 0.75)).average_precision.mean(axis=1)
    truth, found = annotations_of(test), detect(model, test.images)
    precise = mean_average_precision(truth, found, (0.5, 0.75)).average_precision.mean(axis=1)
    chosen = detection_scores(truth, found, threshold)
    common = any_overlap_scores(truth, above(found, 0.5))
    row = {
        "validation_map50": validated[0],
        "validation_map75": validated[1],
        "map50": precise[0],
        "map75": precise[1],
        "precision": chosen.precision,
        "recall": chosen.recall,
        "mean_iou": chosen.mean_iou,
        "score_threshold": threshold,
        "common_iou": common.mean_iou,
        "common_precision": common.precision,
        "common_recall": common.recall,
    }
    return row, found


def run(
    setting: Configuration,
    seed: int,
    scenes: dict[str, Dataset],
    steps: int = STEPS,
    validate_every: int | None = None,
    checkpoint: Path | None = None,
    recipe: dict[str, Any] | None = None,
) -> tuple[SSD, float]:
    set_seed(seed)
    model = build_ssd(offset_kind=setting.offset_kind)
    loss = ssd_loss(model, setting.class_loss, setting.box_loss, setting.divide_by, setting.box_weight)
    training, validation = scenes["train"], scenes["validation"]
    truth = annotations_of(validation)

    def validate(network: SSD) -> float:
        found = detect(network, validation.images)
        return float(mean_average_precision(truth, found, (0.5, 0.75)).map)

    history = train(
        model,
        ssd_batches(
            model,
            training.images,
            training.boxes,
            training.class_ids,
            steps=steps,
            batch_size=BATCH,
            seed=seed,
            augment=setting.augment,
        ),
        loss,
        cosine_optimizer(steps),
        steps,
        validate=validate if validate_every else None,
        validate_every=validate_every or steps,
        checkpoint=checkpoint,
        recipe=recipe,
    )
    return model, history.seconds


def key_of(setting: Configuration, seed: int) -> Row:
    return {name: str(value) for name, value in (asdict(setting) | {"seed": seed}).items()}


def row_of(key: Row, steps: int = STEPS, validate_every: int | None = None) -> Row:
    """Train one configuration with one seed, and score it."""
    (setting,) = (c for c in (*CONFIGURATIONS, *LONGER) if key_of(c, int(key["seed"])) == key)
    scenes = scene_sets(setting.n_scenes)
    model, seconds = run(setting, int(key["seed"]), scenes, steps, validate_every)
    found, _ = evaluate(model, scenes["validation"], scenes["test"])
    return {name: f"{value:.5f}" for name, value in found.items()} | {"seconds": f"{seconds:.0f}"}


def best_weights(rows: list[Row]) -> tuple[Configuration, ...]:
    """Each of the famous configurations with the weight that the validation scenes of the tuning seeds prefer."""

    def validated(setting: Configuration) -> float:
        scores = [
            float(row["validation_map50"]) + float(row["validation_map75"])
            for row in rows
            if row["configuration"] == setting.configuration and int(row["seed"]) in TUNING_SEEDS
        ]
        return float(np.mean(scores))

    return tuple(
        max((c, *(w for w in WEIGHTED if w.configuration.startswith(f"{c.configuration}, "))), key=validated)
        for c in FAMOUS
    )


def sweep(path: Path, scheduler: str | None) -> None:
    tuning = [key_of(c, seed) for seed in TUNING_SEEDS for c in CONFIGURATIONS]
    others = [key_of(c, seed) for seed in SEEDS if seed not in TUNING_SEEDS for c in CONFIGURATIONS]
    made = read_rows(path)  # which stay while rows of the tuning seeds are still missing
    chosen = best_weights(fill(path, [*tuning, *(key for key in others if holds(made, key))], row_of, scheduler))
    left_out = {c.configuration for c in WEIGHTED if c not in chosen}
    wanted = [key for key in others if key["configuration"] not in left_out]
    rows = fill(path, [*tuning, *wanted], row_of, scheduler)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch07.py",
        steps=STEPS,
        batch=BATCH,
        seeds=SEEDS,
        tuning_seeds=TUNING_SEEDS,
        chosen_box_weights={c.configuration.split(", ")[0]: c.box_weight for c in chosen},
        scenes=SCENES,
        runs=len(rows),
        seconds=sum(int(row["seconds"]) for row in rows),
        threads=1,
    )


def sweep_longer(path: Path, scheduler: str | None) -> None:
    keys = [key_of(c, seed) for seed in LONGER_SEEDS for c in LONGER]
    longer = partial(row_of, steps=LONGER_STEPS, validate_every=LONGER_STEPS // 4)
    rows = fill(path, keys, longer, scheduler)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch07.py --longer",
        steps=LONGER_STEPS,
        batch=BATCH,
        seeds=LONGER_SEEDS,
        scenes=SCENES | {"train": (SHIPPED_SCENES, 1)},
        runs=len(rows),
        seconds=sum(int(row["seconds"]) for row in rows),
        threads=1,
    )


def ship() -> None:
    """Train the shipped weights and score them, as they are stored, on the test scenes."""
    numbers = SCENES | {"train": (SHIPPED_SCENES, 1)}
    scenes = scene_sets(SHIPPED_SCENES)
    checkpoint = DATA.parent / "build" / "ssd_checkpoint.npz"
    # What the training cannot see for itself: a checkpoint of other losses or scenes must not be shipped.
    recipe = asdict(replace(SHIPPED, n_scenes=SHIPPED_SCENES)) | {"scenes": numbers, "renderer": RENDERER_VERSION}
    model, seconds = run(
        SHIPPED, 0, scenes, SHIPPED_STEPS, validate_every=1000, checkpoint=checkpoint, recipe=recipe
    )
    save_weights(model, DATA / "weights" / "ssd.npz", anchors=model.anchors)
    score(seconds)


def score(seconds: float) -> None:
    """Write data/results/detection_shipped.json for the weights that are there."""
    model = build_ssd()
    load_weights(model, DATA / "weights" / "ssd.npz", anchors=model.anchors)
    validation, test = (render_dataset(*SCENES[name]) for name in ("validation", "test"))
    found, detections = evaluate(model, validation, test)
    rng = np.random.default_rng(0)
    truth = annotations_of(test)
    intervals = {
        f"map{round(100 * iou)}_interval": map_interval(truth, detections, 1000, 0.95, rng, iou)
        for iou in (0.5, 0.75)
    }
    write_manifest(
        DATA / "results" / "detection_shipped.json",
        "python tools/sweep_ch07.py --weights",
        **{name: round(float(value), 5) for name, value in found.items()},
        **{name: [round(float(end), 5) for end in ends] for name, ends in intervals.items()},
        parameters=model.count_params(),
        steps=SHIPPED_STEPS,
        batch=BATCH,
        scenes=SCENES | {"train": (SHIPPED_SCENES, 1)},
        seconds=round(seconds),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--longer", action="store_true", help="make the table of longer trainings instead")
    what.add_argument("--weights", action="store_true", help="train the shipped weights instead")
    parser.add_argument("--scheduler", help="address of a Dask scheduler, for a table")
    parser.add_argument("--output", type=Path, help="of a table, where not the shipped one")
    arguments = parser.parse_args()
    if arguments.weights:
        ship()
    elif arguments.longer:
        sweep_longer(arguments.output or RESULTS / "detection_longer.csv", arguments.scheduler)
    else:
        sweep(arguments.output or RESULTS / "detection.csv", arguments.scheduler)
