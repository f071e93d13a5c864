"""The checker of chapter 10 against the wrong answers that students give."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch10 import EXERCISES
from exercise_answers import (
    WrongAnswer,
    assert_enough_wrong_answers,
    assert_error_is_shown,
    assert_mistakes_are_named,
    assert_rejected,
    assert_stub_is_not_attempted,
)


def size(n, k, s, d, p):
    return int(np.ceil(n / s)) if p == "same" else int(np.floor((n - d * (k - 1) - 1) / s)) + 1


def keras_size(n, k, s, d, p):
    """Pooling has strides together with any kernel; spread kernels are wider ones."""
    shape = keras.layers.MaxPooling1D(d * (k - 1) + 1, s, p).compute_output_shape((1, n, 1))
    return shape[1]


def field(layers):
    pixels = {0}
    for k, s, d in reversed(layers):
        pixels = {s * p + d * i for p in pixels for i in range(k)}
    return max(pixels) - min(pixels) + 1


def norm(x, g, b, e, axes=None, **options):
    axes = axes or tuple(range(x.ndim - 1))
    spread = np.var(x, axis=axes, keepdims=True, **options)
    return (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(spread + e) * g + b


def keras_norm(x, g, b, e):
    layer = keras.layers.BatchNormalization(epsilon=e, dtype="float64")
    layer.build(x.shape)
    layer.gamma.assign(g)
    layer.beta.assign(b)
    return layer(x, training=True).numpy()


def taped_gradient(x, g, upstream, e):
    values = tf.constant(x)
    axes = list(range(x.ndim - 1))
    with tf.GradientTape() as tape:
        tape.watch(values)
        mean, variance = tf.nn.moments(values, axes)
        loss = tf.reduce_sum(upstream * g * (values - mean) / tf.sqrt(variance + e))
    return tape.gradient(loss, values).numpy()


def fold(w, b, g, beta, m, v, e):
    s = g / np.sqrt(v + e)
    return np.concatenate([w * s, [(b - m) * s + beta]])


WRONG: list[WrongAnswer] = [
    (
        "backbones.output_size",
        lambda n, k, s, d, p: n // s if p == "same" else size(n, k, s, d, p),
        "rounded down",
    ),
    ("backbones.output_size", lambda n, k, s, d, p: size(n, k, s, 1, p), "dilation is forgotten"),
    ("backbones.output_size", lambda n, k, s, d, p: size(n, k, s, d, p) - (p == "valid"), "number of steps"),
    ("backbones.output_size", lambda n, k, s, d, p: size(n, k, s, d, "valid"), "not looked at"),
    ("backbones.output_size", lambda n, k, s, d, p: size(n, k, s, d, "same"), "differ"),
    ("backbones.output_size", lambda n, k, s, d, p: 4, "differ"),
    ("backbones.output_size", lambda n, k, s, d, p: n / s, "differ"),
    ("backbones.dilated_field", lambda layers: field([(k, s, 1) for k, s, d in layers]), "dilation is forgotten"),
    ("backbones.dilated_field", lambda layers: field([(k, 1, d) for k, s, d in layers]), "strides are forgotten"),
    ("backbones.dilated_field", lambda layers: field(layers) - 1, "One short"),
    ("backbones.dilated_field", lambda layers: field(layers[::-1]), "differ"),
    ("backbones.dilated_field", lambda layers: int(np.prod([s for _, s, _ in layers])), "differ"),
    ("backbones.dilated_field", lambda layers: 7, "differ"),
    ("backbones.separable_macs", lambda h, w, c, f, k: h * w * c * f * k * k, "ordinary convolution"),
    ("backbones.separable_macs", lambda h, w, c, f, k: c * k * k + c * f, "These are the weights"),
    ("backbones.separable_macs", lambda h, w, c, f, k: h * w * c * k * k, "1×1 half is missing"),
    ("backbones.separable_macs", lambda h, w, c, f, k: h * w * c * (k + f), "square belongs"),
    ("backbones.separable_macs", lambda h, w, c, f, k: h * w * (c + f) * k * k, "differ"),
    ("backbones.separable_macs", lambda h, w, c, f, k: 480, "differ"),
    ("backbones.batch_norm", lambda x, g, b, e: norm(x, g, b, e, (0,)), "batch only"),
    ("backbones.batch_norm", lambda x, g, b, e: norm(x, g, b, e, (-1,)), "layer normalisation"),
    ("backbones.batch_norm", lambda x, g, b, e: norm(x, g, b, e, ddof=1), "n − 1"),
    ("backbones.batch_norm", lambda x, g, b, e: norm(x, 1, 0, e), "γ and β are forgotten"),
    ("backbones.batch_norm", lambda x, g, b, e: norm(x, g, b, 0.001), "differ"),
    ("backbones.batch_norm", lambda x, g, b, e: norm(x, g, b, e).ravel(), "shape"),
    ("backbones.batch_norm", lambda x, g, b, e: np.zeros_like(x), "differ"),
    ("backbones.batch_norm_gradient", lambda x, g, u, e: u * g / np.sqrt(x.var((0,)) + e), "differ"),
    (
        "backbones.batch_norm_gradient",
        lambda x, g, u, e: u * g / np.sqrt(x.var(tuple(range(x.ndim - 1))) + e),
        "taken for constants",
    ),
    ("backbones.batch_norm_gradient", lambda x, g, u, e: taped_gradient(x, 1.0, u, e), "γ is forgotten"),
    ("backbones.batch_norm_gradient", lambda x, g, u, e: -taped_gradient(x, g, u, e), "differ"),
    ("backbones.batch_norm_gradient", lambda x, g, u, e: np.zeros_like(x), "differ"),
    ("backbones.fold", lambda w, b, g, beta, m, v, e: fold(w, 0 * b, g, beta, m, v, e), "own bias is lost"),
    ("backbones.fold", lambda w, b, g, beta, m, v, e: fold(w, b, g, beta, -m, v, e), "sign of the mean"),
    (
        "backbones.fold",
        lambda w, b, g, beta, m, v, e: fold(w, b, np.ones_like(g), beta, m, v, e),
        "γ is forgotten",
    ),
    ("backbones.fold", lambda w, b, g, beta, m, v, e: fold(w, b, g, beta, m, v, 0.0), "differ"),
    ("backbones.fold", lambda w, b, g, beta, m, v, e: fold(w, b, g, beta, m, v, e)[:-1], "shape"),
    ("backbones.fold", lambda w, b, g, beta, m, v, e: np.vstack([w, b]), "differ"),
]

RIGHT = [
    ("backbones.output_size", size),
    ("backbones.output_size", keras_size),
    ("backbones.dilated_field", field),
    ("backbones.separable_macs", lambda h, w, c, f, k: sum(h * w * c * n for n in (k * k, f))),
    ("backbones.batch_norm", norm),
    ("backbones.batch_norm", keras_norm),
    ("backbones.batch_norm", lambda x, g, b, e: norm(x, g, b, e).astype(np.float32)),
    ("backbones.batch_norm_gradient", taped_gradient),
    ("backbones.fold", fold),
]


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_feedback(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_a_right_answer_is_accepted(name, answer):
    assert check(name, answer).status == "correct", check(name, answer)


@pytest.mark.parametrize("name", CHAPTERS["ch10"])
def test_every_mistake_is_rejected_with_its_own_words(name):
    assert_mistakes_are_named(name, EXERCISES[name])


@pytest.mark.parametrize("name", CHAPTERS["ch10"])
def test_a_stub_and_an_error_are_told_apart(name):
    assert_stub_is_not_attempted(name)
    assert_error_is_shown(name)


def test_every_exercise_is_tried_with_enough_wrong_answers():
    assert_enough_wrong_answers("ch10", WRONG)
