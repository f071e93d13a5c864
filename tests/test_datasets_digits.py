"""Handwritten digits, and disjoint parts of a labelled set."""

import numpy as np
import pytest

from course_utils.datasets import load_digits, split


def test_digits():
    images, labels = load_digits()
    assert images.shape == (5000, 28, 28)
    assert images.dtype == np.float32
    assert images.min() == 0
    assert images.max() == 1
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(np.bincount(labels), np.full(10, 500))


def test_parts_are_disjoint_stratified_and_reproducible():
    _, labels = load_digits()
    parts = split(labels, (3000, 1000, 500), np.random.default_rng(0))
    assert [len(part) for part in parts] == [3000, 1000, 500]
    assert len(np.unique(np.concatenate(parts))) == 4500
    for part in parts:
        np.testing.assert_array_equal(np.bincount(labels[part]), np.full(10, len(part) // 10))
    again = split(labels, (3000, 1000, 500), np.random.default_rng(0))
    other = split(labels, (3000, 1000, 500), np.random.default_rng(1))
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))
    assert not np.array_equal(parts[0], other[0])


def test_unequal_classes_keep_their_shares():
    labels = np.repeat([0, 1, 2], [700, 250, 50])
    for seed in range(5):
        for part in split(labels, (333, 101, 37), np.random.default_rng(seed)):
            shares = np.bincount(labels[part], minlength=3) - len(part) * np.array([0.7, 0.25, 0.05])
            assert np.abs(shares).max() < 2


def test_a_part_is_in_random_order():
    _, labels = load_digits()
    (part,) = split(labels, (1000,), np.random.default_rng(0))
    assert len(set(labels[part][:40].tolist())) > 7
    assert np.mean(np.diff(part) > 0) < 0.6


@pytest.mark.parametrize(
    ("labels", "sizes", "message"),
    [
        ([0, 1], (3,), "sizes.*sum 2 at most"),
        ([0, 1], (), "sizes"),
        ([0, 1], (0, 1), "sizes"),
        ([0, 1], (0.5,), "sizes"),
        ([0, 1], (np.inf,), "sizes"),
        ([0, 1], 2, "sizes"),
        ([0, 1, 1, 1], (2, 2), r"sizes: part \d of 2 samples would hold none of class 0"),
        ([0, -1], (1,), "labels"),
        ([0.0, 1.0], (1,), "labels.*integers"),
        ([[0, 1]], (1,), "labels.*rank 1"),
    ],
)
def test_bad_splits_are_named(labels, sizes, message):
    with pytest.raises(ValueError, match=message):
        split(labels, sizes, np.random.default_rng(0))
