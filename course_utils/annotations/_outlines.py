"""Masks, as pixels or as run lengths, turned into outlines."""

import importlib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from course_utils.annotations._checks import Size, shorten
from course_utils.annotations._objects import whole_number
from course_utils.annotations.records import Parts

__all__ = ["decode_coco_runs", "decode_runs", "mask_parts", "require_pixels"]

# More pixels than this are a mistake or an attack.
MOST_PIXELS = 200_000_000
# Pixels that touch at a corner belong together.
CORNERS_TOUCH = np.ones((3, 3), bool)


def mask_parts(mask: npt.NDArray[np.bool_]) -> Parts:
    """Outlines of a mask, one a connected region (pixels that touch at a corner are connected).

    Parameters
    ----------
    mask : (height, width) bool

    Returns
    -------
    list of (k, 2) float64
        Corners as x, y in pixels. A hole is joined to the outline by a slit without width. Filled again by
        :func:`~course_utils.annotations.polygons_to_label_map` they give the mask, to the pixel, and their box is
        that of the pixels.

    Notes
    -----
    Marching squares (Lorensen and Cline 1987, in two dimensions; `skimage.measure.find_contours`): the outline
    passes half-way between the centres of pixels inside and outside.

    Examples
    --------
    >>> mask_parts(np.array([[True, True], [False, False]]))[0].tolist()
    [[1.5, 1.0], [0.5, 1.0], [0.0, 0.5], [0.5, 0.0], [1.5, 0.0], [2.0, 0.5]]
    """
    from skimage import measure  # noqa: PLC0415 (half a second that boxes and polygons do not need)

    find_contours: Any = measure.find_contours
    labelled, _ = ndimage.label(mask, CORNERS_TOUCH)
    parts = []
    for number, window in enumerate(ndimage.find_objects(labelled), start=1):
        region = np.pad(labelled[window] == number, 1).astype(np.float64)
        rings = [_corners(ring) for ring in find_contours(region, 0.5, fully_connected="high")]
        outer = max(rings, key=lambda ring: np.ptp(ring[:, 1]))
        # Every ring is closed, and each hole is reached from the outline's first corner and left for it.
        path = [outer] if len(rings) == 1 else [outer, outer[:1]]
        for ring in rings:
            if ring is not outer:
                path += [ring, ring[:1], outer[:1]]
        corner = [window[1].start - 0.5, window[0].start - 0.5]
        parts.append(np.concatenate(path) + corner)
    return parts


def _corners(ring: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Corners, as x and y, of a closed ring of rows and columns, without the points between them."""
    points = ring[:-1, ::-1]
    step = np.diff(np.concatenate([points[-1:], points]), axis=0)
    turns = (step != np.roll(step, -1, axis=0)).any(axis=1)
    return np.asarray(points[turns], np.float64)


def decode_runs(place: str, counts: Sequence[Any], height: int, width: int) -> npt.NDArray[np.bool_]:
    """Mask from run lengths, row by row, of pixels outside and inside in turn.

    Examples
    --------
    >>> decode_runs("a.xml", ["1", "2", "1"], 2, 2).tolist()
    [[False, True], [True, False]]
    """
    require_pixels(place, height, width)
    lengths = _checked(place, counts, height, width)
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(height, width)


def _checked(place: str, counts: Sequence[Any], height: int, width: int) -> list[int]:
    """Run lengths as integers, if they fill the mask."""
    lengths = [run for run in map(whole_number, counts) if run is not None and run >= 0]
    if len(lengths) != len(counts) or sum(lengths) != height * width:
        raise ValueError(
            f"{place}: expected run lengths for {height} × {width} pixels, got {shorten(list(counts))}"
        )
    return lengths


def decode_coco_runs(place: str, runs: dict[str, Any], size: Size | None) -> npt.NDArray[np.bool_]:
    """Mask from COCO's run lengths, which go column by column; pycocotools decodes them.

    Raises
    ------
    ValueError
        For another size than the image's, damaged run lengths, or where pycocotools is not installed.
    """
    what = f"{place}: given in run lengths (RLE)"
    try:
        mask: Any = importlib.import_module("pycocotools.mask")
    except ImportError as error:
        advice = "pip install pycocotools, or export polygons"
        raise ValueError(f"{what}, which the package pycocotools reads: {advice}") from error
    shape, counts = runs.get("size"), runs.get("counts")
    pair = [whole_number(side) for side in shape] if isinstance(shape, list) else []
    if len(pair) != 2 or None in pair or not isinstance(counts, (list, str)):
        raise ValueError(f"{what}: expected size [height, width] and counts, got {shorten(runs)}")
    height, width = (side or 0 for side in pair)
    if size is not None and (height, width) != size:
        raise ValueError(f"{what} for {height} × {width} pixels, expected {size[0]} × {size[1]}, as the image")
    require_pixels(what, height, width)
    if isinstance(counts, list):
        runs = mask.frPyObjects(
            {"size": [height, width], "counts": _checked(what, counts, height, width)}, height, width
        )
    else:
        runs = {"size": [height, width], "counts": counts.encode("utf-8")}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # how it hands its arrays to NumPy
            decoded = mask.decode(runs)
            # Of run lengths that end early it leaves the rest of the mask as the memory was.
            whole = decoded.max() <= 1 and mask.encode(decoded)["counts"] == runs["counts"]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} that cannot be read: {error}") from error
    if not whole:
        raise ValueError(f"{what} that are not those of {height} × {width} pixels: {shorten(counts)}")
    return np.asarray(decoded, bool)


def require_pixels(place: str, height: int, width: int) -> None:
    """Refuse a size that is none, or beyond what a mask may have."""
    if not (height >= 1 and width >= 1 and height * width <= MOST_PIXELS):
        raise ValueError(f"{place}: expected 1 to {MOST_PIXELS:,} pixels, got {height} × {width}")
