"""Annotations in YOLO's format: a text file an image, its numbers as shares of the image's width and height."""

import importlib
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from course_utils._arguments import Float64Array
from course_utils._files import write_text
from course_utils.annotations._checks import LeftOutError, PathLike, SizeOf, as_number, read_text, shorten
from course_utils.annotations._folders import files_in, images_by_stem, stem_of
from course_utils.annotations._image_sizes import ImageSizes
from course_utils.annotations._objects import FoundFile, FoundImage, FoundObject, Label, outline, whole_number
from course_utils.annotations._writing import (
    check_records,
    legible,
    named_once,
    number_text,
    require_size,
    rounded,
)
from course_utils.annotations.records import Record, as_parts

__all__ = ["read_yolo", "save_yolo"]

NAMES = ("data.yaml", "data.yml", "classes.txt")


def read_yolo(path: str, root: Path, image_folder: PathLike | None) -> FoundFile:
    """What the folder ``labels`` in ``root`` holds.

    The images are looked for in ``image_folder``, else in ``images`` beside ``labels``, else beside it: a file
    of numbers does not say how its image ends or how large it is. An image without a file has no objects.
    """
    labels = root / "labels"
    folder = Path(image_folder) if image_folder is not None else root / "images"
    folder = folder if folder.is_dir() else root
    sizes = ImageSizes(None, folder)
    names = _names(root)
    stems = images_by_stem(folder, below=True)
    found = FoundFile(path, [], classes=[name for _, name in sorted(names.items())], name_field="file name")
    files = {stem_of(file.relative_to(labels).as_posix()): file for file in files_in(labels, [".txt"], below=True)}
    files.pop("classes", None)
    for stem in sorted(files.keys() | stems.keys()):
        place = f"{path}: {stem}.txt"
        images = stems.get(stem, [])
        if len(images) != 1:
            what = f"got {images}" if images else f"found none in {folder}; say with image_folder=… where they are"
            raise ValueError(f"{place}: expected one image that is called so, {what}")
        size = sizes.of(place, images[0]) or (1, 1)
        objects = []
        if stem in files:
            for number, line in enumerate(read_text(files[stem]).splitlines(), start=1):
                if line.strip():
                    objects.append(_object(f"{place}, line {number}", line.split(), names, size[::-1]))
        else:
            found.tell("images without a file of labels read as images without objects")
        found.images.append(FoundImage(place, images[0], size, objects))
    return found


def _object(place: str, fields: list[str], names: dict[int, str], scale: tuple[int, int]) -> FoundObject:
    class_index = whole_number(fields[0])
    if class_index is None or class_index < 0:
        raise ValueError(f"{place}, class: expected an index of 0 or more, got {shorten(fields[0])}")
    if names and class_index not in names:
        raise ValueError(f"{place}, class: {class_index} has no name; there are {len(names)} names")
    # Without names, the index counts from 0 without a background.
    label = Label(names[class_index], "name") if names else Label(class_index + 1, "id", shown=str(class_index))
    numbers = np.array([as_number(place, f"number {index}", text) for index, text in enumerate(fields)][1:])
    entry = FoundObject(place, "class", label, box_fields=("x - width / 2", "y - height / 2", "width", "height"))
    if len(numbers) == 4:
        centre, size = numbers.reshape(2, 2)
        corners = np.array([centre - size / 2, centre + size / 2]) * scale
        entry.box = np.round(corners.ravel(), 6)
    elif len(numbers) >= 6 and len(numbers) % 2 == 0:
        entry.box_fields = ("polygon",)
        try:
            entry.parts = outline(f"{place}, polygon", np.round(numbers.reshape(-1, 2) * scale, 6))
        except LeftOutError as error:
            entry.trouble = error
    else:
        raise ValueError(
            f"{place}: expected a class and x, y, width, height, or the x and y of three corners or more, "
            f"got {len(fields)} numbers"
        )
    return entry


def _names(root: Path) -> dict[int, str]:
    """Names of the classes by their index; none if no file says."""
    for file in (folder / name for folder in (root, root / "labels", root.parent) for name in NAMES):
        if not file.is_file():
            continue
        if file.suffix == ".txt":
            lines = [line.strip() for line in read_text(file).splitlines()]
            return dict(enumerate(line for line in lines if line))
        names = _read_yaml(file)
        if isinstance(names, list):
            names = dict(enumerate(names))
        if not isinstance(names, dict):
            raise ValueError(f"{file}, names: expected the names of the classes, got {shorten(names)}")
        found = {whole_number(index): str(name) for index, name in names.items()}
        if None in found or len(found) != len(names):
            raise ValueError(f"{file}, names: expected whole numbers before the names, got {shorten(names)}")
        return {index: name for index, name in found.items() if index is not None}
    return {}


def _read_yaml(file: Path) -> Any:
    if importlib.util.find_spec("yaml") is None:
        raise ValueError(f"{file}: PyYAML reads it: pip install pyyaml, or list the names in classes.txt")
    yaml = importlib.import_module("yaml")
    try:
        content = yaml.safe_load(read_text(file))
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: not a YAML file that can be read: {error}") from error
    return content.get("names") if isinstance(content, dict) else None


def save_yolo(
    records: Sequence[Record],
    folder: PathLike,
    *,
    class_names: Sequence[str],
    image_folder: PathLike | None = None,
    image_size: SizeOf | None = None,
) -> None:
    """Write annotations in YOLO's format: ``labels/*.txt`` and ``data.yaml``.

    Parameters
    ----------
    records : sequence of Record
        Objects with an outline are written as polygons, others as boxes. An outline in several parts becomes one,
        whose parts are joined by slits without width, as the format has no other way.
    folder : path
        It is made if it is missing; what lies there otherwise stays. Images belong into its folder ``images``.
    class_names : sequence of str
        The name of each class id, the background's first; YOLO counts the others from 0.
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
    https://docs.ultralytics.com/datasets/detect and https://docs.ultralytics.com/datasets/segment.
    """
    check_records(records, class_names)
    sizes = ImageSizes(image_size, image_folder)
    texts = {}
    for record, name in zip(records, named_once(records, ".txt"), strict=True):
        scale = np.array(require_size(sizes, record.file_name, "YOLO")[::-1], np.float64)
        lines = []
        for box, class_id, shape in zip(record.boxes, record.class_ids, record.polygons, strict=True):
            if shape is None:
                low, high = rounded(box.reshape(2, 2), 3, 6) / scale
                numbers = np.concatenate([(low + high) / 2, high - low])
            else:
                numbers = (_joined(as_parts("polygons", shape)) / scale).ravel()
            lines.append(" ".join([str(class_id - 1), *(number_text(value, 12) for value in numbers)]))
        texts[name] = "".join(f"{line}\n" for line in lines)
    quoted = [json.dumps(legible(name), ensure_ascii=False) for name in class_names[1:]]
    names = "".join(f"  {index}: {name}\n" for index, name in enumerate(quoted))
    target = Path(folder)
    for name, text in texts.items():
        (target / "labels" / name).parent.mkdir(parents=True, exist_ok=True)
        write_text(target / "labels" / name, text)
    target.mkdir(parents=True, exist_ok=True)
    write_text(target / "data.yaml", f"path: .\ntrain: images\nval: images\nnames:\n{names}")


def _joined(parts: list[Float64Array]) -> Float64Array:
    """One polygon: each part but the first is reached from the first one's first corner, and left for it."""
    points = [rounded(part, 3, 6) for part in parts]
    path = points[:1] if len(points) == 1 else [points[0], points[0][:1]]
    for part in points[1:]:
        path += [part, part[:1], points[0][:1]]
    return np.concatenate(path)
