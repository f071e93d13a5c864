"""What the detector is to answer for each anchor, and batches of scenes to learn it from."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import (
    IGNORE,
    FloatArray,
    IntArray,
    as_array,
    as_boxes,
    as_integer_array,
    as_number,
)
from course_utils.boxes import match_anchors
from course_utils.detection.network import SSD
from course_utils.detection.zooming import zoomed
from course_utils.training import image_order, prefetched

__all__ = ["ssd_batches", "ssd_targets"]


def ssd_targets(
    model: SSD, boxes: npt.ArrayLike, class_ids: npt.ArrayLike, positive: float = 0.5, negative: float = 0.4
) -> npt.NDArray[np.float32]:
    """The class and the offsets that each anchor is to predict for one image.

    Parameters
    ----------
    model : SSD
    boxes : (n, 4) float
        x_min, y_min, x_max, y_max in pixels of the network's input.
    class_ids : (n,) int
        1 to K − 1.
    positive, negative : float
        As :func:`course_utils.boxes.match_anchors`.

    Returns
    -------
    (A, 5) float32
        Class (0 background, 255 not counted) and four offsets, which are 0 where there is no object.

    Raises
    ------
    ValueError
        For boxes and thresholds as in :func:`course_utils.boxes.match_anchors`, and for class ids that are not
        n integers from 1 to K − 1.

    Examples
    --------
    >>> from course_utils.detection import build_ssd
    >>> ssd = build_ssd()
    >>> targets = ssd_targets(ssd, ssd.anchors[:1], [2])
    >>> targets[0], int((targets[:, 0] == 2).sum())
    (array([2., 0., 0., 0., 0.], dtype=float32), 2)
    """
    truth, ids = _as_truth(model, boxes, class_ids)
    matched = match_anchors(model.anchors, truth, positive, negative)
    targets = np.zeros((len(matched), 5), np.float32)
    targets[matched == -2, 0] = IGNORE
    found = np.flatnonzero(matched >= 0)
    if len(found):
        targets[found, 0] = ids[matched[found]]
        targets[found, 1:] = model.encode(truth[matched[found]], model.anchors[found])
    return targets


def _as_truth(
    model: SSD, boxes: npt.ArrayLike, class_ids: npt.ArrayLike
) -> tuple[npt.NDArray[np.float32], IntArray]:
    truth = as_boxes("boxes", boxes).astype(np.float32)
    ids = as_array("class_ids", class_ids)
    if ids.shape != (len(truth),):
        raise ValueError(f"class_ids: expected shape ({len(truth)},), one a box, got {ids.shape}")
    if len(ids) == 0:  # an empty list has no integer type to go by
        return truth, np.zeros(0, np.int64)
    return truth, as_integer_array("class_ids", class_ids, low=1, high=model.n_classes)


def ssd_batches(
    model: SSD,
    images: npt.NDArray[np.uint8],
    boxes: Sequence[npt.NDArray[np.floating[Any]]],
    class_ids: Sequence[npt.NDArray[np.integer[Any]]],
    *,
    steps: int,
    batch_size: int = 8,
    seed: int = 0,
    augment: bool = True,
    zoom: float = 0.0,
) -> Callable[[int], tf.data.Dataset]:
    """Batches for :func:`course_utils.training.train`.

    Parameters
    ----------
    model : SSD
    images : (M, H, W, 3) uint8
        Of the network's input size.
    boxes, class_ids : sequences of (n, 4) and (n,) arrays
        One of each an image.
    steps, batch_size : int
        Each pass over the images takes a new random order; batches run on from one pass to the next.
    seed : int
        Step s draws from ``default_rng([seed, s])``: what it sees does not depend on where training started.
    augment : bool
        Mirror half of the images, and change colour and brightness.
    zoom : float
        In [0, 1): with ``augment``, images are also enlarged or reduced by up to this share, and moved.

    Returns
    -------
    callable
        ``batches(start)``: a data set of (images (N, H, W, 3) float32 in [0, 1], targets (N, A, 5) float32).

    Raises
    ------
    ValueError
        For images of another size or type, lists of different lengths, boxes and class ids as in
        :func:`ssd_targets`, counts below 1, a negative seed, or a zoom out of range.
    """
    if not 0 <= as_number("zoom", zoom) < 1:  # written so that NaN is out of range too
        raise ValueError(f"zoom: expected a number from 0 to below 1, got {zoom!r}")
    images = as_array("images", images)
    height, width = model.image_shape
    if images.ndim != 4 or images.shape[1:] != (height, width, 3) or images.dtype != np.uint8:
        raise ValueError(f"images: expected (M, {height}, {width}, 3) uint8, got {images.shape} {images.dtype}")
    if not len(images) == len(boxes) == len(class_ids) or len(images) == 0:
        raise ValueError(
            f"boxes, class_ids: expected {len(images)} of each, one or more, got {len(boxes)} and {len(class_ids)}"
        )
    for index, (corners, ids) in enumerate(zip(boxes, class_ids, strict=True)):
        try:
            _as_truth(model, corners, ids)
        except ValueError as error:
            raise ValueError(f"boxes, class_ids: at {index}: {error}") from None
    order = image_order(len(images), steps, batch_size, seed)

    def one_batch(step: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        rng = np.random.default_rng([seed, int(step)])
        pixels, targets = [], []
        for index in order[step]:
            image = images[index] / np.float32(255)
            truth: FloatArray = np.asarray(boxes[index], np.float64).reshape(-1, 4)
            ids = np.asarray(class_ids[index])
            if augment:
                if rng.random() < 0.5:
                    image = image[:, ::-1]
                    truth = truth[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [width, 0, width, 0]
                image = image * rng.uniform(0.8, 1.2, 3) + rng.uniform(-0.08, 0.08)
                if zoom:
                    image, truth, ids = zoomed(image.astype(np.float32), truth, ids, zoom, rng)
            pixels.append(image.astype(np.float32))
            targets.append(ssd_targets(model, truth, ids))
        return np.stack(pixels), np.stack(targets)

    def batches(start: int) -> tf.data.Dataset:
        shapes = (batch_size, height, width, 3), (batch_size, len(model.anchors), 5)

        def load(step: tf.Tensor) -> tuple[tf.Tensor, ...]:
            arrays = tf.numpy_function(one_batch, [step], [tf.float32, tf.float32])
            return tuple(tf.ensure_shape(array, shape) for array, shape in zip(arrays, shapes, strict=True))

        return prefetched(tf.data.Dataset.range(start, steps).map(load))

    return batches
