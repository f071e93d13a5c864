"""What chapter 14 and its tables share: a detector on several workers, and digits in batches of any size."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils.backbones import residual_backbone
from course_utils.datasets.drinks import render_dataset
from course_utils.detection import SSD, build_ssd, ssd_loss, ssd_targets
from course_utils.experiments.ch11 import Trainer, build_cnn, digits_task
from course_utils.training import set_seed

__all__ = [
    "ALONE",
    "AS_BUILT",
    "REPAIRED",
    "DataParallel",
    "Parts",
    "batch_run",
    "build_small",
    "make_optimizer",
    "make_step",
    "rates_of",
    "scenes_of",
]

# Small, so that TensorFlow traces the step in seconds. 37 scenes in batches of 8 leave a last batch of 5, which
# two workers cannot share evenly.
SHAPE, SCENES, BATCH = (48, 64, 3), 37, 8
LEARNING_RATE, MOMENTUM, LIMIT = 0.02, 0.9, 1.0

Step = Callable[[Any, Any], tf.Tensor]


class Parts(NamedTuple):
    """What the workers do together (True) or each by itself (False)."""

    batch_norm: bool = True
    divisor: bool = True
    clipping: bool = True


REPAIRED, AS_BUILT = Parts(), Parts(False, False, False)
# One of the three left as it was built, the others repaired.
ALONE = {
    "batch normalisation": Parts(batch_norm=False),
    "divisor": Parts(divisor=False),
    "clipping": Parts(clipping=False),
}

# The digits in batches of any size: as many passes, whatever the batch; the rate may rise over the first pass.
DIGITS, EPOCHS = 1024, 10


def build_small(batch_norm_of_all: bool, dtype: str | None = None) -> SSD:
    """Chapter 07's detector with fewer and narrower layers, for scenes of 48 × 64 pixels.

    Parameters
    ----------
    batch_norm_of_all : bool
        Whether batch normalisation takes its means over the batches of all workers together.
    dtype : str, optional
        A dtype policy of Keras, such as "float64"; the one that is set by default.

    Examples
    --------
    >>> build_small(True).output_shape
    (None, 1440, 8)
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype or before)
    try:
        backbone = residual_backbone(SHAPE, (8, 16), (1,))
        scales, ratios = ((0.3, 0.5), (0.6, 0.9)), (0.35, 0.6, 1.0)
        model = build_ssd(SHAPE, backbone=backbone, channels=16, scales=scales, aspect_ratios=ratios)
    finally:
        keras.config.set_dtype_policy(before)
    for layer in [*backbone.layers, *model.layers]:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = batch_norm_of_all
    return model


def scenes_of(model: SSD) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Images and targets of 37 scenes."""
    drawn = render_dataset(SCENES, 14, *SHAPE[:2])
    targets = [ssd_targets(model, boxes, ids) for boxes, ids in zip(drawn.boxes, drawn.class_ids, strict=True)]
    return (drawn.images / np.float32(255)).astype(np.float32), np.stack(targets)


def make_optimizer(model: SSD, parts: Parts) -> keras.optimizers.Optimizer:
    """Momentum, which clips each gradient to a norm of 1 by itself unless the step does it."""
    optimizer = keras.optimizers.SGD(LEARNING_RATE, MOMENTUM, clipnorm=None if parts.clipping else LIMIT)
    optimizer.build(model.trainable_variables)
    return optimizer


def make_step(
    strategy: tf.distribute.Strategy, model: SSD, optimizer: keras.optimizers.Optimizer, parts: Parts
) -> Step:
    """One step of all workers: takes a distributed batch, returns the loss of the whole batch."""
    loss = ssd_loss(model)

    def on_one_worker(x: Any, y: Any) -> tf.Tensor:
        def summed(values: Any) -> Any:  # over the workers: the all-reduce
            return tf.distribute.get_replica_context().all_reduce("SUM", values)

        n = tf.cast(tf.shape(x)[0], model.compute_dtype)
        positives = tf.reduce_sum(tf.cast((y[..., 0] > 0) & (y[..., 0] < 255), model.compute_dtype))
        with tf.GradientTape() as tape:
            costs = loss(y, model(x, training=True))  # one an image, divided by this worker's positives
            if parts.divisor:
                undivided = tf.reduce_sum(costs) / tf.maximum(n, 1) * tf.maximum(positives, 1)
                value = undivided / tf.maximum(summed(positives), 1)
            else:
                value = tf.reduce_sum(costs) / summed(n)
        gradients = tape.gradient(value, model.trainable_variables)
        if parts.clipping:
            gradients = [tf.clip_by_norm(gradient, LIMIT) for gradient in summed(gradients)]
            # All workers hold the same by now, and the optimizer is about to sum them once more.
            gradients = [gradient / strategy.num_replicas_in_sync for gradient in gradients]
        optimizer.apply(gradients, model.trainable_variables)
        return value

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(x: Any, y: Any) -> tf.Tensor:
        return strategy.reduce("SUM", strategy.run(on_one_worker, (x, y)), axis=None)

    return step  # type: ignore[no-any-return]


class DataParallel:
    """A training of the small detector whose batches are shared among the workers of a strategy.

    Parameters
    ----------
    strategy : tf.distribute.Strategy
        Of one worker (``tf.distribute.get_strategy()``) or several.
    parts : Parts
    seed : int
        Of the first weights.
    dtype : str
        "float64" keeps rounding errors too small to grow into anything that shows.
    """

    def __init__(
        self, strategy: tf.distribute.Strategy, parts: Parts = REPAIRED, seed: int = 0, dtype: str = "float32"
    ) -> None:
        set_seed(seed)
        self.strategy, self._dtype = strategy, dtype
        with strategy.scope():
            self.model = build_small(parts.batch_norm, dtype)
            self.optimizer = make_optimizer(self.model, parts)
        self._step = make_step(strategy, self.model, self.optimizer, parts)

    def run(self, start: int, stop: int) -> Iterator[tuple[int, float]]:
        """Take the steps after ``start`` up to ``stop``; yield the number and the loss of each."""
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        batches = tf.data.Dataset.from_tensor_slices(scenes_of(self.model)).batch(BATCH).repeat()
        batches = batches.skip(start).take(stop - start).with_options(options)
        shared = self.strategy.experimental_distribute_dataset(batches)
        for number, (x, y) in enumerate(shared, start=start + 1):
            yield number, float(self._step(x, y))

    def reset(self, seed: int) -> None:
        """Begin anew, with the first weights of another seed, without tracing the step again."""
        set_seed(seed)
        fresh = build_small(True, self._dtype)
        for variable, value in zip(
            self.variables, [*fresh.weights, *make_optimizer(fresh, REPAIRED).variables], strict=True
        ):
            variable.assign(value.numpy())

    @property
    def variables(self) -> list[Any]:
        """Everything that the next step depends on."""
        return [*self.model.weights, *self.optimizer.variables]

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """The values of all variables, to be stored."""
        return {str(number): variable.numpy() for number, variable in enumerate(self.variables)}

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Put stored values back."""
        for number, variable in enumerate(self.variables):
            variable.assign(state[str(number)])


def rates_of(rate: float, steps: int, warmup_steps: int) -> list[float]:
    """The rate of each step: constant, after a straight rise over ``warmup_steps``.

    Examples
    --------
    >>> rates_of(0.5, 4, 2)
    [0.25, 0.5, 0.5, 0.5]
    """
    return [rate * min(1.0, (step + 1) / max(1, warmup_steps)) for step in range(steps)]


@cache
def _trainer() -> Trainer:
    tf.config.experimental.enable_op_determinism()
    return Trainer(build_cnn(0), keras.optimizers.SGD(momentum=MOMENTUM), digits_task(DIGITS))


def batch_run(key: Mapping[str, str]) -> dict[str, str]:
    """Train the small network of chapter 11 for ten passes over 1,024 digits, and score it.

    Parameters
    ----------
    key : mapping
        ``batch``, ``learning_rate``, ``seed``, ``warmup`` ("yes" or "no") and ``stage``: test digits are looked at
        only where it is "final".

    Returns
    -------
    dict
        The columns of the run in the table, as text.
    """
    batch, seed = int(key["batch"]), int(key["seed"])
    a_pass = DIGITS // batch
    trainer = _trainer()
    trainer.reset(build_cnn(seed).get_weights())
    warmup = a_pass if key["warmup"] == "yes" else 0
    losses = trainer.run(rates_of(float(key["learning_rate"]), EPOCHS * a_pass, warmup), seed, batch)
    train_loss, _ = trainer.scores("train")
    _, validation = trainer.scores("validation")
    return {
        "train_loss": f"{train_loss:.5f}",
        "validation_accuracy": f"{validation:.5f}",
        "test_accuracy": f"{trainer.scores('test')[1]:.5f}" if key["stage"] == "final" else "",
        "finite": "yes" if np.isfinite(losses).all() else "no",
    }
