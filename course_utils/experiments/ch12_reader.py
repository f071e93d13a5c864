"""A convolutional network that reads the whole of a cluttered canvas: the control of chapter 12's glimpses."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils.experiments.ch12 import fit
from course_utils.experiments.ch12_canvases import Canvases
from course_utils.training import set_seed

__all__ = ["build_reader", "read", "train_reader"]

LAYERS = ((16, 2), (24, 2), (24, 2), (24, 1))  # filters and stride; a cell of the last sees 31 × 31 pixels
BORDER = 4  # pixels around a digit that stands alone, so that its rim is no rim of the picture


def build_reader() -> keras.Model:
    """Four convolutions and a maximum over the whole picture, from (N, H, W, 1) to 10 logits.

    It has about as many parameters as the network with the glance and the glimpse, 13,898.

    Examples
    --------
    >>> build_reader().count_params()
    14570
    """
    layers = keras.layers
    image = x = keras.Input((None, None, 1))
    for filters, stride in LAYERS:
        x = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return keras.Model(image, layers.Dense(10)(layers.GlobalMaxPooling2D()(x)), name="reader")


def train_reader(
    canvases: Canvases,
    digits: npt.NDArray[np.floating[Any]],
    labels: npt.NDArray[Any],
    steps: int,
    seed: int,
    *,
    learning_rate: float = 3e-3,
    batch_size: int = 32,
    samples: int = 4,
) -> tuple[keras.Model, float]:
    """Train it as :func:`course_utils.experiments.ch12_canvases.train_looker` trains, on the same sets.

    Parameters
    ----------
    canvases : Canvases
    digits, labels : (M, 28, 28) and (M,)
        Whole digits alone, on which it is trained first: half as many steps, ``samples`` times as many at once.
    steps, seed, learning_rate, batch_size, samples

    Returns
    -------
    keras.Model, float
        And the seconds of processor time that it took.
    """
    set_seed(seed)
    network = build_reader()

    def loss(batch: Any) -> Any:
        images = tf.cast(batch[0], tf.float32)[..., tf.newaxis] / 255.0
        return tf.nn.sparse_softmax_cross_entropy_with_logits(batch[1], network(images, training=True))

    alone = np.pad(np.round(255 * digits).astype(np.uint8), ((0, 0), (BORDER, BORDER), (BORDER, BORDER)))
    sets: list[tuple[list[Any], int, int]] = [
        ([alone, labels.astype(np.int64)], steps // 2, batch_size * samples),
        ([canvases.images, canvases.labels], steps, batch_size),
    ]
    seconds = sum(
        fit(loss, network.trainable_variables, data, (n, size, seed, learning_rate)) for data, n, size in sets
    )
    return network, seconds


def read(network: keras.Model, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.floating[Any]]:
    """Logits (N, 10) of canvases (N, 112, 112)."""
    parts = np.array_split(images, -(-len(images) // 100))  # the maps of many canvases at once are large
    return np.concatenate([np.asarray(network(part[..., np.newaxis] / np.float32(255))) for part in parts])
