"""Annotations of any format, recognised by what they hold."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from course_utils._arguments import require_kind
from course_utils.annotations._assembling import Rules, Skip, assemble
from course_utils.annotations._checks import PathLike, parse_json, read_json, read_text, shorten
from course_utils.annotations._classes import class_table
from course_utils.annotations._folders import files_in
from course_utils.annotations._image_sizes import ImageSizes
from course_utils.annotations._objects import AnnotationSet, FoundFile
from course_utils.annotations._via_tables import is_via_csv, read_via_csv
from course_utils.annotations._xml import read_xml
from course_utils.annotations.boxes_csv import read_boxes_csv
from course_utils.annotations.coco import read_coco
from course_utils.annotations.cvat import read_cvat
from course_utils.annotations.labelme import is_labelme, read_labelme
from course_utils.annotations.masks import read_masks
from course_utils.annotations.via import read_via
from course_utils.annotations.voc import read_voc
from course_utils.annotations.yolo import read_yolo

__all__ = ["FORMATS", "load_annotations"]

Format = Literal["via", "coco", "csv", "voc", "yolo", "labelme", "cvat", "masks"]
FORMATS = ("via", "coco", "csv", "voc", "yolo", "labelme", "cvat", "masks")


def load_annotations(
    path: PathLike,
    *,
    class_names: Sequence[str] | None = None,
    image_folder: PathLike | None = None,
    format: Format | None = None,  # noqa: A002 (what everybody calls it)
    unknown: Skip = "error",
    default_class: str | None = None,
) -> AnnotationSet:
    r"""Annotations of one's own photographs, whatever tool they come from.

    Parameters
    ----------
    path : path
        A file or a folder, recognised by what it holds:

        - "via": a project of the VGG Image Annotator 2, or what VIA 1 or 2 exports as JSON or CSV;
        - "coco": JSON in the COCO format, also as VIA writes it: polygons, boxes, and run lengths;
        - "csv": a table of boxes, as :func:`~course_utils.annotations.load_boxes_csv` reads it;
        - "voc": a folder of Pascal VOC's XML files, or one with such a folder ``Annotations``;
        - "yolo": a folder with ``labels/*.txt`` and ``data.yaml`` or ``classes.txt``, boxes and polygons; the
          images are needed, for their sizes;
        - "labelme": a folder of LabelMe's JSON files, or one of these;
        - "cvat": the XML file "CVAT for images", or a folder with it;
        - "masks": a folder of PNG files called like the images, of class ids, or of colours that a file
          ``labelmap.txt`` explains. One object is a connected region of a class. Pixels of 255 are ignored,
          unless all masks hold 0 and 255 only: then 255 is their one class.
    class_names : sequence of str, optional
        The name of each class id, the background's first. Classes are matched by name, whatever its case, or by
        id where the file has ids only. Without it the classes are those of the file: in the order of the file's
        ids where it has them, else by name. Pass the names of the training photographs on for those of the test.
    image_folder : path, optional
        Where the images are, for their sizes. By default beside the annotations, or nowhere: most formats say
        how large an image is.
    format : str, optional
        One of those above, to be read as that and nothing else.
    unknown : "error" or "skip"
        What to do about objects of a class that is not among ``class_names``.
    default_class : str, optional
        The class of objects that have none. Where ``class_names`` has one class only, it is that.

    Returns
    -------
    AnnotationSet
        ``records``, one an image, and ``class_names``, whose first is "background" where they were found in the
        file.

    Raises
    ------
    ValueError
        For what is no annotation file, a malformed one (the message names file, image, object and field), an
        unknown class, an object without a class, or a folder that holds several formats.

    Warns
    -----
    UserWarning
        One, which counts what was left out (objects of a foreign class, crowds, shapes and boxes without area or
        outside their image), clipped at an image's edge, or decided: a COCO file that holds nothing but crowds
        comes from a brush, and each is read as an object.

    Notes
    -----
    The size of an image that is there counts more than what the file says of it. VOC counts pixels from 1: 1 is
    taken off.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "boxes.csv"
    ...     _ = path.write_text("filename,xmin,ymin,xmax,ymax,class\na.jpg,1,2,5,9,cup\n", encoding="utf-8")
    ...     records, class_names = load_annotations(path)
    >>> class_names, records[0].boxes
    (('background', 'cup'), array([[1., 2., 5., 9.]]))
    """
    if class_names is not None:
        class_table(class_names)
    if format is not None:
        require_kind(format, FORMATS, name="format")
    rules = Rules(unknown, default_class, "skip", "skip", "clip", tell_clipped=True)
    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if image_folder is not None and not Path(image_folder).is_dir():
        raise ValueError(f"image_folder: expected a folder, got {shorten(str(image_folder))}")
    read = _read_folder if place.is_dir() else _read_file
    found, kind = read(place, image_folder, format, class_names, default_class)
    if format not in (None, kind):
        raise ValueError(f"{path}: expected the format {format!r}, got {kind!r}")
    return assemble(found, class_names, rules)


def _read_file(
    path: Path, image_folder: PathLike | None, format_: Format | None, *_: Any
) -> tuple[FoundFile, str]:
    name = str(path)
    if not path.is_file():
        raise ValueError(f"{path}: expected a file, got something else")
    sizes = ImageSizes(None, image_folder, beside=path)
    if path.suffix.lower() in (".yaml", ".yml") or (path.name == "classes.txt" and format_ in (None, "yolo")):
        return read_yolo(name, path.parent, image_folder), "yolo"
    with path.open("rb") as file:
        start = file.read(1000).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        if read_xml(path).tag == "annotation":
            return read_voc(name, [path], sizes), "voc"
        return read_cvat(name, path, sizes), "cvat"
    if start.startswith(b"\x89PNG"):
        raise ValueError(f"{path}: an image; masks are read from their folder")
    text = read_text(path)
    if not start.startswith((b"{", b"[")):
        if is_via_csv(text):
            return read_via(name, read_via_csv(name, text), sizes), "via"
        return read_boxes_csv(name, text, sizes), "csv"
    content = parse_json(path, text)
    if is_labelme(content):
        return read_labelme(name, [path], sizes), "labelme"
    if (
        isinstance(content, dict)
        and {"images", "annotations", "categories"} & content.keys()
        and not any(key.startswith("_via") for key in content)
    ):
        return read_coco(name, content, sizes), "coco"
    return read_via(name, content, sizes), "via"


def _read_folder(
    path: Path,
    image_folder: PathLike | None,
    format_: Format | None,
    class_names: Sequence[str] | None,
    default_class: str | None,
) -> tuple[FoundFile, str]:
    name = str(path)
    labels = path / "labels"
    documents = files_in(path / "Annotations" if (path / "Annotations").is_dir() else path, [".xml"], below=True)
    texts = files_in(path, [".json"])
    tables = files_in(path, [".csv"])
    masks = files_in(path, [".png"])
    shapes = [file for file in texts if is_labelme(read_json(file))] if texts else []
    found: dict[str, Any] = {
        "yolo": labels.is_dir() and bool(files_in(labels, [".txt"], below=True)),
        "voc": documents if documents and read_xml(documents[0]).tag == "annotation" else [],
        "cvat": documents if documents and read_xml(documents[0]).tag != "annotation" else [],
        "labelme": shapes,
        "file": [file for file in texts if file not in shapes and format_ != "csv"]
        + [file for file in tables if format_ != "coco"],
    }
    # PNG files are masks where nothing else speaks of them; else they are photographs.
    found["masks"] = masks if format_ == "masks" or not any(found.values()) else []
    kinds = [kind for kind, there in found.items() if there and format_ in (None, kind)]
    beside = found["file"] if format_ in (None, "via", "coco", "csv") else []
    if beside:
        kinds = [*(kind for kind in kinds if kind != "file"), *(file.name for file in beside)]
    if len(kinds) != 1 or (kinds == ["cvat"] and len(documents) > 1):
        what = f"got {kinds}; name one, or say with format=…" if kinds else "found none"
        raise ValueError(f"{path}: expected annotations of one format ({', '.join(FORMATS)}), {what}")
    if beside:
        return _read_file(beside[0], image_folder or path, format_)
    sizes = ImageSizes(None, image_folder, beside=path / "any")
    kind = kinds[0]
    if kind == "yolo":
        return read_yolo(name, path, image_folder), kind
    if kind == "voc":
        return read_voc(name, documents, sizes), kind
    if kind == "cvat":
        return read_cvat(name, documents[0], sizes), kind
    if kind == "labelme":
        return read_labelme(name, shapes, sizes), kind
    return read_masks(name, masks, image_folder, class_names, default_class), kind
