"""Accuracy, likelihood, Brier score, calibration and the bootstrap against scikit-learn and SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss

from course_utils.metrics import (
    accuracy,
    bootstrap_interval,
    brier_score,
    expected_calibration_error,
    mean_interval,
    negative_log_likelihood,
    reliability,
)

METRICS = (accuracy, negative_log_likelihood, brier_score, expected_calibration_error)


def random_case(seed, n=200, k=5):
    rng = np.random.default_rng(seed)
    return rng.integers(0, k, n), rng.dirichlet(np.full(k, 0.5), n)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [2, 5])
def test_they_are_scikit_learns(seed, k):
    labels, p = random_case(seed, k=k)
    assert accuracy(labels, p) == accuracy_score(labels, p.argmax(axis=1))
    assert negative_log_likelihood(labels, p) == pytest.approx(log_loss(labels, p, labels=range(k)))
    # Class by class: scikit-learn before 1.7 knows two classes only.
    full = sum(brier_score_loss(labels == class_id, p[:, class_id]) for class_id in range(k))
    assert brier_score(labels, p) == pytest.approx(full)


@pytest.mark.parametrize("n_bins", [1, 5, 15])
def test_reliability_is_scikit_learns_calibration_curve(n_bins):
    labels, p = random_case(4)
    bins = reliability(labels, p, n_bins)
    right, confidence = p.argmax(axis=1) == labels, p.max(axis=1)
    share, mean = calibration_curve(right, confidence, n_bins=n_bins, strategy="uniform")
    full = bins.counts > 0
    np.testing.assert_allclose(bins.accuracy[full], share)
    np.testing.assert_allclose(bins.confidence[full], mean)
    assert bins.counts.sum() == len(labels)
    weights = bins.counts[full] / len(labels)
    assert expected_calibration_error(labels, p, n_bins) == pytest.approx(weights @ np.abs(share - mean))


def test_by_hand():
    labels, p = [0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]
    assert accuracy(labels, p) == pytest.approx(2 / 3)
    assert negative_log_likelihood(labels, p) == pytest.approx(-np.log(0.9 * 0.4 * 0.8) / 3)
    assert brier_score(labels, p) == pytest.approx((0.02 + 0.72 + 0.08) / 3)
    # Bins of 0.5: all three confidences lie in the upper one, mean 0.7667 against two thirds right.
    assert expected_calibration_error(labels, p, n_bins=2) == pytest.approx((0.9 + 0.6 + 0.8) / 3 - 2 / 3)
    # Ten bins: the bins are (0.8, 0.9], (0.5, 0.6] and (0.7, 0.8]; a confidence on an edge belongs below.
    assert expected_calibration_error(labels, p, n_bins=10) == pytest.approx((0.1 + 0.6 + 0.2) / 3)


def test_certain_and_right_and_certain_and_wrong():
    sure = np.eye(3)
    assert [m([0, 1, 2], sure) for m in METRICS] == [1, 0, 0, 0]
    assert [m([1, 2, 0], sure) for m in METRICS] == [0, np.inf, 2, 1]


def test_equal_probabilities_go_to_the_lowest_class():
    assert accuracy([0, 1], [[0.5, 0.5], [0.5, 0.5]]) == 0.5


def test_maps_are_their_pixels_and_255_is_left_out():
    rng = np.random.default_rng(5)
    p, labels = rng.dirichlet(np.ones(4), (3, 5)), rng.integers(0, 4, (3, 5)).astype(np.uint8)
    for metric in METRICS:
        assert metric(labels, p) == pytest.approx(metric(labels.ravel(), p.reshape(-1, 4)))
    labels[1, :3] = 255
    kept = labels != 255
    for metric in METRICS:
        assert metric(labels, p) == pytest.approx(metric(labels[kept], p[kept]))


def test_with_more_than_255_classes_255_is_a_class():
    p = np.zeros((1, 300))
    p[0, 255] = 1
    assert accuracy([255], p) == 1


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 20))
def test_ranges_and_indifference_to_order(seed, k, n_bins):
    labels, p = random_case(seed, n=40, k=k)
    order = np.random.default_rng(seed).permutation(40)
    for metric in METRICS:
        assert metric(labels, p) == pytest.approx(metric(labels[order], p[order]))
    assert 0 <= expected_calibration_error(labels, p, n_bins) <= 1
    assert 0 <= brier_score(labels, p) <= 2


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("labels", "p", "says"),
    [
        ([0], [[0.5, 0.6]], "sums of 1"),
        ([0], [[1.5, -0.5]], "0 or more"),
        ([0], [[np.nan, 1.0]], "NaN"),
        ([2], [[0.5, 0.5]], "got 2"),
        ([0, 1], [[0.5, 0.5]], "labels: expected shape"),
        ([0.0], [[0.5, 0.5]], "integers"),
        ([255], [[0.5, 0.5]], "no element counts"),
        ([], np.empty((0, 2)), "no element counts"),
    ],
)
def test_they_refuse(metric, labels, p, says):
    with pytest.raises(ValueError, match=says):
        metric(np.array(labels) if labels else np.empty(0, int), p)


def test_no_bin_is_refused():
    with pytest.raises(ValueError, match="n_bins"):
        reliability([0], [[0.5, 0.5]], 0)


@pytest.mark.parametrize("statistic", [np.mean, np.median, np.std])
def test_bootstrap_is_scipys_percentile_interval(statistic):
    values = np.random.default_rng(0).gamma(2.0, 1.0, 150)
    low, high = bootstrap_interval(values, statistic, 4000, 0.9, np.random.default_rng(1))
    theirs = stats.bootstrap(
        (values,),
        statistic,
        n_resamples=4000,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert abs(low - theirs.low) < 0.1 * width and abs(high - theirs.high) < 0.1 * width


def test_bootstrap_of_pairs_keeps_the_rows_together():
    rows = np.random.default_rng(3).normal(0, 1, 100)[:, None] + np.array([0.0, 1.0])
    interval = bootstrap_interval(rows, lambda r: np.mean(r[:, 1] - r[:, 0]), 200, 0.95, np.random.default_rng(0))
    np.testing.assert_allclose(interval, (1, 1))


def test_bootstrap_covers_as_often_as_it_says():
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(200):
        low, high = bootstrap_interval(rng.normal(0, 1, 60), np.mean, 300, 0.9, rng)
        inside += low <= 0 <= high
    assert 165 <= inside <= 193  # 180 expected, standard deviation 4.2


@pytest.mark.parametrize(
    ("values", "n", "level", "says"),
    [
        ([], 10, 0.9, "values"),
        (1.0, 10, 0.9, "values"),
        ([np.nan], 10, 0.9, "NaN"),
        ([1.0], 0, 0.9, "n:"),
        ([1.0], 10, 1.0, "level"),
        ([1.0], 10, 0.0, "level"),
    ],
)
def test_bootstrap_refuses(values, n, level, says):
    with pytest.raises(ValueError, match=says):
        bootstrap_interval(values, np.mean, n, level, np.random.default_rng(0))


def test_mean_interval_is_scipys_t_interval():
    values = [90.1, 91.7, 89.9, 92.4, 90.6]
    mean, half = mean_interval(values, 0.9)
    low, high = stats.t.interval(0.9, 4, np.mean(values), stats.sem(values))
    assert (mean - half, mean + half) == pytest.approx((low, high))


@pytest.mark.parametrize("n_bins", [0, 2.0, 1.5, "15", None, True, np.nan])
def test_a_number_of_bins_that_is_none_is_refused(n_bins):
    with pytest.raises(ValueError, match="n_bins"):
        expected_calibration_error([0], [[0.5, 0.5]], n_bins)


@pytest.mark.parametrize("n", [10.0, "10", True])
def test_bootstrap_refuses_a_number_of_resamples_that_is_none(n):
    with pytest.raises(ValueError, match="n: "):
        bootstrap_interval([1.0, 2.0], np.mean, n, 0.9, np.random.default_rng(0))


def test_bootstrap_refuses_a_seed_and_a_statistic_that_is_no_number():
    with pytest.raises(ValueError, match="rng"):
        bootstrap_interval([1.0, 2.0], np.mean, 10, 0.9, 0)
    with pytest.raises(ValueError, match="statistic"):
        bootstrap_interval([1.0, 2.0], lambda values: None, 10, 0.9, np.random.default_rng(0))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_edge_belongs_to_the_bin_below(dtype):
    """Also where k / n · n is more than k, as for 14 / 25."""
    for n_bins in range(1, 130):
        edges = np.arange(-(-n_bins // 2), n_bins + 1) / n_bins  # a highest of two probabilities is 1/2 or more
        p = np.stack([edges, 1 - edges], axis=1).astype(dtype)
        expected = np.zeros(n_bins)
        expected[len(expected) - len(edges) :] = 1
        np.testing.assert_array_equal(reliability(np.zeros(len(p), int), p, n_bins).counts, expected)
    above = np.nextafter(dtype(0.56), dtype(1))
    assert reliability([0], np.array([[above, 1 - above]]), 25).counts.argmax() == 14
