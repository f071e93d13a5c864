"""Annotations in the JSON format of the COCO data set."""

from collections.abc import Sequence
from typing import Any, Literal

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
from course_utils.annotations.records import Outline, Parts, Record, as_parts

__all__ = ["load_coco"]

# More pixels than this on a side are a mistake.
LARGEST = 1_000_000

Found = list[tuple[npt.NDArray[np.float64], int, Outline]]


def load_coco(
    path: PathLike,
    *,
    class_names: Sequence[str],
    crowds: Literal["error", "skip"] = "error",
    image_size: SizeOf | None = None,
    image_folder: PathLike | None = None,
    outside: Outside = "error",
) -> list[Record]:
    """Annotations in the COCO format, as most annotation tools export it.

    Parameters
    ----------
    path : path
        JSON with ``images``, ``annotations`` (``bbox`` as x, y, width, height; ``segmentation`` as
        polygons) and ``categories``.
    class_names : sequence of str
        The name of each class id, the background's first. Categories are matched by name, whatever
        its case; the file's own category ids need not be those of the course.
    crowds : "error" or "skip"
        What to do about annotations with ``iscrowd``: one region around many objects, for which a
        record has no place.
    image_size, image_folder, outside
        As in :func:`~course_utils.annotations.via.load_via`; only needed for images that come
        without ``width`` and ``height``.

    Returns
    -------
    list of Record
        One an image, in the order of the file, those without annotations included. The polygon is
        None where there is no segmentation; the box is that around the polygons where there is no
        ``bbox``.

    Raises
    ------
    ValueError
        For a malformed file, an unknown category or image, a box outside its image, a polygon of
        fewer than three points, a segmentation in run lengths. The message names file, annotation
        and field.

    Notes
    -----
    Lin et al. 2014, *Microsoft COCO: Common Objects in Context*; https://cocodataset.org/#format-data.
    """
    table = class_table(class_names)
    require_kind(outside, ("error", "clip"), name="outside")
    require_kind(crowds, ("error", "skip"), name="crowds")
    sizes = ImageSizes(image_size, image_folder, beside=path)
    content = read_json(path)
    if isinstance(content, dict) and "_via_img_metadata" in content:
        raise ValueError(f"{path}: this is a VIA project: read it with load_via")
    names, limits = _images(str(path), content, sizes)
    categories = _by_id(str(path), content, "categories")
    objects: dict[Any, Found] = {identity: [] for identity in names}
    for identity, annotation in _by_id(str(path), content, "annotations").items():
        where = f"{path}: annotation {identity}"
        image = require_field(where, annotation, "image_id", (int, str), "an image's id")
        if image not in names:
            raise ValueError(f"{where}, image_id: no image has the id {image!r}")
        where = f"{path}: image {names[image]!r}, annotation {identity}"
        category = require_field(where, annotation, "category_id", (int, str), "a category's id")
        if category not in categories:
            raise ValueError(f"{where}, category_id: no category has the id {category!r}")
        if annotation.get("iscrowd"):
            if crowds == "error":
                raise ValueError(f'{where}, iscrowd: a crowd is not one object; crowds="skip" leaves it out')
            continue
        name = require_field(f"{path}: category {category}", categories[category], "name", str, "text")
        if name.strip().casefold() not in table:
            raise ValueError(
                f"{where}, category_id: unknown class: category {category} is {name!r}; "
                f"expected one of: {', '.join(class_names[1:])}"
            )
        class_id = class_id_of(where, "category_id", name, table)
        box, outline = _read_shape(where, annotation, limits[image], outside)
        objects[image].append((box, class_id, outline))
    return [
        Record(
            names[identity],
            np.array([box for box, _, _ in found]).reshape(-1, 4),
            np.array([class_id for _, class_id, _ in found], np.int64),
            [outline for _, _, outline in found],
        )
        for identity, found in objects.items()
    ]


def _by_id(path: str, content: Any, field: str) -> dict[Any, dict[str, Any]]:
    """The entries of one of the file's lists by their ids."""
    found: dict[Any, dict[str, Any]] = {}
    for index, entry in enumerate(require_field(path, content, field, list, "a list")):
        place = f"{path}: {field}[{index}]"
        identity = require_field(place, entry, "id", (int, str), "an id")
        if identity in found:
            raise ValueError(f"{place}, id: {identity!r} is given twice")
        found[identity] = entry
    return found


def _images(path: str, content: Any, sizes: ImageSizes) -> tuple[dict[Any, str], dict[Any, Size | None]]:
    """File name and size of each image by its id."""
    names: dict[Any, str] = {}
    limits: dict[Any, Size | None] = {}
    for identity, image in _by_id(path, content, "images").items():
        place = f"{path}: image {identity}"
        name = as_file_name(place, "file_name", require_field(place, image, "file_name", str, "text"))
        place = f"{path}: image {name!r}"
        if name in names.values():
            raise ValueError(f"{place}, file_name: given twice")
        names[identity] = name
        limits[identity] = sizes.of(place, name)
        if limits[identity] is None and image.get("width") is not None and image.get("height") is not None:
            height, width = (require_field(place, image, field, int, "a number") for field in ("height", "width"))
            if not (1 <= height <= LARGEST and 1 <= width <= LARGEST):
                raise ValueError(f"{place}, height, width: expected 1 to {LARGEST:,}, got {height} and {width}")
            limits[identity] = height, width
        if limits[identity] is None:
            limits[identity] = sizes.found_beside(name)
    return names, limits


def _read_shape(
    where: str, annotation: dict[str, Any], size: Size | None, outside: Outside
) -> tuple[npt.NDArray[np.float64], Outline]:
    """Box and outline of one object."""
    parts = _read_segmentation(where, annotation.get("segmentation"))
    bbox = annotation.get("bbox")
    if bbox is None:
        if not parts:
            raise ValueError(f"{where}, bbox: missing, and there is no segmentation")
        return fit_outline(f"{where}, segmentation", parts, size), parts
    if not isinstance(bbox, list) or len(bbox) != 4:
        raise ValueError(f"{where}, bbox: expected x, y, width, height, got {shorten(bbox)}")
    x, y, width, height = (as_number(where, f"bbox[{index}]", value) for index, value in enumerate(bbox))
    for field, value in (("width", width), ("height", height)):
        if value <= 0:
            raise ValueError(f"{where}, bbox: expected a {field} above 0, got {value:g}")
    if parts:
        fit_outline(f"{where}, segmentation", parts, size)
    fields = ("bbox[0]", "bbox[1]", "bbox[0] + bbox[2]", "bbox[1] + bbox[3]")
    return fit_box(where, fields, [x, y, x + width, y + height], size, outside), parts or None


def _read_segmentation(where: str, segmentation: Any) -> Parts:
    where = f"{where}, segmentation"
    if segmentation is None or segmentation == []:
        return []
    if isinstance(segmentation, dict):
        raise ValueError(f"{where}: given in run lengths (RLE), which is not read here; export polygons")
    if not isinstance(segmentation, list) or not all(isinstance(part, list) for part in segmentation):
        raise ValueError(
            f"{where}: expected a list of polygons, each [x, y, x, y, …], got {shorten(segmentation)}"
        )
    parts = []
    for index, part in enumerate(segmentation):
        if len(part) % 2 or len(part) < 6:
            raise ValueError(
                f"{where}[{index}]: expected x and y of three points or more, "
                f"got {len(part)} numbers: {shorten(part)}"
            )
        numbers = [as_number(where, f"[{index}][{place}]", value) for place, value in enumerate(part)]
        parts.extend(as_parts(f"{where}[{index}]", np.reshape(numbers, (-1, 2))))
    return parts
