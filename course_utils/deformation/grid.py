"""GridMask: hide a regular grid of squares (Chen, Liu, Zhao and Jia 2020, arXiv:2001.04086)."""

import numpy as np
import numpy.typing as npt

from course_utils._arguments import FloatArray, as_float_array, require_generator, require_within
from course_utils.deformation.warping import as_draws, as_shape, require_images

__all__ = ["grid_mask", "grid_pattern"]


def grid_pattern(
    shape: tuple[int, int], period: float, keep_ratio: float, rng: np.random.Generator, n: int | None = None
) -> npt.NDArray[np.bool_]:
    """Which pixels a randomly placed grid of square holes keeps.

    Parameters
    ----------
    shape : (H, W)
    period : float
        Distance from one hole to the next along x and along y, in pixels, 1 or more.
    keep_ratio : float
        Share r of the period that lies between two holes, in [0, 1].
    rng : numpy.random.Generator
    n : int, optional
        How many patterns to draw.

    Returns
    -------
    (H, W) bool, or (n, H, W) if ``n`` is given
        True where a pixel is kept. On average over offsets the share kept is 1 − (1 − r)².

    Raises
    ------
    ValueError
        For a period below 1, a ratio outside [0, 1], or a shape that is not two integers above 0.

    Examples
    --------
    >>> pattern = grid_pattern((80, 80), 8, 0.5, np.random.default_rng(0))
    >>> float(pattern.mean())
    0.75
    """
    height, width = as_shape(shape)
    require_within("period", period, 1, np.inf)
    require_within("keep_ratio", keep_ratio, 0, 1)
    count = as_draws(n)
    require_generator(rng)
    # Offsets are real numbers, so that holes of 2.5 pixels are 2 or 3 wide, half the time each.
    offset_y, offset_x = rng.uniform(0, period, (2, count, 1))
    hole = (1 - keep_ratio) * period
    hidden_y = (np.arange(height) + offset_y) % period < hole
    hidden_x = (np.arange(width) + offset_x) % period < hole
    kept: npt.NDArray[np.bool_] = ~(hidden_y[:, :, np.newaxis] & hidden_x[:, np.newaxis, :])
    return kept if n is not None else kept[0]


def grid_mask(images: npt.ArrayLike, period: float, keep_ratio: float, rng: np.random.Generator) -> FloatArray:
    """Images with a grid of squares set to 0, placed at random in each.

    Parameters
    ----------
    images : (H, W), (H, W, C) or (N, H, W, C) array
    period, keep_ratio : float
        As in :func:`grid_pattern`.
    rng : numpy.random.Generator

    Returns
    -------
    array of the shape of ``images``
        Integers become float64. Equal to the images times the patterns that :func:`grid_pattern`
        draws from the same generator: call that to know what was hidden.

    Raises
    ------
    ValueError
        For NaN, another rank, and as :func:`grid_pattern`.

    Examples
    --------
    >>> grid_mask(np.ones((80, 80)), 8, 0.5, np.random.default_rng(0)).mean()
    np.float64(0.75)
    """
    pixels = as_float_array("images", images)
    require_images(pixels)
    batch = pixels.ndim == 4
    shape = (pixels.shape[1], pixels.shape[2]) if batch else (pixels.shape[0], pixels.shape[1])
    kept = grid_pattern(shape, period, keep_ratio, rng, n=len(pixels) if batch else None)
    if pixels.ndim > 2:
        kept = kept[..., np.newaxis]
    return np.where(kept, pixels, pixels.dtype.type(0))
