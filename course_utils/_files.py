"""The one way to write a file: whole or not at all, also when two programs write it at once or the power fails."""

import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["replacing", "write_arrays", "write_text"]

PathLike = str | os.PathLike[str]


@contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Give a new, empty file beside ``path``; let it take the place of ``path`` if the block succeeds.

    A program that is stopped in the block leaves ``path`` as it was, and of two that write at once each
    leaves a whole file, the later one's. Nothing else is left behind, but by a program that was killed: a
    hidden file ``.NAME.….tmp``.

    Parameters
    ----------
    path : str or path
        The file to write, in a folder that exists. A file that is there passes its permissions on; a
        new one gets the usual ones. A symbolic link is replaced itself, and what it points to stays as it
        is: to write there, pass ``Path(path).resolve()``.

    Raises
    ------
    OSError
        If the folder is missing, full or not writable, or ``path`` is a folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("whole", encoding="utf-8")
    ...     [file.name for file in Path(folder).iterdir()]
    ['a.txt']
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    # Only if nobody has put a file or a link of this name there.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        # On the disk before it gets its name: else a crash could leave the name without the content.
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            before = target.lstat().st_mode
            if stat.S_ISREG(before):
                temporary.chmod(stat.S_IMODE(before))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: PathLike, text: str) -> None:
    r"""Write a text file in one piece: UTF-8, and line ends as they are in ``text``, on Windows too.

    Raises
    ------
    OSError
        As :func:`replacing`.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_arrays(path: PathLike, arrays: Mapping[str, npt.ArrayLike]) -> None:
    """Write a compressed ``.npz`` in one piece: equal arrays give equal bytes.

    Raises
    ------
    OSError
        As :func:`replacing`.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
