"""Polygons turned into pixels, with soft edges and the same bytes on every machine."""

import numpy as np
import numpy.typing as npt

__all__ = ["polygon_coverage"]

Float64Array = npt.NDArray[np.float64]

# Sample lines in each row of pixels. Along a line the coverage is exact, so four are enough.
LINES = 4


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
