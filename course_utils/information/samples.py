"""Mutual information estimated from samples: by a histogram, and by nearest neighbours."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree
from scipy.special import digamma

from course_utils._arguments import Float64Array, as_count, as_float_array, require_finite, shown
from course_utils.information.discrete import mutual_information

__all__ = ["histogram_information", "nearest_neighbour_information"]


def histogram_information(x: npt.ArrayLike, y: npt.ArrayLike, bins: int | Sequence[int]) -> float:
    """Mutual information of a histogram of the samples (the plug-in estimate), in nats.

    Parameters
    ----------
    x, y : (N,) array_like of float
        Pairs of samples, N ≥ 1, finite.
    bins : int or (int, int)
        Number of bins of equal width over the range of ``x`` and of ``y``.

    Returns
    -------
    float
        0 or more, at most the logarithm of the smaller number of bins.

    Raises
    ------
    ValueError
        For other shapes, values that are not finite, numbers of bins below 1.

    Notes
    -----
    Two errors pull against each other: few samples in many bins look dependent (to first order
    by (occupied cells − occupied rows − occupied columns + 1) / (2 N)), and wide bins hide
    dependence. Paninski 2003, *Estimation of Entropy and Mutual Information*, section 4.

    Examples
    --------
    >>> round(histogram_information([0, 0, 1, 1], [5, 5, 7, 7], bins=2), 4)
    0.6931
    """
    pairs = [bins, bins] if isinstance(bins, (int, np.integer)) else list(bins) if _is_pair(bins) else None
    if pairs is None:
        raise ValueError(f"bins: expected an integer, or two, one for x and one for y, got {shown(bins)}")
    counts = [as_count("bins", number) for number in pairs]
    first, second = _columns("x", x), _columns("y", y)
    for name, values in (("x", first), ("y", second)):
        if values.shape[1] != 1:
            raise ValueError(f"{name}: expected shape (N,), got {values.shape}")
        if not values.max() / 2 - values.min() / 2 < np.finfo(np.float64).max / 2:
            raise ValueError(f"{name}: its range from {values.min():g} to {values.max():g} is too wide for bins")
    _require_same_length(first, second)
    table, _, _ = np.histogram2d(first[:, 0], second[:, 0], bins=counts)
    return mutual_information(table / table.sum())


def nearest_neighbour_information(x: npt.ArrayLike, y: npt.ArrayLike, k: int = 3) -> float:
    """Mutual information of continuous variables from distances to the k-th neighbour, in nats.

    ψ(k) + ψ(N) − mean of ψ(n_x + 1) + ψ(n_y + 1), where n_x of a sample is the number of others
    that lie nearer in x alone than its k-th neighbour lies in (x, y), n_y likewise, distances are
    the largest difference of any coordinate, and ψ is the digamma function.

    Parameters
    ----------
    x, y : (N,) or (N, d) array_like of float
        Pairs of samples; the two may have different d. Finite.
    k : int
        Which neighbour, from 1 to N − 1. More lowers the variance and raises the bias.

    Returns
    -------
    float
        Around 0 for independent variables, and then as often below as above it.

    Raises
    ------
    ValueError
        For other shapes, values that are not finite, a k out of range, and samples of which more
        than k are the same: the method is for continuous variables.

    Notes
    -----
    Kraskov, Stögbauer and Grassberger 2004, *Estimating mutual information*, equation 8 (the first
    estimator). Nothing is scaled here: where x and y differ by orders of magnitude, divide each
    by its standard deviation first (the true value does not change).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=2000)
    >>> y = 0.9 * x + np.sqrt(1 - 0.9**2) * rng.normal(size=2000)
    >>> round(nearest_neighbour_information(x, y), 1)  # exactly −0.5 ln(1 − 0.9²) = 0.83
    0.8
    """
    first, second = _columns("x", x), _columns("y", y)
    _require_same_length(first, second)
    n = len(first)
    if n < 2:
        raise ValueError(f"x: expected two samples at least, got {n}")
    k = as_count("k", k, high=n - 1)
    joint = np.hstack([first, second])
    distances, _ = KDTree(joint).query(joint, k=[k + 1], p=np.inf)  # a sample is its own first neighbour
    radii = distances[:, 0]
    if (radii == 0).any():
        raise ValueError(
            f"x, y: expected samples of continuous variables, got {int((radii == 0).sum())} of {n} at the place "
            f"of {k} others; add a little noise, or count discrete values (mutual_information)"
        )
    inside = np.nextafter(radii, 0)  # strictly nearer
    neighbours = [
        KDTree(values).query_ball_point(values, inside, p=np.inf, return_length=True) for values in (first, second)
    ]  # each sample counts itself: n_x + 1
    return float(digamma(k) + digamma(n) - sum(digamma(number).mean() for number in neighbours))


def _columns(name: str, value: npt.ArrayLike) -> Float64Array:
    """Samples as (N, d) float64, finite, N ≥ 1 and d ≥ 1."""
    values = require_finite(name, as_float_array(name, value)).astype(np.float64)
    if values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(f"{name}: expected shape (N,) or (N, d) with one sample or more, got {values.shape}")
    return values.reshape(len(values), -1)


def _require_same_length(first: Float64Array, second: Float64Array) -> None:
    if len(first) != len(second):
        raise ValueError(f"y: expected {len(first)} samples, as many as x has, got {len(second)}")


def _is_pair(bins: object) -> bool:
    return isinstance(bins, (list, tuple, np.ndarray)) and len(bins) == 2
