"""What happens to pixels one by one: gamma, and the noise of cameras and cables."""

from typing import Any

import numpy as np
import numpy.typing as npt

from course_utils._arguments import require_generator, require_positive, require_within
from course_utils.filters.borders import Image, as_image, working

__all__ = ["add_gaussian_noise", "add_salt_and_pepper", "gamma_correct"]


def gamma_correct(image: npt.ArrayLike, gamma: float) -> Image:
    """Raise the share of full brightness to a power.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array_like
        Floats in [0, 1], or uint8.
    gamma : float
        Above 0. Below 1 brightens, above 1 darkens; 0 and full brightness stay.

    Returns
    -------
    array of the shape and dtype of ``image``
        uint8 is rounded.

    Raises
    ------
    ValueError
        For values outside [0, 1], NaN, a wrong rank, or a gamma that is not above 0.

    Notes
    -----
    Poynton 2012, *Digital Video and HD*, 2nd edition, chapter 27.

    Examples
    --------
    >>> gamma_correct([[0.0, 0.0625, 1.0]], 0.25)
    array([[0. , 0.5, 1. ]])
    """
    values = _as_unit_image(image)
    power = require_positive("gamma", gamma)
    if values.dtype == np.uint8:
        table = np.rint(255 * (np.arange(256) / 255) ** power).astype(np.uint8)
        return np.asarray(table[values])
    return np.asarray(values**power)


def add_gaussian_noise(image: npt.ArrayLike, sigma: float, rng: np.random.Generator, clip: bool = True) -> Image:
    """Add an independent normal error to every value, as a warm sensor and its amplifier do.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array_like
        Floats in [0, 1], or uint8.
    sigma : float
        Standard deviation of the error in the image's units, above 0.
    rng : numpy.random.Generator
    clip : bool
        Cut off at black and white, as a camera does; without it floats may leave [0, 1].
        uint8 is always cut off.

    Returns
    -------
    array of the shape and dtype of ``image``
        uint8 is rounded.

    Raises
    ------
    ValueError
        For values outside [0, 1], NaN, a wrong rank, a sigma that is not above 0, or an ``rng``
        that is no generator.

    Examples
    --------
    >>> noisy = add_gaussian_noise(np.full((100, 100), 0.5), 0.1, np.random.default_rng(0))
    >>> float(noisy.std().round(2))
    0.1
    """
    values = _as_unit_image(image)
    spread = require_positive("sigma", sigma)
    noisy = working(values) + require_generator(rng).normal(0, spread, values.shape)
    if values.dtype == np.uint8:
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return (np.clip(noisy, 0, 1) if clip else noisy).astype(values.dtype)


def add_salt_and_pepper(image: npt.ArrayLike, amount: float, rng: np.random.Generator, salt: float = 0.5) -> Image:
    """Turn random pixels white or black, as dead sensor cells and broken transmission do.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array_like
        Floats in [0, 1], or uint8. All channels of a pixel are hit together.
    amount : float
        Probability in [0, 1] that a pixel is hit.
    rng : numpy.random.Generator
    salt : float
        Probability in [0, 1] that a pixel that is hit turns white: 1 is salt only, 0 pepper only.

    Returns
    -------
    array of the shape and dtype of ``image``

    Raises
    ------
    ValueError
        For an amount or salt outside [0, 1], values outside [0, 1], NaN, a wrong rank, or an
        ``rng`` that is no generator.

    Examples
    --------
    >>> grey = np.full((100, 100), 0.5)
    >>> noisy = add_salt_and_pepper(grey, 0.1, np.random.default_rng(0), salt=1.0)
    >>> float(np.mean(noisy == 1).round(2)), float(noisy.min())
    (0.1, 0.5)
    """
    values = _as_unit_image(image)
    amount, salt = require_within("amount", amount, 0, 1), require_within("salt", salt, 0, 1)
    draw = require_generator(rng).random(values.shape[:2])
    noisy = values.copy()
    noisy[draw < amount] = 0
    noisy[draw < amount * salt] = 255 if values.dtype == np.uint8 else 1
    return noisy


def _as_unit_image(image: npt.ArrayLike) -> Image:
    values: npt.NDArray[Any] = as_image("image", image)
    outside = (values < 0) | (values > 1) if values.dtype != np.uint8 else np.zeros(0, bool)
    if outside.any():
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        raise ValueError(f"image: expected floats in [0, 1] or uint8, got {values[index]} at index {index}")
    return values
