"""Execute the notebooks in order, each in a fresh kernel, and write them as web pages.

`python tools/run.py` runs them all; names (`01_softmax`) choose some. With `--save` the executed
notebooks replace the stored ones; without it they stay as they are.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

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


def execute(path: Path) -> tuple[nbformat.NotebookNode, Run]:
    """Run a notebook from the top in a fresh kernel."""
    notebook = read(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
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
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            failure = describe_failure(notebook, str(error))
    return notebook, Run(path.stem, title(notebook), time.perf_counter() - start, peak.megabytes, failure)


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
    write_text(PAGES / f"{name}.html", html)


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
    rows = "\n".join(
        f'<tr><td><a href="{run.name}.html">{run.title}</a></td><td>{run.seconds:.0f} s</td>'
        f"<td>{run.peak_megabytes:.0f} MB</td><td>{'failed' if run.failure else 'ran'}</td></tr>"
        for run in runs
    )
    page = (TEMPLATES / "course" / "index_page.html").read_text(encoding="utf-8").replace("<!-- rows -->", rows)
    write_text(PAGES / "index.html", page)


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
    for number, path in enumerate(chosen, start=1):
        print(f"[{number}/{len(chosen)}] {path.stem:24} ", end="", flush=True)
        notebook, run = execute(path)
        runs.append(run)
        verdict = "FAILED" if run.failure else "ran"
        print(f"{run.seconds:6.1f} s  {run.peak_megabytes:6.0f} MB  {verdict}", flush=True)
        if run.failure:
            print(run.failure, flush=True)
        tidy(notebook)
        if arguments.save and not run.failure:
            write(notebook, path)
        write_page(notebook, path.stem)
    write_index(runs)
    record = json.dumps([run._asdict() for run in runs], indent=1)
    write_text(PAGES / "runs.json", record)
    print(f"pages: {(PAGES / 'index.html').relative_to(ROOT)}")
    if any(run.failure for run in runs):
        sys.exit(1)


if __name__ == "__main__":
    main()
