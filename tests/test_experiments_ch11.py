"""The race and the sick networks of chapter 11: parts that share nothing, runs that repeat, equal sizes."""

import keras
import numpy as np
import pytest

from course_utils.experiments.ch11 import (
    DEEP,
    MEMORY,
    RACERS,
    Trainer,
    build_cnn,
    build_deep,
    build_memory,
    digits_task,
    memory_task,
    rates_of,
)


def test_the_parts_of_the_digits_share_nothing_and_stay():
    small, large = digits_task(500), digits_task(1000)
    flat = [{image.tobytes() for image in part[0]} for part in large]
    assert not flat[0] & flat[1] | flat[0] & flat[2] | flat[1] & flat[2]
    for a, b in zip(small[1:], large[1:], strict=True):
        np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(small.train[0], large.train[0][:500])
    assert large.test[0].shape == (2000, 14, 14, 1)


def test_only_the_first_step_of_a_sequence_tells_its_label():
    inputs, labels = memory_task(6, n=50).train
    np.testing.assert_array_equal(inputs[:, 0].argmax(axis=1), labels)
    assert not inputs[:, 1:, :4].any()
    assert not np.array_equal(inputs, memory_task(6, n=50).test[0])


@pytest.mark.integration
def test_a_training_repeats_and_begins_anew():
    task = digits_task(100)
    trainer = Trainer(build_cnn(0), keras.optimizers.Adam(), task)
    weights, losses = build_cnn(1).get_weights(), []
    for seed in (0, 0, 1):
        trainer.reset(weights)
        losses.append(trainer.run([0.01] * 20, seed))
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    assert not np.allclose(losses[0], losses[2])
    assert losses[0][-5:].mean() < losses[0][:5].mean()
    value, accuracy = trainer.scores("train")
    assert 0 < value < np.log(10)
    assert accuracy > 0.2


def test_rates_are_constant_or_rise_and_fall():
    assert rates_of(RACERS["Adam"], 0.1, 3) == [0.1] * 3
    cosine = rates_of(RACERS["Adam, cosine"], 0.1, 100)
    assert np.argmax(cosine) == 10
    assert cosine[0] == 0
    assert cosine[-1] < 1e-4


@pytest.mark.parametrize("name", ["sigmoid, σ = 4/√n", "ReLU, He, normalised, residual"])
def test_deep_networks_have_the_weights_asked_for(name):
    network = build_deep(3, **DEEP[name])
    kernels = [v.numpy() for v in network.trainable_variables if v.shape == (32, 32)]
    expected = 4.0 if "4" in name else np.sqrt(2)
    assert len(kernels) == 12
    assert np.std(kernels) * np.sqrt(32) == pytest.approx(expected, rel=0.03)
    assert not np.allclose(kernels[0], kernels[1])


def test_recurrent_networks_are_of_one_size_and_keep_what_they_are_told_to():
    sizes = [build_memory(0, length=5, kind=kind).count_params() for kind in ("tanh", "gru")]
    assert max(sizes) < 1.05 * min(sizes)
    biases = build_memory(0, length=5, kind="gru", kept=0.95).layers[0].cell.bias.numpy()
    np.testing.assert_allclose(1 / (1 + np.exp(-biases[0, :13])), 0.95, rtol=1e-5)
    assert not biases[:, 13:].any()
    recurrent = build_memory(0, length=5, gain=0.5).layers[0].cell.recurrent_kernel.numpy()
    np.testing.assert_allclose(recurrent @ recurrent.T, 0.25 * np.eye(24), atol=1e-5)
    assert {"gated, keeps 0.5", "tanh, gain 1"} <= MEMORY.keys()
