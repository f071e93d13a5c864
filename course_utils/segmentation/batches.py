"""Batches of images and label maps that are moved together."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils.training import image_order, prefetched

__all__ = ["segmentation_batches"]


def segmentation_batches(
    images: npt.NDArray[np.uint8],
    label_maps: npt.NDArray[np.uint8],
    *,
    steps: int,
    batch_size: int = 8,
    seed: int = 0,
    augment: bool = True,
    zoom: float = 0.15,
) -> Callable[[int], tf.data.Dataset]:
    """Batches for :func:`course_utils.training.train`.

    Parameters
    ----------
    images : (M, H, W, 3) uint8
    label_maps : (M, H, W) uint8
        Class ids; 255 is not counted.
    steps, batch_size : int
        Each pass over the images takes a new random order; batches run on from one pass to the next.
    seed : int
        Step s draws from ``[seed, s]``: what it sees does not depend on where training started.
    augment : bool
        Mirror half of the images, zoom and move them, and change colour and brightness. Images are interpolated,
        label maps take the nearest pixel, so that no class is invented; what was outside the image is 255.
    zoom : float
        In [0, 1): images are enlarged or reduced by up to this share.

    Returns
    -------
    callable
        ``batches(start)``: a data set of (images (N, H, W, 3) float32 in about [0, 1], labels (N, H, W) uint8).

    Raises
    ------
    ValueError
        For arrays of other shapes or types, or numbers out of range.
    """
    if label_maps is None:
        raise ValueError("label_maps: expected an array, got None: some object of the photographs has a box only")
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8 or len(images) == 0:
        raise ValueError(f"images: expected (M, H, W, 3) uint8, got {images.shape} {images.dtype}")
    if label_maps.shape != images.shape[:3] or label_maps.dtype != np.uint8:
        raise ValueError(
            f"label_maps: expected {images.shape[:3]} uint8, got {label_maps.shape} {label_maps.dtype}"
        )
    if not 0 <= zoom < 1:
        raise ValueError(f"zoom: expected a number from 0 to below 1, got {zoom!r}")
    order = image_order(len(images), steps, batch_size, seed)
    pixels, labels = tf.constant(images), tf.constant(label_maps)

    def load(step: tf.Tensor, chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = tf.cast(tf.gather(pixels, chosen), tf.float32) / 255
        y = tf.gather(labels, chosen)
        return _move(x, y, tf.stack([tf.cast(seed, tf.int64), step]), zoom) if augment else (x, y)

    def batches(start: int) -> tf.data.Dataset:
        numbers = tf.data.Dataset.range(start, steps)
        chosen = tf.data.Dataset.from_tensor_slices(order[start:])
        return prefetched(tf.data.Dataset.zip((numbers, chosen)).map(load))

    return batches


def _move(x: tf.Tensor, y: tf.Tensor, seed: tf.Tensor, zoom: float) -> tuple[tf.Tensor, tf.Tensor]:
    """One random view of each image, with the same view of its label map."""
    n, height, width = x.shape[0], x.shape[1], x.shape[2]
    draws = tf.random.stateless_uniform([n, 8], seed)
    scale = 1 + zoom * (2 * draws[:, 0] - 1)
    flip = tf.where(draws[:, 1] < 0.5, -1.0, 1.0)
    # Output pixel (row, column) takes input pixel (a·column + c, e·row + f), measured from pixel centres.
    a, e = flip * scale, scale
    reach = tf.abs(1 - scale) / 2
    c = (width - 1) / 2 * (1 - a) + (2 * draws[:, 2] - 1) * reach * width
    f = (height - 1) / 2 * (1 - e) + (2 * draws[:, 3] - 1) * reach * height
    zeros = tf.zeros_like(a)
    transforms = tf.stack([a, zeros, c, zeros, e, f, zeros, zeros], axis=1)

    def warp(values: tf.Tensor, interpolation: str, fill_mode: str, fill: float) -> tf.Tensor:
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=values,
            transforms=transforms,
            output_shape=[height, width],
            interpolation=interpolation,
            fill_mode=fill_mode,
            fill_value=fill,
        )

    x = warp(x, "BILINEAR", "REFLECT", 0.0)
    y = warp(y[..., tf.newaxis], "NEAREST", "CONSTANT", 255.0)[..., 0]
    tint = 0.8 + 0.4 * draws[:, tf.newaxis, tf.newaxis, 4:7]
    return x * tint + 0.16 * (draws[:, 7, tf.newaxis, tf.newaxis, tf.newaxis] - 0.5), y
