"""What each step takes: a learning rate, and some of the images."""

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import as_count, require_positive

__all__ = ["cosine_optimizer", "image_order", "prefetched"]


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
