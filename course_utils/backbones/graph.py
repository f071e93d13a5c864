"""The graph of a Keras model, call by call: what fields, counts and folding have in common."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from course_utils._arguments import shown

__all__ = ["carry", "described", "function_of", "is_graph", "nodes", "require_graph"]


def is_graph(operation: Any) -> bool:
    """Whether this is a model whose layers and their connections are known: functional, or Sequential and built.

    Examples
    --------
    >>> is_graph(keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]))
    True
    >>> is_graph(keras.layers.Conv2D(4, 3))
    False
    """
    return isinstance(operation, keras.Model) and hasattr(function_of(operation), "_nodes_by_depth")


def require_graph(model: keras.Model) -> keras.Model:
    """Return a model whose graph is known.

    Raises
    ------
    ValueError
        For anything else: a subclassed model, or a Sequential one without an input shape.

    Examples
    --------
    >>> require_graph(keras.Sequential([keras.layers.Dense(2)]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: model: expected a functional or Sequential Keras model with an input shape, got <Sequential ...>
    """
    if not is_graph(model):
        raise ValueError(
            f"model: expected a functional or Sequential Keras model with an input shape, got {shown(model)}"
        )
    return model


def described(operation: Any) -> str:
    """A layer's name and class, for messages.

    Examples
    --------
    >>> described(keras.layers.Dense(2, name="scores"))
    "layer 'scores' (Dense)"
    """
    return f"layer {operation.name!r} ({type(operation).__name__})"


def nodes(model: keras.Model) -> list[Any]:
    """The calls that a model makes of its layers and operations, in an order in which they can be carried out.

    Examples
    --------
    >>> x = keras.Input((8, 8, 3))
    >>> twice = keras.layers.Dense(3, name="twice")
    >>> [node.operation.name for node in nodes(keras.Model(x, twice(twice(x))))]
    ['twice', 'twice']
    """
    by_depth = function_of(model)._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]


def carry(model: keras.Model, inputs: Sequence[Any], call: Callable[[Any, Any, Any], Any]) -> Any:
    """Carry values of any kind through a model's graph, in the structure of its outputs.

    Parameters
    ----------
    model : keras.Model
        Functional, or Sequential and built.
    inputs : sequence
        One value for each of ``model.inputs``.
    call : function of a node, its positional and its keyword arguments
        Answers for a call of the layer ``node.operation``, with one value for each of its output tensors.
        Nested models come as one node: ``carry`` again goes inside.

    Examples
    --------
    How many layers lie between the input and the output:

    >>> x = keras.Input((8,))
    >>> model = keras.Model(x, keras.layers.Dense(1)(keras.layers.Dense(4)(x)))
    >>> carry(model, [0], lambda node, arguments, options: arguments[0] + 1)
    2
    """
    function = function_of(model)
    values = {id(tensor): value for tensor, value in zip(function.inputs, inputs, strict=True)}
    for node in nodes(model):
        arguments, options = node.arguments.fill_in(values)
        outputs = keras.tree.flatten(call(node, arguments, options))
        values.update({id(tensor): value for tensor, value in zip(node.outputs, outputs, strict=True)})
    return keras.tree.map_structure(lambda tensor: values[id(tensor)], function._outputs_struct)


def function_of(model: keras.Model) -> Any:
    """The object that holds a model's graph: Keras keeps a Sequential model's in an attribute.

    Examples
    --------
    >>> x = keras.Input((8,))
    >>> model = keras.Model(x, keras.layers.Dense(2)(x))
    >>> function_of(model) is model
    True
    """
    return getattr(model, "_functional", model) if isinstance(model, keras.Sequential) else model
