"""The course from its wheel, without a checkout: what `python -m course_utils` does there."""

import os
import subprocess
import tomllib
import venv
import zipfile

import pytest

import course_utils
from fresh_environment import environment_without_the_course, wheel_of_the_course
from notebooks import ROOT, chapters
from setup import interpreter

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return wheel_of_the_course(tmp_path_factory.mktemp("wheel"))


def course(python, folder, *arguments):
    """What `python -m course_utils` says; in a folder of its own, without this checkout on the path."""
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [python, "-m", "course_utils", *arguments]
    return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False)


def assert_of_use(python, folder):
    """The three commands, as README gives them."""
    overview = course(python, folder)
    assert "start FOLDER" in overview.stdout, overview.stderr
    started = course(python, folder, "start", "my_course", "--no-lab")
    assert started.returncode == 0, started.stderr
    for path in chapters():
        assert (folder / "my_course" / path.name).read_bytes() == path.read_bytes()
        assert (folder / "my_course" / "figures" / f"{path.stem}.png").is_file()
    refused = course(python, folder, "start", ".", "--no-lab")
    assert refused.returncode != 0
    assert "in use" in refused.stderr
    healthy = course(python, folder, "doctor")
    assert healthy.returncode == 0, healthy.stdout + healthy.stderr
    assert "all whole" in healthy.stdout
    assert "TensorFlow does not start" not in healthy.stdout
    assert str(ROOT / "course_utils") not in healthy.stdout
    return healthy.stdout


def test_the_wheel_holds_chapters_data_and_licences(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"course_utils/_notebooks/{path.name}" for path in chapters()} <= names
    assert {"course_utils/_data/SHA256SUMS", "course_utils/py.typed"} <= names
    assert any(name.endswith("licenses/LICENSE-TEXT") for name in names)
    assert wheel.stat().st_size < 60e6  # an index takes 100 MB


def test_from_a_wheel_the_course_starts_and_knows_how_it_is(wheel, tmp_path):
    python = environment_without_the_course(tmp_path)
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PIP_NO_INDEX": "1"}
    install = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps", str(wheel)]
    subprocess.run(install, cwd=tmp_path, env=settings, check=True)
    report = assert_of_use(python, tmp_path)
    assert f"course     {course_utils.__version__}, from {tmp_path}" in report


@pytest.mark.slow
def test_the_wheel_brings_every_package_that_it_needs(wheel, tmp_path):
    venv.create(tmp_path / "fresh", with_pip=True)
    python = interpreter(tmp_path / "fresh")
    install = [python, "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), str(wheel)]
    subprocess.run(install, cwd=tmp_path, check=True)
    report = assert_of_use(python, tmp_path)
    assert "jupyterlab is missing" in report
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert report.count("is missing") == 1
    assert len(project["dependencies"]) > 5
    told = course(python, tmp_path, "start", "my_course")
    assert told.returncode == 0
    assert "JupyterLab is not installed here" in told.stdout
