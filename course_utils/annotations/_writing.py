"""What the writers of all formats share."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from course_utils._arguments import Float64Array
from course_utils.annotations._checks import Size
from course_utils.annotations._image_sizes import ImageSizes, leads_out
from course_utils.annotations.records import Record

__all__ = [
    "check_records",
    "legible",
    "named_once",
    "number",
    "number_text",
    "require_area",
    "require_size",
    "rounded",
]

# With as many decimals every difference between two coordinates of an image can be told.
MOST_DIGITS = 17
# Characters that XML has no place for, and that would end a line of text.
ILLEGIBLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def check_records(records: Sequence[Record], class_names: Sequence[str]) -> None:
    """Refuse records that would not come back: an image twice, a class without a name, a box without area.

    Raises
    ------
    ValueError
        With the image's name.
    """
    seen: set[str] = set()
    for record in records:
        if record.file_name in seen:
            raise ValueError(f"records: {record.file_name!r} is given twice")
        seen.add(record.file_name)
        unnamed = record.class_ids[record.class_ids >= len(class_names)]
        if len(unnamed):
            raise ValueError(
                f"records: {record.file_name!r} has class {unnamed[0]}, class_names has {list(class_names)}"
            )
        require_area(record)


def require_area(record: Record) -> None:
    """Refuse a record with a box that no reader would take."""
    empty = ~(record.boxes[:, 2:] > record.boxes[:, :2]).all(axis=1)
    if empty.any():
        box = record.boxes[int(np.argmax(empty))].tolist()
        raise ValueError(f"records: {record.file_name!r} has a box without area, {box}")


def rounded(points: Float64Array, digits: int, most: int = MOST_DIGITS) -> Float64Array:
    """Points with few decimals, and with more where these would make the shape vanish.

    Parameters
    ----------
    points : (k, 2) float
        Corners of a polygon, or the two of a box.
    digits, most : int
        How many decimals to begin with, and how many at most.

    Raises
    ------
    ValueError
        For a shape that is too small for the most.

    Examples
    --------
    >>> rounded(np.array([[10.0, 20.0], [10.0004, 20.12345]]), 3).tolist()
    [[10.0, 20.0], [10.0004, 20.1234]]
    """
    corners = min(3, len(np.unique(points, axis=0)))
    for places in range(digits, most + 1):
        candidate = np.round(points, places)
        if np.ptp(candidate, axis=0).min() > 0 and len(np.unique(candidate, axis=0)) >= corners:
            return candidate
    if most == MOST_DIGITS:
        return points
    raise ValueError(f"records: a shape is too small to be written with {most} decimals: {points.tolist()}")


def number(value: float) -> int | float:
    """The number without a decimal point where it is whole."""
    return int(value) if float(value).is_integer() else float(value)


def number_text(value: float, digits: int = 9) -> str:
    """Text of a number, without zeros at its end.

    Examples
    --------
    >>> number_text(10.0), number_text(0.1 + 0.2), number_text(-0.00000000001)
    ('10', '0.3', '0')
    """
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def legible(text: str) -> str:
    """Text, if the formats of lines and tags can hold it.

    Raises
    ------
    ValueError
        For control characters.
    """
    if ILLEGIBLE.search(text):
        raise ValueError(f"records, class_names: expected text without control characters, got {text!r}")
    return text


def named_once(records: Sequence[Record], ending: str) -> list[str]:
    """Names of the files, one a record, that are called like the images.

    Raises
    ------
    ValueError
        Where two images would have the same file, or a name leads out of the folder.
    """
    others: dict[str, str] = {}
    names = []
    for record in records:
        if leads_out(record.file_name):
            raise ValueError(f"records: {record.file_name!r} lies outside the folder")
        name = PurePosixPath(record.file_name.replace("\\", "/")).with_suffix(ending).as_posix()
        names.append(name)
        other = others.setdefault(name.casefold(), record.file_name)
        if other != record.file_name:
            raise ValueError(f"records: {other!r} and {record.file_name!r} would both be written to {name!r}")
    return names


def require_size(sizes: ImageSizes, file_name: str, what: str) -> Size:
    """Height and width of an image, without which a format cannot be written."""
    size = sizes.of(f"image {file_name!r}", file_name)
    if size is None:
        raise ValueError(f"image_size, image_folder: the {what} format needs the images' sizes, got neither")
    return size
