"""Annotations of the VGG Image Annotator (VIA), versions 1 and 2."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from course_utils._arguments import require_kind
from course_utils.annotations._checks import (
    ImageSizes,
    Outside,
    PathLike,
    Size,
    SizeOf,
    as_file_name,
    as_number,
    class_id_of,
    class_table,
    fit_box,
    fit_outline,
    read_json,
    require_field,
    shorten,
)
from course_utils.annotations.records import Parts, Record, as_parts

__all__ = ["load_via"]

# What people call the attribute that holds the class, and the one that joins regions to one object.
CLASS_ATTRIBUTES = ("name", "class", "class_id", "label", "category")
INSTANCE_ATTRIBUTES = ("instance", "instance_id", "object_id")
# Corners of the polygon that stands for a circle or an ellipse: 0.04 % of its area are missing.
CORNERS = 128


def load_via(
    path: PathLike,
    *,
    class_names: Sequence[str],
    attribute: str | None = None,
    instance_attribute: str | None = None,
    image_size: SizeOf | None = None,
    image_folder: PathLike | None = None,
    outside: Outside = "error",
) -> list[Record]:
    """Annotations that were drawn with the VGG Image Annotator.

    Parameters
    ----------
    path : path
        A project that VIA 2 saved, or annotations that VIA 1 or 2 exported as JSON.
    class_names : sequence of str
        The name of each class id, the background's first. A region gives its class as a name,
        whatever its case, or as an id; where the project's own list of options says what an option
        means, that counts.
    attribute : str, optional
        The region attribute that holds the class. By default "name", "class", "class_id", "label" or
        "category", whatever their case, or the only attribute there is.
    instance_attribute : str, optional
        The region attribute that joins regions to one object: those of an image with the same value
        belong together, those without one are objects of their own. By default "instance",
        "instance_id" or "object_id", where a region has one of them.
    image_size : (height, width), or a mapping from file names to such pairs, optional
        To notice what lies outside an image.
    image_folder : path, optional
        Where the images are, to read their sizes there. Without either, sizes come from ``width`` and
        ``height`` among an image's file attributes, or from the image if it stands beside the file.
        Where nothing is known of an image, only negative coordinates can be noticed.
    outside : "error" or "clip"
        What to do about a rectangle, circle or ellipse that leaves its image.

    Returns
    -------
    list of Record
        One an image, in the order of the file, those without regions included. Rectangles have no
        polygon; circles and ellipses become polygons of 128 corners. A polygon's box is the box around
        what of it lies inside the image. An object of several regions has the box around all of them,
        and the polygons among them as its parts.

    Raises
    ------
    ValueError
        For a malformed file, an unknown class, a box outside its image, a polygon of fewer than three
        points, a shape without an area (point, line). The message names file, image, region and field.

    Notes
    -----
    Dutta and Zisserman 2019, *The VIA Annotation Software for Images, Audio and Video*.
    """
    table = class_table(class_names)
    require_kind(outside, ("error", "clip"), name="outside")
    sizes = ImageSizes(image_size, image_folder, beside=path)
    content = read_json(path)
    images, options = _images_and_options(str(path), content)
    records: list[Record] = []
    seen: dict[str, str] = {}
    for key, entry in images.items():
        place = f"{path}: image {key!r}"
        name = as_file_name(place, "filename", require_field(place, entry, "filename", str, "text"))
        place = f"{path}: image {name!r}"
        if name in seen:
            raise ValueError(f"{place}, filename: given twice, under {seen[name]!r} and {key!r}")
        seen[name] = key
        size = sizes.of(place, name) or _size_in_attributes(entry) or sizes.found_beside(name)
        regions = require_field(place, entry, "regions", (list, dict), "a list of regions")
        numbered = regions.items() if isinstance(regions, dict) else enumerate(regions)
        objects: dict[tuple[str, Any], _Object] = {}
        for number, region in numbered:
            where = f"{place}, region {number}"
            attributes = require_field(where, region, "region_attributes", dict, "an object")
            instance = _instance_of(where, attributes, instance_attribute, attribute)
            class_id = _class_of(where, attributes, attribute, instance[0], options, table)
            alone = instance[0] is None
            found = objects.setdefault(("", number) if alone else ("instance", instance[1]), _Object(class_id))
            if found.class_id != class_id:
                raise ValueError(
                    f"{where}, region_attributes.{instance[0]}: {instance[1]!r} has two classes, "
                    f"{class_names[found.class_id]} and {class_names[class_id]}"
                )
            shape = require_field(where, region, "shape_attributes", dict, "an object")
            box, parts = _read_shape(where, shape, size, outside)
            found.boxes.append(box)
            found.parts.extend(parts)
        records.append(_as_record(name, list(objects.values())))
    return records


class _Object:
    """An object while its regions are gathered."""

    def __init__(self, class_id: int):
        self.class_id = class_id
        self.boxes: list[npt.NDArray[np.float64]] = []
        self.parts: Parts = []


def _as_record(name: str, objects: list[_Object]) -> Record:
    boxes = [np.concatenate([np.min(o.boxes, axis=0)[:2], np.max(o.boxes, axis=0)[2:]]) for o in objects]
    return Record(
        name,
        np.array(boxes).reshape(-1, 4),
        np.array([o.class_id for o in objects], np.int64),
        [o.parts or None for o in objects],
    )


def _images_and_options(path: str, content: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The images by key, and what the project says of the region attributes' options."""
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected VIA's object of images, got {shorten(content)}")
    if "_via_img_metadata" in content:
        images = require_field(path, content, "_via_img_metadata", dict, "an object of images")
        declared = content.get("_via_attributes")
        region = declared.get("region") if isinstance(declared, dict) else None
        return images, region if isinstance(region, dict) else {}
    if "images" in content and "annotations" in content:
        raise ValueError(f"{path}: this is a COCO file: read it with load_coco")
    if {"project", "file", "metadata"} <= content.keys():
        raise ValueError(
            f"{path}: a project of VIA 3; only VIA 1 and 2 annotate regions the way that is read here"
        )
    if any(str(key).startswith("_via") for key in content):
        raise ValueError(f"{path}, _via_img_metadata: missing; there is {sorted(content)}")
    return content, {}


def _size_in_attributes(entry: Mapping[str, Any]) -> Size | None:
    """Height and width from the file attributes, where somebody noted them."""
    attributes = entry.get("file_attributes")
    if not isinstance(attributes, dict):
        return None
    noted = [str(attributes.get(field, "")).strip() for field in ("height", "width")]
    if not all(text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0 for text in noted):
        return None
    return int(noted[0]), int(noted[1])


def _find(attributes: Iterable[str], names: Sequence[str]) -> str | None:
    """The first of the names that an attribute has, whatever its case."""
    by_name = {key.casefold(): key for key in attributes}
    return next((by_name[name] for name in names if name in by_name), None)


def _instance_of(
    where: str, attributes: Mapping[str, Any], wanted: str | None, class_attribute: str | None
) -> tuple[str | None, Any]:
    """Name and value of the attribute that joins regions; (None, None) without one."""
    field = wanted
    if wanted is None and len(attributes) > 1:
        field = _find(attributes, INSTANCE_ATTRIBUTES)
        field = None if field == class_attribute else field
    value = None if field is None else attributes.get(field)
    if value is None or value == "":
        return None, None
    if isinstance(value, (dict, list)):
        raise ValueError(f"{where}, region_attributes.{field}: expected a name or a number, got {shorten(value)}")
    return field, str(value).strip()


def _class_of(
    where: str,
    attributes: Mapping[str, Any],
    wanted: str | None,
    instance: str | None,
    options: Mapping[str, Any],
    table: Mapping[str, int],
) -> int:
    others = [key for key in attributes if key != instance]
    field = wanted or _find(others, CLASS_ATTRIBUTES)
    if field is None and len(others) == 1:
        field = others[0]
    if field is None or field not in attributes:
        raise ValueError(
            f"{where}, region_attributes.{wanted or CLASS_ATTRIBUTES[0]}: missing; there is {sorted(attributes)}"
            + ("" if wanted else "; say with attribute=… which one holds the class")
        )
    value = attributes[field]
    place = f"region_attributes.{field}"
    if isinstance(value, dict):  # a check box: {"bottle": true}
        chosen = [key for key, on in value.items() if on]
        if len(chosen) != 1:
            raise ValueError(f"{where}, {place}: expected one class, got {shorten(value)}")
        value = chosen[0]
    declared = options.get(field)
    meanings = declared.get("options") if isinstance(declared, dict) else None
    meaning = meanings.get(str(value)) if isinstance(meanings, dict) else None
    if isinstance(meaning, str) and meaning.strip().casefold() in table:
        value = meaning
    return class_id_of(where, place, value, table)


def _read_shape(
    where: str, shape: Mapping[str, Any], size: Size | None, outside: Outside
) -> tuple[npt.NDArray[np.float64], Parts]:
    """Box and parts of one region."""
    where = f"{where}, shape_attributes"
    kind = require_field(where, shape, "name", str, "the name of a shape")

    def number(field: str) -> float:
        value = require_field(where, shape, field, (int, float), "a number")
        return as_number(where, field, value)

    if kind == "rect":
        x, y, width, height = (number(field) for field in ("x", "y", "width", "height"))
        fields = ("x", "y", "x + width", "y + height")
        for field, value in (("width", width), ("height", height)):
            if value <= 0:
                raise ValueError(f"{where}, {field}: expected more than 0, got {value:g}")
        return fit_box(where, fields, [x, y, x + width, y + height], size, outside), []
    if kind in ("circle", "ellipse"):
        radii = ("r", "r") if kind == "circle" else ("rx", "ry")
        x, y, radius_x, radius_y = (number(field) for field in ("cx", "cy", *radii))
        for field, value in zip(radii, (radius_x, radius_y), strict=True):
            if value <= 0:
                raise ValueError(f"{where}, {field}: expected more than 0, got {value:g}")
        turn = number("theta") if kind == "ellipse" and "theta" in shape else 0.0
        angles = 2 * np.pi * np.arange(CORNERS) / CORNERS
        right, down = radius_x * np.cos(angles), radius_y * np.sin(angles)
        cosine, sine = np.cos(turn), np.sin(turn)
        points = np.stack([x + cosine * right - sine * down, y + sine * right + cosine * down], axis=1)
        reach = np.array(
            [np.hypot(radius_x * cosine, radius_y * sine), np.hypot(radius_x * sine, radius_y * cosine)]
        )
        corners = np.array([x, y, x, y]) + np.concatenate([-reach, reach])
        return fit_box(where, [f"cx, {radii[0]}", f"cy, {radii[1]}"] * 2, corners, size, outside), [points]
    if kind == "polygon":
        columns = []
        for field in ("all_points_x", "all_points_y"):
            values = require_field(where, shape, field, list, "a list of numbers")
            if any(isinstance(value, str) for value in values):
                raise ValueError(f"{where}, {field}: expected numbers, got {shorten(values)}")
            columns.append([as_number(where, f"{field}[{index}]", value) for index, value in enumerate(values)])
        if len(columns[0]) != len(columns[1]):
            raise ValueError(
                f"{where}, all_points_y: expected {len(columns[0])} numbers, as in all_points_x, "
                f"got {len(columns[1])}"
            )
        if not columns[0]:
            raise ValueError(f"{where}, all_points_x: a polygon needs three points or more, got none")
        parts = as_parts(f"{where}, all_points_x, all_points_y", np.array(columns).T)
        return fit_outline(f"{where}, all_points_x, all_points_y", parts, size), parts
    raise ValueError(
        f"{where}, name: expected rect, polygon, circle or ellipse, got {kind!r}, which has no area: "
        "draw a polygon instead"
    )
