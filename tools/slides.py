"""Make a deck of each executed chapter in build/slides: question, guess, then figure or formula with its sentence.

Everything is taken from the notebook: headings, the sentences that ask for a guess, figures and sliders, displayed
formulas with the sentence behind them, verdicts. The prose is in the presenter's notes (key S). Code is shown
where a cell has the tag `slide`. `make run` executes the chapters; `--stored` takes those that are stored, without
sliders.
"""

import base64
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import NamedTuple

import nbformat
import sphinx_revealjs
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from course_utils._files import write_text
from notebooks import FOLDER, ROOT, chapters, read, title
from pages import EXECUTED, FRAMES, MATHJAX, SITE

SLIDES = ROOT / "build" / "slides"
FEWEST, MOST = 20, 35  # slides of a chapter
LEFT_OUT = ("What you will", "Set-up", "Exercise", "Solution", "References", "Errors that people make")
GUESS = re.compile(r"\*\*[^*]*\b(?:guess|predict|before you|decide|bet|vote)\b[^*]*\*\*", re.IGNORECASE)
VERDICT = re.compile(r"\*\*(?:Falls|Stands|Not decided|Half)\b")
CAPTION = re.compile(r"\*[^*].*[^*]\*", re.DOTALL)
FORMULA = re.compile(r"\$\$.*?\$\$", re.DOTALL)


class Visual(NamedTuple):
    """A figure."""

    html: str
    caption: str = ""  # Markdown


@dataclass
class Section:
    """What stands below one heading."""

    heading: str
    paragraphs: list[str] = field(default_factory=list)
    visuals: list[Visual] = field(default_factory=list)
    code: list[str] = field(default_factory=list)


def converter() -> MarkdownIt:
    """Markdown with formulas as MathJax finds them."""
    markdown = MarkdownIt("commonmark").enable("table")
    dollarmath_plugin(
        markdown,
        allow_digits=False,
        double_inline=True,
        renderer=lambda content, options: (
            f"\\[{escape(content)}\\]" if options["display_mode"] else f"\\({escape(content)}\\)"
        ),
    )
    return markdown


def sections(notebook: nbformat.NotebookNode, frames: Path) -> Iterator[Section]:
    """Divide a chapter at its headings."""
    section = Section("")
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for part in re.split(r"^(?=#{2,3} )", cell.source, flags=re.MULTILINE):
                heading = re.match(r"#{2,3} (.+)\n?", part)
                if heading:
                    yield section
                    section = Section(heading[1])
                texts = paragraphs(part[heading.end() :] if heading else part)
                section.paragraphs += texts
                if section.visuals and not section.visuals[-1].caption:
                    caption = next(filter(CAPTION.fullmatch, texts), "")
                    section.visuals[-1] = section.visuals[-1]._replace(caption=caption)
        else:
            if "slide" in cell.metadata.get("tags", []):
                section.code.append(cell.source.split("\n\n\n")[0])  # the first function: what follows uses it
            for output in cell.outputs:
                html = visual(output, frames)
                if html:
                    section.visuals.append(Visual(html))
    yield section


def paragraphs(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


def visual(output: nbformat.NotebookNode, frames: Path) -> str:
    """A figure, drawn for the last row where it was, or a figure with sliders."""
    data = output.get("data", {})
    html = "".join(data.get("text/html", ""))
    if html.startswith('<figure class="explore"'):
        return html
    if "image/png" not in data:
        return ""
    picture = base64.b64decode(data["image/png"])
    alt = escape(output.metadata.get("image/png", {}).get("alt", ""))
    large = frames / "deck" / f"{hashlib.sha256(picture).hexdigest()}.webp"
    kind = "webp" if large.is_file() else "png"
    stored = large.read_bytes() if large.is_file() else picture
    return f'<img class="figure" src="data:image/{kind};base64,{base64.b64encode(stored).decode()}" alt="{alt}">'


def sentence(text: str, fewest_words: int = 4) -> str:
    """The first sentence of a paragraph; of several as short as a verdict, as many as make it a sentence."""
    flat = " ".join(text.split())
    for end in re.finditer(r"[.?!](?:\*\*|\*|[\"”)])*(?=\s+[A-Z*$(\"“]|$)", flat):
        if len(flat[: end.end()].split()) >= fewest_words:
            return flat[: end.end()]
    return flat


def slides_of(section: Section, markdown: MarkdownIt) -> list[tuple[int, str]]:
    """The slides of a section, with what they are worth: of the least, those that are too many are dropped."""
    prose = [
        text for text in section.paragraphs if not text.startswith(("*", "|", "!", "<", "-")) or GUESS.match(text)
    ]
    guess = next((text for text in section.paragraphs if GUESS.search(text)), "")
    formula = next((i for i, text in enumerate(section.paragraphs) if FORMULA.search(text)), None)
    verdict = next((text for text in section.paragraphs if VERDICT.match(text)), "")
    table = next((text for text in section.paragraphs if text.startswith("|")), "")
    notes = markdown.render("\n\n".join(text for text in section.paragraphs if not text.startswith("!")))
    aside = f'<aside class="notes">{notes}</aside>'
    heading = f"<h2>{markdown.renderInline(section.heading)}</h2>"
    said = f'<p class="fragment">{markdown.renderInline(sentence(verdict, 8))}</p>' if verdict else ""
    found = []
    body = markdown.render(asking(guess)) if guess else ""
    if formula is not None:
        following = [t for t in section.paragraphs[formula + 1 :] if not t.startswith(("*", "|", "#", "$$"))]
        words = markdown.render(sentence(following[0])) if following else ""
        (shown,) = FORMULA.findall(section.paragraphs[formula])[:1]
        body += f'<div class="fragment">{markdown.render(shown)}{words}</div>'
    for source in section.code[:1]:
        body += f"<pre><code>{escape(source)}</code></pre>"
    if body or not (section.visuals or table):
        lead = body or (markdown.render(sentence(prose[0])) if prose else "")
        last = said if not (section.visuals or table) else ""
        found.append((3 if body else 2 if verdict else 1, f"{heading}{lead}{last}{aside}"))
    for number, (html, caption) in enumerate(section.visuals):
        below = f'<p class="caption">{markdown.renderInline(sentence(caption.strip("*")))}</p>' if caption else ""
        last = said if number + 1 == len(section.visuals) and not caption else ""
        found.append((4 if number == 0 else 2, f"{heading}{html}{below}{last}{aside}"))
    if table:
        found += [(3, f"{heading}{markdown.render(part)}{aside}") for part in short_tables(table)]
    return found


def asking(text: str) -> str:
    """The sentences of a paragraph that ask, from the one with the guess on."""
    flat = " ".join(text.split())
    start = GUESS.search(flat)
    before = flat[: start.start()] if start else ""
    begin = max(before.rfind(". "), before.rfind("? "), before.rfind(": ")) + 2 if before.count(" ") > 3 else 0
    asked = flat[begin:] if begin > 1 else flat
    words = asked.split(" ")
    return asked if len(words) <= 70 else sentence(asked)


def short_tables(table: str) -> Iterator[str]:
    """A table in parts that fit, each with the heading, and no cell longer than a slide can show."""
    lines = table.splitlines()
    rows = lines[2:]
    for start in range(0, len(rows), 5):
        yield "\n".join([*lines[:2], *rows[start : start + 5]])


def deck(notebook: nbformat.NotebookNode, frames: Path) -> str:
    """The HTML of one chapter's deck."""
    markdown = converter()
    first, *others = sections(notebook, frames)
    covers = [cell for cell in notebook.cells if "cover" in cell.metadata.get("tags", [])]
    cover = next((html for cell in covers for output in cell.outputs if (html := visual(output, frames))), "")
    opening = sentence(first.paragraphs[-1]) if first.paragraphs else ""
    slides = [
        (9, f"<h1>{escape(title(notebook))}</h1>{cover}<aside class='notes'>{markdown.render(opening)}</aside>")
    ]
    for section in others:
        if section.heading.startswith("In short"):
            slides += [(8, html) for html in in_short(section, markdown)]
        elif not section.heading.startswith(LEFT_OUT):
            slides += slides_of(section, markdown)
    while len(slides) > MOST:
        slides.remove(min(slides, key=lambda slide: slide[0]))
    body = "\n".join(f"<section>{html}</section>" for _, html in slides)
    return PAGE.format(title=escape(title(notebook)), slides=body)


def in_short(section: Section, markdown: MarkdownIt) -> Iterator[str]:
    """What to remember, four lines a slide."""
    listed = next((text for text in section.paragraphs if text.startswith("- ")), "")
    lines = re.split(r"\n(?=- )", listed)
    for start in range(0, len(lines), 4):
        shown = "\n".join(f"- {sentence(line.removeprefix('- '))}" for line in lines[start : start + 4])
        yield f'<h2>In short</h2>{markdown.render(shown)}<aside class="notes">{markdown.render(listed)}</aside>'


PAGE = (SITE / "deck.html").read_text(encoding="utf-8")


def make(folder: Path = EXECUTED, target: Path = SLIDES, frames: Path = FRAMES) -> list[Path]:
    """Write the decks of all executed chapters, and what they load."""
    static = target / "_static"
    reveal = Path(sphinx_revealjs.__file__).parent / "_static" / "revealjs"
    for name in ("dist", "plugin"):
        shutil.copytree(reveal / name, static / "reveal" / name, dirs_exist_ok=True)
    shutil.copytree(MATHJAX, static / "mathjax", dirs_exist_ok=True)
    for name in ("deck.css", "deck.js"):
        shutil.copy(SITE / "_static" / name, static)
    written = []
    for path in chapters():
        if (folder / path.name).is_file():
            written.append(target / f"{path.stem[:2]}.html")
            write_text(written[-1], deck(read(folder / path.name), frames / path.stem))
    return written


def main() -> None:
    written = make(FOLDER if "--stored" in sys.argv else EXECUTED)
    if not written:
        sys.exit("no executed notebook: run `make run` first")
    print(f"slides: {json.dumps([str(path.relative_to(ROOT)) for path in written])}")


if __name__ == "__main__":
    main()
