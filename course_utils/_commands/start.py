"""Copy the chapters to a folder of the reader's, and never over anything of theirs."""

import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from course_utils import __version__
from course_utils._files import replacing, write_text

__all__ = ["chapters_folder", "open_lab", "start"]

_PACKAGE = Path(__file__).resolve().parent.parent
# The wheel carries the chapters inside the package; a checkout keeps them beside it.
_FOLDERS = (_PACKAGE / "_notebooks", _PACKAGE.parent / "notebooks")
# What was copied, with its checksums: a file that no longer has its own was changed by the reader.
RECORD = ".softmax-to-segmentation.json"


def chapters_folder() -> Path:
    """Where this installation keeps the chapters.

    Raises
    ------
    FileNotFoundError
        If they are in none of the places.
    """
    for folder in _FOLDERS:
        if any(folder.glob("[0-9][0-9]_*.ipynb")):
            return folder
    raise FileNotFoundError(f"the chapters are in none of {[str(f) for f in _FOLDERS]}: install the course again")


def start(folder: Path) -> str:
    """Copy the chapters and their pictures to a folder, and say what was done.

    Parameters
    ----------
    folder : path
        A new or an empty one; or one that was started before: there what is missing is copied, what is unchanged
        brought up to date, and what was changed left as it is.

    Raises
    ------
    ValueError
        If the folder is in use for something else, or is no folder.
    FileNotFoundError
        If the chapters are not there.
    """
    source, target = chapters_folder(), folder.absolute()
    if target.exists() and not target.is_dir():
        raise ValueError(f"folder: {target} is a file; name a new folder")
    before = _record(target)
    if before is None and target.is_dir() and any(target.iterdir()):
        raise ValueError(f"folder: {target} is in use and was not started by this command; name a new folder")
    copied, kept, now = 0, [], dict(before or {})
    for path in _files(source):
        name = path.relative_to(source).as_posix()
        there, content = target / name, path.read_bytes()
        if there.exists() and _sum(there.read_bytes()) not in {now.get(name), _sum(content)}:
            kept.append(name)
            continue
        now[name] = _sum(content)
        if not there.exists() or there.read_bytes() != content:
            there.parent.mkdir(parents=True, exist_ok=True)
            with replacing(there) as temporary:
                temporary.write_bytes(content)
            copied += 1
    write_text(target / RECORD, json.dumps({"version": __version__, "files": now}, indent=1) + "\n")
    says = f"{target}: {copied} file{'' if copied == 1 else 's'} copied"
    return says + (f"; changed by you and left as they are: {', '.join(kept)}" if kept else "")


def _files(source: Path) -> Iterator[Path]:
    yield from sorted(source.glob("[0-9][0-9]_*.ipynb"))
    yield from sorted((source / "figures").glob("*.png"))


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _record(folder: Path) -> dict[str, str] | None:
    """The checksums of what was copied to a folder; None if nothing was."""
    try:
        files = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        return {str(name): str(checksum) for name, checksum in files.items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"folder: {folder / RECORD} cannot be read ({error}); name a new folder") from error


def open_lab(folder: Path) -> int:
    """Open JupyterLab in a folder until it is closed, where it is installed; the exit status."""
    if importlib.util.find_spec("jupyterlab") is None:
        sys.stdout.write(
            "JupyterLab is not installed here: `pip install jupyterlab`, or open the folder in your editor\n"
        )
        return 0
    sys.stdout.write("opening JupyterLab; Ctrl-C here ends it\n")
    sys.stdout.flush()
    try:
        return subprocess.run([sys.executable, "-m", "jupyterlab", str(folder)], check=False).returncode
    except KeyboardInterrupt:
        return 0
