"""A large and a small classifier of 28×28 digits, their data, and training for a fixed number of steps."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import as_count, as_float_array, as_integer_array, require_positive, shown
from course_utils.datasets import load_digits, split
from course_utils.distillation.distiller import Distiller

__all__ = [
    "PARTS",
    "STEPS",
    "build_student",
    "build_teacher",
    "digit_parts",
    "shifted_copies",
    "train",
    "train_student",
]

PARTS = {"teacher": 2000, "transfer": 1200, "validation": 800, "test": 1000}
TEST_SEED = 2015  # of the test part, which is the same for all seeds
STEPS = 2400


def digit_parts(seed: int) -> tuple[dict[str, npt.NDArray[np.float32]], dict[str, npt.NDArray[np.int64]]]:
    """The digits in four disjoint parts; ``test`` is the same for every seed, and in no part of any other.

    Parameters
    ----------
    seed : int
        0 or more; of the parts ``teacher``, ``transfer`` and ``validation``.

    Returns
    -------
    images : dict of (N, 28, 28, 1) float32
    labels : dict of (N,) int64
        Both by the names in ``PARTS``, which has their N.

    Raises
    ------
    ValueError
        For a seed that is no integer of 0 or more.

    Examples
    --------
    >>> images, labels = digit_parts(0)
    >>> {name: len(part) for name, part in labels.items()}
    {'teacher': 2000, 'transfer': 1200, 'validation': 800, 'test': 1000}
    """
    seed = as_count("seed", seed, low=0)
    images, digits = load_digits()
    *sizes, tested = PARTS.values()
    test, rest = split(digits, (tested, sum(sizes)), np.random.default_rng(TEST_SEED))
    indices = [rest[part] for part in split(digits[rest], sizes, np.random.default_rng(seed))] + [test]
    named = dict(zip(PARTS, indices, strict=True))
    return (
        {name: images[part][..., np.newaxis] for name, part in named.items()},
        {name: digits[part].astype(np.int64) for name, part in named.items()},
    )


def build_teacher() -> keras.Model:
    """Return a convolutional network of 220,746 parameters from (N, 28, 28, 1) to 10 logits.

    Examples
    --------
    >>> build_teacher().count_params()
    220746
    """
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 5, strides=2, padding="same", activation="relu", name="conv1"),
            layers.Conv2D(64, 3, strides=2, padding="same", activation="relu", name="conv2"),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(64, activation="relu", name="hidden"),
            layers.Dropout(0.4),
            layers.Dense(10, name="logits"),
        ],
        name="teacher",
    )


def build_student(filters: tuple[int, int] = (4, 8)) -> keras.Model:
    """Return two strided convolutions and one dense layer, from (N, 28, 28, 1) to 10 logits.

    Parameters
    ----------
    filters : (int, int)
        Channels of the two convolutions, 1 or more each.

    Raises
    ------
    ValueError
        For anything but two positive integers.

    Examples
    --------
    >>> build_student().count_params()
    4266
    """
    if not isinstance(filters, (tuple, list)) or len(filters) != 2:
        raise ValueError(f"filters: expected two integers of 1 or more, got {shown(filters)}")
    counts = [as_count(f"filters[{k}]", count) for k, count in enumerate(filters)]
    convolutions = [
        keras.layers.Conv2D(count, 3, strides=2, padding="same", activation="relu") for count in counts
    ]
    return keras.Sequential(
        [keras.Input((28, 28, 1)), *convolutions, keras.layers.Flatten(), keras.layers.Dense(10)],
        name="student",
    )


def shifted_copies(images: npt.ArrayLike, reach: int = 2) -> npt.NDArray[Any]:
    """Every image moved by every whole number of pixels up to ``reach``, the background filled with 0.

    Parameters
    ----------
    images : (N, H, W, C) float
    reach : int
        Largest shift in pixels, 0 or more, along each axis and either way.

    Returns
    -------
    ((2·reach + 1)², N, H, W, C) array
        The first axis is the shift; labels repeat along it.

    Raises
    ------
    ValueError
        For another rank, or a reach that is not an integer from 0 to below the image's sides.

    Examples
    --------
    >>> shifted_copies(np.ones((3, 4, 4, 1)), reach=1).shape
    (9, 3, 4, 4, 1)
    """
    batch = as_float_array("images", images, rank=4)
    height, width = batch.shape[1:3]
    reach = as_count("reach", reach, low=0, high=min(height, width) - 1)
    padded = np.pad(batch, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    offsets = range(2 * reach + 1)
    return np.stack([padded[:, i : i + height, j : j + width] for i in offsets for j in offsets])


def train(
    model: keras.Model,
    images: npt.ArrayLike,
    targets: Any,
    steps: int = 800,
    seed: int = 0,
    learning_rate: float = 3e-3,
    batch_size: int = 32,
) -> keras.Model:
    """Train for a fixed number of steps with Adam, the learning rate falling to 0 along a cosine.

    Parameters
    ----------
    model : keras.Model or Distiller
        Returns logits. A plain model is trained with the cross-entropy of the labels.
    images : (N, …) array
    targets : (N,) int, or what :class:`Distiller` takes: a dictionary, or None
        Each array's first axis is N long.
    steps, batch_size : int
        1 or more. Batches are cut from one random order of the images after another.
    seed : int
        Of the order of the images.
    learning_rate : float
        At the first step, above 0.

    Returns
    -------
    keras.Model
        ``model``, trained in place.

    Raises
    ------
    ValueError
        For numbers out of range, or arrays of different lengths.

    Examples
    --------
    >>> images, labels = np.eye(4, dtype=np.float32), np.arange(4)
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    >>> trained = train(model, images, labels, steps=60, learning_rate=0.1)
    >>> trained(images).numpy().argmax(axis=1)
    array([0, 1, 2, 3])
    """
    steps, batch_size = as_count("steps", steps), as_count("batch_size", batch_size)
    arrays = {"images": np.asarray(images)}
    student = model.student if isinstance(model, Distiller) else model
    if isinstance(targets, Mapping):
        if not isinstance(model, Distiller):
            raise ValueError("targets: expected labels for a model that is no Distiller, got a dictionary")
        model.check_targets(targets)
        arrays |= {name: np.asarray(value) for name, value in targets.items()}
    elif targets is not None:
        high = student.output_shape[-1] if student.built else np.iinfo(np.int64).max
        arrays["labels"] = as_integer_array("labels", targets, low=0, high=high)
    elif not isinstance(model, Distiller):
        raise ValueError("targets: expected labels for a model that is no Distiller, got None")
    count = len(np.atleast_1d(arrays["images"]))
    for name, array in arrays.items():
        if array.ndim == 0 or len(array) != count or count == 0:
            raise ValueError(f"{name}: expected {max(count, 1)} rows, one an image, got shape {array.shape}")

    tensors = {name: tf.constant(array) for name, array in arrays.items()}
    order = _orders(count, np.random.default_rng(seed))
    indices = np.concatenate([next(order) for _ in range(-(-steps * batch_size // count))])
    batches = tf.data.Dataset.from_tensor_slices(indices[: steps * batch_size].reshape(steps, batch_size))

    def pick(batch: Any) -> Any:
        picked = {name: tf.gather(tensor, batch) for name, tensor in tensors.items()}
        x = picked.pop("images")
        if not picked:
            return (x,)
        return x, (picked if isinstance(model, Distiller) else picked["labels"])

    # Not yet course_utils.training.train: a Distiller is trained by Keras's own fit, which the chapter is about,
    # and which runs 20 steps of these small networks in one call.
    schedule = keras.optimizers.schedules.CosineDecay(require_positive("learning_rate", learning_rate), steps)
    model.compile(
        optimizer=keras.optimizers.Adam(schedule),
        **({} if isinstance(model, Distiller) else {"loss": _cross_entropy()}),
        steps_per_execution=min(steps, 20),
        jit_compile=False,
    )
    model.fit(batches.map(pick).prefetch(20), epochs=1, shuffle=False, verbose=0)
    return model


def train_student(
    images: npt.ArrayLike,
    targets: Any,
    steps: int = STEPS,
    seed: int = 0,
    *,
    build: Callable[[], keras.Model] = build_student,
    **options: Any,
) -> Any:
    """A new student, of 4,266 parameters if nothing else is said, trained by :func:`train`.

    Parameters
    ----------
    images, targets, steps
        As in :func:`train`; with a dictionary as targets the student learns from a teacher's logits.
    seed : int
        Of the first weights and of the order of the images.
    build : callable
        Makes the student.
    options
        Of :class:`Distiller`, such as ``temperature``; for labels as targets they mean nothing.

    Returns
    -------
    keras.Model
        The student, without the :class:`Distiller`.

    Examples
    --------
    >>> images = np.zeros((4, 28, 28, 1), dtype=np.float32)
    >>> train_student(images, [0, 1, 2, 3], steps=2).count_params()
    4266
    """
    keras.utils.set_random_seed(seed)
    student = build()
    model = Distiller(None, student, **options) if isinstance(targets, Mapping) else student
    train(model, images, targets, steps=steps, seed=seed)
    return student


def _orders(count: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    while True:
        yield rng.permutation(count)


def _cross_entropy() -> keras.losses.Loss:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
