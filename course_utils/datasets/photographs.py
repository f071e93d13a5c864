"""Photographs of any size and type, made ready for a network of one input size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import FloatArray

__all__ = ["Photographs", "as_photographs", "fit_photograph"]

Photographs = npt.ArrayLike | Sequence[npt.ArrayLike]


def as_photographs(images: Photographs) -> list[npt.NDArray[Any]]:
    """Return one RGB photograph, a batch or a sequence of photographs as a list of checked arrays.

    Parameters
    ----------
    images : (H, W, 3) or (N, H, W, 3) array, or sequence of (H, W, 3) arrays of any sizes
        uint8, or floating point in [0, 1].

    Raises
    ------
    ValueError
        For another shape or type, or values outside [0, 1].

    Examples
    --------
    >>> [photograph.shape for photograph in as_photographs(np.zeros((2, 4, 6, 3)))]
    [(4, 6, 3), (4, 6, 3)]
    """
    if isinstance(images, (list, tuple)):
        arrays = [np.asarray(image) for image in images]
    else:
        whole = np.asarray(images)
        arrays = list(whole) if whole.ndim == 4 else [whole]
    for index, array in enumerate(arrays):
        if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
            raise ValueError(f"images: expected RGB photographs (H, W, 3), got shape {array.shape} at {index}")
        if array.dtype == np.uint8:
            continue
        if array.dtype.kind != "f":
            raise ValueError(f"images: expected uint8, or floating point in [0, 1], got {array.dtype} at {index}")
        if not (array.min() >= 0 and array.max() <= 1):  # written so that NaN is off too
            raise ValueError(f"images: expected values in [0, 1], got {array.min()} to {array.max()} at {index}")
    return arrays


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
    values = np.asarray(photograph, np.float32)
    if photograph.dtype == np.uint8:
        values = values / np.float32(255)
    factor = min(height / values.shape[0], width / values.shape[1])
    inner = tuple(max(1, round(side * factor)) for side in values.shape[:2])
    if inner != values.shape[:2]:
        values = tf.image.resize(values, inner, antialias=True).numpy()
    fitted = np.full((height, width, 3), 0.5, np.float32)
    fitted[: inner[0], : inner[1]] = values
    return fitted, factor
