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
from course_utils.annotations._checks import PathLike, SizeOf
from course_utils.annotations._image_sizes import ImageSizes, image_path
from course_utils.annotations._writing import check_records, number, require_area, require_size, rounded
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
        Polygons where an object has some, rounded to a tenth of a pixel (finer if that would make them
        vanish), and rectangles elsewhere; or
        rectangles for all. The parts of one object are regions with the same "instance".
    class_names : sequence of str
        The name of each class id, written as each region's "name".
    image_folder : path, optional
        Where the images are: VIA recognises an image by name and number of bytes. Without it the
        number is −1.

    Raises
    ------
    ValueError
        For a class id without a name, an image twice, or a box without area.
    """
    require_kind(kind, ("polygons", "boxes"))
    check_records(records, class_names)
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
        key = f"{record.file_name}{size}"
        while key in images:  # "a.jpg" of 11 bytes and "a.jpg1" of 1: to VIA a key is any text that is different
            key += "-"
        images[key] = {
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
            require_area(record)
            for box, class_id in zip(record.boxes, record.class_ids, strict=True):
                x_min, y_min, x_max, y_max = (number(corner) for corner in rounded(box.reshape(2, 2), 3).ravel())
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
        For a class id without a name, an image twice or without a size, or a box without area.

    Notes
    -----
    ``area`` is that of the outline, the number that COCO's metrics sort objects by, or that of the box
    where there is no outline.
    """
    check_records(records, class_names)
    sizes = ImageSizes(image_size, image_folder)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, record in enumerate(records, start=1):
        size = require_size(sizes, record.file_name, "COCO")
        images.append({"id": image_id, "file_name": record.file_name, "width": size[1], "height": size[0]})
        for box, class_id, outline in zip(record.boxes, record.class_ids, record.polygons, strict=True):
            parts = [] if outline is None else as_parts("polygons", outline)
            shape = _rectangle(box)
            area = sum(_area(part) for part in parts) if parts else shape["width"] * shape["height"]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": int(class_id),
                    "bbox": [shape[field] for field in ("x", "y", "width", "height")],
                    "area": number(round(float(area), 1) or float(area)),
                    "iscrowd": 0,
                    "segmentation": [[number(value) for value in rounded(part, 1).ravel()] for part in parts],
                }
            )
    categories = [{"id": index, "name": name} for index, name in enumerate(class_names) if index]
    write_text(path, _lay_out({"images": images, "annotations": annotations, "categories": categories}) + "\n")


def _polygon(points: npt.NDArray[np.float64]) -> dict[str, Any]:
    x, y = ([number(value) for value in column] for column in rounded(points, 1).T)
    return {"name": "polygon", "all_points_x": x, "all_points_y": y}


def _rectangle(box: npt.NDArray[np.float64]) -> dict[str, Any]:
    low, high = rounded(box.reshape(2, 2), 3)
    # The difference of two numbers of three decimals has more of them, by the last bit.
    sides = [round(side, 3) if abs(round(side, 3) - side) < 1e-9 else side for side in (high - low).tolist()]
    return {
        "name": "rect",
        "x": number(low[0]),
        "y": number(low[1]),
        "width": number(sides[0]),
        "height": number(sides[1]),
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
