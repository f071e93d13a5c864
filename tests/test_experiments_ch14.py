"""The small detector of the two workers, and digits in batches of any size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.experiments import ch14
from course_utils.experiments.ch14 import ALONE, AS_BUILT, REPAIRED, DataParallel, Parts, build_small


def test_each_variant_leaves_one_thing_as_it_was():
    assert all(REPAIRED)
    assert not any(AS_BUILT)
    assert len(ALONE) == len(Parts._fields) == 3
    assert set(ALONE.values()) == {REPAIRED._replace(**{name: False}) for name in Parts._fields}


@pytest.mark.parametrize("together", [True, False])
def test_every_batch_normalisation_is_told(together):
    model = build_small(together)
    layers = [*model.layers, *model.get_layer("backbone").layers]
    told = [layer.synchronized for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(told) > 5
    assert set(told) == {together}


def test_the_last_batch_is_uneven():
    images, targets = ch14.scenes_of(build_small(True))
    assert len(images) == len(targets) == ch14.SCENES
    assert images.dtype == np.float32
    assert ch14.SCENES % ch14.BATCH % 2 == 1


def test_rates_rise_and_stay():
    assert ch14.rates_of(0.8, 5, 4) == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8])
    assert ch14.rates_of(0.8, 2, 0) == [0.8, 0.8]


@pytest.mark.slow
def test_a_state_that_is_put_back_goes_on_as_if_nothing_had_been():
    job = DataParallel(tf.distribute.get_strategy())
    losses = [loss for _, loss in job.run(0, 7)]
    assert losses[-1] < losses[0]
    job.reset(0)
    first = dict(job.run(0, 4))
    assert list(first.values()) == pytest.approx(losses[:4], abs=1e-6)
    state = job.state()
    job.reset(1)
    job.restore(state)
    rest = list(job.run(4, 7))
    assert [step for step, _ in rest] == [5, 6, 7]
    assert [loss for _, loss in rest] == pytest.approx(losses[4:], abs=1e-6)


@pytest.mark.slow
def test_test_digits_are_looked_at_only_in_the_end():
    key = {"batch": "512", "warmup": "yes", "learning_rate": "0.125", "seed": "0"}
    tuning, final = (ch14.batch_run(key | {"stage": stage}) for stage in ("tuning", "final"))
    assert tuning["test_accuracy"] == ""
    assert 0.2 < float(final["test_accuracy"]) <= 1
    assert tuning["validation_accuracy"] == final["validation_accuracy"]
    assert final["finite"] == "yes"
