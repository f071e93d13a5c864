"""What the other tools need to know about the notebooks."""

import re
from pathlib import Path

import nbformat

from course_utils._files import write_text

__all__ = ["FOLDER", "ROOT", "chapters", "read", "reading_minutes", "running_seconds", "title", "write"]

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"


def chapters() -> list[Path]:
    """The notebooks, in the order of the course."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))


def read(path: Path) -> nbformat.NotebookNode:
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook in one piece, so that an interrupted run loses nothing."""
    write_text(path, nbformat.writes(notebook) + "\n")


def title(notebook: nbformat.NotebookNode) -> str:
    """The chapter's title, from its first heading."""
    first = notebook.cells[0].source if notebook.cells else ""
    heading = re.search(r"^# (.+)$", first, re.MULTILINE)
    if heading is None:
        raise ValueError("the first cell has no heading of level 1")
    return heading[1]


def reading_minutes(notebook: nbformat.NotebookNode) -> int:
    """The reading time that the chapter states about itself."""
    return _stated(notebook, r"about (\d+) minutes", "about N minutes")


def running_seconds(notebook: nbformat.NotebookNode) -> int:
    """The run time that the chapter states about itself."""
    return _stated(notebook, r"runs in about (\d+) s\b", "runs in about N s")


def _stated(notebook: nbformat.NotebookNode, pattern: str, said: str) -> int:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    stated = re.search(pattern, text)
    if stated is None:
        raise ValueError(f"no cell says `{said}`")
    return int(stated[1])
