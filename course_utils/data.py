"""The course's data files: where they are, and whether they are intact."""

import hashlib
from pathlib import Path

__all__ = ["data_path", "file_names"]

_PACKAGE = Path(__file__).resolve().parent
# The wheel carries the data inside the package; a checkout keeps it beside the package.
_FOLDERS = (_PACKAGE / "_data", _PACKAGE.parent / "data")


def data_path(name: str) -> Path:
    """Path of a data file, after its checksum has been verified.

    Parameters
    ----------
    name : str
        As in ``data/SHA256SUMS``: relative to the data folder, with forward slashes.

    Raises
    ------
    ValueError
        If the course has no such file, or its content was altered.
    FileNotFoundError
        If the file is missing.

    Examples
    --------
    >>> data_path("digits.npz").name
    'digits.npz'
    """
    folder, checksums = _checksums()
    if name not in checksums:
        raise ValueError(f"name: the course has no data file {name!r}; it has {sorted(checksums)}")
    path = folder / name
    repair = f"restore it with `git checkout -- data/{name}`, or install the course again"
    if not path.is_file():
        raise FileNotFoundError(f"data file {name} (SHA-256 {checksums[name]}) is missing from {folder}: {repair}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != checksums[name]:
        raise ValueError(
            f"data file {path} was altered: expected SHA-256 {checksums[name]}, found {found}; {repair}"
        )
    return path


def file_names() -> list[str]:
    """Every data file of the course, by the name that `data_path` takes.

    Raises
    ------
    FileNotFoundError
        If the list of checksums is missing.

    Examples
    --------
    >>> "digits.npz" in file_names()
    True
    """
    return sorted(_checksums()[1])


def _checksums() -> tuple[Path, dict[str, str]]:
    """The data folder, and the SHA-256 of each file in it."""
    folder = next((f for f in _FOLDERS if (f / "SHA256SUMS").is_file()), None)
    if folder is None:
        raise FileNotFoundError(
            f"data/SHA256SUMS is in none of {[str(f) for f in _FOLDERS]}: restore it with "
            "`git checkout -- data`, or install the course again"
        )
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return folder, {line[66:]: line[:64] for line in lines}  # as sha256sum writes them
