"""A digit somewhere on a cluttered canvas, and a network that reads a tenth of it: chapter 12."""

from functools import cache
from typing import Any, Literal, NamedTuple, get_args

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import as_count, require_generator, require_kind
from course_utils.datasets import load_digits
from course_utils.experiments.ch12 import fit, splits
from course_utils.training import set_seed

__all__ = [
    "GLIMPSE",
    "PIXELS_READ",
    "SIDE",
    "Canvases",
    "Looker",
    "Place",
    "canvas_sets",
    "draw_canvases",
    "hits",
    "train_looker",
]

SIDE, DIGIT, PIECE, N_PIECES = 112, 28, 9, 12  # pixels on a side; pieces of other digits
STRIDE, GLIMPSE = 4, 20  # the glance reads every fourth pixel of every fourth row
PLACES = (SIDE - DIGIT) // STRIDE + 1  # windows on a side
PIXELS_READ = (SIDE // STRIDE) ** 2 + GLIMPSE**2

Place = Literal["learnt", "random", "brightest", "true"]


class Canvases(NamedTuple):
    """Pictures that hold one digit each."""

    images: npt.NDArray[np.uint8]  # (N, 112, 112), 255 is ink
    labels: npt.NDArray[np.int64]  # (N,)
    corners: npt.NDArray[np.int64]  # (N, 2): row and column of the top left pixel of the digit's 28 × 28


def draw_canvases(
    digits: npt.NDArray[np.floating[Any]], labels: npt.NDArray[Any], n: int, rng: np.random.Generator
) -> Canvases:
    """A whole digit at a random place, and twelve pieces of 9 × 9 pixels cut from other digits.

    Parameters
    ----------
    digits : (M, 28, 28) float
        In [0, 1]; each canvas takes a random one.
    labels : (M,) int
    n : int
        0 or more.
    rng : numpy.random.Generator

    Notes
    -----
    After the cluttered translated digits of Mnih, Heess, Graves and Kavukcuoglu 2014.

    Examples
    --------
    >>> canvases = draw_canvases(np.ones((3, 28, 28)), np.arange(3), 5, np.random.default_rng(0))
    >>> canvases.images.shape, canvases.labels.shape, int(canvases.corners.max()) <= 84
    ((5, 112, 112), (5,), True)
    """
    require_generator(rng)
    ink = np.round(255 * digits).astype(np.uint8)
    images = np.zeros((as_count("n", n, low=0), SIDE, SIDE), np.uint8)
    chosen = rng.integers(0, len(ink), (n, N_PIECES + 1))
    corners = rng.integers(0, SIDE - DIGIT + 1, (n, 2))
    there = rng.integers(0, SIDE - PIECE + 1, (n, N_PIECES, 2))
    cut = rng.integers(4, DIGIT - PIECE - 3, (n, N_PIECES, 2))  # where there is likely to be ink
    for image, ids, (row, column), places, cuts in zip(images, chosen, corners, there, cut, strict=True):
        for source, (i, j), (y, x) in zip(ids[1:], places, cuts, strict=True):
            image[i : i + PIECE, j : j + PIECE] = ink[source, y : y + PIECE, x : x + PIECE]
        window = image[row : row + DIGIT, column : column + DIGIT]
        np.maximum(window, ink[ids[0]], out=window)
    return Canvases(images, labels[chosen[:, 0]].astype(np.int64), corners)


class Looker:
    """Hard attention: a glance at every 16th pixel chooses a window, and a glimpse of it is classified.

    Parameters
    ----------
    place : "learnt", "random", "brightest" or "true"
        What chooses the window: a network trained by REINFORCE; chance; the ink in the glance; the truth.

    Notes
    -----
    Mnih, Heess, Graves and Kavukcuoglu 2014, *Recurrent Models of Visual Attention*, reduced to one glance and one
    glimpse.
    """

    def __init__(self, place: Place) -> None:
        self.place = require_kind(place, get_args(Place), name="place")
        layers = keras.layers
        window = DIGIT // STRIDE  # a window's score depends on the pixels that the glance reads inside of it
        self.glance = keras.Sequential(
            [
                keras.Input((SIDE // STRIDE, SIDE // STRIDE, 1)),
                layers.Conv2D(16, window, activation="relu"),
                layers.Conv2D(16, 1, activation="relu"),
                layers.Conv2D(1, 1, use_bias=False),
                layers.Flatten(),
            ]
        )
        self.classify = keras.Sequential(
            [
                keras.Input((GLIMPSE, GLIMPSE, 1)),
                layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
                layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
                layers.Flatten(),
                layers.Dense(10),
            ]
        )

    def scores(self, images: Any) -> Any:
        """Logits (N, 484) of the windows, row by row."""
        few = images[:, ::STRIDE, ::STRIDE, tf.newaxis]
        if self.place == "learnt":
            return self.glance(few)
        if self.place == "brightest":
            return 1e3 * tf.reshape(tf.nn.avg_pool2d(few, DIGIT // STRIDE, 1, "VALID"), (-1, PLACES**2))
        return tf.zeros((tf.shape(images)[0], PLACES**2))

    def glimpse(self, images: Any, windows: Any) -> Any:
        """The middle 20 × 20 pixels of the window with each number, (N, 20, 20, 1)."""
        top = STRIDE * tf.stack([windows // PLACES, windows % PLACES], axis=1) + (DIGIT - GLIMPSE) // 2
        steps = tf.range(GLIMPSE, dtype=top.dtype)
        rows = tf.gather(images, top[:, :1] + steps, axis=1, batch_dims=1)
        return tf.gather(rows, top[:, 1:] + steps, axis=2, batch_dims=1)[..., tf.newaxis]

    def predict(self, canvases: Canvases) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Logits (N, 10) of the window of the highest score, and its number (N,); chance draws one."""
        images = tf.constant(canvases.images, tf.float32) / 255.0
        if self.place == "true":
            windows = tf.constant(nearest_window(canvases.corners))
        elif self.place == "random":
            windows = tf.constant(np.random.default_rng(0).integers(0, PLACES**2, len(canvases.images)))
        else:
            windows = tf.argmax(self.scores(images), axis=1)
        return self.classify(self.glimpse(images, windows)).numpy(), windows.numpy()


def hits(windows: npt.NDArray[np.int64], corners: npt.NDArray[np.int64]) -> float:
    """Share of windows that lie within 4 pixels of the digit's, along both axes."""
    found = STRIDE * np.stack([windows // PLACES, windows % PLACES], axis=1)
    return float(np.mean(np.abs(found - corners).max(axis=1) <= STRIDE))


@cache
def canvas_sets(train: int = 4000, test: int = 600) -> dict[str, Canvases]:
    """Canvases from the digits for training, and from those for the test: drawn once a process, and read-only."""
    images, labels = load_digits()
    parts, sets = splits(), {"train": (0, train), "test": (2, test)}
    drawn = {
        name: draw_canvases(images[parts[number]], labels[parts[number]], n, np.random.default_rng(number))
        for name, (number, n) in sets.items()
    }
    for array in (array for canvases in drawn.values() for array in canvases):
        array.setflags(write=False)
    return drawn


def nearest_window(corners: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number of the window closest to each digit."""
    rows, columns = np.minimum((corners + STRIDE // 2) // STRIDE, PLACES - 1).T
    return np.asarray(rows * PLACES + columns)


def train_looker(
    canvases: Canvases,
    digits: npt.NDArray[np.floating[Any]],
    labels: npt.NDArray[Any],
    place: Place,
    steps: int,
    seed: int,
    *,
    baseline: bool = True,
    learning_rate: float = 3e-3,
    batch_size: int = 32,
    samples: int = 4,
    entropy: float = 0.01,
) -> tuple[Looker, float]:
    """Train the classifier on the cross-entropy and the choice of the window by REINFORCE.

    Parameters
    ----------
    canvases : Canvases
        Their corners are used only where ``place`` is "true".
    digits, labels : (M, 28, 28) and (M,)
        Whole digits alone, on which the classifier is trained first, for half as many steps.
    place, steps, seed, learning_rate, batch_size
    baseline : bool
        Subtract from each reward the mean of those of the other samples of the same canvas.
    samples : int
        Windows drawn for each canvas, 2 or more.
    entropy : float
        Weight of the entropy of the choice, which keeps it from closing too early.

    Returns
    -------
    Looker, float
        And the seconds of processor time that it took.

    Notes
    -----
    The reward is 1 for a right class and 0 for a wrong one.
    """
    set_seed(seed)
    looker = Looker(place)
    generator = tf.random.Generator.from_seed(seed)
    seconds = fit(
        lambda batch: _cross_entropy(batch, looker),
        looker.classify.trainable_variables,
        [shifted_middles(digits, np.random.default_rng(seed)), labels.astype(np.int64)],
        (steps // 2, batch_size * samples, seed, learning_rate),
    )

    def loss(batch: Any) -> Any:
        images, truth, windows = tf.cast(batch[0], tf.float32) / 255.0, batch[1], batch[2]
        logits = looker.scores(images)
        if place != "true":
            shape = (batch_size, samples, PLACES**2)
            noise = -tf.math.log(-tf.math.log(generator.uniform(shape, 1e-20, 1.0)))
            noisy = logits[:, tf.newaxis] + (0.0 * noise if place == "brightest" else noise)
            windows = tf.argmax(noisy, axis=2)  # samples of the softmax
        else:
            windows = tf.repeat(windows[:, tf.newaxis], samples, axis=1)
        images, flat = tf.repeat(images, samples, axis=0), tf.reshape(windows, (-1,))
        found = looker.classify(looker.glimpse(images, flat), training=True)
        cost = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.repeat(truth, samples), found)
        if place != "learnt":
            return cost
        right = tf.argmax(found, axis=1) == tf.repeat(truth, samples)
        reward = tf.reshape(tf.cast(right, tf.float32), (batch_size, samples))
        if baseline:
            reward -= (tf.reduce_sum(reward, axis=1, keepdims=True) - reward) / (samples - 1)
        log_policy = tf.nn.log_softmax(logits)
        chosen = tf.gather(log_policy, windows, axis=1, batch_dims=1)
        spread = -tf.reduce_sum(tf.exp(log_policy) * log_policy, axis=1, keepdims=True)
        return cost - tf.reshape(reward * chosen + entropy * spread, (-1,))

    variables = looker.classify.trainable_variables + (
        looker.glance.trainable_variables if place == "learnt" else []
    )
    data = [canvases.images, canvases.labels, nearest_window(canvases.corners)]
    return looker, seconds + fit(loss, variables, data, (steps, batch_size, seed, learning_rate))


def shifted_middles(
    digits: npt.NDArray[np.floating[Any]], rng: np.random.Generator
) -> npt.NDArray[np.floating[Any]]:
    """20 × 20 pixels of each digit, up to 4 pixels off its middle: (M, 20, 20, 1)."""
    offsets = rng.integers(0, DIGIT - GLIMPSE + 1, (len(digits), 2))
    pairs = zip(digits, offsets, strict=True)
    return np.stack([digit[i : i + GLIMPSE, j : j + GLIMPSE] for digit, (i, j) in pairs])[..., np.newaxis]


def _cross_entropy(batch: Any, looker: Looker) -> Any:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(batch[1], looker.classify(batch[0], training=True))
