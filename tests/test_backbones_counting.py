"""Multiply-adds: published counts, TensorFlow's profiler, and kinds of layers one by one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.backbones import macs

LAYERS = keras.layers


def single(shape: tuple[int, ...], layer: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input(shape), layer])


def profiled(model: keras.Model) -> float:
    """Half the operations that TensorFlow's profiler counts in convolutions and matrix products."""
    shapes = [tf.TensorSpec((1, *tensor.shape[1:])) for tensor in model.inputs]
    graph = tf.function(model).get_concrete_function(shapes[0]).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    options["account_type_regexes"] = [".*"]
    total = tf.compat.v1.profiler.profile(graph, options=options)
    return total.total_float_ops / 2


PLAIN = {
    "strided": lambda: single((13, 16, 3), LAYERS.Conv2D(8, 3, 2, "same", use_bias=False)),
    "depthwise": lambda: single((13, 16, 3), LAYERS.DepthwiseConv2D(5, 2, depth_multiplier=2, use_bias=False)),
    "separable": lambda: single((13, 16, 3), LAYERS.SeparableConv2D(8, 3, 2, use_bias=False)),
    "transposed": lambda: single((8, 8, 3), LAYERS.Conv2DTranspose(4, 3, 2, "same", use_bias=False)),
    "dense": lambda: single((7,), LAYERS.Dense(5, use_bias=False)),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_against_the_profiler(kind: str) -> None:
    model = PLAIN[kind]()
    assert macs(model) == profiled(model)


@pytest.mark.parametrize(
    ("shape", "layer", "expected"),
    [
        ((9, 9, 6), LAYERS.Conv2D(4, 3, groups=2), 7 * 7 * 9 * 3 * 4),
        ((9, 9, 2), LAYERS.Conv2D(4, 3, dilation_rate=2), 5 * 5 * 9 * 2 * 4),
        ((9, 6), LAYERS.Conv1D(4, 3, padding="causal"), 9 * 3 * 6 * 4),
        ((9, 6), LAYERS.DepthwiseConv1D(3, depth_multiplier=2), 7 * 3 * 12),
        ((9, 6), LAYERS.SeparableConv1D(5, 3), 7 * (3 * 6 + 6 * 5)),
        ((5, 6, 7, 2), LAYERS.Conv3D(4, (1, 2, 3)), 5 * 5 * 5 * 6 * 2 * 4),
        ((9, 6), LAYERS.Conv1DTranspose(4, 3, 2), 9 * 3 * 6 * 4),
        ((3, 3, 3, 2), LAYERS.Conv3DTranspose(4, 2, 2), 27 * 8 * 2 * 4),
        ((5, 4, 6), LAYERS.Dense(3), 20 * 6 * 3),
        ((5, 6), LAYERS.TimeDistributed(LAYERS.Dense(3)), 5 * 6 * 3),
        ((5, 8, 8, 2), LAYERS.TimeDistributed(LAYERS.Conv2D(3, 3)), 5 * 36 * 9 * 2 * 3),
        ((8, 8, 2), LAYERS.AveragePooling2D(2), 0),
        ((8, 8, 2), LAYERS.BatchNormalization(), 0),
    ],
)
def test_by_hand(shape: tuple[int, ...], layer: keras.Layer, expected: int) -> None:
    count = macs(single(shape, layer))
    assert count == expected
    assert type(count) is int


def test_calls_are_counted_not_layers() -> None:
    image = keras.Input((8, 8, 2))
    layer = LAYERS.Conv2D(2, 3, padding="same")
    once = macs(keras.Model(image, layer(image)))
    assert macs(keras.Model(image, layer(layer(image)))) == 2 * once
    inner = keras.Model(image, layer(image))
    outer = keras.Input((8, 8, 2))
    assert macs(keras.Model(outer, inner(inner(layer(outer))))) == 3 * once
    two = keras.Model(image, [layer(image), LAYERS.ReLU()(layer(image))])
    assert macs(two) == 2 * once


def test_a_nested_model_is_counted_at_the_size_that_it_is_called_with() -> None:
    free = keras.Input((None, None, 2))
    inner = keras.Model(free, LAYERS.Conv2D(3, 3, 2, "same")(LAYERS.ReLU()(free)))
    outer = keras.Input((10, 12, 2))
    assert macs(keras.Model(outer, inner(outer))) == 5 * 6 * 9 * 2 * 3
    with pytest.raises(ValueError, match="model: expected an input of known size"):
        macs(inner)


def test_what_the_graph_does_not_show_is_refused() -> None:
    @keras.saving.register_keras_serializable("tests")
    class Hiding(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__(name="hiding")
            self.dense = LAYERS.Dense(2)

        def call(self, x: tf.Tensor) -> tf.Tensor:
            return self.dense(x)

    with pytest.raises(
        ValueError, match=r"model: layer 'hiding' .* holds layer .* whose calls the graph does not"
    ):
        macs(single((4,), Hiding()))
    sequence = keras.Input((4, 8))
    attention = LAYERS.MultiHeadAttention(2, 4, name="attention")
    with pytest.raises(ValueError, match="model: layer 'attention'"):
        macs(keras.Model(sequence, attention(sequence, sequence)))
    with pytest.raises(ValueError, match="model: expected a functional or Sequential Keras model"):
        macs(np.zeros(3))  # type: ignore[arg-type]
