"""Exercises of chapter 10: backbones."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray
from course_utils.exercises import Exercise, Mistake

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]
Layers = list[tuple[int, int, int]]


def _output_size(side: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    if padding == "same":
        return -(-side // stride)
    return (side - (kernel - 1) * dilation - 1) // stride + 1


def _valid_only(change: Callable[[int, int, int, int], int]) -> Callable[..., Any]:
    """A mistake in the formula without padding; "same" is right."""

    def answer(side: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
        if padding == "same":
            return _output_size(side, kernel, stride, dilation, padding)
        return change(side, kernel, stride, dilation)

    return answer


def _rounded_down(side: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    return side // stride if padding == "same" else _output_size(side, kernel, stride, dilation, padding)


def _size_cases(rng: np.random.Generator) -> Iterator[Case]:
    for padding in ("valid", "same"):
        yield (7, 3, 2, 1, padding)
        yield (8, 3, 2, 2, padding)
        yield (9, 1, 2, 1, padding)
        for left_over in (0, 0, 1, 1):  # pixels behind the last place of the kernel
            kernel, dilation, stride = (int(rng.integers(low, 6)) for low in (2, 2, 2))
            side = (kernel - 1) * dilation + 1 + stride * int(rng.integers(5, 12)) + left_over
            yield (side, kernel, stride, dilation, padding)


def _dilated_field(layers: Layers) -> int:
    field = step = 1
    for kernel, stride, dilation in layers:
        field += (kernel - 1) * dilation * step
        step *= stride
    return field


def _walk(grow: Callable[[int, int, int, int], int], stride_first: bool = False) -> Callable[[Layers], int]:
    """A mistake in what a layer adds: ``grow(kernel, stride, dilation, step)``."""

    def answer(layers: Layers) -> int:
        field = step = 1
        for kernel, stride, dilation in layers:
            step *= stride if stride_first else 1
            field += grow(kernel, stride, dilation, step)
            step *= 1 if stride_first else stride
        return field

    return answer


def _field_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield ([(3, 1, 2)],)
    yield ([(3, 2, 1), (3, 1, 2)],)
    yield ([(1, 1, 1)],)
    for length in (3, 4, 6):
        yield (
            [
                (int(k), int(s), int(d))
                for k, s, d in zip(
                    rng.integers(2, 6, length), rng.integers(2, 4, length), rng.integers(2, 5, length), strict=True
                )
            ],
        )


def _separable_macs(height: int, width: int, channels: int, filters: int, kernel: int) -> int:
    return height * width * channels * (kernel**2 + filters)


def _cost_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (4, 5, 2, 3, 3)
    yield (14, 14, 64, 128, 3)
    for _ in range(4):
        yield tuple(int(n) for n in (*rng.integers(5, 40, 2), *rng.integers(3, 90, 2), rng.choice([3, 5, 7])))


def _batch_norm(x: FloatArray, gamma: FloatArray, beta: FloatArray, epsilon: float) -> Any:
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def _normed(x: FloatArray, axes: tuple[int, ...], epsilon: float, **options: Any) -> FloatArray:
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True, **options)
    return np.asarray((x - mean) / np.sqrt(variance + epsilon))


def _every_axis_but_last(x: FloatArray) -> tuple[int, ...]:
    return tuple(range(x.ndim - 1))


def _root_then_epsilon(x: FloatArray, gamma: FloatArray, beta: FloatArray, epsilon: float) -> Any:
    axes = _every_axis_but_last(x)
    return gamma * (x - x.mean(axis=axes)) / (x.std(axis=axes) + epsilon) + beta


def _variance_for_deviation(x: FloatArray, gamma: FloatArray, beta: FloatArray, epsilon: float) -> Any:
    axes = _every_axis_but_last(x)
    return gamma * (x - x.mean(axis=axes)) / (x.var(axis=axes) + epsilon) + beta


def _norm_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[1.0, 10.0], [3.0, 30.0]]), np.ones(2), np.zeros(2), 0.5)
    yield (np.full((3, 2), 4.0), np.array([2.0, 3.0]), np.array([1.0, -1.0]), 1e-3)
    for shape in ((4, 2, 3, 2), (2, 5, 4, 3), (6, 3), (1, 3, 3, 4)):
        channels = shape[-1]
        yield (
            rng.normal(rng.uniform(-3, 3), 2, shape),
            rng.uniform(0.5, 2, channels),
            rng.normal(0, 1, channels),
            float(rng.uniform(0.1, 0.9)),
        )


def _batch_norm_gradient(x: FloatArray, gamma: FloatArray, upstream: FloatArray, epsilon: float) -> Any:
    axes = _every_axis_but_last(x)
    normed = _normed(x, axes, epsilon)
    inverse = 1 / np.sqrt(x.var(axis=axes) + epsilon)
    centred = upstream - upstream.mean(axis=axes) - normed * (upstream * normed).mean(axis=axes)
    return gamma * inverse * centred


def _pieces(x: FloatArray, epsilon: float) -> tuple[tuple[int, ...], FloatArray, FloatArray]:
    axes = _every_axis_but_last(x)
    return axes, _normed(x, axes, epsilon), np.asarray(1 / np.sqrt(x.var(axis=axes) + epsilon))


def _statistics_constant(x: FloatArray, gamma: FloatArray, upstream: FloatArray, epsilon: float) -> Any:
    return gamma * _pieces(x, epsilon)[2] * upstream


def _mean_only(x: FloatArray, gamma: FloatArray, upstream: FloatArray, epsilon: float) -> Any:
    axes, _, inverse = _pieces(x, epsilon)
    return gamma * inverse * (upstream - upstream.mean(axis=axes))


def _variance_only(x: FloatArray, gamma: FloatArray, upstream: FloatArray, epsilon: float) -> Any:
    axes, normed, inverse = _pieces(x, epsilon)
    return gamma * inverse * (upstream - normed * (upstream * normed).mean(axis=axes))


def _sums_for_means(x: FloatArray, gamma: FloatArray, upstream: FloatArray, epsilon: float) -> Any:
    axes, normed, inverse = _pieces(x, epsilon)
    return gamma * inverse * (upstream - upstream.sum(axis=axes) - normed * (upstream * normed).sum(axis=axes))


def _without_gamma(x: FloatArray, gamma: FloatArray, upstream: FloatArray, epsilon: float) -> Any:
    return _batch_norm_gradient(x, gamma, upstream, epsilon) / gamma


def _gradient_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[1.0], [3.0]]), np.array([2.0]), np.array([[1.0], [0.0]]), 1.0)
    for shape in ((4, 2, 3, 2), (2, 5, 4, 3), (6, 3), (1, 3, 3, 4)):
        yield (
            rng.normal(rng.uniform(-3, 3), 2, shape),
            rng.uniform(0.5, 0.9, shape[-1]),
            rng.normal(0.5, 1, shape),
            float(rng.uniform(0.1, 0.9)),
        )


def _fold(
    weights: FloatArray,
    bias: FloatArray,
    gamma: FloatArray,
    beta: FloatArray,
    mean: FloatArray,
    variance: FloatArray,
    epsilon: float,
) -> Any:
    scale = gamma / np.sqrt(variance + epsilon)
    return np.vstack([weights * scale, (bias - mean) * scale + beta])


def _fold_with(scale: Callable[..., FloatArray], bias: Callable[..., FloatArray]) -> Callable[..., Any]:
    """A folding from other formulas: ``scale(gamma, variance, epsilon)``, ``bias(bias, mean, scale, beta)``."""

    def answer(
        weights: FloatArray,
        offset: FloatArray,
        gamma: FloatArray,
        beta: FloatArray,
        mean: FloatArray,
        variance: FloatArray,
        epsilon: float,
    ) -> Any:
        factor = scale(gamma, variance, epsilon)
        return np.vstack([weights * factor, bias(offset, mean, factor, beta)])

    return answer


def _right_scale(gamma: FloatArray, variance: FloatArray, epsilon: float) -> FloatArray:
    return np.asarray(gamma / np.sqrt(variance + epsilon))


def _right_bias(bias: FloatArray, mean: FloatArray, scale: FloatArray, beta: FloatArray) -> FloatArray:
    return (bias - mean) * scale + beta


def _fold_cases(rng: np.random.Generator) -> Iterator[Case]:
    one = np.ones(1)
    yield (2 * one[np.newaxis], 3 * one, 4 * one, 5 * one, 6 * one, 15 * one, 1.0)
    for inputs, outputs in ((2, 3), (5, 2), (3, 3)):
        yield (
            rng.normal(0, 1, (inputs, outputs)),
            rng.normal(0, 1, outputs),
            rng.uniform(0.5, 2, outputs),
            rng.normal(0, 1, outputs),
            rng.normal(0, 1, outputs),
            rng.uniform(0.2, 3, outputs),
            float(rng.uniform(0.1, 0.9)),
        )


EXERCISES: dict[str, Exercise] = {
    "backbones.output_size": Exercise(
        reference=_output_size,
        cases=_size_cases,
        hint="Without padding: how many pixels does the spread kernel span? How far can its first pixel move, and "
        "how many steps of the stride fit into that? With 'same', cells stand at 0, s, 2s … inside the map.",
        mistakes=(
            Mistake(
                _rounded_down,
                "Often: with 'same' the size is rounded down. Cells at 0, s, 2s … are ⌈side / stride⌉.",
            ),
            Mistake(
                _valid_only(lambda n, k, s, d: (n - (k - 1) * d - 1) // s),
                "Often: the number of steps, which is one less than the number of places.",
            ),
            Mistake(
                _valid_only(lambda n, k, s, d: (n - k) // s + 1),
                "Often: the dilation is forgotten. A kernel of k pixels, d apart, spans (k − 1) d + 1.",
            ),
            Mistake(
                _valid_only(lambda n, k, s, d: (n - k * d) // s + 1),
                "Often: k · d for the span. There are k − 1 gaps, not k: (k − 1) d + 1.",
            ),
            Mistake(
                _valid_only(lambda n, k, s, d: -((1 + (k - 1) * d - n) // s) + 1),
                "Often: without padding the size is rounded up. A kernel that does not fit any more is left out.",
            ),
            Mistake(
                lambda n, k, s, d, p: (n - (k - 1) * d - 1) // s + 1,
                "Often: the padding is not looked at. With 'same' a stride of 1 keeps the size.",
            ),
        ),
    ),
    "backbones.dilated_field": Exercise(
        reference=_dilated_field,
        cases=_field_cases,
        hint="A kernel of k pixels that lie d apart reaches (k − 1) d pixels of the map that it reads. How far "
        "apart, on the image, are two neighbours of that map?",
        mistakes=(
            Mistake(
                _walk(lambda k, s, d, step: (k - 1) * step),
                "Often: the dilation is forgotten. It spreads the kernel: (k − 1) d instead of k − 1.",
            ),
            Mistake(
                _walk(lambda k, s, d, step: (k * d - 1) * step),
                "Often: k · d − 1 for the reach. Between k pixels there are k − 1 gaps of d.",
            ),
            Mistake(
                _walk(lambda k, s, d, step: (k - 1) * d * step, stride_first=True),
                "Often: a layer's own stride is counted before its kernel. It spreads what comes after it.",
            ),
            Mistake(
                _walk(lambda k, s, d, step: (k - 1) * d),
                "Often: the strides are forgotten. Neighbours of a map lie apart by the product of those before.",
            ),
            Mistake(
                _walk(lambda k, s, d, step: k * d * step),
                "Often: k where k − 1 belongs: the middle of the kernel is counted already.",
            ),
            Mistake(
                lambda layers: _dilated_field(layers) - 1,
                "One short: before the first layer a pixel sees itself, so the count starts at 1.",
            ),
        ),
    ),
    "backbones.separable_macs": Exercise(
        reference=_separable_macs,
        cases=_cost_cases,
        hint="Two layers. The depthwise one has one kernel of k × k for each channel; the 1×1 one a weight for "
        "each pair of an old and a new channel. Both are applied at every pixel.",
        mistakes=(
            Mistake(
                lambda h, w, c, f, k: h * w * c * f * k**2,
                "This is the ordinary convolution, in which every filter has a kernel for every channel.",
            ),
            Mistake(
                lambda h, w, c, f, k: h * w * c * k**2, "This is the depthwise half; the 1×1 half is missing."
            ),
            Mistake(lambda h, w, c, f, k: h * w * c * f, "This is the 1×1 half; the depthwise half is missing."),
            Mistake(
                lambda h, w, c, f, k: c * (k**2 + f),
                "These are the weights. Each of them is multiplied once at every pixel.",
            ),
            Mistake(
                lambda h, w, c, f, k: 2 * _separable_macs(h, w, c, f, k),
                "These are floating-point operations. A multiplication and an addition make one multiply-add.",
            ),
            Mistake(
                lambda h, w, c, f, k: h * w * c * (k + f),
                "Often: k where its square belongs. The kernels are k × k.",
            ),
            Mistake(
                lambda h, w, c, f, k: h * w * c * k**2 * c * f,
                "The two layers follow each other: their costs add up, and are not multiplied.",
            ),
        ),
    ),
    "backbones.batch_norm": Exercise(
        reference=_batch_norm,
        cases=_norm_cases,
        hint="One mean and one variance for each channel, over all the other axes: tuple(range(x.ndim - 1)).",
        mistakes=(
            Mistake(
                lambda x, g, b, e: g * _normed(x, (0,), e) + b,
                "Often: statistics over the batch only (axis 0). Rows and columns belong to them too.",
            ),
            Mistake(
                lambda x, g, b, e: g * _normed(x, (x.ndim - 1,), e) + b,
                "This normalises over the channels, each pixel by itself: layer normalisation.",
            ),
            Mistake(
                lambda x, g, b, e: g * _normed(x, tuple(range(x.ndim)), e) + b,
                "Often: one mean for the whole batch. Each channel has its own.",
            ),
            Mistake(
                lambda x, g, b, e: g * _normed(x, tuple(range(1, x.ndim - 1)), e) + b,
                "This normalises each image by itself: instance normalisation. The batch belongs to it too.",
            ),
            Mistake(_root_then_epsilon, "Often: ε is added to the standard deviation. It belongs under the root."),
            Mistake(
                _variance_for_deviation,
                "Often: divided by the variance. Its root, the standard deviation, scales.",
            ),
            Mistake(
                lambda x, g, b, e: g * (_normed(x, _every_axis_but_last(x), e) + b),
                "Often: γ multiplies β too. It scales what is normalised, then β is added.",
            ),
            Mistake(lambda x, g, b, e: _normed(x, _every_axis_but_last(x), e), "Often: γ and β are forgotten."),
            Mistake(
                lambda x, g, b, e: g * _normed(x, _every_axis_but_last(x), e, ddof=1) + b,
                "Often: the variance with n − 1. Batch normalisation divides by n.",
            ),
        ),
        rtol=1e-4,
        atol=1e-5,
    ),
    "backbones.batch_norm_gradient": Exercise(
        reference=_batch_norm_gradient,
        cases=_gradient_cases,
        hint="Three paths lead from x to the output: directly, through the mean and through the variance. What is "
        "left of the upstream gradient g is g − mean(g) − x̂ · mean(g x̂); what stands in front?",
        mistakes=(
            Mistake(
                _statistics_constant,
                "Often: mean and variance are taken for constants. That is the gradient in inference.",
            ),
            Mistake(_mean_only, "Often: the path through the variance is missing: − x̂ · mean(g x̂)."),
            Mistake(_variance_only, "Often: the path through the mean is missing: − mean(g)."),
            Mistake(_sums_for_means, "Often: sums where means belong. Each value is one of n in the statistics."),
            Mistake(_without_gamma, "Often: γ is forgotten. It stands between x̂ and the output."),
        ),
        rtol=1e-4,
        atol=1e-5,
    ),
    "backbones.fold": Exercise(
        reference=_fold,
        cases=_fold_cases,
        hint="Write y = γ (x W + b − μ) / √(σ² + ε) + β, and sort: what multiplies x, and what does not?",
        mistakes=(
            Mistake(
                _fold_with(_right_scale, lambda b, m, s, beta: b - m * s + beta),
                "Often: the layer's own bias is not scaled. It is normalised like everything else.",
            ),
            Mistake(
                _fold_with(_right_scale, lambda b, m, s, beta: (b - m) + beta),
                "Often: only the weights are scaled. Bias and mean are scaled too.",
            ),
            Mistake(
                _fold_with(_right_scale, lambda b, m, s, beta: beta - m * s),
                "Often: the layer's own bias is lost.",
            ),
            Mistake(
                _fold_with(_right_scale, lambda b, m, s, beta: (b + m) * s + beta),
                "Often: the sign of the mean. It is taken away.",
            ),
            Mistake(
                _fold_with(_right_scale, lambda b, m, s, beta: (b - m + beta) * s),
                "Often: β is scaled. It is added after everything.",
            ),
            Mistake(
                _fold_with(lambda g, v, e: g / (v + e), _right_bias),
                "Often: divided by the variance, not by its root.",
            ),
            Mistake(
                _fold_with(lambda g, v, e: g / (np.sqrt(v) + e), _right_bias),
                "Often: ε is added to the standard deviation. It belongs under the root.",
            ),
            Mistake(
                _fold_with(lambda g, v, e: 1 / np.sqrt(v + e), _right_bias), "Often: γ is forgotten in the scale."
            ),
        ),
        rtol=1e-4,
        atol=1e-5,
    ),
}
