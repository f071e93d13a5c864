"""Records to files, in the formats that can be read back."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from course_utils._arguments import require_kind
from course_utils._files import replacing, write_text
from course_utils.annotations._checks import ImageSizes, PathLike, SizeOf, image_path
from course_utils.annotations.boxes_csv import COLUMNS, escape
from course_utils.annotations.records import Record, as_parts

__all__ = ["save_boxes_csv", "save_coco", "save_via"]

# The longest line of JSON that is not broken.
LINE = 110


def save_via(
    records: Sequence[Record],
    path: PathLike,
    *,
    kind: Literal["polygons", "boxes"] = "polygons",
    class_names: Sequence[str],
    image_folder: PathLike | None = None,
) -> None:
    """Write a project that the VGG Image Annotator 2 opens.

    Parameters
    ----------
    records : sequence of Record
    path : path
        The JSON file.
    kind : "polygons" or "boxes"
        Polygons where an object has some, rounded to a tenth of a pixel, and rectangles elsewhere; or
        rectangles for all. The parts of one object are regions with the same "instance".
    class_names : sequence of str
        The name of each class id, written as each region's "name".
    image_folder : path, optional
        Where the images are: VIA recognises an image by name and number of bytes. Without it the
        number is −1.

    Raises
    ------
    ValueError
        For a class id without a name, or an image twice.
    """
    require_kind(kind, ("polygons", "boxes"))
    _check(records, class_names)
    images = {}
    for record in records:
        size = -1
        if image_folder is not None:
            size = image_path(f"image {record.file_name!r}", image_folder, record.file_name).stat().st_size
        regions = []
        for index, box in enumerate(record.boxes):
            outline = record.polygons[index] if kind == "polygons" else None
            parts = [] if outline is None else as_parts("polygons", outline)
            attributes = {"name": class_names[record.class_ids[index]]}
            if len(parts) > 1:
                attributes["instance"] = str(index + 1)
            for shape in [_polygon(part) for part in parts] or [_rectangle(box)]:
                regions.append({"shape_attributes": shape, "region_attributes": attributes})
        images[f"{record.file_name}{size}"] = {
            "filename": record.file_name,
            "size": size,
            "regions": regions,
            "file_attributes": {},
        }
    name = {
        "type": "dropdown",
        "description": "class",
        "options": {name: name for name in class_names[1:]},
        "default_options": {},
    }
    instance = {"type": "text", "description": "the same for all regions of one object", "default_value": ""}
    project = {
        "_via_settings": {"project": {"name": Path(path).stem}},
        "_via_img_metadata": images,
        "_via_attributes": {"region": {"name": name, "instance": instance}, "file": {}},
        "_via_data_format_version": "2.0.10",
        "_via_image_id_list": list(images),
    }
    write_text(path, _lay_out(project) + "\n")


def save_boxes_csv(records: Sequence[Record], path: PathLike) -> None:
    """Write boxes as a table with the columns frame, xmin, xmax, ymin, ymax, class_id.

    Parameters
    ----------
    records : sequence of Record
        Images without objects have no row, so they are not in the table.
    path : path
        The CSV file.

    Notes
    -----
    A spreadsheet takes what begins with ``=``, ``+``, ``-`` or ``@`` for a formula and computes it. Such file
    names are written with an apostrophe before them, which
    :func:`~course_utils.annotations.boxes_csv.load_boxes_csv` takes off again.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for record in records:
            for box, class_id in zip(record.boxes, record.class_ids, strict=True):
                x_min, y_min, x_max, y_max = (_number(corner, 3) for corner in box)
                writer.writerow([escape(record.file_name), x_min, x_max, y_min, y_max, int(class_id)])


def save_coco(
    records: Sequence[Record],
    path: PathLike,
    *,
    class_names: Sequence[str],
    image_size: SizeOf | None = None,
    image_folder: PathLike | None = None,
) -> None:
    """Write annotations in the COCO format.

    Parameters
    ----------
    records : sequence of Record
    path : path
        The JSON file.
    class_names : sequence of str
        The name of each class id, the background's first.
    image_size : (height, width), or a mapping from file names to such pairs, optional
    image_folder : path, optional
        Where the images are, to read their sizes there. One of the two is needed.

    Raises
    ------
    ValueError
        For a class id without a name, an image twice, or without sizes.

    Notes
    -----
    ``area`` is that of the outline, the number that COCO's metrics sort objects by, or that of the box
    where there is no outline.
    """
    _check(records, class_names)
    sizes = ImageSizes(image_size, image_folder)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, record in enumerate(records, start=1):
        size = sizes.of(f"image {record.file_name!r}", record.file_name)
        if size is None:
            raise ValueError("image_size, image_folder: the COCO format needs the images' sizes, got neither")
        images.append({"id": number, "file_name": record.file_name, "width": size[1], "height": size[0]})
        for box, class_id, outline in zip(record.boxes, record.class_ids, record.polygons, strict=True):
            parts = [] if outline is None else as_parts("polygons", outline)
            shape = _rectangle(box)
            area = sum(_area(part) for part in parts) if parts else shape["width"] * shape["height"]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(class_id),
                    "bbox": [shape[field] for field in ("x", "y", "width", "height")],
                    "area": _number(area, 1),
                    "iscrowd": 0,
                    "segmentation": [[_number(value, 1) for value in part.ravel()] for part in parts],
                }
            )
    categories = [{"id": index, "name": name} for index, name in enumerate(class_names) if index]
    write_text(path, _lay_out({"images": images, "annotations": annotations, "categories": categories}) + "\n")


def _check(records: Sequence[Record], class_names: Sequence[str]) -> None:
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


def _number(value: float, digits: int) -> int | float:
    """The number rounded, without a decimal point where it is whole."""
    rounded = round(float(value), digits)
    return int(rounded) if rounded.is_integer() else rounded


def _polygon(points: npt.NDArray[np.float64]) -> dict[str, Any]:
    x, y = ([_number(value, 1) for value in column] for column in points.T)
    return {"name": "polygon", "all_points_x": x, "all_points_y": y}


def _rectangle(box: npt.NDArray[np.float64]) -> dict[str, Any]:
    x_min, y_min, x_max, y_max = np.round(box, 3)
    return {
        "name": "rect",
        "x": _number(x_min, 3),
        "y": _number(y_min, 3),
        "width": _number(x_max - x_min, 3),
        "height": _number(y_max - y_min, 3),
    }


def _area(points: npt.NDArray[np.float64]) -> float:
    """Area inside a simple polygon (the shoelace formula)."""
    (x, y), (next_x, next_y) = points.T, np.roll(points, -1, axis=0).T
    return abs(float(np.sum(x * next_y - next_x * y))) / 2


def _lay_out(value: Any, indent: int = 0) -> str:
    """JSON that a person can read: what fits on a line stands on one, the rest is broken."""
    compact = json.dumps(value, ensure_ascii=False, allow_nan=False)
    numbers = isinstance(value, list) and not any(isinstance(entry, (list, dict)) for entry in value)
    if not isinstance(value, (list, dict)) or numbers or indent + len(compact) <= LINE:
        return compact
    keys = (
        [f"{json.dumps(key, ensure_ascii=False)}: " for key in value]
        if isinstance(value, dict)
        else [""] * len(value)
    )
    entries = value.values() if isinstance(value, dict) else value
    space = "\n" + " " * (indent + 1)
    inner = f",{space}".join(key + _lay_out(entry, indent + 1) for key, entry in zip(keys, entries, strict=True))
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}{space}{inner}\n{' ' * indent}{closing}"
