"""Training for a fixed number of steps: the same result twice, also after having been stopped midway."""

import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import as_count, require_positive
from course_utils._files import write_arrays
from course_utils._progress import ProgressBar

__all__ = [
    "History",
    "cosine_optimizer",
    "image_order",
    "load_weights",
    "prefetched",
    "save_weights",
    "set_seed",
    "train",
]

Loss = Callable[[Any, Any], tf.Tensor]


@dataclass
class History:
    """What happened during a training.

    Attributes
    ----------
    losses : list of float
        The mean training loss since the last validation, at each validation.
    steps, scores : list
        Where validation took place, and the scores found there.
    best_step : int
        The step whose weights the model holds at the end; 0 if there was no validation.
    seconds : float
        Spent training, validation included; runs before a stop count too.
    """

    losses: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    best_step: int = 0
    seconds: float = 0.0


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and make TensorFlow's operations deterministic.

    Call it before the model is built: the first weights depend on it. Slower by a few per cent.

    Raises
    ------
    ValueError
        For anything but an integer of 0 or more.
    """
    keras.utils.set_random_seed(as_count("seed", seed, low=0))
    tf.config.experimental.enable_op_determinism()


def cosine_optimizer(
    steps: int, learning_rate: float = 2e-3, weight_decay: float = 1e-4, clipnorm: float = 5.0
) -> keras.optimizers.Optimizer:
    """AdamW whose learning rate rises for a tenth of the steps and falls along a cosine to a hundredth.

    Parameters
    ----------
    steps : int
        Of the whole training.
    learning_rate, weight_decay, clipnorm : float
        Above 0. Each gradient tensor is scaled down to the norm ``clipnorm``; batch normalisation and
        biases are not decayed. The rise takes 200 steps at most.

    Notes
    -----
    Loshchilov and Hutter 2017 (SGDR, the cosine) and 2019 (AdamW).

    Examples
    --------
    >>> optimizer = cosine_optimizer(100, learning_rate=0.5)
    >>> [round(float(optimizer._learning_rate(step)), 3) for step in (0, 10, 100)]
    [0.0, 0.5, 0.005]
    """
    warm = min(200, max(1, as_count("steps", steps) // 10))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        max(1, steps - warm),
        alpha=0.01,
        warmup_target=require_positive("learning_rate", learning_rate),
        warmup_steps=warm,
    )
    optimizer = keras.optimizers.AdamW(
        schedule,
        weight_decay=require_positive("weight_decay", weight_decay),
        clipnorm=require_positive("clipnorm", clipnorm),
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def image_order(n_images: int, steps: int, batch_size: int, seed: int) -> npt.NDArray[np.int64]:
    """Which images each step takes: pass after pass over all of them, each in a new random order.

    Parameters
    ----------
    n_images, steps, batch_size : int
        1 or more. Batches run on from one pass to the next.
    seed : int
        0 or more.

    Returns
    -------
    (steps, batch_size) int64

    Examples
    --------
    >>> image_order(4, steps=3, batch_size=2, seed=0).tolist()
    [[2, 0], [1, 3], [3, 2]]
    """
    wanted = as_count("steps", steps) * as_count("batch_size", batch_size)
    rng = np.random.default_rng(as_count("seed", seed, low=0))
    passes = [rng.permutation(n_images) for _ in range(-(-wanted // as_count("n_images", n_images)))]
    return np.concatenate(passes)[:wanted].reshape(steps, batch_size)


def prefetched(dataset: tf.data.Dataset, count: int = 4) -> tf.data.Dataset:
    """The same data set, with some elements prepared while the network computes.

    In a thread of its own: where TensorFlow is held to one thread, the network would otherwise wait for the
    data and the data for the network.

    Examples
    --------
    >>> [int(element) for element in prefetched(tf.data.Dataset.range(3))]
    [0, 1, 2]
    """
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    return dataset.prefetch(as_count("count", count)).with_options(options)


def train(
    model: keras.Model,
    batches: Callable[[int], tf.data.Dataset],
    loss: Loss,
    optimizer: keras.optimizers.Optimizer,
    steps: int,
    *,
    validate: Callable[[keras.Model], float] | None = None,
    validate_every: int = 500,
    checkpoint: Path | str | None = None,
    progress: bool = True,
) -> History:
    """Train a model for a fixed number of steps, keep the weights that validated best.

    Parameters
    ----------
    model : keras.Model
    batches : callable
        ``batches(start)`` gives the data set of the batches (x, y) from step ``start`` on, always the same
        ones, ``steps − start`` at least.
    loss : callable
        ``loss(y_true, y_pred)``: one value per image, averaged here, or a scalar.
    optimizer : keras.optimizers.Optimizer
    steps : int
        Of the whole training, 1 or more.
    validate : callable, optional
        ``validate(model)``: a score, the higher the better, on scenes that are neither trained on nor tested
        on. Without it the last weights are kept.
    validate_every : int
        Steps from one validation, and one checkpoint, to the next; the last step is validated too.
    checkpoint : path, optional
        A file to resume from, if it is there, and to write to. A training that was killed and started again
        gives the weights of one that was not.
    progress : bool
        Show a bar with loss and score on stderr.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        For counts below 1, a loss that is not finite, too few batches, or a checkpoint of another model.
    """
    as_count("steps", steps)
    as_count("validate_every", validate_every)
    optimizer.build(model.trainable_variables)
    history, best = History(), None
    start = 0
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.is_file():
        start, best, history = _resume(path, model, optimizer)

    @tf.function  # type: ignore[untyped-decorator]
    def update(x: Any, y: Any) -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss(y, model(x, training=True)))
        optimizer.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)
        return value

    began, before = time.perf_counter(), history.seconds
    bar = ProgressBar(steps, "training", start) if progress else None
    recent: list[tf.Tensor] = []
    for step, (x, y) in enumerate(batches(start).take(steps - start), start=start + 1):
        value = update(x, y)
        recent.append(value)
        if step % 20 == 0 and not np.isfinite(value):
            raise ValueError(f"loss: not finite within the 20 steps before step {step}; try a lower learning rate")
        if bar is not None and step % 10 == 0:
            score = f", validation {history.scores[-1]:.3f}" if history.scores else ""
            bar.show(step, f"loss {float(value):.3f}{score}")
        if step % validate_every and step != steps:
            continue
        mean_loss = float(np.mean(recent))
        recent.clear()
        if not np.isfinite(mean_loss):
            raise ValueError(f"loss: not finite before step {step}; try a lower learning rate")
        history.losses.append(mean_loss)
        history.steps.append(step)
        if validate is not None:
            history.scores.append(float(validate(model)))
            if history.scores[-1] >= max(history.scores):
                history.best_step, best = step, model.get_weights()
        history.seconds = before + time.perf_counter() - began
        if path is not None:
            _save_checkpoint(path, model, optimizer, step, best, history)
    if bar is not None:
        bar.close()
    if start < steps and (not history.steps or history.steps[-1] != steps):
        raise ValueError(f"batches: expected {steps - start} batches from step {start} on, got fewer")
    if best is not None:
        model.set_weights(best)
    return history


def save_weights(model: keras.Model, path: Path | str, **extra: npt.ArrayLike) -> None:
    """Write a model's weights as float16 under their names, and further arrays as they are.

    Parameters
    ----------
    model : keras.Model
    path : path
        Of the ``.npz`` to write; replaced at once, never left half written.
    extra : arrays
        What the weights mean nothing without, such as anchors; :func:`load_weights` insists on them.

    Raises
    ------
    ValueError
        If two weights have one name or a value does not fit into float16 (beyond 65,504, or not finite).
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, variable in _named_weights(model).items():
        value = variable.numpy()
        if not np.isfinite(value).all() or np.abs(value).max(initial=0) > np.finfo(np.float16).max:
            raise ValueError(f"model: weight {name} holds a value that float16 cannot")
        arrays[name] = value.astype(np.float16)
    arrays |= {f"extra/{name}": np.asarray(value) for name, value in extra.items()}
    _write(Path(path), arrays)


def load_weights(model: keras.Model, path: Path | str, **extra: npt.ArrayLike) -> keras.Model:
    """Read what :func:`save_weights` wrote, if every name and shape is the model's own.

    Parameters
    ----------
    model : keras.Model
        Changed in place, and only if everything fits.
    path : path
    extra : arrays
        Must equal what was saved under these names.

    Returns
    -------
    keras.Model
        ``model``.

    Raises
    ------
    ValueError
        For a file that is damaged, lacks a weight, has one too many, or one of another shape or not finite.
    """
    stored = _read(Path(path))
    weights = _named_weights(model)
    expected = {*weights, *(f"extra/{name}" for name in extra)}
    missing, foreign = sorted(expected - stored.keys()), sorted(stored.keys() - expected)
    if missing or foreign:
        raise ValueError(
            f"path: {path} does not fit the model: it lacks {missing[:3] or 'nothing'}"
            f"{' …' if len(missing) > 3 else ''}, and has {foreign[:3] or 'nothing'}"
            f"{' …' if len(foreign) > 3 else ''} that the model does not know"
        )
    for name, variable in weights.items():
        if stored[name].shape != tuple(variable.shape):
            raise ValueError(
                f"path: {path} holds {name} of shape {stored[name].shape}, the model's is {tuple(variable.shape)}"
            )
        if stored[name].dtype.kind != "f" or not np.isfinite(stored[name]).all():
            raise ValueError(f"path: {path} holds something else than finite numbers for {name}")
    for name, value in extra.items():
        if not np.array_equal(stored[f"extra/{name}"], value):
            raise ValueError(f"path: {path} was saved with other {name} than the model's")
    for name, variable in weights.items():
        variable.assign(stored[name].astype(np.float32))
    return model


def _named_weights(model: keras.Model) -> dict[str, Any]:
    """The model's weights by their path."""
    named: dict[str, Any] = {}
    for variable in model.weights:
        if variable.path in named:
            raise ValueError(f"model: two weights are called {variable.path}; name the layers apart")
        named[variable.path] = variable
    return named


def _write(path: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_arrays(path, arrays)


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        # Opened here: np.load leaves a damaged file open.
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):  # np.load would return the array of an .npy file
                raise ValueError("not a zip archive")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"path: {path} is no .npz file of weights, or it is damaged ({error})") from error


def _save_checkpoint(
    path: Path, model: keras.Model, optimizer: Any, step: int, best: list[Any] | None, history: History
) -> None:
    arrays = {f"model/{i}": value for i, value in enumerate(model.get_weights())}
    arrays |= {f"optimizer/{i}": variable.numpy() for i, variable in enumerate(optimizer.variables)}
    arrays |= {f"best/{i}": value for i, value in enumerate(best or [])}
    arrays |= {
        "step": np.array(step),
        "losses": np.array(history.losses),
        "steps": np.array(history.steps, int),
        "scores": np.array(history.scores),
        "best_step": np.array(history.best_step),
        "seconds": np.array(history.seconds),
    }
    _write(path, arrays)


def _resume(path: Path, model: keras.Model, optimizer: Any) -> tuple[int, list[Any] | None, History]:
    stored = _read(path)
    for prefix, variables in (("model", model.weights), ("optimizer", optimizer.variables)):
        shapes = [stored[name].shape for name in stored if name.startswith(f"{prefix}/")]
        expected = [tuple(variable.shape) for variable in variables]
        if shapes != expected:
            raise ValueError(f"checkpoint: {path} belongs to another {prefix}")
        for i, variable in enumerate(variables):
            variable.assign(stored[f"{prefix}/{i}"])
    best = [stored[name] for name in stored if name.startswith("best/")] or None
    history = History(
        losses=stored["losses"].tolist(),
        steps=stored["steps"].tolist(),
        scores=stored["scores"].tolist(),
        best_step=int(stored["best_step"]),
        seconds=float(stored["seconds"]),
    )
    return int(stored["step"]), best, history
