"""Polygons turned into pixels: label maps with hard edges, coverage with soft ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from course_utils._arguments import IGNORE, Float64Array, as_count, as_integer_array
from course_utils.annotations.records import Outline, as_parts

__all__ = ["polygon_coverage", "polygons_to_instance_ids", "polygons_to_label_map"]

# Far beyond any image. Up to here a crossing is computed to a billionth of a pixel.
FARTHEST = 1e6
# The largest number that names an object in a pixel of 16 bits.
MOST = 65_535
# Sample lines in each row of pixels. Along a line the coverage is exact, so four are enough.
LINES = 4


def polygons_to_label_map(
    polygons: Sequence[Outline], class_ids: npt.ArrayLike, height: int, width: int
) -> npt.NDArray[np.uint8]:
    """Class of every pixel, from the outlines of the objects.

    Parameters
    ----------
    polygons : sequence of n outlines
        Each a (k, 2) array of x, y in pixels, k ≥ 3, or a list of such arrays, the parts of one
        object. They may leave the image, and are cut at its edge. Later ones cover earlier ones.
    class_ids : (n,) int
        1 to 254.
    height, width : int
        Of the image, in pixels.

    Returns
    -------
    (height, width) uint8
        0 where there is no object. A pixel belongs to a polygon if its centre, at x + 0.5 and
        y + 0.5, lies inside. Of two polygons that share an edge, a centre on it belongs to the one on
        its right (below it, if the edge is level). Where a polygon crosses itself, inside is what a
        ray to infinity leaves after an odd number of crossings.

    Raises
    ------
    ValueError
        For a polygon of fewer than three different points, a coordinate that is not finite or beyond
        ±1,000,000, a class id outside 1 to 254, an object without an outline (None), or another
        number of ids than of polygons. The message names the polygon's index.

    Notes
    -----
    Each row of centres is crossed by an even number of edges, and every second stretch between them
    lies inside: the scan-line algorithm of Foley et al., *Computer Graphics*, section 3.6. Drawing
    libraries give another answer (Pillow and OpenCV fill many of the pixels that the outline only grazes
    too, a third to half a pixel more on each side) or a slow one (`skimage.draw.polygon` tests each pixel
    against each edge: seconds for a photograph of twelve megapixels).

    Examples
    --------
    >>> square, dot = [[1, 0], [4, 0], [4, 3], [1, 3]], [[2, 1], [3, 1], [3, 2], [2, 2]]
    >>> polygons_to_label_map([square, dot], [1, 2], height=3, width=4)
    array([[0, 1, 1, 1],
           [0, 1, 2, 1],
           [0, 1, 1, 1]], dtype=uint8)
    """
    shape = as_count("height", height), as_count("width", width)
    count = len(polygons)
    ids = np.zeros(0, int) if count == 0 else as_integer_array("class_ids", class_ids, low=1, high=IGNORE)
    if ids.shape != (count,) or np.size(class_ids) != count:
        raise ValueError(f"class_ids: expected {count} ids, one a polygon, got shape {np.shape(class_ids)}")
    return np.concatenate([[0], ids]).astype(np.uint8)[polygons_to_instance_ids(polygons, *shape)]


def polygons_to_instance_ids(
    polygons: Sequence[Outline], height: int, width: int
) -> npt.NDArray[np.uint8 | np.uint16]:
    """Which object is seen at every pixel, from the outlines of the objects.

    Parameters
    ----------
    polygons, height, width
        As :func:`polygons_to_label_map`; 65,535 objects at most.

    Returns
    -------
    (height, width) uint8, or uint16 for more than 255 objects
        0 where there is no object, else 1 + the index of the last that covers the pixel.

    Raises
    ------
    ValueError
        As :func:`polygons_to_label_map`.

    Examples
    --------
    >>> square, dot = [[1, 0], [4, 0], [4, 3], [1, 3]], [[2, 1], [3, 1], [3, 2], [2, 2]]
    >>> polygons_to_instance_ids([square, square, dot], height=3, width=4)
    array([[0, 2, 2, 2],
           [0, 2, 3, 2],
           [0, 2, 2, 2]], dtype=uint8)
    """
    shape = as_count("height", height), as_count("width", width)
    count = len(polygons)
    if count > MOST:
        raise ValueError(f"polygons: expected {MOST:,} objects at most, got {count:,}")
    instance_ids = np.zeros(shape, np.uint8 if count <= 255 else np.uint16)
    for index, outline in enumerate(polygons):
        if outline is None:
            raise ValueError(f"polygons[{index}]: no outline; the file gives only a rectangle")
        for part in as_parts(f"polygons[{index}]", outline):
            if np.abs(part).max() > FARTHEST:
                raise ValueError(f"polygons[{index}]: {np.abs(part).max():g} lies beyond ±{FARTHEST:,.0f} pixels")
            _fill(instance_ids, part, index + 1)
    return instance_ids


def polygon_coverage(outline: Float64Array, height: int, width: int) -> tuple[int, int, Float64Array] | None:
    """Share of each pixel that lies inside a simple polygon.

    Parameters
    ----------
    outline : (k, 2) float
        Corners as x, y in pixels, in order; the last is joined to the first.
    height, width : int
        The image that the polygon is cut to.

    Returns
    -------
    row, column : int
        Upper left pixel of the smallest window that holds the polygon.
    coverage : (h, w) float64
        In [0, 1], for the pixels of that window. None in place of all three where the polygon
        lies outside the image.

    Notes
    -----
    Along each sample line, an edge that is crossed adds its direction (+1 or −1) to everything on
    its right. The running sum is the winding number: 1 inside, 0 outside, a fraction at the edge.
    Written here because drawing libraries change their rounding between versions, and the scenes
    must not.

    Examples
    --------
    >>> square = np.array([[0.5, 0.0], [2.0, 0.0], [2.0, 1.0], [0.5, 1.0]])
    >>> polygon_coverage(square, height=4, width=4)
    (0, 0, array([[0.5, 1. ]]))
    """
    x0, y0 = np.maximum(np.floor(outline.min(axis=0)), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(outline.max(axis=0)), (width, height)).astype(int)
    if x1 <= x0 or y1 <= y0:
        return None
    columns, rows = int(x1 - x0), int(y1 - y0)
    lines = y0 + (np.arange(rows * LINES) + 0.5) / LINES
    start_x, start_y = outline.T
    end_x, end_y = np.roll(outline, -1, axis=0).T
    edge, line = np.nonzero((start_y[:, None] <= lines) != (end_y[:, None] <= lines))
    along = (lines[line] - start_y[edge]) / (end_y[edge] - start_y[edge])
    x = np.clip(start_x[edge] + along * (end_x[edge] - start_x[edge]) - x0, 0, columns)
    direction = np.where(end_y[edge] > start_y[edge], 1.0, -1.0)
    column = np.minimum(x.astype(int), columns - 1)
    in_column = column + 1 - x  # how much of its own pixel lies on the crossing's right
    place = line * (columns + 1) + column
    size = rows * LINES * (columns + 1)
    steps = np.bincount(place, direction * in_column, size)
    steps += np.bincount(place + 1, direction * (1 - in_column), size)
    winding = np.abs(np.cumsum(steps.reshape(-1, columns + 1), axis=1)[:, :columns])
    return int(y0), int(x0), np.minimum(winding, 1).reshape(rows, LINES, columns).mean(axis=1)


def _fill(image: npt.NDArray[Any], points: Float64Array, value: int) -> None:
    height, width = image.shape
    extent = np.array([points[:, 1].min(), points[:, 1].max()])
    first, last = np.clip(np.ceil(extent - 0.5), 0, height).astype(int)  # the rows whose centres it spans
    centres = np.arange(first, last) + 0.5
    # Each edge from its upper end to its lower: two polygons that share it then cross at the same x.
    starts, ends = points, np.roll(points, -1, axis=0)
    upward = starts[:, 1] > ends[:, 1]
    starts, ends = np.where(upward[:, None], ends, starts), np.where(upward[:, None], starts, ends)
    edge, row = np.nonzero((starts[:, 1:] <= centres) & (centres < ends[:, 1:]))
    run, fall = (ends - starts)[edge].T
    crossing = starts[edge, 0] + (centres[row] - starts[edge, 1]) / fall * run
    # The first pixel whose centre lies on the crossing or right of it: from there on, in turns out.
    column = np.clip(np.ceil(crossing - 0.5), 0, width).astype(int)
    turns = np.zeros((len(centres), width + 1), np.uint8)
    np.bitwise_xor.at(turns, (row, column), 1)
    inside = np.bitwise_xor.accumulate(turns[:, :width], axis=1).view(np.bool_)
    image[first:last][inside] = value
