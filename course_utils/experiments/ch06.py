"""A small network that learns threads and dots with any loss: what chapter 06 and its table share."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy import ndimage

from course_utils import losses
from course_utils.datasets.threads import CLASS_NAMES, draw_threads
from course_utils.metrics import (
    confusion_matrix,
    expected_calibration_error,
    mean_iou,
    negative_log_likelihood,
    pixel_accuracy,
)
from course_utils.softmax import softmax

__all__ = [
    "CLASS_NAMES",
    "Scenes",
    "build_network",
    "draw_scenes",
    "features",
    "predict",
    "scores",
    "train",
]

# A loss of (labels, distances, logits, progress): progress goes from 0 to 1 during training.
Loss = Callable[[Any, Any, Any, Any], Any]


class Scenes(NamedTuple):
    """Images, what the network sees of them, their labels, and the signed distances to every class."""

    images: npt.NDArray[np.float32]  # (N, H, W, 1), in [0, 1]
    features: npt.NDArray[np.float32]  # (N, H, W, 13): see features
    labels: npt.NDArray[np.uint8]  # (N, H, W)
    distances: npt.NDArray[np.float32]  # (N, H, W, K), in pixels


def draw_scenes(n: int, rng: np.random.Generator, size: int = 40) -> Scenes:
    """Scenes of threads and dots, with all that the network and the losses need of them.

    Parameters
    ----------
    n, rng, size
        As in :func:`~course_utils.datasets.threads.draw_threads`.

    Returns
    -------
    Scenes

    Examples
    --------
    >>> scenes = draw_scenes(50, np.random.default_rng(0))
    >>> scenes.images.shape, (np.bincount(scenes.labels.ravel()) / scenes.labels.size).round(2).tolist()
    ((50, 40, 40, 1), [0.96, 0.03, 0.01])
    """
    photographs, labels = draw_threads(n, rng, size)
    distances = losses.signed_distance_maps(labels, len(CLASS_NAMES))
    return Scenes(photographs, features(photographs), labels, distances)


def features(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Thirteen numbers a pixel: its brightness, and at three scales the blurred brightness, the size of
    the gradient and the two eigenvalues of the Hessian (strong and unequal on a line, equal on a dot).

    Parameters
    ----------
    images : (N, H, W, 1) float32

    Returns
    -------
    (N, H, W, 13) float32
        Scaled to be of the order of 1.

    Examples
    --------
    >>> features(np.zeros((2, 8, 8, 1), np.float32)).shape
    (2, 8, 8, 13)
    """
    grey = 5 * (images[..., 0] - 0.4)
    columns = [grey]
    for scale in (0.8, 1.6, 3.2):

        def derivative(rows: int, columns: int, scale: float = scale) -> npt.NDArray[np.float32]:
            smoothed = ndimage.gaussian_filter(grey, (0, scale, scale), (0, rows, columns))
            return np.asarray(2 * scale ** (rows + columns) * smoothed)

        yy, xy, xx = derivative(2, 0), derivative(1, 1), derivative(0, 2)
        spread = np.sqrt((yy - xx) ** 2 / 4 + xy**2)
        slope = np.hypot(derivative(1, 0), derivative(0, 1))
        columns += [derivative(0, 0) / 2, slope, (yy + xx) / 2 + spread, (yy + xx) / 2 - spread]
    return np.stack(columns, axis=-1).astype(np.float32)


def build_network(seed: int) -> keras.Model:
    """Two hidden layers of 24 units that look at the 13 features of each pixel; the outputs are logits.

    Examples
    --------
    >>> build_network(0).count_params()
    1011
    """
    keras.utils.set_random_seed(seed)
    dense = [keras.layers.Dense(24, activation="relu") for _ in range(2)]
    return keras.Sequential([keras.Input((None, None, 13)), *dense, keras.layers.Dense(len(CLASS_NAMES))])


def train(
    network: keras.Model,
    scenes: Scenes,
    loss: Loss,
    *,
    steps: int,
    learning_rate: float,
    seed: int,
    batch_size: int = 8,
) -> float:
    """Train a network for a fixed number of steps with Adam and a cosine schedule.

    Parameters
    ----------
    network : keras.Model
        Changed in place.
    scenes : Scenes
    loss : callable
        As the values of :func:`build_losses`; its mean over the batch is minimised.
    steps, learning_rate, batch_size
    seed : int
        Of the order of the batches.

    Returns
    -------
    float
        Seconds that it took.
    """
    # Not yet course_utils.training.train: batches that are cut outside of the compiled step give other last bits
    # (1e-7 to 7e-7 of the weights after 100 steps), so data/results/losses.csv would have to be made again.
    started = time.perf_counter()
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.Adam(schedule)
    optimizer.build(network.trainable_variables)
    data = [tf.constant(part) for part in scenes[1:]]

    @tf.function  # type: ignore[untyped-decorator]
    def step(indices: Any, progress: Any) -> None:
        inputs, labels, distances = (tf.gather(part, indices) for part in data)
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss(labels, distances, network(inputs, training=True), progress))
        gradients = tape.gradient(value, network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)

    rng = np.random.default_rng(seed)
    for number in range(steps):
        indices = rng.choice(len(scenes.images), batch_size, replace=False)
        step(tf.constant(indices), tf.constant(number / steps))
    return time.perf_counter() - started


def predict(network: keras.Model, scenes: Scenes) -> npt.NDArray[np.floating[Any]]:
    """Class probabilities (N, H, W, K)."""
    return softmax(np.asarray(network(tf.constant(scenes.features))))


def scores(labels: npt.NDArray[np.uint8], probabilities: npt.NDArray[np.floating[Any]]) -> dict[str, float]:
    """Scores over all pixels of a set of scenes.

    Returns
    -------
    dict
        ``mean_iou`` over the classes, ``iou_…`` and ``share_…`` (mean predicted probability over
        frequency, 1 when calibrated on average) of thread and dot, ``recall_dot`` and
        ``precision_dot`` (0 if no dot is predicted), ``accuracy``, ``calibration_error`` (15 bins)
        and ``nll``.
    """
    confusion = confusion_matrix(labels, probabilities.argmax(axis=-1), len(CLASS_NAMES))
    hits, truth, found = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    mean, iou = mean_iou(confusion)
    share = probabilities.mean(axis=(0, 1, 2), dtype=np.float64) / (truth / truth.sum())
    return {
        "mean_iou": mean,
        "iou_thread": float(iou[1]),
        "iou_dot": float(iou[2]),
        "recall_dot": float(hits[2] / truth[2]),
        "precision_dot": float(hits[2] / max(found[2], 1)),
        "share_thread": float(share[1]),
        "share_dot": float(share[2]),
        "accuracy": pixel_accuracy(confusion),
        "calibration_error": expected_calibration_error(labels, probabilities),
        "nll": negative_log_likelihood(labels, probabilities),
    }


def build_losses(labels: npt.NDArray[np.uint8]) -> dict[str, Loss]:
    """Ten losses by name, those with class weights weighted by the frequencies in ``labels``.

    "Weighted" and α are balanced: 1 / (K × frequency). The exponential-logarithmic loss has the weights of
    its paper, frequency^−½. The boundary term takes over from Dice in a straight line.
    """
    frequencies = np.bincount(labels.ravel(), minlength=len(CLASS_NAMES)) / labels.size
    balanced = (1 / (len(CLASS_NAMES) * frequencies)).tolist()
    root = (frequencies**-0.5).tolist()
    return {
        "cross-entropy": lambda y, d, z, t: losses.cross_entropy(y, z),
        "weighted cross-entropy": lambda y, d, z, t: losses.cross_entropy(y, z, balanced),
        "focal": lambda y, d, z, t: losses.focal(y, z, 2.0),
        "focal with α": lambda y, d, z, t: losses.focal(y, z, 2.0, balanced),
        "Dice": lambda y, d, z, t: losses.dice(y, z),
        "Tversky": lambda y, d, z, t: losses.tversky(y, z, 0.3, 0.7),
        "exponential-logarithmic": lambda y, d, z, t: losses.exponential_logarithmic(y, z, class_weights=root),
        "Lovász-softmax": lambda y, d, z, t: losses.lovasz_softmax(y, z),
        "cross-entropy + Dice": lambda y, d, z, t: losses.cross_entropy(y, z) + losses.dice(y, z),
        "Dice, then boundary": lambda y, d, z, t: (1 - t) * losses.dice(y, z) + t * losses.boundary(d, z),
    }
