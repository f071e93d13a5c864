"""Photographs that come as arrays, of any size and type."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from course_utils._arguments import as_array

__all__ = ["Photographs", "as_photographs"]

Photographs = npt.ArrayLike | Sequence[npt.ArrayLike]


def as_photographs(images: Photographs) -> list[npt.NDArray[Any]]:
    """Return one photograph, a batch or a sequence of photographs as a list of RGB arrays.

    Parameters
    ----------
    images : (H, W, 3) or (N, H, W, 3) array, or sequence of (H, W, 3) arrays of any sizes
        uint8, or floating point in [0, 1]. In the place of (H, W, 3) a grey photograph may come as
        (H, W) or (H, W, 1): its value is taken for red, green and blue.

    Returns
    -------
    list of (H, W, 3) arrays
        Of the dtype that came.

    Raises
    ------
    ValueError
        For another shape or type, or values outside [0, 1]. What would have to be guessed is left
        to you, and the message says how it is written: the background behind transparent pixels,
        the white of 16 bits (12 are often stored so) or of floats from 0 to 255, and whether three
        axes are a batch of grey images.

    Examples
    --------
    >>> [photograph.shape for photograph in as_photographs(np.zeros((2, 4, 6, 3)))]
    [(4, 6, 3), (4, 6, 3)]
    >>> as_photographs(np.array([[0.25, 1.0]]))[0].tolist()
    [[[0.25, 0.25, 0.25], [1.0, 1.0, 1.0]]]
    """
    if isinstance(images, (list, tuple)):
        return [
            _as_rgb(f"images[{index}]", as_array(f"images[{index}]", image)) for index, image in enumerate(images)
        ]
    whole = as_array("images", images)
    if whole.ndim == 4:
        return [_as_rgb(f"images[{index}]", image) for index, image in enumerate(whole)]
    return [_as_rgb("images", whole)]


def _as_rgb(name: str, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """One photograph as (H, W, 3), or a ``ValueError`` that says how to make it one."""
    if image.ndim == 3 and image.shape[2] == 4:
        raise ValueError(
            f"{name}: expected RGB (H, W, 3), got four channels {image.shape}: image[..., :3] drops "
            'the transparency of RGBA, and Pillow\'s Image.convert("RGB") understands CMYK too'
        )
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (1,), (3,)) or 0 in image.shape:
        raise ValueError(
            f"{name}: expected RGB (H, W, 3) or grey (H, W), not empty, got shape {image.shape}; several grey "
            "images come as a list or as (N, H, W, 1), which is images[..., np.newaxis]"
        )
    if image.dtype != np.uint8 and image.dtype.kind != "f":
        raise ValueError(
            f"{name}: expected uint8, or floating point in [0, 1], got {image.dtype}: divide by the value of "
            "white (image / 65535 if all 16 bits are used), or call image.astype(np.uint8) if it is 255"
        )
    if image.dtype != np.uint8 and not (image.min() >= 0 and image.max() <= 1):  # written so that NaN is off too
        raise ValueError(
            f"{name}: expected floating point in [0, 1], got {image.min():.4g} to {image.max():.4g}: divide by "
            "the value of white (image / 255 for 0 to 255), and np.clip what rounding or resampling took outside"
        )
    return image if image.shape[2:] == (3,) else np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
