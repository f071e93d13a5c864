"""Make a table of chapter 12 once more, on a Dask cluster that loses a worker: data/results/cluster.csv.

    python tools/sweep_ch14_cluster.py

A scheduler and two workers are started on this machine by the commands that start them on any other; then
`tools/sweep_ch12.py canvases --scheduler ADDRESS` makes its table, of 15 independent trainings. After five of them
one worker is killed in the middle of another. Each row holds what the shipped table has, and what came from the
cluster.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from dask.distributed import Client

from results import RESULTS, THREAD_VARIABLES, Row, read_rows, write_manifest, write_rows

HERE = Path(__file__).resolve().parent
ROWS_BEFORE = 5  # that the cluster has made when a worker is killed
SECONDS = 3600.0  # to wait for the cluster, and for the table
COMMAND = ["sweep_ch12.py", "canvases"]
SCORES = ("test_accuracy", "hits")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=RESULTS / "cluster.csv")
    path = parser.parse_args().output
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ends:
        made, held = on_cluster(Path(folder), ends)
    shipped = read_rows(RESULTS / "attention_canvases.csv")
    rows = [side_by_side(row, made) for row in shipped]
    write_rows(path, rows)
    write_manifest(
        path.with_suffix(".json"),
        "python tools/sweep_ch14_cluster.py",
        table="attention_canvases.csv",
        cluster="dask scheduler, two times dask worker --no-nanny, one thread each",
        rows=len(rows),
        rows_when_a_worker_was_killed=ROWS_BEFORE,
        runs_taken_from_it=held,
        seconds=round(time.perf_counter() - began),
    )


def started(ends: contextlib.ExitStack, *command: str | Path) -> "subprocess.Popen[bytes]":
    """A Python program in the background, which is killed when the block is left."""
    program = ends.enter_context(subprocess.Popen([sys.executable, *map(str, command)]))
    ends.callback(program.kill)
    return program


def on_cluster(folder: Path, ends: contextlib.ExitStack) -> tuple[list[Row], int]:
    """The table as a cluster makes it that loses a worker; and how many runs that worker had been given."""
    # The workers import the course from where this file is, whatever else is installed.
    paths = [str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))  # as the shipped table was made
    file, table = folder / "scheduler.json", folder / "table.csv"
    dask = ("-m", "dask")
    started(
        ends, *dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file
    )
    options = (
        "--scheduler-file",
        file,
        "--nthreads",
        "1",
        "--no-dashboard",
        "--no-nanny",
        "--local-directory",
        folder,
    )
    workers = [started(ends, *dask, "worker", *options, "--name", name) for name in ("stays", "dies")]
    until(file.exists)
    address = json.loads(file.read_text(encoding="utf-8"))["address"]
    client = ends.enter_context(Client(address))
    client.wait_for_workers(len(workers), timeout=SECONDS)
    job = started(ends, HERE / COMMAND[0], *COMMAND[1:], "--output", table, "--scheduler", address)
    until(lambda: len(read_rows(table)) >= ROWS_BEFORE or job.poll() is not None)
    (dying,) = [key for key, worker in client.scheduler_info()["workers"].items() if worker["name"] == "dies"]
    held = len(client.processing()[dying])
    workers[1].kill()
    if job.wait(timeout=SECONDS):
        sys.exit(f"{COMMAND[0]} ended with exit code {job.returncode}")
    return read_rows(table), held


def until(happened: Callable[[], bool]) -> None:
    """Wait for something, for an hour at most."""
    began = time.monotonic()
    while not happened():
        if time.monotonic() - began > SECONDS:
            raise TimeoutError(f"expected the cluster to get there within {SECONDS:g} s")
        time.sleep(0.1)


def side_by_side(row: Row, made: list[Row]) -> Row:
    """The scores of a run in the shipped table and from the cluster."""
    key = {name: row[name] for name in ("kind", "seed")}
    (found,) = [other for other in made if key.items() <= other.items()]
    return key | {name: row[name] for name in SCORES} | {f"{name}_on_cluster": found[name] for name in SCORES}


if __name__ == "__main__":
    main()
