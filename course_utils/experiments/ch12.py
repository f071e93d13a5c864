"""A tiny vision transformer beside a convolutional network of the same size: chapter 12 and its table."""

import time
from collections.abc import Callable
from typing import Any, Literal, get_args

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import require_kind
from course_utils.attention import sinusoidal_positions
from course_utils.datasets import load_digits, split
from course_utils.experiments.ch03 import build_student
from course_utils.training import set_seed

__all__ = ["AddPositions", "DigitTraining", "Positions", "build_cnn", "build_vit", "fit", "splits"]

Positions = Literal["learnt", "sinusoidal", "none"]

PATCH, WIDTH, HEADS, HIDDEN, BLOCKS = 7, 32, 4, 71, 2
PARTS = (4000, 400, 600)  # digits that training draws from, for choosing, for the last word


def splits() -> tuple[npt.NDArray[np.intp], ...]:
    """Indices of the digits for training, validation and test: the same whatever the seed of a run.

    Examples
    --------
    >>> [len(part) for part in splits()]
    [4000, 400, 600]
    """
    return split(load_digits()[1], PARTS, np.random.default_rng(12))


def build_cnn() -> keras.Model:
    """The small convolutional network of chapter 03 with 16 and 32 filters, from (N, 28, 28, 1) to 10 logits.

    Examples
    --------
    >>> build_cnn().count_params()
    20490
    """
    return build_student((16, 32))


def build_vit(positions: Positions = "learnt") -> keras.Model:
    """A vision transformer from (N, 28, 28, 1) to 10 logits: 16 patches of 7×7, two blocks of four heads.

    Parameters
    ----------
    positions : "learnt", "sinusoidal" or "none"
        What is added to a patch's vector to say where it lies. Sinusoidal: half of the features for the row, half
        for the column.

    Notes
    -----
    Dosovitskiy et al. 2021, *An Image is Worth 16x16 Words*, with the mean over the patches in place of a class
    token, and layer normalisation before each part.

    Examples
    --------
    >>> build_vit().count_params()
    20504
    """
    require_kind(positions, get_args(Positions), name="positions")
    layers = keras.layers
    side = 28 // PATCH
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(WIDTH, PATCH, strides=PATCH, name="patches")(image)
    x = layers.Reshape((side * side, WIDTH))(x)
    if positions != "none":
        x = AddPositions(positions == "learnt", name="positions")(x)
    for number in range(BLOCKS):
        y = layers.LayerNormalization(name=f"block{number}_norm1")(x)
        y = layers.MultiHeadAttention(HEADS, WIDTH // HEADS, name=f"block{number}_attention")(y, y)
        x = layers.Add()([x, y])
        y = layers.LayerNormalization(name=f"block{number}_norm2")(x)
        y = layers.Dense(HIDDEN, activation="relu", name=f"block{number}_hidden")(y)
        x = layers.Add()([x, layers.Dense(WIDTH, name=f"block{number}_out")(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(name="norm")(x))
    return keras.Model(image, layers.Dense(10, name="logits")(x), name="vit")


class DigitTraining:
    """Trains one kind of network on digits again and again: what is compiled is compiled once.

    Parameters
    ----------
    build : callable
        Returns a network with new random weights.
    reach : int
        Augmentation: each image is moved by up to so many pixels along each axis, anew at every step.
    batch_size : int
    """

    def __init__(self, build: Callable[[], keras.Model], reach: int = 0, batch_size: int = 32) -> None:
        set_seed(0)
        self._build, self._reach, self._batch_size = build, reach, batch_size
        self.network = build()
        self._optimizer = keras.optimizers.Adam(1.0)
        self._optimizer.build(self.network.trainable_variables)
        self._step = tf.function(self._update)

    def run(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any], *, steps: int, seed: int, learning_rate: float
    ) -> float:
        """Train ``network`` from new weights with Adam, the rate falling to 0 along a cosine.

        Parameters
        ----------
        images, labels : (N, 28, 28, 1) float and (N,) int
        steps : int
        seed : int
            Of the weights, the batches and the shifts.
        learning_rate : float

        Returns
        -------
        float
            Seconds of processor time.
        """
        set_seed(seed)
        self.network.set_weights(self._build().get_weights())
        for variable in self._optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        reach, rng = self._reach, np.random.default_rng(seed)
        padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
        started = time.process_time()
        for step in range(steps):
            chosen = rng.integers(0, len(labels), self._batch_size)
            offsets = rng.integers(0, 2 * reach + 1, (2, self._batch_size, 1, 1))
            rows, columns = offsets[0] + np.arange(28)[:, np.newaxis], offsets[1] + np.arange(28)
            batch = padded[chosen[:, np.newaxis, np.newaxis], rows, columns]
            self._optimizer.learning_rate = learning_rate * (1 + np.cos(np.pi * step / steps)) / 2
            self._step(tf.constant(batch), tf.constant(labels[chosen].astype(np.int64)))
        return time.process_time() - started

    def _update(self, x: Any, y: Any) -> None:
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.network(x, training=True)
            value = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        self._optimizer.apply(tape.gradient(value, variables), variables)


def fit(
    loss: Callable[[list[Any]], Any], variables: list[Any], data: list[Any], recipe: tuple[int, int, int, float]
) -> float:
    """Adam for a fixed number of steps, the rate falling to 0 along a cosine.

    Parameters
    ----------
    loss : callable
        Takes a batch of each array in ``data``, returns one value an element.
    variables : list
        What is trained, in place.
    data : list of arrays
        Of one length; batches are drawn with replacement.
    recipe : (steps, batch_size, seed, learning_rate)
        The seed is that of the batches.

    Returns
    -------
    float
        Seconds of processor time, the first step, which compiles, left out.
    """
    steps, batch_size, seed, learning_rate = recipe
    tensors = [tf.constant(array) for array in data]
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps))
    optimizer.build(variables)

    @tf.function  # type: ignore[untyped-decorator]
    def step(indices: Any) -> None:
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss([tf.gather(tensor, indices) for tensor in tensors]))
        optimizer.apply(tape.gradient(value, variables), variables)

    order = np.random.default_rng(seed)
    step(tf.constant(order.integers(0, len(data[0]), batch_size)))
    started = time.process_time()
    for _ in range(steps - 1):
        step(tf.constant(order.integers(0, len(data[0]), batch_size)))
    return time.process_time() - started


class AddPositions(keras.layers.Layer):  # type: ignore[misc]
    """Adds a vector to each patch, learnt or of sines and cosines of its row and column."""

    def __init__(self, learnt: bool, **options: Any):
        super().__init__(**options)
        self.learnt = learnt

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the vectors, one a patch."""
        patches, width = int(shape[1] or 0), int(shape[2] or 0)
        if self.learnt:
            self.table = self.add_weight(shape=(patches, width), initializer=keras.initializers.RandomNormal(0.02))
            return
        side = round(patches**0.5)
        line = sinusoidal_positions(side, width // 2, longest=10.0)
        rows, columns = np.repeat(line, side, axis=0), np.tile(line, (side, 1))
        self.table = keras.ops.convert_to_tensor(np.concatenate([rows, columns], axis=1))

    def call(self, x: Any) -> Any:
        """Add them to (N, patches, width)."""
        return x + self.table
