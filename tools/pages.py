"""Make the course's pages of the executed notebooks: gather sources in build/site, let Sphinx write build/course.

`make run` executes the notebooks and calls this. By itself, `python tools/pages.py` makes the pages of what was
executed last, and `python tools/pages.py --stored` those of the notebooks as they are stored, without sliders.
"""

import argparse
import base64
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import jupyter_server_mathjax
import nbformat

import course_utils
from colab import repository
from course_utils._files import write_text
from glossary import mark, write_notation, write_terms
from notebooks import FOLDER, ROOT, chapters, read, title, write
from reference import used_by, write_reference

EXECUTED = ROOT / "build" / "executed"
FRAMES = ROOT / "build" / "frames"
RUNS = ROOT / "build" / "runs.json"
SOURCES = ROOT / "build" / "site"
PAGES = ROOT / "build" / "course"
SITE = ROOT / "site"
MATHJAX = Path(jupyter_server_mathjax.__file__).parent / "static"
PARTS = {"Probabilities": (1, 3), "Images": (4, 5), "Dense vision": (6, 9), "Under the hood": (10, 14)}
OUTSIDE = re.compile(
    r"\[([^\]]*)\]\(\.\./[^)]*\)"
)  # a link to a file of the repository, which the site does not hold
PLACE = re.compile(r'<div class="frames" id="(explore-\w+)"></div>')
BOX_WIDTH, BOX_HEIGHT, GAP, ROW_HEIGHT = 125, 66, 32, 84  # of the map of the chapters
NEEDS_KERNEL = "The check runs in a notebook: here you see what it says of the untouched stub."


def gather(
    executed: list[Path], runs: list[dict[str, Any]], sources: Path = SOURCES, teacher: bool = True
) -> None:
    """Write everything that Sphinx reads, the teacher's book on demand: it links to every chapter."""
    if sources.exists():
        shutil.rmtree(sources)
    (sources / "chapters").mkdir(parents=True)
    notebooks = {path.stem: read(path) for path in executed}
    alts: dict[str, str] = {}
    for name, notebook in notebooks.items():
        alts |= alternative_texts(notebook)
        page = prepared(notebook)
        without_frames(page, sources / "frames")
        write(page, sources / "chapters" / f"{name}.ipynb")
        for picture in (ROOT / "notebooks" / "figures").glob(f"{name}.png"):
            for folder in (sources / "chapters" / "figures", sources / "_static" / "covers"):
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(picture, folder)
    if teacher:
        shutil.copytree(SITE / "teacher", sources / "teacher")
    shutil.copytree(MATHJAX, sources / "_static" / "mathjax", dirs_exist_ok=True)
    terms = write_terms(notebooks, sources / "terms.md")
    write_notation(notebooks, sources / "notation.md")
    write_reference(sources / "api")
    more = ["terms", "notation", "api/index", *(["teacher/index"] if teacher else [])]
    write_text(sources / "index.md", index(notebooks, runs, more))
    owner_and_name = repository()
    owner, _, project = owner_and_name.partition("/")
    facts = {
        "version": course_utils.__version__,
        "repository": owner_and_name,
        "address": f"https://{owner.lower()}.github.io/{project}/" if owner_and_name else "",
        "alts": alts,
        "terms": terms,
        "uses": used_by(notebooks),
        "titles": {name: title(notebook) for name, notebook in notebooks.items()},
        "descriptions": {name: question(notebook) for name, notebook in notebooks.items()},
    }
    write_text(sources / "facts.json", json.dumps(facts, indent=1))


def alternative_texts(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Of every figure, under the hash of its bytes: by it MyST-NB names the picture, and drops the text."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            picture = output.get("data", {}).get("image/png")
            alt = output.get("metadata", {}).get("image/png", {}).get("alt")
            if picture and alt:
                found[hashlib.sha256(base64.b64decode(picture)).hexdigest()] = alt
    return found


def without_frames(page: nbformat.NotebookNode, folder: Path) -> None:
    """Keep the figures with sliders for later: a megabyte of pictures in the text would slow Sphinx down."""
    for cell in page.cells:
        for output in cell.get("outputs", []):
            html = "".join(output.get("data", {}).get("text/html", ""))
            found = re.match(r'<figure class="explore" id="(explore-\w+)">', html)
            if found:
                folder.mkdir(parents=True, exist_ok=True)
                write_text(folder / f"{found[1]}.html", html)
                output.data["text/html"] = f'<div class="frames" id="{found[1]}"></div>'


def with_frames(pages: Path, folder: Path) -> None:
    """Put the figures with sliders into the pages."""
    for path in sorted((pages / "chapters").glob("*.html")):
        text = path.read_text(encoding="utf-8")
        whole = PLACE.sub(lambda found: (folder / f"{found[1]}.html").read_text(encoding="utf-8"), text)
        if whole != text:
            write_text(path, whole)


def prepared(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A chapter as the site shows it: set-up folded, terms marked, checks that say they need a kernel."""
    page: nbformat.NotebookNode = nbformat.from_dict(notebook)
    in_exercises, cells = False, []
    for number, cell in enumerate(page.cells):
        if cell.cell_type == "markdown":
            if re.match(r"## ", cell.source):
                in_exercises = cell.source.startswith("## Exercises")
            cell.source = OUTSIDE.sub(r"\1", mark(cell))
        elif number < 8 and re.search(r"^(import|from) ", cell.source, re.MULTILINE):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
        cells.append(cell)
        if in_exercises and cell.cell_type == "code" and cell.source.startswith("check("):
            cells.append(nbformat.v4.new_markdown_cell(f'<p class="needs-kernel">{NEEDS_KERNEL}</p>'))
    page.cells = cells
    return page


def prose(notebook: nbformat.NotebookNode) -> str:
    """The text of all Markdown cells."""
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def question(notebook: nbformat.NotebookNode) -> str:
    """The first section's heading that asks something."""
    found = re.search(r"^## (.+\?)$", prose(notebook), re.MULTILINE)
    return re.sub(r"[`*$]", "", found[1]) if found else ""


def needs(notebook: nbformat.NotebookNode) -> list[str]:
    """The numbers of the chapters that this one names under *What you need*, before it comes to minutes."""
    listed = re.findall(r"\*\*What you need\*\*\n(.*?)(?:\n\n|\Z)", prose(notebook), re.DOTALL)
    text = re.sub(r"\]\(.*?\)", "]", " ".join(listed)).split("minutes")[0]
    return sorted(set(re.findall(r"\b(?:0[1-9]|1[0-4])\b", text)))


def index(notebooks: dict[str, nbformat.NotebookNode], runs: list[dict[str, Any]], more: list[str]) -> str:
    """The cover page."""
    lines = [
        "# Softmax to Segmentation",
        "",
        "Dense computer vision, learnt by running it: from one softmax to an SSD detector and an FCN segmenter, "
        "trained on a laptop. Every number on these pages comes from the code beside it, and whatever can be "
        "decided by running it has been run, with seeds and intervals.",
        "",
    ]
    for part, (first, last) in PARTS.items():
        names = [name for name in notebooks if first <= int(name[:2]) <= last]
        if names:
            lines += [f"## {part}", "", '<div class="course-cards">']
            lines += [card(name, notebooks[name]) for name in names]
            lines += ["</div>", "", "```{toctree}", ":hidden:", f":caption: {part}", ""]
            lines += [f"chapters/{name}" for name in names]
            lines += ["```", ""]
    lines += [
        "## Which chapter needs which?",
        "",
        map_of(notebooks),
        "",
        "## The last run",
        "",
        *table(runs, notebooks),
    ]
    lines += ["", "```{toctree}", ":hidden:", ":caption: To look things up", "", *more, "```", ""]
    return "\n".join(lines)


def card(name: str, notebook: nbformat.NotebookNode) -> str:
    """A chapter on the cover page, in one line: a blank one would end the HTML."""
    picture = re.search(r"!\[(.*?)\]\(.*?figures/.*?\)", notebook.cells[0].source)
    numbers = needs(notebook)
    facts = [f"{minutes} min to read" for minutes in re.findall(r"about (\d+) minutes", prose(notebook))[:1]]
    facts += [f"runs in {seconds} s" for seconds in re.findall(r"runs in about (\d+) s", prose(notebook))[:1]]
    facts += [f"after {', '.join(numbers)}" if numbers else "needs no other chapter"]
    image = f'<img src="_static/covers/{name}.png" alt="{escape(picture[1])}" loading="lazy">' if picture else ""
    return (
        f'<a class="course-card" href="chapters/{name}.html">{image}<strong>{escape(title(notebook))}</strong>'
        f"<span>{escape(question(notebook))}</span>"
        f"<small>{' · '.join(facts)}</small></a>"
    )


def map_of(notebooks: dict[str, nbformat.NotebookNode]) -> str:
    """The chapters as a graph from left to right: each stands one step after the last that it needs."""
    numbers = {name[:2]: name for name in notebooks}
    before = {n: [m for m in needs(notebooks[numbers[n]]) if m in numbers] for n in numbers}
    column: dict[str, int] = {}
    for n in numbers:
        column[n] = max((column[m] + 1 for m in before[n]), default=0)
    place: dict[str, tuple[int, int]] = {}
    for n in numbers:
        place[n] = column[n] * (BOX_WIDTH + GAP), sum(column[m] == column[n] for m in place) * ROW_HEIGHT
    lines = [f'<path d="{_arrow(place[m], place[n])}"/>' for n in numbers for m in _direct(n, before)]
    for n, name in numbers.items():
        subject = title(notebooks[name]).split("·")[-1].split(":")[0].strip()
        x, y = place[n]
        texts = [
            f'<text x="{x + 10}" y="{y + 20 + 18 * k}">{escape(line)}</text>'
            for k, line in enumerate([n, *textwrap.wrap(subject, 14)])
        ]
        box = f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8"/>'
        lines.append(f'<a href="chapters/{name}.html">{box}{"".join(texts)}</a>')
    width, height = (
        8 + max(at[k] + size for at in place.values()) for k, size in enumerate((BOX_WIDTH, BOX_HEIGHT))
    )
    words = "; ".join(f"{n} needs {', '.join(needed)}" for n, needed in before.items() if needed)
    return (
        '<div class="course-map" tabindex="0" role="region" aria-label="Map of the chapters"><svg '
        f'viewBox="-4 -4 {width} {height}" role="group" aria-label="{words}">{"".join(lines)}</svg></div>'
    )


def _direct(chapter: str, before: dict[str, list[str]]) -> list[str]:
    """What a chapter needs, without what these need in turn."""

    def reaches(n: str) -> set[str]:
        return {n}.union(*(reaches(m) for m in before[n]))

    return [m for m in before[chapter] if not any(m in reaches(n) for n in before[chapter] if n != m)]


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    """A line from the right of one box to the left of another; past other boxes it runs between their rows."""
    x1, y1, x2, y2 = start[0] + BOX_WIDTH, start[1] + BOX_HEIGHT // 2, end[0], end[1] + BOX_HEIGHT // 2
    if x2 - x1 == GAP:
        return f"M{x1} {y1} C{x1 + GAP} {y1} {x2 - GAP} {y2} {x2} {y2}"
    between = start[1] + (BOX_HEIGHT + ROW_HEIGHT) // 2
    return (
        f"M{x1} {y1} C{x1 + GAP} {y1} {x1} {between} {x1 + GAP} {between} "
        f"H{x2 - GAP} C{x2} {between} {x2 - GAP} {y2} {x2} {y2}"
    )


def table(runs: list[dict[str, Any]], notebooks: dict[str, nbformat.NotebookNode]) -> Iterator[str]:
    """What the last run took."""
    if not runs:
        yield "The chapters are shown as they are stored; sliders appear after `make run`."
        return
    yield from ("| chapter | run time | peak memory | |", "| --- | --- | --- | --- |")
    for run in runs:
        there = f"[{run['title']}](chapters/{run['name']}.ipynb)" if run["name"] in notebooks else run["title"]
        verdict = "failed" if run["failure"] else "ran"
        yield f"| {there} | {run['seconds']:.0f} s | {run['peak_megabytes']:.0f} MB | {verdict} |"


def build(sources: Path = SOURCES, pages: Path = PAGES) -> None:
    """Let Sphinx write the pages; a warning is an error."""
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", "-j", "2"]
    command += ["-c", str(SITE), "-d", str(sources.parent / "doctrees"), str(sources), str(pages)]
    environment = os.environ | {"COURSE_SITE": str(sources), "TF_CPP_MIN_LOG_LEVEL": "3"}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")
    if finished.returncode != 0:
        raise RuntimeError(f"Sphinx: {finished.stderr.strip()[-3000:]}")
    with_frames(pages, sources / "frames")


def make(folder: Path, runs: list[dict[str, Any]]) -> None:
    """Make the pages of the notebooks in a folder, those that are chapters, and say where they are."""
    names = {path.stem for path in chapters()}
    executed = sorted(path for path in folder.glob("*.ipynb") if path.stem in names)
    if not executed:
        raise FileNotFoundError(f"no executed notebook in {folder.name}: run `make run` first, or give --stored")
    began = time.perf_counter()
    # A page of the teacher's book links to its chapter: the book appears with the whole course.
    gather(executed, runs, teacher=len(executed) == len(names))
    build()
    print(
        f"pages: {(PAGES / 'index.html').relative_to(ROOT)}, {math.ceil(time.perf_counter() - began)} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored", action="store_true", help="of the stored notebooks, not those executed last")
    if parser.parse_args().stored:
        make(FOLDER, [])
    else:
        make(EXECUTED, json.loads(RUNS.read_text(encoding="utf-8")) if RUNS.is_file() else [])


if __name__ == "__main__":
    main()
