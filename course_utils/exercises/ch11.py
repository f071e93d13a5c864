"""Exercises of chapter 11: gradients and optimisers."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray
from course_utils.exercises import Exercise, Mistake
from course_utils.optimizers import Rule, adam, clip_by_global_norm, clip_by_norm, clip_by_value, sgd

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]
Shape = tuple[int, ...]


def _positions(rule: Rule, gradients: FloatArray) -> FloatArray:
    """From 0, after each step."""
    parameters, positions = [np.zeros(gradients.shape[1])], []
    state = rule.init(parameters)
    for gradient in gradients:
        parameters, state = rule.update(parameters, [gradient], state)
        positions.append(parameters[0])
    return np.array(positions)


def _directional(gradient: FloatArray, direction: FloatArray) -> Any:
    return gradient @ direction / np.linalg.norm(direction)


def _directional_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([3.0, 4.0]), np.array([1.0, 0.0])
    yield np.array([3.0, 4.0]), np.array([0.0, -2.0])
    yield np.array([1.0, 2.0]), np.array([-4.0, 2.0])  # along the contour
    for size in (1, 3, 7):
        yield rng.normal(size=size), rng.normal(size=size) * 10 ** rng.uniform(-2, 2)
    yield rng.normal(size=4).astype(np.float32), rng.normal(size=4).astype(np.float32)


def _unbroadcast(slope: FloatArray, shape: Shape) -> Any:
    slope = slope.sum(axis=tuple(range(slope.ndim - len(shape))))
    return slope.sum(axis=tuple(k for k, size in enumerate(shape) if size == 1), keepdims=True)


def _front_only(slope: FloatArray, shape: Shape) -> Any:
    return slope.sum(axis=tuple(range(slope.ndim - len(shape))))


def _ones_only(slope: FloatArray, shape: Shape) -> Any:
    return slope.sum(axis=tuple(k for k, size in enumerate(shape) if size == 1), keepdims=True)


def _mean_instead(slope: FloatArray, shape: Shape) -> Any:
    return _unbroadcast(slope, shape) * (np.prod(shape) / slope.size)


def _first_copy(slope: FloatArray, shape: Shape) -> Any:
    part = slope[(0,) * (slope.ndim - len(shape))]
    return part[tuple(slice(0, size) for size in shape)]


def _no_keepdims(slope: FloatArray, shape: Shape) -> Any:
    return np.squeeze(_unbroadcast(slope, shape))


def _unbroadcast_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), (2,)
    yield np.array([[1.0, 2.0], [3.0, 4.0]]), (2, 1)
    yield np.arange(6.0).reshape(2, 3), ()
    yield rng.normal(size=(4, 3)), (1, 3)
    yield rng.normal(size=(4, 3)), (4, 3)
    yield rng.normal(size=(2, 5, 3)), (5, 1)
    yield rng.normal(size=(5, 5, 5)), (1, 5)
    yield rng.normal(size=(3, 1, 2)).astype(np.float32), (1, 1, 2)


def _momentum(gradients: FloatArray, rates: FloatArray, mu: float) -> Any:
    return _positions(sgd(lambda step: rates[step], momentum=mu), gradients)


def _momentum_by(
    step: Callable[[FloatArray, FloatArray, float, float], tuple[FloatArray, FloatArray]],
) -> Callable[..., Any]:
    """The positions for a rule (velocity, gradient, rate, μ) -> (velocity, displacement)."""

    def answer(gradients: FloatArray, rates: FloatArray, mu: float) -> Any:
        velocity: FloatArray = np.zeros(gradients.shape[1])
        moved, positions = velocity, []
        for gradient, rate in zip(gradients, rates, strict=True):
            velocity, displacement = step(velocity, gradient, rate, mu)
            moved = moved + displacement
            positions.append(moved)
        return np.array(positions)

    return answer


_rate_outside = _momentum_by(lambda v, g, rate, mu: (mu * v + g, -rate * (mu * v + g)))
_averaged = _momentum_by(lambda v, g, rate, mu: (mu * v - (1 - mu) * rate * g,) * 2)
_nesterov = _momentum_by(lambda v, g, rate, mu: (mu * v - rate * g, mu * (mu * v - rate * g) - rate * g))
_old_velocity = _momentum_by(lambda v, g, rate, mu: (mu * v - rate * g, v))
_without = _momentum_by(lambda v, g, rate, mu: (v, -rate * g))
_uphill = _momentum_by(lambda v, g, rate, mu: (mu * v + rate * g,) * 2)


def _momentum_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.ones((3, 1)), np.array([1.0, 1.0, 0.1]), 0.5
    yield np.array([[1.0, -2.0], [0.0, 0.0], [3.0, 1.0]]), np.array([0.1, 0.2, 0.05]), 0.9
    for steps, size, mu in ((1, 2, 0.9), (6, 3, 0.99), (5, 1, 0.0), (8, 2, 0.7)):
        yield rng.normal(size=(steps, size)), rng.uniform(0.01, 1, steps), mu
    yield rng.normal(size=(4, 2)).astype(np.float32), np.array([0.5, 0.2, 0.1, 0.05], np.float32), 0.9


def _adam(gradients: FloatArray, rate: float) -> Any:
    return _positions(adam(rate), gradients)


def _adam_by(
    *, corrected: str = "both", epsilon: str = "outside", b1: float = 0.9, b2: float = 0.999, squares: bool = True
) -> Callable[..., Any]:
    def answer(gradients: FloatArray, rate: float) -> Any:
        m, s, moved, positions = *np.zeros((2, gradients.shape[1])), np.zeros(gradients.shape[1]), []
        for t, g in enumerate(gradients, start=1 if corrected != "late" else 2):
            m, s = b1 * m + (1 - b1) * g, b2 * s + (1 - b2) * g**2
            first = m / (1 - b1**t) if corrected in ("both", "first", "late", "algorithm 1") else m
            second = s / (1 - b2**t) if corrected in ("both", "late", "algorithm 1") else s
            small = (
                1e-7
                if corrected == "algorithm 1" or corrected not in ("both", "late")
                else 1e-7 / np.sqrt(1 - b2**t)
            )
            size = np.sqrt(second + 1e-7) if epsilon == "inside" else np.sqrt(second) + small
            moved = moved - rate * first / (size if squares else 1)
            positions.append(moved)
        return np.array(positions)

    return answer


def _adam_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[1.0], [1.0]]), 0.1
    yield np.array([[1.0, -100.0], [0.0, 3.0], [2.0, 0.0]]), 0.01
    yield np.array([[1e-6, 1e-8, 0.0]] * 3), 1.0  # about as small as ε
    for steps, size in ((1, 3), (7, 2), (30, 1)):
        yield rng.normal(size=(steps, size)) * 10 ** rng.uniform(-3, 3, size), 0.1
    yield rng.normal(size=(5, 2)).astype(np.float32), 0.01


def _both(weights: FloatArray, bias: FloatArray) -> list[FloatArray]:
    return [weights, bias[np.newaxis]]


def _clip(weights: FloatArray, bias: FloatArray, limit: float) -> Any:
    return np.concatenate(clip_by_global_norm(_both(weights, bias), limit))


def _always_scaled(weights: FloatArray, bias: FloatArray, limit: float) -> Any:
    both = np.concatenate(_both(weights, bias))
    norm = np.linalg.norm(both)
    return both * (limit / norm if norm else 1.0)


def _spectral(weights: FloatArray, bias: FloatArray, limit: float) -> Any:
    both = np.concatenate(_both(weights, bias))
    return both * min(1, limit / max(float(np.linalg.norm(both, 2)), 1e-30))


def _squared(weights: FloatArray, bias: FloatArray, limit: float) -> Any:
    both = np.concatenate(_both(weights, bias))
    return both * min(1, limit / max(float(np.sum(both**2)), 1e-30))


def _sum_of_norms(weights: FloatArray, bias: FloatArray, limit: float) -> Any:
    both = np.concatenate(_both(weights, bias))
    return both * min(1, limit / max(float(np.linalg.norm(weights) + np.linalg.norm(bias)), 1e-30))


def _divided_by_0(weights: FloatArray, bias: FloatArray, limit: float) -> Any:
    both = np.concatenate(_both(weights, bias))
    return both * (limit / np.linalg.norm(both)) if not both.any() else _clip(weights, bias, limit)


def _clip_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[3.0]]), np.array([4.0]), 1.0
    yield np.array([[0.3], [0.0]]), np.array([0.4]), 1.0  # small enough
    yield np.array([[30.0, 0.0], [0.0, 0.2]]), np.array([0.1, 0.0]), 2.0
    yield np.zeros((2, 3)), np.zeros(3), 1.0
    for n, k, limit in ((4, 3, 1.0), (1, 5, 0.1), (6, 2, 50.0)):
        yield rng.normal(size=(n, k)), 5 * rng.normal(size=k), limit
    yield rng.normal(size=(3, 2)).astype(np.float32), rng.normal(size=2).astype(np.float32), 0.5


def _backprop(x: FloatArray, w1: FloatArray, w2: FloatArray, target: FloatArray) -> Any:
    return _backprop_by(x, w1, w2, target)


def _backprop_by(
    x: FloatArray,
    w1: FloatArray,
    w2: FloatArray,
    target: FloatArray,
    *,
    mask: str = "sums",
    factor: float = 2.0,
    count: str = "all",
    sign: int = 1,
) -> Any:
    sums = x @ w1
    hidden = np.maximum(sums, 0)
    error = factor * sign * (hidden @ w2 - target) / {"all": target.size, "rows": len(target), "none": 1}[count]
    open_ = {"sums": sums > 0, "none": np.ones_like(sums), "values": hidden, "from 0": sums >= 0}[mask]
    return x.T @ ((error @ w2.T) * open_)


def _backprop_mistake(**settings: Any) -> Callable[..., Any]:
    return lambda x, w1, w2, target: _backprop_by(x, w1, w2, target, **settings)


def _backprop_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield np.array([[1.0, 2.0]]), np.array([[1.0, -1.0], [1.0, 0.0]]), np.array([[1.0], [2.0]]), np.array([[1.0]])
    yield np.array([[1.0], [-1.0]]), np.array([[0.5, 0.0]]), np.array([[1.0, 1.0], [2.0, -1.0]]), np.zeros((2, 2))
    for n, d, h, k in ((3, 2, 4, 2), (5, 4, 3, 1), (1, 3, 6, 5), (8, 2, 2, 3)):
        yield rng.normal(size=(n, d)), rng.normal(size=(d, h)), rng.normal(size=(h, k)), rng.normal(size=(n, k))
    sizes = ((4, 3), (3, 5), (5, 2), (4, 2))
    yield tuple(rng.normal(size=size).astype(np.float32) for size in sizes)


EXERCISES: dict[str, Exercise] = {
    "optimizers.directional": Exercise(
        reference=_directional,
        cases=_directional_cases,
        hint="The formula wants a direction of length 1. How do you give a vector that length?",
        mistakes=(
            Mistake(
                lambda gradient, direction: gradient @ direction,
                "Often: the direction was not brought to length 1. The slope would depend on the length of the "
                "arrow.",
            ),
            Mistake(
                lambda gradient, direction: gradient @ direction / (direction @ direction),
                "Often: divided by the squared length. Divide by the length.",
            ),
            Mistake(
                lambda gradient, direction: (
                    gradient @ direction / np.linalg.norm(direction) / np.linalg.norm(gradient)
                ),
                "Often: the cosine of the angle. The slope is the cosine times the gradient's length.",
            ),
            Mistake(lambda gradient, direction: np.linalg.norm(gradient), "Often: the largest slope of all."),
            Mistake(
                lambda gradient, direction: np.abs(_directional(gradient, direction)),
                "Often: without its sign. Downhill, a slope is negative.",
            ),
        ),
    ),
    "optimizers.unbroadcast": Exercise(
        reference=_unbroadcast,
        cases=_unbroadcast_cases,
        hint="Every copy hands down its slope, and all are added up. Which axes are new? Which had length 1?",
        mistakes=(
            Mistake(
                _front_only,
                "Often: only the axes that were put in front are added up. One of length 1 in the shape is "
                "stretched too.",
            ),
            Mistake(_ones_only, "Often: the axes that were put in front are not added up."),
            Mistake(
                _mean_instead,
                "Often: the mean. Every copy contributes in full: the slopes are added up.",
            ),
            Mistake(_first_copy, "Often: one copy alone. The others contribute too."),
            Mistake(_no_keepdims, "Often: axes of length 1 got lost. keepdims=True keeps them."),
        ),
    ),
    "optimizers.momentum": Exercise(
        reference=_momentum,
        cases=_momentum_cases,
        hint="In each step: the new velocity from the old one and this step's rate and gradient; then move by it.",
        mistakes=(
            Mistake(
                _rate_outside,
                "Often: the rate outside of the velocity, as in PyTorch. Here a gradient enters the velocity with "
                "the rate of its own step.",
            ),
            Mistake(_averaged, "Often: the gradient times 1 − μ, as in a mean. The velocity is a sum."),
            Mistake(_nesterov, "Often: Nesterov's step. Here the position moves by the velocity itself."),
            Mistake(_old_velocity, "Often: moved by the old velocity. First the velocity, then the position."),
            Mistake(_without, "Often: no velocity: this is plain gradient descent."),
            Mistake(_uphill, "Often: uphill. The sign of the gradient's term is negative."),
        ),
    ),
    "optimizers.adam": Exercise(
        reference=_adam,
        cases=_adam_cases,
        hint="Count steps from 1. Two means, both corrected by one factor in front: √(1 − 0.999ᵗ) / (1 − 0.9ᵗ).",
        mistakes=(
            Mistake(
                _adam_by(corrected="none"), "Often: no correction for the start at 0. Then the first steps leap."
            ),
            Mistake(
                _adam_by(corrected="first"),
                "Often: only the mean is corrected. The mean of the squares started at 0 too.",
            ),
            Mistake(_adam_by(corrected="late"), "Often: steps counted one too high. The first step has t = 1."),
            Mistake(
                _adam_by(corrected="algorithm 1"),
                "Often: ε added to the corrected root, as in Algorithm 1 of the paper. Keras takes the raw one.",
            ),
            Mistake(_adam_by(epsilon="inside"), "Often: ε inside of the root, as in Keras' RMSprop."),
            Mistake(_adam_by(b1=0.999, b2=0.9), "Often: the two betas the other way round."),
            Mistake(_adam_by(squares=False), "Often: not divided by the root of the squares."),
            Mistake(lambda gradients, rate: -_adam(gradients, rate), "Often: uphill. The step is subtracted."),
        ),
    ),
    "optimizers.clip": Exercise(
        reference=_clip,
        cases=_clip_cases,
        hint="One norm over all numbers together, and one factor for all of them; never above 1.",
        mistakes=(
            Mistake(_always_scaled, "Often: scaled up as well. A gradient that is small enough stays as it is."),
            Mistake(
                lambda weights, bias, limit: np.concatenate(clip_by_norm(_both(weights, bias), limit)),
                "Often: each array by its own norm. That turns the gradient as a whole.",
            ),
            Mistake(
                lambda weights, bias, limit: np.concatenate(clip_by_value(_both(weights, bias), limit)),
                "Often: each number by itself. That turns the gradient.",
            ),
            Mistake(_spectral, "Often: norm(…, 2) of a matrix, which is its largest singular value."),
            Mistake(_squared, "Often: the square of the norm."),
            Mistake(_sum_of_norms, "Often: the sum of the two norms. Squares are added, then the root is taken."),
            Mistake(_divided_by_0, "Often: 0 divided by 0. A gradient of 0 has a norm of 0."),
        ),
    ),
    "optimizers.backprop": Exercise(
        reference=_backprop,
        cases=_backprop_cases,
        hint="Backwards: slopes by the outputs, (N, K); by the hidden values, (N, H); by the sums, (N, H); by w1.",
        mistakes=(
            Mistake(
                _backprop_mistake(mask="none"), "Often: the ReLU's slope is missing. Closed units hand down 0."
            ),
            Mistake(
                _backprop_mistake(mask="values"), "Often: times the ReLU's value in place of its slope, 0 or 1."
            ),
            Mistake(_backprop_mistake(mask="from 0"), "Often: a slope of 1 at exactly 0. Here it is 0."),
            Mistake(_backprop_mistake(factor=1.0), "Often: the factor 2 of the square is missing."),
            Mistake(_backprop_mistake(count="rows"), "Often: divided by N. The mean is over all N × K elements."),
            Mistake(_backprop_mistake(count="none"), "Often: the sum in place of the mean."),
            Mistake(_backprop_mistake(sign=-1), "Often: target minus output: the sign is reversed."),
        ),
    ),
}
