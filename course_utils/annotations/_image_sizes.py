"""How large an image is that annotations name: it is looked for in the caller's folder, and nowhere else."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from PIL import Image

from course_utils._arguments import as_count
from course_utils.annotations._checks import PathLike, Size, SizeOf, shorten

__all__ = ["ImageSizes", "image_path", "leads_out"]

# The EXIF tag of photographs that were taken with the camera turned, and its values for a quarter turn.
ORIENTATION, QUARTER_TURNS = 0x0112, (5, 6, 7, 8)


def image_path(place: str, folder: PathLike, file_name: str) -> Path:
    """Path of an image that annotations name, in the folder that the caller named or one below it.

    Raises
    ------
    ValueError
        For a name that leads elsewhere: the annotations may come from anybody. Links that lie in the folder
        are followed, for the folder is the caller's own.

    Examples
    --------
    >>> image_path("a.csv, line 2", "photographs", "front/a.jpg").as_posix()
    'photographs/front/a.jpg'
    """
    if leads_out(file_name):
        raise ValueError(
            f"{place}: {shorten(file_name)} lies outside the folder {folder}, expected a name within it"
        )
    return Path(folder) / file_name


def leads_out(file_name: str) -> bool:
    """Whether a name is absolute, or climbs out of its folder, on this or another system."""
    windows = PureWindowsPath(file_name)  # which knows both kinds of slashes
    depth = 0
    for part in windows.parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return bool(windows.anchor) or PurePosixPath(file_name).is_absolute()


class ImageSizes:
    """Look-up of an image's (height, width), which not every format carries.

    Parameters
    ----------
    image_size : (height, width), or a mapping from file names to such pairs, optional
    image_folder : path, optional
        Where the images are; their headers are read. Photographs that carry the mark of a turned
        camera count as turned upright, which is how VIA shows them.
    beside : path, optional
        A file in whose folder the images may be, used by ``found_beside`` only.
    """

    def __init__(self, image_size: SizeOf | None, image_folder: PathLike | None, beside: PathLike = ""):
        if image_size is not None and image_folder is not None:
            raise ValueError("image_size, image_folder: expected one of them at most, got both")
        self.folder = None if image_folder is None else Path(image_folder)
        self.sizes = image_size if isinstance(image_size, Mapping) else None
        self.beside = Path(beside).parent
        self.size = None
        if image_size is not None and self.sizes is None:
            self.size = self._pair("image_size", image_size)

    def of(self, place: str, file_name: str) -> Size | None:
        """Height and width, or None where nothing is known."""
        if self.sizes is not None:
            if file_name not in self.sizes:
                raise ValueError(f"{place}: image_size has no entry for it")
            return self._pair(f"image_size[{file_name!r}]", self.sizes[file_name])
        if self.folder is None:
            return self.size
        path = image_path(place, self.folder, file_name)
        self._require_readable(path)
        size = self._read(path)
        if size is None:
            raise ValueError(f"{place}: {path} is not an image that can be read")
        return size

    def measure(
        self, place: str, file_name: str, claimed: Size | None, tell: Callable[[str], None]
    ) -> Size | None:
        """Height and width: as the caller gives them, of the image itself, or as its annotations claim.

        ``tell`` is told where image and annotations differ.
        """
        size = self.of(place, file_name)
        if size is not None and self.folder is None:
            return size
        size = size or self.found_beside(file_name)
        if None not in (size, claimed) and size != claimed:
            tell("image sizes in the file that are not those of the image")
        return size or claimed

    def found_beside(self, file_name: str) -> Size | None:
        """Height and width of the image beside the annotations, or None if there is none that can be read.

        A name that leads out of that folder, as tables with absolute names have it, is not followed.

        Raises
        ------
        ValueError
            For something of that name that is no file, or too large an image.
        """
        if leads_out(file_name):
            return None
        path = self.beside / file_name
        self._require_readable(path)
        return self._read(path)

    @staticmethod
    def _require_readable(path: Path) -> None:
        """Refuse what would be waited for, such as a pipe."""
        try:
            special = path.exists() and not path.is_file()
        except (OSError, ValueError):  # a name that no file can have
            return
        if special:
            raise ValueError(f"{path}: expected an image, got something else than a file")

    @staticmethod
    def _read(path: Path) -> Size | None:
        try:
            with warnings.catch_warnings():
                # Large images, of which nothing but the header is read here, are the caller's own business.
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                with Image.open(path) as image:
                    width, height = image.size
                    # A PNG's own getexif decodes all of its pixels.
                    turned = Image.Image.getexif(image).get(ORIENTATION) in QUARTER_TURNS
        except Image.DecompressionBombError as error:
            raise ValueError(f"{path}: {error}") from error
        except Exception:  # a damaged header ends in whatever its reader stumbles over
            return None
        return (width, height) if turned else (height, width)

    @staticmethod
    def _pair(name: str, size: Any) -> Size:
        if not isinstance(size, (tuple, list, np.ndarray)) or len(size) != 2:
            raise ValueError(f"{name}: expected (height, width), got {size!r}")
        return as_count(name, size[0]), as_count(name, size[1])
