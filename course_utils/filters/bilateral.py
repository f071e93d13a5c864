"""The bilateral filter: a blur that stops at edges."""

import numpy as np
import numpy.typing as npt

from course_utils._arguments import require_positive
from course_utils.filters.borders import Border, Image, as_image, as_size, like, pad, working

__all__ = ["bilateral_filter"]


def bilateral_filter(
    image: npt.ArrayLike, size: int, sigma_color: float, sigma_space: float, mode: Border = "reflect"
) -> Image:
    """Mean of the window, where a pixel weighs less the further it lies in place and in value.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array_like
        The channels of a pixel are compared together, by their Euclidean distance.
    size : int
        Side of the square window in pixels, odd.
    sigma_color : float
        Distance in value, in the image's units, at which a weight has fallen to exp(−1/2).
    sigma_space : float
        The same for the distance in pixels.
    mode : {"reflect", "nearest", "mirror", "wrap"}
        What lies beyond the border, as in :func:`course_utils.filters.correlate`.

    Returns
    -------
    array of the shape and dtype of ``image``
        uint8 is computed in float64 and rounded.

    Raises
    ------
    ValueError
        For an even size, a sigma that is not above 0, a wrong rank, NaN or infinity, or an
        unknown mode.

    Notes
    -----
    Tomasi and Manduchi 1998, *Bilateral Filtering for Gray and Color Images*. OpenCV takes a round
    window and sums the channels' absolute differences instead.

    Examples
    --------
    >>> bilateral_filter([[0.0, 0.2, 1.0, 1.2]], 3, sigma_color=0.1, sigma_space=10.0).round(2)
    array([[0.01, 0.18, 1.02, 1.19]])
    """
    values = as_image("image", image)
    side = as_size("size", size, odd=True)
    spread_color = require_positive("sigma_color", sigma_color)
    spread_space = require_positive("sigma_space", sigma_space)
    # A grey image is one of one channel; the last axis then always holds the channels.
    centre = working(values).reshape(*values.shape[:2], -1)
    padded = pad(centre, (side, side), mode)
    limits = np.finfo(centre.dtype)  # a sigma beyond them would become 0 or infinity
    spread_color = float(np.clip(spread_color, limits.tiny, limits.max))
    height, width = values.shape[:2]
    total = np.zeros_like(centre)
    weights = np.zeros_like(centre[..., :1])
    for row, column in np.ndindex(side, side):
        neighbour = padded[row : row + height, column : column + width]
        place = np.hypot(row - side // 2, column - side // 2)
        with np.errstate(over="ignore", under="ignore"):  # too far away counts as infinitely far: weight 0
            distance = (((neighbour - centre) / spread_color) ** 2).sum(axis=-1, keepdims=True)
            weight = np.exp(-0.5 * (distance + float((place / spread_space) ** 2)))
        total += weight * neighbour
        weights += weight
    return like(values, (total / weights).reshape(values.shape))
