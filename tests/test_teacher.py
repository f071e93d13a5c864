"""The teacher's book: its numbers are computed here, its headings exist, its minutes and points add up."""

import functools
import re

import pytest

from notebooks import ROOT, chapters, read
from teacher_answers import COMPUTED

FOLDER = ROOT / "site" / "teacher"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("[0-9][0-9]_*.md"))}
HEADINGS = {
    path.stem: {
        heading
        for cell in read(path).cells
        if cell.cell_type == "markdown"
        for heading in re.findall(r"^#{1,3} (.+?)\s*$", cell.source, re.MULTILINE)
    }
    for path in chapters()
}
EACH = pytest.mark.parametrize("name", PAGES)

# A line of its own under a question: "**Answer 1a:** 0.731". What follows the number is its unit.
ANSWER = re.compile(r"^\*\*Answer (\w+):\*\* ([-−]?[\d,]*\d(?:\.\d+)?)\b", re.MULTILINE)
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])+)\]\(\.\./chapters/(\w+)\.ipynb\)")


@functools.cache
def computed(chapter):
    return COMPUTED[chapter]()


def stated(page):
    return {label: number.replace(",", "").replace("−", "-") for label, number in ANSWER.findall(PAGES[page])}


def test_every_chapter_has_a_page():
    assert set(HEADINGS) <= set(PAGES)


@EACH
def test_every_number_that_answers_a_question_is_computed_and_no_other_is(name):
    assert len(ANSWER.findall(PAGES[name])) == PAGES[name].count("**Answer ")
    assert len(stated(name)) == PAGES[name].count("**Answer ")  # no label twice
    assert set(stated(name)) == set(computed(name[:2]))


@pytest.mark.parametrize(("name", "label"), [(name, label) for name in PAGES for label in stated(name)])
def test_the_number_is_right_to_its_last_digit(name, label):
    number = stated(name)[label]
    last_digit = 10.0 ** -len(number.partition(".")[2])
    assert abs(computed(name[:2])[label] - float(number)) <= last_digit / 2 * (1 + 1e-6)


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_what_a_page_quotes_is_a_heading_of_its_chapter(page):
    text = page.read_text(encoding="utf-8")
    links = LINK.findall(text)
    assert len(links) == text.count("../chapters/")
    for heading, chapter in links:
        if chapter in HEADINGS:
            assert heading in HEADINGS[chapter], heading


@EACH
def test_the_plan_takes_75_minutes(name):
    plan = re.findall(r"^\| (\d+)–(\d+) \| .*\.\./chapters/", PAGES[name], re.MULTILINE)
    minutes = [(int(start), int(end)) for start, end in plan]
    assert [start for start, _ in minutes] == [0] + [end for _, end in minutes[:-1]]
    assert minutes[-1][1] == 75


@EACH
def test_the_marks_of_three_questions_add_up(name):
    questions = re.split(r"^### Question (?=\d)", PAGES[name], flags=re.MULTILINE)[1:]
    assert len(questions) == 3
    for number, question in enumerate(questions, start=1):
        total = re.match(rf"{number}: .+ \((\d+) points\)", question)[1]
        assert sum(int(points) for points in re.findall(r"^- (\d+) points?: ", question, re.MULTILINE)) == int(
            total
        )
        assert "**Solution.**" in question


@EACH
def test_a_page_has_its_parts_in_order(name):
    assert re.findall(r"^## (.+)$", PAGES[name], re.MULTILINE) == [
        "The lesson: 75 minutes",
        "Questions to ask",
        "Misconceptions",
        "Examination questions",
        "If the lesson is short",
    ]
