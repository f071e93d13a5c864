"""Checks that the readers of all formats share.

Every message starts with the place: the file, then the image and region (VIA), the line (CSV) or the
annotation (COCO), then the field.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from course_utils.annotations.records import Parts, box_of_parts

__all__ = [
    "ROUNDING",
    "LeftOutError",
    "Outside",
    "PathLike",
    "Size",
    "SizeOf",
    "as_file_name",
    "as_number",
    "fit_box",
    "fit_outline",
    "parse_json",
    "read_json",
    "read_text",
    "require_field",
    "shorten",
]

PathLike = str | os.PathLike[str]
Size = tuple[int, int]
SizeOf = Mapping[str, Size] | Size
Outside = Literal["error", "clip"]

# A corner this far outside the image, in pixels, is rounding: it is moved to the edge.
ROUNDING = 0.1


class LeftOutError(ValueError):
    """A shape that has no place in a record: it covers nothing, or nothing of its image.

    Attributes
    ----------
    reason : str
        What such shapes are called where they are counted.
    """

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


def read_text(path: PathLike) -> str:
    """Content of a text file in UTF-8, with or without a byte order mark.

    Raises
    ------
    ValueError
        For another encoding, and for what is no file, such as a pipe.
    """
    if Path(path).exists() and not Path(path).is_file():
        raise ValueError(f"{path}: expected a file, got something else")
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: expected a text file in UTF-8, so this is not a JSON file or table that can be read: {error}"
        ) from error


def read_json(path: PathLike) -> Any:
    """Content of a JSON file.

    Raises
    ------
    ValueError
        As :func:`read_text` and :func:`parse_json`.
    """
    return parse_json(path, read_text(path))


def parse_json(place: PathLike, text: str) -> Any:
    """Value of a JSON text.

    Raises
    ------
    ValueError
        If it is not JSON or gives a key twice, of which Python's reader would drop the first.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise ValueError(f"the key {key!r} stands twice in one object")
            found[key] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except ValueError as error:  # a JSONDecodeError is one too
        raise ValueError(f"{place}: not a JSON file that can be read: {error}") from error
    except RecursionError as error:
        raise ValueError(f"{place}: not a JSON file that can be read: nested too deeply") from error


def require_field(place: str, holder: Any, field: str, kind: type | tuple[type, ...], expected: str) -> Any:
    """Return ``holder[field]`` if the holder is a mapping that has it, of the type asked for.

    Examples
    --------
    >>> require_field("a.json", {"images": []}, "images", list, "a list")
    []
    """
    if not isinstance(holder, dict):
        raise ValueError(f"{place}: expected an object with {field!r}, got {shorten(holder)}")
    if field not in holder:
        raise ValueError(f"{place}, {field}: missing; there is {sorted(map(str, holder))}")
    value = holder[field]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{place}, {field}: expected {expected}, got {shorten(value)}")
    return value


def as_file_name(place: str, field: str, value: Any) -> str:
    """Return a name that is not empty.

    Examples
    --------
    >>> as_file_name("a.csv, line 2", "frame", " a.jpg")
    'a.jpg'
    >>> as_file_name("a.json", "file_name", "https://example.org/photographs/a.jpg")
    'a.jpg'
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{place}, {field}: expected the name of an image, got {value!r}")
    name = value.strip()
    # VIA calls the images of an imported COCO file by their addresses.
    return name.rsplit("/", 1)[-1] or name if "://" in name else name


def as_number(place: str, field: str, value: Any) -> float:
    """Return a finite number; text is read where it is one.

    Examples
    --------
    >>> as_number("a.csv, line 2", "xmin", " 12.5")
    12.5
    """
    number = np.nan
    if isinstance(value, (int, float, str)) and not isinstance(value, bool) and "_" not in str(value):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = np.nan
    if not np.isfinite(number):
        raise ValueError(f"{place}, {field}: expected a finite number, got {shorten(value)}")
    return number


def fit_box(
    place: str, fields: Sequence[str], box: npt.ArrayLike, size: Size | None, outside: Outside
) -> npt.NDArray[np.float64]:
    """Return a box of positive area inside its image.

    Parameters
    ----------
    place, fields : str, four of str
        For the message: where the box stands, and what its x_min, y_min, x_max, y_max are called.
    box : (4,) float
    size : (height, width), optional
        Without it, only what lies left of the image or above it can be seen.
    outside : "error" or "clip"
        What to do about a box of which a part lies outside; a box that lies outside as a whole is
        always an error.

    Examples
    --------
    >>> fit_box("a.csv, line 2", ("xmin", "ymin", "xmax", "ymax"), [-3, 0, 9, 5], (4, 8), "clip")
    array([0., 0., 8., 4.])
    """
    corners = np.array(box, np.float64)
    for low, high in ((0, 2), (1, 3)):
        if not corners[high] > corners[low]:
            raise LeftOutError(
                "boxes without area",
                f"{place}, {fields[high]}: expected more than {fields[low]}, "
                f"got {corners[high]:g} and {corners[low]:g}",
            )
    limits = np.array([np.inf, np.inf] if size is None else [size[1], size[0]], np.float64)
    inside = np.clip(corners.reshape(2, 2), 0, limits).ravel()
    off = np.abs(inside - corners) > ROUNDING
    gone = not (inside[2:] > inside[:2]).all()
    if gone or (off.any() and outside == "error"):
        image = "the image" if size is None else f"the image of width {size[1]} and height {size[0]}"
        worst = int(np.argmax(np.abs(inside - corners)))
        advice = "" if gone else '; outside="clip" cuts boxes at the edge'
        text = f"{place}, {fields[worst]}: {corners[worst]:g} lies outside {image}{advice}"
        raise LeftOutError("boxes outside their image", text) if gone else ValueError(text)
    return inside


def fit_outline(place: str, parts: Parts, size: Size | None) -> npt.NDArray[np.float64]:
    """Return the box around the part of an outline that lies inside the image.

    Examples
    --------
    >>> fit_outline("a.json", [np.array([[-2.0, 1], [4, 1], [4, 2]])], (8, 8)).tolist()
    [0.0, 1.0, 4.0, 2.0]
    """
    corners = box_of_parts(parts)
    limits = [np.inf, np.inf] if size is None else [size[1], size[0]]
    inside = np.clip(corners.reshape(2, 2), 0, limits).ravel()
    if not (inside[2:] > inside[:2]).all():
        image = "the image" if size is None else f"the image of width {size[1]} and height {size[0]}"
        raise LeftOutError(
            "polygons that cover nothing of their image",
            f"{place}: the polygon from {corners[:2].tolist()} to {corners[2:].tolist()} "
            f"covers nothing inside {image}",
        )
    return inside


def shorten(value: Any) -> str:
    """Text of a value for a message, 80 characters at most."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
