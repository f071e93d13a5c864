"""Filters against SciPy, OpenCV and scikit-image, against each other's properties, and on bad input."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage import exposure, restoration

from course_utils import filters

MODES = ("reflect", "nearest", "mirror", "wrap")
WINDOWS = {
    "mean": (filters.mean_filter, ndimage.uniform_filter),
    "median": (filters.median_filter, ndimage.median_filter),
    "maximum": (filters.maximum_filter, ndimage.maximum_filter),
    "minimum": (filters.minimum_filter, ndimage.minimum_filter),
}
rng = np.random.default_rng(0)
GREY = rng.random((23, 31))
COLOUR = rng.random((13, 17, 3))
GREY8 = rng.integers(0, 256, (23, 31), np.uint8)
COLOUR8 = rng.integers(0, 256, (13, 17, 3), np.uint8)

images = hnp.arrays(
    st.sampled_from([np.float64, np.float32]),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.floats(0, 1, width=32),
)
bytes_images = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)))
modes = st.sampled_from(MODES)
sizes = st.integers(1, 7)


def of_channels(function, image):
    """A function of grey images on every channel by itself."""
    if image.ndim == 2:
        return function(image)
    return np.stack([function(image[..., c]) for c in range(image.shape[-1])], axis=-1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("image", [GREY, COLOUR, GREY.astype(np.float32)], ids=["grey", "colour", "float32"])
def test_window_filters_agree_with_scipy_on_floats(image, name, size, mode):
    ours, theirs = WINDOWS[name]
    result = ours(image, size, mode)
    expected = of_channels(lambda channel: theirs(channel, size, mode=mode), image)
    assert result.dtype == image.dtype
    if name == "mean":
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12 if image.dtype == np.float64 else 1e-6)
    else:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [2, 3, 4, 5, 16, 17])
@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("image", [GREY8, COLOUR8], ids=["grey", "colour"])
def test_window_filters_round_what_scipy_gives_on_floats(image, name, size, mode):
    ours, theirs = WINDOWS[name]
    result = ours(image, size, mode)
    expected = of_channels(lambda channel: theirs(channel.astype(float), size, mode=mode), image)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, np.rint(expected.round(9)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 3), (3, 1)])
@pytest.mark.parametrize("name", WINDOWS)
def test_windows_larger_than_the_image_agree_with_scipy(name, shape, mode):
    ours, theirs = WINDOWS[name]
    image = np.random.default_rng(1).random(shape)
    for size in (2, 3, 6, 9):
        np.testing.assert_allclose(ours(image, size, mode), theirs(image, size, mode=mode), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", WINDOWS)
def test_an_image_of_many_strips_has_no_seams(name):
    ours, theirs = WINDOWS[name]
    image = np.random.default_rng(2).random((301, 257))
    for size in (3, 4):
        np.testing.assert_allclose(ours(image, size), theirs(image, size), rtol=0, atol=1e-12)


def test_a_white_image_of_a_large_window_does_not_overflow():
    white = np.full((40, 40), 255, np.uint8)
    for size in (15, 16, 17, 40, 257):
        np.testing.assert_array_equal(filters.mean_filter(white, size), white)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 4), (1, 5), (4, 1), (5, 2)])
def test_correlate_agrees_with_scipy(shape, mode):
    kernel = np.random.default_rng(3).normal(size=shape)
    for image in (GREY, COLOUR):
        expected = of_channels(lambda channel: ndimage.correlate(channel, kernel, mode=mode), image)
        np.testing.assert_allclose(filters.correlate(image, kernel, mode), expected, rtol=0, atol=1e-12)
    flipped = ndimage.convolve(GREY, kernel[: shape[0] // 2 * 2 + 1], mode=mode)
    if shape[0] % 2 and shape[1] % 2:
        np.testing.assert_allclose(filters.correlate(GREY, kernel[::-1, ::-1], mode), flipped, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sigma", [0.3, 0.8, 1.0, 2.5, 7.0])
@pytest.mark.parametrize("truncate", [0.5, 2.0, 4.0])
def test_gaussian_filter_agrees_with_scipy(sigma, truncate, mode):
    def theirs(channel):
        return ndimage.gaussian_filter(channel.astype(float), sigma, mode=mode, truncate=truncate)

    for image in (GREY, COLOUR):
        result = filters.gaussian_filter(image, sigma, mode, truncate)
        np.testing.assert_allclose(result, of_channels(theirs, image), rtol=0, atol=1e-12)
    for image in (GREY8, COLOUR8):
        result = filters.gaussian_filter(image, sigma, mode, truncate)
        assert result.dtype == np.uint8
        np.testing.assert_array_equal(result, np.rint(of_channels(theirs, image)))
    single = filters.gaussian_filter(GREY.astype(np.float32), sigma, mode, truncate)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, theirs(GREY), rtol=0, atol=2e-6)


@pytest.mark.parametrize(("size", "sigma"), [(1, 1.0), (3, 0.5), (5, 1.1), (9, 3.0)])
def test_gaussian_kernel_agrees_with_opencv(size, sigma):
    line = cv2.getGaussianKernel(size, sigma)[:, 0]
    np.testing.assert_allclose(filters.gaussian_kernel(size, sigma), np.outer(line, line), rtol=0, atol=1e-9)


def test_opencv_takes_another_kernel_for_size_5_than_its_formula_says():
    default = cv2.getGaussianKernel(5, 0)[:, 0]
    np.testing.assert_allclose(default, np.array([1, 4, 6, 4, 1]) / 16)
    assert np.abs(default - cv2.getGaussianKernel(5, 1.1)[:, 0]).max() > 0.007
    impulse = np.zeros((9, 9), np.uint8)
    impulse[4, 4] = 255
    assert cv2.GaussianBlur(impulse, (5, 5), 0)[4, 4] == 36


def test_3_by_3_filters_agree_with_opencv():
    np.testing.assert_array_equal(filters.median_filter(GREY8, 3, "nearest"), cv2.medianBlur(GREY8, 3))
    square = np.ones((3, 3), np.uint8)
    np.testing.assert_array_equal(filters.maximum_filter(GREY8, 3), cv2.dilate(GREY8, square))
    np.testing.assert_array_equal(filters.minimum_filter(GREY8, 3), cv2.erode(GREY8, square))
    theirs = cv2.blur(COLOUR8, (3, 3), borderType=cv2.BORDER_REFLECT)
    np.testing.assert_array_equal(filters.mean_filter(COLOUR8, 3), theirs)


@pytest.mark.parametrize("mode", MODES)
def test_bilateral_filter_agrees_with_four_loops(mode):
    image, (sigma_color, sigma_space) = COLOUR[:6, :7], (0.3, 1.5)
    padded = np.pad(
        image,
        [(2, 2), (2, 2), (0, 0)],
        {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap"}[mode],
    )
    expected = np.zeros_like(image)
    for y in range(6):
        for x in range(7):
            total = 0.0
            for dy in range(5):
                for dx in range(5):
                    neighbour = padded[y + dy, x + dx]
                    distance = np.sum((neighbour - image[y, x]) ** 2)
                    weight = np.exp(-distance / (2 * sigma_color**2))
                    weight *= np.exp(-((dy - 2) ** 2 + (dx - 2) ** 2) / (2 * sigma_space**2))
                    expected[y, x] += weight * neighbour
                    total += weight
            expected[y, x] /= total
    result = filters.bilateral_filter(image, 5, sigma_color, sigma_space, mode)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


def test_bilateral_filter_agrees_with_scikit_image_where_place_does_not_count():
    # scikit-image's table of distances runs from −3 to 2 for a window of 5, so its weights for the
    # place are shifted; of a colour it takes a third of the distance.
    theirs = restoration.denoise_bilateral(GREY, win_size=5, sigma_color=0.2, sigma_spatial=1e5, mode="symmetric")
    np.testing.assert_allclose(filters.bilateral_filter(GREY, 5, 0.2, 1e5), theirs, rtol=0, atol=2e-4)


def test_bilateral_filter_of_3_by_3_agrees_with_opencv():
    # Its window is round: without the corners, which a tiny sigma_space silences in ours.
    theirs = cv2.bilateralFilter(GREY.astype(np.float32), 3, 0.2, 0.35, borderType=cv2.BORDER_REFLECT)
    ours = filters.bilateral_filter(GREY.astype(np.float32), 3, 0.2, 0.35)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-3)


def test_bilateral_filter_with_a_huge_sigma_color_is_a_gaussian_blur():
    expected = filters.correlate(GREY, filters.gaussian_kernel(5, 1.2))
    np.testing.assert_allclose(filters.bilateral_filter(GREY, 5, 1e6, 1.2), expected, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_sigmas_reach_their_limits(dtype):
    image = GREY.astype(dtype)
    for tiny in (1e-200, 1e-320):
        np.testing.assert_array_equal(filters.gaussian_kernel(3, tiny), [[0, 0, 0], [0, 1, 0], [0, 0, 0]])
        for sigma_color, sigma_space in ((tiny, 2.0), (0.1, tiny)):
            result = filters.bilateral_filter(image, 3, sigma_color, sigma_space)
            np.testing.assert_allclose(result, image, rtol=1e-6)
    mean = filters.mean_filter(image, 3)
    np.testing.assert_allclose(filters.bilateral_filter(image, 3, 1e300, 1e300), mean, rtol=0, atol=1e-6)


@pytest.mark.parametrize("gamma", [0.25, 1.0, 2.2])
def test_gamma_agrees_with_scikit_image(gamma):
    np.testing.assert_allclose(filters.gamma_correct(COLOUR, gamma), exposure.adjust_gamma(COLOUR, gamma))
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(filters.gamma_correct(levels, gamma), exposure.adjust_gamma(levels, gamma))


def test_gamma_by_hand():
    np.testing.assert_array_equal(filters.gamma_correct(np.array([[0, 1, 255]], np.uint8), 0.25), [[0, 64, 255]])


def test_gaussian_noise_has_its_sigma_and_its_seed():
    grey = np.full((300, 300, 3), 0.5, np.float32)
    noisy = filters.add_gaussian_noise(grey, 0.05, np.random.default_rng(0))
    assert noisy.dtype == np.float32
    assert abs(float(noisy.std()) - 0.05) < 3e-4
    assert abs(float(noisy.mean()) - 0.5) < 4e-4
    np.testing.assert_array_equal(noisy, filters.add_gaussian_noise(grey, 0.05, np.random.default_rng(0)))
    free = filters.add_gaussian_noise(grey, 0.5, np.random.default_rng(0), clip=False)
    cut = filters.add_gaussian_noise(grey, 0.5, np.random.default_rng(0))
    np.testing.assert_array_equal(cut, np.clip(free, 0, 1))
    dark = filters.add_gaussian_noise(np.full((100, 100), 3, np.uint8), 10.0, np.random.default_rng(0))
    assert dark.dtype == np.uint8
    assert dark.min() == 0
    assert dark.max() < 60


@pytest.mark.parametrize("salt", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_salt_and_pepper_hits_its_share_of_whole_pixels(dtype, salt):
    grey = np.full((300, 300, 3), 100 if dtype == np.uint8 else 0.4, dtype)
    noisy = filters.add_salt_and_pepper(grey, 0.2, np.random.default_rng(0), salt)
    white = (noisy == (255 if dtype == np.uint8 else 1)).all(axis=-1)
    black = (noisy == 0).all(axis=-1)
    assert noisy.dtype == dtype
    assert abs(white.mean() - 0.2 * salt) < 0.005
    assert abs(black.mean() - 0.2 * (1 - salt)) < 0.005
    np.testing.assert_array_equal(noisy[~white & ~black], grey[~white & ~black])
    assert (grey == grey.flat[0]).all()


def test_salt_and_pepper_at_its_ends():
    for amount, changed in ((0.0, 0), (1.0, GREY.size)):
        noisy = filters.add_salt_and_pepper(GREY, amount, np.random.default_rng(0))
        assert np.sum(noisy != GREY) == changed


# Properties


@given(st.integers(0, 255), st.tuples(st.integers(1, 6), st.integers(1, 6)), sizes, modes, st.booleans())
def test_a_constant_image_stays_constant(value, shape, size, mode, as_bytes):
    image = np.full(shape, value, np.uint8) if as_bytes else np.full(shape, value / 255)
    odd = size | 1
    results = [function(image, size, mode) for function, _ in WINDOWS.values()]
    results += [
        filters.correlate(image, filters.gaussian_kernel(odd, 1.5), mode),
        filters.gaussian_filter(image, 0.3 * size, mode),
        filters.bilateral_filter(image, odd, 0.1, 2.0, mode),
    ]
    for result in results:
        assert result.dtype == image.dtype
        np.testing.assert_allclose(result, image, rtol=0, atol=0 if as_bytes else 1e-12)


@given(bytes_images, sizes, modes, st.integers(0, 2**32 - 1))
def test_rank_filters_commute_with_monotone_maps(image, size, mode, seed):
    rising = np.sort(np.random.default_rng(seed).integers(0, 256, 256, np.uint8))
    for function in (filters.median_filter, filters.maximum_filter, filters.minimum_filter):
        np.testing.assert_array_equal(function(rising[image], size, mode), rising[function(image, size, mode)])


@given(images, sizes, modes)
def test_minimum_is_the_maximum_of_the_negative(image, size, mode):
    low, high = filters.minimum_filter(image, size, mode), filters.maximum_filter(image, size, mode)
    np.testing.assert_array_equal(low, -filters.maximum_filter(-image, size, mode))
    for function in (filters.median_filter, filters.mean_filter):
        middle = function(image, size, mode)
        assert ((low <= middle + 1e-6) & (middle <= high + 1e-6)).all()


@settings(max_examples=50)
@given(images, images, st.floats(-3, 3), sizes, modes)
def test_linear_filters_are_linear(one, other, factor, size, mode):
    h, w = min(one.shape[0], other.shape[0]), min(one.shape[1], other.shape[1])
    one, other = one[:h, :w].astype(float), other[:h, :w].astype(float)
    for function in (
        lambda image: filters.mean_filter(image, size, mode),
        lambda image: filters.gaussian_filter(image, 0.4 * size, mode),
        lambda image: filters.correlate(image, [[1.0, -2.0, 0.5]], mode),
    ):
        expected = function(one) + factor * function(other)
        np.testing.assert_allclose(function(one + factor * other), expected, rtol=0, atol=1e-9)


@given(images, st.integers(-3, 3), st.integers(-3, 3), sizes)
def test_filters_follow_a_shift_where_the_image_wraps(image, down, right, size):
    def shift(values):
        return np.roll(values, (down, right), (0, 1))

    for function in (filters.median_filter, filters.maximum_filter, filters.mean_filter):
        expected = shift(function(image, size, "wrap"))
        np.testing.assert_allclose(function(shift(image), size, "wrap"), expected, rtol=0, atol=1e-6)


# Bad input

NAN = np.array([[0.0, 1.0], [np.nan, 0.0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: filters.gaussian_kernel(4, 1.0), "size: expected an odd size"),
        (lambda: filters.gaussian_kernel(3, 0.0), "sigma: expected a finite number above 0, got 0.0"),
        (lambda: filters.gaussian_kernel(3, -1.0), "sigma"),
        (lambda: filters.gaussian_kernel(0, 1.0), "size"),
        (lambda: filters.gaussian_kernel(3.0, 1.0), "size: expected an integer"),
        (lambda: filters.gaussian_filter(GREY, 0.0), "sigma"),
        (lambda: filters.gaussian_filter(GREY, np.nan), "sigma"),
        (lambda: filters.gaussian_filter(GREY, 1.0, truncate=0.0), "truncate"),
        (lambda: filters.gaussian_filter(GREY, 1.0, mode="constant"), "mode: expected one of"),
        (lambda: filters.gaussian_filter(NAN, 1.0), r"image: 1 of 4 values are NaN, the first at index \(1, 0\)"),
        (lambda: filters.correlate(NAN, np.ones((3, 3))), "NaN"),
        (lambda: filters.correlate(GREY, NAN), "kernel: 1 of 4 values are NaN"),
        (lambda: filters.correlate(GREY, np.ones(3)), "kernel: expected rank 2"),
        (lambda: filters.correlate(GREY, np.ones((0, 3))), "kernel"),
        (lambda: filters.correlate(GREY8, np.ones((3, 3))), "which uint8 cannot hold"),
        (lambda: filters.correlate(GREY8, [[-1.0, 0.0, 1.0]]), "which uint8 cannot hold"),
        (lambda: filters.correlate(GREY, np.ones((3, 3)), mode="symmetric"), "mode"),
        (lambda: filters.mean_filter(np.zeros(5), 3), r"image: expected \(H, W\) or"),
        (lambda: filters.mean_filter(np.zeros((2, 3, 3, 1)), 3), r"image: expected \(H, W\) or"),
        (lambda: filters.mean_filter(np.zeros((0, 3)), 3), "image"),
        (lambda: filters.mean_filter(GREY, 0), "size"),
        (lambda: filters.mean_filter(GREY, True), "size"),
        (lambda: filters.mean_filter(NAN, 3), "NaN"),
        (lambda: filters.median_filter(NAN, 3), "NaN"),
        (lambda: filters.median_filter(GREY, 2.5), "size"),
        (lambda: filters.median_filter(GREY > 0.5, 3), "image: expected real numbers, got dtype bool"),
        (
            lambda: filters.median_filter(np.array([[0.0, np.inf]]), 3),
            r"finite numbers, got inf at index \(0, 1\)",
        ),
        (lambda: filters.maximum_filter(NAN, 3), "NaN"),
        (lambda: filters.minimum_filter(GREY, -1), "size"),
        (lambda: filters.minimum_filter(GREY, 3, "edge"), "mode"),
        (lambda: filters.bilateral_filter(GREY, 4, 0.1, 1.0), "size: expected an odd size"),
        (lambda: filters.bilateral_filter(GREY, 3, 0.0, 1.0), "sigma_color"),
        (lambda: filters.bilateral_filter(GREY, 3, 0.1, -1.0), "sigma_space"),
        (lambda: filters.bilateral_filter(NAN, 3, 0.1, 1.0), "NaN"),
        (lambda: filters.gamma_correct(GREY, 0.0), "gamma"),
        (lambda: filters.gamma_correct(NAN, 1.0), "NaN"),
        (lambda: filters.gamma_correct([[0.5, 1.5]], 1.0), r"in \[0, 1\] or uint8, got 1.5 at index \(0, 1\)"),
        (lambda: filters.add_gaussian_noise(GREY, 0.0, rng), "sigma"),
        (lambda: filters.add_gaussian_noise(NAN, 0.1, rng), "NaN"),
        (lambda: filters.add_salt_and_pepper(GREY, 1.5, rng), "amount: expected a finite number from 0 to 1"),
        (
            lambda: filters.add_salt_and_pepper(GREY, 0.1, rng, salt=-0.1),
            "salt: expected a finite number from 0 to 1",
        ),
        (lambda: filters.add_salt_and_pepper(GREY, np.nan, rng), "amount"),
        (lambda: filters.add_salt_and_pepper(GREY, "a", rng), "amount: expected a finite number from 0 to 1"),
        (lambda: filters.add_salt_and_pepper(GREY, 0.1, 0), "rng: expected a numpy.random.Generator"),
        (lambda: filters.add_gaussian_noise(GREY, 0.1, None), "rng: expected a numpy.random.Generator"),
        (lambda: filters.add_salt_and_pepper(255 * GREY, 0.1, rng), "image"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
