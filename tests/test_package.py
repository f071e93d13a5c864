"""What importing the package costs and brings along."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

import course_utils
from notebooks import ROOT, chapters, read
from uses import imports

NUMPY_MODULES = [
    "annotations",
    "attention",
    "boxes",
    "checks",
    "data",
    "datasets",
    "distributed",
    "exercises",
    "information",
    "metrics",
    "optimizers",
    "softmax",
    "__main__",
    "_arguments",
    "_files",
    "_progress",
]


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip()


@pytest.mark.integration
def test_importing_brings_neither_tensorflow_nor_matplotlib():
    """One module after the other, in one process: the first one that brings something is the one to look at."""
    code = f"""
import importlib, sys
for name in {NUMPY_MODULES}:
    importlib.import_module(f"course_utils.{{name}}")
    brought = [heavy for heavy in ("tensorflow", "keras", "matplotlib") if heavy in sys.modules]
    if brought:
        sys.exit(print(name, brought))
"""
    assert run(code) == ""


def test_importing_the_package_alone_imports_nothing_else():
    code = "import sys; before = set(sys.modules); import course_utils; print(sorted(set(sys.modules) - before))"
    assert run(code) == "['course_utils']"


@pytest.mark.integration
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


# From the bottom: a module imports from lower layers only.
LAYERS = (
    {"_arguments", "_files", "_progress", "data"},
    {"annotations", "backbones", "boxes", "deformation", "distillation", "distributed", "filters", "label_maps"}
    | {"losses", "optimizers", "softmax", "training"},
    {"attention", "datasets", "ensembling", "information", "metrics"},
    {"detection", "segmentation"},
    {"exercises"},
    {"checks", "experiments", "plotting", "_commands"},
    {"__main__"},
)


def wrong_arrows(module, source):
    """What a module imports from its own layer or a higher one, and exercises for anything but `checks`."""
    level = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    (_, own, *_) = [*module.split("."), ""]
    found = []
    for _, (where, name) in imports(module, ast.parse(source)):
        there = [*where.split("."), name][1]
        if there not in {own, "__version__"} and (
            level.get(there, 99) >= level[own] or (there == "exercises" and own != "checks")
        ):
            found.append(there)
    return found


def test_arrows_point_one_way():
    folder = ROOT / "course_utils"
    paths = [path for path in folder.rglob("*.py") if path != folder / "__init__.py"]
    assert set().union(*LAYERS) == {path.relative_to(folder).parts[0].removesuffix(".py") for path in paths}
    for path in paths:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        assert not wrong_arrows(module, path.read_text(encoding="utf-8")), module


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("losses.pixels", "from course_utils import plotting"),
        ("losses.pixels", "from course_utils.plotting import show"),
        ("losses.pixels", "import course_utils.plotting"),
        ("losses.pixels", "import course_utils.plotting as p"),
        ("losses.pixels", "def f():\n    from course_utils.plotting import show"),
        ("losses.pixels", "from ..plotting import show"),
        ("losses.pixels", "from .. import plotting"),
        ("boxes.geometry", "from course_utils.metrics import mean_iou"),
        ("backbones", "from course_utils.detection import SSD"),
        ("detection.network", "from course_utils.segmentation.network import build_fcn"),
        ("softmax", "from course_utils.label_maps import labels_to_rgb"),
        ("_arguments", "from course_utils.softmax import softmax"),
        ("metrics.images", "from course_utils.experiments.ch03 import train"),
        ("plotting", "from course_utils.exercises import ch01"),
    ],
)
def test_an_arrow_the_other_way_is_found(module, source):
    assert wrong_arrows(f"course_utils.{module}", source)


@pytest.mark.parametrize(
    "source", ["from course_utils.boxes import pairwise_iou", "import numpy", "from . import matching"]
)
def test_an_arrow_downwards_is_none(source):
    assert not wrong_arrows("course_utils.metrics.detection", source)


def chapters_in(text):
    """{"01", "02", "03", "07"} for "01 to 03, 07"."""
    found = set()
    for part in filter(None, text.split(", ")):
        first, _, last = part.partition(" to ")
        found |= {f"{number:02}" for number in range(int(first), int(last or first) + 1)}
    return found


def test_the_map_of_the_package_is_the_tree():
    rows = re.findall(r"^(\S.+?) {2,}``(\w+)`` *(.*)$", course_utils.__doc__, re.MULTILINE)
    folder = ROOT / "course_utils"
    there = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert [name for _, name, _ in rows] == list(dict.fromkeys(name for _, name, _ in rows))
    assert {name for _, name, _ in rows} == there - {"__init__"}
    used = {}  # the chapters that import from each module
    for path in chapters():
        code = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "code")
        for _, (where, name) in imports("", ast.parse(code)):
            used.setdefault([*where.split("."), name][1], set()).add(path.name[:2])
    everywhere = {path.name[:2] for path in chapters()}
    for subject, name, stated in rows:
        assert len(subject.split()) >= 2, name
        assert (everywhere if stated == "all" else chapters_in(stated)) == used.get(name, set()), name


def test_the_version_is_one():
    assert re.fullmatch(r"\d+\.\d+\.\d+", course_utils.__version__)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == course_utils.__version__
    assert f"## {course_utils.__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_licences_cover_what_the_cards_say():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    licences = set(project["license"].split(" AND "))
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert licences == set(citation["license"])
    cards = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"CC BY(?:-SA)? \d\.\d", cards))
    assert {name.replace(" ", "-") for name in named} <= licences


SCHEMAS = {
    "vendor.citation-file-format": ["CITATION.cff"],
    "vendor.dependabot": [".github/dependabot.yml"],
    "vendor.github-issue-config": [".github/ISSUE_TEMPLATE/config.yml"],
    "vendor.github-issue-forms": [".github/ISSUE_TEMPLATE/fault.yml", ".github/ISSUE_TEMPLATE/claim.yml"],
    "vendor.github-workflows": [
        ".github/workflows/pages.yml",
        ".github/workflows/release.yml",
        ".github/workflows/test.yml",
    ],
}


def test_the_repository_s_files_keep_their_schemas():
    """All in one process, which imports the checker once."""
    code = f"""
from check_jsonschema import main
for schema, files in {SCHEMAS}.items():
    try:
        main(["--builtin-schema", schema, *files])
    except SystemExit as stop:
        if stop.code != 0:
            raise
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("validation done") == len(SCHEMAS)


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
