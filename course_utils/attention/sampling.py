"""Hard attention that a gradient can pass: samples of one key, relaxed to weights."""

import numpy as np
import numpy.typing as npt

from course_utils._arguments import FloatArray, as_class_scores, require_generator, shown
from course_utils.softmax import softmax

__all__ = ["gumbel_softmax"]


def gumbel_softmax(
    logits: npt.ArrayLike, temperature: float, rng: np.random.Generator, hard: bool = False
) -> FloatArray:
    """Softmax of the logits plus Gumbel noise, over a temperature: a random, nearly one-hot vector.

    Parameters
    ----------
    logits : (…, K) array_like of float
        K ≥ 1; −inf hides an entry, which then is never drawn.
    temperature : float
        Above 0. The lower, the closer to one-hot; the place of the maximum is the same at every temperature.
    rng : numpy.random.Generator
    hard : bool
        Return the maximum as a one-hot vector: an exact sample from ``softmax(logits)``. A framework that
        differentiates uses it forwards and the soft one backwards (straight-through); NumPy only goes forwards.

    Returns
    -------
    (…, K) float
        In [0, 1], with sums of 1 along the last axis.

    Raises
    ------
    ValueError
        As :func:`course_utils.softmax.softmax`, and for another ``rng``.

    Notes
    -----
    Jang, Gu and Poole 2017, *Categorical Reparameterization with Gumbel-Softmax*; Maddison, Mnih and Teh 2017,
    *The Concrete Distribution*. That the maximum is a sample of the softmax: Gumbel 1954.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> samples = gumbel_softmax(np.broadcast_to(np.log([0.1, 0.2, 0.7]), (10_000, 3)), 0.5, rng, hard=True)
    >>> samples.mean(axis=0).round(2)
    array([0.1, 0.2, 0.7])
    """
    if not isinstance(hard, (bool, np.bool_)):
        raise ValueError(f"hard: expected True or False, got {shown(hard)}")
    scores, _ = as_class_scores("logits", logits, -1)
    require_generator(rng)
    working = scores.astype(np.promote_types(scores.dtype, np.float32), copy=False)
    noisy = working + rng.gumbel(size=scores.shape).astype(working.dtype)
    soft = softmax(noisy, temperature=temperature)
    if not hard:
        return soft.astype(scores.dtype, copy=False)
    # Of the noisy scores, not of their softmax, in which two may round to the same weight.
    return np.asarray(np.arange(scores.shape[-1]) == noisy.argmax(axis=-1)[..., np.newaxis], scores.dtype)
