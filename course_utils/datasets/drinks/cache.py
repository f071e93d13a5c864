"""Rendered scenes kept on disk, so that a second run need not draw them again.

A damaged file is never used and a missing one never matters: whatever goes wrong here costs time, not
the result.
"""

import contextlib
import hashlib
import json
import os
import re
import sys
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from course_utils._files import replacing
from course_utils.datasets.drinks.job import Arrays, Job
from course_utils.datasets.drinks.scenes import RENDERER_VERSION

__all__ = ["cache_folder", "clear_cache", "load_cached", "store_cached"]

VARIABLE = "COURSE_UTILS_CACHE"
FOLDER = "softmax-to-segmentation"
# The files that this module writes, whole or under the temporary name of a write that was cut short.
OWN_FILE = re.compile(
    r"scenes-v\d+-\d+x\d+-difficulty\d+-seed\d+-n\d+\.npz"
    r"|(?P<temporary>\.scenes-v\d+-\d+x\d+-difficulty\d+-seed\d+-n\d+\.npz\..*tmp)"
)
# What a killed process left behind is removed once it is this old, in seconds.
LEFT_BEHIND = 3600


def cache_folder() -> Path:
    """Where rendered scenes are kept.

    Returns
    -------
    Path
        What the environment variable ``COURSE_UTILS_CACHE`` says. Without it, the folder
        ``softmax-to-segmentation`` in the user's cache: ``$XDG_CACHE_HOME`` or ``~/.cache`` on Linux,
        ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows.

    Raises
    ------
    RuntimeError
        If there is no home folder.

    Examples
    --------
    >>> cache_folder().is_absolute()
    True
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "darwin":
        base = _home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or _home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", ""))
        base = base if base.is_absolute() else _home() / ".cache"
    return base / FOLDER


def clear_cache() -> tuple[int, int]:
    """Remove the rendered scenes that are kept on disk, and nothing else that lies beside them.

    Returns
    -------
    files, bytes : int
        How many files were removed, and how large they were together.

    Raises
    ------
    OSError
        If a file cannot be removed.

    Examples
    --------
    >>> clear_cache()  # doctest: +SKIP
    (3, 24117248)
    """
    sizes = []
    for path, _ in _own_files(cache_folder()):
        with contextlib.suppress(FileNotFoundError):  # another process has emptied it too
            size = path.stat().st_size
            path.unlink()
            sizes.append(size)
    return len(sizes), sum(sizes)


def load_cached(job: Job, n: int, first: npt.NDArray[np.uint8]) -> Arrays | None:
    """Packed scenes from the cache, ``n`` or more of them; None if there are none that are intact.

    Notes
    -----
    A file is used if the SHA-256 of its arrays is the one it states, if it states the settings asked
    for, and if its first photograph is ``first``, as the renderer draws it today. Otherwise a warning says
    what is wrong, and the file is removed.
    """
    try:
        folder = cache_folder()
        pattern = re.compile(re.escape(_file_name(job, "#")).replace(re.escape("#"), "([0-9]+)"))
        matches = [pattern.fullmatch(path.name) for path in folder.glob("*.npz")]
        sizes = sorted(int(match[1]) for match in matches if match and int(match[1]) >= n)
    except (OSError, RuntimeError):  # no such folder, or no home at all
        return None
    for size in sizes:
        path = folder / _file_name(job, str(size))
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive)
            if str(arrays.pop("sha256")) != _checksum(arrays):
                raise ValueError("its checksum does not match")
            if json.loads(str(arrays.pop("settings"))) != _settings(job, size):
                raise ValueError("it holds other scenes than its name says")
            if not np.array_equal(arrays["images"][0], first):
                raise ValueError("the renderer has changed since")
        except FileNotFoundError:  # somebody emptied the cache meanwhile
            continue
        except OSError as error:
            warnings.warn(f"cached scenes {path} cannot be read and are drawn again: {error}", stacklevel=3)
        except Exception as error:  # whatever zip and array readers raise about damaged bytes
            warnings.warn(
                f"cached scenes {path} are damaged or outdated and are drawn again: {error}", stacklevel=3
            )
            _remove(path)
        else:
            return arrays
    return None


def store_cached(job: Job, arrays: Arrays) -> None:
    """Keep packed scenes; a warning is all that happens if that is not possible.

    Notes
    -----
    The file is written under a temporary name and renamed, without locks: of two processes that store
    the same scenes at once, one replaces the other's file by an equal one.
    """
    size = len(arrays["images"])
    content = arrays | {"settings": np.array(json.dumps(_settings(job, size), sort_keys=True))}
    content["sha256"] = np.array(_checksum(content))
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        for left, is_temporary in _own_files(folder):
            if is_temporary and time.time() - left.stat().st_mtime > LEFT_BEHIND:
                _remove(left)
        with replacing(folder / _file_name(job, str(size))) as temporary:
            _write(temporary, content)
    except (OSError, RuntimeError) as error:
        warnings.warn(
            f"the scenes could not be cached and will be drawn again next time: {error}; "
            f"the environment variable {VARIABLE} names another folder",
            stacklevel=3,
        )


def _home() -> Path:
    """The user's home; an empty HOME says nothing, and then the user's entry in the system's list counts."""
    if sys.platform != "win32" and os.environ.get("HOME") == "":
        import pwd  # noqa: PLC0415  (which Windows lacks)

        try:
            home = Path(pwd.getpwuid(os.getuid()).pw_dir)
        except KeyError as error:
            raise RuntimeError("HOME is empty, and the user has no home folder") from error
    else:
        home = Path.home()
    if not home.is_absolute():
        raise RuntimeError(f"the home folder {str(home)!r} is no absolute path")
    return home


def _own_files(folder: Path) -> list[tuple[Path, bool]]:
    """The cache's own files in a folder, each with whether it is a temporary one."""
    if not folder.is_dir():
        return []
    matches = [(path, OWN_FILE.fullmatch(path.name)) for path in sorted(folder.iterdir())]
    return [
        (path, match["temporary"] is not None)
        for path, match in matches
        if match and path.is_file() and not path.is_symlink()
    ]


def _file_name(job: Job, n: str) -> str:
    size = f"{job.height}x{job.width}"
    return f"scenes-v{RENDERER_VERSION}-{size}-difficulty{job.difficulty}-seed{job.seed}-n{n}.npz"


def _settings(job: Job, n: int) -> dict[str, int]:
    return {"renderer": RENDERER_VERSION, "n": n, **vars(job)}


def _checksum(arrays: Arrays) -> str:
    """SHA-256 of all arrays with their names, types and shapes."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _write(path: Path, arrays: Arrays) -> None:
    """An .npz whose photographs are stored as they are: noise does not shrink, the rest does well."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = zipfile.ZIP_STORED if name == "images" else zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array) if array.ndim else array)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # somebody else's, or in use: then it stays
        path.unlink(missing_ok=True)
