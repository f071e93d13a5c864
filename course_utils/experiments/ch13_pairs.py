"""Pairs of variables whose mutual information is known, and critics that are trained to find it (chapter 13)."""

import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import require_kind
from course_utils.information import donsker_varadhan, info_nce, mutual_information, nwj

__all__ = ["PAIRS", "CriticKind", "Critics", "Pair", "noisy_channel"]

FloatArray = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], tuple[FloatArray, FloatArray]]
CriticKind = Literal["DV", "DV, moving average", "NWJ", "InfoNCE", "DV, quadratic"]

HIDDEN, LEARNING_RATE, QUADRATIC_RATE = 32, 3e-3, 0.15
BATCH = 512  # pairs drawn together, and as many drawn apart; InfoNCE gets a table of as many scores
KEPT = 0.99  # share of the moving average that a step keeps


class Pair(NamedTuple):
    """Two variables: their mutual information in nats, and a way to draw arrays of a shape."""

    truth: float
    draw: Draw


def _gaussian(correlation: float) -> Pair:
    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
        x = rng.normal(size=shape)
        return x, correlation * x + np.sqrt(1 - correlation**2) * rng.normal(size=shape)

    return Pair(-0.5 * np.log(1 - correlation**2), draw)


def noisy_channel(symbols: int = 8, kept: float = 0.7) -> FloatArray:
    """Joint (symbols, symbols) of a uniform symbol and what a channel makes of it: kept, or else any at random.

    Examples
    --------
    >>> noisy_channel(2, 0.5)
    array([[0.375, 0.125],
           [0.125, 0.375]])
    """
    return (kept * np.eye(symbols) + (1 - kept) / symbols) / symbols


def _channel(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    joint = noisy_channel()
    x, y = np.divmod(rng.choice(joint.size, shape, p=joint.ravel()), len(joint))
    return x.astype(float), y.astype(float)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    x = rng.random(shape)
    return x, x + 0.5 * rng.random(shape)


def _cauchy(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    scale = np.abs(rng.normal(size=shape))  # of both: large values come together; there is no correlation
    return rng.normal(size=shape) / scale, rng.normal(size=shape) / scale


def _squeezed(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    x, y = _cauchy(rng, shape)
    return np.arctan(x), np.arctan(y)


# Uniform: y is x plus a uniform variable half as wide, and H(Y) of the trapezoid is 1/4 above ln 1. Cauchy: the
# bivariate t distribution of one degree of freedom, 2 ln 4π − (ln 2π + 3).
_CAUCHY = 2 * np.log(4 * np.pi) - np.log(2 * np.pi) - 3
PAIRS = {
    "Gaussian, ρ = 0": _gaussian(0.0),
    "Gaussian, ρ = 0.5": _gaussian(0.5),
    "Gaussian, ρ = 0.9": _gaussian(0.9),
    "uniform": Pair(0.25 + np.log(2), _uniform),
    "discrete": Pair(mutual_information(noisy_channel()), _channel),
    "Cauchy": Pair(_CAUCHY, _cauchy),
    "Cauchy, squeezed": Pair(_CAUCHY, _squeezed),
}


class Critics:
    """Several critics of one kind, one a seed, trained side by side.

    Parameters
    ----------
    kind : str
        The bound that is maximised, and the critic: two hidden layers of 32, or a quadratic function of (x, y).
        "DV, moving average" divides the gradient by a running mean of exp T instead of the batch's.
    seeds : sequence of int
        Of the weights.
    """

    def __init__(self, kind: CriticKind, seeds: tuple[int, ...]) -> None:
        self.kind = require_kind(kind, get_args(CriticKind), name="kind")
        self.quadratic = kind == "DV, quadratic"
        generators = [np.random.default_rng(seed) for seed in seeds]
        sizes = ((6, 1),) if self.quadratic else ((2, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 1))
        self.weights: list[Any] = []
        for n_in, n_out in sizes:
            start = [rng.normal(0, n_in**-0.5, (n_in, n_out)) * (not self.quadratic) for rng in generators]
            for values in (np.array(start), np.zeros((len(seeds), 1, n_out))):
                self.weights.append(keras.Variable(values.astype(np.float32)))
        self._average = tf.Variable(tf.ones((len(seeds),)))
        self._rate = QUADRATIC_RATE if self.quadratic else LEARNING_RATE
        self._optimizer = keras.optimizers.Adam(self._rate)
        self._optimizer.build(self.weights)
        self._step = tf.function(self._update)

    def scores(self, x: Any, y: Any) -> Any:
        """T of pairs: (seeds, N) from x and y of that shape."""
        x, y = tf.cast(x, tf.float32), tf.cast(y, tf.float32)
        features = [x, y]
        if self.quadratic:
            features += [x * x, y * y, x * y, tf.ones_like(x)]
        values = tf.stack(features, axis=-1)
        for kernel, bias in zip(self.weights[::2], self.weights[1::2], strict=True):
            values = tf.matmul(values, kernel.value) + bias.value
            if kernel.shape[-1] > 1:
                values = tf.nn.elu(values)
        return values[..., 0]

    def train(self, draw: Callable[[int], tuple[FloatArray, FloatArray]], steps: int) -> float:
        """Take steps, each on the batch (seeds, N) that ``draw(N)`` gives; processor seconds without the first."""
        size = round((2 * BATCH) ** 0.5) if self.kind == "InfoNCE" else BATCH
        started = time.process_time()
        for step in range(steps):
            if step == 1:
                started = time.process_time()
            self._optimizer.learning_rate = self._rate * (1 + np.cos(np.pi * step / steps)) / 2
            self._step(*(tf.constant(part, tf.float32) for part in draw(size)))
        return time.process_time() - started

    def bounds(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """The bound on pairs (seeds, N): those drawn apart are made by moving y on by one.

        InfoNCE is read as it is trained, in tables of 32 candidates, and these are averaged.
        """
        if self.kind == "InfoNCE":
            size = round((2 * BATCH) ** 0.5)
            rows = [part.reshape(len(x), -1, size) for part in (x, y)]
            found = []
            for start in range(0, rows[0].shape[1], 50):  # fifty tables at a time
                tables = self._tables(*(part[:, start : start + 50] for part in rows)).numpy()
                found.append([[info_nce(table) for table in of_seed] for of_seed in tables])
            return np.array(np.concatenate(found, axis=1).mean(axis=1), dtype=np.float64)
        joint, apart = self.scores(x, y).numpy(), self.scores(x, np.roll(y, 1, axis=1)).numpy()
        bound = nwj if self.kind == "NWJ" else donsker_varadhan
        return np.array([bound(*pair) for pair in zip(joint, apart, strict=True)])

    def _tables(self, x: Any, y: Any) -> Any:
        """Scores (seeds, tables, N, N) of every x with every y of the same table, from (seeds, tables, N)."""
        count, n = x.shape[1], x.shape[2]
        pairs = tf.repeat(x, n, axis=2), tf.tile(y, (1, 1, n))
        flat = (tf.reshape(part, (-1, count * n * n)) for part in pairs)
        return tf.reshape(self.scores(*flat), (-1, count, n, n))

    def _update(self, x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            if self.kind == "InfoNCE":
                tables = self._tables(x[:, tf.newaxis], y[:, tf.newaxis])[:, 0]
                values = [info_nce(table) for table in tf.unstack(tables)]
            else:
                joint, apart = self.scores(x, y), self.scores(x, tf.roll(y, 1, axis=1))
                pairs = zip(tf.unstack(joint), tf.unstack(apart), strict=True)
                if self.kind == "DV, moving average":
                    now = tf.reduce_mean(tf.exp(tf.stop_gradient(apart)), axis=1)
                    self._average.assign(KEPT * self._average + (1 - KEPT) * now)
                    ratio = tf.reduce_mean(tf.exp(apart), axis=1) / self._average
                    values = tf.reduce_mean(joint, axis=1) - ratio
                else:
                    values = [(nwj if self.kind == "NWJ" else donsker_varadhan)(*pair) for pair in pairs]
            value = -tf.reduce_sum(values)  # a sum: no critic sees another's gradient
        gradients = tape.gradient(value, self.weights)
        self._optimizer.apply(gradients, self.weights)
