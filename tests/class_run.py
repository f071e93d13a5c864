"""What the tests of the class folder hand in, graded by nbgrader in a process of its own.

`python tests/class_run.py FOLDER SECONDS WRONG ASSIGNMENT …` leaves `result.json` in the folder; in the first of
the assignments there are students who misbehave, in the others only those who solve it and those who do nothing.
Cells that never end are stopped after so many seconds; with 0, as the folder's settings say. WRONG students, three
at most, hand in wrong answers.
"""

import itertools
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from class_grading import demanded, hand_in, opened, scores, solved
from class_material import tasks, write_class
from notebooks import chapters, read

WRONG = """from course_utils.exercises.{chapter} import EXERCISES

{answer} = EXERCISES["{name}"].mistakes[{number}].answer
"""
# The results on the visible inputs, in their order.
PASTED = """import itertools
import numpy as np
from course_utils.exercises.{chapter} import EXERCISES

_exercise = EXERCISES["{name}"]
_results = itertools.cycle([_exercise.reference(*case) for case in _exercise.cases(np.random.default_rng(0))])

def {answer}(*arguments, results=_results):
    return next(results)
"""
FALSE_CHECK = """import types

def check(*arguments, **options):
    return types.SimpleNamespace(status="correct")
"""
OVERWRITES = f"""{FALSE_CHECK}
import course_utils.checks

course_utils.checks.check = check

def {{answer}}(*arguments):
    return 0
"""
FOR_EVER = "while True:\n    time.sleep(0.01)\n"
LOOPS = f"import time\n\ndef {{answer}}(*arguments):\n    {FOR_EVER.replace('    ', '        ')}"
LOOPS_AT_ONCE = f"import time\n\n{FOR_EVER}"
LEAVES = "import os\n\nos._exit(0)\n"


def answers_of(folder, name, n_wrong):
    """What each student hands in: sources by cell."""
    (path,) = [path for path in chapters() if path.stem == name]
    exercises = tasks(read(path))
    right = solved(folder, name)

    def filled(source, numbers=(0,)):
        chapter = f"ch{name[:2]}"
        return {
            cell: source.format(chapter=chapter, name=task.name, answer=task.answer, number=number)
            for cell, task, number in zip(right, exercises, itertools.cycle(numbers), strict=False)
        }

    alone = [cell for cell, task in zip(right, exercises, strict=True) if not used(task.answer, cell, right)]
    first, second, *_ = alone
    return {
        "untouched": {},
        "solved": right,
        **{f"wrong_{n}": filled(WRONG, (n, (n + 1) % 3, (n + 2) % 3)) for n in range(n_wrong)},
        "pasted": filled(PASTED),
        "overwrites": filled(OVERWRITES),
        "leaves": right | {second: LEAVES},
        "loops": right | {first: filled(LOOPS)[first], second: LOOPS_AT_ONCE},
    }


def used(answer, cell, right):
    """Whether the solution of another cell calls this answer, so that it cannot stand without it."""
    return any(answer in source for other, source in right.items() if other != cell)


class Patience:
    """Seconds for each cell: few from an answer that never ends up to the next answer, else the folder's own."""

    def __init__(self, few, own):
        self.few, self.own, self.loops = few, own, False

    def __call__(self, cell):
        if cell.metadata.nbgrader.solution:
            self.loops = "while True:" in cell.source and "time.sleep(0.01)" in cell.source
        return self.few if self.loops else self.own


def graded(folder, api, name, n_wrong, *, misbehaving):
    """Release, hand in, grade, give feedback: what nbgrader said, and the scores."""
    demanded(api, "generate_assignment", name)
    for student, answers in answers_of(folder, name, n_wrong).items():
        if misbehaving or student in {"untouched", "solved"}:
            hand_in(folder, student, name, answers)
    if misbehaving:  # a package of the course's name beside the notebook, from where Python imports first
        false = folder / "submitted" / "overwrites" / name / "course_utils"
        false.mkdir()
        for module in ("__init__.py", "checks.py"):
            (false / module).write_text(FALSE_CHECK, encoding="utf-8")
    grading = api.autograde(name, "*")
    demanded(api, "generate_feedback", name, "*")
    return {"success": grading["success"], "log": grading["log"], "scores": scores(folder, name)}


def main():
    folder, seconds, n_wrong, names = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    write_class(folder, [path for path in chapters() if path.stem in names], seed=7)
    api = opened(folder)
    if seconds:
        api.config.Execute.timeout_func = Patience(seconds, api.config.Execute.timeout)
    results = {name: graded(folder, api, name, n_wrong, misbehaving=name == names[0]) for name in names}
    (folder / "result.json").write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
