"""Masks, as pixels or as run lengths, turned into outlines."""

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
# A run length in COCO's text has no more bits than this.
MOST_BITS = 35
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
    return _mask_of(_checked(place, counts, height, width), height, width)


def _mask_of(lengths: list[int], height: int, width: int) -> npt.NDArray[np.bool_]:
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
    """Mask from COCO's run lengths, which go column by column, as a list or compressed into a text.

    Raises
    ------
    ValueError
        For another size than the image's, or damaged run lengths.

    Notes
    -----
    pycocotools 2.0.11 writes beyond the mask where run lengths go on beyond it, so it is not asked.

    Examples
    --------
    >>> decode_coco_runs("a.json", {"size": [2, 2], "counts": "112"}, None).tolist()
    [[False, False], [True, False]]
    """
    what = f"{place}: given in run lengths (RLE)"
    shape, counts = runs.get("size"), runs.get("counts")
    pair = [whole_number(side) for side in shape] if isinstance(shape, list) else []
    if len(pair) != 2 or None in pair or not isinstance(counts, (list, str)):
        raise ValueError(f"{what}: expected size [height, width] and counts, got {shorten(runs)}")
    height, width = (side or 0 for side in pair)
    if size is not None and (height, width) != size:
        raise ValueError(f"{what} for {height} × {width} pixels, expected {size[0]} × {size[1]}, as the image")
    require_pixels(what, height, width)
    lengths = _checked(what, counts if isinstance(counts, list) else _decompressed(what, counts), height, width)
    return _mask_of(lengths, width, height).T


def _decompressed(what: str, text: str) -> list[int]:
    """Run lengths from COCO's text, as ``rleFrString`` in its maskApi.c reads it.

    A number has 5 bits a character, the lowest first; 32 says that more follow, 16 in the last one that it is
    negative. From the fourth on, each is the difference from the one before the last.
    """
    lengths: list[int] = []
    number = bits = 0
    for character in text:
        code = ord(character) - 48
        if not (0 <= code < 64 and bits < MOST_BITS):
            raise ValueError(f"{what} that cannot be read: {shorten(text)}")
        number |= (code & 31) << bits
        bits += 5
        if not code & 32:
            number -= (code & 16) << (bits - 4)
            lengths.append(number + (lengths[-2] if len(lengths) > 2 else 0))
            number = bits = 0
    if bits:
        raise ValueError(f"{what} that end within a number: {shorten(text)}")
    return lengths


def require_pixels(place: str, height: int, width: int) -> None:
    """Refuse a size that is none, or beyond what a mask may have."""
    if not (height >= 1 and width >= 1 and height * width <= MOST_PIXELS):
        raise ValueError(f"{place}: expected 1 to {MOST_PIXELS:,} pixels, got {height} × {width}")
