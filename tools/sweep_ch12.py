"""Make the tables of chapter 12, data/results/attention_….csv.

    python tools/sweep_ch12.py canvases     # or --scheduler ADDRESS, on a Dask cluster; so all but the digits
    python tools/sweep_ch12.py readers
    python tools/sweep_ch12.py occlusion
    python tools/sweep_ch12.py segmenter
    python tools/sweep_ch12.py digits

Canvases: networks that read a tenth of a cluttered canvas, three seeds each; readers: one that reads all of it.
Occlusion: whether weights show what answers hang on, five networks of two kinds. Segmenter: chapter 08's, trained
as there, with one layer more at 1/32 of the resolution, three seeds. Digits: a transformer and a convolutional
network of the same size, with equal steps and in about equal time; first the learning rate of each on validation
digits, with a seed that is not used again, then five seeds. A run that a table holds is not repeated, so all can
be stopped and started.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import numpy.typing as npt

from course_utils.datasets import load_digits
from course_utils.experiments.ch12 import PATCH, DigitTraining, build_cnn, build_vit, splits
from course_utils.experiments.ch12_canvases import canvas_sets, hits, train_looker
from course_utils.experiments.ch12_occlusion import (
    agreement,
    ink,
    looker_logits,
    occlusion,
    weights_of_blocks,
    weights_of_patches,
)
from course_utils.experiments.ch12_reader import read, train_reader
from course_utils.experiments.ch12_segmenter import build_segmenter
from course_utils.metrics import mean_iou
from results import RESULTS, Row, fill, holds, read_rows, write_manifest, write_rows
from sweep_ch08 import BATCH, RATE, SCENES, confusion_of, scene_sets
from sweep_ch08 import STEPS as SEGMENTER_STEPS
from sweep_ch08 import run as train_segmenter

CANVAS_STEPS, CANVAS_SEEDS = 400, (0, 1, 2)
LOOKERS: dict[str, dict[str, Any]] = {
    "learnt": {"place": "learnt"},
    "learnt, no baseline": {"place": "learnt", "baseline": False},
    "random": {"place": "random"},
    "brightest": {"place": "brightest"},
    "true": {"place": "true"},
}
# As many as those above take, and about as many as fit into the seconds of the learnt one.
READER_STEPS = (CANVAS_STEPS, 100)
AROUND, SEGMENTER_SEEDS = ("attention", "pooled", "neither"), (0, 1, 2)

OCCLUSION_SEEDS, PICTURES = (0, 1, 2, 3, 4), 200
TRANSFORMER_STEPS, TRANSFORMER_RATE = 600, 3e-3

STEPS = 400
SEEDS, TUNING_SEED, RATES = (0, 1, 2, 3, 4), 100, (1e-3, 3e-3, 1e-2, 3e-2)
LONG = 870  # steps of the convolutional network that take about as long as STEPS of the transformer
BUILDERS: dict[str, Callable[[], keras.Model]] = {
    "CNN": build_cnn,
    "ViT": build_vit,
    "ViT, sinusoidal": partial(build_vit, "sinusoidal"),
    "ViT, no positions": partial(build_vit, "none"),
}
SETTINGS = ((500, 0, STEPS), (500, 2, STEPS), (4000, 0, STEPS), (4000, 2, STEPS))


def whole_digits() -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The digits for training, and their labels."""
    images, labels = load_digits()
    train = splits()[0]
    return images[train], labels[train]


def canvas_run(key: Row) -> Row:
    """Train one network that reads a tenth, and score it on the test canvases."""
    sets = canvas_sets()
    looker, seconds = train_looker(
        sets["train"], *whole_digits(), steps=CANVAS_STEPS, seed=int(key["seed"]), **LOOKERS[key["kind"]]
    )
    logits, windows = looker.predict(sets["test"])
    right = logits.argmax(axis=1) == sets["test"].labels
    found = {"test_accuracy": np.mean(right), "hits": hits(windows, sets["test"].corners), "seconds": seconds}
    return {name: f"{value:.4f}" for name, value in found.items()}


def reader_run(key: Row) -> Row:
    """Train one network that reads everything, and score it likewise."""
    sets = canvas_sets()
    reader, seconds = train_reader(sets["train"], *whole_digits(), steps=int(key["steps"]), seed=int(key["seed"]))
    right = np.mean(read(reader, sets["test"].images).argmax(axis=1) == sets["test"].labels)
    return {"test_accuracy": f"{right:.4f}", "seconds": f"{seconds:.4f}"}


def sweep_canvases(path: Path, scheduler: str | None) -> None:
    keys = [{"kind": kind, "seed": str(seed)} for seed in CANVAS_SEEDS for kind in LOOKERS]
    rows = fill(path, keys, canvas_run, scheduler)
    write_facts(path, rows, steps=CANVAS_STEPS, seeds=CANVAS_SEEDS, canvases=numbers_of_canvases())


def sweep_readers(path: Path, scheduler: str | None) -> None:
    keys = [{"steps": str(steps), "seed": str(seed)} for seed in CANVAS_SEEDS for steps in READER_STEPS]
    rows = fill(path, keys, reader_run, scheduler)
    write_facts(path, rows, steps=READER_STEPS, seeds=CANVAS_SEEDS, canvases=numbers_of_canvases())


def numbers_of_canvases() -> dict[str, int]:
    return {name: len(found.labels) for name, found in canvas_sets().items()}


def write_facts(path: Path, rows: list[Row], **facts: Any) -> None:
    """The manifest of a table that was made with one thread."""
    write_manifest(
        path.with_suffix(".json"),
        f"python tools/sweep_ch12.py {path.stem.removeprefix('attention_')}",
        **facts,
        runs=len(rows),
        seconds=round(sum(float(row["seconds"]) for row in rows)),
        threads=1,
    )


def segmenter_run(key: Row) -> Row:
    """Train one segmenter as chapter 08 does, and score it on validation and test scenes."""
    seed = int(key["seed"])
    model = build_segmenter(key["around"], seed)  # type: ignore[arg-type]
    sets = scene_sets()
    started = time.process_time()
    train_segmenter(model, "cross-entropy + Dice", seed, sets, SEGMENTER_STEPS)
    seconds = time.process_time() - started
    validation, test = (mean_iou(confusion_of(model, sets[name])).mean for name in ("validation", "test"))
    return {
        "validation_miou": f"{validation:.5f}",
        "miou": f"{test:.5f}",
        "parameters": str(model.count_params()),
        "seconds": f"{seconds:.1f}",
    }


def sweep_segmenter(path: Path, scheduler: str | None) -> None:
    keys = [{"around": around, "seed": str(seed)} for seed in SEGMENTER_SEEDS for around in AROUND]
    rows = fill(path, keys, segmenter_run, scheduler)
    write_facts(
        path, rows, steps=SEGMENTER_STEPS, batch=BATCH, learning_rate=RATE, seeds=SEGMENTER_SEEDS, scenes=SCENES
    )


def explained_glimpse(seed: int) -> dict[str, float]:
    train, test = canvas_sets().values()
    looker, seconds = train_looker(train, *whole_digits(), place="learnt", steps=CANVAS_STEPS, seed=seed)
    right = float(np.mean(looker_logits(looker, test.images).argmax(axis=1) == test.labels))
    images, labels = test.images[:PICTURES], test.labels[:PICTURES]
    predict = partial(looker_logits, looker)
    costs = [occlusion(predict, image, label) for image, label in zip(images, labels, strict=True)]
    shares = agreement(weights_of_blocks(looker, images), ink(images), np.stack(costs), reach=1)
    return {"test_accuracy": right, **shares._asdict(), "seconds": seconds}


def explained_transformer(seed: int) -> dict[str, float]:
    digits, labels = load_digits()
    train, _, test = splits()
    runs = DigitTraining(build_vit)
    recipe: dict[str, Any] = {"steps": TRANSFORMER_STEPS, "seed": seed, "learning_rate": TRANSFORMER_RATE}
    seconds = runs.run(digits[train][..., np.newaxis], labels[train], **recipe)
    right = accuracy(runs.network, digits[test][..., np.newaxis], labels[test])
    images, classes = digits[test[:PICTURES]], labels[test[:PICTURES]]
    predict = partial(logits_of, runs.network)
    costs = [occlusion(predict, image, label, PATCH) for image, label in zip(images, classes, strict=True)]
    shares = agreement(weights_of_patches(runs.network, images), ink(images, PATCH), np.stack(costs), reach=0)
    return {"test_accuracy": right, **shares._asdict(), "seconds": seconds}


EXPLAINED = {"glimpse": explained_glimpse, "transformer": explained_transformer}


def occlusion_run(key: Row) -> Row:
    """Train one network, and compare its weights with what blanking costs on pictures of the test."""
    found = EXPLAINED[key["kind"]](int(key["seed"]))
    return {name: f"{value:.4f}" for name, value in found.items()}


def sweep_occlusion(path: Path, scheduler: str | None) -> None:
    keys = [{"kind": kind, "seed": str(seed)} for seed in OCCLUSION_SEEDS for kind in EXPLAINED]
    rows = fill(path, keys, occlusion_run, scheduler)
    steps = {"glimpse": CANVAS_STEPS, "transformer": TRANSFORMER_STEPS}
    write_facts(path, rows, steps=steps, seeds=OCCLUSION_SEEDS, pictures=PICTURES)


@cache
def training(model: str, reach: int) -> DigitTraining:
    return DigitTraining(BUILDERS[model], reach)


def digit_run(model: str, n: int, reach: int, steps: int, rate: float, seed: int) -> dict[str, float]:
    """Train one network on n of the training digits and score it on validation and test."""
    images, labels = load_digits()
    train, validation, test = splits()
    picked = np.random.default_rng(seed).permutation(train)[:n]
    x, runs = images[..., np.newaxis], training(model, reach)
    seconds = runs.run(x[picked], labels[picked], steps=steps, seed=seed, learning_rate=rate)
    return {
        "val_accuracy": accuracy(runs.network, x[validation], labels[validation]),
        "test_accuracy": accuracy(runs.network, x[test], labels[test]),
        "seconds": seconds,
    }


def accuracy(network: keras.Model, images: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    return float(np.mean(np.asarray(network(images)).argmax(axis=1) == labels))


def logits_of(network: keras.Model, images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(network(images[..., np.newaxis]))


def plan() -> Iterator[tuple[str, int, int, int, int]]:
    """Model, digits, reach of the shifts, steps, seed: those that matter most first."""
    for seed in SEEDS:
        for model in ("ViT", "CNN"):
            for setting in SETTINGS:
                yield (model, *setting, seed)
    for seed in SEEDS[:3]:
        yield ("ViT, no positions", *SETTINGS[3], seed)
        yield ("ViT, sinusoidal", *SETTINGS[3], seed)
    for seed in SEEDS:
        for digits, reach, _ in SETTINGS:
            yield ("CNN", digits, reach, LONG, seed)


def sweep_digits(path: Path) -> None:
    rows = read_rows(path)

    def run(model: str, n: int, reach: int, steps: int, rate: float, seed: int) -> None:
        key = {"model": model, "digits": str(n), "reach": str(reach), "steps": str(steps)}
        key |= {"learning_rate": f"{rate:g}", "seed": str(seed)}
        if not holds(rows, key):
            rows.append(key | {k: f"{v:.4f}" for k, v in digit_run(model, n, reach, steps, rate, seed).items()})
            write_rows(path, rows)
            print(rows[-1], flush=True)

    def validated(model: str, rate: float) -> float:
        wanted = {"model": model, "learning_rate": f"{rate:g}", "seed": str(TUNING_SEED)}
        return float(next(row for row in rows if wanted.items() <= row.items())["val_accuracy"])

    rates = {}
    for model in ("CNN", "ViT"):
        for rate in RATES:
            run(model, *SETTINGS[3], rate, TUNING_SEED)
        rates[model] = max(RATES, key=partial(validated, model))
    for model, n, reach, steps, seed in plan():
        run(model, n, reach, steps, rates[model.split(",")[0]], seed)
    write_facts(
        path,
        rows,
        steps=STEPS,
        steps_in_equal_seconds=LONG,
        batch_size=32,
        seeds=SEEDS,
        tuning_seed=TUNING_SEED,
        learning_rates=RATES,
        chosen_learning_rates=rates,
        parameters={name: build().count_params() for name, build in BUILDERS.items()},
    )


INDEPENDENT = {
    "canvases": sweep_canvases,
    "readers": sweep_readers,
    "occlusion": sweep_occlusion,
    "segmenter": sweep_segmenter,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=("digits", *INDEPENDENT))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--scheduler", help="address of a Dask scheduler, for tables of independent runs")
    arguments = parser.parse_args()
    path = arguments.output or RESULTS / f"attention_{arguments.table}.csv"
    if arguments.table in INDEPENDENT:
        INDEPENDENT[arguments.table](path, arguments.scheduler)
        return
    if arguments.scheduler:
        parser.error("--scheduler: the table of digits is not made of independent runs")
    sweep_digits(path)


if __name__ == "__main__":
    main()
