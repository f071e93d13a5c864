"""Write the repository's address into the course: `python tools/colab.py owner/name`, or without to remove it.

The address stands in pyproject.toml (`[project.urls]`); the badges, the pictures and the set-up
cells of the notebooks and README's pictures follow from it, and its table through tools/readme.py.
"""

import re
import subprocess
import sys
import tomllib

import nbformat

from course_utils import __version__
from course_utils._files import write_text
from notebooks import ROOT, chapters, read, write

PROJECT, README = ROOT / "pyproject.toml", ROOT / "README.md"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
BADGE_LINE = re.compile(r"^\[!\[Open in Colab\]\(.*\)\]\(.*\)\n\n", re.MULTILINE)
COURSE_LINE = re.compile(r'^COURSE = ".*?"', re.MULTILINE)
# What GitHub takes for an owner and a name; no name is `.` or `..`.
REPOSITORY = re.compile(r"[a-z0-9][a-z0-9_-]*/(?!\.{1,2}$)[a-z0-9._-]+", re.IGNORECASE | re.ASCII)
PICTURE = re.compile(r"\]\((?:https://raw\.githubusercontent\.com/[^)]*?/notebooks/|notebooks/)?(figures/[^)]+)\)")


def repository() -> str:
    """The `owner/name` in pyproject.toml, or an empty string."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    address = project.get("urls", {}).get("Repository", "")
    return str(address).removeprefix("https://github.com/")


def tag() -> str:
    """The tag of this version, if this checkout has one: a stamped copy then installs what it was written for."""
    command = ["git", "tag", "--list", f"v{__version__}"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    except OSError:  # no git
        return ""


def badge(name: str, owner_and_name: str) -> str:
    """The Colab badge of a chapter as Markdown; empty without an address."""
    if not owner_and_name:
        return ""
    target = f"https://colab.research.google.com/github/{owner_and_name}/blob/main/notebooks/{name}.ipynb"
    return f"[![Open in Colab]({BADGE})]({target})"


def stamp_project(text: str, owner_and_name: str) -> str:
    """pyproject.toml with the address, or without any."""
    text = re.sub(r"\n\[project\.urls\]\nRepository = .*\n", "", text)
    if not owner_and_name:
        return text
    urls = f'\n[project.urls]\nRepository = "https://github.com/{owner_and_name}"\n'
    return text.replace("\n[project.optional-dependencies]", urls + "\n[project.optional-dependencies]", 1)


def stamp_pictures(text: str, owner_and_name: str, folder: str = "") -> str:
    """Markdown whose pictures have the whole address, or without any are found from where the text lies.

    Colab has no files beside a notebook, and a package index none beside README.
    """
    raw = f"https://raw.githubusercontent.com/{owner_and_name}/main/notebooks/" if owner_and_name else folder
    return PICTURE.sub(rf"]({raw}\1)", text)


def stamp_notebook(
    notebook: nbformat.NotebookNode, name: str, owner_and_name: str, version: str = ""
) -> nbformat.NotebookNode:
    """A notebook with its badge, picture address and install address, of a version's tag if given; or without."""
    first = notebook.cells[0]
    first.source = BADGE_LINE.sub("", first.source)
    first.source = stamp_pictures(first.source, owner_and_name)
    if owner_and_name:
        heading, rest = first.source.split("\n\n", 1)
        first.source = f"{heading}\n\n{badge(name, owner_and_name)}\n\n{rest}"
    at = f"@{version}" if version else ""
    course = f"git+https://github.com/{owner_and_name}{at}" if owner_and_name else ""
    set_up = next(cell for cell in notebook.cells if cell.cell_type == "code")
    set_up.source = COURSE_LINE.sub(f'COURSE = "{course}"', set_up.source)
    return notebook


def main() -> None:
    owner_and_name = sys.argv[1] if len(sys.argv) > 1 else ""
    if owner_and_name and not REPOSITORY.fullmatch(owner_and_name):
        sys.exit(f"expected owner/name, got {owner_and_name!r}")
    # All of them first: a notebook that cannot be read leaves everything as it was.
    version = tag()
    stamped = [(stamp_notebook(read(path), path.stem, owner_and_name, version), path) for path in chapters()]
    write_text(PROJECT, stamp_project(PROJECT.read_text(encoding="utf-8"), owner_and_name))
    write_text(README, stamp_pictures(README.read_text(encoding="utf-8"), owner_and_name, "notebooks/"))
    for notebook, path in stamped:
        write(notebook, path)
    at = f" at {version}" if owner_and_name and version else ""
    print(f"repository: {owner_and_name or 'none'}{at}")


if __name__ == "__main__":
    main()
