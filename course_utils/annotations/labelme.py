"""Annotations of LabelMe: one JSON file an image."""

import base64
import binascii
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from course_utils._arguments import Float64Array
from course_utils.annotations._checks import LeftOutError, Size, as_number, read_json, require_field, shorten
from course_utils.annotations._folders import base_name
from course_utils.annotations._image_sizes import ImageSizes
from course_utils.annotations._objects import (
    FoundFile,
    FoundImage,
    FoundObject,
    Label,
    ellipse,
    outline,
    whole_number,
)
from course_utils.annotations._outlines import mask_parts, require_pixels

__all__ = ["is_labelme", "read_labelme"]


def is_labelme(content: Any) -> bool:
    """Whether the content of a JSON file is LabelMe's."""
    return isinstance(content, dict) and "shapes" in content and "imagePath" in content


def read_labelme(path: str, files: Sequence[Path], sizes: ImageSizes) -> FoundFile:
    """What LabelMe's files hold; of ``imagePath`` the last part counts, and shapes of one group are one object."""
    found = FoundFile(path, [], name_field="imagePath")
    for file in files:
        content = read_json(file)
        place = str(file) if str(file) == path else f"{path}: {file.name}"
        name = base_name(require_field(place, content, "imagePath", str, "text"))
        if not name:
            raise ValueError(f"{place}, imagePath: expected the name of an image, got {content['imagePath']!r}")
        size = sizes.measure(f"{place}, imagePath", name, _claimed_size(content), found.tell)
        objects = []
        for number, shape in enumerate(require_field(place, content, "shapes", list, "a list of shapes")):
            where = f"{place}, shape {number}"
            label = require_field(where, shape, "label", (str, int), "text")
            entry = FoundObject(where, "label", Label(label))
            if shape.get("group_id") is not None:
                entry.instance = ("group_id", f"{shape['group_id']} {label}")
            try:
                _read_shape(entry, shape)
            except LeftOutError as error:
                entry.trouble = error
            objects.append(entry)
        found.images.append(FoundImage(place, name, size, objects, key=file.name))
    return found


def _claimed_size(content: dict[str, Any]) -> Size | None:
    height, width = (whole_number(content.get(field)) for field in ("imageHeight", "imageWidth"))
    return (height, width) if height is not None and width is not None and min(height, width) > 0 else None


def _read_shape(entry: FoundObject, shape: dict[str, Any]) -> None:
    where = entry.place
    kind = shape.get("shape_type") or "polygon"
    entry.box_fields = ("points",) * 4
    points = _points(f"{where}, points", require_field(where, shape, "points", list, "a list of points"))
    if kind == "rectangle" and len(points) >= 2:
        entry.box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    elif kind == "circle" and len(points) == 2:
        radius = float(np.hypot(*(points[1] - points[0])))
        if radius == 0:
            raise LeftOutError("circles without area", f"{where}, points: a circle of radius 0")
        entry.box, corners = ellipse((points[0, 0], points[0, 1]), (radius, radius), 0.0)
        entry.parts, entry.box_is_bound = [corners], True
    elif kind == "polygon":
        entry.parts = outline(f"{where}, points", points)
    elif kind == "mask" and len(points) == 2:
        mask = _mask(f"{where}, mask", shape.get("mask"))
        corner = np.floor(points.min(axis=0))  # the mask's upper left pixel
        entry.parts = [part + corner for part in mask_parts(mask)]
        if not entry.parts:
            raise LeftOutError("masks without a pixel", f"{where}, mask: a mask without a pixel")
    else:
        what = f"got {kind!r} of {len(points)} points"
        raise LeftOutError(
            f"shapes without area: {shorten(kind)}",
            f"{where}, shape_type: expected polygon, rectangle, circle or mask, {what}",
        )


def _points(where: str, points: list[Any]) -> Float64Array:
    if not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise ValueError(f"{where}: expected a list of [x, y], got {shorten(points)}")
    numbers = [
        [as_number(where, f"[{i}][{axis}]", point[axis]) for axis in (0, 1)] for i, point in enumerate(points)
    ]
    return np.array(numbers, np.float64).reshape(-1, 2)


def _mask(where: str, text: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Mask from a PNG file as text in base 64."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"]) as image:
                require_pixels(where, image.height, image.width)
                return np.asarray(image.convert("L")) > 0
    except (binascii.Error, OSError, SyntaxError, TypeError, Image.DecompressionBombError) as error:
        raise ValueError(f"{where}: expected a PNG file in base 64, got {shorten(text)}: {error}") from error
