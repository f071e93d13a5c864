"""What a network costs: multiply-adds, counted call by call."""

from math import prod
from typing import Any

import keras

from course_utils.backbones.graph import carry, described, is_graph, require_graph

__all__ = ["macs"]

LAYERS = keras.layers
CONVOLUTIONS = (
    LAYERS.Conv1D,
    LAYERS.Conv2D,
    LAYERS.Conv3D,
    LAYERS.DepthwiseConv1D,
    LAYERS.DepthwiseConv2D,
)
SEPARABLE = (LAYERS.SeparableConv1D, LAYERS.SeparableConv2D)
TRANSPOSED = (LAYERS.Conv1DTranspose, LAYERS.Conv2DTranspose, LAYERS.Conv3DTranspose)
COUNTED = (*CONVOLUTIONS, *SEPARABLE, *TRANSPOSED, LAYERS.Dense)


def macs(model: keras.Model) -> int:
    """Multiply-adds of one input in a model's convolutions and dense layers.

    Parameters
    ----------
    model : keras.Model
        Functional, or Sequential with an input shape; every side of the input known.

    Returns
    -------
    int
        Products of a weight and a value. A layer that is called twice counts twice, in nested models too.

    Raises
    ------
    ValueError
        If the graph or a side of a map is not known, or a layer holds convolutions or dense layers that the graph
        does not show (attention, recurrent wrappers, subclassed models).

    Notes
    -----
    A kernel's weights are counted at each output position, at the border too, where some meet padding; those of
    a transposed convolution at each input position, from where they are spread. Biases, normalisation, pooling
    and activations are not counted: they cost time all the same. 2 FLOPs are one multiply-add.

    Examples
    --------
    A 5×5 convolution from 192 to 32 channels, and the same behind a 1×1 convolution to 16 (Szegedy et al. 2015,
    *Going Deeper with Convolutions*):

    >>> x = keras.Input((28, 28, 192))
    >>> wide = keras.Model(x, keras.layers.Conv2D(32, 5, padding="same")(x))
    >>> narrow = keras.layers.Conv2D(16, 1)(x)
    >>> squeezed = keras.Model(x, keras.layers.Conv2D(32, 5, padding="same")(narrow))
    >>> f"{macs(wide):,} {macs(squeezed):,}"
    '120,422,400 12,443,648'
    """
    require_graph(model)
    total = 0

    def call(node: Any, arguments: Any, options: Any) -> Any:
        nonlocal total
        layer = node.operation
        values = keras.tree.flatten((arguments, options))
        tensors = [value for value in values if isinstance(value, keras.KerasTensor)]
        if is_graph(layer):
            return carry(layer, tensors, call)
        # A nested model can be called on another size than it was built with: its maps are worked out anew.
        same = all(a.shape == b.shape for a, b in zip(tensors, node.input_tensors, strict=True))
        outputs = node.outputs if same else layer.compute_output_spec(*arguments, **options)
        total += _multiply_adds(layer, tensors[0].shape, keras.tree.flatten(outputs)[0].shape)
        return outputs

    carry(model, model.inputs, call)
    return total


def _multiply_adds(layer: Any, before: tuple[int | None, ...], after: tuple[int | None, ...]) -> int:
    """Those of one call, from the shapes of its input and its output."""
    if isinstance(layer, LAYERS.TimeDistributed):
        inner = layer.layer
        if is_graph(inner):
            raise ValueError(f"model: {described(layer)} holds a model; call that model on every step instead")
        steps = _positions(layer, before[1:2])
        return steps * _multiply_adds(inner, (before[0], *before[2:]), (after[0], *after[2:]))
    if not isinstance(layer, COUNTED):
        hidden = [part for part in _parts(layer) if isinstance(part, (*COUNTED, LAYERS.EinsumDense))]
        if hidden:
            raise ValueError(
                f"model: {described(layer)} holds {described(hidden[0])}, whose calls the graph does not show"
            )
        return 0
    if isinstance(layer, LAYERS.Dense):
        return _positions(layer, after[1:-1]) * int(prod(layer.kernel.shape))
    shape = before if isinstance(layer, TRANSPOSED) else after
    space = shape[2:] if layer.data_format == "channels_first" else shape[1:-1]
    kernels = [layer.depthwise_kernel, layer.pointwise_kernel] if isinstance(layer, SEPARABLE) else [layer.kernel]
    return _positions(layer, space) * sum(int(prod(kernel.shape)) for kernel in kernels)


def _positions(layer: Any, sides: tuple[int | None, ...]) -> int:
    known = [side for side in sides if side is not None]
    if len(known) < len(sides):
        raise ValueError(f"model: expected an input of known size, got a map of {sides} at {described(layer)}")
    return prod(known)


def _parts(layer: Any) -> list[Any]:
    """A layer and the layers inside it."""
    return list(layer._flatten_layers(include_self=True)) if isinstance(layer, keras.Layer) else []
