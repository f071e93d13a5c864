"""What tells one training from another, as far as it can be seen from the outside."""

import dataclasses
import json
import math
import os
import re
import types
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

__all__ = [
    "describe_batch",
    "describe_model",
    "describe_optimizer",
    "describe_recipe",
    "differences",
    "same_batch",
]

# Processors differ in the last bits of what they compute; other data differ by more than this.
ROUNDING = 1e-5
# What a layer says about how it was compiled and built: not used here, and seen in the weights' shapes.
LEFT_OUT = ("compile_config", "build_config")


def describe_model(model: keras.Model) -> Any:
    """A model's layers and how they are connected, as JSON holds it.

    Names that Keras makes up are numbered anew, so that a model built a second time is described alike. The
    code of a ``Lambda`` layer is left out: it has no stable form.

    Examples
    --------
    >>> one, two = (keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]) for _ in range(2))
    >>> one.layers[0].name == two.layers[0].name, describe_model(one) == describe_model(two)
    (False, True)
    """

    def connected() -> Any:
        # A subclass need not describe its layers: this takes them from what connects inputs and outputs.
        return keras.Model(model.inputs, model.outputs, name="model").get_config()

    def unconnected() -> Any:
        return {
            "class": type(model).__name__,
            "layers": [
                {"class_name": type(layer).__name__, "config": _attempt(layer.get_config)}
                for layer in model.layers
            ],
            "weights": [[list(v.shape), str(v.dtype), bool(v.trainable)] for v in model.weights],
        }

    found = _attempt(connected) if getattr(model, "inputs", None) else None
    return _without_made_up_names(_as_json(unconnected() if found is None else found))


def describe_optimizer(optimizer: Any, variables: list[Any]) -> Any:
    """An optimizer's settings, and which variables it decays.

    Examples
    --------
    >>> describe_optimizer(keras.optimizers.SGD(0.5), [])["learning_rate"]
    0.5
    """
    config = _attempt(optimizer.get_config) or {}
    decays = getattr(optimizer, "_use_weight_decay", None)
    settings = {"class": type(optimizer).__name__} | {k: v for k, v in config.items() if k != "name"}
    if decays is not None and config.get("weight_decay"):
        settings["decayed"] = [bool(decays(variable)) for variable in variables]
    return _as_json(settings)


def describe_recipe(recipe: Mapping[str, object] | None) -> Any:
    """A recipe in the terms of JSON; arrays as their checksum, functions as their name.

    Raises
    ------
    ValueError
        For a value that is not the same in the next process, such as a ``lambda``.

    Examples
    --------
    >>> describe_recipe({"loss": "focal", "scenes": (6000, 1)})
    {'loss': 'focal', 'scenes': [6000, 1]}
    """
    if recipe is None:
        return {}
    if not isinstance(recipe, Mapping) or not all(isinstance(name, str) for name in recipe):
        raise ValueError(f"recipe: expected a mapping from names to values, got {recipe!r}")
    return {name: _plain(f"recipe[{name!r}]", value) for name, value in recipe.items()}


def describe_batch(batch: Any) -> list[Any]:
    """Every array of a batch: shape, type, and a checksum.

    Of floating-point numbers the length and one projection stand for a checksum: another processor may have
    computed them, with other last bits.

    Examples
    --------
    >>> describe_batch((np.zeros((2, 1), np.float32), np.zeros(4, np.uint8)))
    [[[2, 1], 'float32', 0.0, 0.0], [[4], 'uint8', 558161692]]
    """
    return [_describe_array(np.asarray(array)) for array in tf.nest.flatten(batch, expand_composites=True)]


def same_batch(there: list[Any], here: list[Any]) -> bool:
    """Whether two descriptions are of one batch.

    Examples
    --------
    >>> one, two = (describe_batch(np.float32([0.1, x])) for x in (0.2, 0.20000002))
    >>> same_batch(one, two), same_batch(one, describe_batch(np.float32([0.2, 0.1])))
    (True, False)
    """
    if len(there) != len(here):
        return False
    return all(
        one[:2] == other[:2]
        and len(one) == len(other)
        and all(math.isclose(a, b, rel_tol=0, abs_tol=ROUNDING) for a, b in zip(one[2:], other[2:], strict=True))
        for one, other in zip(there, here, strict=True)
    )


def differences(there: Any, here: Any) -> list[str]:
    """Where two descriptions differ, in words.

    Examples
    --------
    >>> differences({"rate": 0.1, "layers": [{"units": 4}]}, {"rate": 0.1, "layers": [{"units": 5}]})
    ['layers.0.units: 4 there, 5 here']
    """
    one, other = dict(_leaves(there)), dict(_leaves(here))
    found = []
    for path in [*one, *(path for path in other if path not in one)]:
        if json.dumps(one.get(path, {})) != json.dumps(other.get(path, {})):
            values = [_shorten(leaves[path]) if path in leaves else "nothing" for leaves in (one, other)]
            found.append(f"{path + ': ' if path else ''}{values[0]} there, {values[1]} here")
    return found


def _attempt(describe: Callable[[], Any]) -> Any:
    """What a model or layer says about itself, None if it cannot: subclasses may raise whatever they like."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return describe()
    except Exception:
        return None


def _as_json(tree: Any) -> Any:
    """The same after writing and reading; what JSON does not know by the name of its type."""

    def other(value: Any) -> Any:
        return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else type(value).__name__

    return json.loads(json.dumps(tree, default=other))


def _without_made_up_names(tree: Any) -> Any:
    """A model's configuration with the layers that Keras named (conv2d_2) numbered in their order."""
    names: dict[str, str] = {}
    numbers: dict[str, int] = {}

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            kind, config = value.get("class_name"), value.get("config")
            name = config.get("name") if isinstance(config, dict) else None
            made_up = _snake_case(kind) if isinstance(kind, str) else ""
            if isinstance(name, str) and re.fullmatch(rf"{re.escape(made_up)}(_\d+)?", name) and name not in names:
                names[name] = f"{made_up}#{numbers.get(made_up, 0)}"
                numbers[made_up] = numbers.get(made_up, 0) + 1
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            collect(inner)

    def rename(value: Any) -> Any:
        if isinstance(value, dict):
            if value.get("class_name") == "__lambda__":
                return "lambda"
            return {
                key: names.get(inner, inner) if key == "name" and isinstance(inner, str) else rename(inner)
                for key, inner in value.items()
                if key not in LEFT_OUT
            }
        if isinstance(value, list):
            if len(value) == 3 and isinstance(value[0], str) and all(type(number) is int for number in value[1:]):
                return [names.get(value[0], value[0]), *value[1:]]  # a layer's output, as it is referred to
            return [rename(inner) for inner in value]
        return value

    collect(tree)
    return rename(tree)


def _snake_case(name: str) -> str:
    """A class's name as Keras makes layer names of it: Conv2DTranspose gives conv2d_transpose."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _plain(place: str, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return _plain(place, value.item())
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return {"shape": list(value.shape), "dtype": value.dtype.name, "checksum": zlib.crc32(value.tobytes())}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(f"{place}[{name!r}]", inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(f"{place}[{index}]", inner) for index, inner in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: _plain(f"{place}.{field.name}", getattr(value, field.name)) for field in fields}
    if isinstance(value, (type, types.FunctionType)) and "<" not in value.__qualname__:
        return f"{value.__module__}.{value.__qualname__}"
    raise ValueError(
        f"{place}: expected numbers, text, arrays, named functions, or lists and mappings of these, "
        f"got {_shorten(value)}"
    )


def _describe_array(array: npt.NDArray[Any]) -> list[Any]:
    head: list[Any] = [list(array.shape), array.dtype.name]
    if array.dtype.hasobject:  # text
        return [*head, zlib.crc32(repr(array.tolist()).encode())]
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        return [*head, zlib.crc32(array.tobytes())]
    values = array.astype(np.float64).ravel()
    length = float(np.linalg.norm(values))
    if not 0 < length < math.inf:
        return [*head, 0.0, 0.0]
    # Directions that no data have by chance: another order of the values gives another number.
    return [*head, math.log(length), float(values @ np.cos(np.arange(values.size))) / length]


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with the way to it; "config", which Keras puts at every second step, is left out."""
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    if not entries or not tree:
        yield path, tree
    for name, inner in entries:
        yield from _leaves(inner, path if name == "config" else f"{path}.{name}".removeprefix("."))


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
