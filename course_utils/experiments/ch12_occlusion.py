"""Do the weights of attention show what an answer hangs on? Weights, and what blanking costs: chapter 12."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils.experiments.ch12 import BLOCKS, PATCH
from course_utils.experiments.ch12_canvases import DIGIT, PLACES, STRIDE, Canvases, Looker
from course_utils.softmax import log_softmax, softmax

__all__ = [
    "BLOCK",
    "Agreement",
    "agreement",
    "ink",
    "looker_logits",
    "occlusion",
    "weights_of_blocks",
    "weights_of_patches",
]

BLOCK = 16  # pixels on a side of what is blanked on a canvas
MATTERS = 0.05  # of a log-probability: what falls by less is taken as not changed

Maps = npt.NDArray[np.floating[Any]]  # (N, rows, columns): a number for each block of each picture


class Agreement(NamedTuple):
    """Shares of the pictures on which some block matters; the last one of all."""

    weights: float  # the highest weight lies where blanking costs most
    ink: float  # the block with the most ink does
    chance: float  # a random block does
    low_matters: float  # one of the lower half of the weights matters


def looker_logits(looker: Looker, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.floating[Any]]:
    """Logits (N, 10) of canvases (N, 112, 112), for a network that does not need to be told the truth."""
    nowhere = np.zeros((len(images), 2), np.int64)
    logits, _ = looker.predict(Canvases(images, nowhere[:, 0], nowhere))
    return np.asarray(logits)


def occlusion(
    predict: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], image: npt.NDArray[Any], label: int, size: int = BLOCK
) -> npt.NDArray[np.floating[Any]]:
    """By how much the log-probability of the class falls when a block is blanked.

    Parameters
    ----------
    predict : callable
        From pictures (N, H, W) to logits (N, K).
    image : (H, W)
        Both sides divisible by ``size``.
    label : int
    size : int
        Pixels on a side of a block.

    Returns
    -------
    (H / size, W / size) float

    Examples
    --------
    >>> sums = lambda x: np.stack([x[:, :2].sum(axis=(1, 2)), x[:, 2:].sum(axis=(1, 2))], axis=1)
    >>> occlusion(sums, np.array([[1.0, 2], [0, 0], [0, 0], [0, 0]]), 0, size=2).round(2)
    array([[0.64],
           [0.  ]])
    """
    rows, columns = image.shape[0] // size, image.shape[1] // size
    blanked = np.repeat(image[np.newaxis], rows * columns + 1, axis=0)
    for number in range(rows * columns):
        row, column = size * (number // columns), size * (number % columns)
        blanked[number, row : row + size, column : column + size] = 0
    log_p = log_softmax(predict(blanked))[:, label]
    return np.asarray((log_p[-1] - log_p[:-1]).reshape(rows, columns))


def weights_of_blocks(looker: Looker, images: npt.NDArray[np.uint8]) -> Maps:
    """The probabilities of the windows, added up by the 16 × 16 pixels that hold the middle: (N, 7, 7)."""
    scores = np.asarray(looker.scores(tf.constant(images, tf.float32) / 255.0))
    block = (STRIDE * np.arange(PLACES) + DIGIT // 2) // BLOCK  # of a window's middle, along one axis
    inside = np.eye(7, dtype=np.float32)[block]
    return np.asarray(inside.T @ softmax(scores).reshape(-1, PLACES, PLACES) @ inside)


def weights_of_patches(network: keras.Model, images: npt.NDArray[np.floating[Any]]) -> Maps:
    """What each patch of a digit gets in the last block of a vision transformer: (N, 4, 4), with a sum of 1.

    Parameters
    ----------
    network : keras.Model
        From :func:`course_utils.experiments.ch12.build_vit`.
    images : (N, 28, 28) float

    Notes
    -----
    The mean over heads and over the patches that ask, since the network averages over these at the end.
    """
    last = f"block{BLOCKS - 1}"
    before = keras.Model(network.input, network.get_layer(f"{last}_norm1").output)(images[..., np.newaxis])
    _, weights = network.get_layer(f"{last}_attention")(before, before, return_attention_scores=True)
    side = 28 // PATCH
    return np.asarray(np.asarray(weights).mean(axis=(1, 2)).reshape(-1, side, side))


def ink(images: npt.NDArray[Any], size: int = BLOCK) -> Maps:
    """Sum of the pixels of each block, (N, H / size, W / size).

    Examples
    --------
    >>> ink(np.ones((1, 4, 6)), 2)[0]
    array([[4., 4., 4.],
           [4., 4., 4.]])
    """
    n, height, width = images.shape
    blocks = images.reshape(n, height // size, size, width // size, size)
    return np.asarray(blocks.sum(axis=(2, 4), dtype=np.float64))


def agreement(weights: Maps, ink_there: Maps, costs: Maps, reach: int) -> Agreement:
    """Whether the highest weight lies in the block that costs most, or at most ``reach`` blocks off.

    Examples
    --------
    >>> costs = np.array([[[0.0, 1.0, 0.02]]])
    >>> agreement(np.array([[[0.1, 0.6, 0.3]]]), np.array([[[0.0, 1.0, 9.0]]]), costs, 0)._asdict()
    {'weights': 1.0, 'ink': 0.0, 'chance': 0.3333333333333333, 'low_matters': 0.0}
    """
    n, rows, columns = costs.shape
    size = rows * columns
    changing = np.abs(costs).reshape(n, size).max(axis=1) > MATTERS
    if not changing.any():
        raise ValueError(f"costs: expected some above {MATTERS}, got none")
    places = np.stack(np.divmod(np.arange(size), columns), axis=1)
    dearest = places[costs.reshape(n, size).argmax(axis=1)]
    near = np.abs(places - dearest[:, np.newaxis]).max(axis=2) <= reach  # (N, size)

    def share(guess: Maps) -> float:
        return float(near[np.arange(n), guess.reshape(n, size).argmax(axis=1)][changing].mean())

    low = np.argsort(weights.reshape(n, size), axis=1)[:, : (size + 1) // 2]
    seen = np.take_along_axis(np.abs(costs).reshape(n, size), low, axis=1)
    low_matters = float((seen.max(axis=1) > MATTERS).mean())
    return Agreement(share(weights), share(ink_there), float(near[changing].mean()), low_matters)
