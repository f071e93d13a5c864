"""Annotations in the XML format "CVAT for images"."""

from pathlib import Path

import numpy as np

from course_utils._arguments import Float64Array
from course_utils.annotations._checks import LeftOutError, Size, as_file_name, as_number, shorten
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
from course_utils.annotations._outlines import decode_runs, mask_parts
from course_utils.annotations._xml import Element, read_xml, text_in

__all__ = ["read_cvat"]

CORNERS = ("xtl", "ytl", "xbr", "ybr")


def read_cvat(path: str, file: Path, sizes: ImageSizes) -> FoundFile:
    """What a file holds; the classes are the labels of its task, in their order, and groups are objects."""
    root = read_xml(file)
    if root.tag != "annotations" or root.find("track") is not None:
        what = f"<{root.tag}>" if root.find("track") is None else "tracks of a video"
        raise ValueError(f'{path}: expected <annotations> of images, got {what}; export as "CVAT for images"')
    labels = [text_in(label, "name") for label in root.iterfind("meta//label") if not text_in(label, "parent")]
    found = FoundFile(path, [], classes=[label for label in labels if label], name_field="name")
    for node in root.iterfind("image"):
        place = f"{path}: image {node.get('id', node.get('name', '?'))}"
        name = as_file_name(place, "name", node.get("name"))
        place = f"{path}: image {name!r}"
        size = sizes.measure(place, name, _claimed_size(node), found.tell)
        objects = []
        for number, shape in enumerate(node):
            if shape.tag == "tag":  # a class of the whole image
                found.tell("tags of whole images left out")
                continue
            where = f"{place}, {shape.tag} {number}"
            entry = FoundObject(where, "label", Label(shape.get("label")))
            if shape.get("group_id", "0") != "0":
                entry.instance = ("group_id", f"{shape.get('group_id')} {shape.get('label')}")
            try:
                _read_shape(entry, shape)
            except LeftOutError as error:
                entry.trouble = error
            objects.append(entry)
        found.images.append(FoundImage(place, name, size, objects))
    return found


def _claimed_size(node: Element) -> Size | None:
    height, width = (whole_number(node.get(field)) for field in ("height", "width"))
    return (height, width) if height is not None and width is not None and min(height, width) > 0 else None


def _read_shape(entry: FoundObject, shape: Element) -> None:
    where = entry.place

    def number(field: str, default: str | None = None) -> float:
        return as_number(where, field, shape.get(field, default))

    turn = np.deg2rad(number("rotation", "0"))
    if shape.tag == "box":
        x_min, y_min, x_max, y_max = (number(corner) for corner in CORNERS)
        entry.box_fields = CORNERS
        if turn == 0:
            entry.box = [x_min, y_min, x_max, y_max]
            return
        centre = np.array([x_min + x_max, y_min + y_max]) / 2
        corners = np.array([[x_min, y_min], [x_max, y_min], [x_max, y_max], [x_min, y_max]]) - centre
        cosine, sine = np.cos(turn), np.sin(turn)
        entry.parts = outline(f"{where}, points", corners @ np.array([[cosine, sine], [-sine, cosine]]) + centre)
    elif shape.tag == "polygon":
        entry.parts = outline(f"{where}, points", _points(where, shape.get("points") or ""))
    elif shape.tag == "ellipse":
        radii = number("rx"), number("ry")
        if min(radii) <= 0:
            raise LeftOutError("ellipses without area", f"{where}, rx, ry: expected more than 0, got {radii}")
        entry.box, points = ellipse((number("cx"), number("cy")), radii, float(turn))
        entry.parts, entry.box_is_bound, entry.box_fields = [points], True, ("cx, rx", "cy, ry") * 2
    elif shape.tag == "mask":
        left, top, width, height = (int(number(field)) for field in ("left", "top", "width", "height"))
        mask = decode_runs(f"{where}, rle", (shape.get("rle") or "").split(","), height, width)
        entry.parts = [part + np.array([left, top]) for part in mask_parts(mask)]
        if not entry.parts:
            raise LeftOutError("masks without a pixel", f"{where}, rle: a mask without a pixel")
    else:
        raise LeftOutError(
            f"shapes without area: {shorten(shape.tag)}",
            f"{where}: expected box, polygon, ellipse or mask, got {shape.tag}, of which an object is not made",
        )


def _points(where: str, text: str) -> Float64Array:
    pairs = [pair.split(",") for pair in text.split(";") if pair.strip()]
    if not all(len(pair) == 2 for pair in pairs):
        raise ValueError(f"{where}, points: expected x,y;x,y;…, got {shorten(text)}")
    numbers = [[as_number(where, f"points[{i}]", value) for value in pair] for i, pair in enumerate(pairs)]
    return np.array(numbers, np.float64).reshape(-1, 2)
