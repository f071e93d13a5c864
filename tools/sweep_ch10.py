"""The small trainings of chapter 10: depth and short cuts, normalisation, poolings, lagging averages.

    python tools/sweep_ch10.py            # all five tables
    python tools/sweep_ch10.py --table norms

Writes data/results/backbones_depth.csv, backbones_norms.csv, backbones_batches.csv, backbones_shifts.csv and
backbones_averages.csv. Runs that a table already holds are skipped, so the command can be stopped and started.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from course_utils.datasets import load_digits, render_dataset, split
from course_utils.experiments.ch10 import (
    Trainer,
    digits,
    draw_weights,
    losses_of,
    pooled_network,
    reestimate,
    shifted,
    stacked_network,
)
from course_utils.metrics import confusion_matrix, mean_iou
from course_utils.segmentation import build_fcn, resnet56v2_pyramid, with_logits
from results import RESULTS, Row, holds, read_rows, write_manifest, write_rows

SEEDS = (0, 1, 2, 3, 4)
KINDS = ("plain", "residual", "pre-activation")
# Depth, and steps in about equal time; every run is scored after EQUAL_STEPS too.
DEPTHS = {8: 320, 16: 160, 32: 80}
EQUAL_STEPS = 80
DEPTH_BATCH, DEPTH_RATE = 16, 0.05
NORMS = ("none", "batch", "noisy")
RATES = (0.03, 0.1, 0.3, 1.0)
NORM_DEPTH, NORM_STEPS, NORM_BATCH = 8, 60, 16
TUNING_SEEDS = (100, 101)
BATCHES = (1, 2, 4, 32)
BATCH_DEPTH, IMAGES_SEEN, RATE_OF_32 = 6, 512, 0.1
POOLS = ("max", "max, blurred", "average")
POOL_STEPS, POOL_BATCH, POOL_RATE = 100, 32, 0.1
LARGEST_SHIFT = 3
SIDE = 32  # the middle of chapter 08's scenes at a third of their size: a twelfth of the time
AVERAGES_STEPS, AVERAGES_BATCH, AVERAGES_RATE = 20, 4, 1e-3  # as in the race of chapter 08
VALIDATED = 20
AVERAGES_SEEDS = (0, 1, 2)


def number(value: float) -> str:
    return f"{value:.5f}"


def depth_runs(rows: list[Row]) -> Iterator[list[Row]]:
    data = digits()
    for kind, (depth, steps) in itertools.product(KINDS, DEPTHS.items()):
        trainer = None
        for seed in SEEDS:
            key = {"kind": kind, "depth": str(depth), "seed": str(seed)}
            if holds(rows, key):
                continue
            trainer = trainer or warm(stacked_network(kind, depth), data.training, DEPTH_BATCH)  # type: ignore[arg-type]
            trainer.start(DEPTH_RATE, seed)
            made, done, seconds = [], 0, 0.0
            for until in sorted({EQUAL_STEPS, steps}):
                began = time.process_time()
                values = trainer.run(data.training, until - done, DEPTH_BATCH)
                seconds += time.process_time() - began
                done = until
                kept = trainer.network.get_weights()
                reestimate(trainer.network, np.array_split(data.training[0], 10))
                scored = {
                    f"{part}_{name}": number(value)
                    for part, images in (("training", data.training), ("validation", data.validation))
                    for name, value in zip(("loss", "error"), losses_of(trainer.network, *images), strict=True)
                }
                trainer.network.set_weights(kept)
                made.append(
                    key
                    | {"steps": str(until)}
                    | scored
                    | {"batch_loss": number(values[-40:].mean())}
                    | {"seconds": f"{seconds:.1f}"}
                )
            yield made


def warm(network: keras.Model, part: Any, batch_size: int) -> Trainer:
    """A trainer whose step has been built, so that no run's seconds hold that."""
    trainer = Trainer(network)
    trainer.run(part, 1, batch_size)
    return trainer


def norm_runs(rows: list[Row]) -> Iterator[list[Row]]:
    data = digits()
    for norm in NORMS:
        trainer = None
        for rate, seed in itertools.product(RATES, (*TUNING_SEEDS, *SEEDS)):
            key = {"norm": norm, "rate": f"{rate:g}", "seed": str(seed)}
            if holds(rows, key):
                continue
            if trainer is None:
                network = stacked_network("plain", NORM_DEPTH, norm=norm)  # type: ignore[arg-type]
                trainer = warm(network, data.training, NORM_BATCH)
            trainer.start(rate, seed)
            began = time.process_time()
            trainer.run(data.training, NORM_STEPS, NORM_BATCH)
            seconds = time.process_time() - began
            reestimate(trainer.network, np.array_split(data.training[0], 10))
            loss, error = losses_of(trainer.network, *data.training)
            validation, wrong = losses_of(trainer.network, *data.validation)
            yield [
                key
                | {"training_loss": number(loss), "training_error": number(error)}
                | {"validation_loss": number(validation), "validation_error": number(wrong)}
                | {"seconds": f"{seconds:.1f}"}
            ]


def batch_runs(rows: list[Row]) -> Iterator[list[Row]]:
    data = digits()
    for size, norm in itertools.product(BATCHES, ("batch", "group")):
        trainer = None
        for seed in SEEDS:
            key = {"batch_size": str(size), "norm": norm, "seed": str(seed)}
            if holds(rows, key):
                continue
            if trainer is None:
                network = stacked_network("plain", BATCH_DEPTH, norm=norm)  # type: ignore[arg-type]
                trainer = warm(network, data.training, size)
            trainer.start(RATE_OF_32 * size / 32, seed)
            began = time.process_time()
            trainer.run(data.training, IMAGES_SEEN // size, size)
            seconds = time.process_time() - began
            scored: Row = {}
            for averages in ("running", "re-estimated"):
                if averages == "re-estimated":
                    reestimate(trainer.network, np.array_split(data.training[0], 10))
                loss, error = losses_of(trainer.network, *data.validation)
                scored |= {f"loss_{averages}": number(loss), f"error_{averages}": number(error)}
            yield [key | {"steps": str(IMAGES_SEEN // size)} | scored | {"seconds": f"{seconds:.1f}"}]


def shift_runs(rows: list[Row]) -> Iterator[list[Row]]:
    images, labels = load_digits()
    images = images[..., np.newaxis]
    training, test = split(labels, (1000, 1000), np.random.default_rng(0))
    for pool in POOLS:
        trainer = None
        for seed in SEEDS:
            key = {"pool": pool, "seed": str(seed)}
            if holds(rows, key):
                continue
            part = (images[training], labels[training])
            trainer = trainer or warm(pooled_network(pool), part, POOL_BATCH)  # type: ignore[arg-type]
            trainer.start(POOL_RATE, seed)
            began = time.process_time()
            trainer.run(part, POOL_STEPS, POOL_BATCH)
            seconds = time.process_time() - began
            reestimate(trainer.network, np.array_split(part[0], 10))
            _, wrong = losses_of(trainer.network, images[test], labels[test])
            first = np.asarray(trainer.network(images[test], training=False))
            same, moved = [], []
            for step in range(1, LARGEST_SHIFT + 1):
                for direction in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                    there = shifted(images[test], step * direction[0], step * direction[1])
                    logits = np.asarray(trainer.network(there, training=False))
                    same.append(np.mean(logits.argmax(1) == first.argmax(1)))
                    moved.append(np.abs(logits - first).mean() / first.std())
            yield [
                key
                | {"test_error": number(wrong), "same_class": number(float(np.mean(same)))}
                | {"logits_moved": number(float(np.mean(moved))), "seconds": f"{seconds:.1f}"}
            ]


def averages_runs(rows: list[Row]) -> Iterator[list[Row]]:
    """The published network of chapter 08, a few steps from scratch, with three kinds of means and variances."""
    (images, labels), validation = (
        reduced(render_dataset(n, seed)) for n, seed in ((AVERAGES_STEPS * AVERAGES_BATCH, 1), (VALIDATED, 2))
    )
    shape = (SIDE, SIDE, 3)
    network = with_logits(
        build_fcn(
            shape,
            backbone=resnet56v2_pyramid(shape),
            channels=256,
            upsampling=(256, 256),
            use_bias=True,
            convolve_finest=False,
            skip_stem=False,
            last_kernel=1,
        )
    )
    optimizer = keras.optimizers.Adam(AVERAGES_RATE)
    optimizer.build(network.trainable_variables)

    @tf.function  # type: ignore[untyped-decorator]
    def update(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, network(x, training=True)))
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
        return loss

    def scored(training: bool) -> tuple[float, float]:
        parts = np.array_split(validation[0], VALIDATED // AVERAGES_BATCH)
        values = np.concatenate([network(part, training=training) for part in parts])
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(validation[1].astype(np.int32), values)
        return miou(validation[1], values.argmax(axis=-1)), float(np.mean(entropy))

    for seed in AVERAGES_SEEDS:
        if holds(rows, {"seed": str(seed)}):
            continue
        draw_weights(network, seed)
        for variable in optimizer.variables:
            if "learning_rate" not in variable.path:
                variable.assign(np.zeros(variable.shape, variable.dtype))
        began = time.process_time()
        batches = np.random.default_rng(seed).permutation(len(images)).reshape(AVERAGES_STEPS, AVERAGES_BATCH)
        for chosen in batches:
            loss = update(tf.constant(images[chosen]), tf.constant(labels[chosen].astype(np.int32)))
        found = {"background everywhere": (miou(validation[1], np.zeros_like(validation[1])), np.nan)}
        found["running"] = scored(training=False)
        kept = network.get_weights()
        found["of the batch"] = scored(training=True)
        network.set_weights(kept)
        reestimate(network, (images[chosen] for chosen in batches))
        found["re-estimated"] = scored(training=False)
        seconds = time.process_time() - began
        yield [
            {
                "seed": str(seed),
                "averages": name,
                "miou": number(score),
                "loss": number(entropy),
                "last_batch_loss": number(float(loss)),
                "seconds": f"{seconds:.0f}",
            }
            for name, (score, entropy) in found.items()
        ]


def miou(labels: Any, predicted: Any) -> float:
    return mean_iou(confusion_matrix(labels, predicted, 4)).mean


def reduced(scenes: Any) -> tuple[Any, Any]:
    """The middle 96 × 96 pixels of scenes at a third of the size: means of 3×3 in [0, 1], labels of the middle."""
    n, _, width, channels = scenes.images.shape
    middle = slice((width - 3 * SIDE) // 2, (width + 3 * SIDE) // 2)
    images = scenes.images[:, :, middle].reshape(n, SIDE, 3, SIDE, 3, channels)
    return images.mean(axis=(2, 4), dtype=np.float32) / 255, scenes.label_maps[:, 1::3, middle][:, :, 1::3]


TABLES: dict[str, tuple[Callable[[list[Row]], Iterator[list[Row]]], dict[str, Any]]] = {
    "depth": (
        depth_runs,
        {
            "steps": DEPTHS,
            "equal_steps": EQUAL_STEPS,
            "batch_size": DEPTH_BATCH,
            "learning_rate": DEPTH_RATE,
            "seeds": SEEDS,
        },
    ),
    "norms": (
        norm_runs,
        {
            "depth": NORM_DEPTH,
            "steps": NORM_STEPS,
            "batch_size": NORM_BATCH,
            "tuning_seeds": TUNING_SEEDS,
            "seeds": SEEDS,
        },
    ),
    "batches": (
        batch_runs,
        {
            "depth": BATCH_DEPTH,
            "images_seen": IMAGES_SEEN,
            "learning_rate_of_a_batch_of_32": RATE_OF_32,
            "seeds": SEEDS,
        },
    ),
    "shifts": (
        shift_runs,
        {
            "steps": POOL_STEPS,
            "batch_size": POOL_BATCH,
            "learning_rate": POOL_RATE,
            "largest_shift": LARGEST_SHIFT,
            "seeds": SEEDS,
        },
    ),
    "averages": (
        averages_runs,
        {
            "side": SIDE,
            "steps": AVERAGES_STEPS,
            "batch_size": AVERAGES_BATCH,
            "learning_rate": AVERAGES_RATE,
            "validated": VALIDATED,
            "seeds": AVERAGES_SEEDS,
        },
    ),
}


def main() -> None:
    tf.config.experimental.enable_op_determinism()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=TABLES, action="append", help="only this one; can be given again")
    parser.add_argument("--output", type=Path, default=RESULTS, help="another folder than data/results")
    arguments = parser.parse_args()
    for name in arguments.table or TABLES:
        runs, facts = TABLES[name]
        path = arguments.output / f"backbones_{name}.csv"
        rows = read_rows(path)
        for made in runs(rows):
            rows += made
            write_rows(path, rows)
            print(made[-1], flush=True)
        write_manifest(
            path.with_suffix(".json"),
            f"python tools/sweep_ch10.py --table {name}",
            **facts,
            rows=len(rows),
            threads=1,
        )


if __name__ == "__main__":
    main()
