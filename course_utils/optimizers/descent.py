"""Stochastic gradient descent, with momentum if wanted."""

from course_utils._arguments import FloatArray, shown
from course_utils.optimizers.rules import Rate, Rule, as_decay, as_rate

__all__ = ["sgd"]


def sgd(learning_rate: Rate = 0.01, momentum: float = 0.0, nesterov: bool = False) -> Rule:
    """Gradient descent: θ ← θ − lr·g; with momentum v ← μ·v − lr·g, and θ ← θ + v.

    Parameters
    ----------
    learning_rate : float or callable
        lr, 0 or more, or a function of the step from 0.
    momentum : float
        μ, from 0 to below 1: the share of the velocity that stays.
    nesterov : bool
        θ ← θ + μ·v − lr·g with the new v: the step that is about to come is looked ahead to. Without
        momentum it changes nothing.

    Returns
    -------
    Rule

    Raises
    ------
    ValueError
        For a negative rate, a momentum outside of [0, 1), or a ``nesterov`` that is no boolean.

    Notes
    -----
    The rate is inside of the velocity, as in Keras: after the rate has changed, the velocity still
    holds steps made with the old one. Paddle, PyTorch and many texts write v ← μ·v + g and θ ← θ − lr·v; while
    lr is constant both are the same. Polyak 1964; Nesterov 1983, in the form of Sutskever et al. 2013.

    Examples
    --------
    >>> import numpy as np
    >>> rule = sgd(0.1, momentum=0.5)
    >>> parameters, gradients = [np.array(1.0)], [np.array(1.0)]
    >>> state = rule.init(parameters)
    >>> for _ in range(2):
    ...     parameters, state = rule.update(parameters, gradients, state)
    >>> parameters[0].round(6), state.slots["velocity"][0].round(6)
    (np.float64(0.75), np.float64(-0.15))
    """
    mu = as_decay("momentum", momentum)
    if not isinstance(nesterov, bool):
        raise ValueError(f"nesterov: expected True or False, got {shown(nesterov)}")

    def plain(
        parameter: FloatArray, gradient: FloatArray, _: tuple[FloatArray, ...], rate: float, step: int
    ) -> tuple[FloatArray, tuple[FloatArray, ...]]:
        return parameter - rate * gradient, ()

    def with_velocity(
        parameter: FloatArray, gradient: FloatArray, memory: tuple[FloatArray, ...], rate: float, step: int
    ) -> tuple[FloatArray, tuple[FloatArray, ...]]:
        velocity = mu * memory[0] - rate * gradient
        return parameter + (mu * velocity - rate * gradient if nesterov else velocity), (velocity,)

    if mu == 0:
        return Rule(as_rate(learning_rate), (), plain)
    return Rule(as_rate(learning_rate), ("velocity",), with_velocity)
