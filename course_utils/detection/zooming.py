"""Training images enlarged, reduced and moved, with the boxes in them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import FloatArray

__all__ = ["zoomed"]

# An object is left out if less than this share of its box stays in the image: it could not be told any more.
LEAST = 0.25
# Shows where the image ended: what photographs are padded with.
GREY = 0.5


def zoomed(
    image: npt.NDArray[np.float32],
    boxes: FloatArray,
    class_ids: npt.NDArray[np.integer[Any]],
    zoom: float,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], FloatArray, npt.NDArray[np.integer[Any]]]:
    """Enlarge or reduce an image by up to a share, and move it.

    Parameters
    ----------
    image : (H, W, 3) float32
    boxes : (n, 4) float
        In its pixels.
    class_ids : (n,) int
    zoom : float
        Above 0 and below 1. The image is moved so far that its edges are seen or lost, and by a quarter of
        ``zoom`` of its sides more.
    rng : np.random.Generator

    Returns
    -------
    image, boxes, class_ids
        Of the same size; boxes cut at the edge, without the objects of which three quarters or more are lost.

    Examples
    --------
    >>> image, boxes = np.ones((32, 48, 3), np.float32), np.array([[8.0, 8, 40, 24]])
    >>> image, boxes, class_ids = zoomed(image, boxes, np.array([2]), 0.5, np.random.default_rng(0))
    >>> image.shape, boxes.round(1), class_ids
    ((32, 48, 3), array([[13.7, 14. , 41.8, 28. ]]), array([2]))
    """
    height, width = image.shape[:2]
    size = np.array([width, height])
    factor = 1 + zoom * rng.uniform(-1, 1)
    reach = abs(1 - factor) / 2 + zoom / 4
    # A pixel at x shows what was at factor · x + shift.
    shift = size * ((1 - factor) / 2 + reach * rng.uniform(-1, 1, 2))
    from_centres = factor / 2 + shift - 0.5  # TensorFlow counts from pixel centres
    transform = [factor, 0, from_centres[0], 0, factor, from_centres[1], 0, 0]
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[np.newaxis],
        transforms=np.array([transform], np.float32),
        output_shape=[height, width],
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=GREY,
    ).numpy()[0]
    corners = ((boxes.reshape(-1, 2, 2) - shift) / factor).reshape(-1, 4)
    seen = np.clip(corners.reshape(-1, 2, 2), 0, size).reshape(-1, 4)
    kept = _areas(seen) > LEAST * _areas(corners)
    return moved, seen[kept], class_ids[kept]


def _areas(boxes: FloatArray) -> FloatArray:
    return np.asarray(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1))
