"""Exercises of chapter 08: sizes and receptive fields; the others stand in files beside this one."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from course_utils.exercises import Exercise, Mistake
from course_utils.exercises.ch08_evaluation import EVALUATION
from course_utils.exercises.ch08_labels import LABELS
from course_utils.exercises.ch08_loss import LOSS
from course_utils.exercises.ch08_outlines import OUTLINES

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]
Layers = Sequence[tuple[int, int]]


def _upsampled_size(size: int, kernel: int, stride: int, padding: int) -> Any:
    """Side of a transposed convolution's output: copies of the kernel ``stride`` apart, then cropped."""
    return (size - 1) * stride + kernel - 2 * padding


def _size_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield 4, 9, 3, 2  # every mistake below gives another number
    yield 3, 3, 2, 0
    yield 4, 4, 2, 1
    yield 1, 5, 3, 0
    yield 9, 3, 1, 1
    yield 5, 16, 8, 4
    yield 6, 2, 2, 0
    for _ in range(4):
        stride, padding = int(rng.integers(1, 6)), int(rng.integers(0, 4))
        yield int(rng.integers(2, 40)), stride + 2 * padding + int(rng.integers(0, 3)), stride, padding


def _receptive_field(layers: Layers) -> Any:
    """Each layer adds (kernel − 1) steps of the map that it reads."""
    field = step = 1
    for kernel, stride in layers:
        field += (kernel - 1) * step
        step *= stride
    return field


def _field_with(
    layers: Layers,
    *,
    start: int = 1,
    less: int = 1,
    own: bool = False,
    halves: bool = False,
    steps: str = "product",
) -> Any:
    field, step = start, 1
    for kernel, stride in layers:
        if own:
            step *= stride
        field += (kernel // 2 if halves else kernel - less) * {"none": 1, "own": stride}.get(steps, step)
        if not own:
            step = {"sum": step + stride, "last": stride, "exponent": step**stride}.get(steps, step * stride)
    return field


def _field_as(**changes: Any) -> Callable[[Layers], Any]:
    return lambda layers: _field_with(layers, **changes)


def _backwards_with_extra_step(layers: Layers) -> Any:
    field = 1
    for kernel, stride in reversed(layers):
        field = field * stride + kernel - 1
    return field


def _total_stride(layers: Layers) -> Any:
    return int(np.prod([stride for _, stride in layers]))


def _layer_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield ([(5, 1), (3, 1)],)
    yield ([(3, 2), (3, 1)],)
    yield ([(3, 1), (5, 2), (1, 1)],)
    yield ([(3, 2), (2, 2), (3, 1)],)
    yield ([(7, 2), (3, 2), (3, 1), (1, 2), (3, 1)],)
    yield ([(3, 2)] + 3 * [(3, 2), (3, 1), (3, 1)],)
    for n in (4, 6, 8):
        yield ([(int(rng.integers(1, 8)), int(rng.integers(1, 4))) for _ in range(n)],)


EXERCISES: dict[str, Exercise] = {
    "segmentation.upsampled_size": Exercise(
        reference=_upsampled_size,
        cases=_size_cases,
        hint="Every input pixel lays down one copy of the kernel. How many pixels lie between the first pixel of "
        "the first copy and the first pixel of the last one, and how far does the last copy reach? Then crop "
        "both ends.",
        mistakes=(
            Mistake(
                lambda size, kernel, stride, padding: (size + 2 * padding - kernel) // stride + 1,
                "This is the size after an ordinary convolution, which shrinks. A transposed one goes the other "
                "way: solve that formula for the input size.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: size * stride,
                'Often: size · stride. That is Keras\'s padding="same", which crops kernel − stride pixels '
                "in all; "
                "here padding is given, and the kernel counts.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: size * stride - 2 * padding,
                "Often: size · stride without the kernel. The last copy reaches kernel pixels from where it "
                "starts.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: size * stride + kernel - 2 * padding,
                "Often: size · stride where (size − 1) · stride belongs. Between 3 copies lie 2 steps.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: (size - 1) * stride + kernel - padding,
                "Often: padding taken off once. It is cropped at both ends.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: (size - 1) * stride + kernel + 2 * padding,
                "Often: padding added. In a transposed convolution it is cropped from the output.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: (size - 1) * stride + kernel,
                "Often: padding is not used. It is cropped at both ends.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: (size - 1) * stride + kernel - 1 - 2 * padding,
                "One pixel too few: the last copy covers kernel pixels, not kernel − 1.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: (size - 1) * stride + kernel + 1 - 2 * padding,
                "One pixel too many: (size − 1) · stride + kernel is the whole length before cropping.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: (size - 1) * kernel + stride - 2 * padding,
                "Often: kernel and stride exchanged. The copies start stride pixels apart.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: size * kernel - 2 * padding,
                "Often: size · kernel, copies laid side by side. They start stride pixels apart and overlap.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: (size - 1) * stride + 1,
                "This is the input with zeros stuffed between its pixels; the kernel has not been applied.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: (size - 1) * stride + 1 - kernel + 1 + 2 * padding,
                "Often: zeros stuffed between the pixels, then an ordinary convolution that shrinks. A transposed "
                "one pads that with kernel − 1 − padding on each side and so grows.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: 2 * ((size - 1) * stride + kernel - 2 * padding),
                "Twice the size: the two ends are counted already.",
            ),
            Mistake(
                lambda size, kernel, stride, padding: ((size - 1) * stride + kernel - 2 * padding) ** 2,
                "This is the number of output pixels of a square map. One side is asked for.",
            ),
        ),
    ),
    "segmentation.receptive_field": Exercise(
        reference=_receptive_field,
        cases=_layer_cases,
        hint="A kernel of k taps spans k − 1 steps of the map that it reads. How many input pixels is one such "
        "step, after the layers before it?",
        mistakes=(
            Mistake(
                _field_as(own=True),
                "Often: the layer's own stride is in the product. A layer's stride spreads the taps of the layers "
                "after it, not its own: update the product after the sum.",
            ),
            Mistake(
                _field_as(steps="none"),
                "Often: strides are not used. After a stride of 2, one step of the map is two input pixels.",
            ),
            Mistake(
                _field_as(steps="own"),
                "Often: each kernel times its own stride. What counts is the product of all earlier strides.",
            ),
            Mistake(
                _field_as(steps="last"),
                "Often: the stride of the layer before only. All earlier strides multiply.",
            ),
            Mistake(
                _field_as(steps="sum"),
                "Often: earlier strides added up. Two strides of 2 make a step of 4 input pixels: they multiply.",
            ),
            Mistake(
                _field_as(less=0),
                "Often: kernel where kernel − 1 belongs. The first tap lies on a pixel that was counted before.",
            ),
            Mistake(
                _field_as(less=0, start=0),
                "Often: a sum of kernels. Each layer adds kernel − 1 steps to the one pixel you start with.",
            ),
            Mistake(
                _field_as(less=0, start=0, steps="none"),
                "This is the sum of the kernels. Each adds kernel − 1, times the product of earlier strides.",
            ),
            Mistake(_field_as(start=0), "One pixel too few: a pixel without any layer sees itself. Start with 1."),
            Mistake(
                _field_as(start=0, own=True),
                "Two faults: start with 1, and keep the layer's own stride out of the product.",
            ),
            Mistake(
                lambda layers: int(np.prod([kernel for kernel, _ in layers])),
                "This is the product of the kernels. Two 3×3 layers see 5 pixels, not 9.",
            ),
            Mistake(
                lambda layers: _receptive_field(list(reversed(layers))),
                "Often: the layers in reverse. Going forwards, add (kernel − 1) · (product of the strides "
                "before); field = (field − 1) · stride + kernel runs from the last layer back to the first.",
            ),
            Mistake(
                _backwards_with_extra_step,
                "Often: field · stride + kernel − 1. n pixels in steps of stride span (n − 1) · stride + kernel.",
            ),
            Mistake(
                lambda layers: (_receptive_field(layers) - 1) * _total_stride(layers[-1:]) + 1,
                "Often: the last layer's stride is in. No layer comes after it to be spread.",
            ),
            Mistake(
                lambda layers: (_field_with(layers, steps="none") - 1) * _total_stride(layers) + 1,
                "Often: the whole sum times all strides. Each layer is spread by the strides before it only.",
            ),
            Mistake(
                _field_as(halves=True),
                "Often: kernel // 2, the reach to one side. A kernel of 3 reaches one step to both: kernel − 1.",
            ),
            Mistake(
                lambda layers: _receptive_field(layers) ** 2, "This is the area in pixels. The side is asked for."
            ),
            Mistake(_total_stride, "This is the product of the strides: how far apart two outputs look."),
            Mistake(
                lambda layers: (_receptive_field(layers), _total_stride(layers)),
                "Field and stride. Return the field alone.",
            ),
        ),
    ),
    **EVALUATION,
    **LABELS,
    **OUTLINES,
    **LOSS,
}
