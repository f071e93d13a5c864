"""From photographs of any size to class probabilities of each of their pixels."""

from typing import Any, Literal, get_args

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from course_utils._arguments import as_count, require_kind
from course_utils.datasets.photographs import Photographs, as_photographs, fit_photograph, resized

__all__ = ["Output", "segment"]

Output = Literal["probabilities", "labels"]


def segment(
    model: keras.Model,
    images: Photographs,
    output: Output = "probabilities",
    mirrored: bool = False,
    batch_size: int = 50,
) -> list[npt.NDArray[Any]]:
    """Tell the class of every pixel of photographs.

    Parameters
    ----------
    model : keras.Model
        From :func:`build_fcn`.
    images : (H, W, 3) or (N, H, W, 3) array, or sequence of (H, W, 3) arrays of any sizes
        As :func:`course_utils.datasets.photographs.as_photographs` takes them, grey ones too:
        uint8, or floating point in [0, 1]. Each is scaled to fit the network's input and padded with grey, its
        shape kept; probabilities are scaled back bilinearly.
    output : "probabilities" or "labels"
    mirrored : bool
        Average with the prediction for the mirrored photograph.
    batch_size : int
        Photographs that go through the network at once.

    Returns
    -------
    list of arrays, one a photograph
        Probabilities (H, W, K) float32 that sum to 1, or label maps (H, W) uint8.

    Raises
    ------
    ValueError
        For photographs of another shape or type, or values outside [0, 1].

    Examples
    --------
    >>> from course_utils.segmentation import build_fcn
    >>> (labels,) = segment(build_fcn(), np.zeros((60, 90, 3), np.uint8), output="labels")
    >>> labels.shape, labels.dtype
    ((60, 90), dtype('uint8'))
    """
    require_kind(output, get_args(Output), name="output")
    height, width = model.input_shape[1:3]
    photographs = as_photographs(images)
    found: list[npt.NDArray[Any]] = []
    for start in range(0, len(photographs), as_count("batch_size", batch_size)):
        group = photographs[start : start + batch_size]
        fitted, factors = zip(*(fit_photograph(p, height, width) for p in group), strict=True)
        batch = tf.convert_to_tensor(np.stack(fitted))
        probabilities = model(batch, training=False)
        if mirrored:
            turned = model(batch[:, :, ::-1], training=False)[:, :, ::-1]
            probabilities = (probabilities + turned) / 2
        for photograph, factor, values in zip(group, factors, probabilities.numpy(), strict=True):
            size = photograph.shape[:2]
            inner = resized(size, factor)
            own = values[: inner[0], : inner[1]]
            if inner != size:
                own = tf.image.resize(own, size).numpy()
            found.append(own.argmax(axis=-1).astype(np.uint8) if output == "labels" else own)
    return found
