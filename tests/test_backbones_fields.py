"""Receptive fields: by list, by graph, and measured by gradients; published values of known networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.backbones import model_receptive_field, receptive_field, resnet56v2_backbone

LAYERS = keras.layers


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
    assert model_receptive_field(resnet56v2_backbone((96, 128, 3))) == (87, 4)


def measured_field(model: keras.Model) -> tuple[int, int]:
    """Side and stride at the middle of a map: all weights 1 over their number, no zero among the gradients."""
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 1 / np.prod(weight.shape[:-1], initial=1)))
    image = tf.ones((1, *model.input_shape[1:]))
    first = []
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(image)
        map_ = model(image)
        middle = map_.shape[1] // 2
        cells = [tf.reduce_sum(map_[0, middle + i, middle]) for i in (0, 1)]
    for cell in cells:
        rows = np.flatnonzero(tape.gradient(cell, image)[0].numpy().any(axis=(1, 2)))
        first.append((rows[0], rows[-1]))
    return first[0][1] - first[0][0] + 1, first[1][0] - first[0][0]


def random_graph(rng: np.random.Generator) -> keras.Model:
    """Layers of many kinds in a row, some with a second path; odd kernels keep paths centred."""
    image = x = keras.Input((161, 161, 2))
    for _ in range(5):
        before = x
        kind = rng.choice(["conv", "depthwise", "separable", "pool", "branch", "nested", "dense"])
        size, dilation = int(rng.choice([1, 3, 5])), int(rng.choice([1, 2]))
        stride = int(rng.choice([1, 2])) if dilation == 1 else 1
        match kind:
            case "conv":
                x = LAYERS.Conv2D(3, size, stride, "same", dilation_rate=dilation)(x)
            case "depthwise":
                x = LAYERS.DepthwiseConv2D(size, stride, "same", dilation_rate=dilation)(x)
            case "separable":
                x = LAYERS.SeparableConv2D(3, size, stride, "same", dilation_rate=dilation)(x)
            case "pool":
                x = LAYERS.AveragePooling2D(size, stride, "same")(x)
            case "nested":
                inner = keras.Input(x.shape[1:])
                model = keras.Model(inner, LAYERS.Conv2D(2, 3, padding="same")(inner))
                x = LAYERS.Concatenate()([model(x), x])
            case "dense":
                x = LAYERS.Dense(4)(keras.ops.leaky_relu(x) * 2.0)
            case "branch":
                narrow = LAYERS.Conv2D(before.shape[-1], 1, padding="same")(before)
                wide = LAYERS.Conv2D(before.shape[-1], size, padding="same", dilation_rate=2)(before)
                x = LAYERS.Add()([narrow, wide + before])
    return keras.Model(image, x)


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs_against_gradients(seed: int) -> None:
    model = random_graph(np.random.default_rng(seed))
    assert model_receptive_field(model) == measured_field(model)


def test_unlike_axes_cancel_or_are_refused() -> None:
    image = keras.Input((32, 32, 1))
    tall = LAYERS.Conv2D(1, (7, 1), name="tall")(image)
    model = keras.Model(image, LAYERS.Conv2D(1, (1, 7))(tall))
    assert model_receptive_field(model) == (7, 1)
    with pytest.raises(ValueError, match="output: expected a square field, got one of 7 × 1 pixels"):
        model_receptive_field(model, "tall")


@pytest.mark.parametrize(("axes", "side"), [(1, 9), (3, 9)])
def test_other_dimensions(axes: int, side: int) -> None:
    image = keras.Input((32,) * axes + (1,))
    x = getattr(LAYERS, f"Conv{axes}D")(1, 3, strides=2)(image)
    x = getattr(LAYERS, f"MaxPooling{axes}D")(2)(x)
    model = keras.Model(image, getattr(LAYERS, f"Conv{axes}D")(1, 2)(x))
    assert model_receptive_field(model) == (side, 4)


def test_names_inside_nested_models_and_the_outer_one_first() -> None:
    inner = keras.Sequential([keras.Input((32, 32, 1)), LAYERS.Conv2D(1, 5, name="deep")], name="inner")
    image = keras.Input((32, 32, 1))
    model = keras.Model(image, LAYERS.Conv2D(1, 3, name="outer")(inner(image)))
    assert model_receptive_field(model, "deep") == model_receptive_field(model, "inner") == (5, 1)
    assert model_receptive_field(model) == (7, 1)
    image = keras.Input((32, 32, 1))
    model = keras.Model(image, LAYERS.Conv2D(1, 3, name="deep")(inner(image)))
    assert model_receptive_field(model, "deep") == (7, 1)


def test_of_several_outputs_the_one_that_sees_most() -> None:
    image = keras.Input((32, 32, 1))
    maps = [LAYERS.Conv2D(1, size, strides)(image) for size, strides in ((3, 1), (7, 2), (5, 4))]
    assert model_receptive_field(keras.Model(image, maps)) == (7, 2)


def test_a_layer_called_twice_adds_twice() -> None:
    image = keras.Input((32, 32, 1))
    layer = LAYERS.Conv2D(1, 3, name="shared")
    model = keras.Model(image, layer(layer(image)))
    assert model_receptive_field(model) == model_receptive_field(model, "shared") == (5, 1)


BEHIND = {
    "mean": lambda x: LAYERS.GlobalAveragePooling2D(name="mean")(x),
    "largest": lambda x: LAYERS.GlobalMaxPooling2D(keepdims=True, name="largest")(x),
    "scores": lambda x: LAYERS.Dense(2, name="scores")(LAYERS.Flatten()(x)),
    "larger": lambda x: LAYERS.UpSampling2D(name="larger")(x),
    "back": lambda x: LAYERS.Conv2DTranspose(2, 3, 2, name="back")(x),
    "groups": lambda x: LAYERS.GroupNormalization(2, name="groups")(x),
    "rows": lambda x: LAYERS.LayerNormalization(axis=(1, 2), name="rows")(x),
    "stacked": lambda x: LAYERS.Concatenate(axis=1, name="stacked")([x, x]),
    "meeting": lambda x: LAYERS.Add(name="meeting")([LAYERS.Conv2D(4, 1, 2)(x), LAYERS.Conv2D(4, 9)(x)]),
    "unknown": lambda x: LAYERS.Lambda(lambda y: y[:, ::-1], output_shape=(16, 16, 4), name="unknown")(x),
}


@pytest.mark.parametrize("name", BEHIND)
def test_where_the_field_is_lost_the_layer_is_named(name: str) -> None:
    image = keras.Input((16, 16, 1))
    x = LAYERS.Conv2D(4, 3, padding="same", name="before")(image)
    lost = BEHIND[name](x)
    model = keras.Model(image, LAYERS.ReLU(name="later")(lost))
    assert model_receptive_field(model, "before") == (3, 1)
    for output in (None, name, "later"):
        with pytest.raises(ValueError, match=f"output: no field of a size of its own at or behind layer '{name}'"):
            model_receptive_field(model, output)


def test_a_transposed_convolution_without_stride_is_a_convolution() -> None:
    image = keras.Input((16, 16, 1))
    assert model_receptive_field(keras.Model(image, LAYERS.Conv2DTranspose(1, 3)(image))) == (3, 1)


def test_bad_arguments() -> None:
    image = keras.Input((16, 16, 1))
    model = keras.Model(image, LAYERS.Conv2D(1, 3, name="conv")(image))
    with pytest.raises(ValueError, match=r"output: expected the name of a layer, got 'cnov'; there are .*'conv'"):
        model_receptive_field(model, "cnov")
    with pytest.raises(ValueError, match="output: expected the name of a layer, got 3"):
        model_receptive_field(model, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="model: expected a functional or Sequential Keras model"):
        model_receptive_field(keras.Sequential([LAYERS.Conv2D(1, 3)]))
    vector = keras.Input((8,), name="vector")
    with pytest.raises(ValueError, match="behind layer 'vector'"):
        model_receptive_field(keras.Model(vector, LAYERS.ReLU()(vector)))


def test_bad_receptive_field() -> None:
    with pytest.raises(ValueError, match="layers: expected an integer of 1 or more, got 0"):
        receptive_field([(3, 0)])
