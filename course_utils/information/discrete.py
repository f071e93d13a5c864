"""Entropy of counts and mutual information of a joint distribution.

Cover and Thomas, *Elements of Information Theory* (2nd edition, 2006), chapter 2.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from course_utils._arguments import SUM_TOLERANCE, as_float_array, require_finite, require_kind

__all__ = ["entropy_of_counts", "mutual_information"]


def entropy_of_counts(counts: npt.ArrayLike, correction: Literal["none", "miller_madow"] = "none") -> float:
    """Entropy of the distribution that counts were drawn from, in nats.

    Parameters
    ----------
    counts : array_like of int, any shape
        How often each value was seen: whole numbers of 0 or more, one above 0 at least.
    correction : "none" or "miller_madow"
        "none" is the entropy of the relative frequencies (the plug-in estimate), which lies below
        the true entropy on average. "miller_madow" adds the first order of what is missing,
        (occupied cells − 1) / (2 N) for N observations; it may exceed ln(number of cells).

    Returns
    -------
    float
        0 or more.

    Raises
    ------
    ValueError
        For counts that are negative, not whole, infinite, NaN, or all 0; an unknown correction.

    Notes
    -----
    Miller 1955, *Note on the bias of information estimates*; Paninski 2003, *Estimation of Entropy
    and Mutual Information*, section 4.

    Examples
    --------
    >>> round(entropy_of_counts([2, 2, 0]), 4)
    0.6931
    >>> round(entropy_of_counts([2, 2, 0], correction="miller_madow"), 4)
    0.8181
    """
    kind = require_kind(correction, ("none", "miller_madow"), name="correction")
    numbers = require_finite("counts", as_float_array("counts", counts)).astype(np.float64)
    wrong = (numbers < 0) | (numbers != np.floor(numbers))
    if wrong.any():
        raise ValueError(f"counts: expected whole numbers of 0 or more, got {numbers[wrong].ravel()[0]:g}")
    total = float(numbers.sum())
    if total == 0:
        raise ValueError(f"counts: expected one observation at least, got none (shape {numbers.shape})")
    entropy = float(entr(numbers / total).sum())
    if kind == "miller_madow":
        entropy += (int(np.count_nonzero(numbers)) - 1) / (2 * total)
    return entropy


def mutual_information(joint: npt.ArrayLike) -> float:
    """Mutual information Σ p(x, y) ln(p(x, y) / (p(x) p(y))) of two discrete variables, in nats.

    Parameters
    ----------
    joint : (K, L) array_like of float
        p(x, y), one row for each value of X and one column for each of Y: 0 or more, with a sum
        of 1 (to 0.001).

    Returns
    -------
    float
        From 0 (X and Y independent) to min(H(X), H(Y)). What rounding leaves below 0 is 0.

    Raises
    ------
    ValueError
        For another rank, negative or infinite entries, NaN, or a sum that is not 1.

    Notes
    -----
    Cover and Thomas 2006, section 2.3.

    Examples
    --------
    >>> mutual_information([[0.25, 0.25], [0.25, 0.25]])
    0.0
    >>> round(mutual_information([[0.5, 0.0], [0.0, 0.5]]), 4)
    0.6931
    """
    table = require_finite("joint", as_float_array("joint", joint, rank=2)).astype(np.float64)
    if (table < 0).any():
        raise ValueError(f"joint: expected values of 0 or more, got {table[table < 0][0]:.4g}")
    total = float(table.sum())
    if not abs(total - 1) <= SUM_TOLERANCE:
        raise ValueError(
            f"joint: expected a sum of 1, got {total:.4g} (shape {table.shape}); divide counts by their sum first"
        )
    rows, columns = np.nonzero(table)
    # Logarithms are subtracted, because a product of two small marginals could round to 0.
    cells = np.log(table[rows, columns])
    of_rows, of_columns = np.log(table.sum(axis=1)[rows]), np.log(table.sum(axis=0)[columns])
    information = float((table[rows, columns] * (cells - of_rows - of_columns)).sum())
    return max(information, 0.0)
