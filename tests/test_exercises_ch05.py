"""The checker of chapter 05 against the wrong answers that students give."""

import numpy as np
import pytest
from scipy import ndimage, signal

from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch05 import EXERCISES
from exercise_answers import WrongAnswer, assert_enough_wrong_answers, assert_mistakes_are_named, assert_rejected


def bell(size, sigma, scale=2.0):
    x = np.arange(size) - (size - 1) / 2
    return np.exp(-(x[:, None] ** 2 + x[None, :] ** 2) / (scale * sigma**2))


def four_loops(image, kernel):
    h, w = kernel.shape
    padded = np.pad(image, ((h // 2, h // 2), (w // 2, w // 2)), "edge")
    result = np.zeros_like(image)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            for i in range(h):
                for j in range(w):
                    result[y, x] += kernel[i, j] * padded[y + i, x + j]
    return result


def of_offsets(offsets, sigma):
    weights = np.exp(-np.add.outer(offsets**2, offsets**2) / (2 * sigma**2))
    return weights / weights.sum()


def loops_without_border(image, kernel):
    h, w = kernel.shape
    result = np.zeros_like(image)
    for y in range(h // 2, image.shape[0] - h // 2):
        for x in range(w // 2, image.shape[1] - w // 2):
            window = image[y - h // 2 : y + h // 2 + 1, x - w // 2 : x + w // 2 + 1]
            result[y, x] = np.sum(window * kernel)
    return result


def windows_of(image):
    return np.lib.stride_tricks.sliding_window_view(np.pad(image, 1, "symmetric"), (3, 3))


def sum_in_bytes(image):
    padded = np.pad(image, 1, "symmetric")
    total = np.zeros_like(image)
    for i in range(3):
        for j in range(3):
            total = total + padded[i : i + image.shape[0], j : j + image.shape[1]]
    return np.rint(total / 9).astype(np.uint8)


def error(truth, image):
    return np.mean((truth.astype(float) - image.astype(float)) ** 2)


def largest(image):
    return ndimage.maximum_filter(image, 3)


def smallest(image):
    return ndimage.minimum_filter(image, 3)


WRONG: list[WrongAnswer] = [
    ("filters.gaussian_kernel", bell, "do not sum to 1"),
    ("filters.gaussian_kernel", lambda n, s: bell(n, s) / (2 * np.pi * s**2), "in front"),
    ("filters.gaussian_kernel", lambda n, s: bell(n, s, 1) / bell(n, s, 1).sum(), "σ² where 2σ² belongs"),
    (
        "filters.gaussian_kernel",
        lambda n, s: bell(2 * n - 1, s)[n - 1 :, n - 1 :] / bell(2 * n - 1, s)[n - 1 :, n - 1 :].sum(),
        "from a corner",
    ),
    ("filters.gaussian_kernel", lambda n, s: signal.windows.gaussian(n, s), "shape"),
    ("filters.gaussian_kernel", lambda n, s: np.full((n, n), 1 / n**2), "values differ"),
    ("filters.convolve", lambda f, k: ndimage.correlate(f, k, mode="nearest"), "180 degrees first"),
    ("filters.convolve", lambda f, k: ndimage.correlate(f, k[::-1], mode="nearest"), "rows only"),
    ("filters.convolve", lambda f, k: ndimage.correlate(f, k[:, ::-1], mode="nearest"), "columns only"),
    ("filters.convolve", lambda f, k: signal.convolve2d(f, k, "same"), "zeros beyond the border"),
    ("filters.convolve", lambda f, k: ndimage.convolve(f, k, mode="mirror"), "mode 'reflect'"),
    ("filters.convolve", lambda f, k: ndimage.convolve(f, k, mode="reflect"), "which reflects"),
    ("filters.convolve", lambda f, k: loops_without_border(f, k[::-1, ::-1]), "black frame"),
    (
        "filters.convolve",
        lambda f, k: ndimage.correlate(
            f, k[::-1, ::-1], mode="nearest", origin=(-(k.shape[0] // 2), -(k.shape[1] // 2))
        ),
        "shifted up and to the left",
    ),
    ("filters.convolve", lambda f, k: signal.convolve2d(f, k, "valid"), "shape"),
    ("filters.convolve", four_loops, "180 degrees first"),
    ("filters.rounded_mean", lambda f: windows_of(f).mean(axis=(2, 3)).astype(np.uint8), "without rounding"),
    ("filters.rounded_mean", lambda f: ndimage.uniform_filter(f, 3), "without rounding"),
    ("filters.rounded_mean", sum_in_bytes, "in uint8"),
    ("filters.rounded_mean", lambda f: np.rint(ndimage.uniform_filter(f.astype(float), 3)), "should come back"),
    ("filters.rounded_mean", lambda f: ndimage.uniform_filter(f.astype(float), 3), "before rounding"),
    (
        "filters.rounded_mean",
        lambda f: np.rint(ndimage.uniform_filter(f.astype(float), 3, mode="constant")).astype(np.uint8),
        "zeros beyond the border",
    ),
    ("filters.rounded_mean", lambda f: ndimage.median_filter(f, 3), "median of the window"),
    ("filters.median", lambda f: ndimage.uniform_filter(f, 3), "mean of the window"),
    ("filters.median", lambda f: signal.medfilt2d(f, 3), "zeros beyond the border"),
    ("filters.median", lambda f: ndimage.median_filter(f, 3, mode="mirror"), "SciPy's 'reflect'"),
    ("filters.median", lambda f: np.median(f), "without an axis"),
    ("filters.median", lambda f: np.median(np.median(windows_of(f), axis=-1), axis=-1), "rows' medians"),
    ("filters.median", lambda f: ndimage.rank_filter(f, 3, 3), "index 4"),
    ("filters.median", lambda f: f, "without sorting"),
    ("filters.median", lambda f: np.median(np.median(windows_of(f), axis=-2), axis=-1), "columns' medians"),
    ("filters.median", lambda f: ndimage.median_filter(f, 5), "5 × 5"),
    ("filters.median", lambda f: ndimage.median_filter(f, 2), "2 × 2"),
    ("filters.median", lambda f: np.pad(signal.medfilt2d(f, 3)[1:-1, 1:-1], 1), "stay black"),
    ("filters.psnr", lambda t, f: 10 * np.log10(255**2 / np.mean((t - f) ** 2)), "in uint8"),
    ("filters.psnr", lambda t, f: 10 * np.log10(255**2 / np.mean((t - f).astype(float) ** 2)), "in uint8"),
    ("filters.psnr", lambda t, f: 20 * np.log10(255**2 / error(t, f)), "20 instead of 10"),
    ("filters.psnr", lambda t, f: 10 * np.log(255**2 / error(t, f)), "natural logarithm"),
    ("filters.psnr", lambda t, f: -10 * np.log10(error(t, f)), "full scale of 1"),
    ("filters.psnr", lambda t, f: 10 * np.log10(error(t, f) / 255**2), "error over signal"),
    ("filters.psnr", lambda t, f: 10 * np.log10(255 / error(t, f)), "its square belongs"),
    ("filters.psnr", error, "values differ"),
    ("filters.psnr", lambda t, f: 20 * np.log10(255 / np.abs(t.astype(float) - f).mean()), "absolute errors"),
    ("filters.closing", lambda f: largest(smallest(f)), "opening"),
    ("filters.closing", largest, "maximum alone"),
    ("filters.closing", smallest, "minimum alone"),
    ("filters.closing", lambda f: ndimage.median_filter(f, 3), "median"),
    (
        "filters.closing",
        lambda f: ndimage.minimum_filter(ndimage.maximum_filter(f, 3, mode="constant"), 3, mode="constant"),
        "zeros beyond the border",
    ),
    ("filters.closing", lambda f: f, "came back as it was"),
    ("filters.closing", lambda f: (largest(f) + smallest(f)) / 2, "values differ"),
    # further ones: off by one, another border, a copy of the input, another type
    ("filters.gaussian_kernel", lambda n, s: bell(n, s) / bell(n, s).sum(0), "values differ"),
    ("filters.gaussian_kernel", lambda n, s: bell(n, 1) / bell(n, 1).sum(), "values differ"),
    ("filters.gaussian_kernel", lambda n, s: bell(n, s**2) / bell(n, s**2).sum(), "values differ"),
    ("filters.gaussian_kernel", lambda n, s: bell(n, 1 / s) / bell(n, 1 / s).sum(), "in brackets"),
    (
        "filters.gaussian_kernel",
        lambda n, s: bell(n + 1, s)[:n, :n] / bell(n + 1, s)[:n, :n].sum(),
        "values differ",
    ),
    ("filters.gaussian_kernel", lambda n, s: ndimage.gaussian_filter(np.pad([[1.0]], n // 2), s), "values differ"),
    ("filters.convolve", lambda f, k: f, "values differ"),
    ("filters.convolve", lambda f, k: ndimage.convolve(f, np.rot90(k), mode="nearest"), "values differ"),
    ("filters.convolve", lambda f, k: ndimage.convolve(f, k / k.sum(), mode="nearest"), "values differ"),
    ("filters.convolve", lambda f, k: ndimage.convolve(f, k, mode="wrap"), "values differ"),
    ("filters.convolve", lambda f, k: np.abs(ndimage.convolve(f, k, mode="nearest")), "values differ"),
    ("filters.convolve", lambda f, k: ndimage.convolve(f, k, mode="nearest").astype(int), "values differ"),
    ("filters.rounded_mean", lambda f: f, "values differ"),
    ("filters.rounded_mean", lambda f: np.ceil(windows_of(f).mean(axis=(2, 3))).astype(np.uint8), "values differ"),
    ("filters.rounded_mean", lambda f: ndimage.uniform_filter(f, 3), "cuts the fraction off twice"),
    ("filters.rounded_mean", lambda f: np.rint(windows_of(f).sum((2, 3)) / 8).astype(np.uint8), "values differ"),
    ("filters.rounded_mean", lambda f: np.rint(windows_of(f).mean((2, 3))).astype(np.int8), "values differ"),
    ("filters.rounded_mean", lambda f: ndimage.convolve(f, np.ones((3, 3), int)) // 9, "made in uint8"),
    ("filters.median", lambda f: ndimage.rank_filter(f, 5, 3), "sixth of nine"),
    ("filters.median", lambda f: ndimage.median_filter(f, (1, 3)), "values differ"),
    ("filters.median", lambda f: ndimage.median_filter(f, 3, mode="wrap"), "values differ"),
    ("filters.median", largest, "values differ"),
    ("filters.median", lambda f: np.median(windows_of(f), axis=(2, 3)).astype(int), "values differ"),
    ("filters.median", lambda f: np.median(windows_of(f), axis=(0, 1)), "shape"),
    ("filters.psnr", lambda t, f: 10 * np.log10(256**2 / error(t, f)), "values differ"),
    ("filters.psnr", lambda t, f: 10 * np.log10(float(t.max()) ** 2 / error(t, f)), "the picture's own maximum"),
    ("filters.psnr", lambda t, f: 10 * np.log10(255**2 / np.sqrt(error(t, f))), "values differ"),
    ("filters.psnr", lambda t, f: 10 * np.log10(255 / np.sqrt(error(t, f))), "ratio of amplitudes"),
    ("filters.psnr", lambda t, f: 10 * np.log10(255**2 / np.var(t.astype(float) - f)), "values differ"),
    ("filters.psnr", lambda t, f: 10 * np.log10(255**2 / (error(t, f) * t.size)), "sum of the squared errors"),
    (
        "filters.psnr",
        lambda t, f: 10 * np.log10(255**2 / np.mean(np.square(t.astype(np.int16) - f.astype(np.int16)))),
        "int16, which holds",
    ),
    ("filters.gaussian_kernel", lambda n, s: of_offsets(np.arange(-n // 2, n // 2), s), "is −2"),
    ("filters.gaussian_kernel", lambda n, s: of_offsets(np.arange(n) - n / 2, s), "between two pixels"),
    ("filters.gaussian_kernel", lambda n, s: of_offsets(np.arange(n) - n // 2, np.sqrt(s)), "σ where its square"),
    ("filters.closing", lambda f: ndimage.grey_closing(f, 5), "values differ"),
    ("filters.closing", lambda f: ndimage.grey_closing(f, (2, 2)), "values differ"),
    ("filters.closing", lambda f: ndimage.grey_opening(ndimage.grey_closing(f, 3), 3), "values differ"),
    ("filters.closing", lambda f: ndimage.grey_closing(f, 3) - f, "values differ"),
    ("filters.closing", lambda f: ndimage.binary_closing(f > 0.5, np.ones((3, 3))), "values differ"),
]

RIGHT = [
    ("filters.gaussian_kernel", lambda n, s: bell(n, s) / bell(n, s).sum()),
    ("filters.convolve", lambda f, k: four_loops(f, k[::-1, ::-1])),
    ("filters.convolve", lambda f, k: ndimage.convolve(f, k, mode="nearest")),
    ("filters.rounded_mean", lambda f: np.rint(windows_of(f).mean(axis=(2, 3))).astype(np.uint8)),
    ("filters.median", lambda f: np.median(windows_of(f), axis=(2, 3))),
    ("filters.psnr", lambda t, f: 20 * np.log10(255 / np.sqrt(error(t, f)))),
    ("filters.closing", lambda f: ndimage.grey_closing(f, (3, 3))),
]


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_feedback(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_a_right_answer_is_accepted(name, answer):
    assert check(name, answer).status == "correct"


@pytest.mark.parametrize("name", CHAPTERS["ch05"])
def test_every_mistake_is_rejected_with_its_own_words(name):
    assert_mistakes_are_named(name, EXERCISES[name])


def test_every_exercise_is_tried_with_enough_wrong_answers():
    assert_enough_wrong_answers("ch05", WRONG)


@pytest.mark.parametrize("name", CHAPTERS["ch05"])
def test_a_stub_is_not_attempted(name):
    assert check(name, lambda *arguments: ...).status == "not attempted"
