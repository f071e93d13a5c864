"""Lower bounds of mutual information from the scores that a critic gives to pairs.

A critic T(x, y) is a function of a pair. Its scores on pairs drawn together (the joint distribution) and
on pairs drawn apart (the product of the marginals) bound the mutual information from below, whatever the
critic, in expectation; the best critic makes the bound tight. Poole et al. 2019, *On Variational Bounds of
Mutual Information*, compare them.

Arrays give a float, in double precision. If a tensor comes in, a scalar tensor comes out that can be
differentiated: to train a critic, minimise its negative.
"""

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from course_utils._arguments import Float64Array, as_float_array, require_finite

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["donsker_varadhan", "info_nce", "nwj"]


def donsker_varadhan(
    joint_scores: "npt.ArrayLike | tf.Tensor", marginal_scores: "npt.ArrayLike | tf.Tensor"
) -> "float | tf.Tensor":
    """Bound of Donsker and Varadhan: mean T(joint) − ln mean exp T(marginals), in nats.

    Parameters
    ----------
    joint_scores : array_like or tensor of float, any shape
        The critic's scores on pairs drawn together; one at least, finite.
    marginal_scores : array_like or tensor of float, any shape
        Its scores on pairs drawn apart, for instance after shuffling one side.

    Returns
    -------
    float, or a scalar tensor if one of the arguments is a tensor
        The bound, to be maximised. Adding a constant to every score does not change it. The value is
        a bound only of scores on fresh pairs: on those that the critic was trained on it overfits.

    Raises
    ------
    ValueError
        For no scores, NaN, or infinite scores (inside a graph: ``tf.errors.InvalidArgumentError``).

    Notes
    -----
    Belghazi et al. 2018, *MINE: Mutual Information Neural Estimation*, section 3.1. The logarithm of
    a batch's mean is biased, and so is the gradient (section 3.2 there).

    Examples
    --------
    >>> donsker_varadhan([1.0, 1.0], [0.0, 0.0, 0.0])
    1.0
    """
    if _is_tensor(joint_scores, marginal_scores):
        import tensorflow as tf

        joint, marginal = _tensors(joint_scores, marginal_scores)
        level = tf.stop_gradient(tf.reduce_max(marginal))  # a constant added to every score changes nothing
        return tf.reduce_mean(joint - level) - tf.math.log(tf.reduce_mean(tf.exp(marginal - level)))
    scores, apart = _scores("joint_scores", joint_scores), _scores("marginal_scores", marginal_scores)
    level = apart.max()
    return float((scores - level).mean() - np.log(np.exp(apart - level).mean()))


def nwj(
    joint_scores: "npt.ArrayLike | tf.Tensor", marginal_scores: "npt.ArrayLike | tf.Tensor"
) -> "float | tf.Tensor":
    """Bound of Nguyen, Wainwright and Jordan: mean T(joint) − mean exp(T(marginals) − 1), in nats.

    Arguments, errors and kind of result are those of :func:`donsker_varadhan`, which it never exceeds. Its
    estimate from a batch is unbiased, and of larger variance; scores have to find their own level. Scores
    on the marginals so large that their exponential overflows give −inf.

    Notes
    -----
    Nguyen, Wainwright and Jordan 2010, *Estimating Divergence Functionals and the Likelihood Ratio by
    Convex Risk Minimization*; Poole et al. 2019, equation 5 there ("f-GAN KL" in other texts).

    Examples
    --------
    >>> nwj([2.0, 2.0], [1.0, 1.0])
    1.0
    """
    if _is_tensor(joint_scores, marginal_scores):
        import tensorflow as tf

        joint, marginal = _tensors(joint_scores, marginal_scores)
        return tf.reduce_mean(joint) - tf.reduce_mean(tf.exp(marginal - 1))
    scores, apart = _scores("joint_scores", joint_scores), _scores("marginal_scores", marginal_scores)
    with np.errstate(over="ignore"):
        return float(scores.mean() - np.exp(apart - 1).mean())


def info_nce(scores: "npt.ArrayLike | tf.Tensor") -> "float | tf.Tensor":
    """InfoNCE: how well each row finds its partner among N candidates, in nats.

    The mean over i of T(i, i) − ln mean over j of exp T(i, j).

    Parameters
    ----------
    scores : (N, N) array_like or tensor of float
        Score of x of pair i with y of pair j, in row i and column j: the true pairs stand on the
        diagonal, and each row is compared with its N candidates (itself among them). Finite.

    Returns
    -------
    float, or a scalar tensor for a tensor
        The bound, to be maximised: ln N at most, however large the information is.

    Raises
    ------
    ValueError
        For another shape, NaN, or infinite scores.

    Notes
    -----
    van den Oord et al. 2018, *Representation Learning with Contrastive Predictive Coding*, section 2.3.

    Examples
    --------
    >>> info_nce([[0.0, 0.0], [0.0, 0.0]])
    0.0
    >>> round(info_nce([[50.0, 0.0], [0.0, 50.0]]), 4)  # ln 2, the ceiling for two pairs
    0.6931
    """
    if _is_tensor(scores):
        import tensorflow as tf

        (table,) = _tensors(scores, names=("scores",))
        _require_square(tuple(table.shape))
        levelled = table - tf.stop_gradient(tf.reduce_max(table, axis=1, keepdims=True))
        normalisers = tf.math.log(tf.reduce_mean(tf.exp(levelled), axis=1))
        return tf.reduce_mean(tf.linalg.diag_part(levelled) - normalisers)
    array = _scores("scores", scores)
    _require_square(array.shape)
    levelled = array - array.max(axis=1, keepdims=True)
    return float((np.diagonal(levelled) - np.log(np.exp(levelled).mean(axis=1))).mean())


def _is_tensor(*values: Any) -> bool:
    """Whether one of the values is a tensor, without importing TensorFlow to find out."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and any(tensorflow.is_tensor(value) for value in values)


def _scores(name: str, value: Any) -> Float64Array:
    scores = require_finite(name, as_float_array(name, value)).astype(np.float64)
    if scores.size == 0:
        raise ValueError(f"{name}: expected one score at least, got shape {scores.shape}")
    return scores


def _tensors(*values: Any, names: tuple[str, ...] = ("joint_scores", "marginal_scores")) -> "list[tf.Tensor]":
    """Checked scores as tensors of one dtype."""
    import tensorflow as tf

    from course_utils.losses import _inputs

    tensors = [_inputs.as_real_tensor(name, value) for name, value in zip(names, values, strict=True)]
    dtype = next(t.dtype for t, value in zip(tensors, values, strict=True) if tf.is_tensor(value))
    for name, tensor in zip(names, tensors, strict=True):
        if 0 in tensor.shape:
            raise ValueError(f"{name}: expected one score at least, got shape {tuple(tensor.shape)}")
        _inputs.require_finite(name, tensor)
    return [tf.cast(tensor, dtype) for tensor in tensors]


def _require_square(shape: tuple[int | None, ...]) -> None:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"scores: expected shape (N, N), the pairs on the diagonal, got {shape}")
