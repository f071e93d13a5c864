"""Confusion matrices, IoU, outlines and their intervals, against scikit-learn, Keras, scikit-image and loops."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.segmentation import find_boundaries

from course_utils.metrics import (
    bootstrap_interval,
    bootstrap_mean_iou,
    boundary_f_score,
    confusion_matrices,
    confusion_matrix,
    mean_iou,
    mean_iou_interval,
    per_image_mean_iou,
    pixel_accuracy,
    trimap,
)
from course_utils.metrics.intervals import percentile_interval, resample_counts

DTYPES = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]


def random_maps(seed, shape=(3, 9, 11), n_classes=4, ignored=0.1):
    """Blocky truth and a prediction that is mostly right."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, n_classes, (*shape[:-2], *(-(-n // 3) for n in shape[-2:])))
    truth = np.kron(coarse, np.ones((3, 3), int))[..., : shape[-2], : shape[-1]].astype(np.uint8)
    guess = np.where(rng.random(shape) < 0.2, rng.integers(0, n_classes, shape), truth).astype(np.uint8)
    truth[rng.random(shape) < ignored] = 255
    return truth, guess


@pytest.mark.parametrize("shape", [(40,), (5, 8), (3, 5, 8), (2, 3, 4, 5), ()])
@pytest.mark.parametrize("dtypes", [(a, b) for a in DTYPES for b in (np.uint8, np.int64, np.uint64)])
def test_it_is_scikit_learns(shape, dtypes):
    rng = np.random.default_rng(0)
    truth, guess = (rng.integers(0, 5, shape).astype(dtype) for dtype in dtypes)
    ours = confusion_matrix(truth, guess, 5)
    assert ours.dtype == np.int64
    np.testing.assert_array_equal(
        ours, sklearn.metrics.confusion_matrix(np.ravel(truth), np.ravel(guess), labels=range(5))
    )


@pytest.mark.parametrize("n_classes", [2, 16, 17, 127, 128, 254, 255])
def test_small_dtypes_do_not_overflow(n_classes):
    rng = np.random.default_rng(1)
    truth, guess = rng.integers(0, n_classes, (2, 3000)).astype(np.uint8)
    truth[:2], guess[:2] = n_classes - 1, n_classes - 1
    expected = sklearn.metrics.confusion_matrix(truth, guess, labels=range(n_classes))
    np.testing.assert_array_equal(confusion_matrix(truth, guess, n_classes), expected)
    marked = np.append(truth, np.full(7, 255, np.uint8))
    np.testing.assert_array_equal(
        confusion_matrix(marked, np.append(guess, np.full(7, 255, np.uint8)), n_classes), expected
    )


def test_more_than_255_classes():
    truth, guess = np.array([255, 299, 255]), np.array([255, 0, 3])
    matrix = confusion_matrix(truth, guess, 300)
    assert matrix.sum() == 3
    assert (matrix[255, 255], matrix[299, 0], matrix[255, 3]) == (1, 1, 1)
    # 255 is a class of uint8 maps too, once there are 256 of them.
    assert confusion_matrix(np.array([255], np.uint8), np.array([255], np.uint8), 256)[255, 255] == 1


def test_ignored_pixels_are_those_of_the_truth():
    truth = np.array([[0, 255, 1], [1, 255, 255]], np.uint8)
    guess = np.array([[0, 0, 1], [0, 255, 9]], np.uint8)  # whatever was predicted there
    np.testing.assert_array_equal(confusion_matrix(truth, guess, 2), [[1, 0], [1, 1]])
    np.testing.assert_array_equal(confusion_matrix([0, 0, 1], [0, 1, 1], 2, ignore=0), [[0, 0], [0, 1]])
    np.testing.assert_array_equal(confusion_matrix([-1, 0, 1], [0, 1, 1], 2, ignore=-1), [[0, 1], [0, 1]])
    np.testing.assert_array_equal(confusion_matrix(np.uint8([0, 1]), [0, 1], 2, ignore=-1), np.eye(2))
    np.testing.assert_array_equal(
        confusion_matrix(np.full((2, 2), 255), np.zeros((2, 2), int), 2), np.zeros((2, 2))
    )
    np.testing.assert_array_equal(
        confusion_matrix(np.empty((0, 4), int), np.empty((0, 4), int), 2), np.zeros((2, 2))
    )


@pytest.mark.parametrize("seed", range(20))
def test_iou_is_scikit_learns_jaccard_score(seed):
    truth, guess = random_maps(seed)
    counted = truth != 255
    matrix = confusion_matrix(truth, guess, 4)
    mean, per_class = mean_iou(matrix)
    seen = sklearn.metrics.jaccard_score(
        truth[counted], guess[counted], labels=range(4), average=None, zero_division=0
    )
    present = np.isin(range(4), [*truth[counted], *guess[counted]])
    np.testing.assert_allclose(per_class[present], seen[present])
    assert np.isnan(per_class[~present]).all()
    assert mean == pytest.approx(seen[present].mean())
    assert pixel_accuracy(matrix) == pytest.approx(np.mean(truth[counted] == guess[counted]))


def test_iou_is_kerass():
    keras = pytest.importorskip("keras")
    for seed in range(3):
        truth, guess = random_maps(seed, n_classes=3, ignored=0)
        theirs = keras.metrics.MeanIoU(num_classes=5)  # two classes are absent
        theirs.update_state(truth, guess)
        assert mean_iou(confusion_matrix(truth, guess, 5)).mean == pytest.approx(float(theirs.result()), abs=1e-6)


def test_iou_by_hand():
    result = mean_iou([[5, 1, 0, 0], [2, 4, 0, 0], [0, 0, 0, 0], [0, 3, 0, 0]])
    np.testing.assert_allclose(result.per_class, [5 / 8, 4 / 10, np.nan, 0])
    assert result.mean == pytest.approx((5 / 8 + 4 / 10 + 0) / 3)
    # A class that is only predicted is 0, not absent.
    assert mean_iou([[8, 2], [0, 0]]) == (pytest.approx(0.4), pytest.approx([0.8, 0]))
    nothing = mean_iou(np.zeros((3, 3)))
    assert np.isnan(nothing.mean)
    assert np.isnan(nothing.per_class).all()
    assert np.isnan(pixel_accuracy(np.zeros((3, 3))))
    assert mean_iou([[7]]) == (1, pytest.approx([1]))


def test_what_the_mean_over_images_hides():
    """A is 90 % background and right; B is all background, half of it called class 1."""
    truth, guess = np.zeros((2, 10, 10), np.uint8), np.zeros((2, 10, 10), np.uint8)
    truth[0, 0] = guess[0, 0] = 1
    guess[1, :5] = 1
    assert per_image_mean_iou(truth, guess, 4) == 0.75
    result = mean_iou(confusion_matrix(truth, guess, 4))
    assert result.mean == pytest.approx((140 / 190 + 10 / 60) / 2)
    assert round(result.mean, 3) == 0.452
    assert np.isnan(result.per_class[2:]).all()
    assert pixel_accuracy(confusion_matrix(truth, guess, 4)) == 0.75


@pytest.mark.parametrize("seed", range(10))
def test_the_mean_over_images_is_its_definition(seed):
    truth, guess = random_maps(seed, shape=(5, 6, 7))
    if seed % 2:
        truth[2] = 255  # an image in which nothing counts
    means = []
    for one, other in zip(truth, guess, strict=True):
        counted = one != 255
        ious = []
        for k in np.unique(one[counted]):
            a, b = (one == k) & counted, (other == k) & counted
            ious.append(np.sum(a & b) / np.sum(a | b))
        means += [np.mean(ious)] if ious else []
    assert per_image_mean_iou(truth, guess, 4) == pytest.approx(np.mean(means))
    assert per_image_mean_iou(list(truth), list(guess), 4) == pytest.approx(np.mean(means))
    assert np.isnan(per_image_mean_iou(np.full((2, 3, 3), 255), np.zeros((2, 3, 3), int), 4))


def test_matrices_of_images_add_up():
    truth, guess = random_maps(3)
    matrices = confusion_matrices(truth, guess, 4)
    assert matrices.shape == (3, 4, 4)
    np.testing.assert_array_equal(matrices.sum(axis=0), confusion_matrix(truth, guess, 4))
    sizes = [truth[0], truth[1, :4], truth[2, :, :5]]
    others = [guess[0], guess[1, :4], guess[2, :, :5]]
    assert confusion_matrices(sizes, others, 4)[1].sum() == np.sum(sizes[1] != 255)


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_is_the_plain_bootstraps(seed):
    truth, guess = random_maps(seed, shape=(12, 6, 6))
    matrices = confusion_matrices(truth, guess, 5)
    slow = bootstrap_interval(
        matrices, lambda rows: mean_iou(rows.sum(axis=0)).mean, 60, 0.9, np.random.default_rng(seed)
    )
    assert mean_iou_interval(matrices, 60, 0.9, np.random.default_rng(seed)) == pytest.approx(slow)
    assert bootstrap_mean_iou(matrices, 7, np.random.default_rng(seed)).shape == (7,)


def test_counts_of_draws_are_the_plain_bootstraps_draws():
    counts = resample_counts(6, 50, np.random.default_rng(3))
    assert counts.shape == (50, 6)
    assert (counts.sum(axis=1) == 6).all()
    drawn = []
    bootstrap_interval(np.arange(6), lambda rows: drawn.append(rows) or 0, 50, 0.9, np.random.default_rng(3))
    np.testing.assert_array_equal(counts, [np.bincount(rows, minlength=6) for rows in drawn])
    assert percentile_interval([np.nan, 2, 1, 3, np.nan], 0.5) == (1.5, 2.5)
    for bad in ([], [np.nan], 3, [[1, 2]]):
        with pytest.raises(ValueError, match="draws: expected"):
            percentile_interval(bad, 0.9)
    with pytest.raises(ValueError, match="n_samples"):
        resample_counts(0, 1, np.random.default_rng(0))


def test_images_in_which_nothing_counts_have_no_mean_iou():
    matrices = np.zeros((2, 3, 3), int)
    matrices[0] = np.eye(3)
    draws = bootstrap_mean_iou(matrices, 100, np.random.default_rng(0))
    assert 10 < np.isnan(draws).sum() < 45
    assert mean_iou_interval(matrices, 100, 0.95, np.random.default_rng(0)) == (1, 1)
    with pytest.raises(ValueError, match="draws"):
        mean_iou_interval(np.zeros((2, 3, 3)), 10, 0.95, np.random.default_rng(0))


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0, 1))
def test_properties(seed, n_classes, ignored):
    truth, guess = random_maps(seed, (2, 7, 8), n_classes, ignored)
    before = truth.copy(), guess.copy()
    matrix = confusion_matrix(truth, guess, n_classes)
    assert matrix.sum() == np.sum(truth != 255)
    order = np.random.default_rng(seed).permutation(truth.size)
    np.testing.assert_array_equal(matrix, confusion_matrix(truth.ravel()[order], guess.ravel()[order], n_classes))
    swapped = np.where(truth == 255, 255, guess).astype(np.uint8)
    np.testing.assert_array_equal(matrix.T, confusion_matrix(swapped, np.where(truth == 255, 0, truth), n_classes))
    names = np.random.default_rng(seed).permutation(n_classes)
    renamed = np.where(truth == 255, 255, names[np.where(truth == 255, 0, truth)])
    other = mean_iou(confusion_matrix(renamed, names[guess], n_classes))
    np.testing.assert_allclose(other.per_class[names], mean_iou(matrix).per_class)
    if matrix.any():
        assert other.mean == pytest.approx(mean_iou(matrix).mean)
        assert 0 <= other.mean <= 1
        # A Jaccard index never exceeds the accuracy of its class.
        accuracy = np.diagonal(matrix) / np.maximum(matrix.sum(axis=1), 1)
        known = matrix.sum(axis=1) > 0
        assert (mean_iou(matrix).per_class[known] <= accuracy[known] + 1e-12).all()
        perfect = confusion_matrix(truth, np.where(truth == 255, 0, truth), n_classes)
        assert mean_iou(perfect).mean == pixel_accuracy(perfect) == 1
    np.testing.assert_array_equal(truth, before[0])
    np.testing.assert_array_equal(guess, before[1])


def loop_edges(labels):
    """Counted pixels with a counted 4-neighbour of another class."""
    height, width = labels.shape
    return {
        (y, x)
        for y in range(height)
        for x in range(width)
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
        if 0 <= v < height and 0 <= u < width and labels[y, x] != 255 and labels[v, u] not in (255, labels[y, x])
    }


def loop_boundary(truths, guesses, n_classes, tolerance):
    near, totals = np.zeros((2, n_classes)), np.zeros((2, n_classes))
    for truth, guess in zip(truths, guesses, strict=True):
        seen = np.where(truth == 255, 255, guess)
        for k in range(n_classes):
            true = {p for p in loop_edges(truth) if truth[p] == k}
            predicted = {p for p in loop_edges(seen) if seen[p] == k}
            for row, (points, targets) in enumerate(((predicted, true), (true, predicted))):
                totals[row, k] += len(points)
                near[row, k] += sum(
                    any(np.hypot(p[0] - q[0], p[1] - q[1]) <= tolerance for q in targets) for p in points
                )
    scores = np.full(n_classes, np.nan)
    for k in range(n_classes):
        if totals[:, k].any():
            precision, recall = (near[:, k] / np.maximum(totals[:, k], 1)).tolist()
            scores[k] = 2 * precision * recall / (precision + recall) if precision + recall else 0
    return scores


@pytest.mark.parametrize("tolerance", [0, 1, 1.5, 3])
@pytest.mark.parametrize("ignored", [0, 0.1])
def test_boundary_scores_are_their_definition(tolerance, ignored):
    for seed in range(4):
        truth, guess = random_maps(seed, (2, 9, 10), 3, ignored)
        ours = boundary_f_score(truth, guess, 4, tolerance)
        np.testing.assert_allclose(ours.per_class, loop_boundary(truth, guess, 4, tolerance))
        assert ours.mean == pytest.approx(np.nanmean(ours.per_class))
        assert np.isnan(ours.per_class[3])


def test_edges_are_scikit_images_thick_boundaries():
    truth, _ = random_maps(5, (30, 40), 4, ignored=0)
    # Within a distance of 1 of another class: the 4-neighbours, on both sides.
    np.testing.assert_array_equal(trimap(truth, 1), find_boundaries(truth, connectivity=1, mode="thick"))
    np.testing.assert_array_equal(trimap(truth, 1.5), find_boundaries(truth, connectivity=2, mode="thick"))


@pytest.mark.parametrize("width", [1, 2, 2.5, 4])
@pytest.mark.parametrize("ignored", [0, 0.2])
def test_a_trimap_is_its_definition(width, ignored):
    truth, _ = random_maps(6, (2, 9, 10), 3, ignored)
    expected = np.zeros(truth.shape, bool)
    for n, y, x in np.argwhere(truth != 255):
        other = np.argwhere((truth[n] != 255) & (truth[n] != truth[n, y, x]))
        expected[n, y, x] = len(other) and np.hypot(*(other - [y, x]).T).min() <= width
    band = trimap(truth, width)
    np.testing.assert_array_equal(band, expected)
    np.testing.assert_array_equal(trimap(truth[0], width), expected[0])
    guess = np.zeros(truth.shape, int)
    assert confusion_matrix(truth[band], guess[band], 3).sum() == band.sum()


def test_maps_without_outlines():
    flat = np.zeros((4, 5), np.uint8)
    result = boundary_f_score(flat, flat, 2, 1)
    assert np.isnan(result.mean)
    assert np.isnan(result.per_class).all()
    assert not trimap(flat, 3).any()
    assert not trimap(np.full((4, 5), 255), 3).any()
    edge = flat.copy()
    edge[:, 3:] = 1
    assert boundary_f_score(flat, edge, 2, 1).per_class.tolist() == [0, 0]  # an outline that is not there
    assert boundary_f_score(edge, flat, 2, 1).per_class.tolist() == [0, 0]  # one that was missed
    assert np.isnan(boundary_f_score(edge, flat, 2, 1).precision).all()
    assert boundary_f_score(edge, edge, 2, 0) == (
        1,
        pytest.approx([1, 1]),
        pytest.approx([1, 1]),
        pytest.approx([1, 1]),
    )
    assert np.isnan(boundary_f_score([[0]], [[1]], 2, 1).mean)  # a single pixel


def test_outlines_feel_what_maps_do_not():
    """A ragged edge and a straight one a pixel off: much the same to the IoU, not to the outline."""
    truth = np.zeros((60, 60), int)
    truth[:, 30:] = 1
    off = np.roll(truth, 1, axis=1)
    off[:, 0] = 0
    spots = truth.copy()
    spots[::2, 5:7] = 1
    assert mean_iou(confusion_matrix(truth, off, 2)).mean > 0.96
    assert mean_iou(confusion_matrix(truth, spots, 2)).mean > 0.96
    assert boundary_f_score(truth, off, 2, 1).mean == 1
    assert boundary_f_score(truth, spots, 2, 1).mean < 0.6


FLAT = np.zeros((2, 3), np.uint8)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: confusion_matrix(FLAT, FLAT[0], 2),
            r"y_pred: expected the shape of y_true, \(2, 3\), got \(3,\)",
        ),
        (lambda: confusion_matrix(FLAT.astype(float), FLAT, 2), "y_true: expected integers, got dtype float64"),
        (lambda: confusion_matrix(FLAT, FLAT.astype(float), 2), "y_pred: expected integers, got dtype float64"),
        (lambda: confusion_matrix(FLAT > 0, FLAT, 2), "y_true: expected integers, got dtype bool"),
        (lambda: confusion_matrix(FLAT, FLAT > 0, 2), "y_pred: expected integers, got dtype bool"),
        (lambda: confusion_matrix(FLAT + 255, FLAT > 0, 2), "y_pred: expected integers, got dtype bool"),
        (lambda: confusion_matrix(FLAT + 2, FLAT, 2), r"y_true: expected 0 to 1, or 255.*got 2 at index \(0, 0\)"),
        (lambda: confusion_matrix([-1], [0], 2), "y_true: expected 0 to 1.*got -1"),
        (lambda: confusion_matrix([0], [-1], 2), "y_pred: expected 0 to 1, got -1"),
        (lambda: confusion_matrix([0, 255], [255, 0], 2), r"y_pred: expected 0 to 1, got 255 at index \(0,\)"),
        (lambda: confusion_matrix([255, 0], [255, 255], 2), r"y_pred.*got 255 at index \(1,\)"),
        (lambda: confusion_matrix([255], [0], 2, ignore=None), "y_true: expected 0 to 1, got 255"),
        (lambda: confusion_matrix([[0], [0, 1]], [0], 2), "y_true: expected a rectangular array"),
        (lambda: confusion_matrix(FLAT, FLAT, 0), "n_classes: expected an integer of 1 or more"),
        (lambda: confusion_matrix(FLAT, FLAT, 2.0), "n_classes"),
        (lambda: confusion_matrix(FLAT, FLAT, 2, ignore="void"), "ignore: expected an integer or None"),
        (lambda: confusion_matrix(FLAT, FLAT, 2, ignore=True), "ignore"),
        (lambda: confusion_matrices(FLAT, FLAT[:1], 2), "as many images as y_true and at least one, got 1 for 2"),
        (lambda: confusion_matrices([], [], 2), "at least one"),
        (lambda: confusion_matrices(3, 3, 2), "y_true"),
        (lambda: mean_iou([[1, 2]]), r"confusion: expected shape \(K, K\), got \(1, 2\)"),
        (lambda: mean_iou(np.empty((0, 0))), "confusion"),
        (lambda: mean_iou([1, 2]), "confusion: expected rank 2"),
        (lambda: mean_iou([[1, -1], [0, 0]]), "confusion: expected counts of 0 or more, got -1"),
        (lambda: mean_iou([[1, np.nan], [0, 0]]), "confusion: 1 of 4 values are NaN"),
        (lambda: pixel_accuracy([[1, np.inf], [0, 0]]), "confusion: expected finite"),
        (lambda: pixel_accuracy([[True]]), "confusion: expected real numbers"),
        (lambda: per_image_mean_iou(FLAT, FLAT + 9, 2), "y_pred"),
        (lambda: bootstrap_mean_iou([[1]], 5, np.random.default_rng(0)), "confusions: expected rank 3"),
        (lambda: bootstrap_mean_iou(np.empty((0, 2, 2)), 5, np.random.default_rng(0)), "at least one image"),
        (lambda: bootstrap_mean_iou([[[1]]], 0, np.random.default_rng(0)), "n: expected an integer"),
        (lambda: bootstrap_mean_iou([[[1]]], 5, 0), "rng: expected a numpy.random.Generator"),
        (lambda: mean_iou_interval([[[1]]], 5, 1.0, np.random.default_rng(0)), "level"),
        (lambda: boundary_f_score(FLAT, FLAT[0], 2, 1), "y_pred: expected the shape"),
        (lambda: boundary_f_score(FLAT[0], FLAT[0], 2, 1), r"y_true: expected shape \(H, W\)"),
        (lambda: boundary_f_score(np.empty((0, 3, 3), int), np.empty((0, 3, 3), int), 2, 1), "not empty"),
        (lambda: boundary_f_score(FLAT, FLAT, 2, -1), "tolerance: expected a finite number"),
        (lambda: boundary_f_score(FLAT, FLAT, 2, np.nan), "tolerance"),
        (lambda: boundary_f_score(FLAT, FLAT + 255, 2, 1), "y_pred: expected 0 to 1, got 255"),
        (lambda: boundary_f_score(FLAT, FLAT.astype(float), 2, 1), "y_pred: expected integers"),
        (lambda: trimap(FLAT, 0), "width: expected a finite number from 1"),
        (lambda: trimap(FLAT.astype(float), 1), "y_true: expected integers"),
        (lambda: trimap(FLAT[0], 1), "y_true: expected shape"),
        (lambda: trimap(FLAT.astype(int) - 1, 1), "y_true: expected 0 to"),
    ],
)
def test_they_refuse(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.benchmark
def test_speed():
    program = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "segmentation_metrics.py"))
    program["test_faster_than_scikit_learn"]()


class TestAnIgnoredClass:
    """One of the K classes that is not to be judged: its pixels are left out, and it has no share in a mean."""

    TRUTH, GUESS = np.array([1, 1, 2, 2, 0, 0]), np.array([0, 1, 2, 2, 1, 2])

    def test_the_mean_is_over_the_others(self):
        counts = confusion_matrix(self.TRUTH, self.GUESS, 3, ignore=0)
        mean, per_class = mean_iou(counts, ignore=0)
        assert mean == 0.75
        np.testing.assert_array_equal(per_class, [np.nan, 0.5, 1])
        assert mean_iou(counts).mean == 0.5  # the class counts as one that is only predicted

    def test_a_matrix_that_still_has_its_pixels_gives_the_same(self):
        for seed in range(5):
            truth, guess = random_maps(seed, ignored=0)
            for ignore in range(4):
                left_out = confusion_matrix(truth, guess, 4, ignore=ignore)
                expected, per_class = mean_iou(left_out, ignore=ignore)
                assert mean_iou(confusion_matrix(truth, guess, 4), ignore=ignore).mean == expected
                others = [
                    np.sum((truth == c) & (guess == c)) / np.sum(((truth == c) | (guess == c)) & (truth != ignore))
                    for c in range(4)
                    if c != ignore
                ]
                np.testing.assert_allclose(np.delete(per_class, ignore), others)
                assert expected == pytest.approx(np.mean(others))

    @pytest.mark.parametrize("ignore", [None, 255, -1, 3, 99])
    def test_a_label_that_is_no_class_changes_nothing(self, ignore):
        counts = confusion_matrix(self.TRUTH, self.GUESS, 3)
        np.testing.assert_array_equal(mean_iou(counts, ignore)[1], mean_iou(counts)[1])

    def test_the_bootstrap_leaves_it_out(self):
        counts = np.stack([confusion_matrix(*random_maps(seed, ignored=0), 4, ignore=1) for seed in range(6)])
        draws = bootstrap_mean_iou(counts, 50, np.random.default_rng(0), ignore=1)
        resamples = resample_counts(6, 50, np.random.default_rng(0))
        expected = [mean_iou(np.tensordot(times, counts, axes=1), ignore=1).mean for times in resamples]
        np.testing.assert_allclose(draws, expected)
        interval = mean_iou_interval(counts, 50, 0.9, np.random.default_rng(0), ignore=1)
        assert interval == percentile_interval(draws, 0.9)

    def test_image_by_image_it_is_true_nowhere(self):
        assert per_image_mean_iou([self.TRUTH], [self.GUESS], 3, ignore=0) == 0.75

    def test_it_has_no_outline(self):
        truth, guess = np.zeros((2, 9, 12), int)
        truth[:, 4:8], truth[:, 8:] = 1, 2
        guess[:, 5:8], guess[:, 8:] = 1, 2  # at column 4 class 0 is predicted where class 1 is true
        scores = boundary_f_score(truth, guess, 3, 0, ignore=0)
        np.testing.assert_array_equal(scores.precision, [np.nan, 1 / 2, 1])
        np.testing.assert_array_equal(scores.recall, [np.nan, 1, 1])
        assert np.isnan(scores.per_class[0])
        assert scores.mean == np.mean(scores.per_class[1:])
