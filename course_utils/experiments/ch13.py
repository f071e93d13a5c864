"""Clusters of digits without labels, by the information that two views share: chapter 13 and its tables."""

import time
from typing import Any, Literal, NamedTuple, get_args

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import require_kind
from course_utils.datasets import load_digits, split
from course_utils.deformation import affine_field, displacement_field, random_affine, warp
from course_utils.information import assign_clusters, iic_loss, info_nce
from course_utils.training import set_seed

__all__ = [
    "Digits",
    "Learner",
    "build_encoder",
    "digits",
    "halved",
    "held_out_accuracy",
    "live_quantities",
    "score",
    "train_live",
    "views_of",
]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
Objective = Literal["IIC", "InfoNCE", "agreement"]

PARTS = (4000, 1000)  # digits for training and for the score
# Chosen in a handful of runs by their score on the 1,000 digits, which is therefore somewhat too kind.
VIEWS = 8  # of each training digit
AFFINE = {"rotation": 15.0, "scale": 0.2, "shear": 0.3, "shift": 0.7}
ALPHA, SIGMA = 25.0, 4.0  # of the elastic field
WIDTH, HEADS, CLUSTERS, FINE = 400, 5, 10, 30  # hidden units, heads of either kind, clusters of a head
BATCH, LEARNING_RATE, TEMPERATURE = 250, 5e-3, 0.2
LIVE_STEPS = 700

# What the chapter asserts of the live training.
BOUNDS = {"accuracy": ("above", 0.6), "information": ("above", 1.2)}


class Digits(NamedTuple):
    """Images (N, 28, 28) and labels (N,) for training, and others that a run is scored on once."""

    train: FloatArray
    train_labels: IntArray
    test: FloatArray
    test_labels: IntArray


def digits(fresh: int | None = None) -> Digits:
    """4,000 digits to train on and 1,000 to score: the same whatever the seed of a run.

    With a number from 0 to 3, a quarter of those 4,000 is scored instead, by whose labels nothing was chosen, and
    the 1,000 take its place.

    Examples
    --------
    >>> [len(part) for part in digits()]
    [4000, 4000, 1000, 1000]
    >>> len(digits(fresh=3).test)
    1000
    """
    images, labels = load_digits()
    train, test = split(labels, PARTS, np.random.default_rng(13))
    if fresh is not None:
        parts = split(labels[train], (PARTS[1],) * (PARTS[0] // PARTS[1]), np.random.default_rng(14))
        train, test = np.concatenate([np.delete(train, parts[fresh]), test]), train[parts[fresh]]
    return Digits(images[train], labels[train].astype(np.int64), images[test], labels[test].astype(np.int64))


def halved(images: npt.NDArray[Any]) -> FloatArray:
    """(N, 28, 28) to (N, 196): each value the mean of four pixels.

    Examples
    --------
    >>> halved(np.ones((2, 28, 28))).shape
    (2, 196)
    """
    means: FloatArray = images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype(np.float32)
    return means


def views_of(images: FloatArray, rng: np.random.Generator) -> FloatArray:
    """One random view of each image (N, 28, 28): turned, scaled, slanted, shifted and warped a little."""
    n, shape = len(images), (28, 28)
    elastic = displacement_field(shape, ALPHA, SIGMA, rng, n)
    field = affine_field(shape, random_affine(shape, rng, n=n, **AFFINE), elastic)
    view: FloatArray = warp(images[..., np.newaxis], field, mode="constant")[..., 0].astype(np.float32)
    return view


def build_encoder() -> keras.Model:
    """Two hidden layers, and the logits of heads of 10 clusters and of heads of 30.

    Examples
    --------
    >>> build_encoder().count_params()
    321800
    """
    layers = keras.layers
    x = image = keras.Input((196,))
    for number in range(2):
        x = layers.Dense(WIDTH, use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU(name=f"hidden{number}")(x)
    heads = [layers.Dense(HEADS * k)(x) for k in (CLUSTERS, FINE)]
    return keras.Model(image, [x, *(layers.Reshape((HEADS, -1))(head) for head in heads)])


class Learner:
    """An encoder that learns from views of digits, without their labels; restarted without compiling anew.

    Parameters
    ----------
    images : (N, 28, 28) float32
    objective : "IIC", "InfoNCE" or "agreement"
        What is maximised: the information of the clusters of two views; telling each view's partner from the rest
        of the batch by the cosine between the codes; or the probability that two views fall into one cluster.
    views : int
        How many views of each image are drawn, once for all restarts.
    over_clustering : bool
        Every third step trains the heads of 30 clusters instead of those of 10.
    seed : int
        Of the views.
    """

    def __init__(
        self,
        images: FloatArray,
        objective: Objective = "IIC",
        *,
        views: int = VIEWS,
        over_clustering: bool = True,
        seed: int = 0,
    ) -> None:
        set_seed(seed)
        self.objective = require_kind(objective, get_args(Objective), name="objective")
        rng = np.random.default_rng(seed)
        self.images, self.over_clustering = halved(images), over_clustering
        self.views = tf.constant(np.stack([halved(views_of(images, rng)) for _ in range(views)]))
        self.network = build_encoder()
        self._optimizer = keras.optimizers.Adam(LEARNING_RATE)
        self._optimizer.build(self.network.trainable_variables)
        self._step = tf.function(self._update)
        self.start(seed)

    def start(self, seed: int) -> None:
        """New random weights, a fresh optimizer, another order of the batches."""
        set_seed(seed)
        self.network.set_weights(build_encoder().get_weights())
        for variable in self._optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        self._rng, self.step, self.seconds = np.random.default_rng(seed), 0, 0.0

    def state(self) -> list[Any]:
        """All that is needed to go on from here later."""
        variables = [v.numpy() for v in (*self.network.variables, *self._optimizer.variables)]
        return [variables, self._rng.bit_generator.state, self.step, self.seconds]

    def restore(self, state: list[Any]) -> None:
        """Go on from a state."""
        variables, self._rng.bit_generator.state, self.step, self.seconds = state
        for variable, value in zip((*self.network.variables, *self._optimizer.variables), variables, strict=True):
            variable.assign(value)

    def train(self, steps: int, fall_over: int | None = None) -> None:
        """Take steps; the rate falls to 0 over the last ``fall_over`` of them, along a cosine."""
        started, last = time.process_time(), self.step + steps
        while self.step < last:
            left = min(1.0, (last - self.step) / fall_over) if fall_over else 1.0
            self._optimizer.learning_rate = LEARNING_RATE * np.sin(np.pi / 2 * left) ** 2
            chosen = self._rng.integers(0, len(self.images), BATCH)
            first, second = self._rng.integers(0, len(self.views), (2, BATCH))
            fine = self.over_clustering and self.step // 16 % 3 == 0
            self._step(np.stack([first, chosen], axis=1), np.stack([second, chosen], axis=1), fine)
            self.step += 1
        self.seconds += time.process_time() - started

    def losses(self) -> FloatArray:
        """The loss of each head of 10 clusters, over two views of all images: what head and run are chosen by."""
        first, second = (self._probabilities(self.views[view]) for view in (0, 1))
        return np.array([float(iic_loss(first[:, head], second[:, head])) for head in range(HEADS)])

    def codes(self, images: FloatArray) -> FloatArray:
        """Codes (N, 400) of images as :func:`halved` gives them."""
        return np.asarray(self.network(images, training=False)[0])

    def clusters(self, images: FloatArray, head: int) -> IntArray:
        """The cluster (N,) of each image in one head."""
        clusters: IntArray = np.asarray(self._probabilities(images))[:, head].argmax(axis=1)
        return clusters

    def _probabilities(self, images: Any) -> Any:
        return tf.nn.softmax(self.network(images, training=False)[1])

    def _update(self, first: Any, second: Any, fine: bool) -> None:
        images = tf.concat([tf.gather_nd(self.views, first), tf.gather_nd(self.views, second)], axis=0)
        with tf.GradientTape() as tape:
            codes, *logits = self.network(images, training=True)
            if self.objective == "IIC":
                p, q = tf.split(tf.nn.softmax(logits[int(fine)]), 2)
                value = tf.add_n([iic_loss(p[:, head], q[:, head]) for head in range(HEADS)]) / HEADS
            elif self.objective == "agreement":
                p, q = tf.split(tf.nn.softmax(logits[int(fine)]), 2)
                value = -tf.reduce_mean(tf.reduce_sum(p * q, axis=-1))
            else:
                p, q = tf.split(tf.math.l2_normalize(codes, axis=1), 2)
                value = -info_nce(tf.matmul(p, q, transpose_b=True) / TEMPERATURE)
        variables = self.network.trainable_variables
        gradients = tape.gradient(value, variables)
        used = [(gradient, v) for gradient, v in zip(gradients, variables, strict=True) if gradient is not None]
        self._optimizer.apply(*(list(part) for part in zip(*used, strict=True)))


def held_out_accuracy(
    train_clusters: IntArray, train_labels: IntArray, test_clusters: IntArray, test_labels: IntArray
) -> float:
    """Share of test digits whose cluster stands for their class; what it stands for, training digits decide.

    Examples
    --------
    >>> held_out_accuracy(np.array([1, 1, 0]), np.array([0, 0, 1]), np.array([1, 0]), np.array([0, 0]))
    0.5
    """
    table = np.zeros((max(CLUSTERS, train_clusters.max() + 1), CLUSTERS), np.int64)
    np.add.at(table, (train_clusters, train_labels), 1)
    return float(np.mean(assign_clusters(table)[test_clusters] == test_labels))


def score(learner: Learner, data: Digits) -> dict[str, float]:
    """The head of the lowest loss: its number, its information, the accuracy of its clusters, clusters in use."""
    losses = learner.losses()
    head = int(losses.argmin())
    train, test = (learner.clusters(halved(part), head) for part in (data.train, data.test))
    used = np.bincount(train, minlength=CLUSTERS) >= len(train) / 100
    return {
        "head": head,
        "information": -float(losses[head]),
        "accuracy": held_out_accuracy(train, data.train_labels, test, data.test_labels),
        "clusters": int(used.sum()),
    }


def train_live(data: Digits, seed: int = 0) -> Learner:
    """One training with clusters for its loss, of about half a minute."""
    learner = Learner(data.train, seed=seed)
    learner.train(LIVE_STEPS, fall_over=LIVE_STEPS // 3)
    return learner


def live_quantities(seed: int) -> dict[str, float]:
    """Train, and give what the chapter asserts of it."""
    data = digits()
    found = score(train_live(data, seed), data)
    return {name: found[name] for name in BOUNDS}
