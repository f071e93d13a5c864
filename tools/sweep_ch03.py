"""Make the tables of chapter 03: every student, every seed.

    python tools/sweep_ch03.py --seeds 0 1 2 3 4

A seed has its own split, teacher and initial weights. Each finished run is written at once, and a
run that is in the table already is not repeated, so the command can be stopped and started again.
The teacher's logits are kept in ``build/`` and not computed again for each student.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._files import write_arrays
from course_utils.datasets import load_digits, split
from course_utils.distillation import Distiller
from course_utils.experiments.ch03 import build_student, build_teacher, shifted_copies, train
from course_utils.metrics import accuracy, negative_log_likelihood
from course_utils.softmax import log_softmax, softmax
from course_utils.training import save_weights
from notebooks import ROOT
from results import RESULTS, Row, holds, read_rows, write_manifest, write_rows

TABLE = RESULTS / "distillation.csv"
TEACHER = ROOT / "data" / "weights" / "teacher.npz"
CACHE = ROOT / "build" / "sweep_ch03"
COLUMNS = (
    "experiment",
    "setting",
    "temperature",
    "alpha",
    "beta",
    "seed",
    "parameters",
    "images",
    "val_accuracy",
    "val_accuracy_3",
    "bias_3",
    "test_accuracy",
    "test_accuracy_3",
    "test_nll",
    "seconds",
)
PARTS = {"teacher": 2000, "transfer": 1200, "validation": 800, "test": 1000}
TEACHER_STEPS, STUDENT_STEPS = 600, 800
LEFT_OUT = 3

Run = dict[str, Any]
Array = npt.NDArray[Any]


class Seed:
    """The data, the teachers and the plan of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        images, labels = load_digits()
        parts = split(labels, tuple(PARTS.values()), np.random.default_rng(seed))
        self.x = {name: images[part][..., np.newaxis] for name, part in zip(PARTS, parts, strict=True)}
        self.y = {name: labels[part].astype(np.int64) for name, part in zip(PARTS, parts, strict=True)}
        self.x["small"], self.y["small"] = self.x["transfer"][:500], self.y["transfer"][:500]
        self.x["tiny"], self.y["tiny"] = self.x["transfer"][:200], self.y["transfer"][:200]
        self.x["shifted"] = shifted_copies(self.x["small"]).reshape(-1, 28, 28, 1)
        self.y["shifted"] = np.tile(self.y["small"], 25)
        kept = self.y["transfer"] != LEFT_OUT
        self.x["without 3"], self.y["without 3"] = self.x["transfer"][kept], self.y["transfer"][kept]

    def teacher_logits(self, teacher: str, part: str) -> Array:
        """Logits of one of the teachers, from the cache after the first time."""
        path = CACHE / f"{teacher}-{self.seed}.npz"
        if not path.is_file():
            CACHE.mkdir(parents=True, exist_ok=True)
            model = self.train_teacher(teacher)
            needed = self.x if teacher == "large" else ("small", "validation", "test")
            logits = {name: model.predict(self.x[name], batch_size=500, verbose=0) for name in needed}
            write_arrays(path, logits)
        with np.load(path, allow_pickle=False) as archive:
            return np.asarray(archive[part])

    def train_teacher(self, teacher: str) -> keras.Model:
        """Train one of the three teachers from the seed's own initial weights."""
        keras.utils.set_random_seed(self.seed)
        if teacher == "large":
            copies = shifted_copies(self.x["teacher"]).reshape(-1, 28, 28, 1)
            labels = np.tile(self.y["teacher"], 25)
        else:  # "small data": as large a network, with nothing but the student's own 500 images
            copies, labels = self.x["small"], self.y["small"]
        if teacher == "equal":  # the student's own network, trained alone
            return train(build_student(), copies, labels, STUDENT_STEPS, self.seed)
        return train(build_teacher(), copies, labels, TEACHER_STEPS, self.seed, 2e-3, batch_size=64)

    def plan(self) -> Iterator[Run]:
        """All the runs; ``targets`` computes what the student is trained on."""

        def labels(part: str) -> Array:
            return self.y[part]

        def logits(part: str, teacher: str = "large") -> Run:
            return {"teacher_logits": self.teacher_logits(teacher, part)}

        def both(part: str) -> Run:
            return {"labels": labels(part), **logits(part)}

        def run(experiment: str, setting: str, part: str, targets: Callable[[], Any], **options: Any) -> Run:
            return {"experiment": experiment, "setting": setting, "part": part, "targets": targets, **options}

        yield run("alone", "hard labels", "small", lambda: labels("small"))
        for temperature in (1, 2, 4, 8, 16):
            yield run("temperature", "soft", "small", lambda: logits("small"), temperature=temperature)
        for alpha, beta in ((0.5, 0.5), (0.9, 0.1)):
            for temperature in (4, 16):
                for scaled in (True, False):
                    weight = alpha if scaled else alpha / temperature**2
                    setting = "with T²" if scaled else "without T²"
                    options = {"temperature": temperature, "alpha": weight, "beta": beta, "given_alpha": alpha}
                    yield run("mixed", setting, "small", lambda: both("small"), **options)
        yield run("logits", "matching", "small", lambda: logits("small"), kind="logits")
        yield run("logits", "half labels", "small", lambda: both("small"), kind="logits", alpha=0.5, beta=0.5)
        yield run("logits", "matching, offsets", "small", self.offset_logits, kind="logits")
        yield run("control", "label smoothing", "small", self.smoothed_labels, temperature=1)
        yield run("control", "shuffled relations", "small", self.shuffled_logits)
        yield run("control", "shifts, no teacher", "shifted", lambda: labels("shifted"))
        yield run("control", "shifts and teacher", "shifted", lambda: logits("shifted"))
        yield run("control", "teacher of the same 500", "small", lambda: logits("small", "small data"))
        yield run("control", "teacher of equal size", "small", lambda: logits("small", "equal"))
        for filters in ((1, 2), (16, 32), "teacher"):
            name = "as the teacher" if filters == "teacher" else f"{filters[0]}, {filters[1]} filters"
            yield run("size alone", name, "small", lambda: labels("small"), filters=filters)
            yield run("size distilled", name, "small", lambda: logits("small"), filters=filters)
            if filters != "teacher":
                yield run("size shifts", name, "shifted", lambda: labels("shifted"), filters=filters)
        yield run("unlabelled", "200 labels", "tiny", lambda: labels("tiny"))
        yield run("unlabelled", "200 labels, distilled", "tiny", lambda: logits("tiny"))
        yield run("unlabelled", "1200 images, no label", "transfer", lambda: logits("transfer"))
        yield run("unlabelled", "1200 labels", "transfer", lambda: labels("transfer"))
        yield run("no 3", "hard labels", "without 3", lambda: labels("without 3"))
        for temperature in (1, 4):
            yield run("no 3", "soft", "without 3", lambda: logits("without 3"), temperature=temperature)

    def offset_logits(self) -> Run:
        """Every image's logits moved by a constant of its own, which no softmax can see."""
        rng = np.random.default_rng(self.seed)
        logits = self.teacher_logits("large", "small")
        return {"teacher_logits": logits + rng.normal(0, 10, (len(logits), 1)).astype(logits.dtype)}

    def smoothed_labels(self) -> Run:
        """0.91 on the label and 0.01 elsewhere, as logits at T = 1."""
        return {"teacher_logits": np.log(0.9 * np.eye(10, dtype=np.float32)[self.y["small"]] + 0.01)}

    def shuffled_logits(self) -> Run:
        """The teacher's logits with all but the largest of each image in random order."""
        rng = np.random.default_rng(self.seed)
        logits = self.teacher_logits("large", "small").copy()
        for row in logits:
            others = np.flatnonzero(np.arange(10) != row.argmax())
            row[others] = row[rng.permutation(others)]
        return {"teacher_logits": logits}


def as_row(found: Run) -> Row:
    """The columns in the table's order, as text."""
    return {name: str(found[name]) for name in COLUMNS if name in found}


def describe(run: Run, seed: int) -> Run:
    """The columns that are known before the run; empty where a setting does not apply."""
    distilled = run["experiment"] != "teacher" and not _hard_only(run)
    soft = distilled and run.get("kind") != "logits"
    mixed = run["experiment"] == "mixed" or run["setting"] == "half labels"
    alpha = run.get("given_alpha", run.get("alpha", 1.0 if distilled else ""))
    return {
        "experiment": run["experiment"],
        "setting": run["setting"],
        "temperature": run.get("temperature", 4) if soft else "",
        "alpha": alpha if distilled else "",
        "beta": run["beta"] if mixed else "",
        "seed": seed,
    }


def _hard_only(run: Run) -> bool:
    return run["experiment"] in {"alone", "size alone", "size shifts"} or run["setting"] in {
        "hard labels",
        "shifts, no teacher",
        "200 labels",
        "1200 labels",
    }


def execute(run: Run, data: Seed) -> Run:
    """Train one student and measure it."""
    targets = run["targets"]()
    started = time.perf_counter()
    keras.utils.set_random_seed(data.seed)
    filters = run.get("filters", (4, 8))
    student = build_teacher() if filters == "teacher" else build_student(filters)
    options = {name: run[name] for name in ("temperature", "alpha", "beta", "kind") if name in run}
    model = student if _hard_only(run) else Distiller(None, student, **options)
    train(model, data.x[run["part"]], targets, STUDENT_STEPS, data.seed)
    seconds = time.perf_counter() - started
    scores = {name: student.predict(data.x[name], batch_size=500, verbose=0) for name in ("validation", "test")}
    bias = _best_bias(scores["validation"], data.y["validation"]) if run["experiment"] == "no 3" else 0.0
    row = measure(scores, data)
    row |= {"parameters": student.count_params(), "images": len(data.x[run["part"]]), "seconds": round(seconds, 2)}
    rows = [row]
    if run["experiment"] == "no 3":
        raised = {name: z + bias * (np.arange(10) == LEFT_OUT) for name, z in scores.items()}
        rows.append({**row, **measure(raised, data), "bias_3": bias})
    return {"rows": rows}


def measure(scores: dict[str, Array], data: Seed) -> Run:
    """Accuracy on both sets and on their 3s, and the negative log-likelihood on the test set."""
    found: Run = {"bias_3": ""}
    for short, name in (("val", "validation"), ("test", "test")):
        probabilities = softmax(scores[name].astype(np.float64))
        threes = data.y[name] == LEFT_OUT
        found[f"{short}_accuracy"] = round(accuracy(data.y[name], probabilities), 5)
        found[f"{short}_accuracy_3"] = round(accuracy(data.y[name][threes], probabilities[threes]), 5)
        if name == "test":
            nll = -log_softmax(scores[name].astype(np.float64))[np.arange(len(threes)), data.y[name]].mean()
            assert np.isclose(nll, negative_log_likelihood(data.y[name], probabilities), rtol=1e-3)
            found["test_nll"] = round(float(nll), 5)
    return found


def _best_bias(scores: Array, labels: Array) -> float:
    """What to add to the logit of 3 for the highest accuracy on the validation set."""
    grid = np.arange(0, 20.25, 0.25)
    rights = [np.mean((scores + b * (np.arange(10) == LEFT_OUT)).argmax(axis=1) == labels) for b in grid]
    return float(grid[int(np.argmax(rights))])


def main() -> None:
    """Run what the table lacks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--output", type=Path, default=TABLE)
    parser.add_argument("--teacher", action="store_true", help="only write the weights of seed 0's large teacher")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()

    if arguments.teacher:
        save_weights(Seed(0).train_teacher("large"), TEACHER)
        return

    rows = read_rows(arguments.output)
    for seed in arguments.seeds:
        data = Seed(seed)
        for teacher in ("large", "small data", "equal"):
            known = {"experiment": "teacher", "setting": teacher, "temperature": "", "alpha": "", "beta": ""}
            known["seed"] = str(seed)
            if not holds(rows, known):
                started = time.perf_counter()
                scores = {name: data.teacher_logits(teacher, name) for name in ("validation", "test")}
                model = build_student() if teacher == "equal" else build_teacher()
                images = len(data.x["teacher" if teacher == "large" else "small"])
                found = {"parameters": model.count_params(), "images": images} | measure(scores, data)
                rows.append(as_row(known | found | {"seconds": round(time.perf_counter() - started, 2)}))
        for run in data.plan():
            known = as_row(describe(run, seed))
            if not holds(rows, known):
                keras.backend.clear_session()
                rows += [as_row(known | row) for row in execute(run, data)["rows"]]
                write_rows(arguments.output, rows)
                print(
                    f"seed {seed}: {run['experiment']}, {run['setting']}, {rows[-1]['val_accuracy']}", flush=True
                )
    seeds = sorted({int(row["seed"]) for row in rows})
    write_manifest(
        arguments.output.with_suffix(".json"),
        f"python tools/sweep_ch03.py --seeds {' '.join(map(str, seeds))}",
        seeds=seeds,
        rows=len(rows),
        seconds=round(sum(float(row["seconds"] or 0) for row in rows)),
        parts=PARTS,
        steps={"teacher": TEACHER_STEPS, "student": STUDENT_STEPS},
        threads=1,
    )


if __name__ == "__main__":
    main()
