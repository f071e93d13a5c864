"""Run the unit tests and the notebooks on the oldest versions that pyproject.toml admits.

They are installed into .venv-oldest, under the newest Python at hand that the course supports. The
stored outputs are the newest versions', so the notebooks run without comparison.
"""

import os
import subprocess
import sys
import tomllib

from packaging.requirements import Requirement

from notebooks import ROOT

ENVIRONMENT = ROOT / ".venv-oldest"
PYTHON = ENVIRONMENT / "bin" / "python"


def oldest_versions() -> list[str]:
    """The lower bound of every dependency, as `name==version`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = []
    for text in project["dependencies"]:
        requirement = Requirement(text)
        bounds = [spec.version for spec in requirement.specifier if spec.operator == ">="]
        if len(bounds) != 1:
            raise ValueError(f"expected one lower bound in {text!r}")
        pins.append(f"{requirement.name}=={bounds[0]}")
    return pins


def run(*command: str) -> None:
    print("$", *command, flush=True)
    # Two workers on two cores: each computes with one thread.
    one_thread = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | one_thread)
    if done.returncode != 0:
        sys.exit(done.returncode)


def make_environment() -> None:
    for version in ("3.13", "3.12", "3.11"):
        command = [sys.executable, "-m", "uv", "venv", "--no-python-downloads", "--clear", "--python", version]
        if subprocess.run([*command, str(ENVIRONMENT)], cwd=ROOT, capture_output=True).returncode == 0:
            print(f"Python {version}")
            return
    sys.exit("no Python 3.11 to 3.13 can be found")


def main() -> None:
    make_environment()
    pins = ROOT / "build" / "oldest.txt"
    pins.parent.mkdir(exist_ok=True)
    pins.write_text("\n".join(oldest_versions()) + "\n", encoding="utf-8")
    install = (sys.executable, "-m", "uv", "pip", "install", "--python", str(PYTHON), "--compile-bytecode")
    run(*install, "--constraint", str(pins), "--editable", ".[dev]")
    workers = ("-n", "2", "--dist", "loadscope")
    selected = ("--doctest-modules", "-m", "not slow and not benchmark", "course_utils", "tests")
    run(str(PYTHON), "-m", "pytest", *workers, *selected)
    run(str(PYTHON), "-m", "pytest", *workers, "--nbval-lax", "notebooks")


if __name__ == "__main__":
    main()
