"""Elastic deformation: smooth random displacement fields (Simard, Steinkraus and Platt 2003).

*Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis*, ICDAR.
"""

from typing import overload

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from course_utils._arguments import (
    FloatArray,
    as_array,
    as_float_array,
    require_generator,
    require_positive,
    require_within,
)
from course_utils.deformation.warping import (
    CHUNK_PIXELS,
    AnyArray,
    as_draws,
    as_field,
    as_shape,
    require_images,
    warp,
)

__all__ = ["displacement_field", "elastic_transform", "jacobian_determinant"]


def displacement_field(
    shape: tuple[int, int], alpha: float, sigma: float, rng: np.random.Generator, n: int | None = None
) -> npt.NDArray[np.float32]:
    """Random displacements, smoothed by a Gaussian and multiplied by ``alpha``.

    Parameters
    ----------
    shape : (H, W)
    alpha : float
        Factor, 0 or more, twice which float32 can hold. It is not a distance: see the notes.
    sigma : float
        Standard deviation of the Gaussian, in pixels, above 0.
    rng : numpy.random.Generator
    n : int, optional
        How many fields to draw.

    Returns
    -------
    (2, H, W) float32, or (n, 2, H, W) if ``n`` is given
        dy and dx, in pixels.

    Raises
    ------
    ValueError
        For a sigma that is not above 0, an alpha below 0, or a shape that is not two integers
        above 0.

    Notes
    -----
    Each pixel's displacement starts uniform in (−1, 1), of variance 1/3. A Gaussian of standard
    deviation σ divides the standard deviation by 2√π σ, so far from the border that of the field is
    alpha / (√3 · 2√π σ) (for σ of a pixel and more). The Gaussian is SciPy's `gaussian_filter` with
    its defaults: borders reflect, and the kernel ends at 4 σ.

    Examples
    --------
    >>> field = displacement_field((200, 200), 34.0, 4.0, np.random.default_rng(0))
    >>> field.shape, bool(1.2 < field.std() < 1.6)  # 34 / (√3 · 2√π · 4) = 1.38
    ((2, 200, 200), True)
    """
    height, width = as_shape(shape)
    factor = np.float32(2 * require_within("alpha", alpha, 0, float(np.finfo(np.float32).max) / 2))
    spread = require_positive("sigma", sigma)
    count = as_draws(n)
    require_generator(rng)
    noise = rng.random((count, 2, height, width), dtype=np.float32)
    noise -= 0.5
    # The filter is linear and separable: two matrix products, which a batch shares. The factor 2
    # makes the noise uniform in (−1, 1).
    down = factor * _smoothing(height, spread)
    fields: npt.NDArray[np.float32] = down @ (noise @ _smoothing(width, spread).T)
    return fields if n is not None else fields[0]


@overload
def elastic_transform(
    images: npt.ArrayLike, alpha: float, sigma: float, rng: np.random.Generator
) -> FloatArray: ...


@overload
def elastic_transform(
    images: npt.ArrayLike, alpha: float, sigma: float, rng: np.random.Generator, label_maps: None
) -> FloatArray: ...


@overload
def elastic_transform(
    images: npt.ArrayLike, alpha: float, sigma: float, rng: np.random.Generator, label_maps: npt.ArrayLike
) -> tuple[FloatArray, AnyArray]: ...


def elastic_transform(
    images: npt.ArrayLike,
    alpha: float,
    sigma: float,
    rng: np.random.Generator,
    label_maps: npt.ArrayLike | None = None,
) -> FloatArray | tuple[FloatArray, AnyArray]:
    """Images, each warped by an elastic field of its own, and their label maps with them.

    Parameters
    ----------
    images : (H, W), (H, W, C) or (N, H, W, C) array
        All channels of an image move by the same field. Borders reflect.
    alpha, sigma : float
        As in :func:`displacement_field`.
    rng : numpy.random.Generator
    label_maps : (H, W) or (N, H, W) array of int, optional
        Class ids of the pixels, 255 for ignored ones. They are warped by the same fields and take
        the nearest pixel's id, so that no id arises that was not there. Beside label maps (N, H, W)
        grey images may come as (N, H, W); without them three axes are always (H, W, C).

    Returns
    -------
    images, or (images, label_maps)
        The second form if ``label_maps`` is given. Shapes stay; images of integers become float64.

    Raises
    ------
    ValueError
        For label maps that are not integers or do not fit the images, NaN or infinite values,
        images without pixels, and as :func:`displacement_field`.

    Notes
    -----
    It equals :func:`warp` by the fields that :func:`displacement_field` draws from the same
    generator. The usual reading of Simard et al. is alpha 34 and sigma 4 on 28×28 digits; whether their
    alpha multiplies a field of norm 1, which would be weaker, the paper leaves open.

    Examples
    --------
    >>> images = np.zeros((2, 8, 8, 3), np.float32)
    >>> maps = np.ones((2, 8, 8), np.uint8)
    >>> warped, warped_maps = elastic_transform(images, 34, 4, np.random.default_rng(0), maps)
    >>> warped.shape, np.unique(warped_maps).tolist()
    ((2, 8, 8, 3), [1])
    """
    pixels = as_float_array("images", images)
    given = None if label_maps is None else as_array("label_maps", label_maps)
    if pixels.ndim == 3 and given is not None and given.shape == pixels.shape:
        one_channel, maps = elastic_transform(pixels[..., np.newaxis], alpha, sigma, rng, given)
        return one_channel[..., 0], maps
    require_images(pixels)
    batch = pixels if pixels.ndim == 4 else pixels[np.newaxis]
    shape = (batch.shape[1], batch.shape[2])
    labels = None if given is None else _as_label_maps(given, pixels)

    warped = np.empty_like(batch)
    warped_labels = None if labels is None else np.empty_like(labels)
    step = max(1, CHUNK_PIXELS // (shape[0] * shape[1]))
    for start in range(0, len(batch), step):
        part = slice(start, start + step)
        fields = displacement_field(shape, alpha, sigma, rng, n=len(batch[part]))
        warped[part] = warp(batch[part], fields)
        if labels is not None and warped_labels is not None:
            warped_labels[part] = warp(labels[part], fields, order=0)
    result = warped.reshape(pixels.shape)
    if warped_labels is None:
        return result
    return result, warped_labels.reshape(warped_labels.shape if pixels.ndim == 4 else shape)


def jacobian_determinant(field: npt.ArrayLike) -> FloatArray:
    """Local change of area under the map p → p + d(p): negative where the map folds.

    Parameters
    ----------
    field : (2, H, W) or (N, 2, H, W) array_like of float
        dy and dx in pixels; H and W of 2 or more.

    Returns
    -------
    (H, W) or (N, H, W) float
        1 where nothing changes. Derivatives are central differences, one-sided at the border.

    Raises
    ------
    ValueError
        For another shape, or values that are not finite.

    Examples
    --------
    >>> jacobian_determinant(np.zeros((2, 2, 2)))
    array([[1., 1.],
           [1., 1.]])
    """
    fields = as_field("field", field)
    if min(fields.shape[-2:]) < 2:
        raise ValueError(f"field: expected a height and width of 2 or more, got shape {fields.shape}")
    dy, dx = fields[..., 0, :, :], fields[..., 1, :, :]
    dy_y, dy_x = np.gradient(dy, axis=(-2, -1))
    dx_y, dx_x = np.gradient(dx, axis=(-2, -1))
    return np.asarray((1 + dy_y) * (1 + dx_x) - dy_x * dx_y)


def _smoothing(size: int, sigma: float) -> npt.NDArray[np.float32]:
    """The matrix that smooths a column of pixels: column k is what becomes of a 1 at pixel k."""
    if 4 * sigma < 0.5:  # the kernel is one pixel wide, and σ² may be 0 in a division
        return np.eye(size, dtype=np.float32)
    if sigma >= 100 * size:  # the mean of the column, to float32's rounding; the kernel would be very long
        return np.full((size, size), 1 / size, np.float32)
    smoothed = ndimage.gaussian_filter1d(np.eye(size), sigma, axis=0, mode="reflect", truncate=4.0)
    return np.asarray(smoothed, dtype=np.float32)


def _as_label_maps(labels: AnyArray, images: FloatArray) -> AnyArray:
    """Label maps as a batch (N, H, W)."""
    if labels.dtype.kind not in "iu":
        raise ValueError(f"label_maps: expected integers, got dtype {labels.dtype}")
    expected = images.shape[:3] if images.ndim == 4 else images.shape[:2]
    if labels.shape != expected:
        raise ValueError(
            f"label_maps: expected shape {expected} for images of shape {images.shape}, got {labels.shape}"
        )
    return labels if images.ndim == 4 else labels[np.newaxis]
