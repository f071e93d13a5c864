"""Batch normalisation folded into the layer before it: the same answers, fewer steps."""

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from course_utils._arguments import FloatArray
from course_utils.backbones.graph import carry, function_of, is_graph, nodes, require_graph

__all__ = ["fold_batch_norm"]

LAYERS = keras.layers
DEPTHWISE = (LAYERS.DepthwiseConv1D, LAYERS.DepthwiseConv2D)
SEPARABLE = (LAYERS.SeparableConv1D, LAYERS.SeparableConv2D)
TRANSPOSED = (LAYERS.Conv1DTranspose, LAYERS.Conv2DTranspose, LAYERS.Conv3DTranspose)
# Exactly these classes: a subclass can do anything with its weights.
FOLDED_INTO = {LAYERS.Conv1D, LAYERS.Conv2D, LAYERS.Conv3D, LAYERS.Dense, *DEPTHWISE, *SEPARABLE, *TRANSPOSED}


def fold_batch_norm(model: keras.Model) -> keras.Model:
    """A copy of a model for inference, without the batch normalisation that follows convolutions and dense layers.

    Parameters
    ----------
    model : keras.Model
        Functional, or Sequential with an input shape. It stays as it is.

    Returns
    -------
    keras.Model
        Functional, with weights of its own and the same outputs in inference, up to rounding. Layers keep their
        names; nested models are folded inside. (Layers that have no weights are the same objects.)

    Raises
    ------
    ValueError
        If the model's graph is not known.

    Notes
    -----
    In inference batch normalisation is y = s · x + t for each channel, s = γ / √(σ² + ε), t = β − s · μ, with
    running mean μ and variance σ². So the kernel takes s, the bias s · bias + t.

    It stays where this would change an answer: behind anything else than one of these layers, behind an
    activation, where something else reads the convolution's own output, on another axis than the channels, or
    where it is told to use the batch (``training=True``). A layer that is shared gets a copy for each batch
    normalisation that follows it; one inside a nested model is not folded with one outside.

    Examples
    --------
    >>> x = keras.Input((8, 8, 3))
    >>> y = keras.layers.BatchNormalization(name="norm")(keras.layers.Conv2D(4, 3, use_bias=False, name="conv")(x))
    >>> folded = fold_batch_norm(keras.Model(x, keras.layers.ReLU(name="relu")(y)))
    >>> [layer.name for layer in folded.layers[1:]], folded.count_params()
    (['conv', 'relu'], 112)
    """
    return _copied(require_graph(model), {})


def _copied(model: keras.Model, models: dict[tuple[int, bool], keras.Model], fold: bool = True) -> keras.Model:
    """``models`` holds the nested models that are done, so that a shared one stays shared."""
    plan = _plan(model) if fold else _Plan()
    copies: dict[tuple[int, ...], Any] = {}
    names: set[str] = set()

    def call(node: Any, arguments: Any, options: Any) -> Any:
        layer = node.operation
        if id(node) in plan.dropped:
            return arguments[0] if arguments else options["inputs"]
        if is_graph(layer):
            inside = (id(layer), fold and not options.get("training"))
            if inside not in models:
                models[inside] = _copied(layer, models, fold=inside[1])
            return models[inside](*arguments, **options)
        if not getattr(layer, "weights", None):
            return layer(*arguments, **options)
        norms = plan.norms.get(id(node), [])
        key = (id(layer), *map(id, norms))
        if key in copies:
            return copies[key](*arguments, **options)
        config = {**layer.get_config(), **({"use_bias": True} if norms else {})}
        if config["name"] in names:
            config["name"] = "_".join([layer.name, *(norm.name for norm in norms), "copy"])
        names.add(config["name"])
        copies[key] = type(layer).from_config(config)
        outputs = copies[key](*arguments, **options)
        _fill(copies[key], layer, norms)
        return outputs

    inputs = [
        keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor._keras_history.operation.name)
        for tensor in model.inputs
    ]
    outputs = carry(model, inputs, call)
    return keras.Model(
        keras.tree.pack_sequence_as(function_of(model)._inputs_struct, inputs), outputs, name=model.name
    )


@dataclass
class _Plan:
    """By the ids of nodes: the batch normalisations that go into each call of a layer, and those that go away."""

    norms: dict[int, list[Any]] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)


def _plan(model: keras.Model) -> _Plan:
    plan = _Plan()
    order = nodes(model)
    readers: dict[int, int] = {}
    for tensor in [*(tensor for node in order for tensor in node.input_tensors), *model.outputs]:
        readers[id(tensor)] = readers.get(id(tensor), 0) + 1
    # The call that each map comes from, where a batch normalisation could still go into it.
    sources: dict[int, Any] = {}
    for node in order:
        layer = node.operation
        if type(layer) in FOLDED_INTO and _is_plain(layer):
            sources[id(node.outputs[0])] = node
        elif type(layer) is LAYERS.BatchNormalization:
            source = sources.get(id(node.input_tensors[0]))
            if source is not None and readers[id(node.input_tensors[0])] == 1 and _fits(node, source.operation):
                plan.norms.setdefault(id(source), []).append(layer)
                plan.dropped.add(id(node))
                sources[id(node.outputs[0])] = source  # a second one right behind it goes the same way
    return plan


def _is_plain(layer: Any) -> bool:
    """No activation between the sum and the normalisation, and weights as we know them."""
    special = getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None)
    return layer.activation in (None, keras.activations.linear) and not special


def _fits(node: Any, layer: Any) -> bool:
    rank = len(node.input_tensors[0].shape)
    channels = 1 if getattr(layer, "data_format", None) == "channels_first" else rank - 1
    options = {"training": None, **node.arguments.kwargs}
    alone = len(node.arguments.args) + ("inputs" in options) == 1 and not options["training"]
    return alone and node.operation.axis in (channels, channels - rank)


def _fill(copy: Any, layer: Any, norms: list[Any]) -> None:
    """Give a copy its layer's weights, with those of the normalisations worked in."""
    if not norms:
        copy.set_weights(layer.get_weights())
        return
    weights = [np.asarray(weight, np.float64) for weight in layer.get_weights()]
    kernels = weights[:-1] if layer.use_bias else weights
    bias = weights[-1] if layer.use_bias else np.zeros(1)
    for norm in norms:
        scale, shift = _affine(norm)
        last = kernels[-1]
        if isinstance(layer, DEPTHWISE):
            kernels[-1] = last * scale.reshape(last.shape[-2:])
        elif isinstance(layer, TRANSPOSED):
            kernels[-1] = last * scale[:, None]
        else:
            kernels[-1] = last * scale
        bias = bias * scale + shift
    copy.set_weights([*kernels, bias])


def _affine(norm: Any) -> tuple[FloatArray, FloatArray]:
    """Scale and shift of each channel in inference."""
    mean, variance = (np.asarray(w, np.float64) for w in (norm.moving_mean, norm.moving_variance))
    scale = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * np.asarray(norm.gamma, np.float64)
    shift = -mean * scale
    return scale, shift + np.asarray(norm.beta, np.float64) if norm.center else shift
