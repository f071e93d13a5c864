"""The rules that every notebook keeps."""

import importlib
import re
import tomllib

import nbformat.v4
import numpy as np
import pytest

from colab import COURSE_LINE, badge, repository
from course_utils.exercises import CHAPTERS
from margins import TRAININGS, Training, has_room
from margins_cells import asserted
from notebooks import ROOT, chapters, read, reading_minutes, running_seconds, title
from readme import cover
from results import RESULTS, read_rows
from terms import bold, defined, is_form_of, symbols
from uses import unused

PATHS = chapters()
NOTEBOOKS = {path.stem: read(path) for path in PATHS}
EACH = pytest.mark.parametrize("name", NOTEBOOKS)

# The anatomy: these headings of level 2 in this order, with sections of the chapter in between.
ORDER = (
    "What you will do, what you will learn, what you need",
    "Set-up",
    "Claims we test",
    "Exercises",
    "In short",
    "Solutions",
)
# Public names that nothing imports: `checks` asks for a chapter's exercises by its number.
ASKED_FOR_BY_NAME = {(f"course_utils.exercises.{chapter}", "EXERCISES") for chapter in CHAPTERS}


def code_cells(name):
    return [cell for cell in NOTEBOOKS[name].cells if cell.cell_type == "code"]


def markdown(name):
    return "\n\n".join(cell.source for cell in NOTEBOOKS[name].cells if cell.cell_type == "markdown")


def outputs(name):
    return [output for cell in code_cells(name) for output in cell.outputs]


def test_there_are_chapters():
    assert "01_softmax" in NOTEBOOKS


@EACH
def test_every_cell_was_run_in_order_in_a_fresh_kernel(name):
    counts = [cell.execution_count for cell in code_cells(name)]
    assert counts == list(range(1, len(counts) + 1))


@EACH
def test_nothing_stored_is_an_error_or_a_log(name):
    assert not [o for o in outputs(name) if o.output_type == "error" or o.get("name") == "stderr"]
    assert "widgets" not in NOTEBOOKS[name].metadata


@EACH
def test_every_figure_has_alternative_text(name):
    figures = [o for o in outputs(name) if "image/png" in o.get("data", {})]
    assert figures
    for figure in figures:
        alt = figure.metadata["image/png"]["alt"]
        assert len(alt.split()) >= 4, alt


@EACH
def test_at_most_one_cell_in_five_is_not_compared(name):
    cells = code_cells(name)
    ignored = [
        cell
        for cell in cells
        if {"nbval-ignore-output", "nbval-skip"} & set(cell.metadata.get("tags", []))
        or re.search(r"NBVAL_(IGNORE_OUTPUT|SKIP)", cell.source)
    ]
    assert len(ignored) <= len(cells) / 5


@EACH
def test_the_set_up_cell_is_the_same_everywhere_and_knows_the_address(name):
    first = code_cells(name)[0].source
    assert first == code_cells("01_softmax")[0].source
    # With the tag that the copy was stamped at, where there was one.
    address = rf"git\+https://github\.com/{re.escape(repository())}(@v\d+\.\d+\.\d+)?" if repository() else ""
    assert re.fullmatch(f'COURSE = "{address}"', COURSE_LINE.search(first)[0])


@EACH
def test_the_badge_is_there_if_and_only_if_there_is_an_address(name):
    first = NOTEBOOKS[name].cells[0].source
    expected = badge(name, repository())
    assert expected in first
    assert bool(expected) == ("Open in Colab" in first)


@EACH
def test_the_headings_follow_the_anatomy(name):
    headings = re.findall(r"^## (.+)$", markdown(name), re.MULTILINE)
    positions = [headings.index(heading) for heading in ORDER]
    assert positions == sorted(positions)
    assert len(headings) >= len(ORDER) + 3
    assert title(NOTEBOOKS[name]).startswith(name[:2])


def stated_limits():
    """Minutes of reading, from and to; seconds of running; those of a chapter that trains: from CONTRIBUTING."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return [
        int(number)
        for number in re.search(
            r"read in (\d+) to (\d+) minutes, runs on two cores in (\d+) s or less \((\d+) s if", text
        ).groups()
    ]


@EACH
def test_the_times_are_within_the_stated_limits(name):
    shortest, longest, seconds, seconds_of_training = stated_limits()
    assert shortest <= reading_minutes(NOTEBOOKS[name]) <= longest
    limit = seconds_of_training if name[:2] in {"07", "08", "09", "13", "14"} else seconds
    assert running_seconds(NOTEBOOKS[name]) <= limit


@EACH
def test_a_slider_is_tagged(name):
    sliders = [cell for cell in code_cells(name) if "plotting.explore(" in cell.source]
    assert sliders
    assert all("nbval-ignore-output" in cell.metadata.get("tags", []) for cell in sliders)


@EACH
def test_the_file_stays_small(name):
    assert (ROOT / "notebooks" / f"{name}.ipynb").stat().st_size < 1_000_000


@EACH
def test_every_exercise_has_a_stub_a_check_and_a_solution(name):
    cells = NOTEBOOKS[name].cells
    start = next(i for i, cell in enumerate(cells) if re.match(r"## Exercises\b", cell.source))
    solutions = next(i for i, cell in enumerate(cells) if re.match(r"## Solutions\b", cell.source))
    called = re.compile(r"""^check\(\s*["'](.+?)["']""", re.MULTILINE)
    asked = [n for cell in cells[start:solutions] for n in called.findall(cell.source)]
    solved = [n for cell in cells[solutions:] for n in called.findall(cell.source)]
    chapter = f"ch{name[:2]}"
    assert tuple(asked) == CHAPTERS[chapter]
    assert tuple(solved) == CHAPTERS[chapter]
    exercises = importlib.import_module(f"course_utils.exercises.{chapter}").EXERCISES
    for cell in cells[start:]:
        for n in called.findall(cell.source):
            inputs = len(list(exercises[n].cases(np.random.default_rng(0))))
            correct = f"correct. It agrees with the course's function on {inputs} inputs."
            verdict = "not attempted." if cell in cells[start:solutions] else correct
            (result,) = [o for o in cell.outputs if o.output_type == "execute_result"]
            assert f"{n}: {verdict}" in result.data["text/plain"]


@EACH
def test_links_between_chapters_and_to_files_resolve(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", markdown(name)):
        if not re.match(r"https?://|#|mailto:", target):
            assert (ROOT / "notebooks" / target.split("#")[0]).exists(), target


@EACH
def test_the_chapter_links_to_its_neighbours(name):
    last = NOTEBOOKS[name].cells[-1].source
    names = list(NOTEBOOKS)
    position = names.index(name)
    if position > 0:
        assert f"({names[position - 1]}.ipynb)" in last
    if position + 1 < len(names):
        assert f"({names[position + 1]}.ipynb)" in last


@EACH
def test_every_term_that_a_cell_defines_stands_in_bold_there(name):
    terms = list(defined(NOTEBOOKS[name]))
    assert len(terms) >= 8
    for index, term in terms:
        cell = NOTEBOOKS[name].cells[index]
        assert cell.cell_type == "markdown"
        assert any(is_form_of(text, term) for text in bold(cell.source)), term


@EACH
def test_a_chapter_defines_a_term_once_and_says_of_a_symbol_what_it_means(name):
    terms = [term.casefold() for _, term in defined(NOTEBOOKS[name])]
    assert len(terms) == len(set(terms))
    for index, symbol in symbols(NOTEBOOKS[name]):
        assert NOTEBOOKS[name].cells[index].cell_type == "markdown"
        assert set(symbol) == {"symbol", "latex", "meaning"}
        assert all(text.strip() for text in symbol.values())


@EACH
def test_the_cover_picture_is_the_one_that_the_notebook_draws(name):
    picture = ROOT / "notebooks" / "figures" / f"{name}.png"
    assert cover(NOTEBOOKS[name]) == (picture.read_bytes() if picture.is_file() else None)


def measured(chapter):
    """The rows of the table of margins, by quantity and bound."""
    rows = [row for row in read_rows(RESULTS / "margins.csv") if row["chapter"] == chapter]
    return {(row["quantity"], float(row["bound"])): row for row in rows}


def unmatched(cells, rows):
    """What cells name and no row has, and what rows have and no cell names: of an assertion that is gone, say."""
    claims = [(claim["quantity"], claim["bound"]) for cell in cells for claim in cell.metadata.get("margins", [])]
    return set(claims) ^ set(rows) | {claim for claim in claims if claims.count(claim) > 1}


def test_a_quantity_without_a_row_is_found_and_a_row_without_a_cell():
    cell = nbformat.v4.new_code_cell(metadata={"margins": [{"quantity": "accuracy", "bound": 0.6}]})
    key, other = ("accuracy", 0.6), ("accuracy", 0.7)
    assert unmatched([cell], {key: {}}) == set()
    assert unmatched([cell], {}) == {key}
    assert unmatched([], {key: {}}) == {key}
    assert unmatched([cell], {other: {}}) == {key, other}
    assert unmatched([cell, cell], {key: {}}) == {key}


@EACH
def test_what_a_chapter_asserts_of_a_training_was_measured_and_has_room(name):
    rows = measured(name[:2])
    assert unmatched(code_cells(name), rows) == set()
    for row in rows.values():
        assert has_room(row), row


@EACH
def test_a_cell_whose_metadata_name_a_bound_asserts_it(name):
    in_module = isinstance(next((t for t in TRAININGS if t.chapter == name[:2]), None), Training)
    sides = {key: row["side"] for key, row in measured(name[:2]).items()}
    for cell in code_cells(name):
        for claim in cell.metadata.get("margins", []) if in_module else ():
            assert re.search(rf"assert .*\b{claim['bound']:g}\b", cell.source), claim
        for quantity, side, bound in () if in_module else asserted(cell):
            assert sides[quantity, bound] == side, quantity


def test_every_public_name_is_used_by_a_notebook_a_tool_or_another_function():
    folder = ROOT / "course_utils"
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path.read_text("utf-8")
        for path in folder.rglob("*.py")
    }
    programs = ["\n".join(cell.source for cell in code_cells(name)) for name in NOTEBOOKS]
    programs += [path.read_text(encoding="utf-8") for path in (ROOT / "tools").glob("*.py")]
    found = unused(modules, programs)
    assert found - ASKED_FOR_BY_NAME == set()
    assert ASKED_FOR_BY_NAME - found == set()  # what is used has no place in that list


HELPER = "__all__ = ['value']\ndef value(x):\n    return x\n"


@pytest.mark.parametrize(
    "user",
    [
        "def other(value):\n    return value\n",  # a local of the same name
        "def other():\n    value = 1\n    return value\n",
        "from course_utils.b import value\nvalue(1)\n",  # another module's
        "from course_utils import b\nb.value(1)\n",
        "x.value\n",
    ],
)
def test_a_name_that_only_looks_used_is_found(user):
    modules = {"course_utils": "", "course_utils.a": HELPER, "course_utils.b": HELPER}
    assert ("course_utils.a", "value") in unused(modules, [user])
    assert ("course_utils.a", "value") in unused(modules | {"course_utils.c": user}, [])
    # Nor does a name count that is used in its own body, or that a package hands on.
    recursive = "__all__ = ['value']\ndef value(x):\n    return value(x - 1)\n"
    package = {"course_utils": "", "course_utils.p": "from course_utils.p.a import value\n__all__ = ['value']\n"}
    assert unused(package | {"course_utils.p.a": recursive}, [user]) == {("course_utils.p.a", "value")}


@pytest.mark.parametrize(
    "user",
    [
        "from course_utils.p import value\n",
        "from course_utils.p.a import value as v\n",
        "def f():\n    from course_utils.p import value\n    return value(1)\n",
        "from course_utils import p\np.value(1)\n",
        "from course_utils.p import a\na.value(1)\n",
    ],
)
def test_a_used_name_is_found_through_the_package_that_hands_it_on(user):
    package = {"course_utils": "", "course_utils.p": "from course_utils.p.a import value\n__all__ = ['value']\n"}
    assert unused(package | {"course_utils.p.a": HELPER}, [user]) == set()


def test_the_project_has_one_version_of_its_address():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project.get("urls", {})) <= {"Repository"}
