"""The first cell of every chapter, on a machine that has the packages but not the course."""

import os
import subprocess

import pytest

from fresh_environment import environment_without_the_course, wheel_of_the_course
from notebooks import ROOT, chapters, read

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("machine")
    return environment_without_the_course(folder), wheel_of_the_course(folder), folder


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
