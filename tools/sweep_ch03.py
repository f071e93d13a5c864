"""Make the tables of chapter 03: every student, every seed.

    python tools/sweep_ch03.py            # all that is missing
    python tools/sweep_ch03.py --teacher  # only the weights of seed 0's large teacher

A seed has its own teacher, transfer and validation digits and its own first weights; the test digits are the
same for all seeds and in no other part. Each finished run is written at once, and a run that is in the table
already is not repeated, so the command can be stopped and started again. The teachers' logits are kept in a
cache and not computed again for each student. The comparisons that carry the chapter's verdicts have five
seeds, the others three. In all about half an hour of processor time.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._files import write_arrays
from course_utils.experiments.ch03 import (
    PARTS,
    STEPS,
    build_student,
    build_teacher,
    digit_parts,
    shifted_copies,
    train,
    train_student,
)
from course_utils.metrics import accuracy
from course_utils.softmax import cross_entropy, softmax
from course_utils.training import save_weights
from notebooks import ROOT
from results import RESULTS, Row, holds, read_rows, write_manifest, write_rows

TABLE = RESULTS / "distillation.csv"
TEACHER = ROOT / "data" / "weights" / "teacher.npz"
CACHE = ROOT / "build" / "sweep_ch03"
COLUMNS = (
    "experiment",
    "setting",
    "parameters",
    "images",
    "steps",
    "temperature",
    "alpha",
    "beta",
    "seed",
    "val_accuracy",
    "val_accuracy_3",
    "bias_3",
    "test_accuracy",
    "test_accuracy_3",
    "test_nll",
    "seconds",
)
TEACHER_STEPS = 600
STUDENTS: dict[int, Callable[[], keras.Model]] = {
    1020: partial(build_student, (1, 2)),
    4266: build_student,
    20490: partial(build_student, (16, 32)),
    220746: build_teacher,
}
LEFT_OUT = 3
SHIFTS = 25
TEACHER_OF = {"teacher of the same 500": "small data", "teacher of equal size": "equal"}  # elsewhere the large one

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Run:
    """A student: what it is, what it learns from and for how long."""

    experiment: str
    setting: str
    parameters: int = 4266
    images: int = 500  # of the transfer part, before they are shifted
    steps: int = STEPS
    temperature: float | None = None
    alpha: float | None = None
    beta: float | None = None
    kind: Literal["soft", "logits"] = "soft"

    def describe(self, seed: int) -> Row:
        """The columns that are known before the run; empty where one does not apply."""
        names = ("experiment", "setting", "parameters", "images", "steps", "temperature", "alpha", "beta")
        known = {name: getattr(self, name) for name in names}
        return {name: "" if value is None else str(value) for name, value in known.items()} | {"seed": str(seed)}


class Seed:
    """The data and the teachers of one seed."""

    def __init__(self, seed: int, cache: Path = CACHE) -> None:
        self.seed, self.cache = seed, cache
        self.x, self.y = digit_parts(seed)

    def logits(self, teacher: str, part: str) -> Array:
        """Logits of one of the teachers, from the cache after the first time."""
        path = self.cache / f"{teacher}-{self.seed}.npz"
        if not path.is_file():
            self.cache.mkdir(parents=True, exist_ok=True)
            model = self.train_teacher(teacher)
            inputs = {name: self.x[name] for name in ("transfer", "validation", "test")}
            if teacher == "large":
                inputs["shifted"] = _flat(shifted_copies(self.x["transfer"]))
            found = {name: model.predict(x, batch_size=500, verbose=0) for name, x in inputs.items()}
            if teacher == "large":
                found["shifted"] = found["shifted"].reshape(SHIFTS, -1, 10)
            write_arrays(path, found)
        with np.load(path, allow_pickle=False) as archive:
            return np.asarray(archive[part])

    def train_teacher(self, teacher: str) -> keras.Model:
        """Train one of the three teachers from the seed's own initial weights."""
        keras.utils.set_random_seed(self.seed)
        if teacher == "large":
            copies, labels = _flat(shifted_copies(self.x["teacher"])), np.tile(self.y["teacher"], SHIFTS)
        else:  # "small data": as large a network, with nothing but the student's own 500 images
            copies, labels = self.x["transfer"][:500], self.y["transfer"][:500]
        if teacher == "equal":  # the student's own network, trained alone
            return train(build_student(), copies, labels, STEPS, self.seed)
        return train(build_teacher(), copies, labels, TEACHER_STEPS, self.seed, 2e-3, batch_size=64)

    def material(self, run: Run) -> tuple[Array, Any]:
        """Images and targets of a run."""
        n = run.images
        x, y, setting = self.x["transfer"][:n], self.y["transfer"][:n], run.setting
        if run.experiment == "no 3":
            kept = y != LEFT_OUT
            x, y = x[kept], y[kept]
            soft = {"teacher_logits": self.logits("large", "transfer")[:n][kept]}
            return x, y if setting == "labels" else soft
        if setting == "labels":
            return x, y
        if setting == "shifts, labels":
            return _flat(shifted_copies(x)), np.tile(y, SHIFTS)
        if setting == "shifts, teacher":
            logits = self.logits("large", "shifted")[:, :n]
            return _flat(shifted_copies(x)), {"teacher_logits": logits.reshape(-1, 10)}
        if setting == "label smoothing":
            return x, {"teacher_logits": np.log(0.9 * np.eye(10, dtype=np.float32)[y] + 0.01)}
        logits = self.logits(TEACHER_OF.get(setting, "large"), "transfer")[:n]
        if setting == "shuffled relations":
            logits = self._shuffled(logits)
        if setting == "matching, offsets":  # a constant for each image, which no softmax can see
            rng = np.random.default_rng(self.seed)
            logits = logits + rng.normal(0, 10, (len(logits), 1)).astype(logits.dtype)
        with_labels = {"labels": y} if run.beta is not None else {}
        return x, {"teacher_logits": logits, **with_labels}

    def _shuffled(self, logits: Array) -> Array:
        """The logits with all but the largest of each image in random order."""
        rng, shuffled = np.random.default_rng(self.seed), logits.copy()
        for row in shuffled:
            others = np.flatnonzero(np.arange(10) != row.argmax())
            row[others] = row[rng.permutation(others)]
        return shuffled


def _flat(copies: Array) -> Array:
    """Shifted copies as one long batch."""
    return copies.reshape(-1, *copies.shape[2:])


KINDS = ("labels", "teacher", "shifts, labels", "shifts, teacher")


def _grid(kind: str, **facts: Any) -> Run:
    return Run("grid", kind, temperature=None if kind.endswith("labels") else 4, **facts)


def headlines() -> Iterator[Run]:
    """The students that carry the verdicts."""
    yield from (_grid(kind) for kind in KINDS)
    yield from (_grid(kind, images=images) for images in (200, 1200) for kind in KINDS[:3])
    yield Run("control", "shuffled relations", temperature=4)
    yield from (Run("temperature", "teacher", temperature=t) for t in (1, 16))
    yield from (_grid(kind, parameters=20490) for kind in KINDS)
    yield from (_grid(kind, steps=800) for kind in KINDS[:3])
    yield from (_grid("shifts, teacher", images=images) for images in (200, 1200))


def others() -> Iterator[Run]:
    """Students of one question each."""
    yield Run("no 3", "labels", images=1200)
    yield from (Run("no 3", "teacher", images=1200, temperature=t) for t in (1, 4))
    yield Run("logits", "matching", kind="logits")
    yield Run("logits", "half labels", kind="logits", alpha=0.5, beta=0.5)
    yield Run("logits", "matching, offsets", kind="logits")
    for alpha, settings in ((0.5, ("with T²", "without T²")), (0.9, ("with T²", "without T²"))):
        for setting in settings:
            yield Run("mixed", setting, temperature=16, alpha=alpha, beta=round(1 - alpha, 1))
    yield Run("mixed", "with T²", temperature=4, alpha=0.5, beta=0.5)
    for setting in ("label smoothing", "teacher of the same 500", "teacher of equal size"):
        yield Run("control", setting, temperature=1 if setting == "label smoothing" else 4)
    yield from (_grid(kind, parameters=1020) for kind in KINDS)


def longest() -> Iterator[Run]:
    """Three times as many steps, and a student of the teacher's own size."""
    yield from (_grid(kind, steps=7200) for kind in KINDS[:3])
    yield from (_grid(kind, parameters=220746) for kind in KINDS[:3])


def jobs() -> Iterator[tuple[Run, int]]:
    """Every student with every seed, in an order of which an early stop leaves something whole."""
    for runs, seeds in (
        (headlines, range(3)),
        (others, range(3)),
        (headlines, range(3, 5)),
        (longest, range(3)),
    ):
        yield from ((run, seed) for run in runs() for seed in seeds)


def execute(run: Run, data: Seed) -> list[dict[str, Any]]:
    """Train one student and measure it: a row, and another one after the bias of the 3 has been raised."""
    images, targets = data.material(run)
    started = time.process_time()
    options: dict[str, Any] = {"kind": run.kind}
    if run.temperature is not None:
        options["temperature"] = float(run.temperature)
    if run.alpha is not None:  # a program without T² has a smaller weight in ours
        squares = float(run.temperature or 1) ** 2 if run.setting == "without T²" else 1.0
        options |= {"alpha": run.alpha / squares, "beta": run.beta}
    student = train_student(images, targets, run.steps, data.seed, build=STUDENTS[run.parameters], **options)
    seconds = {"seconds": round(time.process_time() - started, 2)}
    scores = {name: student(data.x[name]).numpy() for name in ("validation", "test")}
    rows = [measure(scores, data) | seconds]
    if run.experiment == "no 3":
        bias = _best_bias(scores["validation"], data.y["validation"])
        raised = {name: z + bias * (np.arange(10) == LEFT_OUT) for name, z in scores.items()}
        rows.append({**measure(raised, data), "seconds": 0.0, "bias_3": bias})  # of the same training
    return rows


def measure(scores: dict[str, Array], data: Seed) -> dict[str, Any]:
    """Accuracy on both parts and on their 3s, and the negative log-likelihood on the test part."""
    found: dict[str, Any] = {"bias_3": ""}
    for short, name in (("val", "validation"), ("test", "test")):
        probabilities = softmax(scores[name].astype(np.float64))
        threes = data.y[name] == LEFT_OUT
        found[f"{short}_accuracy"] = round(accuracy(data.y[name], probabilities), 5)
        found[f"{short}_accuracy_3"] = round(accuracy(data.y[name][threes], probabilities[threes]), 5)
    found["test_nll"] = round(float(cross_entropy(data.y["test"], scores["test"].astype(np.float64)).mean()), 5)
    return found


def _best_bias(scores: Array, labels: Array) -> float:
    """What to add to the logit of 3 for the highest accuracy on the validation set."""
    grid = np.arange(0, 20.25, 0.25)
    rights = [np.mean((scores + b * (np.arange(10) == LEFT_OUT)).argmax(axis=1) == labels) for b in grid]
    return float(grid[int(np.argmax(rights))])


def as_row(found: dict[str, Any]) -> Row:
    """The columns in the table's order, as text."""
    return {name: str(found[name]) for name in COLUMNS}


def teacher_row(teacher: str, data: Seed) -> Row:
    """The scores of a teacher."""
    started = time.process_time()
    scores = {name: data.logits(teacher, name) for name in ("validation", "test")}
    steps, parameters = (STEPS, 4266) if teacher == "equal" else (TEACHER_STEPS, 220746)
    images = 2000 if teacher == "large" else 500
    known = Run("teacher", teacher, parameters, images, steps).describe(data.seed)
    return as_row(known | measure(scores, data) | {"seconds": round(time.process_time() - started, 2)})


def in_order(rows: list[Row]) -> list[Row]:
    """The teachers' rows, then the students' as planned, whatever the order in which they were made."""
    teachers = [row for row in rows if row["experiment"] == "teacher"]
    planned = [run.describe(seed) for run, seed in jobs()]
    return [
        *sorted(teachers, key=lambda row: (row["setting"], int(row["seed"]))),
        *(row for known in planned for row in rows if known.items() <= row.items()),
    ]


def main() -> None:
    """Run what the table lacks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)), help="only these")
    parser.add_argument("--output", type=Path, default=TABLE)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--teacher", action="store_true", help="only write the weights of seed 0's large teacher")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()

    if arguments.teacher:
        save_weights(Seed(0).train_teacher("large"), TEACHER)
        return

    rows = read_rows(arguments.output)
    data = {seed: Seed(seed, arguments.cache) for seed in arguments.seeds}
    for run, number in ((run, number) for run, number in jobs() if number in data):
        known = run.describe(number)
        for teacher in ("large", TEACHER_OF.get(run.setting, "large")):
            if not holds(rows, {"experiment": "teacher", "setting": teacher, "seed": str(number)}):
                rows.append(teacher_row(teacher, data[number]))
        if not holds(rows, known):
            keras.backend.clear_session()
            rows += [as_row(known | row) for row in execute(run, data[number])]
            write_rows(arguments.output, in_order(rows))
            spent = round(sum(float(row["seconds"] or 0) for row in rows))
            print(f"{spent} s: {run}, seed {number}: {rows[-1]['val_accuracy']}", flush=True)
    write_rows(arguments.output, in_order(rows))
    write_manifest(
        arguments.output.with_suffix(".json"),
        "python tools/sweep_ch03.py",
        seeds=sorted({int(row["seed"]) for row in rows}),
        rows=len(rows),
        seconds=round(sum(float(row["seconds"] or 0) for row in rows)),
        parts=PARTS,
        threads=1,
    )


if __name__ == "__main__":
    main()
