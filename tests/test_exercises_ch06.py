"""The checker of chapter 06 against the wrong answers that students give."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import distance_transform_cdt, distance_transform_edt

from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch06 import EXERCISES
from exercise_answers import WrongAnswer, assert_enough_wrong_answers, assert_mistakes_are_named, assert_rejected


def right_tversky(truth, probability, alpha, beta):
    tp = np.sum(truth * probability)
    return 1 - tp / (tp + alpha * np.sum((1 - truth) * probability) + beta * np.sum(truth * (1 - probability)))


def right_dice_gradient(truth, probability):
    """By TensorFlow, so that the formula of the reference is tested too."""
    p = tf.Variable(probability)
    with tf.GradientTape() as tape:
        loss = 1 - 2 * tf.reduce_sum(truth * p) / (tf.reduce_sum(truth) + tf.reduce_sum(p))
    return tape.gradient(loss, p).numpy()


def entropy_gradient(entropy):
    def answer(probabilities):
        p = tf.constant(probabilities)
        with tf.GradientTape() as tape:
            tape.watch(p)
            value = tf.reduce_sum(entropy(p))
        return tape.gradient(value, p).numpy()

    return answer


def clipped(p, least):
    return tf.maximum(p, tf.constant(least, p.dtype))


def entropy_of(p, inside=None):
    return -p * tf.math.log(p if inside is None else inside)


def clamped_product(a, b):
    shared = max(np.prod(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])), 0)
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared
    hull = np.prod(np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2]))
    return shared / union - (hull - union) / hull


def giou(clamp, low, high, over):
    def answer(a, b):
        shared = clamp(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]))
        intersection = np.prod(shared)
        union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - intersection
        hull = np.prod(high(a[2:], b[2:]) - low(a[:2], b[:2]))
        return intersection / union - (hull - union) / (hull if over == "hull" else union)

    return answer


def giou_with_union(union_of):
    def answer(a, b):
        shared = np.prod(relu(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])))
        union = union_of(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2]), shared)
        hull = np.prod(np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2]))
        return shared / union - (hull - union) / hull

    return answer


def clamped_iou(a, b):
    shared = np.prod(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]))
    union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared
    hull = np.prod(np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2]))
    return max(shared / union, 0) - (hull - union) / hull


def dice_slope(joined):
    def answer(truth, probability):
        u, v = 2 * np.sum(truth * probability), np.sum(truth + probability)
        return -joined(2 * truth * v, u) / v**2

    return answer


def by_the_odds(predicted, weight):
    with np.errstate(all="ignore"):
        odds = predicted / (1 - predicted) / weight
        return odds / (1 + odds)


def relu(x):
    return np.maximum(x, 0)


def right_distance(mask):
    return distance_transform_edt(1 - mask) - distance_transform_edt(mask)


RIGHT = {
    "losses.tversky": right_tversky,
    "losses.dice_gradient": right_dice_gradient,
    "losses.unweight": lambda predicted, weight: 1 / (1 + weight * (1 / np.maximum(predicted, 1e-300) - 1)),
    "losses.no_nan": entropy_gradient(lambda p: tf.where(p > 0, -p * tf.math.log(tf.where(p > 0, p, 1)), 0)),
    "losses.giou": giou(relu, np.minimum, np.maximum, "hull"),
    "losses.signed_distance": right_distance,
}

WRONG: list[WrongAnswer] = [
    ("losses.tversky", lambda y, p, a, b: right_tversky(y, p, b, a), "other way round"),
    ("losses.tversky", lambda y, p, a, b: 1 - right_tversky(y, p, a, b), "1 minus the index"),
    ("losses.tversky", lambda y, p, a, b: right_tversky(y, (p > 0.5).astype(float), a, b), "rounded"),
    ("losses.tversky", lambda y, p, a, b: right_tversky(y, p, a / 2, b / 2), "2TP"),
    ("losses.tversky", lambda y, p, a, b: right_tversky(y, p, 0.5, 0.5), "This is Dice"),
    ("losses.tversky", lambda y, p, a, b: right_tversky(y[:, 0], p[:, 0], a, b), "values differ"),
    ("losses.dice_gradient", lambda y, p: -right_dice_gradient(y, p), "sign is reversed"),
    ("losses.dice_gradient", lambda y, p: -2 * y / (y.sum() + p.sum()), "held fixed"),
    ("losses.dice_gradient", lambda y, p: right_dice_gradient(y, p) * (y.sum() + p.sum()), "v²"),
    ("losses.dice_gradient", lambda y, p: right_dice_gradient(y, p) / p.size, "number of pixels"),
    ("losses.dice_gradient", lambda y, p: p - y, "values differ"),
    ("losses.dice_gradient", lambda y, p: right_dice_gradient(y, p).sum(), "shape"),
    ("losses.unweight", lambda p, w: w * p / (w * p + 1 - p), "way back"),
    ("losses.unweight", lambda p, w: p / w, "small probabilities only"),
    ("losses.unweight", lambda p, w: p / (1 - p) / w, "left as odds"),
    ("losses.unweight", lambda p, w: p, "no effect"),
    ("losses.unweight", lambda p, w: np.clip(p - 1 / w, 0, 1), "values differ"),
    ("losses.no_nan", entropy_gradient(lambda p: tf.where(p > 0, -p * tf.math.log(p), 0)), "0 × ∞ is NaN"),
    ("losses.no_nan", entropy_gradient(lambda p: -p * tf.math.log(tf.maximum(p, 1e-7))), "about 16"),
    ("losses.no_nan", lambda p: -np.log(np.where(p > 0, p, 1)) - 1, "slope by the formula"),
    (
        "losses.no_nan",
        entropy_gradient(lambda p: tf.where(p > 0, p * tf.math.log(tf.where(p > 0, p, 1)), 0)),
        "minus sign",
    ),
    ("losses.no_nan", lambda p: np.zeros_like(p), "values differ"),
    ("losses.giou", giou(lambda x: x, np.minimum, np.maximum, "hull"), "product is a positive area"),
    ("losses.giou", giou(relu, np.maximum, np.minimum, "hull"), "min and max swapped"),
    ("losses.giou", giou(lambda x: x, np.maximum, np.minimum, "hull"), "Two faults"),
    ("losses.giou", giou(relu, np.minimum, np.maximum, "union"), "divided by the union"),
    ("losses.giou", lambda a, b: 1 - RIGHT["losses.giou"](a, b), "1 − GIoU"),
    ("losses.signed_distance", lambda mask: -right_distance(mask), "negative, outside positive"),
    ("losses.signed_distance", lambda mask: np.abs(right_distance(mask)), "no sign"),
    ("losses.signed_distance", lambda mask: distance_transform_edt(1 - mask), "0 inside"),
    ("losses.signed_distance", lambda mask: -distance_transform_edt(mask), "0 outside"),
    ("losses.signed_distance", lambda mask: 1.0 - 2 * mask, "values differ"),
    # further ones: a factor or a square left out, bounds, another distance, another pair of boxes
    ("losses.tversky", lambda y, p, a, b: right_tversky(p, y, a, b), "truth and probability"),
    ("losses.tversky", lambda y, p, a, b: right_tversky(1 - y, 1 - p, a, b), "values differ"),
    ("losses.tversky", lambda y, p, a, b: right_tversky(y, p, a, a), "values differ"),
    ("losses.tversky", lambda y, p, a, b: right_tversky(y, p, 1, 1), "values differ"),
    ("losses.tversky", lambda y, p, a, b: right_tversky(y[:1], p[:1], a, b), "values differ"),
    ("losses.tversky", lambda y, p, a, b: np.sum(y * p), "values differ"),
    (
        "losses.tversky",
        lambda y, p, a, b: 1 - (tp := np.sum(y * p)) / (tp + a * np.sum(p) + b * np.sum(y * (1 - p))),
        "all that was predicted",
    ),
    (
        "losses.tversky",
        lambda y, p, a, b: 1 - (tp := np.sum(y * p)) / (tp + a * np.sum((1 - y) * p) + b * np.sum(y)),
        "all that is true",
    ),
    ("losses.dice_gradient", lambda y, p: right_dice_gradient(y, p) / 2, "factor 2 is missing"),
    ("losses.dice_gradient", lambda y, p: 2 * right_dice_gradient(y, p), "values differ"),
    ("losses.dice_gradient", lambda y, p: right_dice_gradient(p, y), "values differ"),
    ("losses.dice_gradient", lambda y, p: np.full_like(p, right_dice_gradient(y, p).mean()), "values differ"),
    ("losses.dice_gradient", lambda y, p: -2 * y, "values differ"),
    ("losses.dice_gradient", dice_slope(lambda first, second: first + second), "product rule"),
    ("losses.dice_gradient", dice_slope(lambda first, second: first - second / 2), "without its factor 2"),
    ("losses.dice_gradient", lambda y, p: y * right_dice_gradient(y, p), "0 outside the object"),
    ("losses.dice_gradient", lambda y, p: p * (1 - p) * right_dice_gradient(y, p), "slope by the logit"),
    ("losses.unweight", lambda p, w: p / (p + (1 - p) / w), "way back"),
    ("losses.unweight", lambda p, w: p / (p + w), "values differ"),
    ("losses.unweight", lambda p, w: (p / w) / (p / w + w * (1 - p)), "taken out twice"),
    ("losses.unweight", by_the_odds, "infinite at p = 1"),
    ("losses.unweight", lambda p, w: 1 - p / (p + w * (1 - p)), "values differ"),
    ("losses.unweight", lambda p, w: p ** (1 / w), "values differ"),
    ("losses.unweight", lambda p, w: (q := np.clip(p, 0.01, 0.99)) / (q + w * (1 - q)), "values differ"),
    ("losses.no_nan", entropy_gradient(lambda p: entropy_of(clipped(p, 1e-7))), "small bound"),
    ("losses.no_nan", entropy_gradient(lambda p: entropy_of(clipped(p, 1e-3))), "small bound"),
    ("losses.no_nan", entropy_gradient(lambda p: entropy_of(clipped(p, 1e-12))), "small bound"),
    (
        "losses.no_nan",
        entropy_gradient(lambda p: tf.where(p > 0, entropy_of(p, clipped(p, 1e-7)), 0)),
        "small bound",
    ),
    (
        "losses.no_nan",
        entropy_gradient(lambda p: tf.where(p > 0, entropy_of(p, clipped(p, 1e-3)), 0)),
        "small bound",
    ),
    (
        "losses.no_nan",
        entropy_gradient(lambda p: tf.where(p > 1e-7, entropy_of(clipped(p, 1e-7)), 0)),
        "small bound",
    ),
    ("losses.no_nan", entropy_gradient(lambda p: entropy_of(p, p + 1e-7)), "clipped or shifted"),
    ("losses.no_nan", entropy_gradient(lambda p: entropy_of(p + 1e-12)), "clipped or shifted"),
    ("losses.no_nan", entropy_gradient(entropy_of), "by p itself"),
    ("losses.no_nan", entropy_gradient(lambda p: -tf.math.multiply_no_nan(tf.math.log(p), p)), "by p itself"),
    ("losses.no_nan", lambda p: -np.log(p) - 1, "values differ"),
    ("losses.no_nan", lambda p: np.where(p > 0, -np.log(np.where(p > 0, p, 1)), 0), "values differ"),
    ("losses.giou", lambda a, b: 0.5 + RIGHT["losses.giou"](a, b) / 2, "values differ"),
    ("losses.giou", lambda a, b: max(RIGHT["losses.giou"](a, b), 0), "values differ"),
    ("losses.giou", lambda a, b: -RIGHT["losses.giou"](a, b), "values differ"),
    ("losses.giou", clamped_product, "product of the two extents"),
    ("losses.giou", giou(np.abs, np.minimum, np.maximum, "hull"), "absolute values"),
    ("losses.giou", giou_with_union(lambda a, b, shared: a + b), "counted twice"),
    ("losses.giou", clamped_iou, "cut off at 0, but not the extents"),
    (
        "losses.giou",
        lambda a, b: RIGHT["losses.giou"](np.append(a[:2], a[:2] + a[2:]), np.append(b[:2], b[:2] + b[2:])),
        "values differ",
    ),
    (
        "losses.signed_distance",
        lambda mask: distance_transform_edt(1 - mask) - (distance_transform_edt(mask) - 1) * mask,
        "distance − 1",
    ),
    (
        "losses.signed_distance",
        lambda mask: right_distance(mask) - np.sign(right_distance(mask)),
        "taken off on both sides",
    ),
    (
        "losses.signed_distance",
        lambda mask: right_distance(mask) - 0.5 * np.sign(right_distance(mask)),
        "half a pixel",
    ),
    (
        "losses.signed_distance",
        lambda mask: distance_transform_cdt(1 - mask) - distance_transform_cdt(mask),
        "steps along the grid",
    ),
    ("losses.signed_distance", lambda mask: right_distance(mask).astype(int), "whole numbers"),
    ("losses.signed_distance", lambda mask: right_distance(mask) / np.abs(right_distance(mask)).max(), "differ"),
    ("losses.signed_distance", lambda mask: mask, "values differ"),
    ("losses.signed_distance", lambda mask: right_distance(mask).T, "shape"),
]


@pytest.mark.parametrize("name", CHAPTERS["ch06"])
def test_a_right_answer_is_accepted(name):
    result = check(name, RIGHT[name])
    assert result.status == "correct", result


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_feedback(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.parametrize("name", CHAPTERS["ch06"])
def test_every_mistake_is_rejected_with_its_own_words(name):
    assert_mistakes_are_named(name, EXERCISES[name])


def test_every_exercise_is_tried_with_enough_wrong_answers():
    assert_enough_wrong_answers("ch06", WRONG)


@pytest.mark.parametrize("name", CHAPTERS["ch06"])
def test_a_stub_is_not_attempted(name):
    assert check(name, lambda *arguments: ...).status == "not attempted"
