"""What the VGG Image Annotator exports as CSV."""

import csv
import io
import json
from typing import Any

from course_utils.annotations._checks import parse_json, require_field

__all__ = ["is_via_csv", "read_via_csv"]

# The column by which VIA's own tables are known.
CSV_COLUMN = "region_shape_attributes"


def is_via_csv(text: str) -> bool:
    """Whether a text is VIA's own table."""
    return CSV_COLUMN in text.lstrip().split("\n", 1)[0] and not text.lstrip().startswith("{")


def read_via_csv(path: str, text: str) -> dict[str, Any]:
    """Turn VIA's own table, of version 1 or 2, into what it exports as JSON."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    images: dict[str, Any] = {}
    columns: list[str] = []
    try:
        for fields in rows:
            if not any(field.strip() for field in fields):
                continue
            place = f"{path}, line {rows.line_num}"
            if not columns:
                columns = [field.strip().removeprefix("#") for field in fields]
                continue
            if len(fields) != len(columns):
                raise ValueError(f"{place}: expected {len(columns)} fields, got {len(fields)}")
            row: dict[str, str] = dict(zip(columns, fields, strict=True))
            cells: list[Any] = [
                parse_json(f"{place}, {column}", row.get(column) or "{}")
                for column in ("file_attributes", CSV_COLUMN, "region_attributes")
            ]
            name = require_field(place, row, "filename", str, "text")
            empty = {"filename": name, "regions": [], "file_attributes": cells[0]}
            image = images.setdefault(json.dumps([name, row.get("file_size")]), empty)
            if cells[1]:  # an image without regions has a row of its own
                image["regions"].append({"shape_attributes": cells[1], "region_attributes": cells[2]})
    except csv.Error as error:
        raise ValueError(f"{path}, line {rows.line_num}: not a table that can be read: {error}") from error
    return images
