"""What chapter 11 and its tables share: a race of optimisers, deep plain networks, and a recurrent memory."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils.datasets import load_digits, split
from course_utils.optimizers import warmup_cosine

__all__ = [
    "DEEP",
    "GRID",
    "MEMORY",
    "RACERS",
    "Racer",
    "Task",
    "Trainer",
    "build_cnn",
    "build_deep",
    "build_memory",
    "digits_task",
    "memory_task",
    "rates_of",
]

FloatArray = npt.NDArray[np.floating[Any]]
BATCH = 16


class Task(NamedTuple):
    """Inputs and labels of three parts that share no sample."""

    train: tuple[FloatArray, npt.NDArray[np.uint8]]
    validation: tuple[FloatArray, npt.NDArray[np.uint8]]
    test: tuple[FloatArray, npt.NDArray[np.uint8]]


class Racer(NamedTuple):
    """One way to train: the optimizer for a rate, its rate if nobody tunes it, and whether the rate falls."""

    make: Callable[[], keras.optimizers.Optimizer]
    default: float
    cosine: bool = False


RACERS = {
    "SGD": Racer(lambda: keras.optimizers.SGD(), 0.01),
    "momentum": Racer(lambda: keras.optimizers.SGD(momentum=0.9), 0.01),
    "Nesterov": Racer(lambda: keras.optimizers.SGD(momentum=0.9, nesterov=True), 0.01),
    "RMSprop": Racer(lambda: keras.optimizers.RMSprop(), 0.001),
    "Adam": Racer(lambda: keras.optimizers.Adam(), 0.001),
    "AdamW": Racer(lambda: keras.optimizers.AdamW(), 0.001),
    "AMSGrad": Racer(lambda: keras.optimizers.Adam(amsgrad=True), 0.001),
    "momentum, cosine": Racer(lambda: keras.optimizers.SGD(momentum=0.9), 0.01, cosine=True),
    "Adam, cosine": Racer(lambda: keras.optimizers.Adam(), 0.001, cosine=True),
}
# Trials of each racer: its default times these, so that every one has the same number of them.
GRID = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


def digits_task(n_train: int = 1000) -> Task:
    """Digits for training, 1,000 to choose with and 2,000 to test on: always the same, as (N, 14, 14, 1).

    Each pixel is the mean of four, so that a training takes less than a second.

    Examples
    --------
    >>> task = digits_task(500)
    >>> [part[0].shape[0] for part in task]
    [500, 1000, 2000]
    """
    images, labels = load_digits()
    test, validation, train = split(labels, (2000, 1000, 2000), np.random.default_rng(11))
    halved = images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))[..., np.newaxis]
    parts = [(halved[i], labels[i]) for i in (train[:n_train], validation, test)]
    return Task(*parts)


def memory_task(length: int, n: int = 1000, seed: int = 0) -> Task:
    """Sequences (N, length, 5): one of four symbols first, then noise; the label is the symbol.

    Examples
    --------
    >>> memory_task(20).train[0].shape
    (1000, 20, 5)
    """
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(3):
        labels = rng.integers(0, 4, n).astype(np.uint8)
        inputs = np.zeros((n, length, 5), np.float32)
        inputs[np.arange(n), 0, labels] = 1
        inputs[:, 1:, 4] = rng.normal(size=(n, length - 1))
        parts.append((inputs, labels))
    return Task(*parts)


def build_cnn(seed: int) -> keras.Model:
    """Two strided convolutions and a dense layer for 14 × 14 digits; the outputs are logits.

    Examples
    --------
    >>> build_cnn(0).count_params()
    3818
    """
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((14, 14, 1)),
            keras.layers.Conv2D(8, 3, 2, "same", activation="relu"),
            keras.layers.Conv2D(16, 3, 2, "same", activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )


def build_deep(
    seed: int,
    *,
    depth: int = 12,
    width: int = 32,
    activation: str = "sigmoid",
    initializer: str | float = 1.0,
    residual: bool = False,
    normalized: bool = False,
) -> keras.Model:
    """A plain deep network for digits, with one remedy or more.

    Parameters
    ----------
    seed, depth, width : int
    activation : str
        "sigmoid", "tanh" or "relu".
    initializer : float or str
        The name of one of Keras', or the standard deviation times √width of normal weights.
    residual : bool
        Add each hidden layer's input to its output.
    normalized : bool
        Layer normalisation before each activation.

    Examples
    --------
    >>> build_deep(0, depth=2).count_params()
    8746
    """
    keras.utils.set_random_seed(seed)

    def kernel() -> Any:
        if isinstance(initializer, str):
            return initializer
        return keras.initializers.RandomNormal(stddev=initializer / np.sqrt(width))

    inputs = keras.Input((14, 14, 1))
    x = keras.layers.Dense(width)(keras.layers.Flatten()(inputs))
    for _ in range(depth):
        y = keras.layers.Dense(width, kernel_initializer=kernel())(x)
        if normalized:
            y = keras.layers.LayerNormalization()(y)
        y = keras.layers.Activation(activation)(y)
        x = x + y if residual else y
    return keras.Model(inputs, keras.layers.Dense(10)(x))


def build_memory(
    seed: int, *, length: int, kind: str = "tanh", gain: float = 1.0, kept: float | None = None
) -> keras.Model:
    """A small recurrent network that sees a sequence of :func:`memory_task` and names its first symbol.

    Parameters
    ----------
    seed, length : int
    kind : str
        "tanh" or "relu" for a plain recurrence of 24 units, "gru" for a gated one of 13, about as many parameters.
    gain : float
        The recurrent weights are an orthogonal matrix times this.
    kept : float, optional
        Share of its state that a gated unit keeps in each step to begin with; 0.5 as Keras makes it.

    Examples
    --------
    >>> [build_memory(0, length=20, kind=kind).count_params() for kind in ("tanh", "gru")]
    [820, 836]
    """
    keras.utils.set_random_seed(seed)
    recurrent = keras.initializers.Orthogonal(gain)
    if kind == "gru":
        layer = keras.layers.GRU(13, recurrent_initializer=recurrent)
    else:
        layer = keras.layers.SimpleRNN(24, activation=kind, recurrent_initializer=recurrent)
    network = keras.Sequential([keras.Input((length, 5)), layer, keras.layers.Dense(4)])
    if kept is not None:
        biases = layer.cell.bias.numpy()
        biases[0, :13] = np.log(kept / (1 - kept))
        layer.cell.bias.assign(biases)
    return network


class Trainer:
    """Trains one network of logits again and again, without compiling it anew.

    Parameters
    ----------
    network : keras.Model
    optimizer : keras.optimizers.Optimizer
        With a learning rate that is a number: it is set in each step.
    task : Task
    """

    def __init__(self, network: keras.Model, optimizer: keras.optimizers.Optimizer, task: Task) -> None:
        self.network, self.optimizer, self.task = network, optimizer, task
        optimizer.build(network.trainable_variables)
        self._start = [variable.numpy() for variable in optimizer.variables]
        x, y = (tf.constant(part) for part in task.train)

        @tf.function  # type: ignore[untyped-decorator]
        def steps(order: Any, rates: Any) -> Any:
            losses = tf.TensorArray(tf.float32, tf.shape(order)[0])
            for k in tf.range(tf.shape(order)[0]):
                optimizer.learning_rate.assign(rates[k])
                with tf.GradientTape() as tape:
                    logits = network(tf.gather(x, order[k]), training=True)
                    loss = tf.reduce_mean(
                        tf.nn.sparse_softmax_cross_entropy_with_logits(
                            tf.cast(tf.gather(y, order[k]), tf.int32), logits
                        )
                    )
                gradients = tape.gradient(loss, network.trainable_variables)
                optimizer.apply(gradients, network.trainable_variables)
                losses = losses.write(k, loss)
            return losses.stack()

        @tf.function  # type: ignore[untyped-decorator]
        def logits_of(inputs: Any) -> Any:
            return network(inputs, training=False)

        self._steps, self._logits_of = steps, logits_of

    def reset(self, weights: Sequence[FloatArray]) -> None:
        """Begin again from these weights (of ``network.get_weights()``), with a fresh optimizer."""
        self.network.set_weights(weights)
        for variable, value in zip(self.optimizer.variables, self._start, strict=True):
            variable.assign(value)

    def run(self, rates: Sequence[float], seed: int, batch_size: int = BATCH) -> FloatArray:
        """Take one step for each rate, on batches in an order of the seed; the loss of each batch."""
        n, rng = len(self.task.train[0]), np.random.default_rng(seed)
        passes = -(-len(rates) * batch_size // n)
        order = np.concatenate([rng.permutation(n) for _ in range(passes)])[: len(rates) * batch_size]
        found = self._steps(tf.constant(order.reshape(-1, batch_size)), tf.constant(rates, tf.float32))
        return np.asarray(found)

    def scores(self, part: str) -> tuple[float, float]:
        """Mean cross-entropy and accuracy on "train", "validation" or "test"."""
        inputs, labels = getattr(self.task, part)
        logits = self._logits_of(tf.constant(inputs))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels.astype(np.int32), logits)
        right = logits.numpy().argmax(axis=1) == labels
        return float(tf.reduce_mean(losses)), float(right.mean())


def rates_of(racer: Racer, rate: float, steps: int) -> list[float]:
    """The rate of each step: constant, or rising for a tenth of the steps and falling along a cosine."""
    if not racer.cosine:
        return [rate] * steps
    schedule = warmup_cosine(rate, steps, steps // 10)
    return [schedule(step) for step in range(steps)]


# Networks with one remedy or more: what the builders take, the global norm that gradients are clipped to, and
# whether it is Adam that trains them (momentum otherwise).
_SMALL = {"activation": "sigmoid", "initializer": 1.0}
_LARGE = {"activation": "relu", "initializer": 3.0}
DEEP: dict[str, dict[str, Any]] = {
    "sigmoid": _SMALL,
    "sigmoid, σ = 4/√n": _SMALL | {"initializer": 4.0},
    "sigmoid, normalised": _SMALL | {"normalized": True},
    "sigmoid, residual": _SMALL | {"residual": True},
    "sigmoid, clipped": _SMALL | {"clip": 1.0},
    "tanh": {"activation": "tanh", "initializer": 1.0},
    "ReLU": {"activation": "relu", "initializer": 1.0},
    "ReLU, He": {"activation": "relu", "initializer": "he_normal"},
    "ReLU, σ = 3/√n": _LARGE,
    "ReLU, σ = 3/√n, clipped": _LARGE | {"clip": 1.0},
    "ReLU, σ = 3/√n, normalised": _LARGE | {"normalized": True},
    "ReLU, σ = 3/√n, residual": _LARGE | {"residual": True},
    "ReLU, He, normalised": {"activation": "relu", "initializer": "he_normal", "normalized": True},
    "ReLU, He, normalised, residual": {
        "activation": "relu",
        "initializer": "he_normal",
        "normalized": True,
        "residual": True,
    },
}
MEMORY: dict[str, dict[str, Any]] = {
    "tanh, gain 0.5": {"kind": "tanh", "gain": 0.5, "adam": True},
    "tanh, gain 1": {"kind": "tanh", "gain": 1.0, "adam": True},
    "gated, keeps 0.5": {"kind": "gru", "kept": 0.5, "adam": True},
    "gated, keeps 0.95": {"kind": "gru", "kept": 0.95, "adam": True},
    "momentum: tanh, gain 1": {"kind": "tanh", "gain": 1.0},
    "momentum: tanh, gain 1, clipped": {"kind": "tanh", "gain": 1.0, "clip": 1.0},
    "momentum: tanh, gain 1.5": {"kind": "tanh", "gain": 1.5},
    "momentum: tanh, gain 1.5, clipped": {"kind": "tanh", "gain": 1.5, "clip": 1.0},
}
