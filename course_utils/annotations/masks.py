"""A folder of masks: PNG files whose pixels are class ids, or colours that a palette explains."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from course_utils._arguments import IGNORE
from course_utils.annotations._checks import PathLike, read_text
from course_utils.annotations._classes import BACKGROUND
from course_utils.annotations._folders import images_by_stem, stem_of
from course_utils.annotations._image_sizes import ImageSizes
from course_utils.annotations._objects import FoundFile, FoundImage, FoundObject, Label, whole_number
from course_utils.annotations._outlines import mask_parts, require_pixels

__all__ = ["read_masks"]

# Files, beside the masks or in the folder above, that say which colour is which class.
PALETTES = ("labelmap.txt", "label_colors.txt")
Ids = npt.NDArray[np.integer[Any]]
Colour = tuple[int, int, int]


def read_masks(
    path: str,
    files: Sequence[Path],
    image_folder: PathLike | None,
    class_names: Sequence[str] | None,
    default_class: str | None,
) -> FoundFile:
    """What masks hold: one object a connected region of a class.

    Pixels of 0 are background, those of 255 are ignored, unless a folder holds 0 and 255 only: then 255 is its
    one class. With a palette (``labelmap.txt`` as CVAT writes it, "name:red,green,blue", or ``label_colors.txt``,
    "red green blue name"), colours are classes in its order.
    """
    palette = _palette(Path(path))
    folder = Path(image_folder or path)
    stems = images_by_stem(folder, below=image_folder is not None)
    sizes = ImageSizes(None, folder)
    found = FoundFile(path, [], classes=[name for name, _ in palette], name_field="file name")
    present: set[int] = set()
    ignored: list[tuple[list[FoundObject], list[FoundObject]]] = []
    for file in files:
        place = f"{path}: {file.name}"
        labels = _read(place, file, palette)
        names = stems.get(stem_of(file.name), [])
        if image_folder is None:  # the mask may lie beside its image, or alone
            names = [name for name in names if name != file.name] or [file.name]
        if len(names) != 1:
            raise ValueError(f"{place}: expected one image that is called so in {folder}, got {names}")
        size = sizes.of(place, names[0])
        if size != labels.shape:
            raise ValueError(f"{place}: expected a mask of {size}, as its image, got {labels.shape}")
        objects: list[FoundObject] = []
        for class_id in np.unique(labels).tolist():
            present.add(class_id)
            if class_id == IGNORE and not palette:
                ignored.append((objects, _objects(place, labels == class_id, Label(1, "id"))))
            elif class_id != 0:
                label = Label(palette[class_id - 1][0], "name") if palette else Label(class_id, "id")
                objects += _objects(place, labels == class_id, label)
        found.images.append(FoundImage(place, names[0], size, objects))
    if ignored and present <= {0, IGNORE}:
        if class_names is not None and len(class_names) != 2 and default_class is None:
            raise ValueError(f"{path}: the masks hold 0 and 255 only, expected the ids of {list(class_names[1:])}")
        for others, whites in ignored:
            for entry in whites:
                entry.label = Label(None) if default_class is not None else entry.label
            others.extend(whites)
        text = "masks of 0 and 255 only, where 255 is read as a class, though elsewhere it means an ignored pixel"
        found.told[text] = len(ignored)
    elif ignored:
        found.told["masks with pixels of 255, which are ignored"] = len(ignored)
    return found


def _objects(place: str, mask: npt.NDArray[np.bool_], label: Label) -> list[FoundObject]:
    """One object a connected region."""
    return [FoundObject(place, "pixels", label, parts=[part]) for part in mask_parts(mask)]


def _read(place: str, file: Path, palette: list[tuple[str, Colour]]) -> Ids:
    """Class of each pixel."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=["PNG"]) as image:
                require_pixels(place, image.height, image.width)
                if palette:
                    return _by_colour(place, np.asarray(image.convert("RGB")), palette)
                if len(image.getbands()) > 1:
                    raise ValueError(
                        f"{place}: expected pixels that are class ids, got the bands {image.getbands()}: "
                        f"which colour is which class has to stand in {PALETTES[0]} beside the masks"
                    )
                return np.asarray(image).astype(np.int64)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{place}: not a PNG file that can be read: {error}") from error


def _by_colour(place: str, pixels: npt.NDArray[np.uint8], palette: list[tuple[str, Colour]]) -> Ids:
    codes = pixels.astype(np.int64) @ np.array([65536, 256, 1])
    labels = np.zeros(codes.shape, np.int64)
    known = codes == 0
    for index, (name, colour) in enumerate(palette, start=1):
        mask = codes == int(np.dot(colour, [65536, 256, 1]))
        labels[mask] = 0 if name.casefold() in BACKGROUND else index
        known |= mask
    if not known.all():
        row, column = np.argwhere(~known)[0].tolist()
        missing = pixels[row, column].tolist()
        raise ValueError(f"{place}: the palette has no colour {missing}, which the pixel at {row, column} has")
    return labels


def _palette(folder: Path) -> list[tuple[str, Colour]]:
    """Names and colours of the classes; empty where no file says."""
    for file in (place / name for place in (folder, folder.parent) for name in PALETTES):
        if file.is_file():
            lines = enumerate(read_text(file).splitlines(), start=1)
            return [
                _entry(f"{file}, line {number}", line, file.name == PALETTES[0])
                for number, line in lines
                if line.split("#", 1)[0].strip()
            ]
    return []


def _entry(place: str, line: str, name_first: bool) -> tuple[str, Colour]:
    text = line.split("#", 1)[0].strip()
    if name_first:
        name, _, rest = text.partition(":")
        numbers = rest.split(":")[0].split(",")
    else:
        numbers, name = text.split()[:3], " ".join(text.split()[3:])
    colour = [whole_number(value) for value in numbers]
    channels = [channel for channel in colour if channel is not None and 0 <= channel <= 255]
    if not name.strip() or len(colour) != 3 or len(channels) != 3:
        raise ValueError(f"{place}: expected a name and three numbers from 0 to 255, got {line!r}")
    return name.strip(), (channels[0], channels[1], channels[2])
