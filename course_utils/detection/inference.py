"""From photographs of any size to detections in their own pixels."""

import numpy as np
import tensorflow as tf

from course_utils._arguments import FloatArray, as_count, as_float_array, require_finite, require_within
from course_utils.boxes import batched_nms, clip_boxes
from course_utils.datasets.photographs import Photographs, as_photographs, fit_photograph
from course_utils.detection.network import SSD
from course_utils.metrics import Detections
from course_utils.softmax import softmax

__all__ = ["detect", "predict", "select"]


def detect(
    model: SSD,
    images: Photographs,
    score_threshold: float = 0.02,
    iou_threshold: float = 0.45,
    max_detections: int | None = 100,
    batch_size: int = 50,
) -> list[Detections]:
    """Find objects in photographs.

    Parameters
    ----------
    model : SSD
    images : (H, W, 3) or (N, H, W, 3) array, or sequence of (H, W, 3) arrays of any sizes
        As :func:`course_utils.datasets.photographs.as_photographs` takes them, grey ones too:
        uint8, or floating point in [0, 1]. Each is scaled to fit the network's input and padded with grey, its
        shape kept.
    score_threshold : float
        In [0, 1). Detections need a probability above it. Low, so that the metrics can sweep; choose the score at
        which to show detections on validation images.
    iou_threshold : float
        Of the non-maximum suppression, which runs for each class.
    max_detections : int or None
        Per photograph, the best scores.
    batch_size : int
        Photographs that go through the network at once.

    Returns
    -------
    list of Detections
        One a photograph; boxes in its own pixels, cut at its edges, by falling score.

    Raises
    ------
    ValueError
        For photographs of another shape or type, values outside [0, 1], or thresholds out of range.

    Examples
    --------
    >>> from course_utils.detection import build_ssd
    >>> photograph = np.zeros((60, 200, 3), np.uint8)
    >>> found = detect(build_ssd(), photograph, max_detections=3)
    >>> len(found), len(found[0].boxes) <= 3
    (1, True)
    """
    require_within("score_threshold", score_threshold, 0, 1)
    require_within("iou_threshold", iou_threshold, 0, 1)
    photographs = as_photographs(images)
    found: list[Detections] = []
    for start in range(0, len(photographs), as_count("batch_size", batch_size)):
        group = photographs[start : start + batch_size]
        fitted, factors = zip(*(fit_photograph(p, *model.image_shape) for p in group), strict=True)
        boxes, probabilities = predict(model, np.stack(fitted))
        for photograph, factor, anchored, scores in zip(group, factors, boxes, probabilities, strict=True):
            height, width = photograph.shape[:2]
            found.append(
                select(anchored / factor, scores, height, width, score_threshold, iou_threshold, max_detections)
            )
    return found


def predict(model: SSD, images: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What the network says of every anchor, before any is left out.

    Parameters
    ----------
    model : SSD
    images : (N, H, W, 3) float
        In [0, 1], of the network's input size.

    Returns
    -------
    boxes : (N, A, 4) float32
        In pixels of the input, neither cut nor checked: offsets in pixels may cross them.
    probabilities : (N, A, K) float32
        Class 0 is background.

    Raises
    ------
    ValueError
        For images of another shape or type, or values outside [0, 1].
    """
    pixels = require_finite("images", as_float_array("images", images))
    if pixels.ndim != 4 or pixels.shape[1:] != (*model.image_shape, 3):
        height, width = model.image_shape
        raise ValueError(f"images: expected (N, {height}, {width}, 3), got {pixels.shape}")
    # A resized image may leave the range by a rounding.
    if pixels.size and not (pixels.min() > -1e-3 and pixels.max() < 1 + 1e-3):
        raise ValueError(f"images: expected values in [0, 1], got {pixels.min()} to {pixels.max()}")
    output = model(tf.convert_to_tensor(pixels, tf.float32), training=False).numpy()
    return model.decode(output[..., model.n_classes :]), softmax(output[..., : model.n_classes])


def select(
    boxes: FloatArray,
    probabilities: FloatArray,
    height: int,
    width: int,
    score_threshold: float = 0.02,
    iou_threshold: float = 0.45,
    max_detections: int | None = 100,
) -> Detections:
    """Turn the predictions of one image's anchors into detections.

    Every class of every anchor is a candidate. Crossed boxes are dropped, the others cut at the image's edges,
    those that nothing is left of dropped as well; then each class is suppressed on its own.

    Parameters
    ----------
    boxes : (A, 4) float
        In the image's pixels.
    probabilities : (A, K) float
        Class 0 is background.
    height, width : int
        Of the image.
    score_threshold, iou_threshold, max_detections
        As :func:`detect`.

    Returns
    -------
    Detections

    Raises
    ------
    ValueError
        For other shapes, NaN, infinity, or thresholds out of range.

    Examples
    --------
    One anchor is a candidate for two classes, the other for none.

    >>> select([[-2, 0, 4, 8], [0, 0, 9, 9]], [[0.1, 0.6, 0.3], [1, 0, 0]], height=10, width=10)
    Detections(boxes=array([[0., 0., 4., 8.],
           [0., 0., 4., 8.]]), scores=array([0.6, 0.3]), class_ids=array([1, 2]))
    """
    corners = require_finite("boxes", as_float_array("boxes", boxes))
    shares = require_finite("probabilities", as_float_array("probabilities", probabilities))
    if corners.ndim != 2 or corners.shape[1] != 4:
        raise ValueError(f"boxes: expected shape (A, 4), got {corners.shape}")
    if shares.ndim != 2 or len(shares) != len(corners) or shares.shape[1] < 2:
        raise ValueError(f"probabilities: expected shape ({len(corners)}, K), K ≥ 2, got {shares.shape}")
    require_within("score_threshold", score_threshold, 0, 1)
    anchor, class_ids = np.nonzero(shares[:, 1:] > score_threshold)
    scores, candidates = shares[anchor, class_ids + 1], corners[anchor]
    upright = (candidates[:, 2:] >= candidates[:, :2]).all(axis=1)
    candidates, scores, class_ids = candidates[upright], scores[upright], class_ids[upright] + 1
    candidates = clip_boxes(candidates, height, width)
    inside = (candidates[:, 2:] > candidates[:, :2]).all(axis=1)
    candidates, scores, class_ids = candidates[inside], scores[inside], class_ids[inside]
    kept = batched_nms(candidates, scores, class_ids, iou_threshold, score_threshold, max_detections)
    return Detections(candidates[kept], scores[kept], class_ids[kept])
