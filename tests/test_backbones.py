"""Backbones: shapes, published parameter counts, and receptive fields measured by gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.backbones import convolution, receptive_field, residual_backbone, resnet56v2_backbone


def test_maps_halve_from_the_stem_on() -> None:
    backbone = residual_backbone((64, 96, 3), filters=(4, 8, 8), blocks=(1, 2))
    maps = backbone(np.zeros((2, 64, 96, 3), np.float32))
    assert [tuple(m.shape) for m in maps] == [(2, 32, 48, 4), (2, 16, 24, 8), (2, 8, 12, 8)]


def test_odd_sizes_are_rounded_up() -> None:
    backbone = residual_backbone((33, 47, 3), filters=(4, 8, 8), blocks=(1, 1))
    assert [tuple(m.shape[1:3]) for m in backbone.outputs] == [(17, 24), (9, 12), (5, 6)]


def test_parameters_of_the_default() -> None:
    assert residual_backbone((96, 128, 3)).count_params() == 310_576


def test_resnet56v2_has_the_published_size() -> None:
    backbone = resnet56v2_backbone((480, 640, 3))
    assert backbone.count_params() == 1_671_168
    assert tuple(backbone.outputs[0].shape[1:]) == (120, 160, 256)
    # Three 1×1 or 3×3 layers in each of 18 bottlenecks and the stem; the short cuts are not on the longest path.
    kernels = [layer for layer in backbone.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(kernels) == 1 + 18 * 3 + 3


def test_weights_can_be_told_apart_by_name() -> None:
    for backbone in (residual_backbone((96, 128, 3)), resnet56v2_backbone((96, 128, 3))):
        paths = [variable.path for variable in backbone.weights]
        assert len(set(paths)) == len(paths)


def test_receptive_field_by_gradient() -> None:
    """Ones as kernels, no normalisation: every pixel that can matter has a gradient."""
    layers = [(3, 2), (3, 1), (2, 2), (5, 1)]
    x = inputs = keras.Input((64, 64, 1))
    for size, strides in layers:
        x = keras.layers.Conv2D(1, size, strides, use_bias=False, kernel_initializer="ones")(x)
    model = keras.Model(inputs, x)
    image = tf.zeros((1, 64, 64, 1))
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = model(image)[0, 3, 3, 0]
    rows = np.flatnonzero(tape.gradient(value, image)[0, :, :, 0].numpy().any(axis=1))
    field, stride = receptive_field(layers)
    assert rows[-1] - rows[0] + 1 == field
    assert stride == 4


def test_receptive_field_of_the_resnet_is_87_pixels() -> None:
    bottlenecks = [(1, 1), (3, 1), (1, 1)] * 6 + 2 * ([(1, 2), (3, 1), (1, 1)] + [(1, 1), (3, 1), (1, 1)] * 5)
    assert receptive_field([(3, 1), *bottlenecks]) == (87, 4)


def test_convolution_without_activation_can_be_negative() -> None:
    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, convolution(inputs, 3, name="c", activation=None))
    assert model(np.random.default_rng(0).normal(size=(1, 4, 4, 2))).numpy().min() < 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((96, 128, 1),), "input_shape: expected 3 channels"),
        (((96, 128),), "input_shape: expected three integers"),
        (((96, 128, 3), (8, 8), (1, 1)), "filters: expected 3, one for the stem"),
        (((96, 128, 3), (8, 0), (1,)), "filters: expected an integer of 1 or more, got 0"),
        (((96, 128, 3), (8, 8), (0,)), "blocks: expected an integer of 1 or more, got 0"),
        (((16, 128, 3),), "input_shape: 5 halvings need 32 pixels"),
    ],
)
def test_bad_backbones(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        residual_backbone(*arguments)


def test_bad_receptive_field() -> None:
    with pytest.raises(ValueError, match="layers: expected an integer of 1 or more, got 0"):
        receptive_field([(3, 0)])
