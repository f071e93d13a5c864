"""Make data/results/ensembles.csv: the ensembles of chapter 02 over many seeds.

    python tools/sweep_ch02.py [--only TRAIN_SIZE SEED] [--output FILE]

The models are those of the notebook: its cells tagged "sweep" are run, nothing is copied. Rows that
the output already holds are kept, so an interrupted sweep goes on where it stopped. Every choice
(temperatures, weights, the best single model) is made on out-of-fold predictions of the training
samples; the test samples are read once, for the score.
"""

import argparse
import os
import runpy
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import KNeighborsClassifier

from course_utils.datasets import load_digits, split
from course_utils.ensembling import average_probabilities, fit_weights, majority_vote
from course_utils.metrics import accuracy, brier_score, expected_calibration_error, negative_log_likelihood
from course_utils.softmax import softmax
from notebooks import FOLDER, read
from results import RESULTS, Row, holds, read_manifest, read_rows, write_manifest, write_rows

OUTPUT = RESULTS / "ensembles.csv"
FIELDS = ("train_size", "seed", "pool", "method", "accuracy", "nll", "ece", "brier", "value")
RUNS = [(500, seed) for seed in range(10)] + [(2000, seed) for seed in range(5)]
STEPS = {500: 200, 2000: 400}
LONG_STEPS = 1000
N_TEST = 2000
N_NETWORKS = 10
KINDS: tuple[Literal["arithmetic", "geometric"], ...] = ("arithmetic", "geometric")

Array = npt.NDArray[Any]
Notebook = dict[str, Any]


def notebook_functions(folder: Path) -> Notebook:
    """What the notebook's cells tagged "sweep" define.

    They go through a file, because TensorFlow's AutoGraph reads the source of what it compiles.
    """
    notebook = read(FOLDER / "02_ensembling.ipynb")
    cells = [cell.source for cell in notebook.cells if "sweep" in cell.metadata.get("tags", [])]
    module = folder / "cells_of_chapter_02.py"
    module.write_text("\n\n".join(cells), encoding="utf-8")
    return runpy.run_path(str(module))


class Table:
    """The rows of one run."""

    def __init__(self, train_size: int, seed: int, labels: Array):
        self.key, self.labels = (train_size, seed), labels
        self.rows: list[Row] = []

    def add(self, pool: str, method: str, probabilities: Array) -> None:
        """A row for a method that predicts distributions."""
        scores = (accuracy, negative_log_likelihood, expected_calibration_error, brier_score)
        self._add(pool, method, *(score(self.labels, probabilities) for score in scores))

    def add_labels(self, pool: str, method: str, predicted: Array) -> None:
        """A row for a method that predicts classes only."""
        self._add(pool, method, np.mean(predicted == self.labels))

    def add_value(self, pool: str, method: str, value: float) -> None:
        """A row for a number that is no score."""
        self._add(pool, method, "", "", "", "", value)

    def _add(self, pool: str, method: str, *values: Any) -> None:
        texts = [value if value == "" else f"{value:.6f}" for value in values]
        row = [*map(str, self.key), pool, method, *texts]
        self.rows.append(dict(zip_longest(FIELDS, row, fillvalue="")))


def error_correlation(labels: Array, predicted: Array) -> float:
    """Mean correlation of the errors of two different models."""
    wrong = (predicted.argmax(axis=-1) != labels).astype(float)
    return float(np.corrcoef(wrong)[np.triu_indices(len(wrong), 1)].mean())


def run(train_size: int, seed: int, notebook: Notebook) -> list[Row]:
    """All rows of one split of the digits."""
    images, digits = load_digits()
    digits = digits.astype(int)
    pixels = images.reshape(len(images), -1)
    train, test = split(digits, (train_size, N_TEST), np.random.default_rng(seed))
    x, y, x_test = pixels[train], digits[train], pixels[test]
    table = Table(train_size, seed, digits[test])
    models = {**notebook["MODELS"], "CNN": partial(notebook["cnn"], steps=STEPS[train_size])}
    _mixed_pool_and_three_learners(table, notebook, models, (x, y, x_test))
    _networks_of_several_seeds(table, notebook, x, y, x_test)
    return table.rows


def _mixed_pool_and_three_learners(
    table: Table, notebook: Notebook, models: Notebook, samples: tuple[Array, Array, Array]
) -> None:
    predictions, temperature, stack = notebook["predictions"], notebook["fit_temperature"], notebook["stack"]
    (x, y, x_test), seed, names = samples, table.key[1], list(models)
    in_sample, held_out, predicted = predictions(models.values(), x, y, x_test, seed)
    for name, p in zip(names, predicted, strict=True):
        table.add("mixed", f"single: {name}", p)
    best = int(np.argmax([accuracy(y, p) for p in held_out]))
    table.add("mixed", "best single, chosen out of fold", predicted[best])
    votes = majority_vote(predicted.argmax(axis=-1), 10)
    table.add_labels("mixed", "majority vote", votes)
    for kind in KINDS:
        mean, mean_held_out = (average_probabilities(p, kind=kind) for p in (predicted, held_out))
        table.add("mixed", f"{kind} mean", mean)
        t = temperature(y, np.log(mean_held_out))
        table.add("mixed", f"{kind} mean, temperature", softmax(np.log(mean), temperature=t))
        table.add_value("mixed", f"temperature of the {kind} mean", t)
    ts = [temperature(y, np.log(p)) for p in held_out]
    tempered_held_out, tempered = (
        np.array([softmax(np.log(p), temperature=t) for p, t in zip(ps, ts, strict=True)])
        for ps in (held_out, predicted)
    )
    for name, t in zip(names, ts, strict=True):
        table.add_value("mixed", f"temperature of {name}", t)
    for name, p in zip(names, tempered, strict=True):
        table.add("mixed", f"single, temperature: {name}", p)
    # The same machine with the scores that scikit-learn gives by default, at its best: with a temperature.
    _, pairs_held_out, pairs = (p[0] for p in predictions([notebook["svm_by_pairs"]], x, y, x_test, seed))
    table.add("mixed", "single: SVM by pairs", pairs)
    t = temperature(y, np.log(pairs_held_out))
    table.add("mixed", "single, temperature: SVM by pairs", softmax(np.log(pairs), temperature=t))
    for kind in KINDS:
        table.add("mixed", f"{kind} mean of tempered models", average_probabilities(tempered, kind=kind))
    weights = fit_weights(tempered_held_out, y)
    table.add("mixed", "softmax weights of tempered models", average_probabilities(tempered, weights))
    table.add("mixed", "stacking of tempered models", stack(tempered_held_out, y, tempered))
    for where, p in (("out of fold", held_out), ("leaked", in_sample)):
        weights = fit_weights(p, y)
        table.add("mixed", f"softmax weights, {where}", average_probabilities(predicted, weights))
        ridge = fit_weights(p, y, "ridge")
        t = temperature(y, np.tensordot(ridge, p, 1))
        table.add("mixed", f"ridge weights, {where}", softmax(np.tensordot(ridge, predicted, 1), temperature=t))
        for name, w, r in zip(names, weights, ridge, strict=True):
            table.add_value("mixed", f"softmax weight, {where}: {name}", w)
            table.add_value("mixed", f"ridge weight, {where}: {name}", r)
        table.add("mixed", f"stacking, {where}", stack(p, y, predicted))
    side_by_side = notebook["side_by_side"]
    meta = KNeighborsClassifier(5).fit(side_by_side(held_out), y).predict(side_by_side(predicted))
    table.add_labels("mixed", "stacking with k-NN, out of fold", meta)
    table.add_value("mixed", "share of answers in which k-NN and the vote differ", np.mean(meta != votes))
    table.add_value("mixed", "correlation of errors", error_correlation(table.labels, predicted))

    # Three learners, and three ways to feed a meta-learner.
    three = [names.index(name) for name in ("logistic regression", "SVM", "random forest")]
    best = max(three, key=lambda m: accuracy(y, held_out[m]))
    table.add("three", "best single, chosen out of fold", predicted[best])
    table.add("three", "arithmetic mean", average_probabilities(predicted[three]))
    table.add("three", "stacking, out of fold", stack(held_out[three], y, predicted[three]))
    table.add("three", "stacking, leaked", stack(in_sample[three], y, predicted[three]))
    parts = split(y, (len(y) // 3,) * 3, np.random.default_rng(seed))
    both = [
        models[names[m]](x[part], y[part], np.concatenate([x, x_test]), seed)
        for m, part in zip(three, parts, strict=True)
    ]
    in_thirds, test_thirds = np.array([b[: len(x)] for b in both]), np.array([b[len(x) :] for b in both])
    table.add("three", "stacking, disjoint thirds", stack(in_thirds, y, test_thirds))


def _networks_of_several_seeds(table: Table, notebook: Notebook, x: Array, y: Array, x_test: Array) -> None:
    predictions, temperature, stack = notebook["predictions"], notebook["fit_temperature"], notebook["stack"]
    (train_size, seed), cnn = table.key, notebook["cnn"]

    def network(number: int) -> Callable[[Array, Array, Array, int], Array]:
        return lambda x, y, x_test, seed: cnn(x, y, x_test, 1000 * seed + number, STEPS[train_size])

    networks = [network(number) for number in range(N_NETWORKS)]
    _, held_out, predicted = predictions(networks[:5], x, y, x_test, seed)
    more = [fit(x, y, x_test, seed) for fit in networks[5:]]
    table.add("networks", "stacking of 5, out of fold", stack(held_out, y, predicted))
    table.add_value("networks", "correlation of errors", error_correlation(table.labels, predicted))
    _means_by_count(table, "networks", np.concatenate([predicted, more]))
    for kind in KINDS:
        mean, mean_held_out = (average_probabilities(p, kind=kind) for p in (predicted, held_out))
        t = temperature(y, np.log(mean_held_out))
        table.add("networks", f"{kind} mean of 5, temperature", softmax(np.log(mean), temperature=t))
        table.add_value("networks", f"temperature of the {kind} mean of 5", t)
    longer = [cnn(x, y, x_test, 1000 * seed + number, LONG_STEPS) for number in range(5)]
    _means_by_count(table, "networks trained longer", np.array(longer))


def _means_by_count(table: Table, pool: str, predicted: Array) -> None:
    for number, p in enumerate(predicted):
        table.add(pool, f"single: {number}", p)
    for count in range(2, len(predicted) + 1):
        table.add_labels(pool, f"majority vote of {count}", majority_vote(predicted[:count].argmax(axis=-1), 10))
        for kind in KINDS:
            table.add(pool, f"{kind} mean of {count}", average_probabilities(predicted[:count], kind=kind))


def write(path: Path, rows: list[Row], seconds: dict[str, float]) -> None:
    """The rows, and beside them how they were made."""
    write_rows(path, rows)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch02.py",
        runs={str(size): [seed for s, seed in RUNS if s == size] for size in STEPS},
        test_samples=N_TEST,
        network_steps={**{str(size): steps for size, steps in STEPS.items()}, "trained longer": LONG_STEPS},
        seconds=seconds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs=2, type=int, metavar=("TRAIN_SIZE", "SEED"))
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    rows = read_rows(arguments.output)
    seconds = read_manifest(arguments.output).get("seconds", {})
    with tempfile.TemporaryDirectory() as folder:
        notebook = notebook_functions(Path(folder))
        for train_size, seed in [tuple(arguments.only)] if arguments.only else RUNS:
            if holds(rows, {"train_size": str(train_size), "seed": str(seed)}):
                continue
            start = time.process_time()
            rows += run(train_size, seed, notebook)
            seconds[f"{train_size}/{seed}"] = round(time.process_time() - start, 1)
            write(arguments.output, rows, seconds)
            print(train_size, seed, seconds[f"{train_size}/{seed}"], "s of processor time", flush=True)


if __name__ == "__main__":
    main()
