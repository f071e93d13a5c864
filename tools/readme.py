"""Bring README's chapter table and what the notebooks say of themselves up to date.

Those are their stated run times, the links to their neighbours and their cover pictures. The times
come from the last `make run`; with `--no-times` they stay as they are.
"""

import base64
import json
import math
import re
import sys

import nbformat

from colab import badge, repository
from course_utils._files import replacing, write_text
from notebooks import FOLDER, ROOT, chapters, read, reading_minutes, running_seconds, title, write

README = ROOT / "README.md"
RECORD = ROOT / "build" / "runs.json"
TABLE = re.compile(r"(<!-- chapters -->\n).*?(<!-- /chapters -->)", re.DOTALL)
STATED = re.compile(r"runs in about \d+ s")


def cover(notebook: nbformat.NotebookNode) -> bytes | None:
    """The picture of the cell tagged `cover`, if there is one."""
    for cell in notebook.cells:
        if "cover" in cell.metadata.get("tags", []):
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    return base64.b64decode(output.data["image/png"])
    return None


def rounded(seconds: float) -> int:
    """Seconds to the next five: nobody needs more, and the next run will differ."""
    return 5 * math.ceil(seconds / 5)


def table() -> str:
    """The chapters, with what they state of themselves, and their badges where there is an address."""
    names = ["chapter", "reading", "run time", *(["Colab"] if repository() else [])]
    rows = [names, ["---"] * len(names)]
    for path in chapters():
        notebook = read(path)
        link = f"[{title(notebook)}](notebooks/{path.name})"
        row = [link, f"{reading_minutes(notebook)} min", f"{running_seconds(notebook)} s"]
        rows.append([*row, badge(path.stem, repository())][: len(names)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def write_covers() -> None:
    for path in chapters():
        picture = cover(read(path))
        if picture is not None:
            (FOLDER / "figures").mkdir(exist_ok=True)
            with replacing(FOLDER / "figures" / f"{path.stem}.png") as temporary:
                temporary.write_bytes(picture)


def write_links() -> None:
    """Let the last cell of every chapter link to its neighbours."""
    titles = {path: title(read(path)) for path in chapters()}
    order = list(titles)
    for number, path in enumerate(order):
        links = []
        if number > 0:
            links.append(f"**Previous:** [{titles[order[number - 1]]}]({order[number - 1].name})")
        if number + 1 < len(order):
            links.append(f"**Next:** [{titles[order[number + 1]]}]({order[number + 1].name})")
        notebook = read(path)
        last = notebook.cells[-1]
        if not re.match(r"\*\*(Previous|Next):\*\*", last.source):
            raise ValueError(f"{path.name}: the last cell is not the one with the links")
        if last.source != " · ".join(links):
            last.source = " · ".join(links)
            write(notebook, path)


def write_times() -> None:
    """Let every chapter state what it took in the last run."""
    if not RECORD.is_file():
        sys.exit("no run to take the times from: run `make run` first")
    seconds = {run["name"]: run["seconds"] for run in json.loads(RECORD.read_text(encoding="utf-8"))}
    missing = [path.stem for path in chapters() if path.stem not in seconds]
    if missing:
        sys.exit(f"the last run left out {missing}: run `make run` first")
    for path in chapters():
        notebook = read(path)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = STATED.sub(f"runs in about {rounded(seconds[path.stem])} s", cell.source)
        write(notebook, path)


def main() -> None:
    write_covers()
    write_links()
    if "--no-times" not in sys.argv:
        write_times()
    text = README.read_text(encoding="utf-8")
    write_text(README, TABLE.sub(lambda m: m[1] + table() + m[2], text))


if __name__ == "__main__":
    main()
