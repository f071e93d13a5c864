"""Several attentions side by side, each in a projection of its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from course_utils._arguments import FloatArray, as_array, as_count, as_float_array, require_finite, shown
from course_utils.attention.weighting import attention

__all__ = ["multi_head_attention"]


def multi_head_attention(
    x: npt.ArrayLike,
    context: npt.ArrayLike,
    weights: Sequence[npt.ArrayLike],
    n_heads: int,
    mask: npt.ArrayLike | None = None,
) -> FloatArray:
    """Multi-head attention of ``x`` to ``context`` with the weights of a ``keras.layers.MultiHeadAttention``.

    Parameters
    ----------
    x : (…, n, d_x) array_like of float
        What asks; the same array as ``context`` for self-attention.
    context : (…, m, d_c) array_like of float
        What is looked at: keys and values are projections of it.
    weights : sequence of arrays
        As ``layer.get_weights()`` of a built layer returns them. With biases eight: kernel and bias of the queries
        (d_x, h, k) and (h, k), of the keys (d_c, h, k) and (h, k), of the values (d_c, h, v) and (h, v), of the
        output (h, v, o…) and (o…). With ``use_bias=False`` the four kernels.
    n_heads : int
        h, to be sure of it.
    mask : array_like of bool, optional
        Broadcasts to (…, n, m), for all heads alike; true where ``x`` may see ``context``.

    Returns
    -------
    (…, n, o…) float
        o is d_x unless the layer was given an ``output_shape``.

    Raises
    ------
    ValueError
        For weights of another number or shape, not finite or complex; and as
        :func:`~course_utils.attention.attention`.

    Notes
    -----
    Vaswani et al. 2017, *Attention Is All You Need*, section 3.2.2. The scale is 1/√k. A row of ``x`` that may see
    nothing gets the output's bias; Keras's layer, which adds a large negative number instead of −inf, lets it see
    everything. The layer's options ``attention_axes``, ``sliding_window`` and ``use_gate`` are not covered.

    Examples
    --------
    >>> kernels = [np.ones((2, 1, 3)), np.ones((2, 1, 3)), np.eye(2).reshape(2, 1, 2), np.eye(2).reshape(1, 2, 2)]
    >>> multi_head_attention([[1.0, 2.0]], [[3.0, 4.0], [5.0, 4.0]], kernels, 1).round(2)
    array([[5., 4.]])
    """
    heads = as_count("n_heads", n_heads)
    asked, seen = as_float_array("x", x), as_float_array("context", context)
    for name, array in (("x", asked), ("context", seen)):
        if array.ndim < 2:
            raise ValueError(f"{name}: expected shape (…, rows, features), got {array.shape}")
        require_finite(name, array)
    kernels, biases = _split(weights, asked.shape[-1], seen.shape[-1], heads)
    dtype = np.result_type(asked, seen, *kernels)
    working = np.promote_types(dtype, np.float32)
    queries, keys, values = (
        _project(array.astype(working, copy=False), kernel.astype(working, copy=False), bias)
        for array, kernel, bias in zip((asked, seen, seen), kernels[:3], biases[:3], strict=True)
    )
    if mask is not None:
        allowed = as_array("mask", mask)
        mask = np.expand_dims(allowed, -3) if allowed.ndim > 2 else allowed
    # The heads are one more batch axis: (…, h, n, v), then (…, n, h, v), of which the output takes the last two.
    mixed = np.swapaxes(attention(queries, keys, values, mask), -2, -3)
    result = np.tensordot(mixed, kernels[3].astype(working, copy=False), axes=2)
    return np.asarray(result + biases[3]).astype(dtype, copy=False)


def _project(array: FloatArray, kernel: FloatArray, bias: FloatArray | float) -> FloatArray:
    """(…, rows, features) to (…, h, rows, k)."""
    return np.swapaxes(np.tensordot(array, kernel, axes=1) + np.asarray(bias, array.dtype), -2, -3)


def _split(
    weights: Sequence[npt.ArrayLike], d_x: int, d_c: int, heads: int
) -> tuple[list[FloatArray], list[FloatArray | Any]]:
    """The four kernels and the four biases (0.0 where there are none), with shapes that fit."""
    if not isinstance(weights, (list, tuple)) or len(weights) not in (4, 8):
        what = f"{len(weights)} arrays" if isinstance(weights, (list, tuple)) else shown(weights)
        raise ValueError(f"weights: expected a list of 8 arrays, or of 4 without biases, got {what}")
    arrays = [require_finite(f"weights[{i}]", as_float_array(f"weights[{i}]", w)) for i, w in enumerate(weights)]
    step = len(arrays) // 4
    kernels = arrays[::step]
    biases: list[FloatArray | Any] = arrays[1::2] if step == 2 else [0.0] * 4
    key_dim, value_dim = (kernels[i].shape[-1] if kernels[i].ndim == 3 else None for i in (0, 2))
    expected = [(d_x, heads, key_dim), (d_c, heads, key_dim), (d_c, heads, value_dim), (heads, value_dim)]
    for number, (kernel, shape) in enumerate(zip(kernels, expected, strict=True)):
        of_heads, own = (kernel.shape[:2], kernel.shape[2:]) if number == 3 else (kernel.shape, kernel.shape[1:])
        if of_heads != shape or not own:
            form = ", ".join("k" if size is None else str(size) for size in shape)
            raise ValueError(
                f"weights[{number * step}]: expected shape ({form}{', *o' if number == 3 else ''}), "
                f"got {kernel.shape}"
            )
        if step == 2 and biases[number].shape != own:
            raise ValueError(
                f"weights[{number * step + 1}]: expected the bias of shape {own}, got {biases[number].shape}"
            )
    return kernels, biases
