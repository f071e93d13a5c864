"""LiteRT files: what they answer, decoded, is what `detect` answers."""

import sys
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.backbones import residual_backbone
from course_utils.data import data_path
from course_utils.datasets import render_dataset
from course_utils.datasets.photographs import fit_photograph
from course_utils.detection import build_ssd, detect, select
from course_utils.segmentation import build_fcn
from course_utils.softmax import softmax
from course_utils.training import export, load_weights, set_seed

IMAGES = render_dataset(10, seed=3).images


def runner(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it will be another package's
        interpreter = tf.lite.Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    given, found = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def run(image: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given["index"], image[np.newaxis])
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(found["index"])[0])

    return run


@pytest.mark.integration
def test_a_detector_finds_the_same_in_ten_photographs(tmp_path: Path) -> None:
    model = build_ssd()
    load_weights(model, data_path("weights/ssd.npz"), anchors=model.anchors)
    assert export(model, tmp_path / "a.tflite") is None
    run = runner(tmp_path / "a.tflite")
    photographs = [*IMAGES[:9], IMAGES[9].repeat(2, axis=0)]  # one that is padded
    objects = 0
    for photograph, expected in zip(photographs, detect(model, photographs), strict=True):
        fitted, factor = fit_photograph(photograph, *model.image_shape)
        raw = run(fitted)
        logits, offsets = np.split(raw, [model.n_classes], axis=-1)
        found = select(model.decode(offsets) / factor, softmax(logits), *photograph.shape[:2])
        np.testing.assert_array_equal(found.class_ids, expected.class_ids)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
        np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-2)
        objects += int((found.scores > 0.5).sum())
    assert objects >= 10


@pytest.mark.integration
def test_a_segmenter_gives_the_same_probabilities(tmp_path: Path) -> None:
    """Untrained: a few layers of each kind do for that, and the network's weights would need all of it."""
    set_seed(0)
    shape = (48, 64, 3)
    model = build_fcn(shape, backbone=residual_backbone(shape, (8, 16, 16), (1, 1)), channels=8)
    export(model, tmp_path / "a.tflite")
    image = np.random.default_rng(0).random(shape, np.float32)
    assert np.ptp(model(image[np.newaxis])[0], axis=(0, 1)).min() > 0.1
    np.testing.assert_allclose(runner(tmp_path / "a.tflite")(image), model(image[np.newaxis])[0], atol=1e-4)


def small(size: int | None = 4) -> keras.Model:
    inputs = keras.Input((size, 4, 3))
    return keras.Model(inputs, keras.layers.Conv2D(2, 1)(inputs))


def test_a_file_is_replaced_as_a_whole_and_nothing_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(b"before")

    def broken(self: Any, *_: Any, **__: Any) -> None:
        raise AttributeError("module 'tensorflow' has no attribute 'lite'")

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "export", broken)
        with pytest.raises(
            RuntimeError, match=r"model: cannot be converted to LiteRT by keras \d.*tensorflow \d.*lite"
        ):
            export(small(), path)
    assert path.read_bytes() == b"before"
    export(small(), path)
    assert len(path.read_bytes()) > 500 and [file.name for file in tmp_path.iterdir()] == ["a.tflite"]
    assert capsys.readouterr().out == "" and sys.stdout is not None


@pytest.mark.parametrize(
    ("model", "name", "message"),
    [
        (small(), "a.keras", "path: expected a name that ends in .tflite, got .*a.keras"),
        (small(None), "a.tflite", r"model: expected one input of a fixed size, got \(None, None, 4, 3\)"),
        (
            keras.Model([a := keras.Input((2,)), b := keras.Input((2,))], keras.layers.Add()([a, b])),
            "a.tflite",
            "one input",
        ),
    ],
)
def test_what_cannot_be_exported(tmp_path: Path, model: keras.Model, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        export(model, tmp_path / name)
    assert not list(tmp_path.iterdir())
