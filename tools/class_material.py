"""Write `build/class/`, a course folder for nbgrader: one assignment a chapter, made of its exercises.

The assignments lie in `source/`; the solutions between their marks are the chapters' own. Beside the inputs that
the students see, an answer is graded on others, drawn from a seed that is new at every call: `--seed` repeats one.
"""

import argparse
import ast
import builtins
import re
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from course_utils._files import write_text
from notebooks import ROOT, chapters, read, title, write

TARGET = ROOT / "build" / "class"
TEMPLATES = ROOT / "tools" / "templates" / "class"
POINTS = 1  # an exercise
CHECK = re.compile(r"""^check\(\s*["'](.+?)["'],\s*(\w+)\)""", re.MULTILINE)

INTRODUCTION = (
    "# Exercises of chapter {title}\n\n"
    "Write your code in place of `return ...`, run the cell, then run the cell below it: it is silent if your "
    'function is right, and says what is wrong if it is not. `hint("{example}")` gives a nudge. Leave the other '
    "cells as they are. What you hand in is tried on further inputs too."
)

# The course's own `check`, read again from its file: whatever stands above may have replaced it.
GRADED = """import importlib

import course_utils.checks

graded = importlib.reload(course_utils.checks).check("{name}", {answer})
assert graded.status == "correct", graded
### BEGIN HIDDEN TESTS
graded = importlib.reload(course_utils.checks).check("{name}", {answer}, seed={seed})
assert graded.status == "correct", graded
### END HIDDEN TESTS"""


class Task(NamedTuple):
    """One exercise of a chapter, as its notebook has it."""

    name: str
    text: str
    stub: str
    answer: str  # the stub's name
    solution: str


def tasks(notebook: nbformat.NotebookNode) -> list[Task]:
    """The exercises of a chapter, in its order."""
    cells = notebook.cells
    exercises, solutions = (
        next(i for i, cell in enumerate(cells) if re.match(rf"## {heading}\b", cell.source))
        for heading in ("Exercises", "Solutions")
    )
    solved = {}
    for cell in cells[solutions:]:
        if cell.cell_type == "code" and (call := CHECK.search(cell.source)):
            solved[call[1]] = (call[2], CHECK.sub("", cell.source).strip())
    found, text, stub = [], "", ""
    for cell in cells[exercises:solutions]:
        if cell.cell_type == "markdown":
            text = cell.source
        elif call := CHECK.search(cell.source):
            found.append(Task(call[1], text[text.index("### ") :], stub, call[2], solved[call[1]][1]))
        else:
            stub = cell.source
    answers = {solved[task.name][0]: task.answer for task in found}
    return [task._replace(solution=_renamed(task.solution, answers)) for task in found]


def _renamed(source: str, names: dict[str, str]) -> str:
    return re.sub(r"\bsolution_\w+", lambda found: names[found[0]], source)


def solution_cell(task: Task) -> str:
    """The stub with the solution between nbgrader's marks, in place of `return ...`."""
    stub, solution, *more = ast.parse(task.stub).body + ast.parse(task.solution).body
    if more or not isinstance(stub, ast.FunctionDef) or not isinstance(solution, ast.FunctionDef):
        raise ValueError(f"{task.name}: expected one function as stub and one as solution")
    if ast.unparse(stub.args) != ast.unparse(solution.args) or ast.unparse(stub.body[0]) != "return ...":
        raise ValueError(f"{task.name}: stub and solution take other arguments, or the stub does not return ...")
    lines = task.stub.splitlines()
    start = stub.body[0].lineno
    body = task.solution.splitlines()[solution.lineno :]
    return "\n".join(
        [*lines[: start - 1], "    ### BEGIN SOLUTION", *body, "    ### END SOLUTION", *lines[start:]]
    )


def needed_code(notebook: nbformat.NotebookNode, sources: Iterable[str]) -> str:
    """Imports and functions of the chapter that the sources use, and what these use in their turn.

    Raises
    ------
    ValueError
        For a name that the chapter computes: an exercise may not need the chapter's data or trainings.
    """
    given = _definitions(notebook)
    chosen: dict[str, str] = {}
    # `check` and `hint` come in a line of their own, NumPy always: an answer needs it where a solution does not.
    wanted = {"np"}.union(*map(_free_names, sources)) - {"check", "hint"}
    while wanted:
        name = wanted.pop()
        if name not in given:
            raise ValueError(f"name: an exercise uses {name!r}, which the chapter neither imports nor defines")
        chosen[name] = given[name]
        wanted |= _free_names(given[name]) & set(given) - set(chosen)
    lines = [source for name, source in given.items() if name in chosen]  # in the chapter's order
    functions = [line for line in lines if line.startswith("def ")]
    imports = [line for line in lines if line not in functions]
    return "\n\n\n".join(["\n".join([*imports, "from course_utils.checks import check, hint"]), *functions])


def _definitions(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """What the cells of a chapter import or define as functions: the name, and code for it alone."""
    found: dict[str, str] = {}
    for cell in [cell for cell in notebook.cells if cell.cell_type == "code"][1:]:  # after the set-up
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[(alias.asname or alias.name).split(".")[0]] = ast.unparse(ast.Import([alias]))
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    one = ast.ImportFrom(node.module, [alias], node.level)
                    found[alias.asname or alias.name] = ast.unparse(one)
            elif isinstance(node, ast.FunctionDef) and not node.name.startswith(("my_", "solution_")):
                found.setdefault(node.name, ast.get_source_segment(cell.source, node) or "")
    return found


def _free_names(source: str) -> set[str]:
    """Names that a function takes from outside: neither its own, nor Python's, nor another answer."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)} | set(dir(builtins))
    return {node.id for node in names if not node.id.startswith("my_")} - own


def assignment(notebook: nbformat.NotebookNode, seed: int) -> nbformat.NotebookNode:
    """The instructor's version of a chapter's exercises."""
    exercises = tasks(notebook)
    set_up = next(cell for cell in notebook.cells if cell.cell_type == "code").source
    names = needed_code(notebook, [source for task in exercises for source in (task.stub, task.solution)])
    introduction = INTRODUCTION.format(title=title(notebook), example=exercises[0].name)
    cells = [_cell("introduction", introduction, "markdown"), _cell("set_up", set_up), _cell("names", names)]
    for task in exercises:
        grade_id = re.sub(r"\W", "_", task.name)
        graded = GRADED.format(name=task.name, answer=task.answer, seed=seed)
        cells += [
            _cell(f"{grade_id}-task", task.text, "markdown"),
            _cell(f"{grade_id}-answer", solution_cell(task), solution=True, locked=False),
            _cell(f"{grade_id}-check", graded, grade=True, points=POINTS),
        ]
    metadata = {"kernelspec": notebook.metadata.kernelspec, "language_info": {"name": "python"}}
    made: nbformat.NotebookNode = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    return made


def _cell(grade_id: str, source: str, kind: str = "code", **roles: Any) -> nbformat.NotebookNode:
    """A cell as nbgrader marks it; without roles it is given, and comes back as it was given."""
    marks = {"grade": False, "solution": False, "locked": True, "task": False, "schema_version": 3}
    cell: nbformat.NotebookNode
    cell = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
    cell.id = grade_id
    cell.metadata["nbgrader"] = {**marks, "cell_type": kind, "grade_id": grade_id, **roles}
    return cell


def write_class(target: Path, paths: Iterable[Path], seed: int) -> None:
    """Write a course folder with the assignments of some chapters.

    Raises
    ------
    ValueError
        If a class has begun in the folder.
    """
    if (target / "gradebook.db").exists():
        raise ValueError(f"target: a class has begun in {target}; move that folder to where you teach")
    for template in TEMPLATES.iterdir():
        if template.is_file():
            target.mkdir(parents=True, exist_ok=True)
            write_text(target / template.name, template.read_text(encoding="utf-8"))
    for path in paths:
        folder = target / "source" / path.stem
        folder.mkdir(parents=True, exist_ok=True)
        write(assignment(read(path), seed), folder / path.name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="of the hidden inputs; without it one that nobody knows")
    seed = parser.parse_args().seed
    try:
        write_class(TARGET, chapters(), 1 + secrets.randbelow(2**31) if seed is None else seed)
    except ValueError as error:
        sys.exit(str(error))
    print(f"{TARGET.relative_to(ROOT)}: {len(chapters())} assignments; its README.md says how to go on")


if __name__ == "__main__":
    main()
