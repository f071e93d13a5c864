"""PSNR and SSIM against scikit-image, and on bad input."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from course_utils.metrics import psnr, ssim

rng = np.random.default_rng(0)
COLOUR = rng.random((20, 24, 3))
NOISY = np.clip(COLOUR + rng.normal(0, 0.1, COLOUR.shape), 0, 1)
COLOUR8, NOISY8 = ((255 * image).astype(np.uint8) for image in (COLOUR, NOISY))


@pytest.mark.parametrize(("truth", "guess"), [(COLOUR, NOISY), (COLOUR8, NOISY8)], ids=["float", "uint8"])
def test_agreement_with_scikit_image(truth, guess):
    assert psnr(truth, guess) == pytest.approx(peak_signal_noise_ratio(truth, guess), abs=1e-9)
    full = 255 if truth.dtype == np.uint8 else 1
    assert ssim(truth, guess) == structural_similarity(truth, guess, data_range=full, channel_axis=-1)
    grey = structural_similarity(truth[..., 0], guess[..., 0], data_range=full)
    assert ssim(truth[..., 0], guess[..., 0]) == grey


def test_floats_of_two_precisions_can_be_compared():
    single = NOISY.astype(np.float32)
    assert psnr(COLOUR, single) == pytest.approx(psnr(COLOUR, NOISY), abs=1e-4)
    assert ssim(COLOUR, single) == pytest.approx(ssim(COLOUR, NOISY), abs=1e-5)


def test_psnr_by_hand():
    assert psnr(np.array([[0, 255]], np.uint8), np.array([[255, 255]], np.uint8)) == pytest.approx(
        3.0103, abs=1e-4
    )
    assert psnr([[0.0, 0.5]], [[0.1, 0.4]]) == pytest.approx(20)
    assert psnr([[0.0, 50.0]], [[10.0, 40.0]], data_range=100) == pytest.approx(20)
    assert psnr(COLOUR, COLOUR) == np.inf
    assert ssim(COLOUR, COLOUR) == 1


@pytest.mark.parametrize("metric", [psnr, ssim])
@pytest.mark.parametrize(
    ("truth", "guess", "data_range", "message"),
    [
        (COLOUR, NOISY[:-1], None, "y_pred: expected shape and dtype of y_true"),
        (COLOUR, NOISY8, None, "y_pred"),
        (COLOUR8, NOISY8.astype(np.int16), None, "y_pred"),
        (COLOUR, np.full_like(COLOUR, np.inf), None, "y_pred: expected finite numbers"),
        (COLOUR, np.full_like(COLOUR, np.nan), None, "y_pred: 1440 of 1440 values are NaN"),
        (255 * COLOUR, 255 * NOISY, None, "data_range: only uint8 and floats in"),
        (COLOUR8.astype(int), NOISY8.astype(int), None, "data_range: only uint8"),
        (COLOUR, NOISY, 0.0, "data_range: expected a finite number above 0"),
        (np.zeros((0, 3)), np.zeros((0, 3)), None, "not empty"),
    ],
)
def test_bad_input_is_named(metric, truth, guess, data_range, message):
    with pytest.raises(ValueError, match=message):
        metric(truth, guess, data_range)


def test_an_image_too_small_for_the_window_of_ssim_raises():
    with pytest.raises(ValueError, match="7 pixels or more"):
        ssim(COLOUR[:6], NOISY[:6])
