"""Boxes as a table: frame,xmin,xmax,ymin,ymax,class_id."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Literal

from course_utils.annotations._assembling import Rules, Skip, assemble
from course_utils.annotations._checks import Outside, PathLike, SizeOf, as_file_name, as_number, read_text
from course_utils.annotations._classes import class_table
from course_utils.annotations._image_sizes import ImageSizes
from course_utils.annotations._objects import FoundFile, FoundImage, FoundObject, Label
from course_utils.annotations.records import Record

__all__ = ["COLUMNS", "escape", "load_boxes_csv", "read_boxes_csv"]

COLUMNS = ("frame", "xmin", "xmax", "ymin", "ymax", "class_id")
# What other tools call the columns.
OTHER_NAMES = {
    "frame": ("filename", "file_name", "image", "image_name", "imagename", "img_name"),
    "class_id": ("class", "class_name", "classname", "label", "label_name", "labelname", "name", "category"),
    "xmin": ("x_min", "x1"),
    "xmax": ("x_max", "x2"),
    "ymin": ("y_min", "y1"),
    "ymax": ("y_max", "y2"),
}
# The order of a box's corners everywhere in the course.
CORNERS = ("xmin", "ymin", "xmax", "ymax")
# What a spreadsheet takes for a formula, also when it has been escaped before.
FORMULA = re.compile(r"'*\s*[=+\-@]")


def escape(text: str) -> str:
    """Text that a spreadsheet does not take for a formula: with an apostrophe before it, if it looks like one.

    Examples
    --------
    >>> escape("=1+1.jpg"), escape("a=1.jpg")
    ("'=1+1.jpg", 'a=1.jpg')
    """
    return f"'{text}" if FORMULA.match(text) else text


def load_boxes_csv(
    path: PathLike,
    *,
    class_names: Sequence[str],
    image_size: SizeOf | None = None,
    image_folder: PathLike | None = None,
    outside: Outside = "error",
    unknown: Skip = "error",
    default_class: str | None = None,
    without_area: Skip = "error",
) -> list[Record]:
    r"""Boxes from a table with one object a row.

    Parameters
    ----------
    path : path
        UTF-8, with a header that names the columns ``frame,xmin,xmax,ymin,ymax,class_id`` in any
        order and any case (mind the course's order: x, x, y, y); further columns are not looked at.
        ``filename``, ``file_name``, ``image`` or ``image_name`` may stand for ``frame``, ``class``,
        ``class_name``, ``label`` or ``name`` for ``class_id``, and ``x_min`` or ``x1`` for ``xmin``.
        Commas, semicolons or tabs between the fields, a point in the numbers. Empty lines are skipped.
        An apostrophe before ``=``, ``+``, ``-`` or ``@``, which keeps a spreadsheet from computing a file
        name, is taken off.
    class_names : sequence of str
        The name of each class id, the background's first. A row gives its class as id or name: digits in a
        column ``class_id`` are an id, in another a name where there is one.
    image_size, image_folder, outside, unknown, default_class, without_area
        As in :func:`~course_utils.annotations.via.load_via`.

    Returns
    -------
    list of Record
        One an image that has a row, in the order of their first rows. All ``polygons`` are None.

    Raises
    ------
    ValueError
        For another header, a missing field, something that is no number, a box without area or
        outside its image, an unknown class. The message names file, line and field.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "boxes.csv"
    ...     _ = path.write_text("frame,xmin,xmax,ymin,ymax,class_id\na.jpg,1,5,2,9,3\n", encoding="utf-8")
    ...     load_boxes_csv(path, class_names=("background", "bottle", "can", "carton"))[0].boxes
    array([[1., 2., 5., 9.]])
    """
    class_table(class_names)
    rules = Rules(unknown, default_class, outside=outside, without_area=without_area)
    sizes = ImageSizes(image_size, image_folder, beside=path)
    return assemble(read_boxes_csv(str(path), read_text(path), sizes), class_names, rules).records


def read_boxes_csv(path: str, text: str, sizes: ImageSizes) -> FoundFile:
    """What a table holds."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    where: dict[str, int] = {}
    kind: Literal["id", "either"] = "either"
    width = 0
    images: dict[str, FoundImage] = {}
    found = FoundFile(path, [], name_field="frame")
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            place = f"{path}, line {reader.line_num}"
            if not where:
                where, width = _columns(place, fields), len(fields)
                kind = "id" if fields[where["class_id"]].strip().casefold() == "class_id" else "either"
                continue
            if len(fields) != width:
                missing = [name for name, index in where.items() if index >= len(fields)]
                what = f"{missing[0]}: missing" if missing else "more fields than the header"
                raise ValueError(f"{place}, {what}: expected {width} fields, got {len(fields)}: {fields}")
            name = as_file_name(place, "frame", fields[where["frame"]])
            if name.startswith("'") and FORMULA.match(name):
                name = name[1:]
            if name not in images:
                size = sizes.measure(f"{place}, frame", name, None, found.tell)
                images[name] = FoundImage(place, name, size, [])
            box = [as_number(place, corner, fields[where[corner]]) for corner in CORNERS]
            label = Label(fields[where["class_id"]], kind)
            images[name].objects.append(FoundObject(place, "class_id", label, box, CORNERS))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: not a table that can be read: {error}") from error
    if not where:
        raise ValueError(f"{path}: empty; expected the header {','.join(COLUMNS)}")
    found.images = list(images.values())
    return found


def _columns(place: str, header: list[str]) -> dict[str, int]:
    """Which field is which."""
    names = [name.strip().casefold() for name in header]
    if "region_shape_attributes" in names:
        raise ValueError(f"{place}: this is VIA's own table: read it with load_via")
    where = {}
    for column in COLUMNS:
        candidates = [name for name in (column, *OTHER_NAMES.get(column, ())) if name in names]
        if not candidates:
            raise ValueError(
                f"{place}, {column}: no such column; expected the header {','.join(COLUMNS)}, got {header}"
            )
        if names.count(candidates[0]) > 1:
            raise ValueError(f"{place}, {candidates[0]}: two columns of that name, got {header}")
        where[column] = names.index(candidates[0])
    return where
