"""Training: the same result twice, also after a stop; weights that are checked name by name.

Short trainings go step by step, since tracing a graph takes longer than they do. That a traced one resumes to the
same result too is in test_training_checkpoint.py.
"""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config

from course_utils._progress import ProgressBar
from course_utils.training import History, cosine_optimizer, load_weights, loop, save_weights, set_seed, train

STEPS = 24
SHORT = {"steps": 8, "every": 2}


def build(seed: int = 0, width: int = 4, name: str = "hidden") -> keras.Model:
    set_seed(seed)
    inputs = keras.Input((3,))
    x = keras.layers.Dense(width, name=name)(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    return keras.Model(inputs, keras.layers.Dense(1, name="out")(x))


def batches(start: int) -> tf.data.Dataset:
    x = np.random.default_rng(1).normal(size=(STEPS, 8, 3)).astype(np.float32)
    y = x.sum(axis=2, keepdims=True)
    return tf.data.Dataset.from_tensor_slices((x[start:], y[start:]))


def squared(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean((y_true - y_pred) ** 2, axis=-1)


def optimizer(steps: int = STEPS) -> keras.optimizers.Optimizer:
    return cosine_optimizer(steps, learning_rate=0.05)


def fitness(model: keras.Model) -> float:
    x = np.random.default_rng(2).normal(size=(50, 3)).astype(np.float32)
    return -float(np.mean((model(x).numpy()[:, 0] - x.sum(axis=1)) ** 2))


def run(
    checkpoint: Path | None = None,
    data: Callable[[int], tf.data.Dataset] = batches,
    *,
    steps: int = STEPS,
    every: int = 6,
) -> tuple:
    model = build()
    history = train(
        model,
        data,
        squared,
        optimizer(steps),
        steps,
        validate=fitness,
        validate_every=every,
        checkpoint=checkpoint,
        progress=False,
    )
    return model, history


@pytest.fixture(scope="module")
def whole() -> tuple[keras.Model, History]:
    return run()


def test_it_learns_and_repeats_itself(whole: tuple[keras.Model, History]) -> None:
    model, history = whole
    again, _ = run()
    assert history.steps == [6, 12, 18, 24]
    assert history.losses[-1] < 0.5 * history.losses[0]
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("eagerly")
def test_a_training_that_is_killed_again_and_again_ends_as_one_that_is_not(tmp_path: Path) -> None:
    """In the middle of an interval, at the end of one, one step later, and before the last step."""
    model, history = run(**SHORT)
    path = tmp_path / "checkpoint.npz"
    for killed_at in (3, 4, 5, 7):

        def dying(start: int, killed_at: int = killed_at) -> tf.data.Dataset:
            def generate():
                for index, batch in enumerate(batches(start), start=start):
                    if index == killed_at:
                        raise KeyboardInterrupt
                    yield batch

            class Dying:
                def take(self, _: int):
                    return generate()

            return Dying()

        with pytest.raises(KeyboardInterrupt):
            run(path, dying, **SHORT)
    resumed, second = run(path, **SHORT)
    for one, other in zip(model.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (second.steps, second.best_step) == (history.steps, history.best_step)
    np.testing.assert_allclose(second.losses, history.losses, rtol=1e-6)
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.usefixtures("eagerly")
def test_a_finished_training_is_not_run_again(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    model, history = run(path, **SHORT)
    again, second = run(path, lambda start: batches(start).take(0), **SHORT)
    assert second == history
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("eagerly")
def test_the_best_weights_are_kept() -> None:
    scores = iter([0.1, 0.9, 0.3, 0.2])
    kept: list[np.ndarray] = []

    def validate(model: keras.Model) -> float:
        kept.append(model.get_weights()[0])
        return next(scores)

    model = build()
    history = train(model, batches, squared, optimizer(), 8, validate=validate, validate_every=2, progress=False)
    assert history.best_step == 4
    np.testing.assert_array_equal(model.get_weights()[0], kept[1])


@pytest.mark.usefixtures("eagerly")
def test_without_validation_the_last_weights_stay() -> None:
    history = train(build(), batches, squared, optimizer(), 5, validate_every=2, progress=False)
    assert (history.steps, history.scores, history.best_step) == ([2, 4, 5], [], 0)


def test_the_bar_shows_loss_and_score(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProgressBar, "PATIENCE", -1)
    train(build(), batches, squared, optimizer(), STEPS, validate=lambda model: 0.5, validate_every=6)
    shown = capsys.readouterr().err
    assert f"20 of {STEPS}" in shown and "loss " in shown and "validation 0.500" in shown


def test_a_loss_that_is_not_finite_stops_the_training() -> None:
    with pytest.raises(ValueError, match="loss: not finite"):
        train(build(), batches, lambda y, p: squared(y, p) * np.nan, optimizer(), STEPS, progress=False)


@pytest.mark.usefixtures("eagerly")
def test_too_few_batches() -> None:
    with pytest.raises(ValueError, match="batches: expected 24 batches from step 0 on, got fewer"):
        train(build(), lambda start: batches(20), squared, optimizer(), STEPS, progress=False)


@pytest.mark.usefixtures("eagerly")
def test_a_checkpoint_of_another_model(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    run(path, steps=1)
    with pytest.raises(ValueError, match=r"checkpoint: .* belongs to another model"):
        train(build(width=5), batches, squared, optimizer(1), 1, checkpoint=path, progress=False)


@pytest.mark.usefixtures("eagerly")
def test_a_damaged_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    run(path, steps=1)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="damaged"):
        run(path, steps=1)


def test_weights_survive_as_float16(tmp_path: Path, whole: tuple[keras.Model, History]) -> None:
    model, _ = whole
    anchors = np.arange(8.0).reshape(2, 4)
    save_weights(model, tmp_path / "w.npz", anchors=anchors)
    other = load_weights(build(seed=1), tmp_path / "w.npz", anchors=anchors)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-3, atol=1e-7)
    with np.load(tmp_path / "w.npz", allow_pickle=False) as stored:
        assert stored["hidden/kernel"].dtype == np.float16


def test_weights_that_do_not_fit_change_nothing(tmp_path: Path) -> None:
    save_weights(build(), tmp_path / "w.npz", anchors=np.ones(3))
    model = build(seed=2)
    before = model.get_weights()
    cases = [
        (build(seed=2, name="other"), {"anchors": np.ones(3)}, "lacks .*other/bias.* has .*hidden/bias"),
        (build(seed=2, width=5), {"anchors": np.ones(3)}, r"hidden/\w+ of shape .*4.*, the model's is .*5"),
        (model, {"anchors": np.zeros(3)}, "saved with other anchors"),
        (model, {}, "extra/anchors"),
    ]
    for fitting, extra, message in cases:
        with pytest.raises(ValueError, match=message):
            load_weights(fitting, tmp_path / "w.npz", **extra)
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="damaged"):
        load_weights(model, tmp_path / "bad.npz")
    np.save(tmp_path / "bad.npy", np.ones(3))
    with pytest.raises(ValueError, match="damaged"):
        load_weights(model, tmp_path / "bad.npy")
    content = bytearray((tmp_path / "w.npz").read_bytes())
    for place in range(60, 100):  # inside the first compressed array
        content[place] ^= 255
    (tmp_path / "bad.npz").write_bytes(bytes(content))
    with pytest.raises(ValueError, match="damaged"):
        load_weights(model, tmp_path / "bad.npz", anchors=np.ones(3))
    strange = {variable.path: np.full(variable.shape, np.nan) for variable in model.weights}
    np.savez(tmp_path / "strange.npz", **strange)
    with pytest.raises(ValueError, match="something else than finite numbers"):
        load_weights(model, tmp_path / "strange.npz")
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_values_beyond_float16_are_refused(tmp_path: Path) -> None:
    model = build()
    model.get_layer("out").bias.assign([1e6])
    with pytest.raises(ValueError, match="model: weight out/bias holds a value that float16 cannot"):
        save_weights(model, tmp_path / "w.npz")
    assert not (tmp_path / "w.npz").exists()


def test_decay_spares_biases_and_normalisation() -> None:
    model = build()
    adam = optimizer()
    adam.build(model.trainable_variables)
    decayed = [v.path for v in model.trainable_variables if adam._use_weight_decay(v)]
    assert decayed == ["hidden/kernel", "out/kernel"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: set_seed(-1), "seed: expected an integer of 0 or more"),
        (lambda: cosine_optimizer(0), "steps: expected an integer of 1 or more"),
        (lambda: cosine_optimizer(10, learning_rate=0), "learning_rate: expected a finite number above 0"),
        (lambda: cosine_optimizer(10, clipnorm=float("nan")), "clipnorm: expected a finite number above 0"),
        (lambda: train(build(), batches, squared, optimizer(), 0), "steps: expected an integer of 1 or more"),
        (
            lambda: train(build(), batches, squared, optimizer(), 1, validate_every=0),
            "validate_every: expected an integer of 1 or more",
        ),
    ],
)
def test_bad_arguments(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_history_starts_empty() -> None:
    assert History() == History([], [], [], 0, 0.0)


def test_on_a_gpu_it_seeds_says_so_once_and_leaves_the_operations(monkeypatch, capsys):
    loop._say_that_a_gpu_differs.cache_clear()
    devices = {"GPU": [object()], "CPU": [object()]}
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind=None: devices[kind])
    config.disable_op_determinism()
    drawn = []
    for seed in (3, 3, 4):
        set_seed(seed)
        drawn.append((keras.random.normal((4,)).numpy().tolist(), np.random.random()))  # noqa: NPY002
    assert drawn[0] == drawn[1] != drawn[2]
    assert not config.is_op_determinism_enabled()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("set_seed: on a GPU")
    assert "CUDA_VISIBLE_DEVICES=-1" in line


def test_without_a_gpu_it_makes_operations_deterministic_and_says_nothing(capsys):
    config.disable_op_determinism()
    set_seed(0)
    assert config.is_op_determinism_enabled()
    assert capsys.readouterr().err == ""
