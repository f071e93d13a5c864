"""The checker of chapter 08 against the wrong answers that students give, and right ones of many styles."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import ch08_answers
import ch08_evaluation_answers
from course_utils.backbones import receptive_field
from course_utils.checks import check
from course_utils.exercises import CHAPTERS
from course_utils.exercises.ch08 import EXERCISES
from course_utils.losses import cross_entropy, dice
from exercise_answers import (
    WrongAnswer,
    assert_enough_wrong_answers,
    assert_error_is_shown,
    assert_mistakes_are_named,
    assert_rejected,
    assert_stub_is_not_attempted,
)

MODULES = (ch08_answers, ch08_evaluation_answers)


def collected(suffix):
    """Everything that the two files hold under names that end in ``suffix``, by exercise."""
    return {
        getattr(module, name.removesuffix(suffix)): answers
        for module in MODULES
        for name, answers in vars(module).items()
        if name.endswith(suffix)
    }


RIGHT = [(name, answer) for name, answers in collected("_RIGHT").items() for answer in answers]
WRONG: list[WrongAnswer] = [wrong for answers in collected("_WRONG").values() for wrong in answers]


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_a_right_answer_is_accepted(name, answer):
    result = check(name, answer)
    assert result.status == "correct", result


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_feedback(name, answer, says):
    assert_rejected(name, answer, says)


def test_every_exercise_is_tried_with_enough_answers():
    assert_enough_wrong_answers("ch08", WRONG)
    assert set(collected("_RIGHT")) == set(CHAPTERS["ch08"]) == set(EXERCISES)


@pytest.mark.parametrize("name", CHAPTERS["ch08"])
def test_every_mistake_is_rejected_with_its_own_words(name):
    assert_mistakes_are_named(name, EXERCISES[name])


@pytest.mark.parametrize("name", CHAPTERS["ch08"])
def test_a_stub_is_not_attempted(name):
    assert_stub_is_not_attempted(name)


@pytest.mark.parametrize("name", CHAPTERS["ch08"])
def test_an_error_is_shown(name):
    assert_error_is_shown(name)


def cases(name):
    return list(EXERCISES[name].cases(np.random.default_rng(0)))


def test_the_size_asked_for_is_that_of_keras():
    reference = EXERCISES["segmentation.upsampled_size"].reference
    for size, kernel, stride, padding in cases("segmentation.upsampled_size"):
        assert kernel >= stride  # where Keras and the formula agree
        layer = keras.layers.Conv2DTranspose(1, (1, kernel), (1, stride), "valid")
        length = layer.compute_output_shape((1, 1, size, 1))[2]
        assert reference(size, kernel, stride, padding) == length - 2 * padding
        same = keras.layers.Conv2DTranspose(1, (1, kernel), (1, stride), "same")
        assert same.compute_output_shape((1, 1, size, 1))[2] == size * stride


def test_the_receptive_field_asked_for_is_the_courses():
    reference = EXERCISES["segmentation.receptive_field"].reference
    for (layers,) in cases("segmentation.receptive_field"):
        assert reference(layers) == receptive_field(layers)[0]


def test_the_loss_asked_for_is_the_courses():
    reference = EXERCISES["losses.cross_entropy_dice"].reference
    for labels, logits in cases("losses.cross_entropy_dice"):
        expected = cross_entropy(labels, logits) + 0.5 * dice(labels, logits)
        np.testing.assert_allclose(reference(labels, logits), expected, rtol=1e-7, atol=1e-7)


def test_no_centre_lies_on_an_outline():
    """There right answers differ, so no case may ask."""
    for xs, ys, height, width in cases("label_maps.fill_polygon"):
        x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        for x0, y0, x1, y1 in zip(xs, ys, np.roll(xs, -1), np.roll(ys, -1), strict=True):
            along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2)
            along = np.clip(along, 0, 1)
            assert np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)).min() > 1e-3


def test_the_enlarged_map_asked_for_is_that_of_tensorflow():
    reference = EXERCISES["label_maps.enlarge"].reference
    for labels, factor in cases("label_maps.enlarge"):
        shape = [round(side * factor) for side in labels.shape]
        expected = tf.image.resize(labels[..., np.newaxis], shape, "nearest")
        np.testing.assert_array_equal(reference(labels, factor), expected[..., 0])
        assert set(np.unique(reference(labels, factor))) <= set(np.unique(labels))
