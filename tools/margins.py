"""Repeat live trainings, and say how far what the chapters assert of them lies from its bounds.

    python tools/margins.py                                # all that is missing, one run after the other
    python tools/margins.py --chapter 07 --threads 1 --avx512 off --seeds 0 1
    python tools/margins.py --jobs 10 --raw elsewhere.csv  # on a larger machine: runs only, into a file
    python tools/margins.py --merge elsewhere.csv          # take the runs of such a file over

A live training is either a function of a module in course_utils/experiments (chapters 07, 08 and 13), or it is
made of the cells of a notebook (all others; see margins_cells.py). Where no cell names any "margins" in its
metadata, the chapter asserts nothing of a live training.

Each run is a process of its own, since NumPy, TensorFlow and BLAS choose their kernels and threads when they
start: five seeds, one and two threads, with and without AVX-512. data/results/margins_runs.csv has a row for
each run and quantity, and data/results/margins.csv a row for each quantity. Runs that are there are skipped,
runs of another recipe are not counted and made again, so the command can be stopped and started. Where the
processor has no AVX-512, there is nothing to switch on or off, and the runs say "absent".
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a copy of the checkout will do

import numpy as np

from course_utils.experiments import ch07, ch08, ch13
from margins_cells import asserted, checksum
from margins_run import AVX512_FEATURES, has_avx512, numpy_features
from notebooks import chapters, read
from results import RESULTS, THREAD_VARIABLES, Row, holds, read_rows, write_manifest, write_rows

ROOT = Path(__file__).resolve().parent.parent
SEEDS, THREADS, AVX512 = (0, 1, 2, 3, 4), (1, 2), ("on", "off")
LONGEST = 3600  # seconds that a run may take
SURROUNDING = ("processor", "python", "numpy", "tensorflow", "keras")  # the table may be made on another machine
DEVIATIONS = 3  # standard deviations from the mean to the bound, at least

SWITCHES = ("NPY_DISABLE_CPU_FEATURES", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE")


@dataclass(frozen=True)
class Training:
    """A live training: ``measure(seed)`` gives its quantities, the constants of its module are its recipe."""

    chapter: str
    measure: Callable[[int], dict[str, float]]
    bounds: dict[str, tuple[str, float]]  # what the chapter asserts: "above" or "below" which number

    @property
    def where(self) -> str:
        """Where another process finds it."""
        return f"{self.measure.__module__}:{self.measure.__qualname__}"

    @property
    def recipe(self) -> str:
        """What has to be the same for two runs to be counted together."""
        constants = vars(sys.modules[self.measure.__module__])
        return " ".join(
            f"{name}={value}"
            for name, value in constants.items()
            if name.isupper() and name != "BOUNDS" and not isinstance(value, type)  # SSD is no constant
        )


@dataclass(frozen=True)
class NotebookTraining:
    """The live trainings of a notebook: its own cells are run again, with another seed."""

    path: Path

    @property
    def chapter(self) -> str:
        """Its number, such as 07."""
        return self.path.name[:2]

    @property
    def where(self) -> str:
        """Where another process finds it."""
        return str(self.path)

    @cached_property
    def bounds(self) -> dict[str, tuple[str, float]]:
        """What the chapter asserts; nothing, if it trains nothing live."""
        cells = [cell for cell in read(self.path).cells if cell.cell_type == "code"]
        return {claim.quantity: (claim.side, claim.bound) for cell in cells for claim in asserted(cell)}

    @cached_property
    def recipe(self) -> str:
        """What has to be the same for two runs to be counted together."""
        return f"cells {checksum(read(self.path))}"


class Run(NamedTuple):
    """One training with one seed in one surrounding."""

    training: Training | NotebookTraining
    seed: int
    threads: int
    avx512: str  # "on", "off", or "absent" from this processor

    def key(self, quantity: str) -> Row:
        """What tells its row from others."""
        return {
            "chapter": self.training.chapter,
            "quantity": quantity,
            "seed": str(self.seed),
            "threads": str(self.threads),
            "avx512": self.avx512,
            "recipe": self.training.recipe,
        }

    def is_in(self, rows: list[Row]) -> bool:
        """Whether these rows hold all that it would give."""
        return all(holds(rows, self.key(quantity)) for quantity in self.training.bounds)

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"chapter {self.training.chapter}, seed {self.seed}, {threads}, AVX-512 {self.avx512}"


def all_trainings() -> tuple[Training | NotebookTraining, ...]:
    """Of each chapter that asserts something of a live training, in the order of the course."""
    modules = {
        training.chapter: training
        for training in (
            Training("07", ch07.live_quantities, ch07.BOUNDS),
            Training("08", ch08.live_quantities, ch08.BOUNDS),
            Training("13", ch13.live_quantities, ch13.BOUNDS),
        )
    }
    found = [modules.get(path.name[:2], NotebookTraining(path)) for path in chapters()]
    return tuple(training for training in found if training.bounds)


TRAININGS = all_trainings()


def environment(threads: int, avx512: str) -> dict[str, str]:
    """The variables of a run: nothing of the caller's that would change it is left."""
    variables = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    variables |= dict.fromkeys(THREAD_VARIABLES, str(threads))
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0"}
    variables |= {"CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg"}
    if avx512 == "off":
        features = numpy_features()
        known = {*features.get("found", []), *features.get("not found", [])}
        off = [name for name in AVX512_FEATURES if name in known]
        values = (" ".join(off), "AVX2", "Haswell")
        variables |= dict(zip(SWITCHES, values, strict=True))
    return variables


def measure_apart(run: Run) -> list[Row]:
    """Train in a new process; a row for each quantity."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "margins_run.py", run.training.where, str(run.seed)],
        env=environment(run.threads, run.avx512),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=LONGEST,
    )
    if done.returncode:
        raise RuntimeError(f"{run}: exit status {done.returncode}\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    if found["avx512"] != run.avx512:
        raise RuntimeError(f"{run}: but in that process it was {found['avx512']}")
    values = found.pop("values")
    return [
        {"chapter": run.training.chapter, "quantity": quantity, "value": f"{values[quantity]:.5f}"}
        | run.key(quantity)
        | {name: str(fact) for name, fact in found.items()}
        for quantity in run.training.bounds
    ]


def chosen_runs(arguments: argparse.Namespace) -> Iterator[Run]:
    """What was asked for: seed by seed, so that an early stop leaves some of everything."""
    states = [state if has_avx512() else "absent" for state in arguments.avx512]
    for seed in arguments.seeds:
        for training in TRAININGS:
            asked = arguments.quantity is None or arguments.quantity in training.bounds
            if asked and arguments.chapter in (None, training.chapter):
                for threads in arguments.threads:
                    for avx512 in dict.fromkeys(states):
                        yield Run(training, seed, threads, avx512)


def make_runs(runs: list[Run], path: Path, jobs: int) -> int:
    """Make runs, ``jobs`` at a time, and write each as it ends; returns how many failed."""
    failed = 0
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(measure_apart, run): run for run in runs}
        for future in as_completed(waiting):
            try:
                rows = future.result()
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(error, file=sys.stderr, flush=True)
                continue
            write_rows(path, in_order([*read_rows(path), *rows]))
            values = ", ".join(f"{row['quantity']} {row['value']}" for row in rows)
            print(f"{waiting[future]}: {values} ({rows[0]['seconds']} s)", flush=True)
    return failed


def in_order(rows: list[Row]) -> list[Row]:
    """Runs of today's recipes, each once, sorted."""
    recipes = {training.chapter: training.recipe for training in TRAININGS}
    columns = ("chapter", "quantity", "avx512", "threads", "seed")
    kept = {
        tuple(row[name] for name in columns): row for row in rows if recipes.get(row["chapter"]) == row["recipe"]
    }
    return [kept[key] for key in sorted(kept)]


def summary(rows: list[Row]) -> list[Row]:
    """A row a quantity, over all its runs."""
    table: list[Row] = []
    for training in TRAININGS:
        for quantity, (side, bound) in training.bounds.items():
            wanted = {"chapter": training.chapter, "quantity": quantity, "recipe": training.recipe}
            values = np.array([float(row["value"]) for row in rows if wanted.items() <= row.items()])
            if len(values) < 2:
                continue
            table.append(
                {
                    "chapter": training.chapter,
                    "quantity": quantity,
                    "side": side,
                    "bound": f"{bound:g}",
                    "mean": f"{values.mean():.4f}",
                    "standard_deviation": f"{values.std(ddof=1):.4f}",
                    "worst": f"{values.min() if side == 'above' else values.max():.4f}",
                    "runs": str(len(values)),
                }
            )
    return table


def has_room(row: Row) -> bool:
    """Whether the mean lies three standard deviations from the bound, and the worst run on the right side."""
    sign = 1 if row["side"] == "above" else -1
    bound, mean, deviation, worst = (float(row[name]) for name in ("bound", "mean", "standard_deviation", "worst"))
    return sign * (mean - bound) > DEVIATIONS * deviation and sign * (worst - bound) > 0


def write_table(raw: Path, path: Path) -> None:
    rows = read_rows(raw)
    table = summary(rows)
    if not table:
        return
    write_rows(path, table)
    run_seconds = {
        (row["chapter"], row["seed"], row["threads"], row["avx512"]): int(row["seconds"]) for row in rows
    }
    surroundings = sorted({tuple(row[name] for name in SURROUNDING) for row in rows})
    write_manifest(
        path.with_suffix(".json"),
        "python tools/margins.py",
        runs=raw.name,
        recipes={training.chapter: training.recipe for training in TRAININGS},
        seeds=sorted({int(row["seed"]) for row in rows}),
        threads=sorted({int(row["threads"]) for row in rows}),
        avx512=sorted({row["avx512"] for row in rows}),
        runs_on=[dict(zip(SURROUNDING, facts, strict=True)) for facts in surroundings],
        seconds=sum(run_seconds.values()),
    )
    for row in table:
        verdict = "has room" if has_room(row) else "TOO CLOSE"
        print(f"{', '.join(f'{name} {value}' for name, value in row.items())}: {verdict}")


def main(words: list[str] | None = None, results: Path = RESULTS) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chapter", help="such as 07; all by default")
    parser.add_argument("--quantity", help="the training that gives it; all by default")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--threads", type=int, nargs="+", default=THREADS)
    parser.add_argument("--avx512", choices=AVX512, nargs="+", default=AVX512)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--raw", type=Path, help="write runs here, and no table")
    parser.add_argument("--merge", type=Path, nargs="+", help="no run: take those of these files into the table")
    arguments = parser.parse_args(words)
    raw = arguments.raw or results / "margins_runs.csv"
    failed = 0
    if arguments.merge:
        write_rows(raw, in_order([*read_rows(raw), *(row for path in arguments.merge for row in read_rows(path))]))
    else:
        rows = read_rows(raw)
        runs = list(chosen_runs(arguments))
        missing = [run for run in runs if not run.is_in(rows)]
        print(f"{len(runs)} runs asked for, {len(missing)} to make", flush=True)
        failed = make_runs(missing, raw, arguments.jobs)
    if not arguments.raw:
        write_table(raw, results / "margins.csv")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
