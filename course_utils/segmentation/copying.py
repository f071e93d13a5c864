"""Start one network from the weights of another."""

from typing import NamedTuple

import keras

from course_utils.training.weights import as_weight, require_same_names

__all__ = ["Copied", "initialise_from"]


class Copied(NamedTuple):
    """What :func:`initialise_from` did."""

    names: tuple[str, ...]
    n_parameters: int


def initialise_from(model: keras.Model, other: keras.Model, part: str = "backbone") -> Copied:
    """Copy the weights of one part of a network, a layer that both have, by name and shape.

    Parameters
    ----------
    model : keras.Model
        Changed in place, and only if everything fits.
    other : keras.Model
        For example a trained detector with the same backbone.
    part : str
        Name of the layer, mostly a model itself.

    Returns
    -------
    Copied
        ``names`` of the copied weights and ``n_parameters``, their numbers in all.

    Raises
    ------
    ValueError
        If one of the two has no such part, or a weight is missing, is one too many, or has another shape.

    Examples
    --------
    >>> from course_utils.detection import build_ssd
    >>> from course_utils.segmentation import build_fcn
    >>> copied = initialise_from(build_fcn(), build_ssd())
    >>> copied.n_parameters, copied.names[0]
    (310576, 'stem_conv/kernel')
    """
    target, source = (_weights(name, network, part) for name, network in (("model", model), ("other", other)))
    require_same_names(f"other: its {part}", source, target)
    values = {
        name: as_weight(f"other: its {part}", source[name].numpy(), variable) for name, variable in target.items()
    }
    for name, variable in target.items():
        variable.assign(values[name])
    return Copied(tuple(target), sum(int(variable.numpy().size) for variable in target.values()))


def _weights(argument: str, network: keras.Model, part: str) -> dict[str, keras.Variable]:
    names = [layer.name for layer in network.layers]
    if part not in names:
        raise ValueError(f"{argument}: expected a layer {part!r}, got {names}")
    return {variable.path: variable for variable in network.get_layer(part).weights}
