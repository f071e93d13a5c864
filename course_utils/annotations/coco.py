"""Annotations in the JSON format of the COCO data set."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from course_utils._arguments import require_kind
from course_utils.annotations._assembling import Rules, Skip, assemble
from course_utils.annotations._checks import (
    LeftOutError,
    Outside,
    PathLike,
    Size,
    SizeOf,
    as_file_name,
    read_json,
    require_field,
    shorten,
)
from course_utils.annotations._classes import class_table
from course_utils.annotations._coco_shapes import BOX_FIELDS, read_shape
from course_utils.annotations._image_sizes import ImageSizes
from course_utils.annotations._objects import (
    FoundFile,
    FoundImage,
    FoundObject,
    Label,
    whole_number,
)
from course_utils.annotations.records import Record

__all__ = ["load_coco", "read_coco"]

# More pixels than this on a side are a mistake.
LARGEST = 1_000_000


def load_coco(
    path: PathLike,
    *,
    class_names: Sequence[str],
    crowds: Literal["error", "skip", "objects"] = "error",
    image_size: SizeOf | None = None,
    image_folder: PathLike | None = None,
    outside: Outside = "error",
    unknown: Skip = "error",
    default_class: str | None = None,
    without_area: Skip = "error",
) -> list[Record]:
    """Annotations in the COCO format, as most annotation tools export it.

    Parameters
    ----------
    path : path
        JSON with ``images``, ``annotations`` (``bbox`` as x, y, width, height; ``segmentation`` as
        polygons, or as run lengths) and ``categories``. What VIA 2 exports as COCO is read too.
    class_names : sequence of str
        The name of each class id, the background's first. Categories are matched by name, whatever
        its case; the file's own category ids need not be those of the course. A category that is called
        by its own id ("1" for 1) has that id, unless ``class_names`` has numbers too.
    crowds : "error", "skip" or "objects"
        What to do about annotations with ``iscrowd``: one region around many objects, for which a
        record has no place. Tools with a brush export each mask as such: "objects" reads each as one object.
    image_size, image_folder, outside, unknown, default_class, without_area
        As in :func:`~course_utils.annotations.via.load_via`. The size of an image that is there counts more
        than ``width`` and ``height``.

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
        fewer than three points, run lengths that cannot be read. The message names file, annotation
        and field.

    Notes
    -----
    Lin et al. 2014, *Microsoft COCO: Common Objects in Context*; https://cocodataset.org/#format-data.
    """
    class_table(class_names)
    require_kind(crowds, ("error", "skip", "objects"), name="crowds")
    rules = Rules(unknown, default_class, "error" if crowds == "error" else "skip", without_area, outside)
    sizes = ImageSizes(image_size, image_folder, beside=path)
    found = read_coco(str(path), read_json(path), sizes, as_objects=crowds == "objects")
    return assemble(found, class_names, rules).records


def read_coco(path: str, content: Any, sizes: ImageSizes, *, as_objects: bool | None = None) -> FoundFile:
    """What a file holds.

    Crowds are read as objects if ``as_objects`` says so, and for None if the file has nothing else: a brush
    draws masks, which some tools export as crowds only.
    """
    if isinstance(content, dict) and "_via_img_metadata" in content:
        raise ValueError(f"{path}: this is a VIA project: read it with load_via")
    found = FoundFile(path, [], name_field="file_name")
    images = _images(path, content, sizes, found)
    names = {}
    for identity, category in _by_id(path, content, "categories").items():
        names[identity] = require_field(f"{path}: category {identity}", category, "name", (str, int), "text")
    found.classes = [str(names[identity]) for identity in _in_order(names)]
    entries = []
    for identity, annotation in _by_id(path, content, "annotations").items():
        where = f"{path}: annotation {identity}"
        image = images.get(_identity(where, annotation, "image_id", "an image's id"))
        if image is None:
            raise ValueError(f"{where}, image_id: no image has the id {annotation['image_id']!r}")
        where = f"{image.place}, annotation {identity}"
        label = _label(where, annotation, names)
        crowd = _is_crowd(where, annotation.get("iscrowd"))
        entry = FoundObject(where, "category_id", label, box_fields=BOX_FIELDS, crowd=crowd)
        image.objects.append(entry)
        entries.append((entry, annotation, image.size))
    if as_objects is None:
        as_objects = all(entry.crowd for entry, _, _ in entries)
        if as_objects and entries:
            found.told["crowds read as objects, for the file has nothing else"] = len(entries)
    for entry, annotation, size in entries:
        entry.crowd = entry.crowd and not as_objects
        try:
            if not entry.crowd:
                read_shape(entry, annotation, size)
        except LeftOutError as error:
            entry.trouble = error
    found.images = list(images.values())
    return found


def _label(where: str, annotation: dict[str, Any], names: dict[int | str, Any]) -> Label:
    if annotation.get("category_id") is None and "category_id" in annotation:
        return Label(None)
    category = _identity(where, annotation, "category_id", "a category's id")
    if category not in names:
        raise ValueError(f"{where}, category_id: no category has the id {annotation['category_id']!r}")
    name = str(names[category])
    # "1" for 1 says nothing but the id; any other number is a name that somebody chose.
    kind: Literal["either", "name"] = "either" if whole_number(name) == category else "name"
    return Label(name, kind, shown=f"category {category} is {name!r}")


def _identity(where: str, holder: Any, field: str, expected: str) -> int | str:
    """An id: 1, "1", 1.0 and [1] are the same one."""
    value = require_field(where, holder, field, (int, float, str, list), expected)
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    number = whole_number(value)
    if number is None and not isinstance(value, str):
        raise ValueError(f"{where}, {field}: expected {expected}, got {shorten(holder[field])}")
    return value if number is None else number


def _in_order(identities: Iterable[int | str]) -> list[int | str]:
    return sorted(identities, key=lambda identity: (isinstance(identity, str), identity))


def _is_crowd(where: str, value: Any) -> bool:
    text = str(value).strip().casefold()
    if value is None or text in ("0", "0.0", "false", "no", ""):
        return False
    if text in ("1", "1.0", "true", "yes"):
        return True
    raise ValueError(f"{where}, iscrowd: expected 0 or 1, got {shorten(value)}")


def _by_id(path: str, content: Any, field: str) -> dict[int | str, dict[str, Any]]:
    """The entries of one of the file's lists by their ids; one that is repeated as it is counts once."""
    found: dict[int | str, dict[str, Any]] = {}
    for index, entry in enumerate(require_field(path, content, field, list, "a list")):
        place = f"{path}: {field}[{index}]"
        identity = _identity(place, entry, "id", "an id")
        if identity in found and found[identity] | {"id": 0} != entry | {"id": 0}:
            raise ValueError(f"{place}, id: {identity!r} is given twice")
        found.setdefault(identity, entry)
    return found


def _images(path: str, content: Any, sizes: ImageSizes, found: FoundFile) -> dict[int | str, FoundImage]:
    """The images, without objects, by their ids."""
    images = {}
    for identity, image in _by_id(path, content, "images").items():
        place = f"{path}: image {identity}"
        name = as_file_name(place, "file_name", require_field(place, image, "file_name", str, "text"))
        place = f"{path}: image {name!r}"
        size = sizes.measure(place, name, _claimed_size(place, image), found.tell)
        images[identity] = FoundImage(place, name, size, [])
    return images


def _claimed_size(place: str, image: dict[str, Any]) -> Size | None:
    if image.get("width") is None or image.get("height") is None:
        return None
    pair = []
    for field in ("height", "width"):
        value = require_field(place, image, field, (int, float), "a number")
        number = whole_number(value)
        if number is None:
            raise ValueError(f"{place}, {field}: expected a whole number, got {shorten(value)}")
        pair.append(number)
    height, width = pair
    if (height, width) == (-1, -1):  # what VIA writes of an image that it has not seen
        return None
    if not (1 <= height <= LARGEST and 1 <= width <= LARGEST):
        raise ValueError(f"{place}, height, width: expected 1 to {LARGEST:,}, got {height} and {width}")
    return height, width
