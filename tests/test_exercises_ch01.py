"""The checker of chapter 01 against the wrong answers that students give."""

import numpy as np
import pytest
from scipy.special import log_softmax, xlogy

from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch01 import EXERCISES
from exercise_answers import WrongAnswer, assert_enough_wrong_answers, assert_mistakes_are_named, assert_rejected


def forgotten_maximum(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def wrong_axis(logits):
    e = np.exp(logits - logits.max(axis=0))
    return e / e.sum(axis=0)


def missing_keepdims(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1)


def missing_keepdims_twice(logits):
    e = np.exp(logits - logits.max(axis=-1))
    return e / e.sum(axis=-1)


def maximum_of_everything(logits):
    e = np.exp(logits - np.max(logits))
    return e / e.sum(axis=-1, keepdims=True)


def in_place(logits):
    logits -= logits.max(axis=-1, keepdims=True)
    e = np.exp(logits)
    return e / e.sum(axis=-1, keepdims=True)


def stable(logits):
    return forgotten_maximum(logits - logits.max(axis=-1, keepdims=True))


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def one_at_a_time(labels, logits):
    return np.array([-np.log(np.exp(z)[y] / np.exp(z).sum()) for y, z in zip(labels, logits, strict=True)])


def renormalised(p):
    return p / p.sum(axis=-1, keepdims=True)


def too_few_columns(features, labels, weights):
    scores = features @ weights
    p = renormalised(np.exp(scores - scores.max(axis=1, keepdims=True)))
    return features.T @ (p - np.eye(labels.max() + 1)[labels]) / len(labels)


def residual(features, labels, weights):
    scores = features @ weights
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p - np.eye(weights.shape[1])[labels]


def without_maximum_in_long_double(labels, logits):
    wide = logits.astype(np.longdouble)
    return (np.log(np.exp(wide).sum(axis=1)) - wide[np.arange(len(labels)), labels]).astype(float)


def columns_of_all_labels(features, labels, weights):
    errors = stable(features @ weights)
    errors[:, labels] -= 1
    return features.T @ errors / len(labels)


WRONG: list[WrongAnswer] = [
    ("softmax.stable", forgotten_maximum, "maximum of each row was not subtracted"),
    ("softmax.stable", wrong_axis, "wrong axis"),
    ("softmax.stable", missing_keepdims, "keepdims"),
    ("softmax.stable", missing_keepdims_twice, "keepdims"),
    ("softmax.stable", maximum_of_everything, "one maximum for the whole array"),
    ("softmax.stable", in_place, "changed the array"),
    ("softmax.stable", sigmoid, "values differ"),
    ("softmax.stable", lambda logits: np.full(np.shape(logits), 0.5), "values differ"),
    (
        "softmax.stable",
        lambda logits: np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum(),
        "sum",
    ),
    ("softmax.stable", lambda logits: forgotten_maximum(logits - logits.mean(-1, keepdims=True)), "differ"),
    (
        "softmax.stable",
        lambda z: np.exp(z - z.max(1, keepdims=True)) / np.exp(z - z.max(1, keepdims=True)).sum(1, keepdims=True),
        "count from the end",
    ),
    ("softmax.stable", lambda logits: int("x"), "invalid literal"),
    ("softmax.stable", lambda logits: None, "return"),
    ("softmax.stable", lambda logits: "0.5", "str"),
    ("softmax.stable", lambda: 1, "TypeError"),
    ("softmax.temperature", lambda z, t: forgotten_maximum(z) / t, "divided by T"),
    (
        "softmax.temperature",
        lambda z, t: (np.exp(z) / t) / (np.exp(z) / t).sum(-1, keepdims=True),
        "no effect",
    ),
    ("softmax.temperature", lambda z, t: forgotten_maximum(z * t), "multiplied by T"),
    ("softmax.temperature", lambda z, t: forgotten_maximum(z / t), "maximum"),
    ("softmax.temperature", lambda z, t: forgotten_maximum(z) ** (1 / t), "no longer sum to 1"),
    ("softmax.entropy", lambda p: -(p * np.log(p)).sum(axis=-1), "0 * np.log(0)"),
    ("softmax.entropy", lambda p: (p * np.log(np.maximum(p, 1e-300))).sum(axis=-1), "minus sign"),
    ("softmax.entropy", lambda p: -(p * np.log2(np.maximum(p, 1e-300))).sum(axis=-1), "base 2"),
    (
        "softmax.entropy",
        lambda p: -(p * np.log(np.maximum(p, 1e-300))).mean(axis=-1),
        "mean over the classes",
    ),
    ("softmax.entropy", lambda p: -(p * np.log(np.maximum(p, 1e-300))).sum(), "whole array"),
    ("softmax.entropy", lambda p: -np.log(p.max(axis=-1)), "values differ"),
    ("softmax.label_map", lambda s: np.argmax(s, axis=-1), "axis=-1"),
    ("softmax.label_map", lambda s: np.argmax(s), "flattened"),
    ("softmax.label_map", lambda s: s.max(axis=0), "max where argmax"),
    ("softmax.label_map", lambda s: (np.argmax(s, axis=0) + 1).astype(np.uint8), "counted from 1"),
    ("softmax.label_map", lambda s: np.argmax(s, axis=0), "dtype is int64"),
    ("softmax.label_map", lambda s: np.argmin(s, axis=0).astype(np.uint8), "values differ"),
    ("softmax.cross_entropy", one_at_a_time, "maximum"),
    (
        "softmax.cross_entropy",
        lambda y, z: np.log(forgotten_maximum(z)[np.arange(len(y)), y]),
        "values differ",
    ),
    ("softmax.cross_entropy", lambda y, z: -np.log(forgotten_maximum(z))[:, y], "logits[:, labels]"),
    ("softmax.cross_entropy", lambda y, z: -forgotten_maximum(z)[np.arange(len(y)), y], "values differ"),
    (
        "softmax.cross_entropy",
        lambda y, z: -np.log(maximum_of_everything(z - z.max(-1, keepdims=True))[np.arange(len(y)), y]),
        "rounded to 0",
    ),
    (
        "softmax.cross_entropy",
        lambda y, z: np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y],
        "maximum of each row",
    ),
    (
        "softmax.cross_entropy",
        lambda y, z: -(np.eye(z.shape[1])[y] * np.log(forgotten_maximum(z - z.max(-1, keepdims=True)))).sum(-1),
        "0 · (−∞)",
    ),
    ("softmax.temperature", lambda z, t: renormalised(forgotten_maximum(z - z.max()) ** (1 / t)), "differ"),
    ("softmax.gradient", lambda x, y, w: x.T @ (residual(x, y, w) * 0 + 1), "differ"),
    ("softmax.gradient", lambda x, y, w: x.T @ residual(x, y, w) / x.shape[1], "differ"),
    ("softmax.gradient", too_few_columns, "broadcast"),
    ("softmax.gradient", residual, "shape"),
    ("softmax.gradient", lambda x, y, w: -x.T @ residual(x, y, w) / len(y), "descent direction"),
    ("softmax.gradient", lambda x, y, w: x.T @ residual(x, y, w), "number of samples is missing"),
    ("softmax.gradient", lambda x, y, w: (x.T @ residual(x, y, w) / len(y)).T, "transposed"),
    (
        "softmax.gradient",
        lambda x, y, w: x.T @ residual(x, y, w) / residual(x, y, w).size,
        "samples and classes",
    ),
    ("softmax.gradient", lambda x, y, w: np.zeros_like(w), "values differ"),
    # further ones: a step left out, the wrong axis, a constant, a copy, whole numbers, another unit
    (
        "softmax.temperature",
        lambda z, t: renormalised(np.exp(z / t - z.max(-1, keepdims=True))),
        "not divided by T",
    ),
    (
        "softmax.temperature",
        lambda z, t: renormalised(np.exp(z - z.max(-1, keepdims=True)) ** (1 / t)),
        "or exp(z), to the power",
    ),
    ("softmax.cross_entropy", lambda y, z: np.minimum(-log_softmax(z, 1), 1000)[np.arange(len(y)), y], "infinity"),
    (
        "softmax.cross_entropy",
        lambda y, z: np.nan_to_num(-np.log(stable(z)), posinf=1000)[np.arange(len(y)), y],
        "infinity",
    ),
    ("softmax.cross_entropy", lambda y, z: -np.log(stable(z) + 1e-12)[np.arange(len(y)), y], "something small"),
    (
        "softmax.cross_entropy",
        lambda y, z: -np.log(np.maximum(stable(z), 1e-300))[np.arange(len(y)), y],
        "small was",
    ),
    (
        "softmax.cross_entropy",
        lambda y, z: np.log(np.exp(z - z.max(1, keepdims=True)).sum(1)) - z[np.arange(len(y)), y],
        "not out of z[y]",
    ),
    ("softmax.cross_entropy", lambda y, z: z.max(1) - z[np.arange(len(y)), y], "behind the best"),
    ("softmax.cross_entropy", without_maximum_in_long_double, "values differ"),
    ("softmax.gradient", columns_of_all_labels, "takes 1 from every row"),
    (
        "softmax.gradient",
        lambda x, y, w: x.T @ (forgotten_maximum(x @ w) - np.eye(w.shape[1])[y]) / len(y),
        "was not subtracted",
    ),
    ("softmax.stable", lambda z: np.exp(z - z.max(-1, keepdims=True)), "values differ"),
    ("softmax.stable", lambda z: z - z.max(-1, keepdims=True), "values differ"),
    ("softmax.stable", lambda z: z, "values differ"),
    ("softmax.stable", lambda z: np.rint(maximum_of_everything(z)), "values differ"),
    ("softmax.stable", lambda z: np.eye(z.shape[-1])[z.argmax(-1)], "values differ"),
    ("softmax.stable", lambda z: forgotten_maximum(np.clip(z, -500, 500)), "values differ"),
    ("softmax.stable", lambda z: np.nan_to_num(forgotten_maximum(z)), "values differ"),
    ("softmax.stable", lambda z: forgotten_maximum(z - z.min(-1, keepdims=True)), "values differ"),
    ("softmax.stable", lambda z: forgotten_maximum(z / z.max(-1, keepdims=True)), "values differ"),
    ("softmax.stable", lambda z: renormalised(2 ** (z - z.max(-1, keepdims=True))), "values differ"),
    ("softmax.stable", lambda z: np.array([forgotten_maximum(row - row.max()) for row in z]), "values differ"),
    ("softmax.stable", lambda z: np.exp(z) / sum(np.exp(z)), "wrong axis"),
    ("softmax.stable", lambda z: forgotten_maximum(z - z.max(-1, keepdims=True)).T, "shape"),
    ("softmax.temperature", lambda z, t: renormalised(stable(z) ** (1 / t)), "Right on paper"),
    ("softmax.temperature", lambda z, t: wrong_axis(z / t), "wrong axis"),
    ("softmax.temperature", lambda z, t: stable(z / t**2), "values differ"),
    ("softmax.temperature", lambda z, t: forgotten_maximum(z - z.max(-1, keepdims=True) / t), "Only the maximum"),
    ("softmax.temperature", lambda z, t: stable(z // t), "values differ"),
    ("softmax.temperature", lambda z, t: stable(z - t), "no effect"),
    ("softmax.temperature", lambda z, t: stable(stable(z) / t), "values differ"),
    ("softmax.temperature", lambda z, t: z / t, "values differ"),
    ("softmax.temperature", lambda z, t: stable(z / t), "infinity minus infinity"),
    ("softmax.temperature", lambda z, t: stable(z / t - 1), "infinity minus infinity"),
    ("softmax.entropy", lambda p: np.nan_to_num(-(p * np.log(p)).sum(-1)), "NaN replaced"),
    ("softmax.entropy", lambda p: -xlogy(p, p).sum(-1).mean(), "mean over the distributions"),
    ("softmax.entropy", lambda p: -xlogy(p, p).sum(-1, keepdims=True), "shape"),
    ("softmax.entropy", lambda p: -xlogy(p, p).sum(1), "count from the end"),
    ("softmax.entropy", lambda p: -(p * np.log(p + 1e-3)).sum(-1), "values differ"),
    ("softmax.entropy", lambda p: -(p * np.log10(np.maximum(p, 1e-300))).sum(-1), "values differ"),
    ("softmax.entropy", lambda p: -xlogy(p, p).sum(-1) / np.log(p.shape[-1]), "values differ"),
    ("softmax.entropy", lambda p: 1 - (p**2).sum(-1), "values differ"),
    ("softmax.label_map", lambda s: s.argmax(1).astype(np.uint8), "shape"),
    ("softmax.label_map", lambda s: s.argmax(0).T.astype(np.uint8), "shape"),
    ("softmax.label_map", lambda s: s.argmax(0).astype(float), "dtype is float64"),
    ("softmax.label_map", lambda s: s.max(0).astype(np.uint8), "values differ"),
    ("softmax.label_map", lambda s: s.argsort(0)[-1].astype(np.uint8), "highest class"),
    ("softmax.label_map", lambda s: s.shape[0] - 1 - s[::-1].argmax(0), "highest class"),
    (
        "softmax.cross_entropy",
        lambda y, z: np.sum([0.0]) - log_softmax(z, 1)[np.arange(len(y)), y].sum(),
        "sum was",
    ),
    ("softmax.cross_entropy", lambda y, z: -log_softmax(z, 1)[np.arange(len(y)), y] / np.log(2), "values differ"),
    ("softmax.cross_entropy", lambda y, z: -log_softmax(z, 1), "shape"),
    ("softmax.cross_entropy", lambda y, z: -log_softmax(stable(z), 1)[np.arange(len(y)), y], "two softmaxes"),
    ("softmax.cross_entropy", lambda y, z: -log_softmax(z, 1).max(1), "values differ"),
    (
        "softmax.cross_entropy",
        lambda y, z: -np.log(np.maximum(stable(z), 1e-7))[np.arange(len(y)), y],
        "values differ",
    ),
    ("softmax.gradient", lambda x, y, w: 2 * x.T @ residual(x, y, w) / len(y), "values differ"),
    ("softmax.gradient", lambda x, y, w: x.T @ stable(x @ w) / len(y), "values differ"),
    ("softmax.gradient", lambda x, y, w: x.T @ (sigmoid(x @ w) - np.eye(w.shape[1])[y]) / len(y), "values differ"),
    ("softmax.gradient", lambda x, y, w: w, "values differ"),
    ("softmax.stable", lambda z: (e := np.exp(z - z.max(-1, keepdims=True))) / e.sum(), "one sum over"),
    (
        "softmax.label_map",
        lambda s: (np.exp(s) / np.exp(s).sum(0)).argmax(0).astype(np.uint8),
        "a softmax before the argmax",
    ),
    *(
        (
            "softmax.cross_entropy",
            lambda y, z, floor=floor: -np.log(stable(z).clip(floor, 1 - floor))[np.arange(len(y)), y],
            "something small",
        )
        for floor in (1e-7, 1e-8, 1e-12, 1e-20)
    ),
]


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_feedback(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_tie_that_goes_to_the_highest_class_is_found_whatever_the_seed(seed):
    answer = check("softmax.label_map", lambda s: s.argsort(0)[-1].astype(np.uint8), seed=seed)
    assert answer.status == "wrong"


@pytest.mark.parametrize("name", CHAPTERS["ch01"])
def test_every_mistake_is_rejected_with_its_own_words(name):
    assert_mistakes_are_named(name, EXERCISES[name])


def test_every_exercise_is_tried_with_enough_wrong_answers():
    assert_enough_wrong_answers("ch01", WRONG)


@pytest.mark.parametrize("name", CHAPTERS["ch01"])
def test_a_stub_is_not_attempted(name):
    assert check(name, lambda *arguments: ...).status == "not attempted"
