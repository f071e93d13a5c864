"""How close a picture comes to the true one: PSNR and SSIM. The truth comes first."""

from typing import Any

import numpy as np
import numpy.typing as npt
import skimage  # its parts are imported when first used

from course_utils._arguments import as_array, as_float_array, require_finite, require_positive

__all__ = ["psnr", "ssim"]


def psnr(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio, 10 log₁₀(data_range² / mean squared error), in decibels.

    Parameters
    ----------
    y_true, y_pred : arrays of the same shape
        The true image and the one to judge: both of floats, or both of the same integer dtype.
    data_range : float, optional
        White minus black: by default 255 for uint8 and 1 for floats in [0, 1].

    Returns
    -------
    float
        Higher is better; inf for equal images. Ten decibels more are a tenth of the squared error.

    Raises
    ------
    ValueError
        For shapes that differ, floats beside integers, no value, NaN or infinity, a data range
        that is not above 0, or none with a ``y_true`` of another kind or outside [0, 1], and for
        values so large or small that their squares leave the floats' range.

    Examples
    --------
    >>> round(psnr([[0.0, 1.0]], [[0.1, 0.9]]), 2)
    20.0
    """
    truth, guess, full = _checked(y_true, y_pred, data_range)
    with np.errstate(over="ignore"):
        error = np.mean((truth.astype(np.float64) - guess) ** 2)
        ratio = np.float64(full) ** 2 / error if error else np.inf
    if not (np.isfinite(error) and ratio > 0 and (np.isfinite(ratio) or error == 0)):
        raise ValueError(
            f"y_true: {_range(truth)} and a data_range of {full:g} have squares that float64 cannot hold"
        )
    return float(10 * np.log10(ratio)) if error else float("inf")


def ssim(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, data_range: float | None = None) -> float:
    """Structural similarity, as scikit-image computes it in windows of 7 × 7 pixels.

    Arguments and errors are those of :func:`psnr`; images are (H, W) or (H, W, C), 7 pixels or
    more high and wide.

    Returns
    -------
    float
        In [−1, 1]: 1 for equal images.

    Notes
    -----
    Wang, Bovik, Sheikh and Simoncelli 2004, *Image Quality Assessment: From Error Visibility to
    Structural Similarity*. It compares the mean, the contrast and the pattern of every window; the
    paper weights the window by a Gaussian, scikit-image by default does not.

    Examples
    --------
    >>> image = np.random.default_rng(0).random((16, 16))
    >>> ssim(image, image), round(ssim(image, 1 - image), 1)
    (1.0, -1.0)
    """
    truth, guess, full = _checked(y_true, y_pred, data_range)
    if truth.ndim not in (2, 3) or min(truth.shape[:2]) < 7:
        raise ValueError(f"y_true: expected (H, W) or (H, W, C) of 7 pixels or more, got shape {truth.shape}")
    channels = -1 if truth.ndim == 3 else None
    similarity: Any = skimage.metrics.structural_similarity
    with np.errstate(over="ignore", invalid="ignore"):
        value = float(similarity(truth, guess, data_range=np.float64(full), channel_axis=channels))
    if not np.isfinite(value):
        raise ValueError(
            f"y_true: {_range(truth)} and a data_range of {full:g} have squares that floats cannot hold"
        )
    return value


def _range(image: npt.NDArray[Any]) -> str:
    return f"values from {image.min():.4g} to {image.max():.4g}"


def _checked(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, data_range: float | None
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], float]:
    truth, guess = as_array("y_true", y_true), as_array("y_pred", y_pred)
    require_finite("y_true", as_float_array("y_true", y_true))
    require_finite("y_pred", as_float_array("y_pred", y_pred))
    same_kind = truth.dtype == guess.dtype or truth.dtype.kind == guess.dtype.kind == "f"
    if truth.shape != guess.shape or not same_kind or truth.size == 0:
        raise ValueError(
            f"y_pred: expected shape and dtype of y_true, {truth.shape} {truth.dtype} (not empty), "
            f"got {guess.shape} {guess.dtype}"
        )
    if data_range is not None:
        return truth, guess, require_positive("data_range", data_range)
    if truth.dtype == np.uint8:
        return truth, guess, 255.0
    if truth.dtype.kind != "f" or truth.min() < 0 or truth.max() > 1:
        raise ValueError(
            "data_range: only uint8 and floats in [0, 1] have a known white; it must be given for y_true "
            f"of {truth.dtype}, with {_range(truth)}"
        )
    return truth, guess, 1.0
