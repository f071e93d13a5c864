"""A Keras model that trains a student on a teacher's logits."""

from collections.abc import Mapping
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops
from scipy.special import logsumexp

from course_utils._arguments import (
    as_float_array,
    as_integer_array,
    require_finite,
    require_kind,
    require_positive,
)
from course_utils.distillation.losses import (
    check_weights,
    distillation_loss,
    interpolated_loss,
    known_values,
    logit_matching_loss,
)

__all__ = ["Distiller"]


@keras.saving.register_keras_serializable(package="course_utils")
class Distiller(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """A model that trains a student on a teacher's logits, by ``compile`` and ``fit``.

    Parameters
    ----------
    teacher : keras.Model or None
        Returns logits (…, K). It is frozen (``teacher.trainable`` becomes False) and runs in
        inference mode. None if the logits are computed beforehand.
    student : keras.Model
        Returns logits of the same shape. It is trained in place; ``predict`` and a call give its
        logits.
    temperature, alpha, beta : float
        As in :func:`distillation_loss`.
    kind : "soft" | "logits"
        The term that carries the weight alpha: the soft cross-entropy with its T², or
        :func:`logit_matching_loss` (then the sum with the labels is :func:`interpolated_loss`,
        whose own alpha is ``beta / (alpha + beta)``).

    Raises
    ------
    ValueError
        For parameters as in :func:`distillation_loss`, a teacher that is the student, models that
        end in a softmax, a log_softmax or a sigmoid, whatever it is written with, or have different
        numbers of classes; in ``compile`` for a loss, in ``fit`` and ``evaluate`` for targets that
        cannot be used. Where a model is not built yet, only its last layer can tell what it ends in.

    Notes
    -----
    ``compile`` takes an optimiser and metrics and **no loss**. ``fit`` and ``evaluate`` take as
    ``y`` the labels, nothing at all (unlabelled images), or a dictionary with ``"labels"`` or
    ``"teacher_logits"`` or both; logits that come so are used in the teacher's place. Metrics
    see labels and the student's logits, and stay untouched without labels. ``export`` writes the
    student, as ``predict`` returns its logits; ``save`` keeps both.

    Examples
    --------
    >>> import numpy as np
    >>> images, logits = np.eye(4, dtype="float32"), 9 * np.eye(4, dtype="float32")
    >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    >>> distiller = Distiller(None, student)
    >>> distiller.compile(keras.optimizers.Adam(0.1))
    >>> history = distiller.fit(images, {"teacher_logits": logits}, epochs=40, verbose=0)
    >>> student(images).numpy().argmax(axis=1)
    array([0, 1, 2, 3])
    """

    def __init__(
        self,
        teacher: keras.Model | None,
        student: keras.Model,
        temperature: float = 4.0,
        alpha: float = 0.9,
        beta: float = 0.1,
        kind: Literal["soft", "logits"] = "soft",
        **kwargs: Any,
    ) -> None:
        temperature = require_positive("temperature", temperature)
        alpha, beta = check_weights(alpha, beta, True)
        require_kind(kind, ("soft", "logits"))
        if not isinstance(student, keras.Model):
            raise ValueError(f"student: expected a keras.Model, got {type(student).__name__}")
        if teacher is not None and not isinstance(teacher, keras.Model):
            raise ValueError(f"teacher: expected a keras.Model or None, got {type(teacher).__name__}")
        if teacher is student:
            raise ValueError("teacher: expected another model than the student, got the same one")
        _require_logits("student", student)
        if teacher is not None:
            _require_logits("teacher", teacher)
            if teacher.built and student.built and teacher.output_shape[-1] != student.output_shape[-1]:
                raise ValueError(
                    f"teacher: expected as many classes as the student's {student.output_shape[-1]}, "
                    f"got {teacher.output_shape[-1]}"
                )
            teacher.trainable = False
        super().__init__(**kwargs)
        self.teacher = teacher
        self.student = student
        self.temperature, self.alpha, self.beta, self.kind = temperature, alpha, beta, kind
        self.built = student.built and (teacher is None or teacher.built)

    @property
    def trainable(self) -> bool:
        """Whether the student is trained; the teacher never is."""
        return bool(super().trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        keras.Model.trainable.fset(self, value)
        teacher = getattr(self, "teacher", None)
        if teacher is not None:
            teacher.trainable = False

    def compile(self, optimizer: Any = "adam", loss: Any = None, **kwargs: Any) -> None:
        """Set optimiser and metrics, as any Keras model's ``compile``, but without a loss."""
        if loss is not None:
            raise ValueError(f"loss: expected none, the distiller brings its own; got {loss!r}")
        super().compile(optimizer=optimizer, loss=None, **kwargs)

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Train the student, as any Keras model's ``fit``, after a look at arrays among the targets."""
        self.check_targets(y)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Loss and metrics, as any Keras model's ``evaluate``."""
        self.check_targets(y)
        return super().evaluate(x, y, *args, **kwargs)

    def export(self, *args: Any, **kwargs: Any) -> Any:
        """Write the student for serving, as any Keras model's ``export``: the teacher's work is done."""
        return self.student.export(*args, **kwargs)

    def check_targets(self, y: Any) -> None:
        """Reject values that a compiled step could not complain about."""
        labels, teacher_logits = (None if target is None else known_values(target) for target in _targets(y))
        if labels is not None:
            n_classes = self.student.output_shape[-1] if self.student.built else np.iinfo(np.int64).max
            as_integer_array("labels", labels, low=0, high=n_classes)
        if teacher_logits is not None:
            require_finite("teacher_logits", as_float_array("teacher_logits", teacher_logits))

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as before saving; Keras leaves that to models that check their ``compile``."""
        self.compile(**keras.saving.deserialize_keras_object(dict(config)))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the student's logits."""
        return self.student(inputs, training=training)

    def build(self, input_shape: Any) -> None:
        """Build teacher and student for inputs of this shape."""
        for model in (self.teacher, self.student):
            if model is not None and not model.built:
                model.build(input_shape)
        self.built = True

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the mean loss of a batch, the student's regularisation losses included."""
        labels, teacher_logits = _targets(y)
        if teacher_logits is None:
            if self.teacher is None:
                raise ValueError(
                    'y: expected a dictionary with "teacher_logits", because there is no teacher to ask; '
                    f"got {'nothing' if y is None else 'labels only'}"
                )
            teacher_logits = self.teacher(x, training=False)
        if self.kind == "soft":
            losses = distillation_loss(teacher_logits, y_pred, labels, self.temperature, self.alpha, self.beta)
        elif labels is None:
            check_weights(self.alpha, self.beta, False)
            losses = logit_matching_loss(teacher_logits, y_pred)
        else:
            losses = interpolated_loss(teacher_logits, y_pred, labels, self.beta / (self.alpha + self.beta))
        if sample_weight is not None:
            losses = losses * ops.cast(sample_weight, losses.dtype)
        loss = ops.mean(losses)
        for penalty in self.student.losses:
            loss = loss + ops.cast(penalty, loss.dtype)
        return loss

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Update the metrics that compare labels with the student's logits, where there are labels."""
        labels, _ = _targets(y)
        if labels is None:
            return {metric.name: metric.result() for metric in self.metrics if metric.name == "loss"}
        return dict(super().compute_metrics(x, labels, y_pred, sample_weight))

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the metrics by name, without those that have not seen a label yet."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            if getattr(metric, "built", True):
                result = metric.result()
                results.update(result if isinstance(result, Mapping) else {metric.name: result})
        return results

    def get_config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` needs, both models included."""
        models = {"teacher": self.teacher, "student": self.student}
        return {
            **super().get_config(),
            **{name: keras.saving.serialize_keras_object(model) for name, model in models.items()},
            "temperature": self.temperature,
            "alpha": self.alpha,
            "beta": self.beta,
            "kind": self.kind,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> "Distiller":
        """Build a distiller from :meth:`get_config`'s result."""
        rest = dict(config)
        for name in ("teacher", "student"):
            rest[name] = keras.saving.deserialize_keras_object(rest[name], custom_objects=custom_objects)
        return cls(**rest)


def _targets(y: Any) -> tuple[Any, Any]:
    """Labels and teacher's logits of a batch, each None where absent."""
    if not isinstance(y, Mapping):
        return y, None
    unknown = sorted(set(y) - {"labels", "teacher_logits"})
    if unknown or not y:
        raise ValueError(f'y: expected the keys "labels" and "teacher_logits", got {sorted(y)}')
    return y.get("labels"), y.get("teacher_logits")


def _require_logits(name: str, model: keras.Model) -> None:
    """Reject a model that ends in a softmax or the like: by its last layer, and by what it returns.

    The last layer is looked at even before the model has weights. What it returns tells whatever the
    end is made of: a layer, an operation, a lambda, a model's own ``call``.
    """
    last: Any = model
    while isinstance(last, keras.Model):
        last = last.layers[-1] if last.layers else None
    activation = "softmax" if isinstance(last, keras.layers.Softmax) else _name(getattr(last, "activation", None))
    end = activation if activation in ("softmax", "log_softmax", "sigmoid") else _kind_of_outputs(model)
    if end is not None:
        raise ValueError(f"{name}: expected a model that returns logits, got one that ends in a {end}")


def _name(activation: Any) -> str:
    """Name of an activation; TensorFlow's own softmax is a ``softmax_v2``."""
    return str(getattr(activation, "__name__", "")).removesuffix("_v2")


def _kind_of_outputs(model: keras.Model) -> str | None:
    """What a built model's outputs for random inputs can only come from, if it is none of logits.

    Half of the inputs are a hundred times as large as the others, so that logits leave [0, 1].
    """
    rng, scale = np.random.default_rng(0), np.repeat([1, 100], 4)
    try:
        draws = keras.tree.map_structure(lambda tensor: _random_batch(tensor, rng, scale), _inputs_of(model))
        values = ops.convert_to_numpy(model(draws, training=False)).astype(np.float64)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError, tf.errors.OpError):
        return None  # not built yet, or it takes no such inputs: nothing can be said
    if values.ndim < 2 or values.shape[-1] < 2 or not np.isfinite(values).all():
        return None
    if np.allclose(np.exp(logsumexp(values, axis=-1)), 1, atol=1e-3):
        return "log_softmax"
    if values.min() < 0 or values.max() > 1:
        return None
    if np.allclose(values.sum(axis=-1), 1, atol=1e-3):
        return "softmax"
    return "sigmoid" if values.min() < values.max() else None


def _inputs_of(model: keras.Model) -> Any:
    """What a model takes, with shapes and dtypes; of a model with a ``call`` of its own, what it was built for."""
    if isinstance(model, keras.Sequential):
        return model.inputs[0]
    if getattr(model, "inputs", None):
        return model.input
    return keras.KerasTensor(model.get_build_config()["input_shape"], model.input_dtype)


def _random_batch(tensor: Any, rng: np.random.Generator, scale: npt.NDArray[np.int64]) -> Any:
    """A batch for a model's input, 32 long where its shape is open; ids of 0 or 1 where it takes integers."""
    shape = (len(scale), *(32 if side is None else side for side in tensor.shape[1:]))
    if "int" in tensor.dtype:
        return rng.integers(0, 2, shape).astype(tensor.dtype)
    return ops.convert_to_tensor((rng.normal(size=shape).T * scale).T, tensor.dtype)
