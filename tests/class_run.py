"""What the tests of the class folder hand in, graded by nbgrader in a process of its own.

`python tests/class_run.py FOLDER TIMEOUT ASSIGNMENT …` leaves `result.json` in the folder; in the first of the
assignments there are students who misbehave.
"""

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
LOOPS = """import time

def {answer}(*arguments):
    while True:
        time.sleep(0.01)
"""
LOOPS_AT_ONCE = "import time\n\nwhile True:\n    time.sleep(0.01)\n"
LEAVES = "import os\n\nos._exit(0)\n"


def answers_of(folder, name):
    """What each student hands in: sources by cell."""
    (path,) = [path for path in chapters() if path.stem == name]
    exercises = tasks(read(path))
    right = solved(folder, name)

    def filled(source, **more):
        chapter = f"ch{name[:2]}"
        return {
            cell: source.format(chapter=chapter, name=task.name, answer=task.answer, **more)
            for cell, task in zip(right, exercises, strict=True)
        }

    first, second, *_ = right
    return {
        "untouched": {},
        "solved": right,
        **{f"wrong_{number}": filled(WRONG, number=number) for number in range(3)},
        "pasted": filled(PASTED),
        "overwrites": filled(OVERWRITES),
        "leaves": right | {second: LEAVES},
        "loops": right | {first: filled(LOOPS)[first], second: LOOPS_AT_ONCE},
    }


def graded(folder, api, name, *, misbehaving):
    """Release, hand in, grade, give feedback: what nbgrader said, and the scores."""
    demanded(api, "generate_assignment", name)
    for student, answers in answers_of(folder, name).items():
        if misbehaving or student not in {"overwrites", "leaves", "loops"}:
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
    folder, timeout, names = Path(sys.argv[1]), int(sys.argv[2]) or None, sys.argv[3:]
    write_class(folder, [path for path in chapters() if path.stem in names], seed=7)
    api = opened(folder, timeout)
    results = {name: graded(folder, api, name, misbehaving=name == names[0]) for name in names}
    (folder / "result.json").write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
