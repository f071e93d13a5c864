"""Make the two tables of chapter 12: data/results/attention_canvases.csv and attention_digits.csv.

    python tools/sweep_ch12.py canvases    # or --scheduler ADDRESS, on a Dask cluster
    python tools/sweep_ch12.py digits

Canvases: networks that read a tenth of a cluttered canvas, three seeds each. Digits: a
transformer and a convolutional network of the same size; first the learning rate of each on validation digits,
with a seed that is not used again, then five seeds. A run that the table holds is not repeated, so both can
be stopped and started.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import numpy.typing as npt

from course_utils.datasets import load_digits
from course_utils.experiments.ch12 import DigitTraining, build_cnn, build_vit, splits
from course_utils.experiments.ch12_canvases import canvas_sets, hits, train_looker
from results import RESULTS, Row, fill, holds, read_rows, write_manifest, write_rows

CANVAS_STEPS, CANVAS_SEEDS = 400, (0, 1, 2)
LOOKERS: dict[str, dict[str, Any]] = {
    "learnt": {"place": "learnt"},
    "learnt, no baseline": {"place": "learnt", "baseline": False},
    "random": {"place": "random"},
    "brightest": {"place": "brightest"},
    "true": {"place": "true"},
}

STEPS = 400
SEEDS, TUNING_SEED, RATES = (0, 1, 2, 3, 4), 100, (1e-3, 3e-3, 1e-2, 3e-2)
BUILDERS: dict[str, Callable[[], keras.Model]] = {
    "CNN": build_cnn,
    "ViT": build_vit,
    "ViT, sinusoidal": partial(build_vit, "sinusoidal"),
    "ViT, no positions": partial(build_vit, "none"),
}
SETTINGS = ((500, 0, STEPS), (500, 2, STEPS), (4000, 0, STEPS), (4000, 2, STEPS))


def canvas_run(key: Row) -> Row:
    """Train one network and score it on the test canvases."""
    sets, (images, labels), train = canvas_sets(), load_digits(), splits()[0]
    looker, seconds = train_looker(
        sets["train"],
        images[train],
        labels[train],
        steps=CANVAS_STEPS,
        seed=int(key["seed"]),
        **LOOKERS[key["kind"]],
    )
    logits, windows = looker.predict(sets["test"])
    right = logits.argmax(axis=1) == sets["test"].labels
    found = {"test_accuracy": np.mean(right), "hits": hits(windows, sets["test"].corners), "seconds": seconds}
    return {name: f"{value:.4f}" for name, value in found.items()}


def sweep_canvases(path: Path, scheduler: str | None) -> None:
    keys = [{"kind": kind, "seed": str(seed)} for seed in CANVAS_SEEDS for kind in LOOKERS]
    rows = fill(path, keys, canvas_run, scheduler)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch12.py canvases",
        steps=CANVAS_STEPS,
        seeds=CANVAS_SEEDS,
        canvases={name: len(found.labels) for name, found in canvas_sets().items()},
        runs=len(rows),
        seconds=round(sum(float(row["seconds"]) for row in rows)),
        threads=1,
    )


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


def plan() -> Iterator[tuple[str, int, int, int, int]]:
    """Model, digits, reach of the shifts, steps, seed: those that matter most first."""
    for seed in SEEDS:
        for model in ("ViT", "CNN"):
            for setting in SETTINGS:
                yield (model, *setting, seed)
    for seed in SEEDS[:3]:
        yield ("ViT, no positions", *SETTINGS[3], seed)
        yield ("ViT, sinusoidal", *SETTINGS[3], seed)


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
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch12.py digits",
        steps=STEPS,
        batch_size=32,
        seeds=SEEDS,
        tuning_seed=TUNING_SEED,
        learning_rates=RATES,
        chosen_learning_rates=rates,
        parameters={name: build().count_params() for name, build in BUILDERS.items()},
        runs=len(rows),
        seconds=round(sum(float(row["seconds"]) for row in rows)),
        threads=1,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=("canvases", "digits"))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--scheduler", help="address of a Dask scheduler, for the canvases")
    arguments = parser.parse_args()
    path = arguments.output or RESULTS / f"attention_{arguments.table}.csv"
    if arguments.table == "canvases":
        sweep_canvases(path, arguments.scheduler)
    else:
        if arguments.scheduler:
            parser.error("--scheduler: only the table of canvases is made of independent runs")
        sweep_digits(path)


if __name__ == "__main__":
    main()
