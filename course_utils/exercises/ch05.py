"""Exercises of chapter 05: filters."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from course_utils._arguments import FloatArray
from course_utils.exercises import Exercise, Mistake
from course_utils.filters import (
    correlate,
    gaussian_kernel,
    maximum_filter,
    mean_filter,
    median_filter,
    minimum_filter,
)
from course_utils.filters.borders import Image
from course_utils.metrics import psnr

__all__ = ["EXERCISES"]

Case = tuple[Any, ...]
PadMode = Literal["symmetric", "reflect", "edge", "constant"]


def _square_of(size: int) -> FloatArray:
    offsets = np.arange(size) - size // 2
    return np.asarray(np.add.outer(offsets**2, offsets**2), dtype=float)


def _not_normalised(size: int, sigma: float) -> Any:
    return np.exp(-_square_of(size) / (2 * sigma**2))


def _density(size: int, sigma: float) -> Any:
    return _not_normalised(size, sigma) / (2 * np.pi * sigma**2)


def _no_half(size: int, sigma: float) -> Any:
    weights = np.exp(-_square_of(size) / sigma**2)
    return weights / weights.sum()


def _from_a_corner(size: int, sigma: float) -> Any:
    offsets = np.arange(size)
    weights = np.exp(-np.add.outer(offsets**2, offsets**2) / (2 * sigma**2))
    return weights / weights.sum()


def _one_too_far(size: int, sigma: float) -> Any:
    offsets = np.arange(-size // 2, size // 2)
    weights = np.exp(-np.add.outer(offsets**2, offsets**2) / (2 * sigma**2))
    return weights / weights.sum()


def _half_a_pixel_off(size: int, sigma: float) -> Any:
    offsets = np.arange(size) - size / 2
    weights = np.exp(-np.add.outer(offsets**2, offsets**2) / (2 * sigma**2))
    return weights / weights.sum()


def _times_sigma_squared(size: int, sigma: float) -> Any:
    weights = np.exp(-_square_of(size) / 2 * sigma**2)
    return weights / weights.sum()


def _sigma_not_squared(size: int, sigma: float) -> Any:
    weights = np.exp(-_square_of(size) / (2 * sigma))
    return weights / weights.sum()


def _distance_not_squared(size: int, sigma: float) -> Any:
    weights = np.exp(-np.sqrt(_square_of(size)) / (2 * sigma**2))
    return weights / weights.sum()


def _one_line(size: int, sigma: float) -> Any:
    return gaussian_kernel(size, sigma).sum(axis=0)


def _kernel_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (3, 1.0)
    yield (5, 0.5)
    yield (1, 2.0)
    yield (7, 3.0)
    for size in (3, 9):
        yield (size, float(rng.uniform(0.4, 3)))


def _slid(image: FloatArray, kernel: FloatArray, mode: PadMode = "edge") -> Any:
    """Correlation whose border is padded as np.pad does."""
    h, w = kernel.shape
    padded = np.pad(image, [(h // 2, h // 2), (w // 2, w // 2)], mode)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (h, w))
    return np.einsum("abij,ij->ab", windows, kernel)


def _inside_only(image: FloatArray, kernel: FloatArray) -> Any:
    h, w = kernel.shape
    result = np.zeros_like(image)
    inside = np.lib.stride_tricks.sliding_window_view(image, (h, w))
    result[h // 2 : h // 2 + len(inside), w // 2 : w // 2 + inside.shape[1]] = np.einsum(
        "abij,ij->ab", inside, kernel
    )
    return result


def _from_the_top_left(image: FloatArray, kernel: FloatArray) -> Any:
    h, w = kernel.shape
    padded = np.pad(image, [(0, h - 1), (0, w - 1)], "edge")
    return np.einsum("abij,ij->ab", np.lib.stride_tricks.sliding_window_view(padded, (h, w)), kernel)


def _turned(kernel: FloatArray) -> FloatArray:
    return kernel[::-1, ::-1]


def _convolved(image: FloatArray, kernel: FloatArray) -> Any:
    return correlate(image, kernel[::-1, ::-1], mode="nearest")


def _convolve_cases(rng: np.random.Generator) -> Iterator[Case]:
    impulse = np.zeros((5, 5))
    impulse[2, 2] = 1
    yield (impulse, np.arange(1.0, 10).reshape(3, 3))
    yield (np.arange(16.0).reshape(4, 4), np.array([[0.0, 0, 0], [0, 0, 1], [0, 0, 0]]))
    yield (rng.normal(0, 1, (5, 7)), rng.normal(0, 1, (3, 1)))
    yield (rng.normal(0, 1, (6, 5)), rng.normal(0, 1, (1, 5)))
    yield (rng.normal(0, 1, (6, 8)), rng.normal(0, 1, (5, 3)))


def _windows_of_nine(image: Image, mode: PadMode = "symmetric") -> Image:
    """The nine pixels around each, (H, W, 9)."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, 1, mode), (3, 3))
    return windows.reshape(*image.shape, 9)


def _mean_of_nine(image: Image) -> Any:
    return mean_filter(image, 3)


def _mean_overflowing(image: Image) -> Any:
    return (_windows_of_nine(image).sum(axis=-1, dtype=np.uint8) / 9).round().astype(np.uint8)


def _added_up_in_bytes(image: Image) -> Any:
    return _windows_of_nine(image).sum(axis=-1, dtype=np.uint8) // 9


def _cut_off_twice(image: Image) -> Any:
    """What ndimage.uniform_filter makes of bytes: a pass along each axis, each in bytes."""
    columns = (np.lib.stride_tricks.sliding_window_view(np.pad(image, [(1, 1), (0, 0)], "symmetric"), 3, 0)).mean(
        -1
    )
    rows = np.pad(np.floor(columns), [(0, 0), (1, 1)], "symmetric")
    return np.floor(np.lib.stride_tricks.sliding_window_view(rows, 3, 1).mean(-1)).astype(np.uint8)


def _bytes_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[0, 0, 0], [0, 5, 0], [0, 0, 0]], np.uint8),)
    yield (np.full((2, 3), 200, np.uint8),)
    yield (np.array([[10, 20, 30], [40, 50, 60], [70, 80, 95]], np.uint8),)
    for shape in ((4, 5), (6, 6)):
        yield (rng.integers(0, 256, shape, np.uint8),)


def _median_of_nine(image: FloatArray) -> Any:
    return median_filter(image, 3)


def _border_left(image: FloatArray) -> Any:
    result = image.copy()
    result[1:-1, 1:-1] = median_filter(image, 3)[1:-1, 1:-1]
    return result


def _border_black(image: FloatArray) -> Any:
    return np.pad(median_filter(image, 3)[1:-1, 1:-1], 1)


def _image_cases(rng: np.random.Generator) -> Iterator[Case]:
    spot = np.zeros((4, 4))
    spot[1, 1] = 1
    yield (spot,)
    yield (np.array([[3.0, 9, 1, 7], [8, 0, 6, 2], [5, 11, 4, 10]]),)
    for shape in ((3, 3), (5, 6), (4, 7)):
        yield (rng.random(shape).round(2),)


def _in_bytes(truth: Image, image: Image) -> Any:
    error = np.mean((truth - image).astype(float) ** 2)  # the difference wraps round
    return 10 * np.log10(255**2 / error)


def _in_bytes_squared(truth: Image, image: Image) -> Any:
    error = np.mean((truth - image) ** 2)
    return 10 * np.log10(255**2 / error)


def _squared_in_int16(truth: Image, image: Image) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):  # a mean of squares that wrapped round may be below 0
        return 10 * np.log10(255**2 / np.mean((truth.astype(np.int16) - image) ** 2))


def _psnr(truth: Image, image: Image) -> Any:
    return psnr(truth, image)


def _mean_squared_error(truth: Image, image: Image) -> Any:
    return np.mean((truth.astype(float) - image) ** 2)


def _psnr_cases(rng: np.random.Generator) -> Iterator[Case]:
    yield (np.array([[100, 100]], np.uint8), np.array([[110, 90]], np.uint8))
    yield (np.array([[0, 255]], np.uint8), np.array([[255, 255]], np.uint8))
    for shape in ((3, 4), (8, 8)):
        yield (rng.integers(0, 256, shape, np.uint8), rng.integers(0, 256, shape, np.uint8))


def _closing(image: FloatArray) -> Any:
    return minimum_filter(maximum_filter(image, 3), 3)


def _closing_cases(rng: np.random.Generator) -> Iterator[Case]:
    pepper = np.full((5, 5), 0.5)
    pepper[2, 2] = 0
    yield (pepper,)
    step = np.zeros((4, 6))
    step[:, 3:] = 1
    step[1, 4] = 0
    yield (step,)
    for shape in ((5, 5), (6, 8)):
        yield (rng.random(shape).round(2),)


def _both(first: Callable[..., Any], second: Callable[..., Any], mode: PadMode) -> Callable[..., Any]:
    def run(image: FloatArray) -> Any:
        return second(_windows_of_nine(first(_windows_of_nine(image, mode), axis=-1), mode), axis=-1)

    return run


_BORDER = (
    "Often: zeros beyond the border, which darken the frame. np.pad's mode 'symmetric' repeats the "
    "border pixels as the course does."
)
_MIRROR = (
    "Often: np.pad's mode 'reflect', which leaves the border pixel out of the reflection. SciPy's "
    "'reflect' is np.pad's 'symmetric'."
)

EXERCISES: dict[str, Exercise] = {
    "filters.gaussian_kernel": Exercise(
        reference=gaussian_kernel,
        cases=_kernel_cases,
        hint="Start from the offsets −2, −1, 0, 1, 2 of the pixels from the centre (for size 5), and add "
        "their squares along both axes. The last step makes the weights sum to 1.",
        mistakes=(
            Mistake(
                _not_normalised, "Often: the weights do not sum to 1, so the filter brightens. Divide by the sum."
            ),
            Mistake(
                _density,
                "Often: 1/(2πσ²) in front, which makes the integral over the whole plane 1, but not the sum of "
                "these few samples. Divide by the sum instead.",
            ),
            Mistake(_no_half, "Often: σ² where 2σ² belongs. The blur is then narrower by a factor of √2."),
            Mistake(_from_a_corner, "Often: offsets counted from a corner. The centre pixel has offset 0."),
            Mistake(
                _one_too_far,
                "Often: arange(-size // 2, …). −3 // 2 is −2, so the offsets are −2, −1, 0. Begin at "
                "−(size // 2).",
            ),
            Mistake(
                _half_a_pixel_off,
                "Often: size / 2 was taken off, which puts the centre between two pixels. Take off size // 2.",
            ),
            Mistake(
                _times_sigma_squared,
                "Often: / 2 * sigma**2, which multiplies by σ². Put 2 * sigma**2 in brackets.",
            ),
            Mistake(_sigma_not_squared, "Often: σ where its square belongs."),
            Mistake(_distance_not_squared, "Often: the distance where its square belongs."),
            Mistake(_one_line, "This is the kernel of one axis. The outer product with itself is the square one."),
        ),
    ),
    "filters.convolve": Exercise(
        reference=_convolved,
        cases=_convolve_cases,
        hint="Turn the kernel by 180 degrees, pad the image by half a kernel on each side, and correlate: the "
        "weight at (i, j) of the turned kernel multiplies the padded image cut out from row i and column j on. "
        "Which mode of np.pad repeats the border pixel?",
        mistakes=(
            Mistake(
                _slid,
                "Often: the kernel is laid over the image as it is. That is correlation; convolution turns "
                "it by 180 degrees first.",
            ),
            Mistake(
                lambda image, kernel: _slid(image, kernel[::-1]),
                "Often: the kernel is turned over along its rows only. A turn by 180 degrees reverses both axes.",
            ),
            Mistake(
                lambda image, kernel: _slid(image, kernel[:, ::-1]),
                "Often: the kernel is turned over along its columns only. A turn by 180 degrees "
                "reverses both axes.",
            ),
            Mistake(
                lambda image, kernel: _slid(image, _turned(kernel), "constant"),
                "Often: zeros beyond the border, which darken the frame. np.pad's mode 'edge' repeats the "
                "border pixel.",
            ),
            Mistake(
                lambda image, kernel: _slid(image, _turned(kernel), "symmetric"),
                "Often: np.pad's mode 'symmetric', which reflects. From two pixels beyond the border on, "
                "repeating the border pixel ('edge') differs.",
            ),
            Mistake(
                lambda image, kernel: _slid(image, _turned(kernel), "reflect"),
                "Often: np.pad's mode 'reflect'. Here the border pixel itself is repeated: 'edge'.",
            ),
            Mistake(
                lambda image, kernel: _inside_only(image, _turned(kernel)),
                "Often: the pixels near the border are never computed, which leaves a black frame.",
            ),
            Mistake(
                lambda image, kernel: _from_the_top_left(image, _turned(kernel)),
                "Often: the window begins at the pixel instead of having it in its middle. The result is "
                "shifted up and to the left.",
            ),
        ),
    ),
    "filters.rounded_mean": Exercise(
        reference=_mean_of_nine,
        cases=_bytes_cases,
        dtype="uint8",
        hint="Add in a type that can hold 9 × 255, divide, round with np.rint, and only then go back to uint8.",
        mistakes=(
            Mistake(
                lambda image: _windows_of_nine(image).mean(axis=-1).astype(np.uint8),
                "Often: astype(np.uint8) without rounding. It cuts the fraction off, which darkens the "
                "image by almost half a grey level on average.",
            ),
            Mistake(
                _cut_off_twice,
                "Often: a filter of SciPy applied to bytes. It works in the image's type, without rounding, and "
                "cuts the fraction off twice, once along each axis. Convert to float first, and round at the end.",
            ),
            Mistake(
                _mean_overflowing, "Often: the sum was made in uint8, where 200 + 100 is 44. Add in a wider type."
            ),
            Mistake(
                _added_up_in_bytes, "Often: the sum was made in uint8, where 200 + 100 is 44. Add in a wider type."
            ),
            Mistake(
                lambda image: np.rint(_windows_of_nine(image, "constant").mean(axis=-1)).astype(np.uint8), _BORDER
            ),
            Mistake(
                lambda image: np.rint(_windows_of_nine(image, "reflect").mean(axis=-1)).astype(np.uint8), _MIRROR
            ),
            Mistake(
                lambda image: median_filter(image, 3),
                "This is the median of the window. Its mean is the sum over nine.",
            ),
            Mistake(
                lambda image: np.rint(_windows_of_nine(image).mean(axis=-1)),
                "The numbers are right. A uint8 image should come back as uint8.",
            ),
            Mistake(
                lambda image: _windows_of_nine(image).mean(axis=-1),
                "These are the means before rounding. A uint8 image should come back as uint8.",
            ),
        ),
    ),
    "filters.median": Exercise(
        reference=_median_of_nine,
        cases=_image_cases,
        hint="Gather the nine pixels of each window along a new last axis (np.pad, then "
        "np.lib.stride_tricks.sliding_window_view), sort them, and take the fifth.",
        mistakes=(
            Mistake(
                lambda image: mean_filter(image, 3),
                "This is the mean of the window. Its median is the middle one of the sorted values.",
            ),
            Mistake(lambda image: np.median(_windows_of_nine(image, "constant"), axis=-1), _BORDER),
            Mistake(lambda image: np.median(_windows_of_nine(image, "reflect"), axis=-1), _MIRROR),
            Mistake(
                lambda image: np.median(image), "Often: np.median without an axis: one number for the whole image."
            ),
            Mistake(
                lambda image: _windows_of_nine(image)[..., 4],
                "Often: the fifth pixel of the window without sorting, which is the pixel itself.",
            ),
            Mistake(
                lambda image: np.sort(_windows_of_nine(image), axis=-1)[..., 3],
                "Often: the fourth of nine. Counted from 0, the middle one has index 4.",
            ),
            Mistake(
                lambda image: np.sort(_windows_of_nine(image), axis=-1)[..., 5],
                "Often: the sixth of nine. Counted from 0, the middle one has index 4.",
            ),
            Mistake(
                lambda image: np.median(np.median(_windows_of_nine(image).reshape(*image.shape, 3, 3), -1), -1),
                "Often: the median of the rows' medians, which is not the median of the nine.",
            ),
            Mistake(
                lambda image: np.median(np.median(_windows_of_nine(image).reshape(*image.shape, 3, 3), -2), -1),
                "Often: the median of the columns' medians, which is not the median of the nine.",
            ),
            Mistake(lambda image: median_filter(image, 2), "This is the median of 2 × 2 pixels, not of 3 × 3."),
            Mistake(lambda image: median_filter(image, 5), "This is the median of 5 × 5 pixels, not of 3 × 3."),
            Mistake(_border_left, "Often: the pixels at the border are left as they were."),
            Mistake(_border_black, "Often: the pixels at the border are never computed and stay black."),
        ),
    ),
    "filters.psnr": Exercise(
        reference=_psnr,
        cases=_psnr_cases,
        hint="Ten times the decimal logarithm of 255² over the mean squared error. In which type do you subtract?",
        mistakes=(
            Mistake(
                _in_bytes,
                "Often: the difference was taken in uint8, where 100 − 110 is 246. Convert to float first.",
            ),
            Mistake(
                _in_bytes_squared,
                "Often: the difference was taken in uint8, where 100 − 110 is 246. Convert to float first.",
            ),
            Mistake(
                lambda truth, image: 20 * np.log10(255**2 / _mean_squared_error(truth, image)),
                "Often: 20 instead of 10. Twenty goes with a ratio of amplitudes, ten with one of squares.",
            ),
            Mistake(
                lambda truth, image: 10 * np.log(255**2 / _mean_squared_error(truth, image)),
                "Often: the natural logarithm. Decibels take the decimal one, np.log10.",
            ),
            Mistake(
                lambda truth, image: 10 * np.log10(255 / np.sqrt(_mean_squared_error(truth, image))),
                "Often: ten times the logarithm of a ratio of amplitudes. Ten goes with squares: 255² over the "
                "mean squared error, without a root.",
            ),
            Mistake(
                lambda truth, image: 10 * np.log10(255**2 / (_mean_squared_error(truth, image) * truth.size)),
                "Often: the sum of the squared errors. PSNR takes their mean, whatever the picture's size.",
            ),
            Mistake(
                _squared_in_int16,
                "Often: int16, which holds the difference but not its square, 65,025 for white: int16 ends at "
                "32,767.",
            ),
            Mistake(
                lambda truth, image: 10 * np.log10(float(truth.max()) ** 2 / _mean_squared_error(truth, image)),
                "Often: the picture's own maximum for the peak. It is the largest value of the type, 255.",
            ),
            Mistake(
                lambda truth, image: 10 * np.log10(1 / _mean_squared_error(truth, image)),
                "Often: a full scale of 1. White is 255 in uint8.",
            ),
            Mistake(
                lambda truth, image: 10 * np.log10(255 / _mean_squared_error(truth, image)),
                "Often: 255 where its square belongs.",
            ),
            Mistake(
                lambda truth, image: 20 * np.log10(255 / np.mean(np.abs(truth.astype(float) - image))),
                "Often: the mean of the absolute errors. PSNR takes the mean of their squares.",
            ),
            Mistake(
                lambda truth, image: -psnr(truth, image), "Often: error over signal. Better images score higher."
            ),
        ),
    ),
    "filters.closing": Exercise(
        reference=_closing,
        cases=_closing_cases,
        hint="A dark spot must go, and everything larger must keep its size. Which of the two extremes removes "
        "the spot, and which then undoes the damage?",
        mistakes=(
            Mistake(
                lambda image: maximum_filter(minimum_filter(image, 3), 3),
                "This is the opening: the minimum first. It removes bright spots, and spreads dark ones before "
                "it shrinks them back.",
            ),
            Mistake(
                lambda image: maximum_filter(image, 3),
                "This is the maximum alone. The dark spot is gone, and every bright structure has grown by a "
                "pixel on each side: the second filter shrinks it back.",
            ),
            Mistake(lambda image: minimum_filter(image, 3), "This is the minimum alone: dark spots grow."),
            Mistake(
                lambda image: median_filter(image, 3),
                "This is the median. It removes the spot too, and with it other details that a closing keeps.",
            ),
            Mistake(
                lambda image: np.minimum(image, maximum_filter(image, 3)),
                "The image came back as it was. The minimum has to see the result of the maximum, "
                "not the old image.",
            ),
            Mistake(_both(np.max, np.min, "constant"), _BORDER),
        ),
    ),
}
