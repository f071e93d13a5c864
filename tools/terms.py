"""The terms and symbols that a chapter defines: named in a cell's metadata, in bold in its text."""

import re
from collections.abc import Iterator

import nbformat

__all__ = ["BOLD", "bold", "defined", "is_form_of", "symbols"]

BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", re.DOTALL)


def bold(text: str) -> list[str]:
    """What stands in bold in Markdown, in order, each on one line."""
    return [" ".join(found.split()) for found in BOLD.findall(text)]


def is_form_of(text: str, term: str) -> bool:
    """Whether a text is the term: in the singular or the plural, at the beginning of a sentence or at its end."""
    text, term = text.casefold().rstrip(".,:;"), term.casefold()
    return text in {term, f"{term}s", f"{term}es"} or (term.endswith("y") and text == f"{term[:-1]}ies")


def defined(notebook: nbformat.NotebookNode) -> Iterator[tuple[int, str]]:
    """Index of the cell and term, for every term that the notebook defines."""
    for index, cell in enumerate(notebook.cells):
        for term in cell.metadata.get("defines", []):
            yield index, term


def symbols(notebook: nbformat.NotebookNode) -> Iterator[tuple[int, dict[str, str]]]:
    """Index of the cell, and `symbol`, `latex` and `meaning` of every symbol that the notebook introduces."""
    for index, cell in enumerate(notebook.cells):
        for entry in cell.metadata.get("symbols", []):
            yield index, dict(entry)
