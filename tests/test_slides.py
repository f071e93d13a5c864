"""Decks from notebooks: what a slide shows, and what stays in the notes."""

import base64
import hashlib
import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import slides

SLIDER = '<figure class="explore" id="e"></figure>'
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def figure(alt):
    return new_output("display_data", {"image/png": PNG}, metadata={"image/png": {"alt": alt}})


def tagged(source, tag, *outputs):
    cell = new_code_cell(source, outputs=list(outputs))
    cell.metadata["tags"] = [tag]
    return cell


@pytest.fixture
def notebook():
    return new_notebook(
        cells=[
            new_markdown_cell("# 01 · Scores & shares\n\n![cover](figures/x.png)"),
            new_markdown_cell("## What you will do, what you will learn, what you need\n\n- much"),
            new_markdown_cell("## Set-up\n\nThe first cell."),
            new_markdown_cell(
                "## How many?\n\nSome prose at length. **Guess first:** is the number 3 or 4, or "
                "one of the many numbers in between, or none at all? Not 5.\n\n"
                "$$p_i = \\frac{a_i}{b_i}$$\n\nIn words: a by b. And much more.\n\n![picture](figures/y.png)"
            ),
            tagged("hidden = 1", "other", figure('the "first"')),
            new_markdown_cell(
                "*What the curve shows. And more.*\n\nText behind.\n\n### A claim\n\n**Falls.** It is 3. Not 4."
            ),
            tagged("shown = 2", "slide"),
            new_code_cell(
                "x",
                outputs=[new_output("display_data", {"text/html": '<figure class="explore" id="e"></figure>'})],
            ),
            tagged("cover = 3", "cover", figure("the cover")),
            new_markdown_cell("## What stands\n\n| claim | verdict |\n| --- | --- |\n" + "| a | falls |\n" * 7),
            new_markdown_cell("## Exercises\n\n### Exercise 1: this\n\nDo."),
            new_markdown_cell(
                "## In short\n\n" + "\n".join(f"- Remember {i} of it, and of all that. And why." for i in range(5))
            ),
            new_markdown_cell("## Solutions\n\n### Solution 1\n\nSo."),
        ]
    )


@pytest.fixture
def shown(notebook, tmp_path):
    page = slides.deck(notebook, tmp_path)
    return re.findall(r"<section[^>]*>(.*?)</section>", page, re.DOTALL)


def without_notes(slide):
    return re.sub(r'<aside class="notes">.*?</aside>', "", slide, flags=re.DOTALL)


def test_the_first_slide_has_title_and_cover(shown):
    assert "<h1>01 · Scores &amp; shares</h1>" in shown[0]
    assert 'alt="the cover"' in shown[0]


def test_the_question_comes_with_its_guess_and_then_the_formula_with_its_sentence(shown):
    (slide,) = [s for s in shown if "Guess first" in without_notes(s)]
    text = without_notes(slide)
    assert "<h2>How many?</h2>" in text
    assert "Some prose" not in text
    assert text.index("3 or 4,") < text.index(r"\[p_i = \frac{a_i}{b_i}\]") < text.index("In words: a by b.")
    assert "much more" not in text
    assert "Some prose at length" in slide
    assert 'class="fragment"' in text
    assert "figures/" not in slide


def test_figures_and_sliders_follow_with_caption_and_verdict(shown):
    (first,) = [s for s in shown if "the &quot;first&quot;" in s]
    assert "What the curve shows." in without_notes(first)
    assert "And more." not in without_notes(first)
    (slider,) = [s for s in shown if 'class="explore"' in s]
    assert "<h2>A claim</h2>" in slider
    (cover,) = [s for s in shown[1:] if 'alt="the cover"' in s]
    assert "<strong>Falls.</strong> It is 3. Not 4." in without_notes(cover)


def test_code_is_shown_where_a_cell_is_tagged_for_it(shown):
    text = "".join(shown)
    assert "<code>shown = 2</code>" in text
    assert "hidden" not in text


def test_long_tables_and_lists_are_cut_into_slides(shown):
    assert [t.count("<tr>") - 1 for t in map(without_notes, shown) if "<table>" in t] == [3, 4]
    assert [without_notes(s).count("<li>") for s in shown if "In short" in s] == [2, 3]
    assert "And why" not in without_notes("".join(shown))


def test_what_is_no_lesson_is_left_out(shown):
    headings = re.findall(r"<h2>(.*?)</h2>", "".join(shown))
    assert not [heading for heading in headings if heading.startswith(slides.LEFT_OUT)]


def test_of_too_many_slides_those_that_say_least_are_dropped(tmp_path):
    cells = [new_markdown_cell("# 01 · Long")]
    cells += [new_markdown_cell(f"## Plain {i}\n\nText.") for i in range(30)]
    cells += [new_markdown_cell(f"## Asked {i}\n\n**Guess:** how many are there?") for i in range(20)]
    page = slides.deck(new_notebook(cells=cells), tmp_path)
    assert page.count("<section") == slides.MOST
    assert page.count("<h2>Asked") == 20


@pytest.mark.parametrize(
    ("paragraphs", "asked"),
    [
        (["There are two. **Guess** which."], "There are two. **Guess** which."),
        (["There are two.", "**Guess** which."], "There are two. **Guess** which."),
        (["*A caption of two.*", "**Guess** which."], "**Guess** which."),
        (["Not this. " + "word " * 50 + "end.", "**Guess** which " + "of " * 20 + "them."], None),
        (
            ["- the **first** of them;\n- the other of both. It is so.", "**Guess** which."],
            "- first\n- the other of both.\n\n**Guess** which.",
        ),
        (
            ["There are two.", "**Guess** which of them " + "of " * 20 + "all."],
            "There are two. **Guess** which of them " + "of " * 20 + "all.",
        ),
        (["In words: there are two. **Guess** which."], "**Guess** which."),
        (["A **majority vote**, **or** guess."], ""),
        (["It is `2**guess`, and **no** more."], ""),
        (["**Predict** the sum " + "of " * 20 + "them. So:"], "**Predict** the sum " + "of " * 20 + "them."),
    ],
)
def test_a_short_guess_comes_with_what_it_is_about(paragraphs, asked):
    assert slides.asking(paragraphs) == (paragraphs[-1] if asked is None else asked)


def test_a_formula_that_leads_to_another_comes_with_it():
    first, second = "$$a = b$$", "$$c = d$$"
    assert slides.explained([first, "In words: both equal. More.", second]) == f"{first}\n\nIn words: both equal."
    led = [first, "and so the other is", second, "In words: equal, too."]
    assert slides.explained(led) == "\n\n".join(led)
    assert slides.explained([first]) == first


def test_a_guess_about_a_formula_stands_below_it(tmp_path):
    text = "## Asked\n\n$$a = b$$\n\nIn words: both are equal. **Guess** what follows from it."
    page = slides.deck(new_notebook(cells=[new_markdown_cell("# 01 · A"), new_markdown_cell(text)]), tmp_path)
    shown = without_notes(page)
    assert shown.index(r"\[a = b\]") < shown.index("<p>In words: both are equal.") < shown.index("<strong>Guess")
    assert shown.count("In words") == 1
    assert "fragment" not in shown


def test_a_heading_alone_makes_no_slide(tmp_path):
    cells = [
        new_markdown_cell("# 01 · Short"),
        new_markdown_cell("## Claims we test\n\n### One\n\nIt is one of two."),
    ]
    page = slides.deck(new_notebook(cells=cells), tmp_path)
    assert re.findall("<h2>(.*?)</h2>", page) == ["One"]
    assert '<section class="words"><h2>One' in page


def test_a_figure_drawn_for_a_deck_takes_the_place_of_the_page_s(notebook, tmp_path):
    name = hashlib.sha256(base64.b64decode(PNG)).hexdigest()
    (tmp_path / "deck").mkdir()
    (tmp_path / "deck" / f"{name}.webp").write_bytes(b"larger")
    page = slides.deck(notebook, tmp_path)
    assert f"data:image/webp;base64,{base64.b64encode(b'larger').decode()}" in page


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One two three four. Five.", "One two three four."),
        ("**Falls.** It is three of ten. More.", "**Falls.** It is three of ten."),
        ("It is about 3.5 of them, e.g. this. Then.", "It is about 3.5 of them, e.g. this."),
        ("No end to it at all", "No end to it at all"),
        ('He said "it is so there." And left.', 'He said "it is so there."'),
    ],
)
def test_the_first_sentence(text, first):
    assert slides.sentence(text) == first
