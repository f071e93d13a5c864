"""What importing the package costs and brings along."""

import re
import subprocess
import sys
import tomllib

import pytest

from notebooks import ROOT

NUMPY_MODULES = [
    "annotations",
    "boxes",
    "checks",
    "data",
    "datasets",
    "exercises",
    "metrics",
    "softmax",
    "_arguments",
    "_files",
    "_progress",
]


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["", *[f".{name}" for name in NUMPY_MODULES]])
def test_importing_brings_neither_tensorflow_nor_matplotlib(module):
    heavy = ("tensorflow", "keras", "matplotlib")
    code = f"import course_utils{module}, sys; print([m for m in {heavy} if m in sys.modules])"
    assert run(code) == "[]"


def test_importing_the_package_alone_imports_nothing_else():
    code = "import sys; before = set(sys.modules); import course_utils; print(sorted(set(sys.modules) - before))"
    assert run(code) == "['course_utils']"


def test_importing_every_module_seeds_nothing_and_sets_nothing():
    code = """
import importlib, pkgutil, numpy as np, matplotlib as mpl
import course_utils
state, parameters = np.random.get_state()[1].tolist(), dict(mpl.rcParams)
for module in pkgutil.walk_packages(course_utils.__path__, "course_utils."):
    importlib.import_module(module.name).__all__
print(np.random.get_state()[1].tolist() == state, dict(mpl.rcParams) == parameters)
"""
    assert run(code).splitlines()[-1] == "True True"


def test_plumbing_and_mathematics_know_nothing_of_chapters():
    for path in (ROOT / "course_utils").rglob("*.py"):
        name = path.relative_to(ROOT / "course_utils").as_posix()
        text = path.read_text(encoding="utf-8")
        if not name.startswith("exercises/") and name != "checks.py":
            assert not re.search(
                r"course_utils\.(plotting|checks|exercises)\b.*import|import .*exercises", text
            ), name


def test_python_versions_agree_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    setup = (ROOT / "tools" / "setup.py").read_text(encoding="utf-8")
    assert "OLDEST, NEWEST = (3, 11), (3, 13)" in setup
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_constraints_hold_exact_versions_and_no_addresses():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 100
    for line in lines:
        assert re.fullmatch(r"[a-z0-9._-]+==[^\s;]+( ; .+)?", line), line
        assert "://" not in line
