"""Segmentation losses against Keras, closed forms, slow loops and finite differences."""

import functools
import itertools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.losses import (
    _inputs,
    binary_cross_entropy,
    boundary,
    cross_entropy,
    dice,
    exponential_logarithmic,
    focal,
    lovasz_softmax,
    signed_distance_maps,
    tversky,
)
from loss_cases import gradient, label_maps, logits, one_hot, slopes, softmax

ALPHA = [0.2, 1.0, 3.0, 0.5]
# Name, loss of (labels, logits) with 4 classes.
LOSSES = {
    "cross_entropy": cross_entropy,
    "weighted": functools.partial(cross_entropy, class_weights=ALPHA),
    "focal": focal,
    "focal, 0.5": functools.partial(focal, gamma=0.5, alpha=ALPHA),
    "focal, 0": functools.partial(focal, gamma=0),
    "dice": dice,
    "dice without background": functools.partial(dice, include_background=False),
    "tversky": functools.partial(tversky, alpha=0.3, beta=0.7),
    "exponential": exponential_logarithmic,
    "lovasz": lovasz_softmax,
}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
# Each function once, with its options in use.
TRAINED = ("weighted", "focal, 0.5", "dice without background", "tversky", "exponential", "lovasz")


@pytest.fixture
def rng():
    return np.random.default_rng(3)


# --- against Keras ------------------------------------------------------------------------------


def test_cross_entropy_is_keras_mean_over_pixels(rng):
    truth, scores = label_maps(rng, ignored=0), logits(rng)
    pixels = keras.losses.sparse_categorical_crossentropy(truth, scores, from_logits=True)
    np.testing.assert_allclose(cross_entropy(truth, scores), np.mean(pixels, axis=(1, 2)), rtol=1e-6)


def test_ignored_pixels_are_left_out_of_the_mean(rng):
    truth, scores = label_maps(rng), logits(rng)
    log_p = np.log(softmax(scores))
    for image in range(3):
        kept = truth[image] != 255
        mine = -log_p[image][kept][np.arange(kept.sum()), truth[image][kept]].mean()
        np.testing.assert_allclose(cross_entropy(truth, scores)[image], mine)


def test_class_and_pixel_weights_multiply_and_the_divisor_stays(rng):
    truth, scores = label_maps(rng, ignored=0), logits(rng)
    pixels = np.asarray(keras.losses.sparse_categorical_crossentropy(truth, scores, from_logits=True))
    weighted = (pixels * np.array(ALPHA)[truth]).mean(axis=(1, 2))
    np.testing.assert_allclose(cross_entropy(truth, scores, class_weights=ALPHA), weighted, rtol=1e-6)
    maps = np.array(ALPHA)[truth]
    np.testing.assert_allclose(cross_entropy(truth, scores, pixel_weights=maps), weighted, rtol=1e-6)
    np.testing.assert_allclose(cross_entropy(truth, scores, [2] * 4), 2 * cross_entropy(truth, scores))


def test_binary_cross_entropy_is_keras(rng):
    truth, scores = label_maps(rng, n_classes=2, ignored=0), rng.normal(0, 3, (3, 5, 6))
    pixels = keras.losses.binary_crossentropy(truth[..., None], scores[..., None], from_logits=True)
    expected = np.mean(pixels, axis=(1, 2))
    np.testing.assert_allclose(binary_cross_entropy(truth, scores), expected, rtol=1e-5)
    np.testing.assert_allclose(binary_cross_entropy(truth, scores[..., None]), expected, rtol=1e-5)


def test_binary_cross_entropy_is_the_two_class_one_and_weights_the_positives(rng):
    truth, scores = label_maps(rng, n_classes=2), rng.normal(0, 3, (3, 5, 6))
    two = np.stack([np.zeros_like(scores), scores], axis=-1)
    np.testing.assert_allclose(
        binary_cross_entropy(truth, scores, positive_weight=7), cross_entropy(truth, two, [1, 7]), rtol=1e-12
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_focal_is_keras(rng, gamma):
    truth, scores = label_maps(rng, ignored=0), logits(rng)
    pixels = keras.losses.categorical_focal_crossentropy(
        one_hot(truth, 4), scores, alpha=ALPHA, gamma=gamma, from_logits=True
    )
    np.testing.assert_allclose(focal(truth, scores, gamma, ALPHA), np.mean(pixels, axis=(1, 2)), rtol=1e-4)


def test_dice_of_one_class_is_keras_dice_and_f1(rng):
    truth, scores = label_maps(rng, (1, 5, 6), 2, 0), logits(rng, (1, 5, 6), 2)
    p = softmax(scores)[..., 1]
    theirs = keras.losses.dice(truth.astype(float), p)
    np.testing.assert_allclose(dice(truth, scores, include_background=False), [theirs], rtol=1e-5)


def test_keras_tversky_takes_alpha_and_beta_the_other_way_round(rng):
    truth, scores = label_maps(rng, (1, 5, 6), 2, 0), logits(rng, (1, 5, 6), 2)
    p, y = softmax(scores), one_hot(truth, 2)

    def by_class(alpha, beta):  # alpha on false positives, as Salehi et al. define it
        tp, fp, fn = ((a * b).sum(axis=(0, 1, 2)) for a, b in ((y, p), (1 - y, p), (y, 1 - p)))
        return 1 - tp / (tp + alpha * fp + beta * fn)

    np.testing.assert_allclose(tversky(truth, scores, 0.3, 0.7), [by_class(0.3, 0.7).mean()], rtol=1e-5)
    theirs = keras.losses.tversky(y[..., 1], p[..., 1], alpha=0.3, beta=0.7)
    np.testing.assert_allclose(theirs, by_class(0.7, 0.3)[1], rtol=1e-5)  # the documented fault
    assert abs(float(theirs) - by_class(0.3, 0.7)[1]) > 0.01


# --- against closed forms and loops ---------------------------------------------------------------


def test_dice_is_tversky_with_two_halves_and_jaccard_with_two_ones(rng):
    truth, scores = label_maps(rng), logits(rng)
    for smooth in (0.0, 1e-6, 1.0):
        np.testing.assert_array_equal(dice(truth, scores, smooth), tversky(truth, scores, 0.5, 0.5, smooth))
    hard = 200 * one_hot(label_maps(rng, ignored=0), 4)
    p, y = hard / 200, one_hot(truth, 4)
    kept = (truth != 255)[..., None]
    iou = (p * y).sum((1, 2)) / ((p * kept + y) > 0).sum((1, 2))
    np.testing.assert_allclose(tversky(truth, hard, 1, 1, 0), 1 - iou.mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(dice(truth, hard, 0), 1 - (2 * iou / (1 + iou)).mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(lovasz_softmax(truth, hard), 1 - iou.mean(axis=1), rtol=1e-9)


def test_dice_leaves_out_a_class_in_neither_truth_nor_argmax():
    truth = np.array([[[0, 0, 1, 1]]])
    scores = np.array([[[[3.0, 0, 1], [3, 0, 1], [0, 3, 1], [0, 3, 1]]]])
    p = softmax(scores)[0, 0]
    by_hand = [1 - 2 * p[rows, k].sum() / (2 + p[:, k].sum()) for k, rows in ((0, [0, 1]), (1, [2, 3]))]
    np.testing.assert_allclose(dice(truth, scores, smooth=0), [np.mean(by_hand)])
    scores[0, 0, 0] = [0, 0, 3]  # now class 2 is in the argmax: it costs 1, and hardly has a gradient
    p = softmax(scores)[0, 0]
    by_hand = [
        1 - 2 * p[rows, k].sum() / (len(rows) + p[:, k].sum()) for k, rows in ((0, [0, 1]), (1, [2, 3]), (2, []))
    ]
    assert by_hand[2] == 1
    np.testing.assert_allclose(dice(truth, scores, smooth=0), [np.mean(by_hand)])


def test_a_class_that_is_only_predicted_has_no_gradient_of_its_own():
    truth = np.zeros((1, 4, 4), int)
    scores = np.zeros((1, 4, 4, 2))
    scores[0, 1, 1] = [-1.0, 1.0]
    one_class = functools.partial(dice, truth, include_background=False)
    assert one_class(scores).numpy() == pytest.approx(1, abs=1e-6)
    assert np.abs(gradient(one_class, scores)).max() < 1e-6
    assert (
        np.abs(gradient(functools.partial(dice, truth, include_background=False, smooth=8.0), scores)).max() > 1e-3
    )


def test_dice_without_background_in_a_background_image_is_0():
    scores = np.tile([5.0, 0, 0], (1, 2, 2, 1))
    assert dice(np.zeros((1, 2, 2), int), scores, include_background=False).numpy().tolist() == [0]


@every_loss
def test_half_precision_adds_up_in_float32(rng, loss):
    """More pixels than float16 can count, and more cost than it can hold."""
    labels = rng.integers(0, 4, (1, 260, 260))
    scores = tf.cast(rng.normal(size=(1, 260, 260, 4)) * 3, tf.float16)
    with tf.GradientTape() as tape:
        tape.watch(scores)
        value = loss(labels, scores)
    np.testing.assert_allclose(value, loss(labels, tf.cast(scores, tf.float64)), rtol=1e-4)
    assert tape.gradient(value, scores).dtype == tf.float16


@pytest.mark.parametrize("loss", [focal, functools.partial(focal, gamma=0.5), exponential_logarithmic])
def test_powers_in_every_floating_type(rng, loss):
    truth, scores = label_maps(rng), logits(rng)
    for dtype, margin in ((tf.float16, 0.01), (tf.bfloat16, 0.06), (tf.float32, 1e-5)):
        value = loss(truth, tf.cast(scores, dtype))
        assert value.dtype == tf.float32  # what half precision is computed in
        np.testing.assert_allclose(tf.cast(value, tf.float64), loss(truth, scores), rtol=margin)


def test_exponential_logarithmic_by_hand(rng):
    truth, scores = label_maps(rng, ignored=0), logits(rng)
    p, y = softmax(scores), one_hot(truth, 4)
    dices = (2 * (p * y).sum((1, 2)) + 1) / (p.sum((1, 2)) + y.sum((1, 2)) + 1)
    pixels = -np.log((p * y).sum(-1))
    expected = 0.8 * ((-np.log(dices)) ** 0.3).mean(axis=1)
    expected += 0.2 * (np.array(ALPHA)[truth] * pixels**0.3).mean(axis=(1, 2))
    np.testing.assert_allclose(exponential_logarithmic(truth, scores, class_weights=ALPHA), expected, rtol=1e-9)


def lovasz_by_definition(truth, p):
    """Mean over the classes present of the Lovász extension, straight from its definition: the sum
    over pixels by falling error of error × (increase of 1 − IoU when that pixel turns wrong too)."""
    losses = []
    for k in np.unique(truth):
        y = truth == k
        errors = np.abs(y - p[:, k])
        wrong = np.zeros(len(y), bool)
        total, before = 0.0, 0.0
        for i in np.argsort(-errors):
            wrong[i] = True
            predicted = y ^ wrong
            now = 1 - (predicted & y).sum() / (predicted | y).sum()
            total += errors[i] * (now - before)
            before = now
        losses.append(total)
    return np.mean(losses)


def test_lovasz_by_its_definition(rng):
    truth, scores = label_maps(rng), logits(rng)
    expected = []
    for image in range(3):
        kept = truth[image] != 255
        expected.append(lovasz_by_definition(truth[image][kept], softmax(scores[image])[kept]))
    np.testing.assert_allclose(lovasz_softmax(truth, scores), expected, rtol=1e-9)


def test_boundary_is_a_mean_of_distance_times_probability(rng):
    truth, scores = label_maps(rng, ignored=0), logits(rng)
    distances = signed_distance_maps(truth, 4)
    expected = (distances * softmax(scores)).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(boundary(distances, scores), expected, rtol=1e-6)
    perfect = boundary(distances, 200 * one_hot(truth, 4)).numpy()
    assert (perfect < boundary(distances, scores).numpy()).all()
    assert (perfect < 0).all()


def test_boundary_counts_no_ignored_pixel(rng):
    truth = label_maps(rng, (1, 5, 6), 3, 0)
    truth[:, :, 3:] = 255
    scores = logits(rng, (1, 5, 6), 3)
    whole = boundary(signed_distance_maps(truth, 3), scores)
    np.testing.assert_allclose(whole, boundary(signed_distance_maps(truth[:, :, :3], 3), scores[:, :, :3]))


# --- gradients ------------------------------------------------------------------------------------


@every_loss
def test_gradient_is_that_of_finite_differences(loss, rng):
    truth, scores = label_maps(rng, (2, 3, 4)), logits(rng, (2, 3, 4))
    one = functools.partial(loss, truth)
    np.testing.assert_allclose(gradient(one, scores), slopes(one, scores), atol=1e-7)


def test_gradient_of_the_others_is_that_of_finite_differences(rng):
    truth, scores = label_maps(rng, (2, 3, 4), 2), logits(rng, (2, 3, 4), 2)
    for one in (
        functools.partial(boundary, signed_distance_maps(truth, 2)),
        lambda s: binary_cross_entropy(truth, s[..., 0], 3.0),
    ):
        np.testing.assert_allclose(gradient(one, scores), slopes(one, scores), atol=1e-7)


@every_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e3, 1e6])
def test_values_and_gradients_are_finite_for_any_confidence(loss, dtype, scale, rng):
    truth = label_maps(rng)
    for scores in (scale * one_hot(truth, 4), -scale * one_hot(truth, 4)):
        scores = scores.astype(dtype)
        value = loss(truth, scores)
        assert value.dtype == dtype
        assert np.isfinite(value).all()
        assert np.isfinite(gradient(functools.partial(loss, truth), scores)).all()


@every_loss
def test_an_image_of_ignored_pixels_costs_0_and_has_no_gradient(loss, rng):
    truth, scores = label_maps(rng), logits(rng)
    truth[1] = 255
    value = loss(truth, scores).numpy()
    assert value.shape == (3,)
    assert value[1] == 0
    assert (gradient(functools.partial(loss, truth), scores)[1] == 0).all()
    assert (gradient(functools.partial(loss, truth), scores)[0] != 0).any()


# --- invariances ------------------------------------------------------------------------------------

UNWEIGHTED = [n for n in LOSSES if n not in {"weighted", "focal, 0.5", "dice without background"}]


@pytest.mark.parametrize("name", UNWEIGHTED)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_renaming_the_classes_and_shifting_the_logits_changes_nothing(name, seed):
    rng = np.random.default_rng(seed)
    truth, scores = label_maps(rng), logits(rng)
    order = rng.permutation(4)
    renamed = np.where(truth == 255, 255, np.argsort(order)[np.where(truth == 255, 0, truth)])
    moved = scores[..., order] + rng.normal(0, 5, (3, 5, 6, 1))
    np.testing.assert_allclose(LOSSES[name](renamed, moved), LOSSES[name](truth, scores), rtol=1e-9)


@every_loss
def test_images_do_not_affect_each_other(loss, rng):
    truth, scores = label_maps(rng), logits(rng)
    one_by_one = [loss(truth[i : i + 1], scores[i : i + 1]).numpy()[0] for i in range(3)]
    np.testing.assert_allclose(loss(truth, scores), one_by_one, rtol=1e-12)


# --- eager, graph, XLA, compile -------------------------------------------------------------------


# All losses in one graph: what takes the time is tracing and compiling it.


def test_a_graph_of_unknown_shapes_gives_the_eager_value(rng):
    truth, scores = label_maps(rng).astype(np.uint8), logits(rng).astype(np.float32)
    unknown = [tf.TensorSpec(None, tf.uint8), tf.TensorSpec([None, None, None, 4], tf.float32)]
    graph = tf.function(
        lambda truth, scores: {name: loss(truth, scores) for name, loss in LOSSES.items()}, input_signature=unknown
    )
    for name, value in graph(truth, scores).items():
        np.testing.assert_allclose(value, LOSSES[name](truth, scores), rtol=1e-5, err_msg=name)


def test_xla_gives_the_eager_values_and_gradients(rng):
    truth, scores = label_maps(rng).astype(np.uint8), logits(rng).astype(np.float32)

    def values_and_gradients(truth, scores):
        copies = {name: tf.identity(scores) for name in LOSSES}
        with tf.GradientTape() as tape:
            tape.watch({name: copies[name] for name in TRAINED})
            values = {name: loss(truth, copies[name]) for name, loss in LOSSES.items()}
        return values, tape.gradient(
            {name: values[name] for name in TRAINED}, {name: copies[name] for name in TRAINED}
        )

    eager, eager_gradients = values_and_gradients(truth, tf.constant(scores))
    values, gradients = tf.function(values_and_gradients, jit_compile=True)(truth, scores)
    for name, value in values.items():
        np.testing.assert_allclose(value, eager[name], rtol=1e-5, err_msg=name)
    for name, found in gradients.items():
        assert np.abs(found).max() > 1e-3
        np.testing.assert_allclose(found, eager_gradients[name], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.integration
@pytest.mark.parametrize(
    "options",
    [{"run_eagerly": True}, pytest.param({"jit_compile": True}, marks=pytest.mark.slow)],
    ids=["eagerly", "with XLA"],
)
def test_they_train_models(options, rng):
    """Graph and XLA give the eager gradients, as shown above, and tracing all takes most of the time."""
    truth = label_maps(rng, (8, 6, 6))
    images = one_hot(truth, 4) + rng.normal(0, 0.1, (8, 6, 6, 4))
    losses = [(4, LOSSES[name], truth.astype(np.uint8)) for name in TRAINED]
    assert_they_train_models(images, losses, **options)


@pytest.mark.integration
def test_binary_and_boundary_train_compiled_models(rng):
    truth = label_maps(rng, (8, 6, 6), 2)
    losses = [(1, binary_cross_entropy, truth.astype(np.uint8)), (2, boundary, signed_distance_maps(truth, 2))]
    assert_they_train_models(one_hot(truth, 2), losses, jit_compile="auto")


def assert_they_train_models(images, losses, **options):
    """One layer for each (number of outputs, loss, target): they share nothing but the images."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(images.shape[1:])
    layers = [keras.layers.Dense(n_out, name=f"layer{k}") for k, (n_out, _, _) in enumerate(losses)]
    model = keras.Model(inputs, [layer(inputs) for layer in layers])
    model.compile(keras.optimizers.SGD(0.5), loss=[loss for _, loss, _ in losses], **options)
    targets = [target for _, _, target in losses]
    history = model.fit(images, targets, epochs=6, batch_size=4, verbose=0).history
    for k, (_, loss, _) in enumerate(losses):
        first, *_, last = values = history[f"layer{k}_loss"]
        assert np.isfinite(values).all(), loss
        assert last < first, loss


# --- bad input ----------------------------------------------------------------------------------------


@every_loss
def test_bad_input_raises_at_once(loss, rng):
    truth, scores = label_maps(rng), logits(rng)

    def with_value(array, value):
        array = array.astype(float)
        array.flat[7] = value
        return array

    for bad_truth, bad_scores, message in (
        (
            with_value(truth, 4),
            scores,
            r"y_true: expected class ids 0 to 3, or 255 .*got 4.0 at index \(0, 1, 1\)",
        ),
        (with_value(truth, -1), scores, "y_true: expected class ids"),
        (with_value(truth, 0.5), scores, "y_true: expected class ids"),
        (with_value(truth, np.nan), scores, "y_true: 1 of 90 values are NaN"),
        (truth[:, :4], scores, r"y_true: expected shape \(3, 5, 6\)"),
        (truth[..., None], scores, "y_true: expected shape"),
        (truth.astype(bool), scores, "y_true: expected real numbers, got dtype bool"),
        (truth, with_value(scores, np.nan), "y_pred: 1 of 360 values are NaN, the first at index"),
        (truth, with_value(scores, -np.inf), "y_pred: expected finite values"),
        (truth, scores[..., 0], "y_pred: expected logits of shape"),
        (truth, scores[..., :1], "y_pred: expected 2 to 255 classes"),
        (truth, [[1.0], [1.0, 2.0]], "y_pred: expected a rectangular array"),
        (truth, scores.astype(complex), "y_pred: expected real numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            loss(bad_truth, bad_scores)


@every_loss
def test_bad_input_raises_inside_a_graph(loss, rng):
    truth, scores = label_maps(rng), logits(rng)
    signature = [tf.TensorSpec([None, None, None], tf.int64), tf.TensorSpec([None, None, None, 4], tf.float64)]
    graph = tf.function(loss, input_signature=signature)
    for bad_truth, bad_scores, message in (
        (np.where(truth == 1, 9, truth), scores, "y_true: expected class ids"),
        (truth, scores * np.nan, "y_pred: expected finite values"),
        (truth[:, :4], scores, "y_true"),
    ):
        with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=message):
            graph(bad_truth, bad_scores)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t, s: cross_entropy(t, s, [1, 2]), "class_weights: expected 4 numbers"),
        (lambda t, s: cross_entropy(t, s, [1, 2, 3, -1]), "class_weights: expected finite values of 0"),
        (lambda t, s: cross_entropy(t, s, pixel_weights=-np.ones(t.shape)), "pixel_weights: expected finite"),
        (lambda t, s: cross_entropy(t, s, pixel_weights=np.ones((5, 6))), "pixel_weights: expected shape"),
        (lambda t, s: focal(t, s, -1), "gamma: expected a finite number of at least 0"),
        (lambda t, s: focal(t, s, 2, 0.25), "alpha: expected 4 numbers"),
        (lambda t, s: tversky(t, s, 0, 0), "alpha, beta: expected at least one above 0"),
        (lambda t, s: tversky(t, s, -1, 0), "alpha: expected"),
        (lambda t, s: dice(t, s, smooth=-1), "smooth: expected"),
        (lambda t, s: dice(t, s, smooth="1e"), "smooth: expected"),
        (lambda t, s: exponential_logarithmic(t, s, 0), "gamma: expected a finite number above 0"),
        (lambda t, s: exponential_logarithmic(t, s, smooth=0), "smooth: expected a finite number above 0"),
        (lambda t, s: boundary(t, s), "y_true_distance: expected shape"),
        (lambda t, s: boundary(s * np.inf, s), "y_true_distance: expected finite values"),
        (lambda t, s: boundary(s, s * np.inf), "y_pred: expected finite values"),
        (lambda t, s: boundary(s[..., 0], s[..., 0]), "y_pred: expected logits"),
        (lambda t, s: binary_cross_entropy(t, s[..., 0]), "y_true: expected class ids 0 to 1"),
        (lambda t, s: binary_cross_entropy(t, s), "y_pred: expected one logit a pixel"),
        (lambda t, s: binary_cross_entropy(t % 2, s[..., 0], -1), "positive_weight: expected"),
    ],
)
def test_bad_settings_raise(call, message):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=message):
        call(label_maps(rng, ignored=0), logits(rng))


@pytest.fixture
def nothing_said_yet(monkeypatch):
    monkeypatch.setattr(_inputs, "_warned", set())


def test_probabilities_warn_once_a_loss(nothing_said_yet, rng):
    truth, scores = label_maps(rng), logits(rng)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for loss, _ in itertools.product((dice, focal, cross_entropy), range(2)):
            loss(truth, softmax(scores))
        binary_cross_entropy(truth % 5 % 2, softmax(scores)[..., 0])
    assert [str(w.message).split(":")[0] for w in caught] == [
        "dice",
        "focal",
        "cross_entropy",
        "binary_cross_entropy",
    ]
    assert "leave the softmax out of the last layer" in str(caught[0].message)
    assert caught[0].filename == __file__


def test_logits_do_not_warn(nothing_said_yet, rng):
    truth = label_maps(rng, n_classes=2)
    for scores in (np.zeros((3, 5, 6, 2)), logits(rng, n_classes=2)):
        dice(truth, scores)
        binary_cross_entropy(truth, scores[..., 0])


@pytest.mark.parametrize(
    ("activation", "n_out", "loss"), [("softmax", 2, dice), ("sigmoid", 1, binary_cross_entropy)]
)
def test_a_last_layer_that_makes_probabilities_warns_inside_compile(
    nothing_said_yet, activation, n_out, loss, rng
):
    truth = label_maps(rng, (4, 6, 6), 2).astype(np.uint8)
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(n_out, 1, activation=activation)])
    model.compile("sgd", loss=loss)
    with pytest.warns(UserWarning, match=f"leave the {activation} out of the last layer"):
        model.fit(np.zeros((4, 6, 6, 1)), truth, verbose=0)
