"""Batches of all sizes, workers that go apart, seconds a step: the tables of chapter 14.

    python tools/sweep_ch14.py                        # data/results/batches.csv
    python tools/sweep_ch14.py --scheduler ADDRESS    # the same table, on the workers of a Dask cluster
    python tools/sweep_ch14.py --table workers        # data/results/workers.csv
    python tools/sweep_ch14.py --table devices        # data/results/devices.csv
    python tools/sweep_ch14.py --table step_times     # data/results/step_times.csv
    python tools/sweep_ch14.py --table memory         # data/results/memory.csv

Batches: for each size, with and without a rise of the rate over the first pass, eleven rates and two seeds on
validation digits; then five other seeds, on test, with four rates: the best one of batches of 8 without a rise
("same"), that one times batch / 8 ("linear"), times its root ("root"), and the best of this size ("best"). A
cluster's workers need this course installed: start them with `dask scheduler` and `dask worker ADDRESS`.

Workers: by how much the losses of two workers differ from one worker's in five steps, with what they do apart.

Devices: the losses of five steps of the same training on two devices of one process and on one.

Step times: the detector of chapter 07 as it was built, on one and two workers; their all-reduce alone; the input
alone. The fastest of twelve (sixty all-reduces); made again, the faster of both stays. To have times of an idle
machine alone, delete the table first.

Memory: the most that a process ever held, after steps of chapter 07's detector with growing batches.

Runs that a table already holds are skipped, so the command can be stopped and started again.
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from course_utils._files import write_text
from course_utils.datasets.drinks import render_dataset
from course_utils.detection import build_ssd, ssd_batches
from course_utils.distributed import launch
from course_utils.experiments.ch14 import (
    ALONE,
    AS_BUILT,
    DIGITS,
    EPOCHS,
    REPAIRED,
    DataParallel,
    batch_run,
    make_optimizer,
    make_step,
)
from results import RESULTS, Row, fill, read_manifest, read_rows, write_manifest, write_rows

BATCHES = (8, 16, 32, 64, 128, 256, 512)
RATES = tuple(2.0**power for power in range(-9, 2))
WARMUP = ("no", "yes")
TUNING_SEEDS, SEEDS = (100, 101), (0, 1, 2, 3, 4)
RULES = ("same", "linear", "root", "best")
FIVE_STEPS, WORKER_SEEDS = 5, (0, 1, 2)
NUMBERS = (1, 1_000, 10_000, 100_000, 1_000_000, 4_000_000)  # of a vector that is summed over the workers
IMAGES = (1, 2, 4, 8, 16)  # of a batch on each worker
SHAPE = (96, 128, 3)
LARGE, PROCESSES = (8, 32, 64, 128), 2  # images of a batch; their memory is seen beside that of TensorFlow itself


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=["batches", *OTHERS], default="batches")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--scheduler", help="address of a Dask scheduler, for the table of batches")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)  # this file as one of several workers
    arguments = parser.parse_args()
    if arguments.worker:
        WORKERS[arguments.table](arguments.worker[0], Path(arguments.worker[1]))
    elif arguments.table == "batches":
        make_batches(arguments.output or RESULTS / "batches.csv", arguments.scheduler)
    else:
        if arguments.scheduler:
            parser.error("--scheduler: only the table of batches is made of independent runs")
        OTHERS[arguments.table](arguments.output or RESULTS / f"{arguments.table}.csv")


# The table of batches: independent runs, which a cluster can make.


def tuning_keys() -> list[Row]:
    """Every size of batch with every rate."""
    return [
        {
            "batch": str(batch),
            "warmup": warmup,
            "stage": "tuning",
            "rule": "",
            "learning_rate": f"{rate:g}",
            "seed": str(seed),
        }
        for batch, warmup, rate, seed in itertools.product(BATCHES, WARMUP, RATES, TUNING_SEEDS)
    ]


def best_rate(rows: list[Row], batch: int, warmup: str) -> float:
    """The rate with the highest mean validation accuracy; of equal ones the lowest."""
    scores: dict[float, list[float]] = {}
    for row in rows:
        if (row["stage"], row["batch"], row["warmup"]) == ("tuning", str(batch), warmup):
            scores.setdefault(float(row["learning_rate"]), []).append(float(row["validation_accuracy"]))
    return max(sorted(scores), key=lambda rate: np.mean(scores[rate]))


def final_keys(rows: list[Row]) -> list[Row]:
    """Every size of batch with the rates of four rules."""
    base = best_rate(rows, BATCHES[0], "no")
    keys = []
    for batch, warmup, rule, seed in itertools.product(BATCHES, WARMUP, RULES, SEEDS):
        factor = batch / BATCHES[0]
        rate = {"same": base, "linear": base * factor, "root": base * factor**0.5}.get(rule)
        rate = best_rate(rows, batch, warmup) if rate is None else rate
        keys.append(
            {
                "batch": str(batch),
                "warmup": warmup,
                "stage": "final",
                "rule": rule,
                "learning_rate": f"{rate:g}",
                "seed": str(seed),
            }
        )
    return keys


def make_batches(path: Path, scheduler: str | None) -> None:
    """The digits in batches of 8 to 512, with rates by four rules."""
    began = time.process_time()
    tuned = fill(path, tuning_keys(), batch_run, scheduler)
    rows = fill(path, final_keys(tuned), batch_run, scheduler, before=tuned)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch14.py",
        batches=BATCHES,
        learning_rates=RATES,
        base_learning_rate=best_rate(rows, BATCHES[0], "no"),
        digits=DIGITS,
        passes=EPOCHS,
        tuning_seeds=TUNING_SEEDS,
        seeds=SEEDS,
        rows=len(rows),
        processor_seconds=round(time.process_time() - began),  # of this process, since it was started last
        threads=1,
    )


# The other tables: this file is started as one worker or two, and writes what it measured.


def measure(table: str, n_workers: int, argument: str) -> Any:
    """Start this file as workers; what the first one of them measured."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "measured.json")
        command = ["--table", table, "--worker", argument, str(path)]
        launch(__file__, n_workers, arguments=command, timeout=1500, echo=False)
        return json.loads(path.read_text(encoding="utf-8"))


def tell(path: Path, found: Any) -> None:
    """The other way round, for the first worker alone."""
    if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 0:
        write_text(path, json.dumps(found))


def strategy_here() -> Any:
    """Of the workers that this one belongs to."""
    several = len(json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"]) > 1
    return tf.distribute.MultiWorkerMirroredStrategy() if several else tf.distribute.get_strategy()


def losses_of(job: DataParallel) -> dict[str, list[float]]:
    """The losses of five steps, by seed."""
    found = {}
    for seed in WORKER_SEEDS:
        job.reset(seed)
        found[str(seed)] = [loss for _, loss in job.run(0, FIVE_STEPS)]
    return found


def write_losses(table: str, path: Path, rows: list[Row]) -> None:
    """A table of such losses, and its manifest."""
    write_rows(path, rows)
    write_manifest(
        path.with_suffix(".json"),
        f"python tools/sweep_ch14.py --table {table}",
        steps=FIVE_STEPS,
        seeds=WORKER_SEEDS,
        rows=len(rows),
        threads=1,
    )


def make_workers(path: Path) -> None:
    """Losses of five steps: one worker, two, and two with one thing done apart."""
    one, two = (measure("workers", n, "") for n in (1, 2))
    rows = [
        {"apart": name, "seed": seed, "step": str(step), "one_worker": f"{a:.9g}", "two_workers": f"{b:.9g}"}
        for name in two
        for seed in two[name]
        for step, (a, b) in enumerate(zip(one["nothing"][seed], two[name][seed], strict=True), start=1)
    ]
    write_losses("workers", path, rows)


def losses_by_part(_: str, path: Path) -> None:
    """As a worker: the losses with what the workers do apart."""
    strategy = strategy_here()
    variants = {"nothing": REPAIRED}
    if strategy.num_replicas_in_sync > 1:
        variants |= {**ALONE, "all three": AS_BUILT}
    tell(path, {name: losses_of(DataParallel(strategy, parts)) for name, parts in variants.items()})


def make_devices(path: Path) -> None:
    """Losses of five steps: one device and two of one process."""
    found = measure("devices", 1, "")
    rows = [
        {"seed": seed, "step": str(step), "one_device": f"{a:.9g}", "two_devices": f"{b:.9g}"}
        for seed in found["one"]
        for step, (a, b) in enumerate(zip(found["one"][seed], found["two"][seed], strict=True), start=1)
    ]
    write_losses("devices", path, rows)


def losses_by_devices(_: str, path: Path) -> None:
    """As a worker: the losses on this processor as one device and as two."""
    (processor,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategies = {"two": tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), "one": tf.distribute.get_strategy()}
    tell(path, {name: losses_of(DataParallel(strategy)) for name, strategy in strategies.items()})


def make_memory(path: Path) -> None:
    """The largest memory of processes that train with growing batches."""
    rows = [row for process in range(PROCESSES) for row in measure("memory", 1, str(process))]
    write_rows(path, rows)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch14.py --table memory",
        batches=LARGE,
        image_shape=SHAPE,
        processes=PROCESSES,
        rows=len(rows),
        threads=1,
    )


def largest_memory(process: str, path: Path) -> None:
    """As a worker: the largest memory of this process until after two steps with each batch."""
    import resource  # noqa: PLC0415 (Windows has none)

    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    scenes = render_dataset(8, 15, *SHAPE[:2])
    model = build_ssd(SHAPE)
    step = make_step(strategy_here(), model, make_optimizer(model, AS_BUILT), AS_BUILT)
    (x, y), *_ = ssd_batches(model, scenes.images, scenes.boxes, scenes.class_ids, steps=1, batch_size=8)(0)
    rows: list[Row] = []
    for images in LARGE:
        batch = [tf.repeat(part, images // 8, axis=0) for part in (x, y)]
        for _ in range(2):
            step(*batch)
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
        rows.append({"process": process, "images": str(images), "megabytes": f"{megabytes:.1f}"})
    tell(path, rows)


def make_step_times(path: Path) -> None:
    """Seconds of a step and of an all-reduce."""
    began, load = time.perf_counter(), os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    before = read_rows(path)
    earlier = read_manifest(path).get("runs", 0) if before else 0
    rows: list[Row] = []
    for n_workers in (1, 2):
        for row in measure("step_times", n_workers, ""):
            same = [old for old in before if all(old[name] == row[name] for name in ("workers", "what", "size"))]
            rows.append(min([row, *same], key=lambda found: float(found["seconds"])))
    write_rows(path, rows)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch14.py --table step_times",
        batches=IMAGES,
        image_shape=SHAPE,
        rows=len(rows),
        seconds=round(time.perf_counter() - began),
        runs=earlier + 1,
        load_average_before=load and round(load, 1),
        threads=1,
    )


def fastest(call: Callable[[], Any], times: int) -> str:
    """Seconds of the fastest call, after one that does not count."""
    call()
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return f"{min(found):.6f}"


def time_steps(_: str, path: Path) -> None:
    """As a worker: time all-reduces, steps, and the input."""
    strategy = strategy_here()
    workers = strategy.num_replicas_in_sync
    rows: list[Row] = []

    def add(what: str, size: int, seconds: str) -> None:
        rows.append({"workers": str(workers), "what": what, "size": str(size), "seconds": seconds})

    if workers > 1:

        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
        def summed(vector: Any) -> Any:
            return strategy.run(
                lambda v: tf.distribute.get_replica_context().all_reduce("SUM", v + 0), args=(vector,)
            )

        for numbers in NUMBERS:
            vector = tf.ones(numbers)
            add("all-reduce", 4 * numbers, fastest(partial(summed, vector), 60))

    scenes = render_dataset(64, 15, *SHAPE[:2])
    with strategy.scope():
        model = build_ssd(SHAPE)
        optimizer = make_optimizer(model, AS_BUILT)
    step = make_step(strategy, model, optimizer, AS_BUILT)
    for images in IMAGES:
        batches = ssd_batches(model, scenes.images, scenes.boxes, scenes.class_ids, steps=20, batch_size=images)
        if workers == 1:
            add("input", images, fastest(partial(next, iter(batches(0))), 12))
        x, y = next(iter(batches(0)))
        add("step", images, fastest(partial(step, x, y), 12))
    tell(path, rows)


OTHERS: dict[str, Callable[[Path], None]] = {
    "workers": make_workers,
    "devices": make_devices,
    "memory": make_memory,
    "step_times": make_step_times,
}
WORKERS: dict[str, Callable[[str, Path], None]] = {
    "workers": losses_by_part,
    "devices": losses_by_devices,
    "memory": largest_memory,
    "step_times": time_steps,
}

if __name__ == "__main__":
    main()
