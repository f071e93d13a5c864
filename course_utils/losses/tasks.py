"""Several tasks, one loss: weights learnt from the uncertainty of each task."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import tensorflow as tf

from course_utils._arguments import shown
from course_utils.losses._inputs import as_real_tensor, require_finite

__all__ = ["uncertainty_weighted"]

TaskKind = Literal["regression", "classification"]


def uncertainty_weighted(
    losses: Sequence[Any], log_variances: Any, kinds: Sequence[TaskKind] | None = None
) -> tf.Tensor:
    """Sum over tasks of exp(−s) L / 2 + s / 2, with one learnt log-variance s a task.

    Parameters
    ----------
    losses : sequence of T tensors
        One loss L a task, all of the same shape: numbers, or (N,) with one value an image.
    log_variances : (T,) float
        s = ln σ², trained with the network's weights.
    kinds : sequence of T str, optional
        "regression" (the default for all) or "classification", whose term is exp(−s) L + s / 2.

    Returns
    -------
    tensor of the losses' shape, and of the first one's dtype (float32 for half precision)
        It can be negative.

    Raises
    ------
    ValueError
        For no task, lengths or shapes that differ, or values that are not finite.

    Notes
    -----
    Kendall, Gal and Cipolla 2018, *Multi-Task Learning Using Uncertainty to Weigh Losses*, equations
    7 (regression) and 10. For a fixed L the best s of a regression is ln L, and its weight then 1/L.

    Examples
    --------
    >>> uncertainty_weighted([4.0, 1.0], [0.0, 0.0]).numpy().item()
    2.5
    >>> uncertainty_weighted([4.0, 1.0], [tf.math.log(4.0), 0.0]).numpy().round(4).item()
    1.6931
    """
    try:
        listed = list(losses)
    except TypeError as error:
        raise ValueError(f"losses: expected a sequence with one loss a task, got {shown(losses)}") from error
    parts = [as_real_tensor(f"losses[{number}]", loss) for number, loss in enumerate(listed)]
    s = as_real_tensor("log_variances", log_variances)
    if not parts or s.shape.rank != 1 or s.shape[0] != len(parts):
        raise ValueError(
            f"log_variances: expected one number a loss, {len(parts)} losses (at least one), got shape {s.shape}"
        )
    chosen: Sequence[Any] = ["regression"] * len(parts) if kinds is None else kinds
    if (
        not isinstance(chosen, Sequence)
        or len(chosen) != len(parts)
        or not all(kind in get_args(TaskKind) for kind in chosen)
    ):
        raise ValueError(f'kinds: expected {len(parts)} of "regression" or "classification", got {shown(kinds)}')
    require_finite("log_variances", s)
    for number, part in enumerate(parts):
        if not part.shape.is_compatible_with(parts[0].shape):
            raise ValueError(f"losses[{number}]: expected shape {parts[0].shape} as losses[0], got {part.shape}")
        require_finite(f"losses[{number}]", part)
    terms = [
        tf.exp(-tf.cast(s[number], part.dtype)) * part * (0.5 if kind == "regression" else 1.0)
        + tf.cast(s[number], part.dtype) / 2
        for number, (part, kind) in enumerate(zip(parts, chosen, strict=True))
    ]
    return tf.add_n([tf.cast(term, terms[0].dtype) for term in terms])
