"""Steps divided by the size that each gradient usually has: RMSprop, Adam and what was made of it."""

from typing import Any

import numpy as np

from course_utils._arguments import FloatArray, require_within
from course_utils.optimizers.rules import Rate, Rule, as_decay, as_epsilon, as_rate

__all__ = ["adam", "adamw", "amsgrad", "rmsprop"]


def rmsprop(learning_rate: Rate = 1e-3, rho: float = 0.9, epsilon: float = 1e-7) -> Rule:
    """RMSprop: v ← ρ·v + (1 − ρ)·g², and θ ← θ − lr·g / √(v + ε).

    Parameters
    ----------
    learning_rate : float or callable
        lr, 0 or more, or a function of the step from 0.
    rho : float
        ρ, from 0 to below 1.
    epsilon : float
        ε, above 0. It is inside of the root, as in Keras; PyTorch and Hinton's slides have √v + ε.

    Returns
    -------
    Rule

    Raises
    ------
    ValueError
        For a number outside of its range.

    Notes
    -----
    Tieleman and Hinton 2012, *Neural Networks for Machine Learning*, lecture 6.5. v is the mean of the squared
    gradient, its second moment; it knows nothing of second derivatives.

    Examples
    --------
    >>> rule = rmsprop(0.1, rho=0.75)
    >>> parameters, _ = rule.update([np.zeros(2)], [np.array([5.0, -0.001])], rule.init([np.zeros(2)]))
    >>> parameters[0].round(3)
    array([-0.2  ,  0.169])
    """
    share, small = as_decay("rho", rho), as_epsilon(epsilon)

    def step(
        parameter: FloatArray, gradient: FloatArray, memory: tuple[FloatArray, ...], rate: float, number: int
    ) -> tuple[FloatArray, tuple[FloatArray, ...]]:
        squares = share * memory[0] + (1 - share) * gradient**2
        return parameter - rate * gradient / np.sqrt(squares + small), (squares,)

    return Rule(as_rate(learning_rate), ("squares",), step)


def adam(learning_rate: Rate = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> Rule:
    """Adam: a mean of the gradients over the root of a mean of their squares, both corrected for their start at 0.

    m ← β₁·m + (1 − β₁)·g, v ← β₂·v + (1 − β₂)·g², and in step t (from 1)
    θ ← θ − lr · √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε).

    Parameters
    ----------
    learning_rate : float or callable
        lr, 0 or more, or a function of the step from 0.
    beta_1, beta_2 : float
        From 0 to below 1: the shares of the two means that stay.
    epsilon : float
        Above 0, beside √v.

    Returns
    -------
    Rule

    Raises
    ------
    ValueError
        For a number outside of its range.

    Notes
    -----
    Kingma and Ba 2015 (arXiv:1412.6980). This is the form at the end of their section 2, Keras' too. Their
    Algorithm 1 divides by √(v / (1 − β₂ᵗ)) + ε̂ instead: the same with ε̂ = ε / √(1 − β₂ᵗ), so that only where
    gradients are about as small as ε the two differ.

    Examples
    --------
    >>> rule = adam(0.1)
    >>> parameters, _ = rule.update([np.zeros(3)], [np.array([100.0, -0.01, 0.0])], rule.init([np.zeros(3)]))
    >>> parameters[0].round(3)
    array([-0.1,  0.1,  0. ])
    """
    return _adam(learning_rate, beta_1, beta_2, epsilon)


def adamw(
    learning_rate: Rate = 1e-3,
    weight_decay: float = 4e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> Rule:
    """Adam with decoupled weight decay: θ ← θ − lr·λ·θ first, then Adam's step, which does not see λ.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon
        As in :func:`adam`.
    weight_decay : float
        λ, 0 or more. Every parameter is decayed: give biases and the scales of normalisation a rule of their own.

    Returns
    -------
    Rule

    Raises
    ------
    ValueError
        For a number outside of its range.

    Notes
    -----
    Loshchilov and Hutter 2019 (arXiv:1711.05101). λ·θ added to the gradient instead would be divided by √v
    with the rest. The paper's decay is not multiplied by the rate; Keras' and PyTorch's is.

    Examples
    --------
    >>> rule = adamw(0.1, weight_decay=0.5)
    >>> parameters, _ = rule.update([np.array([2.0])], [np.array([0.0])], rule.init([np.array([2.0])]))
    >>> parameters[0]
    array([1.9])
    """
    return _adam(
        learning_rate, beta_1, beta_2, epsilon, decay=require_within("weight_decay", weight_decay, 0, np.inf)
    )


def amsgrad(learning_rate: Rate = 1e-3, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7) -> Rule:
    """Adam that divides by the largest √v so far, so that its step sizes never grow again.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon
        As in :func:`adam`.

    Returns
    -------
    Rule

    Raises
    ------
    ValueError
        For a number outside of its range.

    Notes
    -----
    Reddi, Kale and Kumar 2018 (arXiv:1904.09237), whose algorithm has no correction for the start at 0. As in
    Keras, the largest of the uncorrected squares is kept, and the correction is that of Adam.

    Examples
    --------
    >>> rule = amsgrad(0.1, beta_1=0.0)
    >>> parameters = [np.zeros(1)]
    >>> state = rule.init(parameters)
    >>> for gradient in (100.0, 1.0):
    ...     parameters, state = rule.update(parameters, [np.array([gradient])], state)
    >>> state.slots["largest squares"][0].round(3)
    array([10.])
    """
    return _adam(learning_rate, beta_1, beta_2, epsilon, keep_largest=True)


def _adam(
    learning_rate: Rate,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    *,
    decay: float = 0.0,
    keep_largest: bool = False,
) -> Rule:
    first, second, small = as_decay("beta_1", beta_1), as_decay("beta_2", beta_2), as_epsilon(epsilon)

    def step(
        parameter: FloatArray, gradient: FloatArray, memory: tuple[FloatArray, ...], rate: float, number: int
    ) -> tuple[FloatArray, tuple[FloatArray, ...]]:
        mean, squares, *largest = memory
        mean = mean + (1 - first) * (gradient - mean)
        squares = squares + (1 - second) * (gradient**2 - squares)
        remembered: tuple[FloatArray, ...] = (mean, squares)
        if keep_largest:
            remembered = (mean, squares, np.maximum(largest[0], squares))
        # The powers in the parameters' own dtype, as Keras takes them: in float32 they have their own last digits.
        kind: Any = parameter.dtype.type
        corrected_rate = rate * np.sqrt(1 - kind(second) ** number) / (1 - kind(first) ** number)
        decayed = parameter - parameter * decay * rate
        return decayed - mean * corrected_rate / (np.sqrt(remembered[-1]) + small), remembered

    slots = ("mean", "squares") + ("largest squares",) * keep_largest
    return Rule(as_rate(learning_rate), slots, step)
