"""Chapter 13's pairs of known information, its critics, and the learner without labels."""

import numpy as np
import pytest

from course_utils.experiments.ch13 import (
    CLUSTERS,
    HEADS,
    Learner,
    digits,
    halved,
    held_out_accuracy,
    score,
    views_of,
)
from course_utils.experiments.ch13_pairs import PAIRS, Critics, noisy_channel
from course_utils.information import histogram_information, mutual_information, nearest_neighbour_information


@pytest.fixture(scope="module")
def data():
    return digits()


@pytest.fixture(scope="module")
def learner(data):
    return Learner(data.train[:300], views=2, over_clustering=False)


def test_the_parts_share_no_digit(data):
    train, test = ({image.tobytes() for image in part} for part in (data.train, data.test))
    assert len(train | test) == 5000


def test_fresh_digits_are_training_digits_and_each_is_scored_once(data):
    def shown(images):
        return {image.tobytes() for image in images}

    scored = [digits(fresh=number) for number in range(4)]
    assert set().union(*(shown(part.test) for part in scored)) == shown(data.train)
    for part in scored:
        assert len(part.test) == 1000
        assert shown(part.train) == shown(np.concatenate([data.train, data.test])) - shown(part.test)
        assert np.bincount(part.test_labels).tolist() == [100] * 10
    image = scored[0].test[7].tobytes()
    place = next(k for k, other in enumerate(data.train) if other.tobytes() == image)
    assert data.train_labels[place] == scored[0].test_labels[7]


def test_halving_is_the_mean_of_four_pixels(data):
    small = halved(data.test[:3])
    np.testing.assert_allclose(small[1, 14 * 5 + 7], data.test[1, 10:12, 14:16].mean(), rtol=1e-6)


def test_views_differ_and_keep_the_digit_in_the_image(data):
    first, second = (views_of(data.test[:50], np.random.default_rng(seed)) for seed in (0, 1))
    assert first.shape == (50, 28, 28)
    assert np.abs(first - second).mean() > 0.01
    ink = first.sum(axis=(1, 2)) / data.test[:50].sum(axis=(1, 2))
    assert 0.4 < ink.min() < ink.max() < 2
    np.testing.assert_array_equal(first, views_of(data.test[:50], np.random.default_rng(0)))


@pytest.mark.parametrize("name", PAIRS)
def test_the_information_of_the_pairs_is_what_samples_say(name):
    x, y = PAIRS[name].draw(np.random.default_rng(0), (4000,))
    if name == "discrete":
        found = histogram_information(x, y, 8)
    else:
        found = nearest_neighbour_information(np.arctan(x), np.arctan(y))
    assert found == pytest.approx(PAIRS[name].truth, abs=0.08)


def test_the_channel_is_a_joint():
    joint = noisy_channel()
    assert joint.sum() == pytest.approx(1)
    assert 0 < mutual_information(joint) < np.log(8)


def trained(kind, seeds, column, steps=30):
    rng, pair = np.random.default_rng(0), PAIRS["Gaussian, ρ = 0.9"]

    def draw(n):
        return [part[column] for part in pair.draw(rng, (2, n))]

    critics = Critics(kind, seeds)
    critics.train(draw, steps)
    return critics.bounds(*draw(3200))


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["DV", "DV, moving average", "NWJ", "InfoNCE", "DV, quadratic"])
def test_critics_learn(kind):
    bounds = trained(kind, (3, 4), slice(0, 2))
    assert bounds.shape == (2,)
    assert (bounds > 0.02).all()
    assert (bounds < PAIRS["Gaussian, ρ = 0.9"].truth + 0.1).all()


@pytest.mark.slow
def test_critics_do_not_see_each_other():
    both, alone = trained("DV", (3, 4), slice(0, 2)), trained("DV", (3,), slice(0, 1))
    np.testing.assert_allclose(alone, both[:1], rtol=1e-3, atol=1e-4)


def test_an_unknown_critic_is_refused():
    with pytest.raises(ValueError, match="kind: "):
        Critics("MINE", (0,))


@pytest.mark.integration
def test_the_learner_repeats_and_goes_on_from_a_state(learner):
    learner.start(1)
    learner.train(4)
    kept, before = learner.state(), learner.losses()
    learner.train(3, fall_over=2)
    after = learner.losses()
    learner.restore(kept)
    np.testing.assert_array_equal(learner.losses(), before)
    learner.train(3, fall_over=2)
    np.testing.assert_allclose(learner.losses(), after, atol=1e-5)
    learner.start(1)
    learner.train(4)
    np.testing.assert_allclose(learner.losses(), before, atol=1e-5)
    assert np.abs(after - before).max() > 2e-4


@pytest.mark.integration
def test_the_learner_gains_information(learner, data):
    learner.start(0)
    before = learner.losses()
    learner.train(30)
    assert before.shape == (HEADS,)
    assert learner.losses().mean() < before.mean() - 0.1
    found = score(learner, data)
    assert found["information"] == pytest.approx(-learner.losses().min())
    assert found["accuracy"] > 0.2
    assert 2 <= found["clusters"] <= CLUSTERS
    assert learner.codes(halved(data.test[:5])).shape == (5, 400)


def test_the_mapping_is_fitted_on_training_digits():
    train, labels = np.array([3, 3, 5, 5, 5]), np.array([0, 0, 1, 1, 0])
    assert held_out_accuracy(train, labels, np.array([3, 5]), np.array([0, 1])) == 1
    assert held_out_accuracy(train, labels, np.array([3, 5]), np.array([1, 0])) == 0
    assert held_out_accuracy(train, labels, np.array([7]), np.array([1])) == 0  # a cluster not seen in training
