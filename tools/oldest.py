"""Run the unit tests and the notebooks on the oldest versions that pyproject.toml admits.

They are installed into .venv-oldest, under the newest Python at hand that the course supports. The
stored outputs are the newest versions', so the notebooks run without comparison. Both parts run to
their ends, whatever the first one says, and each is stopped after its time.
"""

import subprocess
import sys
import tomllib

from packaging.requirements import Requirement

from notebooks import ROOT
from setup import interpreter

ENVIRONMENT = ROOT / ".venv-oldest"
# Seconds for one command. pytest stops by itself before that (`session_timeout`), unless it hangs.
LONGEST = 6000


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


def run(*command: str) -> int:
    """The command's exit status; 124, as of `timeout`, if it had to be stopped."""
    print("$", *command, flush=True)
    try:
        return subprocess.run(command, cwd=ROOT, timeout=LONGEST).returncode
    except subprocess.TimeoutExpired:
        print(f"stopped after {LONGEST} s", flush=True)
        return 124


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
    python = str(interpreter(ENVIRONMENT))
    install = (sys.executable, "-m", "uv", "pip", "install", "--python", python, "--compile-bytecode")
    if run(*install, "--constraint", str(pins), "--editable", ".[dev]") != 0:
        sys.exit("the oldest versions could not be installed")
    tests = (python, "-m", "pytest", "-n", "2")
    unit = run(
        *tests, "--doctest-modules", "-m", "not slow and not benchmark and not browser", "course_utils", "tests"
    )
    notebooks = run(*tests, "--dist", "loadscope", "--nbval-lax", "notebooks")
    if unit or notebooks:
        sys.exit(
            f"failed on the oldest versions: exit status {unit} of the unit tests, {notebooks} of the notebooks"
        )
    print("the unit tests and the notebooks pass on the oldest versions")


if __name__ == "__main__":
    main()
