"""Annotations of the VGG Image Annotator (VIA), versions 1 and 2."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from course_utils.annotations._assembling import Rules, Skip, assemble
from course_utils.annotations._checks import (
    LeftOutError,
    Outside,
    PathLike,
    Size,
    SizeOf,
    as_file_name,
    parse_json,
    read_text,
    require_field,
    shorten,
)
from course_utils.annotations._classes import class_table
from course_utils.annotations._image_sizes import ImageSizes
from course_utils.annotations._objects import FoundFile, FoundImage, FoundObject, Label, whole_number
from course_utils.annotations._via_shapes import read_shape
from course_utils.annotations._via_tables import is_via_csv, read_via_csv
from course_utils.annotations.records import Record

__all__ = ["load_via", "read_via"]

# What people call the attribute that holds the class, and the one that joins regions to one object.
CLASS_ATTRIBUTES = ("name", "class", "class_id", "label", "category", "category_id")
ID_ATTRIBUTES = ("class_id", "category_id")
INSTANCE_ATTRIBUTES = ("instance", "instance_id", "object_id")


def load_via(
    path: PathLike,
    *,
    class_names: Sequence[str],
    attribute: str | None = None,
    instance_attribute: str | None = None,
    image_size: SizeOf | None = None,
    image_folder: PathLike | None = None,
    outside: Outside = "error",
    unknown: Skip = "error",
    default_class: str | None = None,
    without_area: Skip = "error",
) -> list[Record]:
    """Annotations that were drawn with the VGG Image Annotator.

    Parameters
    ----------
    path : path
        A project that VIA 2 saved, or annotations that VIA 1 or 2 exported as JSON or CSV.
    class_names : sequence of str
        The name of each class id, the background's first. A region gives its class as a name,
        whatever its case, or as an id; where the project's own list of options says what an option
        means, that counts. Where names are numbers, digits are a name, and in an attribute "class_id" or
        "category_id" an id.
    attribute : str, optional
        The region attribute that holds the class. By default "name", "class", "class_id", "label" or
        "category", whatever their case, or the only attribute there is.
    instance_attribute : str, optional
        The region attribute that joins regions to one object: those of an image with the same value
        belong together, those without one are objects of their own. By default "instance",
        "instance_id" or "object_id", where a region has one of them.
    image_size : (height, width), or a mapping from file names to such pairs, optional
        To notice what lies outside an image.
    image_folder : path, optional
        Where the images are, to read their sizes there. Without either, sizes come from the image if it
        stands beside the file, or from ``width`` and ``height`` among its file attributes.
        Where nothing is known of an image, only negative coordinates can be noticed.
    outside : "error" or "clip"
        What to do about a rectangle, circle or ellipse that leaves its image.
    unknown : "error" or "skip"
        What to do about regions of a class that is not among ``class_names``.
    default_class : str, optional
        The class of regions that have none (``"region_attributes": {}``). Where ``class_names`` has only one
        class, it is that.
    without_area : "error" or "skip"
        What to do about points, lines and shapes that cover nothing. A ``UserWarning`` counts what is left
        out or clipped.

    Returns
    -------
    list of Record
        One an image, in the order of the file, those without regions included. Rectangles have no
        polygon; circles and ellipses become polygons of 128 corners. A polygon's box is the box around
        what of it lies inside the image. An object of several regions has the box around all of them,
        and the polygons among them as its parts.

    Raises
    ------
    ValueError
        For a malformed file, an unknown class, a box outside its image, a polygon of fewer than three
        points, a shape without an area (point, line), digits that
        could be a name or an id. The message names file, image, region and field.

    Notes
    -----
    Dutta and Zisserman 2019, *The VIA Annotation Software for Images, Audio and Video*.
    """
    class_table(class_names)
    rules = Rules(unknown, default_class, outside=outside, without_area=without_area)
    sizes = ImageSizes(image_size, image_folder, beside=path)
    text = read_text(path)
    content = read_via_csv(str(path), text) if is_via_csv(text) else parse_json(path, text)
    found = read_via(str(path), content, sizes, attribute, instance_attribute)
    return assemble(found, class_names, rules).records


def read_via(
    path: str, content: Any, sizes: ImageSizes, attribute: str | None = None, instance_attribute: str | None = None
) -> FoundFile:
    """What a project, or an export, holds."""
    images, options = _images_and_options(path, content)
    found = FoundFile(path, [])
    class_fields: dict[str, None] = {}
    for key, entry in images.items():
        place = f"{path}: image {key!r}"
        name = as_file_name(place, "filename", require_field(place, entry, "filename", str, "text"))
        place = f"{path}: image {name!r}"
        size = sizes.measure(place, name, _size_in_attributes(entry), found.tell)
        regions = require_field(place, entry, "regions", (list, dict), "a list of regions")
        numbered = regions.items() if isinstance(regions, dict) else enumerate(regions)
        objects = []
        for number, region in numbered:
            where = f"{place}, region {number}"
            attributes = require_field(where, region, "region_attributes", dict, "an object")
            instance = _instance_of(where, attributes, instance_attribute, attribute)
            thing = _object_of(where, attributes, attribute, instance[0], options)
            thing.instance = None if instance[0] is None else (f"region_attributes.{instance[0]}", instance[1])
            class_fields[thing.field.removeprefix("region_attributes.")] = None
            try:
                read_shape(thing, require_field(where, region, "shape_attributes", dict, "an object"))
            except LeftOutError as error:
                thing.trouble = error
            objects.append(thing)
        found.images.append(FoundImage(place, name, size, objects, key=str(key)))
    _declare(found, (options.get(field) for field in class_fields))
    return found


def _declare(found: FoundFile, attributes: Iterable[Any]) -> None:
    """Note the classes among the attributes' options: in the order of their ids where the options are ids."""
    numbered: list[tuple[int, str]] = []
    for attribute in attributes:
        options = attribute.get("options") if isinstance(attribute, dict) else None
        entries = list(options.items()) if isinstance(options, dict) else []
        numbers = [whole_number(key) for key, _ in entries]
        labels = [Label(key, meaning=meaning if isinstance(meaning, str) else None) for key, meaning in entries]
        if None in numbers:
            found.other_classes.update(label.name for label in labels if not label.blank)
        else:
            numbered += [(number or 0, label.name) for number, label in zip(numbers, labels, strict=True)]
    found.classes = [name for _, name in sorted(numbered)]


def _images_and_options(path: str, content: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The images by key, and what the project says of the region attributes' options."""
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected VIA's object of images, got {shorten(content)}")
    if "_via_img_metadata" in content:
        images = require_field(path, content, "_via_img_metadata", dict, "an object of images")
        declared = content.get("_via_attributes")
        region = declared.get("region") if isinstance(declared, dict) else None
        return images, region if isinstance(region, dict) else {}
    if "images" in content and "annotations" in content:
        raise ValueError(f"{path}: this is a COCO file: read it with load_coco")
    if {"project", "file", "metadata"} <= content.keys():
        raise ValueError(
            f"{path}: a project of VIA 3; only VIA 1 and 2 annotate regions the way that is read here"
        )
    if any(str(key).startswith("_via") for key in content):
        raise ValueError(f"{path}, _via_img_metadata: missing; there is {sorted(content)}")
    return content, {}


def _size_in_attributes(entry: Mapping[str, Any]) -> Size | None:
    """Height and width from the file attributes, where somebody noted them."""
    attributes = entry.get("file_attributes")
    if not isinstance(attributes, dict):
        return None
    noted = [str(attributes.get(field, "")).strip() for field in ("height", "width")]
    if not all(text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0 for text in noted):
        return None
    return int(noted[0]), int(noted[1])


def _find(attributes: Iterable[str], names: Sequence[str]) -> str | None:
    """The first of the names that an attribute has, whatever its case."""
    by_name = {key.casefold(): key for key in attributes}
    return next((by_name[name] for name in names if name in by_name), None)


def _instance_of(
    where: str, attributes: Mapping[str, Any], wanted: str | None, class_attribute: str | None
) -> tuple[str | None, Any]:
    """Name and value of the attribute that joins regions; (None, None) without one."""
    field = wanted
    if wanted is None and len(attributes) > 1:
        field = _find(attributes, INSTANCE_ATTRIBUTES)
        field = None if field == class_attribute else field
    value = None if field is None else attributes.get(field)
    if value is None or value == "":
        return None, None
    if isinstance(value, (dict, list)):
        raise ValueError(f"{where}, region_attributes.{field}: expected a name or a number, got {shorten(value)}")
    return field, str(value).strip()


def _object_of(
    where: str,
    attributes: Mapping[str, Any],
    wanted: str | None,
    instance: str | None,
    options: Mapping[str, Any],
) -> FoundObject:
    """An object with its class, and without its shape."""
    others = [key for key in attributes if key != instance]
    field = wanted or _find(others, CLASS_ATTRIBUTES)
    if field is None and len(others) == 1:
        field = others[0]
    if field is None or field not in attributes:
        missing = f"missing; there is {sorted(attributes)}"
        if field is None and others:
            raise ValueError(
                f"{where}, region_attributes.{CLASS_ATTRIBUTES[0]}: {missing}; "
                "say with load_via(attribute=…) which one holds the class"
            )
        if wanted is None:
            missing += "; say with default_class=… which class such regions have"
        return FoundObject(
            where, f"region_attributes.{field or CLASS_ATTRIBUTES[0]}", Label(None), missing=missing
        )
    value = attributes[field]
    if isinstance(value, dict):  # a check box: {"bottle": true}
        chosen = [key for key, on in value.items() if on]
        if len(chosen) > 1:
            raise ValueError(f"{where}, region_attributes.{field}: expected one class, got {shorten(value)}")
        value = chosen[0] if chosen else None
    declared = options.get(field)
    meanings = declared.get("options") if isinstance(declared, dict) else None
    meaning = meanings.get(str(value)) if isinstance(meanings, dict) else None
    kind: Literal["id", "either"] = "id" if field.casefold() in ID_ATTRIBUTES else "either"
    label = Label(value, kind, meaning if isinstance(meaning, str) else None)
    return FoundObject(where, f"region_attributes.{field}", label)
