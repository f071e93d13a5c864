"""The checker of chapter 02 against the wrong answers that students give."""

from collections import Counter
from math import comb

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch02 import EXERCISES, nearby_classes
from exercise_answers import WrongAnswer, assert_enough_wrong_answers, assert_mistakes_are_named, assert_rejected


def upper_half(n, p):
    return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n // 2 + 1, n + 1))


def from_half(n, p):
    return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n // 2, n + 1))


def from_rounded_half(n, p):
    return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(round(n / 2), n + 1))


def one_order(n, p):
    tie = 0.5 * (p * (1 - p)) ** (n // 2) if n % 2 == 0 else 0
    return sum(p**k * (1 - p) ** (n - k) for k in range(n // 2 + 1, n + 1)) + tie


def counts(labels, n_classes):
    return np.array([[np.sum(column == c) for c in range(n_classes)] for column in labels.T])


def softmax(theta):
    e = np.exp(theta - theta.max())
    return e / e.sum()


def log_mean(p):
    return np.exp(np.log(p).mean(axis=0))


def filled(fit_predict, x, y, folds, train_on_own):
    result = np.zeros((len(x), 3))
    for fold in set(folds.tolist()):
        own = folds == fold
        train = own if train_on_own else ~own
        result[own] = fit_predict(x[train], y[train], x[own])
    return result


def over_folds(names, unseen=0.0, train=np.not_equal):
    def answer(fit_predict, x, y, folds):
        result = np.full((len(x), 3), unseen)
        for name in names(folds):
            inside, outside = folds == name, train(folds, name)
            if inside.any():
                result[inside] = fit_predict(x[outside], y[outside], x[inside])
        return result

    return answer


def each_row_left_out(fit_predict, x, y, folds):
    rows = range(len(x))
    return np.concatenate([fit_predict(np.delete(x, i, 0), np.delete(y, i), x[i : i + 1]) for i in rows])


def in_fold_order(fit_predict, x, y, folds):
    parts = []
    for fold in sorted(set(folds.tolist())):
        own = folds == fold
        parts.append(fit_predict(x[~own], y[~own], x[own]))
    return np.concatenate(parts)


def swapped(fit_predict, x, y, folds):
    result = np.zeros((len(x), 3))
    for fold in sorted(set(folds.tolist())):
        own = folds == fold
        result[~own] = fit_predict(x[own], y[own], x[~own])
    return result


def eigen(images):
    return np.linalg.eigh(np.cov(images.reshape(len(images), -1)))[1]


def normalised_rows(p):
    return p / p.sum(axis=-1, keepdims=True)


def normalised(vector):
    return vector / vector.sum()


def without_mean(images):
    flat = images.reshape(len(images), -1)
    return normalised(np.linalg.svd(flat, full_matrices=False)[0][:, 0])


def in_place(images):
    flat = images.reshape(len(images), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return normalised(np.linalg.svd(flat, full_matrices=False)[0][:, 0])


WRONG: list[WrongAnswer] = [
    ("ensembling.vote_accuracy", upper_half, "ties were left out"),
    ("ensembling.vote_accuracy", from_half, "starts too low"),
    ("ensembling.vote_accuracy", from_rounded_half, "starts too low"),
    (
        "ensembling.vote_accuracy",
        lambda n, p: upper_half(n, p) if n % 2 else from_half(n, p),
        "every tie was counted",
    ),
    ("ensembling.vote_accuracy", one_order, "binomial coefficient"),
    ("ensembling.vote_accuracy", lambda n, p: p**n, "all are right"),
    ("ensembling.vote_accuracy", lambda n, p: p, "values differ"),
    ("ensembling.vote_accuracy", lambda n, p: 1 - (1 - p) ** n, "at least one"),
    (
        "ensembling.vote_accuracy",
        lambda n, p: comb(n, n // 2 + 1) * p ** (n // 2 + 1) * (1 - p) ** (n - n // 2 - 1),
        "smallest majority",
    ),
    ("ensembling.majority_vote", lambda y, k: np.rint(np.mean(y, axis=0)).astype(int), "Ids are names"),
    ("ensembling.majority_vote", lambda y, k: np.sort(y, axis=0)[len(y) // 2], "median of the ids"),
    (
        "ensembling.majority_vote",
        lambda y, k: np.array([Counter(column).most_common(1)[0][0] for column in y.T.tolist()]),
        "named first",
    ),
    (
        "ensembling.majority_vote",
        lambda y, k: np.median(y, axis=0).astype(int),
        "median of the ids",
    ),
    ("ensembling.majority_vote", lambda y, k: np.argmax(np.bincount(y.flatten())), "count along axis 0"),
    (
        "ensembling.majority_vote",
        lambda y, k: k - 1 - counts(y, k)[:, ::-1].argmax(axis=1),
        "ties go to the highest",
    ),
    ("ensembling.majority_vote", lambda y, k: counts(y, k).max(axis=1), "argmax was meant"),
    (
        "ensembling.majority_vote",
        lambda y, k: (counts(y, k) > len(y) / 2).argmax(axis=1),
        "more than half of the votes",
    ),
    ("ensembling.majority_vote", lambda y, k: y[0], "values differ"),
    ("ensembling.geometric_mean", log_mean, "not divided by the sum"),
    (
        "ensembling.geometric_mean",
        lambda p: np.prod(p, 0) / np.prod(p, 0).sum(-1, keepdims=True),
        "too confident",
    ),
    (
        "ensembling.geometric_mean",
        lambda p: (r := np.prod(p, 0) ** (1 / len(p))) / r.sum(-1, keepdims=True),
        "rounds to 0",
    ),
    ("ensembling.geometric_mean", lambda p: np.mean(p, axis=0), "arithmetic mean"),
    ("ensembling.geometric_mean", lambda p: log_mean(p) / log_mean(p).sum(), "one sum"),
    (
        "ensembling.geometric_mean",
        lambda p: (r := np.exp(np.log(p).mean(1))) / r.sum(-1, keepdims=True),
        "wrong axis",
    ),
    (
        "ensembling.geometric_mean",
        lambda p: (r := np.exp(np.log(p + 1e-3).mean(0))) / r.sum(-1, keepdims=True),
        "values differ",
    ),
    ("ensembling.weight_gradient", lambda p, t: -(p / (softmax(t) @ p)).mean(1), "gradient in w"),
    (
        "ensembling.weight_gradient",
        lambda p, t: -softmax(t) * (p / (softmax(t) @ p)).mean(1),
        "lowers the other weights",
    ),
    (
        "ensembling.weight_gradient",
        lambda p, t: softmax(t) * (p / (softmax(t) @ p)).mean(1) - softmax(t),
        "the sign",
    ),
    (
        "ensembling.weight_gradient",
        lambda p, t: (softmax(t)[:, None] - softmax(t)[:, None] * p / (softmax(t) @ p)).sum(1),
        "sum over the samples",
    ),
    ("ensembling.weight_gradient", lambda p, t: -(p / (t @ p)).mean(1), "θ itself"),
    (
        "ensembling.weight_gradient",
        lambda p, t: softmax(t) * (softmax(t) @ np.log(p).mean(1) - np.log(p).mean(1)),
        "logarithm is taken of the averaged",
    ),
    ("ensembling.weight_gradient", lambda p, t: np.zeros_like(t), "values differ"),
    (
        "ensembling.weight_gradient",
        lambda p, t: softmax(t) - (softmax(t)[:, None] * p).mean(1),
        "share of the credit",
    ),
    ("ensembling.out_of_fold", lambda f, x, y, folds: f(x, y, x), "the leak"),
    ("ensembling.out_of_fold", lambda f, x, y, folds: filled(f, x, y, folds, True), "fold that it predicts"),
    ("ensembling.out_of_fold", in_fold_order, "one after another"),
    ("ensembling.out_of_fold", swapped, "swapped"),
    (
        "ensembling.out_of_fold",
        lambda f, x, y, folds: f(x[folds != 0], y[folds != 0], x),
        "one fit serves all",
    ),
    (
        "ensembling.out_of_fold",
        lambda f, x, y, folds: f(x[folds != 0], y[folds != 0], x[folds == 0]),
        "shape is",
    ),
    ("ensembling.pca_weights", without_mean, "mean of each image was not subtracted"),
    ("ensembling.pca_weights", lambda i: normalised(eigen(i)[:, 0]), "wrong end"),
    ("ensembling.pca_weights", lambda i: normalised(eigen(i)[-1]), "its columns"),
    ("ensembling.pca_weights", lambda i: np.abs(eigen(i)[:, -1]), "not divided by the sum"),
    ("ensembling.pca_weights", lambda i: eigen(i)[:, -1], "not divided by the sum"),
    ("ensembling.pca_weights", lambda i: -eigen(i)[:, -1], "not divided by the sum"),
    ("ensembling.pca_weights", lambda i: normalised(i.var(axis=(1, 2))), "variances themselves"),
    (
        "ensembling.pca_weights",
        lambda i: normalised(np.linalg.eigh(np.corrcoef(i.reshape(len(i), -1)))[1][:, -1]),
        "correlation matrix",
    ),
    ("ensembling.pca_weights", lambda i: np.full(len(i), 1 / len(i)), "values differ"),
    ("ensembling.pca_weights", in_place, "changed the array"),
    ("ensembling.pca_weights", lambda i: normalised(np.abs(eigen(i)[:, -1])), "absolute values"),
    (
        "ensembling.pca_weights",
        lambda i: normalised(np.linalg.eig(np.cov(i.reshape(len(i), -1)))[1][:, 0]),
        "does not sort",
    ),
    ("ensembling.pca_weights", lambda i: normalised(i.mean(axis=(1, 2))), "values differ"),
    # further ones: off by one, the wrong axis, a constant, folds that are numbers
    (
        "ensembling.vote_accuracy",
        lambda n, p: upper_half(n, p) + (0 if n % 2 else comb(n, n // 2) * (p * (1 - p)) ** (n // 2) / 2) - p**n,
        "ends with n",
    ),
    ("ensembling.vote_accuracy", lambda n, p: 0.5, "values differ"),
    ("ensembling.vote_accuracy", lambda n, p: upper_half(n, 1 - p), "values differ"),
    ("ensembling.vote_accuracy", lambda n, p: float(p > 0.5), "values differ"),
    ("ensembling.majority_vote", lambda y, k: counts(y, k).argmax(axis=0), "shape"),
    ("ensembling.majority_vote", lambda y, k: counts(y, k).argmax(axis=1) + 1, "values differ"),
    ("ensembling.majority_vote", lambda y, k: counts(y, k - 1).argmax(axis=1), "values differ"),
    ("ensembling.majority_vote", lambda y, k: y.max(axis=0), "values differ"),
    ("ensembling.geometric_mean", lambda p: np.log(p).mean(0), "values differ"),
    ("ensembling.geometric_mean", lambda p: log_mean(p) / log_mean(p).sum(0), "values differ"),
    ("ensembling.geometric_mean", lambda p: p[0], "values differ"),
    ("ensembling.geometric_mean", lambda p: normalised_rows(1 / (1 / p).mean(0)), "values differ"),
    ("ensembling.geometric_mean", lambda p: normalised_rows(log_mean(np.maximum(p, 1e-7))), "values differ"),
    ("ensembling.geometric_mean", lambda p: normalised_rows(log_mean(p + 1e-12)), "something small"),
    ("ensembling.geometric_mean", lambda p: normalised_rows(log_mean(np.maximum(p, 1e-15))), "something small"),
    ("ensembling.geometric_mean", lambda p: normalised_rows(log_mean(np.clip(p, 1e-20, 1))), "something small"),
    ("ensembling.geometric_mean", lambda p: normalised_rows(log_mean(p + 1e-300)), "something small"),
    (
        "ensembling.geometric_mean",
        lambda p: normalised_rows(np.prod(p, 0) ** (1 / p.shape[-1])),
        "number of classes",
    ),
    ("ensembling.weight_gradient", lambda p, t: softmax(t) - softmax(t) * p[:, 0], "values differ"),
    ("ensembling.weight_gradient", lambda p, t: 1 - softmax(t) * (p / (softmax(t) @ p)).mean(1), "values differ"),
    ("ensembling.weight_gradient", lambda p, t: softmax(t), "values differ"),
    ("ensembling.weight_gradient", lambda p, t: softmax(t) - np.mean(p / p.sum(0), axis=1), "has its weight"),
    ("ensembling.weight_gradient", lambda p, t: -np.log(softmax(t) @ p).mean(), "shape"),
    ("ensembling.out_of_fold", over_folds(lambda folds: range(5)), "folds counted"),
    ("ensembling.out_of_fold", over_folds(lambda folds: range(5), np.nan), "folds counted"),
    ("ensembling.out_of_fold", over_folds(lambda folds: range(len(np.unique(folds)))), "folds counted"),
    (
        "ensembling.out_of_fold",
        over_folds(lambda folds: range(folds.min(), folds.min() + len(np.unique(folds)))),
        "values differ",
    ),
    ("ensembling.out_of_fold", over_folds(lambda folds: range(folds.max())), "values differ"),
    ("ensembling.out_of_fold", over_folds(lambda folds: range(1, folds.max() + 1)), "values differ"),
    ("ensembling.out_of_fold", over_folds(np.unique, train=np.less), "values differ"),
    ("ensembling.out_of_fold", each_row_left_out, "values differ"),
    ("ensembling.out_of_fold", lambda f, x, y, folds: np.eye(3)[y], "values differ"),
    ("ensembling.out_of_fold", lambda f, x, y, folds: np.full((len(x), 3), 1 / 3), "values differ"),
    ("ensembling.out_of_fold", lambda *a: over_folds(np.unique)(*a).argmax(1), "shape"),
    ("ensembling.pca_weights", lambda i: normalised(eigen(i)[:, -1] ** 2), "values differ"),
    ("ensembling.pca_weights", lambda i: softmax(eigen(i)[:, -1]), "values differ"),
    ("ensembling.pca_weights", lambda i: normalised(eigen(i)[:, -1])[::-1], "values differ"),
    ("ensembling.pca_weights", lambda i: np.tensordot(normalised(eigen(i)[:, -1]), i, 1), "shape"),
    (
        "ensembling.vote_accuracy",
        lambda n, p: upper_half(n, p) + comb(n, n // 2) * p ** (n // 2) * (1 - p) ** (n - n // 2) / 2,
        "Only an even number",
    ),
    ("ensembling.majority_vote", lambda y, k: counts(y.T, k).argmax(axis=1), "the wrong axis"),
    ("ensembling.geometric_mean", lambda p: normalised_rows(log_mean(p.clip(1e-9, 1 - 1e-9))), "something small"),
    ("ensembling.weight_gradient", lambda p, t: t - (t[:, None] * p / (t @ p)).mean(1), "θ itself"),
]


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_feedback(name, answer, says):
    assert_rejected(name, answer, says)


@pytest.mark.parametrize("name", CHAPTERS["ch02"])
def test_every_mistake_is_rejected_with_its_own_words(name):
    assert_mistakes_are_named(name, EXERCISES[name])


def test_every_exercise_is_tried_with_enough_wrong_answers():
    assert_enough_wrong_answers("ch02", WRONG)


@pytest.mark.parametrize("name", CHAPTERS["ch02"])
def test_a_stub_is_not_attempted(name):
    assert check(name, lambda *arguments: ...).status == "not attempted"


@pytest.mark.parametrize("name", CHAPTERS["ch02"])
def test_the_reference_passes(name):
    assert check(name, EXERCISES[name].reference).status == "correct"


def test_the_gradient_is_that_of_the_loss():
    def loss(theta, likelihoods):
        return -np.log(softmax(theta) @ likelihoods).mean()

    for likelihoods, theta in EXERCISES["ensembling.weight_gradient"].cases(np.random.default_rng(1)):
        expected = approx_fprime(theta, loss, 1e-7, likelihoods)
        found = EXERCISES["ensembling.weight_gradient"].reference(likelihoods, theta)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_folds_are_filled_as_scikit_learn_fills_them():
    def nearest(x_train, y_train, x_test):
        return np.eye(3)[KNeighborsClassifier(1).fit(x_train, y_train).predict(x_test)]

    for _, x, y, folds in EXERCISES["ensembling.out_of_fold"].cases(np.random.default_rng(2)):
        theirs = cross_val_predict(KNeighborsClassifier(1), x, y, cv=PredefinedSplit(folds))
        ours = EXERCISES["ensembling.out_of_fold"].reference(nearest, x, y, folds)
        np.testing.assert_array_equal(ours.argmax(axis=1), theirs)
    np.testing.assert_allclose(nearby_classes(np.zeros((1, 1)), np.array([2]), np.zeros((1, 1))).sum(), 1)
