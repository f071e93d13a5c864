"""Folding: the same answers without batch normalisation, and what must stay."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from course_utils.backbones import fold_batch_norm, residual_backbone

LAYERS = keras.layers


def unsettled(model: keras.Model, seed: int = 0) -> keras.Model:
    """Random weights and running values, as after a training; variances stay positive."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        low, high = (0.5, 2.0) if "variance" in weight.path or "gamma" in weight.path else (-0.5, 0.5)
        weight.assign(rng.uniform(low, high, weight.shape))
    return model


def norms(model: keras.Model) -> list[str]:
    found = []
    for layer in model.layers:
        found += norms(layer) if isinstance(layer, keras.Model) else []
        found += [layer.name] if isinstance(layer, LAYERS.BatchNormalization) else []
    return found


def assert_same(model: keras.Model, folded: keras.Model, atol: float = 1e-4) -> None:
    rng = np.random.default_rng(1)
    inputs = [rng.normal(size=(2, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs]
    before, after = (keras.tree.flatten(net(inputs if len(inputs) > 1 else inputs[0])) for net in (model, folded))
    assert len(before) == len(after)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=atol)


def bn(**options: Any) -> keras.Layer:
    return LAYERS.BatchNormalization(**options)


SINGLE = {
    "conv": ((6, 7, 3), lambda: LAYERS.Conv2D(4, 3)),
    "conv without bias": ((6, 7, 3), lambda: LAYERS.Conv2D(4, 3, use_bias=False)),
    "grouped": ((6, 7, 4), lambda: LAYERS.Conv2D(6, 3, groups=2)),
    "conv 1-D": ((9, 3), lambda: LAYERS.Conv1D(4, 3)),
    "conv 3-D": ((4, 4, 4, 2), lambda: LAYERS.Conv3D(3, 2)),
    "depthwise": ((6, 7, 3), lambda: LAYERS.DepthwiseConv2D(3, depth_multiplier=2)),
    "depthwise 1-D": ((9, 3), lambda: LAYERS.DepthwiseConv1D(3, depth_multiplier=2, use_bias=False)),
    "separable": ((6, 7, 3), lambda: LAYERS.SeparableConv2D(5, 3, use_bias=False)),
    "transposed": ((6, 7, 3), lambda: LAYERS.Conv2DTranspose(4, 3, 2, use_bias=False)),
    "dense": ((5,), lambda: LAYERS.Dense(4)),
    "dense on a map": ((6, 7, 3), lambda: LAYERS.Dense(4, use_bias=False)),
}


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"scale": False, "center": False}])
@pytest.mark.parametrize("kind", SINGLE)
def test_kinds_of_layers(kind: str, options: dict[str, bool]) -> None:
    shape, layer = SINGLE[kind]
    model = unsettled(keras.Sequential([keras.Input(shape), layer(), bn(epsilon=0.1, **options), LAYERS.ReLU()]))
    folded = fold_batch_norm(model)
    assert norms(folded) == []
    assert_same(model, folded)


def on_image(build: Callable[[Any], Any]) -> keras.Model:
    image = keras.Input((6, 6, 3), name="image")
    return unsettled(keras.Model(image, build(image), name="net"))


def two_readers(x: Any) -> Any:
    y = LAYERS.Conv2D(3, 3, padding="same")(x)
    return LAYERS.Add()([bn(name="kept")(y), y])


def an_output_too(x: Any) -> Any:
    y = LAYERS.Conv2D(3, 3, padding="same")(x)
    return [y, bn(name="kept")(y)]


def fork_behind(x: Any) -> Any:
    y = bn()(LAYERS.Conv2D(3, 3, padding="same")(x))
    return LAYERS.Add()([LAYERS.ReLU()(y), y])


def shared_conv_own_norms(x: Any) -> Any:
    conv = LAYERS.Conv2D(3, 3, padding="same", name="shared")
    return LAYERS.Add()([bn()(conv(x)), bn()(conv(LAYERS.ReLU()(x))), conv(x)])


def shared_conv_and_norm(x: Any) -> Any:
    conv, norm = LAYERS.Conv2D(3, 3, padding="same", name="shared"), bn()
    return norm(conv(norm(conv(x))))


def shared_norm(x: Any) -> Any:
    norm = bn()
    return norm(LAYERS.Conv2D(3, 3)(LAYERS.ReLU()(norm(LAYERS.Conv2D(3, 3)(x)))))


def nested_twice(x: Any) -> Any:
    inner_input = keras.Input((6, 6, 3))
    inner = keras.Model(inner_input, bn()(LAYERS.Conv2D(3, 3, padding="same")(inner_input)), name="inner")
    return inner(LAYERS.ReLU()(inner(x)))


def nested_sequential(x: Any) -> Any:
    return keras.Sequential([keras.Input((6, 6, 3)), LAYERS.Conv2D(4, 3), bn(), LAYERS.ReLU()], name="inner")(x)


def nested_told_to_use_the_batch(x: Any) -> Any:
    inner_input = keras.Input((6, 6, 3))
    y = bn(name="kept")(LAYERS.Conv2D(3, 3, padding="same")(inner_input))
    return keras.Model(inner_input, y, name="inner")(x, training=True)


def dictionary(x: Any) -> Any:
    y = bn()(LAYERS.Conv2D(3, 3)(x))
    return {"a": y, "b": LAYERS.ReLU()(y)}


GRAPHS = {
    two_readers: ["kept"],
    an_output_too: ["kept"],
    fork_behind: [],
    shared_conv_own_norms: [],
    shared_conv_and_norm: [],
    shared_norm: [],
    nested_twice: [],
    nested_sequential: [],
    nested_told_to_use_the_batch: ["kept"],
    dictionary: [],
    lambda x: bn(name="kept")(LAYERS.Conv2D(4, 3, activation="relu")(x)): ["kept"],
    lambda x: bn(name="kept")(LAYERS.MaxPooling2D(2)(LAYERS.Conv2D(4, 3)(x))): ["kept"],
    lambda x: LAYERS.Conv2D(4, 3)(bn(name="kept")(x)): ["kept"],
    lambda x: bn(axis=1, name="kept")(LAYERS.Conv2D(4, 3)(x)): ["kept"],
    lambda x: bn(name="kept")(LAYERS.Conv2D(4, 3)(x), training=True): ["kept"],
    lambda x: bn()(bn()(LAYERS.Conv2D(4, 3)(x))): [],
    lambda x: bn(name="kept")(LAYERS.ReLU()(bn()(LAYERS.Conv2D(4, 3)(x)))): ["kept"],
    lambda x: LAYERS.Lambda(lambda y: y * 2)(bn()(LAYERS.Conv2D(4, 3)(x))): [],
    lambda x: keras.ops.relu(bn()(LAYERS.Conv2D(4, 3)(x)) + 1.0): [],
}


@pytest.mark.parametrize("graph", GRAPHS, ids=[f"{i} {g.__name__}" for i, g in enumerate(GRAPHS)])
def test_graphs(graph: Callable[[Any], Any]) -> None:
    model = on_image(graph)
    weights = model.get_weights()
    config = model.to_json() if "Lambda" not in str(model.layers) else ""
    folded = fold_batch_norm(model)
    assert norms(folded) == GRAPHS[graph]
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
    assert_same(model, folded)
    assert type(folded.output) is type(model.output)
    # The two share no weight. (Where it uses the batch, the call above has moved the running means.)
    before = model.get_weights()
    for weight in folded.weights:
        weight.assign(np.zeros(weight.shape))
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert config == (model.to_json() if config else "")


def test_a_shared_nested_model_stays_shared() -> None:
    model = on_image(nested_twice)
    assert [layer.name for layer in fold_batch_norm(model).layers].count("inner") == 1


def test_two_inputs_keep_their_order() -> None:
    first, second = keras.Input((6, 6, 3), name="z"), keras.Input((6, 6, 3), name="a")
    x = bn()(LAYERS.Conv2D(2, 3)(first))
    model = unsettled(keras.Model([first, second], LAYERS.Concatenate()([x, LAYERS.Conv2D(1, 3)(second)])))
    assert_same(model, fold_batch_norm(model))


def test_our_backbones() -> None:
    model = unsettled(residual_backbone((32, 64, 3), (4, 6, 8), (1, 2)))
    folded = fold_batch_norm(model)
    assert norms(folded) == []
    assert isinstance(folded.outputs, list)
    assert len(folded.outputs) == 3
    assert_same(model, folded, atol=1e-2)


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(ValueError, match="model: expected a functional or Sequential Keras model"):
        fold_batch_norm(LAYERS.Conv2D(1, 3))  # type: ignore[arg-type]
