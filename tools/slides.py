"""Make a deck of each executed chapter in build/slides: question, guess, then figure or formula with its sentence.

Everything is taken from the notebook: headings, the sentences that ask for a guess, figures and sliders, displayed
formulas with the sentence behind them, verdicts. The prose is in the presenter's notes (key S). Code is shown
where a cell has the tag `slide`. `make run` executes the chapters; `--stored` takes those that are stored, without
sliders.
"""

import base64
import hashlib
import itertools
import json
import math
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
BOLD = re.compile(r"`[^`]*`|\*\*(.+?)\*\*", re.DOTALL)  # in code, stars are a power
ASKS = re.compile(r"\b(?:guess|predict|before you|decide|bet)\b", re.IGNORECASE)
VERDICT = re.compile(r"\*\*[^*]*\b(?:falls?|stands?|not decided|half)\b[^*]*\*\*", re.IGNORECASE)
CAPTION = re.compile(r"\*[^*].*[^*]\*", re.DOTALL)
FORMULA = re.compile(r"\$\$.*?\$\$", re.DOTALL)
NO_PROSE = re.compile(r"\*(?!\*)|[|!<-]|\d\. ")  # captions, tables, pictures, HTML, lists
UNCLEAR = re.compile(r"\b(?:it|its|they|them|their|this|these|those|both|the two|the three)\b")
LISTED = ("- ", "1. ")  # paragraphs that are lists
FEWEST_WORDS, MOST_WORDS = 16, 60  # of a question on a slide


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


def sentences_of(text: str) -> list[str]:
    """A paragraph cut behind its full stops."""
    flat = " ".join(text.split())
    ends = [end.end() for end in re.finditer(r"[.?!](?:\*\*|\*|[\"”)])*(?=\s+[A-Z*$(\"“]|$)", flat)]
    parts = [flat[start:end].strip() for start, end in itertools.pairwise([0, *ends, len(flat)])]
    return [part for part in parts if part]


def sentence(text: str, fewest_words: int = 4) -> str:
    """The first sentence of a paragraph; of several as short as a verdict, as many as make it a sentence."""
    found = ""
    for part in sentences_of(text):
        found = f"{found} {part}".strip()
        if len(found.split()) >= fewest_words:
            break
    return found


def place_of_guess(text: str) -> int:
    """Where a paragraph asks for a guess, in bold; or -1."""
    found = (bold.start() for bold in BOLD.finditer(text) if bold[1] and ASKS.search(bold[1]))
    return -1 if text.startswith(("- ", "|")) else next(found, -1)


def slides_of(section: Section, markdown: MarkdownIt) -> list[tuple[int, str]]:
    """The slides of a section, with what they are worth: of the least, those that are too many are dropped."""
    prose = [text for text in section.paragraphs if not NO_PROSE.match(text) and not VERDICT.match(text)]
    guess = asking(section.paragraphs)
    formula = next((i for i, text in enumerate(section.paragraphs) if FORMULA.search(text)), None)
    verdict = next((text for text in section.paragraphs if VERDICT.match(text)), "")
    table = next((text for text in section.paragraphs if text.startswith("|")), "")
    notes = markdown.render("\n\n".join(text for text in section.paragraphs if not text.startswith("!")))
    aside = f'<aside class="notes">{notes}</aside>'
    heading = f"<h2>{markdown.renderInline(section.heading)}</h2>"
    said = f'<p class="fragment">{markdown.renderInline(sentence(verdict, 8))}</p>' if verdict else ""
    found = []
    body = markdown.render(guess)
    if formula is not None:
        shown = markdown.render(explained(section.paragraphs[formula:]))
        is_answer = not any(place_of_guess(text) >= 0 for text in section.paragraphs[formula:])
        body = f'{body}<div class="fragment">{shown}</div>' if is_answer else f"{shown}{body}"
    for source in section.code[:1]:
        body += f"<pre><code>{escape(source)}</code></pre>"
    if body or not (section.visuals or table):
        lead = body or (markdown.render(sentence(prose[0], 12)) if prose else "")
        last = said if not (section.visuals or table) else ""
        if lead or last:
            found.append((6 if body else 3 if verdict else 1, f"{heading}{lead}{last}{aside}"))
    for number, (html, caption) in enumerate(section.visuals):
        below = f'<p class="caption">{markdown.renderInline(sentence(caption.strip("*")))}</p>' if caption else ""
        last = said if number + 1 == len(section.visuals) and not caption else ""
        found.append(
            (7 if number == 0 or 'class="explore"' in html else 2, f"{heading}{html}{below}{last}{aside}")
        )
    if table:
        parts = [f"{heading}{markdown.render(part)}{aside}" for part in short_tables(table)]
        found += [(5 if number == 0 else 4, part) for number, part in enumerate(parts)]
    return found


def explained(paragraphs: list[str]) -> str:
    """A formula and the sentence behind it; where that leads to another formula, this with its sentence, too."""
    following = [text for text in paragraphs[1:] if not text.startswith(("*", "|", "#"))]
    while following and following[0].startswith("$$"):
        following.pop(0)
    shown = [*FORMULA.findall(paragraphs[0])[:1], *map(sentence, following[:1])]
    if following[1:] and FORMULA.match(following[1]) and not re.search(r"[.?!]\W*$", shown[-1]):
        shown.append(explained(following[1:]))
    return "\n\n".join(shown)


def asking(paragraphs: list[str]) -> str:
    """The guess that a section asks for; a short one with what stands before it, which says what it is about."""
    number = next((i for i, text in enumerate(paragraphs) if place_of_guess(text) >= 0), None)
    if number is None:
        return ""
    parts = sentences_of(paragraphs[number])
    first = next(i for i, part in enumerate(parts) if place_of_guess(part) >= 0)
    asked = [part for part in parts[first:] if not part.endswith(":")]
    if n_words(asked) > MOST_WORDS:
        asked = asked[:1]
    previous = paragraphs[number - 1] if number and first == 0 else ""
    if previous.startswith(LISTED):
        return "\n\n".join([in_brief(previous), " ".join(asked)])
    before = parts[:first] + ([] if previous.startswith(("*", "|", "!", "$$", "<")) else sentences_of(previous))
    guess, needed = asked[0], FEWEST_WORDS
    if UNCLEAR.search(guess):
        needed = n_words([guess]) + 1  # one more sentence at least
    told: list[str] = []
    while before and n_words([*told, guess]) < needed and n_words([before[-1], *told, *asked]) <= MOST_WORDS:
        if before[-1].startswith("In words"):  # which stands below the formula
            break
        told.insert(0, before.pop())
    return " ".join([*told, *asked])


def in_brief(listed: str) -> str:
    """A list of what its lines set in bold, or of their first sentences."""
    lines = re.split(r"\n(?=- |\d\. )", listed)
    bold = [next((found[1] for found in BOLD.finditer(line) if found[1]), "") for line in lines]
    return "\n".join(
        f"- {name.rstrip('.:') or sentence(line[2:])}" for name, line in zip(bold, lines, strict=True)
    )


def n_words(texts: list[str]) -> int:
    return sum(len(text.split()) for text in texts)


def short_tables(table: str) -> Iterator[str]:
    """A table in parts that fit, each with the heading."""
    lines = table.splitlines()
    for rows in in_parts(lines[2:], 5):
        yield "\n".join([*lines[:2], *rows])


def in_parts(lines: list[str], most: int) -> Iterator[list[str]]:
    """Lines in as few parts as hold them, none of which is much shorter than the others."""
    n_parts = math.ceil(len(lines) / most)
    for part in range(n_parts):
        yield lines[part * len(lines) // n_parts : (part + 1) * len(lines) // n_parts]


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
    body = "\n".join(f"<section{'' if '<img' in html else WORDS}>{html}</section>" for _, html in slides)
    return PAGE.format(title=escape(title(notebook)), slides=body)


def in_short(section: Section, markdown: MarkdownIt) -> Iterator[str]:
    """What to remember, four lines a slide."""
    listed = next((text for text in section.paragraphs if text.startswith("- ")), "")
    for lines in in_parts(re.split(r"\n(?=- )", listed), 4):
        shown = "\n".join(f"- {sentence(line.removeprefix('- '), 8)}" for line in lines)
        yield f'<h2>In short</h2>{markdown.render(shown)}<aside class="notes">{markdown.render(listed)}</aside>'


WORDS = ' class="words"'  # a slide without a figure has room for larger letters
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
