"""`python -m course_utils` says what there is; `start` copies the chapters, `doctor` looks at the machine."""

import argparse
import sys
from pathlib import Path

from course_utils import __version__
from course_utils._commands.doctor import examine
from course_utils._commands.start import open_lab, start

__all__: list[str] = []

OVERVIEW = f"""Softmax to Segmentation {__version__}: dense computer vision, learnt by running it.

  python -m course_utils start FOLDER      copy the chapters to a folder and open JupyterLab in it
  python -m course_utils doctor            versions, processor, memory, GPU, cache, and whether the data is whole
  python -m course_utils.datasets clear    remove the rendered scenes that are kept on disk

help(course_utils) in Python shows which module and which chapter a subject has.
"""


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m course_utils", description="Softmax to Segmentation.")
    commands = parser.add_subparsers(dest="command", metavar="command")
    starting = commands.add_parser("start", help="copy the chapters to a folder and open JupyterLab in it")
    starting.add_argument("folder", type=Path, help="a new or empty one, or one that was started before")
    starting.add_argument("--no-lab", action="store_true", help="only copy")
    commands.add_parser("doctor", help="what a report of a fault needs")
    arguments = parser.parse_args()
    if arguments.command == "start":
        try:
            sys.stdout.write(start(arguments.folder) + "\n")
        except (OSError, ValueError) as error:
            sys.exit(f"nothing was overwritten: {error}")
        sys.exit(0 if arguments.no_lab else open_lab(arguments.folder))
    elif arguments.command == "doctor":
        report, whole = examine()
        sys.stdout.write(report)
        sys.exit(not whole)
    else:
        sys.stdout.write(OVERVIEW)


if __name__ == "__main__":
    main()
