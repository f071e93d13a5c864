"""Confidence intervals: over seeds (few, roughly normal) and over samples (many, any statistic)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from course_utils.validation import as_float_array

__all__ = ["bootstrap_interval", "mean_interval"]


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
    rows = np.asarray(values)
    if rows.dtype != bool:
        as_float_array("values", rows)
    if rows.ndim == 0 or len(rows) == 0:
        raise ValueError(f"values: expected at least one sample, got shape {rows.shape}")
    if n < 1:
        raise ValueError(f"n: expected at least one resample, got {n}")
    _require_level(level)
    draws = [np.asarray(statistic(rows[rng.integers(len(rows), size=len(rows))])) for _ in range(n)]
    if any(draw.ndim != 0 or not np.isfinite(draw) for draw in draws):
        odd = next(draw for draw in draws if draw.ndim != 0 or not np.isfinite(draw))
        raise ValueError(f"statistic: expected one finite number, got {odd!r}")
    low, high = np.quantile(np.stack(draws), [(1 - level) / 2, (1 + level) / 2])
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
    if not isinstance(level, (float, np.floating)) or not 0 < level < 1:
        raise ValueError(f"level: expected a number between 0 and 1, got {level!r}")
