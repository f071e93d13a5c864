"""environment.yml says the same as pyproject.toml."""

import subprocess
import tomllib
import venv

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from notebooks import ROOT
from setup import interpreter


def dependencies():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]


def pip_part():
    (part,) = [entry["pip"] for entry in dependencies() if isinstance(entry, dict)]
    return part


def test_its_python_is_supported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (python,) = [entry for entry in dependencies() if isinstance(entry, str) and entry.startswith("python")]
    version = python.removeprefix("python=")
    assert f"{version}.0" in SpecifierSet(project["requires-python"])


def test_all_but_python_and_pip_comes_through_the_project():
    assert [entry for entry in dependencies() if isinstance(entry, str)][1:] == ["pip"]
    assert pip_part() == ["--constraint constraints.txt", "--editable .[dev]"]


@pytest.mark.slow
def test_its_pip_part_installs_into_a_fresh_environment(tmp_path):
    venv.create(tmp_path / "fresh", with_pip=True)
    python = interpreter(tmp_path / "fresh")
    # conda, too, writes this part to a file beside environment.yml and hands it to pip.
    requirements = ROOT / f"{tmp_path.name}.txt"
    requirements.write_text("\n".join(pip_part()) + "\n", encoding="utf-8")
    try:
        command = [python, "-m", "pip", "install", "--quiet", "--requirement", requirements.name]
        subprocess.run(command, cwd=ROOT, check=True)
    finally:
        requirements.unlink()
    code = "import course_utils.softmax, nbval, jupyterlab, tensorflow as tf; print(tf.__version__)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    wanted = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert f"tensorflow=={done.stdout.split()[-1]}\n" in wanted
