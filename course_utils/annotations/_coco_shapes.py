"""The boxes and outlines of the COCO format."""

from typing import Any

import numpy as np

from course_utils.annotations._checks import LeftOutError, Size, as_number, shorten
from course_utils.annotations._objects import FoundObject, is_number, outline
from course_utils.annotations._outlines import decode_coco_runs, mask_parts

__all__ = ["BOX_FIELDS", "read_shape"]

BOX_FIELDS = ("bbox[0]", "bbox[1]", "bbox[0] + bbox[2]", "bbox[1] + bbox[3]", "segmentation")


def read_shape(entry: FoundObject, annotation: dict[str, Any], size: Size | None) -> None:
    """Give an object its box and its outline."""
    where = entry.place
    _read_segmentation(entry, annotation.get("segmentation"), size)
    bbox = annotation.get("bbox")
    if bbox in (None, []) or (isinstance(bbox, list) and None in bbox and entry.parts):
        if not entry.parts and not entry.lost_parts:
            text = f"{where}, bbox: missing, and there is no segmentation"
            raise LeftOutError("objects without box and outline", text)
        return
    if not isinstance(bbox, list) or len(bbox) != 4:
        raise ValueError(f"{where}, bbox: expected x, y, width, height, got {shorten(bbox)}")
    x, y, width, height = (_number(where, f"bbox[{index}]", value) for index, value in enumerate(bbox))
    for field, value in (("width", width), ("height", height)):
        if value <= 0:
            text = f"{where}, bbox: expected a {field} above 0, got {value:g}"
            raise LeftOutError("boxes without area", text)
    entry.box = [x, y, x + width, y + height]


def _read_segmentation(entry: FoundObject, segmentation: Any, size: Size | None) -> None:
    where = f"{entry.place}, segmentation"
    if isinstance(segmentation, dict):
        entry.parts = mask_parts(decode_coco_runs(where, segmentation, size))
        if not entry.parts:
            raise LeftOutError("masks without a pixel", f"{where}: a mask without a pixel")
        return
    if segmentation is None or segmentation == "":
        return
    expected = f"{where}: expected a list of polygons, each [x, y, x, y, …], got {shorten(segmentation)}"
    if not isinstance(segmentation, list):
        raise ValueError(expected)
    if segmentation and all(is_number(value) for value in segmentation):  # as VIA writes it
        if len(segmentation) % 2:
            raise ValueError(expected)
        segmentation = [segmentation]
    if not all(isinstance(part, list) for part in segmentation):
        raise ValueError(expected)
    for index, part in enumerate(segmentation):
        if not part:
            continue
        numbers = [_number(where, f"[{index}][{place}]", value) for place, value in enumerate(part)]
        if len(numbers) % 2 or len(numbers) < 6:
            text = (
                f"{where}[{index}]: expected x and y of three points or more, "
                f"got {len(part)} numbers: {shorten(part)}"
            )
            if len(numbers) % 2:
                raise ValueError(text)
            entry.lost_parts.append(LeftOutError("polygons of fewer than three points", text))
            continue
        try:
            entry.parts += outline(f"{where}[{index}]", np.reshape(numbers, (-1, 2)))
        except LeftOutError as error:
            entry.lost_parts.append(error)


def _number(where: str, field: str, value: Any) -> float:
    return as_number(where, field, value[0] if isinstance(value, list) and len(value) == 1 else value)
