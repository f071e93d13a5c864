"""Machines that do not have the course yet, for the tests that install it."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from notebooks import ROOT

OURS = ("softmax_to_segmentation", "course_utils", "__editable__", "_editable")


def environment_without_the_course(folder):
    """The Python of a new virtual environment with links to every package here but the course."""
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
    return Path(sysconfig.get_path("scripts", vars=variables)) / "python"


def wheel_of_the_course(folder):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel
