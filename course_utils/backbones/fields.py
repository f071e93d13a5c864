"""Receptive fields: how far one cell of a map sees, from a list of layers or from a model's graph."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras

from course_utils._arguments import as_count, shown
from course_utils.backbones.graph import carry, described, is_graph, require_graph

__all__ = ["model_receptive_field", "receptive_field"]

LAYERS = keras.layers
CONVOLUTIONS = (
    *(LAYERS.Conv1D, LAYERS.Conv2D, LAYERS.Conv3D, LAYERS.DepthwiseConv1D, LAYERS.DepthwiseConv2D),
    *(LAYERS.SeparableConv1D, LAYERS.SeparableConv2D),
)
TRANSPOSED = (LAYERS.Conv1DTranspose, LAYERS.Conv2DTranspose, LAYERS.Conv3DTranspose)
POOLINGS = (
    *(LAYERS.MaxPooling1D, LAYERS.MaxPooling2D, LAYERS.MaxPooling3D),
    *(LAYERS.AveragePooling1D, LAYERS.AveragePooling2D, LAYERS.AveragePooling3D),
)
MERGES = (LAYERS.Add, LAYERS.Subtract, LAYERS.Multiply, LAYERS.Average, LAYERS.Maximum, LAYERS.Minimum)
# A cell of their output depends on the same cell of the input, or that cell moves as a whole.
CELL_BY_CELL = (
    *(LAYERS.Activation, LAYERS.ReLU, LAYERS.LeakyReLU, LAYERS.ELU, LAYERS.PReLU, LAYERS.Identity),
    *(LAYERS.Dropout, LAYERS.SpatialDropout1D, LAYERS.SpatialDropout2D, LAYERS.SpatialDropout3D),
    *(LAYERS.AlphaDropout, LAYERS.GaussianDropout, LAYERS.GaussianNoise, LAYERS.ActivityRegularization),
    *(LAYERS.Rescaling, LAYERS.Normalization, LAYERS.Flatten, LAYERS.InputLayer),
    *(LAYERS.ZeroPadding1D, LAYERS.ZeroPadding2D, LAYERS.ZeroPadding3D),
    *(LAYERS.Cropping1D, LAYERS.Cropping2D, LAYERS.Cropping3D),
)
# These have an axis of their own: along the channels they mix no pixels.
ALONG_AN_AXIS = (
    *(LAYERS.BatchNormalization, LAYERS.LayerNormalization, LAYERS.UnitNormalization, LAYERS.Softmax),
    *(LAYERS.Concatenate,),
)
# What `x + y` and `keras.ops.relu(x)` leave in a graph, by the names of their classes.
CELL_BY_CELL_OPERATIONS = (
    {"Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum", "Negative", "Abs"}
    | {"Absolute", "Square", "Sqrt", "Rsqrt", "Power", "Exp", "Log", "Log1p", "Clip", "Cast", "Relu", "Relu6"}
    | {"LeakyRelu", "Elu", "Selu", "Gelu", "Silu", "HardSilu", "HardSigmoid", "HardTanh", "Sigmoid"}
    | {"Softplus", "Softsign", "Tanh", "Celu", "LogSigmoid", "Sign", "Sin", "Cos"}
)
OPERATIONS_ALONG_AN_AXIS = frozenset(("Concatenate", "Softmax", "LogSoftmax"))


def receptive_field(layers: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Side of the square of input pixels that one output pixel can depend on, and its stride.

    Parameters
    ----------
    layers : sequence of (int, int)
        Kernel side and stride of each convolution or pooling on the longest path, from the input on.

    Returns
    -------
    field, stride : int
        In input pixels.

    Raises
    ------
    ValueError
        For a kernel or stride that is not an integer of 1 or more.

    Notes
    -----
    Each layer adds (kernel − 1) times the stride so far (Araujo, Norris and Sim 2019, *Computing
    Receptive Fields of Convolutional Neural Networks*).

    Examples
    --------
    >>> receptive_field([(3, 2), (3, 1)])
    (7, 2)
    """
    field = stride = 1
    for kernel, step in layers:
        field += (as_count("layers", kernel) - 1) * stride
        stride *= as_count("layers", step)
    return field, stride


def model_receptive_field(model: keras.Model, output: str | None = None) -> tuple[int, int]:
    """Side of the square of input pixels that one cell of a model's map can depend on, and its stride.

    Parameters
    ----------
    model : keras.Model
        Functional, or Sequential with an input shape; 1-D, 2-D or 3-D. It may hold convolutions (dilated,
        depthwise, separable, strided), pooling, layers and operations that work cell by cell, concatenation of
        channels, and models of these.
    output : str, optional
        Name of the layer whose map is meant, in nested models too (a name of the outer model goes first). By
        default the model's output, of several the one that sees most.

    Returns
    -------
    field, stride : int
        In input pixels; of several paths the one with the largest field.

    Raises
    ------
    ValueError
        If there is no such layer, if the map has no field of its own (behind global pooling, dense layers on a
        flattened map, upsampling, a normalisation over the image …), if two paths of unlike stride meet (in each
        of these cases the message names the layer), or if the field is not square in the end. Kernels of 1×7
        before 7×1 are counted axis by axis and give 7.

    Notes
    -----
    Theoretical field, batch normalisation as in inference, at cells whose field the border does not cut. The
    paths are taken to be centred on each other, as "same" padding does it with odd kernels: kernels of even side
    beside odd ones can shift two paths by a pixel, and together they then see that pixel more. Araujo, Norris
    and Sim 2019, *Computing Receptive Fields of Convolutional Neural Networks*.

    Examples
    --------
    >>> x = image = keras.Input((64, 64, 3))
    >>> for number, dilation in enumerate((1, 2, 4)):
    ...     x = keras.layers.Conv2D(8, 3, dilation_rate=dilation, name=f"conv{number}")(x)
    >>> pooled = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    >>> model = keras.Model(image, pooled)
    >>> model_receptive_field(model, "conv1"), model_receptive_field(model, "conv2")
    ((7, 1), (15, 1))
    >>> model_receptive_field(model)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: output: no field of a size of its own at or behind layer 'mean' ...
    """
    require_graph(model)
    if output is not None and not isinstance(output, str):
        raise ValueError(f"output: expected the name of a layer, got {shown(output)}")
    top = {layer.name for layer in model.layers}
    found: dict[str, list[_Cells | _Lost]] = {}

    def call(node: Any, arguments: Any, options: Any, nested: bool = False) -> Any:
        layer = node.operation
        states = [s for s in keras.tree.flatten((arguments, options)) if isinstance(s, (_Cells, _Lost))]
        if is_graph(layer):
            after = keras.tree.flatten(carry(layer, states, partial(call, nested=True)))
        else:
            ranks = [len(tensor.shape) for tensor in node.input_tensors]
            after = [_after(layer, states, ranks[0])] * len(node.outputs)
        if not nested or layer.name not in top:
            found.setdefault(layer.name, []).extend(after)
        return after

    inputs = _inputs(model)
    for tensor, state in zip(model.inputs, inputs, strict=True):
        found[tensor._keras_history.operation.name] = [state]
    outputs = keras.tree.flatten(carry(model, inputs, call))
    if output is not None:
        if output not in found:
            raise ValueError(
                f"output: expected the name of a layer, got {output!r}; there are {shown(sorted(top))}"
            )
        outputs = found[output]
    return max(_square(state) for state in outputs)


@dataclass(frozen=True)
class _Cells:
    """Field and stride along each axis of the image, and where the channels are."""

    field: tuple[int, ...]
    stride: tuple[int, ...]
    channels_first: bool


@dataclass(frozen=True)
class _Lost:
    """No field of its own, and which layer is to blame."""

    why: str


def _inputs(model: keras.Model) -> list[_Cells | _Lost]:
    states: list[_Cells | _Lost] = []
    channels_first = keras.config.image_data_format() == "channels_first"
    for tensor in model.inputs:
        axes = len(tensor.shape) - 2
        layer = tensor._keras_history.operation
        ones = (1,) * axes
        no_image = _Lost(f"{described(layer)}, whose input is no image")
        states.append(_Cells(ones, ones, channels_first) if axes > 0 else no_image)
    return states


def _square(state: _Cells | _Lost) -> tuple[int, int]:
    if isinstance(state, _Lost):
        raise ValueError(f"output: no field of a size of its own at or behind {state.why}")
    if len(set(state.field)) > 1 or len(set(state.stride)) > 1:
        sides, steps = (" × ".join(map(str, numbers)) for numbers in (state.field, state.stride))
        raise ValueError(f"output: expected a square field, got one of {sides} pixels with a stride of {steps}")
    return state.field[0], state.stride[0]


def _after(layer: Any, states: list[_Cells | _Lost], rank: int) -> _Cells | _Lost:
    """The state of a layer's output; ``rank`` is that of its (first) input."""
    cells = [state for state in states if isinstance(state, _Cells)]
    if len(cells) < len(states):
        return next(state for state in states if isinstance(state, _Lost))
    here = cells[0]
    if any(state.stride != here.stride for state in cells):
        steps = sorted({state.stride for state in cells})
        return _Lost(f"{described(layer)}: its inputs have the strides {steps}")
    if isinstance(layer, TRANSPOSED) and max(layer.strides) > 1:
        return _Lost(f"{described(layer)}: it enlarges the map")
    if isinstance(layer, (*CONVOLUTIONS, *TRANSPOSED)):
        return _widened(here, layer, layer.kernel_size, layer.dilation_rate)
    if isinstance(layer, POOLINGS):
        return _widened(here, layer, layer.pool_size, (1,) * len(here.field))
    if _keeps_cells(layer, rank, here):
        field = tuple(max(sides) for sides in zip(*(state.field for state in cells), strict=True))
        return replace(here, field=field)
    return _Lost(f"{described(layer)}: it mixes cells from all over the map, enlarges it, or is not known here")


def _keeps_cells(layer: Any, rank: int, cells: _Cells) -> bool:
    """Whether each cell of a layer's output depends on the same cell of its inputs alone."""
    is_map = rank == len(cells.field) + 2  # or it has been flattened
    channels = 1 if cells.channels_first else rank - 1
    if isinstance(layer, LAYERS.Dense):
        return is_map and channels == rank - 1  # a 1×1 convolution; on a flattened map it sees everything
    if isinstance(layer, ALONG_AN_AXIS) or type(layer).__name__ in OPERATIONS_ALONG_AN_AXIS:
        return not is_map or {axis % rank for axis in keras.tree.flatten(layer.axis)} == {channels}
    if isinstance(layer, keras.Layer):
        return isinstance(layer, (*MERGES, *CELL_BY_CELL))
    return type(layer).__name__ in CELL_BY_CELL_OPERATIONS


def _widened(cells: _Cells, layer: Any, kernel: Sequence[int], dilation: Sequence[int]) -> _Cells:
    axes = list(zip(cells.field, cells.stride, kernel, layer.strides, dilation, strict=True))
    field = tuple(side + (k - 1) * apart * stride for side, stride, k, _, apart in axes)
    return _Cells(
        field, tuple(stride * step for _, stride, _, step, _ in axes), layer.data_format == "channels_first"
    )
