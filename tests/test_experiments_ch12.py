"""The small transformer and the cluttered canvases of chapter 12."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.attention import attention_weights, multi_head_attention
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
    shifted_middles,
)
from course_utils.experiments.ch12_occlusion import (
    agreement,
    ink,
    looker_logits,
    occlusion,
    weights_of_blocks,
    weights_of_patches,
)
from course_utils.experiments.ch12_reader import read, train_reader
from course_utils.experiments.ch12_segmenter import build_segmenter


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


@pytest.mark.integration
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
    cost = occlusion(partial(looker_logits, looker), images[0], 3)
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


def test_weights_of_patches_are_those_of_the_last_block():
    keras.utils.set_random_seed(0)
    network = build_vit()
    images = np.random.default_rng(0).random((3, 28, 28)).astype(np.float32)
    found = weights_of_patches(network, images)
    normed = keras.Model(network.input, network.get_layer("block1_norm1").output)(images[..., np.newaxis])
    to_queries, query_bias, to_keys, key_bias = network.get_layer("block1_attention").get_weights()[:4]
    queries, keys = (
        np.einsum("npd,dhk->nhpk", np.asarray(normed), kernel) + bias[:, np.newaxis]
        for kernel, bias in ((to_queries, query_bias), (to_keys, key_bias))
    )
    expected = attention_weights(queries, keys).mean(axis=(1, 2)).reshape(3, 4, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 1, rtol=1e-5)


def test_agreement_counts_neighbours_and_leaves_out_what_does_not_change():
    costs = np.zeros((3, 3, 3))
    costs[0, 0, 0], costs[1, 2, 2], costs[2] = 1, 1, 0.01  # nothing matters on the third
    weights, dark = np.zeros((3, 3, 3)), np.zeros((3, 3, 3))
    weights[0, 1, 1], weights[1, 2, 2], weights[2, 0, 0] = 1, 1, 1
    dark[:, 0, 2] = 1
    assert agreement(weights, dark, costs, 0) == pytest.approx((0.5, 0, 1 / 9, 1 / 3))
    assert agreement(weights, dark, costs, 1) == pytest.approx((1, 0, 4 / 9, 1 / 3))
    with pytest.raises(ValueError, match="costs"):
        agreement(weights[2:], dark[2:], costs[2:], 0)


def test_ink_is_added_up_by_block(canvases):
    found = ink(canvases.images[:2])
    assert found.shape == (2, 7, 7)
    assert found[1, 2, 3] == canvases.images[1, 32:48, 48:64].sum(dtype=int)


@pytest.mark.integration
@pytest.mark.usefixtures("eagerly")  # a graph of these few steps takes longer to trace
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")  # that data are not read eagerly
def test_the_reader_tells_digits_apart_however_many_it_reads():
    images, labels = load_digits()
    picked = np.random.default_rng(0).integers(0, 5000, 100)
    sets = draw_canvases(images[picked], labels[picked], 4, np.random.default_rng(0))
    network, seconds = train_reader(sets, images[picked], labels[picked], 5, 0, batch_size=4, samples=16)
    assert seconds > 0
    assert abs(network.count_params() - looker_size()) < 1000
    alone = np.zeros((20, 112, 112), np.uint8)
    alone[:, 40:68, 40:68] = np.round(255 * images[picked[:20]])
    logits = read(network, alone)
    assert logits.shape == (20, 10)
    assert np.ptp(logits, axis=0).max() > 1e-3
    np.testing.assert_allclose(read(network, np.tile(alone, (6, 1, 1)))[100:], logits, atol=1e-4)


def looker_size():
    looker = Looker("learnt")
    return looker.glance.count_params() + looker.classify.count_params()


@pytest.mark.integration
def test_an_added_layer_leaves_the_rest_of_the_segmenter_as_it_is():
    plain, size = build_segmenter("nothing", 3), {}
    for around in ("attention", "pooled", "neither"):
        network = build_segmenter(around, 3)
        size[around] = network.count_params()
        there = {weight.path: weight.numpy() for weight in network.weights}
        for weight in plain.weights:
            np.testing.assert_array_equal(there[weight.path], weight.numpy())
        backbone = network.get_layer("backbone")
        branch = keras.Model(backbone.get_layer("around_norm").output, backbone.get_layer("around").input[1])
        cells = np.random.default_rng(0).normal(size=(2, 3, 4, 64)).astype(np.float32)
        cells[1] = cells[0]
        cells[1, 2, 3] += 1
        before, after = np.asarray(branch(cells))
        elsewhere = np.abs(after - before)[:2, :2].max()
        assert (elsewhere > 0) == (around != "neither")
    assert max(size.values()) - min(size.values()) < 200
