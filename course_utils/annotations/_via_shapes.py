"""The shapes of the VGG Image Annotator's regions."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from course_utils.annotations._checks import LeftOutError, as_number, require_field, shorten
from course_utils.annotations._objects import FoundObject, ellipse, outline

__all__ = ["read_shape"]


def read_shape(entry: FoundObject, shape: Mapping[str, Any]) -> None:
    """Give an object the box, or the parts, of its region.

    Raises
    ------
    LeftOutError
        For a shape without area.
    ValueError
        For missing fields and what is no number.
    """
    where = f"{entry.place}, shape_attributes"
    kind = require_field(where, shape, "name", str, "the name of a shape")
    if kind == "rect":
        x, y, width, height = (_number(where, shape, field) for field in ("x", "y", "width", "height"))
        _require_above(where, "rectangles without area", width=width, height=height)
        entry.box, entry.box_fields = [x, y, x + width, y + height], _named("x", "y", "x + width", "y + height")
    elif kind in ("circle", "ellipse"):
        radii = ("r", "r") if kind == "circle" else ("rx", "ry")
        x, y, radius_x, radius_y = (_number(where, shape, field) for field in ("cx", "cy", *radii))
        _require_above(where, f"{kind}s without area", **{radii[0]: radius_x, radii[1]: radius_y})
        turn = _number(where, shape, "theta") if kind == "ellipse" and "theta" in shape else 0.0
        entry.box, points = ellipse((x, y), (radius_x, radius_y), turn)
        entry.parts, entry.box_is_bound = [points], True
        entry.box_fields = _named(*[f"cx, {radii[0]}", f"cy, {radii[1]}"] * 2)
    elif kind == "polygon":
        x_values, y_values = (_numbers(where, shape, field) for field in ("all_points_x", "all_points_y"))
        if len(x_values) != len(y_values):
            raise ValueError(
                f"{where}, all_points_y: expected {len(x_values)} numbers, as in all_points_x, got {len(y_values)}"
            )
        if not x_values:
            reason, field = "polygons of fewer than three points", "all_points_x"
            raise LeftOutError(reason, f"{where}, {field}: a polygon needs three points or more, got none")
        entry.box_fields = ("shape_attributes, all_points_x, all_points_y",)
        entry.parts = outline(f"{where}, all_points_x, all_points_y", np.array([x_values, y_values]).T)
    else:
        raise LeftOutError(
            f"shapes without area: {shorten(kind)}",
            f"{where}, name: expected rect, polygon, circle or ellipse, got {kind!r}, which has no area: "
            "draw a polygon instead",
        )


def _named(*fields: str) -> list[str]:
    return [f"shape_attributes, {field}" for field in fields]


def _require_above(where: str, reason: str, **values: float) -> None:
    for field, value in values.items():
        if value <= 0:
            raise LeftOutError(reason, f"{where}, {field}: expected more than 0, got {value:g}")


def _number(where: str, shape: Mapping[str, Any], field: str) -> float:
    value = require_field(where, shape, field, (int, float, list), "a number")
    if isinstance(value, list):  # as VIA writes it after it read some COCO files
        if len(value) != 1 or isinstance(value[0], str):
            raise ValueError(f"{where}, {field}: expected a number, got {shorten(value)}")
        value = value[0]
    return as_number(where, field, value)


def _numbers(where: str, shape: Mapping[str, Any], field: str) -> list[float]:
    values = require_field(where, shape, field, list, "a list of numbers")
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    values = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]
    if any(isinstance(value, str) for value in values):
        raise ValueError(f"{where}, {field}: expected numbers, got {shorten(values)}")
    return [as_number(where, f"{field}[{index}]", value) for index, value in enumerate(values)]
