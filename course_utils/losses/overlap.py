"""Losses of overlap between regions: Dice, Tversky, exponential-logarithmic, Lovász-softmax."""

from typing import Any, NamedTuple

import numpy.typing as npt
import tensorflow as tf

from course_utils.losses._inputs import LabelledPixels, as_class_vector, labelled_pixels, require_number
from course_utils.losses.pixels import mean_over_pixels, power

__all__ = ["dice", "exponential_logarithmic", "lovasz_softmax", "tversky"]


class _Counts(NamedTuple):
    """Soft counts of every image and class, (N, K)."""

    true_positives: tf.Tensor
    false_positives: tf.Tensor
    false_negatives: tf.Tensor
    present: tf.Tensor  # 1 for a class in the truth or the argmax, else 0


def dice(y_true: Any, y_pred: Any, smooth: float = 1e-6, include_background: bool = True) -> tf.Tensor:
    """Dice loss: 1 − the mean over classes of 2TP / (2TP + FP + FN), for every image.

    TP, FP and FN are sums of softmax probabilities, so this is ``tversky(…, 0.5, 0.5)``.

    Parameters
    ----------
    y_true : (N, H, W) int
        Class ids from 0; 255 is ignored.
    y_pred : (N, H, W, K) float
        Logits, K ≥ 2.
    smooth : float
        In pixels, 0 or more: added above and below in (TP + smooth) / (TP + ½ FP + ½ FN + smooth).
    include_background : bool
        Whether class 0 takes part in the mean.

    Returns
    -------
    (N,) tensor of the dtype of ``y_pred`` (float32 for half precision)
        In [0, 1].

    Raises
    ------
    ValueError
        For labels that are no class ids, shapes that do not fit, logits that are not finite.

    Notes
    -----
    The mean runs over the classes that the image's truth or its argmax holds. A class in neither is
    left out: it costs nothing and gets no gradient. A class in the argmax alone costs almost 1, with
    a gradient of the order of ``smooth`` / FP², that is, hardly any. An image without such a class
    (nothing but ignored pixels, or nothing but background when that is left out) gives 0.

    Milletari, Navab and Ahmadi 2016, *V-Net*, section 3, whose denominators are squared.

    Examples
    --------
    >>> import numpy as np
    >>> logits = 100 * np.eye(2)[np.newaxis, np.newaxis]
    >>> dice(np.array([[[0, 1]]]), logits).numpy().round(4), dice(np.array([[[1, 0]]]), logits).numpy().round(4)
    (array([0.]), array([1.]))
    """
    return _tversky(labelled_pixels(y_true, y_pred, "dice"), 0.5, 0.5, smooth, include_background)


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, smooth: float = 1e-6) -> tf.Tensor:
    """Tversky loss: 1 − the mean over classes of TP / (TP + α FP + β FN), for every image.

    Parameters
    ----------
    y_true, y_pred, smooth
        As :func:`dice`, which is α = β = 0.5; α = β = 1 is the Jaccard (soft IoU) loss.
    alpha : float
        Price of a false positive, 0 or more.
    beta : float
        Price of a false negative, 0 or more; ``beta > alpha`` asks for recall.

    Returns
    -------
    (N,) tensor of the dtype of ``y_pred`` (float32 for half precision)
        In [0, 1].

    Raises
    ------
    ValueError
        As :func:`dice`, and for negative or two zero prices.

    Notes
    -----
    Salehi, Erdogmus and Gholipour 2017, *Tversky loss function for image segmentation*, section 2.
    Absent classes as in :func:`dice`.

    Examples
    --------
    >>> import numpy as np
    >>> truth, logits = np.array([[[1, 0, 0, 0]]]), 100 * np.eye(2)[[[[1, 1, 0, 0]]]]
    >>> [tversky(truth, logits, a, 1 - a).numpy().round(4).item() for a in (0.3, 0.7)]
    [0.245, 0.2711]
    """
    return _tversky(labelled_pixels(y_true, y_pred, "tversky"), alpha, beta, smooth, True)


def exponential_logarithmic(
    y_true: Any,
    y_pred: Any,
    gamma: float = 0.3,
    *,
    dice_weight: float = 0.8,
    cross_entropy_weight: float = 0.2,
    class_weights: npt.ArrayLike | None = None,
    smooth: float = 1.0,
) -> tf.Tensor:
    """Exponential-logarithmic loss of every image: powers of −ln Dice and of cross-entropy.

    ``dice_weight`` × the mean over classes of (−ln Dice)^γ, plus ``cross_entropy_weight`` × the mean
    over pixels of w (−ln p)^γ, with p the probability and w the weight of the true class.

    Parameters
    ----------
    y_true, y_pred
        As :func:`dice`.
    gamma : float
        Above 0. Below 1 it makes both parts steeper near their optimum.
    dice_weight, cross_entropy_weight : float
        0 or more.
    class_weights : (K,) float, optional
        The weight of each true class; the paper takes (all pixels / pixels of the class)^½, counted
        over the training set.
    smooth : float
        Above 0, in pixels: Dice is (2TP + smooth) / (2TP + FP + FN + smooth) here, over all K
        classes, so a class that is absent and not predicted has a Dice of almost 1.

    Returns
    -------
    (N,) tensor of the dtype of ``y_pred`` (float32 for half precision)
        0 or more.

    Raises
    ------
    ValueError
        As :func:`dice`, and for numbers outside their ranges.

    Notes
    -----
    Wong, Moradi, Tang and Syeda-Mahmood 2018, *3D Segmentation with Exponential Logarithmic Loss for
    Highly Unbalanced Object Sizes*, section 2.2. Theirs: the mean over all classes, background
    included, of (−ln Dice)^γ, the mean over voxels of w (−ln p)^γ with w outside the power, ε = 1 in
    Dice, and γ = 0.3 and the mixture 0.8 to 0.2, which did best in their trials. Ours: Dice is counted
    image by image and not over the batch, both parts share one γ (the paper allows two), ignored
    pixels are left out of both, and w is 1 unless ``class_weights`` are given.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.zeros((1, 1, 2, 2))
    >>> exponential_logarithmic(np.array([[[0, 1]]]), logits, smooth=1e-9).numpy().round(4)
    array([0.8959])
    """
    exponent = require_number("gamma", gamma, above=True)
    epsilon = require_number("smooth", smooth, above=True)
    weights = (
        require_number("dice_weight", dice_weight),
        require_number("cross_entropy_weight", cross_entropy_weight),
    )
    pixels = labelled_pixels(y_true, y_pred, "exponential_logarithmic")
    counts = _counts(pixels)
    twice = 2 * counts.true_positives + epsilon
    minus_log_dice = tf.math.log((twice + counts.false_positives + counts.false_negatives) / twice)
    dice_part = tf.reduce_mean(power(minus_log_dice, exponent), axis=-1)

    costs = power(tf.nn.sparse_softmax_cross_entropy_with_logits(pixels.labels, pixels.logits), exponent)
    if class_weights is not None:
        factors = as_class_vector("class_weights", class_weights, pixels.logits.shape[-1], costs.dtype)
        costs *= tf.gather(factors, pixels.labels)
    return weights[0] * dice_part + weights[1] * mean_over_pixels(costs, pixels.counted)


def lovasz_softmax(y_true: Any, y_pred: Any) -> tf.Tensor:
    """Lovász-softmax loss: the convex extension of 1 − IoU, the mean over the classes of the truth.

    Parameters
    ----------
    y_true, y_pred
        As :func:`dice`.

    Returns
    -------
    (N,) tensor of the dtype of ``y_pred`` (float32 for half precision)
        In [0, 1]: for hard predictions exactly 1 − IoU, the mean over the classes of the truth.

    Raises
    ------
    ValueError
        As :func:`dice`.

    Notes
    -----
    Berman, Rannen Triki and Blaschko 2018, *The Lovász-Softmax loss*, section 3, image by image and
    with the classes that are present in the truth, as the authors' code does.

    Examples
    --------
    >>> import numpy as np
    >>> truth, logits = np.array([[[1, 0, 0]]]), 100 * np.eye(2)[[[[1, 1, 0]]]]
    >>> lovasz_softmax(truth, logits).numpy()  # IoU of 1/2 for both classes
    array([0.5])
    """
    pixels = labelled_pixels(y_true, y_pred, "lovasz_softmax")
    truth, probabilities = _one_hot_and_probabilities(pixels)
    # (N, K, H·W): each class of each image is a list of pixels to sort by their error. Ignored
    # pixels go last (−1), where they change nothing.
    flat = [_pixels_last(t) for t in (truth, probabilities, pixels.counted[..., tf.newaxis])]
    errors = tf.where(flat[2] > 0, tf.abs(flat[0] - flat[1]), -1)
    order = tf.argsort(errors, direction="DESCENDING")
    sorted_truth = tf.gather(flat[0], order, batch_dims=2)
    sorted_counted = tf.gather(tf.broadcast_to(flat[2], tf.shape(errors)), order, batch_dims=2)
    sorted_errors = tf.gather(errors, order, batch_dims=2) * sorted_counted

    # 1 − IoU when the first 1, 2, 3 … pixels of that order are wrong; its steps are the weights.
    size = tf.reduce_sum(sorted_truth, axis=-1, keepdims=True)
    found = size - tf.cumsum(sorted_truth, axis=-1)
    union = size + tf.cumsum(sorted_counted - sorted_truth, axis=-1)
    jaccard_loss = 1 - tf.math.divide_no_nan(found, union)
    steps = tf.concat([jaccard_loss[..., :1], jaccard_loss[..., 1:] - jaccard_loss[..., :-1]], axis=-1)
    losses = tf.reduce_sum(sorted_errors * tf.stop_gradient(steps), axis=-1)
    return _mean_over(losses, tf.cast(size[..., 0] > 0, losses.dtype))


def _tversky(
    pixels: LabelledPixels, alpha: float, beta: float, smooth: float, include_background: bool
) -> tf.Tensor:
    prices = require_number("alpha", alpha), require_number("beta", beta)
    if max(prices) == 0:
        raise ValueError("alpha, beta: expected at least one above 0, got 0 and 0")
    counts, epsilon = _counts(pixels), require_number("smooth", smooth)
    unit = max(1, *prices, epsilon)  # of all terms, so that no price, however high, makes them infinite
    errors = prices[0] / unit * counts.false_positives + prices[1] / unit * counts.false_negatives
    whole = counts.true_positives / unit + errors + epsilon / unit
    present = counts.present if include_background else counts.present[:, 1:]
    losses = tf.math.divide_no_nan(errors, whole)  # 1 − (TP + smooth) / (TP + αFP + βFN + smooth)
    return _mean_over(losses if include_background else losses[:, 1:], present)


def _counts(pixels: LabelledPixels) -> _Counts:
    truth, probabilities = _one_hot_and_probabilities(pixels)
    counted = pixels.counted[..., tf.newaxis]
    winners = tf.one_hot(tf.argmax(pixels.logits, axis=-1), pixels.logits.shape[-1], dtype=truth.dtype) * counted
    present = tf.reduce_any((truth + winners) > 0, axis=[1, 2])
    return _Counts(
        tf.reduce_sum(truth * probabilities, axis=[1, 2]),
        tf.reduce_sum((counted - truth) * probabilities, axis=[1, 2]),
        tf.reduce_sum(truth * (1 - probabilities), axis=[1, 2]),
        tf.cast(present, truth.dtype),
    )


def _one_hot_and_probabilities(pixels: LabelledPixels) -> tuple[tf.Tensor, tf.Tensor]:
    """Truth and softmax, (N, H, W, K) each, 0 where a pixel is ignored."""
    counted = pixels.counted[..., tf.newaxis]
    truth = tf.one_hot(pixels.labels, pixels.logits.shape[-1], dtype=pixels.logits.dtype)
    return truth * counted, tf.nn.softmax(pixels.logits) * counted


def _pixels_last(values: tf.Tensor) -> tf.Tensor:
    """(N, H, W, K) to (N, K, H·W)."""
    shape = tf.shape(values)
    return tf.transpose(tf.reshape(values, [shape[0], shape[1] * shape[2], shape[3]]), [0, 2, 1])


def _mean_over(losses: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
    """Mean of (N, K) over the classes that are present; 0 where none is."""
    return tf.reduce_sum(losses * present, axis=-1) / tf.maximum(tf.reduce_sum(present, axis=-1), 1)
