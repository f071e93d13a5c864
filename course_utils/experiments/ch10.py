"""Small trainings on digits for chapter 10: depth and short cuts, normalisation and rates, shifts."""

from typing import Any, Literal, NamedTuple, get_args

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import FloatArray, as_count, require_kind
from course_utils.datasets import load_digits, split
from course_utils.training import set_seed

__all__ = [
    "Digits",
    "Kind",
    "Norm",
    "Pool",
    "Trainer",
    "blur",
    "digits",
    "draw_weights",
    "losses_of",
    "pooled_network",
    "reestimate",
    "shifted",
    "stacked_network",
]

Kind = Literal["plain", "residual", "pre-activation"]
Norm = Literal["batch", "group", "none", "noisy"]
Pool = Literal["max", "max, blurred", "average"]

GROUPS = 4  # of group normalisation
N_TRAINING, N_VALIDATION, N_TEST = 1000, 1000, 1000


class Digits(NamedTuple):
    """Digits at half their resolution, (N, 14, 14, 1) in [-0.5, 0.5] or so, and their labels, in three parts."""

    training: tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]
    validation: tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]
    test: tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]


def digits() -> Digits:
    """The parts are the same for every seed: only weights and the order of the images differ.

    Examples
    --------
    >>> [images.shape for images, _ in digits()]
    [(1000, 14, 14, 1), (1000, 14, 14, 1), (1000, 14, 14, 1)]
    """
    images, labels = load_digits()
    halved = images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))[..., np.newaxis] - np.float32(0.1)
    parts = split(labels, (N_TRAINING, N_VALIDATION, N_TEST), np.random.default_rng(0))
    return Digits(*((halved[part], labels[part]) for part in parts))


@keras.saving.register_keras_serializable("course_utils")
class Noise(keras.layers.Layer):  # type: ignore[misc]
    """Scale and shift every channel by other random numbers at each step of the training.

    What follows a batch normalisation then has another mean and variance at each step: more "covariate shift"
    than without any normalisation (Santurkar et al. 2018, section 2.1).
    """

    def __init__(self, deviation: float = 0.5, seed: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.deviation, self.seed = deviation, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, x: Any, training: bool | None = None) -> Any:
        if not training:
            return x
        shape = (1,) * (len(x.shape) - 1) + (x.shape[-1],)
        scale, shift = (keras.random.normal(shape, stddev=self.deviation, seed=self.generator) for _ in range(2))
        return x * (1 + scale) + shift

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "deviation": self.deviation, "seed": self.seed}


def normalisation(norm: Norm, seed: int = 0) -> Any:
    """A new layer, or two: batch statistics, those of groups of channels, none, or batch and then noise."""
    require_kind(norm, get_args(Norm), name="norm")
    if norm == "none":
        return keras.layers.Identity()
    if norm == "group":
        return keras.layers.GroupNormalization(GROUPS)
    batch = keras.layers.BatchNormalization(momentum=0.9)
    if norm == "batch":
        return batch
    noise = Noise(seed=seed)
    return lambda x: noise(batch(x))


def stacked_network(
    kind: Kind, depth: int, *, norm: Norm = "batch", width: int = 16, seed: int = 0
) -> keras.Model:
    """A stem, blocks of two 3×3 convolutions of one width, the mean over the map, logits of ten digits.

    Parameters
    ----------
    kind : "plain", "residual" or "pre-activation"
        Without short cuts; with the block's input added before its last ReLU; with normalisation and ReLU before
        each convolution and nothing but additions on the way past the blocks. All have the same weights.
    depth : int
        Layers with weights: the stem, an even number in blocks, the dense layer. So an even number from 4 on.
    norm : "batch", "group", "none" or "noisy"
    width : int
        Channels.
    seed : int

    Returns
    -------
    keras.Model
        From (N, 14, 14, 1) to (N, 10).

    Notes
    -----
    He et al. 2016, *Deep Residual Learning* and *Identity Mappings in Deep Residual Networks*.

    Examples
    --------
    >>> [stacked_network(kind, 8).count_params() for kind in ("plain", "residual")]
    [14586, 14586]
    """
    require_kind(kind, get_args(Kind))
    if as_count("depth", depth, low=4) % 2:
        raise ValueError(f"depth: expected an even number, got {depth}")
    set_seed(seed)
    layers = keras.layers
    bare = norm == "none"

    def convolve(x: Any, strides: int = 1) -> Any:
        return layers.Conv2D(width, 3, strides, "same", use_bias=bare, kernel_initializer="he_normal")(x)

    image = keras.Input((14, 14, 1))
    x = convolve(image, 2)
    if kind != "pre-activation":
        x = layers.ReLU()(normalisation(norm, seed)(x))
    for _ in range((depth - 2) // 2):
        before = x
        for half in range(2):
            if kind == "pre-activation":
                x = convolve(layers.ReLU()(normalisation(norm, seed)(x)))
            else:
                x = normalisation(norm, seed)(convolve(x))
                x = layers.ReLU()(x) if half == 0 else x
        if kind != "plain":
            x = layers.Add()([x, before])
        if kind != "pre-activation":
            x = layers.ReLU()(x)
    if kind == "pre-activation":
        x = layers.ReLU()(normalisation(norm, seed)(x))
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def pooled_network(pool: Pool, *, width: int = 8, seed: int = 0) -> keras.Model:
    """Three convolutions, each followed by a halving of the map; all weights are the same for every halving.

    Parameters
    ----------
    pool : "max", "max, blurred" or "average"
        The maximum of 2×2 cells with a stride of 2; the same with a stride of 1, then blurred with the weights
        1-2-1 and every second cell kept (Zhang 2019); the mean of 2×2 cells.
    width, seed : int

    Returns
    -------
    keras.Model
        From (N, 28, 28, 1) to (N, 10).

    Examples
    --------
    >>> {pooled_network(pool).count_params() for pool in ("max", "max, blurred", "average")}
    {1410}
    """
    require_kind(pool, get_args(Pool), name="pool")
    set_seed(seed)
    layers = keras.layers
    image = x = keras.Input((28, 28, 1))
    for _ in range(3):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        if pool == "average":
            x = layers.AveragePooling2D(2, padding="same")(x)
        elif pool == "max":
            x = layers.MaxPooling2D(2, padding="same")(x)
        else:
            x = blur(layers.MaxPooling2D(2, strides=1, padding="same")(x))
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def blur(x: Any) -> Any:
    """Every second cell of a map (N, H, W, C) that was blurred with the weights 1-2-1 along both axes.

    Examples
    --------
    >>> stripes = np.tile([1.0, 0.0], 4).astype(np.float32)  # as fine as they can be
    >>> image = np.tile(stripes, (8, 1))[np.newaxis, ..., np.newaxis]
    >>> np.asarray(blur(image))[0, 1, 1:-1, 0].tolist()  # the subsampled stripes would be all 1 or all 0
    [0.5, 0.5]
    """
    line = np.array([1.0, 2.0, 1.0], np.float32) / 4
    kernel = np.tile(np.outer(line, line)[..., np.newaxis, np.newaxis], (1, 1, x.shape[-1], 1))
    return keras.ops.depthwise_conv(x, kernel, strides=2, padding="same")


def draw_weights(network: keras.Model, seed: int) -> None:
    """New random kernels (He and others 2015); scales and variances of 1, everything else 0; nested models too.

    That takes a fraction of the time of building the network anew.

    Examples
    --------
    >>> network = stacked_network("plain", 4)
    >>> draw_weights(network, 0)
    >>> round(float(np.std(network.layers[4].kernel)), 1)  # the root of 2 over 9 · 16
    0.1
    """
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        shape = weight.shape
        if len(shape) > 1:
            weight.assign(rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape))
        else:
            weight.assign(np.full(shape, float(weight.path.endswith(("gamma", "moving_variance")))))


class Trainer:
    """Plain stochastic gradient descent with momentum, for many seeds and rates of one network.

    TensorFlow builds the graph of a step once, which takes longer than a short training does.

    Parameters
    ----------
    network : keras.Model
        Gives logits. :meth:`start` draws its weights anew.
    momentum : float
    """

    def __init__(self, network: keras.Model, momentum: float = 0.9) -> None:
        self.network = network
        self.optimizer = keras.optimizers.SGD(0.1, momentum=momentum)
        self.optimizer.build(network.trainable_variables)
        self.rng = np.random.default_rng(0)
        self._step = tf.function(self._update)

    def start(self, rate: float, seed: int) -> None:
        """Draw new weights, forget the momentum, and begin with a seed's order of the images."""
        draw_weights(self.network, seed)
        for variable in self.optimizer.variables:
            if "learning_rate" not in variable.path:
                variable.assign(np.zeros(variable.shape, variable.dtype))
        self.optimizer.learning_rate = rate
        self.rng = np.random.default_rng(seed)

    def run(
        self, part: tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]], steps: int, batch_size: int
    ) -> FloatArray:
        """Train for some steps more on images and their labels; the loss of each, as its batch saw it."""
        images, labels = part
        values = np.empty(steps)
        for step in range(steps):
            chosen = self.rng.choice(len(images), batch_size, replace=False)
            values[step] = self._step(tf.constant(images[chosen]), tf.constant(labels[chosen].astype(np.int32)))
        return values

    def _update(self, x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = self.network(x, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        variables = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss


def losses_of(
    network: keras.Model, images: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]
) -> tuple[float, float]:
    """Mean cross-entropy and share of wrong digits, in inference.

    Examples
    --------
    >>> loss, wrong = losses_of(stacked_network("plain", 8), *digits().test)
    >>> wrong > 0.7
    True
    """
    logits = np.concatenate([network(part, training=False) for part in np.array_split(images, 4)])
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels.astype(np.int32), logits)
    return float(np.mean(losses)), float(np.mean(logits.argmax(axis=1) != labels))


def reestimate(network: keras.Model, batches: Any) -> None:
    """Replace the running means and variances of a model's batch normalisations by those of some batches.

    Parameters
    ----------
    network : keras.Model
        Nested models are looked into. No weight is trained.
    batches : iterable of (N, ...) arrays
        Images, one batch after the other; each counts alike.

    Notes
    -----
    A running mean with the momentum 1 - 1/k in step k is the mean of the k batches (Wu and Johnson 2021,
    *Rethinking "Batch" in BatchNorm*, "precise BatchNorm").
    """
    norms = [part for part in network._flatten_layers() if isinstance(part, keras.layers.BatchNormalization)]
    kept = [norm.momentum for norm in norms]
    for number, images in enumerate(batches, start=1):
        for norm in norms:
            norm.momentum = 1 - 1 / number
        network(images, training=True)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum


def shifted(images: npt.NDArray[Any], rows: int, columns: int) -> npt.NDArray[Any]:
    """Images (N, H, W, C) moved down and to the right by whole pixels; zeros come in.

    Examples
    --------
    >>> shifted(np.arange(6.0).reshape(1, 2, 3, 1), 1, -1)[0, ..., 0]
    array([[0., 0., 0.],
           [1., 2., 0.]])
    """
    most = max(abs(rows), abs(columns))
    padded = np.pad(images, [(0, 0), (most, most), (most, most), (0, 0)])
    top, left = most - rows, most - columns
    return padded[:, top : top + images.shape[1], left : left + images.shape[2]]
