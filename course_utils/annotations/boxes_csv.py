"""Boxes as a table: frame,xmin,xmax,ymin,ymax,class_id."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

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
)
from course_utils.annotations.records import Record

__all__ = ["COLUMNS", "escape", "load_boxes_csv"]

COLUMNS = ("frame", "xmin", "xmax", "ymin", "ymax", "class_id")
# What other tools call the columns.
OTHER_NAMES = {
    "frame": ("filename", "file_name", "image"),
    "class_id": ("class", "class_name", "label", "name"),
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
) -> list[Record]:
    r"""Boxes from a table with one object a row.

    Parameters
    ----------
    path : path
        UTF-8, with a header that names the columns ``frame,xmin,xmax,ymin,ymax,class_id`` in any
        order and any case (mind the course's order: x, x, y, y); further columns are not looked at.
        ``filename``, ``file_name`` or ``image`` may stand for ``frame``, and ``class``,
        ``class_name``, ``label`` or ``name`` for ``class_id``. Commas, semicolons or tabs between the
        fields, a point in the numbers. Empty lines are skipped. An apostrophe before ``=``, ``+``, ``-`` or
        ``@``, which keeps a spreadsheet from computing a file name, is taken off.
    class_names : sequence of str
        The name of each class id, the background's first. A row gives its class as id or name.
    image_size, image_folder, outside
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
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "boxes.csv"
    ...     _ = path.write_text("frame,xmin,xmax,ymin,ymax,class_id\na.jpg,1,5,2,9,3\n", encoding="utf-8")
    ...     load_boxes_csv(path, class_names=("background", "bottle", "can", "carton"))[0].boxes
    array([[1., 2., 5., 9.]])
    """
    table = class_table(class_names)
    require_kind(outside, ("error", "clip"), name="outside")
    sizes = ImageSizes(image_size, image_folder, beside=path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected a text file in UTF-8: {error}") from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    where: dict[str, int] = {}
    width = 0
    known: dict[str, Size | None] = {}
    rows: dict[str, list[tuple[list[float], int]]] = {}
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            place = f"{path}, line {reader.line_num}"
            if not where:
                where, width = _columns(place, fields), len(fields)
                continue
            if len(fields) != width:
                missing = [name for name, index in where.items() if index >= len(fields)]
                what = f"{missing[0]}: missing" if missing else "more fields than the header"
                raise ValueError(f"{place}, {what}: expected {width} fields, got {len(fields)}: {fields}")
            name = as_file_name(place, "frame", fields[where["frame"]])
            if name.startswith("'") and FORMULA.match(name):
                name = name[1:]
            box = [as_number(place, corner, fields[where[corner]]) for corner in CORNERS]
            class_id = class_id_of(place, "class_id", fields[where["class_id"]], table)
            if name not in known:
                known[name] = sizes.of(f"{place}, frame", name) or sizes.found_beside(name)
            fitted = fit_box(place, CORNERS, box, known[name], outside)
            rows.setdefault(name, []).append((fitted.tolist(), class_id))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: not a table that can be read: {error}") from error
    if not where:
        raise ValueError(f"{path}: empty; expected the header {','.join(COLUMNS)}")
    return [
        Record(name, np.array([box for box, _ in found]), np.array([i for _, i in found]), [None] * len(found))
        for name, found in rows.items()
    ]


def _columns(place: str, header: list[str]) -> dict[str, int]:
    """Which field is which."""
    names = [name.strip().casefold() for name in header]
    if "region_shape_attributes" in names:
        raise ValueError(f"{place}: this is VIA's own table: export as JSON there and read it with load_via")
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
