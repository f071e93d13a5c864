"""Annotations in the XML format of the Pascal VOC challenge, one file an image."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from course_utils._arguments import Float64Array
from course_utils._files import write_text
from course_utils.annotations._checks import LeftOutError, PathLike, Size, SizeOf, as_file_name, as_number
from course_utils.annotations._folders import base_name, images_by_stem
from course_utils.annotations._image_sizes import ImageSizes, leads_out
from course_utils.annotations._objects import FoundFile, FoundImage, FoundObject, Label, outline, whole_number
from course_utils.annotations._writing import (
    check_records,
    legible,
    named_once,
    number_text,
    require_size,
    rounded,
)
from course_utils.annotations._xml import Element, number_in, read_xml, text_in
from course_utils.annotations.records import Record, as_parts

__all__ = ["read_voc", "save_voc"]

CORNERS = ("bndbox.xmin", "bndbox.ymin", "bndbox.xmax", "bndbox.ymax")
# Pixels are counted from 1 and the last one belongs to the box, so xmax and ymax are its far edges as they are.
FIRST = np.array([1.0, 1.0, 0.0, 0.0])


def read_voc(path: str, files: Sequence[Path], sizes: ImageSizes) -> FoundFile:
    """What the XML files of a folder hold; ``difficult`` and ``truncated`` objects are objects.

    An image's name is ``filename``, its last part if it leads elsewhere. Where it is missing or has no ending,
    the image beside the XML file, or in the folder of images, that is called so gives it.
    """
    found = FoundFile(path, [])
    stems: dict[str, list[str]] | None = None
    for file in files:
        root = read_xml(file)
        if root.tag != "annotation":
            raise ValueError(f"{file}: expected VOC's <annotation>, got <{root.tag}>")
        name = text_in(root, "filename")
        name = base_name(name) if leads_out(name) else name
        if not Path(name).suffix:
            stems = images_by_stem(sizes.folder or sizes.beside) if stems is None else stems
            name = next(iter(stems.get(name or file.stem, [])), name)
        place = f"{path}: {file.name}"
        name = as_file_name(place, "filename", name)
        size = sizes.measure(f"{place}, filename", name, _claimed_size(root), found.tell)
        objects = [_object(f"{place}, object {index}", node) for index, node in enumerate(root.findall("object"))]
        found.images.append(FoundImage(place, name, size, objects, key=file.name))
    return found


def _claimed_size(root: Element) -> Size | None:
    height, width = (whole_number(text_in(root, f"size/{side}")) for side in ("height", "width"))
    # Some tools write 0 for what they do not know.
    return (height, width) if height is not None and width is not None and min(height, width) > 0 else None


def _object(place: str, node: Element) -> FoundObject:
    entry = FoundObject(place, "name", Label(text_in(node, "name")), box_fields=CORNERS)
    try:
        for polygon in node.findall("polygon"):  # as supervision writes an outline
            values = [as_number(place, f"polygon.{point.tag}", (point.text or "").strip()) for point in polygon]
            if len(values) % 2:
                raise ValueError(f"{place}, polygon: expected x1, y1, x2, y2, …, got {len(values)} numbers")
            entry.parts += outline(f"{place}, polygon", np.round(np.reshape(values, (-1, 2)) - 1, 9))
        if node.find("bndbox") is not None or not entry.parts:
            corners = [number_in(place, node, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
            entry.box = np.round(np.array(corners) - FIRST, 9)
    except LeftOutError as error:
        entry.trouble = error
    return entry


def save_voc(
    records: Sequence[Record],
    folder: PathLike,
    *,
    class_names: Sequence[str],
    image_folder: PathLike | None = None,
    image_size: SizeOf | None = None,
) -> None:
    """Write annotations in the Pascal VOC format: one XML file an image.

    Parameters
    ----------
    records : sequence of Record
    folder : path
        It is made if it is missing. A file is called like its image, with the ending ``.xml``; others that lie
        there stay.
    class_names : sequence of str
        The name of each class id, the background's first.
    image_folder : path, optional
        Where the images are, to read their sizes there.
    image_size : (height, width), or a mapping from file names to such pairs, optional
        In its place. One of the two is needed.

    Raises
    ------
    ValueError
        For a class id without a name, an image twice or without a size, a box without area, and for images
        whose files would have the same name.

    Notes
    -----
    Everingham et al. 2010, *The Pascal Visual Object Classes Challenge*. The format counts pixels from 1, and
    ``xmax``, ``ymax`` are the last pixel of the box, so ``xmin`` and ``ymin`` are one more than here. Outlines,
    which the challenge does not have, are written as the library ``supervision`` writes them: ``polygon`` with
    ``x1``, ``y1``, …, all one more than here.
    """
    check_records(records, class_names)
    sizes = ImageSizes(image_size, image_folder)
    names = named_once(records, ".xml")
    texts = {}
    for record, name in zip(records, names, strict=True):
        root = ElementTree.Element("annotation")
        _add(root, "filename", record.file_name)
        height, width = require_size(sizes, record.file_name, "VOC")
        side = ElementTree.SubElement(root, "size")
        for field, value in (("width", width), ("height", height), ("depth", 3)):
            _add(side, field, str(value))
        for box, class_id, shape in zip(record.boxes, record.class_ids, record.polygons, strict=True):
            node = ElementTree.SubElement(root, "object")
            _add(node, "name", class_names[class_id])
            corners = ElementTree.SubElement(node, "bndbox")
            values = _from_one(rounded(box.reshape(2, 2), 3, 9).ravel(), FIRST)
            for field, corner in zip(CORNERS, values, strict=True):
                _add(corners, field.removeprefix("bndbox."), corner)
            for part in [] if shape is None else as_parts("polygons", shape):
                polygon = ElementTree.SubElement(node, "polygon")
                points = _from_one(rounded(part, 3, 9).ravel(), np.ones(part.size))
                for index, (x, y) in enumerate(zip(points[::2], points[1::2], strict=True), start=1):
                    _add(polygon, f"x{index}", x)
                    _add(polygon, f"y{index}", y)
        ElementTree.indent(root)
        texts[name] = ElementTree.tostring(root, encoding="unicode") + "\n"
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        target = Path(folder) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text)


def _from_one(values: Float64Array, shift: Float64Array) -> list[str]:
    return [number_text(value + offset) for value, offset in zip(values, shift, strict=True)]


def _add(parent: Element, tag: str, text: str) -> None:
    ElementTree.SubElement(parent, tag).text = legible(text)
