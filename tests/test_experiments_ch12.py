"""The small transformer and the cluttered canvases of chapter 12."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.attention import multi_head_attention
from course_utils.datasets import load_digits
from course_utils.experiments.ch12 import DigitTraining, build_cnn, build_vit, splits
from course_utils.experiments.ch12_canvases import (
    GLIMPSE,
    PIXELS_READ,
    SIDE,
    Looker,
    draw_canvases,
    hits,
    nearest_window,
    occlusion,
    shifted_middles,
    weights_of_blocks,
)


@pytest.fixture(scope="module")
def canvases():
    images, labels = load_digits()
    return draw_canvases(images, labels, 40, np.random.default_rng(0))


def test_the_parts_share_no_digit():
    train, validation, test = splits()
    assert len({*train, *validation, *test}) == 5000


def test_both_networks_are_of_one_size():
    assert abs(build_vit().count_params() - build_cnn().count_params()) < 20


def test_the_transformer_attends_as_our_function_does():
    keras.utils.set_random_seed(0)
    network = build_vit()
    norm, attend = network.get_layer("block0_norm1"), network.get_layer("block0_attention")
    parts = keras.Model(network.input, [norm.output, attend.output])
    image = np.random.default_rng(0).random((2, 28, 28, 1)).astype(np.float32)
    before, after = (np.asarray(part) for part in parts(image))
    ours = multi_head_attention(before, before, attend.get_weights(), 4)
    np.testing.assert_allclose(ours, after, rtol=1e-4, atol=1e-5)


def test_training_improves_and_repeats():
    images, labels = load_digits()
    picked = np.random.default_rng(0).integers(0, 5000, 200)
    training, found = DigitTraining(build_cnn, reach=1), []
    for seed in (3, 3, 4):
        training.run(images[picked][..., np.newaxis], labels[picked], steps=30, seed=seed, learning_rate=0.01)
        found.append(np.asarray(training.network(images[picked][..., np.newaxis])))
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)
    assert np.abs(found[0] - found[2]).max() > 0.1
    assert np.mean(found[0].argmax(axis=1) == labels[picked]) > 0.4


def test_canvases_hold_the_digit_and_repeat(canvases):
    images, labels = load_digits()
    again = draw_canvases(images, labels, 40, np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(canvases, again, strict=True))
    assert canvases.images.dtype == np.uint8
    for image, label, (row, column) in zip(*canvases, strict=True):
        window = image[row : row + 28, column : column + 28] / 255
        # Some digit of that class is in the window, every pixel of its ink or more.
        assert (window >= images[labels == label] - 0.01).all(axis=(1, 2)).any()


def test_a_tenth_of_the_pixels_is_read():
    assert PIXELS_READ == 28**2 + GLIMPSE**2 <= SIDE**2 / 10


def test_a_glimpse_is_a_piece_of_the_canvas(canvases):
    looker = Looker("true")
    windows = nearest_window(canvases.corners)
    pieces = looker.glimpse(tf.constant(canvases.images), tf.constant(windows)).numpy()
    for image, window, piece in zip(canvases.images, windows, pieces, strict=True):
        row, column = 4 * (window // 22) + 4, 4 * (window % 22) + 4
        np.testing.assert_array_equal(piece[..., 0], image[row : row + GLIMPSE, column : column + GLIMPSE])
    assert hits(windows, canvases.corners) == 1
    assert hits((windows + 240) % 484, canvases.corners) < 0.1


def test_only_the_glance_decides_about_the_window(canvases):
    for place in ("learnt", "brightest"):
        keras.utils.set_random_seed(0)
        looker = Looker(place)
        images = canvases.images[:4].astype(np.float32) / 255
        others = images + np.random.default_rng(0).random(images.shape).astype(np.float32)
        others[:, ::4, ::4] = images[:, ::4, ::4]
        np.testing.assert_array_equal(looker.scores(tf.constant(images)), looker.scores(tf.constant(others)))


def test_occlusion_is_what_blanking_costs(canvases):
    keras.utils.set_random_seed(0)
    looker, images = Looker("learnt"), canvases.images[:2].copy()
    images[1] = images[0]
    images[1, 32:48, 16:32] = 0
    cost = occlusion(looker, images[0], 3)
    assert cost.shape == (7, 7)
    logits, _ = looker.predict(canvases._replace(images=images))
    before, after = (float(value) for value in tf.nn.log_softmax(logits)[:, 3])
    assert cost[2, 1] == pytest.approx(before - after, abs=1e-5)


def test_weights_of_blocks_are_those_of_the_windows(canvases):
    keras.utils.set_random_seed(0)
    looker = Looker("learnt")
    blocks = weights_of_blocks(looker, canvases.images[:3])
    policy = tf.nn.softmax(looker.scores(tf.constant(canvases.images[:3], tf.float32) / 255)).numpy()
    expected = np.zeros((3, 7, 7))
    for window in range(484):
        row, column = (4 * place + 14 for place in divmod(window, 22))
        expected[:, row // 16, column // 16] += policy[:, window]
    np.testing.assert_allclose(blocks, expected, rtol=1e-4)


def test_shifted_middles_are_pieces_of_the_digits():
    images, _ = load_digits()
    pieces = shifted_middles(images[:20], np.random.default_rng(0))
    assert pieces.shape == (20, GLIMPSE, GLIMPSE, 1)
    for image, piece in zip(images, pieces, strict=False):
        views = np.lib.stride_tricks.sliding_window_view(image, (GLIMPSE, GLIMPSE))
        assert (views == piece[..., 0]).all(axis=(2, 3)).any()
