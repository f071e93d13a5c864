"""Fields, counts and folding on networks of keras.applications, each built once."""

from functools import cache

import keras
import numpy as np
import pytest

from course_utils.backbones import fold_batch_norm, macs, model_receptive_field


@cache
def network(name: str) -> keras.Model:
    return getattr(keras.applications, name)(weights=None, include_top=name != "VGG16", input_shape=(224, 224, 3))


@pytest.mark.parametrize(
    ("name", "layer", "field"),
    [  # Araujo, Norris and Sim 2019, table 1; ResNet-50 as Keras has it, with the stride in the first 1×1
        ("ResNet50", "conv5_block3_out", (483, 32)),
        ("ResNet50", "conv1_conv", (7, 2)),
        ("MobileNet", "conv_pw_13_relu", (315, 32)),
        ("VGG16", "block5_pool", (212, 32)),
        pytest.param("DenseNet121", "relu", (2071, 32), marks=pytest.mark.slow),
    ],
)
def test_fields(name: str, layer: str, field: tuple[int, int]) -> None:
    assert model_receptive_field(network(name), layer) == field


@pytest.mark.parametrize(
    ("name", "billions"),
    [  # Howard et al. 2017, table 8; He et al. 2016, table 1 (3.8, without the short cuts); Huang et al. 2017
        ("MobileNet", 0.569),
        ("ResNet50", 3.858),
        pytest.param("DenseNet121", 2.834, marks=pytest.mark.slow),
    ],
)
def test_multiply_adds(name: str, billions: float) -> None:
    assert round(macs(network(name)) / 1e9, 3) == billions


@pytest.mark.parametrize(
    ("name", "kept"),
    [  # DenseNet normalises first: what follows no convolution directly stays
        ("MobileNet", 0),
        pytest.param("ResNet50", 0, marks=pytest.mark.slow),
        pytest.param("DenseNet121", 62, marks=pytest.mark.slow),
    ],
)
def test_folding(name: str, kept: int) -> None:
    model = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(32, 32, 3))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    folded = fold_batch_norm(model)
    image = rng.normal(size=(2, 32, 32, 3)).astype(np.float32)
    before, after = model(image).numpy(), folded(image).numpy()
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-4 * np.abs(before).max())
    assert sum(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers) == kept
