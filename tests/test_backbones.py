"""The residual trunks: shapes, published parameter counts, names."""

import keras
import numpy as np
import pytest

from course_utils.backbones import convolution, residual_backbone, residual_block, resnet56v2_backbone


def test_maps_halve_from_the_stem_on() -> None:
    backbone = residual_backbone((64, 96, 3), filters=(4, 8, 8), blocks=(1, 2))
    maps = backbone(np.zeros((2, 64, 96, 3), np.float32))
    assert [tuple(m.shape) for m in maps] == [(2, 32, 48, 4), (2, 16, 24, 8), (2, 8, 12, 8)]


def test_odd_sizes_are_rounded_up() -> None:
    backbone = residual_backbone((33, 47, 3), filters=(4, 8, 8), blocks=(1, 1))
    assert [tuple(m.shape[1:3]) for m in backbone.outputs] == [(17, 24), (9, 12), (5, 6)]


def test_parameters_of_the_default() -> None:
    assert residual_backbone((96, 128, 3)).count_params() == 310_576


@pytest.fixture(scope="module")
def resnet56v2() -> keras.Model:
    return resnet56v2_backbone((480, 640, 3))


def test_resnet56v2_has_the_published_size(resnet56v2: keras.Model) -> None:
    backbone = resnet56v2
    assert backbone.count_params() == 1_671_168
    assert tuple(backbone.outputs[0].shape[1:]) == (120, 160, 256)
    # Three 1×1 or 3×3 layers in each of 18 bottlenecks and the stem; the short cuts are not on the longest path.
    kernels = [layer for layer in backbone.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(kernels) == 1 + 18 * 3 + 3


def test_weights_can_be_told_apart_by_name(resnet56v2: keras.Model) -> None:
    for backbone in (residual_backbone((96, 128, 3)), resnet56v2):
        paths = [variable.path for variable in backbone.weights]
        assert len(set(paths)) == len(paths)


def test_convolution_without_activation_can_be_negative() -> None:
    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, convolution(inputs, 3, name="c", activation=None))
    assert model(np.random.default_rng(0).normal(size=(1, 4, 4, 2))).numpy().min() < 0


@pytest.mark.parametrize(("strides", "filters"), [(1, 6), (1, 4), (2, 6), (2, 4)])
def test_a_block_whose_convolutions_give_nothing_is_its_short_cut(strides: int, filters: int) -> None:
    inputs = keras.Input((5, 6, 6))
    model = keras.Model(inputs, residual_block(inputs, filters, strides, name="b"))
    model.get_layer("b_2_bn").gamma.assign(np.zeros(filters))
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 6)).astype(np.float32)
    short = x if strides == 1 else keras.ops.average_pool(x, 2, 2, "same")
    if filters != 6:
        short = short @ model.get_layer("b_short_conv").kernel[0, 0] / np.sqrt(1.001)
    np.testing.assert_allclose(model(x), np.maximum(short, 0), atol=1e-5)
    assert any("short" in layer.name for layer in model.layers) == (filters != 6)


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
