"""A checkpoint belongs to its recipe: what is refused, what is not, and that nothing is lost on the way.

Where a training is only to run on, it goes step by step: tracing it takes most of the time.
"""

import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.training import History, cosine_optimizer, image_order, set_seed, train
from course_utils.training.fingerprint import describe_batch, describe_recipe, same_batch

STEPS = 12
RECIPE = {"loss": "squared", "images": (100, 1)}
Weights = list[np.ndarray]


def build(seed: int = 0, activation: str = "relu", rate: float = 0.5) -> keras.Model:
    """Names that Keras makes up, random numbers, and statistics."""
    set_seed(seed)
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(6, activation), keras.layers.Dropout(rate)])
    inputs = keras.Input((6,))
    x = keras.layers.BatchNormalization()(inner(inputs))
    return keras.Model(inputs, keras.layers.Dense(1)(x + inputs))


def batches(noise: float = 0.0, size: int = 8, seed: int = 0, cut: int | None = None) -> Callable[[int], Any]:
    x = np.random.default_rng(1).normal(size=(100, 6)).astype(np.float32)
    order = image_order(100, STEPS if cut is None else cut, size, seed)
    y = (x.sum(axis=1, keepdims=True) + noise).astype(np.float32)
    return lambda start: tf.data.Dataset.from_tensor_slices((x[order[start:]], y[order[start:]]))


def squared(y_true: Any, y_pred: Any) -> tf.Tensor:
    return tf.reduce_mean((y_true - y_pred) ** 2, axis=-1)


def fitness(model: keras.Model) -> float:
    return -float(np.abs(model.get_weights()[0]).mean())


def run(checkpoint: Path | None = None, **changed: Any) -> tuple[Weights, History]:
    settings: dict[str, Any] = {
        "model": None,
        "batches": batches(),
        "optimizer": None,
        "steps": STEPS,
        "validate": fitness,
        "validate_every": 3,
        "recipe": RECIPE,
    } | changed
    model = settings.pop("model") or build()
    optimizer = settings.pop("optimizer") or cosine_optimizer(settings["steps"], learning_rate=0.02)
    history = train(model, loss=squared, optimizer=optimizer, checkpoint=checkpoint, progress=False, **settings)
    return model.get_weights(), history


def stop_after(step: int, checkpoint: Path, **changed: Any) -> None:
    """Train as `run` does, and end in the batches."""

    def ending(start: int) -> tf.data.Dataset:
        return batches()(start).take(step - start)

    with pytest.raises(ValueError, match="got fewer"):
        run(checkpoint, batches=ending, **changed)


def assert_equal(one: Weights, other: Weights) -> None:
    for mine, its in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.fixture(scope="module")
def whole() -> tuple[Weights, History]:
    return run()


@pytest.fixture(scope="module")
def halfway(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The checkpoint of step 6 of 12."""
    path = tmp_path_factory.mktemp("halfway") / "checkpoint.npz"
    stop_after(7, path)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, halfway: bytes) -> Path:
    file = tmp_path / "checkpoint.npz"
    file.write_bytes(halfway)
    return file


def test_dropout_goes_on_with_the_numbers_it_would_have_had(path: Path, whole: tuple[Weights, History]) -> None:
    weights, history = run(path)
    assert_equal(weights, whole[0])
    assert (history.steps, history.scores, history.best_step) == (
        whole[1].steps,
        whole[1].scores,
        whole[1].best_step,
    )


@pytest.mark.usefixtures("eagerly")
def test_without_validation_the_last_weights_stay_after_a_stop_too(tmp_path: Path) -> None:
    last, history = run(validate=None)
    path = tmp_path / "checkpoint.npz"
    stop_after(7, path)
    resumed, second = run(path, validate=None)
    assert_equal(resumed, last)
    assert (second.steps, second.scores, second.best_step) == (history.steps, [], 0)
    # And a training that is finished gives them too.
    finished = tmp_path / "finished.npz"
    best, _ = run(finished)
    assert_equal(run(finished, validate=None)[0], last)
    assert_equal(run(finished)[0], best)


def sgd() -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(0.02)


CHANGES: list[tuple[str, Callable[[], dict[str, Any]], str]] = [
    ("seed", lambda: {"model": build(seed=1)}, r"another seed \(0 there, 1 here\)"),
    ("activation", lambda: {"model": build(activation="tanh")}, r"another model \(.*'relu' there, 'tanh' here"),
    ("dropout", lambda: {"model": build(rate=0.2)}, r"another model \(.*rate: 0\.5 there, 0\.2 here"),
    ("rate", lambda: {"optimizer": cosine_optimizer(STEPS, 0.03)}, "another optimizer .*0.02 there, 0.03 here"),
    ("decay", lambda: {"optimizer": cosine_optimizer(STEPS, 0.02, 0.1)}, "weight_decay: 0.0001 there, 0.1 here"),
    ("norm", lambda: {"optimizer": cosine_optimizer(STEPS, 0.02, clipnorm=1.0)}, "clipnorm: 5.0 there, 1.0 here"),
    ("kind", lambda: {"optimizer": sgd()}, "another optimizer .*class: 'AdamW' there, 'SGD' here"),
    ("data", lambda: {"batches": batches(noise=0.1)}, r"other batches \(from step 0 on\)"),
    ("order", lambda: {"batches": batches(seed=1)}, "other batches"),
    ("batch", lambda: {"batches": batches(size=4)}, "other batches"),
    ("steps", lambda: {"steps": 24, "batches": batches(cut=24)}, "another number of steps .12 there, 24 here"),
    ("fewer", lambda: {"steps": 3}, "another number of steps .12 there, 3 here"),
    ("interval", lambda: {"validate_every": 4}, "another interval of validation .3 there, 4 here"),
    ("loss", lambda: {"recipe": RECIPE | {"loss": "absolute"}}, "recipe .loss: 'squared' there, 'absolute' here"),
    ("no recipe", lambda: {"recipe": None}, "another recipe .*loss: 'squared' there, nothing here"),
    ("more", lambda: {"recipe": RECIPE | {"flip": True}}, "another recipe .flip: nothing there, True here"),
]


@pytest.mark.parametrize(("change", "message"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_checkpoint_of_another_recipe_is_refused(path: Path, change: Any, message: str) -> None:
    before = path.read_bytes()
    settings = {"model": build(), **change()}
    untouched = settings["model"].get_weights()
    with pytest.raises(ValueError, match=message) as caught:
        run(path, **settings)
    assert str(path) in str(caught.value)
    assert "delete the file or name another one" in str(caught.value)
    assert_equal(settings["model"].get_weights(), untouched)
    assert path.read_bytes() == before


@pytest.mark.usefixtures("eagerly")
def test_validation_that_begins_halfway_is_refused(tmp_path: Path) -> None:
    stop_after(7, tmp_path / "c.npz", validate=None)
    with pytest.raises(ValueError, match=r"another interval of validation \(None there, 3 here\)"):
        run(tmp_path / "c.npz")


@pytest.mark.usefixtures("eagerly")
def test_names_that_keras_makes_up_do_not_count_and_chosen_ones_do(path: Path) -> None:
    for _ in range(3):
        build()  # Keras goes on counting
    run(path)
    model = build()
    renamed = keras.Model(model.inputs, model.outputs, name="chosen")
    run(path, model=renamed)  # the name of the whole model says nothing about the training

    def named(name: str) -> keras.Model:
        set_seed(0)
        return keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, name=name)])

    run(path.with_name("named.npz"), model=named("one"))
    with pytest.raises(ValueError, match=r"another model \(.*'one' there, 'two' here"):
        run(path.with_name("named.npz"), model=named("two"))


@pytest.mark.usefixtures("eagerly")
def test_models_that_do_not_describe_themselves_are_told_apart(tmp_path: Path) -> None:
    class Own(keras.Model):
        def __init__(self, units: int, activation: Any = None) -> None:
            super().__init__()
            self.hidden = keras.layers.Dense(units, activation=activation)
            self.out = keras.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.out(self.hidden(inputs))

    def made(*arguments: Any) -> keras.Model:
        set_seed(0)
        model = Own(*arguments)
        model(np.zeros((1, 6), np.float32))
        return model

    file = tmp_path / "c.npz"
    weights, _ = run(file, model=made(4))
    assert_equal(run(file, model=made(4))[0], weights)
    for other in (made(5), made(4, "relu")):
        with pytest.raises(ValueError, match="another model"):
            run(file, model=other)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")  # that data are not read eagerly
def test_last_bits_of_the_batches_do_not_count(path: Path) -> None:
    def elsewhere(start: int) -> tf.data.Dataset:
        return batches()(start).map(lambda x, y: (x * (1 + 1e-7), y))

    run(path, batches=elsewhere)


def test_labels_and_text_are_compared_exactly() -> None:
    labels = np.zeros((8, 96, 128), np.uint8)
    other = labels.copy()
    other[3, 50, 60] = 1
    assert same_batch(describe_batch(labels), describe_batch(labels.copy()))
    assert not same_batch(describe_batch(labels), describe_batch(other))
    assert not same_batch(describe_batch(labels), describe_batch(labels.astype(np.int32)))
    assert not same_batch(describe_batch(tf.constant(["a", "b"])), describe_batch(tf.constant(["b", "a"])))
    images = np.random.default_rng(0).random((8, 96, 128, 3), np.float32)
    dark = images.copy()
    dark[3, 50, 60, 1] = 0
    assert not same_batch(describe_batch(images), describe_batch(dark))
    assert not same_batch(describe_batch(images), describe_batch(images[::-1]))


def test_a_recipe_is_the_same_in_the_next_process() -> None:
    recipe = {
        "loss": squared,
        "weights": np.float32([1, 2]),
        "folder": Path("a") / "b",
        "seeds": range(2).__reduce__()[1],
        "rate": np.float64(0.5),
        "nested": {"x": [1, None, True, "text"]},
    }
    assert describe_recipe(recipe) == {
        "loss": f"{__name__}.squared",
        "weights": {"shape": [2], "dtype": "float32", "checksum": zlib.crc32(b"\0\0\x80\x3f\0\0\0\x40")},
        "folder": str(Path("a") / "b"),
        "seeds": [0, 2, 1],
        "rate": 0.5,
        "nested": {"x": [1, None, True, "text"]},
    }


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"loss": lambda y, p: 0}, r"recipe\['loss'\]: expected numbers, text"),
        ({"a": {"b": [1, object()]}}, r"recipe\['a'\]\['b'\]\[1\]: expected numbers"),
        ({"a": 1j}, r"recipe\['a'\]: expected numbers.*got 1j"),
        ({1: "a"}, "recipe: expected a mapping from names"),
        ([("loss", "focal")], "recipe: expected a mapping from names"),
    ],
)
def test_what_a_recipe_cannot_hold_is_named_with_and_without_a_file(
    recipe: Any, message: str, tmp_path: Path
) -> None:
    for checkpoint in (None, tmp_path / "c.npz"):
        with pytest.raises(ValueError, match=message):
            run(checkpoint, recipe=recipe)


def tampered(path: Path, **arrays: Any) -> None:
    """The file with other arrays; None takes one out."""
    with np.load(path) as archive:
        stored = dict(archive)
    for name, array in arrays.items():
        if array is None:
            del stored[name]
        else:
            stored[name] = np.asarray(array(stored[name]) if callable(array) else array)
    np.savez_compressed(path, **stored)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"step": None}, "lacks 'step'"),
        ({"fingerprint": None}, "lacks 'fingerprint'"),
        ({"batches": None}, "lacks 'batches'"),
        ({"scores": None}, "lacks 'scores'"),
        ({"fingerprint": "{"}, "fingerprint that cannot be read"),
        ({"fingerprint": "[]"}, "fingerprint that no checkpoint has"),
        ({"step": 13}, "holds step 13, expected 1 to 12"),
        ({"step": 0}, "holds step 0, expected 1 to 12"),
        ({"step": 3}, r"holds steps \[3, 6\], expected increasing numbers up to 3"),
        ({"step": 6.0}, r"holds step shape \(\), dtype float64"),
        ({"step": [6]}, r"holds step shape \(1,\)"),
        ({"steps": [6, 3]}, r"holds steps \[6, 3\]"),
        ({"losses": [1.0]}, r"holds losses \[1\.0\], expected 2 numbers"),
        ({"losses": [np.nan, 1.0]}, r"holds losses \[nan, 1\.0\], expected finite numbers"),
        ({"scores": [1.0]}, r"holds scores \[1\.0\], expected none, or 2"),
        ({"best_step": 5}, "holds best_step 5, expected [36]"),
        ({"seconds": -1.0}, "holds seconds -1.0"),
        ({"model/0": lambda w: w * np.nan}, "something else than finite numbers"),
        ({"best/1": lambda w: w + np.inf}, "something else than finite numbers"),
        ({"optimizer/3": lambda w: w * np.nan}, "something else than finite numbers"),
        ({"model/0": lambda w: w.astype(int)}, "model/0 .* int64, expected dtype float32"),
        ({"model/0": lambda w: w.astype(np.float64)}, "model/0 .* float64, expected dtype float32"),
        ({"model/0": lambda w: w[:2]}, r"of shape \(2, 6\), the model's is \(6, 6\)"),
        ({"model/0": None}, "of model/…, expected"),
        ({"best/0": None}, "of best/…, expected"),
        ({"random/0": None}, "of random/…, expected 1"),
        ({"random/0": lambda s: s[:1]}, r"random/0 .* \(1,\), expected shape \(2,\)"),
        ({"model/99": np.ones(1)}, "of model/…, expected"),
        ({"foreign": np.ones(1)}, "holds .'foreign'., which no checkpoint has"),
    ],
)
def test_missing_and_impossible_fields_are_named(path: Path, arrays: dict[str, Any], message: str) -> None:
    tampered(path, **arrays)
    model = build()
    before = model.get_weights()
    told = rf"checkpoint: .*checkpoint\.npz .*{message}.*; .*delete the file"
    with pytest.raises(ValueError, match=told):
        run(path, model=model)
    assert_equal(model.get_weights(), before)


def test_a_file_beyond_the_last_step_does_not_train_for_ever(path: Path) -> None:
    tampered(path, step=15, steps=[3, 15])
    with pytest.raises(ValueError, match="holds step 15, expected 1 to 12"):
        run(path, batches=lambda start: batches()(0).repeat())


def test_a_file_that_cannot_be_written_shows_before_the_first_step(tmp_path: Path) -> None:
    def never(start: int) -> tf.data.Dataset:
        raise AssertionError("trained")

    (tmp_path / "file").write_text("", encoding="utf-8")
    places = [tmp_path, tmp_path / "file" / "c.npz", tmp_path / ("x" * 300), tmp_path / "a\0b"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        places.append(tmp_path / "pipe")
    for place in places:
        with pytest.raises(ValueError, match=r"checkpoint: .* cannot be written"):
            run(place, batches=never)
    with pytest.raises(AssertionError, match="trained"):
        run(tmp_path / "new" / "c.npz", batches=never)
    assert not list((tmp_path / "new").iterdir())  # trying leaves nothing behind


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("score", [np.nan, np.inf, None, "high"])
def test_a_score_that_is_no_number_is_an_error(score: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"validate: expected a finite number, got .* at step 3"):
        run(tmp_path / "c.npz", validate=lambda model: score)
    assert not (tmp_path / "c.npz").exists()


@pytest.mark.usefixtures("eagerly")
def test_weights_that_are_not_finite_are_not_kept(tmp_path: Path) -> None:
    """The last step's loss is finite, what the step makes of the weights is not."""
    with pytest.raises(ValueError, match=r"model: weight .* is not finite after step 1"):
        run(tmp_path / "c.npz", steps=1, optimizer=keras.optimizers.SGD(1e38), validate=None)
    assert not (tmp_path / "c.npz").exists()
