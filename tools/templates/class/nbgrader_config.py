"""nbgrader's settings for this course."""

# mypy: ignore-errors
import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821  (nbgrader hands it over)

c.CourseDirectory.course_id = "softmax_to_segmentation"
# A package of that name in a submission would stand before the course's own.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
    "*.py",
    "*.so",
    "*.pyd",
    "course_utils",
]
# As the chapters have it: `check` says of it "not attempted".
c.ClearSolutions.code_stub = {"python": "return ..."}
# Seconds a cell. `check` stops a function after 20 seconds of its own, on the visible and on the hidden inputs.
c.Execute.timeout = 60

# nbgrader starts the command `alembic`, which lies beside its Python; the kernels compute with one thread each.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
