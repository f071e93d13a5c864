"""Inputs and gradients that the tests of the losses share."""

import numpy as np
import tensorflow as tf


def label_maps(rng, shape=(3, 5, 6), n_classes=4, ignored=0.15):
    maps = rng.integers(0, n_classes, shape)
    maps[rng.random(shape) < ignored] = 255
    return maps


def logits(rng, shape=(3, 5, 6), n_classes=4, scale=2.0):
    return rng.normal(0, scale, (*shape, n_classes))


def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def one_hot(maps, n_classes):
    """(…, K) float; all 0 where ignored."""
    return (np.asarray(maps)[..., None] == np.arange(n_classes)).astype(float)


def gradient(loss, prediction):
    """Gradient of the sum of a loss, by TensorFlow."""
    variable = tf.Variable(prediction)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(loss(variable))
    return tape.gradient(value, variable).numpy()


def slopes(loss, prediction, step=1e-6):
    """The same gradient by central differences."""
    prediction = np.asarray(prediction, np.float64)
    steps = step * np.eye(prediction.size).reshape(prediction.size, *prediction.shape)
    # All in one graph, one after the other: a call for each of them takes many times as long.
    totals = tf.function(lambda moved: tf.map_fn(lambda one: tf.reduce_sum(loss(one)), moved))
    moved = np.concatenate([prediction + steps, prediction - steps])
    there, here = np.split(totals(tf.constant(moved)).numpy(), 2)
    return ((there - here) / (2 * step)).reshape(prediction.shape)
