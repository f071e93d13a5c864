"""Weights to a file and back, checked name by name."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from course_utils._files import write_arrays

__all__ = [
    "EXTRA",
    "as_weight",
    "load_class_names",
    "load_weights",
    "read_arrays",
    "require_same_names",
    "save_weights",
]

# Before the names of what a file holds beside the weights.
EXTRA = "extra/"
CLASS_NAMES = f"{EXTRA}class_names"


def save_weights(
    model: keras.Model, path: Path | str, *, class_names: Sequence[str] | None = None, **extra: npt.ArrayLike
) -> None:
    """Write a model's weights as float16 under their names, and further arrays as they are.

    Parameters
    ----------
    model : keras.Model
    path : path
        Of the ``.npz`` to write; replaced at once, never left half written.
    class_names : sequence of str, optional
        What the class ids mean, the background's name first; :func:`load_class_names` gives them back.
    extra : arrays
        What the weights mean nothing without, such as anchors; :func:`load_weights` insists on them.

    Raises
    ------
    ValueError
        If two weights have one name, or a value does not fit into float16 (beyond 65,504, or not finite)
        or is a variance below 0; or for class names that are not different and not empty texts, as many as
        the model has classes.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, variable in _named_weights(model).items():
        value = variable.numpy()
        if not np.isfinite(value).all() or np.abs(value).max(initial=0) > np.finfo(np.float16).max:
            raise ValueError(f"model: weight {name} holds a value that float16 cannot")
        arrays[name] = as_weight("model: it", value, variable).astype(np.float16)
    arrays |= {f"{EXTRA}{name}": np.asarray(value) for name, value in extra.items()}
    if class_names is not None:
        arrays[CLASS_NAMES] = np.array(_as_class_names(class_names, model))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_arrays(path, arrays)


def load_weights(
    model: keras.Model, path: Path | str, *, class_names: Sequence[str] | None = None, **extra: npt.ArrayLike
) -> keras.Model:
    """Read what :func:`save_weights` wrote, if every name and shape is the model's own.

    Parameters
    ----------
    model : keras.Model
        Changed in place, and only if everything fits.
    path : path
    class_names : sequence of str, optional
        Must equal those that were saved, in their order; not compared by default.
    extra : arrays
        Must equal what was saved under these names.

    Returns
    -------
    keras.Model
        ``model``.

    Raises
    ------
    ValueError
        For a file that is damaged, lacks a weight, has one too many, or one of another shape, one that is
        not finite in the model's own type, or a variance below 0.
    """
    stored = read_arrays("path", Path(path))
    weights = _named_weights(model)
    names = stored.pop(CLASS_NAMES, None)
    require_same_names(f"path: {path}", stored, {*weights, *(f"{EXTRA}{name}" for name in extra)})
    if class_names is not None and (names is None or names.tolist() != list(class_names)):
        kept = "without class names" if names is None else f"with the class names {names.tolist()}"
        raise ValueError(f"path: {path} was saved {kept}, expected {list(class_names)}")
    values = {name: as_weight(f"path: {path}", stored[name], variable) for name, variable in weights.items()}
    for name, value in extra.items():
        if not np.array_equal(stored[f"{EXTRA}{name}"], value):
            raise ValueError(f"path: {path} was saved with other {name} than the model's")
    for name, variable in weights.items():
        variable.assign(values[name])
    return model


def load_class_names(path: Path | str) -> tuple[str, ...]:
    """Class names that :func:`save_weights` kept beside the weights.

    Parameters
    ----------
    path : path

    Returns
    -------
    tuple of str
        One a class id, the background's first: their number is the model's ``n_classes``.

    Raises
    ------
    ValueError
        For a file that is damaged, or was saved without class names.
    """
    names = read_arrays("path", Path(path)).get(CLASS_NAMES)
    if names is None or names.ndim != 1 or names.dtype.kind != "U":
        raise ValueError(f"path: {path} was saved without class names; save_weights(…, class_names=…) keeps them")
    return tuple(names.tolist())


def require_same_names(place: str, given: Iterable[str], own: Iterable[str]) -> None:
    """Raise unless the weights that came are called as the model's own.

    Parameters
    ----------
    place : str
        Where the weights come from, for the message, with the argument's name.
    given, own : iterable of str

    Raises
    ------
    ValueError
        With up to three names that are missing, and three that the model does not know.

    Examples
    --------
    >>> require_same_names("path: a.npz", ["kernel"], ["bias", "kernel"])
    Traceback (most recent call last):
    ValueError: path: a.npz does not fit the model: it lacks ['bias'], and has nothing that the model does not know
    """
    missing, foreign = sorted(set(own) - set(given)), sorted(set(given) - set(own))
    if missing or foreign:
        raise ValueError(
            f"{place} does not fit the model: it lacks {missing[:3] or 'nothing'}"
            f"{' …' if len(missing) > 3 else ''}, and has {foreign[:3] or 'nothing'}"
            f"{' …' if len(foreign) > 3 else ''} that the model does not know"
        )


def as_weight(place: str, value: npt.NDArray[Any], variable: Any) -> npt.NDArray[Any]:
    """Return stored values in the type of the variable that they are for, if it can hold them.

    Parameters
    ----------
    place : str
        For the message: the argument, and the file.
    value : array
    variable : keras.Variable

    Raises
    ------
    ValueError
        For another shape, anything but floating-point numbers, values that are not finite in the variable's
        type, and variances (which a layer accumulates, and takes the root of) below 0.

    Examples
    --------
    >>> as_weight("a.npz", np.ones(2), keras.Variable([0.0, 0.0]))
    array([1., 1.], dtype=float32)
    """
    name = variable.path
    if value.shape != tuple(variable.shape):
        raise ValueError(f"{place} holds {name} of shape {value.shape}, the model's is {tuple(variable.shape)}")
    if value.dtype.kind != "f":
        raise ValueError(f"{place} holds something else than finite numbers for {name}: dtype {value.dtype}")
    with np.errstate(over="ignore"):  # what overflows is found on the next line
        converted = np.asarray(value.astype(variable.dtype))
    if not np.isfinite(converted).all():
        raise ValueError(f"{place} holds something else than finite numbers for {name} (as {variable.dtype})")
    is_variance = not variable.trainable and name.rpartition("/")[2] in ("moving_variance", "variance")
    if is_variance and (converted < 0).any():
        raise ValueError(f"{place} holds a variance of {converted.min():g} for {name}, expected 0 or more")
    return converted


def read_arrays(argument: str, path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return every array of an ``.npz`` that holds no pickles.

    Parameters
    ----------
    argument : str
        The argument's name, for the message.
    path : Path

    Raises
    ------
    ValueError
        For anything but an intact archive of arrays.
    OSError
        If there is no such file, or it may not be read.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ValueError(f"{argument}: {path} is no file")
    # Opened here: np.load leaves a damaged file open.
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            if not all(isinstance(array, np.ndarray) for array in arrays.values()):
                raise ValueError("it holds something else than arrays")
        # A damaged byte may be a method of compression or a flag of encryption as well as content, and every
        # reader below has exceptions of its own.
        except Exception as error:
            raise ValueError(
                f"{argument}: {path} is no .npz file of weights, or it is damaged ({error})"
            ) from error
    return arrays


def _as_class_names(class_names: Sequence[str], model: keras.Model) -> list[str]:
    names = [] if isinstance(class_names, str) else list(class_names)
    if not names or not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise ValueError(f"class_names: expected different names, one a class, got {class_names!r}")
    # A detector's output holds offsets beside its classes; it knows how many these are.
    count = getattr(model, "n_classes", None) or model.output_shape[-1]
    if len(names) != count:
        raise ValueError(f"class_names: expected {count}, one a class of the model, got {len(names)}: {names}")
    return names


def _named_weights(model: keras.Model) -> dict[str, Any]:
    """The model's weights by their path."""
    named: dict[str, Any] = {}
    for variable in model.weights:
        if variable.path in named:
            raise ValueError(f"model: two weights are called {variable.path}; name the layers apart")
        named[variable.path] = variable
    return named
