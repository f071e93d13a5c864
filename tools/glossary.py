"""The index of terms and the table of the notation, from what the cells define."""

import re
from collections import defaultdict
from html import escape
from pathlib import Path

import nbformat

from course_utils._files import write_text
from notebooks import title
from terms import BOLD, bold, defined, is_form_of, symbols

__all__ = ["anchor", "mark", "write_notation", "write_terms"]


def anchor(term: str) -> str:
    """What a term's place is called: the same in the chapter and in the index."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


def mark(cell: nbformat.NotebookNode) -> str:
    """The text of a Markdown cell with a place to link to at each term that it defines."""
    left = list(cell.metadata.get("defines", []))

    def place(found: re.Match[str]) -> str:
        term = next((term for term in left if is_form_of(found[1], term)), None)
        if term is None:
            return found[0]
        left.remove(term)
        return f"[{found[0]}]{{#{anchor(term)} .defined}}"

    return BOLD.sub(place, cell.source)


def definition(cell: nbformat.NotebookNode, term: str) -> str:
    """The sentence in which a cell defines a term, without links, or a table's row without its bars."""

    def holds(text: str) -> bool:
        return any(is_form_of(found, term) for found in bold(text))

    paragraphs = re.split(r"\n\s*\n|\n(?=[-#|])", cell.source)
    paragraph = next(filter(holds, paragraphs), "").replace("\n", " ")
    if paragraph.startswith("|"):
        paragraph = " · ".join(part.strip() for part in paragraph.strip("| ").split("|"))
    sentences = re.split(r"(?<=[.:?!])\s+(?=[A-Z*$(])", paragraph)
    sentence = next(filter(holds, sentences), paragraph)
    return re.sub(r"^[-#\d.]+\s+", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", sentence)).strip()


# Terms that are also words of every day: a link from each of them would mislead more often than it helps.
EVERYDAY = {
    *("candidate", "control", "group", "head", "key", "kernel", "mask", "parameter"),
    *("positive", "scale", "score", "step", "thing", "value", "view"),
}


def write_terms(notebooks: dict[str, nbformat.NotebookNode], path: Path) -> dict[str, tuple[str, str]]:
    """Write the index, and give the place of each term that links lead to, and the page that defines it first."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, notebook in notebooks.items():
        for number, term in defined(notebook):
            found[term].append((name, definition(notebook.cells[number], term)))
    lines = ["# Index of terms", "", "Each term with the sentence that defines it, and a link to its place.", ""]
    letter = ""
    for term in sorted(found, key=str.lower):
        first = term[0].upper() if term[0].isalpha() else "#"
        if first != letter:
            letter = first
            lines += [f"## {letter if letter != '#' else 'Numbers and signs'}", ""]
        places = found[term]
        lines += [f"[**{term}**]{{#{anchor(term)}}}", ""]
        if len(places) > 1:
            lines += [":::{warning}", f"{len(places)} chapters define this term: compare.", ""]
        for name, sentence in places:
            link = f'<a href="chapters/{name}.html#{anchor(term)}">{escape(title(notebooks[name]))}</a>'
            lines += [f"{sentence} {link}", ""]
        if len(places) > 1:
            lines += [":::", ""]
    write_text(path, "\n".join(lines))
    return {
        term: (anchor(term), f"chapters/{places[0][0]}") for term, places in found.items() if term not in EVERYDAY
    }


def write_notation(notebooks: dict[str, nbformat.NotebookNode], path: Path) -> None:
    """Write the table of the symbols that the chapters introduce."""
    lines = ["# Notation", "", "Where a letter has several rows, each holds in its own chapter.", ""]
    lines += ["| symbol | meaning | chapter |", "| --- | --- | --- |"]
    for name, notebook in notebooks.items():
        for _, symbol in symbols(notebook):
            meaning = symbol["meaning"].replace("|", "\\|")
            latex = symbol["latex"].replace("|", "\\vert ")
            lines.append(f"| ${latex}$ | {meaning} | [{name[:2]}](chapters/{name}.ipynb) |")
    write_text(path, "\n".join([*lines, ""]))
