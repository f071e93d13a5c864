"""Distillation's losses and trainer against NumPy, SciPy, Keras and hand-computed cases."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax as scipy_log_softmax
from scipy.special import softmax as scipy_softmax

from course_utils.distillation import Distiller, distillation_loss, interpolated_loss, logit_matching_loss
from course_utils.experiments.ch03 import build_student, build_teacher, shifted_copies, train


def random_case(seed=0, shape=(6, 4), scale=5.0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, scale, shape), rng.normal(0, scale, shape), rng.integers(0, shape[-1], shape[:-1])


def independent(teacher, student, labels=None, temperature=4.0, alpha=0.9, beta=0.1):
    soft = -(scipy_softmax(teacher / temperature, -1) * scipy_log_softmax(student / temperature, -1)).sum(-1)
    if labels is None:
        return temperature**2 * soft
    hard = -np.take_along_axis(scipy_log_softmax(student, -1), labels[..., None], -1)[..., 0]
    return (alpha * temperature**2 * soft + beta * hard) / (alpha + beta)


class TestDistillationLoss:
    def test_by_hand(self):
        # p = (2/3, 1/3) and q = (1/2, 1/2) at T = 2: 4 ln 2; the label costs ln 2.
        teacher, student = np.array([[2 * np.log(2.0), 0.0]]), np.array([[3.0, 3.0]])
        soft, hard = 4 * np.log(2), np.log(2)
        assert np.allclose(distillation_loss(teacher, student, temperature=2.0), [soft])
        mixed = distillation_loss(teacher, student, [1], temperature=2.0, alpha=3.0, beta=1.0)
        assert np.allclose(mixed, [(3 * soft + hard) / 4])

    @pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 50.0])
    @pytest.mark.parametrize("shape", [(6, 4), (2, 3, 5), (4,)])
    def test_against_scipy(self, shape, temperature):
        teacher, student, labels = random_case(1, shape)
        for ids in (None, labels):
            ours = distillation_loss(teacher, student, ids, temperature, 0.7, 0.2)
            assert ours.shape == shape[:-1]
            assert np.allclose(ours, independent(teacher, student, ids, temperature, 0.7, 0.2))

    def test_against_keras(self):
        teacher, student, labels = random_case(2)
        soft = 9 * keras.losses.categorical_crossentropy(
            scipy_softmax(teacher / 3, -1), student / 3, from_logits=True
        )
        hard = keras.losses.sparse_categorical_crossentropy(labels, student, from_logits=True)
        assert np.allclose(distillation_loss(teacher, student, labels, 3.0, 0.5, 0.5), (soft + hard) / 2)

    def test_the_defaults(self):
        case = random_case(3)
        assert np.allclose(distillation_loss(*case), independent(*case))

    def test_it_is_the_cross_entropy_and_not_the_divergence(self):
        teacher, _, _ = random_case(4)
        p = scipy_softmax(teacher / 4, -1)
        assert np.allclose(distillation_loss(teacher, teacher), -16 * (p * np.log(p)).sum(-1))

    def test_beta_is_not_used_without_labels(self):
        teacher, student, _ = random_case(5)
        reference = distillation_loss(teacher, student, alpha=1.0, beta=0.0)
        assert np.array_equal(distillation_loss(teacher, student, alpha=0.2, beta=99.0), reference)

    def test_alpha_0_is_the_plain_loss(self):
        teacher, student, labels = random_case(6)
        plain = keras.losses.sparse_categorical_crossentropy(labels, student, from_logits=True)
        assert np.allclose(distillation_loss(teacher, student, labels, alpha=0.0, beta=0.3), plain)

    def test_huge_logits(self):
        teacher, student = np.array([[1e5, 0.0, -1e5]]), np.array([[-1e5, 0.0, 1e5]])
        assert np.allclose(distillation_loss(teacher, student, temperature=2.0), [4e5])

    def test_tensors_of_any_kind(self):
        teacher, student, labels = random_case(7)
        expected = independent(teacher, student, labels)
        for cast in (tf.constant, tf.Variable, lambda a: a.tolist()):
            assert np.allclose(distillation_loss(cast(teacher), cast(student), cast(labels)), expected, rtol=1e-4)
        assert np.allclose(distillation_loss(teacher, tf.constant(student, tf.float32), labels), expected, 1e-4)
        assert distillation_loss(teacher, student.astype(np.float16)).dtype == tf.float32

    def test_inside_a_function(self):
        teacher, student, labels = random_case(8)
        compiled = tf.function(distillation_loss)
        result = compiled(tf.constant(teacher), tf.constant(student), tf.constant(labels))
        assert np.allclose(result, independent(teacher, student, labels))

    @given(st.integers(0, 1000), st.floats(0.5, 20), st.floats(-50, 50))
    @settings(max_examples=25, deadline=None)
    def test_no_student_is_better_than_the_teacher_and_offsets_change_nothing(self, seed, temperature, offset):
        teacher, student, _ = random_case(seed)
        loss = distillation_loss(teacher, student, temperature=temperature).numpy()
        assert (loss >= distillation_loss(teacher, teacher, temperature=temperature).numpy() - 1e-9).all()
        moved = distillation_loss(teacher + offset, student - offset, temperature=temperature)
        assert np.allclose(loss, moved, rtol=1e-6)

    def test_gradient_of_the_student_and_none_of_the_teacher(self):
        teacher, student = (tf.Variable(a) for a in random_case(9)[:2])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(distillation_loss(teacher, student, temperature=5.0))
        to_student, to_teacher = tape.gradient(loss, [student, teacher])
        q, p = scipy_softmax(student.numpy() / 5, -1), scipy_softmax(teacher.numpy() / 5, -1)
        assert np.allclose(to_student, 5.0 * (q - p))
        assert to_teacher is None

    def test_hot_gradient_is_that_of_zero_mean_logit_matching(self):
        teacher, student, _ = random_case(10)
        z = tf.Variable(student)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(distillation_loss(teacher, z, temperature=1e4))
        difference = student - teacher
        limit = (difference - difference.mean(-1, keepdims=True)) / 4
        assert np.allclose(tape.gradient(loss, z), limit, rtol=1e-2, atol=1e-3)


class TestLogitMatching:
    def test_by_hand(self):
        assert np.allclose(logit_matching_loss([[1.0, 2.0, 3.0]], [[1.0, 0.0, 0.0]]), [13 / 3])

    def test_against_keras(self):
        teacher, student, labels = random_case(11)
        mse = keras.losses.mean_squared_error(teacher, student)
        assert np.allclose(logit_matching_loss(teacher, student), mse)
        hard = keras.losses.sparse_categorical_crossentropy(labels, student, from_logits=True)
        for alpha in (0.0, 0.3, 1.0):
            ours = interpolated_loss(teacher, student, labels, alpha=alpha)
            assert np.allclose(ours, alpha * hard + (1 - alpha) * mse)


BAD = [
    (lambda t, s, y: distillation_loss(t, s[:, :3]), "student_logits: expected the shape"),
    (lambda t, s, y: distillation_loss(t, s[0]), "student_logits: expected the shape"),
    (lambda t, s, y: distillation_loss(1.0, 2.0), "teacher_logits: expected shape"),
    (lambda t, s, y: distillation_loss(t * np.nan, s), "teacher_logits: 24 of 24 values are NaN"),
    (lambda t, s, y: distillation_loss(t, np.where(s > 0, np.inf, s)), "student_logits: expected finite"),
    (lambda t, s, y: distillation_loss(t, [["a"] * 4] * 6), "student_logits: expected real numbers"),
    (lambda t, s, y: distillation_loss(t, s, y + 4), "labels: expected 0 to 3"),
    (lambda t, s, y: distillation_loss(t, s, y[:5]), r"labels: expected shape \(6,\)"),
    (lambda t, s, y: distillation_loss(t, s, y * 1.0), "labels: expected integers"),
    (lambda t, s, y: distillation_loss(t, s, np.eye(4, dtype=int)[y]), r"labels: expected shape \(6,\)"),
    (lambda t, s, y: distillation_loss(t, s, temperature=0), "temperature: expected a finite number above 0"),
    (lambda t, s, y: distillation_loss(t, s, y, alpha=-1), "alpha: expected a finite number from 0"),
    (lambda t, s, y: distillation_loss(t, s, y, beta=np.nan), "beta: expected a finite number from 0"),
    (lambda t, s, y: distillation_loss(t, s, y, alpha=0, beta=0), "alpha: expected alpha"),
    (lambda t, s, y: distillation_loss(t, s, alpha=0), "alpha: expected a number above 0"),
    (lambda t, s, y: distillation_loss(t, s, y, alpha="high"), "alpha: expected a finite number from 0"),
    (lambda t, s, y: logit_matching_loss(t, s[:3]), "student_logits: expected the shape"),
    (lambda t, s, y: interpolated_loss(t, s, y, alpha=1.5), "alpha: expected a finite number from 0 to 1"),
    (lambda t, s, y: interpolated_loss(t, s, None), "labels: expected"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(*random_case(12))


def small_teacher():
    keras.utils.set_random_seed(1)
    layers = [keras.Input((5,)), keras.layers.Dense(16, "relu"), keras.layers.BatchNormalization()]
    return keras.Sequential([*layers, keras.layers.Dropout(0.5), keras.layers.Dense(3)])


def small_student(built=True, activation=None):
    keras.utils.set_random_seed(2)
    return keras.Sequential([*([keras.Input((5,))] if built else []), keras.layers.Dense(3, activation)])


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 5)).astype(np.float32), rng.integers(0, 3, 40)


class TestDistiller:
    @pytest.mark.parametrize("built", [True, False])
    @pytest.mark.parametrize("labelled", [True, False])
    @pytest.mark.parametrize("kind", ["soft", "logits"])
    def test_evaluate_is_the_mean_of_the_loss(self, batch, built, labelled, kind):
        """As a graph where labels and students differ in both; tracing all eight takes most of the time."""
        x, labels = batch
        teacher, student = small_teacher(), small_student(built)
        distiller = Distiller(teacher, student, 3.0, 0.6, 0.4, kind=kind)
        distiller.compile("sgd", metrics=["accuracy"], run_eagerly=built == labelled)
        found = distiller.evaluate(x, labels if labelled else None, verbose=0, return_dict=True)
        z, s = np.asarray(teacher(x)), np.asarray(student(x))
        if kind == "soft":
            expected = distillation_loss(z, s, labels if labelled else None, 3.0, 0.6, 0.4)
        else:
            expected = interpolated_loss(z, s, labels, 0.4) if labelled else logit_matching_loss(z, s)
        assert float(found["loss"]) == pytest.approx(np.mean(expected), rel=1e-5)
        assert ("accuracy" in found) == labelled
        if labelled:
            assert float(found["accuracy"]) == pytest.approx(np.mean(s.argmax(1) == labels))

    def test_one_step_of_descent(self, batch):
        x, _ = batch
        teacher, student = small_teacher(), small_student()
        weights, bias = (w.copy() for w in student.get_weights())
        distiller = Distiller(teacher, student, temperature=2.0)
        distiller.compile(keras.optimizers.SGD(0.1))
        distiller.fit(x, batch_size=40, verbose=0)
        errors = scipy_softmax((x @ weights + bias) / 2, -1) - scipy_softmax(np.asarray(teacher(x)) / 2, -1)
        after_weights, after_bias = student.get_weights()
        assert np.allclose(after_weights, weights - 0.1 * 2 * x.T @ errors / 40, atol=1e-5)
        assert np.allclose(after_bias, bias - 0.1 * 2 * errors.mean(0), atol=1e-5)

    def test_the_teacher_does_not_change(self, batch):
        x, labels = batch
        teacher = small_teacher()
        before = [w.copy() for w in teacher.get_weights()]
        distiller = Distiller(teacher, small_student())
        assert not teacher.trainable_variables
        distiller.compile("adam", run_eagerly=True)
        distiller.fit(x, labels, epochs=3, verbose=0)
        assert all(np.array_equal(a, b) for a, b in zip(before, teacher.get_weights(), strict=True))
        assert len(distiller.trainable_variables) == 2

    def test_cached_logits_do_what_the_teacher_does(self, batch):
        x, labels = batch
        teacher = small_teacher()
        logits = np.asarray(teacher(x))
        students = []
        for asked, targets in ((teacher, labels), (None, {"labels": labels, "teacher_logits": logits})):
            student = small_student()
            distiller = Distiller(asked, student)
            distiller.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
            distiller.fit(x, targets, shuffle=False, epochs=2, verbose=0)
            students.append(student.get_weights())
        assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(*students, strict=True))

    def test_a_dataset_and_weights_of_samples(self, batch):
        x, labels = batch
        teacher, student = small_teacher(), small_student()
        distiller = Distiller(teacher, student)
        distiller.compile("sgd")
        plain = float(distiller.evaluate(tf.data.Dataset.from_tensor_slices((x, labels)).batch(40), verbose=0))
        assert plain == pytest.approx(float(distiller.evaluate(x, labels, verbose=0)), rel=1e-5)
        half = float(distiller.evaluate(x, labels, sample_weight=np.full(40, 0.5), verbose=0))
        assert half == pytest.approx(plain / 2, rel=1e-5)

    def test_a_penalty_of_the_student_counts(self, batch):
        x, labels = batch
        dense = keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.5))
        student = keras.Sequential([keras.Input((5,)), dense])
        distiller = Distiller(small_teacher(), student)
        distiller.compile("sgd", run_eagerly=True)
        loss = distillation_loss(distiller.teacher(x), student(x), labels)
        penalty = 0.5 * np.sum(dense.kernel.numpy() ** 2)
        assert float(distiller.evaluate(x, labels, verbose=0)) == pytest.approx(np.mean(loss) + penalty, rel=1e-5)

    @pytest.mark.usefixtures("eagerly")
    @pytest.mark.filterwarnings("ignore:Even though the `tf.config")  # that data are not read eagerly
    @pytest.mark.parametrize("teacher", [small_teacher, lambda: None])
    def test_saving_and_loading(self, batch, tmp_path, teacher):
        x, labels = batch
        targets = {"labels": labels, "teacher_logits": np.zeros((40, 3), np.float32)}
        distiller = Distiller(teacher(), small_student(), 7.0, 0.3, 0.2, kind="logits")
        distiller.compile(keras.optimizers.Adam(0.01), metrics=["accuracy"])
        distiller.fit(x, targets, verbose=0)
        distiller.save(tmp_path / "distiller.keras")
        loaded = keras.models.load_model(tmp_path / "distiller.keras")
        assert (loaded.temperature, loaded.alpha, loaded.beta, loaded.kind) == (7.0, 0.3, 0.2, "logits")
        assert np.array_equal(loaded.predict(x, verbose=0), distiller.predict(x, verbose=0))
        for model in (loaded, distiller):
            model.fit(x, targets, shuffle=False, verbose=0)
        assert np.allclose(loaded.predict(x, verbose=0), distiller.predict(x, verbose=0), atol=1e-6)
        assert np.allclose(loaded.evaluate(x, targets, verbose=0), distiller.evaluate(x, targets, verbose=0), 1e-5)

    def test_weights_alone_are_saved_too(self, batch, tmp_path):
        one, other = Distiller(small_teacher(), small_student()), Distiller(small_teacher(), small_student())
        other.student.set_weights([w + 1 for w in other.student.get_weights()])
        one.save_weights(tmp_path / "w.weights.h5")
        other.load_weights(tmp_path / "w.weights.h5")
        assert np.array_equal(one(batch[0]), other(batch[0]))


BAD_DISTILLERS = [
    (lambda t, s: Distiller(s, s), "teacher: expected another model"),
    (lambda t, s: Distiller("t", s), "teacher: expected a keras.Model or None"),
    (lambda t, s: Distiller(t, None), "student: expected a keras.Model"),
    (lambda t, s: Distiller(t, s, temperature=-1), "temperature: expected"),
    (lambda t, s: Distiller(t, s, alpha=0, beta=0), "alpha: expected"),
    (lambda t, s: Distiller(t, s, kind="hard"), "kind: expected"),
    (lambda t, s: Distiller(build_teacher(), s), "teacher: expected as many classes"),
    (
        lambda t, s: Distiller(keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, "softmax")]), s),
        "teacher: expected a model that returns logits",
    ),
    (
        lambda t, s: Distiller(t, keras.Sequential([s, keras.layers.Softmax()])),
        "student: expected a model that returns logits",
    ),
    (
        lambda t, s: Distiller(t, keras.Sequential([s, keras.Sequential([keras.layers.Softmax()])])),
        "student: expected a model that returns logits",
    ),
    (
        lambda t, s: Distiller(keras.Sequential([keras.layers.Dense(3, "sigmoid")]), s),
        r"teacher: .* ends in a sigmoid",
    ),
    (lambda t, s: Distiller(t, s).compile("adam", loss="mse"), "loss: expected none"),
    (lambda t, s: Distiller(t, s).fit(np.ones((2, 5)), tf.constant([0, 9])), "labels: expected 0 to"),
    (lambda t, s: train(s, np.ones((2, 5)), {"teacher_logits": np.ones((2, 3))}), "targets: expected labels"),
    (lambda t, s: train(Distiller(t, s), np.ones((2, 5)), [0, 9]), "labels: expected 0 to"),
    (lambda t, s: train(Distiller(t, s), np.ones((2, 5)), {"labels": [0, 9]}), "labels: expected 0 to"),
    (lambda t, s: train(s, 1.0, [0]), "images: expected 1 rows"),
    (lambda t, s: train(s, np.ones((2, 5)), [0, 1], steps=True), "steps: expected an integer"),
    (lambda t, s: build_student(4), "filters: expected two integers"),
]


@pytest.mark.parametrize(("call", "message"), BAD_DISTILLERS)
def test_a_bad_distiller_is_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call(small_teacher(), small_student())


def functional(end):
    inputs = keras.Input((5,))
    return keras.Model(inputs, end(keras.layers.Dense(3)(inputs)))


class Subclassed(keras.Model):
    def __init__(self, end):
        super().__init__()
        self.dense, self.end = keras.layers.Dense(3), end

    def call(self, inputs):
        return self.end(self.dense(inputs))


def called(model):
    model(np.ones((2, 5), np.float32))
    return model


PROBABILITIES = {
    "tf.nn.softmax": lambda: small_student(True, tf.nn.softmax),
    "keras.ops.softmax": lambda: small_student(True, keras.ops.softmax),
    "a lambda": lambda: small_student(True, lambda x: keras.ops.softmax(x)),
    "log_softmax": lambda: small_student(True, "log_softmax"),
    "tf.nn.log_softmax": lambda: small_student(True, tf.nn.log_softmax),
    "tf.nn.sigmoid": lambda: small_student(True, tf.nn.sigmoid),
    "not built": lambda: small_student(False, tf.nn.log_softmax),
    "an operation": lambda: functional(keras.ops.softmax),
    "an activation layer": lambda: functional(keras.layers.Activation("sigmoid")),
    "a lambda layer": lambda: functional(keras.layers.Lambda(lambda x: tf.nn.softmax(x))),
    "a softmax and a layer that moves": lambda: functional(
        lambda x: keras.layers.Reshape((3,))(keras.layers.Softmax()(x))
    ),
    "its own call": lambda: called(Subclassed(keras.ops.softmax)),
}


@pytest.mark.parametrize("make", PROBABILITIES.values(), ids=PROBABILITIES)
def test_what_ends_in_probabilities_teaches_nothing_and_learns_nothing(make):
    for name, models in (("teacher", (make(), small_student())), ("student", (small_teacher(), make()))):
        with pytest.raises(
            ValueError, match=f"{name}: expected a model that returns logits, got one that ends in"
        ):
            Distiller(*models)


@pytest.mark.parametrize("end", [None, "relu", "tanh", keras.ops.softplus, "relu6"])
def test_other_ends_are_logits(end):
    Distiller(small_teacher(), small_student(True, end))
    Distiller(None, functional(lambda x: x))
    Distiller(None, called(Subclassed(lambda x: x)))
    Distiller(None, keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, kernel_initializer="zeros")]))


@pytest.mark.parametrize("built", [True, False])
def test_export_after_fit_is_the_student(batch, tmp_path, built):
    distiller = Distiller(small_teacher(), small_student(built))
    distiller.compile("sgd")
    distiller.fit(*batch, verbose=0)
    distiller.export(tmp_path / "student", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "student")  # held on to: its variables live as long as it does
    served = loaded.serve(batch[0].astype(np.float32))
    np.testing.assert_allclose(served, distiller.student(batch[0]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("temperature", [5e-324, 1e-45, 1e30, 1e300])
def test_a_temperature_that_leaves_the_dtype_is_named(temperature):
    teacher, student, _ = random_case(0)
    with pytest.raises(ValueError, match=r"temperature: .* float32"):
        distillation_loss(teacher.astype(np.float32), student.astype(np.float32), temperature=temperature)


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (lambda y: y, 'y: expected a dictionary with "teacher_logits"'),
        (lambda y: None, 'y: expected a dictionary with "teacher_logits"'),
        (lambda y: {"logits": y}, "y: expected the keys"),
        (lambda y: {"teacher_logits": np.zeros((40, 4))}, "student_logits: expected the shape"),
        (lambda y: {"teacher_logits": np.full((40, 3), np.nan)}, "teacher_logits: 120 of 120 values are NaN"),
        (lambda y: {"teacher_logits": np.full((40, 3), np.inf)}, "teacher_logits: expected finite"),
        (lambda y: {"labels": y - 1, "teacher_logits": np.zeros((40, 3))}, "labels: expected 0 to"),
        (lambda y: {"labels": y * 1.0, "teacher_logits": np.zeros((40, 3))}, "labels: expected integers"),
    ],
)
def test_targets_that_cannot_be_used(batch, targets, message, built):
    distiller = Distiller(None, small_student(built))
    distiller.compile("sgd")
    with pytest.raises(ValueError, match=message):
        distiller.fit(batch[0], targets(batch[1]), verbose=0)


def test_the_teacher_stays_frozen_when_the_distiller_is_thawed():
    distiller = Distiller(small_teacher(), small_student())
    distiller.trainable = False
    assert distiller.trainable_variables == []
    distiller.trainable = True
    assert distiller.teacher.trainable_variables == []
    assert len(distiller.trainable_variables) == len(distiller.student.trainable_variables) > 0


@pytest.mark.parametrize("alpha", ["half", None, float("nan"), True])
def test_an_alpha_that_is_no_number_is_named(alpha):
    with pytest.raises(ValueError, match="alpha: expected a finite number from 0 to 1, got"):
        interpolated_loss(np.ones((1, 2)), np.ones((1, 2)), [0], alpha)


def test_a_distiller_that_was_not_compiled(batch):
    with pytest.raises(ValueError, match="compile"):
        Distiller(small_teacher(), small_student()).fit(*batch, verbose=0)


class TestDigits:
    def test_sizes(self):
        assert build_teacher().output_shape == build_student((1, 2)).output_shape == (None, 10)
        assert build_student((4, 8)).count_params() == 40 + 296 + 10 * (49 * 8 + 1)

    def test_shifted_copies_against_roll(self):
        rng = np.random.default_rng(0)
        images = np.zeros((3, 9, 8, 1))
        images[:, 2:-2, 2:-2] = rng.random((3, 5, 4, 1))
        copies = shifted_copies(images, reach=2)
        rolled = [np.roll(images, (i, j), axis=(1, 2)) for i in range(2, -3, -1) for j in range(2, -3, -1)]
        assert np.array_equal(copies, rolled)

    @pytest.mark.usefixtures("eagerly")  # tracing takes longer than these few steps
    @pytest.mark.filterwarnings("ignore:Even though the `tf.config")  # that data are not read eagerly
    def test_training_is_the_same_twice_and_of_the_length_asked_for(self):
        rng = np.random.default_rng(0)
        images, labels = rng.random((50, 28, 28, 1)).astype(np.float32), rng.integers(0, 10, 50)
        models = []
        for _ in range(2):
            keras.utils.set_random_seed(3)
            models.append(train(build_student((1, 2)), images, labels, steps=7, seed=1, batch_size=16))
        assert int(models[0].optimizer.iterations.numpy()) == 7
        assert np.allclose(models[0](images), models[1](images), atol=1e-5)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: build_student((4,)), "filters: expected two"),
            (lambda: build_student((4, 0)), r"filters\[1\]: expected an integer of 1 or more, got 0"),
            (lambda: shifted_copies(np.zeros((3, 8, 8))), "images: expected rank 4"),
            (lambda: shifted_copies(np.zeros((3, 8, 8, 1)), 8), "reach: expected"),
            (lambda: shifted_copies(np.zeros((3, 8, 8, 1)), 1.5), "reach: expected"),
            (lambda: train(small_student(), np.zeros((4, 5)), [0, 1], steps=3), "labels: expected 4 rows"),
            (lambda: train(small_student(), np.zeros((4, 5)), [0] * 4, steps=0), "steps: expected"),
            (
                lambda: train(small_student(), np.zeros((4, 5)), [0] * 4, learning_rate=0),
                "learning_rate: expected",
            ),
            (lambda: train(small_student(), np.zeros((4, 5)), None), "targets: expected"),
            (lambda: train(small_student(), np.zeros((4, 5)), [7] * 4), "labels: expected 0 to 2"),
        ],
    )
    def test_bad_input(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()
