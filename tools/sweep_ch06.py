"""Train the small network of chapter 06 with every loss and several seeds; write data/results/losses.csv.

    python tools/sweep_ch06.py
    python tools/sweep_ch06.py --length

Two stages. For each loss, the learning rate with the best validation mIoU, the mean of three seeds that are
never used again, is chosen; the grid is widened as long as its best rate lies at an edge. Then five other
seeds are trained with that rate and scored on the test scenes. Runs that the table already holds are
skipped, so the command can be stopped and started again.

With ``--length`` data/results/losses_length.csv instead: every loss with the rate chosen above, 300 and 900 steps
with five seeds, 2,700 with three. Each run is scored on the validation and the test scenes in up to three ways: by
its argmax; with the class weights of its loss divided out; and with a factor for thread and one for dot, the two
chosen on the validation scenes by mIoU. Its runs can be made on a Dask cluster (``--scheduler ADDRESS``).
"""

import argparse
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
from results import RESULTS, Row, fill, read_manifest, read_rows, write_manifest, write_rows

FloatArray = npt.NDArray[np.floating[Any]]

STEPS = 300
RATES = (0.003, 0.01, 0.03, 0.1, 0.2, 0.4)
FIRST_RATES = RATES[1:4]  # tried for every loss; the others only if the best of these is at the edge
TUNING_SEEDS = (100, 101, 102)
SEEDS = (0, 1, 2, 3, 4)
LENGTHS, LONGEST_SEEDS = (300, 900, 2700), SEEDS[:3]  # steps, and the seeds of the longest
LENGTH_SCORES = ("mean_iou", "recall_dot", "precision_dot", "share_dot", "nll")
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


def length_run(key: Row) -> Row:
    """Train one network, and score it in every way of making a map of its probabilities."""
    tf.config.experimental.enable_op_determinism()
    scenes, seed, steps, rate = drawn_scenes(), int(key["seed"]), int(key["steps"]), float(key["learning_rate"])
    network = build_network(seed)
    loss = build_losses(scenes["train"].labels)[key["loss"]]
    seconds = train(network, scenes["train"], loss, steps=steps, learning_rate=rate, seed=seed)
    found = {split: predict(network, scenes[split]) for split in ("validation", "test")}
    decisions: dict[str, Sequence[float]] = {"argmax": (1.0, 1.0, 1.0)}
    start: Sequence[float] = decisions["argmax"]
    if key["loss"] == "weighted cross-entropy":
        shares = np.bincount(scenes["train"].labels.ravel()) / scenes["train"].labels.size
        start = decisions["undone"] = tuple(shares / shares[0])
    best = best_factors(scenes["validation"].labels, found["validation"] * start)
    decisions["chosen"] = tuple(np.multiply(start, best))
    row = {"factor_thread": f"{decisions['chosen'][1]:.5f}", "factor_dot": f"{decisions['chosen'][2]:.5f}"}
    for decision in ("argmax", "undone", "chosen"):
        for split in ("validation", "test"):
            factors = decisions.get(decision)
            numbers = {} if factors is None else scores(scenes[split].labels, rescaled(found[split], factors))
            for name in ("mean_iou",) if split == "validation" else LENGTH_SCORES:
                row[f"{split}_{decision}_{name}"] = f"{numbers[name]:.5f}" if numbers else ""
    return row | {"seconds": f"{seconds:.1f}"}


def sweep_length(path: Path, scheduler: str | None) -> None:
    """Every loss with three lengths of training, and with the thresholds chosen for each run."""
    rates = read_manifest(RESULTS / "losses.csv")["chosen_learning_rates"]
    keys = [
        {"loss": name, "steps": str(steps), "learning_rate": f"{rates[name]:g}", "seed": str(seed)}
        for steps in LENGTHS
        for seed in (SEEDS if steps < LENGTHS[-1] else LONGEST_SEEDS)
        for name in rates
    ]
    rows = fill(path, keys, length_run, scheduler)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch06.py --length",
        steps=LENGTHS,
        seeds=SEEDS,
        seeds_of_the_longest=LONGEST_SEEDS,
        factors=FACTORS,
        **{"scenes (number, seed)": SCENES},
        runs=len(rows),
        seconds=round(sum(float(row["seconds"]) for row in rows)),
        threads=1,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--length", action="store_true", help="the table of lengths and thresholds")
    parser.add_argument("--scheduler", help="address of a Dask scheduler, for --length")
    arguments = parser.parse_args()
    if arguments.length:
        sweep_length(arguments.output or RESULTS / "losses_length.csv", arguments.scheduler)
        return
    if arguments.scheduler:
        parser.error("--scheduler: only the runs of --length are independent of each other")
    tf.config.experimental.enable_op_determinism()
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
