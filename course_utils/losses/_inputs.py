"""Checks of tensors that the losses share.

A value that is known (eager mode, constants) is checked at once and raises ``ValueError``; inside a
graph the same check becomes a ``tf.debugging`` assertion, which raises
``tf.errors.InvalidArgumentError`` when the graph runs (XLA drops it).
"""

import warnings
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from course_utils._arguments import IGNORE, as_array, as_float_array, as_number, shown

__all__ = [
    "LabelledPixels",
    "as_class_vector",
    "as_real_tensor",
    "labelled_pixels",
    "require",
    "require_finite",
    "require_number",
    "require_same_shape",
    "warn_of_probabilities",
]

# With fewer pixels than this, ordinary logits would too often look like probabilities by accident.
FEWEST_PIXELS_TO_JUDGE = {"softmax": 4, "sigmoid": 16}

# Operations that pass values on unchanged, between the last activation and the loss.
_CARRIERS = {"Identity", "Cast", "Reshape", "Squeeze", "ExpandDims"}

_warned: set[str] = set()


class LabelledPixels(NamedTuple):
    """Checked arguments of a segmentation loss."""

    labels: tf.Tensor  # int32, 0 where ignored
    counted: tf.Tensor  # 1 where the pixel counts, 0 where it is ignored; dtype of the logits
    logits: tf.Tensor


def as_real_tensor(name: str, value: Any) -> tf.Tensor:
    """Return real numbers as a tensor of float32 or float64, in which losses add up.

    Tensors and arrays of these keep their dtype, half precision becomes float32 (a float16 sum over
    260 × 260 pixels overflows, and counts stop at 2,048), integers and lists become float64.

    Examples
    --------
    >>> as_real_tensor("y_pred", [1, 2]).dtype.name
    'float64'
    """
    if not tf.is_tensor(value) and not isinstance(value, tf.Variable):
        array = as_array(name, value)
        # NumPy knows no bfloat16, which has the kind V.
        value = array if array.dtype == tf.bfloat16.as_numpy_dtype else as_float_array(name, value)
    tensor = tf.convert_to_tensor(value)
    if tensor.dtype.is_integer:
        return tf.cast(tensor, tf.float64)
    if not tensor.dtype.is_floating:
        raise ValueError(f"{name}: expected real numbers, got dtype {tensor.dtype.name}")
    return tensor if tensor.dtype.size >= 4 else tf.cast(tensor, tf.float32)


def require(name: str, good: tf.Tensor, values: tf.Tensor, expected: str) -> list[tf.Operation]:
    """Raise unless every element of ``good`` holds; ``values``, of its shape, are shown.

    Returns the assertion, if there is one, for ``tf.control_dependencies``: inside a graph what
    follows may run before it.

    Examples
    --------
    >>> require("x", tf.constant([True, False]), tf.constant([1.0, -1.0]), "0 or more")
    Traceback (most recent call last):
    ValueError: x: expected 0 or more, got -1.0 at index (1,)
    """
    known = tf.get_static_value(good)
    if known is None:
        wrong = tf.boolean_mask(tf.reshape(values, [-1]), tf.reshape(~good, [-1]))[:3]
        message = f"{name}: expected {expected}; the first that are not:"
        return [tf.debugging.Assert(tf.reduce_all(good), [message, wrong])]
    if not known.all():
        index = tuple(int(i) for i in np.argwhere(~known)[0])
        at = f" at index {index}" if index else ""
        raise ValueError(f"{name}: expected {expected}, got {np.asarray(values)[index]}{at}")
    return []


def require_finite(name: str, tensor: tf.Tensor) -> None:
    """Raise if a value is NaN or infinite."""
    require(name, tf.math.is_finite(tensor), tensor, "finite values")


def require_same_shape(name: str, tensor: tf.Tensor, shape_of: tf.Tensor, why: str) -> tf.Tensor:
    """Return ``tensor`` if it has the shape of another; what is unknown while tracing is asserted."""
    if not tensor.shape.is_compatible_with(shape_of.shape):
        raise ValueError(f"{name}: expected shape {tuple(shape_of.shape)} ({why}), got {tuple(tensor.shape)}")
    if tensor.shape.is_fully_defined() and shape_of.shape.is_fully_defined():
        return tensor
    message = f"{name}: the shape differs from that of {why}"
    alike = tf.debugging.assert_equal(tf.shape(tensor), tf.shape(shape_of), message=message)
    with tf.control_dependencies([] if alike is None else [alike]):
        return tf.identity(tensor)


def require_number(name: str, value: float, *, low: float = 0.0, above: bool = False) -> float:
    """Return a number of ``low`` or more (with ``above``: above it) that float32 can hold.

    Examples
    --------
    >>> require_number("gamma", 2)
    2.0
    """
    expected = f"a finite number {'above' if above else 'of at least'} {low:g}"
    number = as_number(name, value, expected)
    limits = np.finfo(np.float32)  # in which it may be used
    if not low <= number <= limits.max or (above and number < low + limits.tiny):
        raise ValueError(f"{name}: expected {expected}, got {shown(value)}")
    return number


def as_class_vector(name: str, value: Any, n_classes: int, dtype: tf.DType) -> tf.Tensor:
    """Return one finite number of 0 or more for each class, as a (K,) tensor.

    Examples
    --------
    >>> as_class_vector("class_weights", [1, 5], 2, tf.float32).numpy()
    array([1., 5.], dtype=float32)
    """
    vector = tf.cast(as_real_tensor(name, value), dtype)
    if vector.shape != (n_classes,):
        raise ValueError(f"{name}: expected {n_classes} numbers, one a class, got shape {tuple(vector.shape)}")
    require(name, tf.math.is_finite(vector) & (vector >= 0), vector, "finite values of 0 or more")
    return vector


def labelled_pixels(y_true: Any, y_pred: Any, loss: str) -> LabelledPixels:
    """Check label maps (N, H, W) and logits (N, H, W, K), and separate the pixels that count.

    Raises
    ------
    ValueError
        For shapes that do not fit, fewer than two classes, labels that are no class ids or 255, and
        logits that are not finite. Logits that look like probabilities warn, once a loss.
    """
    logits = as_real_tensor("y_pred", y_pred)
    if logits.shape.rank != 4 or logits.shape[-1] is None:
        raise ValueError(f"y_pred: expected logits of shape (N, H, W, K), got shape {logits.shape}")
    n_classes = int(logits.shape[-1])
    if not 2 <= n_classes <= IGNORE:
        raise ValueError(
            f"y_pred: expected 2 to {IGNORE} classes along the last axis, got {n_classes} (shape "
            f"{tuple(logits.shape)}); for a single logit there is binary_cross_entropy"
        )
    require_finite("y_pred", logits)
    labels, counted = _labels("y_true", y_true, logits[..., 0], n_classes)
    warn_of_probabilities(loss, logits, "softmax")
    return LabelledPixels(labels, counted, logits)


def _labels(name: str, y_true: Any, like: tf.Tensor, n_classes: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Class ids as int32 (0 where ignored), and 1 or 0 for what counts in the dtype of ``like``."""
    given = as_real_tensor(name, y_true)  # Keras hands over labels as float32
    given = require_same_shape(name, given, like, "y_pred without its class axis")
    ignored = tf.equal(given, IGNORE)
    is_class = tf.equal(given, tf.round(given)) & (given >= 0) & (given < n_classes)
    allowed = f"class ids 0 to {n_classes - 1}, or {IGNORE} (ignored)"
    with tf.control_dependencies(require(name, is_class | ignored, given, allowed)):
        labels = tf.cast(tf.where(ignored, tf.zeros_like(given), given), tf.int32)
    return labels, tf.cast(~ignored, like.dtype)


def binary_pixels(y_true: Any, y_pred: Any, loss: str) -> LabelledPixels:
    """Check label maps of 0, 1 and 255 and one logit a pixel, (N, H, W) or (N, H, W, 1)."""
    logits = as_real_tensor("y_pred", y_pred)
    if logits.shape.rank == 4 and logits.shape[-1] == 1:
        logits = logits[..., 0]
    if logits.shape.rank != 3:
        raise ValueError(f"y_pred: expected one logit a pixel, (N, H, W) or (N, H, W, 1), got {logits.shape}")
    require_finite("y_pred", logits)
    labels, counted = _labels("y_true", y_true, logits, 2)
    warn_of_probabilities(loss, logits, "sigmoid")
    return LabelledPixels(labels, counted, logits)


def warn_of_probabilities(loss: str, logits: tf.Tensor, activation: str) -> None:
    """Warn, once a loss, of logits that look like the output of a softmax or a sigmoid.

    Known values are judged by what they are; inside a graph, where they are not known, by the
    operation that made them.
    """
    if loss in _warned:
        return
    values = tf.get_static_value(logits)
    if values is None:
        alike = _made_by(logits) == activation.capitalize()
    else:
        pixels = values.size // values.shape[-1] if activation == "softmax" else values.size
        alike = pixels >= FEWEST_PIXELS_TO_JUDGE[activation] and bool(((values >= 0) & (values <= 1)).all())
        if activation == "softmax":
            alike = alike and bool((np.abs(values.sum(axis=-1, dtype=np.float64) - 1) < 1e-3).all())
        else:
            alike = alike and bool(values.min() < values.max())
    if alike:
        _warned.add(loss)
        warnings.warn(
            f"{loss}: y_pred looks like probabilities, and the loss applies the {activation} itself: hand over "
            f"logits, that is, leave the {activation} out of the last layer (this is said once)",
            UserWarning,
            stacklevel=4,
        )


def _made_by(tensor: tf.Tensor) -> str:
    """Type of the operation behind a tensor of a graph."""
    operation = tensor.op
    while operation.type in _CARRIERS and len(operation.inputs):
        operation = operation.inputs[0].op
    return str(operation.type)
