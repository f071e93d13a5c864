"""Colours to class ids and back, against a loop over the pixels."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.label_maps import IGNORE_COLOUR, labels_to_rgb, rgb_to_labels

PALETTE = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [1, 2, 3]], np.uint8)


def pixel_loop(rgb, palette):
    ids = {tuple(colour): k for k, colour in enumerate(palette.tolist())}
    return np.array([[ids.get(tuple(pixel), 255) for pixel in row] for row in rgb.tolist()], np.uint8)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 255))
def test_there_and_back(seed, n_classes):
    rng = np.random.default_rng(seed)
    codes = rng.choice(2**24, n_classes, replace=False)
    palette = np.stack([codes & 255, codes >> 8 & 255, codes >> 16], axis=1)
    labels = rng.integers(0, n_classes, (6, 7)).astype(np.uint8)
    rgb = labels_to_rgb(labels, palette)
    assert rgb.dtype == np.uint8 and rgb.shape == (6, 7, 3)
    assert np.array_equal(rgb_to_labels(rgb, palette), labels)
    rgb[2, 3] = rng.integers(0, 256, 3)
    assert np.array_equal(rgb_to_labels(rgb, palette, unknown="ignore"), pixel_loop(rgb, palette))


def test_every_colour_of_a_photograph_is_looked_up_as_by_opencv():
    rgb = np.random.default_rng(0).integers(0, 4, (20, 30, 3)).astype(np.uint8)
    labels = np.full((20, 30), 255, np.uint8)
    for k, colour in enumerate(PALETTE):
        labels[cv2.inRange(rgb, colour, colour) > 0] = k
    assert (labels == 3).any() and (labels == 255).any()
    assert np.array_equal(rgb_to_labels(rgb, PALETTE, "ignore"), labels)


def test_colours_that_share_two_bytes_or_a_sum_are_told_apart():
    palette = np.array([[1, 2, 3], [3, 2, 1], [2, 1, 3], [0, 3, 3], [1, 2, 4], [1, 3, 3], [2, 2, 3]])
    rgb = palette[np.newaxis].astype(np.uint8)
    assert rgb_to_labels(rgb, palette).tolist() == [[0, 1, 2, 3, 4, 5, 6]]


def test_views_batches_and_empty_images():
    rgb = labels_to_rgb(np.arange(4).reshape(2, 2), PALETTE)
    assert rgb_to_labels(rgb[::-1, :, :], PALETTE).tolist() == [[2, 3], [0, 1]]
    assert rgb_to_labels(rgb[..., ::-1][..., ::-1], PALETTE).tolist() == [[0, 1], [2, 3]]
    assert rgb_to_labels(np.stack([rgb, rgb]), PALETTE).shape == (2, 2, 2)
    assert rgb_to_labels(np.zeros((0, 5, 3), np.uint8), PALETTE).shape == (0, 5)


def test_ignored_pixels_survive_the_round_trip():
    labels = np.array([[0, 255], [3, 1]], np.uint8)
    rgb = labels_to_rgb(labels, PALETTE)
    assert tuple(rgb[0, 1]) == IGNORE_COLOUR
    assert np.array_equal(rgb_to_labels(rgb, PALETTE, "ignore"), labels)


def test_results_of_one_palette_do_not_touch_the_next():
    rgb = np.array([[[255, 0, 0]]], np.uint8)
    first = rgb_to_labels(rgb, PALETTE)
    first[:] = 99
    assert rgb_to_labels(rgb, PALETTE).item() == 1
    assert rgb_to_labels(rgb, PALETTE[::-1]).item() == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: rgb_to_labels(np.full((2, 2, 3), 9, np.uint8), PALETTE),
            r"rgb: 4 of 4 pixels .* \[9, 9, 9\] at index \(0, 0\)",
        ),
        (lambda: rgb_to_labels(np.zeros((2, 2, 3)), PALETTE), "rgb: expected dtype uint8, got float64"),
        (lambda: rgb_to_labels(np.zeros((2, 2, 4), np.uint8), PALETTE), r"rgb: .*\(2, 2, 4\)"),
        (lambda: rgb_to_labels(np.zeros((2, 3), np.uint8), PALETTE), r"rgb: .*\(2, 3\)"),
        (lambda: rgb_to_labels(np.zeros((2, 2, 3), np.uint8), PALETTE, "skip"), "unknown: .*'skip'"),
        (
            lambda: rgb_to_labels(np.zeros((2, 2, 3), np.uint8), [[1, 2, 3], [4, 5, 6], [1, 2, 3]]),
            r"palette: rows \[0, 2\] .*\[1, 2, 3\]",
        ),
        (lambda: labels_to_rgb([[0]], [[0, 0, 256]]), r"palette: .*256 at index \(0, 2\)"),
        (lambda: labels_to_rgb([[0]], [[0.5, 0, 0]]), "palette: expected integers"),
        (lambda: labels_to_rgb([[0]], np.zeros((0, 3), int)), r"palette: .*\(0, 3\)"),
        (lambda: labels_to_rgb([[0]], np.zeros((2, 4), int)), r"palette: .*\(2, 4\)"),
        (lambda: labels_to_rgb([[0, 4]], PALETTE), r"labels: .*got 4 at index \(0, 1\)"),
        (lambda: labels_to_rgb([[-1]], PALETTE), "labels: .*-1"),
        (lambda: labels_to_rgb([[0.0]], PALETTE), "labels: expected integers"),
        (lambda: labels_to_rgb([[255]], PALETTE, ignore_colour=(255, 0, 0)), "ignore_colour: .*class"),
        (lambda: labels_to_rgb([[255]], PALETTE, ignore_colour=(255, 0)), "ignore_colour: expected three"),
    ],
)
def test_bad_input_raises_and_says_what(call, message):
    with pytest.raises(ValueError, match=message):
        call()
