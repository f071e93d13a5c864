"""Box losses against closed forms, Keras, slow NumPy, finite differences and invariances."""

import functools
from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.losses import iou_loss, smooth_l1
from course_utils.losses.boxes import Kind
from loss_cases import gradient

KINDS = get_args(Kind)
every_kind = pytest.mark.parametrize("kind", KINDS)


def random_boxes(rng, n=200, size=50.0):
    corners = rng.uniform(0, size, (n, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=-1)


def slopes_of_boxes(loss, boxes, step=1e-6):
    """Gradient by central differences; the boxes do not affect each other, so all move at once."""
    steps = step * np.eye(4)
    return np.stack([(loss(boxes + d).numpy() - loss(boxes - d).numpy()) / (2 * step) for d in steps], axis=-1)


def slow_overlap(a, b, kind):
    """One pair of boxes with an area, number by number."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = width * height if width > 0 and height > 0 else 0.0
    wa, ha, wb, hb = a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1]
    union = wa * ha + wb * hb - shared
    iou = shared / union
    hull_w, hull_h = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    if kind == "iou":
        return iou
    if kind == "giou":
        return iou - (hull_w * hull_h - union) / (hull_w * hull_h)
    centre = ((a[0] + a[2] - b[0] - b[2]) ** 2 + (a[1] + a[3] - b[1] - b[3]) ** 2) / 4
    diou = iou - centre / (hull_w**2 + hull_h**2)
    if kind == "diou":
        return diou
    v = 4 / np.pi**2 * (np.arctan(wa / ha) - np.arctan(wb / hb)) ** 2
    return diou - v * v / (1 - iou + v)


# --- values -----------------------------------------------------------------------------------------


@every_kind
def test_iou_losses_by_hand_computed_loop(kind):
    rng = np.random.default_rng(0)
    a, b = random_boxes(rng), random_boxes(rng)
    b[:50] = a[:50] + rng.normal(0, 3, (50, 4))
    b = np.concatenate([np.minimum(b[:, :2], b[:, 2:]), np.maximum(b[:, :2], b[:, 2:])], axis=1)
    expected = [1 - slow_overlap(one, other, kind) for one, other in zip(a, b, strict=True)]
    np.testing.assert_allclose(iou_loss(a, b, kind), expected, rtol=1e-10, atol=1e-12)


def test_iou_is_that_of_keras():
    rng = np.random.default_rng(1)
    a, b = random_boxes(rng, 30), random_boxes(rng, 30)
    theirs = np.diag(keras.utils.bounding_boxes.compute_iou(a, b, "xyxy"))
    np.testing.assert_allclose(1 - iou_loss(a, b).numpy(), theirs, atol=1e-5)
    ciou = keras.utils.bounding_boxes.compute_ciou(a, b, "xyxy")
    np.testing.assert_allclose(1 - iou_loss(a, b, "ciou").numpy(), ciou, atol=1e-5)


@pytest.mark.parametrize(
    ("gap", "giou", "diou"), [(0, 1.0, 1.2), (1, 1 + 1 / 3, 1.4), (9, 1 + 9 / 11, 1 + 100 / 122), (1e9, 2, 2)]
)
def test_two_unit_squares_apart(gap, giou, diou):
    boxes = [0.0, 0, 1, 1], [1.0 + gap, 0, 2 + gap, 1]
    assert iou_loss(*boxes, "giou").numpy() == pytest.approx(giou)
    assert iou_loss(*boxes, "diou").numpy() == pytest.approx(diou)
    assert iou_loss(*boxes, "ciou").numpy() == pytest.approx(diou)  # the same aspect
    assert iou_loss(*boxes, "iou").numpy() == 1
    assert iou_loss(*boxes, log=True).numpy() == pytest.approx(-np.log(1e-7))


def test_minus_log_iou():
    assert iou_loss([0.0, 0, 2, 2], [0.0, 0, 2, 4], log=True).numpy() == pytest.approx(np.log(2))


def test_an_enclosed_box_has_the_same_giou_wherever_it_is():
    for x in (1.0, 4.0):
        boxes = [0.0, 0, 10, 10], [x, 3.0, x + 4, 7.0]
        for kind in ("giou", "iou"):
            assert iou_loss(*boxes, kind).numpy() == pytest.approx(0.84, abs=1e-12)
    assert iou_loss([0.0, 0, 10, 10], [1.0, 3, 5, 7], "diou").numpy() > 0.84


def test_ciou_term_depends_on_the_ratio_alone():
    truth = [-8.0, -4, 8, 4]
    for scale in (0.5, 2.0):
        same_ratio = np.multiply(truth, scale)
        assert iou_loss(truth, same_ratio, "ciou").numpy() == iou_loss(truth, same_ratio, "diou").numpy()
    assert iou_loss(truth, [-4.0, -8, 4, 8], "ciou").numpy() > iou_loss(truth, [-4.0, -8, 4, 8], "diou").numpy()


def test_smooth_l1_is_keras_huber_over_beta():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 2, (50, 4)), rng.normal(0, 2, (50, 4))
    for beta in (0.1, 1.0, 3.0):
        theirs = 4 * np.asarray(keras.losses.huber(a, b, delta=beta)) / beta  # Keras takes the mean of four
        np.testing.assert_allclose(smooth_l1(a, b, beta), theirs, rtol=1e-6)
    assert smooth_l1(np.zeros(4), [0.5, -0.5, 2, 0]).numpy() == 0.125 + 0.125 + 1.5
    inside, outside = (
        gradient(functools.partial(smooth_l1, np.zeros(4)), [d, 0, 0, 0])[0] for d in (0.999, 1.001)
    )
    assert inside == pytest.approx(outside, abs=2e-3)


# --- gradients ----------------------------------------------------------------------------------------


@every_kind
def test_gradient_is_that_of_finite_differences(kind):
    rng = np.random.default_rng(4)
    a, b = random_boxes(rng, 60), random_boxes(rng, 60)
    one = functools.partial(iou_loss, a, kind=kind)
    if kind == "ciou":  # α is a constant in the gradient, so the difference quotient must hold it fixed
        iou = 1 - iou_loss(a, b).numpy()
        v = 4 / np.pi**2 * (angle(a) - angle(b)) ** 2
        alpha = v / (1 - iou + v)

        def one_with_alpha(boxes):
            return iou_loss(a, boxes, "diou") + alpha * 4 / np.pi**2 * (angle(a) - angle(np.asarray(boxes))) ** 2

        np.testing.assert_allclose(gradient(one, b), slopes_of_boxes(one_with_alpha, b), atol=1e-7)
    else:
        np.testing.assert_allclose(gradient(one, b), slopes_of_boxes(one, b), atol=1e-7)


def angle(boxes):
    return np.arctan2(boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1])


def test_gradient_of_log_and_of_smooth_l1():
    rng = np.random.default_rng(5)
    a = random_boxes(rng, 40) + np.array([0, 0, 5, 5])
    b = a + rng.normal(0, 1, (40, 4))
    for one in (functools.partial(iou_loss, a, log=True), functools.partial(smooth_l1, a, beta=0.7)):
        np.testing.assert_allclose(gradient(one, b), slopes_of_boxes(one, b), atol=1e-6)


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("log", [False, True])
def test_degenerate_boxes_have_finite_values_and_gradients(kind, dtype, log):
    if log and kind != "iou":
        return
    point, box, far = [3.0, 3, 3, 3], [2.0, 1, 6, 9], [40.0, 40, 41, 42]
    line, same_x = [3.0, 1, 3, 8], [2.0, 20, 6, 30]
    pairs = [(a, b) for a in (point, box, far, line, same_x) for b in (point, box, far, line, same_x)]
    a, b = (np.array(side, dtype) for side in zip(*pairs, strict=True))
    value = iou_loss(a, b, kind, log)
    assert value.dtype == dtype
    assert np.isfinite(value).all()
    assert np.isfinite(gradient(functools.partial(iou_loss, a, kind=kind, log=log), b)).all()


@every_kind
def test_identical_boxes_cost_0_and_stay(kind):
    boxes = random_boxes(np.random.default_rng(6))
    np.testing.assert_allclose(iou_loss(boxes, boxes, kind), 0, atol=1e-12)
    np.testing.assert_allclose(gradient(functools.partial(iou_loss, boxes, kind=kind), boxes), 0, atol=1e-12)


@every_kind
def test_only_the_distance_terms_pull_boxes_that_are_apart(kind):
    apart = functools.partial(iou_loss, [0.0, 0, 10, 10], kind=kind)
    pull = gradient(apart, [20.0, 0, 30, 10])
    assert (np.abs(pull).max() == 0) == (kind == "iou")
    if kind != "iou":
        assert pull[0] > 0  # descent moves it to the left


@every_kind
@pytest.mark.parametrize("log", [False, True])
def test_a_crossed_prediction_has_no_overlap_and_is_uncrossed(kind, log):
    if log and kind != "iou":
        return
    truth = np.array([0.0, 0, 10, 10])
    crossed_boxes = ([8.0, 2, 3, 7], [2.0, 9, 7, 1], [30.0, 30, 10, 20], [-5.0, 2, -9, 4], [4.0, 6, 3, 5])
    for crossed in map(np.array, crossed_boxes):
        one = functools.partial(iou_loss, truth, kind=kind, log=log)
        value = one(crossed).numpy()
        if kind == "iou":
            assert value == (pytest.approx(-np.log(1e-7)) if log else 1)
        assert np.isfinite(value)
        slope = gradient(one, crossed)
        assert np.isfinite(slope).all()
        for axis in (0, 1):
            is_crossed = crossed[axis] > crossed[axis + 2]
            assert (slope[axis] > 0) == (slope[axis + 2] < 0) == is_crossed
        extent = max(np.ptp([*truth[[0, 2]], *crossed[[0, 2]]]), np.ptp([*truth[[1, 3]], *crossed[[1, 3]]]))
        box = crossed - extent**2 / 2 * slope  # each crossed corner moves by half the extent
        assert (box[:2] <= box[2:]).all()


# --- invariances ------------------------------------------------------------------------------------

# x_min, y_min, width, height
places = st.tuples(*[st.integers(-50, 50).map(float)] * 2, *[st.integers(1, 60).map(float)] * 2)


@every_kind
@settings(max_examples=15, deadline=None)
@given(
    a=places,
    b=places,
    scale=st.floats(0.01, 100),
    shift=st.floats(-100, 100),
)
def test_scale_shift_and_mirror_change_nothing_but_the_gradient_scale(kind, a, b, scale, shift):
    a, b = (np.array([x, y, x + width, y + height]) for x, y, width, height in (a, b))
    mirror = [2, 3, 0, 1]
    one = np.array([a, a * scale, a + shift, b, -a[mirror]])
    other = np.array([b, b * scale, b + shift, a, -b[mirror]])
    value, *same = iou_loss(one, other, kind).numpy()
    assert -1e-12 <= value <= 3
    np.testing.assert_allclose(same, [value] * 4, rtol=1e-9, atol=1e-9)
    slope, scaled = gradient(functools.partial(iou_loss, one[:2], kind=kind), other[:2])
    np.testing.assert_allclose(scaled * scale, slope, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_graph_and_xla_give_the_eager_value_and_any_leading_shape(jit_compile):
    """All kinds in one graph: what takes the time is tracing and compiling it."""
    rng = np.random.default_rng(7)
    a, b = (random_boxes(rng, 24).reshape(2, 3, 4, 4) for _ in range(2))
    b[0, 0, 0] = [9, 9, 1, 1]
    graph = tf.function(lambda a, b: {kind: iou_loss(a, b, kind) for kind in KINDS}, jit_compile=jit_compile)
    for kind, value in graph(a, b).items():
        assert value.shape == (2, 3, 4)
        np.testing.assert_allclose(value, iou_loss(a, b, kind), err_msg=kind)
        assert iou_loss(a[0, 0, 1], b[0, 0, 1], kind).shape == ()
        assert iou_loss(a[:0], b[:0], kind).shape == (0, 3, 4)


def test_xla_gives_the_eager_gradients():
    """Which Keras uses where nothing speaks against it."""
    rng = np.random.default_rng(9)
    a, b = (tf.constant(random_boxes(rng, 24), tf.float32) for _ in range(2))

    def gradients(a, b):
        copies = {kind: tf.identity(b) for kind in KINDS}
        with tf.GradientTape() as tape:
            tape.watch(copies)
            values = {kind: iou_loss(a, copies[kind], kind) for kind in KINDS}
        return tape.gradient(values, copies)

    eager = gradients(a, b)
    for kind, found in tf.function(gradients, jit_compile=True)(a, b).items():
        assert np.abs(found).max() > 1e-3
        np.testing.assert_allclose(found, eager[kind], rtol=1e-3, atol=1e-5, err_msg=kind)


@pytest.mark.integration
def test_they_train_a_model():
    """One layer for each loss: they share nothing but the input and the weights that they begin with.

    Of the kinds the one with the most terms, and step by step: the gradients of all, by graph and XLA, are
    compared above.
    """
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(8)
    boxes = (random_boxes(rng, 64) + np.array([0, 0, 5, 5])) / 50
    losses = {"smooth_l1": smooth_l1, "ciou": functools.partial(iou_loss, kind="ciou")}
    inputs = keras.Input((4,))
    begin = keras.initializers.GlorotUniform(seed=0)
    layers = [keras.layers.Dense(4, name=name, kernel_initializer=begin) for name in losses]
    model = keras.Model(inputs, [layer(inputs) for layer in layers])
    model.compile(keras.optimizers.Adam(0.02), loss=list(losses.values()), run_eagerly=True)
    history = model.fit(boxes, [boxes] * len(losses), epochs=10, batch_size=32, verbose=0).history
    for name in losses:
        assert history[f"{name}_loss"][-1] < history[f"{name}_loss"][0], name


@pytest.mark.parametrize("kind", ["iou", "giou", "diou", "ciou"])
@pytest.mark.parametrize(
    ("unit", "dtype"),
    [(300, np.float16), (1e37, np.float32), (1e-30, np.float32), (1e-200, float), (1e200, float)],
)
def test_no_unit_overflows_or_underflows(kind, unit, dtype):
    truth = np.array([[0.0, 0, 1, 1]] * 3)
    boxes = np.array([[0.25, 0.25, 0.75, 1.25], [2, 0, 3, 1], [0, 0, 1, 1]])
    large = (unit * truth).astype(dtype), (unit * boxes).astype(dtype)
    np.testing.assert_allclose(
        iou_loss(*large, kind), iou_loss(truth, boxes, kind), atol=4e-3 if dtype == np.float16 else 1e-6
    )
    assert np.isfinite(gradient(lambda b: iou_loss(large[0], b, kind), large[1])).all()


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([4.0, 0, 0, 4], [0.0, 0, 4, 4]), r"y_true: expected no crossed box \(an extent\), got -4.0"),
        (([[0.0, 0, 4, 4]], [0.0, 0, 4, 4]), "y_true: expected shape"),
        (([0.0, 0, 4], [0.0, 0, 4]), r"y_pred: expected shape \(…, 4\)"),
        ((0.0, 0.0), r"y_pred: expected shape \(…, 4\)"),
        (([0.0, 0, 4, np.inf], [0.0, 0, 4, 4]), "y_true: expected finite values"),
        (([0.0, 0, 4, 4], [0.0, 0, 4, np.nan]), "y_pred: 1 of 4 values are NaN"),
        (([0.0, 0, 4, 4], [0.0, 0, 4, 4], "IoU"), "kind: expected one of"),
        (([0.0, 0, 4, 4], [0.0, 0, 4, 4], np.ones(3)), "kind: expected one of"),
        (([0.0, 0, 4, 4], [0.0, 0, 4, 4], "giou", True), "log: expected"),
        ((["a"] * 4, [0.0, 0, 4, 4]), "y_true: expected real numbers"),
    ],
)
def test_bad_boxes_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        iou_loss(*arguments)


def test_bad_boxes_raise_inside_a_graph():
    graph = tf.function(iou_loss, input_signature=[tf.TensorSpec([None, 4]), tf.TensorSpec([None, 4])])
    with pytest.raises(tf.errors.InvalidArgumentError, match="y_true: expected no crossed box"):
        graph([[4.0, 0, 0, 4]], [[0.0, 0, 4, 4]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="y_pred: expected finite"):
        graph([[0.0, 0, 4, 4]], [[0.0, 0, np.nan, 4]])


def test_smooth_l1_takes_offsets_and_refuses_bad_input():
    assert smooth_l1([4, 0, 0, 4], [4, 0, 0, 4]).numpy() == 0  # integers, and no box at all
    for beta in (0, -1, np.inf):
        with pytest.raises(ValueError, match="beta: expected a finite number above 0"):
            smooth_l1([0.0] * 4, [0.0] * 4, beta)
