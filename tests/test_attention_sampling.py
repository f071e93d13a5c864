"""Samples of one key: their distribution, their limits, what is refused."""

import numpy as np
import pytest
from scipy import stats

from course_utils.attention import gumbel_softmax
from course_utils.softmax import softmax

LOGITS = np.array([0.5, -1.0, 2.0, -np.inf, 0.0])


def samples(n, temperature=1.0, hard=False, dtype=np.float64, seed=0):
    logits = np.broadcast_to(LOGITS.astype(dtype), (n, 5))
    return gumbel_softmax(logits, temperature, np.random.default_rng(seed), hard)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_the_maximum_is_a_sample_of_the_softmax(temperature):
    soft, hard = samples(20_000, temperature), samples(20_000, temperature, hard=True)
    assert set(np.unique(hard)) == {0.0, 1.0}
    np.testing.assert_array_equal(hard.sum(axis=-1), 1)
    np.testing.assert_array_equal(hard.argmax(axis=-1), soft.argmax(axis=-1))
    counts = hard.sum(axis=0)
    assert counts[3] == 0
    expected = 20_000 * softmax(LOGITS)
    assert stats.chisquare(np.delete(counts, 3), np.delete(expected, 3)).pvalue > 0.001
    np.testing.assert_allclose(soft.sum(axis=-1), 1)
    np.testing.assert_array_equal(soft[:, 3], 0)


def test_temperature_sharpens_and_flattens():
    tops = [samples(2_000, t).max(axis=-1).mean() for t in (0.05, 0.5, 5.0)]
    assert tops[0] > 0.95 > tops[1] > tops[2]
    assert tops[2] < 0.4


def test_the_density_is_that_of_the_concrete_distribution():
    """Two classes: the log-odds of a sample are logistic, shifted by those of the softmax and divided by T."""
    rng = np.random.default_rng(1)
    pairs = gumbel_softmax(np.broadcast_to([0.7, 0.0], (4_000, 2)), 2.0, rng)
    odds = 2.0 * np.log(pairs[:, 0] / pairs[:, 1]) - 0.7
    assert stats.kstest(odds, "logistic").pvalue > 0.001


def test_dtypes_and_shapes():
    for dtype in (np.float16, np.float32, np.float64):
        for hard in (False, True):
            assert samples(3, 0.5, hard, dtype).dtype == dtype
    np.testing.assert_array_equal(gumbel_softmax([3], 1.0, np.random.default_rng(0)), [1.0])
    assert gumbel_softmax(np.zeros((0, 4)), 1.0, np.random.default_rng(0), hard=True).shape == (0, 4)
    assert gumbel_softmax(np.zeros((2, 3, 4)), 1.0, np.random.default_rng(0)).shape == (2, 3, 4)


def test_huge_logits_and_tiny_temperatures():
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(gumbel_softmax([1e30, -1e30, 0.0], 1e-30, rng), [1, 0, 0])
    np.testing.assert_array_equal(gumbel_softmax(np.float32([1e30, -1e30]), 1.0, rng, hard=True), [1, 0])
    np.testing.assert_allclose(gumbel_softmax([0.0, 0.0], 1e30, rng), 0.5)


def test_the_same_generator_gives_the_same():
    np.testing.assert_array_equal(samples(5), samples(5))
    assert (samples(5) != samples(5, seed=1)).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, np.nan], 1.0, np.random.default_rng(0)), "logits: 1 of 2 values are NaN"),
        (([0.0, np.inf], 1.0, np.random.default_rng(0)), r"logits: \+inf"),
        (([-np.inf, -np.inf], 1.0, np.random.default_rng(0)), "logits: every class is masked"),
        (([], 1.0, np.random.default_rng(0)), "logits: axis 0 holds no class"),
        (([0.0], 0.0, np.random.default_rng(0)), "temperature: expected a finite number above 0"),
        (([0.0], 1.0, 0), "rng: expected a numpy.random.Generator"),
        (([0.0], 1.0, np.random.default_rng(0), 1), "hard: expected True or False"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        gumbel_softmax(*arguments)
