"""A fixed number of steps, the best weights kept, resumed after a stop."""

import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from course_utils._arguments import as_count
from course_utils._progress import ProgressBar
from course_utils.training.checkpoint import Checkpoint, History
from course_utils.training.fingerprint import describe_recipe

__all__ = ["set_seed", "train"]

Loss = Callable[[Any, Any], tf.Tensor]


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and on a CPU make TensorFlow's operations deterministic.

    Call it before the model is built: the first weights depend on it. Slower by a few per cent.

    Raises
    ------
    ValueError
        For anything but an integer of 0 or more.

    Notes
    -----
    Where TensorFlow sees a GPU, everything is seeded and the operations stay as they are, which one line on stderr
    says: an operation without a deterministic kernel for the GPU would raise UnimplementedError in the middle of a
    training. With TensorFlow 2.21 on an H200, chapters 01 to 13 ran that way (14 hides the GPU). With the
    operations deterministic all the same, 07, 09 and 14 stopped at the gradient of a resize to nearest neighbours,
    through which the detector's pyramid learns (`detection.build_ssd`), and no chapter at anything else.

    Keras takes the seeds of a model's first weights from Python's ``random``. Where other threads of the process
    draw from it too, as those of a Dask worker do, two runs differ: give each run a process of its own.
    """
    keras.utils.set_random_seed(as_count("seed", seed, low=0))
    if tf.config.get_visible_devices("GPU"):
        _say_that_a_gpu_differs()
    else:
        tf.config.experimental.enable_op_determinism()


@cache  # once a process, however many seeds are tried
def _say_that_a_gpu_differs() -> None:
    sys.stderr.write(
        "set_seed: on a GPU the numbers differ a little from run to run; to have the same twice, set "
        "CUDA_VISIBLE_DEVICES=-1 before Python starts, which leaves the CPU\n"
    )


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
    recipe: Mapping[str, object] | None = None,
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
        gives the weights of one that was not. Whether a file can be written there is tried at the start.
    recipe : mapping, optional
        What else makes this training what it is and cannot be seen from here: the loss by its name, what the
        images are, the weights that the model began with. Numbers, text, arrays, named functions, and lists
        and mappings of these.
    progress : bool
        Show a bar with loss and score on stderr.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        For counts below 1, a loss, weights or a score that are not finite, too few batches, a checkpoint that
        cannot be written, is damaged, or belongs to another training: the message says what differs.

    Notes
    -----
    A checkpoint belongs to one recipe: the model's layers, the optimizer's settings, the seed that was last
    set, ``steps``, how often it is validated, the first batches, and ``recipe``. Names that Keras makes up
    do not count, nor do last bits of the batches, in which processors differ. A training that was begun with
    ``validate`` may go on without it, to its last weights; the other way round, the best of the steps before
    is unknown.

    The weights, the optimizer's state and that of the model's random generators (Dropout) are kept. A layer or
    loss that draws from elsewhere, such as ``tf.random``, goes on with other numbers after a stop.
    """
    as_count("steps", steps)
    as_count("validate_every", validate_every)
    describe_recipe(recipe)  # so that a value that cannot be kept shows without a checkpoint too
    optimizer.build(model.trainable_variables)
    history, best, start = History(), None, 0
    kept = None
    if checkpoint is not None:
        interval = None if validate is None else validate_every
        kept = Checkpoint(checkpoint, model, optimizer, steps=steps, validated_every=interval, recipe=recipe)
        start, best, history = kept.resume(batches)

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
        if kept is not None:
            kept.see(step, (x, y))
        value = update(x, y)
        recent.append(value)
        if step % 20 == 0 and not np.isfinite(value):
            raise ValueError(f"loss: not finite within the 20 steps before step {step}; try a lower learning rate")
        if bar is not None and step % 10 == 0:
            score = f", validation {history.scores[-1]:.3f}" if history.scores else ""
            bar.show(step, f"loss {float(value):.3f}{score}")
        if step % validate_every and step != steps:
            continue
        history.losses.append(_mean_loss(recent, step))
        recent.clear()
        _require_finite_weights(model, step)
        history.steps.append(step)
        if validate is not None:
            history.scores.append(_score(validate(model), step))
            if history.scores[-1] >= max(history.scores):
                history.best_step, best = step, model.get_weights()
        history.seconds = before + time.perf_counter() - began
        if kept is not None:
            kept.save(step, best, history)
    if bar is not None:
        bar.close()
    if start < steps and (not history.steps or history.steps[-1] != steps):
        raise ValueError(f"batches: expected {steps - start} batches from step {start} on, got fewer")
    if best is not None:
        model.set_weights(best)
    return history


def _mean_loss(values: list[tf.Tensor], step: int) -> float:
    mean = float(np.mean(values))
    if not np.isfinite(mean):
        raise ValueError(f"loss: not finite before step {step}; try a lower learning rate")
    return mean


def _require_finite_weights(model: keras.Model, step: int) -> None:
    for variable in model.weights:
        if not np.isfinite(variable.numpy()).all():
            raise ValueError(
                f"model: weight {variable.path} is not finite after step {step}; try a lower learning rate"
            )


def _score(value: Any, step: int) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError):
        score = np.nan
    if not np.isfinite(score):  # NaN is neither better nor worse than anything
        raise ValueError(f"validate: expected a finite number, got {value!r} at step {step}")
    return score
