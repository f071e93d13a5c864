"""Start one network from the weights of another."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy.typing as npt

from course_utils.training.weights import EXTRA, as_weight, read_arrays, require_same_names

__all__ = ["Copied", "initialise_from"]


class Copied(NamedTuple):
    """What :func:`initialise_from` did.

    Attributes
    ----------
    names : tuple of str
        The weights of the model that were copied.
    n_parameters : int
        Their numbers in all.
    kept : tuple of str
        The weights of the model, or of its part, that keep the values they had.
    """

    names: tuple[str, ...]
    n_parameters: int
    kept: tuple[str, ...] = ()


def initialise_from(
    model: keras.Model, other: keras.Model | os.PathLike[str] | str, part: str | None = None
) -> Copied:
    """Copy the weights of another network, layer by layer, as far as both have the same.

    Parameters
    ----------
    model : keras.Model
        Changed in place, and only if nothing is wrong.
    other : keras.Model or path
        For example the shipped detector, as a model or as its file, for a detector of other classes or for a
        segmenter with the same backbone.
    part : str, optional
        Name of a layer that both have, mostly a model itself: only its weights are copied.

    Returns
    -------
    Copied
        ``names`` of the copied weights, ``n_parameters``, and the names of those that were ``kept``. The part, or
        without one the layer "backbone" if the model has it, is copied as a whole. Any other layer is copied if
        each of its weights has its name and shape in both networks, and else keeps its values: the class heads of
        networks with different numbers of classes do.

    Raises
    ------
    ValueError
        If what is to be copied as a whole is missing from one of the two, or a weight of it is missing, is one too
        many, or has another shape; if nothing fits; if a weight is not finite, or a file damaged.

    Examples
    --------
    >>> from course_utils.data import data_path
    >>> from course_utils.detection import build_ssd
    >>> copied = initialise_from(build_ssd(n_classes=3), data_path("weights/ssd.npz"))
    >>> copied.n_parameters, copied.kept
    (567952, ('classes/kernel', 'classes/bias'))
    """
    own = _weights("model", model, part)
    values: dict[str, npt.NDArray[Any]] = {}
    whole = part or ("backbone" if "backbone" in [layer.name for layer in model.layers] else None)
    if whole is not None:
        target = _weights("model", model, whole)
        source = _values(other, whole, target)
        require_same_names(f"other: its {whole}", source, target)
        values = {name: as_weight(f"other: its {whole}", source[name], target[name]) for name in target}
    if part is None:
        source = _values(other, None, own)
        values |= {name: as_weight("other: it", source[name], own[name]) for name in _fitting(own, source)}
        if not values:
            raise ValueError(
                "other: expected layers of the model's names and shapes, got none: the model has "
                f"{sorted(own)[:3]} …, the other {sorted(source)[:3]} …"
            )
    for name, value in values.items():
        own[name].assign(value)
    copied, kept = ([name for name in own if (name in values) == wanted] for wanted in (True, False))
    return Copied(tuple(copied), sum(int(value.size) for value in values.values()), tuple(kept))


def _fitting(target: Mapping[str, Any], source: Mapping[str, Any]) -> list[str]:
    """The weights of the layers that fit as a whole."""
    unlike = {
        _layer(name)
        for name, variable in target.items()
        if name not in source or source[name].shape != tuple(variable.shape)
    }
    return [name for name in target if _layer(name) not in unlike]


def _layer(name: str) -> str:
    return name.rpartition("/")[0]


def _values(
    other: keras.Model | os.PathLike[str] | str, part: str | None, target: Mapping[str, Any]
) -> dict[str, Any]:
    """The other network's weights by name."""
    if isinstance(other, keras.Model):
        return {name: variable.numpy() for name, variable in _weights("other", other, part).items()}
    if not isinstance(other, (str, os.PathLike)):
        raise ValueError(f"other: expected a keras.Model or a file of weights, got {type(other).__name__}")
    stored = read_arrays("other", Path(other))
    # A file does not tell which part a weight belongs to: those of the model's part are asked for.
    return {
        name: value
        for name, value in stored.items()
        if not name.startswith(EXTRA) and (part is None or name in target)
    }


def _weights(argument: str, network: keras.Model, part: str | None) -> dict[str, keras.Variable]:
    if part is None:
        return {variable.path: variable for variable in network.weights}
    names = [layer.name for layer in network.layers]
    if part not in names:
        raise ValueError(f"{argument}: expected a layer {part!r}, got {names}")
    return {variable.path: variable for variable in network.get_layer(part).weights}
