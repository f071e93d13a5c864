"""Race optimisers, and try remedies for deep and recurrent networks: the tables of chapter 11.

    python tools/sweep_ch11.py            # data/results/optimizers.csv
    python tools/sweep_ch11.py --depth    # data/results/depth.csv

The race: every optimiser gets the same number of learning rates, each with the same two seeds; the one with the
best mean validation accuracy is taken; then five other seeds, with that rate and with the optimiser's default, are
scored on the test digits. "equal time" gives each the number of steps that it makes in the time of SGD's 300
(the fastest of its runs counts). "long" is a training of 1,500 steps on 500 digits, until they are known by heart.

Depth: for each network and remedy the same four learning rates, the best by validation, five other seeds.

Runs that a table already holds are skipped, so the command can be stopped and started again.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils.experiments.ch11 import (
    DEEP,
    GRID,
    MEMORY,
    RACERS,
    Task,
    Trainer,
    build_cnn,
    build_deep,
    build_memory,
    digits_task,
    memory_task,
    rates_of,
)
from results import RESULTS, Row, holds, read_rows, write_manifest, write_rows

STEPS, LONG_STEPS = 300, 1500
TUNING_SEEDS, SEEDS, LONG_SEEDS = (100, 101), (0, 1, 2, 3, 4), tuple(range(8))
LONG_RACERS = ("momentum", "Adam")
DEPTH_RATES, ADAM_RATES = (0.003, 0.01, 0.03, 0.1), (0.001, 0.003, 0.01, 0.03)
LENGTH = 25  # of the sequences to remember


class Table:
    """Rows of one file, written after every run."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, read_rows(path)

    def add(self, row: Row) -> None:
        """Write one more row."""
        self.rows.append(row)
        write_rows(self.path, self.rows)
        print(row, flush=True)


def one_run(
    trainer: Trainer, network: keras.Model, rates: Sequence[float], seed: int, test: bool
) -> dict[str, str]:
    """Train from the first weights of a network, and score; the test part only where it is wanted."""
    trainer.reset(network.get_weights())
    began = time.process_time()
    losses = trainer.run(rates, seed)
    seconds = time.process_time() - began
    found = {"train_loss": trainer.scores("train")[0], "train_accuracy": trainer.scores("train")[1]}
    found["validation_loss"], found["validation_accuracy"] = trainer.scores("validation")
    row = {name: f"{value:.5f}" for name, value in found.items()}
    row["test_accuracy"] = f"{trainer.scores('test')[1]:.5f}" if test else ""
    return row | {"first_nan": str(first_nan(losses)), "seconds": f"{seconds:.3f}"}


def first_nan(losses: npt.NDArray[np.floating[Any]]) -> int:
    """The first step whose loss is no finite number, or −1."""
    bad = np.flatnonzero(~np.isfinite(losses))
    return int(bad[0]) if len(bad) else -1


def best_rate(rows: list[Row]) -> float:
    """The rate with the highest mean validation accuracy; of equal ones the lowest."""
    scores: dict[float, list[float]] = {}
    for row in rows:
        scores.setdefault(float(row["learning_rate"]), []).append(float(row["validation_accuracy"]))
    return max(sorted(scores), key=lambda rate: np.mean(scores[rate]))


def race(path: Path) -> None:
    """All racers in the short setting, some in the long one."""
    table = Table(path)
    short, long = digits_task(1000), digits_task(500)
    trainers: dict[str, Trainer] = {}
    for name in RACERS:
        compete(table, "short", name, short, STEPS, SEEDS, trainers)
    for name in LONG_RACERS:
        compete(table, "long", name, long, LONG_STEPS, LONG_SEEDS, {})
    rows = [row for row in table.rows if row["setting"] == "short"]
    fastest = {
        name: min(float(row["seconds"]) / int(row["steps"]) for row in rows if row["optimizer"] == name)
        for name in RACERS
    }
    for name, racer in RACERS.items():
        steps = round(STEPS * fastest["SGD"] / fastest[name])
        key = {"setting": "equal time", "optimizer": name, "stage": "tuned"}
        if all(holds(table.rows, key | {"seed": str(seed)}) for seed in SEEDS):
            continue
        rate = chosen(table.rows, "short", name)
        trainer = trainers.get(name) or Trainer(build_cnn(0), racer.make(), short)
        for seed in SEEDS:
            found = one_run(trainer, build_cnn(seed), rates_of(racer, rate, steps), seed, test=True)
            table.add(key | {"learning_rate": f"{rate:g}", "seed": str(seed), "steps": str(steps)} | found)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch11.py",
        steps={"short": STEPS, "long": LONG_STEPS},
        default_learning_rates={name: racer.default for name, racer in RACERS.items()},
        learning_rates=[f"default times {factor:g}" for factor in GRID],
        chosen_learning_rates={name: chosen(table.rows, "short", name) for name in RACERS},
        chosen_learning_rates_long={name: chosen(table.rows, "long", name) for name in LONG_RACERS},
        milliseconds_a_step={name: round(1000 * value, 2) for name, value in fastest.items()},
        tuning_seeds=TUNING_SEEDS,
        seeds={"short": SEEDS, "long": LONG_SEEDS},
        rows=len(table.rows),
        seconds=round(sum(float(row["seconds"]) for row in table.rows)),
        threads=1,
    )


def chosen(rows: list[Row], setting: str, name: str) -> float:
    key = {"setting": setting, "optimizer": name, "stage": "tuning"}
    return best_rate([row for row in rows if key.items() <= row.items()])


def compete(
    table: Table,
    setting: str,
    name: str,
    task: Task,
    steps: int,
    seeds: Sequence[int],
    trainers: dict[str, Trainer],
) -> None:
    """Tune one racer, and score it with the chosen rate and with its default."""
    racer = RACERS[name]

    def run(stage: str, rate: float, seed: int) -> None:
        key = {"setting": setting, "optimizer": name, "stage": stage, "learning_rate": f"{rate:g}"}
        key |= {"seed": str(seed), "steps": str(steps)}
        if holds(table.rows, key):
            return
        if name not in trainers:
            trainers[name] = Trainer(build_cnn(0), racer.make(), task)
        found = one_run(
            trainers[name], build_cnn(seed), rates_of(racer, rate, steps), seed, test=stage != "tuning"
        )
        table.add(key | found)

    for factor, seed in itertools.product(GRID, TUNING_SEEDS):
        run("tuning", racer.default * factor, seed)
    for seed in seeds:
        run("tuned", chosen(table.rows, setting, name), seed)
        if setting == "short":
            run("default", racer.default, seed)


def depth(path: Path) -> None:
    """Remedies for deep and for recurrent networks."""
    table = Table(path)
    digits, memory = digits_task(1000), memory_task(LENGTH)
    for name, settings in DEEP.items():
        remedy(table, "deep", name, build_deep, settings, digits)
    for name, settings in MEMORY.items():
        remedy(table, "memory", name, build_memory, {"length": LENGTH, **settings}, memory)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch11.py --depth",
        steps=STEPS,
        learning_rates={"momentum": DEPTH_RATES, "Adam": ADAM_RATES},
        tuning_seeds=TUNING_SEEDS[:1],
        seeds=SEEDS,
        deep=DEEP,
        memory=MEMORY,
        sequence_length=LENGTH,
        rows=len(table.rows),
        seconds=round(sum(float(row["seconds"]) for row in table.rows)),
        threads=1,
    )


def remedy(
    table: Table, kind: str, name: str, build: Callable[..., keras.Model], settings: dict[str, Any], task: Task
) -> None:
    """Tune one network, and score it with the chosen rate."""
    shape = {key: value for key, value in settings.items() if key not in ("clip", "adam")}
    rates = ADAM_RATES if "adam" in settings else DEPTH_RATES
    variant = {"network": kind, "variant": name}
    trainer: list[Trainer] = []

    def run(stage: str, rate: float, seed: int) -> None:
        key = variant | {"stage": stage, "learning_rate": f"{rate:g}", "seed": str(seed)}
        if holds(table.rows, key):
            return
        if not trainer:
            optimizer = keras.optimizers.SGD(momentum=0.9, global_clipnorm=settings.get("clip"))
            if "adam" in settings:
                optimizer = keras.optimizers.Adam()
            trainer.append(Trainer(build(0, **shape), optimizer, task))
        table.add(key | one_run(trainer[0], build(seed, **shape), [rate] * STEPS, seed, test=stage == "tuned"))

    for rate, seed in itertools.product(rates, TUNING_SEEDS[:1]):
        run("tuning", rate, seed)
    tried = [row for row in table.rows if (variant | {"stage": "tuning"}).items() <= row.items()]
    for seed in SEEDS:
        run("tuned", best_rate(tried), seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--depth", action="store_true", help="the table of remedies")
    arguments = parser.parse_args()
    tf.config.experimental.enable_op_determinism()
    if arguments.depth:
        depth(arguments.output or RESULTS / "depth.csv")
    else:
        race(arguments.output or RESULTS / "optimizers.csv")


if __name__ == "__main__":
    main()
