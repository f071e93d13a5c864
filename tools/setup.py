"""Create `.venv` with the course and the exact package versions of constraints.txt.

Run by make, with whatever Python it found; does nothing when nothing has changed. Standard library
only, and no syntax that an old Python could not read: it has to be able to say that it is too old.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 11), (3, 13)  # as `requires-python` in pyproject.toml
# The keys of `[project]` that an installation depends on.
INSTALLED = (
    "name",
    "version",
    "dynamic",
    "requires-python",
    "dependencies",
    "optional-dependencies",
    "scripts",
    "gui-scripts",
    "entry-points",
)


def fail(message: str) -> None:
    sys.exit("set-up: " + message)


def interpreter(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def starts(environment: Path) -> bool:
    """Whether the environment's Python starts and finds the packages that everything needs."""
    command = [str(interpreter(environment)), "-c", "import numpy, pytest, course_utils"]
    try:
        return subprocess.run(command, stderr=subprocess.DEVNULL, cwd=str(ROOT)).returncode == 0
    except OSError:
        return False


def installation() -> str:
    """What decides which packages are installed, and how: other changes of pyproject.toml need no set-up."""
    import tomllib  # noqa: PLC0415  (not there before Python 3.11, which has been ruled out by now)

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings.get("project", {})
    wanted = {key: project.get(key) for key in INSTALLED}
    wanted["build"] = [settings.get("build-system"), settings.get("tool", {}).get("hatch")]
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True, default=str).encode("utf-8"))
    digest.update((ROOT / "constraints.txt").read_bytes())
    return digest.hexdigest()


def install(environment: Path, log: Path) -> None:
    """Install the project and its tools; everything that the installer says goes to the log."""
    python = str(interpreter(environment))
    constraints = ["--constraint", "constraints.txt"]
    # pip brings uv, which installs the rest several times faster. Compiled bytecode saves every
    # first import of TensorFlow several seconds.
    project = ["--compile-bytecode", "--editable", ".[dev,class]"]
    commands = (
        [python, "-m", "pip", "install", "--retries", "1", "--timeout", "20", *constraints, "uv"],
        [python, "-m", "uv", "pip", "install", "--python", python, *constraints, *project],
        # JupyterLab would ask over the first chapter whether it may fetch news.
        [python, "-m", "jupyter", "labextension", "disable", "@jupyterlab/apputils-extension:announcements"],
    )
    settings = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1")
    with log.open("w", encoding="utf-8") as output:
        for command in commands:
            output.write("$ " + " ".join(command) + "\n")
            output.flush()
            done = subprocess.run(command, stdout=output, stderr=output, cwd=str(ROOT), env=settings)
            if done.returncode != 0:
                fail(
                    "the packages could not be installed; is the network there? "
                    "The installer's words are in {}. Then run make again.".format(log.relative_to(ROOT))
                )


def main() -> None:
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        fail(
            "this is Python {}.{}, and the course needs {}.{} to {}.{}. Install one of these, or name one: "
            "make PYTHON=/path/to/python3.12".format(*sys.version_info[:2], *OLDEST, *NEWEST)
        )
    environment = ROOT / ".venv"
    stamp = environment / "installed"
    wanted = installation()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        if starts(environment):
            return
        fail(".venv is broken: its Python or its packages do not start. Run `make clean`, then make again.")

    if environment.exists() and not interpreter(environment).exists():
        fail(".venv is broken: it holds no Python. Run `make clean`, then make again.")
    print("set-up: installing into .venv (a minute or two, once) ...", flush=True)
    if not environment.exists():
        created = subprocess.run([sys.executable, "-m", "venv", str(environment)], stderr=subprocess.DEVNULL)
        if created.returncode != 0:
            shutil.rmtree(str(environment), ignore_errors=True)
            fail("no virtual environment can be made; on Debian and Ubuntu: apt install python3-venv")
    (ROOT / "build").mkdir(exist_ok=True)
    install(environment, ROOT / "build" / "setup.log")
    stamp.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
