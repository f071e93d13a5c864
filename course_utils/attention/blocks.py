"""The same attention without the table of all weights: one block of keys after the other."""

import numpy as np
import numpy.typing as npt

from course_utils._arguments import FloatArray, as_count
from course_utils.attention._inputs import as_values, checked_inputs, masked_scores, reached

__all__ = ["blockwise_attention"]


def blockwise_attention(
    queries: npt.ArrayLike,
    keys: npt.ArrayLike,
    values: npt.ArrayLike,
    block_size: int,
    mask: npt.ArrayLike | None = None,
    scale: float | None = None,
) -> FloatArray:
    """What :func:`~course_utils.attention.attention` returns, up to rounding, in memory for n × block_size scores.

    Parameters
    ----------
    queries, keys, values, mask, scale
        As in :func:`~course_utils.attention.attention`. A mask that broadcasts is never written out.
    block_size : int
        Keys that are looked at together, 1 or more; beyond m it is m.

    Returns
    -------
    (…, n, v) float

    Raises
    ------
    ValueError
        As :func:`~course_utils.attention.attention`, and for a block size below 1.

    Notes
    -----
    For each query it keeps the highest score so far, the sum of the exponentials relative to it, and the mean of
    the values so far; a block with a higher score shrinks what came before by exp(old − new). Milakov and
    Gimelshein 2018, *Online normalizer calculation for softmax*; Rabe and Staats 2021, *Self-attention Does Not
    Need O(n²) Memory*; Dao et al. 2022, *FlashAttention*, which does it in a processor's fast memory.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> q, k, v = rng.normal(size=(5, 4)), rng.normal(size=(9, 4)), rng.normal(size=(9, 3))
    >>> blockwise_attention(q, k, v, block_size=2).shape
    (5, 3)
    >>> from course_utils.attention import attention
    >>> bool(np.allclose(blockwise_attention(q, k, v, block_size=2), attention(q, k, v)))
    True
    """
    size = as_count("block_size", block_size)
    rows = as_values(values)
    inputs = checked_inputs(queries, keys, mask, scale, rows)
    dtype = np.result_type(inputs.dtype, rows)
    working = np.promote_types(inputs.queries.dtype, dtype)
    n, m = inputs.queries.shape[-2], inputs.keys.shape[-2]
    infinite = np.isneginf(rows)
    finite = np.where(infinite, 0, rows).astype(working, copy=False)
    mean = np.zeros((*inputs.leading, n, rows.shape[-1]), working)
    lost = np.zeros(mean.shape, bool)
    top: FloatArray = np.full((*inputs.leading, n, 1), -np.inf, inputs.queries.dtype)
    total = np.zeros_like(top)
    for start in range(0, m, size):
        block = slice(start, start + size)
        scores = masked_scores(inputs, block)
        if infinite.any():
            lost |= reached(scores, infinite[..., block, :])
        highest = np.maximum(top, scores.max(axis=-1, keepdims=True))
        reference = np.where(np.isneginf(highest), 0, highest)
        with np.errstate(over="ignore"):  # a difference beyond the dtype's range is −inf: weight 0
            exponentials = np.exp(scores - reference)
            kept = total * np.exp(top - reference)
        top, total = highest, kept + exponentials.sum(axis=-1, keepdims=True)
        divisor = np.where(total > 0, total, 1)
        # The mean so far is kept, not the sum: it never leaves the range of the values.
        mean = mean * (kept / divisor) + (exponentials / divisor) @ finite[..., block, :]
    return np.where(lost, -np.inf, mean).astype(dtype, copy=False)
