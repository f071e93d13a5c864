"""The small imbalanced task of chapter 06: its scenes, its features, its scores, and a short training."""

import numpy as np
import pytest
from sklearn.metrics import jaccard_score, precision_score, recall_score

from course_utils.experiments.ch06 import (
    build_losses,
    build_network,
    draw_scenes,
    features,
    predict,
    scores,
    train,
)
from course_utils.losses import signed_distance_maps


@pytest.fixture(scope="module")
def scenes():
    return draw_scenes(24, np.random.default_rng(0))


def test_scenes_are_reproducible_and_fit_together(scenes):
    again = draw_scenes(24, np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(scenes, again, strict=True))
    assert set(np.unique(scenes.labels)) == {0, 1, 2}
    assert scenes.images.min() >= 0
    assert scenes.images.max() <= 1
    np.testing.assert_array_equal(scenes.features, features(scenes.images))
    np.testing.assert_array_equal(scenes.distances, signed_distance_maps(scenes.labels, 3))


def test_too_small_a_scene_raises():
    with pytest.raises(ValueError, match="n, size: expected 1 scene or more of 20 pixels"):
        draw_scenes(1, np.random.default_rng(0), size=10)


def test_scores_are_those_of_sklearn(scenes):
    p = np.random.default_rng(1).dirichlet([3, 1, 1], scenes.labels.shape)
    found, truth, guess = scores(scenes.labels, p), scenes.labels.ravel(), p.argmax(axis=-1).ravel()
    assert found["mean_iou"] == pytest.approx(jaccard_score(truth, guess, average="macro"))
    assert found["recall_dot"] == pytest.approx(recall_score(truth, guess, labels=[2], average="macro"))
    assert found["precision_dot"] == pytest.approx(precision_score(truth, guess, labels=[2], average="macro"))
    assert found["share_dot"] == pytest.approx(p[..., 2].mean() / (truth == 2).mean())


@pytest.mark.integration
@pytest.mark.parametrize(("name", "times"), [("cross-entropy", 1), ("Dice, then boundary", 2)])
def test_training_improves_and_repeats(scenes, name, times):
    """Repeated with the loss that has most in it: what differs from loss to loss draws no numbers."""
    loss, runs = build_losses(scenes.labels)[name], []
    for _ in range(times):
        network = build_network(0)
        before = scores(scenes.labels, predict(network, scenes))["accuracy"]
        train(network, scenes, loss, steps=30, learning_rate=0.03, seed=0)
        runs.append(predict(network, scenes))
    np.testing.assert_allclose(runs[0], runs[-1], atol=1e-4)
    assert scores(scenes.labels, runs[0])["accuracy"] > max(before, 0.9)
