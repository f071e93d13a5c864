"""Clusters that share information between two views, and which class each cluster stands for."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from course_utils._arguments import SUM_TOLERANCE, IntArray, as_float_array, require_finite

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["assign_clusters", "iic_joint", "iic_loss"]


def iic_joint(p: "npt.ArrayLike | tf.Tensor", q: "npt.ArrayLike | tf.Tensor") -> "tf.Tensor":
    """Joint distribution of the clusters of two views, averaged over a batch and symmetrised.

    Given a pair of views the two clusters are drawn independently, with probability p[k] q[l]; the mean
    over the pairs of a batch is the joint, and it is no product. Which view comes first is arbitrary, so
    the result is averaged with its transpose.

    Parameters
    ----------
    p, q : (N, K) array_like or tensor of float
        Cluster probabilities of N pairs of views; rows of 0 or more with sums of 1 (to 0.001).

    Returns
    -------
    (K, K) tensor
        Symmetric, 0 or more, with a sum of 1; float64 for float64 arguments and lists, else float32.

    Raises
    ------
    ValueError
        For other or different shapes, no pair, rows that are no distributions, NaN (inside a graph:
        ``tf.errors.InvalidArgumentError``).

    Notes
    -----
    Ji, Henriques and Vedaldi 2019, *Invariant Information Clustering for Unsupervised Image
    Classification and Segmentation*, section 3.2.

    Examples
    --------
    >>> iic_joint([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]).numpy()
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    import tensorflow as tf

    first, second = _distributions("p", p), _distributions("q", q)
    if first.dtype != second.dtype:
        first, second = tf.cast(first, tf.float32), tf.cast(second, tf.float32)
    if not first.shape.is_compatible_with(second.shape):
        raise ValueError(f"q: expected the shape of p, {tuple(first.shape)}, got {tuple(second.shape)}")
    joint = tf.matmul(first, second, transpose_a=True) / tf.cast(tf.shape(first)[0], first.dtype)
    return (joint + tf.transpose(joint)) / 2


def iic_loss(p: "npt.ArrayLike | tf.Tensor", q: "npt.ArrayLike | tf.Tensor") -> "tf.Tensor":
    """Minus the mutual information of the clusters of two views, in nats: to be minimised.

    Arguments and errors are those of :func:`iic_joint`.

    Returns
    -------
    scalar tensor
        From −ln K (each pair in one cluster with certainty, all clusters used alike) to 0 (all in one
        cluster, or the two views independent). Its gradient is finite also where a probability is 0.

    Examples
    --------
    >>> loss = iic_loss([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]])
    >>> round(float(loss), 4)
    -0.6931
    """
    import tensorflow as tf

    joint = iic_joint(p, q)
    # Only the logarithm is kept off 0: a cell of 0 adds 0, and its derivative stays finite.
    cells = tf.math.log(tf.maximum(joint, np.finfo(np.float32).tiny))
    rows = tf.math.log(tf.maximum(tf.reduce_sum(joint, axis=1, keepdims=True), np.finfo(np.float32).tiny))
    return -tf.reduce_sum(joint * (cells - rows - tf.transpose(rows)))  # symmetric: columns are rows


def assign_clusters(confusion: npt.ArrayLike) -> IntArray:
    """Class that each cluster stands for, such that most samples agree.

    Parameters
    ----------
    confusion : (clusters, classes) array_like
        How many samples of each cluster are of each class (or shares): finite, 0 or more.

    Returns
    -------
    (clusters,) int
        No class is given twice. One-to-one when square; with more clusters than classes, −1 for the
        clusters left over; with fewer, some classes stay without a cluster.

    Raises
    ------
    ValueError
        For another rank, no cluster or no class, negative or infinite entries, NaN.

    Notes
    -----
    The assignment problem, solved exactly by ``scipy.optimize.linear_sum_assignment`` (Kuhn 1955, *The
    Hungarian method for the assignment problem*). To score clusters, fit the assignment on one set of
    samples and count hits on another.

    Examples
    --------
    >>> assign_clusters([[0, 9], [8, 1]])
    array([1, 0])
    >>> assign_clusters([[0, 9], [8, 1], [3, 3]])
    array([ 1,  0, -1])
    """
    table = require_finite("confusion", as_float_array("confusion", confusion, rank=2))
    if 0 in table.shape:
        raise ValueError(f"confusion: expected one cluster and one class at least, got shape {table.shape}")
    if (table < 0).any():
        raise ValueError(f"confusion: expected values of 0 or more, got {table[table < 0][0]:g}")
    classes = np.full(len(table), -1)
    clusters, chosen = linear_sum_assignment(table, maximize=True)
    classes[clusters] = chosen
    return classes


def _distributions(name: str, value: Any) -> "tf.Tensor":
    """Rows of probabilities as a tensor (N, K)."""
    import tensorflow as tf

    from course_utils.losses import _inputs

    rows = _inputs.as_real_tensor(name, value)
    if rows.shape.rank != 2 or 0 in rows.shape:
        raise ValueError(f"{name}: expected shape (N, K) with one pair at least, got {tuple(rows.shape)}")
    sums = tf.reduce_sum(rows, axis=1)
    checks = _inputs.require(name, rows >= 0, rows, "probabilities of 0 or more")  # NaN is not
    checks += _inputs.require(name, tf.abs(sums - 1) <= SUM_TOLERANCE, sums, "rows with a sum of 1")
    with tf.control_dependencies(checks):
        return tf.identity(rows)
