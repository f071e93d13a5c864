"""What all filters share: checked images and sizes, borders, and the way back to uint8."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from course_utils._arguments import FloatArray, as_array, as_count, as_float_array, require_finite, require_kind

__all__ = ["Border", "Image", "as_image", "as_size", "in_strips", "like", "pad", "working"]

Image = npt.NDArray[Any]
Border = Literal["reflect", "nearest", "mirror", "wrap"]

# What is computed on a flat image: its values in one row, how many values further on the pixel
# below lies, and how many the pixel to the right.
Flat = Callable[[Image, int, int], Image]

# Bytes of image that are filtered together: intermediate images then stay in the processor's cache.
_STRIP = 1 << 16


def as_image(name: str, value: npt.ArrayLike) -> Image:
    """Return a (H, W) or (H, W, C) image without NaN or infinity: uint8 as it is, the rest as floats.

    Raises
    ------
    ValueError
        For another rank, no pixel, values that are not real or not finite.

    Examples
    --------
    >>> as_image("image", [[0, 1], [2, 3]]).dtype
    dtype('float64')
    """
    array: Image = as_array(name, value)
    if array.dtype != np.uint8:
        array = as_float_array(name, value)
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(f"{name}: expected (H, W) or (H, W, C) with a pixel or more, got shape {array.shape}")
    return array if array.dtype == np.uint8 else require_finite(name, array)


def as_size(name: str, value: int, *, odd: bool = False) -> int:
    """Return the side of a window: an integer of 1 or more, odd where it must have a centre.

    Examples
    --------
    >>> as_size("size", 3, odd=True)
    3
    """
    size = as_count(name, value)
    if odd and size % 2 == 0:
        raise ValueError(f"{name}: expected an odd size, which has a centre, got {size}")
    return size


def pad(image: Image, window: tuple[int, int], mode: str) -> Image:
    """Extend an image so that a window fits around every pixel.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array
    window : (height, width)
        A side of n reaches n // 2 pixels back and (n − 1) // 2 ahead, as in SciPy.
    mode : {"reflect", "nearest", "mirror", "wrap"}
        As SciPy names them: reflect repeats the border pixel (cba|abcd|dcb), mirror does not
        (dcb|abcd|cba). Beware: np.pad says "symmetric" and "reflect" for these two.

    Returns
    -------
    (H + height − 1, W + width − 1) or (…, C) array

    Raises
    ------
    ValueError
        For a mode that is not offered.

    Examples
    --------
    >>> pad(np.array([[1, 2, 3]]), (1, 4), "reflect")
    array([[2, 1, 1, 2, 3, 3]])
    """
    require_kind(mode, get_args(Border), name="mode")
    (height, width), (top, left) = image.shape[:2], (side // 2 for side in window)
    rows, columns = (_sources(n, side, mode) for n, side in zip(image.shape, window, strict=False))
    padded = np.empty((len(rows), len(columns), *image.shape[2:]), image.dtype)
    padded[top : top + height, left : left + width] = image
    for outside in (slice(0, top), slice(top + height, None)):
        padded[outside, left : left + width] = image[rows[outside]]
    for outside in (slice(0, left), slice(left + width, None)):
        padded[:, outside] = padded[:, left + columns[outside]]
    return padded


def in_strips(padded: Image, window: tuple[int, int], compute: Flat, copies: int = 1) -> Image:
    """Filter a padded image a few rows at a time, each strip as one long row of values.

    Parameters
    ----------
    padded : (H + height − 1, W + width − 1) or (…, C) array
        C-contiguous.
    window : (height, width)
    compute : callable
        Takes the n values of a strip in one row, how many values further on the pixel below
        lies (``down``), and how many the pixel to the right (``right``). Returns the
        n − (height − 1) · down − (width − 1) · right results whose windows lie inside. Windows
        that run over the end of a row give results too, which are dropped.
    copies : int
        How many times its input ``compute`` holds in memory.

    Returns
    -------
    (H, W) or (H, W, C) array

    Examples
    --------
    >>> in_strips(np.arange(6).reshape(2, 3), (1, 2), lambda v, down, right: v[right:] - v[:-right])
    array([[1, 1],
           [1, 1]])
    """
    height, width = (n - side + 1 for n, side in zip(padded.shape, window, strict=False))
    down, right = padded[0].size, padded[0, 0].size
    step = max(1, _STRIP // (padded[0].nbytes * copies))
    result: Image = np.empty(0)
    for start in range(0, height, step):
        values = padded[start : min(start + step, height) + window[0] - 1].ravel()
        flat = compute(values, down, right)
        if start == 0:
            result = np.empty((height, width * right), flat.dtype)
        strip = result[start : start + step]
        last = (len(strip) - 1) * down  # the last row ends with the last window, and has no tail to drop
        strip[:-1] = flat[:last].reshape(-1, down)[:, : width * right]
        strip[-1] = flat[last:]
    return result.reshape(height, width, *padded.shape[2:])


def working(image: Image) -> FloatArray:
    """Return an image in the floating-point type in which its filters add up.

    Examples
    --------
    >>> working(np.zeros((2, 2), np.uint8)).dtype, working(np.zeros((2, 2), np.float32)).dtype
    (dtype('float64'), dtype('float32'))
    """
    return image.astype(np.float64 if image.dtype == np.uint8 else np.result_type(image, np.float32), copy=False)


def like(image: Image, result: FloatArray) -> Image:
    """Return a result in the dtype of the image it came from; for uint8 rounded, halves to even.

    Raises
    ------
    ValueError
        If a rounded value lies outside 0 to 255.

    Examples
    --------
    >>> like(np.zeros((1, 3), np.uint8), np.array([[1.4, 1.5, 1.6]]))
    array([[1, 2, 2]], dtype=uint8)
    """
    if image.dtype != np.uint8:
        return result.astype(image.dtype, copy=False)
    rounded = np.rint(result)
    low, high = rounded.min(), rounded.max()
    if low < 0 or high > 255:
        raise ValueError(
            f"image: the results reach from {low:.0f} to {high:.0f}, which uint8 cannot hold; pass floats"
        )
    return rounded.astype(np.uint8)


def _sources(n: int, side: int, mode: str) -> npt.NDArray[np.intp]:
    """Which of n pixels stands at each place of a row extended for a window of this side."""
    places = np.arange(-(side // 2), n + (side - 1) // 2)
    if mode == "nearest":
        return np.clip(places, 0, n - 1)
    if mode == "wrap":
        return places % n
    if mode == "mirror":  # a row and its reflection, which shares the two end pixels
        period = max(2 * n - 2, 1)
        return np.minimum(places % period, period - places % period)
    return np.minimum(places % (2 * n), 2 * n - 1 - places % (2 * n))
