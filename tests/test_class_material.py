"""The class folder, graded by nbgrader itself; and the cells that it is made of."""

import html
import importlib.util
import json
import os
import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import class_material
from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from notebooks import ROOT, chapters, read

NAMES = [path.stem for path in chapters()]
WITH_NBGRADER = pytest.mark.skipif(
    os.name == "nt" or importlib.util.find_spec("nbgrader") is None,
    reason="needs the extra `class`, and Linux or macOS: nbgrader promises nothing for Windows",
)


def run(folder, *names, seconds=0, n_wrong=3):
    """Grade what tests/class_run.py hands in; in a process of its own, whose warnings are nbgrader's."""
    folder.mkdir()
    command = [sys.executable, str(ROOT / "tests" / "class_run.py"), str(folder)]
    command += [str(seconds), str(n_wrong), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def feedback(folder, student, name):
    """The text of a page with feedback, without its marks."""
    page = (folder / "feedback" / student / name / f"{name}.html").read_text(encoding="utf-8")
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())


def assert_graded_fairly(folder, name, result):
    """Nothing for the untouched, the wrong and the pasted, all for the solutions; and everybody learns why."""
    assert_solutions_alone_count(folder, name, result)
    scores = result["scores"]
    assert scores["pasted"] == 0
    chapter = f"ch{name[:2]}"
    exercises = importlib.import_module(f"course_utils.exercises.{chapter}").EXERCISES
    wrong = [student for student in scores if student.startswith("wrong_")]
    assert wrong
    for student in wrong:
        assert scores[student] == 0
        page = feedback(folder, student, name)
        for place, exercise in enumerate(CHAPTERS[chapter], start=int(student[-1])):
            assert " ".join(exercises[exercise].mistakes[place % 3].says.split()) in page, exercise


def assert_solutions_alone_count(folder, name, result):
    assert result["scores"]["untouched"] == 0
    assert result["scores"]["solved"] == 1
    assert feedback(folder, "untouched", name).count("not attempted") >= len(CHAPTERS[f"ch{name[:2]}"])
    released = read(folder / "release" / name / f"{name}.ipynb")
    text = "\n".join(cell.source for cell in released.cells)
    assert not re.search("SOLUTION|HIDDEN|seed", text)


def assert_misbehaviour_harms_only_itself(folder, name, result):
    scores, n = result["scores"], len(CHAPTERS[f"ch{name[:2]}"])
    assert scores["overwrites"] == 0
    assert scores["loops"] == pytest.approx(1 - 2 / n)  # of the other answers all points
    assert "leaves" not in scores
    assert not result["success"]
    assert f"error processing assignment '{name}' for student 'leaves'" in result["log"]
    assert result["log"].count("error processing assignment '") == 1
    assert "CellTimeoutError" in feedback(folder, "loops", name)


@pytest.mark.integration
@WITH_NBGRADER
def test_a_class_is_graded_fairly_and_misbehaviour_harms_only_itself(tmp_path):
    """One wrong copy, in which each exercise has another mistake: all three take as much time again.

    In the class that behaves there are no wrong and no pasted copies: that grading succeeds there is the question.
    `check` tells them apart in the tests of the exercises and below, nbgrader for each chapter in the slow tests.
    """
    folder = tmp_path / "class"
    misbehaved, behaved = "01_softmax", "09_your_photographs"
    results = run(folder, misbehaved, behaved, seconds=3, n_wrong=1)
    assert_graded_fairly(folder, misbehaved, results[misbehaved])
    assert_solutions_alone_count(folder, behaved, results[behaved])
    assert results[behaved]["scores"].keys() == {"untouched", "solved"}
    assert_misbehaviour_harms_only_itself(folder, misbehaved, results[misbehaved])
    assert results[behaved]["success"], results[behaved]["log"]


@pytest.mark.slow
@WITH_NBGRADER
@pytest.mark.parametrize("name", NAMES)
def test_every_chapter_is_graded_fairly_as_the_folder_is_set_up(tmp_path, name):
    folder = tmp_path / "class"
    result = run(folder, name)[name]
    assert_graded_fairly(folder, name, result)
    assert_misbehaviour_harms_only_itself(folder, name, result)
    assert "It did not come to an end in the time given" in feedback(folder, "loops", name)


@pytest.mark.slow
@WITH_NBGRADER
def test_the_commands_of_the_folder_s_own_page_work(tmp_path):
    """Without the environment activated: `alembic` is found all the same."""
    (path,) = [path for path in chapters() if path.stem == "09_your_photographs"]
    class_material.write_class(tmp_path, [path], seed=1)
    block = (tmp_path / "README.md").read_text(encoding="utf-8").split("```")[1]
    commands = re.findall(r"^nbgrader (.+?)(?: +#.*)?$", block, re.MULTILINE)
    assert len(commands) == 5
    settings = dict(os.environ, PATH=os.defpath)
    for command in commands:
        words = command.replace("01_softmax", path.stem).split()
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *words],
            cwd=tmp_path,
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if words[0] == "generate_assignment":
            released = tmp_path / "release" / path.stem / path.name
            handed_in = tmp_path / "submitted" / "ada" / path.stem / path.name
            handed_in.parent.mkdir(parents=True)
            handed_in.write_bytes(released.read_bytes())
    grades = (tmp_path / "grades.csv").read_text(encoding="utf-8").splitlines()
    assert "Ada" in grades[1] + grades[2]


@pytest.mark.parametrize("path", chapters(), ids=NAMES)
def test_an_assignment_asks_every_exercise_and_holds_no_training(path):
    notebook = class_material.assignment(read(path), seed=7)
    nbformat.validate(notebook)
    names = CHAPTERS[f"ch{path.stem[:2]}"]
    graded = [cell for cell in notebook.cells if cell.metadata.nbgrader["grade"]]
    assert [re.search(r'check\("(.+?)"', cell.source)[1] for cell in graded] == list(names)
    assert [cell.metadata.nbgrader["points"] for cell in graded] == [1] * len(names)
    text = "\n".join(cell.source for cell in notebook.cells)
    assert text.count("### BEGIN SOLUTION") == text.count("### END SOLUTION") == len(names)
    assert text.count("### BEGIN HIDDEN TESTS") == text.count("seed=7") == len(names)
    assert "solution_" not in text
    assert all(f"### Exercise {number}" in text for number in range(1, len(names) + 1))
    assert not re.search(r"load_digits|render_dataset|fit\(|plt\.|keras", text)
    ids = [cell.metadata.nbgrader["grade_id"] for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", [name for names in CHAPTERS.values() for name in names])
def test_results_pasted_from_the_visible_inputs_do_not_pass_on_others(name):
    chapter = next(chapter for chapter, names in CHAPTERS.items() if name in names)
    exercise = importlib.import_module(f"course_utils.exercises.{chapter}").EXERCISES[name]

    def pasted():
        results = iter([value for _, value in solved_inputs(exercise)])
        return lambda *arguments: next(results)

    assert check(name, pasted()).status == "correct"
    assert check(name, pasted(), seed=1).status == "wrong"
    for seed in (1, 2, 3):
        assert check(name, exercise.reference, seed=seed).status == "correct"


def solved_inputs(exercise):
    return [(case, exercise.reference(*case)) for case in exercise.cases(np.random.default_rng(0))]


STUB = "def my_f(x):\n    return ..."
SOLUTION = "def solution_f(x):\n    return x"


def chapter_of(*, stub=STUB, solution=SOLUTION, before="import numpy as np"):
    return new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        cells=[
            new_markdown_cell("# 01 · A chapter"),
            new_code_cell("print('set-up')"),
            new_code_cell(before),
            new_markdown_cell("## Exercises\n\n### Exercise 1: f\n\nReturn x."),
            new_code_cell(stub),
            new_code_cell('check("a.f", my_f)'),
            new_markdown_cell("## Solutions"),
            new_code_cell(f'{solution}\n\n\ncheck("a.f", solution_f)'),
        ],
    )


def test_what_a_stub_says_after_its_return_stays():
    (task,) = class_material.tasks(chapter_of(stub=f"{STUB}\n    return x + 1  # wrong"))
    cell = class_material.solution_cell(task)
    assert cell.splitlines() == [
        "def my_f(x):",
        "    ### BEGIN SOLUTION",
        "    return x",
        "    ### END SOLUTION",
        "    return x + 1  # wrong",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stub": "def my_f(x):\n    return None"}, "does not return"),
        ({"solution": "def solution_f(y):\n    return y"}, "other arguments"),
        ({"solution": f"import math\n{SOLUTION}"}, "one function as stub and one as solution"),
        ({"solution": "def solution_f(x):\n    return d[x]", "before": "import numpy as np\nd = [1]"}, "'d'"),
    ],
)
def test_a_chapter_that_cannot_become_an_assignment_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        class_material.assignment(chapter_of(**changes), 1)


def test_functions_of_the_chapter_come_with_what_they_use_and_nothing_else():
    g, h = "def g(x):\n    return h(x) + math.pi", "def h(x):\n    return x"
    chapter = chapter_of(before=f"import math\nimport numpy as np\nimport os\n{g}\n{h}")
    code = class_material.needed_code(chapter, ["def my_f(x):\n    return g(x)"])
    assert [line for line in code.splitlines() if not line.startswith(" ") and line] == [
        "import math",
        "import numpy as np",
        "from course_utils.checks import check, hint",
        "def g(x):",
        "def h(x):",
    ]


def test_a_class_that_has_begun_is_not_touched(tmp_path):
    class_material.write_class(tmp_path, chapters()[:1], seed=1)
    before = (tmp_path / "source" / "01_softmax" / "01_softmax.ipynb").read_bytes()
    (tmp_path / "gradebook.db").write_bytes(b"")
    with pytest.raises(ValueError, match="has begun"):
        class_material.write_class(tmp_path, chapters()[:1], seed=2)
    assert (tmp_path / "source" / "01_softmax" / "01_softmax.ipynb").read_bytes() == before
