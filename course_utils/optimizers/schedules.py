"""Learning rates that change with the step."""

import math
from collections.abc import Callable

from course_utils._arguments import as_count, require_positive, require_within

__all__ = ["warmup_cosine"]


def warmup_cosine(
    learning_rate: float, steps: int, warmup_steps: int = 0, final: float = 0.0
) -> Callable[[int], float]:
    """A rate that rises in a straight line, then falls along half a cosine.

    Parameters
    ----------
    learning_rate : float
        The highest rate, above 0.
    steps : int
        Of the whole training, 1 or more; afterwards the rate stays at its end.
    warmup_steps : int
        Steps of the rise, from 0 to below ``steps``; with n of them step k < n has k / n of the rate.
    final : float
        Share of the rate that is left at the end, from 0 to 1.

    Returns
    -------
    callable
        From the step, counted from 0, to the rate. A rule takes it as its ``learning_rate``.

    Raises
    ------
    ValueError
        For a number outside of its range.

    Notes
    -----
    Loshchilov and Hutter 2017 (arXiv:1608.03983), without restarts; for the rise Goyal et al.
    2017 (arXiv:1706.02677).
    The same as Keras' ``CosineDecay`` over ``steps − warmup_steps`` steps, with its ``warmup_target``.

    Examples
    --------
    >>> rate = warmup_cosine(0.5, steps=10, warmup_steps=2)
    >>> [round(rate(step), 3) for step in (0, 1, 2, 6, 10)]
    [0.0, 0.25, 0.5, 0.25, 0.0]
    """
    peak, share = require_positive("learning_rate", learning_rate), require_within("final", final, 0, 1)
    length = as_count("steps", steps)
    rise = as_count("warmup_steps", warmup_steps, low=0, high=length - 1)

    def rate(step: int) -> float:
        done = as_count("step", step, low=0)
        if done < rise:
            return peak * done / rise
        fallen = min((done - rise) / (length - rise), 1.0)
        return peak * (share + (1 - share) * (1 + math.cos(math.pi * fallen)) / 2)

    return rate
