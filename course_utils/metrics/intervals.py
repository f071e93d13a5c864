"""Confidence intervals: over seeds (few, roughly normal) and over samples (many, any statistic)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from course_utils._arguments import (
    IntArray,
    as_array,
    as_count,
    as_float_array,
    as_number,
    require_generator,
    shown,
)

__all__ = ["bootstrap_interval", "mean_interval", "percentile_interval", "resample_counts"]


def bootstrap_interval(
    values: npt.ArrayLike,
    statistic: Callable[[npt.NDArray[Any]], float],
    n: int,
    level: float,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a statistic over samples.

    Parameters
    ----------
    values : (N, …) array_like
        One row a sample; rows are drawn with replacement.
    statistic : callable
        Takes resampled rows in the form and dtype of ``values``, returns one finite number.
    n : int
        Number of resamples, 1 or more (1,000 and more for a level of 0.95).
    level : float
        In (0, 1).
    rng : numpy.random.Generator

    Returns
    -------
    (low, high) : tuple of float

    Raises
    ------
    ValueError
        For no sample, NaN, n below 1, a level outside (0, 1), or a statistic that is not one finite
        number.

    Notes
    -----
    Efron and Tibshirani 1993, *An Introduction to the Bootstrap*, section 13.3. It says how the
    statistic would vary with other samples of the same kind, not with another training run.

    Examples
    --------
    >>> low, high = bootstrap_interval([0, 1] * 50, np.mean, 1000, 0.95, np.random.default_rng(0))
    >>> 0.38 < low < 0.43 and 0.57 < high < 0.62
    True
    """
    rows = as_array("values", values)
    if rows.dtype != bool:
        as_float_array("values", values)
    if rows.ndim == 0 or len(rows) == 0:
        raise ValueError(f"values: expected at least one sample, got shape {rows.shape}")
    count = as_count("n", n)
    _require_level(level)
    require_generator(rng)
    draws = []
    for _ in range(count):
        draw = np.asarray(statistic(rows[rng.integers(len(rows), size=len(rows))]))
        if draw.ndim != 0 or draw.dtype.kind not in "biuf" or not np.isfinite(draw):
            raise ValueError(f"statistic: expected one finite number, got {draw!r}")
        draws.append(draw)
    return percentile_interval(np.stack(draws), level)


def resample_counts(n_samples: int, n: int, rng: np.random.Generator) -> IntArray:
    """How often each sample is drawn in each of n resamples with replacement.

    The resamples are those of :func:`bootstrap_interval` with the same generator. For statistics
    that can be computed from such counts for many resamples at once.

    Parameters
    ----------
    n_samples, n : int
        1 or more.
    rng : numpy.random.Generator

    Returns
    -------
    (n, n_samples) int
        Each row sums to ``n_samples``.

    Raises
    ------
    ValueError
        For a number below 1 or another ``rng``.

    Examples
    --------
    >>> resample_counts(4, 2, np.random.default_rng(0))
    array([[0, 1, 2, 1], [3, 1, 0, 0]])
    """
    size, count = as_count("n_samples", n_samples), as_count("n", n)
    require_generator(rng)
    return np.stack([np.bincount(rng.integers(size, size=size), minlength=size) for _ in range(count)])


def percentile_interval(draws: npt.ArrayLike, level: float) -> tuple[float, float]:
    """Interval that holds the middle of resampled statistics, those that are NaN left out.

    Parameters
    ----------
    draws : (n,) array_like
        At least one that is not NaN.
    level : float
        In (0, 1).

    Returns
    -------
    (low, high) : tuple of float

    Raises
    ------
    ValueError
        For another rank, no value, or a level outside (0, 1).

    Examples
    --------
    >>> percentile_interval([0, 1, 2, 3, 4], 0.5)
    (1.0, 3.0)
    """
    values = as_array("draws", draws)
    if values.dtype.kind not in "fiu":
        raise ValueError(f"draws: expected real numbers, got dtype {values.dtype}")
    if values.ndim != 1 or np.isnan(values).all():
        raise ValueError(f"draws: expected shape (n,) and a number among them, got {values.shape} {shown(values)}")
    _require_level(level)
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def mean_interval(values: npt.ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Mean of a few repeated runs and the half-width of its confidence interval.

    Parameters
    ----------
    values : (N,) array_like
        One result a run (a seed), N ≥ 2.
    level : float
        In (0, 1).

    Returns
    -------
    (mean, half_width) : tuple of float
        The interval is mean ± half_width, by Student's t with N − 1 degrees of freedom.

    Raises
    ------
    ValueError
        For fewer than two values, values that are not finite, another rank, or a level outside (0, 1).

    Examples
    --------
    >>> mean, half_width = mean_interval([90.0, 91.0, 92.0])
    >>> round(mean, 2), round(half_width, 2)
    (91.0, 2.48)
    """
    runs = as_float_array("values", values, rank=1).astype(np.float64)
    if len(runs) < 2 or not np.isfinite(runs).all():
        raise ValueError(f"values: expected two finite numbers or more, got {runs.tolist()}")
    _require_level(level)
    half_width = stats.t.ppf((1 + level) / 2, len(runs) - 1) * runs.std(ddof=1) / np.sqrt(len(runs))
    return float(runs.mean()), float(half_width)


def _require_level(level: float) -> None:
    if not 0 < as_number("level", level, "a number between 0 and 1") < 1:
        raise ValueError(f"level: expected a number between 0 and 1, got {shown(level)}")
