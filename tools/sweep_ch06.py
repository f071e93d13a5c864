"""Train the small network of chapter 06 with every loss and several seeds; write data/results/losses.csv.

    python tools/sweep_ch06.py

Two stages. For each loss, the learning rate with the best validation mIoU, the mean of three seeds that are
never used again, is chosen; the grid is widened as long as its best rate lies at an edge. Then five other
seeds are trained with that rate and scored on the test scenes. Runs that the table already holds are
skipped, so the command can be stopped and started again.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
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
from results import RESULTS, Row, read_rows, write_manifest, write_rows

STEPS = 300
RATES = (0.003, 0.01, 0.03, 0.1, 0.2, 0.4)
FIRST_RATES = RATES[1:4]  # tried for every loss; the others only if the best of these is at the edge
TUNING_SEEDS = (100, 101, 102)
SEEDS = (0, 1, 2, 3, 4)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=RESULTS / "losses.csv")
    path = parser.parse_args().output
    tf.config.experimental.enable_op_determinism()
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
