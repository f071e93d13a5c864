"""Rank filters: every new pixel is the lowest, middle or highest value of its window."""

import numpy as np
import numpy.typing as npt

from course_utils.filters.borders import Border, Image, as_image, as_size, in_strips, pad

__all__ = ["maximum_filter", "median_filter", "minimum_filter"]


def median_filter(image: npt.ArrayLike, size: int, mode: Border = "reflect") -> Image:
    """Middle value of the size × size window around every pixel.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array_like
    size : int
        Side in pixels. An even one reaches one pixel further up and left than down and right, and
        of the two middle values the higher is taken, as in SciPy.
    mode : {"reflect", "nearest", "mirror", "wrap"}
        What lies beyond the border, as in :func:`course_utils.filters.correlate`.

    Returns
    -------
    array of the shape and dtype of ``image``

    Raises
    ------
    ValueError
        For a size that is not an integer of 1 or more, a wrong rank, NaN or infinity, or an
        unknown mode.

    Notes
    -----
    Tukey 1977, *Exploratory Data Analysis*, chapter 7. The 3 × 3 median sorts the columns first
    (Paeth 1990, *Median Finding on a 3 × 3 Grid*, Graphics Gems): 18 minima and maxima of whole
    images, whatever the values are.

    Examples
    --------
    >>> median_filter([[1.0, 1.0, 9.0, 2.0, 2.0]], 3)
    array([[1., 1., 2., 2., 2.]])
    """
    values = as_image("image", image)
    side = as_size("size", size)
    window = (side, side)
    padded = pad(values, window, mode)
    if side == 3:
        return in_strips(padded, window, _median_of_nine)

    def middle_value(flat: Image, down: int, right: int) -> Image:
        return _middle_value(flat, down, right, side)

    return in_strips(padded, window, middle_value, copies=side * side)


def maximum_filter(image: npt.ArrayLike, size: int, mode: Border = "reflect") -> Image:
    """Highest value of the size × size window around every pixel (grey dilation by a square).

    Arguments and errors are those of :func:`median_filter`.

    Examples
    --------
    >>> maximum_filter([[0.0, 0.0, 1.0, 0.0, 0.0]], 3)
    array([[0., 1., 1., 1., 0.]])
    """
    return _extreme(np.maximum, image, size, mode)


def minimum_filter(image: npt.ArrayLike, size: int, mode: Border = "reflect") -> Image:
    """Lowest value of the size × size window around every pixel (grey erosion by a square).

    Arguments and errors are those of :func:`median_filter`.

    Examples
    --------
    >>> minimum_filter([[1.0, 1.0, 0.0, 1.0, 1.0]], 3)
    array([[1., 0., 0., 0., 1.]])
    """
    return _extreme(np.minimum, image, size, mode)


def _median_of_nine(values: Image, down: int, right: int) -> Image:
    """Sort every column of three, then take the middle of three well-chosen values.

    At most the highest of the three lows, the middle of the three middles and the lowest of the
    three highs can be the median of the nine, and it is the middle one of them.
    """
    low, middle, high = _sorted_three(*_three(values, down))
    a, b, c = _three(low, right)
    lows = np.maximum(np.maximum(a, b), c)
    a, b, c = _three(high, right)
    highs = np.minimum(np.minimum(a, b), c)
    return _middle_of_three(lows, _middle_of_three(*_three(middle, right)), highs)


def _three(values: Image, shift: int) -> tuple[Image, Image, Image]:
    return values[: -2 * shift], values[shift:-shift], values[2 * shift :]


def _sorted_three(a: Image, b: Image, c: Image) -> tuple[Image, Image, Image]:
    a, b = np.minimum(a, b), np.maximum(a, b)
    b, c = np.minimum(b, c), np.maximum(b, c)
    return np.minimum(a, b), np.maximum(a, b), c


def _middle_of_three(a: Image, b: Image, c: Image) -> Image:
    middle: Image = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    return middle


def _middle_value(values: Image, down: int, right: int, size: int) -> Image:
    offsets = np.add.outer(down * np.arange(size), right * np.arange(size)).ravel()
    windows = np.lib.stride_tricks.sliding_window_view(values, offsets[-1] + 1)[:, offsets]
    rank = len(offsets) // 2
    middle: Image = np.partition(windows, rank, axis=-1)[:, rank]
    return middle


def _extreme(better: np.ufunc, image: npt.ArrayLike, size: int, mode: str) -> Image:
    values = as_image("image", image)
    side = as_size("size", size)

    def extreme(values: Image, down: int, right: int) -> Image:
        return _along(better, _along(better, values, side, down), side, right)

    return in_strips(pad(values, (side, side), mode), (side, side), extreme)


def _along(better: np.ufunc, values: Image, size: int, shift: int) -> Image:
    """Extreme of ``size`` values, each ``shift`` further on, from extremes of 2, 4, 8 … values."""
    n_results, width = len(values) - (size - 1) * shift, 1
    while 2 * width <= size:
        values = better(values[: -width * shift], values[width * shift :])
        width *= 2
    if width < size:  # two windows that overlap: counting a pixel twice changes no extreme
        values = better(values[:n_results], values[(size - width) * shift :][:n_results])
    return values
