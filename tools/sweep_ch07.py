"""Train the detector of chapter 07 in every configuration, or the one whose weights are shipped.

    python tools/sweep_ch07.py            # data/results/detection.csv: seven configurations, three seeds each
    python tools/sweep_ch07.py --weights  # data/weights/ssd.npz and data/results/detection_shipped.json

Scenes of seed 1 train, seed 2 choose the score threshold (and the best step, for the shipped weights), seed 3
are read once at the end. Runs that the table already holds are skipped, and the long training resumes from its
checkpoint, so both commands can be stopped and started again.
"""

import argparse
import os
from dataclasses import asdict, dataclass
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
from results import holds, read_rows, write_manifest, write_rows

DATA = Path(__file__).parent.parent / "data"
SEEDS = (0, 1, 2)
SCENES = {"train": (6000, 1), "validation": (300, 2), "test": (500, 3)}  # number, seed
STEPS, BATCH = 1500, 8
SHIPPED_SCENES, SHIPPED_STEPS = 16_000, 16_000


@dataclass(frozen=True)
class Configuration:
    """One way to describe boxes and to count mistakes."""

    configuration: str
    offset_kind: Any
    box_loss: Any
    class_loss: Any = "cross_entropy"
    divide_by: Any = "positives"


CONFIGURATIONS = (
    Configuration("pixels + L1", "pixels", "l1"),
    Configuration("pixels + smooth L1", "pixels", "smooth_l1"),
    Configuration("normalised + L1", "normalised", "l1"),
    Configuration("normalised + smooth L1", "normalised", "smooth_l1"),
    Configuration("normalised + smooth L1 + focal", "normalised", "smooth_l1", "focal"),
    Configuration("pixels + L1, all anchors", "pixels", "l1", "plain_cross_entropy", "anchors"),
    Configuration("normalised + L1, all anchors", "normalised", "l1", "plain_cross_entropy", "anchors"),
)


def above(detections: list[Detections], score: float) -> list[Detections]:
    kept = [found.scores > score for found in detections]
    return [
        Detections(found.boxes[keep], found.scores[keep], found.class_ids[keep])
        for found, keep in zip(detections, kept, strict=True)
    ]


def evaluate(model: SSD, validation: Dataset, test: Dataset) -> tuple[dict[str, float], list[Detections]]:
    """Everything that the tables hold; the score threshold comes from validation."""
    threshold = best_score_threshold(annotations_of(validation), detect(model, validation.images))
    truth, found = annotations_of(test), detect(model, test.images)
    precise = mean_average_precision(truth, found, (0.5, 0.75)).average_precision.mean(axis=1)
    chosen = detection_scores(truth, found, threshold)
    common = any_overlap_scores(truth, above(found, 0.5))
    row = {
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
    loss = ssd_loss(model, setting.class_loss, setting.box_loss, setting.divide_by)
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


def sweep(path: Path, seeds: tuple[int, ...]) -> None:
    rows = read_rows(path)
    scenes = {name: render_dataset(n, seed) for name, (n, seed) in SCENES.items()}
    for seed in seeds:
        for setting in CONFIGURATIONS:
            key = asdict(setting) | {"seed": str(seed)}
            if holds(rows, key):
                continue
            model, seconds = run(setting, seed, scenes)
            found, _ = evaluate(model, scenes["validation"], scenes["test"])
            rows.append(
                key | {name: f"{value:.5f}" for name, value in found.items()} | {"seconds": f"{seconds:.0f}"}
            )
            write_rows(path, rows)
            print(rows[-1], flush=True)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch07.py",
        steps=STEPS,
        batch=BATCH,
        seeds=SEEDS,
        scenes=SCENES,
    )


def ship() -> None:
    """Train the shipped weights and score them, as they are stored, on the test scenes."""
    numbers = SCENES | {"train": (SHIPPED_SCENES, 1)}
    scenes = {name: render_dataset(n, seed) for name, (n, seed) in numbers.items()}
    focal = next(c for c in CONFIGURATIONS if c.class_loss == "focal")
    checkpoint = DATA.parent / "build" / "ssd_checkpoint.npz"
    # What the training cannot see for itself: a checkpoint of other losses or scenes must not be shipped.
    recipe = asdict(focal) | {"scenes": numbers, "renderer": RENDERER_VERSION}
    model, seconds = run(
        focal, 0, scenes, SHIPPED_STEPS, validate_every=1000, checkpoint=checkpoint, recipe=recipe
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
    parser.add_argument("--weights", action="store_true", help="train the shipped weights instead")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="to share the work among processes")
    parser.add_argument("--output", type=Path, default=DATA / "results" / "detection.csv")
    arguments = parser.parse_args()
    if arguments.weights:
        ship()
    else:
        sweep(arguments.output, tuple(arguments.seeds))
