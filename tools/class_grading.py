"""Grade a class folder with nbgrader, and measure the memory that one student's copy needs.

`python tools/class_grading.py` grades the solved exercises of each chapter, one copy at a time, and writes the
table in `tools/templates/class/README.md`.
"""

import json
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config.loader import PyFileConfigLoader

from class_material import TEMPLATES, write_class
from course_utils._files import write_text
from notebooks import chapters, read, write
from run import PeakMemory

TABLE = re.compile(r"(?<=<!-- memory -->\n).*(?=<!-- /memory -->)", re.DOTALL)


def opened(folder: Path) -> NbGraderAPI:
    """Open a class folder with nbgrader, with its settings."""
    config = PyFileConfigLoader("nbgrader_config.py", str(folder)).load_config()
    config.CourseDirectory.root = str(folder)
    return NbGraderAPI(config=config)


def hand_in(folder: Path, student: str, name: str, answers: dict[str, str]) -> None:
    """Submit a copy of the released assignment whose cells of these ids have other sources."""
    notebook = read(folder / "release" / name / f"{name}.ipynb")
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
    target = folder / "submitted" / student / name
    target.mkdir(parents=True)
    write(notebook, target / f"{name}.ipynb")


def solved(folder: Path, name: str) -> dict[str, str]:
    """The solution of each exercise of an assignment, by its cell."""
    cells = read(folder / "source" / name / f"{name}.ipynb").cells
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in cells if cell.metadata.nbgrader["solution"]}


def scores(folder: Path, name: str) -> dict[str, float]:
    """The score of each student whose copy was graded, as a share of all points."""
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        found = book.assignment_submissions(name)
        graded = [copy for copy in found if (folder / "autograded" / copy.student.id / name).is_dir()]
        return {copy.student.id: copy.score / copy.max_score for copy in graded}


def demanded(api: NbGraderAPI, step: str, *arguments: Any) -> None:
    """Take a step that must succeed, or say what nbgrader said."""
    done = getattr(api, step)(*arguments)
    if not done["success"]:
        raise RuntimeError(f"{step}: {done['log']}\n{done['error']}")


def measure(name: str) -> tuple[float, float]:
    """Megabytes of the kernel that runs one solved copy of a chapter, and of nbgrader beside it."""
    (path,) = [path for path in chapters() if path.stem == name]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        write_class(folder, [path], seed=1)
        api = opened(folder)
        demanded(api, "generate_assignment", name)
        hand_in(folder, "student", name, solved(folder, name))
        with PeakMemory() as peak:
            demanded(api, "autograde", name, "student")
        if scores(folder, name) != {"student": 1.0}:
            raise RuntimeError(f"{name}: the solutions do not get all points")
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1000 if sys.platform == "darwin" else 1)
    return peak.megabytes, kilobytes / 1000


def main() -> None:
    if sys.argv[1:]:
        sys.stdout.write(json.dumps(measure(sys.argv[1])))
        return
    rows, beside = [], []
    for path in chapters():  # one process a chapter: what one has imported is not the next one's
        command = [sys.executable, __file__, path.stem]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        kernel, grader = json.loads(done.stdout.splitlines()[-1])
        rows.append(f"| {path.stem} | {kernel:.0f} MB |")
        beside.append(grader)
        print(rows[-1], f"{grader:.0f} MB", flush=True)
    table = "\n".join(["| assignment | kernel |", "| --- | --- |", *rows, ""])
    table += f"\nnbgrader itself takes {max(beside):.0f} MB beside it, once.\n"
    readme = TEMPLATES / "README.md"
    write_text(readme, TABLE.sub(lambda _: table, readme.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
