"""Entropy and mutual information against closed forms, scikit-learn, SciPy and brute force."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import digamma, softmax
from scipy.stats import entropy
from sklearn.feature_selection import mutual_info_regression
from sklearn.metrics import mutual_info_score

from course_utils.information import (
    assign_clusters,
    donsker_varadhan,
    entropy_of_counts,
    histogram_information,
    iic_joint,
    iic_loss,
    info_nce,
    mutual_information,
    nearest_neighbour_information,
    nwj,
)


def gaussian_pair(n, correlation, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return x, correlation * x + np.sqrt(1 - correlation**2) * rng.normal(size=n)


def joint_of(rng, shape):
    table = rng.random(shape) * (rng.random(shape) < 0.7)
    table[0, 0] = 0.5
    return table / table.sum()


# Entropy and information of tables


@pytest.mark.parametrize("counts", [[5], [3, 1, 0, 9], [[2, 2], [0, 4]], np.array([3, 250, 7], np.uint8)])
def test_entropy_is_that_of_scipy(counts):
    assert entropy_of_counts(counts) == pytest.approx(entropy(np.ravel(counts).astype(float)), abs=1e-12)
    occupied, total = np.count_nonzero(counts), np.sum(counts, dtype=int)
    corrected = entropy_of_counts(counts, correction="miller_madow")
    assert corrected - entropy_of_counts(counts) == pytest.approx((occupied - 1) / (2 * total))
    assert type(corrected) is float


def test_the_correction_takes_most_of_the_bias_away():
    rng = np.random.default_rng(0)
    samples = rng.multinomial(100, np.full(20, 1 / 20), size=500)
    plain = np.mean([entropy_of_counts(counts) for counts in samples]) - np.log(20)
    corrected = np.mean([entropy_of_counts(counts, "miller_madow") for counts in samples]) - np.log(20)
    assert plain < -0.08
    assert abs(corrected) < 0.02


@pytest.mark.parametrize(
    "counts", [[], [0, 0], [-1, 2], [0.5, 1], [np.nan, 1], [np.inf, 1], [True, False], ["1"], [[1], [2, 3]], [1j]]
)
def test_what_is_no_count_is_refused(counts):
    with pytest.raises(ValueError, match="counts: "):
        entropy_of_counts(counts)


def test_an_unknown_correction_is_refused():
    with pytest.raises(ValueError, match="correction: "):
        entropy_of_counts([1, 2], correction="jackknife")


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 3), (2, 5), (40, 30)])
def test_information_is_that_of_scikit_learn_and_of_the_identities(shape):
    joint = joint_of(np.random.default_rng(1), shape)
    counts = np.round(joint * 1e6)
    ours = mutual_information(counts / counts.sum())
    assert ours == pytest.approx(mutual_info_score(None, None, contingency=counts), abs=1e-9)
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    identity = entropy(rows) + entropy(columns) - entropy(joint.ravel())
    assert mutual_information(joint) == pytest.approx(identity, abs=1e-12)
    assert mutual_information(joint) == pytest.approx(mutual_information(joint.T), abs=1e-12)


def test_information_of_independent_and_of_equal_variables():
    p = np.array([0.2, 0.3, 0.5])
    assert mutual_information(np.outer(p, [0.1, 0.9])) == pytest.approx(0, abs=1e-15)
    assert mutual_information(np.diag(p)) == pytest.approx(entropy(p))
    assert mutual_information(np.diag(p).astype(np.float16)) == pytest.approx(entropy(p), abs=2e-3)
    tiny = np.array([[1 - 1e-200, 0], [0, 1e-200]])  # whose marginals' product is 0
    assert 0 <= mutual_information(tiny) < 1e-190


@pytest.mark.parametrize(
    "joint",
    [
        [0.5, 0.5],
        [],
        [[]],
        [[0.5, 0.4]],
        [[3, 1], [2, 4]],
        [[1.5, -0.5]],
        [[np.nan, 1]],
        [[np.inf, 1]],
        [[True, False]],
        [[0.5], [0.25, 0.25]],
        np.ma.array([[0.5, 0.5]], mask=[[True, False]]),
    ],
)
def test_what_is_no_joint_is_refused(joint):
    with pytest.raises(ValueError, match="joint: "):
        mutual_information(joint)


# From samples


@pytest.mark.parametrize("bins", [1, 10, (4, 25), np.int64(7)])
def test_the_histogram_is_that_of_scikit_learn(bins):
    x, y = gaussian_pair(3000, 0.8)
    x, y = x.astype(np.float32), y.astype(np.float32)
    of_x, of_y = (bins, bins) if np.ndim(bins) == 0 else bins
    labels = [
        np.clip(np.digitize(v, np.linspace(v.min(), v.max(), n + 1)) - 1, 0, n - 1)
        for v, n in ((np.float64(x), of_x), (np.float64(y), of_y))
    ]
    assert histogram_information(x, y, bins) == pytest.approx(mutual_info_score(*labels), abs=1e-3)


def test_a_constant_shares_no_information():
    assert histogram_information([1, 1, 1], [1, 2, 3], bins=3) == 0
    assert histogram_information([4.0], [2.0], bins=5) == 0


@pytest.mark.parametrize("bins", [0, -1, 2.0, True, "4", (3,), (3, 4, 5), (3, 0), None, [0.0, 1.0, 2.0]])
def test_what_is_no_number_of_bins_is_refused(bins):
    with pytest.raises(ValueError, match="bins: "):
        histogram_information([0, 1], [0, 1], bins)


@pytest.mark.parametrize("function", [lambda x, y: histogram_information(x, y, 4), nearest_neighbour_information])
def test_samples_that_do_not_fit_are_refused(function):
    good = np.arange(5.0)
    for bad in ([], [np.nan, 0, 1, 2, 3], [np.inf, 0, 1, 2, 3], np.zeros((5, 1, 1)), 3.0, [True] * 5, ["a"] * 5):
        with pytest.raises(ValueError, match="x: "):
            function(bad, good)
        with pytest.raises(ValueError, match="y: "):
            function(good, bad)
    with pytest.raises(ValueError, match="y: expected 5 samples"):
        function(good, good[:4])


def test_a_range_beyond_the_floats_is_refused():
    with pytest.raises(ValueError, match="x: its range"):
        histogram_information([-1e308, 1e308], [0, 1], 4)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_nearest_neighbours_find_the_information_of_gaussians(correlation):
    truth = -0.5 * np.log(1 - correlation**2)
    estimates = [nearest_neighbour_information(*gaussian_pair(1000, correlation, seed)) for seed in range(10)]
    error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - truth) < 4 * error + 0.005
    assert min(estimates) < 0 or correlation > 0  # unlike scikit-learn's, not cut at 0


@pytest.mark.parametrize("k", [1, 3, 10])
def test_nearest_neighbours_agree_with_scikit_learn(k):
    x, y = gaussian_pair(500, 0.7, seed=3)
    x, y = (x / np.std(x), y / np.std(y))  # as scikit-learn does, which adds noise of 1e-10 too
    theirs = mutual_info_regression(x[:, None], y, n_neighbors=k, random_state=0)[0]
    assert nearest_neighbour_information(x, y, k) == pytest.approx(theirs, abs=1e-6)


def test_nearest_neighbours_against_the_formula_by_brute_force():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 2))
    y = x[:, :1] + rng.normal(size=(60, 1))
    far_x = np.abs(x[:, None] - x[None]).max(axis=-1)
    far_y = np.abs(y[:, None] - y[None]).max(axis=-1)
    expected = 0.0
    for i, j in enumerate(np.maximum(far_x, far_y)):
        radius = np.sort(j)[4]  # after itself, the fourth
        n_x, n_y = (far_x[i] < radius).sum() - 1, (far_y[i] < radius).sum() - 1
        expected -= (digamma(n_x + 1) + digamma(n_y + 1)) / 60
    assert nearest_neighbour_information(x, y, k=4) == pytest.approx(
        expected + digamma(4) + digamma(60), abs=1e-12
    )


@pytest.mark.parametrize("k", [0, 5, 2.0, True])
def test_a_neighbour_that_is_not_there_is_refused(k):
    with pytest.raises(ValueError, match="k: "):
        nearest_neighbour_information(np.arange(5.0), np.arange(5.0), k)


def test_discrete_samples_are_refused_by_nearest_neighbours():
    labels = np.arange(40) % 3
    with pytest.raises(ValueError, match="continuous"):
        nearest_neighbour_information(labels, labels)
    with pytest.raises(ValueError, match="two samples"):
        nearest_neighbour_information([1.0], [1.0], k=1)


# Bounds


def bounds_by_hand(joint, apart):
    yield donsker_varadhan, np.mean(joint) - np.log(np.mean(np.exp(apart)))
    yield nwj, np.mean(joint) - np.mean(np.exp(apart)) / np.e


def test_bounds_are_the_formulas_for_arrays_and_tensors():
    rng = np.random.default_rng(0)
    joint, apart = rng.normal(size=7), rng.normal(size=(5, 3))
    for bound, expected in bounds_by_hand(joint, apart):
        assert type(bound(joint, apart)) is float
        assert bound(joint, apart) == pytest.approx(expected, abs=1e-12)
        tensor = bound(tf.constant(joint, tf.float32), apart)
        assert tensor.dtype == tf.float32
        assert tensor.shape == ()
        assert float(tensor) == pytest.approx(expected, abs=1e-5)
    scores = rng.normal(size=(6, 6))
    expected = np.log(6 * np.diagonal(softmax(scores, axis=1))).mean()
    assert info_nce(scores) == pytest.approx(expected, abs=1e-12)
    assert float(info_nce(tf.constant(scores))) == pytest.approx(expected, abs=1e-12)
    assert info_nce(scores.T) != pytest.approx(expected, abs=1e-3)  # rows, not columns


def test_bounds_of_the_true_ratio_are_the_information():
    correlation = 0.9
    x, y = gaussian_pair(200_000, correlation)
    rest = 1 - correlation**2

    def ratio(x, y):  # ln p(x, y) / (p(x) p(y))
        return -0.5 * np.log(rest) - (correlation**2 * (x**2 + y**2) - 2 * correlation * x * y) / (2 * rest)

    apart = ratio(x, np.roll(y, 1))
    truth = -0.5 * np.log(rest)
    assert donsker_varadhan(ratio(x, y), apart) == pytest.approx(truth, abs=0.02)
    assert nwj(ratio(x, y) + 1, apart + 1) == pytest.approx(truth, abs=0.02)
    batch = ratio(x[:500, None], y[None, :500])
    assert info_nce(batch) < truth + 0.02


def test_bounds_can_be_differentiated():
    rng = np.random.default_rng(2)
    joint, apart = tf.Variable(rng.normal(size=4)), tf.Variable(rng.normal(size=4))
    for bound, gradient in ((donsker_varadhan, -softmax(apart.numpy())), (nwj, -np.exp(apart.numpy() - 1) / 4)):
        with tf.GradientTape() as tape:
            value = bound(joint, apart)
        of_joint, of_apart = tape.gradient(value, [joint, apart])
        np.testing.assert_allclose(of_joint, np.full(4, 0.25))
        np.testing.assert_allclose(of_apart, gradient, rtol=1e-12)
    table = tf.Variable(rng.normal(size=(3, 3)))
    with tf.GradientTape() as tape:
        value = tf.function(info_nce)(table)
    np.testing.assert_allclose(tape.gradient(value, table), (np.eye(3) - softmax(table.numpy(), axis=1)) / 3)


def test_bounds_stand_huge_scores():
    assert donsker_varadhan([1e5], [1e5, -1e5]) == pytest.approx(np.log(2))
    assert donsker_varadhan([-1e300], [-1e300]) == 0
    assert nwj([0.0], [1e4]) == -np.inf
    assert info_nce(np.eye(4, dtype=np.float32) * 1e30) == pytest.approx(np.log(4))
    assert info_nce(np.full((3, 3), 1e4, np.float16)) == pytest.approx(0)
    assert float(donsker_varadhan(tf.constant([1e30]), tf.constant([1e30, -1e30]))) == pytest.approx(np.log(2))


@pytest.mark.parametrize("kind", [np.asarray, tf.constant])
def test_bounds_refuse_what_is_no_score(kind):
    good = kind([0.0, 1.0])
    for bad in (kind(np.zeros(0)), kind([np.nan, 0.0]), kind([np.inf, 0.0])):
        for bound in (donsker_varadhan, nwj):
            with pytest.raises(ValueError, match="joint_scores: "):
                bound(bad, good)
            with pytest.raises(ValueError, match="marginal_scores: "):
                bound(good, bad)
    for bad in (good, kind(np.zeros((2, 3))), kind(np.zeros((0, 0))), kind([[np.nan]]), kind([[np.inf]])):
        with pytest.raises(ValueError, match="scores: "):
            info_nce(bad)


# Clusters


def some_rows(n, k, seed):
    return softmax(3 * np.random.default_rng(seed).normal(size=(n, k)), axis=1)


def test_the_joint_of_clusters_is_the_mean_of_outer_products():
    p, q = some_rows(5, 3, 0), some_rows(5, 3, 1)
    mean = np.mean([np.outer(a, b) for a, b in zip(p, q, strict=True)], axis=0)
    joint = iic_joint(p, q).numpy()
    np.testing.assert_allclose(joint, (mean + mean.T) / 2, atol=1e-15)
    assert float(iic_loss(p, q)) == pytest.approx(-mutual_information(joint), abs=1e-12)
    assert float(iic_loss(np.float32(p), np.float32(q))) == pytest.approx(-mutual_information(joint), abs=1e-6)
    assert iic_joint(np.float32(p), q).dtype == tf.float32


def test_the_loss_of_clusters_at_its_ends():
    codes = np.eye(10)
    assert float(iic_loss(codes, codes)) == pytest.approx(-np.log(10))
    assert float(iic_loss(codes, np.roll(codes, 1, axis=1))) < -1.5  # a consistent relabelling still informs
    same = np.tile([1.0, 0.0], (4, 1))
    assert float(iic_loss(same, same)) == pytest.approx(0, abs=1e-12)
    even = np.full((4, 2), 0.5)
    assert float(iic_loss(even, even)) == pytest.approx(0, abs=1e-12)


def test_the_gradient_of_the_loss_is_finite_at_certainty_and_right_elsewhere():
    q = tf.constant(some_rows(6, 3, 2))
    logits = tf.Variable(np.random.default_rng(3).normal(size=(6, 3)))
    with tf.GradientTape() as tape:
        loss = tf.function(iic_loss)(tf.nn.softmax(logits), q)
    gradient = tape.gradient(loss, logits).numpy()
    step = 1e-6
    for index in np.ndindex(2, 3):
        moved = [logits.numpy() for _ in range(2)]
        moved[0][index] += step
        moved[1][index] -= step
        up, down = (float(iic_loss(softmax(m, axis=1), q)) for m in moved)
        assert gradient[index] == pytest.approx((up - down) / (2 * step), abs=1e-7)
    certain = tf.Variable(np.float32([[200, 0], [200, 0]]))
    with tf.GradientTape() as tape:
        p = tf.nn.softmax(certain)
        loss = iic_loss(p, p)
    assert np.isfinite(tape.gradient(loss, certain)).all()


@pytest.mark.parametrize("function", [iic_joint, iic_loss])
def test_rows_that_are_no_distributions_are_refused(function):
    good = some_rows(2, 3, 0)
    for bad in (good[0], np.zeros((0, 3)), good * 2, good - 0.5, np.full((2, 3), np.nan), good[None], [["a"]]):
        with pytest.raises(ValueError, match="p: "):
            function(bad, good)
        with pytest.raises(ValueError, match="q: "):
            function(good, bad)
    with pytest.raises(ValueError, match="q: expected the shape of p"):
        function(good, some_rows(3, 3, 0))
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.function(function)(tf.constant(good * 2), tf.constant(good))


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (4, 4), (5, 3), (3, 5)])
def test_the_assignment_is_the_best_of_all(shape):
    clusters, classes = shape
    for seed in range(5):
        table = np.random.default_rng(seed).integers(0, 20, shape)
        given = assign_clusters(table)
        assert given.shape == (clusters,)
        assert given.dtype.kind == "i"
        used = given[given >= 0]
        assert len(set(used)) == len(used) == min(shape)
        hits = sum(table[i, c] for i, c in enumerate(given) if c >= 0)
        larger, smaller = max(shape), min(shape)
        wide = table if clusters <= classes else table.T
        best = max(
            sum(wide[i, c] for i, c in enumerate(order))
            for order in itertools.permutations(range(larger), smaller)
        )
        assert hits == best


@pytest.mark.parametrize(
    "bad", [[1, 2], [], [[]], [[-1, 2]], [[np.nan, 1]], [[np.inf, 1]], [[True]], [[1], [1, 2]]]
)
def test_what_is_no_confusion_is_refused(bad):
    with pytest.raises(ValueError, match="confusion: "):
        assign_clusters(bad)
