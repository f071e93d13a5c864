"""The first cell of every chapter, on a machine that has the packages but not the course."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from notebooks import ROOT, chapters, read

OURS = ("softmax_to_segmentation", "course_utils", "__editable__", "_editable")


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A virtual environment with links to every package here but the course, and the course's wheel."""
    folder = tmp_path_factory.mktemp("machine")
    environment = folder / "environment"
    venv.create(environment, with_pip=False, symlinks=os.name != "nt")
    variables = {"base": str(environment), "platbase": str(environment)}
    target = Path(sysconfig.get_path("purelib", vars=variables))
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(OURS):
            try:
                (target / entry.name).symlink_to(entry)
            except OSError:
                if os.name == "nt":
                    pytest.skip("links need a privilege on Windows")
                raise
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return Path(sysconfig.get_path("scripts", vars=variables)) / "python", wheel, folder


def set_up_cell():
    return next(cell.source for cell in read(chapters()[0]).cells if cell.cell_type == "code")


def run(python, code, folder, **settings):
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "COURSE_SOURCE"}}
    kept["PIP_NO_INDEX"] = "1"
    return subprocess.run(
        [python, "-c", code], cwd=folder, capture_output=True, text=True, env=kept | settings, check=False
    )


def test_without_an_address_it_says_how_to_install(machine):
    python, _, folder = machine
    code = set_up_cell().replace('COURSE = "git+', 'COURSE = "" and "git+')
    done = run(python, code, folder)
    assert done.returncode != 0
    assert "ModuleNotFoundError" in done.stderr
    assert "pip install -e ." in done.stderr


def test_it_installs_the_course_and_nothing_else_then_the_data_is_there(machine):
    python, wheel, folder = machine
    listing = "import importlib.metadata as m; print(sorted((d.name, d.version) for d in m.distributions()))"
    before = run(python, listing, folder).stdout
    use = (
        "\nfrom course_utils.datasets import load_digits\nimport course_utils"
        "\nprint(load_digits()[0].shape, course_utils.__path__[0])"
    )
    done = run(python, set_up_cell() + use, folder, COURSE_SOURCE=str(wheel))
    assert done.returncode == 0, done.stderr
    assert "The course is ready." in done.stdout
    assert "(5000, 28, 28)" in done.stdout
    assert str(ROOT) not in done.stdout
    after = run(python, listing, folder).stdout
    assert set(eval(after)) - set(eval(before)) == {("softmax-to-segmentation", wheel.name.split("-")[1])}

    again = run(python, set_up_cell(), folder)  # now it is there: nothing to install
    assert again.returncode == 0, again.stderr
