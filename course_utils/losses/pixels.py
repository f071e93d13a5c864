"""Losses that are a mean over pixels: the cross-entropy family and the boundary loss."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils.losses._inputs import (
    as_class_vector,
    as_real_tensor,
    binary_pixels,
    labelled_pixels,
    require,
    require_finite,
    require_number,
    require_same_shape,
    warn_of_probabilities,
)

__all__ = ["binary_cross_entropy", "boundary", "cross_entropy", "focal", "mean_over_pixels", "power"]


def cross_entropy(
    y_true: Any, y_pred: Any, class_weights: npt.ArrayLike | None = None, pixel_weights: Any = None
) -> tf.Tensor:
    """Cross-entropy −ln softmax(logits)[label] of every image, the mean over its pixels.

    Parameters
    ----------
    y_true : (N, H, W) int
        Class ids from 0; 255 is ignored. Whole numbers in a float array are accepted, because Keras
        hands labels over as float32.
    y_pred : (N, H, W, K) float
        Logits, K ≥ 2.
    class_weights : (K,) float, optional
        Factor for the pixels of each true class, 0 or more. The divisor stays the number of pixels
        that count, so weights of 2 for every class double the loss (PyTorch divides by the sum of
        the weights instead).
    pixel_weights : (N, H, W) float, optional
        Factor for each pixel, such as :func:`unet_weight_map` makes.

    Returns
    -------
    (N,) tensor of the dtype of ``y_pred`` (float32 for half precision)
        In nats, 0 or more; 0 for an image without a pixel that counts.

    Raises
    ------
    ValueError
        For labels that are no class ids, shapes that do not fit, logits that are not finite, or
        negative weights (inside a graph: ``tf.errors.InvalidArgumentError``).

    Examples
    --------
    >>> labels, logits = np.array([[[0, 255]]]), np.array([[[[0.0, np.log(3)], [9, 9]]]])
    >>> cross_entropy(labels, logits).numpy().round(4)
    array([1.3863])
    """
    pixels = labelled_pixels(y_true, y_pred, "cross_entropy")
    costs = tf.nn.sparse_softmax_cross_entropy_with_logits(pixels.labels, pixels.logits)
    if class_weights is not None:
        weights = as_class_vector("class_weights", class_weights, pixels.logits.shape[-1], costs.dtype)
        costs *= tf.gather(weights, pixels.labels)
    if pixel_weights is not None:
        factors = tf.cast(as_real_tensor("pixel_weights", pixel_weights), costs.dtype)
        factors = require_same_shape("pixel_weights", factors, costs, "y_true")
        require(
            "pixel_weights", tf.math.is_finite(factors) & (factors >= 0), factors, "finite values of 0 or more"
        )
        costs *= factors
    return mean_over_pixels(costs, pixels.counted)


def binary_cross_entropy(y_true: Any, y_pred: Any, positive_weight: float = 1.0) -> tf.Tensor:
    """Cross-entropy of one logit a pixel, for two classes: the mean over the pixels of every image.

    Parameters
    ----------
    y_true : (N, H, W) int
        0, 1, or 255 (ignored).
    y_pred : (N, H, W) or (N, H, W, 1) float
        Logit of class 1.
    positive_weight : float
        Factor for the pixels of class 1, 0 or more ("balanced" cross-entropy).

    Returns
    -------
    (N,) tensor of the dtype of ``y_pred`` (float32 for half precision)

    Raises
    ------
    ValueError
        As :func:`cross_entropy`.

    Examples
    --------
    >>> binary_cross_entropy(np.array([[[0, 1]]]), np.zeros((1, 1, 2))).numpy().round(4)
    array([0.6931])
    """
    weight = require_number("positive_weight", positive_weight)
    pixels = binary_pixels(y_true, y_pred, "binary_cross_entropy")
    truth = tf.cast(pixels.labels, pixels.logits.dtype)
    costs = tf.nn.sigmoid_cross_entropy_with_logits(truth, pixels.logits)
    return mean_over_pixels(costs * (1 + (weight - 1) * truth), pixels.counted)


def focal(y_true: Any, y_pred: Any, gamma: float = 2.0, alpha: npt.ArrayLike | None = None) -> tf.Tensor:
    """Focal loss −α (1 − p)^γ ln p, with p the probability of the true class: the mean over pixels.

    Parameters
    ----------
    y_true, y_pred
        As :func:`cross_entropy`.
    gamma : float
        0 or more; 0 gives cross-entropy.
    alpha : (K,) float, optional
        Factor for the pixels of each true class, 0 or more. The original's two-class α is
        ``[1 - α, α]``.

    Returns
    -------
    (N,) tensor of the dtype of ``y_pred`` (float32 for half precision)

    Raises
    ------
    ValueError
        As :func:`cross_entropy`, and for a negative ``gamma``.

    Notes
    -----
    Lin, Goyal, Girshick, He and Dollár 2017, *Focal Loss for Dense Object Detection*, section 3,
    there with a sigmoid for each class and divided by the number of positives.

    Examples
    --------
    >>> focal(np.array([[[0]]]), np.log([[[[0.9, 0.1]]]])).numpy().round(7)
    array([0.0010536])
    """
    exponent = require_number("gamma", gamma)
    pixels = labelled_pixels(y_true, y_pred, "focal")
    costs = tf.nn.sparse_softmax_cross_entropy_with_logits(pixels.labels, pixels.logits)
    if exponent > 0:
        costs *= power(-tf.math.expm1(-costs), exponent)
    if alpha is not None:
        factors = as_class_vector("alpha", alpha, pixels.logits.shape[-1], costs.dtype)
        costs *= tf.gather(factors, pixels.labels)
    return mean_over_pixels(costs, pixels.counted)


def boundary(y_true_distance: Any, y_pred: Any) -> tf.Tensor:
    """Boundary loss: the mean over pixels and classes of signed distance × probability.

    Parameters
    ----------
    y_true_distance : (N, H, W, K) float
        As :func:`signed_distance_maps` makes them, in pixels: negative inside. A pixel whose K
        distances are all 0 is ignored.
    y_pred : (N, H, W, K) float
        Logits.

    Returns
    -------
    (N,) tensor of the dtype of ``y_pred`` (float32 for half precision)
        In pixels; negative for a good prediction. 0 for an image without a pixel that counts.

    Raises
    ------
    ValueError
        For shapes that differ or values that are not finite.

    Notes
    -----
    Kervadec et al. 2019, *Boundary loss for highly unbalanced segmentation*, equation 5. A collapsed
    prediction is close to a stationary point of it, so it is added to a regional loss (Dice) with
    a weight that grows during training.

    Examples
    --------
    >>> distances = np.array([[[[-1.0, 1.0], [1.0, -1.0]]]])
    >>> boundary(distances, 100 * np.eye(2)[np.newaxis, np.newaxis]).numpy()
    array([-0.5])
    """
    logits = as_real_tensor("y_pred", y_pred)
    if logits.shape.rank != 4 or logits.shape[-1] is None or logits.shape[-1] < 2:
        raise ValueError(f"y_pred: expected logits of shape (N, H, W, K), K of 2 or more, got {logits.shape}")
    distances = tf.cast(as_real_tensor("y_true_distance", y_true_distance), logits.dtype)
    distances = require_same_shape("y_true_distance", distances, logits, "y_pred")
    require_finite("y_pred", logits)
    require_finite("y_true_distance", distances)
    warn_of_probabilities("boundary", logits, "softmax")
    counted = tf.cast(tf.reduce_any(distances != 0, axis=-1), logits.dtype)
    return mean_over_pixels(tf.reduce_mean(distances * tf.nn.softmax(logits), axis=-1), counted)


def mean_over_pixels(costs: tf.Tensor, counted: tf.Tensor) -> tf.Tensor:
    """Mean of (N, H, W) costs over the pixels of each image that count; 0 where none does."""
    total = tf.reduce_sum(costs * counted, axis=[1, 2])
    return total / tf.maximum(tf.reduce_sum(counted, axis=[1, 2]), 1)


def power(base: tf.Tensor, exponent: float) -> tf.Tensor:
    """``base`` ** ``exponent`` for a base of 0 or more, with value and gradient 0 where the base is 0.

    The slope of x^γ at 0 is infinite for γ < 1, and infinity times the 0 that the chain rule
    multiplies it with is NaN. So the base is kept above 0 inside, and the result replaced outside.
    """
    smallest = np.finfo(base.dtype.as_numpy_dtype).tiny
    return tf.where(base > smallest, tf.pow(tf.maximum(base, smallest), exponent), 0)
