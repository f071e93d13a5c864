"""Label maps: colours to class ids and back, by table."""

from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from course_utils._arguments import IGNORE, as_array, as_comparable, as_integer_array, require_kind, shown

__all__ = ["IGNORE_COLOUR", "labels_to_rgb", "rgb_to_labels"]

# The colour that Pascal VOC gives to pixels that no metric counts (Everingham et al. 2010).
IGNORE_COLOUR = (224, 224, 192)


def rgb_to_labels(
    rgb: npt.ArrayLike, palette: npt.ArrayLike, unknown: Literal["error", "ignore"] = "error"
) -> npt.NDArray[np.uint8]:
    """Class ids of a colour-coded label image.

    Parameters
    ----------
    rgb : (…, H, W, 3) uint8
        A colour mask, or a batch of them.
    palette : (K, 3) array_like of int in 0 .. 255
        The colour of each class; the row is the id. K from 1 to 255, no colour twice.
    unknown : "error" or "ignore"
        What to do about a colour that is not in the palette: raise, or give it the id 255.

    Returns
    -------
    (…, H, W) uint8
        Ids from 0 to K − 1, and 255 for ignored pixels.

    Raises
    ------
    ValueError
        For a colour that is not in the palette (with ``unknown="error"``; it says which and
        where), a colour twice in the palette, another shape or dtype.

    Notes
    -----
    The three bytes of a pixel are read as one number below 2²⁴, which is looked up in a table of
    16 MB. The tables of the last few palettes are kept.

    Examples
    --------
    >>> rgb = np.array([[[0, 0, 0], [255, 0, 0]], [[255, 0, 0], [9, 9, 9]]], np.uint8)
    >>> rgb_to_labels(rgb, [[0, 0, 0], [255, 0, 0]], unknown="ignore")
    array([[  0,   1],
           [  1, 255]], dtype=uint8)
    """
    require_kind(unknown, ("error", "ignore"), name="unknown")
    colours = _as_palette(palette)
    pixels = as_array("rgb", rgb)
    if pixels.dtype != np.uint8:
        raise ValueError(f"rgb: expected dtype uint8, got {pixels.dtype}")
    if pixels.ndim < 3 or pixels.shape[-1] != 3:
        raise ValueError(f"rgb: expected shape (…, H, W, 3), got {pixels.shape}")

    # The table holds the id plus one, and 0, "unknown", wraps to 255.
    labels = np.take(_table(colours.tobytes()), _codes(pixels)) - np.uint8(1)
    if unknown == "error":
        strange = labels == IGNORE
        if strange.any():
            index = tuple(int(i) for i in np.argwhere(strange)[0])
            raise ValueError(
                f"rgb: {int(strange.sum())} of {strange.size} pixels have a colour that is not in the palette, "
                f'the first is {pixels[index].tolist()} at index {index}; unknown="ignore" gives them {IGNORE}'
            )
    return np.asarray(labels)


def labels_to_rgb(
    labels: npt.ArrayLike, palette: npt.ArrayLike, ignore_colour: tuple[int, int, int] = IGNORE_COLOUR
) -> npt.NDArray[np.uint8]:
    """Colour-coded image of a label map.

    Parameters
    ----------
    labels : array_like of int
        Ids from 0 to K − 1, 255 for ignored pixels.
    palette : (K, 3) array_like of int in 0 .. 255
        As in :func:`rgb_to_labels`.
    ignore_colour : tuple of int
        The colour of ignored pixels.

    Returns
    -------
    array of the shape of ``labels`` and an axis of 3 more, uint8

    Raises
    ------
    ValueError
        For an id without a colour, a colour twice in the palette, or ignored pixels whose colour
        is that of a class.

    Examples
    --------
    >>> labels_to_rgb([[1, 255]], [[0, 0, 0], [255, 0, 0]]).tolist()
    [[[255, 0, 0], [224, 224, 192]]]
    """
    colours = _as_palette(palette)
    ids = as_integer_array("labels", labels, low=0, high=len(colours), ignore=IGNORE)
    void = as_integer_array("ignore_colour", ignore_colour, low=0, high=256)
    if void.shape != (3,):
        raise ValueError(f"ignore_colour: expected three numbers, got {shown(ignore_colour)}")
    if (colours == void).all(axis=1).any() and (ids == as_comparable(IGNORE, ids)).any():
        raise ValueError(f"ignore_colour: {void.tolist()} is the colour of a class too")
    table = np.zeros((256, 3), np.uint8)
    table[: len(colours)] = colours
    table[IGNORE] = void
    return np.asarray(table[ids])


def _as_palette(palette: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    colours = as_integer_array("palette", palette, low=0, high=256).astype(np.uint8)
    if colours.ndim != 2 or colours.shape[1] != 3 or not 1 <= len(colours) <= IGNORE:
        raise ValueError(f"palette: expected shape (K, 3) with K from 1 to {IGNORE}, got {colours.shape}")
    _, first, counts = np.unique(colours, axis=0, return_index=True, return_counts=True)
    if (counts > 1).any():
        colour = colours[first[counts > 1].min()]
        rows = np.flatnonzero((colours == colour).all(axis=1)).tolist()
        raise ValueError(f"palette: rows {rows} have the same colour {colour.tolist()}")
    return colours


@lru_cache(maxsize=4)
def _table(colours: bytes) -> npt.NDArray[np.uint8]:
    """Id plus one for each of the 2²⁴ colours, 0 where the palette has none.

    Fresh memory is 0 already, so only the pages around the palette's colours are ever written.
    """
    palette = np.frombuffer(colours, np.uint8).reshape(-1, 3)
    table = np.zeros(2**24, np.uint8)
    table[_codes(palette)] = np.arange(1, len(palette) + 1)
    table.setflags(write=False)
    return table


def _codes(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """The three bytes of each pixel as one number: red + 256 · green + 65536 · blue."""
    shape = pixels.shape[:-1]
    stream = np.zeros(pixels.size + 1, np.uint8)
    stream[:-1] = pixels.reshape(-1)
    # Four bytes read at every third: the pixel's own, and one of its neighbour, which is masked out.
    windows: npt.NDArray[np.uint32] = np.ndarray((pixels.size // 3,), "<u4", stream, 0, (3,))
    return (windows & np.uint32(0xFFFFFF)).reshape(shape)
