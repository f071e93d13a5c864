"""A network as a file for phones and other small machines."""

import contextlib
import io
import tempfile
from importlib.metadata import version
from pathlib import Path

import keras
import tensorflow as tf

from course_utils._files import replacing

__all__ = ["export"]


def export(model: keras.Model, path: Path | str) -> None:
    """Write a network as a LiteRT file (``.tflite``), which runs without Keras and TensorFlow.

    Parameters
    ----------
    model : keras.Model
        With one input of a fixed size, such as a detector or a segmenter.
    path : path
        Of the file to write, ending in ``.tflite``; replaced at once, never left half written.

    Raises
    ------
    ValueError
        For another ending, or a model whose input has no fixed size.
    RuntimeError
        If the installed versions of Keras and TensorFlow cannot convert the model; the message names them.

    Notes
    -----
    The file holds the raw network in 32 bits: it takes one image as (1, H, W, 3) float32 in [0, 1], fitted as
    :func:`course_utils.datasets.photographs.fit_photograph` does, and gives what ``model(image)`` gives. Of a
    detector these are logits and offsets for each anchor: what turns them into detections, ``model.decode``, a
    softmax and :func:`course_utils.detection.select`, stays with the caller, and so do the anchors.

    Run it with the package ``ai-edge-litert``; TensorFlow's own ``tf.lite.Interpreter`` still works and warns that
    it will go.
    """
    if Path(path).suffix != ".tflite":
        raise ValueError(f"path: expected a name that ends in .tflite, got {path}")
    shape = model.input_shape
    if not isinstance(shape, tuple) or None in shape[1:]:
        raise ValueError(f"model: expected one input of a fixed size, got {shape}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        signature = [tf.TensorSpec((1, *shape[1:]), tf.float32)]
        logger = tf.get_logger()
        level = logger.level
        logger.setLevel("ERROR")  # it would name the temporary folder
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # Keras 3.13 lists all weights there
                model.export(str(file), format="litert", verbose=False, input_signature=signature)
            content = file.read_bytes()
        except Exception as error:  # the converter has exceptions of its own
            versions = ", ".join(f"{name} {version(name)}" for name in ("keras", "tensorflow"))
            raise RuntimeError(f"model: cannot be converted to LiteRT by {versions}: {error}") from error
        finally:
            logger.setLevel(level)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
