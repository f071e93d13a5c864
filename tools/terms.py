"""Terms and symbols that the chapters define, gathered from the metadata of their cells."""

import re
from collections import defaultdict
from html import escape
from pathlib import Path

import nbformat

from course_utils._files import write_text
from notebooks import title

__all__ = ["anchor", "mark", "write_notation", "write_terms"]


def anchor(term: str) -> str:
    """What a term's place is called: the same in the chapter and in the index."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


def bold(term: str) -> re.Pattern[str]:
    """The term in bold, in Markdown, whatever its case, in singular or plural."""
    words = r"\s+".join(map(re.escape, term.split()))
    return re.compile(rf"\*\*({words}(?:e?s)?)\*\*", re.IGNORECASE)


def mark(cell: nbformat.NotebookNode) -> str:
    """The text of a Markdown cell with a place to link to at each term that it defines."""
    text: str = cell.source
    for term in cell.metadata.get("defines", []):
        text = bold(term).sub(rf"[**\1**]{{#{anchor(term)} .defined}}", text, count=1)
    return text


def definition(cell: nbformat.NotebookNode, term: str) -> str:
    """The sentence in which a cell defines a term, without Markdown."""
    paragraphs = re.split(r"\n\s*\n|\n(?=[-#])", cell.source)
    paragraph = next((text for text in paragraphs if bold(term).search(text)), "")
    sentences = re.split(r"(?<=[.:?!])\s+(?=[A-Z*$(])", paragraph.replace("\n", " "))
    sentence = next((text for text in sentences if bold(term).search(text)), paragraph)
    return re.sub(r"^[-#\d.]+\s+", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", sentence)).strip()


def write_terms(notebooks: dict[str, nbformat.NotebookNode], path: Path) -> dict[str, str]:
    """Write the index, and give the place of each term in it."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, notebook in notebooks.items():
        for cell in notebook.cells:
            for term in cell.metadata.get("defines", []):
                found[term].append((name, definition(cell, term)))
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
    return {term: anchor(term) for term in found}


def write_notation(notebooks: dict[str, nbformat.NotebookNode], path: Path) -> None:
    """Write the table of the symbols that the chapters introduce."""
    lines = ["# Notation", "", "| symbol | meaning | chapter |", "| --- | --- | --- |"]
    for name, notebook in notebooks.items():
        for cell in notebook.cells:
            for symbol in cell.metadata.get("symbols", []):
                meaning = symbol["meaning"].replace("|", "\\|")
                latex = symbol["latex"].replace("|", "\\vert ")
                lines.append(f"| ${latex}$ | {meaning} | [{name[:2]}](chapters/{name}.ipynb) |")
    write_text(path, "\n".join([*lines, ""]))
