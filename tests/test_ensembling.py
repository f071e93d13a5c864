"""Votes, means, learnt weights, out-of-fold predictions and fusion against independent implementations."""

import itertools
import subprocess
import sys
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from course_utils.datasets import load_digits
from course_utils.ensembling import (
    average_probabilities,
    fit_weights,
    fuse_images,
    majority_vote,
    majority_vote_accuracy,
    out_of_fold_probabilities,
    pca_weights,
)
from course_utils.metrics import negative_log_likelihood
from course_utils.softmax import softmax

RNG = np.random.default_rng


def random_probabilities(rng, *shape):
    return softmax(rng.normal(0, 2, shape))


# The vote.


@pytest.mark.parametrize("n_voters", [1, 2, 3, 4, 5, 10, 11, 101, 1000])
@pytest.mark.parametrize("accuracy", [0.0, 0.1, 0.4, 0.5, 0.7, 0.99, 1.0])
def test_vote_accuracy_is_scipys_binomial_with_half_of_the_ties(n_voters, accuracy):
    right = stats.binom(n_voters, accuracy)
    expected = right.sf(n_voters // 2) + (right.pmf(n_voters // 2) / 2 if n_voters % 2 == 0 else 0)
    assert majority_vote_accuracy(n_voters, accuracy) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n_voters", range(1, 12))
def test_vote_accuracy_is_exact_to_rounding(n_voters):
    p = Fraction(7, 10)
    exact = sum(
        comb(n_voters, k) * p**k * (1 - p) ** (n_voters - k) * (1 if 2 * k > n_voters else Fraction(1, 2))
        for k in range(n_voters + 1)
        if 2 * k >= n_voters
    )
    assert majority_vote_accuracy(n_voters, 0.7) == pytest.approx(float(exact), rel=1e-13)


def test_vote_accuracy_by_enumeration_and_by_the_claims_numbers():
    for n_voters in (3, 4):
        total = 0.0
        for votes in itertools.product([0, 1], repeat=n_voters):
            share = {-1: 0.0, 0: 0.5, 1: 1.0}[int(np.sign(2 * sum(votes) - n_voters))]
            total += share * 0.7 ** sum(votes) * 0.3 ** (n_voters - sum(votes))
        assert majority_vote_accuracy(n_voters, 0.7) == pytest.approx(total)
    assert majority_vote_accuracy(3, 0.7) == pytest.approx(0.784)
    assert majority_vote_accuracy(5, 0.7) == pytest.approx(0.83692)
    assert majority_vote_accuracy(3, 0.4) == pytest.approx(0.352)
    assert majority_vote_accuracy(1_000_001, 0.51) == pytest.approx(1.0)


@given(st.integers(1, 200), st.floats(0, 1))
def test_vote_accuracy_is_symmetric_and_an_even_voter_adds_nothing(half, accuracy):
    odd = majority_vote_accuracy(2 * half - 1, accuracy)
    assert odd == majority_vote_accuracy(2 * half, accuracy)
    assert odd + majority_vote_accuracy(2 * half - 1, 1 - accuracy) == pytest.approx(1)
    better = odd - accuracy
    assert better * (accuracy - 0.5) >= -1e-12  # the vote goes further from one half than a voter


@pytest.mark.parametrize(
    ("n_voters", "accuracy", "names"),
    [
        (0, 0.7, "n_voters"),
        (-1, 0.7, "n_voters"),
        (2.5, 0.7, "n_voters"),
        (True, 0.7, "n_voters"),
        (3, -0.1, "accuracy"),
        (3, 1.1, "accuracy"),
        (3, float("nan"), "accuracy"),
        (3, "0.7", "accuracy"),
        (3, [0.7], "accuracy"),
    ],
)
def test_vote_accuracy_refuses_what_is_no_vote(n_voters, accuracy, names):
    with pytest.raises(ValueError, match=names):
        majority_vote_accuracy(n_voters, accuracy)


@settings(deadline=None)
@given(st.integers(1, 7), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_majority_vote_is_scipys_mode_and_blind_to_the_order_of_models(models, classes, seed):
    rng = RNG(seed)
    labels = rng.integers(0, classes, (models, 4, 5)).astype(np.uint8)
    winner = majority_vote(labels, classes)
    np.testing.assert_array_equal(winner, stats.mode(labels, axis=0).mode)  # the smallest of equals, too
    np.testing.assert_array_equal(winner, majority_vote(rng.permutation(labels), classes))
    assert winner.dtype == np.uint8 and winner.shape == (4, 5)


def test_majority_vote_agrees_with_scikit_learns_voting_classifier():
    rng = RNG(0)
    x, y = rng.normal(0, 1, (200, 3)), rng.integers(0, 3, 200)
    pool = VotingClassifier([("tree", DecisionTreeClassifier(random_state=0)), ("nb", GaussianNB())]).fit(x, y)
    single = np.stack([model.predict(x) for model in pool.estimators_])
    np.testing.assert_array_equal(majority_vote(single, 3), pool.predict(x))


def test_majority_vote_of_single_elements():
    assert majority_vote([1, 0, 1], 2) == 1
    assert majority_vote([2, 1], 3) == 1
    assert majority_vote([[0, 2]], 3).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("labels", "n_classes", "says"),
    [
        ([[0, 1], [0, 2]], 2, r"labels.*0 to 1.*got 2"),
        ([[0, 255]], 3, "got 255"),
        ([[0, -1]], 3, "got -1"),
        ([[0.0, 1.0]], 2, "integers"),
        ([[0, 1], [0]], 2, r"one shape.*\(2,\), \(1,\)"),
        ([], 2, "one array or more"),
        (1, 2, "one array or more"),
        ([[0]], 0, "n_classes"),
        ([[0]], 1.5, "n_classes"),
    ],
)
def test_majority_vote_refuses(labels, n_classes, says):
    with pytest.raises(ValueError, match=says):
        majority_vote(labels, n_classes)


# The means.


@pytest.mark.parametrize("shape", [(1, 3), (3, 4), (2, 5, 3), (3, 2, 4, 5)])
def test_arithmetic_mean_is_numpys(shape):
    rng = RNG(1)
    p, w = random_probabilities(rng, *shape), rng.random(shape[0]) + 0.1
    np.testing.assert_allclose(average_probabilities(p), p.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(average_probabilities(p, w), np.average(p, axis=0, weights=w), rtol=1e-12)
    np.testing.assert_allclose(average_probabilities(list(p), 7 * w), average_probabilities(p, w), rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 3), (3, 4), (2, 5, 3), (3, 2, 4, 5)])
def test_geometric_mean_is_scipys_divided_by_its_sum(shape):
    rng = RNG(2)
    p, w = random_probabilities(rng, *shape), rng.random(shape[0]) + 0.1
    expected = stats.gmean(p, axis=0, weights=w.reshape(-1, *[1] * (p.ndim - 1)))
    expected /= expected.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(average_probabilities(p, w, kind="geometric"), expected, rtol=1e-10)


def test_geometric_mean_is_the_softmax_of_the_mean_logits():
    logits = RNG(3).normal(0, 3, (4, 6, 5))
    np.testing.assert_allclose(
        average_probabilities(softmax(logits), kind="geometric"), softmax(logits.mean(axis=0)), rtol=1e-10
    )


def test_means_by_hand():
    p = [[[0.8, 0.2]], [[0.2, 0.8]]]
    np.testing.assert_allclose(average_probabilities(p), [[0.5, 0.5]])
    np.testing.assert_allclose(average_probabilities(p, [3, 1]), [[0.65, 0.35]])
    # 0.8^(3/4) 0.2^(1/4) : 0.2^(3/4) 0.8^(1/4) is 2 : 1.
    np.testing.assert_allclose(average_probabilities(p, [3, 1], "geometric"), [[2 / 3, 1 / 3]])


def test_a_zero_vetoes_in_the_geometric_mean_only_and_not_with_weight_zero():
    p = [[0.0, 0.5, 0.5], [0.9, 0.1, 0.0]]
    np.testing.assert_allclose(average_probabilities(p, kind="geometric"), [0, 1, 0])
    np.testing.assert_allclose(average_probabilities(p, [0, 1], "geometric"), p[1])
    np.testing.assert_allclose(average_probabilities(p), [0.45, 0.3, 0.25])


def test_probabilities_that_would_underflow_in_a_product():
    p = np.tile([[1e-200, 1 - 1e-200]], (5, 1))
    np.testing.assert_allclose(average_probabilities(p, kind="geometric")[0], 1e-200, rtol=1e-10)


def test_means_keep_float32():
    p = random_probabilities(RNG(4), 3, 4, 5).astype(np.float32)
    for kind in ("arithmetic", "geometric"):
        mean = average_probabilities(p, [1, 2, 3], kind)
        assert mean.dtype == np.float32
        np.testing.assert_allclose(mean.sum(axis=-1), 1, rtol=1e-5)


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_jensen_the_mean_costs_no_more_than_the_models_on_average(models, classes, seed):
    rng = RNG(seed)
    p, labels = random_probabilities(rng, models, 30, classes), rng.integers(0, classes, 30)
    mean_cost = np.mean([negative_log_likelihood(labels, single) for single in p])
    for kind in ("arithmetic", "geometric"):
        assert negative_log_likelihood(labels, average_probabilities(p, kind=kind)) <= mean_cost + 1e-12


def test_a_negative_weight_passes_while_the_mean_is_a_distribution():
    p = [[0.6, 0.4], [0.5, 0.5]]
    np.testing.assert_allclose(average_probabilities(p, [1.5, -0.5]), [0.65, 0.35])
    with pytest.raises(ValueError, match="no probability"):
        average_probabilities([[0.9, 0.1], [0.1, 0.9]], [2.0, -1.0])
    with pytest.raises(ValueError, match="geometric mean needs 0 or more"):
        average_probabilities(p, [1.5, -0.5], "geometric")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([[0.5, 0.6]],), "sums of 1"),
        (([[1.5, -0.5]],), "0 or more"),
        (([[0.5, np.nan]],), "NaN"),
        (([[0.5, 0.5], [0.2, 0.3, 0.5]],), "one shape"),
        (([],), "one array or more"),
        (([0.5, 0.5],), r"\(M, …, K\)"),
        (([[0.5, 0.5]], [1, 1]), r"weights: expected shape \(1,\)"),
        (([[0.5, 0.5]], [0.0]), "sum above 0"),
        (([[0.5, 0.5]], [np.inf]), "finite"),
        (([[0.5, 0.5]], [np.nan]), "NaN"),
        (([[0.5, 0.5]], ["a"]), "real numbers"),
        (([[0.5, 0.5]], None, "harmonic"), "arithmetic.*harmonic"),
        (([[1.0, 0.0], [0.0, 1.0]], None, "geometric"), "every class has probability 0"),
    ],
)
def test_means_refuse(arguments, says):
    with pytest.raises(ValueError, match=says):
        average_probabilities(*arguments)


# Learnt weights.


def models_of_unequal_quality(seed, n=300, k=4):
    rng = RNG(seed)
    labels = rng.integers(0, k, n)
    signal = np.array([3.0, 2.0, 0.0])[:, None, None] * np.eye(k)[labels]
    return softmax(signal + rng.normal(0, 1, (3, n, k))), labels


@pytest.mark.parametrize("seed", range(5))
def test_softmax_weights_are_the_minimum_on_the_simplex(seed):
    p, labels = models_of_unequal_quality(seed)
    weights = fit_weights(p, labels)
    assert weights.min() >= 0 and weights.sum() == pytest.approx(1)

    def cost(w):
        return negative_log_likelihood(labels, np.tensordot(w, p, 1) / np.sum(w))

    found = optimize.minimize(
        cost,
        np.full(3, 1 / 3),
        method="SLSQP",
        bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-12},
    )
    np.testing.assert_allclose(weights, found.x, atol=2e-4)
    assert cost(weights) <= found.fun + 1e-9
    # Kuhn and Tucker: moving weight to any model lowers nothing, and the used ones are level.
    true = p[:, np.arange(len(labels)), labels]
    gains = (true / (weights @ true)).mean(axis=1)
    assert gains.max() <= 1 + 1e-6
    np.testing.assert_allclose(gains[weights > 0.01], 1, atol=1e-5)


def test_softmax_weights_cost_no_more_than_equal_ones_or_any_single_model():
    p, labels = models_of_unequal_quality(9)
    best = negative_log_likelihood(labels, average_probabilities(p, fit_weights(p, labels)))
    assert best <= negative_log_likelihood(labels, average_probabilities(p)) + 1e-12
    assert best <= min(negative_log_likelihood(labels, single) for single in p) + 1e-9


def test_softmax_weights_by_hand():
    # Right once each, with 0.8 and 0.2 exchanged: the mixture is best in the middle.
    np.testing.assert_allclose(fit_weights([[[0.8, 0.2]] * 2, [[0.2, 0.8]] * 2], [0, 1]), [0.5, 0.5], atol=1e-8)
    # Models that share the samples 3 : 1 and are certain: the weights are the shares.
    sure = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]])
    np.testing.assert_allclose(fit_weights([sure, 1 - sure], [0, 0, 0, 0]), [0.75, 0.25], atol=1e-8)
    np.testing.assert_allclose(fit_weights([sure] * 3, [0, 0, 0, 1]), [1 / 3] * 3, atol=1e-12)
    assert fit_weights([sure], [0, 0, 0, 1]).tolist() == [1.0]


def test_softmax_weights_of_a_hopeless_model_go_to_zero():
    good = np.array([[0.9, 0.1], [0.1, 0.9]])
    for bad in (1 - good, np.array([[1e-300, 1.0], [1.0, 1e-300]]), np.array([[0.0, 1.0], [1.0, 0.0]])):
        np.testing.assert_allclose(fit_weights([good, bad], [0, 1]), [1, 0], atol=1e-6)


@pytest.mark.parametrize("alpha", [0.1, 1.0, 100.0])
def test_ridge_weights_are_scikit_learns(alpha):
    p, labels = models_of_unequal_quality(3)
    columns, truth = p.reshape(3, -1).T, np.eye(4)[labels].ravel()
    expected = Ridge(alpha=alpha, fit_intercept=False).fit(columns, truth).coef_
    np.testing.assert_allclose(fit_weights(p, labels, "ridge", alpha), expected, rtol=1e-6)


def test_ridge_weights_by_hand():
    # Two samples, one model that is right with certainty: w = 2 / (2 + alpha).
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(fit_weights([sure], [0, 1], "ridge"), [2 / 3])
    np.testing.assert_allclose(fit_weights([sure, sure], [0, 1], "ridge", alpha=2.0), [1 / 3, 1 / 3])


@pytest.mark.parametrize("kind", ["softmax", "ridge"])
def test_weights_of_maps_are_those_of_their_pixels_and_255_is_left_out(kind):
    rng = RNG(5)
    p, labels = random_probabilities(rng, 2, 3, 4, 5), rng.integers(0, 5, (3, 4)).astype(np.uint8)
    flat = fit_weights(p.reshape(2, 12, 5), labels.ravel(), kind)
    np.testing.assert_allclose(fit_weights(p, labels, kind), flat)
    labels[0, :2] = 255
    kept = labels != 255
    np.testing.assert_allclose(fit_weights(p, labels, kind), fit_weights(p[:, kept], labels[kept], kind))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([[[0.5, 0.6]]], [0]), "sums of 1"),
        (([[[0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]]], [0]), "one shape"),
        (([[[0.5, 0.5]]], [0, 1]), r"labels: expected shape \(1,\)"),
        (([[[0.5, 0.5]]], [2]), "got 2"),
        (([[[0.5, 0.5]]], [255]), "no element counts"),
        (([[[0.5, 0.5]]], [0.0]), "integers"),
        (([[[0.5, 0.5]]], [0], "lasso"), "softmax.*lasso"),
        (([[[0.5, 0.5]]], [0], "ridge", 0.0), "alpha"),
        (([[[0.0, 1.0]], [[0.0, 1.0]]], [0]), "every weighting costs inf"),
        (([0.5, 0.5], []), r"\(M, …, K\)"),
    ],
)
def test_weights_refuse(arguments, says):
    with pytest.raises(ValueError, match=says):
        fit_weights(*arguments)


# Out of fold.


def remembering(calls):
    """A fit_predict that writes down what it saw and answers with the row's own identity."""

    def fit_predict(x_train, y_train, x_test):
        calls.append((x_train[:, 0].astype(int), y_train, x_test[:, 0].astype(int)))
        share = x_test[:, 0] / 1000
        return np.stack([share, 1 - share, 0 * share], axis=1)

    return fit_predict


@settings(deadline=None)
@given(st.lists(st.integers(2, 9), min_size=1, max_size=3), st.integers(2, 5), st.integers(0, 1000))
def test_every_sample_is_predicted_once_by_a_model_that_has_not_seen_it(counts, n_folds, seed):
    y = RNG(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    x = np.arange(len(y), dtype=float)[:, None]
    if min(counts) < n_folds:
        with pytest.raises(ValueError, match="n_folds"):
            out_of_fold_probabilities(remembering([]), x, y, n_folds, seed)
        return
    calls = []
    predicted = out_of_fold_probabilities(remembering(calls), x, y, n_folds, seed)
    np.testing.assert_allclose(predicted[:, 0] * 1000, x[:, 0])  # in the order of x
    assert len(calls) == n_folds
    assert sorted(np.concatenate([test for _, _, test in calls])) == list(range(len(y)))
    sizes = [len(test) for _, _, test in calls]
    assert max(sizes) - min(sizes) <= 1
    for train, y_train, test in calls:
        assert sorted([*train, *test]) == list(range(len(y)))
        np.testing.assert_array_equal(y_train, y[train])
        per_class = np.bincount(y[test], minlength=len(counts))
        assert np.all(np.abs(per_class - np.array(counts) / n_folds) < 1)


def test_out_of_fold_agrees_with_scikit_learn_given_its_folds():
    images, labels = load_digits()
    rows = np.arange(0, 5000, 25)
    x, y = images[rows].reshape(200, -1), labels[rows].astype(int)
    folds = np.empty(200, int)

    def fit_predict(x_train, y_train, x_test):
        return LogisticRegression(max_iter=200).fit(x_train, y_train).predict_proba(x_test)

    places = []

    def note(x_train, y_train, x_test):
        places.append(np.flatnonzero((x[:, None] == x_test[None]).all(-1).any(1)))
        return np.full((len(x_test), 10), 0.1)

    out_of_fold_probabilities(note, x, y, 4, seed=7)
    for number, place in enumerate(places):
        folds[place] = number
    splits = [(np.flatnonzero(folds != f), np.flatnonzero(folds == f)) for f in range(4)]
    expected = cross_val_predict(
        LogisticRegression(max_iter=200), x, y, cv=splits, method="predict_proba", n_jobs=1
    )
    found = out_of_fold_probabilities(fit_predict, x, y, 4, seed=7)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_the_seed_decides_the_folds():
    x, y = np.arange(40.0)[:, None], np.arange(40) % 3
    results = []
    for seed in (1, 1, 2):
        calls = []
        out_of_fold_probabilities(remembering(calls), x, y, 5, seed)
        results.append([test.tolist() for _, _, test in calls])
    assert results[0] == results[1] != results[2]


def constant(*shape):
    return lambda x_train, y_train, x_test: np.full(shape, 1 / shape[-1])


@pytest.mark.parametrize(
    ("fit_predict", "y", "n_folds", "says"),
    [
        (constant(2, 2), [0, 0, 0, 1], 2, "class 1 has 1"),
        (constant(2, 2), [0, 0, 1, 1], 3, "n_folds"),
        (constant(2, 2), [0, 0, 1, 1], 1, "n_folds"),
        (constant(2, 2), [0, 0, 1, 1], 2.0, "n_folds"),
        (constant(2, 2), [0, 0, 1], 2, "one class id a row"),
        (constant(2, 2), [0.0, 0, 1, 1], 2, "integers"),
        (constant(2, 2), [[0, 0, 1, 1]], 2, "one class id a row"),
        (constant(3, 2), [0, 0, 1, 1], 2, r"fold 0: expected shape \(2, K\)"),
        (constant(2, 2), [0, 0, 2, 2], 2, "K above 2"),
        (constant(2), [0, 0, 1, 1], 2, "rank 2"),
        (lambda *a: np.ones((2, 2)), [0, 0, 1, 1], 2, "sums of 1"),
    ],
)
def test_out_of_fold_refuses(fit_predict, y, n_folds, says):
    with pytest.raises(ValueError, match=says):
        out_of_fold_probabilities(fit_predict, np.zeros((4, 1)), y, n_folds, 0)


def test_out_of_fold_refuses_folds_that_disagree_on_the_classes():
    widths = iter((2, 3))
    with pytest.raises(ValueError, match="expected 2 classes as before, got 3"):
        out_of_fold_probabilities(
            lambda a, b, c: np.full((2, w := next(widths)), 1 / w), np.zeros((4, 1)), [0, 0, 1, 1], 2, 0
        )


# Fusion.


@pytest.mark.parametrize("shape", [(1, 4, 5), (2, 4, 5), (3, 6, 5, 3)])
def test_fusion_is_numpys(shape):
    images = RNG(6).random(shape)
    np.testing.assert_allclose(fuse_images(images), images.mean(axis=0))
    np.testing.assert_array_equal(fuse_images(list(images), "max"), images.max(axis=0))
    np.testing.assert_array_equal(fuse_images(images, "min"), images.min(axis=0))
    weights = np.arange(1, shape[0] + 1)
    np.testing.assert_allclose(fuse_images(images, weights=weights), np.average(images, axis=0, weights=weights))
    assert fuse_images(images.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("shape", [(2, 8, 9), (3, 6, 7), (3, 5, 6, 3)])
def test_pca_weights_are_scikit_learns(shape):
    rng = RNG(7)
    base = rng.normal(0, 1, shape[1:])
    images = np.stack([(m + 1) * base + 0.3 * rng.normal(0, 1, shape[1:]) + m for m in range(shape[0])])
    first = PCA(n_components=1).fit(images.reshape(shape[0], -1).T).components_[0]
    weights = pca_weights(images)
    np.testing.assert_allclose(weights, first / first.sum(), rtol=1e-9)
    np.testing.assert_allclose(fuse_images(images, "pca"), np.tensordot(weights, images, 1))


def test_pca_weights_by_hand():
    image = RNG(8).random((5, 6))
    np.testing.assert_allclose(pca_weights([image, 0.5 * image]), [2 / 3, 1 / 3])
    np.testing.assert_allclose(pca_weights([image, image, image]), [1 / 3] * 3)
    np.testing.assert_allclose(pca_weights([image, 0 * image]), [1, 0])
    np.testing.assert_allclose(pca_weights([image, -0.5 * image]), [2, -1])
    np.testing.assert_allclose(pca_weights([image]), [1])


@given(st.integers(0, 2**32 - 1))
def test_maximum_and_minimum_of_two_sum_to_the_images(seed):
    images = RNG(seed).normal(0, 1, (2, 3, 4))
    np.testing.assert_allclose(fuse_images(images, "max") + fuse_images(images, "min"), images.sum(axis=0))
    np.testing.assert_allclose((fuse_images(images, "max") + fuse_images(images, "min")) / 2, fuse_images(images))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([np.zeros((2, 3)), np.zeros((3, 2))],), r"one shape.*\(2, 3\), \(3, 2\)"),
        (([np.zeros((2, 3)), np.zeros((2, 3, 3))],), "one shape"),
        ((np.zeros((4, 4)),), "M, H, W"),
        ((np.zeros((2, 2, 2, 2, 2)),), "M, H, W"),
        ((np.zeros((2, 0, 3)),), "none empty"),
        ((np.full((2, 2, 2), np.inf),), "finite"),
        ((np.full((2, 2, 2), np.nan),), "NaN"),
        ((np.zeros((2, 2, 2), complex),), "real numbers"),
        ((np.zeros((2, 2, 2)), "median"), "median"),
        ((np.zeros((2, 2, 2)), "max", [1, 1]), "weights"),
        ((np.zeros((2, 2, 2)), "mean", [1, 1, 1]), r"shape \(2,\)"),
        ((np.zeros((2, 2, 2)), "mean", [1, -1]), "sum above 0"),
        ((np.ones((2, 2, 2)), "pca"), "no first principal component"),
    ],
)
def test_fusion_refuses(arguments, says):
    with pytest.raises(ValueError, match=says):
        fuse_images(*arguments)


def test_pca_refuses_images_that_cancel_or_tie():
    image = RNG(9).random((4, 4))
    with pytest.raises(ValueError, match="sums to 0"):
        pca_weights([image, -image])
    with pytest.raises(ValueError, match="no first principal component"):
        pca_weights([[[1.0, -1], [0, 0]], [[0, 0], [1, -1]]])


def test_arguments_are_left_as_they_were():
    p, labels = models_of_unequal_quality(1)
    before, weights = p.copy(), np.array([1.0, 2, 3])
    average_probabilities(p, weights)
    average_probabilities(p, weights, "geometric")
    fit_weights(p, labels)
    fit_weights(p, labels, "ridge")
    fuse_images(p, "pca")
    np.testing.assert_array_equal(p, before)
    np.testing.assert_array_equal(weights, [1, 2, 3])


def test_no_tensorflow_for_numpy_work():
    code = "import sys, course_utils.ensembling; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("value", [0.1, 0.3, 1e6])
def test_constant_images_have_no_component_whatever_their_mean_rounds_to(value):
    with pytest.raises(ValueError, match="no first principal component"):
        pca_weights(np.full((2, 100, 101), value))


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_weights_do_not_depend_on_the_unit(scale):
    images = np.random.default_rng(0).random((3, 6, 7))
    np.testing.assert_allclose(pca_weights(scale * images), pca_weights(images), rtol=1e-9)


def test_what_a_model_says_of_ignored_elements_is_not_looked_at():
    p = np.array([[[0.9, 0.1], [np.nan, np.nan]], [[0.6, 0.4], [0.5, 0.5]]])
    np.testing.assert_allclose(fit_weights(p, [0, 255]), [1, 0], atol=1e-3)


def test_weights_whose_sum_overflows_are_refused():
    with pytest.raises(ValueError, match="weights"):
        average_probabilities([[0.9, 0.1], [0.5, 0.5]], weights=[1e308, 1e308])
