"""Folders of annotations, and the images that belong to them."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from course_utils.annotations._checks import PathLike

__all__ = ["IMAGES", "base_name", "files_in", "images_by_stem", "stem_of"]

# Endings of the images that annotation tools open.
IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def files_in(folder: PathLike, endings: Iterable[str], *, below: bool = False) -> list[Path]:
    """The files in a folder with one of the endings, whatever their case, by name; hidden ones are not.

    Parameters
    ----------
    folder : path
    endings : iterable of str
        With the dot, in lower case.
    below : bool
        Whether to look in the folders below, too.
    """
    wanted = tuple(endings)
    found = Path(folder).rglob("*") if below else Path(folder).glob("*")
    shown = (path for path in found if not path.name.startswith("."))
    return sorted(path for path in shown if path.suffix.lower() in wanted and path.is_file())


def base_name(name: str) -> str:
    r"""The last part of a name with slashes of either kind.

    Examples
    --------
    >>> base_name(r"..\photographs\a.jpg")
    'a.jpg'
    """
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].strip()


def stem_of(name: str) -> str:
    """A relative name without its ending.

    Examples
    --------
    >>> stem_of("front/a.b.jpg")
    'front/a.b'
    """
    return PurePosixPath(name).with_suffix("").as_posix()


def images_by_stem(folder: PathLike, *, below: bool = False) -> dict[str, list[str]]:
    """Names of the images in a folder, relative to it, by what they are called without their ending."""
    found: dict[str, list[str]] = {}
    for path in files_in(folder, IMAGES, below=below):
        name = path.relative_to(folder).as_posix()
        found.setdefault(stem_of(name), []).append(name)
    return found
