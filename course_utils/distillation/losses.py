"""Losses that compare a student's logits with a teacher's, one value a sample.

Logits come as NumPy arrays or as tensors, with the class axis last; losses go out as tensors, as
Keras's own do. Values are checked wherever they are known, that is outside of a ``tf.function``;
inside of one only shapes and dtypes are.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from course_utils._arguments import (
    as_float_array,
    as_integer_array,
    require_finite,
    require_positive,
    require_within,
)

__all__ = ["distillation_loss", "interpolated_loss", "logit_matching_loss"]


def distillation_loss(
    teacher_logits: Any,
    student_logits: Any,
    labels: Any = None,
    temperature: float = 4.0,
    alpha: float = 0.9,
    beta: float = 0.1,
) -> Any:
    """Cross-entropy between softened teacher and student, mixed with that of the labels.

    Parameters
    ----------
    teacher_logits, student_logits : (…, K) array_like or tensor of float
        Finite scores of the same shape. No gradient flows into the teacher's.
    labels : (…) array_like or tensor of int, optional
        Class ids from 0. Without them the soft term stands alone and ``beta`` is not used.
    temperature : float
        Above 0; divides both sides' logits in the soft term. The hard term has none.
    alpha, beta : float
        Weights of the soft and of the hard term, 0 or more, divided by their sum.

    Returns
    -------
    (…) tensor of the student's dtype
        ``(alpha · T² · H(p, q) + beta · H(label, softmax(student_logits))) / (alpha + beta)``, in
        nats, where p and q are teacher and student at temperature T and H is the cross-entropy:
        its smallest value is not 0 but T² times the entropy of p.

    Raises
    ------
    ValueError
        For shapes that do not fit, values that are not finite, labels out of range, a temperature
        that is not above 0 or so small or large that the loss is not finite, a negative weight, or
        no positive weight on a term that is there.

    Notes
    -----
    Hinton, Vinyals and Dean 2015, *Distilling the Knowledge in a Neural Network*, section 2. T²
    keeps the size of the soft term's gradient, which alone would fall as 1/T².

    Examples
    --------
    >>> import numpy as np
    >>> certain, undecided = np.array([[0.0, 800.0]]), np.array([[0.0, 0.0]])
    >>> np.round(distillation_loss(certain, undecided, temperature=2.0), 4)  # 2² ln 2
    array([2.7726])
    """
    teacher, student = _logit_pair(teacher_logits, student_logits)
    temperature = require_positive("temperature", temperature)
    alpha, beta = check_weights(alpha, beta, labels is not None)
    soft_targets = ops.softmax(teacher / temperature, axis=-1)
    soft = -ops.sum(soft_targets * ops.log_softmax(student / temperature, axis=-1), axis=-1)
    with np.errstate(over="ignore"):  # said below, in words
        soft = temperature * temperature * soft
    known = known_values(soft)
    if known is not None and not np.isfinite(known).all():
        raise ValueError(
            f"temperature: {temperature:g} takes the loss of these logits out of {known.dtype}'s range"
        )
    if labels is None:
        return soft
    return (alpha * soft + beta * _hard_loss(labels, student)) / (alpha + beta)


def logit_matching_loss(teacher_logits: Any, student_logits: Any) -> Any:
    """Mean over the classes of the squared difference of the logits.

    Arguments and errors are those of :func:`distillation_loss`.

    Returns
    -------
    (…) tensor of the student's dtype
        0 or more. Unlike a softmax it sees a constant added to every logit.

    Notes
    -----
    Ba and Caruana 2014, *Do Deep Nets Really Need to be Deep?*, section 2.2, up to the factor
    1/K in the place of their 1/2.

    Examples
    --------
    >>> import numpy as np
    >>> np.round(logit_matching_loss([[1.0, 2.0]], [[6.0, 7.0]]), 4)
    array([25.], dtype=float32)
    """
    teacher, student = _logit_pair(teacher_logits, student_logits)
    return ops.mean(ops.square(teacher - student), axis=-1)


def interpolated_loss(teacher_logits: Any, student_logits: Any, labels: Any, alpha: float = 0.5) -> Any:
    """Cross-entropy of the labels and logit matching, weighted alpha to 1 − alpha.

    Parameters
    ----------
    teacher_logits, student_logits, labels
        As in :func:`distillation_loss`; the labels are required.
    alpha : float
        In [0, 1], the weight of the **labels**: at 0 this is :func:`logit_matching_loss`.

    Returns
    -------
    (…) tensor of the student's dtype
        ``alpha · H(label, softmax(student_logits)) + (1 − alpha) · mean squared difference``.

    Raises
    ------
    ValueError
        For an alpha outside [0, 1], and as :func:`distillation_loss`.

    Notes
    -----
    Tang et al. 2019, *Distilling Task-Specific Knowledge from BERT into Simple Neural Networks*,
    section 3.2. They call the second term a mean squared error and print the squared norm, which
    is K times as large; this is the mean.

    Examples
    --------
    >>> import numpy as np
    >>> np.round(interpolated_loss([[1.0, 1.0]], [[0.0, 0.0]], [0], alpha=0.5), 4)  # (ln 2 + 1) / 2
    array([0.8466], dtype=float32)
    """
    weight = require_within("alpha", alpha, 0, 1)
    matching = logit_matching_loss(teacher_logits, student_logits)
    hard = _hard_loss(labels, _logit_pair(teacher_logits, student_logits)[1])
    return weight * hard + (1 - weight) * matching


def _logit_pair(teacher_logits: Any, student_logits: Any) -> tuple[Any, Any]:
    """Both as tensors of one shape and dtype (the student's), the teacher's cut off from gradients."""
    teacher = _as_logits("teacher_logits", teacher_logits)
    student = _as_logits("student_logits", student_logits)
    same = len(teacher.shape) == len(student.shape) and all(
        None in pair or pair[0] == pair[1] for pair in zip(teacher.shape, student.shape, strict=True)
    )
    if not same:
        raise ValueError(
            f"student_logits: expected the shape of teacher_logits {tuple(teacher.shape)}, "
            f"got {tuple(student.shape)}"
        )
    return ops.stop_gradient(ops.cast(teacher, student.dtype)), student


def _as_logits(name: str, value: Any) -> Any:
    """A floating-point tensor of at least one axis and one class; half precision becomes float32."""
    known = known_values(value)
    if known is not None:
        require_finite(name, as_float_array(name, known))
    tensor = value if keras.utils.is_keras_tensor(value) else ops.convert_to_tensor(value)
    if len(tensor.shape) == 0 or tensor.shape[-1] == 0:
        raise ValueError(f"{name}: expected shape (…, K) with a class or more, got {tuple(tensor.shape)}")
    wide = keras.backend.standardize_dtype(tensor.dtype) in ("float32", "float64")
    return tensor if wide else ops.cast(tensor, "float32")


def _hard_loss(labels: Any, student: Any) -> Any:
    """Cross-entropy of class ids (…) with logits (…, K)."""
    known = known_values(labels)
    if known is not None:
        labels = as_integer_array("labels", known, low=0, high=student.shape[-1])
    ids = labels if keras.utils.is_keras_tensor(labels) else ops.convert_to_tensor(labels)
    if "int" not in keras.backend.standardize_dtype(ids.dtype):
        raise ValueError(f"labels: expected integers, got dtype {keras.backend.standardize_dtype(ids.dtype)}")
    if len(ids.shape) == len(student.shape) and ids.shape[-1] == 1 and known is None:
        ids = ops.squeeze(ids, axis=-1)  # Keras's fit hands labels over as (N, 1)
    wanted = tuple(student.shape[:-1])
    same = len(ids.shape) == len(wanted) and all(
        None in pair or pair[0] == pair[1] for pair in zip(ids.shape, wanted, strict=True)
    )
    if not same:
        raise ValueError(
            f"labels: expected shape {wanted} (the logits' without the class axis), got {tuple(ids.shape)}"
        )
    return keras.losses.sparse_categorical_crossentropy(ids, student, from_logits=True)


def known_values(value: Any) -> Any:
    """Return the value, a tensor as an array, or None where it is symbolic (in a ``tf.function``)."""
    if keras.utils.is_keras_tensor(value):
        return None
    if hasattr(value, "graph") or (ops.is_tensor(value) and not hasattr(value, "numpy")):
        return None
    return np.asarray(value) if ops.is_tensor(value) or value is None else value


def check_weights(alpha: float, beta: float, labelled: bool) -> tuple[float, float]:
    """Return both weights as numbers, beta 0 without labels; their sum is above 0."""
    weights = (
        require_within("alpha", alpha, 0, np.inf),
        require_within("beta", beta if labelled else 0.0, 0, np.inf),
    )
    if max(weights) == 0:
        needed = "alpha + beta above 0" if labelled else "a number above 0 where there are no labels"
        raise ValueError(f"alpha: expected {needed}, got {alpha!r}" + (f" + {beta!r}" if labelled else ""))
    return weights
