"""Train the small network of chapter 06 with every loss and several seeds; write data/results/losses.csv.

    python tools/sweep_ch06.py
    python tools/sweep_ch06.py --length

Two stages. For each loss, the learning rate with the best validation mIoU, the mean of three seeds that are
never used again, is chosen; the grid is widened as long as its best rate lies at an edge. Then five other
seeds are trained with that rate and scored on the test scenes. Runs that the table already holds are
skipped, so the command can be stopped and started again.

With ``--length`` a smaller table instead, data/results/losses_length.csv: a few losses with the rates chosen
above, 300 and 900 steps, five seeds, and each run scored on the test scenes in up to three ways: by its argmax;
with the class weights of its loss divided out; and with a factor for thread and dot, the two chosen on the
validation scenes by mIoU.
"""

import argparse
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils.experiments.ch06 import (
    Loss,
    Scenes,
    build_losses,
    build_network,
    draw_scenes,
    predict,
    scores,
    train,
)
from course_utils.metrics import confusion_matrix, mean_iou
from results import RESULTS, Row, holds, read_manifest, read_rows, write_manifest, write_rows

FloatArray = npt.NDArray[np.floating[Any]]

STEPS = 300
RATES = (0.003, 0.01, 0.03, 0.1, 0.2, 0.4)
FIRST_RATES = RATES[1:4]  # tried for every loss; the others only if the best of these is at the edge
TUNING_SEEDS = (100, 101, 102)
SEEDS = (0, 1, 2, 3, 4)
LENGTHS = {"cross-entropy": (300, 900), "Dice": (300, 900), "weighted cross-entropy": (300,)}  # steps
LENGTH_SEEDS = (0, 1, 2, 3, 4)
FACTORS = tuple(2.0 ** (half / 2) for half in range(-6, 7))  # of a class's probability, before the argmax
SCENES = {"train": (512, 0), "validation": (128, 1), "test": (256, 2)}  # number, seed


def one_run(loss: Loss, rate: float, seed: int, fit_on: Scenes, score_on: Scenes) -> dict[str, float]:
    """Train one network from scratch and score it."""
    network = build_network(seed)
    seconds = train(network, fit_on, loss, steps=STEPS, learning_rate=rate, seed=seed)
    return scores(score_on.labels, predict(network, score_on)) | {"seconds": seconds}


def drawn_scenes() -> dict[str, Scenes]:
    return {name: draw_scenes(n, np.random.default_rng(seed)) for name, (n, seed) in SCENES.items()}


def best_rate(validation_score: Callable[[float], float]) -> float:
    """The rate with the highest score; beyond the first rates, others are tried while the best is at an edge."""
    tried = {rate: validation_score(rate) for rate in FIRST_RATES}
    while True:
        best = max(tried, key=lambda rate: tried[rate])
        place = RATES.index(best)
        new = [rate for rate in RATES[max(place - 1, 0) : place + 2] if rate not in tried]
        if not new:
            return best
        tried |= {rate: validation_score(rate) for rate in new}


def rescaled(probabilities: FloatArray, factors: Sequence[float]) -> FloatArray:
    """Probabilities (…, K) times a factor a class, summing to 1 again."""
    scaled = probabilities * np.asarray(factors)
    return np.asarray(scaled / scaled.sum(axis=-1, keepdims=True))


def best_factors(labels: npt.NDArray[np.uint8], probabilities: FloatArray) -> tuple[float, float, float]:
    """The factors of background (always 1), thread and dot with the highest mIoU."""

    def score(factors: tuple[float, ...]) -> float:
        return mean_iou(confusion_matrix(labels, (probabilities * factors).argmax(axis=-1), len(factors)))[0]

    return max(((1.0, thread, dot) for thread in FACTORS for dot in FACTORS), key=score)


def sweep_length(path: Path) -> None:
    """Some losses with two lengths of training, and with the thresholds chosen for each run."""
    scenes, rows = drawn_scenes(), read_rows(path)
    losses = build_losses(scenes["train"].labels)
    rates = read_manifest(RESULTS / "losses.csv")["chosen_learning_rates"]
    frequencies = np.bincount(scenes["train"].labels.ravel()) / scenes["train"].labels.size
    for seed, name in itertools.product(LENGTH_SEEDS, LENGTHS):
        for steps in LENGTHS[name]:
            key = {"loss": name, "steps": str(steps), "learning_rate": f"{rates[name]:g}", "seed": str(seed)}
            if holds(rows, key):
                continue
            network = build_network(seed)
            seconds = train(
                network, scenes["train"], losses[name], steps=steps, learning_rate=rates[name], seed=seed
            )
            found = {split: predict(network, scenes[split]) for split in ("validation", "test")}
            decisions = {"argmax": (1.0, 1.0, 1.0)}
            start: Sequence[float] = (1.0, 1.0, 1.0)
            if name == "weighted cross-entropy":
                start = decisions["weights divided out"] = tuple(frequencies / frequencies[0])
            best = best_factors(scenes["validation"].labels, found["validation"] * start)
            decisions["chosen on validation"] = tuple(np.multiply(start, best))
            for decision, factors in decisions.items():
                numbers = scores(scenes["test"].labels, rescaled(found["test"], factors))
                rows.append(
                    key
                    | {
                        "decision": decision,
                        "factor_thread": f"{factors[1]:.5f}",
                        "factor_dot": f"{factors[2]:.5f}",
                    }
                    | {k: f"{v:.5f}" for k, v in numbers.items()}
                    | {"seconds": f"{seconds:.1f}"}
                )
            write_rows(path, rows)
            print(key, rows[-1]["mean_iou"], flush=True)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch06.py --length",
        steps=LENGTHS,
        seeds=LENGTH_SEEDS,
        factors=FACTORS,
        **{"scenes (number, seed)": SCENES},
        rows=len(rows),
        seconds=round(sum(float(row["seconds"]) for row in rows if row["decision"] == "argmax")),
        threads=1,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--length", action="store_true", help="the smaller table of lengths and thresholds")
    arguments = parser.parse_args()
    tf.config.experimental.enable_op_determinism()
    if arguments.length:
        sweep_length(arguments.output or RESULTS / "losses_length.csv")
        return
    path = arguments.output or RESULTS / "losses.csv"
    scenes = drawn_scenes()
    losses = build_losses(scenes["train"].labels)
    rows, used = read_rows(path), []

    def run(name: str, rate: float, seed: int, split: str) -> Row:
        key = {"loss": name, "split": split, "learning_rate": f"{rate:g}", "seed": str(seed)}
        done = [row for row in rows if key.items() <= row.items()]
        if not done:
            found = one_run(losses[name], rate, seed, scenes["train"], scenes[split])
            seconds = found.pop("seconds")
            row = key | {k: f"{v:.5f}" for k, v in found.items()} | {"seconds": f"{seconds:.1f}"}
            rows.append(row)
            write_rows(path, rows)
            print(name, key, f"mIoU {found['mean_iou']:.3f}, {seconds:.0f} s", flush=True)
            done = [row]
        used.append(done[0])
        return done[0]

    def validation_score(name: str, rate: float) -> float:
        runs = [run(name, rate, seed, "validation") for seed in TUNING_SEEDS]
        return float(np.mean([float(row["mean_iou"]) for row in runs]))

    rates = {}
    for name in losses:
        rates[name] = best_rate(lambda rate, name=name: validation_score(name, rate))  # type: ignore[misc]
        for seed in SEEDS:
            run(name, rates[name], seed, "test")
    write_rows(path, used)  # in order, and without test runs at a rate that is no longer chosen
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch06.py",
        steps=STEPS,
        learning_rates=RATES,
        first_learning_rates=FIRST_RATES,
        chosen_learning_rates=rates,
        tuning_seeds=TUNING_SEEDS,
        seeds=SEEDS,
        **{"scenes (number, seed)": SCENES},
        runs=len(used),
        seconds=round(sum(float(row["seconds"]) for row in used)),
        threads=1,
    )


if __name__ == "__main__":
    main()
