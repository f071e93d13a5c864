"""Execute the notebooks in order, each in a fresh kernel, and write them as web pages.

`python tools/run.py` runs them all; names (`01_softmax`) choose some. With `--save` the executed
notebooks replace the stored ones; without it they stay as they are.
"""

import argparse
import asyncio
import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from html import escape
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import jupyter_server_mathjax
import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter

from course_utils._files import write_text
from notebooks import FOLDER, ROOT, chapters, read, title, write

PAGES = ROOT / "build" / "course"
TEMPLATES = ROOT / "tools" / "templates"
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


def execute(path: Path) -> tuple[nbformat.NotebookNode, Run]:
    """Run a notebook from the top in a fresh kernel."""
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
    start = time.perf_counter()
    with PeakMemory() as peak:
        try:
            # The kernel process logs on its own stderr; what the cells print comes back as output.
            client.execute(stderr=subprocess.DEVNULL)
        except CellTimeoutError:
            failure = describe_failure(notebook, f"timed out: it had not ended after {CELL_TIMEOUT} seconds")
        except (CellExecutionError, DeadKernelError, asyncio.CancelledError) as error:
            if client.stopped:
                raise KeyboardInterrupt from None
            failure = describe_failure(notebook, str(error))
    return notebook, Run(path.stem, heading, time.perf_counter() - start, peak.megabytes, failure)


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


def write_page(notebook: nbformat.NotebookNode, name: str) -> None:
    """Write one chapter as a web page that needs no network."""
    page = nbformat.from_dict(notebook)
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\((\d\d_\w+)\.ipynb", r"](\1.html", cell.source)
    exporter = HTMLExporter(
        template_name="course",
        extra_template_basedirs=[str(TEMPLATES)],
        embed_images=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    html, _ = exporter.from_notebook_node(
        page, resources={"course_title": title(notebook), "metadata": {"path": str(FOLDER), "name": name}}
    )
    write_text(page_of(name), html)


def write_shared_files() -> None:
    """Write the style sheet, and the program that typesets formulas."""
    PAGES.mkdir(parents=True, exist_ok=True)
    style = (TEMPLATES / "course" / "style.css").read_text(encoding="utf-8")
    light = HtmlFormatter(style="default").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    style += f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
    write_text(PAGES / "style.css", style)
    source = Path(jupyter_server_mathjax.__file__).parent / "static"
    shutil.copytree(source, PAGES / "mathjax", dirs_exist_ok=True)


def write_index(runs: list[Run]) -> None:
    """Write the list of the chapters that were run, and remove the pages of those that are gone."""
    for old in PAGES.glob("[0-9][0-9]_*.html"):
        if old.stem not in {path.stem for path in chapters()}:
            old.unlink()
    rows = "\n".join(
        f"<tr><td>{link(run)}</td><td>{run.seconds:.0f} s</td>"
        f"<td>{run.peak_megabytes:.0f} MB</td><td>{'failed' if run.failure else 'ran'}</td></tr>"
        for run in runs
    )
    page = (TEMPLATES / "course" / "index_page.html").read_text(encoding="utf-8").replace("<!-- rows -->", rows)
    write_text(PAGES / "index.html", page)


def link(run: Run) -> str:
    """The chapter's title, which leads to its page if there is one."""
    address = quote(f"{run.name}.html")
    return f'<a href="{address}">{escape(run.title)}</a>' if page_of(run.name).is_file() else escape(run.title)


def page_of(name: str) -> Path:
    return PAGES / f"{name}.html"


def run_chapter(path: Path, save: bool) -> Run:
    """Run one chapter and write its page. Whatever is wrong with it is its own failure; the others go on."""
    try:
        notebook, run = execute(path)
    except Exception as error:  # no JSON, no cells, no heading, no kernel
        page_of(path.stem).unlink(missing_ok=True)
        return Run(path.stem, path.stem, 0.0, 0.0, f"it cannot be run: {str(error)[:500]}")
    tidy(notebook)
    if save and not run.failure:
        write(notebook, path)
    try:
        write_page(notebook, path.stem)
    except Exception as error:  # a picture that is not there, Markdown that nobody can convert
        page_of(path.stem).unlink(missing_ok=True)
        return run._replace(failure=f"{run.failure}\nits page cannot be written: {str(error)[:500]}".strip())
    return run


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

    write_shared_files()
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
    write_index(runs)
    write_text(PAGES / "runs.json", json.dumps([run._asdict() for run in runs], indent=1))
    print(f"pages: {(PAGES / 'index.html').relative_to(ROOT)}")
    if stopped:
        sys.exit(130)  # as a shell reports what Ctrl-C has ended
    if any(run.failure for run in runs):
        sys.exit(1)


if __name__ == "__main__":
    main()
