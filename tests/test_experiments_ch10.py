"""The small networks of chapter 10: what tells them apart, their averages, and a training twice the same."""

import keras
import numpy as np
import pytest

from course_utils.backbones import macs
from course_utils.experiments.ch10 import (
    Trainer,
    digits,
    losses_of,
    pooled_network,
    reestimate,
    shifted,
    stacked_network,
)


def norms(network: keras.Model) -> list:
    return [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]


def test_the_parts_are_disjoint_and_balanced() -> None:
    parts = digits()
    assert all(np.bincount(labels).tolist() == [100] * 10 for _, labels in parts)
    seen = {image.tobytes() for image in parts.training[0]}
    assert not seen & {image.tobytes() for images, _ in parts[1:] for image in images}


def test_kinds_differ_in_nothing_but_their_short_cuts() -> None:
    plain, residual, before = (stacked_network(kind, 8) for kind in ("plain", "residual", "pre-activation"))
    assert macs(plain) == macs(residual) == macs(before)
    assert plain.count_params() == residual.count_params() == before.count_params()
    assert all(np.array_equal(a, b) for a, b in zip(plain.get_weights(), residual.get_weights(), strict=True))
    adds = [sum(isinstance(layer, keras.layers.Add) for layer in net.layers) for net in (plain, residual, before)]
    assert adds == [0, 3, 3]
    # Depth counts layers with weights on the longest path.
    kernels = [layer for layer in plain.layers if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)]
    assert len(kernels) == 8


def test_no_normalisation_has_biases_and_noise_is_none_in_inference() -> None:
    bare = stacked_network("plain", 4, norm="none")
    assert all(layer.use_bias for layer in bare.layers if isinstance(layer, keras.layers.Conv2D))
    noisy, batch = stacked_network("plain", 4, norm="noisy"), stacked_network("plain", 4)
    x = digits().test[0][:8]
    np.testing.assert_allclose(noisy(x, training=False), batch(x, training=False), atol=1e-5)
    assert not np.allclose(noisy(x, training=True), noisy(x, training=True))


@pytest.mark.integration
def test_a_training_is_the_same_twice_and_lowers_the_loss() -> None:
    part = digits().training
    trainer = Trainer(stacked_network("residual", 4, width=4))
    found = []
    for _ in range(2):
        trainer.start(0.1, seed=3)
        found.append(trainer.run(part, 40, 32))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)
    assert found[0][-5:].mean() < found[0][:5].mean()


def test_reestimated_averages_are_the_means_over_the_batches() -> None:
    network = stacked_network("plain", 4, width=4)
    batches = np.array_split(digits().training[0][:64], 4)
    reestimate(network, batches)
    first = keras.Model(network.input, network.layers[1].output)
    means = np.mean([np.mean(first(batch), axis=(0, 1, 2)) for batch in batches], axis=0)
    np.testing.assert_allclose(norms(network)[0].moving_mean, means, atol=1e-5)
    assert {norm.momentum for norm in norms(network)} == {0.9}


def test_losses_of_logits_that_know_nothing() -> None:
    network = stacked_network("plain", 4)
    network.layers[-1].set_weights([np.zeros((16, 10)), np.arange(10.0)])
    loss, wrong = losses_of(network, *digits().test)
    assert wrong == pytest.approx(0.9)
    assert loss == pytest.approx(np.log(np.exp(np.arange(10.0)).sum()) - 4.5, rel=1e-5)


def test_pools_have_equal_weights_and_sizes() -> None:
    networks = [pooled_network(pool) for pool in ("max", "max, blurred", "average")]
    assert len({network.count_params() for network in networks}) == 1
    assert len({macs(network) for network in networks}) == 1


def test_shifts_and_back() -> None:
    images = np.pad(np.ones((1, 2, 3, 1)), [(0, 0), (2, 2), (2, 2), (0, 0)])
    moved = shifted(images, 2, -1)
    assert moved[0, 4:, 1:4].all()
    assert moved.sum() == images.sum()
    np.testing.assert_array_equal(shifted(moved, -2, 1), images)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stacked_network("plain", 7), "depth: expected an even number, got 7"),
        (lambda: stacked_network("dense", 8), "kind: expected one of"),  # type: ignore[arg-type]
        (lambda: stacked_network("plain", 8, norm="layer"), "norm: expected one of"),  # type: ignore[arg-type]
        (lambda: pooled_network("median"), "pool: expected one of"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
