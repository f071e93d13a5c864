"""A list or a dict of arrays, taken apart and put together again."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from course_utils._arguments import FloatArray, as_array, as_float_array, require_finite, shown

__all__ = [
    "Arrays",
    "Collection",
    "as_like",
    "as_parameters",
    "computed_in",
    "member",
    "put_together",
    "taken_apart",
]

Arrays = dict[Hashable, FloatArray]

# What rules and clipping take and give back: a list, a tuple or a dict of arrays.
Collection = Any


def taken_apart(name: str, collection: Collection) -> dict[Hashable, Any]:
    """The members by key; those of a list by position.

    Raises
    ------
    ValueError
        For anything but a list, a tuple or a dict: a single array goes into a list of one.

    Examples
    --------
    >>> taken_apart("gradients", ["a", "b"])
    {0: 'a', 1: 'b'}
    """
    if isinstance(collection, Mapping):
        return dict(collection)
    if isinstance(collection, (list, tuple)):
        return dict(enumerate(collection))
    raise ValueError(f"{name}: expected a list or a dict of arrays, got {shown(collection)}")


def put_together(like: Collection, members: dict[Hashable, Any]) -> Collection:
    """A collection of the same kind as ``like``.

    Examples
    --------
    >>> put_together((1, 2), {0: "a", 1: "b"})
    ('a', 'b')
    """
    if isinstance(like, Mapping):
        return members
    return tuple(members.values()) if isinstance(like, tuple) else list(members.values())


def member(name: str, key: Hashable) -> str:
    """How a message names one array of a collection.

    Examples
    --------
    >>> member("gradients", "w"), member("gradients", 0)
    ("gradients['w']", 'gradients[0]')
    """
    return f"{name}[{key!r}]"


def as_parameters(parameters: Collection) -> Arrays:
    """Finite floating-point arrays by key, of any shape, each with its own dtype.

    Raises
    ------
    ValueError
        For integers among others: a step of 0.001 would be lost in them.

    Examples
    --------
    >>> as_parameters({"w": np.zeros(2)})
    {'w': array([0., 0.])}
    """
    arrays = {}
    for key, value in taken_apart("parameters", parameters).items():
        name = member("parameters", key)
        array = as_array(name, value)
        if array.dtype.kind != "f":
            raise ValueError(f"{name}: expected floating-point numbers, got dtype {array.dtype}")
        arrays[key] = require_finite(name, as_float_array(name, array))
    return arrays


def as_like(name: str, collection: Collection, reference: Arrays) -> Arrays:
    """Finite numbers with the keys and shapes of ``reference``, in its order and in the dtype that we compute in.

    Raises
    ------
    ValueError
        For a key too many or too few, another shape, or what is no finite number in that dtype.

    Examples
    --------
    >>> as_like("gradients", [[1, 2]], {0: np.zeros(2)})
    {0: array([1., 2.])}
    """
    values = taken_apart(name, collection)
    if set(values) != set(reference):
        raise ValueError(
            f"{name}: expected the keys of parameters, {shown(list(reference))}, got {shown(list(values))}"
        )
    arrays = {}
    for key, wanted in reference.items():
        called = member(name, key)
        array = as_float_array(called, values[key])
        if array.shape != wanted.shape:
            raise ValueError(f"{called}: expected shape {wanted.shape} as in parameters, got {array.shape}")
        with np.errstate(over="ignore"):
            arrays[key] = require_finite(called, np.asarray(array.astype(computed_in(wanted))))
    return arrays


def computed_in(array: FloatArray) -> np.dtype[Any]:
    """The dtype to compute in: the array's own, but float32 for float16, which cannot hold a squared gradient.

    Examples
    --------
    >>> computed_in(np.zeros(2, np.float16))
    dtype('float32')
    """
    return np.promote_types(array.dtype, np.float32)
