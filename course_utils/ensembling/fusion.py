"""Several aligned images of one scene into one."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from course_utils._arguments import FloatArray, as_float_array, as_stack, as_weights, require_kind

__all__ = ["fuse_images", "pca_weights"]


def fuse_images(
    images: npt.ArrayLike,
    kind: Literal["mean", "max", "min", "pca"] = "mean",
    weights: npt.ArrayLike | None = None,
) -> FloatArray:
    """One image from several aligned ones, pixel by pixel.

    Parameters
    ----------
    images : (M, H, W) or (M, H, W, C) float
        M ≥ 1 images of one scene, each pixel at the same place in all; any finite values.
    kind : "mean" | "max" | "min" | "pca"
        "pca" is the mean with the weights of :func:`pca_weights`.
    weights : (M,) float, optional
        For "mean" only: divided by their sum, which must be above 0. Equal if not given.

    Returns
    -------
    (H, W) or (H, W, C) float

    Raises
    ------
    ValueError
        For images of different shapes or another rank, values that are not finite, weights that do
        not fit or come with another kind than "mean".

    Notes
    -----
    Of M images with independent noise of variance v the mean has noise of variance v / M. Of two,
    the maximum and the minimum sum to the sum of the images.

    Examples
    --------
    >>> fuse_images([[[0.0, 1.0]], [[0.5, 0.5]]], kind="max")
    array([[0.5, 1. ]])
    """
    rule = require_kind(kind, ("mean", "max", "min", "pca"))
    stack = _as_images(images)
    if weights is not None and rule != "mean":
        raise ValueError(f'weights: only kind="mean" takes them, got kind={kind!r}')
    if rule == "max":
        return np.asarray(stack.max(axis=0))
    if rule == "min":
        return np.asarray(stack.min(axis=0))
    shares = pca_weights(stack) if rule == "pca" else as_weights("weights", weights, len(stack))
    return np.asarray(np.tensordot(shares.astype(stack.dtype), stack, axes=1))


def pca_weights(images: npt.ArrayLike) -> FloatArray:
    """Weights in proportion to the first principal component of the images' values.

    Parameters
    ----------
    images : (M, H, W) or (M, H, W, C) float
        Aligned images; every pixel and channel is one observation of M variables.

    Returns
    -------
    (M,) float64
        Of sum 1. An image that runs against the others gets a negative weight.

    Raises
    ------
    ValueError
        As :func:`fuse_images`; also if the first component is not defined (every image is constant,
        or the two largest eigenvalues are equal) or its entries sum to 0.

    Notes
    -----
    Of all weights whose **squares** sum to 1, the first component gives the fused image the largest
    variance. The division by their sum gives that up: with weights of 0 or more and sum 1 the
    largest variance is always that of a single image.

    Examples
    --------
    >>> image = np.array([[0.0, 1.0], [2.0, 3.0]])
    >>> pca_weights([image, 0.5 * image]).round(4)
    array([0.6667, 0.3333])
    """
    stack = _as_images(images)
    values = stack.reshape(len(stack), -1).astype(np.float64)
    values /= max(float(np.abs(values).max()), np.finfo(np.float64).tiny)  # so that no square overflows
    centred = values - values.mean(axis=1, keepdims=True)
    eigenvalues, vectors = np.linalg.eigh(centred @ centred.T)
    tiny = 1e-9 * eigenvalues[-1]
    rounding = values.shape[1] * 1e-26  # of constant images, whose mean is off by a few units in the last place
    if eigenvalues[-1] <= rounding or (len(stack) > 1 and eigenvalues[-1] - eigenvalues[-2] <= tiny):
        raise ValueError(f"images: no first principal component, the eigenvalues are {eigenvalues[::-1].tolist()}")
    first = vectors[:, -1]
    if abs(first.sum()) < 1e-9:
        raise ValueError(f"images: the first component {first.round(4).tolist()} sums to 0: the images cancel")
    return np.asarray(first / first.sum())


def _as_images(images: npt.ArrayLike) -> FloatArray:
    """Images (M, H, W) or (M, H, W, C), none of them empty."""
    stack = as_float_array("images", as_stack("images", images))
    if stack.ndim not in (3, 4) or stack.size == 0:
        raise ValueError(f"images: expected (M, H, W) or (M, H, W, C), none empty, got shape {stack.shape}")
    if not np.isfinite(stack).all():
        raise ValueError("images: expected finite values, got an infinite one")
    return stack
