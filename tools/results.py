"""Tables of results and the manifests beside them, for the programs that make them."""

import csv
import io
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from course_utils._files import write_text

__all__ = [
    "RESULTS",
    "THREAD_VARIABLES",
    "Row",
    "fill",
    "holds",
    "read_manifest",
    "read_rows",
    "spread",
    "write_manifest",
    "write_rows",
]

Row = dict[str, str]

# By which a process is told how many threads it may use.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)

# A run on a Dask worker. It has a process of its own, since other threads of the worker draw from Python's
# `random`, from which Keras takes the seeds of the weights: in the worker itself, the same run gives now this, now
# that. The process does not outlive the worker, whose end closes its input.
ALONE = """
import os, sys, threading, cloudpickle
answer, sys.stdout = sys.stdout.buffer, sys.stderr
function, key = cloudpickle.load(sys.stdin.buffer)
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(1)), daemon=True).start()
answer.write(cloudpickle.dumps(function(key)))
answer.flush()
os._exit(0)
"""

RESULTS = Path(__file__).resolve().parent.parent / "data" / "results"


def read_rows(path: Path) -> list[Row]:
    """The rows of a table, none if there is no file yet."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def holds(rows: list[Row], key: Row) -> bool:
    """Whether a table has a row with these entries: a run that need not be made again."""
    return any(key.items() <= row.items() for row in rows)


def spread(
    function: Callable[[Row], Row], keys: Sequence[Row], scheduler: str | None = None
) -> Iterator[tuple[Row, Row]]:
    """Run a function for each key; yield each key with its result as soon as it is there.

    Without a scheduler, here and one after the other. With the address of a Dask scheduler, on its workers, in any
    order; a run whose worker is lost is made again by another one.
    """
    if scheduler is None:
        for key in keys:
            yield key, function(key)
        return
    import cloudpickle  # noqa: PLC0415 (both take a second, and are seldom wanted)
    from dask.distributed import Client, as_completed  # noqa: PLC0415

    def alone(key: Row) -> Row:
        call = cloudpickle.dumps((function, key))
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, "-c", ALONE], stdin=pipe, stdout=pipe, env=environment) as process:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(call)
            process.stdin.flush()  # and it stays open: the process ends if it closes
            answer = process.stdout.read()
        if process.returncode:
            raise RuntimeError(f"the run {key} ended with exit code {process.returncode}")
        found: Row = cloudpickle.loads(answer)
        return found

    with Client(scheduler) as client:
        futures = {client.submit(alone, key, pure=False): key for key in keys}
        for future, found in as_completed(futures, with_results=True):
            key = futures.pop(future)
            future.release()  # or a worker that is lost later takes this result along, and the run is made again
            yield key, found


def fill(
    path: Path,
    keys: Sequence[Row],
    function: Callable[[Row], Row],
    scheduler: str | None = None,
    before: Sequence[Row] = (),
) -> list[Row]:
    """Make the rows that a table lacks, here or on a cluster, and write the table after each of them.

    Whatever the order in which runs end, the table holds ``before``, then the rows of the keys in their order, and
    nothing else.
    """

    def ordered() -> list[Row]:
        return [*before, *(row for key in keys for row in rows if key.items() <= row.items())]

    rows = read_rows(path)
    for key, found in spread(function, [key for key in keys if not holds(rows, key)], scheduler):
        rows.append(key | found)
        write_rows(path, ordered())
    return ordered()


def write_rows(path: Path, rows: list[Row]) -> None:
    """Write a table at once, so that a program that is stopped leaves a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_manifest(table: Path) -> dict[str, Any]:
    """What the manifest beside a table says; nothing if there is none yet."""
    path = table.with_suffix(".json")
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def write_manifest(path: Path, command: str, **facts: Any) -> None:
    """Write how a result came about: the command, what is given, machine, versions, date."""
    known = {
        "command": command,
        **facts,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("tensorflow", "keras", "numpy", "scipy", "scikit-learn")},
        "finished": time.strftime("%Y-%m-%d"),
    }
    write_text(path, json.dumps(known, indent=2, ensure_ascii=False) + "\n")
