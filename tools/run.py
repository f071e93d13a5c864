"""Execute the notebooks in order, each in a fresh kernel, and make web pages of them.

`python tools/run.py` runs them all; names (`01_softmax`) choose some, and the pages of the others are made of what
was run before. With `--save` the executed notebooks replace the stored ones, and no pages are made.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

import pages
from course_utils._files import write_text
from notebooks import FOLDER, chapters, read, title, write
from pages import EXECUTED, FRAMES, RUNS

CELL_TIMEOUT = 600  # seconds


class Run(NamedTuple):
    """One executed notebook."""

    name: str
    title: str
    seconds: float
    peak_megabytes: float
    failure: str  # empty if every cell ran


class PeakMemory:
    """The largest memory of this process's children (the kernel and what it starts) while in the block."""

    def __enter__(self) -> "PeakMemory":
        self.megabytes = 0.0
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            total = 0
            for child in psutil.Process().children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.Error:  # it ended meanwhile
                    continue
            self.megabytes = max(self.megabytes, total / 1e6)


class Client(NotebookClient):
    """A client that a signal stops in order: nbclient's own handlers take the kernel away and leave the rest."""

    stopped = False

    async def async_start_new_kernel(self, **kwargs: Any) -> None:
        """Start the kernel, with handlers in place of nbclient's."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop() -> None:
            self.stopped = True
            if task is not None:
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(RuntimeError):  # Windows and other threads have none
                loop.add_signal_handler(number, stop)
        await super().async_start_new_kernel(**kwargs)


def execute(path: Path, frames: Path | None = None) -> tuple[nbformat.NotebookNode, Run]:
    """Run a notebook from the top in a fresh kernel, with sliders as frames if there is a folder for them."""
    notebook = read(path)
    heading = title(notebook)  # or an error, before anything runs
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = Client(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        coalesce_streams=True,
        record_timing=False,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    failure = ""
    environment = {name: value for name, value in os.environ.items() if name != "COURSE_FRAMES"}
    if frames is not None:
        environment["COURSE_FRAMES"] = str(frames)
        shutil.rmtree(frames, ignore_errors=True)
    start = time.perf_counter()
    with PeakMemory() as peak:
        try:
            # The kernel process logs on its own stderr; what the cells print comes back as output.
            client.execute(stderr=subprocess.DEVNULL, env=environment)
        except CellTimeoutError:
            failure = describe_failure(notebook, f"timed out: it had not ended after {CELL_TIMEOUT} seconds")
        except (CellExecutionError, DeadKernelError, asyncio.CancelledError) as error:
            if client.stopped:
                raise KeyboardInterrupt from None
            failure = describe_failure(notebook, str(error))
    seconds = time.perf_counter() - start - seconds_of_frames(frames)
    return notebook, Run(path.stem, heading, seconds, peak.megabytes, failure)


def seconds_of_frames(frames: Path | None) -> float:
    """What a chapter took to draw frames, which its run time is told without."""
    files = frames.rglob("*.seconds") if frames is not None else ()
    return sum(float(file.read_text(encoding="utf-8")) for file in files)


def describe_failure(notebook: nbformat.NotebookNode, message: str) -> str:
    """The cell that failed and what it said. Only the last cell that started can have failed."""
    started = [
        (number, cell) for number, cell in enumerate(notebook.cells) if cell.get("execution_count") is not None
    ]
    number, source = (started[-1][0], started[-1][1].source) if started else (0, "")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", message)
    return f"cell {number}:\n{source}\n\n{plain.strip().splitlines()[-1]}"


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop what says nothing to a reader: live widgets, which need a kernel, and logs on stderr."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}  # the version differs from machine to machine
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [
                output
                for output in cell.outputs
                if output.get("name") != "stderr"
                and "application/vnd.jupyter.widget-view+json" not in output.get("data", {})
            ]
    return notebook


def run_chapter(path: Path, save: bool) -> Run:
    """Run one chapter. Whatever is wrong with it is its own failure; the others go on."""
    executed = EXECUTED / path.name
    try:
        notebook, run = execute(path, None if save else FRAMES / path.stem)
    except Exception as error:  # no JSON, no cells, no heading, no kernel
        executed.unlink(missing_ok=True)
        return Run(path.stem, path.stem, 0.0, 0.0, f"it cannot be run: {str(error)[:500]}")
    tidy(notebook)
    if save and not run.failure:
        write(notebook, path)
    elif not save:
        EXECUTED.mkdir(parents=True, exist_ok=True)
        write(notebook, executed)
    return run


def write_pages(runs: list[Run]) -> str:
    """Make the pages of everything that was executed; what went wrong with them, if anything did."""
    try:
        pages.make(EXECUTED, [run._asdict() for run in runs])
    except Exception as error:  # Markdown that Sphinx warns of, a picture that is not there
        return f"the pages cannot be written: {error}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="notebooks by name, such as 01_softmax; all if none is given")
    parser.add_argument("--save", action="store_true", help="store the executed notebooks")
    arguments = parser.parse_args()
    paths = chapters()
    unknown = set(arguments.names) - {path.stem for path in paths}
    if unknown:
        sys.exit(f"no notebook {sorted(unknown)}; there are {[path.stem for path in paths]}")
    chosen = [path for path in paths if not arguments.names or path.stem in arguments.names]

    runs = []
    stopped = False
    try:
        for number, path in enumerate(chosen, start=1):
            print(f"[{number}/{len(chosen)}] {path.stem:24} ", end="", flush=True)
            run = run_chapter(path, arguments.save)
            runs.append(run)
            verdict = "FAILED" if run.failure else "ran"
            print(f"{run.seconds:6.1f} s  {run.peak_megabytes:6.0f} MB  {verdict}", flush=True)
            if run.failure:
                print(run.failure, flush=True)
    except KeyboardInterrupt:
        stopped = True
        print("stopped", flush=True)
    RUNS.parent.mkdir(parents=True, exist_ok=True)
    write_text(RUNS, json.dumps([run._asdict() for run in runs], indent=1))
    wrong = "" if arguments.save or stopped else write_pages(runs)
    if wrong:
        print(wrong, flush=True)
    if stopped:
        sys.exit(130)  # as a shell reports what Ctrl-C has ended
    if wrong or any(run.failure for run in runs):
        sys.exit(1)


if __name__ == "__main__":
    main()
