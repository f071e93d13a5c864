"""A folder of annotated photographs as a set of one size."""

import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import numpy.typing as npt

from course_utils._arguments import IGNORE, Float64Array, as_count, shown
from course_utils._progress import ProgressBar
from course_utils.annotations import AnnotationSet, Record
from course_utils.annotations._checks import LeftOutError, fit_box
from course_utils.annotations._image_sizes import image_path
from course_utils.annotations.polygons import polygons_to_instance_ids
from course_utils.annotations.records import Outline
from course_utils.datasets.dataset import Dataset
from course_utils.datasets.photographs.fitting import fit_photograph, resized
from course_utils.datasets.photographs.reading import read_photograph

__all__ = ["load_photographs"]

# Files that a message lists before it breaks off.
LISTED = 20
CUT, SIDES = "boxes cut at the edge of their photograph", ("x_min", "y_min", "x_max", "y_max")


class _Loaded(NamedTuple):
    """One photograph, fitted."""

    image: npt.NDArray[np.uint8]
    factor: float
    boxes: Float64Array
    class_ids: npt.NDArray[np.int64]
    polygons: tuple[Outline, ...]
    label_map: npt.NDArray[np.uint8] | None
    instance_ids: npt.NDArray[Any] | None
    told: list[str]


def load_photographs(
    annotations: AnnotationSet | Sequence[Record],
    image_folder: Path | str,
    height: int,
    width: int,
    *,
    workers: int | None = None,
) -> Dataset:
    """Read annotated photographs, and make them and their annotations ready for a network of one input size.

    Parameters
    ----------
    annotations : AnnotationSet, or sequence of Record
        As :func:`course_utils.annotations.load_annotations` gives them: boxes and polygons in pixels of the
        upright photographs.
    image_folder : path
        Where the files are that the records name; a name may lead into a folder below it.
    height, width : int
        Of the network's input, in pixels.
    workers : int, optional
        Threads that decode; by default one for each core. The result does not depend on it.

    Returns
    -------
    Dataset
        In the order of the records. Each photograph is scaled to fit, its shape kept, and padded with grey on the
        right or below, as :func:`course_utils.detection.detect` and :func:`course_utils.segmentation.segment` do;
        rounded to 8 bits. Boxes and polygons are scaled by the same factor. Label maps are drawn from the scaled
        polygons, later objects over earlier ones, and are 255 in the padding; if any object of the set has a box
        only, label maps and instance ids are None. The arrays are read-only.

    Raises
    ------
    ValueError
        For no record, a size below 1, class ids above 254 where label maps are drawn, and for files that are
        missing, damaged, partly transparent or of more than 8 bits a channel: one message lists them all.

    Warns
    -----
    UserWarning
        One, which counts boxes that were cut at the edge of their photograph, and objects that were left out
        because their box has no area in it.

    Notes
    -----
    Photographs are decoded by several threads and let go of as soon as they are fitted: beside the result, memory
    holds one photograph a thread. What takes longer than a second shows a progress bar on standard error.

    A thousand JPEG files of 640 × 480 with polygons take 8 s of one core's time: decoding more than half of it,
    resizing a third. Pillow could decode them at half their size (``draft``) in half the time, but the fitted
    image would differ by up to 11 of 255 from what `detect` sees, so they are decoded in full.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (64, 48)).save(Path(folder) / "a.png")
    ...     photographs = load_photographs([Record("a.png", [[10, 10, 30, 40]], [1], [None])], folder, 24, 40)
    >>> photographs.images.shape, photographs.boxes[0].tolist(), photographs.factors.tolist()
    ((1, 24, 40, 3), [[5.0, 5.0, 15.0, 20.0]], [0.5])
    """
    size = as_count("height", height), as_count("width", width)
    if workers is not None:
        as_count("workers", workers)
    records = _as_records(annotations)
    if not Path(image_folder).is_dir():
        raise ValueError(f"image_folder: expected a folder, got {shown(str(image_folder))}")
    drawn = all(outline is not None for record in records for outline in record.polygons)
    arrays = _empty(records, size, drawn)
    rest: list[tuple[Any, ...]] = []
    broken: list[str] = []
    told: Counter[str] = Counter()
    bar = ProgressBar(len(records), "loading photographs")
    parallel = joblib.Parallel(workers or -1, prefer="threads", return_as="generator")
    loaded = parallel(joblib.delayed(_try_to_load)(record, image_folder, size, drawn) for record in records)
    try:
        for index, found in enumerate(loaded):
            if isinstance(found, str):
                broken.append(found)
            else:
                for name, into in arrays.items():
                    into[index] = getattr(found, name)
                rest.append((found.boxes, found.class_ids, found.polygons, found.factor))
                told.update(found.told)
            bar.show(index + 1)
    finally:
        loaded.close()  # after an interrupt nothing goes on decoding
        bar.close()
    if broken:
        listed = "".join(f"\n  {text}" for text in broken[:LISTED]) + ("\n  …" if len(broken) > LISTED else "")
        raise ValueError(
            f"annotations: {len(broken)} of {len(records)} photographs cannot be used from {image_folder}:{listed}"
        )
    if told:
        texts = (f"{text}: {count}" for text, count in told.items())
        warnings.warn(f"{image_folder}: {'; '.join(texts)}", UserWarning, stacklevel=2)
    return _assemble(records, arrays, rest)


def _as_records(annotations: Any) -> list[Record]:
    records = annotations.records if isinstance(annotations, AnnotationSet) else annotations
    if not isinstance(records, (list, tuple)) or not all(isinstance(record, Record) for record in records):
        raise ValueError(
            f"annotations: expected what load_annotations gives, or a list of Record, got {shown(annotations)}"
        )
    if not records:
        raise ValueError("annotations: expected one photograph or more, got none")
    return list(records)


def _empty(records: list[Record], size: tuple[int, int], drawn: bool) -> dict[str, npt.NDArray[Any]]:
    """The arrays that hold the result, not yet filled."""
    count = len(records)
    arrays: dict[str, npt.NDArray[Any]] = {"image": np.empty((count, *size, 3), np.uint8)}
    if drawn:
        most = max(len(record.boxes) for record in records)
        arrays["label_map"] = np.empty((count, *size), np.uint8)
        arrays["instance_ids"] = np.empty((count, *size), np.uint8 if most <= 255 else np.uint16)
    return arrays


def _try_to_load(record: Record, folder: Path | str, size: tuple[int, int], drawn: bool) -> _Loaded | str:
    """The photograph, or what is wrong with it."""
    try:
        return _load(record, folder, size, drawn)
    except ValueError as error:
        return f"{record.file_name}: {error}"


def _load(record: Record, folder: Path | str, size: tuple[int, int], drawn: bool) -> _Loaded:
    photograph = read_photograph(image_path("annotations", folder, record.file_name))
    shape = photograph.shape[:2]
    fitted, factor = fit_photograph(photograph, *size)
    image = np.rint(fitted * 255).astype(np.uint8)
    boxes, kept, told = _inside(record, shape)
    class_ids = record.class_ids[kept]
    outlines = [record.polygons[index] for index in kept]
    polygons = tuple(_scaled(outline, factor) for outline in outlines)
    labels = instances = None
    if drawn:
        if len(class_ids) and class_ids.max() >= IGNORE:
            raise ValueError(
                f"class_ids: expected 1 to {IGNORE - 1} where label maps are drawn, got {class_ids.max()}"
            )
        rows, columns = resized(shape, factor)
        seen = polygons_to_instance_ids(polygons, rows, columns)
        labels = np.full(size, IGNORE, np.uint8)
        labels[:rows, :columns] = np.concatenate([[0], class_ids]).astype(np.uint8)[seen]
        instances = np.zeros(size, seen.dtype)
        instances[:rows, :columns] = seen
    return _Loaded(image, factor, boxes * factor, class_ids, polygons, labels, instances, told)


def _inside(record: Record, shape: tuple[int, ...]) -> tuple[Float64Array, list[int], list[str]]:
    """Boxes cut at the edges, which objects are left, and what there is to tell."""
    boxes, kept, told = [], [], []
    for index, box in enumerate(record.boxes):
        try:
            inside = fit_box(record.file_name, SIDES, box, (shape[0], shape[1]), "clip")
        except LeftOutError as error:
            told.append(f"{error.reason} left out")
            continue
        if not np.allclose(inside, box):
            told.append(CUT)
        boxes.append(inside)
        kept.append(index)
    return np.array(boxes).reshape(-1, 4), kept, told


def _scaled(outline: Outline, factor: float) -> Outline:
    if outline is None:
        return None
    return [part * factor for part in outline] if isinstance(outline, list) else outline * factor


def _assemble(records: list[Record], arrays: dict[str, npt.NDArray[Any]], rest: list[tuple[Any, ...]]) -> Dataset:
    boxes, class_ids, polygons, factors = zip(*rest, strict=True)
    scales = np.array(factors)
    parts = [
        part for outlines in polygons for outline in outlines if outline is not None for part in _parts(outline)
    ]
    for array in [*arrays.values(), *boxes, *class_ids, *parts, scales]:
        array.flags.writeable = False
    return Dataset(
        images=arrays["image"],
        label_maps=arrays.get("label_map"),
        instance_ids=arrays.get("instance_ids"),
        boxes=boxes,
        class_ids=class_ids,
        polygons=polygons,
        file_names=tuple(record.file_name for record in records),
        factors=scales,
    )


def _parts(outline: Any) -> list[Float64Array]:
    return outline if isinstance(outline, list) else [outline]
