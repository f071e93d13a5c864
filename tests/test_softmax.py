"""Softmax and its relatives against SciPy, TensorFlow and cases done by hand."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from course_utils.softmax import cross_entropy, entropy, label_map, log_softmax, softmax

RNG = np.random.default_rng(0)
LOGITS = arrays(np.float64, array_shapes(min_dims=1, max_dims=3, max_side=5), elements=st.floats(-1e4, 1e4))


@pytest.mark.parametrize("axis", [-3, -2, -1, 0, 1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_and_log_softmax_agree_with_scipy(axis, dtype):
    logits = RNG.normal(0, 20, (3, 4, 5)).astype(dtype)
    tolerance = {"rtol": 1e-5 if dtype == np.float32 else 1e-12, "atol": 1e-7 if dtype == np.float32 else 1e-15}
    for ours, theirs in ((softmax, scipy.special.softmax), (log_softmax, scipy.special.log_softmax)):
        result = ours(logits, axis=axis)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, theirs(logits, axis=axis), **tolerance)


def test_they_agree_with_tensorflow():
    tf = pytest.importorskip("tensorflow")
    logits = RNG.normal(0, 10, (6, 7))
    labels = RNG.integers(0, 7, 6)
    np.testing.assert_allclose(softmax(logits), tf.nn.softmax(logits).numpy(), atol=1e-12)
    np.testing.assert_allclose(log_softmax(logits), tf.nn.log_softmax(logits).numpy(), atol=1e-12)
    theirs = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits).numpy()
    np.testing.assert_allclose(cross_entropy(labels, logits), theirs, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits_are_exact(dtype):
    logits = np.array([[1e4, -1e4, 1e4], [-1e4, -1e4, -1e4]], dtype)
    np.testing.assert_array_equal(softmax(logits), np.array([[0.5, 0, 0.5], [1 / 3] * 3], dtype))
    assert log_softmax(np.array([0, -1e4], dtype))[1] == -1e4


def test_float16_does_not_overflow():
    np.testing.assert_array_equal(softmax(np.array([60000, -60000], np.float16)), [1, 0])


def test_a_masked_class_gets_nothing():
    logits = np.array([0.0, -np.inf, 0.0])
    np.testing.assert_array_equal(softmax(logits), [0.5, 0, 0.5])
    np.testing.assert_array_equal(softmax(logits, temperature=1e300), [0.5, 0, 0.5])
    np.testing.assert_allclose(log_softmax(logits), [-np.log(2), -np.inf, -np.log(2)])
    assert cross_entropy(1, logits) == np.inf
    assert label_map(logits) == 0


@pytest.mark.parametrize("temperature", [0.01, 0.5, 1, 3, 1000])
def test_temperature_divides_the_logits(temperature):
    logits = RNG.normal(0, 5, (4, 6))
    np.testing.assert_allclose(
        softmax(logits, temperature=temperature), scipy.special.softmax(logits / temperature, axis=-1), atol=1e-14
    )
    np.testing.assert_allclose(
        log_softmax(logits, temperature=temperature),
        scipy.special.log_softmax(logits / temperature, axis=-1),
        atol=1e-9,
    )


def test_limits_of_temperature():
    np.testing.assert_allclose(softmax([1.0, 2.0, 3.0], temperature=1e9), 1 / 3, atol=1e-8)
    np.testing.assert_array_equal(softmax([1.0, 3.0, 3.0], temperature=1e-30), [0, 0.5, 0.5])


@given(LOGITS)
def test_sums_are_one_and_a_shift_changes_nothing(logits):
    probabilities = softmax(logits)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-12)
    np.testing.assert_allclose(softmax(logits + 1000), probabilities, atol=1e-9)
    assert (probabilities >= 0).all()


@given(LOGITS)
def test_labels_of_logits_and_of_probabilities_name_equally_probable_classes(logits):
    probabilities = softmax(logits)
    from_logits = label_map(logits)[..., np.newaxis].astype(int)
    np.testing.assert_array_equal(
        np.take_along_axis(probabilities, from_logits, axis=-1)[..., 0], probabilities.max(axis=-1)
    )


def test_input_is_left_alone_and_integers_are_accepted():
    logits = np.array([[1.0, 2.0]])
    softmax(logits, temperature=2)
    np.testing.assert_array_equal(logits, [[1.0, 2.0]])
    assert softmax([0, 0]).dtype == np.float64
    assert softmax(np.zeros((0, 3))).shape == (0, 3)


def test_entropy_agrees_with_scipy():
    distributions = RNG.dirichlet(np.full(6, 0.3), 50)
    distributions[0] = [1, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(entropy(distributions), scipy.stats.entropy(distributions, axis=-1), atol=1e-14)
    np.testing.assert_allclose(entropy(distributions.T, axis=0), scipy.stats.entropy(distributions.T), atol=1e-14)
    assert entropy(np.full(4, 0.25, np.float32)).dtype == np.float32


def test_cross_entropy_works_along_any_axis():
    logits = RNG.normal(0, 3, (4, 5, 6))
    labels = RNG.integers(0, 4, (5, 6)).astype(np.uint8)
    np.testing.assert_allclose(
        cross_entropy(labels, logits, axis=0), cross_entropy(labels, np.moveaxis(logits, 0, -1))
    )
    by_hand = -np.log(softmax(logits, axis=0)[labels[2, 3], 2, 3])
    assert np.isclose(cross_entropy(labels, logits, axis=0)[2, 3], by_hand)
    assert cross_entropy(labels, logits.astype(np.float32), axis=0).dtype == np.float32


def test_label_map_is_uint8_and_ties_go_to_the_lowest_id():
    assert label_map(np.zeros((255, 2, 3)), axis=0).dtype == np.uint8
    np.testing.assert_array_equal(label_map([[1.0, 1.0], [0.0, 1.0]]), [0, 1])


BAD = [
    (lambda: softmax([1.0, np.nan]), "logits.*NaN"),
    (lambda: softmax([1.0, np.inf]), r"logits.*\+inf"),
    (lambda: softmax([[0.0, 1.0], [-np.inf, -np.inf]]), r"logits.*masked.*index \(1,\)"),
    (lambda: softmax([1.0], axis=1), r"axis: 1 is out of range for logits of shape \(1,\)"),
    (lambda: softmax([1.0], axis=0.5), "axis"),
    (lambda: softmax(3.0), "axis"),
    (lambda: softmax(np.zeros((2, 0))), "logits.*no class"),
    (lambda: softmax(["a", "b"]), "logits.*dtype"),
    (lambda: softmax([[1.0], [1.0, 2.0]]), "logits.*rectangular"),
    (lambda: softmax([1j, 2.0]), "logits.*complex"),
    (lambda: softmax([1.0], temperature=0), "temperature.*above 0"),
    (lambda: softmax([1.0], temperature=-1), "temperature"),
    (lambda: softmax([1.0], temperature=np.nan), "temperature"),
    (lambda: softmax([1.0], temperature=np.inf), "temperature"),
    (lambda: softmax([1.0], temperature="warm"), "temperature"),
    (lambda: softmax(np.float32([1, 2]), temperature=1e-60), "temperature.*float32"),
    (lambda: log_softmax([np.nan]), "logits"),
    (lambda: log_softmax([1.0], temperature=0), "temperature"),
    (lambda: entropy([0.5, 0.6]), "probabilities.*sums of 1"),
    (lambda: entropy([1.5, -0.5]), "probabilities.*0 or more"),
    (lambda: entropy([np.nan, 1.0]), "probabilities"),
    (lambda: entropy([np.inf, 1.0]), "probabilities"),
    (lambda: entropy([1.0], axis=2), "axis"),
    (lambda: cross_entropy([2], [[0.0, 1.0]]), "labels: expected 0 to 1, got 2"),
    (lambda: cross_entropy([-1], [[0.0, 1.0]]), "labels"),
    (lambda: cross_entropy([0.0], [[0.0, 1.0]]), "labels.*integers"),
    (lambda: cross_entropy([0, 1], [[0.0, 1.0]]), r"labels: expected shape \(1,\)"),
    (lambda: label_map(np.zeros((2, 256))), "scores.*255"),
    (lambda: label_map([np.nan, 1.0]), "scores"),
    (lambda: label_map([1.0], axis=-2), "axis"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
