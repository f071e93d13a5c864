"""A photograph made smaller or larger, and padded to the size that a network takes."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array, csr_array

from course_utils._arguments import FloatArray

__all__ = ["fit_photograph", "resample", "resized"]

# Values that are turned into float32 at once, so that a photograph of twelve megapixels takes little more memory.
STRIP = 2**20


def fit_photograph(photograph: npt.NDArray[Any], height: int, width: int) -> tuple[FloatArray, float]:
    """Scale a photograph to fit, keep its shape, and pad it on the right or below with grey.

    Parameters
    ----------
    photograph : (H, W, 3) array
        uint8, or floating point in [0, 1].
    height, width : int
        Of the result, in pixels.

    Returns
    -------
    fitted : (height, width, 3) float32
        In [0, 1].
    factor : float
        Pixels of the fitted image for each of the photograph.

    Examples
    --------
    >>> fitted, factor = fit_photograph(np.zeros((50, 200, 3), np.uint8), 96, 128)
    >>> fitted.shape, factor, fitted[40, 0]
    ((96, 128, 3), 0.64, array([0.5, 0.5, 0.5], dtype=float32))
    """
    factor = min(height / photograph.shape[0], width / photograph.shape[1])
    inner = resized(photograph.shape[:2], factor)
    same = inner == photograph.shape[:2]
    values = photograph.astype(np.float32) if same else resample(photograph, *inner)
    if photograph.dtype == np.uint8:
        values = values / np.float32(255)
    fitted = np.full((height, width, 3), 0.5, np.float32)
    fitted[: inner[0], : inner[1]] = values
    return fitted, factor


def resized(size: tuple[int, ...], factor: float) -> tuple[int, ...]:
    """Height and width in whole pixels, 1 or more, after scaling.

    Examples
    --------
    >>> resized((50, 200), 0.64), resized((1, 300), 0.3)
    ((32, 128), (1, 90))
    """
    return tuple(max(1, round(side * factor)) for side in size)


def resample(image: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[np.float32]:
    """Give an image another size: bilinear, and averaged where it becomes smaller.

    Parameters
    ----------
    image : (H, W, C) array
    height, width : int
        Of the result, in pixels.

    Returns
    -------
    (height, width, C) float32

    Notes
    -----
    Each new pixel is a weighted mean of the old ones. The weights fall linearly with the distance from its centre,
    to 0 at one pixel of the coarser of the two grids; they are those of ``tf.image.resize(antialias=True)`` and
    of Pillow's ``BILINEAR``. Few are above 0, so each of the two directions is a product with a sparse matrix.

    Examples
    --------
    >>> resample(np.arange(4.0).reshape(2, 2, 1), 1, 1).tolist()
    [[[1.5]]]
    """
    rows, columns, channels = image.shape
    down = np.zeros((height, columns * channels), np.float32)
    strip = max(1, STRIP // (columns * channels))
    weights = _weights(rows, height)
    for top in range(0, rows, strip):
        part = image[top : top + strip].reshape(-1, columns * channels).astype(np.float32)
        down += weights[:, top : top + strip] @ part
    turned = down.reshape(height, columns, channels).transpose(1, 0, 2).reshape(columns, -1)
    across = _weights(columns, width) @ turned
    return np.ascontiguousarray(across.reshape(width, height, channels).transpose(1, 0, 2))


@lru_cache(maxsize=16)
def _weights(before: int, after: int) -> csc_array:
    """Matrix (after, before) of what each old pixel contributes to each new one; rows sum to 1."""
    step = before / after
    reach = max(step, 1.0)
    centres = (np.arange(after) + 0.5) * step
    first = np.ceil(centres - reach - 0.5).astype(int)
    places = first[:, np.newaxis] + np.arange(int(np.ceil(2 * reach)) + 1)
    shares = np.maximum(0, 1 - np.abs(places + 0.5 - centres[:, np.newaxis]) / reach)
    shares[(places < 0) | (places >= before)] = 0
    shares /= shares.sum(axis=1, keepdims=True)
    new, entry = np.nonzero(shares)
    entries = (shares[new, entry].astype(np.float32), (new, places[new, entry]))
    return csr_array(entries, shape=(after, before)).tocsc()
