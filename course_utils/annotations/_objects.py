"""What every reader makes of its file: images with objects as the file gives them, before classes and borders.

A reader knows one format; :mod:`~course_utils.annotations._assembling` knows what is done about foreign
classes, crowds, shapes without area and boxes that leave their image, which is the same for all formats.
"""

import dataclasses
from collections.abc import Hashable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from course_utils.annotations._checks import LeftOutError, Size
from course_utils.annotations.records import Parts, Record, as_parts

__all__ = [
    "AnnotationSet",
    "FoundFile",
    "FoundImage",
    "FoundObject",
    "Label",
    "ellipse",
    "is_number",
    "outline",
    "whole_number",
]

# Corners of the polygon that stands for a circle or an ellipse: 0.04 % of its area are missing.
CORNERS = 128


class AnnotationSet(NamedTuple):
    """What a file or folder of annotations holds.

    Attributes
    ----------
    records : list of Record
        One an image.
    class_names : tuple of str
        The name of each class id; that of 0 is "background" where the file was asked for its classes.
    """

    records: list[Record]
    class_names: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Label:
    """A class as a file gives it.

    Attributes
    ----------
    value : Any
        A name, or an id as number or text; None or blank where there is none.
    kind : "either", "id" or "name"
        What the field holds: where it may be either, a name comes first.
    meaning : str, optional
        What the file says that the value stands for.
    shown : str
        Words for a message, where the value alone would not do.
    """

    value: Any
    kind: Literal["either", "id", "name"] = "either"
    meaning: str | None = None
    shown: str = ""

    @property
    def blank(self) -> bool:
        """Whether there is no class."""
        return self.value is None or (isinstance(self.value, str) and not self.value.strip())

    @property
    def name(self) -> str:
        """The name that a class gets that is found in the file."""
        number = whole_number(self.value)
        if self.meaning is not None and self.meaning.strip() and number is not None:
            return self.meaning.strip()
        return str(self.value).strip() if number is None else str(number)


@dataclasses.dataclass
class FoundObject:
    """One object, or one region of an object in several."""

    place: str  # where it stands, for messages
    field: str  # the field that holds its class
    label: Label
    box: npt.ArrayLike | None = None
    box_fields: Sequence[str] = ()
    parts: Parts = dataclasses.field(default_factory=list)
    box_is_bound: bool = False  # whether the box bounds the parts, as that of an ellipse, and may be clipped
    trouble: LeftOutError | None = None  # why there is no shape
    lost_parts: list[LeftOutError] = dataclasses.field(default_factory=list)
    crowd: bool = False
    instance: tuple[str, Hashable] | None = None  # field and value: regions that share them are one object
    missing: str = ""  # what to say where the label is blank


@dataclasses.dataclass
class FoundImage:
    """One image."""

    place: str
    name: str
    size: Size | None
    objects: list[FoundObject]
    key: str = ""  # what else the file calls it


@dataclasses.dataclass
class FoundFile:
    """A file or folder."""

    path: str
    images: list[FoundImage]
    classes: list[str] = dataclasses.field(default_factory=list)  # those that it declares, in the order of its ids
    other_classes: set[str] = dataclasses.field(default_factory=set)  # those that it declares without ids
    name_field: str = "filename"
    told: dict[str, int] = dataclasses.field(default_factory=dict)  # what the reader has to say, and how often

    def tell(self, text: str) -> None:
        """Count something that the user should know."""
        self.told[text] = self.told.get(text, 0) + 1


def whole_number(value: Any) -> int | None:
    """The integer that a value is, also as text or as a float (a spreadsheet's "1.0"); None for another value.

    Examples
    --------
    >>> [whole_number(value) for value in (3, " 3 ", "3.0", 3.0, "-3", "3a", True, "٣")]
    [3, 3, 3, 3, -3, None, None, None]
    """
    if isinstance(value, (bool, np.bool_)):
        return None
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        text = value.strip().removesuffix(".0")
        digits = text.removeprefix("-")
        return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
    return None


def is_number(value: Any) -> bool:
    """Whether a value is an integer or a float."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def outline(place: str, points: npt.ArrayLike) -> Parts:
    """One part of an outline, from finite numbers of shape (k, 2).

    Raises
    ------
    LeftOutError
        For fewer than three different points.
    """
    try:
        return as_parts(place, np.asarray(points, np.float64))
    except ValueError as error:
        raise LeftOutError("polygons of fewer than three points", str(error)) from error


def ellipse(
    centre: tuple[float, float], radii: tuple[float, float], turn: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Bounding box (4,) and polygon (128, 2) of an ellipse that is turned by an angle in radians, from x to y."""
    (x, y), (radius_x, radius_y) = centre, radii
    angles = 2 * np.pi * np.arange(CORNERS) / CORNERS
    right, down = radius_x * np.cos(angles), radius_y * np.sin(angles)
    cosine, sine = np.cos(turn), np.sin(turn)
    points = np.stack([x + cosine * right - sine * down, y + sine * right + cosine * down], axis=1)
    reach = np.array([np.hypot(radius_x * cosine, radius_y * sine), np.hypot(radius_x * sine, radius_y * cosine)])
    return np.array([x, y, x, y]) + np.concatenate([-reach, reach]), points
