"""YOLOv3's loss against slow NumPy and by hand; learnt task weights against their closed form."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from course_utils.losses import iou_loss, uncertainty_weighted, yolo_targets, yolo_v3, yolo_v3_terms
from loss_cases import gradient, slopes

ANCHORS = np.array([[10.0, 14.0], [20.0, 12.0]])
STRIDE, GRID, CLASSES = 8, (3, 4), 3
settings = {"anchors": ANCHORS, "stride": STRIDE}
make_targets = functools.partial(yolo_targets, anchors=ANCHORS, grid_shape=GRID, stride=STRIDE, n_classes=CLASSES)


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    targets = np.stack(
        [
            make_targets([[2.0, 3, 13, 16], [8, 9, 30, 20]], [0, 2]),
            make_targets(np.zeros((0, 4)), []),
            make_targets([[12.0, 2, 21, 15]], [1]),
        ]
    )
    return targets, rng.normal(0, 1, (*targets.shape[:-1], 5 + CLASSES))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def bce(truth, logit):
    return -(truth * np.log(sigmoid(logit)) + (1 - truth) * np.log(1 - sigmoid(logit)))


def slow_terms(truth, raw, threshold):
    """One image, entry by entry."""
    box = objectness = classes = 0.0
    objects = truth[truth[..., 4] == 1][:, :4]
    for row, column, a in np.ndindex(truth.shape[:3]):
        t, o = raw[row, column, a], truth[row, column, a]
        if o[4] == 1:
            x, y = (o[0] + o[2]) / 2 / STRIDE - column, (o[1] + o[3]) / 2 / STRIDE - row
            w, h = np.log((o[2:4] - o[:2]) / ANCHORS[a])
            box += 0.5 * ((sigmoid(t[0]) - x) ** 2 + (sigmoid(t[1]) - y) ** 2 + (t[2] - w) ** 2 + (t[3] - h) ** 2)
            objectness += bce(1, t[4])
            classes += sum(bce(o[5 + k], t[5 + k]) for k in range(CLASSES))
        else:
            cx, cy = (sigmoid(t[0]) + column) * STRIDE, (sigmoid(t[1]) + row) * STRIDE
            w, h = ANCHORS[a] * np.exp(t[2:4])
            mine = np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
            best = max([1 - float(iou_loss(other, mine)) for other in objects], default=0)
            if best <= threshold:
                objectness += bce(0, t[4])
    return box, objectness, classes


@pytest.mark.parametrize("threshold", [0.2, 0.5, 1.0])
def test_the_terms_by_a_slow_loop(case, threshold):
    truth, raw = case
    expected = np.array([slow_terms(t, r, threshold) for t, r in zip(truth, raw, strict=True)]).T
    terms = yolo_v3_terms(truth, raw, ANCHORS, STRIDE, threshold)
    np.testing.assert_allclose(terms, expected, rtol=1e-5)
    np.testing.assert_allclose(yolo_v3(truth, raw, ANCHORS, STRIDE, threshold), expected.sum(axis=0), rtol=1e-5)


def test_the_threshold_forgives_a_good_box_without_an_object_of_its_own():
    truth = make_targets([[2.0, 3, 12, 17]], [0])[np.newaxis]
    raw = np.full((1, *GRID, 2, 8), -20.0)
    raw[..., :4] = 0
    raw[0, 0, 0, 0, :2] = [19.0, -19.0]  # the cell above puts the same box there: centre (8, 0) + …
    raw[0, 1, 1, 0] = [-2.0, 0.0, 0, 0, 9.0, -20, -20, -20]  # the next cell's box overlaps the object well
    strict = yolo_v3_terms(truth, raw, ignore_threshold=1.0, **settings).objectness.numpy()[0]
    lenient = yolo_v3_terms(truth, raw, ignore_threshold=0.5, **settings).objectness.numpy()[0]
    assert strict - lenient == pytest.approx(9, abs=0.01)


def test_a_perfect_prediction_costs_nothing(case):
    truth, _ = case
    raw = np.zeros((*truth.shape[:-1], 8))
    raw[..., 4:] = 60 * truth[..., 4:] - 30
    for image, row, column, a in np.argwhere(truth[..., 4] == 1):
        box = truth[image, row, column, a, :4].astype(float)
        place = (box[:2] + box[2:]) / 2 / STRIDE - [column, row]
        raw[image, row, column, a, :2] = np.log(place / (1 - place))
        raw[image, row, column, a, 2:4] = np.log((box[2:] - box[:2]) / ANCHORS[a])
    np.testing.assert_allclose(yolo_v3(truth, raw, **settings), 0, atol=1e-9)


def test_gradient_is_that_of_finite_differences_and_masked_by_assignment(case):
    truth, raw = case
    one = functools.partial(yolo_v3, truth[:1], **settings)
    slope = gradient(one, raw[:1])
    np.testing.assert_allclose(slope, slopes(one, raw[:1]), atol=1e-6)
    without = truth[:1, ..., 4] == 0
    assert (slope[without][:, :4] == 0).all()
    assert (slope[without][:, 5:] == 0).all()
    assert (slope[~without] != 0).all()


def test_extreme_outputs_and_images_without_objects_stay_finite(case):
    truth, raw = case
    for scale in (0.0, 1e3, 1e5):
        huge = (scale * raw).astype(np.float32)
        assert np.isfinite(yolo_v3(truth, huge, **settings)).all()
        assert np.isfinite(gradient(functools.partial(yolo_v3, truth, **settings), huge)).all()


def test_a_graph_and_xla_give_the_eager_value(case):
    truth, raw = case
    one = functools.partial(yolo_v3, **settings)
    np.testing.assert_allclose(tf.function(one)(truth, raw), one(truth, raw), rtol=1e-9)
    np.testing.assert_allclose(tf.function(one, jit_compile=True)(truth, raw), one(truth, raw), rtol=1e-9)


def test_targets_go_to_the_cell_of_the_centre_and_the_anchor_of_the_shape():
    targets = make_targets([[8.0, 9, 30, 20]], [2])
    assert np.argwhere(targets[..., 4]).tolist() == [[1, 2, 1]]
    assert targets[1, 2, 1].tolist() == [8, 9, 30, 20, 1, 0, 0, 1]
    twice = make_targets([[2.0, 3, 12, 17], [2.0, 3, 12, 16]], [0, 1])
    assert twice[..., 4].sum() == 1
    assert twice[1, 0, 0].tolist() == [2, 3, 12, 16, 1, 0, 1, 0]


def altered(array, index, value):
    array = array.copy()
    array[index] = value
    return array


def test_bad_input_raises(case):
    truth, raw = case
    at = tuple(np.argwhere(truth[..., 4] == 1)[0])
    for bad_truth, bad_raw, options, message in (
        (truth, raw[..., :5], {}, "y_pred: expected shape"),
        (truth, raw[:, :, :, :1], {}, "y_pred: expected shape"),
        (truth[:2], raw, {}, "y_true: expected shape"),
        (truth, raw * np.nan, {}, "y_pred: 576 of 576 values are NaN"),
        (altered(truth, (*at, 4), 0.5), raw, {}, "y_true: expected 0 or 1 as objectness"),
        (altered(truth, (*at, 5), 0.5), raw, {}, "y_true: expected 0 or 1 for each class"),
        (altered(truth, (*at, 0), 13), raw, {}, "y_true: expected boxes with an area"),
        (altered(truth, (*at, slice(0, 4)), [30, 3, 34, 16]), raw, {}, "y_true: expected the centre"),
        (truth, raw, {"anchors": [[1, 2]]}, "y_pred: expected shape"),
        (truth, raw, {"anchors": [[1, 2], [0, 1]]}, "anchors: expected finite numbers above 0, got 0.0"),
        (truth, raw, {"stride": 0}, "stride: expected"),
        (truth, raw, {"ignore_threshold": -1}, "ignore_threshold: expected"),
    ):
        with pytest.raises(ValueError, match=message):
            yolo_v3(bad_truth, bad_raw, **(settings | options))
    with pytest.raises(ValueError, match="boxes: expected an area and a centre inside"):
        make_targets([[40.0, 0, 50, 5]], [0])
    with pytest.raises(ValueError, match="boxes: expected an area"):
        make_targets([[4.0, 4, 4, 5]], [0])
    with pytest.raises(ValueError, match="class_ids: expected 0 to 2"):
        make_targets([[4.0, 4, 5, 5]], [3])
    with pytest.raises(ValueError, match=r"boxes: expected shape \(B, 4\)"):
        make_targets([[4.0, 4, 5, 5]], [0, 1])
    for grid in (3, (3,), (3, 0), (3, 2.5), None, "ab"):
        with pytest.raises(ValueError, match="grid_shape: expected"):
            make_targets([[4.0, 4, 5, 5]], [0], grid_shape=grid)
    for n_classes in (0, 2.5, None):
        with pytest.raises(ValueError, match="n_classes: expected an integer of 1 or more"):
            make_targets([[4.0, 4, 5, 5]], [0], n_classes=n_classes)


# --- several tasks ------------------------------------------------------------------------------------


def test_task_weights_by_the_formula_and_their_best_value():
    losses, s = [np.array([1.0, 4.0]), np.array([0.5, 0.25])], np.array([0.3, -1.0])
    expected = sum(np.exp(-v) * loss / 2 + v / 2 for loss, v in zip(losses, s, strict=True))
    np.testing.assert_allclose(uncertainty_weighted(losses, s), expected)
    both = uncertainty_weighted(losses, s, ["regression", "classification"])
    np.testing.assert_allclose(both, expected + np.exp(1.0) * losses[1] / 2)

    def one(v):
        return uncertainty_weighted([3.0, 0.2], v)

    np.testing.assert_allclose(gradient(one, s), slopes(one, s), atol=1e-8)
    np.testing.assert_allclose(gradient(one, np.log([3.0, 0.2])), 0, atol=1e-12)


def test_task_weights_refuse_bad_input():
    for arguments, message in (
        (([], np.zeros(0)), "log_variances: expected one number a loss"),
        (([1.0], [0.0, 0.0]), "log_variances: expected one number a loss, 1 losses"),
        (([1.0, [1.0, 2.0]], [0.0, 0.0]), r"losses\[1\]: expected shape \(\)"),
        (([np.nan], [0.0]), r"losses\[0\]: 1 of 1 values are NaN"),
        (([1.0], [np.inf]), "log_variances: expected finite values"),
        (([1.0], [0.0], ["both"]), "kinds: expected 1 of"),
        (([1.0], [0.0], 1), "kinds: expected 1 of"),
        ((None, [0.0]), "losses: expected a sequence"),
        ((1.0, [0.0]), "losses: expected a sequence"),
    ):
        with pytest.raises(ValueError, match=message):
            uncertainty_weighted(*arguments)
