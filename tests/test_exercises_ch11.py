"""The checker of chapter 11 against the wrong answers that students give."""

import numpy as np
import pytest
import tensorflow as tf

from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch11 import EXERCISES
from exercise_answers import (
    WrongAnswer,
    assert_enough_wrong_answers,
    assert_error_is_shown,
    assert_mistakes_are_named,
    assert_rejected,
    assert_stub_is_not_attempted,
)


def right_unbroadcast(slope, shape):
    """By TensorFlow's own broadcasting."""
    small = tf.Variable(np.zeros(shape, slope.dtype))
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(tf.broadcast_to(small, slope.shape) * slope)
    return tape.gradient(value, small).numpy()


def momentum(gradients, rates, mu, *, outside=False, share=1.0, sign=-1):
    v = p = np.zeros(gradients.shape[1])
    path = []
    for g, rate in zip(gradients, rates, strict=True):
        v = mu * v + (share * g if outside else share * rate * g)
        p = p + sign * (rate * v if outside else v)
        path.append(p)
    return np.array(path)


def adam(gradients, rate, *, shift=0, powers=True, eps=1e-7, algorithm_1=False):
    m = s = p = np.zeros(gradients.shape[1])
    path = []
    for t, g in enumerate(gradients, 1 + shift):
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
        if algorithm_1:
            p = p - rate * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + eps)
        else:
            p = p - rate * (np.sqrt(1 - 0.999**t) / (1 - 0.9**t) if powers else 1) * m / (np.sqrt(s) + eps)
        path.append(p)
    return np.array(path)


def clip(weights, bias, limit):
    both = np.vstack([weights, bias])
    return np.asarray(tf.clip_by_global_norm([tf.constant(both)], limit)[0][0])


def backprop(x, w1, w2, target):
    """By TensorFlow, so that the formula of the reference is tested too."""
    weights = tf.Variable(w1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((tf.nn.relu(x @ weights) @ w2 - target) ** 2)
    return tape.gradient(loss, weights).numpy()


RIGHT = {
    "optimizers.directional": lambda g, d: np.dot(g, d / np.sqrt((d * d).sum())),
    "optimizers.unbroadcast": right_unbroadcast,
    "optimizers.momentum": momentum,
    "optimizers.adam": adam,
    "optimizers.clip": clip,
    "optimizers.backprop": backprop,
}

WRONG: list[WrongAnswer] = [
    ("optimizers.directional", lambda g, d: g @ d, "not brought to length 1"),
    ("optimizers.directional", lambda g, d: g @ d / (d @ d), "squared length"),
    ("optimizers.directional", lambda g, d: g @ d / np.sqrt((g @ g) * (d @ d)), "cosine of the angle"),
    ("optimizers.directional", lambda g, d: abs(g @ d) / np.linalg.norm(d), "without its sign"),
    ("optimizers.directional", lambda g, d: np.sqrt(g @ g), "largest slope"),
    ("optimizers.directional", lambda g, d: g @ d / np.abs(d).sum(), "values differ"),
    ("optimizers.directional", lambda g, d: g * d / np.linalg.norm(d), "shape"),
    ("optimizers.directional", lambda g, d: (g[0] * d[0] + g[1] * d[1]) / np.hypot(d[0], d[1]), "IndexError"),
    ("optimizers.directional", lambda g, d: 3.0, "differ"),
    ("optimizers.unbroadcast", lambda s, shape: s.sum(axis=0), "shape"),
    ("optimizers.unbroadcast", lambda s, shape: s.sum(axis=tuple(range(s.ndim - len(shape)))), "in front"),
    (
        "optimizers.unbroadcast",
        lambda s, shape: right_unbroadcast(s, shape) / (s.size / np.prod(shape)),
        "the mean",
    ),
    ("optimizers.unbroadcast", lambda s, shape: np.resize(s, shape), "differ"),
    ("optimizers.unbroadcast", lambda s, shape: np.squeeze(right_unbroadcast(s, shape)), "got lost"),
    ("optimizers.unbroadcast", lambda s, shape: np.full(shape, s.sum()), "differ"),
    ("optimizers.unbroadcast", lambda s, shape: s, "shape"),
    ("optimizers.momentum", lambda g, r, mu: momentum(g, r, mu, outside=True), "rate outside"),
    ("optimizers.momentum", lambda g, r, mu: momentum(g, r, mu, share=1 - mu), "velocity is a sum"),
    ("optimizers.momentum", lambda g, r, mu: momentum(g, r, mu, sign=1), "uphill"),
    ("optimizers.momentum", lambda g, r, mu: -np.cumsum(g * r[:, np.newaxis], axis=0), "plain gradient descent"),
    ("optimizers.momentum", lambda g, r, mu: momentum(g, np.full_like(r, r[0]), mu), "differ"),
    ("optimizers.momentum", lambda g, r, mu: momentum(g, r, 0.9), "differ"),
    ("optimizers.momentum", lambda g, r, mu: momentum(g, r, mu)[-1], "shape"),
    ("optimizers.momentum", lambda g, r, mu: momentum(g[:, :1], r, mu) + 0 * g, "differ"),
    ("optimizers.adam", lambda g, rate: adam(g, rate, powers=False), "first steps leap"),
    ("optimizers.adam", lambda g, rate: adam(g, rate, shift=1), "one too high"),
    ("optimizers.adam", lambda g, rate: adam(g, rate, algorithm_1=True), "Algorithm 1"),
    ("optimizers.adam", lambda g, rate: -adam(g, rate), "uphill"),
    ("optimizers.adam", lambda g, rate: -rate * np.cumsum(np.sign(g), axis=0), "differ"),
    ("optimizers.adam", lambda g, rate: adam(g, rate, eps=1e-8), "differ"),
    ("optimizers.adam", lambda g, rate: adam(g, 0.1), "differ"),
    ("optimizers.adam", lambda g, rate: adam(g, rate)[-1], "shape"),
    ("optimizers.clip", lambda w, b, c: np.vstack([w, b]) * c / np.linalg.norm(np.vstack([w, b])), "differ"),
    ("optimizers.clip", lambda w, b, c: np.clip(np.vstack([w, b]), -c, c), "each number by itself"),
    (
        "optimizers.clip",
        lambda w, b, c: np.vstack([a * min(1, c / max(np.linalg.norm(a), 1e-9)) for a in (w, b)]),
        "own norm",
    ),
    ("optimizers.clip", lambda w, b, c: np.vstack([w, b]), "differ"),
    ("optimizers.clip", lambda w, b, c: clip(w, b, 1.0), "differ"),
    ("optimizers.clip", lambda w, b, c: clip(w, b, c)[:-1], "shape"),
    (
        "optimizers.backprop",
        lambda x, w1, w2, t: x.T @ (2 * (np.maximum(x @ w1, 0) @ w2 - t) / t.size @ w2.T),
        "0",
    ),
    ("optimizers.backprop", lambda x, w1, w2, t: backprop(x, w1, w2, t) / 2, "factor 2"),
    ("optimizers.backprop", lambda x, w1, w2, t: backprop(x, w1, w2, t) * t.size, "sum in place of the mean"),
    ("optimizers.backprop", lambda x, w1, w2, t: backprop(x, w1, w2, t) * t.shape[1], "divided by N"),
    ("optimizers.backprop", lambda x, w1, w2, t: -backprop(x, w1, w2, t), "sign is reversed"),
    ("optimizers.backprop", lambda x, w1, w2, t: backprop(x, w1, w2, t).T, "shape"),
    ("optimizers.backprop", lambda x, w1, w2, t: np.zeros_like(w1), "differ"),
]


@pytest.mark.parametrize("name", CHAPTERS["ch11"])
def test_a_right_answer_is_accepted(name):
    result = check(name, RIGHT[name])
    assert result.status == "correct", result


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_feedback(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.parametrize("name", CHAPTERS["ch11"])
def test_every_mistake_is_rejected_with_its_own_words(name):
    assert_mistakes_are_named(name, EXERCISES[name])


def test_every_exercise_is_tried_with_enough_wrong_answers():
    assert_enough_wrong_answers("ch11", WRONG)


@pytest.mark.parametrize("name", CHAPTERS["ch11"])
def test_a_stub_is_not_attempted_and_an_error_is_shown(name):
    assert_stub_is_not_attempted(name)
    assert_error_is_shown(name)
