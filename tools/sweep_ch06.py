"""Train the small network of chapter 06 with every loss and several seeds; write data/results/losses.csv.

    python tools/sweep_ch06.py

Two stages. For each loss, the learning rate with the best validation mIoU, the mean of three seeds that are
never used again, is chosen; the grid is widened as long as its best rate lies at an edge. Then five other
seeds are trained with that rate and scored on the test scenes. Runs that the table already holds are
skipped, so the command can be stopped and started again.
"""

import argparse
import csv
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course_utils.thin_structures import (
    Loss,
    Scenes,
    build_losses,
    build_network,
    draw_scenes,
    predict,
    scores,
    train,
)

STEPS = 300
RATES = (0.003, 0.01, 0.03, 0.1, 0.2, 0.4)
FIRST_RATES = slice(1, 4)  # tried for every loss; the others only if the best of these is at the edge
TUNING_SEEDS = (100, 101, 102)
SEEDS = (0, 1, 2, 3, 4)
SCENES = {"train": (512, 0), "validation": (128, 1), "test": (256, 2)}  # number, seed

Row = dict[str, str]


def one_run(loss: Loss, rate: float, seed: int, fit_on: Scenes, score_on: Scenes) -> dict[str, float]:
    """Train one network from scratch and score it."""
    network = build_network(seed)
    seconds = train(network, fit_on, loss, steps=STEPS, learning_rate=rate, seed=seed)
    return scores(score_on.labels, predict(network, score_on)) | {"seconds": seconds}


def drawn_scenes() -> dict[str, Scenes]:
    return {name: draw_scenes(n, np.random.default_rng(seed)) for name, (n, seed) in SCENES.items()}


def best_rate(validation_score: Callable[[float], float]) -> float:
    """The rate with the highest score; beyond the first rates, others are tried while the best is at an edge."""
    tried = {rate: validation_score(rate) for rate in RATES[FIRST_RATES]}
    while True:
        best = max(tried, key=lambda rate: tried[rate])
        place = RATES.index(best)
        new = [rate for rate in RATES[max(place - 1, 0) : place + 2] if rate not in tried]
        if not new:
            return best
        tried |= {rate: validation_score(rate) for rate in new}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).parent.parent / "data" / "results" / "losses.csv"
    parser.add_argument("--output", type=Path, default=default)
    path = parser.parse_args().output
    tf.config.experimental.enable_op_determinism()
    scenes = drawn_scenes()
    losses = build_losses(scenes["train"].labels)
    rows, used = read(path), []

    def run(name: str, rate: float, seed: int, split: str) -> Row:
        key = {"loss": name, "split": split, "learning_rate": f"{rate:g}", "seed": str(seed)}
        done = [row for row in rows if key.items() <= row.items()]
        if not done:
            found = one_run(losses[name], rate, seed, scenes["train"], scenes[split])
            seconds = found.pop("seconds")
            row = key | {k: f"{v:.5f}" for k, v in found.items()} | {"seconds": f"{seconds:.1f}"}
            rows.append(row)
            write(path, rows)
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
    write(path, used)  # in order, and without test runs at a rate that is no longer chosen
    manifest = {
        "command": "python tools/sweep_ch06.py",
        "steps": STEPS,
        "learning_rates": RATES,
        "first_learning_rates": RATES[FIRST_RATES],
        "chosen_learning_rates": rates,
        "tuning_seeds": TUNING_SEEDS,
        "seeds": SEEDS,
        "scenes (number, seed)": SCENES,
        "runs": len(used),
        "seconds": round(sum(float(row["seconds"]) for row in used)),
        "machine": f"{platform.machine()}, {platform.system()}, one thread",
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "finished": time.strftime("%Y-%m-%d"),
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8")


def read(path: Path) -> list[Row]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(path)


if __name__ == "__main__":
    main()
